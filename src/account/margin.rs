//! Margin.
