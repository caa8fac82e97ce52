//! A market on a script: prices and volatility are functions of the instant, quotes are Black's.

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use rust_decimal::{Decimal, dec, prelude::FromPrimitive, prelude::ToPrimitive};
use tomking::{
    calendar::{Calendar, Exchange, Session, new_york_date},
    clock::{Runtime, Timestamp},
    instrument::{Instrument, OptionContract, Product, Right, Series, expiration},
    market::{
        Chain, DailyBar, EventDay, EventKind, Market, MarketError, OptionQuote, Provenance,
        UnderlyingQuote, VixQuote,
    },
    money::FxRate,
    pricing::{Inputs, Model, price},
};

/// What happens, by instant: the S&P 500, its volatility, VIX.
#[derive(Clone, Copy)]
pub struct Script {
    pub last: fn(Timestamp) -> f64,
    pub vol: fn(Timestamp) -> f64,
    pub vix: fn(Timestamp) -> Decimal,
}

pub struct ScriptMarket {
    pub rt: Runtime,
    pub script: Script,
}

/// The S&P 500 in a product's own points.
fn scale(product: Product) -> f64 {
    if matches!(product, Product::Spy | Product::Xsp) { 0.1 } else { 1.0 }
}

impl ScriptMarket {
    fn last(&self, product: Product, now: Timestamp) -> Decimal {
        Decimal::from_f64((self.script.last)(now) * scale(product)).unwrap()
    }

    fn quote(&self, contract: &OptionContract) -> OptionQuote {
        let now = self.rt.now();
        let product = contract.series.product;
        let left = (contract.series.last_trade - now).num_seconds().max(1);
        let inputs = Inputs {
            spot: (self.script.last)(now) * scale(product),
            strike: contract.strike.to_f64().unwrap(),
            rate: 0.0,
            dividend: 0.0,
            vol: (self.script.vol)(now),
            years: f64::from(i32::try_from(left).unwrap()) / (365.0 * 86_400.0),
            right: contract.right,
        };
        let priced = price(Model::Black76, &inputs);
        let tick = if product == Product::Spy { dec!(0.01) } else { dec!(0.05) };
        let mid = Decimal::from_f64(priced.price).unwrap();
        let half = (mid * dec!(0.003)).max(tick);
        OptionQuote {
            contract: contract.clone(),
            bid: ((mid - half) / tick).floor().max(Decimal::ONE) * tick,
            ask: ((mid + half) / tick).ceil().max(dec!(2)) * tick,
            implied_volatility: inputs.vol,
            delta: priced.delta,
            gamma: priced.gamma,
            theta: priced.theta,
            vega: priced.vega,
            open_interest: 5_000,
            at: now,
        }
    }
}

#[async_trait]
impl Market for ScriptMarket {
    fn provenance(&self) -> Provenance {
        Provenance::Simulated
    }
    fn products(&self) -> Vec<Product> {
        vec![Product::Es, Product::Mes, Product::Spx, Product::Spy]
    }
    async fn underlying(
        &self,
        product: Product,
        series: Option<&Series>,
    ) -> Result<UnderlyingQuote, MarketError> {
        let now = self.rt.now();
        let open = Calendar::default().session(Exchange::Xnys, new_york_date(now));
        let open = open.filter(|session| session.open <= now);
        Ok(UnderlyingQuote {
            product,
            future: series.and_then(|series| series.future.clone()),
            last: self.last(product, now),
            bid: None,
            ask: None,
            open: open.map(|session| self.last(product, session.open)),
            at: now,
        })
    }
    async fn vix(&self) -> Result<VixQuote, MarketError> {
        let now = self.rt.now();
        Ok(VixQuote { level: (self.script.vix)(now), previous_close: Some(dec!(15)), at: now })
    }
    async fn series(&self, product: Product, days: u32) -> Result<Vec<Series>, MarketError> {
        let date = new_york_date(self.rt.now());
        Ok(expiration::listed(&Calendar::default(), product, date, days))
    }
    async fn chain(
        &self,
        series: &Series,
        from: Decimal,
        to: Decimal,
    ) -> Result<Chain, MarketError> {
        let grid = if series.product == Product::Spy { dec!(1) } else { dec!(5) };
        let mut quotes = Vec::new();
        let mut strike = (from / grid).ceil().max(Decimal::ONE) * grid;
        while strike <= to {
            for right in [Right::Call, Right::Put] {
                quotes.push(self.quote(&OptionContract { series: series.clone(), strike, right }));
            }
            strike += grid;
        }
        Ok(Chain { series: series.clone(), quotes })
    }
    async fn quotes(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError> {
        Ok(contracts.iter().map(|contract| self.quote(contract)).collect())
    }
    /// Sessions of 50 points round their close; months ago the price was a tenth higher.
    async fn daily_bars(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Result<Vec<DailyBar>, MarketError> {
        let scale = Decimal::from_f64(scale(product)).unwrap();
        let price = |session: &Session| {
            let last = Decimal::from_f64((self.script.last)(session.close)).unwrap();
            let old = session.date < before - TimeDelta::days(120);
            if old { last * dec!(1.1) } else { last }
        };
        let days = i64::try_from(count).unwrap() * 2 + 10;
        let sessions =
            Calendar::default().sessions(Exchange::Xnys, before - TimeDelta::days(days), before);
        let bar = |session: Session| {
            let close = price(&session) * scale;
            let half = dec!(25) * scale;
            DailyBar {
                date: session.date,
                open: close,
                high: close + half,
                low: close - half,
                close,
            }
        };
        let mut bars: Vec<DailyBar> =
            sessions.into_iter().filter(|session| session.date < before).map(bar).collect();
        bars.drain(..bars.len().saturating_sub(count));
        Ok(bars)
    }
    /// Between 12 and 18, so that 16 stands at two thirds.
    async fn iv_history(
        &self,
        _: Product,
        before: NaiveDate,
        count: usize,
    ) -> Vec<(NaiveDate, f64)> {
        let days = i64::try_from(count).unwrap() * 2 + 10;
        let sessions =
            Calendar::default().sessions(Exchange::Xnys, before - TimeDelta::days(days), before);
        let dates = sessions.into_iter().map(|session| session.date).filter(|date| *date < before);
        let mut levels: Vec<(NaiveDate, f64)> = dates
            .enumerate()
            .map(|(place, date)| (date, [12.0, 14.0, 16.0, 18.0][place % 4]))
            .collect();
        levels.drain(..levels.len().saturating_sub(count));
        levels
    }
    async fn fx(&self, date: NaiveDate) -> Result<FxRate, MarketError> {
        Ok(FxRate { date: date.pred_opt().unwrap(), usd_per_gbp: dec!(1.28) })
    }
    async fn events(&self, _: EventKind, _: NaiveDate) -> EventDay {
        EventDay::Known(Vec::new())
    }
    async fn settlement(&self, series: &Series) -> Result<Decimal, MarketError> {
        Ok(self.last(series.product, series.last_trade))
    }
    async fn mark(&self, instrument: &Instrument) -> Result<Decimal, MarketError> {
        Ok(self.last(instrument.product(), self.rt.now()))
    }
}
