//! What the tests of this strategy stand on: a Friday and its figures.

use chrono::NaiveDate;

use crate::{calendar::Session, clock::Timestamp, config::Rulebook};

/// The rulebook's own figures.
pub(crate) fn rulebook() -> Rulebook {
    Rulebook::embedded()
}

/// Friday 2 August 2024, a whole session in summer time.
pub(crate) fn friday() -> Session {
    Session {
        date: NaiveDate::from_ymd_opt(2024, 8, 2).unwrap(),
        open: "2024-08-02T13:30:00Z".parse().unwrap(),
        close: "2024-08-02T20:00:00Z".parse().unwrap(),
        early_close: false,
        projected: false,
    }
}

/// Friday 28 November 2025, the day after Thanksgiving: closes at 13:00 New York.
pub(crate) fn early_friday() -> Session {
    Session {
        date: NaiveDate::from_ymd_opt(2025, 11, 28).unwrap(),
        open: "2025-11-28T14:30:00Z".parse().unwrap(),
        close: "2025-11-28T18:00:00Z".parse().unwrap(),
        early_close: true,
        projected: false,
    }
}

/// A New York wall time of [`friday`].
pub(crate) fn at(clock: &str) -> Timestamp {
    format!("2024-08-02T{clock}-04:00").parse().unwrap()
}
