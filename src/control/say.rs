//! Answers as pages. The shell shows all of one; a phone shows what matters first, the long of it left
//! out and tables that are too wide folded. Both are the same page: only what is listed differs.

mod book;
mod decided;
mod house;
mod alerts;
mod latch;
mod money;
mod phase;
mod positions;
mod risk;
mod stage;
mod status;
mod words;
mod work;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Request,
    table::{self, COMMANDS, Fault, Group, Kind, Role},
};
use crate::{
    account::StrategyId,
    config::voice::KINDS,
    report::{
        KeptReport,
        page::{Body, Page, Section},
        planning::PlanStands,
        send::Sent,
    },
};

/// Whose screen a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// A phone held upright.
    Phone,
    /// A terminal: everything.
    Terminal,
}

/// The page of an answer, with all that it says: for a terminal.
///
/// # Errors
/// In words, when the document is not of the request: an answer of another version.
pub fn page(request: &Request, value: &Value) -> Result<Page, String> {
    laid_out(request, value, Layout::Terminal)
}

/// The same for a phone or a mail read on one.
///
/// # Errors
/// As [`page`].
pub fn phone(request: &Request, value: &Value) -> Result<Page, String> {
    laid_out(request, value, Layout::Phone).map(words::narrow)
}

fn laid_out(request: &Request, value: &Value, layout: Layout) -> Result<Page, String> {
    Ok(match request {
        Request::Status => status::page(&typed(value)?),
        Request::Halt { .. }
        | Request::Reduce { .. }
        | Request::Flatten { .. }
        | Request::Resume { .. } => latch::page(&typed(value)?),
        Request::Report { period, .. } => match typed::<Option<KeptReport>>(value)? {
            Some(kept) => kept.page().unwrap_or_else(|| line(&kept.headline, &kept.text)),
            None => line(&format!("There is no {period} report yet"), ""),
        },
        Request::ReportSend { .. } => typed::<Sent>(value)?.page(),
        Request::Positions => positions::of(&typed(value)?),
        Request::Orders => book::orders(&typed(value)?),
        Request::Pnl { .. } => money::pnl(&typed(value)?),
        Request::Balance => book::balance(&typed(value)?),
        Request::Greeks => book::greeks(&typed(value)?),
        Request::Payoff { .. } => money::payoff(&typed(value)?),
        Request::Risk => risk::breakers(&typed::<Vec<_>>(value)?),
        Request::Limits => risk::limits(&typed::<Vec<_>>(value)?, layout),
        Request::Stress { .. } => risk::stress(&typed(value)?, layout),
        Request::Plan => typed::<PlanStands>(value)?.page(),
        Request::Phase => phase::page(&typed(value)?),
        Request::Stage | Request::StagePromote { .. } | Request::StageDemote { .. } => {
            stage::page(&typed(value)?, layout)
        }
        Request::JobsList => work::jobs(&typed::<Vec<_>>(value)?, layout),
        Request::JobsNext { .. } => work::next(&typed::<Vec<_>>(value)?, layout),
        Request::JobRun { .. } => work::run(&typed(value)?),
        Request::JobPause { .. } => work::job_changed(&typed(value)?, true),
        Request::JobResume { .. } => work::job_changed(&typed(value)?, false),
        Request::Why { .. } => decided::why(&typed::<Vec<_>>(value)?, layout),
        Request::StrategyPause { .. } | Request::StrategyResume { .. } => {
            work::strategy(&typed(value)?)
        }
        Request::Close { .. } => work::close(&typed(value)?),
        Request::Logs { .. } => house::logs(&typed(value)?),
        Request::Health => house::health(&typed(value)?),
        Request::Version => house::version(&typed(value)?),
        Request::Config { .. } => house::settings(&typed(value)?),
        Request::Alerts { .. } => alerts::list(&typed(value)?),
        Request::AlertsAck { .. } => alerts::acked(&typed(value)?),
        Request::AlertsDead => alerts::dead(&typed(value)?),
        Request::AlertsTest => alerts::tested(&typed(value)?),
        Request::Mute { .. } => alerts::muted(&typed(value)?),
        // What no command of the table asks for.
        _ => return Err("the answer has no page; ask with --json in the shell".to_owned()),
    })
}

fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| format!("the answer cannot be read: {error}"))
}

/// A page of one line, with lines under it.
fn line(headline: &str, text: &str) -> Page {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let section = Section { title: String::new(), body: Body::Lines(lines) };
    let sections = if text.is_empty() { Vec::new() } else { vec![section] };
    Page { title: headline.to_owned(), headline: String::new(), sections, notes: Vec::new() }
}

/// Something takes longer than a person waits.
pub fn begun() -> Page {
    line("Received. It is under way; what comes of it follows", "")
}

/// Something was not done.
pub fn failed(why: &str) -> Page {
    line("Not done", why)
}

/// The strategies, by name.
pub fn strategies() -> Vec<String> {
    StrategyId::TRADED.iter().map(|id| id.name().to_owned()).collect()
}

/// What can be offered for an argument without asking anybody.
pub fn choices(kind: Kind) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    match kind {
        Kind::Strategy => strategies(),
        Kind::Period => words(&["daily", "weekly", "monthly", "quarterly"]),
        Kind::Stage => words(&["paper", "1", "2", "3", "4"]),
        Kind::AlertKind => words(KINDS),
        Kind::Command => COMMANDS.iter().map(|command| command.name.to_owned()).collect(),
        Kind::Count(most) => {
            [10, 30, 60, 120].iter().filter(|n| **n <= most).map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    }
}

/// The help, of what a role may.
pub fn help(name: Option<&str>, role: Role) -> Result<Page, Fault> {
    let found = table::help(name)?;
    let titles = [
        (Group::Stop, "Stop and go"),
        (Group::Book, "Book"),
        (Group::Work, "Work"),
        (Group::House, "House"),
    ];
    let sections = titles.into_iter().filter_map(|(group, title)| {
        let lines: Vec<(String, Vec<String>)> = found
            .iter()
            .filter(|command| command.group == group && command.who <= role)
            .map(|command| (command.usage(), vec![command.help.to_owned()]))
            .collect();
        (!lines.is_empty()).then(|| Section { title: title.to_owned(), body: Body::Outline(lines) })
    });
    Ok(Page {
        title: "Commands".to_owned(),
        headline: String::new(),
        sections: sections.collect(),
        notes: Vec::new(),
    })
}
