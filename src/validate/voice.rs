//! Who is told: the channels, and the dead-man's switch.

use std::sync::Arc;

use tokio::runtime::Runtime as TokioRuntime;

use super::{Found, Subject};
use crate::{
    alert::{
        Alert, Channel, Enclosures, Outgoing,
        setup::{self, Bare},
    },
    clock::Runtime,
    config::{stages::StageId, voice::LOG},
    notice::Severity,
};

pub(super) fn all(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = vec![channels(subject), dead_man(subject)];
    if subject.probe {
        found.push(probe(subject));
    }
    found
}

/// What channels send on.
fn threads() -> Result<TokioRuntime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())
}

/// The channels beside the log.
fn outward(subject: &Subject<'_>, on: &TokioRuntime) -> Result<Vec<Arc<dyn Channel>>, String> {
    let _entered = on.enter();
    let enclosures: Arc<dyn Enclosures> = Arc::new(Bare);
    let made = setup::channels(&Runtime::live(), &subject.settings.voice, &enclosures)?;
    Ok(made.into_iter().filter(|channel| channel.name() != LOG).collect())
}

fn channels(subject: &Subject<'_>) -> Found {
    let outcome = threads().and_then(|on| outward(subject, &on)).map(|made| {
        let names: Vec<&str> = made.iter().map(|channel| channel.name()).collect();
        let measured = if names.is_empty() { "the log alone".to_owned() } else { names.join(", ") };
        (!names.is_empty(), measured)
    });
    let evidence = "`[voice]` and the secrets it names";
    Found::new(
        "alert channels",
        "at least one beside the log, each with its secret",
        outcome,
        evidence,
    )
    .from(StageId::One)
}

fn dead_man(subject: &Subject<'_>) -> Found {
    let outcome = threads().and_then(|on| {
        let _entered = on.enter();
        let switch = setup::dead_man(&Runtime::live(), &subject.settings.voice)?;
        let measured = if switch.is_some() { "set" } else { "not set" };
        Ok((switch.is_some(), measured.to_owned()))
    });
    Found::new("dead-man's switch", "set", outcome, "`voice.dead_man`").from(StageId::One)
}

/// Writes one alert to each channel, now.
fn probe(subject: &Subject<'_>) -> Found {
    let alert = Alert {
        id: 0,
        at: subject.now,
        kind: "probe".to_owned(),
        severity: Severity::Critical,
        title: "A probe of tomking validate; nothing is to be done".to_owned(),
        text: String::new(),
        key: String::new(),
    };
    let probe = Outgoing::one(alert);
    let outcome = threads().and_then(|runtime| {
        let made = outward(subject, &runtime)?;
        let failed: Vec<String> = made
            .iter()
            .filter_map(|hook| {
                let sent = runtime.block_on(hook.send(&probe));
                sent.err().map(|error| format!("{}: {error}", hook.name()))
            })
            .collect();
        let measured = match failed.as_slice() {
            [] => format!("{} delivered", made.len()),
            failed => failed.join("; "),
        };
        Ok((failed.is_empty() && !made.is_empty(), measured))
    });
    Found::new("alerts delivered", "one to each channel, now", outcome, "the channels' own answers")
}
