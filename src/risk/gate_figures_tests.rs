//! What the gate counts and what it leaves out, and the figures a refusal carries.

use super::*;
use crate::config::stages::StageId;
use crate::risk::{
    buying_power::effective_cap,
    cap::VixMode,
    decision::{DecisionOutcome, DecisionRecord},
    refusal::Input,
};

#[test]
fn above_the_vix_table_a_working_entry_counts_until_it_is_a_position_and_a_close_never() {
    let with = |change: &dyn Fn(&mut Case, Intent)| {
        let mut intent = entry_intent(&Case::new(), "zdte-20240802-9");
        intent.slot = at("10:29:00");
        intent.legs.clear();
        changed(|c| {
            worth(c, dec!(80000));
            c.snapshot.vix = Some(vix(dec!(31)));
            only(c, Right::Put);
            change(c, intent.clone());
        })
    };
    assert_eq!(with(&|_, _| {}), None);
    assert_eq!(with(&|c, entry| c.snapshot.open_intents = vec![entry]), refused("vix"));
    // Filled on an earlier day: its position tells, and was not opened in this session.
    let filled = with(&|c, entry| {
        let mut held = open_position("zdte-20240802-9");
        other_expiration(&mut held);
        held.opened_at = at("10:00:00") - chrono::TimeDelta::days(1);
        c.snapshot.positions = vec![held];
        c.snapshot.open_intents = vec![entry];
    });
    assert_eq!(filled, None);
    let close = with(&|c, mut entry| {
        let position = crate::account::PositionId("earlier".to_owned());
        entry.purpose = Purpose::Exit { position, reason: crate::account::ExitReason::Stop };
        c.snapshot.open_intents = vec![entry];
    });
    assert_eq!(close, None);
}

#[test]
fn a_refusal_carries_the_figures_it_was_made_of() {
    let refusal = |change: &dyn Fn(&mut Case)| {
        let mut case = Case::new();
        change(&mut case);
        case.refusal().unwrap()
    };
    let day = 24 * 60 * 60;
    let rate = refusal(&|c| c.snapshot.fx.as_mut().unwrap().date = friday().date - Days::new(8));
    assert_eq!(rate, Refusal::Stale { what: Input::Fx, seconds: 8 * day, bound: 7 * day });
    // A second that has begun counts: 60.001 s is said to be 61, not 60.
    let print = refusal(&|c| c.snapshot.vix.as_mut().unwrap().at = at("10:28:59.999"));
    assert_eq!(print, Refusal::Stale { what: Input::Vix, seconds: 61, bound: 60 });
    let leg = candidate().legs[0].instrument.clone();
    let crate::instrument::Instrument::Option(contract) = &leg else { panic!("an option") };
    let strike = contract.strike.normalize();
    let name = format!("ES {strike} put");
    assert_eq!(contract.right, crate::instrument::Right::Put);
    let missing = refusal(&|c| c.candidate.quotes.clear());
    assert_eq!(missing, Refusal::Missing { what: Input::Leg(name.clone()) });
    let old = refusal(&|c| c.candidate.quotes.iter_mut().for_each(|q| q.at = at("10:28:00")));
    let Refusal::Stale { what, seconds, .. } = old else { panic!("{old:?}") };
    assert_eq!((what, seconds), (Input::Leg(name), 120));
    // Half of the mid credit on two ES is the target: three tenths of it are 30 %.
    let mid = candidate().mid;
    let half = Usd(mid.0 * dec!(50));
    let fees = refusal(&|c| {
        worth(c, dec!(80000));
        c.candidate.units = 2;
        c.power.round_trip_fees_usd = half.times(dec!(0.3));
    });
    let Refusal::Fees { percent, bound, fees, target } = fees else { panic!("{fees:?}") };
    assert_eq!((percent.round_dp(9), bound), (dec!(30), dec!(25)));
    assert_eq!((fees, target), (half.times(dec!(0.3)), half));
}

#[test]
fn limit_5_counts_neither_what_is_closed_nor_the_owners_nor_closes() {
    // Phase 1 allows one: anything that counted beside the order would refuse it.
    let limit = |change: &dyn Fn(&mut Position)| {
        changed(|c| {
            let mut held = open_position("earlier");
            other_expiration(&mut held);
            change(&mut held);
            c.snapshot.positions = vec![held];
        })
    };
    assert_eq!(limit(&|_| {}), refused("positions"));
    assert_eq!(limit(&|p| p.closed_at = Some(at("10:00:00"))), None, "closed");
    assert_eq!(limit(&|p| p.strategy = StrategyId::External), None, "the owner's");
    let mut close = entry_intent(&Case::new(), "zdte-20240726-1-x1");
    close.slot = at("10:29:00");
    close.legs.clear();
    let working = |intent: &Intent| changed(|c| c.snapshot.open_intents = vec![intent.clone()]);
    assert_eq!(working(&close), refused("positions"), "as an entry it counts");
    let position = crate::account::PositionId("zdte-20240726-1".to_owned());
    close.purpose = Purpose::Exit { position, reason: crate::account::ExitReason::Stop };
    assert_eq!(working(&close), None, "a close opens nothing");
    close.purpose = Purpose::Entry;
    close.strategy = StrategyId::External;
    assert_eq!(working(&close), None, "another strategy's");
}

#[test]
fn the_smallest_cap_rules_and_of_equal_ones_the_first_named() {
    // VIX 14 allows 65 %. Phase, stage -> percent and whose it is.
    let cases = [
        (dec!(65), None, dec!(65), "13 <= VIX 14 < 18"),
        (dec!(64.9), None, dec!(64.9), "phase 1"),
        (dec!(65.1), None, dec!(65), "13 <= VIX 14 < 18"),
        (dec!(65), Some(65), dec!(65), "13 <= VIX 14 < 18"),
        (dec!(65), Some(66), dec!(65), "13 <= VIX 14 < 18"),
        (dec!(65), Some(20), dec!(20), "stage 1"),
        (dec!(10), Some(20), dec!(10), "phase 1"),
    ];
    for (phase, of_stage, percent, rule) in cases {
        let mut case = Case::new();
        case.snapshot.vix = Some(vix(dec!(14)));
        case.snapshot.stage = StageId::One;
        case.rules().phases.phases[0].cap_percent = phase;
        case.rules().stages.stages[1].cap_percent = of_stage.map(Decimal::from);
        let capital = capital(&case.snapshot).unwrap();
        let cap = effective_cap(&case.snapshot, &capital).unwrap();
        assert_eq!((cap.percent, cap.rule.as_str()), (percent, rule), "{phase} {of_stage:?}");
    }
}

#[test]
fn decisions_are_kept_by_slot_and_strategy_under_the_words_of_their_documents() {
    let record = DecisionRecord {
        at: at("10:30:02"),
        slot: at("10:30:00"),
        strategy: StrategyId::Friday0dte,
        outcome: DecisionOutcome::NoTrade,
        filters: Vec::new(),
        refusals: Vec::new(),
        intent: None,
        ended: None,
    };
    assert_eq!(record.key(), "2024-08-02T14:30:00Z/friday_0dte");
    let names = [DecisionOutcome::Entered, DecisionOutcome::NoTrade, DecisionOutcome::Refused];
    assert_eq!(names.map(DecisionOutcome::name), ["entered", "no_trade", "refused"]);
    let modes = [VixMode::Normal, VixMode::NoStrangles, VixMode::PutsOnly, VixMode::ManageOnly];
    let words = ["normal", "no_strangles", "puts_only", "manage_only"];
    assert_eq!(modes.map(VixMode::name), words);
}
