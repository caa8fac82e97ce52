//! `[groups]` of the rulebook: what moves together (rulebook §5).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::check::Check;

/// §5: the correlation groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRules {
    /// Most positions of any group, and of all equity groups together.
    pub most: u32,
    /// Above this VIX every limit is lower,
    pub above_vix: Decimal,
    /// by so many.
    pub less: u32,
    /// Of the equity slots so many are kept for 0DTE.
    pub kept_for_0dte: u32,
    /// The groups. A symbol in none of them is refused.
    pub table: Vec<Group>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Most positions.
    pub limit: u32,
    /// It counts together with the other groups of equity.
    #[serde(default)]
    pub equity: bool,
    /// Its products, by symbol.
    pub symbols: Vec<String>,
}

impl GroupRules {
    /// The group of a symbol, and its place in the table.
    pub fn of(&self, symbol: &str) -> Option<(usize, &Group)> {
        let holds = |group: &&Group| group.symbols.iter().any(|held| held == symbol);
        self.table.iter().enumerate().find(|(_, group)| holds(group))
    }
}

/// Their faults.
pub(super) fn check(check: &mut Check, rules: &GroupRules) {
    check.above_zero("groups.most", rules.most);
    check.above_zero("groups.above_vix", rules.above_vix);
    let mut seen: Vec<&str> = Vec::new();
    for (i, group) in rules.table.iter().enumerate() {
        let most = rules.most;
        let right = format!("must be at most groups.most ({most})");
        check.that(group.limit <= most, &format!("groups.table[{i}].limit"), group.limit, &right);
        for symbol in &group.symbols {
            let key = format!("groups.table[{i}].symbols");
            let fine = !seen.contains(&symbol.as_str());
            check.that(fine, &key, symbol, "must stand in one group only");
            seen.push(symbol);
        }
    }
}
