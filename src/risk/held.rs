//! What is held and what works, as items; and the legs of an order with their market.

use crate::{
    account::{
        Effect, Position, StrategyId,
        exposure::{Exposure, Holder, Item, OwnersOrder},
    },
    clock::Timestamp,
    instrument::{Instrument, OptionContract},
    market::OptionQuote,
    money::to_f64,
    pricing::MINUTES_A_YEAR,
    risk::refusal::{Input, Refusal},
    strategy::{Candidate, Intent, Purpose, Snapshot, closing::quote_of},
};

/// Positions, what our working entries have not filled yet, and the owner's orders that open.
pub fn items(positions: &[Position], intents: &[Intent], orders: &[OwnersOrder]) -> Vec<Item> {
    let held = positions.iter().filter(|position| position.is_open()).map(held);
    let entries = intents.iter().filter(|intent| intent.purpose == Purpose::Entry);
    let working = entries.map(|intent| working(intent, positions));
    let items = held.chain(working).chain(orders.iter().map(owners));
    items.filter(|item| !item.legs.is_empty()).collect()
}

/// The items of a snapshot.
pub(super) fn items_of(snapshot: &Snapshot) -> Vec<Item> {
    items(&snapshot.positions, &snapshot.open_intents, &snapshot.owners_orders)
}

fn held(position: &Position) -> Item {
    let open = position.legs.iter().filter(|leg| leg.quantity != 0);
    Item {
        holder: Holder::Position(position.id.clone()),
        strategy: position.strategy,
        legs: open.map(|leg| (leg.instrument.clone(), leg.quantity)).collect(),
    }
}

fn working(intent: &Intent, positions: &[Position]) -> Item {
    let position = positions.iter().find(|position| position.id.0 == intent.id.0);
    let legs = intent.legs.iter().map(|leg| {
        let wanted = leg.side.sign() * i64::from(leg.ratio) * i64::from(intent.units);
        let held = position.and_then(|position| {
            position.legs.iter().find(|held| held.instrument == leg.instrument)
        });
        (leg.instrument.clone(), wanted - held.map_or(0, |held| held.quantity))
    });
    Item {
        holder: Holder::Working(intent.id.clone()),
        strategy: intent.strategy,
        legs: legs.filter(|(_, quantity)| *quantity != 0).collect(),
    }
}

fn owners(order: &OwnersOrder) -> Item {
    let opening = order.legs.iter().filter(|leg| leg.effect == Effect::Open);
    let legs = opening.map(|leg| {
        let contracts = i64::from(leg.ratio) * i64::from(order.units);
        (leg.instrument.clone(), leg.side.sign() * contracts)
    });
    Item {
        holder: Holder::Order(order.id.clone()),
        strategy: StrategyId::External,
        legs: legs.collect(),
    }
}

/// The legs of a candidate of `units` with the market they were decided on.
pub(super) fn exposures(
    snapshot: &Snapshot,
    candidate: &Candidate,
    units: u32,
) -> Result<Vec<Exposure>, Refusal> {
    let book = snapshot.book.as_ref();
    let legs = candidate.legs.iter().map(|leg| {
        let quote = quote_of(&leg.instrument, &candidate.quotes);
        let name = || Input::Leg(super::data::leg_name(&leg.instrument));
        let quote = quote.ok_or_else(|| Refusal::Missing { what: name() })?;
        let product = leg.instrument.product();
        let underlying = underlying(snapshot, quote);
        let underlying = underlying.ok_or(Refusal::Missing { what: Input::Underlying(product) })?;
        let carry = book.and_then(|book| book.carry.get(&product)).copied().unwrap_or_default();
        Ok(Exposure {
            holder: Holder::Candidate,
            strategy: candidate.strategy,
            instrument: leg.instrument.clone(),
            quantity: leg.side.sign() * i64::from(leg.ratio) * i64::from(units),
            price: quote.mid(),
            underlying,
            implied_volatility: quote.implied_volatility,
            years: years(&quote.contract, snapshot.now),
            carry,
        })
    });
    legs.collect()
}

/// The price of what an option of the snapshot is written on.
fn underlying(snapshot: &Snapshot, quote: &OptionQuote) -> Option<rust_decimal::Decimal> {
    let series = &quote.contract.series;
    let data = snapshot.products.get(&series.product)?;
    let of_series = data.chain_of(series).map(|of| of.underlying.last);
    of_series.or_else(|| data.underlying.as_ref().ok().map(|quote| quote.last))
}

/// Years of 365 days to a contract's last trade.
pub fn years(contract: &OptionContract, now: Timestamp) -> f64 {
    let seconds = (contract.series.last_trade - now).num_seconds().max(0);
    seconds as f64 / 60.0 / MINUTES_A_YEAR
}

/// True where more options are sold than are bought of the same right, to expire with them or
/// later: what can be lost has no bound that the legs themselves give.
pub fn has_naked_short(legs: &[Exposure]) -> bool {
    let mut options: Vec<(&OptionContract, i64)> = Vec::new();
    for leg in legs {
        if let Instrument::Option(contract) = &leg.instrument {
            options.push((contract, leg.quantity));
        }
    }
    let naked = |(short, quantity): &(&OptionContract, i64)| {
        let like = |other: &&(&OptionContract, i64)| {
            other.0.right == short.right && other.0.series.product == short.series.product
        };
        let last = short.series.last_trade;
        let covers = options.iter().filter(like).filter(|(_, held)| *held > 0);
        let covers = covers.filter(|(long, _)| long.series.last_trade >= last);
        let shorts = options.iter().filter(like).filter(|(_, held)| *held < 0);
        let shorts = shorts.filter(|(other, _)| other.series.last_trade >= last);
        let covered: i64 = covers.map(|(_, held)| held).sum();
        let sold: i64 = shorts.map(|(_, held)| -held).sum();
        *quantity < 0 && sold > covered
    };
    options.iter().any(naked)
}

/// Volatility and underlying are figures a model can price.
pub fn is_priceable(exposure: &Exposure) -> bool {
    let vol = exposure.implied_volatility;
    let sane = vol.is_finite() && (0.0..=100.0).contains(&vol);
    sane && to_f64(exposure.underlying) > 0.0 && exposure.price >= rust_decimal::Decimal::ZERO
}
