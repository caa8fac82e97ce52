//! The account as it is known at once: rows of the store and what is in memory, with what the market
//! said last. Who asks here waits for the feeds at most as long as they say, and never for the
//! broker.

use std::collections::BTreeMap;

use super::{
    Desk,
    still::{Rows, assemble},
};
use crate::{
    account::{TradingStatus, exposure::Book},
    clock::Timestamp,
    market::{EventDay, EventKind, VixQuote},
    money::FxRate,
    store::StoreError,
    strategy::Snapshot,
};

/// What the market said of everything held.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// When it was asked; `None` before the first answer.
    pub at: Option<Timestamp>,
    /// VIX.
    pub vix: Option<VixQuote>,
    /// The rate in force.
    pub fx: Option<FxRate>,
    /// Events within reach.
    pub events: BTreeMap<EventKind, EventDay>,
    /// Every leg with its market.
    pub book: Option<Book>,
}

/// How the broker has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerLine {
    /// The last answer.
    pub answered_at: Option<Timestamp>,
    /// The last call without one.
    pub failed_at: Option<Timestamp>,
    /// Calls without an answer in the last 24 hours of this process.
    pub errors: u64,
}

impl Desk {
    /// Asks the market about everything held. It waits for the feeds, each read bounded.
    pub async fn see(&self) -> Result<Seen, StoreError> {
        let now = self.now();
        let rows = self.parts.store.read(|tx| Rows::read(tx, now))?;
        let mut seen = self.reads().seen(&self.parts.calendar, &self.parts.rulebook, rows).await;
        seen.fx = seen.fx.or_else(|| self.last_rate());
        Ok(seen)
    }

    /// The account at this moment, without a word to anybody: the market is what was seen last.
    pub fn known(&self, seen: &Seen) -> Result<Snapshot, StoreError> {
        let now = self.now();
        let rows = self.parts.store.read(|tx| Rows::read(tx, now))?;
        let mut snapshot = assemble(rows, seen, &self.parts.calendar, &self.parts.rulebook, now);
        snapshot.holds = self.latch.ruling(now);
        snapshot.reconciled = self.is_reconciled();
        let hot = self.hot();
        snapshot.balances = hot.balances.or(snapshot.balances);
        snapshot.trading_status = hot.trading_status;
        snapshot.clock_skew_ms = hot.clock_skew_ms.unwrap_or(0);
        snapshot.fx = snapshot.fx.or(hot.rate.map(|(_, rate)| rate));
        Ok(snapshot)
    }

    /// The last rate the desk was given.
    pub fn last_rate(&self) -> Option<FxRate> {
        self.hot().rate.map(|(_, rate)| rate)
    }

    /// The broker's flags as they were last read.
    pub fn last_trading_status(&self) -> Option<TradingStatus> {
        self.hot().trading_status
    }

    /// How far this machine's clock was behind at the last entry's look, milliseconds.
    pub fn last_clock_skew_ms(&self) -> Option<i64> {
        self.hot().clock_skew_ms
    }

    /// How the broker has answered.
    pub fn broker_line(&self) -> BrokerLine {
        let now = self.now();
        let mut hot = self.hot();
        let errors = hot.broker_errors.within_a_day(now);
        let calls = &hot.breakers.calls;
        BrokerLine { answered_at: calls.answered_at, failed_at: calls.failed_at, errors }
    }
}

/// Counts by hour, a day of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Hourly(BTreeMap<i64, u64>);

impl Hourly {
    /// Hours kept.
    const HOURS: i64 = 24;

    fn hour(at: Timestamp) -> i64 {
        at.timestamp().div_euclid(3_600)
    }

    pub(super) fn add(&mut self, at: Timestamp) {
        *self.0.entry(Self::hour(at)).or_default() += 1;
        self.forget(at);
    }

    /// What was counted in the last day, to the hour.
    pub(super) fn within_a_day(&mut self, now: Timestamp) -> u64 {
        self.forget(now);
        self.0.values().sum()
    }

    fn forget(&mut self, now: Timestamp) {
        let now = Self::hour(now);
        // After a step back of the clock what lies ahead counts as well as nothing.
        self.0.retain(|hour, _| (now - Self::HOURS..=now).contains(hour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_a_day_are_kept_and_older_ones_go() {
        let at = |hour: u32| -> Timestamp {
            let day = 1 + hour / 24;
            format!("2026-11-{day:02}T{:02}:30:00Z", hour % 24).parse().unwrap()
        };
        let mut counts = Hourly::default();
        counts.add(at(1));
        counts.add(at(1));
        counts.add(at(20));
        assert_eq!(counts.within_a_day(at(25)), 3);
        assert_eq!(counts.within_a_day(at(26)), 1);
        assert_eq!(counts.within_a_day(at(60)), 0);
        assert!(counts.0.is_empty());
    }
}
