//! Whether an answer is right.

use super::file::Kind;
use super::prepared::Question;
use super::solve::{Solution, check};
use crate::base::escape;
use crate::teach::explain;

/// What is said of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is right.
    Right,
    /// It is not, and what can be said without giving the answer away.
    Wrong(String),
    /// It is not of the kind that is asked for, which costs nothing.
    Unclear(String),
}

/// Judges what somebody typed, chose or pointed at.
#[must_use]
pub fn judge(question: &Question, given: &str) -> Judgement {
    let given = given.trim();
    if given.is_empty() {
        return Judgement::Unclear("nothing was answered".to_owned());
    }
    match &question.solution {
        Solution::Frames(_) => {
            match (explain::parse_bytes(given), check(&question.answer, given)) {
                (Err(why), _) => Judgement::Unclear(why),
                (_, Ok(())) => Judgement::Right,
                (_, Err(why)) => Judgement::Wrong(why),
            }
        }
        Solution::Value(expected) => value(question, expected, given),
    }
}

fn value(question: &Question, expected: &str, given: &str) -> Judgement {
    let is_right = match question.kind {
        Kind::Number => {
            let (Some(given), Some(expected)) = (number(given), number(expected)) else {
                return Judgement::Unclear(format!(
                    "\"{}\" is no number",
                    escape::preview(given.as_bytes(), 40)
                ));
            };
            given == expected
        }
        Kind::Hex | Kind::Frame => {
            let (given, expected) = (explain::parse_bytes(given), explain::parse_bytes(expected));
            match (given, expected) {
                (Err(why), _) => return Judgement::Unclear(why),
                (given, expected) => given == expected,
            }
        }
        Kind::Text => plain(given) == plain(expected),
        Kind::Choice => {
            let Some(chosen) = choice(&question.choices, given) else {
                let last = letter(question.choices.len().saturating_sub(1));
                return Judgement::Unclear(format!("choose a to {last}"));
            };
            plain(chosen) == plain(expected)
        }
        Kind::Bytes => {
            let Some(given) = places(given) else {
                return Judgement::Unclear("places are numbers from 0, such as 2-5".to_owned());
            };
            Some(given) == places(expected)
        }
    };
    match is_right {
        true => Judgement::Right,
        false => Judgement::Wrong(String::new()),
    }
}

/// Text without what does not matter: letter case, spaces around commas and at the ends.
fn plain(text: &str) -> String {
    let words: Vec<_> = text
        .split(',')
        .map(|word| {
            word.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_lowercase()
        })
        .collect();
    words.join(",")
}

/// A number in any base, with separators between thousands.
fn number(text: &str) -> Option<u64> {
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, ',' | '_' | ' ' | '\''))
        .collect();
    let text = text.to_ascii_lowercase();
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = text.strip_prefix("0b") {
        return u64::from_str_radix(digits, 2).ok();
    }
    text.parse().ok()
}

/// `2-5`, `2..5` or `2`, as the first place and the last.
fn places(text: &str) -> Option<(usize, usize)> {
    let text = text.replace("..", "-").replace(' ', "");
    let (first, last) = text.split_once('-').unwrap_or((&text, &text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// The letter of a choice.
fn letter(at: usize) -> char {
    (b'a' + (at % 26) as u8) as char
}

/// The choice that a letter, or its own text, names.
fn choice<'a>(choices: &'a [String], given: &str) -> Option<&'a str> {
    let by_letter = match given.to_ascii_lowercase().as_bytes() {
        [letter @ b'a'..=b'z'] => choices.get(usize::from(letter - b'a')),
        _ => None,
    };
    let by_text = || choices.iter().find(|choice| plain(choice) == plain(given));
    by_letter.or_else(by_text).map(String::as_str)
}

/// The right answer for people: a choice with its letter.
#[must_use]
pub fn shown(question: &Question) -> String {
    let expected = question.solution.text();
    if question.kind == Kind::Choice
        && let Some(at) = question
            .choices
            .iter()
            .position(|choice| plain(choice) == plain(expected))
    {
        return format!("{}) {expected}", letter(at));
    }
    match question.solution {
        Solution::Frames(_) => format!("for example {expected}"),
        Solution::Value(_) => expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_people_write_them() {
        assert_eq!(number("0x85"), number("133"));
        assert_eq!(number("1,000"), Some(1000));
        assert_eq!(number("0b101"), Some(5));
        assert_eq!(places("2-5"), places("2 .. 5"));
        assert_eq!(plain(" Text,  PING "), plain("text, ping"));
        let choices = ["yes".to_owned(), "no".to_owned()];
        assert_eq!(choice(&choices, "B"), Some("no"));
        assert_eq!(choice(&choices, "Yes"), Some("yes"));
        assert_eq!(choice(&choices, "c"), None);
    }
}
