//! Who is told, and with a sound or without: pure, from settings, mutes and the instant.
//!
//! What is critical goes out by every channel, with its sound, whatever routes, quiet hours and
//! mutes say. In quiet hours, and while it is muted, any other alert goes out without a sound where
//! the channel can do that (Telegram, ntfy, Discord), and waits for their end where it cannot: a mail or a
//! chat message at four in the morning wakes its owner as well as an alarm does, and nothing that
//! may wait for the morning is worth that. The log takes everything at once: it makes no sound.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Timelike as _};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Alert;
use crate::{
    clock::Timestamp,
    config::voice::{Escalation, LOG, Mode, Quiet, Route, VoiceSettings},
    notice::Severity,
};

/// No zone skips more of the wall clock than this at once.
const GAP_MOST_MINUTES: i64 = 24 * 60;
/// Quiet hours and mutes that lie end to end are followed so far.
const ENDS_MOST: usize = 16;

/// A kind of alert, or every kind, without a sound for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// The kind; every kind when absent.
    pub kind: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Until then.
    pub until: Timestamp,
    /// Who asked for it.
    pub by: String,
}

impl Mute {
    /// Whether it keeps an alert still at an instant.
    fn stills(&self, alert: &Alert, now: Timestamp) -> bool {
        now < self.until && self.kind.as_ref().is_none_or(|kind| *kind == alert.kind)
    }
}

/// How an alert goes out by a channel at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With its sound.
    Sound,
    /// Without one.
    Silent,
    /// Not by this channel.
    Off,
    /// Not before this instant; then it is asked again.
    Later(Timestamp),
}

/// The settings that say who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    routes: BTreeMap<String, Route>,
    quiet: Option<Quiet>,
    /// What happens to alerts nobody acknowledges.
    pub escalation: Escalation,
}

impl Rules {
    /// The rules of the settings.
    pub fn of(voice: &VoiceSettings) -> Self {
        let VoiceSettings { routes, quiet, escalation, .. } = voice;
        Self { routes: routes.clone(), quiet: *quiet, escalation: *escalation }
    }

    /// How a channel is told of an alert, by routes alone.
    pub fn mode(&self, channel: &str, alert: &Alert) -> Mode {
        let route = self.routes.get(channel);
        route.map_or_else(Mode::default, |route| route.mode(alert.severity, &alert.kind))
    }

    /// How an alert goes out by a channel now; `hushes`: the channel can send without a sound.
    pub fn way(
        &self,
        channel: &str,
        hushes: bool,
        alert: &Alert,
        mutes: &[Mute],
        now: Timestamp,
    ) -> Way {
        let still = if channel == LOG { None } else { self.still_until(alert, mutes, now) };
        match (self.mode(channel, alert), still) {
            (Mode::Off, _) => Way::Off,
            (_, Some(until)) if !hushes => Way::Later(until),
            (Mode::Silent, _) | (_, Some(_)) => Way::Silent,
            (Mode::On, None) => Way::Sound,
        }
    }

    /// Until when an alert makes no sound: the end of the quiet hours, or of the mute that ends
    /// last; `None` when it may. What is critical always may.
    pub fn still_until(&self, alert: &Alert, mutes: &[Mute], now: Timestamp) -> Option<Timestamp> {
        if alert.severity == Severity::Critical {
            return None;
        }
        let muted = mutes.iter().filter(|mute| mute.stills(alert, now)).map(|mute| mute.until);
        muted.chain(self.quiet.and_then(|quiet| quiet_until(quiet, now))).max()
    }

    /// The first instant from `at` on at which an alert may make a sound.
    pub fn audible(&self, alert: &Alert, mutes: &[Mute], mut at: Timestamp) -> Timestamp {
        for _ in 0..ENDS_MOST {
            match self.still_until(alert, mutes, at) {
                Some(until) => at = until,
                None => break,
            }
        }
        at
    }
}

/// The end of the quiet hours that hold at an instant. They are civil hours: over a clock change
/// they are longer or shorter. A time the clock skips is the first instant after the gap; of a time
/// that comes twice they begin with the first and end with the second.
fn quiet_until(quiet: Quiet, now: Timestamp) -> Option<Timestamp> {
    let today = now.with_timezone(&quiet.zone).date_naive();
    [today.pred_opt(), Some(today)].into_iter().flatten().find_map(|day| {
        let ends = if quiet.to > quiet.from { day } else { day.succ_opt()? };
        let (from, _) = instants(quiet.zone, day.and_time(quiet.from))?;
        let (_, to) = instants(quiet.zone, ends.and_time(quiet.to))?;
        (from <= now && now < to).then_some(to)
    })
}

/// The first and the last instant of a civil time.
fn instants(zone: Tz, civil: NaiveDateTime) -> Option<(Timestamp, Timestamp)> {
    let both = |civil: &NaiveDateTime| {
        let found = zone.from_local_datetime(civil);
        Some((found.earliest()?.to_utc(), found.latest()?.to_utc()))
    };
    both(&civil).or_else(|| {
        let minute = NaiveTime::from_hms_opt(civil.hour(), civil.minute(), 0)?;
        let from = civil.date().and_time(minute);
        let after = |minutes| from.checked_add_signed(TimeDelta::minutes(minutes));
        (1..=GAP_MOST_MINUTES).find_map(|minutes| both(&after(minutes)?))
    })
}

#[cfg(test)]
mod tests;
