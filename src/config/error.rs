//! What is wrong with the settings, in words: file, line, key, what was found, what would be right.

use std::{fmt, path::PathBuf};

/// Why settings could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file that is there could not be read.
    #[error("reading settings: {}: {cause}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// Files that hold something wrong; every fault found, one a line.
    #[error("{}", lines(.0))]
    Invalid(Vec<Located>),
    /// The live profile.
    #[error(
        "profile \"live\" is not available: this version has no broker client; \
         set profile = \"paper\""
    )]
    Live,
    /// The directory of settings that was asked for is not there.
    #[error("directory of settings {} does not exist; create it or leave the option out", .0.display())]
    NoConfigDir(PathBuf),
    /// The platform tells no home directory.
    #[error(
        "no home directory is known here; name the directories with --config-dir and --data-dir"
    )]
    NoHome,
}

/// One fault and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The file, or `built-in default.toml`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Key, what was found, what would be right.
    pub text: String,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

fn lines(faults: &[Located]) -> String {
    faults.iter().map(Located::to_string).collect::<Vec<_>>().join("\n")
}

/// The candidate nearest to a mistyped name, if one is near enough to be meant.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near_enough = (name.chars().count() / 3).max(2);
    let distances = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    distances.filter(|(distance, _)| *distance <= near_enough).min().map(|(_, name)| name)
}

/// Insertions, deletions and replacements that make one of the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let names = ["starting_balance_gbp", "status", "fills", "fees"];
        let cases = [
            ("starting_balence_gbp", Some("starting_balance_gbp")),
            ("fee", Some("fees")),
            ("Status", Some("status")),
            ("telegram", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, names), expected, "{name}");
        }
    }
}
