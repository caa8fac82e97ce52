//! Figures nobody here made: `QuantLib`, vollib, mpmath.
#![allow(clippy::float_cmp)] // exact values are meant where `assert_eq` stands

use super::*;

fn inputs(spot: f64, strike: f64, rate: f64, dividend: f64, vol: f64, years: f64) -> Inputs {
    Inputs { spot, strike, rate, dividend, vol, years, right: Right::Call }
}

fn put(inputs: Inputs) -> Inputs {
    Inputs { right: Right::Put, ..inputs }
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found} is not {expected}");
}

/// Figures of `QuantLib` 1.x and vollib, which agree to all ten decimals (domain/reference.md §3b);
/// `None` where that table prints no figure.
struct Case {
    name: &'static str,
    model: Model,
    inputs: Inputs,
    price: f64,
    delta: f64,
    gamma: Option<f64>,
    theta: Option<f64>,
    vega: Option<f64>,
    rho: Option<f64>,
}

fn reference_cases() -> Vec<Case> {
    let textbook = inputs(100.0, 100.0, 0.05, 0.0, 0.2, 1.0);
    vec![
        Case {
            name: "textbook call",
            model: Model::Bsm,
            inputs: textbook,
            price: 10.450_583_572_2,
            delta: 0.636_830_651_2,
            gamma: Some(0.018_762_017_3),
            theta: Some(-0.017_572_678_2),
            vega: Some(0.375_240_346_9),
            rho: Some(0.532_324_815_5),
        },
        Case {
            name: "textbook put",
            model: Model::Bsm,
            inputs: put(textbook),
            price: 5.573_526_022_3,
            delta: -0.363_169_348_8,
            gamma: Some(0.018_762_017_3),
            theta: Some(-0.004_542_138_1),
            vega: Some(0.375_240_346_9),
            rho: Some(-0.418_904_609_0),
        },
        Case {
            name: "index put, a week",
            model: Model::Bsm,
            inputs: put(inputs(5186.33, 5000.0, 0.053, 0.013, 0.32, 7.0 / 365.0)),
            price: 25.113_353_676_3,
            delta: -0.193_441_364_7,
            gamma: Some(0.001_193_639_8),
            theta: Some(-4.390_120_847_0),
            vega: Some(1.970_374_320_1),
            rho: Some(-0.197_220_513_6),
        },
        Case {
            name: "index call, 45 days",
            model: Model::Bsm,
            inputs: inputs(5186.33, 5400.0, 0.053, 0.013, 0.25, 45.0 / 365.0),
            price: 105.969_339_069_6,
            delta: 0.358_902_065_4,
            gamma: Some(0.000_820_038_8),
            theta: Some(-2.077_077_652_0),
            vega: Some(6.798_519_478_6),
            rho: None,
        },
        Case {
            name: "future put, two weeks",
            model: Model::Black76,
            inputs: put(inputs(5200.0, 5000.0, 0.05, 0.0, 0.30, 14.0 / 365.0)),
            price: 45.110_342_677_4,
            delta: -0.242_462_209_2,
            gamma: Some(0.001_022_276_3),
            theta: Some(-3.401_781_663_2),
            vega: Some(3.180_763_751_4),
            rho: None,
        },
    ]
}

#[test]
fn prices_and_greeks_are_those_of_quantlib_and_vollib() {
    for case in reference_cases() {
        let found = price(case.model, &case.inputs);
        let check = |field: &str, found: f64, expected: Option<f64>| {
            if let Some(expected) = expected {
                close(found, expected, &format!("{} {field}", case.name));
            }
        };
        check("price", found.price, Some(case.price));
        check("delta", found.delta, Some(case.delta));
        check("gamma", found.gamma, case.gamma);
        check("theta", found.theta, case.theta);
        check("vega", found.vega, case.vega);
        check("rho", found.rho, case.rho);
    }
}

/// The closed forms in mpmath 1.3 at 50 digits: same day, negative rates, deep in and out.
#[test]
fn prices_and_greeks_hold_to_1e_9_where_the_figures_are_hard() {
    let same_day = 330.0 / MINUTES_A_YEAR;
    #[rustfmt::skip]
    let cases = [
        (Model::Bsm, put(inputs(5500.0, 5470.0, 0.05, 0.013, 0.18, same_day)),
         [1.337_890_795_516_361_7, -0.111_216_499_782_582_86, 0.007_640_082_779_841_454,
          -10.195_405_791_824_036, 0.261_188_788_869_066_16, -0.003_848_924_107_075_881]),
        (Model::Bsm, inputs(5500.0, 4000.0, 0.05, 0.013, 0.9, 30.0 / 365.0),
         [1_571.758_287_278_058_8, 0.914_458_030_021_114_9, 0.000_109_113_217_828_112_17,
          -3.956_924_944_279_597_7, 2.441_595_086_605_770_3, 2.841_995_242_058_690_2]),
        (Model::Bsm, inputs(545.5, 600.0, 0.05, 0.02, 0.15, 2.0 / 365.0),
         [4.026_875_776_697_94e-18, 5.845_153_573_449_098e-18, 8.366_646_180_599_961e-18,
          -7.699_776_930_190_62e-17, 2.046_299_996_402_199e-17, 1.744_933_917_008_1e-19]),
        (Model::Black76, inputs(5500.0, 5530.0, 0.053, 0.0, 0.2, same_day),
         [1.951_544_410_169_630_4, 0.139_407_664_238_342_56, 0.008_051_951_962_515_288,
          -13.346_102_754_706_876, 0.305_854_682_137_781_04, -0.000_012_252_847_324_124_392]),
        (Model::Bsm, put(inputs(100.0, 100.0, -0.01, 0.03, 0.25, 2.0)),
         [18.033_632_098_860_926, -0.489_471_356_837_377_2, 0.010_613_665_093_500_97,
          -0.014_945_183_808_375_811, 0.530_683_254_675_048_5, -1.339_615_355_651_973]),
        (Model::Black76, put(inputs(5200.0, 4000.0, 0.05, 0.0, 0.35, 7.0 / 365.0)),
         [1.189_902_186_841_959_2e-6, -2.703_848_102_141_659_3e-8, 6.018_652_480_250_241e-10,
          -2.730_821_174_437_542e-6, 1.092_393_669_894_843_8e-6, -2.282_004_193_943_483_4e-10]),
    ];
    for (model, inputs, expected) in cases {
        let Priced { price, delta, gamma, theta, vega, rho } = price(model, &inputs);
        let names = ["price", "delta", "gamma", "theta", "vega", "rho"];
        for (i, found) in [price, delta, gamma, theta, vega, rho].into_iter().enumerate() {
            close(found, expected[i], &format!("{model:?} {inputs:?} {}", names[i]));
        }
    }
}

#[test]
fn at_expiry_the_price_is_intrinsic_and_delta_a_step() {
    for model in [Model::Bsm, Model::Black76] {
        for (spot, call, call_delta, put_value, put_delta) in
            [(105.0, 5.0, 1.0, 0.0, 0.0), (95.0, 0.0, 0.0, 5.0, -1.0), (100.0, 0.0, 0.5, 0.0, -0.5)]
        {
            let at = inputs(spot, 100.0, 0.05, 0.02, 0.3, 0.0);
            let rest = (0.0, 0.0, 0.0, 0.0);
            for (inputs, value, delta) in [(at, call, call_delta), (put(at), put_value, put_delta)]
            {
                let p = price(model, &inputs);
                assert_eq!((p.price, p.delta), (value, delta), "{model:?} {inputs:?}");
                assert_eq!((p.gamma, p.theta, p.vega, p.rho), rest, "{model:?} {inputs:?}");
            }
        }
    }
}

#[test]
fn without_volatility_the_price_is_the_discounted_intrinsic_value_of_the_forward() {
    let at = inputs(100.0, 95.0, 0.05, 0.02, 0.0, 0.5);
    let expected = 100.0 * (-0.01_f64).exp() - 95.0 * (-0.025_f64).exp();
    let call = price(Model::Bsm, &at);
    close(call.price, expected, "price");
    close(call.delta, (-0.01_f64).exp(), "delta");
    assert_eq!((call.gamma, call.vega), (0.0, 0.0));
    assert_eq!(price(Model::Bsm, &put(at)).price, 0.0);
    let at_the_forward = inputs(100.0, 100.0, 0.05, 0.0, 0.0, 0.5);
    let p = price(Model::Black76, &at_the_forward);
    assert_eq!((p.price, p.gamma), (0.0, 0.0));
}

#[test]
fn figures_no_model_can_price_are_named_and_never_priced() {
    let fine = inputs(100.0, 100.0, 0.05, 0.0, 0.2, 1.0);
    let cases = [
        (Inputs { spot: -1.0, ..fine }, BadInput::Spot(-1.0)),
        (Inputs { strike: 0.0, ..fine }, BadInput::Strike(0.0)),
        (Inputs { vol: -0.1, ..fine }, BadInput::Vol(-0.1)),
        (Inputs { vol: f64::INFINITY, ..fine }, BadInput::Vol(f64::INFINITY)),
        (Inputs { years: -0.5, ..fine }, BadInput::Years(-0.5)),
        (Inputs { rate: 501.0, ..fine }, BadInput::Rate(501.0)),
        (Inputs { dividend: -501.0, ..fine }, BadInput::Dividend(-501.0)),
    ];
    for (inputs, expected) in cases {
        assert_eq!(try_price(Model::Bsm, &inputs), Err(expected));
        assert!(price(Model::Bsm, &inputs).price.is_nan());
    }
    assert!(matches!(
        try_price(Model::Bsm, &Inputs { spot: f64::NAN, ..fine }),
        Err(BadInput::Spot(spot)) if spot.is_nan()
    ));
}

#[test]
fn implied_volatility_of_the_reference_put_comes_back_to_1e_14() {
    let at = put(inputs(5186.33, 5000.0, 0.053, 0.013, 0.32, 7.0 / 365.0));
    let found = implied_volatility(Model::Bsm, &at, price(Model::Bsm, &at).price).unwrap();
    assert!((found - 0.32).abs() < 1e-14, "{found}");
    let printed = implied_volatility(Model::Bsm, &at, 25.113_353_676_3).unwrap();
    close(printed, 0.32, "from the printed price");
}

#[test]
fn a_price_no_volatility_gives_has_none() {
    let call = inputs(5186.33, 5000.0, 0.053, 0.013, 0.0, 7.0 / 365.0);
    let bounds = price_bounds(Model::Bsm, &call).unwrap();
    let put = put(call);
    let put_bounds = price_bounds(Model::Bsm, &put).unwrap();
    let cases = [
        (call, bounds.start - 1e-6, None),
        (call, bounds.start, Some(0.0)),
        (call, bounds.end, None),
        (call, bounds.end + 1.0, None),
        (call, f64::NAN, None),
        (call, f64::INFINITY, None),
        (put, -0.01, None),
        (put, 0.0, Some(0.0)),
        (put, put_bounds.end, None),
        (Inputs { years: 0.0, ..call }, 186.33, None),
        (Inputs { spot: f64::NAN, ..call }, 200.0, None),
        (Inputs { strike: -5.0, ..call }, 200.0, None),
    ];
    for (inputs, price, expected) in cases {
        assert_eq!(implied_volatility(Model::Bsm, &inputs, price), expected, "{inputs:?} {price}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn any_inputs() -> impl Strategy<Value = (Model, Inputs)> {
        let model = prop_oneof![Just(Model::Bsm), Just(Model::Black76)];
        let right = prop_oneof![Just(Right::Call), Just(Right::Put)];
        let figures = (10.0..10_000.0_f64, 0.5..2.0_f64, -0.02..0.1_f64, 0.0..0.06_f64);
        let rest = (0.0..2.0_f64, prop_oneof![Just(0.0), 1e-6..0.01_f64, 0.01..3.0_f64], right);
        (model, figures, rest).prop_map(
            |(model, (spot, ratio, rate, dividend), (vol, years, right))| {
                let strike = spot * ratio;
                (model, Inputs { spot, strike, rate, dividend, vol, years, right })
            },
        )
    }

    proptest! {
        #[test]
        fn every_figure_is_a_number_within_its_bounds((model, inputs) in any_inputs()) {
            let p = price(model, &inputs);
            for figure in [p.price, p.delta, p.gamma, p.theta, p.vega, p.rho] {
                prop_assert!(figure.is_finite(), "{p:?}");
            }
            let bounds = price_bounds(model, &inputs).unwrap();
            let rounding = 1e-12 * inputs.spot.max(inputs.strike);
            if inputs.years > 0.0 {
                prop_assert!(p.price >= bounds.start - rounding && p.price <= bounds.end + rounding);
            }
            prop_assert!(p.gamma >= 0.0 && p.vega >= 0.0 && p.delta.abs() <= 1.05);
        }

        #[test]
        fn a_call_less_a_put_is_the_forward((model, inputs) in any_inputs()) {
            prop_assume!(inputs.years > 0.0);
            let (call, put) = (
                price(model, &Inputs { right: Right::Call, ..inputs }),
                price(model, &Inputs { right: Right::Put, ..inputs }),
            );
            let dividend = if model == Model::Bsm { inputs.dividend } else { inputs.rate };
            let parity = inputs.spot * (-dividend * inputs.years).exp()
                - inputs.strike * (-inputs.rate * inputs.years).exp();
            prop_assert!((call.price - put.price - parity).abs() < 1e-9 * inputs.spot);
        }

        #[test]
        fn the_value_alone_is_the_same_to_the_last_bit((model, i) in any_inputs(), spot in 1.0..9e3) {
            let other = Expiry::new(model, spot, i.rate, i.dividend, i.years);
            let moved = Expiry::new(model, i.spot, i.rate, i.dividend, i.years).at_spot(spot);
            prop_assert_eq!(moved, other);
            let (value, price) = (moved.value(i.strike, i.vol, i.right), other.price(i.strike, i.vol, i.right));
            prop_assert_eq!(value.to_bits(), price.price.to_bits());
        }

        #[test]
        fn implied_volatility_brings_the_price_back((model, inputs) in any_inputs()) {
            prop_assume!(inputs.years > 0.0);
            let p = price(model, &inputs).price;
            if let Some(vol) = implied_volatility(model, &inputs, p) {
                let again = price(model, &Inputs { vol, ..inputs }).price;
                prop_assert!((again - p).abs() <= 1e-11 * inputs.spot.max(inputs.strike));
            } else {
                // Only a price that rounding has pushed onto its bound has no volatility.
                let bounds = price_bounds(model, &inputs).unwrap();
                prop_assert!(bounds.end - p <= 1e-9 * inputs.spot, "{p} within {bounds:?}");
            }
        }
    }
}

#[test]
fn a_greek_of_nothing_is_plain_zero() {
    // An out-of-the-money put at expiry, without volatility, and one far beyond f64's reach.
    for (vol, years) in [(0.2, 0.0), (0.0, 1.0), (0.01, 0.001)] {
        for model in [Model::Bsm, Model::Black76] {
            let priced = price(model, &put(inputs(100.0, 50.0, 0.0, 0.0, vol, years)));
            for (name, greek) in
                [("delta", priced.delta), ("theta", priced.theta), ("rho", priced.rho)]
            {
                assert_eq!(greek.to_bits(), 0, "{name} {greek} at {vol}, {years}, {model:?}");
            }
        }
    }
}
