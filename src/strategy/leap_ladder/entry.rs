//! The entry decision: a rung, by VIX one contract or two.

use rust_decimal::Decimal;

use super::{choose::put, rung};
use crate::{
    account::{NetPrice, Side, StrategyId},
    config::leap_ladder::LeapLadderRules,
    strategy::{
        Candidate, Decision, Ladder, Rule, Snapshot,
        choose::{Chosen, Order},
        day,
        moment::Moment,
        sheet::Sheet,
    },
};

/// Decides. Every filter that can be computed is, also after one has failed.
pub(super) fn decide(snapshot: &Snapshot) -> Decision {
    let rules = &snapshot.rulebook.leap_ladder;
    let window = |session: &_| super::LeapLadder.window(&snapshot.rulebook, session);
    let mut sheet = Sheet::default();
    let vix = day::filters(snapshot, StrategyId::LeapLadder, rules.enabled, window, &mut sheet);
    let contracts = contracts(rules, vix, &mut sheet);
    sheet.decide([rules.product], |_, sheet| consider(snapshot, contracts, sheet))
}

/// VIX below 15: none; from 15: one; from 20: two.
fn contracts(rules: &LeapLadderRules, vix: Option<Decimal>, sheet: &mut Sheet) -> u32 {
    let LeapLadderRules { skip_below_vix, high_vix, contracts, contracts_high_vix, .. } = *rules;
    let bound = format!(">= {skip_below_vix}, from {high_vix} {contracts_high_vix} contracts");
    let Some(vix) = vix else {
        sheet.check("vix_ladder", "unknown", bound, false);
        return 0;
    };
    let count = match vix {
        vix if vix < skip_below_vix => 0,
        vix if vix < high_vix => contracts,
        _ => contracts_high_vix,
    };
    sheet.check("vix_ladder", format_args!("{vix}, {count} contracts"), bound, count > 0);
    count
}

fn consider(snapshot: &Snapshot, contracts: u32, sheet: &mut Sheet) -> Option<Candidate> {
    let rules = &snapshot.rulebook.leap_ladder;
    let moment = Moment::of_entry(snapshot)?;
    let data = snapshot.products.get(&rules.product);
    let (seen, put) = put(&moment, data, &rung(rules, &snapshot.positions), sheet)?;
    let order = Order {
        strategy: StrategyId::LeapLadder,
        product: rules.product,
        structure: "short LEAP put",
        units: contracts.max(1),
        seen: &[seen],
        minimum: NetPrice(put.bid),
        ladder: Ladder::Entry,
        width: None,
        loss: None,
        now: snapshot.now,
    };
    order.candidate(&[Chosen::open(put, Side::Sell, 1)])
}
