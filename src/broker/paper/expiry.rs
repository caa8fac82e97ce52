//! What expiry makes of an option held. Pure.

use rust_decimal::Decimal;

use super::{
    fees,
    state::{Lot, SettlementLine},
};
use crate::{
    broker::TransactionKind,
    calendar::{Calendar, Exchange},
    clock::Timestamp,
    config::PaperSettings,
    instrument::{Delivery, Instrument, OptionContract, Right, Series, Settlement},
    money::Usd,
};

/// The instant a series settles: its last trade where it settles at the close, the opening of its
/// expiration day where it settles at the open.
pub fn settles_at(calendar: &Calendar, series: &Series) -> Timestamp {
    let opening = || calendar.session(Exchange::Xnys, series.expiration).map(|day| day.open);
    match series.settlement {
        Settlement::Pm => series.last_trade,
        Settlement::Am => opening().unwrap_or(series.last_trade).max(series.last_trade),
    }
}

/// What happens to an option held when its underlying settles at `value`, in points.
///
/// Out of or at the money it is removed. In the money an index option is settled in cash; any
/// other is exercised or assigned at the strike into the future or the shares.
pub fn settle(
    settings: &PaperSettings,
    contract: &OptionContract,
    lot: &Lot,
    value: Decimal,
) -> Vec<SettlementLine> {
    let intrinsic = contract.right.intrinsic(value, contract.strike);
    let leaves = |kind, cash_usd, fees_usd| SettlementLine {
        kind,
        instrument: lot.instrument.clone(),
        quantity: -lot.quantity,
        price: Decimal::ZERO,
        cash_usd,
        fees_usd,
    };
    if intrinsic <= Decimal::ZERO {
        return vec![leaves(TransactionKind::Expiration, Usd::ZERO, Usd::ZERO)];
    }
    match contract.series.product.delivery() {
        Delivery::Cash => {
            let cash = Decimal::from(lot.quantity) * intrinsic * lot.instrument.multiplier();
            let fees = exercise_fees(settings, contract, lot.quantity);
            vec![leaves(TransactionKind::CashSettlement, Usd(cash).rounded(), fees)]
        }
        Delivery::Future | Delivery::Shares => deliver(settings, contract, lot.quantity),
    }
}

fn exercise_fees(settings: &PaperSettings, contract: &OptionContract, quantity: i64) -> Usd {
    fees::of_exercise(settings, contract.series.product, quantity.unsigned_abs())
}

/// What happens when `quantity` contracts are exercised (above zero) or assigned (below) at the
/// strike: the option leaves with its fees, the future or the shares come.
pub fn deliver(
    settings: &PaperSettings,
    contract: &OptionContract,
    quantity: i64,
) -> Vec<SettlementLine> {
    let product = contract.series.product;
    let option = Instrument::Option(contract.clone());
    let (instrument, each) = match product.delivery() {
        Delivery::Future => {
            let code = contract.series.future.clone().unwrap_or_default();
            (Instrument::Future { product, code }, 1)
        }
        Delivery::Shares => (Instrument::Shares { product }, shares_a_contract(&option)),
        Delivery::Cash => return Vec::new(),
    };
    let direction = match contract.right {
        Right::Call => 1,
        Right::Put => -1,
    };
    let delivered = quantity * direction * each;
    let cash = -Decimal::from(delivered) * contract.strike * instrument.multiplier();
    let leaves = SettlementLine {
        kind: TransactionKind::Delivery,
        instrument: option,
        quantity: -quantity,
        price: Decimal::ZERO,
        cash_usd: Usd::ZERO,
        fees_usd: exercise_fees(settings, contract, quantity),
    };
    let comes = SettlementLine {
        kind: TransactionKind::Delivery,
        instrument,
        quantity: delivered,
        price: contract.strike,
        cash_usd: Usd(cash).rounded(),
        fees_usd: Usd::ZERO,
    };
    vec![leaves, comes]
}

/// A future held to its last trade: bought or sold back at its settlement value, in points.
pub fn settle_future(lot: &Lot, value: Decimal) -> SettlementLine {
    let cash = Decimal::from(lot.quantity) * value * lot.instrument.multiplier();
    SettlementLine {
        kind: TransactionKind::CashSettlement,
        instrument: lot.instrument.clone(),
        quantity: -lot.quantity,
        price: Decimal::ZERO,
        cash_usd: Usd(cash).rounded(),
        fees_usd: Usd::ZERO,
    }
}

fn shares_a_contract(option: &Instrument) -> i64 {
    use rust_decimal::prelude::ToPrimitive;
    option.multiplier().to_i64().unwrap_or(0)
}
