//! Encodings: one file each. They are recognised in every message anew and keep no state.

pub(super) mod json;
pub(super) mod packed;
