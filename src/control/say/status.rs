//! The status as a page.

use super::positions::paused;
use crate::{
    account::hold::{Hold, Level},
    control::status::{AccountLine, ChannelLine, OrderLine, PositionLine, Status},
    report::{
        page::{Body, Page, Section},
        parts::clock,
    },
    risk::breaker::until_words,
    schedule::views::NextSlot,
};

/// Latch and holds first, then the account, what is open, what comes.
pub fn page(status: &Status) -> Page {
    let mut sections = Vec::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            sections.push(Section { title: title.to_owned(), body: Body::Lines(lines) });
        }
    };
    section("Holds", holds(status));
    section("Paused", paused(&status.paused));
    section("Account", account(status.account.as_ref()));
    section("Positions", listed(&status.positions, position, "None open."));
    section("Orders", listed(&status.open_orders, order, "None working."));
    section("Next", status.next_slots.iter().map(next).collect());
    section("Channels", status.channels.iter().map(channel).collect());
    let journal = &status.journal;
    Page {
        title: title(status),
        headline: headline(status),
        sections,
        notes: vec![
            format!("Data: {}", status.data_dir.display()),
            format!("Journal: entry {}, {}", journal.sequence, journal.hash),
        ],
    }
}

fn title(status: &Status) -> String {
    match &status.daemon {
        Some(daemon) => format!(
            "tomking {}, running as process {} since {} ET, for {}",
            status.version,
            daemon.pid,
            clock(daemon.since),
            lasting(daemon.uptime_seconds)
        ),
        None if status.journal.sequence == 0 => {
            format!(
                "tomking {}, not running; no store here yet: `tomking run` makes it",
                status.version
            )
        }
        None => format!("tomking {}, not running; as the store was left", status.version),
    }
}

fn headline(status: &Status) -> String {
    let means = match status.latch {
        Level::Active => "everything the rulebook allows",
        Level::Reducing => "no entries; exits and defence go on",
        Level::Flattening => "cancels and closes everything, then halts",
        Level::Halted => "only cancels leave",
    };
    let reconciled = match status.reconciled {
        Some(true) => ". Ledger and broker agree",
        Some(false) => ". Ledger and broker are not reconciled: no entries",
        None => "",
    };
    format!("{}: {means}{reconciled}", status.latch.name())
}

fn holds(status: &Status) -> Vec<String> {
    let line = |hold: &Hold| {
        let until = match hold.until {
            None => "until `tomking resume`".to_owned(),
            Some(_) => until_words(hold, |at| format!("{} ET", clock(at))),
        };
        format!("{} since {} ET, {until}: {}", hold.level.name(), clock(hold.since), hold.cause)
    };
    status.holds.iter().map(line).collect()
}

fn account(account: Option<&AccountLine>) -> Vec<String> {
    let Some(account) = account else {
        return vec!["Not known before the first session's end.".to_owned()];
    };
    let pounds = account.net_liquidation_gbp.map(|gbp| format!("{gbp}, ")).unwrap_or_default();
    let when = match (account.at, account.date) {
        (Some(at), _) => format!("{} ET", clock(at)),
        (None, Some(date)) => format!("the close of {date}"),
        (None, None) => "an unknown moment".to_owned(),
    };
    vec![
        format!("Net liquidation {pounds}{} at {when}", account.net_liquidation_usd),
        format!("Drawdown {:.2} % from the highest close, in dollars", account.drawdown_percent),
        buying_power(account),
    ]
}

fn buying_power(account: &AccountLine) -> String {
    let used = account.used_percent.map(|used| format!(" ({used:.1} %)")).unwrap_or_default();
    let cap = account.cap_percent.map(|cap| format!(", cap {cap:.1} %")).unwrap_or_default();
    format!("Buying power in use {}{used}{cap}", account.requirement_usd)
}

/// `2 d 3 h`, `3 h 12 min` or `12 min`.
fn lasting(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn listed<T>(items: &[T], line: fn(&T) -> String, none: &str) -> Vec<String> {
    if items.is_empty() { vec![none.to_owned()] } else { items.iter().map(line).collect() }
}

fn position(line: &PositionLine) -> String {
    format!(
        "{} for {}, opened {} ET ({})",
        line.what,
        line.credit_usd,
        clock(line.opened_at),
        line.id
    )
}

fn order(line: &OrderLine) -> String {
    let limit = line.limit_points.map(|limit| format!(" at {limit}")).unwrap_or_default();
    format!("{}: {}{limit} ({})", line.state.name(), line.what, line.intent)
}

fn next(slot: &NextSlot) -> String {
    let paused = if slot.paused { ", paused" } else { "" };
    format!("{} ET  {}{paused}", clock(slot.at), slot.job)
}

fn channel(line: &ChannelLine) -> String {
    let error = line.last_error.as_ref().map(|error| format!("; {error}")).unwrap_or_default();
    format!("{}: {} waiting, {} given up{error}", line.name, line.waiting, line.dead)
}
