//! Tick tables, and rounding to them. They serve where there is no chain: the broker's own table,
//! sent with a chain, rules over these.

use rust_decimal::{Decimal, RoundingStrategy, dec};

use super::Product;

/// The tick of a price: one up to a limit, another beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TickTable {
    /// The tick of small prices.
    small: Decimal,
    /// Where the other tick begins; a multiple of both.
    limit: Decimal,
    /// The limit itself still has the small tick.
    limit_is_small: bool,
    /// The tick of large prices.
    large: Decimal,
}

/// The ticks of a single option of the product.
///
/// SPX: 0.05 below 3.00, else 0.10 (Cboe; reference §3a). XSP: 0.01 for all series (Cboe's
/// specification). ES and MES: 0.05 up to and with 5.00, else 0.25 (CME's specifications). SPY and
/// QQQ: 0.01; GLD and TLT, of the penny program: 0.01 below 3.00, else 0.05.
pub fn option_ticks(product: Product) -> TickTable {
    let (small, limit, limit_is_small, large) = match product {
        Product::Spx => (dec!(0.05), dec!(3), false, dec!(0.10)),
        Product::Es | Product::Mes => (dec!(0.05), dec!(5), true, dec!(0.25)),
        Product::Xsp | Product::Spy | Product::Qqq => (dec!(0.01), dec!(3), false, dec!(0.01)),
        Product::Gld | Product::Tlt => (dec!(0.01), dec!(3), false, dec!(0.05)),
    };
    TickTable { small, limit, limit_is_small, large }
}

/// The tick of the net price of an order of several legs.
///
/// 0.05 for SPX (reference §3a), ES and MES; 0.01 for XSP and the ETFs.
pub fn net_tick(product: Product) -> Decimal {
    match product {
        Product::Spx | Product::Es | Product::Mes => dec!(0.05),
        Product::Xsp | Product::Spy | Product::Qqq | Product::Gld | Product::Tlt => dec!(0.01),
    }
}

/// The tick of the underlying itself: the future, the shares, or the printed index.
pub fn underlying_tick(product: Product) -> Decimal {
    match product {
        Product::Es | Product::Mes => dec!(0.25),
        Product::Spx | Product::Xsp | Product::Spy | Product::Qqq | Product::Gld | Product::Tlt => {
            dec!(0.01)
        }
    }
}

impl TickTable {
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
