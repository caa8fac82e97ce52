//! Whole Fridays.

use rust_decimal::{Decimal, dec};

use super::world::{Script, Stage, at, falling, quiet, without_decay};
use crate::{
    account::{ExitReason, Position},
    money::Usd,
    notice::Notice,
};

/// A Friday from before the open to after the close.
fn friday(stage: &Stage) -> Position {
    let venue = stage.live(at("09:00:00"), |scene| async move {
        let summary = scene.job("friday-0dte-entry", "10:30:00").await;
        assert_eq!(summary, "entered: zdte-20240802-1");
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
                Notice::Decided { .. } => "decided",
                Notice::Opened { .. } => "opened",
                Notice::Closed { .. } => "closed",
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, ["decided", "opened", "closed"]);
    }
}
