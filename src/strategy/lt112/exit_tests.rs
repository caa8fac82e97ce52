//! Exits, clause by clause of rulebook §4.2.

use rust_decimal::{Decimal, dec};

use super::{decide, is_hedge};
use crate::{
    account::{ExitReason, NetPrice},
    instrument::Product,
    strategy::{
        closing::Scope,
        fixture::{WEDNESDAY, Watch, account, date, product_data, strike},
        ladder::Urgency,
        manage::{ExitAction, Warning},
    },
};

/// An ES LT112 that expires on 2024-12-05, with its legs at 60, 52 and 8: a credit of 8, the puts
/// sold bringing 16 of it.
fn world() -> Watch {
    let mut snapshot = account(date(WEDNESDAY), "10:00:00");
    let data = product_data(Product::Es, dec!(5400), dec!(25), 120, snapshot.now);
    snapshot.products.insert(Product::Es, data);
    let candidate = decide(&snapshot).candidates.swap_remove(0);
    let mut watch = Watch::new(&candidate, dec!(5400), snapshot.now);
    for (leg, mid) in [dec!(60), dec!(52), dec!(8)].into_iter().enumerate() {
        watch.price(leg, mid);
        watch.position.legs[leg].open_price = mid;
    }
    watch.position.credit = dec!(8);
    watch
}

fn naked(watch: &Watch) -> Scope {
    Scope::Beneath(strike(&watch.position.legs[1].instrument))
}

fn close(reason: ExitReason, scope: Scope) -> ExitAction {
    ExitAction::Close { reason, scope, urgency: Urgency::Whole }
}

const DAY: &str = "2024-09-04";

#[test]
fn the_naked_puts_rest_at_ten_percent_of_what_they_brought() {
    let mut watch = world();
    // Two units of one put: each was sold for 8.
    let rest = ExitAction::RestProfit { limit: NetPrice(dec!(-0.80)), scope: naked(&watch) };
    assert_eq!(watch.round(DAY, "11:00:00").actions, [rest]);
    assert!(!is_hedge(&watch.position));
    watch.gone(2);
    assert!(watch.round(DAY, "11:01:00").actions.is_empty(), "the hedge rests");
    assert!(is_hedge(&watch.position));
}

#[test]
fn the_naked_puts_stop_at_a_loss_of_twice_their_credit_and_the_hedge_stays() {
    let mut watch = world();
    // 16 came in: a loss of 32 is a mark of 48, 24 a put. The hedge's gain counts nothing.
    watch.price(0, dec!(200)).price(1, dec!(160)).price(2, dec!(23.95));
    for clock in ["11:00:00", "11:01:00"] {
        let action = watch.round(DAY, clock).actions[0];
        assert!(matches!(action, ExitAction::RestProfit { .. }), "{clock}");
    }
    watch.price(2, dec!(24));
    let first = watch.round(DAY, "11:02:00").actions;
    assert!(matches!(first[0], ExitAction::RestProfit { .. }), "one observation is not enough");
    let scope = naked(&watch);
    assert_eq!(watch.round(DAY, "11:03:00").actions, [close(ExitReason::Stop, scope)]);
    watch.price(2, dec!(10));
    let later = watch.round(DAY, "11:04:00").actions;
    assert_eq!(later, [close(ExitReason::Stop, scope)], "it goes on until they are gone");
    watch.gone(2);
    assert!(watch.round(DAY, "11:05:00").actions.is_empty(), "the hedge stays");
    assert_eq!(watch.memory.closing_part, None);
}

#[test]
fn the_naked_puts_close_at_thirty_days_and_the_hedge_at_seven() {
    let mut watch = world();
    let scope = naked(&watch);
    // The expiration is 2024-12-05.
    let rests = |actions: &[ExitAction]| matches!(actions, [ExitAction::RestProfit { .. }]);
    assert!(rests(&watch.round("2024-11-04", "15:59:00").actions), "31 days");
    assert!(rests(&watch.round("2024-11-05", "09:44:59").actions), "30 days, no marks yet");
    let closes = [close(ExitReason::Dte, scope)];
    assert_eq!(watch.round("2024-11-05", "09:45:00").actions, closes);
    watch.gone(2);
    assert!(watch.round("2024-11-27", "10:00:00").actions.is_empty(), "8 days");
    let all = [close(ExitReason::Dte, Scope::All)];
    assert_eq!(watch.round("2024-11-28", "10:00:00").actions, all, "7 days");
}

#[test]
fn puts_still_held_at_seven_days_close_with_the_hedge() {
    let mut watch = world();
    let all = [close(ExitReason::Dte, Scope::All)];
    assert_eq!(watch.round("2024-11-29", "10:00:00").actions, all);
}

#[test]
fn all_closes_within_25_points_of_the_naked_puts_and_50_is_told() {
    let mut watch = world();
    let low = strike(&watch.position.legs[2].instrument);
    let hedge = strike(&watch.position.legs[1].instrument);
    let rests = |actions: &[ExitAction]| matches!(actions, [ExitAction::RestProfit { .. }]);
    watch.last(hedge + dec!(5));
    assert!(rests(&watch.round(DAY, "11:00:00").actions), "the hedge's own strike is no danger");
    watch.last(low + dec!(50.25));
    assert!(rests(&watch.round(DAY, "11:01:00").actions));
    watch.last(low + dec!(50));
    let told = watch.round(DAY, "11:02:00").actions;
    assert_eq!(told[0], ExitAction::Warn(Warning::NearStrike));
    assert!(rests(&watch.round(DAY, "11:03:00").actions), "told once");
    watch.last(low + dec!(25));
    assert!(rests(&watch.round(DAY, "11:04:00").actions), "one observation");
    watch.last(low + dec!(26));
    assert!(rests(&watch.round(DAY, "11:05:00").actions), "the row is broken");
    watch.last(low + dec!(25));
    watch.round(DAY, "11:06:00");
    assert!(rests(&watch.round(DAY, "11:06:00").actions), "no second at one instant");
    let all = [close(ExitReason::NearStrike, Scope::All)];
    assert_eq!(watch.round(DAY, "11:07:00").actions, all);
    watch.last(dec!(5400));
    assert_eq!(watch.round(DAY, "11:08:00").actions, all, "once begun it goes on");
}

#[test]
fn the_distance_needs_a_fresh_price_and_a_regular_hour() {
    let mut watch = world();
    let low = strike(&watch.position.legs[2].instrument);
    watch.last(low);
    for clock in ["09:43:00", "09:44:00"] {
        watch.round(DAY, clock);
    }
    assert_eq!(watch.memory.closing, None, "not in the first minutes");
    watch.underlying = None;
    for clock in ["10:00:00", "10:01:00"] {
        watch.round(DAY, clock);
    }
    assert_eq!(watch.memory.closing, None, "not without a price");
}

#[test]
fn with_the_naked_puts_gone_no_price_closes_the_hedge() {
    let mut watch = world();
    watch.gone(2);
    watch.last(strike(&watch.position.legs[2].instrument));
    watch.round(DAY, "11:00:00");
    assert!(watch.round(DAY, "11:01:00").actions.is_empty());
}

#[test]
fn missing_marks_of_the_naked_puts_are_told_once() {
    let mut watch = world();
    watch.round(DAY, "11:00:00");
    watch.quotes[2].ask += dec!(20);
    let told = |actions: &[ExitAction]| {
        actions.iter().any(|action| matches!(action, ExitAction::AlertNoMark { .. }))
    };
    assert!(!told(&watch.round(DAY, "11:01:00").actions));
    assert!(told(&watch.round(DAY, "11:02:00").actions), "two minutes");
    assert!(!told(&watch.round(DAY, "11:03:00").actions));
}

#[test]
fn an_uneven_entry_is_closed_shorts_first() {
    let mut watch = world();
    watch.memory.closing = Some(ExitReason::Incomplete);
    let shorts = [close(ExitReason::Incomplete, Scope::ShortsOnly)];
    assert_eq!(watch.round(DAY, "11:00:00").actions, shorts);
}

#[test]
fn the_defined_form_takes_ninety_percent_of_what_its_spreads_brought() {
    let mut snapshot = account(date(WEDNESDAY), "10:00:00");
    snapshot.stage = crate::config::stages::StageId::Two;
    let data = product_data(Product::Mes, dec!(5400), dec!(25), 120, snapshot.now);
    snapshot.products.insert(Product::Mes, data);
    let candidate = decide(&snapshot).candidates.swap_remove(0);
    let mut watch = Watch::new(&candidate, dec!(5400), snapshot.now);
    for (leg, mid) in [dec!(90), dec!(75), dec!(30), dec!(20)].into_iter().enumerate() {
        watch.price(leg, mid);
        watch.position.legs[leg].open_price = mid;
    }
    let limit: Decimal = dec!(-1.00); // each spread was sold for 10
    let rest = ExitAction::RestProfit { limit: NetPrice(limit), scope: naked(&watch) };
    assert_eq!(watch.round(DAY, "11:00:00").actions, [rest]);
}
