//! The entry jobs: gather, decide, dry run, gate; the first approved candidate becomes an intent in
//! the transaction of the run's outcome. What only an event stopped is tried again: the same day
//! where the window allows, else in the next session.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{TimeDelta, TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::failed;
use crate::{
    account::{IntentId, NetPrice, StrategyId},
    broker::{BrokerError, OrderRequest},
    calendar::{Exchange, NEW_YORK, new_york_date},
    clock::Timestamp,
    desk::{
        Desk, describe, gather::entry_id, intent::IntentState, pause, record, tables::DECISIONS,
    },
    market::EventKind,
    money::round_half_up,
    notice::{self, Notice},
    risk::{
        Approved, BuyingPower, Refusal, RefusalRow, Warning,
        decision::{DecisionOutcome, DecisionRecord},
        gate, warnings,
    },
    schedule::{JobBody, JobContext, JobError, JobReport},
    store::{Read, StoreError, Table, WriteTx},
    strategy::{Candidate, Decision, Filter, Intent, Rule, Snapshot, rule},
};

/// Entries that an event refused and that are tried again, by strategy.
const ENTRY_RETRIES: Table<Retry> = Table::new("entry_retries", 1);

/// Further sessions in which an entry that an event refused is tried (rulebook §4 common).
const SESSIONS_MAX: u8 = 3;
/// The body itself waits so long for the second try; what is farther off is left to the minute's
/// round.
const WAIT_MAX: TimeDelta = TimeDelta::minutes(6);

/// An entry that is to be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Retry {
    /// Whose.
    strategy: StrategyId,
    /// When.
    at: Timestamp,
    /// Further sessions that may follow.
    sessions_left: u8,
}

/// The body.
pub(super) struct Entry<'r> {
    pub(super) desk: Arc<Desk>,
    pub(super) rule: &'r dyn Rule,
    /// The number of the entry of its day: 1 but for attempts of a replay's book.
    pub(super) ordinal: u32,
}

/// One pass of deciding.
struct Pass {
    record: DecisionRecord,
    approved: Option<Approved<Intent>>,
    warnings: Vec<Warning>,
    event_refusal: bool,
}

#[async_trait]
impl JobBody for Entry<'static> {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        self.enter(context, context.slot, SESSIONS_MAX).await
    }
}

/// The entries whose second try is due, with the slot each was given.
pub(super) async fn retries(
    desk: &Arc<Desk>,
    context: &JobContext,
) -> Result<Option<JobReport>, JobError> {
    let due = desk.parts.store.read(|tx| tx.list(&ENTRY_RETRIES, "")).map_err(|e| failed(&e))?;
    let due = due.into_iter().map(|(_, retry)| retry).find(|retry| retry.at <= context.slot);
    let Some((retry, rule)) = due.and_then(|retry| Some((retry, rule(retry.strategy)?))) else {
        return Ok(None);
    };
    let entry = Entry { desk: Arc::clone(desk), rule, ordinal: 1 };
    entry.enter(context, retry.at, retry.sessions_left).await.map(Some)
}

/// An entry that somebody tries at an instant of their own, past the strategy's filters but through
/// dry run and gate like any other, as the `ordinal`-th of its day. For a replay's book.
pub async fn attempt(
    desk: &Arc<Desk>,
    rule: &dyn Rule,
    slot: Timestamp,
    ordinal: u32,
) -> Result<DecisionOutcome, JobError> {
    let entry = Entry { desk: Arc::clone(desk), rule, ordinal };
    let snapshot = desk.snapshot(slot, rule).await.map_err(|e| failed(&e))?;
    let pass = entry.judge(&snapshot, rule.attempt(&snapshot)).await?;
    let (outcome, now) = (pass.record.outcome, desk.now());
    let cause = format!("attempt {ordinal}");
    desk.write(move |tx| commit(tx, pass, &cause, now)).await.map_err(|e| failed(&e))?;
    desk.wake();
    Ok(outcome)
}

impl Entry<'_> {
    async fn enter(
        &self,
        context: &JobContext,
        slot: Timestamp,
        sessions_left: u8,
    ) -> Result<JobReport, JobError> {
        let desk = &self.desk;
        let mut snapshot = desk.snapshot(slot, self.rule).await.map_err(|e| failed(&e))?;
        let mut passes = vec![self.decide(&snapshot).await?];
        let soon = self.again_today(&snapshot).filter(|at| *at - snapshot.now <= WAIT_MAX);
        if passes[0].event_refusal
            && let Some(again) = soon
        {
            context.rt.sleep_until(again).await;
            snapshot = desk.snapshot(slot, self.rule).await.map_err(|e| failed(&e))?;
            passes.push(self.decide(&snapshot).await?);
        }
        let refused = passes.last().is_some_and(|pass| pass.event_refusal);
        let retry = if refused { self.next_try(&snapshot, sessions_left) } else { None };
        Ok(self.report(context, passes, retry))
    }

    async fn decide(&self, snapshot: &Snapshot) -> Result<Pass, JobError> {
        self.judge(snapshot, self.rule.decide(snapshot)).await
    }

    /// Dry runs and the gate, candidate by candidate; none of a strategy that is paused.
    async fn judge(&self, snapshot: &Snapshot, decision: Decision) -> Result<Pass, JobError> {
        let strategy = self.rule.id();
        let paused = self.desk.parts.store.read(|tx| pause::filter(tx, strategy));
        let decision = match paused.map_err(|e| failed(&e))? {
            Some(filter) => pause::stopped(decision, filter),
            None => decision,
        };
        let id = entry_id(self.rule.id(), new_york_date(snapshot.slot), self.ordinal);
        let mut event_refusal = only_events_failed(snapshot, &decision.filters);
        let mut filters = decision.filters;
        let mut refusals = Vec::new();
        let (mut approved, mut warned) = (None, Vec::new());
        for candidate in &decision.candidates {
            let Some(power) = self.power(candidate, &id, &mut filters).await? else { continue };
            match gate(snapshot, candidate, &power, id.clone()) {
                Ok(passed) => {
                    approved = Some(passed);
                    warned = warnings(snapshot, candidate);
                    break;
                }
                Err(refused) => {
                    event_refusal |= matches!(refused.why, Refusal::Event { .. });
                    refusals.push(row(candidate, &refused.why));
                }
            }
        }
        let outcome = match (&approved, decision.candidates.is_empty()) {
            (Some(_), _) => DecisionOutcome::Entered,
            (None, true) => DecisionOutcome::NoTrade,
            (None, false) => DecisionOutcome::Refused,
        };
        let record = DecisionRecord {
            at: snapshot.now,
            slot: snapshot.slot,
            strategy: self.rule.id(),
            outcome,
            filters,
            refusals,
            intent: approved.as_ref().map(|intent| intent.get().id.clone()),
            ended: None,
        };
        Ok(Pass {
            record,
            approved,
            warnings: warned,
            event_refusal: event_refusal && outcome != DecisionOutcome::Entered,
        })
    }

    /// What the order takes, by the broker's dry run. A refusal or the lack of one is a filter that
    /// failed; no answer at all fails the attempt, which is tried again.
    async fn power(
        &self,
        candidate: &Candidate,
        id: &IntentId,
        filters: &mut Vec<Filter>,
    ) -> Result<Option<BuyingPower>, JobError> {
        let request = OrderRequest {
            external_id: format!("{id}/dry-run"),
            legs: candidate.legs.clone(),
            units: candidate.units,
            limit: on_tick(candidate),
            strict_effect: false,
        };
        let answer = self.desk.ask(self.desk.parts.broker.dry_run(&request)).await;
        let (value, power) = match answer {
            Ok(Some(power)) => (format!("{} taken", power.requirement_usd), Some(power)),
            Ok(None) => ("the broker has none".to_owned(), None),
            Err(BrokerError::Refused { code, message }) => (format!("{code}: {message}"), None),
            Err(error) => {
                return Err(JobError(format!("dry run for {}: {error}", candidate.product)));
            }
        };
        filters.push(Filter {
            name: format!("{}.dry_run", candidate.product.symbol().to_lowercase()),
            value,
            bound: "accepted".to_owned(),
            passed: power.is_some(),
        });
        Ok(power)
    }

    /// When an entry that an event refused is tried again the same day: 10:35, where that is still
    /// ahead and inside the window.
    fn again_today(&self, snapshot: &Snapshot) -> Option<Timestamp> {
        let session = snapshot.session?;
        let time = snapshot.rulebook.common.event_retry_at;
        let at = NEW_YORK.from_local_datetime(&session.date.and_time(time)).earliest()?.to_utc();
        let (_, last) = self.rule.window(&snapshot.rulebook, &session);
        (snapshot.now < at && at <= last).then_some(at)
    }

    /// The next try of an entry that an event refused: later today, else in the next session, three
    /// sessions at most. A same-day trade has no other session.
    fn next_try(&self, snapshot: &Snapshot, sessions_left: u8) -> Option<Retry> {
        let strategy = self.rule.id();
        if let Some(at) = self.again_today(snapshot) {
            return Some(Retry { strategy, at, sessions_left });
        }
        if self.rule.is_same_day() || sessions_left == 0 {
            return None;
        }
        let date = snapshot.session?.date;
        let next = self.desk.parts.calendar.next_session(Exchange::Xnys, date)?;
        let (at, _) = self.rule.window(&snapshot.rulebook, &next);
        Some(Retry { strategy, at, sessions_left: sessions_left - 1 })
    }

    fn report(&self, context: &JobContext, passes: Vec<Pass>, retry: Option<Retry>) -> JobReport {
        let mut summary = passes.last().map_or_else(String::new, summary);
        if let Some(retry) = retry {
            let at = retry.at.with_timezone(&NEW_YORK).format("%a %-d %b %H:%M");
            summary = format!("{summary}; tried again {at}");
        }
        let desk = Arc::clone(&self.desk);
        let (run, now) = (context.run_id(), context.rt.now());
        let (told, strategy) = (summary.clone(), self.rule.id());
        JobReport::done(summary)
            .with(move |tx| {
                passes.into_iter().try_for_each(|pass| commit(tx, pass, &run, now))?;
                match retry {
                    Some(retry) => tx.put(&ENTRY_RETRIES, strategy.name(), &retry)?,
                    None => drop(tx.remove(&ENTRY_RETRIES, strategy.name())?),
                }
                notice::raise(tx, now, Notice::Decided { strategy, summary: told })
            })
            .then(move || desk.wake())
    }
}

fn commit(tx: &mut WriteTx, mut pass: Pass, run: &str, now: Timestamp) -> Result<(), StoreError> {
    heed_pause(tx, &mut pass)?;
    let record = pass.record;
    let data = json!({
        "strategy": record.strategy, "outcome": record.outcome, "intent": record.intent,
        "refusals": record.refusals,
        "failed": record.filters.iter().filter(|f| !f.passed).collect::<Vec<_>>(),
    });
    tx.journal(record.at, run, "decision", &data)?;
    let key = format!("{}/{}", record.key(), crate::desk::tables::instant(record.at));
    tx.put(&DECISIONS, &key, &record)?;
    for warning in pass.warnings {
        let (_, value, bound) = warning.figures();
        let (limit, value) = (warning.label().to_owned(), round_half_up(value, 2));
        notice::raise(tx, now, Notice::Limit { limit, value, bound })?;
    }
    if let Some(approved) = pass.approved {
        record::create(tx, approved.into_inner(), IntentState::Approved, run, now)?;
    }
    Ok(())
}

/// A pause that came while this was decided stops it as one before would have.
fn heed_pause(tx: &impl Read, pass: &mut Pass) -> Result<(), StoreError> {
    let record = &mut pass.record;
    if pass.approved.is_some()
        && let Some(filter) = pause::filter(tx, record.strategy)?
    {
        record.filters.insert(0, filter);
        (record.outcome, record.intent) = (DecisionOutcome::NoTrade, None);
        pass.approved = None;
        pass.warnings.clear();
    }
    Ok(())
}

/// `entered: …`, `no trade: <first filter that failed>`, `refused: <first refusal>`.
fn summary(pass: &Pass) -> String {
    let record = &pass.record;
    match record.outcome {
        DecisionOutcome::Entered | DecisionOutcome::Adjusted | DecisionOutcome::Missed => {
            let id = record.intent.as_ref().map_or_else(String::new, ToString::to_string);
            let order = |i: &Intent| describe::order(i.product, &i.legs, i.units);
            let what = pass.approved.as_ref().map(|approved| order(approved.get()));
            format!("entered: {} ({id})", what.unwrap_or_default())
        }
        DecisionOutcome::Refused if !record.refusals.is_empty() => {
            format!("refused: {}", record.refusals[0].text)
        }
        DecisionOutcome::NoTrade | DecisionOutcome::Refused => {
            let failed = record.filters.iter().find(|filter| !filter.passed);
            failed.map_or_else(
                || "no trade: no product has a candidate".to_owned(),
                |f| format!("no trade: {} is {}, wanted {}", f.name, f.value, f.bound),
            )
        }
    }
}

/// The mid at the next tick towards natural: a price the broker takes.
fn on_tick(candidate: &Candidate) -> NetPrice {
    NetPrice((candidate.mid.0 / candidate.tick).floor() * candidate.tick)
}

fn row(candidate: &Candidate, why: &Refusal) -> RefusalRow {
    let mut row = why.row();
    row.text = format!("{}: {}", candidate.product, row.text);
    row
}

/// Of the day's filters only releases stopped it, and only for the morning (rulebook §4 common):
/// `skip_cpi` stops the whole day, which nothing later can change.
fn only_events_failed(snapshot: &Snapshot, filters: &[Filter]) -> bool {
    let skip_cpi = snapshot.rulebook.friday_0dte.skip_cpi;
    let releases = [EventKind::Cpi, EventKind::Nfp].map(EventKind::key);
    let releases = if skip_cpi { &releases[1..] } else { &releases[..] };
    // A product's own filters carry its name before a dot.
    let of_day = filters.iter().filter(|filter| !filter.name.contains('.'));
    let mut failed = of_day.filter(|filter| !filter.passed).peekable();
    failed.peek().is_some() && failed.all(|filter| releases.contains(&filter.name.as_str()))
}
