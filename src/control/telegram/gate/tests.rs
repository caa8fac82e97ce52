use serde_json::{Value, json};

use super::*;
use crate::{
    config::voice::{ChatSettings, SecretSource},
    control::telegram::update::{Update, What},
};

fn gate() -> Gate {
    let chat = |id, topic| ChatSettings { id, topic, alerts: true };
    let gate = Gate::new(TelegramSettings {
        token: SecretSource::Env("X".to_owned()),
        owners: vec![11],
        viewers: vec![22],
        chats: vec![chat(11, None), chat(-5, Some(7)), chat(-6, None)],
        api_url: None,
    });
    gate.named("Tom_Bot");
    gate
}

fn verdict(user: u64, chat: i64, topic: Option<i32>, text: &str) -> Verdict {
    let kind = if chat > 0 { "private" } else { "supergroup" };
    let mut message = json!({
        "message_id": 1, "date": 1_722_609_000, "text": text,
        "from": {"id": user, "is_bot": false}, "chat": {"id": chat, "type": kind},
    });
    if let Some(topic) = topic {
        message["message_thread_id"] = json!(topic);
        message["is_topic_message"] = json!(true);
    }
    judged(&message)
}

fn judged(message: &Value) -> Verdict {
    let update = Update::read(&json!({"update_id": 1, "message": message})).unwrap();
    let What::Message(message) = update.what else { panic!("no message") };
    gate().message(&message)
}

#[test]
fn who_is_heard_where() {
    let cases = [
        (11, 11, None, "/halt", true),
        (11, 11, None, "halt", true),
        (11, 11, None, "/halt@tom_bot", true),
        (11, 11, None, "/halt@other_bot", false),
        (11, -6, None, "/halt", true),
        (11, -6, Some(3), "/halt", true),
        (11, -6, None, "halt", false),
        (11, -6, None, "123456", true),
        (22, -6, None, "/status", true),
        (11, -5, Some(7), "/halt", true),
        (11, -5, Some(8), "/halt", false),
        (11, -5, None, "/halt", false),
        (22, 22, None, "/status", false),
        (33, 11, None, "/status", false),
        (33, -6, None, "/halt", false),
        (11, -9, None, "/status", false),
    ];
    for (user, chat, topic, text, expected) in cases {
        let verdict = verdict(user, chat, topic, text);
        let heard = matches!(verdict, Verdict::Line(..));
        assert_eq!(heard, expected, "{user} {chat} {topic:?} {text}: {verdict:?}");
    }
}

#[test]
fn an_answer_goes_to_the_topic_the_question_came_from() {
    let Verdict::Line(speaker, line, _) = verdict(22, -6, Some(3), "/status") else { panic!() };
    assert_eq!(speaker.place, Place { chat: -6, topic: Some(3) });
    assert_eq!(speaker.caller, Caller { name: "telegram:22".to_owned(), role: Role::Viewer });
    assert_eq!(line, "/status");
}

#[test]
fn the_ids_are_told_to_owners_also_where_they_set_a_chat_up_and_to_nobody_else() {
    assert!(matches!(verdict(11, -9, Some(4), "/tg_id"), Verdict::Ids(_)));
    assert!(matches!(verdict(11, 11, None, "/tg_id@Tom_Bot"), Verdict::Ids(_)));
    assert!(matches!(verdict(22, -9, None, "/tg_id"), Verdict::Silence(_)));
    assert!(matches!(verdict(33, -9, None, "/tg_id"), Verdict::Silence(_)));
}

#[test]
fn a_bot_with_an_owners_id_is_not_heard() {
    let message = json!({
        "message_id": 1, "date": 1, "text": "/halt",
        "from": {"id": 11, "is_bot": true}, "chat": {"id": 11, "type": "private"},
    });
    assert!(matches!(judged(&message), Verdict::Silence(_)));
}

#[test]
fn a_line_is_sorted_by_what_its_command_does() {
    for (line, expected) in [
        ("/halt", Sort::Halt),
        ("HALT now", Sort::Halt),
        ("/halt@tom_bot", Sort::Halt),
        ("/reduce", Sort::Write),
        ("/flatten", Sort::Write),
        ("/pause", Sort::Write),
        ("123456", Sort::Write),
        ("/status", Sort::Read),
        ("/start", Sort::Read),
        ("hello", Sort::Read),
        ("", Sort::Read),
    ] {
        assert_eq!(sort(line), expected, "{line}");
    }
}
