//! The desk's tables and the rows it alone writes.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::intent::IntentRecord;
use crate::{
    account::{IntentId, Position, PositionId, hold::Hold},
    broker::BrokerOrder,
    clock::Timestamp,
    money::{FxRate, Gbp, Usd},
    risk::{breaker, decision::DecisionRecord},
    store::Table,
};

/// Holds by name; their strictest level is the latch.
pub const HOLDS: Table<Hold> = Table::new("holds", 1);
/// Every intent ever made, by id.
pub const INTENTS: Table<IntentRecord> = Table::new("intents", 1);
/// Ids of the intents that are not terminal.
pub const INTENTS_OPEN: Table<IntentId> = Table::new("intents_open", 1);
/// Every position of the ledger, by id.
pub const POSITIONS: Table<Position> = Table::new("positions", 1);
/// Ids of the positions with an open leg.
pub const POSITIONS_OPEN: Table<PositionId> = Table::new("positions_open", 1);
/// Ids of closed positions, by `<closing date>/<id>`.
pub const POSITIONS_CLOSED: Table<PositionId> = Table::new("positions_closed", 1);
/// The intent of each broker order.
pub const BROKER_ORDERS: Table<IntentId> = Table::new("broker_orders", 1);
/// Every decision, by `<slot>/<strategy>/<instant>`.
pub const DECISIONS: Table<DecisionRecord> = Table::new("decisions", 1);
/// The day's row of the equity curve, by date.
pub const EQUITY: Table<EquityRow> = Table::new("equity", 1);
/// Points of the equity curve inside a session, by date.
pub const EQUITY_POINTS: Table<Vec<EquityPoint>> = Table::new("equity_points", 1);
/// Cash as the ledger explains it; one row, `cash`.
pub const CASH: Table<CashBook> = Table::new("cash", 1);
/// Opening orders sent and rejections, by date.
pub const DAY_COUNTS: Table<DayCounts> = Table::new("day_counts", 1);
/// The broker's last transaction before the first of each date, by New York date.
pub const DAY_MARKS: Table<u64> = Table::new("day_marks", 1);
/// Orders the owner sent himself that work at the broker, by its id.
pub const EXTERNAL_ORDERS: Table<ExternalOrder> = Table::new("external_orders", 1);
/// How the last reconciliation ended; one row, `last`.
pub const LAST_LOOK: Table<LastLook> = Table::new("last_look", 1);

/// The one key of [`LAST_LOOK`].
pub const LAST_LOOK_KEY: &str = "last";

/// What the breakers remember; one row, `breakers`.
pub const BREAKERS: Table<breaker::State> = Table::new("breakers", 1);

/// The account phase in force, for its hysteresis; one row, `phase`.
pub const PHASE: Table<PhaseRow> = Table::new("phase", 1);

/// The one key of [`PHASE`].
pub const PHASE_KEY: &str = "phase";
/// The one key of [`BREAKERS`].
pub const BREAKERS_KEY: &str = "breakers";
/// The one key of [`CASH`].
pub const CASH_KEY: &str = "cash";

/// The account phase in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseRow {
    /// 1 to 4; `None` below the first.
    pub phase: Option<u8>,
    /// Since when.
    pub since: Timestamp,
    /// Net liquidation then.
    pub net_liquidation_gbp: Gbp,
}

/// A session's closing figures, written once by the end-of-day reconciliation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EquityRow {
    /// The session.
    pub date: NaiveDate,
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Usd,
    /// The same at `fx`; `None` when no rate was known.
    pub net_liquidation_gbp: Option<Gbp>,
    /// The last rate dated strictly before the session.
    pub fx: Option<FxRate>,
    /// The account phase, 1 to 4; `None` below the first.
    pub phase: Option<u8>,
    /// Buying power used by everything held.
    pub requirement_usd: Usd,
    /// The most of it the rulebook allowed, percent of sizing capital; `None` without VIX or rate.
    pub cap_percent: Option<Decimal>,
    /// The most of it in use at any point of the session, percent of sizing capital.
    pub peak_used_percent: Option<Decimal>,
    /// Profit of the positions closed in the session, after fees.
    pub realised_usd: Usd,
    /// Profit of what is open at its mark: net liquidation less cash, plus opening cash less fees.
    pub open_pnl_usd: Usd,
    /// Fees of the session.
    pub fees_usd: Usd,
    /// Fees since the ledger began.
    pub fees_total_usd: Usd,
    /// Money paid in less money paid out since the ledger began; `None` in rows of older versions.
    #[serde(default)]
    pub transfers_total_usd: Option<Usd>,
    /// Positions closed in the session.
    pub trades: u32,
}

/// One point of the equity curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityPoint {
    /// The instant of the balances.
    pub at: Timestamp,
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Usd,
    /// Buying power used by everything held and by working opening orders.
    pub requirement_usd: Usd,
    /// The rulebook's cap at that moment, percent of sizing capital.
    pub cap_percent: Option<Decimal>,
    /// Requirement over sizing capital, percent.
    pub used_percent: Option<Decimal>,
}

/// Cash as the ledger explains it: what the broker had when the ledger began, and every movement
/// since, each counted once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashBook {
    /// The broker's cash when the ledger began.
    pub opening_usd: Usd,
    /// The instant of it.
    pub since: Timestamp,
    /// Cash of our fills and settlements, fees not counted.
    pub traded_usd: Usd,
    /// Fees of our fills and settlements.
    pub fees_usd: Usd,
    /// Transfers, and trades nobody here made, fees taken off.
    pub foreign_usd: Usd,
    /// Transfers alone: what was paid in less what was paid out.
    #[serde(default)]
    pub transfers_usd: Usd,
    /// The last transaction of the broker's that has been read.
    pub last_transaction: u64,
}

impl CashBook {
    /// What the broker's cash should be.
    pub fn expected_usd(&self) -> Usd {
        self.opening_usd + self.traded_usd - self.fees_usd + self.foreign_usd
    }
}

/// An order somebody else sent: counted by the broker in buying power, touched by FLATTEN alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalOrder {
    /// The look that found it.
    pub since: Timestamp,
    /// As it was found.
    pub order: BrokerOrder,
}

/// How a reconciliation ended, for those who ask while no daemon runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLook {
    /// The look that gave this outcome first.
    pub since: Timestamp,
    /// The last look written down: each that ended otherwise, and every few minutes.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: LookOutcome,
    /// Why it is undecided.
    pub reason: Option<String>,
}

/// How a look at the books can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookOutcome {
    /// Ledger and broker agree.
    Clean,
    /// They differ.
    Differs,
    /// The broker did not answer, or the fate of an order is not known.
    Undecided,
}

/// What was sent and refused on one day; bounded by the rulebook's own order limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCounts {
    /// Instants of the opening orders sent, at most the last thousand.
    pub opening_sent: Vec<Timestamp>,
    /// Opening orders the broker rejected.
    pub rejections: u32,
}

/// An instant as keys write it: sorts by time.
pub fn instant(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The key of [`POSITIONS_CLOSED`].
pub fn closed_key(date: NaiveDate, id: &PositionId) -> String {
    format!("{date}/{id}")
}
