//! The daemon from outside: the built binary as a new user meets it, and as a machine mistreats it.
//! Waiting is bounded polling of what the daemon itself answers.

#![allow(clippy::unwrap_used)] // a binary that does not start fails the test, as it should

#[path = "daemon/house.rs"]
mod house;
#[path = "daemon/life.rs"]
mod life;

use std::{fs, time::Duration};

use house::House;
use serde_json::Value;

/// The two commands of the README, as a new user types them; the first one is already built here.
#[test]
fn the_two_commands_of_the_readme_give_a_paper_account_that_survives_its_daemon() {
    let readme = include_str!("../README.md");
    for command in ["cargo run --release ", "cargo test "] {
        let lines = readme.lines().filter(|line| line.starts_with(command)).count();
        assert_eq!(lines, 1, "the README's start is `{command}` on a line of its own");
    }

    let house = House::new();
    let mut daemon = house.start();
    let first = house.wait_until_ready();
    assert!(house.path("home/.local/share/tomking/paper/tomking.redb").is_file());
    assert_eq!(first["daemon"]["pid"], daemon.pid());
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(first["latch"], "ACTIVE");
    assert_eq!(first["reconciled"], true);
    assert_eq!(first["account"]["net_liquidation_gbp"], "35000.00");
    let rate = dollars(&first) / 35_000.0;
    assert!((1.0..2.0).contains(&rate), "dollars for a pound: {rate}");
    assert_eq!(first["positions"], Value::Array(vec![]));
    assert!(!first["next_slots"].as_array().unwrap().is_empty());

    for (command, latch) in [("halt", "HALTED"), ("reduce", "HALTED")] {
        assert_eq!(house.json(&[command])["level"], latch, "{command}");
    }
    assert_eq!(house.json(&["resume", "--yes"])["level"], "ACTIVE");
    assert_eq!(house.json(&["reduce"])["level"], "REDUCING");
    assert_eq!(house.status()["latch"], "REDUCING");
    assert_eq!(house.json(&["resume", "--yes"])["level"], "ACTIVE");
    let next = house.json(&["jobs", "next", "-n", "20"]);
    let slots = next["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 20);
    assert!(
        slots
            .iter()
            .any(|slot| slot["job"] == "friday-0dte-entry" || slot["job"] == "daily-report")
    );

    house.json(&["halt", "--reason", "going away"]);
    let before = house.status();
    assert_eq!(daemon.stop(), Some(0), "SIGTERM ends it in good order: {}", daemon.log());
    assert!(daemon.log().contains("stopped"), "{}", daemon.log());
    let stopped = house.status();
    assert_eq!(stopped["daemon"], Value::Null);
    assert_eq!(stopped["latch"], "HALTED");

    let mut daemon = house.start();
    let second = house.wait_until_ready();
    assert_eq!(second["daemon"]["pid"], daemon.pid());
    assert_eq!(second["latch"], "HALTED");
    assert_eq!(second["holds"][0]["cause"], "going away");
    assert_eq!(second["account"]["net_liquidation_usd"], before["account"]["net_liquidation_usd"]);
    assert!(sequence(&second) > sequence(&before), "the journal goes on");
    assert_eq!(house.json(&["resume", "--yes"])["level"], "ACTIVE");
    assert_eq!(daemon.stop(), Some(0));
    assert!(house.run(&["journal", "verify"]).status.success());
}

#[test]
fn a_second_daemon_is_refused_and_told_of_the_first() {
    let house = House::new();
    let mut daemon = house.start();
    house.wait_until_ready();
    let (code, said) = house.failure(&["run"]);
    assert_eq!(code, 1);
    let owner = format!("is in use by process {} (`tomking run`)", daemon.pid());
    assert!(said.contains(&owner), "{said}");
    assert_eq!(house.status()["daemon"]["pid"], daemon.pid(), "the first one lives on");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_killed_daemon_is_started_again_with_its_halt() {
    let house = House::new();
    let mut daemon = house.start();
    house.wait_until_ready();
    house.json(&["halt"]);
    daemon.kill();
    assert_eq!(house.status()["latch"], "HALTED", "the store says so without a daemon");
    let mut daemon = house.start();
    let status = house.wait_until_ready();
    assert_eq!((&status["latch"], &status["reconciled"]), (&"HALTED".into(), &true.into()));
    assert!(daemon.log().contains("unclean shutdown"), "{}", daemon.log());
    assert_eq!(daemon.stop(), Some(0));
    assert!(house.run(&["store", "check"]).status.success());
}

#[test]
fn a_halt_file_made_by_hand_halts_within_a_second_and_at_the_next_start() {
    let house = House::new();
    let mut daemon = house.start();
    house.wait_until_ready();
    fs::write(house.data("HALT"), "").unwrap();
    house.wait(Duration::from_secs(1), |status| status["latch"] == "HALTED");
    assert_eq!(daemon.stop(), Some(0));
    let mut daemon = house.start();
    let status = house.wait_until_ready();
    assert_eq!(status["latch"], "HALTED");
    assert_eq!(status["holds"][0]["cause"], "the file `HALT` in the data directory");
    assert_eq!(house.json(&["resume", "--yes"])["level"], "ACTIVE");
    assert!(!house.data("HALT").exists());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_halt_file_found_at_the_first_start_halts() {
    let house = House::new();
    fs::create_dir_all(house.data("")).unwrap();
    fs::write(house.data("HALT"), "").unwrap();
    let mut daemon = house.start();
    assert_eq!(house.wait_until_ready()["latch"], "HALTED");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn what_cannot_start_says_what_is_wrong_and_where() {
    let house = House::new();
    let blocked = house.path("a-file");
    fs::write(&blocked, "").unwrap();
    let below = blocked.join("data");
    let (code, said) = house.failure(&["--data-dir", below.to_str().unwrap(), "run"]);
    assert_eq!(code, 1);
    assert!(said.starts_with(&format!("error: creating {}: ", below.display())), "{said}");

    let nothing = house.run(&["--data-dir", below.to_str().unwrap(), "status"]);
    let said = String::from_utf8(nothing.stdout).unwrap();
    assert!(said.contains("not running; no store here yet"), "{said}");

    let (code, said) = house.failure(&["--config-dir", "/nonexistent/tomking", "run"]);
    assert_eq!(code, 1);
    assert!(said.contains("/nonexistent/tomking"), "{said}");

    for (file, text, wanted) in [
        ("config.toml", "[log]\nformat = \"humam\"\n", "config.toml:2: `log.format`"),
        ("config.toml", "\n[voice]\nwebhok = []\n", "config.toml:3: `voice.webhok`"),
        ("config.toml", "[log\n", "config.toml:1:"),
        ("rulebook.toml", "unheard_of = 1\n", "rulebook.toml:1: `unheard_of`"),
        ("jobs/heartbeat.toml", "about = \"mine\"\nat = 3\n", "jobs/heartbeat.toml, line 2: `at`"),
    ] {
        let path = house.config(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let (code, said) = house.failure(&["run"]);
        assert_eq!(code, 1, "{file}: {said}");
        assert!(said.contains(wanted), "{file}: {said}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_secret_of_an_ear_that_is_missing_or_bad_is_named_before_anything_is_started() {
    let house = House::new();
    let (absent, secret) = (house.path("absent"), house.path("totp"));
    let (codes, words) = ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "no base32: 0189");
    let missing = format!("voice.inbox.server.password: {} cannot be read", absent.display());
    for (password, totp, wanted) in [
        (&absent, codes, missing.as_str()),
        (&secret, words, "voice.totp: the secret must be base32"),
        (&secret, "", "voice.totp: "),
    ] {
        fs::write(&secret, totp).unwrap();
        let text = format!(
            "[voice]\ntotp = {{ file = {secret:?} }}\n[voice.email]\nfrom = \"bot@example.org\"\nto = \
             [\"me@example.org\"]\nserver = {{ host = \"localhost\", security = \"none\" }}\n\
             [voice.inbox]\nsenders = [\"me@example.org\"]\nserver = {{ host = \"localhost\", \
             security = \"none\", username = \"bot\", password = {{ file = {password:?} }} }}\n"
        );
        fs::create_dir_all(house.config("")).unwrap();
        fs::write(house.config("config.toml"), text).unwrap();
        let (code, said) = house.failure(&["run"]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(wanted), "{said}");
        assert!(!said.contains("ready"), "{said}");
        let tail = house.json(&["journal", "tail"]);
        assert_eq!(tail["entries"].as_array().map(Vec::len), Some(0), "{tail:#}");
    }
}

#[test]
fn a_damaged_store_is_refused_and_left_as_it_is() {
    let house = House::new();
    let mut daemon = house.start();
    house.wait_until_ready();
    assert_eq!(daemon.stop(), Some(0));
    let store = house.data("tomking.redb");
    let whole = fs::read(&store).unwrap();
    let cut = whole[..whole.len() / 2].to_vec();
    let mut flipped = whole.clone();
    for at in (8192..flipped.len()).step_by(4096) {
        flipped[at + 100] ^= 0x55;
    }
    for (what, bytes) in [
        ("nothing", vec![]),
        ("rubbish", b"not a store at all".to_vec()),
        ("cut", cut),
        ("flipped", flipped),
    ] {
        fs::write(&store, &bytes).unwrap();
        for command in ["run", "status", "halt"] {
            let (code, said) = house.failure(&[command]);
            assert_eq!(code, 1, "{what}, {command}: {said}");
            assert!(said.contains("tomking.redb is damaged"), "{what}, {command}: {said}");
            assert!(said.contains("tomking store restore"), "{what}, {command}: {said}");
            assert!(!said.contains("panicked at"), "{what}, {command}: {said}");
        }
        assert_eq!(fs::read(&store).unwrap(), bytes, "{what}: kept for inspection");
    }
    assert!(house.data("HALT").exists(), "a halt needs no store: the file is there");
    fs::write(&store, whole).unwrap();
    let mut daemon = house.start();
    house.wait_until_ready();
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_log_filter_that_makes_no_sense_is_named() {
    let house = House::new();
    let output = house.command(&["run"]).env("RUST_LOG", "info=debug=1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: RUST_LOG"), "{said}");
    assert!(!house.data("tomking.redb").exists(), "nothing was begun");
}

#[test]
fn a_reader_that_goes_away_or_a_full_disk_under_stdout_makes_no_panic() {
    let house = House::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = house.command(&["jobs", "list"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: writing the answer: "), "{said}");

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = house.command(&["jobs", "list"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

fn dollars(status: &Value) -> f64 {
    status["account"]["net_liquidation_usd"].as_str().unwrap().parse().unwrap()
}

fn sequence(status: &Value) -> u64 {
    status["journal"]["sequence"].as_u64().unwrap()
}
