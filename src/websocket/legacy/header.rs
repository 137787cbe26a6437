//! Frame headers of the drafts, read into the header that RFC 6455 has for the same.

use crate::websocket::frame::{FrameHeader, MAX_HEADER_LEN, Opcode};
use crate::websocket::mask;

/// A header as it lies in the bytes.
pub(super) enum DraftHeader {
    /// More bytes are needed.
    Incomplete,
    /// What it says; the key is that of the payload's first byte.
    Sized(FrameHeader),
    /// A text that ends with `ff`, with the type that its first byte gives.
    Text(u8),
}

/// The reserved opcode that stands for a frame type no draft gives a meaning.
pub(super) const UNKNOWN: u8 = 3;

/// draft-ietf-hybi-thewebsocketprotocol-00 section 4.2.
pub(super) fn hixie_header(bytes: &[u8]) -> DraftHeader {
    let Some((&kind, lengths)) = bytes.split_first() else {
        return DraftHeader::Incomplete;
    };
    if kind & 0x80 == 0 {
        return DraftHeader::Text(kind);
    }
    let Some(&last) = lengths.last() else {
        return DraftHeader::Incomplete;
    };
    let length = lengths.iter().fold(0u64, |length, byte| {
        length
            .checked_mul(128)
            .map_or(u64::MAX, |length| length | u64::from(byte & 0x7f))
    });
    if last & 0x80 != 0 && bytes.len() < MAX_HEADER_LEN {
        return DraftHeader::Incomplete;
    }
    // Groups without end are a length that nothing reaches.
    let length = if last & 0x80 != 0 { u64::MAX } else { length };
    let opcode = match (kind, length) {
        (0xff, 0) => Opcode::Close,
        _ => Opcode::Binary,
    };
    DraftHeader::Sized(FrameHeader {
        byte0: 0x80 | opcode.number(),
        byte1: length.min(0x7f) as u8,
        header_length: bytes.len() as u8,
        masking_key: None,
        payload_length: length,
    })
}

/// Section 4.1 of hybi-01 to 04.
pub(super) fn hybi_header(bytes: &[u8], draft: u8) -> DraftHeader {
    let Some(header) = FrameHeader::parse(&[bytes, &[0; 4]].concat()) else {
        return DraftHeader::Incomplete;
    };
    // The bit of the mask is another reserved one here, and no key follows.
    let length = usize::from(header.header_length) - if header.masked() { 4 } else { 0 };
    if bytes.len() < length {
        return DraftHeader::Incomplete;
    }
    let fin = if draft <= 3 {
        !header.byte0
    } else {
        header.byte0
    } & 0x80;
    let opcode = match header.byte0 & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Close,
        2 => Opcode::Ping,
        3 => Opcode::Pong,
        4 => Opcode::Text,
        5 => Opcode::Binary,
        number => Opcode::Reserved(number.max(UNKNOWN)),
    };
    let opcode = match opcode {
        // Where RFC 6455 has a meaning for it, that is not the one it had.
        Opcode::Reserved(8..=10) => Opcode::Reserved(UNKNOWN),
        opcode => opcode,
    };
    DraftHeader::Sized(FrameHeader {
        byte0: fin | header.byte0 & 0x70 | opcode.number(),
        byte1: header.byte1 & 0x7f,
        header_length: length as u8,
        masking_key: None,
        payload_length: header.payload_length,
    })
}

/// Section 4.2 of hybi-05 and 06: four bytes of key, then the frame, header and all, masked from its first byte on.
pub(super) fn masked_header(bytes: &[u8]) -> DraftHeader {
    let Some((key, masked)) = bytes.split_first_chunk::<4>() else {
        return DraftHeader::Incomplete;
    };
    let mut plain = Vec::with_capacity(masked.len());
    mask::unmask_into(masked, *key, 0, &mut plain);
    match hybi_header(&plain, 5) {
        DraftHeader::Sized(mut header) => {
            // The header gets the key as it applies to the payload, whose first byte need not meet the key's first.
            let mut key = *key;
            key.rotate_left(usize::from(header.header_length % 4));
            header.masking_key = Some(key);
            header.byte1 |= 0x80;
            header.header_length += 4;
            DraftHeader::Sized(header)
        }
        other => other,
    }
}
