//! What is searched for in payloads.

use regex::bytes::{Regex, RegexBuilder};

use crate::store::Store;

use super::rows::RowId;

/// Payload bytes looked at of one row.
pub const MOST: usize = 1 << 20;

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
