//! The answer to an upgrade as evidence: its status line, the headers that name who sent it, and its page.

use crate::base::{Head, escape};
use crate::insight::case::{Case, Found};
use crate::insight::software::contains;

/// The refusal with the status line and what names the sender.
pub(super) fn refusal(case: &Case<'_>, found: Found) -> Found {
    let at = case.attempt.response_at();
    let response = case.response();
    let found = match response {
        Some(head) => {
            let status = head.status().unwrap_or_default();
            found.at(
                at,
                format!("{status} {}", escape::preview(head.reason(), 60)),
            )
        }
        None => found,
    };
    ["Server", "Via", "X-Squid-Error"]
        .into_iter()
        .fold(found, |found, name| found.header(response, name, at))
}

/// Lines that every page of Apache's to a bad request has.
const APACHE_ALWAYS: &[&str] = &["Bad Request", "Your browser sent a request", "Apache/"];
/// A page longer than this is no message of an error.
pub(super) const MESSAGE: usize = 300;
/// Lines of a page that are looked at.
const LINES: usize = 40;

/// The refusal with the first line of its page that says something, without markup.
pub(super) fn first_line(case: &Case<'_>, found: Found) -> Found {
    match said(case) {
        Some(line) => {
            let line = escape::preview(line.as_bytes(), 120);
            found.quoting(case.attempt.response_at(), "the answer says: ", &line)
        }
        None => found,
    }
}

/// What the page of an answer says in one line: the first, unless that only repeats the status and a later one says more.
fn said(case: &Case<'_>) -> Option<String> {
    let body = String::from_utf8_lossy(case.answer_body());
    let says_something = |line: &String| line.chars().any(char::is_alphanumeric);
    let text = without_markup(&body);
    let lines = text.lines().take(LINES).map(one_space);
    let mut lines = lines.filter(says_something);
    let first = lines.next()?;
    // Pages of Apache say what is the matter behind a title, a heading and a sentence that is always the same.
    if body.contains("Your browser sent a request that this server could not understand") {
        let better = lines.find(|line| APACHE_ALWAYS.iter().all(|always| !line.contains(always)));
        return better.or(Some(first));
    }
    let response = case.response();
    let status = response.and_then(Head::status).unwrap_or_default();
    let reason = response.map_or_else(String::new, |head| escape::preview(head.reason(), 60));
    let repeats = |line: &str| {
        line.contains(&status.to_string())
            || !reason.is_empty() && line.trim_end_matches('.').eq_ignore_ascii_case(&reason)
    };
    if status < 400 || !repeats(&first) {
        return Some(first);
    }
    let rest: Vec<String> = lines.collect();
    let is_sentence = |line: &&String| {
        let is_code = line.contains(['{', '}', ';', '=']);
        !repeats(line) && !is_code && line.split_whitespace().count() >= 3
    };
    let reason = rest.iter().find_map(|line| {
        let (_, reason) = line.split_once("Reason: ")?;
        Some(format!("Reason: {reason}"))
    });
    let better = reason.or_else(|| rest.iter().find(is_sentence).cloned());
    better.or(Some(first))
}

/// HTML, or anything else, as a reader would see it, line by line; tags go over lines.
fn without_markup(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut in_tag = false;
    for c in page.chars() {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                text.push(' ');
            }
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text
}

/// A line with one space between its words.
fn one_space(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.join(" ")
}

pub(super) fn says(case: &Case<'_>, text: &str) -> bool {
    contains(case.answer_body(), text.as_bytes())
}

pub(super) fn body_line(case: &Case<'_>, found: Found, text: &str) -> Found {
    let body = case.answer_body();
    let line = body
        .split(|byte| *byte == b'\n')
        .find(|line| contains(line, text.as_bytes()));
    match line {
        Some(line) => {
            let line = one_space(&without_markup(&String::from_utf8_lossy(line)));
            let line = escape::preview(line.as_bytes(), 120);
            found.quoting(case.attempt.response_at(), "the answer says: ", &line)
        }
        None => found,
    }
}
