//! Each breaker at its bound and just beside it, its end, a step of the clock; rulebook §6.

use chrono::TimeDelta;
use rust_decimal::{Decimal, dec};

use super::*;
use crate::{calendar::Calendar, calendar::Exchange, money::Usd};

fn at(clock: &str) -> Timestamp {
    format!("2024-08-02T{clock}-04:00").parse().unwrap()
}

fn seen(now: Timestamp) -> Observation {
    let calendar = Calendar::default();
    let date = crate::calendar::new_york_date(now);
    Observation {
        now,
        session: calendar.session(Exchange::Xnys, date),
        next_open: calendar.next_session(Exchange::Xnys, date).map(|session| session.open),
        reconciled: true,
        ..Observation::default()
    }
}

/// Breakers with what they remember and the holds they set.
#[derive(Default)]
struct Desk {
    state: State,
    holds: Vec<Hold>,
    told: Vec<String>,
}

impl Desk {
    fn look(&mut self, mut seen: Observation) -> Vec<&'static str> {
        seen.holds.clone_from(&self.holds);
        let steps = look(&Rulebook::embedded(), &mut self.state, &seen);
        // As a restart would have it.
        let row = serde_json::to_string(&self.state).unwrap();
        self.state = serde_json::from_str(&row).unwrap();
        steps.into_iter().map(|step| self.take(step)).collect()
    }

    fn take(&mut self, step: Step) -> &'static str {
        match step {
            Step::Set { hold, critical } => {
                self.told.extend(critical);
                self.holds.retain(|other| other.name != hold.name);
                let level = hold.level.name();
                self.holds.push(hold);
                level
            }
            Step::End { name, .. } => {
                self.holds.retain(|hold| hold.name != name);
                "ended"
            }
            Step::Tell { text, .. } => {
                self.told.push(text);
                "told"
            }
        }
    }

    fn resume(&mut self, now: Timestamp) {
        let (ended, kept) = self.holds.drain(..).partition(|hold| hold.until.is_none());
        self.holds = kept;
        let ended: Vec<Hold> = ended;
        resumed(&mut self.state, &ended, now);
    }

    fn worth(&mut self, now: Timestamp, net: Decimal) -> Vec<&'static str> {
        self.worth_with(now, net, dec!(0))
    }

    fn worth_with(&mut self, now: Timestamp, net: Decimal, moved: Decimal) -> Vec<&'static str> {
        let worth = Worth::Usable { net: Usd(net), transfers: Usd(moved) };
        self.look(Observation { worth, ..seen(now) })
    }

    fn until(&self, name: &str) -> Option<Timestamp> {
        self.holds.iter().find(|hold| hold.name == name).unwrap().until
    }
}

const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// Two observations of 100,000 on the day before, then two of `net`.
fn fallen(net: Decimal) -> (Desk, Vec<&'static str>) {
    let mut desk = Desk::default();
    let eve = at("12:00:00") - TimeDelta::days(1);
    desk.worth(eve, dec!(100_000));
    desk.worth(eve + MINUTE, dec!(100_000));
    assert_eq!(desk.worth(at("10:00:00"), net), [""; 0], "one observation trips nothing");
    let steps = desk.worth(at("10:01:00"), net);
    // The day's loss has tests of its own.
    desk.holds.retain(|hold| hold.name != day_loss::NAME);
    (desk, steps)
}

#[test]
fn each_rung_of_the_drawdown_trips_at_its_bound_and_not_a_cent_before() {
    let day = "REDUCING"; // more than 5 % in one day
    let cases: [(Decimal, &[&str]); 8] = [
        (dec!(93_000.01), &[day]),
        (dec!(93_000.00), &["told", day]),
        (dec!(90_000.01), &["told", day]),
        (dec!(90_000.00), &["told", "told", day]),
        (dec!(85_000.01), &["told", "told", day]),
        (dec!(85_000.00), &["told", "told", "REDUCING", day]),
        (dec!(80_000.01), &["told", "told", "REDUCING", day]),
        (dec!(80_000.00), &["told", "told", "REDUCING", "FLATTENING", day]),
    ];
    for (net, wanted) in cases {
        let (desk, steps) = fallen(net);
        assert_eq!(steps, wanted, "{net}");
        assert_eq!(desk.state.drawdown.halved, net <= dec!(90_000), "{net}");
    }
}

#[test]
fn half_size_ends_above_minus_eight_percent_and_a_rung_is_told_once() {
    let (mut desk, _) = fallen(dec!(90_000));
    for (minute, net, halved) in [
        (2, dec!(92_000), true),    // the worse of two rules
        (3, dec!(92_000), true),    // exactly -8 %
        (4, dec!(92_000.01), true), // one observation
        (5, dec!(92_000.01), false),
        (6, dec!(90_000.01), false),
        (7, dec!(90_000.01), false),
    ] {
        let steps = desk.worth(at("10:00:00") + MINUTE * minute, net);
        assert_eq!(desk.state.drawdown.halved, halved, "{minute}: {net}");
        assert_eq!(steps, [""; 0], "{minute}: {net}");
    }
}

#[test]
fn flatten_needs_two_marks_a_minute_apart_in_its_window() {
    let cases = [
        ("09:44:59", "09:45:59", "FLATTENING"), // the second mark decides
        ("10:00:00", "10:00:59", ""),
        ("10:00:00", "10:01:00", "FLATTENING"),
        ("15:44:00", "15:45:00", "FLATTENING"),
        ("15:44:01", "15:45:01", "HALTED"),
        ("16:15:00", "16:16:00", "HALTED"), // a flat account after the close
    ];
    for (first, second, wanted) in cases {
        let mut desk = Desk::default();
        let eve = at("12:00:00") - TimeDelta::days(1);
        desk.worth(eve, dec!(100_000));
        desk.worth(at(first), dec!(79_999));
        let steps = desk.worth(at(second), dec!(79_999));
        let held = desk.holds.iter().find(|hold| hold.name == drawdown::NAME);
        let found = held.filter(|hold| hold.level > Level::Reducing);
        assert_eq!(
            found.map_or("", |hold| hold.level.name()),
            wanted,
            "{first} {second} {steps:?}"
        );
        assert_eq!(desk.state.drawdown.queued, wanted == "HALTED", "{first} {second}");
    }
}

#[test]
fn a_queued_flatten_runs_at_the_start_of_the_next_window() {
    let mut desk = Desk::default();
    desk.worth(at("15:00:00"), dec!(100_000));
    desk.worth(at("15:50:00"), dec!(79_000));
    assert!(desk.worth(at("15:51:00"), dec!(79_000)).contains(&"HALTED"));
    let monday: Timestamp = "2024-08-05T09:44:59-04:00".parse().unwrap();
    assert_eq!(desk.look(seen(monday)), [""; 0]);
    assert_eq!(desk.look(seen(monday + TimeDelta::seconds(1))), ["FLATTENING"]);
    assert_eq!(desk.look(seen(monday + MINUTE)), [""; 0], "once");
}

#[test]
fn after_a_resume_flatten_measures_anew_and_reducing_keeps_its_peak() {
    let (mut desk, _) = fallen(dec!(80_000));
    assert_eq!(desk.state.drawdown.locked_until, Some(at("10:01:00") + TimeDelta::days(14)));
    desk.resume(at("10:10:00"));
    for minute in 11..14 {
        assert_eq!(desk.worth(at("10:00:00") + MINUTE * minute, dec!(80_000)), [""; 0]);
    }
    assert_eq!(desk.state.drawdown.percent, Some(dec!(0)));
    let (mut desk, _) = fallen(dec!(84_000));
    desk.resume(at("10:10:00"));
    for minute in 11..14 {
        assert_eq!(desk.worth(at("10:00:00") + MINUTE * minute, dec!(84_000)), [""; 0]);
    }
    assert!(desk.state.drawdown.halved);
    // A point above the bound it is armed again.
    desk.worth(at("10:20:00"), dec!(86_001));
    desk.worth(at("10:21:00"), dec!(86_001));
    desk.worth(at("10:22:00"), dec!(85_000));
    assert_eq!(desk.worth(at("10:23:00"), dec!(85_000)), ["REDUCING"]);
}

/// Oracle: domain/reference.md §6: 100,000 to 104,000, 20,000 paid in, 121,000: the index stands
/// at 104/100 × 121/124, so its fall from the peak is 1 − 121/124.
#[test]
fn money_paid_in_or_out_is_no_gain_and_no_loss() {
    let mut desk = Desk::default();
    for (minute, net) in [(0, dec!(100_000)), (1, dec!(104_000)), (2, dec!(104_000))] {
        desk.worth(at("10:00:00") + MINUTE * minute, net);
    }
    for (minute, net) in [(3, dec!(124_000)), (4, dec!(121_000)), (5, dec!(121_000))] {
        desk.worth_with(at("10:00:00") + MINUTE * minute, net, dec!(20_000));
    }
    let fall = desk.state.drawdown.percent.unwrap();
    let wanted = dec!(100) * (dec!(1) - dec!(121) / dec!(124));
    assert!((fall - wanted).abs() < dec!(0.0000001), "{fall} {wanted}");
    assert_eq!(desk.state.day_loss.percent.unwrap(), dec!(-1_000) / dec!(120_000) * dec!(100));
    // Half of it paid out again is no drawdown either.
    for minute in 6..8 {
        let now = at("10:00:00") + MINUTE * minute;
        assert_eq!(desk.worth_with(now, dec!(60_500), dec!(-40_500)), [""; 0]);
    }
    assert!((desk.state.drawdown.percent.unwrap() - wanted).abs() < dec!(0.0000001));
}

#[test]
fn an_unusable_mark_breaks_the_row_and_one_wild_mark_moves_neither_peak_nor_fall() {
    let mut desk = Desk::default();
    let good = dec!(100_000);
    for (minute, net) in
        [(0, good), (1, good), (2, dec!(200_000)), (3, good), (4, dec!(10_000)), (5, good)]
    {
        assert_eq!(desk.worth(at("10:00:00") + MINUTE * minute, net), [""; 0]);
    }
    assert_eq!(desk.state.drawdown.peak_usd, Some(Usd(good)));
    desk.worth(at("10:10:00"), dec!(70_000));
    desk.look(Observation { worth: Worth::Unusable, ..seen(at("10:11:00")) });
    assert_eq!(desk.worth(at("10:12:00"), dec!(70_000)), [""; 0]);
    assert!(desk.worth(at("10:13:00"), dec!(70_000)).contains(&"FLATTENING"));
}

#[test]
fn a_clock_put_back_begins_the_gap_anew_and_a_clock_put_on_needs_a_second_mark() {
    let mut desk = Desk::default();
    desk.worth(at("12:00:00"), dec!(100_000));
    desk.worth(at("12:10:00"), dec!(70_000));
    desk.worth(at("11:00:00"), dec!(70_000));
    assert_eq!(desk.state.drawdown.beyond_since, Some(at("11:00:00")));
    assert!(desk.worth(at("11:00:59"), dec!(70_000)).is_empty());
    assert!(desk.worth(at("11:01:00"), dec!(70_000)).contains(&"FLATTENING"));
    let mut desk = Desk::default();
    desk.worth(at("10:00:00"), dec!(100_000));
    assert!(desk.worth(at("15:00:00"), dec!(70_000)).is_empty());
}

#[test]
fn the_days_loss_trips_beyond_its_bound_until_the_next_session() {
    for (net, wanted) in [(dec!(95_000.00), false), (dec!(94_999.99), true)] {
        let (desk, steps) = fallen(net);
        assert_eq!(steps, if wanted { vec!["REDUCING"] } else { vec![] }, "{net}");
        assert_eq!(desk.state.day_loss.tripped, wanted);
    }
    let mut desk = Desk::default();
    desk.worth(at("10:00:00"), dec!(100_000));
    desk.worth(at("10:01:00"), dec!(94_000));
    assert_eq!(desk.worth(at("10:02:00"), dec!(94_000)), ["REDUCING"]);
    let monday: Timestamp = "2024-08-05T09:30:00-04:00".parse().unwrap();
    assert_eq!(desk.until(day_loss::NAME), Some(monday));
    desk.holds.clear();
    // The next day begins with what the last one ended with.
    for minute in 15..18 {
        assert_eq!(desk.worth(monday + MINUTE * minute, dec!(94_000)), [""; 0]);
    }
    assert_eq!(desk.state.day_loss.percent, Some(dec!(0)));
}

#[test]
fn the_days_loss_is_of_the_stages_capital_where_that_is_less() {
    let mut desk = Desk::default();
    let mut look = |now, net: Decimal| {
        let worth = Worth::Usable { net: Usd(net), transfers: Usd::ZERO };
        desk.look(Observation { worth, stage_capital: Some(Usd(dec!(10_000))), ..seen(now) })
    };
    look(at("10:00:00"), dec!(50_000));
    look(at("10:01:00"), dec!(49_500));
    assert_eq!(look(at("10:02:00"), dec!(49_500)), [""; 0], "5 % exactly");
    look(at("10:03:00"), dec!(49_499.99));
    assert_eq!(look(at("10:04:00"), dec!(49_499.99)), ["REDUCING"]);
}

fn trades(ends: &str, now: Timestamp) -> Vec<TradeEnd> {
    // s a stop, w a win, l another loss; the newest first, a day apart.
    let one = |(days, end): (usize, char)| TradeEnd {
        at: now - TimeDelta::days(i64::try_from(days).unwrap()),
        zero_dte: true,
        stopped: end == 's',
        won: end == 'w',
    };
    ends.chars().enumerate().map(one).collect()
}

#[test]
fn three_stops_in_a_row_or_a_poor_rate_of_wins_stop_entries_until_resumed() {
    let (twelve, eleven) = ("w".repeat(12), "w".repeat(11));
    let cases = [
        ("ssw", false),
        ("sss", true),
        ("wsss", false),
        (&*format!("{twelve}{}", "l".repeat(8)), false), // 60 %
        (&*format!("{eleven}{}", "l".repeat(9)), true),  // 55 %
        (&*format!("{eleven}{}", "l".repeat(8)), false), // nineteen trades
        (&*format!("{twelve}{}", "l".repeat(80)), false), // only the last twenty
    ];
    for (ends, wanted) in cases {
        let now = at("15:00:00");
        let mut desk = Desk::default();
        let seen = Observation { trades: Some(trades(ends, now)), ..seen(now) };
        assert_eq!(!desk.look(seen.clone()).is_empty(), wanted, "{ends}");
        assert!(desk.look(seen.clone()).is_empty(), "{ends}: once");
        if wanted {
            assert_eq!(desk.until(streak::NAME), None);
            desk.resume(now);
            assert!(desk.look(seen).is_empty(), "{ends}: old trades do not trip it again");
        }
    }
}

fn vix(level: Decimal, close: Decimal, at: Timestamp) -> VixQuote {
    VixQuote { level, previous_close: Some(close), at }
}

#[test]
fn a_vix_spike_trips_on_two_prints_a_minute_apart_for_48_hours() {
    let cases = [
        (dec!(39.99), dec!(30), 60, false),
        (dec!(40.00), dec!(30), 60, true), // ten points
        (dec!(40.00), dec!(30), 59, false),
        (dec!(17.99), dec!(12), 60, false),
        (dec!(18.00), dec!(12), 60, true), // 50 %
    ];
    for (level, close, gap, wanted) in cases {
        let mut desk = Desk::default();
        let (first, second) = (at("10:00:00"), at("10:00:00") + TimeDelta::seconds(gap));
        for now in [first, second] {
            desk.look(Observation { vix: Some(vix(level, close, now)), ..seen(now) });
        }
        assert_eq!(!desk.holds.is_empty(), wanted, "{level} {close} {gap}");
        if wanted {
            assert_eq!(desk.until(vix::NAME), Some(second + TimeDelta::hours(48)));
            let later = second + MINUTE;
            let seen = Observation { vix: Some(vix(level, close, later)), ..seen(later) };
            assert_eq!(desk.look(seen), [""; 0], "once a day");
        }
    }
}

#[test]
fn a_print_outside_hours_a_wild_open_and_one_print_seen_twice_trip_nothing() {
    let wild = dec!(65.73);
    let mut desk = Desk::default();
    for clock in ["08:00:00", "09:29:00", "09:31:00", "09:40:00", "09:44:59"] {
        desk.look(Observation { vix: Some(vix(wild, dec!(23.39), at(clock))), ..seen(at(clock)) });
    }
    for clock in ["09:45:00", "09:46:00", "09:50:00"] {
        desk.look(Observation {
            vix: Some(vix(dec!(30), dec!(23.39), at(clock))),
            ..seen(at(clock))
        });
    }
    assert!(desk.holds.is_empty());
    for clock in ["10:00:00", "10:05:00"] {
        desk.look(Observation {
            vix: Some(vix(wild, dec!(23.39), at("09:59:59"))),
            ..seen(at(clock))
        });
    }
    assert!(desk.holds.is_empty(), "one print");
    desk.look(Observation {
        vix: Some(vix(wild, dec!(23.39), at("10:06:00"))),
        ..seen(at("10:06:00"))
    });
    assert_eq!(desk.holds.len(), 1);
}

fn failing(calls: &mut Calls, from: Timestamp, seconds: i64) -> Timestamp {
    let mut now = from;
    for after in (0..=seconds).step_by(10).chain([seconds]) {
        now = from + TimeDelta::seconds(after);
        calls.failed(now);
    }
    now
}

#[test]
fn failing_calls_stop_entries_after_five_minutes_and_everything_after_thirty() {
    let cases =
        [(300, None), (301, Some("REDUCING")), (1800, Some("REDUCING")), (1801, Some("HALTED"))];
    for (seconds, wanted) in cases {
        let (mut desk, mut calls) = (Desk::default(), Calls::default());
        let now = failing(&mut calls, at("10:00:00"), seconds);
        let steps = desk.look(Observation { calls, legs: "-1 ES".into(), ..seen(now) });
        assert_eq!(steps.first().copied(), wanted, "{seconds}");
        assert_eq!(desk.told.len(), usize::from(seconds > 1800), "{:?}", desk.told);
        if seconds > 1800 {
            assert!(desk.told[0].contains("telephone") && desk.told[0].contains("-1 ES"));
            desk.resume(now);
            let calls = {
                calls.failed(now + MINUTE);
                calls
            };
            assert!(desk.look(Observation { calls, ..seen(now + MINUTE) }).is_empty());
        }
    }
}

#[test]
fn ten_clean_minutes_end_it_after_a_clean_reconciliation_and_one_answer_does_not() {
    let (mut desk, mut calls) = (Desk::default(), Calls::default());
    let now = failing(&mut calls, at("10:00:00"), 301);
    desk.look(Observation { calls, ..seen(now) });
    assert!(ends_by_condition(&desk.holds[0]));
    calls.answered(now + TimeDelta::seconds(1));
    calls.failed(now + TimeDelta::seconds(2));
    assert!(calls.outage() > TimeDelta::seconds(301), "an answer between is no recovery");
    let failed = now + TimeDelta::seconds(2);
    for (after, reconciled, wanted) in [(599, true, false), (600, false, false), (600, true, true)]
    {
        let now = failed + TimeDelta::seconds(after);
        calls.answered(now);
        let steps = desk.look(Observation { calls, reconciled, ..seen(now) });
        assert_eq!(steps == ["ended"], wanted, "{after} {reconciled}");
    }
    // A clock put back behind the failure forgives nothing it should not, and hangs nothing.
    let mut calls = Calls::default();
    calls.failed(at("12:00:00"));
    calls.failed(at("11:00:00"));
    assert_eq!(calls.outage(), TimeDelta::zero());
}

#[test]
fn a_silent_feed_stops_entries_while_something_is_sold_and_ends_when_it_is_back() {
    let now = at("11:00:00");
    let feed =
        |silent, short| Some(FeedLook { short, oldest: Some(now - TimeDelta::seconds(silent)) });
    for (silent, short, wanted) in [(120, true, false), (121, true, true), (121, false, false)] {
        let mut desk = Desk::default();
        let steps = desk.look(Observation { feed: feed(silent, short), ..seen(now) });
        assert_eq!(!steps.is_empty(), wanted, "{silent} {short}");
    }
    let mut desk = Desk::default();
    let gone = Some(FeedLook { short: true, oldest: None });
    desk.look(Observation { feed: feed(0, true), ..seen(now) });
    for (after, wanted) in [(120, 0), (121, 1), (150, 0)] {
        let now = now + TimeDelta::seconds(after);
        assert_eq!(desk.look(Observation { feed: gone, ..seen(now) }).len(), wanted, "{after}");
    }
    let back = now + TimeDelta::seconds(200);
    let heard = Some(FeedLook { short: true, oldest: Some(back) });
    let doubtful = Observation { feed: heard, reconciled: false, ..seen(back) };
    assert_eq!(desk.look(doubtful.clone()), [""; 0]);
    assert_eq!(desk.look(Observation { reconciled: true, ..doubtful }), ["ended"]);
    // Before the open, and from the night on, silence is no silence.
    let open = at("09:31:00");
    let old = Some(FeedLook { short: true, oldest: Some(at("08:00:00")) });
    assert!(Desk::default().look(Observation { feed: old, ..seen(open) }).is_empty());
}

#[test]
fn a_new_session_ends_no_hold_of_a_silent_feed_before_the_feed_is_heard() {
    let (now, soon) = (at("15:50:00"), at("09:31:00") + TimeDelta::days(3));
    let feed = |oldest| Some(FeedLook { short: true, oldest });
    let mut desk = Desk::default();
    let silent = Some(now - TimeDelta::seconds(200));
    assert_eq!(desk.look(Observation { feed: feed(silent), ..seen(now) }), ["REDUCING"]);
    for oldest in [None, Some(now)] {
        let steps = desk.look(Observation { feed: feed(oldest), ..seen(soon) });
        assert_eq!(steps, [""; 0], "{oldest:?}");
    }
    assert_eq!(desk.look(Observation { feed: feed(Some(soon)), ..seen(soon) }), ["ended"]);
}

/// Oracle: NYSE rule 7.12(a) (its text of 2013 as rule 80B): levels 1 and 2 halt for 15 minutes
/// when reached after 9:30 and up to and including 15:25, or 12:25 on a day that closes at 13:00;
/// each once a day; level 3 halts for the rest of the day at any time.
#[test]
fn the_exchanges_breakers_halt_as_the_exchange_does() {
    let day =
        |date: &str, clock: &str| -> Timestamp { format!("{date}T{clock}-05:00").parse().unwrap() };
    let (full, short) = ("2024-12-02", "2024-11-29");
    let cases = [
        (full, "10:00:00", dec!(93.01), None),
        (full, "10:00:00", dec!(93), Some("10:15:00")),
        (full, "09:30:10", dec!(93), Some("09:45:10")),
        (full, "15:25:00", dec!(93), Some("15:40:00")),
        (full, "15:25:01", dec!(93), None),
        (full, "15:25:01", dec!(87), None),
        (full, "11:00:00", dec!(87), Some("11:15:00")),
        (full, "15:30:00", dec!(80), Some("16:00:00")),
        (short, "12:25:00", dec!(93), Some("12:40:00")),
        (short, "12:25:01", dec!(93), None),
    ];
    for (date, clock, last, until) in cases {
        let (mut desk, now) = (Desk::default(), day(date, clock));
        let look = |desk: &mut Desk, now, last| {
            let index = IndexQuote { last, previous_close: dec!(100), at: now };
            desk.look(Observation { index: Some(index), ..seen(now) })
        };
        assert!(look(&mut desk, now, last).is_empty(), "one print halts nothing");
        look(&mut desk, now + TimeDelta::seconds(10), last);
        let found = desk.holds.first().map(|hold| hold.until.unwrap());
        assert_eq!(found, until.map(|clock| day(date, clock)), "{date} {clock} {last}");
        desk.holds.clear();
        for after in [20, 30] {
            look(&mut desk, now + TimeDelta::seconds(after), last);
        }
        assert!(desk.holds.is_empty(), "each level halts once a day");
    }
}

#[test]
fn a_breaker_near_its_bound_is_named_so() {
    let rules = Rulebook::embedded();
    let (desk, _) = fallen(dec!(94_400)); // 5.6 %: four fifths of 7 %
    let lines = line::lines(&rules, &desk.state, &desk.holds);
    let standing = |name: &str| lines.iter().find(|line| line.breaker == name).unwrap().standing;
    assert_eq!(standing("drawdown"), Standing::Near);
    assert_eq!(standing("stops"), Standing::Clear);
    assert_eq!(standing("win-rate"), Standing::Unknown);
    let (desk, _) = fallen(dec!(94_400.01));
    let lines = line::lines(&rules, &desk.state, &desk.holds);
    assert_eq!(lines[0].standing, Standing::Clear);
    let (desk, _) = fallen(dec!(80_000));
    let lines = line::lines(&rules, &desk.state, &desk.holds);
    assert_eq!(lines[0].standing, Standing::Tripped);
}

#[test]
fn more_than_three_positions_of_one_group_stop_entries_until_there_are_fewer() {
    let count = |positions| {
        let line = |group: &str, positions| crate::risk::groups::GroupCount {
            group: group.to_owned(),
            positions,
            zero_dte: 0,
            most: 2,
        };
        let groups = Some(vec![line("crude", 1), line("safe haven", positions)]);
        Observation { groups, ..seen(at("12:00:00")) }
    };
    let mut desk = Desk::default();
    assert!(desk.look(count(3)).is_empty());
    assert_eq!(desk.look(count(4)), ["REDUCING"]);
    assert_eq!(desk.holds[0].cause, "4 positions in safe haven > 3");
    assert!(ends_by_condition(&desk.holds[0]));
    let words = until_words(&desk.holds[0], |at| at.to_string());
    assert_eq!(words, "until the group has fewer positions");
    assert!(desk.look(count(5)).is_empty());
    assert!(desk.look(Observation { reconciled: false, ..count(3) }).is_empty());
    assert_eq!(desk.look(count(3)), ["ended"]);
    assert!(desk.look(Observation { groups: None, ..count(9) }).is_empty());
}
