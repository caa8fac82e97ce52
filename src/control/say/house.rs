//! Health, log, version and settings as pages.

use super::words::{counted, facts, filled, lasting, lines, moment, or_dash, page};
use crate::{
    calendar::NEW_YORK,
    control::{
        house::{
            ears::EarLine,
            health::{Health, SlotsLine},
            logs::LogsView,
            settings::SettingsView,
            version::Version,
        },
        status::ChannelLine,
    },
    report::page::{Page, Section},
};

/// What is wrong first, then the figures.
pub fn health(view: &Health) -> Page {
    let wrong = wrong(view);
    let title = match (&view.daemon, wrong.len()) {
        (None, _) => "Not running".to_owned(),
        (Some(_), 0) => "All well".to_owned(),
        (Some(_), count) => format!("{} to look at", counted(count, "thing")),
    };
    let mut found = page(title, filled(vec![lines("", wrong), process(view), slots(&view.slots)]));
    found.sections.extend(broker(view));
    let said = view.channels.iter().map(channel).collect();
    let heard = view.ears.iter().map(ear).collect();
    found.sections.extend(filled(vec![lines("Channels", said), lines("Commands by", heard)]));
    let journal = &view.store.journal;
    found.notes.push(format!("Journal: entry {}, {}", journal.sequence, journal.hash));
    found
}

/// What a person should look at.
fn wrong(view: &Health) -> Vec<String> {
    let hangs = view.daemon.as_ref().and_then(|daemon| daemon.hangs.clone());
    let mut found: Vec<String> =
        hangs.map(|hangs| format!("It hangs: {hangs}")).into_iter().collect();
    let troubles = view.daemon.iter().flat_map(|daemon| &daemon.troubles);
    found.extend(troubles.map(|trouble| format!("Alerts: {trouble}")));
    if let Some(broker) = view.broker {
        if !broker.answers {
            found.push("The broker does not answer".to_owned());
        }
        if !broker.reconciled {
            found.push("Ledger and broker are not reconciled".to_owned());
        }
    }
    if view.unknown_orders > 0 {
        let orders = counted(view.unknown_orders, "order");
        found.push(format!("{orders} of unknown fate"));
    }
    let (failed, missed) = (view.slots.failed, view.slots.missed);
    if failed + missed > 0 {
        found.push(format!("Slots of 24 h: {failed} failed, {missed} missed"));
    }
    if let Some(feed) = view.feed.filter(|feed| feed.unpriced > 0) {
        found.push(format!("{} held without a price", counted(feed.unpriced, "leg")));
    }
    for channel in view.channels.iter().filter(|channel| channel.last_error.is_some()) {
        found.push(format!("Channel {} fails", channel.name));
    }
    for ear in view.ears.iter().filter(|ear| ear.hears == Some(false)) {
        let since = or_dash(ear.failing_since.map(moment));
        found.push(format!("Commands by {} are not heard since {since}", ear.name));
    }
    found
}

fn process(view: &Health) -> Section {
    let mega = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let mut said = Vec::new();
    if let Some(daemon) = &view.daemon {
        said.push(("Up", format!("{}, process {}", lasting(daemon.uptime_seconds), daemon.pid)));
        said.extend(daemon.memory_bytes.map(|bytes| ("Memory", mega(bytes))));
        said.extend(daemon.clock_skew_ms.map(|skew| ("Clock behind", format!("{skew} ms"))));
    }
    said.push(("Store", view.store.bytes.map_or_else(|| "no file".to_owned(), mega)));
    said.push(("Version", view.version.clone()));
    facts("", said)
}

fn slots(view: &SlotsLine) -> Section {
    let below = |bound: Option<i64>| match bound {
        Some(bound) => format!("< {bound} ms"),
        None => "-".to_owned(),
    };
    let lateness = &view.lateness;
    let mut said = vec![
        ("Begun", lateness.starts.to_string()),
        ("p50", below(lateness.p50_below_ms)),
        ("p99", below(lateness.p99_below_ms)),
        ("Latest", format!("{} ms", lateness.max_ms)),
    ];
    said.extend(view.last_late.as_ref().map(|late| {
        ("Last late", format!("{} {}, {} ms", late.job, moment(late.slot), late.late_ms))
    }));
    said.extend(view.unkept.iter().take(5).map(|slot| {
        (slot.status.name(), format!("{} {}: {}", slot.job, moment(slot.slot), slot.reason))
    }));
    facts("Slots since yesterday", said)
}

fn broker(view: &Health) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(broker) = view.broker {
        sections.push(facts(
            "Broker",
            vec![
                ("Answered", or_dash(broker.answered_at.map(moment))),
                ("Failed", or_dash(broker.failed_at.map(moment))),
                ("Errors in 24 h", broker.errors.to_string()),
                ("Unknown in 24 h", view.unknown_orders_lately.to_string()),
                ("Reconciled", or_dash(broker.reconciled_at.map(moment))),
            ],
        ));
    }
    if let Some(feed) = view.feed {
        sections.push(facts(
            "Feed",
            vec![
                ("Looked", or_dash(feed.looked_at.map(moment))),
                ("VIX age", or_dash(feed.vix_age_seconds.map(lasting))),
            ],
        ));
    }
    sections
}

fn channel(line: &ChannelLine) -> String {
    let error = line.last_error.as_ref().map(|error| format!("; {error}")).unwrap_or_default();
    format!("{}: {} waiting, {} given up{error}", line.name, line.waiting, line.dead)
}

fn ear(line: &EarLine) -> String {
    let heard = match (line.hears, line.answered_at) {
        (Some(true), Some(at)) => format!("heard, {}", moment(at)),
        (Some(false), _) => "not heard".to_owned(),
        _ => "-".to_owned(),
    };
    let counts = line.counts.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<String> =
        counts.map(|(name, count)| format!("{} {count}", name.replace('_', " "))).collect();
    let counts = if counts.is_empty() { String::new() } else { format!("; {}", counts.join(", ")) };
    let error = line.last_error.as_ref().map(|error| format!("; {error}")).unwrap_or_default();
    format!("{}: {heard}{counts}{error}", line.name)
}

/// The newest lines, the newest last.
pub fn logs(view: &LogsView) -> Page {
    let line = |line: &crate::control::house::logs::LogLine| {
        let at = line.at.with_timezone(&NEW_YORK).format("%H:%M:%S");
        let level = match line.level.as_str() {
            "info" => String::new(),
            level => format!("{} ", level.to_uppercase()),
        };
        format!("{at} {level}{}", line.text)
    };
    let said = view.lines.iter().map(line).collect();
    page(
        format!("Log: the last {} of {}", view.lines.len(), view.said),
        filled(vec![lines("", said)]),
    )
}

/// The version.
pub fn version(view: &Version) -> Page {
    let Version { version, build, system, machine } = view;
    page(
        format!("tomking {version}"),
        vec![lines("", vec![format!("{build}, {system} {machine}")])],
    )
}

/// The settings, a line each.
pub fn settings(view: &SettingsView) -> Page {
    let line = |setting: &crate::control::house::settings::Setting| {
        let value = match &setting.value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{} = {value}", setting.key)
    };
    let said: Vec<String> = view.settings.iter().map(line).collect();
    let title = match (&view.part, said.is_empty()) {
        (Some(part), true) => format!("There is no setting {part}"),
        (Some(part), false) => format!("Settings: {part}"),
        (None, _) => "Settings".to_owned(),
    };
    let mut found = page(title, filled(vec![lines("", said)]));
    found.notes.push(format!("Parts: {}", view.parts.join(", ")));
    found
}
