//! Ledger against broker: orders, then fills, then positions, then balances (design §5).
//!
//! The broker is the truth. What the ledger can explain it takes over; holdings nobody here made
//! are adopted; any other difference stops entries, is told, and nothing is guessed.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering};

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    Desk,
    difference::{self, Care, Difference, Found, Subject},
    intent::{Attempt, AttemptStatus, IntentRecord},
    latch, read,
    tables::{INTENTS, LAST_LOOK, LAST_LOOK_KEY, LastLook, LookOutcome},
    tally::{self, TALLIES},
    watch::elapsed,
};
use crate::{
    account::{
        Balances, Holding, IntentId, Position,
        hold::{Hold, Level},
    },
    broker::{BrokerError, BrokerOrder},
    calendar::new_york_date,
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
    notice::{self, Notice},
    store::{Read, StoreError, WriteTx},
};

/// The hold a difference makes; a clean reconciliation ends it.
pub const RECONCILIATION: &str = "reconciliation";
/// A difference must show in so many looks in a row: a fill may come between two reads.
const LOOKS: u32 = 3;
/// Between two looks.
const LOOK_GAP: TimeDelta = TimeDelta::seconds(1);
/// An outcome that stays the same is written down again only so often.
const LOOK_KEPT: TimeDelta = TimeDelta::minutes(15);

/// The outcome of one reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Reconciled {
    /// Ledger and broker agree.
    Clean,
    /// They differ in something that stops entries; asked to the cent, in anything.
    Differs {
        /// Each difference, with both figures.
        differences: Vec<Difference>,
    },
    /// The broker did not answer, or the fate of an order is not known yet.
    Undecided {
        /// Why.
        reason: String,
    },
}

/// One difference in quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) instrument: Instrument,
    pub(super) ledger: i64,
    pub(super) broker: i64,
    pub(super) price: Decimal,
}

/// Where ledger and broker hold different quantities, by instrument.
pub(super) fn gaps(positions: &[Position], holdings: &[Holding]) -> Vec<Gap> {
    let mut by: BTreeMap<&Instrument, (i64, i64, Decimal)> = BTreeMap::new();
    let legs = positions.iter().flat_map(|position| &position.legs);
    for leg in legs.filter(|leg| leg.quantity != 0) {
        by.entry(&leg.instrument).or_default().0 += leg.quantity;
    }
    for holding in holdings {
        let entry = by.entry(&holding.instrument).or_default();
        entry.1 += holding.quantity;
        entry.2 = holding.average_price;
    }
    by.into_iter()
        .filter(|(_, (ledger, broker, _))| ledger != broker)
        .map(|(instrument, (ledger, broker, price))| Gap {
            instrument: instrument.clone(),
            ledger,
            broker,
            price,
        })
        .collect()
}

/// What a set of looks came to, before it is written down.
enum Seen {
    Found(Vec<Found>),
    Undecided(String),
}

impl Desk {
    /// Reads every open intent back from the broker: the first step at start and after a reconnect.
    pub(super) async fn read_back(self: &Arc<Self>) -> Result<(), StoreError> {
        let held = self.held()?;
        if held.intents.iter().all(|record| record.working().is_none()) {
            return Ok(());
        }
        let Ok(orders) = self.ask(self.parts.broker.orders_today()).await else { return Ok(()) };
        self.take_all(&orders).await
    }

    /// Takes over what the broker says of the orders of open intents.
    async fn take_all(&self, orders: &[BrokerOrder]) -> Result<(), StoreError> {
        for record in &self.held()?.intents {
            for order in orders.iter().filter(|order| record.sent(order)) {
                self.take(record.id(), order).await?;
            }
        }
        Ok(())
    }

    /// One reconciliation, and what follows from it: the hold set or lifted, timed holds ended,
    /// differences told once. What does not stop entries is left for the end of the day.
    pub async fn reconcile(self: &Arc<Self>) -> Result<Reconciled, StoreError> {
        self.reconcile_with(Care::Usual).await
    }

    /// The same to the cent, order by order.
    pub async fn reconcile_to_the_cent(self: &Arc<Self>) -> Result<Reconciled, StoreError> {
        self.reconcile_with(Care::Cent).await
    }

    async fn reconcile_with(self: &Arc<Self>, care: Care) -> Result<Reconciled, StoreError> {
        let _books = self.books.lock().await;
        {
            let mut hot = self.hot();
            (hot.reconciled_tried_at, hot.adopted) = (Some(self.now()), false);
        }
        match self.compare(care).await? {
            Seen::Found(found) => self.conclude(found, care).await,
            Seen::Undecided(reason) => {
                tracing::warn!(reason, "the reconciliation is undecided");
                self.reconciled.store(false, Ordering::SeqCst);
                self.keep_look(LookOutcome::Undecided, Some(reason.clone())).await?;
                Ok(Reconciled::Undecided { reason })
            }
        }
    }

    /// True when the broker holds exactly what the ledger says.
    pub(super) async fn holdings_agree(&self) -> Result<bool, StoreError> {
        let Ok(holdings) = self.ask(self.parts.broker.holdings()).await else { return Ok(false) };
        Ok(gaps(&self.held()?.positions, &holdings).is_empty())
    }

    /// Looks until nothing is found, at most [`LOOKS`] times.
    async fn compare(self: &Arc<Self>, care: Care) -> Result<Seen, StoreError> {
        let mut found = Vec::new();
        for look in 0..LOOKS {
            if look > 0 {
                self.parts.rt.sleep(LOOK_GAP).await;
            }
            found = match self.look_once(care, look + 1 == LOOKS).await? {
                Ok(found) => found,
                Err(error) => return Ok(Seen::Undecided(error.to_string())),
            };
            if !found.iter().any(|found| found.stops || care == Care::Cent) {
                break;
            }
        }
        if found.iter().any(|found| found.stops) {
            return Ok(Seen::Found(found));
        }
        Ok(self.doubt()?.map_or(Seen::Found(found), Seen::Undecided))
    }

    /// The order whose fate is not known, in words.
    fn doubt(&self) -> Result<Option<String>, StoreError> {
        let doubted = self.doubted(|_| true)?;
        Ok(doubted.map(|id| format!("the fate of an order of `{id}` is not known yet")))
    }

    /// The first of these intents with a send whose fate is not known.
    pub(super) fn doubted(
        &self,
        of: impl Fn(&IntentRecord) -> bool,
    ) -> Result<Option<IntentId>, StoreError> {
        let (held, now) = (self.held()?, self.now());
        let first = self.hot().reconciled_at.is_none();
        let wait = crate::config::execution::span(self.rules().submit_wait_seconds);
        let doubted = |attempt: &Attempt| match attempt.status {
            AttemptStatus::Unknown => true,
            // Left by an earlier life, or longer on its way than a submit is waited for.
            AttemptStatus::Sending => first || elapsed(attempt.at, now) > wait,
            _ => false,
        };
        let mut open = held.intents.iter().filter(|record| of(record));
        let found = open.find(|record| record.working().is_some_and(doubted));
        Ok(found.map(|record| record.id().clone()))
    }

    /// Orders, fills, positions, balances, once each. `last` adopts what nobody explains.
    async fn look_once(
        self: &Arc<Self>,
        care: Care,
        last: bool,
    ) -> Result<Result<Vec<Found>, BrokerError>, StoreError> {
        if let Err(error) = self.open_cash_book().await? {
            return Ok(Err(error));
        }
        let orders = match self.ask(self.parts.broker.orders_today()).await {
            Ok(orders) => orders,
            Err(error) => return Ok(Err(error)),
        };
        self.compare_orders(&orders).await?;
        self.heed_strays(&orders).await?;
        self.adopt_orders(&orders).await?;
        if let Err(error) = self.settle().await? {
            return Ok(Err(error));
        }
        let holdings = match self.ask(self.parts.broker.holdings()).await {
            Ok(holdings) => holdings,
            Err(error) => return Ok(Err(error)),
        };
        let balances = match self.ask(self.parts.broker.balances()).await {
            Ok(balances) => balances,
            Err(error) => return Ok(Err(error)),
        };
        self.hot().balances = Some(balances);
        let held = self.held()?;
        let mut gaps = gaps(&held.positions, &holdings);
        if last && !gaps.is_empty() {
            self.adopt(&mut gaps, &held.positions).await?;
        }
        let mut found: Vec<Found> = gaps.into_iter().map(Gap::found).collect();
        found.extend(self.cash_found(&balances)?);
        found.extend(self.orders_found(care)?);
        Ok(Ok(found))
    }

    fn cash_found(&self, balances: &Balances) -> Result<Option<Found>, StoreError> {
        let held = self.held()?;
        let Some(book) = &held.cash else { return Ok(None) };
        let (ledger_usd, broker_usd) = (book.expected_usd(), balances.cash_usd);
        let off = (broker_usd - ledger_usd).rounded();
        let stops = off.0.abs() > self.parts.rulebook.limits.reconciliation_cash_usd;
        let subject = Subject::Cash { ledger_usd, broker_usd };
        Ok((off != Usd::ZERO).then_some(Found { subject, stops, hints: Vec::new() }))
    }

    /// Orders of which the broker booked what the ledger has no fill of; to the cent, every order
    /// of the day whose sides do not agree.
    fn orders_found(&self, care: Care) -> Result<Vec<Found>, StoreError> {
        let today = new_york_date(self.now());
        let tallies = self.parts.store.read(|tx| {
            let mut tallies: BTreeMap<String, _> = tally::open(tx)?.into_iter().collect();
            if care == Care::Cent {
                tallies.extend(tx.list(&TALLIES, &format!("{today}/"))?);
                for row in difference::standing(tx)? {
                    if let Subject::Order { tally: key, .. } = row.subject
                        && let Some(tally) = tx.get(&TALLIES, &key)?
                    {
                        tallies.insert(key, tally);
                    }
                }
            }
            Ok(tallies)
        })?;
        let found = tallies.iter().filter(|(_, tally)| match care {
            Care::Usual => tally.lacks_fills(),
            Care::Cent => !tally.agrees(),
        });
        Ok(found
            .map(|(key, tally)| Found {
                subject: Subject::of_tally(key, tally),
                stops: tally.lacks_fills(),
                hints: Vec::new(),
            })
            .collect())
    }

    /// An order of ours that works at the broker although its send has ended here (it arrived after
    /// it was proven absent, say) is cancelled: a second one may have left for it.
    async fn heed_strays(&self, orders: &[BrokerOrder]) -> Result<(), StoreError> {
        let working: Vec<&BrokerOrder> =
            orders.iter().filter(|o| !o.status.is_terminal()).collect();
        let strays = self.parts.store.read(|tx| {
            let mut strays: Vec<(IntentId, &BrokerOrder)> = Vec::new();
            for order in working {
                let owner = read::owner_of(tx, order)?;
                let record = owner.map(|id| tx.shared(&INTENTS, &id.0)).transpose()?.flatten();
                if let Some(record) = record.filter(|record| is_stray(record, order)) {
                    strays.push((record.id().clone(), order));
                }
            }
            Ok(strays)
        })?;
        for (intent, order) in strays {
            // The list may be older than the ledger.
            let Ok(order) = self.ask(self.parts.broker.order(&order.id)).await else { continue };
            self.take(&intent, &order).await?;
            if order.status.is_terminal() {
                continue;
            }
            if let Err(error) = self.ask(self.parts.broker.cancel(&order.id)).await {
                tracing::warn!(order = %order.id, %error, "the cancel of a stray order was not taken");
                continue;
            }
            self.tell_stray(&intent, &order).await?;
        }
        Ok(())
    }

    async fn tell_stray(&self, intent: &IntentId, order: &BrokerOrder) -> Result<(), StoreError> {
        let what = format!(
            "order {} of {intent} works at the broker though its send had ended here; it is cancelled",
            order.id
        );
        if !self.hot().told.insert(what.clone()) {
            return Ok(());
        }
        let (now, intent, order) = (self.now(), intent.clone(), order.id.clone());
        self.write(move |tx| {
            let data = serde_json::json!({ "order": order, "what": what });
            tx.journal(now, &intent.0, "stray_cancelled", &data)?;
            notice::raise(tx, now, Notice::Difference { what })
        })
        .await
    }

    /// Writes down what the looks found and draws the conclusion: the hold, rows, journal and notices
    /// of it in one step.
    async fn conclude(
        self: &Arc<Self>,
        mut found: Vec<Found>,
        care: Care,
    ) -> Result<Reconciled, StoreError> {
        self.compared();
        let now = self.now();
        let mut standing = self.parts.store.read(difference::standing)?;
        let stops = found.iter().any(|found| found.stops);
        if stops {
            self.reconciled.store(false, Ordering::SeqCst);
        }
        if !found.is_empty() || !standing.is_empty() {
            self.add_hints(&mut found, &standing, care).await?;
            let held = self.latch.holds().into_iter().find(|hold| hold.name == RECONCILIATION);
            standing = self
                .write(move |tx| {
                    let standing = difference::update(tx, &found, care, now)?;
                    hold_entries(tx, &standing, held.as_ref(), now)?;
                    Ok(standing)
                })
                .await?;
        }
        let differs = stops || (care == Care::Cent && !standing.is_empty());
        if stops {
            self.latch.refresh(&self.parts.store)?;
            self.beat();
        } else {
            self.settled_clean().await?;
        }
        let outcome = if differs { LookOutcome::Differs } else { LookOutcome::Clean };
        self.keep_look(outcome, None).await?;
        if !differs {
            return Ok(Reconciled::Clean);
        }
        standing.retain(|row| row.stops || care == Care::Cent);
        Ok(Reconciled::Differs { differences: standing })
    }

    async fn settled_clean(self: &Arc<Self>) -> Result<(), StoreError> {
        let now = self.now();
        {
            let mut hot = self.hot();
            hot.reconciled_at = Some(now);
            hot.told.clear();
        }
        if self.latch.holds().iter().any(|hold| latch::is_over(hold, now)) {
            self.write(move |tx| latch::end_timed(tx, "reconciliation", now)).await?;
            self.latch.refresh(&self.parts.store)?;
            self.beat();
        }
        self.reconciled.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Keeps how the look ended: each change, and from time to time.
    async fn keep_look(
        &self,
        outcome: LookOutcome,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let last = self.parts.store.read(|tx| tx.get(&LAST_LOOK, LAST_LOOK_KEY))?;
        let same = last.filter(|last| last.outcome == outcome && last.reason == reason);
        if same.as_ref().is_some_and(|last| elapsed(last.at, now) < LOOK_KEPT) {
            return Ok(());
        }
        let since = same.map_or(now, |last| last.since);
        let row = LastLook { since, at: now, outcome, reason };
        self.write(move |tx: &mut WriteTx| tx.put(&LAST_LOOK, LAST_LOOK_KEY, &row)).await
    }
}

/// The hold of the differences that stop entries; it is changed only when they are others.
fn hold_entries(
    tx: &mut WriteTx,
    standing: &[Difference],
    held: Option<&Hold>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let words: Vec<String> =
        standing.iter().filter(|row| row.stops).map(Difference::words).collect();
    let cause = words.join("; ");
    if words.is_empty() || held.is_some_and(|hold| hold.cause == cause) {
        return Ok(());
    }
    let hold = Hold {
        name: RECONCILIATION.to_owned(),
        level: Level::Reducing,
        cause,
        since: held.map_or(now, |hold| hold.since),
        until: Some(now),
    };
    latch::set_hold(tx, &hold, RECONCILIATION, now)
}

impl Gap {
    fn found(self) -> Found {
        let Self { instrument, ledger, broker, .. } = self;
        Found {
            subject: Subject::Quantity { instrument, ledger, broker },
            stops: true,
            hints: Vec::new(),
        }
    }
}

/// True when the ledger does not know the order as the intent's working one.
fn is_stray(record: &IntentRecord, order: &BrokerOrder) -> bool {
    let is_this = |attempt: &Attempt| {
        attempt.order.as_ref() == Some(&order.id)
            || order.external_id.as_deref() == Some(attempt.external_id.as_str())
    };
    !record.working().is_some_and(is_this)
}
