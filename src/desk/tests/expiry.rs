//! Expiry, assignment and exercise, from the option's last trade to the closing of what it
//! delivered: LEAN's regression matrix (index, equity and future options × call, put × long, short
//! × in, out of the money), at the money, AM and PM series, spreads, and repeated reports.

use std::sync::{Arc, atomic::Ordering};

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::{Decimal, dec};

use super::world::{Faults, FaultyBroker};
use crate::{
    account::{
        Effect, ExitReason, IntentId, Leg, NetPrice, Position, PositionId, Side, StrategyId,
    },
    broker::{
        Broker, TransactionKind,
        paper::{
            PaperVenue,
            tests::{ScriptedMarket, settings},
        },
    },
    calendar::Calendar,
    clock::{Runtime, Timestamp, VirtualWorld},
    config::Rulebook,
    desk::{
        Desk, DeskParts,
        fold::{self, FoldOutcome},
        intent::IntentState,
        read, record,
    },
    instrument::{Instrument, OptionContract, Product, Right, Settlement, expiration},
    market::Market,
    money::Usd,
    notice::{Notice, OUTBOX},
    store::{Read as _, Store},
    strategy::{Intent, Ladder, Purpose},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn contract(
    product: Product,
    date: &str,
    settlement: Settlement,
    strike: Decimal,
    right: Right,
) -> OptionContract {
    let date: NaiveDate = date.parse().unwrap();
    let listed = expiration::listed(&Calendar::default(), product, date, 0);
    let series = listed.into_iter().find(|series| series.settlement == settlement).unwrap();
    OptionContract { series, strike, right }
}

/// A desk on a venue whose market is scripted.
#[derive(Clone)]
struct House {
    rt: Runtime,
    market: Arc<ScriptedMarket>,
    venue: Arc<FaultyBroker>,
    desk: Arc<Desk>,
    store: Store,
    faults: Arc<Faults>,
}

const ID: &str = "zdte-20240802-1";

fn play<F: Future<Output = ()> + 'static>(from: &str, scene: impl FnOnce(House) -> F + 'static) {
    let mut world = VirtualWorld::new(at(from));
    let rt = world.runtime();
    let ledger = Store::in_memory().unwrap();
    let store = ledger.clone();
    let life = async move {
        let market = Arc::new(ScriptedMarket::new(rt.clone()));
        let mut settings = settings();
        settings.starting_balance_gbp = dec!(2000000);
        settings.assignment.early_percent = Decimal::ZERO;
        let calendar = Calendar::default();
        // Nothing here is closed on schedule: it is to expire.
        let mut rulebook = Rulebook::embedded();
        let rules = &mut rulebook.friday_0dte;
        let late = |second| chrono::NaiveTime::from_hms_opt(15, 59, second).unwrap();
        (rules.exit_at, rules.natural_at) = (late(50), late(52));
        (rules.shorts_alone_at, rules.width_at, rules.critical_at) = (late(54), late(56), late(58));
        let venue = PaperVenue::open(
            Store::in_memory().unwrap(),
            Arc::clone(&market) as Arc<dyn Market>,
            rt.clone(),
            calendar.clone(),
            settings,
        );
        let faults = Arc::<Faults>::default();
        let venue = FaultyBroker::new(venue.await.unwrap(), rt.clone(), Arc::clone(&faults));
        let venue = Arc::new(venue);
        let desk = Desk::new(DeskParts {
            rt: rt.clone(),
            store: store.clone(),
            broker: Arc::clone(&venue) as Arc<dyn Broker>,
            market: Arc::clone(&market) as Arc<dyn Market>,
            calendar,
            rulebook: Arc::new(rulebook),
            data_dir: None,
        });
        let desk = desk.unwrap();
        desk.start().await.unwrap();
        scene(House { rt, market, venue, desk, store, faults }).await;
    };
    world.run(life).expect("the scene ends");
    let verified = ledger.read(|tx| fold::verify(tx, &[])).unwrap();
    assert_eq!(verified.state.outcome, FoldOutcome::Same, "{:?}", verified.state.differences);
}

impl House {
    async fn until(&self, instant: &str) {
        self.rt.sleep_until(at(instant)).await;
    }

    /// Opens a position of the ledger by an intent, as an entry job would. The feed of options goes
    /// dark after it, so that nothing closes it before it expires.
    async fn open(&self, legs: &[(OptionContract, Side)]) {
        let product = legs[0].0.series.product;
        let leg = |(contract, side): &(OptionContract, Side)| Leg {
            instrument: Instrument::Option(contract.clone()),
            side: *side,
            ratio: 1,
            effect: Effect::Open,
        };
        let now = self.rt.now();
        let intent = Intent {
            id: IntentId(ID.to_owned()),
            strategy: StrategyId::Friday0dte,
            product,
            purpose: Purpose::Entry,
            slot: now,
            legs: legs.iter().map(leg).collect(),
            units: 1,
            ladder: Ladder::Entry,
            limit: NetPrice(dec!(-400)),
            tick: dec!(0.05),
            width: None,
            max_loss_usd: Usd(dec!(1000)),
            requirement_usd: Usd(dec!(1000)),
        };
        let create = move |tx: &mut _| {
            record::create(tx, intent, IntentState::Approved, "test", now).map(drop)
        };
        self.store.write(create).await.unwrap();
        self.desk.wake();
        for _ in 0..120 {
            self.rt.sleep(TimeDelta::seconds(1)).await;
            let open = self.position().is_some_and(|p| p.legs.len() == legs.len());
            if open && self.desk.status().unwrap().intents.iter().all(|r| !r.is_entry()) {
                self.market.down(true);
                return;
            }
        }
        panic!("not filled: {:?}", self.desk.status().unwrap().intents);
    }

    fn position(&self) -> Option<Position> {
        self.store.read(|tx| read::position(tx, &PositionId(ID.to_owned()))).unwrap()
    }

    fn notices(&self) -> Vec<Notice> {
        let rows = self.store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
        rows.into_iter().map(|(_, row)| row.notice).collect()
    }

    fn told(&self, kind: fn(&Notice) -> bool) -> usize {
        self.notices().iter().filter(|notice| kind(notice)).count()
    }

    async fn held(&self) -> Vec<(Instrument, i64)> {
        let held = self.venue.holdings().await.unwrap();
        held.into_iter().map(|held| (held.instrument, held.quantity)).collect()
    }

    /// Cash of everything but the funding, fees taken off.
    async fn venue_total(&self) -> Usd {
        let rows = self.venue.venue().transactions(0).await.unwrap();
        let traded = rows.iter().filter(|row| row.kind != TransactionKind::Transfer);
        traded.map(|row| row.cash_usd - row.fees_usd).sum()
    }

    async fn assert_books_agree(&self) {
        let cash = self.store.read(read::cash).unwrap().unwrap();
        assert_eq!(self.venue.balances().await.unwrap().cash_usd, cash.expected_usd());
        assert!(self.desk.is_reconciled());
    }
}

/// What an option becomes, in one row of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Worthless,
    Cash,
    Delivered,
}

/// One option held by one contract to its expiry, and all that must follow from it.
async fn expires(
    house: House,
    option: OptionContract,
    side: Side,
    value: Decimal,
    days: [&'static str; 2],
) {
    let product = option.series.product;
    let name = format!("{product} {:?} {side:?} at {value}", option.right);
    house.market.quote(&option, dec!(2.00), dec!(2.05));
    house.market.mark_at(product, dec!(500));
    house.open(&[(option.clone(), side)]).await;
    let premium = house.venue_total().await;
    house.market.settle(product, value);
    house.market.mark_at(product, value);
    let [settled, morning] = days;

    house.until(settled).await;
    house.desk.reconcile().await.unwrap();
    let intrinsic = option.right.intrinsic(value, option.strike);
    let end = match product {
        _ if intrinsic.is_zero() => End::Worthless,
        Product::Spx | Product::Xsp => End::Cash,
        _ => End::Delivered,
    };
    let contracts = side.sign();
    let direction = if option.right == Right::Call { contracts } else { -contracts };
    let delivered = match product {
        Product::Es | Product::Mes => {
            let code = option.series.future.clone().unwrap();
            (Instrument::Future { product, code }, direction)
        }
        _ => (Instrument::Shares { product }, direction * 100),
    };
    let wanted = if end == End::Delivered { vec![delivered.clone()] } else { vec![] };
    assert_eq!(house.held().await, wanted, "{name}: held at the venue");
    house.assert_books_agree().await;
    let position = house.position().unwrap();
    let open = position.legs.iter().filter(|leg| leg.quantity != 0);
    let open: Vec<_> = open.map(|leg| (leg.instrument.clone(), leg.quantity)).collect();
    assert_eq!(open, wanted, "{name}: the ledger's position");
    assert_eq!(position.is_open(), end == End::Delivered, "{name}");
    let told = house.told(|notice| matches!(notice, Notice::Delivered { .. }));
    assert_eq!(told, usize::from(end == End::Delivered), "{name}");

    house.market.down(false);
    house.until(morning).await;
    house.desk.reconcile().await.unwrap();
    assert_eq!(house.held().await, vec![], "{name}: closed in the morning");
    house.assert_books_agree().await;
    let position = house.position().unwrap();
    let total = house.venue_total().await;
    assert_eq!(position.pnl_usd(), total, "{name}: the ledger's result is the venue's");
    // The result by hand: the premium, the value at expiry, and the fees of each way to end.
    let multiplier = Decimal::from(contracts) * product.multiplier();
    let tick = if matches!(product, Product::Es | Product::Mes) { dec!(0.25) } else { dec!(0.01) };
    let (by_end, fees) = match (end, product) {
        (End::Worthless, _) => (Decimal::ZERO, Decimal::ZERO),
        (End::Cash, _) => (multiplier * intrinsic, Decimal::ZERO),
        // 5.00 for the exercise; the future 2.95, a micro 1.52, 100 shares 0.08. A short is bought
        // back one tick above its mark.
        (End::Delivered, _) => {
            let paid = if direction < 0 { tick * product.multiplier() } else { Decimal::ZERO };
            let outright = match product {
                Product::Es => dec!(2.95),
                Product::Mes => dec!(1.52),
                _ => dec!(0.08),
            };
            (multiplier * intrinsic - paid, dec!(5) + outright)
        }
    };
    assert_eq!(total, premium + Usd(by_end - fees), "{name}: to the cent");
    let reason = if end == End::Delivered { ExitReason::Delivered } else { ExitReason::Expired };
    assert_eq!(position.exit_reason, Some(reason), "{name}");
    assert_eq!(house.told(|notice| matches!(notice, Notice::Closed { .. })), 1, "{name}");
    assert_eq!(house.told(|notice| matches!(notice, Notice::Difference { .. })), 0, "{name}");
    if end == End::Delivered {
        let opened = at(&format!("{}T13:30:00Z", &morning[..10]));
        let shares = if tick == dec!(0.25) { 0 } else { 60 };
        let closed = (position.closed_at.unwrap() - opened).num_seconds();
        assert!((shares + 1..shares + 40).contains(&closed), "{name}: closed after {closed} s");
    }
}

#[test]
fn every_option_ends_as_its_product_does_to_the_cent() {
    use Settlement::{Am, Pm};
    // Three ways to settle: by cash, by shares, by a future; and both hours of the day.
    let friday = ["2024-08-02T20:20:00Z", "2024-08-05T13:33:00Z"];
    let third = ["2024-08-16T13:36:00Z", "2024-08-19T13:33:00Z"];
    let rows = [
        (Product::Xsp, "2024-08-02", Pm, "2024-08-02T19:56:00Z", friday),
        (Product::Spy, "2024-08-02", Pm, "2024-08-02T19:56:00Z", friday),
        (Product::Es, "2024-08-02", Pm, "2024-08-02T19:56:00Z", friday),
        (Product::Mes, "2024-08-02", Pm, "2024-08-02T19:56:00Z", friday),
        (Product::Spx, "2024-08-16", Am, "2024-08-15T19:56:00Z", third),
    ];
    let mut cases = 0;
    for (product, date, settlement, from, days) in rows {
        for right in [Right::Call, Right::Put] {
            for side in [Side::Buy, Side::Sell] {
                for value in [dec!(490), dec!(500), dec!(510)] {
                    let option = contract(product, date, settlement, dec!(500), right);
                    play(from, move |house| expires(house, option, side, value, days));
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 60);
}

#[test]
fn an_am_quarterly_delivers_its_expiring_future_which_settles_in_cash_at_once() {
    // The AM quarterly of ES goes into the future that stops trading at that very opening.
    play("2024-09-19T19:56:00Z", |house| async move {
        let put = contract(Product::Es, "2024-09-20", Settlement::Am, dec!(500), Right::Put);
        house.market.quote(&put, dec!(2.00), dec!(2.05));
        house.market.mark_at(Product::Es, dec!(500));
        house.open(&[(put.clone(), Side::Sell)]).await;
        let premium = house.venue_total().await;
        house.market.settle(Product::Es, dec!(490));
        house.market.mark_at(Product::Es, dec!(490));
        house.until("2024-09-20T13:36:00Z").await;
        house.desk.reconcile().await.unwrap();
        assert_eq!(house.held().await, vec![]);
        house.assert_books_agree().await;
        let position = house.position().unwrap();
        // Ten points of 50 dollars, and 5.00 for the assignment.
        assert_eq!(position.pnl_usd(), premium - Usd(dec!(505)));
        assert_eq!(position.exit_reason, Some(ExitReason::Expired));
    });
}

/// A put spread of SPY, short 505, long 495, at 5.50 and 2.05.
fn spread(date: &str) -> [(OptionContract, Side); 2] {
    let put = |strike| contract(Product::Spy, date, Settlement::Pm, strike, Right::Put);
    [(put(dec!(505)), Side::Sell), (put(dec!(495)), Side::Buy)]
}

async fn open_spread(house: &House, date: &str) -> [(OptionContract, Side); 2] {
    let legs = spread(date);
    house.market.quote(&legs[0].0, dec!(5.50), dec!(5.55));
    house.market.quote(&legs[1].0, dec!(2.00), dec!(2.05));
    house.market.mark_at(Product::Spy, dec!(520));
    house.open(&legs).await;
    legs
}

#[test]
fn a_spread_with_one_leg_in_the_money_is_assigned_in_that_leg() {
    play("2024-08-02T19:56:00Z", |house| async move {
        open_spread(&house, "2024-08-02").await;
        house.market.settle(Product::Spy, dec!(500));
        house.until("2024-08-02T20:20:00Z").await;
        house.desk.reconcile().await.unwrap();
        assert_eq!(house.held().await, [(Instrument::Shares { product: Product::Spy }, 100)]);
        house.market.down(false);
        house.market.mark_at(Product::Spy, dec!(480));
        house.until("2024-08-05T13:30:59Z").await;
        assert_eq!(house.held().await.len(), 1, "shares wait for 09:31");
        house.until("2024-08-05T13:31:40Z").await;
        assert_eq!(house.held().await, vec![]);
        let position = house.position().unwrap();
        assert_eq!(position.exit_reason, Some(ExitReason::Delivered));
        // The weekend's fall belongs to the trade: 25 points of 100 dollars.
        assert_eq!(position.pnl_usd(), house.venue_total().await);
        assert!(position.pnl_usd() < Usd(dec!(-2000)), "{}", position.pnl_usd());
    });
}

#[test]
fn both_legs_in_the_money_cancel_each_other_and_leave_nothing() {
    play("2024-08-02T19:56:00Z", |house| async move {
        open_spread(&house, "2024-08-02").await;
        let premium = house.venue_total().await;
        house.market.settle(Product::Spy, dec!(480));
        house.until("2024-08-02T20:20:00Z").await;
        house.desk.reconcile().await.unwrap();
        assert_eq!(house.held().await, vec![]);
        house.assert_books_agree().await;
        let position = house.position().unwrap();
        // Ten wide, 100 dollars a point, two exercises of 5.00.
        assert_eq!(position.pnl_usd(), premium - Usd(dec!(1010)));
        assert_eq!(position.exit_reason, Some(ExitReason::Expired));
        assert_eq!(house.told(|notice| matches!(notice, Notice::Closed { .. })), 1);
    });
}

#[test]
fn an_early_assignment_closes_its_shares_and_leaves_the_long_to_its_own_end() {
    play("2024-08-14T15:00:00Z", |house| async move {
        let legs = open_spread(&house, "2024-08-16").await;
        house.market.settle(Product::Spy, dec!(500));
        // In the night to Thursday the short is assigned; only the books tell.
        house.until("2024-08-15T09:00:00Z").await;
        house.faults.double.store(true, Ordering::SeqCst);
        house.venue.venue().exercise(&legs[0].0, 1).await.unwrap();
        house.until("2024-08-15T12:00:00Z").await;
        house.desk.reconcile().await.unwrap();
        house.assert_books_agree().await;
        assert_eq!(house.told(|notice| matches!(notice, Notice::Delivered { .. })), 1);
        house.market.down(false);
        house.market.quote(&legs[1].0, dec!(0.00), dec!(0.05));
        house.until("2024-08-15T13:32:00Z").await;
        let long = Instrument::Option(legs[1].0.clone());
        assert_eq!(house.held().await, [(long, 1)]);
        assert!(house.position().unwrap().is_open());
        house.until("2024-08-16T20:20:00Z").await;
        house.desk.reconcile().await.unwrap();
        assert_eq!(house.held().await, vec![]);
        house.assert_books_agree().await;
        let position = house.position().unwrap();
        assert!(!position.is_open());
        assert_eq!(position.pnl_usd(), house.venue_total().await);
        assert_eq!(house.told(|notice| matches!(notice, Notice::Difference { .. })), 0);
    });
}

#[test]
fn what_the_owner_is_assigned_is_never_touched() {
    play("2024-08-14T15:00:00Z", |house| async move {
        let put = contract(Product::Spy, "2024-08-16", Settlement::Pm, dec!(505), Right::Put);
        house.market.quote(&put, dec!(5.50), dec!(5.55));
        let by_hand = crate::broker::OrderRequest {
            external_id: String::new(),
            legs: vec![Leg {
                instrument: Instrument::Option(put.clone()),
                side: Side::Sell,
                ratio: 1,
                effect: Effect::Open,
            }],
            units: 1,
            limit: NetPrice(dec!(5.50)),
            strict_effect: false,
        };
        house.venue.submit(&by_hand).await.unwrap();
        house.until("2024-08-14T15:02:00Z").await;
        house.desk.reconcile().await.unwrap();
        house.until("2024-08-15T09:00:00Z").await;
        house.venue.venue().exercise(&put, 1).await.unwrap();
        house.until("2024-08-15T12:00:00Z").await;
        house.desk.reconcile().await.unwrap();
        house.assert_books_agree().await;
        house.until("2024-08-15T19:59:00Z").await;
        assert_eq!(house.held().await, [(Instrument::Shares { product: Product::Spy }, 100)]);
    });
}

#[test]
fn a_position_under_an_adjusted_root_is_told_counted_and_left_alone() {
    play("2024-08-14T15:00:00Z", |house| async move {
        open_spread(&house, "2024-08-16").await;
        house.venue.venue().adjust(Product::Spy).await.unwrap();
        house.desk.reconcile().await.unwrap();
        house.assert_books_agree().await;
        let position = house.position().unwrap();
        let open = position.legs.iter().filter(|leg| leg.quantity != 0);
        let roots: Vec<_> = open
            .map(|leg| match &leg.instrument {
                Instrument::Option(contract) => (contract.series.root.clone(), leg.quantity),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(roots, [("SPY1".to_owned(), 1), ("SPY1".to_owned(), -1)]);
        assert_eq!(house.told(|notice| matches!(notice, Notice::HeldBack { .. })), 2);
        assert_eq!(house.desk.open_count(), 1, "limits go on counting it");
        // Neither the time exit nor the assignment rule sends anything for it.
        house.market.down(false);
        let closes = |house: &House| {
            house.store.read(|tx| read::closes(tx, &PositionId(ID.to_owned()))).unwrap().len()
        };
        let before = closes(&house);
        house.market.mark_at(Product::Spy, dec!(480));
        house.until("2024-08-15T19:59:58Z").await;
        assert_eq!(closes(&house), before);
        assert!(house.desk.is_reconciled());
    });
}
