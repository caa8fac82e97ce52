//! The last checks of an order before it is sent: what the gate approved may have changed since.

use chrono::TimeDelta;

use super::{
    Desk,
    intent::{IntentRecord, IntentState},
    latch::{Leaving, level_of},
    read,
    watch::elapsed,
    wish::{End, current_legs},
};
use crate::{
    account::{
        NetPrice,
        hold::{Hold, Level},
    },
    clock::Timestamp,
    instrument::{Instrument, OptionContract},
    risk::{Reducing, Refusal, adjust_gate, reduce_gate},
    store::StoreError,
    strategy::{Intent, Purpose},
};

/// Whether an order may go now.
pub(super) enum Pass {
    /// It may, under this name at the latch.
    Leaves(Leaving),
    /// Not now.
    Later,
    /// Never: there is nothing left to close.
    Never(End),
}

impl Desk {
    /// An entry passed its gate when it was made; what a later life, or a later send of it, may find
    /// changed is looked at again: the latch, and that ledger and broker agree with no other order's
    /// fate in doubt (rulebook §5, 1). A close passes the gate for risk-reducing orders at each send.
    pub(super) async fn pass(
        &self,
        record: &IntentRecord,
        limit: NetPrice,
        now: Timestamp,
    ) -> Result<Pass, StoreError> {
        let Some(position) = record.intent.purpose.position() else {
            return self.pass_entry(record, now);
        };
        let Some(position) = self.parts.store.read(|tx| read::position(tx, position))? else {
            return Ok(Pass::Never(nothing_left()));
        };
        let halted = self.latch.level() == Level::Halted;
        let confirmed_at = match halted {
            true if self.closes_today_on_schedule(record, now) => self.confirmed(record).await,
            true => return Ok(Pass::Later),
            false => None,
        };
        let legs = current_legs(record);
        let contracts: Vec<OptionContract> = legs.iter().filter_map(contract_of).collect();
        let asked = self.parts.market.quotes(&contracts);
        let Some(Ok(quotes)) = self.parts.rt.timeout(self.read_wait(), asked).await else {
            return Ok(Pass::Later);
        };
        let session = self.session(now);
        let facts = Reducing {
            rulebook: &self.parts.rulebook,
            now,
            session: session.as_ref(),
            holds: &self.ruling_holds(),
            position: &position,
            quotes: &quotes,
            confirmed_at,
            existing: &[],
            orders_last_minute: self.reducing_orders(now),
        };
        let units = record.remainder().map_or(0, |(_, units)| units);
        let sent = Intent { legs, units, limit, ..record.intent.clone() };
        let judged = match record.intent.purpose {
            Purpose::Adjust { .. } => adjust_gate(&facts, sent),
            _ => reduce_gate(&facts, sent),
        };
        Ok(match judged {
            Ok(_) => Pass::Leaves(
                confirmed_at
                    .map_or(Leaving::Closing, |at| Leaving::ClosingToday { confirmed_at: at }),
            ),
            Err(refused) if matches!(refused.why, Refusal::NotReducing { .. }) => {
                Pass::Never(nothing_left())
            }
            Err(refused) => {
                tracing::warn!(intent = %record.id(), why = ?refused.why, "a close waits");
                Pass::Later
            }
        })
    }

    /// Legs that ran ahead do not wait for the rest while the fate of another order is in doubt: what
    /// there is of them is closed.
    fn pass_entry(&self, record: &IntentRecord, now: Timestamp) -> Result<Pass, StoreError> {
        if self.latch.check(Leaving::Opening, now).is_err() {
            return Ok(Pass::Later);
        }
        let Some(other) = self.doubted(|other| other.id() != record.id())? else {
            let known = self.is_reconciled();
            return Ok(if known { Pass::Leaves(Leaving::Opening) } else { Pass::Later });
        };
        if record.uneven_since.is_none() {
            return Ok(Pass::Later);
        }
        let reason = format!("the legs filled unevenly, and the fate of `{other}` is in doubt");
        Ok(Pass::Never(End { state: IntentState::Cancelled, reason }))
    }

    /// Notes a risk-reducing send for its own limit a minute.
    pub(super) fn count_reducing(&self, now: Timestamp) {
        self.hot().reducing_sent.push(now);
    }

    fn reducing_orders(&self, now: Timestamp) -> u32 {
        let mut hot = self.hot();
        hot.reducing_sent.retain(|at| elapsed(*at, now) < TimeDelta::minutes(1));
        u32::try_from(hot.reducing_sent.len()).unwrap_or(u32::MAX)
    }

    /// The holds that rule: under FLATTENING the halts it overruled are left out.
    fn ruling_holds(&self) -> Vec<Hold> {
        let holds = self.latch.holds();
        let flattening = level_of(&holds) == Level::Flattening;
        holds.into_iter().filter(|h| !flattening || h.level != Level::Halted).collect()
    }

    /// The instant of a broker read that shows every leg a close takes.
    async fn confirmed(&self, record: &IntentRecord) -> Option<Timestamp> {
        let held = self.ask(self.parts.broker.holdings()).await.ok()?;
        let (legs, units) = record.lacking()?;
        let units = i64::from(units);
        let shows = legs.iter().all(|leg| {
            let want = -leg.side.sign() * i64::from(leg.ratio);
            held.iter().any(|h| {
                h.instrument == leg.instrument
                    && h.quantity.signum() == want.signum()
                    && h.quantity.abs() >= want.abs() * units
            })
        });
        shows.then(|| self.now())
    }
}

fn nothing_left() -> End {
    End { state: IntentState::Cancelled, reason: "nothing of it is held any more".to_owned() }
}

fn contract_of(leg: &crate::account::Leg) -> Option<OptionContract> {
    match &leg.instrument {
        Instrument::Option(contract) => Some(contract.clone()),
        _ => None,
    }
}
