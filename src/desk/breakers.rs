//! The breakers of rulebook §6 at the desk: what they look at is gathered here, and what follows
//! (state, holds, journal, notices) is written in one transaction.
//!
//! While something is open in session they look once a minute; each ten seconds while a bound waits
//! for its second observation; at the slots of `risk-snapshot` while nothing is open, and at once
//! when a position has closed. A daemon on a machine also reads the balances once a minute of an
//! idle session, so that a dead broker is noticed; a replay goes without.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;

use super::{
    Desk, cuts, describe, latch, read,
    tables::{BREAKERS, BREAKERS_KEY, POSITIONS_CLOSED},
};
use crate::{
    account::{Balances, ExitReason, Position, StrategyId, hold::Hold},
    calendar::{Exchange, Session, new_york_date},
    clock::Timestamp,
    config::stages::StageId,
    instrument::{Instrument, Product, Series},
    money::Usd,
    notice::{self, Notice},
    risk::{
        breaker::{
            self, Calls, FeedLook, IndexQuote, Observation, State, Step, TradeEnd, Worth, feed,
        },
        groups,
        held::items,
        stage,
    },
    store::{Read, StoreError, WriteTx},
    strategy::{
        closing::{Scope, open_legs},
        mark::mark,
    },
};

/// Between two looks while something is open, and of a daemon's idle session.
const LOOK: TimeDelta = TimeDelta::seconds(60);
/// The same while a bound waits for its second observation.
const CONFIRM: TimeDelta = TimeDelta::seconds(10);
/// The same while a breaker's hold waits for its condition.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// Balances read so lately are as good as read now.
const LATELY: TimeDelta = TimeDelta::seconds(10);
/// Looks at a flat account before it is left alone: every bound needs two.
const FLAT_LOOKS: u8 = 2;
/// What changes with each look and matters little is written at least so often.
const SAVE: TimeDelta = TimeDelta::minutes(5);
/// Closed positions read for the streak; the owner's own are left out of them.
const TRADES_READ: usize = 400;

/// What the desk keeps of the breakers in memory.
#[derive(Default)]
pub(super) struct Kept {
    /// The row as it was read, and the table's count of changes then.
    row: Option<(u64, State)>,
    /// As of the last look.
    state: State,
    saved_at: Option<Timestamp>,
    looked_at: Option<Timestamp>,
    flat_looks: u8,
    /// Count of changes of the closed positions when they were last read.
    trades_seen: Option<u64>,
    previous_close: Option<(NaiveDate, Decimal)>,
    /// How the broker's calls went.
    pub(super) calls: Calls,
}

impl Desk {
    /// The desk's loop over the breakers.
    pub(super) async fn watch_breakers(self: Arc<Self>) {
        let mut pulse = self.pulse.subscribe();
        loop {
            pulse.mark_unchanged();
            let due = self.next_look().is_some_and(|at| at <= self.now());
            if due && let Err(error) = self.look_at_breakers().await {
                tracing::error!(%error, "a look at the breakers failed");
                self.parts.rt.sleep(CONFIRM).await;
            }
            self.loops.breakers.rest(self.wait(self.next_look(), &mut pulse)).await;
        }
    }

    /// What the breakers remember, as of the last look.
    pub fn breakers(&self) -> Result<State, StoreError> {
        self.load_breakers()?;
        Ok(self.hot().breakers.state.clone())
    }

    /// Looks at everything once, and writes what follows.
    pub async fn look_at_breakers(self: &Arc<Self>) -> Result<(), StoreError> {
        let _looking = self.looking.lock().await;
        self.load_breakers()?;
        let (seen, trades_seen) = self.observe().await?;
        let (row, mut state, saved_at) = {
            let hot = self.hot();
            let kept = &hot.breakers;
            (kept.row.as_ref().map(|row| row.1.clone()), kept.state.clone(), kept.saved_at)
        };
        let steps = breaker::look(&self.parts.rulebook, &mut state, &seen);
        let row = row.unwrap_or_default();
        let now = seen.now;
        let stale = saved_at.is_none_or(|at| super::watch::elapsed(at, now) >= SAVE);
        let save = !steps.is_empty() || (stale && state != row) || matters(&state) != matters(&row);
        if save {
            let (after, acted) = (state.clone(), !steps.is_empty());
            let spike = steps.iter().find_map(|step| match step {
                Step::Set { hold, .. } if hold.name == breaker::vix::NAME => {
                    Some(hold.cause.clone())
                }
                _ => None,
            });
            let kept = if spike.is_some() { self.spike_cuts().await? } else { Vec::new() };
            let (chosen, cause) = (kept.clone(), spike.unwrap_or_default());
            let written = self.write(move |tx| {
                let written = write(tx, &row, &after, steps, now)?;
                if written {
                    cuts::cut(tx, &chosen, breaker::vix::NAME, &cause, now)?;
                }
                Ok(written)
            });
            if !written.await? {
                return Ok(()); // a resume came in between: the next look begins with it
            }
            self.take_cuts(&kept);
            self.hot().breakers.saved_at = Some(now);
            if acted {
                self.latch.refresh(&self.parts.store)?;
            }
        }
        {
            let kept = &mut self.hot().breakers;
            kept.state = state;
            kept.trades_seen = trades_seen;
            kept.looked_at = Some(now);
        }
        if save {
            self.beat();
        }
        self.look_at_stage(now).await
    }

    /// Reads the row again where somebody wrote it: this desk, or a resume.
    fn load_breakers(&self) -> Result<(), StoreError> {
        let changes = self.parts.store.changes(&[BREAKERS.name()]);
        if self.hot().breakers.row.as_ref().is_some_and(|(of, _)| *of == changes) {
            return Ok(());
        }
        let row = self.parts.store.read(|tx| tx.get(&BREAKERS, BREAKERS_KEY))?;
        let state = match row {
            Some(state) => state,
            None => self.parts.store.read(first)?,
        };
        let mut hot = self.hot();
        let kept = &mut hot.breakers;
        if kept.row.is_none() {
            kept.calls = state.broker.calls;
        }
        kept.state = state.clone();
        kept.row = Some((changes, state));
        Ok(())
    }

    /// When to look next without being asked; in the past when it is due.
    fn next_look(&self) -> Option<Timestamp> {
        let now = self.now();
        let closed = self.parts.store.changes(&[POSITIONS_CLOSED.name()]);
        let session = self.in_session(now);
        let holds = self.latch.holds();
        let waiting = holds.iter().any(breaker::ends_by_condition);
        let hot = self.hot();
        let kept = &hot.breakers;
        if kept.trades_seen != Some(closed) {
            return Some(now);
        }
        let last = kept.looked_at.filter(|at| *at <= now);
        let after = |gap| last.map_or(now, |last| last + gap);
        let open = !hot.open.is_empty();
        let state = &kept.state;
        let confirming = state.drawdown.beyond_since.is_some() && state.drawdown.rung < 4
            || state.vix.over_since.is_some() && !state.vix.tripped
            || state.exchange.reached.is_some();
        let mut due = Vec::new();
        if session && confirming {
            due.push(after(CONFIRM));
        }
        if waiting || kept.calls.failing_since.is_some() {
            due.push(after(AGAIN));
        }
        let idle = self.parts.data_dir.is_some() && session;
        if (open && session) || kept.flat_looks < FLAT_LOOKS && !open || idle {
            due.push(after(LOOK));
        }
        let queued = state.drawdown.queued;
        drop(hot);
        if queued || (!session && (open || self.parts.data_dir.is_some())) {
            due.extend(self.next_window(now));
        }
        due.into_iter().min()
    }

    /// The end of the minutes without marks after the next open.
    fn next_window(&self, now: Timestamp) -> Option<Timestamp> {
        let minutes = self.parts.rulebook.breakers.drawdown.flatten_minutes_after_open;
        let from = |session: Session| session.open + TimeDelta::minutes(i64::from(minutes));
        let today = self.session(now).map(from).filter(|at| *at > now);
        today.or_else(|| {
            let calendar = &self.parts.calendar;
            calendar.next_session(Exchange::Xnys, new_york_date(now)).map(from)
        })
    }

    async fn observe(self: &Arc<Self>) -> Result<(Observation, Option<u64>), StoreError> {
        let now = self.now();
        let session = self.session(now);
        let under_way = session.filter(|session| session.contains(now));
        let positions: Vec<Position> = self.hot().open.values().cloned().collect();
        let worth = self.worth(&positions, session.as_ref(), now).await?;
        let (mut vix, mut index, mut feed) = (None, None, None);
        if let Some(session) = &under_way {
            vix = self.within(self.parts.market.vix()).await.and_then(Result::ok);
            index = self.index(session).await;
        }
        if under_way.is_some() || positions.is_empty() {
            feed = Some(self.feed(&positions).await);
        }
        let (trades, trades_seen) = self.trades()?;
        let stage = self.parts.store.read(super::stage::current)?.stage;
        let rate = if stage == StageId::Paper { None } else { self.rate(now).await };
        let stage_capital = stage::capital_usd(&self.parts.rulebook, stage, rate);
        let next_open = self.parts.calendar.next_session(Exchange::Xnys, new_york_date(now));
        let legs: Vec<String> = positions.iter().map(describe::open_legs).collect();
        let seen = Observation {
            now,
            session,
            next_open: next_open.map(|session| session.open),
            worth,
            stage_capital,
            vix,
            index,
            calls: self.hot().breakers.calls,
            feed,
            groups: Some(groups::counts(
                &self.parts.rulebook.groups,
                &items(&positions, &[], &[]),
                None,
            )),
            trades,
            reconciled: self.is_reconciled(),
            holds: self.latch.holds(),
            legs: legs.join("; "),
        };
        Ok((seen, trades_seen))
    }

    /// What the account is worth: asked for while something is open in session, twice after that,
    /// and each minute by a daemon.
    async fn worth(
        &self,
        positions: &[Position],
        session: Option<&Session>,
        now: Timestamp,
    ) -> Result<Worth, StoreError> {
        let flat = positions.is_empty();
        let looks = self.hot().breakers.flat_looks;
        self.hot().breakers.flat_looks = if flat { looks.saturating_add(1) } else { 0 };
        if flat && looks >= FLAT_LOOKS && self.parts.data_dir.is_none() {
            return Ok(Worth::NotLooked);
        }
        let usable = flat || self.marks_are_usable(positions, session, now).await;
        let Some(balances) = self.balances_lately(now).await else { return Ok(Worth::Unusable) };
        let held = self.held()?;
        let Some(book) = held.cash.as_ref().filter(|_| usable) else { return Ok(Worth::Unusable) };
        // Cash the ledger does not explain yet: its balances are no observation.
        let tolerated = self.parts.rulebook.limits.reconciliation_cash_usd;
        let unexplained = (balances.cash_usd - book.expected_usd()).0.abs() > tolerated;
        if unexplained || !balances.net_liquidation_usd.is_positive() {
            return Ok(Worth::Unusable);
        }
        Ok(Worth::Usable { net: balances.net_liquidation_usd, transfers: book.transfers_usd })
    }

    async fn balances_lately(&self, now: Timestamp) -> Option<Balances> {
        let known = self.hot().balances;
        let fresh = |balances: &Balances| super::watch::elapsed(balances.at, now) <= LATELY;
        if let Some(balances) = known.filter(fresh) {
            return Some(balances);
        }
        let balances = self.ask(self.parts.broker.balances()).await.ok()?;
        self.hot().balances = Some(balances);
        Some(balances)
    }

    /// Each open option leg has a mark that a stop could fire on; futures and shares have one in
    /// the same hours.
    async fn marks_are_usable(
        &self,
        positions: &[Position],
        session: Option<&Session>,
        now: Timestamp,
    ) -> bool {
        let Some(session) = session else { return false };
        let blind = self.parts.rulebook.common.marks.blind_minutes_after_open;
        if !session.contains(now) || now < session.open + TimeDelta::minutes(i64::from(blind)) {
            return false;
        }
        for position in positions {
            let mut options = position.clone();
            options.legs.retain(|leg| matches!(leg.instrument, Instrument::Option(_)));
            if open_legs(&options).next().is_none() {
                continue;
            }
            let quotes = self.position_quotes(position).await;
            let rules = &self.parts.rulebook;
            let mark = mark(rules, session, &options, Scope::All, &quotes, now);
            if mark.cost().is_none() {
                return false;
            }
        }
        true
    }

    async fn index(&self, session: &Session) -> Option<IndexQuote> {
        let market = &self.parts.market;
        if !market.products().contains(&Product::Spx) {
            return None;
        }
        let known = self.hot().breakers.previous_close.filter(|(date, _)| *date == session.date);
        let previous_close = if let Some((_, close)) = known {
            close
        } else {
            let bars = self.within(market.daily_bars(Product::Spx, session.date, 1)).await?.ok()?;
            let close = bars.last()?.close;
            self.hot().breakers.previous_close = Some((session.date, close));
            close
        };
        let quote = self.within(market.underlying(Product::Spx, None)).await?.ok()?;
        Some(IndexQuote { last: quote.last, previous_close, at: quote.at })
    }

    /// The underlyings of everything sold, each asked once.
    async fn feed(&self, positions: &[Position]) -> FeedLook {
        let mut asked: Vec<(Product, Option<Series>)> = Vec::new();
        let shorts = positions.iter().flat_map(open_legs).filter(|leg| leg.quantity < 0);
        for leg in shorts {
            let series = match &leg.instrument {
                Instrument::Option(contract) => Some(contract.series.clone()),
                Instrument::Future { .. } | Instrument::Shares { .. } => None,
            };
            let key = (leg.instrument.product(), series);
            if !asked.contains(&key) {
                asked.push(key);
            }
        }
        let mut look = FeedLook { short: !asked.is_empty(), oldest: None };
        for (number, (product, series)) in asked.iter().enumerate() {
            let quote = self.within(self.parts.market.underlying(*product, series.as_ref())).await;
            let Some(Ok(quote)) = quote else { return FeedLook { oldest: None, ..look } };
            let older = look.oldest.map_or(quote.at, |at| at.min(quote.at));
            look.oldest = Some(if number == 0 { quote.at } else { older });
        }
        look
    }

    /// The last trades, where one closed since they were read, and the count they are of.
    fn trades(&self) -> Result<(Option<Vec<TradeEnd>>, Option<u64>), StoreError> {
        let changes = self.parts.store.changes(&[POSITIONS_CLOSED.name()]);
        if self.hot().breakers.trades_seen == Some(changes) {
            return Ok((None, Some(changes)));
        }
        let trades = self.parts.store.read(|tx| {
            let ids = tx.last(&POSITIONS_CLOSED, "", TRADES_READ)?;
            let mut trades = Vec::new();
            for (_, id) in &ids {
                trades.extend(read::position(tx, id)?.as_ref().and_then(trade_end));
            }
            trades.sort_by_key(|trade: &TradeEnd| std::cmp::Reverse(trade.at));
            Ok(trades)
        })?;
        Ok((Some(trades), Some(changes)))
    }

    /// Notes how a call of the broker went.
    pub(super) fn count_call(&self, answered: bool) {
        let now = self.now();
        let mut hot = self.hot();
        hot.tally.count(answered);
        if answered {
            hot.breakers.calls.answered(now);
        } else {
            hot.breakers.calls.failed(now);
            hot.broker_errors.add(now);
        }
    }

    /// The drawdown while it halves new orders, percent.
    pub(super) fn halved_at(&self) -> Result<Option<Decimal>, StoreError> {
        let state = self.breakers()?.drawdown;
        Ok(state.halved.then(|| state.percent.unwrap_or_default()))
    }

    /// A VIX spike closes 0DTE positions while its hold stands.
    pub(super) fn vix_closes(&self) -> bool {
        self.latch.has(breaker::vix::NAME)
    }

    /// A silent feed suspends stops while its hold stands.
    pub(super) fn stops_suspended(&self) -> bool {
        self.latch.has(feed::NAME)
    }
}

fn trade_end(position: &Position) -> Option<TradeEnd> {
    let at = position.closed_at?;
    (position.strategy != StrategyId::External).then(|| TradeEnd {
        at,
        zero_dte: position.strategy == StrategyId::Friday0dte,
        stopped: position.exit_reason == Some(ExitReason::Stop),
        won: position.pnl_usd().is_positive(),
    })
}

/// What is remembered where nothing is yet: the peak is the highest of the ledger's opening cash
/// and its closes.
fn first(tx: &impl Read) -> Result<State, StoreError> {
    let mut state = State::default();
    let Some(book) = read::cash(tx)? else { return Ok(state) };
    let closes = tx.list(&super::tables::EQUITY, "")?;
    let closes = closes.into_iter().map(|(_, row)| row.net_liquidation_usd);
    let peak = closes.fold(book.opening_usd, Usd::max);
    state.drawdown.peak_usd = peak.is_positive().then_some(peak);
    state.drawdown.transfers_usd = Some(book.transfers_usd);
    state.day_loss.transfers_usd = Some(book.transfers_usd);
    Ok(state)
}

/// What must be in the store at once: all but the last figures.
fn matters(state: &State) -> State {
    let mut kept = state.clone();
    (kept.drawdown.last_usd, kept.drawdown.percent) = (None, None);
    (kept.day_loss.last_usd, kept.day_loss.row_usd, kept.day_loss.percent) = (None, None, None);
    (kept.vix.level, kept.vix.previous_close, kept.vix.date) = (None, None, None);
    (kept.broker.calls.answered_at, kept.broker.calls.failed_at) = (None, None);
    kept.feed = feed::State::default();
    kept.groups = breaker::groups::State::default();
    (kept.exchange.percent, kept.exchange.date) = (None, None);
    kept
}

/// Writes a look: state, holds, journal and notices. False when the row is no longer what the look
/// began with.
fn write(
    tx: &mut WriteTx,
    row: &State,
    state: &State,
    steps: Vec<Step>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let found: Option<State> = tx.get(&BREAKERS, BREAKERS_KEY)?;
    if found.is_some_and(|found| found != *row) {
        return Ok(false);
    }
    tx.put(&BREAKERS, BREAKERS_KEY, state)?;
    for step in steps {
        match step {
            Step::Set { hold, critical } => set(tx, &hold, critical, now)?,
            Step::End { name, why } => latch::end_hold(tx, name, &why, name, now)?,
            Step::Tell { name, text } => {
                tx.journal(now, name, "breaker", &text)?;
                let breaker = name.to_owned();
                notice::raise(tx, now, Notice::Breaker { breaker, text, critical: false })?;
            }
        }
    }
    Ok(true)
}

/// A change of level is told by the latch; what changes none is told here.
fn set(
    tx: &mut WriteTx,
    hold: &Hold,
    critical: Option<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = latch::level_of(&read::holds(tx)?);
    latch::set_hold(tx, hold, &hold.name, now)?;
    let unchanged = latch::level_of(&read::holds(tx)?) == before;
    let breaker = hold.name.clone();
    match critical {
        Some(text) => notice::raise(tx, now, Notice::Breaker { breaker, text, critical: true }),
        None if unchanged => {
            let text = format!("{}: {}", hold.level.name(), hold.cause);
            notice::raise(tx, now, Notice::Breaker { breaker, text, critical: false })
        }
        None => Ok(()),
    }
}

/// What an explicit resume means for the breakers, in its transaction; refused while a FLATTEN's
/// days are not over, unless a reason overrides them.
pub(super) fn resume(
    tx: &mut WriteTx,
    ended: &[Hold],
    over: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut state) = tx.get(&BREAKERS, BREAKERS_KEY)? else { return Ok(()) };
    let locked = state.drawdown.locked_until.filter(|at| now < *at);
    let flattened = ended.iter().any(|hold| hold.name == breaker::drawdown::NAME);
    if let Some(at) = locked.filter(|_| flattened && over.is_none()) {
        let date = at.with_timezone(&crate::calendar::NEW_YORK).format("%Y-%m-%d %H:%M ET");
        return Err(StoreError::Refused(format!(
            "resume is refused until {date}: the drawdown breaker flattened the account\n\
             hint: `tomking resume --override \"reason\"` resumes before; the reason is journalled"
        )));
    }
    breaker::resumed(&mut state, ended, now);
    tx.put(&BREAKERS, BREAKERS_KEY, &state)
}
