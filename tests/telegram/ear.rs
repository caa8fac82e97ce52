//! Who is heard, and what comes of what they say.

use std::sync::{Arc, atomic::Ordering};

use serde_json::json;

use crate::{
    house::{GROUP, House, OWNER, OneCode, PARTNER, STRANGER, VIEWER, figures, settings},
    server::Shown,
};

fn report(text: &str) -> serde_json::Value {
    json!({"period": "daily", "date": "2024-08-02", "at": "2024-08-02T20:30:00Z",
        "headline": "Up £12.00 <today>", "text": text, "html": "", "document": null})
}

#[tokio::test]
async fn a_halt_is_done_and_answered() {
    let house = House::new().await;
    house.api.write(OWNER, 11, "/halt the screen is red", 0);
    let shown = house.api.nth(11, 1).await;
    assert!(shown.text.starts_with("HALTED."), "{}", shown.text);
    let asked = house.desk.asked.lock().unwrap()[0].clone();
    assert_eq!(serde_json::to_value(asked.0).unwrap()["reason"], "the screen is red");
    assert_eq!(asked.1, "telegram:11");
    house.api.until("the update is confirmed", |api| api.unconfirmed().is_empty()).await;
    assert_eq!(house.api.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn everyone_else_gets_silence() {
    let house = House::new().await;
    house.api.write(STRANGER, 11, "/halt", 0);
    house.api.write(STRANGER, GROUP, "/status", 0);
    house.api.write(STRANGER, 33, "/tg_id", 0);
    house.api.write(OWNER, 77, "/halt", 0);
    house.api.write_more(OWNER, 11, "/halt", 0, &json!({"forward_origin": {"type": "user"}}));
    let last = house.api.write(OWNER, 11, "/report", 0);
    house.api.nth(11, 1).await;
    house.api.until("all is confirmed", |api| !api.unconfirmed().contains(&last)).await;
    assert_eq!(house.api.shown().len(), 1, "the owner's own question alone");
    assert_eq!(house.desk.writes(), Vec::<String>::new());
    assert_eq!(house.ear.counts.strangers.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    let house = House::new().await;
    house.api.write(VIEWER, 22, "/halt", 0);
    let refused = house.api.nth(22, 1).await;
    assert_eq!(refused.text, "/halt is for owners");
    house.api.write(VIEWER, 22, "/report", 0);
    assert_eq!(house.api.nth(22, 2).await.text, "There is no daily report yet");
    assert_eq!(house.desk.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_topic_is_heard_alone_and_answered_there() {
    let house = House::with(settings(Some(7)), None, figures()).await;
    let topic = |id: i32| json!({"message_thread_id": id, "is_topic_message": true});
    house.api.write_more(OWNER, GROUP, "/halt", 0, &topic(8));
    house.api.write(OWNER, GROUP, "/halt", 0);
    house.api.write_more(OWNER, GROUP, "/report@tom_bot", 0, &topic(7));
    let shown = house.api.nth(GROUP, 1).await;
    assert_eq!((shown.thread, shown.text.as_str()), (Some(7), "There is no daily report yet"));
    assert_eq!(house.desk.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn what_changes_something_is_not_done_late_and_a_halt_always_is() {
    let house = House::new().await;
    house.api.write(OWNER, 11, "/flatten", 600);
    let refused = house.api.nth(11, 1).await;
    assert_eq!(
        refused.text,
        "Not done: /flatten was written 10 min ago, more than 2 min. Write it again if it still \
         holds."
    );
    assert_eq!(house.desk.writes(), Vec::<String>::new());
    house.api.write(OWNER, 11, "/halt", 90_000);
    house.api.nth(11, 2).await;
    assert_eq!(house.desk.writes(), ["halt"]);
    assert_eq!(house.ear.counts.late.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn of_late_questions_the_newest_alone_is_answered() {
    let api = crate::server::BotApi::start(&[11, 22, GROUP]).await;
    for _ in 0..5 {
        api.write(OWNER, 11, "/report", 600);
    }
    let last = api.write(OWNER, 11, "/help", 300);
    let desk = Arc::new(crate::house::Desk::default());
    let store = tomking::store::Store::in_memory().unwrap();
    let _ear = crate::house::listen(&api, &desk, &store, settings(None), None, figures());
    assert!(api.nth(11, 1).await.text.starts_with("Commands"));
    api.until("all is confirmed", |api| !api.unconfirmed().contains(&last)).await;
    assert_eq!(api.texts(11).len(), 1);
}

/// Asks to flatten; gives the question.
async fn question(house: &House) -> Shown {
    house.api.write(OWNER, 11, "/flatten", 0);
    let asked = house.api.nth(11, 1).await;
    assert!(asked.text.starts_with("/flatten: Every order is cancelled"), "{}", asked.text);
    let labels: Vec<&str> = asked.buttons.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, ["Yes, do it", "Cancel"]);
    assert_eq!(house.desk.writes(), Vec::<String>::new());
    asked
}

#[tokio::test]
async fn a_question_is_confirmed_by_its_asker_alone_and_once() {
    let house = House::new().await;
    let asked = question(&house).await;
    let others = house.api.press(PARTNER, &asked, "Yes, do it");
    house.api.until("a word", |api| api.word(&others).is_some()).await;
    assert_eq!(house.api.word(&others).unwrap(), "Only who asked may answer this");
    assert_eq!(house.desk.writes(), Vec::<String>::new());

    let own = house.api.press(OWNER, &asked, "Yes, do it");
    house.api.until("it is done", |api| api.texts(11)[0].starts_with("HALTED.")).await;
    house.api.until("a word", |api| api.word(&own).is_some()).await;
    assert_eq!(house.api.word(&own).unwrap(), "Confirmed");
    assert_eq!(house.desk.writes(), ["flatten"]);

    let again = house.api.press(OWNER, &asked, "Yes, do it");
    house.api.until("a word", |api| api.word(&again).is_some()).await;
    assert_eq!(house.api.word(&again).unwrap(), "This question is over; ask again");
    assert_eq!(house.desk.writes(), ["flatten"]);
}

#[tokio::test]
async fn a_cancelled_question_is_over() {
    let house = House::new().await;
    let asked = question(&house).await;
    house.api.press(OWNER, &asked, "Cancel");
    house.api.until("it says so", |api| api.texts(11) == ["Cancelled: not done."]).await;
    let late = house.api.press(OWNER, &asked, "Yes, do it");
    house.api.until("a word", |api| api.word(&late).is_some()).await;
    assert_eq!(house.desk.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn with_an_authenticator_its_digits_confirm_and_a_button_cannot() {
    let codes = Arc::new(OneCode);
    let house = House::with(settings(None), Some(codes), figures()).await;
    house.api.write(OWNER, 11, "/flatten", 0);
    let asked = house.api.nth(11, 1).await;
    assert!(asked.text.ends_with("Send the six digits of your authenticator within 60 s."));
    assert_eq!(asked.buttons.len(), 1, "only the way back");
    house.api.write(OWNER, 11, "654321", 0);
    assert_eq!(house.api.nth(11, 2).await.text, "that code does not hold");
    house.api.write(OWNER, 11, "123456", 0);
    house.api.until("it is done", |api| api.texts(11).last().unwrap().starts_with("HALTED.")).await;
    house.api.until("the question says so", |api| api.texts(11)[0] == "Confirmed.").await;
    assert_eq!(house.desk.writes(), ["flatten"]);
}

#[tokio::test]
async fn a_missing_argument_is_offered_as_buttons() {
    let house = House::new().await;
    house.api.write(OWNER, 11, "/run", 0);
    let asked = house.api.nth(11, 1).await;
    assert_eq!(asked.text, "/run <job>: which job?");
    let query = house.api.press(OWNER, &asked, "zdte-entry");
    house.api.until("it is answered in place", |api| api.texts(11)[0] != asked.text).await;
    house.api.until("a word", |api| api.word(&query).is_some()).await;
    assert_eq!(house.desk.writes(), ["job_run"]);
    // A viewer's press is refused beside the question, which stays.
    house.api.write(OWNER, GROUP, "/run", 0);
    let shown = house.api.nth(GROUP, 1).await;
    house.api.press(VIEWER, &shown, "zdte-entry");
    assert_eq!(house.api.nth(GROUP, 2).await.text, "/run is for owners");
    assert_eq!(house.api.texts(GROUP)[0], shown.text);
    // The same question of ten minutes ago is too old to act on.
    house.api.press_late(OWNER, &asked, "daily-report", 600);
    house.api.until("it is refused", |api| api.texts(11)[0].starts_with("Not done: /run")).await;
    assert_eq!(house.desk.writes(), ["job_run"]);
}

#[tokio::test]
async fn refresh_edits_in_place_and_the_same_again_is_no_fault() {
    let house = House::new().await;
    house.api.write(OWNER, 11, "/report", 0);
    let first = house.api.nth(11, 1).await;
    let query = house.api.press(VIEWER, &first, "Refresh");
    house.api.until("a word", |api| api.word(&query).is_some()).await;
    house.desk.answers("report", report("line"));
    house.api.press(OWNER, &first, "Refresh");
    house.api.until("the new text", |api| api.texts(11)[0].contains("Up £12.00 <today>")).await;
    assert_eq!(house.api.texts(11).len(), 1);
    let same = "editmessagetext: Bad Request: message is not modified";
    assert!(house.api.complaints().iter().all(|complaint| complaint.starts_with(same)));
}

#[tokio::test]
async fn a_long_answer_is_split_and_every_part_is_markup() {
    let house = House::new().await;
    house.desk.answers("report", report(&"a line of <figures> & more 🔴\n".repeat(400)));
    house.api.write(OWNER, 11, "/report", 0);
    let last = house.api.nth(11, 3).await;
    assert_eq!(last.buttons.len(), 1, "the button is under the last part");
    let whole: String = house.api.texts(11).join("\n");
    assert_eq!(whole.matches("<figures> & more 🔴").count(), 400);
    assert_eq!(house.api.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn an_alert_is_acknowledged_by_its_button_and_not_by_a_viewer() {
    let house = House::new().await;
    let keyboard =
        json!({"inline_keyboard": [[{"text": "Acknowledge", "callback_data": "ack:7,8"}]]});
    let body = json!({"chat_id": 11, "text": "WARNING", "reply_markup": keyboard});
    house.api.plant(&body);
    let alert = house.api.nth(11, 1).await;
    let viewers = house.api.press(VIEWER, &alert, "Acknowledge");
    house.api.until("a word", |api| api.word(&viewers).is_some()).await;
    assert_eq!(house.api.word(&viewers).unwrap(), "Acknowledging is for owners");
    let owners = house.api.press(OWNER, &alert, "Acknowledge");
    house.api.until("the button is gone", |api| api.shown()[0].buttons.is_empty()).await;
    house.api.until("a word", |api| api.word(&owners).is_some()).await;
    assert_eq!(house.desk.writes(), ["alerts_ack", "alerts_ack"]);
}

#[tokio::test]
async fn owners_are_told_the_ids_the_settings_ask_for() {
    let house = House::with(settings(Some(7)), None, figures()).await;
    let topic = json!({"message_thread_id": 8, "is_topic_message": true});
    house.api.write_more(OWNER, GROUP, "/tg_id", 0, &topic);
    let told = house.api.nth(GROUP, 1).await;
    assert_eq!((told.thread, told.text.as_str()), (Some(8), "user 11\nchat -1005\ntopic 8"));
}

#[tokio::test]
async fn each_chat_is_given_its_menu() {
    let house = House::new().await;
    let count = |api: &crate::server::BotApi| api.calls("setmycommands").len();
    // The group for all and for each of two owners, and two private chats.
    house.api.until("the menus", |api| count(api) == 5).await;
    assert_eq!(house.api.complaints(), Vec::<String>::new());
}
