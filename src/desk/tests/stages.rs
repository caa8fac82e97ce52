//! Deployment stages over a working desk (rulebook §3): what they let pass, what promotes and what
//! demotes, over restarts.

use std::sync::{Arc, atomic::Ordering};

use chrono::TimeDelta;
use rust_decimal::dec;

use super::world::{Stage, at, falling, quiet, run_job};
use crate::{
    account::hold::Level,
    clock::Timestamp,
    config::stages::StageId,
    desk::{
        ack::acknowledge,
        evidence::{self, VALIDATIONS},
        read::decisions,
        stage::{self, Came, StageRow},
        tables::{PHASE, PHASE_KEY},
    },
    notice::Notice,
    risk::promotion::Validated,
    store::{Read as _, StoreError, WriteTx},
};

fn write<T: Send + 'static>(
    of: &Stage,
    f: impl FnOnce(&mut WriteTx) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    futures::executor::block_on(of.store.write(f))
}

fn row(of: &Stage) -> StageRow {
    of.store.read(stage::current).unwrap()
}

/// Promotes by a reason, as many steps as it takes.
fn at_stage(of: &Stage, to: StageId, now: Timestamp) {
    let rulebook = of.rulebook.clone();
    let done = write(of, move |tx| {
        while stage::current(tx)?.stage < to {
            stage::promote(tx, &rulebook, &[], Some("a test"), "operator", now)?;
        }
        Ok(())
    });
    done.unwrap();
}

fn refusals(of: &Stage) -> Vec<String> {
    let date = at("10:30:00").date_naive();
    let found = of.store.read(|tx| decisions(tx, date, date)).unwrap();
    found.into_iter().flat_map(|record| record.refusals).map(|row| row.text).collect()
}

#[test]
fn stage_1_enters_nothing_before_the_report_is_acknowledged_and_then_sizes_by_its_own_capital() {
    let mut stage = Stage::new(quiet());
    at_stage(&stage, StageId::One, at("09:00:00"));
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
    });
    let unread = "ES: Refused: stage 1 needs the daily report acknowledged within 26 h, and it was \
                  never acknowledged";
    assert_eq!(refusals(&stage), [unread]);

    let stage_2 = Stage::new(quiet());
    at_stage(&stage_2, StageId::One, at("09:00:00"));
    stage = stage_2;
    let report = at("09:00:00").date_naive().pred_opt().unwrap();
    write(&stage, move |tx| acknowledge(tx, report, "operator", at("09:05:00"))).unwrap();
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
    });
    let found = refusals(&stage);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("% > 5.0 % of £5,000.00"), "{found:?}");
}

#[test]
fn a_promotion_is_refused_with_each_figure_and_an_override_is_kept_for_ever() {
    let stage = Stage::new(quiet());
    stage.live(at("09:00:00"), |scene| async move { scene.until("09:01:00").await });
    let rulebook = stage.rulebook.clone();
    let refused = write(&stage, move |tx| {
        stage::promote(tx, &rulebook, &[], None, "operator", at("09:02:00"))
    });
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("promotion to stage 1 is refused: 7 of 8 criteria do not hold"),
        "{text}"
    );
    for line in [
        "closed trades: 0, at least 20 over the paper profiles",
        "win rate: not measured",
        "live sessions: 0, at least 5 clean ones",
        "validation: not measured",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(row(&stage).stage, StageId::Paper, "nothing was written");

    at_stage(&stage, StageId::Two, at("09:03:00"));
    write(&stage, |tx| stage::demote(tx, None, "a look back", "operator", at("09:04:00"))).unwrap();
    let kept = row(&stage);
    assert_eq!((kept.stage, kept.came), (StageId::One, Came::Demoted));
    assert_eq!(kept.overrides.len(), 2, "a demotion does not wash them away");
    assert_eq!(kept.overrides[0].failed.len(), 7);
    assert_eq!(kept.overrides[1].failed.len(), 5, "stage 2 asks for no live sessions");
    let upwards = write(&stage, |tx| {
        stage::demote(tx, Some(StageId::Three), "wrong way", "operator", at("09:05:00"))
    });
    let text = upwards.unwrap_err().to_string();
    assert!(text.contains("stage 3 is not below stage 1, the stage in force"), "{text}");
    stage.assert_the_journal_folds();
    let told = stage.notices();
    let moved = told.iter().filter(|notice| matches!(notice, Notice::Stage { .. })).count();
    assert_eq!(moved, 3, "{told:?}");
}

#[test]
fn a_promotion_whose_criteria_all_hold_needs_no_reason_and_keeps_its_evidence() {
    let mut stage = Stage::new(quiet());
    let rules = &mut stage.rulebook.stages;
    (rules.days, rules.trades, rules.live_sessions) = (1, 1, 0);
    stage.live(at("10:29:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.job("risk-snapshot", "10:40:00").await;
        scene.until("15:00:00").await;
        assert_eq!(scene.desk.open_count(), 0, "the profit target was reached");
        scene.until("16:15:00").await;
        run_job(&scene.desk, &scene.rt, "end-of-day-reconciliation", "16:15:00").await;
    });
    let now = at("16:30:00") + TimeDelta::days(1);
    let outcome = Validated {
        at: now,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        stage: StageId::One,
        failed: Vec::new(),
    };
    let rulebook = stage.rulebook.clone();
    let done = write(&stage, move |tx| {
        tx.put(&VALIDATIONS, StageId::One.words(), &outcome)?;
        stage::promote(tx, &rulebook, &[], None, "operator", now)
    });
    let row = done.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((row.stage, row.came), (StageId::One, Came::Promoted));
    assert_eq!(row.reason, "all 8 criteria hold");
    assert_eq!(row.overrides, []);
    let entry = stage.store.journal(..).unwrap().into_iter().rfind(|e| e.kind == "stage").unwrap();
    assert_eq!(entry.data["criteria"].as_array().unwrap().len(), 8);
}

#[test]
fn a_halt_of_the_program_demotes_by_one_step_and_an_operators_halt_does_not() {
    let mut stage = Stage::new(quiet());
    stage.rulebook.stages.stages[2].capital_gbp = None;
    stage.rulebook.stages.stages[2].ack = false;
    at_stage(&stage, StageId::Two, at("09:00:00"));
    let faults = Arc::clone(&stage.faults);
    stage.live(at("10:29:00"), move |scene| async move {
        scene.desk.halt("a drill", "operator").await.unwrap();
        scene.desk.resume("over", "operator").await.unwrap();
        scene.until("10:30:00").await;
        faults.silent.store(true, Ordering::SeqCst);
        scene.until("10:59:00").await;
        let now = scene.desk.parts().store.read(stage::current).unwrap();
        assert_eq!(now.stage, StageId::Two, "neither a drill nor half an hour is a breach");
        scene.until("11:03:00").await;
        assert_eq!(scene.desk.level(), Level::Halted);
    });
    let found = row(&stage);
    assert_eq!((found.stage, found.came), (StageId::One, Came::Breached));
    assert!(found.reason.contains("HALTED by broker-api"), "{}", found.reason);
    let told = stage.notices();
    let breach = |notice: &&Notice| matches!(notice, Notice::Stage { breach: true, .. });
    assert_eq!(told.iter().filter(breach).count(), 1, "{told:?}");
    let seen =
        stage.store.read(|tx| evidence::evidence(tx, &stage.rulebook.stages, &[], at("11:10:00")));
    let halts = seen.unwrap().halts;
    assert_eq!(halts.len(), 1, "{halts:?}");
}

#[test]
fn the_drawdown_breaker_demotes_and_paper_has_nothing_below_it() {
    for from in [StageId::Three, StageId::Paper] {
        let mut stage = Stage::new(falling());
        stage.rulebook.stages.stages[3].capital_gbp = None;
        let rules = &mut stage.rulebook.breakers.drawdown;
        (rules.alert_percent, rules.half_until_percent) = (dec!(0.1), dec!(0.2));
        (rules.half_percent, rules.reducing_percent) = (dec!(0.3), dec!(0.4));
        rules.flatten_percent = dec!(90);
        at_stage(&stage, from, at("09:00:00"));
        stage.live(at("10:29:00"), |scene| async move {
            scene.job("friday-0dte-entry", "10:30:00").await;
            scene.until("13:00:00").await;
            assert_eq!(scene.desk.level(), Level::Reducing);
        });
        let found = row(&stage);
        let wanted = from.previous().unwrap_or(StageId::Paper);
        assert_eq!(found.stage, wanted, "from {from}: {}", found.reason);
    }
}

#[test]
fn buying_power_above_the_stages_cap_demotes_unless_another_stage_opened_it() {
    for opened_before in [false, true] {
        let mut stage = Stage::new(quiet());
        stage.rulebook.stages.stages[3].capital_gbp = None;
        at_stage(&stage, StageId::Three, at("09:00:00"));
        stage.live(at("10:29:00"), |scene| async move {
            scene.job("friday-0dte-entry", "10:30:00").await;
            scene.until("10:35:00").await;
            assert_eq!(scene.desk.open_count(), 1);
        });
        if opened_before {
            write(&stage, |tx| stage::demote(tx, None, "a look back", "operator", at("10:36:00")))
                .unwrap();
        }
        // The figures became stricter while the daemon was away.
        for rules in &mut stage.rulebook.stages.stages[2..=3] {
            (rules.capital_gbp, rules.cap_percent) = (None, Some(dec!(0.1)));
        }
        stage.live(at("10:40:00"), |scene| async move { scene.until("10:45:00").await });
        let found = row(&stage);
        let came = if opened_before { Came::Demoted } else { Came::Breached };
        assert_eq!((found.stage, found.came), (StageId::Two, came), "{}", found.reason);
        if !opened_before {
            assert!(found.reason.contains("> 0.1 %, the cap of stage 3"), "{}", found.reason);
        }
    }
}

#[test]
fn the_phase_is_kept_from_the_first_look_on_and_journalled_when_it_changes() {
    let stage = Stage::new(quiet());
    stage.live(at("09:00:00"), |scene| async move {
        scene.job("pre-market-check", "09:00:30").await;
        scene.desk.account_snapshot(at("10:30:00")).await.unwrap();
        scene.desk.account_snapshot(at("10:30:00")).await.unwrap();
    });
    let kept = stage.store.read(|tx| tx.get(&PHASE, PHASE_KEY)).unwrap().unwrap();
    assert_eq!(kept.phase, Some(1));
    let entries = stage.store.journal(..).unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.kind == "phase").count(), 1);
}
