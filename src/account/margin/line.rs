//! Option legs made ready: merged by contract, checked, with what the rules read of them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{CONTRACTS_MAX, MarginError, MarginLeg, MarginMarket, PRICE_MAX};
use crate::{
    clock::Timestamp,
    instrument::{Instrument, Right},
    pricing::MINUTES_A_YEAR,
};

/// An option line, short or long.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Contracts, above zero.
    pub(super) contracts: u32,
    pub(super) strike: Decimal,
    pub(super) right: Right,
    pub(super) last_trade: Timestamp,
    /// Price of one contract, dollars.
    pub(super) value: Decimal,
    pub(super) underlying: Decimal,
    pub(super) vol: f64,
    pub(super) years: f64,
    pub(super) multiplier: Decimal,
}

impl Line {
    /// Value at expiry of one contract, dollars.
    pub(super) fn intrinsic(&self, underlying: Decimal) -> Decimal {
        self.right.intrinsic(underlying, self.strike) * self.multiplier
    }

    /// How far out of the money one contract is, dollars.
    pub(super) fn out_of_the_money(&self) -> Decimal {
        let distance = match self.right {
            Right::Call => self.strike - self.underlying,
            Right::Put => self.underlying - self.strike,
        };
        distance.max(Decimal::ZERO) * self.multiplier
    }
}

/// The options among the legs, shorts and longs apart.
pub(super) fn options(legs: &[MarginLeg], market: &MarginMarket) -> (Vec<Line>, Vec<Line>) {
    let (mut shorts, mut longs) = (Vec::new(), Vec::new());
    for leg in legs {
        if let Some(line) = line(leg, market) {
            if leg.quantity < 0 { shorts.push(line) } else { longs.push(line) }
        }
    }
    (shorts, longs)
}

fn line(leg: &MarginLeg, market: &MarginMarket) -> Option<Line> {
    let Instrument::Option(contract) = &leg.instrument else { return None };
    let multiplier = leg.instrument.multiplier();
    let left = contract.series.last_trade - market.now;
    Some(Line {
        contracts: u32::try_from(leg.quantity.unsigned_abs()).unwrap_or(u32::MAX),
        strike: contract.strike,
        right: contract.right,
        last_trade: contract.series.last_trade,
        value: leg.price * multiplier,
        underlying: leg.underlying,
        vol: leg.implied_volatility,
        years: (left.num_milliseconds() as f64 / 60_000.0 / MINUTES_A_YEAR).max(0.0),
        multiplier,
    })
}

/// One leg per instrument: quantities summed, the later market kept, what is flat left out.
pub(super) fn merged<'a>(legs: impl Iterator<Item = &'a MarginLeg>) -> Vec<MarginLeg> {
    let mut merged: BTreeMap<&Instrument, MarginLeg> = BTreeMap::new();
    for leg in legs {
        let before = merged.get(&leg.instrument).map_or(0, |held| held.quantity);
        let quantity = before.saturating_add(leg.quantity);
        merged.insert(&leg.instrument, MarginLeg { quantity, ..leg.clone() });
    }
    merged.into_values().filter(|leg| leg.quantity != 0).collect()
}

/// Refuses figures no requirement can be worked out from.
pub(super) fn check(leg: &MarginLeg) -> Result<(), MarginError> {
    let most = Decimal::from(PRICE_MAX);
    let (price, underlying) = (leg.price, leg.underlying);
    if price < Decimal::ZERO || price > most {
        return Err(MarginError::Price { leg: words(leg), price });
    }
    if underlying <= Decimal::ZERO || underlying > most {
        return Err(MarginError::Underlying { leg: words(leg), underlying });
    }
    if leg.quantity.unsigned_abs() > u64::from(CONTRACTS_MAX) {
        return Err(MarginError::Contracts { leg: words(leg) });
    }
    Ok(())
}

/// The leg as a person writes it: `-1 ES 2024-08-02 5000 P`.
pub(super) fn words(leg: &MarginLeg) -> String {
    let name = match &leg.instrument {
        Instrument::Option(contract) => format!(
            "{} {} {} {}",
            contract.series.product,
            contract.series.expiration,
            contract.strike.normalize(),
            contract.right.letter()
        ),
        Instrument::Future { code, .. } => code.clone(),
        Instrument::Shares { product } => format!("{product} shares"),
    };
    format!("{:+} {name}", leg.quantity)
}
