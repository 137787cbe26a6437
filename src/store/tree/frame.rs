//! The tree of a frame.

use crate::base::{Field, Layer, Span, Value, escape};
use crate::engine::{Connection, FrameEvent};
use crate::websocket::handshake::Framing;
use crate::websocket::{Part, draft_layout, layout};

use super::words::{PREVIEW, bytes};

/// Packets named.
const PACKETS: usize = 16;

/// The frame with its header and payload; places count in the stream.
pub(super) fn tree(event: &FrameEvent<'_>, connection: &Connection) -> Field {
    let frame = event.frame;
    let span = frame.span();
    let value = format!(
        "{}, from the {}, {}",
        frame.header.opcode().name(),
        event.from,
        bytes(span.len())
    );
    let handshake = connection.handshake.as_ref();
    let framing = handshake.map_or(Framing::Rfc6455, |shake| shake.negotiated.framing);
    let mut field = Field::new(format!("Frame {}", event.number), value)
        .at(Layer::Stream, span)
        .named("websocket.number")
        .typed(Value::Unsigned(event.number))
        .with(header(event, framing))
        .with(payload(event));
    field.children.extend(end(event, framing));
    field.children.extend(packets(event));
    field.children.extend(message(event));
    field
}

/// The packets it came in, where they are several: of one the row says it.
fn packets(event: &FrameEvent<'_>) -> Option<Field> {
    let numbers: Vec<_> = event.packets.iter().map(ToString::to_string).collect();
    let mut value = numbers[..numbers.len().min(PACKETS)].join(", ");
    if numbers.len() > PACKETS {
        value += &format!(" and {} more", numbers.len() - PACKETS);
    }
    (numbers.len() > 1).then(|| Field::new("Packets", value))
}

fn header(event: &FrameEvent<'_>, framing: Framing) -> Field {
    let frame = event.frame;
    let (sent, at) = (frame.header_bytes(), frame.stream_offset);
    let length = u64::from(frame.header.header_length);
    // The bits of a draft's header lie elsewhere.
    let (children, draft) = match framing.draft() {
        None => (layout::fields(&sent, at), String::new()),
        Some(draft) => (
            draft_layout::fields(framing, event.from, &sent, at),
            format!(", as {draft} has it"),
        ),
    };
    let field = Field::new("Header", bytes(length) + &draft)
        .at(Layer::Stream, Span::at(at, length))
        .named("websocket.header_length")
        .typed(Value::Unsigned(length));
    Field { children, ..field }
}

fn payload(event: &FrameEvent<'_>) -> Field {
    let frame = event.frame;
    let at = frame.stream_offset + u64::from(frame.header.header_length);
    let span = Span::at(at, frame.captured_length);
    let mut field = Field::new("Payload", bytes(frame.header.payload_length))
        .at(Layer::Stream, span)
        .named("websocket.payload_length")
        .typed(Value::Unsigned(frame.header.payload_length));
    if !frame.is_whole() {
        let captured = bytes(frame.captured_length) + "; the rest is not in the capture";
        let captured = Field::new("Captured", captured)
            .named("websocket.captured_length")
            .typed(Value::Unsigned(frame.captured_length));
        field.children.push(captured);
    }
    let label = match (frame.compressed, frame.header.masked()) {
        (true, _) => "Compressed",
        (false, true) => "Unmasked",
        (false, false) => "Bytes",
    };
    let mut buffer = Vec::new();
    field.with(match frame.payload(&mut buffer) {
        Some(bytes) => Field::new(label, escape::preview(bytes, PREVIEW))
            .at(Layer::Stream, span)
            .named("websocket.payload")
            .typed(Value::Bytes(bytes)),
        None => Field::new(label, "not kept").at(Layer::Stream, span),
    })
}

/// The byte that ends a text of the oldest drafts.
fn end(event: &FrameEvent<'_>, framing: Framing) -> Option<Field> {
    let frame = event.frame;
    framing.draft()?;
    let header = draft_layout::header(framing, event.from, &frame.header_bytes());
    let at = Span::at(frame.span().end, 1);
    let is_there = header.ends_with_ff && frame.is_whole();
    is_there.then(|| Field::new("End", "ff").at(Layer::Stream, at))
}

/// What becomes of its message, where the frame does not complete it.
fn message(event: &FrameEvent<'_>) -> Option<Field> {
    let text = match event.frame.part {
        Part::None => "none that it could be part of",
        _ => "goes on in a later frame",
    };
    let is_open = event.message.is_none();
    is_open.then(|| Field::new("Message", text))
}
