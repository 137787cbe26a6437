//! The `wireloupe` program.

fn main() {}
