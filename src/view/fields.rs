//! The detail tree of what someone looks at: the tree of the row, with its packets and what was found in it.

use crate::base::{Field, Layer, Needs, PacketNumber, Side, Span, escape};
use crate::engine::Transport;
use crate::store::{self, Row, Store, bytes, finding_tree};
use crate::wire;

use super::rows::RowId;

/// Packets of one frame whose headers are shown.
const PACKETS: usize = 8;
/// Bytes of a text shown in a field.
const PREVIEW: usize = 4096;
/// Lines shown of the head of an HTTP message.
const HEAD_LINES: usize = 100;
/// Frames of one message that are shown.
const FRAMES: usize = 64;
/// Findings of one row that are shown.
const FINDINGS: usize = 64;

/// Fields of a row, and the packets that some of them count in.
pub type Built = (Vec<Field>, Vec<(usize, PacketNumber)>);

/// What the stream positions of a connection's frames count in.
pub fn stream_layer(store: &Store, connection: u32) -> Layer {
    let entry = store.connection(connection);
    entry.map_or(Layer::Stream, |entry| {
        store::stream_layer(&entry.connection)
    })
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

/// What a frame's tree is made from.
const OF_FRAME: Needs = Needs::EXTENTS.with(Needs::PAYLOAD);
/// What a message's tree is made from.
const OF_MESSAGE: Needs = Needs::MESSAGES.with(Needs::INFLATED);
/// Bytes of a message up to which its digest is made while somebody waits.
const DIGESTED: u64 = 64 << 20;

fn frame_trees(store: &Store, index: u32) -> Vec<Field> {
    let tree = store.with_frame(index, OF_FRAME, |row| row.tree());
    tree.unwrap_or_default()
}

fn message_trees(store: &Store, index: u32) -> Vec<Field> {
    let length = store.message(index).and_then(|message| message.length);
    let mut needs = OF_MESSAGE;
    if matches!(length, Some(0..=DIGESTED)) {
        needs |= Needs::DIGEST;
    }
    // What is far from all that is decoded is shown when decoding is there.
    if store.is_near(index) {
        needs |= Needs::DECODED;
    }
    let trees = store.with_message(index, needs, |row| row.tree());
    trees.unwrap_or_default()
}

fn frame(store: &Store, index: u32) -> Built {
    let Some(record) = store.frame(index) else {
        return Built::default();
    };
    // What is wrong comes first.
    let number = Some(record.number.into());
    let mut fields = findings(store, record.connection, number);
    let numbers = store.packets_of(index);
    let packets = packet_fields(store, record.connection, &numbers, &mut fields);
    let span = store.frame_span(index);
    fields.extend(carriers(store, record.connection, record.from(), span));
    fields.extend(frame_trees(store, index));
    if record.message > 0
        && let Some(message) = store.message_of(record.connection, record.message.into())
    {
        fields.extend(message_trees(store, message));
    }
    (fields, packets)
}

/// The TLS records, frames of HTTP/2 or QUIC packets that carried a span of a connection's stream.
fn carriers(store: &Store, connection: u32, side: Side, span: Span) -> Vec<Field> {
    if stream_layer(store, connection) == Layer::Stream {
        return Vec::new();
    }
    let known = store.connection(connection).map(|entry| &entry.connection);
    let quic = known
        .filter(|known| known.transport == Transport::Http3)
        .and_then(|known| known.stream);
    let label = match store.is_decrypted(connection, side) {
        true if quic.is_some() => "QUIC packet",
        true => "TLS record",
        false => "HTTP/2 DATA",
    };
    let stream = quic.map_or_else(
        || "TCP stream".to_owned(),
        |stream| format!("datagrams, with a STREAM frame of stream {stream}"),
    );
    let spans = store.beneath(connection, side, span);
    let field = |span: &Span| {
        let value = format!(
            "{} at position {} of the {side}'s {stream}",
            bytes(span.len()),
            span.start
        );
        Field::new(label, value).at(Layer::Stream, *span)
    };
    spans.iter().take(PACKETS).map(field).collect()
}

fn message(store: &Store, index: u32) -> Built {
    let Some(record) = store.message(index) else {
        return Built::default();
    };
    let frames: Vec<u32> = store.frames_of(&record).take(FRAMES).collect();
    let mut fields = Vec::new();
    for frame in &frames {
        let number = store.frame(*frame).map(|frame| frame.number.into());
        fields.extend(findings(store, record.connection, number));
    }
    let mut numbers = Vec::new();
    for frame in frames.iter().take(PACKETS) {
        numbers.extend(store.packets_of(*frame));
    }
    numbers.dedup();
    let packets = packet_fields(store, record.connection, &numbers, &mut fields);
    fields.extend(message_trees(store, index));
    for frame in frames {
        fields.extend(frame_trees(store, frame));
    }
    (fields, packets)
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

fn findings(store: &Store, connection: u32, frame: Option<u64>) -> Vec<Field> {
    let Some(entry) = store.connection(connection) else {
        return Vec::new();
    };
    let layer = stream_layer(store, connection);
    let about = entry
        .findings
        .iter()
        .filter_map(|index| store.findings().get(*index as usize))
        .filter(|finding| frame.is_none() || finding.frame == frame);
    let trees = about.map(|record| Field {
        layer,
        ..finding_tree(&record.finding)
    });
    trees.take(FINDINGS).collect()
}

/// The tree of a connection.
#[must_use]
pub fn connection(store: &Store, index: u32) -> Built {
    let Some(entry) = store.connection(index) else {
        return Built::default();
    };
    let mut fields = Row::Connection(&entry.connection, entry.moment()).tree();
    if let Some(first) = fields.first_mut() {
        first.label += &format!(" {}", index + 1);
    }
    fields.extend(findings(store, index, None));
    (fields, Vec::new())
}
