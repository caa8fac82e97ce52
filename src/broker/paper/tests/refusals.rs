use super::*;
use crate::{
    broker::{BrokerError, OrderStatus, SubmitError},
    money::Usd,
    risk::{BuyingPower, BuyingPowerSource},
};

async fn code_of(a: &Actors, order: &OrderRequest) -> String {
    match a.venue.submit(order).await {
        Err(SubmitError::Rejected { code, .. }) => code,
        other => format!("{other:?}"),
    }
}

/// A put spread of XSP to sell: natural 0.49, mid 0.505.
fn xsp(market: &ScriptedMarket) -> Vec<Leg> {
    let (short, long) = (put(Product::Xsp, dec!(530)), put(Product::Xsp, dec!(527)));
    market.quote(&short, dec!(0.80), dec!(0.82));
    market.quote(&long, dec!(0.30), dec!(0.31));
    vec![leg(Side::Sell, &short, Effect::Open), leg(Side::Buy, &long, Effect::Open)]
}

fn put(product: Product, strike: Decimal) -> OptionContract {
    option(product, strike, Right::Put)
}

#[test]
fn an_order_out_of_form_is_refused_by_its_code() {
    type Spoil = fn(&mut OrderRequest);
    let cases: [(&str, Spoil, &str); 15] = [
        ("no legs", |o| o.legs.clear(), "invalid_legs"),
        (
            "five legs",
            |o| {
                let more = [5200, 5210, 5220].map(|k| put(Product::Es, Decimal::from(k)));
                o.legs.extend(more.iter().map(|c| leg(Side::Buy, c, Effect::Open)));
            },
            "invalid_legs",
        ),
        ("one instrument twice", |o| o.legs[1] = o.legs[0].clone(), "invalid_legs"),
        (
            "two underlyings",
            |o| o.legs[1] = leg(Side::Buy, &put(Product::Mes, dec!(5270)), Effect::Open),
            "invalid_legs",
        ),
        (
            "a future beside an option",
            |o| {
                let code = "ESU4".to_owned();
                o.legs[1].instrument = Instrument::Future { product: Product::Es, code };
            },
            "invalid_legs",
        ),
        (
            "a strike of zero",
            |o| o.legs[1] = leg(Side::Buy, &put(Product::Es, dec!(0)), Effect::Open),
            "invalid_legs",
        ),
        ("no units", |o| o.units = 0, "invalid_quantity"),
        ("no ratio", |o| o.legs[0].ratio = 0, "invalid_quantity"),
        ("too many", |o| o.units = 10_001, "invalid_quantity"),
        ("overflow", |o| (o.units, o.legs[0].ratio) = (u32::MAX, u32::MAX), "invalid_quantity"),
        ("off the tick", |o| o.limit = NetPrice(dec!(2.83)), "invalid_price_increment"),
        (
            "bought for a credit",
            |o| o.legs.iter_mut().for_each(|leg| leg.side = Side::Buy),
            "cant_buy_for_credit",
        ),
        (
            "sold for a debit",
            |o| {
                o.legs.truncate(1);
                o.limit = NetPrice(dec!(-2.80));
            },
            "cant_sell_for_debit",
        ),
        (
            "a root that does not exist",
            |o| {
                let mut strange = put(Product::Es, dec!(5200));
                strange.series.root = "ESX".to_owned();
                o.legs[0] = leg(Side::Sell, &strange, Effect::Open);
            },
            "unknown_instrument",
        ),
        (
            "shares of an index",
            |o| {
                o.legs.truncate(1);
                o.legs[0].instrument = Instrument::Shares { product: Product::Spx };
            },
            "unknown_instrument",
        ),
    ];
    for (name, spoil, code) in cases {
        let mut stage = Stage::new(friday());
        stage.play(move |a| async move {
            let mut order = request(put_spread(&a.market), 1, dec!(2.80));
            spoil(&mut order);
            assert_eq!(code_of(&a, &order).await, code, "{name}");
            let dry = a.venue.dry_run(&order).await;
            assert!(
                matches!(&dry, Err(BrokerError::Refused { code: found, .. }) if found == code),
                "{name}: {dry:?}"
            );
            assert_eq!(a.venue.orders_today().await.unwrap(), [], "{name}: leaves nothing");
        });
    }
}

#[test]
fn ticks_of_the_net_price_are_those_of_a_spread_or_of_the_single_leg() {
    // product, single leg, price, taken
    let cases = [
        (Product::Spx, false, dec!(3.05), true),
        (Product::Spx, true, dec!(3.05), false),
        (Product::Spx, true, dec!(2.95), true),
        (Product::Es, false, dec!(7.05), true),
        (Product::Es, true, dec!(7.05), false),
        (Product::Es, true, dec!(7.25), true),
        (Product::Xsp, false, dec!(0.63), true),
    ];
    for (product, single, price, taken) in cases {
        let mut stage = Stage::new(friday());
        stage.settings.starting_balance_gbp = dec!(5000000);
        stage.play(move |a| async move {
            let (short, long) = (put(product, dec!(520)), put(product, dec!(510)));
            a.market.quote(&short, dec!(1.00), dec!(1.10));
            a.market.quote(&long, dec!(1.00), dec!(1.10));
            let mut legs =
                vec![leg(Side::Sell, &short, Effect::Open), leg(Side::Buy, &long, Effect::Open)];
            legs.truncate(if single { 1 } else { 2 });
            let sent = a.venue.submit(&request(legs, 1, price)).await;
            assert_eq!(sent.is_ok(), taken, "{product} {price}: {sent:?}");
        });
    }
}

#[test]
fn what_has_expired_is_refused_while_its_session_goes_on() {
    // Cboe trades to 16:15; a series that expires today stops at 16:00.
    let mut stage = Stage::new(at("2024-08-02T20:00:00Z"));
    stage.play(|a| async move {
        let order = |date| {
            let contract = OptionContract {
                series: series(Product::Spx, date),
                strike: dec!(5300),
                right: Right::Put,
            };
            request(vec![leg(Side::Buy, &contract, Effect::Open)], 1, dec!(-1))
        };
        assert_eq!(code_of(&a, &order("2024-08-02")).await, "instrument_expired");
        assert_eq!(a.venue.submit(&order("2024-08-05")).await.unwrap().status, OrderStatus::Live);
    });
}

#[test]
fn a_strict_close_needs_a_position_and_counts_the_closes_already_working() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let close = request(reversed(&legs), 1, dec!(-9));
        assert_eq!(code_of(&a, &close).await, "closing_with_no_position");
        a.fill(request(legs.clone(), 2, dec!(2.80))).await;
        let resting = request(reversed(&legs), 2, dec!(-0.05));
        let resting = a.venue.submit(&resting).await.unwrap();
        assert_eq!(code_of(&a, &close).await, "closing_with_no_position", "both are taken");
        // Its own replacement may still be sent, and takes its place.
        let new = a.venue.replace(&resting.id, NetPrice(dec!(-0.10)), "x/2").await.unwrap();
        a.wait(1).await;
        assert_eq!(code_of(&a, &close).await, "closing_with_no_position");
        a.venue.cancel(&new.id).await.unwrap();
        a.wait(1).await;
        assert_eq!(a.fill(close.clone()).await.status, OrderStatus::Filled);
        assert_eq!(a.fill(close.clone()).await.status, OrderStatus::Filled);
        assert_eq!(code_of(&a, &close).await, "closing_with_no_position");
        // Closing the wrong way round is no close.
        let wrong = OrderRequest { legs: legs.clone(), ..close };
        let wrong = OrderRequest {
            legs: wrong.legs.into_iter().map(|l| Leg { effect: Effect::Close, ..l }).collect(),
            ..wrong
        };
        assert_eq!(code_of(&a, &wrong).await, "closing_with_no_position");
    });
}

#[test]
fn a_close_that_is_not_strict_is_relabelled_as_an_open() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = reversed(&reversed(&put_spread(&a.market)));
        let order = OrderRequest { strict_effect: false, ..request(legs, 1, dec!(2.80)) };
        let told = a.fill(order).await;
        assert!(told.legs.iter().all(|leg| leg.effect == Effect::Open));
        assert_eq!(told.fills[0].fees, Usd(dec!(3.37)), "with the commission of an opening");
    });
}

#[test]
fn an_opening_order_needs_the_buying_power_it_takes() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = xsp(&a.market);
        let order = |units| request(legs.clone(), units, dec!(2.00));
        // The wing of 3 points less the credit of 0.505 at mid, of 100 dollars, a unit.
        let one = a.venue.dry_run(&order(1)).await.unwrap().unwrap();
        let expected = BuyingPower {
            requirement_usd: Usd(dec!(249.50)),
            round_trip_fees_usd: Usd(dec!(2.80)),
            source: BuyingPowerSource::DryRun,
        };
        assert_eq!(one, expected);
        // $44,800 are 179 units and a bit.
        assert_eq!(code_of(&a, &order(180)).await, "margin_check_failed");
        a.venue.submit(&order(100)).await.unwrap();
        let money = a.venue.balances().await.unwrap();
        assert_eq!(money.requirement_usd, Usd(dec!(24950)), "a working opening order counts");
        assert_eq!(money.net_liquidation_usd, Usd(dec!(44800)));
        assert_eq!(code_of(&a, &order(80)).await, "margin_check_failed");
        a.venue.submit(&order(79)).await.unwrap();
    });
}

#[test]
fn the_requirement_of_a_spread_goes_with_it() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = xsp(&a.market);
        a.fill(request(legs.clone(), 1, dec!(0.49))).await;
        assert_eq!(a.venue.balances().await.unwrap().requirement_usd, Usd(dec!(249.50)));
        let close = request(reversed(&legs), 1, dec!(-0.52));
        let freed = a.venue.dry_run(&close).await.unwrap().unwrap();
        assert_eq!(freed.requirement_usd, Usd(dec!(-249.50)));
        assert_eq!(freed.round_trip_fees_usd, Usd(dec!(0.40)), "closing only");
        a.fill(close).await;
        assert_eq!(a.venue.balances().await.unwrap().requirement_usd, Usd::ZERO);
    });
}

#[test]
fn without_a_price_of_the_underlying_there_is_no_figure() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = xsp(&a.market);
        a.fill(request(legs.clone(), 1, dec!(0.49))).await;
        a.market.unmark(Product::Xsp);
        let money = a.venue.balances().await;
        assert!(matches!(money, Err(BrokerError::Unavailable(_))), "{money:?}");
        assert_eq!(code_of(&a, &request(legs.clone(), 1, dec!(2))).await, "margin_check_failed");
        // What reduces risk needs no buying power.
        assert_eq!(a.fill(request(reversed(&legs), 1, dec!(-0.52))).await.fills.len(), 2);
    });
}

#[test]
fn a_waiting_order_is_checked_again_at_the_open() {
    let mut stage = Stage::new(at("2024-08-01T22:00:00Z"));
    stage.play(|a| async move {
        let legs = xsp(&a.market);
        let order = |units| request(legs.clone(), units, dec!(2.00));
        let first = a.venue.submit(&order(100)).await.unwrap();
        assert_eq!(code_of(&a, &order(100)).await, "margin_check_failed", "also when closed");
        let second = a.venue.submit(&order(70)).await.unwrap();
        // By the open the spread is worth 0.105: 289.50 a unit, 154 units.
        a.market.quote(&put(Product::Xsp, dec!(530)), dec!(0.40), dec!(0.42));
        a.until("2024-08-02T13:30:00Z").await;
        let (first, second) = (a.order(&first.id).await, a.order(&second.id).await);
        let statuses = [first.status, second.status];
        assert_eq!(statuses, [OrderStatus::Rejected, OrderStatus::Live]);
        assert_eq!(first.reject_reason.as_deref(), Some("margin_check_failed"));
    });
}

#[test]
fn the_flags_of_the_account_stop_what_they_say() {
    type Set = fn(&mut PaperSettings);
    // flag, opening an ES spread, opening an XSP spread, closing the XSP spread
    let cases: [(Set, [&str; 3]); 4] = [
        (|s| s.status.frozen = true, ["account_frozen"; 3]),
        (
            |s| s.status.closing_only = true,
            ["account_closing_only", "account_closing_only", "taken"],
        ),
        (
            |s| s.status.margin_call = true,
            ["account_in_margin_call", "account_in_margin_call", "taken"],
        ),
        (|s| s.status.futures_enabled = false, ["futures_not_enabled", "taken", "taken"]),
    ];
    for (set, codes) in cases {
        let mut stage = Stage::new(friday());
        stage.play(move |a| async move {
            a.fill(request(xsp(&a.market), 1, dec!(0.49))).await;
        });
        set(&mut stage.settings);
        stage.play(move |a| async move {
            let legs = xsp(&a.market);
            let orders = [
                request(put_spread(&a.market), 1, dec!(9)),
                request(legs.clone(), 1, dec!(2)),
                request(reversed(&legs), 1, dec!(-0.05)),
            ];
            for (order, code) in orders.iter().zip(codes) {
                let found = match a.venue.submit(order).await {
                    Ok(_) => "taken".to_owned(),
                    Err(SubmitError::Rejected { code, .. }) => code,
                    Err(other) => other.to_string(),
                };
                assert_eq!(found, code);
            }
            let status = a.venue.trading_status().await.unwrap();
            let flags = [status.frozen, status.closing_only, status.margin_call];
            let one =
                flags.iter().filter(|flag| **flag).count() + usize::from(!status.futures_enabled);
            assert_eq!(one, 1);
        });
    }
}

#[test]
fn the_starting_pounds_are_dollars_of_the_day_before() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let rows = a.venue.transactions(0).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].kind, crate::broker::TransactionKind::Transfer);
        assert_eq!((rows[0].id, rows[0].cash_usd), (1, Usd(dec!(44800))));
        assert_eq!(a.venue.transactions(1).await.unwrap(), []);
    });
}
