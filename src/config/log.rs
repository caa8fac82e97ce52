//! `[log]`: how the program's own log is written, on stderr.

use serde::{Deserialize, Serialize};

/// Settings of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// For people or for programs.
    pub format: LogFormat,
    /// What is logged, in the directives of `tracing`: `info`, `tomking=debug`, `warn,tomking::desk=trace`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

impl LogSettings {
    /// What is wrong, in words with key and bound; nothing when all is right.
    pub fn faults(&self) -> Vec<String> {
        match tracing_subscriber::EnvFilter::builder().parse(&self.filter) {
            Ok(_) => Vec::new(),
            Err(error) => vec![format!(
                "log.filter = {:?}: {error}; must be a level (error, warn, info, debug, trace) or \
                 directives such as \"info,tomking::desk=debug\"",
                self.filter
            )],
        }
    }
}
