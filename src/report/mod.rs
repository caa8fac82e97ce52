//! The daily report and the weekly, monthly and quarterly reviews: gathered from the store, kept in it, shown as text,
//! HTML and JSON.

/// Sessions, events and slots to come.
pub mod ahead;
/// How the plan and the stage stand, shortly.
pub mod brief;
/// Lines, areas and bars as plain SVG.
pub mod chart;
/// The book before the close.
pub mod closing;
/// The account at each close of the last year.
pub mod curve;
/// The day: what changed, what was traded, what was not and why, what comes.
pub mod daily;
/// What the entry jobs decided, shortly.
pub mod decisions;
/// A report as a mail's enclosure: pages, pictures, CSV files.
pub mod enclosure;
/// What reports say, read from the store.
pub mod gather;
/// How the program ran.
pub mod health;
/// The book at the end of a session.
pub mod held;
#[cfg(test)]
mod fixture;
/// What a range of sessions came to.
pub mod history;
/// What went wrong, by the journal.
pub mod incidents;
/// The job bodies that write the reports.
pub mod jobs;
/// The month: income and compounding, strategies, proposals.
pub mod monthly;
/// Sections, text and HTML.
pub mod page;
/// Lines the reports share.
pub mod parts;
/// Their charts, and that of `/pnl`.
pub mod pictures;
/// What a structure brings at its expiry.
pub mod payoff;
/// Returns and trades as statistics, read from the store.
pub mod performance;
/// The plan as it stands, read from the store.
pub mod planning;
/// What a person may want to change.
pub mod proposals;
/// The quarter: its months.
pub mod quarterly;
/// What the monthly and the quarterly review share.
pub mod review;
/// A review as a page.
mod review_page;
/// The report of a replay, as files.
pub mod tearsheet;
/// A kept report, sent again.
pub mod send;
/// The week: its days, trades, refusals, incidents, and the next week's calendar.
pub mod weekly;
/// The sections of the week's page.
mod weekly_page;

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, store::Table};

/// How long a report looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// One session.
    Daily,
    /// The sessions of one week.
    Weekly,
    /// The sessions of one month.
    Monthly,
    /// The sessions of one quarter.
    Quarterly,
}

impl Period {
    /// The word in keys, commands and alerts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
        }
    }
}

impl Period {
    /// Every period, the shortest first.
    pub const ALL: [Self; 4] = [Self::Daily, Self::Weekly, Self::Monthly, Self::Quarterly];

    /// The period of a word.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A report as it was written, kept for ever.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptReport {
    /// Daily, weekly, monthly or quarterly.
    pub period: Period,
    /// The last session it covers.
    pub date: NaiveDate,
    /// When it was written.
    pub at: Timestamp,
    /// Its headline.
    pub headline: String,
    /// As plain text.
    pub text: String,
    /// As one HTML page.
    pub html: String,
    /// Its figures, machine-readable.
    pub document: serde_json::Value,
}

impl KeptReport {
    /// The page it was written from; `None` where its document is of another version.
    pub fn page(&self) -> Option<page::Page> {
        let document = &self.document;
        match self.period {
            Period::Daily => daily::DailyReport::deserialize(document).ok().map(|r| r.page()),
            Period::Weekly => weekly::WeeklyReview::deserialize(document).ok().map(|r| r.page()),
            Period::Monthly => monthly::MonthlyReview::deserialize(document).ok().map(|r| r.page()),
            Period::Quarterly => {
                quarterly::QuarterlyReview::deserialize(document).ok().map(|r| r.page())
            }
        }
    }
}

/// Kept reports, by `<period>/<date>`.
pub const REPORTS: Table<KeptReport> = Table::new("reports", 1);

/// The key of [`REPORTS`].
pub fn report_key(period: Period, date: NaiveDate) -> String {
    format!("{period}/{date}")
}
