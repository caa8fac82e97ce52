//! The stage and the phase as they are asked for, and the further paper ledgers a promotion counts.

use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Request, socket};
use crate::{
    clock::Timestamp,
    config::{
        Rulebook,
        rulebook::Phase,
        stages::{StageId, StageRules},
    },
    desk::{
        ack::{self, Ack},
        evidence, read,
        stage::{self, StageRow},
        tables::{PHASE, PHASE_KEY, PhaseRow},
    },
    money::Gbp,
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
    /// Its figures.
    pub figures: Option<StageRules>,
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
    let figures = rules.of(row.stage).cloned();
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

/// What `tomking phase` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseView {
    /// 1 to 4; `None` below the first phase or before the first look.
    pub phase: Option<u8>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Net liquidation at the last close; else when the phase began.
    pub net_liquidation_gbp: Option<Gbp>,
    /// The next phase begins here.
    pub up_at_gbp: Option<Gbp>,
    /// The phase ends at this or below; at the first one, below it.
    pub down_at_gbp: Option<Gbp>,
    /// Its figures.
    pub figures: Option<Phase>,
}

/// The account's phase.
pub fn phase_view(tx: &impl Read, rulebook: &Rulebook) -> Result<PhaseView, StoreError> {
    let row: Option<PhaseRow> = tx.get(&PHASE, PHASE_KEY)?;
    let close = read::last_equity(tx)?;
    let rules = &rulebook.phases;
    let number = row.as_ref().map_or(close.as_ref().and_then(|row| row.phase), |row| row.phase);
    let at = |index: usize| rules.phases.get(index);
    let index = number.map(|number| usize::from(number.saturating_sub(1)));
    let keep = (Decimal::ONE_HUNDRED - rules.down_percent) / Decimal::ONE_HUNDRED;
    let down = |index| {
        let from = at(index)?.from_gbp;
        Some(Gbp(if index == 0 { from } else { from * keep }))
    };
    let net = close.and_then(|row| row.net_liquidation_gbp);
    Ok(PhaseView {
        phase: number,
        since: row.as_ref().map(|row| row.since),
        net_liquidation_gbp: net.or(row.map(|row| row.net_liquidation_gbp)),
        up_at_gbp: at(index.map_or(0, |index| index + 1)).map(|phase| Gbp(phase.from_gbp)),
        down_at_gbp: index.and_then(down),
        figures: index.and_then(at).cloned(),
    })
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
