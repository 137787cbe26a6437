//! The `wireloupe` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    wireloupe::cli::main()
}
