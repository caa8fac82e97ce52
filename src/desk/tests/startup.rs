//! The daemon is away, or blind, while something happens at the broker, and then starts. The
//! scenarios are those of `nautilus_trader`'s reconciliation (its documentation of live trading), told
//! for this program: ledger, positions, cash, latch and the stop are as they must be afterwards.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
};

use chrono::TimeDelta;
use rust_decimal::{Decimal, dec};

use super::world::{FaultyBroker, Mask, Scene, Stage, at, falling};
use crate::{
    account::{Effect, ExitReason, Leg, NetPrice, Position, Side, StrategyId, hold::Level},
    broker::{Broker as _, BrokerOrder, OrderRequest, OrderStatus},
    clock::Runtime,
    desk::{
        difference::{Subject, standing},
        intent::{IntentRecord, IntentState},
        read,
        reconcile::Reconciled,
        tables::EXTERNAL_ORDERS,
    },
    instrument::{Instrument, OptionContract, Right},
    money::Usd,
    notice::Notice,
    store::Read as _,
};

/// A position that is open, its profit order at work, and no daemon.
fn entered() -> Stage {
    let stage = Stage::new(falling());
    stage.live(at("10:29:59"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:31:30").await;
        assert_eq!(scene.desk.open_count(), 1);
    });
    stage
}

/// From 10:40 the daemon runs again; what it has made of it by 10:41 is looked at.
fn back<F: Future<Output = ()> + 'static>(stage: &Stage, look: impl FnOnce(Scene) -> F + 'static) {
    stage.live(at("10:40:00"), |scene| async move {
        scene.until("10:41:00").await;
        look(scene).await;
    });
}

fn away<F: Future<Output = ()> + 'static>(
    stage: &Stage,
    scene: impl FnOnce(Arc<FaultyBroker>, Runtime) -> F + 'static,
) {
    stage.away(at("10:32:00"), scene);
}

async fn assert_clean(scene: &Scene) {
    assert_eq!(scene.desk.reconcile_to_the_cent().await.unwrap(), Reconciled::Clean);
    assert_eq!(scene.desk.level(), Level::Active);
    scene.assert_books_agree().await;
}

/// The fall of noon stops what is open: a stop is there.
fn assert_stopped(stage: &Stage) {
    stage.live(at("10:45:00"), |scene| async move {
        scene.until("12:20:00").await;
        scene.assert_books_agree().await;
    });
    let ours = ours(stage);
    assert_eq!(ours.exit_reason, Some(ExitReason::Stop), "{ours:?}");
}

fn ours(stage: &Stage) -> Position {
    let all = stage.positions();
    let mut ours = all.into_iter().filter(|p| p.strategy != StrategyId::External);
    let found = ours.next().expect("a position of ours");
    assert_eq!(ours.next(), None, "there is one");
    found
}

fn owners(stage: &Stage) -> Vec<Position> {
    stage.positions().into_iter().filter(|p| p.strategy == StrategyId::External).collect()
}

fn quantity(position: &Position, instrument: &Instrument) -> i64 {
    let leg = position.legs.iter().find(|leg| leg.instrument == *instrument);
    leg.map_or(0, |leg| leg.quantity)
}

/// The put of the position that is held short (`-1`) or long (`1`).
fn put(stage: &Stage, held: i64) -> Instrument {
    let legs = ours(stage).legs;
    let is_put = |instrument: &Instrument| matches!(instrument, Instrument::Option(contract) if contract.right == Right::Put);
    legs.into_iter()
        .find(|leg| leg.quantity == held && is_put(&leg.instrument))
        .expect("a condor has both")
        .instrument
}

/// A put far from everything the program trades: the owner's own.
fn another(stage: &Stage) -> Instrument {
    let Instrument::Option(contract) = put(stage, -1) else { panic!("an option") };
    Instrument::Option(OptionContract { strike: dec!(5400), ..contract })
}

/// An order of the owner's, which the broker fills within seconds.
async fn trade(broker: &FaultyBroker, rt: &Runtime, of: Instrument, side: Side, units: u32) {
    let limit = if side == Side::Buy { dec!(-300) } else { dec!(0.05) };
    send(broker, of, side, units, limit, "").await;
    rt.sleep(TimeDelta::minutes(1)).await;
}

async fn send(
    broker: &FaultyBroker,
    instrument: Instrument,
    side: Side,
    units: u32,
    limit: Decimal,
    external_id: &str,
) -> BrokerOrder {
    let order = OrderRequest {
        external_id: external_id.to_owned(),
        legs: vec![Leg { instrument, side, ratio: 1, effect: Effect::Open }],
        units,
        limit: NetPrice(limit),
        strict_effect: false,
    };
    broker.submit(&order).await.unwrap()
}

fn mask(stage: &Stage, mask: Mask) {
    *stage.faults.mask.lock().unwrap() = mask;
}

fn told(stage: &Stage) -> Vec<String> {
    let told = stage.notices().into_iter().filter_map(|notice| match notice {
        Notice::Difference { what } => Some(what),
        _ => None,
    });
    told.collect()
}

/// 1. Order state drift: what worked was cancelled at the broker.
#[test]
fn an_order_cancelled_at_the_broker_meanwhile_is_ended_and_placed_anew() {
    let stage = entered();
    away(&stage, |broker, rt| async move {
        let orders = broker.orders_today().await.unwrap();
        let working: Vec<_> = orders.iter().filter(|o| !o.status.is_terminal()).collect();
        assert_eq!(working.len(), 1, "the profit order");
        broker.cancel(&working[0].id).await.unwrap();
        rt.sleep(TimeDelta::seconds(30)).await;
    });
    back(&stage, |scene| async move {
        let intents = scene.desk.status().unwrap().intents;
        assert_eq!(intents.len(), 1, "{intents:?}");
        assert!(intents[0].is_resting());
        let orders = scene.broker.orders_today().await.unwrap();
        let working = orders.iter().filter(|o| !o.status.is_terminal()).count();
        assert_eq!(working, 1, "one profit order works");
        assert_clean(&scene).await;
    });
    assert_stopped(&stage);
}

/// The entry fills, and the desk is not told of it before it dies.
fn filled_unseen() -> Stage {
    let stage = Stage::new(falling());
    mask(&stage, Mask { order: |order| Some(untold(order, OrderStatus::Live)), ..Mask::default() });
    stage.live(at("10:29:59"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:31:30").await;
        assert_eq!(scene.desk.open_count(), 0, "nothing is known of it");
    });
    assert_eq!(stage.positions(), [], "and nothing of it is taken for the owner's");
    mask(&stage, Mask::default());
    stage
}

/// An opening order that filled, told without its fills.
fn untold(order: BrokerOrder, status: OrderStatus) -> BrokerOrder {
    if order.legs.iter().any(|leg| leg.effect == Effect::Close) || order.fills.is_empty() {
        return order;
    }
    BrokerOrder { status, fills: Vec::new(), ..order }
}

fn assert_whole(stage: &Stage) {
    let entry = ours(stage);
    assert!(entry.legs.iter().all(|leg| leg.quantity.abs() == 1), "{entry:?}");
    let id = crate::account::IntentId(entry.id.0.clone());
    let record = stage.store.read(|tx| read::intent(tx, &id)).unwrap().unwrap();
    assert_eq!(record.fills.len(), 4, "each leg once");
    assert_eq!(owners(stage), [], "nothing of it is taken for the owner's");
}

/// 2. Missed fills, 3. of several legs at once: what filled unseen is a position with a stop.
#[test]
fn an_entry_filled_meanwhile_is_a_position_with_a_stop() {
    let stage = filled_unseen();
    back(&stage, |scene| async move { assert_clean(&scene).await });
    assert_whole(&stage);
    assert_stopped(&stage);
}

/// 5. An order told as cancelled before its fills are: they are applied once, when they come.
#[test]
fn fills_told_after_the_orders_end_are_applied_once() {
    let stage = filled_unseen();
    let ended: fn(BrokerOrder) -> Option<BrokerOrder> =
        |order| Some(untold(order, OrderStatus::Cancelled));
    mask(&stage, Mask { order: ended, ..Mask::default() });
    stage.live(at("10:36:00"), |scene| async move {
        scene.until("10:39:00").await;
        assert!(!scene.desk.is_reconciled(), "contracts are missing");
        assert_eq!(scene.desk.level(), Level::Reducing);
        assert_eq!(scene.desk.status().unwrap().intents, [], "the entry ended unfilled");
    });
    mask(&stage, Mask::default());
    assert_eq!(stage.positions(), [], "nothing of it is taken for the owner's");
    back(&stage, |scene| async move { assert_clean(&scene).await });
    assert_whole(&stage);
    let late = told(&stage).iter().filter(|what| what.starts_with("late fill of")).count();
    assert_eq!(late, 1);
    assert_stopped(&stage);
}

/// 4. External orders: the owner's works on untouched, is told once, and ends with FLATTEN.
#[test]
fn an_order_the_owner_left_working_is_his_until_flatten() {
    let stage = entered();
    let his = another(&stage);
    away(&stage, move |broker, _| async move {
        send(&broker, his, Side::Buy, 1, dec!(-0.05), "").await;
    });
    back(&stage, |scene| async move {
        assert_clean(&scene).await;
        scene.until("11:00:00").await;
        let orders = scene.broker.orders_today().await.unwrap();
        let his: Vec<_> = orders.iter().filter(|order| order.external_id.is_none()).collect();
        assert_eq!(his.len(), 1);
        assert_eq!(his[0].status, OrderStatus::Live);
        scene.desk.flatten("test", "operator").await.unwrap();
        scene.until("11:03:00").await;
        let order = scene.broker.order(&his[0].id).await.unwrap();
        assert_eq!(order.status, OrderStatus::Cancelled);
    });
    let rows = stage.store.read(|tx| tx.list(&EXTERNAL_ORDERS, "")).unwrap();
    assert_eq!(rows.len(), 0, "{rows:?}");
    let by_hand = told(&stage).iter().filter(|what| what.contains("was sent by hand")).count();
    assert_eq!(by_hand, 1);
}

/// 6. Different fill data: the broker books other fees than it told with the fill.
#[test]
fn fees_booked_otherwise_than_told_are_named_at_the_end_of_the_day() {
    let stage = Stage::new(falling());
    let transactions: fn(Vec<crate::broker::Transaction>) -> Vec<crate::broker::Transaction> =
        |all| {
            let dearer = |mut row: crate::broker::Transaction| {
                row.fees_usd += if row.order.is_some() { Usd(dec!(0.10)) } else { Usd::ZERO };
                row
            };
            all.into_iter().map(dearer).collect()
        };
    mask(&stage, Mask { transactions, ..Mask::default() });
    stage.live(at("10:29:59"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("12:30:00").await;
        assert_eq!(scene.desk.level(), Level::Active, "cents stop nothing");
        let summary = scene.job("end-of-day-reconciliation", "16:15:00").await;
        assert!(summary.contains("differs"), "{summary}");
        let rows = scene.desk.parts().store.read(standing).unwrap();
        assert!(!rows.is_empty());
        for row in &rows {
            let Subject::Order { ledger_usd, broker_usd, .. } = &row.subject else {
                panic!("{row:?}")
            };
            assert_eq!(*ledger_usd - *broker_usd, Usd(dec!(0.40)), "four legs");
            assert!(!row.stops);
            scene.desk.accept(&row.id, "the statement says so", "test").await.unwrap();
        }
        assert_clean(&scene).await;
    });
    let date = at("10:00:00").date_naive();
    let book = stage.store.read(|tx| crate::desk::daybook::of_day(tx, date)).unwrap().unwrap();
    assert!(!book.clean);
    assert!(book.orders.iter().all(|order| !order.agrees && order.filled == order.booked));
    assert_eq!(book.ledger_cash_usd, book.broker_cash_usd);
}

/// 7. Filtered: an identifier like ours, of an intent nobody here made. What it holds is the owner's;
///    that it was sent at all halts, once, until somebody has looked (rulebook §6).
#[test]
fn an_order_that_only_looks_like_ours_is_the_owners_and_halts_once() {
    let stage = entered();
    let his = another(&stage);
    away(&stage, move |broker, rt| async move {
        send(&broker, his, Side::Buy, 1, dec!(-300), "zdte-20240802-9/1").await;
        rt.sleep(TimeDelta::minutes(1)).await;
    });
    back(&stage, |scene| async move {
        assert_eq!(scene.desk.reconcile_to_the_cent().await.unwrap(), Reconciled::Clean);
        assert_eq!(scene.desk.level(), Level::Halted);
        scene.desk.resume("looked at", "operator").await.unwrap();
        assert_clean(&scene).await;
    });
    assert_eq!(owners(&stage).len(), 1);
    assert_stopped(&stage);
}

/// 8. Duplicate reports: every fill told twice changes nothing.
#[test]
fn fills_told_twice_count_once() {
    let stage = Stage::new(falling());
    let twice: fn(BrokerOrder) -> Option<BrokerOrder> = |mut order| {
        order.fills = [order.fills.clone(), order.fills].concat();
        Some(order)
    };
    mask(&stage, Mask { order: twice, ..Mask::default() });
    stage.live(at("10:29:59"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.until("10:31:30").await;
    });
    back(&stage, |scene| async move { assert_clean(&scene).await });
    assert_stopped(&stage);
}

/// 9 to 12. The owner traded in our own contracts: what it leaves is ours as far as we held it, and
/// the rest is his. 13. Nothing is ordered because of it.
#[test]
fn what_the_owner_traded_in_our_contracts_is_parted_from_ours() {
    // Of our put (held so), he trades units on a side; then ours is so, and his.
    let cases = [
        ("more of the long", 1, Side::Buy, 1, 1, 1),
        ("more of the short", -1, Side::Sell, 1, -1, -1),
        ("the short bought back", -1, Side::Buy, 1, 0, 0),
        ("the short turned round", -1, Side::Buy, 2, 0, 1),
    ];
    for (case, held, side, units, left, his) in cases {
        let stage = entered();
        let contract = put(&stage, held);
        let traded = contract.clone();
        let sent = stage.faults.openings.lock().unwrap().len();
        away(&stage, move |broker, rt| async move {
            trade(&broker, &rt, traded, side, units).await;
        });
        back(&stage, |scene| async move { assert_clean(&scene).await });
        assert_eq!(quantity(&ours(&stage), &contract), left, "{case}");
        let of_his: i64 = owners(&stage).iter().map(|p| quantity(p, &contract)).sum();
        assert_eq!(of_his, his, "{case}");
        let opened = stage.faults.openings.lock().unwrap().len();
        assert_eq!(opened, sent + 1, "{case}: only his own order opened anything");
        assert!(told(&stage).iter().any(|what| what.contains("by hand")), "{case}");
    }
}

/// A holding nothing explains, in a contract of ours: entries stop until it is explained or the
/// owner says that the broker is right.
#[test]
fn a_holding_nobody_explains_stops_entries_until_the_owner_accepts_it() {
    let stage = entered();
    let short = put(&stage, -1);
    let gone: fn(Vec<crate::account::Holding>) -> Option<Vec<crate::account::Holding>> = |all| {
        let is_short_put = |holding: &crate::account::Holding| {
            holding.quantity < 0
                && matches!(&holding.instrument, Instrument::Option(c) if c.right == Right::Put)
        };
        Some(all.into_iter().filter(|holding| !is_short_put(holding)).collect())
    };
    mask(&stage, Mask { holdings: gone, ..Mask::default() });
    let contract = short.clone();
    back(&stage, |scene| async move {
        assert_eq!(scene.desk.level(), Level::Reducing);
        let before = scene.desk.status().unwrap();
        let cause = &before.holds[0].cause;
        assert!(cause.starts_with("d1: ES "), "{cause}");
        let wanted = " P 2024-08-02: the broker holds +0, the ledger -1";
        assert!(cause.ends_with(wanted), "{cause}");
        let statement = scene.desk.statement(true).await.unwrap();
        let line = &statement.differences[0];
        assert_eq!((line.ledger_contracts, line.broker_contracts), (Some(-1), Some(0)));
        assert!(line.ledger.iter().any(|l| l.starts_with("position zdte-20240802-1")), "{line:?}");
        assert_eq!(line.broker[0], "holds none");
        let refused = scene.desk.accept("d9", "no", "test").await.unwrap_err().to_string();
        assert_eq!(refused, "no difference `d9` stands; standing: d1");
        let settled = scene.desk.accept("d1", "closed by telephone", "test").await.unwrap();
        assert_eq!(settled, Reconciled::Clean);
        assert_eq!(scene.desk.level(), Level::Active);
    });
    let position = ours(&stage);
    assert_eq!(quantity(&position, &contract), 0);
    let corrections =
        stage.store.read(|tx| crate::desk::accept::corrections(tx, &position.id)).unwrap();
    assert_eq!(corrections.len(), 1);
    assert_eq!(
        (corrections[0].quantity, corrections[0].reason.as_str()),
        (1, "closed by telephone")
    );
}

/// Cash that nothing explains: accepted, it is put down as foreign and the day is clean.
#[test]
fn cash_nobody_explains_goes_to_foreign_by_the_owners_word() {
    let stage = Stage::new(falling());
    stage.live(at("10:00:00"), |scene| async move {
        let store = scene.desk.parts().store.clone();
        let shift = store.write(|tx| {
            let mut book = read::cash(tx)?.unwrap();
            book.foreign_usd += Usd(dec!(-150));
            tx.journal(
                at("10:00:00"),
                "test",
                "foreign",
                &serde_json::json!({ "cash_usd": "-150" }),
            )?;
            tx.put(&crate::desk::tables::CASH, crate::desk::tables::CASH_KEY, &book)
        });
        shift.await.unwrap();
        let outcome = scene.desk.reconcile().await.unwrap();
        assert!(matches!(outcome, Reconciled::Differs { .. }), "{outcome:?}");
        let settled = scene.desk.accept("d1", "interest", "test").await.unwrap();
        assert_eq!(settled, Reconciled::Clean);
        assert_eq!(scene.desk.level(), Level::Active);
    });
}

/// A position query that fails is never read as flat.
#[test]
fn holdings_that_cannot_be_read_are_not_read_as_none() {
    let stage = entered();
    mask(&stage, Mask { holdings: |_| None, ..Mask::default() });
    back(&stage, |scene| async move {
        assert!(!scene.desk.is_reconciled());
        assert_eq!(scene.desk.level(), Level::Active, "not known is no difference");
        assert_eq!(scene.desk.open_count(), 1);
        let statement = scene.desk.statement(false).await.unwrap();
        assert_eq!(statement.reason.as_deref(), Some("broker unavailable: planted: no holdings"));
    });
    mask(&stage, Mask::default());
    assert_stopped(&stage);
}

/// Filled here, not found there: what was filled stays filled.
#[test]
fn a_filled_order_the_broker_forgets_stays_filled() {
    let stage = entered();
    let hidden: fn(BrokerOrder) -> Option<BrokerOrder> =
        |order| (order.status != OrderStatus::Filled).then_some(order);
    mask(&stage, Mask { order: hidden, ..Mask::default() });
    back(&stage, |scene| async move { assert_clean(&scene).await });
    let entry = ours(&stage);
    let id = crate::account::IntentId(entry.id.0.clone());
    let record: IntentRecord = stage.store.read(|tx| read::intent(tx, &id)).unwrap().unwrap();
    assert_eq!((record.state, record.fills.len()), (IntentState::Filled, 4));
    mask(&stage, Mask::default());
    assert_stopped(&stage);
}

/// Orders of the owner's: side and contracts of each.
type Trades = &'static [(Side, u32)];

/// The partial windows: what the ledger sees of the owner's trades begins in their middle.
#[test]
fn the_owners_trades_are_followed_wherever_the_ledger_begins_to_see_them() {
    // Trades before the ledger, while it runs unseen, and while it is away; then what is his.
    let cases: [(&str, Trades, Trades, i64); 6] = [
        ("held before the ledger began", &[(Side::Buy, 2)], &[], 2),
        ("held before, partly closed meanwhile", &[(Side::Buy, 2)], &[(Side::Sell, 1)], 1),
        ("held before, closed meanwhile", &[(Side::Buy, 1)], &[(Side::Sell, 1)], 0),
        ("held before, turned round meanwhile", &[(Side::Buy, 1)], &[(Side::Sell, 2)], -1),
        ("opened and closed meanwhile", &[], &[(Side::Buy, 1), (Side::Sell, 1)], 0),
        (
            "opened, closed and opened again meanwhile",
            &[],
            &[(Side::Buy, 1), (Side::Sell, 1), (Side::Buy, 2)],
            2,
        ),
    ];
    let known = entered();
    let his = another(&known);
    for (case, before, meanwhile, held) in cases {
        let stage = Stage::new(falling());
        for (from, trades) in [("10:00:00", before), ("10:20:00", meanwhile)] {
            let (trades, instrument) = (trades.to_vec(), his.clone());
            stage.away(at(from), move |broker, rt| async move {
                for (side, units) in trades {
                    trade(&broker, &rt, instrument.clone(), side, units).await;
                }
            });
            stage.live(at(from) + TimeDelta::minutes(10), |scene| async move {
                scene.rt.sleep(TimeDelta::seconds(20)).await;
                assert_clean(&scene).await;
            });
        }
        let open: i64 =
            owners(&stage).iter().filter(|p| p.is_open()).map(|p| quantity(p, &his)).sum();
        assert_eq!(open, held, "{case}");
    }
}

/// In session a trade of the owner's is found within the minute, also while nothing is open.
#[test]
fn a_trade_by_hand_is_found_within_the_minute_while_nothing_is_open() {
    let known = entered();
    let his = another(&known);
    let stage = Stage::new(falling());
    stage.live(at("10:00:00"), |scene| async move {
        scene.until("10:05:00").await;
        send(&scene.broker, his, Side::Buy, 1, dec!(-300), "").await;
        scene.rt.sleep(TimeDelta::seconds(75)).await;
        assert_eq!(scene.desk.open_count(), 1);
        assert_eq!(scene.desk.level(), Level::Active);
    });
    assert_eq!(owners(&stage).len(), 1);
}

/// The first answer after a silence brings a reconciliation at once.
#[test]
fn the_books_are_compared_as_soon_as_the_broker_answers_again() {
    let stage = entered();
    let faults = Arc::clone(&stage.faults);
    back(&stage, |scene| async move {
        let before = scene.desk.status().unwrap().reconciled_at.unwrap();
        faults.silent.store(true, Ordering::SeqCst);
        scene.until("10:43:05").await;
        faults.silent.store(false, Ordering::SeqCst);
        scene.until("10:43:20").await;
        let after = scene.desk.status().unwrap().reconciled_at.unwrap();
        assert!(after > before && after >= at("10:43:05"), "{after}");
        assert!(scene.desk.is_reconciled());
    });
}
