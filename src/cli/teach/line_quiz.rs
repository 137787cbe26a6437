//! A lab line by line: for pipes, scripts, screen readers, and terminals that are asked to.

use std::io::{self, BufRead as _, Write as _};

use crate::base::escape;
use crate::cli::output::Output;
use crate::cli::printing::palette;
use crate::teach::lab::{Judgement, Kind, Lab, Opened, Question, Results, shown};
use crate::teach::{Line, Role, wrap};

use super::paint::paint;

const WIDTH: usize = 96;

/// Asks every question; ends with the last one, at the end of the input, or when the student quits.
///
/// # Errors
/// When reading or writing fails.
pub(super) fn run(lab: &Lab) -> anyhow::Result<Results> {
    let mut results = Results::of(lab);
    say(&beginning(lab))?;
    let mut input = io::stdin().lock().lines();
    'questions: for (at, question) in lab.questions.iter().enumerate() {
        say(&asked(lab, at, question))?;
        loop {
            io::stdout().flush()?;
            let Some(line) = input.next() else {
                break 'questions;
            };
            let line = line?;
            match line.trim() {
                "q" | "quit" => break 'questions,
                "s" | "skip" | "" => break,
                "?" | "hint" => {
                    let hint = results.hint(lab, at).unwrap_or("there is no further hint");
                    say(&sentence(Role::Doubtful, "hint: ", hint))?;
                }
                "!" | "answer" => {
                    results.give_up(at);
                    say(&solved(question))?;
                    break;
                }
                given => match results.answer(lab, at, given) {
                    Judgement::Right => {
                        let points = results.answers.get(at).map_or(0, |given| given.points);
                        let mut lines =
                            vec![Line::of(Role::Right, format!("right: {points} points"))];
                        lines.extend(why(question));
                        say(&lines)?;
                        break;
                    }
                    Judgement::Wrong(what) => {
                        let what = if what.is_empty() {
                            "try again, ? for a hint, ! for the answer".to_owned()
                        } else {
                            what
                        };
                        say(&sentence(Role::Wrong, "wrong: ", &what))?;
                    }
                    Judgement::Unclear(what) => say(&sentence(Role::Doubtful, "unclear: ", &what))?,
                },
            }
        }
    }
    Ok(results)
}

fn say(lines: &[Line]) -> anyhow::Result<()> {
    let mut output = Output::open(None, false)?;
    let text = paint(lines, palette(&output));
    match output.write(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn sentence(role: Role, label: &str, text: &str) -> Vec<Line> {
    let lines = wrap(text, WIDTH - label.len()).into_iter().enumerate();
    lines
        .map(|(at, line)| {
            let label = if at == 0 {
                label.to_owned()
            } else {
                " ".repeat(label.len())
            };
            Line::of(role, label).with(Role::Plain, line)
        })
        .collect()
}

fn beginning(lab: &Lab) -> Vec<Line> {
    let mut lines = vec![Line::of(Role::Title, lab.title.clone()), Line::empty()];
    for paragraph in &lab.about {
        lines.extend(wrap(paragraph, WIDTH).into_iter().map(Line::plain));
        lines.push(Line::empty());
    }
    match (lab.hex, lab.captures.first()) {
        (true, Some(opened)) => lines.extend(frames(opened)),
        (false, Some(_)) => {
            let text = format!(
                "Captures: {}; wireloupe lab files {} writes them, wireloupe FILE opens one.",
                lab.capture_names.join(", "),
                lab.name
            );
            lines.extend(wrap(&text, WIDTH).into_iter().map(Line::plain));
        }
        (_, None) => {}
    }
    lines.push(Line::of(
        Role::Faint,
        "? hint  ! answer  empty line: skip  q: stop",
    ));
    lines
}

/// The frames in hex, as far as they are short.
fn frames(opened: &Opened) -> Vec<Line> {
    const BYTES: usize = 64;
    let frames = (1..=20).map_while(|number| Some((number, opened.frame_bytes(number)?.1)));
    frames
        .map(|(number, bytes)| {
            let shown = hex::encode(bytes.get(..BYTES).unwrap_or(&bytes));
            let more = if bytes.len() > BYTES { "…" } else { "" };
            Line::of(Role::Label, format!("frame {number}: "))
                .with(Role::Plain, format!("{shown}{more}"))
        })
        .collect()
}

fn asked(lab: &Lab, at: usize, question: &Question) -> Vec<Line> {
    let mut lines = vec![Line::empty()];
    let label = format!("{}/{} ", at + 1, lab.questions.len());
    lines.extend(sentence(
        Role::Title,
        &label,
        &format!("{} ({} points)", question.ask, question.points),
    ));
    if question.kind == Kind::Choice {
        for (letter, choice) in ('a'..).zip(&question.choices) {
            lines.push(
                Line::of(Role::Label, format!("   {letter}) ")).with(Role::Plain, choice.clone()),
            );
        }
    }
    lines
}

fn solved(question: &Question) -> Vec<Line> {
    let mut lines = sentence(
        Role::Plain,
        "answer: ",
        &escape::text(shown(question).as_bytes()),
    );
    lines.extend(why(question));
    lines
}

fn why(question: &Question) -> Vec<Line> {
    let text = match question.why.as_str() {
        "" => format!("({})", question.section),
        why => format!("{why} ({})", question.section),
    };
    sentence(Role::Faint, "", &text)
}
