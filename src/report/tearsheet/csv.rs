//! The CSV files: a head and a row each, money as plain decimals, instants RFC 3339 in UTC. Their
//! columns are listed in docs/REPLAY.md and only ever added to.

use std::collections::BTreeMap;

use chrono::SecondsFormat;

use super::falls;
use crate::{
    clock::Timestamp,
    desk::tables::EquityRow,
    money::Usd,
    report::{held::DayBook, parts::TradeLine},
    risk::decision::DecisionRecord,
};

fn file<const N: usize>(
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<Vec<u8>, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head).map_err(|error| error.to_string())?;
    for row in rows {
        writer.write_record(row).map_err(|error| error.to_string())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

fn instant(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn maybe<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Two decimals, without the currency's sign.
fn plain(usd: Usd) -> String {
    format!("{:.2}", usd.rounded().0)
}

pub(in crate::report) fn trades(trades: &[TradeLine]) -> Result<Vec<u8>, String> {
    let head = [
        "position",
        "strategy",
        "what",
        "opened_at",
        "closed_at",
        "exit_reason",
        "credit_usd",
        "pnl_usd",
        "pnl_gbp",
    ];
    let row = |trade: &TradeLine| {
        [
            trade.position.to_string(),
            trade.strategy.to_string(),
            trade.what.clone(),
            instant(trade.opened_at),
            instant(trade.closed_at),
            trade.exit_reason.words().to_owned(),
            plain(trade.credit_usd),
            plain(trade.pnl_usd),
            maybe(trade.pnl_gbp.map(|gbp| format!("{:.2}", gbp.rounded().0))),
        ]
    };
    file(head, trades.iter().map(row))
}

pub(in crate::report) fn equity(
    start: Option<Usd>,
    days: &[EquityRow],
    books: &[DayBook],
) -> Result<Vec<u8>, String> {
    let head = [
        "date",
        "net_liquidation_usd",
        "net_liquidation_gbp",
        "dollars_per_pound",
        "drawdown_percent",
        "requirement_usd",
        "peak_used_percent",
        "cap_percent",
        "realised_usd",
        "open_pnl_usd",
        "fees_usd",
        "trades",
        "phase",
        "open_positions",
        "delta_one_percent_usd",
        "theta_day_usd",
        "vega_point_usd",
    ];
    let books: BTreeMap<_, _> = books.iter().map(|book| (book.date, book)).collect();
    let falls = falls(start, days);
    let row = |(day, fall): (&EquityRow, f64)| {
        let book = books.get(&day.date);
        let greeks = book.and_then(|book| book.greeks);
        let greek = |figure: Option<f64>| maybe(figure.map(|figure| format!("{figure:.2}")));
        [
            day.date.to_string(),
            plain(day.net_liquidation_usd),
            maybe(day.net_liquidation_gbp.map(|gbp| format!("{:.2}", gbp.rounded().0))),
            maybe(day.fx.map(|fx| fx.usd_per_gbp)),
            format!("{fall:.4}"),
            plain(day.requirement_usd),
            maybe(day.peak_used_percent),
            maybe(day.cap_percent),
            plain(day.realised_usd),
            plain(day.open_pnl_usd),
            plain(day.fees_usd),
            day.trades.to_string(),
            maybe(day.phase),
            book.map_or(0, |book| book.positions.len()).to_string(),
            greek(greeks.map(|greeks| greeks.delta_one_percent_usd)),
            greek(greeks.map(|greeks| greeks.theta_day_usd)),
            greek(greeks.map(|greeks| greeks.vega_point_usd)),
        ]
    };
    file(head, days.iter().zip(falls).map(row))
}

pub(super) fn decisions(decisions: &[DecisionRecord]) -> Result<Vec<u8>, String> {
    let head = [
        "at",
        "slot",
        "strategy",
        "outcome",
        "intent",
        "filters_passed",
        "filters_failed",
        "failed",
        "refused_by",
        "refusals",
        "ended",
    ];
    let row = |record: &DecisionRecord| {
        let failed: Vec<_> = record.filters.iter().filter(|filter| !filter.passed).collect();
        let words = failed
            .iter()
            .map(|filter| format!("{}: {}, needs {}", filter.name, filter.value, filter.bound));
        let limits: Vec<&str> = record.refusals.iter().map(|row| row.limit.as_str()).collect();
        let texts: Vec<&str> = record.refusals.iter().map(|row| row.text.as_str()).collect();
        [
            instant(record.at),
            instant(record.slot),
            record.strategy.to_string(),
            record.outcome.name().to_owned(),
            maybe(record.intent.as_ref()),
            (record.filters.len() - failed.len()).to_string(),
            failed.len().to_string(),
            words.collect::<Vec<_>>().join("; "),
            limits.join("; "),
            texts.join("; "),
            record.ended.clone().unwrap_or_default(),
        ]
    };
    file(head, decisions.iter().map(row))
}
