//! What can be typed next, for an input line.

use std::ops::Range;

use super::ast::Function;
use super::fields::{FieldRef, field, fields, meaning};
use super::lex::{Kind, Sign, Token, tokens};
use super::{FieldInfo, Known, Type};

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the text it replaces, up to the cursor.
    pub span: Range<usize>,
    /// What stands there then.
    pub text: String,
    /// What it means, in a few words.
    pub note: String,
}

/// What can stand at the cursor.
#[derive(Clone, Copy)]
enum Place {
    /// A field, or a test.
    Operand,
    /// Behind a field or expression: a comparison.
    Operator(Option<FieldRef>),
    /// Behind `not` that follows a field: `in`.
    In(Option<FieldRef>),
    /// Behind a comparison with this field.
    Value(Option<FieldRef>),
    /// Inside the set this field is looked for in.
    Set(Option<FieldRef>),
    /// Behind a whole test.
    Joint,
    /// Inside brackets.
    Bracket(Option<FieldRef>),
}

/// What the text can go on with at `cursor` (a byte position), best first. Nothing inside quotes.
#[must_use]
pub fn complete(text: &str, cursor: usize) -> Vec<Completion> {
    let mut end = cursor.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    if text.len() > super::parse::MAX_TEXT {
        return Vec::new();
    }
    let Ok(mut tokens) = tokens(text) else {
        return Vec::new();
    };
    tokens.pop();
    let mut span = end..end;
    if let Some(last) = tokens.pop_if(|last| last.kind == Kind::Word && last.span.end == end) {
        span = last.span;
    }
    let mut place = Place::Operand;
    for token in &tokens {
        place = after(place, token, &text[token.span.clone()]);
    }
    let partial = text[span.clone()].to_ascii_lowercase();
    candidates(place, &partial)
        .into_iter()
        .map(|(text, note)| Completion {
            span: span.clone(),
            text,
            note,
        })
        .collect()
}

fn after(place: Place, token: &Token, text: &str) -> Place {
    match token.kind {
        Kind::Sign(sign) => after_sign(place, sign),
        Kind::Word => match (text, place) {
            ("and" | "or" | "xor" | "any" | "all", _) => Place::Operand,
            ("not", Place::Operator(id)) => Place::In(id),
            ("not", _) => Place::Operand,
            ("in" | "contains" | "matches", Place::Operator(id) | Place::In(id)) => {
                Place::Value(id)
            }
            (
                "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "any_eq" | "any_ne" | "all_eq" | "all_ne",
                Place::Operator(id),
            ) => Place::Value(id),
            _ => after_operand(place, field(text)),
        },
        _ => after_operand(place, None),
    }
}

fn after_operand(place: Place, field: Option<FieldRef>) -> Place {
    match place {
        Place::Value(_) | Place::Joint => Place::Joint,
        Place::Set(id) => Place::Set(id),
        Place::Bracket(id) => Place::Bracket(id),
        _ => Place::Operator(field),
    }
}

fn after_sign(place: Place, sign: Sign) -> Place {
    let id = match place {
        Place::Operator(id)
        | Place::In(id)
        | Place::Value(id)
        | Place::Set(id)
        | Place::Bracket(id) => id,
        Place::Operand | Place::Joint => None,
    };
    match (sign, place) {
        (Sign::And | Sign::Or | Sign::Xor | Sign::Not, _) => Place::Operand,
        (Sign::OpenParen, Place::Value(_)) => Place::Value(id),
        (Sign::OpenParen, _) => Place::Operand,
        (Sign::CloseParen, Place::Operator(id)) => Place::Operator(id),
        (Sign::CloseParen | Sign::CloseBrace, _) => Place::Joint,
        (Sign::OpenBrace | Sign::Comma | Sign::Range, Place::Value(_) | Place::Set(_)) => {
            Place::Set(id)
        }
        (Sign::OpenBracket, _) => Place::Bracket(id),
        // A slice is bytes, whatever the field's own values are.
        (Sign::CloseBracket, _) => Place::Operator(None),
        (_, Place::Bracket(id)) => Place::Bracket(id),
        (
            Sign::BitAnd | Sign::Plus | Sign::Minus | Sign::Times | Sign::Divide | Sign::Remainder,
            _,
        ) => place,
        (_, Place::Operator(id)) => Place::Value(id),
        _ => place,
    }
}

type Candidate = (String, String);

fn candidates(place: Place, partial: &str) -> Vec<Candidate> {
    match place {
        Place::Operand => names(partial, |_| true),
        Place::Operator(id) => operators(id, partial),
        Place::In(_) => fixed(&[("in", "is one of a set")], partial),
        Place::Joint => joints(partial),
        Place::Value(id) | Place::Set(id) => values(id, partial),
        Place::Bracket(_) => Vec::new(),
    }
}

/// Fields and functions: those whose name begins with what is typed, then those with an alias or a part that does.
fn names(partial: &str, fits: impl Fn(&FieldInfo) -> bool) -> Vec<Candidate> {
    let mut ranked: Vec<(u8, Candidate)> = fields()
        .map(FieldRef::info)
        .filter(|info| fits(info))
        .filter_map(|info| {
            let rank = if info.name.starts_with(partial) {
                0
            } else if info.aliases.iter().any(|alias| alias.starts_with(partial)) {
                1
            } else if info.name.split('.').any(|part| part.starts_with(partial)) {
                2
            } else {
                return None;
            };
            Some((rank, (info.name.to_owned(), meaning(info))))
        })
        .collect();
    if !partial.is_empty() {
        let functions = Function::ALL
            .iter()
            .filter(|(name, _)| name.starts_with(partial));
        ranked.extend(functions.map(|(name, _)| (1, (format!("{name}("), "function".to_owned()))));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

const EQUALITY: &[(&str, &str)] = &[("==", "is"), ("!=", "is not")];
const ORDER: &[(&str, &str)] = &[
    ("<", "less than"),
    ("<=", "at most"),
    (">", "greater than"),
    (">=", "at least"),
];
const SEARCH: &[(&str, &str)] = &[
    ("contains", "has this text or these bytes"),
    ("matches", "regular expression, any letter case"),
];
const SET: &[(&str, &str)] = &[("in", "is one of a set")];
const JOINTS: &[(&str, &str)] = &[("&&", "and"), ("||", "or"), ("^^", "either, not both")];

fn operators(id: Option<FieldRef>, partial: &str) -> Vec<Candidate> {
    let groups: &[_] = match id.map(|id| id.info().kind) {
        Some(Type::Layer) if id.and_then(FieldRef::bytes).is_none() => &[JOINTS],
        Some(Type::Layer) => &[SEARCH, JOINTS],
        Some(Type::Bool | Type::Flag) => &[EQUALITY, JOINTS],
        Some(Type::Text | Type::Bytes) => &[EQUALITY, SEARCH, SET, JOINTS],
        Some(Type::Json) | None => &[EQUALITY, ORDER, SEARCH, SET, JOINTS],
        Some(_) => &[EQUALITY, ORDER, SET, JOINTS],
    };
    groups
        .iter()
        .flat_map(|group| fixed(group, partial))
        .collect()
}

fn joints(partial: &str) -> Vec<Candidate> {
    let words = [
        ("and", "both"),
        ("or", "one of them"),
        ("xor", "either, not both"),
    ];
    match partial {
        "" => fixed(JOINTS, partial),
        _ => fixed(&words, partial),
    }
}

fn values(id: Option<FieldRef>, partial: &str) -> Vec<Candidate> {
    let Some(id) = id else {
        return Vec::new();
    };
    let info = id.info();
    let mut out: Vec<Candidate> = match (info.known, info.kind) {
        (Known::Any, Type::Bool | Type::Flag) => fixed(&[("true", ""), ("false", "")], partial),
        (known, _) => known
            .names()
            .filter(|name| name.starts_with(partial) && !name.contains(' '))
            .map(|name| (name.to_owned(), note(info, name)))
            .collect(),
    };
    if !partial.is_empty() {
        out.extend(names(partial, |other| {
            other.kind.fits(info.kind) && other.name != info.name
        }));
    }
    out
}

/// What a known value stands for.
fn note(info: &FieldInfo, name: &str) -> String {
    match info.known {
        Known::Named(names) => names
            .iter()
            .find(|(known, _)| *known == name)
            .map_or_else(String::new, |(_, number)| number.to_string()),
        Known::Findings => crate::base::Code::ALL
            .iter()
            .find(|code| code.name() == name)
            .map_or_else(String::new, |code| code.meaning().to_owned()),
        _ => String::new(),
    }
}

fn fixed(list: &[(&str, &str)], partial: &str) -> Vec<Candidate> {
    list.iter()
        .filter(|(text, _)| text.starts_with(partial))
        .map(|(text, note)| ((*text).to_owned(), (*note).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Vec<String> {
        complete(text, text.len())
            .into_iter()
            .map(|completion| completion.text)
            .take(3)
            .collect()
    }

    #[test]
    fn what_fits_the_place_comes_first() {
        for (text, expected) in [
            ("websocket.op", &["websocket.opcode"][..]),
            ("opc", &["websocket.opcode"]),
            ("websocket.opcode ", &["==", "!=", "<"]),
            ("websocket.opcode == ", &["continuation", "text", "binary"]),
            ("websocket.opcode == p", &["ping", "pong"]),
            ("websocket.opcode in {ping, po", &["pong"]),
            ("from == ", &["client", "server"]),
            ("from == client ", &["&&", "||", "^^"]),
            ("from == client && finding.sev", &["finding.severity"]),
            ("finding.severity >= ", &["note", "warning", "error"]),
            ("message.text ", &["==", "!=", "contains"]),
            ("websocket.fin == ", &["true", "false"]),
            (
                "finding.code == accept-m",
                &["accept-mismatch", "accept-missing"],
            ),
            ("from not ", &["in"]),
            ("(", &["frame", "frame.number", "frame.time"]),
            ("le", &["len("]),
            ("message.text contains \"web", &[]),
            ("tcp a", &[]),
        ] {
            let found = first(text);
            assert_eq!(
                &found[..found.len().min(expected.len())],
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn the_word_at_the_cursor_is_replaced() {
        let text = "tcp && websocket.opc == 1";
        let found = complete(text, 20);
        assert_eq!(found[0].span, 7..20);
        assert_eq!(complete("é", 1), complete("", 0));
        assert!(!complete("", 5).is_empty());
    }
}
