//! Shorts that may be assigned (rulebook §4.7): what the pure rules say of a position's legs, told
//! once, and whether it is to be closed for it.

use rust_decimal::Decimal;

use super::{Desk, describe};
use crate::{
    account::Position,
    calendar::{Exchange, new_york_date},
    clock::Timestamp,
    instrument::{ExerciseStyle, Instrument, OptionContract},
    market::OptionQuote,
    notice::{self, Notice},
    store::StoreError,
    strategy::{
        assignment::{AssignmentRisk, Short, assignment_risk, is_pinned},
        closing::{Scope, open_legs, quote_of},
        rule,
    },
};

/// Risks told of that are remembered; beyond it all are told anew.
const TOLD_MAX: usize = 1_000;

impl Desk {
    /// True when a short American option of the position is to be closed before it is assigned. A
    /// short pinned to its strike is told of, and so is the risk.
    pub(super) async fn at_assignment_risk(
        &self,
        position: &Position,
        quotes: &[OptionQuote],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut at_risk = false;
        for leg in open_legs(position).filter(|leg| leg.quantity < 0) {
            let Instrument::Option(contract) = &leg.instrument else { continue };
            let Some(underlying) = self.risky_underlying(contract, now).await else { continue };
            let name = describe::single(leg.quantity, &leg.instrument);
            if is_pinned(&self.parts.rulebook.common.assignment, contract, underlying, now) {
                let what = format!("{name} expires with its underlying at {underlying}");
                self.tell_risk(position, "pinned", what, now).await?;
            }
            let Some(quote) = quote_of(&leg.instrument, quotes).filter(|q| !q.is_broken()) else {
                continue;
            };
            if let Some(risk) = self.risk_of(position, contract, quote, underlying, now).await {
                let what = format!("{name}: {}, it is closed", words(risk));
                self.tell_risk(position, "assignment", what, now).await?;
                at_risk = true;
            }
        }
        Ok(at_risk)
    }

    /// The price of a short's underlying, where either rule could apply.
    async fn risky_underlying(&self, contract: &OptionContract, now: Timestamp) -> Option<Decimal> {
        let rules = &self.parts.rulebook.common.assignment;
        let series = &contract.series;
        let minutes = i64::from(rules.pin_minutes_before_close);
        let ends_soon = (series.last_trade - now).num_minutes() <= minutes;
        if series.style() == ExerciseStyle::European && !ends_soon {
            return None;
        }
        let asked = self.parts.market.underlying(series.product, Some(series));
        Some(self.parts.rt.timeout(self.read_wait(), asked).await?.ok()?.last)
    }

    async fn risk_of(
        &self,
        position: &Position,
        contract: &OptionContract,
        quote: &OptionQuote,
        underlying: Decimal,
        now: Timestamp,
    ) -> Option<AssignmentRisk> {
        if contract.series.style() == ExerciseStyle::European {
            return None;
        }
        let asked = self.parts.market.next_dividend(contract.series.product);
        let dividend = self.parts.rt.timeout(self.read_wait(), asked).await.flatten();
        let (today, end) = (new_york_date(now), contract.series.expiration);
        let sessions = self.parts.calendar.sessions(Exchange::Xnys, today, end).len();
        let short = Short {
            contract,
            mid: quote.mid(),
            underlying,
            dividend: dividend.unwrap_or_default(),
            sessions_left: u32::try_from(sessions.saturating_sub(1)).unwrap_or(u32::MAX),
            covered: rule(position.strategy).is_some_and(|rule| rule.at_risk() != Scope::All),
        };
        assignment_risk(&self.parts.rulebook.common.assignment, &short)
    }

    async fn tell_risk(
        &self,
        position: &Position,
        kind: &str,
        what: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        {
            let mut hot = self.hot();
            if hot.risks_told.len() >= TOLD_MAX {
                hot.risks_told.clear();
            }
            if !hot.risks_told.insert(format!("{}/{kind}", position.id)) {
                return Ok(());
            }
        }
        let position = position.id.clone();
        self.write(move |tx| notice::raise(tx, now, Notice::AssignmentRisk { position, what }))
            .await
    }
}

fn words(risk: AssignmentRisk) -> String {
    match risk {
        AssignmentRisk::NoExtrinsic { extrinsic, bound } => {
            format!("in the money with {extrinsic} of extrinsic value, below {bound}")
        }
        AssignmentRisk::NearExpiry { sessions, bound } => {
            format!("in the money {sessions} sessions before its expiry, {bound} is the least")
        }
    }
}
