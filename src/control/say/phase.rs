//! The account's phase as a page.

use crate::{
    control::phase::{Down, PhaseLine, PhaseStands, Up},
    report::{
        page::{Body, Page, Section},
        parts::{clock, long_date},
    },
};

/// Where it stands, its thresholds, and what each phase allows.
pub fn page(found: &PhaseStands) -> Page {
    let lines = [found.up.as_ref().map(up), found.down.as_ref().map(down)];
    let mut sections = vec![section("Thresholds", lines.into_iter().flatten().collect())];
    sections.push(Section { title: "Most open positions".to_owned(), body: counts(&found.phases) });
    let underlyings = found.phases.iter().scan(0, |shown, phase| {
        let added = phase.underlyings[*shown..].join(" ");
        let line = format!("P{} {added}", phase.phase);
        *shown = phase.underlyings.len();
        Some(line)
    });
    sections.push(section("Underlyings each phase adds", underlyings.collect()));
    sections.retain(|section| !matches!(&section.body, Body::Lines(lines) if lines.is_empty()));
    Page {
        title: format!("Account phase, {}", long_date(found.date)),
        headline: headline(found),
        sections,
        notes: vec!["The smallest of phase, deployment stage and VIX counts.".to_owned()],
    }
}

fn section(title: &str, lines: Vec<String>) -> Section {
    Section { title: title.to_owned(), body: Body::Lines(lines) }
}

fn headline(found: &PhaseStands) -> String {
    let Some(net) = found.net_liquidation_gbp else {
        return "Net liquidation is not known before the first session's end".to_owned();
    };
    let since = found.since.map(|at| format!(" since {} ET", clock(at))).unwrap_or_default();
    let by = found.by_stage.map(|stage| format!(", by {stage}")).unwrap_or_default();
    let cap = match found.cap_percent {
        Some(cap) if cap < 100.0 => format!("; buying power at most {cap} %"),
        Some(_) => "; buying power as the VIX table".to_owned(),
        None => String::new(),
    };
    match found.phase {
        Some(phase) => format!("P{phase}{since}{by}: {net}{cap}"),
        None => format!("No phase: {net}; nothing is opened"),
    }
}

fn up(up: &Up) -> String {
    let Up { phase, at_gbp, missing_gbp } = up;
    format!("Up to P{phase} at {at_gbp}, {missing_gbp} more")
}

fn down(down: &Down) -> String {
    let Down { at_gbp, above_gbp, .. } = down;
    match down.phase {
        Some(phase) => format!("Down to P{phase} at {at_gbp}, {above_gbp} less"),
        None => format!("No entries below {at_gbp}, {above_gbp} less"),
    }
}

fn counts(phases: &[PhaseLine]) -> Body {
    let name = |phase: &PhaseLine| {
        let here = if phase.in_force { " (now)" } else { "" };
        format!("P{}{here}", phase.phase)
    };
    let head = std::iter::once(String::new()).chain(phases.iter().map(name)).collect();
    let row = |title: &str, cell: &dyn Fn(&PhaseLine) -> String| {
        std::iter::once(title.to_owned()).chain(phases.iter().map(cell)).collect::<Vec<_>>()
    };
    let mut rows = vec![
        row("from", &|phase| format!("{:.0}", phase.from_gbp.0)),
        row("down at", &|phase| format!("{:.0}", phase.down_at_gbp.0)),
        row("buying power %", &|phase| phase.cap_percent.to_string()),
    ];
    let strategies = phases.first().map(|phase| phase.strategies.as_slice()).unwrap_or_default();
    for (place, line) in strategies.iter().enumerate() {
        let count = |phase: &PhaseLine| {
            let positions = phase.strategies.get(place).map_or(0, |line| line.positions);
            let micro = phase.lt112_mes_from_stage_2;
            if line.strategy == "lt112" && micro > 0 {
                return format!("{positions} ({micro} MES from stage 2)");
            }
            positions.to_string()
        };
        rows.push(row(&line.strategy, &count));
    }
    Body::Rows(head, rows)
}
