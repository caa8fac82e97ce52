//! Legs in words a trader reads on a phone.

use crate::{
    account::{Leg, Position, Side},
    instrument::{Instrument, OptionContract, Product, Right},
};

/// One held or ordered leg: contracts signed, how many a unit has, and what.
type Line<'a> = (i64, u32, &'a Instrument);

/// `2 × ES iron condor 5270/5300 P, 5480/5510 C, 2024-08-02`.
pub fn position(position: &Position) -> String {
    // What its options delivered does not name it.
    let is_option = |instrument: &Instrument| matches!(instrument, Instrument::Option(_));
    let has_options = position.legs.iter().any(|leg| is_option(&leg.instrument));
    let named = position.legs.iter().filter(|leg| !has_options || is_option(&leg.instrument));
    let lines: Vec<Line<'_>> =
        named.map(|leg| (leg.quantity, leg.ratio, &leg.instrument)).collect();
    describe(position.product, position.units, &lines)
}

/// The legs still open, one by one: `-1 ES 5300 P, +1 ES 5270 P`.
pub fn open_legs(position: &Position) -> String {
    let open = position.legs.iter().filter(|leg| leg.quantity != 0);
    let parts: Vec<String> = open.map(|leg| single(leg.quantity, &leg.instrument)).collect();
    parts.join(", ")
}

/// The same for an order's legs.
pub fn order(product: Product, legs: &[Leg], units: u32) -> String {
    let lines: Vec<Line<'_>> = legs
        .iter()
        .map(|leg| {
            let sign = if leg.side == Side::Buy { 1 } else { -1 };
            (sign * i64::from(leg.ratio), leg.ratio, &leg.instrument)
        })
        .collect();
    describe(product, units, &lines)
}

/// `-1 ES 5300 P 2024-08-02`, `+2 ESU4`, `+100 SPY`.
pub fn single(quantity: i64, instrument: &Instrument) -> String {
    format!("{quantity:+} {}", name(instrument))
}

/// `ES 5300 P 2024-08-02`, `ESU4`, `SPY`.
pub fn name(instrument: &Instrument) -> String {
    match instrument {
        Instrument::Option(c) => format!(
            "{} {} {} {}",
            c.series.product,
            c.strike.normalize(),
            c.right.letter(),
            c.series.expiration
        ),
        Instrument::Future { code, .. } => code.clone(),
        Instrument::Shares { product } => product.to_string(),
    }
}

fn describe(product: Product, units: u32, lines: &[Line<'_>]) -> String {
    let options: Vec<Named<'_>> = lines.iter().filter_map(named).collect();
    if options.is_empty() || options.len() < lines.len() {
        let parts: Vec<String> =
            lines.iter().map(|(q, _, instrument)| single(*q, instrument)).collect();
        return parts.join(", ");
    }
    let expiration = options[0].contract.series.expiration;
    if options.iter().any(|of| of.contract.series.expiration != expiration) {
        return format!("{units} × {product} {}", apart(options));
    }
    let (puts, calls) = (side(&options, Right::Put), side(&options, Right::Call));
    let sides: Vec<String> = [&puts, &calls]
        .into_iter()
        .filter(|side| !side.is_empty())
        .map(|side| strikes(side))
        .collect();
    format!("{units} × {product} {} {}, {expiration}", structure(&puts, &calls), sides.join(", "))
}

/// An option of a structure.
#[derive(Clone, Copy)]
struct Named<'a> {
    /// Contracts, below zero sold; zero once closed.
    quantity: i64,
    ratio: u32,
    contract: &'a OptionContract,
}

fn named<'a>(line: &Line<'a>) -> Option<Named<'a>> {
    match line {
        (quantity, ratio, Instrument::Option(contract)) => {
            Some(Named { quantity: *quantity, ratio: *ratio, contract })
        }
        _ => None,
    }
}

/// The options of one right, by strike.
fn side<'a>(options: &[Named<'a>], right: Right) -> Vec<Named<'a>> {
    let mut side: Vec<Named<'a>> =
        options.iter().filter(|of| of.contract.right == right).copied().collect();
    side.sort_unstable_by_key(|of| of.contract.strike);
    side
}

/// What a trader calls it.
fn structure(puts: &[Named<'_>], calls: &[Named<'_>]) -> &'static str {
    let strike = |of: &Named<'_>| of.contract.strike;
    match (puts, calls) {
        ([put], [call]) if put.quantity.signum() * call.quantity.signum() >= 0 => "strangle",
        ([_], []) => "put",
        ([], [_]) => "call",
        ([_, _], [_, _]) if puts.iter().map(strike).eq(calls.iter().map(strike)) => "box",
        ([_, _], [_, _]) => "iron condor",
        ([low, high], []) => {
            if low.ratio == high.ratio {
                "put spread"
            } else {
                "put ratio"
            }
        }
        ([], [low, high]) => {
            if low.ratio == high.ratio {
                "call spread"
            } else {
                "call ratio"
            }
        }
        (of, []) if ratios(of) == [1, 2, 1] => "put butterfly",
        ([], of) if ratios(of) == [1, 2, 1] => "call butterfly",
        (of, []) if ratios(of) == [2, 1, 1] => "1-1-2",
        _ => "options",
    }
}

fn ratios(side: &[Named<'_>]) -> Vec<u32> {
    side.iter().map(|of| of.ratio).collect()
}

/// `2x957/985 P`.
fn strikes(side: &[Named<'_>]) -> String {
    let strike = |of: &Named<'_>| {
        let times = if of.ratio > 1 { format!("{}x", of.ratio) } else { String::new() };
        format!("{times}{}", of.contract.strike.normalize())
    };
    let joined: Vec<String> = side.iter().map(strike).collect();
    let letter = side.first().map_or(' ', |of| of.contract.right.letter());
    format!("{} {letter}", joined.join("/"))
}

/// Options of several expirations, the nearest first, each with its own; of those that were rolled
/// only what is open, once anything is.
fn apart(mut options: Vec<Named<'_>>) -> String {
    if options.iter().any(|of| of.quantity != 0) {
        options.retain(|of| of.quantity != 0);
    }
    options.sort_by_key(|of| (of.contract.series.expiration, of.contract.strike));
    let right = options.first().map(|of| of.contract.right);
    let alike = options.len() == 2 && options.iter().all(|of| Some(of.contract.right) == right);
    let name = match right.filter(|_| alike) {
        Some(Right::Put) => "put diagonal",
        Some(Right::Call) => "call diagonal",
        None => "options",
    };
    let leg = |of: &Named<'_>| {
        format!("{}, {}", strikes(std::slice::from_ref(of)), of.contract.series.expiration)
    };
    let legs: Vec<String> = options.iter().map(leg).collect();
    format!("{name} {}", legs.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::Effect,
        instrument::{Series, Settlement},
    };

    fn leg((side, ratio, strike, right, expiration): (Side, u32, i64, Right, &str)) -> Leg {
        let series = Series {
            product: Product::Es,
            root: "EW1".to_owned(),
            expiration: expiration.parse().unwrap(),
            settlement: Settlement::Pm,
            last_trade: format!("{expiration}T20:00:00Z").parse().unwrap(),
            future: None,
        };
        let contract = OptionContract { series, strike: strike.into(), right };
        Leg { instrument: Instrument::Option(contract), side, ratio, effect: Effect::Open }
    }

    #[test]
    fn each_structure_of_the_rulebook_has_its_name() {
        use {
            Right::{Call, Put},
            Side::{Buy, Sell},
        };
        let (near, far) = ("2024-08-02", "2024-09-20");
        let cases = [
            (
                vec![(Sell, 1, 5300, Put, near), (Buy, 1, 5270, Put, near)],
                "put spread 5270/5300 P, 2024-08-02",
            ),
            (
                vec![
                    (Sell, 1, 5300, Put, near),
                    (Buy, 1, 5270, Put, near),
                    (Sell, 1, 5480, Call, near),
                    (Buy, 1, 5510, Call, near),
                ],
                "iron condor 5270/5300 P, 5480/5510 C, 2024-08-02",
            ),
            (
                vec![
                    (Buy, 1, 5000, Put, far),
                    (Sell, 1, 4950, Put, far),
                    (Sell, 2, 4200, Put, far),
                ],
                "1-1-2 2x4200/4950/5000 P, 2024-09-20",
            ),
            (
                vec![(Sell, 1, 4700, Put, far), (Sell, 1, 6000, Call, far)],
                "strangle 4700 P, 6000 C, 2024-09-20",
            ),
            (
                vec![(Buy, 1, 4700, Put, far), (Sell, 1, 6000, Call, far)],
                "options 4700 P, 6000 C, 2024-09-20",
            ),
            (vec![(Sell, 1, 4700, Put, far)], "put 4700 P, 2024-09-20"),
            (
                vec![(Buy, 1, 5200, Put, far), (Sell, 2, 5050, Put, far)],
                "put ratio 2x5050/5200 P, 2024-09-20",
            ),
            (
                vec![
                    (Buy, 1, 5390, Call, near),
                    (Sell, 2, 5400, Call, near),
                    (Buy, 1, 5410, Call, near),
                ],
                "call butterfly 5390/2x5400/5410 C, 2024-08-02",
            ),
            (
                vec![
                    (Buy, 1, 5000, Call, far),
                    (Sell, 1, 5100, Call, far),
                    (Sell, 1, 5000, Put, far),
                    (Buy, 1, 5100, Put, far),
                ],
                "box 5000/5100 P, 5000/5100 C, 2024-09-20",
            ),
            (
                vec![(Buy, 1, 4500, Call, far), (Sell, 1, 5400, Call, near)],
                "call diagonal 5400 C, 2024-08-02; 4500 C, 2024-09-20",
            ),
        ];
        for (legs, wanted) in cases {
            let legs: Vec<Leg> = legs.into_iter().map(leg).collect();
            assert_eq!(order(Product::Es, &legs, 2), format!("2 × ES {wanted}"));
        }
    }
}
