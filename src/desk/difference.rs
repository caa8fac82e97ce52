//! Differences between ledger and broker: each a row with a name of its own, from the look that
//! found it to the look that did not.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    describe,
    reconcile::RECONCILIATION,
    tally::{TALLIES, Tally},
};
use crate::{
    account::{BrokerOrderId, IntentId},
    calendar::NEW_YORK,
    clock::Timestamp,
    instrument::Instrument,
    money::Usd,
    notice::{self, Notice},
    store::{Read, StoreError, Table, WriteTx},
};

/// Differences that stand, by id.
pub const DIFFERENCES: Table<Difference> = Table::new("differences", 1);

/// What ledger and broker see differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "subject", rename_all = "snake_case")]
pub enum Subject {
    /// How much of an instrument is held.
    Quantity {
        /// What.
        instrument: Instrument,
        /// Contracts by the ledger, below zero short.
        ledger: i64,
        /// Contracts by the broker.
        broker: i64,
    },
    /// The account's cash.
    Cash {
        /// What the ledger explains.
        ledger_usd: Usd,
        /// What the broker has.
        broker_usd: Usd,
    },
    /// What an order of ours traded, or what it cost.
    Order {
        /// The broker's order.
        order: BrokerOrderId,
        /// The intent it worked for.
        intent: IntentId,
        /// The key of its tally.
        tally: String,
        /// Cash less fees by the fills.
        ledger_usd: Usd,
        /// Cash less fees by the broker's transactions.
        broker_usd: Usd,
    },
}

impl Subject {
    /// What an order's two sides say, as a subject.
    pub fn of_tally(key: &str, tally: &Tally) -> Self {
        let net = |(cash, fees): (Usd, Usd)| cash - fees;
        Self::Order {
            order: tally.order.clone(),
            intent: tally.intent.clone(),
            tally: key.to_owned(),
            ledger_usd: net(tally.by_fills()),
            broker_usd: net(tally.by_transactions()),
        }
    }

    /// True when both are about the same thing, whatever the figures.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Quantity { instrument: a, .. }, Self::Quantity { instrument: b, .. }) => a == b,
            (Self::Cash { .. }, Self::Cash { .. }) => true,
            (Self::Order { tally: a, .. }, Self::Order { tally: b, .. }) => a == b,
            _ => false,
        }
    }

    /// What differs, with both figures.
    pub fn words(&self) -> String {
        match self {
            Self::Quantity { instrument, ledger, broker } => format!(
                "{}: the broker holds {broker:+}, the ledger {ledger:+}",
                describe::name(instrument)
            ),
            Self::Cash { ledger_usd, broker_usd } => format!(
                "cash: the broker has {broker_usd}, the ledger {ledger_usd}, off by {}",
                *broker_usd - *ledger_usd
            ),
            Self::Order { order, intent, ledger_usd, broker_usd, .. } => format!(
                "order {order} of {intent}: {broker_usd} after fees by the broker's transactions, \
                 {ledger_usd} by the fills"
            ),
        }
    }
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What differs.
    pub subject: Subject,
    /// It stops entries (rulebook §6: any quantity, or cash off by more than the limit).
    pub stops: bool,
    /// Orders and transactions that may explain it.
    pub hints: Vec<String>,
}

impl Found {
    /// True when it is to be told: nothing stands about it, or with other figures.
    pub fn is_news(&self, standing: &[Difference], care: Care) -> bool {
        let known = standing.iter().find(|row| row.subject.is_same(&self.subject));
        let told = self.stops || care == Care::Cent;
        told && known.is_none_or(|row| row.subject != self.subject || row.stops != self.stops)
    }
}

/// A difference that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its name: `d7`. Never used again.
    pub id: String,
    /// The look that found it first.
    pub since: Timestamp,
    /// The last look that saw it.
    pub seen_at: Timestamp,
    /// Looks that saw it.
    pub looks: u32,
    /// It stops entries while it stands.
    pub stops: bool,
    /// What differs.
    #[serde(flatten)]
    pub subject: Subject,
    /// Orders and transactions that may explain it, as told when it was found.
    pub hints: Vec<String>,
}

impl Difference {
    /// In one line: name, what, both figures.
    pub fn words(&self) -> String {
        format!("{}: {}", self.id, self.subject.words())
    }

    /// What the owner is told: the same, since when, and what may explain it.
    pub fn told(&self) -> String {
        let since = self.since.with_timezone(&NEW_YORK).format("%a %Y-%m-%d %H:%M:%S");
        let hints = match self.hints.as_slice() {
            [] => "no order and no transaction of the day explains it".to_owned(),
            hints => format!("may be explained by {}", hints.join(", ")),
        };
        let weight = if self.stops { "entries stop" } else { "entries go on" };
        format!("{}; since {since} New York; {hints}; {weight}", self.words())
    }
}

/// Differences that stand, in the order they came.
pub fn standing(tx: &impl Read) -> Result<Vec<Difference>, StoreError> {
    let mut all: Vec<Difference> =
        tx.list(&DIFFERENCES, "")?.into_iter().map(|(_, row)| row).collect();
    all.sort_by_key(|row| (row.since, number(&row.id)));
    Ok(all)
}

fn number(id: &str) -> u64 {
    id.trim_start_matches('d').parse().unwrap_or(u64::MAX)
}

/// How closely a look was made: which differences it would have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// What stops entries.
    Usual,
    /// To the cent, order by order.
    Cent,
}

/// Brings the rows in line with what a look found and tells what is new. Gives what stands now.
pub fn update(
    tx: &mut WriteTx,
    found: &[Found],
    care: Care,
    now: Timestamp,
) -> Result<Vec<Difference>, StoreError> {
    let mut before = standing(tx)?;
    let mut now_standing = Vec::new();
    for found in found {
        let news = found.is_news(&before, care);
        let known = before.iter().position(|row| row.subject.is_same(&found.subject));
        let known = known.map(|index| before.remove(index));
        if known.is_none() && !news {
            continue;
        }
        let row = match known {
            Some(row) => row,
            None => fresh(tx, &found.subject, now)?,
        };
        let (looks, subject) = (row.looks.saturating_add(1), found.subject.clone());
        let mut row = Difference { seen_at: now, looks, stops: found.stops, subject, ..row };
        if news {
            row.hints.clone_from(&found.hints);
            tx.journal(now, RECONCILIATION, "difference", &row)?;
            notice::raise(tx, now, Notice::Difference { what: row.told() })?;
        }
        tx.put(&DIFFERENCES, &row.id, &row)?;
        now_standing.push(row);
    }
    for row in before {
        if still_stands(tx, &row, care)? {
            now_standing.push(row);
            continue;
        }
        let data = json!({ "difference": row.id, "what": row.subject.words() });
        tx.journal(now, RECONCILIATION, "difference_gone", &data)?;
        tx.remove(&DIFFERENCES, &row.id)?;
    }
    Ok(now_standing)
}

fn fresh(tx: &mut WriteTx, subject: &Subject, now: Timestamp) -> Result<Difference, StoreError> {
    Ok(Difference {
        id: format!("d{}", tx.next_sequence("difference")?),
        since: now,
        seen_at: now,
        looks: 0,
        stops: false,
        subject: subject.clone(),
        hints: Vec::new(),
    })
}

/// A usual look compares no order's cash: such a row stands until its tally agrees.
fn still_stands(tx: &impl Read, row: &Difference, care: Care) -> Result<bool, StoreError> {
    match &row.subject {
        Subject::Order { tally, .. } if care == Care::Usual && !row.stops => {
            Ok(tx.get(&TALLIES, tally)?.is_some_and(|tally| !tally.agrees()))
        }
        _ => Ok(false),
    }
}
