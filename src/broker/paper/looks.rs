//! One look at one order: what its state, the hours and the quotes make of it now.

use rust_decimal::Decimal;

use super::{
    fees,
    fill::{self, Look, next_grid},
    floor::Floor,
    order::VenueOrder,
    price::LegBook,
    state::Event,
    ticks,
};
use crate::{
    account::{Fill, Leg},
    broker::OrderStatus,
    clock::Timestamp,
    instrument::{Instrument, OptionContract},
    market::OptionQuote,
};

/// The reason of a replacement whose original was filled first.
pub const REPLACED_ORDER_FILLED: &str = "replaced_order_filled";

/// The reason of an order that the exchange rejected for no reason of ours.
pub const EXCHANGE_REJECTED: &str = "rejected_by_exchange";

impl Floor {
    /// Looks at an order that is due.
    pub(super) async fn look_at(&mut self, id: u64, now: Timestamp) {
        let order = self.state.orders.get(&id).filter(|order| !order.status.is_terminal());
        let Some(order) = order.cloned() else {
            self.due.remove(&id);
            return;
        };
        if now >= order.window.close {
            self.end_the_day(&order);
            return;
        }
        match order.status {
            OrderStatus::Received if self.waits_for_another(&order) => {
                self.schedule(&order, now);
            }
            OrderStatus::Received => self.go_live(&order, now).await,
            OrderStatus::CancelRequested if order.live_at.is_none() => {
                self.finish_cancel(&order, now);
            }
            _ => self.work(&order, now).await,
        }
    }

    /// The hours are over: what was to be cancelled is, the rest expires.
    fn end_the_day(&mut self, order: &VenueOrder) {
        let status = match order.status {
            OrderStatus::CancelRequested => OrderStatus::Cancelled,
            _ => OrderStatus::Expired,
        };
        self.end(order.id, order.window.close, status, None);
    }

    /// Ends an order, for good.
    pub(super) fn end(
        &mut self,
        id: u64,
        at: Timestamp,
        status: OrderStatus,
        reason: Option<String>,
    ) {
        let open = self.state.orders.get(&id).is_some_and(|order| !order.status.is_terminal());
        if open {
            self.record(Event::Ended { id, at, status, reason });
        }
        self.due.remove(&id);
    }

    /// The open: a waiting order is checked again and begins to work.
    async fn go_live(&mut self, order: &VenueOrder, now: Timestamp) {
        if let Err(refusal) = self.still_allowed(order).await {
            self.end(order.id, now, OrderStatus::Rejected, Some(refusal.code.to_owned()));
            return;
        }
        self.record(Event::WentLive { id: order.id, at: now });
        self.reschedule(order.id, now);
    }

    /// A look at a working order: a fill if the market allows one, then a cancel if one was asked.
    async fn work(&mut self, order: &VenueOrder, now: Timestamp) {
        let at = Timestamp::from_timestamp(now.timestamp(), 0).unwrap_or(now);
        if order.filled_units == 0
            && order.uneven.is_none()
            && order.status == OrderStatus::Live
            && fill::is_rejected(&self.ground.settings.fills, order.id)
        {
            let reason = EXCHANGE_REJECTED.to_owned();
            return self.end(order.id, now, OrderStatus::Rejected, Some(reason));
        }
        let books = self.books(&order.legs, now).await;
        let fills = &self.ground.settings.fills;
        let behind = self.state.is_behind(order, self.due.keys());
        let look = fill::look(fills, order, books.as_deref(), behind, at);
        let far = next_grid(now, fills.far_grid_seconds).min(order.window.close);
        let filled = match &look {
            Look::Fill { units, prices } => self.fill(order, *units, prices, at),
            Look::Leg { leg, prices } => self.fill_leg(order, *leg, prices, at),
            Look::Near | Look::Far => false,
        };
        let ended = !self.due.contains_key(&order.id);
        if order.status == OrderStatus::CancelRequested {
            if filled && let Some(new) = order.replaced_by {
                self.abort_replacement(order.id, new, now);
            } else if !ended {
                self.finish_cancel(order, now);
            }
        } else if !ended {
            self.reschedule(order.id, now);
            if look == Look::Far {
                self.due.insert(order.id, far);
            }
        }
    }

    /// Fills units of an order; false when a closing leg is no longer covered, which ends it.
    fn fill(&mut self, order: &VenueOrder, units: u32, prices: &[Decimal], at: Timestamp) -> bool {
        if order.strict_effect && !self.state.covers(order, units) {
            self.end_uncovered(order, at);
            return false;
        }
        let before = self.state.fills_of(order.id).len();
        let legs = order.legs.iter().zip(prices).enumerate();
        let fills = legs.map(|(index, (leg, price))| {
            self.filled(order, before + index + 1, leg, units, *price, at)
        });
        let fills = fills.collect();
        self.record(Event::Filled { id: order.id, at, units, fills });
        if units == order.remaining() {
            self.due.remove(&order.id);
        }
        true
    }

    /// Fills one leg of one unit; false when it closes and is no longer covered, which ends the
    /// order.
    fn fill_leg(
        &mut self,
        order: &VenueOrder,
        index: usize,
        prices: &[Decimal],
        at: Timestamp,
    ) -> bool {
        let Some((leg, price)) = order.legs.get(index).zip(prices.get(index)) else { return false };
        if order.strict_effect && !self.state.covers_leg(leg, 1) {
            self.end_uncovered(order, at);
            return false;
        }
        let number = self.state.fills_of(order.id).len() + 1;
        let fill = self.filled(order, number, leg, 1, *price, at);
        let prices = prices.to_vec();
        self.record(Event::LegFilled { id: order.id, at, leg: index, prices, fill });
        let ended = self.state.orders.get(&order.id).is_none_or(|order| order.status.is_terminal());
        if ended {
            self.due.remove(&order.id);
        }
        true
    }

    /// A closing leg is no longer held: the rest of the order is rejected.
    fn end_uncovered(&mut self, order: &VenueOrder, at: Timestamp) {
        let reason = "closing_with_no_position".to_owned();
        self.end(order.id, at, OrderStatus::Rejected, Some(reason));
    }

    /// The fill of a leg, the order's `number`-th, with its fees.
    fn filled(
        &self,
        order: &VenueOrder,
        number: usize,
        leg: &Leg,
        units: u32,
        price: Decimal,
        at: Timestamp,
    ) -> Fill {
        let (settings, quantity) = (&self.ground.settings, leg.ratio * units);
        Fill {
            id: format!("{}-{number}", order.id),
            instrument: leg.instrument.clone(),
            side: leg.side,
            quantity,
            price: price.normalize(),
            fees: fees::of_trade(settings, &leg.instrument, leg.effect, quantity),
            at,
        }
    }

    /// The original was filled before its replacement took its place: it works on.
    fn abort_replacement(&mut self, original: u64, new: u64, now: Timestamp) {
        let works = self.state.orders.get(&original).is_some_and(|o| !o.status.is_terminal());
        if works {
            self.record(Event::ReplaceAborted { id: original, at: now });
            self.reschedule(original, now);
        }
        let reason = REPLACED_ORDER_FILLED.to_owned();
        self.end(new, now, OrderStatus::Rejected, Some(reason));
    }

    /// A cancel that no fill forestalled; the order that replaces it begins to work.
    fn finish_cancel(&mut self, order: &VenueOrder, now: Timestamp) {
        self.end(order.id, now, OrderStatus::Cancelled, None);
        let new = order.replaced_by.and_then(|id| self.state.orders.get(&id)).cloned();
        let Some(new) = new.filter(|new| new.status == OrderStatus::Received) else { return };
        if new.window.contains(now) {
            self.record(Event::WentLive { id: new.id, at: now });
        }
        self.reschedule(new.id, now);
    }

    /// The market of every leg, or `None` when one of them cannot be traded now.
    async fn books(&self, legs: &[Leg], now: Timestamp) -> Option<Vec<LegBook>> {
        let contracts: Vec<OptionContract> = legs.iter().filter_map(option_of).collect();
        let quotes = self.ground.market.quotes(&contracts).await.ok()?;
        let fills = &self.ground.settings.fills;
        let mut books = Vec::with_capacity(legs.len());
        for leg in legs {
            let mut book = match &leg.instrument {
                Instrument::Option(contract) => {
                    let quote = quotes.iter().find(|quote| quote.contract == *contract)?;
                    self.option_book(leg, quote, now)?
                }
                outright => self.outright_book(leg, outright).await?,
            };
            let missing = |(contracts, seconds)| fill::not_back(fills, contracts, seconds);
            let reach = i64::from(fills.size_back_seconds);
            let taken: u32 = self.state.taken(leg, now, reach).map(missing).sum();
            book.displayed = book.displayed.saturating_sub(taken);
            book.untouched = taken == 0;
            books.push(book);
        }
        Some(books)
    }

    fn option_book(&self, leg: &Leg, quote: &OptionQuote, now: Timestamp) -> Option<LegBook> {
        let fills = &self.ground.settings.fills;
        let age = now - quote.at;
        if quote.is_broken() || age.num_seconds() > i64::from(fills.stale_quote_seconds) {
            return None;
        }
        let share = quote.mid() * fills.wide_quote_percent / Decimal::ONE_HUNDRED;
        let ticks = ticks::of_option(&quote.contract, quote.mid());
        if quote.spread() > share.max(ticks * Decimal::from(fills.wide_quote_ticks)) {
            return None;
        }
        let displayed = fill::displayed(fills, quote.open_interest);
        LegBook::new(leg, quote.bid, quote.ask, displayed)
    }

    /// Futures and shares are quoted one tick wide around their price.
    async fn outright_book(&self, leg: &Leg, instrument: &Instrument) -> Option<LegBook> {
        let mark = self.ground.market.mark(instrument).await.ok()?;
        let bid = ticks::down(instrument, mark);
        let ask = ticks::above(instrument, bid);
        // A hundred shares are shown where one contract is.
        let each = if matches!(instrument, Instrument::Shares { .. }) { 100 } else { 1 };
        let displayed = self.ground.settings.fills.displayed_contracts_max.saturating_mul(each);
        LegBook::new(leg, bid, ask, displayed)
    }
}

fn option_of(leg: &Leg) -> Option<OptionContract> {
    match &leg.instrument {
        Instrument::Option(contract) => Some(contract.clone()),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    }
}
