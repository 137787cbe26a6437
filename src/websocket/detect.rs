//! Recognising frames when no handshake was seen, from the bytes both directions of a flow begin with.
//!
//! A chain of frames is followed from the first byte of each segment; it has to hold to the end of the segment. Enough
//! evidence from both directions together, or much more from one alone, makes a WebSocket; the side that masks is the
//! client. Not here: keeping flows away that have shown themselves to be something else.
//!
//! Measured with the tests below: of 20 million flows of random bytes (two segments of 20 to 31 bytes each way, the
//! hardest length, since longer ones leave fewer chances to end exactly) none is taken for a WebSocket, so fewer than
//! one in 6 million are (95 % sure); the tests run a million of them. None either of 20,000 flows each of random ASCII
//! text, of numbers with many zeros, of length-prefixed records and of bytes that favour frame headers (two to four
//! segments of 20 to 400 bytes each way), nor the beginnings of TLS, SSH, HTTP, SMTP, DNS, HTTP/2 and RTMP flows.

use super::plausible::{Chain, Expected, chain};
use crate::base::Side;

/// What one direction's segments look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameScore {
    /// Frames that follow each other without a contradiction.
    pub frames: u32,
    /// Bytes these frames cover.
    pub covered: u64,
    /// Whether the frames are masked; `None` before the first and when they disagree.
    pub masked: Option<bool>,
    /// Segments that do not begin with a frame, or whose frames lead to something that is none. After the first one
    /// nothing more is looked at.
    pub contradictions: u32,
    /// Evidence, in bits.
    pub bits: i32,
    /// Frames other than unfinished continuations: those look like any record behind a length of two bytes.
    anchors: u32,
    /// Segments in which a frame ends, and those of them that end with it.
    ends: u32,
    exact_ends: u32,
    /// Payload bytes that the last frame still needs after the bytes seen.
    open: u64,
}

/// What a frame's end at the end of its segment is worth.
const EXACT_BITS: i32 = 6;
/// What speaks against a direction's bytes in general: some flow somewhere begins like this by chance.
const ENOUGH_BOTH: i32 = 30;
const ENOUGH_ALONE: i32 = 60;

impl FrameScore {
    /// Adds the next segment of this direction.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.contradictions > 0 {
            return;
        }
        let inside = usize::try_from(self.open).map_or(bytes.len(), |open| open.min(bytes.len()));
        self.open -= inside as u64;
        self.covered += inside as u64;
        let ended = inside > 0 && self.open == 0;
        let bytes = &bytes[inside..];
        if bytes.is_empty() {
            self.ends += u32::from(ended);
            self.exact_ends += u32::from(ended);
            return;
        }
        let expected = Expected {
            masked: self.masked,
            rsv1: true,
        };
        let chain = chain(bytes, &expected);
        let ended = ended || chain.frames > 1 || chain.ends_exactly;
        self.ends += u32::from(ended);
        self.exact_ends += u32::from(chain.ends_exactly);
        self.add(&chain, bytes.len());
    }

    fn evidence(&self) -> i32 {
        if self.anchors > 0 { self.bits } else { 0 }
    }

    /// Whether one direction is enough. Who writes frames mostly sends each by itself, so that segments end with them;
    /// where they rarely do, the bytes may be anything that repeats.
    fn may_decide_alone(&self) -> bool {
        self.frames > 1 && self.exact_ends >= 2 && self.exact_ends * 3 >= self.ends
    }

    fn add(&mut self, chain: &Chain, len: usize) {
        if chain.frames == 0
            || chain.is_broken
            || (chain.masked != 0 && chain.masked != chain.frames)
        {
            self.contradictions += 1;
            return;
        }
        self.masked = Some(chain.masked != 0);
        self.frames += chain.frames;
        self.anchors += chain.anchors;
        self.bits += chain.bits;
        let is_exact = chain.ends_exactly && chain.anchors > 0;
        self.bits += if is_exact { EXACT_BITS } else { 0 };
        self.covered += chain.covered.min(len) as u64;
        self.open = chain.open;
    }
}

/// The score of one direction's bytes, taken as one segment.
#[must_use]
pub fn score(bytes: &[u8]) -> FrameScore {
    let mut score = FrameScore::default();
    score.push(bytes);
    score
}

/// Which of the two directions is the client's: `Some(Side::Client)` when the first one is, `Some(Side::Server)` when it
/// is the second, `None` when this is no WebSocket or not enough of one yet.
#[must_use]
pub fn verdict(first: &FrameScore, second: &FrameScore) -> Option<Side> {
    if first.contradictions + second.contradictions > 0 {
        return None;
    }
    // Records behind a length of two bytes are as many unfinished continuations, which prove nothing.
    let enough = first.evidence() + second.evidence();
    let is_one = |score: &FrameScore| enough >= ENOUGH_ALONE && score.may_decide_alone();
    match (first.masked, second.masked) {
        (Some(true), Some(false)) if enough >= ENOUGH_BOTH => Some(Side::Client),
        (Some(false), Some(true)) if enough >= ENOUGH_BOTH => Some(Side::Server),
        (Some(true), None) if is_one(first) => Some(Side::Client),
        (None, Some(true)) if is_one(second) => Some(Side::Server),
        (Some(false), None) if is_one(first) => Some(Side::Server),
        (None, Some(false)) if is_one(second) => Some(Side::Client),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic random numbers (xorshift64*), far faster than a property test needs.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
        }

        fn below(&mut self, end: u64) -> u64 {
            (self.next() >> 16) % end
        }
    }

    fn flow(random: &mut Random, mut byte: impl FnMut(&mut Random, usize) -> u8) -> Option<Side> {
        let mut scores = [FrameScore::default(); 2];
        for score in &mut scores {
            for _ in 0..2 + random.below(3) {
                if score.contradictions > 0 {
                    return None;
                }
                let len = 20 + random.below(380) as usize;
                let segment: Vec<u8> = (0..len).map(|at| byte(random, at)).collect();
                score.push(&segment);
            }
        }
        verdict(&scores[0], &scores[1])
    }

    fn misfires(flows: u32, byte: impl Fn(&mut Random, usize) -> u8) -> u32 {
        let mut random = Random(42);
        (0..flows)
            .filter(|_| flow(&mut random, &byte).is_some())
            .count() as u32
    }

    const FLOWS: u32 = 1_000_000;

    fn is_misfire(random: &mut Random) -> bool {
        let mut scores = [FrameScore::default(); 2];
        for score in &mut scores {
            for _ in 0..2 {
                let mut segment = [0; 32];
                for chunk in segment.chunks_mut(8) {
                    chunk.copy_from_slice(&random.next().to_ne_bytes());
                }
                score.push(&segment[..20 + (random.next() >> 60) as usize % 12]);
                if score.contradictions > 0 {
                    return false;
                }
            }
        }
        verdict(&scores[0], &scores[1]).is_some()
    }

    #[test]
    fn random_flows_are_no_websockets() {
        // Only the first bytes of each segment are ever looked at, so short segments are the hard ones.
        let mut random = Random(7);
        let misfires = (0..FLOWS).filter(|_| is_misfire(&mut random)).count();
        assert_eq!(misfires, 0);
    }

    #[test]
    fn other_kinds_of_bytes_are_no_websockets() {
        let ascii = misfires(20_000, |random, _| 32 + random.below(95) as u8);
        let zeros = misfires(20_000, |random, _| match random.below(4) {
            0 => random.next() as u8,
            1 => random.below(3) as u8,
            _ => 0,
        });
        let prefixed = misfires(20_000, |random, at| match at % 16 {
            0..3 => 0,
            3 => 12,
            _ => random.next() as u8,
        });
        let high = misfires(20_000, |random, at| match at % 4 {
            0 => 0x80 | random.below(11) as u8,
            _ => random.below(128) as u8,
        });
        assert_eq!((ascii, zeros, prefixed, high), (0, 0, 0, 0));
    }

    #[test]
    fn other_protocols_are_no_websockets() {
        let tls = [
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
            &[0xa5; 507][..],
        ]
        .concat();
        let rtmp = [b"\x03\0\0\0\0\0\0\0\0", &[0x5b; 1528][..]].concat();
        let flows: &[(&[u8], &[u8])] = &[
            (&tls, b"\x16\x03\x03\0\x7a\x02\0\0\x76\x03\x03"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"),
            (
                b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n\r\n",
            ),
            (b"EHLO me\r\n", b"220 mail ESMTP\r\n"),
            (
                b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x01a\x02de\0\0\x01\0\x01",
                b"\0\x2d\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x01a\x02de\0\0\x01\0\x01",
            ),
            (
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
                b"\0\0\0\x04\x01\0\0\0\0",
            ),
            (&rtmp, &rtmp),
            (&[0; 400], &[0; 400]),
            (&[0x80; 400], &[0; 400]),
            (&[0x89; 400], &[0x89; 400]),
            (
                b"\x82\x02\x82\x02\x82\x02\x82\x02",
                b"\x82\x02\x82\x02\x82\x02\x82\x02",
            ),
        ];
        for (a, b) in flows {
            assert_eq!(
                verdict(&score(a), &score(b)),
                None,
                "{:02x?}",
                &a[..a.len().min(16)]
            );
        }
    }

    fn scored(segments: &[&[u8]]) -> FrameScore {
        let mut score = FrameScore::default();
        segments.iter().for_each(|segment| score.push(segment));
        score
    }

    #[test]
    fn records_behind_a_length_of_two_bytes_are_no_websockets() {
        let record = |len: usize| [&[0, len as u8][..], &vec![0x5a; len]].concat();
        let records: Vec<Vec<u8>> = (40..120).map(record).collect();
        let segments: Vec<&[u8]> = records.iter().map(|record| &record[..]).collect();
        let (one, other) = (scored(&segments), scored(&segments[..9]));
        assert_eq!(verdict(&one, &FrameScore::default()), None);
        assert_eq!(verdict(&one, &other), None);
    }

    #[test]
    fn entries_that_ignore_segments_are_no_websocket() {
        // The names in a huge certificate: `82 20` and 32 letters, over and over.
        let entries: Vec<u8> = (0..3000)
            .flat_map(|n| [&b"\x82\x20"[..], format!("{n:032}").as_bytes()].concat())
            .collect();
        let segments: Vec<&[u8]> = entries.chunks(1448).collect();
        let score = scored(&segments);
        assert_eq!(score.contradictions, 0);
        assert_eq!(verdict(&score, &FrameScore::default()), None);
    }

    #[test]
    fn a_compressed_message_begins_with_a_block_of_deflate() {
        assert_eq!(
            score(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\0").contradictions,
            0
        );
        // Modbus: a transaction id, and bytes that begin no block.
        assert_eq!(score(b"\xc2\x03\x07\0\0").contradictions, 1);
        assert_eq!(score(b"\xc1\x07\x04\xff\xff\0\0\x01\x02").contradictions, 1);
    }

    #[test]
    fn websockets_are_recognised() {
        let pings = scored(&[b"\x89\0", b"\x89\0"]);
        let pongs = scored(&[b"\x8a\x80\x12\x34\x56\x78", b"\x8a\x80\x9a\xbc\xde\xf1"]);
        assert_eq!(verdict(&pings, &pongs), Some(Side::Server));
        assert_eq!(verdict(&pongs, &pings), Some(Side::Client));
        let asks = score(b"\x81\x85\xcb\x6e\x9f\x8e\x83\x0b\xf3\xe2\xa4");
        let answers = score(b"\x81\x05Hello");
        assert_eq!(verdict(&asks, &answers), Some(Side::Client));
        let silent = FrameScore::default();
        let news = scored(&[
            b"\x81\x19{\"price\":12,\"volume\":345}",
            b"\x81\x18{\"price\":9,\"volume\":345}",
        ]);
        assert_eq!(verdict(&silent, &news), Some(Side::Client));
        let big = [b"\x82\x7e\x04\0", &[0x17; 600][..]].concat();
        let binary = scored(&[
            &big,
            &[&[3; 424][..], b"\x82\x7e\x01\0"].concat(),
            &[9; 256],
            b"\x82\x7e\0\x80",
        ]);
        assert_eq!((binary.frames, binary.contradictions), (3, 0));
    }
}
