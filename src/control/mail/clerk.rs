//! Takes mails one by one: judged, admitted, done, answered.

use std::{panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::future::BoxFuture;

use super::{
    Arrived, Rules, Verdict, Why, Word,
    answers::{self, Answer},
    judge,
    ledger::{self, Admission, COMMANDS, Place, Taken},
};
use crate::{
    clock::Runtime,
    control::{
        console::{Caller, Console, Reply},
        say,
        table::Role,
        totp::{TimeCodes, Window},
    },
    report::page::Page,
    store::{Read, Store, StoreError},
};

/// A store that hangs holds up a halt no longer.
const STORE_WAIT: TimeDelta = TimeDelta::seconds(2);
/// What takes longer is answered as being under way, and looked for no more.
const REST_WAIT: TimeDelta = TimeDelta::minutes(5);

/// The clerk.
pub struct Clerk {
    /// The clock.
    pub rt: Runtime,
    /// The store.
    pub store: Store,
    /// Codes.
    pub codes: Arc<TimeCodes>,
    /// What does commands.
    pub console: Arc<Console>,
    /// Who is heard.
    pub rules: Rules,
}

impl Clerk {
    /// Takes a mail; true for one that was a command. What is wrong with the mail is no error.
    pub async fn take(&self, place: Place, mail: Arrived<'_>) -> Result<bool, StoreError> {
        let now = self.rt.now();
        let judged = std::panic::catch_unwind(AssertUnwindSafe(|| judge(&mail, &self.rules, now)));
        match judged.unwrap_or(Verdict::Ignored(Why::Fault)) {
            Verdict::Ignored(why) => self.ignore(place, why).await.map(|()| false),
            Verdict::Unproven { address } => {
                tracing::warn!(uid = place.cursor.uid, %address, "a mail is not vouched for");
                let write = move |tx: &mut _| ledger::unproven(tx, &place, &address, now);
                self.store.write(write).await.map(|()| false)
            }
            Verdict::Refused { sender, word, why } => {
                let (uid, from) = (place.cursor.uid, &sender.address);
                tracing::warn!(uid, %from, word, why = why.name(), "a command by mail is refused");
                let write =
                    move |tx: &mut _| ledger::refuse(tx, &place, &sender, (word, &why), now);
                self.store.write(write).await.map(|()| true)
            }
            Verdict::Command { sender, order } => {
                self.command(place, Taken { at: now, sender, order }).await.map(|()| true)
            }
        }
    }

    /// Passes over a mail.
    pub async fn ignore(&self, place: Place, why: Why) -> Result<(), StoreError> {
        let uid = place.cursor.uid;
        match why {
            Why::NoCommand | Why::Reply | Why::Old => {
                tracing::info!(uid, why = why.name(), "a mail is no command");
            }
            _ => tracing::warn!(uid, why = why.name(), "a mail is put away"),
        }
        self.store.write(move |tx| ledger::ignore(tx, &place, why)).await
    }

    /// Spends the code of a command, then does it.
    ///
    /// A halt whose code is seen to be good is done after two seconds even when the store hangs:
    /// what it allows twice is only another halt.
    async fn command(&self, place: Place, taken: Taken) -> Result<(), StoreError> {
        let (word, now, code) = (taken.order.word, taken.at, taken.order.code.clone());
        let day = self.codes.matching(&code, Window::Day, now);
        let fitting = match word.window() {
            Window::Day => day.clone(),
            window => self.codes.matching(&code, window, now),
        };
        let good = self.store.read(|tx| ledger::may_be_good(tx, &taken, &fitting));
        let urgent = word == Word::Halt && good.unwrap_or(false);
        let kept = taken.clone();
        let write = move |tx: &mut _| ledger::admit(tx, &place, &kept, (&fitting, &day));
        let mut admitting = std::pin::pin!(self.store.write(write));
        let admission = match self.rt.timeout(STORE_WAIT, &mut admitting).await {
            // Memory and file shut without the store.
            Some(Err(error)) if urgent => {
                let _ = self.ask(&taken).await;
                return Err(error);
            }
            Some(admission) => admission?,
            None if urgent => {
                tracing::error!("the store hangs: a halt by mail is done before its code is spent");
                let done = self.ask(&taken).await;
                return match admitting.await? {
                    Admission::Do(key) => self.answer(key, taken, done).await,
                    _ => Ok(()),
                };
            }
            None => admitting.await?,
        };
        match admission {
            Admission::Do(key) => {
                let reply = self.ask(&taken).await;
                self.answer(key, taken, reply).await
            }
            Admission::Refused => {
                let from = &taken.sender.address;
                tracing::warn!(%from, word = word.name(), "a command by mail is refused: its code");
                Ok(())
            }
            Admission::Silent(why) => {
                tracing::warn!(from = %taken.sender.address, why = why.name(), "a mail is put away");
                Ok(())
            }
        }
    }

    async fn ask(&self, taken: &Taken) -> Reply {
        let name = format!("email:{}", taken.sender.address);
        tracing::info!(by = %name, word = taken.order.word.name(), "a command by mail");
        let caller = Caller { name, role: Role::Owner };
        self.console.perform(&caller, taken.order.request.clone()).await
    }

    /// Answers a command: at once, and once more when its end comes later.
    async fn answer(&self, key: String, taken: Taken, reply: Reply) -> Result<(), StoreError> {
        let page = match reply {
            Reply::Said(page) => page,
            Reply::Refused(why) => say::failed(&why),
            Reply::Choose { question, .. } => say::failed(&question),
            Reply::Confirm(confirm) => say::failed(&confirm.question),
            Reply::Begun(page, rest) => return self.follow(key, taken, page, rest).await,
        };
        close(&self.rt, &self.store, key, &taken, &page).await
    }

    async fn follow(
        &self,
        key: String,
        taken: Taken,
        begun: Page,
        rest: BoxFuture<'static, Page>,
    ) -> Result<(), StoreError> {
        let now = self.rt.now();
        let first = Answer::page(&taken.sender, taken.order.word.name(), &begun, now);
        self.store.write(move |tx| answers::keep(tx, &first)).await?;
        let (rt, store) = (self.rt.clone(), self.store.clone());
        self.rt.spawn(async move {
            let page = rt.timeout(REST_WAIT, rest).await.unwrap_or_else(|| {
                let minutes = REST_WAIT.num_minutes();
                say::failed(&format!("It is not done after {minutes} minutes; ask for STATUS"))
            });
            if let Err(error) = close(&rt, &store, key, &taken, &page).await {
                tracing::error!(%error, "a command by mail is done, but not answered");
            }
        });
        Ok(())
    }

    /// Takes up what a crash left: commands whose code is spent and whose end is not known. A halt
    /// is done again whenever it was sent; what must be of the moment is not.
    pub async fn take_up(&self) -> Result<(), StoreError> {
        for (key, taken) in self.store.read(|tx| tx.list(&COMMANDS, ""))? {
            let word = taken.order.word;
            if self.rt.now() - taken.at <= ledger::still_good(word) {
                let reply = self.ask(&taken).await;
                self.answer(key, taken, reply).await?;
                continue;
            }
            let page = say::failed(
                "The program ended before this was seen to be done, and it is too old to be done \
                 now. Ask for STATUS, and send it again if need be",
            );
            close(&self.rt, &self.store, key, &taken, &page).await?;
        }
        Ok(())
    }
}

async fn close(
    rt: &Runtime,
    store: &Store,
    key: String,
    taken: &Taken,
    page: &Page,
) -> Result<(), StoreError> {
    let now = rt.now();
    let last = Answer::page(&taken.sender, taken.order.word.name(), page, now);
    store.write(move |tx| ledger::close(tx, &key, &last)).await
}
