//! Past or simulated sessions through the very same scheduler, bodies, gate and desk, under
//! virtual time.

/// The demo's pace: a Thursday evening to a Saturday in about two minutes.
pub mod pace;
