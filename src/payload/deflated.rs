//! A deflate stream that goes on over the messages of a connection, each flushed to a byte's end.
//!
//! What a message may refer to is the output before it, so that is what is kept: unlike an inflater's own state it can be cloned.

use flate2::{Decompress, FlushDecompress, Status};

/// How far back deflate refers (RFC 1951 2).
const WINDOW: usize = 32 << 10;
/// Compressed bytes kept of a message whose end has not come.
const PENDING: usize = 1 << 20;
/// What ends a flushed message: an empty stored block.
const FLUSHED: &[u8] = &[0, 0, 0xff, 0xff];
/// Room made for output at a time.
const STEP: usize = 16 << 10;

/// What came of a piece of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inflated {
    /// A message.
    Whole(Vec<u8>),
    /// The message goes on.
    Part,
    /// Nothing can be said until the stream begins anew.
    Lost,
}

/// A zlib stream (RFC 1950) over messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Deflated {
    window: Vec<u8>,
    pending: Vec<u8>,
    is_begun: bool,
    is_lost: bool,
}

impl Deflated {
    /// Inflates the next piece, to no more bytes than `room` has, which are taken off.
    pub(super) fn push(&mut self, bytes: &[u8], room: &mut usize) -> Inflated {
        if self.is_lost {
            return Inflated::Lost;
        }
        if !bytes.ends_with(FLUSHED) {
            self.pending.extend_from_slice(bytes);
            if self.pending.len() > PENDING {
                self.lose();
                return Inflated::Lost;
            }
            return Inflated::Part;
        }
        let whole = match self.pending.is_empty() {
            true => self.inflate(bytes, room),
            false => {
                let mut pending = std::mem::take(&mut self.pending);
                pending.extend_from_slice(bytes);
                self.inflate(&pending, room)
            }
        };
        match whole {
            Some(whole) => {
                self.remember(&whole);
                Inflated::Whole(whole)
            }
            None => {
                self.lose();
                Inflated::Lost
            }
        }
    }

    fn inflate(&mut self, bytes: &[u8], room: &mut usize) -> Option<Vec<u8>> {
        let mut rest = bytes;
        if !self.is_begun {
            let (header, behind) = bytes.split_first_chunk::<2>()?;
            let is_zlib = header[0] & 0x0f == 8 && u16::from_be_bytes(*header) % 31 == 0;
            if !is_zlib || header[1] & 0x20 != 0 {
                return None;
            }
            self.is_begun = true;
            rest = behind;
        }
        let mut inflater = Decompress::new(false);
        if !self.window.is_empty() {
            inflater.set_dictionary(&self.window).ok()?;
        }
        let mut out = Vec::new();
        loop {
            let left = room.checked_sub(out.len()).filter(|left| *left > 0)?;
            out.reserve(STEP.min(left));
            let before = (inflater.total_in(), out.len());
            let status = inflater
                .decompress_vec(rest, &mut out, FlushDecompress::Sync)
                .ok()?;
            let read = usize::try_from(inflater.total_in() - before.0).ok()?;
            rest = rest.get(read..)?;
            let is_full = out.len() == out.capacity();
            if status == Status::StreamEnd || (rest.is_empty() && !is_full) {
                break;
            }
            if read == 0 && out.len() == before.1 && !is_full {
                return None;
            }
        }
        *room = room.saturating_sub(out.len());
        Some(out)
    }

    /// Keeps the end of the output.
    fn remember(&mut self, output: &[u8]) {
        match output.len() >= WINDOW {
            true => {
                self.window.clear();
                self.window
                    .extend_from_slice(&output[output.len() - WINDOW..]);
            }
            false => {
                let over = (self.window.len() + output.len()).saturating_sub(WINDOW);
                self.window.drain(..over);
                self.window.extend_from_slice(output);
            }
        }
    }

    /// A piece is missing, and with it what later ones refer to.
    pub(super) fn lose(&mut self) {
        *self = Self {
            is_lost: true,
            ..Self::default()
        };
    }

    /// Bytes it keeps.
    pub(super) fn memory(&self) -> usize {
        self.window.capacity() + self.pending.capacity()
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    /// The pieces of a stream, one a text.
    fn stream(texts: &[&str]) -> Vec<Vec<u8>> {
        let mut deflater = Compress::new(Compression::default(), true);
        let piece = |text: &&str| {
            let mut out = Vec::with_capacity(text.len() + 1000);
            deflater
                .compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync)
                .unwrap();
            out
        };
        texts.iter().map(piece).collect()
    }

    #[test]
    fn later_messages_refer_to_earlier_ones() {
        let long = "the same words again and again; ".repeat(3000);
        let texts = [
            "hello world",
            "hello world, hello",
            &long,
            "the same words",
            "x",
        ];
        let mut deflated = Deflated::default();
        for (piece, text) in stream(&texts).iter().zip(texts) {
            let mut copy = deflated.clone();
            let mut room = 1 << 20;
            assert_eq!(
                deflated.push(piece, &mut room),
                Inflated::Whole(text.into())
            );
            assert_eq!(room, (1 << 20) - text.len());
            // In pieces, from a clone.
            let (first, last) = piece.split_at(piece.len() - 2);
            assert_eq!(copy.push(first, &mut room), Inflated::Part);
            assert_eq!(copy.push(last, &mut room), Inflated::Part);
            assert!(deflated.memory() <= 2 * WINDOW, "{}", deflated.memory());
        }
    }

    #[test]
    fn pieces_are_put_together() {
        let pieces = stream(&["hello hello hello hello", "hello"]);
        let mut deflated = Deflated::default();
        let (first, last) = pieces[0].split_at(5);
        assert_eq!(deflated.push(first, &mut 1000), Inflated::Part);
        assert_eq!(
            deflated.push(last, &mut 1000),
            Inflated::Whole("hello hello hello hello".into())
        );
        assert_eq!(
            deflated.push(&pieces[1], &mut 1000),
            Inflated::Whole("hello".into())
        );
    }

    #[test]
    fn what_is_broken_or_too_long_loses_the_stream() {
        let pieces = stream(&["hello hello hello hello", &"x".repeat(100_000)]);
        let mut deflated = Deflated::default();
        assert_eq!(
            deflated.push(&[0, 0, 0, 0, 0xff, 0xff], &mut 1000),
            Inflated::Lost
        );
        assert_eq!(deflated.push(&pieces[0], &mut 1000), Inflated::Lost);
        let mut deflated = Deflated::default();
        assert!(matches!(
            deflated.push(&pieces[0], &mut 1000),
            Inflated::Whole(_)
        ));
        assert_eq!(deflated.push(&pieces[1], &mut 1000), Inflated::Lost);
        let mut deflated = Deflated::default();
        for _ in 0..3 {
            deflated.push(&vec![1; PENDING], &mut 1000);
        }
        assert!(deflated.memory() == 0);
    }
}
