//! From the outbox to what waits for each channel, and from there on: repeats and escalation.
//!
//! One transaction takes new rows of the outbox, puts them before the channels that are told at
//! once, and opens what must be acknowledged; another does what is due of what is open. So no crash
//! falls between the decision that a channel is told and the row that it waits in.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    Next, Part, Voice,
    ages::Ages,
    home,
    line::{GIVE_UP_AFTER, heard},
    mend::{self, Broken, BrokenRows},
    waiting::{CURSORS, LAST, ROUTED, WAITING, Waiting, waiting_key},
};
use crate::{
    alert::{
        Alert, mute,
        open::{
            self, ALERTS, COVERS, Covered, Kept, MATTERS, Standing,
            course::{self, Step},
            number_key,
        },
        render,
        route::Mute,
        subject::{self, Over},
    },
    clock::{Runtime, Timestamp},
    config::voice::{LOG, Mode},
    notice::{OUTBOX, OutboxRow, Severity},
    store::{Read, Store, StoreError, WriteTx},
};

/// Most outbox rows taken in one step.
const BATCH: u64 = 64;
/// Most open alerts acted on in one step.
const ACTS_MOST: usize = 64;
/// A channel that was never there before begins with at most so many earlier alerts.
const NEW_CHANNEL_MOST: usize = 500;

/// What a router without anything to do waits for.
const NEWS: &[&str] = &[OUTBOX.name(), MATTERS.name(), mute::MUTES.name()];

/// The router.
pub struct Router {
    rt: Runtime,
    store: Store,
    voice: Arc<Voice>,
    /// What waits has been put before the receivers that are there now.
    at_home: bool,
    open: Ages,
    covers: Ages,
    mutes: Ages,
}

impl Part for Router {
    fn news(&self) -> &'static [&'static str] {
        NEWS
    }

    /// Takes what is new and does what is due.
    async fn step(&mut self) -> Result<Next, StoreError> {
        if !self.at_home {
            home::come(&self.store, &self.voice).await?;
            self.at_home = true;
        }
        if self.take().await? {
            return Ok(Next::Now);
        }
        self.tend().await
    }
}

/// A row of the outbox, with what it means for every channel, by place.
struct Routed {
    alert: Alert,
    over: Vec<Over>,
    /// Channels whose route has it, that had not taken this row before.
    wanted: Vec<bool>,
    /// It was routed before, for other channels.
    known: bool,
}

/// Rows of the outbox from the first that somebody has not taken.
struct Taken {
    routed: u64,
    cursors: Vec<u64>,
    rows: Vec<(String, OutboxRow)>,
    /// Those that cannot be read, by key.
    bad: Vec<(String, StoreError)>,
}

impl Router {
    /// A router that has done nothing yet.
    pub fn new(rt: Runtime, store: Store, voice: Arc<Voice>) -> Self {
        let (open, covers, mutes) = (Ages::default(), Ages::default(), Ages::default());
        Self { rt, store, voice, at_home: false, open, covers, mutes }
    }

    /// Takes new rows of the outbox; false when there are none.
    async fn take(&mut self) -> Result<bool, StoreError> {
        let now = self.rt.now();
        let voice = Arc::clone(&self.voice);
        let (taken, acknowledged) =
            self.store.read(|tx| Ok((taken(tx, &voice, now)?, acknowledged(tx)?)))?;
        let covered = self.covered(acknowledged);
        let Taken { routed, cursors, rows, bad } = taken;
        let mut last = 0;
        let mut batch = Vec::new();
        for (key, row) in &rows {
            let Ok(number) = key.parse::<u64>() else { continue };
            last = last.max(number);
            let alert = render(number, row);
            let wanted = voice.channels.iter().zip(&cursors).map(|(channel, cursor)| {
                let routed = voice.rules.mode(channel.name(), &alert) != Mode::Off;
                *cursor < number && routed && channel.takes(&alert)
            });
            let wanted = wanted.collect();
            let over = subject::over(&row.notice);
            batch.push(Routed { alert, over, wanted, known: number <= routed });
        }
        let numbers = bad.iter().filter_map(|(key, _)| key.parse::<u64>().ok());
        last = numbers.fold(last, u64::max);
        if last == 0 {
            return Ok(false);
        }
        let write = move |tx: &mut WriteTx| {
            for routed in &batch {
                route(tx, &voice, routed, &covered, now)?;
            }
            mend::pass_over(tx, bad, now)?;
            for (name, cursor) in voice.names().iter().zip(&cursors) {
                tx.put(&CURSORS, name, &last.max(*cursor))?;
            }
            tx.put(&CURSORS, ROUTED, &last.max(routed))?;
            open::drop_oldest(tx, last)
        };
        self.store.write(write).await?;
        Ok(true)
    }

    /// What an acknowledgement still covers, by the time that has passed since.
    fn covered(&mut self, acknowledged: Vec<(u64, Timestamp)>) -> Covered {
        let mut look = self.covers.look(&self.rt);
        let ago = |(number, at): (u64, Timestamp)| {
            let ago = look.ago(number.to_string(), at);
            (number, (at, ago))
        };
        acknowledged.into_iter().map(ago).collect()
    }

    /// Does what is due of what is open.
    async fn tend(&mut self) -> Result<Next, StoreError> {
        let found = self.store.read(|tx| Ok((standing(tx)?, mend::mutes(tx)?, mute::known(tx)?)));
        let ((open, mut broken), broken_mutes, mutes) = found?;
        broken.extend(broken_mutes);
        let mutes = heard(&mut self.mutes, &self.rt, mutes);
        let steps = match self.due(open, &mutes) {
            Due::Now(steps) => steps,
            _ if !broken.is_empty() => return self.mend(broken).await,
            Due::At(at) => return Ok(Next::At(at)),
            Due::Nothing => return Ok(Next::News),
        };
        let (voice, now) = (Arc::clone(&self.voice), self.rt.now());
        let write = move |tx: &mut WriteTx| {
            for (number, step) in steps {
                // It may have been acknowledged since.
                match tx.get_readable(&ALERTS, &number_key(number))? {
                    Some(row) if row.is_open() => act(tx, &voice, (number, row), step, now)?,
                    Some(row) => drop(tx.remove(&MATTERS, &row.alert.key)?),
                    None => {}
                }
            }
            Ok(())
        };
        self.store.write(write).await?;
        Ok(Next::Now)
    }

    /// Sees to what cannot be read.
    async fn mend(&self, broken: BrokenRows) -> Result<Next, StoreError> {
        let now = self.rt.now();
        self.store.write(move |tx: &mut WriteTx| mend::standing(tx, broken, now)).await?;
        Ok(Next::Now)
    }

    /// What is due of what stands, by the time that has passed.
    fn due(&mut self, open: Vec<(u64, Kept)>, mutes: &[Mute]) -> Due {
        let (mut steps, mut first) = (Vec::new(), None::<Timestamp>);
        let mut look = self.open.look(&self.rt);
        let now = look.now;
        for (number, mut row) in open {
            let (at, step) = match row.standing {
                Standing::Open => {
                    row.since = now - look.ago(format!("{number} since"), row.since);
                    row.last_at = now - look.ago(format!("{number} last"), row.last_at);
                    let chain = self.voice.chain(&row.alert);
                    course::next(&row, &chain, &self.voice.rules, mutes)
                }
                Standing::Acknowledged { at, .. } => {
                    let ago = look.ago(format!("{number} acknowledged"), at);
                    (now + (COVERS - ago).max(TimeDelta::zero()), Step::Lapse)
                }
                _ => (now, Step::Lapse),
            };
            if at <= now {
                steps.push((number, step));
            } else {
                first = Some(first.map_or(at, |first| first.min(at)));
            }
        }
        steps.truncate(ACTS_MOST);
        match (steps.is_empty(), first) {
            (false, _) => Due::Now(steps),
            (true, Some(at)) => Due::At(at),
            (true, None) => Due::Nothing,
        }
    }
}

/// Rows of the outbox that somebody has not taken.
fn taken(tx: &impl Read, voice: &Voice, now: Timestamp) -> Result<Taken, StoreError> {
    let (routed, cursors) = cursors(tx, voice, now)?;
    let least = cursors.iter().copied().chain([routed]).min().unwrap_or(routed);
    let (from, to) = (number_key(least + 1), number_key(least + 1 + BATCH));
    let (rows, bad) = tx.readable_range(&OUTBOX, &from, &to)?;
    Ok(Taken { routed, cursors, rows, bad })
}

/// The alerts that matters stand under, and what of that cannot be read.
fn standing(tx: &impl Read) -> Result<(Vec<(u64, Kept)>, BrokenRows), StoreError> {
    let (matters, broken) = tx.readable(&MATTERS, "")?;
    let matter = |(key, error)| (Broken::Matter(key), error);
    let (mut found, mut broken) =
        (Vec::new(), broken.into_iter().map(matter).collect::<BrokenRows>());
    for (key, number) in matters {
        match tx.get(&ALERTS, &number_key(number)) {
            Err(error @ StoreError::Codec { .. }) => {
                broken.push((Broken::Alert(key, number), error));
            }
            row => found.extend(row?.map(|row| (number, row))),
        }
    }
    Ok((found, broken))
}

/// What was acknowledged lately, and when.
fn acknowledged(tx: &impl Read) -> Result<Vec<(u64, Timestamp)>, StoreError> {
    let at = |(number, row): (u64, Kept)| match row.standing {
        Standing::Acknowledged { at, .. } => Some((number, at)),
        _ => None,
    };
    Ok(standing(tx)?.0.into_iter().filter_map(at).collect())
}

/// How far rows were routed, and how far each channel has taken them.
fn cursors(tx: &impl Read, voice: &Voice, now: Timestamp) -> Result<(u64, Vec<u64>), StoreError> {
    // Of one that cannot be read it is not known how far it was: it counts as new.
    let (rows, _) = tx.readable(&CURSORS, "")?;
    let routed = rows.iter().find(|(name, _)| name == ROUTED).map(|(_, cursor)| *cursor);
    let furthest = rows.iter().map(|(_, cursor)| *cursor).max();
    let fresh = first_cursor(tx, now)?;
    let routed = routed.or(furthest).unwrap_or(fresh);
    let of = |name: &String| {
        let known = rows.iter().find(|(of, _)| of == name).map(|(_, cursor)| *cursor);
        match known {
            // It was left out while others went on: it is told what a new one would be.
            Some(cursor) if cursor < routed => cursor.max(fresh.min(routed)),
            Some(cursor) => cursor,
            None => fresh,
        }
    };
    Ok((routed, voice.names().iter().map(of).collect()))
}

/// Where a channel that was never there before begins: with what a retry would still be made for,
/// and not with the history of months.
fn first_cursor(tx: &impl Read, now: Timestamp) -> Result<u64, StoreError> {
    let newest = match tx.last(&OUTBOX, "", NEW_CHANNEL_MOST) {
        // It begins behind what cannot be read.
        Err(StoreError::Codec { table, key, .. }) if table == OUTBOX.name() => {
            let mut behind = tx.readable_range(&OUTBOX, &key, LAST)?.0;
            behind.reverse();
            behind
        }
        found => found?,
    };
    let recent = newest.iter().take_while(|(_, row)| now - row.at <= GIVE_UP_AFTER);
    let oldest = recent.last().or(newest.first());
    let Some((key, row)) = oldest else { return Ok(0) };
    let sequence: u64 = key.parse().unwrap_or(0);
    Ok(if now - row.at <= GIVE_UP_AFTER { sequence.saturating_sub(1) } else { sequence })
}

/// Puts an alert before who is told of it at once.
fn route(
    tx: &mut WriteTx,
    voice: &Voice,
    routed: &Routed,
    covered: &Covered,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Routed { alert, over, wanted, known } = routed;
    let wants: Vec<&str> = voice.wanting(wanted);
    let waits = alert.severity >= Severity::Warning && !known;
    if !known {
        open::end_all(tx, over, alert, now)?;
    }
    let joined = if waits { Some(open::join(tx, alert, covered, now)?) } else { None };
    let told: Vec<&str> = if at_once(voice, alert) {
        wants
    } else {
        let first = voice.chain(alert).into_iter().next();
        let known = |name: &str| joined.as_ref().is_some_and(|j| j.known.iter().any(|k| k == name));
        let told = |name: &&str| *name == LOG || first.as_deref() == Some(*name) || known(name);
        wants.into_iter().filter(told).collect()
    };
    let hushed = joined.as_ref().is_some_and(|joined| joined.silent);
    for line in told.iter().flat_map(|channel| voice.lines_of(channel)) {
        let row = Waiting { hushed, ..Waiting::new(alert.clone(), now) };
        tx.put(&WAITING, &waiting_key(&line, alert.id), &row)?;
    }
    let Some(joined) = joined else { return Ok(()) };
    let told: Vec<String> = told.into_iter().map(str::to_owned).collect();
    open::told(tx, joined.row, &told, now)
}

/// Whether everybody is told at once.
fn at_once(voice: &Voice, alert: &Alert) -> bool {
    alert.severity != Severity::Warning || voice.rules.escalation.warning_minutes == 0
}

/// What is due, and when the next thing is.
enum Due {
    Now(Vec<(u64, Step)>),
    At(Timestamp),
    Nothing,
}

fn act(
    tx: &mut WriteTx,
    voice: &Voice,
    (number, mut row): (u64, Kept),
    step: Step,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (channels, repeat, escalated) = match step {
        Step::Lapse => {
            let why = format!("nobody acknowledged it in {} days", course::LAPSES.num_days());
            return open::end(tx, number, row, now, why);
        }
        Step::Repeat => {
            row.repeats = row.repeats.saturating_add(1);
            (voice.chain(&row.alert), row.repeats, false)
        }
        Step::Escalate(channel) => (vec![channel], 0, true),
    };
    for channel in channels {
        for line in voice.lines_of(&channel) {
            let key = waiting_key(&line, row.alert.id);
            // What is down is told once when it is back, not once for each repeat.
            if tx.get_readable(&WAITING, &key)?.is_none() {
                let waiting = Waiting { repeat, escalated, ..Waiting::new(row.alert.clone(), now) };
                tx.put(&WAITING, &key, &waiting)?;
            }
        }
        row.tell(&channel, now);
    }
    row.last_at = now;
    tx.put(&ALERTS, &number_key(number), &row)
}
