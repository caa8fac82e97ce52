//! A line: to one receiver of a channel, for one lane. One attempt at a time, until everything that
//! waits for it was taken.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::TimeDelta;
use futures::FutureExt as _;

use super::{
    Next, Part,
    ages::Ages,
    mend,
    pick::{self, ASKED_MOST, Lane, Outlook, Pick, Recent},
    settle::{Failed, Settled, settle},
    unwritten::Unwritten,
    waiting::{WAITING, Waiting, under},
    within,
};
use crate::{
    alert::{
        Channel, Outgoing, SendError, mute,
        route::{Mute, Rules},
    },
    clock::{Runtime, Timestamp},
    notice::Severity,
    store::{Store, StoreError, WriteTx},
};

/// A channel that does not answer is waited for so long: one alert never holds up all others.
const SEND_WAIT: TimeDelta = TimeDelta::seconds(60);
/// A store that does not answer is waited for so long; then the rest of what was read goes out.
const STORE_WAIT: TimeDelta = TimeDelta::seconds(10);
/// After so long without success an alert is a dead letter.
pub(super) const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(24);

/// What a line without anything to do waits for.
const NEWS: &[&str] = &[WAITING.name(), mute::MUTES.name()];

/// Where a line leads.
#[derive(Clone)]
pub struct To {
    /// The channel.
    pub channel: Arc<dyn Channel>,
    /// One of its receivers; `None` where it is one itself.
    pub receiver: Option<String>,
    /// What the line carries.
    pub lane: Lane,
    /// The waits receivers asked for.
    pub asked: Asked,
}

/// Until when receivers asked to wait, by line, on the steady clock. A row knows it as well, for the
/// next life; but it may be acknowledged or given up before the wait is over.
#[derive(Debug, Clone, Default)]
pub struct Asked(Arc<Mutex<BTreeMap<String, TimeDelta>>>);

impl Asked {
    fn note(&self, line: String, until: TimeDelta) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = asked.entry(line).or_insert(until);
        *known = until.max(*known);
    }

    /// What is left of the wait.
    fn left(&self, line: &str, steady: TimeDelta) -> Option<TimeDelta> {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(line).map(|until| *until - steady).filter(|left| *left > TimeDelta::zero())
    }
}

impl To {
    /// The beginning of its keys in the store: `telegram/11`, `email`.
    pub fn line(&self) -> String {
        line_of(self.channel.name(), self.receiver.as_deref())
    }
}

/// The name of a line.
pub(super) fn line_of(channel: &str, receiver: Option<&str>) -> String {
    receiver.map_or_else(|| channel.to_owned(), |receiver| format!("{channel}/{receiver}"))
}

/// The line to one receiver.
pub struct Line {
    rt: Runtime,
    store: Store,
    rules: Arc<Rules>,
    to: To,
    recent: Recent,
    waits: Ages,
    mutes: Ages,
    /// For how long rows have failed, by key, as of the last look.
    failing: BTreeMap<String, TimeDelta>,
    unwritten: Unwritten,
    /// Rows that cannot be read, as of the last look.
    broken: Vec<(String, StoreError)>,
    /// Something backed off, on either lane, at the last look.
    behind: bool,
}

impl Line {
    /// A line that has sent nothing yet.
    pub fn new(rt: Runtime, store: Store, rules: Arc<Rules>, to: To) -> Self {
        Self {
            rt,
            store,
            rules,
            to,
            recent: Recent::default(),
            waits: Ages::default(),
            mutes: Ages::default(),
            failing: BTreeMap::new(),
            unwritten: Unwritten::default(),
            broken: Vec::new(),
            behind: false,
        }
    }

    fn pick(&mut self) -> Result<Pick, StoreError> {
        let line = self.to.line();
        let found = self.store.read(|tx| Ok((under(tx, &WAITING, &line)?, mute::known(tx)?)));
        let ((mut waiting, broken), mutes) = found?;
        self.broken = broken;
        self.behind = waiting.iter().any(|(_, row)| row.attempts > 0 || row.backs_off());
        let now = self.rt.now();
        self.count_waits(&mut waiting, now);
        self.unwritten.apply(&mut waiting, now, self.rt.steady());
        let mutes = heard(&mut self.mutes, &self.rt, mutes);
        let look = Outlook {
            channel: self.to.channel.name(),
            lane: self.to.lane,
            hushes: self.to.channel.hushes(),
            digests: self.to.channel.digests(),
            rules: &self.rules,
            mutes: &mutes,
            recent: &self.recent,
            asked: self.to.asked.left(&line, self.rt.steady()).map(|left| now + left),
            now,
        };
        Ok(pick::pick(waiting, &look))
    }

    /// Puts what waits to the instant at which it is due by the time that has passed.
    fn count_waits(&mut self, waiting: &mut [(String, Waiting)], now: Timestamp) {
        let mut look = self.waits.look(&self.rt);
        self.failing.clear();
        for (key, row) in waiting {
            let left = look.left(key.clone(), row.next_at, row.wait());
            row.next_at = now + left;
            if let Some(since) = row.failing_since {
                self.failing.insert(key.clone(), look.ago(format!("{key} fails"), since));
            }
        }
    }

    /// Sees to what cannot be read, once there is nothing to send.
    async fn mend(&mut self) -> Result<Next, StoreError> {
        let (line, now) = (self.to.line(), self.rt.now());
        let broken = std::mem::take(&mut self.broken);
        self.store.write(move |tx: &mut WriteTx| mend::waiting(tx, &line, broken, now)).await?;
        Ok(Next::Now)
    }

    async fn attempt(
        &mut self,
        rows: Vec<(String, Waiting)>,
        silent: bool,
    ) -> Result<(), StoreError> {
        let alerts: Vec<_> = rows.iter().map(|(_, row)| row.alert.clone()).collect();
        let repeat = rows.iter().map(|(_, row)| row.repeat).max().unwrap_or(0);
        let out = Outgoing { alerts, silent, repeat };
        let result = self.send(&out).await;
        if result.is_ok() && out.severity() < Severity::Critical {
            let burst = self.rules.escalation.burst as usize;
            self.recent.note(out.alerts.len(), self.rt.now(), burst);
        }
        let tried: Vec<_> =
            rows.iter().map(|(key, row)| (key.clone(), (row.repeat, row.attempts))).collect();
        let of = |(key, row): (String, Waiting)| {
            let failing = self.failing.get(&key).copied().unwrap_or_default();
            Failed { over: failing > GIVE_UP_AFTER, key, severity: row.alert.severity }
        };
        let rows = rows.into_iter().map(of).collect();
        let (line, now) = (self.to.line(), self.rt.now());
        let settled = Settled { line, rows, result: result.clone(), now, behind: self.behind };
        let write = self.store.write(move |tx: &mut WriteTx| settle(tx, settled));
        let Some(written) = self.rt.timeout(STORE_WAIT, write).await else {
            tracing::error!(
                line = self.to.line(),
                "the store hangs; alerts that wait still go out"
            );
            let steady = self.rt.steady();
            for (key, of) in tried {
                self.unwritten.note(key, of, &result, steady);
            }
            return Ok(());
        };
        written
    }

    async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
        let To { channel, receiver, .. } = &self.to;
        let sending = async {
            match receiver {
                Some(receiver) => channel.send_to(receiver, out).await,
                None => channel.send(out).await,
            }
        };
        // A panic of a channel must not end its deliveries until the next start.
        let sending = AssertUnwindSafe(sending).catch_unwind();
        match within(&self.rt, SEND_WAIT, sending).await {
            Some(Ok(Err(SendError::RetryAfter { after, why }))) => {
                let after = after.clamp(TimeDelta::seconds(1), ASKED_MOST);
                self.to.asked.note(self.to.line(), self.rt.steady() + after);
                Err(SendError::RetryAfter { after, why })
            }
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(SendError::Retry("the channel panicked".to_owned())),
            None => Err(SendError::Retry(no_answer())),
        }
    }
}

impl Part for Line {
    fn news(&self) -> &'static [&'static str] {
        NEWS
    }

    /// Makes at most one attempt.
    async fn step(&mut self) -> Result<Next, StoreError> {
        match self.pick()? {
            Pick::Send(rows, silent) => {
                self.attempt(rows, silent).await?;
                Ok(Next::Now)
            }
            Pick::Leave(keys) => {
                let leave = move |tx: &mut WriteTx| {
                    keys.iter().try_for_each(|key| tx.remove(&WAITING, key).map(drop))
                };
                self.store.write(leave).await?;
                Ok(Next::Now)
            }
            _ if !self.broken.is_empty() => self.mend().await,
            Pick::At(at) => Ok(Next::At(at)),
            Pick::Nothing => Ok(Next::News),
        }
    }
}

/// The mutes in force, each until the instant at which it is over by the time that has passed.
pub(super) fn heard(ages: &mut Ages, rt: &Runtime, mutes: Vec<Mute>) -> Vec<Mute> {
    let mut look = ages.look(rt);
    let until = |mute: Mute| {
        let of = mute.kind.clone().unwrap_or_default();
        let left = look.left(of, mute.until, mute.until - mute.since);
        (left > TimeDelta::zero()).then(|| Mute { until: look.now + left, ..mute })
    };
    mutes.into_iter().filter_map(until).collect()
}

fn no_answer() -> String {
    format!("no answer within {} s", SEND_WAIT.num_seconds())
}
