//! Bars: the index by day and by hour, and VIX by day.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::{Decimal, dec};

use super::{
    DataError,
    table::{Row, Table},
};
use crate::market::DailyBar;

/// One hour of the index, or what is left of it at the close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HourBar {
    /// The start, New York time.
    pub start: NaiveTime,
    /// First print.
    pub open: Decimal,
    /// Highest print.
    pub high: Decimal,
    /// Lowest print.
    pub low: Decimal,
    /// Last print.
    pub close: Decimal,
}

/// Bars by day.
pub(super) type Daily = BTreeMap<NaiveDate, DailyBar>;

/// What a bar's open and close are held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// Inside high and low, or the row is refused.
    Held,
    /// High and low are widened where needed: VIX has such rows.
    Widened,
}

/// Daily bars of the index.
pub(super) fn index(table: &Table) -> Result<Daily, DataError> {
    let mut bars = Daily::new();
    for row in table.rows() {
        let date = row.date_after(bars.last_key_value().map(|(date, _)| *date))?;
        let volume = row.text("volume");
        if !volume.is_empty() && volume.parse::<Decimal>().map_or(true, |v| v < Decimal::ZERO) {
            return Err(row.error("volume", volume, "a number at or above 0, or nothing"));
        }
        let (bar, _) = bar(&row, date, Range::Held)?;
        bars.insert(date, bar);
    }
    Ok(bars)
}

/// Daily bars of VIX, and how many had their range widened to take in open and close.
pub(super) fn vix(table: &Table) -> Result<(Daily, usize), DataError> {
    let mut bars = Daily::new();
    let mut widened = 0;
    for row in table.rows() {
        let date = row.date_after(bars.last_key_value().map(|(date, _)| *date))?;
        let (bar, wider) = bar(&row, date, Range::Widened)?;
        let cells =
            [("open", bar.open), ("high", bar.high), ("low", bar.low), ("close", bar.close)];
        if let Some((name, _)) = cells.iter().find(|(_, level)| *level >= dec!(200)) {
            let expected = "a VIX level below 200 (bars of an index have a column `volume`)";
            return Err(row.error(name, row.text(name), expected));
        }
        widened += usize::from(wider);
        bars.insert(date, bar);
    }
    Ok((bars, widened))
}

/// Hourly bars by day.
pub(super) fn hourly(table: &Table) -> Result<BTreeMap<NaiveDate, Vec<HourBar>>, DataError> {
    let mut days: BTreeMap<NaiveDate, Vec<HourBar>> = BTreeMap::new();
    let mut last: Option<(NaiveDate, NaiveTime)> = None;
    for row in table.rows() {
        let (date, start) = (row.date()?, row.time("time")?);
        if let Some((before, hour)) = last.filter(|last| (date, start) <= *last) {
            let found = format!("{date} {}", start.format("%H:%M"));
            let expected = format!("a time after {before} {}: rows ascend", hour.format("%H:%M"));
            let column = if date < before { "date" } else { "time" };
            return Err(row.error(column, &found, &expected));
        }
        last = Some((date, start));
        let (bar, _) = bar(&row, date, Range::Held)?;
        let DailyBar { open, high, low, close, .. } = bar;
        days.entry(date).or_default().push(HourBar { start, open, high, low, close });
    }
    Ok(days)
}

/// The four prices of a row, and whether its range had to be widened.
fn bar(row: &Row<'_>, date: NaiveDate, range: Range) -> Result<(DailyBar, bool), DataError> {
    let [open, high, low, close] =
        [row.price("open")?, row.price("high")?, row.price("low")?, row.price("close")?];
    if high < low {
        let expected = format!("a price at or above the low of {low}");
        return Err(row.error("high", row.text("high"), &expected));
    }
    let mut widened = false;
    for (name, price) in [("open", open), ("close", close)] {
        let inside = low <= price && price <= high;
        if !inside && range == Range::Held {
            let expected = format!("a price from the low of {low} to the high of {high}");
            return Err(row.error(name, row.text(name), &expected));
        }
        widened |= !inside;
    }
    let (high, low) = (high.max(open).max(close), low.min(open).min(close));
    Ok((DailyBar { date, open, high, low, close }, widened))
}
