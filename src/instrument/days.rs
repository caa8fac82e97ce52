//! Business days of the exchanges' contract rules: the stock market's sessions. The futures
//! exchanges have the same, but for the stock market's own days of mourning and storm.

use chrono::{Datelike, Months, NaiveDate, Weekday};

use crate::calendar::{Calendar, Exchange};

/// True on a business day.
pub(super) fn is_business(calendar: &Calendar, date: NaiveDate) -> bool {
    calendar.is_session(Exchange::Xnys, date)
}

/// `date`, or the last session of the stock market before it. `None` where the calendar does not
/// reach.
pub(super) fn at_or_before(calendar: &Calendar, date: NaiveDate) -> Option<NaiveDate> {
    let exchange = Exchange::Xnys;
    if !exchange.years().contains(&date.year()) {
        return None;
    }
    let here = calendar.session(exchange, date);
    Some(here.or_else(|| calendar.previous_session(exchange, date))?.date)
}

/// The `count`th business day before `date`, `date` itself not counted.
pub(super) fn before(calendar: &Calendar, date: NaiveDate, count: usize) -> Option<NaiveDate> {
    let earlier = std::iter::successors(date.pred_opt(), NaiveDate::pred_opt);
    let looked = earlier.take(count.saturating_mul(3).saturating_add(15));
    looked.filter(|day| is_business(calendar, *day)).nth(count.checked_sub(1)?)
}

/// The `nth` business day of the month of `date`, from 1.
pub(super) fn nth_of_month(calendar: &Calendar, date: NaiveDate, nth: usize) -> Option<NaiveDate> {
    let first = date.with_day(1)?;
    let month = first.iter_days().take_while(|day| day.month() == first.month());
    month.filter(|day| is_business(calendar, *day)).nth(nth.checked_sub(1)?)
}

/// The `nth` last business day of the month of `date`: 1 is the last.
pub(super) fn nth_last_of_month(
    calendar: &Calendar,
    date: NaiveDate,
    nth: usize,
) -> Option<NaiveDate> {
    before(calendar, next_month(date)?, nth).filter(|day| day.month() == date.month())
}

/// The first day of the month after that of `date`.
pub(super) fn next_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(Months::new(1))
}

/// The first day of the month before that of `date`.
pub(super) fn previous_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_sub_months(Months::new(1))
}

/// The `nth` of a weekday in the month of `date`.
pub(super) fn nth_weekday(date: NaiveDate, weekday: Weekday, nth: u8) -> Option<NaiveDate> {
    NaiveDate::from_weekday_of_month_opt(date.year(), date.month(), weekday, nth)
}

/// The last Friday that precedes, by at least two business days, the last business day of the
/// month of `date`; the business day before where it is none itself.
pub(super) fn friday_before_end(calendar: &Calendar, date: NaiveDate) -> Option<NaiveDate> {
    let latest = nth_last_of_month(calendar, date, 3)?;
    let days = std::iter::successors(Some(latest), NaiveDate::pred_opt);
    at_or_before(calendar, days.take(7).find(|day| day.weekday() == Weekday::Fri)?)
}
