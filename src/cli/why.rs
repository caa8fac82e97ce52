//! `tomking why`: every filter of a decision with its value and its limit, passed or not.

use std::{fmt::Write as _, process::ExitCode};

use chrono::NaiveDate;
use clap::Args;
use comfy_table::{Table, presets};
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, parse_date, print, print_json},
};
use crate::{
    account::StrategyId,
    calendar::{NEW_YORK, new_york_date},
    clock::{Clock as _, Timestamp, WallClock},
    control::Request,
    risk::{
        RefusalRow,
        decision::{DecisionOutcome, DecisionRecord},
    },
    schedule::slots::next_after,
    strategy::{Filter, RULES},
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
    let records: Vec<DecisionRecord> = ground.ask(&request)?;
    if global.json {
        print_json(&json!({ "decisions": records }))?;
    } else if records.is_empty() {
        print(&nothing(&ground, args, WallClock.now())?)?;
    } else {
        print(&render(&records))?;
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

/// Decisions for people, the oldest first.
pub fn render(records: &[DecisionRecord]) -> String {
    records.iter().map(decision).collect::<Vec<_>>().join("\n")
}

fn decision(record: &DecisionRecord) -> String {
    let outcome = match (&record.intent, record.outcome) {
        (Some(id), DecisionOutcome::Missed) => format!("missed as {id}"),
        (Some(id), DecisionOutcome::Adjusted) => format!("changed a position by {id}"),
        (Some(id), _) => format!("entered as {id}"),
        (None, outcome) => outcome.name().replace('_', " "),
    };
    let mut text = format!("{}, {}: {outcome}\n", record.strategy, moment(record.slot));
    if let Some(reason) = reason(record) {
        let _ = writeln!(text, "{reason}");
    }
    if record.at != record.slot {
        let _ = writeln!(text, "Decided at {}.", moment(record.at));
    }
    let _ = write!(text, "\n{}\n", filters(&record.filters));
    if !record.refusals.is_empty() {
        let _ = write!(text, "\n{}\n", refusals(&record.refusals));
    }
    text
}

/// The first thing that stood in the way; nothing when it entered.
fn reason(record: &DecisionRecord) -> Option<String> {
    if matches!(record.outcome, DecisionOutcome::Entered | DecisionOutcome::Adjusted) {
        return None;
    }
    let filter = record.filters.iter().find(|filter| !filter.passed);
    let filter =
        filter.map(|f| format!("First reason: {} is {}, wants {}.", f.name, f.value, f.bound));
    let refusal = record.refusals.first().map(|refusal| format!("{}.", refusal.text));
    match record.outcome {
        DecisionOutcome::Refused => refusal.or(filter),
        DecisionOutcome::Missed => {
            record.ended.as_ref().map(|ended| format!("Its order ended unfilled: {ended}."))
        }
        _ => filter,
    }
}

fn filters(filters: &[Filter]) -> String {
    let failed = filters.iter().filter(|filter| !filter.passed).count();
    let mut table = table(["filter", "value", "limit", ""]);
    for Filter { name, value, bound, passed } in filters {
        let verdict = if *passed { "pass" } else { "FAIL" };
        table.add_row([name, value, bound, verdict]);
    }
    let passed = filters.len() - failed;
    format!("Filters: {passed} passed, {failed} failed\n{}", table.trim_fmt())
}

fn refusals(refusals: &[RefusalRow]) -> String {
    let mut table = table(["limit", "value", "bound", "unit"]);
    for row in refusals {
        let (value, bound) = (row.value.to_string(), row.bound.to_string());
        table.add_row([&row.limit, &value, &bound, &row.unit]);
    }
    let told: Vec<&str> = refusals.iter().map(|row| row.text.as_str()).collect();
    format!("The gate refused:\n{}\n\n{}", table.trim_fmt(), told.join("\n"))
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head);
    table
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
    use crate::{
        account::IntentId,
        risk::Figure,
        strategy::friday_0dte::{
            decide,
            fixture::{at, snapshot, vix},
        },
    };
    use rust_decimal::dec;

    fn record(outcome: DecisionOutcome) -> DecisionRecord {
        let mut snapshot = snapshot();
        snapshot.products.retain(|product, _| product.symbol() == "ES");
        if outcome == DecisionOutcome::NoTrade {
            snapshot.vix = Some(vix(dec!(36.5)));
        }
        let refusal = RefusalRow {
            limit: "buying_power".to_owned(),
            value: Figure::Number(47.2),
            bound: Figure::Number(45.0),
            unit: "percent".to_owned(),
            text: "ES: Refused: buying power after the order 47.2 % > 45.0 % (VIX 12.6 < 13)"
                .to_owned(),
        };
        let refused = outcome == DecisionOutcome::Refused;
        let entered = outcome == DecisionOutcome::Entered;
        DecisionRecord {
            at: at("10:30:00"),
            slot: at("10:30:00"),
            strategy: StrategyId::Friday0dte,
            outcome,
            filters: decide(&snapshot).filters,
            refusals: if refused { vec![refusal] } else { Vec::new() },
            intent: entered.then(|| IntentId("zdte-20240802-1".to_owned())),
            ended: None,
        }
    }

    #[test]
    fn a_missed_entry_says_how_its_order_ended() {
        let id = IntentId("zdte-20240802-1".to_owned());
        let missed = DecisionRecord {
            outcome: DecisionOutcome::Missed,
            intent: Some(id),
            ended: Some("missed: price".to_owned()),
            ..record(DecisionOutcome::Entered)
        };
        let text = render(&[missed]);
        let head = text.lines().take(2).collect::<Vec<_>>().join("\n");
        assert!(head.contains(": missed as zdte-20240802-1"), "{head}");
        assert!(head.ends_with("Its order ended unfilled: missed: price."), "{head}");
    }

    #[test]
    fn a_trade_shows_every_filter_it_passed() {
        insta::assert_snapshot!(render(&[record(DecisionOutcome::Entered)]));
    }

    #[test]
    fn a_non_trade_says_why_first_and_shows_the_rest() {
        let text = render(&[record(DecisionOutcome::NoTrade)]);
        let head = "friday_0dte, Fri 2024-08-02 10:30:00 New York: no trade\n\
                    First reason: vix_ceiling is 36.5, wants <= 35.\n";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains("es.put_credit"), "later filters are shown too");
    }

    #[test]
    fn a_refusal_shows_the_limit_with_its_figures() {
        let text = render(&[record(DecisionOutcome::Refused)]);
        let second = text.lines().nth(1).unwrap();
        let wanted = "ES: Refused: buying power after the order 47.2 % > 45.0 % (VIX 12.6 < 13).";
        assert_eq!(second, wanted);
        let row: Vec<&str> = text
            .lines()
            .find(|line| line.trim_start().starts_with("buying_power"))
            .unwrap()
            .split_whitespace()
            .collect();
        assert_eq!(row, ["buying_power", "47.2", "45", "percent"]);
    }

    #[test]
    fn a_late_decision_says_when_it_was_made() {
        let mut late = record(DecisionOutcome::Entered);
        late.at = at("10:35:00");
        let text = render(&[late]);
        assert!(text.contains("Decided at Fri 2024-08-02 10:35:00 New York.\n"), "{text}");
    }

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
