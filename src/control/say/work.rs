//! Jobs, decisions, stage and what was done, as pages.

use serde::Deserialize;

use super::words::{facts, filled, lines, moment, outline, page, rows};
use crate::{
    control::stage::StageView,
    desk::{owner_close::CloseAnswer, pause::PauseAnswer},
    report::page::Page,
    risk::decision::{DecisionOutcome, DecisionRecord},
    schedule::views::{JobLine, NextSlot},
};

/// Every job with its state.
pub fn jobs(found: &[JobLine]) -> Page {
    let line = |line: &JobLine| {
        let state = match (&line.paused, line.enabled) {
            (_, false) => "off".to_owned(),
            (Some(pause), true) => format!("paused since {}: {}", moment(pause.at), pause.reason),
            (None, true) => line.next.map_or_else(|| "no slot".to_owned(), moment),
        };
        format!("{}: {state}", line.job)
    };
    let paused = found.iter().filter(|line| line.paused.is_some()).count();
    let title = match paused {
        0 => format!("{} jobs", found.len()),
        _ => format!("{} jobs, {paused} paused", found.len()),
    };
    page(title, vec![lines("", found.iter().map(line).collect())])
}

/// What comes.
pub fn next(found: &[NextSlot]) -> Page {
    let line = |slot: &NextSlot| {
        format!("{}  {}{}", moment(slot.at), slot.job, if slot.paused { ", paused" } else { "" })
    };
    page("Next", vec![lines("", found.iter().map(line).collect())])
}

/// A job that was started.
#[derive(Deserialize)]
pub struct Run {
    run: String,
}

/// A job that was started.
pub fn run(found: &Run) -> Page {
    page(format!("Started {}", found.run), Vec::new())
}

/// A job that was paused or resumed.
#[derive(Deserialize)]
pub struct JobChanged {
    job: String,
    changed: bool,
}

/// A job that was paused or resumed.
pub fn job_changed(found: &JobChanged, paused: bool) -> Page {
    let JobChanged { job, changed } = found;
    page(
        match (paused, changed) {
            (true, true) => format!("{job} is paused; its slots are skipped"),
            (true, false) => format!("{job} was paused already"),
            (false, true) => format!("{job} goes on"),
            (false, false) => format!("{job} was not paused"),
        },
        Vec::new(),
    )
}

/// A strategy that was paused or resumed.
pub fn strategy(found: &PauseAnswer) -> Page {
    let of = found.strategy;
    let title = match (found.paused, found.changed) {
        (true, true) => format!("{of} is paused: no entries; what it holds is managed"),
        (true, false) => format!("{of} was paused already"),
        (false, true) => format!("{of} enters again"),
        (false, false) => format!("{of} was not paused"),
    };
    let cancelling = found.cancelling.iter().map(|id| format!("Being cancelled: {id}")).collect();
    page(title, filled(vec![lines("", cancelling)]))
}

/// A position that is being closed.
pub fn close(found: &CloseAnswer) -> Page {
    let title = match (found.already, found.begun) {
        (true, _) => format!("Being closed already: {}", found.reason.words()),
        (false, true) => "Being closed by the exit ladder".to_owned(),
        (false, false) => "It will be closed by the exit ladder".to_owned(),
    };
    let mut said = vec![found.what.clone(), format!("Order {}", found.intent)];
    match found.waits_until {
        Some(open) => said.push(format!("It waits for the open, {}", moment(open))),
        None if !found.begun => {
            said.push("It follows once what works now is cancelled".to_owned());
        }
        None => {}
    }
    page(title, vec![lines("", said)])
}

/// The decisions of a day: how each came out, why, and what was looked at.
pub fn why(found: &[DecisionRecord]) -> Page {
    let Some(first) = found.first() else { return page("Nothing was decided", Vec::new()) };
    let date = crate::calendar::new_york_date(first.slot);
    page(format!("Decisions of {date}"), vec![outline("", found.iter().map(decision).collect())])
}

fn decision(record: &DecisionRecord) -> (String, Vec<String>) {
    let at = record.slot.with_timezone(&crate::calendar::NEW_YORK).format("%H:%M");
    let outcome = record.outcome.name().replace('_', " ");
    let mut under = Vec::new();
    under.extend(record.intent.as_ref().map(|id| format!("Order {id}")));
    under.extend(record.ended.clone());
    let entered = matches!(record.outcome, DecisionOutcome::Entered | DecisionOutcome::Adjusted);
    for filter in record.filters.iter().filter(|filter| !filter.passed && !entered) {
        under.push(format!("{} is {}, wants {}", filter.name, filter.value, filter.bound));
    }
    under.extend(record.refusals.iter().map(|refusal| refusal.text.clone()));
    let passed = record.filters.iter().filter(|filter| filter.passed).count();
    under.push(format!("{passed} of {} filters passed", record.filters.len()));
    (format!("{at} {}: {outcome}", record.strategy), under)
}

/// The stage, and what the next asks for.
pub fn stage(view: &StageView) -> Page {
    let name = view.row.stage.words();
    let title = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    let mut found = page(title, Vec::new());
    found.headline = match (view.next, view.ready) {
        (None, _) => "It is the last stage".to_owned(),
        (Some(next), true) => format!("Ready for {}", next.words()),
        (Some(next), false) => format!("Not ready for {}", next.words()),
    };
    let mut allows = Vec::new();
    if let Some(figures) = &view.figures {
        allows.extend(figures.capital_gbp.map(|gbp| ("Capital", gbp.to_string())));
        allows.extend(figures.cap_percent.map(|cap| ("Buying power", format!("{cap} %"))));
        allows.extend(figures.positions.map(|count| ("Positions", count.to_string())));
        allows.extend(figures.strategies.as_ref().map(|names| ("Strategies", names.join(", "))));
        if figures.ack {
            let until = view.acked_until.map_or_else(|| "not acknowledged".to_owned(), moment);
            allows.push(("Report read until", until));
        }
    }
    let criteria = view.criteria.iter().map(|criterion| {
        let value =
            criterion.value.map_or_else(|| "not measured".to_owned(), |value| value.to_string());
        let holds = if criterion.holds { "yes" } else { "no" };
        vec![criterion.name.clone(), value, criterion.bound.to_string(), holds.to_owned()]
    });
    let asked = rows("Asked for", &["What", "Now", "Bound", ""], criteria.collect());
    found.sections = filled(vec![facts("Allows", allows), asked]);
    found
}
