//! The operator of a replay: who answers when a breaker holds the desk until somebody resumes it.
//!
//! Live that is a person, who looks, decides, and asks for `resume`. A replay of years has nobody,
//! and would stand still from its first manual hold on. This actor stands outside the daemon and
//! asks for what a person would, by the same request; the daemon cannot tell. Its policy is written
//! here and nowhere else:
//!
//! - It looks at 09:00 New York of every session. Where a manual hold (one without an end of its own)
//!   stands since before then, it asks for `resume`, without an override.
//! - What is refused (a drawdown that flattened the account is locked for days) it asks for again at
//!   the next session.
//! - Every resume, and every one refused, is counted and told in the report.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

use crate::{
    account::hold::Hold,
    calendar::{Session, new_york},
    clock::{Runtime, Timestamp},
    control::{Request, answer::Live, socket::Handler as _},
    desk::read::holds,
};

/// When it looks, New York.
const LOOKS_AT: NaiveTime = NaiveTime::from_hms_opt(9, 0, 0).expect("a time of day");

/// What the operator does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Nothing: a manual hold stands to the end.
    Never,
    /// Resumes at 09:00 of the session after the one a manual hold began in.
    #[default]
    NextSession,
}

/// One asking to resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// When.
    pub at: Timestamp,
    /// The manual holds it was about, by name.
    pub holds: Vec<String>,
    /// Why they stood, in the desk's words.
    pub causes: Vec<String>,
    /// The desk's words when it refused; `None` when it resumed.
    pub refused: Option<String>,
}

/// What an operator did, shared with who reports it.
pub type Log = Arc<Mutex<Vec<Resume>>>;

/// Looks at each session of `sessions`, to the last.
pub async fn serve(rt: Runtime, daemon: Arc<Live>, sessions: Vec<Session>, log: Log) {
    for session in sessions {
        rt.sleep_until(new_york(session.date, LOOKS_AT)).await;
        let now = rt.now();
        let standing = match daemon.store.read(holds) {
            Ok(standing) => standing,
            Err(error) => {
                tracing::error!(%error, "the operator cannot read the holds");
                return;
            }
        };
        let is_manual = |hold: &&Hold| hold.until.is_none() && hold.since < now;
        let manual: Vec<&Hold> = standing.iter().filter(is_manual).collect();
        if manual.is_empty() {
            continue;
        }
        let answer = daemon.handle(Request::Resume { over: None }, "operator").await;
        let resume = Resume {
            at: now,
            holds: manual.iter().map(|hold| hold.name.clone()).collect(),
            causes: manual.iter().map(|hold| hold.cause.clone()).collect(),
            refused: answer.err(),
        };
        log.lock().unwrap_or_else(PoisonError::into_inner).push(resume);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        account::hold::Level,
        alert::log::LogChannel,
        config::Settings,
        schedule::JobSet,
        sim::{
            outcome::Outcome,
            replay::{self, Plan, Show, Stage, Tape},
        },
    };

    /// A Thursday to the Tuesday after, in which somebody stops entries on Thursday at noon.
    fn run(operator: Policy) -> (Outcome, Level) {
        let date = |day| chrono::NaiveDate::from_ymd_opt(2024, 8, day).unwrap();
        let noon = new_york(date(1), NaiveTime::from_hms_opt(12, 0, 0).unwrap());
        let reduce = move |stage: Stage| {
            stage.rt.clone().spawn(async move {
                stage.rt.sleep_until(noon).await;
                stage.desk.reduce("a look at the books", "operator").await.unwrap();
            });
        };
        let show = Show {
            start: new_york(date(1), NaiveTime::MIN),
            pace: Box::new(|_, _| Duration::ZERO),
            channel: Arc::new(LogChannel),
            on_world: Box::new(|_| Ok(())),
            on_stage: Box::new(reduce),
        };
        let (settings, jobs) = (Settings::default_embedded(), JobSet::embedded().unwrap());
        let range = (date(1), date(6));
        let plan = Plan::new(range, settings, jobs.disabled("heartbeat"), Tape::Simulated);
        let (found, store) = replay::run(Plan { show: Some(show), operator, ..plan }).unwrap();
        let level = crate::desk::latch::level_of(&store.read(holds).unwrap());
        (found, level)
    }

    #[test]
    fn a_manual_hold_is_resumed_at_nine_of_the_next_session_and_told() {
        let (found, level) = run(Policy::NextSession);
        assert_eq!(level, Level::Active);
        let [resume] = found.operator.as_slice() else { panic!("{:?}", found.operator) };
        assert_eq!(resume.at, "2024-08-02T13:00:00Z".parse::<Timestamp>().unwrap());
        assert_eq!(
            (resume.causes.as_slice(), &resume.refused),
            (&["a look at the books".to_owned()][..], &None)
        );
        let entered = found.decisions.iter().map(|decision| decision.outcome.name());
        assert_ne!(entered.collect::<Vec<_>>(), ["refused"], "Friday is free again");
    }

    #[test]
    fn without_an_operator_it_stands_to_the_end() {
        let (found, level) = run(Policy::Never);
        assert_eq!((level, found.operator.len()), (Level::Reducing, 0));
        assert_eq!(found.trades.len(), 0);
    }
}
