//! `[stress]` of the rulebook: shocks of spot and implied volatility (rulebook §6).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{check::Check, groups::GroupRules};

/// §6: the stress scenarios, and what the book must bear in them (§5 limit 10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StressRules {
    /// Most loss in the worst scenario, percent of net liquidation.
    pub worst_percent: Decimal,
    /// The requirement times this is at most the stressed net liquidation.
    pub margin_multiple: Decimal,
    /// The same, only reported.
    pub margin_multiple_reported: Decimal,
    /// Shocks of implied volatility are those of so many days to expiry; farther ones get
    pub iv_days: Decimal,
    /// (these days / days to expiry) to this power of them.
    pub iv_power: Decimal,
    /// Implied volatility never falls below so many points.
    pub iv_floor: Decimal,
    /// The shocks of each class.
    pub classes: Vec<ClassShocks>,
    /// Days that were.
    pub windows: Vec<Window>,
}

/// The shocks of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassShocks {
    /// Its name.
    pub name: String,
    /// Its products, by symbol.
    pub symbols: Vec<String>,
    /// First shocks: one of them happens.
    pub first: Vec<Shock>,
    /// Tail shocks: one of them happens.
    pub tail: Vec<Shock>,
}

/// One shock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shock {
    /// Change of the underlying, percent.
    pub spot_percent: Decimal,
    /// Change of implied volatility at 30 days, points.
    pub iv_points: Decimal,
}

/// A day, or days, that were: a shock of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Its date.
    pub name: String,
    /// The class it is of.
    pub class: String,
    /// Change of the underlying, percent.
    pub spot_percent: Decimal,
    /// Change of implied volatility at 30 days, points.
    pub iv_points: Decimal,
}

impl Window {
    /// Its shock.
    pub fn shock(&self) -> Shock {
        Shock { spot_percent: self.spot_percent, iv_points: self.iv_points }
    }
}

impl StressRules {
    /// The class of a symbol, and its place in the table.
    pub fn class_of(&self, symbol: &str) -> Option<(usize, &ClassShocks)> {
        let holds = |class: &&ClassShocks| class.symbols.iter().any(|held| held == symbol);
        self.classes.iter().enumerate().find(|(_, class)| holds(class))
    }
}

/// Their faults.
pub(super) fn check(check: &mut Check, rules: &StressRules, groups: &GroupRules) {
    check.percent("stress.worst_percent", rules.worst_percent);
    let one = |check: &mut Check, key: &str, found: Decimal| {
        check.that(found >= Decimal::ONE, key, found, "must be 1 or more");
    };
    one(check, "stress.margin_multiple", rules.margin_multiple);
    one(check, "stress.margin_multiple_reported", rules.margin_multiple_reported);
    check.above_zero("stress.iv_days", rules.iv_days);
    check.above_zero("stress.iv_floor", rules.iv_floor);
    let fine = (Decimal::ZERO..=Decimal::ONE).contains(&rules.iv_power);
    check.that(fine, "stress.iv_power", rules.iv_power, "must be 0 to 1");
    for (i, class) in rules.classes.iter().enumerate() {
        let levels = [("first", &class.first), ("tail", &class.tail)];
        for (level, shocks) in levels {
            let key = format!("stress.classes[{i}].{level}");
            if shocks.is_empty() {
                check.that(false, &key, "[]", "must hold at least one shock");
            }
            for (j, shock) in shocks.iter().enumerate() {
                possible(check, &format!("{key}[{j}].spot_percent"), shock.spot_percent);
            }
        }
    }
    for (i, window) in rules.windows.iter().enumerate() {
        possible(check, &format!("stress.windows[{i}].spot_percent"), window.spot_percent);
        let known = rules.classes.iter().any(|class| class.name == window.class);
        let key = format!("stress.windows[{i}].class");
        check.that(known, &key, &window.class, "must be the name of a class of [stress]");
    }
    for (i, group) in groups.table.iter().enumerate() {
        together(check, rules, i, &group.symbols);
    }
}

/// A price falls by less than all of it.
fn possible(check: &mut Check, key: &str, percent: Decimal) {
    let fine = percent > -Decimal::ONE_HUNDRED && percent <= Decimal::ONE_HUNDRED;
    check.that(fine, key, percent, "must be above -100 and at most 100 percent");
}

/// What moves together moves by shocks of one form: each symbol has a class, and the classes of a
/// group the same number of shocks with the same signs.
fn together(check: &mut Check, rules: &StressRules, group: usize, symbols: &[String]) {
    let key = format!("groups.table[{group}].symbols");
    let signs = |shocks: &[Shock]| -> Vec<bool> {
        shocks.iter().map(|shock| shock.spot_percent.is_sign_negative()).collect()
    };
    let mut form = None;
    for symbol in symbols {
        let Some((_, class)) = rules.class_of(symbol) else {
            check.that(false, &key, symbol, "must have a class in stress.classes");
            continue;
        };
        let own = (signs(&class.first), signs(&class.tail));
        let fine = form.get_or_insert_with(|| own.clone()) == &own;
        check.that(fine, &key, symbol, "its shocks must go the ways of those of its group");
    }
}
