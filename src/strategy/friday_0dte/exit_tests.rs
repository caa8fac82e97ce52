//! Exits and marks, clause by clause of rulebook §4 common and §4.1.

use rust_decimal::{Decimal, dec};

use super::{ExitMemory, Managed, Watched, fixture::*, manage, stop_loss, times, urgency};
use crate::{
    account::{ExitReason, NetPrice, Position},
    calendar::Session,
    clock::Timestamp,
    config::Rulebook,
    market::OptionQuote,
    strategy::{closing::Scope, ladder::Urgency, manage::ExitAction, mark::Mark},
};

/// An ES condor sold for 6.00, and the quotes it is watched by.
struct World {
    rulebook: Rulebook,
    session: Session,
    position: Position,
    quotes: Vec<OptionQuote>,
    memory: ExitMemory,
}

impl World {
    fn new() -> Self {
        let candidate = candidate();
        let (rulebook, session) = (rulebook(), friday());
        let mut world = Self {
            position: position(&candidate, dec!(6)),
            quotes: candidate.quotes,
            rulebook,
            session,
            memory: ExitMemory::default(),
        };
        world.costs(dec!(6));
        world
    }

    /// Quotes such that the condor costs `cost` at mid: shorts 0.10 wide, longs 0.50/0.60.
    fn costs(&mut self, cost: Decimal) -> &mut Self {
        let short = (cost + dec!(1.10)) / dec!(2);
        for (quote, mid) in self.quotes.iter_mut().zip([short, dec!(0.55), short, dec!(0.55)]) {
            (quote.bid, quote.ask) = (mid - dec!(0.05), mid + dec!(0.05));
            quote.delta = 0.15;
        }
        self
    }

    /// A round at a New York time on fresh quotes.
    fn round(&mut self, clock: &str) -> Managed {
        let now = at(clock);
        for quote in &mut self.quotes {
            quote.at = now;
        }
        self.round_as_is(now)
    }

    fn round_as_is(&mut self, now: Timestamp) -> Managed {
        let watched = Watched {
            rulebook: &self.rulebook,
            session: &self.session,
            position: &self.position,
            quotes: &self.quotes,
            underlying: None,
            vix: None,
            tick: dec!(0.05),
            now,
        };
        let managed = manage(&watched, &self.memory);
        self.memory = managed.memory.clone();
        managed
    }
}

fn close(reason: ExitReason, scope: Scope, urgency: Urgency) -> ExitAction {
    ExitAction::Close { reason, scope, urgency }
}

const REST: ExitAction = ExitAction::RestProfit { limit: NetPrice(dec!(-3.00)), scope: Scope::All };
const STOP: ExitAction =
    ExitAction::Close { reason: ExitReason::Stop, scope: Scope::All, urgency: Urgency::Whole };

#[test]
fn the_profit_order_rests_until_something_closes_the_position() {
    let mut world = World::new();
    for clock in ["10:31:00", "12:00:00", "14:29:59"] {
        assert_eq!(world.round(clock).actions, [REST], "{clock}");
    }
    world.position.credit = dec!(6.35); // half is 3.175: 3.15 still takes at least half
    let limit = NetPrice(dec!(-3.15));
    assert_eq!(
        world.round("14:29:59").actions,
        [ExitAction::RestProfit { limit, scope: Scope::All }]
    );
}

#[test]
fn the_stop_is_a_loss_in_credits_and_tighter_for_rich_credit() {
    let rules = rulebook().friday_0dte;
    let cases = [
        (dec!(6), Some(dec!(30)), dec!(12)),
        (dec!(7.50), Some(dec!(30)), dec!(15)), // a quarter of the width exactly is not rich
        (dec!(7.55), Some(dec!(30)), dec!(7.55)),
        (dec!(0.75), Some(dec!(3)), dec!(1.50)),
        (dec!(0.76), Some(dec!(3)), dec!(0.76)),
        (dec!(20), None, dec!(40)), // no width to be rich against
    ];
    for (credit, width, loss) in cases {
        assert_eq!(stop_loss(&rules, credit, width), loss, "credit {credit} of {width:?}");
    }
}

#[test]
fn a_stop_needs_two_usable_observations_in_a_row_at_three_credits() {
    let mut world = World::new();
    assert_eq!(world.costs(dec!(17.95)).round("11:00:00").actions, [REST]);
    assert_eq!(world.round("11:00:10").actions, [REST], "a loss of 11.95 is no stop");
    assert_eq!(world.costs(dec!(18)).round("11:00:20").actions, [REST], "one observation");
    assert_eq!(world.round("11:00:20").actions, [REST], "the same instant is no second one");
    assert_eq!(world.round("11:00:30").actions, [STOP]);
    // Once begun it goes on, also when the mark recovers.
    assert_eq!(world.costs(dec!(5)).round("11:00:40").actions, [STOP]);
}

#[test]
fn a_recovered_or_an_unusable_observation_breaks_the_row() {
    let mut world = World::new();
    world.costs(dec!(18)).round("11:00:00");
    world.costs(dec!(17)).round("11:00:10");
    assert_eq!(world.costs(dec!(18)).round("11:00:20").actions, [REST]);
    world.quotes[0].bid -= dec!(8);
    assert_eq!(world.round("11:00:30").mark, Mark::Wide);
    assert_eq!(world.costs(dec!(18)).round("11:00:40").actions, [REST]);
    assert_eq!(world.round("11:00:50").actions, [STOP]);
}

#[test]
fn only_fair_quotes_of_regular_hours_make_a_mark() {
    type Change = fn(&mut World);
    let usable = Mark::Usable { cost: dec!(6) };
    let cases: [(&str, Change, Mark); 14] = [
        ("09:29:59", |_| (), Mark::OutsideHours),
        ("09:30:00", |_| (), Mark::Blind),
        ("09:44:59.999", |_| (), Mark::Blind),
        ("09:45:00", |_| (), usable),
        ("15:59:59", |_| (), usable),
        ("16:00:00", |_| (), Mark::OutsideHours),
        ("12:00:00", |w| drop(w.quotes.pop()), Mark::Missing),
        ("12:00:00", |w| w.quotes[1].ask = dec!(0), Mark::Broken),
        ("12:00:00", |w| w.quotes[1].bid = dec!(2), Mark::Broken),
        // Mid 3.55: a quarter is 0.8875.
        ("12:00:00", |w| spread(w, 0, dec!(3.55), dec!(0.8874)), usable),
        ("12:00:00", |w| spread(w, 0, dec!(3.55), dec!(0.8876)), Mark::Wide),
        // Mid 0.55: five ticks are more than a quarter.
        ("12:00:00", |w| spread(w, 1, dec!(0.55), dec!(0.25)), usable),
        ("12:00:00", |w| spread(w, 1, dec!(0.55), dec!(0.26)), Mark::Wide),
        ("12:00:00", |w| w.quotes[3].delta = f64::NAN, usable),
    ];
    for (clock, change, wanted) in cases {
        let mut world = World::new();
        change(&mut world);
        assert_eq!(world.round(clock).mark, wanted, "{clock}");
    }
    let mut world = World::new();
    world.round("12:00:00");
    assert_eq!(world.round_as_is(at("12:01:00")).mark, usable, "60 s old");
    assert_eq!(world.round_as_is(at("12:01:00.001")).mark, Mark::Stale);
}

fn spread(world: &mut World, leg: usize, mid: Decimal, wide: Decimal) {
    let quote = &mut world.quotes[leg];
    (quote.bid, quote.ask) = (mid - wide / dec!(2), mid + wide / dec!(2));
}

#[test]
fn two_minutes_without_a_mark_alert_once_until_the_next_mark() {
    let mut world = World::new();
    world.round("11:00:00");
    world.quotes[0].ask = dec!(0);
    let alert = |seconds| ExitAction::AlertNoMark { seconds };
    assert_eq!(world.round("11:01:59").actions, [REST]);
    assert_eq!(world.round("11:02:00").actions, [REST, alert(120)]);
    assert_eq!(world.round("11:05:00").actions, [REST]);
    world.costs(dec!(6)).round("11:06:00");
    world.quotes[0].ask = dec!(0);
    assert_eq!(world.round("11:08:00").actions, [REST, alert(120)]);
    // A position that never had a mark counts from its first fill.
    let mut fresh = World::new();
    fresh.quotes.clear();
    assert_eq!(fresh.round("10:32:09").actions, [REST]);
    assert_eq!(fresh.round("10:32:10").actions, [REST, alert(120)]);
    // Nor does the night count, nor the blind minutes.
    let mut held = World::new();
    held.position.opened_at = at("10:30:00") - chrono::TimeDelta::days(1);
    held.quotes.clear();
    assert_eq!(held.round("09:46:59").actions, [REST]);
    assert_eq!(held.round("09:47:00").actions, [REST, alert(120)]);
}

#[test]
fn the_evaluation_closes_in_profit_or_under_threat_and_otherwise_leaves_it() {
    let evaluated = close(ExitReason::Evaluation, Scope::All, Urgency::Whole);
    let cases = [
        ("14:29:59", dec!(4.50), 0.15, REST),
        ("14:30:00", dec!(4.50), 0.15, evaluated), // profit of 25 % exactly
        ("14:30:00", dec!(4.55), 0.15, REST),
        ("14:30:00", dec!(6.00), 0.30, evaluated),
        ("14:30:00", dec!(6.00), 0.2999, REST),
        ("14:30:00", dec!(6.00), -0.30, evaluated),
    ];
    for (clock, cost, delta, wanted) in cases {
        let mut world = World::new();
        world.costs(cost);
        world.quotes[0].delta = delta;
        world.quotes[1].delta = 0.9; // a long's delta threatens nobody
        assert_eq!(world.round(clock).actions, [wanted], "{clock} {cost} {delta}");
    }
}

#[test]
fn the_evaluation_is_made_once_at_the_first_usable_mark() {
    let mut world = World::new();
    assert_eq!(world.costs(dec!(5)).round("14:30:00").actions, [REST]);
    assert_eq!(world.costs(dec!(4)).round("14:31:00").actions, [REST], "evaluated already");
    let mut late = World::new();
    late.round("14:29:50");
    late.costs(dec!(4)).quotes[1].ask = dec!(0);
    assert_eq!(late.round("14:30:00").actions, [REST], "no mark yet");
    let evaluated = close(ExitReason::Evaluation, Scope::All, Urgency::Whole);
    assert_eq!(late.costs(dec!(4)).round("14:30:10").actions, [evaluated]);
    // Deltas are judged without a mark.
    let mut threatened = World::new();
    threatened.round("14:29:50");
    threatened.quotes[1].ask = dec!(0);
    threatened.quotes[2].delta = 0.35;
    assert_eq!(threatened.round("14:30:00").actions, [evaluated]);
}

#[test]
fn the_time_exit_grows_harder_with_each_clock() {
    let mut world = World::new();
    let timed = |urgency| close(ExitReason::TimeExit, Scope::All, urgency);
    let cases = [
        ("14:49:59", vec![REST]),
        ("14:50:00", vec![timed(Urgency::ToNatural)]),
        ("14:59:59", vec![timed(Urgency::ToNatural)]),
        ("15:00:00", vec![timed(Urgency::AtNatural)]),
        ("15:10:00", vec![timed(Urgency::AtNatural)]),
        ("15:14:59", vec![timed(Urgency::AtNatural)]),
        ("15:15:00", vec![timed(Urgency::Beyond(0))]),
        ("15:16:00", vec![timed(Urgency::Beyond(60))]),
        ("15:29:59", vec![timed(Urgency::Beyond(899))]),
        ("15:30:00", vec![timed(Urgency::Beyond(900)), ExitAction::AlertNotFlat]),
        ("15:30:59", vec![timed(Urgency::Beyond(959))]),
        ("15:31:00", vec![timed(Urgency::Beyond(960)), ExitAction::AlertNotFlat]),
    ];
    for (clock, wanted) in cases {
        assert_eq!(world.round(clock).actions, wanted, "{clock}");
    }
}

#[test]
fn a_time_exit_does_not_wait_for_quotes() {
    let mut world = World::new();
    world.quotes.clear();
    let actions = world.round("14:50:00").actions;
    assert_eq!(actions[0], close(ExitReason::TimeExit, Scope::All, Urgency::ToNatural));
}

#[test]
fn from_ten_past_three_the_shorts_go_alone_when_a_long_has_no_bid() {
    let mut world = World::new();
    world.quotes[1].bid = dec!(0);
    let scope = |actions: &[ExitAction]| match actions[0] {
        ExitAction::Close { scope, .. } => scope,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(scope(&world.round("15:09:59").actions), Scope::All);
    assert_eq!(scope(&world.round("15:10:00").actions), Scope::ShortsOnly);
    world.quotes[1].bid = dec!(0.05);
    assert_eq!(scope(&world.round("15:10:10").actions), Scope::All);
    // Once the shorts are gone, longs nobody bids for are left behind, without an alarm.
    world.position.legs[0].quantity = 0;
    world.position.legs[2].quantity = 0;
    (world.quotes[1].bid, world.quotes[3].bid) = (dec!(0), dec!(0));
    assert_eq!(world.round("15:31:00").actions, []);
    // A long that has a bid is sold.
    world.quotes[3].bid = dec!(0.05);
    assert_eq!(world.round("15:32:00").actions.len(), 2);
}

#[test]
fn an_early_close_is_flat_by_noon() {
    let mut world = World::new();
    world.session = early_friday();
    let now = |clock: &str| format!("2025-11-28T{clock}-05:00").parse::<Timestamp>().unwrap();
    world.position.opened_at = now("10:30:10");
    let mut round = |clock: &str| {
        world.quotes.iter_mut().for_each(|quote| quote.at = now(clock));
        world.round_as_is(now(clock)).actions
    };
    let timed = |urgency| close(ExitReason::TimeExit, Scope::All, urgency);
    assert_eq!(round("11:49:59"), [REST]);
    assert_eq!(round("11:50:00"), [timed(Urgency::ToNatural)]);
    assert_eq!(round("11:52:30"), [timed(Urgency::AtNatural)]);
    assert_eq!(round("11:56:15"), [timed(Urgency::Beyond(0))]);
    assert_eq!(round("12:00:00"), [timed(Urgency::Beyond(225)), ExitAction::AlertNotFlat]);
}

#[test]
fn a_stop_late_in_the_day_walks_the_whole_ladder_at_once() {
    let times = times(&rulebook(), &friday());
    for clock in ["11:00:00", "15:05:00", "15:20:00"] {
        assert_eq!(urgency(&times, ExitReason::Stop, at(clock)), Urgency::Whole, "{clock}");
    }
}

#[test]
fn a_closed_position_asks_for_nothing() {
    let mut world = World::new();
    world.position.legs.iter_mut().for_each(|leg| leg.quantity = 0);
    assert_eq!(world.round("15:45:00").actions, []);
}

#[test]
fn memory_survives_the_store() {
    let mut world = World::new();
    world.costs(dec!(18)).round("11:00:00");
    let text = serde_json::to_string(&world.memory).unwrap();
    assert_eq!(serde_json::from_str::<ExitMemory>(&text).unwrap(), world.memory);
    assert_eq!(world.memory.stop_observations, 1);
}
