//! Which option series of a product are listed, when each stops trading, and what it is written on.
//!
//! The rules stand in for a broker's chain in replays and on the paper account; a live chain is the
//! broker's own. Expirations move with the stock market's holidays.

mod families;
mod monthly;

use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};

use self::{
    families::{Family, OnHoliday, Pattern, Root},
    monthly::Monthly,
};
use super::{
    Product, ProductKind, Series, Settlement, days,
    future::{future_of_month, future_under},
};
use crate::{
    calendar::{Calendar, Exchange, new_york},
    clock::Timestamp,
};

/// The furthest a holiday moves an expiration, with the weekend before or after it.
const MOVE_DAYS: u64 = 5;
/// The furthest the name of a monthly series is from its expiration.
const NAME_DAYS: u64 = 45;

/// The first day on which the program knows options of the product to be listed; a decision of an
/// earlier day must not assume them. Those before it are older than 2005-01-10, where the calendars of
/// Cboe and CME begin.
pub fn listed_from(product: Product) -> NaiveDate {
    let (year, month, day) = match product {
        // CME: options on the micro futures opened on 2020-08-31, those on micro crude oil on
        // 2022-06-06, those on micro gold on 2023-10-02.
        Product::Mes | Product::Mnq => (2020, 8, 31),
        Product::Mcl => (2022, 6, 6),
        Product::Mgc => (2023, 10, 2),
        // The Russell's E-mini came back to CME on 2017-07-10.
        Product::Rty => (2017, 7, 10),
        // Cboe: PM-settled XSP series began on 2013-11-05.
        Product::Xsp => (2013, 11, 5),
        // On GLD since June 2008; on USO since 2007, on SLV since the end of 2008, on XOP since its
        // own second year.
        Product::Gld => (2008, 7, 1),
        Product::Uso | Product::Xop => (2008, 1, 2),
        Product::Slv => (2009, 1, 2),
        // Under this symbol since 2011-03-23.
        Product::Qqq => (2011, 3, 23),
        // The premium-quoted European series on currencies, since 2016 the only monthly ones.
        Product::Aud | Product::Gbp | Product::Cad | Product::Eur | Product::Jpy | Product::Chf => {
            (2016, 7, 1)
        }
        // RBOB gasoline took the place of the older contract in 2006.
        Product::Rb => (2007, 1, 2),
        // Options on SPY began on 2005-01-10; the others are older.
        _ => (2005, 1, 10),
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

/// The month that stands in the symbol of an option on a future: `Z4` of `LOZ4`, which expires in
/// November.
pub(super) fn named_month(product: Product, expiration: NaiveDate) -> Option<NaiveDate> {
    monthly::of(product).map_or(expiration.with_day(1), |rule| rule.month_of(expiration))
}

/// What expires: day and settlement.
type Key = (NaiveDate, Settlement);

/// What holds a key: the root, the date that gave it (before holidays moved it; of a monthly series
/// the first day of the month it is named by), how far ahead it is listed.
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
    match monthly::of(product) {
        Some(rule) => expiring_months(calendar, product, rule, &range),
        None => expiring_days(calendar, product, &range),
    }
}

fn expiring_months(
    calendar: &Calendar,
    product: Product,
    rule: Monthly,
    range: &RangeInclusive<NaiveDate>,
) -> BTreeMap<Key, Nominal> {
    let first = range.start().checked_sub_days(Days::new(NAME_DAYS)).unwrap_or(NaiveDate::MIN);
    let last = range.end().checked_add_days(Days::new(NAME_DAYS)).unwrap_or(NaiveDate::MAX);
    let last_year = *Exchange::Xnys.years().end();
    let months = std::iter::successors(first.with_day(1), |month| days::next_month(*month));
    let months = months.take_while(|month| *month <= last && month.year() <= last_year);
    let within = months.filter_map(|month| {
        let ahead_days = rule.ahead_days(month)?;
        let last_day = rule.last_day(calendar, product, month)?;
        let nominal = Nominal { root: Root::Fixed(rule.root), date: month, ahead_days };
        range.contains(&last_day).then_some(((last_day, Settlement::Pm), nominal))
    });
    within.collect()
}

fn expiring_days(
    calendar: &Calendar,
    product: Product,
    range: &RangeInclusive<NaiveDate>,
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
    let rule = monthly::of(product);
    let last_trade = match rule {
        Some(rule) => rule.last_trade(calendar, product, expiration)?,
        None => last_trade(calendar, product, expiration, settlement)?,
    };
    let future = match (product.kind(), rule) {
        (ProductKind::Future, Some(_)) => {
            Some(future_of_month(calendar, product, nominal.date)?.code)
        }
        (ProductKind::Future, None) => Some(future_under(calendar, product, last_trade)?.code),
        (ProductKind::Index | ProductKind::Etf, _) => None,
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
            Self::EarlyFriday => weekday == Weekday::Fri && date.day() <= 14,
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
            Self::Before => days::at_or_before(calendar, date),
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
            Self::Between(head, tail) => format!("{head}{week}{tail}"),
            Self::Lettered(stem) => {
                let letter = [' ', 'A', 'B', 'C', 'D', 'E'].get(usize::try_from(week).unwrap_or(0));
                format!("{stem}{}", letter.unwrap_or(&' '))
            }
        }
    }
}

#[cfg(test)]
mod tests;
