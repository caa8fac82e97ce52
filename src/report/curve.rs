//! The account at each close, as a review's charts need it: about a year of it, whatever the ledger's
//! age.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{page::Section, performance::Curves, pictures};
use crate::{
    desk::tables::EquityRow,
    money::{Gbp, Usd},
};

/// Closes told: a year of sessions and a little more.
const CLOSES: usize = 260;

/// One close.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Close {
    /// The session.
    pub date: NaiveDate,
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Usd,
    /// The same in pounds.
    pub net_liquidation_gbp: Option<Gbp>,
    /// How far the returns in dollars lie below their peak since the ledger began, percent; at or
    /// below zero.
    pub drawdown_percent: Option<f64>,
}

/// The last closes, in order.
pub fn closes(rows: &[EquityRow], curves: &Curves) -> Vec<Close> {
    let mut falls = std::collections::BTreeMap::new();
    if let Some(series) = &curves.usd {
        let (mut worth, mut peak) = (1.0_f64, 1.0_f64);
        for day in series.days() {
            worth *= 1.0 + day.value;
            peak = peak.max(worth);
            falls.insert(day.date, (worth / peak - 1.0) * 100.0);
        }
    }
    let close = |row: &EquityRow| Close {
        date: row.date,
        net_liquidation_usd: row.net_liquidation_usd,
        net_liquidation_gbp: row.net_liquidation_gbp,
        drawdown_percent: falls.get(&row.date).copied(),
    };
    rows[rows.len().saturating_sub(CLOSES)..].iter().map(close).collect()
}

/// Their charts: net liquidation, and the drawdown.
pub fn sections(closes: &[Close]) -> Vec<Section> {
    let equity = pictures::equity(closes).map(|drawn| pictures::section("Equity", drawn));
    let drawdown = pictures::drawdown(closes).map(|drawn| pictures::section("Drawdown", drawn));
    equity.into_iter().chain(drawdown).collect()
}
