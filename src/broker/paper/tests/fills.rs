use super::*;
use crate::{broker::OrderStatus, broker::paper::tests::scripted::Line, money::Usd};

#[test]
fn a_marketable_order_fills_at_natural_on_the_next_second() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let sent = a.venue.submit(&request(legs, 1, dec!(2.50))).await.unwrap();
        assert_eq!(sent.status, OrderStatus::Live);
        assert!(a.order(&sent.id).await.fills.is_empty(), "not within the second it arrived in");
        a.wait(1).await;
        let order = a.order(&sent.id).await;
        assert_eq!(order.status, OrderStatus::Filled);
        let prices: Vec<_> = order.fills.iter().map(|fill| fill.price).collect();
        assert_eq!(prices, [dec!(6), dec!(3.2)]);
        assert_eq!(order.fills[0].id, format!("{}-1", sent.id));
        assert_eq!(order.fills[0].at, friday() + TimeDelta::seconds(1));
        // Two ES options opened: 2.50 + 0.55 + 0.30 + 0.02 each.
        let fees: Usd = order.fills.iter().map(|fill| fill.fees).sum();
        assert_eq!(fees, Usd(dec!(6.74)));
        // £35,000 at 1.28, plus 2.80 points of 50 dollars, less fees.
        let money = a.venue.balances().await.unwrap();
        assert_eq!(money.cash_usd, Usd(dec!(44800) + dec!(140) - dec!(6.74)));
        // Marked at mid: the short at 6.25, the long at 3.10.
        let marked = money.cash_usd - Usd(dec!(3.15) * dec!(50));
        assert_eq!(money.net_liquidation_usd, marked);
    });
}

#[test]
fn a_limit_between_mid_and_natural_fills_in_time_at_the_limit() {
    let mut seconds = Vec::new();
    for limit in [dec!(3.15), dec!(2.85)] {
        let mut stage = Stage::new(friday());
        let taken = stage.play(move |a| async move {
            let legs = put_spread(&a.market);
            let order = a.fill(request(legs, 1, limit)).await;
            assert_eq!(order.status, OrderStatus::Filled);
            assert!(net_of(&order) >= limit && net_of(&order) <= dec!(3.15));
            for fill in &order.fills {
                let (bid, ask) = if fill.side == Side::Sell { (6.0, 6.5) } else { (3.0, 3.2) };
                let price = crate::money::to_f64(fill.price);
                assert!(bid <= price && price <= ask, "{price} in {bid}..{ask}");
            }
            (order.fills[0].at - friday()).num_seconds()
        });
        seconds.push(taken);
    }
    assert!(seconds[0] > seconds[1], "nearer natural is sooner: {seconds:?}");
}

#[test]
fn a_limit_better_than_mid_waits_for_the_market() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let sent = a.venue.submit(&request(legs.clone(), 1, dec!(3.20))).await.unwrap();
        a.wait(3_600).await;
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Live);
        let Instrument::Option(short) = &legs[0].instrument else { panic!() };
        a.market.quote(short, dec!(6.50), dec!(7.00));
        a.wait(10).await;
        let order = a.order(&sent.id).await;
        assert_eq!((order.status, net_of(&order)), (OrderStatus::Filled, dec!(3.30)));
    });
}

#[test]
fn nothing_fills_on_a_market_that_cannot_be_traded() {
    type Spoil = fn(&Actors, &OptionContract, &OptionContract);
    let line = |bid, ask| Some(Line { bid, ask, open_interest: 5_000 });
    let _ = line;
    let cases: [(&str, Spoil); 7] = [
        ("wide", |a, short, _| a.market.quote(short, dec!(4.50), dec!(8.00))),
        ("the short has no bid", |a, short, _| a.market.quote(short, dec!(0), dec!(6.50))),
        ("crossed", |a, short, _| a.market.quote(short, dec!(7), dec!(6.50))),
        ("no ask", |a, _, long| a.market.quote(long, dec!(0), dec!(0))),
        ("no quote", |a, _, long| a.market.quote_from(a.rt.now(), long, None)),
        ("stale", |a, _, _| a.market.age(121)),
        ("feed down", |a, _, _| a.market.down(true)),
    ];
    for (name, spoil) in cases {
        let mut stage = Stage::new(friday());
        stage.play(move |a| async move {
            let legs = put_spread(&a.market);
            let sent = a.venue.submit(&request(legs, 1, dec!(1.00))).await.unwrap();
            spoil(
                &a,
                &option(Product::Es, dec!(5300), Right::Put),
                &option(Product::Es, dec!(5270), Right::Put),
            );
            a.wait(600).await;
            let order = a.order(&sent.id).await;
            assert_eq!((order.status, order.fills.len()), (OrderStatus::Live, 0), "{name}");
        });
    }
}

#[test]
fn units_fill_in_parts_as_displayed_and_no_leg_alone() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let long = option(Product::Es, dec!(5270), Right::Put);
        let thin = Line { bid: dec!(3.00), ask: dec!(3.20), open_interest: 100 };
        a.market.quote_from(a.rt.now(), &long, Some(thin)); // displays 2
        let sent = a.venue.submit(&request(legs, 5, dec!(2.80))).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..12 {
            a.wait(1).await;
            let order = a.order(&sent.id).await;
            let per_leg = |side| {
                let fills = order.fills.iter().filter(move |fill| fill.side == side);
                fills.map(|fill| fill.quantity).sum::<u32>()
            };
            assert_eq!(per_leg(Side::Buy), per_leg(Side::Sell));
            seen.push(per_leg(Side::Buy));
        }
        // Two are shown; what a fill takes comes back evenly over five seconds.
        assert_eq!(seen, [2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5]);
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Filled);
        let ids: std::collections::BTreeSet<_> =
            a.order(&sent.id).await.fills.into_iter().map(|fill| fill.id).collect();
        assert_eq!(ids.len(), 8, "every fill has an id of its own");
    });
}

#[test]
fn es_options_fill_in_stock_hours_only() {
    // Globex is open at 20:00 in New York, quotes are not modelled then.
    let mut stage = Stage::new(at("2024-08-01T23:59:00Z"));
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let sent = a.venue.submit(&request(legs, 1, dec!(2.80))).await.unwrap();
        assert_eq!(sent.status, OrderStatus::Received);
        a.until("2024-08-02T13:30:00Z").await;
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Live);
        a.until("2024-08-02T13:30:01Z").await;
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Filled);
    });
}

#[test]
fn asking_often_or_rarely_gives_the_same_fills() {
    let run = |every: i64| {
        let mut stage = Stage::new(friday());
        stage.play(move |a| async move {
            let legs = put_spread(&a.market);
            let short = option(Product::Es, dec!(5300), Right::Put);
            for minute in 1..60 {
                let bid = dec!(6.00) + Decimal::from(minute % 7) * dec!(0.25);
                let line = Line { bid, ask: bid + dec!(0.5), open_interest: 120 };
                a.market.quote_from(friday() + TimeDelta::minutes(minute), &short, Some(line));
            }
            let mut sent = Vec::new();
            for limit in [dec!(3.10), dec!(3.45), dec!(3.90), dec!(4.25), dec!(4.60)] {
                let order = request(legs.clone(), 3, limit);
                sent.push(a.venue.submit(&order).await.unwrap().id);
            }
            for _ in 0..(3_600 / every) {
                a.rt.sleep(TimeDelta::seconds(every)).await;
                let _ = a.venue.orders_today().await.unwrap();
                let _ = a.venue.balances().await.unwrap();
            }
            let mut orders = a.venue.orders_today().await.unwrap();
            orders.sort_by_key(|order| order.id.clone());
            (orders, a.venue.transactions(0).await.unwrap())
        })
    };
    let rarely = run(3_600);
    assert!(rarely.0.iter().filter(|order| !order.fills.is_empty()).count() >= 3);
    assert_eq!(run(1), rarely);
    assert_eq!(run(40), rarely);
}

#[test]
fn an_order_that_has_rested_fills_sooner_than_one_that_has_just_come() {
    // Many orders at mid on an untouched market: how many fill in their first five seconds, and how
    // many of the rest in the five after ten seconds of waiting.
    let mut stage = Stage::new(friday());
    stage.settings.starting_balance_gbp = dec!(2000000);
    stage.settings.fills.queue_start_percent = dec!(10);
    stage.settings.fills.queue_seconds = 60;
    let (young, old) = stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let (mut young, mut old) = ((0, 0), (0, 0));
        for _ in 0..150 {
            let sent = a.venue.submit(&request(legs.clone(), 1, dec!(3.15))).await.unwrap();
            a.wait(20).await;
            let order = a.order(&sent.id).await;
            young = (young.0 + u32::from(!order.fills.is_empty()), young.1 + 1);
            if order.fills.is_empty() {
                a.wait(40).await;
                let before = a.order(&sent.id).await.fills.is_empty();
                a.wait(20).await;
                let order = a.order(&sent.id).await;
                old = (
                    old.0 + u32::from(before && !order.fills.is_empty()),
                    old.1 + u32::from(before),
                );
                if !order.status.is_terminal() {
                    a.venue.cancel(&sent.id).await.unwrap();
                    a.wait(1).await;
                }
            }
        }
        (young, old)
    });
    let rate = |(filled, all): (u32, u32)| f64::from(filled) / f64::from(all);
    assert!(old.1 > 20, "{old:?}");
    assert!(rate(old) > 1.5 * rate(young), "{young:?} {old:?}");
}

#[test]
fn at_one_price_the_earlier_order_fills_first() {
    let mut stage = Stage::new(friday());
    stage.settings.starting_balance_gbp = dec!(2000000);
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        for _ in 0..30 {
            let mut sent = Vec::new();
            for _ in 0..3 {
                sent.push(a.venue.submit(&request(legs.clone(), 1, dec!(3.10))).await.unwrap().id);
                a.wait(1).await;
            }
            let mut filled = Vec::new();
            for id in &sent {
                while !a.order(id).await.status.is_terminal() {
                    a.wait(1).await;
                }
                filled.push(a.order(id).await.fills[0].at);
            }
            assert!(filled.is_sorted(), "{filled:?}");
            a.wait(10).await;
        }
    });
}

#[test]
fn our_own_orders_compete_for_what_is_displayed() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let long = option(Product::Es, dec!(5270), Right::Put);
        let thin = Line { bid: dec!(3.00), ask: dec!(3.20), open_interest: 100 };
        a.market.quote_from(a.rt.now(), &long, Some(thin)); // displays 2
        let first = a.venue.submit(&request(legs.clone(), 2, dec!(2.80))).await.unwrap();
        let second = a.venue.submit(&request(legs, 1, dec!(2.80))).await.unwrap();
        a.wait(1).await;
        assert_eq!(a.order(&first.id).await.status, OrderStatus::Filled);
        a.wait(2).await;
        assert_eq!(a.order(&second.id).await.status, OrderStatus::Live, "nothing is left");
        a.wait(1).await;
        assert_eq!(a.order(&second.id).await.status, OrderStatus::Filled);
    });
}
