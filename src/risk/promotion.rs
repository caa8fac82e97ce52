//! What a promotion to the next stage asks for, each criterion beside what the ledger shows
//! (rulebook §3). Nothing here is assumed: what was not measured does not hold.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    config::stages::{StageId, StagesRules},
    money::{round_half_up, to_f64},
};

/// What the ledger shows of the stage in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// The stage's first moment.
    pub since: Option<Timestamp>,
    /// Closed trades of each paper ledger.
    pub ledgers: Vec<LedgerTrades>,
    /// Runs that failed, and runs that a crash ended.
    pub failed_runs: u64,
    /// Halts the program set itself, each with its cause.
    pub halts: Vec<String>,
    /// Differences between ledger and broker that stopped entries.
    pub differences: u64,
    /// Points of the equity curve with a cap.
    pub points: u64,
    /// Those on which more buying power was used than allowed.
    pub over: u64,
    /// Days with a result that is not zero.
    pub days: u64,
    /// Those above zero.
    pub positive_days: u64,
    /// Clean read-only sessions against the live API.
    pub live_sessions: u32,
    /// The last `tomking validate` for the next stage.
    pub validated: Option<Validated>,
}

/// The closed trades of a paper ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerTrades {
    /// Whose: `this ledger`, or its data directory.
    pub ledger: String,
    /// Trades closed.
    pub closed: u64,
    /// Of these, with profit after fees (rulebook §7).
    pub won: u64,
    /// Why it could not be read, where it could not; its trades then do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a `tomking validate` ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validated {
    /// When.
    pub at: Timestamp,
    /// The program's version.
    pub version: String,
    /// For which stage.
    pub stage: StageId,
    /// What did not hold; nothing when it was green.
    pub failed: Vec<String>,
}

/// One criterion with what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// Its stable name.
    pub name: String,
    /// What is asked for, in words.
    pub asks: String,
    /// What was measured; `None` where there was nothing to measure.
    pub value: Option<f64>,
    /// What it is held to.
    pub bound: f64,
    /// `days`, `count` or `percent`.
    pub unit: String,
    /// It holds.
    pub holds: bool,
    /// Where the figure comes from.
    pub evidence: String,
}

impl Criterion {
    /// What did not hold, in a line: `closed trades: 3 of 20`.
    pub fn line(&self) -> String {
        let value = self.value.map_or_else(|| "not measured".to_owned(), |value| value.to_string());
        format!("{}: {value}, {}", self.name, self.asks)
    }
}

/// Every criterion of the promotion from a stage; none where there is no further one.
pub fn criteria(
    rules: &StagesRules,
    from: StageId,
    seen: &Evidence,
    now: Timestamp,
) -> Vec<Criterion> {
    let Some(next) = from.next() else { return Vec::new() };
    let mut all = vec![
        weeks(rules, seen, now),
        trades(rules, seen),
        wins(rules, seen),
        failures(seen),
        buying_power(seen),
        positive_days(rules, seen),
    ];
    if from == StageId::Paper {
        all.push(live_sessions(rules, seen));
        all.push(validated(rules, next, seen, now));
    }
    all
}

/// Those that do not hold, each in a line.
pub fn failed(criteria: &[Criterion]) -> Vec<String> {
    criteria.iter().filter(|criterion| !criterion.holds).map(Criterion::line).collect()
}

struct Measured {
    value: Option<Decimal>,
    bound: Decimal,
    unit: &'static str,
    holds: bool,
}

fn made(name: &str, asks: String, measured: &Measured, evidence: String) -> Criterion {
    let Measured { value, bound, unit, holds } = measured;
    Criterion {
        name: name.to_owned(),
        asks,
        value: value.map(|value| to_f64(round_half_up(value, 2))),
        bound: to_f64(*bound),
        unit: (*unit).to_owned(),
        holds: *holds,
        evidence,
    }
}

fn weeks(rules: &StagesRules, seen: &Evidence, now: Timestamp) -> Criterion {
    let lasted = seen.since.map(|since| (now - since).max(TimeDelta::zero()));
    let days = lasted.map(|lasted| Decimal::from(lasted.num_seconds()) / Decimal::from(86_400));
    let measured = Measured {
        value: days,
        bound: rules.days.into(),
        unit: "days",
        holds: lasted.is_some_and(|lasted| lasted >= TimeDelta::days(rules.days.into())),
    };
    let since = seen.since.map_or_else(
        || "the ledger was never opened".to_owned(),
        |since| format!("the stage began {}", since.format("%Y-%m-%dT%H:%M:%SZ")),
    );
    made("calendar time", format!("at least {} days in the stage", rules.days), &measured, since)
}

fn trades(rules: &StagesRules, seen: &Evidence) -> Criterion {
    let closed: u64 = seen.ledgers.iter().map(|ledger| ledger.closed).sum();
    let measured = Measured {
        value: Some(closed.into()),
        bound: rules.trades.into(),
        unit: "count",
        holds: closed >= u64::from(rules.trades),
    };
    let asks = format!("at least {} over the paper profiles", rules.trades);
    made("closed trades", asks, &measured, ledgers(seen))
}

fn wins(rules: &StagesRules, seen: &Evidence) -> Criterion {
    let closed: u64 = seen.ledgers.iter().map(|ledger| ledger.closed).sum();
    let won: u64 = seen.ledgers.iter().map(|ledger| ledger.won).sum();
    let rate = share(won, closed);
    let measured = Measured {
        value: rate,
        bound: rules.win_percent,
        unit: "percent",
        holds: rate.is_some_and(|rate| rate > rules.win_percent),
    };
    let asks = format!("above {} % of the trades, after fees", rules.win_percent.normalize());
    made("win rate", asks, &measured, format!("{won} of {closed} closed trades; {}", ledgers(seen)))
}

fn failures(seen: &Evidence) -> Criterion {
    let halts = u64::try_from(seen.halts.len()).unwrap_or(u64::MAX);
    let all = seen.failed_runs.saturating_add(halts).saturating_add(seen.differences);
    let measured = Measured {
        value: seen.since.map(|_| all.into()),
        bound: Decimal::ZERO,
        unit: "count",
        holds: seen.since.is_some() && all == 0,
    };
    let first = seen.halts.first().map_or_else(String::new, |cause| format!(" ({cause})"));
    let evidence = format!(
        "run ledger: {} failed or crashed; journal: {halts} halts of the program{first}, {} \
         differences that stopped entries",
        seen.failed_runs, seen.differences
    );
    let asks = "none: no failed run, no halt of the program, no difference";
    made("technical failures", asks.to_owned(), &measured, evidence)
}

fn buying_power(seen: &Evidence) -> Criterion {
    let measured = Measured {
        value: (seen.points > 0).then(|| seen.over.into()),
        bound: Decimal::ZERO,
        unit: "count",
        holds: seen.points > 0 && seen.over == 0,
    };
    let evidence = format!("{} of {} points of the equity curve above", seen.over, seen.points);
    made("buying power", "never above its cap".to_owned(), &measured, evidence)
}

fn positive_days(rules: &StagesRules, seen: &Evidence) -> Criterion {
    let percent = share(seen.positive_days, seen.days);
    let measured = Measured {
        value: percent,
        bound: rules.positive_days_percent,
        unit: "percent",
        holds: percent.is_some_and(|percent| percent > rules.positive_days_percent),
    };
    let asks = format!(
        "above zero on more than {} % of the days with a result",
        rules.positive_days_percent.normalize()
    );
    let evidence =
        format!("{} of {} days with a result that is not zero", seen.positive_days, seen.days);
    made("positive days", asks, &measured, evidence)
}

fn live_sessions(rules: &StagesRules, seen: &Evidence) -> Criterion {
    let measured = Measured {
        value: Some(seen.live_sessions.into()),
        bound: rules.live_sessions.into(),
        unit: "count",
        holds: seen.live_sessions >= rules.live_sessions,
    };
    let asks =
        format!("at least {} clean ones, read only, against the live API", rules.live_sessions);
    let evidence = "this version has no client of a live broker, so none can have been held";
    made("live sessions", asks, &measured, evidence.to_owned())
}

fn validated(rules: &StagesRules, next: StageId, seen: &Evidence, now: Timestamp) -> Criterion {
    let hours = i64::from(rules.validate_hours);
    let found = seen.validated.as_ref().filter(|validated| validated.stage >= next);
    let late = |at: Timestamp| now - at > TimeDelta::hours(hours);
    let same = |validated: &Validated| validated.version == env!("CARGO_PKG_VERSION");
    let holds = found.is_some_and(|v| v.failed.is_empty() && same(v) && !late(v.at));
    let evidence = match found {
        None => format!("`tomking validate --for {}` was never run", dashed(next)),
        Some(validated) => {
            let at = validated.at.format("%Y-%m-%dT%H:%M:%SZ");
            let version = &validated.version;
            let outcome = match validated.failed.as_slice() {
                [] => "green".to_owned(),
                failed => format!("{} did not hold: {}", failed.len(), failed.join(", ")),
            };
            format!("run {at} by version {version}: {outcome}")
        }
    };
    let measured = Measured {
        value: found.map(|validated| validated.failed.len().into()),
        bound: Decimal::ZERO,
        unit: "count",
        holds,
    };
    let asks = format!("`tomking validate` without a failed check in the last {hours} h");
    made("validation", asks, &measured, evidence)
}

/// A stage as the command line names it.
fn dashed(stage: StageId) -> String {
    stage.words().replace(' ', "-")
}

/// Percent; `None` of nothing.
fn share(part: u64, whole: u64) -> Option<Decimal> {
    (whole > 0).then(|| Decimal::from(part) * Decimal::ONE_HUNDRED / Decimal::from(whole))
}

fn ledgers(seen: &Evidence) -> String {
    let said = |of: &LedgerTrades| match &of.error {
        Some(error) => format!("{}: not read, {error}", of.ledger),
        None => format!("{}: {} closed", of.ledger, of.closed),
    };
    let all: Vec<String> = seen.ledgers.iter().map(said).collect();
    if all.is_empty() { "no paper ledger counts here".to_owned() } else { all.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rulebook;

    fn now() -> Timestamp {
        "2026-06-15T21:00:00Z".parse().unwrap()
    }

    /// A stage that has earned its promotion, by a hair.
    fn earned() -> Evidence {
        Evidence {
            since: Some(now() - TimeDelta::days(14)),
            ledgers: vec![
                LedgerTrades { ledger: "this ledger".to_owned(), closed: 12, won: 10, error: None },
                LedgerTrades { ledger: "/p4".to_owned(), closed: 13, won: 9, error: None },
            ],
            points: 700,
            days: 5,
            positive_days: 4,
            live_sessions: 5,
            validated: Some(Validated {
                at: now() - TimeDelta::hours(24),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                stage: StageId::One,
                failed: Vec::new(),
            }),
            ..Evidence::default()
        }
    }

    fn failing(from: StageId, seen: &Evidence) -> Vec<String> {
        let all = criteria(&Rulebook::embedded().stages, from, seen, now());
        all.into_iter().filter(|c| !c.holds).map(|c| c.name).collect()
    }

    #[test]
    fn all_hold_at_their_bounds() {
        assert_eq!(failing(StageId::Paper, &earned()), Vec::<String>::new());
    }

    #[test]
    fn each_criterion_fails_alone_on_the_other_side_of_its_bound() {
        type Change = fn(&mut Evidence);
        let cases: [(&str, Change); 17] = [
            ("calendar time", |e| {
                e.since = Some(now() - TimeDelta::days(14) + TimeDelta::seconds(1));
            }),
            ("closed trades", |e| (e.ledgers[0].closed, e.ledgers[0].won) = (6, 6)), // 19, 15 won
            ("win rate", |e| e.ledgers[1].won = 8), // 18 of 25 are 72 %
            ("win rate", |e| (e.ledgers[0].closed, e.ledgers[1].won) = (15, 11)), // 75 % is not above
            ("technical failures", |e| e.failed_runs = 1),
            ("technical failures", |e| e.halts.push("unknown order".to_owned())),
            ("technical failures", |e| e.differences = 1),
            ("buying power", |e| e.over = 1),
            ("buying power", |e| e.points = 0),
            ("positive days", |e| e.positive_days = 3), // 60 % is not above
            ("positive days", |e| (e.days, e.positive_days) = (0, 0)),
            ("live sessions", |e| e.live_sessions = 4),
            ("validation", |e| e.validated = None),
            ("validation", |e| e.validated.as_mut().unwrap().failed.push("clock".to_owned())),
            ("validation", |e| e.validated.as_mut().unwrap().version = "0.0.0".to_owned()),
            ("validation", |e| e.validated.as_mut().unwrap().at -= TimeDelta::seconds(1)),
            ("validation", |e| e.validated.as_mut().unwrap().stage = StageId::Paper),
        ];
        for (name, change) in cases {
            let mut seen = earned();
            change(&mut seen);
            assert_eq!(failing(StageId::Paper, &seen), [name]);
        }
    }

    #[test]
    fn live_sessions_and_validation_are_asked_for_before_stage_1_alone_and_stage_4_is_the_last() {
        let seen = Evidence { live_sessions: 0, validated: None, ..earned() };
        for from in [StageId::One, StageId::Two, StageId::Three] {
            assert_eq!(failing(from, &seen), Vec::<String>::new(), "{from}");
        }
        let rules = Rulebook::embedded().stages;
        assert_eq!(criteria(&rules, StageId::Four, &seen, now()), []);
    }

    #[test]
    fn a_ledger_nobody_wrote_to_holds_nothing_and_asserts_no_figure() {
        let all =
            criteria(&Rulebook::embedded().stages, StageId::Paper, &Evidence::default(), now());
        assert!(all.iter().all(|criterion| !criterion.holds), "{all:?}");
        for name in ["calendar time", "win rate", "buying power", "positive days", "validation"] {
            let of = all.iter().find(|criterion| criterion.name == name).unwrap();
            assert_eq!(of.value, None, "{name}");
        }
    }

    #[test]
    fn what_does_not_hold_is_told_with_its_figure() {
        let mut seen = earned();
        seen.ledgers =
            vec![LedgerTrades { ledger: "this ledger".to_owned(), closed: 3, won: 3, error: None }];
        let all = criteria(&Rulebook::embedded().stages, StageId::One, &seen, now());
        assert_eq!(failed(&all), ["closed trades: 3, at least 20 over the paper profiles"]);
    }
}
