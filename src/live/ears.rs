//! The ways commands come in by, beside the socket; all ask one console.

use std::sync::Arc;

use crate::{
    alert::telegram::{self, api::Api},
    clock::Runtime,
    config::voice::{TelegramSettings, VoiceSettings},
    control::{
        console::{Codes, Console},
        house::ears::Heard,
        mail::Inbox,
        socket::Handler,
        telegram::{Ear, Figures},
        totp::{self, TimeCodes},
    },
    store::Store,
};

/// Every ear that settings name, with its secrets read; none listens yet.
pub(super) struct Ears {
    codes: Option<Arc<TimeCodes>>,
    inbox: Option<Inbox>,
    bot: Option<(Api, TelegramSettings)>,
}

impl Ears {
    /// The ears of settings.
    ///
    /// # Errors
    /// In words: the setting, the place of the secret, never the secret.
    pub fn of(rt: &Runtime, store: &Store, voice: &VoiceSettings) -> Result<Self, String> {
        let bot = voice.telegram.as_ref();
        let bot = bot.map(|settings| Ok::<_, String>((telegram::bot(settings)?, settings.clone())));
        Ok(Self {
            codes: totp::of(voice, store)?,
            inbox: Inbox::of(rt, store, voice)?,
            bot: bot.transpose()?,
        })
    }

    /// Listens from now on; gives how each is, for who asks.
    pub fn open(self, rt: &Runtime, store: &Store, handler: Arc<dyn Handler>) -> Heard {
        let Self { codes, inbox, bot } = self;
        let mut heard = Heard::default();
        let spend = codes.clone().map(|codes| codes as Arc<dyn Codes>);
        let console = Console::new(rt.clone(), handler, spend);
        if let (Some(inbox), Some(codes)) = (inbox, codes) {
            heard.mail = Some(inbox.state());
            inbox.start(rt, store, codes, Arc::clone(&console));
        }
        if let Some((api, settings)) = bot {
            let ear = Ear::new(rt, store.clone(), api, settings, console, Figures::default());
            heard.telegram = Some(Arc::clone(&ear.counts));
            ear.start();
        }
        heard
    }
}
