//! Of each future: its contract months, and when each stops trading. From CME Group's contract
//! specifications; the times are New York's.

use chrono::{NaiveDate, NaiveTime, Weekday};

use super::{Product, days};
use crate::{
    calendar::{Calendar, new_york},
    clock::Timestamp,
};

/// Contract months and their end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The months listed, 1 to 12.
    pub(super) months: &'static [u32],
    last_day: LastDay,
    /// Hour and minute at which trading stops that day.
    stop: (u32, u32),
}

/// The last day of a contract month.
#[derive(Debug, Clone, Copy)]
enum LastDay {
    /// The third Friday, or the session before it.
    ThirdFriday,
    /// The `nth` last business day of the contract month.
    NthLast(usize),
    /// The `nth` business day of the contract month.
    Nth(usize),
    /// The business day before the fifteenth.
    BeforeFifteenth,
    /// So many business days before the third Wednesday.
    BeforeThirdWednesday(usize),
    /// The last business day of the month before.
    EndOfMonthBefore,
    /// Three business days before the 25th of the month before, counted from the business day before
    /// it where it is none; and so many days earlier still.
    Crude(usize),
}

const QUARTERS: &[u32] = &[3, 6, 9, 12];
const ALL: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
/// February, April, June, August, October, December.
const EVEN: &[u32] = &[2, 4, 6, 8, 10, 12];
const INDUSTRIAL: &[u32] = &[3, 5, 7, 9, 12];
const PLATINUM: &[u32] = &[1, 4, 7, 10];
const SOYBEANS: &[u32] = &[1, 3, 5, 7, 8, 9, 11];
const HOGS: &[u32] = &[2, 4, 5, 6, 7, 8, 10, 12];

/// The terms of a product's futures; `None` for one that is no future.
pub(super) fn of(product: Product) -> Option<Terms> {
    let (months, last_day, stop) = match product {
        Product::Es | Product::Mes | Product::Nq | Product::Mnq | Product::Rty => {
            (QUARTERS, LastDay::ThirdFriday, (9, 30))
        }
        Product::Cl => (ALL, LastDay::Crude(0), (14, 30)),
        Product::Mcl => (ALL, LastDay::Crude(1), (14, 30)),
        Product::Rb | Product::Ho => (ALL, LastDay::EndOfMonthBefore, (14, 30)),
        // The months with a market; COMEX lists the nearest others too.
        Product::Gc | Product::Mgc => (EVEN, LastDay::NthLast(3), (13, 30)),
        Product::Si => (INDUSTRIAL, LastDay::NthLast(3), (13, 25)),
        Product::Hg => (INDUSTRIAL, LastDay::NthLast(3), (13, 0)),
        Product::Pl => (PLATINUM, LastDay::NthLast(3), (13, 5)),
        Product::Zb | Product::Zn => (QUARTERS, LastDay::NthLast(8), (13, 1)),
        Product::Zf | Product::Zt => (QUARTERS, LastDay::NthLast(1), (13, 1)),
        Product::Zc | Product::Zw => (INDUSTRIAL, LastDay::BeforeFifteenth, (13, 0)),
        Product::Zs => (SOYBEANS, LastDay::BeforeFifteenth, (13, 0)),
        Product::Le => (EVEN, LastDay::NthLast(1), (13, 0)),
        Product::He => (HOGS, LastDay::Nth(10), (13, 0)),
        Product::Cad => (QUARTERS, LastDay::BeforeThirdWednesday(1), (10, 16)),
        Product::Aud | Product::Gbp | Product::Eur | Product::Jpy | Product::Chf => {
            (QUARTERS, LastDay::BeforeThirdWednesday(2), (10, 16))
        }
        Product::Spx
        | Product::Xsp
        | Product::Spy
        | Product::Qqq
        | Product::Gld
        | Product::Tlt
        | Product::Iwm
        | Product::Dia
        | Product::Uso
        | Product::Xle
        | Product::Xop
        | Product::Slv => return None,
    };
    Some(Terms { months, last_day, stop })
}

impl Terms {
    /// The last day of the contract month that begins on `month`.
    pub(super) fn last_day(&self, calendar: &Calendar, month: NaiveDate) -> Option<NaiveDate> {
        match self.last_day {
            LastDay::ThirdFriday => {
                days::at_or_before(calendar, days::nth_weekday(month, Weekday::Fri, 3)?)
            }
            LastDay::NthLast(nth) => days::nth_last_of_month(calendar, month, nth),
            LastDay::Nth(nth) => days::nth_of_month(calendar, month, nth),
            LastDay::BeforeFifteenth => {
                days::before(calendar, month.checked_add_days(chrono::Days::new(14))?, 1)
            }
            LastDay::BeforeThirdWednesday(count) => {
                days::before(calendar, days::nth_weekday(month, Weekday::Wed, 3)?, count)
            }
            LastDay::EndOfMonthBefore => {
                days::nth_last_of_month(calendar, days::previous_month(month)?, 1)
            }
            LastDay::Crude(earlier) => {
                let before = days::previous_month(month)?;
                let mark = before.checked_add_days(chrono::Days::new(24))?;
                let counted_from = days::at_or_before(calendar, mark)?;
                days::before(calendar, counted_from, 3 + earlier)
            }
        }
    }

    /// The instant trading stops on the last day.
    pub(super) fn stop(&self, last_day: NaiveDate) -> Option<Timestamp> {
        Some(new_york(last_day, NaiveTime::from_hms_opt(self.stop.0, self.stop.1, 0)?))
    }
}
