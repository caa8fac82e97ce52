//! The account as the store left it, for those who ask while no daemon runs: prices are read now,
//! the account's figures are the last that were written. Nothing is reconciled.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;

use super::{
    ack,
    exposures::Reads,
    known::Seen,
    read, stage,
    tables::{BREAKERS, BREAKERS_KEY, EQUITY_POINTS, PHASE, PHASE_KEY},
};
use crate::{
    account::{Balances, Position, exposure::OwnersOrder, hold::Hold},
    calendar::{Calendar, Exchange, new_york_date},
    clock::{Runtime, Timestamp},
    config::{Rulebook, execution::span, stages::StageId},
    market::{EventKind, Market},
    store::{Read, StoreError},
    strategy::{Intent, Snapshot},
};

/// What the store knows of an account.
#[derive(Clone)]
pub struct Rows {
    positions: Vec<Position>,
    closed_today: Vec<Position>,
    intents: Vec<Intent>,
    owners_orders: Vec<OwnersOrder>,
    holds: Vec<Hold>,
    balances: Option<Balances>,
    stage: StageId,
    acked_at: Option<Timestamp>,
    phase: Option<u8>,
    halved_at: Option<rust_decimal::Decimal>,
    opening_sent: Vec<Timestamp>,
    rejections: u32,
}

impl Rows {
    /// Reads them.
    pub fn read(tx: &impl Read, now: Timestamp) -> Result<Self, StoreError> {
        let date = new_york_date(now);
        let counts = read::day_counts(tx, date)?;
        let drawdown = tx.get(&BREAKERS, BREAKERS_KEY)?.unwrap_or_default().drawdown;
        let phase = match tx.get(&PHASE, PHASE_KEY)? {
            Some(row) => row.phase,
            None => read::last_equity(tx)?.and_then(|row| row.phase),
        };
        Ok(Self {
            positions: read::open_positions(tx)?,
            closed_today: read::closed_positions(tx, date, date)?,
            intents: read::open_intents(tx)?.into_iter().map(|record| record.intent).collect(),
            owners_orders: read::owners_orders(tx)?,
            holds: read::holds(tx)?,
            balances: last_balances(tx)?,
            stage: stage::current(tx)?.stage,
            acked_at: ack::acked_at(tx)?,
            phase,
            halved_at: drawdown.halved.then(|| drawdown.percent.unwrap_or_default()),
            opening_sent: counts.opening_sent,
            rejections: counts.rejections,
        })
    }
}

/// The last point of the equity curve.
fn last_balances(tx: &impl Read) -> Result<Option<Balances>, StoreError> {
    let newest = tx.last(&EQUITY_POINTS, "", 1)?;
    let point = newest.into_iter().next().and_then(|(_, points)| points.into_iter().last());
    let Some(point) = point else { return Ok(None) };
    let cash = read::cash(tx)?.map(|book| book.expected_usd()).unwrap_or_default();
    Ok(Some(Balances {
        cash_usd: cash,
        net_liquidation_usd: point.net_liquidation_usd,
        requirement_usd: point.requirement_usd,
        at: point.at,
    }))
}

/// What a daemon would work with.
pub struct Surroundings<'a> {
    /// The clock.
    pub rt: &'a Runtime,
    /// Prices.
    pub market: &'a dyn Market,
    /// Sessions.
    pub calendar: &'a Calendar,
    /// The figures in force.
    pub rulebook: Arc<Rulebook>,
}

impl Surroundings<'_> {
    /// The market, as a daemon waits for it.
    pub(super) fn reads(&self) -> Reads<'_> {
        let wait = span(self.rulebook.execution.read_wait_seconds);
        Reads { market: self.market, rt: self.rt, wait }
    }

    /// The snapshot of these rows, with the book.
    pub async fn snapshot(&self, rows: Rows) -> Snapshot {
        self.both(rows).await.1
    }

    /// The same, with what was seen of the market by itself.
    pub async fn both(&self, rows: Rows) -> (Seen, Snapshot) {
        let seen = self.reads().seen(self.calendar, &self.rulebook, rows.clone()).await;
        let snapshot = assemble(rows, &seen, self.calendar, &self.rulebook, self.rt.now());
        (seen, snapshot)
    }
}

impl Reads<'_> {
    /// What the market says of these rows.
    pub(super) async fn seen(
        &self,
        calendar: &Calendar,
        rulebook: &Arc<Rulebook>,
        rows: Rows,
    ) -> Seen {
        let now = self.rt.now();
        let date = new_york_date(now);
        let mut seen = Seen { at: Some(now), ..Seen::default() };
        for kind in EventKind::ALL {
            let known = async { Ok(self.market.events(kind, date).await) };
            if let Some(day) = self.within(known).await {
                seen.events.insert(kind, day);
            }
        }
        seen.fx = self.within(self.market.fx(date)).await;
        seen.vix = self.within(self.market.vix()).await;
        let snapshot = assemble(rows, &seen, calendar, rulebook, now);
        seen.book = Some(self.book(&snapshot).await);
        seen
    }
}

/// The snapshot of rows with what was seen of the market.
pub(super) fn assemble(
    rows: Rows,
    seen: &Seen,
    calendar: &Calendar,
    rulebook: &Arc<Rulebook>,
    now: Timestamp,
) -> Snapshot {
    let date = new_york_date(now);
    let recent = rows.opening_sent.iter().filter(|at| **at > now - TimeDelta::minutes(1));
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let previous = calendar.previous_session(Exchange::Xnys, date);
    Snapshot {
        slot: now,
        now,
        session: calendar.session(Exchange::Xnys, date),
        previous_session: previous.map(|session| session.date),
        rulebook: Arc::clone(rulebook),
        orders_last_minute: count(recent.count()),
        holds: rows.holds,
        reconciled: false,
        balances: rows.balances,
        halved_at: rows.halved_at,
        trading_status: None,
        stage: rows.stage,
        acked_at: rows.acked_at,
        previous_phase: rows.phase,
        fx: seen.fx,
        vix: seen.vix,
        clock_skew_ms: 0,
        positions: rows.positions,
        closed_today: rows.closed_today,
        open_intents: rows.intents,
        owners_orders: rows.owners_orders,
        book: seen.book.clone(),
        slot_intents: Vec::new(),
        orders_today: count(rows.opening_sent.len()),
        rejections_today: rows.rejections,
        events: seen.events.clone(),
        products: BTreeMap::new(),
    }
}
