//! What a structure brings at its expiry, by the price of its underlying: the picture of a strategy's
//! page in `docs/strategies`.

use rust_decimal::Decimal;

use super::chart::{Frame, Guide, Series, Size, Unit, area, standalone};
use crate::{instrument::Right, money::to_f64};

/// A structure of one expiration, with what it brought when it was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// What it is, with its strikes.
    pub title: String,
    /// Contracts (sold below zero), right and strike of each leg.
    pub legs: Vec<(i64, Right, Decimal)>,
    /// Net credit a unit, points; below zero for a debit.
    pub credit: Decimal,
    /// Dollars a point.
    pub multiplier: Decimal,
    /// The prices that are shown: from, to.
    pub prices: (Decimal, Decimal),
}

impl Structure {
    /// Profit at expiry with the underlying at a price, dollars a unit.
    pub fn profit(&self, price: Decimal) -> Decimal {
        let worth = |(held, right, strike): &(i64, Right, Decimal)| {
            Decimal::from(*held) * right.intrinsic(price, *strike)
        };
        let worth: Decimal = self.legs.iter().map(worth).sum();
        (self.credit + worth) * self.multiplier
    }

    /// Where the payoff bends, within the prices shown, ends included.
    fn corners(&self) -> Vec<Decimal> {
        let (from, to) = self.prices;
        let strikes = self.legs.iter().map(|(_, _, strike)| *strike);
        let mut corners: Vec<Decimal> =
            strikes.filter(|strike| from < *strike && *strike < to).chain([from, to]).collect();
        corners.sort_unstable();
        corners.dedup();
        corners
    }

    /// The payoff as an SVG file of its own.
    pub fn svg(&self) -> String {
        let corners = self.corners();
        let say = |price: &Decimal| {
            format!("${} at {}", self.profit(*price).normalize(), price.normalize())
        };
        let says: Vec<String> = corners.iter().map(say).collect();
        let strike = |(held, right, strike): &(i64, Right, Decimal)| {
            let side = if *held < 0 { "sold" } else { "bought" };
            let kind = match right {
                Right::Call => "C",
                Right::Put => "P",
            };
            let label = format!("{} {kind}", held.unsigned_abs());
            Guide::Down { at: to_f64(*strike), label: format!("{label} {side}") }
        };
        let frame = Frame {
            id: "payoff".to_owned(),
            title: self.title.clone(),
            says: format!("Profit at expiry: {}", says.join(", ")),
            x: Unit::Points,
            y: Unit::Dollars,
            guides: self.legs.iter().map(strike).collect(),
            size: Size::Wide,
        };
        let points = corners.iter().map(|p| (to_f64(*p), to_f64(self.profit(*p)))).collect();
        let line = Series { name: "profit at expiry".to_owned(), points };
        standalone(&area(&frame, &line, 0.0))
    }
}
