//! A lab as one student gets it: numbers drawn, texts filled in, captures built and opened, answers worked out.

use std::path::Path;

use thiserror::Error;

use super::draw::{draw, fill, generator};
use super::file::{Answer, Kind, LabFile};
use super::library;
use super::opened::Opened;
use super::solve::{Solution, solve};
use crate::teach::build::{Script, build};

/// What keeps a lab from being used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct LabError(pub String);

/// A lab that is ready.
pub struct Lab {
    /// What it is called.
    pub name: String,
    /// What it is about, in one line.
    pub title: String,
    /// Minutes it takes.
    pub minutes: u32,
    /// What is read first, a paragraph an element.
    pub about: Vec<String>,
    /// Where the standard says it.
    pub section: String,
    /// The student it was drawn for; empty for the numbers of the file.
    pub seed: String,
    /// Its captures.
    pub captures: Vec<Opened>,
    /// What they are called.
    pub capture_names: Vec<String>,
    /// Its key log and what that is called.
    pub key_log: Option<(String, Vec<u8>)>,
    /// Whether frames are given as hex.
    pub hex: bool,
    /// Its questions.
    pub questions: Vec<Question>,
}

/// A question that is ready.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is asked.
    pub ask: String,
    /// What an answer looks like.
    pub kind: Kind,
    /// How it is worked out.
    pub(super) answer: Answer,
    /// What comes of it.
    pub solution: Solution,
    /// What should come of it without a seed.
    pub expect: Option<String>,
    /// Answers to choose from.
    pub choices: Vec<String>,
    /// Hints, each saying more than the one before.
    pub hints: Vec<String>,
    /// Why it is so.
    pub why: String,
    /// Where the standard says it.
    pub section: String,
    /// What it is worth.
    pub points: u32,
    /// The frame it is about.
    pub frame: Option<u32>,
    /// The capture it is about, from 1.
    pub capture: usize,
    /// Fields whose values are covered while it is asked.
    pub covers: Vec<String>,
}

/// A lab of this name, or of this file, with the numbers of this seed.
///
/// # Errors
/// When there is none, or something in it does not work out; says what and where.
pub fn load(name: &str, seed: &str) -> Result<Lab, LabError> {
    if let Some(text) = library::source(name) {
        return of_text(text, None, seed).map_err(|why| LabError(format!("{name}: {why}")));
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        let known = library::names().collect::<Vec<_>>().join(", ");
        return Err(LabError(format!(
            "{name}: no such lab, and no file NAME.toml: there are {known}"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|why| LabError(format!("{name}: {why}")))?;
    of_text(&text, path.parent(), seed).map_err(|why| LabError(format!("{name}: {why}")))
}

/// A lab from its text; captures that it names lie in `folder`.
fn of_text(text: &str, folder: Option<&Path>, seed: &str) -> Result<Lab, String> {
    let file: LabFile =
        toml::from_str(text).map_err(|why| why.to_string().trim_end().to_owned())?;
    let mut values: Vec<(String, String)> = Vec::new();
    for (name, what) in &file.draw {
        values.push((name.clone(), draw(what, seed, &file.name, name)?));
    }
    let (captures, capture_names) = material(&file, folder, &values, seed)?;
    work_out(&file, &captures, &mut values)?;
    let questions = file.question.iter().enumerate().map(|(at, question)| {
        let answer = filled_answer(&question.answer, &values);
        let solution =
            solve(&answer, &captures).map_err(|why| format!("question {}: {why}", at + 1))?;
        let text = |text: &str| filled(text, &values);
        let explained = |text: &str| fill(&filled(text, &values), [("answer", solution.text())]);
        let mut choices: Vec<_> = question.choices.iter().map(|choice| text(choice)).collect();
        shuffle(&mut choices, &[seed, &file.name, &at.to_string()]);
        let is_offered = choices
            .iter()
            .any(|choice| choice.eq_ignore_ascii_case(solution.text()));
        if question.kind == Kind::Choice && !is_offered {
            return Err(format!(
                "question {}: the answer \"{}\" is none of the choices",
                at + 1,
                solution.text()
            ));
        }
        Ok(Question {
            ask: text(&question.ask),
            kind: question.kind,
            expect: question.expect.clone(),
            choices,
            hints: question.hints.iter().map(|hint| text(hint)).collect(),
            why: explained(&question.why),
            section: match question.section.as_str() {
                "" => file.section.clone(),
                section => section.to_owned(),
            },
            points: question.points.max(1),
            frame: question.frame,
            capture: answer.capture(),
            covers: covered(question.kind, &question.covers, &answer),
            answer,
            solution,
        })
    });
    let questions = questions.collect::<Result<Vec<_>, String>>()?;
    if questions.is_empty() {
        return Err("a lab has at least one question".to_owned());
    }
    let key_log = file.material.keylog.as_deref().map(|name| {
        let bytes = bytes_of(name, folder)?;
        Ok::<_, String>((last_name(name), bytes))
    });
    let key_log = key_log.transpose()?;
    let paragraphs = filled(&file.about, &values);
    Ok(Lab {
        name: file.name,
        title: file.title,
        minutes: file.minutes,
        about: paragraphs.trim().split("\n\n").map(str::to_owned).collect(),
        section: file.section,
        seed: seed.to_owned(),
        captures,
        capture_names,
        key_log,
        hex: file.material.hex,
        questions,
    })
}

/// Works the values out; one may build on others, in any order.
fn work_out(
    file: &LabFile,
    captures: &[Opened],
    values: &mut Vec<(String, String)>,
) -> Result<(), String> {
    let mut left: Vec<_> = file.value.iter().collect();
    while !left.is_empty() {
        let before = left.len();
        let mut failed = String::new();
        left.retain(|(name, answer)| {
            match solve(&filled_answer(answer, values), captures) {
                Ok(value) => values.push(((*name).clone(), value.text().to_owned())),
                Err(why) => {
                    failed = format!("value.{name}: {why}");
                    return true;
                }
            }
            false
        });
        if left.len() == before {
            return Err(failed);
        }
    }
    Ok(())
}

/// Fields that show what is sent: where one is covered, all are.
const CONTENT: [&str; 4] = [
    "message.text",
    "message.data",
    "websocket.payload",
    "websocket.payload.text",
];

/// The fields to cover: those named, or the one asked for.
fn covered(kind: Kind, named: &[String], answer: &Answer) -> Vec<String> {
    let mut covers = match (named, answer) {
        ([], Answer::Field { name, .. }) => vec![name.clone()],
        ([], Answer::Places { field, .. }) if kind == Kind::Bytes => vec![field.clone()],
        (named, _) => named.to_vec(),
    };
    if covers.iter().any(|name| CONTENT.contains(&name.as_str())) {
        covers.extend(CONTENT.map(str::to_owned));
    }
    covers
}

fn filled(text: &str, values: &[(String, String)]) -> String {
    fill(
        text,
        values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
}

/// The captures: built from the script, then those named.
fn material(
    file: &LabFile,
    folder: Option<&Path>,
    values: &[(String, String)],
    seed: &str,
) -> Result<(Vec<Opened>, Vec<String>), String> {
    let mut captures = Vec::new();
    let mut names = Vec::new();
    let keys = match &file.material.keylog {
        Some(name) => bytes_of(name, folder)?,
        None => Vec::new(),
    };
    if let Some(script) = &file.material.script {
        let script = Script::parse(&filled(script, values));
        let mut random = generator(&[seed, &file.name, "script"]);
        let built = script.and_then(|script| build(&script, random.bits()));
        let built = built.map_err(|why| format!("material.script: {why}"))?;
        let bytes = built.pcapng().map_err(|why| why.to_string())?;
        captures.push(Opened::of(bytes, &[])?);
        names.push(format!("{}.pcapng", file.name));
    }
    for name in &file.material.captures {
        let name = filled(name, values);
        let opened =
            Opened::of(bytes_of(&name, folder)?, &keys).map_err(|why| format!("{name}: {why}"))?;
        captures.push(opened);
        names.push(last_name(&name));
    }
    Ok((captures, names))
}

/// The name of a file without its folders.
fn last_name(name: &str) -> String {
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

/// The bytes of a file beside the lab, or of one inside the program.
fn bytes_of(name: &str, folder: Option<&Path>) -> Result<Vec<u8>, String> {
    if let Some(folder) = folder {
        let path = folder.join(name);
        if path.exists() {
            return std::fs::read(&path).map_err(|why| format!("{}: {why}", path.display()));
        }
    }
    let inside = library::capture(name).map(<[u8]>::to_vec);
    inside
        .ok_or_else(|| format!("{name}: no such file beside the lab, and none inside the program"))
}

fn shuffle(choices: &mut [String], words: &[&str]) {
    let mut random = generator(words);
    for at in (1..choices.len()).rev() {
        choices.swap(at, random.below(at as u64 + 1) as usize);
    }
}

/// An answer whose texts are filled in.
fn filled_answer(answer: &Answer, values: &[(String, String)]) -> Answer {
    let mut answer = answer.clone();
    let texts: Vec<&mut String> = match &mut answer {
        Answer::Field { name, r#where, .. } => vec![name, r#where],
        Answer::Count { r#where, .. } | Answer::Holds { r#where, .. } => vec![r#where],
        Answer::First { cases, .. } => cases.iter_mut().map(|(wanted, _)| wanted).collect(),
        Answer::Accept { key } => vec![key],
        Answer::Build { words, .. } => vec![words],
        Answer::Sum { of } => vec![of],
        Answer::Frames {
            matches,
            example,
            changes,
            ..
        } => [matches, example]
            .into_iter()
            .chain(changes.as_mut())
            .collect(),
        Answer::Verdict { .. }
        | Answer::Stage { .. }
        | Answer::Places { .. }
        | Answer::Bytes { .. }
        | Answer::Payload { .. }
        | Answer::Segments { .. } => Vec::new(),
    };
    for text in texts {
        *text = filled(text, values);
    }
    answer
}
