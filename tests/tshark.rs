//! Display filters and stream numbers held against tshark's own, where tshark is installed; otherwise the tests say that
//! they were skipped.
//!
//! One capture is made of the samples below, so that each filter costs one run of tshark.
#![cfg(feature = "cli")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wireloupe::testkit::{Sample, is_installed};

/// Captures of plain WebSockets that tshark reads rightly, packet for packet.
const FRAMES: [&str; 7] = [
    "websockets-basic.pcapng",
    "websockets-ipv6.pcapng",
    "websockets-fragments.pcapng",
    "ws-deflate-both-takeover.pcapng",
    "lab-hello.pcap",
    "masked-server.pcapng",
    "websocketd-go.pcapng",
];

/// Filters about frames. Both programs must choose the same packets.
const ABOUT_FRAMES: [&str; 60] = [
    "websocket.opcode == 1",
    "websocket.opcode != 1",
    "!(websocket.opcode == 1)",
    "websocket.opcode == 1 || websocket.opcode == 9",
    "websocket.opcode in {1, 8}",
    "websocket.opcode in {8..10}",
    "not websocket.opcode in {8..10}",
    "websocket.opcode >= 8 and websocket.mask == 1",
    "websocket.fin == 0",
    "websocket.fin != 1",
    "websocket.fin",
    "websocket.mask == true",
    "websocket.rsv == 4",
    "websocket.rsv != 0",
    "websocket.rsv & 4",
    "websocket.payload_length < 6",
    "websocket.payload_length in {0..20}",
    "websocket.payload_length_ext_16",
    "websocket.payload_length_ext_16 == 256",
    "!websocket.payload_length_ext_16",
    "websocket.payload_length_ext_16 != 256",
    "websocket.masking_key",
    "!websocket.masking_key",
    "websocket.masking_key[0:1] == 00",
    "websocket.masking_key[0] != 00",
    "websocket.masking_key[0:2] contains 00",
    "websocket.payload.text",
    "!websocket.payload.text",
    "websocket.payload.text == \"Hello\"",
    "websocket.payload.text != \"Hello\"",
    "websocket.payload.text contains \"ell\"",
    "websocket.payload.text contains \"ELL\"",
    "!(websocket.payload.text contains \"ell\")",
    "websocket.payload.text matches \"^hel+o$\"",
    "websocket.payload.text matches \"(?-i)^hel+o$\"",
    "websocket.payload.text matches \"[0-9]: the\"",
    "websocket.payload.text[0:4] == \"Hell\"",
    "websocket.payload.text[-1:] == \"o\"",
    "websocket.payload.text > \"I\"",
    "upper(websocket.payload.text) == \"HELLO\"",
    "len(websocket.payload.text) == 5",
    "websocket.payload.ping",
    "websocket.payload.pong",
    "websocket.payload.close",
    "websocket.payload.close.status_code != 1000",
    "!(websocket.payload.close.status_code == 1000)",
    "websocket.payload.close.status_code >= 1001",
    "websocket.payload.close.reason",
    "websocket.payload.close.reason == \"bye\"",
    "websocket.payload.close.reason != \"bye\"",
    "ip.addr == 127.0.0.1",
    "ip.addr != 127.0.0.1",
    "!(ip.addr == 127.0.0.1)",
    "ip.addr == 127.0.0.0/8",
    "ip.src == 192.168.0.0/16 || ip.dst == 10.0.0.0/8",
    "ipv6.addr == ::1",
    "ipv6 && ipv6.src != ::2",
    "tcp.port in {9001, 9002}",
    "tcp.srcport == 9001 && tcp.dstport != 9002",
    "ip.src == ip.dst",
];

/// Filters about handshakes, which tshark finds on the request or the response, and we on the connection.
const ABOUT_REQUESTS: [&str; 24] = [
    "http.host == \"127.0.0.1:9001\"",
    "http.host contains \"127\"",
    "http.host matches \":90+1$\"",
    "http.request.method == \"GET\"",
    "http.request.uri == \"/\"",
    "http.request.uri != \"/\"",
    "http.request.uri contains \"?\"",
    "http.request.uri.path == \"/basic\"",
    "http.request.uri.query",
    "!http.request.uri.query",
    "http.request.uri[0:2] == \"/b\"",
    "http.request.version == \"HTTP/1.1\"",
    "http.upgrade == \"websocket\"",
    "http.connection contains \"Upgrade\"",
    "http.user_agent",
    "!http.user_agent",
    "http.user_agent contains \"Python\"",
    "http.user_agent != \"x\"",
    "http.sec_websocket_version == \"13\"",
    "http.sec_websocket_version != \"13\"",
    "http.sec_websocket_key matches \"==$\"",
    "http.sec_websocket_protocol",
    "http.sec_websocket_extensions contains \"permessage-deflate\"",
    "http.cookie",
];
const ABOUT_RESPONSES: [&str; 9] = [
    "http.response.code == 101",
    "http.response.code != 101",
    "http.response.code in {100..199}",
    "http.response.phrase == \"Switching Protocols\"",
    "http.response.version == \"HTTP/1.1\"",
    "http.server",
    "http.server contains \"Python\"",
    "http.sec_websocket_accept",
    "http.sec_websocket_protocol == \"chat\"",
];

/// Whether tshark and mergecap are there.
fn are_installed() -> bool {
    is_installed("tshark") && is_installed("mergecap")
}

/// One capture of several, in a folder of its own.
fn merged(files: &[PathBuf]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.pcapng");
    let mut command = Command::new("mergecap");
    command.arg("-w").arg(&file);
    let done = command.args(files).output().unwrap();
    assert!(
        done.status.success(),
        "mergecap: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    (folder, file)
}

fn tshark(file: &Path, filter: &str, fields: &[&str]) -> Result<Vec<Vec<String>>, String> {
    let mut command = Command::new("tshark");
    command
        .arg("-n")
        .arg("-r")
        .arg(file)
        .args(["-Y", filter, "-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let done = command.output().unwrap();
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    Ok(rows(&done.stdout))
}

fn wireloupe(file: &Path, arguments: &[&str], fields: &[&str]) -> Result<Vec<Vec<String>>, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    command.arg("read").arg(file).args(["--format", "tsv"]);
    command.args(arguments);
    for field in fields {
        command.args(["-e", field]);
    }
    let done = command.output().unwrap();
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    Ok(rows(&done.stdout))
}

fn rows(text: &[u8]) -> Vec<Vec<String>> {
    String::from_utf8_lossy(text)
        .lines()
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn first(rows: Vec<Vec<String>>) -> BTreeSet<String> {
    rows.into_iter()
        .filter_map(|row| row.into_iter().next())
        .collect()
}

/// Every sample as mergecap takes it, whose streams can be compared: tshark gives a tunnel of SOCKS a number of its own, and a frame
/// whose bytes the capture lacks is told when its flow expires, at a packet of another stream.
fn all_samples() -> Vec<PathBuf> {
    let is_comparable =
        |sample: &Sample| !sample.name.starts_with("dropped-") && !sample.name.contains("socks");
    let all = Sample::all()
        .into_iter()
        .filter(is_comparable)
        .map(|sample| sample.path);
    all.filter(|path| {
        path.extension()
            .is_some_and(|e| e == "pcap" || e == "pcapng")
    })
    .collect()
}

type Chosen = Result<BTreeSet<String>, String>;

/// Asks both programs about every filter, two filters at a time; says how many chose anything, and fails with all that
/// differs.
fn compare(filters: &[&str], ask: &(dyn Fn(&str) -> (Chosen, Chosen) + Sync)) -> usize {
    let (with_rows, differences) = (Mutex::new(0), Mutex::new(Vec::new()));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(filter) = filters.get(next.fetch_add(1, Ordering::Relaxed)) {
            match ask(filter) {
                (Ok(theirs), Ok(ours)) if theirs == ours => {
                    *with_rows.lock().unwrap() += usize::from(!ours.is_empty());
                }
                (Ok(theirs), Ok(ours)) => differences.lock().unwrap().push(format!(
                    "{filter}\n  tshark alone: {:?}\n  wireloupe alone: {:?}",
                    theirs.difference(&ours).collect::<Vec<_>>(),
                    ours.difference(&theirs).collect::<Vec<_>>()
                )),
                (theirs, ours) => {
                    let difference = format!("{filter}\n  {theirs:?}\n  {ours:?}");
                    differences.lock().unwrap().push(difference);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let differences = differences.into_inner().unwrap();
    assert!(
        differences.is_empty(),
        "{} of {} filters:\n{}",
        differences.len(),
        filters.len(),
        differences.join("\n")
    );
    with_rows.into_inner().unwrap()
}

#[test]
fn filters_on_frames_choose_the_packets_that_tshark_chooses() {
    if !are_installed() {
        return;
    }
    let (_folder, file) = merged(&FRAMES.map(|name| Sample::named(name).path));
    // A packet with several frames has several values in tshark, and several rows here: only the others can be compared.
    // Nor can an empty last fragment: here it has the text of the message it completes, in tshark nothing.
    let fields = [
        "frame.number",
        "websocket.opcode",
        "websocket.payload_length",
    ];
    let every = tshark(&file, "websocket", &fields).unwrap();
    let single: BTreeSet<String> = every
        .iter()
        .filter(|row| !row[1].contains(',') && (row[1] != "0" || row[2] != "0"))
        .map(|row| row[0].clone())
        .collect();
    assert!(single.len() > 60, "{}", single.len());
    let chosen = |rows| &first(rows) & &single;
    let with_rows = compare(&ABOUT_FRAMES, &|filter| {
        let asked = format!("websocket && ({filter})");
        let theirs = tshark(&file, &asked, &["frame.number"]);
        let arguments = ["--show", "frames", "-Y", filter];
        let ours = wireloupe(&file, &arguments, &["frame.number"]);
        (theirs.map(chosen), ours.map(chosen))
    });
    assert!(with_rows > 45, "only {with_rows} filters chose anything");
}

#[test]
fn filters_on_handshakes_choose_the_connections_that_tshark_chooses() {
    if !are_installed() {
        return;
    }
    let (_folder, file) = merged(&FRAMES.map(|name| Sample::named(name).path));
    let sides = [
        (&ABOUT_REQUESTS[..], "http.sec_websocket_key"),
        (&ABOUT_RESPONSES[..], "http.response.code == 101"),
    ];
    for (filters, side) in sides {
        let with_rows = compare(filters, &|filter| {
            let asked = format!("{side} && ({filter})");
            let theirs = tshark(&file, &asked, &["tcp.stream"]);
            let arguments = ["--show", "connections", "-Y", filter];
            let ours = wireloupe(&file, &arguments, &["tcp.stream"]);
            (theirs.map(first), ours.map(first))
        });
        assert!(
            with_rows * 2 > filters.len(),
            "only {with_rows} chose anything"
        );
    }
}

#[test]
fn streams_have_the_numbers_that_tshark_gives_them() {
    if !are_installed() {
        return;
    }
    let (_folder, file) = merged(&all_samples());
    let fields = ["frame.number", "tcp.stream", "tcp.port"];
    // A frame that waited until time passed has the number of a packet of another flow: ports tell.
    let key = |row: &[String]| {
        let mut ports: Vec<_> = row[2].split(',').map(str::to_owned).collect();
        ports.sort();
        (row[0].clone(), ports)
    };
    let theirs = tshark(&file, "websocket", &fields).unwrap();
    let theirs: BTreeMap<_, _> = theirs
        .iter()
        .map(|row| (key(row), row[1].clone()))
        .collect();
    assert!(theirs.len() > 500, "{}", theirs.len());
    let ours = wireloupe(&file, &["--threads", "4"], &fields).unwrap();
    let mut compared = 0;
    for row in ours {
        if let Some(stream) = theirs.get(&key(&row)) {
            assert_eq!(*stream, row[1], "packet {}", row[0]);
            compared += 1;
        }
    }
    assert!(compared > 500, "{compared}");
}
