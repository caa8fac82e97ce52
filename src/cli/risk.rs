//! `tomking risk`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rust_decimal::Decimal;
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json, settings},
};
use crate::{
    control::Request,
    report::{page::table_text, parts::bounds},
    risk::{
        breaker::Line,
        cap::{VixCap, VixMode, vix_cap},
    },
};

/// The breakers, each with its figure beside its bounds; and the buying-power cap VIX allows.
#[derive(Debug, Args)]
pub struct RiskArgs {
    #[command(subcommand)]
    command: Option<RiskCommand>,
}

#[derive(Debug, Subcommand)]
enum RiskCommand {
    /// How much buying power a VIX level allows, and what may be opened at it.
    ///
    /// Example: `tomking risk cap --vix 14.2`
    Cap {
        /// The level of VIX, in points, above zero.
        #[arg(long, value_name = "LEVEL", allow_negative_numbers = true)]
        vix: String,
    },
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &RiskArgs) -> CliResult {
    let Some(RiskCommand::Cap { vix }) = &args.command else { return breakers(global) };
    let level = level(vix)?;
    let cap = vix_cap(&settings(global)?.rulebook.vix, level);
    if global.json {
        print_json(&as_json(&cap))?;
    } else {
        print(&as_text(&cap))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn breakers(global: &Global) -> CliResult {
    let found: Vec<Line> = Ground::load(global)?.ask(&Request::Risk)?;
    if global.json {
        print_json(&json!({ "breakers": found }))?;
    } else {
        print(&table(&found))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(lines: &[Line]) -> String {
    let head = ["Breaker", "Now", "Bounds", ""].map(str::to_owned);
    let row = |line: &Line| {
        let unit = match line.unit.as_str() {
            "percent" => " %",
            "points" => " points",
            "seconds" => " s",
            _ => "",
        };
        let now = line.value.map_or_else(|| "-".to_owned(), |value| format!("{value}{unit}"));
        vec![line.breaker.clone(), now, bounds(line), line.standing.name().to_owned()]
    };
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    table_text(&head, &rows)
}

fn level(text: &str) -> Result<Decimal, CliError> {
    let wrong = || CliError::Usage(format!("--vix `{text}`: want a level above zero, like 14.2"));
    let trimmed = text.trim();
    let parsed = trimmed.parse::<Decimal>().or_else(|_| Decimal::from_scientific(trimmed));
    let level = parsed.map_err(|_| wrong())?;
    if level > Decimal::ZERO { Ok(level) } else { Err(wrong()) }
}

fn as_json(cap: &VixCap) -> serde_json::Value {
    let percent = cap.cap_percent.normalize();
    // Whole percentages as whole numbers.
    let number = match i64::try_from(percent) {
        Ok(whole) if Decimal::from(whole) == percent => json!(whole),
        _ => json!(crate::money::to_f64(percent)),
    };
    json!({ "vix_cap_percent": number, "mode": cap.mode.name() })
}

fn as_text(cap: &VixCap) -> String {
    let opens = match cap.mode {
        VixMode::Normal => "every strategy may open",
        VixMode::NoStrangles => "every strategy but strangles may open",
        VixMode::PutsOnly => "only short puts may open, at most one position a session",
        VixMode::ManageOnly => "exits and defence only, nothing may open",
    };
    format!(
        "At most {} % of sizing capital as buying power ({}).\n\
         Mode {}: {opens}.\n\
         Account phase and deployment stage may lower this cap further.\n",
        cap.cap_percent.normalize(),
        cap.band,
        cap.mode.name()
    )
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    #[test]
    fn json_carries_the_cap_as_a_number_and_the_mode_by_name() {
        let cases = [
            ("12.99", r#"{"mode":"no_strangles","vix_cap_percent":45}"#),
            ("13", r#"{"mode":"normal","vix_cap_percent":65}"#),
            ("13.00", r#"{"mode":"normal","vix_cap_percent":65}"#),
            ("18.00", r#"{"mode":"normal","vix_cap_percent":75}"#),
            ("25.00", r#"{"mode":"normal","vix_cap_percent":50}"#),
            ("30.00", r#"{"mode":"normal","vix_cap_percent":50}"#),
            ("30.01", r#"{"mode":"puts_only","vix_cap_percent":80}"#),
            ("6.573e1", r#"{"mode":"puts_only","vix_cap_percent":80}"#),
        ];
        let rules = Rulebook::embedded().vix;
        for (vix, wanted) in cases {
            let json = as_json(&vix_cap(&rules, level(vix).unwrap())).to_string();
            assert_eq!(json, wanted, "VIX {vix}");
        }
    }

    #[test]
    fn a_broken_percentage_stays_a_number() {
        let mut rules = Rulebook::embedded().vix;
        rules.bands[0].cap_percent = dec!(42.5);
        let json = as_json(&vix_cap(&rules, dec!(10))).to_string();
        assert_eq!(json, r#"{"mode":"no_strangles","vix_cap_percent":42.5}"#);
    }

    #[test]
    fn a_level_that_is_none_is_bad_usage() {
        for text in ["", "abc", "0", "-1", "NaN", "inf", "1,5", "0.0"] {
            assert!(matches!(level(text), Err(CliError::Usage(_))), "{text}");
        }
    }

    #[test]
    fn the_text_names_the_band() {
        let rules = Rulebook::embedded().vix;
        let text = as_text(&vix_cap(&rules, dec!(12.6)));
        assert!(
            text.starts_with("At most 45 % of sizing capital as buying power (VIX 12.6 < 13).")
        );
        assert!(text.contains("every strategy but strangles may open"));
    }
}
