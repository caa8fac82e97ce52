//! The entry decision: the day, then each product in order of preference.

use chrono::Weekday;

use super::legs;
use crate::{
    account::StrategyId,
    money::Gbp,
    strategy::{Decision, Rule, Snapshot, day, lt112::Lt112, sheet::Sheet},
};

/// The orders of somebody who enters against the filters: every candidate that has its legs, with the
/// filters as they came out. Only for attempts of a replay's book.
pub fn attempt(snapshot: &Snapshot) -> Decision {
    weigh(snapshot, |_| true)
}

/// Decides: ES, then MES, where each passed all its filters. Every filter that can be computed is,
/// also after one has failed.
pub fn decide(snapshot: &Snapshot) -> Decision {
    weigh(snapshot, |passed| passed)
}

/// The sheet of the day and of each product; `keeps` says which candidates stay, by whether all passed.
fn weigh(snapshot: &Snapshot, keeps: impl Fn(bool) -> bool) -> Decision {
    let rules = &snapshot.rulebook.lt112;
    let mut sheet = Sheet::default();
    let window = |session: &_| Lt112.window(&snapshot.rulebook, session);
    day::filters(snapshot, StrategyId::Lt112, rules.enabled, window, &mut sheet);
    wednesday(snapshot, &mut sheet);
    let items = rules.contracts.iter().map(|contract| (contract.product, contract));
    sheet.weigh(items, |contract, sheet| legs::consider(snapshot, contract, sheet), keeps)
}

/// The day's Wednesday is one that this net liquidation enters on.
fn wednesday(snapshot: &Snapshot, sheet: &mut Sheet) {
    let Some(session) = snapshot.session else { return };
    let Some((wednesday, nth)) = day::weekday_of(session.date, Weekday::Wed) else {
        let value = format!("{} {}", session.date.format("%A"), session.date);
        sheet.check("wednesday", value, "a Wednesday or the days after it", false);
        return;
    };
    let rules = snapshot.rulebook.lt112.wednesdays.iter().find(|rules| rules.nth == nth);
    let Some(rules) = rules else {
        let value = format!("Wednesday {nth} of the month, {wednesday}");
        sheet.check("wednesday", value, "one that enters", false);
        return;
    };
    let net = snapshot.balances.zip(snapshot.fx).map(|(b, fx)| b.net_liquidation_gbp(fx));
    let value = match net {
        Some(net) => format!("Wednesday {nth} of the month, {wednesday}, {net} net liquidation"),
        None => format!("Wednesday {nth} of the month, {wednesday}, net liquidation unknown"),
    };
    let least = Gbp(rules.from_gbp);
    let passed = net.is_some_and(|net| net >= least);
    sheet.check("wednesday", value, format_args!(">= {least}"), passed);
}
