//! Index and ETF options: the strategy rules of Cboe 10.3 and FINRA 4210(f)(2)
//! (domain/reference.md §5a).

use chrono::Months;
use rust_decimal::{Decimal, dec};

use super::{
    MarginLeg, MarginMarket, Requirement, covered,
    line::{self, Line},
    pairing::{self, Pairing},
};
use crate::{
    clock::Timestamp,
    instrument::{Instrument, Product, ProductKind, Right},
    money::Usd,
};

/// Share of the index a naked short takes, before what it is out of the money.
pub(super) const INDEX_RATE: Decimal = dec!(0.15);
/// The same for an ETF or a share.
const EQUITY_RATE: Decimal = dec!(0.20);
/// Least share: of the underlying for a call, of the strike for a put.
const MINIMUM_RATE: Decimal = dec!(0.10);
/// Share of its price that a long option of more than nine months takes.
const FAR_LONG_RATE: Decimal = dec!(0.75);
/// Longs up to here are paid in full.
const FAR_LONG: Months = Months::new(9);
/// Initial margin of shares, long or short beyond its proceeds: Regulation T, 12 CFR 220.12.
const SHARES_RATE: Decimal = dec!(0.50);

/// The least requirement over the ways of pairing.
pub(super) fn requirement(
    product: Product,
    legs: &[MarginLeg],
    market: &MarginMarket,
) -> Requirement {
    let (shorts, longs) = line::options(legs, market);
    let rate = if product.kind() == ProductKind::Index { INDEX_RATE } else { EQUITY_RATE };
    let naked: Vec<Decimal> = shorts.iter().map(|short| naked_contract(short, rate)).collect();
    let ways = pairing::pairings(&shorts, &longs, &naked);
    let ways = ways.iter().map(|way| of(way, rate, market.now));
    let options = ways.min_by_key(|way| (way.net, way.gross)).unwrap_or_default();
    options + legs.iter().map(shares).sum()
}

pub(super) fn of(way: &Pairing, rate: Decimal, now: Timestamp) -> Requirement {
    let paid = way.spare.iter().map(|(long, contracts)| {
        let far = now.checked_add_months(FAR_LONG).is_some_and(|limit| long.last_trade > limit);
        let share = if far { FAR_LONG_RATE } else { Decimal::ONE };
        Usd(long.value * share * Decimal::from(*contracts))
    });
    let paid = Requirement { gross: Usd::ZERO, net: paid.sum() };
    covered::requirement(&way.pairs) + naked_shorts(&way.naked, rate) + paid
}

/// One naked short contract, dollars: its value, plus the larger of rate × underlying less what it
/// is out of the money, and the minimum.
fn naked_contract(short: &Line, rate: Decimal) -> Decimal {
    let underlying = short.underlying * short.multiplier;
    let minimum = match short.right {
        Right::Call => underlying,
        Right::Put => short.strike * short.multiplier,
    };
    let standard = rate * underlying - short.out_of_the_money();
    short.value + standard.max(MINIMUM_RATE * minimum)
}

/// Naked shorts: a call and a put are a strangle, which takes the greater side and the premium of
/// the other. The strangles that save most are formed first.
fn naked_shorts(naked: &[(&Line, u32)], rate: Decimal) -> Requirement {
    let sides: Vec<Naked> =
        naked.iter().map(|(short, left)| Naked::new(short, *left, rate)).collect();
    let mut gross: Decimal = sides.iter().map(|side| side.requirement * side.contracts()).sum();
    let premium: Decimal = sides.iter().map(|side| side.value * side.contracts()).sum();
    let mut strangles: Vec<(Decimal, usize, usize)> = Vec::new();
    for (c, call) in sides.iter().enumerate().filter(|(_, side)| side.right == Right::Call) {
        for (p, put) in sides.iter().enumerate().filter(|(_, side)| side.right == Right::Put) {
            let lesser = if call.requirement > put.requirement { put } else { call };
            strangles.push((lesser.requirement - lesser.value, c, p));
        }
    }
    strangles.sort_by_key(|(saving, c, p)| (-*saving, *c, *p));
    let mut left: Vec<u32> = sides.iter().map(|side| side.left).collect();
    for (saving, c, p) in strangles {
        let contracts = left[c].min(left[p]);
        left[c] -= contracts;
        left[p] -= contracts;
        gross -= saving * Decimal::from(contracts);
    }
    Requirement { gross: Usd(gross), net: Usd(gross - premium) }
}

/// A naked short: requirement and value of one contract, dollars.
struct Naked {
    right: Right,
    requirement: Decimal,
    value: Decimal,
    left: u32,
}

impl Naked {
    fn new(short: &Line, left: u32, rate: Decimal) -> Self {
        let requirement = naked_contract(short, rate);
        Self { right: short.right, requirement, value: short.value, left }
    }

    fn contracts(&self) -> Decimal {
        Decimal::from(self.left)
    }
}

fn shares(leg: &MarginLeg) -> Requirement {
    let Instrument::Shares { .. } = leg.instrument else { return Requirement::default() };
    let value = leg.price * Decimal::from(leg.quantity.unsigned_abs());
    let amount = Usd(value * SHARES_RATE);
    Requirement { gross: amount, net: amount }
}
