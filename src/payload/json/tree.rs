//! A JSON text as a tree whose nodes know their bytes.

use serde::de::IgnoredAny;

use crate::base::{Field, Layer, OwnedValue, Span, Value, escape};

/// Values that become lines.
const NODES: usize = 4096;
/// Bytes of a value shown.
const PREVIEW: usize = 4096;
/// How deep values lie in one another; `serde_json` goes no deeper.
const DEPTH: usize = 128;

/// The tree of a text that is an object or an array; `None` for anything else. The places of its values count in `layer`,
/// where the text begins at `at`; without it they have none.
#[must_use]
pub fn field(text: &[u8], layer: Layer, at: Option<u64>) -> Option<Field> {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[') || serde_json::from_slice::<IgnoredAny>(text).is_err() {
        return None;
    }
    let mut reader = Reader {
        text,
        at: 0,
        layer,
        place: at,
        left: NODES,
    };
    Some(reader.value("JSON".to_owned(), DEPTH))
}

/// Reads a text that is known to be JSON.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    layer: Layer,
    /// Position of the text.
    place: Option<u64>,
    left: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> u8 {
        while let Some(byte) = self.text.get(self.at) {
            if !byte.is_ascii_whitespace() {
                return *byte;
            }
            self.at += 1;
        }
        0
    }

    fn value(&mut self, label: String, depth: usize) -> Field {
        let first = self.peek();
        let start = self.at;
        let mut field = match first {
            b'{' | b'[' if depth > 0 => self.container(label, first == b'{', depth),
            _ => {
                self.skip();
                Field {
                    typed: scalar(self.text.get(start..self.at).unwrap_or_default()),
                    ..Field::new(label, self.shown(start))
                }
            }
        };
        field.layer = self.layer;
        field.span = self
            .place
            .map(|at| Span::new(at + start as u64, at + self.at as u64));
        field
    }

    fn container(&mut self, label: String, is_object: bool, depth: usize) -> Field {
        let mut field = Field::new(label, "");
        let mut count = 0;
        self.at += 1;
        loop {
            match self.peek() {
                b',' => self.at += 1,
                b'}' | b']' | 0 => break,
                _ => {}
            }
            if matches!(self.peek(), b'}' | b']' | 0) {
                break;
            }
            let name = match is_object {
                true => self.key(),
                false => format!("[{count}]"),
            };
            count += 1;
            if self.left == 0 {
                self.peek();
                self.skip();
                continue;
            }
            self.left -= 1;
            let child = self.value(name, depth - 1);
            field.children.push(child);
        }
        self.at += 1;
        if field.children.len() < count {
            field
                .children
                .push(Field::new("…", "more than can be shown here"));
        }
        field.value = match is_object {
            true => format!("{{ {count} }}"),
            false => format!("[ {count} ]"),
        };
        field
    }

    /// A key with its colon.
    fn key(&mut self) -> String {
        let start = self.at;
        self.skip();
        let raw = self.text.get(start..self.at).unwrap_or_default();
        let key: String = serde_json::from_slice(raw).unwrap_or_default();
        if self.peek() == b':' {
            self.at += 1;
        }
        escape::text(key.as_bytes())
    }

    /// A value as it is written.
    fn shown(&self, start: usize) -> String {
        let raw = self.text.get(start..self.at).unwrap_or_default();
        escape::preview(raw, PREVIEW)
    }

    /// Goes behind a value of any kind.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.text.get(self.at) {
                Some(b'"') => self.string(),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    if depth == 0 {
                        return;
                    }
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth == 0 => return,
                Some(byte) if depth == 0 && byte.is_ascii_whitespace() => return,
                Some(_) => {
                    self.at += 1;
                    // A number or a word ends before what cannot be part of it, which the next turn sees.
                    continue;
                }
                None => return,
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            self.at += match byte {
                b'\\' => 2,
                b'"' => {
                    self.at += 1;
                    return;
                }
                _ => 1,
            };
        }
    }
}

/// A text, a number or a word of JSON as a value.
fn scalar(raw: &[u8]) -> Option<OwnedValue> {
    use serde_json::Value as Json;
    let plain = |value| Some(OwnedValue::Plain(value));
    match serde_json::from_slice(raw).ok()? {
        Json::Null => plain(Value::Null),
        Json::Bool(yes) => plain(Value::Bool(yes)),
        Json::String(text) => Some(OwnedValue::Text(text)),
        Json::Number(number) => plain(match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Value::Unsigned(number),
            (None, Some(number)) => Value::Signed(number),
            (None, None) => Value::Float(number.as_f64()?),
        }),
        // Nested deeper than the tree shows.
        Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(String, String, String)> {
        fn walk(text: &str, field: &Field, out: &mut Vec<(String, String, String)>) {
            let span = field.span.unwrap();
            let bytes = text[span.start as usize..span.end as usize].to_owned();
            out.push((field.label.clone(), field.value.clone(), bytes));
            for child in &field.children {
                walk(text, child, out);
            }
        }
        let mut out = Vec::new();
        if let Some(field) = field(text.as_bytes(), Layer::Message, Some(0)) {
            walk(text, &field, &mut out);
        }
        out
    }

    #[test]
    fn every_node_knows_its_bytes() {
        let text = r#" {"a" : [1, -2.5e3 ,true],"b\u0041":{ "c":"x\"}]" , "d":null}, "e":[]} "#;
        let found = lines(text);
        let rows: Vec<(&str, &str)> = found
            .iter()
            .map(|(label, _, bytes)| (label.as_str(), bytes.as_str()))
            .collect();
        let whole = text.trim();
        assert_eq!(
            rows,
            [
                ("JSON", whole),
                ("a", "[1, -2.5e3 ,true]"),
                ("[0]", "1"),
                ("[1]", "-2.5e3"),
                ("[2]", "true"),
                ("bA", r#"{ "c":"x\"}]" , "d":null}"#),
                ("c", r#""x\"}]""#),
                ("d", "null"),
                ("e", "[]"),
            ]
        );
        assert_eq!(found[0].1, "{ 3 }");
        assert_eq!(found[1].1, "[ 3 ]");
    }

    #[test]
    fn what_is_no_document_is_none() {
        for text in ["", "1", "\"x\"", "{", "[1,]", "{\"a\":}", "{} {}"] {
            assert!(lines(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_long_document_says_what_is_left_out() {
        let text = format!("[{}]", vec!["[7]"; NODES].join(","));
        let found = field(text.as_bytes(), Layer::Message, Some(0)).unwrap();
        assert_eq!(found.children.last().unwrap().label, "…");
        assert_eq!(found.value, format!("[ {NODES} ]"));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(field(deep.as_bytes(), Layer::Message, Some(0)).is_some());
    }
}
