//! What a unidirectional stream is, by the integer it begins with (RFC 9114 section 6.2, RFC 9204 section 4.2).

use crate::base::{Cursor, Limits};

use super::frame::{FrameReader, GOAWAY, SETTINGS, varint};

/// A unidirectional stream.
#[derive(Debug)]
pub(super) enum Unidirectional {
    /// Its type is not whole yet.
    Unknown(Vec<u8>),
    Control(FrameReader),
    Encoder,
}

impl Default for Unidirectional {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Unidirectional {
    /// Reads the type, if that is still to come; whether the stream is of interest as far as that is known.
    pub(super) fn begin(&mut self, bytes: &mut &[u8], limits: &Limits) -> bool {
        let Self::Unknown(begun) = self else {
            return true;
        };
        let had = begun.len();
        begun.extend(bytes.iter().take(8 - had.min(8)));
        let mut cursor = Cursor::new(begun);
        let Some(kind) = varint(&mut cursor) else {
            *bytes = &[];
            return true;
        };
        let used = cursor.at().saturating_sub(had);
        *bytes = bytes.get(used..).unwrap_or_default();
        *self = match kind {
            0 => Self::Control(FrameReader::new(&[SETTINGS, GOAWAY], limits.http_head)),
            2 => Self::Encoder,
            // Push, the QPACK decoder's own stream, reserved and unknown ones.
            _ => return false,
        };
        true
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Unknown(begun) => begun.capacity(),
            Self::Control(reader) => reader.held(),
            Self::Encoder => 0,
        }
    }
}
