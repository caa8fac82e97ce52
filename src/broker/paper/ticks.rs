//! The ticks of prices at the venue.

use rust_decimal::{Decimal, dec};

use crate::{
    account::Leg,
    instrument::{
        Instrument, OptionContract,
        tick::{self, option_ticks, underlying_tick},
    },
};

/// Not above the finest tick of any table: a step that reaches the next price without leaping over
/// one.
const FINEST: Decimal = dec!(0.0000005);

/// The tick of the net price of an order: a single leg's own, else that of its product.
pub fn net_tick(legs: &[Leg], net: Decimal) -> Decimal {
    match legs {
        [only] => match &only.instrument {
            Instrument::Option(contract) => option_ticks(contract.series.product).tick_at(net),
            outright => underlying_tick(outright.product()),
        },
        several => {
            several.first().map_or(dec!(0.01), |leg| tick::net_tick(leg.instrument.product()))
        }
    }
}

/// The tick of an option at a price.
pub fn of_option(contract: &OptionContract, price: Decimal) -> Decimal {
    option_ticks(contract.series.product).tick_at(price)
}

/// The highest price on the tick at or below a price.
pub fn down(instrument: &Instrument, price: Decimal) -> Decimal {
    match instrument {
        Instrument::Option(contract) => option_ticks(contract.series.product).round_down(price),
        outright => tick::round_down(price, underlying_tick(outright.product())),
    }
}

/// The lowest price on the tick at or above a price.
pub fn up(instrument: &Instrument, price: Decimal) -> Decimal {
    match instrument {
        Instrument::Option(contract) => option_ticks(contract.series.product).round_up(price),
        outright => tick::round_up(price, underlying_tick(outright.product())),
    }
}

/// The next price on the tick above a price.
pub fn above(instrument: &Instrument, price: Decimal) -> Decimal {
    up(instrument, down(instrument, price) + FINEST)
}

/// The next price on the tick below a price; zero or less where there is none.
pub fn below(instrument: &Instrument, price: Decimal) -> Decimal {
    down(instrument, up(instrument, price) - FINEST)
}
