//! The runbooks against the program: every command in them parses, those marked `run` are run in
//! their order in a home of their own, and print what the runbook shows.
//!
//! A fence `sh run daemon` is run beside a daemon, `sh run alone` without one. A fence `text` after it
//! shows lines of the output in order; `…` stands for anything.

#![allow(clippy::unwrap_used)] // a runbook that cannot be read fails the test, as it should

#[allow(dead_code)] // what other tests need of it
#[path = "daemon/house.rs"]
mod house;

use std::{
    fs,
    path::{Path, PathBuf},
};

use house::House;
use tomking::{
    cli,
    control::table::{self, Role},
};

/// What commands by mail there are.
const BY_MAIL: [&str; 5] = ["HALT", "REDUCE", "FLATTEN", "STATUS", "ACK"];
/// Programs of the system that runbooks use.
const OF_SYSTEM: [&str; 3] = ["sudo", "journalctl", "openssl"];

struct Runbook {
    name: String,
    path: PathBuf,
    text: String,
}

/// A fenced block.
struct Fence {
    line: usize,
    info: String,
    lines: Vec<String>,
}

fn runbooks() -> Vec<Runbook> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/runbooks");
    let mut found: Vec<Runbook> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            Runbook { name, text: fs::read_to_string(&path).unwrap(), path }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(found.len(), 9, "eight runbooks and their index");
    found
}

impl Runbook {
    /// The fenced blocks, and the text without them.
    fn parts(&self) -> (Vec<Fence>, String) {
        let (mut fences, mut prose) = (Vec::new(), String::new());
        let mut open: Option<Fence> = None;
        for (index, line) in self.text.lines().enumerate() {
            let inside = line.trim_start();
            match (inside.strip_prefix("```"), open.take()) {
                (Some(info), None) => {
                    let (line, info) = (index + 1, info.to_owned());
                    open = Some(Fence { line, info, lines: Vec::new() });
                }
                (Some(_), Some(fence)) => fences.push(fence),
                (None, Some(mut fence)) => {
                    fence.lines.push(inside.to_owned());
                    open = Some(fence);
                }
                (None, None) => prose.extend([line.trim(), " "]),
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.name);
        (fences, prose)
    }

    /// What stands between single backticks.
    fn code(&self) -> Vec<String> {
        let (_, prose) = self.parts();
        prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }
}

/// The words of a command line, quotes heeded.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            letter => word.push(letter),
        }
    }
    assert!(!quoted, "a quote is not closed: {line}");
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_shell_command_is_one_the_program_takes() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for runbook in runbooks() {
        let (fences, _) = runbook.parts();
        let of_fences = fences.into_iter().filter(|fence| fence.info.starts_with("sh"));
        let of_fences = of_fences.flat_map(|fence| {
            let at = fence.line;
            fence.lines.into_iter().map(move |line| (at, line))
        });
        let of_prose = runbook.code().into_iter().map(|line| (0, line));
        let of_prose = of_prose.filter(|(_, line)| line.starts_with("tomking "));
        for (at, line) in of_fences.chain(of_prose).filter(|(_, line)| !line.is_empty()) {
            let place = format!("{}:{at}: {line}", runbook.name);
            let line = words(&line);
            if line[0] == "tomking" {
                wrong.extend(cli::parses(&line).err().map(|error| format!("{place}: {error}")));
                seen += 1;
            } else if !OF_SYSTEM.contains(&line[0].as_str()) {
                wrong.push(format!("{place}: an unknown program"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen > 60, "{seen} commands found");
}

/// A `/command` in backticks; a path has a further `/`.
fn spoken(code: &str) -> bool {
    code.strip_prefix('/').is_some_and(|rest| {
        !rest.contains(['/', '<', '[']) && rest.starts_with(|c: char| c.is_ascii_lowercase())
    })
}

#[test]
fn every_command_by_phone_is_one_of_the_table() {
    let mut seen = 0;
    for runbook in runbooks() {
        let said = runbook.code().into_iter().filter(|code| spoken(code));
        // Two stand for what is not ours: the index's own example, and a command to BotFather.
        for line in said.filter(|line| line != "/command" && line != "/revoke") {
            let parsed = table::parse(&line);
            assert!(parsed.is_ok(), "{}: {line}: {:?}", runbook.name, parsed.err());
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen} commands found");
}

#[test]
fn every_subject_by_mail_is_a_command_with_a_code() {
    let mut seen = 0;
    for runbook in runbooks() {
        let (_, prose) = runbook.parts();
        for (index, _) in prose.match_indices("ubject \"").chain(prose.match_indices("| \"")) {
            let subject = prose[index..].split('"').nth(1).unwrap();
            let (word, code) = subject.split_once(' ').unwrap();
            assert!(BY_MAIL.contains(&word), "{}: {subject}", runbook.name);
            assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()));
            let command = table::find(word).unwrap();
            assert!(command.name.eq_ignore_ascii_case(word) && command.who <= Role::Owner);
            seen += 1;
        }
    }
    assert!(seen >= 8, "{seen} subjects found");
}

/// White space counts once, and not at the ends.
fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a line is as shown, `…` for anything.
fn as_shown(line: &str, shown: &str) -> bool {
    let parts: Vec<&str> = shown.split('…').map(str::trim).collect();
    let mut rest = line;
    for (index, part) in parts.iter().enumerate() {
        let Some(at) = rest.find(part) else { return false };
        if index == 0 && at != 0 {
            return false;
        }
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || parts.last().is_some_and(|last| last.is_empty())
}

#[test]
fn a_shown_line_stands_for_those_it_describes() {
    for (line, shown, wanted) in [
        ("HALTED.", "HALTED.", true),
        ("HALTED.", "HALTED", false),
        ("not HALTED.", "HALTED.", false),
        ("a 12 b 3", "a … b …", true),
        ("a 12 c 3", "a … b …", false),
        ("a 12 b", "a … b", true),
        ("a 12 b and more", "a … b", false),
    ] {
        assert_eq!(as_shown(line, shown), wanted, "{line} | {shown}");
    }
}

/// Runs the marked fences of one runbook.
fn perform(runbook: &Runbook) -> usize {
    let house = House::new();
    let (own, data) = (house.config(""), house.data(""));
    let at_home = |word: &String| {
        let word = word.replace("/var/lib/tomking", data.to_str().unwrap().trim_end_matches('/'));
        word.replace("/etc/tomking", own.to_str().unwrap().trim_end_matches('/'))
    };
    // As on a machine where it has run before.
    let mut first = house.start();
    house.wait_until_ready();
    assert_eq!(first.stop(), Some(0));
    let (mut daemon, mut said, mut ran) = (None::<house::Daemon>, Vec::<String>::new(), 0);
    let (fences, _) = runbook.parts();
    for fence in fences {
        let place = format!("{}:{}", runbook.name, fence.line);
        match fence.info.as_str() {
            "sh run daemon" if daemon.is_none() => {
                daemon = Some(house.start());
                house.wait_until_ready();
            }
            "sh run alone" => {
                if let Some(mut running) = daemon.take() {
                    assert_eq!(running.stop(), Some(0), "{place}");
                }
            }
            "sh run daemon" | "sh" => {}
            "text" => {
                let mut lines = said.iter();
                for shown in fence.lines.iter().map(|line| plain(line)) {
                    let there = lines.any(|line| as_shown(line, &shown));
                    assert!(
                        there,
                        "{place}: {shown}\nis not, or not there, in\n{}",
                        said.join("\n")
                    );
                }
            }
            other => panic!("{place}: what is a fence `{other}`?"),
        }
        if !fence.info.starts_with("sh run") {
            continue;
        }
        said.clear();
        for line in &fence.lines {
            let args: Vec<String> = words(line).iter().skip(1).map(at_home).collect();
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let output = house.run(&args);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{place}: {line}\n{errors}");
            let text = String::from_utf8(output.stdout).unwrap();
            said.extend(text.lines().map(plain));
            ran += 1;
        }
    }
    ran
}

#[test]
fn the_marked_steps_work_in_their_order_and_show_what_is_shown() {
    let ran: usize = runbooks().iter().map(perform).sum();
    assert!(ran > 30, "{ran} commands run");
}

/// As a page's heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_to_a_page_and_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = runbooks().into_iter().map(|runbook| runbook.path).collect();
    let more = ["README.md", "ops/README.md", "docs/WEBHOOKS.md"].map(|page| root.join(page));
    pages.extend(more);
    let mut seen = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file =
                if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target}", page.display());
            if !heading.is_empty() {
                let linked = fs::read_to_string(&file).unwrap();
                let there = linked.lines().any(|l| l.starts_with('#') && anchor(l) == heading);
                assert!(there, "{}: {target}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen} links found");
}

#[test]
fn the_readme_leads_to_the_runbooks() {
    let readme = include_str!("../README.md");
    assert!(readme.contains("(ops/runbooks/README.md)"));
    let index = include_str!("../ops/runbooks/README.md");
    for runbook in runbooks().iter().filter(|runbook| runbook.name != "README.md") {
        assert!(index.contains(&format!("({})", runbook.name)), "{}", runbook.name);
    }
}
