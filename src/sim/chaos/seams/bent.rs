//! Wrong quotes: pure functions of the true one, the seed and the second.

use rust_decimal::{Decimal, dec};

use crate::{
    clock::Timestamp,
    instrument::tick::option_ticks,
    market::{OptionQuote, VixQuote},
    sim::chaos::{dice::Dice, plan::FeedFault},
};

/// What wild marks are drawn from.
const WILD: u64 = 0x0805_2024;
/// A print that is no news any more.
const VIX_AGE: chrono::TimeDelta = chrono::TimeDelta::minutes(40);
/// VIX of 2024-08-05 before the open, over its close of the day before: 65.73 / 23.39.
const VIX_SPIKE: Decimal = dec!(2.81);

/// An option's quote, wrong in one way.
pub(super) fn option(how: FeedFault, truth: OptionQuote, seed: u64, now: Timestamp) -> OptionQuote {
    match how {
        FeedFault::Crossed => OptionQuote { bid: truth.ask, ask: truth.bid, ..truth },
        FeedFault::Zero => OptionQuote { bid: Decimal::ZERO, ask: Decimal::ZERO, ..truth },
        FeedFault::NanGreeks => OptionQuote {
            implied_volatility: f64::NAN,
            delta: f64::NAN,
            gamma: f64::NAN,
            theta: f64::NAN,
            vega: f64::NAN,
            ..truth
        },
        FeedFault::Wild => wild(truth, seed, now),
        _ => truth,
    }
}

/// A mark far from fair in a market wide enough to hold it, another each second: the opening
/// quarter of an hour of 2024-08-05.
fn wild(truth: OptionQuote, seed: u64, now: Timestamp) -> OptionQuote {
    let strike = u64::try_from(truth.contract.strike.trunc()).unwrap_or(0);
    let right = u64::from(truth.contract.right.letter() as u32);
    let place = strike ^ (right << 40) ^ now.timestamp().cast_unsigned().rotate_left(20);
    let mut dice = Dice::new(seed ^ place, WILD);
    let ticks = option_ticks(truth.contract.series.product);
    let mid = truth.mid() * Decimal::from(dice.between(40, 320)) / Decimal::ONE_HUNDRED;
    let half = mid * Decimal::from(dice.between(10, 90)) / Decimal::ONE_HUNDRED;
    let bid = ticks.round_down(mid - half).max(Decimal::ZERO);
    let ask = ticks.round_up(mid + half).max(bid + ticks.tick_at(bid));
    OptionQuote { bid, ask, ..truth }
}

/// A VIX print, wrong in one way.
pub(super) fn vix(how: FeedFault, truth: VixQuote) -> VixQuote {
    match how {
        FeedFault::VixStale => VixQuote { at: truth.at - VIX_AGE, ..truth },
        FeedFault::VixSpike => VixQuote { level: (truth.level * VIX_SPIKE).round_dp(2), ..truth },
        FeedFault::Zero => VixQuote { level: Decimal::ZERO, ..truth },
        _ => truth,
    }
}
