//! Tick tables, and rounding to them. They serve where there is no chain: the broker's own table,
//! sent with a chain, rules over these.

use rust_decimal::{Decimal, RoundingStrategy, dec};

use super::Product;

/// The tick of a price: one up to a limit, another beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickTable {
    /// The tick of small prices.
    small: Decimal,
    /// Where the other tick begins; a multiple of both. Written with the places prices have, so that
    /// comparing needs no rescaling.
    limit: Decimal,
    /// The limit itself still has the small tick.
    limit_is_small: bool,
    /// The tick of large prices.
    large: Decimal,
}

/// The ticks of a single option of the product.
///
/// SPX: 0.05 below 3.00, else 0.10 (Cboe; reference §3a). XSP: 0.01 for all series (Cboe's
/// specification). ES, MES, NQ and MNQ: 0.05 up to and with 5.00, else 0.25; RTY: 0.05 and 0.10 (CME's
/// specifications). Currencies: half ticks of 0.00005 below 0.0005, else 0.0001 (6J a hundredth of
/// both). SPY, QQQ and IWM: 0.01; the other ETFs, of the penny program: 0.01 below 3.00,
/// else 0.05. All others: one tick, of CME Group's specification of the monthly option.
pub fn option_ticks(product: Product) -> TickTable {
    let (small, limit, limit_is_small, large) = match product {
        Product::Spx => (dec!(0.05), dec!(3.00), false, dec!(0.10)),
        Product::Es | Product::Mes | Product::Nq | Product::Mnq => {
            (dec!(0.05), dec!(5.00), true, dec!(0.25))
        }
        Product::Rty => (dec!(0.05), dec!(5.00), true, dec!(0.10)),
        Product::Gld
        | Product::Tlt
        | Product::Dia
        | Product::Uso
        | Product::Xle
        | Product::Xop
        | Product::Slv => (dec!(0.01), dec!(3.00), false, dec!(0.05)),
        // Half ticks for small premiums.
        Product::Aud | Product::Gbp | Product::Cad | Product::Eur | Product::Chf => {
            (dec!(0.00005), dec!(0.0005), false, dec!(0.0001))
        }
        Product::Jpy => (dec!(0.0000005), dec!(0.000005), false, dec!(0.000001)),
        single => return TickTable::single(net_tick(single)),
    };
    TickTable { small, limit, limit_is_small, large }
}

/// The tick of the net price of an order of several legs: the smallest tick of its options.
///
/// 0.05 for SPX (reference §3a) and the index futures; 0.01 for XSP and the ETFs.
pub fn net_tick(product: Product) -> Decimal {
    match product {
        Product::Spx | Product::Es | Product::Mes | Product::Nq | Product::Mnq | Product::Rty => {
            dec!(0.05)
        }
        Product::Xsp
        | Product::Spy
        | Product::Qqq
        | Product::Gld
        | Product::Tlt
        | Product::Iwm
        | Product::Dia
        | Product::Uso
        | Product::Xle
        | Product::Xop
        | Product::Slv
        | Product::Cl
        | Product::Mcl => dec!(0.01),
        Product::Rb | Product::Ho => dec!(0.0001),
        Product::Gc | Product::Mgc | Product::Pl => dec!(0.10),
        Product::Si => dec!(0.001),
        Product::Hg => dec!(0.0005),
        // A 64th, and for the notes of two and five years half of one.
        Product::Zb | Product::Zn => dec!(0.015625),
        Product::Zf | Product::Zt => dec!(0.0078125),
        // An eighth of a cent.
        Product::Zc | Product::Zs | Product::Zw => dec!(0.125),
        Product::Le | Product::He => dec!(0.025),
        Product::Aud | Product::Gbp | Product::Cad | Product::Eur | Product::Chf => dec!(0.00005),
        Product::Jpy => dec!(0.0000005),
    }
}

/// The tick of the underlying itself: the future, the shares, or the printed index. Most are that
/// of their options.
pub fn underlying_tick(product: Product) -> Decimal {
    match product {
        Product::Es
        | Product::Mes
        | Product::Nq
        | Product::Mnq
        | Product::Zc
        | Product::Zs
        | Product::Zw => dec!(0.25),
        Product::Rty => dec!(0.10),
        Product::Spx | Product::Xsp => dec!(0.01),
        Product::Si => dec!(0.005),
        // A 32nd, and an eighth of one.
        Product::Zb => dec!(0.03125),
        Product::Zt => dec!(0.00390625),
        Product::Gbp => dec!(0.0001),
        same => net_tick(same),
    }
}

impl TickTable {
    /// One tick at every price.
    fn single(tick: Decimal) -> Self {
        Self { small: tick, limit: Decimal::ZERO, limit_is_small: true, large: tick }
    }

    /// The tick at a price; the sign does not matter.
    ///
    /// ```
    /// use rust_decimal::dec;
    /// use tomking::instrument::{Product, tick::option_ticks};
    /// assert_eq!(option_ticks(Product::Spx).tick_at(dec!(2.95)), dec!(0.05));
    /// assert_eq!(option_ticks(Product::Spx).tick_at(dec!(3.00)), dec!(0.10));
    /// assert_eq!(option_ticks(Product::Es).tick_at(dec!(5.00)), dec!(0.05));
    /// ```
    pub fn tick_at(&self, price: Decimal) -> Decimal {
        let size = price.abs();
        let is_small = size < self.limit || (self.limit_is_small && size == self.limit);
        if is_small { self.small } else { self.large }
    }

    /// The highest price of the table not above `price`.
    pub fn round_down(&self, price: Decimal) -> Decimal {
        round_down(price, self.tick_at(price))
    }

    /// The lowest price of the table not below `price`.
    pub fn round_up(&self, price: Decimal) -> Decimal {
        round_up(price, self.tick_at(price))
    }

    /// The nearest price of the table; of two equally near the one away from zero.
    pub fn round_nearest(&self, price: Decimal) -> Decimal {
        round_nearest(price, self.tick_at(price))
    }
}

/// The highest multiple of `tick` not above `price`; `tick` is positive.
pub fn round_down(price: Decimal, tick: Decimal) -> Decimal {
    (price / tick).floor() * tick
}

/// The lowest multiple of `tick` not below `price`; `tick` is positive.
pub fn round_up(price: Decimal, tick: Decimal) -> Decimal {
    (price / tick).ceil() * tick
}

/// The nearest multiple of `tick`, of two equally near the one away from zero; `tick` is positive.
pub fn round_nearest(price: Decimal, tick: Decimal) -> Decimal {
    (price / tick).round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero) * tick
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_round_on_the_grid_of_their_side_of_the_limit() {
        // product, price, down, nearest, up
        let cases = [
            (Product::Spx, dec!(2.97), dec!(2.95), dec!(2.95), dec!(3.00)),
            (Product::Spx, dec!(3.00), dec!(3.00), dec!(3.00), dec!(3.00)),
            (Product::Spx, dec!(3.05), dec!(3.00), dec!(3.10), dec!(3.10)),
            (Product::Es, dec!(4.99), dec!(4.95), dec!(5.00), dec!(5.00)),
            (Product::Es, dec!(5.10), dec!(5.00), dec!(5.00), dec!(5.25)),
            (Product::Mes, dec!(7.30), dec!(7.25), dec!(7.25), dec!(7.50)),
            (Product::Xsp, dec!(4.567), dec!(4.56), dec!(4.57), dec!(4.57)),
            (Product::Spy, dec!(12.345), dec!(12.34), dec!(12.35), dec!(12.35)),
            (Product::Gld, dec!(2.991), dec!(2.99), dec!(2.99), dec!(3.00)),
            (Product::Tlt, dec!(3.02), dec!(3.00), dec!(3.00), dec!(3.05)),
            (Product::Rty, dec!(5.02), dec!(5.00), dec!(5.00), dec!(5.10)),
            (Product::Zb, dec!(1.02), dec!(1.015625), dec!(1.015625), dec!(1.03125)),
            (Product::Zc, dec!(4.55), dec!(4.50), dec!(4.50), dec!(4.625)),
            (Product::Jpy, dec!(0.0000508), dec!(0.000050), dec!(0.000051), dec!(0.000051)),
            (Product::Jpy, dec!(0.0000047), dec!(0.0000045), dec!(0.0000045), dec!(0.000005)),
            (Product::Eur, dec!(0.00123), dec!(0.0012), dec!(0.0012), dec!(0.0013)),
            (Product::Cl, dec!(0.257), dec!(0.25), dec!(0.26), dec!(0.26)),
            (Product::Es, dec!(-1.02), dec!(-1.05), dec!(-1.00), dec!(-1.00)),
        ];
        for (product, price, down, nearest, up) in cases {
            let table = option_ticks(product);
            let got = (table.round_down(price), table.round_nearest(price), table.round_up(price));
            assert_eq!(got, (down, nearest, up), "{product} {price}");
        }
    }

    proptest! {
        #[test]
        fn rounding_brackets_the_price_within_a_tick_and_is_settled(
            index in 0..Product::ALL.len(),
            thousandths in -50_000_i64..50_000,
        ) {
            let (table, price) = (option_ticks(Product::ALL[index]), Decimal::new(thousandths, 3));
            let (down, up) = (table.round_down(price), table.round_up(price));
            prop_assert!(down <= price && price <= up && up - down <= table.large);
            prop_assert_eq!(table.round_down(down), down);
            prop_assert_eq!(table.round_up(up), up);
            let nearest = table.round_nearest(price);
            prop_assert!(nearest == down || nearest == up);
        }
    }
}
