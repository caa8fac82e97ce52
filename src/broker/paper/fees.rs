//! What a trade costs, by the settings' table.

use rust_decimal::Decimal;

use crate::{
    account::{Effect, Leg},
    config::PaperSettings,
    instrument::{Instrument, Product},
    money::Usd,
};

/// Fees of trading `contracts` of an instrument, to the cent.
pub fn of_trade(
    settings: &PaperSettings,
    instrument: &Instrument,
    effect: Effect,
    contracts: u32,
) -> Usd {
    let Some(fees) = settings.fees_of(instrument.product()) else { return Usd::ZERO };
    let each = match (instrument, effect) {
        (Instrument::Option(_), Effect::Open) => fees.option_open_usd + fees.option_pass_through(),
        (Instrument::Option(_), Effect::Close) => {
            fees.option_close_usd + fees.option_pass_through()
        }
        (Instrument::Future { .. } | Instrument::Shares { .. }, _) => fees.outright_usd,
    };
    Usd(each * Decimal::from(contracts)).rounded()
}

/// Fees of exercising or being assigned `contracts` options of a product, to the cent.
pub fn of_exercise(settings: &PaperSettings, product: Product, contracts: u64) -> Usd {
    let each = settings.fees_of(product).map_or(Decimal::ZERO, |fees| fees.exercise_usd);
    Usd(each * Decimal::from(contracts)).rounded()
}

/// Fees of an order filled whole, and of closing again what it opens.
pub fn round_trip(settings: &PaperSettings, legs: &[Leg], units: u32) -> Usd {
    let of_leg = |leg: &Leg| {
        let contracts = leg.ratio.saturating_mul(units);
        let first = of_trade(settings, &leg.instrument, leg.effect, contracts);
        match leg.effect {
            Effect::Open => first + of_trade(settings, &leg.instrument, Effect::Close, contracts),
            Effect::Close => first,
        }
    };
    legs.iter().map(of_leg).sum()
}
