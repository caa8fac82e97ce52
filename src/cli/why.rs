//! `tomking why`: every filter of a decision with its value and its limit, passed or not.

use std::{fmt::Write as _, process::ExitCode};

use chrono::NaiveDate;
use clap::Args;
use serde_json::{Value, json};

use super::{
    CliError, CliResult, Global,
    ground::{Ground, parse_date, print, print_json},
};
use crate::{
    account::StrategyId,
    calendar::{NEW_YORK, new_york_date},
    clock::{Clock as _, Timestamp, WallClock},
    control::{Request, say},
    schedule::slots::next_after,
    strategy::RULES,
};

/// Why a strategy did or did not trade: every filter with value and limit.
///
/// Without a date, the last day on which anything was decided. Works with and without the daemon.
#[derive(Debug, Default, Args)]
pub struct WhyArgs {
    /// The day, New York time, YYYY-MM-DD.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date: Option<NaiveDate>,
    /// One strategy only: `friday_0dte`, `lt112`, `strangle`, …
    #[arg(long, value_name = "STRATEGY", value_parser = parse_strategy)]
    strategy: Option<StrategyId>,
}

fn parse_strategy(text: &str) -> Result<StrategyId, String> {
    let wanted = text.to_lowercase().replace('-', "_");
    let mut known = RULES.iter().map(|rule| rule.id());
    let names: Vec<&str> = known.clone().map(StrategyId::name).collect();
    known
        .find(|id| id.name() == wanted)
        .ok_or_else(|| format!("no such strategy; known: {}", names.join(", ")))
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &WhyArgs) -> CliResult {
    let ground = Ground::load(global)?;
    let request = Request::Why { date: args.date, strategy: args.strategy };
    let records: Value = ground.ask(&request)?;
    if global.json {
        print_json(&json!({ "decisions": records }))?;
    } else if records.as_array().is_none_or(Vec::is_empty) {
        print(&nothing(&ground, args, WallClock.now())?)?;
    } else {
        print(&say::page(&request, &records).map_err(CliError::Failed)?.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is said when nothing was decided: that, and when the strategies decide next.
fn nothing(ground: &Ground, args: &WhyArgs, now: Timestamp) -> Result<String, CliError> {
    let of = args.strategy.map_or_else(String::new, |strategy| format!(" by {strategy}"));
    let on = args.date.map_or_else(|| " yet".to_owned(), |date| format!(" on {date}"));
    let mut text = format!("Nothing was decided{of}{on}.\n");
    for rule in RULES {
        let (strategy, job) = (rule.id(), rule.job());
        if args.strategy.is_some_and(|wanted| wanted != strategy) {
            continue;
        }
        let found = ground.jobs.get(job).map_err(CliError::Failed)?;
        let next = next_after(found, &ground.calendar, now).filter(|_| found.enabled);
        let next = next.map_or_else(|| "not scheduled".to_owned(), |slot| moment(slot.at));
        let _ = writeln!(text, "{strategy} decides next: {next} (job `{job}`: {}).", found.when());
        let _ =
            writeln!(text, "hint: `tomking jobs history --job {job}` shows how its slots ended");
    }
    Ok(text)
}

/// `Fri 2024-08-02 10:30:00 New York`.
fn moment(at: Timestamp) -> String {
    let time = at.with_timezone(&NEW_YORK).format("%H:%M:%S");
    let date = new_york_date(at);
    format!("{} {date} {time} New York", date.format("%a"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_and_dates_are_read_or_refused() {
        for text in ["friday_0dte", "friday-0dte", "Friday_0DTE"] {
            assert_eq!(parse_strategy(text), Ok(StrategyId::Friday0dte));
        }
        assert_eq!(parse_strategy("lt112"), Ok(StrategyId::Lt112));
        assert_eq!(
            parse_strategy("external").unwrap_err(),
            "no such strategy; known: friday_0dte, lt112, strangle, ipmcc, leap_ladder, ratio, \
             butterfly, diagonal, box"
        );
        assert!(parse_date("2024-08-02").is_ok());
        for text in ["2024-8-2", "2024-02-30", "+2024-8-02", "today", ""] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }
}
