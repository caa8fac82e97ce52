//! `tomking price`: a calculator for one option.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::{
    CliError, CliResult, Global,
    ground::{print, print_json},
};
use crate::{
    instrument::Right,
    pricing::{self, BadInput, Inputs, MINUTES_A_YEAR, Model, Priced},
};

/// Price, Greeks or implied volatility of one option.
///
/// A year is 365 days of minutes. Theta is per calendar day; vega and rho are per point (0.01).
/// Rates, dividends and volatility are decimals a year: 0.05 is 5 %. With `--iv-from` the
/// volatility that gives a price is worked out instead; exit 1 when no volatility gives it.
///
/// Example: tomking price --spot 5186.33 --strike 5000 --rate 0.053 --dividend 0.013 --vol 0.32
/// --minutes 10080 --right put
#[derive(Debug, Args)]
pub struct PriceArgs {
    /// The model: bsm on a spot, or black76 on a forward.
    #[arg(long, value_enum, default_value = "bsm")]
    model: ModelArg,
    /// Price of the underlying; for black76 the forward, such as the future's price.
    #[arg(long, value_name = "S", value_parser = figure, allow_hyphen_values = true)]
    spot: f64,
    /// Strike.
    #[arg(long, value_name = "K", value_parser = figure, allow_hyphen_values = true)]
    strike: f64,
    /// Rate a year, continuously compounded.
    #[arg(long, value_name = "R", value_parser = figure, allow_hyphen_values = true, default_value = "0")]
    rate: f64,
    /// Dividend yield a year, continuous; black76 does not use it.
    #[arg(long, value_name = "Q", value_parser = figure, allow_hyphen_values = true, default_value = "0")]
    dividend: f64,
    /// Volatility a year; not needed with --iv-from.
    #[arg(
        long,
        value_name = "V",
        value_parser = figure,
        allow_hyphen_values = true,
        required_unless_present = "iv_from"
    )]
    vol: Option<f64>,
    /// Minutes to expiry: 390 for a session, 10080 for a week.
    #[arg(long, value_name = "M", value_parser = figure, allow_hyphen_values = true)]
    minutes: f64,
    /// Call or put.
    #[arg(long, value_enum)]
    right: RightArg,
    /// Work out the implied volatility of this price, in points.
    #[arg(long, value_name = "PRICE", value_parser = figure, allow_hyphen_values = true)]
    iv_from: Option<f64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModelArg {
    /// Black–Scholes–Merton.
    Bsm,
    /// Black-76.
    Black76,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RightArg {
    Call,
    Put,
}

/// A number that is one.
fn figure(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("must be a plain number, such as 5186.33 or 0.05".to_owned()),
    }
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &PriceArgs) -> CliResult {
    let model = match args.model {
        ModelArg::Bsm => Model::Bsm,
        ModelArg::Black76 => Model::Black76,
    };
    let mut inputs = inputs(model, args);
    inputs.check().map_err(|fault| usage(fault, args))?;
    if let Some(price) = args.iv_from {
        inputs.vol = implied_volatility(model, &inputs, price)?;
    }
    let priced = pricing::try_price(model, &inputs).map_err(|fault| usage(fault, args))?;
    match (global.json, args.iv_from) {
        (true, Some(_)) => print_json(&json!({ "implied_volatility": inputs.vol })),
        (true, None) => print_json(&priced),
        (false, _) => print(&calculator(model, &inputs, args, &priced)),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn inputs(model: Model, args: &PriceArgs) -> Inputs {
    Inputs {
        spot: args.spot,
        strike: args.strike,
        rate: args.rate,
        dividend: if model == Model::Bsm { args.dividend } else { 0.0 },
        vol: args.vol.filter(|_| args.iv_from.is_none()).unwrap_or(0.0),
        years: args.minutes / MINUTES_A_YEAR,
        right: match args.right {
            RightArg::Call => Right::Call,
            RightArg::Put => Right::Put,
        },
    }
}

fn implied_volatility(model: Model, inputs: &Inputs, price: f64) -> Result<f64, CliError> {
    if price < 0.0 {
        return Err(CliError::Usage(format!("--iv-from {price}: a price is 0 or more")));
    }
    pricing::implied_volatility(model, inputs, price).ok_or_else(|| {
        if inputs.years <= 0.0 {
            return CliError::failed(
                "no implied volatility at expiry: the price is the intrinsic value whatever the \
                 volatility; --minutes must be above 0",
            );
        }
        let bounds = pricing::price_bounds(model, inputs).unwrap_or_default();
        CliError::failed(format!(
            "no volatility gives a price of {price}: this {} is worth at least {} (its discounted \
             intrinsic value) and less than {}",
            right_word(inputs.right),
            short(bounds.start),
            short(bounds.end)
        ))
    })
}

/// The figure at fault in the words of the command line.
fn usage(fault: BadInput, args: &PriceArgs) -> CliError {
    CliError::Usage(match fault {
        BadInput::Spot(_) => format!("--spot {}: must be a price above 0", args.spot),
        BadInput::Strike(_) => format!("--strike {}: must be a price above 0", args.strike),
        BadInput::Vol(vol) => format!("--vol {vol}: must be 0 or more; 0.2 is 20 % a year"),
        BadInput::Years(_) => format!("--minutes {}: must be 0 or more", args.minutes),
        BadInput::Rate(_) => {
            format!("--rate {}: out of all proportion; 0.05 is 5 % a year", args.rate)
        }
        BadInput::Dividend(_) => {
            format!("--dividend {}: out of all proportion; 0.013 is 1.3 % a year", args.dividend)
        }
    })
}

/// The table for a person: what went in, what came out, each with its unit.
fn calculator(model: Model, inputs: &Inputs, args: &PriceArgs, priced: &Priced) -> String {
    let (name, underlying) = match model {
        Model::Bsm => ("Black–Scholes–Merton", "spot"),
        Model::Black76 => ("Black-76", "forward"),
    };
    let intrinsic =
        pricing::price_bounds(model, inputs).map_or(priced.price, |bounds| bounds.start);
    let percent = |value: f64| format!("{} %", short(100.0 * value));
    let mut rows = vec![
        (underlying, short(inputs.spot), "points"),
        ("strike", short(inputs.strike), "points"),
        ("time to expiry", duration(args.minutes), ""),
        ("rate", percent(inputs.rate), "a year, continuously compounded"),
    ];
    if model == Model::Bsm {
        rows.push(("dividend", percent(inputs.dividend), "a year, continuous"));
    }
    let of_vol = if args.iv_from.is_some() { "implied volatility" } else { "volatility" };
    let per_underlying = match model {
        Model::Bsm => "a point of spot",
        Model::Black76 => "a point of forward, discounted",
    };
    let rho_unit = match model {
        Model::Bsm => "points, a point (0.01) of rate",
        Model::Black76 => "points, a point (0.01) of rate, forward held still",
    };
    let greek = |value: f64| format!("{:.6}", value + 0.0);
    rows.extend([
        (of_vol, percent(inputs.vol), "a year"),
        ("price", greek(priced.price), "points"),
        ("of that intrinsic", greek(intrinsic), "points, discounted"),
        ("of that time value", greek(priced.price - intrinsic), "points"),
        ("delta", greek(priced.delta), per_underlying),
        ("gamma", greek(priced.gamma), "delta, for one point more"),
        ("theta", greek(priced.theta), "points a calendar day"),
        ("vega", greek(priced.vega), "points, a point (0.01) of volatility"),
        ("rho", greek(priced.rho), rho_unit),
    ]);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value, unit) in rows {
        table.add_row([name, &value, unit]);
    }
    if let Some(values) = table.column_mut(1) {
        values.set_cell_alignment(CellAlignment::Right);
    }
    let title = format!("{name} {}", right_word(inputs.right));
    let rows: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("{title}\n{}\nA year is 365 days; model value, European exercise.\n", rows.join("\n"))
}

fn right_word(right: Right) -> &'static str {
    match right {
        Right::Call => "call",
        Right::Put => "put",
    }
}

/// Up to six decimals, none that are zero at the end.
fn short(value: f64) -> String {
    let text = format!("{:.6}", value + 0.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn duration(minutes: f64) -> String {
    let (days, rest) = ((minutes / 1440.0).floor(), minutes % 1440.0);
    let (hours, minutes) = ((rest / 60.0).floor(), rest % 60.0);
    format!("{days} d {hours} h {} min", short(minutes))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Harness {
        #[command(flatten)]
        args: PriceArgs,
    }

    fn parse(line: &str) -> Result<PriceArgs, clap::Error> {
        Harness::try_parse_from(line.split_whitespace()).map(|harness| harness.args)
    }

    fn outcome(line: &str) -> CliResult {
        let global = Global { config_dir: None, data_dir: None, json: true };
        run(&global, &parse(line).unwrap())
    }

    const PUT: &str = "price --spot 5186.33 --strike 5000 --rate 0.053 --dividend 0.013 \
                       --minutes 10080 --right put";

    #[test]
    fn the_calculator_names_every_figure_with_its_unit() {
        let args = parse(&format!("{PUT} --vol 0.32")).unwrap();
        let inputs = inputs(Model::Bsm, &args);
        let priced = pricing::price(Model::Bsm, &inputs);
        insta::assert_snapshot!(calculator(Model::Bsm, &inputs, &args, &priced));
        let args = parse(
            "price --model black76 --spot 5200 --strike 5250 --vol 0.2 --minutes 330 --right call",
        )
        .unwrap();
        let inputs = super::inputs(Model::Black76, &args);
        let priced = pricing::price(Model::Black76, &inputs);
        insta::assert_snapshot!(calculator(Model::Black76, &inputs, &args, &priced));
    }

    #[test]
    fn bad_figures_are_bad_usage_and_say_what_would_be_right() {
        let cases = [
            ("--spot -1 --strike 100 --vol 0.2 --minutes 5", "--spot -1: must be a price above 0"),
            ("--spot 1 --strike 0 --vol 0.2 --minutes 5", "--strike 0: must be a price above 0"),
            (
                "--spot 1 --strike 1 --vol -0.2 --minutes 5",
                "--vol -0.2: must be 0 or more; 0.2 is 20 % a year",
            ),
            ("--spot 1 --strike 1 --vol 0.2 --minutes -5", "--minutes -5: must be 0 or more"),
            (
                "--spot 1 --strike 1 --vol 0.2 --minutes 525600 --rate 5000",
                "--rate 5000: out of all proportion; 0.05 is 5 % a year",
            ),
            ("--spot 1 --strike 1 --minutes 5 --iv-from -1", "--iv-from -1: a price is 0 or more"),
        ];
        for (flags, expected) in cases {
            match outcome(&format!("price --right call {flags}")) {
                Err(CliError::Usage(text)) => assert_eq!(text, expected),
                other => panic!("{flags}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_clap_can_refuse_is_refused_by_the_parser() {
        for flags in [
            "--spot 1 --strike 1 --minutes 5 --right call",
            "--spot nan --strike 1 --vol 0.2 --minutes 5 --right call",
            "--spot 1 --strike 1 --vol inf --minutes 5 --right call",
            "--spot 1 --strike 1 --vol 0.2 --minutes 5",
            "--spot 1 --strike 1 --vol 0.2 --minutes 5 --right straddle",
            "--spot 1 --strike 1 --vol 0.2 --minutes 5 --right call --model heston",
        ] {
            assert_eq!(parse(&format!("price {flags}")).unwrap_err().exit_code(), 2, "{flags}");
        }
    }

    #[test]
    fn a_negative_rate_and_a_volatility_not_given_are_fine() {
        let line = "price --spot 100 --strike 100 --minutes 525600 --right put --rate -0.01";
        assert!(outcome(&format!("{line} --dividend -0.01 --iv-from 8")).is_ok());
        assert!(outcome(&format!("{line} --vol -0")).is_ok());
    }

    #[test]
    fn a_price_no_volatility_gives_fails_and_says_the_bounds() {
        let failed = |flags: &str| match outcome(flags) {
            Err(CliError::Failed(text)) => text,
            other => panic!("{other:?}"),
        };
        let line = "price --spot 105 --strike 100 --minutes 10080 --right call --iv-from";
        assert_eq!(
            failed(&format!("{line} 4.99")),
            "no volatility gives a price of 4.99: this call is worth at least 5 (its discounted \
             intrinsic value) and less than 105"
        );
        assert!(failed(&format!("{line} 105")).contains("less than 105"));
        let expired = "price --spot 105 --strike 100 --minutes 0 --right call --iv-from 5";
        assert!(failed(expired).contains("--minutes must be above 0"));
    }
}
