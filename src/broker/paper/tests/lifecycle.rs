use super::*;
use crate::broker::{BrokerError, OrderStatus, SubmitError};

#[test]
fn an_order_sent_when_closed_waits_for_the_open_and_expires_at_the_close() {
    let mut stage = Stage::new(at("2024-08-01T22:00:00Z"));
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let sent = a.venue.submit(&request(legs, 1, dec!(9.00))).await.unwrap();
        assert_eq!(sent.status, OrderStatus::Received);
        let steps = [
            ("2024-08-02T13:29:59Z", OrderStatus::Received),
            ("2024-08-02T13:30:00Z", OrderStatus::Live),
            ("2024-08-02T19:59:59Z", OrderStatus::Live),
            ("2024-08-02T20:00:00Z", OrderStatus::Expired),
        ];
        for (instant, status) in steps {
            a.until(instant).await;
            assert_eq!(a.order(&sent.id).await.status, status, "{instant}");
        }
        assert_eq!(a.order(&sent.id).await.updated_at, at("2024-08-02T20:00:00Z"));
    });
}

#[test]
fn an_early_close_ends_the_day_early() {
    let mut stage = Stage::new(at("2024-11-29T15:00:00Z"));
    stage.play(|a| async move {
        let contract = OptionContract {
            series: series(Product::Es, "2024-12-02"),
            strike: dec!(6000),
            right: Right::Put,
        };
        a.market.quote(&contract, dec!(10), dec!(11));
        let legs = vec![leg(Side::Buy, &contract, Effect::Open)];
        let sent = a.venue.submit(&request(legs, 1, dec!(-1))).await.unwrap();
        a.until("2024-11-29T17:59:59Z").await;
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Live);
        a.until("2024-11-29T18:00:00Z").await;
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Expired);
    });
}

#[test]
fn a_cancel_is_requested_then_confirmed_and_a_second_one_finds_it_ended() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let sent = a.venue.submit(&request(legs, 1, dec!(9.00))).await.unwrap();
        a.venue.cancel(&sent.id).await.unwrap();
        a.venue.cancel(&sent.id).await.unwrap();
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::CancelRequested);
        a.wait(1).await;
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Cancelled);
        assert_eq!(a.venue.cancel(&sent.id).await, Err(BrokerError::Ended(sent.id.clone())));
        let unknown = BrokerOrderId("77".to_owned());
        assert_eq!(a.venue.cancel(&unknown).await, Err(BrokerError::NoSuchOrder(unknown.clone())));
        assert_eq!(a.venue.order(&unknown).await, Err(BrokerError::NoSuchOrder(unknown)));
    });
}

#[test]
fn a_cancel_may_lose_the_race_to_a_fill() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let sent = a.venue.submit(&request(legs.clone(), 1, dec!(2.80))).await.unwrap();
        a.venue.cancel(&sent.id).await.unwrap();
        a.wait(1).await;
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Filled);

        a.wait(10).await;
        // Partly lost: what the look displays is filled, the rest is cancelled.
        let sent = a.venue.submit(&request(legs, 25, dec!(2.80))).await.unwrap();
        a.venue.cancel(&sent.id).await.unwrap();
        a.wait(1).await;
        let order = a.order(&sent.id).await;
        assert_eq!((order.status, order.fills[0].quantity), (OrderStatus::Cancelled, 20));
    });
}

#[test]
fn a_waiting_order_is_cancelled_before_the_open() {
    let mut stage = Stage::new(at("2024-08-01T22:00:00Z"));
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let sent = a.venue.submit(&request(legs, 1, dec!(2.80))).await.unwrap();
        a.venue.cancel(&sent.id).await.unwrap();
        a.wait(1).await;
        assert_eq!(a.order(&sent.id).await.status, OrderStatus::Cancelled);
    });
}

#[test]
fn a_replacement_works_once_the_original_is_cancelled() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let first = a.venue.submit(&request(legs, 2, dec!(9.00))).await.unwrap();
        let second = a.venue.replace(&first.id, NetPrice(dec!(2.80)), "x/2").await.unwrap();
        assert_ne!(first.id, second.id);
        assert_eq!((second.status, second.units), (OrderStatus::Received, 2));
        assert_eq!(second.external_id.as_deref(), Some("x/2"));
        a.wait(1).await;
        assert_eq!(a.order(&first.id).await.status, OrderStatus::Cancelled);
        assert_eq!(a.order(&second.id).await.status, OrderStatus::Live);
        a.wait(1).await;
        assert_eq!(a.order(&second.id).await.status, OrderStatus::Filled);
        let again = a.venue.replace(&first.id, NetPrice(dec!(3)), "x/3").await;
        let Err(SubmitError::Rejected { code, .. }) = again else { panic!("{again:?}") };
        assert_eq!(code, "cannot_update_order");
    });
}

#[test]
fn a_fill_on_the_original_aborts_its_replacement() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let first = a.venue.submit(&request(legs, 1, dec!(2.80))).await.unwrap();
        let second = a.venue.replace(&first.id, NetPrice(dec!(2.50)), "x/2").await.unwrap();
        a.wait(1).await;
        assert_eq!(a.order(&first.id).await.status, OrderStatus::Filled);
        let second = a.order(&second.id).await;
        assert_eq!(second.status, OrderStatus::Rejected);
        assert_eq!(second.reject_reason.as_deref(), Some("replaced_order_filled"));
        a.wait(60).await;
        assert_eq!(a.venue.holdings().await.unwrap().len(), 2);
        assert_eq!(a.venue.holdings().await.unwrap()[0].quantity.abs(), 1);
    });
}

#[test]
fn a_partial_fill_on_the_original_leaves_it_working_without_its_replacement() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let long = option(Product::Es, dec!(5270), Right::Put);
        let line = scripted::Line { bid: dec!(3.00), ask: dec!(3.20), open_interest: 50 };
        a.market.quote_from(a.rt.now(), &long, Some(line)); // displays 1
        let first = a.venue.submit(&request(legs, 3, dec!(2.80))).await.unwrap();
        let second = a.venue.replace(&first.id, NetPrice(dec!(2.50)), "x/2").await.unwrap();
        a.wait(1).await;
        let order = a.order(&first.id).await;
        assert_eq!((order.status, order.fills.len()), (OrderStatus::Live, 2));
        assert_eq!(a.order(&second.id).await.status, OrderStatus::Rejected);
        a.wait(10).await;
        assert_eq!(a.order(&first.id).await.status, OrderStatus::Filled);
    });
}

#[test]
fn cancelling_an_order_that_is_being_replaced_leaves_neither() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let first = a.venue.submit(&request(legs, 1, dec!(9.00))).await.unwrap();
        let second = a.venue.replace(&first.id, NetPrice(dec!(2.80)), "x/2").await.unwrap();
        a.venue.cancel(&first.id).await.unwrap();
        a.wait(30).await;
        assert_eq!(a.order(&first.id).await.status, OrderStatus::Cancelled);
        let second = a.order(&second.id).await;
        assert_eq!((second.status, second.fills.len()), (OrderStatus::Cancelled, 0));
    });
}

#[test]
fn changed_resolves_after_every_change_and_not_before() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let sent = a.venue.submit(&request(legs, 1, dec!(9.00))).await.unwrap();
        a.venue.changed().await;
        let limit = TimeDelta::seconds(60);
        assert!(a.rt.timeout(limit, a.venue.changed()).await.is_none(), "nothing changes");
        a.venue.cancel(&sent.id).await.unwrap();
        a.venue.changed().await;
        let before = a.rt.now();
        a.venue.changed().await;
        assert_eq!(a.rt.now() - before, TimeDelta::seconds(1), "the confirmation");
    });
}

#[test]
fn identifiers_are_kept_and_not_compared() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        let order = request(legs.clone(), 1, dec!(9.00));
        let first = a.venue.submit(&order).await.unwrap();
        let second = a.venue.submit(&order).await.unwrap();
        assert_ne!(first.id, second.id);
        let by_hand = OrderRequest { external_id: String::new(), ..order };
        assert_eq!(a.venue.submit(&by_hand).await.unwrap().external_id, None);
        let told = a.venue.order_history(friday()).await.unwrap();
        let ids: Vec<_> = told.iter().map(|order| order.external_id.as_deref()).collect();
        assert_eq!(ids, [Some("zdte-20240802-1/1"), Some("zdte-20240802-1/1"), None]);
        assert_eq!(a.venue.orders_today().await.unwrap(), told);
        a.wait(1).await;
        assert_eq!(a.venue.order_history(a.rt.now()).await.unwrap(), []);
    });
}
