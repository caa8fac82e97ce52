//! The sheet a decision is written on: every filter, passed or not, in the order looked at.

use std::fmt;

use super::{Candidate, Decision, Filter};
use crate::instrument::Product;

/// Filters so far.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    prefix: String,
    filters: Vec<Filter>,
}

impl Sheet {
    /// A sheet whose filters' names begin with `<prefix>.`.
    pub(super) fn of(prefix: impl fmt::Display) -> Self {
        Self { prefix: format!("{prefix}."), filters: Vec::new() }
    }

    /// Writes a filter down and hands back whether it passed.
    pub(super) fn check(
        &mut self,
        name: impl fmt::Display,
        value: impl fmt::Display,
        bound: impl fmt::Display,
        passed: bool,
    ) -> bool {
        self.filters.push(Filter {
            name: format!("{}{name}", self.prefix),
            value: value.to_string(),
            bound: bound.to_string(),
            passed,
        });
        passed
    }

    /// Every filter so far has passed.
    pub(super) fn passed(&self) -> bool {
        self.filters.iter().all(|filter| filter.passed)
    }

    /// The decision of one sheet: its candidate, where every filter passed.
    pub(super) fn decide_one(self, candidate: Option<Candidate>) -> Decision {
        let candidates = candidate.filter(|_| self.passed()).into_iter().collect();
        Decision { filters: self.filters, candidates }
    }

    /// The decision of a day's sheet and of each product's, in order of preference: a candidate stays
    /// where all filters of the day and of its product passed.
    pub(super) fn decide(
        self,
        products: impl IntoIterator<Item = Product>,
        consider: impl Fn(Product, &mut Self) -> Option<Candidate>,
    ) -> Decision {
        let products = products.into_iter().map(|product| (product, product));
        self.weigh(products, consider, |passed| passed)
    }

    /// The same of anything that is of a product; `keeps` says which candidates stay, by whether all
    /// passed.
    pub(super) fn weigh<T>(
        self,
        items: impl IntoIterator<Item = (Product, T)>,
        consider: impl Fn(T, &mut Self) -> Option<Candidate>,
        keeps: impl Fn(bool) -> bool,
    ) -> Decision {
        let day_passed = self.passed();
        let mut decision = Decision { filters: self.filters, candidates: Vec::new() };
        for (product, item) in items {
            let mut sheet = Self::of(product.symbol().to_lowercase());
            let candidate = consider(item, &mut sheet);
            let passed = day_passed && sheet.passed();
            decision.candidates.extend(candidate.filter(|_| keeps(passed)));
            decision.filters.extend(sheet.filters);
        }
        decision
    }
}
