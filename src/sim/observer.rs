//! Who looks at the book of a replay at the end of each session, for the report: what each position
//! is worth, and the Greeks of the whole. Looking changes nothing: quotes are a function of their
//! instant, and the venue acts on its own grid.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{NaiveDate, TimeDelta};
use rust_decimal::Decimal;

use crate::{
    account::Position,
    calendar::Session,
    clock::{Runtime, Timestamp},
    desk::{Desk, describe},
    instrument::Instrument,
    money::{Usd, to_f64},
    report::held::{DayBook, Greeks, HeldLine},
};

/// So long before the close.
const BEFORE_CLOSE: TimeDelta = TimeDelta::minutes(1);

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
        vix: parts.market.vix().await.ok().map(|vix| to_f64(vix.level)),
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
