//! Stress as `tomking stress` shows it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Kind, Share, Tables, by_holder, limit::bearing};
use crate::{
    account::exposure::Unpriced,
    clock::Timestamp,
    money::{Gbp, Usd, round_half_up, to_f64},
    strategy::Snapshot,
};

/// One scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioLine {
    /// Its name.
    pub scenario: String,
    /// What kind it is.
    pub kind: Kind,
    /// The loss; below zero is a gain.
    pub loss_usd: Usd,
    /// The same in pounds; `None` without a rate.
    pub loss_gbp: Option<Gbp>,
    /// The same, percent of net liquidation; `None` without a balance.
    pub loss_percent: Option<f64>,
}

/// The requirement, raised, beside what stress leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarginLine {
    /// How many times.
    pub multiple: f64,
    /// The requirement so many times.
    pub requirement_usd: Usd,
    /// Net liquidation after the worst scenario.
    pub stressed_net_liquidation_usd: Usd,
    /// It fits.
    pub fits: bool,
    /// It stops entries; otherwise it is only reported.
    pub limits: bool,
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StressReport {
    /// The moment.
    pub at: Timestamp,
    /// Net liquidation; `None` when it is not known.
    pub net_liquidation_usd: Option<Usd>,
    /// Every scenario.
    pub scenarios: Vec<ScenarioLine>,
    /// The worst one's name.
    pub worst: String,
    /// Most loss in it, percent of net liquidation.
    pub bound_percent: f64,
    /// The requirement raised; empty without a balance.
    pub margin: Vec<MarginLine>,
    /// The scenario the positions are of: the one asked for, or the worst.
    pub positions_of: String,
    /// What each holder loses in it, the greatest loss first.
    pub positions: Vec<Share>,
    /// Legs that could not be priced; they are in no figure.
    pub unpriced: Vec<Unpriced>,
}

/// The stress of a snapshot's book; the words of the failure, when there is none.
pub fn report(snapshot: &Snapshot, scenario: Option<&str>) -> Result<StressReport, String> {
    let book = snapshot.book.as_ref().ok_or("what is held was not priced")?;
    let rules = &snapshot.rulebook.stress;
    let tables = Tables { stress: rules, groups: &snapshot.rulebook.groups };
    let stressed = super::stress(tables, &book.exposures).map_err(|error| error.to_string())?;
    let balances = snapshot.balances.filter(|b| b.net_liquidation_usd.is_positive());
    let net = balances.map(|balances| balances.net_liquidation_usd);
    let worst = stressed.worst().map_or_else(String::new, |worst| worst.name.clone());
    let lines = stressed.scenarios.iter().map(|found| ScenarioLine {
        scenario: found.name.clone(),
        kind: found.kind,
        loss_usd: found.loss_usd,
        loss_gbp: snapshot.fx.map(|rate| rate.to_gbp(found.loss_usd).rounded()),
        loss_percent: net.map(|net| percent_of(found.loss_usd, net)),
    });
    let scenarios: Vec<ScenarioLine> = lines.collect();
    let positions_of = scenario.unwrap_or(&worst).to_owned();
    let positions = by_holder(tables, &book.exposures, &positions_of);
    let positions = positions.map_err(|error| error.to_string())?.ok_or_else(|| {
        let names: Vec<&str> = scenarios.iter().map(|line| line.scenario.as_str()).collect();
        format!("no scenario `{positions_of}`; known are {}", names.join(", "))
    })?;
    let margin = if book.unpriced.is_empty() { margin(snapshot) } else { Vec::new() };
    Ok(StressReport {
        at: snapshot.now,
        net_liquidation_usd: net,
        scenarios,
        worst,
        bound_percent: to_f64(rules.worst_percent),
        margin,
        positions_of,
        positions,
        unpriced: book.unpriced.clone(),
    })
}

fn margin(snapshot: &Snapshot) -> Vec<MarginLine> {
    let Ok(bearing) = bearing(snapshot, Vec::new(), Usd::ZERO) else { return Vec::new() };
    let rules = &snapshot.rulebook.stress;
    let left = bearing.stressed_net();
    let line = |multiple: Decimal, limits| {
        let raised = Usd(bearing.requirement.0 * multiple).rounded();
        MarginLine {
            multiple: to_f64(multiple),
            requirement_usd: raised,
            stressed_net_liquidation_usd: left,
            fits: raised <= left,
            limits,
        }
    };
    vec![line(rules.margin_multiple, true), line(rules.margin_multiple_reported, false)]
}

fn percent_of(loss: Usd, net: Usd) -> f64 {
    to_f64(round_half_up(loss.0 / net.0 * Decimal::ONE_HUNDRED, 2))
}
