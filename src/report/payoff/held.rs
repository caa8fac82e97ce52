//! What an open position brings: at its nearest expiration, and by the model as the market stands.

use chrono::NaiveDate;

use crate::{
    account::{
        Position, PositionLeg,
        exposure::{Book, Exposure, Holder},
    },
    desk::describe,
    instrument::{Instrument, Right},
    money::to_f64,
    report::{
        chart::{self, Frame, Guide, Series, Size, Unit},
        page::Picture,
    },
};

/// Steps a line is drawn in, besides its corners.
const STEPS: u32 = 120;
/// Left and right of the strikes and the price, as a share of what lies between them.
const MARGIN: f64 = 0.35;
/// The least width of a picture, as a share of the price.
const WIDTH_LEAST: f64 = 0.04;

/// A leg with its market, where that is known.
struct Line<'a> {
    leg: &'a PositionLeg,
    seen: Option<&'a Exposure>,
}

/// The picture of a position: profit after fees so far, by the price of its underlying, at its
/// nearest expiration and, where every leg is priced in `book`, as the market stands.
///
/// # Errors
/// In words: nothing of it is open, or a leg that outlives the nearest expiration has no quote.
pub fn chart(position: &Position, book: Option<&Book>) -> Result<Picture, String> {
    let held = Held::of(position, book)?;
    let (from, to) = held.reach();
    let mut prices: Vec<f64> = (0..=STEPS)
        .map(|step| from + (to - from) * f64::from(step) / f64::from(STEPS))
        .chain(held.strikes())
        .filter(|price| (from..=to).contains(price))
        .collect();
    prices.sort_by(f64::total_cmp);
    let end: Vec<(f64, f64)> = prices.iter().map(|price| (*price, held.at_end(*price))).collect();
    let told = told(&end);
    let mut lines = vec![Series { name: held.end_name(), points: end }];
    if held.lines.iter().all(|line| line.seen.is_some()) {
        let points = prices.iter().map(|price| (*price, held.now(*price))).collect();
        lines.push(Series { name: "now".to_owned(), points });
    }
    let title = format!("{}, {}: {told}", position.id, held.end_name());
    let frame = Frame {
        id: "payoff".to_owned(),
        title: title.clone(),
        says: describe::position(position),
        x: Unit::Points,
        y: Unit::Dollars,
        guides: held.guides(),
        size: Size::Small,
    };
    Ok(Picture { name: "payoff".to_owned(), title, svg: chart::line(&frame, &lines).0 })
}

struct Held<'a> {
    lines: Vec<Line<'a>>,
    /// What it has brought so far, fees taken off.
    so_far: f64,
    /// The nearest expiration, and how many years it is away; `None` without an option.
    nearest: Option<NaiveDate>,
    nearest_years: f64,
    /// The price all others move with.
    price: Option<f64>,
}

impl<'a> Held<'a> {
    fn of(position: &'a Position, book: Option<&'a Book>) -> Result<Self, String> {
        let mine = Holder::Position(position.id.clone());
        let exposures = || book.into_iter().flat_map(|book| &book.exposures);
        let seen = |leg: &PositionLeg| {
            let mut found = exposures().filter(|one| one.holder == mine);
            found.find(|one| one.instrument == leg.instrument)
        };
        let open = position.legs.iter().filter(|leg| leg.quantity != 0);
        let lines: Vec<Line<'_>> = open.map(|leg| Line { seen: seen(leg), leg }).collect();
        if lines.is_empty() {
            return Err(format!("nothing of {} is open", position.id));
        }
        let nearest = lines.iter().filter_map(|line| expiration(line.leg)).min();
        let first = lines.iter().find(|line| expiration(line.leg) == nearest);
        let first = first.and_then(|line| line.seen);
        let later = lines.iter().find(|line| line.seen.is_none() && expiration(line.leg) > nearest);
        if let Some(line) = later {
            let name = describe::name(&line.leg.instrument);
            return Err(format!("{name} of {} has no quote", position.id));
        }
        Ok(Self {
            so_far: to_f64(position.pnl_usd().0),
            nearest,
            nearest_years: first.map_or(0.0, |seen| seen.years),
            price: first.map(|seen| to_f64(seen.underlying)),
            lines,
        })
    }

    /// `on 2026-10-16`, or the word where nothing expires.
    fn end_name(&self) -> String {
        self.nearest.map_or_else(|| "by its price".to_owned(), |date| format!("on {date}"))
    }

    fn strikes(&self) -> Vec<f64> {
        self.lines.iter().filter_map(|line| strike(line.leg)).map(|(strike, _)| strike).collect()
    }

    /// The prices shown.
    fn reach(&self) -> (f64, f64) {
        let opened = |line: &Line<'_>| to_f64(line.leg.open_price);
        let mut marks: Vec<f64> = self.strikes().into_iter().chain(self.price).collect();
        if marks.is_empty() {
            marks.extend(self.lines.first().map(opened));
        }
        let low = marks.iter().copied().fold(f64::INFINITY, f64::min);
        let high = marks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let span = (high - low).max(high * WIDTH_LEAST);
        ((low - span * MARGIN).max(0.0), high + span * MARGIN)
    }

    /// Profit once the nearest options have expired; what lives on is worth what the model says.
    fn at_end(&self, price: f64) -> f64 {
        let worth = |line: &Line<'_>| match (strike(line.leg), line.seen) {
            (Some((strike, right)), _) if expiration(line.leg) == self.nearest => {
                let intrinsic = match right {
                    Right::Call => price - strike,
                    Right::Put => strike - price,
                };
                intrinsic.max(0.0) * dollars(line.leg)
            }
            (Some(_), Some(seen)) => {
                let years = (seen.years - self.nearest_years).max(0.0);
                let then = Exposure { years, ..seen.clone() };
                then.value(self.moved(seen, price), then.implied_volatility)
            }
            (None, Some(seen)) => self.moved(seen, price) * dollars(line.leg),
            (_, None) => price * dollars(line.leg),
        };
        self.so_far + self.lines.iter().map(worth).sum::<f64>()
    }

    /// Profit by the model as the market stands; only where every leg has its market.
    fn now(&self, price: f64) -> f64 {
        let worth = |seen: &Exposure| seen.value(self.moved(seen, price), seen.implied_volatility);
        self.so_far + self.lines.iter().filter_map(|line| line.seen).map(worth).sum::<f64>()
    }

    /// Where a leg's own underlying stands when the nearest one stands at `price`.
    fn moved(&self, seen: &Exposure, price: f64) -> f64 {
        let base = self.price.filter(|base| *base > 0.0);
        base.map_or(price, |base| price * to_f64(seen.underlying) / base)
    }

    /// Strikes, each once, and the price now, from left to right.
    fn guides(&self) -> Vec<Guide> {
        let mut marks: Vec<(f64, String)> = Vec::new();
        for (at, right) in self.lines.iter().filter_map(|line| strike(line.leg)) {
            let label = format!("{at} {}", right.letter());
            match marks.iter_mut().find(|(known, _)| (*known - at).abs() < f64::EPSILON) {
                Some((_, known)) if *known == label => {}
                Some((_, known)) => known.extend(['/', right.letter()]),
                None => marks.push((at, label)),
            }
        }
        marks.extend(self.price.map(|price| (price, "now".to_owned())));
        marks.sort_by(|a, b| a.0.total_cmp(&b.0));
        marks.into_iter().map(|(at, label)| Guide::Down { at, label }).collect()
    }
}

fn expiration(leg: &PositionLeg) -> Option<NaiveDate> {
    match &leg.instrument {
        Instrument::Option(contract) => Some(contract.series.expiration),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    }
}

fn strike(leg: &PositionLeg) -> Option<(f64, Right)> {
    match &leg.instrument {
        Instrument::Option(contract) => Some((to_f64(contract.strike), contract.right)),
        Instrument::Future { .. } | Instrument::Shares { .. } => None,
    }
}

/// Dollars for a point of the leg's own price, below zero short.
fn dollars(leg: &PositionLeg) -> f64 {
    leg.quantity as f64 * to_f64(leg.instrument.multiplier())
}

/// `at most $487, at worst -$1,012 of the prices shown; even at 8,780 and 9,010`.
fn told(line: &[(f64, f64)]) -> String {
    let best = line.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let worst = line.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let crossing = |pair: &[(f64, f64)]| {
        let [(left, before), (right, after)] = pair else { return None };
        let crosses = (*before < 0.0) != (*after < 0.0);
        crosses.then(|| left + (right - left) * before / (before - after))
    };
    let even: Vec<String> =
        line.windows(2).filter_map(crossing).map(|at| Unit::Points.exact(at)).collect();
    let even = match even.as_slice() {
        [] => String::new(),
        some => format!("; even at {}", some.join(" and ")),
    };
    let (best, worst) = (Unit::Dollars.exact(best), Unit::Dollars.exact(worst));
    format!("at most {best}, at worst {worst} of what is shown{even}")
}

#[cfg(test)]
mod tests {
    use rust_decimal::{Decimal, dec};

    use super::*;
    use crate::{
        account::{PositionId, StrategyId, exposure::Carry},
        instrument::{OptionContract, Product, Series as OptionSeries, Settlement},
        money::Usd,
    };

    fn contract(strike: Decimal, right: Right, date: &str) -> Instrument {
        let date: NaiveDate = date.parse().unwrap();
        let series = OptionSeries {
            product: Product::Spx,
            root: "SPXW".to_owned(),
            expiration: date,
            settlement: Settlement::Pm,
            last_trade: date.and_hms_opt(20, 0, 0).unwrap().and_utc(),
            future: None,
        };
        Instrument::Option(OptionContract { series, strike, right })
    }

    fn leg(quantity: i64, strike: Decimal, right: Right, date: &str) -> PositionLeg {
        let instrument = contract(strike, right, date);
        PositionLeg { instrument, quantity, open_price: dec!(1), ratio: 1 }
    }

    fn position(legs: Vec<PositionLeg>, cash: Decimal) -> Position {
        Position {
            id: PositionId("zdte-20241018-1".to_owned()),
            strategy: StrategyId::Friday0dte,
            product: Product::Spx,
            legs,
            units: 1,
            credit: dec!(2),
            width: None,
            opened_at: "2024-10-18T14:30:00Z".parse().unwrap(),
            closed_at: None,
            exit_reason: None,
            cash_usd: Usd(cash),
            fees_usd: Usd(dec!(5)),
            closing_rate: None,
            next_close: 1,
        }
    }

    fn seen(position: &Position, years: f64) -> Book {
        let exposure = |leg: &PositionLeg| Exposure {
            holder: Holder::Position(position.id.clone()),
            strategy: position.strategy,
            instrument: leg.instrument.clone(),
            quantity: leg.quantity,
            price: dec!(1),
            underlying: dec!(5800),
            implied_volatility: 0.15,
            years,
            carry: Carry::default(),
        };
        Book { exposures: position.legs.iter().map(exposure).collect(), ..Book::default() }
    }

    const DATE: &str = "2024-10-18";

    #[test]
    fn a_condor_earns_its_credit_between_the_shorts_and_loses_its_width_beyond() {
        let legs = vec![
            leg(1, dec!(5700), Right::Put, DATE),
            leg(-1, dec!(5720), Right::Put, DATE),
            leg(-1, dec!(5880), Right::Call, DATE),
            leg(1, dec!(5900), Right::Call, DATE),
        ];
        let condor = position(legs, dec!(205));
        let drawn = chart(&condor, None).unwrap();
        let wanted = "zdte-20241018-1, on 2024-10-18: at most $200.00, at worst -$1,800 of what is \
                      shown; even at 5,718 and 5,882";
        assert_eq!(drawn.title, wanted);
        assert!(drawn.svg.contains("5720 P") && !drawn.svg.contains(">now<"));
        let book = seen(&condor, 0.001);
        let both = chart(&condor, Some(&book)).unwrap();
        assert!(both.svg.contains("class=\"line s1\"") && both.svg.contains(">now<"));
        assert!(chart::png(&both.svg, 900).unwrap().len() > 2_000);
    }

    #[test]
    fn what_lives_on_after_the_nearest_expiration_is_worth_what_the_model_says() {
        let legs = vec![
            leg(-1, dec!(5850), Right::Call, DATE),
            leg(1, dec!(5700), Right::Call, "2025-12-19"),
        ];
        let diagonal = position(legs, dec!(-30000));
        let refused = chart(&diagonal, None).unwrap_err();
        assert_eq!(refused, "SPX 5700 C 2025-12-19 of zdte-20241018-1 has no quote");
        let mut book = seen(&diagonal, 0.02);
        book.exposures[1].years = 1.2;
        let held = Held::of(&diagonal, Some(&book)).unwrap();
        // A call deep in the money is worth at least its intrinsic value.
        assert!(held.at_end(6000.0) >= -30_005.0 + 30_000.0 - 15_000.0);
        assert!(held.at_end(5850.0) > held.at_end(5600.0));
        assert!(chart(&diagonal, Some(&book)).is_ok());
    }

    #[test]
    fn what_is_closed_has_no_picture() {
        let closed = position(vec![leg(0, dec!(5700), Right::Put, DATE)], dec!(10));
        assert_eq!(chart(&closed, None).unwrap_err(), "nothing of zdte-20241018-1 is open");
    }
}
