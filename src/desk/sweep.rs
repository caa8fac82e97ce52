//! Every order of the broker's list against the ledger, beside the workers' polls: what a worker
//! missed is taken over, also of intents that have ended, and an order of ours that nobody here
//! confirmed halts (rulebook §6).

use std::sync::Arc;

use super::{
    Desk,
    gather::is_entry_name,
    intent::{AttemptStatus, IntentRecord},
    latch,
    tables::{BROKER_ORDERS, INTENTS},
};
use crate::{
    account::{
        IntentId,
        hold::{Hold, Level},
    },
    broker::{BrokerOrder, OrderStatus},
    clock::Timestamp,
    store::{Read, StoreError, Table},
};

/// The hold an order makes that was executed without confirmation.
const UNCONFIRMED: &str = "unconfirmed-order";
/// Orders that have halted, by the broker's id: each halts once, also over a resume and a restart.
const UNCONFIRMED_ORDERS: Table<Timestamp> = Table::new("unconfirmed_orders", 1);
/// Orders remembered as seen; the broker's list is of one day.
const SEEN_MAX: usize = 2_000;

/// What was seen of an order the last time.
pub(super) type Seen = (OrderStatus, usize);

impl Desk {
    /// Compares the broker's list with every intent there is. What has ended and shows nothing new
    /// is passed over.
    pub(super) async fn compare_orders(
        self: &Arc<Self>,
        orders: &[BrokerOrder],
    ) -> Result<(), StoreError> {
        for order in orders {
            let seen = (order.status, order.fills.len());
            let known = self.hot().seen.get(&order.id) == Some(&seen);
            if known && order.status.is_terminal() {
                continue;
            }
            self.compare_order(order).await?;
            let mut hot = self.hot();
            if hot.seen.len() >= SEEN_MAX {
                hot.seen.clear();
            }
            hot.seen.insert(order.id.clone(), seen);
        }
        Ok(())
    }

    async fn compare_order(&self, order: &BrokerOrder) -> Result<(), StoreError> {
        match self.sender_of(order)? {
            Some((id, record)) if record.sent(order) => {
                if denied(&record, order) {
                    self.unconfirmed(order, "a send that was proven not to have left").await?;
                }
                self.take(&id, order).await.map(drop)
            }
            Some(_) => self.unconfirmed(order, "no send of the ledger's").await,
            None if names_an_intent(order) && self.is_of_this_ledger(order)? => {
                self.unconfirmed(order, "no intent of the ledger's").await
            }
            // The owner's own.
            None => Ok(()),
        }
    }

    /// The intent an order was sent for: by the broker's id, else by the name it carries.
    fn sender_of(
        &self,
        order: &BrokerOrder,
    ) -> Result<Option<(IntentId, Arc<IntentRecord>)>, StoreError> {
        let named = order.external_id.as_deref().and_then(|name| name.rsplit_once('/'));
        self.parts.store.read(|tx| {
            let known = tx.get(&BROKER_ORDERS, &order.id.0)?;
            let Some(id) = known.or_else(|| named.map(|(id, _)| IntentId(id.to_owned()))) else {
                return Ok(None);
            };
            Ok(tx.shared(&INTENTS, &id.0)?.map(|record| (id, record)))
        })
    }

    /// An order executed without confirmation: HALTED until an explicit resume (rulebook §6), once.
    pub(super) async fn unconfirmed(
        &self,
        order: &BrokerOrder,
        what: &str,
    ) -> Result<(), StoreError> {
        if self.parts.store.read(|tx| tx.get(&UNCONFIRMED_ORDERS, &order.id.0))?.is_some() {
            return Ok(());
        }
        let name = order.external_id.as_deref().unwrap_or("without a name");
        let cause = format!("order {} ({name}) at the broker belongs to {what}", order.id);
        let (now, id) = (self.now(), order.id.0.clone());
        let hold = Hold {
            name: UNCONFIRMED.to_owned(),
            level: Level::Halted,
            cause,
            since: now,
            until: None,
        };
        self.write(move |tx| {
            tx.put(&UNCONFIRMED_ORDERS, &id, &now)?;
            latch::set_hold(tx, &hold, "desk", now)
        })
        .await?;
        self.latch.refresh(&self.parts.store)?;
        self.beat();
        Ok(())
    }

    /// Orders from before the ledger began are history.
    fn is_of_this_ledger(&self, order: &BrokerOrder) -> Result<bool, StoreError> {
        let since = self.held()?.cash.as_ref().map(|book| book.since);
        let Some(since) = since else { return Ok(false) };
        let filled = order.fills.iter().any(|fill| fill.at >= since);
        Ok(!order.status.is_terminal() || filled)
    }
}

/// An order that works although its send had been proven not to have left.
fn denied(record: &IntentRecord, order: &BrokerOrder) -> bool {
    let status = record.attempt_of(order).map(|attempt| &attempt.status);
    !order.status.is_terminal() && matches!(status, Some(AttemptStatus::NotSent { .. }))
}

/// A name of the form this program gives its orders.
fn names_an_intent(order: &BrokerOrder) -> bool {
    let named = order.external_id.as_deref().and_then(|name| name.rsplit_once('/'));
    named.is_some_and(|(id, number)| number.parse::<u32>().is_ok() && is_entry_name(id))
}
