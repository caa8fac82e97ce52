//! What holdings and orders are worth now, and the buying power they take.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::{
    account::margin::{MarginError, MarginLeg, MarginMarket, account_requirement},
    clock::Timestamp,
    instrument::{Instrument, OptionContract, Product},
    market::{Market, MarketError, OptionQuote},
    money::Usd,
};

/// The rate of the margin scan, a year (domain/reference.md §5c).
const RATE: f64 = 0.05;

/// A position to value: what, and how many (below zero short).
#[derive(Debug, Clone)]
pub struct Item {
    /// What.
    pub instrument: Instrument,
    /// Signed contracts or shares.
    pub quantity: i64,
}

/// Values items at mid, in the order given. Where the market shows no quote of an option its price
/// is the intrinsic value; where it shows no underlying there is no figure at all.
pub async fn value(market: &dyn Market, items: &[Item]) -> Result<Vec<MarginLeg>, MarketError> {
    let quotes = quotes(market, items).await;
    let mut underlyings = BTreeMap::new();
    let mut legs = Vec::with_capacity(items.len());
    for item in items {
        let leg = match &item.instrument {
            Instrument::Option(contract) => {
                let underlying = underlying(market, contract, &mut underlyings).await?;
                option_leg(item, contract, of(contract, &quotes, legs.len()), underlying)
            }
            Instrument::Future { .. } | Instrument::Shares { .. } => {
                let price = market.mark(&item.instrument).await?;
                leg(item, price, price, 0.0)
            }
        };
        legs.push(leg);
    }
    Ok(legs)
}

fn leg(item: &Item, price: Decimal, underlying: Decimal, implied_volatility: f64) -> MarginLeg {
    let (instrument, quantity) = (item.instrument.clone(), item.quantity);
    MarginLeg { instrument, quantity, price, underlying, implied_volatility }
}

fn option_leg(
    item: &Item,
    contract: &OptionContract,
    quote: Option<&OptionQuote>,
    underlying: Decimal,
) -> MarginLeg {
    let intrinsic = || contract.right.intrinsic(underlying, contract.strike);
    let price = quote.map_or_else(intrinsic, |quote| quote.mid().max(Decimal::ZERO));
    let sound = |vol: &f64| vol.is_finite() && *vol >= 0.0;
    let vol = quote.map(|quote| quote.implied_volatility).filter(sound).unwrap_or(0.0);
    leg(item, price, underlying, vol)
}

/// Quotes of every option among the items that has one, all at once where the feed can.
async fn quotes(market: &dyn Market, items: &[Item]) -> Vec<OptionQuote> {
    let contracts: Vec<OptionContract> = items.iter().filter_map(option_of).collect();
    match market.quotes(&contracts).await {
        Ok(found) => found,
        Err(_) => one_by_one(market, &contracts).await,
    }
}

/// The quote of a contract: most feeds answer in the order asked, so `near` its place.
fn of<'a>(
    contract: &OptionContract,
    quotes: &'a [OptionQuote],
    near: usize,
) -> Option<&'a OptionQuote> {
    let is_its = |quote: &&OptionQuote| quote.contract == *contract;
    quotes.get(near).filter(is_its).or_else(|| quotes.iter().find(is_its))
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

type Underlyings = BTreeMap<(Product, Option<String>), Decimal>;

async fn underlying(
    market: &dyn Market,
    contract: &OptionContract,
    known: &mut Underlyings,
) -> Result<Decimal, MarketError> {
    let series = &contract.series;
    let key = (series.product, series.future.clone());
    if let Some(found) = known.get(&key) {
        return Ok(*found);
    }
    let found = market.underlying(series.product, Some(series)).await?.last;
    known.insert(key, found);
    Ok(found)
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
