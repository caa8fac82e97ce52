//! What an exchange rarely does, done to the venue itself for a while: legs that fill one by one,
//! orders rejected for no reason of ours, shorts assigned before they expire.

use std::sync::Arc;

use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::{
    broker::{
        OrderStatus,
        paper::{self, VenueState},
    },
    clock::Timestamp,
    config::paper::FillSettings,
    instrument::{ExerciseStyle, Instrument, OptionContract},
    sim::chaos::{
        board::Board,
        plan::{Fault, VenueFault, What},
        venue::VenueHost,
    },
    store::Store,
};

/// Between two looks for a short that can be assigned.
const LOOK: TimeDelta = TimeDelta::seconds(5);

/// The exchange of one run.
#[derive(Clone)]
pub struct Exchange {
    /// The switchboard.
    pub board: Arc<Board>,
    /// The venue.
    pub host: Arc<VenueHost>,
    /// The venue's own store.
    pub truth: Store,
    /// Its usual figures.
    pub fills: FillSettings,
}

impl Exchange {
    /// Does what the plan says in tasks of the world.
    pub fn start(&self, faults: &[Fault]) {
        for (index, fault) in faults.iter().enumerate() {
            let What::Venue { how, .. } = fault.what else { continue };
            let (exchange, at, until) = (self.clone(), fault.at, fault.until);
            let world = self.board.world().clone();
            world.clone().spawn(async move {
                world.sleep_until(at).await;
                let did = match how {
                    VenueFault::UnevenLegs | VenueFault::Reject => {
                        exchange.refitted(how, at, until).await
                    }
                    VenueFault::EarlyAssignment => exchange.assigned(until).await,
                };
                if did {
                    exchange.board.struck(index);
                }
            });
        }
    }

    /// Other figures from `at` to `until`; true when an order met them.
    async fn refitted(&self, how: VenueFault, at: Timestamp, until: Timestamp) -> bool {
        let mut fills = self.fills.clone();
        match how {
            VenueFault::UnevenLegs => fills.uneven_fill_percent = Decimal::ONE_HUNDRED,
            _ => fills.reject_percent = Decimal::ONE_HUNDRED,
        }
        self.refit(fills).await;
        self.board.world().sleep_until(until).await;
        self.refit(self.fills.clone()).await;
        let Ok(Some(truth)) = paper::truth(&self.truth) else { return false };
        let log = self.board.log();
        let refused = log.wire.iter().filter(|arrival| at <= arrival.at && arrival.at < until);
        match how {
            VenueFault::UnevenLegs => filled_unevenly(&truth, at, until),
            _ => {
                refused.into_iter().any(|arrival| matches!(arrival.answer, Some(Err(_))))
                    || rejected(&truth, at, until)
            }
        }
    }

    async fn refit(&self, fills: FillSettings) {
        if let Some(venue) = self.host.paper()
            && let Err(error) = venue.refit(fills).await
        {
            tracing::warn!(%error, "the venue was not refitted");
        }
    }

    /// The first short that can be is assigned, if one is held before `until`.
    async fn assigned(&self, until: Timestamp) -> bool {
        let world = self.board.world();
        while world.now() < until {
            let short = paper::truth(&self.truth).ok().flatten().and_then(|t| a_short(&t));
            if let (Some(contract), Some(venue)) = (short, self.host.paper()) {
                return venue.exercise(&contract, 1).await.is_ok();
            }
            world.sleep(LOOK).await;
        }
        false
    }
}

fn a_short(truth: &VenueState) -> Option<OptionContract> {
    truth.holdings.values().filter(|lot| lot.quantity < 0).find_map(|lot| match &lot.instrument {
        Instrument::Option(contract) if contract.series.style() == ExerciseStyle::American => {
            Some(contract.clone())
        }
        _ => None,
    })
}

/// The legs of some order filled at different instants.
fn filled_unevenly(truth: &VenueState, at: Timestamp, until: Timestamp) -> bool {
    truth.fills.values().any(|fills| {
        let (first, last) = (fills.first().map(|f| f.at), fills.last().map(|f| f.at));
        first != last && first.is_some_and(|first| at <= first && first < until)
    })
}

fn rejected(truth: &VenueState, at: Timestamp, until: Timestamp) -> bool {
    truth.orders.values().any(|order| {
        let lately = at <= order.updated_at && order.updated_at < until;
        lately && order.status == OrderStatus::Rejected
    })
}
