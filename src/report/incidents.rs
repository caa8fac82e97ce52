//! What went wrong in some days, as the journal tells it: holds, differences, processes that began.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{
    gather::midnight,
    page::{Body, Section},
    parts::clock,
};
use crate::{
    account::hold::{Hold, Level},
    clock::Timestamp,
    desk::{difference::Difference, evidence::first_since},
    store::{JournalEntry, Read, StoreError},
};

/// Journal entries read in one go.
const CHUNK: usize = 1_000;
/// Incidents told, the last ones.
const TOLD: usize = 30;

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// When.
    pub at: Timestamp,
    /// `hold` or `difference`.
    pub kind: String,
    /// In words.
    pub text: String,
}

/// The incidents from one New York date to another, both included: at most thirty, the last ones.
pub fn incidents(
    tx: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<Incident>, StoreError> {
    let (start, end) = (midnight(from), midnight(to + Days::new(1)));
    let (mut next, mut found) = (first_since(tx, start)?, Vec::new());
    loop {
        let entries = tx.journal_entries(next, CHUNK)?;
        let inside = entries.iter().take_while(|entry| entry.at < end);
        found.extend(inside.filter_map(incident));
        match entries.last() {
            Some(last) if entries.len() == CHUNK && last.at < end => next = last.sequence + 1,
            _ => break,
        }
    }
    let excess = found.len().saturating_sub(TOLD);
    found.drain(..excess);
    Ok(found)
}

fn incident(entry: &JournalEntry) -> Option<Incident> {
    let text = match entry.kind.as_str() {
        "hold" => {
            let hold = Hold::deserialize(&entry.data).ok()?;
            let level = hold.level;
            (level != Level::Active).then(|| format!("{}: {}", level.name(), hold.cause))?
        }
        "difference" => {
            let row = Difference::deserialize(&entry.data).ok()?;
            let weight = if row.stops { "entries stopped" } else { "entries went on" };
            format!("ledger and broker: {}; {weight}", row.words())
        }
        _ => return None,
    };
    Some(Incident { at: entry.at, kind: entry.kind.clone(), text })
}

/// The section.
pub fn section(found: &[Incident]) -> Section {
    let mut lines: Vec<String> =
        found.iter().map(|incident| format!("{} {}", clock(incident.at), incident.text)).collect();
    if lines.is_empty() {
        lines.push("None: no hold was set, ledger and broker agreed.".to_owned());
    }
    Section { title: "Incidents".to_owned(), body: Body::Lines(lines) }
}
