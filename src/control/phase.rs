//! `phase`: the account's phase (rulebook §2), where it changes, and what each phase allows. Not the
//! deployment stage, which is a ramp of capital (§3).

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    config::{
        Rulebook,
        rulebook::{Phase, PhaseRules},
        stages::StageId,
    },
    desk::{
        read, stage,
        tables::{PHASE, PHASE_KEY, PhaseRow},
    },
    money::{Gbp, to_f64},
    report::planning::Worth,
    risk::phase::phase,
    store::{Read, StoreError},
};

/// The account's phase, and all four.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseStands {
    /// The New York date.
    pub date: NaiveDate,
    /// Net liquidation now; `None` when not known.
    pub net_liquidation_gbp: Option<Gbp>,
    /// The phase in force; `None` below the first, or when nothing is known.
    pub phase: Option<u8>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The deployment stage that makes an account below the first phase count as P1.
    pub by_stage: Option<StageId>,
    /// Buying power it allows, percent of sizing capital; 100 where the VIX table alone rules.
    pub cap_percent: Option<f64>,
    /// The phase above; `None` in the last.
    pub up: Option<Up>,
    /// The way down; `None` when nothing is known.
    pub down: Option<Down>,
    /// All phases.
    pub phases: Vec<PhaseLine>,
}

/// Up at the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Up {
    /// Into this phase,
    pub phase: u8,
    /// at this net liquidation,
    pub at_gbp: Gbp,
    /// which lacks so much.
    pub missing_gbp: Gbp,
}

/// Down only some percent below the threshold; out of the first at the threshold itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// Into this phase; `None` where nothing may be opened any more.
    pub phase: Option<u8>,
    /// At this net liquidation, or below it out of the first,
    pub at_gbp: Gbp,
    /// which is so much lower.
    pub above_gbp: Gbp,
}

/// What a phase allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseLine {
    /// 1 to 4.
    pub phase: u8,
    /// It is in force.
    pub in_force: bool,
    /// From this net liquidation up,
    pub from_gbp: Gbp,
    /// down at this one; out of the first below it.
    pub down_at_gbp: Gbp,
    /// Buying power, percent of sizing capital; 100 where the VIX table alone rules.
    pub cap_percent: f64,
    /// Most open positions of each strategy.
    pub strategies: Vec<StrategyCount>,
    /// LT112 units on MES where `lt112` is 0, from deployment stage 2 on.
    pub lt112_mes_from_stage_2: u32,
    /// What may be traded, the phases before included.
    pub underlyings: Vec<String>,
}

/// Most open positions of a strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyCount {
    /// The strategy.
    pub strategy: String,
    /// How many.
    pub positions: u32,
}

/// The phase as the store and an account's worth tell it.
pub fn of(
    tx: &impl Read,
    rulebook: &Rulebook,
    date: NaiveDate,
    worth: Worth,
) -> Result<PhaseStands, StoreError> {
    let stage = stage::current(tx)?.stage;
    let small = rulebook.stages.of(stage).is_some_and(|rules| rules.small_account);
    let mut found = stands(&rulebook.phases, date, worth, small.then_some(stage));
    let row: Option<PhaseRow> = tx.get(&PHASE, PHASE_KEY)?;
    let row = row.filter(|row| row.phase == worth.phase && worth.net_liquidation_gbp.is_some());
    found.since = row.map(|row| row.since);
    Ok(found)
}

/// The phase of a worth after the one so far, for its hysteresis.
pub fn number(
    tx: &impl Read,
    rules: &PhaseRules,
    net: Option<Gbp>,
) -> Result<Option<u8>, StoreError> {
    let row: Option<PhaseRow> = tx.get(&PHASE, PHASE_KEY)?;
    let before = match row {
        Some(row) => row.phase,
        None => read::last_equity(tx)?.and_then(|row| row.phase),
    };
    Ok(net.and_then(|net| phase(rules, net, before)).map(|found| found.number))
}

fn stands(
    rules: &PhaseRules,
    date: NaiveDate,
    worth: Worth,
    small: Option<StageId>,
) -> PhaseStands {
    let net = worth.net_liquidation_gbp;
    let reached = worth.phase;
    let by_stage = small.filter(|_| net.is_some() && reached.is_none());
    let current = reached.or(by_stage.map(|_| 1));
    let of = |number: u8| rules.phases.get(usize::from(number).checked_sub(1)?);
    PhaseStands {
        date,
        net_liquidation_gbp: net.map(Gbp::rounded),
        phase: current,
        since: None,
        by_stage,
        cap_percent: current.and_then(of).map(|phase| to_f64(phase.cap_percent)),
        up: net.and_then(|net| up(rules, net, reached.unwrap_or(0))),
        down: net.zip(reached).and_then(|(net, number)| down(rules, net, number)),
        phases: lines(rules, current),
    }
}

fn up(rules: &PhaseRules, net: Gbp, from: u8) -> Option<Up> {
    let at = Gbp(rules.phases.get(usize::from(from))?.from_gbp);
    Some(Up { phase: from + 1, at_gbp: at, missing_gbp: (at - net).max(Gbp::ZERO).rounded() })
}

fn down(rules: &PhaseRules, net: Gbp, from: u8) -> Option<Down> {
    let at = Gbp(down_at(rules, usize::from(from).checked_sub(1)?)?);
    // One step at a time, unless the fall is deeper than what the hysteresis of the next holds.
    let phase = Some(from - 1).filter(|phase| *phase > 0);
    Some(Down { phase, at_gbp: at, above_gbp: (net - at).max(Gbp::ZERO).rounded() })
}

/// Where a phase ends on the way down: its hysteresis below the threshold; the first knows none.
fn down_at(rules: &PhaseRules, index: usize) -> Option<Decimal> {
    let from = rules.phases.get(index)?.from_gbp;
    let keep = (Decimal::ONE_HUNDRED - rules.down_percent) / Decimal::ONE_HUNDRED;
    Some(if index == 0 { from } else { from * keep })
}

fn lines(rules: &PhaseRules, current: Option<u8>) -> Vec<PhaseLine> {
    let mut underlyings: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for ((index, phase), number) in rules.phases.iter().enumerate().zip(1_u8..) {
        underlyings.extend(phase.underlyings.iter().cloned());
        found.push(PhaseLine {
            phase: number,
            in_force: current == Some(number),
            from_gbp: Gbp(phase.from_gbp),
            down_at_gbp: Gbp(down_at(rules, index).unwrap_or(phase.from_gbp)).rounded(),
            cap_percent: to_f64(phase.cap_percent),
            strategies: counts(phase),
            lt112_mes_from_stage_2: phase.lt112_mes_from_stage_2,
            underlyings: underlyings.clone(),
        });
    }
    found
}

fn counts(phase: &Phase) -> Vec<StrategyCount> {
    let all = [
        ("friday_0dte", phase.friday_0dte),
        ("strangle", phase.strangle),
        ("ipmcc", phase.ipmcc),
        ("lt112", phase.lt112),
        ("leap_ladder", phase.leap_ladder),
        ("ratio", phase.ratio),
        ("butterfly", phase.butterfly),
        ("diagonal", phase.diagonal),
        ("box", phase.box_spread),
    ];
    all.map(|(name, positions)| StrategyCount { strategy: name.to_owned(), positions }).to_vec()
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    fn at(net: Decimal, previous: Option<u8>, small: Option<StageId>) -> PhaseStands {
        let rules = Rulebook::embedded().phases;
        let phase = phase(&rules, Gbp(net), previous).map(|found| found.number);
        let worth = Worth { net_liquidation_gbp: Some(Gbp(net)), rate: None, phase };
        stands(&rules, "2026-10-16".parse().unwrap(), worth, small)
    }

    #[test]
    fn the_way_up_and_down_is_told_with_its_hysteresis() {
        let found = at(dec!(39000), Some(2), None);
        assert_eq!((found.phase, found.cap_percent), (Some(2), Some(65.0)));
        let up = Up { phase: 3, at_gbp: Gbp(dec!(60000)), missing_gbp: Gbp(dec!(21000)) };
        assert_eq!(found.up, Some(up));
        let down = Down { phase: Some(1), at_gbp: Gbp(dec!(38000)), above_gbp: Gbp(dec!(1000)) };
        assert_eq!(found.down, Some(down));
        let first = at(dec!(31000), None, None);
        let down = Down { phase: None, at_gbp: Gbp(dec!(30000)), above_gbp: Gbp(dec!(1000)) };
        assert_eq!((first.phase, first.down), (Some(1), Some(down)));
        let last = at(dec!(530_000), None, None);
        assert_eq!((last.phase, last.up, last.cap_percent), (Some(4), None, Some(100.0)));
    }

    #[test]
    fn under_the_first_phase_only_a_stage_makes_it_count_as_one() {
        let none = at(dec!(12000), None, None);
        assert_eq!((none.phase, none.by_stage, none.down), (None, None, None));
        assert_eq!(none.up.map(|up| (up.phase, up.missing_gbp)), Some((1, Gbp(dec!(18000)))));
        let stage = at(dec!(12000), None, Some(StageId::One));
        assert_eq!((stage.phase, stage.by_stage), (Some(1), Some(StageId::One)));
        let enough = at(dec!(35000), None, Some(StageId::One));
        assert_eq!((enough.phase, enough.by_stage), (Some(1), None));
    }

    /// Rulebook §2, the whole table.
    #[test]
    fn every_count_and_underlying_is_the_rulebooks() {
        let lines = at(dec!(35000), None, None).phases;
        let wanted: [(&str, [u32; 4]); 9] = [
            ("friday_0dte", [1, 2, 3, 4]),
            ("strangle", [1, 3, 4, 5]),
            ("ipmcc", [1, 2, 3, 4]),
            ("lt112", [0, 4, 4, 4]),
            ("leap_ladder", [0, 2, 3, 10]),
            ("ratio", [0, 2, 4, 5]),
            ("butterfly", [0, 0, 2, 4]),
            ("diagonal", [0, 0, 2, 4]),
            ("box", [0, 0, 1, 2]),
        ];
        for (place, (name, counts)) in wanted.into_iter().enumerate() {
            let found: Vec<u32> = lines
                .iter()
                .map(|line| {
                    assert_eq!(line.strategies[place].strategy, name);
                    line.strategies[place].positions
                })
                .collect();
            assert_eq!(found, counts, "{name}");
        }
        assert_eq!(
            lines.iter().map(|l| l.lt112_mes_from_stage_2).collect::<Vec<_>>(),
            [1, 0, 0, 0]
        );
        let added = [10, 4, 11, 10];
        let mut all = 0;
        for (line, added) in lines.iter().zip(added) {
            all += added;
            assert_eq!(line.underlyings.len(), all, "P{}", line.phase);
        }
        let froms: Vec<Decimal> = lines.iter().map(|line| line.from_gbp.0).collect();
        assert_eq!(froms, [dec!(30000), dec!(40000), dec!(60000), dec!(75000)]);
        let downs: Vec<Decimal> = lines.iter().map(|line| line.down_at_gbp.0).collect();
        assert_eq!(downs, [dec!(30000), dec!(38000), dec!(57000), dec!(71250)]);
    }
}
