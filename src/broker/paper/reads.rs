//! What the venue tells of itself.

use chrono::NaiveTime;

use super::{VenueOrder, floor::Floor, order::order_number, tables};
use crate::{
    account::{BrokerOrderId, Holding, TradingStatus},
    broker::{BrokerError, BrokerOrder, Transaction},
    calendar::{new_york, new_york_date},
    clock::Timestamp,
    store::StoreError,
};

fn unavailable(error: &StoreError) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}

impl Floor {
    async fn present(&mut self) -> Result<Timestamp, BrokerError> {
        let now = self.advance().await;
        self.alive().map_err(BrokerError::Unavailable)?;
        Ok(now)
    }

    /// One order.
    pub async fn order(&mut self, id: &BrokerOrderId) -> Result<BrokerOrder, BrokerError> {
        self.present().await?;
        let none = || BrokerError::NoSuchOrder(id.clone());
        let number = order_number(id).ok_or_else(none)?;
        if let Some(order) = self.state.orders.get(&number) {
            return Ok(order.told(self.state.fills_of(number)));
        }
        let old = tables::old_order(&self.ground.store, number).map_err(|e| unavailable(&e))?;
        old.map(|(order, fills)| order.told(&fills)).ok_or_else(none)
    }

    /// Orders changed on today's New York date, and all that work.
    pub async fn orders_today(&mut self) -> Result<Vec<BrokerOrder>, BrokerError> {
        let today = new_york(new_york_date(self.present().await?), NaiveTime::MIN);
        let changed = |order: &&VenueOrder| order.updated_at >= today;
        let all = self.state.orders.values();
        let orders = all.filter(|order| !order.status.is_terminal() || changed(order));
        Ok(orders.map(|order| order.told(self.state.fills_of(order.id))).collect())
    }

    /// Orders changed at or after an instant.
    pub async fn order_history(
        &mut self,
        since: Timestamp,
    ) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.present().await?;
        let orders = tables::orders_since(&self.ground.store, since);
        let orders = orders.map_err(|error| unavailable(&error))?;
        Ok(orders.iter().map(|(order, fills)| order.told(fills)).collect())
    }

    /// What is held.
    pub async fn holdings(&mut self) -> Result<Vec<Holding>, BrokerError> {
        self.present().await?;
        Ok(self.state.told_holdings())
    }

    /// The flags, as set.
    pub async fn trading_status(&mut self) -> Result<TradingStatus, BrokerError> {
        self.present().await?;
        let status = self.ground.settings.status;
        Ok(TradingStatus {
            closing_only: status.closing_only,
            frozen: status.frozen,
            margin_call: status.margin_call,
            futures_enabled: status.futures_enabled,
        })
    }

    /// Cash movements with an id above `after`.
    pub async fn transactions(&mut self, after: u64) -> Result<Vec<Transaction>, BrokerError> {
        self.present().await?;
        let known = &self.state.transactions;
        let reaches = known.front().is_none_or(|first| first.id <= after.saturating_add(1));
        if reaches {
            let fresh = known.partition_point(|row| row.id <= after);
            return Ok(known.range(fresh..).cloned().collect());
        }
        let rows = tables::transactions(&self.ground.store, after);
        Ok(rows.map_err(|error| unavailable(&error))?.into())
    }
}
