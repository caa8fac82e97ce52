//! One libFuzzer program for all checks: the environment variable `FUZZ_TARGET` names the one it
//! drives. Built and started by `./run`.

#![no_main]

#[path = "../corpus/checks/mod.rs"]
mod checks;

use std::sync::LazyLock;

static CHECK: LazyLock<checks::Check> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    checks::named(&name).unwrap_or_else(|| {
        let names = checks::CHECKS.map(|(name, _)| name).join(", ");
        panic!("FUZZ_TARGET is `{name}`; the checks are {names}")
    })
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (*CHECK)(data));
