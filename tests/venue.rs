//! The paper venue on the modelled market: whole Fridays, from the first order to settlement.

#![allow(clippy::unwrap_used)] // a step that fails fails the test, as it should

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
};

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::{Decimal, dec};
use tomking::{
    account::{Effect, Leg, NetPrice, Side},
    broker::{Broker, BrokerOrder, OrderRequest, OrderStatus, TransactionKind, paper::PaperVenue},
    calendar::Calendar,
    clock::{Runtime, Timestamp, VirtualWorld},
    config::Settings,
    instrument::{Instrument, OptionContract, Product, Right, Series},
    market::{Market, ModelledMarket, OptionQuote, SimulatedTape},
    money::Usd,
    store::Store,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

struct Day {
    venue: PaperVenue,
    market: Arc<dyn Market>,
    rt: Runtime,
}

/// Plays a scene in a world that begins at `start`, on the simulated market with its defaults.
fn play<T: 'static, F: Future<Output = T> + 'static>(
    start: &str,
    scene: impl FnOnce(Day) -> F + 'static,
) -> T {
    let mut world = VirtualWorld::new(at(start));
    let rt = world.runtime();
    let settings = Settings::default_embedded();
    let calendar = Calendar::default();
    let tape = SimulatedTape::new(settings.market.seed, &calendar);
    let market: Arc<dyn Market> =
        Arc::new(ModelledMarket::new(tape, settings.market, rt.clone(), calendar.clone()));
    let played = async move {
        let store = Store::in_memory().unwrap();
        let opened =
            PaperVenue::open(store, Arc::clone(&market), rt.clone(), calendar, settings.paper);
        scene(Day { venue: opened.await.unwrap(), market, rt }).await
    };
    world.run(played).unwrap()
}

impl Day {
    async fn series(&self, product: Product) -> Series {
        let listed = self.market.series(product, 0).await.unwrap();
        listed.into_iter().find(|series| series.last_trade > self.rt.now()).unwrap()
    }

    /// A condor to sell, shorts about `away` points from the price, wings `wing` further.
    async fn condor(&self, product: Product, away: Decimal, wing: Decimal) -> Vec<Leg> {
        let series = self.series(product).await;
        let last = self.market.underlying(product, Some(&series)).await.unwrap().last;
        let grid = if product == Product::Xsp { dec!(1) } else { dec!(5) };
        let put = ((last - away) / grid).floor() * grid;
        let call = ((last + away) / grid).ceil() * grid;
        let leg = |side, strike, right| Leg {
            instrument: Instrument::Option(OptionContract {
                series: series.clone(),
                strike,
                right,
            }),
            side,
            ratio: 1,
            effect: Effect::Open,
        };
        vec![
            leg(Side::Sell, put, Right::Put),
            leg(Side::Buy, put - wing, Right::Put),
            leg(Side::Sell, call, Right::Call),
            leg(Side::Buy, call + wing, Right::Call),
        ]
    }

    async fn quotes(&self, legs: &[Leg]) -> Vec<OptionQuote> {
        let contracts = legs.iter().map(|leg| match &leg.instrument {
            Instrument::Option(contract) => contract.clone(),
            other => panic!("{other:?} is no option"),
        });
        self.market.quotes(&contracts.collect::<Vec<_>>()).await.unwrap()
    }

    /// Net mid of a unit, as a credit.
    async fn mid(&self, legs: &[Leg]) -> Decimal {
        let quotes = self.quotes(legs).await;
        let each = legs.iter().zip(&quotes);
        each.map(|(leg, quote)| Decimal::from(-leg.side.sign()) * quote.mid()).sum()
    }

    async fn send(&self, legs: Vec<Leg>, limit: Decimal) -> BrokerOrder {
        let strict_effect = legs.iter().all(|leg| leg.effect == Effect::Close);
        let limit = NetPrice(limit);
        let external_id = "test/1".to_owned();
        let order = OrderRequest { external_id, legs, units: 1, limit, strict_effect };
        self.venue.submit(&order).await.unwrap()
    }
}

fn closing(legs: &[Leg]) -> Vec<Leg> {
    let turn = |leg: &Leg| Leg { side: leg.side.opposite(), effect: Effect::Close, ..leg.clone() };
    legs.iter().map(turn).collect()
}

fn down_to_tick(price: Decimal) -> Decimal {
    (price / dec!(0.05)).floor() * dec!(0.05)
}

#[test]
fn a_condor_sold_near_mid_and_held_settles_to_the_cent() {
    for (product, away, wing) in [
        (Product::Es, dec!(30), dec!(30)),
        (Product::Spx, dec!(30), dec!(30)),
        (Product::Xsp, dec!(3), dec!(3)),
    ] {
        play("2024-08-02T14:30:00Z", move |day| async move {
            let legs = day.condor(product, away, wing).await;
            let order =
                day.send(legs.clone(), down_to_tick(day.mid(&legs).await) - dec!(0.25)).await;
            day.rt.sleep(TimeDelta::seconds(60)).await;
            let order = day.venue.order(&order.id).await.unwrap();
            assert_eq!(order.status, OrderStatus::Filled, "{product}");
            day.rt.sleep_until(at("2024-08-02T21:00:00Z")).await;
            let last = day.venue.transactions(5).await.unwrap();
            let series = match &legs[0].instrument {
                Instrument::Option(contract) => contract.series.clone(),
                other => panic!("{other:?}"),
            };
            let value = day.market.settlement(&series).await.unwrap();
            let mut expected = Usd::ZERO;
            for leg in &legs {
                let Instrument::Option(contract) = &leg.instrument else { continue };
                let worth = contract.right.intrinsic(value, contract.strike) * product.multiplier();
                expected += Usd(Decimal::from(leg.side.sign()) * worth).rounded();
            }
            // A future that is held is worth its mark; its settled part is the rest.
            let held = day.venue.holdings().await.unwrap();
            let mut settled: Usd = last.iter().map(|row| row.cash_usd).sum();
            for holding in &held {
                assert!(matches!(holding.instrument, Instrument::Future { .. }));
                settled += Usd(Decimal::from(holding.quantity) * value * product.multiplier());
            }
            assert_eq!(settled, expected, "{product} at {value}");
            assert!(last.iter().all(|row| row.kind != TransactionKind::Trade));
        });
    }
}

#[test]
fn a_resting_profit_order_fills_inside_the_quotes_or_expires() {
    let mut statuses = BTreeMap::new();
    for friday in ["2024-07-19", "2024-07-26", "2024-08-02", "2024-08-09", "2024-08-16"] {
        let start = format!("{friday}T14:30:00Z");
        let (status, fills) = play(&start, |day| async move {
            let legs = day.condor(Product::Es, dec!(30), dec!(30)).await;
            let mid = day.mid(&legs).await;
            day.send(legs.clone(), down_to_tick(mid) - dec!(0.5)).await;
            day.rt.sleep(TimeDelta::seconds(60)).await;
            let target = -down_to_tick(mid / dec!(2));
            let order = day.send(closing(&legs), target).await;
            let seen = Arc::new(Mutex::new(Vec::new()));
            for _ in 0..6 * 60 * 6 {
                day.rt.sleep(TimeDelta::seconds(10)).await;
                let told = day.venue.order(&order.id).await.unwrap();
                if told.status.is_terminal() {
                    seen.lock().unwrap().push(told);
                    break;
                }
            }
            let told = seen.lock().unwrap().pop().unwrap();
            let cash: Usd = told.fills.iter().map(tomking::account::Fill::cash).sum();
            assert!(told.fills.is_empty() || cash >= Usd(target * dec!(50)), "{cash} {target}");
            (told.status, told.fills.len())
        });
        assert!(matches!((status, fills), (OrderStatus::Filled, 4) | (OrderStatus::Expired, 0)));
        *statuses.entry(fills).or_insert(0) += 1;
    }
    assert!(statuses.get(&4).is_some_and(|filled| *filled >= 2), "{statuses:?}");
}

#[test]
fn a_year_of_fridays_with_a_resting_order_is_cheap_and_repeats_exactly() {
    let run = || {
        play("2023-01-01T05:00:00Z", |day| async move {
            let mut date: NaiveDate = "2023-01-06".parse().unwrap();
            let end: NaiveDate = "2023-04-01".parse().unwrap();
            let calendar = Calendar::default();
            while date < end {
                if let Some(session) = calendar.session(tomking::calendar::Exchange::Xnys, date) {
                    day.rt.sleep_until(session.open + TimeDelta::minutes(60)).await;
                    let legs = day.condor(Product::Es, dec!(40), dec!(30)).await;
                    let mid = day.mid(&legs).await;
                    day.send(legs.clone(), down_to_tick(mid) - dec!(0.5)).await;
                    day.rt.sleep(TimeDelta::minutes(1)).await;
                    if day.venue.holdings().await.unwrap().len() == 4 {
                        day.send(closing(&legs), dec!(-0.05)).await;
                    }
                }
                date += TimeDelta::days(7);
            }
            day.rt.sleep(TimeDelta::days(2)).await;
            day.venue.transactions(0).await.unwrap()
        })
    };
    let first = run();
    assert!(first.len() > 40, "{} transactions", first.len());
    assert_eq!(run(), first);
}
