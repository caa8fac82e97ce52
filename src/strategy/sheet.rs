//! The sheet a decision is written on: every filter, passed or not, in the order looked at.

use std::fmt;

use super::Filter;

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

    /// The filters.
    pub(super) fn into_filters(self) -> Vec<Filter> {
        self.filters
    }
}
