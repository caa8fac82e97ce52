//! Who is told: the channels, and the dead-man's switch.

use super::{Found, Subject};
use crate::{
    alert::{
        Alert, Channel as _,
        webhook::{DeadMan, Webhook},
    },
    config::stages::StageId,
    notice::Severity,
};

pub(super) fn all(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = vec![channels(subject), dead_man(subject)];
    if subject.probe {
        found.push(probe(subject));
    }
    found
}

fn webhooks(subject: &Subject<'_>) -> Result<Vec<Webhook>, String> {
    let made = subject.settings.voice.webhook.iter().map(|hook| {
        let url = hook.url.read().map_err(|why| format!("webhook `{}`: {why}", hook.name))?;
        Webhook::new(&hook.name, &url, hook.least).map_err(|error| error.to_string())
    });
    made.collect()
}

fn channels(subject: &Subject<'_>) -> Found {
    let outcome = webhooks(subject).map(|made| {
        let names: Vec<&str> = made.iter().map(Webhook::name).collect();
        let measured = if names.is_empty() { "the log alone".to_owned() } else { names.join(", ") };
        (!names.is_empty(), measured)
    });
    let evidence = "`voice.webhook` and the secrets it names";
    Found::new(
        "alert channels",
        "at least one beside the log, each with its secret",
        outcome,
        evidence,
    )
    .from(StageId::One)
}

fn dead_man(subject: &Subject<'_>) -> Found {
    let outcome = match &subject.settings.voice.dead_man {
        None => Ok((false, "not set".to_owned())),
        Some(source) => source.read().and_then(|url| {
            DeadMan::new(&url).map(|_| (true, "set".to_owned())).map_err(|error| error.to_string())
        }),
    };
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
    };
    let outcome = webhooks(subject).and_then(|made| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let failed: Vec<String> = made
            .iter()
            .filter_map(|hook| {
                let sent = runtime.block_on(hook.send(&alert));
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
