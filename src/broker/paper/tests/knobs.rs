//! The knobs that are off by default: uneven fills and rejects.

use std::collections::BTreeSet;

use super::*;
use crate::broker::{OrderStatus, SubmitError};

/// A condor of ES at 6.00 and 3.00 each side.
fn condor(market: &ScriptedMarket) -> Vec<Leg> {
    let mut legs = put_spread(market);
    let short = option(Product::Es, dec!(5400), Right::Call);
    let long = option(Product::Es, dec!(5430), Right::Call);
    market.quote(&short, dec!(6.00), dec!(6.50));
    market.quote(&long, dec!(3.00), dec!(3.20));
    legs.extend([leg(Side::Sell, &short, Effect::Open), leg(Side::Buy, &long, Effect::Open)]);
    legs
}

#[test]
fn an_uneven_unit_fills_leg_by_leg_and_holdings_and_cash_follow() {
    let mut stage = Stage::new(friday());
    stage.settings.fills.uneven_fill_percent = dec!(100);
    stage.play(|a| async move {
        let limit = dec!(5.60);
        let sent = a.venue.submit(&request(condor(&a.market), 2, limit)).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..60 {
            a.wait(1).await;
            let order = a.order(&sent.id).await;
            let rows = a.venue.transactions(1).await.unwrap();
            assert_eq!(rows.len(), order.fills.len(), "every fill is booked with it");
            let held = a.venue.holdings().await.unwrap();
            let held: u64 = held.iter().map(|held| held.quantity.unsigned_abs()).sum();
            assert_eq!(held, order.fills.len() as u64, "one contract a fill");
            seen.push(order.fills.len());
            if order.status == OrderStatus::Filled {
                break;
            }
            assert!(order.fills.len() < 8, "filled with the last leg, not before");
        }
        let order = a.order(&sent.id).await;
        assert_eq!((order.status, order.fills.len()), (OrderStatus::Filled, 8));
        assert!(seen.windows(2).all(|pair| pair[1] - pair[0] <= 1), "one leg a look: {seen:?}");
        assert!(net_of(&order) >= limit, "{}", net_of(&order));
        let ids: BTreeSet<_> = order.fills.iter().map(|fill| fill.id.clone()).collect();
        assert_eq!(ids.len(), 8);
    });
}

#[test]
fn an_uneven_unit_can_be_cancelled_half_way_and_its_rest_can_be_completed() {
    let mut stage = Stage::new(friday());
    stage.settings.fills.uneven_fill_percent = dec!(100);
    let filled = stage.play(|a| async move {
        let sent = a.venue.submit(&request(condor(&a.market), 1, dec!(5.60))).await.unwrap();
        while a.order(&sent.id).await.fills.is_empty() {
            a.wait(1).await;
        }
        sent.id
    });
    // The venue dies in between, and knows it all when it is back.
    stage.play(move |a| async move {
        a.venue.cancel(&filled).await.unwrap();
        a.wait(1).await;
        let order = a.order(&filled).await;
        assert_eq!(order.status, OrderStatus::Cancelled);
        assert!((1..=2).contains(&order.fills.len()), "{}", order.fills.len());
        assert_eq!(a.venue.holdings().await.unwrap().len(), order.fills.len());
        // What is lacking, and then all of it closed: nothing is left.
        let done = |leg: &Leg| order.fills.iter().any(|fill| fill.instrument == leg.instrument);
        for leg in order.legs.iter().filter(|leg| !done(leg)) {
            let limit = if leg.side == Side::Buy { dec!(-3.20) } else { dec!(6.00) };
            a.fill(request(vec![leg.clone()], 1, limit)).await;
        }
        a.fill(request(reversed(&order.legs), 1, dec!(-7.80))).await;
        assert_eq!(a.venue.holdings().await.unwrap(), []);
    });
}

#[test]
fn rejects_come_from_the_broker_and_from_the_exchange_with_their_codes() {
    let mut stage = Stage::new(friday());
    stage.settings.fills.reject_percent = dec!(50);
    stage.settings.starting_balance_gbp = dec!(2000000);
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let (mut refused, mut rejected, mut filled) = (0, 0, 0);
        for _ in 0..200 {
            match a.venue.submit(&request(legs.clone(), 1, dec!(2.80))).await {
                Err(SubmitError::Rejected { code, .. }) => {
                    assert_eq!(code, "preflight_check_failure");
                    refused += 1;
                }
                Ok(sent) => {
                    a.wait(1).await;
                    let order = a.order(&sent.id).await;
                    match order.status {
                        OrderStatus::Rejected => {
                            let reason = order.reject_reason.as_deref();
                            assert_eq!(reason, Some("rejected_by_exchange"));
                            assert!(order.fills.is_empty());
                            rejected += 1;
                        }
                        OrderStatus::Filled => {
                            filled += 1;
                        }
                        other => panic!("{other:?}"),
                    }
                }
                Err(other) => panic!("{other:?}"),
            }
            a.wait(1).await;
        }
        assert!(refused > 20 && rejected > 20 && filled > 60, "{refused} {rejected} {filled}");
    });
}
