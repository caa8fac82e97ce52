//! From the outbox to what waits for each channel, and from there on: repeats and escalation.
//!
//! One transaction takes new rows of the outbox, puts them before the channels that are told at
//! once, and opens what must be acknowledged; another does what is due of what is open. So no crash
//! falls between the decision that a channel is told and the row that it waits in.

use std::sync::Arc;

use super::{
    Next, Voice,
    line::GIVE_UP_AFTER,
    waiting::{CURSORS, ROUTED, WAITING, Waiting, waiting_key},
};
use crate::{
    alert::{
        Alert, mute,
        open::{
            self, ALERTS, COVERS, Kept, MATTERS, Standing,
            course::{self, Step},
            number_key,
        },
        render,
        subject::{self, Over},
    },
    clock::{Runtime, Timestamp},
    config::voice::{LOG, Mode},
    notice::{OUTBOX, Severity},
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

/// Routes for ever; only a failing store ends it.
pub async fn run(rt: Runtime, store: Store, voice: Arc<Voice>) -> StoreError {
    loop {
        let seen = store.changes(NEWS);
        let next = match step(&rt, &store, &voice).await {
            Ok(next) => next,
            Err(error) => return error,
        };
        super::pass(&rt, next, store.changed(NEWS, seen)).await;
    }
}

/// Takes what is new and does what is due.
pub async fn step(rt: &Runtime, store: &Store, voice: &Arc<Voice>) -> Result<Next, StoreError> {
    if take(rt, store, voice).await? {
        return Ok(Next::Now);
    }
    tend(rt, store, voice).await
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

/// Takes new rows of the outbox; false when there are none.
async fn take(rt: &Runtime, store: &Store, voice: &Arc<Voice>) -> Result<bool, StoreError> {
    let now = rt.now();
    let (routed, cursors, rows) = store.read(|tx| {
        let (routed, cursors) = cursors(tx, voice, now)?;
        let least = cursors.iter().copied().chain([routed]).min().unwrap_or(routed);
        let (from, to) = (number_key(least + 1), number_key(least + 1 + BATCH));
        Ok((routed, cursors, tx.range(&OUTBOX, &from, &to)?))
    })?;
    let mut last = 0;
    let mut batch = Vec::new();
    for (key, row) in &rows {
        let Ok(number) = key.parse::<u64>() else { continue };
        last = number;
        let alert = render(number, row);
        let wanted = voice.channels.iter().zip(&cursors).map(|(channel, cursor)| {
            let routed = voice.rules.mode(channel.name(), &alert) != Mode::Off;
            *cursor < number && routed && channel.takes(&alert)
        });
        let wanted = wanted.collect();
        let over = subject::over(&row.notice);
        batch.push(Routed { alert, over, wanted, known: number <= routed });
    }
    if batch.is_empty() {
        return Ok(false);
    }
    let (voice, names) = (Arc::clone(voice), voice.names());
    let write = move |tx: &mut WriteTx| {
        for routed in &batch {
            route(tx, &voice, routed, now)?;
        }
        for (name, cursor) in names.iter().zip(&cursors) {
            tx.put(&CURSORS, name, &last.max(*cursor))?;
        }
        tx.put(&CURSORS, ROUTED, &last.max(routed))?;
        open::drop_oldest(tx, last)
    };
    store.write(write).await?;
    Ok(true)
}

/// How far rows were routed, and how far each channel has taken them.
fn cursors(tx: &impl Read, voice: &Voice, now: Timestamp) -> Result<(u64, Vec<u64>), StoreError> {
    let rows = tx.list(&CURSORS, "")?;
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
    let newest = tx.last(&OUTBOX, "", NEW_CHANNEL_MOST)?;
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
    now: Timestamp,
) -> Result<(), StoreError> {
    let Routed { alert, over, wanted, known } = routed;
    let wants: Vec<&str> = voice.wanting(wanted);
    let waits = alert.severity >= Severity::Warning && !known;
    if !known {
        open::end_all(tx, over, alert, now)?;
    }
    let joined = if waits { Some(open::join(tx, alert, now)?) } else { None };
    let told: Vec<&str> = if at_once(voice, alert) {
        wants
    } else {
        let first = voice.chain(alert).into_iter().next();
        let known = |name: &str| joined.as_ref().is_some_and(|j| j.known.iter().any(|k| k == name));
        let told = |name: &&str| *name == LOG || first.as_deref() == Some(*name) || known(name);
        wants.into_iter().filter(told).collect()
    };
    let hushed = joined.as_ref().is_some_and(|joined| joined.silent);
    for channel in &told {
        let row = Waiting { hushed, ..Waiting::new(alert.clone(), now) };
        tx.put(&WAITING, &waiting_key(channel, alert.id), &row)?;
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

/// Does what is due of what is open.
async fn tend(rt: &Runtime, store: &Store, voice: &Arc<Voice>) -> Result<Next, StoreError> {
    let now = rt.now();
    let steps = match store.read(|tx| due(tx, voice, now))? {
        Due::Nothing => return Ok(Next::News),
        Due::At(at) => return Ok(Next::At(at)),
        Due::Now(steps) => steps,
    };
    let voice = Arc::clone(voice);
    let write = move |tx: &mut WriteTx| {
        for (number, step) in steps {
            // It may have been acknowledged since.
            match tx.get(&ALERTS, &number_key(number))? {
                Some(row) if row.is_open() => act(tx, &voice, (number, row), step, now)?,
                Some(row) => drop(tx.remove(&MATTERS, &row.alert.key)?),
                None => {}
            }
        }
        Ok(())
    };
    store.write(write).await?;
    Ok(Next::Now)
}

fn due(tx: &impl Read, voice: &Voice, now: Timestamp) -> Result<Due, StoreError> {
    let mutes = mute::in_force(tx, now)?;
    let (mut steps, mut first) = (Vec::new(), None::<Timestamp>);
    for (_, number) in tx.list(&MATTERS, "")? {
        let Some(row) = tx.get(&ALERTS, &number_key(number))? else { continue };
        let (at, step) = match &row.standing {
            Standing::Open => {
                let chain = voice.chain(&row.alert);
                course::next(&row, &chain, &voice.rules, &mutes, now)
            }
            Standing::Acknowledged { at, .. } => (course::after(*at, COVERS), Step::Lapse),
            _ => (now, Step::Lapse),
        };
        if at <= now {
            steps.push((number, step));
        } else {
            first = Some(first.map_or(at, |first| first.min(at)));
        }
        if steps.len() >= ACTS_MOST {
            break;
        }
    }
    Ok(match (steps.is_empty(), first) {
        (false, _) => Due::Now(steps),
        (true, Some(at)) => Due::At(at),
        (true, None) => Due::Nothing,
    })
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
        let key = waiting_key(&channel, row.alert.id);
        // A channel that is down is told once when it is back, not once for each repeat.
        if tx.get(&WAITING, &key)?.is_none() {
            let waiting = Waiting { repeat, escalated, ..Waiting::new(row.alert.clone(), now) };
            tx.put(&WAITING, &key, &waiting)?;
        }
        row.tell(&channel, now);
    }
    row.last_at = now;
    tx.put(&ALERTS, &number_key(number), &row)
}
