//! What the invariants look at, read once for all of them: the ledger's rows and the venue's truth,
//! again only when something was committed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Deserialize;

use super::{Broken, Scene};
use crate::{
    account::{Fill, IntentId, Position, PositionId, hold::Hold},
    broker::paper::{self, VenueOrder, VenueState},
    clock::Timestamp,
    desk::{
        intent::IntentRecord,
        read,
        tables::{CASH, CashBook, HOLDS, INTENTS, POSITIONS},
    },
    instrument::Instrument,
    money::Usd,
    store::{JournalEntry, Read, ReadTx, StoreError},
    strategy::Purpose,
};

const TABLES: &[&str] = &[CASH.name(), HOLDS.name(), INTENTS.name(), POSITIONS.name()];

/// Quantity, cash and fees of what was not a fill of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) quantity: i64,
    pub(super) cash: Usd,
    pub(super) fees: Usd,
}

/// The ledger as the daemon's store has it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) intents: BTreeMap<IntentId, IntentRecord>,
    pub(super) positions: BTreeMap<PositionId, Position>,
    pub(super) cash: Option<CashBook>,
    pub(super) holds: Vec<Hold>,
    /// Settled legs by position, from the journal.
    pub(super) settled: BTreeMap<(PositionId, Instrument), Moved>,
    /// Everything the journal says moved cash besides fills.
    pub(super) moved: Moved,
}

impl Ledger {
    /// The position an order of ours belongs to.
    pub(super) fn position_of(&self, external_id: &str) -> Option<PositionId> {
        let record = self.intents.get(&intent_of(external_id)?)?;
        Some(match &record.intent.purpose {
            Purpose::Entry => PositionId(record.id().0.clone()),
            Purpose::Exit { position, .. } | Purpose::Adjust { position, .. } => position.clone(),
        })
    }

    /// Every fill the ledger has, by id, with its intent.
    pub(super) fn fills(&self) -> impl Iterator<Item = (&IntentId, &Fill)> {
        self.intents.values().flat_map(|record| record.fills.iter().map(move |f| (record.id(), f)))
    }

    /// What all positions hold, by instrument; nothing stands for none.
    pub(super) fn held(&self) -> BTreeMap<Instrument, i64> {
        let legs = self.positions.values().filter(|p| p.is_open()).flat_map(|p| &p.legs);
        let mut held = BTreeMap::new();
        legs.for_each(|leg| *held.entry(leg.instrument.clone()).or_default() += leg.quantity);
        held.retain(|_, quantity| *quantity != 0);
        held
    }
}

/// The intent part of `<intent>/<send>`.
pub(super) fn intent_of(external_id: &str) -> Option<IntentId> {
    external_id.rsplit_once('/').map(|(id, _)| IntentId(id.to_owned()))
}

/// The venue's truth, and since when it stands.
pub(super) struct Venue {
    pub(super) state: VenueState,
    pub(super) since: Timestamp,
}

impl Venue {
    /// What is held, by instrument.
    pub(super) fn held(&self) -> BTreeMap<Instrument, i64> {
        self.state.holdings.iter().map(|(of, lot)| (of.clone(), lot.quantity)).collect()
    }

    /// Orders that carry an identifier of ours, with their fills.
    pub(super) fn ours(&self) -> impl Iterator<Item = (&str, &VenueOrder, &[Fill])> {
        self.state.orders.values().filter_map(|order| {
            Some((order.external_id.as_deref()?, order, self.state.fills_of(order.id)))
        })
    }
}

/// The eyes all invariants share.
#[derive(Clone, Default)]
pub(super) struct Eyes(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    ledger: Option<((u32, u64), Arc<Ledger>)>,
    venue: Option<(u64, Arc<Venue>)>,
    life: u32,
    journal: u64,
    settled: BTreeMap<(PositionId, Instrument), Moved>,
    moved: Moved,
}

impl Eyes {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger at this moment.
    pub(super) fn ledger(&self, scene: &Scene<'_>) -> Result<Arc<Ledger>, Broken> {
        let of = (scene.life(), scene.store.changes(TABLES));
        let mut seen = self.seen();
        if let Some((_, ledger)) = seen.ledger.as_ref().filter(|(at, _)| *at == of) {
            return Ok(Arc::clone(ledger));
        }
        let ledger = Arc::new(scene.store.read(|tx| seen.read_ledger(tx, scene.life()))?);
        seen.ledger = Some((of, Arc::clone(&ledger)));
        Ok(ledger)
    }

    /// The venue's truth at this moment; `None` before the account is opened.
    pub(super) fn venue(&self, scene: &Scene<'_>) -> Result<Option<Arc<Venue>>, Broken> {
        let of = scene.venue.changes(&paper::TABLES);
        let mut seen = self.seen();
        if let Some((_, venue)) = seen.venue.as_ref().filter(|(at, _)| *at == of) {
            return Ok(Some(Arc::clone(venue)));
        }
        let Some(state) = paper::truth(scene.venue)? else { return Ok(None) };
        let venue = Arc::new(Venue { state, since: scene.now });
        seen.venue = Some((of, Arc::clone(&venue)));
        Ok(Some(venue))
    }
}

impl Seen {
    fn read_ledger(&mut self, tx: &ReadTx, life: u32) -> Result<Ledger, StoreError> {
        if self.life != life {
            *self = Self { venue: self.venue.take(), life, ..Self::default() };
        }
        for entry in tx.journal_entries(self.journal + 1, usize::MAX)? {
            self.journal = entry.sequence;
            self.take_in(&entry);
        }
        let intents = tx.list(&INTENTS, "")?;
        let positions = tx.list(&POSITIONS, "")?;
        Ok(Ledger {
            intents: intents.into_iter().map(|(id, row)| (IntentId(id), row)).collect(),
            positions: positions.into_iter().map(|(id, row)| (PositionId(id), row)).collect(),
            cash: read::cash(tx)?,
            holds: read::holds(tx)?,
            settled: self.settled.clone(),
            moved: self.moved,
        })
    }

    /// Adds up what the journal says moved without a fill.
    fn take_in(&mut self, entry: &JournalEntry) {
        #[derive(Deserialize)]
        struct Told {
            position: PositionId,
            instrument: Option<Instrument>,
            #[serde(default)]
            quantity: i64,
            #[serde(default)]
            cash_usd: Usd,
            #[serde(default)]
            fees_usd: Usd,
        }
        if !matches!(entry.kind.as_str(), "settled" | "delivered" | "adopted") {
            return;
        }
        let Ok(told) = Told::deserialize(&entry.data) else { return };
        self.moved.cash += told.cash_usd;
        self.moved.fees += told.fees_usd;
        if let Some(instrument) = told.instrument {
            let of = self.settled.entry((told.position, instrument)).or_default();
            of.quantity += told.quantity;
            of.cash += told.cash_usd;
            of.fees += told.fees_usd;
        }
    }
}
