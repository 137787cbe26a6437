//! Where packets come from and go to: capture files, standard input, live interfaces, and writers.

#[cfg(all(feature = "live", unix))]
pub mod live;
