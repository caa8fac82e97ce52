//! How long a worker has waited for something, counted by what it really waited: a step of the
//! wall clock adds at most one wait and takes nothing away.

use chrono::TimeDelta;

use crate::{account::BrokerOrderId, clock::Timestamp};

/// The most a step's own reads can take; what the clock shows beyond it is no waiting.
const STEP_MAX: TimeDelta = TimeDelta::seconds(30);

/// What a worker remembers between steps. Losing it costs a cancel asked for once more and a wait
/// begun anew.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Slept between steps.
    slept: TimeDelta,
    /// Slept, and spent in the steps themselves.
    spent: TimeDelta,
    unknown: Option<Doubt>,
    filled: Option<(u32, TimeDelta)>,
    cancel: Option<Cancelling>,
}

/// A send whose fate is looked for.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    attempt: u32,
    slept_at: TimeDelta,
    spent_at: TimeDelta,
    /// How old the send was at the first look of this life.
    before: TimeDelta,
}

/// How long a send has been looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Looked {
    /// Between looks, surely.
    pub(super) surely: TimeDelta,
    /// Altogether, since the send.
    pub(super) altogether: TimeDelta,
}

/// A cancel that is not confirmed yet.
#[derive(Debug)]
struct Cancelling {
    order: BrokerOrderId,
    since: TimeDelta,
    asked: Option<TimeDelta>,
    told: Option<TimeDelta>,
}

impl Patience {
    /// A wait between two steps is over. `whole`: nothing woke it before its time.
    pub(super) fn waited(&mut self, wait: TimeDelta, shown: TimeDelta, whole: bool) {
        let slept = if whole { wait } else { shown.clamp(TimeDelta::zero(), wait) };
        self.slept += slept;
        self.spent += slept;
    }

    /// A step is over that the clock says took so long.
    pub(super) fn stepped(&mut self, shown: TimeDelta) {
        self.spent += shown.clamp(TimeDelta::zero(), STEP_MAX);
    }

    /// How long a send has been looked for; the first look counts what lies before it.
    pub(super) fn looks_for(&mut self, attempt: u32, at: Timestamp, now: Timestamp) -> Looked {
        let before = (now - at).max(TimeDelta::zero());
        let (slept_at, spent_at) = (self.slept, self.spent);
        let known = self.unknown.filter(|doubt| doubt.attempt == attempt);
        let doubt = known.unwrap_or(Doubt { attempt, slept_at, spent_at, before });
        self.unknown = Some(doubt);
        Looked {
            surely: self.slept - doubt.slept_at,
            altogether: doubt.before + self.spent - doubt.spent_at,
        }
    }

    /// How long the fills of a send told as filled have been waited for.
    pub(super) fn waits_for_fills(&mut self, attempt: u32) -> TimeDelta {
        let known = self.filled.filter(|(of, _)| *of == attempt);
        let (of, since) = known.unwrap_or((attempt, self.slept));
        self.filled = Some((of, since));
        self.slept - since
    }

    /// A cancel is wanted. True when it is to be asked for, the first time or again.
    pub(super) fn asks_to_cancel(&mut self, order: &BrokerOrderId, again: TimeDelta) -> bool {
        let spent = self.spent;
        let cancel = self.cancelling(order);
        let due = cancel.asked.is_none_or(|at| spent - at >= again);
        if due {
            cancel.asked = Some(spent);
        }
        due
    }

    /// How long a cancel has not been confirmed, when that is to be told now: after `alert`, then
    /// each minute.
    pub(super) fn tells_of_cancel(
        &mut self,
        order: &BrokerOrderId,
        alert: TimeDelta,
    ) -> Option<TimeDelta> {
        let spent = self.spent;
        let cancel = self.cancelling(order);
        let waited = spent - cancel.since;
        let due =
            waited >= alert && cancel.told.is_none_or(|told| spent - told >= TimeDelta::minutes(1));
        if due {
            cancel.told = Some(spent);
        }
        due.then_some(waited)
    }

    fn cancelling(&mut self, order: &BrokerOrderId) -> &mut Cancelling {
        let since = self.spent;
        if self.cancel.as_ref().is_none_or(|cancel| cancel.order != *order) {
            self.cancel = None;
        }
        let fresh = || Cancelling { order: order.clone(), since, asked: None, told: None };
        self.cancel.get_or_insert_with(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(1_722_609_000 + seconds, 0).unwrap()
    }

    const TWO: TimeDelta = TimeDelta::seconds(2);

    #[test]
    fn a_clock_put_back_or_forward_neither_hastens_nor_delays_a_doubt() {
        for step in [-3600, 0, 3600] {
            let mut patience = Patience::default();
            patience.looks_for(1, at(0), at(10));
            for round in 0..10 {
                let shown = TwoAnd(step * i64::from(round == 3)).shown();
                patience.waited(TWO, shown, true);
            }
            let looked = patience.looks_for(1, at(0), at(10 + 20 + step));
            assert_eq!(looked.surely, TimeDelta::seconds(20), "step {step}");
            assert_eq!(looked.altogether, TimeDelta::seconds(30), "step {step}");
        }
    }

    struct TwoAnd(i64);

    impl TwoAnd {
        fn shown(&self) -> TimeDelta {
            TWO + TimeDelta::seconds(self.0)
        }
    }

    #[test]
    fn a_wait_that_was_cut_short_counts_for_what_it_was_and_never_for_more_than_itself() {
        let mut patience = Patience::default();
        patience.looks_for(1, at(0), at(0));
        patience.waited(TWO, TimeDelta::milliseconds(300), false);
        patience.waited(TWO, TimeDelta::hours(5), false);
        patience.waited(TWO, TimeDelta::hours(-5), false);
        patience.stepped(TimeDelta::hours(9));
        let looked = patience.looks_for(1, at(0), at(3));
        assert_eq!(looked.surely, TimeDelta::milliseconds(2300));
        assert_eq!(looked.altogether, TimeDelta::milliseconds(32_300));
        // Another send is another doubt, as old as it is at its first look.
        let other = patience.looks_for(2, at(0), at(60));
        assert_eq!((other.surely, other.altogether), (TimeDelta::zero(), TimeDelta::minutes(1)));
    }

    #[test]
    fn a_cancel_is_asked_for_again_and_told_after_a_while_then_each_minute() {
        let mut patience = Patience::default();
        let order = BrokerOrderId("7".to_owned());
        let (again, alert) = (TimeDelta::seconds(5), TimeDelta::seconds(30));
        let (mut asked, mut told) = (Vec::new(), Vec::new());
        for second in 0..100_i64 {
            if patience.asks_to_cancel(&order, again) {
                asked.push(second);
            }
            told.extend(patience.tells_of_cancel(&order, alert).map(|waited| waited.num_seconds()));
            patience.waited(TimeDelta::seconds(1), TimeDelta::seconds(1), true);
        }
        assert_eq!(asked[..4], [0, 5, 10, 15]);
        assert_eq!(told, [30, 90]);
        assert!(patience.asks_to_cancel(&BrokerOrderId("8".to_owned()), again));
    }
}
