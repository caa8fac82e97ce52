//! IPMCC, the income poor man's covered call (rulebook §4.4): a deep call a year ahead stands for
//! shares, and each Friday the call of the week is sold against it, rolled in one order from the old
//! one. Never more calls sold than held.

mod entry;
mod exit;
mod long;
mod roll;
mod strike;
#[cfg(test)]
mod tests;
mod weekly;

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use rust_decimal::Decimal;

use super::{
    AdjustReason, Decision, Need, Pick, ProductData, Reach, Rule, Snapshot,
    bounds::Bounds,
    closing::{Scope, open_legs},
    manage::{ExitMemory, Managed, Watched},
    rule::entry_until,
};
use crate::{
    account::{Position, StrategyId},
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, ipmcc::IpmccRules, rulebook::Phase},
    instrument::Product,
};

/// Daily bars for the averages: enough that the seed of the slow one hardly shows ((20/22)^100).
const BARS: usize = 121;
/// The long call lies within so many percent below the price.
const LONG_BELOW: u32 = 60;
/// The week's call lies within so many percent below it.
const WEEKLY_BELOW: u32 = 4;
/// Nothing above the price is looked at, but for the strike it stands between.
const ABOVE: u32 = 1;

/// The rule.
#[derive(Debug)]
pub struct Ipmcc;

impl Rule for Ipmcc {
    fn id(&self) -> StrategyId {
        StrategyId::Ipmcc
    }

    fn job(&self) -> &'static str {
        "ipmcc-weekly"
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        let rules = &rulebook.ipmcc;
        entry_until(rulebook, session, rules.weekly_at, rules.natural_minutes_before_close)
    }

    fn most(&self, phase: &Phase) -> u32 {
        phase.ipmcc
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let rules = &account.rulebook.ipmcc;
        let Some(session) = &account.session else { return Vec::new() };
        let picks = vec![long_pick(rules), weekly_pick(rules, session.date)];
        let days = rules.long_days.to;
        let of = |product: &Product| need(*product, days, picks.clone(), LONG_BELOW);
        rules.products.iter().map(of).collect()
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        entry::decide(snapshot)
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        exit::manage(watched, memory)
    }

    fn bounds(&self, rulebook: &Rulebook, position: &Position) -> Option<Bounds> {
        let long = open_legs(position).find(|leg| leg.quantity > 0)?;
        let stop = share(long.open_price, rulebook.ipmcc.loss_percent);
        Some(Bounds { scope: Scope::LongsOnly, stop: Some(stop), target: None })
    }

    fn adjust_needs(&self, watched: &Watched<'_>, reason: AdjustReason) -> Vec<Need> {
        let rules = &watched.rulebook.ipmcc;
        let product = watched.position.product;
        if reason == AdjustReason::Roll {
            return vec![need(product, rules.long_days.to, vec![long_pick(rules)], LONG_BELOW)];
        }
        let pick = weekly_pick(rules, watched.session.date);
        vec![need(product, WEEK + rules.weekly_days_off + FRIDAY_OFF, vec![pick], WEEKLY_BELOW)]
    }

    fn adjust(
        &self,
        watched: &Watched<'_>,
        seen: &BTreeMap<Product, ProductData>,
        reason: AdjustReason,
    ) -> Decision {
        let data = seen.get(&watched.position.product);
        if reason == AdjustReason::Roll {
            roll::decide(watched, data)
        } else {
            weekly::decide(watched, data)
        }
    }

    /// Only the week's call: the long one is not at risk.
    fn at_risk(&self) -> Scope {
        Scope::Sold
    }
}

fn need(product: Product, days: u32, picks: Vec<Pick>, below: u32) -> Need {
    let reach = Reach::Percent { below: below.into(), above: ABOVE.into() };
    Need { product, days, bars: BARS, volatilities: 0, picks, reach }
}

fn long_pick(rules: &IpmccRules) -> Pick {
    let days = rules.long_days;
    Pick::Nearest { target: days.target, from: days.from, to: days.to }
}

/// Days in a week.
const WEEK: u32 = 7;
/// The Friday nearest to a week ahead is at most so many days from it.
const FRIDAY_OFF: u32 = 3;

/// The Friday nearest to a week ahead: from a Friday the next one, from the Thursday before a
/// Friday without a session eight days, from the Monday after one four. So the calls go back to
/// Fridays.
fn weekly_pick(rules: &IpmccRules, today: NaiveDate) -> Pick {
    let from = today + TimeDelta::days(i64::from(WEEK - FRIDAY_OFF));
    let friday = from.iter_days().find(|date| date.weekday() == Weekday::Fri);
    let days = friday.map_or(i64::from(WEEK), |friday| (friday - today).num_days());
    let target = u32::try_from(days).unwrap_or(WEEK);
    let off = rules.weekly_days_off;
    Pick::Nearest { target, from: target.saturating_sub(off).max(1), to: target + off }
}

/// From when the week's roll goes at natural.
fn natural_from(rules: &IpmccRules, session: &Session) -> Timestamp {
    session.close - TimeDelta::minutes(i64::from(rules.natural_minutes_before_close))
}

/// A share of an amount, percent.
fn share(amount: Decimal, percent: Decimal) -> Decimal {
    amount * percent / Decimal::ONE_HUNDRED
}
