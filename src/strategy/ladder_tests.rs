//! Ladders, step by step of rulebook §4 common.

use proptest::prelude::*;
use rust_decimal::{Decimal, dec};

use super::*;
use crate::config::{Rulebook, rulebook::CommonRules};

fn rules() -> CommonRules {
    Rulebook::embedded().common
}

fn book(mid: Decimal, natural: Decimal) -> Book {
    Book { mid: NetPrice(mid), natural: NetPrice(natural) }
}

#[test]
fn an_entry_gives_a_tick_every_ten_seconds_five_times_and_is_cancelled_at_sixty() {
    let prices = |mid, natural, minimum| {
        [0, 9, 10, 20, 30, 40, 50, 59, 60].map(|elapsed| {
            let rules = rules().entry_ladder;
            entry_price(&rules, &book(mid, natural), NetPrice(minimum), dec!(0.05), elapsed)
                .map(|price| price.0)
        })
    };
    let some = |prices: [Decimal; 8]| {
        let mut all = prices.map(Some).to_vec();
        all.push(None);
        all
    };
    // From mid down to mid less five ticks.
    let free = [
        dec!(6.35),
        dec!(6.35),
        dec!(6.30),
        dec!(6.25),
        dec!(6.20),
        dec!(6.15),
        dec!(6.10),
        dec!(6.10),
    ];
    assert_eq!(prices(dec!(6.35), dec!(5), dec!(2)).to_vec(), some(free));
    // Between ticks it begins at the better one.
    assert_eq!(prices(dec!(6.325), dec!(5), dec!(2)).to_vec(), some(free));
    // Natural is as far as it goes.
    let natural = [
        dec!(6.35),
        dec!(6.35),
        dec!(6.30),
        dec!(6.25),
        dec!(6.25),
        dec!(6.25),
        dec!(6.25),
        dec!(6.25),
    ];
    assert_eq!(prices(dec!(6.35), dec!(6.25), dec!(2)).to_vec(), some(natural));
    // And the strategy's minimum before that, rounded up to a tick.
    let minimum = [
        dec!(6.35),
        dec!(6.35),
        dec!(6.30),
        dec!(6.30),
        dec!(6.30),
        dec!(6.30),
        dec!(6.30),
        dec!(6.30),
    ];
    assert_eq!(prices(dec!(6.35), dec!(5), dec!(6.26)).to_vec(), some(minimum));
}

#[test]
fn an_exit_walks_to_natural_in_twenty_seconds_and_on_to_the_width() {
    let rules = rules().exit_ladder;
    let step = |urgency, elapsed| {
        let book = book(dec!(-10), dec!(-11));
        let step = exit_price(&rules, &book, Sign::Debit, urgency, dec!(30), dec!(0.05), elapsed);
        (step.limit.0, step.at_cap)
    };
    let cases = [
        (0, dec!(-10)),
        (4, dec!(-10)),
        (5, dec!(-10.25)),
        (10, dec!(-10.50)),
        (15, dec!(-10.75)),
        (19, dec!(-10.75)),
        (20, dec!(-11)),
        (24, dec!(-11)),
        (25, dec!(-11.05)),
        (30, dec!(-11.10)),
        (20 + 5 * 379, dec!(-29.95)),
    ];
    for (elapsed, limit) in cases {
        assert_eq!(step(Urgency::Whole, elapsed), (limit, false), "{elapsed} s");
    }
    for elapsed in [20 + 5 * 380, 20 + 5 * 381, 1_000_000] {
        assert_eq!(step(Urgency::Whole, elapsed), (dec!(-30), true), "the width: {elapsed} s");
    }
    assert_eq!(step(Urgency::ToNatural, 15).0, dec!(-10.75));
    assert_eq!(step(Urgency::ToNatural, 1_000), (dec!(-11), false));
    assert_eq!(step(Urgency::AtNatural, 0), (dec!(-11), false));
    assert_eq!(step(Urgency::Beyond(0), 0).0, dec!(-11));
    assert_eq!(step(Urgency::Beyond(12), 0).0, dec!(-11.10));
}

#[test]
fn natural_beyond_the_width_is_not_paid() {
    let rules = rules().exit_ladder;
    let book = book(dec!(-29), dec!(-33));
    let step = exit_price(&rules, &book, Sign::Debit, Urgency::AtNatural, dec!(30), dec!(0.05), 0);
    assert_eq!(step, ExitStep { limit: NetPrice(dec!(-30)), at_cap: true });
}

#[test]
fn undefined_risk_is_capped_at_one_and_a_half_times_the_mark() {
    let rules = rules().exit_ladder;
    assert_eq!(undefined_risk_cap(&rules, dec!(4.10)), dec!(6.150));
}

#[test]
fn a_close_never_changes_its_sign() {
    let rules = rules().exit_ladder;
    let limit = |sign, mid, natural| {
        let book = book(mid, natural);
        exit_price(&rules, &book, sign, Urgency::ToNatural, dec!(30), dec!(0.05), 0).limit.0
    };
    // Quotes that would pay for closing: the least debit is a tick.
    assert_eq!(limit(Sign::Debit, dec!(0.10), dec!(-0.20)), dec!(-0.05));
    assert_eq!(limit(Sign::Debit, dec!(0), dec!(-0.20)), dec!(-0.05));
    // Longs nobody bids for: the least credit is a tick.
    assert_eq!(limit(Sign::Credit, dec!(0.02), dec!(0)), dec!(0.05));
    assert_eq!(limit(Sign::Credit, dec!(1.02), dec!(0.90)), dec!(1.05));
}

#[test]
fn the_profit_target_is_met_to_the_tick() {
    let cases = [
        (dec!(6), dec!(0.05), Some(dec!(-3))),
        (dec!(6.35), dec!(0.05), Some(dec!(-3.15))),
        (dec!(0.31), dec!(0.01), Some(dec!(-0.15))),
        (dec!(0.05), dec!(0.05), None), // half a tick cannot be bid
    ];
    for (credit, tick, debit) in cases {
        let found = profit_target(credit, dec!(50), tick).map(|price| price.0);
        assert_eq!(found, debit, "credit {credit}");
    }
}

proptest! {
    #[test]
    fn entry_prices_stay_on_the_tick_above_the_minimum_and_never_rise(
        mid in 1_i64..3_000, below in 0_i64..500, minimum in 1_i64..3_000, elapsed in 0_i64..60,
    ) {
        let cents = |value| Decimal::new(value, 2);
        let tick = dec!(0.05);
        let start = book(cents(mid), cents(mid - below));
        let rules = rules().entry_ladder;
        let price = entry_price(&rules, &start, NetPrice(cents(minimum)), tick, elapsed);
        let price = price.expect("a credit before the cancel").0;
        prop_assert!(price > Decimal::ZERO && price >= cents(minimum));
        prop_assert_eq!(price % tick, Decimal::ZERO);
        let later = entry_price(&rules, &start, NetPrice(cents(minimum)), tick, elapsed + 1);
        prop_assert!(later.is_none_or(|later| later.0 <= price));
    }

    #[test]
    fn exit_debits_stay_between_a_tick_and_the_cap_and_only_grow(
        mid in -3_000_i64..100, below in 0_i64..500, elapsed in 0_i64..4_000,
    ) {
        let cents = |value| Decimal::new(value, 2);
        let tick = dec!(0.05);
        let book = book(cents(mid), cents(mid - below));
        let rules = rules().exit_ladder;
        let at = |elapsed| {
            exit_price(&rules, &book, Sign::Debit, Urgency::Whole, dec!(30), tick, elapsed).limit.0
        };
        let limit = at(elapsed);
        prop_assert!(dec!(-30) <= limit && limit <= -tick);
        prop_assert_eq!(limit % tick, Decimal::ZERO);
        prop_assert!(at(elapsed + 1) <= limit);
    }

    #[test]
    fn an_entry_never_passes_natural_nor_gives_more_than_its_steps(
        mid in 2_i64..3_000, below in 0_i64..500, minimum in 1_i64..3_000, elapsed in -5_i64..60,
        tick in ticks(),
    ) {
        let cents = |value| Decimal::new(value, 2);
        let start = book(cents(mid), cents(mid - below));
        let rules = rules().entry_ladder;
        let Some(price) = entry_price(&rules, &start, NetPrice(cents(minimum)), tick, elapsed) else {
            return Ok(());
        };
        let (first, natural) = (up(start.mid.0, tick), down(start.natural.0, tick));
        let given = Decimal::from(rules.steps * rules.ticks_a_step) * tick;
        let least = natural.max(up(cents(minimum), tick)).max(first - given);
        prop_assert!(price.0 >= least, "{} under {}", price, least);
        // Only its minimum may hold it above the mid.
        prop_assert!(price.0 <= first.max(up(cents(minimum), tick)));
    }

    #[test]
    fn exits_of_either_sign_keep_it_and_reach_natural_at_their_second(
        mid in -3_000_i64..3_000, below in 0_i64..500, cap in 100_i64..5_000, elapsed in 0_i64..600,
        tick in ticks(), credit in any::<bool>(),
    ) {
        let cents = |value| Decimal::new(value, 2);
        let (book, rules) = (book(cents(mid), cents(mid - below)), rules().exit_ladder);
        let sign = if credit { Sign::Credit } else { Sign::Debit };
        let at = |urgency, elapsed| {
            exit_price(&rules, &book, sign, urgency, cents(cap), tick, elapsed)
        };
        let worst = if credit { tick } else { -down(cents(cap), tick) };
        let bounded = |price: Decimal| {
            let price = price.max(worst);
            if credit { price.max(tick) } else { price.min(-tick) }
        };
        for urgency in [Urgency::ToNatural, Urgency::Whole, Urgency::AtNatural, Urgency::Beyond(elapsed)] {
            let (now, next) = (at(urgency, elapsed), at(urgency, elapsed + 1));
            prop_assert!(sign.holds(now.limit.0), "{urgency:?}: {}", now.limit);
            prop_assert_eq!(now.limit.0 % tick, Decimal::ZERO);
            prop_assert!(now.limit.0 >= worst, "beyond the cap: {}", now.limit);
            prop_assert!(next.limit <= now.limit, "{urgency:?} went back");
            prop_assert!(!now.at_cap || now.limit.0 == bounded(worst));
        }
        // At natural from its second on; before it not beyond.
        let natural = bounded(down(book.natural.0, tick));
        let second = i64::from(rules.natural_after_seconds);
        prop_assert_eq!(at(Urgency::Whole, second).limit.0, natural);
        prop_assert_eq!(at(Urgency::ToNatural, second.max(elapsed)).limit.0, natural);
        prop_assert!(at(Urgency::Whole, elapsed.min(second - 1)).limit.0 >= natural);
        prop_assert_eq!(at(Urgency::AtNatural, elapsed).limit.0, natural);
    }
}

fn ticks() -> impl proptest::strategy::Strategy<Value = Decimal> {
    prop_oneof![Just(dec!(0.01)), Just(dec!(0.05)), Just(dec!(0.10)), Just(dec!(0.25))]
}
