//! The figures of the rulebook, every one a setting with the rulebook's value as its default.
//!
//! The defaults are `config/rulebook.toml`, embedded; a user's file overrides key by key.

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::breakers::BreakerRules;
use super::execution::ExecutionRules;
use super::groups::GroupRules;
use super::lt112::Lt112Rules;
use super::plan::PlanRules;
use super::stages::StagesRules;
use super::stress::StressRules;
use crate::instrument::Product;

/// Every figure of the rulebook that the program uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rulebook {
    /// §1: VIX bands.
    pub vix: VixRules,
    /// §2: account phases.
    pub phases: PhaseRules,
    /// §3: deployment stages.
    pub stages: StagesRules,
    /// §4 common: ladders, marks, early closes.
    pub common: CommonRules,
    /// §4.1.
    pub friday_0dte: Friday0dteRules,
    /// §4.2.
    pub lt112: Lt112Rules,
    /// §4.3.
    pub strangle: super::strangle::StrangleRules,
    /// §4.4.
    pub ipmcc: super::ipmcc::IpmccRules,
    /// §4.5.
    pub leap_ladder: super::leap_ladder::LeapLadderRules,
    /// §4.6: the put ratio.
    pub ratio: super::ratio::RatioRules,
    /// §4.6.
    pub butterfly: super::butterfly::ButterflyRules,
    /// §4.6.
    pub diagonal: super::diagonal::DiagonalRules,
    /// §4.6.
    #[serde(rename = "box")]
    pub lending_box: super::lending_box::BoxRules,
    /// §5.
    pub limits: LimitRules,
    /// §5: what moves together.
    pub groups: GroupRules,
    /// §6: stress scenarios.
    pub stress: StressRules,
    /// Waits and polls of the desk.
    pub execution: ExecutionRules,
    /// §6.
    pub breakers: BreakerRules,
    /// §7.
    pub plan: PlanRules,
}

/// What is done above the highest band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrisisMode {
    /// Short puts only, at most one position a session.
    PutsOnly,
    /// Exits and defence only.
    ManageOnly,
}

/// §1: how much buying power VIX allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VixRules {
    /// Bands in ascending order; the last has no upper bound.
    pub bands: Vec<VixBand>,
    /// What the last band does.
    pub crisis: CrisisMode,
}

/// One band of VIX.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VixBand {
    /// Upper bound; absent for the last band.
    pub below: Option<Decimal>,
    /// True when the bound itself belongs to this band (30.00 does).
    #[serde(default)]
    pub inclusive: bool,
    /// Most buying power used, percent of sizing capital.
    pub cap_percent: Decimal,
    /// Strangles may be opened.
    pub strangles: bool,
}

/// §2: phases by net liquidation in pounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseRules {
    /// P1 to P4 in order.
    pub phases: Vec<Phase>,
    /// Down only this far below the threshold, percent.
    pub down_percent: Decimal,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Lower bound of net liquidation, pounds.
    pub from_gbp: Decimal,
    /// Buying-power cap, percent; 100 where the VIX table alone rules.
    pub cap_percent: Decimal,
    /// Most open positions of each strategy.
    pub friday_0dte: u32,
    /// LT112.
    pub lt112: u32,
    /// LT112 on MES once a deployment stage of 2 or above is active, where `lt112` is 0.
    #[serde(default)]
    pub lt112_mes_from_stage_2: u32,
    /// Strangles.
    pub strangle: u32,
    /// IPMCC.
    pub ipmcc: u32,
    /// LEAP puts, in contracts.
    pub leap_ladder: u32,
    /// Ratios.
    pub ratio: u32,
    /// Butterflies.
    pub butterfly: u32,
    /// Diagonals.
    pub diagonal: u32,
    /// Boxes.
    #[serde(rename = "box")]
    pub box_spread: u32,
    /// Underlyings it adds to those of the phases before, by symbol.
    pub underlyings: Vec<String>,
}

/// §4 common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonRules {
    /// The entry ladder.
    pub entry_ladder: EntryLadder,
    /// The exit ladder.
    pub exit_ladder: ExitLadder,
    /// Marks for stops.
    pub marks: MarkRules,
    /// Early closes.
    pub early_close: EarlyCloseRules,
    /// An entry an event filter refused on a CPI day is tried again at this time.
    pub event_retry_at: NaiveTime,
    /// §4.7: assignment and pin risk.
    pub assignment: AssignmentRules,
    /// §4.7: days to expiry.
    pub universal: UniversalRules,
}

/// When a position closes for the days it has left (§4.7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UniversalRules {
    /// At so many calendar days to its nearest expiration.
    pub days: u32,
    /// Strategies whose losing positions stay to their own exits, by name.
    pub losing_stays: Vec<String>,
}

/// When a short is in danger of assignment (§4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentRules {
    /// An American short in the money with less extrinsic value is closed, points; or with less
    /// than the next dividend.
    pub extrinsic_floor: Decimal,
    /// In the money within so many sessions of expiry it is closed.
    pub sessions_before_expiry: u32,
    /// Pinned: the underlying within so much of the strike, percent of it.
    pub pin_percent: Decimal,
    /// So long before the last trade.
    pub pin_minutes_before_close: u32,
}

/// Entry: from mid, a tick a step towards natural.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryLadder {
    /// Seconds between steps.
    pub step_seconds: u32,
    /// Steps after the first price.
    pub steps: u32,
    /// Ticks a step.
    pub ticks_a_step: u32,
    /// Cancelled after so many seconds.
    pub cancel_after_seconds: u32,
}

/// Exit: from mid to natural, then on by ticks up to the width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitLadder {
    /// Seconds between steps.
    pub step_seconds: u32,
    /// Share of the spread a step, percent.
    pub spread_percent_a_step: Decimal,
    /// At natural after so many seconds.
    pub natural_after_seconds: u32,
    /// Ticks a step beyond natural.
    pub ticks_a_step: u32,
    /// Undefined risk: most of the mark, as a multiple.
    pub undefined_risk_mark_multiple: Decimal,
}

/// Which mids may fire a stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkRules {
    /// Widest leg spread, percent of its mid.
    pub spread_percent_of_mid: Decimal,
    /// Or so many ticks, whichever is more.
    pub spread_ticks: u32,
    /// Observations in a row.
    pub observations: u32,
    /// No marks in the first minutes after the open.
    pub blind_minutes_after_open: u32,
    /// Alert after so many seconds without a mark.
    pub alert_after_seconds: u32,
}

/// Early closes shift every clock to min(its time, close − offset).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyCloseRules {
    /// Entry no later than so many minutes before the close.
    pub entry_minutes_before: u32,
    /// The evaluation.
    pub evaluation_minutes_before: u32,
    /// The exit ladder starts (§8: `0dte-flat`).
    pub exit_minutes_before: u32,
    /// Flat.
    pub flat_minutes_before: u32,
}

/// §4.1. Times are New York.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Friday0dteRules {
    /// May enter at all.
    pub enabled: bool,
    /// Products in order of preference.
    pub products: Vec<Product>,
    /// Entry, never earlier.
    pub entry_at: NaiveTime,
    /// Last entry.
    pub last_entry_at: NaiveTime,
    /// Beyond this move from the open one side is sold, percent.
    pub move_percent: Decimal,
    /// Short strikes of a directional spread, multiples of ATR from last.
    pub directional_atr: Decimal,
    /// Short strikes of a condor, multiples of ATR from last.
    pub condor_atr: Decimal,
    /// Days of Wilder's ATR.
    pub atr_days: u32,
    /// Least |delta| of each short.
    pub delta_min: Decimal,
    /// Most |delta| of each short.
    pub delta_max: Decimal,
    /// Above this VIX only the put spread, and only in `puts_only`.
    pub puts_only_above_vix: Decimal,
    /// Above this VIX nothing.
    pub nothing_above_vix: Decimal,
    /// Refuse on CPI days.
    pub skip_cpi: bool,
    /// Widest leg spread, percent of mid.
    pub spread_percent_of_mid: Decimal,
    /// Or so many ticks, whichever is more.
    pub spread_ticks: u32,
    /// Profit target, percent of the credit.
    pub profit_target_percent: Decimal,
    /// Stop: a loss of so many credits.
    pub stop_credits: Decimal,
    /// The same where the credit is above the share of width below.
    pub stop_credits_rich: Decimal,
    /// Credit above width divided by this is rich.
    pub rich_credit_width_divisor: Decimal,
    /// Round-trip fees at most so much of the profit target, percent.
    pub fees_percent_of_target: Decimal,
    /// The evaluation.
    pub evaluation_at: NaiveTime,
    /// Closed at the evaluation when profit is at least so much of the credit, percent.
    pub evaluation_profit_percent: Decimal,
    /// Closed at the evaluation when a short's |delta| is at least this.
    pub evaluation_delta: Decimal,
    /// The exit ladder starts.
    pub exit_at: NaiveTime,
    /// At natural.
    pub natural_at: NaiveTime,
    /// Shorts alone if a long has no bid.
    pub shorts_alone_at: NaiveTime,
    /// Up to the width.
    pub width_at: NaiveTime,
    /// CRITICAL every minute until flat.
    pub critical_at: NaiveTime,
    /// Wings, grid and least credit of each product.
    pub contracts: Vec<ContractRules>,
}

/// The strikes of one product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractRules {
    /// The product.
    pub product: Product,
    /// Points between short and long.
    pub wing: Decimal,
    /// Strikes are multiples of this.
    pub grid: Decimal,
    /// Least credit a side (short bid − long ask), points.
    pub minimum_credit: Decimal,
}

/// §5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitRules {
    /// Limits 6 to 11 are not asked. No file can say so: only a replay sets it, to show what they
    /// save (`tomking replay --book FILE --limits off`).
    #[serde(skip)]
    pub waived: bool,
    /// Oldest VIX and account figures, seconds.
    pub data_age_seconds: u32,
    /// Oldest frame of a leg's feed, seconds.
    pub quote_age_seconds: u32,
    /// Oldest pound-dollar rate, days: it is fixed on banking days only.
    pub fx_age_days: u32,
    /// Most clock skew, seconds.
    pub clock_skew_seconds: u32,
    /// No orders in the first minutes of the session unless the strategy says.
    pub minutes_after_open: u32,
    /// FOMC: nothing from so many hours before.
    pub fomc_hours_before: u32,
    /// To so many hours after.
    pub fomc_hours_after: u32,
    /// CPI and NFP days: nothing before this time.
    pub release_days_not_before: NaiveTime,
    /// Most loss of one trade, percent of sizing capital.
    pub trade_loss_percent: Decimal,
    /// Warned from here.
    pub trade_loss_warn_percent: Decimal,
    /// Most opening orders a minute.
    pub orders_a_minute: u32,
    /// And a day.
    pub orders_a_day: u32,
    /// Rejections in a day that give REDUCING.
    pub rejections_a_day: u32,
    /// Cash may be off by so much between ledger and broker before entries stop (§6), dollars.
    pub reconciliation_cash_usd: Decimal,
    /// Risk-reducing orders a minute.
    pub reducing_orders_a_minute: u32,
    /// Price sanity: percent of the model's value.
    pub model_value_percent: Decimal,
    /// Or so many ticks.
    pub model_value_ticks: u32,
    /// Least open interest of each leg.
    pub open_interest: u32,
    /// The same for options on futures.
    pub open_interest_futures: u32,
    /// Most contracts of a leg, percent of its open interest.
    pub size_percent_of_open_interest: Decimal,
    /// Most requirement of one underlying, percent of sizing capital.
    pub concentration_percent: Decimal,
    /// The same for an entry of 0DTE.
    pub concentration_0dte_percent: Decimal,
    /// Products that are contracts on one thing, by symbol.
    pub underlyings: Vec<Vec<String>>,
    /// Warned from so many positions of one expiration.
    pub warn_same_expiration: u32,
    /// Warned from so many bullish positions.
    pub warn_bullish: u32,
}

impl Rulebook {
    /// The figures in force where the user has set none.
    pub fn embedded() -> Self {
        super::Settings::default_embedded().rulebook
    }
}
