//! Holds and the latch level they add up to (rulebook §6, design §5).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How much is stopped; the strictest active hold rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Everything the rulebook allows.
    #[default]
    Active,
    /// No entries; exits and defence go on.
    Reducing,
    /// Cancel everything and close everything, then halted.
    Flattening,
    /// Only cancels leave.
    Halted,
}

impl Level {
    /// The word in status, alerts and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Reducing => "REDUCING",
            Self::Flattening => "FLATTENING",
            Self::Halted => "HALTED",
        }
    }
}

/// Why something is stopped, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Stable name: a second hold of the same name replaces the first (`operator`, `halt-file`,
    /// `reconciliation`, `store`).
    pub name: String,
    /// What it stops.
    pub level: Level,
    /// In words, for people.
    pub cause: String,
    /// Since when.
    pub since: Timestamp,
    /// Ends by itself then, after a clean reconciliation; `None` ends only by an explicit resume.
    pub until: Option<Timestamp>,
}

impl Hold {
    /// True when setting the one over the other changes nothing but its words.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.name, self.level, self.until) == (&other.name, other.level, other.until)
    }
}

/// The strictest level of the holds.
pub fn strictest<'a>(holds: impl IntoIterator<Item = &'a Hold>) -> Level {
    holds.into_iter().map(|hold| hold.level).max().unwrap_or_default()
}
