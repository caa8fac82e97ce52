//! Breakers, limits and stress as pages.

use super::words::{filled, lines, or_dash, page, picture, rows, whole};
use crate::{
    money::Usd,
    report::{
        chart::{Bar, Frame, Guide, Size, Unit, bars},
        page::{Page, Section},
        parts::{bounds, signed},
    },
    risk::{
        Figure,
        breaker::{Line, Standing},
        standing::{LimitLine, LimitStanding},
        stress::{
            Share,
            report::{ScenarioLine, StressReport},
        },
    },
};

/// Scenarios listed, the worst first.
const SCENARIOS_LISTED: usize = 10;
/// Scenarios of the picture.
const SCENARIOS_DRAWN: usize = 6;

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
        let unit = unit_words(&line.unit);
        vec![
            line.breaker.clone(),
            or_dash(line.value.map(|value| format!("{value}{unit}"))),
            bounds(line),
            line.standing.name().to_owned(),
        ]
    };
    let table = rows("", &["Breaker", "Now", "Bounds", ""], found.iter().map(row).collect());
    page(title, std::iter::once(table).chain(share_of_bounds(found)).collect())
}

/// How far each breaker is on its way to its first bound; nothing where none has a figure.
fn share_of_bounds(found: &[Line]) -> Option<Section> {
    let share = |line: &Line| {
        let bound = line.bounds.first().map(|bound| bound.value).filter(|bound| *bound > 0.0)?;
        Some(Bar { label: line.breaker.clone(), value: line.value? / bound * 100.0 })
    };
    let shares: Vec<Bar> = found.iter().filter_map(share).collect();
    let most = shares.iter().max_by(|a, b| a.value.total_cmp(&b.value))?;
    let says = format!("{} is at {:.0} % of its first bound", most.label, most.value);
    let bound = Guide::Across { at: 100.0, label: "bound".to_owned() };
    Some(drawn(
        "risk",
        "Breakers, percent of their first bound",
        says,
        Unit::Percent,
        bound,
        &shares,
    ))
}

/// Bars of a page, with the line that means something.
fn drawn(
    name: &str,
    title: &str,
    says: String,
    unit: Unit,
    guide: Guide,
    shown: &[Bar],
) -> Section {
    let frame = Frame {
        id: name.to_owned(),
        title: title.to_owned(),
        says: says.clone(),
        x: Unit::None,
        y: unit,
        guides: vec![guide],
        size: Size::Small,
    };
    picture(name, says, bars(&frame, shown).0)
}

/// Limits: those that are full or near as a table, the others in a line each.
pub fn limits(found: &[LimitLine]) -> Page {
    let of = |wanted: LimitStanding| found.iter().filter(move |line| line.standing == wanted);
    let table = |wanted| -> Vec<Vec<String>> { of(wanted).map(limit).collect() };
    let listed = |wanted| -> Vec<String> {
        let line = |cells: Vec<String>| format!("{}: {} of {}", cells[0], cells[1], cells[2]);
        of(wanted).map(limit).map(line).collect()
    };
    let (full, near) = (table(LimitStanding::Full), table(LimitStanding::Near));
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
            lines("Room", listed(LimitStanding::Room)),
            lines("Not known, or only with an order", listed(LimitStanding::Unknown)),
        ]),
    )
}

/// Its name, its figure, its bound.
fn limit(line: &LimitLine) -> Vec<String> {
    let unit = unit_words(&line.unit);
    let text = |figure: &Figure| match figure {
        Figure::Number(number) => format!("{number}{unit}"),
        Figure::Text(text) => text.clone(),
    };
    let now = or_dash(line.value.as_ref().map(text));
    vec![format!("{} {}", line.number, line.limit), now, text(&line.bound)]
}

/// A unit of a document as it stands behind a figure.
pub fn unit_words(unit: &str) -> &'static str {
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
    let mut losing: Vec<&ScenarioLine> =
        found.scenarios.iter().filter(|line| line.loss_usd.is_positive()).collect();
    losing.sort_by_key(|line| std::cmp::Reverse(line.loss_usd));
    let row = |line: &&ScenarioLine| {
        let loss = whole(Usd::ZERO - line.loss_usd);
        vec![line.scenario.clone(), loss, share(line.loss_percent)]
    };
    let shown = losing.iter().take(SCENARIOS_LISTED).map(row).collect();
    let holder = |line: &Share| vec![line.holder.to_string(), whole(Usd::ZERO - line.loss_usd)];
    let unpriced = found.unpriced.iter().map(|leg| format!("{}: {}", leg.leg, leg.why)).collect();
    let mut page = page(
        title,
        filled(vec![
            rows("", &["Scenario", "$", "of net"], shown),
            rows(
                &format!("In {}", found.positions_of),
                &["Position", "$"],
                found.positions.iter().map(holder).collect(),
            ),
            lines("Not priced, in no figure", unpriced),
        ]),
    );
    page.headline = format!("At most {} % of net liquidation may be lost", found.bound_percent);
    page.sections.extend(worst_of(found));
    let (all, losing) = (found.scenarios.len(), losing.len());
    page.notes.push(format!("Of {all} scenarios {losing} lose; `tomking stress` lists all."));
    page
}

/// The worst scenarios, percent of net liquidation; nothing where that is not known.
fn worst_of(found: &StressReport) -> Option<Section> {
    let bar =
        |line: &ScenarioLine| Some(Bar { label: line.scenario.clone(), value: line.loss_percent? });
    let mut shown: Vec<Bar> = found.scenarios.iter().filter_map(bar).collect();
    shown.sort_by(|a, b| b.value.total_cmp(&a.value));
    shown.truncate(SCENARIOS_DRAWN);
    let most = shown.first()?;
    let says = format!("{} would lose {:.1} % of net liquidation", most.label, most.value);
    let at = found.bound_percent;
    let bound = Guide::Across { at, label: "bound".to_owned() };
    Some(drawn("stress", "Worst scenarios, percent lost", says, Unit::Percent, bound, &shown))
}
