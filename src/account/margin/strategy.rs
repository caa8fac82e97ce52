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
const INDEX_RATE: Decimal = dec!(0.15);
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
    let ways = pairing::pairings(&shorts, &longs, &naked).map(|way| of(&way, rate, market.now));
    let options = ways.min_by_key(|way| (way.net, way.gross)).unwrap_or_default();
    options + legs.iter().map(shares).sum()
}

fn of(way: &Pairing, rate: Decimal, now: Timestamp) -> Requirement {
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

/// Naked shorts: calls and puts are set against each other contract by contract, the largest
/// first; each such strangle takes the greater side and the premium of the other.
fn naked_shorts(naked: &[(&Line, u32)], rate: Decimal) -> Requirement {
    let side = |right| {
        let of_right = naked.iter().filter(|(short, _)| short.right == right);
        let mut side: Vec<(Decimal, Decimal, u32)> = of_right
            .map(|(short, contracts)| (naked_contract(short, rate), short.value, *contracts))
            .collect();
        side.sort_by_key(|(requirement, ..)| -*requirement);
        side
    };
    let (mut calls, mut puts) = (side(Right::Call).into_iter(), side(Right::Put).into_iter());
    let (mut call, mut put) = (calls.next(), puts.next());
    let mut gross = Decimal::ZERO;
    while call.is_some() || put.is_some() {
        match (&mut call, &mut put) {
            (Some((c, c_value, c_left)), Some((p, p_value, p_left))) => {
                let strangles = (*c_left).min(*p_left);
                let one = if *c > *p { *c + *p_value } else { *p + *c_value };
                gross += one * Decimal::from(strangles);
                *c_left -= strangles;
                *p_left -= strangles;
            }
            (Some((one, _, left)), None) | (None, Some((one, _, left))) => {
                gross += *one * Decimal::from(*left);
                *left = 0;
            }
            (None, None) => {}
        }
        if call.is_some_and(|(.., left)| left == 0) {
            call = calls.next();
        }
        if put.is_some_and(|(.., left)| left == 0) {
            put = puts.next();
        }
    }
    let premium: Decimal =
        naked.iter().map(|(short, contracts)| short.value * Decimal::from(*contracts)).sum();
    Requirement { gross: Usd(gross), net: Usd(gross - premium) }
}

fn shares(leg: &MarginLeg) -> Requirement {
    let Instrument::Shares { .. } = leg.instrument else { return Requirement::default() };
    let value = leg.price * Decimal::from(leg.quantity.unsigned_abs());
    let amount = Usd(value * SHARES_RATE);
    Requirement { gross: amount, net: amount }
}
