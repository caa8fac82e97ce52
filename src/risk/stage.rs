//! Deployment stages (rulebook §3): a ramp of capital, a different thing from account phases. The
//! stage in force is on the snapshot, its figures are `[stages]` of the rulebook.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::refusal::{Input, Refusal};
use crate::{
    account::{Balances, StrategyId},
    config::{
        rulebook::Rulebook,
        stages::{StageId, StageRules},
    },
    money::{FxRate, Gbp, Usd},
    strategy::{Candidate, Purpose, Snapshot},
};

/// The figures of the stage in force; a stage without figures is not known, and refuses.
pub fn rules(snapshot: &Snapshot) -> Result<&StageRules, Refusal> {
    snapshot
        .rulebook
        .stages
        .of(snapshot.stage)
        .ok_or(Refusal::Missing { what: Input::Stage(snapshot.stage) })
}

/// A stage's capital in dollars at a rate; `None` where the whole balance is deployed.
pub fn capital_usd(rulebook: &Rulebook, stage: StageId, rate: Option<FxRate>) -> Option<Usd> {
    let pounds = rulebook.stages.of(stage)?.capital_gbp?;
    rate.map(|rate| Usd(pounds * rate.usd_per_gbp))
}

/// Limit 1: the stage may open at all, and its daily report is acknowledged where it asks for that.
pub(super) fn check(snapshot: &Snapshot) -> Result<(), Refusal> {
    let (stage, all) = (snapshot.stage, &snapshot.rulebook.stages);
    if stage == StageId::Paper && !all.paper_opens {
        return Err(Refusal::PaperOpensNothing);
    }
    if !rules(snapshot)?.ack {
        return Ok(());
    }
    let age = snapshot.acked_at.map(|at| (snapshot.now - at).max(TimeDelta::zero()));
    if age.is_some_and(|age| age <= all.ack_for()) {
        return Ok(());
    }
    let hours = age.map(|age| Decimal::from(age.num_seconds()) / Decimal::from(3600));
    Err(Refusal::Unacknowledged { stage, hours, bound: all.ack_hours })
}

/// Limit 5: the stage's strategies, and its most open positions over all of them. A unit of 0DTE
/// counts as a position; so does each position the owner made by hand.
pub(super) fn check_count(snapshot: &Snapshot, candidate: &Candidate) -> Result<(), Refusal> {
    let (stage, rules) = (snapshot.stage, rules(snapshot)?);
    let strategy = candidate.strategy;
    if !rules.allows(strategy.name()) {
        let allowed = rules.strategies.clone().unwrap_or_default().join(", ");
        return Err(Refusal::StageStrategy { strategy, stage, allowed });
    }
    let Some(most) = rules.positions else { return Ok(()) };
    let open = open_positions(snapshot).saturating_add(weight(strategy, candidate.units));
    if open <= most {
        return Ok(());
    }
    Err(Refusal::StagePositions { open, most, stage })
}

/// Open positions and working entries, as a stage counts them.
pub fn open_positions(snapshot: &Snapshot) -> u32 {
    let held = snapshot.positions.iter().filter(|position| position.is_open());
    let held = held.map(|position| weight(position.strategy, position.units));
    let working = snapshot.open_intents.iter().filter(|intent| {
        let filled = snapshot.positions.iter().any(|position| position.id.0 == intent.id.0);
        intent.purpose == Purpose::Entry && !filled
    });
    let working = working.map(|intent| weight(intent.strategy, intent.units));
    held.chain(working).fold(0, u32::saturating_add)
}

fn weight(strategy: StrategyId, units: u32) -> u32 {
    if strategy == StrategyId::Friday0dte { units } else { 1 }
}

/// Buying power in use beyond the stage's own cap: a breach that demotes. Percent of sizing capital
/// and the cap, both exact; `None` while it is respected, or where the stage has no cap.
pub fn over_cap(
    rules: &StageRules,
    balances: &Balances,
    rate: FxRate,
) -> Option<(Decimal, Decimal)> {
    let cap = rules.cap_percent?;
    let net = balances.net_liquidation_gbp(rate);
    let sizing = rules.capital_gbp.map_or(net, |most| Gbp(most).min(net));
    let requirement = rate.to_gbp(balances.requirement_usd);
    if sizing.0 <= Decimal::ZERO {
        return None;
    }
    let used = requirement.0 / sizing.0 * Decimal::ONE_HUNDRED;
    (used > cap).then_some((used, cap))
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use rust_decimal::dec;

    use super::*;
    use crate::{
        account::{IntentId, PositionId},
        config::stages::STRATEGIES,
        instrument::Product,
        risk::{BuyingPower, BuyingPowerSource, capital::capital, gate},
        strategy::friday_0dte::fixture::{at, candidate, friday, position, rulebook, snapshot},
    };

    fn in_stage(stage: StageId) -> Snapshot {
        let mut snapshot = snapshot();
        snapshot.stage = stage;
        snapshot.acked_at = Some(at("09:00:00"));
        // Limit 11 has its own tests.
        let rules = std::sync::Arc::make_mut(&mut snapshot.rulebook);
        rules.limits.concentration_0dte_percent = dec!(100);
        snapshot
    }

    /// What the gate says of an order that takes `requirement` dollars.
    fn said(snapshot: &Snapshot, requirement: Decimal) -> Option<String> {
        let power = BuyingPower {
            requirement_usd: Usd(requirement),
            round_trip_fees_usd: Usd(dec!(1)),
            source: BuyingPowerSource::Model,
        };
        let mut candidate = candidate();
        candidate.max_loss_usd = Usd(dec!(1)); // limit 8 has its own tests
        let id = IntentId("zdte-20240802-1".to_owned());
        gate(snapshot, &candidate, &power, id).err().map(|refused| refused.why.to_string())
    }

    #[test]
    fn each_stage_sizes_by_its_own_capital_and_never_above_the_balance() {
        let cases = [
            (StageId::Paper, 35_000, 35_000),
            (StageId::One, 35_000, 5_000),
            (StageId::Two, 35_000, 10_000),
            (StageId::Three, 35_000, 20_000),
            (StageId::Four, 80_000, 35_000),
            (StageId::Four, 31_000, 31_000),
            (StageId::One, 4_000, 4_000),
            (StageId::Paper, 80_000, 80_000),
        ];
        for (stage, net, sizing) in cases {
            let mut snapshot = in_stage(stage);
            let rate = snapshot.fx.unwrap().usd_per_gbp;
            let balances = snapshot.balances.as_mut().unwrap();
            balances.net_liquidation_usd = Usd(Decimal::from(net) * rate);
            let found = capital(&snapshot).unwrap().sizing;
            assert_eq!(found, Gbp(Decimal::from(sizing)), "{stage} of £{net}");
        }
    }

    #[test]
    fn under_thirty_thousand_the_first_three_stages_count_as_p1_and_the_others_refuse() {
        for stage in StageId::ALL {
            let mut snapshot = in_stage(stage);
            let rate = snapshot.fx.unwrap().usd_per_gbp;
            snapshot.balances.as_mut().unwrap().net_liquidation_usd = Usd(dec!(29_999.99) * rate);
            let found = capital(&snapshot).map(|capital| capital.phase.number);
            let small = matches!(stage, StageId::One | StageId::Two | StageId::Three);
            if small {
                assert_eq!(found, Ok(1), "{stage}");
            } else {
                let net_liquidation = Gbp(dec!(29_999.99));
                let floor = Gbp(dec!(30_000));
                assert_eq!(found, Err(Refusal::BelowFirstPhase { net_liquidation, floor }));
            }
        }
    }

    #[test]
    fn the_stages_cap_rules_where_it_is_below_vix_and_phase() {
        // VIX 16 allows 65 %, P1 50 %. Dollars at 1.28: 30 % of £5,000 are $1,920.
        let cases = [
            (StageId::One, dec!(1920), None),
            (
                StageId::One,
                dec!(1921),
                Some("buying power after the order 30.02 % > 30.0 % (stage 1)"),
            ),
            (StageId::Two, dec!(5120), None),
            (StageId::Two, dec!(5248), Some("41.0 % > 40.0 % (stage 2)")),
            (StageId::Three, dec!(12801), Some("> 50.0 % (phase 1)")),
            (StageId::Four, dec!(22401), Some("> 50.0 % (phase 1)")),
            (StageId::Paper, dec!(22401), Some("> 50.0 % (phase 1)")),
        ];
        for (stage, requirement, refusal) in cases {
            let found = said(&in_stage(stage), requirement);
            match refusal {
                None => assert_eq!(found, None, "{stage}"),
                Some(text) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(text), "{stage}: {found}");
                }
            }
        }
        let mut third = in_stage(StageId::Three);
        let rate = third.fx.unwrap().usd_per_gbp;
        third.balances.as_mut().unwrap().net_liquidation_usd = Usd(dec!(80_000) * rate);
        third.vix.as_mut().unwrap().level = dec!(20); // the table allows 75 %, P4 100 %
        let found = said(&third, dec!(16_900)).unwrap();
        assert!(found.contains("66.0 % > 65.0 % (stage 3)"), "{found}");
    }

    #[test]
    fn a_stage_opens_its_own_strategies_and_no_others() {
        let wanted: [(StageId, &[&str]); 5] = [
            (StageId::Paper, &STRATEGIES),
            (StageId::One, &STRATEGIES[..1]),
            (StageId::Two, &STRATEGIES[..2]),
            (StageId::Three, &STRATEGIES[..5]),
            (StageId::Four, &STRATEGIES),
        ];
        let rulebook = rulebook();
        for (stage, names) in wanted {
            let rules = rulebook.stages.of(stage).unwrap();
            let found: Vec<&str> =
                STRATEGIES.into_iter().filter(|strategy| rules.allows(strategy)).collect();
            assert_eq!(found, names, "{stage}");
        }
    }

    #[test]
    fn what_a_stage_does_not_open_is_refused_with_what_it_opens() {
        let mut snapshot = in_stage(StageId::One);
        let mut rules = rulebook();
        rules.stages.stages[1].strategies = Some(vec!["lt112".to_owned(), "strangle".to_owned()]);
        snapshot.rulebook = rules.into();
        let wanted = "Refused: friday_0dte is not opened in stage 1, which opens lt112, strangle";
        assert_eq!(said(&snapshot, dec!(100)).as_deref(), Some(wanted));
    }

    #[test]
    fn a_stages_count_is_over_all_strategies_with_what_works_and_what_is_the_owners() {
        let candidate = candidate();
        let mut snapshot = in_stage(StageId::One);
        let mut rules = rulebook();
        rules.stages.stages[1].cap_percent = None;
        snapshot.rulebook = rules.into();
        assert_eq!(said(&snapshot, dec!(100)), None);
        let mut held = position(&candidate, dec!(3));
        held.id = PositionId("other".to_owned());
        held.strategy = StrategyId::External;
        held.units = 7;
        snapshot.positions = vec![held];
        let wanted = "Refused: 2 open positions with this one > 1 (stage 1)";
        assert_eq!(said(&snapshot, dec!(100)).as_deref(), Some(wanted));
        assert_eq!(open_positions(&snapshot), 1, "the owner's position counts once");
        snapshot.positions[0].strategy = StrategyId::Friday0dte;
        assert_eq!(open_positions(&snapshot), 7, "each unit of 0DTE counts");
    }

    #[test]
    fn a_phase_without_lt112_has_one_unit_on_mes_from_stage_2_on() {
        for (stage, product, allowed) in [
            (StageId::Paper, Product::Mes, 0),
            (StageId::One, Product::Mes, 0),
            (StageId::Two, Product::Mes, 1),
            (StageId::Two, Product::Es, 0),
            (StageId::Three, Product::Mes, 1),
        ] {
            let snapshot = in_stage(stage);
            let mut candidate = candidate();
            candidate.strategy = StrategyId::Lt112;
            candidate.product = product;
            let capital = capital(&snapshot).unwrap();
            let found = crate::risk::counts::mes_unit(&snapshot, &candidate, &capital);
            assert_eq!(found, allowed, "{stage} {product}");
        }
    }

    #[test]
    fn stages_one_and_two_need_the_report_acknowledged_within_26_hours() {
        let now = in_stage(StageId::One).now;
        let hours =
            |h: i64, seconds: i64| Some(now - TimeDelta::hours(h) - TimeDelta::seconds(seconds));
        let cases = [
            (StageId::One, None, Some("never acknowledged")),
            (StageId::One, hours(26, 0), None),
            (StageId::One, hours(26, 1), Some("26.0003 h ago > 26 h")),
            (StageId::Two, hours(27, 0), Some("acknowledged 27.0 h ago > 26 h")),
            (StageId::Two, Some(now + TimeDelta::minutes(1)), None),
            (StageId::Three, None, None),
            (StageId::Four, None, None),
            (StageId::Paper, None, None),
        ];
        for (stage, acked_at, refusal) in cases {
            let mut snapshot = in_stage(stage);
            snapshot.acked_at = acked_at;
            let found = said(&snapshot, dec!(100));
            match refusal {
                None => assert_eq!(found, None, "{stage} {acked_at:?}"),
                Some(text) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(text) && found.contains(stage.words()), "{found}");
                }
            }
        }
    }

    #[test]
    fn a_live_account_opens_nothing_on_paper_and_an_unknown_stage_nothing_at_all() {
        let mut snapshot = in_stage(StageId::Paper);
        let mut rules = rulebook();
        rules.stages.paper_opens = false;
        snapshot.rulebook = rules.into();
        let wanted = "Refused: the stage paper opens nothing on a live account";
        assert_eq!(said(&snapshot, dec!(100)).as_deref(), Some(wanted));
        let mut rules = rulebook();
        rules.stages.stages.pop();
        let mut snapshot = in_stage(StageId::Four);
        snapshot.rulebook = rules.into();
        let wanted = "Refused: no figures of stage 4";
        assert_eq!(said(&snapshot, dec!(100)).as_deref(), Some(wanted));
    }

    #[test]
    fn a_breach_is_use_above_the_stages_own_cap() {
        let rate = FxRate::new(friday().date - Days::new(1), dec!(1.25)).unwrap();
        let rules = rulebook();
        let balances = |net: Decimal, requirement: Decimal| Balances {
            cash_usd: Usd(net),
            net_liquidation_usd: Usd(net),
            requirement_usd: Usd(requirement),
            at: at("10:30:00"),
        };
        let cases = [
            // 30 % of £5,000 at 1.25 are $1,875; of a balance of £4,000, $1,500.
            (StageId::One, dec!(43_750), dec!(1_875), None),
            (StageId::One, dec!(43_750), dec!(2_000), Some((dec!(32), dec!(30)))),
            (StageId::One, dec!(5_000), dec!(1_550), Some((dec!(31), dec!(30)))),
            (StageId::One, dec!(0), dec!(1_550), None),
            (StageId::Three, dec!(43_750), dec!(20_000), Some((dec!(80), dec!(65)))),
            (StageId::Four, dec!(43_750), dec!(43_750), None),
            (StageId::Paper, dec!(43_750), dec!(43_750), None),
        ];
        for (stage, net, requirement, wanted) in cases {
            let rules = rules.stages.of(stage).unwrap();
            let found = over_cap(rules, &balances(net, requirement), rate);
            assert_eq!(found, wanted, "{stage}");
        }
    }
}
