//! Open positions as a page.

use super::words::{both, counted, lasting, outline, page};
use crate::{
    control::book::positions::{BoundsLine, OpenPosition, PositionsView, ShortLine},
    desk::pause::StrategyPause,
    instrument::Right,
    market::Provenance,
    report::{page::Page, parts::signed},
};

/// The sum first, then each position: where it stands, how far its lines are.
pub fn of(view: &PositionsView) -> Page {
    let count = view.positions.len();
    let title = match count {
        0 => "No position is open".to_owned(),
        _ => format!("{}: {}", counted(count, "position"), both(view.pnl_usd, view.pnl_gbp)),
    };
    let items = view.positions.iter().map(position).collect();
    let mut found = page(title, if count == 0 { Vec::new() } else { vec![outline("", items)] });
    found.headline = headline(view);
    found.notes = paused(&view.paused);
    found
}

/// Strategies that make no entries, in a line each.
pub fn paused(rows: &[StrategyPause]) -> Vec<String> {
    rows.iter().map(|row| format!("{} is paused by {}: no entries", row.strategy, row.by)).collect()
}

fn headline(view: &PositionsView) -> String {
    let oldest = view.positions.iter().filter_map(|line| line.marks_age_seconds).max();
    let unmarked = view.positions.iter().filter(|line| line.pnl_usd.is_none()).count();
    let mut said = Vec::new();
    if let Some(oldest) = oldest {
        let kind = if view.prices == Provenance::Live { "Marks" } else { "Modelled marks" };
        said.push(format!("{kind} {} old", lasting(oldest)));
    }
    if unmarked > 0 {
        said.push(format!("{unmarked} without a mark"));
    }
    said.join("; ")
}

fn position(line: &OpenPosition) -> (String, Vec<String>) {
    let worth = line.pnl_usd.map_or_else(|| "no mark".to_owned(), |pnl| both(pnl, line.pnl_gbp));
    let mut under = vec![line.what.clone()];
    let days = line.days_left.map(|days| format!("{days} d left"));
    let greeks = line.greeks.map(|greeks| {
        format!(
            "1 % {}, day {}, vega {}",
            signed(greeks.delta_one_percent_usd),
            signed(greeks.theta_day_usd),
            signed(greeks.vega_point_usd)
        )
    });
    let said: Vec<String> = days.into_iter().chain(greeks).collect();
    if !said.is_empty() {
        under.push(said.join("; "));
    }
    under.extend(line.shorts.iter().map(short));
    under.extend(line.bounds.as_ref().map(bounds).filter(|text| !text.is_empty()));
    under.push(line.id.to_string());
    (format!("{} {worth}", line.strategy), under)
}

fn short(line: &ShortLine) -> String {
    let right = match line.right {
        Right::Call => "C",
        Right::Put => "P",
    };
    let away = match line.distance_percent {
        Some(away) if away < 0.0 => format!(", {:.2} % in the money", -away),
        Some(away) => format!(", {away:.2} % away"),
        None => String::new(),
    };
    let delta = line.delta.map(|delta| format!(", delta {delta:.2}")).unwrap_or_default();
    format!("-{} {} {right}{away}{delta}", line.contracts, line.strike_points)
}

fn bounds(line: &BoundsLine) -> String {
    let part = if line.part == "all" { String::new() } else { format!(" ({})", line.part) };
    let away = |left: Option<crate::money::Usd>| {
        left.map_or_else(String::new, |left| format!(", {left} away"))
    };
    let mut said = Vec::new();
    if let Some(stop) = line.stop_loss_usd {
        said.push(format!("stop -{stop}{}", away(line.to_stop_usd)));
    }
    if let Some(target) = line.target_usd {
        said.push(format!("target {target}{}", away(line.to_target_usd)));
    }
    if said.is_empty() { String::new() } else { format!("{}{part}", said.join("; ")) }
}
