//! `payoff`: what a position brings at its nearest expiration, by the price of its underlying. What
//! expires later is valued by the model at the volatility of its last mark.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Known, positions::nearest, usd};
use crate::{
    account::{Position, PositionId, StrategyId, exposure::Exposure},
    calendar::new_york_date,
    clock::Timestamp,
    desk::describe,
    instrument::{Instrument, Right},
    money::{Usd, to_f64},
    strategy::closing::open_legs,
};

/// Prices between the ends of the picture.
const STEPS: u32 = 60;
/// The picture reaches so far beyond the strikes and the price, as a share of the price.
const BEYOND: f64 = 0.03;
/// Break-evens are looked for up to so many times the highest strike or price.
const FAR: f64 = 3.0;
/// Halvings that find a break-even: to a billionth of the interval it lies in.
const HALVINGS: u32 = 30;

/// A position at its nearest expiration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PayoffView {
    /// The position.
    pub position: PositionId,
    /// Whose.
    pub strategy: StrategyId,
    /// In words.
    pub what: String,
    /// The expiration.
    pub expiration_date: NaiveDate,
    /// Calendar days to it.
    pub days_left: i64,
    /// Its underlying, as it was last seen.
    pub underlying_points: Option<f64>,
    /// The moment of that.
    pub marks_at: Option<Timestamp>,
    /// What it comes to if the underlying stays there, after fees so far.
    pub profit_there_usd: Option<Usd>,
    /// The most it can bring; `None` without a bound.
    pub max_profit_usd: Option<Usd>,
    /// The least, below zero a loss; `None` without a bound.
    pub max_loss_usd: Option<Usd>,
    /// Prices at which it brings nothing.
    pub break_evens: Vec<PricePoint>,
    /// Something expires later: these figures are a model's.
    pub modelled: bool,
    /// The curve, by price.
    pub curve: Vec<CurvePoint>,
}

/// A price of the underlying.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PricePoint {
    /// The price.
    pub underlying_points: f64,
}

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The price of the underlying.
    pub underlying_points: f64,
    /// The profit there.
    pub profit_usd: Usd,
}

/// A position's payoff.
///
/// # Errors
/// In words, where no such position is open, none of it expires, or what expires later has no marks.
pub fn of(known: &Known<'_>, id: &PositionId) -> Result<PayoffView, String> {
    let position = known.snapshot.positions.iter().find(|position| position.id == *id);
    let position =
        position.ok_or_else(|| format!("no position `{id}` is open; /positions lists them"))?;
    let expiration =
        nearest(position).ok_or_else(|| format!("nothing of `{id}` is an option any more"))?;
    let marked = known.marks(position);
    let legs = marked.map(|marked| marked.legs.as_slice()).unwrap_or_default();
    let shape = Shape::of(position, expiration, legs)?;
    let (prices, far) = shape.prices();
    let today = new_york_date(known.snapshot.now);
    let curve = prices.iter().map(|price| CurvePoint {
        underlying_points: (price * 100.0).round() / 100.0,
        profit_usd: usd(shape.profit(*price)),
    });
    Ok(PayoffView {
        position: id.clone(),
        strategy: position.strategy,
        what: describe::position(position),
        expiration_date: expiration,
        days_left: (expiration - today).num_days(),
        underlying_points: shape.underlying,
        marks_at: marked.map(|marked| marked.at),
        profit_there_usd: shape.underlying.map(|price| usd(shape.profit(price))),
        max_profit_usd: shape.most(&far).map(usd),
        max_loss_usd: shape.least(&far).map(usd),
        break_evens: shape.break_evens(&far),
        modelled: shape.legs.iter().any(|leg| leg.later.is_some()),
        curve: curve.collect(),
    })
}

/// A leg at the expiration.
struct Leg {
    /// Dollars a point, below zero short.
    size: f64,
    /// Right and strike of an option; `None` for what is worth its price.
    option: Option<(Right, f64)>,
    /// As it will be then, where it expires later.
    later: Option<Exposure>,
}

/// A position at its nearest expiration.
struct Shape {
    legs: Vec<Leg>,
    /// Cash so far, after fees.
    had: f64,
    underlying: Option<f64>,
}

impl Shape {
    fn of(position: &Position, expiration: NaiveDate, marks: &[Exposure]) -> Result<Self, String> {
        let years_to = |mark: &Exposure| match &mark.instrument {
            Instrument::Option(option) => {
                (option.series.expiration == expiration).then_some(mark.years)
            }
            _ => None,
        };
        let gone = marks.iter().find_map(years_to).unwrap_or(0.0);
        let mut legs = Vec::new();
        for leg in open_legs(position) {
            let mark = marks.iter().find(|mark| mark.instrument == leg.instrument);
            let (option, later) = match &leg.instrument {
                Instrument::Option(option) if option.series.expiration == expiration => {
                    (Some((option.right, to_f64(option.strike))), None)
                }
                Instrument::Option(option) => {
                    let mark = mark.ok_or_else(|| {
                        format!(
                            "`{}` holds options that expire after {expiration}, and the market has \
                             said nothing of them yet; ask again in a moment",
                            position.id
                        )
                    })?;
                    let then = Exposure { years: (mark.years - gone).max(0.0), ..mark.clone() };
                    (Some((option.right, to_f64(option.strike))), Some(then))
                }
                Instrument::Future { .. } | Instrument::Shares { .. } => (None, None),
            };
            let quantity = rust_decimal::Decimal::from(leg.quantity);
            let size = to_f64(leg.instrument.multiplier() * quantity);
            legs.push(Leg { size, option, later });
        }
        let underlying = marks.first().map(|mark| to_f64(mark.underlying));
        Ok(Self { legs, had: to_f64(position.pnl_usd().0), underlying })
    }

    /// Dollars with the underlying at a price.
    fn profit(&self, price: f64) -> f64 {
        let worth = |leg: &Leg| match (&leg.later, leg.option) {
            (Some(later), _) => later.value(price, later.implied_volatility),
            (None, Some((Right::Call, strike))) => leg.size * (price - strike).max(0.0),
            (None, Some((Right::Put, strike))) => leg.size * (strike - price).max(0.0),
            (None, None) => leg.size * price,
        };
        self.had + self.legs.iter().map(worth).sum::<f64>()
    }

    fn strikes(&self) -> Vec<f64> {
        self.legs.iter().filter_map(|leg| leg.option.map(|(_, strike)| strike)).collect()
    }

    /// The prices of the picture, and all that matter: from nothing to far above, every strike too.
    fn prices(&self) -> (Vec<f64>, Vec<f64>) {
        let strikes = self.strikes();
        let places = strikes.iter().copied().chain(self.underlying);
        let low = places.clone().fold(f64::INFINITY, f64::min);
        let high = places.fold(0.0, f64::max);
        let room = (high * BEYOND).max((high - low) * 0.5);
        let (from, to) = ((low - room).max(0.0), high + room);
        let near = grid(from, to, &strikes);
        let mut far = grid(high * 1e-3, high * FAR, &strikes);
        far.extend(near.iter().copied());
        far.sort_by(f64::total_cmp);
        far.dedup();
        (near, far)
    }

    /// Dollars a point far above every strike.
    fn slope(&self) -> f64 {
        let calls = |leg: &Leg| !matches!(leg.option, Some((Right::Put, _)));
        self.legs.iter().filter(|leg| calls(leg)).map(|leg| leg.size).sum()
    }

    fn most(&self, prices: &[f64]) -> Option<f64> {
        let most = prices.iter().map(|price| self.profit(*price)).fold(f64::MIN, f64::max);
        (self.slope() <= 0.0).then_some(most.max(self.profit(f64::MIN_POSITIVE)))
    }

    fn least(&self, prices: &[f64]) -> Option<f64> {
        let least = prices.iter().map(|price| self.profit(*price)).fold(f64::MAX, f64::min);
        (self.slope() >= 0.0).then_some(least.min(self.profit(f64::MIN_POSITIVE)))
    }

    fn break_evens(&self, prices: &[f64]) -> Vec<PricePoint> {
        let mut found = Vec::new();
        for pair in prices.windows(2) {
            let (mut low, mut high) = (pair[0], pair[1]);
            let above = self.profit(low) > 0.0;
            if above == (self.profit(high) > 0.0) {
                continue;
            }
            for _ in 0..HALVINGS {
                let middle = f64::midpoint(low, high);
                if (self.profit(middle) > 0.0) == above { low = middle } else { high = middle }
            }
            let price = (f64::midpoint(low, high) * 100.0).round() / 100.0;
            found.push(PricePoint { underlying_points: price });
        }
        found
    }
}

/// Steps from one price to another, with the strikes between them.
fn grid(from: f64, to: f64, strikes: &[f64]) -> Vec<f64> {
    let step = (to - from) / f64::from(STEPS);
    let mut prices: Vec<f64> = (0..=STEPS).map(|place| from + step * f64::from(place)).collect();
    prices.extend(strikes.iter().filter(|strike| (from..=to).contains(*strike)));
    prices.sort_by(f64::total_cmp);
    prices.dedup();
    prices
}
