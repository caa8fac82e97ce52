//! The whole book with its market, the limits and the stress on it, and an order put before the gate.

use rust_decimal::{Decimal, dec};

use super::world::{Scene, Stage, at, quiet};
use crate::{
    account::{Effect, Leg, NetPrice, Side, StrategyId, exposure::Holder, hold::Level},
    broker::{Broker as _, OrderRequest},
    calendar::Calendar,
    desk::check::{Verdict, WrittenLeg, WrittenOrder},
    instrument::{Instrument, OptionContract, Product, Right, Settlement, expiration},
    risk::stress::report::report,
};

/// A put on ES that expires so many Fridays from the day's.
fn put(weeks: i64, strike: i64) -> Instrument {
    let date = at("10:30:00").date_naive();
    let expires = date + chrono::TimeDelta::weeks(weeks);
    let listed = expiration::listed(&Calendar::default(), Product::Es, date, 60);
    let mut listed = listed.into_iter();
    let series =
        listed.find(|s| s.expiration == expires && s.settlement == Settlement::Pm).unwrap();
    Instrument::Option(OptionContract { series, strike: Decimal::from(strike), right: Right::Put })
}

/// The owner sells a put by hand.
async fn sell_by_hand(scene: &Scene, instrument: Instrument) {
    let leg = Leg { instrument, side: Side::Sell, ratio: 1, effect: Effect::Open };
    let order = OrderRequest {
        external_id: String::new(),
        legs: vec![leg],
        units: 1,
        limit: NetPrice(dec!(0.05)),
        strict_effect: false,
    };
    scene.broker.submit(&order).await.unwrap();
}

/// A put spread of the day, 30 points wide.
fn spread(strike: i64) -> WrittenOrder {
    let leg = |side, strike| WrittenLeg {
        side,
        ratio: 1,
        product: Product::Es,
        expiration: at("10:30:00").date_naive(),
        strike: Decimal::from(strike),
        right: Right::Put,
        settlement: None,
    };
    WrittenOrder {
        strategy: StrategyId::Friday0dte,
        units: 1,
        limit: None,
        legs: vec![leg(Side::Sell, strike), leg(Side::Buy, strike - 30)],
    }
}

fn refusing(verdict: &Verdict) -> Vec<&str> {
    let refusing = verdict.limits.iter().filter(|limit| !limit.passed);
    refusing.map(|limit| limit.limit.as_str()).collect()
}

#[test]
fn what_the_owner_holds_stands_beside_ours_in_the_book_and_loses_in_stress() {
    let stage = Stage::new(quiet());
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:33:00").await;
        assert_eq!(scene.desk.open_count(), 1);
        sell_by_hand(&scene, put(2, 5000)).await;
        scene.until("10:36:00").await;
        let snapshot = scene.desk.whole_book().await.unwrap();
        let book = snapshot.book.as_ref().unwrap();
        assert_eq!(book.unpriced, []);
        let ours = book.exposures.iter().filter(|leg| leg.strategy == StrategyId::Friday0dte);
        assert_eq!(ours.count(), 4);
        let owners = book.exposures.iter().filter(|leg| leg.strategy == StrategyId::External);
        let owners: Vec<_> = owners.collect();
        assert_eq!(owners.len(), 1);
        assert_eq!((owners[0].quantity, owners[0].underlying), (-1, dec!(5400)));
        assert!((14.0..15.0).contains(&owners[0].days()), "{}", owners[0].days());
        let all = book.requirement[&Product::Es];
        assert!(all.0 > dec!(4000), "a naked put: {all}");
        let stress = report(&snapshot, None).unwrap();
        assert!(matches!(&stress.positions[0].holder, Holder::Position(id) if id.0.starts_with("external")));
        assert!(stress.positions[0].loss_usd.0 > dec!(10000), "{stress:?}");
        assert!(report(&snapshot, Some("nothing")).unwrap_err().starts_with("no scenario `nothing`"));
    });
}

#[test]
fn an_order_that_is_only_asked_about_is_told_every_limit_and_leaves_no_trace() {
    let stage = Stage::new(quiet());
    stage.live(at("10:29:00"), |scene| async move {
        scene.until("10:31:00").await;
        let fair = scene.desk.check_order(&spread(5370)).await.unwrap();
        assert_eq!(refusing(&fair), Vec::<&str>::new(), "{fair:?}");
        assert!(fair.approved && fair.requirement_usd.is_positive(), "{fair:?}");
        let mut many = spread(5370);
        many.units = 20;
        let many = scene.desk.check_order(&many).await.unwrap();
        assert!(!many.approved);
        for limit in ["count", "trade loss"] {
            assert!(refusing(&many).contains(&limit), "{limit}: {many:?}");
        }
        let mut none = spread(5370);
        none.legs[0].expiration = at("10:30:00").date_naive() + chrono::TimeDelta::days(1);
        let error = scene.desk.check_order(&none).await.unwrap_err();
        assert_eq!(error, "ES lists no series expiring 2024-08-03");
        assert_eq!(scene.desk.open_count(), 0);
        assert!(scene.broker.orders_today().await.unwrap().is_empty());
        scene.until("10:40:00").await;
        let late = scene.desk.check_order(&spread(5370)).await.unwrap();
        assert!(late.approved, "{late:?}");
        scene.until("10:46:00").await;
        let late = scene.desk.check_order(&spread(5370)).await.unwrap();
        assert_eq!(refusing(&late), ["session"]);
    });
}

type Change = fn(&mut WrittenOrder);

#[test]
fn figures_no_order_can_have_are_refused_by_name() {
    let stage = Stage::new(quiet());
    stage.live(at("10:31:00"), |scene| async move {
        let cases: [(Change, &str); 7] = [
            (|order| order.units = 0, "units must be 1 to 1000, are 0"),
            (|order| order.units = u32::MAX, "units must be 1 to 1000, are 4294967295"),
            (|order| order.legs[0].ratio = 101, "ratio must be 1 to 100, is 101"),
            (|order| order.legs[1].strike = dec!(0), "strike must be above 0, is 0"),
            (|order| order.legs.clear(), "an order has at least one leg"),
            (
                |order| order.legs[1].product = Product::Mes,
                "all legs of an order are of one product",
            ),
            (
                |order| order.legs[0].strike = dec!(5371),
                "a leg has no quote: is its strike listed?",
            ),
        ];
        for (change, wanted) in cases {
            let mut order = spread(5370);
            change(&mut order);
            assert_eq!(scene.desk.check_order(&order).await.unwrap_err(), wanted);
        }
    });
    let huge = r#"{"strategy": "lt112", "legs": [{"side": "sell", "product": "ES",
        "expiration": "2024-08-02", "strike": "1e27", "right": "put"}]}"#;
    assert!(serde_json::from_str::<WrittenOrder>(huge).is_err());
}

#[test]
fn four_positions_of_a_group_by_hand_stop_entries_until_there_are_three() {
    let stage = Stage::new(quiet());
    stage.live(at("10:00:00"), |scene| async move {
        for weeks in 1..=3 {
            sell_by_hand(&scene, put(weeks, 5000)).await;
        }
        scene.until("10:05:00").await;
        assert_eq!((scene.desk.open_count(), scene.desk.level()), (3, Level::Active));
        sell_by_hand(&scene, put(4, 5000)).await;
        scene.until("10:10:00").await;
        assert_eq!((scene.desk.open_count(), scene.desk.level()), (4, Level::Reducing));
        let back =
            Leg { instrument: put(4, 5000), side: Side::Buy, ratio: 1, effect: Effect::Close };
        let order = OrderRequest {
            external_id: String::new(),
            legs: vec![back],
            units: 1,
            limit: NetPrice(dec!(-300)),
            strict_effect: false,
        };
        scene.broker.submit(&order).await.unwrap();
        scene.until("10:15:00").await;
        assert_eq!((scene.desk.open_count(), scene.desk.level()), (3, Level::Active));
    });
}
