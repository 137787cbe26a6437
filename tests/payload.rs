//! What messages carry, against what the programs' own libraries said of it: every sample of `samples/payload` with a log of its
//! protocol's units, field by field, and look-alikes that carry no protocol.
#![cfg(feature = "cli")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where a library logged its last unit and never wrote it to the socket: the other end had closed.
const NEVER_SENT: [(&str, u64, &str); 4] = [
    ("amqp10-rhea", 4, "client"),
    ("nats", 1, "client"),
    ("signalr-json", 1, "client"),
    ("signalr-messagepack", 1, "client"),
];

/// A connection and a side of it.
type Where = (u64, String);
/// The values of each field, in order.
type Fields = BTreeMap<String, Vec<Value>>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/payload")
}

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
}

/// What is decoded of each message: where, the protocol, its fields.
fn decoded(capture: &Path) -> Vec<(Where, String, serde_json::Map<String, Value>)> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    program.args(["read", "--show", "messages", "--format", "ndjson"]);
    let printed = program.arg(capture).output().unwrap().stdout;
    let printed = String::from_utf8(printed).unwrap();
    let rows = lines(&printed).filter(|row| row["type"] == "message" && !row["decoded"].is_null());
    rows.map(|row| {
        let place = (row["connection"].as_u64().unwrap(), text(&row["from"]));
        let decoded = &row["decoded"];
        let fields = decoded["fields"].as_object().unwrap().clone();
        (place, text(&decoded["protocol"]), fields)
    })
    .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Appends a field's value, or each of its list.
fn gather(fields: &mut Fields, name: &str, value: &Value) {
    let values = fields.entry(name.to_owned()).or_default();
    match value {
        Value::Array(list) => values.extend(list.iter().cloned()),
        value => values.push(value.clone()),
    }
}

fn names(kind: &str) -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| name.strip_suffix(kind).map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// Whether all of `values` come in this order; a library may say less than is there, of the same unit.
fn holds(decoded: &[Value], values: &[Value]) -> bool {
    let mut decoded = decoded.iter();
    let mut said = values.iter().filter(|value| !value.is_null());
    said.all(|value| decoded.any(|found| found == value))
}

fn known(protocol: &str) -> bool {
    wireloupe::payload::decoder(protocol).is_some()
}

#[test]
fn fields_are_what_the_libraries_said() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for name in names(".protocol.ndjson") {
        let capture = folder().join(format!("{name}.pcapng"));
        let log = fs::read_to_string(folder().join(format!("{name}.protocol.ndjson"))).unwrap();
        let mut said: BTreeMap<Where, Fields> = BTreeMap::new();
        let mut protocols = BTreeSet::new();
        for unit in lines(&log) {
            let place = (unit["connection"].as_u64().unwrap(), text(&unit["from"]));
            protocols.insert(text(&unit["protocol"]));
            for (field, value) in unit["fields"].as_object().unwrap() {
                gather(said.entry(place.clone()).or_default(), field, value);
            }
        }
        let mut found: BTreeMap<Where, Fields> = BTreeMap::new();
        for (place, _, fields) in decoded(&capture) {
            for (field, value) in &fields {
                gather(found.entry(place.clone()).or_default(), field, value);
            }
        }
        if !protocols.iter().all(|protocol| known(protocol)) {
            continue;
        }
        for (place, fields) in &said {
            for (field, values) in fields {
                // A name of the log's own has no field to be compared with.
                if wireloupe::filter::field(field).is_none() {
                    continue;
                }
                let decoded = found.get(place).and_then(|fields| fields.get(field));
                let is_cut = NEVER_SENT.contains(&(&name, place.0, &place.1));
                let sent = values.len()
                    - usize::from(is_cut && decoded.is_some_and(|d| d.len() < values.len()));
                let values = &values[..sent];
                compared += values.len();
                if !decoded.is_some_and(|decoded| holds(decoded, values)) {
                    wrong.push(format!(
                        "{name} {place:?} {field}:\n  said    {values:?}\n  decoded {decoded:?}"
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 3000, "only {compared} values compared");
}

#[test]
fn look_alikes_stay_what_they_are() {
    let mut taken = Vec::new();
    for name in names(".pcapng")
        .iter()
        .filter(|name| name.starts_with("plain-"))
    {
        for (place, protocol, _) in decoded(&folder().join(format!("{name}.pcapng"))) {
            let decoder = wireloupe::payload::decoder(&protocol).unwrap();
            if !decoder.is_encoding {
                taken.push(format!("{name} {place:?}: {protocol}"));
            }
        }
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}
