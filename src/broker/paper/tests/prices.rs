//! Leg prices, for any quotes.

use proptest::prelude::*;

use super::{super::price::*, *};

/// A leg whose quotes lie on its ticks: bid in ticks of 0.05, and wide by some.
fn book(product: Product, side: Side, ratio: u32, bid: i64, width: i64) -> Option<LegBook> {
    let contract = option(product, dec!(500), Right::Put);
    let instrument = Instrument::Option(contract);
    let bid = super::super::ticks::down(&instrument, Decimal::new(bid * 5, 2));
    let ask = super::super::ticks::up(&instrument, bid + Decimal::new(width * 5, 2));
    let leg = Leg { instrument, side, ratio, effect: Effect::Open };
    LegBook::new(&leg, bid, ask, 1)
}

proptest! {
    #[test]
    fn any_limit_from_natural_to_mid_is_shared_out_inside_the_quotes(
        product in prop::sample::select(vec![Product::Es, Product::Spx, Product::Xsp]),
        legs in prop::collection::vec(
            (any::<bool>(), 1..4_u32, 1..400_i64, 1..30_i64), 1..5),
        share in 0..=100_i64,
    ) {
        let books = legs.into_iter().filter_map(|(buy, ratio, bid, width)| {
            book(product, if buy { Side::Buy } else { Side::Sell }, ratio, bid, width)
        });
        let books: Vec<LegBook> = books.collect();
        let (natural, mid) = (natural(&books), mid(&books));
        let limit = natural + (mid - natural) * Decimal::new(share, 2);
        let Some(prices) = share_out(&books, limit) else {
            prop_assert!(limit > natural, "natural can always be had");
            return Ok(());
        };
        for (leg, price) in books.iter().zip(&prices) {
            prop_assert!(leg.bid <= *price && *price <= leg.ask && *price > Decimal::ZERO);
            prop_assert_eq!(super::super::ticks::down(&leg.instrument, *price), *price);
        }
        let net = net(&books, &prices);
        prop_assert!(limit <= net && net <= mid, "{net} for {limit}, mid {mid}");
    }
}

#[test]
fn a_net_price_the_ticks_allow_is_met_exactly() {
    // side, ratio, bid, ask of ES legs; limit; leg prices
    type Case<'a> = (&'a [(Side, u32, Decimal, Decimal)], Decimal, &'a [Decimal]);
    let condor = &[
        (Side::Sell, 1, dec!(6.00), dec!(6.50)),
        (Side::Buy, 1, dec!(3.00), dec!(3.20)),
        (Side::Sell, 1, dec!(4.00), dec!(4.20)),
        (Side::Buy, 1, dec!(2.00), dec!(2.10)),
    ];
    let cases: [Case; 4] = [
        (condor, dec!(4.70), &[dec!(6.00), dec!(3.20), dec!(4.00), dec!(2.10)]),
        (condor, dec!(4.75), &[dec!(6.00), dec!(3.15), dec!(4.00), dec!(2.10)]),
        (condor, dec!(5.20), &[dec!(6.25), dec!(3.10), dec!(4.10), dec!(2.05)]),
        (
            &[(Side::Sell, 2, dec!(1.00), dec!(1.10)), (Side::Buy, 1, dec!(0.50), dec!(0.60))],
            dec!(1.50),
            &[dec!(1.05), dec!(0.60)],
        ),
    ];
    for (legs, limit, expected) in cases {
        let books: Vec<_> = legs
            .iter()
            .zip([5300, 5270, 5400, 5430])
            .map(|((side, ratio, bid, ask), strike)| {
                let contract = option(Product::Es, Decimal::from(strike), Right::Put);
                let leg = Leg { ratio: *ratio, ..leg(*side, &contract, Effect::Open) };
                LegBook::new(&leg, *bid, *ask, 10).unwrap()
            })
            .collect();
        assert_eq!(share_out(&books, limit).unwrap(), expected, "{limit}");
    }
}
