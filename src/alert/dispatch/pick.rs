//! What a channel sends next, as a pure function of what waits for it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
};

use chrono::TimeDelta;

use super::waiting::Waiting;
use crate::{
    alert::{
        REPORT,
        route::{Mute, Rules, Way},
    },
    clock::Timestamp,
    config::voice::Mode,
    notice::Severity,
};

/// Waits between attempts double from the first to the last of these.
pub(super) const BACKOFF_FIRST: TimeDelta = TimeDelta::seconds(2);
pub(super) const BACKOFF_MOST: TimeDelta = TimeDelta::minutes(5);
/// The longest wait a receiver may ask for.
pub(super) const ASKED_MOST: TimeDelta = TimeDelta::hours(1);
/// A burst is more than `burst` alerts within this.
const BURST_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// Most alerts of one digest.
const DIGEST_MOST: usize = 100;

/// What a line carries. What is critical goes on a lane of its own: it never waits for something
/// else that is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// What is critical.
    Urgent,
    /// All else.
    Rest,
}

impl Lane {
    fn carries(self, severity: Severity) -> bool {
        (self == Self::Urgent) == (severity == Severity::Critical)
    }
}

/// What is known of a channel.
pub(super) struct Outlook<'a> {
    pub channel: &'a str,
    pub lane: Lane,
    pub hushes: bool,
    pub digests: bool,
    pub rules: &'a Rules,
    pub mutes: &'a [Mute],
    /// When alerts that are not critical went out within the last minute, one entry each.
    pub recent: &'a Recent,
    /// The end of a wait the receiver asked for in this life.
    pub asked: Option<Timestamp>,
    pub now: Timestamp,
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pick {
    /// These go out at once, under their keys; `true`: without a sound.
    Send(Vec<(String, Waiting)>, bool),
    /// By settings of now these do not go out by this channel.
    Leave(Vec<String>),
    /// Something may be sent at an instant.
    At(Timestamp),
    /// Nothing waits.
    Nothing,
}

/// When alerts went out lately.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent(VecDeque<Timestamp>);

impl Recent {
    /// Alerts went out.
    pub fn note(&mut self, count: usize, now: Timestamp, burst: usize) {
        self.0.extend(std::iter::repeat_n(now, count.min(burst)));
        while self.0.len() > burst {
            self.0.pop_front();
        }
    }

    fn within(&self, now: Timestamp) -> Vec<Timestamp> {
        let lately = |at: &&Timestamp| (TimeDelta::zero()..BURST_WITHIN).contains(&(now - **at));
        self.0.iter().filter(lately).copied().collect()
    }
}

/// The most severe goes first, in order within a severity: a row that backs off holds back those
/// behind it of its own severity. What waits for quiet hours or a mute to end holds back nothing; a
/// wait the receiver asked for holds back everything for it, on either lane.
pub(super) fn pick(mut waiting: Vec<(String, Waiting)>, look: &Outlook<'_>) -> Pick {
    let asked = asked_to_wait(&waiting, look.now).max(look.asked);
    waiting.retain(|(_, row)| look.lane.carries(row.alert.severity));
    waiting.sort_by_key(|(_, row)| (Reverse(row.alert.severity), row.alert.id));
    if let Some(at) = asked.filter(|_| !waiting.is_empty()) {
        return Pick::At(at);
    }
    let mut held: BTreeMap<Severity, (String, Waiting, bool)> = BTreeMap::new();
    let mut first: Option<Timestamp> = None;
    let (mut ready, mut off) = (Vec::new(), Vec::new());
    for (key, row) in waiting {
        if look.rules.mode(look.channel, &row.alert) == Mode::Off {
            off.push(key);
            continue;
        }
        let severity = row.alert.severity;
        let due = row.next_at <= look.now;
        if let Some(head) = held.get(&severity) {
            // Something critical came while an earlier one backs off: reason enough to try again.
            if severity == Severity::Critical && due {
                let (key, row, silent) = head.clone();
                return Pick::Send(vec![(key, row)], silent);
            }
            continue;
        }
        let way = look.rules.way(look.channel, look.hushes, &row.alert, look.mutes, look.now);
        let silent = row.hushed || way == Way::Silent;
        let later = match way {
            Way::Later(at) => Some(at),
            _ if due => None,
            _ => {
                let at = row.next_at;
                held.insert(severity, (key.clone(), row.clone(), silent));
                Some(at)
            }
        };
        if let Some(at) = later {
            first = Some(first.map_or(at, |first| first.min(at)));
        } else if severity == Severity::Critical {
            return Pick::Send(vec![(key, row)], silent);
        } else {
            ready.push((key, row, silent));
        }
    }
    if ready.is_empty() && !off.is_empty() {
        return Pick::Leave(off);
    }
    if ready.is_empty() {
        return first.map_or(Pick::Nothing, Pick::At);
    }
    if look.digests { digest(ready, first, look) } else { alone(ready) }
}

/// The end of a wait the receiver asked for.
fn asked_to_wait(waiting: &[(String, Waiting)], now: Timestamp) -> Option<Timestamp> {
    let asked = waiting.iter().map(|(_, row)| row).filter(|row| row.told_to_wait);
    asked.map(|row| row.next_at).filter(|at| now < *at).max()
}

fn alone(ready: Vec<(String, Waiting, bool)>) -> Pick {
    let one = ready.into_iter().next();
    one.map_or(Pick::Nothing, |(key, row, silent)| Pick::Send(vec![(key, row)], silent))
}

/// One alone while they are few; together once there are more than `burst` within a minute. When
/// the minute has had its share, what comes is gathered until the minute is over. A report is no
/// line of a digest, nor is what was refused in one: it comes whole, in its place.
fn digest(
    mut ready: Vec<(String, Waiting, bool)>,
    first: Option<Timestamp>,
    look: &Outlook<'_>,
) -> Pick {
    match ready.iter().position(|(_, row, _)| row.alone || row.alert.kind == REPORT) {
        Some(0) => return alone(ready),
        Some(before) => ready.truncate(before),
        None => {}
    }
    let burst = look.rules.escalation.burst as usize;
    let lately = look.recent.within(look.now);
    if lately.len() + ready.len() <= burst {
        return alone(ready);
    }
    if let Some(oldest) = lately.first().filter(|_| lately.len() >= burst) {
        let over = *oldest + BURST_WITHIN;
        return Pick::At(first.map_or(over, |first| first.min(over)));
    }
    let mut together: Vec<_> = ready.into_iter().take(DIGEST_MOST).collect();
    let silent = together.iter().all(|(_, _, silent)| *silent);
    together.sort_by_key(|(_, row, _)| row.alert.id);
    Pick::Send(together.into_iter().map(|(key, row, _)| (key, row)).collect(), silent)
}
