//! The venue's death: dropped in the middle of things and opened again on its store.

use super::*;
use crate::broker::{OrderStatus, Transaction};

#[test]
fn a_venue_opened_again_goes_on_where_it_was() {
    let mut stage = Stage::new(friday());
    let (working, before) = stage.play(|a| async move {
        let legs = put_spread(&a.market);
        a.fill(request(legs.clone(), 2, dec!(2.80))).await;
        let profit = request(reversed(&legs), 2, dec!(-1.40));
        let working = a.venue.submit(&profit).await.unwrap();
        (working.id, seen(&a).await)
    });
    let after = stage.play(move |a| async move {
        let after = seen(&a).await;
        // The working order is alive: the market comes to it.
        let short = option(Product::Es, dec!(5300), Right::Put);
        let long = option(Product::Es, dec!(5270), Right::Put);
        a.market.quote(&short, dec!(1.50), dec!(1.60));
        a.market.quote(&long, dec!(0.60), dec!(0.70));
        a.wait(20).await;
        let order = a.order(&working).await;
        assert_eq!((order.status, net_of(&order)), (OrderStatus::Filled, dec!(-1.00)));
        assert_eq!(a.venue.holdings().await.unwrap(), []);
        after
    });
    assert_eq!(after, before);
    stage.play(|a| async move {
        a.wait(7_200).await;
        let rows = a.venue.transactions(0).await.unwrap();
        assert_eq!(rows.len(), 5, "nothing is filled twice: {rows:?}");
    });
}

async fn seen(a: &Actors) -> (Vec<BrokerOrder>, Vec<crate::account::Holding>, Vec<Transaction>) {
    (
        a.venue.orders_today().await.unwrap(),
        a.venue.holdings().await.unwrap(),
        a.venue.transactions(0).await.unwrap(),
    )
}

#[test]
fn a_death_between_two_looks_changes_no_fill() {
    // A 3-unit order that fills by chance, in parts: alone, and dying every few seconds.
    let run = |lives: usize, seconds: i64| {
        let mut stage = Stage::new(friday());
        for life in 0..lives {
            stage.play(move |a| async move {
                if life == 0 {
                    let order = request(put_spread(&a.market), 3, dec!(3.10));
                    a.venue.submit(&order).await.unwrap();
                    a.rt.sleep(TimeDelta::milliseconds(500)).await;
                }
                a.wait(seconds).await;
            });
        }
        stage.play(|a| async move { seen(&a).await })
    };
    let whole = run(1, 240);
    assert_eq!(whole.0[0].status, OrderStatus::Filled);
    assert_eq!(run(80, 3), whole);
}

#[test]
fn what_was_due_while_dead_is_done_at_its_own_instant() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        a.fill(request(legs.clone(), 1, dec!(2.80))).await;
        a.venue.submit(&request(reversed(&legs), 1, dec!(-1.00))).await.unwrap();
        a.market.settle(Product::Es, dec!(5400));
    });
    // Time passes with nobody there.
    let rt = stage.rt.clone();
    stage.world.run(async move { rt.sleep_until(at("2024-08-05T12:00:00Z")).await }).unwrap();
    stage.play(|a| async move {
        a.wait(0).await;
        let close = at("2024-08-02T20:00:00Z");
        let orders = a.venue.order_history(close).await.unwrap();
        let ended: Vec<_> = orders.iter().map(|o| (o.status, o.updated_at)).collect();
        assert_eq!(ended, [(OrderStatus::Expired, close)]);
        let rows = a.venue.transactions(3).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.at).collect::<Vec<_>>(), [close, close]);
        assert_eq!(a.venue.holdings().await.unwrap(), []);
    });
}

#[test]
fn a_venue_on_a_file_keeps_its_truth_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("venue.redb");
    let open = || Store::open_inline(&path, "tomking test").unwrap();
    let mut stage = Stage::new(friday());
    stage.store = open();
    let before = stage.play(|a| async move {
        let legs = put_spread(&a.market);
        a.fill(request(legs, 1, dec!(2.80))).await;
        seen(&a).await
    });
    let now = stage.rt.now();
    drop(stage);
    let mut stage = Stage::new(now);
    stage.store = open();
    assert_eq!(stage.play(|a| async move { seen(&a).await }), before);
}

#[test]
fn a_store_whose_sums_do_not_meet_is_refused() {
    let mut stage = Stage::new(friday());
    stage.play(|a| async move {
        let legs = put_spread(&a.market);
        a.fill(request(legs, 1, dec!(2.80))).await;
    });
    let spoil = |tx: &mut crate::store::WriteTx| {
        let table = crate::store::Table::<Transaction>::new("venue_transactions", 1);
        tx.remove(&table, &format!("{:020}", 2)).map(drop)
    };
    futures::executor::block_on(stage.store.write(spoil)).unwrap();
    let opened = futures::executor::block_on(PaperVenue::open(
        stage.store.clone(),
        Arc::clone(&stage.market) as Arc<_>,
        stage.rt.clone(),
        Calendar::default(),
        settings(),
    ));
    let Err(error) = opened else { panic!("opened") };
    assert!(error.to_string().contains("its transactions add up to"), "{error}");
}

/// Polls a scene so many times, then drops it where it stands: the process died there.
async fn dying<T>(polls: usize, scene: impl Future<Output = T>) -> Option<T> {
    let mut scene = std::pin::pin!(scene);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        scene.as_mut().poll(context).map(Some)
    })
    .await
}

#[test]
fn killed_at_any_await_the_file_holds_what_was_told_and_goes_on() {
    let mut ends = (0, 0);
    for polls in 0..24 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("venue.redb");
        let open = || Store::open_inline(&path, "tomking test").unwrap();
        let told = {
            let mut stage = Stage::new(friday());
            let (store, market, rt) = (open(), Arc::clone(&stage.market), stage.rt.clone());
            let mut settings = settings();
            settings.fills.uneven_fill_percent = dec!(100);
            let told = Arc::new(std::sync::Mutex::new(Vec::new()));
            let heard = Arc::clone(&told);
            let scene = async move {
                let opened = PaperVenue::open(
                    store,
                    Arc::clone(&market) as Arc<_>,
                    rt.clone(),
                    Calendar::default(),
                    settings,
                );
                let venue = opened.await.unwrap();
                let sent = venue.submit(&request(put_spread(&market), 1, dec!(2.80))).await;
                let id = sent.unwrap().id;
                for _ in 0..6 {
                    let order = venue.order(&id).await.unwrap();
                    heard.lock().unwrap().push(order);
                    rt.sleep(TimeDelta::seconds(1)).await;
                }
                venue.cancel(&id).await.ok();
                venue.balances().await.unwrap();
            };
            let ended = stage.world.run(async move { dying(polls, scene).await.is_some() });
            if ended == Some(true) {
                ends.0 += 1;
            } else {
                ends.1 += 1;
            }
            Arc::try_unwrap(told)
                .map_or_else(|told| told.lock().unwrap().clone(), |m| m.into_inner().unwrap())
        };
        let mut stage = Stage::new(friday() + TimeDelta::seconds(60));
        stage.store = open();
        stage.play(move |a| async move {
            put_spread(&a.market);
            let orders = a.venue.order_history(friday()).await.unwrap();
            assert!(orders.len() <= 1, "one submit, one order at most: {orders:?}");
            let Some(last) = told.last() else { return };
            let order = &orders[0];
            assert_eq!(order.fills[..last.fills.len()], last.fills[..], "nothing told is lost");
            let held: i64 =
                a.venue.holdings().await.unwrap().iter().map(|h| h.quantity.abs()).sum();
            assert_eq!(usize::try_from(held).unwrap(), order.fills.len());
        });
    }
    assert!(ends.0 > 2 && ends.1 > 5, "some lives end early, some do not: {ends:?}");
}
