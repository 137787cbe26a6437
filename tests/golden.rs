//! Every capture in `samples/` against its golden file: what the program prints of it, line by line, in NDJSON.
//!
//! `UPDATE=1 cargo test --test golden` writes the golden files anew. That they are right is another question, which
//! `samples/make/check.py` answers: it holds them against what the endpoints logged.
#![cfg(feature = "cli")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use wireloupe::testkit::Sample;

#[test]
fn every_capture_gives_its_golden_file() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| !value.is_empty());
    each_sample(|sample| {
        let golden = sample
            .folder()
            .join(format!("{}.golden.ndjson", sample.name));
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
    let folders: BTreeSet<_> = Sample::all()
        .iter()
        .map(|sample| sample.folder().to_owned())
        .collect();
    let samples = Sample::all();
    for folder in folders {
        for entry in fs::read_dir(&folder).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let Some(name) = file.strip_suffix(".golden.ndjson") else {
                continue;
            };
            let is_its = |sample: &Sample| sample.name == name && sample.folder() == folder;
            assert!(
                samples.iter().any(is_its),
                "{}/{file}: no such capture",
                folder.display()
            );
        }
    }
}

/// What the program prints of a sample. It runs in the folder, so that files are named without their place.
fn read(sample: &Sample, threads: usize) -> Result<Vec<u8>, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    command
        .current_dir(sample.folder())
        .args(["read", "--show", "all", "--format", "ndjson"]);
    command.args(["--threads", &threads.to_string()]);
    if sample.keys().is_some() {
        command.args(["--keylog", &format!("{}.keys", sample.name)]);
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
    let samples = Sample::all();
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
                            .push(format!("{}: {why}", sample.path.display()));
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
