//! The latch: the strictest active hold, in memory, in the store and as the file `HALT`.
//!
//! A halt closes memory first, then the file, then the store, so that a busy or hung store cannot
//! delay it. Opening again goes the other way round. The last statement before the wire is
//! `Latch::check`.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{breakers, read, stage, tables::HOLDS};
use crate::{
    account::{
        IntentId, PositionId,
        hold::{Hold, Level, strictest},
    },
    clock::Timestamp,
    notice::{self, Notice},
    planted::{self, Bug},
    risk::breaker::ends_by_condition,
    store::{Read, Store, StoreError, WriteTx},
};

/// The file whose presence alone halts.
pub const HALT_FILE: &str = "HALT";
/// The hold an operator's command makes.
pub const OPERATOR: &str = "operator";
/// The hold a `HALT` file made by hand makes.
pub const BY_FILE: &str = "halt-file";
/// Under a halt, a position that expires today may be closed on a broker read no older than this
/// (rulebook §6).
pub const CONFIRMED_WITHIN: TimeDelta = TimeDelta::seconds(60);

/// What an operator may ask of the latch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only cancels leave from now on.
    Halt,
    /// No entries from now on.
    Reduce,
    /// End every manual hold.
    Resume,
    /// Cancel everything, close everything, then halt.
    Flatten,
}

impl Change {
    /// The word in the journal and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Reduce => "reduce",
            Self::Resume => "resume",
            Self::Flatten => "flatten",
        }
    }
}

/// What came of a change: the level now and what stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatchAnswer {
    /// The level now.
    pub level: Level,
    /// Every active hold.
    pub holds: Vec<Hold>,
    /// Working entries whose cancel is confirmed.
    pub cancelled: Vec<IntentId>,
    /// Intents still working: exits, and entries whose cancel is not confirmed yet.
    pub working: Vec<IntentId>,
    /// Positions still open.
    pub open: Vec<PositionId>,
}

/// What wants to leave for the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// An order that opens.
    Opening,
    /// An order that closes.
    Closing,
    /// An order that closes what expires today, seen at the broker at that instant.
    ClosingToday {
        /// The instant of the broker's answer.
        confirmed_at: Timestamp,
    },
}

/// Why the latch stopped an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the latch is {}: {cause}", level.name())]
pub struct Stopped {
    /// The level.
    pub level: Level,
    /// The cause of the strictest hold.
    pub cause: String,
}

/// Why a change could not be made whole.
#[derive(Debug, thiserror::Error)]
pub enum LatchError {
    /// The `HALT` file could not be written or removed.
    #[error("cannot {what} `{path}`: {source}")]
    File {
        /// `write` or `remove`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The level that follows from the holds: the strictest, but a FLATTEN asked for after a halt goes
/// on in spite of it, and a halt after the FLATTEN stops it (rulebook §6).
pub fn level_of<'a>(holds: impl IntoIterator<Item = &'a Hold>) -> Level {
    let holds: Vec<&Hold> = holds.into_iter().collect();
    let flatten = holds.iter().filter(|h| h.level == Level::Flattening).map(|h| h.since).max();
    let halted_after = |since| holds.iter().any(|h| h.level == Level::Halted && h.since > since);
    match flatten {
        Some(since) if !halted_after(since) => Level::Flattening,
        _ => strictest(holds.iter().copied()),
    }
}

/// The latch of a running desk.
pub struct Latch {
    file: Option<PathBuf>,
    /// Halts whose hold is not in memory yet: closed before anything else.
    shut: AtomicU32,
    holds: Mutex<BTreeMap<String, Hold>>,
    /// One refresh at a time, so that an older reading never replaces a newer one.
    refreshing: Mutex<()>,
}

impl Latch {
    /// The latch as the store and the file have it. `data_dir` is where the `HALT` file lives;
    /// `None` (a replay) has none.
    pub fn load(store: &Store, data_dir: Option<&Path>) -> Result<Self, StoreError> {
        let latch = Self {
            file: data_dir.map(|dir| dir.join(HALT_FILE)),
            shut: AtomicU32::new(0),
            holds: Mutex::new(BTreeMap::new()),
            refreshing: Mutex::new(()),
        };
        if !planted::on(Bug::ForgetHolds) {
            latch.refresh(store)?;
        }
        Ok(latch)
    }

    /// The level now, the file included.
    pub fn level(&self) -> Level {
        if self.shut.load(Ordering::SeqCst) > 0 {
            return Level::Halted;
        }
        let level = level_of(self.lock().values());
        if level != Level::Halted && self.file_exists() && !self.file_is_known() {
            return Level::Halted;
        }
        level
    }

    /// The active holds by name.
    pub fn holds(&self) -> Vec<Hold> {
        self.lock().values().cloned().collect()
    }

    /// True while a hold of this name stands.
    pub fn has(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    /// The holds the gate is to see: a `HALT` file nobody has made a hold of yet stands among them.
    pub fn ruling(&self, now: Timestamp) -> Vec<Hold> {
        let mut holds = self.holds();
        if self.level() == Level::Halted && level_of(&holds) != Level::Halted {
            holds.push(Hold {
                name: BY_FILE.to_owned(),
                level: Level::Halted,
                cause: self.cause(Level::Halted),
                since: now,
                until: None,
            });
        }
        holds
    }

    /// The last statement before the wire: may this leave now?
    pub fn check(&self, what: Leaving, now: Timestamp) -> Result<(), Stopped> {
        let level = self.level();
        let passes = match (level, what) {
            (Level::Reducing | Level::Flattening, Leaving::Opening)
            | (Level::Halted, Leaving::Opening | Leaving::Closing) => false,
            (Level::Active | Level::Reducing | Level::Flattening, _) => true,
            (Level::Halted, Leaving::ClosingToday { confirmed_at }) => {
                now - confirmed_at < CONFIRMED_WITHIN
            }
        };
        let passes = passes || planted::on(Bug::IgnoreLatch);
        if passes { Ok(()) } else { Err(Stopped { level, cause: self.cause(level) }) }
    }

    /// True when a `HALT` file lies there that no hold speaks of yet, and no halt of ours is on its
    /// way to one.
    pub fn file_is_news(&self) -> bool {
        // In this order: a halt shuts before it writes the file, and its hold is in memory before
        // it releases.
        self.file_exists() && self.shut.load(Ordering::SeqCst) == 0 && !self.file_is_known()
    }

    /// Closes memory and writes the file: the part of a halt that no store can delay. Memory stays
    /// closed until [`Latch::release`], which only a halt that is in the store may call.
    pub fn shut(&self, cause: &str) -> Result<(), LatchError> {
        self.shut.fetch_add(1, Ordering::SeqCst);
        self.file.as_deref().map_or(Ok(()), |file| write_file(file, cause))
    }

    /// The halt's hold is in memory: it rules from here.
    pub fn release(&self) {
        self.shut.fetch_sub(1, Ordering::SeqCst);
    }

    /// A halt that came while a resume removed the file has it again: its commit may never come.
    pub fn shut_still(&self) -> Result<(), LatchError> {
        match self.file.as_deref() {
            Some(file) if self.shut.load(Ordering::SeqCst) > 0 => {
                write_file(file, "a halt that came while the latch was opened")
            }
            _ => Ok(()),
        }
    }

    /// Removes the file, as the last step of an explicit resume before memory opens.
    pub fn remove_file(&self) -> Result<(), LatchError> {
        self.file.as_deref().map_or(Ok(()), remove_file)
    }

    /// Takes the holds from the store into memory; what they say rules from here.
    pub fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let _one = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = store.read(|tx| tx.list(&HOLDS, ""))?;
        *self.lock() = rows.into_iter().collect();
        Ok(())
    }

    fn cause(&self, level: Level) -> String {
        let held = self.lock();
        let cause = held.values().find(|hold| hold.level == level).map(|hold| hold.cause.clone());
        cause.unwrap_or_else(|| match &self.file {
            Some(file) if level == Level::Halted => format!("the file `{}`", file.display()),
            _ => "no cause recorded".to_owned(),
        })
    }

    fn file_exists(&self) -> bool {
        // An unreadable directory cannot show that there is no file: it halts too.
        self.file.as_deref().is_some_and(|file| file.try_exists().unwrap_or(true))
    }

    fn file_is_known(&self) -> bool {
        let by_hand = |hold: &Hold| hold.name == OPERATOR || hold.name == BY_FILE;
        self.lock().values().any(|hold| by_hand(hold) && hold.level == Level::Halted)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Hold>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a change in a transaction: rows, journal and notice. Returns the holds after it.
pub fn change(
    tx: &mut WriteTx,
    change: Change,
    cause: &str,
    by: &str,
    now: Timestamp,
) -> Result<Vec<Hold>, StoreError> {
    change_over(tx, change, None, cause, by, now)
}

/// The same; `over` is the reason for which a resume passes over a breaker's days of grace. It is
/// journalled with the change.
pub fn change_over(
    tx: &mut WriteTx,
    change: Change,
    over: Option<&str>,
    cause: &str,
    by: &str,
    now: Timestamp,
) -> Result<Vec<Hold>, StoreError> {
    let before = read::holds(tx)?;
    match change {
        Change::Halt => put(tx, &halt_after(&before, operator(Level::Halted, cause, now)))?,
        Change::Reduce => {
            // Asking for less than what is held already must not loosen it.
            let held = before.iter().find(|hold| hold.name == OPERATOR).map(|hold| hold.level);
            if held.is_none_or(|level| level < Level::Reducing) {
                put(tx, &operator(Level::Reducing, cause, now))?;
            }
        }
        Change::Flatten => {
            tx.remove(&HOLDS, BY_FILE)?;
            // Asked for after every halt there is, also when the clock stepped back since.
            let halts = before.iter().filter(|hold| hold.level == Level::Halted);
            let since = halts.map(|hold| hold.since).fold(now, Timestamp::max);
            put(tx, &operator(Level::Flattening, cause, since))?;
        }
        Change::Resume => {
            let manual = |hold: &&Hold| hold.until.is_none();
            let ended: Vec<Hold> = before.iter().filter(manual).cloned().collect();
            breakers::resume(tx, &ended, over, now)?;
            for hold in &ended {
                tx.remove(&HOLDS, &hold.name)?;
            }
        }
    }
    let after = read::holds(tx)?;
    let mut data = serde_json::json!({ "cause": cause, "level": level_of(&after), "holds": after });
    if let Some(reason) = over {
        data["override"] = reason.into();
    }
    tx.journal(now, by, change.name(), &data)?;
    tell(tx, now, &before, &after, cause)?;
    Ok(after)
}

/// Sets or replaces one hold, with journal and notice. Setting the same again changes nothing.
pub fn set_hold(tx: &mut WriteTx, hold: &Hold, by: &str, now: Timestamp) -> Result<(), StoreError> {
    let before = read::holds(tx)?;
    if before.iter().any(|standing| standing.is_same(hold)) {
        return Ok(());
    }
    let hold = match hold.level {
        Level::Halted => halt_after(&before, hold.clone()),
        _ => hold.clone(),
    };
    put(tx, &hold)?;
    tx.journal(now, by, "hold", &hold)?;
    stage::on_hold(tx, &hold, now)?;
    let after = read::holds(tx)?;
    tell(tx, now, &before, &after, &hold.cause)
}

/// Ends the timed holds whose time has come; call it only after a clean reconciliation.
/// Returns the names of those ended.
pub fn end_timed(tx: &mut WriteTx, by: &str, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let before = read::holds(tx)?;
    let over: Vec<&Hold> = before.iter().filter(|hold| is_over(hold, now)).collect();
    for hold in &over {
        tx.remove(&HOLDS, &hold.name)?;
        tx.journal(now, by, "hold_ended", hold)?;
    }
    let after = read::holds(tx)?;
    tell(tx, now, &before, &after, "a timed hold ended after a clean reconciliation")?;
    Ok(over.into_iter().map(|hold| hold.name.clone()).collect())
}

/// True for a timed hold whose time has come.
pub fn is_over(hold: &Hold, now: Timestamp) -> bool {
    hold.until.is_some_and(|until| until <= now) && !ends_by_condition(hold)
}

/// Ends one hold whose condition is over, with journal and notice.
pub fn end_hold(
    tx: &mut WriteTx,
    name: &str,
    why: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = read::holds(tx)?;
    let Some(hold) = before.iter().find(|hold| hold.name == name) else { return Ok(()) };
    tx.remove(&HOLDS, name)?;
    tx.journal(now, by, "hold_ended", hold)?;
    tell(tx, now, &before, &read::holds(tx)?, why)
}

/// Changes the latch of a store no daemon runs on; a daemon started later finds it so.
///
/// A halt writes the `HALT` file first; a resume or a flatten removes it last.
pub async fn apply_offline(
    store: &Store,
    data_dir: Option<&Path>,
    what: Change,
    cause: &str,
    by: &str,
    now: Timestamp,
) -> Result<LatchAnswer, LatchError> {
    apply_offline_over(store, data_dir, what, None, cause, by, now).await
}

/// The same with the reason for which a resume passes over a breaker's days of grace.
pub async fn apply_offline_over(
    store: &Store,
    data_dir: Option<&Path>,
    what: Change,
    over: Option<&str>,
    cause: &str,
    by: &str,
    now: Timestamp,
) -> Result<LatchAnswer, LatchError> {
    let file = data_dir.map(|dir| dir.join(HALT_FILE));
    if let (Change::Halt, Some(file)) = (what, &file) {
        write_file(file, cause)?;
    }
    let (words, who, over) = (cause.to_owned(), by.to_owned(), over.map(str::to_owned));
    store.write(move |tx| change_over(tx, what, over.as_deref(), &words, &who, now)).await?;
    if let (Change::Resume | Change::Flatten, Some(file)) = (what, &file) {
        remove_file(file)?;
    }
    Ok(answer(store, Vec::new())?)
}

/// The answer to a change, from the store.
pub fn answer(store: &Store, cancelled: Vec<IntentId>) -> Result<LatchAnswer, StoreError> {
    store.read(|tx| {
        let holds = read::holds(tx)?;
        Ok(LatchAnswer {
            level: level_of(&holds),
            holds,
            cancelled,
            working: read::open_intents(tx)?.into_iter().map(|r| r.intent.id).collect(),
            open: read::open_positions(tx)?.into_iter().map(|p| p.id).collect(),
        })
    })
}

fn operator(level: Level, cause: &str, now: Timestamp) -> Hold {
    Hold { name: OPERATOR.to_owned(), level, cause: cause.to_owned(), since: now, until: None }
}

/// A halt stops every FLATTEN asked for before it, also when the clock stepped back since.
fn halt_after(before: &[Hold], mut halt: Hold) -> Hold {
    let flattens = before.iter().filter(|held| held.level == Level::Flattening);
    let after = |held: &Hold| held.since + TimeDelta::microseconds(1);
    halt.since = flattens.map(after).fold(halt.since, Timestamp::max);
    halt
}

fn put(tx: &mut WriteTx, hold: &Hold) -> Result<(), StoreError> {
    tx.put(&HOLDS, &hold.name, hold)
}

fn tell(
    tx: &mut WriteTx,
    now: Timestamp,
    before: &[Hold],
    after: &[Hold],
    cause: &str,
) -> Result<(), StoreError> {
    if level_of(before) == level_of(after) {
        return Ok(());
    }
    let level = level_of(after).name().to_owned();
    notice::raise(tx, now, Notice::Latch { level, cause: cause.to_owned() })
}

/// Halts by the file alone, when neither the daemon nor its store answers. Gives the file's path.
pub fn halt_by_file(data_dir: &Path, cause: &str) -> Result<PathBuf, LatchError> {
    let file = data_dir.join(HALT_FILE);
    write_file(&file, cause)?;
    Ok(file)
}

/// Writes and fsyncs the file and its directory.
fn write_file(file: &Path, cause: &str) -> Result<(), LatchError> {
    let write = || -> io::Result<()> {
        let mut handle = fs::File::create(file)?;
        handle.write_all(cause.as_bytes())?;
        handle.sync_all()?;
        match file.parent() {
            Some(dir) => fs::File::open(dir)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| LatchError::File { what: "write", path: file.to_owned(), source })
}

fn remove_file(file: &Path) -> Result<(), LatchError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(LatchError::File { what: "remove", path: file.to_owned(), source })
        }
        _ => Ok(()),
    }
}
