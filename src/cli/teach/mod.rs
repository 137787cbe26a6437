//! The commands for teaching: explain, build, lab.

pub(crate) mod args;
pub(crate) mod build;
pub(crate) mod explain;
mod paint;
