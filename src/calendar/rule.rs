//! What an exchange's rules say of one day, before any override.

use std::ops::RangeInclusive;

use chrono::{NaiveDate, NaiveTime};

use super::{Exchange, cboe, cme, xnys};

/// What an exchange does on a weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayRule {
    /// No session, and why.
    Closed(&'static str),
    /// The regular hours.
    Regular,
    /// The regular open and an early close, and why.
    Early(NaiveTime, &'static str),
}

/// A time of day written in code.
pub(super) fn hm(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day written in code is one")
}

/// The regular hours of an exchange, New York time.
pub(super) struct Hours {
    pub(super) open: NaiveTime,
    /// The open is on the calendar evening before the session's date.
    pub(super) evening_before: bool,
    pub(super) close: NaiveTime,
}

impl Exchange {
    /// The years whose sessions are known.
    pub fn years(self) -> RangeInclusive<i32> {
        match self {
            Self::Xnys => 1990..=2035,
            Self::CboeIndexOptions | Self::CmeEquity | Self::CmeGrains | Self::CmeMeats => {
                2005..=2035
            }
        }
    }

    pub(super) fn hours(self) -> Hours {
        match self {
            Self::Xnys => Hours { open: hm(9, 30), evening_before: false, close: hm(16, 0) },
            Self::CboeIndexOptions => {
                Hours { open: hm(9, 30), evening_before: false, close: hm(16, 15) }
            }
            Self::CmeEquity => Hours { open: hm(18, 0), evening_before: true, close: hm(17, 0) },
            Self::CmeGrains => Hours { open: hm(9, 30), evening_before: false, close: hm(14, 20) },
            Self::CmeMeats => Hours { open: hm(9, 30), evening_before: false, close: hm(14, 5) },
        }
    }

    pub(super) fn rule(self, date: NaiveDate) -> DayRule {
        match self {
            // Grains and meats close at 13:00 on the stock market's half days: CME's notices give
            // 12:05 and 12:15 in Chicago, public calendars (`pandas_market_calendars` 5.5.0) 12:00
            // and 12:05, and none on the eve of Independence Day; the earliest is safe.
            Self::Xnys | Self::CmeGrains | Self::CmeMeats => xnys::rule(date),
            Self::CboeIndexOptions => cboe::rule(date),
            Self::CmeEquity => cme::rule(date),
        }
    }
}
