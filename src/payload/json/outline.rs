//! What the members of a JSON object are, found once for all who ask.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::document::{Json, JsonKind};

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
fn bit(key: &str) -> u64 {
    let bytes = key.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return 1;
    };
    let mixed = bytes.len() ^ (usize::from(*first) * 7) ^ (usize::from(*last) * 13);
    1 << (mixed % 64)
}

impl Outline {
    /// The outline of a text; `None` when it is not a JSON object or array.
    pub(crate) fn of(text: &str) -> Option<Outline> {
        let mut outline = Outline {
            kind: match text.trim_ascii_start().as_bytes().first()? {
                b'{' => JsonKind::Object,
                b'[' => JsonKind::Array,
                _ => return None,
            },
            members: SmallVec::new(),
            has_more: false,
            elements: 0,
            keys: 0,
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let visitor = Members {
            text,
            outline: &mut outline,
        };
        reader.deserialize_any(visitor).ok()?;
        reader.end().ok()?;
        Some(outline)
    }

    /// What the text is.
    pub(crate) fn kind(&self) -> JsonKind {
        self.kind
    }

    /// How many elements it has, where it is an array.
    pub(crate) fn elements(&self) -> Option<usize> {
        (self.kind == JsonKind::Array).then_some(self.elements)
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

/// Reads a container once, and writes down where its members are.
struct Members<'t, 'o> {
    text: &'t str,
    outline: &'o mut Outline,
}

impl<'de> Visitor<'de> for Members<'de, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { text, outline } = self;
        while let Some(Key(key)) = map.next_key()? {
            if outline.members.len() >= MEMBERS {
                outline.has_more = true;
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            outline.keys |= key.map_or(0, bit);
            // A key with escapes is at no place.
            let key = key.map_or(usize::MAX..usize::MAX, |key| place(text, key));
            outline.members.push((key, place(text, value.get())));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {
            self.outline.elements += 1;
        }
        Ok(())
    }
}

/// Where a part of a text stands in it.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + part.len()
}

/// A key; `None` where it is written with escapes.
struct Key<'a>(Option<&'a str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Some(key)))
    }

    fn visit_str<E>(self, _: &str) -> Result<Key<'de>, E> {
        Ok(Key(None))
    }
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
    fn of_many_members_the_first_are_known() {
        let many: Vec<String> = (0..1000).map(|at| format!("\"k{at}\":{at}")).collect();
        let text = format!("{{{}}}", many.join(","));
        let outline = Outline::of(&text).unwrap();
        assert!(outline.member(&text, "k63").is_some());
        assert!(outline.member(&text, "k64").is_none());
        assert!(!outline.has_only(&text, &["k0"]));
    }
}
