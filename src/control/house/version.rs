//! `version`: what this program is.

use serde::{Deserialize, Serialize};

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its version.
    pub version: String,
    /// `release` or `debug`.
    pub build: String,
    /// The system it was built for.
    pub system: String,
    /// The machine it was built for.
    pub machine: String,
}

/// This program.
pub fn of() -> Version {
    Version {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        system: std::env::consts::OS.to_owned(),
        machine: std::env::consts::ARCH.to_owned(),
    }
}
