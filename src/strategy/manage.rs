//! Watching an open position: what is looked at, what is remembered, what is to be done. The
//! strategies decide; what they share is here.

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    closing::{Scope, closing, only_unbid_longs, part_credit},
    mark::{Mark, blind_until, mark},
    rule::AdjustReason,
};
use crate::{
    account::{ExitReason, NetPrice, Position},
    calendar::Session,
    clock::Timestamp,
    config::Rulebook,
    instrument::Instrument,
    market::{OptionQuote, UnderlyingQuote, VixQuote},
    strategy::{closing::open_legs, ladder::Urgency},
};

/// What is looked at in one round of watching a position.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The figures in force.
    pub rulebook: &'a Rulebook,
    /// The session.
    pub session: &'a Session,
    /// The position, with what is still open.
    pub position: &'a Position,
    /// The quotes of its legs.
    pub quotes: &'a [OptionQuote],
    /// The underlying of its nearest expiration; not gathered for same-day positions.
    pub underlying: Option<&'a UnderlyingQuote>,
    /// VIX; not gathered for same-day positions.
    pub vix: Option<VixQuote>,
    /// Tick of the position's net price.
    pub tick: Decimal,
    /// The moment of the quotes.
    pub now: Timestamp,
}

/// What must be remembered of a position from one round to the next; stored with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitMemory {
    /// Usable observations in a row that lie beyond the stop.
    pub stop_observations: u32,
    /// Observations in a row beyond the strategy's second line: the underlying too near a strike
    /// (§4.2), a short's delta (§4.3).
    #[serde(default)]
    pub near_observations: u32,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near_at: Option<Timestamp>,
    /// The last usable mark.
    pub last_mark_at: Option<Timestamp>,
    /// The lack of marks was told; cleared by the next usable one.
    pub no_mark_alerted: bool,
    /// The evaluation was made.
    pub evaluated: bool,
    /// The position is being closed, and why: once set it stays.
    pub closing: Option<ExitReason>,
    /// A part of it is being closed, and why: until that part is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing_part: Option<(ExitReason, Scope)>,
    /// Units that are kept while the rest is closed to bring the account's risk down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_units: Option<u32>,
    /// The last CRITICAL for not being flat.
    pub critical_at: Option<Timestamp>,
    /// Orders made to change the position.
    #[serde(default)]
    pub adjusts: u32,
    /// The last try to change it, with or without an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjust_tried_at: Option<Timestamp>,
    /// Since when a condition of the strategy holds (VIX above its bound, say).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The call that is sold against a long one, and what it is to earn (§4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_call: Option<SoldCall>,
    /// What was warned of already, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warned: Vec<Warning>,
}

/// A call sold against a long one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldCall {
    /// It expires.
    pub expiration: NaiveDate,
    /// Its strike.
    pub strike: Decimal,
    /// What it brought beyond its intrinsic value, points.
    pub extrinsic: Decimal,
    /// Marks in a row that show enough of that earned, while it is in the money.
    #[serde(default)]
    pub earned_observations: u32,
}

/// Something a person should prepare for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The underlying is near the distance at which all is closed (§4.2).
    NearStrike,
    /// A short's delta has reached the first line of defence (§4.3).
    Delta,
}

/// What is to be done now. Actions repeat every round as long as they hold; the desk compares them
/// with what already works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitAction {
    /// The profit order of a part rests at this debit.
    RestProfit {
        /// Net limit a unit.
        limit: NetPrice,
        /// Of what.
        scope: Scope,
    },
    /// Cancel the profit order, have that confirmed, and close.
    Close {
        /// Why.
        reason: ExitReason,
        /// How much.
        scope: Scope,
        /// How hard.
        urgency: Urgency,
    },
    /// Cancel the profit order, have that confirmed, and change the position by one order.
    Adjust {
        /// Why.
        reason: AdjustReason,
    },
    /// Tell that there was no usable mark for so long.
    AlertNoMark {
        /// Seconds since the last one.
        seconds: i64,
    },
    /// Tell, as CRITICAL, that the position is not flat.
    AlertNotFlat,
    /// Tell what to prepare for.
    Warn(Warning),
}

/// The outcome of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// What is to be done, in this order.
    pub actions: Vec<ExitAction>,
    /// What to remember.
    pub memory: ExitMemory,
    /// What the quotes said.
    pub mark: Mark,
}

impl Watched<'_> {
    /// The mark of a part of the position.
    pub fn mark(&self, scope: Scope) -> Mark {
        mark(self.rulebook, self.session, self.position, scope, self.quotes, self.now)
    }

    /// Calendar days to the nearest expiration of what is open in a part; `None` without options.
    pub fn days_left(&self, scope: Scope) -> Option<i64> {
        let expirations =
            open_legs(self.position).filter(|leg| scope.takes(leg)).filter_map(|leg| {
                match &leg.instrument {
                    Instrument::Option(contract) => Some(contract.series.expiration),
                    _ => None,
                }
            });
        expirations.min().map(|expiration| (expiration - self.session.date).num_days())
    }

    /// Counts a usable observation of a part against a loss of `bound` points a unit of it; true
    /// once enough in a row lie beyond. A second round at one instant is no second observation,
    /// and an unusable one breaks the row.
    pub fn observe(&self, scope: Scope, bound: Decimal, memory: &mut ExitMemory) -> Mark {
        let mark = self.mark(scope);
        let Some(cost) = mark.cost() else {
            memory.stop_observations = 0;
            return mark;
        };
        if memory.last_mark_at == Some(self.now) {
            return mark;
        }
        memory.last_mark_at = Some(self.now);
        memory.no_mark_alerted = false;
        // Longs alone, of an entry that has filled no short yet, were paid for: nothing to stop.
        let beyond = bound > Decimal::ZERO && cost - self.credit(scope) >= bound;
        memory.stop_observations = if beyond { memory.stop_observations + 1 } else { 0 };
        mark
    }

    /// Enough observations in a row lie beyond the stop.
    pub fn is_stopped(&self, memory: &ExitMemory) -> bool {
        memory.stop_observations >= self.rulebook.common.marks.observations.max(1)
    }

    /// The credit a unit of a part brought, points; below zero for a debit. For the whole it is the
    /// position's, which carries what adjustments brought.
    pub fn credit(&self, scope: Scope) -> Decimal {
        if scope == Scope::All {
            return self.position.credit;
        }
        part_credit(self.position, scope).unwrap_or_default()
    }

    /// Profit of a part a unit at its mark, points.
    pub fn profit(&self, scope: Scope, mark: Mark) -> Option<Decimal> {
        mark.cost().map(|cost| self.credit(scope) - cost)
    }

    /// Something of a part is open.
    pub fn holds(&self, scope: Scope) -> bool {
        closing(self.position, scope).is_some()
    }

    /// The alert that there was no usable mark for too long, once.
    pub fn no_mark_alert(&self, mark: Mark, memory: &mut ExitMemory) -> Option<ExitAction> {
        let rules = &self.rulebook.common.marks;
        if mark.cost().is_some() || !mark.is_expected() || memory.no_mark_alerted {
            return None;
        }
        let since = memory.last_mark_at.unwrap_or(self.position.opened_at);
        let seconds = (self.now - since.max(blind_until(rules, self.session))).num_seconds();
        memory.no_mark_alerted = seconds >= i64::from(rules.alert_after_seconds);
        memory.no_mark_alerted.then_some(ExitAction::AlertNoMark { seconds })
    }

    /// How far the underlying is above a strike, points; `None` without a fresh price, outside
    /// regular hours and in their first minutes.
    pub fn distance(&self, strike: Decimal) -> Option<Decimal> {
        let rules = &self.rulebook.common.marks;
        let begun = self.session.contains(self.now) && self.now >= blind_until(rules, self.session);
        let age = TimeDelta::seconds(i64::from(self.rulebook.limits.quote_age_seconds));
        let quote = self.underlying.filter(|quote| begun && self.now - quote.at <= age)?;
        (quote.last > Decimal::ZERO).then_some(quote.last - strike)
    }

    /// Counts a distance against a bound; true once enough in a row are within it. A second round
    /// at one instant is no second observation, and an unknown distance breaks the row.
    pub fn is_near(
        &self,
        distance: Option<Decimal>,
        bound: Decimal,
        memory: &mut ExitMemory,
    ) -> bool {
        if memory.near_at != Some(self.now) {
            memory.near_at = Some(self.now);
            let near = distance.is_some_and(|distance| distance <= bound);
            memory.near_observations = if near { memory.near_observations + 1 } else { 0 };
        }
        memory.near_observations >= self.rulebook.common.marks.observations.max(1)
    }

    /// The close of all that is open: of an uneven entry the shorts first, so that no close leaves
    /// one naked; nothing where only longs are left that nobody bids for.
    pub fn close_all(&self, reason: ExitReason) -> Option<ExitAction> {
        let alone = reason == ExitReason::Incomplete;
        let scope = if alone { Scope::ShortsOnly } else { Scope::All };
        let left = !only_unbid_longs(self.position, self.quotes);
        left.then_some(ExitAction::Close { reason, scope, urgency: Urgency::Whole })
    }

    /// CRITICAL every minute from `by` until flat. Longs that nobody bids for are left behind, not
    /// told.
    pub fn not_flat_alert(&self, by: Timestamp, memory: &mut ExitMemory) -> Option<ExitAction> {
        let Watched { position, quotes, now, .. } = *self;
        // A clock that stepped back is no reason to be silent.
        let due =
            memory.critical_at.is_none_or(|last| last > now || now - last >= TimeDelta::minutes(1));
        if now < by || !due || only_unbid_longs(position, quotes) {
            return None;
        }
        memory.critical_at = Some(now);
        Some(ExitAction::AlertNotFlat)
    }

    /// A condition has held without a break for so many minutes of watching.
    pub fn held_for(&self, condition: bool, minutes: u32, memory: &mut ExitMemory) -> bool {
        if !condition {
            memory.since = None;
            return false;
        }
        let since = *memory.since.get_or_insert(self.now);
        self.now - since >= TimeDelta::minutes(i64::from(minutes))
    }
}

impl ExitMemory {
    /// Warns of something, once in the position's life.
    pub fn warn(&mut self, warning: Warning) -> Option<ExitAction> {
        if self.warned.contains(&warning) {
            return None;
        }
        self.warned.push(warning);
        Some(ExitAction::Warn(warning))
    }

    /// The last try to change the position is so many minutes ago, or was never.
    pub fn may_adjust(&self, now: Timestamp, minutes: i64) -> bool {
        self.adjust_tried_at.is_none_or(|at| at > now || now - at >= TimeDelta::minutes(minutes))
    }
}
