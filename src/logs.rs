//! Logs to stderr: for people on a terminal, JSON where a service manager reads them.

use std::{io::IsTerminal, sync::Arc};

use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};

use crate::{
    calendar::NEW_YORK,
    clock::Clock,
    config::{LogFormat, LogSettings},
};

/// The time of the given world, not the machine's: in the demo they differ.
struct WorldTime(Arc<dyn Clock>);

impl FormatTime for WorldTime {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        let at = self.0.now().with_timezone(&NEW_YORK);
        write!(w, "{}", at.format("%a %d %b %H:%M:%S%.3f ET"))
    }
}

struct UtcTime(Arc<dyn Clock>);

impl FormatTime for UtcTime {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        write!(w, "{}", self.0.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

/// Starts logging; `RUST_LOG` wins over the filter of the settings.
pub fn init(settings: &LogSettings, clock: Arc<dyn Clock>) -> Result<(), String> {
    let (format, filter) = (settings.format, settings.filter.as_str());
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| format!("RUST_LOG: {error}"))?,
        Err(_) => {
            EnvFilter::try_new(filter).map_err(|error| format!("log.filter `{filter}`: {error}"))?
        }
    };
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let human = match format {
        LogFormat::Auto => terminal || std::env::var_os("JOURNAL_STREAM").is_none(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    if human {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        let builder = builder.with_ansi(colour).with_target(false).with_timer(WorldTime(clock));
        builder.try_init().map_err(|error| error.to_string())
    } else {
        let builder = builder.json().with_timer(UtcTime(clock));
        builder.try_init().map_err(|error| error.to_string())
    }
}
