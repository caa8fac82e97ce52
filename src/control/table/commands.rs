//! Every command, in the order help shows them.

use super::{Arg, Command, Fault, Given, Group, Kind, Make, Role, find};
use crate::{account::PositionId, control::Request, report::Period};

const REASON: Arg = Arg { name: "reason", kind: Kind::Text, needed: false };
/// Sessions, log lines and alerts a phone is shown at most.
const MANY: usize = 500;

const fn optional(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, needed: false }
}

const fn needed(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind, needed: true }
}

/// A command that only reads.
const fn look(
    name: &'static str,
    group: Group,
    help: &'static str,
    args: &'static [Arg],
    make: Make,
) -> Command {
    Command { name, group, help, args, who: Role::Viewer, confirm: None, make: Some(make) }
}

/// A command that acts, at once.
const fn act(
    name: &'static str,
    group: Group,
    help: &'static str,
    args: &'static [Arg],
    make: Make,
) -> Command {
    Command { name, group, help, args, who: Role::Owner, confirm: None, make: Some(make) }
}

/// The same, after a question.
const fn asked(command: Command, question: &'static str) -> Command {
    Command { confirm: Some(question), ..command }
}

/// Every command, in the order help shows them.
pub const COMMANDS: &[Command] = &[
    act(
        "halt",
        Group::Stop,
        "Stop at once: only cancels leave until resumed",
        &[REASON],
        |given| Ok(Request::Halt { reason: reason(given) }),
    ),
    act("reduce", Group::Stop, "No entries; exits and defence go on", &[REASON], |given| {
        Ok(Request::Reduce { reason: reason(given) })
    }),
    asked(
        act(
            "flatten",
            Group::Stop,
            "Cancel every order, close every position, then halt",
            &[REASON],
            |given| Ok(Request::Flatten { reason: reason(given) }),
        ),
        "Every order is cancelled and every position is closed at the market's price.",
    ),
    asked(
        act(
            "resume",
            Group::Stop,
            "End manual holds; with a name, let a paused strategy or job go on",
            &[optional("what", Kind::StrategyOrJob)],
            |given| Ok(resume(given)),
        ),
        "Entries may be sent again.",
    ),
    act(
        "pause",
        Group::Stop,
        "Pause a strategy's entries, or a job",
        &[needed("what", Kind::StrategyOrJob)],
        |given| Ok(pause(given)),
    ),
    asked(
        act(
            "close",
            Group::Stop,
            "Close one position by the exit ladder",
            &[needed("position", Kind::Position), REASON],
            |given| Ok(Request::Close { position: position(given), reason: reason(given) }),
        ),
        "The position is closed by the exit ladder.",
    ),
    look("status", Group::Book, "Latch, account, positions, orders, next jobs", &[], |_| {
        Ok(Request::Status)
    }),
    look("positions", Group::Book, "Open positions with marks and days left", &[], |_| {
        Ok(Request::Positions)
    }),
    look("orders", Group::Book, "Orders being worked", &[], |_| Ok(Request::Orders)),
    look(
        "pnl",
        Group::Book,
        "Won and lost by day and strategy, with the equity curve",
        &[optional("sessions", Kind::Count(MANY))],
        |given| Ok(Request::Pnl { sessions: given.count("sessions", MANY)?.unwrap_or(20) }),
    ),
    look("balance", Group::Book, "Net liquidation, cash, buying power", &[], |_| {
        Ok(Request::Balance)
    }),
    look("risk", Group::Book, "Breakers with their figures and bounds", &[], |_| Ok(Request::Risk)),
    look("limits", Group::Book, "Limits of the rulebook with their use", &[], |_| {
        Ok(Request::Limits)
    }),
    look(
        "stress",
        Group::Book,
        "Stress scenarios with their losses",
        &[optional("scenario", Kind::Scenario)],
        |given| Ok(Request::Stress { scenario: given.text("scenario").map(str::to_owned) }),
    ),
    look("greeks", Group::Book, "Delta, gamma, theta, vega of the book", &[], |_| {
        Ok(Request::Greeks)
    }),
    look(
        "payoff",
        Group::Book,
        "What a position brings at its expiration",
        &[needed("position", Kind::Position)],
        |given| Ok(Request::Payoff { position: position(given) }),
    ),
    look("jobs", Group::Work, "Jobs with their state", &[], |_| Ok(Request::JobsList)),
    look("next", Group::Work, "What runs next", &[optional("count", Kind::Count(50))], |given| {
        Ok(Request::JobsNext { count: given.count("count", 50)?.unwrap_or(8) })
    }),
    act("run", Group::Work, "Run a job now", &[needed("job", Kind::Job)], |given| {
        Ok(Request::JobRun { job: text(given, "job") })
    }),
    look(
        "why",
        Group::Work,
        "Why a strategy traded, or did not",
        &[optional("strategy", Kind::Strategy), optional("date", Kind::Date)],
        |given| {
            Ok(Request::Why { date: given.date("date")?, strategy: given.strategy("strategy")? })
        },
    ),
    look("phase", Group::Work, "The account's phase and what it allows", &[], |_| {
        Ok(Request::Phase)
    }),
    look("stage", Group::Work, "The deployment stage and what the next asks for", &[], |_| {
        Ok(Request::Stage)
    }),
    look("plan", Group::Work, "Income and compounding against the plan", &[], |_| {
        Ok(Request::Plan)
    }),
    look(
        "report",
        Group::Work,
        "The newest report of a period",
        &[optional("period", Kind::Period), optional("date", Kind::Date)],
        |given| {
            let period = given.period("period")?.unwrap_or(Period::Daily);
            Ok(Request::Report { period, date: given.date("date")? })
        },
    ),
    look(
        "alerts",
        Group::House,
        "The newest alerts",
        &[optional("count", Kind::Count(MANY))],
        |given| Ok(Request::Alerts { count: given.count("count", MANY)?.unwrap_or(10) }),
    ),
    act(
        "ack",
        Group::House,
        "Acknowledge an alert by its number, or all and the daily report",
        &[optional("alert", Kind::Count(usize::MAX))],
        |given| {
            let id = given.count("alert", usize::MAX)?.and_then(|id| u64::try_from(id).ok());
            Ok(Request::AlertsAck { id })
        },
    ),
    act(
        "mute",
        Group::House,
        "No sound for so many minutes, of one kind or of all; critical always sounds",
        &[needed("minutes", Kind::Count(1440)), optional("kind", Kind::AlertKind)],
        |given| {
            let minutes = given.count("minutes", 1440)?.and_then(|n| u32::try_from(n).ok());
            let kind = given.text("kind").map(str::to_owned);
            Ok(Request::Mute { kind, minutes: minutes.unwrap_or(0) })
        },
    ),
    look(
        "logs",
        Group::House,
        "The newest lines of the log",
        &[optional("count", Kind::Count(MANY))],
        |given| Ok(Request::Logs { count: given.count("count", MANY)?.unwrap_or(10) }),
    ),
    look("health", Group::House, "Uptime, lateness, errors, what waits", &[], |_| {
        Ok(Request::Health)
    }),
    look(
        "config",
        Group::House,
        "Settings in force, or a part of them; secrets only by their place",
        &[optional("part", Kind::Text)],
        |given| Ok(Request::Config { part: given.text("part").map(str::to_owned) }),
    ),
    look("version", Group::House, "The program's version", &[], |_| Ok(Request::Version)),
    Command {
        name: "help",
        group: Group::House,
        help: "This list, or how one command is written",
        args: &[optional("command", Kind::Command)],
        who: Role::Viewer,
        confirm: None,
        make: None,
    },
];

fn text(given: &Given, name: &str) -> String {
    given.text(name).unwrap_or_default().to_owned()
}

fn reason(given: &Given) -> String {
    given.text("reason").unwrap_or("no reason given").to_owned()
}

fn position(given: &Given) -> PositionId {
    PositionId(text(given, "position"))
}

/// A strategy goes before a job of its name: its job does nothing else.
fn pause(given: &Given) -> Request {
    match given.strategy("what") {
        Ok(Some(strategy)) => Request::StrategyPause { strategy },
        _ => Request::JobPause { job: text(given, "what") },
    }
}

fn resume(given: &Given) -> Request {
    match given.strategy("what") {
        Ok(Some(strategy)) => Request::StrategyResume { strategy },
        Ok(None) => Request::Resume { over: None },
        Err(_) => Request::JobResume { job: text(given, "what") },
    }
}

/// The help of all, or of one.
pub fn help(name: Option<&str>) -> Result<Vec<&'static Command>, Fault> {
    match name {
        None => Ok(COMMANDS.iter().collect()),
        Some(name) => {
            find(name).map(|found| vec![found]).ok_or_else(|| Fault::Unknown(name.to_owned()))
        }
    }
}
