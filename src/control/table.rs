//! The table of commands. Telegram, email, the shell, the web and every help text are made from it.

mod commands;
mod parse;

pub use self::{
    commands::{COMMANDS, help},
    parse::{Fault, Given, parse},
};
use super::Request;

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks and acts.
    Owner,
}

/// A part of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Stopping.
    Stop,
    /// The account and what is open.
    Book,
    /// What was decided, and what comes.
    Work,
    /// Alerts and the program itself.
    House,
}

/// What an argument is, and with it what can be offered for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The rest of the line.
    Text,
    /// A strategy.
    Strategy,
    /// A job.
    Job,
    /// A strategy or a job.
    StrategyOrJob,
    /// An open position.
    Position,
    /// A day, YYYY-MM-DD.
    Date,
    /// daily, weekly, monthly or quarterly.
    Period,
    /// A whole number of at most this.
    Count(usize),
    /// A stress scenario.
    Scenario,
    /// A kind of alert.
    AlertKind,
    /// A stage to go to.
    Stage,
    /// A command of this table.
    Command,
}

/// An argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arg {
    /// Its name in help.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether it must be given.
    pub needed: bool,
}

/// Makes a request of a line's arguments.
pub type Make = fn(&Given) -> Result<Request, Fault>;

/// A command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its name: small letters and `_`, as Telegram wants it; in the shell `_` is a hyphen.
    pub name: &'static str,
    /// Its part of the help.
    pub group: Group,
    /// What it does, one line without a full stop.
    pub help: &'static str,
    /// Its arguments in order; a text only as the last.
    pub args: &'static [Arg],
    /// Who may.
    pub who: Role,
    /// What is asked before it is done; `None`: it is done at once.
    pub confirm: Option<&'static str>,
    /// Its request; `None` for help, which is of the table itself.
    pub make: Option<Make>,
}

impl Command {
    /// `/why [strategy] [date]`.
    pub fn usage(&self) -> String {
        let arg = |arg: &Arg| {
            if arg.needed { format!(" <{}>", arg.name) } else { format!(" [{}]", arg.name) }
        };
        format!("/{}{}", self.name, self.args.iter().map(arg).collect::<String>())
    }
}

/// A command by its name, in any case, with or without `/`, with `-` or `_`.
pub fn find(name: &str) -> Option<&'static Command> {
    let name = name.trim_start_matches('/').to_ascii_lowercase().replace('-', "_");
    COMMANDS.iter().find(|command| command.name == name)
}

#[cfg(test)]
mod tests;
