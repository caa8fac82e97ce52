//! Mail by mail in virtual time: what is done once, what is refused, what is counted and told.

use std::sync::Arc;

use chrono::TimeDelta;
use tomking::{
    clock::{Timestamp, VirtualWorld},
    control::{
        Request,
        mail::ledger::{COMMANDS, CURSORS, Cursor},
    },
    store::{Read as _, Store},
};

use crate::house::{House, OWNER, mail, mail_from};

fn start() -> Timestamp {
    "2024-08-02T13:30:10Z".parse().unwrap()
}

/// Plays a scene in a world of its own.
fn scene<F: Future<Output = ()> + 'static>(play: impl FnOnce(House) -> F) {
    let mut world = VirtualWorld::new(start());
    let house = House::new(world.runtime(), Store::in_memory().unwrap());
    let main = play(house);
    world.run(main).unwrap();
}

fn halt() -> Request {
    Request::Halt { reason: "no reason given".to_owned() }
}

#[test]
fn a_halt_is_done_in_the_owners_name_and_answered_with_what_was_cancelled() {
    scene(|house| async move {
        let subject = format!("HALT {}", house.code(0));
        assert!(house.take(7, &mail("a", &subject, "")).await.unwrap());
        assert_eq!(house.asked(), [halt()]);
        assert_eq!(house.answers(), [("Re: HALT".to_owned(), "HALTED.".to_owned())]);
        let answers = house.store.read(|tx| tx.list(&tomking::control::mail::answers::ANSWERS, ""));
        let (_, answer) = answers.unwrap().remove(0);
        assert!(answer.text.contains("Cancelled: zdte-20240802-1."), "{}", answer.text);
        assert!(!answer.text.contains(&house.code(0)), "a spent code is not repeated");
        assert_eq!((answer.in_reply_to.as_str(), answer.references.len()), ("a@example.org", 1));
        let cursor = house.store.read(|tx| tx.get(&CURSORS, "box")).unwrap();
        assert_eq!(cursor, Some(Cursor { validity: 1, uid: 7 }));
        assert_eq!(house.store.read(|tx| tx.list(&COMMANDS, "")).unwrap(), []);
        assert_eq!(house.count("accepted_halt"), 1);
    });
}

#[test]
fn each_command_takes_the_codes_of_its_window() {
    // Seconds from now at which the code was shown, and what comes of it.
    let cases = [
        ("HALT", -86_000, "done"),
        ("HALT", -86_500, "the code is not right."),
        ("HALT", 86_400, "the code is not right."),
        ("REDUCE", -80_000, "done"),
        ("FLATTEN", -590, "done"),
        ("FLATTEN", 590, "done"),
        ("FLATTEN", -700, "the code is older than ten minutes"),
        ("FLATTEN", 700, "the code is not right."),
        ("STATUS", -590, "done"),
        ("STATUS", -7_200, "the code is older than ten minutes"),
        ("ACK", -7_200, "the code is older than ten minutes"),
    ];
    for (word, offset, wanted) in cases {
        scene(move |house| async move {
            let subject = format!("{word} {}", house.code(offset));
            house.take(1, &mail("a", &subject, "")).await.unwrap();
            assert_eq!(house.asked().len(), usize::from(wanted == "done"), "{word} {offset}");
            let (subject, line) = house.answers().remove(0);
            assert_eq!(subject, format!("Re: {word}"));
            assert!(wanted == "done" || line.contains(wanted), "{word} {offset}: {line}");
        });
    }
}

#[test]
fn a_mail_and_a_code_are_heard_once_each() {
    scene(|house| async move {
        let code = house.code(0);
        let first = mail("a", &format!("HALT {code}"), "");
        house.take(1, &first).await.unwrap();
        // The same mail again, under another number of the mailbox, with its code or another.
        house.take(2, &first).await.unwrap();
        let other = mail("a", &format!("HALT {}", house.code(-30)), "");
        house.take(3, &other).await.unwrap();
        assert_eq!((house.asked().len(), house.count("repeat")), (1, 2));
        assert_eq!(house.answers().len(), 1, "a repeat is not answered");
        // Another mail with the code.
        house.take(4, &mail("b", &format!("HALT {code}"), "")).await.unwrap();
        house.take(5, &mail("c", &format!("REDUCE {code}"), "")).await.unwrap();
        assert_eq!((house.asked().len(), house.count("refused_used_code")), (1, 2));
        assert!(house.answers()[1].1.contains("the code is used"), "{:?}", house.answers());
    });
}

#[test]
fn a_code_that_came_too_late_for_a_flatten_is_no_code_for_a_halt() {
    scene(|house| async move {
        let code = house.code(-3_600);
        house.take(1, &mail("a", &format!("FLATTEN {code}"), "")).await.unwrap();
        house.take(2, &mail("b", &format!("HALT {code}"), "")).await.unwrap();
        assert_eq!(house.asked(), []);
        assert_eq!((house.count("refused_old_code"), house.count("refused_used_code")), (1, 1));
    });
}

#[test]
fn guesses_are_few_and_then_nothing_is_heard_until_they_have_aged() {
    scene(|house| async move {
        for guess in 0..6_u32 {
            let mail = mail(&format!("g{guess}"), &format!("HALT {guess:06}"), "");
            house.take(guess, &mail).await.unwrap();
        }
        assert_eq!((house.count("refused_wrong_code"), house.count("locked")), (3, 3));
        let told = house.told();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("until 2024-08-02 14:30 UTC"), "{told:?}");
        let answers = house.answers();
        assert_eq!(answers.len(), 3, "the rest is met with silence");
        assert!(answers[2].1.contains("one wrong code too many"), "{answers:?}");
        // The right code is not heard either; an hour later it is.
        house.take(8, &mail("r", &format!("HALT {}", house.code(0)), "")).await.unwrap();
        assert_eq!(house.asked(), []);
        house.rt.sleep(TimeDelta::minutes(61)).await;
        house.take(9, &mail("s", &format!("HALT {}", house.code(0)), "")).await.unwrap();
        assert_eq!(house.asked(), [halt()]);
    });
}

#[test]
fn strangers_programs_and_unvouched_mails_get_silence_and_are_counted() {
    scene(|mut house| async move {
        let halt = format!("HALT {}", house.code(0));
        house.take(1, &mail_from("evil@example.com", "a", &halt, "")).await.unwrap();
        let robot = format!("Auto-Submitted: auto-replied\r\n{}", mail("b", &halt, ""));
        house.take(2, &robot).await.unwrap();
        house.rules.authserv = Some("mx.example.org".to_owned());
        for uid in 3..6 {
            house.take(uid, &mail(&format!("c{uid}"), &halt, "")).await.unwrap();
        }
        assert_eq!((house.asked(), house.answers()), (vec![], vec![]));
        let counts = ["unknown_sender", "automatic", "not_authenticated"];
        assert_eq!(counts.map(|name| house.count(name)), [1, 1, 3]);
        let told = house.told();
        assert_eq!(told.len(), 1, "once a day: {told:?}");
        assert!(told[0].starts_with(&format!("{OWNER}: a mail in this name was not done")));
        house.rt.sleep(TimeDelta::hours(25)).await;
        house.take(6, &mail("d", &halt, "")).await.unwrap();
        assert_eq!(house.told().len(), 2);
    });
}

#[test]
fn a_resume_is_not_offered_and_answers_are_bounded() {
    scene(|house| async move {
        for uid in 0..30 {
            let mail = mail(&format!("m{uid}"), "RESUME", "");
            house.take(uid, &mail).await.unwrap();
        }
        assert_eq!(house.asked(), []);
        let answers = house.answers();
        assert!(answers[0].1.starts_with("RESUME was not done: RESUME is not offered by mail"));
        assert_eq!((answers.len(), house.count("unanswered")), (20, 10));
    });
}

#[test]
fn a_halt_that_waited_a_day_for_the_daemon_is_done_and_a_flatten_is_not() {
    scene(|house| async move {
        let sent = house.rt.now();
        let (first, second) = (house.code(0), house.code(-30));
        house.rt.sleep(TimeDelta::hours(23)).await;
        house.take_at(1, &mail("a", &format!("HALT {first}"), ""), sent).await.unwrap();
        house.take_at(2, &mail("b", &format!("FLATTEN {second}"), ""), sent).await.unwrap();
        assert_eq!(house.asked(), [halt()]);
    });
}

#[test]
fn what_a_crash_left_is_taken_up_a_halt_in_any_case_a_flatten_only_soon() {
    for (word, hours, done) in [("HALT", 20, 1), ("REDUCE", 20, 1), ("FLATTEN", 1, 0)] {
        let mut world = VirtualWorld::new(start());
        let store = Store::in_memory().unwrap();
        // The daemon dies while the broker hangs.
        let never = Box::new(|| {
            let never: futures::future::BoxFuture<'static, ()> = Box::pin(std::future::pending());
            never
        });
        let before = House::slow(world.runtime(), store.clone(), never);
        world
            .run(async move {
                let subject = format!("{word} {}", before.code(0));
                before.take(1, &mail("a", &subject, "")).await.unwrap();
                assert_eq!(before.answers().len(), 1, "it is under way");
            })
            .unwrap();
        let rest = store.read(|tx| tx.list(&COMMANDS, "")).unwrap();
        assert_eq!(rest.len(), 1);
        assert!(!serde_json::to_string(&rest).unwrap().contains("\"code\""), "no code is kept");
        // Another life, later.
        let mut world = VirtualWorld::new(start() + TimeDelta::hours(hours));
        let house = House::new(world.runtime(), store);
        world
            .run(async move {
                house.clerk().take_up().await.unwrap();
                assert_eq!(house.asked().len(), done, "{word}");
                assert_eq!(house.answers().len(), 2);
                assert_eq!(house.store.read(|tx| tx.list(&COMMANDS, "")).unwrap(), []);
                if done == 0 {
                    assert_eq!(house.answers()[1].1, "Not done");
                }
            })
            .unwrap();
    }
}

#[test]
fn while_the_broker_hangs_the_first_answer_says_so_and_the_second_what_came_of_it() {
    let mut world = VirtualWorld::new(start());
    let rt = world.runtime();
    let slow = Box::new(move || {
        let rt = rt.clone();
        let wait: futures::future::BoxFuture<'static, ()> =
            Box::pin(async move { rt.sleep(TimeDelta::seconds(45)).await });
        wait
    });
    let house = Arc::new(House::slow(world.runtime(), Store::in_memory().unwrap(), slow));
    world
        .run(async move {
            let began = house.rt.now();
            let subject = format!("HALT {}", house.code(0));
            house.take(1, &mail("a", &subject, "")).await.unwrap();
            assert_eq!(house.asked(), [halt()], "the desk has it at once");
            assert_eq!(house.rt.now() - began, TimeDelta::milliseconds(900));
            let first = house.answers();
            assert!(first[0].1.starts_with("Received."), "{first:?}");
            // Meanwhile the next mail is taken.
            house.take(2, &mail("b", &format!("REDUCE {}", house.code(-30)), "")).await.unwrap();
            assert_eq!(house.asked().len(), 2);
            house.rt.sleep(TimeDelta::minutes(1)).await;
            assert!(house.answers().iter().any(|(_, line)| line == "HALTED."));
        })
        .unwrap();
}

#[test]
fn a_halt_is_done_although_the_store_is_busy_and_its_code_is_spent_all_the_same() {
    crate::house::on(async {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("s.redb"), "test").unwrap();
        let house = House::new(tomking::clock::Runtime::live(), store.clone());
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let (begin, begun) = futures::channel::oneshot::channel();
        let busy = tokio::spawn(async move {
            let hang = move |_: &mut _| {
                begin.send(()).unwrap();
                wait.recv().unwrap();
                Ok(())
            };
            store.write(hang).await
        });
        begun.await.unwrap();
        let subject = format!("HALT {}", house.code(0));
        let asked = Arc::clone(&house.asked);
        let code = house.code(0);
        let halt = mail("a", &subject, "");
        let taking = house.take(1, &halt);
        let freed = async {
            while asked.seen.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            release.send(()).unwrap();
        };
        let (taken, ()) = futures::future::join(taking, freed).await;
        assert!(taken.unwrap());
        busy.await.unwrap().unwrap();
        assert_eq!((house.asked().len(), house.answers().len()), (1, 1));
        house.take(2, &mail("b", &format!("HALT {code}"), "")).await.unwrap();
        assert_eq!((house.asked().len(), house.count("refused_used_code")), (1, 1));
    });
}
