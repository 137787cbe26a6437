//! With `--redact` nothing of what people said to each other, and no credential, comes out of any sample in any format.
//!
//! What is secret is taken from the same capture printed without: texts, values of JSON, binary data, close reasons,
//! cookies and credentials.
#![cfg(feature = "cli")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use wireloupe::testkit::Sample;

/// Words that stand in the output for another reason: a path, the name of a close code or a row.
const NO_SECRETS: [&str; 7] = [
    "socket",
    // Attributes of Set-Cookie.
    "HttpOnly",
    "Secure",
    "Normal Closure",
    "message 1",
    "message 2",
    "message 3",
];
/// Shorter values are found by chance.
const SHORTEST: usize = 6;

fn run(arguments: &[&str], sample: &Sample) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    command.args(arguments).args(sample.arguments());
    command.output().unwrap().stdout
}

fn strings(value: &Value, each: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(values) => values.iter().for_each(|value| strings(value, each)),
        Value::Object(members) => members.values().for_each(|value| strings(value, each)),
        _ => {}
    }
}

/// The keys of all objects inside: they stay, so that the shape of what was said can be seen.
fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| keys(value, into)),
        Value::Object(members) => {
            into.extend(members.keys().cloned());
            members.values().for_each(|value| keys(value, into));
        }
        _ => {}
    }
}

/// What the program says itself, of a capture in which nobody says more than hello, and of the sample's addresses.
fn own_words(sample: &Sample) -> String {
    static HELLO: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let hello = HELLO.get_or_init(|| {
        let hello = outputs(&Sample::named("lab-hello"));
        let mut text: String = hello
            .iter()
            .map(|(_, printed)| String::from_utf8_lossy(printed).into_owned())
            .collect();
        let decoders = wireloupe::payload::DECODERS.iter();
        text.extend(
            decoders
                .flat_map(|decoder| {
                    let rules = decoder.rules.iter().map(|rule| rule.meaning);
                    [decoder.name, decoder.title]
                        .into_iter()
                        .chain(rules)
                        .collect::<Vec<_>>()
                })
                .flat_map(|words| [words, "\n"]),
        );
        text.extend(wireloupe::base::Code::ALL.iter().map(|code| code.meaning()));
        let verdicts = wireloupe::insight::Verdict::ALL.iter();
        text.extend(verdicts.flat_map(|verdict| [verdict.meaning(), verdict.settle()]));
        text
    });
    let connections = ["read", "--redact", "--show", "connections"];
    let connections = String::from_utf8_lossy(&run(&connections, sample)).into_owned();
    format!("{hello}\n{connections}\n")
}

/// The words that fields of protocols are known to take, which stay too.
fn known_words() -> impl Iterator<Item = String> {
    let fields = wireloupe::filter::fields().map(wireloupe::filter::FieldRef::info);
    fields.flat_map(|info| info.known.names().map(str::to_owned).collect::<Vec<_>>())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// What must not come out of a sample.
fn secrets(sample: &Sample) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    let mut public: BTreeSet<String> = known_words().collect();
    let mut add = |text: &str| {
        let beginning: String = text.chars().take(40).collect();
        if beginning.len() >= SHORTEST && !NO_SECRETS.contains(&beginning.as_str()) {
            secrets.insert(beginning);
        }
    };
    let messages = run(
        &["read", "--show", "messages", "--format", "ndjson"],
        sample,
    );
    for line in String::from_utf8(messages).unwrap().lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        for text in [&message["text"], &message["reason"]] {
            let Some(text) = text.as_str() else { continue };
            match serde_json::from_str::<Value>(text) {
                Ok(json) => {
                    keys(&json, &mut public);
                    strings(&json, &mut add);
                }
                Err(_) => add(text),
            }
        }
        if let Some(data) = message["data"].as_str() {
            let bytes = BASE64_STANDARD.decode(data).unwrap();
            if bytes.len() >= SHORTEST && bytes.iter().any(|byte| *byte != 0) {
                add(&hex::encode(&bytes[..bytes.len().min(12)]));
                add(data.get(..16).unwrap_or(data));
            }
        }
    }
    for header in [
        "cookie",
        "set_cookie",
        "authorization",
        "proxy_authorization",
    ] {
        let field = format!("http.{header}");
        let table = [
            "read",
            "--show",
            "connections",
            "--format",
            "tsv",
            "-e",
            &field,
        ];
        for value in String::from_utf8(run(&table, sample))
            .unwrap()
            .split([';', '\n'])
        {
            let value = value.rsplit([' ', '=']).next().unwrap_or_default();
            add(value);
        }
    }
    // A value made of nothing but keys and the program's own words cannot be told from the shape of what was said.
    let public = own_words(sample) + &public.into_iter().collect::<Vec<_>>().join("\n");
    secrets.retain(|secret| words(secret).any(|word| !public.contains(word)));
    secrets
}

/// Everything that can be printed of a sample with `--redact`.
fn outputs(sample: &Sample) -> Vec<(String, Vec<u8>)> {
    let mut outputs = Vec::new();
    let mut print = |arguments: &[&str]| {
        let printed = run(&[arguments, &["--redact"]].concat(), sample);
        outputs.push((arguments.join(" "), printed));
    };
    for format in ["ndjson", "json"] {
        print(&["read", "--payload", "--show", "all", "--format", format]);
    }
    for format in ["text", "detail"] {
        print(&["read", "-x", "--show", "all", "--format", format]);
    }
    print(&["read"]);
    print(&["read", "--format", "har"]);
    let mut columns = vec!["read", "--show", "all", "--format", "csv"];
    for info in wireloupe::filter::fields().map(wireloupe::filter::FieldRef::info) {
        columns.extend(["-e", info.name]);
    }
    print(&columns);
    print(&["read", "--show", "all", "--format", "tsv"]);
    for format in ["text", "json"] {
        print(&["diagnose", "--all", "--format", format]);
    }
    print(&["follow", "-Y", "websocket", "--control"]);
    print(&["follow", "-Y", "websocket", "--raw", "server"]);
    for format in ["html", "markdown"] {
        // A report masks unless it is told not to.
        let arguments = ["report", "-Y", "websocket", "--format", format];
        outputs.push((arguments.join(" "), run(&arguments, sample)));
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    run(
        &[
            "extract",
            "--redact",
            "--control",
            "-o",
            out.to_str().unwrap(),
        ],
        sample,
    );
    for file in fs::read_dir(&out).into_iter().flatten() {
        let path = file.unwrap().path();
        outputs.push((path.display().to_string(), fs::read(&path).unwrap()));
    }
    outputs
}

#[test]
fn no_sample_gives_away_a_secret_in_any_format() {
    let samples = Sample::all();
    let (next, leaks, tried) = (
        AtomicUsize::new(0),
        Mutex::new(Vec::new()),
        AtomicUsize::new(0),
    );
    let work = || {
        while let Some(sample) = samples.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (name, secrets) = (&sample.name, secrets(sample));
            tried.fetch_add(secrets.len(), Ordering::Relaxed);
            if secrets.is_empty() {
                continue;
            }
            for (what, printed) in outputs(sample) {
                let held =
                    |secret: &&String| memchr::memmem::find(&printed, secret.as_bytes()).is_some();
                for secret in secrets.iter().filter(held) {
                    leaks
                        .lock()
                        .unwrap()
                        .push(format!("{name}: {secret:?} in {what}"));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let leaks = leaks.into_inner().unwrap();
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks.join("\n")
    );
    assert!(tried.into_inner() > 300);
}

/// Values of the fields that are credentials, as the messages of a sample have them.
fn credentials(sample: &Sample) -> BTreeSet<String> {
    let fields = wireloupe::payload::fields().filter(|info| info.secret);
    let names: BTreeSet<&str> = fields.map(|info| info.name).collect();
    let messages = ["read", "--show", "messages", "--format", "ndjson"];
    let printed = String::from_utf8(run(&messages, sample)).unwrap();
    let mut values = BTreeSet::new();
    for line in printed.lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let Some(units) = message["decoded"]["fields"].as_object() else {
            continue;
        };
        for (_, value) in units.iter().filter(|(name, _)| names.contains(&***name)) {
            strings(value, &mut |text| {
                values.insert(text.to_owned());
            });
        }
    }
    // A user called like a topic is found in its name.
    let is_told =
        |value: &String| value.len() >= SHORTEST && value.contains(|c: char| c.is_ascii_digit());
    values.retain(is_told);
    values
}

#[test]
fn counts_and_verdicts_name_no_credential_of_any_protocol() {
    let mut tried = 0;
    for sample in Sample::all()
        .iter()
        .filter(|it| it.folder().ends_with("payload"))
    {
        let credentials = credentials(sample);
        tried += credentials.len();
        if credentials.is_empty() {
            continue;
        }
        for arguments in [
            &["stats"][..],
            &["stats", "--format", "json"],
            &["diagnose"],
            &["diagnose", "--format", "json"],
        ] {
            let printed = run(arguments, sample);
            for secret in &credentials {
                let found = memchr::memmem::find(&printed, secret.as_bytes()).is_some();
                assert!(!found, "{}: {secret:?} in {arguments:?}", sample.name);
            }
        }
    }
    assert!(tried > 20, "{tried} credentials");
}

#[test]
fn packets_are_not_redacted_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.pcapng");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    command.args(["read", "--redact", "-w"]).arg(&out);
    let done = command
        .arg(Sample::named("lab-hello").path)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("--redact"));
    assert!(!out.exists());
}
