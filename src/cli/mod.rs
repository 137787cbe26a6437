//! The command line: arguments, threads and exit codes.

#[cfg(all(feature = "live", unix))]
pub mod interfaces;
