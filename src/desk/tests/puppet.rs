//! A broker on strings: each submit is answered as planned, legs fill one by one, and what it shows
//! of that is up to the scene.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use rust_decimal::{Decimal, dec};

use super::{
    clocks::Stepped,
    world::{Stage, at, run_job},
};
use crate::{
    account::{
        Balances, BrokerOrderId, Fill, Holding, IntentId, Leg, Position, PositionId, Side,
        TradingStatus,
    },
    broker::{
        Broker, BrokerError, BrokerOrder, OrderRequest, OrderStatus, SubmitError, Transaction,
        TransactionKind,
    },
    calendar::Calendar,
    clock::{Runtime, Timestamp, VirtualWorld},
    desk::{Desk, DeskParts, intent::IntentRecord, read},
    instrument::Instrument,
    money::Usd,
    risk::{BuyingPower, BuyingPowerSource},
};

/// The price each leg of a kind fills at.
pub(super) const SOLD_AT: Decimal = dec!(5);
pub(super) const BOUGHT_AT: Decimal = dec!(1);

pub(super) type Which = fn(&Leg) -> bool;

pub(super) fn sells(leg: &Leg) -> bool {
    leg.side == Side::Sell
}

pub(super) fn buys(leg: &Leg) -> bool {
    leg.side == Side::Buy
}

pub(super) fn all(_: &Leg) -> bool {
    true
}

/// What happens to a submit.
#[derive(Clone, Copy)]
pub(super) enum Plan {
    /// It works and nothing fills.
    Work,
    /// These legs fill whole at once.
    Fill(Which),
    /// These legs fill for next to nothing.
    FillCheap(Which),
    /// It is refused.
    Reject,
    /// It arrives, its answer does not, and it carries no name.
    Nameless,
    /// It never arrives, and nobody says so.
    Lost,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) orders: Vec<BrokerOrder>,
    pub(super) transactions: Vec<Transaction>,
    pub(super) held: BTreeMap<Instrument, i64>,
    pub(super) cash: Usd,
    pub(super) plan: VecDeque<Plan>,
    pub(super) submits: Vec<(Timestamp, OrderRequest)>,
    /// Cancels are taken and never done.
    pub(super) stubborn: bool,
    pub(super) silent: bool,
    /// Its holdings alone cannot be read.
    pub(super) no_holdings: bool,
    /// What happens while the books are read next.
    pub(super) meanwhile: Option<Box<dyn FnOnce() + Send>>,
    /// Orders in no list.
    pub(super) hidden: BTreeSet<BrokerOrderId>,
}

pub(super) struct Puppet {
    rt: Runtime,
    state: Mutex<State>,
}

impl Puppet {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn plan(&self, plan: &[Plan]) {
        self.state().plan.extend(plan.iter().copied());
    }

    pub(super) fn sent(&self) -> Vec<OrderRequest> {
        self.state().submits.iter().map(|(_, request)| request.clone()).collect()
    }

    /// Fills legs of an order whole; `shown`: the order tells of it.
    pub(super) fn fill(&self, index: usize, which: Which, shown: bool) {
        let now = self.rt.now();
        fill(&mut self.state(), index, which, dec!(1), shown, now);
    }

    /// Shows fills of an order that the books have.
    pub(super) fn show(&self, index: usize) {
        let mut state = self.state();
        let id = state.orders[index].id.clone();
        let fills: Vec<Fill> = state
            .transactions
            .iter()
            .filter(|t| t.order.as_ref() == Some(&id))
            .map(fill_of)
            .collect();
        state.orders[index].fills = fills;
    }

    pub(super) fn end(&self, index: usize, status: OrderStatus) {
        let now = self.rt.now();
        let mut state = self.state();
        let order = &mut state.orders[index];
        (order.status, order.updated_at) = (status, now);
    }

    /// An order at the broker of which the daemon knows nothing, like one that was sent.
    pub(super) fn plant(&self, name: Option<&str>, like: usize, status: OrderStatus) -> usize {
        let now = self.rt.now();
        let mut state = self.state();
        let (_, request) = state.submits[like].clone();
        let number = state.orders.len();
        let external_id = name.map(str::to_owned);
        state.orders.push(BrokerOrder { status, ..taken(number, external_id, &request, now) });
        number
    }

    fn heard(&self) -> Result<MutexGuard<'_, State>, BrokerError> {
        let state = self.state();
        if state.silent {
            return Err(BrokerError::Unavailable("planted silence".to_owned()));
        }
        Ok(state)
    }
}

fn taken(
    number: usize,
    external_id: Option<String>,
    request: &OrderRequest,
    now: Timestamp,
) -> BrokerOrder {
    BrokerOrder {
        id: BrokerOrderId(format!("p{number}")),
        external_id,
        status: OrderStatus::Live,
        legs: request.legs.clone(),
        units: request.units,
        limit: request.limit,
        fills: Vec::new(),
        reject_reason: None,
        updated_at: now,
    }
}

fn fill_of(t: &Transaction) -> Fill {
    let instrument = t.instrument.clone().unwrap();
    let quantity = u32::try_from(t.quantity.unsigned_abs()).unwrap();
    Fill {
        id: format!("f{}", t.id),
        side: if t.quantity > 0 { Side::Buy } else { Side::Sell },
        quantity,
        price: t.cash_usd.0.abs() / instrument.multiplier() / Decimal::from(quantity),
        instrument,
        fees: t.fees_usd,
        at: t.at,
    }
}

fn fill(
    state: &mut State,
    index: usize,
    which: Which,
    share: Decimal,
    shown: bool,
    now: Timestamp,
) {
    let order = state.orders[index].clone();
    for leg in order.legs.iter().filter(|leg| which(leg)) {
        let quantity = i64::from(leg.ratio * order.units) * leg.side.sign();
        let price = if leg.side == Side::Sell { SOLD_AT } else { BOUGHT_AT } * share;
        let cash = Usd(-Decimal::from(quantity) * price * leg.instrument.multiplier());
        let id = u64::try_from(state.transactions.len()).unwrap() + 1;
        let traded = Transaction {
            id,
            at: now,
            kind: TransactionKind::Trade,
            instrument: Some(leg.instrument.clone()),
            quantity,
            cash_usd: cash,
            fees_usd: Usd(dec!(0.87)),
            order: Some(order.id.clone()),
        };
        *state.held.entry(leg.instrument.clone()).or_default() += quantity;
        state.cash += cash - traded.fees_usd;
        if shown {
            state.orders[index].fills.push(fill_of(&traded));
        }
        state.transactions.push(traded);
    }
    let filled: u32 = state.orders[index].fills.iter().map(|fill| fill.quantity).sum();
    let asked: u32 = order.legs.iter().map(|leg| leg.ratio * order.units).sum();
    if filled == asked {
        state.orders[index].status = OrderStatus::Filled;
    }
    state.orders[index].updated_at = now;
}

#[async_trait]
impl Broker for Puppet {
    async fn submit(&self, request: &OrderRequest) -> Result<BrokerOrder, SubmitError> {
        let now = self.rt.now();
        let mut state = self.state();
        state.submits.push((now, request.clone()));
        let plan = state.plan.pop_front().unwrap_or(Plan::Work);
        match plan {
            Plan::Reject => {
                let (code, message) = ("planted".to_owned(), "refused".to_owned());
                return Err(SubmitError::Rejected { code, message });
            }
            Plan::Lost => return Err(SubmitError::Unknown("planted".to_owned())),
            _ => {}
        }
        let name = (!matches!(plan, Plan::Nameless)).then(|| request.external_id.clone());
        let number = state.orders.len();
        state.orders.push(taken(number, name, request, now));
        match plan {
            Plan::Fill(which) => fill(&mut state, number, which, dec!(1), true, now),
            Plan::FillCheap(which) => fill(&mut state, number, which, dec!(0.05), true, now),
            Plan::Nameless => return Err(SubmitError::Unknown("planted".to_owned())),
            _ => {}
        }
        Ok(state.orders[number].clone())
    }

    async fn cancel(&self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        let now = self.rt.now();
        let mut state = self.heard()?;
        let stubborn = state.stubborn;
        let order = state.orders.iter_mut().find(|order| order.id == *id).unwrap();
        if order.status.is_terminal() {
            return Err(BrokerError::Ended(id.clone()));
        }
        order.status = if stubborn { OrderStatus::CancelRequested } else { OrderStatus::Cancelled };
        order.updated_at = now;
        Ok(())
    }

    async fn order(&self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError> {
        let state = self.heard()?;
        let found = state.orders.iter().find(|order| order.id == *id);
        let found = found.filter(|order| !state.hidden.contains(&order.id)).cloned();
        found.ok_or_else(|| BrokerError::NoSuchOrder(id.clone()))
    }

    async fn orders_today(&self) -> Result<Vec<BrokerOrder>, BrokerError> {
        let state = self.heard()?;
        let shown = state.orders.iter().filter(|order| !state.hidden.contains(&order.id));
        Ok(shown.cloned().collect())
    }

    async fn order_history(&self, since: Timestamp) -> Result<Vec<BrokerOrder>, BrokerError> {
        Ok(self.orders_today().await?.into_iter().filter(|o| o.updated_at >= since).collect())
    }

    async fn holdings(&self) -> Result<Vec<Holding>, BrokerError> {
        let state = self.heard()?;
        if state.no_holdings {
            return Err(BrokerError::Unavailable("planted: no holdings".to_owned()));
        }
        let held = state.held.iter().filter(|(_, quantity)| **quantity != 0);
        let line = |(instrument, quantity): (&Instrument, &i64)| Holding {
            instrument: instrument.clone(),
            quantity: *quantity,
            average_price: dec!(1),
        };
        Ok(held.map(line).collect())
    }

    async fn balances(&self) -> Result<Balances, BrokerError> {
        let cash_usd = self.heard()?.cash;
        Ok(Balances {
            cash_usd,
            net_liquidation_usd: Usd(dec!(44800)),
            requirement_usd: Usd::ZERO,
            at: self.rt.now(),
        })
    }

    async fn trading_status(&self) -> Result<TradingStatus, BrokerError> {
        Ok(TradingStatus { futures_enabled: true, ..TradingStatus::default() })
    }

    async fn transactions(&self, after: u64) -> Result<Vec<Transaction>, BrokerError> {
        let mut state = self.heard()?;
        if let Some(happens) = state.meanwhile.take() {
            happens();
        }
        Ok(state.transactions.iter().filter(|t| t.id > after).cloned().collect())
    }

    async fn dry_run(&self, _: &OrderRequest) -> Result<Option<BuyingPower>, BrokerError> {
        Ok(Some(BuyingPower {
            requirement_usd: Usd(dec!(1500)),
            round_trip_fees_usd: Usd(dec!(7)),
            source: BuyingPowerSource::DryRun,
        }))
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}

/// What a scene on strings has in hand.
pub(super) struct Strings {
    pub(super) desk: Arc<Desk>,
    pub(super) puppet: Arc<Puppet>,
    pub(super) rt: Runtime,
    pub(super) clock: Stepped,
}

impl Strings {
    pub(super) async fn until(&self, clock: &str) {
        self.rt.sleep_until(at(clock)).await;
    }

    pub(super) async fn enter(&self) {
        self.until("10:30:00").await;
        let summary = run_job(&self.desk, &self.rt, "friday-0dte-entry", "10:30:00").await;
        assert!(summary.starts_with("entered"), "{summary}");
    }

    pub(super) fn record(&self, id: &str) -> IntentRecord {
        let id = IntentId(id.to_owned());
        self.desk.parts().store.read(|tx| read::intent(tx, &id)).unwrap().unwrap()
    }

    pub(super) fn position(&self) -> Option<Position> {
        let id = PositionId("zdte-20240802-1".to_owned());
        self.desk.parts().store.read(|tx| read::position(tx, &id)).unwrap()
    }

    /// The ledger holds what the puppet does, and has its cash.
    pub(super) fn assert_books_agree(&self) {
        let store = &self.desk.parts().store;
        let (open, cash) =
            store.read(|tx| Ok((read::open_positions(tx)?, read::cash(tx)?.unwrap()))).unwrap();
        let mut held: BTreeMap<Instrument, i64> = BTreeMap::new();
        for leg in open.iter().flat_map(|position| &position.legs) {
            *held.entry(leg.instrument.clone()).or_default() += leg.quantity;
        }
        held.retain(|_, quantity| *quantity != 0);
        let state = self.puppet.state();
        let theirs: BTreeMap<Instrument, i64> = state
            .held
            .iter()
            .filter(|(_, quantity)| **quantity != 0)
            .map(|(instrument, quantity)| (instrument.clone(), *quantity))
            .collect();
        assert_eq!(held, theirs);
        assert_eq!(cash.expected_usd(), state.cash);
    }
}

/// A desk on strings, started at 10:29.
pub(super) fn on_strings<T: 'static, F: Future<Output = T> + 'static>(
    stage: &Stage,
    scene: impl FnOnce(Strings) -> F + 'static,
) -> T {
    let mut world = VirtualWorld::new(at("10:29:00"));
    let clock = Stepped::over(world.runtime());
    let rt = clock.runtime();
    let cash = Usd(dec!(44800));
    let state = Mutex::new(State { cash, ..State::default() });
    let puppet = Arc::new(Puppet { rt: rt.clone(), state });
    let desk = Desk::new(DeskParts {
        rt: rt.clone(),
        store: stage.store.clone(),
        broker: Arc::clone(&puppet) as Arc<dyn Broker>,
        market: stage.market(rt.clone()),
        calendar: Calendar::default(),
        rulebook: Arc::new(stage.rulebook.clone()),
        data_dir: None,
    })
    .unwrap();
    let life = async move {
        desk.start().await.unwrap();
        scene(Strings { desk, puppet, rt, clock }).await
    };
    world.run(life).expect("the scene ends")
}
