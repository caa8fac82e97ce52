//! Limits 10, 11 and 12, and the warnings: what an order does to the whole book.

use proptest::prelude::*;

use super::*;
use crate::{
    account::{
        PositionId,
        exposure::{Book, Carry, Exposure, Holder, Unpriced},
    },
    instrument::{Instrument, OptionContract, Right},
    money::to_f64,
    risk::{Checked, LIMIT_NAMES, Warning, every_limit, warnings},
};

/// Puts sold by the owner, with the market they stand in.
fn naked(product: Product, strike: Decimal, quantity: i64, days: u32) -> Exposure {
    let underlying = dec!(5400);
    let mut series = series(product);
    series.expiration = series.expiration + Days::new(days.into());
    Exposure {
        holder: Holder::Position(PositionId("external-1".to_owned())),
        strategy: StrategyId::External,
        instrument: Instrument::Option(OptionContract { series, strike, right: Right::Put }),
        quantity,
        price: dec!(20),
        underlying,
        implied_volatility: 0.16,
        years: f64::from(days) / 365.0,
        carry: Carry::default(),
    }
}

fn holding(case: &mut Case, legs: Vec<Exposure>) {
    let now = case.snapshot.now;
    case.snapshot.book = Some(Book::new(legs, Vec::new(), std::collections::BTreeMap::new(), now));
}

#[test]
fn limit_10_the_worst_scenario_loses_at_most_a_quarter_of_net_liquidation() {
    let put = || naked(Product::Mes, dec!(4600), -1, 90);
    let tables = |rules: &Rulebook| rules.clone();
    let rules = tables(&Rulebook::embedded());
    let tables = crate::risk::stress::Tables { stress: &rules.stress, groups: &rules.groups };
    let legs = |case: &Case| {
        let mut legs = crate::risk::held::exposures(&case.snapshot, &case.candidate, 1).unwrap();
        legs.push(put());
        legs
    };
    let stressed = crate::risk::stress::stress(tables, &legs(&Case::new())).unwrap();
    let worst = stressed.worst_loss();
    let at_bound = worst.0 * dec!(4) / dec!(1.28);
    let with = |gbp: Decimal| {
        changed(|c| {
            worth(c, gbp);
            c.candidate.max_loss_usd = Usd(dec!(1));
            holding(c, vec![put()]);
            c.snapshot.book.as_mut().unwrap().requirement.clear();
            c.power.requirement_usd = Usd(dec!(1));
            // The account is smaller than any phase: only the stress matters here.
            c.rules().phases.phases[0].from_gbp = dec!(1);
        })
    };
    assert_eq!(with(at_bound), None);
    assert_eq!(with(at_bound - dec!(0.01)), refused("stress"));
}

#[test]
fn limit_10_the_raised_requirement_fits_into_what_stress_leaves() {
    let case = Case::new();
    let legs = crate::risk::held::exposures(&case.snapshot, &case.candidate, 1).unwrap();
    let rules = Rulebook::embedded();
    let tables = crate::risk::stress::Tables { stress: &rules.stress, groups: &rules.groups };
    let worst = crate::risk::stress::stress(tables, &legs).unwrap().worst_loss();
    let net = Usd(dec!(35000) * dec!(1.28));
    let most = (net - worst).0 / dec!(1.3);
    let with = |requirement: Decimal| {
        changed(|c| {
            c.rules().phases.phases[0].cap_percent = dec!(100);
            c.rules().vix.bands.iter_mut().for_each(|band| band.cap_percent = dec!(100));
            c.snapshot.balances.as_mut().unwrap().requirement_usd = Usd(requirement - dec!(1));
            c.power.requirement_usd = Usd(dec!(1));
        })
    };
    assert_eq!(with(most.floor()), None);
    assert_eq!(with(most.floor() + dec!(1)), refused("stress_margin"));
}

#[test]
fn limit_10_what_cannot_be_priced_refuses_by_name() {
    let unpriced = |c: &mut Case| {
        c.snapshot.book = Some(Book {
            unpriced: vec![Unpriced {
                holder: Holder::Position(PositionId("external-3".to_owned())),
                leg: "-1 SPY 500 P 2024-09-20".to_owned(),
                why: "it has no quote".to_owned(),
            }],
            ..Book::default()
        });
    };
    let mut case = Case::new();
    unpriced(&mut case);
    let wanted = "Refused: -1 SPY 500 P 2024-09-20 of external-3 cannot be priced for stress \
                  (it has no quote)";
    assert_eq!(case.refusal().unwrap().to_string(), wanted);
    assert_eq!(changed(|c| c.snapshot.book = None), refused("data"));
}

#[test]
fn limit_11_one_underlying_takes_at_most_its_share_of_sizing_capital() {
    // 30 % of £35,000 at 1.28 is $13,440 for 0DTE; the order takes $1,200.
    let with = |product: Product, usd: Decimal| {
        changed(|c| {
            c.snapshot.book.as_mut().unwrap().requirement.insert(product, Usd(usd));
        })
    };
    assert_eq!(with(Product::Es, dec!(12240)), None);
    assert_eq!(with(Product::Es, dec!(12240.01)), refused("concentration"));
    // MES, XSP and SPY are contracts on the same index; gold is not.
    for product in [Product::Mes, Product::Xsp, Product::Spy] {
        assert_eq!(with(product, dec!(12240.01)), refused("concentration"), "{product}");
    }
    assert_eq!(with(Product::Gld, dec!(12240.01)), None);
    let mut case = Case::new();
    case.snapshot.book.as_mut().unwrap().requirement.insert(Product::Spy, Usd(dec!(14208)));
    let wanted = "Refused: requirement on ES/MES/SPX/XSP/SPY 34.4 % > 30.0 % of £35,000.00 \
                  (£12,037.50)";
    assert_eq!(case.refusal().unwrap().to_string(), wanted);
}

#[test]
fn limit_12_every_leg_has_the_interest_its_size_needs() {
    let with = |interest: u32, units: u32, product: Product| {
        let mut case = Case::new();
        if product != Product::Es {
            case.candidate = crate::strategy::friday_0dte::decide(&case.snapshot)
                .candidates
                .into_iter()
                .find(|candidate| candidate.product == product)
                .unwrap();
        }
        case.rules().phases.phases[0].friday_0dte = 100;
        case.candidate.units = units;
        case.power.round_trip_fees_usd = Usd(dec!(0.10));
        case.candidate.quotes.iter_mut().for_each(|quote| quote.open_interest = interest);
        case.limit()
    };
    assert_eq!(with(50, 1, Product::Es), None);
    assert_eq!(with(49, 1, Product::Es), refused("open_interest"));
    assert_eq!(with(100, 1, Product::Xsp), None);
    assert_eq!(with(99, 1, Product::Xsp), refused("open_interest"));
    assert_eq!(with(60, 6, Product::Es), None);
    assert_eq!(with(60, 7, Product::Es), refused("size_of_interest"));
}

#[test]
fn three_of_one_expiration_and_four_bullish_ones_are_warned_of() {
    let held = |number: usize, strike: Decimal| {
        let mut leg = naked(Product::Es, strike, -1, 30);
        leg.holder = Holder::Position(PositionId(format!("p{number}")));
        leg
    };
    let warned = |same: usize, bullish: usize| {
        let mut case = Case::new();
        let own = open_position("x");
        case.snapshot.positions = (0..same)
            .map(|number| {
                let mut position = own.clone();
                position.id.0 = format!("p{number}");
                position
            })
            .collect();
        let legs = (0..bullish).map(|number| held(number, dec!(5000))).collect();
        holding(&mut case, legs);
        // A put spread is bullish.
        case.candidate.legs.retain(
            |leg| matches!(&leg.instrument, Instrument::Option(c) if c.right == Right::Put),
        );
        let found = warnings(&case.snapshot, &case.candidate);
        found.iter().map(|warning| warning.figures().0).collect::<Vec<_>>()
    };
    let loss = "trade_loss_warning";
    assert_eq!(warned(1, 2), [loss]);
    assert_eq!(warned(2, 2), [loss, "same_expiration"]);
    assert_eq!(warned(1, 3), [loss, "bullish"]);
    assert_eq!(warned(2, 3), [loss, "same_expiration", "bullish"]);
    let text = Warning::Bullish { positions: 4, bound: 4 }.to_string();
    assert_eq!(text, "4 positions are bullish (warned from 4)");
}

#[test]
fn undefined_risk_is_held_to_its_loss_at_the_first_shock() {
    let mut case = Case::new();
    case.candidate.legs.retain(|leg| leg.side == crate::account::Side::Sell);
    case.candidate.width = None;
    case.candidate.max_loss_usd = Usd(dec!(1));
    let Some(Refusal::TradeLoss { loss, .. }) = case.refusal() else {
        panic!("{case:?}", case = case.limit())
    };
    let legs = crate::risk::held::exposures(&case.snapshot, &case.candidate, 1).unwrap();
    let rules = Rulebook::embedded();
    let tables = crate::risk::stress::Tables { stress: &rules.stress, groups: &rules.groups };
    let shock = crate::risk::stress::first_shock_loss(tables, &legs).unwrap();
    assert_eq!(
        loss.rounded(),
        FxRate::new(friday().date, dec!(1.28)).unwrap().to_gbp(shock).rounded()
    );
    // One of ES falls five per cent below: some 220 points, $11,000.
    assert!(to_f64(shock.0) > 9000.0, "{shock}");
}

#[test]
fn every_limit_is_told_and_the_first_is_the_gates() {
    let mut case = Case::new();
    case.snapshot.orders_today = 500;
    case.candidate.max_loss_usd = Usd(dec!(9000));
    let every = every_limit(&case.snapshot, &case.candidate, &case.power, &id());
    let numbers: Vec<u8> = every.iter().map(|checked| checked.number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len(), 15);
    assert!(LIMIT_NAMES.iter().eq(every.iter().map(|checked| &checked.name)));
    let refusing: Vec<&'static str> =
        every.iter().filter(|checked| checked.refusal.is_some()).map(|c| c.name).collect();
    assert_eq!(refusing, ["trade loss", "orders"]);
    let first: Option<&Checked> = every.iter().find(|checked| checked.refusal.is_some());
    assert_eq!(first.unwrap().refusal, case.refusal());
}

proptest! {
    /// Rulebook §1: utilisation is never above 100 % by arithmetic, whatever is held, whatever it
    /// takes, at whatever rate: an order that passes leaves the requirement inside sizing capital.
    #[test]
    fn buying_power_after_an_approved_order_never_exceeds_all_of_sizing_capital(
        net_gbp in 1i64..2_000_000, held in 0i64..3_000_000, takes in -50_000i64..500_000,
        rate in 100i64..250, level in 1i64..9_000, caps in proptest::collection::vec(0i64..=100, 5),
        stage in 0usize..5,
    ) {
        let mut case = Case::new();
        let rate = Decimal::new(rate, 2);
        case.snapshot.fx = FxRate::new(friday().date, rate);
        let net = Decimal::from(net_gbp) * rate;
        case.snapshot.balances.as_mut().unwrap().net_liquidation_usd = Usd(net);
        case.snapshot.balances.as_mut().unwrap().requirement_usd = Usd(held.into());
        case.power.requirement_usd = Usd(takes.into());
        case.snapshot.vix = Some(vix(Decimal::new(level, 2)));
        case.snapshot.stage = crate::config::stages::StageId::ALL[stage];
        case.snapshot.acked_at = Some(at("09:00:00"));
        for (band, cap) in case.rules().vix.bands.iter_mut().zip(caps) {
            band.cap_percent = cap.into();
        }
        let approved = gate(&case.snapshot, &case.candidate, &case.power, id()).is_ok();
        let every = every_limit(&case.snapshot, &case.candidate, &case.power, &id());
        let passed = |name| every.iter().any(|c| c.name == name && c.refusal.is_none());
        if approved || (passed("phase") && passed("buying power")) {
            let capital = capital(&case.snapshot).unwrap();
            let used = utilisation(Usd((held + takes).into()), &capital);
            prop_assert!(used <= dec!(100), "{used} %");
            prop_assert!(capital.sizing <= capital.net_liquidation);
        }
    }
}
