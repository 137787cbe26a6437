//! What differs between two heads: the first line, and each header by name whatever its letter case.

use std::collections::{HashMap, HashSet};

use crate::base::{Head, escape};
use crate::engine::Connection;

use super::difference::Difference;
use super::record::Recorded;

/// Bytes of a value that are shown.
const SHOWN: usize = 120;

/// One head on both sides: as it was, and as it is shown.
pub(super) struct Heads<'a> {
    pub(super) is_request: bool,
    pub(super) one: Sides<'a>,
    pub(super) other: Sides<'a>,
}

/// A head as it was, and as it is shown, on one side.
pub(super) struct Sides<'a> {
    pub(super) connection: &'a Connection,
    pub(super) head: Option<&'a Head>,
    pub(super) shown: Option<&'a Head>,
}

impl<'a> Sides<'a> {
    pub(super) fn of(recorded: &'a Recorded, is_request: bool) -> Self {
        let of = |connection: &'a Connection| match is_request {
            true => connection.request(),
            false => connection.response(),
        };
        Self {
            connection: &recorded.connection,
            head: of(&recorded.connection),
            shown: of(recorded.shown()),
        }
    }
}

/// Adds what differs. Headers that `skip` names are not looked at.
pub(super) fn differences(heads: &Heads<'_>, skip: &[&str], out: &mut Vec<Difference>) {
    let what = |request, response| if heads.is_request { request } else { response };
    let (Some(one), Some(other)) = (heads.one.head, heads.other.head) else {
        let seen = |side: &Sides<'_>| side.head.map_or("not seen", |_| "seen").to_owned();
        let pair = (seen(&heads.one), seen(&heads.other));
        out.extend(Difference::between(what("request", "response"), None, pair));
        return;
    };
    let line = what("request-line", "status-line");
    out.extend(Difference::between(
        line,
        None,
        (first_line(&heads.one), first_line(&heads.other)),
    ));
    let (a, b) = (by_name(one), by_name(other));
    let shown_a = heads.one.shown.map(by_name).unwrap_or_default();
    let shown_b = heads.other.shown.map(by_name).unwrap_or_default();
    for name in names(one, other) {
        let differs = a.get(&name) != b.get(&name);
        if differs && !name.starts_with(b":") && !skip.iter().any(|skip| skip.as_bytes() == name) {
            out.push(Difference {
                what: what("request-header", "response-header"),
                from: None,
                one: line_of(&name, &shown_a),
                other: line_of(&name, &shown_b),
            });
        }
    }
}

/// The names of both in the order of the first, then of the second, in small letters.
pub(super) fn names(one: &Head, other: &Head) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    let names = one.headers().chain(other.headers());
    let names = names.map(|(name, _)| name.to_ascii_lowercase());
    names.filter(|name| seen.insert(name.clone())).collect()
}

type ByName<'a> = HashMap<Vec<u8>, Vec<&'a [u8]>>;

pub(super) fn by_name(head: &Head) -> ByName<'_> {
    let mut out = ByName::new();
    for (name, value) in head.headers() {
        out.entry(name.to_ascii_lowercase())
            .or_default()
            .push(value);
    }
    out
}

fn line_of(name: &[u8], values: &ByName<'_>) -> String {
    let value = match values.get(name) {
        Some(values) => {
            let values: Vec<_> = values
                .iter()
                .map(|value| escape::preview(value, SHOWN))
                .collect();
            values.join(", ")
        }
        None => "(none)".to_owned(),
    };
    format!("{}: {value}", escape::preview(name, SHOWN))
}

/// The request line or status line; of HTTP/2 what its pseudo-headers say.
fn first_line(side: &Sides<'_>) -> String {
    let Some(head) = side.shown else {
        return String::new();
    };
    let version = side.connection.http_version(head);
    if version == "HTTP/2" {
        return match head.status() {
            Some(status) => format!("{version} {status}"),
            None => {
                let method = escape::preview(head.method(), 20);
                let target = escape::preview(head.target(), SHOWN);
                format!("{method} {target} {version}")
            }
        };
    }
    let line = head.raw.split(|byte| *byte == b'\r').next();
    escape::preview(line.unwrap_or_default(), SHOWN + 40)
}
