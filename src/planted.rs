//! Bugs that can be planted in the program, each one condition in the place where it would be: so
//! that every checker of `tomking chaos` is shown able to fail (`tests/planted.rs`).
//!
//! Without the cargo feature `planted-bugs`, which nothing that trades is built with, `on` is the
//! constant `false` and nothing of it is left in the binary.

/// A bug, by the invariant of design §7 that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// 1: a submit without an answer is sent again.
    ResendOnTimeout,
    /// 2: a send leaves before it is written down.
    SkipDurableWrite,
    /// 2: a send leaves under another identifier than the one written down.
    SendUnderAnotherName,
    /// 6: what a cancelled order filled is ignored, and sent again.
    IgnoreFillsOfCancelled,
    /// 3: a fill is applied as often as the broker tells it.
    ApplyFillTwice,
    /// 4: the fees of fills are not booked.
    FeesNotBooked,
    /// 4: the cash of an expiry is not booked.
    SettlementNotBooked,
    /// 5: the latch is asked and not heeded.
    IgnoreLatch,
    /// 5: holds are not read at start.
    ForgetHolds,
    /// 6: more is sent than the gate approved.
    OversizedOrder,
    /// 6: an entry is sent anew every second.
    FranticEntry,
    /// 7: a restart runs slots again that have their outcome.
    RunSlotAgain,
    /// 7: a restart drops the runs that a crash interrupted.
    LoseCrashedSlot,
    /// 8: an alert whose delivery failed is dropped.
    DropFailedDelivery,
    /// 9: a write has no journal entry.
    WriteWithoutJournal,
    /// 10: an order of unknown fate is never looked up again.
    GiveUpOnUnknown,
    /// 11: positions are not looked at from the evaluation on.
    SleepAtEvaluation,
    /// 11: no close is sent, and nobody is told that the position is still open.
    NeitherCloseNorAlert,
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Whether a bug is planted on this thread.
#[cfg(feature = "planted-bugs")]
pub fn on(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether a bug is planted: never, in this build.
#[cfg(not(feature = "planted-bugs"))]
pub const fn on(_: Bug) -> bool {
    false
}

/// Plants a bug on this thread, or none, for all that runs on it from now on.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}
