//! `tomking risk`.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    CliError, CliResult, Global,
    ground::{Ground, print, print_json, settings},
};
use crate::{
    control::{Request, say},
    desk::check::{Verdict, WrittenOrder},
    risk::{
        BuyingPowerSource,
        cap::{VixCap, VixMode, vix_cap},
    },
};

/// Every limit of an entry with its use against its bound, and the breakers with theirs.
///
/// Without a daemon the account's figures are the last that were kept, and prices are read now.
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
    /// What the gate would say of an order written in a file: every limit, nothing is sent.
    ///
    /// The file is TOML or JSON: `strategy`, `units`, `limit`, and `legs` with `side`, `ratio`,
    /// `product`, `expiration`, `strike`, `right`, `settlement`. Exit 1 when it is refused.
    ///
    /// Example: `tomking risk check --intent order.toml`
    Check {
        /// The file; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        intent: PathBuf,
    },
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &RiskArgs) -> CliResult {
    let vix = match &args.command {
        None => return standing(global),
        Some(RiskCommand::Check { intent }) => return check(global, intent),
        Some(RiskCommand::Cap { vix }) => vix,
    };
    let level = level(vix)?;
    let cap = vix_cap(&settings(global)?.rulebook.vix, level);
    if global.json {
        print_json(&as_json(&cap))?;
    } else {
        print(&as_text(&cap))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn standing(global: &Global) -> CliResult {
    let ground = Ground::load(global)?;
    let limits: Value = ground.ask(&Request::Limits)?;
    let breakers: Value = ground.ask(&Request::Risk)?;
    if global.json {
        print_json(&json!({ "limits": limits, "breakers": breakers }))?;
    } else {
        let page = |request, found| say::page(request, found).map_err(CliError::Failed);
        let (limits, breakers) =
            (page(&Request::Limits, &limits)?, page(&Request::Risk, &breakers)?);
        print(&format!("{}\n{}", limits.text(), breakers.text()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(global: &Global, file: &Path) -> CliResult {
    let order = order_of(file, &read_text(file)?)?;
    let verdict: Verdict = Ground::load(global)?.ask(&Request::Check { order })?;
    if global.json {
        print_json(&verdict)?;
    } else {
        print(&verdict_text(&verdict))?;
    }
    Ok(if verdict.approved { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The longest file of an order, bytes: that of the longest request.
const ORDER_BYTES_MAX: u64 = 32 * 1024;

fn read_text(file: &Path) -> Result<String, CliError> {
    let failed =
        |error: std::io::Error| CliError::Failed(format!("reading {}: {error}", file.display()));
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(ORDER_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(ORDER_BYTES_MAX + 1).read_to_string(&mut text)
    };
    let bytes = read.map_err(failed)?;
    if bytes as u64 > ORDER_BYTES_MAX {
        let error = format!("{} is longer than {ORDER_BYTES_MAX} bytes", file.display());
        return Err(CliError::Failed(error));
    }
    Ok(text)
}

/// JSON where it begins with a brace, else TOML.
fn order_of(file: &Path, text: &str) -> Result<WrittenOrder, CliError> {
    let wrong =
        |error: String| CliError::Failed(format!("{}: {}", file.display(), error.trim_end()));
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| wrong(error.to_string()));
    }
    toml::from_str(text).map_err(|error| wrong(error.to_string()))
}

fn verdict_text(verdict: &Verdict) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let word = if verdict.approved { "Approved" } else { "Refused" };
    let source = match verdict.source {
        BuyingPowerSource::DryRun => "the broker's dry run",
        BuyingPowerSource::Model => "the margin model",
    };
    let side = if verdict.mid_points < 0.0 { "debit" } else { "credit" };
    let mid = verdict.mid_points.abs();
    let _ = writeln!(text, "{word}: {} at {mid} {side}", verdict.order);
    let taken = verdict.requirement_usd;
    let _ = writeln!(text, "Requirement {taken} by {source}. Nothing was sent.\n");
    for line in &verdict.limits {
        let said = line.refusal.as_ref().map_or("", |refusal| refusal.text.as_str());
        let said = said.strip_prefix("Refused: ").unwrap_or(said);
        let passed = if line.passed { "passes" } else { "refuses" };
        let row = format!(" {:>2} {:<14} {passed:<8} {said}", line.number, line.limit);
        let _ = writeln!(text, "{}", row.trim_end());
    }
    for warning in &verdict.warnings {
        let _ = writeln!(text, "Warning: {warning}");
    }
    text
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
