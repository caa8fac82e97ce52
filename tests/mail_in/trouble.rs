//! The ear on servers that fail: it begins again, within bounds, and takes no word for another.

use tomking::{
    clock::Runtime,
    control::mail::ledger::CURSORS,
    store::{Read as _, Store, Table, WriteTx},
};

use crate::{
    ear::Scene,
    house::{mail, on},
    server::{Act, Plan, Tls, USER},
};

#[test]
fn a_connection_that_ends_or_hangs_or_floods_is_begun_again_and_the_mail_found() {
    for act in [Act::DropAtIdle, Act::HangAtSearch, Act::FloodAtSearch] {
        on(async {
            let script = vec![Some(act), Some(act)];
            let scene = Scene::told(Plan { script, ..Plan::default() }).await;
            scene.until("a connection", |scene| scene.server.connections() > 0).await;
            scene.halt("a", 0);
            scene.halted(1).await;
            assert!(scene.server.connections() <= 3, "{act:?}");
        });
    }
}

#[test]
fn a_search_that_is_refused_is_no_empty_mailbox_it_is_asked_again_and_at_last_elsewhere() {
    let refuses = Act::RefuseSearches;
    for (act, searches, connections) in
        [(Act::RefuseSearch, 2, 1), (refuses("NO"), 4, 2), (refuses("BAD"), 4, 2)]
    {
        on(async {
            let plan = Plan { script: vec![Some(act)], ..Plan::default() };
            let scene = Scene::new(plan).await;
            scene.halt("a", 0);
            scene.listen(3_600_000);
            scene.halted(1).await;
            let said = scene.server.lines();
            let asked = said.iter().filter(|line| line.starts_with("UID SEARCH")).count();
            assert_eq!((asked, scene.server.connections()), (searches, connections), "{act:?}");
            scene.until("a look", |scene| scene.house.state.hearing().looked_at.is_some()).await;
            let hearing = scene.house.state.hearing();
            assert_eq!(hearing.failing_since, None);
            let why = hearing.last_error.unwrap();
            let wanted = "looking for new mail: the server refuses: ";
            assert!(why.starts_with(wanted) && why.ends_with("the index of [hidden]"), "{why}");
        });
    }
}

#[test]
fn a_halt_that_the_server_does_not_give_keeps_nothing_waiting_is_told_of_and_done_once_it_is_given()
{
    for act in [Act::Garbage, Act::RefuseFetch] {
        on(async {
            let scene = Scene::new(Plan { script: vec![Some(act); 5], ..Plan::default() }).await;
            scene.halt("a", 0);
            scene.halt("b", -30);
            scene.listen(3_600_000);
            scene.until("a halt", |scene| !scene.house.asked().is_empty()).await;
            assert_eq!(scene.server.connections(), 2, "{act:?}: the one behind it, at once");
            scene.halted(2).await;
            assert_eq!((scene.server.connections(), scene.house.count("unreadable")), (6, 0));
            let told = scene.house.told();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with("the mailbox: the server does not give mail 1 of"));
            scene
                .until("the cursor", |scene| {
                    let key = format!("{USER}@localhost/INBOX");
                    let cursor = scene.house.store.read(|tx| tx.get(&CURSORS, &key)).unwrap();
                    cursor.is_some_and(|cursor| cursor.uid == 2)
                })
                .await;
        });
    }
}

#[test]
fn a_mailbox_that_drops_each_connection_is_looked_at_as_often_as_its_poll_says() {
    on(async {
        // Unbounded, the twelve waits would double from 20 ms to 80 s in all.
        let script = vec![Some(Act::DropAtIdle); 12];
        let scene = Scene::new(Plan { script, ..Plan::default() }).await;
        scene.listen(40);
        scene.until("a sound connection", |scene| scene.server.connections() > 12).await;
        scene.halt("a", 0);
        scene.halted(1).await;
    });
}

#[test]
fn no_password_is_said_where_the_server_cannot_be_trusted() {
    for tls in [Tls::Stripped, Tls::Unknown] {
        on(async {
            let scene = Scene::told(Plan { tls, ..Plan::default() }).await;
            scene.until("three attempts", |scene| scene.server.connections() >= 3).await;
            let said = scene.server.lines();
            assert!(said.iter().all(|line| line == "STARTTLS"), "{tls:?}: {said:?}");
        });
    }
}

#[test]
fn a_server_that_repeats_the_password_does_not_bring_it_into_an_error() {
    on(async {
        let script = vec![Some(Act::EchoAtLogin)];
        let scene = Scene::new(Plan { script, ..Plan::default() }).await;
        let error = scene.door().enter(&Runtime::live()).await.unwrap_err();
        let hidden = "signing in: no response: code: None, info: Some(\"[hidden] of LOGIN \\\"";
        assert!(error.starts_with(hidden), "{error}");
        for part in ["correct", "horse", "Ym90QGV4"] {
            assert!(!error.contains(part), "{error}");
        }
    });
}

#[test]
fn a_store_that_fails_for_good_does_not_end_the_ear() {
    on(async {
        let place = tempfile::tempdir().unwrap();
        let store = Store::open(&place.path().join("s.redb"), "test").unwrap();
        let scene =
            Scene::on(Plan { script: vec![Some(Act::DropAtIdle)], ..Plan::default() }, store);
        let scene = scene.await;
        let write = |tx: &mut WriteTx| tx.put(&Table::<u8>::new("mail_in_cursors", 9), "x", &1);
        scene.house.store.write(write).await.unwrap();
        scene.listen(30);
        scene.until("an attempt", |scene| scene.house.state.hearing().last_error.is_some()).await;
        let why = scene.house.state.hearing().last_error.unwrap();
        assert!(why.contains("mail_in_cursors"), "{why}");
        // It is looked at again and again, never given up.
        scene.until("more", |scene| scene.server.connections() > 3).await;
    });
}

#[test]
fn a_panic_of_what_does_commands_is_an_answer_and_not_the_ears_end() {
    on(async {
        let before: crate::house::Before = Box::new(|| panic!("planted"));
        let house = crate::house::House::slow(Runtime::live(), Store::in_memory().unwrap(), before);
        let subject = format!("HALT {}", house.code(0));
        house.take(1, &mail("b", &subject, "")).await;
        assert_eq!(house.answers()[0].1, "Not done");
    });
}
