//! Ledger against broker: orders, then fills, then positions, then balances (design §5).
//!
//! The broker is the truth. What the ledger can explain it takes over; holdings nobody here made
//! are adopted; any other difference stops entries, is told, and nothing is guessed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    sync::atomic::Ordering,
};

use chrono::TimeDelta;
use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Desk, describe, intent::AttemptStatus, latch, read, record, settle::adopted};
use crate::{
    account::{
        Balances, ExitReason, Holding, Position, StrategyId,
        hold::{Hold, Level},
    },
    broker::BrokerError,
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
    notice::{self, Notice},
    store::{StoreError, WriteTx},
};

/// The hold a difference makes; a clean reconciliation ends it.
pub const RECONCILIATION: &str = "reconciliation";
/// Cash may be off by so much (rulebook §6); marks never count.
const CASH_TOLERANCE: Decimal = dec!(100);
/// A difference must show in so many looks in a row: a fill may come between two reads.
const LOOKS: u32 = 3;
/// Between two looks.
const LOOK_GAP: TimeDelta = TimeDelta::seconds(1);

/// The outcome of one reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Reconciled {
    /// Ledger and broker agree.
    Clean,
    /// They differ.
    Differs {
        /// Each difference, with both figures.
        differences: Vec<String>,
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
    for leg in positions.iter().flat_map(|position| &position.legs) {
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

impl Desk {
    /// Reads every open intent back from the broker: the first step at start and after a reconnect.
    pub(super) async fn read_back(self: &Arc<Self>) -> Result<(), StoreError> {
        let held = self.held()?;
        if held.intents.iter().all(|record| record.working().is_none()) {
            return Ok(());
        }
        let Ok(orders) = self.ask(self.parts.broker.orders_today()).await else { return Ok(()) };
        for record in &held.intents {
            for order in orders.iter().filter(|order| record.sent(order)) {
                self.take(record.id(), order).await?;
            }
        }
        Ok(())
    }

    /// One reconciliation, and what follows from it: the hold set or lifted, timed holds ended,
    /// differences told once.
    pub async fn reconcile(self: &Arc<Self>) -> Result<Reconciled, StoreError> {
        let _books = self.books.lock().await;
        self.hot().reconciled_tried_at = Some(self.now());
        let outcome = self.compare().await?;
        match &outcome {
            Reconciled::Clean => self.settled_clean().await?,
            Reconciled::Differs { differences } => self.differs(differences).await?,
            Reconciled::Undecided { reason } => {
                tracing::warn!(reason, "the reconciliation is undecided");
                self.reconciled.store(false, Ordering::SeqCst);
            }
        }
        Ok(outcome)
    }

    /// True when the broker holds exactly what the ledger says.
    pub(super) async fn holdings_agree(&self) -> Result<bool, StoreError> {
        let Ok(holdings) = self.ask(self.parts.broker.holdings()).await else { return Ok(false) };
        Ok(gaps(&self.held()?.positions, &holdings).is_empty())
    }

    async fn compare(self: &Arc<Self>) -> Result<Reconciled, StoreError> {
        let mut outcome = Reconciled::Clean;
        for look in 0..LOOKS {
            if look > 0 {
                self.parts.rt.sleep(LOOK_GAP).await;
            }
            outcome = match self.look_once(look + 1 == LOOKS).await? {
                Ok(differences) if differences.is_empty() => return self.doubt(),
                Ok(differences) => Reconciled::Differs { differences },
                Err(error) => return Ok(Reconciled::Undecided { reason: error.to_string() }),
            };
        }
        Ok(outcome)
    }

    /// Clean, unless the fate of an order is still unknown.
    fn doubt(&self) -> Result<Reconciled, StoreError> {
        let held = self.held()?;
        let unknown = held.intents.iter().find(|record| {
            record.working().is_some_and(|attempt| attempt.status == AttemptStatus::Unknown)
        });
        Ok(match unknown {
            Some(record) => {
                let reason = format!("the fate of an order of `{}` is not known yet", record.id());
                Reconciled::Undecided { reason }
            }
            None => Reconciled::Clean,
        })
    }

    /// Orders, fills, positions, balances, once each. `last` adopts what nobody explains.
    async fn look_once(
        self: &Arc<Self>,
        last: bool,
    ) -> Result<Result<Vec<String>, BrokerError>, StoreError> {
        if let Err(error) = self.open_cash_book().await? {
            return Ok(Err(error));
        }
        self.read_back().await?;
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
        let mut differences: Vec<String> = gaps.iter().map(gap_in_words).collect();
        differences.extend(self.cash_difference(&balances)?);
        Ok(Ok(differences))
    }

    /// What an order of ours may have traded without our knowing yet.
    fn in_flight(&self) -> Result<BTreeSet<Instrument>, StoreError> {
        let held = self.held()?;
        let working = held.intents.iter().filter(|record| record.working().is_some());
        Ok(working.flat_map(|r| &r.intent.legs).map(|leg| leg.instrument.clone()).collect())
    }

    fn cash_difference(&self, balances: &Balances) -> Result<Option<String>, StoreError> {
        let held = self.held()?;
        let Some(book) = &held.cash else { return Ok(None) };
        let expected = book.expected_usd();
        let off = balances.cash_usd - expected;
        Ok((off.0.abs() > CASH_TOLERANCE).then(|| {
            format!(
                "cash: the broker has {}, the ledger {expected}, off by {off} (limit $100.00)",
                balances.cash_usd
            )
        }))
    }

    /// Takes over holdings that only the owner can explain: new ones, and changes of those adopted
    /// before. The gaps that remain are differences.
    async fn adopt(&self, gaps: &mut Vec<Gap>, positions: &[Position]) -> Result<(), StoreError> {
        let in_flight = self.in_flight()?;
        let external = |gap: &Gap| {
            let holders = positions.iter().filter(|p| {
                p.legs.iter().any(|l| l.instrument == gap.instrument && l.quantity != 0)
            });
            !in_flight.contains(&gap.instrument)
                && holders.clone().all(|p| p.strategy == StrategyId::External)
        };
        let (ours, theirs): (Vec<Gap>, Vec<Gap>) = gaps.drain(..).partition(|gap| !external(gap));
        *gaps = ours;
        if theirs.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let changed = self.write(move |tx| adopt_all(tx, &theirs, now)).await?;
        for position in &changed {
            self.keep_position(position);
        }
        self.beat();
        Ok(())
    }

    async fn settled_clean(self: &Arc<Self>) -> Result<(), StoreError> {
        let now = self.now();
        {
            let mut hot = self.hot();
            hot.reconciled_at = Some(now);
            hot.told.clear();
        }
        let due = |hold: &Hold| hold.until.is_some_and(|until| until <= now);
        if self.latch.holds().iter().any(due) {
            self.write(move |tx| latch::end_timed(tx, "reconciliation", now)).await?;
            self.latch.refresh(&self.parts.store)?;
            self.beat();
        }
        self.reconciled.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn differs(&self, differences: &[String]) -> Result<(), StoreError> {
        self.reconciled.store(false, Ordering::SeqCst);
        let now = self.now();
        let what = differences.join("; ");
        let hold = Hold {
            name: RECONCILIATION.to_owned(),
            level: Level::Reducing,
            cause: what.clone(),
            since: now,
            until: Some(now),
        };
        let news = self.hot().told.insert(what.clone());
        let held = self.latch.holds().iter().any(|hold| hold.name == RECONCILIATION);
        if held && !news {
            return Ok(());
        }
        self.write(move |tx| {
            if !held {
                latch::set_hold(tx, &hold, RECONCILIATION, now)?;
            }
            if news {
                notice::raise(tx, now, Notice::Difference { what })?;
            }
            Ok(())
        })
        .await?;
        self.latch.refresh(&self.parts.store)?;
        self.beat();
        Ok(())
    }
}

fn adopt_all(tx: &mut WriteTx, gaps: &[Gap], now: Timestamp) -> Result<Vec<Position>, StoreError> {
    let mut changed = Vec::new();
    for gap in gaps {
        let held = read::open_positions(tx)?.into_iter().find(|position| {
            position.legs.iter().any(|leg| leg.instrument == gap.instrument && leg.quantity != 0)
        });
        let position = match held {
            Some(mut position) => {
                follow_owner(&mut position, gap, now);
                record::put_position(tx, &position)?;
                position
            }
            None => adopted(tx, &gap.instrument, gap.broker, gap.price, now)?,
        };
        let what = format!(
            "{}: the broker holds {}, the ledger had {}; taken over as the owner's",
            position.id,
            describe::single(gap.broker, &gap.instrument),
            gap.ledger
        );
        tx.journal(
            now,
            RECONCILIATION,
            "adopted",
            &json!({ "position": position.id, "what": what, "row": position }),
        )?;
        notice::raise(tx, now, Notice::Difference { what })?;
        changed.push(position);
    }
    Ok(changed)
}

/// The owner changed what he holds: the row follows.
fn follow_owner(position: &mut Position, gap: &Gap, now: Timestamp) {
    for leg in position.legs.iter_mut().filter(|leg| leg.instrument == gap.instrument) {
        leg.quantity += gap.broker - gap.ledger;
    }
    if position.legs.iter().all(|leg| leg.quantity == 0) {
        position.closed_at = Some(now);
        position.exit_reason = Some(ExitReason::External);
        position.cash_usd = Usd::ZERO;
    }
}

fn gap_in_words(gap: &Gap) -> String {
    format!(
        "{}: the broker holds {}, the ledger {}",
        describe::single(gap.broker, &gap.instrument),
        gap.broker,
        gap.ledger
    )
}
