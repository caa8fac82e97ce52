//! The figures of the breakers (rulebook §6), with their bounds.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// §6: the breakers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerRules {
    /// The fall from the peak.
    pub drawdown: DrawdownRules,
    /// The loss of one day.
    pub day_loss: DayLossRules,
    /// Stops in a row and the rate of wins.
    pub streak: StreakRules,
    /// A jump of VIX.
    pub vix: VixSpikeRules,
    /// A broker that does not answer.
    pub broker: BrokerRules,
    /// A feed that is silent.
    pub feed: FeedRules,
    /// The exchange's own breakers.
    pub exchange: ExchangeRules,
    /// The forced reduction of §1.
    pub forced: ForcedRules,
}

/// Positions are closed where buying power stays over the cap (§1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForcedRules {
    /// Over the cap by so many points of percent,
    pub over_points: Decimal,
    /// through so many minutes of regular hours,
    pub minutes: u32,
    /// with less than this of net liquidation as the broker's excess, percent.
    pub excess_percent: Decimal,
}

/// Drawdown from the peak, percent, transfers taken out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawdownRules {
    /// Told.
    pub alert_percent: Decimal,
    /// New orders half as large.
    pub half_percent: Decimal,
    /// Until the drawdown is below this.
    pub half_until_percent: Decimal,
    /// No entries.
    pub reducing_percent: Decimal,
    /// Everything is closed.
    pub flatten_percent: Decimal,
    /// Between the two marks that flatten.
    pub gap_seconds: u32,
    /// FLATTEN from so many minutes after the open,
    pub flatten_minutes_after_open: u32,
    /// to so many before the close.
    pub flatten_minutes_before_close: u32,
    /// After FLATTEN no resume for so many days without an override.
    pub lock_days: u32,
}

/// Loss of one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayLossRules {
    /// More than this of sizing capital, percent.
    pub percent: Decimal,
}

/// Bad trades in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreakRules {
    /// 0DTE stops in a row.
    pub stops: u32,
    /// Trades the win rate is taken over.
    pub trades: u32,
    /// The win rate below which entries stop, percent.
    pub win_percent: Decimal,
}

/// A jump of VIX over its previous close.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VixSpikeRules {
    /// By so many percent,
    pub rise_percent: Decimal,
    /// or by so many points.
    pub rise_points: Decimal,
    /// Between the two prints.
    pub gap_seconds: u32,
    /// How long entries stop.
    pub hold_hours: u32,
}

/// Calls of the broker that fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerRules {
    /// For longer than this: no entries.
    pub reducing_minutes: u32,
    /// For longer than this: halted.
    pub halted_minutes: u32,
    /// Minutes without a failure that end the first.
    pub clean_minutes: u32,
}

/// A silent feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedRules {
    /// The underlying silent for longer than this.
    pub silent_seconds: u32,
}

/// Market-wide circuit breakers: falls of the S&P 500 from its previous close, percent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeRules {
    /// Level 1.
    pub level_1_percent: Decimal,
    /// Level 2.
    pub level_2_percent: Decimal,
    /// Level 3: the rest of the session.
    pub level_3_percent: Decimal,
    /// How long levels 1 and 2 halt.
    pub halt_minutes: u32,
    /// Levels 1 and 2 halt up to so many minutes before the close, included.
    pub last_minutes_before_close: u32,
}

/// The faults of the section.
pub(super) fn check(check: &mut Check, rules: &BreakerRules) {
    check.above_zero("breakers.forced.over_points", rules.forced.over_points);
    check.above_zero("breakers.forced.minutes", rules.forced.minutes);
    check.percent("breakers.forced.excess_percent", rules.forced.excess_percent);
    let drawdown = &rules.drawdown;
    check.above_zero("breakers.drawdown.alert_percent", drawdown.alert_percent);
    check.ascending(&[
        ("breakers.drawdown.half_until_percent", drawdown.half_until_percent),
        ("breakers.drawdown.half_percent", drawdown.half_percent),
        ("breakers.drawdown.reducing_percent", drawdown.reducing_percent),
        ("breakers.drawdown.flatten_percent", drawdown.flatten_percent),
    ]);
    check.percent("breakers.drawdown.half_until_percent", drawdown.half_until_percent);
    check.percent("breakers.drawdown.flatten_percent", drawdown.flatten_percent);
    check.above_zero("breakers.drawdown.gap_seconds", drawdown.gap_seconds);
    check.percent("breakers.day_loss.percent", rules.day_loss.percent);
    check.above_zero("breakers.day_loss.percent", rules.day_loss.percent);
    check.above_zero("breakers.streak.stops", rules.streak.stops);
    check.above_zero("breakers.streak.trades", rules.streak.trades);
    let longest = rules.streak.trades.max(rules.streak.stops);
    check.that(longest <= 200, "breakers.streak.trades", longest, "must be 200 or less");
    check.percent("breakers.streak.win_percent", rules.streak.win_percent);
    check.above_zero("breakers.vix.rise_percent", rules.vix.rise_percent);
    check.above_zero("breakers.vix.rise_points", rules.vix.rise_points);
    check.above_zero("breakers.vix.gap_seconds", rules.vix.gap_seconds);
    check.above_zero("breakers.vix.hold_hours", rules.vix.hold_hours);
    check.above_zero("breakers.broker.reducing_minutes", rules.broker.reducing_minutes);
    check.ascending(&[
        ("breakers.broker.reducing_minutes", rules.broker.reducing_minutes),
        ("breakers.broker.halted_minutes", rules.broker.halted_minutes),
    ]);
    check.above_zero("breakers.broker.clean_minutes", rules.broker.clean_minutes);
    check.above_zero("breakers.feed.silent_seconds", rules.feed.silent_seconds);
    let exchange = &rules.exchange;
    check.above_zero("breakers.exchange.level_1_percent", exchange.level_1_percent);
    check.ascending(&[
        ("breakers.exchange.level_1_percent", exchange.level_1_percent),
        ("breakers.exchange.level_2_percent", exchange.level_2_percent),
        ("breakers.exchange.level_3_percent", exchange.level_3_percent),
    ]);
    check.percent("breakers.exchange.level_3_percent", exchange.level_3_percent);
    check.above_zero("breakers.exchange.halt_minutes", exchange.halt_minutes);
}
