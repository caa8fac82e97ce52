//! Chaos: the whole daemon, all its jobs, for whole simulated weeks under a plan of faults drawn
//! from a seed, with every invariant of the house looked at after every step.
//!
//! One seed is one virtual world on one thread: a market and a paper venue on true time, and a
//! process whose lives come and go over one disk. Nothing reads the wall clock or a file, so the
//! same seed gives the same bytes. What is modelled and what is not: `docs/FAULT_MODEL.md`.

/// The switchboard: which fault acts now, what crossed a seam, what arrived and was delivered.
pub mod board;
/// The invariants, one file each.
pub mod check;
/// The seeded generator plans and faults are drawn from.
pub mod dice;
/// A disk made of bytes that can break and lose its power.
pub mod disk;
/// Plans out of a seed.
mod draw;
/// What all seeds share.
pub mod ground;
/// Lives of the process: tasks that die together, a clock that steps.
pub mod life;
/// What goes wrong and when.
pub mod plan;
/// The process and its supervisor.
pub mod process;
/// One seed.
pub mod run;
/// Where faults go in: broker, market, channels, people.
pub mod seams;
/// A failing plan to the shortest that fails.
pub mod shrink;
/// Many seeds on all cores.
pub mod sweep;
/// The paper venue, which outlives the daemon.
pub mod venue;
/// What is told of a sweep.
pub mod verdict;
/// The eyes: every invariant at its moments.
pub mod watch;
