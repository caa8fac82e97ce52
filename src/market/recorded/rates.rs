//! What is dated but has no bars: pound-dollar rates, VIX9D and VIX3M, macro events.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeZone};
use rust_decimal::Decimal;

use super::{
    DataError,
    table::{Row, Table},
};
use crate::{
    calendar::NEW_YORK,
    clock::Timestamp,
    market::{EventDay, EventKind, MacroEvent},
    money::RATES,
};

/// VIX9D and VIX3M closes by day.
pub(super) type Terms = BTreeMap<NaiveDate, (Option<Decimal>, Option<Decimal>)>;

/// Dollars per pound by day.
pub(super) fn fx(table: &Table) -> Result<BTreeMap<NaiveDate, Decimal>, DataError> {
    let mut rates = BTreeMap::new();
    for row in table.rows() {
        let date = row.date_after(rates.last_key_value().map(|(date, _)| *date))?;
        let rate = row.positive("usd_per_gbp")?;
        if !RATES.contains(&rate) {
            let expected = "dollars for a pound, from 0.1 to 20";
            return Err(row.error("usd_per_gbp", row.text("usd_per_gbp"), expected));
        }
        rates.insert(date, rate);
    }
    Ok(rates)
}

/// Closes of the other tenors; every column that is not the date is a number or empty.
pub(super) fn terms(table: &Table) -> Result<Terms, DataError> {
    let mut terms = Terms::new();
    for row in table.rows() {
        let date = row.date_after(terms.last_key_value().map(|(date, _)| *date))?;
        for column in table.columns().iter().filter(|c| *c != "date") {
            row.maybe(column)?;
        }
        terms.insert(date, (row.maybe("vix9d")?, row.maybe("vix3m")?));
    }
    Ok(terms)
}

/// Events of one kind, and the dates over which their absence means there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Events {
    dates: BTreeMap<NaiveDate, Timestamp>,
    first: NaiveDate,
    last: NaiveDate,
}

/// What an events file holds.
#[derive(Debug, Default)]
pub(super) struct EventTable {
    pub(super) by_kind: BTreeMap<EventKind, Events>,
    /// Meetings nobody knew of beforehand: no filter may look ahead to them.
    pub(super) unscheduled: usize,
    /// Rows of kinds the rulebook does not filter by.
    pub(super) other: usize,
}

/// Scheduled events by kind. A kind is covered from the first of its first month to the last of
/// its last.
pub(super) fn events(table: &Table) -> Result<EventTable, DataError> {
    let mut out = EventTable::default();
    for row in table.rows() {
        let date = row.date()?;
        let kind = match row.text("event") {
            "FOMC" => EventKind::Fomc,
            "CPI" => EventKind::Cpi,
            "NFP" => EventKind::Nfp,
            "" => return Err(row.error("event", "", "FOMC, CPI or NFP")),
            _ => {
                out.other += 1;
                continue;
            }
        };
        let events = out.by_kind.entry(kind).or_insert_with(|| Events {
            dates: BTreeMap::new(),
            first: date,
            last: date,
        });
        events.first = events.first.min(date);
        events.last = events.last.max(date);
        if row.text("note") == "unscheduled" && row.text("time_et").is_empty() {
            out.unscheduled += 1;
        } else if events.dates.insert(date, instant(&row, date)?).is_some() {
            let expected = format!("one row for a {} of {date}", row.text("event"));
            return Err(row.error("date", &date.to_string(), &expected));
        }
    }
    for events in out.by_kind.values_mut() {
        events.first = events.first.with_day(1).unwrap_or(events.first);
        let next = events.last.with_day(1).and_then(|d| d.checked_add_months(Months::new(1)));
        events.last = next.and_then(|d| d.pred_opt()).unwrap_or(events.last);
    }
    Ok(out)
}

fn instant(row: &Row<'_>, date: NaiveDate) -> Result<Timestamp, DataError> {
    let time: NaiveTime = row.time("time_et")?;
    let local = NEW_YORK.from_local_datetime(&date.and_time(time)).earliest();
    let error = || row.error("time_et", row.text("time_et"), "a time that New York's clock shows");
    local.map(|at| at.to_utc()).ok_or_else(error)
}

impl Events {
    /// The events from two days before a date to two days after, where the date is covered.
    pub(super) fn around(&self, kind: EventKind, date: NaiveDate) -> EventDay {
        if date < self.first || date > self.last {
            return EventDay::Unknown;
        }
        let from = date.checked_sub_days(Days::new(2)).unwrap_or(date);
        let to = date.checked_add_days(Days::new(2)).unwrap_or(date);
        let near = self.dates.range(from..=to);
        EventDay::Known(near.map(|(_, at)| MacroEvent { kind, at: *at }).collect())
    }

    /// First and last date covered.
    pub(super) fn covers(&self) -> (NaiveDate, NaiveDate) {
        (self.first, self.last)
    }
}
