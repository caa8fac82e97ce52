//! What a change of the latch came to.

use std::fmt::Display;

use crate::{
    desk::latch::LatchAnswer,
    report::page::{Body, Page, Section},
};

/// The level, what was cancelled, what is still open.
pub fn page(answer: &LatchAnswer) -> Page {
    let hold = |hold: &crate::account::hold::Hold| format!("{}: {}", hold.level.name(), hold.cause);
    let mut lines: Vec<String> = answer.holds.iter().map(hold).collect();
    lines.push(ids("Cancelled", &answer.cancelled));
    lines.push(ids("Orders working", &answer.working));
    lines.push(ids("Positions open", &answer.open));
    Page {
        title: format!("{}.", answer.level.name()),
        headline: String::new(),
        sections: vec![Section { title: String::new(), body: Body::Lines(lines) }],
        notes: Vec::new(),
    }
}

fn ids(title: &str, ids: &[impl Display]) -> String {
    let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("{title}: {}.", if words.is_empty() { "none".to_owned() } else { words.join(", ") })
}
