//! `wireloupe lab`: labs listed, done, checked, graded, printed.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::base::escape;
use crate::cli::options::{OutputArgs, ReportArg};
use crate::cli::output::Output;
use crate::cli::printing::palette;
use crate::teach::lab::{self, Grade, Judgement, Lab, Results, judge, shown};
use crate::teach::{Line, Role};

use super::args::{GradesArg, LabArgs, LabCommand};
use super::line_quiz;
use super::paint::paint;

/// The exit code of `lab check` when a lab does not hold.
const WRONG: u8 = 3;

/// Does what was asked.
///
/// # Errors
/// When a lab or a file is not there, or nothing can be written.
pub(crate) fn run(args: &LabArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        None => list(ReportArg::Text),
        Some(LabCommand::List { format }) => list(*format),
        Some(LabCommand::Start {
            name,
            seed,
            results,
            lines,
        }) => start(name, seed, results.as_deref(), *lines),
        Some(LabCommand::Check { files, seed }) => check(files, seed.as_deref()),
        Some(LabCommand::Grade { files, format }) => grade(files, *format),
        Some(LabCommand::Sheet {
            name,
            seed,
            answers,
            to,
        }) => sheet(name, seed, *answers, to),
        Some(LabCommand::Files {
            name,
            seed,
            directory,
            force,
        }) => files(name, seed, directory, *force),
    }
}

fn write(text: &str) -> anyhow::Result<ExitCode> {
    match Output::open(None, false)?.write(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn list(format: ReportArg) -> anyhow::Result<ExitCode> {
    let labs = lab::names()
        .map(|name| lab::load(name, ""))
        .collect::<Result<Vec<_>, _>>()?;
    let points = |lab: &Lab| {
        lab.questions
            .iter()
            .map(|question| question.points)
            .sum::<u32>()
    };
    if format == ReportArg::Json {
        let labs: Vec<_> = labs
            .iter()
            .map(|lab| json!({ "name": lab.name, "title": lab.title, "minutes": lab.minutes, "questions": lab.questions.len(), "points": points(lab), "section": lab.section }))
            .collect();
        return write(&format!("{:#}\n", json!({ "labs": labs })));
    }
    let mut lines = vec![Line::of(
        Role::Title,
        format!(
            "{:<14} {:>4} {:>9} {:>6}  about",
            "lab", "min", "questions", "points"
        ),
    )];
    for lab in &labs {
        lines.push(Line::of(Role::Label, format!("{:<14} ", lab.name)).with(
            Role::Plain,
            format!(
                "{:>4} {:>9} {:>6}  {}",
                lab.minutes,
                lab.questions.len(),
                points(lab),
                lab.title
            ),
        ));
    }
    lines.push(Line::empty());
    lines.push(Line::of(Role::Faint, "wireloupe lab start first-frame begins one; wireloupe lab sheet first-frame -o sheet.html prints it."));
    let output = Output::open(None, false)?;
    write(&paint(&lines, palette(&output)))
}

fn start(name: &str, seed: &str, results: Option<&Path>, lines: bool) -> anyhow::Result<ExitCode> {
    let lab = lab::load(name, seed)?;
    let path = match results {
        Some(path) => path.to_owned(),
        None => PathBuf::from(file_name(&lab)),
    };
    let on_screen = !lines && io::stdin().is_terminal() && io::stdout().is_terminal();
    let done = match on_screen {
        #[cfg(feature = "tui")]
        true => crate::cli::tui::quiz(lab)?,
        _ => line_quiz::run(&lab)?,
    };
    save(&done, &path)?;
    write(&format!(
        "\n{} of {} points. Results: {}\n",
        done.points,
        done.of,
        path.display()
    ))
}

/// `LAB-STUDENT.json`, of letters that every file system takes.
fn file_name(lab: &Lab) -> String {
    let plain = |text: &str| {
        text.chars()
            .map(|c| {
                if c.is_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect::<String>()
    };
    match lab.seed.as_str() {
        "" => format!("{}.json", plain(&lab.name)),
        seed => format!("{}-{}.json", plain(&lab.name), plain(seed)),
    }
}

fn save(results: &Results, path: &Path) -> anyhow::Result<()> {
    let mut output = Output::open(Some(path), true)?;
    output.write(results.json().as_bytes())?;
    output.finish()
}

/// Works every answer out and compares it with what is expected.
fn check(files: &[String], seed: Option<&str>) -> anyhow::Result<ExitCode> {
    let all: Vec<String> = match files {
        [] => lab::names().map(str::to_owned).collect(),
        files => files.to_vec(),
    };
    let mut text = String::new();
    let mut wrong = 0;
    for name in &all {
        wrong += match checked(name, seed, &mut text) {
            Ok(wrong) => wrong,
            Err(why) => {
                text.push_str(&format!("{why}\n"));
                1
            }
        };
    }
    text.push_str(&match wrong {
        0 => format!(
            "{} labs hold: every answer is what the program finds\n",
            all.len()
        ),
        count => format!("{count} things to repair\n"),
    });
    write(&text)?;
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG)
    })
}

/// The answer keys of one lab; how many are not as expected. Students' numbers must work out, too.
fn checked(name: &str, seed: Option<&str>, text: &mut String) -> Result<usize, lab::LabError> {
    let wrong = keys(&lab::load(name, "")?, true, text);
    for student in ["anna", "bert"] {
        lab::load(name, student)?;
    }
    if let Some(seed) = seed {
        keys(&lab::load(name, seed)?, false, text);
    }
    Ok(wrong)
}

/// Lists the answer keys of a lab; how many are not as expected.
fn keys(lab: &Lab, with_expected: bool, text: &mut String) -> usize {
    text.push_str(&format!("{}: {}\n", lab.name, lab.title));
    let mut wrong = 0;
    for (at, question) in lab.questions.iter().enumerate() {
        let expect = question.expect.as_deref().filter(|_| with_expected);
        let is_right = expect.is_none_or(|expect| judge(question, expect) == Judgement::Right);
        let mark = if is_right { "" } else { "  WRONG: expected " };
        let expected = expect.filter(|_| !is_right).unwrap_or_default();
        wrong += usize::from(!is_right);
        text.push_str(&format!(
            "  {:>2}. {}{mark}{expected}\n",
            at + 1,
            escape::preview(shown(question).as_bytes(), 100)
        ));
    }
    wrong
}

fn grade(files: &[PathBuf], format: GradesArg) -> anyhow::Result<ExitCode> {
    let mut graded: Vec<(String, Result<Grade, String>)> = Vec::new();
    for path in files {
        let read = fs::read_to_string(path).map_err(|why| why.to_string());
        graded.push((
            path.display().to_string(),
            read.and_then(|text| lab::grade(&text)),
        ));
    }
    let failed = graded.iter().any(|(_, grade)| grade.is_err());
    write(&match format {
        GradesArg::Text => table(&graded),
        GradesArg::Csv => csv(&graded),
        GradesArg::Json => format!("{:#}\n", grades_json(&graded)),
    })?;
    Ok(if failed {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// Right answers as marks: `x` right, `.` not, `-` nothing.
fn marks(grade: &Grade) -> String {
    let answers = grade.right.iter().zip(&grade.results.answers);
    answers
        .map(|(right, given)| match (right, given.tries.is_empty()) {
            (true, _) if !given.given_up => 'x',
            (_, true) => '-',
            _ => '.',
        })
        .collect()
}

fn table(graded: &[(String, Result<Grade, String>)]) -> String {
    let mut text = format!(
        "{:<20} {:<14} {:>6} {:>4} {:>5}  answers\n",
        "student", "lab", "points", "of", "%"
    );
    for (file, grade) in graded {
        match grade {
            Err(why) => text.push_str(&format!("{file}: {}\n", escape::text(why.as_bytes()))),
            Ok(grade) => {
                let results = &grade.results;
                let percent = results.points * 100 / results.of.max(1);
                let claimed = grade.claimed.map_or(String::new(), |claimed| {
                    format!("  (the file says {claimed} points)")
                });
                text.push_str(&format!(
                    "{:<20} {:<14} {:>6} {:>4} {percent:>4}%  {}{claimed}\n",
                    escape::preview(results.seed.as_bytes(), 20),
                    results.lab,
                    results.points,
                    results.of,
                    marks(grade)
                ));
            }
        }
    }
    text
}

fn csv(graded: &[(String, Result<Grade, String>)]) -> String {
    let cell = |text: &str| {
        let text = escape::text(text.as_bytes()).replace('"', "\"\"");
        let guard = if text.starts_with(['=', '+', '-', '@']) {
            "'"
        } else {
            ""
        };
        format!("\"{guard}{text}\"")
    };
    let mut text = "file,student,lab,points,of,answers,claimed,error\n".to_owned();
    for (file, grade) in graded {
        let row = match grade {
            Err(why) => format!("{},,,,,,,{}", cell(file), cell(why)),
            Ok(grade) => format!(
                "{},{},{},{},{},{},{},",
                cell(file),
                cell(&grade.results.seed),
                cell(&grade.results.lab),
                grade.results.points,
                grade.results.of,
                cell(&marks(grade)),
                grade
                    .claimed
                    .map_or(String::new(), |claimed| claimed.to_string())
            ),
        };
        text.push_str(&row);
        text.push('\n');
    }
    text
}

fn grades_json(graded: &[(String, Result<Grade, String>)]) -> serde_json::Value {
    let rows = graded.iter().map(|(file, grade)| match grade {
        Err(why) => json!({ "file": file, "error": why }),
        Ok(grade) => json!({
            "file": file,
            "student": grade.results.seed,
            "lab": grade.results.lab,
            "points": grade.results.points,
            "of": grade.results.of,
            "right": grade.right,
            "claimed": grade.claimed,
            "answers": grade.results.answers,
        }),
    });
    json!({ "grades": rows.collect::<Vec<_>>() })
}

fn sheet(name: &str, seed: &str, answers: bool, to: &OutputArgs) -> anyhow::Result<ExitCode> {
    let lab = lab::load(name, seed)?;
    let mut output = Output::open(to.output.as_deref(), to.force)?;
    output.write(lab::sheet::sheet(&lab, answers).as_bytes())?;
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn files(name: &str, seed: &str, directory: &Path, force: bool) -> anyhow::Result<ExitCode> {
    let lab = lab::load(name, seed)?;
    if lab.captures.is_empty() {
        bail!("{name}: this lab has no captures");
    }
    fs::create_dir_all(directory)
        .with_context(|| format!("{}: cannot be made", directory.display()))?;
    let mut text = String::new();
    let captures = lab
        .captures
        .iter()
        .map(|opened| opened.file.as_slice())
        .zip(&lab.capture_names);
    let keys = lab
        .key_log
        .iter()
        .map(|(name, bytes)| (bytes.as_slice(), name));
    for (bytes, name) in captures.chain(keys) {
        let path = directory.join(name);
        let mut output = Output::open(Some(&path), force)?;
        output.write(bytes)?;
        output.finish()?;
        text.push_str(&format!("{}\n", path.display()));
    }
    write(&text)
}
