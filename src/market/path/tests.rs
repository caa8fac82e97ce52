use super::*;
use crate::market::noise::Stream;

fn session() -> Session {
    let at = |text: &str| text.parse().unwrap();
    Session {
        date: "2024-08-05".parse().unwrap(),
        open: at("2024-08-05T13:30:00Z"),
        close: at("2024-08-05T20:00:00Z"),
        early_close: false,
        projected: false,
    }
}

fn noise() -> Noise {
    Noise::new(1, Stream::Second)
}

fn path() -> DayPath {
    let nodes = walk(Noise::new(1, Stream::Minute), node_count(&session()));
    DayPath::new(&session(), nodes.iter().map(|step| 5000.0 + step).collect(), noise())
}

#[test]
fn a_path_has_a_node_a_minute_and_one_at_the_close() {
    assert_eq!(node_count(&session()), 391);
    let half = Session { close: "2024-08-05T17:00:00Z".parse().unwrap(), ..session() };
    assert_eq!(node_count(&half), 211);
    let odd = Session { close: "2024-08-05T17:00:30Z".parse().unwrap(), ..session() };
    assert_eq!(node_count(&odd), 212);
}

#[test]
fn the_price_is_that_of_the_node_on_the_minute_and_stays_at_the_ends() {
    let path = path();
    let at = |seconds| path.at(session().open + TimeDelta::seconds(seconds));
    for minute in [0, 1, 200, 389] {
        let node = path.nodes[usize::try_from(minute).unwrap()];
        assert_eq!(at(minute * 60).to_bits(), node.to_bits(), "minute {minute}");
    }
    assert_eq!(at(-1).to_bits(), path.first().to_bits());
    assert_eq!(at(390 * 60).to_bits(), path.last().to_bits());
    assert_eq!(at(390 * 60 + 7).to_bits(), path.last().to_bits());
}

#[test]
fn seconds_agree_in_any_order_and_never_leave_the_range() {
    let (one, other) = (path(), path());
    let at = |path: &DayPath, second: i64| path.at(session().open + TimeDelta::seconds(second));
    let forward: Vec<u64> = (0..23_400).map(|s| at(&one, s).to_bits()).collect();
    let mut backward: Vec<u64> = (0..23_400).rev().map(|s| at(&other, s).to_bits()).collect();
    backward.reverse();
    assert_eq!(forward, backward);
    let moved = forward.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(moved > 20_000, "the price moves {moved} seconds of 23,400");
    for bits in forward {
        let value = f64::from_bits(bits);
        assert!((one.low..=one.high).contains(&value));
    }
}

#[test]
fn a_stretch_begins_ends_and_touches_its_extremes_wherever_they_are() {
    let cases = [
        (100.0, 103.0, 98.0, 101.0),
        (100.0, 100.0, 95.0, 96.0),   // opens at the high
        (100.0, 104.0, 100.0, 104.0), // a straight rise
        (100.0, 100.0, 100.0, 100.0), // nothing happens
    ];
    for (open, high, low, close) in cases {
        for seed in 0..50 {
            let stretch = Stretch { from: 0, to: 390, open, high, low, close };
            let steps = walk(Noise::new(seed, Stream::Minute), 391);
            let mut nodes = vec![0.0; 391];
            let noise = Noise::new(seed, Stream::Extreme);
            fill(&mut nodes, &stretch, None, noise, |i| steps[i] / 5.0);
            let top = nodes.iter().copied().fold(f64::MIN, f64::max);
            let bottom = nodes.iter().copied().fold(f64::MAX, f64::min);
            let told = (nodes[0], top, bottom, nodes[390]);
            assert_eq!(told, (open, high, low, close), "seed {seed}");
        }
    }
}

#[test]
fn wanted_places_of_the_extremes_are_kept() {
    let stretch = Stretch { from: 0, to: 390, open: 20.0, high: 30.0, low: 18.0, close: 25.0 };
    let mut nodes = vec![0.0; 391];
    fill(&mut nodes, &stretch, Some((100, 300)), noise(), |_| 0.0);
    assert_eq!((nodes[100], nodes[300]), (30.0, 18.0));
}

#[test]
fn folding_reflects_at_both_ends_any_number_of_times() {
    let cases = [(5.0, 5.0), (11.0, 9.0), (-1.0, 1.0), (21.0, 1.0), (-11.0, 9.0), (1e9, 0.0)];
    for (value, folded) in cases {
        assert!((fold(value, 0.0, 10.0) - folded).abs() < 1e-6, "{value}");
    }
    assert!((fold(7.0, 3.0, 3.0) - 3.0).abs() < 1e-12);
}

#[test]
fn a_refined_walk_meets_both_ends() {
    for length in [1_u64, 60, 61_200] {
        let at = |offset| refine(noise(), length, offset, (1.0, 9.0), 2.0);
        assert_eq!((at(0), at(length)), (1.0, 9.0), "length {length}");
    }
}
