//! The sections that only the weekly review has.

use super::{
    page::{Body, Section},
    parts::{counted, criterion, signed},
    review::DecisionCount,
    weekly::{DayLine, StrategyWeek, WeeklyReview},
};
use crate::{
    money::{Gbp, Usd, round_half_up},
    stats::PeriodStats,
};

/// Each session of the week.
pub(super) fn days(review: &WeeklyReview) -> Section {
    let title = "The week".to_owned();
    if review.days.is_empty() {
        let line = "No session was reconciled.".to_owned();
        return Section { title, body: Body::Lines(vec![line]) };
    }
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut before = review.before_usd;
    let row = |day: &DayLine| {
        let change = before.map(|before| signed(usd(day.net_liquidation_usd - before)));
        before = Some(day.net_liquidation_usd);
        vec![
            day.date.format("%a %-d").to_string(),
            or_dash(day.net_liquidation_gbp.map(gbp)),
            or_dash(change),
            usd(day.realised_usd),
            use_of_cap(day),
        ]
    };
    let rows = review.days.iter().map(row).collect();
    table("The week", &["Session", "Net liq", "Change", "Closed", "Use/cap %"], rows)
}

/// Whole dollars: a table on a phone has no room for cents.
fn usd(amount: Usd) -> String {
    without_cents(&Usd(round_half_up(amount.0, 0)).to_string())
}

fn gbp(amount: Gbp) -> String {
    without_cents(&Gbp(round_half_up(amount.0, 0)).to_string())
}

fn without_cents(text: &str) -> String {
    text.split_once('.').map_or(text, |(whole, _)| whole).to_owned()
}

/// The most buying power used and its cap: `2.5/50`.
fn use_of_cap(day: &DayLine) -> String {
    let used = day.peak_used_percent.map_or_else(|| "-".to_owned(), |used| format!("{used:.1}"));
    let cap = day.cap_percent.map_or_else(|| "-".to_owned(), |cap| cap.to_string());
    format!("{used}/{cap}")
}

/// Each strategy's win rate beside its target; `None` before the first trade.
pub(super) fn strategies(lines: &[StrategyWeek]) -> Option<Section> {
    let row = |line: &StrategyWeek| {
        let won = line.win_rate_percent.map_or_else(|| "-".to_owned(), |won| format!("{won:.0} %"));
        vec![
            line.strategy.clone(),
            usd(line.week_pnl_usd),
            usd(line.pnl_usd),
            line.trades.to_string(),
            won,
            format!("{:.0} %", line.target_percent),
        ]
    };
    let head = ["Strategy", "Week", "Ever", "Trades", "Won", "Target"];
    (!lines.is_empty()).then(|| table("By strategy", &head, lines.iter().map(row).collect()))
}

/// Figures of days and of trades since the account began, each named apart.
pub(super) fn statistics(review: &WeeklyReview) -> Section {
    let mut facts = Vec::new();
    let rate = review.win_rate_percent.map_or_else(
        || "no trade has won or lost yet".to_owned(),
        |rate| format!("{rate:.1} % of {}", counted(review.trades_ever, "trade")),
    );
    facts.push(("Win rate", rate));
    if let Some(stats) = &review.trades_stats_ever {
        facts.push(("Profit factor", stats.trade_profit_factor.to_string()));
        facts.extend(stats.trade_expectancy_usd.map(|mean| ("A trade makes", mean.to_string())));
        facts.extend(stats.trade_worst_usd.map(|worst| ("Worst trade", worst.to_string())));
    }
    let drawdown = review.max_drawdown_percent.map_or_else(
        || "not known".to_owned(),
        |percent| format!("{percent:.2} % from the peak, in dollars"),
    );
    facts.push(("Largest drawdown", drawdown));
    if let Some(returns) = &review.usd_returns_ever {
        facts.extend(of_days(&returns.stats));
        let worst = returns.worst_sessions.first().filter(|day| day.value < 0.0);
        facts.extend(worst.map(|day| ("Worst day", day.to_string())));
    }
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Section { title: "Since the account began".to_owned(), body: Body::Facts(facts) }
}

fn of_days(stats: &PeriodStats) -> Vec<(&'static str, String)> {
    let percent = |share: Option<f64>| share.map(|share| format!("{:.2} %", share * 100.0));
    let ratio = |figure: Option<f64>| figure.map(|figure| format!("{figure:.2}"));
    let facts = [
        ("Return, in dollars", percent(stats.period_total_return)),
        ("Volatility, a year", percent(stats.period_volatility)),
        ("Sharpe", ratio(stats.period_sharpe)),
        ("Sortino", ratio(stats.period_sortino)),
        ("Days won", percent(stats.period_win_rate)),
        ("VaR 5 %, a day", percent(stats.tail.period_var_historical)),
        ("CVaR 5 %, a day", percent(stats.tail.period_cvar_historical)),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// What the entry jobs decided, counted; `None` where none ran.
pub(super) fn decisions(counts: &[DecisionCount]) -> Option<Section> {
    let row = |count: &DecisionCount| {
        vec![
            count.strategy.clone(),
            count.entered.to_string(),
            count.no_trade.to_string(),
            count.refused.to_string(),
            count.missed.to_string(),
        ]
    };
    let head = ["Strategy", "Entered", "None", "Refused", "Missed"];
    (!counts.is_empty()).then(|| table("Decisions", &head, counts.iter().map(row).collect()))
}

/// Each criterion of the next stage; `None` at the last stage.
pub(super) fn promotion(review: &WeeklyReview) -> Option<Section> {
    let holding = review.criteria.iter().filter(|criterion| criterion.holds).count();
    let title = format!("Promotion: {holding} of {} criteria hold", review.criteria.len());
    let body = Body::Outline(review.criteria.iter().map(criterion).collect());
    (!review.criteria.is_empty()).then_some(Section { title, body })
}

fn table(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> Section {
    let head = head.iter().map(|cell| (*cell).to_owned()).collect();
    Section { title: title.to_owned(), body: Body::Rows(head, rows) }
}
