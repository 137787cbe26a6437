//! What the members of a JSON object are, found once for all who ask.

use std::ops::Range;

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
        let json = Json::container(text)?;
        let mut outline = Outline {
            kind: json.kind(),
            members: SmallVec::new(),
            has_more: false,
            keys: 0,
        };
        if json.kind() == JsonKind::Object {
            let mut places = json.places();
            outline.members.extend(places.by_ref().take(MEMBERS));
            outline.has_more = places.next().is_some();
            let keys = outline.members.iter().filter_map(|(key, _)| text.get(key.clone()));
            outline.keys = keys.fold(0, |keys, key| keys | bit(key));
        }
        Some(outline)
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
        let (_, value) = members.find(|(name, _)| text.get(name.clone()) == Some(key))?;
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
