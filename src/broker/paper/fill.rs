//! The fill model: what one look at an order does. Pure; the assumptions are listed in the
//! module above.

use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{
    order::{UnevenUnit, VenueOrder},
    price::{self, LegBook},
};
use crate::{clock::Timestamp, config::paper::FillSettings};

/// Chances are compared in parts per million.
const MILLION: u64 = 1_000_000;

/// What a look at an order found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// So many units fill, at these prices of the legs.
    Fill {
        /// Units, above zero.
        units: u32,
        /// A price a leg, in points.
        prices: Vec<Decimal>,
    },
    /// One leg of one unit fills; the others of the unit follow at later looks.
    Leg {
        /// The leg's place in the order.
        leg: usize,
        /// A price a leg for the whole unit, in points.
        prices: Vec<Decimal>,
    },
    /// Nothing now; the limit is near the market.
    Near,
    /// Nothing now; the limit is far from the market, or the market cannot be traded.
    Far,
}

/// Looks at an order at a grid instant, with the market of its legs (`None` when a leg has none).
/// `behind` says that another order of the account stands before it in the queue.
pub fn look(
    settings: &FillSettings,
    order: &VenueOrder,
    books: Option<&[LegBook]>,
    behind: bool,
    at: Timestamp,
) -> Look {
    let Some(books) = books else { return Look::Far };
    if let Some(unit) = &order.uneven {
        return next_leg(settings, order, unit, at);
    }
    let (natural, mid, limit) = (price::natural(books), price::mid(books), order.limit.0);
    if limit > mid {
        let far = limit - mid > settings.far_half_spreads * (mid - natural);
        return if far { Look::Far } else { Look::Near };
    }
    let seed = Draw { seed: settings.seed, order: order.id, at };
    let displayed = displayed_units(books);
    if behind || displayed == 0 {
        return Look::Near;
    }
    let units = if limit <= natural {
        order.remaining().min(displayed)
    } else {
        let crossed = (mid - limit) / (mid - natural);
        if seed.parts(1) >= chance(settings, crossed, rested(order, at)) {
            return Look::Near;
        }
        let share = seed.parts(2) * u64::from(order.remaining()) / MILLION;
        u32::try_from(share + 1).unwrap_or(1).min(order.remaining()).min(displayed)
    };
    match price::share_out(books, limit) {
        Some(prices) if books.len() > 1 && seed.is_within(3, settings.uneven_fill_percent) => {
            Look::Leg { leg: seed.choice(4, books.len()), prices }
        }
        Some(prices) => Look::Fill { units, prices },
        None => Look::Near,
    }
}

/// The next leg of a unit whose legs fill one by one: at every other look, as drawn.
fn next_leg(settings: &FillSettings, order: &VenueOrder, unit: &UnevenUnit, at: Timestamp) -> Look {
    let seed = Draw { seed: settings.seed, order: order.id, at };
    let next = unit.filled.iter().position(|filled| !filled);
    match next {
        Some(leg) if seed.parts(5) < MILLION / 2 => Look::Leg { leg, prices: unit.prices.clone() },
        _ => Look::Near,
    }
}

/// True when the broker refuses an order for no reason of ours: half of the rejects.
pub fn is_refused(settings: &FillSettings, order: u64, at: Timestamp) -> bool {
    Draw { seed: settings.seed, order, at }.is_within(6, settings.reject_percent / Decimal::TWO)
}

/// True when the exchange rejects an order the broker took: the other half. The same for ever, so
/// that it happens at the order's first look.
pub fn is_rejected(settings: &FillSettings, order: u64) -> bool {
    let seed = Draw { seed: settings.seed, order, at: Timestamp::UNIX_EPOCH };
    seed.is_within(7, settings.reject_percent / Decimal::TWO)
}

/// Seconds the order has worked, at its one price.
fn rested(order: &VenueOrder, at: Timestamp) -> u32 {
    let since = order.live_at.map_or(0, |live| (at - live).num_seconds());
    u32::try_from(since).unwrap_or(0)
}

/// Units the displayed sizes allow. Where nothing was taken yet it is at least one, so that a ratio
/// above what is shown can fill.
fn displayed_units(books: &[LegBook]) -> u32 {
    let of_leg = |leg: &LegBook| {
        let units = leg.displayed / leg.ratio.max(1);
        if leg.untouched { units.max(1) } else { units }
    };
    books.iter().map(of_leg).min().unwrap_or(0)
}

/// What is still missing, after `seconds`, of the displayed size that a fill of `contracts` took.
pub fn not_back(settings: &FillSettings, contracts: u64, seconds: i64) -> u32 {
    let whole = u64::from(settings.size_back_seconds);
    let left = whole.saturating_sub(u64::try_from(seconds).unwrap_or(0));
    if left == 0 {
        return 0;
    }
    u32::try_from(contracts.saturating_mul(left).div_ceil(whole)).unwrap_or(u32::MAX)
}

/// Chance of a fill in parts per million, for the share of the way from mid to natural the limit
/// has gone (0 at mid, 1 at natural) and the seconds the order has rested there.
fn chance(settings: &FillSettings, crossed: Decimal, rested: u32) -> u64 {
    let (low, high) = (settings.chance_at_mid_percent, settings.chance_near_natural_percent);
    let percent = low + (high - low) * crossed;
    parts_of(percent * queued(settings, rested))
}

/// How far up the queue an order is after so many seconds: the share of its chance.
fn queued(settings: &FillSettings, rested: u32) -> Decimal {
    let (whole, rested) = (settings.queue_seconds, rested.min(settings.queue_seconds));
    if rested == whole {
        return Decimal::ONE;
    }
    let start = settings.queue_start_percent / Decimal::ONE_HUNDRED;
    start + (Decimal::ONE - start) * Decimal::from(rested) / Decimal::from(whole)
}

/// Numbers that look random and are a pure function of seed, order (or what else is drawn for) and
/// instant.
#[derive(Clone, Copy)]
pub(super) struct Draw {
    pub(super) seed: u64,
    pub(super) order: u64,
    pub(super) at: Timestamp,
}

impl Draw {
    /// A number below a million, the same for ever.
    fn parts(self, purpose: u64) -> u64 {
        let words = [self.order, self.at.timestamp().cast_unsigned(), purpose];
        words.into_iter().fold(mixed(self.seed), |state, word| mixed(state ^ word)) % MILLION
    }

    /// True in so many percent of cases.
    pub(super) fn is_within(self, purpose: u64, percent: Decimal) -> bool {
        percent > Decimal::ZERO && self.parts(purpose) < parts_of(percent)
    }

    /// One of `count` places, above zero.
    pub(super) fn choice(self, purpose: u64, count: usize) -> usize {
        let count = count as u64;
        usize::try_from(self.parts(purpose) * count / MILLION).unwrap_or(0)
    }
}

/// Percent in parts per million.
fn parts_of(percent: Decimal) -> u64 {
    (percent * Decimal::from(MILLION / 100)).to_u64().unwrap_or(0)
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014).
fn mixed(word: u64) -> u64 {
    let z = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Contracts a leg displays for its open interest.
pub fn displayed(settings: &FillSettings, open_interest: u32) -> u32 {
    let shown = open_interest / settings.open_interest_a_contract.max(1);
    shown.clamp(1, settings.displayed_contracts_max.max(1))
}

/// The first instant of a grid strictly after another.
pub fn next_grid(after: Timestamp, seconds: u32) -> Timestamp {
    let step = i64::from(seconds.max(1));
    let next = (after.timestamp().div_euclid(step) + 1) * step;
    Timestamp::from_timestamp(next, 0).unwrap_or(after)
}
