//! The built program with a bot: from the bytes of a message to the latch.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::server::{BotApi, TOKEN};

/// A home directory with a bot in its settings.
struct Home(tempfile::TempDir);

impl Home {
    fn new(api: &BotApi) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let config = format!(
            "[voice.telegram]\ntoken = {{ file = \"{}\" }}\nowners = [11]\nchats = [{{ id = 11 }}]\n\
             api_url = \"{}\"\n",
            home.dir().join("token").display(),
            api.url
        );
        std::fs::write(home.dir().join("token"), format!("{TOKEN}\n")).unwrap();
        std::fs::write(home.dir().join("config.toml"), config).unwrap();
        home
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tomking"));
        command.current_dir(self.dir()).env_clear().env("HOME", self.dir()).stdin(Stdio::null());
        command.env("TOMKING_DATA_DIR", self.dir().join("data"));
        command.env("TOMKING_CONFIG_DIR", self.dir()).args(args);
        command
    }

    fn daemon(&self, log: &str) -> Daemon {
        let log = std::fs::File::create(self.dir().join(log)).unwrap();
        Daemon(self.command(&["run"]).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// The latch as a shell sees it.
    fn latch(&self) -> String {
        let output = self.command(&["status", "--json"]).output().unwrap();
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        status["latch"].as_str().unwrap().to_owned()
    }
}

/// A daemon that is killed, as a machine dies, when it is dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn halted(api: &BotApi) -> bool {
    api.texts(11).iter().any(|text| text.starts_with("HALTED"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_reaches_the_latch_and_the_token_no_log() {
    let api = BotApi::start(&[11]).await;
    let home = Home::new(&api);
    let _daemon = home.daemon("log");
    api.write(11, 11, "halt the screen is red", 0);
    api.until("an answer", halted).await;
    assert_eq!(home.latch(), "HALTED");
    let health = home.command(&["health", "--json"]).output().unwrap();
    let health: Value = serde_json::from_slice(&health.stdout).unwrap();
    let ear = &health["ears"][0];
    assert_eq!((&ear["name"], &ear["hears"]), (&"telegram".into(), &true.into()), "{health:#}");
    assert_eq!(ear["counts"]["heard"], 1);
    assert!(ear["answered_at"].is_string());
    // The latch is told by the channel, too, once: that it changed.
    api.until("the alert", |api| api.texts(11).iter().any(|text| text.contains("alert "))).await;
    let log = std::fs::read_to_string(home.dir().join("log")).unwrap();
    assert!(!log.contains("AAE-test_TOKEN"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_survives_a_death_in_the_middle() {
    let api = BotApi::start(&[11]).await;
    let home = Home::new(&api);
    let daemon = home.daemon("first");
    let halt = api.write(11, 11, "/halt", 0);
    // The first poll brings it; a moment later the machine dies, whatever came of it by then.
    api.until("a poll", |api| !api.calls("getupdates").is_empty()).await;
    drop(daemon);
    let _daemon = home.daemon("second");
    api.until("the halt is confirmed", |api| !api.unconfirmed().contains(&halt)).await;
    api.until("an answer", halted).await;
    assert_eq!(home.latch(), "HALTED");
}
