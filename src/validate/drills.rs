//! What is tried out now, in worlds made for it: the latch of a dry daemon, a Friday replayed twice,
//! a few seeds of chaos.

use std::{path::Path, sync::Arc};

use chrono::{Datelike as _, NaiveDate, NaiveTime, TimeDelta, Weekday};

use super::{Found, Subject};
use crate::{
    account::hold::Level,
    broker::{Broker, paper::PaperVenue},
    calendar::{Exchange, new_york, new_york_date},
    clock::{Runtime, VirtualWorld},
    desk::{Desk, DeskParts, latch::HALT_FILE},
    market::{Market, ModelledMarket, SimulatedTape},
    sim::{
        chaos::{
            ground::Ground,
            sweep::{self, Options},
        },
        replay::{self, Plan, Tape},
    },
    store::Store,
};

pub(super) fn all(subject: &Subject<'_>) -> Vec<Found> {
    vec![latch(subject), friday(subject), chaos(subject)]
}

/// The last Friday that was a session.
fn last_friday(subject: &Subject<'_>) -> Option<NaiveDate> {
    let today = new_york_date(subject.now);
    let sessions = subject.calendar.sessions(Exchange::Xnys, today - TimeDelta::days(28), today);
    let mut dates = sessions.into_iter().map(|session| session.date);
    dates.rfind(|date| date.weekday() == Weekday::Fri && *date < today)
}

fn latch(subject: &Subject<'_>) -> Found {
    let outcome = drill(subject).map(|()| {
        (true, "halted by memory, file and store; halted after a restart; resumed".to_owned())
    });
    let outcome = outcome.or_else(|why| Ok((false, why)));
    let bound = "a halt holds over a restart, a resume ends it";
    Found::new("latch", bound, outcome, "a desk on the paper venue, in a world made for it")
}

fn drill(subject: &Subject<'_>) -> Result<(), String> {
    let date = last_friday(subject).ok_or("there was no Friday session in four weeks")?;
    let at = NaiveTime::from_hms_opt(10, 0, 0).ok_or("ten o'clock")?;
    let dir = subject.scratch.join("drill");
    std::fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    let mut world = VirtualWorld::new(new_york(date, at));
    let rt = world.runtime();
    let tape = SimulatedTape::new(subject.settings.market.seed, subject.calendar);
    let figures = subject.settings.market.clone();
    let market = ModelledMarket::new(tape, figures, rt.clone(), subject.calendar.clone());
    let market: Arc<dyn Market> = Arc::new(market);
    let memory = || Store::in_memory().map_err(|error| error.to_string());
    let (store, venue_store) = (memory()?, memory()?);
    let (calendar, paper) = (subject.calendar.clone(), subject.settings.paper.clone());
    let rulebook = Arc::new(subject.settings.rulebook.clone());
    let main = async move {
        let opened =
            PaperVenue::open(venue_store, Arc::clone(&market), rt.clone(), calendar.clone(), paper);
        let broker: Arc<dyn Broker> = Arc::new(opened.await.map_err(|error| error.to_string())?);
        let data_dir = Some(dir.clone());
        let parts =
            DeskParts { rt: rt.clone(), store, broker, market, calendar, rulebook, data_dir };
        halt_and_resume(parts, &rt, &dir).await
    };
    world.run(main).unwrap_or_else(|| Err("the drill stands still".to_owned()))
}

async fn halt_and_resume(parts: DeskParts, rt: &Runtime, dir: &Path) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let is = |desk: &Desk, wanted: Level, when: &str| {
        let level = desk.level();
        if level == wanted {
            return Ok(());
        }
        Err(format!("{} {when}, not {}", level.name(), wanted.name()))
    };
    let desk = Desk::new(parts.clone()).map_err(|error| said(&error))?;
    desk.start().await.map_err(|error| said(&error))?;
    is(&desk, Level::Active, "at the start")?;
    desk.halt("a drill of tomking validate", "validate").await.map_err(|error| said(&error))?;
    is(&desk, Level::Halted, "after the halt")?;
    if !dir.join(HALT_FILE).is_file() {
        return Err("the halt wrote no `HALT` file".to_owned());
    }
    let again = Desk::new(parts).map_err(|error| said(&error))?;
    is(&again, Level::Halted, "after a restart")?;
    desk.resume("the drill is over", "validate").await.map_err(|error| said(&error))?;
    rt.sleep(TimeDelta::seconds(1)).await;
    is(&desk, Level::Active, "after the resume")?;
    if dir.join(HALT_FILE).exists() {
        return Err("the resume left the `HALT` file".to_owned());
    }
    Ok(())
}

fn friday(subject: &Subject<'_>) -> Found {
    let outcome = last_friday(subject)
        .ok_or_else(|| "there was no Friday session in four weeks".to_owned())
        .and_then(|date| {
            let (first, second) = (digest(subject, date)?, digest(subject, date)?);
            let measured = format!("{date}: {}", &first[..first.len().min(16)]);
            Ok((first == second, measured))
        });
    let evidence = "the whole program over a simulated Friday, twice; the journal's head";
    Found::new("replay", "the same digest twice", outcome, evidence)
}

fn digest(subject: &Subject<'_>, date: NaiveDate) -> Result<String, String> {
    let (settings, jobs) = (subject.settings.clone(), subject.jobs.clone());
    let plan = Plan::new((date, date), settings, jobs, Tape::Simulated);
    let (_, store) = replay::run(plan).map_err(|error| error.to_string())?;
    store.journal_head().map(|head| head.hash).map_err(|error| error.to_string())
}

fn chaos(subject: &Subject<'_>) -> Found {
    let ground = Ground::new(subject.settings.clone(), subject.jobs.clone());
    let seeds = subject.seeds;
    let options = Options { seeds, seed: 1, weeks: 1, shrink: false };
    let ran = sweep::sweep(&ground, options, &|_, _| ());
    let outcome = ran.map_err(|error| error.to_string()).map(|verdict| {
        let (violated, orders) = (verdict.violated, verdict.orders);
        let measured =
            format!("{violated} of {seeds} seeds violated an invariant, {orders} orders");
        (violated == 0, measured)
    });
    let evidence = format!("seeds 1 to {seeds} of `tomking chaos`, a week each, run now");
    Found::new("chaos", "no invariant violated", outcome, evidence)
}
