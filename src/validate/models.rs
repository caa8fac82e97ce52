//! Prices and Greeks against published figures: `QuantLib` and vollib agree on them to ten decimals.

use super::Found;
use crate::{
    instrument::Right,
    pricing::{Inputs, Model, implied_volatility, price},
};

/// Most distance from a published figure, which has ten decimals.
const TOLERANCE: f64 = 1e-9;

struct Case {
    model: Model,
    inputs: Inputs,
    price: f64,
    delta: f64,
}

const fn inputs(spot: f64, strike: f64, rate: f64, vol: f64, years: f64, right: Right) -> Inputs {
    Inputs { spot, strike, rate, dividend: 0.0, vol, years, right }
}

fn cases() -> [Case; 4] {
    let index =
        Inputs { dividend: 0.013, ..inputs(5186.33, 5000.0, 0.053, 0.32, 7.0 / 365.0, Right::Put) };
    let future = inputs(5200.0, 5000.0, 0.05, 0.3, 14.0 / 365.0, Right::Put);
    let book = |right| inputs(100.0, 100.0, 0.05, 0.2, 1.0, right);
    let case = |model, inputs, price, delta| Case { model, inputs, price, delta };
    [
        case(Model::Bsm, book(Right::Call), 10.450_583_572_2, 0.636_830_651_2),
        case(Model::Bsm, book(Right::Put), 5.573_526_022_3, -0.363_169_348_8),
        case(Model::Bsm, index, 25.113_353_676_3, -0.193_441_364_7),
        case(Model::Black76, future, 45.110_342_677_4, -0.242_462_209_2),
    ]
}

pub(super) fn all() -> Vec<Found> {
    let (mut worst, mut inverted) = (0.0_f64, 0.0_f64);
    for case in cases() {
        let priced = price(case.model, &case.inputs);
        worst = worst.max((priced.price - case.price).abs()).max((priced.delta - case.delta).abs());
        let found = implied_volatility(case.model, &case.inputs, priced.price);
        inverted = inverted.max(found.map_or(f64::INFINITY, |vol| (vol - case.inputs.vol).abs()));
    }
    let holds = worst <= TOLERANCE && inverted <= TOLERANCE;
    let measured = format!("prices and deltas off by {worst:.1e}, volatility by {inverted:.1e}");
    let bound = format!("within {TOLERANCE:.0e}");
    let evidence =
        "figures of QuantLib and vollib: an index option, a future's, the textbook's pair";
    vec![Found::new("pricing", bound, Ok((holds, measured)), evidence)]
}
