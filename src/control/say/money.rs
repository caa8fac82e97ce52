//! Profit and loss, and a payoff, as pages with their charts.

use super::words::{both, facts, filled, moment, or_dash, page, picture, rows, whole};
use crate::{
    control::book::{
        payoff::PayoffView,
        pnl::{DayLine, PnlView, TotalLine},
    },
    money::{Usd, to_f64},
    report::{
        chart::{Frame, Guide, Series, Size, Unit, area, day_number, line},
        page::{Page, Section},
        parts::signed,
    },
};

/// Sessions shown in the table of a phone.
const DAYS_SHOWN: usize = 10;

/// Totals first, then strategies and days, and the curve of net liquidation.
pub fn pnl(view: &PnlView) -> Page {
    let today = view.totals.first();
    let title = today.map_or_else(
        || "Profit and loss".to_owned(),
        |today| match today.change_usd {
            Some(change) => format!("Today {}", signed(change)),
            None => format!("Today {} realised", signed(today.realised_usd)),
        },
    );
    let mut found = page(title, Vec::new());
    found.headline = view.net_liquidation_usd.map_or_else(String::new, |net| {
        let pounds = view.net_liquidation_gbp.map(|gbp| format!("{gbp}, ")).unwrap_or_default();
        format!("Net liquidation {pounds}{net}")
    });
    let strategies = view.strategies.iter().map(|line| {
        vec![
            line.strategy.to_string(),
            signed(line.realised_usd),
            format!("{}/{}", line.wins, line.trades),
        ]
    });
    let days = view.days.iter().rev().take(DAYS_SHOWN).map(day);
    found.sections = filled(vec![
        rows("", &["", "All", "Closed", "Won"], view.totals.iter().map(total).collect()),
        rows(
            &format!("Closed since {}", view.from_date),
            &["Strategy", "Closed", "Won"],
            strategies.collect(),
        ),
        rows("Sessions", &["Date", "All", "Closed", "Open"], days.collect()),
    ]);
    found.sections.extend(curve(&view.days));
    found.notes.push("After fees; transfers left out.".to_owned());
    found
}

fn total(line: &TotalLine) -> Vec<String> {
    vec![
        line.period.clone(),
        or_dash(line.change_usd.map(signed)),
        signed(line.realised_usd),
        format!("{}/{}", line.wins, line.trades),
    ]
}

fn day(line: &DayLine) -> Vec<String> {
    vec![
        line.date.format("%-d %b").to_string(),
        or_dash(line.change_usd.map(whole)),
        whole(line.realised_usd),
        whole(line.open_usd),
    ]
}

/// Net liquidation at the closes; nothing below two of them.
fn curve(days: &[DayLine]) -> Option<Section> {
    let (first, last) = (days.first()?, days.last()?);
    if days.len() < 2 {
        return None;
    }
    let points = days.iter().map(|day| (day_number(day.date), to_f64(day.net_liquidation_usd.0)));
    let says = format!(
        "Net liquidation from {} on {} to {} on {}",
        first.net_liquidation_usd, first.date, last.net_liquidation_usd, last.date
    );
    let frame = Frame {
        id: "equity".to_owned(),
        title: "Net liquidation".to_owned(),
        says: says.clone(),
        x: Unit::Date,
        y: Unit::Dollars,
        guides: Vec::new(),
        size: Size::Small,
    };
    let series = Series { name: "net liquidation".to_owned(), points: points.collect() };
    Some(picture("equity", says, line(&frame, &[series]).0))
}

/// What a position brings at its expiration.
pub fn payoff(view: &PayoffView) -> Page {
    let bound = |amount: Option<Usd>| amount.map_or_else(|| "no bound".to_owned(), signed);
    let evens: Vec<String> =
        view.break_evens.iter().map(|price| price.underlying_points.to_string()).collect();
    let mut lines = vec![
        ("Most", bound(view.max_profit_usd)),
        ("Least", bound(view.max_loss_usd)),
        ("Break-even", if evens.is_empty() { "none".to_owned() } else { evens.join(", ") }),
        ("Expires", format!("{} ({} d)", view.expiration_date, view.days_left)),
    ];
    lines.extend(view.underlying_points.map(|price| ("Now at", price.to_string())));
    lines.extend(view.profit_there_usd.map(|profit| ("If it stays", both(profit, None))));
    let mut found = page(view.what.clone(), vec![facts("", lines), drawn(view)]);
    found.notes.extend(view.marks_at.map(|at| format!("Price of {}.", moment(at))));
    if view.modelled {
        found.notes.push("What expires later is valued by the model.".to_owned());
    }
    found
}

fn drawn(view: &PayoffView) -> Section {
    let says = format!("{} at its expiration on {}", view.position, view.expiration_date);
    let mut guides: Vec<Guide> = view
        .break_evens
        .iter()
        .map(|price| Guide::Down { at: price.underlying_points, label: "even".to_owned() })
        .collect();
    let now = view.underlying_points;
    guides.extend(now.map(|at| Guide::Down { at, label: "now".to_owned() }));
    let frame = Frame {
        id: "payoff".to_owned(),
        title: view.what.clone(),
        says: says.clone(),
        x: Unit::Points,
        y: Unit::Dollars,
        guides,
        size: Size::Small,
    };
    let points = view.curve.iter().map(|at| (at.underlying_points, to_f64(at.profit_usd.0)));
    let series = Series { name: "profit at expiry".to_owned(), points: points.collect() };
    picture("payoff", says, area(&frame, &series, 0.0).0)
}
