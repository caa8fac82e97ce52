//! The state of the fold against the tables, with both figures where they differ.

use std::{collections::BTreeMap, fmt::Debug};

use super::{Folded, FoldedIntent, FoldedPosition};
use crate::{
    account::IntentId,
    desk::{
        ack::ACKS,
        intent::IntentRecord,
        pause::PAUSED,
        read,
        stage::{STAGE, STAGE_KEY},
        tables::{BROKER_ORDERS, INTENTS, PHASE, PHASE_KEY, POSITIONS},
    },
    schedule::ledger::{JOBS, RUNS, last_frequent},
    store::{Read, StoreError},
};

impl Folded {
    /// Where the tables do not hold what the journal implies; empty when they do.
    pub fn differences(&self, tx: &impl Read) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        let holds = read::holds(tx)?.into_iter().map(|hold| (hold.name.clone(), hold));
        table("hold", &self.holds, &holds.collect(), &mut found);
        let rows = tx.list(&INTENTS, "")?;
        let intents = rows.into_iter().map(|(id, row)| (IntentId(id), FoldedIntent::of(&row)));
        table("intent", &self.intents, &intents.collect(), &mut found);
        let orders = tx.list(&BROKER_ORDERS, "")?;
        let told = self.orders.iter().map(|(order, id)| (order.0.clone(), id.clone())).collect();
        table("broker order", &told, &orders.into_iter().collect(), &mut found);
        let rows = tx.list(&POSITIONS, "")?;
        let positions = rows.into_iter().map(|(_, row)| (row.id.clone(), FoldedPosition::of(&row)));
        table("position", &self.positions, &positions.collect(), &mut found);
        let cash = read::cash(tx)?;
        if cash != self.cash {
            found.push(differ("the cash book", self.cash.as_ref(), cash.as_ref()));
        }
        let stage = tx.get(&STAGE, STAGE_KEY)?;
        if stage != self.stage {
            found.push(differ("the stage", self.stage.as_ref(), stage.as_ref()));
        }
        let phase = tx.get(&PHASE, PHASE_KEY)?;
        if phase != self.phase {
            found.push(differ("the phase", self.phase.as_ref(), phase.as_ref()));
        }
        table("ack of", &self.acks, &tx.list(&ACKS, "")?.into_iter().collect(), &mut found);
        self.runs_differ(tx, &mut found)?;
        let jobs = tx.list(&JOBS, "")?.into_iter();
        let paused = jobs.filter_map(|(job, state)| Some((job, state.paused?.reason)));
        table("pause of", &self.paused, &paused.collect(), &mut found);
        let strategies = tx.list(&PAUSED, "")?.into_iter().collect();
        table("pause of strategy", &self.strategies_paused, &strategies, &mut found);
        Ok(found)
    }

    /// Every run has its entry and every entry its run; a frequent job's slots stand in the row of
    /// their session.
    fn runs_differ(&self, tx: &impl Read, found: &mut Vec<String>) -> Result<(), StoreError> {
        let rows: BTreeMap<_, _> = tx.list(&RUNS, "")?.into_iter().collect();
        let mut told = BTreeMap::new();
        for (id, run) in &self.runs {
            let job = id.split_once('/').map_or(id.as_str(), |(job, _)| job);
            let frequent = !rows.contains_key(id)
                && last_frequent(tx, job)?.is_some_and(|last| run.slot <= last);
            if !frequent {
                told.insert(id.clone(), run.clone());
            }
        }
        table("run", &told, &rows, found);
        Ok(())
    }
}

impl FoldedIntent {
    /// What a row says, in the form of the fold.
    fn of(row: &IntentRecord) -> Self {
        let working = row.working().map(|send| (send.external_id.clone(), send.status.clone()));
        Self {
            strategy: row.intent.strategy,
            purpose: row.intent.purpose.clone(),
            state: row.state,
            sends: row.sends,
            working,
            fills: row.fills.clone(),
            cancel: row.cancel.clone(),
            ended: row.ended.clone(),
        }
    }
}

fn table<K: Ord + std::fmt::Display, V: PartialEq + Debug>(
    what: &str,
    journal: &BTreeMap<K, V>,
    store: &BTreeMap<K, V>,
    found: &mut Vec<String>,
) {
    for (key, implied) in journal {
        let row = store.get(key);
        if row != Some(implied) {
            found.push(differ(&format!("{what} `{key}`"), Some(implied), row));
        }
    }
    for (key, row) in store.iter().filter(|(key, _)| !journal.contains_key(*key)) {
        found.push(differ(&format!("{what} `{key}`"), None, Some(row)));
    }
}

fn differ<V: Debug>(what: &str, journal: Option<&V>, store: Option<&V>) -> String {
    let said = |side: Option<&V>| side.map_or_else(|| "nothing".to_owned(), |v| format!("{v:?}"));
    format!("{what}: the journal implies {}, the store has {}", said(journal), said(store))
}
