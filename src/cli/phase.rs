//! `tomking phase`.

use std::process::ExitCode;

use clap::Args;

use super::{
    CliResult, Global,
    ground::{Ground, print, print_json},
};
use crate::{
    control::{Request, stage::PhaseView},
    money::Gbp,
};

/// The account's phase by its net liquidation: since when, its caps, and where it ends.
#[derive(Debug, Args)]
pub struct PhaseArgs {}

/// Runs the subcommand.
pub fn run(global: &Global, _: &PhaseArgs) -> CliResult {
    let view: PhaseView = Ground::load(global)?.ask(&Request::Phase)?;
    if global.json {
        print_json(&view)?;
    } else {
        print(&words(&view))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn words(view: &PhaseView) -> String {
    let amount = |gbp: Option<Gbp>| gbp.map_or_else(|| "-".to_owned(), |gbp| gbp.to_string());
    let net = amount(view.net_liquidation_gbp);
    let Some((number, figures)) = view.phase.zip(view.figures.as_ref()) else {
        return match view.net_liquidation_gbp {
            None => "The phase is not known: no daemon has looked at the account yet.\n\
                     hint: start it with `tomking run`\n"
                .to_owned(),
            Some(_) => format!(
                "Below P1: a net liquidation of {net} enters nothing under {}, unless a deployment \
                 stage 1 to 3 is active.\n",
                amount(view.up_at_gbp)
            ),
        };
    };
    let since = view
        .since
        .map_or_else(String::new, |at| format!(", since {}", at.format("%Y-%m-%d %H:%M UTC")));
    let cap = figures.cap_percent.normalize();
    let bound = if number == 1 { "below" } else { "at or below" };
    let text = format!(
        "Phase P{number}{since}; net liquidation {net}.\n\
         At most {cap} % of sizing capital as buying power; VIX and stage may lower it.\n\
         It ends {bound} {}",
        amount(view.down_at_gbp)
    );
    let further = match view.up_at_gbp {
        Some(up) => format!("; P{} begins at {up}.\n", number + 1),
        None => "; it is the last one.\n".to_owned(),
    };
    text + &further
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    #[test]
    fn a_phase_shows_where_it_ends_and_where_the_next_begins() {
        let view = PhaseView {
            phase: Some(2),
            since: Some("2024-08-02T14:30:00Z".parse().unwrap()),
            net_liquidation_gbp: Some(Gbp(dec!(41000))),
            up_at_gbp: Some(Gbp(dec!(60000))),
            down_at_gbp: Some(Gbp(dec!(38000))),
            figures: Some(Rulebook::embedded().phases.phases[1].clone()),
        };
        insta::assert_snapshot!(words(&view), @r"
        Phase P2, since 2024-08-02 14:30 UTC; net liquidation £41,000.00.
        At most 65 % of sizing capital as buying power; VIX and stage may lower it.
        It ends at or below £38,000.00; P3 begins at £60,000.00.
        ");
    }
}
