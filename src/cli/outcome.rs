//! A replay's outcome as a person reads it.

use crate::{
    account::PositionId,
    calendar::NEW_YORK,
    clock::Timestamp,
    desk::describe,
    market::recorded::LoadSummary,
    money::Gbp,
    report::{
        daily::prices_note,
        held::DayBook,
        page::table_text,
        parts::{clock, counted, credit_usd, signed},
    },
    risk::decision::DecisionOutcome,
    sim::{
        operator::Resume,
        outcome::{DecisionLine, LatchLine, Outcome, RefusalLine, Trade},
    },
};

/// What a reader must not overlook of such a run.
pub const LIMITS_OFF: &str = "Limits 6 to 11 of the gate were off: groups, expirations, loss of a trade, \
     buying power, stress and concentration. No daemon can run like this";
/// Up to so many sessions each decision and trade is told; beyond, what they came to.
const SHORT: usize = 60;
/// Changes of the latch told of a long range: the last.
const CHANGES_SHOWN: usize = 20;

/// The whole text.
pub fn text(found: &Outcome, files: Option<&LoadSummary>) -> String {
    let mut parts = vec![head(found)];
    if found.limits_off {
        parts.push(format!("WARNING\n  {LIMITS_OFF}.\n"));
    }
    parts.extend(files.map(data));
    if found.sessions <= SHORT {
        parts.push(fridays(found));
        parts.push(trades(&found.trades));
        parts.push(refusals(&found.refusals));
    } else {
        parts.push(super::history::text(&found.history, found.sessions));
    }
    parts.extend(found.day_by_day.as_ref().map(|days| day_by_day(found, days)));
    parts.push(breakers(found));
    parts.push(account(found));
    parts.push(foot(found));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn head(found: &Outcome) -> String {
    let Outcome { from, to, sessions, prices, .. } = found;
    format!("Replay {from} to {to}, {sessions} sessions\n{}\n", prices_note(*prices))
}

fn data(files: &LoadSummary) -> String {
    let said = files.corrections.iter().chain(&files.notes).chain(&files.warnings);
    let lines: Vec<String> = said.map(|line| format!("  {line}\n")).collect();
    if lines.is_empty() { String::new() } else { format!("DATA\n{}", lines.concat()) }
}

/// Each decision: what failed, or what was found.
fn fridays(found: &Outcome) -> String {
    let lines: Vec<String> = found.decisions.iter().map(|line| decision(found, line)).collect();
    let lines =
        if lines.is_empty() { "  No entry job was due.\n".to_owned() } else { lines.concat() };
    format!("DECISIONS (every filter: --json)\n{lines}")
}

fn decision(found: &Outcome, line: &DecisionLine) -> String {
    let passed = line.filters.iter().filter(|filter| filter.passed).count();
    let all = line.filters.len();
    let outcome = line.outcome.name().replace('_', " ");
    let mut lines = vec![format!(
        "  {} {}: {outcome}; {passed} of {all} filters passed",
        clock(line.at),
        line.strategy
    )];
    if line.outcome == DecisionOutcome::Missed {
        lines.push("    the order ended without a fill".to_owned());
    }
    if line.outcome == DecisionOutcome::Entered {
        lines.push(format!("    {}", opened(found, line)));
    }
    for filter in line.filters.iter().filter(|filter| !filter.passed) {
        lines.push(format!("    {}: {}, needs {}", filter.name, filter.value, filter.bound));
    }
    let own = |refusal: &&RefusalLine| refusal.at == line.at && refusal.strategy == line.strategy;
    for refusal in found.refusals.iter().filter(own) {
        lines.push(format!("    {}", refusal.text));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What a decision opened, closed since or still open.
fn opened(found: &Outcome, line: &DecisionLine) -> String {
    let id = line.intent.as_ref().map(|intent| PositionId(intent.0.clone()));
    let closed = found.rows.trades.iter().find(|trade| Some(&trade.position) == id.as_ref());
    if let Some(trade) = closed {
        return format!("{} for {}", trade.what, trade.credit_usd);
    }
    match found.rows.open.iter().find(|position| Some(&position.id) == id.as_ref()) {
        Some(open) => format!("{} for {}", describe::position(open), credit_usd(open)),
        None => "the order was not filled at its price".to_owned(),
    }
}

/// What was held a minute before each close and what it had brought by then.
fn day_by_day(found: &Outcome, days: &[DayBook]) -> String {
    let mut before = found.starting_net_liquidation_usd;
    let mut lines = Vec::new();
    for day in &found.rows.days {
        let change = before.map_or_else(String::new, |b| signed(day.net_liquidation_usd - b));
        before = Some(day.net_liquidation_usd);
        let book = days.iter().find(|book| book.date == day.date);
        let vix =
            book.and_then(|book| book.vix).map_or_else(String::new, |v| format!(", VIX {v:.2}"));
        lines.push(format!("  {}: {} ({change}){vix}\n", day.date, day.net_liquidation_usd));
        for held in book.into_iter().flat_map(|book| &book.positions) {
            let pnl = held.pnl_usd.map_or_else(|| "no quote".to_owned(), signed);
            lines.push(format!("    {}: {} at mid\n", held.position, pnl));
        }
    }
    format!("DAY BY DAY (at the close; positions a minute before it)\n{}", lines.concat())
}

fn trades(trades: &[Trade]) -> String {
    if trades.is_empty() {
        return "TRADES\n  None.\n".to_owned();
    }
    let head = ["Trade", "Opened", "Closed", "Exit", "Credit", "P&L $", "P&L £"];
    let row = |trade: &Trade| {
        vec![
            trade.what.clone(),
            clock(trade.opened_at),
            clock(trade.closed_at),
            trade.exit_reason.words().to_owned(),
            trade.credit_usd.to_string(),
            trade.pnl_usd.to_string(),
            trade.pnl_gbp.map_or_else(|| "no rate".to_owned(), |gbp| gbp.to_string()),
        ]
    };
    let rows: Vec<_> = trades.iter().map(row).collect();
    format!("TRADES\n{}", table_text(&head.map(str::to_owned), &rows))
}

/// Refusals by limit; each stands with its decision above.
fn refusals(refusals: &[RefusalLine]) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for refusal in refusals {
        *counts.entry(refusal.limit.as_str()).or_insert(0_usize) += 1;
    }
    if counts.is_empty() {
        return "REFUSALS BY THE GATE\n  None.\n".to_owned();
    }
    let lines: Vec<String> =
        counts.iter().map(|(limit, count)| format!("  {limit}: {count}\n")).collect();
    format!("REFUSALS BY THE GATE\n{}", lines.concat())
}

fn breakers(found: &Outcome) -> String {
    if found.latch.is_empty() {
        return "BREAKERS\n  None acted.\n".to_owned();
    }
    let from =
        if found.sessions <= SHORT { 0 } else { found.latch.len().saturating_sub(CHANGES_SHOWN) };
    let before = (from > 0).then(|| format!("  {from} changes before; all: --report\n"));
    let lines: Vec<String> = latch_lines(&found.latch[from..], found.sessions <= SHORT);
    let lines = before.into_iter().chain(lines.into_iter().map(|line| format!("  {line}\n")));
    format!("BREAKERS\n{}{}", lines.collect::<String>(), operator(found))
}

/// `Fri 2 Aug 10:55 REDUCING: why`; over a long range with the year.
pub fn latch_lines(lines: &[LatchLine], short: bool) -> Vec<String> {
    let at = |at| if short { clock(at) } else { dated(at) };
    lines.iter().map(|line| format!("{} {}: {}", at(line.at), line.level, line.cause)).collect()
}

/// `2024-08-02 10:55`, New York.
fn dated(at: Timestamp) -> String {
    at.with_timezone(&NEW_YORK).format("%Y-%m-%d %H:%M").to_string()
}

/// What the operator did, where live a person would have; nothing where there was no need.
fn operator(found: &Outcome) -> String {
    let (refused, resumed): (Vec<&Resume>, Vec<&Resume>) =
        found.operator.iter().partition(|resume| resume.refused.is_some());
    if found.operator.is_empty() {
        return String::new();
    }
    let mut lines = vec![format!(
        "  The operator of the replay resumed {}{}:\n",
        counted(resumed.len(), "time"),
        match refused.len() {
            0 => String::new(),
            more => format!(", and was refused {}", counted(more, "time")),
        }
    )];
    let from = resumed.len().saturating_sub(CHANGES_SHOWN);
    let line =
        |resume: &&Resume| format!("    {}: {}\n", dated(resume.at), resume.causes.join("; "));
    lines.extend(resumed[from..].iter().map(line));
    lines.concat()
}

fn account(found: &Outcome) -> String {
    let lines: Vec<String> =
        facts(found).iter().map(|(name, value)| format!("  {name:<17}{value}\n")).collect();
    format!("ACCOUNT\n{}", lines.concat())
}

/// The account in names and values.
pub fn facts(found: &Outcome) -> Vec<(&'static str, String)> {
    let mut facts: Vec<(&str, String)> = Vec::new();
    let money = |gbp: Option<Gbp>, usd: Option<crate::money::Usd>| match (gbp, usd) {
        (Some(gbp), Some(usd)) => format!("{gbp} ({usd})"),
        (None, Some(usd)) => usd.to_string(),
        _ => "not known".to_owned(),
    };
    facts.push((
        "Before",
        money(found.starting_net_liquidation_gbp, found.starting_net_liquidation_usd),
    ));
    facts.push(("After", money(found.net_liquidation_gbp, found.net_liquidation_usd)));
    facts.push((
        "Trades",
        format!("{} ({}) after {} of fees", signed(found.pnl_gbp), found.pnl_usd, found.fees_usd),
    ));
    let moved =
        |gbp| ("The pound's move", format!("{} on an account held in dollars", signed(gbp)));
    facts.extend(pound(found).map(moved));
    let rate = |rate: f64| format!("{rate:.1} % of {}", counted(found.trades.len(), "trade"));
    facts.push((
        "Win rate",
        found.win_rate_percent.map_or_else(|| "no trade has won or lost".to_owned(), rate),
    ));
    facts.push((
        "Largest drawdown",
        format!("{:.2} %, at closes, in dollars", found.max_drawdown_percent),
    ));
    facts.extend(found.buying_power.map(|peak| {
        let cap =
            peak.cap_percent.map_or_else(|| "not known".to_owned(), |cap| format!("{cap:.1} %"));
        ("Buying power", format!("at most {:.1} % on {}, cap {cap}", peak.used_percent, peak.date))
    }));
    if found.open_positions > 0 {
        facts.push(("Still open", found.open_positions.to_string()));
    }
    facts
}

/// What the account gained or lost in pounds by the rate alone.
fn pound(found: &Outcome) -> Option<Gbp> {
    let (before, after) = (found.starting_net_liquidation_gbp?, found.net_liquidation_gbp?);
    let by_rate = Gbp(after.0 - before.0 - found.pnl_gbp.0);
    (found.open_positions == 0 && !by_rate.0.is_zero()).then_some(by_rate)
}

fn foot(found: &Outcome) -> String {
    let jobs = &found.jobs;
    let mut lines = vec![format!(
        "Slots: {} done, {} skipped, {} failed, {} missed.",
        jobs.done, jobs.skipped, jobs.failed, jobs.missed
    )];
    lines.extend(jobs.exceptions.iter().map(|line| format!("  {line}")));
    let seconds = std::time::Duration::from_millis(found.elapsed_ms).as_secs_f64();
    lines.push(format!("{:.1} sessions a second, {seconds:.1} s.", found.sessions_per_second));
    lines.push(format!("Digest {}", found.digest));
    lines.push(String::new());
    lines.join("\n")
}
