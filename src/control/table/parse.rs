//! A line to a command and its request.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Arg, Command, Kind, find};
use crate::{account::StrategyId, control::Request, report::Period};

/// Why a line is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No such command.
    #[error("there is no command {0:?}; /help lists them")]
    Unknown(String),
    /// An argument is missing.
    #[error("{usage}: {arg} is missing")]
    Missing {
        /// How the command is written.
        usage: String,
        /// The argument.
        arg: &'static str,
        /// What it is, to offer choices for.
        kind: Kind,
    },
    /// An argument cannot be read.
    #[error("{arg} = {found:?}: must be {right}")]
    Wrong {
        /// The argument.
        arg: &'static str,
        /// What stood there.
        found: String,
        /// What would be right.
        right: String,
    },
    /// More than the command takes.
    #[error("{usage} takes no {found:?}")]
    Surplus {
        /// How the command is written.
        usage: String,
        /// The first word too many.
        found: String,
    },
}

/// The arguments of a line, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given(BTreeMap<&'static str, String>);

impl Given {
    /// An argument as it was written.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A strategy.
    pub fn strategy(&self, name: &'static str) -> Result<Option<StrategyId>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = StrategyId::TRADED.into_iter().find(|id| id.name() == written(text));
        found.map(Some).ok_or_else(|| {
            let all: Vec<String> = StrategyId::TRADED.iter().map(ToString::to_string).collect();
            wrong(name, text, &format!("one of {}", all.join(", ")))
        })
    }

    /// A day.
    pub fn date(&self, name: &'static str) -> Result<Option<NaiveDate>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let date = date.filter(|date| date.to_string() == text);
        date.map(Some).ok_or_else(|| wrong(name, text, "a day written YYYY-MM-DD, like 2026-11-27"))
    }

    /// A period of reports.
    pub fn period(&self, name: &'static str) -> Result<Option<Period>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let all = [Period::Daily, Period::Weekly, Period::Monthly, Period::Quarterly];
        let found = all.into_iter().find(|period| period.name() == text.to_ascii_lowercase());
        found.map(Some).ok_or_else(|| wrong(name, text, "daily, weekly, monthly or quarterly"))
    }

    /// A whole number from 0 to `most`.
    pub fn count(&self, name: &'static str, most: usize) -> Result<Option<usize>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let count = text.parse::<usize>().ok().filter(|count| *count <= most);
        count
            .map(Some)
            .ok_or_else(|| wrong(name, text, &format!("a whole number from 0 to {most}")))
    }
}

/// As ids are written: `IPMCC` and `friday-0dte` are `ipmcc` and `friday_0dte`.
fn written(text: &str) -> String {
    text.to_ascii_lowercase().replace('-', "_")
}

fn wrong(arg: &'static str, found: &str, right: &str) -> Fault {
    Fault::Wrong { arg, found: found.to_owned(), right: right.to_owned() }
}

/// A line's command, its arguments, and its request; no request for help.
///
/// `/name@bot` is taken for `/name`, as Telegram writes it in groups.
pub fn parse(line: &str) -> Result<(&'static Command, Given, Option<Request>), Fault> {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or("/help");
    let name = first.split('@').next().unwrap_or(first);
    let command = find(name).ok_or_else(|| Fault::Unknown(name.to_owned()))?;
    let given = arguments(command, words.collect())?;
    let request = command.make.map(|make| make(&given)).transpose()?;
    Ok((command, given, request))
}

fn arguments(command: &Command, words: Vec<&str>) -> Result<Given, Fault> {
    let mut words = words.into_iter();
    let mut given = Given::default();
    for Arg { name, kind, needed } in command.args {
        let value = match kind {
            Kind::Text => {
                let rest: Vec<&str> = words.by_ref().collect();
                (!rest.is_empty()).then(|| rest.join(" "))
            }
            _ => words.next().map(str::to_owned),
        };
        match value {
            Some(value) => drop(given.0.insert(name, value)),
            None if *needed => {
                return Err(Fault::Missing { usage: command.usage(), arg: name, kind: *kind });
            }
            None => {}
        }
    }
    match words.next() {
        None => Ok(given),
        Some(found) => Err(Fault::Surplus { usage: command.usage(), found: found.to_owned() }),
    }
}
