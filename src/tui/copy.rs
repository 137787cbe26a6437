//! What goes to the clipboard.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::store::Store;
use crate::websocket::{MessageKind, Opcode, close};

use crate::view::rows::RowId;

/// Bytes copied at most; many terminals take no more.
pub(super) const MOST: usize = 100_000;

/// What was copied last.
#[derive(Clone, Debug)]
pub(super) enum Copied {
    /// These words.
    Text(String),
    /// The data of a row in the form of this letter; all of it, though a terminal takes only its beginning.
    Row(RowId, char),
}

/// The data of a row: that of its message, inflated; of a fragment, its own payload.
#[must_use]
pub fn data(store: &Store, row: RowId, most: usize) -> Option<Vec<u8>> {
    let message = match row {
        RowId::Message(index) => Some(index),
        RowId::Frame(index) => {
            let frame = store.frame(index)?;
            store.message_of(frame.connection, frame.message.into())
        }
        RowId::Packet(flow, at) => {
            let entry = store.flow_packet(flow, at as usize)?;
            return Some(store.read(&entry)?.bytes);
        }
    };
    match (message, row) {
        (Some(index), _) => store.message_data(&store.message(index)?, most),
        (None, RowId::Frame(index)) => store.payload(index, most),
        (None, _) => None,
    }
}

/// How long the data of a row is, as far as that is known without reading it.
pub(super) fn data_len(store: &Store, row: RowId) -> u64 {
    match row {
        RowId::Message(index) => store
            .message(index)
            .map_or(0, |message| message.length.unwrap_or(message.wire_length)),
        RowId::Frame(index) => store.frame(index).map_or(0, |frame| {
            let message = store.message_of(frame.connection, frame.message.into());
            let message = message.and_then(|index| store.message(index));
            message.map_or(0, |message| message.length.unwrap_or(message.wire_length))
        }),
        RowId::Packet(flow, at) => store
            .flow_packet(flow, at as usize)
            .map_or(0, |entry| entry.captured().into()),
    }
}

/// The text for a form: `t` text, `h` hex, `b` base64, `j` JSON.
#[must_use]
pub(super) fn text(store: &Store, row: RowId, form: char, most: usize) -> Option<String> {
    let bytes = data(store, row, most)?;
    Some(match form {
        't' if is_close(store, row) => {
            let (code, reason) = close::body(&bytes);
            let code = code.map_or_else(String::new, |code| format!("{} {}", code.0, code.name()));
            let text = format!("{code} {}", String::from_utf8_lossy(reason));
            text.trim().to_owned()
        }
        't' => String::from_utf8_lossy(&bytes).into_owned(),
        'h' => hex::encode(&bytes),
        'b' => STANDARD.encode(&bytes),
        'j' => match serde_json::from_slice::<serde_json::Value>(&bytes) {
            Ok(value) => serde_json::to_string_pretty(&value).ok()?,
            Err(_) => json!({ "text": String::from_utf8_lossy(&bytes), "base64": STANDARD.encode(&bytes) }).to_string(),
        },
        _ => return None,
    })
}

/// Whether it closes: its data is no text, but a code and then a reason (RFC 6455 section 5.5.1).
fn is_close(store: &Store, row: RowId) -> bool {
    match row {
        RowId::Frame(index) => store
            .frame(index)
            .is_some_and(|frame| frame.opcode() == Opcode::Close),
        RowId::Message(index) => store
            .message(index)
            .is_some_and(|message| message.kind == MessageKind::Close),
        RowId::Packet(..) => false,
    }
}
