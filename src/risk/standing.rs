//! Every limit of rulebook §5 with its use against its bound now, for `tomking risk`.

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};

use super::{
    Refusal,
    buying_power::{effective_cap, utilisation},
    cap::vix_cap,
    capital::{Capital, capital},
    concentration::by_underlying,
    counts, desk, events,
    groups::{ALL_EQUITY, counts as group_counts},
    held::items_of,
    refusal::Figure,
    stage,
    stress::limit::bearing,
};
use crate::{
    account::{StrategyId, hold::Level},
    calendar::new_york_date,
    clock::Timestamp,
    instrument::Product,
    money::{Usd, round_half_up, to_f64},
    strategy::{Snapshot, rule},
};

/// From this share of its bound on a figure is near it.
const NEAR: Decimal = dec!(0.8);

/// How a figure stands to its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitStanding {
    /// It is not known, or shows only with an order.
    Unknown,
    /// An entry has room.
    Room,
    /// Four fifths of the way or more.
    Near,
    /// No entry passes.
    Full,
}

impl LimitStanding {
    /// The word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Room => "room",
            Self::Near => "near",
            Self::Full => "full",
        }
    }
}

/// One limit, or one part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitLine {
    /// Its number in rulebook §5.
    pub number: u8,
    /// What is limited: `latch`, `group safe haven`, `stress`.
    pub limit: String,
    /// What it is now; `None` where it is not known, or shows only with an order.
    pub value: Option<Figure>,
    /// What it is held to.
    pub bound: Figure,
    /// `percent`, `gbp`, `usd`, `seconds`, `milliseconds`, `count` or `text`.
    pub unit: String,
    /// How it stands.
    pub standing: LimitStanding,
}

/// Every limit, in the rulebook's order.
pub fn limits(snapshot: &Snapshot) -> Vec<LimitLine> {
    let capital = capital(snapshot);
    let mut lines = of_desk(snapshot, capital.as_ref());
    lines.extend(of_data(snapshot));
    lines.extend(of_session(snapshot));
    lines.extend(of_counts(snapshot, capital.as_ref().ok()));
    lines.extend(of_groups(snapshot));
    let rules = &snapshot.rulebook.limits;
    lines.push(with_an_order(7, "expiration", "one position of a strategy and underlying"));
    let loss = rules.trade_loss_percent;
    lines.push(percent(8, "trade loss", None, loss));
    lines.push(of_buying_power(snapshot, capital.as_ref().ok()));
    lines.extend(of_stress(snapshot));
    lines.extend(of_concentration(snapshot, capital.as_ref().ok()));
    lines.push(count(12, "open interest of a leg", None, rules.open_interest));
    let futures = rules.open_interest_futures;
    lines.push(count(12, "open interest, options on futures", None, futures));
    lines.push(percent(12, "size of open interest", None, rules.size_percent_of_open_interest));
    lines.push(count(
        13,
        "orders this minute",
        Some(snapshot.orders_last_minute),
        rules.orders_a_minute,
    ));
    lines.push(count(13, "orders today", Some(snapshot.orders_today), rules.orders_a_day));
    let rejections = Some(snapshot.rejections_today);
    lines.push(count(13, "rejections today", rejections, rules.rejections_a_day));
    lines.push(percent(14, "distance from the model", None, rules.model_value_percent));
    lines.push(with_an_order(15, "duplicate", "one entry a slot"));
    lines
}

fn of_desk(snapshot: &Snapshot, capital: Result<&Capital<'_>, &Refusal>) -> Vec<LimitLine> {
    let level = snapshot.holds.iter().map(|hold| hold.level).max().unwrap_or(Level::Active);
    let reconciled = if snapshot.reconciled { "yes" } else { "no" };
    let account = match desk::flag(snapshot, Product::Es) {
        Ok(()) => ("free to trade".to_owned(), true),
        Err(why) => (without_word(&why), false),
    };
    let phase = match capital {
        Ok(capital) => (format!("phase {}", capital.phase.number), true),
        Err(why) => (without_word(why), false),
    };
    let stage = match stage::check(snapshot) {
        Ok(()) => (snapshot.stage.to_string(), true),
        Err(why) => (without_word(&why), false),
    };
    vec![
        words(1, "latch", level.name(), "ACTIVE", level == Level::Active),
        words(1, "reconciled", reconciled, "yes", snapshot.reconciled),
        words(1, "account", account.0, "free to trade", account.1),
        words(1, "phase", phase.0, "1 to 4", phase.1),
        words(1, "stage", stage.0, "may open", stage.1),
    ]
}

fn of_data(snapshot: &Snapshot) -> Vec<LimitLine> {
    let rules = &snapshot.rulebook.limits;
    let age = |at: Timestamp| (snapshot.now - at).num_seconds().max(0);
    let aged = |name: &str, at: Option<Timestamp>, bound: u32| {
        measured(2, name, at.map(|at| age(at).into()), bound.into(), "seconds", false)
    };
    let today = new_york_date(snapshot.now);
    let days = snapshot.fx.map(|fx| Decimal::from((today - fx.date).num_days()));
    let skew = Decimal::from(snapshot.clock_skew_ms.abs());
    let most = Decimal::from(rules.clock_skew_seconds) * dec!(1000);
    let book = match &snapshot.book {
        None => ("not priced".to_owned(), false),
        Some(book) => match book.unpriced.first() {
            None => ("all priced".to_owned(), true),
            Some(leg) => (format!("{} of {}: {}", leg.leg, leg.holder, leg.why), false),
        },
    };
    vec![
        aged("age of VIX", snapshot.vix.map(|vix| vix.at), rules.data_age_seconds),
        aged("age of the account", snapshot.balances.map(|b| b.at), rules.data_age_seconds),
        measured(2, "age of the rate, days", days, rules.fx_age_days.into(), "count", false),
        measured(2, "clock skew", Some(skew), most, "milliseconds", false),
        words(2, "prices of what is held", book.0, "all priced", book.1),
    ]
}

fn of_session(snapshot: &Snapshot) -> Vec<LimitLine> {
    let open = snapshot.session.is_some_and(|session| session.contains(snapshot.now));
    let events = events::check(snapshot);
    let text = events.as_ref().err().map_or_else(|| "none near".to_owned(), without_word);
    vec![
        words(3, "session", if open { "open" } else { "closed" }, "open", open),
        words(4, "events", text, "none near", events.is_ok()),
    ]
}

fn of_counts(snapshot: &Snapshot, capital: Option<&Capital<'_>>) -> Vec<LimitLine> {
    let mut lines = Vec::new();
    if let Some(vix) = snapshot.vix {
        let cap = vix_cap(&snapshot.rulebook.vix, vix.level);
        let text = format!("{} ({})", cap.mode.name(), cap.band);
        let opens = cap.mode != super::cap::VixMode::ManageOnly;
        lines.push(words(5, "VIX mode", text, "not manage_only", opens));
    }
    if let Ok(rules) = stage::rules(snapshot)
        && let Some(most) = rules.positions
    {
        lines.push(count(5, "positions in the stage", Some(stage::open_positions(snapshot)), most));
    }
    for strategy in StrategyId::TRADED {
        let (Some(rule), Some(capital)) = (rule(strategy), capital) else { continue };
        let most = rule.most(capital.phase.rules);
        let open = counts::open_units(snapshot, strategy);
        lines.push(count(5, &format!("positions {strategy}"), Some(open), most));
    }
    lines
}

fn of_groups(snapshot: &Snapshot) -> Vec<LimitLine> {
    let rules = &snapshot.rulebook.groups;
    let vix = snapshot.vix.map(|vix| vix.level);
    let counts = group_counts(rules, &items_of(snapshot), vix).into_iter();
    let line = |group: super::groups::GroupCount| {
        let name =
            if group.group == ALL_EQUITY { group.group } else { format!("group {}", group.group) };
        count(6, &name, Some(group.positions), group.most)
    };
    counts.map(line).collect()
}

fn of_buying_power(snapshot: &Snapshot, capital: Option<&Capital<'_>>) -> LimitLine {
    let cap = capital.and_then(|capital| effective_cap(snapshot, capital).ok());
    let used = capital.zip(snapshot.balances);
    let used = used.map(|(capital, balances)| utilisation(balances.requirement_usd, capital));
    let (bound, name) = cap.map_or_else(
        || (Decimal::ONE_HUNDRED, "buying power".to_owned()),
        |cap| (cap.percent, format!("buying power ({})", cap.rule)),
    );
    percent(9, &name, used, bound)
}

fn of_stress(snapshot: &Snapshot) -> Vec<LimitLine> {
    let rules = &snapshot.rulebook.stress;
    let found = bearing(snapshot, Vec::new(), Usd::ZERO).ok();
    let worst = found.as_ref().map(super::stress::limit::Bearing::worst_percent);
    let scenario = found.as_ref().and_then(|b| b.stressed.worst().map(|worst| worst.name.clone()));
    let name = scenario.map_or_else(|| "stress".to_owned(), |name| format!("stress ({name})"));
    let left = found.as_ref().map_or(Usd::ZERO, super::stress::limit::Bearing::stressed_net);
    let raised = found.as_ref().map(|b| b.requirement.0 * rules.margin_multiple);
    let name_of = format!("requirement x {} after stress", rules.margin_multiple);
    let mut margin = measured(10, &name_of, raised, left.0, "usd", false);
    if found.is_none() {
        margin.standing = LimitStanding::Unknown;
    }
    vec![percent(10, &name, worst, rules.worst_percent), margin]
}

fn of_concentration(snapshot: &Snapshot, capital: Option<&Capital<'_>>) -> Vec<LimitLine> {
    let rules = &snapshot.rulebook.limits;
    let (Some(capital), Some(book)) = (capital, &snapshot.book) else {
        return vec![percent(
            11,
            "requirement of an underlying",
            None,
            rules.concentration_percent,
        )];
    };
    let held = by_underlying(rules, &book.requirement);
    if held.is_empty() {
        let none = Some(Decimal::ZERO);
        return vec![percent(
            11,
            "requirement of an underlying",
            none,
            rules.concentration_percent,
        )];
    }
    let line = |(underlying, usd): (String, Usd)| {
        let name = format!("requirement of {underlying}");
        percent(11, &name, Some(capital.percent_of_sizing(usd)), rules.concentration_percent)
    };
    held.into_iter().map(line).collect()
}

/// A refusal without its first word.
fn without_word(why: &Refusal) -> String {
    let text = why.to_string();
    text.strip_prefix("Refused: ").unwrap_or(&text).to_owned()
}

fn words(
    number: u8,
    limit: &str,
    value: impl Into<String>,
    bound: &str,
    passes: bool,
) -> LimitLine {
    LimitLine {
        number,
        limit: limit.to_owned(),
        value: Some(Figure::Text(value.into())),
        bound: Figure::Text(bound.to_owned()),
        unit: "text".to_owned(),
        standing: if passes { LimitStanding::Room } else { LimitStanding::Full },
    }
}

fn with_an_order(number: u8, limit: &str, bound: &str) -> LimitLine {
    LimitLine {
        number,
        limit: limit.to_owned(),
        value: None,
        bound: Figure::Text(bound.to_owned()),
        unit: "text".to_owned(),
        standing: LimitStanding::Unknown,
    }
}

fn percent(number: u8, limit: &str, value: Option<Decimal>, bound: Decimal) -> LimitLine {
    measured(number, limit, value, bound, "percent", false)
}

/// What an order adds to: at its bound no further one passes.
fn count(number: u8, limit: &str, value: Option<u32>, bound: u32) -> LimitLine {
    measured(number, limit, value.map(Decimal::from), bound.into(), "count", true)
}

fn measured(
    number: u8,
    limit: &str,
    value: Option<Decimal>,
    bound: Decimal,
    unit: &str,
    full_at_bound: bool,
) -> LimitLine {
    let standing = match value {
        None => LimitStanding::Unknown,
        Some(value) if value > bound || full_at_bound && value >= bound => LimitStanding::Full,
        Some(value) if value >= bound * NEAR => LimitStanding::Near,
        Some(_) => LimitStanding::Room,
    };
    let figure = |value: Decimal| Figure::Number(to_f64(round_half_up(value, 2)));
    LimitLine {
        number,
        limit: limit.to_owned(),
        value: value.map(figure),
        bound: figure(bound),
        unit: unit.to_owned(),
        standing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::exposure::Book,
        strategy::friday_0dte::fixture::{candidate, position, snapshot, vix},
    };

    fn line(snapshot: &Snapshot, limit: &str) -> LimitLine {
        let found = limits(snapshot).into_iter().find(|line| line.limit == limit);
        found.unwrap_or_else(|| panic!("no line {limit}"))
    }

    #[test]
    fn every_limit_has_a_line_in_the_rulebooks_order() {
        let numbers: Vec<u8> = limits(&snapshot()).iter().map(|line| line.number).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        for number in 1..=15 {
            assert!(numbers.contains(&number), "limit {number}");
        }
    }

    #[test]
    fn a_line_shows_use_against_bound_and_how_it_stands() {
        let mut seen = snapshot();
        let room = line(&seen, "positions friday_0dte");
        assert_eq!((room.value, room.standing), (Some(Figure::Number(0.0)), LimitStanding::Room));
        seen.positions = vec![position(&candidate(), dec!(6))];
        let full = line(&seen, "positions friday_0dte");
        assert_eq!((full.value, full.standing), (Some(Figure::Number(1.0)), LimitStanding::Full));
        assert_eq!(line(&seen, "group equity index").standing, LimitStanding::Room);
        seen.balances.as_mut().unwrap().requirement_usd = Usd(dec!(20160)); // 45 % of £35,000
        let near = line(&seen, "buying power (phase 1)");
        assert_eq!((near.value, near.bound), (Some(Figure::Number(45.0)), Figure::Number(50.0)));
        assert_eq!(near.standing, LimitStanding::Near);
        seen.vix = Some(vix(dec!(31)));
        assert_eq!(line(&seen, "group equity index").bound, Figure::Number(1.0));
        seen.reconciled = false;
        assert_eq!(line(&seen, "reconciled").standing, LimitStanding::Full);
        seen.orders_today = 170;
        assert_eq!(line(&seen, "orders today").standing, LimitStanding::Near);
    }

    #[test]
    fn concentration_and_stress_are_of_the_whole_book() {
        let mut seen = snapshot();
        let book = seen.book.get_or_insert_with(Book::default);
        book.requirement.insert(Product::Mes, Usd(dec!(8960))); // 20 % of £35,000
        let found = line(&seen, "requirement of ES/MES/SPX/XSP/SPY");
        assert_eq!(
            (found.value, found.standing),
            (Some(Figure::Number(20.0)), LimitStanding::Near)
        );
        seen.book = None;
        assert_eq!(line(&seen, "stress").standing, LimitStanding::Unknown);
        assert_eq!(line(&seen, "prices of what is held").standing, LimitStanding::Full);
    }
}
