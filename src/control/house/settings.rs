//! `config`: the settings in force, as a list of keys. Of secrets the settings know only the place,
//! and so does this.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Settings;

/// The settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsView {
    /// The part that was asked for; `None` for all but the rulebook.
    pub part: Option<String>,
    /// Each setting.
    pub settings: Vec<Setting>,
    /// Parts that can be asked for by name.
    pub parts: Vec<String>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Its place: `market.seed`.
    pub key: String,
    /// Its value.
    pub value: Value,
}

/// The part that is long, and shown only when it is asked for.
const RULEBOOK: &str = "rulebook";

/// The settings of a part, `market` or `rulebook.vix`; of everything but the rulebook without one.
/// Where there is no such part, none, and the parts there are.
///
/// # Errors
/// When a setting has no JSON form.
pub fn of(settings: &Settings, part: Option<&str>) -> Result<SettingsView, serde_json::Error> {
    let tree = serde_json::to_value(settings)?;
    let mut all = Vec::new();
    flatten("", &tree, &mut all);
    let mut parts: Vec<String> = Vec::new();
    for setting in &all {
        let mut names = setting.key.split('.');
        let first = names.next().unwrap_or_default();
        let name = match (first, names.next()) {
            (RULEBOOK, Some(second)) => format!("{RULEBOOK}.{second}"),
            _ => first.to_owned(),
        };
        if !parts.contains(&name) {
            parts.push(name);
        }
    }
    let inside = |key: &str| match part {
        None => !key.starts_with("rulebook."),
        Some(part) => {
            key == part || key.strip_prefix(part).is_some_and(|rest| rest.starts_with('.'))
        }
    };
    let found: Vec<Setting> = all.into_iter().filter(|setting| inside(&setting.key)).collect();
    Ok(SettingsView { part: part.map(str::to_owned), settings: found, parts })
}

/// Every leaf with its place; a list of plain values is one, a list of tables is numbered from 1.
fn flatten(key: &str, value: &Value, found: &mut Vec<Setting>) {
    let join = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(&join(name), value, found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (place, value) in items.iter().enumerate() {
                flatten(&join(&(place + 1).to_string()), value, found);
            }
        }
        Value::Null => {}
        leaf => found.push(Setting { key: key.to_owned(), value: leaf.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::voice::SecretSource;

    #[test]
    fn a_secret_is_shown_by_its_place_alone() {
        let mut settings = Settings::default_embedded();
        settings.voice.totp = Some(SecretSource::Env("TOMKING_TOTP".to_owned()));
        let seen = of(&settings, Some("voice")).unwrap();
        let totp: Vec<&Setting> =
            seen.settings.iter().filter(|setting| setting.key.contains("totp")).collect();
        assert_eq!(totp.len(), 1);
        assert_eq!(totp[0].key, "voice.totp.env");
        assert_eq!(totp[0].value, "TOMKING_TOTP");
    }

    #[test]
    fn the_rulebook_is_shown_by_parts() {
        let settings = Settings::default_embedded();
        let seen = of(&settings, None).unwrap();
        assert!(seen.settings.iter().all(|setting| !setting.key.starts_with("rulebook")));
        assert!(seen.parts.iter().any(|part| part == "rulebook.vix"), "{:?}", seen.parts);
        let vix = of(&settings, Some("rulebook.vix")).unwrap();
        assert!(vix.settings.iter().all(|setting| setting.key.starts_with("rulebook.vix.")));
        for unknown in ["nothing", "rulebook.vi"] {
            let seen = of(&settings, Some(unknown)).unwrap();
            assert!(seen.settings.is_empty() && seen.parts.len() > 10, "{unknown}");
        }
    }
}
