//! What a person may want to change (rulebook §8: strategy optimisation as proposals only). A
//! proposal is a sentence with its figures; nothing here changes anything.

use serde::{Deserialize, Serialize};

use super::{parts::TradeLine, performance::StrategyStats, review::DecisionCount};
use crate::{
    account::{ExitReason, StrategyId},
    config::Rulebook,
    money::{Usd, to_f64},
};

/// Fewer decisions than this show no habit.
const DECISIONS_MIN: usize = 4;

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Whose.
    pub strategy: String,
    /// What was measured.
    pub measured: f64,
    /// What it is held to.
    pub bound: f64,
    /// Both their unit: `percent` or `usd`.
    pub unit: String,
    /// In words.
    pub text: String,
}

/// The proposals that the trades since the ledger began and the decisions of the span give.
pub fn proposals(
    rulebook: &Rulebook,
    strategies: &[StrategyStats],
    trades: &[TradeLine],
    decisions: &[DecisionCount],
) -> Vec<Proposal> {
    let least = rulebook.breakers.streak.trades as usize;
    let mut found = Vec::new();
    for line in strategies.iter().filter(|line| line.strategy != StrategyId::External.name()) {
        if line.stats.trade_count < least {
            continue;
        }
        found.extend(win_rate(rulebook, line));
        found.extend(expectancy(line));
        found.extend(stops(rulebook, line, trades));
    }
    found.extend(decisions.iter().filter_map(refusals));
    found.extend(decisions.iter().filter_map(missed));
    found
}

/// The win rate a strategy is held to, percent: v17's claim for Friday 0DTE (§4.1), the long-term
/// target for the others (§7).
pub fn claim_percent(rulebook: &Rulebook, strategy: &str) -> f64 {
    if strategy == StrategyId::Friday0dte.name() {
        return f64::from(super::weekly::CLAIMED_WIN_RATE_PERCENT);
    }
    to_f64(rulebook.plan.targets.win_percent)
}

fn win_rate(rulebook: &Rulebook, line: &StrategyStats) -> Option<Proposal> {
    let measured = line.stats.trade_win_rate? * 100.0;
    let bound = claim_percent(rulebook, &line.strategy);
    let (name, count) = (&line.strategy, line.stats.trade_count);
    (measured < bound).then(|| Proposal {
        strategy: name.clone(),
        measured,
        bound,
        unit: "percent".to_owned(),
        text: format!(
            "{name} won {measured:.1} % of {count} trades, claimed are {bound:.0} %: consider \
             `enabled = false` in `[{name}]` until it is known why."
        ),
    })
}

fn expectancy(line: &StrategyStats) -> Option<Proposal> {
    let measured = line.stats.trade_expectancy_usd.filter(|mean| *mean < Usd::ZERO)?.rounded();
    let (name, count) = (&line.strategy, line.stats.trade_count);
    Some(Proposal {
        strategy: name.clone(),
        measured: to_f64(measured.0),
        bound: 0.0,
        unit: "usd".to_owned(),
        text: format!(
            "{name} made {measured} a trade over {count} trades: consider `enabled = false` in \
             `[{name}]`."
        ),
    })
}

/// More stops than a strategy that wins as claimed can have.
fn stops(rulebook: &Rulebook, line: &StrategyStats, trades: &[TradeLine]) -> Option<Proposal> {
    let name = &line.strategy;
    let own = trades.iter().filter(|trade| trade.strategy.name() == *name);
    let stopped = own.filter(|trade| trade.exit_reason == ExitReason::Stop).count();
    let measured = stopped as f64 / line.stats.trade_count as f64 * 100.0;
    let bound = 100.0 - claim_percent(rulebook, name);
    (measured > bound).then(|| Proposal {
        strategy: name.clone(),
        measured,
        bound,
        unit: "percent".to_owned(),
        text: format!(
            "{name} was stopped in {measured:.1} % of its trades, {bound:.0} % go with its claim: \
             consider a lower delta or a higher least credit."
        ),
    })
}

/// Limits that smaller products would meet; the others are the rulebook's own will.
const LIMITS_OF_SIZE: [&str; 5] = ["trade_loss", "buying_power", "stress", "concentration", "fees"];

/// One such limit that stood in the way of more than half of the decisions.
fn refusals(count: &DecisionCount) -> Option<Proposal> {
    let all = count.entered + count.no_trade + count.refused + count.missed;
    let of_size = count.refusals.iter().filter(|(l, _)| LIMITS_OF_SIZE.contains(&l.as_str()));
    let (limit, times) = of_size.max_by_key(|(_, times)| **times)?;
    let measured = *times as f64 / all.max(1) as f64 * 100.0;
    let name = &count.strategy;
    (all >= DECISIONS_MIN && measured > 50.0).then(|| Proposal {
        strategy: name.clone(),
        measured,
        bound: 50.0,
        unit: "percent".to_owned(),
        text: format!(
            "{name} met the limit `{limit}` {times} times in {all} decisions: consider smaller \
             products, or leaving it out at this size of account."
        ),
    })
}

/// More entries missed at their price than filled.
fn missed(count: &DecisionCount) -> Option<Proposal> {
    let sent = count.entered + count.missed;
    let measured = count.missed as f64 / sent.max(1) as f64 * 100.0;
    let name = &count.strategy;
    (sent >= DECISIONS_MIN && measured > 50.0).then(|| Proposal {
        strategy: name.clone(),
        measured,
        bound: 50.0,
        unit: "percent".to_owned(),
        text: format!(
            "{name} was not filled in {} of {sent} entries: consider more steps of the entry \
             ladder.",
            count.missed
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rust_decimal::Decimal;

    use super::*;
    use crate::{
        account::PositionId,
        report::performance::{by_strategy, of_trades},
    };

    fn trade(pnl: i64, exit_reason: ExitReason) -> TradeLine {
        TradeLine {
            position: PositionId("zdte-20261016-1".to_owned()),
            strategy: StrategyId::Friday0dte,
            what: String::new(),
            opened_at: "2026-10-16T14:30:42Z".parse().unwrap(),
            closed_at: "2026-10-16T15:30:42Z".parse().unwrap(),
            exit_reason,
            credit_usd: Usd::ZERO,
            pnl_usd: Usd(Decimal::from(pnl)),
            pnl_gbp: None,
        }
    }

    fn told(trades: &[TradeLine], decisions: &[DecisionCount]) -> Vec<String> {
        let strategies = by_strategy(trades);
        assert_eq!(of_trades(trades).trade_count, trades.len());
        let found = proposals(&Rulebook::embedded(), &strategies, trades, decisions);
        found.into_iter().map(|proposal| proposal.text).collect()
    }

    fn trades(won: usize, lost: usize, loss: i64, reason: ExitReason) -> Vec<TradeLine> {
        let won = std::iter::repeat_n(trade(100, ExitReason::ProfitTarget), won);
        won.chain(std::iter::repeat_n(trade(loss, reason), lost)).collect()
    }

    #[test]
    fn a_win_rate_below_its_claim_is_told_from_twenty_trades_on() {
        assert_eq!(told(&trades(14, 5, -100, ExitReason::TimeExit), &[]), [""; 0]);
        let found = told(&trades(17, 3, -100, ExitReason::TimeExit), &[]);
        let wanted = "friday_0dte won 85.0 % of 20 trades, claimed are 88 %: consider \
                      `enabled = false` in `[friday_0dte]` until it is known why.";
        assert_eq!(found, [wanted]);
        assert_eq!(told(&trades(18, 2, -100, ExitReason::TimeExit), &[]), [""; 0]);
    }

    #[test]
    fn losing_on_average_and_many_stops_are_told() {
        let found = told(&trades(17, 3, -1000, ExitReason::Stop), &[]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].starts_with("friday_0dte made -$65.00 a trade over 20 trades"));
        assert!(found[2].starts_with("friday_0dte was stopped in 15.0 % of its trades, 12 %"));
        let mut by_hand = trades(1, 30, -1000, ExitReason::Stop);
        for trade in &mut by_hand {
            trade.strategy = StrategyId::External;
        }
        assert_eq!(told(&by_hand, &[]), [""; 0], "what the owner does is his own");
    }

    #[test]
    fn a_limit_or_a_price_that_stood_in_the_way_most_times_is_told() {
        let count = |entered, refused, missed, refusals: &[(&str, usize)]| DecisionCount {
            strategy: "ipmcc".to_owned(),
            entered,
            no_trade: 0,
            refused,
            missed,
            adjusted: 0,
            refusals: refusals
                .iter()
                .map(|(l, n)| ((*l).to_owned(), *n))
                .collect::<BTreeMap<_, _>>(),
        };
        let found = told(&[], &[count(1, 3, 0, &[("stress", 1), ("concentration", 3)])]);
        assert!(found[0].starts_with("ipmcc met the limit `concentration` 3 times in 4 decisions"));
        assert_eq!(told(&[], &[count(2, 2, 0, &[("concentration", 2)])]), [""; 0]);
        assert_eq!(told(&[], &[count(0, 4, 0, &[("positions", 4)])]), [""; 0]);
        let found = told(&[], &[count(1, 0, 3, &[])]);
        assert!(found[0].starts_with("ipmcc was not filled in 3 of 4 entries"), "{found:?}");
    }
}
