//! What a chart is drawn on: its axes, its words, and the canvas they make.

use chrono::{Datelike as _, NaiveDate};

use super::scale::{Scale, grouped};

/// Under it: room for the marks of the lower axis.
const FOOT: f64 = 26.0;

/// How large a chart is drawn; its words are the same size in each, so a small one reads on a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// For a page as wide as a screen.
    Wide,
    /// For a phone, a mail, a message.
    Small,
}

impl Size {
    /// In units of the view box; it scales to the page.
    pub(super) fn width(self) -> u32 {
        match self {
            Self::Wide => 760,
            Self::Small => 400,
        }
    }

    /// The same.
    pub(super) fn height(self) -> u32 {
        match self {
            Self::Wide => 260,
            Self::Small => 240,
        }
    }

    /// Where the drawing area begins and ends.
    fn reach(self) -> (f64, f64) {
        match self {
            Self::Wide => (78.0, 746.0),
            Self::Small => (64.0, 378.0),
        }
    }

    /// The widest place of a bar.
    pub(super) fn bar(self) -> f64 {
        match self {
            Self::Wide => f64::INFINITY,
            Self::Small => 78.5,
        }
    }

    /// Marks there is room for, across and upwards.
    pub(super) fn marks(self) -> (usize, usize) {
        match self {
            Self::Wide => (8, 6),
            Self::Small => (4, 5),
        }
    }
}

/// The unit of an axis: how its figures read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Days, by [`day_number`].
    Date,
    /// Dollars.
    Dollars,
    /// Pounds.
    Pounds,
    /// Percent.
    Percent,
    /// A price or a plain number.
    Points,
    /// An axis that is not labelled.
    None,
}

impl Unit {
    /// A figure beside an axis that spans so much: no more decimals than the span needs.
    pub(super) fn tick(self, value: f64, span: f64) -> String {
        let places = [20.0, 4.0, 0.4].iter().filter(|bound| span < **bound).count();
        self.words(value, places)
    }

    /// A figure by itself: two decimals, whole from a thousand on.
    pub fn exact(self, value: f64) -> String {
        self.words(value, if value.abs() < 1000.0 { 2 } else { 0 })
    }

    fn words(self, value: f64, places: usize) -> String {
        let amount = grouped(value.abs(), places);
        let shown = amount.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
        let sign = if value < 0.0 && shown { "-" } else { "" };
        match self {
            Self::Dollars => format!("{sign}${amount}"),
            Self::Pounds => format!("{sign}£{amount}"),
            Self::Percent => format!("{sign}{amount} %"),
            Self::Date | Self::Points | Self::None => format!("{sign}{amount}"),
        }
    }
}

/// A day as a place on a [`Unit::Date`] axis.
pub fn day_number(date: NaiveDate) -> f64 {
    f64::from(date.num_days_from_ce())
}

/// A line that means something by itself: a strike, a cap, a bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Guide {
    /// From left to right, at a value of `y`.
    Across {
        /// The value.
        at: f64,
        /// Above it.
        label: String,
    },
    /// From top to bottom, at a value of `x`.
    Down {
        /// The value.
        at: f64,
        /// Over it.
        label: String,
    },
}

/// A chart's axes and words.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Unlike any other's on its page.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// The same in a sentence with its figures, for who does not see it.
    pub says: String,
    /// From left to right.
    pub x: Unit,
    /// From the bottom up.
    pub y: Unit,
    /// Lines that mean something by themselves; those outside the picture are left out.
    pub guides: Vec<Guide>,
    /// How large.
    pub size: Size,
}

impl Frame {
    /// Where the drawing area ends above: room for a legend, and for labels in one row or two.
    fn top(&self) -> f64 {
        let labels = self.guides.iter().any(|guide| matches!(guide, Guide::Down { .. }));
        match self.size {
            Size::Wide => 30.0,
            Size::Small if labels => 44.0,
            Size::Small => 22.0,
        }
    }
}

/// The drawing area with its two scales.
pub(super) struct Canvas {
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Canvas {
    /// A canvas that holds the finite points and a little above and below; `None` without any.
    pub(super) fn over(frame: &Frame, points: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let mut reach: Option<[f64; 4]> = None;
        for (x, y) in points.filter(|(x, y)| x.is_finite() && y.is_finite()) {
            let [left, right, low, high] = reach.unwrap_or([x, x, y, y]);
            reach = Some([left.min(x), right.max(x), low.min(y), high.max(y)]);
        }
        let [left, right, low, high] = reach?;
        // A flat line lies in the middle of a picture one unit high, not of one without a height.
        let room =
            if high - low > 1e-9 { (high - low) * 0.06 } else { high.abs().mul_add(0.01, 1.0) };
        // An edge at zero stays there: a drawdown does not rise above it.
        let flat = high - low <= 1e-9;
        let low = if low == 0.0 && !flat { 0.0 } else { low - room };
        let high = if high == 0.0 && !flat { 0.0 } else { high + room };
        let (left, right) = if left < right { (left, right) } else { (left - 0.5, right + 0.5) };
        let ((start, end), bottom) = (frame.size.reach(), f64::from(frame.size.height()) - FOOT);
        Some(Self {
            x: Scale { from: left, to: right, start, end },
            y: Scale { from: low, to: high.max(low + 1e-9), start: bottom, end: frame.top() },
        })
    }

    pub(super) fn left(&self) -> f64 {
        self.x.start
    }

    pub(super) fn right(&self) -> f64 {
        self.x.end
    }

    pub(super) fn top(&self) -> f64 {
        self.y.end
    }

    pub(super) fn bottom(&self) -> f64 {
        self.y.start
    }

    pub(super) fn width(&self) -> f64 {
        self.x.end - self.x.start
    }
}
