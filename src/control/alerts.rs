//! Answers about alerts: the newest, what was given up, acknowledgements, mutes, the test.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Request, answer::document, stage};
use crate::{
    alert::{
        Channel,
        dispatch::DEAD,
        mute,
        open::{self, ALERTS, Kept, MATTERS, Standing, Told, number_key},
        probe::probe,
        render,
        route::Mute,
    },
    clock::{Runtime, Timestamp},
    config::voice::Severity,
    desk::ack::Ack,
    notice::OUTBOX,
    report::{Period, REPORTS},
    store::{Read, Store, StoreError, WriteTx},
};

/// Most alerts of one answer.
const ALERTS_MOST: usize = 1000;

/// The newest alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts {
    /// How many are open, those not shown included.
    pub open: usize,
    /// The newest, the last first.
    pub alerts: Vec<AlertLine>,
    /// Mutes in force.
    pub mutes: Vec<Mute>,
}

/// How an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// For the record: nobody has to acknowledge it.
    Told,
    /// Nobody has acknowledged it.
    Open,
    /// Somebody has.
    Acknowledged,
    /// What it tells of is over.
    Over,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertLine {
    /// Its number.
    pub id: u64,
    /// When it was raised.
    pub at: Timestamp,
    /// Its kind.
    pub kind: String,
    /// Its severity.
    pub severity: Severity,
    /// Its first line.
    pub title: String,
    /// Further lines.
    pub text: String,
    /// What it is about.
    pub key: String,
    /// How it stands.
    pub state: State,
    /// Who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<Timestamp>,
    /// Why it is over.
    pub over_why: Option<String>,
    /// The earlier alert about the same matter that it stands under.
    pub folded_into: Option<u64>,
    /// How often it was repeated.
    pub repeats: u32,
    /// Channels it was handed to, by the alert it stands under; none for what is for the record.
    pub told: Vec<Told>,
}

/// What was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    /// Alerts that were open.
    pub alerts: Vec<AckedLine>,
    /// The daily report, where that was asked for too and one is kept.
    pub report: Option<Ack>,
}

/// An alert that was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckedLine {
    /// Its number.
    pub id: u64,
    /// Its kind.
    pub kind: String,
    /// Its severity.
    pub severity: Severity,
    /// Its first line.
    pub title: String,
}

/// What channels gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// By channel, the newest first.
    pub dead: Vec<DeadLine>,
}

/// An alert a channel gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLine {
    /// The channel.
    pub channel: String,
    /// Its number.
    pub id: u64,
    /// When it was raised.
    pub at: Timestamp,
    /// Its kind.
    pub kind: String,
    /// Its severity.
    pub severity: Severity,
    /// Its first line.
    pub title: String,
    /// Attempts made.
    pub attempts: u32,
    /// The last error.
    pub last_error: Option<String>,
}

/// Answers what only reads.
pub(super) fn read(tx: &impl Read, now: Timestamp, request: &Request) -> Result<Value, StoreError> {
    match request {
        Request::AlertsDead => document(&dead(tx)?),
        Request::Alerts { count } => document(&list(tx, *count, now)?),
        _ => Err(StoreError::Refused("not a request about alerts".to_owned())),
    }
}

/// Does what only changes rows, with or without a daemon.
pub async fn write(
    store: &Store,
    request: Request,
    by: &str,
    now: Timestamp,
) -> Result<Value, String> {
    let by = by.to_owned();
    let done = store.write(move |tx| match &request {
        Request::AlertsAck { id } => document(&acknowledge(tx, *id, &by, now)?),
        Request::Mute { kind, minutes } => {
            document(&mute::set(tx, kind.as_deref(), *minutes, &by, now)?)
        }
        _ => Err(StoreError::Refused("not a request about alerts".to_owned())),
    });
    done.await.map_err(|error| error.to_string())
}

/// Sends one of each kind to each channel.
pub async fn test(rt: &Runtime, channels: &[Arc<dyn Channel>]) -> Result<Value, String> {
    document(&probe(rt, channels).await).map_err(|error| error.to_string())
}

fn list(tx: &impl Read, count: usize, now: Timestamp) -> Result<Alerts, StoreError> {
    let newest = tx.last(&OUTBOX, "", count.min(ALERTS_MOST))?;
    let mut alerts = Vec::new();
    for (key, row) in &newest {
        let alert = render(key.parse().unwrap_or(0), row);
        let mut line = AlertLine {
            id: alert.id,
            at: alert.at,
            kind: alert.kind,
            severity: alert.severity,
            title: alert.title,
            text: alert.text,
            key: alert.key,
            state: State::Told,
            acknowledged_by: None,
            acknowledged_at: None,
            over_why: None,
            folded_into: None,
            repeats: 0,
            told: Vec::new(),
        };
        if let Some(kept) = tx.get_readable(&ALERTS, key)? {
            stand(tx, &mut line, kept)?;
        } else if line.severity > Severity::Info {
            // Raised, and not routed yet, or so old that its row was given up.
            line.state = State::Open;
        }
        alerts.push(line);
    }
    Ok(Alerts { open: open_now(tx)?, alerts, mutes: mute::in_force(tx, now)? })
}

/// How many alerts are open.
fn open_now(tx: &impl Read) -> Result<usize, StoreError> {
    let mut open = 0;
    for (_, number) in tx.readable(&MATTERS, "")?.0 {
        let kept = tx.get_readable(&ALERTS, &number_key(number))?;
        open += usize::from(kept.is_some_and(|kept| kept.is_open()));
    }
    Ok(open)
}

fn stand(tx: &impl Read, line: &mut AlertLine, kept: Kept) -> Result<(), StoreError> {
    let kept = match kept.standing {
        Standing::Folded { into } => {
            line.folded_into = Some(into);
            tx.get_readable(&ALERTS, &number_key(into))?.unwrap_or(kept)
        }
        _ => kept,
    };
    line.state = match kept.standing {
        Standing::Open => State::Open,
        Standing::Acknowledged { by, at } => {
            (line.acknowledged_by, line.acknowledged_at) = (Some(by), Some(at));
            State::Acknowledged
        }
        Standing::Over { why, .. } => {
            line.over_why = Some(why);
            State::Over
        }
        Standing::Folded { .. } => State::Over,
    };
    line.repeats = kept.repeats;
    line.told = kept.told;
    Ok(())
}

/// Acknowledges one alert; without a number all that are open, and the newest daily report.
fn acknowledge(
    tx: &mut WriteTx,
    id: Option<u64>,
    by: &str,
    now: Timestamp,
) -> Result<Acked, StoreError> {
    let line = |(id, kept): (u64, Kept)| {
        let alert = kept.alert;
        AckedLine { id, kind: alert.kind, severity: alert.severity, title: alert.title }
    };
    let alerts = open::acknowledge(tx, id, by, now)?.into_iter().map(line).collect();
    let kept = !tx.last(&REPORTS, &format!("{}/", Period::Daily), 1)?.is_empty();
    let report = if id.is_none() && kept { Some(stage::acknowledge(tx, by, now)?) } else { None };
    Ok(Acked { alerts, report })
}

fn dead(tx: &impl Read) -> Result<Dead, StoreError> {
    let line = |(key, row): (String, crate::alert::dispatch::Waiting)| DeadLine {
        channel: key.rsplit_once('/').map_or(key.as_str(), |(channel, _)| channel).to_owned(),
        id: row.alert.id,
        at: row.alert.at,
        kind: row.alert.kind,
        severity: row.alert.severity,
        title: row.alert.title,
        attempts: row.attempts,
        last_error: row.last_error,
    };
    let mut dead: Vec<DeadLine> = tx.readable(&DEAD, "")?.0.into_iter().map(line).collect();
    dead.sort_by(|a, b| (&a.channel, b.id).cmp(&(&b.channel, a.id)));
    Ok(Dead { dead })
}
