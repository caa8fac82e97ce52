//! The webhook against servers of the test's own on loopback.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use chrono::TimeDelta;
use futures::FutureExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::Value;

use super::*;
use crate::alert::dead_man::DeadMan;
use crate::clock::{Timestamp, VirtualWorld};

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
    /// A status line and a body.
    Body(&'static str, &'static str),
    /// A status line, and a body that never ends.
    Endless(&'static str),
    /// A status line, and a body of which no more than the beginning comes.
    Stalls(&'static str),
    /// The connection is closed without a word.
    HangUp,
    /// Nothing is ever said.
    Silence,
}

/// A server that answers each connection in its turn, and hands over the requests it read.
struct Receiver {
    url: String,
    port: u16,
    requests: mpsc::Receiver<String>,
    /// Bytes of endless bodies that were taken.
    sent: Arc<AtomicUsize>,
}

fn receiver(answers: Vec<Answer>) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/hook/{SECRET}?key={SECRET}");
    let (tell, requests) = mpsc::channel();
    let sent = Arc::new(AtomicUsize::new(0));
    let taken = Arc::clone(&sent);
    thread::spawn(move || {
        let mut held = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            tell.send(request(&mut stream)).unwrap();
            if !matches!(answer, Answer::Silence) {
                reply(&mut stream, answer, &taken);
            }
            if matches!(answer, Answer::Silence | Answer::Stalls(_)) {
                held.push(stream);
            }
        }
        // Whoever was left without an answer stays connected until it gives up by itself.
        for mut stream in held {
            let _ = stream.read(&mut [0]);
        }
    });
    Receiver { url, port, requests, sent }
}

fn reply(stream: &mut TcpStream, answer: Answer, taken: &AtomicUsize) {
    let text = match answer {
        Answer::Status(status, headers) => {
            format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n")
        }
        Answer::Body(status, body) => {
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        }
        Answer::Endless(status) => format!("HTTP/1.1 {status}\r\n\r\n"),
        Answer::Stalls(status) => {
            format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\nslow_down")
        }
        Answer::HangUp | Answer::Silence => return,
    };
    stream.write_all(text.as_bytes()).unwrap();
    // Bounded, so that a client that would read it all fails the test and does not fill memory.
    for _ in 0..4096 {
        if !matches!(answer, Answer::Endless(_)) || stream.write_all(&[b'x'; 16 * 1024]).is_err() {
            break;
        }
        taken.fetch_add(16 * 1024, Ordering::SeqCst);
    }
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

/// The instant at which everything is sent: long after the alert.
const NOW: &str = "2024-08-02T16:00:00Z";

fn clock() -> Arc<dyn Clock> {
    VirtualWorld::new(NOW.parse().unwrap()).runtime().clock()
}

fn setup(url: &str) -> Setup {
    Setup {
        name: "phone".to_owned(),
        url: url.to_owned(),
        secret: None,
        preset: Preset::Generic,
        least: Severity::Info,
        allow_private: true,
        click: None,
    }
}

fn reach() -> Reach {
    Reach { deadline: PATIENCE, ..Reach::of(true) }
}

fn sent_by(setup: Setup, reach: Reach) -> Result<(), SendError> {
    block_on(Webhook::within(setup, clock(), reach).unwrap().send(&Outgoing::one(alert())))
}

fn sent(url: &str) -> Result<(), SendError> {
    sent_by(setup(url), reach())
}

#[test]
fn an_alert_is_posted_as_json_with_its_id_and_the_time_of_sending() {
    let server = receiver(vec![Answer::Status("204 No Content", "")]);
    assert_eq!(sent(&server.url), Ok(()));
    let request = server.requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[0], format!("POST /hook/{SECRET}?key={SECRET} HTTP/1.1"));
    let agent = concat!("user-agent: tomking/", env!("CARGO_PKG_VERSION"));
    let wanted = [
        "content-type: application/json",
        "webhook-id: tomking-42_1722609001",
        "webhook-timestamp: 1722614400",
        agent,
    ];
    for header in wanted {
        assert!(lines.contains(&header), "{header} in {head}");
    }
    assert!(!head.contains("webhook-signature"), "there is no secret to sign with");
    let body: Value = serde_json::from_str(body).unwrap();
    let wanted = serde_json::json!({
        "id": 42,
        "at": "2024-08-02T14:30:01Z",
        "kind": "opened",
        "severity": "info",
        "title": "Opened 1 ES condor for $187.50 – \"filled\"",
        "text": "two\nlines",
        "key": "",
        "repeat": 0,
    });
    assert_eq!(body, wanted);
}

#[test]
fn the_signature_is_of_the_bytes_that_were_sent() {
    let server = receiver(vec![Answer::Status("200 OK", "")]);
    let secrets = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= \
                   whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let signed = Setup { secret: Some(secrets.to_owned()), ..setup(&server.url) };
    assert_eq!(sent_by(signed, reach()), Ok(()));
    let request = server.requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let value = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        value.unwrap().to_owned()
    };
    let signer = sign::Signer::new(secrets).unwrap();
    let wanted = signer.sign(&header("webhook-id"), &header("webhook-timestamp"), body);
    assert_eq!(header("webhook-signature"), wanted);
    assert_eq!(wanted.split(' ').count(), 2);
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
fn a_receiver_that_is_busy_names_the_wait() {
    let after = |millis, why: &str| {
        let why = format!("the receiver answered {why}");
        Err(SendError::RetryAfter { after: TimeDelta::milliseconds(millis), why })
    };
    let busy = "429 Too Many Requests";
    let seconds = Answer::Status(busy, "retry-after: 30\r\n");
    let date = Answer::Status(busy, "retry-after: Fri, 02 Aug 2024 16:01:30 GMT\r\n");
    let down = Answer::Status("503 Service Unavailable", "retry-after: 7\r\n");
    let body = r#"{"message": "limited", "retry_after": 0.65}"#;
    let json = Answer::Body(busy, body);
    for (answer, wanted) in [
        (seconds, after(30_000, busy)),
        (date, after(90_000, busy)),
        (down, after(7_000, "503 Service Unavailable")),
        (json, after(650, &format!("{busy}: {body}"))),
        (Answer::Body("400 Bad Request", "invalid_payload"), {
            let why = "the receiver answered 400 Bad Request: invalid_payload";
            Err(SendError::Permanent(why.to_owned()))
        }),
    ] {
        assert_eq!(sent(&receiver(vec![answer]).url), wanted);
    }
}

#[test]
fn no_body_is_waited_for_or_read_beyond_its_limit() {
    let busy = "429 Too Many Requests";
    let endless = receiver(vec![Answer::Endless(busy)]);
    let Err(SendError::Retry(text)) = sent(&endless.url) else { panic!("taken or final") };
    assert!(text.starts_with("the receiver answered 429 Too Many Requests: xxxx"), "{text}");
    assert!(text.len() < 200, "{}", text.len());
    // What the system's buffers hold, and not the 64 MB there are.
    assert!(endless.sent.load(Ordering::SeqCst) < 16 << 20);

    let good = receiver(vec![Answer::Endless("200 OK")]);
    assert_eq!(sent(&good.url), Ok(()), "the body of a 2xx is of no interest");

    let stalls = receiver(vec![Answer::Stalls(busy)]);
    let wanted = format!("the receiver answered {busy}: slow_down");
    assert_eq!(sent(&stalls.url), Err(SendError::Retry(wanted)));
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

/// The error of a setup, which shows neither its URL nor its secret.
fn refused(setup: Setup) -> String {
    let Err(error) = Webhook::new(setup, clock()) else { panic!("taken") };
    let text = format!("{error} {error:?}");
    assert!(!text.contains(SECRET), "{text}");
    error.to_string()
}

#[test]
fn what_cannot_be_set_up_is_refused_without_being_shown() {
    for url in [format!("ftp://host/{SECRET}"), format!("not a url {SECRET}"), String::new()] {
        let text = refused(setup(&url));
        assert!(text.starts_with("webhook `phone`: the URL "), "{text}");
    }
    let signed = Setup { secret: Some(SECRET.to_owned()), ..setup("https://host.example/") };
    assert_eq!(refused(signed), "webhook `phone`: secret 1 must begin with `whsec_`");
}

#[test]
fn an_address_that_is_not_public_is_refused_in_every_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fd00::1]",
        "0.0.0.0",
        "192.168.1.1:8080",
    ] {
        let private = Setup { allow_private: false, ..setup(&format!("http://{host}/{SECRET}")) };
        let wanted = "webhook `phone`: the URL names a private or local address; set \
                      `allow_private = true` if such a receiver is meant";
        assert_eq!(refused(private), wanted, "{host}");
    }
}

/// Answers each question for a name with the next of its lists.
struct Fickle(Mutex<Vec<Vec<SocketAddr>>>);

impl Resolve for Fickle {
    fn resolve(&self, _: Name) -> Resolving {
        let next = self.0.lock().unwrap().remove(0);
        async move { Ok(Box::new(next.into_iter()) as Addrs) }.boxed()
    }
}

#[test]
fn a_name_that_turns_to_a_private_address_is_not_followed() {
    let server = receiver(vec![Answer::Status("200 OK", "")]);
    let own: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let far: SocketAddr = "[2001:4860:ffff::1]:0".parse().unwrap();
    let answers = || Fickle(Mutex::new(vec![vec![far], vec![own], vec![own, far]]));
    let url = format!("http://rebind.example:{}/{SECRET}", server.port);
    let closed = Setup { allow_private: false, ..setup(&url) };
    let reach = Reach { allow_private: false, names: Arc::new(answers()), ..reach() };
    let hook = Webhook::within(closed, clock(), reach).unwrap();
    for turn in 0..3 {
        let Err(SendError::Retry(text)) = block_on(hook.send(&Outgoing::one(alert()))) else {
            panic!("turn {turn}: taken or final")
        };
        let refused = text.contains("the receiver's name leads to no public address");
        assert_eq!(refused, turn == 1, "turn {turn}: {text}");
        assert!(!text.contains("rebind.example"), "{text}");
    }
    assert!(server.requests.try_recv().is_err(), "nobody came");

    // The same name is followed where a private receiver is meant.
    let open = Reach { names: Arc::new(Fickle(Mutex::new(vec![vec![own]]))), ..self::reach() };
    assert_eq!(sent_by(setup(&url), open), Ok(()));
}

#[test]
fn localhost_is_refused_by_where_it_leads() {
    let server = receiver(vec![Answer::Status("200 OK", "")]);
    let url = format!("http://localhost:{}/{SECRET}", server.port);
    let closed = Setup { allow_private: false, ..setup(&url) };
    let reach = Reach { deadline: Duration::from_secs(5), ..Reach::of(false) };
    let Err(SendError::Retry(text)) = sent_by(closed, reach) else { panic!("taken or final") };
    assert!(text.contains("leads to no public address"), "{text}");
}

/// A server with a certificate for `name`; gives its port and the certificate.
fn tls_server(name: &str) -> (u16, reqwest::Certificate) {
    use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let root = reqwest::Certificate::from_der(made.cert.der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        block_on(async move {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
            for _ in 0..4 {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut bytes = [0; 4096];
                let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut bytes).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
                let _ = tokio::io::AsyncWriteExt::flush(&mut stream).await;
            }
        });
    });
    (port, root)
}

#[test]
fn a_certificate_of_another_name_or_of_nobody_is_refused() {
    let (port, root) = tls_server("hooks.example");
    let over_tls = |name: &str, roots: &[reqwest::Certificate]| {
        let own: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let names = Arc::new(Fickle(Mutex::new(vec![vec![own]])));
        let deadline = Duration::from_secs(5);
        let reach = Reach { deadline, names, roots: roots.to_vec(), ..Reach::of(true) };
        sent_by(setup(&format!("https://{name}:{port}/{SECRET}")), reach)
    };
    let trusted = [root];
    assert_eq!(over_tls("hooks.example", &trusted), Ok(()));
    for (name, roots, wanted) in [
        ("other.example", &trusted[..], "certificate not valid for name"),
        ("hooks.example", &[], "UnknownIssuer"),
    ] {
        let Err(SendError::Retry(text)) = over_tls(name, roots) else { panic!("taken or final") };
        assert!(text.contains(wanted) && !text.contains("other.example"), "{text}");
    }
}

#[test]
fn only_what_is_severe_enough_goes_out() {
    let url = format!("http://127.0.0.1:1/{SECRET}");
    let least = Setup { least: Severity::Warning, ..setup(&url) };
    let hook = Webhook::new(least, clock()).unwrap();
    let of = |severity| hook.takes(&Alert { severity, ..alert() });
    assert_eq!(
        [Severity::Info, Severity::Warning, Severity::Critical].map(of),
        [false, true, true]
    );
}

#[test]
fn the_switch_is_pinged_by_get_and_told_of_starts_and_failures() {
    let ok = Answer::Status("200 OK", "");
    let server = receiver(vec![ok, ok, ok, Answer::Status("404 Not Found", "")]);
    let switch = |signals| DeadMan::new(&server.url, signals, true, clock()).unwrap();
    assert_eq!(block_on(switch(true).ping()), Ok(()));
    assert_eq!(block_on(switch(true).start()), Ok(()));
    assert_eq!(block_on(switch(true).fail(&"store ".repeat(500))), Ok(()));
    assert_eq!(block_on(switch(false).start()), Ok(()), "nothing is sent");
    let gone = SendError::Permanent("the receiver answered 404 Not Found".to_owned());
    assert_eq!(block_on(switch(false).ping()), Err(gone));
    let requests: Vec<String> = server.requests.iter().collect();
    for (request, line) in requests.iter().zip([
        format!("GET /hook/{SECRET}?key={SECRET} HTTP/1.1"),
        format!("POST /hook/{SECRET}/start?key={SECRET} HTTP/1.1"),
        format!("POST /hook/{SECRET}/fail?key={SECRET} HTTP/1.1"),
        format!("GET /hook/{SECRET}?key={SECRET} HTTP/1.1"),
    ]) {
        assert_eq!(request.lines().next(), Some(line.as_str()));
    }
    let (_, reason) = requests[2].split_once("\r\n\r\n").unwrap();
    assert!(reason.starts_with("store store ") && reason.len() == 1000);
}

/// Bodies: `healthchecks.io/docs/http_api`, "Response Codes".
#[test]
fn a_switch_that_answers_200_and_knows_no_such_check_is_not_pinged() {
    let ok = "200 OK";
    let bodies =
        ["OK", "OK (not found)", "(Not Found)\n", "OK (rate limited)", "", "<p>(not found)"];
    let answers = bodies.map(|body| Answer::Body(ok, body)).to_vec();
    let endless = [Answer::Endless(ok), Answer::Body(ok, "OK (not found)")];
    let server = receiver(answers.into_iter().chain(endless).collect());
    let switch = DeadMan::new(&server.url, true, true, clock()).unwrap();
    let kinds = bodies.map(|_| match block_on(switch.ping()) {
        Ok(()) => "pinged".to_owned(),
        Err(SendError::Permanent(why)) => format!("never: {}", why.split(',').next().unwrap()),
        Err(other) => format!("later: {}", other.to_string().split(',').next().unwrap()),
    });
    let unknown = "never: the switch knows no check at the address of voice.dead_man.url";
    let many = "later: the switch left the ping out";
    assert_eq!(kinds, ["pinged", unknown, unknown, many, "pinged", "pinged"]);
    assert_eq!(block_on(switch.ping()), Ok(()), "of a body without an end the beginning is read");
    assert!(matches!(block_on(switch.fail("x")), Err(SendError::Permanent(_))));
}
