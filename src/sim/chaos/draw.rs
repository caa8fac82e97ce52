//! Plans out of a seed: which week, where in it things go wrong, what, for how long, how often.
//!
//! Trouble comes in storms: a few faults round one instant, mostly where orders move. The figures
//! are chosen so that two hundred seeds meet every kind of fault often; a tenth of the seeds is
//! nearly quiet, so that what only breaks in peace shows too.

use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday};

use super::{
    dice::Dice,
    plan::{Act, Fault, Plan, What},
};
use crate::{
    calendar::{Calendar, Exchange, Session},
    clock::Timestamp,
    config::Rulebook,
    desk::latch::Change,
    strategy::friday_0dte::{self, ZdteTimes},
};

mod kinds;

/// Purposes of draws, so that none disturbs another.
const WEEK: u64 = 1;
const STORMS: u64 = 2;
const MORNINGS: u64 = 3;
const DISK: u64 = 4;

/// Years plans lie in: those in which a unit of Friday's trade passes the rules on most Fridays
/// (before, the index is too low for its fixed widths), to the last the calendars are verified for.
const YEARS: (u64, u64) = (2016, 2025);
/// Plans whose disk is left alone, of a hundred: they run twice as fast, so more of them are seen.
const DISK_SPARED_PERCENT: u64 = 40;
/// Most faults of a week, mornings not counted.
const FAULTS_A_WEEK: usize = 60;
/// Mornings on which the operator looks in and resumes, of a hundred.
const MORNING_PERCENT: u64 = 60;

impl Plan {
    /// The plan of a seed: a pure function of it and of the number of weeks.
    pub fn draw(seed: u64, weeks: u32) -> Self {
        let calendar = Calendar::default();
        let from = monday(&calendar, &mut Dice::new(seed, WEEK));
        let mut plan = Self { seed, from, weeks, faults: Vec::new() };
        let mut dice = Dice::new(seed, STORMS);
        let mut mornings = Dice::new(seed, MORNINGS);
        let temper = Temper::draw(&mut dice);
        for week in 0..weeks {
            let monday = from + Days::new(7 * u64::from(week));
            let Some(places) = Places::of(&calendar, monday) else { continue };
            plan.faults.extend(storms(&mut dice, &temper, &places));
            plan.faults.extend(places.mornings(&mut mornings, &temper));
        }
        if Dice::new(seed, DISK).percent(DISK_SPARED_PERCENT) {
            plan.faults.retain(|fault| !fault.what.is_of_the_disk());
        }
        plan.settle();
        plan
    }

    /// Nothing acts in the calm, and everything stands in order.
    fn settle(&mut self) {
        let (start, calm) = (self.start(), self.calm());
        self.faults.retain(|fault| start <= fault.at && fault.at < calm);
        for fault in &mut self.faults {
            fault.until = fault.until.min(calm);
        }
        self.faults.sort_by_key(|fault| fault.at);
    }
}

/// How much goes wrong in a plan.
struct Temper {
    /// Fewest and most storms of a week.
    storms: (u64, u64),
}

impl Temper {
    fn draw(dice: &mut Dice) -> Self {
        let storms = match dice.below(100) {
            0..10 => (0, 1),
            10..65 => (3, 8),
            _ => (8, 16),
        };
        Self { storms }
    }

    fn is_quiet(&self) -> bool {
        self.storms.0 == 0
    }
}

/// What makes a week worth choosing.
type Trait = fn(&Calendar, NaiveDate) -> bool;

const TRAITS: [Trait; 4] = [no_friday_session, early_friday, third_friday, clock_changes];

fn friday(monday: NaiveDate) -> NaiveDate {
    monday + Days::new(4)
}

fn no_friday_session(calendar: &Calendar, monday: NaiveDate) -> bool {
    !calendar.is_session(Exchange::Xnys, friday(monday))
}

fn early_friday(calendar: &Calendar, monday: NaiveDate) -> bool {
    calendar.session(Exchange::Xnys, friday(monday)).is_some_and(|session| session.early_close)
}

fn third_friday(_: &Calendar, monday: NaiveDate) -> bool {
    (15..=21).contains(&friday(monday).day())
}

/// New York's clocks change on the Sunday before or after.
fn clock_changes(_: &Calendar, monday: NaiveDate) -> bool {
    let near = |sunday: NaiveDate| match sunday.month() {
        3 => (8..=14).contains(&sunday.day()),
        11 => sunday.day() <= 7,
        _ => false,
    };
    near(monday - Days::new(1)) || near(monday + Days::new(6))
}

/// The first Monday of a plan: a third of them in weeks that are unusual in some way.
fn monday(calendar: &Calendar, dice: &mut Dice) -> NaiveDate {
    let year = i32::try_from(dice.between(YEARS.0, YEARS.1)).unwrap_or(2024);
    let first = NaiveDate::from_isoywd_opt(year, 1, Weekday::Mon).unwrap_or_default();
    let all: Vec<NaiveDate> = (0..52).map(|week| first + Days::new(7 * week)).collect();
    let wanted = dice.place(3 * TRAITS.len());
    if let Some(of) = TRAITS.get(wanted) {
        let unusual: Vec<NaiveDate> =
            all.iter().copied().filter(|monday| of(calendar, *monday)).collect();
        if let Some(monday) = dice.pick(&unusual) {
            return *monday;
        }
    }
    dice.pick(&all).copied().unwrap_or(first)
}

/// The instants of a week round which things go wrong.
struct Places {
    monday: Timestamp,
    sessions: Vec<Session>,
    /// The session Friday's trade is made in, and its clocks.
    trade: Session,
    times: ZdteTimes,
}

/// Where a storm breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The entry of Friday's trade and the quarter of an hour after it.
    Entry,
    /// While the trade is open.
    Held,
    /// The evaluation, the exit ladder, and the time until it must be flat.
    Exit,
    /// Close, settlement and the jobs of the evening.
    Evening,
    /// The open of a session, and its checks.
    Open,
    /// The jobs before the open.
    Morning,
    /// Any instant.
    Anytime,
}

/// Places and how often storms break there, of a hundred.
const WHERE: [(u64, Place); 7] = [
    (40, Place::Entry),
    (14, Place::Held),
    (20, Place::Exit),
    (7, Place::Evening),
    (8, Place::Open),
    (4, Place::Morning),
    (7, Place::Anytime),
];

impl Places {
    /// `None` for a week without a session to trade in.
    fn of(calendar: &Calendar, monday: NaiveDate) -> Option<Self> {
        let to = monday + Days::new(6);
        let sessions = calendar.sessions(Exchange::Xnys, monday, to);
        // A Friday that is no session moves to the next one: its trade is made in the week after,
        // and that of the week before may be made in this one.
        let moved = friday(monday) - Days::new(7);
        let late = !calendar.is_session(Exchange::Xnys, moved);
        let on_friday = sessions.iter().find(|session| session.date == friday(monday));
        let first = sessions.first().filter(|_| late);
        let trade = *on_friday.or(first).or(sessions.last())?;
        let times = friday_0dte::times(&Rulebook::embedded(), &trade);
        let start = crate::calendar::new_york(monday, chrono::NaiveTime::MIN);
        Some(Self { monday: start, sessions, trade, times })
    }

    /// The instant a storm breaks at.
    fn instant(&self, dice: &mut Dice, place: Place) -> Timestamp {
        let times = &self.times;
        let any = *dice.pick(&self.sessions).unwrap_or(&self.trade);
        let span = |dice: &mut Dice, from: Timestamp, to: Timestamp| {
            let seconds = u64::try_from((to - from).num_seconds()).unwrap_or(0);
            from + millis(dice.between(0, seconds * 1000))
        };
        match place {
            Place::Entry => {
                let reach = *dice.pick(&[5, 10, 30, 60, 300]).unwrap_or(&30);
                let entry = times.entry - TimeDelta::seconds(5);
                span(dice, entry, entry + TimeDelta::seconds(reach))
            }
            Place::Held => span(dice, times.last_entry, times.evaluation),
            Place::Exit => {
                let steps = [
                    times.evaluation,
                    times.exit,
                    times.exit,
                    times.natural,
                    times.shorts_alone,
                    times.width,
                    times.critical,
                ];
                let step = *dice.pick(&steps).unwrap_or(&times.exit) - TimeDelta::seconds(5);
                span(dice, step, step + TimeDelta::seconds(150))
            }
            Place::Evening => {
                let close = if dice.percent(60) { self.trade.close } else { any.close };
                span(dice, close - TimeDelta::minutes(2), close + TimeDelta::minutes(65))
            }
            Place::Open => {
                span(dice, any.open - TimeDelta::minutes(2), any.open + TimeDelta::minutes(15))
            }
            Place::Morning => span(dice, any.open - TimeDelta::minutes(95), any.open),
            Place::Anytime => span(dice, self.monday, self.monday + TimeDelta::days(6)),
        }
    }

    /// The operator looks in before the open: what still holds, he resumes.
    fn mornings(&self, dice: &mut Dice, temper: &Temper) -> Vec<Fault> {
        let resume = |session: &Session| {
            let comes = dice.percent(MORNING_PERCENT) && !temper.is_quiet();
            let before = TimeDelta::seconds(i64::try_from(dice.between(60, 2400)).unwrap_or(60));
            comes.then(|| hand(session.open - before, Act::Latch(Change::Resume)))
        };
        self.sessions.iter().filter_map(resume).collect()
    }
}

fn storms(dice: &mut Dice, temper: &Temper, places: &Places) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..dice.between(temper.storms.0, temper.storms.1) {
        let place = weighted(dice, &WHERE);
        let centre = places.instant(dice, place);
        let count = *dice.pick(&[1, 1, 1, 1, 2, 2, 2, 3, 3, 5]).unwrap_or(&1);
        for _ in 0..count {
            let at = centre + millis(near(dice));
            faults.extend(kinds::faults(dice, place, at));
        }
    }
    faults.truncate(FAULTS_A_WEEK);
    faults
}

/// Milliseconds after the centre of a storm: half within two seconds, all within two minutes.
fn near(dice: &mut Dice) -> u64 {
    let reach = *dice.pick(&[500, 2_000, 20_000, 120_000]).unwrap_or(&2_000);
    dice.below(reach)
}

fn millis(ms: u64) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(0))
}

/// Something a person does at an instant.
fn hand(at: Timestamp, act: Act) -> Fault {
    Fault { at, until: at + TimeDelta::seconds(1), what: What::Person { act } }
}

/// One of a table of weights and values.
fn weighted<T: Copy>(dice: &mut Dice, of: &[(u64, T)]) -> T {
    let mut left = dice.below(of.iter().map(|(weight, _)| weight).sum());
    for (weight, value) in of {
        if left < *weight {
            return *value;
        }
        left -= weight;
    }
    of[of.len() - 1].1
}

#[cfg(test)]
mod tests;
