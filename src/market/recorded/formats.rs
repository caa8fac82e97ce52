//! The formats, known by their headers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Daily bars of the S&P 500.
    Index,
    /// Daily bars of VIX.
    Vix,
    /// Hourly bars of the S&P 500.
    Hourly,
    /// Closes of VIX9D and VIX3M.
    Term,
    /// Pound-dollar rates.
    Fx,
    /// FOMC, CPI and NFP dates.
    Events,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Index, Self::Vix, Self::Hourly, Self::Term, Self::Fx, Self::Events];

    /// The word in JSON and in the names of imported files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Vix => "vix",
            Self::Hourly => "hourly",
            Self::Term => "term",
            Self::Fx => "fx",
            Self::Events => "events",
        }
    }

    /// It has a row, or rows, for each session.
    pub fn is_by_session(self) -> bool {
        !matches!(self, Self::Fx | Self::Events)
    }

    /// A header of the kind.
    pub fn header(self) -> &'static str {
        match self {
            Self::Index => "date,open,high,low,close,volume",
            Self::Vix => "DATE,OPEN,HIGH,LOW,CLOSE",
            Self::Hourly => "date,time,open,high,low,close",
            Self::Term => "date,vix9d,vix3m,vvix,skew",
            Self::Fx => "date,usd_per_eur,gbp_per_eur,usd_per_gbp",
            Self::Events => "date,event,time_et,note",
        }
    }

    /// The kind a header tells of; columns in any order and case, others beside them ignored.
    pub fn of(columns: &[String]) -> Option<Self> {
        let has = |names: &[&str]| names.iter().all(|n| columns.iter().any(|c| c == n));
        let bars = has(&["date", "open", "high", "low", "close"]);
        if bars && has(&["time"]) {
            Some(Self::Hourly)
        } else if bars && has(&["volume"]) {
            Some(Self::Index)
        } else if bars {
            Some(Self::Vix)
        } else if has(&["date", "vix9d", "vix3m"]) {
            Some(Self::Term)
        } else if has(&["date", "usd_per_gbp"]) {
            Some(Self::Fx)
        } else if has(&["date", "event", "time_et"]) {
            Some(Self::Events)
        } else {
            None
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Index => "daily index bars",
            Self::Vix => "daily VIX bars",
            Self::Hourly => "hourly index bars",
            Self::Term => "VIX9D and VIX3M",
            Self::Fx => "pound-dollar rates",
            Self::Events => "macro events",
        })
    }
}
