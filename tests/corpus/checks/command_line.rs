//! The command line, one argument a line: parsed or refused, in bounded words. Nothing is run.

use clap::Parser as _;
use tomking::cli::Cli;

use super::text;

/// The arguments a command line may have here: the system's own bound is farther.
const ARGUMENTS_MAX: usize = 64;

pub fn check(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let arguments = std::iter::once("tomking").chain(text.lines().take(ARGUMENTS_MAX));
    if let Err(error) = Cli::try_parse_from(arguments) {
        let shown = error.to_string();
        assert!(!shown.trim().is_empty());
        // Help and version are answers; everything else is bad usage.
        assert!([0, 2].contains(&error.exit_code()), "exit {}: {shown}", error.exit_code());
    }
}
