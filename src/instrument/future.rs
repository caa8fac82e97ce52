//! Futures: their month codes, when each stops trading, and which is in front.

use chrono::{Datelike, Months, NaiveDate};

use super::{Product, terms};
use crate::{
    calendar::{Calendar, Exchange},
    clock::Timestamp,
};

/// CME's letters for January to December.
const MONTH_LETTERS: [char; 12] = ['F', 'G', 'H', 'J', 'K', 'M', 'N', 'Q', 'U', 'V', 'X', 'Z'];

/// The letter of a month from 1 to 12.
pub fn month_letter(month: u32) -> Option<char> {
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    MONTH_LETTERS.get(index).copied()
}

/// The month from 1 to 12 of a letter.
pub fn letter_month(letter: char) -> Option<u32> {
    let index = MONTH_LETTERS.iter().position(|known| *known == letter)?;
    u32::try_from(index + 1).ok()
}

/// One contract month of a future.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FutureMonth {
    /// The month code, `ESU6`. The year is one digit, so a code returns after ten years.
    pub code: String,
    /// The first day of the contract month.
    pub month: NaiveDate,
    /// The last day: of an index future the day it settles, at the opening.
    pub expiration: NaiveDate,
    /// The instant trading stops: of an index future 09:30 New York time of that day.
    pub last_trade: Timestamp,
}

/// The future traded through the regular hours of `date`: the nearest contract month that does
/// not end on or before that day. On its own last day the next month is already in front (rulebook
/// §4.1: an index future's ends at 09:30).
///
/// `None` for a product that is no future, and where the calendar does not reach.
///
/// ```
/// use tomking::{calendar::Calendar, instrument::{Product, front_future}};
/// let calendar = Calendar::default();
/// let code = |product, day: &str| front_future(&calendar, product, day.parse().unwrap()).unwrap().code;
/// assert_eq!(code(Product::Es, "2026-09-17"), "ESU6");
/// assert_eq!(code(Product::Es, "2026-09-18"), "ESZ6"); // the third Friday of September
/// assert_eq!(code(Product::Cl, "2026-09-18"), "CLV6"); // until 22 September
/// ```
pub fn front_future(calendar: &Calendar, product: Product, date: NaiveDate) -> Option<FutureMonth> {
    months_from(calendar, product, date).find(|future| future.expiration > date)
}

/// The future an option that trades until `last_trade` exercises into: the nearest that trades at
/// least as long. So an AM quarterly goes into its own month, a PM option of that same Friday into
/// the next one. This is the rule of index futures; the others go by month
/// ([`future_of_month`]).
pub fn future_under(
    calendar: &Calendar,
    product: Product,
    last_trade: Timestamp,
) -> Option<FutureMonth> {
    let from = crate::calendar::new_york_date(last_trade);
    months_from(calendar, product, from).find(|future| future.last_trade >= last_trade)
}

/// The nearest contract month at or after the month of `month`: what a monthly option goes into.
pub fn future_of_month(
    calendar: &Calendar,
    product: Product,
    month: NaiveDate,
) -> Option<FutureMonth> {
    months_from(calendar, product, month).next()
}

/// The contract month a code names, nearest to `near`.
pub fn find_future(
    calendar: &Calendar,
    product: Product,
    code: &str,
    near: NaiveDate,
) -> Option<FutureMonth> {
    let start = near.checked_sub_months(Months::new(60))?;
    let named = |month: &NaiveDate| month_code(product.symbol(), *month).is_some_and(|c| c == code);
    contract(calendar, product, months(product, start).find(named)?)
}

/// The contract months from that of `from` on, as far as the calendar reaches.
fn months_from(
    calendar: &Calendar,
    product: Product,
    from: NaiveDate,
) -> impl Iterator<Item = FutureMonth> {
    months(product, from).filter_map(move |month| contract(calendar, product, month))
}

/// The first days of the contract months from that of `from` on.
fn months(product: Product, from: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let listed = terms::of(product).map_or(&[][..], |terms| terms.months);
    let years = Exchange::Xnys.years();
    // Nothing is known before the calendar, so the walk does not begin there.
    let first = from.with_day(1).max(NaiveDate::from_ymd_opt(*years.start(), 1, 1));
    let first = first.filter(|_| !listed.is_empty());
    let months = std::iter::successors(first, |month| month.checked_add_months(Months::new(1)));
    let within = months.take_while(move |month| month.year() <= *years.end());
    within.filter(|month| listed.contains(&month.month()))
}

fn contract(calendar: &Calendar, product: Product, month: NaiveDate) -> Option<FutureMonth> {
    let terms = terms::of(product)?;
    let expiration = terms.last_day(calendar, month)?;
    let code = month_code(product.symbol(), month)?;
    Some(FutureMonth { code, month, expiration, last_trade: terms.stop(expiration)? })
}

/// A root with the month letter and the last digit of the year of `date`: `ESU6`, `EW3U6`.
pub(super) fn month_code(root: &str, date: NaiveDate) -> Option<String> {
    Some(format!("{root}{}{}", month_letter(date.month())?, date.year().rem_euclid(10)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_third_friday_on_juneteenth_moves_the_future_to_thursday() {
        // CME's last trade dates; the June 2027 one also in QuantConnect/Lean pull request 9572.
        let cases = [
            ("2026-06-01", "ESM6", "2026-06-18T13:30:00Z"),
            ("2027-06-01", "ESM7", "2027-06-17T13:30:00Z"),
            ("2026-11-20", "ESZ6", "2026-12-18T14:30:00Z"),
            ("2026-12-18", "ESH7", "2027-03-19T13:30:00Z"),
        ];
        let calendar = Calendar::default();
        for (on, code, last_trade) in cases {
            let future = front_future(&calendar, Product::Es, date(on)).unwrap();
            assert_eq!(future.code, code, "{on}");
            assert_eq!(future.last_trade, last_trade.parse::<Timestamp>().unwrap(), "{on}");
        }
    }

    #[test]
    fn only_futures_have_months() {
        let calendar = Calendar::default();
        assert_eq!(front_future(&calendar, Product::Spx, date("2026-06-01")), None);
        assert_eq!(front_future(&calendar, Product::Es, date("2035-12-27")), None);
    }

    #[test]
    fn a_code_is_found_in_the_decade_around_a_date() {
        let calendar = Calendar::default();
        let found = |near| find_future(&calendar, Product::Mes, "MESU6", date(near)).unwrap();
        assert_eq!(found("2026-01-05").expiration, date("2026-09-18"));
        assert_eq!(found("2019-01-05").expiration, date("2016-09-16"));
        assert_eq!(find_future(&calendar, Product::Mes, "MESF6", date("2026-01-05")), None);
    }

    #[test]
    fn letters_and_months_are_each_others_inverse() {
        for month in 1..=12 {
            assert_eq!(month_letter(month).and_then(letter_month), Some(month));
        }
        assert_eq!((month_letter(0), month_letter(13), letter_month('A')), (None, None, None));
    }
}
