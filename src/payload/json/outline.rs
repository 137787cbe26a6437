//! What the members of a JSON object are, found once for all who ask.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::document::{Json, JsonKind};
use super::scan::Scanner;

/// Members remembered; what has more is asked about the first.
const MEMBERS: usize = 64;

/// The places of the members of a JSON text that is an object, or that it is an array. It borrows nothing: whoever asks brings
/// the text.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    kind: JsonKind,
    /// The bytes of each key within its quotes, and of its value.
    members: SmallVec<[(Range<usize>, Range<usize>); 8]>,
    has_more: bool,
    /// Elements of an array.
    elements: usize,
    /// A bit for each key, so that most keys that are not there are not looked for.
    keys: u64,
}

/// The bit that stands for a key.
const fn bit(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let ([first, ..], [.., last]) = (bytes, bytes) else {
        return 1;
    };
    let mixed = bytes.len() ^ (*first as usize * 7) ^ (*last as usize * 13);
    1 << (mixed % 64)
}

/// Keys that are looked for together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    keys: &'static [&'static str],
    /// A bit for each.
    bits: u64,
}

impl Keys {
    /// These keys.
    #[must_use]
    pub const fn new(keys: &'static [&'static str]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < keys.len() {
            bits |= bit(keys[at]);
            at += 1;
        }
        Self { keys, bits }
    }
}

impl Outline {
    /// The outline of a text; `None` when it is not a JSON object or array.
    pub(crate) fn of(text: &str) -> Option<Outline> {
        let mut scanner = Scanner::new(text);
        let kind = match scanner.next()? {
            b'{' => JsonKind::Object,
            b'[' => JsonKind::Array,
            _ => return None,
        };
        let mut outline = Outline {
            kind,
            members: SmallVec::new(),
            has_more: false,
            elements: 0,
            keys: 0,
        };
        match kind {
            JsonKind::Object => outline.read_members(&mut scanner, text)?,
            _ => outline.read_elements(&mut scanner)?,
        }
        scanner.is_over().then_some(outline)
    }

    fn read_members(&mut self, scanner: &mut Scanner<'_>, text: &str) -> Option<()> {
        scanner.take(b'{')?;
        if scanner.next()? == b'}' {
            return scanner.take(b'}');
        }
        loop {
            // A key with escapes is at no place.
            let key = match scanner.key()? {
                (_, true) => usize::MAX..usize::MAX,
                (key, false) => key,
            };
            scanner.next()?;
            let value = scanner.at();
            scanner.value()?;
            if self.members.len() < MEMBERS {
                self.keys |= text.get(key.clone()).map_or(0, bit);
                self.members.push((key, value..scanner.at()));
            } else {
                self.has_more = true;
            }
            match scanner.next()? {
                b',' => scanner.take(b',')?,
                _ => return scanner.take(b'}'),
            }
        }
    }

    fn read_elements(&mut self, scanner: &mut Scanner<'_>) -> Option<()> {
        scanner.take(b'[')?;
        if scanner.next()? == b']' {
            return scanner.take(b']');
        }
        loop {
            scanner.value()?;
            self.elements += 1;
            match scanner.next()? {
                b',' => scanner.take(b',')?,
                _ => return scanner.take(b']'),
            }
        }
    }

    /// The text in a few words, as [`Json::outline`].
    pub(crate) fn summary(&self, text: &str) -> String {
        if self.kind == JsonKind::Array {
            return Json::outline_of_array(self.elements);
        }
        let members = self.members.iter().map(|(key, value)| {
            let key = match text.get(key.clone()) {
                Some(key) => Cow::Borrowed(key),
                None => escaped_key(text, value.start).unwrap_or_default(),
            };
            (key, Json::within(text, value.clone()))
        });
        Json::outline_of_members(members)
    }

    /// What the text is.
    pub(crate) fn kind(&self) -> JsonKind {
        self.kind
    }

    /// The member of this key; of several the last. Keys written with escapes are not found.
    pub(crate) fn member<'a>(&self, text: &'a str, key: &str) -> Option<Json<'a>> {
        if self.keys & bit(key) == 0 {
            return None;
        }
        let mut members = self.members.iter().rev();
        let (_, value) = members
            .find(|(name, _)| name.len() == key.len() && text.get(name.clone()) == Some(key))?;
        Some(Json::within(text, value.clone()))
    }

    /// Whether the object has a member of one of these keys.
    #[inline]
    pub(crate) fn has_any(&self, text: &str, keys: &Keys) -> bool {
        let has = |key: &&str| self.member(text, key).is_some();
        self.keys & keys.bits != 0 && keys.keys.iter().any(has)
    }

    /// Whether the object has no other keys than these.
    pub(crate) fn has_only(&self, text: &str, keys: &[&str]) -> bool {
        let mut members = self.members.iter();
        !self.has_more
            && self.kind == JsonKind::Object
            && members.all(|(name, _)| {
                text.get(name.clone())
                    .is_some_and(|name| keys.contains(&name))
            })
    }
}

/// The key with escapes whose value begins here.
fn escaped_key(text: &str, value: usize) -> Option<Cow<'_, str>> {
    let json = Json::trusted(text)?;
    let member = json.members().find(|(_, found)| found.start() == value);
    member.map(|(key, _)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_the_text_they_came_from() {
        let text = r#" { "a":1, "b" : {"a":[2]}, "a":"last" }"#;
        let outline = Outline::of(text).unwrap();
        assert_eq!(outline.member(text, "a").unwrap().raw(), r#""last""#);
        assert_eq!(outline.member(text, "b").unwrap().raw(), r#"{"a":[2]}"#);
        assert!(outline.member(text, "c").is_none());
        assert!(outline.has_only(text, &["a", "b"]) && !outline.has_only(text, &["a"]));
        assert_eq!(Outline::of("[1]").unwrap().kind(), JsonKind::Array);
        assert!(Outline::of("17").is_none() && Outline::of("{\"a\"").is_none());
    }

    #[test]
    fn a_summary_is_that_of_the_text() {
        for text in [
            r#"{"a":1, "b" : {"a":[2]}, "c\u0041":"last","d":[],"e":"\n","f":null,"g":0}"#,
            "{}",
            " { } ",
            "[1,{},[2,3]]",
            "[ ]",
        ] {
            let outline = Outline::of(text).unwrap();
            assert_eq!(outline.summary(text), Json::parse(text).unwrap().outline());
        }
    }

    #[test]
    fn of_many_members_the_first_are_known() {
        let many: Vec<String> = (0..1000).map(|at| format!("\"k{at}\":{at}")).collect();
        let text = format!("{{{}}}", many.join(","));
        let outline = Outline::of(&text).unwrap();
        assert!(outline.member(&text, "k63").is_some());
        assert!(outline.member(&text, "k64").is_none());
        assert!(!outline.has_only(&text, &["k0"]));
    }
}
