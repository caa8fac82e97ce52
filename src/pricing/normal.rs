//! The standard normal distribution.

use std::f64::consts::FRAC_1_SQRT_2;

/// 1/√(2π).
const FRAC_1_SQRT_2_PI: f64 = 0.398_942_280_401_432_7;

/// Density.
pub(super) fn pdf(x: f64) -> f64 {
    FRAC_1_SQRT_2_PI * libm::exp(-0.5 * x * x)
}

/// Distribution function, accurate in both tails; exact at ±∞.
pub(super) fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}
