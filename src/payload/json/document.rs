//! A JSON value inside a valid text, read where it is asked for.

use std::borrow::Cow;
use std::ops::Range;

use crate::payload::Datum;
use crate::payload::summary::Line;

use super::scan::{is_json, plain_len};

/// A value: the text it stands in, and where.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    text: &'a str,
    start: usize,
    end: usize,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// `{...}`.
    Object,
    /// `[...]`.
    Array,
    /// `"..."`.
    String,
    /// Digits.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
}

impl<'a> Json<'a> {
    /// The value that a text is; `None` when it is not JSON.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Json<'a>> {
        is_json(text).then(|| Json::trusted(text))?
    }

    /// The value that a text is, of which it is known that it is JSON.
    pub(in crate::payload) fn trusted(text: &'a str) -> Option<Json<'a>> {
        let start = text.len() - text.trim_ascii_start().len();
        let end = text.trim_ascii_end().len();
        (start < end).then_some(Json { text, start, end })
    }

    /// The same, when it is an object or an array.
    #[must_use]
    pub fn container(text: &'a str) -> Option<Json<'a>> {
        let is_one = text.trim_ascii_start().starts_with(['{', '[']);
        is_one.then(|| Json::parse(text))?
    }

    /// The same, when it is an object.
    #[must_use]
    pub fn object(text: &'a str) -> Option<Json<'a>> {
        let is_one = text.trim_ascii_start().starts_with('{');
        is_one.then(|| Json::parse(text))?
    }

    /// The same, when it is an array.
    #[must_use]
    pub fn array(text: &'a str) -> Option<Json<'a>> {
        let is_one = text.trim_ascii_start().starts_with('[');
        is_one.then(|| Json::parse(text))?
    }

    /// Where it begins in its text.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The value as it is written.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> JsonKind {
        match self.text.as_bytes().get(self.start) {
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b'"') => JsonKind::String,
            Some(b't' | b'f') => JsonKind::Bool,
            Some(b'n') | None => JsonKind::Null,
            Some(_) => JsonKind::Number,
        }
    }

    /// The members of an object in their order, repeated keys too; none of anything else.
    pub fn members(&self) -> impl Iterator<Item = (Cow<'a, str>, Json<'a>)> + use<'a> {
        let is_object = self.kind() == JsonKind::Object;
        let mut walk = self.inside(is_object);
        std::iter::from_fn(move || {
            let key = walk.next()?;
            walk.colon();
            Some((key.text().unwrap_or_default(), walk.next()?))
        })
    }

    /// The value in this range of a valid text.
    pub(super) fn within(text: &'a str, range: Range<usize>) -> Json<'a> {
        Json {
            text,
            start: range.start,
            end: range.end,
        }
    }

    /// The elements of an array; none of anything else.
    pub fn elements(&self) -> impl Iterator<Item = Json<'a>> + use<'a> {
        self.inside(self.kind() == JsonKind::Array)
    }

    fn inside(&self, is_container: bool) -> Walk<'a> {
        Walk {
            text: self.text,
            at: if is_container {
                self.start + 1
            } else {
                self.end
            },
            end: self.end,
        }
    }

    /// The member of this key; of several the last, which is what readers take.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Json<'a>> {
        self.members()
            .filter_map(|(name, value)| (name == key).then_some(value))
            .last()
    }

    /// The members of these keys, found in one walk; of several of one key the last.
    #[must_use]
    pub fn pick<const N: usize>(&self, keys: [&str; N]) -> [Option<Json<'a>>; N] {
        let mut found = [None; N];
        for (name, value) in self.members() {
            if let Some(place) = keys.iter().position(|key| *key == name) {
                found[place] = Some(value);
            }
        }
        found
    }

    /// The element at this position, from 0.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Json<'a>> {
        self.elements().nth(index)
    }

    /// A string's text without its escapes.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        if self.kind() != JsonKind::String {
            return None;
        }
        let inside = self.text.get(self.start + 1..self.end.saturating_sub(1))?;
        if !inside.contains('\\') {
            return Some(Cow::Borrowed(inside));
        }
        // Half a surrogate pair is valid JSON and no text; it is shown as it is written.
        let whole = serde_json::from_str::<String>(self.raw());
        Some(whole.map_or(Cow::Borrowed(inside), Cow::Owned))
    }

    /// A string's text, where it has no escapes.
    #[must_use]
    pub fn plain(&self) -> Option<&'a str> {
        match self.text()? {
            Cow::Borrowed(text) => Some(text),
            Cow::Owned(_) => None,
        }
    }

    /// The text of the member of this key, where it is a string.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }

    /// A number that is whole and not negative.
    #[must_use]
    pub fn unsigned(&self) -> Option<u64> {
        match self.kind() {
            JsonKind::Number => self.raw().parse().ok(),
            _ => None,
        }
    }

    /// The number of the member of this key.
    #[must_use]
    pub fn unsigned_of(&self, key: &str) -> Option<u64> {
        self.get(key)?.unsigned()
    }

    /// Yes or no.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        match self.raw() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The bytes of the text it stands in, for its place.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.raw().as_bytes()
    }

    /// As a field's value: text without escapes, numbers as numbers where they fit, objects and arrays as JSON.
    #[must_use]
    pub fn datum(&self) -> Datum<'a> {
        let raw = self.raw();
        match self.kind() {
            JsonKind::String => Datum::Text(self.text().unwrap_or_default()),
            JsonKind::Bool => Datum::Bool(raw == "true"),
            JsonKind::Null => Datum::Text(Cow::Borrowed("null")),
            JsonKind::Number => raw
                .parse()
                .map(Datum::Unsigned)
                .or_else(|_| raw.parse().map(Datum::Signed))
                .unwrap_or(Datum::Text(Cow::Borrowed(raw))),
            JsonKind::Object | JsonKind::Array => Datum::Json(Cow::Borrowed(raw)),
        }
    }
}

/// Members named in an outline.
const NAMED: usize = 6;

impl Json<'_> {
    /// An array of so many elements in a few words.
    pub(in crate::payload) fn outline_of_array(elements: usize) -> String {
        format!("[{elements}]")
    }

    /// An object or array in a few words, for a summary.
    #[must_use]
    pub fn outline(&self) -> String {
        if self.kind() == JsonKind::Array {
            return Json::outline_of_array(self.elements().count());
        }
        Json::outline_of_members(self.members())
    }

    /// An object of these members in a few words.
    pub(super) fn outline_of_members<'k>(
        mut members: impl Iterator<Item = (Cow<'k, str>, Json<'k>)>,
    ) -> String {
        let mut line = Line::new("{");
        for (at, (key, value)) in members.by_ref().take(NAMED).enumerate() {
            line.own(if at == 0 { "" } else { ", " })
                .add(&*key)
                .own(": ");
            match value.kind() {
                JsonKind::Object => line.own("{…}"),
                JsonKind::Array => line.own("[…]"),
                _ => line.add(value.raw()),
            };
        }
        if members.next().is_some() {
            line.own(", …");
        }
        line.own("}");
        line.finish()
    }
}

/// Goes from value to value in a container.
#[derive(Clone, Debug)]
struct Walk<'a> {
    text: &'a str,
    at: usize,
    end: usize,
}

impl Walk<'_> {
    fn blanks(&mut self) {
        let bytes = self.text.as_bytes();
        while bytes
            .get(self.at)
            .is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b',')
        {
            self.at += 1;
        }
    }

    fn colon(&mut self) {
        self.blanks();
        if self.text.as_bytes().get(self.at) == Some(&b':') {
            self.at += 1;
        }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        self.blanks();
        if self.at + 1 >= self.end {
            return None;
        }
        let start = self.at;
        self.at = value_end(self.text.as_bytes(), start);
        Some(Json {
            text: self.text,
            start,
            end: self.at,
        })
    }
}

/// Where the value ends that begins at `at` in a valid text.
pub(super) fn value_end(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'"') => string_end(text, at),
        Some(b'{' | b'[') => container_end(text, at),
        _ => {
            let rest = text.get(at..).unwrap_or_default();
            let is_end =
                |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']') || byte.is_ascii_whitespace();
            at + rest.iter().position(is_end).unwrap_or(rest.len())
        }
    }
}

/// The bytes that matter inside a container: brackets, and the quotes that hide them.
static MATTERS: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    let bytes = b"\"{}[]";
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// The position behind the container that begins at `at`.
fn container_end(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(next) = rest.iter().position(|byte| MATTERS[usize::from(*byte)]) else {
            return text.len();
        };
        at += next;
        match rest.get(next) {
            Some(b'"') => at = string_end(text, at),
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
            }
            _ => {
                depth = depth.saturating_sub(1);
                at += 1;
                if depth == 0 {
                    return at;
                }
            }
        }
    }
}

/// The position behind the string that begins at `at`.
fn string_end(text: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(next) = text.get(at..).and_then(plain_len) {
        at += next;
        match text.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            // No text that is valid has it.
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_where_they_are_asked_for() {
        let text = r#" {"a" : [1, -2.5e3 ,true],"b\u0041":{ "c":"x\"}]" , "d":null}, "a":18446744073709551616, "e":[]} "#;
        let json = Json::parse(text).unwrap();
        assert_eq!(json.raw(), text.trim());
        let keys: Vec<_> = json.members().map(|(key, _)| key.into_owned()).collect();
        assert_eq!(keys, ["a", "bA", "a", "e"]);
        assert_eq!(json.get("a").unwrap().raw(), "18446744073709551616");
        assert_eq!(
            json.get("a").unwrap().datum(),
            Datum::Text("18446744073709551616".into())
        );
        let first = json.members().next().unwrap().1;
        let elements: Vec<_> = first.elements().map(|element| element.raw()).collect();
        assert_eq!(elements, ["1", "-2.5e3", "true"]);
        let inner = json.get("bA").unwrap();
        assert_eq!(inner.text_of("c").as_deref(), Some("x\"}]"));
        assert_eq!(inner.get("d").unwrap().kind(), JsonKind::Null);
        assert_eq!(json.get("e").unwrap().elements().count(), 0);
        assert_eq!(json.at(0).map(|value| value.raw()), None);
        let [e, a, x] = json.pick(["e", "a", "x"]);
        assert_eq!(e.unwrap().raw(), "[]");
        assert_eq!(a.unwrap().raw(), "18446744073709551616");
        assert!(x.is_none());
    }

    #[test]
    fn what_is_not_json_is_none() {
        for text in ["", "{", "[1,]", "{\"a\":}", "{} {}", "42[]"] {
            assert!(Json::parse(text).is_none(), "{text}");
        }
        assert!(Json::container("17").is_none() && Json::parse("17").is_some());
        assert!(Json::container(&"[".repeat(1_000_000)).is_none());
        let half = Json::parse(r#"["\ud800"]"#).unwrap();
        assert_eq!(half.at(0).unwrap().text().as_deref(), Some("\\ud800"));
    }
}
