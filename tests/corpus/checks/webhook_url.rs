//! The URL of a webhook or dead-man's switch, read from where the settings say: accepted when it is
//! http or https, and never shown again, for it may be a secret.

use std::sync::Arc;

use tomking::{
    alert::{
        Channel as _,
        dead_man::DeadMan,
        webhook::{Setup, Webhook},
    },
    clock::WallClock,
    config::voice::Preset,
    notice::Severity,
};

use super::text;

pub fn check(data: &[u8]) {
    let Some(url) = text(data) else { return };
    let fits = |plain: &str| {
        let plain = plain.to_ascii_lowercase();
        plain.starts_with("http:") || plain.starts_with("https:")
    };
    let setup = |preset, allow_private| Setup {
        name: "hook".to_owned(),
        url: url.to_owned(),
        secret: None,
        preset,
        least: Severity::Info,
        allow_private,
        click: None,
    };
    let made = |setup| Webhook::new(setup, Arc::new(WallClock));
    for preset in [Preset::Generic, Preset::Slack, Preset::Discord, Preset::Ntfy] {
        for allow_private in [true, false] {
            match made(setup(preset, allow_private)) {
                Ok(webhook) => {
                    // The URL standard drops tabs and line ends wherever they stand.
                    let plain: String =
                        url.trim().chars().filter(|c| !"\t\r\n".contains(*c)).collect();
                    let plain = plain.trim_matches(|c: char| c <= ' ');
                    assert!(fits(plain), "accepted: {url:?}");
                    assert_eq!(webhook.name(), "hook");
                    let clock = Arc::new(WallClock);
                    assert!(DeadMan::new(url, true, allow_private, clock).is_ok());
                }
                Err(error) => {
                    // Four texts, whatever the URL: nothing of it can show.
                    let known = [
                        "webhook `hook`: the URL cannot be read",
                        "webhook `hook`: the URL must begin with https:// or http://",
                        "webhook `hook`: the URL names a private or local address; set \
                         `allow_private = true` if such a receiver is meant",
                        "webhook `hook`: the URL must end with the topic: 1 to 64 letters, digits, \
                         hyphens, underscores",
                    ];
                    let shown = error.to_string();
                    assert!(known.contains(&shown.as_str()), "shown: {shown}");
                }
            }
        }
    }
}
