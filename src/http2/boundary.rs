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

/// Whether the bytes, from their first on, are frames of a connection that began before the capture. Two headers in
/// a row, or one whose frame ends with the bytes: one alone would be believed of too much else.
#[must_use]
pub fn looks_like_frames(bytes: &[u8], from: Side) -> bool {
    let second = FrameHeader::parse(bytes).map(|first| HEADER_LEN + first.len as usize);
    second.is_some_and(|at| at == bytes.len() || bytes.len() >= at.saturating_add(HEADER_LEN))
        && begins_frames(bytes, 0, from)
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
    fn frames_are_told_from_other_protocols() {
        let looks = |bytes: &[u8]| looks_like_frames(bytes, Side::Client);
        assert!(
            looks(&PING)
                && looks(&[&PING[..], &DATA].concat())
                && looks(&[&DATA[..], &PING[..9]].concat())
        );
        assert!(
            !looks(&PING[..16])
                && !looks(&[&PING[..], &DATA[..8]].concat())
                && !looks(&[&DATA[..], &[7; 20]].concat())
        );
        assert!(
            !looks(b"GET / HTTP/1.1\r\n\r\n")
                && !looks(b"\x81\x05Hello")
                && !looks(&[0; 40])
                && !looks(b"")
        );
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
