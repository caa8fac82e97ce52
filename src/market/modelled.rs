//! The market made of a tape: underlyings by carry and ratio, chains by the quote model. Option
//! quotes are modelled, and say so by their provenance.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    Chain, DailyBar, EventDay, EventKind, Market, MarketError, OptionQuote, Provenance,
    UnderlyingQuote, VixQuote, book, carry,
    quoting::{Moment, Underlying},
    tape::{Asset, Tape},
    window::Window,
};
use crate::{
    account::exposure::Carry,
    calendar::{Calendar, Exchange, new_york_date},
    clock::{Runtime, Timestamp},
    config::MarketSettings,
    instrument::{
        Instrument, OptionContract, Product, ProductKind, Right, Series, Settlement, expiration,
        tick,
    },
    money::{FxRate, to_f64},
};

/// Strikes one chain shows at most.
const STRIKES_MAX: usize = 2_000;

/// A market on a tape.
pub struct ModelledMarket<T> {
    tape: T,
    settings: MarketSettings,
    runtime: Runtime,
    calendar: Calendar,
    window: Mutex<Option<Arc<Window>>>,
}

impl<T: Tape> ModelledMarket<T> {
    /// A market showing `tape` at the time of `runtime`.
    pub fn new(tape: T, settings: MarketSettings, runtime: Runtime, calendar: Calendar) -> Self {
        Self { tape, settings, runtime, calendar, window: Mutex::new(None) }
    }

    /// The tape.
    pub fn tape(&self) -> &T {
        &self.tape
    }

    fn window(&self, now: Timestamp, product: Product) -> Result<Arc<Window>, MarketError> {
        let mut known = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let window = match known.take().filter(|window| window.holds(now)) {
            Some(window) => window,
            None => Arc::new(
                Window::at(&self.tape, &self.calendar, self.settings.seed, now)
                    .ok_or(MarketError::NoPrice { product, at: now })?,
            ),
        };
        window.load(&self.tape, Asset::of(product));
        Ok(Arc::clone(known.insert(window)))
    }

    fn moment<'a>(&'a self, window: &'a Window, now: Timestamp) -> Moment<'a> {
        Moment { settings: &self.settings, calendar: &self.calendar, window, now }
    }

    fn carried(&self, product: Product) -> Result<(), MarketError> {
        let carried = self.tape.carries(Asset::of(product));
        if carried { Ok(()) } else { Err(MarketError::NoData(product)) }
    }

    fn underlying_now(
        &self,
        product: Product,
        code: Option<&str>,
    ) -> Result<(Underlying, bool), MarketError> {
        self.carried(product)?;
        let now = self.runtime.now();
        let window = self.window(now, product)?;
        let underlying = self.moment(&window, now).underlying(product, code)?;
        Ok((underlying, new_york_date(now) == window.session.date))
    }

    fn quotes_now(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError> {
        let Some(first) = contracts.first() else { return Ok(Vec::new()) };
        let now = self.runtime.now();
        let window = self.window(now, first.series.product)?;
        let moment = self.moment(&window, now);
        let mut view = None;
        let mut quotes = Vec::with_capacity(contracts.len());
        for contract in contracts {
            let series = &contract.series;
            let known = view.take().filter(|(known, _)| *known == series);
            let current = if let Some(known) = known {
                known
            } else {
                self.carried(series.product)?;
                window.load(&self.tape, Asset::of(series.product));
                (series, moment.series(series)?)
            };
            let (_, shown) = view.insert(current);
            quotes.push(moment.quote(shown, contract.clone()));
        }
        Ok(quotes)
    }

    fn chain_now(&self, series: &Series, from: Decimal, to: Decimal) -> Result<Chain, MarketError> {
        self.carried(series.product)?;
        let now = self.runtime.now();
        let window = self.window(now, series.product)?;
        let moment = self.moment(&window, now);
        let view = moment.series(series)?;
        let step = book::strike_step(series.product, view.days);
        let first = ((from / step).ceil() * step).max(step);
        let strikes = std::iter::successors(Some(first), |k| Some(k + step));
        let strikes = strikes.take_while(|k| *k <= to).take(STRIKES_MAX);
        let contract = |strike, right| OptionContract { series: series.clone(), strike, right };
        let quotes = strikes.flat_map(|k| [Right::Call, Right::Put].map(|r| contract(k, r)));
        Ok(Chain {
            series: series.clone(),
            quotes: quotes.map(|c| moment.quote(&view, c)).collect(),
        })
    }

    fn settlement_now(&self, series: &Series) -> Result<Decimal, MarketError> {
        let product = series.product;
        self.carried(product)?;
        let now = self.runtime.now();
        let session = self.calendar.session(Exchange::Xnys, series.expiration);
        let session =
            session.ok_or(MarketError::NoSeries { product, expiration: series.expiration })?;
        let fixed = match series.settlement {
            Settlement::Am => session.open,
            Settlement::Pm => series.last_trade,
        };
        let missing = MarketError::NoPrice { product, at: fixed };
        if now < fixed {
            return Err(missing);
        }
        let window = self.window(now, product)?;
        let asset = Asset::of(product);
        let own = self.tape.path(asset, &session);
        let path = own.ok_or(missing)?;
        let value = self.moment(&window, now).settlement(series, &path)?;
        Ok(book::to_multiple(value, tick::underlying_tick(product)))
    }
}

/// A bar of an asset in the points of a product that stands to it by ratio, on its tick.
fn in_points_of(product: Product, ratio: f64, bar: DailyBar) -> DailyBar {
    let tick = tick::underlying_tick(product);
    let own = |price: Decimal| book::to_multiple(to_f64(price) / ratio, tick);
    DailyBar {
        date: bar.date,
        open: own(bar.open),
        high: own(bar.high),
        low: own(bar.low),
        close: own(bar.close),
    }
}

/// An underlying as a feed would show it: on its tick, with the bid and ask of what is traded.
fn shown(underlying: Underlying, same_day: bool) -> UnderlyingQuote {
    let Underlying { product, future, value, open, at } = underlying;
    let tick = tick::underlying_tick(product);
    let last = book::to_multiple(value, tick);
    let (bid, ask) = match product.kind() {
        ProductKind::Index => (None, None),
        ProductKind::Future | ProductKind::Etf => {
            let below = book::multiple_below(value, tick);
            (Some(below), Some(below + tick))
        }
    };
    UnderlyingQuote {
        product,
        future,
        last,
        bid,
        ask,
        open: same_day.then(|| book::to_multiple(open, tick)),
        at,
    }
}

#[async_trait]
impl<T: Tape> Market for ModelledMarket<T> {
    fn provenance(&self) -> Provenance {
        self.tape.provenance()
    }

    fn products(&self) -> Vec<Product> {
        let all = Product::ALL.iter().copied();
        all.filter(|p| self.tape.carries(Asset::of(*p))).collect()
    }

    async fn underlying(
        &self,
        product: Product,
        series: Option<&Series>,
    ) -> Result<UnderlyingQuote, MarketError> {
        let code = series.and_then(|s| s.future.as_deref());
        self.underlying_now(product, code).map(|(u, same_day)| shown(u, same_day))
    }

    async fn vix(&self) -> Result<VixQuote, MarketError> {
        let now = self.runtime.now();
        let window = self.window(now, Product::Spx)?;
        let print = self.moment(&window, now).vix()?;
        let cent = tick::underlying_tick(Product::Spx);
        Ok(VixQuote {
            level: book::to_multiple(print.value, cent),
            previous_close: window.previous_close(Asset::Vix).map(|v| book::to_multiple(v, cent)),
            at: print.at,
        })
    }

    async fn series(&self, product: Product, days: u32) -> Result<Vec<Series>, MarketError> {
        self.carried(product)?;
        let today = new_york_date(self.runtime.now());
        Ok(expiration::listed(&self.calendar, product, today, days))
    }

    async fn chain(
        &self,
        series: &Series,
        from: Decimal,
        to: Decimal,
    ) -> Result<Chain, MarketError> {
        self.chain_now(series, from, to)
    }

    async fn quotes(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError> {
        self.quotes_now(contracts)
    }

    async fn daily_bars(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Result<Vec<DailyBar>, MarketError> {
        self.carried(product)?;
        let asset = Asset::of(product);
        let bars = self.tape.daily_bars(asset, before, count);
        let ratio = carry::ratio(&self.settings.carry, product);
        // The index's own bars serve all that follow it (rulebook §4.1).
        let same = asset == Asset::Spx || (ratio - 1.0).abs() < f64::EPSILON;
        let own = |bar: DailyBar| if same { bar } else { in_points_of(product, ratio, bar) };
        Ok(bars.into_iter().map(own).collect())
    }

    async fn iv_history(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Vec<(NaiveDate, f64)> {
        if self.carried(product).is_err() {
            return Vec::new();
        }
        let surface = &self.settings.surface;
        let exchange = Exchange::Xnys;
        let session = |date| self.calendar.previous_session(exchange, date);
        let sessions = std::iter::successors(session(before), |later| session(later.date));
        let of_vix = |vix: f64| surface.other.get(&product).map_or(vix, |own| own.at(vix));
        let closes = sessions.take(count).map_while(|session| {
            let vix = self.tape.close(Asset::Vix, session.date)?;
            Some((session.date, of_vix(vix)))
        });
        let mut history: Vec<(NaiveDate, f64)> = closes.collect();
        history.reverse();
        history
    }

    async fn fx(&self, date: NaiveDate) -> Result<FxRate, MarketError> {
        self.tape.fx(date).ok_or(MarketError::NoFx(date))
    }

    async fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay {
        self.tape.events(kind, date)
    }

    async fn settlement(&self, series: &Series) -> Result<Decimal, MarketError> {
        self.settlement_now(series)
    }

    /// A quarter of the year's yield: the modelled funds pay four times a year.
    async fn next_dividend(&self, product: Product) -> Option<Decimal> {
        let percent = *self.settings.carry.dividend_percent.get(&product)?;
        if product.kind() != ProductKind::Etf || percent <= 0.0 {
            return None;
        }
        let last = self.underlying_now(product, None).ok()?.0.value;
        Some(book::to_multiple(last * percent / 400.0, tick::underlying_tick(product)))
    }

    fn carry(&self, product: Product) -> Carry {
        let settings = &self.settings.carry;
        Carry { rate: carry::rate(settings), dividend: carry::dividend(settings, product) }
    }

    async fn mark(&self, instrument: &Instrument) -> Result<Decimal, MarketError> {
        match instrument {
            Instrument::Option(contract) => {
                let quotes = self.quotes_now(std::slice::from_ref(contract))?;
                let quote = quotes.first().map(OptionQuote::mid);
                quote.ok_or(MarketError::NoData(contract.series.product))
            }
            Instrument::Future { product, code } => {
                self.underlying_now(*product, Some(code)).map(|(u, day)| shown(u, day).last)
            }
            Instrument::Shares { product } => {
                self.underlying_now(*product, None).map(|(u, day)| shown(u, day).last)
            }
        }
    }
}
