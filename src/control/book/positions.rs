//! `positions`: what is open, with its marks, its short strikes, its stop and its target.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Known, greeks::GreekFigures};
use crate::{
    account::{Position, PositionId, StrategyId, exposure::Exposure},
    calendar::new_york_date,
    clock::Timestamp,
    config::Rulebook,
    desk::{describe, pause::StrategyPause},
    instrument::{Instrument, Right},
    market::Provenance,
    money::{FxRate, Gbp, Usd, round_half_up, to_f64},
    report::parts,
    strategy::{
        bounds::{credit, open_units},
        closing::{Scope, open_legs},
        rule,
    },
};

/// Everything open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionsView {
    /// This moment.
    pub at: Timestamp,
    /// Where prices come from.
    pub prices: Provenance,
    /// Dollars a pound, for the figures in pounds.
    pub dollars_per_pound: Option<f64>,
    /// What all that is priced would come to, closed at its mids now.
    pub pnl_usd: Usd,
    /// The same in pounds.
    pub pnl_gbp: Option<Gbp>,
    /// Each position.
    pub positions: Vec<OpenPosition>,
    /// Strategies that make no entries.
    pub paused: Vec<StrategyPause>,
}

/// An open position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenPosition {
    /// Its id.
    pub id: PositionId,
    /// Whose.
    pub strategy: StrategyId,
    /// In words.
    pub what: String,
    /// Legs still open, in words.
    pub open: String,
    /// Units opened.
    pub units: u32,
    /// First fill.
    pub opened_at: Timestamp,
    /// Credit received, all units; below zero for a debit.
    pub credit_usd: Usd,
    /// The nearest expiration of what is open.
    pub expiration_date: Option<NaiveDate>,
    /// Calendar days to it.
    pub days_left: Option<i64>,
    /// What it would come to, closed at its mids now, after fees so far; `None` without marks.
    pub pnl_usd: Option<Usd>,
    /// The same in pounds.
    pub pnl_gbp: Option<Gbp>,
    /// The moment of the marks; `None` where there are none.
    pub marks_at: Option<Timestamp>,
    /// Their age.
    pub marks_age_seconds: Option<i64>,
    /// Greeks; `None` without marks.
    pub greeks: Option<GreekFigures>,
    /// Options sold.
    pub shorts: Vec<ShortLine>,
    /// Stop and target; `None` where its exits know no such figures.
    pub bounds: Option<BoundsLine>,
}

/// An option sold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShortLine {
    /// Call or put.
    pub right: Right,
    /// Its strike.
    pub strike_points: f64,
    /// Contracts sold.
    pub contracts: u64,
    /// It expires.
    pub expiration_date: NaiveDate,
    /// Its underlying, as it was last seen.
    pub underlying_points: Option<f64>,
    /// How far that is from the strike, percent of itself; below zero in the money.
    pub distance_percent: Option<f64>,
    /// Its delta.
    pub delta: Option<f64>,
}

/// The stop and the target of a position, of all its units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoundsLine {
    /// The part they are of: `all`, `puts sold`, `long call`.
    pub part: String,
    /// Profit of that part at its mids; `None` without marks.
    pub profit_usd: Option<Usd>,
    /// Closed at this loss.
    pub stop_loss_usd: Option<Usd>,
    /// Loss that is left to the stop.
    pub to_stop_usd: Option<Usd>,
    /// Closed at this profit.
    pub target_usd: Option<Usd>,
    /// Profit that lacks to the target.
    pub to_target_usd: Option<Usd>,
}

/// Everything open, as it is known.
pub fn of(known: &Known<'_>) -> PositionsView {
    let snapshot = known.snapshot;
    let positions: Vec<OpenPosition> =
        snapshot.positions.iter().map(|position| line(known, position)).collect();
    let pnl_usd: Usd = positions.iter().filter_map(|line| line.pnl_usd).sum();
    PositionsView {
        at: snapshot.now,
        prices: known.prices,
        dollars_per_pound: snapshot.fx.map(|rate| to_f64(rate.usd_per_gbp)),
        pnl_usd,
        pnl_gbp: pounds(snapshot.fx, pnl_usd),
        positions,
        paused: known.paused.to_vec(),
    }
}

fn line(known: &Known<'_>, position: &Position) -> OpenPosition {
    let (snapshot, marked) = (known.snapshot, known.marks(position));
    let legs = marked.map(|marked| marked.legs.as_slice());
    let pnl = legs.map(|legs| (position.pnl_usd() + worth(legs)).rounded());
    let expiration = nearest(position);
    let today = new_york_date(snapshot.now);
    OpenPosition {
        id: position.id.clone(),
        strategy: position.strategy,
        what: describe::position(position),
        open: describe::open_legs(position),
        units: position.units,
        opened_at: position.opened_at,
        credit_usd: parts::credit_usd(position),
        expiration_date: expiration,
        days_left: expiration.map(|date| (date - today).num_days()),
        pnl_usd: pnl,
        pnl_gbp: pnl.and_then(|pnl| pounds(snapshot.fx, pnl)),
        marks_at: marked.map(|marked| marked.at),
        marks_age_seconds: marked.map(|marked| (snapshot.now - marked.at).num_seconds().max(0)),
        greeks: legs.map(GreekFigures::of),
        shorts: shorts(position, legs),
        bounds: bounds(&snapshot.rulebook, position, legs),
    }
}

/// The nearest expiration of what is open.
pub(super) fn nearest(position: &Position) -> Option<NaiveDate> {
    let expirations = open_legs(position).filter_map(|leg| match &leg.instrument {
        Instrument::Option(option) => Some(option.series.expiration),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    });
    expirations.min()
}

fn pounds(rate: Option<FxRate>, amount: Usd) -> Option<Gbp> {
    rate.map(|rate| rate.to_gbp(amount).rounded())
}

/// What legs are worth at their mids.
fn worth(legs: &[Exposure]) -> Usd {
    let worth =
        |leg: &Exposure| Usd(leg.price * leg.instrument.multiplier() * Decimal::from(leg.quantity));
    legs.iter().map(worth).sum()
}

fn shorts(position: &Position, legs: Option<&[Exposure]>) -> Vec<ShortLine> {
    let mut found = Vec::new();
    for leg in open_legs(position).filter(|leg| leg.quantity < 0) {
        let Instrument::Option(option) = &leg.instrument else { continue };
        let seen = legs.and_then(|legs| legs.iter().find(|of| of.instrument == leg.instrument));
        let underlying = seen.map(|of| of.underlying);
        let distance = underlying.filter(|last| *last > Decimal::ZERO).map(|last| {
            let away = match option.right {
                Right::Call => option.strike - last,
                Right::Put => last - option.strike,
            };
            to_f64(round_half_up(away / last * Decimal::ONE_HUNDRED, 2))
        });
        found.push(ShortLine {
            right: option.right,
            strike_points: to_f64(option.strike),
            contracts: leg.quantity.unsigned_abs(),
            expiration_date: option.series.expiration,
            underlying_points: underlying.map(to_f64),
            distance_percent: distance,
            delta: seen.and_then(Exposure::priced).map(|of| (of.delta * 1e4).round() / 1e4),
        });
    }
    found
}

fn bounds(
    rulebook: &Rulebook,
    position: &Position,
    legs: Option<&[Exposure]>,
) -> Option<BoundsLine> {
    let bounds = rule(position.strategy)?.bounds(rulebook, position)?;
    let units = open_units(position, bounds.scope);
    let dollars = |points: Decimal| Usd(points * units * position.product.multiplier()).rounded();
    let profit = legs.map(|legs| {
        let of_part: Vec<Exposure> = open_legs(position)
            .filter(|leg| bounds.scope.takes(leg))
            .filter_map(|leg| legs.iter().find(|of| of.instrument == leg.instrument))
            .cloned()
            .collect();
        (dollars(credit(position, bounds.scope)) + worth(&of_part)).rounded()
    });
    let (stop, target) = (bounds.stop.map(dollars), bounds.target.map(dollars));
    Some(BoundsLine {
        part: part(bounds.scope).to_owned(),
        profit_usd: profit,
        stop_loss_usd: stop,
        to_stop_usd: stop.zip(profit).map(|(stop, profit)| stop + profit),
        target_usd: target,
        to_target_usd: target.zip(profit).map(|(target, profit)| target - profit),
    })
}

fn part(scope: Scope) -> &'static str {
    match scope {
        Scope::All | Scope::But(_) => "all",
        Scope::ShortsOnly | Scope::Sold => "sold",
        Scope::LongsOnly => "bought",
        Scope::Calls => "calls",
        Scope::Puts => "puts",
        Scope::Beneath(_) => "puts sold",
        Scope::From(_) => "debit spread",
    }
}
