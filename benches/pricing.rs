//! Pricing against its budgets (design §8): implied volatility at most 1.3 times the bare crate
//! (250 ns), and all Greeks of a 10,000-contract chain within 10 ms.
//!
//! `cargo bench --bench pricing`

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use tomking::{
    instrument::Right,
    pricing::{Expiry, Inputs, Model, implied_volatility, price},
};

/// A chain of 5,000 strikes, a call and a put each, around a spot of 5,186.33.
fn chain() -> Vec<Inputs> {
    let strikes = (0..5_000).map(|i| 2_700.0 + f64::from(i));
    let sides = strikes.flat_map(|strike| [(strike, Right::Call), (strike, Right::Put)]);
    let inputs = sides.map(|(strike, right)| Inputs {
        spot: 5_186.33,
        strike,
        rate: 0.053,
        dividend: 0.013,
        vol: 0.15 + 0.4 * (strike / 5_186.33 - 1.0).powi(2),
        years: 45.0 / 365.0,
        right,
    });
    inputs.collect()
}

/// The contracts whose prices carry a volatility: worth a cent and more beyond intrinsic.
fn quoted(model: Model, chain: &[Inputs]) -> Vec<(Inputs, f64)> {
    let priced = chain.iter().map(|inputs| (*inputs, price(model, inputs).price));
    let out_of_the_money =
        priced.filter(|(inputs, _)| (inputs.right == Right::Call) == (inputs.strike > inputs.spot));
    out_of_the_money.filter(|(_, price)| *price >= 0.01).collect()
}

fn greeks(criterion: &mut Criterion) {
    let chain = chain();
    let mut group = criterion.benchmark_group("greeks_of_10000_contracts");
    group.bench_function("one_by_one", |bencher| {
        bencher.iter(|| {
            chain.iter().map(|inputs| price(Model::Bsm, black_box(inputs)).vega).sum::<f64>()
        });
    });
    group.bench_function("by_expiry", |bencher| {
        bencher.iter(|| {
            let expiry = Expiry::new(Model::Bsm, 5_186.33, 0.053, 0.013, 45.0 / 365.0);
            let vega = |i: &Inputs| expiry.price(black_box(i.strike), i.vol, i.right).vega;
            chain.iter().map(vega).sum::<f64>()
        });
    });
    group.finish();
}

fn implied(criterion: &mut Criterion) {
    let quoted = quoted(Model::Black76, &chain());
    // The bare crate is given its undiscounted prices ready made.
    let undiscounted: Vec<(Inputs, f64)> = quoted
        .iter()
        .map(|(inputs, price)| (*inputs, price * (inputs.rate * inputs.years).exp()))
        .collect();
    let mut group = criterion.benchmark_group(format!("implied_volatility_of_{}", quoted.len()));
    group.bench_function("ours", |bencher| {
        bencher.iter(|| {
            let vol = |(inputs, price): &(Inputs, f64)| {
                implied_volatility(Model::Black76, black_box(inputs), black_box(*price))
            };
            quoted.iter().filter_map(vol).sum::<f64>()
        });
    });
    group.bench_function("bare_crate", |bencher| {
        bencher.iter(|| {
            let vol = |(inputs, price): &(Inputs, f64)| {
                let option = ImpliedBlackVolatility::builder()
                    .option_price(black_box(*price))
                    .forward(black_box(inputs.spot))
                    .strike(inputs.strike)
                    .expiry(inputs.years)
                    .is_call(inputs.right == Right::Call)
                    .build()?;
                option.calculate::<DefaultSpecialFn>()
            };
            undiscounted.iter().filter_map(vol).sum::<f64>()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = greeks, implied
}
criterion_main!(benches);
