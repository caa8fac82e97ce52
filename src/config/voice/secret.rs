//! Secrets stand in no config file: a setting names the place.

use std::{env::VarError, fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Where a secret is: never in a config file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// In this environment variable.
    Env(String),
    /// In this file, white space around it left out.
    File(PathBuf),
}

impl SecretSource {
    /// Reads the secret; the error names the place, never the content.
    pub fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|error| match error {
                VarError::NotPresent => format!("{self} is not set"),
                VarError::NotUnicode(_) => format!("{self} is no text"),
            })?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("{self} cannot be read: {error}"))?,
        };
        let text = text.trim();
        if text.is_empty() { Err(format!("{self} is empty")) } else { Ok(text.to_owned()) }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
