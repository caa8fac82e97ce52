//! `[market]`: the seed of the simulated market and the figures of the quote model (design §9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::instrument::Product;

/// Settings of the market feeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketSettings {
    /// Seed of the simulated market; the same seed gives the same prices.
    pub seed: u64,
    /// How the followers of the index stand to it.
    pub carry: CarrySettings,
    /// Volatility by expiry and strike.
    pub surface: SurfaceSettings,
    /// Bid, ask and open interest around the model's value.
    pub book: BookSettings,
    /// Quotes that go wrong.
    pub flaws: FlawSettings,
}

/// Quotes that go wrong in regular hours: how often, of a contract's own time. Which do is a pure
/// function of the seed, the contract and the instant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlawSettings {
    /// Percent of its half minutes in which its market is wide.
    pub wide_percent: f64,
    /// How much wider than usual.
    pub wide_factor: f64,
    /// Percent of its five seconds in which the bid is above the ask.
    pub crossed_percent: f64,
    /// Percent of its three minutes through which the quote stands still.
    pub stale_percent: f64,
}

/// How futures and ETFs follow the cash index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarrySettings {
    /// Interest, percent a year, continuously compounded.
    pub rate_percent: f64,
    /// Dividend yield, percent a year, by product.
    pub dividend_percent: BTreeMap<Product, f64>,
    /// Index points for one point of a product that follows by ratio.
    pub ratio: BTreeMap<Product, f64>,
}

/// Volatility by expiry and strike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurfaceSettings {
    /// The part of a trading day's variance that falls inside the session.
    pub session_share: f64,
    /// Trading days in a year, for the variance of one.
    pub sessions_a_year: f64,
    /// Days from which variance runs on calendar time only; nearer, session time is blended in.
    pub calendar_days: f64,
    /// Where volatility is pulled to, in points: the default term structure.
    pub long_run_vol: f64,
    /// How fast it is pulled there, a year.
    pub mean_reversion: f64,
    /// Relative volatility gained for each standard deviation below the forward.
    pub skew_slope: f64,
    /// Relative volatility gained for the square of standard deviations from the forward.
    pub skew_curve: f64,
    /// The slope of a same-day expiry over that of a far one.
    pub skew_same_day: f64,
    /// Days over which the slope passes from same-day to far.
    pub skew_days: f64,
    /// Implied volatility of a product that is not the S&P 500.
    pub other: BTreeMap<Product, VolOfVix>,
}

/// Implied volatility of a product from VIX: `base + vix × VIX`, in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolOfVix {
    /// Points at a VIX of zero.
    pub base: f64,
    /// Points for each point of VIX.
    pub vix: f64,
    /// Its skew over that of the S&P 500.
    pub skew: f64,
    /// Where it is pulled to, in points, instead of `long_run_vol`.
    #[serde(default)]
    pub long_run: Option<f64>,
}

impl VolOfVix {
    /// Points at a level of VIX.
    pub fn at(&self, vix: f64) -> f64 {
        self.base + self.vix * vix
    }
}

/// Bid, ask and open interest around the model's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookSettings {
    /// Width of the narrowest market, in ticks.
    pub width_ticks: f64,
    /// Width as percent of the value.
    pub width_percent: f64,
    /// Percent of the value added for each point of VIX above 15.
    pub width_percent_a_vix_point: f64,
    /// Width for a delta of one, as percent of the underlying: the hedge's own cost.
    pub width_hedge_percent: f64,
    /// How much wider markets are at the opening bell, falling to one over `open_minutes`.
    pub open_factor: f64,
    /// Minutes after the open until markets are at their usual width.
    pub open_minutes: f64,
    /// How much wider markets are outside regular hours.
    pub overnight_factor: f64,
    /// Contracts open at the money in a near expiry of the S&P 500.
    pub open_interest: f64,
    /// Standard deviations over which open interest falls by e.
    pub open_interest_reach: f64,
}

impl MarketSettings {
    /// Every figure out of its bounds, as `key = value: must …`; nothing when all is right.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut hold = |key: &str, found: f64, least: f64, most: f64| {
            if !(least..=most).contains(&found) {
                faults.push(format!("market.{key} = {found}: must be {least} to {most}"));
            }
        };
        let Self { seed: _, carry, surface, book, flaws } = self;
        hold("carry.rate_percent", carry.rate_percent, -5.0, 30.0);
        for (product, found) in &carry.dividend_percent {
            hold(&format!("carry.dividend_percent.{product}"), *found, 0.0, 30.0);
        }
        for (product, found) in &carry.ratio {
            hold(&format!("carry.ratio.{product}"), *found, 0.001, 100_000.0);
        }
        hold("surface.session_share", surface.session_share, 0.01, 1.0);
        hold("surface.sessions_a_year", surface.sessions_a_year, 100.0, 366.0);
        hold("surface.calendar_days", surface.calendar_days, 2.0, 60.0);
        hold("surface.long_run_vol", surface.long_run_vol, 1.0, 200.0);
        hold("surface.mean_reversion", surface.mean_reversion, 0.0, 100.0);
        hold("surface.skew_slope", surface.skew_slope, 0.0, 1.0);
        hold("surface.skew_curve", surface.skew_curve, 0.0, 0.2);
        hold("surface.skew_same_day", surface.skew_same_day, 0.0, 2.0);
        hold("surface.skew_days", surface.skew_days, 0.1, 3650.0);
        for (product, found) in &surface.other {
            hold(&format!("surface.other.{product}.base"), found.base, 0.1, 200.0);
            hold(&format!("surface.other.{product}.vix"), found.vix, 0.0, 10.0);
            hold(&format!("surface.other.{product}.skew"), found.skew, 0.0, 2.0);
            let long_run = found.long_run.unwrap_or(surface.long_run_vol);
            hold(&format!("surface.other.{product}.long_run"), long_run, 0.1, 200.0);
        }
        hold("book.width_ticks", book.width_ticks, 0.0, 100.0);
        hold("book.width_percent", book.width_percent, 0.0, 100.0);
        hold("book.width_percent_a_vix_point", book.width_percent_a_vix_point, 0.0, 10.0);
        hold("book.width_hedge_percent", book.width_hedge_percent, 0.0, 10.0);
        hold("book.open_factor", book.open_factor, 1.0, 100.0);
        hold("book.open_minutes", book.open_minutes, 0.1, 390.0);
        hold("book.overnight_factor", book.overnight_factor, 1.0, 100.0);
        hold("book.open_interest", book.open_interest, 0.0, 1e9);
        hold("book.open_interest_reach", book.open_interest_reach, 0.1, 100.0);
        hold("flaws.wide_percent", flaws.wide_percent, 0.0, 100.0);
        hold("flaws.wide_factor", flaws.wide_factor, 1.0, 1000.0);
        hold("flaws.crossed_percent", flaws.crossed_percent, 0.0, 100.0);
        hold("flaws.stale_percent", flaws.stale_percent, 0.0, 100.0);
        faults
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The embedded defaults, read once.
    pub(crate) fn settings() -> MarketSettings {
        static READ: std::sync::OnceLock<MarketSettings> = std::sync::OnceLock::new();
        READ.get_or_init(|| crate::config::Settings::default_embedded().market).clone()
    }

    #[test]
    fn a_figure_out_of_its_bounds_is_named_with_them() {
        let mut wrong = settings();
        wrong.surface.session_share = 0.0;
        wrong.book.width_percent = f64::NAN;
        wrong.carry.ratio.insert(Product::Xsp, -10.0);
        let told = [
            "market.carry.ratio.XSP = -10: must be 0.001 to 100000",
            "market.surface.session_share = 0: must be 0.01 to 1",
            "market.book.width_percent = NaN: must be 0 to 100",
        ];
        assert_eq!(wrong.faults(), told);
        assert_eq!(settings().faults(), Vec::<String>::new());
    }

    #[test]
    fn every_product_has_its_dividend_and_every_other_asset_its_volatility() {
        let settings = settings();
        for product in Product::ALL {
            assert!(settings.carry.dividend_percent.contains_key(product), "{product}");
        }
        let index = [Product::Es, Product::Mes, Product::Spx, Product::Xsp, Product::Spy];
        for product in Product::ALL.iter().filter(|product| !index.contains(product)) {
            assert!(settings.surface.other.contains_key(product), "{product}");
        }
    }
}
