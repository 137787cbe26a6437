//! Heads and bodies of one row, read again from its packets, in slices.

use std::net::SocketAddr;

use crate::base::{Head, Limits, PacketNumber, PerSide, Side};
use crate::http::{self, HeadStatus};
use crate::store::{Store, WHOLE};
use crate::wire::{Carried, Envelope};

use super::row::{Part, TrafficRow};

/// Bytes read of one side.
const MOST: u64 = 16 << 20;

/// A head, and the content behind it without the framing of chunks.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The head; `None` where it is not whole.
    pub head: Option<Head>,
    /// The body; as it was sent where it is compressed.
    pub body: Vec<u8>,
    /// Whether bytes are missing, or more than what is read.
    pub is_cut: bool,
}

/// What one side sent, as far as it was found.
#[derive(Debug)]
struct Gathered {
    part: Part,
    bytes: Vec<u8>,
    /// Which runs of them are there, in order and apart from each other.
    there: Vec<(usize, usize)>,
}

/// The reading of a row.
#[derive(Debug)]
pub struct Exchange {
    client: SocketAddr,
    server: SocketAddr,
    sides: PerSide<Option<Gathered>>,
    /// Where the next packet stands, and the first that is not looked at.
    at: usize,
    from: usize,
    end: usize,
}

impl Exchange {
    /// Begins to read a row; `None` when nothing of it can be read.
    #[must_use]
    pub fn new(store: &Store, row: &TrafficRow) -> Option<Self> {
        let parts = [row.parts.client, row.parts.server];
        let begins = parts.iter().flatten().map(|part| part.begins).min()?;
        let ends = parts.iter().flatten().map(|part| part.ends).max()?;
        let from = store.place_in_flow(WHOLE, begins);
        let end = store.place_in_flow(WHOLE, PacketNumber(ends.0 + 1));
        let gathered = |part: Option<Part>| {
            part.map(|part| Gathered {
                part,
                bytes: vec![0; (part.to - part.from).min(MOST) as usize],
                there: Vec::new(),
            })
        };
        Some(Self {
            client: row.client,
            server: row.server,
            sides: PerSide {
                client: gathered(row.parts.client),
                server: gathered(row.parts.server),
            },
            at: from,
            from,
            end,
        })
    }

    /// Whether all was read.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.at >= self.end
    }

    /// How much of a hundred is read.
    #[must_use]
    pub fn percent(&self) -> usize {
        (self.at - self.from) * 100 / (self.end - self.from).max(1)
    }

    /// Looks at up to `count` more packets.
    pub fn read(&mut self, store: &Store, count: usize) {
        let count = count.min(self.end.saturating_sub(self.at));
        for entry in store.flow_packets(WHOLE, self.at).take(count) {
            self.at += 1;
            let Some(packet) = store.read(&entry) else {
                continue;
            };
            let envelope = Envelope::of(packet.link, &packet.bytes, packet.original);
            let side = match envelope.ends() {
                Some(ends) if ends == (self.client, self.server) => Side::Client,
                Some(ends) if ends == (self.server, self.client) => Side::Server,
                _ => continue,
            };
            if let (Carried::Tcp(segment), Some(gathered)) =
                (&envelope.carried, &mut self.sides[side])
            {
                gathered.add(segment.seq, segment.payload(&packet.bytes));
            }
        }
        if count == 0 {
            self.at = self.end;
        }
    }

    /// What a side sent; `None` when nothing of it was seen.
    #[must_use]
    pub fn content(&self, side: Side) -> Option<Content> {
        let gathered = self.sides[side].as_ref()?;
        let len = match gathered.there.first() {
            Some((0, end)) => *end,
            _ => return Some(Content::default()),
        };
        let bytes = gathered.bytes.get(..len)?;
        let is_cut = (len as u64) < gathered.part.to - gathered.part.from;
        let HeadStatus::Complete { head, .. } = http::parse_head(bytes, &Limits::default()) else {
            return Some(Content {
                body: bytes.to_vec(),
                is_cut,
                ..Content::default()
            });
        };
        let rest = bytes.get(head.raw.len()..).unwrap_or_default();
        let body = match head.has_token("transfer-encoding", "chunked") {
            true => without_chunks(rest),
            false => rest.to_vec(),
        };
        Some(Content {
            head: Some(head),
            body,
            is_cut,
        })
    }
}

impl Gathered {
    /// Bytes with this sequence number: what is wanted of them is copied where it belongs.
    fn add(&mut self, seq: u32, payload: &[u8]) {
        let wanted = self.part.base.wrapping_add(self.part.from as u32);
        // As far before or behind as half of all numbers.
        let at = i64::from(seq.wrapping_sub(wanted) as i32);
        let skip = usize::try_from(-at).unwrap_or(0);
        let (Ok(at), Some(payload)) = (usize::try_from(at.max(0)), payload.get(skip..)) else {
            return;
        };
        let len = payload.len().min(self.bytes.len().saturating_sub(at));
        if len == 0 {
            return;
        }
        // What came first is what was read.
        let is_there = self
            .there
            .iter()
            .any(|(from, to)| *from <= at && at + len <= *to);
        if !is_there && let Some(place) = self.bytes.get_mut(at..at + len) {
            place.copy_from_slice(&payload[..len]);
            self.note(at, at + len);
        }
    }

    fn note(&mut self, from: usize, to: usize) {
        let place = self.there.partition_point(|(start, _)| *start <= from);
        self.there.insert(place, (from, to));
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(self.there.len());
        for (from, to) in self.there.drain(..) {
            match joined.last_mut() {
                Some((_, end)) if *end >= from => *end = (*end).max(to),
                _ => joined.push((from, to)),
            }
        }
        self.there = joined;
    }
}

/// The content of chunks (RFC 9112 section 7.1), as far as they go.
fn without_chunks(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = memchr::memchr(b'\n', bytes) {
        let line = bytes[..end].trim_ascii();
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).unwrap_or_default().trim();
        let Ok(len) = usize::from_str_radix(digits, 16) else {
            break;
        };
        let rest = &bytes[end + 1..];
        let part = rest.get(..len).unwrap_or(rest);
        out.extend_from_slice(part);
        if len == 0 || part.len() < len {
            break;
        }
        let rest = &rest[len..];
        bytes = rest
            .strip_prefix(b"\r\n")
            .or(rest.strip_prefix(b"\n"))
            .unwrap_or(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_content() {
        assert_eq!(
            without_chunks(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"),
            b"abcde"
        );
        assert_eq!(without_chunks(b"ff\r\nabc"), b"abc");
        assert_eq!(without_chunks(b"zz\r\n"), b"");
    }

    #[test]
    fn bytes_are_put_in_their_place_once() {
        let part = Part {
            from: 10,
            to: 20,
            base: u32::MAX - 3,
            ..Part::default()
        };
        let mut gathered = Gathered {
            part,
            bytes: vec![0; 10],
            there: Vec::new(),
        };
        // Position 10 has sequence number 6.
        gathered.add(11, b"56789xyz");
        gathered.add(4, b"..01234");
        gathered.add(6, b"XXX");
        assert_eq!(&gathered.bytes, b"0123456789");
        assert_eq!(gathered.there, [(0, 10)]);
    }
}
