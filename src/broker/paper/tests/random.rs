//! Random order flows against the laws of the venue: cash and holdings are the sums of what was
//! told, every fill is inside its quotes, and an order goes only the ways its state machine has.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{
    broker::{OrderStatus, TransactionKind},
    money::Usd,
};

/// What a person or a daemon may do next. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Send { shape: usize, units: u32, ticks: i64, strict: bool },
    Cancel(usize),
    Replace { which: usize, ticks: i64 },
    Move { contract: usize, bid: i64, width: i64, interest: u32 },
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..7_usize, 1..5_u32, -30..30_i64, any::<bool>())
            .prop_map(|(shape, units, ticks, strict)| Step::Send { shape, units, ticks, strict }),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => (any::<usize>(), -30..30_i64)
            .prop_map(|(which, ticks)| Step::Replace { which, ticks }),
        3 => (0..4_usize, 0..60_i64, 1..12_i64, 0..400_u32)
            .prop_map(|(contract, bid, width, interest)| Step::Move { contract, bid, width, interest }),
        4 => (1..90_i64).prop_map(Step::Wait),
    ]
}

/// The wings and shorts of a condor on XSP.
fn contracts() -> [OptionContract; 4] {
    [(527, Right::Put), (530, Right::Put), (540, Right::Call), (543, Right::Call)]
        .map(|(strike, right)| option(Product::Xsp, Decimal::from(strike), right))
}

/// Seven orders over them: single legs, spreads and condors, opening and closing.
fn shape(index: usize) -> Vec<Leg> {
    let [wing_put, put, call, wing_call] = contracts();
    let sell = |c: &OptionContract| leg(Side::Sell, c, Effect::Open);
    let buy = |c: &OptionContract| leg(Side::Buy, c, Effect::Open);
    let condor = vec![buy(&wing_put), sell(&put), sell(&call), buy(&wing_call)];
    match index {
        0 => condor,
        1 => reversed(&condor),
        2 => vec![sell(&put), buy(&wing_put)],
        3 => reversed(&[sell(&put), buy(&wing_put)]),
        4 => vec![buy(&call)],
        5 => reversed(&[buy(&call)]),
        _ => vec![buy(&wing_call), Leg { ratio: 2, ..sell(&put) }],
    }
}

type Quotes = BTreeMap<Instrument, Vec<(Timestamp, Decimal, Decimal)>>;

/// What must hold of everything the venue ever told.
struct Laws {
    statuses: BTreeMap<BrokerOrderId, OrderStatus>,
    quotes: Quotes,
}

impl Laws {
    async fn check(&mut self, a: &Actors) {
        let orders = a.venue.order_history(friday()).await.unwrap();
        let rows = a.venue.transactions(0).await.unwrap();
        let holdings = a.venue.holdings().await.unwrap();
        money(&a.venue.balances().await.unwrap().cash_usd, &rows);
        held(&holdings, &rows, &orders);
        let mut ids = BTreeSet::new();
        for order in &orders {
            self.transition(order);
            self.fills(order, &mut ids);
        }
    }

    /// An order goes only the ways there are, and never back from its end.
    fn transition(&mut self, order: &BrokerOrder) {
        use OrderStatus::{CancelRequested, Cancelled, Expired, Filled, Live, Received, Rejected};
        let before = self.statuses.insert(order.id.clone(), order.status);
        let Some(before) = before.filter(|before| *before != order.status) else { return };
        let ways: &[OrderStatus] = match before {
            Received => &[Live, CancelRequested, Cancelled, Rejected, Filled, Expired],
            Live => &[CancelRequested, Cancelled, Filled, Rejected, Expired],
            CancelRequested => &[Cancelled, Filled, Rejected, Live, Expired],
            Filled | Cancelled | Expired | Rejected => &[],
        };
        assert!(ways.contains(&order.status), "{before:?} to {:?}", order.status);
    }

    /// Whole units, inside the quotes, at the limit or better and never better than mid.
    fn fills(&self, order: &BrokerOrder, ids: &mut BTreeSet<String>) {
        let legs = order.legs.len();
        assert_eq!(order.fills.len() % legs, 0, "no leg is filled alone");
        let mut units = 0;
        for group in order.fills.chunks(legs) {
            let filled = group[0].quantity / order.legs[0].ratio;
            let (mut net, mut mid) = (Decimal::ZERO, Decimal::ZERO);
            for (fill, leg) in group.iter().zip(&order.legs) {
                assert!(ids.insert(fill.id.clone()), "{} twice", fill.id);
                assert_eq!((&fill.instrument, fill.side), (&leg.instrument, leg.side));
                assert_eq!(fill.quantity, leg.ratio * filled);
                let (bid, ask) = self.quote(&fill.instrument, fill.at);
                assert!(bid <= fill.price && fill.price <= ask, "{fill:?} in {bid}..{ask}");
                assert_eq!(fill.price % dec!(0.01), Decimal::ZERO);
                let signed = Decimal::from(-leg.side.sign() * i64::from(leg.ratio));
                net += signed * fill.price;
                mid += signed * (bid + ask) / Decimal::TWO;
            }
            // At natural a fill may be better than a limit beyond it; nothing is worse than it.
            assert!(order.limit.0 <= net && net <= mid, "{net} for {} at mid {mid}", order.limit);
            units += filled;
        }
        assert!(units <= order.units);
        assert_eq!(order.status == OrderStatus::Filled, units == order.units);
        assert!(order.status != OrderStatus::Rejected || order.reject_reason.is_some());
    }

    fn quote(&self, instrument: &Instrument, at: Timestamp) -> (Decimal, Decimal) {
        let shown = self.quotes[instrument].iter().rev().find(|(from, ..)| *from <= at);
        shown.map(|(_, bid, ask)| (*bid, *ask)).expect("quoted from the start")
    }
}

/// Cash is the sum of all transactions, to the cent.
fn money(cash: &Usd, rows: &[crate::broker::Transaction]) {
    let sum: Usd = rows.iter().map(|row| row.cash_usd - row.fees_usd).sum();
    assert_eq!(*cash, sum);
    assert_eq!(cash.rounded(), *cash, "whole cents");
    assert!(rows.windows(2).all(|pair| pair[0].id + 1 == pair[1].id));
}

/// Holdings are the sum of the transactions, and the trades are the sum of the fills.
fn held(
    holdings: &[crate::account::Holding],
    rows: &[crate::broker::Transaction],
    orders: &[BrokerOrder],
) {
    let mut sums: BTreeMap<&Instrument, i64> = BTreeMap::new();
    let mut trades: BTreeMap<&Instrument, i64> = BTreeMap::new();
    for row in rows {
        let Some(instrument) = &row.instrument else { continue };
        *sums.entry(instrument).or_default() += row.quantity;
        if row.kind == TransactionKind::Trade {
            *trades.entry(instrument).or_default() += row.quantity;
        }
    }
    for fill in orders.iter().flat_map(|order| &order.fills) {
        let sum = trades.get_mut(&fill.instrument).expect("a fill has its transaction");
        *sum -= fill.side.sign() * i64::from(fill.quantity);
    }
    assert!(trades.values().all(|left| *left == 0), "{trades:?}");
    sums.retain(|_, quantity| *quantity != 0);
    let told = holdings.iter().map(|held| (&held.instrument, held.quantity)).collect();
    assert_eq!(sums, told);
}

async fn take(a: &Actors, laws: &mut Laws, sent: &mut Vec<BrokerOrderId>, step: Step) {
    let chosen =
        |which: usize, sent: &[BrokerOrderId]| sent.get(which % sent.len().max(1)).cloned();
    match step {
        Step::Send { shape: index, units, ticks, strict } => {
            let limit = Decimal::new(ticks, 2);
            let order =
                OrderRequest { strict_effect: strict, ..request(shape(index), units, limit) };
            sent.extend(a.venue.submit(&order).await.ok().map(|told| told.id));
        }
        Step::Cancel(which) => {
            if let Some(id) = chosen(which, sent) {
                let _ = a.venue.cancel(&id).await;
            }
        }
        Step::Replace { which, ticks } => {
            if let Some(id) = chosen(which, sent) {
                let limit = NetPrice(Decimal::new(ticks, 2));
                let told = a.venue.replace(&id, limit, "again").await;
                sent.extend(told.ok().map(|told| told.id));
            }
        }
        Step::Move { contract, bid, width, interest } => {
            let contract = &contracts()[contract];
            let (bid, ask) = (Decimal::new(bid, 2), Decimal::new(bid + width, 2));
            // Half a second before the next look, so that no look sees two markets.
            let line = scripted::Line { bid, ask, open_interest: interest };
            a.market.quote_from(a.rt.now(), contract, Some(line));
            let shown = laws.quotes.entry(Instrument::Option(contract.clone())).or_default();
            shown.push((a.rt.now(), bid, ask));
        }
        Step::Wait(seconds) => a.wait(seconds).await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_for_any_flow_of_orders_and_any_restart(
        steps in prop::collection::vec(step(), 1..60),
        die_at in 0..60_usize,
        settles in 520..550_i64,
    ) {
        let mut stage = Stage::new(friday());
        stage.settings.fills.chance_at_mid_percent = dec!(30);
        let (first, second) = (steps[..die_at.min(steps.len())].to_vec(),
            steps[die_at.min(steps.len())..].to_vec());
        let laws = Laws { statuses: BTreeMap::new(), quotes: BTreeMap::new() };
        let (mut laws, mut sent) = stage.play(move |a| async move {
            let (mut laws, mut sent) = (laws, Vec::new());
            for contract in 0..4 {
                let quote = Step::Move { contract, bid: 30, width: 4, interest: 100 };
                take(&a, &mut laws, &mut sent, quote).await;
            }
            a.rt.sleep(TimeDelta::milliseconds(500)).await;
            for step in first {
                take(&a, &mut laws, &mut sent, step).await;
                laws.check(&a).await;
            }
            (laws, sent)
        });
        stage.play(move |a| async move {
            for step in second {
                take(&a, &mut laws, &mut sent, step).await;
                laws.check(&a).await;
            }
            a.market.settle(Product::Xsp, Decimal::from(settles));
            a.until("2024-08-02T20:01:00Z").await;
            laws.check(&a).await;
            assert_eq!(a.venue.holdings().await.unwrap(), []);
            let all = a.venue.order_history(friday()).await.unwrap();
            assert!(all.iter().all(|order| order.status.is_terminal()));
        });
    }
}
