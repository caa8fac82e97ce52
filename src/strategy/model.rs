//! The model's value of an order, for price sanity (rulebook §5 limit 14).
//!
//! A leg's own quote is no check on itself: each leg is valued with the volatility its neighbours in
//! the chain give it, so one wrong quote stands out.

use rust_decimal::Decimal;

use crate::{
    account::{Leg, NetPrice, Side},
    clock::Timestamp,
    instrument::Instrument,
    market::OptionQuote,
    money::to_f64,
    pricing::{Inputs, MINUTES_A_YEAR, Model, implied_volatility, price},
    strategy::{SeriesChain, closing::quote_of},
};

/// What every leg is valued by.
const MODEL: Model = Model::Black76;
/// Strikes to either side that are looked at for a usable quote.
const REACH: usize = 5;

/// Net value a unit. `None` when a leg has no quote in its chain.
pub(super) fn model_value(seen: &[&SeriesChain], legs: &[Leg], now: Timestamp) -> Option<NetPrice> {
    let mut net = Decimal::ZERO;
    for leg in legs {
        let Instrument::Option(contract) = &leg.instrument else { return None };
        let of = seen.iter().find(|of| of.chain.series == contract.series)?;
        let quote = quote_of(&leg.instrument, &of.chain.quotes)?;
        let value = leg_value(of, quote, now) * Decimal::from(leg.ratio);
        net += if leg.side == Side::Sell { value } else { -value };
    }
    Some(NetPrice(net))
}

/// One option's value: Black-76 on the underlying's last price, at the volatility its neighbours'
/// mids imply there. Rate and dividend shift all of these alike, so they hardly show. Its own mid
/// where that makes no sense.
fn leg_value(of: &SeriesChain, quote: &OptionQuote, now: Timestamp) -> Decimal {
    let inputs = |quote: &OptionQuote, vol: f64| Inputs {
        spot: to_f64(of.underlying.last),
        strike: to_f64(quote.contract.strike),
        rate: 0.0,
        dividend: 0.0,
        vol,
        years: (quote.contract.series.last_trade - now).num_seconds() as f64
            / 60.0
            / MINUTES_A_YEAR,
        right: quote.contract.right,
    };
    let implied = |quote: &OptionQuote| {
        let whole = inputs(quote, 1.0).years > 0.0 && !quote.is_broken();
        let asked = || implied_volatility(MODEL, &inputs(quote, 1.0), to_f64(quote.mid()));
        whole.then(asked).flatten().filter(|vol| vol.is_finite() && *vol > 0.0)
    };
    let vol = neighbours_volatility(of, quote, implied);
    let value = vol.map(|vol| price(MODEL, &inputs(quote, vol)).price);
    value.and_then(|value| Decimal::try_from(value).ok()).unwrap_or_else(|| quote.mid())
}

/// Linear between the nearest strikes on either side of the same right.
fn neighbours_volatility(
    of: &SeriesChain,
    quote: &OptionQuote,
    implied: impl Fn(&OptionQuote) -> Option<f64>,
) -> Option<f64> {
    let strike = quote.contract.strike;
    let mut same: Vec<&OptionQuote> =
        of.chain.quotes.iter().filter(|q| q.contract.right == quote.contract.right).collect();
    same.sort_by_key(|q| q.contract.strike);
    let place = same.partition_point(|q| q.contract.strike < strike);
    let near = |q: &&OptionQuote| implied(q).map(|vol| (q.contract.strike, vol));
    let below = same[..place].iter().rev().take(REACH).find_map(near)?;
    let above = same[place..].iter().filter(|q| q.contract.strike > strike);
    let above = above.take(REACH).find_map(near)?;
    let [low, high, at] = [below.0, above.0, strike].map(to_f64);
    Some(below.1 + (above.1 - below.1) * (at - low) / (high - low))
}
