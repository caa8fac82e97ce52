//! What the venue is asked to do: submit, cancel, replace, and the dry run of an order.

use super::{
    check::{self, Refusal},
    fees, fill,
    floor::{Booked, Floor},
    order::{VenueOrder, Window, order_number},
    state::Event,
    valuation::{self, Item},
    windows,
};
use crate::{
    account::{Balances, BrokerOrderId, Leg, NetPrice, margin::MarginLeg},
    broker::{BrokerError, BrokerOrder, OrderRequest, OrderStatus, SubmitError},
    clock::Timestamp,
    money::Usd,
    risk::{BuyingPower, BuyingPowerSource},
};

impl Refusal {
    fn unsubmitted(self) -> SubmitError {
        SubmitError::Rejected { code: self.code.to_owned(), message: self.message }
    }
}

impl Floor {
    /// Takes an order, or refuses it with the broker's code.
    pub async fn submit(&mut self, order: &OrderRequest) -> Result<BrokerOrder, SubmitError> {
        let now = self.advance().await;
        self.alive().map_err(SubmitError::NotSent)?;
        let (legs, window) = self.admit(order, None, now).map_err(Refusal::unsubmitted)?;
        let live = window.contains(now);
        let taken = VenueOrder {
            id: self.state.next_order(),
            external_id: Some(order.external_id.clone()).filter(|id| !id.is_empty()),
            status: if live { OrderStatus::Live } else { OrderStatus::Received },
            legs,
            units: order.units,
            filled_units: 0,
            limit: order.limit,
            strict_effect: order.strict_effect,
            window,
            received_at: now,
            live_at: live.then_some(now),
            updated_at: now,
            replaces: None,
            replaced_by: None,
            reject_reason: None,
            uneven: None,
        };
        self.affordable(&taken).await.map_err(Refusal::unsubmitted)?;
        if fill::is_refused(&self.ground.settings.fills, taken.id, now) {
            let message = "the broker's checks refused the order".to_owned();
            return Err(Refusal::new("preflight_check_failure", message).unsubmitted());
        }
        self.accept(taken, now).await
    }

    /// Everything that can be said of an order without its price in buying power: the legs as
    /// taken and the hours it works in.
    fn admit(
        &self,
        order: &OrderRequest,
        besides: Option<u64>,
        now: Timestamp,
    ) -> Result<(Vec<Leg>, Window), Refusal> {
        check::form(order)?;
        self.known(&order.legs, now)?;
        let window = windows::working_hours(&self.ground.calendar, &order.legs, now);
        let window = window.ok_or_else(|| {
            Refusal::new("instrument_expired", "a leg stops trading before the order could work")
        })?;
        let legs = check::effects(&self.state, order, besides)?;
        let opens = legs.iter().any(|leg| leg.effect == crate::account::Effect::Open);
        check::allowed(self.ground.settings.status, &legs, opens)?;
        Ok((legs, window))
    }

    fn known(&self, legs: &[Leg], now: Timestamp) -> Result<(), Refusal> {
        let carried = self.ground.market.products();
        for (index, leg) in legs.iter().enumerate() {
            let product = leg.instrument.product();
            let known = windows::is_known(&self.ground.calendar, &leg.instrument, now);
            if !known || !carried.contains(&product) {
                let message = format!("leg {}: {product} lists no such instrument", index + 1);
                return Err(Refusal::new("unknown_instrument", message));
            }
        }
        Ok(())
    }

    async fn accept(
        &mut self,
        order: VenueOrder,
        now: Timestamp,
    ) -> Result<BrokerOrder, SubmitError> {
        let told = order.told(&[]);
        self.record(Event::Accepted(order.clone()));
        self.schedule(&order, now);
        self.flush().await;
        // The commit failed: whether the order is durable is not known.
        self.alive().map_err(SubmitError::Unknown)?;
        Ok(told)
    }

    /// Refuses an opening order that takes more buying power than there is.
    async fn affordable(&self, order: &VenueOrder) -> Result<(), Refusal> {
        if !order.opens() {
            return Ok(());
        }
        let failed = |message| Refusal::new("margin_check_failed", message);
        let book = self.book(Some(order.id)).await.map_err(failed)?;
        let change = self.change(&book, &order.legs, order.remaining()).await.map_err(failed)?;
        let available = book.net_liquidation - book.requirement;
        if change <= Usd::ZERO.max(available) {
            return Ok(());
        }
        Err(failed(format!("the order takes {change} of buying power, {available} is left")))
    }

    /// The checks of a waiting order at the open.
    pub(super) async fn still_allowed(&self, order: &VenueOrder) -> Result<(), Refusal> {
        check::allowed(self.ground.settings.status, &order.legs, order.opens())?;
        if order.strict_effect && !self.state.covers(order, order.remaining()) {
            return Err(Refusal::new("closing_with_no_position", "the position is gone"));
        }
        self.affordable(order).await
    }

    /// Asks for a cancel; it happens at the next look, unless a fill comes first.
    pub async fn cancel(&mut self, id: &BrokerOrderId) -> Result<(), BrokerError> {
        let now = self.advance().await;
        self.alive().map_err(BrokerError::Unavailable)?;
        let order = self.find(id)?;
        if order.status.is_terminal() {
            return Err(BrokerError::Ended(id.clone()));
        }
        // Whoever cancels an order that is being replaced wants neither: the two are parted.
        if order.status != OrderStatus::CancelRequested || order.replaced_by.is_some() {
            self.request_cancel(order.id, now);
        }
        let waiting = order.replaced_by.and_then(|id| self.state.orders.get(&id));
        if let Some(new) = waiting.filter(|new| new.status == OrderStatus::Received) {
            self.request_cancel(new.id, now);
        }
        self.flush().await;
        self.alive().map_err(BrokerError::Unavailable)
    }

    fn request_cancel(&mut self, id: u64, now: Timestamp) {
        self.record(Event::CancelRequested { id, at: now, replaced_by: None });
        self.reschedule(id, now);
    }

    /// Replaces an order: a cancel, and a new order that waits for it.
    pub async fn replace(
        &mut self,
        id: &BrokerOrderId,
        limit: NetPrice,
        external_id: &str,
    ) -> Result<BrokerOrder, SubmitError> {
        let now = self.advance().await;
        self.alive().map_err(SubmitError::NotSent)?;
        let cannot = |message: String| Refusal::new("cannot_update_order", message).unsubmitted();
        let original = self.find(id).map_err(|error| cannot(error.to_string()))?;
        if !matches!(original.status, OrderStatus::Live | OrderStatus::Received)
            || self.waits_for_another(&original)
        {
            return Err(cannot(format!("order {id} has ended or is being changed")));
        }
        let request = OrderRequest {
            external_id: external_id.to_owned(),
            legs: original.legs.clone(),
            units: original.remaining(),
            limit,
            strict_effect: original.strict_effect,
        };
        let besides = Some(original.id);
        let (legs, window) = self.admit(&request, besides, now).map_err(Refusal::unsubmitted)?;
        let new = VenueOrder {
            id: self.state.next_order(),
            external_id: Some(request.external_id).filter(|id| !id.is_empty()),
            status: OrderStatus::Received,
            legs,
            units: request.units,
            filled_units: 0,
            limit,
            window,
            received_at: now,
            live_at: None,
            updated_at: now,
            replaces: Some(original.id),
            uneven: None,
            ..original
        };
        let replaced_by = Some(new.id);
        let original = original_id(&new);
        self.record(Event::CancelRequested { id: original, at: now, replaced_by });
        self.reschedule(original, now);
        self.accept(new, now).await
    }

    /// What an order would take, were it sent now.
    pub async fn dry_run(&mut self, order: &OrderRequest) -> Result<BuyingPower, BrokerError> {
        let now = self.advance().await;
        self.alive().map_err(BrokerError::Unavailable)?;
        let refused = |refusal: Refusal| BrokerError::Refused {
            code: refusal.code.to_owned(),
            message: refusal.message,
        };
        let (legs, _) = self.admit(order, None, now).map_err(refused)?;
        let book = self.book(None).await.map_err(BrokerError::Unavailable)?;
        let change = self.change(&book, &legs, order.units).await;
        Ok(BuyingPower {
            requirement_usd: change.map_err(BrokerError::Unavailable)?,
            round_trip_fees_usd: fees::round_trip(&self.ground.settings, &legs, order.units),
            source: BuyingPowerSource::DryRun,
        })
    }

    /// The money now: worked out once an instant, unless something happens in it.
    pub async fn balances(&mut self) -> Result<Balances, BrokerError> {
        let now = self.advance().await;
        self.alive().map_err(BrokerError::Unavailable)?;
        let known = self.booked.filter(|known| known.events == self.events);
        if let Some(known) = known.filter(|known| known.balances.at == now) {
            return Ok(known.balances);
        }
        let book = self.book(None).await.map_err(BrokerError::Unavailable)?;
        let balances = Balances {
            cash_usd: self.state.account.cash_usd,
            net_liquidation_usd: book.net_liquidation,
            requirement_usd: book.requirement,
            at: now,
        };
        self.booked = Some(Booked { events: self.events, balances });
        Ok(balances)
    }

    /// Everything held and every opening leg that works, valued; `besides` is left out.
    async fn book(&self, besides: Option<u64>) -> Result<Book, String> {
        let held = self
            .state
            .holdings
            .values()
            .map(|lot| Item { instrument: lot.instrument.clone(), quantity: lot.quantity });
        let mut items: Vec<Item> = held.collect();
        let holdings = items.len();
        let working = self.state.working().filter(|order| Some(order.id) != besides);
        // A replacement is counted in the place of its original.
        let counted = working.filter(|order| order.replaced_by.is_none());
        items.extend(
            counted
                .flat_map(VenueOrder::opening)
                .map(|(instrument, quantity)| Item { instrument: instrument.clone(), quantity }),
        );
        let legs = self.value(&items).await?;
        let worth = valuation::worth(&legs[..holdings]);
        Ok(Book {
            requirement: self.requirement(&legs)?,
            net_liquidation: (self.state.account.cash_usd + worth).rounded(),
            legs,
        })
    }

    async fn value(&self, items: &[Item]) -> Result<Vec<MarginLeg>, String> {
        let found = valuation::value(&*self.ground.market, items).await;
        found.map_err(|error| format!("valuing the account: {error}"))
    }

    /// What legs would add to the requirement of a book.
    async fn change(&self, book: &Book, legs: &[Leg], units: u32) -> Result<Usd, String> {
        let items = legs.iter().map(|leg| Item {
            instrument: leg.instrument.clone(),
            quantity: leg.side.sign() * i64::from(leg.ratio) * i64::from(units),
        });
        let items: Vec<Item> = items.collect();
        let added = self.value(&items).await?;
        let all: Vec<MarginLeg> = book.legs.iter().cloned().chain(added).collect();
        Ok(self.requirement(&all)? - book.requirement)
    }

    fn requirement(&self, legs: &[MarginLeg]) -> Result<Usd, String> {
        valuation::requirement(legs, self.ground.rt.now()).map_err(|error| error.to_string())
    }

    /// An order in memory; ended ones that memory dropped are [`BrokerError::Ended`].
    fn find(&self, id: &BrokerOrderId) -> Result<VenueOrder, BrokerError> {
        let number = order_number(id).ok_or_else(|| BrokerError::NoSuchOrder(id.clone()))?;
        match self.state.orders.get(&number) {
            Some(order) => Ok(order.clone()),
            None if (1..=self.state.account.last_order).contains(&number) => {
                Err(BrokerError::Ended(id.clone()))
            }
            None => Err(BrokerError::NoSuchOrder(id.clone())),
        }
    }

    /// The cause, when a commit has failed and nothing more is done.
    pub(super) fn alive(&self) -> Result<(), String> {
        self.failure.as_ref().map_or(Ok(()), |cause| Err(format!("paper venue: {cause}")))
    }
}

/// What the account's buying power stands on at one moment.
struct Book {
    legs: Vec<MarginLeg>,
    requirement: Usd,
    net_liquidation: Usd,
}

fn original_id(replacement: &VenueOrder) -> u64 {
    replacement.replaces.unwrap_or(replacement.id)
}
