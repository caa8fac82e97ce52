//! The market around a model value: bid, ask, open interest, and which strikes are listed.

use rust_decimal::{Decimal, dec, prelude::ToPrimitive};

use super::noise::Noise;
use crate::{
    config::market::BookSettings,
    instrument::{AssetClass, Product, tick::option_ticks},
    money::to_f64,
};

/// What an option's market depends on besides its value.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// VIX in points.
    pub vix: f64,
    /// The underlying in points.
    pub underlying: f64,
    /// How much wider than usual markets are now.
    pub factor: f64,
}

/// Bid and ask around a model value, on the tick; a bid of zero where nobody pays one tick.
pub fn bid_ask(
    settings: &BookSettings,
    product: Product,
    value: f64,
    delta: f64,
    conditions: Conditions,
    jitter: f64,
) -> (Decimal, Decimal) {
    let tick = to_f64(option_tick(product, value));
    let percent = settings.width_percent
        + settings.width_percent_a_vix_point * (conditions.vix - 15.0).max(0.0);
    let hedge = settings.width_hedge_percent / 100.0 * conditions.underlying * delta.abs();
    let usual = (settings.width_ticks * tick).max(value * percent / 100.0 + hedge);
    let half = usual * conditions.factor * jitter / 2.0;
    let bid = on_tick(product, (value - half).max(0.0));
    let ask = on_tick(product, value + half);
    (bid, ask.max(bid + option_tick(product, to_f64(bid))))
}

/// How much wider markets are at a moment: `minutes` since the open, `None` outside the session.
pub fn width_factor(settings: &BookSettings, minutes: Option<f64>) -> f64 {
    let Some(minutes) = minutes else { return settings.overnight_factor };
    let calm = (minutes / settings.open_minutes).clamp(0.0, 1.0);
    settings.open_factor + (1.0 - settings.open_factor) * calm
}

/// A factor on width that moves every five seconds, between 0.85 and 1.2.
pub fn width_jitter(contract: Noise, second: i64) -> f64 {
    0.85 + 0.35 * contract.uniform(second.div_euclid(5).cast_unsigned())
}

/// The tick of an option's price near a value.
fn option_tick(product: Product, value: f64) -> Decimal {
    // In cents, but for currencies, whose limits are finer.
    let (unit, places) = match product.class() {
        AssetClass::Currency => (1e7, 7),
        _ => (1e2, 2),
    };
    option_ticks(product).tick_at(Decimal::new((value * unit).to_i64().unwrap_or(0), places))
}

/// The nearest price on the product's tick.
pub fn on_tick(product: Product, value: f64) -> Decimal {
    to_multiple(value, option_tick(product, value))
}

/// The nearest multiple of a step to a value.
pub fn to_multiple(value: f64, step: Decimal) -> Decimal {
    let count = libm::round(value / to_f64(step)).to_i64().unwrap_or(0);
    step * Decimal::from(count)
}

/// The highest multiple of a step not above a value.
pub fn multiple_below(value: f64, step: Decimal) -> Decimal {
    let count = libm::floor(value / to_f64(step)).to_i64().unwrap_or(0);
    step * Decimal::from(count)
}

/// The distance between listed strikes of an expiry `days` away: what the exchanges list around
/// the money.
pub fn strike_step(product: Product, days: f64) -> Decimal {
    match product {
        Product::Es | Product::Mes | Product::Spx => far(dec!(5), days, 60.0),
        Product::Xsp | Product::Spy | Product::Qqq => far(dec!(1), days, 60.0),
        Product::Nq | Product::Mnq => far(dec!(50), days, 200.0),
        Product::Gld | Product::Iwm | Product::Dia | Product::Xop => far(dec!(1), days, 200.0),
        Product::Tlt | Product::Slv | Product::Uso | Product::Xle => far(dec!(0.5), days, 200.0),
        Product::Rty | Product::Zs | Product::Pl => dec!(10),
        Product::Gc | Product::Mgc | Product::Zc | Product::Zw => dec!(5),
        Product::Le | Product::He => dec!(1),
        Product::Cl | Product::Mcl | Product::Zb => dec!(0.5),
        Product::Si | Product::Zn | Product::Zf => dec!(0.25),
        Product::Zt => dec!(0.125),
        Product::Hg => dec!(0.05),
        Product::Rb | Product::Ho => dec!(0.02),
        Product::Gbp | Product::Eur | Product::Chf => dec!(0.005),
        Product::Aud | Product::Cad => dec!(0.0025),
        Product::Jpy => dec!(0.00005),
    }
}

/// A step that is five times as wide from so many days on.
fn far(near: Decimal, days: f64, from: f64) -> Decimal {
    if days <= from { near } else { near * dec!(5) }
}

/// Contracts open at the last session's end: most at the money, more at round strikes.
pub fn open_interest(
    settings: &BookSettings,
    product: Product,
    strike: Decimal,
    deviations: f64,
    contract: Noise,
) -> u32 {
    let share = interest_share(product);
    let step = strike_step(product, 0.0);
    let round = [(dec!(20), 3.0), (dec!(10), 2.0), (dec!(5), 1.4)];
    let multiple = round.iter().find(|(n, _)| (strike % (step * n)).is_zero());
    let round = multiple.map_or(1.0, |(_, more)| *more);
    let near = libm::exp(-deviations.abs() / settings.open_interest_reach);
    let drawn = 0.6 + 0.8 * contract.uniform(0);
    (settings.open_interest * share * round * near * drawn).to_u32().unwrap_or(0)
}

/// Open interest over that of SPX.
fn interest_share(product: Product) -> f64 {
    match product {
        Product::Spx => 1.0,
        Product::Spy => 1.5,
        Product::Qqq | Product::Iwm => 0.8,
        Product::Es | Product::Cl | Product::Gc | Product::Zn => 0.4,
        Product::Xsp | Product::Gld | Product::Tlt | Product::Slv | Product::Uso => 0.3,
        Product::Mes | Product::Mnq | Product::Mcl | Product::Mgc => 0.15,
        Product::Rty | Product::Dia | Product::Zt | Product::Hg => 0.1,
        Product::Rb | Product::Ho | Product::Pl | Product::Chf => 0.05,
        _ => 0.2,
    }
}

#[cfg(test)]
mod tests;
