//! The venue at work: looks at orders on the grid, settles what expires, and makes every change
//! durable before anyone is told.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    VenueError, expiry,
    fill::next_grid,
    order::VenueOrder,
    state::{Changes, Event, VenueState},
    tables::{self, Rows},
    windows,
};
use crate::{
    account::Balances,
    broker::{BrokerError, OrderStatus},
    calendar::{Calendar, new_york_date},
    clock::{Runtime, Timestamp},
    config::{PaperSettings, paper::FillSettings},
    instrument::Instrument,
    market::Market,
    money::Gbp,
    signal as watch,
    store::Store,
};

/// Seconds after which a settlement that had no value is tried again.
const SETTLEMENT_RETRY_SECONDS: u32 = 60;

/// What the venue stands on.
#[derive(Clone)]
pub struct Ground {
    /// Its own store.
    pub store: Store,
    /// The quotes it fills at.
    pub market: Arc<dyn Market>,
    /// Clock and spawner.
    pub rt: Runtime,
    /// Sessions and expirations.
    pub calendar: Calendar,
    /// Fees, fill model, flags.
    pub settings: PaperSettings,
}

/// The venue: its ground, its truth, and what is due when.
pub struct Floor {
    pub(super) ground: Ground,
    pub(super) state: VenueState,
    /// The next look at each order that has not ended.
    pub(super) due: BTreeMap<u64, Timestamp>,
    settlement_due: Option<Timestamp>,
    assignment_due: Option<Timestamp>,
    /// The last instant at which anything was looked at.
    seen: Timestamp,
    changes: Changes,
    /// Why nothing more can be done: a commit failed.
    pub(super) failure: Option<String>,
    changed: watch::Sender<u64>,
    /// Events taken into the state since it was opened.
    pub(super) events: u64,
    /// The money as it was last worked out.
    pub(super) booked: Option<Booked>,
}

/// The money at an instant, and how many events there had been.
#[derive(Clone, Copy)]
pub(super) struct Booked {
    pub(super) events: u64,
    pub(super) balances: Balances,
}

impl Floor {
    /// Opens the account, or goes on with the one the store holds.
    pub async fn open(ground: Ground, changed: watch::Sender<u64>) -> Result<Self, VenueError> {
        let faults = ground.settings.faults();
        if !faults.is_empty() {
            return Err(VenueError::Settings(faults.join("; ")));
        }
        let known = tables::load(&ground.store)?;
        let fresh = known.is_none();
        let mut floor = Self {
            ground,
            state: known.unwrap_or_default(),
            due: BTreeMap::new(),
            settlement_due: None,
            assignment_due: None,
            seen: Timestamp::MIN_UTC,
            changes: Changes::default(),
            failure: None,
            changed,
            events: 0,
            booked: None,
        };
        if fresh {
            floor.fund().await?;
        }
        floor.schedule_all(floor.ground.rt.now());
        Ok(floor)
    }

    fn schedule_all(&mut self, now: Timestamp) {
        let working: Vec<VenueOrder> = self.state.working().cloned().collect();
        for order in working {
            self.schedule(&order, now);
        }
        self.settlement_due = self.next_settlement(now);
        self.assignment_due = self.next_assignment();
    }

    /// The first transaction: the starting pounds at the rate of the day before.
    async fn fund(&mut self) -> Result<(), VenueError> {
        let now = self.ground.rt.now();
        let rate = self.ground.market.fx(new_york_date(now)).await?;
        let cash_usd = rate.to_usd(Gbp(self.ground.settings.starting_balance_gbp)).rounded();
        self.record(Event::Funded { at: now, cash_usd });
        self.flush().await;
        self.failure.take().map_or(Ok(()), |cause| Err(VenueError::Failed(cause)))
    }

    /// Takes an event into the state; durable only after [`Floor::flush`].
    pub(super) fn record(&mut self, event: Event) {
        self.events += 1;
        self.state.apply(event, &mut self.changes);
    }

    /// Makes everything recorded durable, then tells that something changed.
    pub(super) async fn flush(&mut self) {
        if self.changes.is_empty() || self.failure.is_some() {
            return;
        }
        let changes = std::mem::take(&mut self.changes);
        if !changes.holdings.is_empty() {
            self.settlement_due = self.next_settlement(self.ground.rt.now());
            self.assignment_due = self.next_assignment();
        }
        let rows = Rows::of(&self.state, changes);
        if let Err(error) = self.ground.store.write(move |tx| rows.write(tx)).await {
            tracing::error!("paper venue: {error}; it stops here");
            self.failure = Some(error.to_string());
            return;
        }
        self.changed.send_modify(|version| *version += 1);
    }

    /// Fills by other figures from now on; what was due before goes by the old ones.
    pub async fn refit(&mut self, fills: FillSettings) -> Result<(), BrokerError> {
        self.advance().await;
        self.ground.settings.fills = fills;
        Ok(())
    }

    /// Does everything that is due by now, and returns now. Calling it often changes nothing: what
    /// is due is on the grid.
    pub async fn advance(&mut self) -> Timestamp {
        let now = self.ground.rt.now();
        if self.failure.is_some() {
            return now;
        }
        // The clock was put back: what is due is due by the clock as it is now.
        if now < self.seen {
            self.schedule_all(now);
        }
        self.seen = now;
        let due = self.due.iter().filter(|(_, at)| **at <= now);
        let due: Vec<u64> = due.map(|(id, _)| *id).collect();
        for id in due {
            self.look_at(id, now).await;
        }
        if self.settlement_due.is_some_and(|at| at <= now) {
            self.settle(now).await;
        }
        if let Some(at) = self.assignment_due.filter(|at| *at <= now) {
            self.assign_early(at).await;
            self.assignment_due = self.next_assignment();
        }
        self.flush().await;
        now
    }

    /// The next instant at which something is due, if anything is.
    pub fn next_wake(&self) -> Option<Timestamp> {
        if self.failure.is_some() {
            return None;
        }
        let nights = self.settlement_due.into_iter().chain(self.assignment_due);
        self.due.values().copied().chain(nights).min()
    }

    /// Notes when an order is to be looked at next: nothing is looked at twice at one instant.
    pub(super) fn schedule(&mut self, order: &VenueOrder, now: Timestamp) {
        let near = next_grid(now, self.ground.settings.fills.near_grid_seconds);
        let next = match order.status {
            status if status.is_terminal() => {
                self.due.remove(&order.id);
                return;
            }
            OrderStatus::Received if self.waits_for_another(order) => order.window.close,
            OrderStatus::Received => order.window.open,
            _ => near,
        };
        self.due.insert(order.id, next.min(order.window.close));
    }

    /// Schedules anew an order that has just changed.
    pub(super) fn reschedule(&mut self, id: u64, now: Timestamp) {
        if let Some(order) = self.state.orders.get(&id).cloned() {
            self.schedule(&order, now);
        }
    }

    /// True while the order this one replaces has not ended.
    pub(super) fn waits_for_another(&self, order: &VenueOrder) -> bool {
        let original = order.replaces.and_then(|id| self.state.orders.get(&id));
        original.is_some_and(|original| !original.status.is_terminal())
    }

    fn settles_at(&self, instrument: &Instrument, now: Timestamp) -> Option<Timestamp> {
        match instrument {
            Instrument::Option(contract) => {
                Some(expiry::settles_at(&self.ground.calendar, &contract.series))
            }
            other => windows::last_trade(&self.ground.calendar, other, now),
        }
    }

    fn next_settlement(&self, now: Timestamp) -> Option<Timestamp> {
        self.state.holdings.keys().filter_map(|held| self.settles_at(held, now)).min()
    }

    /// Settles everything held that is due, the earliest first; what has no settlement value yet
    /// is tried again a minute later.
    async fn settle(&mut self, now: Timestamp) {
        // Delivered futures may settle at the same instant as the option: a second pass.
        for _ in 0..2 {
            let held = self.state.holdings.keys();
            let dated = held.filter_map(|i| Some((self.settles_at(i, now)?, i.clone())));
            let mut due: Vec<_> = dated.filter(|(at, _)| *at <= now).collect();
            due.sort();
            for (at, instrument) in due {
                self.settle_one(at, &instrument).await;
            }
        }
        self.flush().await;
        let retry = next_grid(now, SETTLEMENT_RETRY_SECONDS);
        let next = self.next_settlement(now);
        self.settlement_due = next.map(|at| if at <= now { retry } else { at });
    }

    async fn settle_one(&mut self, at: Timestamp, instrument: &Instrument) {
        let Some(lot) = self.state.holdings.get(instrument).cloned() else { return };
        let market = &self.ground.market;
        let found = match instrument {
            Instrument::Option(contract) => market.settlement(&contract.series).await,
            other => market.mark(other).await,
        };
        let value = match found {
            Ok(value) => value,
            Err(error) => {
                tracing::warn!("paper venue: no settlement value yet: {error}");
                return;
            }
        };
        let lines = match instrument {
            Instrument::Option(contract) => {
                expiry::settle(&self.ground.settings, contract, &lot, value)
            }
            _ => vec![expiry::settle_future(&lot, value)],
        };
        self.record(Event::Settled { at, lines });
    }
}
