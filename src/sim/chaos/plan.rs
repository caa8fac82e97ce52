//! A plan: what goes wrong in one seed, and when. It is all that a run depends on besides the
//! program itself, and is printed as JSON with a violation.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::{calendar::new_york, clock::Timestamp, desk::latch::Change};

/// No fault acts in the last stretch of a plan, so that everything can come to rest.
pub const CALM: TimeDelta = TimeDelta::hours(24);

/// The faults of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it was drawn from; also the seed of what is drawn while it runs (torn writes).
    pub seed: u64,
    /// The first day, a Monday of New York.
    pub from: NaiveDate,
    /// Weeks from then on.
    pub weeks: u32,
    /// In order of their instants.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// The first instant: midnight of the first day.
    pub fn start(&self) -> Timestamp {
        new_york(self.from, NaiveTime::MIN)
    }

    /// The last instant: midnight after the last day.
    pub fn end(&self) -> Timestamp {
        new_york(self.from + Days::new(7 * u64::from(self.weeks)), NaiveTime::MIN)
    }

    /// Something happens to the daemon's disk. A plan without runs on a store in memory, which holds
    /// the same rows in the same order (a property test of the store says so) and is faster.
    pub fn breaks_the_disk(&self) -> bool {
        self.faults.iter().any(|fault| fault.what.is_of_the_disk())
    }

    /// From here on nothing goes wrong any more.
    pub fn calm(&self) -> Timestamp {
        self.end() - CALM
    }
}

/// One thing that goes wrong, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The true instant from which it acts, or lies in wait.
    pub at: Timestamp,
    /// It acts no more from then on; at most the plan's calm.
    pub until: Timestamp,
    /// What goes wrong.
    pub what: What,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The disk refuses one operation; the process is told, and must stop by itself.
    StoreError {
        /// Operations (writes, syncs, changes of length) that still succeed.
        after: u32,
    },
    /// The power fails at a disk operation: process and unsynced writes are gone.
    PowerFailure {
        /// Operations that still succeed.
        after: u32,
        /// What becomes of the unsynced writes.
        fate: Fate,
        /// The paper venue dies too.
        venue: bool,
    },
    /// The process is killed at a disk operation; the system keeps what was written.
    KillAtDisk {
        /// Operations that still succeed.
        after: u32,
        /// The paper venue dies too.
        venue: bool,
    },
    /// The process is killed at a crossing of a seam.
    Kill {
        /// The count of crossings begins with this submit from `at` on; 0: with `at` itself.
        submit: u32,
        /// Crossings that are still passed.
        after: u32,
        /// The paper venue dies too.
        venue: bool,
    },
    /// The process is asked to stop (SIGTERM), and is started again.
    Stop,
    /// A task panics at a crossing of a seam.
    Panic {
        /// Crossings that are still passed.
        after: u32,
    },
    /// The machine sleeps from `at` to `until`.
    Suspend,
    /// The process's wall clock is wrong from `at` on, and put right at `until`.
    ClockStep {
        /// By how much; above zero it is ahead.
        seconds: i64,
    },
    /// Calls of the broker go wrong.
    Broker {
        /// Which calls.
        call: Call,
        /// How.
        how: Trouble,
        /// How many of them at most.
        times: u32,
    },
    /// The broker's answers are not the truth of the moment.
    Report {
        /// How.
        how: Misreport,
        /// How many answers at most.
        times: u32,
    },
    /// The exchange does something rare.
    Venue {
        /// What.
        how: VenueFault,
        /// How often at most.
        times: u32,
    },
    /// The feed is wrong from `at` to `until`.
    Feed {
        /// How.
        how: FeedFault,
    },
    /// Somebody does something by hand, at `at`.
    Person {
        /// What.
        act: Act,
    },
    /// A channel is troubled from `at` to `until`.
    Channel {
        /// Its place among the channels of the run.
        channel: u32,
        /// How.
        how: ChannelFault,
    },
}

/// What becomes of the writes since the last sync when the power fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// All reached the disk.
    Kept,
    /// None did.
    Lost,
    /// All did, the last only in part.
    Torn,
    /// Some did, in another order, some of them in part.
    Reordered,
}

impl Fate {
    /// Every fate.
    pub const ALL: [Self; 4] = [Self::Kept, Self::Lost, Self::Torn, Self::Reordered];
}

/// A class of calls of the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Submit and replace.
    Submit,
    /// Cancel.
    Cancel,
    /// Everything that only asks.
    Read,
}

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It arrives and is answered, late.
    Slow {
        /// By so much, milliseconds.
        ms: u32,
    },
    /// It arrives and takes effect; the connection breaks before the answer.
    LostAnswer,
    /// It arrives and takes effect; the caller waits for ever.
    NoAnswer,
    /// It arrives late, long after the caller gave up.
    LateArrival {
        /// By so much, milliseconds.
        ms: u32,
    },
    /// It never arrives; nobody says so.
    LostRequest,
    /// The connection is refused: proven not to have left.
    Refused,
    /// The session has ended: 401 before anything was done.
    Unauthorized,
    /// 429 before anything was done.
    TooMany,
    /// A 5xx before anything was done.
    ServerError,
    /// A 5xx after it took effect.
    ServerErrorAfter,
    /// It took effect; the answer cannot be read.
    Garbage,
}

/// How an answer is not the truth of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misreport {
    /// An older answer.
    Stale {
        /// How old, milliseconds.
        ms: u32,
    },
    /// Lists in another order.
    Reordered,
    /// A fill is listed twice.
    DuplicatedFills,
    /// An order is listed twice.
    DuplicatedOrders,
    /// An order is missing from a list.
    DroppedOrder,
    /// A fill is missing from an order.
    DroppedFill,
    /// A line is missing from what is held.
    DroppedHolding,
    /// Cash movements are listed later than the fills they belong to.
    Lagging {
        /// By so much, milliseconds.
        ms: u32,
    },
    /// An order is told as filled before the fills of all its legs are there.
    FilledBeforeFills,
}

/// What an exchange rarely does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueFault {
    /// The legs of an order fill in uneven numbers.
    UnevenLegs,
    /// A short option is assigned before it expires.
    EarlyAssignment,
    /// An order is rejected after it was taken.
    Reject,
}

/// How a feed is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedFault {
    /// Nothing moves any more, its instants included.
    Stale,
    /// Bids above asks.
    Crossed,
    /// Greeks that are no numbers.
    NanGreeks,
    /// Prices of zero.
    Zero,
    /// No answer at all.
    Silent,
    /// An error at once.
    Down,
    /// Answers that take long.
    Slow {
        /// By so much, milliseconds.
        ms: u32,
    },
    /// Marks far from fair, both ways, in markets that are wide and jump.
    Wild,
    /// VIX has no print.
    VixMissing,
    /// VIX is an old print.
    VixStale,
    /// VIX is what it was on the morning of 2024-08-05.
    VixSpike,
}

/// What somebody does by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Trades a contract of which we hold nothing, at the broker.
    TradeOther,
    /// Trades a contract we hold, at the broker.
    TradeOurs,
    /// Cancels a working order of ours, at the broker.
    CancelOurs,
    /// Asks the daemon for a change of the latch.
    Latch(Change),
}

/// How a channel is troubled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelFault {
    /// Nothing is taken.
    Down,
    /// Taken, late.
    Slow {
        /// By so much, milliseconds.
        ms: u32,
    },
    /// Taken, and reported as failed.
    Duplicate,
    /// Not taken; the caller waits for ever.
    Hang,
}

impl What {
    /// It happens at an operation of the daemon's disk.
    pub fn is_of_the_disk(&self) -> bool {
        matches!(
            self,
            Self::StoreError { .. } | Self::PowerFailure { .. } | Self::KillAtDisk { .. }
        )
    }

    /// The stable name it is counted under.
    pub fn name(&self) -> String {
        match self {
            Self::StoreError { .. } => "store_error".to_owned(),
            Self::PowerFailure { fate, .. } => format!("power_failure_{}", word(fate)),
            Self::KillAtDisk { .. } => "kill_at_disk".to_owned(),
            Self::Kill { submit: 0, .. } => "kill".to_owned(),
            Self::Kill { .. } => "kill_round_a_send".to_owned(),
            Self::Stop => "stop".to_owned(),
            Self::Panic { .. } => "panic".to_owned(),
            Self::Suspend => "suspend".to_owned(),
            Self::ClockStep { seconds } if *seconds < 0 => "clock_back".to_owned(),
            Self::ClockStep { .. } => "clock_forward".to_owned(),
            Self::Broker { call, how, .. } => format!("broker_{}_{}", word(call), word(how)),
            Self::Report { how, .. } => format!("report_{}", word(how)),
            Self::Venue { how, .. } => format!("venue_{}", word(how)),
            Self::Feed { how } => format!("feed_{}", word(how)),
            Self::Person { act } => format!("person_{}", word(act)),
            Self::Channel { how, .. } => format!("channel_{}", word(how)),
        }
    }
}

/// The snake-case name serde gives a variant.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(map)) => {
            let entry = map.into_iter().next();
            entry.map_or_else(String::new, |(name, inner)| match inner {
                serde_json::Value::String(inner) => format!("{name}_{inner}"),
                _ => name,
            })
        }
        _ => String::new(),
    }
}
