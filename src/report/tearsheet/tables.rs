//! The tables of the page: each with a caption and heads of its rows and columns, in a region that
//! the keyboard can scroll.

use chrono::NaiveDate;
use maud::{Markup, html};

use super::Sheet;
use crate::{
    money::Usd,
    report::{
        history::{Fall, History},
        parts::{TradeLine, signed},
    },
    stats::YearRow,
};

/// Trades shown on the page; all are in the CSV file.
const TRADES_SHOWN: usize = 200;
/// A cell longer than this is text, not a figure.
const WORDS: usize = 24;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A table whose first column names its rows.
pub(super) fn table(caption: &str, head: &[&str], rows: &[Vec<String>]) -> Markup {
    framed(
        caption,
        &html! {
            thead { tr { @for cell in head { th scope="col" { (cell) } } } }
            tbody { @for row in rows { tr {
                @for (index, cell) in row.iter().enumerate() {
                    @if index == 0 { th scope="row" { (cell) } }
                @else if cell.chars().count() > WORDS { td.words { (cell) } }
                @else { td { (cell) } }
                }
            } } }
        },
    )
}

fn framed(caption: &str, inner: &Markup) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label=(caption) {
            table { caption { (caption) } (inner) }
        }
    }
}

/// Months as shades: a gain to the right of zero, a loss to the left, each told by its sign too.
pub(super) fn heat(months: &[YearRow]) -> Markup {
    framed(
        "Return of each month, percent of net liquidation in dollars",
        &html! {
            thead { tr {
                th scope="col" { "Year" }
                @for month in MONTHS { th scope="col" { (month) } }
                th scope="col" { "Year's" }
            } }
            tbody { @for row in months { tr {
                th scope="row" { (row.year) }
                @for month in &row.period_months { (shade(*month)) }
                (shade(Some(row.period_year)))
            } } }
        },
    )
}

fn shade(value: Option<f64>) -> Markup {
    let Some(percent) = value.map(|value| value * 100.0) else { return html! { td {} } };
    let depth = [0.05, 0.75, 2.0, 5.0].iter().filter(|bound| percent.abs() >= **bound).count();
    let side = if percent < 0.0 { "l" } else { "g" };
    html! { td class={ (side) (depth) } { (format!("{percent:+.1}")) } }
}

pub(super) fn strategies(history: &History) -> Markup {
    let head = [
        "Strategy",
        "Trades",
        "Win rate",
        "P&L",
        "Mean",
        "Best",
        "Worst",
        "Profit factor",
        "Entered",
        "Missed",
        "Refused",
        "No trade",
        "Adjusted",
        "Stopped most by",
    ];
    let rows = history.strategies.iter().map(|line| {
        let trades = &line.trades;
        let usd = |usd: Option<Usd>| usd.map_or_else(dash, |usd| usd.to_string());
        let decided = &line.decisions;
        let filters: Vec<String> =
            line.failed_filters.iter().map(|f| format!("{} {}", f.name, f.count)).collect();
        let rate = trades.trade_win_rate.map(|rate| format!("{:.1} %", rate * 100.0));
        let factor = trades.trade_profit_factor.finite().map(|factor| format!("{factor:.2}"));
        vec![
            line.strategy.to_string(),
            trades.trade_count.to_string(),
            rate.unwrap_or_else(dash),
            trades.trade_pnl_usd.to_string(),
            usd(trades.trade_expectancy_usd),
            usd(trades.trade_best_usd),
            usd(trades.trade_worst_usd),
            factor.unwrap_or_else(dash),
            decided.entered.to_string(),
            decided.missed.to_string(),
            decided.refused.to_string(),
            decided.no_trade.to_string(),
            decided.adjusted.to_string(),
            filters.join(", "),
        ]
    });
    table("Each strategy: its closed trades and its decisions", &head, &rows.collect::<Vec<_>>())
}

fn dash() -> String {
    "–".to_owned()
}

pub(super) fn falls(falls: &[Fall]) -> Markup {
    let row = |fall: &Fall| {
        vec![
            format!("{:.2} %", fall.depth_percent),
            fall.peak_date.to_string(),
            fall.trough_date.to_string(),
            fall.recovered_date.map_or_else(|| "not yet".to_owned(), |date| date.to_string()),
            fall.sessions.to_string(),
        ]
    };
    let rows: Vec<_> = falls.iter().map(row).collect();
    table("The deepest falls", &["Depth", "Peak", "Trough", "Made good", "Sessions"], &rows)
}

pub(super) fn worst_days(history: &History) -> Markup {
    let row = |day: &crate::report::history::WorstDay| {
        let change = signed(day.change_usd);
        vec![day.date.to_string(), format!("{:.2} %", day.return_percent), change]
    };
    let rows: Vec<_> = history.worst_days.iter().map(row).collect();
    table("The worst days", &["Session", "Of net liquidation", "Change"], &rows)
}

pub(super) fn refusals(history: &History) -> Markup {
    let row = |line: &crate::report::history::RefusalCount| {
        vec![line.limit.replace('_', " "), line.count.to_string(), line.example.clone()]
    };
    let rows: Vec<_> = history.refusals_by_limit.iter().map(row).collect();
    table("Orders the gate refused, by limit", &["Limit", "Times", "For example"], &rows)
}

pub(super) fn trades(trades: &[TradeLine]) -> Markup {
    let from = trades.len().saturating_sub(TRADES_SHOWN);
    let row = |trade: &TradeLine| {
        vec![
            trade.position.to_string(),
            trade.what.clone(),
            day_and_time(trade.opened_at),
            day_and_time(trade.closed_at),
            trade.exit_reason.words().to_owned(),
            trade.credit_usd.to_string(),
            trade.pnl_usd.to_string(),
            trade.pnl_gbp.map_or_else(dash, |gbp| gbp.to_string()),
        ]
    };
    let rows: Vec<_> = trades[from..].iter().map(row).collect();
    let head = ["Position", "What", "Opened", "Closed", "Exit", "Credit", "P&L $", "P&L £"];
    html! {
        @if from > 0 {
            p { "The last " (TRADES_SHOWN) " of " (trades.len()) "; all are in trades.csv." }
        }
        (table("Closed trades, New York time", &head, &rows))
    }
}

fn day_and_time(at: crate::clock::Timestamp) -> String {
    at.with_timezone(&crate::calendar::NEW_YORK).format("%Y-%m-%d %H:%M").to_string()
}

impl Sheet<'_> {
    /// What was held at each close and what it had lost by then.
    pub(super) fn day_by_day(&self) -> Markup {
        let mut before: Option<Usd> = self.start;
        let rows = self.days.iter().map(|day| {
            let change = before.map(|before| day.net_liquidation_usd - before);
            before = Some(day.net_liquidation_usd);
            self.held_row(day.date, day.net_liquidation_usd, change)
        });
        let head = ["Session", "VIX", "Net liquidation", "Change", "Open", "P&L of each, at mid"];
        let rows: Vec<_> = rows.collect();
        table("The book a minute before each close", &head, &rows)
    }

    fn held_row(&self, date: NaiveDate, worth: Usd, change: Option<Usd>) -> Vec<String> {
        let book = self.books.iter().find(|book| book.date == date);
        let held: Vec<String> = book.map_or_else(Vec::new, |book| {
            let line = |line: &crate::report::held::HeldLine| {
                let pnl = line.pnl_usd.map_or_else(|| "no quote".to_owned(), signed);
                format!("{} {pnl}", line.position)
            };
            book.positions.iter().map(line).collect()
        });
        let vix = book.and_then(|book| book.vix).map_or_else(dash, |vix| format!("{vix:.2}"));
        let change = change.map_or_else(dash, signed);
        let count = held.len().to_string();
        vec![date.to_string(), vix, worth.to_string(), change, count, held.join("; ")]
    }
}
