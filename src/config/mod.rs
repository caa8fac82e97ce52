//! Settings: raw files to validated values. Defaults and jobs are embedded; a user's directory
//! overrides them.
//!
//! `default.toml` ← the profile's file ← `<config dir>/config.toml`, and `rulebook.toml` ←
//! the profile's `[rulebook]` ← `<config dir>/rulebook.toml`: tables merge key by key, everything
//! else, arrays too, is replaced. Secrets never stand in these files: a setting names an
//! environment variable or a file.

/// The figures of the breakers.
pub mod breakers;
/// `[butterfly]` of the rulebook.
pub mod butterfly;
mod check;
mod de;
/// `[diagonal]` of the rulebook.
pub mod diagonal;
mod directories;
mod error;
mod figures;
/// `[execution]` of the rulebook.
pub mod execution;
mod files;
/// Correlation groups.
pub mod groups;
/// `[ipmcc]` of the rulebook.
pub mod ipmcc;
/// `[store]`.
pub mod keeping;
/// `[leap_ladder]` of the rulebook.
pub mod leap_ladder;
/// `[box]` of the rulebook.
pub mod lending_box;
/// `[log]`.
pub mod log;
/// `[lt112]` of the rulebook.
pub mod lt112;
/// `[market]`.
pub mod market;
/// `[paper]`.
pub mod paper;
/// `[plan]` of the rulebook.
pub mod plan;
/// Ranges that several strategies are told in.
pub mod ranges;
/// `[ratio]` of the rulebook.
pub mod ratio;
/// The figures of the rulebook.
pub mod rulebook;
/// `[stages]` of the rulebook.
pub mod stages;
/// `[strangle]` of the rulebook.
pub mod strangle;
/// Stress scenarios.
pub mod stress;
mod tree;
/// Outgoing channels.
pub mod voice;

#[cfg(test)]
mod tests;

use std::{io::ErrorKind, path::Path};

use serde::{Deserialize, Serialize};

pub use self::{
    directories::{Directories, Profile},
    error::{ConfigError, Located},
    figures::{EffectiveFigure, figures},
    keeping::StoreSettings,
    log::{LogFormat, LogSettings},
    market::MarketSettings,
    paper::PaperSettings,
    rulebook::Rulebook,
    voice::VoiceSettings,
};
use self::{
    files::Files,
    tree::{Node, Source},
};
use crate::calendar::Override;

const DEFAULT: &str = include_str!("../../config/default.toml");
const PAPER: &str = include_str!("../../config/paper.toml");
const LIVE: &str = include_str!("../../config/live.toml");
const RULEBOOK: &str = include_str!("../../config/rulebook.toml");

/// Everything that can be set, validated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Which account is traded.
    pub profile: Profile,
    /// The market feeds.
    pub market: MarketSettings,
    /// The paper account and its venue.
    pub paper: PaperSettings,
    /// The outgoing channels.
    pub voice: VoiceSettings,
    /// The log.
    pub log: LogSettings,
    /// How long the store keeps things.
    pub store: StoreSettings,
    /// Closures and early closes the calendar does not know yet.
    pub calendar_override: Vec<Override>,
    /// The figures of the rulebook.
    pub rulebook: Rulebook,
}

/// What `config.toml` may hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Main {
    profile: Profile,
    market: MarketSettings,
    paper: PaperSettings,
    voice: VoiceSettings,
    log: LogSettings,
    store: StoreSettings,
    #[serde(default)]
    calendar_override: Vec<Override>,
}

impl Settings {
    /// The defaults with the user's files on top, validated. Files that are not there are left
    /// out; the profile is the one `config.toml` names.
    pub fn load(config_dir: Option<&Path>) -> Result<Self, ConfigError> {
        let [config, rulebook] = users(config_dir)?;
        let settings = assemble(config, rulebook)?;
        match settings.profile {
            Profile::Paper => Ok(settings),
            Profile::Live => Err(ConfigError::Live),
        }
    }

    /// The defaults alone.
    pub fn default_embedded() -> Self {
        assemble(None, None).expect("the embedded files are valid: a test of this module holds it")
    }
}

/// The user's two files.
fn users(config_dir: Option<&Path>) -> Result<[Option<Source>; 2], ConfigError> {
    let file = |name: &str| match config_dir {
        Some(dir) => read(&dir.join(name)),
        None => Ok(None),
    };
    Ok([file("config.toml")?, file("rulebook.toml")?])
}

/// A file's text, or `None` when there is no such file.
fn read(file: &Path) -> Result<Option<Source>, ConfigError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(Source { name: file.display().to_string(), text })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::Read { file: file.to_owned(), cause: error.to_string() }),
    }
}

fn assemble(config: Option<Source>, rulebook: Option<Source>) -> Result<Settings, ConfigError> {
    trees(config, rulebook).map(|found| found.0)
}

/// The settings with the sources they are of, and the rulebook as one tree that knows its places.
fn trees(
    config: Option<Source>,
    rulebook: Option<Source>,
) -> Result<(Settings, Files, Node), ConfigError> {
    let mut files = Files::default();
    let mut main = files.embedded("default.toml", DEFAULT)?;
    let mut rules = files.embedded("rulebook.toml", RULEBOOK)?;
    let user = config.map(|source| files.add(source)).transpose()?;
    let named = user.as_ref().and_then(|user| user.get("profile")).unwrap_or_else(|| {
        main.get("profile").expect("default.toml names the profile: a test of this module holds it")
    });
    let profile = files.typed::<Profile>(named, "profile", &[])?;
    let mut of_profile = match profile {
        Profile::Paper => files.embedded("paper.toml", PAPER)?,
        Profile::Live => files.embedded("live.toml", LIVE)?,
    };
    if let Some(figures) = of_profile.take("rulebook") {
        rules.merge(figures);
    }
    main.merge(of_profile);
    let (default_main, default_rules) = (main.clone(), rules.clone());
    if let Some(user) = user {
        main.merge(user);
    }
    if let Some(source) = rulebook {
        rules.merge(files.add(source)?);
    }
    let known = [("config.toml", &default_main), ("rulebook.toml", &default_rules)];
    let Main { profile, market, paper, voice, log, store, calendar_override } =
        files.typed(&main, "", &known)?;
    let rulebook = files.typed(&rules, "", &[known[1], known[0]])?;
    let settings =
        Settings { profile, market, paper, voice, log, store, calendar_override, rulebook };
    let Settings { market, paper, voice, log, store, .. } = &settings;
    let faults =
        [market.faults(), paper.faults(), voice.faults(), log.faults(), store.faults()].concat();
    let mut located = files.located(&main, &faults);
    located.extend(files.located(&rules, &check::rulebook(&settings.rulebook)));
    if located.is_empty() {
        Ok((settings, files, rules))
    } else {
        Err(ConfigError::Invalid(located))
    }
}
