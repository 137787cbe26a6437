//! Text to tokens. A word is anything unquoted that belongs together: a name, a number, an address, bytes such as
//! `01:02:ff`, a duration; what it means is decided where its type is known.

use std::net::IpAddr;
use std::ops::Range;

use super::FilterError;
use super::error::shown;

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, number, address, byte string or operator in letters.
    Word,
    /// `"..."`, the quotes included in the span.
    Quoted,
    /// `r"..."`.
    Raw,
    /// `'c'`.
    Char,
    Sign(Sign),
    /// Behind the last token.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    AllEqual,
    AnyEqual,
    AllNotEqual,
    AnyNotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Matches,
    And,
    Or,
    Xor,
    Not,
    BitAnd,
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
    OpenParen,
    CloseParen,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    Comma,
    Colon,
    Range,
}

/// The tokens of a text, ending with [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut bracket = false;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        if rest.is_empty() {
            tokens.push(Token {
                kind: Kind::End,
                span: at..at,
            });
            return Ok(tokens);
        }
        let (kind, len) = token(rest, bracket).ok_or_else(|| no_token(rest, at))?;
        match kind {
            Kind::Sign(Sign::OpenBracket) => bracket = true,
            Kind::Sign(Sign::CloseBracket) => bracket = false,
            _ => {}
        }
        tokens.push(Token {
            kind,
            span: at..at + len,
        });
        at += len;
    }
}

fn no_token(rest: &str, at: usize) -> FilterError {
    let c = rest.chars().next().unwrap_or_default();
    let span = at..at + c.len_utf8();
    match c {
        '"' => {
            FilterError::new(at..at + rest.len(), "the text has no closing quote").expected("`\"`")
        }
        '\'' => FilterError::new(span, "this is no character")
            .expected("one character in quotes, such as `'a'`"),
        '=' => FilterError::new(span, "`=` is no operator").suggest(Some("==")),
        '|' => FilterError::new(span, "`|` is no operator").suggest(Some("||")),
        c => FilterError::new(
            span,
            format!("`{}` cannot stand here", shown(c.encode_utf8(&mut [0; 4]))),
        ),
    }
}

/// The first token of `rest` and its length; inside brackets `:` and `-` separate numbers.
fn token(rest: &str, bracket: bool) -> Option<(Kind, usize)> {
    if rest.starts_with('"') {
        return Some((Kind::Quoted, quoted_len(rest, '"')?));
    }
    if rest.starts_with('\'') {
        let len = quoted_len(rest, '\'')?;
        return is_char(&rest[1..len - 1]).then_some((Kind::Char, len));
    }
    if let Some(raw) = rest.strip_prefix("r\"") {
        return Some((Kind::Raw, raw.find('"')? + 3));
    }
    let word = match bracket {
        true => rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '*'))
            .unwrap_or(rest.len()),
        false => word_len(rest),
    };
    if word > 0 {
        return Some((Kind::Word, word));
    }
    SIGNS
        .iter()
        .find(|(text, _)| rest.starts_with(text))
        .map(|(text, sign)| (Kind::Sign(*sign), text.len()))
}

/// How long a quoted text is, its quotes included; a backslash takes the next character with it.
fn quoted_len(rest: &str, quote: char) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some(at + 1);
        }
        if c == '\\' {
            chars.next();
        }
    }
    None
}

fn is_char(inside: &str) -> bool {
    let mut chars = inside.chars();
    matches!(
        (chars.next(), chars.next()),
        (Some('\\'), Some(_)) | (Some(_), None)
    )
}

/// How many bytes of `text` belong to one word.
fn word_len(text: &str) -> usize {
    let mut last = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        if !continues(&text[..at], last, c, next) {
            return at;
        }
        last = c;
    }
    text.len()
}

/// Whether `c` goes on with the word `before`, whose last character is `last`.
fn continues(before: &str, last: char, c: char, next: char) -> bool {
    match c {
        '_' => true,
        '.' => {
            next != '.' && (!before.is_empty() || next.is_alphanumeric() || next == '_')
                || path_dot(before, next)
        }
        ':' => next == ':' || last == ':' || (last.is_ascii_hexdigit() && next.is_ascii_hexdigit()),
        '-' => last.is_alphanumeric() && next.is_alphanumeric(),
        '*' => (last == '.' || last == '*') && before.starts_with(['j', '.']),
        '/' => next.is_ascii_digit() && before.parse::<IpAddr>().is_ok(),
        c => c.is_alphanumeric(),
    }
}

fn path_dot(before: &str, next: char) -> bool {
    next == '*' && (before.is_empty() || before.starts_with("json"))
}

/// The signs, longer ones before those they begin with.
const SIGNS: &[(&str, Sign)] = &[
    ("===", Sign::AllEqual),
    ("==", Sign::AnyEqual),
    ("!==", Sign::AnyNotEqual),
    ("!=", Sign::AllNotEqual),
    ("~=", Sign::AnyNotEqual),
    ("~", Sign::Matches),
    ("<=", Sign::LessEqual),
    ("<", Sign::Less),
    (">=", Sign::GreaterEqual),
    (">", Sign::Greater),
    ("&&", Sign::And),
    ("||", Sign::Or),
    ("^^", Sign::Xor),
    ("!", Sign::Not),
    ("&", Sign::BitAnd),
    ("+", Sign::Plus),
    ("-", Sign::Minus),
    ("*", Sign::Times),
    ("/", Sign::Divide),
    ("%", Sign::Remainder),
    ("(", Sign::OpenParen),
    (")", Sign::CloseParen),
    ("{", Sign::OpenBrace),
    ("}", Sign::CloseBrace),
    ("[", Sign::OpenBracket),
    ("]", Sign::CloseBracket),
    (",", Sign::Comma),
    ("..", Sign::Range),
    (":", Sign::Colon),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text)
            .unwrap()
            .into_iter()
            .map(|token| &text[token.span])
            .collect()
    }

    #[test]
    fn what_belongs_together_is_one_word() {
        for (text, expected) in [
            ("tcp.port==80", &["tcp.port", "==", "80", ""][..]),
            ("ip.addr==10.0.0.0/8", &["ip.addr", "==", "10.0.0.0/8", ""]),
            (
                "x in {2001:db8::/32,::1}",
                &["x", "in", "{", "2001:db8::/32", ",", "::1", "}", ""],
            ),
            (
                "{8..10 1.5..2}",
                &["{", "8", "..", "10", "1.5", "..", "2", "}", ""],
            ),
            ("{-5..-1}", &["{", "-", "5", "..", "-", "1", "}", ""]),
            (
                "p[0:4]==81:85",
                &["p", "[", "0", ":", "4", "]", "==", "81:85", ""],
            ),
            ("p[1-3,5]", &["p", "[", "1", "-", "3", ",", "5", "]", ""]),
            ("a-b - 1", &["a-b", "-", "1", ""]),
            ("json.a-b[0].*.c", &["json.a-b", "[", "0", "]", ".*.c", ""]),
            ("json.** == 1", &["json.**", "==", "1", ""]),
            ("a*b", &["a", "*", "b", ""]),
            (
                "!a&&!b||c^^d",
                &["!", "a", "&&", "!", "b", "||", "c", "^^", "d", ""],
            ),
            (r#"a~"x\"y"r"\d""#, &["a", "~", r#""x\"y""#, r#"r"\d""#, ""]),
            (r"'\'' 'a'", &[r"'\''", "'a'", ""]),
            ("10.0.0.1/x", &["10.0.0.1", "/", "x", ""]),
            ("a/2", &["a", "/", "2", ""]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_an_error_at_its_place() {
        for (text, span) in [
            ("a = 1", 2..3),
            ("a == \"x", 5..7),
            ("a @ b", 2..3),
            ("a | b", 2..3),
            ("''", 0..1),
        ] {
            assert_eq!(tokens(text).unwrap_err().span, span, "{text}");
        }
    }
}
