//! `wireloupe split`: the parts of a capture say what the whole says, number for number.
#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value};
use tempfile::TempDir;
use wireloupe::base::LinkType;
use wireloupe::testkit::{Conversation, Frame, Sample, pcap, upgrade_request, upgrade_response};

fn wireloupe(arguments: &[&str], files: &[PathBuf]) -> Vec<u8> {
    let out = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(arguments)
        .args(files)
        .env_remove("SSLKEYLOGFILE")
        .output()
        .unwrap();
    assert!(
        matches!(out.status.code(), Some(0 | 1)),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

/// Splits into `count` parts and gives their paths.
fn split(folder: &Path, count: usize, more: &[&str], files: &[PathBuf]) -> Vec<PathBuf> {
    let (folder_name, number) = (folder.to_str().unwrap(), count.to_string());
    let mut arguments = vec!["split", "--by-flow", &number, "-o", folder_name];
    arguments.extend(more);
    wireloupe(&arguments, files);
    let mut parts: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    parts.sort();
    assert_eq!(parts.len(), count);
    parts
}

fn read(more: &[&str], files: &[PathBuf]) -> Vec<Map<String, Value>> {
    let mut arguments = vec![
        "read",
        "--show",
        "all",
        "--format",
        "ndjson",
        "--threads",
        "1",
    ];
    arguments.extend(more);
    rows(&wireloupe(&arguments, files))
}

fn rows(ndjson: &[u8]) -> Vec<Map<String, Value>> {
    let lines = ndjson.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The rows as lines, without the last one, which is about the files; a connection's number is replaced by who it is
/// between and when it began, since numbers are counted in each part.
fn named(mut rows: Vec<Map<String, Value>>) -> Vec<String> {
    // A part carries the secrets that its flows need; where none does, nothing is said of a key log that lacks one.
    rows.retain(|row| row["type"] != "capture" && row.get("code") != Some(&"tls-no-key".into()));
    let name = |row: &Map<String, Value>| {
        let handshake = &row["handshake"]["request_packet"];
        let text = [&row["client"], &row["server"], &row["opened"], handshake];
        Value::from(text.map(ToString::to_string).join(" "))
    };
    let names: std::collections::HashMap<u64, Value> = rows
        .iter()
        .filter(|row| row["type"] == "connection")
        .map(|row| (row["connection"].as_u64().unwrap(), name(row)))
        .collect();
    for row in &mut rows {
        let number = row.get("connection").and_then(Value::as_u64);
        if let Some(number) = number {
            row["connection"] = names[&number].clone();
        }
    }
    forget_polling(&mut rows);
    let lines = rows.iter().map(|row| serde_json::to_string(row).unwrap());
    lines.collect()
}

/// Takes away what is known of Engine.IO sessions from their polling: that came on other connections, which may be in other
/// parts, or left out.
fn forget_polling(rows: &mut [Map<String, Value>]) {
    for decoded in rows.iter_mut().filter_map(|row| row.get_mut("decoded")) {
        if !decoded["fields"]["engineio.polled"].is_null() {
            *decoded = Value::Null;
        } else if decoded["request"].is_null() && !decoded["time"].is_null() {
            // It answers what was polled.
            decoded["time"] = Value::Null;
        }
    }
}

/// What the parts say one by one, in one order.
fn of_parts(parts: &[PathBuf], more: &[&str]) -> Vec<String> {
    let each = |part: &PathBuf| named(read(more, std::slice::from_ref(part)));
    let mut all: Vec<_> = parts.iter().flat_map(each).collect();
    all.sort();
    all
}

fn same(found: &[String], expected: &[String]) -> Result<(), String> {
    let missing = expected.iter().find(|line| !found.contains(line));
    let extra = found.iter().find(|line| !expected.contains(line));
    match found == expected {
        true => Ok(()),
        false => Err(format!(
            "{} rows instead of {}:\n- {}\n+ {}",
            found.len(),
            expected.len(),
            missing.map_or("", String::as_str),
            extra.map_or("", String::as_str)
        )),
    }
}

#[test]
fn parts_of_every_sample_say_what_the_whole_says() {
    let samples = Sample::all();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(sample) = samples.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = law(sample) {
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{}: {why}", sample.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn law(sample: &Sample) -> Result<(), String> {
    let golden = sample
        .folder()
        .join(format!("{}.golden.ndjson", sample.name));
    let mut expected = named(rows(&fs::read(golden).unwrap()));
    expected.sort();
    let keys = sample.keys();
    let keylog: Vec<&str> = match &keys {
        Some(path) => vec!["--keylog", path.to_str().unwrap()],
        None => Vec::new(),
    };
    let folder = TempDir::new().unwrap();
    // The parts carry the secrets.
    let files = [sample.path.clone()];
    let parts = split(folder.path(), 3, &keylog, &files);
    same(&of_parts(&parts, &[]), &expected)?;
    // Together they are the whole. When the end of a connection shows only as time passes, batches decide where in the order.
    let mut together = named(read(&[], &parts));
    together.sort();
    same(&together, &expected).map_err(|why| format!("together: {why}"))?;
    // What is left out on request says nothing, but for what is found where no connection is.
    let more = [&keylog[..], &["--only-possible"]].concat();
    let kept = split(&folder.path().join("kept"), 1, &more, &files);
    let of_connections = |lines: Vec<String>| -> Vec<String> {
        let is_one = |line: &String| !line.contains("\"connection\":null");
        lines.into_iter().filter(is_one).collect()
    };
    same(
        &of_connections(of_parts(&kept, &[])),
        &of_connections(expected),
    )
    .map_err(|why| format!("with --only-possible: {why}"))
}

/// Conversations side by side, as a sensor would rotate them: cut into files in the middle of everything.
fn rotated(folder: &Path, count: usize) -> (Vec<PathBuf>, PathBuf) {
    let mut all = Vec::new();
    for flow in 0..40u16 {
        let client = format!("10.0.{}.1:{}", flow % 3, 40_000 + flow);
        let mut chat = Conversation::new(&client, "10.0.9.2:80")
            .connect()
            .client(upgrade_request("/chat", &[]))
            .server(upgrade_response(&[]));
        for turn in 0..20 {
            let text = format!("{flow} {turn} {}", "x".repeat(usize::from(flow) * 40));
            chat = chat
                .client(Frame::text(&text).mask([1, 2, 3, 4]).bytes())
                .server(Frame::text("ok").bytes());
        }
        all.extend(chat.fin().packets());
    }
    all.sort_by_key(|(time, _)| *time);
    let write = |name: String, packets: &[_]| {
        let path = folder.join(name);
        fs::write(&path, pcap(LinkType::ETHERNET, packets)).unwrap();
        path
    };
    let whole = write("whole.pcap".to_owned(), &all);
    let pieces = all.chunks(all.len().div_ceil(count)).enumerate();
    let pieces = pieces.map(|(index, piece)| write(format!("rotated-{index:02}.pcap"), piece));
    (pieces.collect(), whole)
}

#[test]
fn rotated_files_become_whole_flows() {
    let folder = TempDir::new().unwrap();
    let (pieces, whole) = rotated(folder.path(), 40);
    assert_eq!(pieces.len(), 40);
    let mut expected = named(read(&[], &[whole]));
    let parts = split(&folder.path().join("parts"), 5, &[], &pieces);
    let connections = |lines: &[String]| {
        lines
            .iter()
            .filter(|line| line.starts_with("{\"type\":\"connection\""))
            .count()
    };
    assert_eq!(connections(&expected), 40);
    assert_eq!(named(read(&[], &parts)), expected);
    expected.sort();
    assert_eq!(of_parts(&parts, &[]), expected);
    // No part has all of them.
    for part in &parts {
        let rows = named(read(&[], std::slice::from_ref(part)));
        assert!(
            (1..30).contains(&connections(&rows)),
            "{}",
            connections(&rows)
        );
    }
}

#[test]
fn a_packet_keeps_its_file_and_its_number_there() {
    let folder = TempDir::new().unwrap();
    let (pieces, _) = rotated(folder.path(), 7);
    let parts = split(&folder.path().join("parts"), 2, &[], &pieces);
    let mut seen = Vec::new();
    for part in parts {
        let bytes = fs::read(part).unwrap();
        let mut at = 0;
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let mut files = Vec::new();
        while at < bytes.len() {
            let block = &bytes[at..at + word(at + 4)];
            let value = |code: u16, from: usize| option(&block[from..block.len() - 4], code);
            match word(at) {
                1 => files.push(String::from_utf8(value(1, 16).unwrap()).unwrap()),
                6 => {
                    let data = word(at + 20).next_multiple_of(4);
                    let number = |code| {
                        let value = value(code, 28 + data).unwrap();
                        u64::from_le_bytes(value.try_into().unwrap())
                    };
                    seen.push((number(5), files[word(at + 8)].clone(), number(0x8577)));
                }
                _ => {}
            }
            at += block.len();
        }
    }
    seen.sort();
    let mut expected = Vec::new();
    for piece in &pieces {
        let count = wireloupe(
            &["read", "--show", "all", "--format", "ndjson"],
            std::slice::from_ref(piece),
        );
        let count = rows(&count).last().unwrap()["packets"].as_u64().unwrap();
        let before = expected.len() as u64;
        let name = piece.display().to_string();
        expected.extend((1..=count).map(|number| (before + number, name.clone(), number)));
    }
    assert_eq!(seen, expected);
}

fn option(mut options: &[u8], code: u16) -> Option<Vec<u8>> {
    while options.len() >= 4 {
        let number = |at: usize| u16::from_le_bytes([options[at], options[at + 1]]);
        let len = usize::from(number(2));
        if number(0) == code {
            return Some(options[4..4 + len].to_vec());
        }
        options = &options[4 + len.next_multiple_of(4)..];
    }
    None
}

/// The lines of a part's secrets.
fn secrets(part: &Path) -> Vec<String> {
    let bytes = fs::read(part).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut lines, mut has_packets) = (0, Vec::new(), false);
    while at < bytes.len() {
        match word(at) {
            6 => has_packets = true,
            10 => {
                assert!(!has_packets, "secrets stand in front of packets");
                let text = std::str::from_utf8(&bytes[at + 16..at + 16 + word(at + 12)]).unwrap();
                lines.extend(text.lines().map(str::to_owned));
            }
            _ => {}
        }
        at += word(at + 4);
    }
    lines
}

#[test]
fn secrets_go_where_their_sessions_are() {
    let folder = TempDir::new().unwrap();
    let samples = [
        "wss-chromium",
        "wss-secrets-inside",
        "wss-resumption-tls13-psk",
    ];
    let samples = samples.map(Sample::named);
    let files = samples.clone().map(|sample| sample.path);
    let log = folder.path().join("keys.txt");
    let stranger = format!("CLIENT_RANDOM {} {}\n", "5a".repeat(32), "a5".repeat(48));
    let logs = samples.iter().filter_map(Sample::keys);
    let mut text: String = logs.map(|log| fs::read_to_string(log).unwrap()).collect();
    text.push_str(&stranger);
    fs::write(&log, text).unwrap();
    let keylog = ["--keylog", log.to_str().unwrap()];
    let parts = split(&folder.path().join("parts"), 8, &keylog, &files);
    let mut expected = named(read(&keylog, &files));
    expected.sort();
    same(&of_parts(&parts, &[]), &expected).unwrap();
    let all: Vec<_> = parts.iter().flat_map(|part| secrets(part)).collect();
    assert!(all.len() > 8, "{}", all.len());
    assert!(!all.iter().any(|line| line.contains("5a5a5a")));
    let once: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(once.len(), all.len(), "a secret is in two parts");
}

#[test]
fn existing_parts_are_kept_unless_forced() {
    let folder = TempDir::new().unwrap();
    let sample = Sample::named("lab-hello");
    let out = folder.path().to_str().unwrap();
    let run = |more: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_wireloupe"))
            .args(["split", "--by-flow", "2", "-o", out])
            .args(more)
            .arg(&sample.path)
            .output()
            .unwrap()
    };
    assert_eq!(run(&[]).status.code(), Some(0));
    let again = run(&[]);
    assert_eq!(again.status.code(), Some(2));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        said.contains("part-1-of-2.pcapng: already exists"),
        "{said}"
    );
    assert_eq!(run(&["--force"]).status.code(), Some(0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
