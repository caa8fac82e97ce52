//! What may explain a difference: orders and transactions of the day that touch it.

use rust_decimal::Decimal;

use super::{
    Desk,
    adopt::order_in_words,
    describe,
    difference::{Care, Difference, Found, Subject},
    read,
    tables::DAY_MARKS,
};
use crate::{
    account::IntentId,
    broker::{BrokerOrder, Transaction, TransactionKind},
    calendar::new_york_date,
    clock::Timestamp,
    instrument::Instrument,
    store::{Read, StoreError},
};

/// Orders and transactions named for one difference, each at most so many, the newest.
const NAMED_MAX: usize = 6;

/// What the broker has of a day: its orders, each with the intent it worked for, and its
/// transactions.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) orders: Vec<(Option<IntentId>, BrokerOrder)>,
    pub(super) transactions: Vec<Transaction>,
}

impl Desk {
    /// Finds what may explain each difference that is to be told.
    pub(super) async fn add_hints(
        &self,
        found: &mut [Found],
        standing: &[Difference],
        care: Care,
    ) -> Result<(), StoreError> {
        if !found.iter().any(|found| found.is_news(standing, care)) {
            return Ok(());
        }
        let evidence = self.evidence(self.now()).await?;
        for found in found.iter_mut().filter(|found| found.is_news(standing, care)) {
            found.hints = evidence.about(&found.subject);
        }
        Ok(())
    }

    /// The broker's orders of today and its transactions since the day of an instant began; what
    /// it does not answer is left out.
    pub(super) async fn evidence(&self, since: Timestamp) -> Result<Evidence, StoreError> {
        let date = new_york_date(since).to_string();
        let orders = self.ask(self.parts.broker.orders_today()).await.unwrap_or_default();
        let (mark, orders) = self.parts.store.read(|tx| {
            let mark = match tx.get(&DAY_MARKS, &date)? {
                Some(mark) => Some(mark),
                None => read::cash(tx)?.map(|book| book.last_transaction),
            };
            let owned = orders.into_iter().map(|order| Ok((read::owner_of(tx, &order)?, order)));
            Ok((mark, owned.collect::<Result<Vec<_>, StoreError>>()?))
        })?;
        let transactions = match mark {
            Some(mark) => self.ask(self.parts.broker.transactions(mark)).await.unwrap_or_default(),
            None => Vec::new(),
        };
        Ok(Evidence { orders, transactions })
    }
}

impl Evidence {
    /// The orders and transactions that touch a subject, in words.
    pub(super) fn about(&self, subject: &Subject) -> Vec<String> {
        let mut lines: Vec<String> = self.orders_about(subject).map(order_line).collect();
        lines.extend(self.transactions_about(subject).map(transaction_line));
        lines
    }

    fn orders_about<'a>(
        &'a self,
        subject: &'a Subject,
    ) -> impl Iterator<Item = &'a (Option<IntentId>, BrokerOrder)> {
        let touches = move |(_, order): &&(Option<IntentId>, BrokerOrder)| match subject {
            Subject::Quantity { instrument, .. } => {
                order.legs.iter().any(|leg| leg.instrument == *instrument)
                    && (!order.status.is_terminal() || fills_of(order, instrument) > 0)
            }
            Subject::Cash { .. } => false,
            Subject::Order { order: id, .. } => order.id == *id,
        };
        newest(self.orders.iter().filter(touches).collect())
    }

    fn transactions_about<'a>(
        &'a self,
        subject: &'a Subject,
    ) -> impl Iterator<Item = &'a Transaction> {
        let touches = move |transaction: &&Transaction| match subject {
            Subject::Quantity { instrument, .. } => {
                transaction.instrument.as_ref() == Some(instrument)
            }
            Subject::Cash { .. } => transaction.kind != TransactionKind::Trade,
            Subject::Order { order, .. } => transaction.order.as_ref() == Some(order),
        };
        newest(self.transactions.iter().filter(touches).collect())
    }
}

fn newest<T>(mut all: Vec<T>) -> impl Iterator<Item = T> {
    let surplus = all.len().saturating_sub(NAMED_MAX);
    all.drain(..surplus);
    all.into_iter()
}

fn fills_of(order: &BrokerOrder, instrument: &Instrument) -> u32 {
    order.fills.iter().filter(|f| f.instrument == *instrument).map(|f| f.quantity).sum()
}

/// `order 12 by hand (-1 SPY at 3.20, live)`.
pub(super) fn order_line((owner, order): &(Option<IntentId>, BrokerOrder)) -> String {
    let whose = owner.as_ref().map_or_else(|| "by hand".to_owned(), |id| format!("of {id}"));
    format!("order {} {whose} ({})", order.id, order_in_words(order))
}

/// `transaction 17 (-1 ES 5300 P 2024-08-02, $162.50, fees $3.37, order 12)`.
pub(super) fn transaction_line(transaction: &Transaction) -> String {
    let Transaction { id, quantity, cash_usd, fees_usd, order, instrument, kind, .. } = transaction;
    let what = instrument.as_ref().map(|instrument| describe::single(*quantity, instrument));
    let kind = serde_json::to_value(kind).ok();
    let kind = kind.as_ref().and_then(|k| k.as_str()).unwrap_or("movement").replace('_', " ");
    let what = what.unwrap_or_default();
    let fees =
        if fees_usd.0 == Decimal::ZERO { String::new() } else { format!(", fees {fees_usd}") };
    let order = order.as_ref().map(|order| format!(", order {order}")).unwrap_or_default();
    format!("transaction {id} ({} {cash_usd}{fees}{order})", [kind, what].join(" ").trim())
}
