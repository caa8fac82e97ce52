//! The stage as it is asked for, and the further paper ledgers a promotion counts.

use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Request, socket};
use crate::{
    clock::Timestamp,
    config::{
        Rulebook,
        stages::{StageId, StageRules},
    },
    desk::{
        ack::{self, Ack},
        evidence,
        stage::{self, StageRow},
    },
    money::{Gbp, to_f64},
    report::{Period, REPORTS},
    risk::promotion::{self, Criterion, LedgerTrades},
    store::{self, Read, StoreError, WriteTx},
};

/// What `tomking stage` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageView {
    /// The stage in force, since when, and how it came about.
    #[serde(flatten)]
    pub row: StageRow,
    /// Its figures; `None` where the settings have none, which refuses everything.
    pub figures: Option<StageFigures>,
    /// When a daily report was last acknowledged.
    pub acked_at: Option<Timestamp>,
    /// Until when that counts, where the stage asks for it.
    pub acked_until: Option<Timestamp>,
    /// The stage a promotion leads to; `None` at the last one.
    pub next: Option<StageId>,
    /// What it asks for, each with what was measured.
    pub criteria: Vec<Criterion>,
    /// Every criterion holds.
    pub ready: bool,
}

/// What a stage allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageFigures {
    /// Capital deployed; `None` for the whole balance.
    pub capital_gbp: Option<Gbp>,
    /// Its own buying-power cap; `None` where VIX and phase alone rule.
    pub cap_percent: Option<f64>,
    /// Most open positions; `None` where the phase alone rules.
    pub positions: Option<u32>,
    /// What may be opened; `None` for everything.
    pub strategies: Option<Vec<String>>,
    /// The daily report must be acknowledged.
    pub ack: bool,
}

impl StageFigures {
    fn of(rules: &StageRules) -> Self {
        Self {
            capital_gbp: rules.capital_gbp.map(cents),
            cap_percent: rules.cap_percent.map(to_f64),
            positions: rules.positions,
            strategies: rules.strategies.clone(),
            ack: rules.ack,
        }
    }
}

/// Pounds, with their pence.
fn cents(mut amount: Decimal) -> Gbp {
    amount.rescale(2);
    Gbp(amount)
}

/// The stage in force and what the next one asks for.
pub fn view(
    tx: &impl Read,
    rulebook: &Rulebook,
    others: &[LedgerTrades],
    now: Timestamp,
) -> Result<StageView, StoreError> {
    let row = stage::current(tx)?;
    let rules = &rulebook.stages;
    let seen = evidence::evidence(tx, rules, others, now)?;
    let criteria = promotion::criteria(rules, row.stage, &seen, now);
    let figures = rules.of(row.stage).map(StageFigures::of);
    let acked_at = ack::acked_at(tx)?;
    let asked = figures.as_ref().is_some_and(|figures| figures.ack);
    Ok(StageView {
        figures,
        acked_at,
        acked_until: acked_at.filter(|_| asked).map(|at| at + rules.ack_for()),
        next: row.stage.next(),
        ready: row.stage.next().is_some() && criteria.iter().all(|criterion| criterion.holds),
        criteria,
        row,
    })
}

/// What a change of the stage asks of the store; `None` for another request.
pub fn change(
    tx: &mut WriteTx,
    rulebook: &Rulebook,
    others: &[LedgerTrades],
    request: &Request,
    now: Timestamp,
) -> Result<Option<StageView>, StoreError> {
    match request {
        Request::StagePromote { over } => {
            stage::promote(tx, rulebook, others, over.as_deref(), "operator", now)?;
        }
        Request::StageDemote { to, reason } => {
            stage::demote(tx, *to, reason, "operator", now)?;
        }
        _ => return Ok(None),
    }
    view(tx, rulebook, others, now).map(Some)
}

/// Acknowledges the newest daily report.
///
/// # Errors
/// When none is kept yet.
pub fn acknowledge(tx: &mut WriteTx, by: &str, now: Timestamp) -> Result<Ack, StoreError> {
    let newest = tx.last(&REPORTS, &format!("{}/", Period::Daily), 1)?;
    let Some((_, report)) = newest.first() else {
        let why = "no daily report is kept yet: the first one is written after the next close";
        return Err(StoreError::Refused(why.to_owned()));
    };
    ack::acknowledge(tx, report.date, by, now)
}

/// The closed trades of further paper ledgers: of their daemons where they run, else of their
/// stores. It may wait for another daemon: hold no snapshot over it.
pub fn ledgers(dirs: &[PathBuf]) -> Vec<LedgerTrades> {
    dirs.iter().map(|dir| ledger(dir)).collect()
}

fn ledger(dir: &Path) -> LedgerTrades {
    let name = dir.display().to_string();
    let found = match socket::call(dir, &Request::Trades) {
        Ok(Some(answer)) => serde_json::from_value::<LedgerTrades>(answer)
            .map_err(|error| format!("the daemon's answer cannot be read: {error}")),
        Ok(None) => of_file(dir),
        Err(error) => Err(error.to_string()),
    };
    match found {
        Ok(trades) => LedgerTrades { ledger: name, ..trades },
        Err(error) => LedgerTrades { ledger: name, error: Some(error), ..LedgerTrades::default() },
    }
}

fn of_file(dir: &Path) -> Result<LedgerTrades, String> {
    let path = store::path_in(dir);
    if !path.is_file() {
        return Err(format!("no store at {}", path.display()));
    }
    store::look(&path, "tomking stage", evidence::trades).map_err(|error| error.to_string())
}
