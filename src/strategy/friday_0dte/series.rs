//! Which of the listed series is today's (rulebook §4.1).

use crate::{
    calendar::{Session, new_york_date},
    instrument::{Series, Settlement},
};

/// The series to trade: PM-settled with its last trade today, by settlement and last trade time,
/// never by root or date alone. Third Fridays list AM series of the same date (SPX, quarterly ES).
pub fn pick_series<'a>(series: &'a [Series], session: &Session) -> Option<&'a Series> {
    series
        .iter()
        .filter(|s| s.settlement == Settlement::Pm)
        .filter(|s| new_york_date(s.last_trade) == session.date && s.last_trade > session.open)
        .max_by(|a, b| a.last_trade.cmp(&b.last_trade).then_with(|| b.root.cmp(&a.root)))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::{instrument::Product, strategy::friday_0dte::fixture::friday};

    fn series(root: &str, settlement: Settlement, last_trade: &str) -> Series {
        Series {
            product: Product::Es,
            root: root.to_owned(),
            expiration: NaiveDate::from_ymd_opt(2024, 8, 2).unwrap(),
            settlement,
            last_trade: last_trade.parse().unwrap(),
            future: None,
        }
    }

    #[test]
    fn the_series_is_chosen_by_settlement_and_last_trade_time() {
        use Settlement::{Am, Pm};
        let today = "2024-08-02T20:00:00Z";
        let am = series("SPX", Am, "2024-08-01T20:15:00Z");
        // An AM series whose feed gives the settlement day as its last trade.
        let am_today = series("ES", Am, "2024-08-02T13:30:00Z");
        let pm = series("SPXW", Pm, today);
        // Same expiration date in the row, but it stops trading on another day.
        let other_day = series("EW4", Pm, "2024-08-09T20:00:00Z");
        let cases = [
            (vec![], None),
            (vec![am.clone()], None),
            (vec![am.clone(), pm.clone()], Some("SPXW")),
            (vec![pm, am_today.clone()], Some("SPXW")),
            (vec![am_today, am, other_day], None),
        ];
        for (listed, root) in cases {
            let picked = pick_series(&listed, &friday()).map(|s| s.root.as_str());
            assert_eq!(picked, root, "{listed:?}");
        }
    }
}
