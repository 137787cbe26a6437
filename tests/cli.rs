//! The command line as a contract: arguments, exit codes, what goes to stdout and what to stderr.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use wireloupe::base::{LinkType, Timestamp};
use wireloupe::testkit::{
    Conversation, Frame, Sample, pcap, pcapng, upgrade_request, upgrade_response,
};

/// Done; done in part; nothing done.
const DONE: Option<i32> = Some(0);
const IN_PART: Option<i32> = Some(1);
const NOTHING: Option<i32> = Some(2);

fn program() -> Command {
    let mut command = Command::new(cargo_bin!("wireloupe"));
    command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
    command
}

fn run<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    program()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn sample(name: &str) -> PathBuf {
    Sample::named(name).path
}

/// Two masked words from the client, one from the server.
fn packets(port: u16, seconds: i64) -> Vec<(Timestamp, Vec<u8>)> {
    Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80")
        .at(Timestamp(seconds * 1_000_000_000))
        .connect()
        .client(upgrade_request("/chat", &[]))
        .server(upgrade_response(&[]))
        .client(Frame::text("Hello").mask([1, 2, 3, 4]).bytes())
        .server(Frame::text("Hi \x1b[31mred\x1b[0m").bytes())
        .client(Frame::text("bye").mask([5, 6, 7, 8]).bytes())
        .fin()
        .packets()
}

/// A folder with a capture of [`packets`] in it.
fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("chat.pcap");
    fs::write(
        &path,
        pcap(LinkType::ETHERNET, &packets(40000, 1_700_000_000)),
    )
    .unwrap();
    (folder, path)
}

#[test]
fn help_has_examples_on_every_command() {
    let top = run(["--help"]);
    assert_eq!(top.status.code(), DONE);
    let text = out(&top);
    assert!(
        text.contains("Examples:") && text.contains("Exit codes:"),
        "{text}"
    );
    let commands: Vec<_> = text
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .map_while(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(
        commands.contains(&"read") && commands.contains(&"fields"),
        "{commands:?}"
    );
    for command in commands {
        let help = run([command, "--help"]);
        assert_eq!(help.status.code(), DONE);
        let text = out(&help);
        let examples = text
            .split_once("Examples:")
            .unwrap_or_else(|| panic!("{command} --help has no examples:\n{text}"))
            .1;
        assert!(
            examples.contains(&format!("wireloupe {command}")),
            "{command} --help:\n{text}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{command} --help is wider than 100:\n{text}"
        );
    }
}

#[test]
fn version_is_the_packages() {
    let version = run(["--version"]);
    assert_eq!(
        out(&version),
        format!("wireloupe {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn without_arguments_the_help_is_shown_and_nothing_done() {
    let nothing = run::<&str>([]);
    assert_eq!(nothing.status.code(), NOTHING);
    assert!((out(&nothing) + &err(&nothing)).contains("Usage:"));
}

#[test]
fn a_file_alone_prints_its_frames_when_piped() {
    let (_folder, path) = folder();
    let short = run([&path]);
    let long = run([Path::new("read"), &path]);
    assert_eq!((short.status.code(), out(&short)), (DONE, out(&long)));
    assert_eq!(out(&short).lines().count(), 3);
    assert_eq!(err(&short), "");
}

#[test]
fn what_cannot_be_read_is_one_clear_line_and_exit_code_2() {
    let (folder, _) = folder();
    let empty = folder.path().join("empty.pcap");
    let png = folder.path().join("picture.pcap");
    fs::write(&empty, b"").unwrap();
    fs::write(&png, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap();
    let missing = folder.path().join("missing.pcap");
    let cases = [
        (folder.path().to_owned(), "directory"),
        (missing, "no such file"),
        (empty, "empty"),
        (png, "PNG"),
    ];
    for (path, says) in cases {
        let output = run([Path::new("read"), &path]);
        let text = err(&output);
        assert_eq!(
            (output.status.code(), out(&output)),
            (NOTHING, String::new()),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.starts_with("wireloupe: ") && text.contains(says),
            "{text}"
        );
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
}

#[test]
fn one_unreadable_file_of_several_stops_before_anything_is_printed() {
    let (folder, path) = folder();
    let output = run([
        Path::new("read"),
        &path,
        &folder.path().join("missing.pcap"),
    ]);
    assert_eq!(
        (output.status.code(), out(&output)),
        (NOTHING, String::new())
    );
    assert!(err(&output).contains("missing.pcap"));
}

#[test]
fn packets_of_a_link_type_that_is_not_read_are_not_passed_over_in_silence() {
    let (folder, _) = folder();
    let path = folder.path().join("usb");
    let packets = packets(40000, 1_700_000_000);
    fs::write(&path, pcapng(LinkType(189), &packets)).unwrap();
    for command in ["read", "stats", "diagnose"] {
        let text = err(&run([Path::new(command), &path]));
        assert!(text.contains("packets of LINKTYPE 189"), "{text}");
        assert!(text.contains("ETHERNET, "), "{text}");
    }
}

#[test]
fn a_file_cut_in_half_gives_what_was_before_the_cut() {
    let (folder, path) = folder();
    let packets = packets(40000, 1_700_000_000);
    let whole = out(&run([Path::new("read"), &path]));
    // Within the second of the client's two frames, which are packets 6 and 8.
    for file in [
        pcap(LinkType::ETHERNET, &packets),
        pcapng(LinkType::ETHERNET, &packets),
    ] {
        let rest: usize = packets[8..]
            .iter()
            .map(|(_, bytes)| bytes.len().next_multiple_of(4) + 32)
            .sum();
        let cut = folder.path().join("cut");
        fs::write(&cut, &file[..file.len() - rest - 20]).unwrap();
        let output = run([Path::new("read"), &cut]);
        let text = err(&output);
        assert_eq!(output.status.code(), IN_PART, "{text}");
        assert_eq!(
            out(&output),
            whole
                .lines()
                .take(2)
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        );
        assert!(
            text.contains("cut") && text.contains("byte ") && text.contains("7 packets"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
    }
}

#[test]
fn a_bad_filter_is_pointed_at() {
    let (_folder, path) = folder();
    let filter = "websocket.opcode = = 1";
    let output = run([Path::new("read"), Path::new("-Y"), Path::new(filter), &path]);
    assert_eq!(
        (output.status.code(), out(&output)),
        (NOTHING, String::new())
    );
    let text = err(&output);
    let lines: Vec<_> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.trim_start().starts_with('^'))
        .unwrap_or_else(|| panic!("no caret:\n{text}"));
    let caret = lines[at].find('^').unwrap();
    let start = lines[at - 1].find(filter).unwrap();
    assert_eq!(caret - start, filter.find('=').unwrap(), "\n{text}");
}

#[test]
fn bad_options_are_named() {
    let (_folder, path) = folder();
    let path = path.to_str().unwrap();
    for (arguments, says) in [
        (vec!["read", "--bogus", path], "--bogus"),
        (vec!["read", "--format", "xml", path], "xml"),
        (vec!["read", "--show", "some", path], "some"),
        (vec!["read", "--threads", "0", path], "--threads"),
        (vec!["read", "--decode-as", "http", path], "http"),
        (vec!["read"], "FILE"),
    ] {
        let output = run(&arguments);
        assert_eq!(
            (output.status.code(), out(&output)),
            (NOTHING, String::new()),
            "{arguments:?}"
        );
        assert!(
            err(&output).contains(says),
            "{arguments:?}: {}",
            err(&output)
        );
    }
}

#[test]
fn a_dash_is_standard_input() {
    let (_folder, path) = folder();
    let file = fs::File::open(&path).unwrap();
    let piped = program().args(["read", "-"]).stdin(file).output().unwrap();
    assert_eq!(
        (piped.status.code(), out(&piped)),
        (DONE, out(&run([Path::new("read"), &path])))
    );
    let bad = program()
        .args(["read", "-"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(bad.status.code(), NOTHING);
    assert!(err(&bad).contains("standard input"), "{}", err(&bad));
}

#[test]
fn standard_input_is_shown_as_it_comes_from_a_pipe() {
    let file = pcap(LinkType::ETHERNET, &packets(40000, 1_700_000_000));
    let mut child = program()
        .args(["read", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for part in file.chunks(100) {
        stdin.write_all(part).unwrap();
    }
    drop(stdin);
    assert_eq!(out(&child.wait_with_output().unwrap()).lines().count(), 3);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("long.pcap");
    let frames: Vec<u8> = (0..200u8)
        .flat_map(|n| Frame::text([b'a' + n % 26; 40]).bytes())
        .collect();
    let mut script = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]));
    for _ in 0..300 {
        script = script.server(&frames);
    }
    fs::write(&path, pcap(LinkType::ETHERNET, &script.packets())).unwrap();
    for threads in ["1", "2"] {
        let mut child = program()
            .args(["read", "--threads", threads])
            .arg(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains("aaaa"), "{line}");
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), err(&output)), (DONE, String::new()));
    }
}

#[test]
fn pipes_get_no_colours_and_no_raw_control_characters() {
    let (_folder, path) = folder();
    for extra in [
        &["--format", "text"][..],
        &["--format", "detail", "-x"],
        &["--format", "text", "-x"],
        &["--show", "all"],
    ] {
        let output = program()
            .args(["read"])
            .args(extra)
            .arg(&path)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let text = out(&output);
        assert!(!text.contains('\x1b'), "{extra:?}: {text:?}");
        assert!(
            text.chars().all(|c| !c.is_control() || c == '\n'),
            "{extra:?}"
        );
        assert_eq!(
            text,
            out(&run([&["read"], extra, &[path.to_str().unwrap()]].concat())),
            "the same without NO_COLOR"
        );
    }
}

#[test]
fn an_output_file_is_never_overwritten_unasked() {
    let (folder, path) = folder();
    let target = folder.path().join("frames.txt");
    let arguments = |more: &[&str]| {
        let mut all = vec![
            "read".to_owned(),
            "-o".to_owned(),
            target.to_str().unwrap().to_owned(),
        ];
        all.extend(more.iter().map(ToString::to_string));
        all.push(path.to_str().unwrap().to_owned());
        all
    };
    let first = run(arguments(&[]));
    assert_eq!((first.status.code(), out(&first)), (DONE, String::new()));
    let written = fs::read_to_string(&target).unwrap();
    assert_eq!(written, out(&run([Path::new("read"), &path])));
    fs::write(&target, "mine").unwrap();
    let second = run(arguments(&[]));
    assert_eq!(second.status.code(), NOTHING);
    assert!(
        err(&second).contains("exists") && err(&second).contains("--force"),
        "{}",
        err(&second)
    );
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    assert_eq!(run(arguments(&["--force"])).status.code(), DONE);
    assert_eq!(fs::read_to_string(&target).unwrap(), written);
}

#[test]
fn an_output_that_cannot_be_written_is_said_before_reading() {
    let (folder, path) = folder();
    let target = folder.path().join("no/such/folder/frames.txt");
    let output = run([Path::new("read"), Path::new("-o"), &target, &path]);
    assert_eq!(output.status.code(), NOTHING);
    assert!(err(&output).contains("frames.txt"), "{}", err(&output));
}

#[test]
fn several_files_are_one_capture_merged_by_time() {
    let (folder, _) = folder();
    let (early, late) = (folder.path().join("b.pcap"), folder.path().join("a.pcapng"));
    let (one, two) = (packets(41000, 1_700_000_000), packets(42000, 1_700_000_500));
    // The first connection is spread over both files.
    fs::write(&early, pcap(LinkType::ETHERNET, &one[..6])).unwrap();
    fs::write(
        &late,
        pcapng(LinkType::ETHERNET, &[&one[6..], &two[..]].concat()),
    )
    .unwrap();
    let given: Vec<_> = [[&early, &late], [&late, &early]]
        .iter()
        .map(|files| {
            run([
                Path::new("read"),
                Path::new("--format"),
                Path::new("ndjson"),
                files[0],
                files[1],
            ])
        })
        .collect();
    assert_eq!(
        out(&given[0]),
        out(&given[1]),
        "the order of the names does not matter"
    );
    let lines = out(&given[0]);
    let numbers: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|frame| {
            (
                frame["connection"].as_u64().unwrap(),
                frame["packets"][0].as_u64().unwrap(),
            )
        })
        .collect();
    let second = one.len() as u64;
    assert_eq!(
        numbers,
        [
            (1, 6),
            (1, 7),
            (1, 8),
            (2, second + 6),
            (2, second + 7),
            (2, second + 8)
        ]
    );
}

#[test]
fn compressed_files_are_told_by_their_content() {
    let (folder, path) = folder();
    let plain = out(&run([Path::new("read"), &path]));
    let bytes = fs::read(&path).unwrap();
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(&bytes).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&bytes).unwrap();
    let zstd =
        ruzstd::encoding::compress_to_vec(&bytes[..], ruzstd::encoding::CompressionLevel::Fastest);
    for compressed in [gz.finish().unwrap(), lz4.finish().unwrap(), zstd] {
        let file = folder.path().join("capture.pcap");
        fs::write(&file, &compressed).unwrap();
        let read = run([Path::new("read"), &file]);
        assert_eq!(
            (read.status.code(), out(&read)),
            (DONE, plain.clone()),
            "{}",
            err(&read)
        );
        fs::write(&file, &compressed[..compressed.len() * 3 / 4]).unwrap();
        let cut = run([Path::new("read"), &file]);
        assert_ne!(cut.status.code(), DONE, "half of it is missing");
        assert_ne!(err(&cut), "");
    }
}

#[test]
fn the_text_of_the_lab_capture() {
    let output = run([Path::new("read"), &sample("lab-hello.pcap")]);
    let text = out(&output);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].contains("C→S") && lines[0].contains("masked") && lines[0].ends_with("Hello"),
        "{text}"
    );
    assert!(
        lines[1].contains("S→C") && lines[1].contains("unmasked") && lines[1].ends_with("Hello"),
        "{text}"
    );
}

#[test]
fn every_row_kind_and_format_prints_something() {
    let path = sample("lab-hello.pcap");
    let path = path.to_str().unwrap();
    for show in ["frames", "messages", "connections", "all"] {
        for format in ["text", "detail", "ndjson"] {
            let output = run(["read", "--show", show, "--format", format, path]);
            assert_eq!(output.status.code(), DONE);
            assert!(!output.stdout.is_empty(), "{show} {format}");
        }
    }
}

#[test]
fn completions_and_the_manual_page() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            out(&run(["completions", shell])).contains("wireloupe"),
            "{shell}"
        );
    }
    let page = out(&run(["man"]));
    assert!(page.contains(".TH wireloupe 1"), "{page}");
    let commands = page.lines().filter_map(|line| {
        let name = line.strip_prefix("wireloupe\\-")?;
        name.strip_suffix("(1)")
    });
    let commands: Vec<_> = commands.collect();
    assert!(commands.contains(&"diagnose"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    run(["man", "--all", folder.path().to_str().unwrap()]);
    for command in commands {
        let page = out(&run(["man", command]));
        let file = folder.path().join(format!("wireloupe-{command}.1"));
        assert_eq!(std::fs::read_to_string(file).unwrap(), page, "{command}");
        // An option that is not described is followed by an empty line.
        let options = page.match_indices("\n.TP\n");
        for (at, tag) in options {
            let body = page[at + tag.len()..].lines().nth(1).unwrap_or_default();
            assert!(
                !body.is_empty(),
                "{command}: {}",
                &page[at..at + 80.min(page.len() - at)]
            );
        }
        assert!(
            page.contains(&format!(".TH wireloupe-{command} 1")),
            "{page}"
        );
    }
    assert_eq!(run(["man", "nonsense"]).status.code(), Some(2));
}
