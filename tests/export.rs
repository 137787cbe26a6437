//! Every output format on the bundled samples, through the command line, read back by other programs' rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use wireloupe::base::LinkType;
use wireloupe::testkit::{Conversation, Frame, Sample, pcap, upgrade_request, upgrade_response};

fn sample(name: &str) -> PathBuf {
    Sample::named(name).path
}

fn wireloupe(args: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(args)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(args: &[&str], file: &Path) -> String {
    let output = wireloupe(args, file);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn lines_of(ndjson: &str, kind: &str) -> Vec<Value> {
    ndjson
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|value| value["type"] == kind)
        .collect()
}

const SAMPLES: [&str; 6] = [
    "lab-hello.pcap",
    "ws-deflate-fragments.pcapng",
    "websockets-subprotocols.pcapng",
    "squid-authentication.pcapng",
    "masked-server.pcapng",
    "dropped-packets.pcap",
];

#[test]
fn tsv_has_what_ndjson_has() {
    for name in SAMPLES {
        let file = sample(name);
        let frames = lines_of(
            &text(&["read", "--format", "ndjson", "--show", "all"], &file),
            "frame",
        );
        let tsv = text(
            &[
                "read",
                "--format",
                "tsv",
                "-e",
                "connection",
                "-e",
                "websocket.number",
                "-e",
                "websocket.opcode",
                "-e",
                "websocket.payload_length",
                "-e",
                "from",
            ],
            &file,
        );
        let rows: Vec<Vec<&str>> = tsv.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(rows.len(), frames.len(), "{name}");
        for (row, frame) in rows.iter().zip(&frames) {
            let expected = ["connection", "frame", "opcode", "payload_length"]
                .map(|key| frame[key].to_string());
            assert_eq!(row[..4], expected, "{name}");
            assert_eq!(row[4], frame["from"].as_str().unwrap());
        }
    }
}

#[test]
fn csv_reads_back_with_its_header() {
    for name in SAMPLES {
        for show in ["frames", "messages", "connections", "findings", "all"] {
            let csv = text(&["read", "--format", "csv", "--show", show], &sample(name));
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let width = reader.headers().unwrap().len();
            for record in reader.records() {
                assert_eq!(record.unwrap().len(), width, "{name} {show}");
            }
        }
    }
}

#[test]
fn the_header_line_is_as_asked() {
    let file = sample("lab-hello.pcap");
    let first = |args: &[&str]| text(args, &file).lines().next().unwrap().to_owned();
    let tsv = ["read", "--format", "tsv", "-e", "frame.number"];
    assert_eq!(first(&tsv), "8");
    assert_eq!(first(&[&tsv[..], &["--header"]].concat()), "frame.number");
    let csv = ["read", "--format", "csv", "-e", "frame.number"];
    assert_eq!(first(&csv), "frame.number");
    assert_eq!(first(&[&csv[..], &["--header=false"]].concat()), "8");
    assert!(first(&["read", "--format", "tsv"]).starts_with("frame.number\t"));
}

#[test]
fn columns_and_filters_choose_the_kind_of_rows() {
    let file = sample("lab-hello.pcap");
    let messages = text(&["read", "--format", "tsv", "-e", "message.text"], &file);
    assert_eq!(messages, "Hello\nHello\n");
    let found = text(&["read", "-Y", "finding"], &sample("masked-server.pcapng"));
    assert!(found.contains("server-frame-masked"));
}

#[test]
fn an_unknown_column_names_the_nearest() {
    let output = wireloupe(
        &["read", "--format", "csv", "-e", "websocket.opcde"],
        &sample("lab-hello.pcap"),
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("websocket.opcode"));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_document_holds_the_objects_of_ndjson() {
    for name in SAMPLES {
        let file = sample(name);
        let ndjson = text(&["read", "--format", "ndjson", "--show", "all"], &file);
        let document: Value =
            serde_json::from_str(&text(&["read", "--format", "json"], &file)).unwrap();
        for kind in ["connection", "message", "frame", "finding"] {
            let array = document[format!("{kind}s")].as_array().unwrap();
            assert_eq!(*array, lines_of(&ndjson, kind), "{name} {kind}");
        }
        assert_eq!(
            document["capture"]["packets"],
            lines_of(&ndjson, "capture")[0]["packets"]
        );
    }
}

/// What HAR 1.2 wants of an entry, and what Chrome adds.
#[test]
fn a_websocket_over_http2_over_tls_is_wss() {
    let sample = Sample::named("h2-tls");
    let keys = sample.keys().unwrap();
    let keys = keys.to_str().unwrap();
    let har = text(&["read", "--format", "har", "--keylog", keys], &sample.path);
    let har: Value = serde_json::from_str(&har).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    assert!(!entries.is_empty());
    for entry in entries {
        let url = entry["request"]["url"].as_str().unwrap();
        assert!(url.starts_with("wss://"), "{url}");
    }
}

#[test]
fn har_has_every_member_the_format_wants() {
    for name in SAMPLES {
        let file = sample(name);
        let har: Value = serde_json::from_str(&text(&["read", "--format", "har"], &file)).unwrap();
        assert_eq!(har["log"]["version"], "1.2");
        assert!(har["log"]["creator"]["name"].is_string());
        let ndjson = text(&["read", "--format", "ndjson", "--show", "all"], &file);
        let entries = har["log"]["entries"].as_array().unwrap();
        assert_eq!(
            entries.len(),
            lines_of(&ndjson, "connection").len(),
            "{name}"
        );
        let mut shown = 0;
        for entry in entries {
            let (request, response) = (&entry["request"], &entry["response"]);
            for value in [
                &entry["startedDateTime"],
                &request["method"],
                &request["url"],
            ] {
                assert!(value.is_string(), "{name}");
            }
            for head in [request, response] {
                assert!(head["httpVersion"].is_string());
                assert!(head["cookies"].is_array() && head["headers"].is_array());
                assert!(head["headersSize"].is_i64() && head["bodySize"].is_i64());
            }
            assert!(request["queryString"].is_array() && response["status"].is_u64());
            assert!(response["content"]["size"].is_u64() && response["redirectURL"].is_string());
            assert!(entry["time"].is_f64() && entry["cache"].is_object());
            for part in ["send", "wait", "receive"] {
                assert!(entry["timings"][part].is_number());
            }
            assert_eq!(entry["_resourceType"], "websocket");
            for message in entry["_webSocketMessages"].as_array().unwrap() {
                assert!(["send", "receive"].contains(&message["type"].as_str().unwrap()));
                assert!(message["time"].is_f64() && message["data"].is_string());
                assert!([1, 2].contains(&message["opcode"].as_u64().unwrap()));
                shown += 1;
            }
        }
        let messages = lines_of(&ndjson, "message");
        let data = |m: &&Value| m["kind"] == "text" || m["kind"] == "binary";
        assert_eq!(shown, messages.iter().filter(data).count(), "{name}");
    }
}

#[test]
fn connections_are_found_by_their_number() {
    let file = sample("websockets-subprotocols.pcapng");
    let all = text(&["read", "--format", "ndjson", "--show", "all"], &file);
    let frames = lines_of(&all, "frame");
    for number in 1..=lines_of(&all, "connection").len() {
        let filter = format!("connection == {number}");
        for threads in ["1", "3"] {
            let args = [
                "read",
                "--format",
                "ndjson",
                "--threads",
                threads,
                "-Y",
                &filter,
            ];
            let expected: Vec<_> = frames
                .iter()
                .filter(|f| f["connection"] == number)
                .collect();
            let shown = lines_of(&text(&args, &file), "frame");
            assert_eq!(shown.iter().collect::<Vec<_>>(), expected);
        }
    }
    let piped = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(["read", "-Y", "connection == 1", "-"])
        .stdin(fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert!(piped.status.success() && !piped.stdout.is_empty());
}

#[test]
fn follow_shows_both_sides_and_raw_one() {
    let file = sample("ws-deflate-fragments.pcapng");
    let ndjson = text(&["read", "--format", "ndjson", "--show", "all"], &file);
    let shown = text(&["follow", "--connection", "1"], &file);
    assert!(shown.contains("client → server") && shown.contains("server → client"));
    assert!(!shown.contains('\x1b'));
    for side in ["client", "server"] {
        let raw = wireloupe(&["follow", "--connection", "1", "--raw", side], &file).stdout;
        let expected: Vec<u8> = lines_of(&ndjson, "message")
            .iter()
            .filter(|m| m["from"] == side && m["connection"] == 1 && m["text"].is_string())
            .flat_map(|m| m["text"].as_str().unwrap().as_bytes().to_vec())
            .collect();
        assert_eq!(raw, expected, "{side}");
    }
    let none = wireloupe(&["follow", "--connection", "99"], &file);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn extract_writes_each_message_once_and_never_over_others() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("out");
    let file = sample("ws-deflate-fragments.pcapng");
    let args = ["extract", "-o", into.to_str().unwrap()];
    text(&args, &file);
    let index = fs::read_to_string(into.join("index.ndjson")).unwrap();
    let mut names = BTreeSet::from(["index.ndjson".to_owned()]);
    for line in index.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = line["file"].as_str().unwrap().to_owned();
        let data = fs::read(into.join(&name)).unwrap();
        assert_eq!(line["length"].as_u64(), Some(data.len() as u64));
        assert!(names.insert(name));
    }
    let there: BTreeSet<String> = fs::read_dir(&into)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, names);
    assert_eq!(wireloupe(&args, &file).status.code(), Some(2));
    assert!(
        wireloupe(&[&args[..], &["--force"]].concat(), &file)
            .status
            .success()
    );
}

#[test]
fn packets_written_are_read_with_the_same_frames() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "masked-server.pcapng",
        "websockets-ipv6.pcapng",
        "any-device-sll2.pcap",
    ] {
        let out = folder.path().join(name).with_extension("out.pcapng");
        let file = sample(name);
        text(
            &["read", "-w", out.to_str().unwrap(), "-Y", "websocket"],
            &file,
        );
        let frames = [
            "read",
            "--format",
            "tsv",
            "-e",
            "websocket.number",
            "-e",
            "websocket.opcode",
            "-e",
            "websocket.payload",
        ];
        assert_eq!(text(&frames, &out), text(&frames, &file), "{name}");
        let again = wireloupe(&["read", "-w", out.to_str().unwrap()], &file);
        assert_eq!(again.status.code(), Some(2), "overwritten");
    }
    let first = fs::read(folder.path().join("masked-server.out.pcapng")).unwrap();
    let comment = b"server-frame-masked";
    assert!(first.windows(comment.len()).any(|part| part == comment));
}

#[test]
fn an_existing_output_stays_and_a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.csv");
    fs::write(&out, "mine").unwrap();
    let args = ["read", "--format", "csv", "-o", out.to_str().unwrap()];
    let file = sample("lab-hello.pcap");
    assert_eq!(wireloupe(&args, &file).status.code(), Some(2));
    assert_eq!(fs::read_to_string(&out).unwrap(), "mine");
    assert!(
        wireloupe(&[&args[..], &["--force"]].concat(), &file)
            .status
            .success()
    );
    assert!(
        fs::read_to_string(&out)
            .unwrap()
            .starts_with("frame.number,")
    );
    for format in ["csv", "json", "har"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
            .args(["read", "--format", format])
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{format}");
    }
}

/// Secrets in every place one can be; none of them may come out anywhere.
const SECRETS: [&str; 9] = [
    "C00KIE-VALUE",
    "BEARER-VALUE",
    "QUERY-VALUE",
    "SIGNATURE-VALUE",
    "SUBPROTOCOL-VALUE",
    "JSON-VALUE",
    "PLAIN-VALUE",
    "REASON-VALUE",
    "PING-VALUE",
];

fn capture_of_secrets(folder: &Path) -> PathBuf {
    let request = upgrade_request(
        "/chat?access_token=QUERY-VALUE&sig=SIGNATURE-VALUE&x=1",
        &[
            ("Cookie", "sid=C00KIE-VALUE"),
            ("Authorization", "Bearer BEARER-VALUE"),
            ("Sec-WebSocket-Protocol", "access_token, SUBPROTOCOL-VALUE"),
        ],
    );
    let response = upgrade_response(&[
        ("Set-Cookie", "sid=C00KIE-VALUE; Path=/"),
        ("Sec-WebSocket-Protocol", "SUBPROTOCOL-VALUE"),
    ]);
    let mut reason = vec![3, 232];
    reason.extend_from_slice(b"REASON-VALUE");
    let mask = [1, 2, 3, 4];
    let packets = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .connect()
        .client(request)
        .server(response)
        .client(
            Frame::text("{\"password\":\"JSON-VALUE\"}")
                .mask(mask)
                .bytes(),
        )
        .server(Frame::text("login PLAIN-VALUE").bytes())
        .client(Frame::ping("PING-VALUE").mask(mask).bytes())
        .server(Frame::new(8, reason).bytes())
        .fin()
        .packets();
    let file = folder.join("secrets.pcap");
    fs::write(&file, pcap(LinkType::ETHERNET, &packets)).unwrap();
    file
}

#[test]
fn redaction_leaves_no_secret_in_any_format() {
    let folder = tempfile::tempdir().unwrap();
    let file = capture_of_secrets(folder.path());
    let mut seen = BTreeSet::new();
    let mut check = |name: &str, shown: &str, redacted: &str| {
        for secret in SECRETS {
            if shown.contains(secret) {
                seen.insert(secret);
            }
            assert!(
                !redacted.contains(secret),
                "{secret} in {name}:\n{redacted}"
            );
        }
    };
    for format in ["text", "detail", "ndjson", "json", "csv", "tsv", "har"] {
        let args = [
            "read",
            "--format",
            format,
            "--show",
            "all",
            "--payload",
            "-x",
        ];
        let redacted = text(&[&args[..], &["--redact"]].concat(), &file);
        check(format, &text(&args, &file), &redacted);
    }
    let fields = [
        "read",
        "--format",
        "tsv",
        "--show",
        "all",
        "-e",
        "http.cookie",
        "-e",
        "http.authorization",
        "-e",
        "http.request.uri",
        "-e",
        "http.set_cookie",
        "-e",
        "subprotocol",
        "-e",
        "http.request.line",
        "-e",
        "json.password",
        "-e",
        "message.text",
        "-e",
        "websocket.payload.text",
        "-e",
        "close.reason",
    ];
    let redacted = text(&[&fields[..], &["--redact"]].concat(), &file);
    check("columns", &text(&fields, &file), &redacted);
    let follow = ["follow", "--control"];
    let redacted = text(&[&follow[..], &["--redact"]].concat(), &file);
    check("follow", &text(&follow, &file), &redacted);
    assert!(redacted.contains("{\"password\":\"**********\"}"));
    assert_eq!(
        seen.len(),
        SECRETS.len(),
        "shown without --redact: {seen:?}"
    );
    let output = folder.path().join("x.pcapng");
    let refused = wireloupe(&["read", "--redact", "-w", output.to_str().unwrap()], &file);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn statistics_agree_with_the_rows_whatever_the_threads() {
    for name in SAMPLES {
        let file = sample(name);
        let ndjson = text(&["read", "--format", "ndjson", "--show", "all"], &file);
        let one = text(&["stats", "--format", "json", "--threads", "1"], &file);
        assert_eq!(
            one,
            text(&["stats", "--format", "json", "--threads", "3"], &file)
        );
        let stats: Value = serde_json::from_str(&one).unwrap();
        assert_eq!(stats["connections"], lines_of(&ndjson, "connection").len());
        let frames = lines_of(&ndjson, "frame");
        assert_eq!(stats["frames"], frames.len(), "{name}");
        let sum = |key: &str| -> u64 { frames.iter().map(|f| f[key].as_u64().unwrap()).sum() };
        assert_eq!(stats["overhead"]["websocket"], sum("header_length"));
        assert_eq!(stats["overhead"]["payload"], sum("captured_length"));
        let told: u64 = stats["findings"]
            .as_object()
            .unwrap()
            .values()
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(told as usize, lines_of(&ndjson, "finding").len(), "{name}");
        let rate: u64 = stats["rate"]["frames"]
            .as_array()
            .unwrap()
            .iter()
            .map(|count| count.as_u64().unwrap())
            .sum();
        assert_eq!(rate as usize, frames.len());
        assert!(text(&["stats"], &file).contains("Overhead: "));
    }
}

/// Headers of one known conversation, counted by hand.
#[test]
fn overhead_is_what_the_packets_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = capture_of_secrets(folder.path());
    let stats: Value = serde_json::from_str(&text(&["stats", "--format", "json"], &file)).unwrap();
    let bytes = fs::metadata(&file).unwrap().len();
    let overhead = |key: &str| stats["overhead"][key].as_u64().unwrap();
    // A pcap file has 24 bytes of its own and 16 a packet; Ethernet has 14, IPv4 20.
    let packets = (bytes - 24 - overhead("tcp_payload") - overhead("tcp")) / (16 + 14 + 20);
    assert_eq!(overhead("packets"), packets);
    assert_eq!(overhead("link"), packets * 14);
    assert_eq!(overhead("ip"), packets * 20);
    assert_eq!(
        overhead("tcp_payload"),
        overhead("http") + overhead("websocket") + overhead("payload")
    );
}

#[test]
fn heartbeats_are_hidden_on_request_and_summaries_are_comments() {
    let file = sample("socketio4-websocket");
    let messages = |arguments: &[&str]| {
        let all = ["read", "--show", "messages", "--format", "ndjson"];
        let ndjson = text(&[&all, arguments].concat(), &file);
        lines_of(&ndjson, "message")
    };
    let all = messages(&[]);
    let is_beat = |row: &&Value| {
        let kind = &row["decoded"]["fields"]["engineio.type"];
        (kind == "ping" || kind == "pong") && row["decoded"]["fields"]["engineio.probe"].is_null()
    };
    let beats = all.iter().filter(is_beat).count();
    assert!(beats > 0);
    let shown = messages(&["--hide-heartbeats"]);
    assert_eq!(shown.len(), all.len() - beats);
    assert_eq!(shown.iter().filter(is_beat).count(), 0);
    let har: Value = serde_json::from_str(&text(&["read", "--format", "har"], &file)).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    let comments: Vec<&Value> = entries
        .iter()
        .flat_map(|entry| entry["_webSocketMessages"].as_array().unwrap())
        .map(|message| &message["comment"])
        .collect();
    let mut summaries = all.iter().filter(|row| row["kind"] != "close");
    // Both are in the order of the connection; the archive has one connection behind another.
    assert!(summaries.all(|row| comments.contains(&&row["decoded"]["summary"])));
    assert!(comments.iter().all(|comment| comment.is_string()));
    let follow = text(&["follow", "--connection", "1"], &file);
    assert!(follow.contains("\nengine.io > socket.io: "), "{follow}");
}
