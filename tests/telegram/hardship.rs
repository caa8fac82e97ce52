//! What goes wrong: outages, a second instance, a wrong token, a restart in the middle, a panic.

use std::sync::{Arc, atomic::Ordering};

use serde_json::json;
use tomking::{
    notice::{Notice, OUTBOX},
    store::{Read as _, Store},
};

use crate::{
    house::{Desk, GROUP, House, OWNER, PARTNER, VIEWER, figures, listen, settings},
    server::{BotApi, Failure},
};

/// The notices raised so far.
fn notices(store: &Store) -> Vec<Notice> {
    let rows = store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
    rows.into_iter().map(|(_, row)| row.notice).collect()
}

#[tokio::test]
async fn polls_go_on_after_everything_a_server_can_answer() {
    let house = House::new().await;
    for failure in [
        Failure::Status(502),
        Failure::Status(404),
        Failure::Garbage,
        Failure::Flood(1),
        Failure::Refused(400, "Bad Request: odd"),
        Failure::Refused(500, "Internal Server Error"),
    ] {
        house.api.fail("getupdates", failure);
    }
    house.api.write(OWNER, 11, "/halt", 0);
    house.api.nth(11, 1).await;
    assert_eq!(house.desk.writes(), ["halt"]);
}

#[tokio::test]
async fn answers_keep_their_order_through_an_outage_and_none_is_lost() {
    let house = House::new().await;
    for _ in 0..6 {
        house.api.fail("sendmessage", Failure::Status(502));
    }
    house.api.fail("sendmessage", Failure::Flood(1));
    for line in ["/halt", "/report", "/reduce"] {
        house.api.write(OWNER, 11, line, 0);
    }
    house.api.nth(11, 3).await;
    let firsts: Vec<String> =
        house.api.texts(11).iter().map(|text| text.lines().next().unwrap().to_owned()).collect();
    assert_eq!(firsts, ["HALTED.", "There is no daily report yet", "REDUCING."]);
}

#[tokio::test]
async fn a_message_telegram_cannot_parse_comes_without_its_markup() {
    let house = House::new().await;
    house.api.fail("sendmessage", Failure::Refused(400, "Bad Request: can't parse entities: x"));
    house.api.write(OWNER, 11, "/halt", 0);
    assert!(house.api.nth(11, 1).await.text.starts_with("HALTED."));
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let house = House::new().await;
    house.desk.panic_once();
    house.api.write(OWNER, 11, "/report", 0);
    assert_eq!(house.api.nth(11, 1).await.text, "the answer was not made");
    house.api.write(OWNER, 11, "/halt", 0);
    assert!(house.api.nth(11, 2).await.text.starts_with("HALTED."));
}

#[tokio::test]
async fn a_second_instance_is_told_once_and_once_more_when_it_is_gone() {
    let house = House::new().await;
    for _ in 0..4 {
        house.api.fail("getupdates", Failure::Conflict);
    }
    house.api.other_instance();
    let deaf = |notice: &Notice| matches!(notice, Notice::EarDeaf { .. });
    house.api.until("it is told", |_| notices(&house.store).iter().any(deaf)).await;
    // A poll that is answered after the bound of quiet: it is over.
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    house.api.write(OWNER, 11, "/report", 0);
    let back = |notice: &Notice| matches!(notice, Notice::EarBack { .. });
    house.api.until("its end is told", |_| notices(&house.store).iter().any(back)).await;
    let told = notices(&house.store);
    assert_eq!(told.len(), 2, "{told:?}");
    let Notice::EarDeaf { ear, reason, .. } = &told[0] else { panic!("{told:?}") };
    assert_eq!(ear, "telegram");
    assert!(reason.starts_with("another instance asks for updates with the same token"));
}

#[tokio::test]
async fn a_webhook_on_the_token_is_taken_away() {
    let api = BotApi::start(&[11, 22, GROUP]).await;
    api.set_webhook();
    api.write(OWNER, 11, "/halt", 0);
    let (desk, store) = (Arc::new(Desk::default()), Store::in_memory().unwrap());
    let _ear = listen(&api, &desk, &store, settings(None), None, figures());
    api.nth(11, 1).await;
    assert_eq!(desk.writes(), ["halt"]);
}

#[tokio::test]
async fn a_wrong_token_is_told_at_once_and_never_shown() {
    let house = House::new().await;
    house.api.fail("getupdates", Failure::Unauthorized);
    house.api.other_instance(); // ends the poll under way
    house.api.until("it is told", |_| !notices(&house.store).is_empty()).await;
    let told = format!("{:?}", notices(&house.store));
    assert!(!told.contains("AAE-test_TOKEN"), "{told}");
}

#[tokio::test]
async fn a_restart_in_the_middle_hears_the_halt_again() {
    let api = BotApi::start(&[11, 22, GROUP]).await;
    let (desk, store) = (Arc::new(Desk::default()), Store::in_memory().unwrap());
    let halt = api.write(OWNER, 11, "/halt", 0);
    // A life that takes the update and ends before anything comes of it.
    let stub =
        tomking::alert::telegram::api::Api::new(crate::server::TOKEN, Some(&api.url)).unwrap();
    let poll = teloxide::payloads::GetUpdates::new();
    assert_eq!(stub.call(&poll).await.unwrap().as_array().unwrap().len(), 1);
    assert_eq!(api.unconfirmed(), [halt]);
    // The next one.
    let _ear = listen(&api, &desk, &store, settings(None), None, figures());
    api.nth(11, 1).await;
    assert_eq!(desk.writes(), ["halt"]);
}

#[tokio::test]
async fn what_was_done_before_a_restart_is_not_done_again() {
    let api = BotApi::start(&[11, 22, GROUP]).await;
    let (desk, store) = (Arc::new(Desk::default()), Store::in_memory().unwrap());
    let first = runtime_of_its_own(&api, &desk, &store);
    api.write(OWNER, 11, "/run zdte-entry", 0);
    api.write(OWNER, 11, "/halt", 0);
    api.nth(11, 2).await;
    let done = |_: &BotApi| {
        let marks = store.read(|tx| tx.list(&tomking::control::telegram::UPDATES, "")).unwrap();
        marks.len() == 2 && marks.iter().all(|(_, mark)| mark.done)
    };
    api.until("both are noted as done", done).await;
    first.shutdown_background();
    api.give_again();
    let second = listen(&api, &desk, &store, settings(None), None, figures());
    api.write(OWNER, 11, "/report", 0);
    api.nth(11, 3).await;
    assert_eq!(desk.writes().iter().filter(|name| *name == "job_run").count(), 1);
    assert_eq!(desk.writes().iter().filter(|name| *name == "halt").count(), 1);
    assert_eq!(second.counts.repeated.load(Ordering::Relaxed), 1);
}

/// An ear on a runtime of its own, so that it can be ended as a process is.
fn runtime_of_its_own(api: &BotApi, desk: &Arc<Desk>, store: &Store) -> tokio::runtime::Runtime {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.unwrap();
    let entered = runtime.enter();
    let _ear = listen(api, desk, store, settings(None), None, figures());
    drop(entered);
    runtime
}

#[tokio::test]
async fn a_button_that_no_longer_fits_gets_a_word_all_the_same() {
    let house = House::new().await;
    let keyboard = json!({"inline_keyboard": [[{"text": "Old", "callback_data": "k:99"}]]});
    house.api.plant(&json!({"chat_id": 11, "text": "x", "reply_markup": keyboard}));
    let old = house.api.nth(11, 1).await;
    let query = house.api.press(OWNER, &old, "Old");
    house.api.until("a word", |api| api.word(&query).is_some()).await;
    assert_eq!(house.api.word(&query).unwrap(), "This button has expired; ask again");
}

#[tokio::test]
async fn a_yes_to_another_question_of_the_same_code_confirms_nothing() {
    let house = House::new().await;
    house.api.write(OWNER, 11, "/flatten", 0);
    let asked = house.api.nth(11, 1).await;
    // The same code, as a question of an earlier life may have had it.
    let (code, _) = asked.buttons[0].1.rsplit_once('.').unwrap();
    let earlier = format!("{code}.1722609000000000");
    let keyboard = json!({"inline_keyboard": [[{"text": "Yes", "callback_data": earlier}]]});
    house.api.plant(&json!({"chat_id": 11, "text": "x", "reply_markup": keyboard}));
    let old = house.api.nth(11, 2).await;
    let query = house.api.press(OWNER, &old, "Yes");
    house.api.until("a word", |api| api.word(&query).is_some()).await;
    assert_eq!(house.api.word(&query).unwrap(), "This question is over; ask again");
    assert_eq!(house.desk.writes(), Vec::<String>::new());
}

/// An ear that finds lines written already, and takes them in one poll.
async fn at_once(
    lines: &[(u64, i64, &str)],
    desk: Desk,
) -> (BotApi, Arc<Desk>, Arc<tomking::control::telegram::Ear>) {
    let api = BotApi::start(&[11, 22, GROUP]).await;
    for (user, chat, line) in lines {
        api.write(*user, *chat, line, 0);
    }
    let (desk, store) = (Arc::new(desk), Store::in_memory().unwrap());
    let ear = listen(&api, &desk, &store, settings(None), None, figures());
    (api, desk, ear)
}

#[tokio::test]
async fn what_one_person_asks_at_once_is_done_in_its_order() {
    let slow = Desk::default();
    slow.slow("strategy_pause");
    let lines = [(OWNER, 11, "/pause lt112"), (OWNER, 11, "/run zdte-entry"), (OWNER, 11, "/next")];
    let (api, desk, _ear) = at_once(&lines, slow).await;
    api.nth(11, 3).await;
    let steps = desk.steps.lock().unwrap().clone();
    let wanted = ["strategy_pause", "job_run", "jobs_next"];
    assert_eq!(
        steps,
        wanted.map(|name| [format!("{name} begins"), format!("{name} ends")]).concat()
    );
}

#[tokio::test]
async fn what_follows_a_halt_waits_for_it_and_the_halt_for_nothing() {
    let slow = Desk::default();
    slow.slow("halt");
    slow.hang("job_run");
    let lines = [(OWNER, 11, "/run zdte-entry"), (OWNER, 11, "/halt"), (OWNER, 11, "/next")];
    let (api, desk, _ear) = at_once(&lines, slow).await;
    let begun = tomking::clock::Stopwatch::start();
    api.until("the halt", |_| desk.writes().contains(&"halt".to_owned())).await;
    assert!(begun.elapsed() < std::time::Duration::from_millis(500), "{:?}", begun.elapsed());
    api.nth(11, 3).await;
    let steps = desk.steps.lock().unwrap().clone();
    let at = |step: &str| steps.iter().position(|found| found == step).unwrap();
    assert!(at("halt ends") < at("jobs_next begins"), "{steps:?}");
}

#[tokio::test]
async fn a_slow_command_of_one_person_holds_up_nobody_else() {
    let slow = Desk::default();
    slow.hang("job_run");
    let lines = [(OWNER, GROUP, "/run zdte-entry"), (PARTNER, GROUP, "/pause lt112")];
    let (api, desk, _ear) = at_once(&lines, slow).await;
    let begun = tomking::clock::Stopwatch::start();
    let paused = |_: &BotApi| desk.steps.lock().unwrap().contains(&"strategy_pause ends".into());
    api.until("the pause", paused).await;
    assert!(begun.elapsed() < std::time::Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_halt_is_heard_behind_more_questions_than_a_poll_brings() {
    let slow = Desk::default();
    slow.hang("report");
    let mut lines = vec![(VIEWER, 22, "/report"); 250];
    lines.push((OWNER, 11, "/halt"));
    let (api, desk, _ear) = at_once(&lines, slow).await;
    api.until("the halt", |_| desk.writes() == ["halt"]).await;
}

#[tokio::test]
async fn a_halt_is_heard_behind_more_buttons_than_a_poll_brings() {
    let house = House::new().await;
    house.api.write(OWNER, GROUP, "/report", 0);
    let page = house.api.nth(GROUP, 1).await;
    house.desk.hang("report");
    for _ in 0..250 {
        house.api.press(VIEWER, &page, "Refresh");
    }
    house.api.write(OWNER, 11, "/halt", 0);
    let begun = tomking::clock::Stopwatch::start();
    house.api.until("the halt", |_| house.desk.writes() == ["halt"]).await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_halt_does_not_wait_for_others() {
    let house = House::new().await;
    // Forty questions to a desk that hangs; then a halt.
    house.desk.hang("report");
    for _ in 0..40 {
        house.api.write(OWNER, GROUP, "/report", 0);
    }
    house.api.write(OWNER, 11, "/halt", 0);
    let begun = tomking::clock::Stopwatch::start();
    house.api.until("the halt", |_| house.desk.writes() == ["halt"]).await;
    assert!(begun.elapsed() < std::time::Duration::from_millis(800), "{:?}", begun.elapsed());
}
