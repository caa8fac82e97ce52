//! Breakers, limits and stress as pages.

use super::{
    Layout,
    words::{filled, lines, or_dash, page, picture, rows, whole},
};
use crate::{
    money::{Gbp, Usd},
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
            report::{MarginLine, ScenarioLine, StressReport},
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

/// Limits: on a phone those that are full or near as a table, the others in a line each; else all in
/// the rulebook's order.
pub fn limits(found: &[LimitLine], layout: Layout) -> Page {
    let of = |wanted: LimitStanding| found.iter().filter(move |line| line.standing == wanted);
    let table = |wanted| -> Vec<Vec<String>> { of(wanted).map(limit).collect() };
    let (full, near) = (table(LimitStanding::Full), table(LimitStanding::Near));
    let title = match (full.len(), near.len()) {
        (0, 0) => "Every limit has room".to_owned(),
        (0, near) => format!("{near} near, none full"),
        (full, near) => format!("{full} full, {near} near"),
    };
    let head = ["Limit", "Now", "Bound", ""];
    if layout == Layout::Terminal {
        let row = |line: &LimitLine| {
            let mut cells = limit(line);
            cells.push(line.standing.name().to_owned());
            cells
        };
        return page(title, vec![rows("", &head, found.iter().map(row).collect())]);
    }
    let listed = |wanted| -> Vec<String> {
        let line = |cells: Vec<String>| format!("{}: {} of {}", cells[0], cells[1], cells[2]);
        of(wanted).map(limit).map(line).collect()
    };
    let sections = vec![
        rows("Full: no entry passes", &head[..3], full),
        rows("Near", &head[..3], near),
        lines("Room", listed(LimitStanding::Room)),
        lines("Not known, or only with an order", listed(LimitStanding::Unknown)),
    ];
    page(title, filled(sections))
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
fn unit_words(unit: &str) -> &'static str {
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

/// Stress: the worst, then the scenarios (on a phone the worst of them), and who loses in it.
pub fn stress(found: &StressReport, layout: Layout) -> Page {
    let mut listed = found.scenarios.iter().collect::<Vec<_>>();
    let losing = listed.iter().filter(|line| line.loss_usd.is_positive()).count();
    if layout == Layout::Phone {
        listed.retain(|line| line.loss_usd.is_positive());
        listed.sort_by_key(|line| std::cmp::Reverse(line.loss_usd));
        listed.truncate(SCENARIOS_LISTED);
    }
    let head: &[&str] = match layout {
        Layout::Phone => &["Scenario", "$", "of net"],
        Layout::Terminal => &["Scenario", "$", "£", "of net"],
    };
    let shown = listed.into_iter().map(|line| scenario(line, layout)).collect();
    let unpriced = found.unpriced.iter();
    let unpriced = unpriced.map(|leg| format!("{} of {}: {}", leg.leg, leg.holder, leg.why));
    let mut sections = vec![rows("", head, shown)];
    if layout == Layout::Terminal {
        sections.push(lines("", found.margin.iter().map(margin).collect()));
    }
    sections.push(positions(found, layout));
    sections.push(lines("Not priced, in no figure", unpriced.collect()));
    let mut page = page(worst(found), filled(sections));
    let net = found.net_liquidation_usd.map(|net| format!(" {net}")).unwrap_or_default();
    let bound = found.bound_percent;
    page.headline = format!("At most {bound} % of net liquidation{net} may be lost");
    page.sections.extend(worst_of(found));
    if layout == Layout::Phone {
        let all = found.scenarios.len();
        page.notes.push(format!("Of {all} scenarios {losing} lose; `tomking stress` lists all."));
    }
    page
}

fn worst(found: &StressReport) -> String {
    let worst = found.scenarios.iter().find(|line| line.scenario == found.worst);
    match worst {
        None => "Nothing is held".to_owned(),
        Some(line) if !line.loss_usd.is_positive() => "No scenario loses anything".to_owned(),
        Some(line) => {
            let loss = signed(Usd::ZERO - line.loss_usd);
            format!("Worst {}: {loss} {}", line.scenario, share(line.loss_percent, 1))
                .trim_end()
                .to_owned()
        }
    }
}

fn share(percent: Option<f64>, places: usize) -> String {
    percent.map_or_else(String::new, |of| format!("{of:.places$} %"))
}

/// What a scenario brings: below zero it is lost.
fn scenario(line: &ScenarioLine, layout: Layout) -> Vec<String> {
    let dollars = Usd::ZERO - line.loss_usd;
    match layout {
        Layout::Phone => {
            vec![line.scenario.clone(), whole(dollars), share(line.loss_percent, 1)]
        }
        Layout::Terminal => {
            let pounds = or_dash(line.loss_gbp.map(|loss| signed(Gbp::ZERO - loss)));
            let share = share(line.loss_percent.map(|loss| 0.0 - loss), 2);
            vec![line.scenario.clone(), signed(dollars), pounds, share]
        }
    }
}

fn margin(line: &MarginLine) -> String {
    let fits = if line.fits { "fits into" } else { "exceeds" };
    let limits = if line.limits { "" } else { " (only reported)" };
    format!(
        "Requirement x {} {} {fits} {}, what the worst scenario leaves{limits}",
        line.multiple, line.requirement_usd, line.stressed_net_liquidation_usd
    )
}

/// Who loses in the scenario that is looked at.
fn positions(found: &StressReport, layout: Layout) -> Section {
    let title = format!("In {}", found.positions_of);
    let row = |share: &Share| {
        let (holder, loss) = (share.holder.to_string(), Usd::ZERO - share.loss_usd);
        match layout {
            Layout::Phone => vec![holder, whole(loss)],
            Layout::Terminal => {
                vec![holder, share.strategy.to_string(), share.product.to_string(), signed(loss)]
            }
        }
    };
    let head: &[&str] = match layout {
        Layout::Phone => &["Position", "$"],
        Layout::Terminal => &["Position", "Strategy", "Product", "$"],
    };
    rows(&title, head, found.positions.iter().map(row).collect())
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
