//! How ES, MES, XSP and SPY follow the S&P 500: futures by carry, the others by ratio.

use crate::{
    clock::Timestamp, config::market::CarrySettings, instrument::Product, pricing::MINUTES_A_YEAR,
};

/// Years of 365 days from one instant to another, not below zero.
pub fn years_between(from: Timestamp, to: Timestamp) -> f64 {
    ((to - from).num_seconds().max(0) as f64 / 60.0) / MINUTES_A_YEAR
}

/// Continuously compounded rate, as a decimal.
pub fn rate(settings: &CarrySettings) -> f64 {
    settings.rate_percent / 100.0
}

/// Dividend yield of a product, as a decimal.
pub fn dividend(settings: &CarrySettings, product: Product) -> f64 {
    settings.dividend_percent.get(&product).copied().unwrap_or(0.0) / 100.0
}

/// What a point of the product costs in points of its index.
pub fn ratio(settings: &CarrySettings, product: Product) -> f64 {
    settings.ratio.get(&product).copied().unwrap_or(1.0)
}

/// A future's fair value: the index grown at rate less dividend to its expiry.
pub fn fair_future(
    settings: &CarrySettings,
    product: Product,
    spot: f64,
    at: Timestamp,
    expiry: Timestamp,
) -> f64 {
    let growth = rate(settings) - dividend(settings, product);
    spot * libm::exp(growth * years_between(at, expiry))
}

#[cfg(test)]
mod tests;
