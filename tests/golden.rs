//! Every capture in `samples/` against its golden file: what the program prints of it, line by line, in NDJSON.
//!
//! `UPDATE=1 cargo test --test golden` writes the golden files anew. That they are right is another question, which
//! `samples/make/check.py` answers: it holds them against what the endpoints logged.
#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const ENDINGS: [&str; 2] = [".pcap", ".pcapng"];
const COMPRESSED: [&str; 3] = [".gz", ".zst", ".lz4"];

/// A capture file and the name its other files share.
#[derive(Debug)]
struct Sample {
    file: String,
    name: String,
}

#[test]
fn every_capture_gives_its_golden_file() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| !value.is_empty());
    each_sample(|sample| {
        let golden = folder().join(format!("{}.golden.ndjson", sample.name));
        let printed = read(sample, 2)?;
        let expected = fs::read(&golden).unwrap_or_default();
        if update {
            if printed != expected {
                fs::write(&golden, printed).unwrap();
            }
            return Ok(());
        }
        if !golden.exists() {
            return Err("no golden file; UPDATE=1 cargo test --test golden writes it".to_owned());
        }
        same(&printed, &expected)
    });
}

#[test]
fn any_number_of_threads_gives_the_same() {
    each_sample(|sample| {
        let one = read(sample, 1)?;
        for threads in [2, 3, 8] {
            same(&read(sample, threads)?, &one)
                .map_err(|why| format!("{threads} threads: {why}"))?;
        }
        Ok(())
    });
}

#[test]
fn golden_files_belong_to_captures() {
    let samples = samples();
    for entry in fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = file.strip_suffix(".golden.ndjson") {
            assert!(
                samples.iter().any(|sample| sample.name == name),
                "samples/{file}: no such capture"
            );
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn samples() -> Vec<Sample> {
    let mut samples: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| sample(&entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    samples.sort_by(|a, b| a.file.cmp(&b.file));
    assert!(
        samples.len() >= 20,
        "only {} captures in samples/",
        samples.len()
    );
    samples
}

fn sample(file: &str) -> Option<Sample> {
    let plain = COMPRESSED
        .iter()
        .find_map(|ending| file.strip_suffix(ending))
        .unwrap_or(file);
    let name = ENDINGS
        .iter()
        .find_map(|ending| plain.strip_suffix(ending))?;
    Some(Sample {
        file: file.to_owned(),
        name: name.to_owned(),
    })
}

/// What the program prints of a sample. It runs in the folder, so that files are named without their place.
fn read(sample: &Sample, threads: usize) -> Result<Vec<u8>, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    command
        .current_dir(folder())
        .args(["read", "--show", "all", "--format", "ndjson"]);
    command.args(["--threads", &threads.to_string()]);
    let keys = format!("{}.keys", sample.name);
    if folder().join(&keys).exists() {
        command.args(["--keylog", &keys]);
    }
    let done = command.arg(&sample.file).output().unwrap();
    match done.status.code() {
        Some(0 | 1) => Ok(done.stdout),
        _ => Err(format!(
            "{}: {}",
            done.status,
            String::from_utf8_lossy(&done.stderr).trim()
        )),
    }
}

/// The first line that differs.
fn same(printed: &[u8], expected: &[u8]) -> Result<(), String> {
    if printed == expected {
        return Ok(());
    }
    let lines = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(bytes)
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let (printed, expected) = (lines(printed), lines(expected));
    let at = printed.iter().zip(&expected).position(|(a, b)| a != b);
    let at = at.unwrap_or(printed.len().min(expected.len()));
    let line = |lines: &[String]| {
        lines
            .get(at)
            .cloned()
            .unwrap_or_else(|| "(nothing)".to_owned())
    };
    Err(format!(
        "line {}:\n  printed  {}\n  expected {}",
        at + 1,
        line(&printed),
        line(&expected)
    ))
}

/// Runs `check` on every sample, on two threads, and fails with all that it found.
fn each_sample(check: impl Fn(&Sample) -> Result<(), String> + Sync) {
    let samples = samples();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(sample) = samples.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = check(sample) {
                        failures
                            .lock()
                            .unwrap()
                            .push(format!("samples/{}: {why}", sample.file));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} of {} samples:\n{}",
        failures.len(),
        samples.len(),
        failures.join("\n")
    );
}
