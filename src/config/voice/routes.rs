//! Who is told what, and when: routes, quiet hours, escalation.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{KINDS, Severity};

/// How a kind of alert goes out by a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Sent.
    #[default]
    On,
    /// Sent without a sound where the channel can; elsewhere like `on`.
    Silent,
    /// Not sent.
    Off,
}

/// What a channel is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Alerts for the record.
    #[serde(default = "on")]
    pub info: Mode,
    /// Alerts that need a look.
    #[serde(default = "on")]
    pub warning: Mode,
    /// Single kinds, over the two above. What is critical goes everywhere and cannot be turned off.
    #[serde(default)]
    pub kinds: BTreeMap<String, Mode>,
}

const fn on() -> Mode {
    Mode::On
}

impl Default for Route {
    fn default() -> Self {
        Self { info: Mode::On, warning: Mode::On, kinds: BTreeMap::new() }
    }
}

impl Route {
    /// How an alert goes out.
    pub fn mode(&self, severity: Severity, kind: &str) -> Mode {
        match severity {
            Severity::Critical => Mode::On,
            _ if self.kinds.contains_key(kind) => self.kinds[kind],
            Severity::Warning => self.warning,
            Severity::Info => self.info,
        }
    }
}

/// Hours in which only what is critical makes a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// From this time of day on.
    pub from: NaiveTime,
    /// Until this one, of the next day where it is earlier.
    pub to: NaiveTime,
    /// In this zone.
    pub zone: Tz,
}

impl Quiet {
    pub(super) fn faults(&self) -> Vec<String> {
        let same = self.from == self.to;
        same.then(|| format!("voice.quiet.to = {}: must differ from `from`", self.to))
            .into_iter()
            .collect()
    }
}

/// What happens to alerts nobody acknowledges (design §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// A warning goes to the next channel after so many minutes without an acknowledgement; 0
    /// turns this off, and a warning goes to every channel at once.
    #[serde(default = "ten")]
    pub warning_minutes: u32,
    /// A critical alert is told again each so many minutes until it is acknowledged.
    #[serde(default = "five")]
    pub critical_minutes: u32,
    /// More alerts than this within a minute go out as one digest by channels that can; what is
    /// critical never does.
    #[serde(default = "eight")]
    pub burst: u32,
}

const fn ten() -> u32 {
    10
}
const fn five() -> u32 {
    5
}
const fn eight() -> u32 {
    8
}

impl Default for Escalation {
    fn default() -> Self {
        Self { warning_minutes: ten(), critical_minutes: five(), burst: eight() }
    }
}

impl Escalation {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.warning_minutes > 1440 {
            faults.push(format!(
                "voice.escalation.warning_minutes = {}: must be 0 to 1440",
                self.warning_minutes
            ));
        }
        if !(1..=1440).contains(&self.critical_minutes) {
            faults.push(format!(
                "voice.escalation.critical_minutes = {}: must be 1 to 1440",
                self.critical_minutes
            ));
        }
        if !(2..=1000).contains(&self.burst) {
            faults.push(format!("voice.escalation.burst = {}: must be 2 to 1000", self.burst));
        }
        faults
    }
}

/// Routes of channels that are not there, and kinds that do not exist.
pub(super) fn faults(routes: &BTreeMap<String, Route>, channels: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, route) in routes {
        if !channels.contains(name) {
            faults.push(format!(
                "voice.routes.{name} = …: must be one of the channels in force: {}",
                channels.join(", ")
            ));
        }
        for kind in route.kinds.keys().filter(|kind| !KINDS.contains(&kind.as_str())) {
            faults.push(format!(
                "voice.routes.{name}.kinds.{kind} = …: must be a kind of alert: {}",
                KINDS.join(", ")
            ));
        }
    }
    faults
}
