//! When nothing can be heard: told once, and once more when it is over.

use chrono::TimeDelta;

use crate::{
    alert::telegram::api::Fault,
    clock::{Runtime, Timestamp},
    notice::{Notice, raise},
    store::Store,
};

/// The name of this ear in its notices.
const EAR: &str = "telegram";
/// Conflicts in a row before anyone is told: after a restart Telegram may still hold the poll of the
/// life before.
const CONFLICTS_TOLD: u32 = 2;

/// How long is waited before it is told of.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// No answer at all for so long is told of.
    pub silence: TimeDelta,
    /// No conflict for so long: the other instance is gone.
    pub conflict_over: TimeDelta,
}

/// What stands in the way.
#[derive(Debug, Default)]
pub struct Outage {
    bounds: Option<Bounds>,
    since: Option<Timestamp>,
    conflicts: u32,
    last_conflict: Option<Timestamp>,
    told: bool,
}

impl Outage {
    /// Nothing does, yet.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds: Some(bounds), ..Self::default() }
    }

    /// A poll came to nothing; gives what is to be told, the first time that it is due.
    pub fn goes_on(&mut self, now: Timestamp, fault: &Fault) -> Option<Notice> {
        let since = *self.since.get_or_insert(now);
        if let Fault::Conflict(_) = fault {
            self.conflicts += 1;
            self.last_conflict = Some(now);
        }
        let silence = self.bounds.map_or(TimeDelta::zero(), |bounds| bounds.silence);
        let due = match fault {
            Fault::Conflict(_) => self.conflicts >= CONFLICTS_TOLD,
            Fault::Token(_) | Fault::Refused { .. } => true,
            _ => now - since >= silence,
        };
        if self.told || !due {
            return None;
        }
        self.told = true;
        let reason = match fault {
            Fault::Conflict(words) => format!(
                "another instance asks for updates with the same token; stop one of them ({words})"
            ),
            fault => fault.to_string(),
        };
        Some(Notice::EarDeaf { ear: EAR.to_owned(), since, reason })
    }

    /// A poll was answered; gives what is to be told when an outage that was told of is over.
    pub fn answered(&mut self, now: Timestamp) -> Option<Notice> {
        let over = self.bounds.map_or(TimeDelta::zero(), |bounds| bounds.conflict_over);
        if self.last_conflict.is_some_and(|at| now - at < over) {
            return None; // the two take turns
        }
        let (since, told) = (self.since.take()?, self.told);
        (self.conflicts, self.last_conflict, self.told) = (0, None, false);
        told.then(|| Notice::EarBack { ear: EAR.to_owned(), since })
    }
}

/// Raises a notice beside the poll: a store that hangs makes nobody deaf.
pub fn tell(rt: &Runtime, store: &Store, notice: Option<Notice>) {
    let Some(notice) = notice else { return };
    let (store, now) = (store.clone(), rt.now());
    rt.spawn(async move {
        if let Err(error) = store.write(move |tx| raise(tx, now, notice)).await {
            tracing::error!("what became of the Telegram bot cannot be told: {error}");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        "2024-08-02T14:30:00Z".parse::<Timestamp>().unwrap() + TimeDelta::seconds(seconds)
    }

    fn outage() -> Outage {
        let (silence, conflict_over) = (TimeDelta::minutes(5), TimeDelta::minutes(2));
        Outage::new(Bounds { silence, conflict_over })
    }

    #[test]
    fn a_second_instance_is_told_once_and_once_more_when_it_is_gone() {
        let (mut outage, conflict) = (outage(), Fault::Conflict("terminated".to_owned()));
        assert_eq!(outage.goes_on(at(0), &conflict), None, "it may be the life before");
        assert_eq!(outage.answered(at(1)), None);
        let told = outage.goes_on(at(2), &conflict);
        assert!(matches!(told, Some(Notice::EarDeaf { since, .. }) if since == at(0)));
        assert_eq!(outage.goes_on(at(4), &conflict), None);
        assert_eq!(outage.answered(at(100)), None, "it may come again");
        let over = outage.answered(at(125));
        assert!(matches!(over, Some(Notice::EarBack { since, .. }) if since == at(0)));
        assert_eq!(outage.answered(at(200)), None);
    }

    #[test]
    fn a_short_outage_is_not_told_and_a_long_one_once() {
        let (mut outage, down) = (outage(), Fault::Down("refused".to_owned()));
        assert_eq!(outage.goes_on(at(0), &down), None);
        assert_eq!(outage.answered(at(200)), None);
        assert_eq!(outage.goes_on(at(300), &down), None);
        assert!(outage.goes_on(at(600), &down).is_some());
        assert_eq!(outage.goes_on(at(700), &down), None);
        assert!(outage.answered(at(800)).is_some());
    }

    #[test]
    fn a_wrong_token_is_told_at_once() {
        let told = outage().goes_on(at(0), &Fault::Token("Unauthorized".to_owned()));
        let Some(Notice::EarDeaf { reason, .. }) = told else { panic!("nothing told") };
        assert_eq!(reason, "Telegram does not know the token (Unauthorized)");
    }
}
