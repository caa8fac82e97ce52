//! The entry decision: the day's filters, then each product in order of preference.

use super::{day, product};
use crate::strategy::{Decision, Snapshot, sheet::Sheet};

/// Decides. Every filter that can be computed is, also after one has failed, so that `why` shows
/// the whole picture; candidates are given only when all of the day's filters passed, in the order
/// of the rulebook's products.
pub fn decide(snapshot: &Snapshot) -> Decision {
    let mut sheet = Sheet::default();
    day::filters(snapshot, &mut sheet);
    sheet.decide(snapshot.rulebook.friday_0dte.products.iter().copied(), |product, sheet| {
        product::consider(snapshot, product, sheet)
    })
}
