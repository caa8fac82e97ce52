//! Whole Fridays.

use rust_decimal::{Decimal, dec};

use super::world::{Script, Stage, at, falling, quiet, without_decay};
use crate::{
    account::{ExitReason, Position},
    desk::{dayend, read},
    money::Usd,
    notice::Notice,
    store::Read as _,
};

/// A Friday from before the open to after the close.
fn friday(stage: &Stage) -> Position {
    let venue = stage.live(at("09:00:00"), |scene| async move {
        let summary = scene.job("friday-0dte-entry", "10:30:00").await;
        assert!(summary.ends_with(" (zdte-20240802-1)"), "{summary}");
        scene.job("0dte-flat", "14:50:00").await;
        scene.job("end-of-day-reconciliation", "16:15:00").await;
        assert!(scene.desk.is_reconciled());
        scene.assert_books_agree().await;
        scene.venue_total().await
    });
    let positions = stage.positions();
    assert_eq!(positions.len(), 1, "{positions:?}");
    let position = positions[0].clone();
    assert_eq!(position.pnl_usd(), venue, "the ledger's result is the venue's to the cent");
    position
}

#[test]
fn a_friday_ends_flat_and_its_result_is_the_venues_to_the_cent() {
    type Plausible = fn(Usd) -> bool;
    let cases: [(Script, ExitReason, Plausible); 3] = [
        (quiet(), ExitReason::ProfitTarget, |pnl| pnl.0 > dec!(100)),
        (falling(), ExitReason::Stop, |pnl| pnl.0 < dec!(-100)),
        (without_decay(), ExitReason::TimeExit, |pnl| pnl.0.abs() < dec!(150)),
    ];
    for (script, reason, plausible) in cases {
        let stage = Stage::new(script);
        let position = friday(&stage);
        assert_eq!(position.exit_reason, Some(reason));
        assert!(plausible(position.pnl_usd()), "{reason:?} {}", position.pnl_usd());
        assert!(position.legs.iter().all(|leg| leg.quantity == 0));
        assert_eq!(position.closing_rate.unwrap().usd_per_gbp, dec!(1.28));
        assert!(position.credit > Decimal::ONE, "{}", position.credit);
        let closed = position.closed_at.unwrap();
        let bound = if reason == ExitReason::TimeExit { "15:01:00" } else { "14:50:00" };
        assert!(closed < at(bound), "{reason:?} at {closed}");
        let told: Vec<&str> = stage
            .notices()
            .iter()
            .map(|notice| match notice {
                Notice::Limit { .. } => "limit",
                Notice::Decided { .. } => "decided",
                Notice::Opened { .. } => "opened",
                Notice::Closed { .. } => "closed",
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, ["limit", "decided", "opened", "closed"]);
    }
}

#[test]
fn an_entry_a_release_refuses_is_tried_again_at_10_35() {
    // The rulebook's own bound is 10:30, at which the first try passes; moved to 10:32 it does not.
    for (not_before, entered_at) in [((10, 30), at("10:30:00")), ((10, 32), at("10:35:00"))] {
        let mut stage = Stage::new(quiet());
        stage.cpi_today = true;
        let (hour, minute) = not_before;
        let bound = chrono::NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        stage.rulebook.limits.release_days_not_before = bound;
        stage.live(at("10:29:00"), |scene| async move {
            let summary = scene.job("friday-0dte-entry", "10:30:00").await;
            assert!(summary.ends_with(" (zdte-20240802-1)"), "{summary}");
        });
        let date = at("10:30:00").date_naive();
        let decisions = stage.store.read(|tx| read::decisions(tx, date, date)).unwrap();
        assert_eq!(decisions.last().unwrap().at, entered_at);
        assert_eq!(decisions.len(), if entered_at == at("10:30:00") { 1 } else { 2 });
    }
}

#[test]
fn a_release_day_that_is_skipped_is_not_tried_again() {
    let mut stage = Stage::new(quiet());
    stage.cpi_today = true;
    stage.rulebook.friday_0dte.skip_cpi = true;
    stage.live(at("10:29:00"), |scene| async move {
        let summary = scene.job("friday-0dte-entry", "10:30:00").await;
        assert!(summary.starts_with("no trade: cpi is today 08:30:00"), "{summary}");
    });
    let date = at("10:30:00").date_naive();
    let decisions = stage.store.read(|tx| read::decisions(tx, date, date)).unwrap();
    assert_eq!(decisions.iter().map(|d| d.at).collect::<Vec<_>>(), [at("10:30:00")]);
}

#[test]
fn the_equity_curve_has_one_row_a_session_and_points_only_while_something_is_held() {
    let stage = Stage::new(quiet());
    stage.live(at("09:00:00"), |scene| async move {
        scene.job("risk-snapshot", "09:35:00").await;
        assert_eq!(scene.job("risk-snapshot", "09:40:00").await, "nothing open, nothing changed");
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.job("risk-snapshot", "10:35:00").await;
        scene.job("end-of-day-reconciliation", "16:15:00").await;
        let again = scene.job("end-of-day-reconciliation", "16:20:00").await;
        assert_eq!(again, "2024-08-02 was reconciled before");
    });
    let date = at("10:30:00").date_naive();
    let (rows, points) = stage
        .store
        .read(|tx| Ok((read::equity(tx, date, date)?, read::equity_points(tx, date)?)))
        .unwrap();
    assert_eq!(points.len(), 2);
    let (row, position) = (&rows[0], &stage.positions()[0]);
    assert_eq!(rows.len(), 1);
    assert_eq!(row.realised_usd, position.pnl_usd());
    assert_eq!(row.fees_usd, position.fees_usd);
    assert_eq!((row.trades, row.phase, row.open_pnl_usd), (1, Some(1), Usd::ZERO));
    assert_eq!(row.cap_percent, Some(dec!(50)));
    // One ES condor 30 wide takes its width less its credit.
    assert_eq!(row.peak_used_percent, points[1].used_percent);
    assert!(row.peak_used_percent.unwrap() > dec!(2), "{row:?}");
    assert_eq!(row.net_liquidation_usd, Usd(dec!(44800)) + position.pnl_usd());
}

#[test]
fn the_end_of_a_day_keeps_its_book_what_lies_ahead_and_how_the_broker_answered() {
    let stage = Stage::new(quiet());
    let held = stage.live(at("09:00:00"), |scene| async move {
        scene.job("friday-0dte-entry", "10:30:00").await;
        scene.job("risk-snapshot", "10:35:00").await;
        let held = scene.desk.whole_book().await.unwrap();
        scene.job("risk-snapshot", "16:00:00").await;
        scene.job("end-of-day-reconciliation", "16:15:00").await;
        held
    });
    let date = at("10:30:00").date_naive();
    // While the condor is open it earns with time and loses with volatility.
    let open = dayend::DayEnd::of(&held, date);
    let [line] = open.positions.as_slice() else { panic!("{:?}", open.positions) };
    let greeks = line.greeks.unwrap();
    assert!(greeks.theta_day_usd > 0.0 && greeks.vega_point_usd < 0.0, "{greeks:?}");
    assert_eq!(open.greeks, line.greeks);
    assert!(line.pnl_usd.is_some() && open.position(&line.position) == Some(line));
    assert!(open.stress.is_some());
    assert!(open.groups.iter().any(|group| group.positions == 1));

    let kept = stage.store.read(|tx| {
        let health = tx.get(&dayend::DAY_HEALTH, &date.to_string())?;
        Ok((dayend::of_day(tx, date)?, dayend::ahead_of(tx, date)?, health))
    });
    let (end, ahead, health) = kept.unwrap();
    let end = end.unwrap();
    assert_eq!((end.date, end.positions.len(), end.stress), (date, 0, None));
    let ahead = ahead.unwrap();
    assert!(ahead.events.iter().all(|event| event.at > at("23:59:59")), "{ahead:?}");
    let health = health.unwrap();
    assert_eq!((health.since, health.starts), (at("09:00:00"), 1));
    assert!(health.calls > 10 && health.failed == 0, "{health:?}");
}

#[test]
fn a_long_nobody_bids_for_is_left_behind_so_that_the_shorts_can_be_closed() {
    // At half past two the wings are worth nothing and have no bid.
    let mut script = quiet();
    script.least_bid = Decimal::ZERO;
    let mut stage = Stage::new(script);
    stage.rulebook.friday_0dte.profit_target_percent = dec!(95);
    let position = friday(&stage);
    assert_eq!(position.exit_reason, Some(ExitReason::Evaluation));
    let closed = position.closed_at.unwrap();
    assert!(at("14:30:00") < closed && closed < at("14:31:00"), "{closed}");
}
