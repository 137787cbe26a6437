//! What messages carry, against what the programs' own libraries said of it: every sample of `samples/payload` with a log of its
//! protocol's units, field by field, and look-alikes that carry no protocol.
#![cfg(feature = "cli")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wireloupe::base::LinkType;
use wireloupe::testkit::{Conversation, Frame, pcap, upgrade_request, upgrade_response};

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

/// Two WebSockets, each with a request of JSON arrays and a binary message.
fn unnamed(folder: &Path) -> PathBuf {
    let mut packets = Vec::new();
    for (client, path) in [("10.0.0.1:4000", "/a"), ("10.0.0.2:4000", "/b?x=1")] {
        let talk = Conversation::new(client, "10.0.0.9:80").connect();
        let talk = talk
            .client(upgrade_request(path, &[]))
            .server(upgrade_response(&[]));
        // An item {name: "tea", price: 250}, and an array that is no call of OCPP by its look.
        let item = b"\x0a\x03tea\x10\xfa\x01";
        let frames = [
            Frame::text(r#"[2,"1","x",7]"#).mask([1; 4]),
            Frame::binary(item).mask([2; 4]),
        ];
        let talk = frames
            .iter()
            .fold(talk, |talk, frame| talk.client(frame.bytes()));
        packets.extend(talk.fin().packets());
    }
    let file = folder.join("unnamed.pcap");
    fs::write(&file, pcap(LinkType::ETHERNET, &packets)).unwrap();
    file
}

fn read(capture: &Path, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    program.args(["read", "--show", "messages", "--format", "ndjson"]);
    let output = program.args(arguments).arg(capture).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(lines(&text(output.stdout)).collect()),
        false => Err(text(output.stderr)),
    }
}

#[test]
fn a_protocol_is_forced_on_all_on_a_path_or_on_one_connection() {
    let folder = tempfile::tempdir().unwrap();
    let file = unnamed(folder.path());
    let forced = |arguments: &[&str]| -> Vec<u64> {
        let rows = read(&file, arguments).unwrap();
        let forced = rows.iter().filter(|row| {
            row["decoded"]["protocol"] == "ocpp" && row["decoded"]["confidence"] == "forced"
        });
        let connections = forced.map(|row| row["connection"].as_u64().unwrap());
        connections.collect::<BTreeSet<_>>().into_iter().collect()
    };
    assert_eq!(forced(&[]), [0; 0]);
    assert_eq!(forced(&["--payload-as", "ocpp"]), [1, 2]);
    assert_eq!(forced(&["--payload-as", "OCPP,/b"]), [2]);
    assert_eq!(forced(&["--payload-as", "ocpp,1"]), [1]);
    let both = ["--payload-as", "ocpp,/a", "--payload-as", "wamp"];
    assert_eq!(forced(&both), [1]);
    let error = read(&file, &["--payload-as", "ocpp,3"]).unwrap_err();
    assert!(
        error.contains("no connection 3: the capture has 2"),
        "{error}"
    );
    let error = read(&file, &["--payload-as", "socket"]).unwrap_err();
    assert!(error.contains("did you mean socket.io"), "{error}");
}

#[cfg(feature = "protobuf")]
#[test]
fn binary_messages_are_read_by_a_schema() {
    let folder = tempfile::tempdir().unwrap();
    let file = unnamed(folder.path());
    let schema = folder.path().join("shop.proto");
    let item =
        "syntax = \"proto3\"; package shop; message Item { string name = 1; int32 price = 2; }";
    fs::write(&schema, item).unwrap();
    let schema = schema.to_str().unwrap();
    let rows = read(&file, &["--proto", schema, "--proto-type", "shop.Item"]).unwrap();
    let decoded = &rows[1]["decoded"];
    assert_eq!(decoded["confidence"], "forced");
    assert_eq!(
        decoded["fields"]["protobuf.field.name"],
        serde_json::json!(["name", "price"])
    );
    assert_eq!(
        decoded["fields"]["protobuf.value"],
        r#"{"name":"tea","price":250}"#
    );
    assert_eq!(rows[0]["decoded"]["protocol"], "json");
    let error = read(&file, &["--proto", schema, "--proto-type", "Offer"]).unwrap_err();
    assert!(
        error.contains("no message type Offer; it has shop.Item"),
        "{error}"
    );
    let error = read(&file, &["--proto", schema]).unwrap_err();
    assert!(error.contains("--proto-type"), "{error}");
}
