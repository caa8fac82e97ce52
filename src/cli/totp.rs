//! `tomking totp`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{
    clock::{Clock as _, WallClock},
    control::totp,
};

/// Makes or tests the secret of time-based codes.
///
/// Commands by mail carry such a code; resume, flatten and close ask for one where the secret is set
/// (`voice.totp`).
#[derive(Debug, Args)]
pub struct TotpArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a new secret and shows it, for the daemon and for an authenticator; keeps nothing.
    New {
        /// The name the authenticator shows it under.
        #[arg(long, value_name = "NAME", default_value = "tomking")]
        account: String,
    },
    /// Holds a code against the secret in force; it is not used up.
    Check {
        /// The six digits an authenticator shows.
        code: String,
    },
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &TotpArgs) -> CliResult {
    match &args.action {
        Action::New { account } => new(global, account),
        Action::Check { code } => check(global, code),
    }
}

fn new(global: &Global, account: &str) -> CliResult {
    let secret = totp::new_secret().map_err(CliError::Failed)?;
    let uri = totp::uri(&secret, account);
    if global.json {
        print_json(&json!({ "secret": secret, "uri": uri }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&format!(
        "Secret  {secret}\n\
         URI     {uri}\n\n\
         1. Put the secret in a file only the daemon reads, or in an environment variable, and name \
         it in config.toml:\n\
         \u{20}      [voice]\n\
         \u{20}      totp = {{ file = \"/etc/tomking/totp\" }}\n\
         2. Add the URI (or the secret by hand: SHA-1, 6 digits, 30 s) to your authenticator.\n\
         3. `tomking totp check CODE` shows that both agree; then restart the daemon.\n\
         Nothing was kept: this is the only time the secret is shown.\n"
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn check(global: &Global, code: &str) -> CliResult {
    let ground = Ground::load(global)?;
    let place = ground.settings.voice.totp.as_ref();
    let place = place.ok_or_else(|| {
        CliError::Failed("no secret is set: `tomking totp new` makes one for voice.totp".to_owned())
    })?;
    let secret = place.read().map_err(|why| CliError::Failed(format!("voice.totp: {why}")))?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let ahead = totp::ahead(&secret, &code, WallClock.now())
        .map_err(|why| CliError::Failed(format!("voice.totp: {why}")))?;
    let right = ahead.is_some_and(|seconds| seconds.abs() <= 30);
    if global.json {
        print_json(&json!({ "right": right, "ahead_seconds": ahead }))?;
    } else {
        print(&match ahead {
            Some(0) => "The code is right.\n".to_owned(),
            Some(off) if right => format!("The code is right, {off} s off.\n"),
            Some(off) => format!(
                "The code is of {} s {}: set the clocks of this machine and of the phone.\n",
                off.abs(),
                if off > 0 { "ahead" } else { "ago" }
            ),
            None => "The code is wrong: it is none of the last or next ten minutes.\n".to_owned(),
        })?;
    }
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
