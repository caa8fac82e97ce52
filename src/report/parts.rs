//! Lines both reports share: trades, positions, account figures.

use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::page::{Body, Section};
use crate::{
    account::{ExitReason, Position, PositionId, StrategyId},
    calendar::NEW_YORK,
    clock::Timestamp,
    config::stages::StageId,
    desk::{describe, stage::StageRow},
    money::{Gbp, Usd, to_f64},
    risk::{breaker::Line, promotion::Criterion},
};

/// A closed trade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TradeLine {
    /// The position.
    pub position: PositionId,
    /// Whose.
    pub strategy: StrategyId,
    /// In words.
    pub what: String,
    /// First fill.
    pub opened_at: Timestamp,
    /// Last closing fill or settlement.
    pub closed_at: Timestamp,
    /// Why it was closed.
    pub exit_reason: ExitReason,
    /// Credit received, all units; below zero for a debit.
    pub credit_usd: Usd,
    /// After fees.
    pub pnl_usd: Usd,
    /// After fees, at the closing day's rate.
    pub pnl_gbp: Option<Gbp>,
}

impl TradeLine {
    /// The trade of a position; `None` while it is open.
    pub fn of(position: &Position) -> Option<Self> {
        Some(Self {
            position: position.id.clone(),
            strategy: position.strategy,
            what: describe::position(position),
            opened_at: position.opened_at,
            closed_at: position.closed_at?,
            exit_reason: position.exit_reason?,
            credit_usd: credit_usd(position),
            pnl_usd: position.pnl_usd().rounded(),
            pnl_gbp: position.pnl_gbp(),
        })
    }

    /// A win is a closed trade with profit after fees (rulebook §7).
    pub fn is_win(&self) -> bool {
        self.pnl_usd.is_positive()
    }
}

/// The credit of all units in dollars, to the cent.
pub fn credit_usd(position: &Position) -> Usd {
    let units = Decimal::from(position.units);
    Usd(position.credit * position.product.multiplier() * units).rounded()
}

/// The deployment stage where it is more than paper, and every override, for ever (rulebook §3).
pub fn stage(row: &StageRow) -> Option<Section> {
    let mut lines = Vec::new();
    if row.stage != StageId::Paper {
        let words = row.stage.words();
        let since = row.since.map_or_else(String::new, |at| format!(" since {}", clock(at)));
        lines.push(format!("{}{since}: {}", words[..1].to_uppercase() + &words[1..], row.reason));
    }
    lines.extend(row.overrides.iter().map(|over| {
        format!(
            "Override of {} by {}, from {} to {}: {}; did not hold: {}",
            clock(over.at),
            over.by,
            over.from,
            over.to,
            over.reason,
            over.failed.join("; ")
        )
    }));
    (!lines.is_empty()).then(|| Section { title: "Stage".to_owned(), body: Body::Lines(lines) })
}

/// The trades, or the sentence that there were none.
pub fn trades(trades: &[TradeLine]) -> Section {
    let line = |trade: &TradeLine| {
        let pounds = trade.pnl_gbp.map_or_else(|| "no rate".to_owned(), |gbp| gbp.to_string());
        let TradeLine { what, credit_usd, pnl_usd, .. } = trade;
        let (opened, closed) = (clock(trade.opened_at), clock(trade.closed_at));
        let same_day =
            opened.rsplit_once(' ').map(|day| day.0) == closed.rsplit_once(' ').map(|d| d.0);
        let until = if same_day { closed.rsplit(' ').next().unwrap_or(&closed) } else { &closed };
        let why = trade.exit_reason.words();
        (
            format!("{pnl_usd} ({pounds}): {what}"),
            vec![format!("{why}; credit {credit_usd}; {opened} to {until}")],
        )
    };
    let body = if trades.is_empty() {
        Body::Lines(vec!["No position was closed.".to_owned()])
    } else {
        Body::Outline(trades.iter().map(line).collect())
    };
    Section { title: "Trades".to_owned(), body }
}

/// `7 alert, 10 half size`.
pub fn bounds(line: &Line) -> String {
    let each = line.bounds.iter().map(|bound| format!("{} {}", bound.value, bound.action));
    each.collect::<Vec<_>>().join(", ")
}

/// A criterion of a promotion: `closed trades: 3, does not hold`, and what it asks for.
pub fn criterion(criterion: &Criterion) -> (String, Vec<String>) {
    let Criterion { name, asks, value, unit, holds, .. } = criterion;
    let mark = if *holds { "holds" } else { "does not hold" };
    let value = match (value, unit.as_str()) {
        (None, _) => "not measured".to_owned(),
        (Some(value), "percent") => format!("{value} %"),
        (Some(value), "count") => value.to_string(),
        (Some(value), unit) => format!("{value} {unit}"),
    };
    (format!("{name}: {value}, {mark}"), vec![asks.clone()])
}

/// `1 trade`, `3 trades`.
pub fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// `Fri 2 Aug 10:30`, New York.
pub fn clock(at: Timestamp) -> String {
    at.with_timezone(&NEW_YORK).format("%a %-d %b %H:%M").to_string()
}

/// `Friday 2 August 2024`.
pub fn long_date(date: NaiveDate) -> String {
    date.format("%A %-d %B %Y").to_string()
}

/// A change with its sign always shown: `+£12.00`, `-£3.50`.
pub fn signed(amount: impl fmt::Display) -> String {
    let text = amount.to_string();
    if text.starts_with('-') { text } else { format!("+{text}") }
}

/// A percentage with one decimal.
pub fn percent(value: f64) -> String {
    format!("{value:.1} %")
}

/// The largest fall from a running peak, percent, at or above zero; `None` without points.
pub fn max_drawdown_percent(curve: impl IntoIterator<Item = Usd>) -> Option<f64> {
    let mut peak: Option<Usd> = None;
    let mut worst = None;
    for point in curve {
        let top = peak.map_or(point, |peak: Usd| peak.max(point));
        peak = Some(top);
        let fall = if top.is_positive() {
            to_f64((top.0 - point.0) / top.0 * Decimal::ONE_HUNDRED)
        } else {
            0.0
        };
        worst = Some(worst.map_or(fall, |worst: f64| worst.max(fall)));
    }
    worst
}

/// Wins over all trades that won or lost, percent; `None` without such trades.
pub fn win_rate_percent(trades: &[TradeLine]) -> Option<f64> {
    let wins = trades.iter().filter(|trade| trade.is_win()).count();
    let losses = trades.iter().filter(|trade| trade.pnl_usd < Usd::ZERO).count();
    let decided = wins + losses;
    (decided > 0).then(|| 100.0 * wins as f64 / decided as f64)
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    #[test]
    fn a_drawdown_is_measured_from_the_peak_before_it() {
        let curve = |points: &[Decimal]| max_drawdown_percent(points.iter().map(|p| Usd(*p)));
        assert_eq!(curve(&[]), None);
        assert_eq!(curve(&[dec!(100), dec!(110)]), Some(0.0));
        assert_eq!(curve(&[dec!(100), dec!(90), dec!(120), dec!(114)]), Some(10.0));
        assert_eq!(curve(&[dec!(100), dec!(80), dec!(160), dec!(96)]), Some(40.0));
    }

    #[test]
    fn a_change_shows_its_sign() {
        assert_eq!(signed(Gbp(dec!(12))), "+£12.00");
        assert_eq!(signed(Gbp(dec!(-3.5))), "-£3.50");
        assert_eq!(signed(Gbp(dec!(-0.001))), "+£0.00");
    }
}
