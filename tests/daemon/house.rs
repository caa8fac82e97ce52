//! A home directory of a test's own, and the built binary in it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tomking::clock::Stopwatch;

/// A daemon is ready within so long, or the test fails: a debug build on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// A daemon asked to stop ends within so long: its own limit for running jobs is 15 s.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A home with nothing in it.
pub struct House {
    dir: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file in the data directory a new user gets on Linux.
    pub fn data(&self, name: &str) -> PathBuf {
        self.path("home/.local/share/tomking/paper").join(name)
    }

    /// A file in the user's config directory.
    pub fn config(&self, name: &str) -> PathBuf {
        self.path("home/.config/tomking").join(name)
    }

    /// The binary with nothing in its environment but the home.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tomking"));
        command.args(args).env_clear().env("HOME", self.path("home")).stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The document of a command that succeeds.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Exit code and stderr of a command that fails; nothing is on its stdout.
    pub fn failure(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        assert_eq!(output.stdout, b"", "{args:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    pub fn status(&self) -> Value {
        self.json(&["status"])
    }

    /// Starts the daemon as the README does: no argument at all.
    pub fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    /// The same with more in its environment.
    pub fn start_with(&self, environment: &[(&str, &str)]) -> Daemon {
        let log = tempfile::NamedTempFile::new_in(self.dir.path()).unwrap();
        let (file, path) = log.keep().unwrap();
        let child = self
            .command(&[])
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Daemon { child, log: path }
    }

    /// The status of a daemon that has begun to answer.
    pub fn wait_until_ready(&self) -> Value {
        self.wait(READY_WITHIN, |status| !status["daemon"].is_null())
    }

    /// The first status that is as wanted.
    pub fn wait(&self, within: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        let watch = Stopwatch::start();
        loop {
            let output = self.run(&["status", "--json"]);
            let status = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
            if wanted(&status) {
                return status;
            }
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(watch.elapsed() < within, "still not after {within:?}: {status:#} {said}");
            std::thread::sleep(LOOK);
        }
    }
}

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// SIGTERM; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let sent = Command::new("kill").arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(watch.elapsed() < STOP_WITHIN, "it does not stop: {}", self.log());
            std::thread::sleep(LOOK);
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
