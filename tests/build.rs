//! `wireloupe build`: what it makes, the program and Wireshark read back as it was asked for.
#![cfg(feature = "cli")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use wireloupe::testkit::is_installed;

fn wireloupe(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(args: &[&str]) -> String {
    let output = wireloupe(args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A capture of this script in a folder of its own.
fn built(script: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (
        folder.path().join("script.txt"),
        folder.path().join("built.pcapng"),
    );
    std::fs::write(&from, script).unwrap();
    said(&[
        "build",
        "--script",
        from.to_str().unwrap(),
        "-w",
        to.to_str().unwrap(),
    ]);
    (folder, to.to_str().unwrap().to_owned())
}

fn rows(path: &str, kind: &str) -> Vec<Value> {
    let text = said(&[
        "read",
        "--format",
        "ndjson",
        "--show",
        "all",
        "--payload",
        path,
    ]);
    let rows = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["type"] == kind).collect()
}

fn texts(path: &str) -> Vec<String> {
    let rows = rows(path, "message");
    let of = |row: &Value| {
        format!(
            "{} {} {}",
            row["from"].as_str().unwrap(),
            row["kind"].as_str().unwrap(),
            row["text"].as_str().unwrap_or("-")
        )
    };
    rows.iter().map(of).collect()
}

/// Everything at once: fragments around a ping, compression, all length forms, segments, loss of none, another order, twice.
const LESSON: &str = r#"
seed 6455
connection 10.0.0.1:50000 10.0.0.2:80
handshake /chat --origin https://a.example --protocol chat --deflate
client text "Hello" --mask cb6e9f8e
server text "Hello" --deflate
server text "Hello" --deflate
client text "Hel" --no-fin
client ping "are you there"
server pong "are you there"
client continuation "lo"
server binary repeat:300:ab
server binary random:70000
client text "over several segments" --segments 5 --reorder
client text "sent twice" --retransmit
server text "cut here" --cut-at 1,3
together server
server text "one"
server text "two"
apart
wait 2s
client close 1000 "bye"
server close 1000 "bye"
end
connection [2001:db8::1]:50001 [2001:db8::2]:8080
client http
  GET / HTTP/1.1
  Host: a
  Upgrade: websocket
  Connection: Upgrade
  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
  Sec-WebSocket-Version: 13
server http --body "no"
  HTTP/1.1 400 Bad Request
  Connection: close
end
"#;

const SAID: [&str; 15] = [
    "client text Hello",
    "server text Hello",
    "server text Hello",
    "client ping -",
    "server pong -",
    "client text Hello",
    "server binary -",
    "server binary -",
    "client text over several segments",
    "client text sent twice",
    "server text cut here",
    "server text one",
    "server text two",
    "client close -",
    "server close -",
];

#[test]
fn a_script_reads_back_as_it_was_written() {
    let (_folder, path) = built(LESSON);
    assert_eq!(texts(&path), SAID);
    let findings = rows(&path, "finding");
    assert!(findings.is_empty(), "{findings:?}");
    let connections = rows(&path, "connection");
    assert_eq!(connections.len(), 2);
    assert_eq!(connections[0]["handshake"]["accept_valid"], true);
    assert_eq!(connections[0]["close"]["clean"], true);
    assert_eq!(connections[1]["handshake"]["outcome"], "refused");
    let lengths: Vec<_> = rows(&path, "frame")
        .iter()
        .map(|frame| frame["header_length"].as_u64().unwrap())
        .collect();
    assert!(lengths.contains(&4) && lengths.contains(&10), "{lengths:?}");
}

#[test]
fn what_is_lost_is_missing() {
    let (_folder, path) = built(
        "handshake /\nclient text \"first, and long enough\" --segments 3 --lose 2\nserver ack\nclient text \"second\"\nserver text \"ok\"\nend\n",
    );
    let codes: Vec<_> = rows(&path, "finding")
        .iter()
        .map(|row| row["code"].as_str().unwrap().to_owned())
        .collect();
    assert!(codes.contains(&"tcp-gap".to_owned()), "{codes:?}");
    assert!(texts(&path).contains(&"client text second".to_owned()));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |script: &str| {
        let (_folder, path) = built(script);
        std::fs::read(path).unwrap()
    };
    assert_eq!(bytes(LESSON), bytes(LESSON));
    assert_ne!(bytes(LESSON), bytes(&LESSON.replace("seed 6455", "seed 1")));
}

#[cfg(feature = "tls")]
const SECRET: &str = "connection 10.0.0.1:50000 10.0.0.2:443 --tls\nhandshake /\nclient text \"secret\"\nserver binary repeat:40000:x\nclient close 1000\nserver close 1000\nend\n";

#[cfg(feature = "tls")]
#[test]
fn tls_opens_with_the_keys_inside() {
    let (_folder, path) = built(SECRET);
    assert_eq!(
        texts(&path),
        [
            "client text secret",
            "server binary -",
            "client close -",
            "server close -"
        ]
    );
    assert_eq!(rows(&path, "connection")[0]["transport"], "tls");
    assert!(rows(&path, "finding").is_empty());
}

#[test]
fn frames_are_printed_in_every_format() {
    assert_eq!(
        said(&[
            "build", "--format", "hex", "text", "Hello", "--mask", "cb6e9f8e"
        ]),
        "8185cb6e9f8e830bf3e2a4\n"
    );
    let text = said(&["build", "text", "Hello", "--mask=cb6e9f8e"]);
    assert!(
        text.starts_with("8185cb6e9f8e830bf3e2a4\n") && text.contains("Masking-key"),
        "{text}"
    );
    let raw = wireloupe(&["build", "--format", "raw", "close", "1000", "bye"]).stdout;
    assert_eq!(raw, b"\x88\x05\x03\xe8bye");
    let json: Value = serde_json::from_str(&said(&[
        "build",
        "--format",
        "json",
        "text",
        "Hi",
        "--length-form",
        "64",
    ]))
    .unwrap();
    assert_eq!(
        json["explained"][0]["findings"][0]["code"],
        "length-not-minimal"
    );
}

#[test]
fn words_become_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hello.pcapng");
    let path = path.to_str().unwrap();
    said(&[
        "build",
        "text",
        "Hello \"you\"",
        "--mask",
        "cb6e9f8e",
        "--fragments",
        "2",
        "-w",
        path,
    ]);
    assert_eq!(texts(path)[0], "client text Hello \"you\"");
    assert!(
        !wireloupe(&["build", "ping", "-w", path]).status.success(),
        "an existing file is kept"
    );
    said(&["build", "ping", "-w", path, "--force"]);
    assert_eq!(texts(path)[0], "server ping -");
}

#[test]
fn errors_name_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("s.txt");
    std::fs::write(
        &script,
        "connection 10.0.0.1:1 10.0.0.2:2\nclient text a --frob\n",
    )
    .unwrap();
    let output = wireloupe(&[
        "build",
        "--script",
        script.to_str().unwrap(),
        "-w",
        "/dev/null/x",
    ]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("s.txt: line 2: --frob"), "{told}");
    assert_eq!(output.status.code(), Some(2));
}

fn tshark(path: &str, args: &[&str]) -> Vec<String> {
    let output = Command::new("tshark")
        .args(["-r", path, "-2", "-o", "tcp.reassemble_out_of_order:TRUE"])
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn wireshark_reads_the_same_frames() {
    if !is_installed("tshark") {
        return;
    }
    let (_folder, path) = built(LESSON);
    let fields = [
        "-Y",
        "websocket",
        "-T",
        "fields",
        "-e",
        "websocket.opcode",
        "-E",
        "aggregator=,",
    ];
    let seen: Vec<String> = tshark(&path, &fields)
        .iter()
        .flat_map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let ours: Vec<String> = rows(&path, "frame")
        .iter()
        .map(|frame| frame["opcode"].to_string())
        .collect();
    assert_eq!(seen, ours);
    let bad = tshark(
        &path,
        &[
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
            "-Y",
            "tcp.checksum.status == Bad || ip.checksum.status == Bad || _ws.malformed",
        ],
    );
    assert!(bad.is_empty(), "{bad:?}");
}

#[cfg(feature = "tls")]
#[test]
fn wireshark_decrypts_what_is_built() {
    if !is_installed("tshark") {
        return;
    }
    let (_folder, path) = built(SECRET);
    assert!(Path::new(&path).exists());
    let seen = tshark(
        &path,
        &["-Y", "websocket", "-T", "fields", "-e", "websocket.opcode"],
    );
    assert_eq!(seen, ["1", "2", "8", "8"]);
}
