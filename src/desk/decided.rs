//! What became of a decision to enter: the record that `tomking why` shows says so.

use super::{intent::IntentRecord, tables::DECISIONS};
use crate::{
    risk::decision::{DecisionOutcome, DecisionRecord},
    store::{Read, StoreError, WriteTx},
};

/// The entry ended without a fill.
pub(super) fn missed(
    tx: &mut WriteTx,
    record: &IntentRecord,
    reason: &str,
) -> Result<(), StoreError> {
    change(tx, record, DecisionOutcome::Missed, Some(reason))
}

/// A fill came after the entry had ended without one.
pub(super) fn opened_after_all(tx: &mut WriteTx, record: &IntentRecord) -> Result<(), StoreError> {
    change(tx, record, DecisionOutcome::Entered, None)
}

fn change(
    tx: &mut WriteTx,
    record: &IntentRecord,
    outcome: DecisionOutcome,
    ended: Option<&str>,
) -> Result<(), StoreError> {
    let prefix = DecisionRecord::key_of(record.intent.slot, record.intent.strategy);
    let rows = tx.list(&DECISIONS, &prefix)?;
    let made = rows.into_iter().rfind(|(_, row)| row.intent.as_ref() == Some(record.id()));
    let Some((key, row)) = made else { return Ok(()) };
    let ended = ended.map(str::to_owned);
    tx.put(&DECISIONS, &key, &DecisionRecord { outcome, ended, ..row })
}
