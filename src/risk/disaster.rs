//! A correlation disaster (rulebook §7): a session whose loss exceeds 10 % of what the account was
//! worth at its start, more than half of it from one correlation group. There should be none.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};

use crate::money::Usd;

/// More than this of net liquidation at the session's start, percent.
const LOSS_PERCENT: Decimal = dec!(10);
/// More than this of the loss from one group, percent.
const SHARE_PERCENT: Decimal = dec!(50);

/// One disaster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disaster {
    /// The session's loss, percent of net liquidation at its start.
    pub loss_percent: Decimal,
    /// The group most of it came from.
    pub group: String,
    /// The group's share of the loss, percent.
    pub share_percent: Decimal,
}

/// Whether a session was one: what the account was worth at its start, its whole loss (above zero),
/// and what each correlation group lost (below zero gained).
pub fn disaster(start: Usd, loss: Usd, by_group: &BTreeMap<String, Usd>) -> Option<Disaster> {
    if !start.is_positive() || !loss.is_positive() {
        return None;
    }
    let loss_percent = loss.0 / start.0 * Decimal::ONE_HUNDRED;
    let (group, most) = by_group.iter().max_by_key(|(_, lost)| **lost)?;
    let share_percent = most.0 / loss.0 * Decimal::ONE_HUNDRED;
    let is_one = loss_percent > LOSS_PERCENT && share_percent > SHARE_PERCENT;
    is_one.then(|| Disaster { loss_percent, group: group.clone(), share_percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_tenth_lost_and_more_than_half_of_it_by_one_group() {
        let is = |loss: Decimal, equity: Decimal| {
            let groups = [("equity index", equity), ("crude", loss - equity)];
            let groups = groups.map(|(name, lost)| (name.to_owned(), Usd(lost)));
            disaster(Usd(dec!(1000)), Usd(loss), &BTreeMap::from(groups)).map(|found| found.group)
        };
        let equity = Some("equity index".to_owned());
        assert_eq!(is(dec!(100.01), dec!(60)), equity);
        assert_eq!(is(dec!(100), dec!(60)), None, "a tenth is not more than a tenth");
        assert_eq!(is(dec!(200), dec!(100)), None, "a half is not more than a half");
        assert_eq!(is(dec!(200), dec!(101)), equity);
        assert_eq!(is(dec!(200), dec!(500)), equity, "others gained");
        assert_eq!(is(dec!(-200), dec!(-100)), None);
        assert_eq!(disaster(Usd::ZERO, Usd(dec!(1)), &BTreeMap::new()), None);
    }
}
