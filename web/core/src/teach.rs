//! Teaching: explaining what somebody types, and labs whose answers are worked out and judged.

use serde_json::{Value, json};

use wireloupe::base::Side;
use wireloupe::teach::explain;
use wireloupe::teach::lab::{self, Judgement, Kind, Lab, Opened, Results, sheet, shown};
use wireloupe::teach::{Line, Role};

/// Bytes of a frame that are given in hex.
const BYTES: usize = 64;
/// Frames given in hex.
const FRAMES: u32 = 20;

/// What somebody typed, explained.
pub(crate) fn explained(text: &str, from: &str) -> Result<Value, String> {
    let from = match from {
        "client" => Some(Side::Client),
        "server" => Some(Side::Server),
        _ => None,
    };
    let options = explain::Options {
        from,
        ..explain::Options::default()
    };
    let explanation = explain::explain(text, explain::Kind::Any, options)?;
    Ok(json!({ "lines": lines(&explain::lines(&explanation)) }))
}

fn lines(lines: &[Line]) -> Value {
    let part = |(role, text): &(Role, String)| json!([name(*role), text]);
    let line = |line: &Line| line.parts.iter().map(part).collect::<Value>();
    lines.iter().map(line).collect()
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Plain => "plain",
        Role::Title => "title",
        Role::Label => "label",
        Role::Faint => "faint",
        Role::Wrong => "wrong",
        Role::Doubtful => "doubtful",
        Role::Right => "right",
        Role::Marked => "marked",
    }
}

/// The labs that there are.
pub(crate) fn labs() -> Value {
    let labs = lab::names().filter_map(|name| {
        let file = lab::LabFile::of(name)?;
        let points: u32 = file.question.iter().map(|question| question.points).sum();
        Some(json!({
            "name": file.name,
            "title": file.title,
            "minutes": file.minutes,
            "questions": file.question.len(),
            "points": points,
            "section": file.section,
        }))
    });
    labs.collect()
}

/// A lab that somebody is at.
pub(crate) struct Lesson {
    pub(crate) lab: Lab,
    results: Results,
    at: usize,
    /// Which of its captures is open.
    pub(crate) open: Option<usize>,
}

impl Lesson {
    pub(crate) fn begin(name: &str, seed: &str) -> Result<Self, String> {
        let lab = lab::load(name, seed).map_err(|why| why.to_string())?;
        Ok(Self {
            results: Results::of(&lab),
            lab,
            at: 0,
            open: None,
        })
    }

    /// What is read first.
    pub(crate) fn beginning(&self) -> Value {
        let lab = &self.lab;
        let captures = match lab.hex {
            true => &[][..],
            false => &lab.capture_names[..],
        };
        let frames = lab.captures.first().filter(|_| lab.hex).map(hex_frames);
        json!({
            "title": lab.title,
            "minutes": lab.minutes,
            "section": lab.section,
            "about": lab.about,
            "questions": lab.questions.len(),
            "captures": captures,
            "frames": frames.unwrap_or_default(),
        })
    }

    /// The question at this place, and how it stands.
    pub(crate) fn question(&mut self, at: Option<u64>) -> Value {
        let last = self.lab.questions.len().saturating_sub(1);
        self.at = at.map_or(self.at, |at| (at as usize).min(last));
        let Some(question) = self.lab.questions.get(self.at) else {
            return Value::Null;
        };
        let is_choice = question.kind == Kind::Choice;
        json!({
            "at": self.at,
            "ask": question.ask,
            "points": question.points,
            "choices": if is_choice { &question.choices[..] } else { &[] },
            "points_at_bytes": question.kind == Kind::Bytes,
            "capture": self.capture(),
            "row": question.frame.and_then(|number| number.checked_sub(1)).map(|index| format!("f{index}")),
            "score": format!("{} of {} points", self.results.points, self.results.of),
            "settled": self.is_settled(),
            "why": self.is_settled().then(|| self.why()),
        })
    }

    /// The capture that the question is about.
    fn capture(&self) -> Option<usize> {
        let question = self.lab.questions.get(self.at)?;
        let last = self
            .lab
            .captures
            .len()
            .checked_sub(1)
            .filter(|_| !self.lab.hex)?;
        Some(question.capture.saturating_sub(1).min(last))
    }

    fn is_settled(&self) -> bool {
        let answers = &self.results.answers;
        let given_up = answers.get(self.at).is_some_and(|given| given.given_up);
        given_up || self.results.is_right(&self.lab, self.at)
    }

    fn why(&self) -> Value {
        let question = self.lab.questions.get(self.at);
        question.map_or(
            Value::Null,
            |question| json!({"text": question.why, "section": question.section}),
        )
    }

    /// Judges an answer.
    pub(crate) fn answer(&mut self, text: &str) -> Value {
        let judgement = self.results.answer(&self.lab, self.at, text);
        let points = self
            .results
            .answers
            .get(self.at)
            .map_or(0, |given| given.points);
        let (is, text) = match judgement {
            Judgement::Right => ("right", format!("right: {points} points")),
            Judgement::Wrong(what) if what.is_empty() => ("wrong", "wrong: try again".to_owned()),
            Judgement::Wrong(what) => ("wrong", format!("wrong: {what}")),
            Judgement::Unclear(what) => ("unclear", format!("unclear: {what}")),
        };
        json!({"is": is, "text": text, "question": self.question(None)})
    }

    pub(crate) fn hint(&mut self) -> Value {
        let hint = self.results.hint(&self.lab, self.at);
        json!({ "text": format!("hint: {}", hint.unwrap_or("there is no further hint")) })
    }

    pub(crate) fn give_up(&mut self) -> Value {
        self.results.give_up(self.at);
        let answer = self
            .lab
            .questions
            .get(self.at)
            .map(shown)
            .unwrap_or_default();
        json!({"text": format!("answer: {answer}"), "question": self.question(None)})
    }

    /// The file of results, as `wireloupe lab grade` reads it.
    pub(crate) fn results(&self) -> Value {
        let student = match self.lab.seed.as_str() {
            "" => "anonymous",
            seed => seed,
        };
        json!({"text": self.results.json(), "name": format!("{}-{student}.json", self.lab.name)})
    }

    pub(crate) fn sheet(&self, with_answers: bool) -> Value {
        json!({"text": sheet::sheet(&self.lab, with_answers), "name": format!("{}.html", self.lab.name)})
    }

    /// Fields whose values would tell the answer to the question, while its capture is open.
    pub(crate) fn covers(&self) -> &[String] {
        let question = self.lab.questions.get(self.at);
        match question {
            Some(question) if self.open.is_some() && !self.is_settled() => &question.covers,
            _ => &[],
        }
    }
}

/// The frames, as far as they are short.
fn hex_frames(opened: &Opened) -> Vec<String> {
    let frames = (1..=FRAMES).map_while(|number| Some((number, opened.frame_bytes(number)?.1)));
    frames
        .map(|(number, bytes)| {
            let shown = bytes.get(..BYTES).unwrap_or(&bytes);
            let shown: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
            let more = if bytes.len() > BYTES { "…" } else { "" };
            format!("frame {number}: {shown}{more}")
        })
        .collect()
}
