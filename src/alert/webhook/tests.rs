//! The webhook and the dead-man's switch against a server of the test's own on loopback.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use serde_json::Value;

use super::*;
use crate::clock::Timestamp;

/// What in the URL nobody may see.
const SECRET: &str = "T0-SECRET-TOKEN";
/// Short, so that a receiver that hangs does not hang the test.
const PATIENCE: Duration = Duration::from_millis(300);
/// No request of these tests is longer.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// What a receiver does with a request.
#[derive(Clone, Copy)]
enum Answer {
    /// A status line, and further header lines each ended by CRLF.
    Status(&'static str, &'static str),
    /// The connection is closed without a word.
    HangUp,
    /// Nothing is ever said.
    Silence,
}

/// A server that answers each connection in its turn, and hands over the requests it read.
struct Receiver {
    url: String,
    requests: mpsc::Receiver<String>,
}

fn receiver(answers: Vec<Answer>) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/{SECRET}?key={SECRET}", listener.local_addr().unwrap());
    let (tell, requests) = mpsc::channel();
    thread::spawn(move || {
        let mut held = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            tell.send(request(&mut stream)).unwrap();
            match answer {
                Answer::Status(status, headers) => {
                    let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n");
                    stream.write_all(text.as_bytes()).unwrap();
                }
                Answer::HangUp => {}
                Answer::Silence => held.push(stream),
            }
        }
        // Whoever was left without an answer stays connected until it gives up by itself.
        for mut stream in held {
            let _ = stream.read(&mut [0]);
        }
    });
    Receiver { url, requests }
}

/// Head and body of one request.
fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while bytes.len() < REQUEST_BYTES_MAX {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                break;
            }
        }
        match stream.read(&mut part).unwrap() {
            0 => break,
            read => bytes.extend_from_slice(&part[..read]),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn alert() -> Alert {
    Alert {
        id: 42,
        at: "2024-08-02T14:30:01Z".parse::<Timestamp>().unwrap(),
        kind: "opened".to_owned(),
        severity: Severity::Info,
        title: "Opened 1 ES condor for $187.50 – \"filled\"".to_owned(),
        text: "two\nlines".to_owned(),
        key: String::new(),
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

fn webhook(url: &str) -> Webhook {
    Webhook::within("phone", url, Severity::Info, PATIENCE).unwrap()
}

fn sent(url: &str) -> Result<(), SendError> {
    block_on(webhook(url).send(&Outgoing::one(alert())))
}

#[test]
fn an_alert_is_posted_as_json_with_its_id_and_time() {
    let server = receiver(vec![Answer::Status("204 No Content", "")]);
    assert_eq!(sent(&server.url), Ok(()));
    let request = server.requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[0], format!("POST /hook/{SECRET}?key={SECRET} HTTP/1.1"));
    let agent = concat!("user-agent: tomking/", env!("CARGO_PKG_VERSION"));
    let wanted = [
        "content-type: application/json",
        "webhook-id: 42",
        "webhook-timestamp: 1722609001",
        agent,
    ];
    for header in wanted {
        assert!(lines.contains(&header), "{header} in {head}");
    }
    let body: Value = serde_json::from_str(body).unwrap();
    let wanted = serde_json::json!({
        "id": 42,
        "at": "2024-08-02T14:30:01Z",
        "kind": "opened",
        "severity": "info",
        "title": "Opened 1 ES condor for $187.50 – \"filled\"",
        "text": "two\nlines",
    });
    assert_eq!(body, wanted);
}

#[test]
fn an_answer_is_taken_retried_or_final_by_its_status() {
    let retry = |text: &str| Err(SendError::Retry(format!("the receiver answered {text}")));
    let last = |text: &str| Err(SendError::Permanent(format!("the receiver answered {text}")));
    for (status, wanted) in [
        ("200 OK", Ok(())),
        ("202 Accepted", Ok(())),
        ("400 Bad Request", last("400 Bad Request")),
        ("401 Unauthorized", last("401 Unauthorized")),
        ("404 Not Found", last("404 Not Found")),
        ("410 Gone", last("410 Gone")),
        ("408 Request Timeout", retry("408 Request Timeout")),
        ("425 Too Early", retry("425 Too Early")),
        ("429 Too Many Requests", retry("429 Too Many Requests")),
        ("500 Internal Server Error", retry("500 Internal Server Error")),
        ("503 Service Unavailable", retry("503 Service Unavailable")),
    ] {
        let server = receiver(vec![Answer::Status(status, "")]);
        assert_eq!(sent(&server.url), wanted, "{status}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = receiver(vec![Answer::Status("200 OK", "")]);
    let location: &'static str = format!("location: {}\r\n", elsewhere.url).leak();
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let server = receiver(vec![Answer::Status(status, location)]);
        let wanted = SendError::Permanent(format!("the receiver answered {status}"));
        assert_eq!(sent(&server.url), Err(wanted));
    }
    assert!(elsewhere.requests.try_recv().is_err(), "nobody came");
}

/// The words of an error that another attempt may mend; nothing of the URL is in them.
fn retried(url: &str) -> String {
    let Err(SendError::Retry(text)) = sent(url) else { panic!("taken or final") };
    assert!(!text.contains(SECRET) && !text.contains("127.0.0.1"), "{text}");
    text
}

#[test]
fn no_answer_is_tried_again_and_never_tells_the_url() {
    let silent = receiver(vec![Answer::Silence]);
    let text = retried(&silent.url);
    assert!(text.ends_with("operation timed out"), "{text}");

    retried(&receiver(vec![Answer::HangUp]).url);

    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = retried(&format!("http://{closed}/{SECRET}"));
    assert!(text.contains("Connection refused"), "{text}");
}

#[test]
fn a_url_that_cannot_be_used_is_refused_without_being_shown() {
    for url in [format!("ftp://host/{SECRET}"), format!("not a url {SECRET}"), String::new()] {
        let Err(error) = Webhook::new("phone", &url, Severity::Info) else { panic!("{url}") };
        let text = format!("{error} {error:?}");
        assert!(text.starts_with("webhook `phone`: the URL ") && !text.contains(SECRET), "{text}");
    }
}

#[test]
fn only_what_is_severe_enough_goes_out() {
    let url = format!("http://127.0.0.1:1/{SECRET}");
    let hook = Webhook::new("phone", &url, Severity::Warning).unwrap();
    let of = |severity| hook.takes(&Alert { severity, ..alert() });
    assert_eq!(
        [Severity::Info, Severity::Warning, Severity::Critical].map(of),
        [false, true, true]
    );
}

#[test]
fn the_switch_is_pinged_by_get() {
    let server = receiver(vec![Answer::Status("200 OK", ""), Answer::Status("404 Not Found", "")]);
    let switch = DeadMan::new(&server.url).unwrap();
    assert_eq!(block_on(switch.ping()), Ok(()));
    let request = server.requests.recv().unwrap();
    assert!(request.starts_with(&format!("GET /hook/{SECRET}?key={SECRET} HTTP/1.1\r\n")));
    let gone = SendError::Permanent("the receiver answered 404 Not Found".to_owned());
    assert_eq!(block_on(switch.ping()), Err(gone));
}
