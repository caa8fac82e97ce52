//! The market around a model value: bid, ask, open interest, and which strikes are listed.

use rust_decimal::{Decimal, dec, prelude::ToPrimitive};

use super::noise::Noise;
use crate::{
    config::market::BookSettings,
    instrument::{Product, tick::option_ticks},
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
    option_ticks(product).tick_at(Decimal::new((value * 100.0).to_i64().unwrap_or(0), 2))
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

/// The distance between listed strikes of an expiry `days` away.
pub fn strike_step(product: Product, days: f64) -> Decimal {
    let near = match product {
        Product::Es | Product::Mes | Product::Spx => dec!(5),
        Product::Xsp | Product::Spy | Product::Qqq | Product::Gld | Product::Tlt => dec!(1),
    };
    if days <= 60.0 { near } else { near * dec!(5) }
}

/// Contracts open at the last session's end: most at the money, more at round strikes.
pub fn open_interest(
    settings: &BookSettings,
    product: Product,
    strike: Decimal,
    deviations: f64,
    contract: Noise,
) -> u32 {
    let share = match product {
        Product::Spx => 1.0,
        Product::Spy => 1.5,
        Product::Qqq => 0.8,
        Product::Es => 0.4,
        Product::Xsp | Product::Gld | Product::Tlt => 0.3,
        Product::Mes => 0.15,
    };
    let step = strike_step(product, 0.0);
    let round = [(dec!(20), 3.0), (dec!(10), 2.0), (dec!(5), 1.4)];
    let multiple = round.iter().find(|(n, _)| (strike % (step * n)).is_zero());
    let round = multiple.map_or(1.0, |(_, more)| *more);
    let near = libm::exp(-deviations.abs() / settings.open_interest_reach);
    let drawn = 0.6 + 0.8 * contract.uniform(0);
    (settings.open_interest * share * round * near * drawn).to_u32().unwrap_or(0)
}

#[cfg(test)]
mod tests;
