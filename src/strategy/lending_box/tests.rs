//! The box, clause by clause of rulebook §4.6.

use std::sync::Arc;

use rust_decimal::{Decimal, dec};

use super::*;
use crate::{
    account::{ExitReason, NetPrice, Side},
    instrument::{Instrument, Product, Right},
    market::OptionQuote,
    money::Usd,
    strategy::{
        Filter,
        far_fixture::{chain, filled, product_data, seen_at, snapshot_of},
        friday_0dte::fixture::{at, friday, rulebook},
    },
};

const LAST: Decimal = dec!(5430);

/// SPX at 5430 with a series 504 days ahead, at interest of 4 % a year.
fn with(change: impl FnOnce(&mut Snapshot)) -> Decision {
    let mut far = chain(Product::Spx, LAST, 504, (dec!(15), dec!(15), dec!(25)), 0.17);
    for quote in &mut far.chain.quotes {
        // Round quotes would hide the rate: each leg a tick wide round its model's price.
        let mid = quote.mid();
        (quote.bid, quote.ask) = (mid - dec!(0.1), mid + dec!(0.1));
    }
    let mut snapshot = snapshot_of(Product::Spx, product_data(Product::Spx, LAST, vec![far]));
    let rules = &mut Arc::make_mut(&mut snapshot.rulebook).lending_box;
    rules.least_rate_percent = dec!(3.8);
    rules.entry_at = chrono::NaiveTime::from_hms_opt(10, 30, 0).unwrap(); // the fixture's moment
    change(&mut snapshot);
    LendingBox.decide(&snapshot)
}

fn failed(decision: &Decision) -> Vec<&str> {
    decision.filters.iter().filter(|f| !f.passed).map(|f| f.name.as_str()).collect()
}

fn filter<'a>(decision: &'a Decision, name: &str) -> &'a Filter {
    decision.filters.iter().find(|filter| filter.name == name).unwrap()
}

fn strikes(decision: &Decision) -> Vec<(Side, Right, Decimal)> {
    let leg = |leg: &crate::account::Leg| match &leg.instrument {
        Instrument::Option(contract) => (leg.side, contract.right, contract.strike),
        other => panic!("{other:?}"),
    };
    decision.candidates[0].legs.iter().map(leg).collect()
}

#[test]
fn a_call_spread_and_a_put_spread_lend_100_points_for_less() {
    use Right::{Call, Put};
    use Side::{Buy, Sell};
    let decision = with(|_| {});
    assert_eq!(failed(&decision), Vec::<&str>::new(), "{decision:#?}");
    let wanted = [
        (Buy, Call, dec!(5400)),
        (Sell, Call, dec!(5500)),
        (Sell, Put, dec!(5400)),
        (Buy, Put, dec!(5500)),
    ];
    assert_eq!(strikes(&decision), wanted);
    let order = &decision.candidates[0];
    // 100 / 1.038^(504/365) = 94.98, on the tick below.
    assert_eq!(order.minimum, NetPrice(dec!(-94.95)));
    assert!(order.mid >= order.minimum && order.mid.0 < dec!(0));
    assert_eq!(order.max_loss_usd, Usd::ZERO, "less than the width is paid");
}

#[test]
fn it_is_500_wide_from_190000_pounds() {
    // At 1.28 dollars to the pound.
    for (pounds, width) in [(dec!(189999), dec!(100)), (dec!(190000), dec!(500))] {
        let decision = with(|snapshot| {
            let balances = snapshot.balances.as_mut().unwrap();
            balances.net_liquidation_usd = Usd(pounds * dec!(1.28));
        });
        let legs = strikes(&decision);
        assert_eq!(legs[1].2 - legs[0].2, width, "£{pounds}");
    }
}

#[test]
fn a_debit_that_brings_less_than_the_least_rate_is_refused_with_the_rate() {
    let decision = with(|snapshot| {
        Arc::make_mut(&mut snapshot.rulebook).lending_box.least_rate_percent = dec!(6);
    });
    assert_eq!(failed(&decision), ["spx.rate"]);
    assert_eq!(decision.candidates, []);
    let found = filter(&decision, "spx.rate");
    assert!(found.value.starts_with("4.") || found.value.starts_with("3."), "{}", found.value);
    assert!(found.bound.starts_with(">= 6 %, a debit of 92.2"), "{}", found.bound);
}

#[test]
fn each_filter_stops_the_entry_alone() {
    type Change = fn(&mut Snapshot);
    let cases: [(Change, &str); 4] = [
        (|s| Arc::make_mut(&mut s.rulebook).lending_box.enabled = false, "enabled"),
        (|s| s.balances = None, "width"),
        (|s| Arc::make_mut(&mut s.rulebook).lending_box.days.from = 505, "spx.series"),
        (
            |s| {
                let data = s.products.get_mut(&Product::Spx).unwrap();
                let gone = |quote: &OptionQuote| quote.contract.strike != dec!(5500);
                data.chains[0].chain.quotes.retain(gone);
            },
            "spx.strikes",
        ),
    ];
    for (change, name) in cases {
        let decision = with(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert_eq!(decision.candidates, [], "{name}");
    }
}

#[test]
fn it_is_held_to_the_end_and_closed_only_when_others_ask() {
    let candidate = with(|_| {}).candidates.swap_remove(0);
    let (rulebook, session, position) = (rulebook(), friday(), filled(&candidate));
    let quotes = seen_at(&candidate.quotes, at("11:00:00"));
    let watched = Watched {
        rulebook: &rulebook,
        session: &session,
        position: &position,
        quotes: &quotes,
        underlying: None,
        vix: None,
        tick: dec!(0.05),
        now: at("11:00:00"),
    };
    let mut memory = ExitMemory::default();
    assert_eq!(LendingBox.manage(&watched, &memory).actions, []);
    memory.closing = Some(ExitReason::Reduced);
    let close = ExitAction::Close {
        reason: ExitReason::Reduced,
        scope: Scope::All,
        urgency: Urgency::Whole,
    };
    assert_eq!(LendingBox.manage(&watched, &memory).actions, [close]);
}
