//! `tomking stress`.

use std::{
    fmt::Write as _,
    io::{IsTerminal as _, stdout},
    process::ExitCode,
};

use clap::Args;
use serde_json::Value;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{
    control::{Request, say},
    risk::stress::{
        Kind,
        report::{ScenarioLine, StressReport},
    },
};

/// What the whole book would lose in each scenario of the rulebook, and who would lose it.
///
/// Every leg is priced anew at the shocked price and volatility of its underlying, at this moment.
/// `all first` and `all worst` put every correlation group at its worst shock at once.
/// Without a daemon the account's figures are the last that were kept, and prices are read now.
///
/// Example: `tomking stress --scenario 1987-10-19`
#[derive(Debug, Args)]
pub struct StressArgs {
    /// Shows the positions in this scenario; the worst one when absent.
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &StressArgs) -> CliResult {
    let scenario = args.scenario.clone();
    let request = Request::Stress { scenario };
    let found: Value = Ground::load(global)?.ask(&request)?;
    if global.json {
        print_json(&found)?;
    } else {
        let page = say::page(&request, &found).map_err(CliError::Failed)?;
        let drawn: StressReport = serde_json::from_value(found).map_err(CliError::failed)?;
        let chart = chart(&drawn.scenarios, Look::of_this_terminal());
        print(&format!("{}\n{chart}", page.text()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// Columns.
    width: usize,
    /// With colour.
    colour: bool,
}

impl Look {
    /// As wide as `COLUMNS` says, else 80; coloured on a terminal, unless `NO_COLOR` is set.
    fn of_this_terminal() -> Self {
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = stdout().is_terminal() && !plain;
        Self { width: columns.unwrap_or(80).clamp(50, 200), colour }
    }
}

/// A bar for each scenario that moves the book: losses to the right in `#`, gains in `+`.
fn chart(lines: &[ScenarioLine], look: Look) -> String {
    let amount = |line: &ScenarioLine| crate::money::to_f64(line.loss_usd.0);
    let moved = |line: &&ScenarioLine| line.kind == Kind::All || amount(line) != 0.0;
    let moving: Vec<&ScenarioLine> = lines.iter().filter(moved).collect();
    let most = moving.iter().map(|line| amount(line).abs()).fold(0.0, f64::max);
    if most <= 0.0 {
        return "No scenario moves the book.\n".to_owned();
    }
    let names = moving.iter().map(|line| line.scenario.chars().count()).max().unwrap_or(0);
    let room = look.width.saturating_sub(names + 18).max(10);
    let mut text = String::new();
    for line in moving {
        let length = bar(amount(line).abs() / most, room);
        let (sign, code) = if amount(line) > 0.0 { ("#", "31") } else { ("+", "32") };
        let drawn = sign.repeat(length);
        let drawn = if look.colour { format!("\x1b[{code}m{drawn}\x1b[0m") } else { drawn };
        let _ =
            writeln!(text, " {:<names$} {:>15} {drawn}", line.scenario, line.loss_usd.to_string());
    }
    text.push_str(" (# loss, + gain)\n");
    text
}

/// Columns of a share of the room, at least one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to the room, by the clamp
fn bar(share: f64, room: usize) -> usize {
    ((share.clamp(0.0, 1.0) * room as f64).round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::money::{Gbp, Usd};

    fn line(scenario: &str, kind: Kind, usd: rust_decimal::Decimal) -> ScenarioLine {
        ScenarioLine {
            scenario: scenario.to_owned(),
            kind,
            loss_usd: Usd(usd),
            loss_gbp: Some(Gbp(usd / dec!(1.25))),
            loss_percent: Some(crate::money::to_f64(usd / dec!(400))),
        }
    }

    fn found() -> Vec<ScenarioLine> {
        vec![
            line("equity -5 % IV +25", Kind::First, dec!(1200)),
            line("equity +5 % IV -5", Kind::Tail, dec!(-250)),
            line("crude -10 % IV +20", Kind::First, dec!(0)),
            line("1987-10-19", Kind::Window, dec!(5000)),
            line("all worst", Kind::All, dec!(5000)),
        ]
    }

    #[test]
    fn losses_and_gains_are_bars_of_their_own_and_what_moves_nothing_is_left_out() {
        assert_eq!(
            chart(&found(), Look { width: 50, colour: false }),
            [
                " equity -5 % IV +25       $1,200.00 ###",
                " equity +5 % IV -5         -$250.00 +",
                " 1987-10-19               $5,000.00 ##############",
                " all worst                $5,000.00 ##############",
                " (# loss, + gain)",
                "",
            ]
            .join("\n")
        );
    }

    #[test]
    fn a_chart_fits_its_width_and_is_coloured_only_where_asked() {
        for width in [50, 80, 120] {
            let plain = chart(&found(), Look { width, colour: false });
            assert!(!plain.contains('\x1b'));
            let longest = plain.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(longest <= width, "{longest} columns of {width}");
        }
        assert!(chart(&found(), Look { width: 80, colour: true }).contains("\x1b[31m"));
    }

    #[test]
    fn a_book_that_nothing_moves_says_so() {
        let mut still = found();
        for line in &mut still {
            line.loss_usd = Usd(dec!(0));
        }
        assert_eq!(
            chart(&still, Look { width: 80, colour: true }),
            "No scenario moves the book.\n"
        );
    }
}
