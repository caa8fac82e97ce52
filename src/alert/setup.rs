//! The channels that settings name, with their secrets read.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Alert, Channel, Enclosure, Enclosures, SendError,
    dead_man::DeadMan,
    email::{EmailChannel, Mailer},
    log::LogChannel,
    telegram::{self, Telegram},
    webhook::{Setup, Webhook},
};
use crate::{
    clock::Runtime,
    config::voice::{InboxSettings, TelegramSettings, VoiceSettings, WebhookSettings},
};

/// Every channel in force, the log first. What alerts point to comes from `enclosures`.
///
/// # Errors
/// In words: the setting, the place of the secret, never the secret.
pub fn channels(
    rt: &Runtime,
    voice: &VoiceSettings,
    enclosures: &Arc<dyn Enclosures>,
) -> Result<Vec<Arc<dyn Channel>>, String> {
    let mut channels: Vec<Arc<dyn Channel>> = vec![Arc::new(LogChannel)];
    if let Some(settings) = &voice.telegram {
        channels.push(Arc::new(bot(rt, settings, enclosures)?));
    }
    if let Some(settings) = &voice.email {
        let mailer = Mailer::new(settings, rt.clone())?;
        let inbox = voice.inbox.as_ref().map(|inbox| inbox_address(inbox, &mailer));
        channels.push(Arc::new(EmailChannel::new(mailer, inbox, Arc::clone(enclosures))));
    }
    for settings in &voice.webhook {
        channels.push(Arc::new(webhook(rt, settings)?));
    }
    Ok(channels)
}

/// Where commands by mail are sent: the inbox's account where that is an address, else the sender.
pub fn inbox_address(inbox: &InboxSettings, mailer: &Mailer) -> String {
    let account = inbox.server.username.clone();
    account.filter(|name| name.contains('@')).unwrap_or_else(|| mailer.sender())
}

fn bot(
    rt: &Runtime,
    settings: &TelegramSettings,
    enclosures: &Arc<dyn Enclosures>,
) -> Result<Telegram, String> {
    let api = telegram::bot(settings)?;
    Ok(Telegram::new(api, settings, rt.clone(), Arc::clone(enclosures)))
}

fn webhook(rt: &Runtime, settings: &WebhookSettings) -> Result<Webhook, String> {
    let name = &settings.name;
    let url = settings.url.read().map_err(|why| format!("webhook `{name}`: its URL: {why}"))?;
    let secret = settings
        .secret
        .as_ref()
        .map(|secret| secret.read().map_err(|why| format!("webhook `{name}`: its secret: {why}")));
    let setup = Setup {
        name: name.clone(),
        url,
        secret: secret.transpose()?,
        preset: settings.preset,
        least: settings.least,
        allow_private: settings.allow_private,
        click: settings.click.clone(),
    };
    Webhook::new(setup, rt.clock()).map_err(|error| error.to_string())
}

/// The dead-man's switch, where one is set.
pub fn dead_man(rt: &Runtime, voice: &VoiceSettings) -> Result<Option<DeadMan>, String> {
    let Some(switch) = &voice.dead_man else { return Ok(None) };
    let url = switch.url.read().map_err(|why| format!("voice.dead_man.url: {why}"))?;
    DeadMan::new(&url, switch.signals, switch.allow_private, rt.clock())
        .map(Some)
        .map_err(|why| format!("voice.dead_man: {why}"))
}

/// Alerts that point to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bare;

#[async_trait]
impl Enclosures for Bare {
    async fn of(&self, _: &Alert) -> Result<Option<Arc<Enclosure>>, SendError> {
        Ok(None)
    }
}
