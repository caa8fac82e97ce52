//! The butterfly, clause by clause of rulebook §4.6.

use std::sync::Arc;

use rust_decimal::dec;

use super::*;
use crate::{
    account::{ExitReason, NetPrice, Position, Side},
    instrument::{Instrument, Right},
    market::OptionQuote,
    strategy::{
        Snapshot,
        closing::Scope,
        far_fixture::{filled, seen_at},
        friday_0dte::fixture::{at, early_friday, friday, product_data, rulebook, snapshot},
        ladder::Urgency,
        manage::ExitAction,
    },
};

/// ES that opened at `open` and trades at 5400.
fn with(open: Decimal, change: impl FnOnce(&mut Snapshot)) -> Decision {
    let mut snapshot = snapshot();
    Arc::make_mut(&mut snapshot.rulebook).butterfly.products = vec![Product::Es];
    let mut data = product_data(Product::Es, open, dec!(5400));
    snapshot.now = at("10:35:00");
    if let Ok(underlying) = &mut data.underlying {
        underlying.at = snapshot.now;
    }
    let quotes = &mut data.chains[0].chain.quotes;
    *quotes = seen_at(quotes, snapshot.now);
    if let Some(vix) = &mut snapshot.vix {
        vix.at = snapshot.now;
    }
    snapshot.products = [(Product::Es, data)].into();
    change(&mut snapshot);
    Butterfly.decide(&snapshot)
}

fn failed(decision: &Decision) -> Vec<&str> {
    decision.filters.iter().filter(|f| !f.passed).map(|f| f.name.as_str()).collect()
}

fn strikes(decision: &Decision) -> Vec<(Decimal, Right, Side, u32)> {
    let legs = &decision.candidates[0].legs;
    let leg = |leg: &crate::account::Leg| match &leg.instrument {
        Instrument::Option(contract) => (contract.strike, contract.right, leg.side, leg.ratio),
        other => panic!("{other:?}"),
    };
    legs.iter().map(leg).collect()
}

#[test]
fn a_move_of_more_than_one_percent_is_faded_half_way_back() {
    use Right::{Call, Put};
    // Up 80 points: half of it back is 5360, with puts. Down 80: 5440, with calls.
    for (open, centre, right) in [(dec!(5320), 5360, Put), (dec!(5480), 5440, Call)] {
        let decision = with(open, |_| {});
        assert_eq!(failed(&decision), Vec::<&str>::new(), "{open}");
        let wanted = [
            (Decimal::from(centre - 10), right, Side::Buy, 1),
            (Decimal::from(centre), right, Side::Sell, 2),
            (Decimal::from(centre + 10), right, Side::Buy, 1),
        ];
        assert_eq!(strikes(&decision), wanted, "{open}");
        let order = &decision.candidates[0];
        assert!(order.mid.0 < dec!(0), "a debit");
        assert_eq!(order.max_loss_usd.0, -order.mid.0 * dec!(50), "the most it can lose");
    }
}

#[test]
fn up_to_one_percent_there_is_no_trade_and_all_else_is_written_down() {
    let whole = with(dec!(5320), |_| {}).filters.len();
    // 5400 is 1 % above 5346.53 and 1 % below 5454.55.
    for (open, trades) in [
        (dec!(5346.50), true),
        (dec!(5346.75), false),
        (dec!(5400), false),
        (dec!(5454.25), false),
        (dec!(5454.75), true),
    ] {
        let decision = with(open, |_| {});
        assert_eq!(decision.candidates.len(), usize::from(trades), "{open}");
        let wanted: &[&str] = if trades { &[] } else { &["es.move"] };
        assert_eq!(failed(&decision), wanted, "{open}");
        assert_eq!(decision.filters.len(), whole, "{open}");
    }
}

#[test]
fn each_filter_stops_the_entry_alone() {
    type Change = fn(&mut Snapshot);
    let cases: [(Change, &str); 4] = [
        (|s| Arc::make_mut(&mut s.rulebook).butterfly.enabled = false, "enabled"),
        (|s| s.now = at("10:34:59"), "window"),
        (|s| s.now = at("10:50:01"), "window"),
        (|s| s.vix = None, "vix"),
    ];
    for (change, name) in cases {
        let decision = with(dec!(5320), change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert_eq!(decision.candidates, [], "{name}");
    }
    let empty = with(dec!(5320), |s| {
        let data = s.products.get_mut(&Product::Es).unwrap();
        data.chains[0].chain.quotes.retain(|quote| quote.contract.strike != dec!(5350));
    });
    assert_eq!(failed(&empty), ["es.strikes"]);
}

#[test]
fn its_own_bound_of_loss_is_that_of_the_debit() {
    let rules = rulebook();
    assert_eq!(Butterfly.most_loss_percent(&rules), Some(dec!(0.3)));
    assert!(Butterfly.is_same_day());
}

#[test]
fn it_is_flat_by_1500_and_an_hour_before_an_early_close() {
    let rules = rulebook();
    let clocks = |session: &Session| {
        (Butterfly.closes_from(&rules, session), Butterfly.flat_by(&rules, session))
    };
    assert_eq!(clocks(&friday()), (Some(at("14:50:00")), Some(at("15:00:00"))));
    let utc = |text: &str| Some(format!("2025-11-28T{text}Z").parse::<Timestamp>().unwrap());
    assert_eq!(clocks(&early_friday()), (utc("16:50:00"), utc("17:00:00")));
}

struct Held {
    rulebook: Rulebook,
    session: Session,
    position: Position,
    quotes: Vec<OptionQuote>,
    memory: ExitMemory,
}

impl Held {
    fn new() -> Self {
        let candidate = with(dec!(5320), |_| {}).candidates.swap_remove(0);
        Self {
            rulebook: rulebook(),
            session: friday(),
            position: filled(&candidate),
            quotes: candidate.quotes,
            memory: ExitMemory::default(),
        }
    }

    fn round(&mut self, clock: &str) -> Vec<ExitAction> {
        self.quotes = seen_at(&self.quotes, at(clock));
        let watched = Watched {
            rulebook: &self.rulebook,
            session: &self.session,
            position: &self.position,
            quotes: &self.quotes,
            underlying: None,
            vix: None,
            tick: dec!(0.05),
            now: at(clock),
        };
        let managed = Butterfly.manage(&watched, &self.memory);
        self.memory = managed.memory;
        managed.actions
    }
}

fn close(reason: ExitReason, scope: Scope) -> ExitAction {
    ExitAction::Close { reason, scope, urgency: Urgency::Whole }
}

#[test]
fn it_is_held_until_the_exit_ladder_starts_and_told_each_minute_past_its_flat_by_time() {
    let mut held = Held::new();
    assert_eq!(held.round("10:40:00"), []);
    assert_eq!(held.round("14:49:50"), []);
    let whole = close(ExitReason::TimeExit, Scope::All);
    assert_eq!(held.round("14:50:00"), [whole]);
    assert_eq!(held.round("14:59:50"), [whole]);
    assert_eq!(held.round("15:00:00"), [whole, ExitAction::AlertNotFlat]);
    assert_eq!(held.round("15:00:50"), [whole]);
    assert_eq!(held.round("15:01:00"), [whole, ExitAction::AlertNotFlat]);
}

#[test]
fn longs_that_nobody_bids_for_are_left_and_the_shorts_bought_back_alone() {
    let mut held = Held::new();
    held.quotes[0].bid = dec!(0);
    // Such a quote gives no mark, which is told beside.
    let first = held.round("14:50:00").into_iter().next();
    assert_eq!(first, Some(close(ExitReason::TimeExit, Scope::ShortsOnly)));
    held.position.legs[1].quantity = 0;
    held.quotes[2].bid = dec!(0);
    assert_eq!(held.round("15:01:00"), []);
}

#[test]
fn the_price_is_never_better_than_natural_asks() {
    let order = &with(dec!(5320), |_| {}).candidates[0];
    assert_eq!(order.minimum, order.natural);
    assert!(order.minimum < NetPrice(dec!(0)));
}
