//! QPACK's tables: the static one, and the one that the encoder's instructions fill (RFC 9204 section 3).
//!
//! Entries of the dynamic table are numbered from the first one on. Where instructions are missing, numbers are not known any
//! more, and what refers to them is unknown, not wrong.

use std::collections::VecDeque;

/// What each entry counts beyond its text (RFC 9204 section 3.2.1).
const OVERHEAD: usize = 32;

/// An entry that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryRef<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

/// The dynamic table of one direction.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The oldest first: name and value, and where the value begins.
    entries: VecDeque<(Box<[u8]>, usize)>,
    /// Entries inserted so far.
    inserted: u64,
    size: usize,
    capacity: usize,
    /// What we keep, whatever the capacity.
    most: usize,
    is_whole: bool,
}

impl Table {
    pub(super) fn new(most: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            inserted: 0,
            size: 0,
            capacity: 0,
            most,
            is_whole: true,
        }
    }

    /// How many entries were inserted.
    pub(super) fn inserted(&self) -> u64 {
        self.inserted
    }

    /// Whether the numbers of its entries are known.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Bytes its entries take, as QPACK counts them.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// What the encoder keeps to.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Instructions are missing.
    pub(super) fn lose(&mut self) {
        self.entries = VecDeque::new();
        self.size = 0;
        self.is_whole = false;
    }

    pub(super) fn resize(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.evict(0);
    }

    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        self.inserted += 1;
        let size = name.len() + value.len() + OVERHEAD;
        self.evict(size);
        // What does not fit takes its number all the same: everything before it is gone then.
        self.size += size;
        self.entries
            .push_back(([name, value].concat().into_boxed_slice(), name.len()));
        self.evict(0);
    }

    fn evict(&mut self, coming: usize) {
        let most = self.capacity.min(self.most);
        while self.size + coming > most
            && let Some((text, _)) = self.entries.pop_front()
        {
            self.size -= text.len() + OVERHEAD;
        }
    }

    /// The entry of this number, from 0.
    pub(super) fn get(&self, number: u64) -> Option<EntryRef<'_>> {
        let first = self.inserted - self.entries.len() as u64;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        let (text, name) = self.entries.get(at).filter(|_| self.is_whole)?;
        let (name, value) = text.split_at_checked(*name)?;
        Some(EntryRef { name, value })
    }

    /// The entry that was inserted last, or so many before it.
    pub(super) fn newest(&self, back: u64) -> Option<EntryRef<'_>> {
        self.get(self.inserted.checked_sub(back)?.checked_sub(1)?)
    }
}

/// A static entry.
pub(super) fn fixed(index: u64) -> Option<EntryRef<'static>> {
    let (name, value) = STATIC.get(usize::try_from(index).ok()?)?;
    Some(EntryRef {
        name: name.as_bytes(),
        value: value.as_bytes(),
    })
}

/// RFC 9204 Appendix A.
#[rustfmt::skip]
static STATIC: [(&str, &str); 99] = [
    (":authority", ""), (":path", "/"), ("age", "0"), ("content-disposition", ""), ("content-length", "0"),
    ("cookie", ""), ("date", ""), ("etag", ""), ("if-modified-since", ""), ("if-none-match", ""),
    ("last-modified", ""), ("link", ""), ("location", ""), ("referer", ""), ("set-cookie", ""),
    (":method", "CONNECT"), (":method", "DELETE"), (":method", "GET"), (":method", "HEAD"), (":method", "OPTIONS"),
    (":method", "POST"), (":method", "PUT"), (":scheme", "http"), (":scheme", "https"), (":status", "103"),
    (":status", "200"), (":status", "304"), (":status", "404"), (":status", "503"), ("accept", "*/*"),
    ("accept", "application/dns-message"), ("accept-encoding", "gzip, deflate, br"), ("accept-ranges", "bytes"),
    ("access-control-allow-headers", "cache-control"), ("access-control-allow-headers", "content-type"),
    ("access-control-allow-origin", "*"), ("cache-control", "max-age=0"), ("cache-control", "max-age=2592000"),
    ("cache-control", "max-age=604800"), ("cache-control", "no-cache"), ("cache-control", "no-store"),
    ("cache-control", "public, max-age=31536000"), ("content-encoding", "br"), ("content-encoding", "gzip"),
    ("content-type", "application/dns-message"), ("content-type", "application/javascript"),
    ("content-type", "application/json"), ("content-type", "application/x-www-form-urlencoded"),
    ("content-type", "image/gif"), ("content-type", "image/jpeg"), ("content-type", "image/png"),
    ("content-type", "text/css"), ("content-type", "text/html; charset=utf-8"), ("content-type", "text/plain"),
    ("content-type", "text/plain;charset=utf-8"), ("range", "bytes=0-"),
    ("strict-transport-security", "max-age=31536000"),
    ("strict-transport-security", "max-age=31536000; includesubdomains"),
    ("strict-transport-security", "max-age=31536000; includesubdomains; preload"), ("vary", "accept-encoding"),
    ("vary", "origin"), ("x-content-type-options", "nosniff"), ("x-xss-protection", "1; mode=block"),
    (":status", "100"), (":status", "204"), (":status", "206"), (":status", "302"), (":status", "400"),
    (":status", "403"), (":status", "421"), (":status", "425"), (":status", "500"), ("accept-language", ""),
    ("access-control-allow-credentials", "FALSE"), ("access-control-allow-credentials", "TRUE"),
    ("access-control-allow-headers", "*"), ("access-control-allow-methods", "get"),
    ("access-control-allow-methods", "get, post, options"), ("access-control-allow-methods", "options"),
    ("access-control-expose-headers", "content-length"), ("access-control-request-headers", "content-type"),
    ("access-control-request-method", "get"), ("access-control-request-method", "post"), ("alt-svc", "clear"),
    ("authorization", ""), ("content-security-policy", "script-src 'none'; object-src 'none'; base-uri 'none'"),
    ("early-data", "1"), ("expect-ct", ""), ("forwarded", ""), ("if-range", ""), ("origin", ""),
    ("purpose", "prefetch"), ("server", ""), ("timing-allow-origin", "*"), ("upgrade-insecure-requests", "1"),
    ("user-agent", ""), ("x-forwarded-for", ""), ("x-frame-options", "deny"), ("x-frame-options", "sameorigin"),];
