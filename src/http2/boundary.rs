//! Finding a frame header in the middle of a stream.

use memchr::memchr_iter;

use super::frame::{FrameHeader, HEADER_LEN};
use crate::base::Side;

/// Headers that must follow one another for a place to be believed.
const CHAIN: usize = 3;

/// The first place in one piece of a stream where frames can be read on.
///
/// Senders write whole frames, so the piece's beginning is believed with one good header; any other place needs a
/// chain of them, or one whose frame ends exactly with the piece. Linear: each place is left at its first bad header.
pub(super) fn find(bytes: &[u8], from: Side) -> Option<usize> {
    // Lengths up to 16,384 begin with a zero.
    memchr_iter(0, bytes).find(|&at| begins_frames(bytes, at, from))
}

fn begins_frames(bytes: &[u8], start: usize, from: Side) -> bool {
    let mut at = start;
    for seen in 0..CHAIN {
        let enough = seen >= 2 || (seen == 1 && start == 0);
        let Some(header) = bytes.get(at..).and_then(FrameHeader::parse) else {
            return enough || (seen == 1 && at == bytes.len());
        };
        if !header.is_plausible(from) {
            return false;
        }
        at = at.saturating_add(HEADER_LEN + header.len as usize);
        if at > bytes.len() {
            return seen >= 1 || start == 0;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    const DATA: [u8; 12] = [0, 0, 3, 0, 1, 0, 0, 0, 5, b'a', b'b', b'c'];

    #[test]
    fn a_chain_is_found_behind_other_bytes() {
        let bytes = [&[7u8, 0, 0, 200, 0][..], &PING, &DATA].concat();
        assert_eq!(find(&bytes, Side::Client), Some(5));
        assert_eq!(
            find(&bytes[..24], Side::Client),
            None,
            "a second header is not there yet"
        );
        assert_eq!(find(&bytes[5..], Side::Client), Some(0));
        assert_eq!(find(&bytes[5..20], Side::Client), Some(0));
    }

    #[test]
    fn noise_is_not_taken_for_frames() {
        assert_eq!(find(&[0; 64], Side::Client), None);
        assert_eq!(find(&[0xff; 64], Side::Client), None);
        assert_eq!(find(b"", Side::Server), None);
        let masked: Vec<u8> = (0..20_000u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        assert_eq!(find(&masked, Side::Client), None);
    }
}
