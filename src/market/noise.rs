//! Randomness that is a pure function of what it is for: a hash of (seed, stream, place), so
//! queries agree in any order and a restart changes nothing.

use libm::{log, sqrt};

/// What a draw is for; keeps the streams apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A day's return and volatility.
    Day = 1,
    /// Minutes inside a day.
    Minute,
    /// Seconds inside a minute.
    Second,
    /// Where a day's extremes fall.
    Extreme,
    /// Night moves of the futures.
    Night,
    /// The pound.
    Fx,
    /// Widths of markets.
    Width,
    /// Open interest.
    Interest,
    /// Faults of a simulation.
    Fault,
    /// Days of the assets that follow others.
    Link,
}

/// A source keyed by seed, stream and one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noise(u64);

impl Noise {
    /// The source for `stream` of `seed`.
    pub fn new(seed: u64, stream: Stream) -> Self {
        Self(mix(seed ^ mix(stream as u64)))
    }

    /// The source one level down: a day, an asset, a contract.
    #[must_use]
    pub fn of(self, place: u64) -> Self {
        Self(mix(self.0 ^ mix(place.wrapping_add(0x9E37_79B9_7F4A_7C15))))
    }

    /// 64 random bits at `index`.
    pub fn bits(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// Uniform in the open interval (0, 1).
    pub fn uniform(self, index: u64) -> f64 {
        let high = self.bits(index) >> 12;
        (high as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Standard normal, tails included.
    pub fn normal(self, index: u64) -> f64 {
        inverse_normal(self.uniform(index))
    }

    /// About normal, cheap, never beyond ±3.46: the sum of four uniforms out of one hash.
    pub fn rough(self, index: u64) -> f64 {
        let bits = self.bits(index);
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xFFFF).sum();
        // Four uniforms on 0..=65535: mean 131070, variance 4 × (65536² − 1) / 12.
        (sum as f64 - 131_070.0) / 37_837.227
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014): every input bit moves every output bit.
fn mix(value: u64) -> u64 {
    let mut z = value;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Quantile of the standard normal: Acklam's rational approximation, relative error below 1.2e-9.
fn inverse_normal(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const TAIL: f64 = 0.024_25;
    let tail = |q: f64| horner(&C, q) / horner(&D, q);
    if p < TAIL {
        tail(sqrt(-2.0 * log(p)))
    } else if p > 1.0 - TAIL {
        -tail(sqrt(-2.0 * log(1.0 - p)))
    } else {
        let q = p - 0.5;
        let r = q * q;
        q * horner(&A, r) / horner(&B, r)
    }
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_standard_normal_and_the_same_for_the_same_place() {
        let noise = Noise::new(7, Stream::Day).of(3);
        for draw in [Noise::normal, Noise::rough] {
            let draws: Vec<f64> = (0..20_000).map(|i| draw(noise, i)).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
            assert!(mean.abs() < 0.03, "mean {mean}");
            assert!((variance - 1.0).abs() < 0.04, "variance {variance}");
        }
        assert_eq!(noise.bits(5), Noise::new(7, Stream::Day).of(3).bits(5));
        assert_ne!(noise.bits(5), Noise::new(7, Stream::Minute).of(3).bits(5));
        assert_ne!(noise.bits(5), Noise::new(8, Stream::Day).of(3).bits(5));
    }

    // Quantiles of the standard normal, from R's qnorm.
    #[test]
    fn the_quantile_is_that_of_the_normal() {
        let cases = [
            (0.5, 0.0),
            (0.975, 1.959_963_985),
            (0.001, -3.090_232_306),
            (1e-9, -5.997_807_015),
            (0.2, -0.841_621_234),
        ];
        for (p, quantile) in cases {
            assert!((inverse_normal(p) - quantile).abs() < 1e-7, "{p}");
        }
    }
}
