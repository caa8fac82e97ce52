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
    let product = contract.series.product;
    let fees = fees::of_exercise(settings, product, lot.quantity.unsigned_abs());
    let held = Decimal::from(lot.quantity);
    let delivered = match product.delivery() {
        Delivery::Cash => {
            let cash = Usd(held * intrinsic * lot.instrument.multiplier()).rounded();
            return vec![leaves(TransactionKind::CashSettlement, cash, fees)];
        }
        Delivery::Future => {
            let code = contract.series.future.clone().unwrap_or_default();
            (Instrument::Future { product, code }, 1)
        }
        Delivery::Shares => (Instrument::Shares { product }, shares_a_contract(&lot.instrument)),
    };
    let (instrument, each) = delivered;
    let direction = match contract.right {
        Right::Call => 1,
        Right::Put => -1,
    };
    let quantity = lot.quantity * direction * each;
    let cash = -Decimal::from(quantity) * contract.strike * instrument.multiplier();
    let comes = SettlementLine {
        kind: TransactionKind::Delivery,
        instrument,
        quantity,
        price: contract.strike,
        cash_usd: Usd(cash).rounded(),
        fees_usd: Usd::ZERO,
    };
    vec![leaves(TransactionKind::Delivery, Usd::ZERO, fees), comes]
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
