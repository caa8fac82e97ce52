//! Mail by mail in virtual time: what is done once, what is refused, what is counted and told.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tomking::{
    clock::{Timestamp, VirtualWorld},
    control::{
        Request,
        mail::{
            answers,
            ledger::{COMMANDS, CURSORS, Cursor},
        },
        totp::{self, Window, attempts},
    },
    store::{Read as _, Store, StoreError, Table, WriteTx},
};

use crate::house::{House, Kept, OWNER, mail, mail_from};

/// Commands as rows that need not be readable.
const ANY_COMMANDS: Table<Value> = Table::new("mail_in_commands", 1);

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
        assert!(house.take(7, &mail("a", &subject, "")).await);
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
            house.take(1, &mail("a", &subject, "")).await;
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
        house.take(1, &first).await;
        // The same mail again, under another number of the mailbox, with its code or another.
        house.take(2, &first).await;
        let other = mail("a", &format!("HALT {}", house.code(-30)), "");
        house.take(3, &other).await;
        assert_eq!((house.asked().len(), house.count("repeat")), (1, 2));
        assert_eq!(house.answers().len(), 1, "a repeat is not answered");
        // Another mail with the code.
        house.take(4, &mail("b", &format!("HALT {code}"), "")).await;
        house.take(5, &mail("c", &format!("REDUCE {code}"), "")).await;
        assert_eq!((house.asked().len(), house.count("refused_used_code")), (1, 2));
        assert!(house.answers()[1].1.contains("the code is used"), "{:?}", house.answers());
    });
}

#[test]
fn a_code_that_came_too_late_for_a_flatten_is_no_code_for_a_halt() {
    scene(|house| async move {
        let code = house.code(-3_600);
        house.take(1, &mail("a", &format!("FLATTEN {code}"), "")).await;
        house.take(2, &mail("b", &format!("HALT {code}"), "")).await;
        assert_eq!(house.asked(), []);
        assert_eq!((house.count("refused_old_code"), house.count("refused_used_code")), (1, 1));
    });
}

#[test]
fn guesses_are_few_and_then_nothing_is_heard_until_they_have_aged() {
    scene(|house| async move {
        for guess in 0..6_u32 {
            let mail = mail(&format!("g{guess}"), &format!("HALT {guess:06}"), "");
            house.take(guess, &mail).await;
        }
        assert_eq!((house.count("refused_wrong_code"), house.count("locked")), (3, 3));
        let told = house.told();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("until 2024-08-02 14:30 UTC"), "{told:?}");
        let answers = house.answers();
        assert_eq!(answers.len(), 3, "the rest is met with silence");
        assert!(answers[2].1.contains("one wrong code too many"), "{answers:?}");
        // The right code is not heard either; an hour later it is.
        house.take(8, &mail("r", &format!("HALT {}", house.code(0)), "")).await;
        assert_eq!(house.asked(), []);
        house.rt.sleep(TimeDelta::minutes(61)).await;
        house.take(9, &mail("s", &format!("HALT {}", house.code(0)), "")).await;
        assert_eq!(house.asked(), [halt()]);
    });
}

#[test]
fn a_right_code_that_was_not_heard_in_a_lock_is_good_once_the_lock_is_over() {
    scene(|house| async move {
        for guess in 0..3_u32 {
            let mail = mail(&format!("g{guess}"), &format!("HALT {guess:06}"), "");
            house.take(guess, &mail).await;
        }
        let subject = format!("HALT {}", house.code(0));
        house.take(4, &mail("a", &subject, "")).await;
        assert_eq!((house.asked(), house.count("locked")), (vec![], 1));
        house.rt.sleep(TimeDelta::minutes(61)).await;
        house.take(5, &mail("b", &subject, "")).await;
        assert_eq!((house.asked(), house.count("refused_used_code")), (vec![halt()], 0));
    });
}

#[test]
fn strangers_programs_and_unvouched_mails_get_silence_and_are_counted() {
    scene(|mut house| async move {
        let halt = format!("HALT {}", house.code(0));
        house.take(1, &mail_from("evil@example.com", "a", &halt, "")).await;
        let robot = format!("Auto-Submitted: auto-replied\r\n{}", mail("b", &halt, ""));
        house.take(2, &robot).await;
        house.rules.authserv = Some("mx.example.org".to_owned());
        for uid in 3..6 {
            house.take(uid, &mail(&format!("c{uid}"), &halt, "")).await;
        }
        assert_eq!((house.asked(), house.answers()), (vec![], vec![]));
        let counts = ["unknown_sender", "automatic", "not_authenticated"];
        assert_eq!(counts.map(|name| house.count(name)), [1, 1, 3]);
        let told = house.told();
        assert_eq!(told.len(), 1, "once a day: {told:?}");
        assert!(told[0].starts_with(&format!("{OWNER}: a mail in this name was not done")));
        house.rt.sleep(TimeDelta::hours(25)).await;
        house.take(6, &mail("d", &halt, "")).await;
        assert_eq!(house.told().len(), 2);
    });
}

#[test]
fn a_resume_is_not_offered_and_answers_are_bounded() {
    scene(|house| async move {
        for uid in 0..30 {
            let mail = mail(&format!("m{uid}"), "RESUME", "");
            house.take(uid, &mail).await;
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
        house.take_at(1, &mail("a", &format!("HALT {first}"), ""), sent).await;
        house.take_at(2, &mail("b", &format!("FLATTEN {second}"), ""), sent).await;
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
                before.take(1, &mail("a", &subject, "")).await;
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
                house.take_up().await;
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
            house.take(1, &mail("a", &subject, "")).await;
            assert_eq!(house.asked(), [halt()], "the desk has it at once");
            assert_eq!(house.rt.now() - began, TimeDelta::milliseconds(900));
            let first = house.answers();
            assert!(first[0].1.starts_with("Received."), "{first:?}");
            // Meanwhile the next mail is taken.
            house.take(2, &mail("b", &format!("REDUCE {}", house.code(-30)), "")).await;
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
        let (release, busy) = hang(&store).await;
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
        assert!(taken);
        busy.await.unwrap().unwrap();
        assert_eq!((house.asked().len(), house.answers().len()), (1, 1));
        house.take(2, &mail("b", &format!("HALT {code}"), "")).await;
        assert_eq!((house.asked().len(), house.count("refused_used_code")), (1, 1));
    });
}

#[test]
fn what_was_done_first_is_answered_and_its_code_used_although_its_sender_is_locked_by_then() {
    crate::house::on(async {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("s.redb"), "test").unwrap();
        let house = House::new(tomking::clock::Runtime::live(), store.clone());
        let (release, busy) = hang(&store).await;
        let (now, who) = (house.rt.now(), format!("email:{OWNER}"));
        let lock = move |tx: &mut WriteTx| (0..3).try_for_each(|_| attempts::failed(tx, &who, now));
        let mut locking = std::pin::pin!(store.write(lock));
        assert!(futures::poll!(&mut locking).is_pending(), "before the halt, and not taken yet");
        let code = house.code(0);
        let halt = mail("a", &format!("HALT {code}"), "");
        let taking = house.take(1, &halt);
        let freed = async {
            while house.asked().is_empty() {
                tokio::task::yield_now().await;
            }
            release.send(()).unwrap();
            locking.await.unwrap();
        };
        futures::future::join(taking, freed).await;
        busy.await.unwrap().unwrap();
        assert_eq!(house.answers(), [("Re: HALT".to_owned(), "HALTED.".to_owned())]);
        assert_eq!((house.count("accepted_halt"), house.count("locked")), (1, 0));
        let later = house.rt.now();
        let used = house.codes.matching(&code, Window::Day, later);
        assert_eq!(house.store.read(|tx| totp::unused(tx, &used)).unwrap(), None);
    });
}

/// Another write keeps the store until it is released.
pub async fn hang(
    store: &Store,
) -> (std::sync::mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), StoreError>>) {
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = futures::channel::oneshot::channel();
    let store = store.clone();
    let busy = tokio::spawn(async move {
        let hang = move |_: &mut _| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
            Ok(())
        };
        store.write(hang).await
    });
    begun.await.unwrap();
    (release, busy)
}

#[test]
fn a_command_that_a_crash_left_and_nobody_can_read_is_told_of_and_keeps_nothing_from_the_rest() {
    scene(|house| async move {
        let order =
            json!({ "word": "halt", "request": Request::Halt { reason: "left".to_owned() } });
        let sender = json!({ "address": OWNER, "message_id": "x@example.org", "references": [] });
        let rows = [
            ("00000000000000000001", json!({ "at": "of another program" })),
            ("00000000000000000002", json!({ "at": start(), "sender": sender, "order": order })),
        ];
        let write = move |tx: &mut WriteTx| {
            rows.iter().try_for_each(|(key, row)| tx.put(&ANY_COMMANDS, key, row))
        };
        house.store.write(write).await.unwrap();
        house.take_up().await;
        assert_eq!(house.asked(), [Request::Halt { reason: "left".to_owned() }]);
        assert_eq!(house.store.read(|tx| tx.list(&COMMANDS, "")).unwrap(), []);
        assert_eq!((house.answers().len(), house.count("unreadable_command")), (1, 1));
        let told = house.told();
        assert!(told[0].contains("command 00000000000000000001: one that was taken"), "{told:?}");
        assert!(told[0].contains("`mail_in_commands`"), "{told:?}");
    });
}

#[test]
fn rows_that_cannot_be_read_close_no_way() {
    scene(|house| async move {
        let write = |tx: &mut WriteTx| {
            let bad = json!({ "of": "another program" });
            tx.put(&Table::<Value>::new("mail_in_cursors", 1), "box", &bad)?;
            tx.put(&Table::<Value>::new("mail_in_seen", 1), "x", &bad)?;
            tx.put(&Table::<Value>::new("mail_in_counts", 1), "accepted_halt", &bad)?;
            tx.put(&Table::<Value>::new("mail_in_answers", 1), "x", &bad)?;
            tx.put(&Table::<Value>::new("codes_floor", 1), "floor", &bad)?;
            tx.put(&Table::<Value>::new("codes_used", 1), "000000000007", &bad)?;
            tx.put(&Table::<Value>::new("codes_wrong", 1), &format!("email:{OWNER}"), &bad)
        };
        house.store.write(write).await.unwrap();
        house.take(7, &mail("a", &format!("HALT {}", house.code(0)), "")).await;
        house.take(8, &mail("b", "HALT 000000", "")).await;
        assert_eq!(house.asked(), [halt()]);
        assert_eq!((house.count("accepted_halt"), house.count("refused_wrong_code")), (1, 1));
        let cursor = house.store.read(|tx| tx.get(&CURSORS, "box")).unwrap();
        assert_eq!(cursor, Some(Cursor { validity: 1, uid: 8 }));
        // The answers go out, and the one that cannot be read goes away.
        let post = Arc::new(Kept::default());
        let sending = answers::run(house.rt.clone(), house.store.clone(), post.clone());
        assert!(house.rt.timeout(TimeDelta::minutes(1), sending).await.is_none());
        assert_eq!(post.letters.lock().unwrap().len(), 2);
        assert_eq!(house.answers(), []);
    });
}

/// A store that takes nothing of mails: one of their tables is of another program.
async fn refuses(store: &Store) {
    let write =
        |tx: &mut WriteTx| tx.put(&Table::<Value>::new("mail_in_cursors", 9), "x", &json!(1));
    store.write(write).await.unwrap();
}

#[test]
fn what_must_not_wait_is_done_once_although_the_store_takes_nothing_and_that_is_told_once() {
    scene(|house| async move {
        refuses(&house.store).await;
        let (clerk, code) = (house.clerk(), house.code(0));
        let both = [
            ("a", "HALT", code.clone()),
            ("b", "FLATTEN", code),
            ("c", "REDUCE", house.code(-30)),
            ("d", "FLATTEN", house.code(-60)),
            ("e", "STATUS", house.code(-90)),
            ("f", "HALT", "000000".to_owned()),
        ];
        for (name, word, code) in both {
            let verdict = house.judge(&mail(name, &format!("{word} {code}"), ""));
            let (clerk, place) = (Arc::clone(&clerk), crate::house::place(1));
            house.rt.spawn(async move {
                clerk.take(place, verdict).await;
            });
            house.rt.sleep(TimeDelta::seconds(3)).await;
        }
        house.rt.sleep(TimeDelta::minutes(5)).await;
        let reason = || "no reason given".to_owned();
        let done = [
            Request::Halt { reason: reason() },
            Request::Reduce { reason: reason() },
            Request::Flatten { reason: reason() },
        ];
        assert_eq!(house.asked(), done);
        let told = house.told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("the store: the store does not take what is noted"),
            "{told:?}"
        );
        assert!(house.state.hearing().store_error.unwrap().contains("mail_in_cursors"));
    });
}

#[test]
fn while_the_store_takes_nothing_guesses_are_few_all_the_same() {
    scene(|house| async move {
        refuses(&house.store).await;
        let clerk = house.clerk();
        let guesses = ["000000", "000001", "000002"].map(str::to_owned);
        for (n, code) in guesses.into_iter().chain([house.code(0)]).enumerate() {
            let verdict = house.judge(&mail(&format!("g{n}"), &format!("HALT {code}"), ""));
            let (clerk, place) = (Arc::clone(&clerk), crate::house::place(1));
            house.rt.spawn(async move {
                clerk.take(place, verdict).await;
            });
        }
        house.rt.sleep(TimeDelta::minutes(5)).await;
        assert_eq!(house.asked(), [], "the right code came after three wrong ones");
    });
}

#[test]
fn right_codes_that_come_too_late_are_no_guesses_while_the_store_takes_nothing_either() {
    scene(|house| async move {
        refuses(&house.store).await;
        let clerk = house.clerk();
        let late = [-3_600, -7_200, -9_000].map(|offset| format!("FLATTEN {}", house.code(offset)));
        let halting = format!("HALT {}", house.code(0));
        for (n, subject) in late.into_iter().chain([halting]).enumerate() {
            let verdict = house.judge(&mail(&format!("g{n}"), &subject, ""));
            let (clerk, place) = (Arc::clone(&clerk), crate::house::place(1));
            house.rt.spawn(async move {
                clerk.take(place, verdict).await;
            });
        }
        house.rt.sleep(TimeDelta::minutes(5)).await;
        assert_eq!(house.asked(), [halt()]);
    });
}
