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
    /// The Russell 2000.
    Russell,
    /// The Dow.
    Dow,
    /// A barrel of crude oil.
    Crude,
    /// A gallon of gasoline.
    Gasoline,
    /// A gallon of heating oil.
    HeatingOil,
    /// `XLE`
    Energy,
    /// `XOP`
    Producers,
    /// An ounce of silver.
    Silver,
    /// A pound of copper.
    Copper,
    /// An ounce of platinum.
    Platinum,
    /// The bond future, and the notes of ten, five and two years.
    Bond30,
    /// Ten years.
    Note10,
    /// Five years.
    Note5,
    /// Two years.
    Note2,
    /// A bushel of corn, in cents.
    Corn,
    /// A bushel of soybeans, in cents.
    Soybeans,
    /// A bushel of wheat, in cents.
    Wheat,
    /// A pound of cattle, in cents.
    Cattle,
    /// A pound of hogs, in cents.
    Hogs,
    /// The Australian dollar.
    Aud,
    /// The pound.
    Gbp,
    /// The Canadian dollar.
    Cad,
    /// The euro.
    Eur,
    /// A hundred yen.
    Jpy,
    /// The Swiss franc.
    Chf,
}

impl Asset {
    /// Those drawn together from the seed, in the order of their places in a day.
    pub const FIRST: [Self; 5] = [Self::Spx, Self::Vix, Self::Qqq, Self::Gld, Self::Tlt];

    /// How many there are.
    pub const COUNT: usize = Self::Chf as usize + 1;

    /// What a product's price is derived from.
    pub fn of(product: Product) -> Self {
        match product {
            Product::Es | Product::Mes | Product::Spx | Product::Xsp | Product::Spy => Self::Spx,
            Product::Qqq | Product::Nq | Product::Mnq => Self::Qqq,
            Product::Gld | Product::Gc | Product::Mgc => Self::Gld,
            Product::Tlt => Self::Tlt,
            Product::Rty | Product::Iwm => Self::Russell,
            Product::Dia => Self::Dow,
            Product::Cl | Product::Mcl | Product::Uso => Self::Crude,
            Product::Rb => Self::Gasoline,
            Product::Ho => Self::HeatingOil,
            Product::Xle => Self::Energy,
            Product::Xop => Self::Producers,
            Product::Si | Product::Slv => Self::Silver,
            Product::Hg => Self::Copper,
            Product::Pl => Self::Platinum,
            Product::Zb => Self::Bond30,
            Product::Zn => Self::Note10,
            Product::Zf => Self::Note5,
            Product::Zt => Self::Note2,
            Product::Zc => Self::Corn,
            Product::Zs => Self::Soybeans,
            Product::Zw => Self::Wheat,
            Product::Le => Self::Cattle,
            Product::He => Self::Hogs,
            Product::Aud => Self::Aud,
            Product::Gbp => Self::Gbp,
            Product::Cad => Self::Cad,
            Product::Eur => Self::Eur,
            Product::Jpy => Self::Jpy,
            Product::Chf => Self::Chf,
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
