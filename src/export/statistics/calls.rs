//! Requests inside messages and their answers: a line a method.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::base::escape;
use crate::insight::statistics::{CallOrder, CallRow, Calls};

use super::figures::duration;

/// Methods that the text lists; JSON has all.
const LISTED: usize = 40;
/// Columns of a method, its protocol in front.
const METHOD: usize = 44;

/// The table for people; nothing without calls.
pub(super) fn text(out: &mut String, of: &Calls, order: CallOrder) {
    if of.is_empty() {
        return;
    }
    let all = of.all();
    let _ = writeln!(
        out,
        "Calls: {} requests, {} errors, {} unanswered",
        all.requests, all.errors, all.unanswered
    );
    let heads = ["requests", "errors", "unanswered", "median", "99 %"];
    line(out, "", &heads.map(str::to_owned), "slowest");
    let rows = of.rows(order);
    for row in rows.iter().take(LISTED) {
        listed(out, row);
    }
    if let Some(more) = rows.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(out, "  {more} more methods (--format json has them)");
    }
    if let Some(others) = of.others() {
        let _ = writeln!(
            out,
            "  methods beyond these: {} requests, {} errors, {} unanswered",
            others.requests, others.errors, others.unanswered
        );
    }
    out.push('\n');
}

fn listed(out: &mut String, row: &CallRow<'_>) {
    let method = match row.method {
        "" => "(requests not seen)".to_owned(),
        method => escape::preview(method.as_bytes(), METHOD),
    };
    let counts = row.of.counts;
    let time = |time: Option<u64>| time.map_or("-".into(), duration);
    let figures = [
        counts.requests.to_string(),
        counts.errors.to_string(),
        counts.unanswered.to_string(),
        time(row.median),
        time(row.p99),
    ];
    let slowest = row.of.slowest.map_or("-".into(), |slow| {
        format!("{} in packet {}", duration(slow.nanoseconds), slow.packet)
    });
    line(
        out,
        &format!("{} {method}", row.protocol),
        &figures,
        &slowest,
    );
}

fn line(out: &mut String, label: &str, figures: &[String; 5], slowest: &str) {
    let [requests, errors, unanswered, median, high] = figures;
    let _ = writeln!(
        out,
        "  {label:<METHOD$} {requests:>9} {errors:>7} {unanswered:>10} {median:>10} {high:>10}  {slowest}"
    );
}

/// Every method that is kept, and the sums of the others.
pub(super) fn json(of: &Calls, order: CallOrder) -> Value {
    of.rows(order).iter().map(object).collect()
}

/// The calls of methods beyond those kept, or null.
pub(super) fn others(of: &Calls) -> Value {
    of.others().map_or(Value::Null, |others| {
        json!({
            "count": others.requests,
            "errors": others.errors,
            "unanswered": others.unanswered,
        })
    })
}

fn object(row: &CallRow<'_>) -> Value {
    let counts = row.of.counts;
    let seconds = |time: u64| time as f64 / 1e9;
    let slowest = row.of.slowest;
    json!({
        "protocol": row.protocol,
        "method": (!row.method.is_empty()).then_some(row.method),
        "count": counts.requests,
        "errors": counts.errors,
        "unanswered": counts.unanswered,
        "answered": row.of.times.count(),
        "median": row.median.map(seconds),
        "p99": row.p99.map(seconds),
        "slowest": slowest.map(|slow| seconds(slow.nanoseconds)),
        "slowest_packet": slowest.map(|slow| slow.packet.0),
        "slowest_message": slowest.map(|slow| slow.message),
        "slowest_request": slowest.map(|slow| slow.request),
        "slowest_first_packet": slowest.map(|slow| slow.connection.0.0),
    })
}
