//! A zstd frame (RFC 8878) that goes on over the messages of a connection, each flushed to a block's end.
//!
//! What has been decoded comes out of the decoder only when no match can refer to it any more, or at the frame's end. So each
//! message is decoded together with all before it, as a frame that ends with it. That is a square of the frame's length,
//! so a frame is read until that costs too much; what is kept can be cloned.

use super::deflated::Inflated;
use super::inflate::{Compression, End, inflate, zstd_header};

/// Bytes of a frame that are kept.
const FRAME: usize = 1 << 20;
/// Bytes of the longest header (RFC 8878 3.1.1): magic number, descriptor, window, dictionary, content size.
const HEADER: usize = 4 + 1 + 1 + 4 + 8;
/// Bytes read and decoded, again and again, after which a frame is not read on.
const WORK: usize = 256 << 20;
/// An empty last block (RFC 8878 3.1.1.2).
const LAST: &[u8] = &[1, 0, 0];
/// The bit of the frame's descriptor that announces a checksum behind the last block.
const CHECKSUM: u8 = 0x04;

/// A zstd frame over messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Flushed {
    /// The frame as far as it has come.
    frame: Vec<u8>,
    /// Where the block begins whose end has not come.
    block: usize,
    /// Where the blocks of the message begin that has not come to its end.
    message: usize,
    /// Decoded bytes of the messages before.
    plain: usize,
    /// Bytes read and decoded, again and again.
    work: usize,
    is_lost: bool,
}

impl Flushed {
    /// Decodes the next piece, to no more bytes than `room` has, which are taken off.
    pub(super) fn push(&mut self, bytes: &[u8], room: &mut usize) -> Inflated {
        let is_kept = !self.is_lost && self.frame.len() + bytes.len() <= FRAME;
        let done = is_kept.then(|| {
            self.frame.extend_from_slice(bytes);
            self.whole(room)
        });
        done.flatten().unwrap_or_else(|| {
            self.lose();
            Inflated::Lost
        })
    }

    /// The message that the last piece completes; `None` where the frame cannot be read on.
    fn whole(&mut self, room: &mut usize) -> Option<Inflated> {
        if !self.is_flushed()? {
            return Some(Inflated::Part);
        }
        let (decoded, end) = self.decode(self.plain.saturating_add(*room))?;
        self.work += decoded.len() + self.frame.len();
        if end == End::Limit || self.work > WORK {
            return None;
        }
        let message = decoded.get(self.plain..)?.to_vec();
        self.plain = decoded.len();
        self.message = self.block;
        *room = room.saturating_sub(message.len());
        Some(Inflated::Whole(message))
    }

    /// Whether the frame ends with a block's end, and goes on behind it; `None` where it is none.
    fn is_flushed(&mut self) -> Option<bool> {
        if self.block == 0 {
            let Some((header, _)) = zstd_header(&self.frame) else {
                return (self.frame.len() < HEADER).then_some(false);
            };
            *self.frame.get_mut(4)? &= !CHECKSUM;
            self.block = header;
            self.message = header;
        }
        loop {
            let rest = self.frame.get(self.block..)?;
            let Some(&[low, middle, high]) = rest.first_chunk::<3>() else {
                return Some(rest.is_empty() && self.block > self.message);
            };
            let header = u32::from_le_bytes([low, middle, high, 0]);
            let size = match (header & 1, header >> 1 & 3) {
                (0, 0 | 2) => header >> 3,
                // One byte, repeated.
                (0, 1) => 1,
                _ => return None,
            };
            let end = self.block + 3 + usize::try_from(size).ok()?;
            if end > self.frame.len() {
                return Some(false);
            }
            self.block = end;
        }
    }

    fn decode(&mut self, most: usize) -> Option<(Vec<u8>, End)> {
        let len = self.frame.len();
        self.frame.extend_from_slice(LAST);
        let decoded = inflate(Compression::Zstd, &self.frame, most);
        self.frame.truncate(len);
        decoded
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
        self.frame.capacity()
    }
}

#[cfg(feature = "compressed")]
#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of zstd's own (`ZSTD_e_flush` after each text), with a checksum announced: the second refers to the first, and
    /// has its tables.
    const PIECES: [&str; 3] = [
        "28b52ffd0458dc020042051319604bdcb46e265b2e48daa36e8e00000e53f3eb54030c41b05cef098e8e83374471230d656c6be181fc12943b1d0be018945fbae06d7648ad3b68d635dce5551fd752b07ce2584cbe21ee020400a013d0dd9c7920128509",
        "64020054033122545950494e475f5354415254226368616e6e656c5f6964223a22222c227573657237222c2274696d657374616d7035225d7d7d07002ad37ecd1889bf1fc4520dd62e613814830102",
        "8400003831316e756c6c7d0200015b51c74210",
    ];

    const TEXTS: [&str; 3] = [
        r#"{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":41250,"_trace":["gateway-prd-1","gateway-prd-2","gateway-prd-3","gateway-prd-4"]}}"#,
        r#"{"op":0,"s":1,"t":"TYPING_START","d":{"channel_id":"41250","user_id":"7","timestamp":41250,"_trace":["gateway-prd-5"]}}"#,
        r#"{"op":11,"s":null,"t":null,"d":null}"#,
    ];

    fn pieces() -> Vec<Vec<u8>> {
        PIECES
            .iter()
            .map(|piece| hex::decode(piece).unwrap())
            .collect()
    }

    #[test]
    fn later_messages_refer_to_earlier_ones() {
        let mut flushed = Flushed::default();
        for (piece, text) in pieces().iter().zip(TEXTS) {
            let mut copy = flushed.clone();
            let mut room = 1000;
            let whole = Inflated::Whole(text.into());
            assert_eq!(flushed.push(piece, &mut room), whole);
            assert_eq!(room, 1000 - text.len());
            // In pieces, from a clone.
            for cut in 1..piece.len() {
                let mut copy = copy.clone();
                let (first, last) = piece.split_at(cut);
                assert_eq!(copy.push(first, &mut 1000), Inflated::Part, "{cut}");
                assert_eq!(copy.push(last, &mut 1000), whole, "{cut}");
            }
            assert_eq!(copy.push(piece, &mut text.len()), whole);
        }
    }

    #[test]
    fn what_is_broken_missing_or_too_long_loses_the_frame() {
        let pieces = pieces();
        let mut flushed = Flushed::default();
        flushed.push(&pieces[0], &mut 1000);
        assert_eq!(flushed.push(&pieces[1], &mut 3), Inflated::Lost);
        assert_eq!(flushed.push(&pieces[2], &mut 1000), Inflated::Lost);
        assert_eq!(flushed.memory(), 0);
        for broken in [
            &b"no frame, but text"[..],
            &[&pieces[0][..], &[7, 0, 0]].concat(),
        ] {
            let mut flushed = Flushed::default();
            assert_eq!(flushed.push(broken, &mut 1000), Inflated::Lost);
        }
        let mut flushed = Flushed::default();
        flushed.push(&pieces[0], &mut 1000);
        assert_eq!(flushed.push(&vec![0; FRAME], &mut 1000), Inflated::Lost);
    }
}
