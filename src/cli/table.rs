//! The commands of the table (`control::table`) in the shell: those without a file of their own are
//! subcommands made from it, and all have its words as their short help.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches as _};
use serde_json::{Value, json};

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
    latch::confirmed,
};
use crate::control::{
    Request, say,
    table::{self, COMMANDS, Kind},
};

/// What `run` means in the shell is the daemon; a job is run by `tomking jobs run`.
const OWN_MEANING: &[&str] = &["run", "help"];

/// The command line with the table's commands.
pub fn with_table(mut command: Command) -> Command {
    for of in COMMANDS.iter().filter(|of| !OWN_MEANING.contains(&of.name)) {
        let name = shell_name(of.name);
        command = if command.find_subcommand(&name).is_some() {
            command.mut_subcommand(name, |sub| sub.about(of.help))
        } else {
            command.subcommand(subcommand(of))
        };
    }
    command
}

/// A name as the shell writes it.
pub fn shell_name(name: &str) -> String {
    name.replace('_', "-")
}

fn subcommand(of: &'static table::Command) -> Command {
    let mut command = Command::new(shell_name(of.name)).about(of.help);
    for arg in of.args {
        let named = Arg::new(arg.name).value_name(arg.name.to_uppercase()).required(arg.needed);
        command = command.arg(match arg.kind {
            Kind::Text => named.num_args(1..).action(ArgAction::Append),
            _ => named,
        });
    }
    if of.confirm.is_some() {
        let yes = Arg::new("yes").long("yes").short('y').action(ArgAction::SetTrue);
        command = command.arg(yes.help("Do not ask to confirm"));
    }
    command
}

/// Runs a command of the table; `None` where another file has it.
pub fn run(matches: &ArgMatches, own: &Command) -> Option<CliResult> {
    let (name, given) = matches.subcommand()?;
    if own.find_subcommand(name).is_some() {
        return None;
    }
    let of = table::find(name)?;
    let global = match Global::from_arg_matches(given) {
        Ok(global) => global,
        Err(error) => return Some(Err(CliError::Usage(error.to_string()))),
    };
    Some(perform(&global, of, given))
}

fn perform(global: &Global, of: &'static table::Command, given: &ArgMatches) -> CliResult {
    let words = of.args.iter().flat_map(|arg| {
        given.get_many::<String>(arg.name).into_iter().flatten().map(String::as_str)
    });
    let line = std::iter::once(of.name).chain(words).collect::<Vec<&str>>().join(" ");
    let parsed = table::parse(&line).map_err(|fault| CliError::Usage(fault.to_string()))?;
    let (_, _, Some(request)) = parsed else {
        return Err(CliError::Usage(format!("`{}` asks for nothing", of.name)));
    };
    if let Some(question) = of.confirm {
        confirmed(given.get_flag("yes"), question)?;
    }
    show(&Ground::load(global)?, &request, global.json)
}

/// Asks, and shows the page a phone shows, or the document.
pub fn show(ground: &Ground, request: &Request, json: bool) -> CliResult {
    let answer: Value = ground.ask(request)?;
    if json {
        print_json(&as_object(request, answer))?;
    } else {
        print(&say::page(request, &answer).map_err(CliError::Failed)?.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A document is an object: a list has its name.
fn as_object(request: &Request, answer: Value) -> Value {
    match (request, answer) {
        (Request::JobsNext { .. }, Value::Array(slots)) => json!({ "slots": slots }),
        (Request::Limits, Value::Array(limits)) => json!({ "limits": limits }),
        (_, Value::Array(items)) => json!({ "items": items }),
        (_, answer) => answer,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_of_the_table_is_one_of_the_shell_with_the_same_words() {
        let shell = with_table(Cli::command());
        shell.clone().debug_assert();
        for of in COMMANDS.iter().filter(|of| !OWN_MEANING.contains(&of.name)) {
            let found = shell.find_subcommand(shell_name(of.name)).unwrap();
            assert_eq!(found.get_about().map(ToString::to_string).as_deref(), Some(of.help));
        }
    }

    #[test]
    fn the_words_of_the_shell_are_the_tables_line() {
        let own = Cli::command();
        let parse = |line: &str| {
            let words = std::iter::once("tomking").chain(line.split_whitespace());
            with_table(own.clone()).try_get_matches_from(words)
        };
        for line in [
            "positions",
            "pnl",
            "pnl 60",
            "payoff zdte-20240802-1",
            "close zdte-20240802-1 too much risk --yes",
            "pause lt112 --json",
            "logs 5",
            "next",
        ] {
            let matches = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let (name, _) = matches.subcommand().unwrap();
            assert!(own.find_subcommand(name).is_none(), "{line} is of the table");
        }
        assert!(parse("payoff").is_err(), "a position is needed");
        assert!(parse("positions now").is_err());
    }
}
