//! Limit 2: every figure the order rests on is there, fresh and sane.

use rust_decimal::Decimal;

use super::refusal::{Input, Refusal};
use crate::{
    calendar::new_york_date,
    clock::Timestamp,
    config::rulebook::LimitRules,
    instrument::{Instrument, OptionContract, Right},
    market::OptionQuote,
    strategy::{Candidate, Snapshot, closing::quote_of},
};

/// VIX, account, rate, clock, underlying and every leg.
pub(super) fn check(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    let rules = &snapshot.rulebook.limits;
    let skew_bound = i64::from(rules.clock_skew_seconds) * 1000;
    if snapshot.clock_skew_ms.abs() > skew_bound {
        let milliseconds = snapshot.clock_skew_ms;
        return Err(Refusal::ClockSkew { milliseconds, bound: skew_bound });
    }
    vix(snapshot)?;
    account(snapshot)?;
    let underlying = snapshot.products.get(&candidate.product);
    let underlying = underlying.and_then(|data| data.underlying.as_ref().ok());
    let what = Input::Underlying(candidate.product);
    let underlying = underlying.ok_or(Refusal::Missing { what: what.clone() })?;
    fresh(what, underlying.at, snapshot.now, rules.quote_age_seconds)?;
    candidate.legs.iter().try_for_each(|leg| {
        let quote = quote_of(&leg.instrument, &candidate.quotes);
        let name = leg_name(&leg.instrument);
        let quote = quote.ok_or(Refusal::Missing { what: Input::Leg(name) })?;
        if !quote.delta.is_finite() || !quote.implied_volatility.is_finite() {
            return Err(broken(quote));
        }
        self::quote(rules, quote, snapshot.now)
    })
}

fn vix(snapshot: &Snapshot) -> Result<(), Refusal> {
    let vix = snapshot.vix.ok_or(Refusal::Missing { what: Input::Vix })?;
    if vix.level <= Decimal::ZERO {
        return Err(Refusal::NotPositive { what: Input::Vix, value: vix.level });
    }
    fresh(Input::Vix, vix.at, snapshot.now, snapshot.rulebook.limits.data_age_seconds)
}

fn account(snapshot: &Snapshot) -> Result<(), Refusal> {
    let rules = &snapshot.rulebook.limits;
    let balances = snapshot.balances.ok_or(Refusal::Missing { what: Input::Balances })?;
    fresh(Input::Balances, balances.at, snapshot.now, rules.data_age_seconds)?;
    let fx = snapshot.fx.ok_or(Refusal::Missing { what: Input::Fx })?;
    let days = (new_york_date(snapshot.now) - fx.date).num_days();
    let bound = i64::from(rules.fx_age_days);
    if days > bound {
        let day = 24 * 60 * 60;
        return Err(Refusal::Stale { what: Input::Fx, seconds: days * day, bound: bound * day });
    }
    Ok(())
}

/// One leg's prices: neither stale, crossed nor zero-asked.
pub(super) fn quote(
    rules: &LimitRules,
    quote: &OptionQuote,
    now: Timestamp,
) -> Result<(), Refusal> {
    if quote.is_broken() {
        return Err(broken(quote));
    }
    fresh(Input::Leg(contract_name(&quote.contract)), quote.at, now, rules.quote_age_seconds)
}

fn broken(quote: &OptionQuote) -> Refusal {
    let what = Input::Leg(contract_name(&quote.contract));
    Refusal::Broken { what, bid: quote.bid, ask: quote.ask }
}

fn fresh(what: Input, at: Timestamp, now: Timestamp, bound_seconds: u32) -> Result<(), Refusal> {
    let bound = i64::from(bound_seconds);
    let age = now - at;
    if age <= chrono::TimeDelta::seconds(bound) {
        return Ok(());
    }
    // Rounded up: 60.001 s is older than 60 s and says so.
    let seconds = (age.num_milliseconds() + 999) / 1000;
    Err(Refusal::Stale { what, seconds, bound })
}

/// `ES 5300 put`.
pub(super) fn contract_name(contract: &OptionContract) -> String {
    let right = match contract.right {
        Right::Call => "call",
        Right::Put => "put",
    };
    format!("{} {} {right}", contract.series.product, contract.strike.normalize())
}

/// The name of anything held, for people.
pub(super) fn leg_name(instrument: &Instrument) -> String {
    match instrument {
        Instrument::Option(contract) => contract_name(contract),
        Instrument::Future { code, .. } => code.clone(),
        Instrument::Shares { product } => product.to_string(),
    }
}
