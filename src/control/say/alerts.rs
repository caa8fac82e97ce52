//! Alerts, what was given up, acknowledgements, mutes and the test, as pages.

use super::line;
use crate::{
    alert::{
        mute::Muted,
        probe::{KindTested, Outcome, Tested},
        route::Mute,
    },
    config::voice::Severity,
    control::alerts::{Acked, AlertLine, Alerts, Dead, DeadLine, State},
    report::{
        page::{Body, Page, Section},
        parts::clock,
    },
};

/// The newest alerts, the last first.
pub fn list(answer: &Alerts) -> Page {
    let open = match answer.open {
        0 => "No alert is open".to_owned(),
        1 => "1 alert is open; `ack` acknowledges it".to_owned(),
        open => format!("{open} alerts are open; `ack` acknowledges all, `ack NUMBER` one"),
    };
    let alerts = answer.alerts.iter().map(|line| (title(line), under(line))).collect();
    let mut sections = vec![section("", Body::Outline(alerts))];
    if answer.alerts.is_empty() {
        sections.clear();
    }
    if !answer.mutes.is_empty() {
        sections.push(section("Muted", Body::Lines(mutes(&answer.mutes))));
    }
    Page { title: open, headline: String::new(), sections, notes: Vec::new() }
}

fn section(title: &str, body: Body) -> Section {
    Section { title: title.to_owned(), body }
}

fn severity(of: Severity) -> &'static str {
    match of {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "CRITICAL",
    }
}

fn title(line: &AlertLine) -> String {
    format!("{} {} {}: {}", line.id, clock(line.at), severity(line.severity), line.title)
}

fn under(line: &AlertLine) -> Vec<String> {
    let mut under: Vec<String> = line.text.lines().map(str::to_owned).collect();
    let state = match (line.state, &line.acknowledged_by, line.acknowledged_at, &line.over_why) {
        (State::Told, ..) => return under,
        (State::Acknowledged, Some(by), Some(at), _) => {
            format!("acknowledged by {by} at {} ET", clock(at))
        }
        (State::Acknowledged, ..) => "acknowledged".to_owned(),
        (State::Over, _, _, Some(why)) => format!("over: {why}"),
        (State::Over, ..) => "over".to_owned(),
        (State::Open, ..) => "open".to_owned(),
    };
    let told: Vec<&str> = line.told.iter().map(|told| told.channel.as_str()).collect();
    let told = if told.is_empty() { String::new() } else { format!("; told {}", told.join(", ")) };
    let times = match line.repeats {
        0 => String::new(),
        1 => ", repeated once".to_owned(),
        times => format!(", repeated {times} times"),
    };
    let folded = line.folded_into.map(|into| format!("with alert {into}, ")).unwrap_or_default();
    under.push(format!("{folded}{state}{told}{times}"));
    under
}

fn mutes(mutes: &[Mute]) -> Vec<String> {
    let mute = |mute: &Mute| {
        let kind = mute.kind.as_deref().unwrap_or("every kind");
        format!(
            "{kind} until {} ET, by {}; what is critical still sounds",
            clock(mute.until),
            mute.by
        )
    };
    mutes.iter().map(mute).collect()
}

/// What is muted now.
pub fn muted(answer: &Muted) -> Page {
    match mutes(&answer.mutes).as_slice() {
        [] => line("Nothing is muted", ""),
        all => line("Muted", &all.join("\n")),
    }
}

/// What was acknowledged.
pub fn acked(answer: &Acked) -> Page {
    let mut lines: Vec<String> = answer
        .alerts
        .iter()
        .map(|alert| format!("{} {}: {}", alert.id, severity(alert.severity), alert.title))
        .collect();
    lines.extend(
        answer
            .report
            .iter()
            .map(|ack| format!("The daily report of {} is acknowledged.", ack.report)),
    );
    let title = match answer.alerts.len() {
        0 => "No alert was open".to_owned(),
        1 => "1 alert is acknowledged".to_owned(),
        count => format!("{count} alerts are acknowledged"),
    };
    line(&title, &lines.join("\n"))
}

/// What channels gave up.
pub fn dead(answer: &Dead) -> Page {
    let item = |dead: &DeadLine| {
        let error = dead.last_error.as_deref().unwrap_or("no error is known");
        let (id, at, title) = (dead.id, clock(dead.at), &dead.title);
        (
            format!("{}: {id} {at} {}: {title}", dead.channel, severity(dead.severity)),
            vec![format!("given up after {} attempts: {error}", dead.attempts)],
        )
    };
    if answer.dead.is_empty() {
        return line("No channel has given up an alert", "");
    }
    let title = format!("Given up: {}", answer.dead.len());
    let sections = vec![section("", Body::Outline(answer.dead.iter().map(item).collect()))];
    Page { title, headline: String::new(), sections, notes: Vec::new() }
}

/// How the channels did in a test.
pub fn tested(answer: &Tested) -> Page {
    let failed: usize = answer.channels.iter().map(|channel| channel.failed).sum();
    let title = match failed {
        0 => "Every channel took every alert".to_owned(),
        failed => format!("{failed} test alerts were not taken"),
    };
    let head = std::iter::once("Kind".to_owned())
        .chain(answer.channels.iter().map(|channel| channel.channel.clone()));
    let word = |kind: &&KindTested| match kind.result {
        Outcome::Sent => "sent".to_owned(),
        Outcome::NotTaken => "not taken".to_owned(),
        Outcome::Failed => "FAILED".to_owned(),
    };
    let row = |kinds: Vec<&KindTested>| {
        let name = kinds.first().map(|kind| kind.kind.clone()).unwrap_or_default();
        std::iter::once(name).chain(kinds.iter().map(word)).collect()
    };
    let rows = answer.by_kind().into_values().map(row).collect();
    let mut sections = vec![section("", Body::Rows(head.collect(), rows))];
    let mut why: Vec<String> = Vec::new();
    for channel in &answer.channels {
        for error in channel.kinds.iter().filter_map(|kind| kind.error.as_ref()) {
            let text = format!("{}: {error}", channel.channel);
            if !why.contains(&text) {
                why.push(text);
            }
        }
    }
    if !why.is_empty() {
        sections.push(section("Why", Body::Lines(why)));
    }
    Page { title, headline: String::new(), sections, notes: Vec::new() }
}
