//! The program: exit codes, colours, formats, secrets.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use wireloupe::base::{LinkType, Side};
use wireloupe::testkit::{Conversation, Frame, Sample, pcap, upgrade_request, upgrade_response};

use crate::script::{asked, open, text};

fn command() -> Command {
    let mut command = Command::new(cargo_bin!("wireloupe"));
    command
        .arg("diagnose")
        .env_remove("SSLKEYLOGFILE")
        .env_remove("NO_COLOR");
    command.env("TERM", "xterm-256color").stdin(Stdio::null());
    command
}

fn diagnose<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    command()
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn sample(name: &str) -> PathBuf {
    Sample::named(name).path
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// A capture of one conversation, cut off by so many bytes.
fn file(folder: &Path, conversation: &Conversation, cut: usize) -> PathBuf {
    let bytes = pcap(LinkType::ETHERNET, &conversation.packets());
    let path = folder.join("capture.pcap");
    std::fs::write(&path, &bytes[..bytes.len() - cut]).expect("a temporary file");
    path
}

fn healthy() -> Conversation {
    asked()
        .server(upgrade_response(&[]))
        .client(text("hello"))
        .client(Frame::close(1000, "").mask([1, 2, 3, 4]).bytes())
        .server(Frame::close(1000, "").bytes())
        .fin()
}

#[test]
fn exit_codes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let code = |path: &Path, fail_on: Option<&str>| {
        let fail_on = fail_on.map(|severity| format!("--fail-on={severity}"));
        diagnose(fail_on.iter().map(AsRef::as_ref).chain([path.as_os_str()]))
            .status
            .code()
    };
    let broken = sample("status-404.pcapng");
    assert_eq!(code(&broken, None), Some(0), "whatever it finds");
    assert_eq!(code(&broken, Some("error")), Some(3));
    assert_eq!(code(&broken, Some("warning")), Some(3));
    let well = file(folder.path(), &healthy(), 0);
    for fail_on in [None, Some("error"), Some("warning")] {
        assert_eq!(code(&well, fail_on), Some(0));
    }
    let ended = asked()
        .server(upgrade_response(&[]))
        .client(text("hello"))
        .server(Frame::text("hello").bytes())
        .reset(Side::Server);
    let warned = file(folder.path(), &ended, 0);
    assert_eq!(code(&warned, Some("error")), Some(0), "it is a warning");
    assert_eq!(code(&warned, Some("warning")), Some(3));
    let truncated = file(folder.path(), &healthy(), 3);
    assert_eq!(
        code(&truncated, Some("error")),
        Some(1),
        "in part, and nothing found"
    );
    assert_eq!(code(Path::new("no such file"), Some("error")), Some(2));
    assert_eq!(diagnose::<&str>([]).status.code(), Some(2));
    let unknown = diagnose(["--fail-on=note".as_ref(), broken.as_os_str()]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn a_paragraph_says_what_and_why_and_what_to_do() {
    let text = out(&diagnose([sample("nginx-no-upgrade.client.pcapng")]));
    let first = text.lines().next().expect("a line");
    assert!(
        first.contains("nginx did not pass the headers Upgrade and Connection on"),
        "{first}"
    );
    for label in [
        "verdict",
        "means",
        "evidence",
        "software",
        "rules out",
        "ending",
        "settle by",
        "fix",
        "source",
    ] {
        let is_there = text
            .lines()
            .any(|line| line.trim_start().starts_with(label));
        assert!(is_there, "no {label} in\n{text}");
    }
    assert!(
        text.contains("proxy_set_header Upgrade $http_upgrade"),
        "{text}"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    let well = out(&diagnose([file(folder.path(), &healthy(), 0)]));
    assert_eq!(
        well.lines().count(),
        2,
        "healthy connections get one line under the summary:\n{well}"
    );
}

#[test]
fn json_has_every_key() {
    let sample = sample("squid-connect-forbidden.pcapng");
    let output = diagnose(["--format=json".as_ref(), sample.as_os_str()]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let attempt = &document["attempts"][0];
    assert_eq!(attempt["verdict"], "connect-port-forbidden");
    assert_eq!(attempt["stage"], "connect");
    assert_eq!(attempt["severity"], "error");
    assert_eq!(attempt["confidence"], "certain");
    let keys: Vec<_> = attempt.as_object().expect("an object").keys().collect();
    let wanted = [
        "connection",
        "client",
        "server",
        "verdict",
        "stage",
        "severity",
        "confidence",
        "sentence",
        "meaning",
        "packets",
        "evidence",
        "software",
        "rules_out",
        "settle",
        "ending",
        "processes",
        "fix",
        "source",
    ];
    assert_eq!(keys, wanted);
    assert!(
        attempt["packets"]
            .as_array()
            .is_some_and(|packets| !packets.is_empty())
    );
}

#[test]
fn threads_change_nothing() {
    let all = [
        "lifetime-limit",
        "nginx-idle-timeout.client",
        "status-404",
        "wss-keys-of-server",
        "hixie-76",
    ];
    let paths = all.map(sample);
    let run = |threads: &str| {
        let arguments = ["--threads", threads].map(AsRef::as_ref);
        let paths = paths.iter().map(|path| path.as_os_str());
        out(&diagnose(arguments.into_iter().chain(paths)))
    };
    let serial = run("1");
    assert!(serial.contains("lifetime-limit") && serial.contains("idle-timeout"));
    assert_eq!(run("3"), serial);
}

#[test]
fn secrets_are_masked_on_request() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let talk = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/chat?token=s3cretAAAA1", &[]))
        .server(
            "HTTP/1.1 302 Found\r\nLocation: /login?token=s3cretAAAA1\r\nContent-Length: 0\r\n\r\n",
        )
        .fin();
    let path = file(folder.path(), &talk, 0);
    for format in ["--format=text", "--format=json"] {
        let shown = out(&diagnose([format.as_ref(), path.as_os_str()]));
        assert!(shown.contains("s3cretAAAA1"), "{shown}");
        let masked = out(&diagnose([
            format.as_ref(),
            "--redact".as_ref(),
            path.as_os_str(),
        ]));
        assert!(
            !masked.contains("s3cret") && masked.contains("token=***********"),
            "{masked}"
        );
    }
}

#[test]
fn pipes_get_no_colours() {
    let text = out(&diagnose([sample("status-404.pcapng")]));
    assert!(!text.contains('\x1b'), "{text:?}");
}

/// What the program writes to a terminal.
#[cfg(all(feature = "tui", unix))]
fn on_a_terminal(environment: &[(&str, &str)]) -> String {
    use std::io::Read as _;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    let pair = native_pty_system()
        .openpty(PtySize::default())
        .expect("a terminal");
    let mut command = CommandBuilder::new(cargo_bin!("wireloupe"));
    command.args(["diagnose".as_ref(), sample("status-404.pcapng").as_os_str()]);
    command.env_remove("NO_COLOR");
    command.env("TERM", "xterm-256color");
    for (name, value) in environment {
        command.env(name, value);
    }
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let mut child = pair.slave.spawn_command(command).expect("the program runs");
    drop(pair.slave);
    // The end of a terminal whose program has gone is an error on Linux, with everything before it in the buffer.
    let mut bytes = Vec::new();
    let _ = reader.read_to_end(&mut bytes);
    assert!(child.wait().expect("it ends").success());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
#[cfg(all(feature = "tui", unix))]
fn terminals_get_colours_unless_the_user_wants_none() {
    assert!(on_a_terminal(&[]).contains("\x1b[1;31m"), "errors are red");
    assert!(
        on_a_terminal(&[("NO_COLOR", "")]).contains("\x1b[1;31m"),
        "an empty one says nothing"
    );
    assert!(!on_a_terminal(&[("NO_COLOR", "1")]).contains('\x1b'));
    assert!(!on_a_terminal(&[("TERM", "dumb")]).contains('\x1b'));
}

#[test]
fn what_stays_encrypted_is_described_from_outside() {
    let (capture, keys) = (
        sample("wss-tls12-aes128-gcm.pcapng"),
        Sample::named("wss-tls12-aes128-gcm")
            .keys()
            .expect("a key log"),
    );
    let text = out(&diagnose([&capture]));
    for shown in [
        "TLS that was not read",
        "TLS 1.2",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "server name \"localhost\"",
        "certificate of",
        "a WebSocket inside is un",
    ] {
        assert!(text.contains(shown), "{shown:?} in {text}");
    }
    let json = out(&diagnose([Path::new("--format=json"), &capture]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["encrypted"][0]["server_name"], "localhost");
    assert_eq!(json["attempts"].as_array().map(Vec::len), Some(0));
    let opened = out(&diagnose([Path::new("--keylog"), &keys, &capture]));
    assert!(!opened.contains("TLS that was not read"), "{opened}");
}

#[test]
fn the_last_line_of_half_a_request_is_masked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let half =
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nCookie: session=TOPSECRET\r\n";
    let path = file(
        folder.path(),
        &open().client(half).wait(3_000_000_000).fin(),
        0,
    );
    let plain = out(&diagnose([&path]));
    assert!(
        plain.contains("request-timeout") && plain.contains("session=TOPSECRET"),
        "{plain}"
    );
    let masked = out(&diagnose(["--redact".as_ref(), path.as_os_str()]));
    assert!(
        masked.contains("request-timeout") && !masked.contains("TOPSECRET"),
        "{masked}"
    );
}

#[test]
fn masking_changes_no_verdict() {
    let verdicts = |sample: &Sample, more: &[&str]| {
        let keys = sample.keys();
        let keys = keys
            .iter()
            .flat_map(|keys| ["--keylog".into(), keys.clone().into_os_string()]);
        let fixed = ["--all", "--format", "json"]
            .iter()
            .chain(more)
            .map(std::ffi::OsString::from);
        let path = sample.path.clone().into_os_string();
        let output = diagnose(fixed.chain(keys).chain([path]));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let attempts = report["attempts"].as_array().expect("attempts").iter();
        let verdicts = attempts.map(|one| {
            format!(
                "{} {} {}",
                one["connection"], one["verdict"], one["confidence"]
            )
        });
        verdicts.collect::<Vec<_>>()
    };
    let mut tried = 0;
    for sample in Sample::all() {
        let plain = verdicts(&sample, &[]);
        assert_eq!(verdicts(&sample, &["--redact"]), plain, "{}", sample.name);
        tried += plain.len();
    }
    assert!(tried > 500, "{tried}");
}
