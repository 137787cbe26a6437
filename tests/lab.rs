//! The labs inside the program: every answer key is worked out by the decoder, agrees with what the author expects, and passes
//! the judge; and what `wireloupe lab` does with them.
#![cfg(feature = "cli")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use wireloupe::teach::lab::{Judgement, Lab, Results, grade, judge, load, names, shown, source};

fn lab(name: &str, seed: &str) -> Lab {
    load(name, seed).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn every_answer_key_is_what_the_decoder_finds() {
    for name in names() {
        let lab = lab(name, "");
        assert_eq!(lab.name, name);
        for (at, question) in lab.questions.iter().enumerate() {
            let solved = shown(question);
            let place = format!("{name}, question {}: {} -> {solved}", at + 1, question.ask);
            if std::env::var_os("SHOW").is_some() {
                println!("{place}");
            }
            assert_eq!(
                judge(question, question.solution.text()),
                Judgement::Right,
                "{place}"
            );
            if let Some(expect) = &question.expect {
                assert_eq!(
                    judge(question, expect),
                    Judgement::Right,
                    "{place}: {expect} is expected"
                );
            }
            assert!(!question.section.is_empty(), "{place}");
        }
    }
}

#[test]
fn every_student_gets_other_numbers_and_as_many_points() {
    for name in names() {
        let own = lab(name, "");
        let differs = |seed: &str| {
            let other = lab(name, seed);
            assert_eq!(other.questions.len(), own.questions.len());
            let points = |lab: &Lab| {
                lab.questions
                    .iter()
                    .map(|question| question.points)
                    .sum::<u32>()
            };
            assert_eq!(points(&other), points(&own));
            for question in &other.questions {
                assert_eq!(
                    judge(question, question.solution.text()),
                    Judgement::Right,
                    "{name} for {seed}: {}",
                    question.ask
                );
            }
            let answers = |lab: &Lab| {
                lab.questions
                    .iter()
                    .map(|question| question.solution.text().to_owned())
                    .collect::<Vec<_>>()
            };
            answers(&other) != answers(&own)
        };
        let differ = ["anna", "bert", "chris"].map(differs);
        assert!(differ.contains(&true), "{name}: the same for all");
        let again = |seed| {
            lab(name, seed)
                .questions
                .iter()
                .map(|question| question.ask.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(again("anna"), again("anna"));
    }
}

#[test]
fn there_are_at_least_fourteen_and_they_are_small() {
    assert!(names().count() >= 14);
    let text: usize = names().map(|name| source(name).unwrap().len()).sum();
    let files: usize = names()
        .map(|name| {
            lab(name, "")
                .captures
                .iter()
                .map(|opened| opened.file.len())
                .sum::<usize>()
        })
        .sum();
    assert!(text + files < 1_500_000, "{text} + {files}");
}

#[test]
fn wrong_answers_are_wrong_and_unclear_ones_cost_nothing() {
    let lab = lab("first-frame", "");
    let mut results = Results::of(&lab);
    assert!(matches!(
        results.answer(&lab, 0, "banana"),
        Judgement::Unclear(_)
    ));
    assert!(matches!(results.answer(&lab, 0, "7"), Judgement::Wrong(_)));
    assert_eq!(results.answer(&lab, 0, "0x6"), Judgement::Right);
    assert_eq!(
        results.answers[0].points, 3,
        "one wrong try costs a quarter"
    );
    assert!(results.hint(&lab, 1).is_some());
    assert_eq!(results.answer(&lab, 1, "1"), Judgement::Right);
    assert_eq!(results.points, 6);
}

#[test]
fn grading_solves_again_and_sees_what_was_changed() {
    let lab = lab("masking", "anna");
    let mut results = Results::of(&lab);
    for at in 0..lab.questions.len() {
        let answer = lab.questions[at].solution.text().to_owned();
        assert_eq!(results.answer(&lab, at, &answer), Judgement::Right);
    }
    let graded = grade(&results.json()).unwrap();
    assert_eq!((graded.results.points, graded.claimed), (results.of, None));
    assert!(graded.right.iter().all(|right| *right));
    let forged = results
        .json()
        .replace("\"seed\": \"anna\"", "\"seed\": \"bert\"");
    let graded = grade(&forged).unwrap();
    assert!(graded.results.points < results.of, "another's answers");
    assert_eq!(graded.claimed, Some(results.of));
    assert!(grade("{}").is_err());
}

fn run(args: &[&str], input: &str, folder: &std::path::Path) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .arg("lab")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn said(args: &[&str], input: &str, folder: &std::path::Path) -> String {
    let output = run(args, input, folder);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_lab_is_done_line_by_line_and_graded() {
    let folder = tempfile::tempdir().unwrap();
    let answers = "5\n?\n6\n1\n!\n\nwhatever\n";
    let text = said(
        &["start", "first-frame", "--seed", "anna"],
        answers,
        folder.path(),
    );
    for expected in [
        "wrong: ",
        "hint: ",
        "right: 2 points",
        "right: 4 points",
        "answer: 1",
        "unclear: \"whatever\" is no number",
        "6 of 28 points",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    let file = folder.path().join("first-frame-anna.json");
    let results: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(
        results["answers"][0]["tries"],
        serde_json::json!(["5", "6"])
    );
    let table = said(&["grade", "first-frame-anna.json"], "", folder.path());
    assert!(
        table.contains("anna") && table.contains("xx-----"),
        "{table}"
    );
    let csv = said(
        &["grade", "--format", "csv", "first-frame-anna.json"],
        "",
        folder.path(),
    );
    assert!(csv.contains("\"anna\",\"first-frame\",6,28,"), "{csv}");
    let bad = run(&["grade", "nothing.json"], "", folder.path());
    assert_eq!(bad.status.code(), Some(1));
}

#[test]
fn labs_are_listed_checked_and_their_captures_written() {
    let folder = tempfile::tempdir().unwrap();
    let list = said(&["list", "--format", "json"], "", folder.path());
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["labs"].as_array().unwrap().len(), names().count());
    assert!(said(&["check"], "", folder.path()).contains("labs hold"));
    let written = said(&["files", "keys", "-o", "captures"], "", folder.path());
    assert_eq!(written.lines().count(), 2, "{written}");
    assert!(
        folder
            .path()
            .join("captures/wss-tls13-aes128-gcm.keys")
            .exists()
    );
}

#[test]
fn a_teachers_own_lab_is_held_against_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let lab = |expect: &str| {
        format!(
            "name = \"mine\"\ntitle = \"Mine\"\nminutes = 5\nsection = \"RFC 6455 5.2\"\nabout = \"One frame.\"\n\
             [material]\nhex = true\nscript = \"\"\"\nhandshake /\nserver text \"Hi\"\n\"\"\"\n\
             [[question]]\nask = \"The length?\"\nkind = \"number\"\nanswer.field = {{ name = \"websocket.payload_length\" }}\nexpect = \"{expect}\"\n"
        )
    };
    std::fs::write(folder.path().join("mine.toml"), lab("2")).unwrap();
    assert!(said(&["check", "mine.toml"], "", folder.path()).contains("1. 2"));
    assert!(said(&["start", "mine.toml"], "2\n", folder.path()).contains("4 of 4 points"));
    std::fs::write(folder.path().join("mine.toml"), lab("3")).unwrap();
    let wrong = run(&["check", "mine.toml"], "", folder.path());
    assert_eq!(wrong.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("WRONG: expected 3"));
    std::fs::write(
        folder.path().join("mine.toml"),
        lab("3").replace("ask =", "aks ="),
    )
    .unwrap();
    let wrong = run(&["check", "mine.toml"], "", folder.path());
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("unknown field `aks`"));
}

#[test]
fn sheets_are_one_file_without_the_answers_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    for name in names() {
        let page = said(&["sheet", name], "", folder.path());
        assert!(
            page.starts_with("<!doctype html>") && page.contains("default-src 'none'"),
            "{name}"
        );
        assert!(
            !page.contains("http://www") && !page.contains("<script"),
            "{name}"
        );
        assert!(
            !page.contains("box right") && !page.contains("class=\"answer\""),
            "{name}"
        );
        let solved = said(&["sheet", name, "--answers"], "", folder.path());
        assert_eq!(
            solved.matches("class=\"answer\"").count(),
            lab(name, "").questions.len(),
            "{name}"
        );
    }
    let page = said(&["sheet", "first-frame"], "", folder.path());
    assert!(page.contains("<svg") && page.contains("81 85 cb 6e"));
}

#[test]
fn the_package_holds_what_the_labs_are_made_of() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let library = std::fs::read_to_string(root.join("src/teach/lab/library.rs")).unwrap();
    let captures = library.split("captures! {").nth(1).unwrap();
    let named = captures
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let mut count = 0;
    for name in named {
        count += 1;
        assert!(
            manifest.contains(&format!("\"/samples/{name}\"")),
            "{name} is not in the package"
        );
    }
    assert!(count > 10, "{count}");
}

#[test]
fn the_lab_of_the_guide_holds() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/teaching.md")).unwrap();
    let lab = guide
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), lab).unwrap();
    let checked = said(&["check", "mine.toml", "--seed", "anna"], "", folder.path());
    assert!(checked.contains("1 labs hold"), "{checked}");
    assert!(said(&["sheet", "mine.toml"], "", folder.path()).contains("<svg"));
    let listed = format!("{} labs hold", names().count());
    assert!(
        guide.contains(&listed),
        "the guide names another number of labs"
    );
}
