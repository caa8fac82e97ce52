//! What holdings and orders are worth now, and the buying power they take.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{
    account::margin::{MarginError, MarginLeg, MarginMarket, account_requirement},
    clock::Timestamp,
    instrument::{Instrument, OptionContract, Product},
    market::{Market, OptionQuote},
    money::Usd,
};

/// The rate of the margin scan, a year (domain/reference.md §5c).
const RATE: f64 = 0.05;

/// A position to value: what, how many (below zero short), and the price to fall back on.
#[derive(Debug, Clone)]
pub struct Item {
    /// What.
    pub instrument: Instrument,
    /// Signed contracts or shares.
    pub quantity: i64,
    /// Points; used only when the market has no price at all.
    pub fallback: Decimal,
}

/// Values items at mid, in the order given. Where the market shows no quote the price is the
/// intrinsic value; where it shows no underlying either, the item's own fallback.
pub async fn value(market: &dyn Market, items: &[Item]) -> Vec<MarginLeg> {
    let mut quotes = quotes(market, items).await;
    let mut underlyings = BTreeMap::new();
    let mut legs = Vec::with_capacity(items.len());
    for item in items {
        let leg = match &item.instrument {
            Instrument::Option(contract) => {
                let underlying = underlying(market, contract, &mut underlyings).await;
                option_leg(item, contract, quotes.remove(contract), underlying)
            }
            Instrument::Future { .. } | Instrument::Shares { .. } => {
                let price = market.mark(&item.instrument).await.unwrap_or(item.fallback);
                leg(item, price, price, 0.0)
            }
        };
        legs.push(leg);
    }
    legs
}

fn leg(item: &Item, price: Decimal, underlying: Decimal, implied_volatility: f64) -> MarginLeg {
    let (instrument, quantity) = (item.instrument.clone(), item.quantity);
    MarginLeg { instrument, quantity, price, underlying, implied_volatility }
}

fn option_leg(
    item: &Item,
    contract: &OptionContract,
    quote: Option<OptionQuote>,
    underlying: Option<Decimal>,
) -> MarginLeg {
    let price = match (&quote, underlying) {
        (Some(quote), _) => quote.mid().max(Decimal::ZERO),
        (None, Some(underlying)) => contract.right.intrinsic(underlying, contract.strike),
        (None, None) => item.fallback,
    };
    let sound = |vol: &f64| vol.is_finite() && *vol >= 0.0;
    let vol = quote.map(|quote| quote.implied_volatility).filter(sound).unwrap_or(0.0);
    leg(item, price, underlying.unwrap_or(contract.strike), vol)
}

/// Quotes of every option among the items that has one, all at once where the feed can.
async fn quotes(market: &dyn Market, items: &[Item]) -> BTreeMap<OptionContract, OptionQuote> {
    let contracts: Vec<OptionContract> = items.iter().filter_map(option_of).collect();
    let found = match market.quotes(&contracts).await {
        Ok(found) => found,
        Err(_) => one_by_one(market, &contracts).await,
    };
    found.into_iter().map(|quote| (quote.contract.clone(), quote)).collect()
}

async fn one_by_one(market: &dyn Market, contracts: &[OptionContract]) -> Vec<OptionQuote> {
    let mut found = Vec::new();
    for contract in contracts {
        found.extend(market.quotes(std::slice::from_ref(contract)).await.unwrap_or_default());
    }
    found
}

fn option_of(item: &Item) -> Option<OptionContract> {
    match &item.instrument {
        Instrument::Option(contract) => Some(contract.clone()),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    }
}

type Underlyings = BTreeMap<(Product, Option<String>), Option<Decimal>>;

async fn underlying(
    market: &dyn Market,
    contract: &OptionContract,
    known: &mut Underlyings,
) -> Option<Decimal> {
    let series = &contract.series;
    let key = (series.product, series.future.clone());
    if let Some(found) = known.get(&key) {
        return *found;
    }
    let quote = market.underlying(series.product, Some(series)).await.ok();
    let found = quote.map(|quote| quote.last).filter(|last| *last > Decimal::ZERO);
    known.insert(key, found);
    found
}

/// The worth of everything at its price.
pub fn worth(legs: &[MarginLeg]) -> Usd {
    let each = |leg: &MarginLeg| {
        Usd(Decimal::from(leg.quantity) * leg.price * leg.instrument.multiplier())
    };
    legs.iter().map(each).sum()
}

/// Buying power used by holdings, orders or both.
pub fn requirement(legs: &[MarginLeg], now: Timestamp) -> Result<Usd, MarginError> {
    let market = MarginMarket { now, rate: RATE };
    Ok(account_requirement(legs, &market)?.net.rounded())
}
