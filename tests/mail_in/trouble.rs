//! The ear on servers that fail: it begins again, within bounds, and takes no word for another.

use tomking::clock::Runtime;

use crate::{
    ear::Scene,
    house::{mail, on},
    server::{Act, Plan, Tls},
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
fn a_mail_that_cannot_be_fetched_is_passed_over_after_three_tries() {
    on(async {
        let scene = Scene::new(Plan { script: vec![Some(Act::Garbage); 10], ..Plan::default() });
        let scene = scene.await;
        scene.server.deliver(&mail("bad", "x", ""));
        scene.halt("a", 0);
        scene.listen(3_600_000);
        scene.halted(1).await;
        assert_eq!((scene.server.connections(), scene.house.count("unreadable")), (4, 1));
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
fn a_store_that_fails_ends_the_ear_and_nothing_else() {
    on(async {
        let scene = Scene::told(Plan::default()).await;
        scene.halt("a", 0);
        scene.halted(1).await;
        // A panic of the handler is the caller's answer, not the ear's end.
        let before: crate::house::Before = Box::new(|| panic!("planted"));
        let house = crate::house::House::slow(
            Runtime::live(),
            tomking::store::Store::in_memory().unwrap(),
            before,
        );
        let subject = format!("HALT {}", house.code(0));
        house.take(1, &mail("b", &subject, "")).await.unwrap();
        assert_eq!(house.answers()[0].1, "Not done");
    });
}
