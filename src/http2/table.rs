//! The tables that HPACK's indexes point into: the static one and the one that grows (RFC 7541 section 2.3).
//!
//! A capture may begin, or have holes, in the middle of a connection. Entries are counted from the newest, so those
//! inserted since then are known, and what lies beyond them is unknown, not wrong.

use std::collections::VecDeque;

/// A table entry: its name and value. Where they are not known the name is a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryRef<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// Neither name nor value is a guess.
    pub(super) known: bool,
}

/// The static and the dynamic table as one index space.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The newest first.
    entries: VecDeque<Entry>,
    /// By RFC 7541 section 4.1.
    size: usize,
    /// The size the sender keeps to.
    max: usize,
    /// The size we keep to, whatever the sender says.
    cap: usize,
    /// Every entry of the sender's table is here, so an index beyond is a mistake.
    whole: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    text: Box<[u8]>,
    name_len: usize,
    known: bool,
}

/// What each entry counts beyond its text (RFC 7541 section 4.1).
const OVERHEAD: usize = 32;

/// The size before any update (RFC 9113 section 6.5.2).
const INITIAL_MAX: usize = 4096;

impl Table {
    /// The table of a connection seen from its start, of which at most `cap` is kept.
    pub(super) fn new(cap: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            max: INITIAL_MAX,
            cap,
            whole: true,
        }
    }

    /// Whether an index beyond the entries is a mistake, rather than unknown.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Forgets the entries, because some may be missing. Without the sender's size, as much as may be is kept: the
    /// sender does not use what it has dropped.
    pub(super) fn lose(&mut self) {
        self.entries = VecDeque::new();
        self.size = 0;
        self.max = usize::MAX;
        self.whole = false;
    }

    /// The entry at an index, from 1.
    pub(super) fn get(&self, index: u32) -> Option<EntryRef<'_>> {
        let nth = index.checked_sub(1)? as usize;
        if let Some((name, value)) = STATIC.get(nth) {
            return Some(EntryRef {
                name: name.as_bytes(),
                value: value.as_bytes(),
                known: true,
            });
        }
        let entry = self.entries.get(nth - STATIC.len())?;
        let (name, value) = entry.text.split_at_checked(entry.name_len)?;
        Some(EntryRef {
            name,
            value,
            known: entry.known,
        })
    }

    /// Takes the sender's new size (RFC 7541 section 4.3).
    pub(super) fn resize(&mut self, max: usize) {
        self.max = max;
        self.evict(0);
    }

    /// Inserts an entry at the front (RFC 7541 section 4.4).
    pub(super) fn insert(&mut self, entry: EntryRef<'_>) {
        let size = entry.name.len() + entry.value.len() + OVERHEAD;
        self.evict(size);
        if size > self.max.min(self.cap) {
            self.whole &= size > self.max;
            return;
        }
        self.size += size;
        self.entries.push_front(Entry {
            text: [entry.name, entry.value].concat().into_boxed_slice(),
            name_len: entry.name.len(),
            known: entry.known,
        });
    }

    fn evict(&mut self, coming: usize) {
        let max = self.max.min(self.cap);
        while self.size + coming > max
            && let Some(entry) = self.entries.pop_back()
        {
            self.whole &= self.size + coming > self.max;
            self.size -= entry.text.len() + OVERHEAD;
        }
    }

    /// Bytes the entries take, as HPACK counts them.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

/// RFC 7541 Appendix A.
#[rustfmt::skip]
pub(super) const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(name: &'a str, value: &'a str) -> EntryRef<'a> {
        EntryRef {
            name: name.as_bytes(),
            value: value.as_bytes(),
            known: true,
        }
    }

    #[test]
    fn static_entries_come_first() {
        let table = Table::new(4096);
        assert_eq!(table.get(0), None);
        assert_eq!(table.get(1), Some(entry(":authority", "")));
        assert_eq!(table.get(8), Some(entry(":status", "200")));
        assert_eq!(table.get(61), Some(entry("www-authenticate", "")));
        assert_eq!(table.get(62), None);
    }

    #[test]
    fn the_oldest_go_when_the_size_is_reached() {
        let mut table = Table::new(1 << 16);
        table.resize(3 * 34);
        for name in ["a", "b", "c", "d"] {
            table.insert(entry(name, "1"));
        }
        assert_eq!(table.get(62), Some(entry("d", "1")));
        assert_eq!(table.get(64), Some(entry("b", "1")));
        assert_eq!(table.get(65), None);
        assert!(table.is_whole());
        table.resize(34);
        assert_eq!(table.get(63), None);
        table.insert(entry("too long for the table", "x"));
        assert_eq!(
            (table.size(), table.get(62), table.is_whole()),
            (0, None, true)
        );
    }

    #[test]
    fn what_the_cap_drops_is_unknown_not_wrong() {
        let mut table = Table::new(2 * 34);
        for name in ["a", "b", "c"] {
            table.insert(entry(name, "1"));
        }
        assert_eq!(table.get(64), None);
        assert!(!table.is_whole() && table.size() <= 68);
        let mut table = Table::new(40);
        table.insert(entry("longer than the cap", "1"));
        assert!(!table.is_whole());
    }
}
