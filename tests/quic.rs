//! Connections of QUIC that a capture does not have from their beginning.
#![cfg(feature = "tls")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use wireloupe::testkit::Sample;

/// The rows of a capture with the key log of a sample.
fn rows(capture: &Path, keys: &Path) -> Vec<serde_json::Value> {
    let done = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(["read", "--format", "ndjson", "--show", "all", "--keylog"])
        .args([keys, capture])
        .env_remove("SSLKEYLOGFILE")
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let line = |line| serde_json::from_str(line).unwrap();
    text.lines().map(line).collect()
}

fn messages(rows: &[serde_json::Value], after: u64) -> Vec<String> {
    let of = |row: &serde_json::Value, kind: &str| row["type"] == kind;
    let packet = |message: &serde_json::Value| {
        let is_its = |row: &&serde_json::Value| {
            of(row, "frame")
                && row["frame"] == message["frames"][0]
                && row["connection"] == message["connection"]
        };
        rows.iter().find(is_its).unwrap()["packets"][0]
            .as_u64()
            .unwrap()
    };
    let wanted = rows
        .iter()
        .filter(|row| of(row, "message") && packet(row) > after);
    let line =
        |row: &serde_json::Value| format!("{} {} {}", row["from"], row["kind"], row["sha256"]);
    let mut lines: Vec<String> = wanted.map(line).collect();
    // What waited for the missing beginning of its stream comes when that is given up.
    lines.sort();
    lines
}

/// A capture without some of its packets.
fn without(pcapng: &[u8], dropped: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    const ENHANCED_PACKET: u32 = 6;
    let (mut out, mut rest, mut seen) = (Vec::new(), pcapng, 0);
    while let Some(head) = rest.first_chunk::<8>() {
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
        let (block, next) = rest.split_at(word(4) as usize);
        let is_packet = word(0) == ENHANCED_PACKET;
        seen += u64::from(is_packet);
        if !is_packet || !dropped.contains(&seen) {
            out.extend_from_slice(block);
        }
        rest = next;
    }
    out
}

#[test]
fn a_connection_is_joined_in_its_middle_by_its_secrets() {
    let folder = TempDir::new().unwrap();
    // Ids of eight bytes and of none, all ciphers, both versions, two implementations.
    for name in [
        "h3-hello",
        "h3-aes128",
        "h3-chacha20",
        "h3-quic-v2",
        "h3-zero-length-ids",
        "h3-quinn-hello",
    ] {
        let sample = Sample::named(name);
        let keys = sample.path.with_extension("keys");
        let whole = rows(&sample.path, &keys);
        let first = whole.iter().find(|row| row["type"] == "frame").unwrap();
        let first = first["packets"][0].as_u64().unwrap();
        let cut = folder.path().join(format!("{name}.pcapng"));
        let bytes = fs::read(&sample.path).unwrap();
        fs::write(&cut, without(&bytes, 1..=first)).unwrap();
        let joined = rows(&cut, &keys);
        let expected = messages(&whole, first);
        assert!(expected.len() >= 4, "{name}: {expected:?}");
        assert_eq!(messages(&joined, 0), expected, "{name}");
        let connection = joined.iter().find(|row| row["type"] == "connection");
        let connection = connection.unwrap();
        assert_eq!(connection["transport"], "http3", "{name}");
        assert_eq!(connection["handshake"]["outcome"], "not-seen", "{name}");
        // The server's answer to the first packet is missing, and with it the ids.
        if name != "h3-zero-length-ids" {
            fs::write(&cut, without(&bytes, 2..=first)).unwrap();
            assert_eq!(messages(&rows(&cut, &keys), 1), expected, "{name}");
            fs::write(&cut, without(&bytes, 1..=first)).unwrap();
        }
    }
    // Another connection's secrets open nothing.
    let others = Sample::named("h3-retry").path.with_extension("keys");
    let cut = folder.path().join("h3-hello.pcapng");
    assert_eq!(rows(&cut, &others).len(), 1);
}
