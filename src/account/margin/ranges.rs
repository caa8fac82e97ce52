//! Scan ranges by product: how far price and volatility are moved.
//!
//! The exchange changes them as markets move, so all but those of ES and MES are shares of the
//! price: maintenance margins of early 2025 over the value of a contract, rounded. They age; a
//! broker's dry run goes before them wherever there is one, and live orders of undefined risk require
//! it (rulebook §1).

use rust_decimal::{Decimal, dec};

use crate::instrument::Product;

/// How far a scan goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranges {
    price: Price,
    /// The volatility scan range, absolute: 0.05 is five points.
    pub(super) vol: f64,
}

/// The price scan range.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Price {
    Points(Decimal),
    /// Percent of the price.
    Percent(Decimal),
}

/// Percent of the price, and the volatility scan range.
const SHARES: &[(Product, Decimal, f64)] = &[
    (Product::Nq, dec!(6), 0.06),
    (Product::Mnq, dec!(6), 0.06),
    (Product::Rty, dec!(6.5), 0.06),
    (Product::Cl, dec!(8), 0.10),
    (Product::Mcl, dec!(8), 0.10),
    (Product::Rb, dec!(7.5), 0.09),
    (Product::Ho, dec!(8), 0.09),
    (Product::Gc, dec!(5), 0.04),
    (Product::Mgc, dec!(5), 0.04),
    (Product::Si, dec!(9), 0.08),
    (Product::Hg, dec!(6), 0.06),
    (Product::Pl, dec!(7), 0.06),
    (Product::Zb, dec!(3), 0.025),
    (Product::Zn, dec!(1.8), 0.02),
    (Product::Zf, dec!(1.2), 0.015),
    (Product::Zt, dec!(0.6), 0.01),
    (Product::Zc, dec!(5.5), 0.06),
    (Product::Zs, dec!(4.5), 0.05),
    (Product::Zw, dec!(7), 0.06),
    (Product::Le, dec!(3.5), 0.05),
    (Product::He, dec!(5), 0.05),
    (Product::Aud, dec!(2.8), 0.02),
    (Product::Gbp, dec!(2.5), 0.02),
    (Product::Cad, dec!(1.6), 0.02),
    (Product::Eur, dec!(2), 0.02),
    (Product::Jpy, dec!(3.5), 0.025),
    (Product::Chf, dec!(2.8), 0.02),
];

impl Ranges {
    /// The ranges of a future; of another product those of ES, which nothing asks for.
    pub(super) fn of(product: Product) -> Self {
        match SHARES.iter().find(|(named, ..)| *named == product) {
            Some((_, percent, vol)) => Self { price: Price::Percent(*percent), vol: *vol },
            // ES maintenance margin 10,800 dollars (CME, from 2022-01-21; domain/reference.md §5c)
            // over its multiplier of 50; MES is a tenth of both.
            None => Self { price: Price::Points(dec!(216)), vol: 0.05 },
        }
    }

    /// The price scan range of something that stands at a price, points.
    pub(super) fn points(&self, price: Decimal) -> Decimal {
        match self.price {
            Price::Points(points) => points,
            Price::Percent(percent) => price * percent / dec!(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::ProductKind;

    #[test]
    fn every_future_but_those_of_the_index_has_a_row_of_its_own() {
        for product in Product::ALL.iter().filter(|p| p.kind() == ProductKind::Future) {
            let rows = SHARES.iter().filter(|(named, ..)| named == product).count();
            let fixed = matches!(product, Product::Es | Product::Mes);
            assert_eq!(rows, usize::from(!fixed), "{product}");
        }
    }
}
