//! What the gate would say of an order somebody wrote down (`tomking risk check`): every limit, not
//! only the first that refuses. Nothing is sent and nothing is written.

use chrono::NaiveDate;
use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};

use super::{Desk, describe, exposures::Reads, gather::entry_id, still::Surroundings};
use crate::{
    account::{
        NetPrice, Side, StrategyId,
        margin::{MarginLeg, MarginMarket, requirement},
    },
    broker::OrderRequest,
    calendar::new_york_date,
    instrument::{OptionContract, Product, Right, Series, Settlement},
    money::{Usd, to_f64},
    risk::{BuyingPower, BuyingPowerSource, RefusalRow, every_limit, warnings},
    strategy::{
        CALL_SPREAD, Candidate, IRON_CONDOR, PUT_SPREAD, ProductData, SeriesChain, Snapshot,
        draft::{Draft, DraftLeg},
    },
};

/// Most legs of an order.
const LEGS_MAX: usize = 8;
/// Most units of an order.
const UNITS_MAX: u32 = 1_000;
/// Most contracts of a leg a unit.
const RATIO_MAX: u32 = 100;
/// Farthest expiration, days.
const DAYS_MAX: u32 = 1100;
/// The chain is read so far beyond the legs' strikes: their neighbours say what they are worth.
const BEYOND: Decimal = dec!(0.03);

/// An order as it is written in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenOrder {
    /// Whose it would be.
    pub strategy: StrategyId,
    /// Units.
    #[serde(default = "one")]
    pub units: u32,
    /// The least net price a unit that is taken, a debit below zero; the mid where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<NetPrice>,
    /// Its legs.
    pub legs: Vec<WrittenLeg>,
}

/// One leg of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenLeg {
    /// Buy or sell.
    pub side: Side,
    /// Contracts a unit.
    #[serde(default = "one")]
    pub ratio: u32,
    /// The product, by symbol.
    pub product: Product,
    /// The expiration.
    pub expiration: NaiveDate,
    /// The strike, points.
    #[serde(deserialize_with = "crate::money::points")]
    pub strike: Decimal,
    /// Call or put.
    pub right: Right,
    /// AM or PM, where a date lists both; PM where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
}

fn one() -> u32 {
    1
}

/// What the gate would say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The order in words.
    pub order: String,
    /// Every limit passes.
    pub approved: bool,
    /// Net mid a unit, points; a debit is below zero.
    pub mid_points: f64,
    /// What it takes.
    pub requirement_usd: Usd,
    /// Where that figure comes from.
    pub source: BuyingPowerSource,
    /// Each limit, in the gate's order.
    pub limits: Vec<LimitVerdict>,
    /// What passes and is still worth a word.
    pub warnings: Vec<String>,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitVerdict {
    /// Its number in rulebook §5.
    pub number: u8,
    /// Its name.
    pub limit: String,
    /// It passes.
    pub passed: bool,
    /// Why not.
    pub refusal: Option<RefusalRow>,
}

impl Desk {
    /// What the gate would say now, by the broker's dry run where there is one.
    pub async fn check_order(&self, order: &WrittenOrder) -> Result<Verdict, String> {
        let snapshot = self.whole_book().await.map_err(|error| error.to_string())?;
        let (snapshot, candidate) = prepared(snapshot, &self.reads(), order).await?;
        let request = OrderRequest {
            external_id: "risk-check/dry-run".to_owned(),
            legs: candidate.legs.clone(),
            units: candidate.units,
            limit: NetPrice((candidate.mid.0 / candidate.tick).floor() * candidate.tick),
            strict_effect: false,
        };
        let power = match self.ask(self.parts.broker.dry_run(&request)).await {
            Ok(Some(power)) => power,
            Ok(None) => by_model(&snapshot, &candidate)?,
            Err(error) => return Err(format!("the broker's dry run: {error}")),
        };
        Ok(verdict(&snapshot, &candidate, &power))
    }
}

impl Surroundings<'_> {
    /// What the gate would say of it, by the margin model; fees are not known and count nothing.
    pub async fn check_order(
        &self,
        rows: super::still::Rows,
        order: &WrittenOrder,
    ) -> Result<Verdict, String> {
        let snapshot = self.snapshot(rows).await;
        let (snapshot, candidate) = prepared(snapshot, &self.reads(), order).await?;
        let power = by_model(&snapshot, &candidate)?;
        Ok(verdict(&snapshot, &candidate, &power))
    }
}

fn verdict(snapshot: &Snapshot, candidate: &Candidate, power: &BuyingPower) -> Verdict {
    let id = entry_id(candidate.strategy, new_york_date(snapshot.slot), 1);
    let limits = every_limit(snapshot, candidate, power, &id).into_iter().map(|checked| {
        let refusal = checked.refusal.map(|why| why.row());
        let passed = refusal.is_none();
        LimitVerdict { number: checked.number, limit: checked.name.to_owned(), passed, refusal }
    });
    let limits: Vec<LimitVerdict> = limits.collect();
    Verdict {
        order: describe::order(candidate.product, &candidate.legs, candidate.units),
        approved: limits.iter().all(|limit| limit.passed),
        mid_points: to_f64(candidate.mid.0),
        requirement_usd: power.requirement_usd,
        source: power.source,
        limits,
        warnings: warnings(snapshot, candidate).iter().map(ToString::to_string).collect(),
    }
}

/// The order alone by the margin model.
fn by_model(snapshot: &Snapshot, candidate: &Candidate) -> Result<BuyingPower, String> {
    let data = snapshot.products.get(&candidate.product);
    let legs = candidate.legs.iter().zip(&candidate.quotes).map(|(leg, quote)| {
        let of = data.and_then(|data| data.chain_of(&quote.contract.series))?;
        Some(MarginLeg {
            instrument: leg.instrument.clone(),
            quantity: leg.side.sign() * i64::from(leg.ratio) * i64::from(candidate.units),
            price: quote.mid(),
            underlying: of.underlying.last,
            implied_volatility: quote.implied_volatility,
        })
    });
    let legs: Option<Vec<MarginLeg>> = legs.collect();
    let carry = snapshot.book.as_ref().and_then(|book| book.carry.get(&candidate.product));
    let market = MarginMarket { now: snapshot.now, rate: carry.map_or(0.0, |carry| carry.rate) };
    let found = requirement(candidate.product, &legs.unwrap_or_default(), &market);
    Ok(BuyingPower {
        requirement_usd: found.map_err(|error| error.to_string())?.net,
        round_trip_fees_usd: Usd::ZERO,
        source: BuyingPowerSource::Model,
    })
}

/// The order's series, chains and underlyings read, and the order as a candidate.
async fn prepared(
    mut snapshot: Snapshot,
    reads: &Reads<'_>,
    order: &WrittenOrder,
) -> Result<(Snapshot, Candidate), String> {
    let first = order.legs.first().ok_or("an order has at least one leg")?;
    let product = first.product;
    if order.legs.len() > LEGS_MAX {
        return Err(format!("an order has at most {LEGS_MAX} legs, this one {}", order.legs.len()));
    }
    sane(order, product)?;
    let today = new_york_date(snapshot.now);
    let last = order.legs.iter().map(|leg| leg.expiration).max().unwrap_or(today);
    let days = (last - today).num_days();
    let days = u32::try_from(days).ok().filter(|days| *days <= DAYS_MAX);
    let days = days.ok_or_else(|| format!("{last} is not within {DAYS_MAX} days from {today}"))?;
    let listed = reads.within(reads.market.series(product, days + 1)).await;
    let listed = listed.ok_or_else(|| format!("the feed lists no series of {product}"))?;
    let legs: Result<Vec<DraftLeg>, String> =
        order.legs.iter().map(|leg| resolved(leg, &listed)).collect();
    let legs = legs?;
    let chains = chains(reads, &legs).await?;
    let underlying = chains.first().map(|of| of.underlying.clone());
    let draft = Draft {
        strategy: order.strategy,
        structure: structure(&legs),
        legs,
        units: order.units,
        limit: order.limit,
    };
    let candidate = draft.candidate(&chains, snapshot.now);
    let candidate = candidate.ok_or("a leg has no quote: is its strike listed?")?;
    let carry = reads.market.carry(product);
    if let Some(book) = &mut snapshot.book {
        book.carry.insert(product, carry);
    }
    let data = ProductData {
        underlying: Ok(underlying.ok_or("the order has no underlying")?),
        index_last: None,
        bars: Vec::new(),
        volatilities: Vec::new(),
        series: listed,
        chains,
    };
    snapshot.products.insert(product, data);
    snapshot.now = reads.rt.now();
    Ok((snapshot, candidate))
}

/// Every figure is one that an order can have.
fn sane(order: &WrittenOrder, product: Product) -> Result<(), String> {
    if !(1..=UNITS_MAX).contains(&order.units) {
        return Err(format!("units must be 1 to {UNITS_MAX}, are {}", order.units));
    }
    for leg in &order.legs {
        if !(1..=RATIO_MAX).contains(&leg.ratio) {
            return Err(format!("ratio must be 1 to {RATIO_MAX}, is {}", leg.ratio));
        }
        if leg.strike <= Decimal::ZERO {
            return Err(format!("strike must be above 0, is {}", leg.strike));
        }
        if leg.product != product {
            return Err("all legs of an order are of one product".to_owned());
        }
    }
    Ok(())
}

/// The contract of a leg, among the series that are listed.
fn resolved(leg: &WrittenLeg, listed: &[Series]) -> Result<DraftLeg, String> {
    let wanted = leg.settlement.unwrap_or(Settlement::Pm);
    let of_day: Vec<&Series> = listed.iter().filter(|s| s.expiration == leg.expiration).collect();
    let exact = of_day.iter().find(|series| series.settlement == wanted);
    let only = of_day.first().filter(|_| leg.settlement.is_none());
    let series = exact
        .or(only)
        .ok_or_else(|| format!("{} lists no series expiring {}", leg.product, leg.expiration))?;
    let contract =
        OptionContract { series: (*series).clone(), strike: leg.strike, right: leg.right };
    Ok(DraftLeg { contract, side: leg.side, ratio: leg.ratio })
}

/// The chain of each series round the order's strikes, with its underlying.
async fn chains(reads: &Reads<'_>, legs: &[DraftLeg]) -> Result<Vec<SeriesChain>, String> {
    let mut found: Vec<SeriesChain> = Vec::new();
    for leg in legs {
        let series = &leg.contract.series;
        if found.iter().any(|of| of.chain.series == *series) {
            continue;
        }
        let own = legs.iter().filter(|leg| leg.contract.series == *series);
        let strikes = own.map(|leg| leg.contract.strike);
        let (from, to) = strikes
            .fold((leg.contract.strike, leg.contract.strike), |(from, to), k| {
                (from.min(k), to.max(k))
            });
        let beyond = to * BEYOND;
        let asked = reads.market.chain(series, from - beyond, to + beyond);
        let chain = reads.within(asked).await;
        let chain =
            chain.ok_or_else(|| format!("no chain of {} {}", series.root, series.expiration))?;
        let product = series.product;
        let underlying = reads.within(reads.market.underlying(product, Some(series))).await;
        let underlying = underlying.ok_or_else(|| format!("{product} has no price"))?;
        found.push(SeriesChain { chain, underlying });
    }
    Ok(found)
}

/// What an order of these legs is called.
fn structure(legs: &[DraftLeg]) -> &'static str {
    let of = |right| legs.iter().filter(move |leg| leg.contract.right == right);
    let spread = |right| {
        let sold = of(right).filter(|leg| leg.side == Side::Sell).count();
        let bought = of(right).filter(|leg| leg.side == Side::Buy).count();
        (sold, bought) == (1, 1)
    };
    let (calls, puts) = (of(Right::Call).count(), of(Right::Put).count());
    match (calls, puts) {
        (2, 2) if spread(Right::Call) && spread(Right::Put) => IRON_CONDOR,
        (2, 0) if spread(Right::Call) => CALL_SPREAD,
        (0, 2) if spread(Right::Put) => PUT_SPREAD,
        _ => "order",
    }
}
