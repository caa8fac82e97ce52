use chrono::NaiveDate;

use super::*;

fn frame(x: Unit, y: Unit) -> Frame {
    Frame {
        id: "chart".to_owned(),
        title: "Profit & loss".to_owned(),
        says: "From $0 to $10.".to_owned(),
        x,
        y,
        guides: Vec::new(),
        size: Size::Wide,
    }
}

fn series(name: &str, points: &[(f64, f64)]) -> Series {
    Series { name: name.to_owned(), points: points.to_vec() }
}

fn day(text: &str) -> f64 {
    day_number(text.parse::<NaiveDate>().unwrap())
}

#[test]
fn marks_are_round_and_inside_the_span() {
    for (from, to, room, wanted) in [
        (0.0, 10.0, 5, vec![0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (-7.3, 12.1, 5, vec![-5.0, 0.0, 5.0, 10.0]),
        (44_870.0, 46_210.0, 6, vec![45_000.0, 45_500.0, 46_000.0]),
        (1.0, 1.0, 5, vec![]),
        (0.0, f64::NAN, 5, vec![]),
        (0.0, f64::INFINITY, 5, vec![]),
        (0.0, 1.0, 0, vec![]),
    ] {
        assert_eq!(ticks(from, to, room), wanted, "{from} to {to}");
    }
}

#[test]
fn a_date_axis_marks_weeks_months_or_years_by_its_length() {
    let names = |from, to| -> Vec<String> {
        scale::date_ticks(day(from), day(to), 8).into_iter().map(|(_, name)| name).collect()
    };
    assert_eq!(names("2024-07-15", "2024-08-06"), ["15 Jul", "22 Jul", "29 Jul", "5 Aug"]);
    assert_eq!(names("2024-01-15", "2024-05-02"), ["Feb 2024", "Mar 2024", "Apr 2024", "May 2024"]);
    let years = ["2008", "2011", "2014", "2017", "2020", "2023", "2026"];
    assert_eq!(names("2005-01-10", "2026-05-29"), years);
}

#[test]
fn figures_read_as_their_unit_says() {
    for (unit, value, wanted) in [
        (Unit::Dollars, -1234.6, "-$1,235"),
        (Unit::Dollars, 12.0, "$12.00"),
        (Unit::Pounds, 1_234_567.0, "£1,234,567"),
        (Unit::Percent, -0.001, "0.00 %"),
        (Unit::Points, 5321.25, "5,321"),
    ] {
        assert_eq!(unit.exact(value), wanted);
    }
}

#[test]
fn what_is_not_finite_leaves_a_gap_and_no_text_of_it() {
    let points = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (3.0, f64::INFINITY), (4.0, 2.0)];
    let drawn = line(&frame(Unit::Points, Unit::Points), &[series("a", &points)]).0;
    assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    let (_, path) = drawn.split_once("class=\"line s0\" d=\"").unwrap();
    let path = path.split('"').next().unwrap();
    assert_eq!(path.matches('M').count(), 3, "three pieces: {path}");
}

#[test]
fn a_chart_without_a_point_says_so() {
    let frame = frame(Unit::Date, Unit::Dollars);
    for drawn in [
        line(&frame, &[]),
        line(&frame, &[series("a", &[(1.0, f64::NAN)])]),
        area(&frame, &series("a", &[]), 0.0),
        bars(&frame, &[]),
    ] {
        assert_eq!(drawn.0, "<p class=\"nothing\">Profit &amp; loss: nothing to draw.</p>");
    }
}

#[test]
fn twenty_years_of_days_stay_a_small_picture_that_keeps_its_extremes() {
    let points: Vec<(f64, f64)> = (0..5400)
        .map(|n| (f64::from(n), if n == 2711 { -900.0 } else { f64::from(n % 7) }))
        .collect();
    let drawn = line(&frame(Unit::Date, Unit::Dollars), &[series("a", &points)]).0;
    assert!(drawn.len() < 60_000, "{}", drawn.len());
    // The lowest point is drawn: it is alone at the foot of the canvas.
    let foot = drawn.split('L').filter(|place| {
        let y = place.split(' ').nth(1).and_then(|y| y.split('"').next());
        y.and_then(|y| y.parse::<f64>().ok()).is_some_and(|y| y > 220.0)
    });
    assert_eq!(foot.count(), 1);
}

#[test]
fn every_kind_is_drawn_the_same_each_time() {
    let mut framed = frame(Unit::Points, Unit::Dollars);
    framed.guides = vec![
        Guide::Down { at: 95.0, label: "short put 95".to_owned() },
        Guide::Across { at: 30.0, label: "cap".to_owned() },
        Guide::Across { at: 9000.0, label: "outside".to_owned() },
    ];
    let payoff = [(80.0, -70.0), (90.0, -70.0), (100.0, 30.0), (110.0, 30.0)];
    let lines = line(&framed, &[series("at expiry", &payoff), series("today", &payoff[1..])]);
    assert!(!lines.0.contains("outside"));
    insta::assert_snapshot!("line", lines.0.replace("><", ">\n<"));
    let filled = area(&framed, &series("at expiry", &payoff), 0.0);
    insta::assert_snapshot!("area", filled.0.replace("><", ">\n<"));
    let bar = |label: &str, value| Bar { label: label.to_owned(), value };
    let drawn = bars(&framed, &[bar("Jan", 12.5), bar("Feb", -40.0), bar("Mar", 0.0)]);
    insta::assert_snapshot!("bars", drawn.0.replace("><", ">\n<"));
}

#[test]
fn a_picture_of_its_own_carries_its_style_and_loads_nothing() {
    let drawn =
        line(&frame(Unit::Points, Unit::Dollars), &[series("a", &[(0.0, 1.0), (1.0, 2.0)])]);
    assert!(!drawn.0.contains("http"), "inside a page not even a name space");
    let alone = standalone(&drawn);
    assert!(alone.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\""));
    assert!(alone.ends_with("</svg>\n") && alone.contains("<style>"));
    for outside in ["href", "src=", "@import", "url(", "<script"] {
        assert!(!alone.contains(outside), "{outside}");
    }
}
