//! The channels with the rules they are told by, and the lines to them.

use std::sync::Arc;

use super::{
    line::{Asked, To, line_of},
    pick::Lane,
};
use crate::{
    alert::{Alert, Channel, lifeline::Health, route::Rules},
    config::voice::{LOG, Mode},
    vital::Turns,
};

/// The loop that puts alerts before the channels.
const ROUTER: &str = "the alerts' router";
/// The loops to receivers are named so.
const TO: [&str; 2] = ["critical alerts to ", "alerts to "];

/// Whether a loop is one that delivers alerts.
pub fn delivers(name: &str) -> bool {
    name == ROUTER || TO.iter().any(|to| name.starts_with(to))
}

/// The channels with the rules they are told by.
pub struct Voice {
    /// The rules.
    pub rules: Arc<Rules>,
    /// Every channel, in the order warnings escalate by; the log is no part of that order.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Who is told when something of it does not go on.
    pub health: Arc<Health>,
    loops: Vec<(String, Arc<Turns>)>,
    /// Until when receivers asked to wait, by line, on the steady clock.
    asked: Asked,
}

impl Voice {
    /// The voice of settings, over channels in their order.
    pub fn new(rules: Rules, channels: Vec<Arc<dyn Channel>>) -> Arc<Self> {
        Self::heard_by(rules, channels, Arc::default())
    }

    /// The same; what does not go on is told to `health`.
    pub fn heard_by(
        rules: Rules,
        channels: Vec<Arc<dyn Channel>>,
        health: Arc<Health>,
    ) -> Arc<Self> {
        let mut voice = Self {
            rules: Arc::new(rules),
            channels,
            health,
            loops: Vec::new(),
            asked: Asked::default(),
        };
        let name = |to: &To| match to.lane {
            Lane::Urgent => format!("{}{}", TO[0], to.line()),
            Lane::Rest => format!("{}{}", TO[1], to.line()),
        };
        let names = voice.lines().iter().map(name).collect::<Vec<_>>();
        let names = std::iter::once(ROUTER.to_owned()).chain(names);
        voice.loops = names.map(|name| (name, Arc::default())).collect();
        Arc::new(voice)
    }

    /// The loops that must go on for alerts to be delivered, by name: the router, then the lines.
    pub fn loops(&self) -> &[(String, Arc<Turns>)] {
        &self.loops
    }

    /// Every line: to each receiver of each channel, one for each lane.
    pub(super) fn lines(&self) -> Vec<To> {
        let mut lines = Vec::new();
        for channel in &self.channels {
            for receiver in receivers(channel.as_ref()) {
                for lane in [Lane::Urgent, Lane::Rest] {
                    let (channel, receiver) = (Arc::clone(channel), receiver.clone());
                    lines.push(To { channel, receiver, lane, asked: self.asked.clone() });
                }
            }
        }
        lines
    }

    /// The names of the lines of a channel; both lanes of a receiver have the same.
    pub(super) fn lines_of(&self, name: &str) -> Vec<String> {
        let channel = self.channels.iter().find(|channel| channel.name() == name);
        let receivers = channel.map(|channel| receivers(channel.as_ref())).unwrap_or_default();
        receivers.iter().map(|receiver| line_of(name, receiver.as_deref())).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.channels.iter().map(|channel| channel.name().to_owned()).collect()
    }

    /// The names of channels, of which `wanted` says which.
    pub(super) fn wanting(&self, wanted: &[bool]) -> Vec<&str> {
        let both = self.channels.iter().zip(wanted);
        both.filter(|(_, wanted)| **wanted).map(|(channel, _)| channel.name()).collect()
    }

    /// Who takes an alert, in the order of escalation, the log left out.
    pub(super) fn chain(&self, alert: &Alert) -> Vec<String> {
        let takes = |channel: &&Arc<dyn Channel>| {
            channel.name() != LOG
                && channel.takes(alert)
                && self.rules.mode(channel.name(), alert) != Mode::Off
        };
        self.channels.iter().filter(takes).map(|channel| channel.name().to_owned()).collect()
    }
}

/// The receivers of a channel; one without a name where it is one itself.
fn receivers(channel: &dyn Channel) -> Vec<Option<String>> {
    let named = channel.receivers();
    if named.is_empty() { vec![None] } else { named.into_iter().map(Some).collect() }
}
