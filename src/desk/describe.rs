//! Legs in words a trader reads on a phone.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use crate::{
    account::{Leg, Position, Side},
    instrument::{Instrument, OptionContract, Product, Right},
};

/// One held or ordered leg: contracts signed, and what.
type Line<'a> = (i64, &'a Instrument);

/// `2 × ES iron condor 5270/5300 P, 5480/5510 C, 2024-08-02`.
pub fn position(position: &Position) -> String {
    // What its options delivered does not name it.
    let is_option = |instrument: &Instrument| matches!(instrument, Instrument::Option(_));
    let has_options = position.legs.iter().any(|leg| is_option(&leg.instrument));
    let named = position.legs.iter().filter(|leg| !has_options || is_option(&leg.instrument));
    let lines: Vec<Line<'_>> = named.map(|leg| (leg.quantity, &leg.instrument)).collect();
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
            (sign * i64::from(leg.ratio), &leg.instrument)
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
    let options: Vec<&OptionContract> = lines
        .iter()
        .filter_map(|(_, instrument)| match instrument {
            Instrument::Option(contract) => Some(contract),
            _ => None,
        })
        .collect();
    if options.is_empty() || options.len() < lines.len() {
        let parts: Vec<String> =
            lines.iter().map(|(q, instrument)| single(*q, instrument)).collect();
        return parts.join(", ");
    }
    let (puts, calls) = (strikes(&options, Right::Put), strikes(&options, Right::Call));
    let structure = match (puts.len(), calls.len()) {
        (2, 2) => "iron condor",
        (0, 2) => "call spread",
        (2, 0) => "put spread",
        _ => "options",
    };
    let mut text = format!("{units} × {product} {structure}");
    for (strikes, letter, comma) in [(&puts, "P", ""), (&calls, "C", ",")] {
        if !strikes.is_empty() {
            let comma = if puts.is_empty() { "" } else { comma };
            let joined: Vec<String> = strikes.iter().map(|s| s.normalize().to_string()).collect();
            let _ = write!(text, "{comma} {} {letter}", joined.join("/"));
        }
    }
    let _ = write!(text, ", {}", options[0].series.expiration);
    text
}

fn strikes(options: &[&OptionContract], right: Right) -> Vec<Decimal> {
    let mut strikes: Vec<Decimal> =
        options.iter().filter(|c| c.right == right).map(|c| c.strike).collect();
    strikes.sort_unstable();
    strikes
}
