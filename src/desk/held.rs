//! What is open, in memory as the store has it: read again only when one of its tables changed, so
//! that a round with nothing new parses nothing.

use std::{collections::BTreeMap, sync::Arc};

use rust_decimal::Decimal;

use super::{
    Desk,
    intent::IntentRecord,
    read,
    tables::{CASH, CashBook, INTENTS, INTENTS_OPEN, POSITIONS, POSITIONS_OPEN},
};
use crate::{
    account::{IntentId, Position, PositionId},
    store::{ReadTx, StoreError},
};

/// The tables it is read from.
const TABLES: &[&str] =
    &[CASH.name(), INTENTS.name(), INTENTS_OPEN.name(), POSITIONS.name(), POSITIONS_OPEN.name()];

/// What is open.
#[derive(Debug)]
pub(super) struct Held {
    /// Intents that are not terminal, by id.
    pub(super) intents: Vec<IntentRecord>,
    /// Positions with an open leg, by id; EXTERNAL included.
    pub(super) positions: Vec<Position>,
    /// Cash as the ledger explains it, once there is a ledger.
    pub(super) cash: Option<CashBook>,
    /// The tick of the order that opened each of the positions.
    pub(super) ticks: BTreeMap<PositionId, Decimal>,
}

impl Held {
    fn read(tx: &ReadTx) -> Result<Self, StoreError> {
        let positions = read::open_positions(tx)?;
        let mut ticks = BTreeMap::new();
        for position in &positions {
            let entry = read::intent(tx, &IntentId(position.id.0.clone()))?;
            ticks.extend(entry.map(|record| (position.id.clone(), record.intent.tick)));
        }
        Ok(Self { intents: read::open_intents(tx)?, positions, cash: read::cash(tx)?, ticks })
    }

    /// An open intent.
    pub(super) fn intent(&self, id: &IntentId) -> Option<&IntentRecord> {
        self.intents.iter().find(|record| record.id() == id)
    }
}

impl Desk {
    /// What is open at this moment.
    pub(super) fn held(&self) -> Result<Arc<Held>, StoreError> {
        // The count is read first: rows of a commit that comes in between are only read once more.
        let changes = self.parts.store.changes(TABLES);
        if let Some((_, held)) = self.hot().held.as_ref().filter(|(of, _)| *of == changes) {
            return Ok(Arc::clone(held));
        }
        let held = Arc::new(self.parts.store.read(Held::read)?);
        self.hot().held = Some((changes, Arc::clone(&held)));
        Ok(held)
    }
}
