//! The entry decision, clause by clause of rulebook §4.1.

use std::sync::Arc;

use rust_decimal::{Decimal, dec};

use super::{decide, fixture::*};
use crate::{
    account::{ExitReason, NetPrice, StrategyId},
    config::{Rulebook, rulebook::CrisisMode},
    instrument::{Product, Settlement},
    market::{EventDay, EventKind, MarketError, OptionQuote},
    strategy::{CALL_SPREAD, Decision, Filter, IRON_CONDOR, PUT_SPREAD, ProductData, Snapshot},
};

fn with(change: impl FnOnce(&mut Snapshot)) -> Decision {
    let mut snapshot = snapshot();
    change(&mut snapshot);
    decide(&snapshot)
}

fn with_rules(change: impl FnOnce(&mut Rulebook)) -> impl FnOnce(&mut Snapshot) {
    move |snapshot| change(Arc::make_mut(&mut snapshot.rulebook))
}

fn with_es(change: impl FnOnce(&mut ProductData)) -> Decision {
    with(|snapshot| change(snapshot.products.get_mut(&Product::Es).unwrap()))
}

fn filter<'a>(decision: &'a Decision, name: &str) -> &'a Filter {
    let named = decision.filters.iter().find(|filter| filter.name == name);
    named.unwrap_or_else(|| panic!("no filter {name} in {:#?}", decision.filters))
}

fn products(decision: &Decision) -> Vec<Product> {
    decision.candidates.iter().map(|c| c.product).collect()
}

fn failed(decision: &Decision) -> Vec<&str> {
    decision.filters.iter().filter(|f| !f.passed).map(|f| f.name.as_str()).collect()
}

#[test]
fn a_quiet_friday_offers_a_condor_on_each_product_in_order_of_preference() {
    let decision = decide(&snapshot());
    assert_eq!(failed(&decision), Vec::<&str>::new());
    assert_eq!(products(&decision), [Product::Es, Product::Xsp, Product::Mes]);
    let es = &decision.candidates[0];
    assert_eq!((es.structure, es.units, es.width), (IRON_CONDOR, 1, Some(dec!(30))));
    // ATR 60: shorts 30 points from 5,400, wings 30 further.
    let strikes: Vec<String> = es.quotes.iter().map(name).collect();
    assert_eq!(strikes, ["5370P", "5340P", "5430C", "5460C"]);
    assert_eq!(es.minimum, NetPrice(dec!(2)));
    assert_eq!(decision.candidates[1].minimum, NetPrice(dec!(0.20)));
    let credit = |bid_ask: fn(&OptionQuote) -> (Decimal, Decimal)| {
        let q: Vec<(Decimal, Decimal)> = es.quotes.iter().map(bid_ask).collect();
        q[0].0 - q[1].1 + q[2].0 - q[3].1
    };
    assert_eq!(es.mid.0, credit(|q| (q.mid(), q.mid())));
    assert_eq!(es.natural.0, credit(|q| (q.bid, q.ask)));
    assert_eq!(es.max_loss_usd.0, (dec!(30) - es.mid.0) * dec!(50));
    assert_eq!((es.tick, decision.candidates[1].tick), (dec!(0.05), dec!(0.01)));
}

fn name(quote: &OptionQuote) -> String {
    format!("{}{}", quote.contract.strike.normalize(), quote.contract.right.letter())
}

#[test]
fn the_move_from_the_open_chooses_the_structure() {
    let cases = [
        (dec!(5400), dec!(5400), IRON_CONDOR),
        (dec!(5400), dec!(5427), IRON_CONDOR), // +0.5 % exactly
        (dec!(5400), dec!(5427.25), CALL_SPREAD),
        (dec!(5400), dec!(5373), IRON_CONDOR), // −0.5 % exactly
        (dec!(5400), dec!(5372.75), PUT_SPREAD),
    ];
    for (open, last, structure) in cases {
        let decision = with(|snapshot| {
            Arc::make_mut(&mut snapshot.rulebook).friday_0dte.products = vec![Product::Es];
            snapshot.products.insert(Product::Es, product_data(Product::Es, open, last));
        });
        assert!(filter(&decision, "es.move").value.ends_with(structure), "{open} to {last}");
        assert_eq!(decision.candidates.first().map(|c| c.structure), Some(structure));
    }
}

#[test]
fn the_day_must_be_a_friday_session_or_stand_in_for_a_friday_without_one() {
    let thursday = with(|s| s.session.as_mut().unwrap().date = "2024-08-01".parse().unwrap());
    assert!(!filter(&thursday, "day").passed);
    assert_eq!(filter(&thursday, "day").value, "Thursday 2024-08-01");
    let holiday = with(|s| s.session = None);
    assert_eq!(filter(&holiday, "day").value, "2024-08-02, no session");
    let monday_after = with(|s| {
        s.session.as_mut().unwrap().date = "2024-08-05".parse().unwrap();
        s.previous_session = Some("2024-08-02".parse().unwrap());
    });
    let good_friday = |previous: &str| {
        with(|s| {
            s.session.as_mut().unwrap().date = "2024-04-01".parse().unwrap();
            s.previous_session = Some(previous.parse().unwrap());
        })
    };
    assert!(!filter(&good_friday("2024-03-29"), "day").passed);
    let moved = good_friday("2024-03-28");
    assert_eq!(filter(&moved, "day").value, "Monday 2024-04-01, moved from Friday");
    assert!(filter(&moved, "day").passed);
    for decision in [thursday, holiday, monday_after] {
        assert!(!filter(&decision, "day").passed);
        assert_eq!(decision.candidates, []);
    }
}

#[test]
fn entry_is_never_before_half_past_ten_and_never_after_a_quarter_to_eleven() {
    let cases = [
        ("10:29:59.999", false),
        ("10:30:00", true),
        ("10:30:59", true),
        ("10:45:00", true),
        ("10:45:00.001", false),
        ("11:00:00", false),
    ];
    for (clock, passed) in cases {
        // A slot of the window, run at this moment.
        let decision = with(|s| s.now = at(clock));
        assert_eq!(filter(&decision, "window").passed, passed, "now {clock}");
        let decision = with(|s| s.slot = at(clock));
        assert_eq!(filter(&decision, "slot").passed, passed, "slot {clock}");
    }
}

#[test]
fn switched_off_or_already_exited_today_is_no_trade() {
    let off = with(with_rules(|r| r.friday_0dte.enabled = false));
    assert_eq!((failed(&off), off.candidates.len()), (vec!["enabled"], 0));
    let mut exited = position(&candidate(), dec!(6));
    exited.exit_reason = Some(ExitReason::Stop);
    let again = with(|s| s.closed_today = vec![exited.clone()]);
    assert_eq!((failed(&again), again.candidates.len()), (vec!["re_entry"], 0));
    exited.strategy = StrategyId::External;
    assert_eq!(failed(&with(|s| s.closed_today = vec![exited])), Vec::<&str>::new());
}

#[test]
fn vix_must_be_there_fresh_and_below_its_ceilings() {
    let level = |level: Decimal| move |s: &mut Snapshot| s.vix = Some(vix(level));
    assert_eq!(failed(&with(|s| s.vix = None)), ["vix"]);
    assert_eq!(failed(&with(level(dec!(0)))), ["vix"]);
    assert_eq!(failed(&with(|s| s.vix.as_mut().unwrap().at = at("10:29:00"))), Vec::<&str>::new());
    assert_eq!(failed(&with(|s| s.vix.as_mut().unwrap().at = at("10:28:59.999"))), ["vix_age"]);
    // 30.00 belongs to the band below: a condor is allowed.
    assert_eq!(products(&with(level(dec!(30.00)))).len(), 3);
    // Above it only put spreads are: a condor fails by structure on each product.
    let crisis = with(level(dec!(30.01)));
    assert_eq!(failed(&crisis), ["es.structure", "xsp.structure", "mes.structure"]);
    assert_eq!(crisis.candidates, []);
    assert_eq!(failed(&with(level(dec!(35.01))))[0], "vix_ceiling");
}

#[test]
fn above_thirty_a_put_spread_passes_in_puts_only_and_nothing_in_manage_only() {
    let crisis = |mode: CrisisMode, vix_level: Decimal| {
        with(|s| {
            let rules = Arc::make_mut(&mut s.rulebook);
            rules.vix.crisis = mode;
            rules.friday_0dte.products = vec![Product::Es];
            s.vix = Some(vix(vix_level));
            s.products.insert(Product::Es, product_data(Product::Es, dec!(5400), dec!(5370)));
        })
    };
    assert_eq!(products(&crisis(CrisisMode::PutsOnly, dec!(31))), [Product::Es]);
    assert_eq!(products(&crisis(CrisisMode::PutsOnly, dec!(35.00))), [Product::Es]);
    assert_eq!(products(&crisis(CrisisMode::PutsOnly, dec!(35.01))), []);
    let manage = crisis(CrisisMode::ManageOnly, dec!(31));
    assert_eq!((failed(&manage), manage.candidates.len()), (vec!["vix_crisis"], 0));
}

#[test]
fn events_stop_entries_as_the_rulebook_says_and_unknown_is_not_applied() {
    let on = |kind, clock: &'static str| {
        move |s: &mut Snapshot| {
            let (kind, day) = event(kind, clock);
            s.events.insert(kind, day);
        }
    };
    let cases: [(&str, &str, bool); 4] = [
        ("fomc", "14:00:00", false),
        ("cpi", "08:30:00", true), // 10:30:00 itself is allowed after an 08:30 release
        ("nfp", "08:30:00", true),
        ("cpi", "10:00:00", true),
    ];
    for (name, clock, passed) in cases {
        let kind = match name {
            "fomc" => EventKind::Fomc,
            "cpi" => EventKind::Cpi,
            _ => EventKind::Nfp,
        };
        let decision = with(on(kind, clock));
        assert_eq!(filter(&decision, name).passed, passed, "{name} at {clock}");
        assert_eq!(filter(&decision, name).value, format!("today {clock}"));
    }
    for kind in [EventKind::Cpi, EventKind::Nfp] {
        let early = with(|s| {
            on(kind, "08:30:00")(s);
            s.now = at("10:29:59.999");
        });
        assert!(failed(&early).contains(&if kind == EventKind::Cpi { "cpi" } else { "nfp" }));
    }
    let skip = with(|s| {
        on(EventKind::Cpi, "08:30:00")(s);
        Arc::make_mut(&mut s.rulebook).friday_0dte.skip_cpi = true;
    });
    assert_eq!(failed(&skip), ["cpi"]);
    let skip_free = with(with_rules(|r| r.friday_0dte.skip_cpi = true));
    assert_eq!(failed(&skip_free), Vec::<&str>::new());
    let unknown = with(|s| {
        s.events.insert(EventKind::Fomc, EventDay::Unknown);
        s.events.remove(&EventKind::Cpi);
    });
    for name in ["fomc", "cpi"] {
        assert_eq!(filter(&unknown, name).value, "unknown, not applied");
        assert!(filter(&unknown, name).passed);
    }
    let tomorrow = with(|s| {
        let (kind, _) = event(EventKind::Fomc, "14:00:00");
        let at = at("14:00:00") + chrono::TimeDelta::days(1);
        s.events.insert(kind, EventDay::Known(vec![crate::market::MacroEvent { kind, at }]));
    });
    assert_eq!(filter(&tomorrow, "fomc").value, "none today");
}

#[test]
fn a_product_that_fails_leaves_the_next_its_turn() {
    let gone = with(|s| drop(s.products.remove(&Product::Es)));
    assert_eq!(products(&gone), [Product::Xsp, Product::Mes]);
    assert_eq!(filter(&gone, "es.data").value, "none gathered");
    let error = with_es(|es| es.underlying = Err(MarketError::NoData(Product::Es)));
    assert_eq!(filter(&error, "es.data").value, "no data for ES");
    assert_eq!(products(&error), [Product::Xsp, Product::Mes]);
    let spx = with(with_rules(|r| r.friday_0dte.products = vec![Product::Spx, Product::Es]));
    assert_eq!(products(&spx), [Product::Es]);
    let unset = with(with_rules(|r| r.friday_0dte.contracts.clear()));
    assert_eq!(failed(&unset), ["es.contract", "xsp.contract", "mes.contract"]);
}

#[test]
fn what_a_product_lacks_is_named_and_the_rest_is_still_shown() {
    type Change = fn(&mut ProductData);
    let cases: [(Change, &[&str]); 10] = [
        (|es| es.underlying.as_mut().unwrap().open = None, &["es.open"]),
        (|es| es.underlying.as_mut().unwrap().at = at("10:28:59"), &["es.data"]),
        (|es| es.series.clear(), &["es.series"]),
        (|es| es.series[0].settlement = Settlement::Am, &["es.series"]),
        (|es| es.chains.clear(), &["es.chain"]),
        (|es| es.chains[0].chain.series.root = "EW4".to_owned(), &["es.chain"]),
        (|es| es.bars.truncate(14), &["es.bars"]),
        (|es| es.bars.last_mut().unwrap().date = friday().date, &["es.bars"]),
        (|es| es.index_last = None, &["es.index"]),
        (|es| es.chains[0].chain.quotes.retain(|q| name(q) != "5340P"), &["es.strikes"]),
    ];
    for (change, wanted) in cases {
        let decision = with_es(change);
        assert_eq!(failed(&decision), wanted);
        assert_eq!(products(&decision), [Product::Xsp, Product::Mes], "{wanted:?}");
        assert!(decision.filters.iter().any(|f| f.name == "mes.put_credit"));
    }
}

#[test]
fn on_a_quarterly_friday_the_pm_options_underlying_is_the_next_future() {
    let wrong = with_es(|es| {
        let next = Some("ESZ4".to_owned());
        let mut am = es.series[0].clone();
        am.settlement = Settlement::Am;
        es.series[0].future.clone_from(&next);
        es.chains[0].chain.series.future.clone_from(&next);
        es.series.insert(0, am);
    });
    assert_eq!(failed(&wrong), ["es.underlying"]);
    assert_eq!(filter(&wrong, "es.underlying").value, "ESU4");
    assert_eq!(filter(&wrong, "es.underlying").bound, "ESZ4");
}

#[test]
fn atr_is_scaled_by_traded_over_index() {
    // ATR 60 on an index at half the future's price: 120 points of the future.
    let decision = with_es(|es| es.index_last = Some(dec!(2700)));
    assert_eq!(filter(&decision, "es.atr").value, "120 points");
    assert!(filter(&decision, "es.strikes").bound.starts_with("short_put 5340,"));
}

/// Changes the quote of one leg of the ES condor.
fn with_leg(leg: &str, change: impl FnOnce(&mut OptionQuote)) -> Decision {
    with_es(|es| {
        let quotes = &mut es.chains[0].chain.quotes;
        change(quotes.iter_mut().find(|q| name(q) == leg).unwrap());
    })
}

#[test]
fn the_delta_of_each_short_is_held_from_below_and_above() {
    let cases = [
        (-0.0999, false),
        (-0.10, true),
        (-0.30, true),
        (-0.3001, false),
        (0.20, true), // the sign is the right's, not the filter's
        (f64::NAN, false),
    ];
    for (delta, passed) in cases {
        let decision = with_leg("5370P", |q| q.delta = delta);
        assert_eq!(filter(&decision, "es.short_put.delta").passed, passed, "{delta}");
        let decision = with_leg("5340P", |q| q.delta = delta);
        assert_eq!(failed(&decision), Vec::<&str>::new(), "the long's delta is free");
    }
}

#[test]
fn the_credit_of_each_side_is_short_bid_less_long_ask() {
    let with_short_bid = |bid: Decimal| {
        with_es(|es| {
            let quotes = &mut es.chains[0].chain.quotes;
            let mut set = |leg: &str, bid: Decimal, ask: Decimal| {
                let quote = quotes.iter_mut().find(|q| name(q) == leg).unwrap();
                (quote.bid, quote.ask) = (bid, ask);
            };
            set("5370P", bid, bid + dec!(0.10));
            set("5340P", dec!(0.60), dec!(0.65));
        })
    };
    assert!(filter(&with_short_bid(dec!(1.65)), "es.put_credit").passed); // 1.00 exactly
    let short = with_short_bid(dec!(1.60));
    assert_eq!(failed(&short), ["es.put_credit"]);
    assert_eq!(filter(&short, "es.put_credit").value, "0.95");
    assert_eq!(filter(&short, "es.put_credit").bound, ">= 1.00");
    assert!(filter(&short, "es.call_credit").passed);
}

#[test]
fn a_legs_spread_is_at_most_a_tenth_of_its_mid_or_three_ticks() {
    let cases = [
        // short put, mid: bound = max(10 % of mid, 3 ticks)
        ("5370P", dec!(3.80), dec!(4.20), true), // mid 4.00: 0.40
        ("5370P", dec!(3.80), dec!(4.25), false),
        ("5340P", dec!(0.60), dec!(0.75), true), // mid 0.675: 3 ticks, 0.15
        ("5340P", dec!(0.60), dec!(0.80), false),
        ("5370P", dec!(5.00), dec!(5.75), true), // above 5.00 a tick is 0.25: 0.75
        ("5370P", dec!(5.00), dec!(5.80), false),
    ];
    for (leg, bid, ask, passed) in cases {
        let decision = with_leg(leg, |q| (q.bid, q.ask) = (bid, ask));
        let side = if leg == "5370P" { "short_put" } else { "long_put" };
        let found = filter(&decision, &format!("es.{side}.spread"));
        assert_eq!(found.passed, passed, "{leg} {bid}/{ask}: {found:?}");
    }
}

#[test]
fn a_broken_or_stale_leg_is_no_leg() {
    let cases: [fn(&mut OptionQuote); 4] = [
        |q| q.ask = dec!(0),
        |q| (q.bid, q.ask) = (dec!(5), dec!(4)),
        |q| q.bid = dec!(-0.05),
        |q| q.at = at("10:28:59"),
    ];
    for change in cases {
        let decision = with_leg("5430C", change);
        assert!(!filter(&decision, "es.short_call.quote").passed);
        assert_eq!(products(&decision), [Product::Xsp, Product::Mes]);
    }
}

#[test]
fn the_models_value_of_a_leg_comes_from_its_neighbours_not_from_itself() {
    let fair = candidate();
    assert!((fair.model_value.0 - fair.mid.0).abs() < dec!(0.25), "{fair:?}");
    // A short quoted three points too dear lifts the mid and leaves the model's value alone.
    let dear = with_leg("5370P", |q| {
        q.bid += dec!(3);
        q.ask += dec!(3);
        q.implied_volatility *= 1.8;
    });
    let dear = &dear.candidates[0];
    assert_eq!(dear.mid.0, fair.mid.0 + dec!(3));
    assert_eq!(dear.model_value, fair.model_value);
}

#[test]
fn nothing_in_the_chain_at_all_does_not_panic() {
    let decision = with(|s| {
        for data in s.products.values_mut() {
            data.chains[0].chain.quotes.clear();
            data.bars.clear();
            data.index_last = Some(dec!(0));
        }
        s.vix = None;
        s.session = None;
        s.events.clear();
    });
    assert_eq!(decision.candidates, []);
    for name in ["day", "vix", "es.data", "es.open"] {
        assert!(decision.filters.iter().any(|f| f.name == name), "{name}");
    }
}
