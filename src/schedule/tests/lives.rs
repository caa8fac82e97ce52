//! A machine that dies at any moment, in the middle of runs too, and comes back at any later one:
//! each slot still ends once, and never runs again once it has ended.

use chrono::TimeDelta;
use futures::future::{Either, select};
use proptest::prelude::*;

use super::*;
use crate::{clock::VirtualWorld, schedule::slots::slots};

const MINUTES: &str = "about = \"m\"\n[[trigger]]\non = \"session\"\nevery = \"1m\"\n\
                       from = \"10:00\"\nto = \"10:40\"\n\
                       [run]\ntimeout = \"2m\"\noverlap = \"queue\"\n\
                       [missed]\npolicy = \"coalesce\"\nwithin = \"5m\"\n";
const ENTRY: &str = "about = \"e\"\norder = 2\n[[trigger]]\non = \"session\"\nat = \"10:10\"\n\
                     [run]\nretries = 1\nbackoff = \"20s\"\n\
                     [missed]\npolicy = \"once\"\nuntil = \"10:25\"\nalert = true\n";
const FLAT: &str = "about = \"f\"\norder = 1\n[[trigger]]\non = \"session\"\nat = \"10:10\"\n\
                    [missed]\npolicy = \"coalesce\"\n";

/// One life: it begins so many seconds after the death before, and lasts so long.
#[derive(Debug, Clone)]
struct Life {
    after: i64,
    lasts: i64,
}

fn life() -> impl Strategy<Value = Life> {
    (1_i64..1_500, 1_i64..2_400).prop_map(|(after, lasts)| Life { after, lasts })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![Just(Act::Done), Just(Act::Skip), Just(Act::Fail), (1_i64..100).prop_map(Act::Work),]
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Work(_) => "Work",
            Self::Fail => "Fail",
            _ => "other",
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn each_slot_ends_once_over_any_lives(
        lives in prop::collection::vec(life(), 1..6),
        acts in prop::collection::vec(act(), 3),
    ) {
        let begun = at("2024-08-02T13:45:00Z");
        let mut day = Day::new("2024-08-02T13:45:00Z");
        for ((name, text), act) in
            [("minutes", MINUTES), ("entry", ENTRY), ("flat", FLAT)].into_iter().zip(&acts)
        {
            day = day.job(name, text, &[*act]);
        }
        let mut now = begun;
        let mut ended: Vec<String> = Vec::new();
        for (index, life) in lives.iter().enumerate() {
            if index > 0 {
                now += TimeDelta::seconds(life.after);
            }
            let until = now + TimeDelta::seconds(life.lasts);
            // A new world: what ran in the old one is gone with it.
            let ran_before = day.log.lock().unwrap().len();
            day.world = VirtualWorld::new(now);
            let (scheduler, rt) = (day.scheduler(), day.world.runtime());
            day.world.run(async move {
                let work = std::pin::pin!(scheduler.run_until(until + TimeDelta::days(9)));
                match select(work, rt.sleep_until(until)).await {
                    Either::Left((result, _)) => result.unwrap(),
                    Either::Right(_) => {}
                }
            });
            now = until;
            // Nothing ran in this life that had ended before it.
            for (job, slot, ..) in &day.log.lock().unwrap()[ran_before..] {
                prop_assert!(!ended.contains(&run_id(job, *slot)), "{} ran again", run_id(job, *slot));
            }
            ended = outcomes(&day);
        }
        // A last life in peace, then everything due has its outcome, once.
        day.world = VirtualWorld::new(now);
        let last = now + TimeDelta::days(4);
        day.run_until(&last.to_rfc3339());
        let last = last + TimeDelta::nanoseconds(1); // that instant's slot has run
        let set = day.set();
        for job in set.iter().filter(|job| !job.frequent) {
            for slot in slots(job, &Calendar::default(), begun, last) {
                prop_assert!(day.row(&job.name, &slot.at.to_rfc3339()).is_some(), "{}", slot.at);
            }
        }
        let planned = slots(set.get("minutes").unwrap(), &Calendar::default(), begun, last).len();
        let rows: Vec<(String, SessionRow)> =
            day.store.read(|tx| tx.list(&SESSIONS, "minutes/")).unwrap();
        let counted: u32 =
            rows.iter().map(|(_, row)| row.done + row.failed + row.skipped + row.missed).sum();
        prop_assert_eq!(usize::try_from(counted).unwrap(), planned);
        prop_assert_eq!(day.store.read(|tx| tx.list(&STARTED, "")).unwrap(), vec![]);
    }
}

/// The ids of the runs of jobs with a row each that have their outcome.
fn outcomes(day: &Day) -> Vec<String> {
    let rows: Vec<(String, RunRow)> = day.store.read(|tx| tx.list(&RUNS, "")).unwrap();
    rows.into_iter().map(|(id, _)| id).collect()
}
