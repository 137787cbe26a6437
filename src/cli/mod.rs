//! Arguments, threads and exit codes.
