//! Every reason the gate has to refuse, as one closed enum with the figures.

use std::fmt;

use chrono::{NaiveDate, SecondsFormat};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::cap::Band;
use crate::{
    account::{IntentId, NetPrice, StrategyId, exposure::Unpriced, hold::Level},
    clock::Timestamp,
    config::stages::StageId,
    instrument::Product,
    market::EventKind,
    money::{Gbp, Usd, round_half_up, to_f64},
};

/// Something the gate must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// VIX.
    Vix,
    /// The account's balances.
    Balances,
    /// The pound-dollar rate.
    Fx,
    /// The account's flags.
    TradingStatus,
    /// The product's underlying.
    Underlying(Product),
    /// A leg's quote, by its name: `5300 put`.
    Leg(String),
    /// The broker's holdings.
    Holdings,
    /// What is held and works, with its market.
    Book,
    /// The figures of the stage in force.
    Stage(StageId),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vix => f.write_str("VIX"),
            Self::Balances => f.write_str("balance"),
            Self::Fx => f.write_str("pound-dollar rate"),
            Self::TradingStatus => f.write_str("account status"),
            Self::Underlying(product) => write!(f, "{product} underlying"),
            Self::Leg(name) => write!(f, "quote of {name}"),
            Self::Holdings => f.write_str("broker's holdings"),
            Self::Book => f.write_str("prices of what is held"),
            Self::Stage(stage) => write!(f, "figures of {stage}"),
        }
    }
}

/// A flag of the account that stops entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountFlag {
    /// Only closing orders.
    ClosingOnly,
    /// Nothing at all.
    Frozen,
    /// A margin call.
    MarginCall,
    /// Futures are not enabled.
    FuturesDisabled,
}

impl fmt::Display for AccountFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClosingOnly => "closing only",
            Self::Frozen => "frozen",
            Self::MarginCall => "in a margin call",
            Self::FuturesDisabled => "not enabled for futures",
        })
    }
}

/// Why the gate refused. Percentages are percent, prices points; bounds are what they are held to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // the message of each variant names its fields
pub enum Refusal {
    // Limit 1: desk.
    #[error("Refused: latch {} ({cause})", level.name())]
    Latch { level: Level, cause: String },
    #[error("Refused: ledger and broker are not reconciled")]
    NotReconciled,
    #[error("Refused: account is {flag}")]
    Account { flag: AccountFlag },
    #[error("Refused: net liquidation {net_liquidation} < {floor}, the first phase")]
    BelowFirstPhase { net_liquidation: Gbp, floor: Gbp },
    #[error("Refused: the stage paper opens nothing on a live account")]
    PaperOpensNothing,
    #[error(
        "Refused: {stage} needs the daily report acknowledged within {bound} h, {}",
        acknowledged(*hours, *bound)
    )]
    Unacknowledged { stage: StageId, hours: Option<Decimal>, bound: u32 },
    // Limit 2: data.
    #[error("Refused: no {what}")]
    Missing { what: Input },
    #[error("Refused: {what} is {value}, not above zero")]
    NotPositive { what: Input, value: Decimal },
    #[error("Refused: {what} is {seconds} s old > {bound} s")]
    Stale { what: Input, seconds: i64, bound: i64 },
    #[error("Refused: {what} is crossed, zero-asked or not a number (bid {bid}, ask {ask})")]
    Broken { what: Input, bid: Decimal, ask: Decimal },
    #[error("Refused: clock skew {milliseconds} ms > {bound} ms")]
    ClockSkew { milliseconds: i64, bound: i64 },
    // Limit 3: session and window.
    #[error("Refused: no session is open at {}", instant(*at))]
    SessionClosed { at: Timestamp },
    #[error("Refused: {seconds} s after the open < {bound} s")]
    AfterOpen { seconds: i64, bound: i64 },
    #[error("Refused: {} is outside {} to {}", instant(*at), instant(*from), instant(*to))]
    Window { at: Timestamp, from: Timestamp, to: Timestamp },
    // Limit 4: events.
    #[error("Refused: {} at {}, no entry before {}", kind.name(), instant(*event), instant(*until))]
    Event { kind: EventKind, event: Timestamp, at: Timestamp, until: Timestamp },
    // Rulebook §1 and limit 5: mode and counts.
    #[error("Refused: exits and defence only ({band})")]
    ManageOnly { band: Band },
    #[error("Refused: no strangles ({band})")]
    NoStrangles { band: Band },
    #[error("Refused: {structure} where only short puts are opened ({band})")]
    PutsOnly { structure: &'static str, band: Band },
    #[error("Refused: {opened} opened this session, most {most} ({band})")]
    CrisisCount { opened: u32, most: u32, band: Band },
    #[error("Refused: {strategy} may not be opened by a rule of entry")]
    Strategy { strategy: StrategyId },
    #[error("Refused: {strategy} is not opened in {stage}, which opens {allowed}")]
    StageStrategy { strategy: StrategyId, stage: StageId, allowed: String },
    #[error("Refused: {open} open positions with this one > {most} ({stage})")]
    StagePositions { open: u32, most: u32, stage: StageId },
    #[error("Refused: {units} open {strategy} units with this one > {most} (phase {phase})")]
    Positions { strategy: StrategyId, units: u32, most: u32, phase: u8 },
    #[error("Refused: {product} is no underlying of phase {phase}")]
    Underlying { product: Product, phase: u8 },
    #[error(
        "Refused: drawdown {} % halves new orders, and half of {units} unit is none (until below \
         {} %)",
        bound_text(round_half_up(*percent, 2)), bound_text(*until)
    )]
    HalfSize { percent: Decimal, until: Decimal, units: u32 },
    // Limit 6.
    #[error("Refused: {product} stands in no correlation group")]
    Symbol { product: Product },
    #[error("Refused: {positions} positions in {group} with this one > {most} ({why})")]
    Group { group: String, positions: u32, most: u32, why: String },
    // Limit 7.
    #[error("Refused: {strategy} already holds {product} expiring {expiration}")]
    Expiration { strategy: StrategyId, product: Product, expiration: NaiveDate },
    // Limit 8.
    #[error(
        "Refused: loss of the trade {} % > {} % of {sizing} (loss {loss})",
        beside(*percent, *bound), bound_text(*bound)
    )]
    TradeLoss { percent: Decimal, bound: Decimal, loss: Gbp, sizing: Gbp },
    // Limit 9.
    #[error(
        "Refused: buying power after the order {} % > {} % ({rule})",
        beside(*percent, *bound), bound_text(*bound)
    )]
    BuyingPower { percent: Decimal, bound: Decimal, rule: String },
    // Limit 10.
    #[error(
        "Refused: {} of {} cannot be priced for stress ({})",
        unpriced.leg, unpriced.holder, unpriced.why
    )]
    Unpriced { unpriced: Unpriced },
    #[error(
        "Refused: stress {scenario} loses {} % > {} % of net liquidation {net} (loss {loss})",
        beside(*percent, *bound), bound_text(*bound)
    )]
    Stress { scenario: String, percent: Decimal, bound: Decimal, loss: Usd, net: Usd },
    #[error("Refused: requirement x {multiple} {raised} > {left}, what stress leaves")]
    StressMargin { raised: Usd, left: Usd, multiple: Decimal },
    // Limit 11.
    #[error(
        "Refused: requirement on {underlying} {} % > {} % of {sizing} ({requirement})",
        beside(*percent, *bound), bound_text(*bound)
    )]
    Concentration {
        underlying: String,
        percent: Decimal,
        bound: Decimal,
        requirement: Gbp,
        sizing: Gbp,
    },
    // Limit 12.
    #[error("Refused: open interest of {leg} {open_interest} < {bound}")]
    OpenInterest { leg: String, open_interest: u32, bound: u32 },
    #[error("Refused: {contracts} of {leg} > {percent} % of its open interest {open_interest}")]
    SizeOfInterest { leg: String, contracts: u32, open_interest: u32, percent: Decimal },
    // Limit 13.
    #[error("Refused: {orders} orders in a minute with this one > {bound}")]
    OrdersAMinute { orders: u32, bound: u32 },
    #[error("Refused: {orders} orders today with this one > {bound}")]
    OrdersADay { orders: u32, bound: u32 },
    #[error("Refused: {rejections} rejections today, {bound} stop entries")]
    Rejections { rejections: u32, bound: u32 },
    // Limit 14.
    #[error("Refused: price {price} has the wrong sign")]
    Sign { price: NetPrice },
    #[error("Refused: credit {credit} is not below the width {width}")]
    CreditWidth { credit: Decimal, width: Decimal },
    #[error(
        "Refused: mid {mid} is {} points from the model's {model} > {}",
        beside(*distance, *bound), bound_text(*bound)
    )]
    ModelValue { mid: NetPrice, model: NetPrice, distance: Decimal, bound: Decimal },
    // Limit 15.
    #[error("Refused: {id} or another entry of this slot exists already")]
    Duplicate { id: IntentId },
    // Rulebook §4.1: fees.
    #[error(
        "Refused: round-trip fees {fees} are {} % > {} % of the profit target {target}",
        beside(*percent, *bound), bound_text(*bound)
    )]
    Fees { percent: Decimal, bound: Decimal, fees: Usd, target: Usd },
    // Risk-reducing orders.
    #[error("Refused: {leg} does not reduce the position")]
    NotReducing { leg: String },
}

/// A figure of a refusal as JSON has it: a number where it is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    /// A number.
    Number(f64),
    /// Anything else.
    Text(String),
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.pad(text),
        }
    }
}

/// A refusal as it is kept and printed: which limit, what was found, what it is held to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefusalRow {
    /// The limit's stable name.
    pub limit: String,
    /// What was found.
    pub value: Figure,
    /// What it is held to.
    pub bound: Figure,
    /// `percent`, `gbp`, `usd`, `points`, `hours`, `seconds`, `milliseconds`, `count` or `text`.
    pub unit: String,
    /// The sentence a person reads.
    pub text: String,
}

impl Refusal {
    /// The row of this refusal.
    pub fn row(&self) -> RefusalRow {
        let Figures { limit, value, bound, unit } = self.figures();
        let text = self.to_string();
        RefusalRow { limit: limit.to_owned(), value, bound, unit: unit.to_owned(), text }
    }

    fn figures(&self) -> Figures {
        match self {
            Self::Latch { level, .. } => words("latch", level.name(), "ACTIVE"),
            Self::NotReconciled => words("reconciled", "no", "yes"),
            Self::Account { flag } => words("account", flag, "free to trade"),
            Self::BelowFirstPhase { net_liquidation, floor } => {
                numbers("phase", net_liquidation.0, floor.0, "gbp")
            }
            Self::PaperOpensNothing => words("stage", "paper", "stage 1 or later"),
            Self::Unacknowledged { hours: None, .. } => words("ack", "never", "acknowledged"),
            Self::Unacknowledged { hours: Some(hours), bound, .. } => {
                numbers("ack", *hours, Decimal::from(*bound), "hours")
            }
            Self::StageStrategy { strategy, allowed, .. } => {
                words("stage_strategy", strategy, allowed)
            }
            Self::StagePositions { open, most, .. } => {
                numbers("stage_positions", *open, *most, "count")
            }
            Self::Missing { what } => words("data", format_args!("no {what}"), "present"),
            Self::NotPositive { what, value } => {
                words("data", format_args!("{what} {value}"), "above zero")
            }
            Self::Stale { seconds, bound, .. } => numbers("data", *seconds, *bound, "seconds"),
            Self::Broken { what, .. } => words("data", format_args!("broken {what}"), "usable"),
            Self::ClockSkew { milliseconds, bound } => {
                numbers("clock_skew", *milliseconds, *bound, "milliseconds")
            }
            Self::SessionClosed { at } => words("session", instant(*at), "in session"),
            Self::AfterOpen { seconds, bound } => numbers("session", *seconds, *bound, "seconds"),
            Self::Window { at, from, to } => {
                let bound = format!("{} to {}", instant(*from), instant(*to));
                words("window", instant(*at), bound)
            }
            Self::Event { kind, at, until, .. } => {
                words(kind.key(), instant(*at), format_args!("after {}", instant(*until)))
            }
            Self::ManageOnly { band } => words("vix", band, "no crisis"),
            Self::NoStrangles { band } => words("vix", band, "a band with strangles"),
            Self::PutsOnly { structure, .. } => words("vix", structure, "short puts"),
            Self::CrisisCount { opened, most, .. } => numbers("vix", *opened, *most, "count"),
            Self::Strategy { strategy } => words("strategy", strategy, "one of the rulebook"),
            Self::Positions { units, most, .. } => numbers("positions", *units, *most, "count"),
            Self::Underlying { product, .. } => words("underlying", product, "one of the phase"),
            Self::HalfSize { percent, until, .. } => {
                numbers("half_size", *percent, *until, "percent")
            }
            Self::Expiration { expiration, .. } => words("expiration", expiration, "another"),
            Self::TradeLoss { percent, bound, .. } => {
                numbers("trade_loss", *percent, *bound, "percent")
            }
            Self::BuyingPower { percent, bound, .. } => {
                numbers("buying_power", *percent, *bound, "percent")
            }
            Self::Symbol { product } => words("group", product, "one of the groups"),
            Self::Group { positions, most, .. } => numbers("group", *positions, *most, "count"),
            Self::Unpriced { unpriced } => words("stress", &unpriced.leg, "priced"),
            Self::Stress { percent, bound, .. } => numbers("stress", *percent, *bound, "percent"),
            Self::StressMargin { raised, left, .. } => {
                numbers("stress_margin", raised.0, left.0, "usd")
            }
            Self::Concentration { percent, bound, .. } => {
                numbers("concentration", *percent, *bound, "percent")
            }
            Self::OpenInterest { open_interest, bound, .. } => {
                numbers("open_interest", *open_interest, *bound, "count")
            }
            Self::SizeOfInterest { contracts, open_interest, percent, .. } => {
                let most = Decimal::from(*open_interest) * percent / Decimal::ONE_HUNDRED;
                numbers("size_of_interest", Decimal::from(*contracts), most, "count")
            }
            Self::OrdersAMinute { orders, bound } => {
                numbers("orders_a_minute", *orders, *bound, "count")
            }
            Self::OrdersADay { orders, bound } => numbers("orders_a_day", *orders, *bound, "count"),
            Self::Rejections { rejections, bound } => {
                numbers("rejections", *rejections, *bound, "count")
            }
            Self::Sign { price } => numbers("sign", price.0, Decimal::ZERO, "points"),
            Self::CreditWidth { credit, width } => numbers("price", *credit, *width, "points"),
            Self::ModelValue { distance, bound, .. } => {
                numbers("model_value", *distance, *bound, "points")
            }
            Self::Duplicate { id } => words("duplicate", id, "one entry a slot"),
            Self::Fees { percent, bound, .. } => numbers("fees", *percent, *bound, "percent"),
            Self::NotReducing { leg } => words("effect", leg, "closes what is held"),
        }
    }
}

/// A row without its sentence.
struct Figures {
    limit: &'static str,
    value: Figure,
    bound: Figure,
    unit: &'static str,
}

fn words(limit: &'static str, value: impl fmt::Display, bound: impl fmt::Display) -> Figures {
    let [value, bound] = [value.to_string(), bound.to_string()].map(Figure::Text);
    Figures { limit, value, bound, unit: "text" }
}

fn numbers<T: Into<Decimal>>(
    limit: &'static str,
    value: T,
    bound: T,
    unit: &'static str,
) -> Figures {
    let [value, bound] =
        [value, bound].map(|figure| Figure::Number(to_f64(round_half_up(figure.into(), 4))));
    Figures { limit, value, bound, unit }
}

/// The name of an instant in a sentence: RFC 3339, UTC, to the second.
fn instant(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A figure beside its bound for people: one decimal, or as many as it takes to tell them apart.
fn beside(value: Decimal, bound: Decimal) -> String {
    let print =
        |value, places: u32| format!("{:.1$}", round_half_up(value, places), places as usize);
    let differs = |places: &u32| round_half_up(value, *places) != round_half_up(bound, *places);
    print(value, (1..6).find(differs).unwrap_or(6))
}

fn acknowledged(hours: Option<Decimal>, bound: u32) -> String {
    match hours {
        None => "and it was never acknowledged".to_owned(),
        Some(hours) => {
            format!("and it was acknowledged {} h ago > {bound} h", beside(hours, bound.into()))
        }
    }
}

/// A bound for people, with at least one decimal.
fn bound_text(bound: Decimal) -> String {
    let bound = bound.normalize();
    if bound.scale() == 0 { format!("{bound:.1}") } else { bound.to_string() }
}
