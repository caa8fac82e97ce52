//! Friday 0DTE (rulebook §4.1): a spread or condor sold at 10:30 on Fridays, flat the same day.

mod atr;
mod day;
mod entry;
mod exit;
mod legs;
mod mark;
mod model;
mod product;
mod series;
mod strikes;
mod times;

#[cfg(test)]
mod entry_tests;
#[cfg(test)]
mod exit_tests;
#[cfg(test)]
pub(crate) mod fixture;

pub use self::{
    atr::wilder_atr,
    entry::decide,
    exit::{ExitAction, ExitMemory, Managed, Watched, manage, stop_loss, urgency},
    mark::{Mark, mark},
    series::pick_series,
    times::{ZdteTimes, times},
};

/// Daily bars to gather: enough that Wilder's seed no longer shows ((13/14)^235 < 1e-7).
pub const ATR_BARS: usize = 250;
