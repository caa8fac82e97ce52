//! When ledger and broker are compared: at start, when the broker answers again, every 30 s of the
//! session while anything is open, every minute while nothing is, while a doubt stands, and after the
//! session until what has expired is settled.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{Desk, watch::elapsed};
use crate::{
    broker::BrokerError, clock::Timestamp, config::execution::span, instrument::Instrument,
    strategy::closing::open_legs,
};

/// Between two while nothing is: what the owner does by hand is found too.
const FLAT: TimeDelta = TimeDelta::minutes(1);
/// Between two while the last was not clean, or a timed hold waits for a clean one.
const DOUBT: TimeDelta = TimeDelta::seconds(10);

/// Between two outside the session while something that has expired is not settled (the broker books
/// it in the evening, and the end-of-day reconciliation may have come before by a clock that was
/// wrong), or after one that took over what the owner seems to have traded: a broker's list may lie.
const UNSETTLED: TimeDelta = TimeDelta::minutes(30);

/// What the broker was heard to say last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Line {
    /// It answered.
    #[default]
    Up,
    /// It did not answer.
    Down,
    /// It answers again; nothing has been compared since.
    Back,
}

impl Desk {
    /// The desk's loop over its books: a reconciliation whenever one is due.
    pub(super) async fn keep_books(self: Arc<Self>) {
        let mut pulse = self.pulse.subscribe();
        loop {
            pulse.mark_unchanged();
            if self.books_due().is_some_and(|due| due <= self.now())
                && let Err(error) = self.reconcile().await
            {
                tracing::error!(%error, "a reconciliation failed");
            }
            self.loops.books.rest(self.wait(self.books_due(), &mut pulse)).await;
        }
    }

    /// When the books are compared next; `None` when only a change can bring it about.
    pub(super) fn books_due(&self) -> Option<Timestamp> {
        let now = self.now();
        let (last, line, adopted) = {
            let hot = self.hot();
            (hot.reconciled_tried_at, hot.line, hot.adopted)
        };
        // After a step back of the clock the last one lies ahead of now: it counts for nothing.
        let Some(last) = last.filter(|last| elapsed(*last, now) < TimeDelta::MAX) else {
            return Some(now);
        };
        if line == Line::Back {
            return Some(now);
        }
        if !self.is_reconciled() {
            return Some(last + DOUBT);
        }
        let holds = self.latch.holds();
        let ending =
            holds.iter().filter_map(|hold| hold.until).min().map(|at| at.max(last + DOUBT));
        let looking = if self.in_session(now) || self.is_overdue(now) {
            let busy = !self.is_idle().unwrap_or(false);
            let often = span(self.rules().reconcile_seconds);
            Some(last + if busy { often } else { FLAT })
        } else {
            let unsettled = adopted || self.holds_expired(now);
            let settling = unsettled.then_some(last + UNSETTLED);
            settling.into_iter().chain(self.next_open(now)).min()
        };
        looking.into_iter().chain(ending).min()
    }

    fn holds_expired(&self, now: Timestamp) -> bool {
        let hot = self.hot();
        let mut legs = hot.open.values().flat_map(open_legs);
        legs.any(|leg| match &leg.instrument {
            Instrument::Option(contract) => contract.series.last_trade <= now,
            _ => false,
        })
    }

    /// Notes whether the broker answered; the first answer after a failure is a reconnect, and the
    /// books are compared at once.
    pub(super) fn heard<T>(&self, answer: &Result<T, BrokerError>) {
        let down = matches!(answer, Err(BrokerError::Unavailable(_)));
        let mut hot = self.hot();
        let down_before = hot.line == Line::Down;
        hot.line = match (hot.line, down) {
            (_, true) => Line::Down,
            (Line::Down, false) => Line::Back,
            (line, false) => line,
        };
        let back = down_before && hot.line == Line::Back;
        drop(hot);
        if back {
            self.beat();
        }
    }

    /// Everything was read since the broker came back.
    pub(super) fn compared(&self) {
        let mut hot = self.hot();
        if hot.line == Line::Back {
            hot.line = Line::Up;
        }
    }
}
