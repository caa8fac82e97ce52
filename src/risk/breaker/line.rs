//! Each breaker's figure beside its bounds, for `tomking risk` and the daily report.

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};

use super::{State, broker, day_loss, drawdown, exchange, feed, groups, streak, vix};
use crate::{
    account::hold::Hold,
    config::{Rulebook, breakers::BreakerRules},
    money::{round_half_up, to_f64},
};

/// From this share of its first bound on a figure is near it.
const NEAR: Decimal = dec!(0.8);

/// How a figure stands to its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing was looked at yet.
    Unknown,
    /// Far from its bound.
    Clear,
    /// Four fifths of the way to its first bound, or beyond it without a hold.
    Near,
    /// Its hold stands.
    Tripped,
}

impl Standing {
    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Clear => "clear",
            Self::Near => "near",
            Self::Tripped => "tripped",
        }
    }
}

/// A bound, and what happens there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The figure.
    pub value: f64,
    /// What is done.
    pub action: String,
}

/// One breaker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its name: that of its hold, and for those with two measures the measure.
    pub breaker: String,
    /// The figure; `None` before the first look.
    pub value: Option<f64>,
    /// `percent`, `points`, `seconds` or `count`.
    pub unit: String,
    /// Its bounds, the mildest first.
    pub bounds: Vec<Bound>,
    /// How it stands.
    pub standing: Standing,
}

/// A measure on its way to a line.
struct Measure<'a> {
    hold: &'a str,
    name: &'a str,
    value: Option<Decimal>,
    unit: &'a str,
    bounds: &'a [(Decimal, &'a str)],
}

impl Measure<'_> {
    fn line(self, holds: &[Hold]) -> Line {
        let first = self.bounds.first().map_or(Decimal::ZERO, |bound| bound.0);
        let tripped = holds.iter().any(|hold| hold.name == self.hold);
        let standing = match self.value {
            _ if tripped => Standing::Tripped,
            None => Standing::Unknown,
            Some(value) if value >= first * NEAR => Standing::Near,
            Some(_) => Standing::Clear,
        };
        self.standing(standing)
    }

    fn standing(self, standing: Standing) -> Line {
        let figure = |value: Decimal| to_f64(round_half_up(value, 2));
        let bound = |(value, action): &(Decimal, &str)| Bound {
            value: figure(*value),
            action: (*action).to_owned(),
        };
        Line {
            breaker: self.name.to_owned(),
            value: self.value.map(figure),
            unit: self.unit.to_owned(),
            bounds: self.bounds.iter().map(bound).collect(),
            standing,
        }
    }
}

/// Every breaker with what was last seen.
pub fn lines(rulebook: &Rulebook, state: &State, holds: &[Hold]) -> Vec<Line> {
    let rules = &rulebook.breakers;
    let rise = state.vix.rise();
    let minutes = |count: u32| Decimal::from(count) * dec!(60);
    let drop = &rules.drawdown;
    let exchange = &rules.exchange;
    let measures = [
        Measure {
            hold: drawdown::NAME,
            name: drawdown::NAME,
            value: state.drawdown.percent,
            unit: "percent",
            bounds: &[
                (drop.alert_percent, "alert"),
                (drop.half_percent, "half size"),
                (drop.reducing_percent, "REDUCING"),
                (drop.flatten_percent, "FLATTEN"),
            ],
        },
        Measure {
            hold: day_loss::NAME,
            name: day_loss::NAME,
            value: state.day_loss.percent,
            unit: "percent",
            bounds: &[(rules.day_loss.percent, "REDUCING")],
        },
        Measure {
            hold: streak::NAME,
            name: "stops",
            value: Some(state.streak.stops.into()),
            unit: "count",
            bounds: &[(rules.streak.stops.into(), "REDUCING")],
        },
        Measure {
            hold: vix::NAME,
            name: "vix-points",
            value: rise.map(|rise| rise.0),
            unit: "points",
            bounds: &[(rules.vix.rise_points, "REDUCING")],
        },
        Measure {
            hold: vix::NAME,
            name: "vix-percent",
            value: rise.map(|rise| rise.1),
            unit: "percent",
            bounds: &[(rules.vix.rise_percent, "REDUCING")],
        },
        Measure {
            hold: broker::NAME,
            name: broker::NAME,
            value: Some(state.broker.outage().num_seconds().into()),
            unit: "seconds",
            bounds: &[
                (minutes(rules.broker.reducing_minutes), "REDUCING"),
                (minutes(rules.broker.halted_minutes), "HALTED"),
            ],
        },
        Measure {
            hold: feed::NAME,
            name: feed::NAME,
            value: Some(state.feed.silent_seconds.into()),
            unit: "seconds",
            bounds: &[(rules.feed.silent_seconds.into(), "REDUCING")],
        },
        Measure {
            hold: exchange::NAME,
            name: exchange::NAME,
            value: state.exchange.percent,
            unit: "percent",
            bounds: &[
                (exchange.level_1_percent, "HALTED"),
                (exchange.level_2_percent, "HALTED"),
                (exchange.level_3_percent, "HALTED"),
            ],
        },
    ];
    let mut lines: Vec<Line> = measures.into_iter().map(|measure| measure.line(holds)).collect();
    lines.insert(3, wins(rules, state, holds));
    let bound = Decimal::from(rulebook.groups.most.saturating_add(1));
    let value = Some(Decimal::from(state.groups.positions));
    let (hold, name, unit) = (groups::NAME, groups::NAME, "count");
    lines.push(Measure { hold, name, value, unit, bounds: &[(bound, "REDUCING")] }.line(holds));
    lines
}

/// The win rate stands the other way round: it trips from above.
fn wins(rules: &BreakerRules, state: &State, holds: &[Hold]) -> Line {
    let value = streak::win_percent(&rules.streak, &state.streak);
    let bound = rules.streak.win_percent;
    let tripped = holds.iter().any(|hold| hold.name == streak::NAME);
    let standing = match value {
        _ if tripped => Standing::Tripped,
        None => Standing::Unknown,
        Some(value) if value < bound / NEAR => Standing::Near,
        Some(_) => Standing::Clear,
    };
    let bounds = &[(bound, "REDUCING below")];
    let (hold, name, unit) = (streak::NAME, "win-rate", "percent");
    Measure { hold, name, value, unit, bounds }.standing(standing)
}
