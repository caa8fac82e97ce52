//! `[store]`: how long the store keeps what nothing needs any more.

use serde::{Deserialize, Serialize};

/// What the store keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Days the journal is kept; older entries go after the nightly backup and leave an anchor.
    /// 0 keeps all.
    pub journal_days: u32,
}

/// A journal is kept at least so long: reports of a quarter and incidents are read from it.
const JOURNAL_DAYS_MIN: u32 = 100;

impl StoreSettings {
    pub(super) fn faults(&self) -> Vec<String> {
        let days = self.journal_days;
        if days == 0 || days >= JOURNAL_DAYS_MIN {
            return Vec::new();
        }
        vec![format!("store.journal_days = {days}: must be 0 (keep all) or at least 100")]
    }
}
