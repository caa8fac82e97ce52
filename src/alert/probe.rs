//! `alerts test`: one alert of each kind to each channel, past routes, quiet hours and escalation,
//! and how each went. Nothing of it is written to the store, so no real alert waits behind it.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::{FutureExt as _, future::join_all};
use serde::{Deserialize, Serialize};

use super::{Alert, Channel, Outgoing, SendError, render, samples::samples};
use crate::{
    clock::{Runtime, Timestamp},
    notice::{OutboxRow, Severity},
};

/// One alert is given so long, …
const SEND_WAIT: TimeDelta = TimeDelta::seconds(15);
/// … and a channel so long for all of them; channels are tested beside each other.
const CHANNEL_WAIT: TimeDelta = TimeDelta::seconds(90);

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// When it began.
    pub at: Timestamp,
    /// Whether nothing failed.
    pub passed: bool,
    /// Every channel, the log first.
    pub channels: Vec<ChannelTested>,
}

/// How a channel did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelTested {
    /// Its name.
    pub channel: String,
    /// Alerts it took.
    pub sent: usize,
    /// Alerts it did not take, though it should.
    pub failed: usize,
    /// Every kind, in the order of docs/ALERTS.md.
    pub kinds: Vec<KindTested>,
}

/// How one alert did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTested {
    /// Its kind.
    pub kind: String,
    /// Its severity.
    pub severity: Severity,
    /// What became of it.
    pub result: Outcome,
    /// Why it failed.
    pub error: Option<String>,
}

/// What became of one alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The channel took it.
    Sent,
    /// The channel takes no such alerts: a webhook's `least`.
    NotTaken,
    /// The channel did not take it, or there was no time left.
    Failed,
}

/// Sends one of each kind to each channel. Takes a minute and a half at most.
pub async fn probe(rt: &Runtime, channels: &[Arc<dyn Channel>]) -> Tested {
    let at = rt.now();
    let alerts = alerts(at);
    let tested = channels.iter().map(|channel| one(rt, channel.as_ref(), &alerts));
    let channels = join_all(tested).await;
    Tested { at, passed: channels.iter().all(|channel| channel.failed == 0), channels }
}

/// One alert of each kind, marked as a test. Their numbers lie beyond those of the outbox and differ
/// from test to test: a receiver that drops what it has seen takes each.
fn alerts(at: Timestamp) -> Vec<Alert> {
    let base = u64::try_from(at.timestamp_micros()).unwrap_or(0);
    let alert = |(number, notice)| {
        let alert = render(base.saturating_add(number), &OutboxRow { at, notice });
        Alert {
            title: format!("Test: {}", alert.title),
            text: format!("This is a test of the channel; nothing is to be done.\n{}", alert.text)
                .trim_end()
                .to_owned(),
            key: format!("test:{}", alert.kind),
            ..alert
        }
    };
    (0..).zip(samples(at)).map(alert).collect()
}

async fn one(rt: &Runtime, channel: &dyn Channel, alerts: &[Alert]) -> ChannelTested {
    let until = rt.now() + CHANNEL_WAIT;
    let mut kinds = Vec::new();
    for alert in alerts {
        let (result, error) = if channel.takes(alert) {
            match sent(rt, channel, alert, until).await {
                Ok(()) => (Outcome::Sent, None),
                Err(why) => (Outcome::Failed, Some(why)),
            }
        } else {
            (Outcome::NotTaken, None)
        };
        let (kind, severity) = (alert.kind.clone(), alert.severity);
        kinds.push(KindTested { kind, severity, result, error });
    }
    let count = |of| kinds.iter().filter(|kind| kind.result == of).count();
    let (sent, failed) = (count(Outcome::Sent), count(Outcome::Failed));
    ChannelTested { channel: channel.name().to_owned(), sent, failed, kinds }
}

/// Sends one alert; where the receiver asks to wait, once more for each time it does.
async fn sent(
    rt: &Runtime,
    channel: &dyn Channel,
    alert: &Alert,
    until: Timestamp,
) -> Result<(), String> {
    let out = Outgoing::one(alert.clone());
    loop {
        let left = until - rt.now();
        if left <= TimeDelta::zero() {
            return Err(format!("not sent: the {} s are over", CHANNEL_WAIT.num_seconds()));
        }
        let wait = left.min(SEND_WAIT);
        let sending = AssertUnwindSafe(channel.send(&out)).catch_unwind();
        match rt.timeout(wait, sending).await {
            Some(Ok(Ok(()))) => return Ok(()),
            Some(Ok(Err(SendError::RetryAfter { after, why }))) => {
                let pause = after.max(TimeDelta::milliseconds(100));
                if rt.now() + pause >= until {
                    return Err(why);
                }
                rt.sleep(pause).await;
            }
            Some(Ok(Err(error))) => return Err(error.to_string()),
            Some(Err(_)) => return Err("the channel panicked".to_owned()),
            None => return Err(format!("no answer within {} s", wait.num_seconds())),
        }
    }
}

impl Tested {
    /// Results of a kind by channel, for a table.
    pub fn by_kind(&self) -> BTreeMap<usize, Vec<&KindTested>> {
        let mut rows: BTreeMap<usize, Vec<&KindTested>> = BTreeMap::new();
        for channel in &self.channels {
            for (place, kind) in channel.kinds.iter().enumerate() {
                rows.entry(place).or_default().push(kind);
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::{clock::VirtualWorld, config::voice::KINDS};

    /// Takes, refuses, hangs or asks to wait, as its name says.
    struct Odd(&'static str, Mutex<Vec<Alert>>);

    #[async_trait]
    impl Channel for Odd {
        fn name(&self) -> &str {
            self.0
        }
        fn takes(&self, alert: &Alert) -> bool {
            self.0 != "urgent" || alert.severity == Severity::Critical
        }
        async fn send(&self, out: &Outgoing) -> Result<(), SendError> {
            match self.0 {
                "hangs" => return std::future::pending().await,
                "panics" => panic!("planted"),
                "waits" if self.1.lock().unwrap().is_empty() => {
                    self.1.lock().unwrap().extend(out.alerts.clone());
                    let (after, why) = (TimeDelta::seconds(30), "429".to_owned());
                    return Err(SendError::RetryAfter { after, why });
                }
                _ => {}
            }
            self.1.lock().unwrap().extend(out.alerts.clone());
            Ok(())
        }
    }

    #[test]
    fn every_channel_is_told_of_apart_and_none_takes_longer_than_its_time() {
        let names = ["takes", "hangs", "panics", "waits", "urgent"];
        let odd = names.map(|name| Arc::new(Odd(name, Mutex::default())));
        let channels: Vec<Arc<dyn Channel>> =
            odd.iter().map(|odd| Arc::clone(odd) as Arc<dyn Channel>).collect();
        let mut world = VirtualWorld::new("2024-08-02T13:30:00Z".parse().unwrap());
        let rt = world.runtime();
        let (tested, took) = world
            .run(async move {
                let begun = rt.now();
                let tested = probe(&rt, &channels).await;
                (tested, rt.now() - begun)
            })
            .unwrap();
        assert_eq!(took, CHANNEL_WAIT);
        assert!(!tested.passed);
        let all = KINDS.len();
        let counts = tested.channels.iter().map(|channel| (channel.sent, channel.failed));
        let critical = tested.channels[0].kinds.iter();
        let critical = critical.filter(|kind| kind.severity == Severity::Critical).count();
        let wanted = [(all, 0), (0, all), (0, all), (all, 0), (critical, 0)];
        assert_eq!(counts.collect::<Vec<_>>(), wanted);
        let errors = |place: usize| tested.channels[place].kinds[0].error.clone().unwrap();
        assert_eq!(errors(1), "no answer within 15 s");
        assert_eq!(errors(2), "the channel panicked");
        let seen = odd[0].1.lock().unwrap();
        assert!(seen.iter().all(|alert| alert.title.starts_with("Test: ")));
        assert!(seen.windows(2).all(|pair| pair[0].id < pair[1].id), "each is new to a receiver");
        let numbers = seen.iter().map(|alert| alert.id).min();
        assert!(numbers > Some(1_000_000_000_000), "beyond those of the outbox");
    }
}
