//! When an order may work.

use chrono::NaiveDate;

use super::order::Window;
use crate::{
    account::Leg,
    calendar::{Calendar, Exchange, new_york_date},
    clock::Timestamp,
    instrument::{Instrument, Product, expiration, find_future},
};

/// Days looked ahead for the next session.
const DAYS_AHEAD: usize = 14;

/// The hours in which a product fills on a date: its own session; for CME products only as far as
/// New York's stock session goes, because quotes outside it are not modelled.
pub fn trading_hours(calendar: &Calendar, product: Product, date: NaiveDate) -> Option<Window> {
    let own = calendar.session(product.exchange(), date)?;
    let mut hours = Window { open: own.open, close: own.close };
    if product.exchange() == Exchange::CmeEquity {
        let stocks = calendar.session(Exchange::Xnys, date)?;
        hours.open = hours.open.max(stocks.open);
        hours.close = hours.close.min(stocks.close);
    }
    (hours.open < hours.close).then_some(hours)
}

/// The instant an instrument stops trading, for those that do. `at` tells which of the futures
/// that share a code through the decades is meant.
pub fn last_trade(
    calendar: &Calendar,
    instrument: &Instrument,
    at: Timestamp,
) -> Option<Timestamp> {
    match instrument {
        Instrument::Option(contract) => Some(contract.series.last_trade),
        Instrument::Future { product, code } => {
            let month = find_future(calendar, *product, code, new_york_date(at))?;
            Some(month.last_trade)
        }
        Instrument::Shares { .. } => None,
    }
}

/// True for what is listed: a series the exchange's rules make, a month that exists, an ETF.
pub fn is_known(calendar: &Calendar, instrument: &Instrument, at: Timestamp) -> bool {
    match instrument {
        Instrument::Option(contract) => {
            let asked = &contract.series;
            let listed = expiration::series(calendar, asked.product, &asked.root, asked.expiration);
            listed.as_ref() == Some(asked)
        }
        Instrument::Future { .. } => last_trade(calendar, instrument, at).is_some(),
        Instrument::Shares { .. } => true,
    }
}

/// The hours an order works in: what is left of this session, else the next one, and never beyond
/// the last trade of a leg. `None` when a leg stops trading before it could.
pub fn working_hours(calendar: &Calendar, legs: &[Leg], at: Timestamp) -> Option<Window> {
    let product = legs.first()?.instrument.product();
    let last = legs.iter().filter_map(|leg| last_trade(calendar, &leg.instrument, at)).min();
    let days = new_york_date(at).iter_days().take(DAYS_AHEAD);
    let mut hours = days.filter_map(|date| trading_hours(calendar, product, date));
    let session = hours.find(|hours| at < hours.close)?;
    let close = last.map_or(session.close, |last| session.close.min(last));
    (session.open < close && at < close).then_some(Window { close, ..session })
}
