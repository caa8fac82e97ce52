//! The deployment stage in force (rulebook §3): one row of the store, promoted by a person when the
//! ledger shows what is asked for, demoted by a person or by a breach.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{Desk, evidence, read};
use crate::{
    account::hold::Hold,
    clock::Timestamp,
    config::{Rulebook, stages::StageId},
    money::round_half_up,
    notice::{self, Notice},
    risk::{
        breaker::drawdown,
        promotion::{self, Criterion, LedgerTrades},
        stage::over_cap,
    },
    store::{Read, StoreError, Table, WriteTx},
};

/// The stage in force; one row, `stage`. Without it the account is on paper, since its ledger began.
pub const STAGE: Table<StageRow> = Table::new("stage", 1);
/// The one key of [`STAGE`].
pub const STAGE_KEY: &str = "stage";
/// How a stage came to be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// Every account begins on paper.
    Begun,
    /// A person promoted it.
    Promoted,
    /// A person demoted it.
    Demoted,
    /// A breach demoted it.
    Breached,
}

/// The stage in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRow {
    /// Which.
    pub stage: StageId,
    /// Since when; `None` before the ledger was opened.
    pub since: Option<Timestamp>,
    /// How it came about.
    pub came: Came,
    /// Who did it.
    pub by: String,
    /// Why; for a promotion, what was measured.
    pub reason: String,
    /// Promotions that passed over criteria that did not hold, the oldest first.
    #[serde(default)]
    pub overrides: Vec<Override>,
}

/// A promotion over criteria that did not hold: shown on every report from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// When.
    pub at: Timestamp,
    /// From which stage.
    pub from: StageId,
    /// To which.
    pub to: StageId,
    /// Who did it.
    pub by: String,
    /// The reason given.
    pub reason: String,
    /// What did not hold, each with its figure and bound.
    pub failed: Vec<String>,
}

/// The stage in force.
pub fn current(tx: &impl Read) -> Result<StageRow, StoreError> {
    if let Some(row) = tx.get(&STAGE, STAGE_KEY)? {
        return Ok(row);
    }
    Ok(StageRow {
        stage: StageId::Paper,
        since: read::cash(tx)?.map(|book| book.since),
        came: Came::Begun,
        by: "desk".to_owned(),
        reason: "every account begins on paper".to_owned(),
        overrides: Vec::new(),
    })
}

/// Promotes to the next stage when every criterion holds, or over those that do not for a reason,
/// which is kept and shown on every report from then on.
///
/// # Errors
/// When a criterion does not hold and no reason was given, with each one's figure; and at stage 4.
pub fn promote(
    tx: &mut WriteTx,
    rulebook: &Rulebook,
    others: &[LedgerTrades],
    over: Option<&str>,
    by: &str,
    now: Timestamp,
) -> Result<StageRow, StoreError> {
    let row = current(tx)?;
    let Some(next) = row.stage.next() else {
        return Err(StoreError::Refused(format!("{} is the last stage", row.stage)));
    };
    let seen = evidence::evidence(tx, &rulebook.stages, others, now)?;
    let criteria = promotion::criteria(&rulebook.stages, row.stage, &seen, now);
    let failed = promotion::failed(&criteria);
    let Some(over) = over.filter(|_| !failed.is_empty()) else {
        if failed.is_empty() {
            let reason = format!("all {} criteria hold", criteria.len());
            return put(
                tx,
                &row,
                Move { to: next, came: Came::Promoted, by, reason },
                &criteria,
                now,
            );
        }
        return Err(StoreError::Refused(refusal(next, &failed, criteria.len())));
    };
    let mut row = row;
    row.overrides.push(Override {
        at: now,
        from: row.stage,
        to: next,
        by: by.to_owned(),
        reason: over.to_owned(),
        failed,
    });
    let reason = format!("override: {over}");
    put(tx, &row, Move { to: next, came: Came::Promoted, by, reason }, &criteria, now)
}

fn refusal(next: StageId, failed: &[String], of: usize) -> String {
    let mut text =
        format!("promotion to {next} is refused: {} of {of} criteria do not hold\n", failed.len());
    for line in failed {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str(
        "hint: `tomking stage promote --override \"reason\"` passes over them; the reason is \
         journalled and shown on every report",
    );
    text
}

/// Demotes to a lower stage, at once.
///
/// # Errors
/// When `to` is not below the stage in force.
pub fn demote(
    tx: &mut WriteTx,
    to: Option<StageId>,
    reason: &str,
    by: &str,
    now: Timestamp,
) -> Result<StageRow, StoreError> {
    let row = current(tx)?;
    let Some(to) = to.or_else(|| row.stage.previous()).filter(|to| *to < row.stage) else {
        let why = match to {
            Some(to) => format!("{to} is not below {}, the stage in force", row.stage),
            None => "there is no stage below paper".to_owned(),
        };
        return Err(StoreError::Refused(why));
    };
    put(tx, &row, Move { to, came: Came::Demoted, by, reason: reason.to_owned() }, &[], now)
}

/// A hold that is a breach of the stage demotes it by one, in the hold's own transaction: a halt of
/// the program for a fault, and any hold of the drawdown breaker. Paper has nothing below it.
pub(super) fn on_hold(tx: &mut WriteTx, hold: &Hold, now: Timestamp) -> Result<(), StoreError> {
    if evidence::own_halt(hold) || hold.name == drawdown::NAME {
        let reason = format!("{} by {}: {}", hold.level.name(), hold.name, hold.cause);
        breach(tx, reason, now)?;
    }
    Ok(())
}

impl Desk {
    /// Buying power above the stage's own cap demotes it by one. What was opened before the stage
    /// began was sized by another, and is no breach of this one.
    pub(super) async fn look_at_stage(&self, now: Timestamp) -> Result<(), StoreError> {
        let row = self.parts.store.read(current)?;
        let rules = self.parts.rulebook.stages.of(row.stage);
        let Some(rules) = rules.filter(|rules| rules.cap_percent.is_some()) else { return Ok(()) };
        let (balances, older) = {
            let hot = self.hot();
            let older =
                hot.open.values().any(|held| row.since.is_some_and(|at| held.opened_at < at));
            (hot.balances, older)
        };
        let rate = self.rate(now).await;
        let Some((balances, rate)) = balances.filter(|_| !older).zip(rate) else { return Ok(()) };
        let Some((used, cap)) = over_cap(rules, &balances, rate) else { return Ok(()) };
        let (used, cap) = (round_half_up(used, 2), cap.normalize());
        let reason = format!("buying power used {used} % > {cap} %, the cap of {}", row.stage);
        self.write(move |tx| if current(tx)? == row { breach(tx, reason, now) } else { Ok(()) })
            .await
    }
}

fn breach(tx: &mut WriteTx, reason: String, now: Timestamp) -> Result<(), StoreError> {
    let row = current(tx)?;
    let Some(to) = row.stage.previous() else { return Ok(()) };
    put(tx, &row, Move { to, came: Came::Breached, by: "desk", reason }, &[], now).map(drop)
}

struct Move<'a> {
    to: StageId,
    came: Came,
    by: &'a str,
    reason: String,
}

/// Writes the stage with its journal entry and notice.
fn put(
    tx: &mut WriteTx,
    before: &StageRow,
    to: Move<'_>,
    criteria: &[Criterion],
    now: Timestamp,
) -> Result<StageRow, StoreError> {
    let Move { to, came, by, reason } = to;
    let row = StageRow {
        stage: to,
        since: Some(now),
        came,
        by: by.to_owned(),
        reason,
        overrides: before.overrides.clone(),
    };
    tx.put(&STAGE, STAGE_KEY, &row)?;
    let data = serde_json::json!({ "row": row, "from": before.stage, "criteria": criteria });
    tx.journal(now, by, "stage", &data)?;
    let verb = if came == Came::Promoted { "promoted" } else { "demoted" };
    let text = format!("{verb} from {} to {to}: {}", before.stage, row.reason);
    notice::raise(tx, now, Notice::Stage { text, breach: came == Came::Breached })?;
    Ok(row)
}
