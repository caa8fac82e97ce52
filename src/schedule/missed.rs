//! What becomes of slots that are due: run now, run later, or missed with a reason.

use chrono::TimeDelta;

use super::{
    job::{Job, MissedPolicy, Slot, When, Window},
    run_id,
    slots::resolve,
    text::{lateness, span},
};
use crate::{calendar::Calendar, clock::Timestamp};

/// With `policy = "skip"` a start within this is not late: it is the scheduler's own time.
const START_GRACE: TimeDelta = TimeDelta::seconds(30);

/// What becomes of a due slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It runs now.
    Run,
    /// It runs at a later instant: the start of its window in a further session.
    Later(Timestamp),
    /// It does not run.
    Missed {
        /// Why, with the figures.
        reason: String,
        /// Another slot of the job stands for it.
        covered: bool,
    },
}

/// Decides over the due slots of one job: in order, none after `now`, none with an outcome.
pub fn triage(job: &Job, calendar: &Calendar, due: &[Slot], now: Timestamp) -> Vec<(Slot, Fate)> {
    let single = |slot: &Slot| (*slot, fate(job, calendar, *slot, now));
    let Some((last, earlier)) = due.split_last() else { return Vec::new() };
    if job.missed.policy != MissedPolicy::Coalesce {
        return due.iter().map(single).collect();
    }
    let last = single(last);
    let cover = |slot: &Slot| match &last.1 {
        Fate::Missed { .. } => single(slot),
        Fate::Run | Fate::Later(_) => {
            let reason = format!("coalesced into {}", run_id(&job.name, last.0.at));
            (*slot, Fate::Missed { reason, covered: true })
        }
    };
    let mut fates: Vec<_> = earlier.iter().map(cover).collect();
    fates.push(last);
    fates
}

/// Whether a failed slot may be tried again at `now`: while its window is open.
pub fn may_retry(job: &Job, calendar: &Calendar, slot: Slot, now: Timestamp) -> bool {
    job.missed.policy == MissedPolicy::Skip || fate(job, calendar, slot, now) == Fate::Run
}

fn fate(job: &Job, calendar: &Calendar, slot: Slot, now: Timestamp) -> Fate {
    let late = now - slot.at;
    let missed = |bound: String| Fate::Missed {
        reason: format!("{} late; {bound}", lateness(late)),
        covered: false,
    };
    match (job.missed.policy, job.missed.window) {
        (MissedPolicy::Skip, _) if late <= START_GRACE => Fate::Run,
        (MissedPolicy::Skip, _) => missed("a late slot is left out".to_owned()),
        (_, Window::Always) => Fate::Run,
        (_, window) => {
            let open = windows(job, calendar, slot).find(|(start, end)| {
                *start > now
                    || match window {
                        Window::Within(_) => now < *end,
                        Window::Until(_) | Window::Always => now <= *end,
                    }
            });
            match open {
                Some((start, _)) if start <= now => Fate::Run,
                Some((start, _)) => Fate::Later(start),
                None => missed(bound(job)),
            }
        }
    }
}

/// The spans in which a slot may start: its own, then those of further sessions.
fn windows(
    job: &Job,
    calendar: &Calendar,
    slot: Slot,
) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let trigger = &job.triggers[slot.trigger.min(job.triggers.len() - 1)];
    let mut date = slot.date;
    let further = (0..job.missed.next_sessions).filter_map(move |_| {
        let session = calendar.next_session(trigger.exchange, date)?;
        date = session.date;
        let When::At(at) = trigger.when else { return None };
        Some((date, resolve(at, trigger.zone, date, Some(session))?))
    });
    std::iter::once((slot.date, slot.at)).chain(further).map(move |(date, start)| {
        let session = calendar.session(trigger.exchange, date);
        let end = match job.missed.window {
            Window::Within(span) => start + span,
            Window::Until(at) => resolve(at, trigger.zone, date, session).unwrap_or(start),
            Window::Always => Timestamp::MAX_UTC,
        };
        (start, end.max(start))
    })
}

fn bound(job: &Job) -> String {
    let own = match job.missed.window {
        Window::Within(within) => format!("it may start less than {} late", span(within)),
        Window::Until(at) => format!("it may start until {}", at.describe()),
        Window::Always => "it may start at any time".to_owned(),
    };
    match job.missed.next_sessions {
        0 => own,
        1 => format!("{own}, or in the next session"),
        n => format!("{own}, or in the next {n} sessions"),
    }
}

#[cfg(test)]
mod tests;
