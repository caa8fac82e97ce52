//! The snapshot an entry decides on: all its I/O, every read bounded. What cannot be had is absent
//! from it, and the rules refuse with that reason.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    future::Future,
    sync::Arc,
};

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
    instrument::{Product, Series},
    market::{Chain, EventKind, MarketError, UnderlyingQuote},
    store::{Read as _, StoreError},
    strategy::{Need, ProductData, Reach, Rule, SeriesChain, Snapshot, wilder_atr},
};

/// Without an ATR the chain is read so far round the last price, as a share of it.
const WINDOW_SHARE: Decimal = dec!(0.045);

/// The id of the one entry a slot can make: a pure function of strategy and date.
pub fn entry_id(strategy: StrategyId, date: NaiveDate, ordinal: u32) -> IntentId {
    IntentId(format!("{}{ordinal}", entry_prefix(strategy, date)))
}

/// What the ids of a strategy's entries of a date begin with.
pub fn entry_prefix(strategy: StrategyId, date: NaiveDate) -> String {
    format!("{}-{}-", strategy.id_word(), date.format("%Y%m%d"))
}

/// True for an id of the form this program gives its intents.
pub(super) fn is_entry_name(id: &str) -> bool {
    let mut known = StrategyId::TRADED.into_iter().chain([StrategyId::External]);
    let named = id.split_once('-').filter(|(_, rest)| !rest.is_empty());
    named.is_some_and(|(name, _)| known.any(|strategy| strategy.id_word() == name))
}

impl Desk {
    /// Everything a strategy's entry and the gate look at.
    pub async fn snapshot(&self, slot: Timestamp, rule: &dyn Rule) -> Result<Snapshot, StoreError> {
        let mut snapshot = self.account_snapshot(slot).await?;
        let Some(session) = snapshot.session else { return Ok(snapshot) };
        let prefix = entry_prefix(rule.id(), session.date);
        snapshot.slot_intents = self.parts.store.read(|tx| read::entry_ids(tx, &prefix))?;
        snapshot.products = self.seen(&rule.needs(&snapshot), &session).await;
        snapshot.book = Some(self.held_book(&snapshot).await);
        snapshot.now = self.now();
        snapshot.clock_skew_ms = skew(&snapshot);
        self.hot().clock_skew_ms = Some(snapshot.clock_skew_ms);
        Ok(snapshot)
    }

    /// What is known of each product that is needed; of two needs of one product the first counts.
    pub(super) async fn seen(
        &self,
        needs: &[Need],
        session: &Session,
    ) -> BTreeMap<Product, ProductData> {
        let mut products = BTreeMap::new();
        for need in needs {
            if let Entry::Vacant(place) = products.entry(need.product) {
                place.insert(self.product_data(need, session).await);
            }
        }
        products
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
        if trading_status.is_some() {
            self.hot().trading_status = trading_status;
        }
        let held = self.held()?;
        let rows = self.parts.store.read(|tx| {
            Ok((
                read::closed_positions(tx, date, date)?,
                read::day_counts(tx, date)?,
                match tx.get(&PHASE, PHASE_KEY)? {
                    Some(row) => row.phase,
                    None => read::last_equity(tx)?.and_then(|row| row.phase),
                },
                (stage::current(tx)?.stage, ack::acked_at(tx)?),
                read::owners_orders(tx)?,
            ))
        })?;
        let (closed_today, counts, previous_phase, (stage, acked_at), owners_orders) = rows;
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
            owners_orders,
            book: None,
            slot_intents: Vec::new(),
            orders_last_minute: u32::try_from(recent).unwrap_or(u32::MAX),
            orders_today: u32::try_from(counts.opening_sent.len()).unwrap_or(u32::MAX),
            rejections_today: counts.rejections,
            events,
            products: BTreeMap::new(),
        };
        self.note_phase(&snapshot).await?;
        Ok(snapshot)
    }

    async fn product_data(&self, need: &Need, session: &Session) -> ProductData {
        let (market, product) = (&self.parts.market, need.product);
        let mut data = ProductData {
            underlying: Err(MarketError::NoData(product)),
            index_last: None,
            bars: Vec::new(),
            volatilities: Vec::new(),
            series: Vec::new(),
            chains: Vec::new(),
        };
        if !market.products().contains(&product) {
            return data;
        }
        let series = self.within(market.series(product, need.days)).await;
        data.series = series.and_then(Result::ok).unwrap_or_default();
        let picked = need.picks.iter().filter_map(|pick| pick.of(&data.series, session)).cloned();
        let mut picked: Vec<Series> = picked.collect();
        picked.dedup();
        data.underlying = self.underlying(product, picked.first()).await;
        let bars = self.within(market.daily_bars(product, session.date, need.bars)).await;
        data.bars = bars.and_then(Result::ok).unwrap_or_default();
        data.index_last = self.index_last(product).await;
        if need.volatilities > 0 {
            let asked = market.iv_history(product, session.date, need.volatilities);
            data.volatilities = self.within(asked).await.unwrap_or_default();
        }
        for (place, series) in picked.iter().enumerate() {
            let underlying = match &data.underlying {
                Ok(first) if place == 0 || first.future == series.future => Ok(first.clone()),
                _ => self.underlying(product, Some(series)).await,
            };
            let Ok(underlying) = underlying else { continue };
            if let Some(chain) = self.chain(series, underlying.last, need.reach, &data).await {
                data.chains.push(SeriesChain { chain, underlying });
            }
        }
        data
    }

    async fn underlying(
        &self,
        product: Product,
        series: Option<&Series>,
    ) -> Result<UnderlyingQuote, MarketError> {
        let asked = self.parts.market.underlying(product, series);
        self.within(asked).await.unwrap_or_else(|| Err(self.no_answer()))
    }

    /// The strikes of a series that are needed.
    async fn chain(
        &self,
        series: &Series,
        last: Decimal,
        reach: Reach,
        data: &ProductData,
    ) -> Option<Chain> {
        let (from, to) = match reach {
            Reach::Percent { below, above } => {
                let share = |percent: Decimal| last * percent / Decimal::ONE_HUNDRED;
                (last - share(below), last + share(above))
            }
            Reach::Atr { multiple, days, plus } => {
                let index = data.index_last.filter(|index| *index > Decimal::ZERO).unwrap_or(last);
                let reach = match wilder_atr(&data.bars, days) {
                    Some(atr) => atr * last / index * multiple,
                    None => last * WINDOW_SHARE,
                };
                (last - reach - plus, last + reach + plus)
            }
        };
        self.within(self.parts.market.chain(series, from, to)).await?.ok()
    }

    /// The index a product's bars are of: SPX for all but the ETFs of other things.
    async fn index_last(&self, product: Product) -> Option<Decimal> {
        let index = self.parts.market.underlying(product.barred_by(), None);
        let quote = self.within(index).await?;
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
