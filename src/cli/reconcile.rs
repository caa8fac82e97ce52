//! `tomking reconcile`: ledger against broker, now; what differs, why, and the owner's word on it.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{
    calendar::NEW_YORK,
    clock::Timestamp,
    control::Request,
    desk::{
        statement::{Line, Statement},
        tables::LookOutcome,
    },
};

/// Compares the ledger with the broker to the cent, now.
///
/// Exit 0 when they agree, 1 when they differ or nobody can say. Without a daemon it tells what the
/// last look found.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// For each difference the ledger's side, the broker's side, and what was tried.
    #[arg(long)]
    explain: bool,
    /// Take the broker's figure as the truth for this one difference.
    #[arg(long, value_name = "ID", requires = "reason", conflicts_with = "explain")]
    accept: Option<String>,
    /// Why; kept in the journal and with the position.
    #[arg(long, value_name = "TEXT", requires = "accept")]
    reason: Option<String>,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &ReconcileArgs) -> CliResult {
    let ground = Ground::load(global)?;
    let statement: Statement = ground.ask(&request(args)?)?;
    if global.json {
        print_json(&statement)?;
    } else {
        print(&words(&statement))?;
    }
    Ok(match statement.outcome {
        Some(LookOutcome::Clean) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn request(args: &ReconcileArgs) -> Result<Request, CliError> {
    let Some(difference) = &args.accept else {
        return Ok(Request::Reconcile { explain: args.explain });
    };
    let reason = args.reason.as_deref().unwrap_or_default().trim();
    if reason.is_empty() {
        let why = "--reason is empty; say why the broker's figure is right";
        return Err(CliError::Usage(why.to_owned()));
    }
    Ok(Request::ReconcileAccept { difference: difference.clone(), reason: reason.to_owned() })
}

/// A statement for people.
pub fn words(statement: &Statement) -> String {
    let mut text = head(statement);
    for line in &statement.differences {
        text.push_str(&difference(line));
    }
    if !statement.external_orders.is_empty() {
        text.push_str("Orders sent by hand, touched by flatten alone:\n");
        for order in &statement.external_orders {
            let _ = writeln!(text, "  {order}");
        }
    }
    if let Some(first) = statement.differences.first() {
        let _ = writeln!(
            text,
            "hint: `tomking reconcile --explain` shows both sides; `--accept {} --reason TEXT` \
             takes the broker's figure",
            first.id
        );
    }
    text
}

fn head(statement: &Statement) -> String {
    let Some((at, outcome)) = statement.at.zip(statement.outcome) else {
        return "Ledger and broker were never compared here: no daemon has run.\n\
                hint: start it with `tomking run`\n"
            .to_owned();
    };
    let found = match (outcome, statement.differences.len()) {
        (LookOutcome::Clean, 0) => "ledger and broker agree".to_owned(),
        (LookOutcome::Clean, _) => "nothing that stops entries".to_owned(),
        (LookOutcome::Differs, 1) => "ledger and broker differ in one thing".to_owned(),
        (LookOutcome::Differs, n) => format!("ledger and broker differ in {n} things"),
        (LookOutcome::Undecided, _) => {
            format!("undecided: {}", statement.reason.as_deref().unwrap_or("no reason is kept"))
        }
    };
    let latch = statement.latch.name();
    if statement.looked {
        let found = found[..1].to_uppercase() + &found[1..];
        return format!("{found}. Looked at {}; the latch is {latch}.\n", moment(at));
    }
    format!(
        "No daemon runs, so the broker was not asked. The last look kept, of {}: {found}. \
         The latch is {latch}.\n",
        moment(at)
    )
}

fn difference(line: &Line) -> String {
    let weight = if line.stops { "entries stop" } else { "entries go on" };
    let mut text = format!("  {}  {}\n", line.id, line.what);
    let _ = writeln!(
        text,
        "      since {}, last seen {}; {weight}",
        moment(line.since),
        moment(line.seen_at)
    );
    for hint in &line.hints {
        let _ = writeln!(text, "      perhaps {hint}");
    }
    for (title, lines) in
        [("the ledger", &line.ledger), ("the broker", &line.broker), ("tried", &line.tried)]
    {
        if !lines.is_empty() {
            let _ = writeln!(text, "      {title}:");
            for line in lines {
                let _ = writeln!(text, "        {line}");
            }
        }
    }
    text
}

/// `Fri 2024-08-02 10:30:00 New York`.
fn moment(at: Timestamp) -> String {
    format!("{} New York", at.with_timezone(&NEW_YORK).format("%a %Y-%m-%d %H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::hold::Level;

    fn statement(outcome: Option<LookOutcome>, looked: bool) -> Statement {
        let at: Timestamp = "2024-08-02T14:31:05Z".parse().unwrap();
        Statement {
            at: outcome.map(|_| at),
            looked,
            outcome,
            reason: (outcome == Some(LookOutcome::Undecided)).then(|| "no answer".to_owned()),
            latch: Level::Active,
            differences: Vec::new(),
            external_orders: Vec::new(),
        }
    }

    #[test]
    fn the_first_line_says_how_the_books_stand_and_who_looked() {
        let cases = [
            (
                statement(Some(LookOutcome::Clean), true),
                "Ledger and broker agree. Looked at Fri 2024-08-02 10:31:05 New York; the latch is \
                 ACTIVE.\n",
            ),
            (
                statement(Some(LookOutcome::Clean), false),
                "No daemon runs, so the broker was not asked. The last look kept, of Fri 2024-08-02 \
                 10:31:05 New York: ledger and broker agree. The latch is ACTIVE.\n",
            ),
            (
                statement(Some(LookOutcome::Undecided), true),
                "Undecided: no answer. Looked at Fri 2024-08-02 10:31:05 New York; the latch is \
                 ACTIVE.\n",
            ),
            (
                statement(None, false),
                "Ledger and broker were never compared here: no daemon has run.\nhint: start it \
                 with `tomking run`\n",
            ),
        ];
        for (statement, wanted) in cases {
            assert_eq!(words(&statement), wanted);
        }
    }

    #[test]
    fn a_difference_shows_both_figures_both_sides_and_the_way_out() {
        let mut found = statement(Some(LookOutcome::Differs), true);
        let at = found.at.unwrap();
        found.latch = Level::Reducing;
        found.differences.push(Line {
            id: "d7".to_owned(),
            subject: "quantity".to_owned(),
            what: "ES 5300 P 2024-08-02: the broker holds -2, the ledger -1".to_owned(),
            since: at,
            seen_at: at,
            looks: 3,
            stops: true,
            instrument: Some("ES 5300 P 2024-08-02".to_owned()),
            ledger_contracts: Some(-1),
            broker_contracts: Some(-2),
            ledger_usd: None,
            broker_usd: None,
            hints: vec!["order 12 by hand (-1 ES 5300 P 2024-08-02 at 1.20, filled)".to_owned()],
            ledger: vec!["position zdte-20240802-1 (friday_0dte): -1".to_owned()],
            broker: vec!["holds -2 at 2.1 on average".to_owned()],
            tried: Vec::new(),
        });
        insta::assert_snapshot!(words(&found), @r"
        Ledger and broker differ in one thing. Looked at Fri 2024-08-02 10:31:05 New York; the latch is REDUCING.
          d7  ES 5300 P 2024-08-02: the broker holds -2, the ledger -1
              since Fri 2024-08-02 10:31:05 New York, last seen Fri 2024-08-02 10:31:05 New York; entries stop
              perhaps order 12 by hand (-1 ES 5300 P 2024-08-02 at 1.20, filled)
              the ledger:
                position zdte-20240802-1 (friday_0dte): -1
              the broker:
                holds -2 at 2.1 on average
        hint: `tomking reconcile --explain` shows both sides; `--accept d7 --reason TEXT` takes the broker's figure
        ");
    }

    #[test]
    fn an_acceptance_needs_a_reason_in_words() {
        let args = |reason: &str| ReconcileArgs {
            explain: false,
            accept: Some("d7".to_owned()),
            reason: Some(reason.to_owned()),
        };
        assert!(matches!(request(&args("  ")), Err(CliError::Usage(_))));
        let asked = request(&args("closed by telephone")).unwrap();
        let (difference, reason) = ("d7".to_owned(), "closed by telephone".to_owned());
        assert_eq!(asked, Request::ReconcileAccept { difference, reason });
    }
}
