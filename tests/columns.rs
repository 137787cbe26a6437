//! Parquet and Arrow read back by other programs say what NDJSON says, row by row.
//!
//! The programs are Python's: `WIRELOUPE_PYTHON` names an interpreter that has duckdb, polars, pyarrow, pandas; `.ci/run` makes one.
#![cfg(feature = "columns")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use wireloupe::testkit::{Sample, skip};

fn run(arguments: &[&str], files: &[PathBuf]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(arguments)
        .args(files)
        .env_remove("SSLKEYLOGFILE")
        .output()
        .unwrap()
}

fn wireloupe(arguments: &[&str], files: &[PathBuf]) -> Vec<u8> {
    let out = run(arguments, files);
    assert!(
        matches!(out.status.code(), Some(0 | 1)),
        "{arguments:?} {files:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

/// A Python that has these modules.
fn python(modules: &str) -> Option<String> {
    let python = std::env::var("WIRELOUPE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let import = format!("import {modules}");
    let found = Command::new(&python).args(["-c", &import]).output();
    if found.is_ok_and(|done| done.status.success()) {
        return Some(python);
    }
    skip(format_args!("{python} has not all of {modules}"));
    None
}

/// Writes everything of the sample in every form into the folder.
fn write(sample: &Sample, folder: &Path) {
    let files = sample.arguments();
    let name = folder.to_str().unwrap();
    let rows = |show| wireloupe(&["read", "--show", show, "--format", "ndjson"], &files);
    let ndjson = ["all", "exchanges", "calls"].map(rows).concat();
    fs::write(folder.join("all.ndjson"), ndjson).unwrap();
    for format in ["parquet", "arrow"] {
        wireloupe(
            &["read", "--format", format, "--digest", "-o", name],
            &files,
        );
    }
}

#[test]
fn tables_of_every_sample_say_what_ndjson_says() {
    let Some(python) = python("duckdb, polars, pyarrow, pytz") else {
        return;
    };
    let root = TempDir::new().unwrap();
    for sample in Sample::all() {
        let folder = root.path().join(&sample.name);
        fs::create_dir(&folder).unwrap();
        write(&sample, &folder);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/columns.py");
    let done = Command::new(&python)
        .arg(&script)
        .arg(root.path())
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    for name in ["websockets-basic", "stomp", "h2-tls"] {
        let files = Sample::named(name).arguments();
        let read = |threads| {
            let threads = ["--threads", threads];
            let arguments = ["read", "--show", "messages", "--format", "arrow"];
            wireloupe(&[&arguments[..], &threads].concat(), &files)
        };
        assert_eq!(read("1"), read("3"), "{name}");
    }
}

#[test]
fn columns_and_rows_are_chosen() {
    let Some(python) = python("pyarrow") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("some.parquet");
    let arguments = [
        "read",
        "--format",
        "parquet",
        "--show",
        "messages",
        "-o",
        path.to_str().unwrap(),
        "-e",
        "stomp.command",
        "-e",
        "uid",
        "-e",
        "time",
        "-e",
        "tcp.dstport",
        "-e",
        "message.sha256",
        "-Y",
        "stomp.command == \"SEND\"",
    ];
    wireloupe(&arguments, &Sample::named("stomp").arguments());
    let script = "import sys, pyarrow.parquet as p; t = p.read_table(sys.argv[1]); \
        print([(f.name, str(f.type)) for f in t.schema]); \
        assert set(t['stomp.command'].to_pylist()) == {'SEND'}; \
        assert all(len(d) == 32 for d in t['message.sha256'].to_pylist())";
    let done = Command::new(python)
        .args(["-c", script])
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let expected = "[('stomp.command', 'string'), ('uid', 'string'), ('time', 'timestamp[us, tz=UTC]'), \
        ('tcp.dstport', 'int64'), ('message.sha256', 'binary')]\n";
    assert_eq!(String::from_utf8_lossy(&done.stdout), expected);
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out.parquet");
    let name = out.to_str().unwrap();
    let files = Sample::named("stomp").arguments();
    // All tables into a file, a column nobody knows, columns of all tables.
    for wrong in [
        &["read", "--format", "parquet"][..],
        &[
            "read", "--format", "parquet", "--show", "frames", "-o", name, "-e", "no.such",
        ],
        &["read", "--format", "parquet", "-o", name, "-e", "uid"],
        &["read", "--format", "csv", "--show", "calls", "-o", name],
    ] {
        let done = run(wrong, &files);
        assert_eq!(done.status.code(), Some(2), "{wrong:?}");
        assert!(!out.exists(), "{wrong:?}");
    }
    let missing = run(
        &[
            "read", "--format", "parquet", "--show", "frames", "-o", name,
        ],
        &["no-such-file.pcap".into()],
    );
    assert_eq!(missing.status.code(), Some(2));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// What is masked in other formats is in no column either.
#[test]
fn redaction_holds_in_tables() {
    for name in ["stomp", "squid-authentication", "graphql-transport-ws"] {
        let Some(sample) = Sample::all().into_iter().find(|sample| sample.name == name) else {
            continue;
        };
        let plain = wireloupe(
            &["read", "--format", "ndjson", "--show", "messages"],
            &sample.arguments(),
        );
        let secrets: Vec<String> = String::from_utf8(plain)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter_map(|row| row["text"].as_str().map(str::to_owned))
            .filter(|text| text.len() > 12 && !text.contains('*'))
            .collect();
        for table in [
            "messages",
            "frames",
            "findings",
            "connections",
            "calls",
            "exchanges",
        ] {
            let arguments = [
                "read", "--redact", "--digest", "--format", "arrow", "--show", table,
            ];
            let bytes = wireloupe(&arguments, &sample.arguments());
            for secret in &secrets {
                let found = bytes
                    .windows(secret.len())
                    .any(|part| part == secret.as_bytes());
                assert!(!found, "{name}: {secret:?} is in {table}");
            }
        }
    }
}

/// Every query and program of the cookbook runs on what the program writes; the queries give rows.
#[test]
fn the_cookbook_runs() {
    let Some(python) = python("duckdb, polars, pandas, pyarrow, pytz") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let captures = folder.path().join("captures");
    fs::create_dir(&captures).unwrap();
    let names = [
        "stomp",
        "ws-deflate-fragments",
        "websockets-basic",
        "accept-wrong",
        "jsonrpc",
        "nginx-idle-timeout.client",
    ];
    let wanted = |sample: &&Sample| names.contains(&sample.name.as_str());
    for sample in Sample::all().iter().filter(wanted) {
        let packed = fs::File::create(captures.join(format!("{}.gz", sample.file))).unwrap();
        let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
        packed.write_all(&fs::read(&sample.path).unwrap()).unwrap();
        packed.finish().unwrap();
    }
    // `wireloupe` is this build, and `kcat` whoever takes lines.
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_wireloupe"), programs.join("wireloupe")).unwrap();
    fs::write(programs.join("kcat"), "#!/bin/sh\nexec cat\n").unwrap();
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(programs.join("kcat"), executable).unwrap();
    let path = std::env::var("PATH").unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let done = Command::new(python)
        .arg(here.join("tests/data/cookbook.py"))
        .arg(here.join("docs/scale.md"))
        .current_dir(folder.path())
        .env("PATH", format!("{}:{path}", programs.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}
