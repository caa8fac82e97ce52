//! What a long range came to, as a person reads it.

use crate::{
    report::{
        history::{History, StrategyLine},
        page::table_text,
        parts::signed,
    },
    stats::PeriodStats,
};

/// Months, strategies, falls, worst days and refusals, each under its title.
pub fn text(found: &History, sessions: usize) -> String {
    [
        months(found),
        strategies(found),
        falls(found),
        found.period.as_ref().map_or_else(String::new, |period| days(period, sessions)),
        worst(found),
        refusals(found),
    ]
    .concat()
}

fn titled(title: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return format!("{title}\n  None.\n\n");
    }
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    format!("{title}\n{}\n", table_text(&head, rows))
}

fn months(found: &History) -> String {
    let head = [
        "Year", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        "Year's",
    ];
    let percent = |value: f64| format!("{:+.1}", value * 100.0);
    let rows = found.months.iter().map(|row| {
        let months = row.period_months.iter().map(|month| month.map_or_else(String::new, percent));
        let (year, whole) = (row.year.to_string(), percent(row.period_year));
        std::iter::once(year).chain(months).chain([whole]).collect()
    });
    titled("MONTHS (net liquidation in dollars, percent)", &head, &rows.collect::<Vec<_>>())
}

fn strategies(found: &History) -> String {
    let head = [
        "Strategy", "Trades", "Won", "P&L", "Mean", "Best", "Worst", "Entered", "Refused",
        "No trade", "Missed",
    ];
    let row = |line: &StrategyLine| {
        let trades = &line.trades;
        let usd = |usd: Option<crate::money::Usd>| usd.map_or_else(String::new, |u| u.to_string());
        let rate = trades.trade_win_rate.map(|rate| format!("{:.1} %", rate * 100.0));
        let decided = &line.decisions;
        vec![
            line.strategy.to_string(),
            trades.trade_count.to_string(),
            rate.unwrap_or_default(),
            trades.trade_pnl_usd.to_string(),
            usd(trades.trade_expectancy_usd),
            usd(trades.trade_best_usd),
            usd(trades.trade_worst_usd),
            decided.entered.to_string(),
            decided.refused.to_string(),
            decided.no_trade.to_string(),
            decided.missed.to_string(),
        ]
    };
    let rows: Vec<_> = found.strategies.iter().map(row).collect();
    let stopped = found.strategies.iter().filter(|line| !line.failed_filters.is_empty());
    let stopped = stopped.map(|line| {
        let filters: Vec<String> =
            line.failed_filters.iter().map(|f| format!("{} {}", f.name, f.count)).collect();
        format!("  {} stopped most by: {}\n", line.strategy, filters.join(", "))
    });
    let table = titled("STRATEGIES (closed trades, decisions)", &head, &rows);
    let lines: String = stopped.collect();
    if lines.is_empty() {
        table
    } else {
        format!("{}{lines}\n", table.trim_end_matches('\n').to_owned() + "\n")
    }
}

fn falls(found: &History) -> String {
    let rows = found.drawdowns.iter().take(5).map(|fall| {
        vec![
            format!("{:.2} %", fall.depth_percent),
            fall.peak_date.to_string(),
            fall.trough_date.to_string(),
            fall.recovered_date.map_or_else(|| "not yet".to_owned(), |date| date.to_string()),
            fall.sessions.to_string(),
        ]
    });
    let head = ["Depth", "Peak", "Trough", "Made good", "Sessions"];
    titled("DRAWDOWNS (closes, in dollars)", &head, &rows.collect::<Vec<_>>())
}

/// Figures of days, apart from those of trades.
fn days(period: &PeriodStats, sessions: usize) -> String {
    let water = period.under_water;
    let share = |figure: Option<f64>| {
        figure.map_or_else(|| "not known".to_owned(), |figure| format!("{:+.2} %", figure * 100.0))
    };
    let ratio = |figure: Option<f64>| {
        figure.map_or_else(|| "not known".to_owned(), |figure| format!("{figure:.2}"))
    };
    format!(
        "DAYS\n  A year           {}, volatility {}\n  Sharpe, Sortino  {}, {}\n  \
         Under water      {} of {sessions} sessions, {} in a row at the longest\n\n",
        share(period.period_cagr),
        share(period.period_volatility).trim_start_matches('+'),
        ratio(period.period_sharpe),
        ratio(period.period_sortino),
        water.periods,
        water.longest,
    )
}

fn worst(found: &History) -> String {
    let rows = found.worst_days.iter().map(|day| {
        vec![day.date.to_string(), format!("{:.2} %", day.return_percent), signed(day.change_usd)]
    });
    titled("WORST DAYS", &["Session", "Return", "Change"], &rows.collect::<Vec<_>>())
}

fn refusals(found: &History) -> String {
    if found.refusals_by_limit.is_empty() {
        return "REFUSALS BY THE GATE\n  None.\n".to_owned();
    }
    let lines = found
        .refusals_by_limit
        .iter()
        .map(|line| format!("  {}: {}, for example {}\n", line.limit, line.count, line.example));
    format!("REFUSALS BY THE GATE\n{}", lines.collect::<String>())
}
