//! Worked numbers nobody here made up, from domain/reference.md §5b and §5c: margin-estimator's
//! tests (M1–M5), Lean's with figures observed at Interactive Brokers (M6, M8), edeltapro restating
//! the Cboe sample (M7), and a reference run of the scan.

use chrono::TimeDelta;
use rust_decimal::dec;

use super::*;
use crate::{
    instrument::{OptionContract, Right, Series, Settlement},
    money::round_half_up,
    pricing::{self, Inputs, Model},
};

fn now() -> Timestamp {
    "2024-08-05T20:00:00Z".parse().unwrap()
}

fn market() -> MarginMarket {
    MarginMarket { now: now(), rate: 0.05 }
}

/// What `order` adds to the requirement of `held`: as the paper venue works it out.
fn change(product: Product, held: &[MarginLeg], order: &[MarginLeg]) -> Result<Usd, MarginError> {
    let with_order: Vec<MarginLeg> = held.iter().chain(order).cloned().collect();
    let before = requirement(product, held, &market())?;
    Ok(requirement(product, &with_order, &market())?.net - before.net)
}

/// An option of `days` from now.
fn option(product: Product, right: Right, strike: Decimal, days: i64) -> Instrument {
    let last_trade = now() + TimeDelta::days(days);
    let series = Series {
        product,
        root: product.symbol().to_owned(),
        expiration: last_trade.date_naive(),
        settlement: Settlement::Pm,
        last_trade,
        future: None,
    };
    Instrument::Option(OptionContract { series, strike, right })
}

/// A leg of a case: contracts, `5000P`, price in points.
type Text = (i64, &'static str, Decimal);

/// The legs of a case, two weeks from now.
fn legs(product: Product, underlying: Decimal, text: &[Text]) -> Vec<MarginLeg> {
    let leg = |(quantity, name, price): &Text| {
        let (strike, letter) = name.split_at(name.len() - 1);
        let right = if letter == "C" { Right::Call } else { Right::Put };
        MarginLeg {
            instrument: option(product, right, strike.parse().unwrap(), 14),
            quantity: *quantity,
            price: *price,
            underlying,
            implied_volatility: 0.3,
        }
    };
    text.iter().map(leg).collect()
}

fn of(product: Product, legs: &[MarginLeg]) -> Requirement {
    requirement(product, legs, &market()).unwrap()
}

#[test]
fn naked_shorts_take_the_figures_of_the_margin_manuals() {
    #[rustfmt::skip]
    let cases: &[(&str, Product, Decimal, &[Text], Decimal)] = &[
        ("M1", Product::Spx, dec!(433.35), &[(-1, "430P", dec!(7.80))], dec!(6945.25)),
        ("M2 minimum", Product::Spx, dec!(445.35), &[(-1, "410P", dec!(0.10))], dec!(4110)),
        ("M3 straddle", Product::Spx, dec!(433.35),
            &[(-1, "435C", dec!(5.50)), (-1, "435P", dec!(7.20))], dec!(7770.25)),
        ("M5 put", Product::Spx, dec!(5186.33), &[(-1, "5000P", dec!(12))], dec!(60361.95)),
        ("M5 call", Product::Spx, dec!(5186.33), &[(-1, "5400C", dec!(8))], dec!(57227.95)),
        ("M5 strangle", Product::Spx, dec!(5186.33),
            &[(-1, "5000P", dec!(12)), (-1, "5400C", dec!(8))], dec!(61161.95)),
        ("M6 call", Product::Spx, dec!(4550), &[(-1, "3800C", dec!(750))], dec!(143250)),
        ("M6 far put", Product::Spx, dec!(4550), &[(-1, "3800P", dec!(0.05))], dec!(38005)),
        ("M6 far call", Product::Spx, dec!(4550), &[(-1, "5000C", dec!(0.05))], dec!(45505)),
        ("M6 put", Product::Spx, dec!(4550), &[(-1, "5000P", dec!(445))], dec!(112750)),
        ("M7 put", Product::Spy, dec!(209), &[(-1, "200P", dec!(1.20))], dec!(3400)),
        ("M8 call, S 196", Product::Spy, dec!(196), &[(-2, "192C", dec!(14))], dec!(10640)),
        ("M8 call, S 180", Product::Spy, dec!(180), &[(-2, "192C", dec!(14))], dec!(7600)),
        ("M8 put, S 182", Product::Spy, dec!(182), &[(-2, "192P", dec!(14))], dec!(10080)),
        ("M8 put, S 196", Product::Spy, dec!(196), &[(-2, "192P", dec!(14))], dec!(9840)),
    ];
    for (name, product, underlying, text, gross) in cases {
        let found = of(*product, &legs(*product, *underlying, text));
        assert_eq!(found.gross, Usd(*gross), "{name}");
        let premium: Decimal =
            text.iter().map(|(n, _, price)| Decimal::from(-n) * price * dec!(100)).sum();
        assert_eq!(found.net, Usd(*gross - premium), "{name} after its premium");
    }
}

#[test]
fn defined_risk_takes_its_largest_loss_less_its_credit() {
    #[rustfmt::skip]
    let cases: &[(&str, Decimal, &[Text], Decimal, Decimal)] = &[
        ("M4 put spread", dec!(433.35),
            &[(-1, "430P", dec!(7.80)), (1, "425P", dec!(6.40))], dec!(500), dec!(360)),
        ("M5 put spread", dec!(5186.33),
            &[(-1, "5000P", dec!(12)), (1, "4950P", dec!(9))], dec!(5000), dec!(4700)),
        ("M5 condor", dec!(5186.33),
            &[(1, "4950P", dec!(9)), (-1, "5000P", dec!(12)), (-1, "5400C", dec!(8)),
              (1, "5450C", dec!(5.5))], dec!(5000), dec!(4450)),
        ("M5 unequal wings", dec!(5186.33),
            &[(1, "4900P", dec!(7)), (-1, "5000P", dec!(12)), (-1, "5400C", dec!(8)),
              (1, "5450C", dec!(5.5))], dec!(10000), dec!(9250)),
        ("two condors", dec!(5186.33),
            &[(2, "4950P", dec!(9)), (-2, "5000P", dec!(12)), (-2, "5400C", dec!(8)),
              (2, "5450C", dec!(5.5))], dec!(10000), dec!(8900)),
        ("debit spread", dec!(5186.33),
            &[(1, "5000P", dec!(12)), (-1, "4950P", dec!(9))], dec!(0), dec!(300)),
        ("butterfly", dec!(5186.33),
            &[(1, "5100C", dec!(120)), (-2, "5200C", dec!(60)), (1, "5300C", dec!(25))],
            dec!(0), dec!(2500)),
        ("long put", dec!(5186.33), &[(3, "5000P", dec!(12))], dec!(0), dec!(3600)),
        ("a spread wider than the naked short is naked", dec!(5186.33),
            &[(-1, "5000P", dec!(12)), (1, "3000P", dec!(0.10))], dec!(60361.95), dec!(59171.95)),
        ("nothing", dec!(5186.33), &[], dec!(0), dec!(0)),
    ];
    for (name, underlying, text, gross, net) in cases {
        let found = of(Product::Spx, &legs(Product::Spx, *underlying, text));
        assert_eq!((found.gross, found.net), (Usd(*gross), Usd(*net)), "{name}");
    }
}

/// The same with the volatility instead of the price.
type VolText = (i64, &'static str, f64);

/// Options on ES at 5200, two weeks out, priced by the model.
fn es_legs(product: Product, text: &[VolText]) -> Vec<MarginLeg> {
    let named: Vec<_> = text.iter().map(|(n, name, _)| (*n, *name, dec!(0))).collect();
    let mut legs = legs(product, dec!(5200), &named);
    for (leg, (_, _, vol)) in legs.iter_mut().zip(text) {
        let Instrument::Option(contract) = &leg.instrument else { unreachable!() };
        let inputs = Inputs {
            spot: 5200.0,
            strike: crate::money::to_f64(contract.strike),
            rate: 0.05,
            dividend: 0.0,
            vol: *vol,
            years: 14.0 / 365.0,
            right: contract.right,
        };
        let price = pricing::price(Model::Black76, &inputs).price;
        leg.price = Decimal::from_f64_retain(price).unwrap();
        leg.implied_volatility = *vol;
    }
    legs
}

#[test]
fn the_scan_gives_the_figures_of_the_reference_run() {
    #[rustfmt::skip]
    let cases: &[(&str, &[VolText], Decimal, Decimal)] = &[
        ("short put", &[(-1, "5000P", 0.30)], dec!(8996.87), dec!(6741.35)),
        ("short strangle", &[(-1, "5000P", 0.30), (-1, "5400C", 0.22)],
            dec!(9797.90), dec!(6346.86)),
        ("condor", &[(1, "4950P", 0.31), (-1, "5000P", 0.30), (-1, "5400C", 0.22),
            (1, "5450C", 0.215)], dec!(1493.30), dec!(597.00)),
    ];
    for (name, text, gross, scan) in cases {
        let es = of(Product::Es, &es_legs(Product::Es, text));
        let cents = |amount: Usd| round_half_up(amount.0, 2);
        assert_eq!((cents(es.gross), cents(es.net)), (*gross, *scan), "{name}");
        let mes = of(Product::Mes, &es_legs(Product::Mes, text));
        assert_eq!(mes.gross.0 * dec!(10), es.gross.0, "{name} of MES is a tenth");
    }
}

fn future(quantity: i64) -> MarginLeg {
    MarginLeg {
        instrument: Instrument::Future { product: Product::Es, code: "ESU4".to_owned() },
        quantity,
        price: dec!(5200),
        underlying: dec!(5200),
        implied_volatility: 0.0,
    }
}

#[test]
fn a_future_takes_the_maintenance_margin_either_way() {
    for quantity in [1, -1, 2] {
        let found = of(Product::Es, &[future(quantity)]);
        let expected = Usd(dec!(10800) * Decimal::from(quantity.abs()));
        assert_eq!((found.gross, found.net), (expected, expected));
    }
}

#[test]
fn a_future_offsets_the_option_that_loses_the_other_way_and_adds_to_the_one_that_loses_with_it() {
    let of_book = |option: VolText, quantity: i64| {
        let mut book = es_legs(Product::Es, &[option]);
        book.push(future(quantity));
        of(Product::Es, &book).net
    };
    for (option, offset) in [((-1, "5400C", 0.22), 1), ((-1, "5000P", 0.30), -1)] {
        let alone = of(Product::Es, &es_legs(Product::Es, &[option])).net;
        let (hedged, worse) = (of_book(option, offset), of_book(option, -offset));
        assert!(hedged < Usd(dec!(10800)), "{hedged} beside the right future");
        assert!(worse > alone && worse > Usd(dec!(10800)), "{worse} beside the wrong one");
    }
}

/// Rulebook §4.1: the rough largest loss of a 30-wide ES condor is £930.
#[test]
fn a_same_day_condor_of_es_takes_its_largest_loss() {
    let text = [
        (1, "5090P", dec!(1.5)),
        (-1, "5120P", dec!(5.0)),
        (-1, "5280C", dec!(4.0)),
        (1, "5310C", dec!(1.25)),
    ];
    let mut legs = legs(Product::Es, dec!(5200), &text);
    for leg in &mut legs {
        if let Instrument::Option(contract) = &mut leg.instrument {
            contract.series.last_trade = now() + TimeDelta::hours(6);
        }
    }
    let found = of(Product::Es, &legs);
    assert_eq!(found.net, Usd((dec!(30) - dec!(6.25)) * dec!(50)));
    let pounds = found.net.0 / dec!(1.28);
    assert!((dec!(880)..dec!(980)).contains(&pounds), "{pounds}");
}

#[test]
fn a_short_is_covered_by_a_long_that_expires_later_but_not_by_one_that_expires_first() {
    let leg = |quantity, strike, days, price| MarginLeg {
        instrument: option(Product::Spx, Right::Put, strike, days),
        quantity,
        price,
        underlying: dec!(5186.33),
        implied_volatility: 0.3,
    };
    let calendar = [leg(-1, dec!(5000), 14, dec!(12)), leg(1, dec!(5000), 45, dec!(40))];
    let found = of(Product::Spx, &calendar);
    assert_eq!((found.gross, found.net), (Usd(dec!(0)), Usd(dec!(2800))));
    let diagonal = [leg(-1, dec!(5000), 14, dec!(12)), leg(1, dec!(4980), 45, dec!(35))];
    let found = of(Product::Spx, &diagonal);
    assert_eq!((found.gross, found.net), (Usd(dec!(2000)), Usd(dec!(4300))));
    let backwards = [leg(-1, dec!(5000), 45, dec!(40)), leg(1, dec!(5000), 14, dec!(12))];
    let found = of(Product::Spx, &backwards);
    assert_eq!(found.gross, Usd(dec!(4000) + dec!(77794.95) - dec!(18633)));
    assert_eq!(found.net, Usd(dec!(59161.95) + dec!(1200)));
}

/// A leg so many days from now.
fn leg(product: Product, underlying: Decimal, days: i64, text: Text) -> MarginLeg {
    let (quantity, name, price) = text;
    let (strike, letter) = name.split_at(name.len() - 1);
    let right = if letter == "C" { Right::Call } else { Right::Put };
    let instrument = option(product, right, strike.parse().unwrap(), days);
    MarginLeg { instrument, quantity, price, underlying, implied_volatility: 0.25 }
}

/// A name, product, underlying, legs with their days, and what they take net, dollars.
type Form<'a> = (&'a str, Product, Decimal, &'a [(i64, Text)], Decimal);

#[test]
fn the_forms_of_the_other_strategies_take_what_the_rules_say() {
    // Worked by hand from the rules of domain/reference.md §5a, dollars net of premiums.
    let (spx, spy, qqq) = (Product::Spx, Product::Spy, Product::Qqq);
    let box_lent = [(1, "5000C", dec!(320)), (-1, "5100C", dec!(250)), (-1, "5000P", dec!(90))];
    let box_sold = [(-1, "5000C", dec!(320)), (1, "5100C", dec!(250)), (1, "5000P", dec!(90))];
    let cases: &[Form<'_>] = &[
        // Long LEAP call below, short weekly call above: what was paid for the one less the other.
        (
            "PMCC",
            qqq,
            dec!(480),
            &[(365, (1, "400C", dec!(105))), (7, (-1, "480C", dec!(5)))],
            dec!(10000),
        ),
        // The short call may stand below the long one: then by how far.
        (
            "PMCC inverted",
            qqq,
            dec!(480),
            &[(365, (1, "400C", dec!(105))), (7, (-1, "395C", dec!(86)))],
            dec!(2400),
        ),
        // 60/30 days at one strike: the debit.
        (
            "calendar",
            spx,
            dec!(5000),
            &[(60, (1, "5000P", dec!(110))), (30, (-1, "5000P", dec!(80)))],
            dec!(3000),
        ),
        (
            "diagonal",
            spx,
            dec!(5000),
            &[(60, (1, "4900P", dec!(75))), (30, (-1, "5000P", dec!(80)))],
            dec!(9500),
        ),
        // 100 wide for 98: the money lent; sold for 98, what is missing to 100.
        (
            "box lent",
            spx,
            dec!(5050),
            &[
                (500, box_lent[0]),
                (500, box_lent[1]),
                (500, box_lent[2]),
                (500, (1, "5100P", dec!(118))),
            ],
            dec!(9800),
        ),
        (
            "box sold",
            spx,
            dec!(5050),
            &[
                (500, box_sold[0]),
                (500, box_sold[1]),
                (500, box_sold[2]),
                (500, (-1, "5100P", dec!(118))),
            ],
            dec!(200),
        ),
        // A year's put of SPY: 20 % of 550 less 60 out of the money is 5000, the tenth of the
        // strike 4900; the premium is both taken and given.
        ("LEAP put", spy, dec!(550), &[(365, (-1, "490P", dec!(7)))], dec!(5000)),
        // One of the two shorts is covered, for its debit of 1600; the other is naked: 15 % of the
        // index less 300 out of the money is 45,000, a tenth of the strike 47,000.
        (
            "ratio",
            spx,
            dec!(5000),
            &[(45, (1, "4800P", dec!(40))), (45, (-2, "4700P", dec!(24)))],
            dec!(48600),
        ),
        // 1-1-2: the spread for its debit of 8, two naked puts at the tenth of the strike.
        (
            "1-1-2",
            spx,
            dec!(5000),
            &[
                (120, (1, "4800P", dec!(60))),
                (120, (-1, "4750P", dec!(52))),
                (120, (-2, "4000P", dec!(10))),
            ],
            dec!(80800),
        ),
    ];
    for (name, product, underlying, text, net) in cases {
        let legs: Vec<MarginLeg> =
            text.iter().map(|(days, text)| leg(*product, *underlying, *days, *text)).collect();
        assert_eq!(of(*product, &legs).net, Usd(*net), "{name}");
    }
}

#[test]
fn each_future_takes_its_own_range_of_its_price() {
    // Maintenance margins of early 2025, rounded: dollars at the price beside them.
    let cases = [
        (Product::Cl, dec!(70), dec!(5600)),
        (Product::Mcl, dec!(70), dec!(560)),
        (Product::Gc, dec!(2700), dec!(13500)),
        (Product::Zb, dec!(118), dec!(3540)),
        (Product::Zc, dec!(450), dec!(1237.50)),
        (Product::Eur, dec!(1.05), dec!(2625)),
        (Product::Jpy, dec!(0.0066), dec!(2887.50)),
    ];
    for (product, price, dollars) in cases {
        for quantity in [1, -1] {
            let code = format!("{product}H5");
            let instrument = Instrument::Future { product, code };
            let held = MarginLeg {
                instrument,
                quantity,
                price,
                underlying: price,
                implied_volatility: 0.0,
            };
            assert_eq!(of(product, &[held]).net, Usd(dollars), "{product}");
        }
    }
}

#[test]
fn a_strangle_of_a_future_takes_more_than_nothing_and_less_than_its_future() {
    let cases = [
        (Product::Cl, dec!(70), "56P", "88C", dec!(0.35)),
        (Product::Mgc, dec!(2700), "2450P", "3000C", dec!(8)),
        (Product::Zn, dec!(110), "106P", "114C", dec!(0.15625)),
        (Product::Aud, dec!(0.65), "0.605P", "0.695C", dec!(0.0008)),
        (Product::Jpy, dec!(0.0066), "0.0061P", "0.00725C", dec!(0.00001)),
    ];
    for (product, underlying, put, call, price) in cases {
        let strangle = [put, call].map(|name| leg(product, underlying, 90, (-1, name, price)));
        let code = format!("{product}H5");
        let future = MarginLeg {
            instrument: Instrument::Future { product, code },
            quantity: 1,
            price: underlying,
            underlying,
            implied_volatility: 0.0,
        };
        let (taken, most) = (of(product, &strangle).net, of(product, &[future]).net);
        assert!(taken > Usd::ZERO && taken < most, "{product}: {taken} of {most}");
        let two = strangle.clone().map(|leg| MarginLeg { quantity: -2, ..leg });
        assert_eq!(of(product, &two).net, Usd(taken.0 * dec!(2)), "{product}");
    }
}

#[test]
fn a_long_beyond_nine_months_takes_three_quarters_of_its_price() {
    let leg = |days| MarginLeg {
        instrument: option(Product::Spy, Right::Call, dec!(500), days),
        quantity: 1,
        price: dec!(60),
        underlying: dec!(545),
        implied_volatility: 0.2,
    };
    assert_eq!(of(Product::Spy, &[leg(270)]).net, Usd(dec!(6000)));
    assert_eq!(of(Product::Spy, &[leg(280)]).net, Usd(dec!(4500)));
}

#[test]
fn a_long_is_never_made_to_cover_where_the_strangle_offset_is_worth_more() {
    let strangle = [(-1, "5000P", dec!(12)), (-1, "5400C", dec!(8))];
    let bare = of(Product::Spx, &legs(Product::Spx, dec!(5186.33), &strangle));
    let with_long = [strangle[0], strangle[1], (1, "4900P", dec!(7))];
    let found = of(Product::Spx, &legs(Product::Spx, dec!(5186.33), &with_long));
    assert_eq!(found.net, bare.net + Usd(dec!(700)));
}

#[test]
fn an_order_takes_the_difference_it_makes() {
    let held = legs(Product::Spx, dec!(5186.33), &[(-1, "5000P", dec!(12)), (1, "4950P", dec!(9))]);
    let calls =
        legs(Product::Spx, dec!(5186.33), &[(-1, "5400C", dec!(8)), (1, "5450C", dec!(5.5))]);
    let taken = change(Product::Spx, &held, &calls).unwrap();
    assert_eq!(taken, Usd(dec!(-250)), "the call side of a condor only brings its credit");
    let close: Vec<MarginLeg> =
        held.iter().map(|leg| MarginLeg { quantity: -leg.quantity, ..leg.clone() }).collect();
    let freed = change(Product::Spx, &held, &close).unwrap();
    assert_eq!(freed, Usd(dec!(-4700)));
    assert_eq!(change(Product::Xsp, &held, &close), Ok(Usd(dec!(0))));
}

#[test]
fn an_account_is_the_sum_of_its_products() {
    let mut held = legs(Product::Spx, dec!(5186.33), &[(-1, "5000P", dec!(12))]);
    held.push(future(1));
    let found = account_requirement(&held, &market()).unwrap();
    assert_eq!(found.gross, Usd(dec!(60361.95) + dec!(10800)));
}

#[test]
fn shares_take_half_their_value() {
    let shares = MarginLeg {
        instrument: Instrument::Shares { product: Product::Spy },
        quantity: -100,
        price: dec!(545),
        underlying: dec!(545),
        implied_volatility: 0.0,
    };
    assert_eq!(of(Product::Spy, &[shares]).net, Usd(dec!(27250)));
}

#[test]
fn figures_that_are_none_are_refused_by_name() {
    let good = es_legs(Product::Es, &[(-1, "5000P", 0.30)]).remove(0);
    let refusal =
        |leg: MarginLeg| requirement(Product::Es, &[leg], &market()).unwrap_err().to_string();
    assert_eq!(
        refusal(MarginLeg { price: dec!(-1), ..good.clone() }),
        "margin of -1 ES 2024-08-19 5000 P: price -1 is not between 0 and 1000000000"
    );
    assert_eq!(
        refusal(MarginLeg { underlying: dec!(0), ..good.clone() }),
        "margin of -1 ES 2024-08-19 5000 P: underlying 0 is not above 0 and up to 1000000000"
    );
    assert_eq!(
        refusal(MarginLeg { implied_volatility: f64::NAN, ..good.clone() }),
        "margin of -1 ES 2024-08-19 5000 P: implied volatility NaN is not between 0 and 100 (1 is 100 %)"
    );
    // The largest figures are still figures; beyond them there is none.
    let most = Decimal::from(PRICE_MAX);
    let takes = |leg: MarginLeg| requirement(Product::Es, &[leg], &market()).is_ok();
    assert!(takes(MarginLeg { price: most, ..good.clone() }));
    assert!(!takes(MarginLeg { price: most + dec!(0.01), ..good.clone() }));
    assert!(takes(MarginLeg { underlying: most, ..good.clone() }));
    assert!(!takes(MarginLeg { underlying: most + dec!(0.01), ..good.clone() }));
    let contracts = i64::from(CONTRACTS_MAX);
    assert!(takes(MarginLeg { quantity: -contracts, ..good.clone() }));
    assert!(!takes(MarginLeg { quantity: -contracts - 1, ..good.clone() }));
    let no_rate = MarginMarket { now: now(), rate: f64::NAN };
    assert!(requirement(Product::Es, std::slice::from_ref(&good), &no_rate).is_err());
}

mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::account::margin::pairing::{Pair, Pairing};

    fn any_leg(product: Product) -> impl Strategy<Value = MarginLeg> {
        let right = prop_oneof![Just(Right::Call), Just(Right::Put)];
        let quantity = prop_oneof![-3..=-1_i64, 1..=3_i64];
        let days = prop_oneof![Just(0_i64), Just(14), Just(45), Just(400)];
        (right, 180..240_i64, quantity, days, 0.05..1.0_f64).prop_map(
            move |(right, strike, quantity, days, vol)| {
                let strike = Decimal::from(strike * 25);
                let inputs = Inputs {
                    spot: 5200.0,
                    strike: crate::money::to_f64(strike),
                    rate: 0.05,
                    dividend: 0.0,
                    vol,
                    years: days as f64 / 365.0,
                    right,
                };
                let price = pricing::price(Model::Black76, &inputs).price;
                MarginLeg {
                    instrument: option(product, right, strike, days),
                    quantity,
                    price: Decimal::from_f64_retain(price).unwrap().round_dp(6),
                    underlying: dec!(5200),
                    implied_volatility: vol,
                }
            },
        )
    }

    fn any_book() -> impl Strategy<Value = (Product, Vec<MarginLeg>)> {
        let product = prop_oneof![Just(Product::Spx), Just(Product::Es), Just(Product::Spy)];
        product.prop_flat_map(|product| {
            (Just(product), proptest::collection::vec(any_leg(product), 1..7))
        })
    }

    /// Every way of covering each short, in turn, with one free long or with none.
    fn every_pairing<'a>(
        shorts: &'a [line::Line],
        longs: &'a [line::Line],
        chosen: &mut Vec<Option<usize>>,
        take: &mut dyn FnMut(Pairing<'a>),
    ) {
        let Some(short) = shorts.get(chosen.len()) else {
            let mut way = Pairing::default();
            for (short, long) in shorts.iter().zip(&*chosen) {
                match long {
                    Some(l) => way.pairs.push(Pair { short, long: &longs[*l], contracts: 1 }),
                    None => way.naked.push((short, 1)),
                }
            }
            let free = longs.iter().enumerate().filter(|(l, _)| !chosen.contains(&Some(*l)));
            way.spare = free.map(|(_, long)| (long, 1)).collect();
            return take(way);
        };
        for l in (0..longs.len()).map(Some).chain([None]) {
            let covers = l.is_none_or(|l| {
                let long = &longs[l];
                let free = !chosen.contains(&Some(l));
                free && long.right == short.right && long.last_trade >= short.last_trade
            });
            if covers {
                chosen.push(l);
                every_pairing(shorts, longs, chosen, take);
                chosen.pop();
            }
        }
    }

    /// The rounding of scenario prices: a millionth of a point a contract and scenario.
    const ROUNDING: Decimal = dec!(0.01);

    proptest! {
        #[test]
        fn never_below_zero((product, legs) in any_book()) {
            let found = of(product, &legs);
            prop_assert!(found.net >= Usd::ZERO && found.gross >= Usd::ZERO, "{found:?}");
        }

        #[test]
        fn one_more_long_never_takes_more_than_its_price(
            (product, legs) in any_book(), pick in any::<prop::sample::Index>()
        ) {
            let mut legs = line::merged(legs.iter());
            prop_assume!(!legs.is_empty());
            let mut long = legs.remove(pick.index(legs.len()));
            long.quantity = long.quantity.abs();
            let cost = Usd(
                long.price * long.instrument.multiplier() * Decimal::from(long.quantity),
            );
            let taken = change(product, &legs, &[long]).unwrap();
            prop_assert!(taken <= cost + Usd(ROUNDING), "{taken} for {cost}");
        }

        #[test]
        fn twice_one_line_takes_exactly_twice(leg in any_leg(Product::Spx), es in any_leg(Product::Es)) {
            for (product, leg) in [(Product::Spx, leg), (Product::Es, es)] {
                let one = of(product, std::slice::from_ref(&leg));
                let two = of(product, &[MarginLeg { quantity: 2 * leg.quantity, ..leg }]);
                prop_assert_eq!(two.net, one.net.times(2));
                prop_assert_eq!(two.gross, one.gross.times(2));
            }
        }

        #[test]
        fn more_of_a_naked_short_never_takes_less((product, legs) in any_book()) {
            let shorts: Vec<MarginLeg> =
                legs.into_iter().filter(|leg| leg.quantity < 0).collect();
            prop_assume!(!shorts.is_empty());
            let before = of(product, &shorts[1..]);
            let after = of(product, &shorts);
            if product != Product::Es {
                prop_assert!(after.gross >= before.gross);
            }
        }

        #[test]
        fn no_other_pairing_of_single_contracts_takes_less(
            legs in proptest::collection::vec(any_leg(Product::Spx), 1..6)
        ) {
            let single = |leg: MarginLeg| MarginLeg { quantity: leg.quantity.signum(), ..leg };
            let legs = line::merged(legs.into_iter().map(single).collect::<Vec<_>>().iter());
            prop_assume!(legs.iter().all(|leg| leg.quantity.abs() == 1));
            let (shorts, longs) = line::options(&legs, &market());
            let mut least = None;
            every_pairing(&shorts, &longs, &mut Vec::new(), &mut |way| {
                let taken = strategy::of(&way, strategy::INDEX_RATE, now()).net;
                least = Some(least.map_or(taken, |least: Usd| least.min(taken)));
            });
            prop_assert_eq!(Some(of(Product::Spx, &legs).net), least);
        }

        #[test]
        fn so_many_times_a_book_takes_so_many_times_as_much(
            (product, legs) in any_book(), times in 2_i64..20
        ) {
            let one = of(product, &legs);
            let scaled: Vec<MarginLeg> = legs
                .into_iter()
                .map(|leg| MarginLeg { quantity: leg.quantity * times, ..leg })
                .collect();
            let many = of(product, &scaled);
            prop_assert_eq!(many.net, one.net.times(times));
            prop_assert_eq!(many.gross, one.gross.times(times));
        }

        #[test]
        fn a_spread_never_takes_more_than_its_naked_short_and_the_price_of_its_long(
            short in any_leg(Product::Spx), long in any_leg(Product::Spx), product in 0..3_usize,
        ) {
            let product = [Product::Spx, Product::Spy, Product::Es][product];
            let of_product = |leg: MarginLeg, quantity| {
                let Instrument::Option(contract) = &leg.instrument else { unreachable!() };
                let days = (contract.series.last_trade - now()).num_days();
                let instrument = option(product, contract.right, contract.strike, days);
                MarginLeg { instrument, quantity, ..leg }
            };
            let (short, long) = (of_product(short, -1), of_product(long, 1));
            prop_assume!(short.instrument != long.instrument);
            let naked = of(product, std::slice::from_ref(&short));
            let paid = Usd(long.price * long.instrument.multiplier());
            let spread = of(product, &[short.clone(), long.clone()]);
            prop_assert!(spread.net <= naked.net + paid + Usd(ROUNDING), "{spread:?} {naked:?}");
            let (Instrument::Option(sold), Instrument::Option(bought)) =
                (&short.instrument, &long.instrument) else { unreachable!() };
            // A true vertical: no wider than its strikes, whatever the short alone takes.
            if sold.right == bought.right && sold.series == bought.series {
                let width = (sold.strike - bought.strike).abs() * short.instrument.multiplier();
                let credit = (short.price - long.price) * short.instrument.multiplier();
                let most = (width - credit).max(Decimal::ZERO) + paid.0;
                prop_assert!(spread.net.0 <= most + ROUNDING, "{spread:?} of a width of {width}");
            }
        }

        #[test]
        fn the_order_of_the_legs_changes_nothing((product, mut legs) in any_book()) {
            let legs_merged = line::merged(legs.iter());
            prop_assume!(legs_merged.len() == legs.len());
            let found = of(product, &legs);
            legs.reverse();
            prop_assert_eq!(found, of(product, &legs));
        }
    }
}
