//! The entry decision, clause by clause of rulebook §4.3.

use std::sync::Arc;

use rust_decimal::{Decimal, dec};

use super::{STRANGLE, Strangle, decide};
use crate::{
    account::{NetPrice, Side},
    instrument::{Product, Right},
    market::{EventDay, EventKind, MacroEvent, OptionQuote},
    money::Usd,
    strategy::{
        Decision, ProductData, Rule, Snapshot,
        fixture::{account, date, failed, instant, product_data},
    },
};

/// The second Tuesday of August 2024.
const TUESDAY: &str = "2024-08-13";

/// GLD and MES, 90 days ahead; the closes of the year lie between 10 and 20, VIX at 16.
fn tuesday() -> Snapshot {
    let mut snapshot = account(date(TUESDAY), "09:35:00");
    let rules = &mut Arc::make_mut(&mut snapshot.rulebook).strangle;
    rules.products = vec![Product::Gld, Product::Mes];
    let gold = product_data(Product::Gld, dec!(230), dec!(1), 90, snapshot.now);
    let micro = product_data(Product::Mes, dec!(5400), dec!(25), 90, snapshot.now);
    snapshot.products.insert(Product::Gld, gold);
    snapshot.products.insert(Product::Mes, micro);
    snapshot
}

fn with(change: impl FnOnce(&mut Snapshot)) -> Decision {
    let mut snapshot = tuesday();
    change(&mut snapshot);
    decide(&snapshot)
}

fn products(decision: &Decision) -> Vec<Product> {
    decision.candidates.iter().map(|candidate| candidate.product).collect()
}

fn gold(snapshot: &mut Snapshot) -> &mut ProductData {
    snapshot.products.get_mut(&Product::Gld).unwrap()
}

/// The quote of gold's short of one side.
fn short(snapshot: &mut Snapshot, right: Right) -> &mut OptionQuote {
    let candidate = decide(snapshot).candidates.swap_remove(0);
    let quote = candidate.quotes.iter().find(|quote| quote.contract.right == right).unwrap();
    let contract = quote.contract.clone();
    let quotes = &mut gold(snapshot).chains[0].chain.quotes;
    quotes.iter_mut().find(|quote| quote.contract == contract).unwrap()
}

#[test]
fn the_second_tuesday_offers_each_underlying_in_order() {
    let decision = decide(&tuesday());
    assert_eq!(failed(&decision), Vec::<&str>::new());
    assert_eq!(products(&decision), [Product::Gld, Product::Mes]);
    let gold = &decision.candidates[0];
    assert_eq!((gold.structure, gold.units, gold.width), (STRANGLE, 1, None));
    let legs: Vec<(Side, u32)> = gold.legs.iter().map(|leg| (leg.side, leg.ratio)).collect();
    assert_eq!(legs, [(Side::Sell, 1), (Side::Sell, 1)]);
    let [put, call] = &gold.quotes[..] else { panic!("two legs") };
    assert_eq!((put.contract.right, call.contract.right), (Right::Put, Right::Call));
    assert!((0.05..=0.07).contains(&put.delta.abs()), "{}", put.delta);
    assert!((0.05..=0.06).contains(&call.delta), "{}", call.delta);
    assert_eq!(gold.mid.0, put.mid() + call.mid());
    assert_eq!(gold.minimum, NetPrice(dec!(0.40)), "$40");
    assert_eq!(decision.candidates[1].minimum, NetPrice(dec!(8)), "$40 at $5 a point");
}

#[test]
fn the_credit_is_at_least_five_times_the_fees() {
    let gold = decide(&tuesday()).candidates.swap_remove(0);
    let bound = Strangle.most_fees(&tuesday().rulebook, &gold).unwrap();
    assert_eq!((bound.of, bound.percent), (Usd(gold.mid.0 * dec!(100)), dec!(20)));
}

#[test]
fn what_the_day_refuses_is_on_the_sheet_with_everything_else() {
    type Change = fn(&mut Snapshot);
    fn vix(level: Decimal) -> impl Fn(&mut Snapshot) {
        move |snapshot| snapshot.vix.as_mut().unwrap().level = level
    }
    let cases: [(&str, Change); 7] = [
        ("enabled", |s| Arc::make_mut(&mut s.rulebook).strangle.enabled = false),
        ("window", |s| s.now = instant(date(TUESDAY), "09:34:59")),
        ("window", |s| s.now = instant(date(TUESDAY), "15:45:01")),
        ("vix", |s| s.vix = None),
        ("vix_band", |s| vix(dec!(12.99))(s)),
        ("vix_band", |s| vix(dec!(30.01))(s)),
        ("cpi", |s| {
            let (kind, at) = (EventKind::Cpi, instant(date(TUESDAY), "08:30:00"));
            s.events.insert(kind, EventDay::Known(vec![MacroEvent { kind, at }]));
        }),
    ];
    for (name, change) in cases {
        let decision = with(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert!(decision.candidates.is_empty(), "{name}");
        let has = |part: &str| decision.filters.iter().any(|f| f.name == part);
        assert!(has("mes.credit"), "{name}: the legs are looked at all the same");
    }
    for level in [dec!(13), dec!(30)] {
        assert!(!failed(&with(vix(level))).contains(&"vix_band"), "{level}");
    }
}

#[test]
fn a_cpi_tuesday_enters_from_half_past_ten() {
    let decision = with(|snapshot| {
        let (kind, at) = (EventKind::Cpi, instant(date(TUESDAY), "08:30:00"));
        snapshot.events.insert(kind, EventDay::Known(vec![MacroEvent { kind, at }]));
        let ahead = chrono::TimeDelta::hours(1);
        snapshot.now += ahead;
        snapshot.vix.as_mut().unwrap().at += ahead;
        for data in snapshot.products.values_mut() {
            data.underlying.as_mut().unwrap().at += ahead;
            data.chains[0].chain.quotes.iter_mut().for_each(|quote| quote.at += ahead);
        }
    });
    assert_eq!(failed(&decision), Vec::<&str>::new());
}

#[test]
fn the_day_stands_for_the_second_tuesday() {
    let cases = [
        ("2024-08-13", true),
        ("2024-08-14", true), // its session was lost
        ("2024-08-12", false),
        ("2024-08-06", false), // the first one
        ("2024-08-20", false), // the third
    ];
    for (day, passes) in cases {
        let decision = with(|snapshot| {
            snapshot.session = Some(crate::strategy::fixture::session(date(day)));
        });
        let named = decision.filters.iter().find(|f| f.name == "weekday").unwrap();
        assert_eq!(named.passed, passes, "{day}: {named:?}");
    }
}

#[test]
fn what_an_underlying_refuses_leaves_the_next() {
    type Change = fn(&mut Snapshot);
    let cases: [(&str, Change); 8] = [
        ("gld.data", |s| drop(s.products.remove(&Product::Gld))),
        ("gld.iv_rank", |s| gold(s).volatilities.clear()),
        ("gld.iv_rank", |s| gold(s).volatilities.last_mut().unwrap().1 = 13.0), // 30 % exactly
        ("gld.series", |s| gold(s).series.clear()),
        ("gld.short_put.spread", |s| short(s, Right::Put).ask += dec!(1)),
        ("gld.short_call.quote", |s| {
            short(s, Right::Call).at -= chrono::TimeDelta::seconds(61);
        }),
        ("gld.short_put.open_interest", |s| short(s, Right::Put).open_interest = 99),
        ("gld.credit", |s| {
            for right in [Right::Put, Right::Call] {
                let quote = short(s, right);
                (quote.bid, quote.ask) = (dec!(0.18), dec!(0.20));
            }
        }),
    ];
    for (name, change) in cases {
        let decision = with(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert_eq!(products(&decision), [Product::Mes], "{name}");
    }
    let passes = with(|s| gold(s).volatilities.last_mut().unwrap().1 = 13.1);
    assert_eq!(failed(&passes), Vec::<&str>::new());
}

#[test]
fn deltas_outside_their_range_are_refused() {
    let decision = with(|snapshot| {
        let calls = |quote: &OptionQuote| quote.contract.right == Right::Call && quote.delta < 0.07;
        gold(snapshot).chains[0].chain.quotes.retain(|quote| !calls(quote));
    });
    assert_eq!(failed(&decision), ["gld.short_call.delta"]);
}

#[test]
fn options_on_futures_need_an_open_interest_of_fifty() {
    let decision = with(|snapshot| {
        let data = snapshot.products.get_mut(&Product::Mes).unwrap();
        data.chains[0].chain.quotes.iter_mut().for_each(|quote| quote.open_interest = 50);
    });
    assert_eq!(failed(&decision), Vec::<&str>::new());
}

#[test]
fn only_what_the_phase_trades_is_looked_at() {
    let mut snapshot = tuesday();
    Arc::make_mut(&mut snapshot.rulebook).strangle.products =
        vec![Product::Nq, Product::Cl, Product::Slv, Product::Gld];
    let rate = snapshot.fx.unwrap().usd_per_gbp;
    let cases = [
        (dec!(30_000), None, vec![Product::Gld]),
        (dec!(40_000), None, vec![Product::Slv, Product::Gld]),
        (dec!(60_000), None, vec![Product::Cl, Product::Slv, Product::Gld]),
        (dec!(75_000), None, vec![Product::Nq, Product::Cl, Product::Slv, Product::Gld]),
        // Going down is the gate's to decide: what the phase in force may trade is still seen.
        (dec!(39_000), Some(2), vec![Product::Slv, Product::Gld]),
    ];
    for (net, previous, wanted) in cases {
        snapshot.balances.as_mut().unwrap().net_liquidation_usd = Usd(net * rate);
        snapshot.previous_phase = previous;
        let seen: Vec<Product> =
            Strangle.needs(&snapshot).into_iter().map(|need| need.product).collect();
        assert_eq!(seen, wanted, "£{net}");
    }
}
