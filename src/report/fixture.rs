//! What tests of reports stand on.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::{
    desk::tables::EquityRow,
    money::{FxRate, Usd},
};

/// A session that closed so, with nothing held, nothing traded and no rate known.
pub fn closed(date: NaiveDate, usd: Decimal) -> EquityRow {
    EquityRow {
        date,
        net_liquidation_usd: Usd(usd),
        net_liquidation_gbp: None,
        fx: None,
        phase: None,
        requirement_usd: Usd::ZERO,
        cap_percent: None,
        peak_used_percent: None,
        realised_usd: Usd::ZERO,
        open_pnl_usd: Usd::ZERO,
        fees_usd: Usd::ZERO,
        fees_total_usd: Usd::ZERO,
        transfers_total_usd: Some(Usd::ZERO),
        trades: 0,
    }
}

/// The same in pounds, too, by the day's rate, in dollars a pound.
pub fn closed_at(date: NaiveDate, usd: Decimal, rate: Decimal) -> EquityRow {
    let fx = FxRate::new(date, rate);
    EquityRow {
        net_liquidation_gbp: fx.map(|fx| fx.to_gbp(Usd(usd))),
        fx,
        phase: Some(1),
        ..closed(date, usd)
    }
}
