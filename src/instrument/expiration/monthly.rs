//! Monthly and serial options on futures other than index futures: named by their month, they go
//! into the future of that month or the next there is. From CME Group's contract specifications;
//! the times are New York's. Their weekly series are left out.

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};

use crate::{
    calendar::{Calendar, new_york},
    clock::Timestamp,
    instrument::{Product, days, future_of_month},
};

/// The monthly options of a product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Monthly {
    /// The option's root.
    pub(super) root: &'static str,
    end: End,
    /// Hour and minute at which trading stops on the last day, or with the session if that is
    /// earlier.
    stop: (u32, u32),
    /// The months listed far ahead.
    standard: &'static [u32],
    /// How many days before its expiration a series of those is listed,
    ahead_days: u32,
    /// and one of the other months; nought where there is none.
    serial_days: u32,
}

/// The last day of an option month.
#[derive(Debug, Clone, Copy)]
enum End {
    /// So many business days before the future of that month stops.
    BeforeFuture(usize),
    /// Four business days before the end of the month before; earlier by one where that is a Friday or
    /// the eve of a holiday (COMEX).
    FourDays,
    /// The last Friday that precedes the last business day of the month before by at least two
    /// business days (CBOT).
    LastFriday,
    /// The second Friday before the third Wednesday (CME currencies).
    SecondFridayBeforeWednesday,
    /// The first Friday of the month (live cattle).
    FirstFriday,
}

const ALL: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const QUARTERS: &[u32] = &[3, 6, 9, 12];
const INDUSTRIAL: &[u32] = &[3, 5, 7, 9, 12];
const EVEN: &[u32] = &[2, 4, 6, 8, 10, 12];

/// The nearest three months are listed, whatever they are.
const NEAR_DAYS: u32 = 95;

/// The monthly options of a product; `None` where its series go by weekday
/// ([`super::families`]).
pub(super) fn of(product: Product) -> Option<Monthly> {
    let row = |root, end, stop, standard, ahead_days, serial_days| {
        Some(Monthly { root, end, stop, standard, ahead_days, serial_days })
    };
    let comex = |root, ahead| row(root, End::FourDays, (13, 30), ALL, ahead, 0);
    let bonds = |root| row(root, End::LastFriday, (17, 0), QUARTERS, 400, NEAR_DAYS);
    let grains = |root, months| row(root, End::LastFriday, (14, 20), months, 730, NEAR_DAYS);
    let currency =
        |root| row(root, End::SecondFridayBeforeWednesday, (10, 0), QUARTERS, 370, NEAR_DAYS);
    match product {
        Product::Cl => row("LO", End::BeforeFuture(3), (14, 30), ALL, 1095, 0),
        // The day of LO: its future stops a day earlier (CME's FAQ of 2022).
        Product::Mcl => row("MCO", End::BeforeFuture(2), (14, 30), ALL, 365, 0),
        Product::Rb => row("OB", End::BeforeFuture(3), (14, 30), ALL, 1095, 0),
        Product::Ho => row("OH", End::BeforeFuture(3), (14, 30), ALL, 1095, 0),
        Product::Gc => comex("OG", 600),
        Product::Mgc => comex("OMG", 600),
        Product::Si => comex("SO", 600),
        Product::Hg => comex("HXE", 600),
        Product::Pl => comex("PO", 450),
        Product::Zb => bonds("OZB"),
        Product::Zn => bonds("OZN"),
        Product::Zf => bonds("OZF"),
        Product::Zt => bonds("OZT"),
        Product::Zc => grains("OZC", INDUSTRIAL),
        Product::Zw => grains("OZW", INDUSTRIAL),
        Product::Zs => grains("OZS", &[1, 3, 5, 7, 8, 9, 11]),
        Product::Le => row("LE", End::FirstFriday, (14, 5), EVEN, 365, 60),
        Product::He => {
            row("HE", End::BeforeFuture(0), (13, 0), &[2, 4, 5, 6, 7, 8, 10, 12], 365, 0)
        }
        Product::Aud => currency("ADU"),
        Product::Gbp => currency("GBU"),
        Product::Cad => currency("CAU"),
        Product::Eur => currency("EUU"),
        Product::Jpy => currency("JPU"),
        Product::Chf => currency("CHU"),
        _ => None,
    }
}

impl Monthly {
    /// How many days before its expiration the series of a month is listed; `None` where it never
    /// is.
    pub(super) fn ahead_days(&self, month: NaiveDate) -> Option<u32> {
        let standard = self.standard.contains(&month.month());
        let days = if standard { self.ahead_days } else { self.serial_days };
        (days > 0).then_some(days)
    }

    /// The last day of the option month that begins on `month`.
    pub(super) fn last_day(
        &self,
        calendar: &Calendar,
        product: Product,
        month: NaiveDate,
    ) -> Option<NaiveDate> {
        match self.end {
            End::BeforeFuture(count) => {
                let future = future_of_month(calendar, product, month)?.expiration;
                if count == 0 { Some(future) } else { days::before(calendar, future, count) }
            }
            End::FourDays => {
                let day = days::nth_last_of_month(calendar, days::previous_month(month)?, 4)?;
                let next = day.succ_opt()?;
                let early = day.weekday() == Weekday::Fri || !days::is_business(calendar, next);
                if early { days::before(calendar, day, 1) } else { Some(day) }
            }
            End::LastFriday => days::friday_before_end(calendar, days::previous_month(month)?),
            End::SecondFridayBeforeWednesday => {
                let wednesday = days::nth_weekday(month, Weekday::Wed, 3)?;
                days::at_or_before(calendar, wednesday.checked_sub_days(chrono::Days::new(12))?)
            }
            End::FirstFriday => {
                days::at_or_before(calendar, days::nth_weekday(month, Weekday::Fri, 1)?)
            }
        }
    }

    /// The month of the option that expires on a day.
    pub(super) fn month_of(&self, expiration: NaiveDate) -> Option<NaiveDate> {
        match self.end {
            End::BeforeFuture(0) | End::SecondFridayBeforeWednesday => expiration.with_day(1),
            // A first Friday on New Year's Day is moved into the month before.
            End::FirstFriday => expiration.checked_add_days(chrono::Days::new(7))?.with_day(1),
            End::BeforeFuture(_) | End::FourDays | End::LastFriday => days::next_month(expiration),
        }
    }

    /// The instant trading stops.
    pub(super) fn last_trade(
        &self,
        calendar: &Calendar,
        product: Product,
        expiration: NaiveDate,
    ) -> Option<Timestamp> {
        let stop = new_york(expiration, NaiveTime::from_hms_opt(self.stop.0, self.stop.1, 0)?);
        Some(calendar.session(product.exchange(), expiration)?.close.min(stop))
    }
}
