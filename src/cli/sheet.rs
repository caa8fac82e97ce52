//! A replay's outcome as the files of `--report`.

use std::path::Path;

use super::{CliError, outcome};
use crate::{
    market::{Provenance, recorded::LoadSummary},
    report::{
        daily::prices_note,
        tearsheet::{Sheet, place},
    },
    sim::outcome::Outcome,
};

/// Whether the files may be written there, before the work of a replay is done.
pub fn check(place: &Path) -> Result<(), CliError> {
    place::check(place).map_err(CliError::failed)
}

/// Writes the page and its CSV files.
pub fn write(place: &Path, found: &Outcome, files: Option<&LoadSummary>) -> Result<(), CliError> {
    let made = sheet(found, files).files().map_err(CliError::Failed)?;
    place::write(place, &made).map_err(CliError::failed)
}

fn sheet<'a>(found: &'a Outcome, files: Option<&LoadSummary>) -> Sheet<'a> {
    let facts = outcome::facts(found).into_iter().map(|(name, value)| (name.to_owned(), value));
    let resumed = found.operator.iter().filter(|resume| resume.refused.is_none()).count();
    let mut events = outcome::latch_lines(&found.latch, false);
    if resumed > 0 {
        let times = crate::report::parts::counted(resumed, "time");
        events.insert(0, format!("The operator of the replay resumed {times}."));
    }
    Sheet {
        title: format!("Replay {} to {}", found.from, found.to),
        headline: headline(found),
        modelled: modelled(found, files),
        warnings: found
            .limits_off
            .then(|| format!("{}.", outcome::LIMITS_OFF))
            .into_iter()
            .collect(),
        facts: facts.collect(),
        start: found.starting_net_liquidation_usd,
        days: &found.rows.days,
        books: &found.books,
        trades: &found.rows.trades,
        decisions: &found.rows.decisions,
        history: &found.history,
        events,
        day_by_day: found.day_by_day.is_some(),
        notes: vec![
            format!("Digest {}: the same command gives the same.", found.digest),
            format!("tomking {}. Times are New York.", env!("CARGO_PKG_VERSION")),
        ],
    }
}

fn headline(found: &Outcome) -> String {
    let total = found.history.period.as_ref().and_then(|period| period.period_total_return);
    let total = total.map_or_else(
        || "no return is known".to_owned(),
        |total| format!("{:+.2} % in dollars", total * 100.0),
    );
    let (sessions, trades) = (found.sessions, found.trades.len());
    let fall = found.max_drawdown_percent;
    format!("{total} over {sessions} sessions, {trades} trades; largest drawdown {fall:.2} %")
}

/// What a reader must know before the figures.
fn modelled(found: &Outcome, files: Option<&LoadSummary>) -> Vec<String> {
    let mut lines = vec![prices_note(found.prices).to_owned()];
    if found.prices != Provenance::Live {
        lines.push(
            "Every option quote, its spread, open interest and Greeks come from a model of VIX, not \
             from an exchange; fills come from the model of docs/FILL_MODEL.md. No figure here is \
             evidence that a strategy earns."
                .to_owned(),
        );
    }
    if found.prices == Provenance::RecordedModelled {
        lines.push(
            "Recorded are the daily and hourly bars of the files; the path between two bars is \
             drawn."
                .to_owned(),
        );
    }
    lines.extend(files.into_iter().flat_map(|files| files.notes.iter().cloned()));
    lines
}
