//! Stress, scenario by scenario.

use rust_decimal::{Decimal, dec};

use super::*;
use crate::{
    account::{PositionId, exposure::Carry},
    config::Rulebook,
    instrument::{Instrument, OptionContract, Right, Series, Settlement},
    money::to_f64,
    pricing::{Inputs, Model, price},
};

/// A leg of a position, `days` before its last trade.
pub(crate) fn leg(
    id: &str,
    product: Product,
    (strike, right): (Decimal, Right),
    quantity: i64,
    (underlying, vol, days): (Decimal, f64, f64),
) -> Exposure {
    let expiration = chrono::NaiveDate::from_ymd_opt(2024, 11, 15).unwrap();
    let series = Series {
        product,
        root: product.symbol().to_owned(),
        expiration,
        settlement: Settlement::Pm,
        last_trade: "2024-11-15T21:00:00Z".parse().unwrap(),
        future: None,
    };
    Exposure {
        holder: Holder::Position(PositionId(id.to_owned())),
        strategy: StrategyId::External,
        instrument: Instrument::Option(OptionContract { series, strike, right }),
        quantity,
        price: dec!(10),
        underlying,
        implied_volatility: vol,
        years: days / 365.0,
        carry: Carry { rate: 0.05, dividend: 0.013 },
    }
}

fn run(book: &[Exposure]) -> Stressed {
    let rules = Rulebook::embedded();
    stress(Tables { stress: &rules.stress, groups: &rules.groups }, book).unwrap()
}

fn loss(stressed: &Stressed, name: &str) -> Usd {
    let found = stressed.scenarios.iter().find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| panic!("no scenario {name}")).loss_usd
}

/// What one short contract loses by the pricing module itself.
fn by_hand(leg: &Exposure, spot: f64, points: f64) -> Usd {
    let Instrument::Option(contract) = &leg.instrument else { panic!("an option") };
    let model = if contract.series.product == Product::Es { Model::Black76 } else { Model::Bsm };
    let at = |factor: f64, more: f64| {
        let inputs = Inputs {
            spot: to_f64(leg.underlying) * factor,
            strike: to_f64(contract.strike),
            rate: leg.carry.rate,
            dividend: leg.carry.dividend,
            vol: leg.implied_volatility + more,
            years: leg.years,
            right: contract.right,
        };
        price(model, &inputs).price
    };
    let points = at(1.0, 0.0) - at(1.0 + spot / 100.0, points / 100.0);
    let contracts = Decimal::from(leg.quantity) * leg.instrument.multiplier();
    dollars(points * to_f64(contracts))
}

const ES: (Decimal, f64, f64) = (dec!(5600), 0.16, 30.0);

#[test]
fn every_scenario_of_the_rulebook_stands_in_the_list_with_its_figures() {
    let names: Vec<String> = run(&[]).scenarios.into_iter().map(|s| s.name).collect();
    let wanted = [
        "equity -5 % IV +25",
        "equity -3 % IV +15",
        "equity -7 % IV +35",
        "equity -10 % IV +45",
        "equity -20 % IV +60",
        "equity +5 % IV -5",
        "equity +8 % IV -5",
        "crude -10 % IV +20",
        "crude +10 % IV +20",
        "crude -30 % IV +35",
        "crude +25 % IV +35",
        "metals -5 % IV +8",
        "metals +5 % IV +8",
        "metals -12 % IV +15",
        "metals +12 % IV +15",
        "bonds -3 % IV +8",
        "bonds +3 % IV +8",
        "bonds -8 % IV +15",
        "bonds +8 % IV +15",
        "currencies -2 % IV +8",
        "currencies +2 % IV +8",
        "currencies -5 % IV +15",
        "currencies +5 % IV +15",
        "grains and meats -6 % IV +8",
        "grains and meats +6 % IV +8",
        "grains and meats -15 % IV +15",
        "grains and meats +15 % IV +15",
        "1987-10-19",
        "2018-02-05",
        "2020-03-16",
        "2024-08-05",
        "2025-04-03",
        "all first",
        "all worst",
    ];
    assert_eq!(names, wanted);
}

#[test]
fn a_leg_is_priced_anew_at_the_shocked_spot_and_volatility() {
    for (product, underlying) in [(Product::Es, dec!(5600)), (Product::Spy, dec!(556))] {
        let strike = underlying * dec!(0.9);
        let short = leg("a", product, (strike, Right::Put), -2, (underlying, 0.16, 30.0));
        let stressed = run(std::slice::from_ref(&short));
        let cases = [
            ("equity -5 % IV +25", -5.0, 25.0),
            ("equity -20 % IV +60", -20.0, 60.0),
            ("equity +8 % IV -5", 8.0, -5.0),
            ("1987-10-19", -20.47, 60.0),
            ("2024-08-05", -3.0, 15.18),
        ];
        for (name, spot, points) in cases {
            assert_eq!(loss(&stressed, name), by_hand(&short, spot, points), "{product} {name}");
        }
        assert_eq!(loss(&stressed, "crude -30 % IV +35"), Usd::ZERO);
    }
}

#[test]
fn the_shock_of_volatility_fades_beyond_thirty_days_and_is_whole_before() {
    // (30 / 120)^0.4 = 0.5743491774985175, by any calculator.
    let cases = [(0.25, 1.0), (7.0, 1.0), (30.0, 1.0), (120.0, 0.574_349_177_498_517_5)];
    for (days, share) in cases {
        let short = leg("a", Product::Es, (dec!(5000), Right::Put), -1, (ES.0, ES.1, days));
        let stressed = run(std::slice::from_ref(&short));
        let wanted = by_hand(&short, -10.0, 45.0 * share);
        assert_eq!(loss(&stressed, "equity -10 % IV +45"), wanted, "{days} days");
    }
}

#[test]
fn volatility_never_falls_below_a_point() {
    let long = leg("a", Product::Es, (dec!(5600), Right::Call), 1, (ES.0, 0.04, 30.0));
    let stressed = run(std::slice::from_ref(&long));
    assert_eq!(loss(&stressed, "equity +5 % IV -5"), by_hand(&long, 5.0, -3.0));
}

#[test]
fn what_one_leg_gains_covers_another_of_its_group_and_nothing_of_other_groups() {
    let put = |id, product, strike, quantity, under| {
        leg(id, product, (strike, Right::Put), quantity, (under, 0.16, 60.0))
    };
    let short = put("a", Product::Es, dec!(5000), -1, dec!(5600));
    let cover = put("b", Product::Spy, dec!(500), 10, dec!(560));
    let bond = put("c", Product::Tlt, dec!(85), -1, dec!(95));
    let hedged = [short.clone(), cover.clone()];
    let alone = loss(&run(std::slice::from_ref(&short)), ALL_WORST);
    assert!(loss(&run(&hedged), ALL_WORST) < alone, "futures and ETFs on equity move together");
    let bonds = loss(&run(std::slice::from_ref(&bond)), ALL_WORST);
    assert!(bonds.is_positive());
    assert_eq!(loss(&run(&[short, bond.clone()]), ALL_WORST), alone + bonds);
    // A book that gains in equity still loses on bonds.
    assert_eq!(loss(&run(&[cover, bond]), ALL_WORST).rounded(), bonds + loss_of_long_puts());
}

/// Ten long puts lose most when the market rises.
fn loss_of_long_puts() -> Usd {
    let cover = leg("b", Product::Spy, (dec!(500), Right::Put), 10, (dec!(560), 0.16, 60.0));
    loss(&run(&[cover]), ALL_WORST)
}

#[test]
fn gold_and_bonds_of_one_group_move_the_same_way() {
    let put = leg("a", Product::Gld, (dec!(180), Right::Put), -1, (dec!(200), 0.15, 60.0));
    let call = leg("b", Product::Tlt, (dec!(100), Right::Call), -1, (dec!(95), 0.15, 60.0));
    let both = run(&[put.clone(), call.clone()]);
    let (gold, bonds) = (run(&[put]), run(&[call]));
    let down = loss(&gold, "metals -12 % IV +15") + loss(&bonds, "bonds -8 % IV +15");
    let up = loss(&gold, "metals +12 % IV +15") + loss(&bonds, "bonds +8 % IV +15");
    assert_eq!(loss(&both, ALL_WORST), down.max(up));
    assert!(down.max(up) < loss(&gold, ALL_WORST) + loss(&bonds, ALL_WORST));
}

#[test]
fn a_future_and_shares_lose_with_their_price() {
    let mut future = leg("a", Product::Es, (dec!(1), Right::Put), 1, ES);
    future.instrument = Instrument::Future { product: Product::Es, code: "ESU4".into() };
    let stressed = run(&[future]);
    assert_eq!(loss(&stressed, "equity -20 % IV +60"), Usd(dec!(56000)));
    assert_eq!(loss(&stressed, "equity +5 % IV -5"), Usd(dec!(-14000)));
    assert_eq!(stressed.worst().unwrap().name, "1987-10-19");
}

#[test]
fn shares_of_the_holders_add_up_to_the_scenario() {
    let rules = Rulebook::embedded();
    let tables = Tables { stress: &rules.stress, groups: &rules.groups };
    let book = [
        leg("a", Product::Es, (dec!(5000), Right::Put), -1, ES),
        leg("a", Product::Es, (dec!(4900), Right::Put), 1, ES),
        leg("b", Product::Es, (dec!(6000), Right::Call), -1, ES),
        leg("c", Product::Gld, (dec!(180), Right::Put), -3, (dec!(200), 0.15, 60.0)),
    ];
    let stressed = run(&book);
    for scenario in &stressed.scenarios {
        let shares = by_holder(tables, &book, &scenario.name).unwrap().unwrap();
        let sum: Usd = shares.iter().map(|share| share.loss_usd).sum();
        let off = (sum - scenario.loss_usd).0.abs();
        assert!(off <= dec!(0.05), "{}: {sum} {}", scenario.name, scenario.loss_usd);
        assert!(shares.is_sorted_by_key(|share| std::cmp::Reverse(share.loss_usd)));
    }
    assert_eq!(by_holder(tables, &book, "the moon falls").unwrap(), None);
}

#[test]
fn the_first_shock_is_the_worst_of_the_classs_own() {
    let rules = Rulebook::embedded();
    let tables = Tables { stress: &rules.stress, groups: &rules.groups };
    let naked = [leg("a", Product::Es, (dec!(5000), Right::Put), -2, ES)];
    let wanted = loss(&run(&naked), "equity -5 % IV +25");
    assert_eq!(first_shock_loss(tables, &naked).unwrap(), wanted);
    let strangle = [
        leg("a", Product::Gld, (dec!(180), Right::Put), -1, (dec!(200), 0.15, 90.0)),
        leg("a", Product::Gld, (dec!(225), Right::Call), -1, (dec!(200), 0.15, 90.0)),
    ];
    let stressed = run(&strangle);
    let sides = ["metals -5 % IV +8", "metals +5 % IV +8"].map(|name| loss(&stressed, name));
    assert_eq!(first_shock_loss(tables, &strangle).unwrap(), sides[0].max(sides[1]));
    assert_eq!(first_shock_loss(tables, &[]).unwrap(), Usd::ZERO);
}

#[test]
fn figures_no_model_can_price_lose_more_than_any_account_has() {
    let mut broken = leg("a", Product::Es, (dec!(5000), Right::Put), -1, ES);
    broken.implied_volatility = f64::NAN;
    assert_eq!(run(&[broken]).worst_loss(), Usd(AMOUNT_MAX));
}
