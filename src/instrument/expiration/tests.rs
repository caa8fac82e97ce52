use proptest::prelude::*;

use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// `root settlement expiration last-trade(New York) future` of all that expires on one day.
fn on(product: Product, day: &str) -> Vec<String> {
    let told = |series: Series| {
        let stop = series.last_trade.with_timezone(&crate::calendar::NEW_YORK);
        let settlement = if series.settlement == Settlement::Am { "AM" } else { "PM" };
        let future = series.future.unwrap_or_default();
        format!("{} {settlement} {} {future}", series.root, stop.format("%m-%d %H:%M"))
            .trim_end()
            .to_owned()
    };
    listed(&Calendar::default(), product, date(day), 0).into_iter().map(told).collect()
}

#[test]
fn each_day_lists_the_series_its_era_and_calendar_give() {
    let cases: &[(Product, &str, &[&str])] = &[
        // A plain Friday, a third Friday, a quarterly Friday.
        (Product::Spx, "2024-08-02", &["SPXW PM 08-02 16:00"]),
        (Product::Spx, "2024-08-16", &["SPX AM 08-15 16:15", "SPXW PM 08-16 16:00"]),
        (Product::Es, "2024-08-02", &["EW1 PM 08-02 16:00 ESU4"]),
        (Product::Es, "2024-08-16", &["EW3 PM 08-16 16:00 ESU4"]),
        (Product::Es, "2024-09-20", &["ES AM 09-20 09:30 ESU4", "EW3 PM 09-20 16:00 ESZ4"]),
        (Product::Mes, "2024-09-20", &["MES AM 09-20 09:30 MESU4", "EX3 PM 09-20 16:00 MESZ4"]),
        (Product::Xsp, "2024-09-20", &["XSP PM 09-20 16:00"]),
        // Fifth Fridays and other month ends are EW; no weekly beside it.
        (Product::Es, "2024-08-30", &["EW PM 08-30 16:00 ESU4"]),
        (Product::Es, "2024-07-31", &["EW PM 07-31 16:00 ESU4"]),
        (Product::Mes, "2024-08-30", &["EX PM 08-30 16:00 MESU4"]),
        // Mondays to Thursdays.
        (Product::Es, "2024-08-05", &["E1A PM 08-05 16:00 ESU4"]),
        (Product::Es, "2024-08-13", &["E2B PM 08-13 16:00 ESU4"]),
        (Product::Es, "2024-08-21", &["E3C PM 08-21 16:00 ESU4"]),
        (Product::Es, "2024-08-29", &["E5D PM 08-29 16:00 ESU4"]),
        (Product::Mes, "2024-08-05", &["X1A PM 08-05 16:00 MESU4"]),
        // Half days: the Fridays after Thanksgiving.
        (Product::Spx, "2025-11-28", &["SPXW PM 11-28 13:00"]),
        (Product::Es, "2025-11-28", &["EW PM 11-28 13:00 ESZ5"]),
        (Product::Spx, "2026-11-27", &["SPXW PM 11-27 13:00"]),
        (Product::Es, "2026-11-27", &["EW4 PM 11-27 13:00 ESZ6"]),
        (Product::Spy, "2026-11-27", &["SPY PM 11-27 13:00"]),
        // Good Friday 2026-04-03, a short session at CME: nothing expires, Thursday has it.
        (Product::Es, "2026-04-03", &[]),
        (Product::Es, "2026-04-02", &["EW1 PM 04-02 16:00 ESM6"]),
        (Product::Spx, "2026-04-03", &[]),
        (Product::Spx, "2026-04-02", &["SPXW PM 04-02 16:00"]),
        // Good Friday on a third Friday, 2025-04-18: AM settles on Thursday, last trade Wednesday.
        (Product::Spx, "2025-04-17", &["SPX AM 04-16 16:15", "SPXW PM 04-17 16:00"]),
        (Product::Es, "2025-04-17", &["EW3 PM 04-17 16:00 ESM5"]),
        (Product::Gld, "2025-04-17", &["GLD PM 04-17 16:00"]),
        // Juneteenth 2026 is a quarterly third Friday.
        (Product::Es, "2026-06-18", &["ES AM 06-18 09:30 ESM6", "EW3 PM 06-18 16:00 ESU6"]),
        (Product::Spx, "2026-06-18", &["SPX AM 06-17 16:15", "SPXW PM 06-18 16:00"]),
        (Product::Es, "2026-06-19", &[]),
        // A Monday holiday: Cboe's series goes to Tuesday, CME's is not listed.
        (Product::Spx, "2018-01-16", &["SPXW PM 01-16 16:00"]),
        (Product::Spx, "2018-01-09", &[]),
        (Product::Es, "2025-01-20", &[]),
        (Product::Es, "2025-01-21", &["E3B PM 01-21 16:00 ESH5"]),
        // Eras.
        (Product::Spx, "2022-04-12", &[]),
        (Product::Spx, "2022-04-19", &["SPXW PM 04-19 16:00"]),
        (Product::Spx, "2022-05-05", &[]),
        (Product::Spx, "2022-05-12", &["SPXW PM 05-12 16:00"]),
        (Product::Spx, "2016-03-02", &["SPXW PM 03-02 16:00"]),
        (Product::Spx, "2016-02-24", &[]),
        (Product::Spx, "2016-06-17", &["SPX AM 06-16 16:15", "SPXPM PM 06-17 16:00"]),
        (Product::Es, "2019-06-21", &["ES AM 06-21 09:30 ESM9"]),
        (Product::Mes, "2020-08-28", &[]),
        (Product::Mes, "2020-09-04", &["EX1 PM 09-04 16:00 MESU0"]),
        // From 2005: AM weeklies only, so no Friday's option ends that day; the first of ES in 2009.
        (Product::Spx, "2005-01-21", &["SPX AM 01-20 16:15"]),
        (Product::Spx, "2005-01-14", &[]),
        (Product::Spx, "2005-11-04", &["JXA AM 11-03 16:15"]),
        (Product::Spx, "2010-12-31", &["JXE AM 12-30 16:15"]),
        (Product::Spx, "2011-01-07", &["SPXW PM 01-07 16:00"]),
        (Product::Es, "2005-03-18", &["ES AM 03-18 09:30 ESH5"]),
        (Product::Es, "2009-08-28", &[]),
        (Product::Es, "2009-09-11", &["EW2 PM 09-11 16:00 ESU9"]),
        (Product::Es, "2010-06-25", &[]),
        (Product::Spy, "2005-01-21", &["SPY PM 01-21 16:00"]),
        // ETFs.
        (Product::Spy, "2024-08-01", &["SPY PM 08-01 16:00"]),
        (Product::Qqq, "2024-08-01", &["QQQ PM 08-01 16:00"]),
        (Product::Gld, "2024-08-01", &[]),
        (Product::Tlt, "2024-08-02", &["TLT PM 08-02 16:00"]),
        // Christmas Eve, an SPXW Tuesday; year end.
        (Product::Spx, "2024-12-24", &["SPXW PM 12-24 13:00"]),
        (Product::Spx, "2024-12-31", &["SPXW PM 12-31 16:00"]),
    ];
    for (product, day, expected) in cases {
        assert_eq!(on(*product, day), *expected, "{product} {day}");
    }
}

#[test]
fn monthly_options_end_on_the_exchanges_published_days() {
    // CME Group's expiration calendars of 2024 and 2025; the option is named by its future or month.
    let cases: &[(Product, &str, &[&str])] = &[
        // Crude oil: the future stops on 2024-11-20, its option three business days before.
        (Product::Cl, "2024-11-15", &["LO PM 11-15 14:30 CLZ4"]),
        (Product::Cl, "2024-10-17", &["LO PM 10-17 14:30 CLX4"]),
        (Product::Cl, "2024-12-16", &["LO PM 12-16 14:30 CLF5"]),
        (Product::Cl, "2025-01-15", &["LO PM 01-15 14:30 CLG5"]),
        (Product::Mcl, "2024-11-15", &["MCO PM 11-15 14:30 MCLZ4"]),
        (Product::Mcl, "2024-11-14", &[]),
        // Gold: four business days before the month's end, never a Friday.
        (Product::Gc, "2024-11-25", &["OG PM 11-25 13:30 GCZ4"]),
        (Product::Gc, "2024-12-26", &["OG PM 12-26 13:30 GCG5"]),
        (Product::Gc, "2024-01-25", &["OG PM 01-25 13:30 GCG4"]),
        (Product::Mgc, "2024-12-26", &["OMG PM 12-26 13:30 MGCG5"]),
        (Product::Si, "2024-12-26", &["SO PM 12-26 13:30 SIH5"]),
        (Product::Hg, "2024-11-25", &["HXE PM 11-25 13:30 HGZ4"]),
        // Refined products: three business days before the last of the month before.
        (Product::Rb, "2024-11-25", &["OB PM 11-25 14:30 RBZ4"]),
        (Product::Ho, "2024-12-26", &["OH PM 12-26 14:30 HOF5"]),
        // Grains and bonds: the Friday two business days before the month's last.
        (Product::Zc, "2024-11-22", &["OZC PM 11-22 14:20 ZCZ4"]),
        (Product::Zc, "2024-12-27", &["OZC PM 12-27 14:20 ZCH5"]),
        (Product::Zs, "2024-12-27", &["OZS PM 12-27 14:20 ZSF5"]),
        (Product::Zw, "2025-02-21", &["OZW PM 02-21 14:20 ZWH5"]),
        (Product::Zn, "2024-11-22", &["OZN PM 11-22 17:00 ZNZ4"]),
        (Product::Zf, "2024-12-27", &["OZF PM 12-27 17:00 ZFH5"]),
        // Good Friday ends March 2024: the Friday before it.
        (Product::Zb, "2024-03-22", &["OZB PM 03-22 17:00 ZBM4"]),
        // Currencies: the second Friday before the third Wednesday.
        (Product::Eur, "2024-12-06", &["EUU PM 12-06 10:00 6EZ4"]),
        (Product::Aud, "2025-01-03", &["ADU PM 01-03 10:00 6AH5"]),
        (Product::Jpy, "2025-03-07", &["JPU PM 03-07 10:00 6JH5"]),
        // Live cattle: the first Friday; lean hogs: the tenth business day, with the future.
        (Product::Le, "2024-12-06", &["LE PM 12-06 14:05 LEZ4"]),
        (Product::He, "2024-12-13", &["HE PM 12-13 13:00 HEZ4"]),
        // Nothing on other days.
        (Product::Cl, "2024-11-18", &[]),
        (Product::Gc, "2024-11-26", &[]),
        // Index futures and funds go by weekday.
        (Product::Nq, "2024-09-20", &["NQ AM 09-20 09:30 NQU4", "QN3 PM 09-20 16:00 NQZ4"]),
        (Product::Nq, "2024-08-13", &["Q2B PM 08-13 16:00 NQU4"]),
        (Product::Mnq, "2024-08-05", &["D1A PM 08-05 16:00 MNQU4"]),
        (Product::Rty, "2024-12-20", &["RTO AM 12-20 09:30 RTYZ4", "R3E PM 12-20 16:00 RTYH5"]),
        (Product::Rty, "2024-08-02", &["R1E PM 08-02 16:00 RTYU4"]),
        (Product::Slv, "2024-08-16", &["SLV PM 08-16 16:00"]),
        (Product::Xop, "2024-08-02", &["XOP PM 08-02 16:00"]),
    ];
    for (product, day, expected) in cases {
        assert_eq!(on(*product, day), *expected, "{product} {day}");
    }
}

#[test]
fn futures_stop_on_the_exchanges_published_days() {
    // CME Group's expiration calendars of 2024 and 2025.
    let cases = [
        (Product::Cl, "CLZ4", "2024-11-20"),
        (Product::Cl, "CLX4", "2024-10-22"),
        (Product::Cl, "CLF5", "2024-12-19"),
        (Product::Mcl, "MCLZ4", "2024-11-19"),
        (Product::Rb, "RBZ4", "2024-11-29"),
        (Product::Gc, "GCZ4", "2024-12-27"),
        (Product::Si, "SIH5", "2025-03-27"),
        (Product::Zc, "ZCZ4", "2024-12-13"),
        (Product::Zs, "ZSF5", "2025-01-14"),
        (Product::Zb, "ZBZ4", "2024-12-19"),
        (Product::Zf, "ZFZ4", "2024-12-31"),
        (Product::Le, "LEZ4", "2024-12-31"),
        (Product::He, "HEZ4", "2024-12-13"),
        (Product::Eur, "6EZ4", "2024-12-16"),
        (Product::Cad, "6CZ4", "2024-12-17"),
        (Product::Nq, "NQZ4", "2024-12-20"),
    ];
    let calendar = Calendar::default();
    for (product, code, day) in cases {
        let found = super::super::find_future(&calendar, product, code, date("2024-06-03"));
        assert_eq!(found.unwrap().expiration, date(day), "{code}");
    }
}

#[test]
fn second_tuesdays_find_the_series_strangles_ask_for_where_a_month_ends_then() {
    // Rulebook §4.3: 80 to 100 days. Monthly expirations may leave a gap of three weeks; where none
    // is, the series is listed by then, serial ones too.
    let calendar = Calendar::default();
    let months = (2024..=2027).flat_map(|year| (1..=12).map(move |month| (year, month)));
    let days: Vec<NaiveDate> = months
        .filter_map(|(y, m)| NaiveDate::from_weekday_of_month_opt(y, m, Weekday::Tue, 2))
        .collect();
    for product in Product::ALL {
        let reached = |on: &&NaiveDate| {
            let all = listed(&calendar, *product, **on, 100);
            all.iter().any(|s| (s.expiration - **on).num_days() >= 80)
        };
        let due = |on: &&NaiveDate| {
            let Some(rule) = monthly::of(*product) else { return false };
            let months = std::iter::successors(on.with_day(1), |m| days::next_month(*m)).take(6);
            let listed = months.filter(|m| rule.ahead_days(*m).is_some_and(|ahead| ahead >= 95));
            let ends = listed.filter_map(|m| rule.last_day(&calendar, *product, m));
            ends.map(|end| (end - **on).num_days()).any(|away| (80..=95).contains(&away))
        };
        assert!(days.iter().filter(due).all(|on| reached(&on)), "{product}");
        // Series of the month's end, of metals, grains and bonds, hardly ever fall into the three
        // weeks; those of its first three weeks do in two months of five at least.
        let found = days.iter().filter(reached).count();
        let early = [Product::Mcl, Product::Aud, Product::Gld, Product::Mnq, Product::Xop];
        assert!(found >= 15 || !early.contains(product), "{product}: {found}");
    }
}

#[test]
fn every_session_of_the_daily_era_has_one_pm_series() {
    let calendar = Calendar::default();
    for (product, from) in [
        (Product::Spx, "2022-05-11"),
        (Product::Xsp, "2022-10-03"),
        (Product::Spy, "2022-11-22"),
        (Product::Qqq, "2022-11-22"),
        (Product::Es, "2023-03-01"),
        (Product::Mes, "2023-03-01"),
    ] {
        let sessions = calendar.sessions(Exchange::Xnys, date(from), date("2027-12-31"));
        for session in sessions {
            let today = listed(&calendar, product, session.date, 0);
            let pm: Vec<&Series> =
                today.iter().filter(|s| s.settlement == Settlement::Pm).collect();
            assert_eq!(pm.len(), 1, "{product} {}: {pm:?}", session.date);
            assert_eq!(pm[0].last_trade, session.close, "{product}");
        }
    }
}

#[test]
fn the_first_wednesdays_find_the_expirations_lt112_asks_for() {
    // Rulebook §4.2: ES 110 to 130 days, MES 100 to 140 and there third Fridays only.
    let calendar = Calendar::default();
    let months = (2023..=2027).flat_map(|year| (1..=12).map(move |month| (year, month)));
    for (year, month) in months.skip(3) {
        let on = NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Wed, 1).unwrap();
        let between = |product, least: i64, most: u32| {
            let all = listed(&calendar, product, on, most);
            all.into_iter().filter(|s| (s.expiration - on).num_days() >= least).collect::<Vec<_>>()
        };
        assert!(!between(Product::Es, 110, 130).is_empty(), "ES {on}");
        let far = between(Product::Mes, 100, 140);
        assert!(!far.is_empty(), "MES {on}");
        assert!(far.iter().all(|s| ["MES", "EX3"].contains(&s.root.as_str())), "{far:?}");
    }
}

#[test]
fn a_series_is_listed_only_from_its_day_and_products_only_from_theirs() {
    let calendar = Calendar::default();
    let roots = |product, on: &str, days| {
        let all = listed(&calendar, product, date(on), days);
        all.into_iter().map(|s| format!("{} {}", s.root, s.expiration)).collect::<Vec<_>>()
    };
    // The box of rulebook §4.6: December and June are listed far ahead.
    let far = roots(Product::Spx, "2026-01-05", 730);
    let year_ahead: Vec<&String> = far.iter().filter(|s| s.as_str() > "SPX 2027-01-15").collect();
    assert!(year_ahead.iter().any(|s| *s == "SPX 2027-06-17"), "{year_ahead:?}");
    assert!(year_ahead.iter().any(|s| *s == "SPX 2027-12-17"), "{year_ahead:?}");
    assert!(!year_ahead.iter().any(|s| *s == "SPX 2027-09-17"), "{year_ahead:?}");
    // One week of the micro's daily series.
    assert!(roots(Product::Mes, "2026-08-03", 7).contains(&"X2A 2026-08-10".to_owned()));
    assert!(!roots(Product::Mes, "2026-08-03", 8).contains(&"X2B 2026-08-11".to_owned()));
    for product in Product::ALL {
        let before = listed_from(*product).pred_opt().unwrap();
        assert!(listed(&calendar, *product, before, 400).is_empty(), "{product}");
    }
}

#[test]
fn the_ends_of_time_are_empty_not_a_panic() {
    let calendar = Calendar::default();
    for product in Product::ALL {
        for on in [NaiveDate::MIN, NaiveDate::MAX, date("2036-01-01")] {
            assert!(listed(&calendar, *product, on, 1000).is_empty(), "{product}");
            assert_eq!(series(&calendar, *product, "SPX", on), None);
        }
        let last = listed(&calendar, *product, date("2035-12-20"), 400);
        assert!(last.iter().all(|s| s.expiration.year() == 2035), "{last:?}");
    }
}

proptest! {
    #[test]
    fn what_is_listed_is_ordered_distinct_and_hangs_together(
        index in 0..Product::ALL.len(),
        day in 0_u64..8000,
        days in 0_u32..800,
    ) {
        let (calendar, product) = (Calendar::default(), Product::ALL[index]);
        let on = date("2005-01-10") + Days::new(day);
        let all = listed(&calendar, product, on, days);
        let keys: Vec<_> = all.iter().map(|s| (s.expiration, s.settlement)).collect();
        prop_assert!(keys.is_sorted() && keys.windows(2).all(|pair| pair[0] != pair[1]));
        for one in &all {
            prop_assert!(on <= one.expiration && one.expiration <= on + Days::new(days.into()));
            prop_assert!(calendar.is_session(Exchange::Xnys, one.expiration));
            let traded = crate::calendar::new_york_date(one.last_trade);
            match one.settlement {
                Settlement::Pm => prop_assert_eq!(traded, one.expiration),
                Settlement::Am => prop_assert!(traded <= one.expiration),
            }
            let found = series(&calendar, product, &one.root, one.expiration);
            prop_assert_eq!(found.as_ref(), Some(one));
            if let Some(code) = &one.future {
                let future = super::super::find_future(&calendar, product, code, on).unwrap();
                prop_assert!(future.last_trade >= one.last_trade);
            }
        }
    }
}
