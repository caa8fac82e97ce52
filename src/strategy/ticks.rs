//! Ticks of legs and of whole orders.

use rust_decimal::Decimal;

use crate::{
    instrument::{Product, tick},
    market::OptionQuote,
};

/// The tick of a leg at its mid, by its product's table.
pub(crate) fn leg_tick(quote: &OptionQuote) -> Decimal {
    tick::option_ticks(quote.contract.series.product).tick_at(quote.mid())
}

/// The tick of a whole order's net price.
pub(crate) fn order_tick(product: Product) -> Decimal {
    tick::net_tick(product)
}
