//! How the program itself ran: since when, how the broker answered, how late slots began.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{
    gather::{Gatherer, midnight},
    page::{Body, Section},
    parts::{clock, counted},
};
use crate::{
    clock::Timestamp,
    desk::dayend::{DAY_HEALTH, Health},
    plan::{Calls, api_reliability},
    schedule::{
        ledger::{RUNS, SESSIONS},
        run_id,
    },
    store::{Read, StoreError},
};

/// Where the buckets of a session's lateness begin that count as late: from a second on.
const LATE_BUCKET: usize = 7;
/// The same, milliseconds.
const LATE_MS: i64 = 1_000;

/// How the program ran over some days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HealthLine {
    /// Since when the process ran that wrote the last row; `None` where no row was written.
    pub since: Option<Timestamp>,
    /// Processes that began in these days.
    pub starts: u32,
    /// Calls of the broker.
    pub broker_calls: u64,
    /// Of them those without an answer.
    pub broker_calls_failed: u64,
    /// Calls answered in the days of the target (rulebook §7), percent; `None` without a call.
    pub api_reliability_percent: Option<f64>,
    /// Its target.
    pub api_reliability_target_percent: f64,
    /// Slots that began.
    pub slots_started: u64,
    /// Of them those that began a second or more after their instant.
    pub slots_late: u64,
    /// The latest start, milliseconds after its slot.
    pub late_ms_max: Option<i64>,
    /// The job that started so late.
    pub latest_job: Option<String>,
}

impl HealthLine {
    fn start(&mut self, job: &str, late_ms: i64) {
        if self.late_ms_max.is_none_or(|most| late_ms > most) {
            (self.late_ms_max, self.latest_job) = (Some(late_ms), Some(job.to_owned()));
        }
    }

    /// The section.
    pub fn section(&self) -> Section {
        let up = self.since.map_or_else(
            || "not known".to_owned(),
            |since| format!("since {}{}", clock(since), self.begun()),
        );
        let calls = match (self.broker_calls, self.broker_calls_failed) {
            (0, _) => "none counted".to_owned(),
            (all, failed) => format!("{all}, {failed} unanswered"),
        };
        let target = self.api_reliability_target_percent;
        let reliability = self.api_reliability_percent.map_or_else(
            || format!("not measured, target {target} %"),
            |found| format!("{found:.2} % of 30 days' calls answered, target {target} %"),
        );
        let late = self.late_ms_max.map_or_else(
            || "no slot began".to_owned(),
            |most| {
                let job = self.latest_job.as_deref().unwrap_or_default();
                let late = match self.slots_late {
                    0 => "none a second late".to_owned(),
                    late => format!("{late} a second late or more"),
                };
                format!("{} began, {late}; latest {most} ms ({job})", self.slots_started)
            },
        );
        let facts = [("Up", up), ("Broker calls", calls), ("API", reliability), ("Slots", late)];
        let facts = facts.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Section { title: "Health".to_owned(), body: Body::Facts(facts) }
    }

    fn begun(&self) -> String {
        match self.starts {
            0 => String::new(),
            n => format!(", {}", counted(n as usize, "start")),
        }
    }
}

impl Gatherer {
    /// How the program ran from one New York date to another, both included.
    pub(super) fn health(
        &self,
        tx: &impl Read,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<HealthLine, StoreError> {
        let targets = &self.rulebook.plan.targets;
        let month = to.checked_sub_days(Days::new(u64::from(targets.api_days))).unwrap_or(from);
        let mut line = HealthLine::default();
        let mut calls = Calls::default();
        for (key, row) in days(tx, from.min(month), to)? {
            if key > month.to_string() {
                calls.all += row.calls;
                calls.failed += row.failed;
            }
            if key >= from.to_string() {
                line.since = Some(row.since);
                line.starts += row.starts;
                line.broker_calls += row.calls;
                line.broker_calls_failed += row.failed;
            }
        }
        let reliability = api_reliability(targets, calls);
        line.api_reliability_percent = reliability.value;
        line.api_reliability_target_percent = reliability.target;
        self.lateness(tx, from, to, &mut line)?;
        Ok(line)
    }

    fn lateness(
        &self,
        tx: &impl Read,
        from: NaiveDate,
        to: NaiveDate,
        line: &mut HealthLine,
    ) -> Result<(), StoreError> {
        let next = to + Days::new(1);
        for job in self.jobs.iter() {
            let name = &job.name;
            let keys = (run_id(name, midnight(from)), run_id(name, midnight(next)));
            for (_, run) in tx.range(&RUNS, &keys.0, &keys.1)? {
                if let Some(late_ms) = run.late_ms.filter(|_| !run.manual) {
                    line.slots_started += 1;
                    line.slots_late += u64::from(late_ms >= LATE_MS);
                    line.start(name, late_ms);
                }
            }
            let keys = (format!("{name}/{from}"), format!("{name}/{next}"));
            for (_, session) in tx.range(&SESSIONS, &keys.0, &keys.1)? {
                let counts = session.late_counts.map(u64::from);
                let started: u64 = counts.iter().sum();
                line.slots_started += started;
                line.slots_late += counts[LATE_BUCKET..].iter().sum::<u64>();
                if started > 0 {
                    line.start(name, session.late_ms_max);
                }
            }
        }
        Ok(())
    }
}

fn days(
    tx: &impl Read,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(String, Health)>, StoreError> {
    tx.range(&DAY_HEALTH, &from.to_string(), &(to + Days::new(1)).to_string())
}
