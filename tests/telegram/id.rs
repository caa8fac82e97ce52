//! `tomking telegram id`: who writes to the bot, and where, before there are settings of them.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tomking::{
    alert::telegram::api::Api,
    clock::Runtime,
    control::telegram::id::{Seen, listen},
};

use crate::{
    house::{GROUP, OWNER, STRANGER},
    server::{BotApi, Failure, TOKEN},
};

/// The built program beside a bot; its settings name the server and nobody.
struct Shell(tempfile::TempDir);

impl Shell {
    fn new(api: &BotApi, token: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = format!(
            "[voice.telegram]\ntoken = {{ env = \"TOMKING_TELEGRAM_TOKEN\" }}\nowners = [1]\n\
             chats = [{{ id = 1 }}]\napi_url = \"{}\"\n",
            api.url
        );
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        std::fs::write(home.path().join("token"), token).unwrap();
        Self(home)
    }

    fn id(&self, json: bool) -> Child {
        let token = std::fs::read_to_string(self.0.path().join("token")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tomking"));
        command.env_clear().env("HOME", self.0.path()).env("TOMKING_TELEGRAM_TOKEN", token);
        command.env("TOMKING_CONFIG_DIR", self.0.path()).args(["telegram", "id"]);
        command.env("TOMKING_DATA_DIR", self.0.path().join("data"));
        if json {
            command.arg("--json");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

async fn end(child: Child) -> Output {
    let wait = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it ends").unwrap()
}

/// Somebody writes in a private chat, in a group, in one of its topics, and once more.
fn write(api: &BotApi) {
    let topic = json!({"message_thread_id": 7, "is_topic_message": true});
    api.write(STRANGER, 33, "hello", 0);
    api.write(OWNER, GROUP, "/tg_id", 0);
    api.write_more(OWNER, GROUP, "/tg_id", 0, &topic);
    api.write(STRANGER, 33, "anybody there?", 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_place_is_printed_once_and_what_was_written_is_left_for_the_daemon() {
    let api = BotApi::start(&[33, GROUP]).await;
    let shell = Shell::new(&api, TOKEN);
    let mut child = shell.id(false);
    write(&api);
    let out = child.stdout.take().unwrap();
    let lines = tokio::task::spawn_blocking(|| {
        BufReader::new(out).lines().take(3).map(Result::unwrap).collect::<Vec<String>>()
    });
    let lines = tokio::time::timeout(Duration::from_secs(20), lines).await.expect("three").unwrap();
    assert_eq!(
        lines,
        [
            "user 33  chat 33  private",
            "user 11  chat -1005  supergroup",
            "user 11  chat -1005  supergroup, topic 7"
        ]
    );
    interrupt(&child);
    assert!(end(child).await.status.success());
    assert_eq!(api.unconfirmed().len(), 4, "nothing is confirmed");
    assert_eq!(api.shown(), [], "nobody is answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_a_document_the_places_come_at_the_end() {
    let api = BotApi::start(&[33, GROUP]).await;
    let shell = Shell::new(&api, TOKEN);
    write(&api);
    let child = shell.id(true);
    api.until("a poll", |api| !api.calls("getupdates").is_empty()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    interrupt(&child);
    let output = end(child).await;
    assert!(output.status.success());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let private = json!({"user": 33, "chat": 33, "topic": null, "kind": "private"});
    let group =
        |topic: Value| json!({"user": 11, "chat": GROUP, "topic": topic, "kind": "supergroup"});
    assert_eq!(found, json!([group(Value::Null), group(json!(7)), private]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_and_a_second_program_end_it_with_the_reason_and_without_the_token() {
    let wrong = "4711:AAE-wrong_TOKEN";
    let second = "another program listens to this bot; stop it before (Conflict: terminated by \
                  other getUpdates request";
    for (token, fault, said) in [
        (wrong, None, "Telegram does not know the token (Unauthorized)"),
        (TOKEN, Some(Failure::Conflict), second),
    ] {
        let api = BotApi::start(&[33]).await;
        if let Some(fault) = fault {
            api.fail("getupdates", fault);
        }
        let output = end(Shell::new(&api, token).id(false)).await;
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(said), "{errors}");
        assert!(!errors.contains("AAE-"), "{errors}");
    }
}

async fn heard(api: &BotApi, millis: i64) -> (Result<Vec<Seen>, String>, usize) {
    let (rt, bot) = (Runtime::live(), Api::new(TOKEN, Some(&api.url)).unwrap());
    let mut shown = 0;
    let end = rt.sleep(TimeDelta::milliseconds(millis));
    let all = listen(&rt, &bot, end, |_| shown += 1).await;
    (all.map(|all| all.into_iter().collect()), shown)
}

#[tokio::test]
async fn nobody_writing_in_its_time_is_told_with_what_may_be_the_cause() {
    let api = BotApi::start(&[33]).await;
    let (found, shown) = heard(&api, 100).await;
    let why = found.unwrap_err();
    assert!(why.starts_with("nobody wrote to the bot; hint: in a group"), "{why}");
    assert_eq!(shown, 0);
}

#[tokio::test]
async fn a_short_outage_ends_nothing() {
    let api = BotApi::start(&[33]).await;
    api.fail("getupdates", Failure::Status(502));
    api.write(STRANGER, 33, "hello", 0);
    let (found, shown) = heard(&api, 1500).await;
    assert_eq!((found.unwrap().len(), shown), (1, 1));
}
