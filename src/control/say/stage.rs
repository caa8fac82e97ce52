//! The deployment stage as a page.

use super::{
    Layout,
    words::{self, dated, facts, filled, lines, moment, outline},
};
use crate::{
    control::stage::{StageFigures, StageView},
    desk::stage::{Came, Override},
    report::{page::Page, parts},
    risk::promotion::Criterion,
};

/// The stage, what it allows, and what the next asks for; in a terminal also where each figure comes
/// from.
pub fn page(view: &StageView, layout: Layout) -> Page {
    let name = view.row.stage.words();
    let mut found = words::page(format!("{}{}", name[..1].to_uppercase(), &name[1..]), Vec::new());
    found.headline = match (view.next, view.ready) {
        (None, _) => "It is the last stage".to_owned(),
        (Some(next), true) => format!("Ready for {}", next.words()),
        (Some(next), false) => format!("Not ready for {}", next.words()),
    };
    let mut stands = vec![("Since", since(view))];
    stands.extend(view.figures.as_ref().map(|figures| allows(figures, view)).unwrap_or_default());
    let holding = view.criteria.iter().filter(|criterion| criterion.holds).count();
    let title = format!("Asked for: {holding} of {} hold", view.criteria.len());
    let item = |criterion: &Criterion| {
        let (head, mut under) = parts::criterion(criterion);
        if layout == Layout::Terminal {
            under.push(format!("from {}", criterion.evidence));
        }
        (head, under)
    };
    found.sections = filled(vec![
        facts("", stands),
        lines("Overrides", view.row.overrides.iter().map(over).collect()),
        outline(&title, view.criteria.iter().map(item).collect()),
    ]);
    found
}

/// How it came about.
fn since(view: &StageView) -> String {
    let row = &view.row;
    let came = match row.came {
        Came::Begun => "begun",
        Came::Promoted => "promoted",
        Came::Demoted => "demoted",
        Came::Breached => "demoted by a breach",
    };
    let at = row.since.map(|at| format!("{}, ", dated(at))).unwrap_or_default();
    format!("{at}{came} by {}: {}", row.by, row.reason)
}

fn allows(figures: &StageFigures, view: &StageView) -> Vec<(&'static str, String)> {
    let StageFigures { capital_gbp, cap_percent, positions, strategies, ack } = figures;
    let or = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
    let mut found = vec![
        ("Capital", or(capital_gbp.map(|gbp| gbp.to_string()), "the whole balance")),
        ("Buying power", or(cap_percent.map(|cap| format!("{cap} %")), "as VIX and phase allow")),
        ("Positions", or(positions.map(|most| most.to_string()), "as the phase")),
        ("Strategies", or(strategies.as_ref().map(|names| names.join(", ")), "all")),
    ];
    if *ack {
        let until = view.acked_until.map(moment);
        found.push(("Report read until", or(until, "not read: no entries before /ack")));
    }
    found
}

/// A promotion that passed over what did not hold.
fn over(over: &Override) -> String {
    format!(
        "{} by {}: from {} to {}, {}; did not hold: {}",
        dated(over.at),
        over.by,
        over.from,
        over.to,
        over.reason,
        over.failed.join("; ")
    )
}
