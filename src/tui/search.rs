//! A search through payloads that goes on in slices, so that keys are answered in between.

use regex::bytes::{Regex, RegexBuilder};

use crate::store::{Chunked, Store};

use crate::view::rows::{List, RowId};

/// Payload bytes looked at of one row.
const MOST: usize = 1 << 20;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Needle {
    /// As it was typed.
    pub text: String,
    pattern: Regex,
}

impl Needle {
    /// Text in any letter case, `case:` and text in this one, `re:` and a regular expression (`case:re:` for both), or bytes
    /// written as `hex:81 05`.
    ///
    /// # Errors
    /// When the hex digits or the expression are none.
    pub fn new(text: &str) -> Result<Self, String> {
        let pattern = match text.strip_prefix("hex:") {
            Some(digits) => {
                let digits: String = digits
                    .chars()
                    .filter(|c| !c.is_whitespace() && *c != ':')
                    .collect();
                let bytes = hex::decode(&digits).map_err(|_| format!("no hex digits: {digits}"))?;
                let pattern: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
                RegexBuilder::new(&format!("(?-u){pattern}")).build()
            }
            None => words(text),
        };
        let pattern = pattern.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "too long to search for".to_owned(),
            error => {
                let last = error.to_string();
                let last = last.lines().last().unwrap_or_default().trim();
                format!(
                    "no regular expression: {}",
                    last.trim_start_matches("error: ")
                )
            }
        })?;
        Ok(Self {
            text: text.to_owned(),
            pattern,
        })
    }

    /// Where a text has it.
    #[must_use]
    pub fn hits(&self, text: &str) -> Vec<std::ops::Range<usize>> {
        let hits = self.pattern.find_iter(text.as_bytes());
        let hits = hits.map(|hit| hit.range());
        // What matches bytes may end inside a character.
        hits.filter(|hit| !hit.is_empty() && text.get(hit.clone()).is_some())
            .take(256)
            .collect()
    }

    /// Where bytes have it.
    #[must_use]
    pub fn hits_in_bytes(&self, bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
        let hits = self.pattern.find_iter(bytes).map(|hit| hit.range());
        hits.filter(|hit| !hit.is_empty()).take(4096).collect()
    }

    /// Whether bytes have it.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.pattern.is_match(bytes)
    }

    /// Whether a row's payload has it.
    #[must_use]
    pub fn is_in_row(&self, store: &Store, row: RowId) -> bool {
        let bytes = match row {
            RowId::Message(index) => store
                .message(index)
                .and_then(|message| store.message_data(&message, MOST)),
            RowId::Frame(index) => store.frame(index).and_then(|frame| {
                if frame.is_compressed() {
                    let index = store.message_of(frame.connection, frame.message.into())?;
                    return store.message_data(&store.message(index)?, MOST);
                }
                store.payload(index, MOST)
            }),
            RowId::Packet(flow, at) => store
                .flow_packet(flow, at as usize)
                .and_then(|entry| store.read(&entry))
                .map(|packet| packet.bytes),
        };
        bytes.is_some_and(|bytes| self.is_in(&bytes))
    }
}

/// Text or a regular expression, in any letter case or in this one.
fn words(text: &str) -> Result<Regex, regex::Error> {
    let (text, is_exact) = match text.strip_prefix("case:") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let pattern = match text.strip_prefix("re:") {
        Some(pattern) => pattern.to_owned(),
        None => regex::escape(text),
    };
    RegexBuilder::new(&pattern)
        .case_insensitive(!is_exact)
        .size_limit(PATTERN)
        .build()
}

/// Bytes of a compiled expression.
const PATTERN: usize = 4 << 20;

/// The rows that have what was searched for, counted beside the keys.
#[derive(Debug)]
pub(super) struct Tally {
    needle: Needle,
    /// What was listed: with another list it counts anew.
    pub(super) listed: String,
    at: usize,
    hits: Chunked<u32>,
}

impl Tally {
    /// None counted yet.
    #[must_use]
    pub(super) fn new(needle: Needle, listed: String) -> Self {
        Self {
            needle,
            listed,
            at: 0,
            hits: Chunked::default(),
        }
    }

    /// Whether there are rows to look at.
    #[must_use]
    pub(super) fn is_going(&self, store: &Store, list: &List) -> bool {
        self.at < list.len(store)
    }

    /// Looks at one more row.
    pub(super) fn advance(&mut self, store: &Store, list: &List) {
        let row = list.row(store, self.at);
        if row.is_some_and(|row| self.needle.is_in_row(store, row)) {
            self.hits.push(u32::try_from(self.at).unwrap_or(u32::MAX));
        }
        self.at += 1;
    }

    /// Which of the hits a row is, how many there are, and whether that is all.
    #[must_use]
    pub(super) fn place(
        &self,
        at: usize,
        store: &Store,
        list: &List,
    ) -> (Option<usize>, usize, bool) {
        let found = self.hits.partition_point(|hit| (hit as usize) < at);
        let is_one = self.hits.get(found).is_some_and(|hit| hit as usize == at);
        let place = is_one.then_some(found + 1);
        (place, self.hits.len(), !self.is_going(store, list))
    }

    /// The hit after a row, or before it, around the end; once all are known.
    #[must_use]
    pub(super) fn next(&self, at: usize, up: bool) -> Option<usize> {
        let len = self.hits.len();
        let after = self.hits.partition_point(|hit| hit as usize <= at);
        let before = self.hits.partition_point(|hit| (hit as usize) < at);
        let place = match up {
            true => before.checked_sub(1).or(len.checked_sub(1))?,
            false if after < len => after,
            false => 0,
        };
        self.hits.get(place).map(|hit| hit as usize)
    }
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    /// What for.
    pub needle: Needle,
    /// The row looked at next.
    pub at: usize,
    /// How many rows are left.
    pub left: usize,
    /// Whether it goes up.
    pub up: bool,
}

/// How far a slice came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not yet.
    Going,
    /// At this place.
    Found(usize),
    /// Nowhere.
    Nowhere,
}

impl Search {
    /// A search from the row after (or before) `from`, around the end.
    #[must_use]
    pub fn new(needle: Needle, from: usize, len: usize, up: bool) -> Self {
        let mut search = Self {
            needle,
            at: from,
            left: len,
            up,
        };
        search.step(len);
        search
    }

    fn step(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        self.at = match self.up {
            true => self.at.checked_sub(1).unwrap_or(len - 1),
            false => (self.at + 1) % len,
        };
    }

    /// Looks at one more row.
    pub fn advance(&mut self, store: &Store, list: &List) -> Progress {
        if self.left == 0 {
            return Progress::Nowhere;
        }
        self.left -= 1;
        let at = self.at;
        let found = list
            .row(store, at)
            .is_some_and(|row| self.needle.is_in_row(store, row));
        self.step(list.len(store));
        if found {
            Progress::Found(at)
        } else {
            Progress::Going
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_hex_are_found() {
        assert!(Needle::new("HELLO").unwrap().is_in(b"well, hello"));
        assert!(!Needle::new("a.c").unwrap().is_in(b"abc"));
        assert!(Needle::new("hex:00 ff").unwrap().is_in(b"\x01\x00\xff"));
        assert!(Needle::new("hex:0g").is_err());
        assert!(!Needle::new("case:HELLO").unwrap().is_in(b"hello"));
        assert!(Needle::new("re:h.l+o$").unwrap().is_in(b"Well, HELLO"));
        assert!(!Needle::new("case:re:h.l+o$").unwrap().is_in(b"HELLO"));
        let error = Needle::new("re:(a").unwrap_err();
        assert!(error.contains("unclosed group"), "{error}");
    }
}
