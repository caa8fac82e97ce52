//! Where the user's settings are, and where the store lives.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::error::ConfigError;

/// Which account the program trades.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The paper account, against the paper venue.
    #[default]
    Paper,
    /// A live account. Refused: this version has no broker client.
    Live,
}

impl Profile {
    /// The word in settings and paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The two directories of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// `config.toml`, `rulebook.toml`, `jobs/*.toml`; need not exist.
    pub config_dir: PathBuf,
    /// The store, the paper venue and the `HALT` file; need not exist yet. Never shared between
    /// profiles.
    pub data_dir: PathBuf,
}

impl Directories {
    /// What the command line or the environment names, else the platform's own: on Linux
    /// `~/.config/tomking` and `~/.local/share/tomking/<profile>`.
    ///
    /// A named data directory is taken as it is. A named settings directory must exist: a typing
    /// error must not silently run on the defaults.
    pub fn resolve(
        config_dir: Option<&Path>,
        data_dir: Option<&Path>,
        profile: Profile,
    ) -> Result<Self, ConfigError> {
        if let Some(named) = config_dir.filter(|dir| !dir.is_dir()) {
            return Err(ConfigError::NoConfigDir(named.to_owned()));
        }
        let platform = directories::ProjectDirs::from("", "", "tomking");
        let platform = platform.as_ref().ok_or(ConfigError::NoHome);
        let config_dir = match config_dir {
            Some(named) => named.to_owned(),
            None => platform.clone()?.config_dir().to_owned(),
        };
        let data_dir = match data_dir {
            Some(named) => named.to_owned(),
            None => platform?.data_dir().join(profile.name()),
        };
        Ok(Self { config_dir, data_dir })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_directories_are_taken_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let found = Directories::resolve(Some(dir.path()), Some(&data), Profile::Paper).unwrap();
        assert_eq!(found, Directories { config_dir: dir.path().to_owned(), data_dir: data });
    }

    #[test]
    fn a_named_settings_directory_that_is_not_there_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("confg");
        let found = Directories::resolve(Some(&missing), None, Profile::Paper);
        assert_eq!(found, Err(ConfigError::NoConfigDir(missing)));
    }

    #[test]
    fn the_platforms_data_directory_ends_in_the_profile() {
        let Ok(found) = Directories::resolve(None, None, Profile::Paper) else {
            eprintln!("skipped: no home directory here");
            return;
        };
        assert!(found.data_dir.ends_with("tomking/paper"), "{}", found.data_dir.display());
        assert!(found.config_dir.ends_with("tomking"), "{}", found.config_dir.display());
    }
}
