//! What a report tells of a day beside its balances: the book a moment before the close (Greeks,
//! limits, stress, groups), what lies ahead, and how the program itself ran.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::{
    account::{
        Position, PositionId,
        exposure::{Book, Exposure, Holder},
    },
    calendar::new_york_date,
    clock::Timestamp,
    market::{EventDay, EventKind, MacroEvent, OptionQuote},
    money::{Usd, to_f64},
    risk::{
        Figure,
        groups::{GroupCount, counts},
        held::items,
        standing::{LimitLine, LimitStanding, limits},
        stress::report::{StressReport, report},
    },
    schedule::JobReport,
    store::{Read, StoreError, Table},
    strategy::Snapshot,
};

/// The book at the end of each session, by date.
pub const DAY_ENDS: Table<DayEnd> = Table::new("day_ends", 1);
/// What lay ahead at the end of each session, by date.
pub const DAYS_AHEAD: Table<Ahead> = Table::new("days_ahead", 1);
/// How the program ran, by New York date.
pub const DAY_HEALTH: Table<Health> = Table::new("day_health", 1);

/// Limits that say something of a book that is held: counts, groups, buying power, stress,
/// concentration, orders.
const LIMITS: [u8; 6] = [5, 6, 9, 10, 11, 13];
/// A market is asked about two days around a date: these two cover the nine days ahead.
const AHEAD_DAYS: [u64; 2] = [3, 7];

/// Greeks of a book, in dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Greeks {
    /// For a rise of one percent in every underlying at once: each at a beta of one.
    #[serde(with = "cents")]
    pub delta_one_percent_usd: f64,
    /// For a calendar day, or what is left to its expiry where that is less.
    #[serde(with = "cents")]
    pub theta_day_usd: f64,
    /// For a rise of one point in every implied volatility.
    #[serde(with = "cents")]
    pub vega_point_usd: f64,
}

impl Greeks {
    /// Of `size` dollars a point of an option (below zero short), its underlying at `underlying`.
    pub fn of(quote: &OptionQuote, size: f64, underlying: f64) -> Self {
        Self {
            delta_one_percent_usd: size * quote.delta * underlying / 100.0,
            theta_day_usd: size * quote.theta,
            vega_point_usd: size * quote.vega,
        }
    }

    /// Of a leg, by the model.
    pub fn of_leg(leg: &Exposure) -> Self {
        let (size, underlying) = (leg.dollars_a_point(), to_f64(leg.underlying));
        leg.priced().map_or(
            Self { delta_one_percent_usd: size * underlying / 100.0, ..Self::default() },
            |priced| Self {
                delta_one_percent_usd: size * priced.delta * underlying / 100.0,
                theta_day_usd: leg.theta_day_usd(),
                vega_point_usd: size * priced.vega,
            },
        )
    }

    /// Both together.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            delta_one_percent_usd: self.delta_one_percent_usd + more.delta_one_percent_usd,
            theta_day_usd: self.theta_day_usd + more.theta_day_usd,
            vega_point_usd: self.vega_point_usd + more.vega_point_usd,
        }
    }
}

/// Dollars as every document has them: a decimal string with its cents.
mod cents {
    use rust_decimal::Decimal;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::money::{Usd, to_f64};

    #[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
    pub(super) fn serialize<S: Serializer>(figure: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Usd(Decimal::try_from(*figure).unwrap_or_default()).rounded().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(to_f64(Usd::deserialize(from)?.0))
    }
}

/// The book at the end of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayEnd {
    /// The session.
    pub date: NaiveDate,
    /// The instant of the look.
    pub at: Timestamp,
    /// VIX.
    pub vix: Option<f64>,
    /// Every open position, by id.
    pub positions: Vec<HeldEnd>,
    /// Greeks of all positions; `None` when a leg had no price.
    pub greeks: Option<Greeks>,
    /// Limits near their bounds or at them.
    pub limits: Vec<LimitLine>,
    /// Every scenario; `None` when nothing was held.
    pub stress: Option<StressReport>,
    /// Every correlation group.
    pub groups: Vec<GroupCount>,
}

/// An open position at that moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldEnd {
    /// The position.
    pub position: PositionId,
    /// What it has brought, with what is open at its mid, after fees so far; `None` when a leg had
    /// no price.
    pub pnl_usd: Option<Usd>,
    /// Its Greeks; `None` when a leg had no price.
    pub greeks: Option<Greeks>,
}

impl DayEnd {
    /// The end of a session as a snapshot with its book shows it.
    pub fn of(snapshot: &Snapshot, date: NaiveDate) -> Self {
        let none = Book::default();
        let book = snapshot.book.as_ref().unwrap_or(&none);
        let positions: Vec<HeldEnd> =
            snapshot.positions.iter().map(|position| held(position, book)).collect();
        let sum = |sum: Option<Greeks>, line: &HeldEnd| Some(sum?.and(line.greeks?));
        let items = items(&snapshot.positions, &snapshot.open_intents, &snapshot.owners_orders);
        let stress = (!book.exposures.is_empty()).then(|| report(snapshot, None).ok()).flatten();
        let mut limits = limits(snapshot);
        limits.retain(is_told);
        Self {
            date,
            at: snapshot.now,
            vix: snapshot.vix.map(|vix| to_f64(vix.level)),
            greeks: positions.iter().fold(Some(Greeks::default()), sum),
            positions,
            limits,
            stress,
            groups: counts(&snapshot.rulebook.groups, &items, snapshot.vix.map(|vix| vix.level)),
        }
    }

    /// The line of a position.
    pub fn position(&self, id: &PositionId) -> Option<&HeldEnd> {
        self.positions.iter().find(|line| line.position == *id)
    }
}

/// What is at a bound of nothing is not near it, it is not allowed at all.
fn is_told(line: &LimitLine) -> bool {
    let none = matches!(line.bound, Figure::Number(bound) if bound == 0.0);
    let near = matches!(line.standing, LimitStanding::Near | LimitStanding::Full);
    near && !none && LIMITS.contains(&line.number) && matches!(line.value, Some(Figure::Number(_)))
}

fn held(position: &Position, book: &Book) -> HeldEnd {
    let mine = Holder::Position(position.id.clone());
    let legs: Vec<&Exposure> = book.exposures.iter().filter(|leg| leg.holder == mine).collect();
    let priced = book.unpriced.iter().all(|leg| leg.holder != mine);
    let open = position.legs.iter().filter(|leg| leg.quantity != 0).count();
    let known = priced && legs.len() == open;
    let worth = |leg: &&Exposure| {
        let size = Decimal::from(leg.quantity) * leg.instrument.multiplier();
        Usd(size * leg.price)
    };
    HeldEnd {
        position: position.id.clone(),
        pnl_usd: known
            .then(|| (position.pnl_usd() + legs.iter().map(worth).sum::<Usd>()).rounded()),
        greeks: known.then(|| {
            let each = legs.iter().map(|leg| Greeks::of_leg(leg));
            each.fold(Greeks::default(), Greeks::and)
        }),
    }
}

/// What is scheduled in the nine days after a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// Releases and meetings, the next first.
    pub events: Vec<MacroEvent>,
    /// Kinds the calendar does not cover there: they are not known, and not applied.
    pub unknown: Vec<EventKind>,
}

/// How the program ran on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Calls of the broker.
    pub calls: u64,
    /// Of them those without an answer.
    pub failed: u64,
    /// Since when the process ran that wrote this last.
    pub since: Timestamp,
    /// Processes that began that day.
    pub starts: u32,
}

/// Calls of the broker that stand in no row yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) failed: u64,
}

impl Tally {
    pub(super) fn count(&mut self, answered: bool) {
        self.calls += 1;
        self.failed += u64::from(!answered);
    }
}

impl Desk {
    /// The same report, which also keeps what was counted of the broker's calls.
    pub(super) fn with_health(
        self: &Arc<Self>,
        report: JobReport,
        date: NaiveDate,
    ) -> Result<JobReport, StoreError> {
        let (tally, since) = (self.hot().tally, self.born);
        let before = self.parts.store.read(|tx| tx.get(&DAY_HEALTH, &date.to_string()))?;
        if tally == Tally::default() && before.as_ref().is_some_and(|row| row.since == since) {
            return Ok(report);
        }
        let row = next(before, tally, since, date);
        let acted = report.acted;
        let mut report = report.with(move |tx| tx.put(&DAY_HEALTH, &date.to_string(), &row));
        report.acted = acted; // figures kept, not an act
        let (desk, after) = (Arc::clone(self), report.after.take());
        report.after = Some(Box::new(move || {
            desk.forget(tally);
            if let Some(after) = after {
                after();
            }
        }));
        Ok(report)
    }

    /// What stands in a row now is counted no more.
    fn forget(&self, kept: Tally) {
        let mut hot = self.hot();
        hot.tally.calls -= kept.calls.min(hot.tally.calls);
        hot.tally.failed -= kept.failed.min(hot.tally.failed);
    }

    /// What is scheduled in the days after a date.
    pub(super) async fn ahead(&self, date: NaiveDate) -> Ahead {
        let (reads, mut ahead) = (self.reads(), Ahead::default());
        for kind in EventKind::ALL {
            for days in AHEAD_DAYS {
                let asked = date.checked_add_days(Days::new(days)).unwrap_or(date);
                let known = async { Ok(reads.market.events(kind, asked).await) };
                match reads.within(known).await {
                    Some(EventDay::Known(events)) => ahead.events.extend(events),
                    _ => ahead.unknown.push(kind),
                }
            }
        }
        ahead.events.retain(|event| new_york_date(event.at) > date);
        ahead.events.sort_by_key(|event| (event.at, event.kind));
        ahead.events.dedup();
        ahead.unknown.dedup();
        ahead
    }
}

fn next(before: Option<Health>, tally: Tally, since: Timestamp, date: NaiveDate) -> Health {
    let Tally { calls, failed } = tally;
    let Some(before) = before else {
        let starts = u32::from(new_york_date(since) == date);
        return Health { calls, failed, since, starts };
    };
    Health {
        calls: before.calls + calls,
        failed: before.failed + failed,
        since,
        starts: before.starts + u32::from(before.since != since),
    }
}

/// The end of a session, where it was looked at.
pub fn of_day(tx: &impl Read, date: NaiveDate) -> Result<Option<DayEnd>, StoreError> {
    tx.get(&DAY_ENDS, &date.to_string())
}

/// What lay ahead at the end of a session.
pub fn ahead_of(tx: &impl Read, date: NaiveDate) -> Result<Option<Ahead>, StoreError> {
    tx.get(&DAYS_AHEAD, &date.to_string())
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::{
        account::{StrategyId, exposure::Carry},
        instrument::{Instrument, Product},
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_calls_of_a_day_add_up_over_processes() {
        let day: NaiveDate = "2026-10-16".parse().unwrap();
        let (first, second) = (at("2026-10-01T12:00:00Z"), at("2026-10-16T15:00:00Z"));
        let one = next(None, Tally { calls: 10, failed: 1 }, first, day);
        assert_eq!(one, Health { calls: 10, failed: 1, since: first, starts: 0 });
        let two = next(Some(one), Tally { calls: 5, failed: 0 }, second, day);
        assert_eq!(two, Health { calls: 15, failed: 1, since: second, starts: 1 });
        let same = next(Some(two.clone()), Tally::default(), second, day);
        assert_eq!(same, two);
        assert_eq!(next(None, Tally::default(), second, day).starts, 1);
    }

    #[test]
    fn a_share_has_delta_alone() {
        let leg = Exposure {
            holder: Holder::Candidate,
            strategy: StrategyId::Ipmcc,
            instrument: Instrument::Shares { product: Product::Spy },
            quantity: -100,
            price: dec!(600),
            underlying: dec!(600),
            implied_volatility: 0.0,
            years: 0.0,
            carry: Carry::default(),
        };
        let found = Greeks::of_leg(&leg);
        assert!((found.delta_one_percent_usd + 600.0).abs() < 1e-9, "{found:?}");
        assert_eq!((found.theta_day_usd, found.vega_point_usd), (0.0, 0.0));
    }

    #[test]
    fn only_limits_of_a_held_book_near_a_real_bound_are_told() {
        let line = |number, value: f64, bound: f64, standing| LimitLine {
            number,
            limit: "buying power".to_owned(),
            value: Some(Figure::Number(value)),
            bound: Figure::Number(bound),
            unit: "percent".to_owned(),
            standing,
        };
        for (line, told) in [
            (line(9, 41.0, 45.0, LimitStanding::Near), true),
            (line(5, 1.0, 1.0, LimitStanding::Full), true),
            (line(5, 0.0, 0.0, LimitStanding::Full), false),
            (line(9, 10.0, 45.0, LimitStanding::Room), false),
            (line(2, 55.0, 60.0, LimitStanding::Near), false),
        ] {
            assert_eq!(is_told(&line), told, "{line:?}");
        }
    }
}
