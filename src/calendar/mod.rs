//! Exchange sessions: which days trade, from when to when.
//!
//! Every day comes from a rule or a table here, checked against public calendars in
//! `tests/calendar_oracle.rs`; overrides from config come on top. Days past `verified_until` are
//! by rule only and marked projected. Outside `Exchange::years` nothing is a session.

mod cboe;
mod cme;
mod holidays;
mod rule;
mod xnys;
mod years;
mod zone;

use std::{borrow::Cow, sync::Arc};

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

pub use self::zone::{NEW_YORK, new_york, new_york_date};
use self::{rule::DayRule, years::Years};
use crate::clock::Timestamp;

/// The last date on which the rules were checked against a calendar of others:
/// `exchange_calendars` 4.13.2 (XNYS), built to the end of 2027; the NYSE has published its holidays
/// and early closes up to that year.
const VERIFIED_UNTIL: NaiveDate =
    NaiveDate::from_ymd_opt(2027, 12, 31).expect("a date written in code is one");

/// The last date whose sessions were verified; later ones are projected.
pub fn verified_until() -> NaiveDate {
    VERIFIED_UNTIL
}

/// A calendar of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Exchange {
    /// New York Stock Exchange: the calendar of jobs, and of equity and ETF options.
    #[serde(rename = "XNYS")]
    Xnys,
    /// Cboe index options, regular hours.
    #[serde(rename = "CBOE")]
    CboeIndexOptions,
    /// CME futures and their options, Globex hours: equity indices, and by the same hours energy,
    /// metals, currencies and bonds.
    #[serde(rename = "CME")]
    CmeEquity,
    /// Chicago Board of Trade grains and their options, the day session: 09:30 to 14:20 New York
    /// time. The hours are those since 2015-07-06, for all years; the night session, in which options
    /// barely trade, is none here.
    #[serde(rename = "GRAINS")]
    CmeGrains,
    /// CME livestock and its options: 09:30 to 14:05 New York time.
    #[serde(rename = "MEATS")]
    CmeMeats,
}

impl Exchange {
    /// Every exchange.
    pub const ALL: &[Self] =
        &[Self::Xnys, Self::CboeIndexOptions, Self::CmeEquity, Self::CmeGrains, Self::CmeMeats];

    /// Its code: `XNYS`, `CBOE`, `CME`, `GRAINS`, `MEATS`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Xnys => "XNYS",
            Self::CboeIndexOptions => "CBOE",
            Self::CmeEquity => "CME",
            Self::CmeGrains => "GRAINS",
            Self::CmeMeats => "MEATS",
        }
    }
}

/// A code that is none of the exchanges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown exchange `{0}`; known are XNYS, CBOE, CME, GRAINS, MEATS")]
pub struct UnknownExchange(pub String);

impl std::str::FromStr for Exchange {
    type Err = UnknownExchange;

    fn from_str(text: &str) -> Result<Self, UnknownExchange> {
        let found = Self::ALL.iter().find(|exchange| exchange.code().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| UnknownExchange(text.to_owned()))
    }
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

/// What a date is to an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Day {
    /// A session, and why it closes early where it does.
    Open(Session, Option<Cow<'static, str>>),
    /// A weekday without a session, and why.
    Closed(Cow<'static, str>),
    /// Saturday or Sunday.
    Weekend,
    /// Outside [`Exchange::years`].
    Unknown,
}

/// The sessions of every exchange, with the user's overrides. Cheap to clone; clones share what
/// has been worked out.
#[derive(Clone)]
pub struct Calendar {
    inner: Arc<Inner>,
}

struct Inner {
    overrides: Vec<Override>,
    years: Years,
}

impl std::fmt::Debug for Calendar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calendar").field("overrides", &self.inner.overrides).finish()
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// A closure or early close the rules do not know yet; from config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// A calendar with overrides. Of two for one exchange and date the last rules.
    ///
    /// A close at or after the usual one gives a regular day; one at or before the open closes
    /// the whole day. A day that is no session by rule stays none.
    pub fn new(overrides: Vec<Override>) -> Self {
        Self { inner: Arc::new(Inner { overrides, years: Years::default() }) }
    }

    /// The session of a date, if it is one.
    pub fn session(&self, exchange: Exchange, date: NaiveDate) -> Option<Session> {
        let year = self.inner.years.slot(exchange, date.year())?;
        let days = year.get_or_init(|| self.build_year(exchange, date.year()));
        *days.get(usize::try_from(date.ordinal0()).ok()?)?
    }

    /// True when the exchange trades on `date`.
    pub fn is_session(&self, exchange: Exchange, date: NaiveDate) -> bool {
        self.session(exchange, date).is_some()
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

    /// What a date is, with the reason for a closed day or an early close.
    pub fn day(&self, exchange: Exchange, date: NaiveDate) -> Day {
        if !exchange.years().contains(&date.year()) {
            return Day::Unknown;
        }
        if is_weekend(date) {
            return Day::Weekend;
        }
        let overridden = self.override_of(exchange, date).map(|o| Cow::from(o.reason.clone()));
        let by_rule = match exchange.rule(date) {
            DayRule::Closed(reason) => return Day::Closed(reason.into()),
            DayRule::Early(_, reason) => Some(reason.into()),
            DayRule::Regular => None,
        };
        let reason = overridden.or(by_rule);
        match self.session(exchange, date) {
            Some(session) => Day::Open(session, reason.filter(|_| session.early_close)),
            None => Day::Closed(reason.unwrap_or_default()),
        }
    }

    fn override_of(&self, exchange: Exchange, date: NaiveDate) -> Option<&Override> {
        self.inner.overrides.iter().rfind(|o| o.exchange == exchange && o.date == date)
    }

    /// Every day of a year, in order.
    fn build_year(&self, exchange: Exchange, year: i32) -> Box<[Option<Session>]> {
        let first = NaiveDate::from_yo_opt(year, 1);
        let days = first.into_iter().flat_map(|d| d.iter_days().take_while(|d| d.year() == year));
        days.map(|date| self.build_day(exchange, date)).collect()
    }

    fn build_day(&self, exchange: Exchange, date: NaiveDate) -> Option<Session> {
        if is_weekend(date) {
            return None;
        }
        let hours = exchange.hours();
        let by_rule = match exchange.rule(date) {
            DayRule::Closed(_) => return None,
            DayRule::Regular => hours.close,
            DayRule::Early(close, _) => close,
        };
        let close_time = match self.override_of(exchange, date) {
            Some(found) => found.close?.min(hours.close),
            None => by_rule,
        };
        let open_date = if hours.evening_before { date.pred_opt()? } else { date };
        let (open, close) = (new_york(open_date, hours.open), new_york(date, close_time));
        let early_close = close_time < hours.close;
        let projected = date > VERIFIED_UNTIL;
        (open < close).then_some(Session { date, open, close, early_close, projected })
    }
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests;
