//! Logs to stderr: for people on a terminal, JSON where a service manager reads them.

use std::{
    fmt::{Debug, Result as Formatted, Write as _},
    io::IsTerminal,
    sync::Arc,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{
        self, FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer,
        time::FormatTime,
    },
    layer::{Context, SubscriberExt as _},
    registry::{LookupSpan, Scope},
    util::SubscriberInitExt as _,
};

use crate::{
    calendar::NEW_YORK,
    clock::Clock,
    config::{LogFormat, LogSettings},
    control::house::logs::Recent,
};

/// A line for a person: the time of the world it is in (in the demo not the machine's), the level,
/// who speaks, what is said, and what else is known.
struct Human(Arc<dyn Clock>);

impl<S, N> FormatEvent<S, N> for Human
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut w: Writer<'_>,
        event: &Event<'_>,
    ) -> Formatted {
        let at = self.0.now().with_timezone(&NEW_YORK);
        write!(w, "{} ", at.format("%a %d %b %H:%M:%S ET"))?;
        level(&mut w, *event.metadata().level())?;
        let mut said = Said::default();
        event.record(&mut said);
        if said.speaker.is_empty() {
            for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
                let kept = span.extensions();
                let fields = kept.get::<FormattedFields<N>>().map_or("", |fields| &fields.fields);
                write!(w, "{} {fields}: ", span.name())?;
            }
        }
        writeln!(w, "{}{}{}", said.speaker, said.message, said.rest)
    }
}

fn level(w: &mut Writer<'_>, level: Level) -> Formatted {
    let colour = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 34,
    };
    if w.has_ansi_escapes() {
        write!(w, "\x1b[{colour}m{level:>5}\x1b[0m ")
    } else {
        write!(w, "{level:>5} ")
    }
}

/// The fields of an event, in the order a person reads them.
#[derive(Default)]
struct Said {
    /// The job, or that it is an alert.
    speaker: String,
    message: String,
    rest: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "job" => self.speaker = format!("{value}: "),
            _ => self.record_debug(field, &format_args!("{value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let (name, value) = (field.name(), format!("{value:?}"));
        match name {
            "message" => self.message = value,
            "alert" => "alert: ".clone_into(&mut self.speaker),
            "kind" => {}
            "status" if value == "Done" => {}
            "status" => {
                let _ = write!(self.rest, " ({})", value.to_lowercase());
            }
            _ => {
                let _ = write!(self.rest, ", {name} {value}");
            }
        }
    }
}

struct UtcTime(Arc<dyn Clock>);

impl FormatTime for UtcTime {
    fn format_time(&self, w: &mut Writer<'_>) -> Formatted {
        write!(w, "{}", self.0.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

/// Libraries that write what they send at finer levels, passwords and tokens included.
const QUIET: [&str; 5] = ["async_imap", "imap_proto", "lettre", "reqwest", "hyper_util"];

/// Starts logging; `RUST_LOG` wins over the filter of the settings. The newest lines are kept in
/// `recent`, where one is given.
pub fn init(
    settings: &LogSettings,
    clock: Arc<dyn Clock>,
    recent: Option<Arc<Recent>>,
) -> Result<(), String> {
    let (format, filter) = (settings.format, settings.filter.as_str());
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| format!("RUST_LOG: {error}"))?,
        Err(_) => {
            EnvFilter::try_new(filter).map_err(|error| format!("log.filter `{filter}`: {error}"))?
        }
    };
    let filter = QUIET.iter().fold(filter, |filter, library| {
        let directive = format!("{library}=info").parse();
        filter.add_directive(directive.expect("a name and a level are a directive"))
    });
    let terminal = std::io::stderr().is_terminal();
    let human = match format {
        LogFormat::Auto => terminal || std::env::var_os("JOURNAL_STREAM").is_none(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let kept = recent.map(|recent| Keep { recent, clock: Arc::clone(&clock) });
    let layers = tracing_subscriber::registry().with(filter).with(kept);
    if human {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        let written = fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
        layers.with(written.event_format(Human(clock))).try_init()
    } else {
        let written = fmt::layer().with_writer(std::io::stderr);
        layers.with(written.json().with_timer(UtcTime(clock))).try_init()
    }
    .map_err(|error| error.to_string())
}

/// Keeps the newest lines for who asks for them.
struct Keep {
    recent: Arc<Recent>,
    clock: Arc<dyn Clock>,
}

impl<S: Subscriber> Layer<S> for Keep {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        let text = format!("{}{}{}", said.speaker, said.message, said.rest);
        self.recent.keep(self.clock.now(), event.metadata().level().as_str(), &text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::clock::VirtualWorld;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Page {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_line_for_people_has_the_worlds_time_who_speaks_and_what_is_said() {
        let world = VirtualWorld::new("2024-08-02T14:30:00.250Z".parse().unwrap());
        let page = Page::default();
        let builder = tracing_subscriber::fmt().with_ansi(false).with_writer(page.clone());
        let subscriber = builder.event_format(Human(world.runtime().clock())).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(job = "store-backup", status = %"Skipped", "the store is in memory");
            tracing::warn!(alert = 7, kind = "limit", "Loss of the trade 2.23 %");
            tracing::error!(order = %"A-1", "a cancel was not taken");
            tracing::info_span!("job", job = "x").in_scope(|| tracing::info!("inside"));
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "Fri 02 Aug 10:30:00 ET  INFO store-backup: the store is in memory (skipped)",
                "Fri 02 Aug 10:30:00 ET  WARN alert: Loss of the trade 2.23 %",
                "Fri 02 Aug 10:30:00 ET ERROR a cancel was not taken, order A-1",
                "Fri 02 Aug 10:30:00 ET  INFO job job=\"x\": inside",
            ]
        );
    }
}
