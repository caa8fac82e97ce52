//! The price of a working order at each moment (rulebook §4 common). Pure functions of the quotes,
//! the seconds since the order's first send, and the rules.
//!
//! Net prices are signed (a credit above zero), so natural is never above mid and walking towards
//! natural always means down. The sign never flips: an entry for a credit never becomes a debit, a
//! closing debit never a credit, and each is at least one tick from zero.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    account::{Leg, NetPrice, Side},
    config::rulebook::{EntryLadder, ExitLadder},
    instrument::tick::{round_down as down, round_up as up},
    market::OptionQuote,
};

/// The net market of an order a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// At the legs' mids.
    pub mid: NetPrice,
    /// Sells at bid, buys at ask.
    pub natural: NetPrice,
}

impl Book {
    /// The net market of an order's legs, for one unit, from the bid and ask of each; `None` when a
    /// leg has none.
    pub fn net(
        legs: &[Leg],
        mut market: impl FnMut(&Leg) -> Option<(Decimal, Decimal)>,
    ) -> Option<Self> {
        let (mut mid, mut natural) = (Decimal::ZERO, Decimal::ZERO);
        for leg in legs {
            let (bid, ask) = market(leg)?;
            let ratio = Decimal::from(leg.ratio);
            let (signed, at) = match leg.side {
                Side::Buy => (-ratio, ask),
                Side::Sell => (ratio, bid),
            };
            mid += signed * (bid + ask) / Decimal::TWO;
            natural += signed * at;
        }
        Some(Self { mid: NetPrice(mid), natural: NetPrice(natural) })
    }

    /// The same from quotes.
    pub fn of(legs: &[Leg], quotes: &[OptionQuote]) -> Option<Self> {
        Self::net(legs, |leg| {
            let quote = super::closing::quote_of(&leg.instrument, quotes)?;
            Some((quote.bid, quote.ask))
        })
    }
}

/// Whether an order brings or costs money; it stays so for the order's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Prices above zero.
    Credit,
    /// Prices below zero.
    Debit,
}

/// How hard an exit is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "urgency", content = "seconds", rename_all = "snake_case")]
pub enum Urgency {
    /// From mid to natural, and no further yet.
    ToNatural,
    /// At natural, whatever the time since the first send.
    AtNatural,
    /// The whole ladder: from mid to natural, then by ticks up to the cap.
    Whole,
    /// Beyond natural by ticks up to the cap, counted from so many seconds ago.
    Beyond(i64),
}

/// One price of an exit ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitStep {
    /// The net limit.
    pub limit: NetPrice,
    /// The cap holds it: for undefined risk this is the moment to call a person.
    pub at_cap: bool,
}

/// The entry's price `elapsed_seconds` after its first send: the mid at the start, then so many
/// ticks a step towards natural, never past natural and never below `minimum`. `None` once the
/// order is to be cancelled, or when no price keeps the sign.
///
/// `start` is the book at the first send and stays that for the whole ladder: a walk that followed
/// the quotes could sell ever lower into a falling market. A mid between ticks begins at the tick
/// better for us.
pub fn entry_price(
    rules: &EntryLadder,
    start: &Book,
    minimum: NetPrice,
    tick: Decimal,
    elapsed_seconds: i64,
) -> Option<NetPrice> {
    if elapsed_seconds >= i64::from(rules.cancel_after_seconds) {
        return None;
    }
    let sign = Sign::of(start.mid)?;
    let steps = steps_done(elapsed_seconds, rules.step_seconds).min(i64::from(rules.steps));
    let walked =
        up(start.mid.0, tick) - Decimal::from(steps * i64::from(rules.ticks_a_step)) * tick;
    let price = walked.max(down(start.natural.0, tick)).max(up(minimum.0, tick));
    sign.holds(price).then_some(NetPrice(price))
}

/// The exit's price `elapsed_seconds` after its first send, on the quotes of this moment: an exit
/// follows the market, for not getting out is the greater risk. `cap` is the most that is paid
/// (above zero, points): the width for defined risk, [`undefined_risk_cap`] otherwise.
pub fn exit_price(
    rules: &ExitLadder,
    book: &Book,
    sign: Sign,
    urgency: Urgency,
    cap: Decimal,
    tick: Decimal,
    elapsed_seconds: i64,
) -> ExitStep {
    let natural = down(book.natural.0, tick);
    let walked = walked(rules, book, tick, elapsed_seconds).max(natural);
    let after = |seconds: i64| {
        let steps = steps_done(seconds, rules.step_seconds);
        natural - Decimal::from(steps * i64::from(rules.ticks_a_step)) * tick
    };
    let price = match urgency {
        Urgency::ToNatural => walked,
        Urgency::AtNatural => natural,
        Urgency::Whole if elapsed_seconds < i64::from(rules.natural_after_seconds) => walked,
        Urgency::Whole => after(elapsed_seconds - i64::from(rules.natural_after_seconds)),
        Urgency::Beyond(seconds) => after(seconds),
    };
    let worst = match sign {
        Sign::Debit => -down(cap, tick),
        Sign::Credit => tick,
    };
    let bounded = price.max(worst);
    let limit = match sign {
        Sign::Debit => bounded.min(-tick),
        Sign::Credit => bounded.max(tick),
    };
    ExitStep { limit: NetPrice(limit), at_cap: price <= worst }
}

/// The most that is paid to close undefined risk: a multiple of the mark (points, above zero).
pub fn undefined_risk_cap(rules: &ExitLadder, mark: Decimal) -> Decimal {
    mark.abs() * rules.undefined_risk_mark_multiple
}

/// The resting debit that takes at least `percent` of a credit as profit: rounded down to the
/// tick, so never short of the target. `None` when that leaves nothing to bid.
pub fn profit_target(credit: Decimal, percent: Decimal, tick: Decimal) -> Option<NetPrice> {
    let debit = down(credit * (Decimal::ONE_HUNDRED - percent) / Decimal::ONE_HUNDRED, tick);
    (debit > Decimal::ZERO).then_some(NetPrice(-debit))
}

/// Mid to natural, a share of the way each step.
fn walked(rules: &ExitLadder, book: &Book, tick: Decimal, elapsed_seconds: i64) -> Decimal {
    if elapsed_seconds >= i64::from(rules.natural_after_seconds) {
        return down(book.natural.0, tick);
    }
    let steps = Decimal::from(steps_done(elapsed_seconds, rules.step_seconds));
    let share = (steps * rules.spread_percent_a_step / Decimal::ONE_HUNDRED).min(Decimal::ONE);
    up(book.mid.0 + (book.natural.0 - book.mid.0) * share, tick)
}

impl Sign {
    /// The sign of a price; `None` for zero.
    pub fn of(price: NetPrice) -> Option<Self> {
        match price.0.cmp(&Decimal::ZERO) {
            std::cmp::Ordering::Greater => Some(Self::Credit),
            std::cmp::Ordering::Less => Some(Self::Debit),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// True when a price has this sign.
    pub fn holds(self, price: Decimal) -> bool {
        Self::of(NetPrice(price)) == Some(self)
    }
}

fn steps_done(elapsed_seconds: i64, step_seconds: u32) -> i64 {
    elapsed_seconds.max(0) / i64::from(step_seconds.max(1))
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
