//! Assignment and exercise before expiry.

use super::*;
use crate::{
    broker::{BrokerError, Transaction, TransactionKind},
    market::Market as _,
    money::Usd,
};

/// A put on SPY of the Friday after, as of Friday 2024-08-02.
fn spy_put(strike: Decimal) -> OptionContract {
    OptionContract { series: series(Product::Spy, "2024-08-16"), strike, right: Right::Put }
}

/// Sells two puts that are `depth` in the money with so much extrinsic value, waits until the
/// instant, and returns what the night booked.
fn overnight(depth: Decimal, extrinsic: Decimal, percent: Decimal) -> Vec<Transaction> {
    let mut stage = Stage::new(friday());
    stage.settings.starting_balance_gbp = dec!(2000000);
    stage.settings.assignment.early_percent = percent;
    stage.play(move |a| async move {
        let put = spy_put(dec!(535) + depth);
        let value = depth.max(Decimal::ZERO) + extrinsic;
        a.market.quote(&put, value - dec!(0.02), value + dec!(0.02));
        a.fill(request(vec![leg(Side::Sell, &put, Effect::Open)], 2, value - dec!(0.02))).await;
        a.until("2024-08-05T08:59:59Z").await;
        assert_eq!(a.venue.transactions(2).await.unwrap(), [], "the night is not over");
        a.until("2024-08-05T09:00:01Z").await;
        a.venue.transactions(2).await.unwrap()
    })
}

#[test]
fn a_deep_short_with_next_to_no_time_value_is_assigned_before_the_next_open() {
    let rows = overnight(dec!(20), dec!(0.05), dec!(100));
    assert_eq!(rows.len(), 2, "{rows:?}");
    let contracts = rows[0].quantity;
    assert!((1..=2).contains(&contracts));
    assert!(rows.iter().all(|row| row.kind == TransactionKind::Delivery));
    assert!(rows.iter().all(|row| row.at == at("2024-08-05T09:00:00Z")));
    // 100 shares a contract at the strike; 5 dollars of fees each.
    assert_eq!(rows[0].fees_usd, Usd(dec!(5) * Decimal::from(contracts)));
    assert_eq!(rows[1].quantity, contracts * 100);
    assert_eq!(rows[1].cash_usd, Usd(dec!(-55500) * Decimal::from(contracts)));
    assert_eq!(rows[1].instrument, Some(Instrument::Shares { product: Product::Spy }));
}

#[test]
fn shorts_not_worth_exercising_and_a_chance_of_nothing_leave_the_night_quiet() {
    let cases = [
        ("time value", dec!(20), dec!(1.00), dec!(100)),
        ("hardly in the money", dec!(2), dec!(0.05), dec!(100)),
        ("out of the money", dec!(-20), dec!(0.50), dec!(100)),
        ("no chance", dec!(20), dec!(0.05), dec!(0)),
    ];
    for (name, depth, extrinsic, percent) in cases {
        assert_eq!(overnight(depth, extrinsic, percent), [], "{name}");
    }
}

#[test]
fn a_night_the_venue_slept_through_is_booked_at_its_own_instant_and_once() {
    let mut stage = Stage::new(friday());
    stage.settings.starting_balance_gbp = dec!(2000000);
    stage.settings.assignment.early_percent = dec!(100);
    stage.play(|a| async move {
        let put = spy_put(dec!(555));
        a.market.quote(&put, dec!(20.00), dec!(20.04));
        a.fill(request(vec![leg(Side::Sell, &put, Effect::Open)], 1, dec!(20))).await;
    });
    let rt = stage.rt.clone();
    stage.world.run(async move { rt.sleep_until(at("2024-08-05T16:00:00Z")).await }).unwrap();
    for _ in 0..2 {
        stage.play(|a| async move {
            a.wait(0).await;
            let rows = a.venue.transactions(2).await.unwrap();
            let told: Vec<_> = rows.iter().map(|row| (row.at, row.quantity)).collect();
            let night = at("2024-08-05T09:00:00Z");
            assert_eq!(told, [(night, 1), (night, 100)]);
        });
    }
}

#[test]
fn european_options_are_never_exercised_before_expiry() {
    // Cboe: index options; CME: weekly and month-end options. Only CME's quarterlies are American.
    let cases = [
        (Product::Spx, "2024-08-16", dec!(5600), false),
        (Product::Xsp, "2024-08-16", dec!(560), false),
        (Product::Es, "2024-08-16", dec!(5600), false),
        (Product::Es, "2024-09-20", dec!(5600), true),
        (Product::Mes, "2024-09-20", dec!(5600), true),
        (Product::Spy, "2024-08-16", dec!(560), true),
    ];
    for (product, date, strike, american) in cases {
        let mut stage = Stage::new(friday());
        stage.settings.starting_balance_gbp = dec!(2000000);
        stage.settings.assignment.early_percent = dec!(100);
        stage.play(move |a| async move {
            let day: NaiveDate = date.parse().unwrap();
            let listed = expiration::listed(&Calendar::default(), product, day, 0);
            // The AM series of a quarterly is the American one.
            let series = listed.into_iter().next().unwrap();
            let put = OptionContract { series, strike, right: Right::Put };
            let mark = a.market.mark(&Instrument::Option(put.clone())).await.unwrap();
            let value = strike - mark;
            a.market.quote(&put, value, value + dec!(0.05));
            a.fill(request(vec![leg(Side::Sell, &put, Effect::Open)], 2, value)).await;
            let by_hand = a.venue.exercise(&put, 1).await;
            assert_eq!(by_hand.is_ok(), american, "{product} {date}: {by_hand:?}");
            if !american {
                let Err(BrokerError::Refused { code, .. }) = by_hand else { panic!() };
                assert_eq!(code, "exercise_not_allowed");
            }
            a.until("2024-08-06T12:00:00Z").await;
            let rows = a.venue.transactions(2).await.unwrap();
            assert_eq!(rows.is_empty(), !american, "{product} {date}: {rows:?}");
        });
    }
}

#[test]
fn no_more_is_exercised_than_is_held() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let put = spy_put(dec!(555));
        a.market.quote(&put, dec!(20.00), dec!(20.04));
        a.fill(request(vec![leg(Side::Buy, &put, Effect::Open)], 2, dec!(-20.04))).await;
        for contracts in [0, 3] {
            let refused = a.venue.exercise(&put, contracts).await;
            assert!(matches!(refused, Err(BrokerError::Refused { .. })), "{refused:?}");
        }
        a.venue.exercise(&put, 2).await.unwrap();
        let held = a.venue.holdings().await.unwrap();
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].quantity, held[0].average_price), (-200, dec!(555)));
    });
}
