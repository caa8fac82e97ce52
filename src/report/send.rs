//! A kept report, sent again: its notice is raised anew, and each channel takes it by its route.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    KeptReport, Period, REPORTS,
    page::{Body, Page, Section},
    report_key,
};
use crate::{
    clock::Timestamp,
    notice::{Notice, raise},
    store::{Read, StoreError, WriteTx},
};

/// What is sent, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its period.
    pub period: Period,
    /// The last session it covers.
    pub date: NaiveDate,
    /// Its headline.
    pub headline: String,
    /// The channels in force; each takes it as its route for reports says.
    pub channels: Vec<String>,
}

impl Sent {
    /// The page of the answer.
    pub fn page(&self) -> Page {
        let Self { period, date, headline, channels } = self;
        let to = format!("To {}, each by its route for `report`", channels.join(", "));
        let body = Body::Lines(vec![headline.clone(), to]);
        Page {
            title: format!("The {period} report of {date} goes out again"),
            headline: String::new(),
            sections: vec![Section { title: String::new(), body }],
            notes: Vec::new(),
        }
    }
}

/// The kept report of a date, or the newest.
pub fn newest(
    tx: &impl Read,
    period: Period,
    date: Option<NaiveDate>,
) -> Result<Option<KeptReport>, StoreError> {
    // A date's report is the last of those whose key begins with it, and so is the newest.
    let key = date.map_or_else(|| format!("{period}/"), |date| report_key(period, date));
    Ok(tx.last(&REPORTS, &key, 1)?.into_iter().next().map(|(_, kept)| kept))
}

/// Raises the notice of a kept report again.
///
/// # Errors
/// When none is kept of that period and date.
pub fn again(
    tx: &mut WriteTx,
    period: Period,
    date: Option<NaiveDate>,
    channels: &[String],
    by: &str,
    now: Timestamp,
) -> Result<Sent, StoreError> {
    let Some(kept) = newest(tx, period, date)? else {
        let of = date.map_or_else(String::new, |date| format!(" of {date}"));
        return Err(StoreError::Refused(format!("there is no {period} report{of} yet")));
    };
    let KeptReport { date, headline, .. } = kept;
    tx.journal(now, by, "report_sent_again", &(period, date))?;
    let notice =
        Notice::Report { period: period.name().to_owned(), date, headline: headline.clone() };
    raise(tx, now, notice)?;
    Ok(Sent { period, date, headline, channels: channels.to_vec() })
}
