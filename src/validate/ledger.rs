//! What the ledger shows: the largest drawdown, where prices come from, and for a further stage
//! every criterion of the promotion to it.

use std::path::Path;

use rust_decimal::Decimal;

use super::{Check, Found, Subject};
use crate::{
    config::stages::StageId,
    desk::{evidence, stage, tables::EQUITY},
    market::Provenance,
    money::{Usd, round_half_up},
    risk::promotion::{Evidence, criteria},
    store::{self, Read as _},
};

/// The criterion that this validation itself answers.
const OWN: &str = "validation";

pub(super) fn all(subject: &Subject<'_>, restored: Option<&Path>, stage: StageId) -> Vec<Check> {
    let mut checks =
        vec![drawdown(subject, restored).check(stage), prices(Provenance::Simulated).check(stage)];
    checks.extend(promotion(subject, restored, stage));
    checks
}

fn drawdown(subject: &Subject<'_>, restored: Option<&Path>) -> Found {
    let bound = subject.settings.rulebook.plan.targets.drawdown_percent;
    let outcome = closes(restored).and_then(|closes| {
        if closes.is_empty() {
            return Err("no session was reconciled yet".to_owned());
        }
        let mut peak = Usd::ZERO;
        let mut worst = Decimal::ZERO;
        for net in &closes {
            peak = peak.max(*net);
            if peak.is_positive() {
                worst = worst.max((peak - *net).0 / peak.0 * Decimal::ONE_HUNDRED);
            }
        }
        let worst = round_half_up(worst, 2);
        Ok((worst < bound, format!("{worst} % over {} closes", closes.len())))
    });
    let bound = format!("below {} % from the peak", bound.normalize());
    Found::new("drawdown", bound, outcome, "net liquidation of every close, dollars")
        .from(StageId::One)
}

fn closes(restored: Option<&Path>) -> Result<Vec<Usd>, String> {
    let file = restored.ok_or("there is no store to read")?;
    let rows = store::look(file, "tomking validate", |tx| tx.list(&EQUITY, ""));
    let rows = rows.map_err(|error| error.to_string())?;
    Ok(rows.into_iter().map(|(_, row)| row.net_liquidation_usd).collect())
}

/// Simulated prices stand for real ones: a stage that deploys capital cannot rest on them.
fn prices(provenance: Provenance) -> Found {
    let live = provenance == Provenance::Live;
    let measured = if live { "the broker's" } else { "simulated" };
    let evidence = "the feed of this version's daemon";
    Found::new("prices", "the broker's, not simulated", Ok((live, measured.to_owned())), evidence)
        .from(StageId::One)
}

/// The criteria of the promotion to `stage`, where it is not in force already.
fn promotion(subject: &Subject<'_>, restored: Option<&Path>, stage: StageId) -> Vec<Check> {
    let Some(from) = stage.previous() else { return Vec::new() };
    let rules = &subject.settings.rulebook.stages;
    let seen = restored.and_then(|file| {
        let read = store::look(file, "tomking validate", |tx| {
            let now = stage::current(tx)?.stage;
            Ok((now, evidence::evidence(tx, rules, &subject.others, subject.now)?))
        });
        read.ok()
    });
    let (now, seen) = seen.unwrap_or((StageId::Paper, Evidence::default()));
    if now >= stage {
        return Vec::new();
    }
    let mut checks: Vec<Check> = criteria(rules, from, &seen, subject.now)
        .into_iter()
        .filter(|criterion| criterion.name != OWN)
        .map(|criterion| Check {
            measured: criterion.value.map_or_else(
                || "not measured".to_owned(),
                |value| match criterion.unit.as_str() {
                    "percent" => format!("{value} %"),
                    "days" => format!("{value} days"),
                    _ => value.to_string(),
                },
            ),
            name: criterion.name,
            bound: criterion.asks,
            holds: criterion.holds,
            required: true,
            evidence: criterion.evidence,
        })
        .collect();
    let step = Ok((now == from, now.words().to_owned()));
    let evidence = "the stage in force; one step at a time";
    checks.push(Found::new("stage", from.words(), step, evidence).check(stage));
    checks
}
