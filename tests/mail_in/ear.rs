//! The ear on a sound server: told by IDLE, by the poll, over every kind of connection.

use std::sync::Arc;

use chrono::TimeDelta;
use tempfile::TempDir;
use tomking::{
    clock::Runtime,
    config::voice::{InboxSettings, MailServer, SecretSource, Security},
    control::{
        Request,
        mail::{
            ear::Ear,
            ledger::{CURSORS, Cursor},
            net::Door,
        },
    },
    store::{Read as _, Store},
};

use crate::{
    house::{House, OWNER, mail, on},
    server::{PASSWORD, Plan, Server, Tls, USER},
};

/// Something happens within so many looks, of 5 ms each.
const LOOKS: usize = 4_000;

/// A server, a house, and an ear that listens.
pub struct Scene {
    pub server: Server,
    pub house: Arc<House>,
    settings: InboxSettings,
    _place: TempDir,
}

impl Scene {
    pub async fn new(plan: Plan) -> Self {
        Self::on(plan, Store::in_memory().unwrap()).await
    }

    /// A scene on a store.
    pub async fn on(plan: Plan, store: Store) -> Self {
        let tls = plan.tls;
        let server = Server::start(plan).await;
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let settings = InboxSettings {
            server: MailServer {
                host: "localhost".to_owned(),
                port: Some(server.port),
                security: match tls {
                    Tls::None => Security::None,
                    Tls::Implicit | Tls::Unknown => Security::Tls,
                    Tls::Starttls | Tls::Stripped => Security::Starttls,
                },
                username: Some(USER.to_owned()),
                password: Some(SecretSource::File(file("password", PASSWORD))),
                ca_file: Some(file("authority.pem", &server.authority)),
            },
            mailbox: "INBOX".to_owned(),
            senders: vec![OWNER.to_owned()],
            trusted_authserv: None,
            poll_seconds: 60,
        };
        let house = Arc::new(House::new(Runtime::live(), store));
        Self { server, house, settings, _place: place }
    }

    /// The way to the server.
    pub fn door(&self) -> Door {
        Door::of(&self.settings).unwrap().within(TimeDelta::milliseconds(1_500))
    }

    /// Listens, looking at the mailbox each so many milliseconds.
    pub fn listen(&self, poll: i64) {
        let (poll, wait) = (TimeDelta::milliseconds(poll), TimeDelta::milliseconds(20));
        let ear = Ear::new(self.door(), poll, wait, self.house.clerk());
        tokio::spawn(ear.listen());
    }

    /// A scene in which the ear listens to a server with a long poll.
    pub async fn told(plan: Plan) -> Self {
        let scene = Self::new(plan).await;
        scene.listen(3_600_000);
        scene
    }

    pub fn halt(&self, name: &str, offset: i64) {
        let subject = format!("HALT {}", self.house.code(offset));
        self.server.deliver(&mail(name, &subject, ""));
    }

    /// Waits for something that must come.
    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        for _ in 0..LOOKS {
            if holds(self) {
                return;
            }
            Runtime::live().sleep(TimeDelta::milliseconds(5)).await;
        }
        panic!("not seen: {what}; the server heard {:?}", self.server.lines());
    }

    pub async fn halted(&self, times: usize) {
        self.until("a halt", |scene| scene.house.asked().len() >= times).await;
        assert!(matches!(self.house.asked()[0], Request::Halt { .. }));
        assert_eq!(self.house.asked().len(), times);
    }
}

#[test]
fn a_mail_is_heard_at_once_by_every_kind_of_connection() {
    for tls in [Tls::None, Tls::Implicit, Tls::Starttls] {
        on(async {
            let scene = Scene::told(Plan { tls, ..Plan::default() }).await;
            scene.halt("a", 0);
            scene.halted(1).await;
            scene.until("the mark", |scene| scene.server.mails()[0].seen).await;
            let key = format!("{USER}@localhost/INBOX");
            let cursor = scene.house.store.read(|tx| tx.get(&CURSORS, &key)).unwrap();
            assert_eq!(cursor, Some(Cursor { validity: 1, uid: 1 }));
            // And the next one, on the same connection.
            scene.halt("b", 60);
            scene.halted(2).await;
            assert_eq!(scene.server.connections(), 1, "{tls:?}");
        });
    }
}

#[test]
fn where_idle_is_missing_or_silent_the_poll_finds_the_mail() {
    for (idle, pushes) in [(false, false), (true, false)] {
        on(async {
            let scene = Scene::new(Plan { idle, pushes, ..Plan::default() }).await;
            scene.listen(30);
            scene.until("a wait", |scene| scene.server.lines().len() > 8).await;
            scene.halt("a", 0);
            scene.halted(1).await;
            assert_eq!(scene.server.connections(), 1);
        });
    }
}

#[test]
fn a_mail_that_is_too_large_is_never_fetched_and_an_ordinary_one_never_marked() {
    on(async {
        let scene = Scene::new(Plan::default()).await;
        let now = Runtime::live().now();
        let subject = format!("HALT {}", scene.house.code(0));
        scene.server.deliver_as(&mail("big", &subject, ""), 10 * 1024 * 1024, now);
        scene.server.deliver_as(&mail("old", &subject, ""), 300, now - TimeDelta::hours(26));
        scene.server.deliver(&mail("chat", "Lunch on Friday", ""));
        scene.halt("a", -30);
        scene.listen(3_600_000);
        scene.halted(1).await;
        let fetched = |uid: u32| {
            let line = format!("UID FETCH {uid} (UID BODY.PEEK[]<0.65536>)");
            scene.server.lines().iter().filter(|said| **said == line).count()
        };
        assert_eq!([1, 2, 3, 4].map(fetched), [0, 1, 1, 1]);
        scene.until("the mark", |scene| scene.server.mails()[3].seen).await;
        let seen: Vec<bool> = scene.server.mails().iter().map(|mail| mail.seen).collect();
        assert_eq!(seen, [false, false, false, true]);
        assert_eq!(["large", "old", "no_command"].map(|n| scene.house.count(n)), [1, 1, 1]);
    });
}

#[test]
fn new_numbers_of_the_mailbox_do_nothing_twice() {
    on(async {
        let scene = Scene::new(Plan {
            script: vec![Some(crate::server::Act::DropAtIdle)],
            ..Plan::default()
        })
        .await;
        scene.halt("a", 0);
        scene.server.renumber();
        scene.listen(3_600_000);
        scene.halted(1).await;
        scene.server.renumber();
        scene.until("a new connection", |scene| scene.server.connections() > 1).await;
        scene.halt("b", 60);
        scene.halted(2).await;
    });
}

#[test]
fn no_mail_waits_for_the_store_behind_another_and_what_must_not_wait_is_done() {
    on(async {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("s.redb"), "test").unwrap();
        let scene = Scene::on(Plan::default(), store.clone()).await;
        scene.listen(3_600_000);
        scene.until("a look", |scene| scene.house.state.hearing().looked_at.is_some()).await;
        let (release, busy) = crate::clerk::hang(&store).await;
        let code = |offset| scene.house.code(offset);
        let (halt, again) = (code(-30), code(-30));
        for (name, subject) in [
            ("a", format!("STATUS {}", code(0))),
            ("b", "Lunch on Friday".to_owned()),
            ("c", format!("HALT {halt}")),
            ("d", format!("REDUCE {}", code(-60))),
            ("e", format!("FLATTEN {}", code(-90))),
            ("f", format!("FLATTEN {again}")),
        ] {
            scene.server.deliver(&mail(name, &subject, ""));
        }
        scene.until("all three", |scene| scene.house.asked().len() == 3).await;
        scene.until("all six", |scene| scene.house.state.hearing().unwritten == 6).await;
        let words = |scene: &Scene| -> Vec<String> {
            let asked = scene.house.asked();
            asked.iter().map(|asked| format!("{asked:?}")[..4].to_owned()).collect()
        };
        assert_eq!(words(&scene), ["Halt", "Redu", "Flat"]);
        assert_eq!(scene.house.answers(), []);
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        scene.until("the rest", |scene| scene.house.state.hearing().unwritten == 0).await;
        assert_eq!(words(&scene), ["Halt", "Redu", "Flat", "Stat"]);
        assert_eq!((scene.house.answers().len(), scene.house.count("refused_used_code")), (5, 1));
        scene.halt("g", 60); // later than all of before, however long that took
        scene.until("the last", |scene| scene.house.asked().len() == 5).await;
        let key = format!("{USER}@localhost/INBOX");
        scene
            .until("the cursor", |scene| {
                let cursor = scene.house.store.read(|tx| tx.get(&CURSORS, &key)).unwrap();
                cursor == Some(Cursor { validity: 1, uid: 7 })
            })
            .await;
        assert_eq!(scene.house.count("repeat"), 0, "each was looked at once");
    });
}
