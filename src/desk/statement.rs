//! What `tomking reconcile` answers: how the books stand, and for each difference both sides.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Desk,
    accept::corrections,
    describe,
    difference::{self, Difference, Subject},
    explain::Evidence,
    intent::IntentRecord,
    latch::level_of,
    read,
    reconcile::Reconciled,
    tables::{EXTERNAL_ORDERS, LAST_LOOK, LAST_LOOK_KEY, LookOutcome},
    tally::{TALLIES, Traded},
};
use crate::{
    account::{Fill, Holding, Position, hold::Level},
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
    store::{Read, StoreError},
};

/// How the books stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The look it tells of; `None` when none was ever made.
    pub at: Option<Timestamp>,
    /// The look was made for this answer; else it is the last one a daemon made.
    pub looked: bool,
    /// How the look ended.
    pub outcome: Option<LookOutcome>,
    /// Why it is undecided.
    pub reason: Option<String>,
    /// The latch now.
    pub latch: Level,
    /// Differences that stand, the oldest first.
    pub differences: Vec<Line>,
    /// Working orders the owner sent himself, in words.
    pub external_orders: Vec<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its name.
    pub id: String,
    /// `quantity`, `cash` or `order`.
    pub subject: String,
    /// What differs, with both figures.
    pub what: String,
    /// The look that found it first.
    pub since: Timestamp,
    /// The last look that saw it.
    pub seen_at: Timestamp,
    /// Looks that saw it.
    pub looks: u32,
    /// It stops entries.
    pub stops: bool,
    /// The instrument, of a quantity.
    pub instrument: Option<String>,
    /// Contracts by the ledger.
    pub ledger_contracts: Option<i64>,
    /// Contracts by the broker.
    pub broker_contracts: Option<i64>,
    /// Dollars by the ledger.
    pub ledger_usd: Option<Usd>,
    /// Dollars by the broker.
    pub broker_usd: Option<Usd>,
    /// Orders and transactions that may explain it.
    pub hints: Vec<String>,
    /// Asked to explain: the ledger's positions, intents and fills.
    pub ledger: Vec<String>,
    /// Asked to explain: the broker's holdings, orders and transactions.
    pub broker: Vec<String>,
    /// Asked to explain: what was tried.
    pub tried: Vec<String>,
}

/// How the books stood at the last look, from the store alone.
pub fn stored(tx: &impl Read, explain: bool) -> Result<Statement, StoreError> {
    let last = tx.get(&LAST_LOOK, LAST_LOOK_KEY)?;
    let mut differences = Vec::new();
    for row in difference::standing(tx)? {
        let mut line = Line::of(&row);
        if explain {
            line.ledger = ledger_side(tx, &row.subject)?;
            line.tried = tried(tx, &row)?;
        }
        differences.push(line);
    }
    let orders = tx.list(&EXTERNAL_ORDERS, "")?;
    let order = |(id, row): (String, super::tables::ExternalOrder)| {
        format!("order {id}: {}", super::adopt::order_in_words(&row.order))
    };
    Ok(Statement {
        at: last.as_ref().map(|last| last.at),
        looked: false,
        outcome: last.as_ref().map(|last| last.outcome),
        reason: last.and_then(|last| last.reason),
        latch: level_of(&read::holds(tx)?),
        differences,
        external_orders: orders.into_iter().map(order).collect(),
    })
}

impl Desk {
    /// Looks at the books to the cent and tells how they stand.
    pub async fn statement(self: &Arc<Self>, explain: bool) -> Result<Statement, StoreError> {
        let outcome = self.reconcile_to_the_cent().await?;
        let mut statement = self.parts.store.read(|tx| stored(tx, explain))?;
        let (outcome, reason) = match outcome {
            Reconciled::Clean => (LookOutcome::Clean, None),
            Reconciled::Differs { .. } => (LookOutcome::Differs, None),
            Reconciled::Undecided { reason } => (LookOutcome::Undecided, Some(reason)),
        };
        statement.at = Some(self.now());
        statement.looked = true;
        (statement.outcome, statement.reason) = (Some(outcome), reason);
        statement.latch = self.level();
        if explain && !statement.differences.is_empty() {
            self.add_brokers_side(&mut statement).await?;
        }
        Ok(statement)
    }

    async fn add_brokers_side(&self, statement: &mut Statement) -> Result<(), StoreError> {
        let rows = self.parts.store.read(difference::standing)?;
        let since = rows.iter().map(|row| row.since).min().unwrap_or_else(|| self.now());
        let evidence = self.evidence(since).await?;
        let holdings = self.ask(self.parts.broker.holdings()).await.unwrap_or_default();
        for line in &mut statement.differences {
            if let Some(row) = rows.iter().find(|row| row.id == line.id) {
                line.broker = brokers_side(&row.subject, &holdings, &evidence);
            }
        }
        Ok(())
    }
}

impl Line {
    fn of(row: &Difference) -> Self {
        let mut line = Self {
            id: row.id.clone(),
            subject: String::new(),
            what: row.subject.words(),
            since: row.since,
            seen_at: row.seen_at,
            looks: row.looks,
            stops: row.stops,
            instrument: None,
            ledger_contracts: None,
            broker_contracts: None,
            ledger_usd: None,
            broker_usd: None,
            hints: row.hints.clone(),
            ledger: Vec::new(),
            broker: Vec::new(),
            tried: Vec::new(),
        };
        let (subject, usd) = match &row.subject {
            Subject::Quantity { instrument, ledger, broker } => {
                line.instrument = Some(describe::name(instrument));
                (line.ledger_contracts, line.broker_contracts) = (Some(*ledger), Some(*broker));
                ("quantity", None)
            }
            Subject::Cash { ledger_usd, broker_usd } => ("cash", Some((ledger_usd, broker_usd))),
            Subject::Order { ledger_usd, broker_usd, .. } => {
                ("order", Some((ledger_usd, broker_usd)))
            }
        };
        subject.clone_into(&mut line.subject);
        if let Some((ledger, broker)) = usd {
            (line.ledger_usd, line.broker_usd) = (Some(*ledger), Some(*broker));
        }
        line
    }
}

fn ledger_side(tx: &impl Read, subject: &Subject) -> Result<Vec<String>, StoreError> {
    match subject {
        Subject::Quantity { instrument, .. } => holders(tx, instrument),
        Subject::Cash { .. } => Ok(read::cash(tx)?.map_or_else(Vec::new, |book| {
            vec![
                format!("{} when the ledger began, {}", book.opening_usd, book.since),
                format!("{} of fills and settlements", book.traded_usd),
                format!("{} of their fees", -book.fees_usd),
                format!("{} of others' trades and transfers", book.foreign_usd),
                format!("transactions read through {}", book.last_transaction),
            ]
        })),
        Subject::Order { tally, .. } => {
            let found = tx.get(&TALLIES, tally)?;
            Ok(found.map_or_else(Vec::new, |tally| {
                let lines = tally.lines.iter();
                lines.map(|line| traded("fills", &line.instrument, &line.fills)).collect()
            }))
        }
    }
}

fn traded(what: &str, instrument: &Instrument, side: &Traded) -> String {
    let Traded { quantity, cash_usd, fees_usd } = side;
    format!("{what}: {}, {cash_usd}, fees {fees_usd}", describe::single(*quantity, instrument))
}

/// The positions that hold an instrument, with the intents and fills that made them so.
fn holders(tx: &impl Read, instrument: &Instrument) -> Result<Vec<String>, StoreError> {
    let mut lines = Vec::new();
    let held = |p: &Position| {
        p.legs.iter().find(|leg| leg.instrument == *instrument).map(|leg| leg.quantity)
    };
    for position in read::open_positions(tx)? {
        let Some(quantity) = held(&position) else { continue };
        lines.push(format!("position {} ({}): {quantity:+}", position.id, position.strategy));
        for record in read::intents_with(tx, &position.id.0)? {
            lines.extend(intent_lines(&record, instrument));
        }
        for word in corrections(tx, &position.id)? {
            let by = describe::single(word.quantity, &word.instrument);
            lines.push(format!(
                "  {by} by the owner's word on {}: {}",
                word.difference, word.reason
            ));
        }
    }
    if lines.is_empty() {
        lines.push("no position holds it".to_owned());
    }
    Ok(lines)
}

fn intent_lines(record: &IntentRecord, instrument: &Instrument) -> Vec<String> {
    if record.intent.legs.iter().all(|leg| leg.instrument != *instrument) {
        return Vec::new();
    }
    let fill = |fill: &Fill| {
        let quantity = fill.side.sign() * i64::from(fill.quantity);
        format!("  fill {}: {quantity:+} at {}, fees {}", fill.id, fill.price, fill.fees)
    };
    let fills = record.fills.iter().filter(|fill| fill.instrument == *instrument);
    std::iter::once(format!(
        "  intent {}: {}, {} sent",
        record.id(),
        record.state.name(),
        record.sends
    ))
    .chain(fills.map(fill))
    .collect()
}

fn brokers_side(subject: &Subject, holdings: &[Holding], evidence: &Evidence) -> Vec<String> {
    let mut lines = Vec::new();
    match subject {
        Subject::Quantity { instrument, .. } => {
            let held = holdings.iter().find(|holding| holding.instrument == *instrument);
            lines.push(held.map_or_else(
                || "holds none".to_owned(),
                |holding| {
                    let (quantity, average) = (holding.quantity, holding.average_price);
                    format!("holds {quantity:+} at {} on average", average.normalize())
                },
            ));
        }
        Subject::Cash { broker_usd, .. } => lines.push(format!("cash {broker_usd}")),
        Subject::Order { broker_usd, .. } => {
            lines.push(format!("{broker_usd} after fees by its transactions"));
        }
    }
    lines.extend(evidence.about(subject));
    lines
}

/// What was done about a difference so far.
fn tried(tx: &impl Read, row: &Difference) -> Result<Vec<String>, StoreError> {
    let through = read::cash(tx)?.map_or(0, |book| book.last_transaction);
    let mut lines = vec![
        format!("seen in {} looks, each of up to three readings a second apart", row.looks),
        "the orders of the day were read and every fill of ours taken over".to_owned(),
        format!("transactions were read through {through}"),
    ];
    lines.push(match &row.subject {
        Subject::Quantity { .. } => {
            "not the owner's alone: a position of ours holds it, or an order of ours works in it"
                .to_owned()
        }
        Subject::Cash { .. } => "holdings and orders were compared apart from cash".to_owned(),
        Subject::Order { order, .. } => format!("order {order} was read again for fills it lacks"),
    });
    Ok(lines)
}
