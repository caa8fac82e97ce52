//! A book that a replay starts from: a balance, and entries somebody tries at given instants.
//!
//! An attempt is what a person would send against the filters of the day. It is built by the
//! strategy's own rule, on the expiration asked for, and goes through dry run, gate and desk like
//! every entry: what is refused is refused by the limits in force. The form is in docs/REPLAY.md.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    account::StrategyId,
    calendar::{Calendar, Exchange, Session, new_york, new_york_date},
    clock::{Runtime, Timestamp},
    config::{Rulebook, ranges::DaysRules, rulebook::Phase},
    desk::{Desk, jobs},
    risk::decision::DecisionOutcome,
    strategy::{
        Decision, Need, Pick, Rule, Snapshot,
        manage::{ExitMemory, Managed, Watched},
        rule,
    },
};

/// Attempts a book may hold.
const ATTEMPTS_MAX: usize = 1_000;
/// Starting balances a book may name, pounds.
const BALANCES: std::ops::RangeInclusive<Decimal> =
    rust_decimal::dec!(1_000)..=rust_decimal::dec!(100_000_000);

/// A book as its file says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// The account at the start, pounds; the settings' own when absent.
    pub balance_gbp: Option<Decimal>,
    /// Entries to try, in order of time.
    #[serde(default, rename = "attempt")]
    pub attempts: Vec<Attempt>,
}

/// An entry to try.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// When, New York: `2024-07-15T10:00:00`.
    pub at: NaiveDateTime,
    /// By whose rule.
    pub strategy: StrategyId,
    /// On which expiration; the rule's own choice when absent.
    pub expiration: Option<NaiveDate>,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempted {
    /// When.
    pub at: Timestamp,
    /// By whose rule.
    pub strategy: StrategyId,
    /// On which expiration, where one was asked for.
    pub expiration: Option<NaiveDate>,
    /// How it came out; `None` when it could not be decided.
    pub outcome: Option<DecisionOutcome>,
    /// Why it could not be decided.
    pub failed: Option<String>,
}

/// What came of the attempts, shared with who reports it.
pub type Log = Arc<Mutex<Vec<Attempted>>>;

/// Why a book cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file cannot be read.
    #[error("reading the book `{file}`: {cause}")]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// Its form is wrong; the cause names line and key.
    #[error("the book `{file}`: {cause}")]
    Form {
        /// The file.
        file: PathBuf,
        /// Where and what.
        cause: toml::de::Error,
    },
    /// A figure or a date in it cannot be.
    #[error("the book `{file}`: {what}")]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Which, what was found and what would be right.
        what: String,
    },
}

impl Book {
    /// Reads a book and checks it against the days it is replayed over.
    pub fn load(
        file: &Path,
        calendar: &Calendar,
        range: (NaiveDate, NaiveDate),
    ) -> Result<Self, BookError> {
        let text = std::fs::read_to_string(file)
            .map_err(|cause| BookError::Read { file: file.to_owned(), cause })?;
        let book: Self = toml::from_str(&text)
            .map_err(|cause| BookError::Form { file: file.to_owned(), cause })?;
        match book.fault(calendar, range) {
            Some(what) => Err(BookError::Wrong { file: file.to_owned(), what }),
            None => Ok(book),
        }
    }

    fn fault(&self, calendar: &Calendar, (from, to): (NaiveDate, NaiveDate)) -> Option<String> {
        if let Some(balance) = self.balance_gbp.filter(|balance| !BALANCES.contains(balance)) {
            let (least, most) = (BALANCES.start(), BALANCES.end());
            return Some(format!("balance_gbp = {balance}: must lie between {least} and {most}"));
        }
        if self.attempts.len() > ATTEMPTS_MAX {
            return Some(format!("{} attempts; at most {ATTEMPTS_MAX}", self.attempts.len()));
        }
        let mut before = None;
        for (number, attempt) in (1..).zip(&self.attempts) {
            let at = attempt.at;
            let wrong = |what: String| Some(format!("attempt {number}, at = {at}: {what}"));
            if before.is_some_and(|before| at < before) {
                return wrong("lies before the attempt above it; they stand in order".to_owned());
            }
            before = Some(at);
            if !(from..=to).contains(&at.date()) {
                return wrong(format!("lies outside the replay, {from} to {to}"));
            }
            let session = calendar.session(Exchange::Xnys, at.date());
            let instant = attempt.instant();
            if !session.is_some_and(|session| session.contains(instant)) {
                return wrong("is not inside a session of XNYS, New York time".to_owned());
            }
            if rule(attempt.strategy).is_none() {
                return wrong(format!("no rule trades `{}`", attempt.strategy));
            }
            if attempt.expiration.is_some_and(|expiration| expiration < at.date()) {
                return wrong("its expiration lies before it".to_owned());
            }
        }
        None
    }
}

impl Attempt {
    /// The instant meant.
    fn instant(&self) -> Timestamp {
        new_york(self.at.date(), self.at.time())
    }
}

/// Tries every entry at its instant.
pub async fn serve(rt: Runtime, desk: Arc<Desk>, attempts: Vec<Attempt>, log: Log) {
    let mut ordinals: BTreeMap<(StrategyId, NaiveDate), u32> = BTreeMap::new();
    for Attempt { at, strategy, expiration } in attempts {
        rt.sleep_until(new_york(at.date(), at.time())).await;
        // The first number of a day is the scheduled entry's own.
        let ordinal = ordinals.entry((strategy, at.date())).or_insert(1);
        *ordinal += 1;
        let Some(inner) = rule(strategy) else { continue };
        let tried = Tried { inner, expiration };
        let now = rt.now();
        let outcome = jobs::attempt(&desk, &tried, now, *ordinal).await;
        let (outcome, failed) = match outcome {
            Ok(outcome) => (Some(outcome), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let line = Attempted { at: now, strategy, expiration, outcome, failed };
        log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// A rule that looks at one expiration only.
struct Tried {
    inner: &'static dyn Rule,
    expiration: Option<NaiveDate>,
}

impl Rule for Tried {
    fn id(&self) -> StrategyId {
        self.inner.id()
    }

    fn job(&self) -> &'static str {
        self.inner.job()
    }

    fn window(&self, rulebook: &Rulebook, session: &Session) -> (Timestamp, Timestamp) {
        self.inner.window(rulebook, session)
    }

    fn most(&self, phase: &Phase) -> u32 {
        self.inner.most(phase)
    }

    fn needs(&self, account: &Snapshot) -> Vec<Need> {
        let mut needs = self.inner.needs(account);
        let Some(expiration) = self.expiration else { return needs };
        let Some(days) = days_to(expiration, account.now) else { return needs };
        for need in &mut needs {
            need.days = need.days.max(days);
            for pick in &mut need.picks {
                if let Pick::Nearest { target, from, to } = pick {
                    (*target, *from, *to) = (days, days, days);
                }
            }
        }
        needs
    }

    fn decide(&self, snapshot: &Snapshot) -> Decision {
        self.inner.decide(&self.narrowed(snapshot))
    }

    fn attempt(&self, snapshot: &Snapshot) -> Decision {
        self.inner.attempt(&self.narrowed(snapshot))
    }

    fn manage(&self, watched: &Watched<'_>, memory: &ExitMemory) -> Managed {
        self.inner.manage(watched, memory)
    }
}

/// Calendar days ahead.
fn days_to(expiration: NaiveDate, now: Timestamp) -> Option<u32> {
    u32::try_from((expiration - new_york_date(now)).num_days()).ok()
}

impl Tried {
    /// The snapshot as if nothing else were listed.
    fn narrowed(&self, snapshot: &Snapshot) -> Snapshot {
        let mut narrowed = snapshot.clone();
        if let Some(expiration) = self.expiration {
            let mut rulebook = Rulebook::clone(&narrowed.rulebook);
            if let Some(days) = days_to(expiration, narrowed.now) {
                // The days the rule asks for are filters of the day too.
                for contract in &mut rulebook.lt112.contracts {
                    contract.days = DaysRules { target: days, from: days, to: days };
                }
            }
            narrowed.rulebook = Arc::new(rulebook);
            for data in narrowed.products.values_mut() {
                data.series.retain(|series| series.expiration == expiration);
            }
        }
        narrowed
    }
}
