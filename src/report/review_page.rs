//! A review as a page.

use super::{
    curve,
    daily::{holds, jobs, prices_note},
    page::{Body, Page, Section},
    parts::{counted, signed, stage},
    performance::{Fall, Returns, StrategyStats},
    pictures, planning,
    review::{DecisionCount, Review},
};
use crate::{
    money::{Gbp, Usd},
    stats::{TradeStats, YearRow},
};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `£35,718.60 (+£718.60), £175.80 of £3,000.00 closed, 1 trade, 1 won`.
pub(super) fn headline(review: &Review, income: Option<String>) -> String {
    let account = &review.account;
    let worth =
        account.after_gbp.map_or_else(|| account.after_usd.to_string(), |gbp| gbp.to_string());
    let change = account.after_gbp.zip(account.before_gbp);
    let change = change.map(|(after, before)| format!(" ({})", signed(after - before)));
    let trades = match review.trades.trade_count {
        0 => "no trades".to_owned(),
        n => format!("{}, {} won", counted(n, "trade"), review.trades.trade_wins),
    };
    let parts = [Some(worth + &change.unwrap_or_default()), income, Some(trades)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The page: what is particular to the review comes after the account.
pub(super) fn page(title: String, headline: String, review: &Review, own: Vec<Section>) -> Page {
    let mut sections = Vec::new();
    if !review.holds.is_empty() {
        sections.push(holds(&review.holds));
    }
    sections.push(account(review));
    sections.extend(curve::sections(&review.closes));
    sections.extend(own);
    sections.push(trades(review));
    sections.extend(returns(review));
    sections.extend(falls(review));
    if !review.months.is_empty() {
        sections.push(months(&review.months));
        let drawn = pictures::months(&review.months);
        sections.extend(drawn.map(|drawn| pictures::section("", drawn)));
    }
    if !review.decisions.is_empty() {
        sections.push(decisions(&review.decisions));
    }
    sections.push(proposals(review));
    sections.extend(stage(&review.stage));
    sections.push(jobs(&review.jobs));
    let journal = &review.journal;
    Page {
        title,
        headline,
        sections,
        notes: vec![
            format!("{} Times are New York.", prices_note(review.prices)),
            planning::NOTE.to_owned(),
            format!("Journal: entry {}, {}", journal.sequence, journal.hash),
        ],
    }
}

fn account(review: &Review) -> Section {
    let account = &review.account;
    let both = |gbp: Option<Gbp>, usd: Option<Usd>| match (gbp, usd) {
        (Some(gbp), Some(usd)) => format!("{gbp} ({usd})"),
        (None, Some(usd)) => usd.to_string(),
        _ => "the ledger began later".to_owned(),
    };
    let facts = vec![
        ("Before", both(account.before_gbp, account.before_usd)),
        ("After", both(account.after_gbp, Some(account.after_usd))),
        ("Realised", account.realised_usd.to_string()),
        ("Fees", account.fees_usd.to_string()),
        ("Sessions", account.sessions.to_string()),
    ];
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Section { title: "Account".to_owned(), body: Body::Facts(facts) }
}

/// By strategy, in the span and since the ledger began.
fn trades(review: &Review) -> Section {
    let head = ["By trade", "Trades", "Won", "Factor", "A trade", "All"];
    let row = |name: String, stats: &TradeStats| {
        let rate = stats.trade_win_rate;
        let mean = stats.trade_expectancy_usd;
        vec![
            name,
            stats.trade_count.to_string(),
            rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0)),
            stats.trade_profit_factor.to_string(),
            mean.map_or_else(|| "-".to_owned(), |mean| mean.to_string()),
            stats.trade_pnl_usd.to_string(),
        ]
    };
    let mut rows = vec![row("all".to_owned(), &review.trades)];
    let named = |line: &StrategyStats| row(line.strategy.clone(), &line.stats);
    let ever = |line: &StrategyStats| row(format!("{}, ever", line.strategy), &line.stats);
    rows.extend(review.strategies.iter().map(named));
    rows.extend(review.strategies_ever.iter().map(ever));
    table("Trades", &head, rows)
}

/// The figures of periods, never mixed with those of trades.
fn returns(review: &Review) -> Option<Section> {
    let columns = [
        ("$", review.usd_returns.as_ref()),
        ("£", review.gbp_returns.as_ref()),
        ("$, ever", review.usd_returns_ever.as_ref()),
    ];
    let columns: Vec<(&str, &Returns)> =
        columns.iter().filter_map(|(name, returns)| Some((*name, (*returns)?))).collect();
    let head: Vec<&str> =
        std::iter::once("By day").chain(columns.iter().map(|(name, _)| *name)).collect();
    let row = |name: &str, cell: &dyn Fn(&Returns) -> String| {
        std::iter::once(name.to_owned())
            .chain(columns.iter().map(|(_, returns)| cell(returns)))
            .collect::<Vec<_>>()
    };
    let rows = vec![
        row("return", &|r| percent(r.stats.period_total_return)),
        row("volatility, a year", &|r| percent(r.stats.period_volatility)),
        row("Sharpe", &|r| ratio(r.stats.period_sharpe)),
        row("Sortino", &|r| ratio(r.stats.period_sortino)),
        row("deepest fall", &|r| percent(r.stats.period_max_drawdown)),
        row("days won", &|r| percent(r.stats.period_win_rate)),
        row("VaR 5 %, historical", &|r| percent(r.stats.tail.period_var_historical)),
        row("VaR 5 %, Gaussian", &|r| percent(r.stats.tail.period_var_gaussian)),
        row("CVaR 5 %, historical", &|r| percent(r.stats.tail.period_cvar_historical)),
        row("CVaR 5 %, Gaussian", &|r| percent(r.stats.tail.period_cvar_gaussian)),
        row("days under water", &|r| r.stats.under_water.periods.to_string()),
        row("worst day", &|r| percent(r.worst_sessions.first().map(|day| day.value))),
    ];
    (!columns.is_empty()).then(|| table("Returns", &head, rows))
}

fn falls(review: &Review) -> Option<Section> {
    let returns = review.usd_returns_ever.as_ref()?;
    let line = |fall: &Fall| {
        let back = fall
            .recovery_date
            .map_or_else(|| "not made good yet".to_owned(), |date| format!("made good {date}"));
        let Fall { depth_percent, peak_date, trough_date, .. } = fall;
        format!("{depth_percent:.2} % from {peak_date} to {trough_date}, {back}")
    };
    let lines: Vec<String> = returns.drawdowns.iter().map(line).collect();
    let title = "Falls since the ledger began, in dollars".to_owned();
    (!lines.is_empty()).then_some(Section { title, body: Body::Lines(lines) })
}

/// Each year, then its last months: as many rows as a phone shows.
fn months(years: &[YearRow]) -> Section {
    let cell = |share: f64| format!("{:+.1} %", share * 100.0);
    let of_year = |year: &YearRow| {
        let months = MONTHS.iter().zip(&year.period_months);
        let known = months.filter_map(|(name, share)| Some((*name, (*share)?)));
        known
            .map(|(name, share)| vec![format!("{name} {}", year.year), cell(share)])
            .collect::<Vec<_>>()
    };
    let months: Vec<Vec<String>> = years.iter().flat_map(of_year).collect();
    let last = &months[months.len().saturating_sub(MONTHS.len())..];
    let all = years.iter().map(|year| vec![year.year.to_string(), cell(year.period_year)]);
    table("By month", &["In pounds", "Return"], last.iter().cloned().chain(all).collect())
}

fn decisions(counts: &[DecisionCount]) -> Section {
    let head = ["Strategy", "Entered", "None", "Refused", "Missed", "By"];
    let row = |count: &DecisionCount| {
        let most = count.refusals.iter().max_by_key(|(_, times)| **times);
        vec![
            count.strategy.clone(),
            count.entered.to_string(),
            count.no_trade.to_string(),
            count.refused.to_string(),
            count.missed.to_string(),
            most.map_or_else(|| "-".to_owned(), |(limit, times)| format!("{limit} ({times})")),
        ]
    };
    table("Decisions", &head, counts.iter().map(row).collect())
}

fn proposals(review: &Review) -> Section {
    let mut lines: Vec<String> =
        review.proposals.iter().map(|proposal| proposal.text.clone()).collect();
    if lines.is_empty() {
        lines.push("None.".to_owned());
    }
    Section { title: "Proposals, for a person to decide".to_owned(), body: Body::Lines(lines) }
}

fn table(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> Section {
    let head = head.iter().map(|cell| (*cell).to_owned()).collect();
    Section { title: title.to_owned(), body: Body::Rows(head, rows) }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

fn ratio(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.2}"))
}
