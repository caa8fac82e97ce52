//! An order somebody wrote down, as a candidate: what `tomking risk check` puts before the gate.

use rust_decimal::Decimal;

use super::{Candidate, Ladder, SeriesChain, choose};
use crate::{
    account::{NetPrice, Side, StrategyId},
    clock::Timestamp,
    instrument::{OptionContract, Product},
    market::OptionQuote,
};

/// One leg that opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftLeg {
    /// The contract.
    pub contract: OptionContract,
    /// Buy or sell.
    pub side: Side,
    /// Contracts a unit.
    pub ratio: u32,
}

/// An order as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Whose it would be.
    pub strategy: StrategyId,
    /// What it is called.
    pub structure: &'static str,
    /// Its legs.
    pub legs: Vec<DraftLeg>,
    /// Units.
    pub units: u32,
    /// The least net price a unit that is taken; the mid where none is named.
    pub limit: Option<NetPrice>,
}

impl Draft {
    /// The candidate on these chains; `None` where a leg has no quote in them, or the model no
    /// value.
    pub fn candidate(&self, seen: &[SeriesChain], now: Timestamp) -> Option<Candidate> {
        let product = self.legs.first()?.contract.series.product;
        let seen: Vec<&SeriesChain> = seen.iter().collect();
        let quotes: Option<Vec<&OptionQuote>> =
            self.legs.iter().map(|leg| quote(&seen, leg)).collect();
        let chosen: Vec<choose::Chosen<'_>> = quotes?
            .into_iter()
            .zip(&self.legs)
            .map(|(quote, leg)| choose::Chosen::open(quote, leg.side, leg.ratio))
            .collect();
        let mid = choose::book(&chosen).mid;
        let order = |width: Option<Decimal>| choose::Order {
            strategy: self.strategy,
            product,
            structure: self.structure,
            units: self.units,
            seen: &seen,
            minimum: self.limit.unwrap_or(mid),
            ladder: Ladder::Entry,
            width,
            loss: width.map(|width| (width - mid.0).max(Decimal::ZERO)),
            now,
        };
        order(self.most_against_us(product)).candidate(&chosen)
    }

    /// Most a unit is worth against us once its options have expired, points; `None` where it has no
    /// bound, or its legs do not expire together.
    fn most_against_us(&self, product: Product) -> Option<Decimal> {
        let first = &self.legs.first()?.contract.series;
        let together = self.legs.iter().all(|leg| leg.contract.series == *first);
        if !together || first.product != product {
            return None;
        }
        let signed = |leg: &DraftLeg| Decimal::from(leg.side.sign() * i64::from(leg.ratio));
        let calls =
            self.legs.iter().filter(|leg| leg.contract.right == crate::instrument::Right::Call);
        if calls.map(signed).sum::<Decimal>() < Decimal::ZERO {
            return None;
        }
        let strikes = self.legs.iter().map(|leg| leg.contract.strike);
        let worth = |at: Decimal| -> Decimal {
            let value = |leg: &DraftLeg| {
                signed(leg) * leg.contract.right.intrinsic(at, leg.contract.strike)
            };
            self.legs.iter().map(value).sum()
        };
        let worst = strikes.map(worth).chain([worth(Decimal::ZERO)]).min()?;
        let naked_puts = {
            let puts =
                self.legs.iter().filter(|leg| leg.contract.right == crate::instrument::Right::Put);
            puts.map(signed).sum::<Decimal>() < Decimal::ZERO
        };
        (!naked_puts).then(|| (-worst).max(Decimal::ZERO))
    }
}

fn quote<'a>(seen: &[&'a SeriesChain], leg: &DraftLeg) -> Option<&'a OptionQuote> {
    let of = seen.iter().find(|of| of.chain.series == leg.contract.series)?;
    of.chain.quote(leg.contract.strike, leg.contract.right)
}
