//! `tomking alerts [list | ack | test | dead | mute]`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{control::Request, control::say};

/// Alerts: the newest, acknowledgement, a test of every channel, what was given up, mutes.
///
/// A critical alert is told again until it is acknowledged; a warning goes from channel to channel.
#[derive(Debug, Args)]
pub struct AlertsArgs {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The newest alerts, with whether they are acknowledged. Without a subcommand it is this.
    List {
        /// How many.
        #[arg(long, short = 'n', default_value_t = 10, value_name = "COUNT")]
        count: usize,
    },
    /// Acknowledges one alert; without a number, all that are open and the newest daily report.
    Ack {
        /// Its number.
        alert: Option<u64>,
    },
    /// Sends one alert of each kind to each channel and tells how that went; exit 1 if any failed.
    Test,
    /// Alerts that a channel gave up after 24 h without success, or that it refused for good.
    Dead,
    /// No sound for so many minutes, of one kind or of all; what is critical always sounds.
    Mute {
        /// For how long; 0 ends it.
        minutes: u32,
        /// One kind only, as docs/ALERTS.md names it.
        #[arg(long)]
        kind: Option<String>,
    },
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &AlertsArgs) -> CliResult {
    let ground = Ground::load(global)?;
    let request = match &args.what {
        None => Request::Alerts { count: 10 },
        Some(What::List { count }) => Request::Alerts { count: *count },
        Some(What::Ack { alert }) => Request::AlertsAck { id: *alert },
        Some(What::Dead) => Request::AlertsDead,
        Some(What::Mute { minutes, kind }) => {
            Request::Mute { kind: kind.clone(), minutes: *minutes }
        }
        Some(What::Test) => return test(global, &ground),
    };
    ground.show(&request, global.json)
}

fn test(global: &Global, ground: &Ground) -> CliResult {
    let answer: Value = ground.ask(&Request::AlertsTest)?;
    if global.json {
        print_json(&answer)?;
    } else {
        let page = say::page(&Request::AlertsTest, &answer).map_err(CliError::Failed)?;
        print(&page.text())?;
    }
    let passed = answer.get("passed").and_then(Value::as_bool).unwrap_or(false);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
