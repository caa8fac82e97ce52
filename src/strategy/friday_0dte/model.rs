//! The model's value of an order, for price sanity (rulebook §5 limit 14).
//!
//! A leg's own quote is no check on itself: each leg is priced with the volatility its neighbours
//! in the chain give it, so one wrong quote stands out.

use rust_decimal::Decimal;

use crate::{
    account::{Leg, NetPrice, Side},
    clock::Timestamp,
    market::{Chain, OptionQuote},
    money::to_f64,
    pricing::{Inputs, MINUTES_A_YEAR, Model, price},
    strategy::closing::quote_of,
};

/// Net value a unit: Black-76 on the underlying's last price, hours from expiry, so neither rate
/// nor dividend shows. `None` when a leg has no quote.
pub(super) fn model_value(
    chain: &Chain,
    legs: &[Leg],
    last: Decimal,
    now: Timestamp,
) -> Option<NetPrice> {
    let mut net = Decimal::ZERO;
    for leg in legs {
        let quote = quote_of(&leg.instrument, &chain.quotes)?;
        let value = leg_value(chain, quote, last, now) * Decimal::from(leg.ratio);
        net += if leg.side == Side::Sell { value } else { -value };
    }
    Some(NetPrice(net))
}

/// One option's value; its own mid where no volatility around it makes sense.
fn leg_value(chain: &Chain, quote: &OptionQuote, last: Decimal, now: Timestamp) -> Decimal {
    let vol = neighbours_volatility(chain, quote).unwrap_or(quote.implied_volatility);
    let minutes = (quote.contract.series.last_trade - now).num_seconds() as f64 / 60.0;
    let usable = vol.is_finite() && vol > 0.0 && minutes > 0.0;
    let priced = usable.then(|| {
        let inputs = Inputs {
            spot: to_f64(last),
            strike: to_f64(quote.contract.strike),
            rate: 0.0,
            dividend: 0.0,
            vol,
            years: minutes / MINUTES_A_YEAR,
            right: quote.contract.right,
        };
        price(Model::Black76, &inputs).price
    });
    priced.and_then(|value| Decimal::try_from(value).ok()).unwrap_or_else(|| quote.mid())
}

/// Linear between the nearest strikes on either side of the same right.
fn neighbours_volatility(chain: &Chain, quote: &OptionQuote) -> Option<f64> {
    let strike = quote.contract.strike;
    let same = |other: &&OptionQuote| {
        let vol = other.implied_volatility;
        other.contract.right == quote.contract.right && vol.is_finite() && vol > 0.0
    };
    let below = chain.quotes.iter().filter(same).filter(|q| q.contract.strike < strike);
    let below = below.max_by_key(|q| q.contract.strike)?;
    let above = chain.quotes.iter().filter(same).filter(|q| q.contract.strike > strike);
    let above = above.min_by_key(|q| q.contract.strike)?;
    let [low, high, at] = [below.contract.strike, above.contract.strike, strike].map(to_f64);
    let share = (at - low) / (high - low);
    Some(below.implied_volatility + (above.implied_volatility - below.implied_volatility) * share)
}
