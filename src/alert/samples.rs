//! One notice of each kind: what `tomking alerts test` sends, and what docs/ALERTS.md is held to.

use chrono::TimeDelta;
use rust_decimal::dec;

use crate::{
    account::{ExitReason, IntentId, PositionId, StrategyId},
    calendar::new_york_date,
    clock::Timestamp,
    money::{Gbp, Usd},
    notice::Notice,
};

/// One of each kind, in the order of the enum, as if they were raised at `now`.
pub fn samples(now: Timestamp) -> Vec<Notice> {
    let date = new_york_date(now).format("%Y%m%d");
    let position = PositionId(format!("zdte-{date}-1"));
    let what = || "1 × ES iron condor 5290/5340/5460/5510".to_owned();
    let mut all = of_the_house(now);
    all.extend(of_orders(&position, what()));
    all.extend(of_positions(&position, what()));
    all.extend(of_the_account(now));
    all
}

fn of_the_house(now: Timestamp) -> Vec<Notice> {
    let (job, slot) = ("friday-0dte-entry".to_owned(), now - TimeDelta::minutes(5));
    vec![
        Notice::Started { version: env!("CARGO_PKG_VERSION").to_owned() },
        Notice::Stopping,
        Notice::JobFailed { job: job.clone(), slot, reason: "the feed gave no quote".to_owned() },
        Notice::JobMissed { job: job.clone(), slot, reason: "the machine was off".to_owned() },
        Notice::JobLate { job, slot, late_ms: 2_400 },
    ]
}

fn of_orders(position: &PositionId, what: String) -> Vec<Notice> {
    let intent = || IntentId(position.0.clone());
    let exit = || IntentId(format!("{position}-x1"));
    vec![
        Notice::Decided {
            strategy: StrategyId::Friday0dte,
            summary: "no trade: the move since the open is 0.4 %, under 0.5 %".to_owned(),
        },
        Notice::Opened {
            position: position.clone(),
            what: what.clone(),
            credit_usd: Usd(dec!(375.00)),
        },
        Notice::Closed {
            position: position.clone(),
            what,
            reason: ExitReason::ProfitTarget,
            pnl_usd: Usd(dec!(187.46)),
            pnl_gbp: Gbp(dec!(146.80)),
        },
        Notice::EntryMissed { intent: intent(), reason: "missed: price".to_owned() },
        Notice::Rejected { intent: intent(), reason: "margin check failed".to_owned() },
        Notice::OrderUnknown { intent: intent() },
        Notice::LegsUneven {
            intent: intent(),
            held: "-1 ES 5340 P".to_owned(),
            naked: true,
            done: "the laggards are sent from mid to natural".to_owned(),
        },
        Notice::CancelUnconfirmed { intent: exit(), order: "338412".to_owned(), seconds: 65 },
    ]
}

fn of_positions(position: &PositionId, what: String) -> Vec<Notice> {
    let position = || position.clone();
    let words = str::to_owned;
    vec![
        Notice::NotFlat { position: position(), what },
        Notice::NoMark { position: position(), seconds: 130 },
        Notice::Prepare {
            position: position(),
            what: words("the short put's delta is 0.27; at 0.30 it is closed"),
        },
        Notice::Delivered {
            position: position(),
            what: words("1 ES future came for a put; it is closed at once"),
        },
        Notice::AssignmentRisk {
            position: position(),
            what: words("the short put 5340 is pinned, 3 points from the index"),
        },
        Notice::HeldBack {
            position: position(),
            what: words("1 SPY put is now under the root SPY1"),
        },
    ]
}

fn of_the_account(now: Timestamp) -> Vec<Notice> {
    let words = str::to_owned;
    let since = now - TimeDelta::minutes(5);
    vec![
        Notice::Latch { level: words("HALTED"), cause: words("asked for in the shell") },
        Notice::Breaker {
            breaker: words("daily_loss"),
            text: words("the day's loss of 3.1 % is over 3.0 %; entries stop until tomorrow"),
            critical: true,
        },
        Notice::Stage { text: words("promoted from paper to stage 1"), breach: false },
        Notice::Phase { text: words("2 from 1: net liquidation £40,012.00") },
        Notice::Difference { what: words("d7: ES future: the broker holds +1, the ledger +0") },
        Notice::Report {
            period: words("daily"),
            date: new_york_date(now),
            headline: words("£35,146.80, up £146.80 (0.42 %)"),
        },
        Notice::Limit { limit: words("buying power"), value: dec!(43.10), bound: dec!(40) },
        Notice::Hung { what: words("the positions"), seconds: 125 },
        Notice::HeartbeatFailed { since, reason: words("no answer within 10 s") },
        Notice::HeartbeatBack { since },
        Notice::EarDeaf { ear: words("telegram"), since, reason: words("no answer") },
        Notice::EarBack { ear: words("telegram"), since },
        Notice::MailCommands {
            about: words("owner@example.org"),
            text: words("too many wrong codes; nothing is heard until 2026-10-16 20:30 UTC"),
        },
        Notice::NotDelivered {
            line: words("telegram/-1001234567890"),
            what: words("The daily report of 2026-10-16: £35,146.80"),
            attempts: 1,
            reason: words("Telegram refuses (403): Forbidden: bot was kicked from the group"),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::render,
        config::voice::{KINDS, Severity},
        notice::OutboxRow,
    };

    #[test]
    fn there_is_one_of_each_kind_in_the_order_of_the_enum() {
        let all = samples("2024-08-02T15:00:00Z".parse().unwrap());
        assert_eq!(all.iter().map(Notice::kind).collect::<Vec<_>>(), KINDS);
    }

    #[test]
    fn the_page_lists_every_kind_with_its_severity() {
        const PAGE: &str = include_str!("../../docs/ALERTS.md");
        let at = "2024-08-02T15:00:00Z".parse().unwrap();
        let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
        let mut listed = Vec::new();
        for (row, notice) in rows.zip(samples(at)) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let [kind, severity, means, act] = cells[..] else { panic!("{row}") };
            assert!(!means.is_empty() && !act.is_empty(), "{row}");
            let alert = render(1, &OutboxRow { at, notice });
            let wanted = match alert.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Critical => "CRITICAL",
            };
            assert!(severity.split(" or ").any(|word| word == wanted), "{row}");
            listed.push(kind.trim_matches('`').to_owned());
        }
        assert_eq!(listed, KINDS);
        let rows = PAGE.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, KINDS.len(), "a row of a kind that is none");
    }
}
