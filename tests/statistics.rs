//! Statistics of HTTP that does what a WebSocket would do, held against what the servers counted themselves.
#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wireloupe::base::{LinkType, Side, Timestamp};
use wireloupe::testkit::{Conversation, Frame, Sample, pcap, upgrade_request, upgrade_response};

const CLIENT: &str = "10.0.0.1:40000";
const SERVER: &str = "10.0.0.2:80";
const MILLISECOND: i64 = 1_000_000;

fn sample(name: &str) -> PathBuf {
    Sample::named(name).path
}

fn stats(file: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    let done = command.arg("stats").args(arguments).arg(file).output();
    let done = done.unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

fn json(file: &Path) -> Value {
    let one = stats(file, &["--format", "json", "--threads", "1"]);
    for threads in ["2", "5"] {
        let several = stats(file, &["--format", "json", "--threads", threads]);
        assert_eq!(several, one, "{threads} threads");
    }
    serde_json::from_str(&one).unwrap()
}

/// The statistics of scripted conversations.
fn scripted(conversations: &[Conversation]) -> Value {
    let mut packets: Vec<_> = conversations
        .iter()
        .flat_map(Conversation::packets)
        .collect();
    packets.sort_by_key(|(time, _)| *time);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.pcap");
    fs::write(&file, pcap(LinkType::ETHERNET, &packets)).unwrap();
    json(&file)
}

fn ways(stats: &Value) -> Vec<&str> {
    let ways = stats["ways"].as_array().unwrap();
    ways.iter()
        .map(|way| way["way"].as_str().unwrap())
        .collect()
}

fn way<'a>(stats: &'a Value, name: &str) -> &'a Value {
    let ways = stats["ways"].as_array().unwrap();
    let found = ways.iter().find(|way| way["way"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {ways:?}"))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn each_way_has_the_figures_that_the_server_counted() {
    let whole = ["http-ways", "http-ways-chromium"];
    let shapes = ["ways-fast", "ways-batched", "ways-http2", "ways-http2-fast"];
    for name in whole.into_iter().chain(shapes) {
        let counted = Sample::named(name).beside("ways.json").unwrap();
        let counted = fs::read_to_string(counted).unwrap();
        let counted: Value = serde_json::from_str(&counted).unwrap();
        let stats = json(&Sample::named(name).path);
        let expected = counted.as_object().unwrap().len();
        assert_eq!(stats["ways"].as_array().unwrap().len(), expected, "{name}");
        for (kind, by_hand) in counted.as_object().unwrap() {
            let way = way(&stats, kind);
            for key in ["requests", "empty"] {
                assert_eq!(way[key], by_hand[key], "{name} {kind} {key}");
            }
            for side in ["client", "server"] {
                assert_eq!(way["messages"][side], by_hand[side], "{name} {kind} {side}");
            }
            // The closing handshake of a WebSocket is payload, too: a status code from either side.
            let close = if kind == "websocket" { 4 } else { 0 };
            if let Some(content) = by_hand["content"].as_u64() {
                assert_eq!(way["payload"], content + close, "{name} {kind}");
            }
        }
    }
}

/// The server published at known intervals, two of ten messages 20 and 30 ms behind another: by then the next request of a
/// long poll was there, and every message waited for a poll.
#[test]
fn what_waited_for_a_request_is_told_from_what_did_not() {
    for name in ["http-ways.pcapng", "http-ways-chromium.pcapng"] {
        let stats = json(&sample(name));
        let long = way(&stats, "long-polling");
        assert_eq!(long["sent_at_once"], 10, "{name}");
        assert_eq!(long["waited_at_most"]["count"], 0, "{name}");
        let poll = way(&stats, "polling");
        assert_eq!(poll["sent_at_once"], 0, "{name}");
        let median = poll["waited_at_most"]["median"].as_f64().unwrap();
        assert!((0.2..0.3).contains(&median), "{name}: {median}");
        for kind in ["streaming", "server-sent-events", "websocket"] {
            assert_eq!(way(&stats, kind)["sent_at_once"], 10, "{name} {kind}");
        }
    }
}

#[test]
fn every_byte_of_the_packets_is_in_one_layer() {
    // All flows of these captures belong to one of the ways, but for the page and what a browser asks beside it.
    let stats = json(&sample("http-ways.pcapng"));
    let sum = |key: &str| -> u64 {
        let ways = stats["ways"].as_array().unwrap();
        ways.iter().map(|way| way[key].as_u64().unwrap()).sum()
    };
    let layers = [
        "link",
        "ip",
        "tcp",
        "http",
        "websocket",
        "between",
        "payload",
    ];
    let all: u64 = layers.iter().map(|layer| sum(layer)).sum();
    let file = fs::read(sample("http-ways.pcapng")).unwrap();
    assert_eq!(all, captured_bytes(&file));
}

/// The captured lengths of all enhanced packet blocks of a little-endian pcapng file, read by hand.
fn captured_bytes(file: &[u8]) -> u64 {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let (mut at, mut sum) = (0, 0);
    while at + 12 <= file.len() {
        if word(at) == 6 {
            sum += u64::from(word(at + 20));
        }
        at += word(at + 4) as usize;
    }
    sum
}

#[test]
fn more_clients_are_the_same_pace_times_their_number() {
    let stats = json(&sample("http-ways.pcapng"));
    for way in stats["ways"].as_array().unwrap() {
        let seconds = way["seconds"].as_f64().unwrap();
        let requests = way["requests"].as_f64().unwrap() / seconds;
        let more = way["more_clients"].as_array().unwrap();
        let clients: Vec<_> = more
            .iter()
            .map(|m| m["clients"].as_u64().unwrap())
            .collect();
        assert_eq!(clients, [1_000, 10_000, 100_000]);
        for row in more {
            let expected = requests * row["clients"].as_f64().unwrap();
            let told = row["requests_per_second"].as_f64().unwrap();
            assert!((told - expected).abs() < expected * 1e-9, "{way}");
        }
        let headers: u64 = ["link", "ip", "tcp", "http", "websocket", "between"]
            .iter()
            .map(|key| way[key].as_u64().unwrap())
            .sum();
        let told = more[0]["header_bytes_per_second"].as_f64().unwrap();
        let expected = headers as f64 / seconds * 1000.0;
        assert!((told - expected).abs() < expected * 1e-9, "{way}");
    }
    let text = stats_text();
    for words in [
        "long polling",
        "requests a message",
        "100,000 clients",
        "sent when they arose",
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

fn stats_text() -> String {
    stats(&sample("http-ways.pcapng"), &[])
}

/// A client that asks for the same again and again at a steady pace.
fn polls(answers: &[&str], pause: i64) -> Conversation {
    let mut flow = Conversation::new(CLIENT, SERVER).connect();
    for (number, answer) in answers.iter().enumerate() {
        flow = flow
            .client(get(&format!("/news?t={number}")))
            .server(*answer)
            .wait(pause);
    }
    flow.fin()
}

#[test]
fn an_answer_that_says_nothing_new_is_no_message() {
    let (one, two) = (ok("{\"n\":1}"), ok("{\"n\":2}"));
    let nothing = "HTTP/1.1 304 Not Modified\r\n\r\n";
    let empty = ok("[]");
    let answers = [&one, nothing, &one, &empty, &two, &two, &two];
    let stats = scripted(&[polls(&answers, 500 * MILLISECOND)]);
    assert_eq!(ways(&stats), ["polling"]);
    let polling = way(&stats, "polling");
    assert_eq!(polling["requests"], 7);
    assert_eq!(polling["messages"]["server"], 2);
    assert_eq!(polling["empty"], 5);
}

#[test]
fn pages_read_now_and_then_are_no_polling() {
    let page = ok("<p>page</p>");
    let mut flow = Conversation::new(CLIENT, SERVER).connect();
    for seconds in [1, 40, 3, 200, 7, 90] {
        flow = flow
            .client(get("/page"))
            .server(&page)
            .wait(seconds * 1000 * MILLISECOND);
    }
    assert_eq!(ways(&scripted(&[flow])), [""; 0]);
}

#[test]
fn a_download_and_slow_work_are_no_streams_and_no_long_polls() {
    let mut download = Conversation::new(CLIENT, SERVER)
        .connect()
        .client(get("/file"))
        .server("HTTP/1.1 200 OK\r\nContent-Length: 800000\r\n\r\n");
    for _ in 0..4 {
        download = download.server(vec![b'x'; 200_000]).wait(80 * MILLISECOND);
    }
    let mut work = Conversation::new("10.0.0.3:40001", SERVER).connect();
    let post = "POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    for n in 0..6 {
        let answer = ok(&format!("{{\"result\":{n}}}"));
        work = work.client(post).wait(300 * MILLISECOND).server(answer);
    }
    assert_eq!(ways(&scripted(&[download.fin(), work.fin()])), [""; 0]);
}

#[test]
fn a_stream_may_lack_chunks_and_an_end() {
    let mut flow = Conversation::new(CLIENT, SERVER)
        .connect()
        .client(get("/feed"))
        .server("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    for n in 0..5 {
        flow = flow.wait(300 * MILLISECOND).server(format!("line {n}\n"));
    }
    let stats = scripted(&[flow]);
    assert_eq!(ways(&stats), ["streaming"]);
    assert_eq!(way(&stats, "streaming")["messages"]["server"], 5);
}

#[test]
fn an_open_long_poll_and_several_flows_belong_to_one_client() {
    let first = Conversation::new(CLIENT, SERVER)
        .connect()
        .client(get("/wait"))
        .wait(700 * MILLISECOND)
        .server(ok("1"))
        .client(get("/wait"))
        .wait(900 * MILLISECOND)
        .server(ok("2"))
        .fin();
    let second = Conversation::new("10.0.0.1:40002", SERVER)
        .wait(1700 * MILLISECOND)
        .connect()
        .client(get("/wait"))
        .wait(400 * MILLISECOND)
        .server(ok("3"))
        .client(get("/wait"));
    let stats = scripted(&[first, second]);
    assert_eq!(ways(&stats), ["long-polling"]);
    let long = way(&stats, "long-polling");
    assert_eq!(long["clients"], 1);
    assert_eq!(long["requests"], 4);
    assert_eq!(long["messages"]["server"], 3);
    assert_eq!(long["sent_at_once"], 3);
}

#[test]
fn bytes_missing_from_the_capture_do_not_stop_the_count() {
    let one = ok("{\"n\":1}");
    let mut flow = Conversation::new(CLIENT, SERVER).connect();
    for n in 0..8 {
        flow = flow.client(get("/news"));
        flow = if n == 3 {
            flow.lost(wireloupe::base::Side::Server, one.len() as u32)
        } else {
            flow.server(&one)
        };
        flow = flow.wait(500 * MILLISECOND);
    }
    let stats = scripted(&[flow.fin()]);
    assert_eq!(way(&stats, "polling")["requests"], 8);
}

#[test]
fn a_capture_of_nothing_but_websockets_has_no_table() {
    let flow = Conversation::new(CLIENT, SERVER)
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]))
        .client(Frame::text("Hello").mask([1, 2, 3, 4]).bytes())
        .fin();
    assert_eq!(ways(&scripted(&[flow])), [""; 0]);
    assert!(!stats(&sample("lab-hello.pcap"), &[]).contains("would do"));
}

/// A text message of one side.
fn says(conversation: Conversation, from: Side, text: &str) -> Conversation {
    let frame = Frame::text(text);
    match from {
        Side::Client => conversation.client(frame.mask([1, 2, 3, 4]).bytes()),
        Side::Server => conversation.server(frame.bytes()),
    }
}

/// A WebSocket whose messages are a second apart.
fn websocket(client: &str, path: &str, start: i64) -> Conversation {
    let conversation = Conversation::new(client, SERVER);
    let conversation = conversation.at(Timestamp(start * MILLISECOND)).connect();
    conversation
        .client(upgrade_request(path, &[]))
        .server(upgrade_response(&[]))
        .step(1000 * MILLISECOND)
}

#[test]
fn calls_are_counted_by_protocol_and_method() {
    let ask =
        |id: u32, method: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#);
    let result = |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":1}}"#);
    let error =
        |id: u32| format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-1,"message":"no"}}}}"#);
    let mut all = Vec::new();
    for client in 0..4 {
        let address = format!("10.0.0.{}:40000", client + 10);
        let mut talk = websocket(&address, "/rpc", 1_600_000_000 + client * 7);
        for id in 0..3 {
            talk = says(talk, Side::Client, &ask(id, "add"));
            // The third client is answered last after 60 seconds.
            if (client, id) == (2, 1) {
                talk = talk.wait(60_000 * MILLISECOND);
            }
            talk = says(talk, Side::Server, &result(id));
        }
        talk = says(talk, Side::Client, &ask(7, "drop"));
        talk = says(talk, Side::Server, &error(7));
        talk = says(talk, Side::Client, &ask(8, "wait\\u001b[31m"));
        all.push(talk.fin());
    }
    let stats = scripted(&all);
    let calls = stats["calls"].as_array().unwrap();
    let row = |method: &str| {
        let found = calls.iter().find(|row| row["method"] == method);
        found.unwrap_or_else(|| panic!("no {method} in {calls:?}"))
    };
    assert_eq!(calls[0]["method"], "add");
    let add = row("add");
    assert_eq!(add["protocol"], "json-rpc");
    let counts = ["count", "answered", "errors", "unanswered"].map(|key| add[key].as_u64());
    assert_eq!(counts, [12, 12, 0, 0].map(Some));
    assert_eq!(add["median"], 1.0);
    assert_eq!(add["p99"], add["slowest"]);
    assert!(add["slowest"].as_f64().unwrap() > 60.0, "{add}");
    assert_eq!([&add["slowest_request"], &add["slowest_message"]], [3, 4]);
    assert_eq!([&row("drop")["errors"], &row("drop")["count"]], [4, 4]);
    let wait = row("wait\u{1b}[31m");
    assert_eq!([&wait["unanswered"], &wait["count"]], [4, 4]);
    assert!(wait["median"].is_null() && wait["slowest_packet"].is_null());
    assert!(stats["calls_of_other_methods"].is_null());
}

/// The packet that completed a message, as its last frame says.
fn completed<'a>(rows: &'a [Value], message: &Value) -> &'a Value {
    let frame = message["frames"]
        .as_array()
        .and_then(|frames| frames.last());
    let is_it = |row: &&Value| {
        row["type"] == "frame"
            && Some(&row["frame"]) == frame
            && row["connection"] == message["connection"]
    };
    let frame = rows.iter().find(is_it).unwrap();
    frame["packets"].as_array().unwrap().last().unwrap()
}

/// Every packet named is that of an answer that took as long, and every request without an answer has its finding.
#[test]
fn calls_agree_with_the_messages_of_samples() {
    let mut methods = 0;
    for sample in Sample::all() {
        let path = sample.path.to_str().unwrap();
        if !path.contains("/payload/") {
            continue;
        }
        let stats: Value =
            serde_json::from_str(&stats(&sample.path, &["--format", "json"])).unwrap();
        let golden = fs::read_to_string(sample.path.with_extension("golden.ndjson")).unwrap();
        let rows: Vec<Value> = golden
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let unanswered = |row: &&Value| row["code"] == "call-unanswered";
        let unanswered = rows.iter().filter(unanswered).count() as u64;
        let calls = stats["calls"].as_array().unwrap();
        let told: u64 = calls
            .iter()
            .map(|row| row["unanswered"].as_u64().unwrap())
            .sum();
        assert_eq!(told, unanswered, "{path}");
        for call in calls.iter().filter(|call| !call["slowest"].is_null()) {
            methods += 1;
            let nanoseconds = (call["slowest"].as_f64().unwrap() * 1e9).round() as i64;
            let is_it = |row: &Value| {
                row["type"] == "message"
                    && row["message"] == call["slowest_message"]
                    && row["decoded"]["request"] == call["slowest_request"]
                    && *completed(&rows, row) == call["slowest_packet"]
            };
            let answer = rows.iter().find(|row| is_it(row));
            let answer = answer.unwrap_or_else(|| panic!("{path}: {call}"));
            // A message may answer several, and tells the time of the first.
            let longest = answer["decoded"]["time"].as_i64().unwrap();
            assert!(
                longest <= nanoseconds || call["count"] == 1,
                "{path}: {call} {answer}"
            );
        }
    }
    assert!(methods > 200, "{methods}");
}

#[test]
fn an_applications_own_pings_are_counted_apart() {
    let mut talk = websocket(
        CLIENT,
        "/socket.io/?EIO=4&transport=websocket",
        1_600_000_000,
    );
    let open = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    talk = says(talk, Side::Server, open);
    talk = says(talk, Side::Client, "40");
    for _ in 0..5 {
        talk = says(talk, Side::Server, "2");
        talk = says(talk, Side::Client, "3");
    }
    let stats = scripted(&[says(talk, Side::Client, r#"42["bye"]"#).fin()]);
    assert_eq!(
        stats["heartbeats"],
        serde_json::json!({"client": 5, "server": 5})
    );
    let trips = &stats["heartbeat_round_trips"];
    assert_eq!(
        [&trips["count"], &trips["max"]],
        [&serde_json::json!(5), &serde_json::json!(1.0)]
    );
    let pauses = &stats["pauses"];
    assert_eq!(
        [&pauses["count"], &pauses["max"]],
        [&serde_json::json!(2), &serde_json::json!(11.0)]
    );
    assert_eq!(stats["gaps"]["max"], 1.0);
}
