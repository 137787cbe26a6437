//! Tests that need more than Rust: programs to compare with, rights to capture.
//!
//! Where something is missing they say so and pass, unless `WIRELOUPE_REQUIRE` is set, as in CI: then they fail, so that
//! what is thought to be tested is tested.

use std::fmt::Display;
use std::process::{Command, Stdio};

/// Says why a test cannot run here; panics with `WIRELOUPE_REQUIRE` set.
///
/// # Panics
/// When nothing may be skipped.
pub fn skip(why: impl Display) {
    let required = std::env::var_os("WIRELOUPE_REQUIRE").is_some_and(|value| !value.is_empty());
    assert!(
        !required,
        "{why}, and WIRELOUPE_REQUIRE says that nothing may be skipped"
    );
    eprintln!("skipped: {why}");
}

/// Whether `program` can be run; if not, what needs it is skipped.
pub fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    let quiet = command.arg("--version").stdout(Stdio::null());
    let runs = quiet.stderr(Stdio::null()).status().is_ok();
    if !runs {
        skip(format_args!("{program} is not installed"));
    }
    runs
}
