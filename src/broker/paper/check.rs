//! What the venue refuses before it takes an order, with the broker's codes. Pure.

use rust_decimal::Decimal;

use super::{state::VenueState, ticks};
use crate::{
    account::{Leg, NetPrice, Side},
    broker::OrderRequest,
    config::paper::PaperStatus,
    instrument::{Instrument, ProductKind},
};

/// Most legs of one order.
pub const LEGS_MAX: usize = 4;
/// Most contracts of one leg, all units together.
pub const CONTRACTS_MAX: u64 = 10_000;

/// A definite refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The broker's code.
    pub code: &'static str,
    /// What was found and what would be right.
    pub message: String,
}

impl Refusal {
    /// A refusal of a code.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The form of an order: legs, quantities, price. Says nothing of the account or the market.
pub fn form(order: &OrderRequest) -> Result<(), Refusal> {
    legs(&order.legs)?;
    quantities(order)?;
    price(&order.legs, order.limit)
}

fn legs(legs: &[Leg]) -> Result<(), Refusal> {
    let refuse = |message: String| Err(Refusal::new("invalid_legs", message));
    if legs.is_empty() || legs.len() > LEGS_MAX {
        return refuse(format!("{} legs: an order has 1 to {LEGS_MAX}", legs.len()));
    }
    for (index, leg) in legs.iter().enumerate() {
        if legs[..index].iter().any(|other| other.instrument == leg.instrument) {
            return refuse(format!("leg {} repeats an instrument", index + 1));
        }
        if let Instrument::Option(contract) = &leg.instrument
            && contract.strike <= Decimal::ZERO
        {
            return refuse(format!("strike {}: must be above 0", contract.strike));
        }
    }
    let outright = legs.iter().any(|leg| !matches!(leg.instrument, Instrument::Option(_)));
    if outright && legs.len() > 1 {
        return refuse("a future or shares are traded alone, 1 leg".to_owned());
    }
    let product = legs[0].instrument.product();
    if let Some(other) = legs.iter().find(|leg| leg.instrument.product() != product) {
        return refuse(format!(
            "legs of {product} and {}: all must be of one underlying",
            other.instrument.product()
        ));
    }
    outright_fits(&legs[0].instrument)
}

/// A future is a future of a futures product, shares are of an ETF.
fn outright_fits(instrument: &Instrument) -> Result<(), Refusal> {
    let kind = instrument.product().kind();
    let fits = match instrument {
        Instrument::Option(_) => true,
        Instrument::Future { .. } => kind == ProductKind::Future,
        Instrument::Shares { .. } => kind == ProductKind::Etf,
    };
    let product = instrument.product();
    let refusal = || Refusal::new("unknown_instrument", format!("{product} does not trade so"));
    fits.then_some(()).ok_or_else(refusal)
}

fn quantities(order: &OrderRequest) -> Result<(), Refusal> {
    let most = order.legs.iter().map(|leg| u64::from(leg.ratio) * u64::from(order.units));
    let zero = order.units == 0 || order.legs.iter().any(|leg| leg.ratio == 0);
    match most.max() {
        Some(contracts) if !zero && contracts <= CONTRACTS_MAX => Ok(()),
        found => Err(Refusal::new(
            "invalid_quantity",
            format!(
                "{} contracts in a leg: must be 1 to {CONTRACTS_MAX}",
                if zero { 0 } else { found.unwrap_or(0) }
            ),
        )),
    }
}

fn price(legs: &[Leg], limit: NetPrice) -> Result<(), Refusal> {
    let all = |side| legs.iter().all(|leg| leg.side == side);
    if all(Side::Buy) && limit.0 >= Decimal::ZERO {
        let message = format!("{limit} for legs that are all bought: must be a debit above 0");
        return Err(Refusal::new("cant_buy_for_credit", message));
    }
    if all(Side::Sell) && limit.0 <= Decimal::ZERO {
        let message = format!("{limit} for legs that are all sold: must be a credit above 0");
        return Err(Refusal::new("cant_sell_for_debit", message));
    }
    let tick = ticks::net_tick(legs, limit.0);
    if limit.0 % tick != Decimal::ZERO {
        let message = format!("{limit}: must be a multiple of {tick}");
        return Err(Refusal::new("invalid_price_increment", message));
    }
    Ok(())
}

/// What the account's flags let through.
pub fn allowed(status: PaperStatus, legs: &[Leg], opens: bool) -> Result<(), Refusal> {
    let refuse = |code, message: &str| Err(Refusal::new(code, message));
    if status.frozen {
        return refuse("account_frozen", "the account is frozen: no orders are taken");
    }
    if opens && status.closing_only {
        return refuse("account_closing_only", "the account takes closing orders only");
    }
    if opens && status.margin_call {
        return refuse("account_in_margin_call", "in a margin call: closing orders only");
    }
    let futures = legs.iter().any(|leg| leg.instrument.product().kind() == ProductKind::Future);
    if futures && !status.futures_enabled {
        return refuse("futures_not_enabled", "the account may not trade futures");
    }
    Ok(())
}

/// The legs as the venue takes them (see [`super::state::effects`]), or the refusal of a close
/// without a position.
pub fn effects(
    state: &VenueState,
    order: &OrderRequest,
    besides: Option<u64>,
) -> Result<Vec<Leg>, Refusal> {
    let taken =
        super::state::effects(state, &order.legs, order.units, order.strict_effect, besides);
    taken.map_err(|leg| {
        let wanted = u64::from(leg.ratio) * u64::from(order.units);
        let closable = state.closable(&leg, besides).max(0);
        let word = super::state::side_word(leg.side);
        Refusal::new(
            "closing_with_no_position",
            format!("{word} {wanted} to close: {closable} to be closed"),
        )
    })
}
