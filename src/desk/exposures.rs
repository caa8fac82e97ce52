//! Everything held and working with its market: what stress, groups and concentration look at. One
//! read for each underlying and one for the quotes of each product, all bounded in time.

use std::{collections::BTreeMap, future::Future};

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::{Desk, DeskParts, describe};
use crate::{
    account::exposure::{Book, Carry, Exposure, Item, Unpriced},
    clock::{Runtime, Timestamp},
    instrument::{Instrument, OptionContract, Product, Series},
    market::{Market, MarketError, OptionQuote},
    risk::held::{is_priceable, items, years},
    store::StoreError,
    strategy::Snapshot,
};

/// What underlyings are asked for by: a product, and the series where it is an option's.
type Place = (Product, Option<Series>);

/// The answers of the market, each asked once.
#[derive(Default)]
struct Answers {
    underlyings: BTreeMap<Place, Option<Decimal>>,
    quotes: BTreeMap<OptionContract, OptionQuote>,
    marks: BTreeMap<Instrument, Option<Decimal>>,
}

/// The market, every read of it bounded.
pub(super) struct Reads<'a> {
    /// Prices.
    pub(super) market: &'a dyn Market,
    /// The clock that bounds the reads.
    pub(super) rt: &'a Runtime,
    /// The longest a read is waited for.
    pub(super) wait: TimeDelta,
}

impl Desk {
    /// The book of a snapshot: positions, working entries and the owner's orders. What it costs to
    /// hold is there for the snapshot's products too.
    pub(super) async fn held_book(&self, snapshot: &Snapshot) -> Book {
        self.reads().book(snapshot).await
    }

    /// The market, as the desk waits for it.
    pub(super) fn reads(&self) -> Reads<'_> {
        let DeskParts { market, rt, .. } = &self.parts;
        Reads { market: &**market, rt, wait: self.read_wait() }
    }

    /// The account with its book, for those who ask: no product is read but what is held.
    pub async fn whole_book(&self) -> Result<Snapshot, StoreError> {
        let mut snapshot = self.account_snapshot(self.now()).await?;
        let book = self.held_book(&snapshot).await;
        snapshot.now = self.now();
        snapshot.book = Some(book);
        Ok(snapshot)
    }
}

impl Reads<'_> {
    /// The book of a snapshot.
    pub(super) async fn book(&self, snapshot: &Snapshot) -> Book {
        let intents = &snapshot.open_intents;
        let items = items(&snapshot.positions, intents, &snapshot.owners_orders);
        let answers = self.answers(&items).await;
        let now = self.rt.now();
        let held = items.iter().flat_map(|item| item.legs.iter().map(|leg| leg.0.product()));
        let asked = held.chain(snapshot.products.keys().copied());
        let carry: BTreeMap<Product, Carry> =
            asked.map(|product| (product, self.market.carry(product))).collect();
        let (mut exposures, mut unpriced) = (Vec::new(), Vec::new());
        for item in &items {
            for (instrument, quantity) in &item.legs {
                match exposure(item, instrument, *quantity, &answers, &carry, now) {
                    Ok(exposure) => exposures.push(exposure),
                    Err(why) => unpriced.push(Unpriced {
                        holder: item.holder.clone(),
                        leg: describe::single(*quantity, instrument),
                        why,
                    }),
                }
            }
        }
        Book::new(exposures, unpriced, carry, now)
    }

    /// One bounded read; `None` when it failed or took too long.
    pub(super) async fn within<T>(
        &self,
        read: impl Future<Output = Result<T, MarketError>>,
    ) -> Option<T> {
        self.rt.timeout(self.wait, read).await?.ok()
    }

    async fn answers(&self, items: &[Item]) -> Answers {
        let mut answers = Answers::default();
        let mut contracts: BTreeMap<Product, Vec<OptionContract>> = BTreeMap::new();
        for (instrument, _) in items.iter().flat_map(|item| &item.legs) {
            match instrument {
                Instrument::Option(contract) => {
                    contracts.entry(contract.series.product).or_default().push(contract.clone());
                }
                Instrument::Future { .. } | Instrument::Shares { .. } => {
                    if !answers.marks.contains_key(instrument) {
                        let mark = self.within(self.market.mark(instrument)).await;
                        answers.marks.insert(instrument.clone(), mark);
                    }
                }
            }
        }
        for (product, mut contracts) in contracts {
            contracts.sort();
            contracts.dedup();
            // Sorted, so that what is of one series stands together.
            for of_series in contracts.chunk_by(|one, next| one.series == next.series) {
                let series = of_series.first().map(|contract| contract.series.clone());
                let quote = self.within(self.market.underlying(product, series.as_ref())).await;
                answers.underlyings.insert((product, series), quote.map(|quote| quote.last));
            }
            let quotes = self.within(self.market.quotes(&contracts)).await.unwrap_or_default();
            let by_contract = quotes.into_iter().map(|quote| (quote.contract.clone(), quote));
            answers.quotes.extend(by_contract);
        }
        answers
    }
}

fn exposure(
    item: &Item,
    instrument: &Instrument,
    quantity: i64,
    answers: &Answers,
    carry: &BTreeMap<Product, Carry>,
    now: Timestamp,
) -> Result<Exposure, String> {
    let (price, underlying, vol, years) = match instrument {
        Instrument::Option(contract) => {
            let place = (contract.series.product, Some(contract.series.clone()));
            let underlying = answers.underlyings.get(&place).copied().flatten();
            let underlying = underlying.ok_or("its underlying has no price")?;
            let quote = answers.quotes.get(contract).ok_or("it has no quote")?;
            (quote.mid(), underlying, quote.implied_volatility, years(contract, now))
        }
        Instrument::Future { .. } | Instrument::Shares { .. } => {
            let mark = answers.marks.get(instrument).copied().flatten();
            let mark = mark.ok_or("it has no price")?;
            (mark, mark, 0.0, 0.0)
        }
    };
    let exposure = Exposure {
        holder: item.holder.clone(),
        strategy: item.strategy,
        instrument: instrument.clone(),
        quantity,
        price,
        underlying,
        implied_volatility: vol,
        years,
        carry: carry.get(&instrument.product()).copied().unwrap_or_default(),
    };
    if is_priceable(&exposure) {
        return Ok(exposure);
    }
    Err(format!("its quote is broken (underlying {underlying}, volatility {vol}, price {price})"))
}
