//! What two sides said to each other: messages unmasked, put together and inflated, in the order they were complete.

use crate::base::{Side, Timestamp, escape};
use crate::engine::{Connection, MessageEvent};
use crate::websocket::MessageKind;
use crate::websocket::close::CloseCode;

use super::format::Format;
use super::hexdump;
use super::page::Page;
use super::text::Palette;

/// Writes a conversation for people.
#[derive(Debug)]
pub struct Conversation {
    start: Timestamp,
    palette: Palette,
    control: bool,
}

impl Conversation {
    /// Times relative to `start`; with `control`, close, ping and pong too.
    #[must_use]
    pub fn new(start: Timestamp, palette: Palette, control: bool) -> Self {
        Self {
            start,
            palette,
            control,
        }
    }

    /// `#3 client → server  0.003412 s  packet 12  text, 5 bytes`.
    fn title(&self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        let message = event.message;
        let seconds = event.at.time.seconds_since(self.start);
        page.bytes()
            .extend_from_slice(self.palette.side(event.from).as_bytes());
        page.bytes().extend_from_slice(b"connection ");
        page.connection(connection.id, 0);
        let mut line = format!(
            " #{} {} → {}  {seconds:.6} s  packet {}  {}",
            event.number,
            event.from,
            event.from.peer(),
            event.at.packet,
            message.kind.name(),
        );
        if let Some(length) = message.length {
            line.push_str(&format!(", {length} bytes"));
        }
        if message.compressed {
            line.push_str(&format!(" ({} on the wire)", message.wire_length));
        }
        if event.frames.len() > 1 {
            line.push_str(&format!(", {} frames", event.frames.len()));
        }
        if !message.complete {
            line.push_str(", incomplete");
        }
        if let Some(nanoseconds) = event.round_trip {
            line.push_str(&format!(
                ", {:.3} ms after its ping",
                nanoseconds as f64 / 1e6
            ));
        }
        page.bytes().extend_from_slice(line.as_bytes());
        page.bytes().push(b'\n');
        if let Some(decoded) = event.decoded.filter(|decoded| decoded.says_more()) {
            let line = format!("{}: {}\n", decoded.stack_words(), decoded.summary);
            page.bytes().extend_from_slice(line.as_bytes());
        }
    }
}

impl Format for Conversation {
    type Out = Page;

    fn wants_message_data(&self) -> bool {
        true
    }

    fn wants_decoded(&self) -> bool {
        true
    }

    fn message(&mut self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        let message = event.message;
        let is_data = matches!(message.kind, MessageKind::Text | MessageKind::Binary);
        if !is_data && !self.control {
            return;
        }
        self.title(page, event, connection);
        let out = page.bytes();
        match (&message.close, message.kind) {
            (Some((code, reason)), MessageKind::Close) => {
                let code = code.map_or("no code".to_owned(), |CloseCode(number)| {
                    format!("{number} {}", CloseCode(number).name())
                });
                out.extend_from_slice(format!("{code} ").as_bytes());
                escape::write(reason, out);
                out.push(b'\n');
            }
            _ => body(out, message.data.unwrap_or(message.beginning)),
        }
        if message.truncated {
            out.extend_from_slice("… (longer than --max-payload)\n".as_bytes());
        }
        out.extend_from_slice(self.palette.reset.as_bytes());
        out.push(b'\n');
    }
}

/// Text line by line, anything else in hexadecimal.
fn body(out: &mut Vec<u8>, data: &[u8]) {
    match std::str::from_utf8(data) {
        _ if data.is_empty() => {}
        Ok(text) if !text.contains('\0') => {
            for line in text.lines() {
                escape::write_str(line, out);
                out.push(b'\n');
            }
        }
        _ => hexdump::bytes(out, data),
    }
}

/// Writes the bytes of one side's text and binary messages and nothing else.
#[derive(Debug)]
pub struct RawSide(pub Side);

impl Format for RawSide {
    type Out = Page;

    fn wants_message_data(&self) -> bool {
        true
    }

    fn message(&mut self, page: &mut Page, event: &MessageEvent<'_>, _connection: &Connection) {
        let message = event.message;
        if event.from == self.0 && matches!(message.kind, MessageKind::Text | MessageKind::Binary) {
            let data = message.data.unwrap_or(message.beginning);
            page.bytes().extend_from_slice(data);
        }
    }
}
