//! `tomking alerts` and `tomking ack`, beside a daemon and without one.

use serde_json::{Value, json};

use crate::daemon::Home;

/// A home with a webhook on this machine that nobody listens to.
fn home() -> Home {
    let home = Home::new();
    // Taken and given back: nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = home.dir().join(".config/tomking");
    std::fs::create_dir_all(&config).unwrap();
    let url = config.join("url");
    std::fs::write(&url, format!("http://127.0.0.1:{port}/")).unwrap();
    let url = url.display();
    let text = format!(
        "[[voice.webhook]]\nname = \"desk\"\nurl = {{ file = \"{url}\" }}\nallow_private = true\n\
         least = \"warning\"\n"
    );
    std::fs::write(config.join("config.toml"), text).unwrap();
    home
}

fn channel<'a>(tested: &'a Value, name: &str) -> &'a Value {
    let channels = tested["channels"].as_array().unwrap();
    channels.iter().find(|channel| channel["channel"] == name).unwrap()
}

fn test_of(home: &Home) {
    let ran = home.run(&["alerts", "test", "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let tested: Value = serde_json::from_str(&ran.stdout).unwrap();
    let (log, desk) = (channel(&tested, "log"), channel(&tested, "desk"));
    let count = log["kinds"].as_array().unwrap().len();
    assert_eq!((&log["sent"], &log["failed"]), (&json!(count), &json!(0)));
    assert_eq!(desk["sent"], 0);
    let of = |result: &str| {
        let kinds = desk["kinds"].as_array().unwrap().iter();
        kinds.filter(|kind| kind["result"] == result).count()
    };
    assert_eq!(json!(of("failed")), desk["failed"]);
    assert_eq!(of("failed") + of("not_taken"), count, "what is under its `least` is not tried");
    assert!(of("not_taken") > 0 && of("failed") > 0);
    let shown = home.run(&["alerts", "test"]);
    assert_eq!(shown.code, 1);
    let row = shown.stdout.lines().find(|line| line.contains("not_flat")).unwrap();
    assert!(row.contains("sent") && row.contains("FAILED"), "{}", shown.stdout);
}

#[test]
fn alerts_are_listed_acknowledged_muted_and_tested_beside_a_daemon_and_without_it() {
    let home = home();
    let daemon = home.daemon();
    test_of(&home);
    home.run(&["halt", "--reason", "a test"]).ok();
    let open = |wanted: u64| {
        Home::until("what is open", || {
            let listed = home.run(&["alerts", "--json"]).json();
            (listed["open"] == wanted).then_some(listed)
        })
    };
    let listed = open(1);
    let halted = &listed["alerts"][0];
    assert_eq!((&halted["kind"], &halted["state"]), (&json!("latch"), &json!("open")));
    let id = halted["id"].to_string();
    let acked = home.run(&["ack", &id, "--json"]).json();
    assert_eq!((&acked["alerts"][0]["kind"], &acked["report"]), (&json!("latch"), &Value::Null));
    let again = home.run(&["alerts", "ack", &id, "--json"]).json();
    assert_eq!(again["alerts"], json!([]), "idempotent");
    let listed = open(0);
    let halted = &listed["alerts"][0];
    assert_eq!(halted["acknowledged_by"], "operator");
    let channels: Vec<_> = halted["told"].as_array().unwrap().iter().collect();
    assert_eq!(channels.len(), 2, "the log and the first channel: {channels:?}");
    let unknown = home.run(&["ack", "999999"]).failed(1);
    assert!(unknown.contains("there is no alert 999999"), "{unknown}");
    let info = home.run(&["ack", "1"]).failed(1);
    assert!(info.contains("for the record"), "{info}");

    let muted = home.run(&["alerts", "mute", "60", "--kind", "decided", "--json"]).json();
    assert_eq!(muted["mutes"][0]["kind"], "decided");
    let wrong = home.run(&["alerts", "mute", "60", "--kind", "deceided"]).failed(1);
    assert!(wrong.contains("is no kind of alert; there are started, stopping"), "{wrong}");
    home.run(&["resume", "--yes"]).ok();
    home.run(&["halt", "--reason", "again"]).ok();
    daemon.stop();

    let acked = home.run(&["ack"]).ok();
    assert!(acked.contains("acknowledged"), "{acked}");
    let listed = home.run(&["alerts", "list", "-n", "50", "--json"]).json();
    assert_eq!((&listed["open"], &listed["mutes"][0]["kind"]), (&json!(0), &json!("decided")));
    let ended = home.run(&["alerts", "mute", "0", "--kind", "decided", "--json"]).json();
    assert_eq!(ended["mutes"], json!([]));
    assert_eq!(home.run(&["alerts", "dead", "--json"]).json(), json!({ "dead": [] }));
    test_of(&home);
}
