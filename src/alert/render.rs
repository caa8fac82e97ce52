//! A notice in words. The first line is enough to act on, on a phone at 15:31.

use super::{Alert, dispatch::delivers, subject};
use crate::{
    clock::Timestamp,
    notice::{Notice, OutboxRow, Severity},
};

/// The alert of an outbox row.
pub fn render(id: u64, row: &OutboxRow) -> Alert {
    let (severity, title, text) = words(&row.notice);
    let kind = row.notice.kind().to_owned();
    Alert { id, at: row.at, kind, severity, title, text, key: subject::key(&row.notice) }
}

type Words = (Severity, String, String);

#[allow(clippy::too_many_lines)] // a table: an arm a kind
fn words(notice: &Notice) -> Words {
    use Severity::{Critical, Info, Warning};
    let line = |severity, title: String| (severity, title, String::new());
    match notice {
        Notice::Started { version } => {
            line(Info, format!("tomking {version} is reconciled and runs"))
        }
        Notice::Stopping => line(Info, "tomking stops on request".to_owned()),
        Notice::JobFailed { job, slot, reason } => {
            line(Warning, format!("Job {job} of {} failed: {reason}", clock(slot)))
        }
        Notice::JobMissed { job, slot, reason } => {
            line(Warning, format!("Job {job} of {} was missed: {reason}", clock(slot)))
        }
        Notice::JobLate { job, slot, late_ms } => {
            line(Warning, format!("Job {job} of {} began {late_ms} ms late", clock(slot)))
        }
        Notice::Decided { strategy, summary } => line(Info, format!("{strategy}: {summary}")),
        Notice::Opened { what, credit_usd, .. } => {
            line(Info, format!("Opened {what} for {credit_usd}"))
        }
        Notice::Closed { what, reason, pnl_usd, pnl_gbp, .. } => line(
            Info,
            format!("Closed {what}: {pnl_usd} ({pnl_gbp}) after fees, {}", reason.words()),
        ),
        Notice::EntryMissed { intent, reason } => {
            line(Info, format!("Entry {intent} ended unfilled: {reason}"))
        }
        Notice::Rejected { intent, reason } => {
            line(Warning, format!("Order of {intent} was rejected: {reason}"))
        }
        Notice::OrderUnknown { intent } => {
            line(Warning, format!("The fate of an order of {intent} is not known; looking it up"))
        }
        Notice::LegsUneven { intent, held, naked, done } => {
            let (severity, risk) =
                if *naked { (Critical, ", a short is naked") } else { (Warning, "") };
            let title = format!("The legs of {intent} filled unevenly{risk}: {done}");
            (severity, title, format!("Open: {held}"))
        }
        Notice::CancelUnconfirmed { intent, order, seconds } => (
            Critical,
            format!("The cancel of order {order} of {intent} is not confirmed after {seconds} s"),
            "Cancel it at the broker by hand if this repeats; nothing replaces it before."
                .to_owned(),
        ),
        Notice::NotFlat { position, what } => (
            Critical,
            format!("Position {position} is open past its flat-by time"),
            format!("{what}\nClose it at the broker by hand if this repeats."),
        ),
        Notice::NoMark { position, seconds } => {
            line(Warning, format!("Position {position} has had no usable mark for {seconds} s"))
        }
        Notice::Prepare { position, what } | Notice::Delivered { position, what } => {
            line(Warning, format!("{position}: {what}"))
        }
        Notice::AssignmentRisk { position, what } => {
            line(Warning, format!("{position}: assignment risk, {what}"))
        }
        Notice::HeldBack { position, what } => (
            Critical,
            format!("Position {position} is held back from automatic trading: {what}"),
            "Close it at the broker by hand; limits go on counting it.".to_owned(),
        ),
        Notice::Latch { level, cause } => {
            let severity = if level == "ACTIVE" { Info } else { Warning };
            line(severity, format!("{level}: {cause}"))
        }
        Notice::Breaker { text, critical, .. } => {
            line(if *critical { Critical } else { Warning }, format!("Breaker: {text}"))
        }
        Notice::Stage { text, breach } => {
            line(if *breach { Critical } else { Info }, format!("Stage {text}"))
        }
        Notice::Phase { text } => line(Info, format!("Phase {text}")),
        Notice::Difference { what } => {
            line(Critical, format!("Ledger and broker differ, entries are stopped: {what}"))
        }
        Notice::Report { period, date, headline } => {
            line(Info, format!("The {period} report of {date}: {headline}"))
        }
        Notice::Limit { limit, value, bound } => {
            line(Warning, format!("{limit}: {value}, warned of from {bound} on"))
        }
        Notice::Hung { what, seconds } => (
            Critical,
            format!("The daemon hangs: the loop of {what} gives no sign of life since {seconds} s"),
            stopped(what).to_owned(),
        ),
        Notice::HeartbeatFailed { since, reason } => line(Warning, unpinged(since, reason)),
        Notice::EarDeaf { ear, since, reason } => line(Warning, deaf(ear, since, reason)),
        Notice::EarBack { ear, since } => line(Info, hears(ear, since)),
        Notice::HeartbeatBack { since } => line(Info, pinged(since)),
        Notice::MailCommands { about, text } => line(Warning, by_mail(about, text)),
        Notice::NotDelivered { line, what, attempts, reason } => {
            let (title, text) = given_up(line, what, *attempts, reason);
            (Warning, title, text)
        }
    }
}

/// What follows from a loop that hangs, and what to do.
fn stopped(what: &str) -> &'static str {
    if delivers(what) {
        "Alerts may not come where this loop brings them; stops are watched. Under systemd the daemon \
         is started anew by itself; else restart it."
    } else {
        "Stops are not watched. Under systemd it is started anew by itself; else restart it, and close \
         at the broker by hand what expires today."
    }
}

fn unpinged(since: &Timestamp, reason: &str) -> String {
    format!("The dead-man's switch does not answer since {}: {reason}", clock(since))
}

fn by_mail(about: &str, text: &str) -> String {
    format!("Commands by mail, {about}: {text}")
}

fn given_up(line: &str, what: &str, attempts: u32, reason: &str) -> (String, String) {
    let times = match attempts {
        0 => String::new(),
        1 => " at the first attempt".to_owned(),
        attempts => format!(" after {attempts} attempts"),
    };
    let title = format!("An alert was given up by {line}{times}: {reason}");
    (
        title,
        format!("{what}\n`tomking alerts dead` lists what was given up; only the first is told."),
    )
}

fn pinged(since: &Timestamp) -> String {
    format!("The dead-man's switch answers again; it did not from {} on", clock(since))
}

fn deaf(ear: &str, since: &Timestamp, reason: &str) -> String {
    format!("Commands by {ear} are not heard since {}: {reason}", clock(since))
}

fn hears(ear: &str, since: &Timestamp) -> String {
    format!("Commands by {ear} are heard again; they were not from {} on", clock(since))
}

/// An instant as its New York date and time.
fn clock(at: &Timestamp) -> String {
    at.with_timezone(&crate::calendar::NEW_YORK).format("%a %-d %b %H:%M ET").to_string()
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::{
        account::{ExitReason, PositionId},
        money::{Gbp, Usd},
    };

    #[test]
    fn the_title_of_an_alert_is_one_line_with_its_figures() {
        let closed = Notice::Closed {
            position: PositionId("zdte-20240802-1".to_owned()),
            what: "1 ES iron condor".to_owned(),
            reason: ExitReason::ProfitTarget,
            pnl_usd: Usd(dec!(187.46)),
            pnl_gbp: Gbp(dec!(146.80)),
        };
        let row = OutboxRow { at: "2024-08-02T15:00:00Z".parse().unwrap(), notice: closed };
        let alert = render(7, &row);
        assert_eq!(alert.kind, "closed");
        assert_eq!(
            alert.title,
            "Closed 1 ES iron condor: $187.46 (£146.80) after fees, profit target"
        );
    }

    #[test]
    fn a_slot_is_told_in_new_york_time() {
        let notice = Notice::JobMissed {
            job: "friday-0dte-entry".to_owned(),
            slot: "2024-11-08T15:30:00Z".parse().unwrap(),
            reason: "the machine was off".to_owned(),
        };
        let row = OutboxRow { at: "2024-11-08T16:00:00Z".parse().unwrap(), notice };
        assert_eq!(
            render(1, &row).title,
            "Job friday-0dte-entry of Fri 8 Nov 10:30 ET was missed: the machine was off"
        );
    }
}
