//! The charts of the page.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Sheet, falls};
use crate::{
    account::StrategyId,
    calendar::new_york_date,
    desk::tables::EquityRow,
    money::{Usd, to_f64},
    report::{
        chart::{self, Bar, Frame, Series, Size, Unit, day_number},
        held::Greeks,
    },
};

fn frame(id: &str, title: &str, says: String, y: Unit) -> Frame {
    let (id, title) = (id.to_owned(), title.to_owned());
    Frame { id, title, says, x: Unit::Date, y, guides: Vec::new(), size: Size::Wide }
}

fn series(name: &str, points: Vec<(f64, f64)>) -> Series {
    Series { name: name.to_owned(), points }
}

impl Sheet<'_> {
    fn by_day(&self, figure: impl Fn(&EquityRow) -> Option<f64>) -> Vec<(f64, f64)> {
        let point = |day: &EquityRow| (day_number(day.date), figure(day).unwrap_or(f64::NAN));
        self.days.iter().map(point).collect()
    }

    /// Net liquidation, each currency by itself.
    pub(super) fn equity(&self) -> Markup {
        let usd = self.by_day(|day| Some(to_f64(day.net_liquidation_usd.0)));
        let gbp = self.by_day(|day| day.net_liquidation_gbp.map(|gbp| to_f64(gbp.0)));
        let draw = |id, title, unit: Unit, points: Vec<(f64, f64)>| {
            let says = ends(&points, unit);
            chart::line(&frame(id, title, says, unit), &[series(title, points)])
        };
        html! {
            h3 { "In dollars: what the trading made" }
            (draw("equity-usd", "Net liquidation, dollars", Unit::Dollars, usd))
            h3 { "In pounds: the same at each day's rate" }
            (draw("equity-gbp", "Net liquidation, pounds", Unit::Pounds, gbp))
        }
    }

    /// How far below the highest close before it each close lies.
    pub(super) fn drawdown(&self) -> Markup {
        let falls = falls(self.start, self.days);
        let deepest = falls.iter().copied().fold(0.0, f64::max);
        let says = format!("At its deepest {deepest:.2} % below the highest close before it.");
        let points = self.days.iter().zip(&falls).map(|(day, fall)| (day_number(day.date), -fall));
        let frame = frame("drawdown", "Drawdown, percent of the peak", says, Unit::Percent);
        chart::area(&frame, &series("Drawdown", points.collect()), 0.0)
    }

    /// Buying power at its most in each session, beside the cap of its close.
    pub(super) fn buying_power(&self) -> Markup {
        let used = self.by_day(|day| day.peak_used_percent.map(to_f64));
        let cap = self.by_day(|day| day.cap_percent.map(to_f64));
        let most = used.iter().map(|point| point.1).filter(|used| used.is_finite());
        let most = most.fold(0.0, f64::max);
        let says = format!("At most {most:.1} % of sizing capital in use at any session's peak.");
        let frame = frame("power", "Buying power, percent of sizing capital", says, Unit::Percent);
        chart::line(&frame, &[series("used, session's peak", used), series("cap", cap)])
    }

    /// Delta, theta and vega of the book before each close; days with nothing held have none.
    pub(super) fn greeks(&self) -> Markup {
        let of = |figure: fn(&Greeks) -> f64| -> Vec<(f64, f64)> {
            let mut points: BTreeMap<_, f64> =
                self.days.iter().map(|day| (day.date, 0.0)).collect();
            for book in self.books {
                points.insert(book.date, book.greeks.as_ref().map_or(f64::NAN, figure));
            }
            points.into_iter().map(|(date, figure)| (day_number(date), figure)).collect()
        };
        let draw = |id, title, points: Vec<(f64, f64)>| {
            let says = ends(&points, Unit::Dollars);
            chart::line(&frame(id, title, says, Unit::Dollars), &[series(title, points)])
        };
        html! {
            h3 { "Delta: dollars for a rise of 1 % in every underlying, each at a beta of one" }
            (draw("delta", "Delta, dollars for 1 %", of(|greeks| greeks.delta_one_percent_usd)))
            h3 { "Theta: dollars for a calendar day" }
            (draw("theta", "Theta, dollars a day", of(|greeks| greeks.theta_day_usd)))
            h3 { "Vega: dollars for one point of implied volatility" }
            (draw("vega", "Vega, dollars a point", of(|greeks| greeks.vega_point_usd)))
        }
    }

    /// What each strategy made, in all and over time.
    pub(super) fn strategies(&self) -> Markup {
        let traded = self.history.strategies.iter().filter(|line| line.trades.trade_count > 0);
        let bars: Vec<Bar> = traded
            .map(|line| Bar {
                label: line.strategy.to_string(),
                value: to_f64(line.trades.trade_pnl_usd.0),
            })
            .collect();
        let mut sums: BTreeMap<StrategyId, (Usd, Vec<(f64, f64)>)> = BTreeMap::new();
        for trade in self.trades {
            let (sum, points) = sums.entry(trade.strategy).or_default();
            *sum += trade.pnl_usd;
            points.push((day_number(new_york_date(trade.closed_at)), to_f64(sum.0)));
        }
        let lines: Vec<Series> = sums
            .into_iter()
            .map(|(strategy, (_, points))| series(strategy.name(), points))
            .collect();
        let all = Frame {
            x: Unit::None,
            ..frame(
                "strategies",
                "Profit by strategy, dollars",
                "Closed trades after fees.".to_owned(),
                Unit::Dollars,
            )
        };
        let time = frame(
            "strategies-time",
            "Profit by strategy over time, dollars",
            "The sum of closed trades after fees.".to_owned(),
            Unit::Dollars,
        );
        html! {
            (chart::bars(&all, &bars))
            // More lines than a chart can tell apart come in charts of their own.
            @for (index, some) in lines.chunks(chart::SERIES_MAX).enumerate() {
                @let time = Frame { id: format!("{}-{index}", time.id), ..time.clone() };
                (chart::line(&time, some))
            }
        }
    }
}

/// `From $45,000 to $46,000; lowest …, highest ….`
fn ends(points: &[(f64, f64)], unit: Unit) -> String {
    let known: Vec<f64> = points.iter().map(|point| point.1).filter(|y| y.is_finite()).collect();
    let Some((first, last)) = known.first().zip(known.last()) else {
        return "Nothing is known.".to_owned();
    };
    let low = known.iter().copied().fold(f64::INFINITY, f64::min);
    let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let words = |figure: f64| unit.exact(figure);
    let (first, last, low, high) = (words(*first), words(*last), words(low), words(high));
    format!("From {first} to {last}; lowest {low}, highest {high}.")
}
