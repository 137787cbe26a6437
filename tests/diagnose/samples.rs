//! Samples whose true cause is known, and the manual's table of verdicts.

use std::path::{Path, PathBuf};

use wireloupe::base::Severity;
use wireloupe::capture::{Batch, Input, Source};
use wireloupe::engine::{Engine, Options};
use wireloupe::insight::{BatchFacts, Casebook, Diagnosis, Facts, Stage, Verdict};
use wireloupe::run::Collected as _;
use wireloupe::testkit::Sample;
use wireloupe::wire::Walker;

/// Samples without an expected failure in which diagnosis rightly finds one.
const NOT_ALL_HEALTHY: &[&str] = &[
    // An endpoint closes with every code there is, those that say that something is wrong included.
    "websockets-close-codes",
    // The page asks once more after its server has stopped.
    "http-ways-chromium",
    // A server without a context closes on the first operation, and one closes on a wrong password.
    "graphql-ws-old",
    "nats",
];

fn run_sample(sample: &Sample) -> Vec<Diagnosis> {
    let options = Options::default();
    let inputs = vec![Input::from_argument(&sample.path)];
    let mut source = Source::open(inputs, &options.limits).expect("a capture");
    let mut walker = Walker::new(&options.limits);
    let mut engine = Engine::new(options, Facts::default());
    let mut log = wireloupe::tls::KeyLog::new();
    if let Some(keys) = sample.keys() {
        log.extend(&std::fs::read(keys).expect("a key log"));
    }
    let mut batch = Batch::new();
    while source.fill(&mut batch) {
        for secrets in &source.summary().secrets {
            log.extend(&secrets.bytes);
        }
        log.finish();
        engine.set_keys(std::sync::Arc::new(log.clone()));
        engine.batch(&batch, &mut walker);
    }
    engine.finish();
    let mut part = BatchFacts::default();
    engine.sink().exchange(&mut part);
    let mut casebook = Casebook::default();
    casebook.take(&mut [part]);
    let report = casebook.report(engine.time());
    report.list.iter().map(|found| (**found).clone()).collect()
}

fn expectation(sample: &Sample) -> serde_json::Value {
    let text = match sample.beside("expect.json") {
        Some(path) => std::fs::read_to_string(path).expect("a readable file"),
        None => "{}".to_owned(),
    };
    serde_json::from_str(&text).expect("JSON")
}

/// Whether a verdict is the true cause of an attempt, or one that the packets allow as well, with the doubt they leave.
fn is_true(found: &Diagnosis, attempt: &serde_json::Value, expected: &serde_json::Value) -> bool {
    let name = found.verdict.name();
    let lists = [&expected["also"], &attempt["also"]];
    let also = lists
        .into_iter()
        .flat_map(|list| list.as_array().into_iter().flatten());
    let allowed = also
        .filter_map(|verdict| verdict.as_str())
        .any(|verdict| verdict == name);
    let is_cause =
        attempt["verdict"] == name && found.stage().map(Stage::name) == attempt["stage"].as_str();
    let admits_doubt = expected["uncertain"] != true || found.confidence.name() != "certain";
    (is_cause || allowed) && admits_doubt
}

/// Findings that a sample must have, by their codes, and does not have in its golden file.
fn missing_findings(sample: &Sample, expected: &serde_json::Value) -> Vec<String> {
    let golden = sample.beside("golden.ndjson").map(std::fs::read_to_string);
    let golden = golden.and_then(Result::ok).unwrap_or_default();
    let codes = expected["findings"].as_array().into_iter().flatten();
    let is_missing = |code: &&serde_json::Value| !golden.contains(&format!("\"code\":{code}"));
    let missing = codes.filter(is_missing);
    missing
        .map(|code| format!("{}: no finding {code}", sample.name))
        .collect()
}

/// What the evidence must quote and does not, and what no sentence may say and one says.
fn wrong_words(
    sample: &Sample,
    diagnoses: &[Diagnosis],
    expected: &serde_json::Value,
) -> Vec<String> {
    let words = |field: &str| -> Vec<String> {
        let list = expected[field].as_array().cloned().unwrap_or_default();
        list.iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let is_quoted = |quote: &String| {
        let mut evidence = diagnoses.iter().flat_map(|found| &found.evidence);
        evidence.any(|each| each.text.contains(quote.as_str()))
    };
    let is_said = |words: &String| {
        diagnoses
            .iter()
            .any(|found| found.sentence.contains(words.as_str()))
    };
    let unquoted = words("quotes")
        .into_iter()
        .filter(|quote| !is_quoted(quote));
    let said = words("unsaid").into_iter().filter(is_said);
    unquoted
        .map(|quote| format!("{}: the evidence does not quote {quote:?}", sample.name))
        .chain(said.map(|words| format!("{}: a sentence says {words:?}", sample.name)))
        .collect()
}

/// Where diagnosis differs from the true causes of a sample.
fn differences(sample: &Sample) -> Vec<String> {
    let diagnoses = run_sample(sample);
    let expected = expectation(sample);
    let attempts = expected["attempts"].as_array().cloned().unwrap_or_default();
    let mut wrong = Vec::new();
    for (index, attempt) in attempts.iter().enumerate() {
        let found = diagnoses.get(index);
        if !found.is_some_and(|found| is_true(found, attempt, &expected)) {
            let said = found.map(|found| (found.verdict.name(), found.confidence.name()));
            let wanted = format!("{} at {}", attempt["verdict"], attempt["stage"]);
            wrong.push(format!("{}: wanted {wanted}, found {said:?}", sample.name));
        }
    }
    wrong.extend(missing_findings(sample, &expected));
    wrong.extend(wrong_words(sample, &diagnoses, &expected));
    let is_error = |found: &&Diagnosis| found.verdict.severity() == Severity::Error;
    if attempts.is_empty() && !NOT_ALL_HEALTHY.contains(&sample.name.as_str()) {
        let broken = diagnoses.iter().find(is_error);
        wrong.extend(
            broken.map(|found| format!("{} is healthy, and: {}", sample.name, found.sentence)),
        );
    }
    wrong
}

/// Samples whose true cause is not found yet, one a line.
fn not_found_yet() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/causes-not-found-yet.txt")
}

#[test]
fn samples_of_failures_have_their_true_cause_and_healthy_ones_none() {
    let known = std::fs::read_to_string(not_found_yet()).unwrap_or_default();
    let wrong: Vec<_> = Sample::all()
        .into_iter()
        .map(|sample| (differences(&sample), sample.name))
        .filter(|(wrong, _)| !wrong.is_empty())
        .collect();
    if std::env::var_os("UPDATE").is_some() {
        let names: String = wrong.iter().map(|(_, name)| format!("{name}\n")).collect();
        std::fs::write(not_found_yet(), names).expect("the list can be written");
        return;
    }
    let is_known = |name: &String| known.lines().any(|line| line == name);
    let new: Vec<_> = wrong
        .into_iter()
        .filter(|(_, name)| !is_known(name))
        .flat_map(|(wrong, _)| wrong)
        .collect();
    assert!(new.is_empty(), "{}", new.join("\n"));
    let causes = Sample::all()
        .iter()
        .map(|sample| {
            expectation(sample)["attempts"]
                .as_array()
                .map_or(0, Vec::len)
        })
        .sum::<usize>();
    assert!(
        causes >= 50,
        "only {causes} attempts with a known cause were found"
    );
}

#[test]
fn the_manual_has_the_table_of_verdicts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnosis.md");
    let text = std::fs::read_to_string(&path).expect("docs/diagnosis.md");
    let (start, end) = ("<!-- verdicts -->\n", "<!-- end of verdicts -->");
    let from = text.find(start).expect("the mark before the table") + start.len();
    let to = text.find(end).expect("the mark after the table");
    let table = wireloupe::insight::manual::verdicts();
    if std::env::var_os("UPDATE").is_some() {
        let new = format!("{}{table}{}", &text[..from], &text[to..]);
        std::fs::write(&path, new).expect("docs/diagnosis.md can be written");
        return;
    }
    assert!(
        text[from..to] == table,
        "the table is not current: UPDATE=1 cargo test --test diagnose rewrites it"
    );
}

/// One line an attempt: what diagnosis says, and which packets show it. Healthy ones are counted.
fn told(name: &str, diagnoses: &[Diagnosis]) -> String {
    let (healthy, other): (Vec<_>, Vec<_>) = diagnoses
        .iter()
        .partition(|found| found.verdict == Verdict::Healthy);
    let mut out = format!("{name}: {} healthy\n", healthy.len());
    for found in other {
        let number = found
            .connection
            .map_or("-".to_owned(), |number| number.to_string());
        let packets: Vec<_> = found
            .packets()
            .iter()
            .map(|packet| packet.0.to_string())
            .collect();
        out.push_str(&format!(
            "  {number} {} ({}, packets {}): {}\n",
            found.verdict,
            found.confidence.name(),
            packets.join(" "),
            found.sentence
        ));
    }
    out
}

#[test]
fn every_sample_has_its_golden_diagnosis() {
    let all: String = Sample::all()
        .iter()
        .map(|sample| told(&sample.name, &run_sample(sample)))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diagnoses.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &all).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let wrong: Vec<_> = all
        .lines()
        .filter(|line| !golden.lines().any(|g| g == *line))
        .collect();
    assert!(
        golden == all,
        "not as in the golden file:\n{}\nUPDATE=1 cargo test --test diagnose rewrites it",
        wrong.join("\n")
    );
}

/// The text of every file of this test, and the true causes of the samples.
fn what_is_tested() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = std::fs::read_dir(root.join("tests/diagnose")).expect("the tests");
    let tests = tests.map(|entry| entry.expect("an entry").path());
    let expected = Sample::all().into_iter().map(|sample| expectation(&sample));
    let verdicts = expected.flat_map(|expected| {
        let attempts = expected["attempts"].as_array().cloned().unwrap_or_default();
        attempts
            .into_iter()
            .map(|attempt| attempt["verdict"].to_string())
    });
    let sources = tests.map(|path| std::fs::read_to_string(path).expect("a source file"));
    sources.chain(verdicts).collect()
}

#[test]
fn every_verdict_has_a_test_or_a_sample() {
    let tested = what_is_tested();
    let is_tested = |verdict: &Verdict| {
        let named = format!("Verdict::{verdict:?}");
        let mut after = tested
            .match_indices(&named)
            .map(|(at, _)| &tested[at + named.len()..]);
        let is_whole = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        after.any(is_whole) || tested.contains(&format!("\"{}\"", verdict.name()))
    };
    let missing: Vec<_> = Verdict::ALL
        .iter()
        .filter(|verdict| !is_tested(verdict))
        .collect();
    assert!(missing.is_empty(), "without a test: {missing:?}");
}

/// Fenced blocks of a page with the file that is named last before each.
fn quotations(page: &str) -> Vec<(String, String)> {
    let parts: Vec<_> = page.split("```\n").collect();
    let quoted = parts.iter().enumerate().skip(1).step_by(2);
    quoted
        .map(|(at, block)| {
            let before = parts[..at].concat();
            let from = before
                .rfind("`samples/make/proxies/")
                .map(|from| &before[from + 1..]);
            let file = from
                .and_then(|rest| rest.split('`').next())
                .unwrap_or_default();
            (file.to_owned(), (*block).to_owned())
        })
        .collect()
}

#[test]
fn every_configuration_in_the_manual_is_the_one_that_was_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_dir(root.join("docs/proxies")).expect("the pages");
    let mut count = 0;
    for page in pages {
        let path = page.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a page");
        for (file, block) in quotations(&text) {
            let of_file = std::fs::read_to_string(root.join(&file)).unwrap_or_default();
            assert!(
                of_file.contains(&block),
                "{}: not in {file:?}:\n{block}",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count >= 12, "only {count} configurations are quoted");
}

#[test]
fn every_configuration_is_run_by_a_script() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/make");
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    };
    let is_file = |path: &PathBuf| path.is_file();
    let read = |path: PathBuf| {
        String::from_utf8_lossy(&std::fs::read(path).expect("a script")).into_owned()
    };
    let scripts: String = entries(&root)
        .into_iter()
        .filter(is_file)
        .map(read)
        .collect();
    let proxies = entries(&root.join("proxies"));
    let configurations: String = proxies.iter().cloned().map(read).collect();
    for path in proxies {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        // Scripts name a configuration with its ending or, for the program that has one kind, without.
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let is_run = scripts.contains(name)
            || scripts.contains(&format!("\"{stem}\""))
            || configurations.contains(name);
        assert!(is_run, "no script runs samples/make/proxies/{name}");
    }
}
