//! `config.toml` and `rulebook.toml` of the user, parted by a line `%%%`: merged and typed, or
//! refused with file, line and key.

use tomking::config::{ConfigError, Settings};

use super::{directory, is_readable, text};

pub fn check(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (config, rulebook) = text.split_once("\n%%%\n").unwrap_or((text, ""));
    let dir = directory();
    std::fs::write(dir.path().join("config.toml"), config).unwrap();
    std::fs::write(dir.path().join("rulebook.toml"), rulebook).unwrap();
    match Settings::load(Some(dir.path())) {
        Ok(settings) => {
            assert_eq!(Settings::load(Some(dir.path())).unwrap(), settings, "loaded twice");
            // The figures in force can be shown, and bound the calendar without a panic.
            serde_json::to_string(&settings).unwrap();
            tomking::calendar::Calendar::new(settings.calendar_override);
        }
        Err(ConfigError::Invalid(faults)) => {
            assert!(!faults.is_empty(), "refused without a fault");
            for fault in faults {
                is_readable(&fault.text);
                let lines = match fault.file.rsplit('/').next().unwrap() {
                    "config.toml" => config.lines().count(),
                    "rulebook.toml" => rulebook.lines().count(),
                    other => panic!("a user's fault is told in {other}: {fault}"),
                };
                assert!((1..=lines.max(1) + 1).contains(&fault.line), "{fault}, of {lines} lines");
            }
        }
        Err(error) => is_readable(&error.to_string()),
    }
}
