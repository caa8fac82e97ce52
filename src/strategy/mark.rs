//! Which mids may fire a stop (rulebook §4 common).

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    account::Position,
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, rulebook::MarkRules},
    market::OptionQuote,
    strategy::{
        closing::{Scope, closing, open_legs, quote_of},
        ladder::Book,
        ticks::leg_tick,
    },
};

/// What the quotes say a position costs to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "snake_case")]
pub enum Mark {
    /// Good enough to fire a stop.
    Usable {
        /// Cost to close a unit at mid, points.
        cost: Decimal,
    },
    /// Outside regular hours: none is expected.
    OutsideHours,
    /// The first minutes after the open: none is expected.
    Blind,
    /// A leg has no quote.
    Missing,
    /// A leg's quote is crossed or zero-asked.
    Broken,
    /// A leg's quote is too old.
    Stale,
    /// A leg's spread is too wide.
    Wide,
}

impl Mark {
    /// The cost, when usable.
    pub fn cost(self) -> Option<Decimal> {
        match self {
            Self::Usable { cost } => Some(cost),
            _ => None,
        }
    }

    /// A mark should be there at this hour; its lack is worth an alert.
    pub fn is_expected(self) -> bool {
        !matches!(self, Self::OutsideHours | Self::Blind)
    }
}

/// The mark of a part of an open position: mid, only if each leg's spread is at most max(25 % of
/// mid, 5 ticks), never in the first 15 minutes nor outside regular hours, never on stale quotes.
pub fn mark(
    rulebook: &Rulebook,
    session: &Session,
    position: &Position,
    scope: Scope,
    quotes: &[OptionQuote],
    now: Timestamp,
) -> Mark {
    let rules = &rulebook.common.marks;
    if !session.contains(now) {
        return Mark::OutsideHours;
    }
    if now < blind_until(rules, session) {
        return Mark::Blind;
    }
    let oldest = now - TimeDelta::seconds(i64::from(rulebook.limits.quote_age_seconds));
    for leg in open_legs(position).filter(|leg| scope.takes(leg)) {
        let Some(quote) = quote_of(&leg.instrument, quotes) else { return Mark::Missing };
        if quote.is_broken() {
            return Mark::Broken;
        }
        if quote.at < oldest {
            return Mark::Stale;
        }
        if is_wide(rules, quote) {
            return Mark::Wide;
        }
    }
    cost_to_close(position, scope, quotes).map_or(Mark::Missing, |cost| Mark::Usable { cost })
}

/// The first instant of the session that may have a mark.
pub fn blind_until(rules: &MarkRules, session: &Session) -> Timestamp {
    session.open + TimeDelta::minutes(i64::from(rules.blind_minutes_after_open))
}

/// What is still open at mid, by unit still open: one contract of each leg is a unit, and where the
/// legs are uneven the one with most contracts counts.
fn cost_to_close(position: &Position, scope: Scope, quotes: &[OptionQuote]) -> Option<Decimal> {
    let order = closing(position, scope)?;
    let book = Book::of(&order.legs, quotes)?;
    Some(-book.mid.0 / order.units_of(position))
}

fn is_wide(rules: &MarkRules, quote: &OptionQuote) -> bool {
    let share = quote.mid() * rules.spread_percent_of_mid / Decimal::ONE_HUNDRED;
    quote.spread() > share.max(leg_tick(quote) * Decimal::from(rules.spread_ticks))
}
