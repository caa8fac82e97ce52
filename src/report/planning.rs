//! The plan as it stands (rulebook §7): income of the month, the path, and the figures the program
//! is held to, measured from the store. It tells; it sizes nothing.

use chrono::{Days, Months, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    gather::BEGINNING,
    page::{Body, Page, Section},
    parts::{self, TradeLine},
    performance::{self, Curves},
};
use crate::{
    account::Position,
    calendar::{Calendar, Exchange, Session, new_york_date},
    config::Rulebook,
    desk::read,
    instrument::Instrument,
    money::{FxRate, Gbp, Usd},
    plan::{
        Compounding, Income, IncomeLine, Measure, Month, OpenLine, PathRow, Realised, UseStep,
        buying_power_efficiency, compounding, income, long_term, mean_over,
    },
    stats::{Series, max_drawdown, total_return},
    store::{Read, StoreError},
    strategy::rule,
};

/// Sessions over which buying power in use is measured, calendar days.
const EFFICIENCY_DAYS: u64 = 30;

/// What the account is worth now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Worth {
    /// Net liquidation.
    pub net_liquidation_gbp: Option<Gbp>,
    /// Its rate.
    pub rate: Option<FxRate>,
    /// The account's phase; `None` below the first.
    pub phase: Option<u8>,
}

/// The plan on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanStands {
    /// The New York date.
    pub date: NaiveDate,
    /// The month's income; `None` without a rate.
    pub income: Option<Income>,
    /// The path; `None` before the ledger began, where the plan names no start.
    pub compounding: Option<Compounding>,
    /// What is measured against its target.
    pub measures: Vec<Measure>,
}

/// The plan as the store tells it on a date.
pub fn plan(
    tx: &impl Read,
    rulebook: &Rulebook,
    calendar: &Calendar,
    date: NaiveDate,
    worth: Worth,
) -> Result<PlanStands, StoreError> {
    let curves = Curves::read(tx, date)?;
    let began = read::cash(tx)?.map(|book| new_york_date(book.since));
    let started = rulebook.plan.started.or(began);
    let month_ago = date.checked_sub_months(Months::new(1)).unwrap_or(date);
    let last_month = curves.since(month_ago + Days::new(1));
    let grown = last_month.gbp.as_ref().and_then(|s| total_return(s.returns()));
    let path = |started: NaiveDate| {
        let grown = grown.map(|grown| grown * 100.0);
        compounding(&rulebook.plan, started, date, worth.net_liquidation_gbp, grown)
    };
    Ok(PlanStands {
        date,
        income: worth
            .rate
            .map(|rate| of_month(tx, rulebook, date, worth.phase, rate))
            .transpose()?,
        compounding: started.map(path),
        measures: measures(tx, rulebook, calendar, date, &curves)?,
    })
}

/// Closed and open positions of the month of a date, up to that date.
pub fn of_month(
    tx: &impl Read,
    rulebook: &Rulebook,
    date: NaiveDate,
    phase: Option<u8>,
    rate: FxRate,
) -> Result<Income, StoreError> {
    let month = Month::of(date);
    let closed = read::closed_positions(tx, month.first(), date)?;
    let open = read::open_positions(tx)?;
    let closed: Vec<Realised> = closed.iter().map(|position| realised(position, rate)).collect();
    let open: Vec<OpenLine> =
        open.iter().filter_map(|position| open_line(rulebook, position, rate)).collect();
    Ok(income(&rulebook.plan, phase, month, &closed, &open))
}

/// The income of each of some months that had a session and a rate.
pub(super) fn of_months(
    tx: &impl Read,
    rulebook: &Rulebook,
    months: &[Month],
) -> Result<Vec<Income>, StoreError> {
    let mut incomes = Vec::new();
    for month in months {
        let rows = read::equity(tx, month.first(), month.last())?;
        if let Some((row, rate)) = rows.last().and_then(|row| Some((row, row.fx?))) {
            incomes.push(of_month(tx, rulebook, month.last(), row.phase, rate)?);
        }
    }
    Ok(incomes)
}

/// A closed position's result at its own day's rate, or at the one given.
fn realised(position: &Position, rate: FxRate) -> Realised {
    let pnl = position.pnl_gbp().unwrap_or_else(|| rate.to_gbp(position.pnl_usd()));
    Realised { strategy: position.strategy, pnl }
}

/// What an open position brings at its target; `None` for one that never expires.
fn open_line(rulebook: &Rulebook, position: &Position, rate: FxRate) -> Option<OpenLine> {
    let expirations = position.legs.iter().filter(|leg| leg.quantity != 0).filter_map(|leg| {
        match &leg.instrument {
            Instrument::Option(option) => Some(option.series.expiration),
            Instrument::Future { .. } | Instrument::Shares { .. } => None,
        }
    });
    let percent = rule(position.strategy).and_then(|rule| rule.income_percent(rulebook));
    let percent = percent.unwrap_or_default();
    let credit = parts::credit_usd(position).max(Usd::ZERO);
    let gross = Usd(credit.0 * percent / Decimal::ONE_HUNDRED);
    let at_target = if gross == Usd::ZERO { Usd::ZERO } else { gross - position.fees_usd };
    Some(OpenLine {
        strategy: position.strategy,
        opened: new_york_date(position.opened_at),
        expires: expirations.min()?,
        at_target: rate.to_gbp(at_target),
    })
}

fn measures(
    tx: &impl Read,
    rulebook: &Rulebook,
    calendar: &Calendar,
    date: NaiveDate,
    curves: &Curves,
) -> Result<Vec<Measure>, StoreError> {
    let targets = &rulebook.plan.targets;
    let sessions = sessions_in_use(tx, calendar, date)?;
    let closed = read::closed_positions(tx, BEGINNING, date)?;
    let trades: Vec<TradeLine> = closed.iter().filter_map(TradeLine::of).collect();
    let wins = performance::of_trades(&trades).trade_win_rate;
    let drawdown = curves.usd.as_ref().and_then(|series| max_drawdown(series.returns()));
    let growth = curves.gbp.as_ref().and_then(|series| month_growth(series, date));
    let percent = |share: Option<f64>| share.map(|share| share * 100.0);
    let mut found = vec![buying_power_efficiency(targets, &sessions)];
    let drawdown = percent(drawdown).map(f64::abs);
    found.extend(long_term(targets, percent(growth), drawdown, percent(wins)));
    Ok(found)
}

/// Growth a month since the ledger began, compounded; from a whole month on.
fn month_growth(series: &Series, date: NaiveDate) -> Option<f64> {
    let days = (date - series.start()).num_days();
    let months = days as f64 / 365.25 * 12.0;
    let growth = 1.0 + total_return(series.returns())?;
    let each = growth.powf(1.0 / months) - 1.0;
    Some(each).filter(|each| each.is_finite() && months >= 1.0)
}

/// Mean use and mean cap of each reconciled session of the last month.
fn sessions_in_use(
    tx: &impl Read,
    calendar: &Calendar,
    date: NaiveDate,
) -> Result<Vec<(f64, f64)>, StoreError> {
    let from = date.checked_sub_days(Days::new(EFFICIENCY_DAYS)).unwrap_or(date);
    let mut found = Vec::new();
    for row in read::equity(tx, from, date)? {
        let Some(session) = calendar.session(Exchange::Xnys, row.date) else { continue };
        let steps = steps(tx, &session)?;
        let idle = row.cap_percent.map(|cap| (0.0, crate::money::to_f64(cap)));
        found.extend(mean_over(session.open, session.close, &steps).or(idle));
    }
    Ok(found)
}

fn steps(tx: &impl Read, session: &Session) -> Result<Vec<UseStep>, StoreError> {
    let points = read::equity_points(tx, session.date)?;
    let step = |point: &crate::desk::tables::EquityPoint| {
        let (used_percent, cap_percent) = point.used_percent.zip(point.cap_percent)?;
        Some(UseStep { at: point.at, used_percent, cap_percent })
    };
    Ok(points.iter().filter_map(step).collect())
}

impl PlanStands {
    /// The figures that matter.
    pub fn headline(&self) -> String {
        let mut said = Vec::new();
        said.extend(self.compounding.as_ref().map(stands));
        said.extend(self.income.as_ref().map(|income| {
            let target = income.target_gbp.map(|target| format!(" of {target}"));
            format!("{}{} in {}", income.realised_gbp, target.unwrap_or_default(), income.month)
        }));
        if said.is_empty() { "Nothing is known yet".to_owned() } else { said.join("; ") }
    }

    /// The sections.
    pub fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        sections.extend(self.income.as_ref().map(income_section));
        sections.extend(self.income.as_ref().map(|income| shares(&income.strategies)));
        sections.extend(self.compounding.as_ref().map(compounding_section));
        sections.extend(self.compounding.as_ref().map(|found| path_section(&found.path)));
        sections.push(measures_section(&self.measures));
        sections
    }

    /// The page.
    pub fn page(&self) -> Page {
        Page {
            title: format!("The plan, {}", parts::long_date(self.date)),
            headline: self.headline(),
            sections: self.sections(),
            notes: vec![NOTE.to_owned()],
        }
    }
}

/// What must be known of the plan.
pub const NOTE: &str = "The plan tells; it never sets or raises a size.";

/// `£35,718.60, on the path (£36,012.00, -0.8 %)`.
fn stands(found: &Compounding) -> String {
    let Some((now, gap)) = found.net_liquidation_gbp.zip(found.gap_percent) else {
        return "Net liquidation not known".to_owned();
    };
    let place = match found.standing.map_or("on", crate::plan::Standing::name) {
        "on" => "on the path".to_owned(),
        side => format!("{side} of the path").replace("behind of", "behind"),
    };
    format!("{now}, {place} ({}, {gap:+.1} %)", found.planned_gbp)
}

fn income_section(income: &Income) -> Section {
    let target = match (income.target_gbp, income.phase) {
        (Some(target), Some(phase)) => format!("{target} a month in phase {phase}"),
        _ => "none: the account is in no phase".to_owned(),
    };
    let mut facts = vec![
        ("Target", target),
        ("Closed", income.realised_gbp.to_string()),
        ("Open, at its profit targets", income.open_at_target_gbp.to_string()),
        ("of it in the month", income.expected_gbp.to_string()),
    ];
    facts.extend(income.shortfall_gbp.map(|missing| ("Missing", missing.to_string())));
    Section { title: format!("Income of {}", income.month), body: facts_of(facts) }
}

fn shares(lines: &[IncomeLine]) -> Section {
    let head = ["Strategy", "Share", "Target", "Closed", "Expected", "Missing"];
    let or_dash = |gbp: Option<Gbp>| gbp.map_or_else(|| "-".to_owned(), |gbp| gbp.to_string());
    let row = |line: &IncomeLine| {
        vec![
            line.strategy.clone(),
            format!("{:.0} %", line.share_percent),
            or_dash(line.target_gbp),
            line.realised_gbp.to_string(),
            line.expected_gbp.to_string(),
            or_dash(line.shortfall_gbp),
        ]
    };
    let rows = lines.iter().map(row).collect();
    Section { title: "By strategy".to_owned(), body: rows_of(&head, rows) }
}

fn compounding_section(found: &Compounding) -> Section {
    let rate = |percent: f64| format!("{percent:.2} % a month");
    let mut facts = vec![
        ("Stands", stands(found)),
        ("On the path within", format!("{:.1} %", found.band_percent)),
        ("Month", format!("{} of {}, since {}", found.month, found.months, found.started_date)),
        ("The path grows", rate(found.planned_month_percent)),
    ];
    facts.extend(
        found.grown_month_percent.map(|grown| ("The last month grew", format!("{grown:.2} %"))),
    );
    facts.extend(found.needed_month_percent.map(|needed| ("In time it needs", rate(needed))));
    facts.push(("Too much is above", rate(found.limit_month_percent)));
    facts.extend(found.advice.iter().map(|line| ("Note", line.clone())));
    Section { title: "Compounding".to_owned(), body: facts_of(facts) }
}

fn path_section(path: &[PathRow]) -> Section {
    let head = ["Month to", "Path", "At the limit", "Deployed"];
    let row = |row: &PathRow| {
        let deployed = row.deployed.map_or_else(
            || "growth".to_owned(),
            |range| format!("{} to {}", whole(range.from_gbp), whole(range.to_gbp)),
        );
        vec![
            format!("{} {}", row.month, row.ends_date),
            row.planned_gbp.to_string(),
            row.at_limit_gbp.to_string(),
            deployed,
        ]
    };
    let rows = path.iter().map(row).collect();
    Section { title: "The path".to_owned(), body: rows_of(&head, rows) }
}

/// Without its pennies, where it has none.
fn whole(amount: Gbp) -> String {
    amount.to_string().trim_end_matches(".00").to_owned()
}

/// What is measured, beside its target.
pub fn measures_section(measures: &[Measure]) -> Section {
    let head = ["Measured", "Value", "Target", ""];
    let row = |measure: &Measure| {
        let unit = if measure.unit == "percent" { "%" } else { "ms" };
        let value = measure.value.map_or_else(|| "-".to_owned(), |v| format!("{v:.1} {unit}"));
        let met = match measure.met {
            Some(true) => "met",
            Some(false) => "not met",
            None => "not known",
        };
        let target = format!("{} {} {unit}", measure.bound, measure.target);
        vec![measure.name.replace('_', " "), value, target, met.to_owned()]
    };
    let rows = measures.iter().map(row).collect();
    Section { title: "Targets, measured".to_owned(), body: rows_of(&head, rows) }
}

fn facts_of(facts: Vec<(&str, String)>) -> Body {
    Body::Facts(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn rows_of(head: &[&str], rows: Vec<Vec<String>>) -> Body {
    Body::Rows(head.iter().map(|cell| (*cell).to_owned()).collect(), rows)
}
