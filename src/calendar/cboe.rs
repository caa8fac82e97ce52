//! Cboe index options, regular hours: 09:30 to 16:15 New York time (08:30 to 15:15 in Chicago).
//!
//! They trade on the days of the New York Stock Exchange, and close at 13:15 on exactly its early
//! closes. Global trading hours and the curb session are not sessions here.

use chrono::NaiveDate;

use super::{
    rule::{DayRule, hm},
    xnys,
};

/// What the exchange does on a weekday.
pub(super) fn rule(date: NaiveDate) -> DayRule {
    match xnys::rule(date) {
        DayRule::Early(_, reason) => DayRule::Early(hm(13, 15), reason),
        other => other,
    }
}
