//! `tomking calendar`: which days trade, from when to when.

use std::process::ExitCode;

use chrono::{DateTime, Datelike, Days, NaiveDate};
use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

use super::{
    CliError, CliResult, Global,
    ground::{parse_date, print, print_json, settings},
};
use crate::{
    calendar::{Calendar, Day, Exchange, NEW_YORK, Session, new_york_date, verified_until},
    clock::{Clock, Timestamp, WallClock},
};

/// Days shown when `--to` is not given, after the first.
const DEFAULT_DAYS: u64 = 14;

/// Sessions of an exchange between two dates.
///
/// Closed weekdays are shown with their reason. Times are those of New York and London.
#[derive(Debug, Args)]
pub struct CalendarArgs {
    /// XNYS (stocks and ETF options, from 1990), CBOE (index options), CME (futures), GRAINS or
    /// MEATS (their day sessions; these from 2005), in any case; all to 2035.
    #[arg(long, default_value = "XNYS", value_name = "CODE")]
    exchange: Exchange,
    /// First day, YYYY-MM-DD; today by default.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    from: Option<NaiveDate>,
    /// Last day, YYYY-MM-DD; fourteen days after the first by default.
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    to: Option<NaiveDate>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Answer {
    exchange: Exchange,
    sessions: Vec<Session>,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &CalendarArgs) -> CliResult {
    let (from, to) = range(args, new_york_date(WallClock.now()))?;
    let calendar = Calendar::new(settings(global)?.calendar_override);
    if global.json {
        let sessions = calendar.sessions(args.exchange, from, to);
        print_json(&Answer { exchange: args.exchange, sessions })?;
    } else {
        print(&table(&calendar, args.exchange, from, to))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The first and the last day asked for, inside what the exchange's calendar knows.
fn range(args: &CalendarArgs, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), CliError> {
    let years = args.exchange.years();
    let from = args.from.unwrap_or(today);
    let last_known = NaiveDate::from_ymd_opt(*years.end(), 12, 31).unwrap_or(NaiveDate::MAX);
    // Without `--to` the end of the calendar ends the list rather than refuses it.
    let ahead = from.checked_add_days(Days::new(DEFAULT_DAYS)).unwrap_or(from);
    let to = args.to.unwrap_or(ahead.min(last_known).max(from));
    if from > to {
        return Err(CliError::Usage(format!(
            "the range begins on {from} and ends before that, on {to}\n\
             hint: give `--from` a day not after `--to`"
        )));
    }
    for day in [from, to] {
        if !years.contains(&day.year()) {
            return Err(CliError::Usage(format!(
                "{day} is outside the calendar of {}, which goes from {}-01-01 to {}-12-31",
                args.exchange.code(),
                years.start(),
                years.end()
            )));
        }
    }
    Ok((from, to))
}

/// The text for people: a line on top, then a row for each weekday.
fn table(calendar: &Calendar, exchange: Exchange, from: NaiveDate, to: NaiveDate) -> String {
    let mut table = Table::new();
    let head = ["date", "day", "New York", "London", ""];
    table.load_style(presets::NOTHING).set_header(head);
    let (mut open, mut early, mut closed) = (0, 0, 0);
    for date in from.iter_days().take_while(|date| *date <= to) {
        let day = date.format("%a").to_string();
        let hours = match calendar.day(exchange, date) {
            Day::Open(session, reason) => {
                open += 1;
                early += usize::from(session.early_close);
                [
                    hours(&session, NEW_YORK),
                    hours(&session, chrono_tz::Europe::London),
                    remark(&session, reason.as_deref()),
                ]
            }
            Day::Closed(reason) => {
                closed += 1;
                ["closed".to_owned(), String::new(), reason.into_owned()]
            }
            Day::Weekend | Day::Unknown => continue,
        };
        table.add_row([date.to_string(), day].into_iter().chain(hours));
    }
    let told = [counted(open, "session"), counted(early, "early close")].join(", ");
    let closed = counted(closed, "closed weekday");
    let head = format!("{}, {from} to {to}: {told}, {closed}\n", exchange.code());
    if open == 0 && closed.starts_with("no ") {
        return head;
    }
    format!("{head}\n{}\n", table.trim_fmt())
}

/// `no sessions`, `1 session`, `9 sessions`.
fn counted(count: usize, thing: &str) -> String {
    match count {
        0 => format!("no {thing}s"),
        1 => format!("1 {thing}"),
        many => format!("{many} {thing}s"),
    }
}

/// `09:30–16:00`, the weekday before a time of another date: `Sun 18:00–17:00`.
fn hours(session: &Session, zone: chrono_tz::Tz) -> String {
    let shown = |at: Timestamp| {
        let local: DateTime<chrono_tz::Tz> = at.with_timezone(&zone);
        let same_day = local.date_naive() == session.date;
        local.format(if same_day { "%H:%M" } else { "%a %H:%M" }).to_string()
    };
    format!("{}–{}", shown(session.open), shown(session.close))
}

fn remark(session: &Session, reason: Option<&str>) -> String {
    let early = session.early_close.then(|| match reason {
        Some(reason) => format!("early close: {reason}"),
        None => "early close".to_owned(),
    });
    let projected = session.projected.then(|| format!("projected (past {})", verified_until()));
    let parts: Vec<String> = [early, projected].into_iter().flatten().collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn args(exchange: Exchange, from: Option<&str>, to: Option<&str>) -> CalendarArgs {
        CalendarArgs { exchange, from: from.map(date), to: to.map(date) }
    }

    #[test]
    fn without_dates_it_shows_today_and_the_fourteen_days_after() {
        let today = date("2026-11-22");
        let range = |from, to| range(&args(Exchange::Xnys, from, to), today).unwrap();
        assert_eq!(range(None, None), (today, date("2026-12-06")));
        assert_eq!(range(Some("2024-07-01"), None), (date("2024-07-01"), date("2024-07-15")));
        assert_eq!(range(None, Some("2026-11-30")), (today, date("2026-11-30")));
        assert_eq!(range(Some("2035-12-28"), None), (date("2035-12-28"), date("2035-12-31")));
    }

    #[test]
    fn an_impossible_range_is_bad_usage_and_says_what_is_possible() {
        let refused = |exchange, from, to| {
            let error = range(&args(exchange, Some(from), Some(to)), date("2026-11-22"));
            let Err(CliError::Usage(text)) = error else { panic!("{error:?}") };
            text
        };
        let turned = refused(Exchange::Xnys, "2026-02-01", "2026-01-01");
        assert!(turned.contains("begins on 2026-02-01 and ends before that, on 2026-01-01"));
        let early = refused(Exchange::CmeEquity, "2004-12-31", "2005-01-05");
        assert!(early.contains("2004-12-31 is outside the calendar of CME"), "{early}");
        assert!(early.ends_with("from 2005-01-01 to 2035-12-31"), "{early}");
        let late = refused(Exchange::Xnys, "2035-12-31", "2036-01-01");
        assert!(late.ends_with("from 1990-01-01 to 2035-12-31"), "{late}");
    }

    #[test]
    fn a_date_is_read_in_one_form_only() {
        assert_eq!(parse_date("2026-11-27"), Ok(date("2026-11-27")));
        for text in ["", "2026-2-3", "2026-02-30", "27/11/2026", "2026-11-27T", "+026-11-27"] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_table_shows_closed_days_early_closes_and_both_cities() {
        let shown = [
            (Exchange::Xnys, "2026-11-25", "2026-11-30"),
            (Exchange::CmeEquity, "2026-03-31", "2026-04-06"),
            (Exchange::Xnys, "2027-12-31", "2028-01-03"),
            (Exchange::Xnys, "2026-08-08", "2026-08-09"),
        ]
        .map(|(exchange, from, to)| table(&Calendar::default(), exchange, date(from), date(to)))
        .join("\n");
        let trimmed: Vec<&str> = shown.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(trimmed.join("\n"), @"
        XNYS, 2026-11-25 to 2026-11-30: 3 sessions, 1 early close, 1 closed weekday

         date        day  New York     London
         2026-11-25  Wed  09:30–16:00  14:30–21:00
         2026-11-26  Thu  closed                    Thanksgiving Day
         2026-11-27  Fri  09:30–13:00  14:30–18:00  early close: day after Thanksgiving
         2026-11-30  Mon  09:30–16:00  14:30–21:00

        CME, 2026-03-31 to 2026-04-06: 5 sessions, 1 early close, no closed weekdays

         date        day  New York         London
         2026-03-31  Tue  Mon 18:00–17:00  Mon 23:00–22:00
         2026-04-01  Wed  Tue 18:00–17:00  Tue 23:00–22:00
         2026-04-02  Thu  Wed 18:00–17:00  Wed 23:00–22:00
         2026-04-03  Fri  Thu 18:00–09:15  Thu 23:00–14:15  early close: Good Friday
         2026-04-06  Mon  Sun 18:00–17:00  Sun 23:00–22:00

        XNYS, 2027-12-31 to 2028-01-03: 2 sessions, no early closes, no closed weekdays

         date        day  New York     London
         2027-12-31  Fri  09:30–16:00  14:30–21:00
         2028-01-03  Mon  09:30–16:00  14:30–21:00  projected (past 2027-12-31)

        XNYS, 2026-08-08 to 2026-08-09: no sessions, no early closes, no closed weekdays
        ");
    }
}
