//! Options on futures: a SPAN-like scan (domain/reference.md §5a, §5c). The exchange's own figures
//! move; the broker's are preferred wherever there are any.

use rust_decimal::{Decimal, dec, prelude::ToPrimitive};

use super::{
    MarginError, MarginLeg, MarginMarket, Requirement, covered,
    line::{self, Line},
    pairing::{self, Pairing},
    ranges::Ranges,
};
use crate::{
    instrument::{Instrument, Product},
    money::{Usd, to_f64},
    pricing::{Expiry, Model},
};

/// Extreme moves, in price scan ranges.
const EXTREME_RANGES: Decimal = dec!(3);
/// The share of an extreme move's loss that is covered.
const EXTREME_COVER: Decimal = dec!(0.33);
/// Most volatility a year that is one: 10,000 %.
const VOL_MAX: f64 = 100.0;
/// Most rate a year that is one: 100 %.
const RATE_MAX: f64 = 1.0;
/// One scenario: a move of the future, a move of volatility, and the share of the loss that counts.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    /// Thirds of the price scan range.
    thirds: Decimal,
    vol: f64,
    cover: Decimal,
}

impl Scenario {
    /// The move in points of something that stands at a price.
    fn points(&self, ranges: &Ranges, price: Decimal) -> Decimal {
        ranges.points(price) * self.thirds / dec!(3)
    }
}

/// The 16 scenarios: no move and thirds of the scan range either way, each with volatility up and
/// down; and two extreme moves.
fn scenarios(ranges: &Ranges) -> Vec<Scenario> {
    let mut all = Vec::with_capacity(16);
    for thirds in [0, 1, -1, 2, -2, 3, -3].map(Decimal::from) {
        let vols = [ranges.vol, -ranges.vol];
        all.extend(vols.map(|vol| Scenario { thirds, vol, cover: Decimal::ONE }));
    }
    for sign in [Decimal::ONE, Decimal::NEGATIVE_ONE] {
        let thirds = sign * EXTREME_RANGES * dec!(3);
        all.push(Scenario { thirds, vol: 0.0, cover: EXTREME_COVER });
    }
    all
}

/// Loss of one long contract in each scenario, dollars; below zero is a gain.
type Losses = Vec<Decimal>;

/// The scan over everything, or where that is more, the largest losses of the defined-risk part and
/// the scan over the rest.
pub(super) fn requirement(
    product: Product,
    legs: &[MarginLeg],
    market: &MarginMarket,
) -> Result<Requirement, MarginError> {
    if !(-RATE_MAX..=RATE_MAX).contains(&market.rate) {
        return Err(MarginError::Rate(market.rate));
    }
    for leg in legs {
        let vol = leg.implied_volatility;
        if matches!(leg.instrument, Instrument::Option(_)) && !(0.0..=VOL_MAX).contains(&vol) {
            return Err(MarginError::Volatility { leg: line::words(leg), vol });
        }
    }
    let (shorts, longs) = line::options(legs, market);
    let ranges = Ranges::of(product);
    let scenarios = scenarios(&ranges);
    let losses = |lines: &[Line]| -> Vec<Losses> {
        lines.iter().map(|line| option_losses(line, market.rate, &ranges, &scenarios)).collect()
    };
    let (short_losses, long_losses) = (losses(&shorts), losses(&longs));
    let futures = futures_losses(product, legs, &ranges, &scenarios);
    let book = Book { shorts: &shorts, longs: &longs, short_losses, long_losses, futures };
    let naked: Vec<Decimal> = book.short_losses.iter().map(worst_short).collect();
    let ways = pairing::pairings(&shorts, &longs, &naked);
    let ways = ways.iter().map(|way| covered::requirement(&way.pairs) + book.scan(way));
    Ok(ways.chain([book.scan_all()]).min_by_key(|way| (way.net, way.gross)).unwrap_or_default())
}

/// Everything held of the product with its losses.
struct Book<'a> {
    shorts: &'a [Line],
    longs: &'a [Line],
    short_losses: Vec<Losses>,
    long_losses: Vec<Losses>,
    /// The futures held, in each scenario.
    futures: Losses,
}

impl Book<'_> {
    fn scan_all(&self) -> Requirement {
        let whole = |lines: &[Line]| lines.iter().map(|line| line.contracts).collect::<Vec<_>>();
        self.scan_of(&whole(self.shorts), &whole(self.longs))
    }

    /// The scan over what a pairing leaves over.
    fn scan(&self, way: &Pairing) -> Requirement {
        let left = |lines: &[Line], rest: &[(&Line, u32)]| {
            let of = |line: &Line| rest.iter().find(|(other, _)| std::ptr::eq(*other, line));
            lines.iter().map(|line| of(line).map_or(0, |(_, left)| *left)).collect::<Vec<_>>()
        };
        self.scan_of(&left(self.shorts, &way.naked), &left(self.longs, &way.spare))
    }

    /// The worst scenario of so many contracts of each line. Gross counts the value of the shorts
    /// beyond that of the longs.
    fn scan_of(&self, shorts: &[u32], longs: &[u32]) -> Requirement {
        let mut totals = self.futures.clone();
        let mut premium = Decimal::ZERO;
        let short_side = self.shorts.iter().zip(&self.short_losses).zip(shorts);
        let long_side = self.longs.iter().zip(&self.long_losses).zip(longs);
        let signed = short_side.map(|side| (side, Decimal::NEGATIVE_ONE));
        for (((line, losses), contracts), sign) in
            signed.chain(long_side.map(|side| (side, Decimal::ONE)))
        {
            let signed = sign * Decimal::from(*contracts);
            premium -= signed * line.value;
            for (total, loss) in totals.iter_mut().zip(losses) {
                *total += signed * *loss;
            }
        }
        let worst = totals.into_iter().max().unwrap_or_default().max(Decimal::ZERO);
        Requirement { gross: Usd(worst + premium.max(Decimal::ZERO)), net: Usd(worst) }
    }
}

/// Most one short contract loses, dollars.
fn worst_short(losses: &Losses) -> Decimal {
    losses.iter().map(|loss| -*loss).max().unwrap_or_default().max(Decimal::ZERO)
}

fn option_losses(line: &Line, rate: f64, ranges: &Ranges, scenarios: &[Scenario]) -> Losses {
    let expiry = Expiry::new(Model::Black76, 1.0, rate, 0.0, line.years);
    let strike = to_f64(line.strike);
    // A future below zero is no price; the last cent, or hundredth, is as far as the scan goes.
    let least = dec!(0.01).min(line.underlying / dec!(100));
    let places = places_of(line.underlying);
    let at = |points: Decimal| expiry.at_spot(to_f64((line.underlying + points).max(least)));
    let price = |at: &Expiry, vol_move: f64| {
        to_places(at.value(strike, (line.vol + vol_move).max(0.0), line.right), places)
    };
    let now = price(&at(Decimal::ZERO), 0.0);
    // Scenarios of one move stand beside each other.
    let (mut moved, mut losses) = (None, Vec::with_capacity(scenarios.len()));
    for scenario in scenarios {
        let there = match moved {
            Some((thirds, there)) if thirds == scenario.thirds => there,
            _ => at(scenario.points(ranges, line.underlying)),
        };
        moved = Some((scenario.thirds, there));
        let loss = now - price(&there, scenario.vol);
        losses.push(loss * line.multiplier * scenario.cover);
    }
    losses
}

/// Decimals of a point to which scenario prices are rounded, so that n contracts take exactly n
/// times what one takes: six, and of what stands below a hundred, as currencies do, twelve.
fn places_of(underlying: Decimal) -> u32 {
    if underlying < dec!(100) { 12 } else { 6 }
}

/// A finite price, on the places of a scenario's; one no market ever had counts as the most there
/// is.
fn to_places(points: f64, places: u32) -> Decimal {
    let unit = if places == 12 { 1e12 } else { 1e6 };
    Decimal::new(libm::round(points * unit).to_i64().unwrap_or(i64::MAX), places)
}

fn futures_losses(
    product: Product,
    legs: &[MarginLeg],
    ranges: &Ranges,
    scenarios: &[Scenario],
) -> Losses {
    let futures = legs.iter().filter(|leg| matches!(leg.instrument, Instrument::Future { .. }));
    // Dollars a scenario's whole range moves all that is held.
    let moved = |leg: &MarginLeg| Decimal::from(leg.quantity) * ranges.points(leg.underlying);
    let held = futures.map(moved).sum::<Decimal>() * product.multiplier();
    scenarios.iter().map(|s| -held * s.thirds / dec!(3) * s.cover).collect()
}
