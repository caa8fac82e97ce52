//! The book at the end of a session, as reports tell it: Greeks, limits, stress, groups.

use rust_decimal::Decimal;

use super::{
    page::{Body, Section},
    parts::{bounds, percent, signed},
};
use crate::{
    desk::dayend::{DayEnd, Greeks},
    money::{Usd, round_half_up},
    risk::{
        breaker::Line,
        groups::{ALL_EQUITY, GroupCount},
        standing::LimitLine,
        stress::report::{ScenarioLine, StressReport},
    },
};

/// Scenarios told, the worst first.
const SCENARIOS: usize = 6;

/// `delta -$12 for 1 %, theta +$3 a day, vega -$5 a point`.
pub fn greeks_words(greeks: &Greeks) -> String {
    let usd = |figure: f64| signed(dollars(figure));
    format!(
        "delta {} for 1 %, theta {} a day, vega {} a point",
        usd(greeks.delta_one_percent_usd),
        usd(greeks.theta_day_usd),
        usd(greeks.vega_point_usd)
    )
}

/// Whole dollars; cents where it is less than ten.
fn dollars(figure: f64) -> String {
    let amount = Decimal::try_from(figure).unwrap_or_default();
    let text = |amount| Usd(amount).rounded().to_string();
    if figure.abs() < 10.0 {
        return text(round_half_up(amount, 2));
    }
    let whole = text(round_half_up(amount, 0));
    whole.trim_end_matches(".00").to_owned()
}

/// The Greeks of everything held; `None` when nothing is.
pub fn greeks(end: &DayEnd) -> Option<Section> {
    if end.positions.is_empty() {
        return None;
    }
    let facts = match &end.greeks {
        None => vec![("Greeks", "not known: a leg had no price".to_owned())],
        Some(greeks) => vec![
            ("Delta", format!("{} for 1 %", signed(dollars(greeks.delta_one_percent_usd)))),
            ("Theta", format!("{} a day", signed(dollars(greeks.theta_day_usd)))),
            ("Vega", format!("{} a point", signed(dollars(greeks.vega_point_usd)))),
        ],
    };
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Some(Section { title: "Book at the close".to_owned(), body: Body::Facts(facts) })
}

/// Breakers and limits near their bounds; `None` without one.
pub fn near(breakers: &[Line], end: Option<&DayEnd>) -> Option<Section> {
    let breaker = |line: &Line| {
        let value = line.value.map_or_else(|| "not known".to_owned(), |value| value.to_string());
        let Line { breaker, unit, standing, .. } = line;
        format!("{breaker} {}: {value} {unit} ({})", standing.name(), bounds(line))
    };
    let limits = end.map_or(&[][..], |end| &end.limits);
    let lines: Vec<String> = breakers.iter().map(breaker).chain(limits.iter().map(limit)).collect();
    let title = "Near a bound".to_owned();
    (!lines.is_empty()).then_some(Section { title, body: Body::Lines(lines) })
}

/// `buying power (VIX band) near: 41.2 of 45 percent`.
fn limit(line: &LimitLine) -> String {
    let value = line.value.as_ref().map_or_else(String::new, ToString::to_string);
    let unit = if line.unit == "count" { "" } else { &format!(" {}", line.unit) };
    format!("{} {}: {value} of {}{unit}", line.limit, line.standing.name(), line.bound)
}

/// The worst scenarios beside their bound.
pub fn stress(end: &DayEnd) -> Section {
    let title = "Stress".to_owned();
    let Some(found) = &end.stress else {
        let line = "Nothing was held at the close: no scenario loses anything.".to_owned();
        return Section { title, body: Body::Lines(vec![line]) };
    };
    let mut worst: Vec<&ScenarioLine> = found.scenarios.iter().collect();
    worst.sort_by_key(|line| std::cmp::Reverse(line.loss_usd));
    let row = |line: &&ScenarioLine| {
        let share = line.loss_percent.map_or_else(|| "-".to_owned(), percent);
        vec![line.scenario.clone(), line.loss_usd.to_string(), share]
    };
    let StressReport { bound_percent, scenarios, .. } = found;
    let head = ["Scenario", "Loss", "of net"].map(str::to_owned).to_vec();
    let shown: Vec<_> = worst.iter().take(SCENARIOS).map(row).collect();
    let (listed, all) = (shown.len(), scenarios.len());
    let title = format!("{title}, the worst {listed} of {all}, bound {bound_percent} % of net");
    Section { title, body: Body::Rows(head, shown) }
}

/// Correlation groups that hold anything, and all equity.
pub fn groups(end: &DayEnd) -> Section {
    let told = |group: &&GroupCount| group.positions > 0 || group.group == ALL_EQUITY;
    let row = |group: &GroupCount| {
        vec![group.group.clone(), group.positions.to_string(), group.most.to_string()]
    };
    let rows = end.groups.iter().filter(told).map(row).collect();
    let head = ["Correlation group", "Positions", "Most"].map(str::to_owned).to_vec();
    Section { title: "Groups".to_owned(), body: Body::Rows(head, rows) }
}
