//! What the market shows: prices, chains, VIX, rates; and the feeds that make them.
//!
//! A quote is data with an instant and a provenance; what is modelled says so wherever it shows.

/// Bid, ask, open interest and strikes around a model value.
mod book;
/// Futures months; how products follow their index.
mod carry;
/// Quotes that go wrong.
mod flaws;
/// The 52-week high and the rank of implied volatility.
pub mod history;
/// The market made of a tape.
mod modelled;
/// Randomness as a pure function of place.
pub mod noise;
/// A session's price path, to the second.
mod path;
/// One series' market at one instant.
mod quoting;
/// The user's own files.
pub mod recorded;
/// Prices out of a seed.
pub mod simulated;
/// Volatility by expiry and strike.
mod surface;
/// What was printed, session by session.
pub mod tape;
/// What is fixed from one open to the next.
mod window;

use async_trait::async_trait;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use self::{
    modelled::ModelledMarket, path::DayPath, recorded::RecordedTape, simulated::SimulatedTape,
};
use crate::{
    account::exposure::Carry,
    clock::Timestamp,
    instrument::{Instrument, OptionContract, Product, Right, Series},
    money::FxRate,
};

/// Where prices come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Everything is generated from a seed.
    Simulated,
    /// Recorded underlyings; option quotes modelled on them.
    RecordedModelled,
    /// A broker's feed.
    Live,
}

/// The state of an underlying: an index, an ETF, or the future an option is written on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderlyingQuote {
    /// The product.
    pub product: Product,
    /// The future's month code, where the product is one.
    pub future: Option<String>,
    /// Last trade, in points.
    pub last: Decimal,
    /// Best bid and ask, where quoted.
    pub bid: Option<Decimal>,
    /// Best ask.
    pub ask: Option<Decimal>,
    /// First trade at or after 09:30:00 New York of the session, once there is one.
    pub open: Option<Decimal>,
    /// The last frame of the feed for it.
    pub at: Timestamp,
}

/// A volatility index print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VixQuote {
    /// The level in points.
    pub level: Decimal,
    /// Its previous close.
    pub previous_close: Option<Decimal>,
    /// The instant of the print.
    pub at: Timestamp,
}

/// One option's market, with the Greeks of its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionQuote {
    /// The contract.
    pub contract: OptionContract,
    /// Best bid in points; zero when there is none.
    pub bid: Decimal,
    /// Best ask in points.
    pub ask: Decimal,
    /// Implied volatility of the mid, a year.
    pub implied_volatility: f64,
    /// Delta to the underlying.
    pub delta: f64,
    /// Gamma.
    pub gamma: f64,
    /// Theta per calendar day.
    pub theta: f64,
    /// Vega per point.
    pub vega: f64,
    /// Contracts open at the last session's end.
    pub open_interest: u32,
    /// The last frame of the feed for it.
    pub at: Timestamp,
}

impl OptionQuote {
    /// Midpoint of bid and ask, in points.
    pub fn mid(&self) -> Decimal {
        (self.bid + self.ask) / Decimal::TWO
    }

    /// Ask less bid, in points.
    pub fn spread(&self) -> Decimal {
        self.ask - self.bid
    }

    /// Zero-asked or crossed: no order may rest on it.
    pub fn is_broken(&self) -> bool {
        self.ask <= Decimal::ZERO || self.bid < Decimal::ZERO || self.bid > self.ask
    }
}

/// A window of one series' strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// The expiration.
    pub series: Series,
    /// Quotes by strike, calls and puts, strikes ascending.
    pub quotes: Vec<OptionQuote>,
}

impl Chain {
    /// The quote of a strike and right.
    pub fn quote(&self, strike: Decimal, right: Right) -> Option<&OptionQuote> {
        self.quotes.iter().find(|q| q.contract.strike == strike && q.contract.right == right)
    }
}

/// One day's bar of an index in its regular session.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DailyBar {
    /// The session.
    pub date: NaiveDate,
    /// First print.
    pub open: Decimal,
    /// Highest print.
    pub high: Decimal,
    /// Lowest print.
    pub low: Decimal,
    /// Last print.
    pub close: Decimal,
}

/// A scheduled release or meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacroEvent {
    /// FOMC, CPI or NFP.
    pub kind: EventKind,
    /// The instant of the release or statement.
    pub at: Timestamp,
}

/// The kinds of event the rulebook filters by (rulebook §5 limit 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventKind {
    /// Federal Open Market Committee statement.
    #[serde(rename = "FOMC")]
    Fomc,
    /// Consumer price index.
    #[serde(rename = "CPI")]
    Cpi,
    /// Employment situation.
    #[serde(rename = "NFP")]
    Nfp,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Fomc, Self::Cpi, Self::Nfp];

    /// Its name: `FOMC`, `CPI`, `NFP`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fomc => "FOMC",
            Self::Cpi => "CPI",
            Self::Nfp => "NFP",
        }
    }

    /// The stable name of its filter and limit: `fomc`, `cpi`, `nfp`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Fomc => "fomc",
            Self::Cpi => "cpi",
            Self::Nfp => "nfp",
        }
    }
}

/// What is known of an event kind on a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", content = "events", rename_all = "snake_case")]
pub enum EventDay {
    /// The events of that kind within reach of the date; may be none.
    Known(Vec<MacroEvent>),
    /// The calendar does not cover the date: unknown, not applied, counted.
    Unknown,
}

/// Why the market could not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum MarketError {
    /// This feed carries nothing for the product.
    #[error("no data for {0}")]
    NoData(Product),
    /// The session has no data at this instant.
    #[error("no price for {product} at {at}")]
    NoPrice {
        /// The product.
        product: Product,
        /// The instant asked for.
        at: Timestamp,
    },
    /// VIX has no print.
    #[error("no VIX print")]
    NoVix,
    /// No pound-dollar rate dated before the day.
    #[error("no pound-dollar rate before {0}")]
    NoFx(NaiveDate),
    /// The series is not listed on that day.
    #[error("{product} lists no series expiring {expiration}")]
    NoSeries {
        /// The product.
        product: Product,
        /// The expiration asked for.
        expiration: NaiveDate,
    },
    /// The feed failed.
    #[error("feed: {0}")]
    Feed(String),
}

/// A source of market data at the present instant. Implementations: simulated, recorded, a
/// broker's feed later.
#[async_trait]
pub trait Market: Send + Sync {
    /// Where the prices come from.
    fn provenance(&self) -> Provenance;

    /// The products that have data.
    fn products(&self) -> Vec<Product>;

    /// The underlying of a series, or the front of a product when `series` is `None`.
    async fn underlying(
        &self,
        product: Product,
        series: Option<&Series>,
    ) -> Result<UnderlyingQuote, MarketError>;

    /// VIX. Outside regular hours the last regular print, with its own instant.
    async fn vix(&self) -> Result<VixQuote, MarketError>;

    /// Every series of a product listed today that expires within `days` calendar days.
    async fn series(&self, product: Product, days: u32) -> Result<Vec<Series>, MarketError>;

    /// The strikes of a series between two prices, both included.
    async fn chain(
        &self,
        series: &Series,
        from: Decimal,
        to: Decimal,
    ) -> Result<Chain, MarketError>;

    /// Fresh quotes for single contracts, in the order asked.
    async fn quotes(&self, contracts: &[OptionContract]) -> Result<Vec<OptionQuote>, MarketError>;

    /// The index's last `count` regular sessions strictly before `date`, oldest first. For ES and
    /// MES, XSP and SPY the bars are those of SPX (rulebook §4.1: ATR is the index's).
    async fn daily_bars(
        &self,
        product: Product,
        before: NaiveDate,
        count: usize,
    ) -> Result<Vec<DailyBar>, MarketError>;

    /// The product's 30-day implied volatility at the closes of its last `count` sessions strictly
    /// before `date`, percent, oldest first. Empty where the feed has no such history.
    async fn iv_history(
        &self,
        _product: Product,
        _before: NaiveDate,
        _count: usize,
    ) -> Vec<(NaiveDate, f64)> {
        Vec::new()
    }

    /// The last pound-dollar rate dated strictly before `date`.
    async fn fx(&self, date: NaiveDate) -> Result<FxRate, MarketError>;

    /// What is known of one kind of event from two days before `date` to two days after.
    async fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay;

    /// The official settlement value of an instrument's underlying for an expiry that has passed:
    /// the session's close for PM series.
    async fn settlement(&self, series: &Series) -> Result<Decimal, MarketError>;

    /// The next dividend of a product, points a share; `None` when it pays none or none is known.
    async fn next_dividend(&self, _product: Product) -> Option<Decimal> {
        None
    }

    /// What a product's underlying costs to hold, where the feed knows it.
    fn carry(&self, _product: Product) -> Carry {
        Carry::default()
    }

    /// A price for something held that is not an option.
    async fn mark(&self, instrument: &Instrument) -> Result<Decimal, MarketError>;
}
