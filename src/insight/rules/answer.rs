//! The answer to an upgrade as evidence: its status line, the headers that name who sent it, and its page.

use crate::base::escape;
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

/// The refusal with the first line of its page that says something, without markup.
pub(super) fn first_line(case: &Case<'_>, found: Found) -> Found {
    let body = String::from_utf8_lossy(case.attempt.response_body());
    let says_something = |line: &String| line.chars().any(char::is_alphanumeric);
    let mut lines = body.lines().map(without_markup).filter(says_something);
    let first = lines.next();
    // Pages of Apache say what is the matter behind a title, a heading and a sentence that is always the same.
    let better =
        match body.contains("Your browser sent a request that this server could not understand") {
            true => lines.find(|line| APACHE_ALWAYS.iter().all(|always| !line.contains(always))),
            false => None,
        };
    match better.or(first) {
        Some(line) => {
            let line = escape::preview(line.as_bytes(), 120);
            found.quoting(case.attempt.response_at(), "the answer says: ", &line)
        }
        None => found,
    }
}

/// A line of HTML, or of anything else, as a reader would see it.
fn without_markup(line: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for c in line.chars() {
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
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

pub(super) fn says(case: &Case<'_>, text: &str) -> bool {
    contains(case.attempt.response_body(), text.as_bytes())
}

pub(super) fn body_line(case: &Case<'_>, found: Found, text: &str) -> Found {
    let body = case.attempt.response_body();
    let line = body
        .split(|byte| *byte == b'\n')
        .find(|line| contains(line, text.as_bytes()));
    match line {
        Some(line) => {
            let line = escape::preview(line.trim_ascii(), 120);
            found.quoting(case.attempt.response_at(), "the answer says: ", &line)
        }
        None => found,
    }
}
