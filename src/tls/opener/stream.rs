//! Records of RC4 and of no cipher at all, with an HMAC (RFC 5246 6.2.3.1).
//!
//! RC4 is one stream of key bytes over all records of a direction: one that is missing from the capture ends it.

use std::ops::Range;

use rc4::{KeyInit, Rc4, StreamCipher};

use crate::tls::record::RecordHeader;
use crate::tls::suite::Stream;

use super::mac::{MacKey, additional_data12};

/// One direction's stream and HMAC.
pub(super) struct KeyStream {
    /// `None` where nothing is encrypted.
    rc4: Option<Rc4>,
    mac: MacKey,
    /// Key bytes made and not used: for a record that did not open, and may yet with another number.
    ahead: Vec<u8>,
    is_lost: bool,
}

impl KeyStream {
    pub(super) fn new(stream: Stream, key: &[u8], mac: MacKey) -> Option<Self> {
        let rc4 = match stream {
            Stream::Null => None,
            Stream::Rc4 => Some(Rc4::new_from_slice(key).ok()?),
        };
        Some(Self {
            rc4,
            mac,
            ahead: Vec::new(),
            is_lost: false,
        })
    }

    pub(super) fn is_chained(&self) -> bool {
        self.rc4.is_some()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// A record of this length went by unopened; `None` where that is not known.
    pub(super) fn passed(&mut self, len: Option<usize>) {
        match len {
            Some(len) => {
                self.fill(len);
                self.advance(len);
            }
            None => self.is_lost = self.is_chained(),
        }
    }

    pub(super) fn open(
        &mut self,
        sequence: u64,
        header: RecordHeader,
        body: &mut [u8],
    ) -> Option<Range<usize>> {
        if self.is_lost {
            return None;
        }
        self.fill(body.len());
        self.apply(body);
        if self.verify(sequence, header, body).is_none() {
            // The same key bytes again make it what it was.
            self.apply(body);
            return None;
        }
        self.advance(body.len());
        Some(0..body.len() - self.mac.len())
    }

    fn verify(&self, sequence: u64, header: RecordHeader, body: &[u8]) -> Option<()> {
        let content_len = body.len().checked_sub(self.mac.len())?;
        let (content, tag) = body.split_at_checked(content_len)?;
        let (aad, _) = additional_data12(sequence, header, content_len);
        self.mac.verify([&aad, content], tag)
    }

    fn fill(&mut self, len: usize) {
        let have = self.ahead.len();
        if let Some(rc4) = &mut self.rc4
            && have < len
        {
            self.ahead.resize(len, 0);
            rc4.apply_keystream(&mut self.ahead[have..]);
        }
    }

    fn apply(&self, body: &mut [u8]) {
        for (byte, key) in body.iter_mut().zip(&self.ahead) {
            *byte ^= key;
        }
    }

    fn advance(&mut self, len: usize) {
        self.ahead.drain(..len.min(self.ahead.len()));
    }
}
