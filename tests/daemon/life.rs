//! The signs of life of the built binary: to a service manager's socket (`sd_notify(3)`), and to a
//! dead-man's switch on loopback.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::net::UnixDatagram,
    sync::mpsc,
    thread,
    time::Duration,
};

use super::house::House;

/// The longest a word is waited for: a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn a_service_manager_is_told_when_it_is_ready_that_it_lives_and_when_it_stops() {
    let house = House::new();
    let path = house.path("notify.sock");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = |wanted: &str| {
        let mut before = Vec::new();
        loop {
            let mut bytes = [0; 4096];
            let length =
                manager.recv(&mut bytes).unwrap_or_else(|_| panic!("{wanted}: {before:?}"));
            let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
            if text.trim_end().starts_with(wanted) {
                return before;
            }
            before.push(text);
        }
    };
    let socket = path.to_str().unwrap();
    let mut daemon = house.start_with(&[("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", "1000000")]);
    let before = heard("READY=1");
    assert_eq!(before, ["STATUS=reconciling\n"], "nothing is fed before it is ready");
    heard("WATCHDOG=1");
    heard("STATUS=ACTIVE, 0 positions open, books agree");
    heard("WATCHDOG=1");
    house.json(&["halt"]);
    heard("STATUS=HALTED, 0 positions open");
    assert_eq!(daemon.stop(), Some(0));
    heard("STOPPING=1");
}

/// A switch that takes everything: request line and body of each.
fn switch() -> (String, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/check", listener.local_addr().unwrap());
    let (tell, heard) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let (mut text, mut part) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = stream.read(&mut part) {
                text.extend_from_slice(&part[..read]);
            }
            let text = String::from_utf8(text).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
            let line = head.lines().next().unwrap_or_default().to_owned();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK").unwrap();
            if tell.send((line, body.to_owned())).is_err() {
                return;
            }
        }
    });
    (url, heard)
}

#[test]
fn a_dead_mans_switch_is_told_of_starts_and_of_ends_by_an_error() {
    let house = House::new();
    fs::create_dir_all(house.config("")).unwrap();
    let settings = "[voice.dead_man]\nurl = { env = \"SWITCH\" }\nallow_private = true\n";
    fs::write(house.config("config.toml"), settings).unwrap();
    let (url, heard) = switch();
    let told = |wanted: &str| {
        let (line, body) = heard.recv_timeout(PATIENCE).unwrap();
        assert_eq!(line, wanted, "{body}");
        body
    };
    let environment = [("SWITCH", url.as_str())];
    let mut daemon = house.start_with(&environment);
    told("POST /check/start HTTP/1.1");
    house.wait_until_ready();

    // One that is refused because this one runs is no failure of this one.
    let second = house.command(&["run"]).envs(environment).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(daemon.stop(), Some(0));
    let pings = heard.try_iter().filter(|(line, _)| !line.starts_with("GET /check HTTP")).count();
    assert_eq!(pings, 0, "nothing but pings");

    // Nothing can listen where a directory stands.
    fs::create_dir_all(house.data("control.sock").join("in the way")).unwrap();
    let failed = house.command(&["run"]).envs(environment).output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", String::from_utf8_lossy(&failed.stderr));
    told("POST /check/start HTTP/1.1");
    let why = told("POST /check/fail HTTP/1.1");
    assert!(why.starts_with("listening at "), "{why}");
}
