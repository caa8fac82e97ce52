//! Rows that cannot be read, a store that gives nothing, and loops that hang: told, and gone on from.

use std::{panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::{FutureExt as _, executor::block_on, future::BoxFuture};

use super::told::{Act, NOON, Phone, critical, info, play};
use crate::{
    alert::{
        Channel,
        dispatch::{
            Around, Next, Part, Voice, WAITING, Waiting, line::Line, start, waiting::waiting_key,
        },
        lifeline::Health,
        open::number_key,
        render,
        route::Rules,
    },
    clock::{Clock, Runtime, Spawn, Timestamp, VirtualWorld},
    notice::{OUTBOX, OutboxRow, raise},
    store::{Read, Store, StoreError, Table, WriteTx},
    vital::Watcher,
};

const BAD_OUTBOX: Table<u32> = Table::new(OUTBOX.name(), 1);
const SEQUENCES: Table<u64> = Table::new("sequences", 1);
const BAD_SEQUENCES: Table<String> = Table::new("sequences", 1);

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

#[test]
fn a_row_of_the_outbox_that_cannot_be_read_is_told_of_and_holds_up_no_other() {
    let store = Store::in_memory().unwrap();
    let phone = Arc::new(Phone::new("telegram"));
    play(&store, &Rules::default(), &[&phone], (0, 5), vec![(1, Act::Raise(info("a")))]);
    let raised = |tx: &mut WriteTx| {
        (0..2).try_for_each(|n| raise(tx, noon(), info(&n.to_string())))?;
        tx.put(&BAD_OUTBOX, &format!("{:020}", 2), &7)
    };
    block_on(store.write(raised)).unwrap();
    play(&store, &Rules::default(), &[&phone], (5, 60), vec![(9, Act::Raise(critical("a")))]);
    let ids: Vec<u64> = phone.took().into_iter().flat_map(|(_, ids, ..)| ids).collect();
    assert_eq!(ids, [1, 4, 3, 5], "the fourth tells that the second cannot be read");
    let fresh = Arc::new(Phone::new("email"));
    play(&store, &Rules::default(), &[&fresh], (60, 90), vec![(61, Act::Ack(None))]);
    let ids: Vec<u64> = fresh.took().into_iter().map(|(_, ids, ..)| ids[0]).collect();
    assert_eq!(ids, [5, 4, 3], "a new channel begins behind it");
}

/// Starts a voice of one phone; gives what `look` finds.
fn watched<T: 'static>(
    store: &Store,
    rt: impl FnOnce(Runtime) -> Runtime,
    phone: &Arc<Phone>,
    look: impl AsyncFnOnce(Runtime, Arc<Voice>) -> T + 'static,
) -> T {
    let mut world = VirtualWorld::new(noon());
    let whole = world.runtime();
    *phone.rt.lock().unwrap() = Some(whole.clone());
    let channels = vec![Arc::clone(phone) as Arc<dyn Channel>];
    let voice = Voice::new(Rules::default(), channels);
    start(&rt(whole.clone()), store, &voice);
    world.run(async move { look(whole, voice).await }).unwrap()
}

#[test]
fn a_router_that_cannot_write_tries_again_ever_slower_and_is_seen_and_goes_on() {
    let store = Store::in_memory().unwrap();
    // What cannot be read is to be told of, and nothing can be raised.
    let spoil = |tx: &mut WriteTx| {
        tx.put(&BAD_OUTBOX, &number_key(1), &7)?;
        tx.put(&BAD_SEQUENCES, "outbox", &"no number".to_owned())
    };
    block_on(store.write(spoil)).unwrap();
    let phone = Arc::new(Phone::new("telegram"));
    let inside = store.clone();
    let look = async move |rt: Runtime, voice: Arc<Voice>| {
        rt.sleep(TimeDelta::seconds(10)).await;
        let soon = (voice.health.troubles(), voice.health.unwell());
        rt.sleep(TimeDelta::minutes(10)).await;
        let later = (voice.health.troubles(), voice.health.unwell());
        inside.write(|tx| tx.put(&SEQUENCES, "outbox", &1)).await.unwrap();
        let now = rt.now();
        inside.write(move |tx| raise(tx, now, critical("a"))).await.unwrap();
        rt.sleep(TimeDelta::seconds(31)).await;
        (soon, later, voice.health.troubles(), voice.health.unwell())
    };
    let (soon, later, mended, well) = watched(&store, |rt| rt, &phone, look);
    let wanted = |failures| {
        format!("the alerts' router: not going on after {failures} attempts: store: table")
    };
    assert!(soon.0[0].starts_with(&wanted(4)), "{soon:?}"); // at 0, 1, 3 and 7 s
    assert_eq!(soon.1, None, "a passing trouble is no reason to call somebody else");
    assert!(later.0[0].starts_with(&wanted(25)), "{later:?}"); // each half minute
    assert!(later.1.unwrap().starts_with(&wanted(25)), "the switch is not pinged any more");
    assert_eq!((mended, well), (Vec::new(), None));
    assert_eq!(phone.times().len(), 1, "it goes on where it was");
}

/// Fails so often, then panics or works.
struct Fails {
    left: u32,
    panics: bool,
}

impl Part for Fails {
    fn news(&self) -> &'static [&'static str] {
        &[]
    }
    async fn step(&mut self) -> Result<Next, StoreError> {
        if self.left > 0 {
            self.left -= 1;
            return Err(StoreError::Refused("planted".to_owned()));
        }
        assert!(!self.panics, "planted");
        Ok(Next::News)
    }
}

#[test]
fn a_part_that_failed_and_panicked_and_works_again_keeps_the_switch_from_nothing() {
    let mut world = VirtualWorld::new(noon());
    let (rt, health) = (world.runtime(), Arc::new(Health::default()));
    let around = Around {
        rt: rt.clone(),
        store: Store::in_memory().unwrap(),
        health: Arc::clone(&health),
        turns: Arc::default(),
        name: "alerts to telegram".to_owned(),
    };
    let look = async move {
        let falls = around.clone().go_on(Fails { left: 8, panics: true });
        assert!(AssertUnwindSafe(falls).catch_unwind().await.is_err());
        assert!(health.unwell().is_some());
        let works = around.go_on(Fails { left: 0, panics: false });
        assert!(rt.timeout(TimeDelta::seconds(1), works).await.is_none());
        health.unwell()
    };
    assert_eq!(world.run(look).unwrap(), None);
}

/// A clock whose timers never ring.
struct Stuck(Runtime);

impl Clock for Stuck {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
    fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl Spawn for Stuck {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
}

/// Which loops are silent for `limit` seconds, of those under watch for so many minutes.
async fn silent(rt: Runtime, voice: Arc<Voice>, minutes: i64, limit: i64) -> Vec<String> {
    let mut loops: Vec<(String, Watcher)> = voice
        .loops()
        .iter()
        .map(|(name, turns)| (name.clone(), Watcher::new(Arc::clone(turns))))
        .collect();
    let every = TimeDelta::seconds(5);
    let mut found = Vec::new();
    for _ in 0..minutes * 12 {
        rt.sleep(every).await;
        for (name, watcher) in &mut loops {
            if watcher.look(every) >= TimeDelta::seconds(limit) && !found.contains(name) {
                found.push(name.clone());
            }
        }
    }
    found
}

#[test]
fn a_loop_that_is_never_woken_again_is_seen_and_a_receiver_that_is_down_is_no_hang() {
    for (stuck, wanted) in
        [(false, vec![]), (true, vec!["the alerts' router", "critical alerts to telegram"])]
    {
        let store = Store::in_memory().unwrap();
        block_on(store.write(|tx| raise(tx, noon(), critical("a")))).unwrap();
        let phone = Arc::new(Phone { down: vec![(0, 9000)], ..Phone::new("telegram") });
        let wrap = move |rt: Runtime| {
            if stuck { Runtime::new(Arc::new(Stuck(rt.clone())), Arc::new(Stuck(rt))) } else { rt }
        };
        let found =
            watched(&store, wrap, &phone, async |rt, voice| silent(rt, voice, 10, 60).await);
        assert_eq!(found, wanted);
    }
}

#[test]
fn a_receiver_that_never_answers_is_no_hang() {
    use crate::alert::{Outgoing, SendError};

    struct Silent;

    #[async_trait::async_trait]
    impl Channel for Silent {
        fn name(&self) -> &'static str {
            "telegram"
        }
        async fn send(&self, _: &Outgoing) -> Result<(), SendError> {
            std::future::pending().await
        }
    }

    let store = Store::in_memory().unwrap();
    block_on(store.write(|tx| raise(tx, noon(), critical("a")))).unwrap();
    let mut world = VirtualWorld::new(noon());
    let (rt, voice) = (world.runtime(), Voice::new(Rules::default(), vec![Arc::new(Silent)]));
    start(&rt, &store, &voice);
    // It is seen to wait, and not only by the end of each wait.
    assert_eq!(world.run(silent(rt, voice, 10, 45)).unwrap(), Vec::<String>::new());
}

/// A clock whose waits are over at once: a store that does not answer is not waited for.
struct Hasty(Runtime);

impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
    fn sleep_until(&self, _: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Spawn for Hasty {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }
}

#[test]
fn while_the_store_hangs_all_that_waits_goes_out_once_and_it_is_written_down_when_it_is_back() {
    let (dir, at) = (tempfile::tempdir().unwrap(), noon());
    let store = Store::open(&dir.path().join("x.redb"), "test").unwrap();
    let put = move |tx: &mut WriteTx| {
        (1..4).try_for_each(|n| {
            let alert = render(n, &OutboxRow { at, notice: info(&n.to_string()) });
            tx.put(&WAITING, &waiting_key("telegram", n), &Waiting::new(alert, at))
        })
    };
    block_on(store.write(put)).unwrap();
    let (entered, inside) = std::sync::mpsc::channel();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let hanging = store.clone();
    let hangs = std::thread::spawn(move || {
        block_on(hanging.write(move |_| {
            entered.send(()).unwrap();
            wait.recv().unwrap();
            Ok(())
        }))
    });
    inside.recv().unwrap();
    let world = VirtualWorld::new(at);
    let rt = Runtime::new(Arc::new(Hasty(world.runtime())), Arc::new(Hasty(world.runtime())));
    let phone = Arc::new(Phone::new("telegram"));
    *phone.rt.lock().unwrap() = Some(world.runtime());
    let voice = Voice::new(Rules::default(), vec![Arc::clone(&phone) as Arc<dyn Channel>]);
    let rest = voice.lines().remove(1);
    let mut line = Line::new(rt, store.clone(), Arc::clone(&voice.rules), rest);
    for _ in 0..6 {
        block_on(line.step()).unwrap();
    }
    let ids = || -> Vec<u64> { phone.took().into_iter().flat_map(|(_, ids, ..)| ids).collect() };
    assert_eq!(ids(), [1, 2, 3], "each once");
    go_on.send(()).unwrap();
    hangs.join().unwrap().unwrap();
    block_on(store.write(|_| Ok(()))).unwrap();
    assert_eq!(store.read(|tx| tx.list(&WAITING, "")).unwrap(), []);
    assert_eq!(block_on(line.step()).unwrap(), Next::News);
    assert_eq!(ids(), [1, 2, 3]);
}
