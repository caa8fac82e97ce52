//! Which option series of a product are listed, when each stops trading, and what it is written on.
//!
//! The rules stand in for a broker's chain in replays and on the paper account; a live chain is the
//! broker's own. Expirations move with the stock market's holidays.

mod families;

use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};

use self::families::{Family, OnHoliday, Pattern, Root};
use super::{
    Product, ProductKind, Series, Settlement,
    future::{future_under, session_at_or_before},
};
use crate::{
    calendar::{Calendar, Exchange, new_york},
    clock::Timestamp,
};

/// The furthest a holiday moves an expiration, with the weekend before or after it.
const MOVE_DAYS: u64 = 5;

/// The first day on which the program knows options of the product to be listed; a decision of an
/// earlier day must not assume them. Bounded by the calendar, which begins in 2010 for Cboe and
/// CME.
pub fn listed_from(product: Product) -> NaiveDate {
    let (year, month, day) = match product {
        Product::Es | Product::Spx => (2010, 1, 1),
        // CME: options on the micro futures opened on 2020-08-31.
        Product::Mes => (2020, 8, 31),
        // Cboe: PM-settled XSP series began on 2013-11-05.
        Product::Xsp => (2013, 11, 5),
        // Options on SPY began on 2005-01-10; those on TLT are older. On GLD since June 2008.
        Product::Spy | Product::Tlt => (2005, 1, 10),
        Product::Gld => (2008, 7, 1),
        // Under this symbol since 2011-03-23.
        Product::Qqq => (2011, 3, 23),
    };
    NaiveDate::from_ymd_opt(year, month, day).expect("a date written in code is one")
}

/// Every series of `product` listed on `on` that expires within `days` of it, `on` included, in
/// order of expiration, AM before PM.
///
/// An AM series is listed until its settlement, so on a third Friday the SPX chain still shows one
/// whose last trade was yesterday: choose by `settlement` and `last_trade`, never by root or date.
/// The cost is some microseconds for each week asked for: ask once a session, not every minute.
///
/// ```
/// use tomking::{calendar::Calendar, instrument::{Product, expiration}};
/// let friday = "2026-09-18".parse().unwrap(); // a quarterly third Friday
/// let today = expiration::listed(&Calendar::default(), Product::Es, friday, 0);
/// let told: Vec<_> = today.iter().map(|s| (s.root.as_str(), s.future.as_deref())).collect();
/// assert_eq!(told, [("ES", Some("ESU6")), ("EW3", Some("ESZ6"))]);
/// ```
pub fn listed(calendar: &Calendar, product: Product, on: NaiveDate, days: u32) -> Vec<Series> {
    if on < listed_from(product) {
        return Vec::new();
    }
    let last = on.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX);
    let chosen = expiring(calendar, product, on..=last).into_iter();
    let listed = chosen.filter(|((expiration, _), nominal)| {
        let away = expiration.signed_duration_since(on).num_days();
        away <= nominal.ahead_days.into()
    });
    listed.filter_map(|(key, nominal)| series_of(calendar, product, key, &nominal)).collect()
}

/// The series with this root that expires on `expiration`, listed yet or not.
pub fn series(
    calendar: &Calendar,
    product: Product,
    root: &str,
    expiration: NaiveDate,
) -> Option<Series> {
    let chosen = expiring(calendar, product, expiration..=expiration).into_iter();
    let mut built = chosen.filter_map(|(key, nominal)| series_of(calendar, product, key, &nominal));
    built.find(|series| series.root == root)
}

/// What expires: day and settlement.
type Key = (NaiveDate, Settlement);

/// The family that holds a key, and the date its expiration had before holidays moved it.
struct Nominal {
    root: Root,
    date: NaiveDate,
    ahead_days: u32,
}

/// What expires on each day of a range, one series per day and settlement.
fn expiring(
    calendar: &Calendar,
    product: Product,
    range: RangeInclusive<NaiveDate>,
) -> BTreeMap<Key, Nominal> {
    let mut chosen: BTreeMap<Key, (usize, Nominal)> = BTreeMap::new();
    let first = range.start().checked_sub_days(Days::new(MOVE_DAYS)).unwrap_or(NaiveDate::MIN);
    let last = range.end().checked_add_days(Days::new(MOVE_DAYS)).unwrap_or(NaiveDate::MAX);
    let last_year = *Exchange::Xnys.years().end();
    let dates = first.iter_days().take_while(|date| *date <= last && date.year() <= last_year);
    for date in dates.filter(|date| !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)) {
        for (rank, family) in families::of(product).iter().enumerate() {
            if !family.pattern.holds(date) || !family.exists_on(date) {
                continue;
            }
            let Some(moved) = family.on_holiday.moved(calendar, date) else { continue };
            if !range.contains(&moved) {
                continue;
            }
            offer(&mut chosen, (moved, family.settlement), rank, family, date);
        }
    }
    chosen.into_iter().map(|(key, (_, nominal))| (key, nominal)).collect()
}

/// Enters a family's claim on a key: the first row of the table holds it, listed as early as the
/// earliest of the claims under the same root.
fn offer(
    chosen: &mut BTreeMap<Key, (usize, Nominal)>,
    key: Key,
    rank: usize,
    family: &Family,
    date: NaiveDate,
) {
    let claim = Nominal { root: family.root, date, ahead_days: family.ahead_days };
    match chosen.get_mut(&key) {
        None => {
            chosen.insert(key, (rank, claim));
        }
        Some((_, held)) if held.root == claim.root => {
            held.ahead_days = held.ahead_days.max(claim.ahead_days);
        }
        Some(held) if rank < held.0 => *held = (rank, claim),
        Some(_) => {}
    }
}

fn series_of(
    calendar: &Calendar,
    product: Product,
    (expiration, settlement): Key,
    nominal: &Nominal,
) -> Option<Series> {
    let last_trade = last_trade(calendar, product, expiration, settlement)?;
    let future = match product.kind() {
        ProductKind::Future => Some(future_under(calendar, product, last_trade)?.code),
        ProductKind::Index | ProductKind::Etf => None,
    };
    let root = nominal.root.on(nominal.date);
    Some(Series { product, root, expiration, settlement, last_trade, future })
}

/// The instant trading in a series stops.
fn last_trade(
    calendar: &Calendar,
    product: Product,
    expiration: NaiveDate,
    settlement: Settlement,
) -> Option<Timestamp> {
    let own = product.exchange();
    match (settlement, product.kind()) {
        // The close of the stock market: 16:00, on half days 13:00.
        (Settlement::Pm, _) => {
            let cash = calendar.session(Exchange::Xnys, expiration)?;
            Some(calendar.session(own, expiration)?.close.min(cash.close))
        }
        // With the future, at the opening of the day.
        (Settlement::Am, ProductKind::Future) => {
            Some(new_york(expiration, NaiveTime::from_hms_opt(9, 30, 0)?))
        }
        // The session before.
        (Settlement::Am, _) => Some(calendar.previous_session(own, expiration)?.close),
    }
}

impl Family {
    fn exists_on(&self, date: NaiveDate) -> bool {
        let key = (date.year(), date.month(), date.day());
        self.from <= key && self.until.is_none_or(|end| key < end)
    }
}

impl Pattern {
    /// True for a weekday that is one of the pattern's days.
    fn holds(self, date: NaiveDate) -> bool {
        let weekday = date.weekday();
        let third_friday = weekday == Weekday::Fri && (15..=21).contains(&date.day());
        let quarterly = date.month().is_multiple_of(3);
        match self {
            Self::Monday => weekday == Weekday::Mon,
            Self::Tuesday => weekday == Weekday::Tue,
            Self::Wednesday => weekday == Weekday::Wed,
            Self::Thursday => weekday == Weekday::Thu,
            Self::Friday => weekday == Weekday::Fri && !third_friday,
            Self::ThirdFriday => third_friday,
            Self::QuarterlyFriday => third_friday && quarterly,
            Self::SerialFriday => third_friday && !quarterly,
            Self::HalfYearFriday => third_friday && date.month().is_multiple_of(6),
            Self::JanuaryFriday => third_friday && date.month() == 1,
            Self::MonthEnd => is_last_weekday(date),
            Self::QuarterEnd => quarterly && is_last_weekday(date),
        }
    }
}

/// True for the last weekday of a month.
fn is_last_weekday(date: NaiveDate) -> bool {
    let ahead = if date.weekday() == Weekday::Fri { 3 } else { 1 };
    date.checked_add_days(Days::new(ahead)).is_some_and(|next| next.month() != date.month())
}

impl OnHoliday {
    fn moved(self, calendar: &Calendar, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Before => session_at_or_before(calendar, date),
            Self::Absent => Some(calendar.session(Exchange::Xnys, date)?.date),
            Self::After => {
                let here = calendar.session(Exchange::Xnys, date);
                Some(here.or_else(|| calendar.next_session(Exchange::Xnys, date))?.date)
            }
        }
    }
}

impl Root {
    fn on(self, date: NaiveDate) -> String {
        let week = (date.day() - 1) / 7 + 1;
        match self {
            Self::Fixed(root) => root.to_owned(),
            Self::Numbered(stem) => format!("{stem}{week}"),
            Self::Daily(stem, letter) => format!("{stem}{week}{letter}"),
        }
    }
}

#[cfg(test)]
mod tests;
