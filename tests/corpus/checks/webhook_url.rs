//! The URL of a webhook or dead-man's switch, read from where the settings say: accepted when it is
//! http or https, and never shown again, for it may be a secret.

use tomking::{
    alert::{
        Channel as _,
        webhook::{DeadMan, Webhook},
    },
    notice::Severity,
};

use super::text;

pub fn check(data: &[u8]) {
    let Some(url) = text(data) else { return };
    let fits = |plain: &str| {
        let plain = plain.to_ascii_lowercase();
        plain.starts_with("http:") || plain.starts_with("https:")
    };
    match Webhook::new("hook", url, Severity::Info) {
        Ok(webhook) => {
            // The URL standard drops tabs and line ends wherever they stand.
            let plain: String = url.trim().chars().filter(|c| !"\t\r\n".contains(*c)).collect();
            let plain = plain.trim_matches(|c: char| c <= ' ');
            assert!(fits(plain), "accepted: {url:?}");
            assert_eq!(webhook.name(), "hook");
            assert!(DeadMan::new(url).is_ok());
        }
        Err(error) => {
            // Two texts, whatever the URL: nothing of it can show.
            let known = [
                "webhook `hook`: the URL cannot be read",
                "webhook `hook`: the URL must begin with https:// or http://",
            ];
            let shown = error.to_string();
            assert!(known.contains(&shown.as_str()), "shown: {shown}");
        }
    }
}
