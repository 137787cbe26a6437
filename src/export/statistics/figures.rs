//! Durations and distributions, as text and as JSON.

use serde_json::{Value, json};

use crate::insight::statistics::Distribution;

/// Nanoseconds in the unit that suits them.
pub(in crate::export) fn duration(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    match nanoseconds {
        0..1_000_000 => format!("{:.1} µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", value / 1e6),
        _ => format!("{:.2} s", value / 1e9),
    }
}

/// The count, the extremes and two percentiles, in units of `unit`.
pub(super) fn spread(of: &Distribution, unit: f64) -> Value {
    let scaled = |value: Option<u64>| match value {
        Some(value) if unit == 1.0 => json!(value),
        Some(value) => json!(value as f64 / unit),
        None => Value::Null,
    };
    json!({
        "count": of.count(),
        "min": scaled(of.min()),
        "median": scaled(of.percentile(0.5)),
        "p99": scaled(of.percentile(0.99)),
        "max": scaled(of.max()),
    })
}
