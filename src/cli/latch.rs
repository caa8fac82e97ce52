//! `tomking halt | reduce | resume | flatten`.

use clap::Args;

use super::{CliError, CliResult, Global};

/// Halts: only cancels leave until `resume`.
#[derive(Debug, Default, Args)]
pub struct HaltArgs {}
/// Stops entries; exits and defence go on.
#[derive(Debug, Default, Args)]
pub struct ReduceArgs {}
/// Ends manual holds.
#[derive(Debug, Default, Args)]
pub struct ResumeArgs {}
/// Cancels everything, closes everything, then halts.
#[derive(Debug, Default, Args)]
pub struct FlattenArgs {}

fn absent() -> CliResult {
    Err(CliError::Failed("not there yet".to_owned()))
}

/// `tomking halt`.
pub fn halt(_global: &Global, _args: &HaltArgs) -> CliResult {
    absent()
}
/// `tomking reduce`.
pub fn reduce(_global: &Global, _args: &ReduceArgs) -> CliResult {
    absent()
}
/// `tomking resume`.
pub fn resume(_global: &Global, _args: &ResumeArgs) -> CliResult {
    absent()
}
/// `tomking flatten`.
pub fn flatten(_global: &Global, _args: &FlattenArgs) -> CliResult {
    absent()
}
