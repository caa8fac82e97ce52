//! The schema of a file, and the steps that bring an older one forward.
//!
//! A file's schema is one number. A release that changes the shape of a table raises it, gives the
//! table its next version, adds a `Step` that rewrites the rows, and adds a file of the schema
//! before to `tests/fixtures/store`. Opening an older file backs it up first, then takes all steps
//! and the new number in one transaction. A newer file is refused.

use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    StoreError, Table, WriteTx, backup, disk,
    engine::Engine,
    table::Spec,
    tx::{Read, WriteTarget},
};
use crate::clock::{Clock, WallClock};

/// The schema a file has.
pub(crate) const META: Table<u32> = Table::new("meta", 1);
pub(crate) const SCHEMA_KEY: &str = "schema";

/// One step forward.
pub(crate) struct Step {
    /// The schema it starts from; it leads to the next number.
    pub(crate) from: u32,
    /// What it does, for the journal.
    pub(crate) name: &'static str,
    /// Rewrites the rows.
    pub(crate) apply: fn(&mut WriteTx) -> Result<(), StoreError>,
}

/// A schema with the steps that lead to it.
pub(crate) struct Schema {
    pub(crate) version: u32,
    pub(crate) steps: &'static [Step],
}

/// The schema of this program.
pub(crate) const CURRENT: Schema = Schema { version: 1, steps: &[] };

/// The schema of an open file: `None` when it holds nothing yet, 0 when it does not say.
pub(crate) fn found(engine: &Engine) -> Result<Option<u32>, StoreError> {
    engine.read(|tx| {
        let schema = tx.get(&META, SCHEMA_KEY)?;
        Ok(if schema.is_none() && tx.tables()?.is_empty() {
            None
        } else {
            Some(schema.unwrap_or(0))
        })
    })
}

/// Refuses a schema of a newer program.
pub(crate) fn refuse_newer(schema: &Schema, found: u32, path: &Path) -> Result<(), StoreError> {
    if found <= schema.version {
        return Ok(());
    }
    Err(StoreError::Newer { path: path.display().to_string(), found, known: schema.version })
}

/// Refuses a schema that this program can neither read nor bring forward.
pub(crate) fn admit(schema: &Schema, found: u32, path: &Path) -> Result<(), StoreError> {
    refuse_newer(schema, found, path)?;
    let path = path.display().to_string();
    let reachable =
        (found..schema.version).all(|from| schema.steps.iter().any(|step| step.from == from));
    if reachable {
        Ok(())
    } else {
        Err(StoreError::NoMigration { path, found, known: schema.version })
    }
}

/// Writes the number of a fresh store.
pub(crate) fn stamp(engine: &Engine, schema: &Schema) -> Result<(), StoreError> {
    engine.write(|tx| tx.put(&META, SCHEMA_KEY, &schema.version))
}

/// Brings the open file at `path` from schema `found` to `schema`: a backup beside it, then all
/// steps in one transaction. Returns where the backup is.
pub(crate) fn migrate(
    engine: &Engine,
    schema: &'static Schema,
    found: u32,
    path: &Path,
) -> Result<PathBuf, StoreError> {
    let head = engine.read(Read::journal_head)?;
    let kept = path.with_extension(format!("schema-{found}.journal-{}.redb", head.sequence));
    engine.read(|tx| backup::export(tx, &kept))?;
    tracing::warn!(from = found, to = schema.version, kept = %kept.display(), "migrating the store");
    engine.write(|tx| {
        for from in found..schema.version {
            let step = schema.steps.iter().find(|step| step.from == from);
            let step = step.ok_or_else(|| StoreError::NoMigration {
                path: path.display().to_string(),
                found,
                known: schema.version,
            })?;
            (step.apply)(tx)?;
            let data = serde_json::json!({"from": from, "to": from + 1, "step": step.name});
            tx.journal(WallClock.now(), "store", "migrated", &data)?;
        }
        tx.put(&META, SCHEMA_KEY, &schema.version)
    })?;
    Ok(kept)
}

impl WriteTx {
    fn delete_table(&mut self, table: Spec<'_>) -> Result<bool, StoreError> {
        match &self.target {
            WriteTarget::Disk(tx) => disk::delete(tx, table),
            WriteTarget::Memory(_) => {
                Err(StoreError::Refused("a store in memory has no older schema".to_owned()))
            }
        }
    }

    /// For migrations: reads all rows of `old`, removes that table, and writes what `change` makes
    /// of each row to `new`, which may have the same name; `None` drops the row.
    #[cfg_attr(not(test), expect(dead_code, reason = "schema 1 is the first: no step uses it yet"))]
    pub(crate) fn rewrite<A: DeserializeOwned, B: Serialize>(
        &mut self,
        old: &Table<A>,
        new: &Table<B>,
        change: impl Fn(&str, A) -> Result<Option<(String, B)>, StoreError>,
    ) -> Result<(), StoreError> {
        let rows = self.list(old, "")?;
        self.delete_table(old.spec())?;
        for (key, row) in rows {
            if let Some((key, row)) = change(&key, row)? {
                self.put(new, &key, &row)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
