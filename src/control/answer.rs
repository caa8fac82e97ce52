//! Answers: reads from one snapshot of the store, the same in the daemon and in the shell; writes
//! through the desk and the scheduler where they run, on the store where they do not.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Request, alerts, backup,
    book::{Known, balance, orders, pnl},
    house::{ears::Heard, health, logs::Recent, settings, version},
    look::{Looked, Looker},
    phase,
    socket::Handler,
    stage,
    status::{self, Daemon},
};
use crate::{
    account::StrategyId,
    alert::{Channel, lifeline},
    calendar::{Calendar, new_york_date},
    clock::{Runtime, Timestamp},
    config::{Rulebook, Settings},
    desk::{
        Desk, evidence, fold,
        known::Seen,
        latch::Change,
        pause,
        read::{decisions, holds},
        statement,
        tables::{BREAKERS, BREAKERS_KEY, DECISIONS},
    },
    market::Provenance,
    report::{Period, gather::Gatherer, planning, send},
    risk::{breaker::line::lines, promotion::LedgerTrades},
    schedule::{JobSet, Scheduler, ops, views},
    store::{Read, Store, StoreError},
    strategy::Snapshot,
};

/// A feed that does not give the rate, and another daemon that does not answer, keep nobody waiting
/// longer.
pub(super) const ASIDE_WAIT: TimeDelta = TimeDelta::milliseconds(400);
/// Most rows a request may ask for.
const ROWS_MAX: usize = 10_000;

/// What reads need beside the store.
#[derive(Clone)]
pub struct Reader {
    /// Sessions.
    pub calendar: Calendar,
    /// Jobs in force.
    pub jobs: JobSet,
    /// Names of the channels in force.
    pub channels: Vec<String>,
    /// Where the store and the `HALT` file are.
    pub data_dir: PathBuf,
    /// The figures in force.
    pub rulebook: Arc<Rulebook>,
    /// The settings in force.
    pub settings: Arc<Settings>,
}

impl Reader {
    /// Answers a request that only reads; `None` for one that writes.
    pub fn answer(
        &self,
        tx: &impl Read,
        now: Timestamp,
        request: &Request,
    ) -> Result<Option<Value>, StoreError> {
        Ok(Some(match request {
            Request::Status => document(&status::of(tx, self, now, None)?)?,
            Request::Why { date, strategy } => {
                let date = match date {
                    Some(date) => Some(*date),
                    None => last_decision(tx, *strategy)?.map(new_york_date),
                };
                let mut found = match date {
                    Some(date) => decisions(tx, date, date)?,
                    None => Vec::new(),
                };
                found.retain(|record| strategy.is_none_or(|strategy| record.strategy == strategy));
                document(&found)?
            }
            Request::Report { period, date } => document(&send::newest(tx, *period, *date)?)?,
            Request::Risk => {
                let state = tx.get(&BREAKERS, BREAKERS_KEY)?.unwrap_or_default();
                document(&lines(&self.rulebook, &state, &holds(tx)?))?
            }
            Request::Stage => {
                let others = stage::ledgers(&self.rulebook.stages.paper_ledgers);
                document(&stage::view(tx, &self.rulebook, &others, now)?)?
            }
            Request::Plan | Request::Phase => standing(tx, self, now, request, None)?,
            Request::Orders => document(&orders::of(tx, now)?)?,
            Request::Pnl { sessions } => {
                let account = status::account(tx, None)?;
                document(&pnl::of(tx, now, account.as_ref(), (*sessions).min(ROWS_MAX))?)?
            }
            Request::Health => document(&health::of(tx, self, now, None)?)?,
            Request::Version => document(&version::of())?,
            Request::Config { part } => {
                let seen = settings::of(&self.settings, part.as_deref());
                document(&seen.map_err(|error| StoreError::Refused(error.to_string()))?)?
            }
            Request::Trades => document(&evidence::trades(tx)?)?,
            Request::JobsList => document(&views::list(tx, &self.jobs, &self.calendar, now)?)?,
            Request::JobsNext { count } => document(&views::next(
                tx,
                &self.jobs,
                &self.calendar,
                now,
                (*count).min(ROWS_MAX),
            )?)?,
            Request::JobsHistory { job, count } => {
                let count = (*count).min(ROWS_MAX);
                document(&views::history(tx, &self.jobs, job.as_deref(), count)?)?
            }
            Request::Reconcile { explain } => document(&statement::stored(tx, *explain)?)?,
            Request::JournalVerify { anchors } => document(&fold::verify(tx, anchors)?)?,
            Request::Alerts { .. } | Request::AlertsDead => alerts::read(tx, now, request)?,
            Request::JournalTail { count } => document(&tx.journal_tail((*count).min(ROWS_MAX))?)?,
            _ => return Ok(None),
        }))
    }
}

/// The plan, or the phase.
fn standing(
    tx: &impl Read,
    reader: &Reader,
    now: Timestamp,
    request: &Request,
    daemon: Option<&Daemon>,
) -> Result<Value, StoreError> {
    let (date, worth) = (new_york_date(now), status::worth(tx, reader, daemon)?);
    let rulebook = &reader.rulebook;
    if *request == Request::Phase {
        return document(&phase::of(tx, rulebook, date, worth)?);
    }
    document(&planning::plan(tx, rulebook, &reader.calendar, date, worth)?)
}

fn last_decision(
    tx: &impl Read,
    strategy: Option<StrategyId>,
) -> Result<Option<Timestamp>, StoreError> {
    let newest = tx.last(&DECISIONS, "", 100)?;
    let mut records = newest.into_iter().map(|(_, record)| record);
    let mine = |s| strategy.is_none_or(|strategy| s == strategy);
    Ok(records.find(|record| mine(record.strategy)).map(|record| record.slot))
}

pub(super) fn document(value: &impl Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::Refused(error.to_string()))
}

/// The running daemon's answers.
pub struct Live {
    /// Reads.
    pub reader: Reader,
    /// The clock.
    pub rt: Runtime,
    /// The store.
    pub store: Store,
    /// The desk.
    pub desk: Arc<Desk>,
    /// The scheduler.
    pub scheduler: Arc<Scheduler>,
    /// Reads for reports.
    pub gatherer: Arc<Gatherer>,
    /// Since when the daemon runs.
    pub since: Timestamp,
    /// What the market said last.
    pub looker: Arc<Looker>,
    /// The newest lines of the log.
    pub recent: Arc<Recent>,
    /// The channels alerts go out by.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Whether its loops live.
    pub vital: Arc<lifeline::Health>,
    /// How the ears are, once they listen.
    pub heard: OnceLock<Heard>,
}

#[async_trait]
impl Handler for Live {
    fn stops(&self) -> u64 {
        self.desk.stops()
    }

    async fn handle(&self, request: Request, by: &str) -> Result<Value, String> {
        match &request {
            Request::Status => self.status().await,
            Request::Plan | Request::Phase => self.standing(request.clone()).await,
            Request::Halt { reason } => self.change(Change::Halt, reason, by).await,
            Request::Reduce { reason } => self.change(Change::Reduce, reason, by).await,
            Request::Resume { over } => self.resume(over.as_deref(), by).await,
            Request::Risk => self.risk(),
            Request::Limits
            | Request::Stress { .. }
            | Request::Positions
            | Request::Greeks
            | Request::Payoff { .. }
            | Request::Balance => self.book(&request).await,
            Request::Pnl { sessions } => self.pnl(*sessions).await,
            Request::Health => self.health().await,
            Request::Logs { count } => {
                document(&self.recent.newest(*count)).map_err(|error| error.to_string())
            }
            Request::StrategyPause { strategy } => {
                let done = self.desk.pause_strategy(*strategy, by).await;
                document(&done.map_err(|e| e.to_string())?).map_err(|error| error.to_string())
            }
            Request::StrategyResume { strategy } => {
                let done = self.desk.resume_strategy(*strategy, by).await;
                document(&done.map_err(|e| e.to_string())?).map_err(|error| error.to_string())
            }
            Request::Close { position, reason } => {
                let done = self.desk.close_by_owner(position, reason, by).await;
                document(&done.map_err(|e| e.to_string())?).map_err(|error| error.to_string())
            }
            Request::Check { order } => {
                let verdict = self.desk.check_order(order).await?;
                document(&verdict).map_err(|error| error.to_string())
            }
            Request::Flatten { reason } => self.change(Change::Flatten, reason, by).await,
            Request::Stage => {
                let others = self.ledgers_soon().await?;
                let (rulebook, now) = (Arc::clone(&self.reader.rulebook), self.rt.now());
                let seen = self.store.read(|tx| stage::view(tx, &rulebook, &others, now));
                document(&seen.map_err(|e| e.to_string())?).map_err(|error| error.to_string())
            }
            Request::StagePromote { .. }
            | Request::StageDemote { .. }
            | Request::Ack
            | Request::Validated { .. } => {
                let others = self.ledgers().await?;
                let rulebook = Arc::clone(&self.reader.rulebook);
                rows(&self.store, rulebook, others, request, self.rt.now()).await
            }
            Request::AlertsAck { .. } | Request::Mute { .. } => {
                alerts::write(&self.store, request, by, self.rt.now()).await
            }
            Request::AlertsTest => alerts::test(&self.rt, &self.channels).await,
            Request::ReportSend { period, date } => {
                let channels = self.reader.channels.clone();
                send_again(&self.store, channels, (*period, *date), by, self.rt.now()).await
            }
            Request::JobRun { job } => {
                let run = self.scheduler.run_now(job).map_err(|error| error.to_string())?;
                Ok(json!({ "run": run }))
            }
            Request::JobPause { .. } | Request::JobResume { .. } => {
                job_state(&self.store, &self.reader.jobs, &request, self.rt.now()).await
            }
            Request::Reconcile { explain } => self.statement(*explain).await,
            Request::ReconcileAccept { difference, reason } => {
                let settled = self.desk.accept(difference, reason, by).await;
                settled.map_err(|error| error.to_string())?;
                self.statement(false).await
            }
            Request::StoreBackup { file } => {
                let (store, file) = (self.store.clone(), file.clone());
                let broker = Arc::clone(&self.desk.parts().broker);
                let both = move || backup::both_into_new(&store, &*broker, &file);
                let made = aside(&self.rt, both).await?;
                document(&made).map_err(|error| error.to_string())
            }
            _ => self.read(request).await,
        }
    }
}

impl Live {
    /// The trades of further paper ledgers, asked for beside the desk.
    pub(super) async fn ledgers(&self) -> Result<Vec<LedgerTrades>, String> {
        let rulebook = Arc::clone(&self.reader.rulebook);
        if rulebook.stages.paper_ledgers.is_empty() {
            return Ok(Vec::new());
        }
        aside(&self.rt, move || Ok(stage::ledgers(&rulebook.stages.paper_ledgers))).await
    }

    async fn status(&self) -> Result<Value, String> {
        let now = self.rt.now();
        let daemon = self.daemon(now).await?;
        let read =
            self.store.read(|tx| document(&status::of(tx, &self.reader, now, Some(daemon))?));
        read.map_err(|error| error.to_string())
    }

    /// The plan or the phase, by what the account is worth now.
    async fn standing(&self, request: Request) -> Result<Value, String> {
        let now = self.rt.now();
        let daemon = self.daemon(now).await?;
        let (store, reader) = (self.store.clone(), self.reader.clone());
        let look = move || store.read(|tx| standing(tx, &reader, now, &request, Some(&daemon)));
        aside(&self.rt, move || look().map_err(|error| error.to_string())).await
    }

    async fn read(&self, request: Request) -> Result<Value, String> {
        let (store, reader, now) = (self.store.clone(), self.reader.clone(), self.rt.now());
        let look = move || store.read(|tx| reader.answer(tx, now, &request));
        let answer = aside(&self.rt, move || look().map_err(|error| error.to_string())).await?;
        answer.ok_or_else(|| "the daemon does not know this request".to_owned())
    }

    async fn statement(&self, explain: bool) -> Result<Value, String> {
        let statement = self.desk.statement(explain).await;
        document(&statement.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
    }

    /// The breakers as the desk saw them last, fresher than their row.
    fn risk(&self) -> Result<Value, String> {
        let state = self.desk.breakers().map_err(|error| error.to_string())?;
        let holds = self.desk.status().map_err(|error| error.to_string())?.holds;
        let found = lines(&self.reader.rulebook, &state, &holds);
        document(&found).map_err(|error| error.to_string())
    }

    async fn resume(&self, over: Option<&str>, by: &str) -> Result<Value, String> {
        let answer = self.desk.resume_over(over, &format!("resumed by {by}"), by).await;
        document(&answer.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
    }

    async fn change(&self, change: Change, reason: &str, by: &str) -> Result<Value, String> {
        let answer = self.desk.change(change, reason, by).await;
        let answer = answer.map_err(|error| error.to_string())?;
        document(&answer).map_err(|error| error.to_string())
    }
}

/// What is asked of the whole book where no daemon runs: from rows, and prices of this moment.
pub fn beside(
    tx: &impl Read,
    request: &Request,
    seen: Seen,
    snapshot: &Snapshot,
    prices: Provenance,
) -> Result<Value, String> {
    let words = |error: StoreError| error.to_string();
    if *request == Request::Balance {
        let account = status::account(tx, None).map_err(words)?;
        return document(&balance::of(tx, account, snapshot).map_err(words)?).map_err(words);
    }
    let paused = pause::paused(tx).map_err(words)?;
    let looked = Looked::of(seen);
    super::book::answer(&Known { snapshot, looked: &looked, prices, paused: &paused }, request)
}

/// Runs work that may take long off the threads that carry the desk.
pub(super) async fn aside<T: Send + 'static>(
    rt: &Runtime,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    rt.aside(work).await.unwrap_or_else(|| Err("the answer was not made".to_owned()))
}

/// What changes rows alone and no part of the desk: stage, acknowledgement, the outcome of a
/// validation; with or without a daemon.
pub async fn rows(
    store: &Store,
    rulebook: Arc<Rulebook>,
    others: Vec<LedgerTrades>,
    request: Request,
    now: Timestamp,
) -> Result<Value, String> {
    let done = store.write(move |tx| match &request {
        Request::Ack => document(&stage::acknowledge(tx, "operator", now)?),
        Request::Validated { outcome } => {
            tx.put(&evidence::VALIDATIONS, outcome.stage.words(), outcome)?;
            tx.journal(now, "operator", "validated", outcome)?;
            document(outcome)
        }
        _ => document(&stage::change(tx, &rulebook, &others, &request, now)?),
    });
    done.await.map_err(|error| error.to_string())
}

/// Pauses or resumes a strategy where no daemon runs.
pub async fn strategy_state(
    store: &Store,
    request: Request,
    by: &str,
    now: Timestamp,
) -> Result<Value, String> {
    let by = by.to_owned();
    let done = store.write(move |tx| match request {
        Request::StrategyPause { strategy } => document(&pause::pause(tx, strategy, &by, now)?),
        Request::StrategyResume { strategy } => document(&pause::resume(tx, strategy, &by, now)?),
        _ => Err(StoreError::Refused("not a request about a strategy".to_owned())),
    });
    done.await.map_err(|error| error.to_string())
}

/// Sends a kept report again, with or without a daemon: without one it goes out when one runs.
pub async fn send_again(
    store: &Store,
    channels: Vec<String>,
    (period, date): (Period, Option<NaiveDate>),
    by: &str,
    now: Timestamp,
) -> Result<Value, String> {
    let by = by.to_owned();
    let sent =
        store.write(move |tx| document(&send::again(tx, period, date, &channels, &by, now)?));
    sent.await.map_err(|error| error.to_string())
}

/// Pauses or resumes a job, with or without a daemon.
pub async fn job_state(
    store: &Store,
    jobs: &JobSet,
    request: &Request,
    now: Timestamp,
) -> Result<Value, String> {
    let (job, changed) = match request {
        Request::JobPause { job } => {
            (job, ops::pause(store, jobs, job, "paused by the operator", now).await)
        }
        Request::JobResume { job } => (job, ops::resume(store, jobs, job, now).await),
        _ => return Err("not a request about a job's state".to_owned()),
    };
    let changed = changed.map_err(|error| error.to_string())?;
    Ok(json!({ "job": job, "changed": changed }))
}
