//! Everything fixed from one session's open to the next one's: paths, the night in between, and
//! how far expiries are. Built once a session, read every second.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use chrono::{NaiveDate, TimeDelta};

use super::{
    noise::{Noise, Stream},
    path::{DayPath, refine},
    surface::Tenor,
    tape::{Asset, Tape, TermRatios},
};
use crate::{
    calendar::{Calendar, Exchange, Session, new_york_date},
    clock::Timestamp,
    instrument::{
        FutureMonth, Product, ProductKind, Series, Settlement, find_future, front_future,
    },
    market::carry::years_between,
};

/// One price with the instant it was printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Print {
    /// In points of the asset.
    pub value: f64,
    /// The instant.
    pub at: Timestamp,
}

/// What a tape has of an asset around a session.
#[derive(Debug)]
struct Loaded {
    path: Option<DayPath>,
    /// The close of the session before.
    previous_close: Option<f64>,
    /// The open of the session after.
    next_open: Option<f64>,
}

/// The time from one regular open to the next.
#[derive(Debug)]
pub struct Window {
    /// The session that opened last.
    pub session: Session,
    /// The one to come.
    pub next: Option<Session>,
    /// The end of the session's index options, of its grains and of its meats.
    cboe_close: Timestamp,
    grains_close: Timestamp,
    meats_close: Timestamp,
    /// Term structure on the session's morning.
    pub ratios: TermRatios,
    /// The session before.
    before: Option<NaiveDate>,
    /// What the tape has of each asset, once it was asked for.
    assets: [OnceLock<Loaded>; Asset::COUNT],
    /// When the futures trade between this close and the next open.
    nights: Vec<(Timestamp, Timestamp)>,
    night_noise: Noise,
    /// Trading days of variance between this session's close and an expiry.
    distances: Mutex<BTreeMap<(NaiveDate, Settlement), f64>>,
    /// Futures asked for, by code; the front one without.
    futures: Mutex<Vec<(Product, Option<String>, FutureMonth)>>,
}

impl Window {
    /// The window an instant falls in; `None` beyond the calendar.
    pub fn at(tape: &impl Tape, calendar: &Calendar, seed: u64, now: Timestamp) -> Option<Self> {
        let date = new_york_date(now);
        let today = calendar.session(Exchange::Xnys, date).filter(|s| s.open <= now);
        let session = today.or_else(|| calendar.previous_session(Exchange::Xnys, date))?;
        let next = calendar.next_session(Exchange::Xnys, session.date);
        let before = calendar.previous_session(Exchange::Xnys, session.date);
        let close_of = |exchange| {
            calendar.session(exchange, session.date).map_or(session.close, |own| own.close)
        };
        let cboe_close = close_of(Exchange::CboeIndexOptions);
        let (grains_close, meats_close) =
            (close_of(Exchange::CmeGrains), close_of(Exchange::CmeMeats));
        let nights = next.as_ref().map(|n| nights(calendar, &session, n)).unwrap_or_default();
        let window = Self {
            session,
            next,
            cboe_close,
            grains_close,
            meats_close,
            ratios: tape.term(session.date),
            before: before.map(|session| session.date),
            assets: [const { OnceLock::new() }; Asset::COUNT],
            nights,
            night_noise: Noise::new(seed, Stream::Night).of(day_key(session.date)),
            distances: Mutex::default(),
            futures: Mutex::default(),
        };
        window.load(tape, Asset::Vix);
        Some(window)
    }

    /// Takes an asset from the tape, unless it was before. Until then the window has nothing of
    /// it: an asset nobody asks for costs nothing.
    pub fn load(&self, tape: &impl Tape, asset: Asset) {
        self.assets[asset as usize].get_or_init(|| Loaded {
            path: tape.path(asset, &self.session),
            previous_close: self.before.and_then(|date| tape.close(asset, date)),
            next_open: self.next.as_ref().and_then(|next| tape.open(asset, next.date)),
        });
    }

    fn loaded(&self, asset: Asset) -> Option<&Loaded> {
        self.assets[asset as usize].get()
    }

    /// True while the window rules.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.session.open <= now && self.next.as_ref().is_none_or(|next| now < next.open)
    }

    /// The asset's path through the session.
    pub fn path(&self, asset: Asset) -> Option<&DayPath> {
        self.loaded(asset)?.path.as_ref()
    }

    /// The asset's close of the session before.
    pub fn previous_close(&self, asset: Asset) -> Option<f64> {
        self.loaded(asset)?.previous_close
    }

    /// The future a code names, or the one in front on the session's date.
    pub fn future(
        &self,
        calendar: &Calendar,
        product: Product,
        code: Option<&str>,
    ) -> Option<FutureMonth> {
        let mut known = self.futures.lock().unwrap_or_else(PoisonError::into_inner);
        let same =
            |(p, c, _): &&(Product, Option<String>, _)| *p == product && c.as_deref() == code;
        if let Some((_, _, month)) = known.iter().find(same) {
            return Some(month.clone());
        }
        let date = self.session.date;
        let month = match code {
            Some(code) => find_future(calendar, product, code, date),
            None => front_future(calendar, product, date),
        }?;
        known.push((product, code.map(str::to_owned), month.clone()));
        Some(month)
    }

    /// The newest print of what a product is priced by: futures around the clock, but for grains
    /// and meats, which have a day session only, as indices and funds.
    pub fn print(&self, product: Product, now: Timestamp) -> Option<Print> {
        let asset = Asset::of(product);
        match (product.kind(), product.exchange()) {
            (ProductKind::Future, Exchange::CmeGrains | Exchange::CmeMeats) => {
                self.regular(asset, self.frame(product, now))
            }
            (ProductKind::Future, _) => self.around_the_clock(asset, now),
            (ProductKind::Index | ProductKind::Etf, _) => self.regular(asset, now),
        }
    }

    /// The last regular print.
    pub fn regular(&self, asset: Asset, now: Timestamp) -> Option<Print> {
        let path = self.path(asset)?;
        Some(Print { value: path.at(now), at: now.min(self.session.close) })
    }

    /// The cash value behind the futures: the regular path, and at night a walk to the next open.
    pub fn around_the_clock(&self, asset: Asset, now: Timestamp) -> Option<Print> {
        let path = self.path(asset)?;
        if now < self.session.close {
            return Some(Print { value: path.at(now), at: now });
        }
        let (done, whole, at) = self.night_elapsed(now);
        let from = path.last();
        let to = self.loaded(asset).and_then(|l| l.next_open).unwrap_or(from);
        // A quiet night: a fifth of the day's range.
        let sigma = (path.high - path.low) / 5.0;
        let value = match (whole, done) {
            (0, _) | (_, 0) => from,
            _ if done >= whole => to,
            _ => refine(self.night_noise.of(asset as u64), whole, done, (from, to), sigma),
        };
        Some(Print { value, at })
    }

    /// Seconds the futures have traded since the close, of how many, and the last such instant.
    fn night_elapsed(&self, now: Timestamp) -> (u64, u64, Timestamp) {
        let mut done = TimeDelta::zero();
        let mut whole = TimeDelta::zero();
        let mut at = self.session.close;
        for (from, to) in &self.nights {
            whole += *to - *from;
            if now > *from {
                at = now.min(*to);
                done += at - *from;
            }
        }
        let seconds = |d: TimeDelta| u64::try_from(d.num_seconds()).unwrap_or(0);
        (seconds(done), seconds(whole), at)
    }

    /// The instant of the newest frame for a product's options, now or when they last traded.
    pub fn frame(&self, product: Product, now: Timestamp) -> Timestamp {
        match product.exchange() {
            Exchange::Xnys => now.min(self.session.close),
            Exchange::CboeIndexOptions => now.min(self.cboe_close),
            Exchange::CmeGrains => now.min(self.grains_close),
            Exchange::CmeMeats => now.min(self.meats_close),
            Exchange::CmeEquity if now < self.session.close => now,
            Exchange::CmeEquity => self.night_elapsed(now).2,
        }
    }

    /// How far an expiry is, by the calendar and in trading days of variance; `None` once passed.
    pub fn tenor(
        &self,
        calendar: &Calendar,
        series: &Series,
        share: f64,
        now: Timestamp,
    ) -> Option<Tenor> {
        let end = self.expiry(calendar, series);
        if now >= end {
            return None;
        }
        let after = self.distance(calendar, series, share);
        let left = (self.session.close.min(end) - now).num_seconds().max(0) as f64;
        let of = self.session.length().num_seconds().max(1) as f64;
        let sessions = if series.expiration == self.session.date {
            share * left / of
        } else {
            let night = self.next.as_ref().map_or(0.0, |next| {
                let past = (now - self.session.close).num_seconds().max(0) as f64;
                past / (next.open - self.session.close).num_seconds().max(1) as f64
            });
            (share * left / of + after - (1.0 - share) * night).max(1e-9)
        };
        Some(Tenor { years: years_between(now, end).max(1e-9), sessions })
    }

    /// The instant an expiry's value is fixed: the open for AM; for PM the last trade, or the cash
    /// close where that is earlier.
    pub fn expiry(&self, calendar: &Calendar, series: &Series) -> Timestamp {
        let own = (series.expiration == self.session.date).then_some(self.session);
        let session = own.or_else(|| calendar.session(Exchange::Xnys, series.expiration));
        match (series.settlement, session) {
            (Settlement::Am, Some(session)) => session.open,
            (Settlement::Pm, Some(session)) => session.close.min(series.last_trade),
            (_, None) => series.last_trade,
        }
    }

    /// Trading days of variance from this session's close to an expiry after it.
    fn distance(&self, calendar: &Calendar, series: &Series, share: f64) -> f64 {
        let key = (series.expiration, series.settlement);
        let mut known = self.distances.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(key).or_insert_with(|| {
            let from = self.session.date.succ_opt().unwrap_or(self.session.date);
            // Beyond two months only calendar time counts; the session count need not be exact.
            let until = series.expiration.min(from + TimeDelta::days(60));
            let count = calendar.sessions(Exchange::Xnys, from, until).len() as f64;
            let far = (series.expiration - until).num_days() as f64 * 252.0 / 365.0;
            let last = if series.settlement == Settlement::Am { share } else { 0.0 };
            (count + far - last).max(0.0)
        })
    }
}

/// When the futures trade from a session's close to the next open.
fn nights(calendar: &Calendar, from: &Session, to: &Session) -> Vec<(Timestamp, Timestamp)> {
    let sessions = calendar.sessions(Exchange::CmeEquity, from.date, to.date);
    let inside = sessions.iter().map(|s| (s.open.max(from.close), s.close.min(to.open)));
    inside.filter(|(start, end)| start < end).collect()
}

/// A day's place in a stream of noise.
pub fn day_key(date: NaiveDate) -> u64 {
    use chrono::Datelike;
    u64::from(date.num_days_from_ce().unsigned_abs())
}
