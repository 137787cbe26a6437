//! Times in words.

/// A duration for people, to the microsecond.
pub(super) fn duration(nanoseconds: i64) -> String {
    match nanoseconds.unsigned_abs() {
        0..1_000_000_000 => format!("{:.3} ms", nanoseconds as f64 / 1e6),
        _ => format!("{:.3} s", nanoseconds as f64 / 1e9),
    }
}
