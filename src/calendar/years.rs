//! Sessions worked out once: a table per exchange and year, filled on first use.

use std::sync::OnceLock;

use super::{Exchange, Session};

/// The sessions of a year by day of the year, from 1 January.
pub(super) type YearTable = OnceLock<Box<[Option<Session>]>>;

const FIRST: i32 = 1990;
const COUNT: usize = 46;

/// A slot per exchange and year. A lookup is two indexings, so a replay may ask at every minute.
pub(super) struct Years {
    slots: [Box<[YearTable]>; Exchange::ALL.len()],
}

impl Default for Years {
    fn default() -> Self {
        Self { slots: std::array::from_fn(|_| (0..COUNT).map(|_| OnceLock::new()).collect()) }
    }
}

impl Years {
    /// The table of a year, or `None` where the exchange's sessions are not known.
    pub(super) fn slot(&self, exchange: Exchange, year: i32) -> Option<&YearTable> {
        if !exchange.years().contains(&year) {
            return None;
        }
        let tables = self.slots.get(exchange as usize)?;
        tables.get(usize::try_from(year - FIRST).ok()?)
    }
}
