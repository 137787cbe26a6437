//! Output of one engine for one batch of packets, ready but for the numbers of its connections.
//!
//! Engines work side by side, and a connection's number depends on all of them. So text is written with a hole where
//! such a number stands; the [`Merger`] gives the numbers, orders the pieces by packet, and fills the holes.

use crate::base::{ConnectionId, PacketNumber};
use crate::engine::Moment;
use crate::run::{EngineNumbers, Numbering, Numbers, Opened};

/// Bytes written so far, in pieces by packet.
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
    holes: Vec<Hole>,
    pieces: Vec<Piece>,
    opened: Vec<Opened>,
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    at: u32,
    connection: ConnectionId,
    width: u8,
}

/// What one packet made an engine write.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The packet, and the turn after it ([`Moment`]).
    order: (PacketNumber, u64),
    end: u32,
    holes_end: u32,
}

impl Page {
    /// Where to append bytes.
    #[inline]
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Leaves room for the number of a connection, right-aligned to `width`.
    #[inline]
    pub fn connection(&mut self, connection: ConnectionId, width: u8) {
        self.holes.push(Hole {
            at: self.bytes.len() as u32,
            connection,
            width,
        });
    }

    /// Ends what the engine wrote at this moment.
    #[inline]
    pub fn end_piece(&mut self, at: Moment) {
        let order = (at.packet, at.turn);
        let (end, holes_end) = (self.bytes.len() as u32, self.holes.len() as u32);
        match self.pieces.last_mut() {
            Some(last) if last.order == order => (last.end, last.holes_end) = (end, holes_end),
            _ => self.pieces.push(Piece {
                order,
                end,
                holes_end,
            }),
        }
    }

    /// Counts what was written since to the piece that was ended last.
    pub fn extend_piece(&mut self) {
        let (end, holes_end) = (self.bytes.len() as u32, self.holes.len() as u32);
        if let Some(last) = self.pieces.last_mut() {
            (last.end, last.holes_end) = (end, holes_end);
        }
    }

    /// Notes that a connection was recognised.
    pub fn opened(&mut self, opened: Opened) {
        self.opened.push(opened);
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Empties the page, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.holes.clear();
        self.pieces.clear();
        self.opened.clear();
    }
}

/// Numbers the connections of all engines, and puts their pages together in packet order.
#[derive(Debug, Default)]
pub struct Merger {
    numbering: Numbering,
}

impl Merger {
    /// A merger that remembers the number of every connection.
    #[must_use]
    pub fn recording() -> Self {
        Self {
            numbering: Numbering::recording(),
        }
    }

    /// What a recording merger remembered.
    #[must_use]
    pub fn into_numbers(self) -> Numbers {
        self.numbering.into_numbers()
    }

    /// Appends the pages of one batch, one page an engine, to `out`.
    pub fn merge(&mut self, pages: &[Page], out: &mut Vec<u8>) {
        self.merge_by(pages, out, &mut |_| {});
    }

    /// The same, calling `each` with `out` now and then, always between two rows: it may take out what is there.
    pub fn merge_by(
        &mut self,
        pages: &[Page],
        out: &mut Vec<u8>,
        each: &mut dyn FnMut(&mut Vec<u8>),
    ) {
        let opened = pages.iter().map(|page| &page.opened[..]);
        self.numbering.number(opened);
        if let [page] = pages {
            return one(page, self.numbering.of_engine(0), out, each);
        }
        let mut next = vec![0usize; pages.len()];
        while let Some((page, end)) = run(pages, &next) {
            let Page {
                bytes,
                holes,
                pieces,
                ..
            } = &pages[page];
            let start = next[page]
                .checked_sub(1)
                .and_then(|before| pieces.get(before));
            let (from, holes_from) = start.map_or((0, 0), |piece| (piece.end, piece.holes_end));
            let last = pieces[end - 1];
            let holes = &holes[holes_from as usize..last.holes_end as usize];
            fill(
                &bytes[from as usize..last.end as usize],
                from,
                holes,
                self.numbering.of_engine(page),
                out,
            );
            next[page] = end;
            each(out);
        }
    }

    /// Connections numbered so far.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.numbering.count()
    }
}

/// The page whose next piece comes first, and the end of its pieces before any of another page, of [`STRETCH`] at most.
fn run(pages: &[Page], next: &[usize]) -> Option<(usize, usize)> {
    let (mut first, mut second) = (None, None);
    for (page, at) in next.iter().enumerate() {
        let Some(piece) = pages[page].pieces.get(*at) else {
            continue;
        };
        let head = Some((piece.order, page));
        if first.is_none() || head < first {
            (first, second) = (head, first);
        } else if second.is_none() || head < second {
            second = head;
        }
    }
    let (_, page) = first?;
    let pieces = &pages[page].pieces[next[page]..];
    let most = pieces[0].end.saturating_add(STRETCH);
    let is_after =
        |piece: &Piece| piece.end > most || second.is_some_and(|(order, _)| piece.order > order);
    let rest = pieces[1..].iter().position(is_after);
    Some((page, next[page] + 1 + rest.unwrap_or(pieces.len() - 1)))
}

/// Source bytes of one page that are filled at once.
const STRETCH: u32 = 64 << 10;

fn one(
    page: &Page,
    numbers: EngineNumbers<'_>,
    out: &mut Vec<u8>,
    each: &mut dyn FnMut(&mut Vec<u8>),
) {
    let (mut from, mut holes_from) = (0, 0);
    let ends = page.pieces.iter().map(|piece| (piece.end, piece.holes_end));
    let ends = ends.filter(|(end, _)| *end > 0);
    let all = (page.bytes.len() as u32, page.holes.len() as u32);
    for (end, holes_end) in ends.chain([all]) {
        if end - from >= STRETCH || end == all.0 {
            let bytes = &page.bytes[from as usize..end as usize];
            let holes = &page.holes[holes_from as usize..holes_end as usize];
            fill(bytes, from, holes, numbers, out);
            (from, holes_from) = (end, holes_end);
            each(out);
        }
    }
}

fn fill(bytes: &[u8], from: u32, holes: &[Hole], numbers: EngineNumbers<'_>, out: &mut Vec<u8>) {
    let mut at = 0;
    for hole in holes {
        let hole_at = (hole.at - from) as usize;
        out.extend_from_slice(&bytes[at..hole_at]);
        at = hole_at;
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(numbers.get(hole.connection).unwrap_or(0));
        let pad = usize::from(hole.width).saturating_sub(digits.len());
        out.resize(out.len() + pad, b' ');
        out.extend_from_slice(digits.as_bytes());
    }
    out.extend_from_slice(&bytes[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::ConnectionKey;

    fn piece(page: &mut Page, packet: u64, connection: u32, text: &str) {
        page.connection(ConnectionId(connection), 2);
        page.bytes().extend_from_slice(text.as_bytes());
        page.end_piece(Moment {
            packet: PacketNumber(packet),
            ..Moment::default()
        });
    }

    #[test]
    fn pages_merge_by_packet_and_connections_are_numbered_by_first_packet() {
        let (mut a, mut b) = (Page::default(), Page::default());
        let opened = |first_packet| Opened {
            id: ConnectionId(0),
            key: ConnectionKey {
                first_packet: PacketNumber(first_packet),
                ordinal: 0,
            },
        };
        a.opened(opened(3));
        b.opened(opened(1));
        piece(&mut a, 5, 0, " five\n");
        piece(&mut b, 4, 0, " four\n");
        piece(&mut b, 6, 0, " six\n");
        let mut merger = Merger::default();
        let mut out = Vec::new();
        merger.merge(&[a, b], &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            " 1 four\n 2 five\n 1 six\n"
        );
        assert_eq!(merger.connections(), 2);
    }
}
