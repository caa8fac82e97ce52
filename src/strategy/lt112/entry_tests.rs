//! The entry decision, clause by clause of rulebook §4.2.

use std::sync::Arc;

use rust_decimal::{Decimal, dec};

use super::{LT112, LT112_DEFINED, candidate_on, decide};
use crate::{
    account::{NetPrice, Side, StrategyId},
    config::stages::StageId,
    instrument::Product,
    market::{EventDay, EventKind, MacroEvent},
    money::Usd,
    strategy::{
        Decision, Snapshot,
        fixture::{WEDNESDAY, account, date, failed, instant, product_data, session, strike},
    },
};

fn wednesday() -> Snapshot {
    let mut snapshot = account(date(WEDNESDAY), "10:00:00");
    for product in [Product::Es, Product::Mes] {
        let data = product_data(product, dec!(5400), dec!(25), 120, snapshot.now);
        snapshot.products.insert(product, data);
    }
    snapshot
}

fn with(change: impl FnOnce(&mut Snapshot)) -> Decision {
    let mut snapshot = wednesday();
    change(&mut snapshot);
    decide(&snapshot)
}

fn moved_to(day: &str) -> impl FnOnce(&mut Snapshot) {
    let day = date(day);
    move |snapshot| {
        snapshot.session = Some(session(day));
        let (now, before) = (instant(day, "10:00:00"), snapshot.now);
        let ahead = now - before;
        snapshot.now = now;
        snapshot.vix.as_mut().unwrap().at += ahead;
        for data in snapshot.products.values_mut() {
            data.underlying.as_mut().unwrap().at += ahead;
            for quote in &mut data.chains[0].chain.quotes {
                quote.at += ahead;
            }
        }
    }
}

fn net(snapshot: &mut Snapshot, pounds: Decimal) {
    let rate = snapshot.fx.unwrap().usd_per_gbp;
    snapshot.balances.as_mut().unwrap().net_liquidation_usd = Usd(pounds * rate);
}

#[test]
fn the_first_wednesday_offers_es_then_mes() {
    let decision = decide(&wednesday());
    assert_eq!(failed(&decision), Vec::<&str>::new());
    let products: Vec<Product> = decision.candidates.iter().map(|c| c.product).collect();
    assert_eq!(products, [Product::Es, Product::Mes]);
    let es = &decision.candidates[0];
    assert_eq!((es.structure, es.units, es.width), (LT112, 1, None));
    assert_eq!((es.minimum, es.max_loss_usd), (NetPrice(es.tick), Usd::ZERO));
    let legs: Vec<(Side, u32)> = es.legs.iter().map(|leg| (leg.side, leg.ratio)).collect();
    assert_eq!(legs, [(Side::Buy, 1), (Side::Sell, 1), (Side::Sell, 2)]);
    let strikes: Vec<Decimal> = es.legs.iter().map(|leg| strike(&leg.instrument)).collect();
    assert_eq!(strikes[0] - strikes[1], dec!(50));
    let deltas: Vec<f64> = es.quotes.iter().map(|quote| quote.delta.abs()).collect();
    assert!((deltas[0] - 0.25).abs() < 0.01, "{deltas:?}");
    assert!((deltas[2] - 0.05).abs() < 0.005, "{deltas:?}");
    let mids: Vec<Decimal> = es.quotes.iter().map(crate::market::OptionQuote::mid).collect();
    assert_eq!(es.mid.0, mids[1] + mids[2] * dec!(2) - mids[0]);
    assert!(es.mid.0 > dec!(0));
}

#[test]
fn stage_two_defines_the_risk() {
    let decision = with(|snapshot| snapshot.stage = StageId::Two);
    assert_eq!(failed(&decision), Vec::<&str>::new());
    let mes = &decision.candidates[1];
    assert_eq!((mes.product, mes.structure), (Product::Mes, LT112_DEFINED));
    let legs: Vec<(Side, u32)> = mes.legs.iter().map(|leg| (leg.side, leg.ratio)).collect();
    assert_eq!(legs, [(Side::Buy, 1), (Side::Sell, 1), (Side::Sell, 2), (Side::Buy, 2)]);
    let strikes: Vec<Decimal> = mes.legs.iter().map(|leg| strike(&leg.instrument)).collect();
    // Strikes are 25 points apart: 40 becomes 25 and 60 becomes 50.
    assert_eq!([strikes[0] - strikes[1], strikes[2] - strikes[3]], [dec!(25), dec!(50)]);
    assert!((mes.quotes[0].delta.abs() - 0.35).abs() < 0.01);
    assert!((mes.quotes[2].delta.abs() - 0.15).abs() < 0.01);
    // Two spreads of 50 lost, one of 25 won.
    assert_eq!(mes.width, Some(dec!(75)));
    assert_eq!(mes.max_loss_usd, Usd((dec!(75) - mes.mid.0) * dec!(5)));
}

#[test]
fn with_strikes_five_points_apart_the_defined_form_is_as_written_and_bounded() {
    let near = |loss: Decimal| {
        with(|snapshot| {
            snapshot.stage = StageId::Two;
            let rules = &mut Arc::make_mut(&mut snapshot.rulebook).lt112;
            rules.stage_2.loss_points = Some(loss);
            let data = product_data(Product::Mes, dec!(5400), dec!(5), 120, snapshot.now);
            snapshot.products.insert(Product::Mes, data);
        })
    };
    let decision = near(dec!(80));
    let mes = &decision.candidates[1];
    let strikes: Vec<Decimal> = mes.legs.iter().map(|leg| strike(&leg.instrument)).collect();
    assert_eq!([strikes[0] - strikes[1], strikes[2] - strikes[3]], [dec!(40), dec!(60)]);
    assert_eq!(mes.width, Some(dec!(80)));
    assert!(failed(&near(dec!(60))).contains(&"mes.loss"));
}

#[test]
fn each_wednesday_has_its_net_liquidation() {
    let cases = [
        ("2024-08-07", dec!(40_000), true),
        ("2024-08-14", dec!(74_999), false),
        ("2024-08-14", dec!(75_000), true),
        ("2024-08-21", dec!(99_999), false),
        ("2024-08-21", dec!(100_000), true),
        ("2024-08-28", dec!(149_999), false),
        ("2024-08-28", dec!(150_000), true),
        ("2024-07-31", dec!(500_000), false), // a fifth one
        ("2024-08-08", dec!(40_000), true),   // the first one's session was lost
        ("2024-08-12", dec!(40_000), true),   // its third try
        ("2024-08-13", dec!(40_000), false),  // a Tuesday: six days after
        ("2024-08-15", dec!(40_000), false),  // of the second one
    ];
    for (day, pounds, passes) in cases {
        let decision = with(|snapshot| {
            net(snapshot, pounds);
            moved_to(day)(snapshot);
        });
        let named = decision.filters.iter().find(|f| f.name == "wednesday").unwrap();
        assert_eq!(named.passed, passes, "{day} with {pounds}: {named:?}");
    }
}

#[test]
fn what_the_day_refuses_is_on_the_sheet_with_everything_else() {
    type Change = fn(&mut Snapshot);
    let cases: [(&str, Change); 8] = [
        ("enabled", |s| Arc::make_mut(&mut s.rulebook).lt112.enabled = false),
        ("day", |s| s.session = None),
        ("window", |s| s.now = instant(date(WEDNESDAY), "09:59:59")),
        ("window", |s| s.now = instant(date(WEDNESDAY), "10:45:01")),
        ("vix", |s| s.vix = None),
        ("vix_age", |s| s.vix.as_mut().unwrap().at -= chrono::TimeDelta::seconds(61)),
        ("wednesday", |s| s.balances = None),
        ("cpi", |s| {
            let at = instant(date(WEDNESDAY), "08:30:00");
            let kind = EventKind::Cpi;
            s.events.insert(kind, EventDay::Known(vec![MacroEvent { kind, at }]));
        }),
    ];
    for (name, change) in cases {
        let decision = with(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert!(decision.candidates.is_empty(), "{name}");
        let has = |part: &str| decision.filters.iter().any(|f| f.name == part);
        assert!(name == "day" || has("mes.credit"), "{name}: the legs are looked at all the same");
    }
}

#[test]
fn what_a_product_refuses_leaves_the_other() {
    type Change = fn(&mut Snapshot);
    fn data(s: &mut Snapshot) -> &mut crate::strategy::ProductData {
        s.products.get_mut(&Product::Es).unwrap()
    }
    fn naked(s: &mut Snapshot) -> &mut crate::market::OptionQuote {
        let contract = decide(s).candidates[0].quotes[2].contract.clone();
        let quotes = &mut data(s).chains[0].chain.quotes;
        quotes.iter_mut().find(|q| q.contract == contract).unwrap()
    }
    let cases: [(&str, Change); 10] = [
        ("es.data", |s| drop(s.products.remove(&Product::Es))),
        ("es.data", |s| {
            let old = chrono::TimeDelta::seconds(61);
            data(s).underlying.as_mut().unwrap().at -= old;
        }),
        ("es.year_high", |s| data(s).index_last = Some(dec!(5569))), // 0.996 % below 5,625
        ("es.year_high", |s| data(s).index_last = Some(dec!(5568.75))), // 1 % exactly
        ("es.year_high", |s| drop(data(s).bars.drain(..10))),
        ("es.series", |s| data(s).series.clear()),
        ("es.series", |s| data(s).chains[0].chain.quotes.clear()),
        ("es.naked_put.spread", |s| naked(s).ask += dec!(5)),
        ("es.naked_put.quote", |s| naked(s).at -= chrono::TimeDelta::seconds(61)),
        ("es.credit", |s| {
            let quote = naked(s);
            (quote.bid, quote.ask) = (dec!(0.05), dec!(0.15));
        }),
    ];
    for (name, change) in cases {
        let decision = with(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        let products: Vec<Product> = decision.candidates.iter().map(|c| c.product).collect();
        assert_eq!(products, [Product::Mes], "{name}");
    }
    let passes = with(|s| data(s).index_last = Some(dec!(5568.50)));
    assert_eq!(failed(&passes), Vec::<&str>::new());
}

#[test]
fn a_delta_that_no_strike_has_is_refused() {
    let decision = with(|snapshot| {
        let quotes = &mut snapshot.products.get_mut(&Product::Es).unwrap().chains[0].chain.quotes;
        quotes.retain(|quote| quote.contract.strike >= dec!(4850));
    });
    assert_eq!(failed(&decision), ["es.naked_put.delta"]);
    let decision = with(|snapshot| {
        let quotes = &mut snapshot.products.get_mut(&Product::Es).unwrap().chains[0].chain.quotes;
        quotes.retain(|quote| (dec!(5375)..=dec!(5400)).contains(&quote.contract.strike));
    });
    assert_eq!(failed(&decision), ["es.spread.strikes"]);
}

#[test]
fn a_book_may_be_seeded_whatever_the_day() {
    let mut snapshot = wednesday();
    moved_to("2024-08-05")(&mut snapshot);
    let seen = snapshot.products[&Product::Es].chains[0].clone();
    assert!(decide(&snapshot).candidates.is_empty());
    let seeded = candidate_on(&snapshot, Product::Es, &seen).unwrap();
    assert_eq!((seeded.strategy, seeded.legs.len()), (StrategyId::Lt112, 3));
}
