//! One frame: its opcode, its header as it lies in the bytes (RFC 6455 section 5.2), and its payload still masked.
//!
//! Invariant: parsing keeps what was sent, legal or not; the rules judge it elsewhere.

use super::mask;
use crate::base::Span;

/// The four bits that say what a frame is (RFC 6455 section 11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// 0: goes on with the message that a text or binary frame began.
    Continuation,
    /// 1: begins a text message.
    Text,
    /// 2: begins a binary message.
    Binary,
    /// 8: ends the connection.
    Close,
    /// 9: asks for a pong.
    Ping,
    /// 10: answers a ping.
    Pong,
    /// 3-7 (data) and 11-15 (control) have no meaning yet.
    Reserved(u8),
}

impl Opcode {
    /// The opcode of a header's first byte.
    #[must_use]
    #[inline]
    pub fn of(byte0: u8) -> Self {
        match byte0 & 0x0f {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            number => Opcode::Reserved(number),
        }
    }

    /// 0 to 15.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Opcode::Continuation => 0,
            Opcode::Text => 1,
            Opcode::Binary => 2,
            Opcode::Close => 8,
            Opcode::Ping => 9,
            Opcode::Pong => 10,
            Opcode::Reserved(number) => number,
        }
    }

    /// `continuation`, `text`, `binary`, `close`, `ping`, `pong` or `reserved`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Opcode::Continuation => "continuation",
            Opcode::Text => "text",
            Opcode::Binary => "binary",
            Opcode::Close => "close",
            Opcode::Ping => "ping",
            Opcode::Pong => "pong",
            Opcode::Reserved(_) => "reserved",
        }
    }

    /// Whether it is a control opcode, 8 to 15 (RFC 6455 section 5.5).
    #[must_use]
    pub fn is_control(self) -> bool {
        self.number() & 8 != 0
    }

    /// Whether it is a data opcode, 0 to 7 (RFC 6455 section 5.6).
    #[must_use]
    pub fn is_data(self) -> bool {
        !self.is_control()
    }
}

/// In how many bits the payload length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LengthForm {
    /// In the second byte itself: 0 to 125.
    Bits7,
    /// 126 in the second byte, then two bytes.
    Bits16,
    /// 127 in the second byte, then eight bytes.
    Bits64,
}

impl LengthForm {
    /// The shortest form that can hold `length`.
    #[must_use]
    pub fn minimal(length: u64) -> Self {
        match length {
            0..=125 => LengthForm::Bits7,
            126..=0xffff => LengthForm::Bits16,
            _ => LengthForm::Bits64,
        }
    }

    /// Bits of the length as the standard counts them: 7, 16 or 64.
    #[must_use]
    pub fn bits(self) -> u8 {
        match self {
            LengthForm::Bits7 => 7,
            LengthForm::Bits16 => 16,
            LengthForm::Bits64 => 64,
        }
    }

    /// Bytes of the extended length: 0, 2 or 8.
    #[must_use]
    pub fn extended_len(self) -> usize {
        match self {
            LengthForm::Bits7 => 0,
            LengthForm::Bits16 => 2,
            LengthForm::Bits64 => 8,
        }
    }
}

/// The longest header: two bytes, eight of length, four of masking key.
pub const MAX_HEADER_LEN: usize = 14;

/// A frame header, 2 to 14 bytes (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// FIN, RSV1-3 and the opcode, as sent.
    pub byte0: u8,
    /// MASK and the 7-bit length, as sent.
    pub byte1: u8,
    /// Bytes of the header.
    pub header_length: u8,
    /// The key, when the mask bit is set.
    pub masking_key: Option<[u8; 4]>,
    /// Bytes of payload the header declares.
    pub payload_length: u64,
}

impl FrameHeader {
    /// Reads the header at the start of `bytes`; `None` when more bytes are needed.
    #[must_use]
    #[inline]
    pub fn parse(bytes: &[u8]) -> Option<FrameHeader> {
        let &[byte0, byte1] = bytes.first_chunk()?;
        let (payload_length, after_length) = match byte1 & 0x7f {
            126 => (u64::from(u16::from_be_bytes(chunk(bytes, 2)?)), 4),
            127 => (u64::from_be_bytes(chunk(bytes, 2)?), 10),
            length => (u64::from(length), 2),
        };
        let (masking_key, header_length) = if byte1 & 0x80 == 0 {
            (None, after_length)
        } else {
            (Some(chunk(bytes, after_length)?), after_length + 4)
        };
        Some(FrameHeader {
            byte0,
            byte1,
            header_length: header_length as u8,
            masking_key,
            payload_length,
        })
    }

    /// Whether this is the last frame of its message.
    #[must_use]
    #[inline]
    pub fn fin(&self) -> bool {
        self.byte0 & 0x80 != 0
    }

    /// The first reserved bit; permessage-deflate marks a compressed message with it.
    #[must_use]
    #[inline]
    pub fn rsv1(&self) -> bool {
        self.byte0 & 0x40 != 0
    }

    /// The second reserved bit.
    #[must_use]
    pub fn rsv2(&self) -> bool {
        self.byte0 & 0x20 != 0
    }

    /// The third reserved bit.
    #[must_use]
    pub fn rsv3(&self) -> bool {
        self.byte0 & 0x10 != 0
    }

    /// What kind of frame.
    #[must_use]
    #[inline]
    pub fn opcode(&self) -> Opcode {
        Opcode::of(self.byte0)
    }

    /// The mask bit.
    #[must_use]
    #[inline]
    pub fn masked(&self) -> bool {
        self.byte1 & 0x80 != 0
    }

    /// How the length is written.
    #[must_use]
    pub fn length_form(&self) -> LengthForm {
        match self.byte1 & 0x7f {
            126 => LengthForm::Bits16,
            127 => LengthForm::Bits64,
            _ => LengthForm::Bits7,
        }
    }

    /// Appends the header's bytes as they were sent.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.byte0, self.byte1]);
        match self.length_form() {
            LengthForm::Bits7 => {}
            LengthForm::Bits16 => {
                out.extend_from_slice(&(self.payload_length as u16).to_be_bytes());
            }
            LengthForm::Bits64 => out.extend_from_slice(&self.payload_length.to_be_bytes()),
        }
        out.extend(self.masking_key.into_iter().flatten());
    }
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The place of a frame in its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Part {
    /// It is part of no message: it continues none, or its opcode is reserved.
    None,
    /// More frames of the message follow.
    #[default]
    Begun,
    /// The message ends with it.
    Last,
}

impl Part {
    /// The place of a frame that belongs to a message or not, and is the last one of it or not.
    #[must_use]
    pub(super) fn of(belongs: bool, is_last: bool) -> Part {
        match (belongs, is_last) {
            (false, _) => Part::None,
            (true, false) => Part::Begun,
            (true, true) => Part::Last,
        }
    }
}

/// A frame as it was seen. Its payload is unmasked only when somebody asks.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The header.
    pub header: FrameHeader,
    /// The frame's number within its side's stream, from 0.
    pub index: u64,
    /// Stream position of the first header byte.
    pub stream_offset: u64,
    /// Payload bytes that were seen; fewer than declared when some are missing.
    pub captured_length: u64,
    /// Its place in its message.
    pub part: Part,
    /// Whether its payload is (part of) a compressed message.
    pub compressed: bool,
    /// The payload as captured, still masked, from its first byte on: all of it, or as much as is at hand (up to the
    /// first missing byte or the kept limit). `None` when nobody asked for the payload of frames in several pieces.
    pub raw: Option<&'a [u8]>,
    /// The header's bytes where they are those of a draft before RFC 6455, of which [`Frame::header`] says what they mean.
    pub draft_header: Option<[u8; MAX_HEADER_LEN]>,
}

impl Frame<'_> {
    /// The header's bytes as they were sent.
    #[must_use]
    pub fn header_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_HEADER_LEN);
        match &self.draft_header {
            Some(header) => {
                let len = usize::from(self.header.header_length);
                bytes.extend_from_slice(header.get(..len).unwrap_or(header));
            }
            None => self.header.write(&mut bytes),
        }
        bytes
    }

    /// The stream bytes it covers, as far as they were seen or are known to be missing.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::at(
            self.stream_offset,
            u64::from(self.header.header_length).saturating_add(self.captured_length),
        )
    }

    /// Whether its message ends with it.
    #[must_use]
    #[inline]
    pub fn completes_message(&self) -> bool {
        self.part == Part::Last
    }

    /// Whether every byte the header declares was seen.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.captured_length == self.header.payload_length
    }

    /// The payload unmasked, in `buffer` when it was masked; `None` as [`Frame::raw`] says.
    #[must_use]
    pub fn payload<'b>(&'b self, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        self.preview(usize::MAX, buffer)
    }

    /// The first `max` bytes of the payload, unmasked.
    #[must_use]
    pub fn preview<'b>(&'b self, max: usize, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        let raw = self.raw?;
        let raw = &raw[..raw.len().min(max)];
        let Some(key) = self.header.masking_key else {
            return Some(raw);
        };
        buffer.clear();
        mask::unmask_into(raw, key, 0, buffer);
        Some(buffer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_length_form_and_the_key_are_read() {
        let header = FrameHeader::parse(&[0x81, 0x85, 0xcb, 0x6e, 0x9f, 0x8e, 0x83]).unwrap();
        assert_eq!(header.opcode(), Opcode::Text);
        assert!(header.fin() && header.masked() && !header.rsv1());
        assert_eq!(header.masking_key, Some([0xcb, 0x6e, 0x9f, 0x8e]));
        assert_eq!((header.header_length, header.payload_length), (6, 5));

        let header = FrameHeader::parse(&[0x82, 126, 0x01, 0x00]).unwrap();
        assert_eq!((header.header_length, header.payload_length), (4, 256));
        assert_eq!(header.length_form(), LengthForm::Bits16);

        let header = FrameHeader::parse(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(
            (header.header_length, header.payload_length),
            (10, (1 << 63) + 1)
        );
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_written_back(bytes in prop::collection::vec(any::<u8>(), 0..16)) {
            if let Some(header) = FrameHeader::parse(&bytes) {
                let mut written = Vec::new();
                header.write(&mut written);
                prop_assert_eq!(&written[..], &bytes[..usize::from(header.header_length)]);
                for len in 0..written.len() {
                    prop_assert_eq!(FrameHeader::parse(&written[..len]), None);
                }
            } else {
                prop_assert!(bytes.len() < MAX_HEADER_LEN);
            }
        }
    }
}
