//! A tape: what was, or would have been, printed for the indices, session by session. Everything
//! the modelled market shows is derived from one.

use std::sync::Arc;

use chrono::NaiveDate;

use super::{DailyBar, EventDay, EventKind, Provenance, path::DayPath};
use crate::{calendar::Session, instrument::Product, money::FxRate};

/// Something with a path of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asset {
    /// The S&P 500.
    Spx,
    /// Its 30-day volatility index.
    Vix,
    /// `QQQ`
    Qqq,
    /// `GLD`
    Gld,
    /// `TLT`
    Tlt,
}

impl Asset {
    /// Every asset.
    pub const ALL: [Self; 5] = [Self::Spx, Self::Vix, Self::Qqq, Self::Gld, Self::Tlt];

    /// What a product's price is derived from.
    pub fn of(product: Product) -> Self {
        match product {
            Product::Es | Product::Mes | Product::Spx | Product::Xsp | Product::Spy => Self::Spx,
            Product::Qqq => Self::Qqq,
            Product::Gld => Self::Gld,
            Product::Tlt => Self::Tlt,
        }
    }
}

/// The term structure as the last close before a day left it: ratios to VIX.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TermRatios {
    /// VIX9D over VIX.
    pub nine_days: Option<f64>,
    /// VIX3M over VIX.
    pub three_months: Option<f64>,
}

/// What was printed, by session. All answers are pure: asked twice, in any order, they agree.
pub trait Tape: Send + Sync {
    /// Where the prices come from.
    fn provenance(&self) -> Provenance;

    /// True when the tape has the asset at all.
    fn carries(&self, asset: Asset) -> bool;

    /// The path of an asset through a session; `None` when the tape has none.
    fn path(&self, asset: Asset, session: &Session) -> Option<DayPath>;

    /// The first print of a session, without the cost of its path.
    fn open(&self, asset: Asset, date: NaiveDate) -> Option<f64>;

    /// The last print of a session, without the cost of its path.
    fn close(&self, asset: Asset, date: NaiveDate) -> Option<f64>;

    /// The last `count` daily bars before a date, oldest first.
    fn daily_bars(&self, asset: Asset, before: NaiveDate, count: usize) -> Vec<DailyBar>;

    /// The term structure known on the morning of a date.
    fn term(&self, date: NaiveDate) -> TermRatios;

    /// The last pound-dollar rate dated strictly before a date.
    fn fx(&self, date: NaiveDate) -> Option<FxRate>;

    /// Events of a kind from two days before a date to two days after.
    fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay;
}

/// A tape that several markets share.
impl<T: Tape + ?Sized> Tape for Arc<T> {
    fn provenance(&self) -> Provenance {
        (**self).provenance()
    }

    fn carries(&self, asset: Asset) -> bool {
        (**self).carries(asset)
    }

    fn path(&self, asset: Asset, session: &Session) -> Option<DayPath> {
        (**self).path(asset, session)
    }

    fn open(&self, asset: Asset, date: NaiveDate) -> Option<f64> {
        (**self).open(asset, date)
    }

    fn close(&self, asset: Asset, date: NaiveDate) -> Option<f64> {
        (**self).close(asset, date)
    }

    fn daily_bars(&self, asset: Asset, before: NaiveDate, count: usize) -> Vec<DailyBar> {
        (**self).daily_bars(asset, before, count)
    }

    fn term(&self, date: NaiveDate) -> TermRatios {
        (**self).term(date)
    }

    fn fx(&self, date: NaiveDate) -> Option<FxRate> {
        (**self).fx(date)
    }

    fn events(&self, kind: EventKind, date: NaiveDate) -> EventDay {
        (**self).events(kind, date)
    }
}
