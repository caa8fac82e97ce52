//! The ways commands come in by, beside the socket; all ask one console.

use std::sync::Arc;

use crate::{
    alert::telegram,
    clock::Runtime,
    config::voice::VoiceSettings,
    control::{
        console::{Codes, Console},
        mail::Inbox,
        socket::Handler,
        telegram::{Ear, Figures},
        totp,
    },
    store::Store,
};

/// Opens every ear the settings name.
///
/// # Errors
/// In words: the setting, the place of the secret, never the secret.
pub fn open(
    rt: &Runtime,
    store: &Store,
    voice: &VoiceSettings,
    handler: Arc<dyn Handler>,
) -> Result<(), String> {
    let codes = totp::of(voice, store)?;
    let spend = codes.clone().map(|codes| codes as Arc<dyn Codes>);
    let console = Console::new(rt.clone(), handler, spend);
    if let (Some(inbox), Some(codes)) = (Inbox::of(rt, voice)?, codes) {
        inbox.start(rt, store, codes, Arc::clone(&console));
    }
    if let Some(settings) = &voice.telegram {
        let (api, store) = (telegram::bot(settings)?, store.clone());
        let (settings, figures) = (settings.clone(), Figures::default());
        Ear::new(rt, store, api, settings, Arc::clone(&console), figures).start();
    }
    Ok(())
}
