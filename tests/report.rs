//! The report: the same bytes every time, nothing of the wire ever markup, never too long, and every link leads somewhere.
#![cfg(feature = "cli")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use wireloupe::base::LinkType;
use wireloupe::testkit::{Conversation, Frame, Sample, pcap, upgrade_request, upgrade_response};

/// Bytes that no report exceeds.
const MOST: usize = 5_000_000;

fn report(arguments: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .arg("report")
        .args(arguments)
        .arg(file)
        .output()
        .unwrap()
}

fn written(arguments: &[&str], file: &Path) -> String {
    let output = report(arguments, file);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

fn capture(folder: &Path, conversations: &[Conversation]) -> std::path::PathBuf {
    let packets: Vec<_> = conversations
        .iter()
        .flat_map(Conversation::packets)
        .collect();
    let path = folder.join("hostile.pcap");
    std::fs::write(&path, pcap(LinkType::ETHERNET, &packets)).unwrap();
    path
}

/// A conversation in which every place that a report may quote says this.
fn saying(what: &str, server: &str) -> Conversation {
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let header = what.replace(['\r', '\n'], " ");
    let request = upgrade_request(
        &format!("/{}", header.replace(' ', "%20")),
        &[("Cookie", &header), ("Origin", &header)],
    );
    let response = upgrade_response(&[("Server", &header), ("X-Key", key)]);
    let mask = [1, 2, 3, 4];
    Conversation::new("10.0.0.1:40000", server)
        .connect()
        .client(request)
        .server(response)
        .client(Frame::text(what).mask(mask).bytes())
        // A finding, and one that quotes.
        .client(Frame::text(what).bytes())
        .server(Frame::binary(what).bytes())
        .server(Frame::close(1000, &what.chars().take(30).collect::<String>()).bytes())
        .server(Frame::close(4999, "again").bytes())
        .fin()
}

/// The names of all elements that a page begins, as a browser would read them: `<` and a letter, wherever it stands.
fn elements(html: &str) -> BTreeSet<String> {
    let begun = html.split('<').skip(1);
    begun
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!'))
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '!')
                .collect()
        })
        .collect()
}

const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)></pre>\
    --><!--]]>\u{202e}\u{200b}\u{1b}[31m\0`|javascript:alert(4) [x](http://evil.example) www.evil.example @all &lt;";

#[test]
fn nothing_of_the_wire_becomes_markup() {
    let folder = tempfile::tempdir().unwrap();
    let file = capture(folder.path(), &[saying(HOSTILE, "10.0.0.2:80")]);
    let usual = elements(&written(
        &["--no-redact", "--connection", "1"],
        &capture(
            tempfile::tempdir().unwrap().path(),
            &[saying("hello", "10.0.0.2:80")],
        ),
    ));
    for arguments in [
        &["--no-redact", "--connection", "1"][..],
        &["--connection", "1"][..],
    ] {
        let html = written(arguments, &file);
        let found = elements(&html);
        let strange: Vec<_> = found.difference(&usual).collect();
        assert!(strange.is_empty(), "{strange:?}");
        assert!(!found.contains("script") && !found.contains("img"));
        for hidden in ['\u{202e}', '\u{200b}', '\u{1b}', '\0'] {
            assert!(!html.contains(hidden), "{hidden:?}");
        }
    }
    let html = written(&["--no-redact", "--connection", "1"], &file);
    assert!(html.contains("&lt;script&gt;alert(1)"), "it is shown");
    let markdown = written(
        &["--no-redact", "--connection", "1", "--format", "markdown"],
        &file,
    );
    let mut is_code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            let words: String = line.split('`').step_by(2).collect();
            assert!(
                !words.contains("<script") && !words.contains("](http"),
                "{line}"
            );
        }
    }
    assert!(!is_code, "every block of code ends");
}

#[test]
fn the_policy_of_the_page_allows_its_style_and_nothing_else() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let html = written(&[], &Sample::named("lab-hello").path);
    let (_, rest) = html.split_once("<style>").unwrap();
    let (style, _) = rest.split_once("</style>").unwrap();
    let hash = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(style));
    assert!(html.contains(&format!("default-src 'none'; style-src 'sha256-{hash}'")));
    assert!(!html.contains("style=") && !html.contains("<script"));
}

#[test]
fn the_same_capture_gives_the_same_report() {
    for name in ["lifetime-limit", "accept-wrong", "websockets-subprotocols"] {
        let path = Sample::named(name).path;
        for format in ["html", "markdown"] {
            let with = |threads| {
                written(
                    &["--format", format, "--threads", threads, "-Y", "websocket"],
                    &path,
                )
            };
            let one = with("1");
            assert!(one == with("4"), "{name} {format}");
            assert!(one == with("1"), "{name} {format}");
        }
    }
}

#[test]
fn every_link_inside_leads_somewhere_and_anchors_stand_once() {
    for sample in Sample::all().iter().step_by(5) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
        command
            .args(["report", "-Y", "websocket"])
            .args(sample.arguments());
        let html = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let values = |start: &str| -> Vec<String> {
            html.split(start)
                .skip(1)
                .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
                .collect()
        };
        let ids = values(" id=\"");
        let known: BTreeSet<_> = ids.iter().collect();
        assert_eq!(
            known.len(),
            ids.len(),
            "{}: an anchor stands twice",
            sample.name
        );
        for to in values("href=\"#") {
            assert!(known.contains(&to), "{}: #{to}", sample.name);
        }
    }
}

#[test]
fn a_report_is_never_too_long_and_says_what_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let line = "<&\"'".repeat(2_500_000);
    let long = Conversation::new("10.0.0.1:40001", "10.0.0.2:81")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]))
        .server(Frame::text(&line).bytes())
        .fin();
    let mut many = Conversation::new("10.0.0.1:40002", "10.0.0.2:82")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]));
    for _ in 0..1500 {
        many = many.server(Frame::text("<".repeat(2000)).bytes());
    }
    let mut all = vec![long, many.fin()];
    // Attempts that each fail in their own way at their own server, with everything they say to be escaped.
    for port in 0..400 {
        all.push(saying(
            &"'".repeat(6000),
            &format!("10.0.1.2:{}", 1000 + port),
        ));
    }
    let file = capture(folder.path(), &all);
    for format in ["html", "markdown"] {
        let arguments = ["--no-redact", "-Y", "websocket", "--format", format];
        let text = written(&arguments, &file);
        assert!(text.len() < MOST, "{format}: {}", text.len());
        assert!(
            text.contains("left out: a report has at most 5 MB"),
            "{format}"
        );
        if format == "html" {
            assert!(text.ends_with("</html>\n"));
        }
    }
}

#[test]
fn a_connection_that_is_not_there_is_said_so() {
    let output = report(&["--connection", "9"], &Sample::named("lab-hello").path);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("there is no connection 9: the capture has 1"),
        "{told}"
    );
}
