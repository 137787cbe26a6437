//! What engines made of a batch, put together in packet order.
//!
//! Engines work side by side. Each gathers its results in an [`Ordered`] content, which knows the packet that every piece
//! of it comes from, and the [`Merger`] takes pieces from all of them in order. What is gathered is the content's own
//! affair: text, typed rows, columns. A connection's number depends on all engines, so a content speaks of connections by
//! their engine's ids, and learns their numbers when it is merged.

use crate::base::PacketNumber;
use crate::engine::{Connection, Moment};

use super::numbering::{EngineNumbers, Numbering, Numbers, Opened};

/// Something results are appended to.
pub trait Content: Default {
    /// How much of it there is.
    type Mark: Copy + Send + std::fmt::Debug;

    /// How much of it there is now.
    fn mark(&self) -> Self::Mark;

    /// The bytes up to a mark, roughly: they never become fewer.
    fn weight(mark: Self::Mark) -> usize;

    /// Empties it, keeping its memory.
    fn clear(&mut self);
}

/// Typed rows.
impl<T> Content for Vec<T> {
    type Mark = usize;

    fn mark(&self) -> usize {
        self.len()
    }

    fn weight(mark: usize) -> usize {
        mark * size_of::<T>().max(1)
    }

    fn clear(&mut self) {
        Vec::clear(self);
    }
}

/// What one engine made of one batch, and the packet that each piece of it comes from.
#[derive(Debug)]
pub struct Ordered<C: Content> {
    content: C,
    pieces: Vec<Piece<C::Mark>>,
    opened: Vec<Opened>,
}

/// What one packet made an engine gather.
#[derive(Clone, Copy, Debug)]
struct Piece<M> {
    /// The packet, and the turn after it ([`Moment`]).
    order: (PacketNumber, u64),
    end: M,
}

impl<C: Content> Default for Ordered<C> {
    fn default() -> Self {
        Self {
            content: C::default(),
            pieces: Vec::new(),
            opened: Vec::new(),
        }
    }
}

impl<C: Content> Ordered<C> {
    /// Where to append results.
    #[inline]
    pub fn content(&mut self) -> &mut C {
        &mut self.content
    }

    /// Ends what the engine gathered at this moment.
    #[inline]
    pub fn end_piece(&mut self, at: Moment) {
        let order = (at.packet, at.turn);
        let end = self.content.mark();
        match self.pieces.last_mut() {
            Some(last) if last.order == order => last.end = end,
            _ => self.pieces.push(Piece { order, end }),
        }
    }

    /// Counts what was gathered since to the piece that was ended last.
    #[inline]
    pub fn extend_piece(&mut self) {
        let end = self.content.mark();
        if let Some(last) = self.pieces.last_mut() {
            last.end = end;
        }
    }

    /// Notes that a connection was recognised.
    pub fn opened(&mut self, connection: &Connection) {
        self.opened.push(Opened::of(connection));
    }

    /// Bytes gathered so far, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        C::weight(self.content.mark())
    }

    /// Exchanges all of it for an empty one, as [`Collected::exchange`](super::collected::Collected::exchange) asks.
    pub fn exchange(&mut self, other: &mut Self) {
        std::mem::swap(self, other);
        self.content.clear();
        self.pieces.clear();
        self.opened.clear();
    }
}

/// Pieces of one content that come one after another.
#[derive(Debug)]
pub struct Stretch<'a, C: Content> {
    /// The whole content.
    pub content: &'a mut C,
    /// Where the pieces begin.
    pub from: C::Mark,
    /// Where they end.
    pub to: C::Mark,
    /// The numbers of the connections that the content speaks of.
    pub numbers: EngineNumbers<'a>,
}

impl<C: Content> Stretch<'_, C> {
    /// Bytes in it, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        C::weight(self.to) - C::weight(self.from)
    }
}

/// Bytes of one content that are handed on at once.
const STRETCH: usize = 64 << 10;

/// Numbers the connections of all engines, and takes the pieces of their contents in packet order.
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

    /// Connections numbered so far.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.numbering.count()
    }

    /// Merges what the engines made of one batch: `each` gets stretches in packet order, never more than some 64 KiB and a
    /// piece.
    pub fn merge<C: Content>(
        &mut self,
        parts: &mut [Ordered<C>],
        mut each: impl FnMut(Stretch<'_, C>),
    ) {
        self.numbering
            .number(parts.iter().map(|part| &part.opened[..]));
        let mut next = vec![0usize; parts.len()];
        // Of an empty content, since nothing is before the first piece.
        let start = C::default().mark();
        while let Some((engine, end)) = run(parts, &next) {
            let Ordered {
                content, pieces, ..
            } = &mut parts[engine];
            let before = next[engine].checked_sub(1);
            let from = before.and_then(|before| pieces.get(before));
            each(Stretch {
                content,
                from: from.map_or(start, |piece| piece.end),
                to: pieces[end - 1].end,
                numbers: self.numbering.of_engine(engine),
            });
            next[engine] = end;
        }
    }
}

/// The part whose next piece comes first, and the end of its pieces before any of another part, of [`STRETCH`] at most.
fn run<C: Content>(parts: &[Ordered<C>], next: &[usize]) -> Option<(usize, usize)> {
    let (mut first, mut second) = (None, None);
    for (part, at) in next.iter().enumerate() {
        let Some(piece) = parts[part].pieces.get(*at) else {
            continue;
        };
        let head = Some((piece.order, part));
        if first.is_none() || head < first {
            (first, second) = (head, first);
        } else if second.is_none() || head < second {
            second = head;
        }
    }
    let (_, part) = first?;
    let pieces = &parts[part].pieces[next[part]..];
    let most = C::weight(pieces[0].end).saturating_add(STRETCH);
    let is_after = |piece: &Piece<C::Mark>| {
        C::weight(piece.end) > most || second.is_some_and(|(order, _)| piece.order > order)
    };
    let rest = pieces[1..].iter().position(is_after);
    Some((part, next[part] + 1 + rest.unwrap_or(pieces.len() - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ConnectionId;
    use crate::run::ConnectionKey;

    type Rows = Ordered<Vec<(ConnectionId, &'static str)>>;

    fn open(rows: &mut Rows, id: u32, first_packet: u64) {
        rows.opened.push(Opened {
            id: ConnectionId(id),
            key: ConnectionKey {
                first_packet: PacketNumber(first_packet),
                ordinal: 0,
            },
        });
    }

    fn row(rows: &mut Rows, packet: u64, id: u32, what: &'static str) {
        rows.content().push((ConnectionId(id), what));
        rows.end_piece(Moment {
            packet: PacketNumber(packet),
            ..Moment::default()
        });
    }

    #[test]
    fn typed_rows_come_in_packet_order_with_the_numbers_of_their_connections() {
        let (mut a, mut b) = (Rows::default(), Rows::default());
        open(&mut a, 0, 3);
        open(&mut b, 0, 1);
        row(&mut a, 5, 0, "five");
        row(&mut b, 4, 0, "four");
        row(&mut b, 6, 0, "six");
        row(&mut b, 6, 0, "six again");
        let mut merged = Vec::new();
        let mut merger = Merger::default();
        merger.merge(&mut [a, b], |stretch| {
            for (id, what) in &stretch.content[stretch.from..stretch.to] {
                merged.push((stretch.numbers.get(*id).unwrap_or(0), *what));
            }
        });
        let expected = [(1, "four"), (2, "five"), (1, "six"), (1, "six again")];
        assert_eq!(merged, expected);
        assert_eq!(merger.connections(), 2);
    }

    #[test]
    fn stretches_are_small_and_lose_nothing() {
        let mut rows = Rows::default();
        for packet in 0..100_000 {
            row(&mut rows, packet, 0, "x");
        }
        let (mut count, mut at) = (0, 0);
        Merger::default().merge(&mut [rows], |stretch| {
            assert!(stretch.weight() <= STRETCH + 32);
            assert_eq!(stretch.from, at);
            (count, at) = (count + 1, stretch.to);
        });
        assert_eq!(at, 100_000);
        assert!(count > 10);
    }
}
