//! The rules of the house that can be checked, as ordinary tests (ARCHITECTURE.md).

#![allow(clippy::unwrap_used)] // a source that cannot be read fails the test, as it should

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A source file: its path from the root and its text.
struct Source {
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under a directory, in order of path.
fn sources(directory: &str) -> Vec<Source> {
    let mut waiting = vec![root().join(directory)];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    let read = |path: PathBuf| Source {
        path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    };
    found.into_iter().map(read).collect()
}

impl Source {
    /// The module of `lib.rs` it belongs to; `None` for `lib.rs` and `main.rs` themselves.
    fn module(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let name = inside.split('/').next()?.trim_end_matches(".rs");
        (!matches!(name, "lib" | "main")).then_some(name)
    }

    /// A file that only tests use.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let test_name = matches!(name, "tests.rs" | "fixture.rs") || name.ends_with("_tests.rs");
        test_name || self.path.contains("/tests/")
    }

    /// The numbered lines of code: no comments, and nothing from the first `#[cfg(test)]` on.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
        let numbered = lines.enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Where the code has one of the words: `path:line: word`.
    fn hits(&self, words: &[&str]) -> Vec<String> {
        let hit = |(number, line): (usize, &str)| {
            let word = words.iter().find(|word| line.contains(**word))?;
            Some(format!("{}:{number}: {word}", self.path))
        };
        self.code().filter_map(hit).collect()
    }

    /// The modules of the crate it names, with the path `crate::`.
    fn imports(&self) -> Vec<String> {
        let code = self.code().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        let rests = code.split("crate::").skip(1);
        rests
            .flat_map(|rest| if rest.starts_with('{') { group(rest) } else { word(rest) })
            .collect()
    }
}

fn word(text: &str) -> Vec<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if end == 0 { Vec::new() } else { vec![text[..end].to_owned()] }
}

/// The first words of the members of `{a::b, c::{d, e}}`.
fn group(text: &str) -> Vec<String> {
    let (mut depth, mut members) = (0, vec![String::new()]);
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => members.push(String::new()),
            _ => {}
        }
        if depth == 1 && !matches!(letter, '{' | ',') {
            members.last_mut().unwrap().push(letter);
        }
    }
    members.iter().flat_map(|member| word(member.trim_start())).collect()
}

/// The modules of `lib.rs`, from the bottom of the house up.
fn order() -> BTreeMap<String, usize> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("pub mod "));
    names.enumerate().map(|(rank, name)| (name.trim_end_matches(';').to_owned(), rank)).collect()
}

#[test]
fn the_reader_of_imports_finds_plain_and_grouped_ones() {
    let text = "use crate::clock::Timestamp;\n// crate::sim\nuse crate::{\n    calendar::{Day, \
                Exchange},\n    store,\n};\nfn f() { crate::money::half() }\n#[cfg(test)]\nuse \
                crate::cli;\n";
    let source = Source { path: "src/x.rs".to_owned(), text: text.to_owned() };
    assert_eq!(source.imports(), ["clock", "calendar", "store", "money"]);
}

#[test]
fn a_file_imports_only_from_its_own_module_and_those_below() {
    let order = order();
    assert!(order.len() > 15 && order["clock"] == 0, "{order:?}");
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| !source.is_test()) {
        let Some(own) = source.module().and_then(|name| order.get(name)) else { continue };
        for import in source.imports() {
            if order.get(&import).is_some_and(|rank| rank > own) {
                wrong.push(format!("{} imports crate::{import}", source.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "lower floors know nothing of higher ones");
}

#[test]
fn every_file_belongs_to_a_module_of_the_map() {
    let order = order();
    let all = sources("src");
    let modules = all.iter().filter_map(Source::module);
    let stray: Vec<&str> = modules.filter(|name| !order.contains_key(*name)).collect();
    assert_eq!(stray, Vec::<&str>::new());
}

#[test]
fn decisions_are_pure() {
    let words = ["async ", ".await", "tokio", "redb", "reqwest", "std::fs", "std::net", "Runtime"];
    let mut wrong = Vec::new();
    for floor in ["src/stats", "src/plan", "src/strategy", "src/risk"] {
        wrong.extend(sources(floor).iter().flat_map(|source| source.hits(&words)));
    }
    assert_eq!(wrong, Vec::<String>::new(), "floor 3 has no async, no I/O and no clock");
}

#[test]
fn only_the_store_knows_redb() {
    let others = sources("src").into_iter().filter(|source| source.module() != Some("store"));
    let wrong: Vec<String> = others.flat_map(|source| source.hits(&["redb::"])).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn time_and_tasks_come_from_the_clock_alone() {
    let words = [
        "tokio::time",
        "tokio::spawn",
        "tokio::sync::watch",
        "SystemTime",
        "Utc::now",
        "Local::now",
    ];
    let others = sources("src").into_iter().filter(|source| source.module() != Some("clock"));
    let wrong: Vec<String> = others.flat_map(|source| source.hits(&words)).collect();
    assert_eq!(wrong, Vec::<String>::new(), "virtual time must reach everything");
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together here, so that this file does not hold them.
    let words = ["to\u{64}o!", "unimpl\u{65}mented!", "T\u{4f}DO", "FIX\u{4d}E", "db\u{67}!("];
    let mut wrong = Vec::new();
    for source in sources("src").iter().chain(&sources("tests")) {
        for (index, line) in source.text.lines().enumerate() {
            let found = words.iter().find(|word| line.contains(**word));
            wrong.extend(found.map(|word| format!("{}:{}: {word}", source.path, index + 1)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn files_are_small() {
    let all = sources("src");
    let lines = |source: &Source| source.text.lines().count();
    let long: Vec<_> = all.iter().filter(|s| lines(s) > 700).map(|s| &s.path).collect();
    assert!(long.is_empty(), "over 700 lines: {long:?}");
    let mut counts: Vec<usize> = all.iter().filter(|s| !s.is_test()).map(lines).collect();
    counts.sort_unstable();
    let (median, ninth) = (counts[counts.len() / 2], counts[counts.len() * 9 / 10]);
    assert!(median <= 200, "the median file has {median} lines, more than 200");
    assert!(ninth <= 500, "one file in ten has over {ninth} lines, more than 500");
}

/// What stands between backquotes in the rulebook's coverage.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn every_row_of_the_rulebook_names_code_and_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/RULEBOOK_COVERAGE.md")).unwrap();
    let mut all: Vec<Source> = sources("src");
    all.extend(sources("tests"));
    let names: BTreeSet<&str> = all
        .iter()
        .flat_map(|source| source.text.lines())
        .filter_map(|line| line.trim_start().strip_prefix("fn ")?.split(['(', '<']).next())
        .collect();
    let mut wrong = Vec::new();
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| row")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [_, code, tests] = cells[..] else {
            wrong.push(format!("not three cells: {line}"));
            continue;
        };
        let missing = quoted(code).filter(|file| !root().join(file).exists());
        wrong.extend(missing.map(|file| format!("no file {file}")));
        let missing = quoted(tests).filter(|test| !names.contains(test));
        wrong.extend(missing.map(|test| format!("no test {test}")));
        let built = quoted(code).count() > 0 && quoted(tests).count() > 0;
        if !built && !code.contains("not yet: ") {
            wrong.push(format!("neither code and tests nor the issue that brings them: {line}"));
        }
    }
    for section in [
        "1", "2", "3", "4 common", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "5", "6", "7",
        "8",
    ] {
        if !page.lines().any(|line| line.starts_with(&format!("## {section} "))) {
            wrong.push(format!("no section {section}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_fourteen_workflows_are_numbered_without_a_gap_they_do_not_tell() {
    let text = fs::read_to_string(root().join("tests/workflows/main.rs")).unwrap();
    let mut numbers: Vec<u32> = text
        .lines()
        .filter_map(|line| line.strip_prefix("fn workflow_")?.get(..2)?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let all: Vec<u32> = (1..=14).collect();
    assert_eq!(numbers, all);
}

#[test]
fn dependencies_are_pinned_and_each_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let reasons = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows: Vec<&str> = reasons.lines().filter(|line| line.starts_with('|')).collect();
    let mut wrong = Vec::new();
    for section in ["dependencies", "dev-dependencies"] {
        for (name, value) in manifest[section].as_table().unwrap() {
            let version = value.as_str().or_else(|| value.get("version")?.as_str());
            if !version.is_some_and(|version| version.starts_with('=')) {
                wrong.push(format!("{name} is not pinned to an exact version"));
            }
            let named = |row: &&str| {
                let first = row.split('|').nth(1).unwrap_or_default();
                first.split([',', '(', ' ', ')']).any(|word| word == name)
            };
            if section == "dependencies" && !rows.iter().any(named) {
                wrong.push(format!("{name} has no line in ARCHITECTURE.md"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
