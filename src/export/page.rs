//! Text that one engine wrote, ready but for the numbers of its connections.
//!
//! Engines work side by side, and a connection's number depends on all of them. So text is written with a hole where
//! such a number stands, which is filled when the pages of all engines are merged.

use crate::base::ConnectionId;
use crate::run::{Content, Stretch};

/// Bytes written so far, with holes.
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
    holes: Vec<Hole>,
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    at: u32,
    connection: ConnectionId,
    width: u8,
}

/// A place between two rows of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageMark {
    bytes: u32,
    holes: u32,
}

impl Content for Page {
    type Mark = PageMark;

    #[inline]
    fn mark(&self) -> PageMark {
        PageMark {
            bytes: self.bytes.len() as u32,
            holes: self.holes.len() as u32,
        }
    }

    #[inline]
    fn weight(mark: PageMark) -> usize {
        mark.bytes as usize
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.holes.clear();
    }
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

    /// Appends to `out` what stands between two marks, with the number of each connection.
    pub fn fill(
        &self,
        (from, to): (PageMark, PageMark),
        number: impl Fn(ConnectionId) -> Option<u32>,
        out: &mut Vec<u8>,
    ) {
        let bytes = &self.bytes[from.bytes as usize..to.bytes as usize];
        let mut at = 0;
        for hole in &self.holes[from.holes as usize..to.holes as usize] {
            let hole_at = (hole.at - from.bytes) as usize;
            out.extend_from_slice(&bytes[at..hole_at]);
            at = hole_at;
            let mut buffer = itoa::Buffer::new();
            let digits = buffer.format(number(hole.connection).unwrap_or(0));
            let pad = usize::from(hole.width).saturating_sub(digits.len());
            out.resize(out.len() + pad, b' ');
            out.extend_from_slice(digits.as_bytes());
        }
        out.extend_from_slice(&bytes[at..]);
    }
}

/// Appends a stretch of text to `out`.
pub fn fill(stretch: &Stretch<'_, Page>, out: &mut Vec<u8>) {
    let number = |connection| stretch.numbers.get(connection);
    let between = (stretch.from, stretch.to);
    stretch.content.fill(between, number, out);
}

/// Rows of text that each carry a value: what they are, or whatever else their reader would have to parse.
#[derive(Debug)]
pub struct Labelled<L> {
    page: Page,
    rows: Vec<(L, PageMark)>,
}

/// A place between two rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct LabelledMark {
    rows: u32,
    page: PageMark,
}

impl<L> Default for Labelled<L> {
    fn default() -> Self {
        Self {
            page: Page::default(),
            rows: Vec::new(),
        }
    }
}

impl<L> Content for Labelled<L> {
    type Mark = LabelledMark;

    fn mark(&self) -> LabelledMark {
        LabelledMark {
            rows: self.rows.len() as u32,
            page: self.page.mark(),
        }
    }

    fn weight(mark: LabelledMark) -> usize {
        Page::weight(mark.page) + mark.rows as usize * size_of::<(L, PageMark)>()
    }

    fn clear(&mut self) {
        self.page.clear();
        self.rows.clear();
    }
}

impl<L> Labelled<L> {
    /// Where to write the text of the next row.
    pub fn page(&mut self) -> &mut Page {
        &mut self.page
    }

    /// Ends the row.
    pub fn end_row(&mut self, label: L) {
        self.rows.push((label, self.page.mark()));
    }
}

/// The rows of a stretch, one at a time: the label and the text.
///
/// # Errors
/// The first of `each`.
pub fn each_row<L, E>(
    stretch: &Stretch<'_, Labelled<L>>,
    mut each: impl FnMut(&L, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let Labelled { page, rows } = &*stretch.content;
    let mut from = stretch.from.page;
    let mut text = Vec::new();
    for (label, to) in &rows[stretch.from.rows as usize..stretch.to.rows as usize] {
        text.clear();
        let number = |connection| stretch.numbers.get(connection);
        page.fill((from, *to), number, &mut text);
        each(label, &text)?;
        from = *to;
    }
    Ok(())
}

/// Where the rows of a capture go, in packet order.
pub trait Drain<C: Content>: Send {
    /// Takes rows.
    ///
    /// # Errors
    /// When they cannot be written.
    fn push(&mut self, stretch: Stretch<'_, C>) -> std::io::Result<()>;

    /// Hands on what it gathered; somebody waits for it.
    ///
    /// # Errors
    /// When it cannot be written.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PacketNumber;
    use crate::engine::Moment;
    use crate::run::{Merger, Ordered};

    fn at(packet: u64) -> Moment {
        Moment {
            packet: PacketNumber(packet),
            ..Moment::default()
        }
    }

    #[test]
    fn holes_are_filled_and_padded() {
        let mut page = Page::default();
        page.bytes().extend_from_slice(b"a");
        page.connection(ConnectionId(7), 3);
        page.bytes().extend_from_slice(b" b\n");
        let before = page.mark();
        page.connection(ConnectionId(9), 0);
        let mut out = Vec::new();
        let number = |id: ConnectionId| (id.0 == 7).then_some(12);
        page.fill((PageMark::default(), before), number, &mut out);
        page.fill((before, page.mark()), number, &mut out);
        assert_eq!(out, b"a 12 b\n0");
    }

    #[test]
    fn labelled_rows_keep_their_text_across_pieces() {
        let mut rows: Ordered<Labelled<u8>> = Ordered::default();
        for (label, text) in [(1, "one"), (2, ""), (3, "three")] {
            rows.content()
                .page()
                .bytes()
                .extend_from_slice(text.as_bytes());
            rows.content().end_row(label);
            rows.end_piece(at(u64::from(label) / 2));
        }
        let mut seen = Vec::new();
        Merger::default().merge(&mut [rows], |stretch| {
            let each = |label: &u8, text: &[u8]| {
                seen.push((*label, String::from_utf8_lossy(text).into_owned()));
                Ok::<_, ()>(())
            };
            assert!(each_row(&stretch, each).is_ok());
        });
        let expected = [(1, "one"), (2, ""), (3, "three")];
        assert_eq!(seen, expected.map(|(label, text)| (label, text.to_owned())));
    }
}
