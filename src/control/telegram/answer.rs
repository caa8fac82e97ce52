//! A line to its answer.

use std::{sync::Arc, sync::atomic::Ordering};

use chrono::TimeDelta;
use futures::channel::oneshot;
use teloxide::types::InlineKeyboardMarkup;

use super::{
    Ear, Question, buttons,
    gate::{Sort, Speaker, is_code, sort},
    mouth::Saying,
    page,
    poll::{Task, Work},
};
use crate::{
    alert::telegram::{
        markup::{self, TEXT_MAX, bold, escape, pre},
        send::Piece,
    },
    clock::{Runtime, Timestamp},
    control::{
        console::{Confirm, Reply},
        table::Role,
    },
    report::{chart, page::Page},
};

/// A halt asks so long whether it was done already.
const HALT_LOOK: TimeDelta = TimeDelta::milliseconds(100);
/// The store is waited for so long before something is not done.
const STORE_WAIT: TimeDelta = TimeDelta::milliseconds(900);

/// The width of pictures: sharp on a phone, small on the way there.
const WIDTH_PX: u32 = 1000;

/// A line that is to be done.
pub(super) struct Line<'a> {
    /// The update it came by.
    pub id: i64,
    /// Who asks.
    pub speaker: &'a Speaker,
    /// What.
    pub text: &'a str,
    /// When it was written.
    pub sent: Timestamp,
    /// Its answer stands in place of this message.
    pub instead: Option<i32>,
}

impl Ear {
    /// Does what an update asks for.
    pub(super) async fn handle(self: &Arc<Self>, id: i64, work: Work) {
        let speaker = &work.speaker;
        match work.what {
            Task::Line(text, sent) => {
                self.counts.heard.fetch_add(1, Ordering::Relaxed);
                self.line(Line { id, speaker, text: &text, sent, instead: None }).await;
            }
            Task::Ids => self.ids(speaker).await,
            Task::Press(press) => self.press(id, speaker, press).await,
        }
    }

    /// Does a line once, however often it is given, and not when it comes too late.
    pub(super) async fn line(self: &Arc<Self>, line: Line<'_>) {
        let Line { id, speaker, text, sent, .. } = line;
        let sort = sort(text);
        if is_code(text) && !self.questions().contains_key(&speaker.user) && speaker.place.chat < 0
        {
            return; // a number somebody wrote to somebody else
        }
        if sort == Sort::Write && self.late(sent) {
            self.counts.late.fetch_add(1, Ordering::Relaxed);
            return self.say(&line, vec![Piece::Text(self.too_late(text, sent), None)]);
        }
        let acts = sort != Sort::Read && speaker.caller.role == Role::Owner;
        if acts && let Err(why) = self.take_up(id, sort).await {
            if let Some(why) = why {
                self.say(&line, vec![Piece::Text(escape(&why), None)]);
            }
            return;
        }
        let reply = if is_code(text) {
            self.console.confirm(&speaker.caller, text).await
        } else {
            self.console.ask(&speaker.caller, if starts(text) { "/help" } else { text }).await
        };
        if is_code(text) && !matches!(reply, Reply::Refused(_)) {
            self.question_over(speaker.user, "Confirmed.");
        }
        self.show(&line, reply).await;
        if acts {
            let done = self.marks.put(id, self.rt.now(), true);
            if !matches!(self.rt.timeout(STORE_WAIT, done).await, Some(Ok(()))) {
                tracing::warn!(update = id, "it is done, but the store did not take a note of it");
            }
        }
    }

    /// Notes that an update which acts is taken up. The error is why it is not done, in words where
    /// something is to be said.
    async fn take_up(&self, id: i64, sort: Sort) -> Result<(), Option<String>> {
        if sort == Sort::Halt {
            // Whatever the store says or does not say; only one that is done already is let go by.
            let (marks, now) = (self.marks.clone(), self.rt.now());
            let known = self.rt.aside(move || marks.of(id, now));
            let known = self.rt.timeout(HALT_LOOK, known).await.flatten();
            let done = matches!(known, Some(Ok(Some(mark))) if mark.done);
            return if done { Err(None) } else { Ok(()) };
        }
        match self.marks.of(id, self.rt.now()) {
            Ok(None) => {}
            Ok(Some(mark)) => {
                self.counts.repeated.fetch_add(1, Ordering::Relaxed);
                let why = "It was taken up before a restart and is not done a second time; /status \
                           shows whether it was done";
                return Err((!mark.done).then(|| why.to_owned()));
            }
            Err(error) => return Err(Some(format!("Not done, the store cannot be read: {error}"))),
        }
        let noted = self.marks.put(id, self.rt.now(), false);
        match self.rt.timeout(STORE_WAIT, noted).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(Some(format!("Not done, the store does not take it: {error}"))),
            None => {
                Err(Some("Not done, the store does not answer; /halt works all the same".into()))
            }
        }
    }

    fn too_late(&self, text: &str, sent: Timestamp) -> String {
        let age = (self.rt.now() - sent).num_minutes();
        let name = text.split_whitespace().next().unwrap_or_default();
        let bound = self.figures.late.num_minutes();
        let why = format!(
            "Not done: {name} was written {age} min ago, more than {bound} min. Write it again if it \
             still holds."
        );
        escape(&why)
    }

    /// Puts a reply into the chat.
    pub(super) async fn show(self: &Arc<Self>, line: &Line<'_>, reply: Reply) {
        match reply {
            Reply::Said(page) => {
                let mut pieces = drawn(&self.rt, page).await;
                // A page that only looks can be looked at again.
                if sort(line.text) == Sort::Read && !starts(line.text) {
                    let refresh = self.buttons().refresh(line.text);
                    under(&mut pieces, refresh);
                }
                self.say(line, pieces);
            }
            Reply::Begun(page, rest) => {
                self.say(line, drawn(&self.rt, page).await);
                let (me, place) = (Arc::clone(self), line.speaker.place);
                self.rt.spawn(async move {
                    let pieces = drawn(&me.rt, rest.await).await;
                    me.mouth.say(Saying { place, pieces, instead: None, told: None });
                });
            }
            Reply::Choose { question, choices } => {
                let markup = (!choices.is_empty()).then(|| self.buttons().choices(&choices));
                self.say(line, vec![Piece::Text(escape(&question), markup)]);
            }
            Reply::Confirm(confirm) => self.question(line, confirm),
            Reply::Refused(why) => {
                let texts = markup::split(&escape(&why), TEXT_MAX);
                self.say(line, texts.into_iter().map(|text| Piece::Text(text, None)).collect());
            }
        }
    }

    fn say(&self, line: &Line<'_>, pieces: Vec<Piece>) {
        let place = line.speaker.place;
        self.mouth.say(Saying { place, pieces, instead: line.instead, told: None });
    }

    /// Asks, and takes the question back when nobody says yes in time.
    fn question(self: &Arc<Self>, line: &Line<'_>, confirm: Confirm) {
        let Confirm { question, code, until, totp } = confirm;
        let (user, place) = (line.speaker.user, line.speaker.place);
        let how = if totp {
            "Send the six digits of your authenticator within 60 s."
        } else {
            "It waits 60 s for an answer."
        };
        let text = format!("{}\n{how}", bold(&question));
        // A code may come again; with the instant its question ends at it does not.
        let name = format!("{code}.{}", until.timestamp_micros());
        let markup = buttons::confirm(user, &name, totp);
        let asked = Question { name: name.clone(), code, place, message: line.instead };
        let before = self.questions().insert(user, asked);
        self.take_back(before.as_ref(), "Not done: asked anew.");
        let (told, message) = oneshot::channel();
        let pieces = vec![Piece::Text(text, Some(markup))];
        self.mouth.say(Saying { place, pieces, instead: line.instead, told: Some(told) });
        let me = Arc::clone(self);
        self.rt.spawn(async move {
            let wait = until - me.rt.now();
            if let Some(Ok(message)) = me.rt.timeout(wait, message).await
                && let Some(asked) = me.questions().get_mut(&user).filter(|q| q.name == name)
            {
                asked.message = Some(message);
            }
            me.rt.sleep_until(until).await;
            let mut questions = me.questions();
            let over = questions.get(&user).is_some_and(|question| question.name == name);
            let over = if over { questions.remove(&user) } else { None };
            drop(questions);
            me.take_back(over.as_ref(), "Not done: nobody said yes within 60 s.");
        });
    }

    /// A question is answered; what stands there says how.
    pub(super) fn question_over(&self, user: u64, how: &str) {
        let question = self.questions().remove(&user);
        self.take_back(question.as_ref(), how);
    }

    fn take_back(&self, question: Option<&Question>, how: &str) {
        let Some(&Question { place, message: Some(message), .. }) = question else { return };
        let pieces = vec![Piece::Text(escape(how), None)];
        self.mouth.say(Saying { place, pieces, instead: Some(message), told: None });
    }

    /// Tells the ids that the settings ask for.
    async fn ids(&self, speaker: &Speaker) {
        let topic = speaker.place.topic.map(|topic| format!("\ntopic {topic}")).unwrap_or_default();
        let text = pre(&format!("user {}\nchat {}{topic}", speaker.user, speaker.place.chat));
        if let Err(fault) = self.api.send(speaker.place, &Piece::Text(text, None), false).await {
            tracing::warn!(chat = speaker.place.chat, "the ids cannot be told there: {fault}");
        }
    }
}

/// What Telegram's own start button sends.
fn starts(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(|first| first.split('@').next() == Some("/start"))
}

/// A page as messages; its pictures are drawn beside the threads that carry the desk.
async fn drawn(rt: &Runtime, page: Page) -> Vec<Piece> {
    if !page::has_pictures(&page) {
        return page::pieces(&page, draw);
    }
    let text = Piece::Text(page.phone(), None);
    rt.aside(move || page::pieces(&page, draw)).await.unwrap_or_else(|| {
        tracing::warn!("pictures are left out: drawing them failed");
        vec![text]
    })
}

fn draw(picture: &crate::report::page::Picture) -> Result<Vec<u8>, String> {
    chart::png(&picture.svg, WIDTH_PX)
}

/// Puts buttons under the last text.
fn under(pieces: &mut [Piece], buttons: InlineKeyboardMarkup) {
    let texts = pieces.iter_mut().rev().find_map(|piece| match piece {
        Piece::Text(_, under) => Some(under),
        Piece::Photo { .. } => None,
    });
    if let Some(under) = texts {
        *under = Some(buttons);
    }
}
