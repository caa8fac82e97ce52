//! What goes wrong at one place, with its figures: how long it lies in wait, how often it acts.
//!
//! Architecture Invariant: an order that arrives late and lists that lag behind it add up to less
//! than the time after which the desk takes an order for absent (`desk::send`): beyond that no
//! program could tell an order that is late from one that was lost.

use chrono::TimeDelta;

use super::{Place, hand, millis, weighted};
use crate::{
    clock::Timestamp,
    desk::latch::Change,
    sim::chaos::{
        dice::Dice,
        plan::{
            Act, Call, ChannelFault, Fate, Fault, FeedFault, Misreport, Trouble, VenueFault, What,
        },
    },
};

/// The latest an order arrives after its caller gave up on it, milliseconds after it was sent.
const ARRIVES_WITHIN_MS: u64 = 18_000;
/// The longest any list of the broker lags behind what happened, milliseconds.
const SHOWN_WITHIN_MS: u64 = 8_000;
/// The longest cash movements are listed after their fills, milliseconds.
const LAGS_WITHIN_MS: u64 = 45_000;
/// The longest a submit is waited for by the desk, milliseconds.
const SUBMIT_WAIT_MS: u64 = 10_000;
/// The longest a read is waited for by the desk, milliseconds.
const READ_WAIT_MS: u64 = 5_000;
/// Channels of a run.
const CHANNELS: u64 = 2;

#[derive(Debug, Clone, Copy)]
enum Family {
    Kill,
    Disk,
    Machine,
    Broker,
    Report,
    Venue,
    Feed,
    Person,
    Channel,
}

/// Where orders move.
const BUSY: [(u64, Family); 9] = [
    (20, Family::Kill),
    (12, Family::Disk),
    (7, Family::Machine),
    (23, Family::Broker),
    (14, Family::Report),
    (6, Family::Venue),
    (7, Family::Feed),
    (9, Family::Person),
    (2, Family::Channel),
];

/// While a position is held.
const HOLDING: [(u64, Family); 9] = [
    (14, Family::Kill),
    (10, Family::Disk),
    (9, Family::Machine),
    (13, Family::Broker),
    (14, Family::Report),
    (7, Family::Venue),
    (14, Family::Feed),
    (14, Family::Person),
    (5, Family::Channel),
];

/// Elsewhere.
const ELSEWHERE: [(u64, Family); 9] = [
    (12, Family::Kill),
    (15, Family::Disk),
    (12, Family::Machine),
    (13, Family::Broker),
    (11, Family::Report),
    (1, Family::Venue),
    (15, Family::Feed),
    (8, Family::Person),
    (13, Family::Channel),
];

/// One trouble at an instant: mostly one fault; a change of the latch brings its own end with it.
pub(super) fn faults(dice: &mut Dice, place: Place, at: Timestamp) -> Vec<Fault> {
    let table = match place {
        Place::Entry | Place::Exit => &BUSY,
        Place::Held => &HOLDING,
        _ => &ELSEWHERE,
    };
    let lasting = |(wait, what): (TimeDelta, What)| vec![Fault { at, until: at + wait, what }];
    match weighted(dice, table) {
        Family::Kill => lasting(kill(dice)),
        Family::Disk => lasting(disk(dice)),
        Family::Machine => lasting(machine(dice)),
        Family::Broker => lasting(broker(dice)),
        Family::Report => lasting(report(dice)),
        Family::Venue => lasting(venue(dice)),
        Family::Feed if place == Place::Open && dice.percent(60) => lasting(wild(dice)),
        Family::Feed => lasting(feed(dice)),
        Family::Person => person(dice, at),
        Family::Channel => lasting(channel(dice)),
    }
}

fn count(dice: &mut Dice, from: u64, to: u64) -> u32 {
    u32::try_from(dice.between(from, to)).unwrap_or(u32::MAX)
}

/// So many seconds, in one of the spans, each as likely.
fn seconds(dice: &mut Dice, spans: &[(u64, u64)]) -> TimeDelta {
    let (from, to) = *dice.pick(spans).unwrap_or(&(1, 1));
    millis(dice.between(from * 1000, to * 1000))
}

/// How long something lies in wait for its moment.
fn waits(dice: &mut Dice) -> TimeDelta {
    seconds(dice, &[(60, 600), (600, 5400)])
}

fn kill(dice: &mut Dice) -> (TimeDelta, What) {
    let venue = dice.percent(15);
    let what = match dice.below(100) {
        0..52 => {
            let submit = *dice.pick(&[1, 1, 1, 1, 2, 3]).unwrap_or(&1);
            let most = *dice.pick(&[3, 3, 8, 30]).unwrap_or(&3);
            What::Kill { submit, after: count(dice, 0, most), venue }
        }
        52..75 => What::Kill { submit: 0, after: count(dice, 0, 40), venue },
        75..88 => What::Panic { after: count(dice, 0, 40) },
        _ => What::Stop,
    };
    (waits(dice), what)
}

fn disk(dice: &mut Dice) -> (TimeDelta, What) {
    let most = *dice.pick(&[3, 12, 40]).unwrap_or(&12);
    let after = count(dice, 0, most);
    let venue = dice.percent(15);
    let what = match dice.below(100) {
        0..25 => What::StoreError { after },
        25..50 => What::KillAtDisk { after, venue },
        _ => {
            let fate = *dice.pick(&Fate::ALL).unwrap_or(&Fate::Lost);
            What::PowerFailure { after, fate, venue }
        }
    };
    (waits(dice), what)
}

fn machine(dice: &mut Dice) -> (TimeDelta, What) {
    if dice.percent(45) {
        let asleep = seconds(dice, &[(5, 60), (5, 60), (60, 600), (60, 600), (600, 10_800)]);
        return (asleep, What::Suspend);
    }
    let by = seconds(dice, &[(1, 5), (1, 5), (5, 60), (60, 900), (900, 10_800)]).num_seconds();
    let by = if dice.percent(50) { by } else { -by };
    let lasts = seconds(dice, &[(20, 120), (120, 1800), (1800, 14_400)]);
    (lasts, What::ClockStep { seconds: by })
}

const SUBMITS: [(u64, Trouble); 11] = [
    (12, Trouble::Slow { ms: 0 }),
    (16, Trouble::LostAnswer),
    (12, Trouble::NoAnswer),
    (9, Trouble::LateArrival { ms: 0 }),
    (10, Trouble::LostRequest),
    (8, Trouble::Refused),
    (6, Trouble::Unauthorized),
    (6, Trouble::TooMany),
    (7, Trouble::ServerError),
    (7, Trouble::ServerErrorAfter),
    (7, Trouble::Garbage),
];

const CANCELS: [(u64, Trouble); 11] = [
    (14, Trouble::Slow { ms: 0 }),
    (12, Trouble::LostAnswer),
    (12, Trouble::NoAnswer),
    (10, Trouble::LateArrival { ms: 0 }),
    (14, Trouble::LostRequest),
    (8, Trouble::Refused),
    (6, Trouble::Unauthorized),
    (7, Trouble::TooMany),
    (7, Trouble::ServerError),
    (6, Trouble::ServerErrorAfter),
    (6, Trouble::Garbage),
];

const READS: [(u64, Trouble); 7] = [
    (20, Trouble::Slow { ms: 0 }),
    (24, Trouble::NoAnswer),
    (12, Trouble::Refused),
    (8, Trouble::Unauthorized),
    (12, Trouble::TooMany),
    (14, Trouble::ServerError),
    (10, Trouble::Garbage),
];

fn broker(dice: &mut Dice) -> (TimeDelta, What) {
    let (call, how, wait_ms) = match dice.below(100) {
        0..45 => (Call::Submit, weighted(dice, &SUBMITS), SUBMIT_WAIT_MS),
        45..63 => (Call::Cancel, weighted(dice, &CANCELS), READ_WAIT_MS),
        _ => (Call::Read, weighted(dice, &READS), READ_WAIT_MS),
    };
    let how = timed(dice, how, wait_ms);
    // A line that is silent is so for minutes; single calls fail whenever they come.
    if call == Call::Read && dice.percent(50) {
        let silent = seconds(dice, &[(5, 60), (60, 300), (300, 900)]);
        return (silent, What::Broker { call, how, times: u32::MAX });
    }
    let times = *dice.pick(&[1, 1, 1, 2, 3, 6]).unwrap_or(&1);
    (waits(dice), What::Broker { call, how, times })
}

/// Gives the kinds that take time their time.
fn timed(dice: &mut Dice, how: Trouble, wait_ms: u64) -> Trouble {
    match how {
        Trouble::Slow { .. } => {
            let above = dice.percent(40);
            let (from, to) =
                if above { (wait_ms + 100, 3 * wait_ms / 2) } else { (50, wait_ms - 200) };
            Trouble::Slow { ms: count(dice, from, to) }
        }
        Trouble::LateArrival { .. } => {
            Trouble::LateArrival { ms: count(dice, SUBMIT_WAIT_MS + 200, ARRIVES_WITHIN_MS) }
        }
        other => other,
    }
}

fn report(dice: &mut Dice) -> (TimeDelta, What) {
    let lag = |dice: &mut Dice| count(dice, 300, SHOWN_WITHIN_MS);
    let few = count(dice, 1, 4);
    let (how, times) = match dice.below(100) {
        0..22 => (Misreport::Stale { ms: lag(dice) }, count(dice, 2, 60)),
        22..34 => {
            (Misreport::Lagging { ms: count(dice, 1_000, LAGS_WITHIN_MS) }, count(dice, 2, 60))
        }
        34..42 => (Misreport::Reordered, count(dice, 1, 30)),
        42..51 => (Misreport::DuplicatedFills, count(dice, 1, 20)),
        51..59 => (Misreport::DuplicatedOrders, count(dice, 1, 20)),
        59..70 => (Misreport::DroppedOrder, few),
        70..80 => (Misreport::DroppedFill, few),
        80..92 => (Misreport::FilledBeforeFills, few),
        _ => (Misreport::DroppedHolding, few),
    };
    (waits(dice), What::Report { how, times })
}

fn venue(dice: &mut Dice) -> (TimeDelta, What) {
    let how = match dice.below(100) {
        0..50 => VenueFault::UnevenLegs,
        50..80 => VenueFault::Reject,
        _ => VenueFault::EarlyAssignment,
    };
    (waits(dice), What::Venue { how, times: count(dice, 1, 2) })
}

/// The opening quarter of an hour of a day like 2024-08-05.
fn wild(dice: &mut Dice) -> (TimeDelta, What) {
    (seconds(dice, &[(300, 900)]), What::Feed { how: FeedFault::Wild })
}

fn feed(dice: &mut Dice) -> (TimeDelta, What) {
    let above = dice.percent(40);
    let (from, to) =
        if above { (READ_WAIT_MS + 100, 2 * READ_WAIT_MS) } else { (50, READ_WAIT_MS - 200) };
    let how = match dice.below(100) {
        0..18 => FeedFault::Stale,
        18..28 => FeedFault::Crossed,
        28..38 => FeedFault::NanGreeks,
        38..46 => FeedFault::Zero,
        46..56 => FeedFault::Silent,
        56..64 => FeedFault::Down,
        64..72 => FeedFault::Slow { ms: count(dice, from, to) },
        72..82 => FeedFault::Wild,
        82..88 => FeedFault::VixMissing,
        88..94 => FeedFault::VixStale,
        _ => FeedFault::VixSpike,
    };
    (seconds(dice, &[(5, 30), (30, 120), (120, 600)]), What::Feed { how })
}

fn person(dice: &mut Dice, at: Timestamp) -> Vec<Fault> {
    let act = match dice.below(100) {
        0..14 => Act::TradeOther,
        14..36 => Act::TradeOurs,
        36..56 => Act::CancelOurs,
        56..70 => Act::Latch(Change::Halt),
        70..81 => Act::Latch(Change::Reduce),
        81..92 => Act::Latch(Change::Flatten),
        _ => Act::Latch(Change::Resume),
    };
    let mut done = vec![hand(at, act)];
    if matches!(act, Act::Latch(Change::Halt | Change::Reduce | Change::Flatten)) {
        let later = seconds(dice, &[(5, 60), (20, 180), (180, 1800), (180, 1800), (3600, 80_000)]);
        done.push(hand(at + later, Act::Latch(Change::Resume)));
    }
    done
}

fn channel(dice: &mut Dice) -> (TimeDelta, What) {
    let how = match dice.below(100) {
        0..30 => ChannelFault::Down,
        30..50 => ChannelFault::Slow { ms: count(dice, 500, 60_000) },
        50..75 => ChannelFault::Hang,
        _ => ChannelFault::Duplicate,
    };
    let lasts = seconds(dice, &[(30, 300), (300, 3600), (3600, 28_800)]);
    (lasts, What::Channel { channel: count(dice, 0, CHANNELS - 1), how })
}
