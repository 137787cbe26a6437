//! The commands for teaching: explain, build, lab.

pub(crate) mod args;
pub(crate) mod build;
pub(crate) mod explain;
pub(crate) mod lab;
mod line_quiz;
mod paint;
