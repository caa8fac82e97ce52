//! Takes mails one by one: judged, admitted, done, answered.
//!
//! What is noted of a mail is written until the store takes it, so a mail is taken in a task of its
//! own (`ear`), and none waits for the store behind another. HALT, REDUCE and FLATTEN do not wait for
//! it themselves: after two seconds they are done by what is known without it.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::TimeDelta;
use futures::future::{BoxFuture, join_all};

use super::{
    Arrived, Rules, Verdict, Why,
    answers::{self, Answer},
    judge,
    ledger::{self, Admission, Fit, Left, Place, Taken},
    limits,
    state::{Held, State},
};
use crate::{
    clock::Runtime,
    control::{
        console::{Caller, Console, Reply},
        say,
        table::Role,
        totp::{Claim, TimeCodes, Window, attempts::Limits},
    },
    notice::{Notice, raise},
    report::page::Page,
    store::{Store, StoreError, WriteTx},
};

/// A store that hangs holds up what must not wait no longer.
const STORE_WAIT: TimeDelta = TimeDelta::seconds(2);
/// And it is asked for so long whether a code was used before.
const LOOK_WAIT: TimeDelta = TimeDelta::milliseconds(100);
/// A mail that is being taken already is looked for again after so long.
const HELD_WAIT: TimeDelta = TimeDelta::seconds(1);
/// What takes longer is answered as being under way, and looked for no more.
const REST_WAIT: TimeDelta = TimeDelta::minutes(5);
/// Waits between attempts to write double from the first to the last of these.
const WRITE_FIRST: TimeDelta = TimeDelta::milliseconds(500);
const WRITE_MOST: TimeDelta = TimeDelta::minutes(1);

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
    /// How the ear is.
    pub state: Arc<State>,
}

impl Clerk {
    /// What a mail is; nothing is asked of the store.
    pub fn judge(&self, mail: &Arrived<'_>) -> Verdict {
        let now = self.rt.now();
        let judged = std::panic::catch_unwind(AssertUnwindSafe(|| judge(mail, &self.rules, now)));
        judged.unwrap_or(Verdict::Ignored(Why::Fault))
    }

    /// Takes a mail to its end; true for one that was a command. It ends when the store has all that
    /// is noted of the mail, or gave no such answer for a day.
    pub async fn take(self: &Arc<Self>, place: Place, verdict: Verdict) -> bool {
        let now = self.rt.now();
        match verdict {
            Verdict::Ignored(why) => {
                say_ignored(place.uid, why);
                self.noted(|| {
                    let place = place.clone();
                    move |tx: &mut _| ledger::ignore(tx, &place, why)
                })
                .await;
                false
            }
            Verdict::Unproven { address } => {
                tracing::warn!(uid = place.uid, %address, "a mail is not vouched for");
                self.noted(|| {
                    let (place, address) = (place.clone(), address.clone());
                    move |tx: &mut _| ledger::unproven(tx, &place, &address, now)
                })
                .await;
                false
            }
            Verdict::Refused { sender, word, why } => {
                let (uid, from) = (place.uid, &sender.address);
                tracing::warn!(uid, %from, word, why = why.name(), "a command by mail is refused");
                self.noted(|| {
                    let (place, sender, why) = (place.clone(), sender.clone(), why.clone());
                    move |tx: &mut _| ledger::refuse(tx, &place, &sender, (word, &why), now)
                })
                .await;
                true
            }
            Verdict::Command { sender, order } => {
                self.command(place, Taken { at: now, sender, order }).await;
                true
            }
        }
    }

    /// Spends the code of a command, then does it.
    async fn command(self: &Arc<Self>, place: Place, taken: Taken) {
        let (word, from) = (taken.order.word.name(), &taken.sender.address);
        let held = self.hold(&taken.sender.message_id).await;
        let (fit, claim) = self.fit(&taken);
        let guess = fit.day.is_empty();
        if guess {
            self.state.guessed(from);
        }
        let (admitted, done) = self.admit(&place, &taken, &fit, claim).await;
        if guess {
            self.state.counted(from);
        }
        drop(held);
        match admitted {
            Some(Admission::Do(key)) => {
                let reply = match done {
                    Some(reply) => reply,
                    None => self.ask_in_time(&taken).await,
                };
                self.answer(key, taken.clone(), reply).await;
            }
            Some(Admission::Refused) => {
                tracing::warn!(%from, word, "a command by mail is refused: its code");
            }
            Some(Admission::Silent(why)) => {
                // Its code was not looked at, and its sender may send it again.
                if claim == Claim::New {
                    self.codes.give_back(&taken.sender.message_id);
                }
                tracing::warn!(%from, why = why.name(), "a mail is put away");
            }
            None => {}
        }
    }

    /// Waits until nobody else takes the same mail: when the mailbox gets new numbers, a mail is met
    /// again while the store does not take what is noted of it. That ends after a day.
    async fn hold(&self, message_id: &str) -> Held {
        loop {
            if let Some(held) = self.state.hold(message_id) {
                return held;
            }
            self.rt.sleep(HELD_WAIT).await;
        }
    }

    /// Asks the store. What must not wait is done after two seconds in any case, once: the code is
    /// held in memory until the store has it, and it is taken whatever the store says then.
    async fn admit(
        &self,
        place: &Place,
        taken: &Taken,
        fit: &Fit,
        claim: Claim,
    ) -> (Option<Admission>, Option<Reply>) {
        let first = Arc::new(AtomicBool::new(false));
        let ask = || {
            self.noted(|| {
                let (place, taken, fit) = (place.clone(), taken.clone(), fit.clone());
                let first = Arc::clone(&first);
                move |tx: &mut _| {
                    if first.load(Ordering::SeqCst) {
                        ledger::admit_done(tx, &place, &taken, &fit)
                    } else {
                        ledger::admit(tx, &place, &taken, &fit)
                    }
                }
            })
        };
        let mut asking = std::pin::pin!(ask());
        if let Some(admitted) = self.rt.timeout(STORE_WAIT, &mut asking).await {
            return (admitted, None);
        }
        let word = taken.order.word;
        if !word.is_urgent() || claim != Claim::New || !self.is_good(taken, fit).await {
            return (asking.await, None);
        }
        first.store(true, Ordering::SeqCst);
        let word = word.name();
        tracing::error!(word, "the store does not answer: a command by mail is done first");
        let reply = self.ask(taken).await;
        let admitted = match asking.await {
            // The store had weighed it before it was done.
            Some(Admission::Refused | Admission::Silent(_)) => ask().await,
            admitted => admitted,
        };
        (admitted, Some(reply))
    }

    /// What a code fits, and whose it is from now on.
    fn fit(&self, taken: &Taken) -> (Fit, Claim) {
        let (code, now) = (&taken.order.code, taken.at);
        let day = self.codes.matching(code, Window::Day, now);
        let window = match taken.order.word.window() {
            Window::Day => day.clone(),
            window => self.codes.matching(code, window, now),
        };
        // A code that is too old for its command is used up as well.
        let steps = if window.is_empty() { &day } else { &window };
        let claim = self.codes.claim(steps, &day, &taken.sender.message_id);
        (Fit { window, day, fresh: claim != Claim::Taken }, claim)
    }

    /// Whether a command looks as if it will be admitted, while the store is slow to say so. Where
    /// it cannot even be read, the code fits and nobody used it in this life of the program.
    async fn is_good(&self, taken: &Taken, fit: &Fit) -> bool {
        if fit.window.is_empty() || Limits::MAIL.reached(self.state.guesses(&taken.sender.address))
        {
            return false;
        }
        let (store, taken, fit) = (self.store.clone(), taken.clone(), fit.clone());
        let look = move || store.read(|tx| ledger::may_be_good(tx, &taken, &fit));
        let good = self.rt.timeout(LOOK_WAIT, self.rt.aside(look)).await.flatten();
        good.is_none_or(|good| good.unwrap_or(true))
    }

    /// Writes until the store takes it; `None` when it does not for a day.
    async fn noted<T, W>(&self, write: impl Fn() -> W) -> Option<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut WriteTx) -> Result<T, StoreError> + Send + 'static,
    {
        let (begun, mut wait) = (self.rt.now(), WRITE_FIRST);
        loop {
            match self.store.write(write()).await {
                Ok(value) => {
                    self.state.written();
                    return Some(value);
                }
                Err(error) => self.tell(&error),
            }
            if self.rt.now() - begun > limits::AGE {
                tracing::error!("what is noted of a mail is given up after a day");
                return None;
            }
            self.rt.sleep(wait).await;
            wait = (wait * 2).min(WRITE_MOST);
        }
    }

    /// Tells once that the store does not take what is noted.
    fn tell(&self, error: &StoreError) {
        tracing::error!(%error, "what is noted of a mail is not taken; it is tried again");
        if !self.state.refused(&error.to_string()) {
            return;
        }
        let text = format!(
            "the store does not take what is noted of a mail, which is tried again ({error}); HALT, \
             REDUCE and FLATTEN by mail are done all the same"
        );
        let (store, now) = (self.store.clone(), self.rt.now());
        self.rt.spawn(async move {
            let notice = Notice::MailCommands { about: "the store".to_owned(), text };
            if let Err(error) = store.write(move |tx| raise(tx, now, notice)).await {
                tracing::error!(%error, "that is not told either");
            }
        });
    }

    /// Does a command, unless the store or a crash held it up for too long.
    async fn ask_in_time(&self, taken: &Taken) -> Reply {
        if self.rt.now() - taken.at <= ledger::still_good(taken.order.word) {
            return self.ask(taken).await;
        }
        Reply::Said(say::failed(
            "The program ended, or its store hung, before this was seen to be done, and it is too \
             old to be done now. Ask for STATUS, and send it again if need be",
        ))
    }

    async fn ask(&self, taken: &Taken) -> Reply {
        let name = format!("email:{}", taken.sender.address);
        tracing::info!(by = %name, word = taken.order.word.name(), "a command by mail");
        let caller = Caller { name, role: Role::Owner };
        self.console.perform(&caller, taken.order.request.clone()).await
    }

    /// Answers a command: at once, and once more when its end comes later.
    async fn answer(self: &Arc<Self>, key: String, taken: Taken, reply: Reply) {
        let page = match reply {
            Reply::Said(page) => page,
            Reply::Refused(why) => say::failed(&why),
            Reply::Choose { question, .. } => say::failed(&question),
            Reply::Confirm(confirm) => say::failed(&confirm.question),
            Reply::Begun(page, rest) => return self.follow(key, taken, page, rest).await,
        };
        self.close(key, &taken, &page).await;
    }

    async fn follow(
        self: &Arc<Self>,
        key: String,
        taken: Taken,
        begun: Page,
        rest: BoxFuture<'static, Page>,
    ) {
        let now = self.rt.now();
        let first = Answer::page(&taken.sender, taken.order.word.name(), &begun, now);
        self.noted(|| {
            let first = first.clone();
            move |tx: &mut _| answers::keep(tx, &first)
        })
        .await;
        let clerk = Arc::clone(self);
        self.rt.spawn(async move {
            let page = clerk.rt.timeout(REST_WAIT, rest).await.unwrap_or_else(|| {
                let minutes = REST_WAIT.num_minutes();
                say::failed(&format!("It is not done after {minutes} minutes; ask for STATUS"))
            });
            clerk.close(key, &taken, &page).await;
        });
    }

    /// The last word of a command.
    async fn close(&self, key: String, taken: &Taken, page: &Page) {
        let now = self.rt.now();
        let last = Answer::page(&taken.sender, taken.order.word.name(), page, now);
        self.noted(|| {
            let (key, last) = (key.clone(), last.clone());
            move |tx: &mut _| ledger::close(tx, &key, &last)
        })
        .await;
    }

    /// Takes up what a crash left: commands whose code is spent and whose end is not known. A halt
    /// is done again whenever it was sent; what must be of the moment is not. All that is to be done
    /// is done before the store is waited for.
    pub async fn take_up(self: &Arc<Self>, left: Left) {
        let mut endings = Vec::new();
        for (key, taken) in left.commands {
            let reply = self.ask_in_time(&taken).await;
            endings.push(self.answer(key, taken, reply));
        }
        join_all(endings).await;
        for (key, error) in left.unreadable {
            let (now, error) = (self.rt.now(), error.to_string());
            tracing::error!(%error, "a command by mail that a crash left cannot be read");
            self.noted(|| {
                let (key, error) = (key.clone(), error.clone());
                move |tx: &mut _| ledger::put_away(tx, &key, &error, now)
            })
            .await;
        }
    }
}

fn say_ignored(uid: u32, why: Why) {
    match why {
        Why::NoCommand | Why::Reply | Why::Old => {
            tracing::info!(uid, why = why.name(), "a mail is no command");
        }
        _ => tracing::warn!(uid, why = why.name(), "a mail is put away"),
    }
}
