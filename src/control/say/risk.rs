//! Breakers, limits and stress as pages.

use super::words::{filled, lines, page, rows};
use crate::{
    money::Usd,
    report::{
        page::Page,
        parts::{bounds, signed},
    },
    risk::{
        Figure,
        breaker::{Line, Standing},
        standing::{LimitLine, LimitStanding},
        stress::report::StressReport,
    },
};

/// Breakers: what has tripped or is near first.
pub fn breakers(found: &[Line]) -> Page {
    let is = |line: &&Line, wanted: Standing| line.standing == wanted;
    let tripped = found.iter().filter(|line| is(line, Standing::Tripped)).count();
    let near = found.iter().filter(|line| is(line, Standing::Near)).count();
    let title = match (tripped, near) {
        (0, 0) => "No breaker is near its bound".to_owned(),
        (0, near) => format!("{near} of {} breakers near their bound", found.len()),
        (tripped, _) => format!("{tripped} of {} breakers tripped", found.len()),
    };
    let row = |line: &Line| {
        let now = line.value.map_or_else(|| "-".to_owned(), |value| format!("{value}"));
        let unit = unit(&line.unit);
        vec![
            line.breaker.clone(),
            format!("{now}{unit}"),
            bounds(line),
            line.standing.name().to_owned(),
        ]
    };
    page(title, vec![rows("", &["Breaker", "Now", "Bounds", ""], found.iter().map(row).collect())])
}

/// Limits: those that are full or near, then all.
pub fn limits(found: &[LimitLine]) -> Page {
    let of = |wanted: LimitStanding| -> Vec<Vec<String>> {
        found.iter().filter(|line| line.standing == wanted).map(limit).collect()
    };
    let (full, near) = (of(LimitStanding::Full), of(LimitStanding::Near));
    let title = match (full.len(), near.len()) {
        (0, 0) => "Every limit has room".to_owned(),
        (0, near) => format!("{near} near, none full"),
        (full, near) => format!("{full} full, {near} near"),
    };
    let head = ["Limit", "Now", "Bound"];
    page(
        title,
        filled(vec![
            rows("Full: no entry passes", &head, full),
            rows("Near", &head, near),
            rows("Room", &head, of(LimitStanding::Room)),
            rows("Not known, or only with an order", &head, of(LimitStanding::Unknown)),
        ]),
    )
}

fn limit(line: &LimitLine) -> Vec<String> {
    let unit = unit(&line.unit);
    let text = |figure: &Figure| match figure {
        Figure::Number(number) => format!("{number}{unit}"),
        Figure::Text(text) => text.clone(),
    };
    let now = line.value.as_ref().map_or_else(|| "-".to_owned(), text);
    vec![format!("{} {}", line.number, line.limit), now, text(&line.bound)]
}

fn unit(unit: &str) -> &'static str {
    match unit {
        "percent" => " %",
        "points" => " points",
        "seconds" => " s",
        "milliseconds" => " ms",
        "usd" => " USD",
        "gbp" => " GBP",
        _ => "",
    }
}

/// Stress: the worst first, then each scenario, and who loses in it.
pub fn stress(found: &StressReport) -> Page {
    let share = |percent: Option<f64>| percent.map_or_else(String::new, |of| format!("{of:.1} %"));
    let worst = found.scenarios.iter().find(|line| line.scenario == found.worst);
    let title = worst.map_or_else(
        || "Nothing is held".to_owned(),
        |line| {
            let percent = share(line.loss_percent);
            let loss = signed(Usd::ZERO - line.loss_usd);
            format!("Worst {}: {loss} {percent}", line.scenario).trim_end().to_owned()
        },
    );
    let row = |line: &crate::risk::stress::report::ScenarioLine| {
        let whole = signed(format!("{:.0}", -line.loss_usd.0));
        vec![line.scenario.clone(), whole, share(line.loss_percent)]
    };
    let holder = |line: &crate::risk::stress::Share| {
        vec![line.holder.to_string(), signed(format!("{:.0}", -line.loss_usd.0))]
    };
    let unpriced = found.unpriced.iter().map(|leg| format!("{}: {}", leg.leg, leg.why)).collect();
    let mut page = page(
        title,
        filled(vec![
            rows("", &["Scenario", "$", "of net"], found.scenarios.iter().map(row).collect()),
            rows(
                &format!("In {}", found.positions_of),
                &["Position", "$"],
                found.positions.iter().map(holder).collect(),
            ),
            lines("Not priced, in no figure", unpriced),
        ]),
    );
    page.headline = format!("At most {} % of net liquidation may be lost", found.bound_percent);
    page
}
