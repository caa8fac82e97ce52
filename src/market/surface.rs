//! Volatility by expiry and strike, from one number a minute: VIX (design §9).
//!
//! Same-day expiry: variance left = VIX² / 252 × 0.75 × the part of the session left. Farther
//! expiries: VIX at 30 days, VIX9D and VIX3M where known, else a mean-reverting curve; nearer than
//! 30 days the clock passes gradually from sessions to calendar time, so that a chain does not
//! jump when it becomes the day's own.

use super::tape::TermRatios;
use crate::config::market::SurfaceSettings;

/// Calendar days of the indices' tenors.
const VIX_DAYS: f64 = 30.0;
const VIX9D_DAYS: f64 = 9.0;
const VIX3M_DAYS: f64 = 93.0;

/// Deviations at which the smile levels off.
const LEVEL_DEVIATIONS: f64 = 4.0;

/// How far an expiry is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tenor {
    /// Years of 365 days, by the calendar, above zero.
    pub years: f64,
    /// Trading days of variance left; one is a night and a session.
    pub sessions: f64,
}

impl Tenor {
    /// Calendar days left.
    pub fn days(self) -> f64 {
        self.years * 365.0
    }
}

/// The volatility of one expiry by strike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smile {
    forward: f64,
    /// Volatility at the forward, a year of calendar time.
    pub at_forward: f64,
    deviation: f64,
    slope: f64,
    curve: f64,
}

/// What is a product's own in its smile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Own {
    /// Its 30-day volatility, points.
    pub level: f64,
    /// Where that is pulled to, points.
    pub long_run: f64,
    /// Its skew over that of the S&P 500.
    pub skew: f64,
}

impl Smile {
    /// The smile of an expiry.
    pub fn new(
        settings: &SurfaceSettings,
        own: Own,
        ratios: TermRatios,
        tenor: Tenor,
        forward: f64,
    ) -> Self {
        let at_forward = at_the_money(settings, own, ratios, tenor);
        let far = libm::sqrt((tenor.days() / settings.skew_days).clamp(0.0, 1.0));
        let short = settings.skew_same_day;
        Self {
            forward,
            at_forward,
            deviation: at_forward * libm::sqrt(tenor.years),
            slope: own.skew * settings.skew_slope * (short + (1.0 - short) * far),
            curve: settings.skew_curve,
        }
    }

    /// Standard deviations of a strike from the forward.
    pub fn deviations(&self, strike: f64) -> f64 {
        if self.deviation > 0.0 { libm::log(strike / self.forward) / self.deviation } else { 0.0 }
    }

    /// The volatility at a strike, a year of calendar time.
    pub fn vol(&self, strike: f64) -> f64 {
        // A parabola without an end would let far puts cost more than nearer ones: it levels off.
        let z = self.deviations(strike);
        let z = z / libm::sqrt(1.0 + (z / LEVEL_DEVIATIONS) * (z / LEVEL_DEVIATIONS));
        self.at_forward * (1.0 - self.slope * z + self.curve * z * z).max(0.5)
    }
}

/// Volatility at the forward, a decimal a year of calendar time.
fn at_the_money(settings: &SurfaceSettings, own: Own, ratios: TermRatios, tenor: Tenor) -> f64 {
    let sigma = own.level / 100.0 * term(settings, own, ratios, tenor.days());
    let calendar = ((tenor.days() - 1.0) / (settings.calendar_days - 1.0)).clamp(0.0, 1.0);
    let by_session = tenor.sessions / settings.sessions_a_year;
    let time = by_session * (1.0 - calendar) + tenor.years * calendar;
    sigma * libm::sqrt(time / tenor.years)
}

/// Volatility of a tenor over that of 30 days.
fn term(settings: &SurfaceSettings, own: Own, ratios: TermRatios, days: f64) -> f64 {
    let near = ratios.nine_days.unwrap_or_else(|| curve(settings, own, VIX9D_DAYS));
    let default_far = curve(settings, own, VIX3M_DAYS);
    let far = ratios.three_months.unwrap_or(default_far);
    let between = |(d0, r0): (f64, f64), (d1, r1): (f64, f64)| {
        let root = libm::sqrt;
        r0 + (r1 - r0) * (root(days) - root(d0)) / (root(d1) - root(d0))
    };
    if days <= 1.0 {
        1.0
    } else if days <= VIX9D_DAYS {
        between((1.0, 1.0), (VIX9D_DAYS, near))
    } else if days <= VIX_DAYS {
        between((VIX9D_DAYS, near), (VIX_DAYS, 1.0))
    } else if days <= VIX3M_DAYS {
        between((VIX_DAYS, 1.0), (VIX3M_DAYS, far))
    } else {
        curve(settings, own, days) * far / default_far
    }
}

/// The default curve: mean variance to `days` when instantaneous variance is pulled to its long
/// run, as in Heston's model, anchored at VIX; over VIX.
fn curve(settings: &SurfaceSettings, own: Own, days: f64) -> f64 {
    let mean = |days: f64| {
        let x = settings.mean_reversion * days / 365.0;
        if x > 0.0 { -libm::expm1(-x) / x } else { 1.0 }
    };
    let long_run = own.long_run * own.long_run;
    let square = own.level * own.level;
    // A very low VIX would need a negative start: never below a quarter of its variance.
    let start = ((square - long_run) / mean(VIX_DAYS) + long_run).max(square / 4.0);
    libm::sqrt((long_run + (start - long_run) * mean(days)) / square)
}

#[cfg(test)]
mod tests;
