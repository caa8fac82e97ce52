//! The life of an intent: `Planned -> Approved -> Sending -> Live -> Filled | Cancelled | Expired |
//! Rejected`, with `Unknown` beside `Sending` (design §5).
//!
//! A record is the whole truth of an intent: its sends, each durable before its first byte left,
//! and every fill the broker confirmed. Between two sends an intent is `Approved` again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    account::{BrokerOrderId, Fill, IntentId, Leg, NetPrice},
    broker::{BrokerOrder, OrderStatus},
    clock::Timestamp,
    planted::{self, Bug},
    strategy::{Intent, Ladder, Purpose, ladder::Book},
};

/// Sends a record keeps: a long exit ladder would make it grow without end.
const ATTEMPTS_KEPT: usize = 8;
/// What the ids of fills begin with that the broker's books gave and no order showed.
pub(super) const BOOKED: &str = "booked-";
/// Fills beyond the target that a record remembers, so that each is told once.
const EXCESS_KEPT: usize = 64;

/// Where an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// Written down, not yet through the gate.
    Planned,
    /// May be sent; nothing of it is at the broker.
    Approved,
    /// A send is durable and may have left.
    Sending,
    /// A send's fate is not known; it is looked up, never repeated.
    Unknown,
    /// Working at the broker.
    Live,
    /// Every unit is filled.
    Filled,
    /// Ended by us, perhaps after partial fills.
    Cancelled,
    /// Ended with its session.
    Expired,
    /// The broker refused it.
    Rejected,
}

impl IntentState {
    /// Nothing more will happen to it.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Expired | Self::Rejected)
    }

    /// The state machine of design §5, entire.
    pub fn may_become(self, next: Self) -> bool {
        use IntentState as S;
        match self {
            // A close is gated in the step that sends it.
            S::Planned => {
                matches!(next, S::Approved | S::Sending | S::Cancelled | S::Expired)
            }
            S::Approved => matches!(next, S::Sending | S::Filled | S::Cancelled | S::Expired),
            S::Sending | S::Unknown | S::Live => !matches!(next, S::Planned | S::Sending),
            // A late fill of an order already ended is still a fill.
            S::Cancelled | S::Expired => matches!(next, S::Filled),
            S::Filled | S::Rejected => false,
        }
    }

    /// The word in status and journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Approved => "approved",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Live => "live",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
        }
    }
}

/// Where one send stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Durable; may have left.
    Sending,
    /// No definite answer.
    Unknown,
    /// The broker has it.
    Working,
    /// All of it filled.
    Filled,
    /// Cancelled and confirmed.
    Cancelled,
    /// Ended with the session.
    Expired,
    /// Refused by the broker.
    Rejected {
        /// The broker's words.
        reason: String,
    },
    /// Proven not to have left.
    NotSent {
        /// Why.
        reason: String,
    },
}

impl AttemptStatus {
    /// Nothing more will happen to it.
    pub fn is_ended(&self) -> bool {
        !matches!(self, Self::Sending | Self::Unknown | Self::Working)
    }
}

/// One send of an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// `<intent>/<attempt>`.
    pub external_id: String,
    /// The broker's id, once known.
    pub order: Option<BrokerOrderId>,
    /// Legs for one unit, where they are not the intent's own: the laggards of unbalanced fills.
    pub legs: Option<Vec<Leg>>,
    /// Units sent: the remainder at that moment.
    pub units: u32,
    /// Net limit a unit.
    pub limit: NetPrice,
    /// The instant it became durable, just before it left.
    pub at: Timestamp,
    /// The broker's last transaction that was read before it left: what it traded comes after.
    #[serde(default)]
    pub after_transaction: u64,
    /// Where it stands.
    #[serde(flatten)]
    pub status: AttemptStatus,
}

/// An intent with everything that happened to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntentRecord {
    /// What is wanted.
    pub intent: Intent,
    /// Where it stands.
    pub state: IntentState,
    /// Its last sends, in order; at most one has not ended. The journal has them all.
    pub attempts: Vec<Attempt>,
    /// Sends so far.
    pub sends: u32,
    /// The instant of the first send.
    pub begun_at: Option<Timestamp>,
    /// The net market at the first send: an entry's ladder walks from there.
    pub start: Option<Book>,
    /// Every fill, each once.
    pub fills: Vec<Fill>,
    /// Since when some legs have run ahead of others; `None` while they are even.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uneven_since: Option<Timestamp>,
    /// Ids of fills beyond what was ever wanted: told, and not taken over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excess: Vec<String>,
    /// Somebody wants it gone, and why; kept so that a restart goes on cancelling.
    pub cancel: Option<String>,
    /// Why it ended as it did.
    pub ended: Option<String>,
    /// The instant it was made.
    pub created_at: Timestamp,
    /// The instant of its last change.
    pub updated_at: Timestamp,
}

impl IntentRecord {
    /// A new record: an entry comes approved by the gate, an exit is planned and gated at each send.
    pub fn new(intent: Intent, state: IntentState, at: Timestamp) -> Self {
        Self {
            intent,
            state,
            attempts: Vec::new(),
            sends: 0,
            begun_at: None,
            start: None,
            fills: Vec::new(),
            uneven_since: None,
            excess: Vec::new(),
            cancel: None,
            ended: None,
            created_at: at,
            updated_at: at,
        }
    }

    /// The id.
    pub fn id(&self) -> &IntentId {
        &self.intent.id
    }

    /// True for an order that opens.
    pub fn is_entry(&self) -> bool {
        self.intent.purpose == Purpose::Entry
    }

    /// True for an order that opens anything: an entry, or a change of an open position.
    pub fn opens(&self) -> bool {
        !matches!(self.intent.purpose, Purpose::Exit { .. })
    }

    /// True for the resting profit order.
    pub fn is_resting(&self) -> bool {
        self.intent.ladder == Ladder::Resting
    }

    /// The send that has not ended, if any.
    pub fn working(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| !attempt.status.is_ended())
    }

    /// What is still to be filled: legs for one unit and units; `None` when nothing is.
    ///
    /// Balanced fills leave the order's own legs and fewer units; legs that ran ahead leave only
    /// the laggards. A leg is never asked for more than it lacks, so no sign can flip.
    pub fn remainder(&self) -> Option<(Vec<Leg>, u32)> {
        remainder(&self.intent.legs, self.intent.units, &self.fills)
    }

    /// The legs that lag behind: what makes every unit that was begun whole. `None` while the legs
    /// are even.
    pub fn laggards(&self) -> Option<(Vec<Leg>, u32)> {
        remainder(&self.intent.legs, self.begun_units(), &self.fills)
    }

    /// Units of which any leg has filled.
    pub fn begun_units(&self) -> u32 {
        let units = |leg: &Leg| filled(leg, &self.fills).div_ceil(leg.ratio);
        self.intent.legs.iter().map(units).max().unwrap_or(0)
    }

    /// What the next send asks for: an order that opens makes whole what it has begun before it
    /// begins more.
    pub fn lacking(&self) -> Option<(Vec<Leg>, u32)> {
        let laggards = if self.opens() { self.laggards() } else { None };
        laggards.or_else(|| self.remainder())
    }

    /// The legs a send asked for, for one unit.
    pub fn legs_of<'a>(&'a self, attempt: &'a Attempt) -> &'a [Leg] {
        attempt.legs.as_ref().unwrap_or(&self.intent.legs)
    }

    /// Some fills were taken from the broker's books because the order did not show them.
    pub fn has_booked_fills(&self) -> bool {
        self.fills.iter().any(|fill| fill.id.starts_with(BOOKED))
    }

    /// The send an order belongs to; `None` for an order of somebody else's, and for a send so old
    /// that it is no longer kept.
    pub fn attempt_of(&self, order: &BrokerOrder) -> Option<&Attempt> {
        self.position_of(order).map(|index| &self.attempts[index])
    }

    /// Writes down a send before it leaves. The caller commits it, then sends. `after` is the last
    /// of the broker's transactions that the ledger has read.
    ///
    /// Returns `None` when nothing is left to send or a send has not ended.
    pub fn begin_attempt(&mut self, limit: NetPrice, after: u64, at: Timestamp) -> Option<Attempt> {
        if self.working().is_some() {
            return None;
        }
        let (legs, units) = self.lacking()?;
        let number = self.sends.checked_add(1)?;
        let legs = (legs != self.intent.legs).then_some(legs);
        let attempt = Attempt {
            number,
            external_id: format!("{}/{number}", self.intent.id),
            order: None,
            legs,
            units,
            limit,
            at,
            after_transaction: after,
            status: AttemptStatus::Sending,
        };
        self.sends = number;
        self.begun_at.get_or_insert(at);
        let surplus = self.attempts.len().saturating_sub(ATTEMPTS_KEPT - 1);
        self.attempts.drain(..surplus);
        self.attempts.push(attempt.clone());
        self.state = IntentState::Sending;
        self.updated_at = at;
        Some(attempt)
    }

    /// True for an order that is one of this intent's sends.
    pub fn sent(&self, order: &BrokerOrder) -> bool {
        self.position_of(order).is_some() || self.is_old_send(order)
    }

    /// Takes over what the broker says of one of our orders. Returns the fills not seen before.
    ///
    /// An order that is none of this intent's sends changes nothing.
    pub fn apply(&mut self, order: &BrokerOrder, at: Timestamp) -> Vec<Fill> {
        if !self.sent(order) {
            return Vec::new();
        }
        let index = self.position_of(order);
        let mut fresh = self.fresh_fills(order);
        if planted::on(Bug::ApplyFillTwice) {
            fresh.extend(fresh.clone());
        }
        let told = self.excess.len();
        self.note_excess(order, &fresh);
        self.fills.extend(fresh.iter().cloned());
        let mut changed = !fresh.is_empty() || self.excess.len() > told;
        if let Some(index) = index {
            let status = self.status_of(order, index);
            let attempt = &mut self.attempts[index];
            changed |= attempt.order.as_ref() != Some(&order.id);
            attempt.order = Some(order.id.clone());
            if attempt.status != status && (!attempt.status.is_ended() || status.is_ended()) {
                attempt.status = status;
                changed = true;
            }
        }
        if changed {
            self.updated_at = at;
            self.uneven_since = self.laggards().map(|_| self.uneven_since.unwrap_or(at).min(at));
            self.settle_state();
        }
        fresh
    }

    /// The fills of an order that are not known yet and that the intent still wants. No leg takes
    /// more than its target, whatever is told.
    fn fresh_fills(&self, order: &BrokerOrder) -> Vec<Fill> {
        if order.status == OrderStatus::Cancelled && planted::on(Bug::IgnoreFillsOfCancelled) {
            return Vec::new();
        }
        let known: BTreeSet<&str> = self.fills.iter().map(|fill| fill.id.as_str()).collect();
        let mut fresh: Vec<Fill> = Vec::new();
        for fill in &order.fills {
            let seen = known.contains(fill.id.as_str()) || fresh.iter().any(|f| f.id == fill.id);
            if !seen && self.room_for(fill, &fresh) >= fill.quantity {
                fresh.push(fill.clone());
            }
        }
        fresh
    }

    /// How many contracts of a fill's leg the intent still wants besides `fresh`.
    fn room_for(&self, fill: &Fill, fresh: &[Fill]) -> u32 {
        let same = |leg: &&Leg| leg.instrument == fill.instrument && leg.side == fill.side;
        let leg = self.intent.legs.iter().find(same);
        leg.map_or(0, |leg| {
            let wanted = self.intent.units.saturating_mul(leg.ratio);
            wanted.saturating_sub(filled(leg, &self.fills) + filled(leg, fresh))
        })
    }

    fn note_excess(&mut self, order: &BrokerOrder, fresh: &[Fill]) {
        for fill in &order.fills {
            let known = self.fills.iter().chain(fresh).any(|f| f.id == fill.id);
            let told = self.excess.contains(&fill.id);
            if !known && !told && self.excess.len() < EXCESS_KEPT {
                self.excess.push(fill.id.clone());
            }
        }
    }

    /// What an order's status means for its send. An order told as filled works on until its fills
    /// account for it: the broker says so before it shows the fills of every leg.
    fn status_of(&self, order: &BrokerOrder, index: usize) -> AttemptStatus {
        let attempt = &self.attempts[index];
        let status = attempt_status(order);
        let asked = |leg: &Leg| attempt.units.saturating_mul(leg.ratio);
        let of_order = |fill: &&Fill| order.fills.iter().any(|told| told.id == fill.id);
        let taken: Vec<Fill> = self.fills.iter().filter(of_order).cloned().collect();
        let shown = |leg: &Leg| filled(leg, &taken);
        let accounted = self.legs_of(attempt).iter().all(|leg| shown(leg) >= asked(leg));
        if status == AttemptStatus::Filled && !accounted && self.remainder().is_some() {
            return AttemptStatus::Working;
        }
        status
    }

    /// Marks the send that has not ended as known not to have left, or as unknown.
    pub fn mark_working(&mut self, status: AttemptStatus, at: Timestamp) {
        if let Some(attempt) = self.attempts.iter_mut().find(|a| !a.status.is_ended()) {
            attempt.status = status;
            self.updated_at = at;
            self.settle_state();
        }
    }

    /// Ends an intent of which nothing is at the broker.
    pub fn end(&mut self, state: IntentState, reason: impl Into<String>, at: Timestamp) {
        debug_assert!(self.working().is_none(), "an intent never ends over a working order");
        if !self.state.is_terminal() {
            self.state = state;
            self.ended = Some(reason.into());
            self.updated_at = at;
        }
    }

    /// One of this intent's sends that is no longer kept: only a late fill of it matters.
    fn is_old_send(&self, order: &BrokerOrder) -> bool {
        let external = order.external_id.as_deref().and_then(|id| id.rsplit_once('/'));
        external.is_some_and(|(id, number)| {
            id == self.intent.id.0 && number.parse::<u32>().is_ok_and(|n| n <= self.sends)
        })
    }

    fn position_of(&self, order: &BrokerOrder) -> Option<usize> {
        self.attempts.iter().position(|attempt| {
            attempt.order.as_ref() == Some(&order.id)
                || order.external_id.as_deref() == Some(attempt.external_id.as_str())
        })
    }

    /// The state that follows from the attempts and the fills.
    fn settle_state(&mut self) {
        let next = self.derived_state();
        if next != self.state && self.state.may_become(next) {
            if let (IntentState::Rejected, Some(AttemptStatus::Rejected { reason })) =
                (next, self.attempts.last().map(|a| &a.status))
            {
                self.ended = Some(reason.clone());
            }
            self.state = next;
        }
    }

    fn derived_state(&self) -> IntentState {
        if let Some(working) = self.working() {
            return match working.status {
                AttemptStatus::Working => IntentState::Live,
                AttemptStatus::Unknown => IntentState::Unknown,
                _ => IntentState::Sending,
            };
        }
        if self.remainder().is_none() {
            return IntentState::Filled;
        }
        match self.attempts.last().map(|attempt| &attempt.status) {
            Some(AttemptStatus::Rejected { .. }) => IntentState::Rejected,
            Some(AttemptStatus::Expired) => IntentState::Expired,
            _ => IntentState::Approved,
        }
    }
}

fn attempt_status(order: &BrokerOrder) -> AttemptStatus {
    match order.status {
        OrderStatus::Received | OrderStatus::Live | OrderStatus::CancelRequested => {
            AttemptStatus::Working
        }
        OrderStatus::Filled => AttemptStatus::Filled,
        OrderStatus::Cancelled => AttemptStatus::Cancelled,
        OrderStatus::Expired => AttemptStatus::Expired,
        OrderStatus::Rejected => AttemptStatus::Rejected {
            reason: order.reject_reason.clone().unwrap_or_else(|| "no reason given".to_owned()),
        },
    }
}

/// What `units` of `legs` still lack after `fills`, in lowest terms.
pub fn remainder(legs: &[Leg], units: u32, fills: &[Fill]) -> Option<(Vec<Leg>, u32)> {
    let lack = |leg: &Leg| units.saturating_mul(leg.ratio).saturating_sub(filled(leg, fills));
    let lacking: Vec<u32> = legs.iter().map(lack).collect();
    let balanced = legs.iter().zip(&lacking).all(|(leg, lack)| lack % leg.ratio == 0)
        && legs
            .iter()
            .zip(&lacking)
            .map(|(leg, lack)| lack / leg.ratio)
            .collect::<BTreeSet<_>>()
            .len()
            == 1;
    if balanced {
        let units = legs.first().map_or(0, |leg| lacking[0] / leg.ratio);
        return (units > 0).then(|| (legs.to_vec(), units));
    }
    let divisor = lacking.iter().copied().filter(|lack| *lack > 0).reduce(gcd)?;
    let rest = legs.iter().zip(&lacking).filter(|(_, lack)| **lack > 0);
    let rest = rest.map(|(leg, lack)| Leg { ratio: lack / divisor, ..leg.clone() }).collect();
    Some((rest, divisor))
}

fn filled(leg: &Leg, fills: &[Fill]) -> u32 {
    let of_leg = fills.iter().filter(|f| f.instrument == leg.instrument && f.side == leg.side);
    of_leg.fold(0, |sum, fill| sum.saturating_add(fill.quantity))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
