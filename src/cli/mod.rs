//! The command line: arguments, threads and exit codes.
