//! The fields of the detail tree: of a frame, a message, a packet or a connection, made for the one someone looks at.

use crate::base::{Field, Layer, PacketNumber, Side, Span, escape};
use crate::engine::{Connection, Transport};
use crate::payload::json;
use crate::store::{MessageRecord, Store};
use crate::websocket::{MessageKind, close, draft_layout, handshake, layout};
use crate::{http, wire};

use super::rows::RowId;

/// Packets of one frame whose headers are shown.
const PACKETS: usize = 8;
/// Bytes of a text shown in a field.
const PREVIEW: usize = 4096;
/// Lines shown of the head of an HTTP message.
const HEAD_LINES: usize = 100;
/// Bytes of a message that are read as JSON.
const JSON: usize = 1 << 20;

/// A number of bytes in words.
pub fn bytes(number: u64) -> String {
    match number {
        1 => "1 byte".to_owned(),
        number => format!("{number} bytes"),
    }
}

/// Fields of a row, and the packets that some of them count in.
pub type Built = (Vec<Field>, Vec<(usize, PacketNumber)>);

/// What the stream positions of a connection's frames count in.
pub fn stream_layer(store: &Store, connection: u32) -> Layer {
    let entry = store.connection(connection);
    match entry.map(|entry| entry.connection.transport) {
        Some(Transport::Tls | Transport::Http2) => Layer::Decrypted,
        Some(Transport::Tcp) | None => Layer::Stream,
    }
}

/// The same fields, counted in another layer.
fn in_layer(mut fields: Vec<Field>, layer: Layer) -> Vec<Field> {
    for field in &mut fields {
        if field.layer == Layer::Stream && field.span.is_some() {
            field.layer = layer;
        }
        field.children = in_layer(std::mem::take(&mut field.children), layer);
    }
    fields
}

/// The tree of a row.
#[must_use]
pub fn row(store: &Store, row: RowId) -> Built {
    match row {
        RowId::Frame(index) => frame(store, index),
        RowId::Message(index) => message(store, index),
        RowId::Packet(flow, at) => packet(store, flow, at),
    }
}

fn packet(store: &Store, flow: u32, at: u32) -> Built {
    let entry = store.flow_packet(flow, at as usize);
    let Some(packet) = entry.and_then(|entry| store.read(&entry)) else {
        return (
            vec![Field::new("Packet", "its bytes are not kept")],
            Vec::new(),
        );
    };
    let (number, link) = (packet.number, packet.link);
    let mut fields = wire::layers(number, packet.time, link, &packet.bytes, packet.original);
    let payload = fields.iter_mut().find(|field| field.name == "tcp.payload");
    if let Some((payload, span)) = payload.and_then(|field| field.span.map(|span| (field, span))) {
        let bytes = packet.bytes.get(span.start as usize..span.end as usize);
        payload.children = payload_lines(bytes.unwrap_or_default(), span);
    }
    let whole = Span::new(0, packet.bytes.len() as u64);
    let value = format!("{}, {link}", bytes(packet.original.into()));
    let field = Field {
        children: fields,
        ..Field::new(format!("Captured packet {number}"), value).at(Layer::Packet, whole)
    };
    (vec![field], vec![(0, number)])
}

/// The payload of a packet: line by line when it is the head of an HTTP message.
fn payload_lines(bytes: &[u8], span: Span) -> Vec<Field> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n").map_or(bytes, |end| &bytes[..end]);
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if memchr::memmem::find(first, b"HTTP/1.").is_none() {
        let text = escape::preview(bytes, PREVIEW);
        return vec![Field::new("Bytes", text).at(Layer::Packet, span)];
    }
    let mut at = span.start;
    let mut lines = Vec::new();
    for line in head.split(|byte| *byte == b'\n').take(HEAD_LINES) {
        let place = Span::at(at, line.len() as u64);
        at = place.end + 1;
        let text = escape::preview(line.trim_ascii_end(), PREVIEW);
        let (label, value) = match text.split_once(": ") {
            Some((name, value)) if !lines.is_empty() => (name.to_owned(), value.to_owned()),
            _ => (text, String::new()),
        };
        lines.push(Field::new(label, value).at(Layer::Packet, place));
    }
    lines
}

fn frame(store: &Store, index: u32) -> Built {
    let Some(record) = store.frame(index) else {
        return Built::default();
    };
    // What is wrong comes first.
    let mut fields = Vec::new();
    findings(
        store,
        record.connection,
        Some(record.number.into()),
        &mut fields,
    );
    let packets = packet_fields(
        store,
        record.connection,
        &store.packets_of(index),
        &mut fields,
    );
    let span = store.frame_span(index);
    let kind = record.opcode().name();
    let mut field = Field::new(
        format!("Frame {}", record.number),
        format!("{kind}, from the {}, {}", record.from(), bytes(span.len())),
    )
    .at(Layer::Stream, span);
    let header = header_field(store, index);
    let end = header.span.map_or(span.start, |header| header.end);
    field.children.push(header);
    field.children.push(payload_field(store, index, end));
    field.children.extend(end_field(store, index));
    fields.push(field);
    match store.message_of(record.connection, record.message.into()) {
        Some(message) if record.message > 0 => {
            fields.extend(
                store
                    .message(message)
                    .map(|message| message_field(store, &message)),
            );
        }
        _ => fields.push(Field::new("Message", "goes on in a later frame")),
    }
    let layer = stream_layer(store, record.connection);
    let mut fields = in_layer(fields, layer);
    let at = fields.len().saturating_sub(2);
    let carriers = carriers(store, record.connection, record.from(), span);
    fields.splice(at..at, carriers);
    (fields, packets)
}

fn header_field(store: &Store, index: u32) -> Field {
    let Some(record) = store.frame(index) else {
        return Field::default();
    };
    let framing = store.framing(record.connection);
    let sent = store.header_bytes(index);
    let at = record.stream_offset();
    let length = u64::from(record.header(store.odd(index)).header_length);
    let (children, draft) = match framing.draft() {
        None => (layout::fields(&sent, at), String::new()),
        Some(draft) => (
            draft_layout::fields(framing, record.from(), &sent, at),
            format!(", as {draft} has it"),
        ),
    };
    Field {
        children,
        ..Field::new("Header", bytes(length) + &draft).at(Layer::Stream, Span::at(at, length))
    }
}

/// The byte that ends a text of the oldest drafts.
fn end_field(store: &Store, index: u32) -> Option<Field> {
    let record = store.frame(index)?;
    let framing = store.framing(record.connection);
    let header = draft_layout::header(framing, record.from(), &store.header_bytes(index));
    let at = Span::at(store.frame_span(index).end, 1);
    let is_there = header.ends_with_ff && !record.is_cut();
    is_there.then(|| Field::new("End", "ff").at(Layer::Stream, at))
}

/// The TLS records or frames of HTTP/2 that carried a span of a connection's stream.
fn carriers(store: &Store, connection: u32, side: Side, span: Span) -> Vec<Field> {
    if stream_layer(store, connection) == Layer::Stream {
        return Vec::new();
    }
    let label = match store.is_decrypted(connection, side) {
        true => "TLS record",
        false => "HTTP/2 DATA",
    };
    let spans = store.beneath(connection, side, span);
    let field = |span: &Span| {
        let value = format!(
            "{} at position {} of the {side}'s TCP stream",
            bytes(span.len()),
            span.start
        );
        Field::new(label, value).at(Layer::Stream, *span)
    };
    spans.iter().take(PACKETS).map(field).collect()
}

fn payload_field(store: &Store, index: u32, at: u64) -> Field {
    let span = Span::new(at, store.frame_span(index).end);
    let odd = store.odd(index);
    let Some(record) = store.frame(index) else {
        return Field::default();
    };
    let header = record.header(odd);
    let mut field = Field::new("Payload", bytes(header.payload_length)).at(Layer::Stream, span);
    if record.is_cut() {
        let captured = odd.map_or(0, |odd| odd.captured);
        field = field.with(Field::new(
            "Captured",
            format!("{}; the rest is not in the capture", bytes(captured)),
        ));
    }
    let label = match (record.is_compressed(), header.masked()) {
        (true, _) => "Compressed",
        (false, true) => "Unmasked",
        (false, false) => "Bytes",
    };
    let text = store.payload(index, PREVIEW + 1).map_or_else(
        || "not kept".to_owned(),
        |bytes| escape::preview(&bytes, PREVIEW),
    );
    field.with(Field::new(label, text).at(Layer::Stream, span))
}

fn message(store: &Store, index: u32) -> Built {
    let Some(record) = store.message(index) else {
        return Built::default();
    };
    let mut fields = Vec::new();
    for frame in store.frames_of(&record).take(64) {
        let number = store.frame(frame).map(|frame| frame.number.into());
        findings(store, record.connection, number, &mut fields);
    }
    let mut numbers = Vec::new();
    for frame in store.frames_of(&record).take(PACKETS) {
        numbers.extend(store.packets_of(frame));
    }
    numbers.dedup();
    let packets = packet_fields(store, record.connection, &numbers, &mut fields);
    fields.push(message_field(store, &record));
    for frame in store.frames_of(&record).take(64) {
        let Some(found) = store.frame(frame) else {
            continue;
        };
        let span = store.frame_span(frame);
        fields.push(Field {
            children: header_field(store, frame).children,
            ..Field::new(format!("Frame {}", found.number), found.opcode().name())
                .at(Layer::Stream, span)
        });
    }
    let layer = stream_layer(store, record.connection);
    (in_layer(fields, layer), packets)
}

fn packet_fields(
    store: &Store,
    connection: u32,
    numbers: &[PacketNumber],
    fields: &mut Vec<Field>,
) -> Vec<(usize, PacketNumber)> {
    let mut packets = Vec::new();
    for number in numbers.iter().take(PACKETS) {
        let Some(packet) = store.packet(connection, *number) else {
            fields.push(Field::new(
                format!("Packet {number}"),
                "its bytes are not kept",
            ));
            continue;
        };
        packets.push((fields.len(), *number));
        let layers = wire::layers(
            packet.number,
            packet.time,
            packet.link,
            &packet.bytes,
            packet.original,
        );
        let span = Span::new(0, packet.bytes.len() as u64);
        fields.push(Field {
            children: layers,
            ..Field::new(
                format!("Packet {number}"),
                format!("{}, {}", bytes(packet.original.into()), packet.link),
            )
            .at(Layer::Packet, span)
        });
    }
    if numbers.len() > PACKETS {
        fields.push(Field::new(
            "Packets",
            format!("{} more", numbers.len() - PACKETS),
        ));
    }
    packets
}

fn message_field(store: &Store, message: &MessageRecord) -> Field {
    let data = store.message_data(message, JSON);
    let length = message.length.map_or("unknown".into(), bytes);
    let mut field = Field::new(
        format!("Message {}", message.number),
        format!(
            "{}, from the {}, {length}",
            message.kind.name(),
            message.from
        ),
    );
    if message.frame_count > 1 {
        let frames = format!(
            "{} ({} to {})",
            message.frame_count, message.first_frame, message.last_frame
        );
        field.children.push(Field::new("Frames", frames));
    }
    if message.compressed {
        let ratio = format!(
            "{} on the wire, {length} inflated",
            bytes(message.wire_length)
        );
        field
            .children
            .push(Field::new("Compressed", ratio).section("RFC 7692"));
    }
    if !message.complete {
        field.children.push(Field::new("Complete", "no"));
    }
    if let Some(time) = message.round_trip {
        let value = format!("{:.6} s after its ping", time as f64 / 1e9);
        field.children.push(Field::new("Round trip", value));
    }
    let layer = if message.compressed {
        Layer::Inflated
    } else {
        Layer::Message
    };
    match data {
        None => field.children.push(Field::new("Data", "not kept")),
        Some(data) => contents(message.kind, &data, layer, &mut field),
    }
    field
}

fn contents(kind: MessageKind, data: &[u8], layer: Layer, field: &mut Field) {
    let whole = Span::new(0, data.len() as u64);
    match kind {
        MessageKind::Close => {
            let (code, reason) = close::body(data);
            let code = code.map_or("none".into(), |code| format!("{} {}", code.0, code.name()));
            let at = Span::new(0, whole.end.min(2));
            field.children.push(
                Field::new("Close code", code)
                    .at(layer, at)
                    .section("RFC 6455 7.4"),
            );
            let at = Span::new(whole.end.min(2), whole.end);
            field
                .children
                .push(Field::new("Reason", escape::text(reason)).at(layer, at));
        }
        MessageKind::Text => {
            let text = Field::new("Text", escape::preview(data, PREVIEW)).at(layer, whole);
            field.children.push(text);
            field.children.extend(json::field(data, layer, Some(0)));
        }
        _ => {
            let bytes = Field::new("Data", escape::preview(data, PREVIEW)).at(layer, whole);
            field.children.push(bytes);
        }
    }
}

fn findings(store: &Store, connection: u32, frame: Option<u64>, fields: &mut Vec<Field>) {
    let Some(entry) = store.connection(connection) else {
        return;
    };
    let about = entry
        .findings
        .iter()
        .filter_map(|index| store.findings().get(*index as usize))
        .filter(|finding| frame.is_none() || finding.frame == frame)
        .take(64);
    for record in about {
        let code = record.finding.code;
        let mut field = Field::new(
            format!("{}: {}", code.severity().name(), code.name()),
            record.finding.text.clone(),
        )
        .with(Field::new("Rule", code.meaning()));
        if let Some(section) = code.section() {
            field = field.section(section);
        }
        if let Some(span) = record.finding.span {
            field = field.at(Layer::Stream, span);
        }
        fields.push(field);
    }
}

/// The tree of a connection.
#[must_use]
pub fn connection(store: &Store, index: u32) -> Built {
    let Some(entry) = store.connection(index) else {
        return Built::default();
    };
    let known = &entry.connection;
    let mut fields = vec![summary(known, index)];
    if let Some(tunnel) = &known.tunnel {
        let mut field = Field::new("Tunnel", escape::text(tunnel.request.head.target()));
        field.children = http::fields(&tunnel.request.head, tunnel.request.stream_offset);
        if let Some(response) = &tunnel.response {
            field
                .children
                .extend(http::fields(&response.head, response.stream_offset));
        }
        fields.push(field);
    }
    for seen in known
        .handshake
        .iter()
        .flat_map(|shake| [&shake.request, &shake.response])
        .flatten()
    {
        let side = if seen.head.status().is_some() {
            Side::Server
        } else {
            Side::Client
        };
        let label = if side == Side::Client {
            "Request"
        } else {
            "Response"
        };
        let mut children = http::fields(&seen.head, seen.stream_offset);
        for explained in handshake::fields(&seen.head, known.request(), seen.stream_offset) {
            if let Some(plain) = children
                .iter_mut()
                .find(|plain| plain.span == explained.span)
            {
                *plain = explained;
            }
        }
        let span = Span::at(seen.stream_offset, seen.head.raw.len() as u64);
        let first = children
            .first()
            .map_or(String::new(), |line| line.value.clone());
        let field = Field {
            children,
            ..Field::new(label, first).at(Layer::Stream, span)
        };
        fields.extend(in_layer(vec![field], stream_layer(store, index)));
    }
    findings(store, index, None, &mut fields);
    (fields, Vec::new())
}

fn summary(known: &Connection, index: u32) -> Field {
    let count = |counts: &crate::base::PerSide<u64>| {
        format!(
            "{} from the client, {} from the server",
            counts.client, counts.server
        )
    };
    let closed = known.close.code.map_or("no close code".to_owned(), |code| {
        format!("{code} {}", close::CloseCode(code).name())
    });
    let by = known
        .close
        .by
        .map_or("nobody".into(), |side| format!("the {side}"));
    let ended = known.close.ended_by.map_or("still open", |by| by.name());
    let shake = known.handshake.as_ref();
    let draft = shake.and_then(|shake| shake.negotiated.framing.draft());
    let mut field = Field::new(
        format!("Connection {}", index + 1),
        format!("{} to {}", known.client, known.server),
    );
    if let Some(draft) = draft {
        let text = format!("{draft}, a draft before RFC 6455, with frames of its own");
        field.children.push(Field::new("Protocol", text));
    }
    field
        .with(Field::new("Transport", known.transport.name()))
        .with(Field::new("Handshake", known.outcome().name()))
        .with(Field::new("Opened", known.opened.to_string()))
        .with(Field::new("Frames", count(&known.frames)))
        .with(Field::new("Messages", count(&known.messages)))
        .with(Field::new("Payload bytes", count(&known.bytes)))
        .with(Field::new("Close", format!("by {by}, {closed}, {ended}")))
}
