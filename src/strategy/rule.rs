//! What every strategy is to the rest of the program: one object of pure functions.
//!
//! To add a strategy: write its file, give it a `StrategyId`, and enter it in `strategy::table`.

use std::{collections::BTreeMap, fmt};

use chrono::{NaiveDate, TimeDelta, TimeZone};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    Candidate, Decision, ProductData, Snapshot,
    bounds::Bounds,
    manage::{ExitMemory, Managed, Watched},
};
use crate::{
    account::{ExitReason, Position, StrategyId},
    calendar::{NEW_YORK, Session},
    clock::Timestamp,
    config::{Rulebook, rulebook::Phase},
    instrument::{Product, Series},
    money::Usd,
    strategy::{closing::Scope, friday_0dte::pick_series, ladder::Urgency},
};

/// One strategy of the rulebook (§4). Every function is pure.
pub trait Rule: Sync {
    /// Whose rule it is.
    fn id(&self) -> StrategyId;

    /// The job that makes it decide.
    fn job(&self) -> &'static str;

    /// From when to when it may enter in a session, both included (limit 3).
    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp);

    /// Most open positions in a phase (§2).
    fn most(&self, phase: &Phase) -> u32;

    /// The products an entry considers, in order of preference, and what must be seen of each.
    fn needs(&self, account: &Snapshot) -> Vec<Need>;

    /// The entry decision.
    fn decide(&self, snapshot: &Snapshot) -> Decision;

    /// What somebody who enters against the filters of the day would send: every candidate that can be
    /// built, with the filters as they came out. Only for attempts of a replay's book (rulebook §6,
    /// August 2024); a rule without such a way gives its decision.
    fn attempt(&self, snapshot: &Snapshot) -> Decision {
        self.decide(snapshot)
    }

    /// One round of watching a position.
    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed;

    /// What must be seen to change an open position as [`super::manage::ExitAction::Adjust`] asks.
    fn adjust_needs(&self, _watched: &Watched<'_>, _reason: AdjustReason) -> Vec<Need> {
        Vec::new()
    }

    /// The order that changes an open position: rolls and defence. No candidate: nothing is done.
    fn adjust(
        &self,
        _watched: &Watched<'_>,
        _seen: &BTreeMap<Product, ProductData>,
        _reason: AdjustReason,
    ) -> Decision {
        Decision::default()
    }

    /// What of a position is closed when one of its shorts may be assigned (§4.7).
    fn at_risk(&self) -> Scope {
        Scope::All
    }

    /// Its positions are looked at every ten seconds, not every minute: those that expire today.
    fn is_same_day(&self) -> bool {
        false
    }

    /// When the time exit of a same-day position begins: from then on it is closed even under a halt
    /// (§6).
    fn closes_from(&self, _rulebook: &Rulebook, _session: &Session) -> Option<Timestamp> {
        None
    }

    /// When a same-day position is to be flat: past it, that is told as CRITICAL each minute.
    fn flat_by(&self, _rulebook: &Rulebook, _session: &Session) -> Option<Timestamp> {
        None
    }

    /// Most loss of a trade, percent of sizing capital, where it is less than that of limit 8.
    fn most_loss_percent(&self, _rulebook: &Rulebook) -> Option<Decimal> {
        None
    }

    /// How hard a close is pushed at a moment.
    fn urgency(
        &self,
        _rulebook: &Rulebook,
        _session: &Session,
        _reason: ExitReason,
        _now: Timestamp,
    ) -> Urgency {
        Urgency::Whole
    }

    /// The share of its credit a position brings at its profit target, percent, which the plan counts
    /// on (§7); `None` where nothing is sold for a credit.
    fn income_percent(&self, _rulebook: &Rulebook) -> Option<Decimal> {
        None
    }

    /// The stop and the profit target of an open position, to be shown beside its mark; `None` where
    /// its exits know no such figures.
    fn bounds(&self, _rulebook: &Rulebook, _position: &Position) -> Option<Bounds> {
        None
    }

    /// Round-trip fees may be at most so much, dollars; `None` where the rulebook sets no bound.
    fn most_fees(&self, _rulebook: &Rulebook, _candidate: &Candidate) -> Option<FeesBound> {
        None
    }
}

/// What round-trip fees are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeesBound {
    /// What the trade is to bring: the profit target, or the credit.
    pub of: Usd,
    /// Fees are at most so much of it, percent.
    pub percent: Decimal,
}

/// What a decision must see of one product.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// The product.
    pub product: Product,
    /// Series that expire within so many calendar days are listed.
    pub days: u32,
    /// Daily bars of its index, through yesterday.
    pub bars: usize,
    /// Days of implied volatility, through yesterday.
    pub volatilities: usize,
    /// The series whose chains are read, in this order.
    pub picks: Vec<Pick>,
    /// The strikes that are read.
    pub reach: Reach,
}

/// Which of the listed series is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// PM-settled, its last trade today.
    SameDay,
    /// The one nearest to `target` calendar days that lies within `from` and `to`, both included;
    /// of two as near the earlier, of one date the PM-settled.
    Nearest {
        /// Calendar days wanted.
        target: u32,
        /// At least.
        from: u32,
        /// At most.
        to: u32,
    },
    /// The same, on an expiration that is none of `taken`.
    Free {
        /// Calendar days wanted.
        target: u32,
        /// At least.
        from: u32,
        /// At most.
        to: u32,
        /// Expirations that are out of the question.
        taken: Vec<NaiveDate>,
    },
    /// A series that is held.
    Held(Series),
}

impl Pick {
    /// The series meant, of those listed.
    pub fn of<'a>(&'a self, listed: &'a [Series], session: &Session) -> Option<&'a Series> {
        match self {
            Self::SameDay => pick_series(listed, session),
            Self::Held(series) => Some(series),
            Self::Nearest { target, from, to } => {
                nearest(listed, session.date, *target, *from, *to)
            }
            Self::Free { target, from, to, taken } => {
                let free = listed.iter().filter(|series| !taken.contains(&series.expiration));
                nearest(free, session.date, *target, *from, *to)
            }
        }
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameDay => f.write_str("PM-settled, last trade today"),
            Self::Nearest { target, from, to } => {
                write!(f, "nearest {target} days of {from} to {to}")
            }
            Self::Free { target, from, to, taken } => {
                write!(f, "nearest {target} days of {from} to {to}")?;
                let mut dates = taken.iter();
                dates.try_for_each(|date| write!(f, ", not {date}"))
            }
            Self::Held(series) => write!(f, "{} {}, held", series.root, series.expiration),
        }
    }
}

/// The series nearest to `target` calendar days ahead of `today` within `from` and `to`, both
/// included. Of two as near the earlier; of one date the PM-settled, then by root.
pub fn nearest<'a>(
    listed: impl IntoIterator<Item = &'a Series>,
    today: NaiveDate,
    target: u32,
    from: u32,
    to: u32,
) -> Option<&'a Series> {
    let days = |series: &Series| (series.expiration - today).num_days();
    let within = |series: &&Series| (i64::from(from)..=i64::from(to)).contains(&days(series));
    listed.into_iter().filter(within).min_by(|a, b| {
        let far = |series: &Series| (days(series) - i64::from(target)).abs();
        let key = |s: &Series| (far(s), s.expiration, std::cmp::Reverse(s.settlement));
        key(a).cmp(&key(b)).then_with(|| a.root.cmp(&b.root))
    })
}

/// How far round the underlying's last price strikes are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reach {
    /// So many Wilder ATR over `days` and so many points, to each side.
    Atr {
        /// Multiple of ATR.
        multiple: Decimal,
        /// Days of the ATR.
        days: u32,
        /// Points beyond.
        plus: Decimal,
    },
    /// Percent of it, below and above.
    Percent {
        /// Below.
        below: Decimal,
        /// Above.
        above: Decimal,
    },
}

/// Why an open position is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustReason {
    /// A leg is moved to a farther expiration.
    Roll,
    /// The untested side is moved nearer (§4.3).
    Defence,
    /// The week's short call (§4.4).
    Weekly,
}

impl AdjustReason {
    /// In words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Roll => "roll",
            Self::Defence => "defence",
            Self::Weekly => "weekly call",
        }
    }
}

/// A New York time of the session's date. No clock change falls between midnight and the close of
/// a session, so each time is one instant; `earliest` covers the type.
pub fn instant(session: &Session, time: chrono::NaiveTime) -> Timestamp {
    NEW_YORK
        .from_local_datetime(&session.date.and_time(time))
        .earliest()
        .map_or(session.open, |local| local.to_utc())
}

/// An entry window of the session: from a time for so many minutes. On an early close it begins no
/// later than the rulebook's offset before it (§4 common) and keeps its length.
pub fn entry_window(
    rulebook: &Rulebook,
    session: &Session,
    from: chrono::NaiveTime,
    minutes: u32,
) -> (Timestamp, Timestamp) {
    let mut begin = instant(session, from);
    if session.early_close {
        let offset = i64::from(rulebook.common.early_close.entry_minutes_before);
        begin = begin.min(session.close - TimeDelta::minutes(offset));
    }
    (begin, (begin + TimeDelta::minutes(i64::from(minutes))).min(session.close))
}

/// An entry window of the session: from a time until so many minutes before the close. On an early
/// close it begins no later than the rulebook's offset before it (§4 common).
pub fn entry_until(
    rulebook: &Rulebook,
    session: &Session,
    from: chrono::NaiveTime,
    minutes_before_close: u32,
) -> (Timestamp, Timestamp) {
    let (begin, _) = entry_window(rulebook, session, from, 0);
    (begin, session.close - TimeDelta::minutes(i64::from(minutes_before_close)))
}
