//! What the strategies share in choosing legs: strikes by delta, filters of a leg's quote, the
//! candidate of the legs chosen.

use std::fmt;

use rust_decimal::Decimal;

use super::{
    Candidate, Ladder, SeriesChain, Snapshot,
    ladder::Book,
    model::model_value,
    sheet::Sheet,
    ticks::{leg_tick, order_tick},
};
use crate::{
    account::{Effect, Leg, NetPrice, Side, StrategyId},
    clock::Timestamp,
    config::Rulebook,
    instrument::{Instrument, Product, Right},
    market::{Chain, OptionQuote},
    money::Usd,
};

/// The usable quote of one right whose |delta| is nearest to `target`; of two as near the one
/// farther out of the money.
pub(super) fn by_delta(chain: &Chain, right: Right, target: f64) -> Option<&OptionQuote> {
    let usable = |quote: &&OptionQuote| {
        quote.contract.right == right && quote.delta.is_finite() && !quote.is_broken()
    };
    let far = |quote: &OptionQuote| (quote.delta.abs() - target).abs();
    chain.quotes.iter().filter(usable).min_by(|a, b| {
        far(a).total_cmp(&far(b)).then_with(|| a.delta.abs().total_cmp(&b.delta.abs()))
    })
}

/// The usable put at `points` below a strike; where none is listed there the nearest above that, at
/// most `off` points nearer: a spread is never wider than asked for.
pub(super) fn put_below(
    chain: &Chain,
    strike: Decimal,
    points: Decimal,
    off: Decimal,
) -> Option<&OptionQuote> {
    let wanted = (strike - points)..=(strike - points + off);
    let usable = |quote: &&OptionQuote| {
        let contract = &quote.contract;
        contract.right == Right::Put && !quote.is_broken() && wanted.contains(&contract.strike)
    };
    chain.quotes.iter().filter(usable).min_by_key(|quote| quote.contract.strike)
}

/// Writes down whether a leg's quote can be traded on: neither broken nor old.
pub(super) fn quote_filter(
    snapshot: &Snapshot,
    name: impl fmt::Display,
    quote: &OptionQuote,
    sheet: &mut Sheet,
) -> bool {
    fresh_filter(&snapshot.rulebook, snapshot.now, name, quote, sheet)
}

/// The same at any moment.
pub(super) fn fresh_filter(
    rulebook: &Rulebook,
    now: Timestamp,
    name: impl fmt::Display,
    quote: &OptionQuote,
    sheet: &mut Sheet,
) -> bool {
    let most = i64::from(rulebook.limits.quote_age_seconds);
    let age = (now - quote.at).num_seconds();
    let sane = !quote.is_broken() && age <= most;
    let (bid, ask) = (quote.bid.normalize(), quote.ask.normalize());
    let value = format!("{} at {bid}/{ask}, {age} s old", quote.contract.strike.normalize());
    let bound = format!("bid <= ask, ask > 0, <= {most} s old");
    sheet.check(format_args!("{name}.quote"), value, bound, sane)
}

/// Writes down whether a leg's spread is at most max(`percent` of mid, `ticks`).
pub(super) fn spread_filter(
    name: impl fmt::Display,
    quote: &OptionQuote,
    percent: Decimal,
    ticks: u32,
    sheet: &mut Sheet,
) -> bool {
    let share = quote.mid() * percent / Decimal::ONE_HUNDRED;
    let most = share.max(leg_tick(quote) * Decimal::from(ticks));
    let (spread, bound) = (quote.spread(), format!("<= {}", most.normalize()));
    sheet.check(format_args!("{name}.spread"), spread.normalize(), bound, spread <= most)
}

/// Writes down whether a leg's |delta| lies within two bounds, both included; not a number fails.
pub(super) fn delta_filter(
    name: impl fmt::Display,
    quote: &OptionQuote,
    (from, to): (Decimal, Decimal),
    sheet: &mut Sheet,
) -> bool {
    let delta = quote.delta.abs();
    let inside = delta >= crate::money::to_f64(from) && delta <= crate::money::to_f64(to);
    let bound = format!("{from} to {to}");
    sheet.check(format_args!("{name}.delta"), format_args!("{delta:.4}"), bound, inside)
}

/// A leg with the quote it was chosen by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen<'a> {
    /// Its quote.
    pub(super) quote: &'a OptionQuote,
    /// Buy or sell.
    pub(super) side: Side,
    /// Contracts a unit.
    pub(super) ratio: u32,
    /// Open or close.
    pub(super) effect: Effect,
}

impl<'a> Chosen<'a> {
    /// A leg that opens.
    pub(super) fn open(quote: &'a OptionQuote, side: Side, ratio: u32) -> Self {
        Self { quote, side, ratio, effect: Effect::Open }
    }

    /// A leg that closes.
    pub(super) fn close(quote: &'a OptionQuote, side: Side, ratio: u32) -> Self {
        Self { quote, side, ratio, effect: Effect::Close }
    }

    fn leg(&self) -> Leg {
        Leg {
            instrument: Instrument::Option(self.quote.contract.clone()),
            side: self.side,
            ratio: self.ratio,
            effect: self.effect,
        }
    }
}

/// The net market of chosen legs a unit.
pub(super) fn book(chosen: &[Chosen<'_>]) -> Book {
    let (mut mid, mut natural) = (Decimal::ZERO, Decimal::ZERO);
    for leg in chosen {
        let ratio = Decimal::from(leg.ratio);
        let (signed, at) = match leg.side {
            Side::Buy => (-ratio, leg.quote.ask),
            Side::Sell => (ratio, leg.quote.bid),
        };
        mid += signed * leg.quote.mid();
        natural += signed * at;
    }
    Book { mid: NetPrice(mid), natural: NetPrice(natural) }
}

/// What a candidate is beside its legs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    /// Whose.
    pub(super) strategy: StrategyId,
    /// The product.
    pub(super) product: Product,
    /// What it is called.
    pub(super) structure: &'static str,
    /// Units.
    pub(super) units: u32,
    /// The chains its legs are from.
    pub(super) seen: &'a [&'a SeriesChain],
    /// The worst price that is taken.
    pub(super) minimum: NetPrice,
    /// How the price is worked.
    pub(super) ladder: Ladder,
    /// Most a unit is worth against us, points; `None` for undefined risk.
    pub(super) width: Option<Decimal>,
    /// Most a unit can lose at mid, points; `None` for undefined risk.
    pub(super) loss: Option<Decimal>,
    /// The moment.
    pub(super) now: Timestamp,
}

impl Order<'_> {
    /// The candidate of an entry; `None` when a leg has no quote in its chain.
    pub(super) fn candidate(self, chosen: &[Chosen<'_>]) -> Option<Candidate> {
        let legs: Vec<Leg> = chosen.iter().map(Chosen::leg).collect();
        let value = model_value(self.seen, &legs, self.now)?;
        Some(self.priced(chosen, legs, value))
    }

    /// That of a change of an open position, whose price is not held against the model (rulebook
    /// §5: limit 14 is of opening orders).
    pub(super) fn change(self, chosen: &[Chosen<'_>]) -> Candidate {
        let legs = chosen.iter().map(Chosen::leg).collect();
        self.priced(chosen, legs, book(chosen).mid)
    }

    fn priced(self, chosen: &[Chosen<'_>], legs: Vec<Leg>, model_value: NetPrice) -> Candidate {
        let Book { mid, natural } = book(chosen);
        let at_risk =
            self.loss.unwrap_or_default() * self.product.multiplier() * Decimal::from(self.units);
        Candidate {
            strategy: self.strategy,
            product: self.product,
            structure: self.structure,
            units: self.units,
            mid,
            natural,
            minimum: self.minimum,
            tick: order_tick(self.product),
            ladder: self.ladder,
            width: self.width,
            max_loss_usd: Usd(at_risk),
            model_value,
            quotes: chosen.iter().map(|leg| leg.quote.clone()).collect(),
            legs,
        }
    }
}
