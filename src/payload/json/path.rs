//! Paths into a message's JSON, and the walk that finds what lies at them without building the document.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::base::Value;

/// Steps of one path; the walk keeps the set of steps it stands at in the bits of a word.
pub(crate) const MAX_STEPS: usize = 62;

/// One step from a JSON value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// The member with this key.
    Key(Box<str>),
    /// The element at this position, from 0.
    Index(u64),
    /// `*`: any one member or element.
    Any,
    /// `**`: any number of members or elements on the way, none too.
    Deep,
}

/// The steps of `json.a.b[0].*`; `None` when it is no such path.
pub fn parse_path(name: &str) -> Option<Box<[PathStep]>> {
    let mut rest = name.strip_prefix("json")?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (found, left) = parse_steps(rest)?;
        steps.extend(found);
        rest = left;
    }
    (!steps.is_empty() && steps.len() <= MAX_STEPS).then(|| steps.into())
}

fn parse_steps(text: &str) -> Option<(Vec<PathStep>, &str)> {
    if let Some(inside) = text.strip_prefix('[') {
        let (index, left) = inside.split_once(']')?;
        return Some((vec![index_step(index)?], left));
    }
    let end = text.find('[').unwrap_or(text.len());
    Some((dotted_steps(&text[..end])?, &text[end..]))
}

/// The step in brackets: a position or `*`.
pub(crate) fn index_step(text: &str) -> Option<PathStep> {
    match text {
        "*" => Some(PathStep::Any),
        digits => digits.parse().ok().map(PathStep::Index),
    }
}

/// The steps of `.a.b`; `None` when a key is empty.
pub(crate) fn dotted_steps(text: &str) -> Option<Vec<PathStep>> {
    text.strip_prefix('.')?
        .split('.')
        .map(|key| match key {
            "" => None,
            "*" => Some(PathStep::Any),
            "**" => Some(PathStep::Deep),
            key => Some(PathStep::Key(key.into())),
        })
        .collect()
}

/// Calls `each` with every value at `path` in `text`, until it answers `true`. An empty path finds the document itself.
/// A text that is not JSON has no values; neither has one nested deeper than 128.
pub fn visit(text: &str, path: &[PathStep], each: &mut dyn FnMut(Value<'_>) -> bool) {
    if path.len() > MAX_STEPS {
        return;
    }
    if path.is_empty() {
        // Whether it is JSON is known only at its end.
        if is_json(text) {
            each(Value::Present);
        }
        return;
    }
    let mut walk = Walk {
        path,
        each,
        stopped: false,
    };
    let at = walk.reach(1);
    let mut document = serde_json::Deserializer::from_str(text);
    let _ = Place {
        walk: &mut walk,
        at,
    }
    .deserialize(&mut document);
}

fn is_json(text: &str) -> bool {
    // A bare word or number is JSON to the grammar; to a reader who asks for JSON it is not.
    text.trim_ascii_start().starts_with(['{', '['])
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

struct Walk<'w> {
    path: &'w [PathStep],
    each: &'w mut dyn FnMut(Value<'_>) -> bool,
    stopped: bool,
}

impl Walk<'_> {
    /// The set with the steps added that a `**` lets pass.
    fn reach(&self, mut at: u64) -> u64 {
        for (step, kind) in self.path.iter().enumerate() {
            if *kind == PathStep::Deep && at & (1 << step) != 0 {
                at |= 1 << (step + 1);
            }
        }
        at
    }

    /// The set of steps after going from `at` to a member or an element.
    fn step(&self, at: u64, goes: impl Fn(&PathStep) -> bool) -> u64 {
        let mut next = 0;
        for (step, kind) in self.path.iter().enumerate() {
            if at & (1 << step) == 0 {
                continue;
            }
            if *kind == PathStep::Deep {
                next |= 1 << step;
            } else if goes(kind) {
                next |= 1 << (step + 1);
            }
        }
        self.reach(next)
    }

    fn found(&mut self, at: u64, value: Value<'_>) {
        if at & (1 << self.path.len()) != 0 && !self.stopped {
            self.stopped = (self.each)(value);
        }
    }
}

/// A place in the document and the steps the walk stands at there.
struct Place<'p, 'w> {
    walk: &'p mut Walk<'w>,
    at: u64,
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        if self.at == 0 || self.walk.stopped {
            return document.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        document.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.walk.found(self.at, Value::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.walk.found(self.at, Value::Bool(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.walk.found(self.at, Value::Unsigned(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.walk.found(self.at, Value::Signed(value));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.walk.found(self.at, Value::Float(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.walk.found(self.at, Value::Text(value));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.walk.found(self.at, Value::Present);
        loop {
            let key = Key {
                walk: &*self.walk,
                at: self.at,
            };
            let Some(at) = map.next_key_seed(key)? else {
                return Ok(());
            };
            map.next_value_seed(Place {
                walk: &mut *self.walk,
                at,
            })?;
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.walk.found(self.at, Value::Present);
        for index in 0u64.. {
            let at = self.walk.step(self.at, |step| match step {
                PathStep::Index(wanted) => *wanted == index,
                PathStep::Any => true,
                _ => false,
            });
            let place = Place {
                walk: &mut *self.walk,
                at,
            };
            if list.next_element_seed(place)?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// A member's key, turned into the steps the walk stands at behind it.
struct Key<'p, 'w> {
    walk: &'p Walk<'w>,
    at: u64,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<u64, D::Error> {
        document.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, found: &str) -> Result<u64, E> {
        Ok(self.walk.step(self.at, |step| match step {
            PathStep::Key(wanted) => **wanted == *found,
            PathStep::Any => true,
            _ => false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, path: &str) -> Vec<String> {
        let mut out = Vec::new();
        let path = parse_path(path).unwrap();
        visit(text, &path, &mut |value| {
            out.push(format!("{value:?}"));
            false
        });
        out
    }

    #[test]
    fn paths_lead_to_their_values() {
        let text = r#"{"a":{"b":[1,-2,{"c":"x"}]},"n":null,"t":true,"f":1.5,"a-b":{"c":"y"}}"#;
        for (path, values) in [
            ("json.a.b[0]", &["Unsigned(1)"][..]),
            ("json.a.b[1]", &["Signed(-2)"]),
            ("json.a.b[2].c", &["Text(\"x\")"]),
            ("json.a.b", &["Present"]),
            ("json.n", &["Null"]),
            ("json.t", &["Bool(true)"]),
            ("json.f", &["Float(1.5)"]),
            ("json.a-b.c", &["Text(\"y\")"]),
            ("json.*.c", &["Text(\"y\")"]),
            ("json.**.c", &["Text(\"x\")", "Text(\"y\")"]),
            ("json.a.b[*]", &["Unsigned(1)", "Signed(-2)", "Present"]),
            ("json.a.c", &[]),
        ] {
            assert_eq!(found(text, path), values, "{path}");
        }
        let mut all = 0;
        visit(text, &parse_path("json.**").unwrap(), &mut |_| {
            all += 1;
            false
        });
        assert_eq!(all, 12);
    }

    #[test]
    fn hostile_text_ends_the_walk() {
        assert!(found(&"[".repeat(100_000), "json.a").is_empty());
        assert!(found("{\"a\":", "json.b").is_empty());
        let mut is_json = false;
        visit("hello", &[], &mut |_| {
            is_json = true;
            true
        });
        assert!(!is_json);
    }

    #[test]
    fn broken_paths_are_none() {
        for path in [
            "json", "json.", "json..a", "json[", "json[x]", "jsonx", "a.b", "json.a[",
        ] {
            assert_eq!(parse_path(path), None, "{path}");
        }
    }
}
