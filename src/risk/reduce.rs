//! The gate for risk-reducing orders: its own short list (rulebook §5), so that nothing that
//! guards entries can keep a position from being closed.

use chrono::TimeDelta;

use super::{
    Approved, Refused, Verdict,
    data::{self, leg_name},
    refusal::{Input, Refusal},
};
use crate::{
    account::{
        Effect, IntentId, Leg, Position, PositionLeg, Side,
        hold::{Hold, Level},
    },
    calendar::{Session, new_york_date},
    clock::Timestamp,
    config::Rulebook,
    instrument::Instrument,
    market::OptionQuote,
    strategy::{
        Intent,
        closing::{certain_sign, quote_of},
        ladder::Sign,
    },
};

/// A read of the broker's holdings may be this old to close a position that expires today while
/// HALTED (rulebook §6).
const CONFIRMED_SECONDS_MAX: i64 = 60;

/// What a risk-reducing order is judged on.
#[derive(Debug, Clone, Copy)]
pub struct Reducing<'a> {
    /// The figures in force.
    pub rulebook: &'a Rulebook,
    /// The moment.
    pub now: Timestamp,
    /// The session of the day, if it is one.
    pub session: Option<&'a Session>,
    /// Active holds.
    pub holds: &'a [Hold],
    /// The position it reduces, with what is still open.
    pub position: &'a Position,
    /// Fresh quotes of its legs.
    pub quotes: &'a [OptionQuote],
    /// When the broker last confirmed that it holds these legs.
    pub confirmed_at: Option<Timestamp>,
    /// Ids of intents that exist.
    pub existing: &'a [IntentId],
    /// Risk-reducing orders sent in the last minute.
    pub orders_last_minute: u32,
}

/// Approves a risk-reducing intent, or refuses it with the first check it breaks.
pub fn reduce_gate(facts: &Reducing<'_>, intent: Intent) -> Verdict {
    match first_broken(facts, &intent) {
        Ok(()) => Ok(Approved(intent)),
        Err(why) => Err(Box::new(Refused { what: intent, why })),
    }
}

fn first_broken(facts: &Reducing<'_>, intent: &Intent) -> Result<(), Refusal> {
    latch(facts)?;
    if !facts.session.is_some_and(|session| session.contains(facts.now)) {
        return Err(Refusal::SessionClosed { at: facts.now });
    }
    intent.legs.iter().try_for_each(|leg| leg_reduces(facts, intent, leg))?;
    sign(intent)?;
    intent.legs.iter().try_for_each(|leg| ask(facts, leg))?;
    own_bounds(facts, intent)
}

/// No duplicate, and the minute's own count.
pub(super) fn own_bounds(facts: &Reducing<'_>, intent: &Intent) -> Result<(), Refusal> {
    if facts.existing.contains(&intent.id) {
        return Err(Refusal::Duplicate { id: intent.id.clone() });
    }
    let orders = facts.orders_last_minute.saturating_add(1);
    let bound = facts.rulebook.limits.reducing_orders_a_minute;
    if orders > bound {
        return Err(Refusal::OrdersAMinute { orders, bound });
    }
    Ok(())
}

/// HALTED stops it, except a position that expires today and that the broker confirmed within the
/// last minute: not closing that is the greater risk.
fn latch(facts: &Reducing<'_>) -> Result<(), Refusal> {
    let Some(hold) = facts.holds.iter().find(|hold| hold.level == Level::Halted) else {
        return Ok(());
    };
    if !expires_today(facts) {
        return Err(Refusal::Latch { level: hold.level, cause: hold.cause.clone() });
    }
    let confirmed = facts.confirmed_at.ok_or(Refusal::Missing { what: Input::Holdings })?;
    let age = facts.now - confirmed;
    if age < TimeDelta::seconds(CONFIRMED_SECONDS_MAX) {
        return Ok(());
    }
    let (what, seconds) = (Input::Holdings, age.num_seconds());
    Err(Refusal::Stale { what, seconds, bound: CONFIRMED_SECONDS_MAX })
}

fn expires_today(facts: &Reducing<'_>) -> bool {
    let today = new_york_date(facts.now);
    facts.position.legs.iter().filter(|leg| leg.quantity != 0).all(|leg| match &leg.instrument {
        Instrument::Option(contract) => contract.series.expiration == today,
        Instrument::Future { .. } | Instrument::Shares { .. } => false,
    })
}

/// Strict position effect: the leg closes, against what is held, no more than is held.
pub(super) fn leg_reduces(facts: &Reducing<'_>, intent: &Intent, leg: &Leg) -> Result<(), Refusal> {
    let refused = || Refusal::NotReducing { leg: leg_name(&leg.instrument) };
    let of_position = intent.purpose.position() == Some(&facts.position.id);
    let held = facts.position.legs.iter().find(|held| held.instrument == leg.instrument);
    let held = held.ok_or_else(refused)?;
    let wanted = i64::from(leg.ratio) * i64::from(intent.units);
    let closes = leg.effect == Effect::Close && opposes(held, leg.side);
    if of_position && closes && wanted > 0 && wanted <= held.quantity.abs() {
        return Ok(());
    }
    Err(refused())
}

fn opposes(held: &PositionLeg, side: Side) -> bool {
    held.quantity.signum() == -side.sign()
}

/// Closing what was sold costs a debit, closing what was bought brings a credit, whatever the
/// market; with what can be either the price has a sign.
fn sign(intent: &Intent) -> Result<(), Refusal> {
    let asked = Sign::of(intent.limit);
    let certain = certain_sign(&intent.legs);
    let right = asked.is_some() && (certain.is_none() || certain == asked);
    if right { Ok(()) } else { Err(Refusal::Sign { price: intent.limit }) }
}

/// A short leg's ask is there, fresh and not crossed.
fn ask(facts: &Reducing<'_>, leg: &Leg) -> Result<(), Refusal> {
    if leg.side == Side::Sell || !matches!(leg.instrument, Instrument::Option(_)) {
        return Ok(());
    }
    let quote = quote_of(&leg.instrument, facts.quotes);
    let name = leg_name(&leg.instrument);
    let quote = quote.ok_or(Refusal::Missing { what: Input::Leg(name) })?;
    data::quote(&facts.rulebook.limits, quote, facts.now)
}
