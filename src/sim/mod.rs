//! Past or simulated sessions through the very same scheduler, bodies, gate and desk, under
//! virtual time.

/// A book that a replay starts from.
pub mod book;
/// The whole daemon under faults, and the invariants that must hold.
pub mod chaos;
/// The demo's days, and what is told of them.
pub mod demo;
/// Who looks at a replay's book at the end of each session.
pub mod observer;
/// Who resumes in a replay, where live a person would.
pub mod operator;
/// What a replay gives, from the store it filled.
pub mod outcome;
/// The demo's pace: a Thursday evening to a Saturday in about two minutes.
pub mod pace;
/// The run itself.
pub mod replay;
