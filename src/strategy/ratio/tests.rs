//! The put ratio, clause by clause of rulebook §4.6 and §4.7.

use std::sync::Arc;

use rust_decimal::{Decimal, dec};

use super::{PUT_RATIO, decide};
use crate::{
    account::{ExitReason, NetPrice, Side},
    instrument::{Product, Right},
    strategy::{
        Decision, ProductData, Snapshot,
        closing::Scope,
        fixture::{Watch, account, date, failed, instant, product_data, session, strike},
        ladder::Urgency,
        manage::ExitAction,
    },
};

/// The first Monday of August 2024.
const MONDAY: &str = "2024-08-05";

fn monday() -> Snapshot {
    let mut snapshot = account(date(MONDAY), "10:00:00");
    for (product, last, grid) in [
        (Product::Es, dec!(5400), dec!(5)),
        (Product::Spy, dec!(540), dec!(1)),
        (Product::Mes, dec!(5400), dec!(5)),
    ] {
        let data = product_data(product, last, grid, 45, snapshot.now);
        snapshot.products.insert(product, data);
    }
    snapshot
}

fn with(change: impl FnOnce(&mut Snapshot)) -> Decision {
    let mut snapshot = monday();
    change(&mut snapshot);
    decide(&snapshot)
}

fn es(snapshot: &mut Snapshot) -> &mut ProductData {
    snapshot.products.get_mut(&Product::Es).unwrap()
}

#[test]
fn the_first_monday_offers_each_underlying_in_order() {
    let decision = decide(&monday());
    assert_eq!(failed(&decision), Vec::<&str>::new());
    let products: Vec<Product> = decision.candidates.iter().map(|c| c.product).collect();
    assert_eq!(products, [Product::Es, Product::Spy, Product::Mes]);
    let es = &decision.candidates[0];
    assert_eq!((es.structure, es.units, es.width), (PUT_RATIO, 1, None));
    let legs: Vec<(Side, u32)> = es.legs.iter().map(|leg| (leg.side, leg.ratio)).collect();
    assert_eq!(legs, [(Side::Buy, 1), (Side::Sell, 2)]);
    let [long, short] = &es.quotes[..] else { panic!("two legs") };
    assert!((long.delta + 0.25).abs() < 0.005 && (short.delta + 0.16).abs() < 0.005);
    assert!(long.contract.strike > short.contract.strike);
    assert_eq!(es.mid.0, short.mid() * dec!(2) - long.mid());
    assert_eq!(es.minimum, NetPrice(es.tick));
}

#[test]
fn what_fails_is_on_the_sheet_and_stops_the_day_or_the_underlying() {
    type Change = fn(&mut Snapshot);
    let cases: [(&str, bool, Change); 9] = [
        ("enabled", true, |s| Arc::make_mut(&mut s.rulebook).ratio.enabled = false),
        ("weekday", true, |s| s.session = Some(session(date("2024-08-12")))),
        ("window", true, |s| s.now = instant(date(MONDAY), "09:59:59")),
        ("vix", true, |s| s.vix = None),
        ("es.data", false, |s| drop(s.products.remove(&Product::Es))),
        ("es.series", false, |s| es(s).series.clear()),
        ("es.long_put.delta", false, |s| {
            es(s).chains[0].chain.quotes.retain(|quote| quote.delta.abs() < 0.20);
        }),
        ("es.short_put.spread", false, |s| {
            es(s).chains[0].chain.quotes.iter_mut().for_each(|quote| quote.ask += dec!(20));
        }),
        ("es.credit", false, |s| {
            let quotes = es(s).chains[0].chain.quotes.iter_mut();
            let far = |quote: &crate::market::OptionQuote| quote.delta.abs() < 0.20;
            for quote in quotes.filter(|q| q.contract.right == Right::Put && far(q)) {
                (quote.bid, quote.ask) = (dec!(1), dec!(1.10));
            }
        }),
    ];
    for (name, day, change) in cases {
        let decision = with(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert_eq!(decision.candidates.len(), if day { 0 } else { 2 }, "{name}");
    }
}

/// An ES ratio sold for 6, its put bought at 40 and those sold at 23; it expires on 2024-09-19.
fn world() -> Watch {
    let candidate = decide(&monday()).candidates.swap_remove(0);
    let mut watch = Watch::new(&candidate, dec!(5400), monday().now);
    watch.price(0, dec!(40)).price(1, dec!(23));
    watch.position.credit = dec!(6);
    watch
}

fn close(reason: ExitReason) -> [ExitAction; 1] {
    [ExitAction::Close { reason, scope: Scope::All, urgency: Urgency::Whole }]
}

const REST: [ExitAction; 1] =
    [ExitAction::RestProfit { limit: NetPrice(dec!(-3)), scope: Scope::All }];
const DAY: &str = "2024-08-20";

#[test]
fn half_the_credit_rests_and_no_loss_of_credits_stops_it() {
    let mut watch = world();
    assert_eq!(watch.round(DAY, "11:00:00").actions, REST);
    watch.price(1, dec!(60));
    watch.round(DAY, "11:01:00");
    assert_eq!(watch.round(DAY, "11:02:00").actions, REST);
}

#[test]
fn it_is_out_when_the_long_strike_is_touched() {
    let mut watch = world();
    let long: Decimal = strike(&watch.position.legs[0].instrument);
    watch.last(long + dec!(0.25));
    watch.round(DAY, "11:00:00");
    assert_eq!(watch.round(DAY, "11:01:00").actions, REST);
    watch.last(long);
    assert_eq!(watch.round(DAY, "11:02:00").actions, REST, "one observation");
    assert_eq!(watch.round(DAY, "11:02:00").actions, REST, "the same instant");
    assert_eq!(watch.round(DAY, "11:03:00").actions, close(ExitReason::NearStrike));
    watch.last(dec!(5400));
    assert_eq!(watch.round(DAY, "11:04:00").actions, close(ExitReason::NearStrike));
}

#[test]
fn it_closes_at_21_days_whatever_it_has_made() {
    for mid in [dec!(21), dec!(30)] {
        let mut watch = world();
        watch.price(1, mid);
        assert_eq!(watch.round("2024-08-28", "11:00:00").actions, REST, "22 days");
        assert_eq!(watch.round("2024-08-29", "11:00:00").actions, close(ExitReason::Dte));
    }
}

#[test]
fn an_uneven_entry_is_closed_shorts_first_and_worthless_longs_are_left() {
    let mut watch = world();
    watch.memory.closing = Some(ExitReason::Incomplete);
    let shorts = ExitAction::Close {
        reason: ExitReason::Incomplete,
        scope: Scope::ShortsOnly,
        urgency: Urgency::Whole,
    };
    assert_eq!(watch.round(DAY, "11:00:00").actions, [shorts]);
    watch.gone(1).quotes[0].bid = dec!(0);
    assert!(watch.round(DAY, "11:01:00").actions.is_empty());
}
