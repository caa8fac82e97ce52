//! What is held and owed: order legs, fills, positions, balances; and the margin model.

/// Legs with the market they stand in.
pub mod exposure;
/// Holds, and the latch level they add up to.
pub mod hold;
/// Buying power by the margin rules (domain/reference.md §5): the fallback where no dry run is.
pub mod margin;
#[cfg(test)]
mod tests;

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    instrument::{Instrument, Product},
    money::{FxRate, Gbp, Usd},
};

/// A strategy of the rulebook (§4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyId {
    /// Friday 0DTE (§4.1).
    #[serde(rename = "friday_0dte")]
    Friday0dte,
    /// LT112, "1-1-2" (§4.2).
    Lt112,
    /// Strangles (§4.3).
    Strangle,
    /// Income poor man's covered call (§4.4).
    Ipmcc,
    /// LEAP put ladder (§4.5).
    LeapLadder,
    /// Put ratio (§4.6).
    Ratio,
    /// Friday butterfly (§4.6).
    Butterfly,
    /// Diagonal (§4.6).
    Diagonal,
    /// Box: money lent at an implied rate (§4.6).
    Box,
    /// Adopted from the broker; nobody's strategy, touched only by FLATTEN.
    External,
}

impl StrategyId {
    /// Every strategy of the rulebook, in its order.
    pub const TRADED: [Self; 9] = [
        Self::Friday0dte,
        Self::Lt112,
        Self::Strangle,
        Self::Ipmcc,
        Self::LeapLadder,
        Self::Ratio,
        Self::Butterfly,
        Self::Diagonal,
        Self::Box,
    ];

    /// The name in reports, files and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Friday0dte => "friday_0dte",
            Self::Lt112 => "lt112",
            Self::Strangle => "strangle",
            Self::Ipmcc => "ipmcc",
            Self::LeapLadder => "leap_ladder",
            Self::Ratio => "ratio",
            Self::Butterfly => "butterfly",
            Self::Diagonal => "diagonal",
            Self::Box => "box",
            Self::External => "external",
        }
    }

    /// What the ids of its intents begin with.
    pub fn id_word(self) -> &'static str {
        match self {
            Self::Friday0dte => "zdte",
            Self::LeapLadder => "leap",
            other => other.name(),
        }
    }
}

impl fmt::Display for StrategyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! text_id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_id!(
    IntentId,
    "An intent: `zdte-20240802-1`, a pure function of slot, strategy and ordinal; an exit's is `<position>-x<ordinal>`."
);
text_id!(PositionId, "A position of the ledger: the id of the intent that opened it.");
text_id!(BrokerOrderId, "The broker's own id of an order; never reused as ours.");

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Adds to the quantity held.
    Buy,
    /// Takes from the quantity held.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// +1 for a buy, −1 for a sell.
    pub fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }
}

/// Whether a leg opens or closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Opens or adds to a position.
    Open,
    /// Closes or takes from a position.
    Close,
}

/// One leg of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// What is traded.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Contracts in one unit of the order, above zero.
    pub ratio: u32,
    /// Open or close.
    pub effect: Effect,
}

/// A net price per unit of an order, signed: a credit is above zero, a debit below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetPrice(#[serde(deserialize_with = "crate::money::points")] pub Decimal);

impl fmt::Display for NetPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.0 < Decimal::ZERO { "debit" } else { "credit" };
        write!(f, "{} {word}", self.0.abs().normalize())
    }
}

/// One fill of one leg, as the venue confirmed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The venue's id of the fill; the key by which repeats are dropped.
    pub id: String,
    /// What was traded.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Contracts, above zero.
    pub quantity: u32,
    /// Price per contract in points, at or above zero.
    #[serde(deserialize_with = "crate::money::points")]
    pub price: Decimal,
    /// Commission, exchange, clearing and regulatory fees, at or above zero.
    pub fees: Usd,
    /// The instant of the fill.
    pub at: Timestamp,
}

impl Fill {
    /// Cash the fill brings (above zero) or costs, before fees.
    pub fn cash(&self) -> Usd {
        let signed = Decimal::from(-self.side.sign() * i64::from(self.quantity));
        Usd(signed * self.price * self.instrument.multiplier())
    }
}

/// One line of what the broker says is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// What is held.
    pub instrument: Instrument,
    /// Contracts or shares; below zero is short.
    pub quantity: i64,
    /// Average opening price in points.
    #[serde(deserialize_with = "crate::money::points")]
    pub average_price: Decimal,
}

/// The money of an account at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balances {
    /// Cash.
    pub cash_usd: Usd,
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Usd,
    /// Buying power used by everything held and by working opening orders.
    pub requirement_usd: Usd,
    /// The instant the broker computed them.
    pub at: Timestamp,
}

impl Balances {
    /// Net liquidation in pounds at a rate, rounded to the penny.
    pub fn net_liquidation_gbp(&self, rate: FxRate) -> Gbp {
        rate.to_gbp(self.net_liquidation_usd).rounded()
    }
}

/// Flags of the account that decide whether it may trade (rulebook §5 limit 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // the broker's own flags, one each
pub struct TradingStatus {
    /// Only closing orders are accepted.
    pub closing_only: bool,
    /// Nothing is accepted.
    pub frozen: bool,
    /// In a margin call.
    pub margin_call: bool,
    /// Futures may be traded.
    pub futures_enabled: bool,
}

/// Why a position was closed. The words are those of the replay's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// The resting profit order filled.
    ProfitTarget,
    /// The loss reached the stop.
    Stop,
    /// The 14:30 evaluation (or its early-close equivalent) closed it.
    Evaluation,
    /// The time exit (14:50 or its early-close equivalent).
    TimeExit,
    /// Settled at expiry.
    Expired,
    /// A short option was about to be assigned (§4.7).
    AssignmentRisk,
    /// What an exercise or assignment delivered was closed (§4.7).
    Delivered,
    /// A jump of VIX closes 0DTE (rulebook §6).
    VixSpike,
    /// So many days to expiry were left (§4.2 to §4.7).
    Dte,
    /// A short's delta called for it (§4.3).
    Defence,
    /// The underlying came too near the short strike, or touched the long one (§4.2, §4.6).
    NearStrike,
    /// VIX was above the strategy's bound (§4.3, §4.6).
    VixAbove,
    /// The long call lost too much (§4.4).
    LeapLoss,
    /// Cut to bring the account's risk down (rulebook §1, §6).
    Reduced,
    /// FLATTEN.
    Flatten,
    /// The owner closed it at the broker.
    External,
    /// The owner asked for it, by the program.
    Owner,
    /// The entry's legs filled unevenly and could not be completed.
    Incomplete,
}

impl ExitReason {
    /// In words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::ProfitTarget => "profit target",
            Self::Stop => "stop",
            Self::Evaluation => "evaluation",
            Self::TimeExit => "time exit",
            Self::Expired => "expired",
            Self::AssignmentRisk => "assignment risk",
            Self::Delivered => "delivered and closed",
            Self::VixSpike => "VIX spike",
            Self::Dte => "days to expiry",
            Self::Defence => "defence",
            Self::NearStrike => "near the strike",
            Self::VixAbove => "VIX above its bound",
            Self::LeapLoss => "loss of the long call",
            Self::Reduced => "risk reduced",
            Self::Flatten => "flattened",
            Self::External => "closed outside",
            Self::Owner => "closed by the owner",
            Self::Incomplete => "entry incomplete",
        }
    }
}

/// One held leg of a position of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionLeg {
    /// What is held.
    pub instrument: Instrument,
    /// Contracts still open; below zero is short.
    pub quantity: i64,
    /// Average price of the opening fills, in points.
    #[serde(deserialize_with = "crate::money::points")]
    pub open_price: Decimal,
    /// Contracts in one unit of the order that opened it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub ratio: u32,
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_one(ratio: &u32) -> bool {
    *ratio == 1
}

/// A position of the ledger: what one entry intent filled, until its last leg is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The id of the entry intent.
    pub id: PositionId,
    /// Whose it is.
    pub strategy: StrategyId,
    /// The product.
    pub product: Product,
    /// Legs with what is still open.
    pub legs: Vec<PositionLeg>,
    /// Units opened.
    pub units: u32,
    /// Net credit received a unit, in points; below zero for a debit.
    #[serde(deserialize_with = "crate::money::points")]
    pub credit: Decimal,
    /// Width of the widest wing in points; `None` for undefined risk.
    #[serde(default, deserialize_with = "crate::money::maybe_points")]
    pub width: Option<Decimal>,
    /// First fill.
    pub opened_at: Timestamp,
    /// Last closing fill or settlement.
    pub closed_at: Option<Timestamp>,
    /// Why it was closed.
    pub exit_reason: Option<ExitReason>,
    /// Opening and closing cash so far, fees not counted.
    pub cash_usd: Usd,
    /// Fees so far.
    pub fees_usd: Usd,
    /// The rate P&L is shown in pounds at: that of the closing day, once closed.
    pub closing_rate: Option<FxRate>,
    /// The next close ordinal; grows only once the former close is terminal.
    pub next_close: u32,
}

impl Position {
    /// True while any leg is open.
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Realised profit after fees, meaningful once closed.
    pub fn pnl_usd(&self) -> Usd {
        self.cash_usd - self.fees_usd
    }

    /// Realised profit in pounds at the closing rate.
    pub fn pnl_gbp(&self) -> Option<Gbp> {
        self.closing_rate.map(|rate| rate.to_gbp(self.pnl_usd()).rounded())
    }
}
