//! Alerts to chats.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use tomking::{
    alert::{
        Alert, Channel as _, Enclosure, Enclosures, Outgoing, Picture, SendError,
        setup::Bare,
        telegram::{Telegram, api::Api},
    },
    clock::Runtime,
    config::voice::{ChatSettings, SecretSource, TelegramSettings},
    notice::Severity,
};

use crate::server::{BotApi, Failure, TOKEN};

const GROUP: i64 = -1005;

async fn channel(chats: &[(i64, Option<i32>)], what: Arc<dyn Enclosures>) -> (BotApi, Telegram) {
    let api = BotApi::start(&[11, 12, GROUP]).await;
    let settings = TelegramSettings {
        token: SecretSource::Env("UNUSED".to_owned()),
        owners: vec![11],
        viewers: Vec::new(),
        chats: chats
            .iter()
            .map(|&(id, topic)| ChatSettings { id, topic, alerts: true })
            .chain([ChatSettings { id: 99, topic: None, alerts: false }])
            .collect(),
        api_url: None,
    };
    let bot = Api::new(TOKEN, Some(&api.url)).unwrap().within(Duration::from_secs(2));
    let telegram = Telegram::new(bot, &settings, Runtime::live(), what);
    let none = TimeDelta::zero();
    (api, telegram.paced(none, none))
}

fn alert(id: u64, severity: Severity) -> Alert {
    Alert {
        id,
        at: "2024-08-02T14:30:00Z".parse().unwrap(),
        kind: "difference".to_owned(),
        severity,
        title: format!("ES <+{id}> & more"),
        text: "Both figures".to_owned(),
        key: String::new(),
    }
}

#[tokio::test]
async fn an_alert_goes_to_every_chat_into_its_topic_with_its_button() {
    let (api, telegram) = channel(&[(11, None), (GROUP, Some(7))], Arc::new(Bare)).await;
    telegram.send(&Outgoing::one(alert(5, Severity::Critical))).await.unwrap();
    let shown = api.shown();
    let places: Vec<(i64, Option<i64>)> = shown.iter().map(|s| (s.chat, s.thread)).collect();
    assert_eq!(places, [(11, None), (GROUP, Some(7))]);
    assert_eq!(
        shown[0].text,
        "🔴 CRITICAL ES <+5> & more\nBoth figures\nFri 2 Aug 10:30 ET, alert 5"
    );
    assert_eq!(shown[0].buttons, [("Acknowledge".to_owned(), "ack:5".to_owned())]);
    assert!(!shown[0].silent);
}

#[tokio::test]
async fn a_silent_one_makes_no_sound() {
    let (api, telegram) = channel(&[(11, None)], Arc::new(Bare)).await;
    let out = Outgoing { alerts: vec![alert(5, Severity::Info)], silent: true, repeat: 0 };
    telegram.send(&out).await.unwrap();
    assert!(api.shown()[0].silent);
}

#[tokio::test]
async fn a_chat_that_has_it_is_not_told_again_while_another_is_tried() {
    let (api, telegram) = channel(&[(11, None), (12, None)], Arc::new(Bare)).await;
    let out = Outgoing::one(alert(5, Severity::Warning));
    api.fail("sendmessage", Failure::Status(502));
    let first = telegram.send(&out).await;
    assert!(matches!(first, Err(SendError::Retry(_))), "{first:?}");
    assert_eq!((api.texts(11).len(), api.texts(12).len()), (0, 1));
    telegram.send(&out).await.unwrap();
    assert_eq!((api.texts(11).len(), api.texts(12).len()), (1, 1));
    // The next time it goes out is another one.
    telegram.send(&Outgoing { repeat: 1, ..out }).await.unwrap();
    assert_eq!((api.texts(11).len(), api.texts(12).len()), (2, 2));
}

#[tokio::test]
async fn each_chat_is_a_receiver_and_a_flood_wait_or_a_refusal_is_its_own() {
    let (api, telegram) =
        channel(&[(11, None), (12, None), (GROUP, Some(7)), (77, None)], Arc::new(Bare)).await;
    assert_eq!(telegram.receivers(), ["-1005.7", "11", "12", "77"]);
    let out = Outgoing::one(alert(5, Severity::Critical));
    api.fail("sendmessage", Failure::Flood(7));
    let flooded = telegram.send_to("11", &out).await.unwrap_err();
    assert!(matches!(flooded, SendError::RetryAfter { after, .. } if after.num_seconds() == 7));
    for other in ["12", "-1005.7"] {
        telegram.send_to(other, &out).await.unwrap();
    }
    assert_eq!([11, 12, GROUP].map(|chat| api.texts(chat).len()), [0, 1, 1]);
    let why = "Telegram refuses (400): Bad Request: chat not found".to_owned();
    assert_eq!(telegram.send_to("77", &out).await, Err(SendError::Permanent(why)));
    telegram.send_to("11", &out).await.unwrap();
    assert_eq!(api.texts(11).len(), 1);
}

#[tokio::test]
async fn every_failure_says_when_to_try_again_and_never_the_token() {
    let cases = [
        (Failure::Flood(7), "Telegram asks to wait 7 s; it asks to wait 7 s"),
        (Failure::Status(502), "Telegram answered 502 with no JSON of its own"),
        (Failure::Garbage, "Telegram answered 200 with no JSON of its own"),
        (Failure::Unauthorized, "Telegram does not know the token (Unauthorized)"),
        (
            Failure::Refused(403, "Forbidden: bot was blocked by the user"),
            "no chat of voice.telegram.chats takes it; the log says why",
        ),
        (Failure::Hangs, "Telegram cannot be reached: error sending request: operation timed out"),
    ];
    for (failure, expected) in cases {
        let (api, telegram) = channel(&[(11, None)], Arc::new(Bare)).await;
        api.fail("sendmessage", failure.clone());
        let error = telegram.send(&Outgoing::one(alert(5, Severity::Info))).await.unwrap_err();
        assert_eq!(error.to_string(), expected, "{failure:?}");
        let after = match &error {
            SendError::RetryAfter { after, .. } => after.num_seconds(),
            _ => 0,
        };
        assert_eq!(after, if matches!(failure, Failure::Flood(_)) { 7 } else { 0 });
        let permanent = matches!(error, SendError::Permanent(_));
        assert_eq!(permanent, matches!(failure, Failure::Refused(..)), "{failure:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again_later() {
    let bot = Api::new(TOKEN, Some("http://127.0.0.1:9")).unwrap();
    let settings = crate::house::settings(None);
    let telegram = Telegram::new(bot, &settings, Runtime::live(), Arc::new(Bare));
    let error = telegram.send(&Outgoing::one(alert(5, Severity::Info))).await.unwrap_err();
    assert!(matches!(error, SendError::Retry(_)), "{error:?}");
    assert!(!error.to_string().contains("AAE-test_TOKEN"), "{error}");
}

#[tokio::test]
async fn a_chat_that_never_takes_it_keeps_it_from_no_other() {
    let (api, telegram) = channel(&[(11, None), (77, None)], Arc::new(Bare)).await;
    telegram.send(&Outgoing::one(alert(5, Severity::Info))).await.unwrap();
    assert_eq!(api.texts(11).len(), 1);
    assert_eq!(api.complaints(), ["sendmessage: Bad Request: chat not found"]);
}

/// A report of many lines with two pictures, one of them broken.
struct Report;

#[async_trait::async_trait]
impl Enclosures for Report {
    async fn of(&self, _: &Alert) -> Result<Option<Arc<Enclosure>>, SendError> {
        let picture = |name: &str, png: &[u8]| Picture {
            name: name.to_owned(),
            title: "Equity <£> 🔴 ".repeat(200),
            png: png.to_vec(),
        };
        Ok(Some(Arc::new(Enclosure {
            name: "report-daily-2024-08-02".to_owned(),
            series: "report-daily".to_owned(),
            subject: "Daily report <2 Aug>".to_owned(),
            text: "as wide as a mail".to_owned(),
            phone: format!("<b>Daily</b>\n{}", "a line of figures &amp; more\n".repeat(400)),
            html: String::new(),
            pictures: vec![picture("bad", b"no"), picture("equity", b"\x89PNG\r\n\x1a\n rest")],
            files: Vec::new(),
        })))
    }
}

#[tokio::test]
async fn a_report_comes_as_parts_that_fit_and_its_pictures() {
    let (api, telegram) = channel(&[(11, None)], Arc::new(Report)).await;
    telegram.send(&Outgoing::one(alert(5, Severity::Info))).await.unwrap();
    let shown = api.shown();
    let (photos, texts): (Vec<_>, Vec<_>) = shown.iter().partition(|shown| shown.photo);
    assert_eq!((texts.len(), photos.len()), (3, 1));
    let whole: Vec<&str> = texts.iter().map(|shown| shown.text.as_str()).collect();
    assert_eq!(whole.concat().matches("a line of figures & more").count(), 400);
    assert!(photos[0].text.encode_utf16().count() <= 1024);
    assert_eq!(api.complaints(), ["sendphoto: Bad Request: IMAGE_PROCESS_FAILED"]);
}

#[tokio::test]
async fn messages_to_one_chat_keep_their_pace() {
    let (api, telegram) = channel(&[(11, None)], Arc::new(Bare)).await;
    let pace = TimeDelta::milliseconds(60);
    let telegram = telegram.paced(pace, pace);
    let begun = tomking::clock::Stopwatch::start();
    for id in 1..=4 {
        telegram.send(&Outgoing::one(alert(id, Severity::Info))).await.unwrap();
    }
    assert!(begun.elapsed() >= Duration::from_millis(175), "{:?}", begun.elapsed());
    assert_eq!(api.texts(11).len(), 4);
}
