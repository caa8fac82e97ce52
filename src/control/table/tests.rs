//! The table as a whole: every command can be written, helped with, and sent to the Bot API.

use super::*;

/// An argument that is right for its kind.
fn right(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "too wild",
        Kind::Strategy | Kind::StrategyOrJob => "lt112",
        Kind::Job => "daily-report",
        Kind::Position => "lt112-20260902-1",
        Kind::Date => "2026-10-16",
        Kind::Period => "weekly",
        Kind::Count(_) => "7",
        Kind::Scenario => "1987-10-19",
        Kind::AlertKind => "opened",
        Kind::Stage => "paper",
        Kind::Command => "halt",
    }
}

/// A command's line with all its arguments, or with those it needs.
fn line(command: &Command, all: bool) -> String {
    let args = command.args.iter().filter(|arg| all || arg.needed);
    let words = args.map(|arg| right(arg.kind));
    std::iter::once(command.name).chain(words).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_command_is_read_with_all_its_arguments_and_with_those_it_needs() {
    for command in COMMANDS {
        for all in [true, false] {
            let line = line(command, all);
            let (found, _, request) =
                parse(&line).unwrap_or_else(|fault| panic!("{line}: {fault}"));
            assert_eq!(found.name, command.name);
            assert_eq!(request.is_some(), command.make.is_some(), "{line}");
        }
        let surplus = parse(&format!("{} surplus", line(command, true)));
        let takes_the_rest = command.args.last().is_some_and(|arg| arg.kind == Kind::Text);
        assert_eq!(surplus.is_ok(), takes_the_rest, "{}", command.name);
        for missing in command.args.iter().filter(|arg| arg.needed) {
            let fault = parse(command.name).unwrap_err();
            assert!(matches!(fault, Fault::Missing { arg, .. } if arg == missing.name));
        }
    }
}

/// As the Bot API asks of `setMyCommands`: 1 to 32 of `[a-z0-9_]`, 1 to 256 characters of words,
/// at most 100 commands.
#[test]
fn every_command_can_be_told_to_the_bot_api() {
    assert!(COMMANDS.len() <= 100);
    for Command { name, help, .. } in COMMANDS {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!((1..=32).contains(&name.len()) && name.bytes().all(plain), "{name}");
        assert!((1..=256).contains(&help.chars().count()), "{name}: {help}");
        assert!(!help.ends_with('.') && help.starts_with(char::is_uppercase), "{name}: {help}");
        assert_eq!(find(name).unwrap().name, *name);
        assert_eq!(
            find(&format!("/{}", name.to_uppercase().replace('_', "-"))).unwrap().name,
            *name
        );
    }
    let mut names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), COMMANDS.len(), "no name twice");
}

/// Design §6: halt is one step; resume, flatten and close ask first; who only looks changes nothing.
#[test]
fn what_acts_is_the_owners_and_what_is_dangerous_is_asked_first() {
    let asked: Vec<&str> =
        COMMANDS.iter().filter(|command| command.confirm.is_some()).map(|c| c.name).collect();
    assert_eq!(asked, ["flatten", "resume", "close"]);
    for name in ["halt", "reduce", "flatten", "resume", "pause", "close", "run", "ack", "mute"] {
        assert_eq!(find(name).unwrap().who, Role::Owner, "{name}");
    }
    assert!(find("halt").unwrap().args.iter().all(|arg| !arg.needed));
}

/// The words of design §6: every read and write it lists is in the table.
#[test]
fn the_table_has_every_command_of_the_design() {
    let listed = "status positions orders pnl balance risk greeks jobs next why phase stage plan \
                  report logs health version config help pause resume run halt reduce flatten close \
                  ack mute";
    for name in listed.split_whitespace() {
        assert!(find(name).is_some(), "{name}");
    }
}

/// `docs/COMMANDS.md` as the table makes it.
fn commands_page() -> String {
    let mut page = "# Commands\n\n\
        One table (`src/control/table`) makes the commands of Telegram, of mail and of the shell, \
        their help, and this page.\n\n\
        - On Telegram and by mail a command begins with `/`; in the shell it is a subcommand \
        (`tomking positions`), `--json` gives the document of `docs/JSON.md`.\n\
        - A viewer looks, an owner acts too. Who asked stands in the journal.\n\
        - What asks first is done once it is confirmed within 60 seconds: by its button or code, by a \
        time-based code where `[voice] totp` is set, in the shell by `yes` or `--yes`.\n\
        - By mail only `HALT`, `REDUCE`, `FLATTEN`, `STATUS` and `ACK` are taken, in the subject.\n\
        - `/run` is `tomking jobs run` in the shell, where `tomking run` is the daemon.\n"
        .to_owned();
    let titles = [
        (Group::Stop, "Stop and go"),
        (Group::Book, "Book"),
        (Group::Work, "Work"),
        (Group::House, "House"),
    ];
    for (group, title) in titles {
        page.push_str(&["\n## ", title, "\n\n"].concat());
        page.push_str("| command | what it does | who | asks first |\n|---|---|---|---|\n");
        for command in COMMANDS.iter().filter(|command| command.group == group) {
            let who = if command.who == Role::Owner { "owner" } else { "viewer" };
            let asks = command.confirm.unwrap_or("");
            let usage = command.usage();
            page.push_str(
                &["| `", &usage, "` | ", command.help, " | ", who, " | ", asks, " |\n"].concat(),
            );
        }
    }
    page
}

#[test]
fn the_page_of_commands_is_the_table() {
    let kept = include_str!("../../../docs/COMMANDS.md");
    let wanted = commands_page();
    assert!(kept == wanted, "docs/COMMANDS.md must be:\n{wanted}<end>");
}
