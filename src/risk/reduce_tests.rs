//! The gate for risk-reducing orders: its short list, and nothing else.

use rust_decimal::dec;

use super::{Reducing, Refusal, reduce_gate};
use crate::{
    account::{
        Effect, ExitReason, IntentId, NetPrice, Position, PositionId, Side, StrategyId,
        hold::{Hold, Level},
    },
    calendar::Session,
    clock::Timestamp,
    config::Rulebook,
    instrument::Instrument,
    market::OptionQuote,
    money::Usd,
    strategy::{
        Intent, Ladder, Purpose,
        closing::{Scope, closing},
        friday_0dte::fixture::*,
    },
};

/// A position, and the order that closes it.
struct Case {
    rulebook: Rulebook,
    now: Timestamp,
    session: Option<Session>,
    holds: Vec<Hold>,
    position: Position,
    quotes: Vec<OptionQuote>,
    confirmed_at: Option<Timestamp>,
    existing: Vec<IntentId>,
    orders_last_minute: u32,
    intent: Intent,
}

impl Case {
    fn new() -> Self {
        let candidate = candidate();
        let position = position(&candidate, dec!(6));
        let intent = close(&position, Scope::All, dec!(-30));
        Self {
            rulebook: rulebook(),
            now: at("10:30:30"),
            session: Some(friday()),
            holds: Vec::new(),
            position,
            quotes: candidate.quotes,
            confirmed_at: None,
            existing: Vec::new(),
            orders_last_minute: 0,
            intent,
        }
    }

    fn refusal(&self) -> Option<Refusal> {
        let facts = Reducing {
            rulebook: &self.rulebook,
            now: self.now,
            session: self.session.as_ref(),
            holds: &self.holds,
            position: &self.position,
            quotes: &self.quotes,
            confirmed_at: self.confirmed_at,
            existing: &self.existing,
            orders_last_minute: self.orders_last_minute,
        };
        reduce_gate(&facts, self.intent.clone()).err().map(|refused| refused.why)
    }
}

fn close(position: &Position, scope: Scope, limit: rust_decimal::Decimal) -> Intent {
    let order = closing(position, scope).unwrap();
    Intent {
        id: IntentId(format!("{}-x1", position.id)),
        strategy: StrategyId::Friday0dte,
        product: position.product,
        purpose: Purpose::Exit { position: position.id.clone(), reason: ExitReason::Stop },
        slot: at("10:30:30"),
        legs: order.legs,
        units: order.units,
        ladder: Ladder::Exit,
        limit: NetPrice(limit),
        tick: dec!(0.05),
        width: position.width,
        max_loss_usd: Usd::ZERO,
        requirement_usd: Usd::ZERO,
    }
}

fn changed(change: impl FnOnce(&mut Case)) -> Option<String> {
    let mut case = Case::new();
    change(&mut case);
    case.refusal().map(|why| why.row().limit)
}

#[allow(clippy::unnecessary_wraps)] // stands beside `None` in the cases
fn refused(limit: &str) -> Option<String> {
    Some(limit.to_owned())
}

fn hold(level: Level) -> Vec<Hold> {
    let (name, cause) = ("operator".to_owned(), "asked by the owner".to_owned());
    vec![Hold { name, level, cause, since: at("10:00:00"), until: None }]
}

#[test]
fn a_close_of_what_is_held_passes_whatever_stops_entries() {
    assert_eq!(changed(|_| ()), None);
    assert_eq!(changed(|c| c.holds = hold(Level::Reducing)), None);
    assert_eq!(changed(|c| c.holds = hold(Level::Flattening)), None);
    assert_eq!(changed(|c| c.rulebook.friday_0dte.enabled = false), None);
}

#[test]
fn halted_stops_it_except_what_expires_today_and_was_just_confirmed() {
    let halted = |confirmed: Option<&'static str>, expires_today: bool| {
        changed(|c| {
            c.holds = hold(Level::Halted);
            c.confirmed_at = confirmed.map(at);
            if !expires_today {
                let later = "2024-08-09".parse().unwrap();
                for leg in &mut c.position.legs {
                    if let Instrument::Option(contract) = &mut leg.instrument {
                        contract.series.expiration = later;
                    }
                }
                c.quotes.iter_mut().for_each(|q| q.contract.series.expiration = later);
                c.intent = close(&c.position, Scope::All, dec!(-30));
            }
        })
    };
    assert_eq!(halted(Some("10:29:30.001"), true), None);
    assert_eq!(halted(Some("10:29:30"), true), refused("data"), "60 s is not under 60 s");
    assert_eq!(halted(None, true), refused("data"));
    assert_eq!(halted(Some("10:30:30"), false), refused("latch"));
}

#[test]
fn orders_leave_in_regular_hours_only() {
    assert_eq!(changed(|c| c.session = None), refused("session"));
    assert_eq!(changed(|c| c.now = at("16:00:00")), refused("session"));
    assert_eq!(changed(|c| c.now = at("09:29:59")), refused("session"));
}

#[test]
fn each_short_legs_ask_is_fresh_and_not_crossed_and_longs_may_be_anything() {
    // Legs: short put, long put, short call, long call.
    for leg in [0, 2] {
        assert_eq!(changed(|c| c.quotes[leg].ask = dec!(0)), refused("data"));
        assert_eq!(changed(|c| c.quotes[leg].bid = dec!(99)), refused("data"));
        assert_eq!(changed(|c| c.quotes[leg].at = at("10:29:29")), refused("data"));
        assert_eq!(changed(|c| c.quotes[leg].at = at("10:29:30")), None, "60 s");
        assert_eq!(changed(|c| c.quotes[leg].bid = dec!(0)), None, "no bid is no hindrance");
        assert_eq!(changed(|c| c.quotes[leg].delta = f64::NAN), None, "prices are what counts");
        assert_eq!(changed(|c| drop(c.quotes.remove(leg))), refused("data"));
    }
    for leg in [1, 3] {
        assert_eq!(changed(|c| c.quotes[leg].ask = dec!(0)), None);
        assert_eq!(changed(|c| c.quotes[leg].at = at("09:40:00")), None);
    }
}

#[test]
fn the_order_closes_no_more_than_is_held_and_nothing_else() {
    let effect = refused("effect");
    assert_eq!(changed(|c| c.intent.legs[0].effect = Effect::Open), effect);
    assert_eq!(changed(|c| c.intent.legs[0].side = Side::Sell), effect);
    assert_eq!(changed(|c| c.intent.legs[0].ratio = 2), effect);
    assert_eq!(changed(|c| c.intent.legs[0].ratio = 0), effect);
    assert_eq!(changed(|c| c.intent.units = 2), effect);
    assert_eq!(changed(|c| c.position.legs[0].quantity = 0), effect);
    assert_eq!(changed(|c| drop(c.position.legs.remove(0))), effect);
    assert_eq!(changed(|c| c.intent.purpose = Purpose::Entry), effect);
    let other = PositionId("another".to_owned());
    let reason = ExitReason::Stop;
    assert_eq!(changed(|c| c.intent.purpose = Purpose::Exit { position: other, reason }), effect);
    assert_eq!(changed(|c| c.intent = close(&c.position, Scope::ShortsOnly, dec!(-30))), None);
}

#[test]
fn buying_back_is_a_debit_and_selling_longs_a_credit() {
    for limit in [dec!(0), dec!(0.05)] {
        assert_eq!(changed(|c| c.intent.limit = NetPrice(limit)), refused("sign"));
    }
    let longs = |limit| {
        changed(|c| {
            c.position.legs[0].quantity = 0;
            c.position.legs[2].quantity = 0;
            c.intent = close(&c.position, Scope::All, limit);
        })
    };
    assert_eq!(longs(dec!(0.05)), None);
    assert_eq!(longs(dec!(0)), refused("sign"));
    assert_eq!(longs(dec!(-0.05)), refused("sign"));
}

#[test]
fn it_has_its_own_count_and_its_own_duplicates() {
    assert_eq!(changed(|c| c.orders_last_minute = 59), None);
    assert_eq!(changed(|c| c.orders_last_minute = 60), refused("orders_a_minute"));
    assert_eq!(changed(|c| c.existing = vec![c.intent.id.clone()]), refused("duplicate"));
    assert_eq!(changed(|c| c.existing = vec![IntentId("zdte-20240802-1".to_owned())]), None);
}
