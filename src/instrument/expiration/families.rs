//! The families of option series of each product: on which days they expire, since when, how far
//! ahead they are listed.
//!
//! Dates and horizons are from the exchanges' own pages and notices where a source is named; where
//! none is, the date is one at which the family surely existed, never an earlier guess.

use crate::instrument::{
    Product, Settlement,
    Settlement::{Am, Pm},
};

/// The days a family expires on, before holidays move them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    /// Every Friday but the third.
    Friday,
    /// The first and the second Friday.
    EarlyFriday,
    /// The third Friday of every month.
    ThirdFriday,
    /// The third Friday of March, June, September and December.
    QuarterlyFriday,
    /// The third Friday of the other months.
    SerialFriday,
    /// The third Friday of June and December.
    HalfYearFriday,
    /// The third Friday of January.
    JanuaryFriday,
    /// The last weekday of every month.
    MonthEnd,
    /// The last weekday of every quarter.
    QuarterEnd,
}

/// Where an expiration goes that falls on a holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnHoliday {
    /// To the session before.
    Before,
    /// To the session after: Cboe's and the ETFs' Monday series.
    After,
    /// It is not listed: CME's Monday to Thursday series.
    Absent,
}

/// How the root is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// Always the same.
    Fixed(&'static str),
    /// With the number of the weekday in its month after it: `EW1`.
    Numbered(&'static str),
    /// With the number and the letter of the weekday: `E1A` is the first Monday.
    Daily(&'static str, char),
    /// With the number of the weekday between: `R1E` is the Russell's first Friday.
    Between(&'static str, &'static str),
    /// With the number of the weekday as a letter: `JXA` is the first Friday.
    Lettered(&'static str),
}

/// A family of series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    pub(super) pattern: Pattern,
    pub(super) root: Root,
    pub(super) settlement: Settlement,
    pub(super) on_holiday: OnHoliday,
    /// The first expiration, before holidays move it: year, month, day.
    pub(super) from: (i32, u32, u32),
    /// The first expiration that is no longer of this family, if it ended.
    pub(super) until: Option<(i32, u32, u32)>,
    /// How many days before its expiration a series is listed.
    pub(super) ahead_days: u32,
}

const fn family(
    pattern: Pattern,
    root: Root,
    settlement: Settlement,
    from: (i32, u32, u32),
    ahead_days: u32,
) -> Family {
    let on_holiday = match (pattern, root) {
        (_, Root::Daily(..)) => OnHoliday::Absent,
        (Pattern::Monday, _) => OnHoliday::After,
        _ => OnHoliday::Before,
    };
    Family { pattern, root, settlement, on_holiday, from, until: None, ahead_days }
}

const fn until(family: Family, end: (i32, u32, u32)) -> Family {
    Family { until: Some(end), ..family }
}

use Pattern::{
    EarlyFriday, Friday, HalfYearFriday, JanuaryFriday, Monday, MonthEnd, QuarterEnd,
    QuarterlyFriday, SerialFriday, ThirdFriday, Thursday, Tuesday, Wednesday,
};
use Root::{Between, Daily, Fixed, Lettered, Numbered};

/// From before the calendar's first year.
const ALWAYS: (i32, u32, u32) = (1990, 1, 1);

// In each table an earlier row wins over a later one that expires on the same day with the same
// settlement: a day has at most one AM and one PM series.

/// SPX: AM on third Fridays; PM weeklies as `SPXW`.
/// Monday 2016-08-15 (first expiration 08-22) and Wednesday 2016-02-23 (first 03-02): Cboe's own
/// announcements. Tuesday 2022-04-18, Thursday 2022-05-11: Cboe, domain/reference.md §3a.
/// `SPXPM` became `SPXW` on 2017-05-01: Cboe regulatory circular RG17-002. Weeklies began on
/// 2005-10-28, settled AM until PM took their place at the end of 2010; the PM quarterlies since 2006
/// are left out until 2014, when month ends begin here.
const SPX: &[Family] = &[
    family(ThirdFriday, Fixed("SPX"), Am, ALWAYS, 365),
    family(HalfYearFriday, Fixed("SPX"), Am, ALWAYS, 1100),
    until(family(Friday, Lettered("JX"), Am, (2005, 11, 4), 8), (2011, 1, 7)),
    until(family(ThirdFriday, Fixed("SPXPM"), Pm, (2013, 3, 1), 365), (2017, 5, 1)),
    family(ThirdFriday, Fixed("SPXW"), Pm, (2017, 5, 1), 365),
    family(MonthEnd, Fixed("SPXW"), Pm, (2014, 1, 1), 185),
    family(Friday, Fixed("SPXW"), Pm, (2011, 1, 7), 42),
    family(Monday, Fixed("SPXW"), Pm, (2016, 8, 22), 42),
    family(Tuesday, Fixed("SPXW"), Pm, (2022, 4, 18), 28),
    family(Wednesday, Fixed("SPXW"), Pm, (2016, 3, 2), 42),
    family(Thursday, Fixed("SPXW"), Pm, (2022, 5, 11), 28),
];

/// XSP: all PM. PM since 2013-11-05 (Cboe); Monday, Wednesday, Friday on Cboe's page of 2018;
/// Tuesday and Thursday announced by Cboe for the autumn of 2022. Half-year series stand for its
/// longer ones.
const XSP: &[Family] = &[
    family(ThirdFriday, Fixed("XSP"), Pm, (2013, 12, 1), 365),
    family(HalfYearFriday, Fixed("XSP"), Pm, (2013, 12, 1), 740),
    family(MonthEnd, Fixed("XSP"), Pm, (2019, 1, 1), 185),
    family(Friday, Fixed("XSP"), Pm, (2014, 1, 1), 42),
    family(Monday, Fixed("XSP"), Pm, (2019, 1, 2), 42),
    family(Tuesday, Fixed("XSP"), Pm, (2022, 10, 3), 28),
    family(Wednesday, Fixed("XSP"), Pm, (2019, 1, 2), 42),
    family(Thursday, Fixed("XSP"), Pm, (2022, 10, 3), 28),
];

/// SPY: Wednesday from 2016-09-07 (MIAX listing alert), Monday listed 2018-02-16 (Cboe), Tuesday
/// and Thursday listed from 2022-11-14.
const SPY: &[Family] = &[
    family(ThirdFriday, Fixed("SPY"), Pm, ALWAYS, 275),
    family(QuarterlyFriday, Fixed("SPY"), Pm, ALWAYS, 740),
    family(JanuaryFriday, Fixed("SPY"), Pm, ALWAYS, 960),
    family(QuarterEnd, Fixed("SPY"), Pm, (2010, 3, 31), 365),
    family(Friday, Fixed("SPY"), Pm, (2010, 7, 9), 42),
    family(Monday, Fixed("SPY"), Pm, (2018, 2, 26), 14),
    family(Tuesday, Fixed("SPY"), Pm, (2022, 11, 22), 14),
    family(Wednesday, Fixed("SPY"), Pm, (2016, 9, 7), 14),
    family(Thursday, Fixed("SPY"), Pm, (2022, 11, 22), 14),
];

/// QQQ: as SPY; its Monday and Wednesday series by 2019. The symbol was QQQQ until 2011-03-22.
const QQQ: &[Family] = &[
    family(ThirdFriday, Fixed("QQQ"), Pm, (2011, 4, 1), 275),
    family(QuarterlyFriday, Fixed("QQQ"), Pm, (2011, 4, 1), 740),
    family(JanuaryFriday, Fixed("QQQ"), Pm, (2011, 4, 1), 960),
    family(QuarterEnd, Fixed("QQQ"), Pm, (2011, 6, 30), 365),
    family(Friday, Fixed("QQQ"), Pm, (2011, 4, 1), 42),
    family(Monday, Fixed("QQQ"), Pm, (2019, 1, 2), 14),
    family(Tuesday, Fixed("QQQ"), Pm, (2022, 11, 22), 14),
    family(Wednesday, Fixed("QQQ"), Pm, (2019, 1, 2), 14),
    family(Thursday, Fixed("QQQ"), Pm, (2022, 11, 22), 14),
];

/// An ETF without series of other weekdays: third Fridays nine months ahead, Januaries two years,
/// weekly Fridays since January 2011, when each of them had them or came after. The Monday and
/// Wednesday series that some have of late are left out.
const fn etf(root: &'static str) -> [Family; 3] {
    [
        family(ThirdFriday, Fixed(root), Pm, ALWAYS, 275),
        family(JanuaryFriday, Fixed(root), Pm, ALWAYS, 740),
        family(Friday, Fixed(root), Pm, (2011, 1, 7), 42),
    ]
}

const GLD: &[Family] = &etf("GLD");
const TLT: &[Family] = &etf("TLT");
const IWM: &[Family] = &etf("IWM");
const DIA: &[Family] = &etf("DIA");
const USO: &[Family] = &etf("USO");
const XLE: &[Family] = &etf("XLE");
const XOP: &[Family] = &etf("XOP");
const SLV: &[Family] = &etf("SLV");

/// ES: AM quarterlies, four quarters ahead; PM third Fridays (`EW3`); month ends (`EW`), six
/// months ahead; Fridays `EW1`, `EW2`, `EW4`, four ahead; Monday to Thursday `E1A` to `E5D`.
/// CME: weeks 1 and 2 opened 2009-08-24, week 4 2010-07-06; Wednesday 2016-09-26 (first expiration
/// 10-05), Monday 2017-04-03 (first 04-17), `EW3` on CME's page by then. `EW3` in quarterly months
/// is taken from February 2023, when CME extended the micro's the same way. Tuesday and Thursday:
/// spring 2022. A day that is a month end or a third Friday has no other PM series (CME's listing
/// rule).
const ES: &[Family] = &[
    family(QuarterlyFriday, Fixed("ES"), Am, ALWAYS, 370),
    family(SerialFriday, Fixed("EW3"), Pm, (2017, 4, 21), 185),
    family(QuarterlyFriday, Fixed("EW3"), Pm, (2023, 3, 1), 185),
    family(MonthEnd, Fixed("EW"), Pm, (2010, 1, 1), 185),
    until(family(EarlyFriday, Numbered("EW"), Pm, (2009, 9, 4), 35), (2010, 7, 23)),
    family(Friday, Numbered("EW"), Pm, (2010, 7, 23), 35),
    family(Monday, Daily("E", 'A'), Pm, (2017, 4, 17), 28),
    family(Tuesday, Daily("E", 'B'), Pm, (2022, 5, 3), 28),
    family(Wednesday, Daily("E", 'C'), Pm, (2016, 10, 5), 28),
    family(Thursday, Daily("E", 'D'), Pm, (2022, 5, 3), 28),
];

/// MES: options opened 2020-08-31; AM quarterlies two ahead; since February 2023 (CME's FAQ of
/// 2023-02-13) third Fridays six months ahead, quarterly months too, month ends three ahead,
/// Fridays three ahead, and one each of Monday to Thursday (`X1A` to `X5D`). Third Fridays were two
/// ahead before, so its far expiries are third Fridays only (rulebook §4.2).
const MES: &[Family] = &[
    family(QuarterlyFriday, Fixed("MES"), Am, (2020, 9, 1), 185),
    until(family(SerialFriday, Fixed("EX3"), Pm, (2020, 10, 1), 90), (2023, 3, 1)),
    family(ThirdFriday, Fixed("EX3"), Pm, (2023, 3, 1), 185),
    family(MonthEnd, Fixed("EX"), Pm, (2020, 9, 30), 95),
    family(Friday, Numbered("EX"), Pm, (2020, 9, 4), 28),
    family(Monday, Daily("X", 'A'), Pm, (2023, 2, 21), 7),
    family(Tuesday, Daily("X", 'B'), Pm, (2023, 2, 21), 7),
    family(Wednesday, Daily("X", 'C'), Pm, (2023, 2, 21), 7),
    family(Thursday, Daily("X", 'D'), Pm, (2023, 2, 21), 7),
];

/// NQ: as ES, its weekdays by CME's page of them (`Q1A` to `Q5D`); Monday and Wednesday by 2021,
/// Tuesday and Thursday by 2023.
const NQ: &[Family] = &[
    family(QuarterlyFriday, Fixed("NQ"), Am, ALWAYS, 370),
    family(SerialFriday, Fixed("QN3"), Pm, (2017, 4, 21), 185),
    family(QuarterlyFriday, Fixed("QN3"), Pm, (2023, 3, 1), 185),
    family(MonthEnd, Fixed("QNE"), Pm, (2014, 1, 1), 125),
    family(Friday, Numbered("QN"), Pm, (2012, 1, 6), 35),
    family(Monday, Daily("Q", 'A'), Pm, (2021, 1, 4), 28),
    family(Tuesday, Daily("Q", 'B'), Pm, (2023, 1, 3), 28),
    family(Wednesday, Daily("Q", 'C'), Pm, (2021, 1, 6), 28),
    family(Thursday, Daily("Q", 'D'), Pm, (2023, 1, 5), 28),
];

/// MNQ: as MES (`MQ1`, `MQE`, `D1A` to `D5D`).
const MNQ: &[Family] = &[
    family(QuarterlyFriday, Fixed("MNQ"), Am, (2020, 9, 1), 185),
    until(family(SerialFriday, Fixed("MQ3"), Pm, (2020, 10, 1), 90), (2023, 3, 1)),
    family(ThirdFriday, Fixed("MQ3"), Pm, (2023, 3, 1), 185),
    family(MonthEnd, Fixed("MQE"), Pm, (2020, 9, 30), 95),
    family(Friday, Numbered("MQ"), Pm, (2020, 9, 4), 28),
    family(Monday, Daily("D", 'A'), Pm, (2023, 2, 21), 7),
    family(Tuesday, Daily("D", 'B'), Pm, (2023, 2, 21), 7),
    family(Wednesday, Daily("D", 'C'), Pm, (2023, 2, 21), 7),
    family(Thursday, Daily("D", 'D'), Pm, (2023, 2, 21), 7),
];

/// RTY: AM quarterlies, month ends, Fridays.
const RTY: &[Family] = &[
    family(QuarterlyFriday, Fixed("RTO"), Am, ALWAYS, 370),
    family(SerialFriday, Fixed("R3E"), Pm, (2018, 1, 1), 185),
    family(QuarterlyFriday, Fixed("R3E"), Pm, (2023, 3, 1), 185),
    family(MonthEnd, Fixed("RTM"), Pm, (2018, 1, 1), 125),
    family(Friday, Between("R", "E"), Pm, (2018, 1, 5), 35),
];

/// The families of a product, those that win first.
pub(super) fn of(product: Product) -> &'static [Family] {
    match product {
        Product::Es => ES,
        Product::Mes => MES,
        Product::Spx => SPX,
        Product::Xsp => XSP,
        Product::Spy => SPY,
        Product::Qqq => QQQ,
        Product::Gld => GLD,
        Product::Tlt => TLT,
        Product::Nq => NQ,
        Product::Mnq => MNQ,
        Product::Rty => RTY,
        Product::Iwm => IWM,
        Product::Dia => DIA,
        Product::Uso => USO,
        Product::Xle => XLE,
        Product::Xop => XOP,
        Product::Slv => SLV,
        // Those that go by month.
        _ => &[],
    }
}
