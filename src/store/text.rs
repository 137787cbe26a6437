//! The text that a row shows of a message.

use crate::websocket::{Frame, Message, MessageKind};

/// Whether the payload of a text frame, as far as it is there, is the text of its message.
pub(super) fn is_its_text(frame: &Frame<'_>) -> bool {
    let has_all = |raw: &[u8]| raw.len() as u64 == frame.header.payload_length;
    frame.header.fin() && !frame.compressed && frame.raw.is_some_and(has_all)
}

/// The text of a text message.
pub(super) fn text<'a>(message: &Message<'a>) -> Option<&'a str> {
    let data = message.data.filter(|_| message.kind == MessageKind::Text)?;
    std::str::from_utf8(data).ok()
}
