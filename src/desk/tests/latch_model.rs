//! The latch against a model a child could check: a list of holds and whether the file lies there.
//! Whatever is asked, in whatever order, over restarts and clock steps, the level is the model's,
//! and nothing but an explicit act opens it.

use std::{collections::BTreeMap, path::Path};

use chrono::TimeDelta;
use futures::executor::block_on;
use proptest::prelude::*;

use super::world::at;
use crate::{
    account::hold::{Hold, Level},
    clock::Timestamp,
    desk::latch::{
        Change, HALT_FILE, Latch, Leaving, OPERATOR, apply_offline, end_timed, set_hold,
    },
    store::Store,
};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Act {
    /// The operator asks, from the shell.
    Ask(Change),
    /// A part of the program holds, perhaps for a time (minutes).
    Hold { name: usize, level: Level, minutes: Option<i64> },
    /// A clean reconciliation lets timed holds end.
    EndTimed,
    /// A person makes the `HALT` file, or takes it away.
    File(bool),
    /// A halt closes memory and writes the file; its commit is still on the way.
    Shut,
    /// The process ends and another begins on the same store.
    Restart,
    /// The clock steps, either way (minutes).
    Clock(i64),
}

fn any_act() -> impl Strategy<Value = Act> {
    let change = prop_oneof![
        Just(Change::Halt),
        Just(Change::Reduce),
        Just(Change::Resume),
        Just(Change::Flatten)
    ];
    let level = prop_oneof![Just(Level::Reducing), Just(Level::Halted)];
    prop_oneof![
        4 => change.prop_map(Act::Ask),
        3 => (0..3_usize, level, proptest::option::of(0..90_i64))
            .prop_map(|(name, level, minutes)| Act::Hold { name, level, minutes }),
        2 => Just(Act::EndTimed),
        1 => any::<bool>().prop_map(Act::File),
        1 => Just(Act::Shut),
        2 => Just(Act::Restart),
        2 => (-120..120_i64).prop_map(Act::Clock),
    ]
}

const NAMES: [&str; 3] = ["drawdown", "reconciliation", "store"];

/// The model.
#[derive(Debug, Clone, Default)]
struct Model {
    /// Level, number of the act that set it, until.
    holds: BTreeMap<&'static str, (Level, usize, Option<Timestamp>)>,
    file: bool,
    /// Halts of this process whose hold is not in memory.
    shut: bool,
}

impl Model {
    fn level(&self) -> Level {
        let known = self.holds.get(OPERATOR).is_some_and(|hold| hold.0 == Level::Halted);
        if self.shut || self.file && !known {
            return Level::Halted;
        }
        let of = |level| self.holds.values().filter(move |hold| hold.0 == level).map(|hold| hold.1);
        match (of(Level::Flattening).max(), of(Level::Halted).max()) {
            (Some(flatten), halt) if halt.is_none_or(|halt| halt < flatten) => Level::Flattening,
            _ => self.holds.values().map(|hold| hold.0).max().unwrap_or(Level::Active),
        }
    }

    /// Does an act; true when it may open.
    fn act(&mut self, number: usize, act: &Act, now: Timestamp) -> bool {
        match act {
            Act::Ask(Change::Halt) => {
                self.holds.insert(OPERATOR, (Level::Halted, number, None));
                self.file = true;
                false
            }
            Act::Ask(Change::Reduce) => {
                self.holds.entry(OPERATOR).or_insert((Level::Reducing, number, None));
                false
            }
            Act::Ask(Change::Flatten) => {
                self.holds.insert(OPERATOR, (Level::Flattening, number, None));
                self.file = false;
                true // from HALTED into FLATTENING, which is its purpose
            }
            Act::Ask(Change::Resume) => {
                self.holds.retain(|_, hold| hold.2.is_some());
                self.file = false;
                true
            }
            Act::Hold { name, level, minutes } => {
                let until = minutes.map(|minutes| now + TimeDelta::minutes(minutes));
                let held = self.holds.get(NAMES[*name]);
                let same = held.is_some_and(|hold| hold.0 == *level && hold.2 == until);
                let looser = held.is_some_and(|hold| hold.0 > *level);
                if !same {
                    self.holds.insert(NAMES[*name], (*level, number, until));
                }
                looser // its own earlier hold, which it replaces
            }
            Act::EndTimed => {
                let before = self.holds.len();
                self.holds.retain(|_, hold| hold.2.is_none_or(|until| until > now));
                self.holds.len() < before
            }
            Act::File(there) => {
                self.file = *there;
                !there
            }
            Act::Shut => {
                (self.shut, self.file) = (true, true);
                false
            }
            // The hold was never committed: what is left of that halt is its file, and an explicit
            // act that took the file away meanwhile has opened it.
            Act::Restart => {
                let taken = self.shut && !self.file;
                self.shut = false;
                taken
            }
            Act::Clock(_) => false,
        }
    }
}

/// Does the same to the real one.
fn act(act: &Act, store: &Store, latch: &mut Latch, dir: &Path, now: Timestamp) {
    let file = dir.join(HALT_FILE);
    match act {
        Act::Ask(what) => {
            block_on(apply_offline(store, Some(dir), *what, "test", "operator", now)).unwrap();
        }
        Act::Hold { name, level, minutes } => {
            let until = minutes.map(|minutes| now + TimeDelta::minutes(minutes));
            let name = NAMES[*name].to_owned();
            let hold = Hold { name, level: *level, cause: "test".to_owned(), since: now, until };
            block_on(store.write(move |tx| set_hold(tx, &hold, "test", now))).unwrap();
        }
        Act::EndTimed => {
            block_on(store.write(move |tx| end_timed(tx, "test", now))).unwrap();
        }
        Act::File(true) => std::fs::write(file, "by hand").unwrap(),
        Act::File(false) => drop(std::fs::remove_file(file)),
        Act::Shut => latch.shut("test").unwrap(),
        Act::Restart => *latch = Latch::load(store, Some(dir)).unwrap(),
        Act::Clock(_) => {}
    }
    latch.refresh(store).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_level_is_always_the_models_and_never_opens_by_itself(
        acts in proptest::collection::vec(any_act(), 1..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::in_memory().unwrap();
        let mut latch = Latch::load(&store, Some(dir.path())).unwrap();
        let (mut model, mut now) = (Model::default(), at("12:00:00"));
        for (step, it) in acts.iter().enumerate() {
            // Time passes between two acts, unless the clock says otherwise.
            now += match it {
                Act::Clock(minutes) => TimeDelta::minutes(*minutes),
                _ => TimeDelta::seconds(1),
            };
            let before = latch.level();
            let may_open = model.act(step, it, now);
            act(it, &store, &mut latch, dir.path(), now);
            let level = latch.level();
            prop_assert_eq!(level, model.level(), "after act {} of {:?}", step, &acts);
            prop_assert!(may_open || level >= before, "{before:?} opened to {level:?}: {it:?}");
            // What leaves is what the level says, and the gate sees what stops it.
            prop_assert_eq!(latch.check(Leaving::Opening, now).is_ok(), level == Level::Active);
            prop_assert_eq!(latch.check(Leaving::Closing, now).is_ok(), level != Level::Halted);
            let ruling = latch.ruling(now);
            if !model.shut {
                prop_assert_eq!(ruling.is_empty(), level == Level::Active);
            }
            // A person who takes the file of a halt away before its commit has opened it by hand.
            if model.file || !model.shut {
                let restarted = Latch::load(&store, Some(dir.path())).unwrap().level();
                prop_assert!(restarted >= level, "a restart would open {level:?} to {restarted:?}");
            }
        }
    }
}
