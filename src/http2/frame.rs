//! The frame header, what each type demands of it, settings and error codes (RFC 9113 sections 4, 6 and 7).

use crate::base::{Cursor, Side};

/// Bytes of a frame header.
pub const HEADER_LEN: usize = 9;

/// What a client sends first (RFC 9113 section 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest payload before SETTINGS_MAX_FRAME_SIZE says otherwise.
pub(super) const INITIAL_MAX_FRAME: u32 = 1 << 14;

/// Whether these bytes, one at least, begin as the client's preface does, or are all of it and more.
#[must_use]
pub fn is_preface_prefix(bytes: &[u8]) -> bool {
    let len = bytes.len().min(PREFACE.len());
    len > 0 && bytes.get(..len) == PREFACE.get(..len)
}

/// A frame type; unknown ones are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameType(pub u8);

impl FrameType {
    /// Bytes of a stream.
    pub const DATA: FrameType = FrameType(0);
    /// A header block's beginning.
    pub const HEADERS: FrameType = FrameType(1);
    /// Deprecated priorities.
    pub const PRIORITY: FrameType = FrameType(2);
    /// The end of a stream at once.
    pub const RST_STREAM: FrameType = FrameType(3);
    /// Parameters of the sender.
    pub const SETTINGS: FrameType = FrameType(4);
    /// A server's announcement of a request it answers unasked.
    pub const PUSH_PROMISE: FrameType = FrameType(5);
    /// A sign of life.
    pub const PING: FrameType = FrameType(6);
    /// The end of the connection.
    pub const GOAWAY: FrameType = FrameType(7);
    /// Room for more DATA.
    pub const WINDOW_UPDATE: FrameType = FrameType(8);
    /// A header block's continuation.
    pub const CONTINUATION: FrameType = FrameType(9);

    /// The RFC's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        const NAMES: [&str; 10] = [
            "DATA",
            "HEADERS",
            "PRIORITY",
            "RST_STREAM",
            "SETTINGS",
            "PUSH_PROMISE",
            "PING",
            "GOAWAY",
            "WINDOW_UPDATE",
            "CONTINUATION",
        ];
        NAMES.get(usize::from(self.0)).copied().unwrap_or("unknown")
    }

    /// Whether RFC 9113 defines it.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.0 <= 9
    }

    /// The flags that are defined for it.
    #[must_use]
    pub fn defined_flags(self) -> u8 {
        match self {
            FrameType::DATA => flag::END_STREAM | flag::PADDED,
            FrameType::HEADERS => {
                flag::END_STREAM | flag::END_HEADERS | flag::PADDED | flag::PRIORITY
            }
            FrameType::SETTINGS | FrameType::PING => flag::ACK,
            FrameType::PUSH_PROMISE => flag::END_HEADERS | flag::PADDED,
            FrameType::CONTINUATION => flag::END_HEADERS,
            _ => 0,
        }
    }
}

/// Flag bits; what a bit means depends on the type.
pub mod flag {
    /// The sender's last frame of the stream (DATA, HEADERS).
    pub const END_STREAM: u8 = 0x01;
    /// An acknowledgement (SETTINGS, PING).
    pub const ACK: u8 = 0x01;
    /// The header block ends here (HEADERS, PUSH_PROMISE, CONTINUATION).
    pub const END_HEADERS: u8 = 0x04;
    /// A pad length stands in front, padding behind (DATA, HEADERS, PUSH_PROMISE).
    pub const PADDED: u8 = 0x08;
    /// Five bytes of priority stand in front (HEADERS).
    pub const PRIORITY: u8 = 0x20;
}

/// The nine bytes in front of every frame (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Payload bytes.
    pub len: u32,
    /// What it is.
    pub kind: FrameType,
    /// The flags.
    pub flags: u8,
    /// The reserved bit in front of the stream.
    pub reserved: bool,
    /// The stream; 0 is the connection.
    pub stream: u32,
}

impl FrameHeader {
    /// Reads the header that the bytes begin with.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<FrameHeader> {
        let mut cursor = Cursor::new(bytes);
        let (len, kind, flags) = (cursor.u24()?, cursor.u8()?, cursor.u8()?);
        let stream = cursor.u32()?;
        Some(FrameHeader {
            len,
            kind: FrameType(kind),
            flags,
            reserved: stream >> 31 == 1,
            stream: stream & 0x7fff_ffff,
        })
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// What its type forbids about stream and length.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        self.stream_fault().or_else(|| self.length_fault())
    }

    fn stream_fault(&self) -> Option<&'static str> {
        let on_connection = self.stream == 0;
        match self.kind {
            FrameType::DATA
            | FrameType::HEADERS
            | FrameType::PRIORITY
            | FrameType::RST_STREAM
            | FrameType::PUSH_PROMISE
            | FrameType::CONTINUATION
                if on_connection =>
            {
                Some("must be on a stream, not on 0 (RFC 9113 6)")
            }
            FrameType::SETTINGS | FrameType::PING | FrameType::GOAWAY if !on_connection => {
                Some("must be on stream 0 (RFC 9113 6)")
            }
            _ => None,
        }
    }

    fn length_fault(&self) -> Option<&'static str> {
        let (ok, fault) = match self.kind {
            FrameType::PRIORITY => (self.len == 5, "must have 5 bytes (RFC 9113 6.3)"),
            FrameType::RST_STREAM => (self.len == 4, "must have 4 bytes (RFC 9113 6.4)"),
            FrameType::SETTINGS if self.has(flag::ACK) => (
                self.len == 0,
                "an acknowledgement must be empty (RFC 9113 6.5)",
            ),
            FrameType::SETTINGS => (
                self.len.is_multiple_of(6),
                "must have a multiple of 6 bytes (RFC 9113 6.5)",
            ),
            FrameType::PING => (self.len == 8, "must have 8 bytes (RFC 9113 6.7)"),
            FrameType::GOAWAY => (self.len >= 8, "must have 8 bytes or more (RFC 9113 6.8)"),
            FrameType::WINDOW_UPDATE => (self.len == 4, "must have 4 bytes (RFC 9113 6.9)"),
            _ => (true, ""),
        };
        (!ok).then_some(fault)
    }

    /// Whether bytes that may be anything make a believable header: strict about all that senders do in practice.
    #[must_use]
    pub fn is_plausible(&self, from: Side) -> bool {
        let parity = from == Side::Server || self.stream == 0 || self.stream % 2 == 1;
        self.kind.is_known()
            && self.len <= INITIAL_MAX_FRAME
            && self.flags & !self.kind.defined_flags() == 0
            && !self.reserved
            && parity
            && self.fault().is_none()
            && (from == Side::Server || self.kind != FrameType::PUSH_PROMISE)
    }
}

/// The parameters of a SETTINGS payload, as identifier and value (RFC 9113 section 6.5.1).
pub fn settings(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    let mut cursor = Cursor::new(payload);
    std::iter::from_fn(move || Some((cursor.u16()?, cursor.u32()?)))
}

/// Settings that matter here.
pub mod setting {
    /// SETTINGS_HEADER_TABLE_SIZE.
    pub const HEADER_TABLE_SIZE: u16 = 1;
    /// SETTINGS_ENABLE_PUSH.
    pub const ENABLE_PUSH: u16 = 2;
    /// SETTINGS_INITIAL_WINDOW_SIZE.
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    /// SETTINGS_MAX_FRAME_SIZE.
    pub const MAX_FRAME_SIZE: u16 = 5;
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 section 3).
    pub const ENABLE_CONNECT_PROTOCOL: u16 = 8;
}

/// The name of a setting, such as `ENABLE_CONNECT_PROTOCOL`.
#[must_use]
pub fn setting_name(id: u16) -> &'static str {
    match id {
        1 => "HEADER_TABLE_SIZE",
        2 => "ENABLE_PUSH",
        3 => "MAX_CONCURRENT_STREAMS",
        4 => "INITIAL_WINDOW_SIZE",
        5 => "MAX_FRAME_SIZE",
        6 => "MAX_HEADER_LIST_SIZE",
        8 => "ENABLE_CONNECT_PROTOCOL",
        9 => "NO_RFC7540_PRIORITIES",
        _ => "unknown",
    }
}

/// The name of an error code of RST_STREAM and GOAWAY (RFC 9113 section 7).
#[must_use]
pub fn error_name(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    usize::try_from(code)
        .ok()
        .and_then(|code| NAMES.get(code))
        .copied()
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        let header = FrameHeader::parse(&[0, 1, 2, 1, 0x25, 0x80, 0, 0, 3, 9]).unwrap();
        assert_eq!(
            (header.len, header.kind, header.stream, header.reserved),
            (0x102, FrameType::HEADERS, 3, true)
        );
        assert!(
            header.has(flag::END_STREAM) && header.has(flag::PRIORITY) && !header.has(flag::PADDED)
        );
        assert_eq!(FrameHeader::parse(&[0; 8]), None);
    }

    #[test]
    fn types_say_what_they_demand() {
        let fault = |len, kind, flags, stream| {
            FrameHeader {
                len,
                kind,
                flags,
                reserved: false,
                stream,
            }
            .fault()
            .is_some()
        };
        assert!(!fault(12, FrameType::SETTINGS, 0, 0));
        assert!(fault(13, FrameType::SETTINGS, 0, 0));
        assert!(fault(6, FrameType::SETTINGS, flag::ACK, 0));
        assert!(fault(0, FrameType::SETTINGS, 0, 1));
        assert!(fault(1, FrameType::DATA, 0, 0));
        assert!(fault(7, FrameType::PING, 0, 0) && fault(7, FrameType::GOAWAY, 0, 0));
        assert!(fault(5, FrameType::RST_STREAM, 0, 1) && fault(3, FrameType::WINDOW_UPDATE, 0, 0));
        assert!(!fault(99, FrameType(0x10), 0xff, 7));
    }

    #[test]
    fn the_preface_is_known_from_its_first_byte() {
        assert!(
            is_preface_prefix(b"P")
                && is_preface_prefix(PREFACE)
                && is_preface_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0")
        );
        assert!(
            !is_preface_prefix(b"")
                && !is_preface_prefix(b"POST ")
                && !is_preface_prefix(b"PRI * HTTP/1")
        );
    }
}
