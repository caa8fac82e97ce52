//! How the ways are that commands come in by, beside the socket.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    config::voice::{EMAIL, TELEGRAM, VoiceSettings},
    control::{
        mail::{ledger, state::State},
        telegram::Counts,
    },
    store::{Read, StoreError},
};

/// The ears of a running daemon.
#[derive(Debug, Default)]
pub struct Heard {
    /// Commands by mail.
    pub mail: Option<Arc<State>>,
    /// Commands by Telegram.
    pub telegram: Option<Arc<Counts>>,
}

/// A way that commands come in by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarLine {
    /// `email`, `telegram`.
    pub name: String,
    /// It is heard; `None` when no daemon runs, or it has not begun.
    pub hears: Option<bool>,
    /// The last answer of the server.
    pub answered_at: Option<Timestamp>,
    /// Since when it does not answer.
    pub failing_since: Option<Timestamp>,
    /// Why it does not, or did not last.
    pub last_error: Option<String>,
    /// What became of what came, by its name: by mail since the store began, by Telegram since the
    /// daemon did.
    pub counts: BTreeMap<String, u64>,
}

/// Every ear the settings name.
pub fn lines(
    tx: &impl Read,
    voice: &VoiceSettings,
    heard: Option<&Heard>,
) -> Result<Vec<EarLine>, StoreError> {
    let mut lines = Vec::new();
    if voice.inbox.is_some() {
        let state = heard.and_then(|heard| heard.mail.as_deref());
        lines.push(mail(state, ledger::counts(tx)?));
    }
    if voice.telegram.is_some() {
        lines.push(telegram(heard.and_then(|heard| heard.telegram.as_deref())));
    }
    Ok(lines)
}

fn mail(state: Option<&State>, mut counts: BTreeMap<String, u64>) -> EarLine {
    let hearing = state.map(State::hearing).unwrap_or_default();
    if hearing.unwritten > 0 {
        let unwritten = u64::try_from(hearing.unwritten).unwrap_or(u64::MAX);
        counts.insert("wait_for_the_store".to_owned(), unwritten);
    }
    EarLine {
        name: EMAIL.to_owned(),
        hears: hears(hearing.looked_at, hearing.failing_since),
        answered_at: hearing.looked_at,
        failing_since: hearing.failing_since,
        last_error: hearing.store_error.or(hearing.last_error),
        counts,
    }
}

fn telegram(counts: Option<&Counts>) -> EarLine {
    let (answered_at, failure) = counts.map(Counts::answered).unwrap_or_default();
    let failing_since = failure.as_ref().map(|(since, _)| *since);
    let count = |counts: &Counts| {
        let all = [
            ("heard", &counts.heard),
            ("strangers", &counts.strangers),
            ("late", &counts.late),
            ("repeated", &counts.repeated),
            ("panics", &counts.panics),
        ];
        all.map(|(name, count)| (name.to_owned(), count.load(Ordering::Relaxed))).into()
    };
    EarLine {
        name: TELEGRAM.to_owned(),
        hears: hears(answered_at, failing_since),
        answered_at,
        failing_since,
        last_error: failure.map(|(_, why)| why),
        counts: counts.map(count).unwrap_or_default(),
    }
}

/// Heard as long as the last word of the server is an answer.
fn hears(answered_at: Option<Timestamp>, failing_since: Option<Timestamp>) -> Option<bool> {
    match (answered_at, failing_since) {
        (None, None) => None,
        (_, failing) => Some(failing.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// Settings with an inbox and a bot.
    fn voice() -> VoiceSettings {
        let text = r#"
            [telegram]
            token = { env = "T" }
            owners = [1]
            chats = [{ id = 1 }]
            [inbox]
            senders = ["owner@example.org"]
            server = { host = "localhost", security = "none" }
        "#;
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_ear_says_whether_it_is_heard_and_what_became_of_what_came() {
        let store = Store::in_memory().unwrap();
        let count = |tx: &mut crate::store::WriteTx| ledger::count(tx, "accepted_halt");
        futures::executor::block_on(store.write(count)).unwrap();
        let of = |heard| store.read(|tx| lines(tx, &voice(), heard)).unwrap();
        let counts = BTreeMap::from([("accepted_halt".to_owned(), 1)]);
        let [mail, telegram] = of(None).try_into().unwrap();
        assert_eq!((mail.name.as_str(), mail.hears, &mail.counts), ("email", None, &counts));
        assert_eq!((telegram.name.as_str(), telegram.hears), ("telegram", None));
        let heard = Heard { mail: Some(Arc::default()), telegram: Some(Arc::default()) };
        assert_eq!(of(Some(&heard))[0].hears, None, "it has not begun");
        let at = "2024-08-02T14:30:00Z".parse().unwrap();
        let later = "2024-08-02T14:35:00Z".parse().unwrap();
        let state = heard.mail.clone().unwrap();
        state.looked(at);
        state.waiting(3);
        let mail = of(Some(&heard)).remove(0);
        assert_eq!((mail.hears, mail.answered_at, mail.last_error), (Some(true), Some(at), None));
        assert_eq!(mail.counts["wait_for_the_store"], 3);
        state.failed(later, "no route");
        let mail = of(Some(&heard)).remove(0);
        assert_eq!((mail.hears, mail.failing_since), (Some(false), Some(later)));
        assert_eq!(mail.last_error.as_deref(), Some("no route"));
        assert_eq!(of(Some(&heard))[1].counts["strangers"], 0);
    }
}
