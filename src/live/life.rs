//! The daemon's signs of life: to the service manager, and to the dead-man's switch.

use std::sync::Arc;

use chrono::TimeDelta;

use super::LiveError;
use crate::{
    alert::{
        dead_man::DeadMan,
        dispatch::Voice,
        heartbeat::Line,
        lifeline::{Health, Lifeline},
        manager::Manager,
        setup,
    },
    app::App,
    clock::Runtime,
    config::voice::VoiceSettings,
    store::{Store, StoreError},
    vital::Turns,
};

/// The longest the end of a daemon that failed waits for the switch to be told.
const FAIL_WAIT: TimeDelta = TimeDelta::seconds(5);

/// Who is told of this daemon's life.
pub(super) struct Life {
    rt: Runtime,
    manager: Arc<Manager>,
    switch: Option<Arc<DeadMan>>,
    health: Arc<Health>,
}

impl Life {
    /// By the settings; nothing is told yet.
    pub fn of(rt: &Runtime, voice: &VoiceSettings) -> Result<Self, LiveError> {
        let switch = setup::dead_man(rt, voice).map_err(LiveError::Channel)?.map(Arc::new);
        let manager = Arc::new(Manager::of_this_process());
        Ok(Self { rt: rt.clone(), manager, switch, health: Arc::default() })
    }

    /// What the job `heartbeat` works with.
    pub fn line(&self) -> Option<Line> {
        let switch = self.switch.clone()?;
        Some(Line { switch, health: Arc::clone(&self.health) })
    }

    /// Whether the loops live, for who asks.
    pub fn vital(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// The stores are ours: the daemon starts. The start does not wait for the switch.
    pub fn begins(&self) {
        self.manager.status("reconciling".to_owned());
        let Some(switch) = self.switch.clone() else { return };
        self.rt.spawn(async move {
            if let Err(error) = switch.start().await {
                tracing::warn!(%error, "the dead-man's switch is not told of the start");
            }
        });
    }

    /// The daemon is reconciled and runs; from now on its loops are watched.
    pub fn ready(&self, store: &Store, app: &App, voice: &Voice) {
        self.manager.ready();
        let lifeline = Lifeline {
            rt: self.rt.clone(),
            store: store.clone(),
            manager: Arc::clone(&self.manager),
            switch: self.switch.clone(),
            health: Arc::clone(&self.health),
        };
        let mut loops: Vec<(String, Arc<Turns>)> =
            app.desk.loops().into_iter().map(|(name, turns)| (name.to_owned(), turns)).collect();
        loops.push(("the schedule".to_owned(), app.scheduler.turns()));
        loops.extend(voice.loops().iter().cloned());
        let desk = Arc::clone(&app.desk);
        let status = move || {
            let books = if desk.is_reconciled() { "books agree" } else { "books do not agree" };
            format!("{}, {} positions open, {books}", desk.level().name(), desk.open_count())
        };
        self.rt.spawn(lifeline.watch(loops, status));
    }

    /// The daemon was asked to stop.
    pub fn stops(&self) {
        self.manager.stopping();
    }

    /// The daemon ends by an error: the switch is told, for a bounded time. One that ends because
    /// another runs already is no failure of that one.
    pub async fn failed(&self, error: &LiveError) {
        self.manager.status(format!("failed: {error}"));
        let (Some(switch), false) = (&self.switch, is_second(error)) else { return };
        match self.rt.timeout(FAIL_WAIT, switch.fail(&error.to_string())).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::warn!(%error, "the dead-man's switch is not told of the failure");
            }
            None => tracing::warn!("the dead-man's switch did not answer to the failure"),
        }
    }
}

fn is_second(error: &LiveError) -> bool {
    matches!(error, LiveError::Store(StoreError::Held { .. }))
}
