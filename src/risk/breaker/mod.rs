//! The breakers of rulebook §6: figures in, what is to be held out. Pure, one file each.
//!
//! The desk gathers an `Observation`, `look` goes through every breaker with what each one
//! remembers (a `State`, kept in the store), and the `Step`s are written in one transaction
//! with the new state. Every bound needs two observations in a row, so one wild print trips
//! nothing, and what the account is worth counts only on usable marks.

/// A broker that does not answer.
pub mod broker;
/// The loss of one day.
pub mod day_loss;
/// The fall from the peak.
pub mod drawdown;
/// The exchange's own breakers.
pub mod exchange;
/// A silent feed.
pub mod feed;
/// The forced reduction of §1.
pub mod forced;
/// Too many positions that move together.
pub mod groups;
/// Figures beside their bounds, for people.
pub mod line;
/// Stops in a row, and the rate of wins.
pub mod streak;
/// A jump of VIX.
pub mod vix;

#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::{
    broker::Calls,
    exchange::IndexQuote,
    feed::FeedLook,
    line::{Line, Standing},
    streak::TradeEnd,
};
use crate::{
    account::hold::{Hold, Level},
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, breakers::BreakerRules},
    market::VixQuote,
    money::Usd,
    risk::groups::GroupCount,
};

/// What the account is worth at a look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Worth {
    /// Nobody asked.
    #[default]
    NotLooked,
    /// A mark was wide, stale or missing, or the hour has none: it breaks a row of observations.
    Unusable,
    /// Cash, and everything held at usable marks.
    Usable {
        /// Net liquidation.
        net: Usd,
        /// Money paid in less money paid out since the ledger began.
        transfers: Usd,
    },
}

/// What is seen at one moment. What was not looked at is absent, and its breakers stay as they are.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// The moment.
    pub now: Timestamp,
    /// The session of the day, if it is one.
    pub session: Option<Session>,
    /// The next session's open.
    pub next_open: Option<Timestamp>,
    /// The account.
    pub worth: Worth,
    /// The stage's capital in dollars; `None` where the whole balance is deployed.
    pub stage_capital: Option<Usd>,
    /// VIX.
    pub vix: Option<VixQuote>,
    /// The S&P 500.
    pub index: Option<IndexQuote>,
    /// The broker's calls.
    pub calls: Calls,
    /// The underlyings of what is sold.
    pub feed: Option<FeedLook>,
    /// The correlation groups, by what is held.
    pub groups: Option<Vec<GroupCount>>,
    /// The last closed trades, the newest first, where any closed since they were looked at.
    pub trades: Option<Vec<TradeEnd>>,
    /// Ledger and broker agree.
    pub reconciled: bool,
    /// The active holds.
    pub holds: Vec<Hold>,
    /// What is open, leg by leg, for whoever must close it by hand.
    pub legs: String,
}

impl Observation {
    /// The session under way.
    fn in_session(&self) -> Option<&Session> {
        self.session.as_ref().filter(|session| session.contains(self.now))
    }

    fn held(&self, name: &str) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.name == name)
    }
}

/// What the breakers remember; one row of the store.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The fall from the peak.
    pub drawdown: drawdown::State,
    /// The loss of the day.
    pub day_loss: day_loss::State,
    /// Stops and wins.
    pub streak: streak::State,
    /// VIX.
    pub vix: vix::State,
    /// The broker.
    pub broker: broker::State,
    /// The feed.
    pub feed: feed::State,
    /// The exchange.
    pub exchange: exchange::State,
    /// The correlation groups.
    pub groups: groups::State,
    /// The forced reduction.
    pub forced: forced::State,
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At an instant, after a clean reconciliation.
    At(Timestamp),
    /// When its breaker says so, after a clean reconciliation.
    Condition,
    /// By an explicit resume.
    Resumed,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A hold is set, or takes the place of the one of its name.
    Set {
        /// The hold.
        hold: Hold,
        /// It is told as CRITICAL beside the change of the latch: what a person must do.
        critical: Option<String>,
    },
    /// A hold's condition is over.
    End {
        /// Its name.
        name: &'static str,
        /// Why.
        why: String,
    },
    /// Something is told.
    Tell {
        /// The breaker.
        name: &'static str,
        /// In words, with figure and bound.
        text: String,
    },
}

/// What a trip is made of.
struct Trip {
    name: &'static str,
    level: Level,
    cause: String,
    until: Until,
    critical: Option<String>,
}

impl Trip {
    /// The step: a hold since `now`.
    fn step(self, now: Timestamp) -> Step {
        let Self { name, level, cause, until, critical } = self;
        let until = match until {
            Until::At(at) => Some(at),
            Until::Condition => Some(now),
            Until::Resumed => None,
        };
        Step::Set {
            hold: Hold { name: name.to_owned(), level, cause, since: now, until },
            critical,
        }
    }
}

/// Goes through every breaker.
pub fn look(rules: &Rulebook, state: &mut State, seen: &Observation) -> Vec<Step> {
    let BreakerRules { drawdown, day_loss, streak, vix, broker, feed, exchange, .. } =
        &rules.breakers;
    let blind = rules.common.marks.blind_minutes_after_open;
    let mut steps = Vec::new();
    drawdown::look(drawdown, &mut state.drawdown, seen, &mut steps);
    day_loss::look(day_loss, &mut state.day_loss, seen, &mut steps);
    streak::look(streak, &mut state.streak, seen, &mut steps);
    vix::look(vix, blind, &mut state.vix, seen, &mut steps);
    broker::look(broker, &mut state.broker, seen, &mut steps);
    feed::look(feed, &mut state.feed, seen, &mut steps);
    exchange::look(exchange, &mut state.exchange, seen, &mut steps);
    groups::look(rules.groups.most, &mut state.groups, seen, &mut steps);
    steps
}

/// What an explicit resume that ended these holds means for what is remembered: what tripped them
/// must not trip them again at once.
pub fn resumed<'a>(state: &mut State, ended: impl IntoIterator<Item = &'a Hold>, now: Timestamp) {
    for hold in ended {
        match hold.name.as_str() {
            drawdown::NAME => state.drawdown.resume(),
            streak::NAME => state.streak.resume(now),
            broker::NAME => state.broker.resume(now),
            _ => {}
        }
    }
}

/// True when a hold of this name ends by its breaker's word, not by its time.
pub fn ends_by_condition(hold: &Hold) -> bool {
    let names = [broker::NAME, feed::NAME, groups::NAME];
    hold.until == Some(hold.since) && names.contains(&hold.name.as_str())
}

/// How a hold ends, in words.
pub fn until_words(hold: &Hold, clock: impl Fn(Timestamp) -> String) -> String {
    match (hold.until, hold.name.as_str()) {
        (None, _) => "until resumed".to_owned(),
        (Some(_), feed::NAME) if ends_by_condition(hold) => "until the feed is back".to_owned(),
        (Some(_), broker::NAME) if ends_by_condition(hold) => {
            "until the broker has answered long enough".to_owned()
        }
        (Some(_), groups::NAME) if ends_by_condition(hold) => {
            "until the group has fewer positions".to_owned()
        }
        (Some(until), _) if until == hold.since => "until reconciled".to_owned(),
        (Some(until), _) => format!("until {}", clock(until)),
    }
}

/// Something seen since an instant; begun anew where the clock was put back behind it.
fn since(known: Option<Timestamp>, now: Timestamp) -> Timestamp {
    known.filter(|at| *at <= now).unwrap_or(now)
}

fn minutes(count: u32) -> TimeDelta {
    TimeDelta::minutes(i64::from(count))
}

fn seconds(count: u32) -> TimeDelta {
    TimeDelta::seconds(i64::from(count))
}

/// A percentage for people, to two decimals.
fn shown(percent: Decimal) -> String {
    format!("{:.2} %", crate::money::round_half_up(percent, 2))
}
