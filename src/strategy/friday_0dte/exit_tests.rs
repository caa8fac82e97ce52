//! Exits.
