//! What only a running daemon answers: the account as it is known at once, and how the process is.
//! Nothing here waits for the broker, nor for a feed longer than a person waits.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Request,
    answer::{ASIDE_WAIT, Live, document},
    book::{self, Known, balance, pnl},
    house::{
        ears::Heard,
        health::{self, BrokerHealth, FeedLine, Process, Running},
    },
    status::{self, Daemon},
};
use crate::{
    calendar::new_york_date, clock::Timestamp, desk::pause, money::FxRate,
    risk::promotion::LedgerTrades,
};

/// Most sessions of profit and loss.
const SESSIONS_MAX: usize = 10_000;

impl Live {
    /// What only a running daemon knows.
    pub(super) async fn daemon(&self, now: Timestamp) -> Result<Daemon, String> {
        let market = &self.desk.parts().market;
        let rate = self.rt.timeout(ASIDE_WAIT, market.fx(new_york_date(now))).await;
        self.daemon_at(rate.and_then(Result::ok))
    }

    /// The same at a rate, or the last one known.
    fn daemon_at(&self, rate: Option<FxRate>) -> Result<Daemon, String> {
        Ok(Daemon {
            pid: std::process::id(),
            since: self.since,
            prices: self.gatherer.prices,
            desk: self.desk.status().map_err(|error| error.to_string())?,
            rate: rate.or_else(|| self.desk.last_rate()),
        })
    }

    /// What is asked of the whole book, as it is known.
    pub(super) async fn book(&self, request: &Request) -> Result<Value, String> {
        let looked = self.looker.look().await;
        let words = |error: crate::store::StoreError| error.to_string();
        let snapshot = self.desk.known(&looked.seen).map_err(words)?;
        if *request == Request::Balance {
            let daemon = self.daemon_at(looked.seen.fx)?;
            let view = self
                .store
                .read(|tx| balance::of(tx, status::account(tx, Some(&daemon))?, &snapshot));
            return document(&view.map_err(words)?).map_err(words);
        }
        let paused = self.store.read(pause::paused).map_err(words)?;
        let prices = self.gatherer.prices;
        let known = Known { snapshot: &snapshot, looked: &looked, prices, paused: &paused };
        book::answer(&known, request)
    }

    /// Profit and loss, up to this moment.
    pub(super) async fn pnl(&self, sessions: usize) -> Result<Value, String> {
        let now = self.rt.now();
        let daemon = self.daemon(now).await?;
        let sessions = sessions.min(SESSIONS_MAX);
        let view = self.store.read(|tx| {
            let account = status::account(tx, Some(&daemon))?;
            document(&pnl::of(tx, now, account.as_ref(), sessions)?)
        });
        view.map_err(|error| error.to_string())
    }

    /// How the program is.
    pub(super) async fn health(&self) -> Result<Value, String> {
        let now = self.rt.now();
        let looked = self.looker.look().await;
        let (desk, line) = (&self.desk, self.desk.broker_line());
        let status = desk.status().map_err(|error| error.to_string())?;
        let none = Heard::default();
        let vix_at = looked.seen.vix.map(|vix| vix.at);
        let running = Running {
            process: Process {
                pid: std::process::id(),
                since: self.since,
                uptime_seconds: (now - self.since).num_seconds().max(0),
                memory_bytes: health::memory_bytes(),
                clock_skew_ms: desk.last_clock_skew_ms(),
                hangs: self.vital.ill(),
                troubles: self.vital.troubles(),
            },
            broker: BrokerHealth {
                answers: line.failed_at.is_none_or(|failed| line.answered_at > Some(failed)),
                answered_at: line.answered_at,
                failed_at: line.failed_at,
                errors: line.errors,
                reconciled: status.reconciled,
                reconciled_at: status.reconciled_at,
            },
            feed: FeedLine {
                looked_at: looked.seen.at,
                vix_at,
                vix_age_seconds: vix_at.map(|at| (now - at).num_seconds().max(0)),
                unpriced: looked.seen.book.as_ref().map_or(0, |book| book.unpriced.len()),
            },
            ears: self.heard.get().unwrap_or(&none),
        };
        let view =
            self.store.read(|tx| document(&health::of(tx, &self.reader, now, Some(running))?));
        view.map_err(|error| error.to_string())
    }

    /// The trades of further paper ledgers, as far as they are told at once.
    pub(super) async fn ledgers_soon(&self) -> Result<Vec<LedgerTrades>, String> {
        let dirs = Arc::clone(&self.reader.rulebook);
        if dirs.stages.paper_ledgers.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(found) = self.rt.timeout(ASIDE_WAIT, self.ledgers()).await {
            return found;
        }
        let late = |dir: &std::path::PathBuf| LedgerTrades {
            ledger: dir.display().to_string(),
            error: Some("it did not answer at once".to_owned()),
            ..LedgerTrades::default()
        };
        Ok(dirs.stages.paper_ledgers.iter().map(late).collect())
    }
}
