//! `[butterfly]` of the rulebook (§4.6).

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{check::Check, ranges::SpreadRules};
use crate::instrument::Product;

/// §4.6. Times are New York.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButterflyRules {
    /// May enter at all.
    pub enabled: bool,
    /// Products in order of preference.
    pub products: Vec<Product>,
    /// Entry, never earlier.
    pub entry_at: NaiveTime,
    /// The entry window, minutes.
    pub window_minutes: u32,
    /// Only beyond this move from the open, percent.
    pub faded_move_percent: Decimal,
    /// The centre lies so much of the move back towards the open, percent of it.
    pub fade_percent: Decimal,
    /// Most debit, percent of sizing capital.
    pub debit_percent: Decimal,
    /// The widest market of a leg.
    pub spread: SpreadRules,
    /// The exit ladder starts.
    pub exit_at: NaiveTime,
    /// Flat; CRITICAL every minute from then on.
    pub flat_at: NaiveTime,
    /// Wings and grid of each product.
    pub contracts: Vec<ButterflyContract>,
}

/// The strikes of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButterflyContract {
    /// The product.
    pub product: Product,
    /// Points from the centre to either side.
    pub wing: Decimal,
    /// The centre is a multiple of this.
    pub grid: Decimal,
}

pub(super) fn check(check: &mut Check, rules: &ButterflyRules) {
    check.ascending(&[
        ("butterfly.entry_at", rules.entry_at),
        ("butterfly.exit_at", rules.exit_at),
        ("butterfly.flat_at", rules.flat_at),
    ]);
    let minutes = rules.window_minutes;
    check.that(minutes <= 120, "butterfly.window_minutes", minutes, "must be 120 or less");
    check.above_zero("butterfly.faded_move_percent", rules.faded_move_percent);
    check.percent("butterfly.faded_move_percent", rules.faded_move_percent);
    check.percent("butterfly.fade_percent", rules.fade_percent);
    check.above_zero("butterfly.fade_percent", rules.fade_percent);
    check.percent("butterfly.debit_percent", rules.debit_percent);
    rules.spread.check(check, "butterfly.spread");
    for (i, row) in rules.contracts.iter().enumerate() {
        let key = |name: &str| format!("butterfly.contracts[{i}].{name}");
        check.above_zero(&key("wing"), row.wing);
        check.above_zero(&key("grid"), row.grid);
        let whole = row.grid > Decimal::ZERO && row.wing % row.grid == Decimal::ZERO;
        let right = format!("must be a multiple of its grid ({})", row.grid);
        check.that(whole, &key("wing"), row.wing, &right);
    }
    for (i, product) in rules.products.iter().enumerate() {
        let rows = rules.contracts.iter().filter(|row| row.product == *product).count();
        let right = format!("must have one row in butterfly.contracts, has {rows}");
        let key = format!("butterfly.products[{i}]");
        check.that(rows == 1, &key, format!("\"{product}\""), &right);
    }
}
