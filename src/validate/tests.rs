//! The protocol on a home of its own.

use std::path::{Path, PathBuf};

use super::*;
use crate::{
    calendar::new_york,
    config::{Profile, voice::WebhookSettings},
    schedule::JobSet,
    store::Store,
};

struct Home {
    dir: tempfile::TempDir,
    settings: Settings,
    jobs: JobSet,
    calendar: Calendar,
    dirs: Directories,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let named = |name: &str| Some(dir.path().join(name));
        let (config, data) = (named("config"), named("data"));
        std::fs::create_dir(dir.path().join("config")).unwrap();
        let dirs =
            Directories::resolve(config.as_deref(), data.as_deref(), Profile::Paper).unwrap();
        Self {
            dirs,
            dir,
            settings: Settings::default_embedded(),
            jobs: JobSet::embedded().unwrap(),
            calendar: Calendar::default(),
        }
    }

    /// A ledger that a simulated week has filled.
    fn week(&self) -> PathBuf {
        use crate::sim::replay::{self, Plan, Tape};
        let date = |day| chrono::NaiveDate::from_ymd_opt(2026, 10, day).unwrap();
        let (settings, jobs) = (self.settings.clone(), self.jobs.clone());
        let plan = Plan::new((date(12), date(16)), settings, jobs, Tape::Simulated);
        let (_, store) = replay::run(plan).unwrap();
        self.kept(&store)
    }

    fn kept(&self, store: &Store) -> PathBuf {
        let file = self.dir.path().join("copy.redb");
        store.backup(&file).unwrap();
        file
    }

    fn run(&self, copy: Result<PathBuf, String>, stage: StageId) -> Protocol {
        let scratch = self.dir.path().join("scratch");
        let _ = std::fs::remove_dir_all(&scratch);
        std::fs::create_dir(&scratch).unwrap();
        run(&self.subject(copy, &scratch), stage)
    }

    fn subject<'a>(&'a self, copy: Result<PathBuf, String>, scratch: &'a Path) -> Subject<'a> {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 10, 17).unwrap();
        Subject {
            settings: &self.settings,
            dirs: &self.dirs,
            jobs: &self.jobs,
            calendar: &self.calendar,
            now: new_york(date, chrono::NaiveTime::MIN),
            copy,
            scratch,
            others: Vec::new(),
            seeds: 1,
            probe: false,
        }
    }
}

fn of<'a>(protocol: &'a Protocol, name: &str) -> &'a Check {
    let found = protocol.checks.iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("no check `{name}`"))
}

#[test]
fn a_paper_ledger_of_a_week_passes_for_paper_and_fails_for_stage_1_by_what_it_has_not_earned() {
    let home = Home::new();
    let copy = home.week();
    let paper = home.run(Ok(copy.clone()), StageId::Paper);
    assert_eq!(paper.failed(), Vec::<String>::new(), "{:#?}", paper.checks);
    assert!(paper.passed);

    let stage_1 = home.run(Ok(copy), StageId::One);
    assert!(!stage_1.passed);
    let wanted = [
        "alert channels",
        "dead-man's switch",
        "prices",
        "calendar time",
        "closed trades",
        "live sessions",
    ];
    let failed = stage_1.failed();
    for name in wanted {
        assert!(failed.iter().any(|found| found == name), "{name} in {failed:?}");
    }
    assert_eq!(of(&stage_1, "live sessions").measured, "0");
    let win_rate = &of(&stage_1, "win rate").measured;
    assert!(!win_rate.contains("88"), "{win_rate}: the rulebook's claim, not this ledger's figure");
}

#[test]
fn without_a_store_nothing_of_it_is_measured_and_the_protocol_fails() {
    let home = Home::new();
    let protocol = home.run(Err("no store at /nowhere".to_owned()), StageId::One);
    for name in ["store", "backup", "journal", "drawdown", "win rate", "positive days"] {
        let check = of(&protocol, name);
        assert_eq!((check.holds, check.measured.as_str()), (false, "not measured"), "{name}");
    }
    assert!(!protocol.passed);
}

#[test]
fn a_secret_that_makes_no_codes_is_found_before_the_daemon_does_not_start() {
    let mut home = Home::new();
    let secret = home.dir.path().join("totp");
    std::fs::write(&secret, "no base32: 0189\n").unwrap();
    home.settings.voice.totp = Some(crate::config::voice::SecretSource::File(secret));
    let scratch = home.dir.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let found = rules::all(&home.subject(Err("none".to_owned()), &scratch));
    let checks: Vec<Check> = found.into_iter().map(|found| found.check(StageId::Paper)).collect();
    let secrets = checks.iter().find(|check| check.name == "secrets").unwrap();
    assert!(!secrets.holds && secrets.required);
    assert!(secrets.measured.starts_with("voice.totp: the secret must be base32"), "{secrets:?}");
}

#[test]
fn a_looser_figure_a_placeholder_and_a_job_that_is_off_each_fail() {
    let mut home = Home::new();
    home.settings.rulebook.limits.trade_loss_percent = rust_decimal::dec!(6);
    home.jobs = home.jobs.clone().disabled("store-backup");
    home.settings.voice.webhook.push(WebhookSettings {
        name: "phone".to_owned(),
        least: crate::notice::Severity::Info,
        url: crate::config::voice::SecretSource::Env("CHANGEME".to_owned()),
        preset: crate::config::voice::Preset::Generic,
        secret: None,
        allow_private: false,
        click: None,
    });
    let scratch = home.dir.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let found = rules::all(&home.subject(Err("none".to_owned()), &scratch));
    let checks: Vec<Check> = found.into_iter().map(|found| found.check(StageId::Paper)).collect();
    let failing: Vec<(&str, &str)> = checks
        .iter()
        .filter(|check| check.required && !check.holds)
        .map(|check| (check.name.as_str(), check.measured.as_str()))
        .collect();
    let wanted = [
        ("rulebook figures", "1 not as strict: limits.trade_loss_percent = \"6\" (default \"5\")"),
        ("job files", "off: store-backup"),
        ("placeholders", "voice.webhook.url.env"),
        ("secrets", "voice.webhook[0].url: the environment variable `CHANGEME` is not set"),
    ];
    assert_eq!(failing, wanted);
}
