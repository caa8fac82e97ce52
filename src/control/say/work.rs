//! Jobs, and what was done, as pages.

use chrono_tz::Europe::London;
use serde::Deserialize;

use super::{
    Layout,
    words::{dated, filled, lines, moment, page, rows},
};
use crate::{
    clock::Timestamp,
    desk::{owner_close::CloseAnswer, pause::PauseAnswer},
    report::page::Page,
    schedule::views::{JobLine, NextSlot},
};

/// Every job with its state.
pub fn jobs(found: &[JobLine], layout: Layout) -> Page {
    let paused = found.iter().filter_map(|line| Some((&line.job, line.paused.as_ref()?)));
    let paused: Vec<String> = paused
        .map(|(job, pause)| format!("{job} is paused since {}: {}", dated(pause.at), pause.reason))
        .collect();
    let title = match paused.len() {
        0 => format!("{} jobs", found.len()),
        count => format!("{} jobs, {count} paused", found.len()),
    };
    let state = |line: &JobLine| match (&line.paused, line.enabled) {
        (_, false) => "off",
        (Some(_), true) => "paused",
        (None, true) => "on",
    };
    let next = |line: &JobLine, told: fn(Timestamp) -> String| {
        line.next.map_or_else(|| "no slot".to_owned(), told)
    };
    let row = |line: &JobLine| {
        vec![line.job.clone(), state(line).to_owned(), next(line, dated), line.when.clone()]
    };
    let short = |line: &JobLine| match state(line) {
        "on" => format!("{}: {}", line.job, next(line, moment)),
        state => format!("{}: {state}", line.job),
    };
    let all = match layout {
        Layout::Phone => lines("", found.iter().map(short).collect()),
        Layout::Terminal => {
            rows("", &["Job", "State", "Next", "Due"], found.iter().map(row).collect())
        }
    };
    page(title, filled(vec![lines("", paused), all]))
}

/// What comes.
pub fn next(found: &[NextSlot], layout: Layout) -> Page {
    let paused = |slot: &NextSlot| if slot.paused { "paused" } else { "" }.to_owned();
    let section = match layout {
        Layout::Phone => {
            let line = |slot: &NextSlot| {
                let paused = if slot.paused { ", paused" } else { "" };
                format!("{}  {}{paused}", moment(slot.at), slot.job)
            };
            lines("", found.iter().map(line).collect())
        }
        Layout::Terminal => {
            let london = |slot: &NextSlot| slot.at.with_timezone(&London).format("%H:%M");
            let row = |slot: &NextSlot| {
                vec![dated(slot.at), london(slot).to_string(), slot.job.clone(), paused(slot)]
            };
            rows("", &["New York", "London", "Job", ""], found.iter().map(row).collect())
        }
    };
    page("Next", filled(vec![section]))
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
