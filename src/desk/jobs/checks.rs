//! `pre-market-check` and `market-open-check`: checklists, told when something fails.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use serde::Serialize;
use serde_json::json;

use super::failed;
use crate::{
    account::hold::Level,
    calendar::{new_york_date, verified_until},
    desk::{Desk, difference::Difference, reconcile::Reconciled},
    market::EventDay,
    money::Usd,
    notice::{self, Notice},
    schedule::{JobBody, JobContext, JobError, JobReport},
    strategy::Snapshot,
};

/// A rate may be so old: the longest run of days without a fixing.
const FX_AGE: TimeDelta = TimeDelta::days(7);

/// So long before its end the calendar's horizon is told.
const HORIZON_NOTICE: TimeDelta = TimeDelta::days(90);

/// `pre-market-check`: 09:00.
pub(super) struct PreMarket(pub(super) Arc<Desk>);

/// `market-open-check`: 09:31.
pub(super) struct MarketOpen(pub(super) Arc<Desk>);

/// One line of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    found: String,
    passed: bool,
}

impl Check {
    fn new(name: &'static str, found: impl Into<String>, passed: bool) -> Self {
        Self { name, found: found.into(), passed }
    }
}

#[async_trait]
impl JobBody for PreMarket {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let snapshot = self.0.account_snapshot(context.slot).await.map_err(|e| failed(&e))?;
        let mut checks = vec![calendar(&snapshot), horizon(new_york_date(context.slot))];
        checks.extend(account(&snapshot, self.0.is_reconciled()));
        checks.push(latch(&self.0));
        checks.push(events(&snapshot));
        Ok(report(context, "pre-market check", checks))
    }
}

#[async_trait]
impl JobBody for MarketOpen {
    async fn run(&self, context: &JobContext) -> Result<JobReport, JobError> {
        let outcome = self.0.reconcile().await.map_err(|e| failed(&e))?;
        let snapshot = self.0.account_snapshot(context.slot).await.map_err(|e| failed(&e))?;
        let reconciled = match &outcome {
            Reconciled::Clean => Check::new("reconciliation", "clean", true),
            Reconciled::Differs { differences } => {
                let words: Vec<String> = differences.iter().map(Difference::words).collect();
                Check::new("reconciliation", words.join("; "), false)
            }
            Reconciled::Undecided { reason } => Check::new("reconciliation", reason, false),
        };
        let mut checks = vec![reconciled, vix(&snapshot), latch(&self.0)];
        for &product in &self.0.parts.rulebook.friday_0dte.products {
            if !self.0.parts.market.products().contains(&product) {
                continue;
            }
            let quote = self.0.within(self.0.parts.market.underlying(product, None)).await;
            let (found, passed) = match quote {
                Some(Ok(quote)) => (quote.last.normalize().to_string(), true),
                Some(Err(error)) => (error.to_string(), false),
                None => ("no answer".to_owned(), false),
            };
            checks.push(Check::new(product.symbol(), found, passed));
        }
        Ok(report(context, "market-open check", checks))
    }
}

fn calendar(snapshot: &Snapshot) -> Check {
    match snapshot.session {
        Some(session) => {
            let early = if session.early_close { ", early close" } else { "" };
            let projected = if session.projected { ", projected by rule only" } else { "" };
            let found = format!("session {}{early}{projected}", session.date);
            Check::new("calendar", found, !session.projected)
        }
        None => Check::new("calendar", "no session today", false),
    }
}

/// Sessions beyond the horizon are by rule only; it is told in good time (design §3).
fn horizon(today: NaiveDate) -> Check {
    let until = verified_until();
    let found = format!("sessions are verified until {until}");
    Check::new("calendar horizon", found, until - today > HORIZON_NOTICE)
}

fn account(snapshot: &Snapshot, reconciled: bool) -> Vec<Check> {
    let balances = snapshot.balances.map(|b| b.net_liquidation_usd);
    let status = snapshot.trading_status;
    let free = status.is_some_and(|s| !s.closing_only && !s.frozen && !s.margin_call);
    let rate = snapshot.fx;
    let today = new_york_date(snapshot.now);
    let fresh = rate.is_some_and(|rate| today - rate.date <= FX_AGE);
    let found = |value: Option<String>| value.unwrap_or_else(|| "missing".to_owned());
    vec![
        Check::new(
            "balances",
            found(balances.map(|net| format!("net liquidation {net}"))),
            balances.is_some_and(Usd::is_positive),
        ),
        Check::new(
            "account",
            found(status.map(|_| if free { "may trade" } else { "restricted" }.to_owned())),
            free,
        ),
        Check::new(
            "fx",
            found(rate.map(|r| format!("{} of {}", r.usd_per_gbp.normalize(), r.date))),
            fresh,
        ),
        Check::new("reconciled", if reconciled { "yes" } else { "no" }, reconciled),
    ]
}

fn vix(snapshot: &Snapshot) -> Check {
    match snapshot.vix {
        Some(vix) => {
            let age = (snapshot.now - vix.at).num_seconds();
            let most = i64::from(snapshot.rulebook.limits.data_age_seconds);
            let found = format!("{}, {age} s old", vix.level.normalize());
            Check::new("vix", found, age <= most && !vix.level.is_zero())
        }
        None => Check::new("vix", "missing", false),
    }
}

fn latch(desk: &Desk) -> Check {
    let level = desk.level();
    Check::new("latch", level.name(), level == Level::Active)
}

/// What is scheduled today; a kind the calendar does not cover is said so and does not fail.
fn events(snapshot: &Snapshot) -> Check {
    let today = new_york_date(snapshot.now);
    let words: Vec<String> = snapshot
        .events
        .iter()
        .filter_map(|(kind, day)| {
            let name = kind.name();
            match day {
                EventDay::Unknown => Some(format!("{name} unknown")),
                EventDay::Known(events) => events
                    .iter()
                    .any(|event| new_york_date(event.at) == today)
                    .then(|| format!("{name} today")),
            }
        })
        .collect();
    let found = if words.is_empty() { "none today".to_owned() } else { words.join(", ") };
    Check::new("events", found, true)
}

fn report(context: &JobContext, what: &str, checks: Vec<Check>) -> JobReport {
    let failed: Vec<String> = checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| format!("{} is {}", check.name, check.found))
        .collect();
    let passed = checks.len() - failed.len();
    let summary = if failed.is_empty() {
        format!("{what}: {passed} of {passed} passed")
    } else {
        format!("{what}: {passed} of {} passed; {}", checks.len(), failed.join("; "))
    };
    let (run, now, told) = (context.run_id(), context.rt.now(), summary.clone());
    let job = context.job.clone();
    let slot = context.slot;
    JobReport::done(summary).with(move |tx| {
        tx.journal(now, &run, "checklist", &json!({ "checks": checks }))?;
        if failed.is_empty() {
            return Ok(());
        }
        notice::raise(tx, now, Notice::JobFailed { job, slot, reason: told })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendars_horizon_is_told_ninety_days_before_its_end() {
        let before = |days| horizon(verified_until() - TimeDelta::days(days)).passed;
        assert!(before(91));
        assert!(!before(90));
        assert!(!before(-5));
    }
}
