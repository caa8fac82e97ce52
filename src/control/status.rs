//! `status`: everything at one glance, from the store, and from the desk where it runs.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::answer::Reader;
use crate::{
    account::{
        BrokerOrderId, IntentId, Position, PositionId, StrategyId,
        hold::{Hold, Level, strictest},
    },
    alert::dispatch::{DEAD, WAITING},
    clock::Timestamp,
    desk::{
        DeskStatus, describe,
        intent::{IntentRecord, IntentState},
        read,
    },
    market::Provenance,
    money::{Gbp, Usd},
    report::parts,
    schedule::views::{self, NextSlot},
    store::{JournalHead, Read, StoreError},
};

/// Slots to come that are shown.
const NEXT_SHOWN: usize = 8;

/// What only a running daemon knows.
pub struct Daemon {
    /// Its process.
    pub pid: u32,
    /// Since when it runs.
    pub since: Timestamp,
    /// Where its prices come from.
    pub prices: Provenance,
    /// Its desk.
    pub desk: DeskStatus,
}

/// The status document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The running daemon; `None` when none runs.
    pub daemon: Option<DaemonLine>,
    /// The latch.
    pub latch: Level,
    /// Active holds.
    pub holds: Vec<Hold>,
    /// Ledger and broker agree; `None` when no daemon runs.
    pub reconciled: Option<bool>,
    /// The account; `None` before the first session's end without a daemon.
    pub account: Option<AccountLine>,
    /// Positions with an open leg.
    pub positions: Vec<PositionLine>,
    /// Orders being worked.
    pub open_orders: Vec<OrderLine>,
    /// The next slots.
    pub next_slots: Vec<NextSlot>,
    /// Channels with what waits and what was given up.
    pub channels: Vec<ChannelLine>,
    /// The journal's head.
    pub journal: JournalHead,
}

/// The running daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonLine {
    /// Its process.
    pub pid: u32,
    /// Since when it runs.
    pub since: Timestamp,
    /// Where its prices come from.
    pub prices: Provenance,
}

/// The account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLine {
    /// When these figures were made.
    pub at: Option<Timestamp>,
    /// The session they are of, when no daemon runs.
    pub date: Option<NaiveDate>,
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Usd,
    /// The same in pounds at the last session's rate.
    pub net_liquidation_gbp: Option<Gbp>,
    /// Cash, when a daemon runs.
    pub cash_usd: Option<Usd>,
    /// Buying power in use.
    pub requirement_usd: Usd,
}

/// An open position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionLine {
    /// Its id.
    pub id: PositionId,
    /// Whose.
    pub strategy: StrategyId,
    /// In words.
    pub what: String,
    /// First fill.
    pub opened_at: Timestamp,
    /// Credit received, all units.
    pub credit_usd: Usd,
}

/// An order being worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Its intent.
    pub intent: IntentId,
    /// Where it stands.
    pub state: IntentState,
    /// In words.
    pub what: String,
    /// The broker's order, where one works.
    pub order: Option<BrokerOrderId>,
    /// Its net limit a unit, points; a credit above zero, a debit below.
    pub limit: Option<Decimal>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelLine {
    /// Its name.
    pub name: String,
    /// Alerts not delivered yet.
    pub waiting: usize,
    /// Alerts given up.
    pub dead: usize,
    /// The last error of what waits.
    pub last_error: Option<String>,
}

/// The status at one moment.
pub fn of(
    tx: &impl Read,
    reader: &Reader,
    now: Timestamp,
    daemon: Option<Daemon>,
) -> Result<Status, StoreError> {
    let account = account(tx, daemon.as_ref())?;
    let (line, desk) = match daemon {
        Some(Daemon { pid, since, prices, desk }) => {
            (Some(DaemonLine { pid, since, prices }), Some(desk))
        }
        None => (None, None),
    };
    let reconciled = desk.as_ref().map(|desk| desk.reconciled);
    let (latch, holds, positions, intents) = if let Some(desk) = desk {
        (desk.level, desk.holds, desk.positions, desk.intents)
    } else {
        let holds = read::holds(tx)?;
        (strictest(&holds), holds, read::open_positions(tx)?, read::open_intents(tx)?)
    };
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        daemon: line,
        latch,
        holds,
        reconciled,
        account,
        positions: positions.iter().map(position_line).collect(),
        open_orders: intents.iter().map(order_line).collect(),
        next_slots: views::next(tx, &reader.jobs, &reader.calendar, now, NEXT_SHOWN)?,
        channels: channels(tx, &reader.channels)?,
        journal: tx.journal_head()?,
    })
}

fn account(tx: &impl Read, daemon: Option<&Daemon>) -> Result<Option<AccountLine>, StoreError> {
    let row = read::last_equity(tx)?;
    let rate = row.as_ref().and_then(|row| row.fx);
    let Some(balances) = daemon.and_then(|daemon| daemon.desk.balances) else {
        return Ok(row.map(|row| AccountLine {
            at: None,
            date: Some(row.date),
            net_liquidation_usd: row.net_liquidation_usd,
            net_liquidation_gbp: row.net_liquidation_gbp,
            cash_usd: None,
            requirement_usd: row.requirement_usd,
        }));
    };
    Ok(Some(AccountLine {
        at: Some(balances.at),
        date: None,
        net_liquidation_usd: balances.net_liquidation_usd.rounded(),
        net_liquidation_gbp: rate.map(|rate| balances.net_liquidation_gbp(rate)),
        cash_usd: Some(balances.cash_usd.rounded()),
        requirement_usd: balances.requirement_usd.rounded(),
    }))
}

fn position_line(position: &Position) -> PositionLine {
    PositionLine {
        id: position.id.clone(),
        strategy: position.strategy,
        what: describe::position(position),
        opened_at: position.opened_at,
        credit_usd: parts::credit_usd(position),
    }
}

fn order_line(record: &IntentRecord) -> OrderLine {
    let working = record.working();
    OrderLine {
        intent: record.id().clone(),
        state: record.state,
        what: describe::order(record.intent.product, &record.intent.legs, record.intent.units),
        order: working.and_then(|attempt| attempt.order.clone()),
        limit: working.map(|attempt| attempt.limit.0.normalize()),
    }
}

fn channels(tx: &impl Read, names: &[String]) -> Result<Vec<ChannelLine>, StoreError> {
    let mut lines = Vec::new();
    for name in names {
        let waiting = tx.list(&WAITING, &format!("{name}/"))?;
        let last_error = waiting.iter().rev().find_map(|(_, row)| row.last_error.clone());
        lines.push(ChannelLine {
            name: name.clone(),
            waiting: waiting.len(),
            dead: tx.list(&DEAD, &format!("{name}/"))?.len(),
            last_error,
        });
    }
    Ok(lines)
}
