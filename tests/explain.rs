//! `wireloupe explain`: what it says of every kind of input, and that it says of a frame what `read --format detail` does.
#![cfg(feature = "cli")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use wireloupe::base::{Needs, Side};
use wireloupe::engine::{Connection, FrameEvent};
use wireloupe::run::OwnedRow;
use wireloupe::teach::explain::{self, Options};
use wireloupe::testkit::Sample;
use wireloupe::websocket::handshake::Framing;

fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .arg("explain")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn said(args: &[&str]) -> String {
    let output = run(args, b"");
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str]) -> Vec<Value> {
    let text = said(&[args, &["--format", "json"]].concat());
    let value: Value = serde_json::from_str(&text).unwrap();
    value["explained"].as_array().unwrap().clone()
}

#[test]
fn a_cut_frame_is_not_called_right() {
    for cut in ["81 85 cb 6e 9f", "81 85 cb 6e 9f 8e 83 0b"] {
        let text = said(&[cut]);
        assert!(text.contains("It is cut."), "{text}");
        assert!(!text.contains("Nothing is wrong with it."), "{text}");
    }
    let whole = said(&["81 85 cb 6e 9f 8e 83 0b f3 e2 a4"]);
    assert!(whole.contains("Nothing is wrong with it."), "{whole}");
}

/// A frame as it crossed the wire, and how that is to be read.
struct Sent {
    from: Side,
    framing: Framing,
    compressed: bool,
    is_whole: bool,
    stream_offset: u64,
    bytes: Vec<u8>,
}

impl OwnedRow for Sent {
    const NEEDS: Needs = Needs::PAYLOAD;

    fn of_frame(event: &FrameEvent<'_>, connection: &Connection) -> Option<Self> {
        let frame = event.frame;
        let framing = connection
            .handshake
            .as_ref()
            .map(|handshake| handshake.negotiated.framing);
        let framing = framing.unwrap_or_default();
        let mut bytes = frame.header_bytes();
        let raw = frame.raw.unwrap_or_default();
        bytes.extend_from_slice(raw);
        Some(Self {
            from: event.from,
            framing,
            compressed: frame.compressed,
            is_whole: frame.is_whole() && raw.len() as u64 == frame.header.payload_length,
            stream_offset: frame.stream_offset,
            bytes,
        })
    }
}

/// What the detail tree says of each frame, a block a frame.
fn details(sample: &Sample) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args([
            "read",
            "--format",
            "detail",
            "--show",
            "frames",
            "--threads",
            "1",
        ])
        .args(sample.arguments())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let blocks = text.split("\n\n").map(str::trim_end);
    blocks
        .filter(|block| block.starts_with("Frame "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn frames_are_explained_as_the_detail_tree_has_them() {
    let mut compared = 0;
    for sample in Sample::all() {
        let mut capture = wireloupe::open(&sample.path).unwrap().with_threads(1);
        if let Some(keys) = sample.keys() {
            capture = capture.with_keys(keys).unwrap();
        }
        let sent: Vec<Sent> = capture.rows().collect();
        let details = details(&sample);
        assert_eq!(sent.len(), details.len(), "{}", sample.name);
        for (sent, detail) in sent.iter().zip(&details) {
            compared += compare(&sample.name, sent, detail);
        }
    }
    assert!(compared > 1000, "{compared} frames");
}

/// Holds what is explained of one frame against its block; whether all of it could be compared.
fn compare(name: &str, sent: &Sent, detail: &str) -> usize {
    let options = Options {
        from: Some(sent.from),
        framing: sent.framing,
        deflate: Some(sent.compressed),
    };
    let frames = explain::frames(&sent.bytes, options);
    let frame = frames
        .first()
        .unwrap_or_else(|| panic!("{name}: nothing of {detail}"));
    let lines: Vec<&str> = detail.lines().map(str::trim).collect();
    for field in frame.fields() {
        let span = field.span.unwrap();
        let (first, last) = (
            span.start + sent.stream_offset,
            span.end - 1 + sent.stream_offset,
        );
        let place = if first == last {
            format!("@{first}")
        } else {
            format!("@{first}-{last}")
        };
        let bits = if field.bits.is_empty() {
            String::new()
        } else {
            format!("{} = ", field.bits)
        };
        let expected = format!(
            "{bits}{}: {}  {place}  ({})",
            field.label, field.value, field.section
        );
        assert!(
            lines.contains(&expected.as_str()),
            "{name}: no {expected:?} in\n{detail}"
        );
    }
    if !sent.is_whole || frames.len() != 1 {
        return 0;
    }
    assert!(frame.header.is_some(), "{name}: {detail}");
    let shown = wireloupe::base::escape::text(&frame.payload[..frame.payload.len().min(4096)]);
    let is_shown = |label: &str| {
        let start = format!("{label}: {shown}");
        lines.iter().any(|line| line.starts_with(start.trim()))
    };
    let found = ["Unmasked", "Bytes", "Compressed"]
        .into_iter()
        .any(is_shown);
    assert!(
        found || shown.trim().is_empty(),
        "{name}: no {shown:?} in\n{detail}"
    );
    1
}

#[test]
fn a_frame_is_drawn_unmasked_and_judged() {
    let text = said(&[
        "81", "85", "cb", "6e", "9f", "8e", "83", "0b", "f3", "e2", "a4",
    ]);
    for expected in [
        "Frame 1: text, from the client, 11 bytes",
        " |1|0|0|0|0 0 0 1|1|0 0 0 0 1 0 1|1 1 0 0 1 0 1 1 0 1 1 0 1 1 1 0|",
        "1... ....   1 (last frame of its message)  (RFC 6455 5.2)",
        "   4  a4 10100100  xor  cb 11001011  =  6f 01101111  o",
        "Text         Hello",
        "Nothing is wrong with it.",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    assert!(!text.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn json_has_the_same_frame() {
    let [frame] = &json(&["8185cb6e9f8e830bf3e2a4"])[..] else {
        panic!()
    };
    assert_eq!(frame["type"], "frame");
    assert_eq!(frame["from"], "client");
    assert_eq!(frame["fields"][7]["value"], "cb6e9f8e");
    assert_eq!(frame["masking"][0]["plain"], b'H');
    assert_eq!(frame["message"]["text"], "Hello");
    assert_eq!(frame["findings"], Value::Array(Vec::new()));
    let [frame] = &json(&["--from", "client", "810548656c6c6f"])[..] else {
        panic!()
    };
    assert_eq!(frame["findings"][0]["code"], "client-frame-unmasked");
    assert_eq!(frame["findings"][0]["section"], "RFC 6455 5.1");
}

#[test]
fn several_frames_and_a_cut_one() {
    let frames = json(&["010348656c", "8900", "80026c6f", "81fe01"]);
    let opcodes: Vec<_> = frames.iter().map(|frame| &frame["opcode"]).collect();
    assert_eq!(opcodes[..3], ["text", "ping", "continuation"]);
    assert_eq!(frames[2]["message"]["text"], "Hello");
    assert_eq!(frames[2]["message"]["frames"], 2);
    assert_eq!(frames[3]["header_complete"], false);
}

#[test]
fn standard_input_is_text_or_bytes() {
    let hex = run(&["-"], b"00000000  81 05 48 65 6c 6c 6f  |..Hello|\n");
    let raw = run(&["-"], b"\x81\x05Hello");
    let dumped = String::from_utf8(hex.stdout).unwrap();
    assert!(dumped.contains("Text         Hello"), "{dumped}");
    assert_eq!(dumped, String::from_utf8(raw.stdout).unwrap());
    let head = run(
        &["-"],
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
    );
    assert!(String::from_utf8_lossy(&head.stdout).contains("Sec-WebSocket-Key is missing"));
}

#[test]
fn drafts_are_explained() {
    let [frame] = &json(&["--draft", "hybi-00", "0048656c6c6fff"])[..] else {
        panic!()
    };
    assert_eq!(
        (&frame["draft"], &frame["payload"]),
        (&Value::from("hixie-76"), &Value::from("48656c6c6f"))
    );
    assert!(run(&["--draft", "hybi-99", "00ff"], b"").status.code() == Some(2));
}

#[test]
fn keys_codes_and_names_are_explained() {
    let key = said(&["dGhlIHNhbXBsZSBub25jZQ=="]);
    assert!(key.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(key.contains("openssl dgst -sha1 -binary | base64"));
    assert!(said(&["1006"]).contains("never crosses the wire"));
    assert!(said(&["length-not-minimal"]).contains("RFC 6455 5.2"));
    assert!(said(&["upgrade-not-forwarded"]).contains("proxy_set_header"));
    assert!(said(&["9"]).contains("ping"));
    assert!(said(&["permessage-deflate; client_max_window_bits=7"]).contains("must be 8 to 15"));
    let both = json(&["invalid-utf8"]);
    assert_eq!(
        (&both[0]["type"], &both[1]["type"]),
        (&Value::from("finding"), &Value::from("verdict"))
    );
}

#[test]
fn the_shell_command_computes_the_accept_key() {
    let [key] = &json(&["dGhlIHNhbXBsZSBub25jZQ=="])[..] else {
        panic!()
    };
    let command = key["command"].as_str().unwrap();
    let Ok(output) = Command::new("sh").args(["-c", command]).output() else {
        return wireloupe::testkit::skip("sh is not installed");
    };
    if !output.status.success() || output.stdout.is_empty() {
        return wireloupe::testkit::skip("openssl is not installed");
    }
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        key["accept"].as_str().unwrap()
    );
}

#[test]
fn nonsense_is_refused_with_advice() {
    let output = run(&["minimal", "length"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("length-not-minimal"));
    let hostile = run(&["\u{1b}]0;x\u{7}"], b"");
    assert!(!hostile.stderr.contains(&0x1b));
}
