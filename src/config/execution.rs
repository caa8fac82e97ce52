//! `[execution]` of the rulebook: the desk's waits and polls.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// How orders are worked and looked after, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionRules {
    /// Without an answer to a submit by then, the order's fate is unknown.
    pub submit_wait_seconds: u32,
    /// The longest a read of the broker or the market is waited for.
    pub read_wait_seconds: u32,
    /// Before another try where missing quotes or a hold stop an order.
    pub poll_seconds: u32,
    /// Between two looks at a resting order.
    pub resting_poll_seconds: u32,
    /// After a failed read, and between two looks for an unknown order.
    pub retry_seconds: u32,
    /// An order that no list shows is proven absent only so long after its send.
    pub absent_after_seconds: u32,
    /// An order unknown for longer halts (rulebook §6).
    pub unknown_halts_after_seconds: u32,
    /// A cancel that is not confirmed is asked for again.
    pub cancel_again_seconds: u32,
    /// A cancel not confirmed for so long is told.
    pub cancel_alert_seconds: u32,
    /// Fills of an order told as filled are waited for so long; then the books decide.
    pub fills_wait_seconds: u32,
    /// Legs that filled unevenly may even out by themselves for so long.
    pub uneven_grace_seconds: u32,
    /// An uneven entry is completed within this time from then on, or closed.
    pub completion_seconds: u32,
    /// Between two looks at each open position (rulebook §8: 0DTE stops every 10 s).
    pub round_seconds: u32,
    /// Between two reconciliations while something is open in session.
    pub reconcile_seconds: u32,
    /// Before a close that was rejected, or did not leave, is tried again: the first time, the
    /// second, and every time after (rulebook §5).
    pub rejection_backoff_seconds: [u32; 3],
}

/// Seconds as a span of time.
pub fn span(seconds: u32) -> TimeDelta {
    TimeDelta::seconds(i64::from(seconds))
}

impl ExecutionRules {
    /// The wait after so many failures in a row.
    pub fn backoff(&self, failures: usize) -> TimeDelta {
        let waits = &self.rejection_backoff_seconds;
        span(waits[failures.clamp(1, waits.len()) - 1])
    }

    /// Every figure with its key, for the check of bounds.
    pub(super) fn figures(&self) -> [(&'static str, u32); 17] {
        let [first, second, later] = self.rejection_backoff_seconds;
        [
            ("submit_wait_seconds", self.submit_wait_seconds),
            ("read_wait_seconds", self.read_wait_seconds),
            ("poll_seconds", self.poll_seconds),
            ("resting_poll_seconds", self.resting_poll_seconds),
            ("retry_seconds", self.retry_seconds),
            ("absent_after_seconds", self.absent_after_seconds),
            ("unknown_halts_after_seconds", self.unknown_halts_after_seconds),
            ("cancel_again_seconds", self.cancel_again_seconds),
            ("cancel_alert_seconds", self.cancel_alert_seconds),
            ("fills_wait_seconds", self.fills_wait_seconds),
            ("uneven_grace_seconds", self.uneven_grace_seconds),
            ("completion_seconds", self.completion_seconds),
            ("round_seconds", self.round_seconds),
            ("reconcile_seconds", self.reconcile_seconds),
            ("rejection_backoff_seconds[0]", first),
            ("rejection_backoff_seconds[1]", second),
            ("rejection_backoff_seconds[2]", later),
        ]
    }
}
