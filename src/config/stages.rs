//! `[stages]` of the rulebook: the deployment stages (§3), a ramp of capital. Not the phases of the
//! account (§2).

use std::{fmt, path::PathBuf};

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// The strategies a stage may name.
pub const STRATEGIES: [&str; 9] = [
    "friday_0dte",
    "lt112",
    "strangle",
    "ipmcc",
    "leap_ladder",
    "ratio",
    "butterfly",
    "diagonal",
    "box",
];

/// A deployment stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageId {
    /// Weeks 1 and 2: the simulated balance.
    Paper,
    /// Weeks 3 and 4.
    #[serde(rename = "stage_1")]
    One,
    /// Weeks 5 and 6.
    #[serde(rename = "stage_2")]
    Two,
    /// Weeks 7 and 8.
    #[serde(rename = "stage_3")]
    Three,
    /// From week 9 on.
    #[serde(rename = "stage_4")]
    Four,
}

impl StageId {
    /// Every stage, in order.
    pub const ALL: [Self; 5] = [Self::Paper, Self::One, Self::Two, Self::Three, Self::Four];

    /// In words: `paper`, `stage 1`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::One => "stage 1",
            Self::Two => "stage 2",
            Self::Three => "stage 3",
            Self::Four => "stage 4",
        }
    }

    /// The stage a promotion leads to.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| *stage > self)
    }

    /// The stage a demotion leads to.
    pub fn previous(self) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|stage| *stage < self)
    }

    /// A stage by any name of it: `paper`, `0`, `1`, `stage-1`, `stage_1`, `stage 1`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let numbered =
            text.strip_prefix("stage").and_then(|rest| rest.strip_prefix(['-', '_', ' ']));
        let name = numbered.unwrap_or(&text);
        let number = if name == "paper" { 0 } else { name.parse::<usize>().ok()? };
        Self::ALL.get(number).copied()
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// §3: the stages, and what a promotion asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagesRules {
    /// Positions may be opened in the stage `paper`; a live account opens none in it.
    pub paper_opens: bool,
    /// An acknowledged daily report counts for so long, hours.
    pub ack_hours: u32,
    /// Calendar days a stage lasts at least.
    pub days: u32,
    /// Failures, buying power and results are looked at so far back, calendar days, and no farther
    /// than the stage's beginning.
    pub window_days: u32,
    /// Closed trades over the paper profiles, at least.
    pub trades: u32,
    /// Win rate of those, above, percent.
    pub win_percent: Decimal,
    /// Of the days whose result is not zero, more are above it, percent.
    pub positive_days_percent: Decimal,
    /// Clean read-only sessions against the live API before stage 1.
    pub live_sessions: u32,
    /// A green `tomking validate` counts for so long, hours.
    pub validate_hours: u32,
    /// Data directories of further paper profiles whose closed trades count.
    pub paper_ledgers: Vec<PathBuf>,
    /// The five stages in order.
    pub stages: Vec<StageRules>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRules {
    /// Which.
    pub stage: StageId,
    /// Capital deployed, pounds; absent where the whole balance is.
    pub capital_gbp: Option<Decimal>,
    /// Buying-power cap, percent of sizing capital; absent where VIX and phase alone rule.
    pub cap_percent: Option<Decimal>,
    /// Most open positions; absent where the phase alone rules.
    pub positions: Option<u32>,
    /// What may be opened, by name; absent for everything.
    pub strategies: Option<Vec<String>>,
    /// The daily report must be acknowledged.
    #[serde(default)]
    pub ack: bool,
    /// An account below the first phase counts as P1.
    #[serde(default)]
    pub small_account: bool,
}

impl StagesRules {
    /// The figures of a stage.
    pub fn of(&self, stage: StageId) -> Option<&StageRules> {
        self.stages.iter().find(|rules| rules.stage == stage)
    }

    /// How long an acknowledged report counts.
    pub fn ack_for(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.ack_hours))
    }
}

impl StageRules {
    /// True where a strategy of this name may be opened.
    pub fn allows(&self, strategy: &str) -> bool {
        self.strategies.as_ref().is_none_or(|names| names.iter().any(|name| name == strategy))
    }
}

/// The bounds of `[stages]`.
pub(super) fn check(check: &mut Check, rules: &StagesRules) {
    for (key, found) in [
        ("stages.ack_hours", rules.ack_hours),
        ("stages.days", rules.days),
        ("stages.window_days", rules.window_days),
        ("stages.trades", rules.trades),
        ("stages.validate_hours", rules.validate_hours),
    ] {
        check.above_zero(key, found);
        check.that(found <= 10_000, key, found, "must be 10000 or less");
    }
    check.percent("stages.win_percent", rules.win_percent);
    check.percent("stages.positive_days_percent", rules.positive_days_percent);
    let order: Vec<StageId> = rules.stages.iter().map(|stage| stage.stage).collect();
    let named: Vec<&str> = order.iter().map(|stage| stage.words()).collect();
    let right = "must be the five stages paper, stage_1 to stage_4, in this order";
    check.that(order == StageId::ALL, "stages.stages", named.join(", "), right);
    for (i, stage) in rules.stages.iter().enumerate() {
        let key = |name: &str| format!("stages.stages[{i}].{name}");
        if let Some(capital) = stage.capital_gbp {
            check.above_zero(&key("capital_gbp"), capital);
        }
        if let Some(cap) = stage.cap_percent {
            check.percent(&key("cap_percent"), cap);
        }
        for name in stage.strategies.iter().flatten() {
            let right = format!("must be of {}", STRATEGIES.join(", "));
            check.that(STRATEGIES.contains(&name.as_str()), &key("strategies"), name, &right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_known_by_each_of_its_names_and_by_no_other() {
        let cases = [
            ("paper", Some(StageId::Paper)),
            ("0", Some(StageId::Paper)),
            ("1", Some(StageId::One)),
            ("stage-2", Some(StageId::Two)),
            ("stage_3", Some(StageId::Three)),
            ("Stage 4", Some(StageId::Four)),
            ("5", None),
            ("stage-", None),
            ("", None),
            ("-1", None),
        ];
        for (text, stage) in cases {
            assert_eq!(StageId::parse(text), stage, "{text}");
        }
    }

    #[test]
    fn promotion_and_demotion_go_one_step_and_end_at_the_ends() {
        use StageId::{Four, One, Paper, Three, Two};
        let steps = StageId::ALL.map(|stage| (stage.previous(), stage.next()));
        let wanted = [
            (None, Some(One)),
            (Some(Paper), Some(Two)),
            (Some(One), Some(Three)),
            (Some(Two), Some(Four)),
            (Some(Three), None),
        ];
        assert_eq!(steps, wanted);
    }
}
