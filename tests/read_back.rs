//! Exports read back by other programs: HAR, csv and tsv by Python, packets by tshark and capinfos.
#![cfg(feature = "cli")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wireloupe::testkit::{Sample, is_installed};

const CAPTURES: [&str; 14] = [
    "aiohttp-keep-alive.pcapng",
    "chromium-page.pcapng",
    "dropped-packets.pcap",
    "h2-tls.pcapng",
    "lab-hello.pcap",
    "lossy-network.pcap",
    "masked-server.pcapng",
    "mqtt-mosquitto.pcapng",
    "squid-authentication.pcapng",
    "stomp.pcapng",
    "websockets-basic.pcapng",
    "websockets-fragments.pcapng",
    "websockets-lengths.pcapng.zst",
    "ws-deflate-fragments.pcapng",
];

/// The arguments that name a sample, with its key log where it has one.
fn input(name: &str) -> Vec<PathBuf> {
    Sample::named(name).arguments()
}

fn wireloupe(arguments: &[&str], input: &[PathBuf]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    command.args(arguments).args(input);
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{arguments:?} {input:?}: {said}");
    done.stdout
}

fn said_by(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn python_reads_har_csv_and_tsv_back() {
    if !is_installed("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let columns = [
        "frame.time",
        "connection",
        "message",
        "from",
        "message.kind",
        "message.length",
        "message.text",
    ];
    let columns: Vec<&str> = columns.iter().flat_map(|name| ["-e", name]).collect();
    for name in CAPTURES {
        let base = folder.path().join(name.split(".pcap").next().unwrap());
        let ndjson = ["read", "--show", "all", "--format", "ndjson"];
        fs::write(
            base.with_extension("ndjson"),
            wireloupe(&ndjson, &input(name)),
        )
        .unwrap();
        let har = wireloupe(&["read", "--format", "har"], &input(name));
        fs::write(base.with_extension("har"), har).unwrap();
        for format in ["csv", "tsv"] {
            let table = ["read", "--show", "messages", "--header", "--format", format];
            let table = wireloupe(&[&table[..], &columns].concat(), &input(name));
            fs::write(base.with_extension(format), table).unwrap();
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/read_back.py");
    let said = said_by(Command::new("python3").arg(script).arg(folder.path()));
    assert_eq!(said.trim(), format!("{} captures", CAPTURES.len()));
}

/// Opcode and length of each frame, by packet.
fn frames_of_tshark(file: &Path) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", "websocket", "-T", "fields", "-e", "tcp.stream"]);
    command.args([
        "-e",
        "websocket.opcode",
        "-e",
        "websocket.payload_length",
        "-e",
    ]);
    let said = said_by(command.arg("websocket.payload.text").arg("-r").arg(file));
    said.lines().map(str::to_owned).collect()
}

#[test]
fn tshark_and_capinfos_read_written_packets_back() {
    if !is_installed("tshark") || !is_installed("capinfos") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "websockets-basic.pcapng",
        "masked-server.pcapng",
        "ws-deflate-both-takeover.pcapng",
        "lab-hello.pcap",
    ] {
        let out = folder.path().join(name).with_extension("out.pcapng");
        wireloupe(&["read", "-w", out.to_str().unwrap()], &input(name));
        let original = Sample::named(name).path;
        assert_eq!(
            frames_of_tshark(&out),
            frames_of_tshark(&original),
            "{name}"
        );
        let strict = said_by(
            Command::new("capinfos")
                .args(["-c", "-M", "-T", "-r", "-m"])
                .arg(&out),
        );
        let packets = strict.trim().rsplit(',').next().unwrap().trim_matches('"');
        let written = tshark_packets(&out);
        assert_eq!(packets.parse::<usize>().unwrap(), written.len(), "{name}");
        let all = tshark_packets(&original);
        let lost: Vec<_> = written
            .iter()
            .filter(|(packet, _)| !all.contains_key(*packet))
            .collect();
        assert!(lost.is_empty(), "{name}: packets changed: {lost:?}");
    }
}

/// Time and bytes of each packet, and how often it is there.
fn tshark_packets(file: &Path) -> BTreeMap<String, usize> {
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-T",
        "fields",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.len",
    ]);
    let said = said_by(
        command
            .args(["-e", "tcp.seq_raw", "-e", "tcp.payload", "-r"])
            .arg(file),
    );
    let mut packets = BTreeMap::new();
    for line in said.lines() {
        *packets.entry(line.to_owned()).or_default() += 1;
    }
    packets
}

#[test]
fn findings_are_comments_that_tshark_shows() {
    if !is_installed("tshark") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.pcapng");
    wireloupe(
        &["read", "-w", out.to_str().unwrap()],
        &input("masked-server.pcapng"),
    );
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", "frame.comment", "-T", "fields"]);
    let said = said_by(command.args(["-e", "frame.comment", "-r"]).arg(&out));
    assert!(said.contains("server-frame-masked"), "{said}");
}

/// Every field that the language has says something of at least one row of one sample; else it would silently match
/// nothing.
#[test]
fn every_field_has_a_value_somewhere() {
    // No sample has these headers; they are read as all others are. And `json` alone is a question, not a value.
    // Processes are known while they run: tests/command.rs holds them.
    let silent = [
        "container.id",
        "process.name",
        "process.pid",
        "process.user",
        "http.proxy_authorization",
        "http.referer",
        "http.set_cookie",
        "json",
    ];
    // What messages carry is held against the programs' own libraries in tests/payload.rs.
    let of_rows = wireloupe::filter::fields()
        .filter(|field| matches!(field, wireloupe::filter::FieldRef::Row(_)));
    let mut wanted: Vec<&str> = of_rows
        .map(|field| field.info().name)
        .filter(|name| !silent.contains(name))
        .collect();
    for sample in Sample::all() {
        if wanted.is_empty() {
            break;
        }
        let mut command = vec!["read", "--show", "all", "--format", "csv", "--header=false"];
        for field in &wanted {
            command.extend(["-e", field]);
        }
        let mut program = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
        program.args(command).args(sample.arguments());
        let table = program.output().unwrap().stdout;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&table[..]);
        let mut seen = vec![false; wanted.len()];
        for record in reader.records() {
            for (seen, cell) in seen.iter_mut().zip(&record.unwrap()) {
                *seen |= !cell.is_empty();
            }
        }
        let mut seen = seen.into_iter();
        wanted.retain(|_| !seen.next().unwrap());
    }
    assert_eq!(wanted, [""; 0]);
}
