//! Exchange sessions: which days trade, from when to when.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The zone of the exchanges' clocks; every time of day in the rulebook is in it.
pub const NEW_YORK: chrono_tz::Tz = chrono_tz::America::New_York;

/// A calendar of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Exchange {
    /// New York Stock Exchange: the calendar of jobs, and of equity and ETF options.
    #[serde(rename = "XNYS")]
    Xnys,
    /// Cboe index options, regular hours.
    #[serde(rename = "CBOE")]
    CboeIndexOptions,
    /// CME equity-index futures and their options, Globex hours.
    #[serde(rename = "CME")]
    CmeEquity,
}

/// One session of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The trading date.
    pub date: NaiveDate,
    /// The first instant of the session.
    pub open: Timestamp,
    /// The instant trading ends; not itself in the session.
    pub close: Timestamp,
    /// Closes before the usual time.
    pub early_close: bool,
    /// Beyond the verified horizon: by rule only.
    pub projected: bool,
}

impl Session {
    /// True from the open up to, not including, the close.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.open <= at && at < self.close
    }

    /// Whole and part minutes from open to close.
    pub fn length(&self) -> TimeDelta {
        self.close - self.open
    }
}

/// The sessions of every exchange, with the user's overrides. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    overrides: Arc<Vec<Override>>,
}

/// A closure or early close the rules do not know yet; from config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The exchange it concerns.
    pub exchange: Exchange,
    /// The date.
    pub date: NaiveDate,
    /// The early close, New York time; `None` closes the whole day.
    pub close: Option<NaiveTime>,
    /// Why, shown with the session.
    pub reason: String,
}

impl Calendar {
    /// A calendar with overrides.
    pub fn new(overrides: Vec<Override>) -> Self {
        Self { overrides: Arc::new(overrides) }
    }

    /// The session of a date, if it is one.
    pub fn session(&self, exchange: Exchange, date: NaiveDate) -> Option<Session> {
        let _ = (exchange, date, &self.overrides);
        unimplemented!("the calendar's owner writes this")
    }

    /// The sessions from `from` to `to`, both included.
    pub fn sessions(&self, exchange: Exchange, from: NaiveDate, to: NaiveDate) -> Vec<Session> {
        let days = from.iter_days().take_while(|day| *day <= to);
        days.filter_map(|day| self.session(exchange, day)).collect()
    }

    /// The first session after `date`.
    pub fn next_session(&self, exchange: Exchange, date: NaiveDate) -> Option<Session> {
        date.iter_days().skip(1).take(30).find_map(|day| self.session(exchange, day))
    }

    /// The last session before `date`.
    pub fn previous_session(&self, exchange: Exchange, date: NaiveDate) -> Option<Session> {
        let before = std::iter::successors(date.pred_opt(), NaiveDate::pred_opt);
        before.take(30).find_map(|day| self.session(exchange, day))
    }
}

/// The New York date of an instant.
pub fn new_york_date(at: Timestamp) -> NaiveDate {
    at.with_timezone(&NEW_YORK).date_naive()
}
