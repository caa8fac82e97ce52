//! The clocks of a Friday, with an early close's shift (rulebook §4 common, §4.1).

use chrono::{NaiveTime, TimeDelta};

use crate::{
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, rulebook::Friday0dteRules},
    strategy::rule::instant,
};

/// Every clock of one Friday, as instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZdteTimes {
    /// Entry, never earlier.
    pub entry: Timestamp,
    /// Last entry; itself still allowed.
    pub last_entry: Timestamp,
    /// Closed when in profit enough or a short's delta is too high.
    pub evaluation: Timestamp,
    /// The exit ladder starts.
    pub exit: Timestamp,
    /// At natural.
    pub natural: Timestamp,
    /// Shorts alone if a long has no bid.
    pub shorts_alone: Timestamp,
    /// Up to the width.
    pub width: Timestamp,
    /// CRITICAL every minute from here until flat: on an early close, the flat-by bound.
    pub critical: Timestamp,
}

/// The clocks of a session.
///
/// An early close moves each to min(its time, close − offset). The rulebook gives offsets for
/// entry, evaluation, the exit ladder and flat; flat is the bound past which CRITICAL repeats, and
/// the three steps between the exit ladder and it keep their share of the way: 14:50, 15:00, 15:10,
/// 15:15, 15:30 become 11:50, 11:52:30, 11:55, 11:56:15, 12:00 at a 13:00 close. The entry window
/// keeps its length.
pub fn times(rulebook: &Rulebook, session: &Session) -> ZdteTimes {
    let rules = &rulebook.friday_0dte;
    let at = |time| instant(session, time);
    let regular = ZdteTimes {
        entry: at(rules.entry_at),
        last_entry: at(rules.last_entry_at),
        evaluation: at(rules.evaluation_at),
        exit: at(rules.exit_at),
        natural: at(rules.natural_at),
        shorts_alone: at(rules.shorts_alone_at),
        width: at(rules.width_at),
        critical: at(rules.critical_at),
    };
    if session.early_close { shifted(rulebook, session, &regular) } else { regular }
}

fn shifted(rulebook: &Rulebook, session: &Session, regular: &ZdteTimes) -> ZdteTimes {
    let early = &rulebook.common.early_close;
    let rules = &rulebook.friday_0dte;
    let before = |minutes: u32| session.close - TimeDelta::minutes(i64::from(minutes));
    let entry = regular.entry.min(before(early.entry_minutes_before));
    let exit = regular.exit.min(before(early.exit_minutes_before));
    let critical = regular.critical.min(before(early.flat_minutes_before)).max(exit);
    let step = |time| exit + share_of_way(rules, time, critical - exit);
    ZdteTimes {
        entry,
        last_entry: entry + (regular.last_entry - regular.entry),
        evaluation: regular.evaluation.min(before(early.evaluation_minutes_before)),
        exit,
        natural: step(rules.natural_at),
        shorts_alone: step(rules.shorts_alone_at),
        width: step(rules.width_at),
        critical,
    }
}

/// How far `time` lies on the way from the exit ladder to CRITICAL, on a way of another length.
fn share_of_way(rules: &Friday0dteRules, time: NaiveTime, way: TimeDelta) -> TimeDelta {
    let whole = (rules.critical_at - rules.exit_at).num_seconds().max(1);
    let part = (time - rules.exit_at).num_seconds().clamp(0, whole);
    TimeDelta::seconds(way.num_seconds() * part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::friday_0dte::fixture::{at, early_friday, friday, rulebook};

    #[test]
    fn a_regular_friday_keeps_the_rulebooks_clocks() {
        let times = times(&rulebook(), &friday());
        let expected = ZdteTimes {
            entry: at("10:30:00"),
            last_entry: at("10:45:00"),
            evaluation: at("14:30:00"),
            exit: at("14:50:00"),
            natural: at("15:00:00"),
            shorts_alone: at("15:10:00"),
            width: at("15:15:00"),
            critical: at("15:30:00"),
        };
        assert_eq!(times, expected);
    }

    #[test]
    fn friday_after_thanksgiving_is_flat_by_noon() {
        let times = times(&rulebook(), &early_friday());
        // 28 November 2025 closes at 13:00 New York, 18:00 UTC.
        let utc = |text: &str| format!("2025-11-28T{text}Z").parse::<Timestamp>().unwrap();
        let expected = ZdteTimes {
            entry: utc("15:30:00"),
            last_entry: utc("15:45:00"),
            evaluation: utc("16:30:00"),
            exit: utc("16:50:00"),
            natural: utc("16:52:30"),
            shorts_alone: utc("16:55:00"),
            width: utc("16:56:15"),
            critical: utc("17:00:00"),
        };
        assert_eq!(times, expected);
    }

    #[test]
    fn winter_and_summer_time_give_the_same_new_york_clock() {
        let mut winter = friday();
        winter.date = chrono::NaiveDate::from_ymd_opt(2024, 12, 6).unwrap();
        assert_eq!(
            times(&rulebook(), &winter).entry,
            "2024-12-06T15:30:00Z".parse::<Timestamp>().unwrap()
        );
        assert_eq!(
            times(&rulebook(), &friday()).entry,
            "2024-08-02T14:30:00Z".parse::<Timestamp>().unwrap()
        );
    }
}
