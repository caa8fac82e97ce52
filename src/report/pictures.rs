//! The charts of reports and of `/pnl`, each with its last figure in words.

use super::{
    chart::{self, Bar, Frame, Series, Size, Unit, day_number},
    curve::Close,
    page::{Body, Picture, Section},
    parts::signed,
};
use crate::{money::to_f64, plan::Income, stats::YearRow};

/// A fall above this, percent, is none.
const LEAST_FALL: f64 = -0.005;

fn frame(name: &str, title: &str, x: Unit, y: Unit) -> Frame {
    let (id, title) = (name.to_owned(), title.to_owned());
    Frame { says: title.clone(), id, title, x, y, guides: Vec::new(), size: Size::Small }
}

/// Net liquidation at each close: in pounds where every close has its rate, else in dollars; `None`
/// with fewer than two closes.
pub fn equity(closes: &[Close]) -> Option<Picture> {
    let gbp: Option<Vec<(f64, f64)>> = closes
        .iter()
        .map(|close| Some((day_number(close.date), to_f64(close.net_liquidation_gbp?.0))))
        .collect();
    let usd = || closes.iter().map(|c| (day_number(c.date), to_f64(c.net_liquidation_usd.0)));
    let (unit, points) = match gbp {
        Some(points) => (Unit::Pounds, points),
        None => (Unit::Dollars, usd().collect()),
    };
    let (first, last) = (closes.first()?, points.last()?.1);
    if points.len() < 2 {
        return None;
    }
    let since = first.date.format("%-d %b %Y");
    let title = format!("Net liquidation {}, shown since {since}", unit.exact(last));
    let line = Series { name: "net liquidation".to_owned(), points };
    let drawn = chart::line(&frame("equity", &title, Unit::Date, unit), &[line]);
    Some(Picture { name: "equity".to_owned(), title, svg: drawn.0 })
}

/// How far each close lies below the highest before it, by returns in dollars: what was paid in or
/// out is none. `None` with fewer than two closes, and where there is no fall to show.
pub fn drawdown(closes: &[Close]) -> Option<Picture> {
    let points: Vec<(f64, f64)> = closes
        .iter()
        .filter_map(|close| Some((day_number(close.date), close.drawdown_percent?)))
        .collect();
    if points.len() < 2 {
        return None;
    }
    let deepest = points.iter().map(|point| point.1).fold(0.0, f64::min);
    if deepest > LEAST_FALL {
        return None;
    }
    let (now, deepest) = (Unit::Percent.exact(points.last()?.1), Unit::Percent.exact(deepest));
    let title = format!("Drawdown {now} now, {deepest} at its deepest shown, in dollars");
    let line = Series { name: "drawdown".to_owned(), points };
    let frame = frame("drawdown", &title, Unit::Date, Unit::Percent);
    let drawn = chart::area(&frame, &line, 0.0);
    Some(Picture { name: "drawdown".to_owned(), title, svg: drawn.0 })
}

/// Closed income of each month beside its target; `None` without a month.
pub fn income(months: &[Income]) -> Option<Picture> {
    let last = months.last()?;
    let bar =
        |income: &Income| Bar { label: income.month.clone(), value: to_f64(income.realised_gbp.0) };
    let bars: Vec<Bar> = months.iter().map(bar).collect();
    let title = format!("Income closed, by month; {} in {}", last.realised_gbp, last.month);
    let mut frame = frame("income", &title, Unit::None, Unit::Pounds);
    let target = last.target_gbp.map(|target| to_f64(target.0));
    frame.guides.extend(target.map(|at| chart::Guide::Across { at, label: "target".to_owned() }));
    Some(Picture { name: "income".to_owned(), title, svg: chart::bars(&frame, &bars).0 })
}

/// The return of each month of the last year that has one, percent in pounds; `None` with none.
pub fn months(years: &[YearRow]) -> Option<Picture> {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let year = years.last()?;
    let bars: Vec<Bar> = NAMES
        .iter()
        .zip(&year.period_months)
        .filter_map(|(name, share)| {
            Some(Bar { label: (*name).to_owned(), value: (*share)? * 100.0 })
        })
        .collect();
    bars.last()?;
    let made = signed(Unit::Percent.exact(year.period_year * 100.0));
    let title = format!("Return of each month of {}, in pounds; {made} so far", year.year);
    let frame = frame("months", &title, Unit::None, Unit::Percent);
    Some(Picture { name: "months".to_owned(), title, svg: chart::bars(&frame, &bars).0 })
}

/// A picture as a section of a page.
pub fn section(title: &str, picture: Picture) -> Section {
    Section { title: title.to_owned(), body: Body::Chart(picture) }
}
