//! Who looks at the book of a replay at the end of each session, for the report: what each position
//! is worth, and the Greeks of the whole. Looking changes nothing: quotes are a function of their
//! instant, and the venue acts on its own grid.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{
    account::{Position, PositionId, StrategyId},
    calendar::Session,
    clock::{Runtime, Timestamp},
    desk::{Desk, describe},
    instrument::Instrument,
    market::OptionQuote,
    money::{Usd, to_f64},
};

/// So long before the close.
const BEFORE_CLOSE: TimeDelta = TimeDelta::minutes(1);

/// The book a minute before a close.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DayBook {
    /// The session.
    pub date: NaiveDate,
    /// The instant of the look.
    pub at: Timestamp,
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Option<Usd>,
    /// VIX.
    pub vix: Option<Decimal>,
    /// Every open position, by id.
    pub positions: Vec<HeldLine>,
    /// Greeks of everything held; `None` when a leg had no quote.
    pub greeks: Option<Greeks>,
}

/// An open position at that moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldLine {
    /// The position.
    pub position: PositionId,
    /// Whose.
    pub strategy: StrategyId,
    /// In words.
    pub what: String,
    /// What it has brought, with what is open at its mid, after fees so far; `None` when a leg had no
    /// quote.
    pub pnl_usd: Option<Usd>,
}

/// Greeks of a book, in dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Greeks {
    /// For a rise of one percent in every underlying at once: beta one.
    pub delta_one_percent_usd: f64,
    /// For a calendar day.
    pub theta_day_usd: f64,
    /// For a rise of one point in every implied volatility.
    pub vega_point_usd: f64,
}

/// What was seen, shared with who reports it.
pub type Log = Arc<Mutex<Vec<DayBook>>>;

/// Looks a minute before each close, to the last.
pub async fn serve(rt: Runtime, desk: Arc<Desk>, sessions: Vec<Session>, log: Log) {
    for session in sessions {
        rt.sleep_until(session.close - BEFORE_CLOSE).await;
        if let Some(seen) = look(&desk, session.date, rt.now()).await {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        }
    }
}

/// `None` where nothing is open.
async fn look(desk: &Desk, date: NaiveDate, at: Timestamp) -> Option<DayBook> {
    if desk.open_count() == 0 {
        return None;
    }
    let parts = desk.parts();
    let positions = desk.status().ok()?.positions;
    let (mut lines, mut greeks) = (Vec::new(), Some(Greeks::default()));
    for position in &positions {
        let seen = value(desk, position).await;
        let what = describe::position(position);
        lines.push(HeldLine {
            position: position.id.clone(),
            strategy: position.strategy,
            what,
            pnl_usd: seen.map(|(worth, _)| (position.pnl_usd() + worth).rounded()),
        });
        greeks = greeks.zip(seen).map(|(sum, (_, more))| sum.and(more));
    }
    let balances = parts.broker.balances().await.ok();
    Some(DayBook {
        date,
        at,
        net_liquidation_usd: balances.map(|balances| balances.net_liquidation_usd),
        vix: parts.market.vix().await.ok().map(|vix| vix.level),
        positions: lines,
        greeks,
    })
}

/// What the open legs of a position are worth, and their Greeks.
async fn value(desk: &Desk, position: &Position) -> Option<(Usd, Greeks)> {
    let market = &desk.parts().market;
    let (mut worth, mut greeks) = (Usd::ZERO, Greeks::default());
    for leg in position.legs.iter().filter(|leg| leg.quantity != 0) {
        let size = Decimal::from(leg.quantity) * leg.instrument.multiplier();
        match &leg.instrument {
            Instrument::Option(contract) => {
                let quotes = market.quotes(std::slice::from_ref(contract)).await.ok()?;
                let quote = quotes.first()?;
                let series = &contract.series;
                let last = market.underlying(series.product, Some(series)).await.ok()?.last;
                worth += Usd(size * quote.mid());
                greeks = greeks.and(Greeks::of(quote, to_f64(size), to_f64(last)));
            }
            outright => {
                let mark = market.mark(outright).await.ok()?;
                worth += Usd(size * mark);
                let delta_one_percent_usd = to_f64(size * mark) / 100.0;
                greeks = greeks.and(Greeks { delta_one_percent_usd, ..Greeks::default() });
            }
        }
    }
    Some((worth, greeks))
}

impl Greeks {
    /// Of `size` dollars a point of an option, below zero short.
    fn of(quote: &OptionQuote, size: f64, underlying: f64) -> Self {
        Self {
            delta_one_percent_usd: size * quote.delta * underlying / 100.0,
            theta_day_usd: size * quote.theta,
            vega_point_usd: size * quote.vega,
        }
    }

    fn and(self, more: Self) -> Self {
        Self {
            delta_one_percent_usd: self.delta_one_percent_usd + more.delta_one_percent_usd,
            theta_day_usd: self.theta_day_usd + more.theta_day_usd,
            vega_point_usd: self.vega_point_usd + more.vega_point_usd,
        }
    }
}
