//! `status`: everything at one glance, from the store, and from the desk where it runs.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{answer::Reader, phase};
use crate::{
    account::{
        BrokerOrderId, IntentId, Position, PositionId, StrategyId,
        hold::{Hold, Level},
    },
    alert::dispatch::{DEAD, WAITING},
    calendar::new_york_date,
    clock::Timestamp,
    desk::{
        DeskStatus, describe,
        intent::{IntentRecord, IntentState},
        latch::{BY_FILE, HALT_FILE, level_of},
        pause::{self, StrategyPause},
        read,
        tables::{EQUITY, EquityRow},
    },
    market::Provenance,
    money::{FxRate, Gbp, Usd, round_half_up, to_f64},
    report::{parts, planning::Worth},
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
    /// The rate in force today.
    pub rate: Option<FxRate>,
}

/// The status document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// Where the store and the `HALT` file are.
    pub data_dir: PathBuf,
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
    /// Strategies that make no entries.
    pub paused: Vec<StrategyPause>,
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
    /// How long it has run.
    pub uptime_seconds: i64,
    /// Where its prices come from.
    pub prices: Provenance,
}

/// The account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountLine {
    /// When these figures were made.
    pub at: Option<Timestamp>,
    /// The session they are of, when no daemon runs.
    pub date: Option<NaiveDate>,
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Usd,
    /// The same in pounds at the rate below.
    pub net_liquidation_gbp: Option<Gbp>,
    /// Dollars a pound.
    pub dollars_per_pound: Option<f64>,
    /// The date of the rate.
    pub rate_date: Option<NaiveDate>,
    /// The fall from the highest of the start, the closes and this moment, in dollars.
    pub drawdown_percent: f64,
    /// Cash, when a daemon runs.
    pub cash_usd: Option<Usd>,
    /// Buying power in use.
    pub requirement_usd: Usd,
    /// The same, percent of sizing capital: on paper, of net liquidation.
    pub used_percent: Option<f64>,
    /// The last cap known.
    pub cap_percent: Option<f64>,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Its intent.
    pub intent: IntentId,
    /// Where it stands.
    pub state: IntentState,
    /// In words.
    pub what: String,
    /// The broker's order, where one works.
    pub order: Option<BrokerOrderId>,
    /// Its net limit a unit; a credit above zero, a debit below.
    pub limit_points: Option<f64>,
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
    let line = daemon.as_ref().map(|daemon| DaemonLine {
        pid: daemon.pid,
        since: daemon.since,
        uptime_seconds: (now - daemon.since).num_seconds().max(0),
        prices: daemon.prices,
    });
    let desk = daemon.map(|daemon| daemon.desk);
    let reconciled = desk.as_ref().map(|desk| desk.reconciled);
    let (latch, holds, positions, intents) = if let Some(desk) = desk {
        (desk.level, desk.holds, desk.positions, desk.intents)
    } else {
        let mut holds = read::holds(tx)?;
        holds.extend(by_file(&reader.data_dir, &holds, now));
        (level_of(&holds), holds, read::open_positions(tx)?, read::open_intents(tx)?)
    };
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: reader.data_dir.clone(),
        daemon: line,
        latch,
        holds,
        reconciled,
        account,
        positions: positions.iter().map(position_line).collect(),
        open_orders: intents.iter().map(order_line).collect(),
        paused: pause::paused(tx)?,
        next_slots: views::next(tx, &reader.jobs, &reader.calendar, now, NEXT_SHOWN)?,
        channels: channels(tx, &reader.channels)?,
        journal: tx.journal_head()?,
    })
}

/// The hold a daemon would make at its start of a `HALT` file that lies there by hand.
fn by_file(data_dir: &Path, holds: &[Hold], now: Timestamp) -> Option<Hold> {
    let file = data_dir.join(HALT_FILE);
    if level_of(holds) == Level::Halted || !file.try_exists().unwrap_or(true) {
        return None;
    }
    let made = std::fs::metadata(&file).and_then(|file| file.modified());
    Some(Hold {
        name: BY_FILE.to_owned(),
        level: Level::Halted,
        cause: format!("the file `{}`", file.display()),
        since: made.map_or(now, Timestamp::from),
        until: None,
    })
}

/// What the account is worth, for the plan and the phase: now where a daemon runs, at the last
/// close elsewhere.
pub(super) fn worth(
    tx: &impl Read,
    reader: &Reader,
    daemon: Option<&Daemon>,
) -> Result<Worth, StoreError> {
    let last = read::last_equity(tx)?;
    let balances = daemon.and_then(|daemon| daemon.desk.balances);
    let rate = daemon.and_then(|daemon| daemon.rate).or(last.as_ref().and_then(|row| row.fx));
    let net = match balances {
        Some(balances) => rate.map(|rate| balances.net_liquidation_gbp(rate)),
        None => last.as_ref().and_then(|row| row.net_liquidation_gbp),
    };
    let phase = phase::number(tx, &reader.rulebook.phases, net)?;
    Ok(Worth { net_liquidation_gbp: net, rate, phase })
}

/// The account, as a daemon knows it now, or as the last close left it.
pub(super) fn account(
    tx: &impl Read,
    daemon: Option<&Daemon>,
) -> Result<Option<AccountLine>, StoreError> {
    let days: Vec<EquityRow> = tx.list(&EQUITY, "")?.into_iter().map(|(_, row)| row).collect();
    let row = days.last();
    let Some(balances) = daemon.and_then(|daemon| daemon.desk.balances) else {
        let Some(row) = row else { return Ok(None) };
        let mut line = figures(row.net_liquidation_usd, row.requirement_usd, row.fx);
        line.date = Some(row.date);
        line.net_liquidation_gbp = row.net_liquidation_gbp;
        line.drawdown_percent = drawdown(tx, &days, row.net_liquidation_usd)?;
        line.cap_percent = row.cap_percent.map(to_f64);
        return Ok(Some(line));
    };
    let rate = daemon.and_then(|daemon| daemon.rate).or(row.and_then(|row| row.fx));
    let points = read::equity_points(tx, new_york_date(balances.at))?;
    let cap = points.iter().rev().find_map(|point| point.cap_percent);
    let mut line = figures(balances.net_liquidation_usd, balances.requirement_usd, rate);
    line.at = Some(balances.at);
    line.cash_usd = Some(balances.cash_usd.rounded());
    line.drawdown_percent = drawdown(tx, &days, balances.net_liquidation_usd)?;
    line.cap_percent = cap.or(row.and_then(|row| row.cap_percent)).map(to_f64);
    Ok(Some(line))
}

/// What follows from balances and a rate alone.
fn figures(net: Usd, requirement: Usd, rate: Option<FxRate>) -> AccountLine {
    AccountLine {
        at: None,
        date: None,
        net_liquidation_usd: net.rounded(),
        net_liquidation_gbp: rate.map(|rate| rate.to_gbp(net).rounded()),
        dollars_per_pound: rate.map(|rate| to_f64(rate.usd_per_gbp)),
        rate_date: rate.map(|rate| rate.date),
        drawdown_percent: 0.0,
        cash_usd: None,
        requirement_usd: requirement.rounded(),
        used_percent: net.is_positive().then(|| percent(requirement, net)),
        cap_percent: None,
    }
}

/// The fall of `now` from the highest of the start, the closes and itself, percent.
fn drawdown(tx: &impl Read, days: &[EquityRow], now: Usd) -> Result<f64, StoreError> {
    let start = read::cash(tx)?.map(|book| book.opening_usd);
    let closes = days.iter().map(|row| row.net_liquidation_usd);
    let peak = start.into_iter().chain(closes).fold(now, Usd::max);
    Ok(if peak.is_positive() { percent(peak - now, peak) } else { 0.0 })
}

/// A share of a whole above zero, percent, to four decimals.
fn percent(part: Usd, whole: Usd) -> f64 {
    to_f64(round_half_up(part.0 / whole.0 * Decimal::ONE_HUNDRED, 4))
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
        limit_points: working.map(|attempt| to_f64(attempt.limit.0)),
    }
}

/// How the channels stand.
pub(super) fn channels(tx: &impl Read, names: &[String]) -> Result<Vec<ChannelLine>, StoreError> {
    let mut lines = Vec::new();
    for name in names {
        let (waiting, broken) = tx.readable(&WAITING, &format!("{name}/"))?;
        let (dead, broken_dead) = tx.readable(&DEAD, &format!("{name}/"))?;
        let last_error = waiting.iter().rev().find_map(|(_, row)| row.last_error.clone());
        lines.push(ChannelLine {
            name: name.clone(),
            waiting: waiting.len() + broken.len(),
            dead: dead.len() + broken_dead.len(),
            last_error,
        });
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::store::{Store, Table};

    #[test]
    fn what_waits_and_cannot_be_read_is_counted_and_hides_no_status() {
        let store = Store::in_memory().unwrap();
        block_on(store.write(|tx| {
            let bad = |name| -> Table<Vec<u8>> { Table::new(name, 1) };
            tx.put(&bad(WAITING.name()), "email/00000000000000000001", &vec![])?;
            tx.put(&bad(DEAD.name()), "email/00000000000000000002", &vec![])
        }))
        .unwrap();
        let lines = store.read(|tx| channels(tx, &["email".to_owned()])).unwrap();
        assert_eq!((lines[0].waiting, lines[0].dead), (1, 1));
    }
}
