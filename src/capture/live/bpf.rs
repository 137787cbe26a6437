//! Capture filters, checked before any device is opened, with the place where they go wrong.
//!
//! libpcap says what is wrong with an expression, but not where. A place is found in two ways: a name that the message
//! quotes is looked for in the expression; otherwise the longest run of tokens that something could follow is found by
//! compiling such runs with endings that fit, and the token after it is the one that does not belong. The second is a
//! good guess, not a proof, and is shown as "near".

use std::time::{Duration, Instant};

use pcap::{Capture, Dead, Linktype};

use crate::base::LinkType;

use super::{
    error::{CaptureError, FilterProblem, words},
    libpcap,
};

/// Longest time spent on finding the place of an error: host names in the expression are looked up at every attempt.
const SEARCH_TIME: Duration = Duration::from_millis(500);
/// Longest expression whose error is given a place; searching costs a compilation for every try.
const SEARCH_LEN: usize = 4096;

/// Compiles a capture filter for packets of one link type, without a device and without rights.
///
/// `link` is what the packets will begin with; Ethernet also for loopback on Linux.
///
/// # Errors
/// [`CaptureError::Filter`] when the expression is wrong, [`CaptureError::NoLibpcap`] when nothing can check it.
pub fn check_filter(expr: &str, link: LinkType) -> Result<(), CaptureError> {
    libpcap::available().map_err(|reason| CaptureError::NoLibpcap { reason })?;
    let dead =
        Capture::dead(Linktype(super::link::to_dlt(link))).map_err(|error| CaptureError::List {
            reason: words(error),
        })?;
    match dead.compile(expr, true) {
        Ok(_) => Ok(()),
        Err(error) => Err(problem(&dead, expr, words(error)).into()),
    }
}

fn problem(dead: &Capture<Dead>, expr: &str, message: String) -> FilterProblem {
    let message = message
        .strip_prefix("can't parse filter expression: ")
        .unwrap_or(&message)
        .to_owned();
    let (offset, certain) = match expr.find('\0').or_else(|| quoted_place(expr, &message)) {
        Some(offset) => (Some(offset), true),
        None => (first_misfit(dead, expr), false),
    };
    FilterProblem {
        expr: expr.to_owned(),
        offset,
        certain,
        message,
    }
}

/// The offset of a name that the message quotes (`unknown host 'x'`), when the expression has it once.
fn quoted_place(expr: &str, message: &str) -> Option<usize> {
    let quoted = message
        .split(['\'', '"'])
        .nth(1)
        .filter(|name| !name.is_empty())?;
    let mut places = tokens(expr).filter(|&(at, len)| expr.get(at..at + len) == Some(quoted));
    let (first, _) = places.next()?;
    places.next().is_none().then_some(first)
}

/// What may follow a run of tokens to make it a whole expression; closing parentheses are added as needed.
const ENDINGS: [&str; 14] = [
    "",
    " 1",
    " tcp",
    " host 1.2.3.4",
    " 1.2.3.4",
    " ::1",
    " 2-3",
    "0] = 0",
    "] = 0",
    " = 0",
    " 0 = 0",
    " 00:00:00:00:00:00",
    " 1.2.3.0/24",
    " lo",
];

/// The offset of the first token after which no ending makes a valid expression.
fn first_misfit(dead: &Capture<Dead>, expr: &str) -> Option<usize> {
    if expr.len() > SEARCH_LEN {
        return None;
    }
    let ends: Vec<(usize, usize)> = tokens(expr).collect();
    let deadline = Instant::now() + SEARCH_TIME;
    // Runs of `fits` tokens can go on, runs of `misfits` cannot.
    let (mut fits, mut misfits) = (0, ends.len() + 1);
    while fits + 1 < misfits {
        if Instant::now() > deadline {
            return None;
        }
        let middle = fits.midpoint(misfits);
        let &(at, len) = ends.get(middle - 1)?;
        match can_go_on(dead, expr.get(..at + len)?) {
            true => fits = middle,
            false => misfits = middle,
        }
    }
    match ends.get(fits) {
        Some(&(at, _)) => Some(at),
        None => Some(expr.trim_end().len()),
    }
}

fn can_go_on(dead: &Capture<Dead>, run: &str) -> bool {
    let open = run
        .matches('(')
        .count()
        .saturating_sub(run.matches(')').count());
    let close = ")".repeat(open);
    ENDINGS.iter().any(|ending| {
        dead.compile(&format!("{run}{ending}{close}"), false)
            .is_ok()
    })
}

/// The tokens of a filter expression as (offset, length): words with their dots, colons and dashes, and operators.
fn tokens(expr: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let tail = expr.get(rest..)?;
        let start = rest + tail.find(|c: char| !c.is_whitespace())?;
        let token = expr.get(start..)?;
        let is_word = |c: char| c.is_alphanumeric() || "._:-/\\*".contains(c) && c != '*';
        let word = token.find(|c| !is_word(c)).unwrap_or(token.len());
        let len = match ["&&", "||", ">=", "<=", "!=", "==", "<<", ">>"]
            .iter()
            .any(|two| token.starts_with(two))
        {
            _ if word > 0 => word,
            true => 2,
            false => token.chars().next().map_or(1, char::len_utf8),
        };
        rest = start + len;
        Some((start, len))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caret(expr: &str) -> Option<(Option<usize>, bool)> {
        match check_filter(expr, LinkType::ETHERNET) {
            Ok(()) => None,
            Err(CaptureError::Filter(problem)) => Some((problem.offset, problem.certain)),
            Err(other) => panic!("{other}"),
        }
    }

    fn libpcap_is_here() -> bool {
        libpcap::available()
            .inspect_err(|reason| eprintln!("skipped: no libpcap ({reason})"))
            .is_ok()
    }

    #[test]
    fn the_caret_stands_where_the_expression_goes_wrong() {
        if !libpcap_is_here() {
            return;
        }
        for good in [
            "tcp port 80",
            "",
            "(tcp port 80 or 443) and not host 10.0.0.1",
            "tcp[13] & 4 != 0",
        ] {
            assert_eq!(caret(good), None, "{good}");
        }
        let wrong = [
            ("tcp prot 80", 4),
            ("tcp port 80 and and udp", 16),
            ("port 80 or (tcp and", 19),
            ("tcp port", 8),
            ("tcp port 80)", 11),
            ("host 1.2.3.4 tcp =", 13),
            ("tcp port 99999", 9),
        ];
        for (expr, place) in wrong {
            assert_eq!(
                caret(expr).map(|(offset, _)| offset),
                Some(Some(place)),
                "{expr}"
            );
        }
        assert_eq!(caret("tcp port nosuchservice"), Some((Some(9), true)));
    }

    #[test]
    fn the_problem_shows_expression_and_caret() {
        let problem = FilterProblem {
            expr: "tcp\tprot 80".into(),
            offset: Some(4),
            certain: false,
            message: "syntax error".into(),
        };
        assert_eq!(
            problem.to_string(),
            "the capture filter is not valid: syntax error\n  tcp prot 80\n      ^ near here"
        );
        let unplaced = FilterProblem {
            offset: None,
            ..problem
        };
        assert!(unplaced.to_string().ends_with("\n  tcp prot 80"));
    }

    #[test]
    fn tokens_tile_any_text_in_order() {
        for expr in [
            "",
            "a&&(b)",
            "tcp[13:2]>>1!=0",
            " é ünï ",
            "ip6 host ::1/64",
            "!!",
        ] {
            let mut end = 0;
            for (at, len) in tokens(expr) {
                assert!(
                    at >= end && len > 0 && expr.get(at..at + len).is_some(),
                    "{expr}"
                );
                end = at + len;
            }
            assert!(expr[end..].trim().is_empty(), "{expr}");
        }
    }
}
