//! Decisions: one file per strategy, pure functions over a `Snapshot`.

/// Assignment risk and pin risk.
pub mod assignment;
/// Average true range.
mod atr;
/// At what loss and profit a position is closed, to be shown.
pub mod bounds;
/// The Friday butterfly (rulebook §4.6).
pub mod butterfly;
/// Choosing legs.
mod choose;
/// The order that closes a position.
pub mod closing;
/// The diagonal (rulebook §4.6).
pub mod diagonal;
/// Exponential moving average.
mod ema;
/// What tests on far expirations stand on.
#[cfg(test)]
mod far_fixture;
/// The filters of the day.
mod day;
#[cfg(test)]
pub(crate) mod fixture;
/// An order somebody wrote down.
pub mod draft;
/// Friday 0DTE (rulebook §4.1).
pub mod friday_0dte;
/// IPMCC (rulebook §4.4).
pub mod ipmcc;
/// The prices of working orders over time (rulebook §4 common).
pub mod ladder;
/// The LEAP put ladder (rulebook §4.5).
pub mod leap_ladder;
/// The box (rulebook §4.6).
pub mod lending_box;
/// LT112 (rulebook §4.2).
pub mod lt112;
/// Watching an open position.
pub mod manage;
/// Which mids may fire a stop.
pub mod mark;
/// The model's value of an order.
mod model;
/// What an order is chosen from.
mod moment;
/// The put ratio (rulebook §4.6).
pub mod ratio;
/// What every strategy is to the rest of the program.
pub mod rule;
/// The sheet a decision is written on.
mod sheet;
/// Strangles (rulebook §4.3).
pub mod strangle;
/// The strategies in force: one line each.
mod table;
/// Ticks of legs and of whole orders.
mod ticks;
/// The universal exit (rulebook §4.7).
pub mod universal;

use std::{collections::BTreeMap, sync::Arc};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::{
    atr::wilder_atr,
    rule::{AdjustReason, Need, Pick, Reach, Rule},
    table::{RULES, rule},
};
use crate::{
    account::{
        Balances, ExitReason, IntentId, Leg, NetPrice, Position, PositionId, StrategyId,
        TradingStatus,
        exposure::{Book, OwnersOrder},
        hold::Hold,
    },
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, stages::StageId},
    instrument::{Product, Series},
    market::{
        Chain, DailyBar, EventDay, EventKind, MarketError, OptionQuote, UnderlyingQuote, VixQuote,
    },
    money::{FxRate, Usd},
};

/// All an entry decision may look at, gathered at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The slot the decision is for.
    pub slot: Timestamp,
    /// The moment of gathering.
    pub now: Timestamp,
    /// The XNYS session of the day; `None` when the day is none.
    pub session: Option<Session>,
    /// The date of the XNYS session before the day.
    pub previous_session: Option<NaiveDate>,
    /// The figures in force.
    pub rulebook: Arc<Rulebook>,
    /// Active holds.
    pub holds: Vec<Hold>,
    /// Ledger and broker agree since the last start or reconnect.
    pub reconciled: bool,
    /// Balances; `None` when the broker could not give them.
    pub balances: Option<Balances>,
    /// The drawdown, percent, while it halves new orders (rulebook §6).
    pub halved_at: Option<Decimal>,
    /// Flags of the account.
    pub trading_status: Option<TradingStatus>,
    /// The deployment stage in force (rulebook §3).
    pub stage: StageId,
    /// When an operator last acknowledged a daily report.
    pub acked_at: Option<Timestamp>,
    /// The account phase in force so far, 1 to 4, for its hysteresis (rulebook §2); `None` when none
    /// was ever set.
    pub previous_phase: Option<u8>,
    /// The pound-dollar rate of the day.
    pub fx: Option<FxRate>,
    /// VIX.
    pub vix: Option<VixQuote>,
    /// Our clock against the feed's or the broker's, milliseconds.
    pub clock_skew_ms: i64,
    /// Open positions of the ledger, EXTERNAL included.
    pub positions: Vec<Position>,
    /// Positions closed today.
    pub closed_today: Vec<Position>,
    /// Intents not yet terminal.
    pub open_intents: Vec<Intent>,
    /// Working orders the owner sent himself.
    pub owners_orders: Vec<OwnersOrder>,
    /// Everything held and working with its market; `None` where nobody gathered it.
    pub book: Option<Book>,
    /// Ids of every intent ever made for this slot.
    pub slot_intents: Vec<IntentId>,
    /// Opening orders sent in the last minute.
    pub orders_last_minute: u32,
    /// Opening orders sent today.
    pub orders_today: u32,
    /// Rejections today.
    pub rejections_today: u32,
    /// Events around the day, by kind.
    pub events: BTreeMap<EventKind, EventDay>,
    /// What is known of each product a strategy asked for.
    pub products: BTreeMap<Product, ProductData>,
}

/// One product's market in a snapshot.
#[derive(Debug, Clone)]
pub struct ProductData {
    /// The underlying of the first series picked (for a quarterly Friday's PM option on ES, the
    /// next future), else of the front.
    pub underlying: Result<UnderlyingQuote, MarketError>,
    /// The index's last trade, to scale ATR by traded/index.
    pub index_last: Option<Decimal>,
    /// The index's regular sessions through yesterday, oldest first.
    pub bars: Vec<DailyBar>,
    /// Its 30-day implied volatility at closes through yesterday, percent, oldest first.
    pub volatilities: Vec<(NaiveDate, f64)>,
    /// Series listed today that expire within the strategy's reach.
    pub series: Vec<Series>,
    /// The chains of the series picked, in that order; what could not be read is left out.
    pub chains: Vec<SeriesChain>,
}

/// One series' strikes, with the underlying its options exercise into.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesChain {
    /// The strikes.
    pub chain: Chain,
    /// Its underlying.
    pub underlying: UnderlyingQuote,
}

impl ProductData {
    /// The chain of a series.
    pub fn chain_of(&self, series: &Series) -> Option<&SeriesChain> {
        self.chains.iter().find(|of| of.chain.series == *series)
    }
}

/// A call and a put spread sold together.
pub const IRON_CONDOR: &str = "iron condor";
/// A call sold, a higher call bought.
pub const CALL_SPREAD: &str = "call spread";
/// A put sold, a lower put bought.
pub const PUT_SPREAD: &str = "put spread";

/// One filter of a decision: what was looked at, against what, and how it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// The filter's name, stable.
    pub name: String,
    /// What was found, with its unit.
    pub value: String,
    /// What it is held against.
    pub bound: String,
    /// Passed.
    pub passed: bool,
}

/// What a strategy decided. "No trade" is a decision with reasons.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// Every filter, in the order looked at.
    pub filters: Vec<Filter>,
    /// Candidates in order of preference; empty for no trade.
    pub candidates: Vec<Candidate>,
}

/// An order a strategy would like to open.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Whose.
    pub strategy: StrategyId,
    /// The product.
    pub product: Product,
    /// What it is called: [`IRON_CONDOR`], [`CALL_SPREAD`], `strangle`.
    pub structure: &'static str,
    /// Legs for one unit.
    pub legs: Vec<Leg>,
    /// The quotes the decision was made on, by leg.
    pub quotes: Vec<OptionQuote>,
    /// Units.
    pub units: u32,
    /// Net mid a unit.
    pub mid: NetPrice,
    /// Net natural a unit (sells at bid, buys at ask).
    pub natural: NetPrice,
    /// The entry ladder never goes below this.
    pub minimum: NetPrice,
    /// Tick of the net price.
    pub tick: Decimal,
    /// How the price is worked; an entry by [`Ladder::Entry`].
    pub ladder: Ladder,
    /// Most a unit is worth against us, points (the widest wing of a credit spread); `None` for
    /// undefined risk.
    pub width: Option<Decimal>,
    /// Most the whole order can lose at the mid, fees not counted; for undefined risk zero, and the
    /// loss at the class's first shock stands for it (rulebook §5 limit 8).
    pub max_loss_usd: Usd,
    /// The value the model gives a unit, for price sanity.
    pub model_value: NetPrice,
}

/// What an intent is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Purpose {
    /// Opens a position of the same id.
    Entry,
    /// Closes a position, whole or the named legs.
    Exit {
        /// The position.
        position: PositionId,
        /// Why.
        reason: ExitReason,
    },
    /// Changes an open position: closes some of it and opens anew, in one order.
    Adjust {
        /// The position.
        position: PositionId,
        /// Why.
        reason: AdjustReason,
    },
}

impl Purpose {
    /// The position an order changes; `None` for an entry, which makes its own.
    pub fn position(&self) -> Option<&PositionId> {
        match self {
            Self::Entry => None,
            Self::Exit { position, .. } | Self::Adjust { position, .. } => Some(position),
        }
    }
}

/// How an order's price is worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ladder {
    /// From mid by ticks to the minimum, then cancelled (rulebook §4 common).
    Entry,
    /// From mid to natural, then by ticks up to the cap (rulebook §4 common).
    Exit,
    /// One price, resting until cancelled: the profit target.
    Resting,
}

/// An order that is to be worked: what the gate approves and the desk persists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Pure function of slot, strategy and ordinal, or of position and close ordinal.
    pub id: IntentId,
    /// Whose.
    pub strategy: StrategyId,
    /// The product.
    pub product: Product,
    /// Entry or exit.
    pub purpose: Purpose,
    /// The slot, or the instant of the trigger.
    pub slot: Timestamp,
    /// Legs for one unit.
    pub legs: Vec<Leg>,
    /// Units.
    pub units: u32,
    /// How the price is worked.
    pub ladder: Ladder,
    /// Entry: never below. Resting: the price. Exit: the worst price allowed (−width or so).
    pub limit: NetPrice,
    /// Tick of the net price.
    pub tick: Decimal,
    /// Widest wing in points; `None` for undefined risk.
    pub width: Option<Decimal>,
    /// Most it can lose, as approved; zero for exits.
    pub max_loss_usd: Usd,
    /// Buying power it takes, as approved; zero for exits.
    pub requirement_usd: Usd,
}
