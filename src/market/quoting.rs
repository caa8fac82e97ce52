//! One series' market at one instant: the model's value, Greeks, and the book around it.

use chrono::SubsecRound;
use rust_decimal::dec;

use super::{
    MarketError, OptionQuote,
    book::{self, Conditions},
    carry, flaws,
    noise::{Noise, Stream},
    path::DayPath,
    surface::{Own, Smile, Tenor},
    tape::{Asset, TermRatios},
    window::{Print, Window, day_key},
};
use crate::{
    calendar::Calendar,
    clock::Timestamp,
    config::MarketSettings,
    instrument::{OptionContract, Product, ProductKind, Right, Series, Settlement},
    money::to_f64,
    pricing::{Expiry, Model},
};

/// What every answer of a moment is derived from.
pub struct Moment<'a> {
    /// The settings.
    pub settings: &'a MarketSettings,
    /// The calendar.
    pub calendar: &'a Calendar,
    /// The window now is in.
    pub window: &'a Window,
    /// Now.
    pub now: Timestamp,
}

/// The price of an underlying, exact, before it is put on a tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Underlying {
    /// The product.
    pub product: Product,
    /// The future's month code, for one.
    pub future: Option<String>,
    /// In points of the product.
    pub value: f64,
    /// The first print of the session.
    pub open: f64,
    /// The instant of the newest frame.
    pub at: Timestamp,
}

impl Moment<'_> {
    /// A contract's quote as the feed shows it: of now, or of the instant at which it stood still.
    pub fn quote(&self, view: &SeriesView<'_>, contract: OptionContract) -> OptionQuote {
        let noise = view.contract_noise(&contract);
        let still = view.stood_still_at(noise).filter(|at| self.window.session.open <= *at);
        if let Some(now) = still
            && let Ok(then) = (Moment { now, ..*self }).series(&contract.series)
        {
            return then.quote(contract, noise);
        }
        view.quote(contract, noise)
    }

    /// The underlying of a product: its future of `code`, or the front one.
    pub fn underlying(
        &self,
        product: Product,
        code: Option<&str>,
    ) -> Result<Underlying, MarketError> {
        let missing = || MarketError::NoPrice { product, at: self.now };
        let asset = Asset::of(product);
        let path = self.window.path(asset).ok_or_else(missing)?;
        let second = self.now.trunc_subsecs(0);
        let Print { value, at } = self.window.print(product, second).ok_or_else(missing)?;
        let ratio = carry::ratio(&self.settings.carry, product);
        let (value, open) = (value / ratio, path.first() / ratio);
        if product.kind() != ProductKind::Future {
            return Ok(Underlying { product, future: None, value, open, at: self.print_at(at) });
        }
        let month = self.window.future(self.calendar, product, code).ok_or_else(missing)?;
        let fair = |spot, at| {
            carry::fair_future(&self.settings.carry, product, spot, at, month.last_trade)
        };
        let (value, open) = (fair(value, at), fair(open, path.open));
        Ok(Underlying { product, future: Some(month.code), value, open, at: self.print_at(at) })
    }

    /// The print's own instant, or now itself where the print is of this second.
    fn print_at(&self, at: Timestamp) -> Timestamp {
        if at == self.now.trunc_subsecs(0) { self.now } else { at }
    }

    /// The future's price at the session's close or open: what a series on it settles to.
    pub fn settlement(&self, series: &Series, path: &DayPath) -> Result<f64, MarketError> {
        let product = series.product;
        let (spot, at) = match series.settlement {
            Settlement::Am => (path.first(), path.open),
            // Most with the day; some at their own time before.
            Settlement::Pm => {
                let at = series.last_trade.min(path.close);
                (path.at(at), at)
            }
        };
        let spot = spot / carry::ratio(&self.settings.carry, product);
        match &series.future {
            None => Ok(spot),
            Some(code) => {
                let month = self.window.future(self.calendar, product, Some(code));
                let month = month.ok_or(MarketError::NoPrice { product, at })?;
                Ok(carry::fair_future(&self.settings.carry, product, spot, at, month.last_trade))
            }
        }
    }

    /// VIX now, in points.
    pub fn vix(&self) -> Result<Print, MarketError> {
        let print = self.window.regular(Asset::Vix, self.now.trunc_subsecs(0));
        let print = print.ok_or(MarketError::NoVix)?;
        Ok(Print { at: self.print_at(print.at), ..print })
    }

    /// The market of a series.
    pub fn series(&self, series: &Series) -> Result<SeriesView<'_>, MarketError> {
        let product = series.product;
        let underlying = self.underlying(product, series.future.as_deref())?;
        let vix = self.vix()?.value;
        let second = self.now.trunc_subsecs(0);
        let share = self.settings.surface.session_share;
        let tenor = self.window.tenor(self.calendar, series, share, second);
        let carry = &self.settings.carry;
        let (rate, dividend) = (carry::rate(carry), carry::dividend(carry, product));
        let years = tenor.map_or(0.0, |t| t.years);
        let (model, forward) = match product.kind() {
            ProductKind::Future => (Model::Black76, underlying.value),
            ProductKind::Index | ProductKind::Etf => {
                (Model::Bsm, underlying.value * libm::exp((rate - dividend) * years))
            }
        };
        let at = self.window.frame(product, self.now);
        let open = (at == self.now && self.now < self.window.session.close)
            .then(|| (self.now - self.window.session.open).num_seconds() as f64 / 60.0);
        Ok(SeriesView {
            settings: self.settings,
            pricing: Expiry::new(model, underlying.value, rate, dividend, years),
            smile: tenor.map(|t| self.smile(product, vix, t, forward)),
            morning: self.morning_smile(series, underlying.open),
            days: tenor.map_or(0.0, Tenor::days),
            conditions: Conditions {
                vix,
                underlying: underlying.value,
                factor: book::width_factor(&self.settings.book, open),
            },
            noise: series_noise(self.settings.seed, series),
            session: day_key(self.window.session.date),
            second: second.timestamp(),
            at,
            live: open.is_some(),
        })
    }

    fn smile(&self, product: Product, vix: f64, tenor: Tenor, forward: f64) -> Smile {
        let surface = &self.settings.surface;
        let other = surface.other.get(&product);
        let level = other.map_or(vix, |o| o.at(vix));
        let skew = other.map_or(1.0, |o| o.skew);
        let long_run = other.and_then(|o| o.long_run).unwrap_or(surface.long_run_vol);
        let own = Own { level, long_run, skew };
        Smile::new(surface, own, self.window.ratios, tenor, forward)
    }

    /// The smile open interest was built on: fixed for the session.
    fn morning_smile(&self, series: &Series, forward: f64) -> Option<Smile> {
        let first = || self.window.path(Asset::Vix).map(DayPath::first);
        let level = self.window.previous_close(Asset::Vix).or_else(first)?;
        let days = (series.expiration - self.window.session.date).num_days().max(1) as f64;
        let tenor = Tenor { years: days / 365.0, sessions: days * 252.0 / 365.0 };
        let ratios = TermRatios::default();
        let surface = &self.settings.surface;
        let other = surface.other.get(&series.product);
        let skew = other.map_or(1.0, |o| o.skew);
        // The first products' interest is spread by VIX itself, whatever their own volatility.
        let own = other.and_then(|o| Some((o.at(level), o.long_run?)));
        let (level, long_run) = own.unwrap_or((level, surface.long_run_vol));
        Some(Smile::new(surface, Own { level, long_run, skew }, ratios, tenor, forward))
    }
}

/// A series' source of noise: by what it is, not by where it is asked from.
fn series_noise(seed: u64, series: &Series) -> Noise {
    let settlement = match series.settlement {
        Settlement::Am => 0,
        Settlement::Pm => 1,
    };
    Noise::new(seed, Stream::Width)
        .of(series.product as u64)
        .of(day_key(series.expiration))
        .of(settlement)
}

/// One series at one instant.
pub struct SeriesView<'a> {
    settings: &'a MarketSettings,
    pricing: Expiry,
    /// `None` once expired.
    smile: Option<Smile>,
    morning: Option<Smile>,
    /// Calendar days left.
    pub days: f64,
    conditions: Conditions,
    noise: Noise,
    session: u64,
    second: i64,
    at: Timestamp,
    /// In regular hours: only then do quotes go wrong.
    live: bool,
}

impl SeriesView<'_> {
    /// The quote of one contract of the series.
    fn quote(&self, contract: OptionContract, noise: Noise) -> OptionQuote {
        let product = contract.series.product;
        let strike = to_f64(contract.strike);
        let vol = self.smile.map_or(0.0, |smile| smile.vol(strike));
        let model = self.pricing.price(strike, vol, contract.right);
        let (flaws, book) = (&self.settings.flaws, &self.settings.book);
        let wider = if self.live { flaws::width(flaws, noise, self.second) } else { 1.0 };
        let jitter = book::width_jitter(noise, self.second) * wider;
        let sides = book::bid_ask(book, product, model.price, model.delta, self.conditions, jitter);
        let crossed = self.live && flaws::is_crossed(flaws, noise, self.second);
        let (bid, ask) = if crossed { (sides.1, sides.0) } else { sides };
        let deviations = self.morning.map_or(0.0, |smile| smile.deviations(strike));
        let interest = noise.of(self.session);
        let open_interest =
            book::open_interest(book, product, contract.strike, deviations, interest);
        OptionQuote {
            bid,
            ask,
            implied_volatility: vol,
            delta: model.delta,
            gamma: model.gamma,
            theta: model.theta,
            vega: model.vega,
            open_interest,
            at: self.at,
            contract,
        }
    }

    /// The instant at which a contract's quote stood still, while it does.
    fn stood_still_at(&self, noise: Noise) -> Option<Timestamp> {
        if !self.live {
            return None;
        }
        let since = flaws::stood_still_at(&self.settings.flaws, noise, self.second)?;
        Timestamp::from_timestamp(since, 0)
    }

    fn contract_noise(&self, contract: &OptionContract) -> Noise {
        // Cents, but for strikes that are finer.
        let strike = contract.strike.normalize();
        let unit = if strike.scale() <= 2 { dec!(100) } else { dec!(1_000_000) };
        let cents = (strike * unit).trunc().mantissa();
        let strike = u64::try_from(cents.rem_euclid(1 << 62)).unwrap_or(0);
        let right = match contract.right {
            Right::Call => 0,
            Right::Put => 1,
        };
        self.noise.of(strike).of(right)
    }
}
