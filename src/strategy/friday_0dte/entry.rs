//! The entry decision: the day's filters, then each product in order of preference.

use super::{day, product};
use crate::strategy::{Decision, Snapshot, sheet::Sheet};

/// Decides. Every filter that can be computed is, also after one has failed, so that `why` shows
/// the whole picture; candidates are given only when all of the day's filters passed, in the order
/// of the rulebook's products.
pub fn decide(snapshot: &Snapshot) -> Decision {
    let mut sheet = Sheet::default();
    day::filters(snapshot, &mut sheet);
    let day_passed = sheet.passed();
    let mut filters = sheet.into_filters();
    let mut candidates = Vec::new();
    for &product in &snapshot.rulebook.friday_0dte.products {
        let mut sheet = Sheet::of(product.symbol().to_lowercase());
        let candidate = product::consider(snapshot, product, &mut sheet);
        let passed = day_passed && sheet.passed();
        candidates.extend(candidate.filter(|_| passed));
        filters.extend(sheet.into_filters());
    }
    Decision { filters, candidates }
}
