//! Ticks of legs and of whole orders.

use rust_decimal::{Decimal, dec};

use crate::{instrument::Product, market::OptionQuote};

/// The tick of a leg at its mid.
pub(crate) fn leg_tick(quote: &OptionQuote) -> Decimal {
    let _ = quote;
    dec!(0.05)
}

/// The tick of a whole order's net price.
pub(crate) fn order_tick(product: Product) -> Decimal {
    let _ = product;
    dec!(0.05)
}
