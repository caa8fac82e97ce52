//! The years before the anchor, for recorded replays that begin in 2005 and take what they do not
//! record from here. Drawn as the others are and then moved as a whole, so that each price arrives
//! at the anchor where the chain begins; VIX is bent there over its last weeks. The days from the
//! anchor on are what they would be without.

use chrono::NaiveDate;

use super::chain::{Day, PRICES, State, YEAR, cent};
use crate::{
    calendar::{Calendar, Exchange},
    market::tape::Asset,
};

/// Sessions over which VIX is bent to the anchor.
const BENT: usize = 60;

/// The days from 2003, in which bars of the first replay's year begin, up to the anchor.
pub(super) fn draw(seed: u64, calendar: &Calendar, anchor: NaiveDate) -> Vec<Day> {
    let first = NaiveDate::from_ymd_opt(2003, 7, 1).unwrap_or(anchor);
    let last = anchor.pred_opt().unwrap_or(anchor);
    let sessions = calendar.sessions(Exchange::Xnys, first, last);
    let years = sessions.len() as f64 / YEAR;
    let wanted = State::at_anchor();
    let mut state = State::years_before_anchor(years);
    let mut days: Vec<Day> = sessions.iter().map(|s| state.day(seed, s.date)).collect();
    let count = days.len();
    for (at, day) in days.iter_mut().enumerate() {
        for ((asset, _), (end, start)) in PRICES.iter().zip(state.prices.iter().zip(wanted.prices))
        {
            day.scale(*asset, libm::exp(start - end));
        }
        let left = (count - 1 - at) as f64 / BENT as f64;
        let share = (1.0 - left).max(0.0);
        day.scale(Asset::Vix, libm::exp(share * (wanted.vix - state.vix)));
    }
    days
}

impl Day {
    /// Multiplies an asset's levels, which stay on the cent.
    fn scale(&mut self, asset: Asset, by: f64) {
        for levels in [&mut self.open, &mut self.close] {
            if let Some(level) = levels.get_mut(asset as usize) {
                *level = cent(*level * by);
            }
        }
    }
}
