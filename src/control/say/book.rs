//! Balance, Greeks and orders as pages.

use super::words::{both, counted, facts, filled, lasting, moment, outline, page, rows, whole};
use crate::{
    control::book::{
        balance::{BalanceView, Room},
        greeks::{GreekFigures, GreeksView},
        orders::{OrdersView, WorkingOrder},
    },
    control::status::AccountLine,
    report::{
        page::{Page, Section},
        parts::signed,
    },
};

/// What the account is worth.
pub fn balance(view: &BalanceView) -> Page {
    let Some(account) = &view.account else {
        return page("The account is not known before the first session's end", Vec::new());
    };
    let net = match account.net_liquidation_gbp {
        Some(pounds) => format!("{pounds} ({})", account.net_liquidation_usd),
        None => account.net_liquidation_usd.to_string(),
    };
    let mut found = page(format!("Net liquidation {net}"), Vec::new());
    found.headline = view.today.map_or_else(String::new, |change| {
        let pounds = both(change.change_usd, change.change_gbp);
        format!("{pounds} since the close of {}", change.since_date)
    });
    let cash = view.cash.map(|cash| {
        facts(
            "Cash since the ledger began",
            vec![
                ("Opening", cash.opening_usd.to_string()),
                ("Traded", signed(cash.traded_usd)),
                ("Fees", cash.fees_usd.to_string()),
                ("Paid in", signed(cash.transfers_usd)),
            ],
        )
    });
    found.sections = std::iter::once(money(account, view)).chain(cash).collect();
    found.notes = rate(account).into_iter().collect();
    found
}

fn money(account: &AccountLine, view: &BalanceView) -> Section {
    let mut lines = Vec::new();
    lines.extend(account.cash_usd.map(|cash| ("Cash", cash.to_string())));
    let used = account.used_percent.map(|used| format!(" ({used:.1} %)")).unwrap_or_default();
    lines.push(("In use", format!("{}{used}", account.requirement_usd)));
    if let Some(Room { cap_percent, rule, left_usd, .. }) = &view.room {
        lines.push(("Cap", format!("{cap_percent:.1} % ({rule})")));
        lines.push(("Left", left_usd.to_string()));
    }
    lines.push(("Drawdown", format!("{:.2} %", account.drawdown_percent)));
    let phase = view.phase.map_or_else(|| "none".to_owned(), |phase| format!("P{phase}"));
    lines.push(("Phase, stage", format!("{phase}, {}", view.stage.words())));
    facts("", lines)
}

fn rate(account: &AccountLine) -> Option<String> {
    let rate = account.dollars_per_pound?;
    let of = account.rate_date.map(|date| format!(" of {date}")).unwrap_or_default();
    let at = account.at.map(|at| format!("; balances of {}", moment(at))).unwrap_or_default();
    Some(format!("$ per £ {rate:.4}{of}{at}"))
}

/// Greeks of the book, then of each position.
pub fn greeks(view: &GreeksView) -> Page {
    let share = view
        .rise_one_percent_of_net_percent
        .map_or_else(String::new, |share| format!(" ({share:+.2} % of net liquidation)"));
    let mut found = page(
        format!("A rise of 1 %: {}{share}", signed(view.book.delta_one_percent_usd)),
        Vec::new(),
    );
    let line = |name: String, greeks: &GreekFigures| {
        vec![
            name,
            whole(greeks.delta_one_percent_usd),
            whole(greeks.gamma_one_percent_usd),
            whole(greeks.theta_day_usd),
            whole(greeks.vega_point_usd),
        ]
    };
    let mut lines = vec![line("book".to_owned(), &view.book)];
    lines.extend(view.positions.iter().map(|of| line(of.position.to_string(), &of.greeks)));
    found.sections = vec![rows("", &["$", "1 %", "gamma", "day", "vega"], lines)];
    if !view.unpriced.is_empty() {
        found.notes.push(format!("{} without a mark", counted(view.unpriced.len(), "position")));
    }
    found.notes.push("1 %: for a rise of every underlying; gamma: what that grows by.".to_owned());
    found
}

/// What works at the broker.
pub fn orders(view: &OrdersView) -> Page {
    let title = match view.orders.len() {
        0 => "No order works".to_owned(),
        count => counted(count, "order"),
    };
    let foreign = view.external.iter().map(|order| {
        (order.what.clone(), vec![format!("order {}, since {}", order.order, moment(order.since))])
    });
    page(
        title,
        filled(vec![
            outline("", view.orders.iter().map(order).collect()),
            outline("Sent by others", foreign.collect()),
        ]),
    )
}

fn order(line: &WorkingOrder) -> (String, Vec<String>) {
    let limit = line.limit_points.map(price).unwrap_or_default();
    let mut under = vec![line.what.clone()];
    let filled = match line.begun_units {
        0 => String::new(),
        begun => format!(", {begun} of {} begun", line.units),
    };
    let sends = counted(line.sends as usize, "send");
    under.push(format!("{} old, {sends}{filled}", lasting(line.age_seconds)));
    if line.prices.len() > 1 {
        let prices: Vec<String> = line.prices.iter().map(|p| p.limit_points.to_string()).collect();
        under.push(format!("prices {}", prices.join(", ")));
    }
    under.extend(line.cancelling.as_ref().map(|why| format!("being cancelled: {why}")));
    under.push(line.intent.to_string());
    (format!("{} {}: {}{limit}", line.strategy, line.purpose, line.state.name()), under)
}

fn price(limit: f64) -> String {
    format!(" at {} {}", limit.abs(), if limit < 0.0 { "debit" } else { "credit" })
}
