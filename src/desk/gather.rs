//! The snapshot an entry decides on: all its I/O, every read bounded. What cannot be had is absent
//! from it, and the rules refuse with that reason.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::{Decimal, dec};

use super::{
    Desk, ack, read, stage,
    tables::{PHASE, PHASE_KEY},
};
use crate::{
    account::{IntentId, StrategyId},
    calendar::{Session, new_york_date},
    clock::Timestamp,
    instrument::{Product, ProductKind, Series},
    market::{Chain, EventKind, MarketError, UnderlyingQuote},
    store::{Read as _, StoreError},
    strategy::{
        ProductData, Snapshot,
        friday_0dte::{ATR_BARS, pick_series, wilder_atr},
    },
};

/// Without an ATR the chain is read so far round the last price, as a share of it.
const WINDOW_SHARE: Decimal = dec!(0.03);
/// The strikes lie within so many times their distance from the last price, and a wing beyond.
const WINDOW_FACTOR: Decimal = dec!(1.5);

/// The id of the one entry a slot can make: a pure function of strategy and date.
pub fn entry_id(strategy: StrategyId, date: NaiveDate, ordinal: u32) -> IntentId {
    IntentId(format!("{}{ordinal}", entry_prefix(strategy, date)))
}

/// What the ids of a strategy's entries of a date begin with.
pub fn entry_prefix(strategy: StrategyId, date: NaiveDate) -> String {
    format!("{}-{}-", entry_name(strategy), date.format("%Y%m%d"))
}

/// What every id of a strategy's begins with.
fn entry_name(strategy: StrategyId) -> &'static str {
    match strategy {
        StrategyId::Friday0dte => "zdte",
        StrategyId::External => "external",
    }
}

/// True for an id of the form this program gives its intents.
pub(super) fn is_entry_name(id: &str) -> bool {
    let names = [StrategyId::Friday0dte, StrategyId::External].map(entry_name);
    id.split_once('-').is_some_and(|(name, rest)| names.contains(&name) && !rest.is_empty())
}

impl Desk {
    /// Everything Friday 0DTE and the gate look at, for the products in the rulebook's order.
    pub async fn snapshot(&self, slot: Timestamp) -> Result<Snapshot, StoreError> {
        let mut snapshot = self.account_snapshot(slot).await?;
        let Some(session) = snapshot.session else { return Ok(snapshot) };
        let mut products = BTreeMap::new();
        for &product in &snapshot.rulebook.friday_0dte.products {
            products.insert(product, self.product_data(product, &session).await);
        }
        snapshot.products = products;
        snapshot.now = self.now();
        snapshot.clock_skew_ms = skew(&snapshot);
        Ok(snapshot)
    }

    /// The same without any product: what capital and caps are worked out from.
    pub async fn account_snapshot(&self, slot: Timestamp) -> Result<Snapshot, StoreError> {
        let now = self.now();
        let date = new_york_date(now);
        let market = &self.parts.market;
        let balances = self.ask(self.parts.broker.balances()).await.ok();
        let trading_status = self.ask(self.parts.broker.trading_status()).await.ok();
        let vix = self.within(market.vix()).await.and_then(Result::ok);
        let fx = self.within(market.fx(date)).await.and_then(Result::ok);
        let mut events = BTreeMap::new();
        for kind in EventKind::ALL {
            if let Some(day) = self.within(market.events(kind, date)).await {
                events.insert(kind, day);
            }
        }
        if balances.is_some() {
            self.hot().balances = balances;
        }
        let prefix = entry_prefix(StrategyId::Friday0dte, date);
        let held = self.held()?;
        let rows = self.parts.store.read(|tx| {
            Ok((
                read::closed_positions(tx, date, date)?,
                read::entry_ids(tx, &prefix)?,
                read::day_counts(tx, date)?,
                match tx.get(&PHASE, PHASE_KEY)? {
                    Some(row) => row.phase,
                    None => read::last_equity(tx)?.and_then(|row| row.phase),
                },
                (stage::current(tx)?.stage, ack::acked_at(tx)?),
            ))
        })?;
        let (closed_today, slot_intents, counts, previous_phase, (stage, acked_at)) = rows;
        let now = self.now();
        let minute_ago = now - TimeDelta::minutes(1);
        let recent = counts.opening_sent.iter().filter(|at| **at > minute_ago).count();
        let snapshot = Snapshot {
            slot,
            now,
            session: self.session(now),
            previous_session: self.previous_session(now),
            rulebook: Arc::clone(&self.parts.rulebook),
            holds: self.latch.ruling(now),
            reconciled: self.is_reconciled(),
            balances,
            halved_at: self.halved_at()?,
            trading_status,
            stage,
            acked_at,
            previous_phase,
            fx,
            vix,
            clock_skew_ms: 0,
            positions: held.positions.clone(),
            closed_today,
            open_intents: held.intents.iter().map(|record| record.intent.clone()).collect(),
            slot_intents,
            orders_last_minute: u32::try_from(recent).unwrap_or(u32::MAX),
            orders_today: u32::try_from(counts.opening_sent.len()).unwrap_or(u32::MAX),
            rejections_today: counts.rejections,
            events,
            products: BTreeMap::new(),
        };
        self.note_phase(&snapshot).await?;
        Ok(snapshot)
    }

    async fn product_data(&self, product: Product, session: &Session) -> ProductData {
        let market = &self.parts.market;
        let nothing = |error| ProductData {
            underlying: Err(error),
            index_last: None,
            bars: Vec::new(),
            series: Vec::new(),
            chain: None,
        };
        if !market.products().contains(&product) {
            return nothing(MarketError::NoData(product));
        }
        let series = self.within(market.series(product, 1)).await;
        let series = series.and_then(Result::ok).unwrap_or_default();
        let picked = pick_series(&series, session).cloned();
        let underlying = self
            .within(market.underlying(product, picked.as_ref()))
            .await
            .unwrap_or_else(|| Err(self.no_answer()));
        let bars = self.within(market.daily_bars(product, session.date, ATR_BARS)).await;
        let mut data = ProductData {
            underlying,
            index_last: self.index_last(product).await,
            bars: bars.and_then(Result::ok).unwrap_or_default(),
            series,
            chain: None,
        };
        if let (Some(series), Ok(underlying)) = (&picked, &data.underlying) {
            data.chain = self.chain(series, underlying, &data).await;
        }
        data
    }

    /// The chain round the strikes that may be sold: a few ATR and a wing to each side.
    async fn chain(
        &self,
        series: &Series,
        underlying: &UnderlyingQuote,
        data: &ProductData,
    ) -> Option<Chain> {
        let rules = &self.parts.rulebook.friday_0dte;
        let contract = rules.contracts.iter().find(|c| c.product == series.product)?;
        let last = underlying.last;
        let index = data.index_last.filter(|index| *index > Decimal::ZERO).unwrap_or(last);
        let reach = match wilder_atr(&data.bars, rules.atr_days) {
            Some(atr) => atr * last / index * rules.directional_atr.max(rules.condor_atr),
            None => last * WINDOW_SHARE,
        };
        let window = reach * WINDOW_FACTOR + contract.wing + contract.grid;
        let asked = self.parts.market.chain(series, last - window, last + window);
        self.within(asked).await?.ok()
    }

    /// The index a product's bars are of: SPX for all but the ETFs of other things.
    async fn index_last(&self, product: Product) -> Option<Decimal> {
        let index = match (product.kind(), product) {
            (ProductKind::Index | ProductKind::Future, _) | (_, Product::Spy) => Product::Spx,
            (ProductKind::Etf, _) => product,
        };
        let quote = self.within(self.parts.market.underlying(index, None)).await?;
        quote.ok().map(|quote| quote.last)
    }

    /// One bounded read; `None` when it took too long.
    pub(super) async fn within<T>(&self, read: impl Future<Output = T>) -> Option<T> {
        self.parts.rt.timeout(self.read_wait(), read).await
    }

    fn no_answer(&self) -> MarketError {
        MarketError::Feed(format!("no answer within {} s", self.read_wait().num_seconds()))
    }
}

/// How far our clock is behind: the newest instant anybody outside has given, where it lies in our
/// future. An instant in the past is an age, not a skew.
fn skew(snapshot: &Snapshot) -> i64 {
    let balances = snapshot.balances.map(|balances| balances.at);
    let vix = snapshot.vix.map(|vix| vix.at);
    let underlyings = snapshot.products.values().filter_map(|data| data.underlying.as_ref().ok());
    let newest = balances.into_iter().chain(vix).chain(underlyings.map(|quote| quote.at)).max();
    newest.map_or(0, |at| (at - snapshot.now).num_milliseconds().max(0))
}
