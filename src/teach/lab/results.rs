//! What a student answered, as a file, and grading it by solving the lab again.

use serde::{Deserialize, Serialize};

use super::judge::{Judgement, judge};
use super::prepared::{Lab, load};

/// The results of one student in one lab.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The lab.
    pub lab: String,
    /// Whose numbers it was done with.
    pub seed: String,
    /// The program's version.
    pub version: String,
    /// Every answer, in the order of the questions.
    pub answers: Vec<Given>,
    /// Points as the student saw them.
    pub points: u32,
    /// Points there are.
    pub of: u32,
}

/// What was answered to one question.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// All that was tried, the last one last.
    pub tries: Vec<String>,
    /// Hints that were shown.
    pub hints: u32,
    /// Whether the answer was shown before it was found.
    pub given_up: bool,
    /// Points for it.
    pub points: u32,
}

/// The points for a question worth `worth`: each hint and each wrong try costs a quarter, what is found in the end is worth at
/// least one, what is not is worth nothing.
#[must_use]
pub fn points(worth: u32, wrong: u32, hints: u32, found: bool) -> u32 {
    if !found {
        return 0;
    }
    let lost = worth.saturating_mul(wrong.saturating_add(hints)) / 4;
    worth.saturating_sub(lost).max(1)
}

impl Results {
    /// Results without any answer yet.
    #[must_use]
    pub fn of(lab: &Lab) -> Self {
        Self {
            lab: lab.name.clone(),
            seed: lab.seed.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            answers: lab.questions.iter().map(|_| Given::default()).collect(),
            points: 0,
            of: lab.questions.iter().map(|question| question.points).sum(),
        }
    }

    /// The file.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Takes an answer in and judges it; points are counted anew.
    pub fn answer(&mut self, lab: &Lab, question: usize, given: &str) -> Judgement {
        let (Some(asked), Some(kept)) =
            (lab.questions.get(question), self.answers.get_mut(question))
        else {
            return Judgement::Unclear("there is no such question".to_owned());
        };
        let judgement = judge(asked, given);
        if !matches!(judgement, Judgement::Unclear(_)) {
            kept.tries.push(given.trim().to_owned());
        }
        self.count(lab);
        judgement
    }

    /// Shows one more hint, when there is one.
    pub fn hint<'a>(&mut self, lab: &'a Lab, question: usize) -> Option<&'a str> {
        let kept = self.answers.get_mut(question)?;
        let hint = lab
            .questions
            .get(question)?
            .hints
            .get(kept.hints as usize)?;
        kept.hints += 1;
        Some(hint)
    }

    /// Gives a question up: its answer may be shown.
    pub fn give_up(&mut self, question: usize) {
        if let Some(kept) = self.answers.get_mut(question) {
            kept.given_up = true;
        }
    }

    /// Whether a question was answered rightly.
    #[must_use]
    pub fn is_right(&self, lab: &Lab, question: usize) -> bool {
        let last = self
            .answers
            .get(question)
            .and_then(|kept| kept.tries.last());
        let asked = lab.questions.get(question);
        last.zip(asked)
            .is_some_and(|(last, asked)| judge(asked, last) == Judgement::Right)
    }

    fn count(&mut self, lab: &Lab) {
        for (at, question) in lab.questions.iter().enumerate() {
            let found = self.is_right(lab, at);
            if let Some(kept) = self.answers.get_mut(at) {
                let wrong = (kept.tries.len() as u32).saturating_sub(u32::from(found));
                kept.points = points(question.points, wrong, kept.hints, found && !kept.given_up);
            }
        }
        self.points = self.answers.iter().map(|kept| kept.points).sum();
    }
}

/// What grading a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grade {
    /// Its results, with the points as they should be.
    pub results: Results,
    /// Which answers are right.
    pub right: Vec<bool>,
    /// Points that the file claims, when they are others.
    pub claimed: Option<u32>,
}

/// Solves the lab again with the file's seed and judges every answer.
///
/// # Errors
/// When it is no file of results, or the lab is not there.
pub fn grade(text: &str) -> Result<Grade, String> {
    let mut results: Results =
        serde_json::from_str(text).map_err(|why| format!("no results of a lab: {why}"))?;
    let lab = load(&results.lab, &results.seed).map_err(|why| why.to_string())?;
    if results.answers.len() != lab.questions.len() {
        return Err(format!(
            "{} answers, and the lab has {} questions",
            results.answers.len(),
            lab.questions.len()
        ));
    }
    let claimed = results.points;
    results.of = lab.questions.iter().map(|question| question.points).sum();
    results.count(&lab);
    let right = (0..lab.questions.len())
        .map(|at| results.is_right(&lab, at))
        .collect();
    Ok(Grade {
        claimed: (claimed != results.points).then_some(claimed),
        right,
        results,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_and_wrong_tries_cost() {
        assert_eq!(points(4, 0, 0, true), 4);
        assert_eq!(points(4, 1, 1, true), 2);
        assert_eq!(points(4, 9, 9, true), 1);
        assert_eq!(points(4, 0, 0, false), 0);
    }
}
