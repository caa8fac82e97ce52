//! `tomking stress`.

use std::{
    fmt::Write as _,
    io::{IsTerminal as _, stdout},
    process::ExitCode,
};

use clap::Args;

use super::{
    CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{
    control::Request,
    report::page::table_text,
    risk::stress::{
        Kind, Share,
        report::{MarginLine, ScenarioLine, StressReport},
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
    let found: StressReport = Ground::load(global)?.ask(&Request::Stress { scenario })?;
    if global.json {
        print_json(&found)?;
    } else {
        print(&text(&found, Look::of_this_terminal()))?;
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

fn text(found: &StressReport, look: Look) -> String {
    let mut text = String::new();
    let net = found.net_liquidation_usd;
    let net = net.map_or_else(|| "unknown".to_owned(), |net| net.to_string());
    let worst = found.scenarios.iter().find(|line| line.scenario == found.worst);
    match worst.filter(|line| line.loss_usd.is_positive()) {
        None => {
            let _ = writeln!(text, "No scenario loses money. Net liquidation {net}\n");
        }
        Some(line) => {
            let percent = line.loss_percent.map_or_else(String::new, |p| format!(", {p} %"));
            let _ = writeln!(
                text,
                "Worst: {} loses {}{percent} of net liquidation {net} (bound {} %)\n",
                found.worst, line.loss_usd, found.bound_percent
            );
        }
    }
    text.push_str(&table(&found.scenarios));
    text.push('\n');
    text.push_str(&chart(&found.scenarios, look));
    text.push_str(&margin(&found.margin));
    let _ = writeln!(text, "\nPositions in {}:", found.positions_of);
    text.push_str(&positions(&found.positions));
    for leg in &found.unpriced {
        let _ = writeln!(text, "Not priced: {} of {} ({})", leg.leg, leg.holder, leg.why);
    }
    text
}

fn table(lines: &[ScenarioLine]) -> String {
    let head = ["Scenario", "Loss USD", "Loss GBP", "% of net"].map(str::to_owned);
    let row = |line: &ScenarioLine| {
        let gbp = line.loss_gbp.map_or_else(|| "-".to_owned(), |gbp| gbp.to_string());
        let percent = line.loss_percent.map_or_else(|| "-".to_owned(), |p| format!("{p:.2}"));
        vec![line.scenario.clone(), line.loss_usd.to_string(), gbp, percent]
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    table_text(&head, &rows)
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

fn margin(lines: &[MarginLine]) -> String {
    let mut text = String::new();
    for line in lines {
        let fits = if line.fits { "fits into" } else { "exceeds" };
        let limits = if line.limits { "" } else { " (only reported)" };
        let _ = writeln!(
            text,
            "Requirement x {} {} {fits} {}, what the worst scenario leaves{limits}",
            line.multiple, line.requirement_usd, line.stressed_net_liquidation_usd
        );
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn positions(shares: &[Share]) -> String {
    if shares.is_empty() {
        return " Nothing is held.\n".to_owned();
    }
    let head = ["Position", "Strategy", "Product", "Loss USD"].map(str::to_owned);
    let row = |share: &Share| {
        vec![
            share.holder.to_string(),
            share.strategy.to_string(),
            share.product.to_string(),
            share.loss_usd.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = shares.iter().map(row).collect();
    table_text(&head, &rows)
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::{
        account::{PositionId, StrategyId, exposure::Holder},
        instrument::Product,
        money::{Gbp, Usd},
    };

    fn line(scenario: &str, kind: Kind, usd: rust_decimal::Decimal) -> ScenarioLine {
        ScenarioLine {
            scenario: scenario.to_owned(),
            kind,
            loss_usd: Usd(usd),
            loss_gbp: Some(Gbp(usd / dec!(1.25))),
            loss_percent: Some(crate::money::to_f64(usd / dec!(400))),
        }
    }

    fn found() -> StressReport {
        StressReport {
            at: "2024-08-02T14:30:00Z".parse().unwrap(),
            net_liquidation_usd: Some(Usd(dec!(40000))),
            scenarios: vec![
                line("equity -5 % IV +25", Kind::First, dec!(1200)),
                line("equity +5 % IV -5", Kind::Tail, dec!(-250)),
                line("crude -10 % IV +20", Kind::First, dec!(0)),
                line("1987-10-19", Kind::Window, dec!(5000)),
                line("all worst", Kind::All, dec!(5000)),
            ],
            worst: "1987-10-19".to_owned(),
            bound_percent: 25.0,
            margin: vec![MarginLine {
                multiple: 1.3,
                requirement_usd: Usd(dec!(13000)),
                stressed_net_liquidation_usd: Usd(dec!(35000)),
                fits: true,
                limits: true,
            }],
            positions_of: "1987-10-19".to_owned(),
            positions: vec![Share {
                holder: Holder::Position(PositionId("zdte-20240802-1".to_owned())),
                strategy: StrategyId::Friday0dte,
                product: Product::Es,
                loss_usd: Usd(dec!(5000)),
            }],
            unpriced: Vec::new(),
        }
    }

    #[test]
    fn scenarios_chart_margin_and_positions_in_one_page() {
        insta::assert_snapshot!(text(&found(), Look { width: 80, colour: false }));
    }

    #[test]
    fn a_chart_fits_its_width_and_is_coloured_only_where_asked() {
        for width in [50, 80, 120] {
            let plain = chart(&found().scenarios, Look { width, colour: false });
            assert!(!plain.contains('\x1b'));
            let longest = plain.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(longest <= width, "{longest} columns of {width}");
        }
        assert!(chart(&found().scenarios, Look { width: 80, colour: true }).contains("\x1b[31m"));
    }

    #[test]
    fn a_book_that_nothing_moves_says_so() {
        let mut still = found();
        still.scenarios.iter_mut().for_each(|line| line.loss_usd = Usd(dec!(0)));
        assert_eq!(
            chart(&still.scenarios, Look { width: 80, colour: true }),
            "No scenario moves the book.\n"
        );
    }
}
