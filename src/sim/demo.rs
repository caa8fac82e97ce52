//! The demo: a Thursday evening to a Saturday, told as it happens.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use super::replay::Stage;
use crate::{
    calendar::{NEW_YORK, new_york},
    clock::Timestamp,
    desk::describe,
    money::Usd,
    report::{Period, REPORTS, parts::signed, report_key},
    store::Read as _,
};

/// The demo begins on this day: with the default seed the strategy trades on the next.
pub const THURSDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 15).expect("a date");
/// The day it is about.
pub const FRIDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 16).expect("a date");
/// The day it ends on.
pub const SATURDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 17).expect("a date");
/// While a position is open, it is told so often how it stands.
const LOOK: TimeDelta = TimeDelta::minutes(20);

/// The instant it begins, before the day's last job.
pub fn starts() -> Timestamp {
    new_york(THURSDAY, time(17, 55))
}

/// Takes what is told, a line or several at a time.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// A stretch of the demo, with what a newcomer wants to know before it.
struct Chapter {
    at: Timestamp,
    title: &'static str,
    text: &'static str,
}

fn time(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).expect("a time of day")
}

fn chapters() -> [Chapter; 8] {
    let chapter = |date, (hour, minute), title, text| Chapter {
        at: new_york(date, time(hour, minute)),
        title,
        text,
    };
    [
        chapter(
            THURSDAY,
            (17, 55),
            "The evening before",
            "The daemon has compared its ledger with the paper broker and waits for its next slot.\n\
             A slot is a job at an instant of the exchange calendar; each ends exactly once.",
        ),
        chapter(
            FRIDAY,
            (7, 55),
            "Before the open",
            "08:00 settles what expired. 09:00 checks calendar, data, account and events,\n\
             09:31 the open market: what fails here is told before it can cost anything.",
        ),
        chapter(
            FRIDAY,
            (10, 25),
            "10:30, the decision",
            "Pure rules look at one snapshot: every filter is kept with its value and its limit.\n\
             The candidate must pass the risk gate. Then the order is worked from the middle of\n\
             the market towards the price the market asks.",
        ),
        chapter(
            FRIDAY,
            (10, 40),
            "Holding",
            "Every ten seconds the position is looked at: half the credit is the profit target,\n\
             twice the credit, or once where that is much, the stop.",
        ),
        chapter(
            FRIDAY,
            (14, 25),
            "14:30 and 14:50, the way out",
            "What is still open is evaluated, then closed step by step until it is flat; from\n\
             15:30 on an open position would be a critical alert every minute.",
        ),
        chapter(
            FRIDAY,
            (16, 10),
            "After the close",
            "Positions, cash and fees are compared with the broker's, then the day is reported.",
        ),
        chapter(
            FRIDAY,
            (16, 55),
            "The week",
            "After the week's last session it is reviewed; at 18:00 the store is backed up.",
        ),
        chapter(
            SATURDAY,
            (0, 0),
            "Saturday",
            "No session, so nothing is due. The sum of it, as `tomking replay` prints it:",
        ),
    ]
}

/// Tells the chapters at their times, the open position now and then, and the day's report.
pub fn narrate(stage: Stage, say: Say) {
    let rt = stage.rt.clone();
    let (clock, told) = (rt.clone(), Arc::clone(&say));
    rt.spawn(async move {
        for Chapter { at, title, text } in chapters() {
            clock.sleep_until(at).await;
            let day = at.with_timezone(&NEW_YORK).format("%A %H:%M");
            let text = text.replace('\n', "\n   ");
            told(&format!("\n── {day}  {title}\n   {text}\n"));
        }
    });
    rt.spawn(async move { watch(stage, say).await });
}

/// How the position stands, while one is open; then the daily report.
async fn watch(stage: Stage, say: Say) {
    let Stage { rt, store, desk, broker, .. } = stage;
    let Ok(before) = broker.balances().await else { return };
    let mut at = new_york(FRIDAY, time(11, 0));
    while at < new_york(FRIDAY, time(16, 0)) {
        rt.sleep_until(at).await;
        if let (Ok(desk), Ok(now)) = (desk.status(), broker.balances().await)
            && let Some(position) = desk.positions.first()
        {
            let change = Usd(now.net_liquidation_usd.0 - before.net_liquidation_usd.0).rounded();
            say(&format!(
                "   {} open: {}; the account stands at {}, {} on the day",
                at.with_timezone(&NEW_YORK).format("%H:%M"),
                describe::position(position),
                now.net_liquidation_usd.rounded(),
                signed(change),
            ));
        }
        at += LOOK;
    }
    rt.sleep_until(new_york(FRIDAY, time(16, 31))).await;
    let key = report_key(Period::Daily, FRIDAY);
    if let Ok(Some(report)) = store.read(|tx| tx.get(&REPORTS, &key)) {
        let lines = report.text.trim_end().lines();
        let lines: Vec<String> = lines.map(|line| format!("   {line}").trim_end().into()).collect();
        say(&format!("\n{}", lines.join("\n")));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Mutex, PoisonError},
        time::Duration,
    };

    use super::*;
    use crate::{
        account::StrategyId,
        alert::log::LogChannel,
        config::Settings,
        risk::decision::DecisionOutcome,
        schedule::JobSet,
        sim::replay::{self, Plan, Show, Tape},
    };

    #[test]
    fn with_default_settings_the_demo_trades_on_its_friday_and_tells_of_it() {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&lines);
        let say: Say = Arc::new(move |text| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        });
        let show = Show {
            start: starts(),
            pace: Box::new(|_, _| Duration::ZERO),
            channel: Arc::new(LogChannel),
            on_world: Box::new(|_| Ok(())),
            on_stage: Box::new(|stage| narrate(stage, say)),
        };
        let (settings, jobs) = (Settings::load(None).unwrap(), JobSet::embedded().unwrap());
        let jobs = jobs.disabled("heartbeat");
        let plan = Plan {
            show: Some(show),
            ..Plan::new((THURSDAY, SATURDAY), settings, jobs, Tape::Simulated)
        };
        let (found, _) = replay::run(plan).unwrap();
        let mine = |strategy: StrategyId| strategy == StrategyId::Friday0dte;
        let decided: Vec<_> = found.decisions.iter().filter(|d| mine(d.strategy)).collect();
        assert_eq!(decided.len(), 1);
        assert_eq!(decided[0].outcome, DecisionOutcome::Entered);
        assert_eq!(found.trades.len(), 1, "choose another Friday: this one shows nothing");
        assert_eq!((found.open_positions, found.jobs.failed, found.jobs.missed), (0, 0, 0));

        let lines = lines.lock().unwrap();
        let titles: Vec<_> = chapters().iter().map(|chapter| chapter.title).collect();
        let told = lines.iter().filter(|line| line.starts_with("\n── "));
        assert!(told.zip(&titles).all(|(line, title)| line.contains(title)), "{lines:?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("\n── ")).count(), titles.len());
        let held = lines.iter().filter(|line| line.contains(" open: 1 × ")).count();
        assert!((3..16).contains(&held), "the position is shown {held} times");
        assert!(lines.iter().any(|line| line.contains("Net liquidation")), "the day's report");
    }
}
