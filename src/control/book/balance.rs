//! `balance`: what the account is worth, its cash, its buying power.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    calendar::new_york_date,
    clock::Timestamp,
    config::stages::StageId,
    control::status::AccountLine,
    desk::{
        read,
        tables::{CashBook, EquityRow},
    },
    money::to_f64,
    money::{Gbp, Usd},
    risk::{
        buying_power::{effective_cap, utilisation},
        capital::capital,
    },
    store::{Read, StoreError},
    strategy::Snapshot,
};

/// The account's money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BalanceView {
    /// The account; `None` before the first session's end without a daemon.
    pub account: Option<AccountLine>,
    /// Since the close before today; `None` where that is not known.
    pub today: Option<Change>,
    /// The buying power an entry has; `None` where capital or cap are not known.
    pub room: Option<Room>,
    /// Cash as the ledger explains it; `None` before the ledger began.
    pub cash: Option<CashLine>,
    /// The deployment stage.
    pub stage: StageId,
    /// The account's phase, 1 to 4.
    pub phase: Option<u8>,
}

/// A change of what the account is worth, transfers left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The close it is measured from.
    pub since_date: NaiveDate,
    /// In dollars.
    pub change_usd: Usd,
    /// In pounds, at the rate of now.
    pub change_gbp: Option<Gbp>,
}

/// What entries may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Room {
    /// What positions are sized by.
    pub sizing_capital_gbp: Gbp,
    /// Requirement over it.
    pub used_percent: f64,
    /// The cap in force.
    pub cap_percent: f64,
    /// Whose it is: `VIX 12.6 < 13`, `phase 1`, `stage 2`.
    pub rule: String,
    /// What is left under it.
    pub left_usd: Usd,
}

/// Cash since the ledger began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashLine {
    /// When it began.
    pub since: Timestamp,
    /// The broker's cash then.
    pub opening_usd: Usd,
    /// Cash of fills and settlements.
    pub traded_usd: Usd,
    /// Fees.
    pub fees_usd: Usd,
    /// Paid in less paid out.
    pub transfers_usd: Usd,
}

/// The money at one moment. `snapshot` is what a daemon knows of the account.
pub fn of(
    tx: &impl Read,
    account: Option<AccountLine>,
    snapshot: &Snapshot,
) -> Result<BalanceView, StoreError> {
    let cash = read::cash(tx)?;
    let today = new_york_date(snapshot.now);
    Ok(BalanceView {
        today: account
            .as_ref()
            .map(|line| since(tx, line, cash.as_ref(), today))
            .transpose()?
            .flatten(),
        room: room(snapshot),
        phase: capital(snapshot).ok().map(|capital| capital.phase.number),
        stage: snapshot.stage,
        cash: cash.map(|book| CashLine {
            since: book.since,
            opening_usd: book.opening_usd.rounded(),
            traded_usd: book.traded_usd.rounded(),
            fees_usd: book.fees_usd.rounded(),
            transfers_usd: book.transfers_usd.rounded(),
        }),
        account,
    })
}

fn since(
    tx: &impl Read,
    account: &AccountLine,
    cash: Option<&CashBook>,
    today: NaiveDate,
) -> Result<Option<Change>, StoreError> {
    let date = account.date.unwrap_or(today);
    let days: Vec<EquityRow> = read::equity(tx, date - chrono::Days::new(14), date)?;
    let Some(before) = days.iter().rev().find(|row| row.date < date) else { return Ok(None) };
    let transfers = |row: Option<Usd>| row.unwrap_or_default();
    let now = match account.date {
        Some(_) => transfers(days.last().and_then(|row| row.transfers_total_usd)),
        None => cash.map_or(Usd::ZERO, |book| book.transfers_usd),
    };
    let paid_in = now - transfers(before.transfers_total_usd);
    let change_usd = account.net_liquidation_usd - before.net_liquidation_usd - paid_in;
    let rate = account.dollars_per_pound.and_then(|rate| Decimal::try_from(rate).ok());
    let rate = rate.filter(|rate| *rate > Decimal::ZERO);
    Ok(Some(Change {
        since_date: before.date,
        change_usd: change_usd.rounded(),
        change_gbp: rate.map(|rate| Gbp(change_usd.0 / rate).rounded()),
    }))
}

fn room(snapshot: &Snapshot) -> Option<Room> {
    let capital = capital(snapshot).ok()?;
    let cap = effective_cap(snapshot, &capital).ok()?;
    let requirement = snapshot.balances?.requirement_usd;
    let most = capital.sizing.0 * cap.percent / Decimal::ONE_HUNDRED * capital.rate.usd_per_gbp;
    let used = utilisation(requirement, &capital).round_dp(4);
    Some(Room {
        sizing_capital_gbp: capital.sizing.rounded(),
        used_percent: to_f64(used),
        cap_percent: to_f64(cap.percent),
        rule: cap.rule,
        left_usd: (Usd(most) - requirement).max(Usd::ZERO).rounded(),
    })
}
