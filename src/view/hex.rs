//! The bytes of the selected row: four ways to see them, and which of them a field was read from.

use std::ops::Range;

use crate::base::{Field, Layer, PacketNumber, Side, Span};
use crate::engine::Transport;
use crate::store::Store;
use crate::websocket::mask;

use super::rows::RowId;

/// Bytes shown at once.
pub const MOST: usize = 256 << 10;

/// Which bytes are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The captured packet.
    #[default]
    Packet,
    /// The frame as it lies in its side's stream.
    Stream,
    /// The frame as it lies in its side's stream after TLS or HTTP/2.
    Decrypted,
    /// The message, unmasked and put together.
    Message,
    /// The message, inflated.
    Inflated,
}

impl Tab {
    /// All of them, in order.
    pub const ALL: [Tab; 5] = [
        Tab::Packet,
        Tab::Stream,
        Tab::Decrypted,
        Tab::Message,
        Tab::Inflated,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Tab::Packet => "packet",
            Tab::Stream => "stream",
            Tab::Decrypted => "decrypted",
            Tab::Message => "message",
            Tab::Inflated => "inflated",
        }
    }
}

/// The bytes of a tab.
#[derive(Debug, Default)]
pub struct Bytes {
    /// Which.
    pub tab: Tab,
    /// They.
    pub bytes: Vec<u8>,
    /// Position of the first one in its layer.
    pub base: u64,
    /// The chosen byte.
    pub cursor: usize,
    /// The first visible line.
    pub top: usize,
    /// The packet whose bytes the packet tab shows.
    pub packet: Option<PacketNumber>,
    /// Whose stream, of which connection.
    pub of: Option<(u32, Side)>,
    /// Where the payloads of the message's frames lie: in the stream, and in the message.
    payloads: Vec<(Span, u64)>,
    /// Whether the connection's stream is the TCP stream.
    is_plain: bool,
    /// The tabs that have bytes.
    pub has: [bool; 5],
}

impl Bytes {
    /// Shows a row, or nothing.
    pub fn show(&mut self, store: &Store, row: Option<RowId>, packet: Option<PacketNumber>) {
        let tab = self.tab;
        *self = Bytes {
            tab,
            ..Bytes::default()
        };
        let Some(row) = row else { return };
        let (frame, message) = match row {
            RowId::Packet(flow, at) => return self.show_packet(store, flow, at),
            RowId::Frame(index) => {
                let message = store
                    .frame(index)
                    .and_then(|frame| store.message_of(frame.connection, frame.message.into()));
                (Some(index), message)
            }
            RowId::Message(index) => {
                let first = store
                    .message(index)
                    .and_then(|message| store.frames_of(&message).next());
                (first, Some(index))
            }
        };
        let message = message.and_then(|index| store.message(index));
        let Some((frame, record)) = frame.and_then(|at| Some((at, store.frame(at)?))) else {
            return;
        };
        self.of = Some((record.connection, record.from()));
        let packets = store.packets_of(frame);
        self.packet = packet.or(packets.last().copied());
        self.payloads = payloads(store, message.as_ref(), frame);
        let is_compressed = record.is_compressed();
        let is_plain = store
            .connection(record.connection)
            .is_some_and(|entry| entry.connection.transport == Transport::Tcp);
        self.is_plain = is_plain;
        self.has = [true, true, !is_plain, true, is_compressed];
        if is_plain && self.tab == Tab::Decrypted {
            self.tab = Tab::Stream;
        }
        match self.tab {
            Tab::Packet => {
                let found = self
                    .packet
                    .and_then(|number| store.packet(record.connection, number));
                self.bytes = found.map(|packet| packet.bytes).unwrap_or_default();
            }
            Tab::Stream if !is_plain => {
                let (connection, side) = (record.connection, record.from());
                let spans = store.beneath(connection, side, store.frame_span(frame));
                if let (Some(first), Some(last)) = (spans.first(), spans.last()) {
                    let whole = Span::new(first.start, last.end);
                    self.base = whole.start;
                    self.bytes = store.tcp_stream(connection, side, whole, MOST);
                }
            }
            Tab::Stream | Tab::Decrypted => {
                self.base = store.frame_span(frame).start;
                self.bytes = stream_bytes(store, frame);
            }
            Tab::Message => {
                self.bytes = match &message {
                    Some(message) => store.message_wire(message, MOST),
                    None => store.payload(frame, MOST),
                }
                .unwrap_or_default();
            }
            Tab::Inflated => {
                self.bytes = message
                    .filter(|_| is_compressed)
                    .and_then(|message| store.message_data(&message, MOST))
                    .unwrap_or_default();
            }
        }
        self.bytes.truncate(MOST);
    }

    /// Shows stream bytes of a connection, such as a head of its handshake.
    pub fn show_stream(&mut self, store: &Store, connection: u32, side: Side, span: Span) {
        *self = Bytes {
            tab: Tab::Stream,
            base: span.start,
            of: Some((connection, side)),
            bytes: store.tcp_stream(connection, side, span, MOST),
            is_plain: true,
            has: [false, true, false, false, false],
            ..Bytes::default()
        };
    }

    /// Shows a head that came through TLS or HTTP/2, as it was decrypted or put together.
    pub fn show_head(&mut self, connection: u32, side: Side, at: u64, head: &[u8]) {
        *self = Bytes {
            tab: Tab::Decrypted,
            base: at,
            of: Some((connection, side)),
            bytes: head.to_vec(),
            has: [false, false, true, false, false],
            ..Bytes::default()
        };
    }

    /// Shows a packet by its place in its flow.
    fn show_packet(&mut self, store: &Store, flow: u32, at: u32) {
        self.tab = Tab::Packet;
        self.has = [true, false, false, false, false];
        let entry = store.flow_packet(flow, at as usize);
        self.packet = entry.map(|entry| entry.number());
        if let Some(packet) = entry.and_then(|entry| store.read(&entry)) {
            self.bytes = packet.bytes;
        }
    }

    /// The shown bytes that a field was read from.
    #[must_use]
    pub fn ranges(
        &self,
        store: &Store,
        field: &Field,
        packet: Option<PacketNumber>,
    ) -> Vec<Range<usize>> {
        let Some(span) = field.span else {
            return Vec::new();
        };
        match (self.tab, field.layer) {
            (Tab::Packet, Layer::Packet) if packet == self.packet => self.clip(span),
            (Tab::Packet, Layer::Stream) => self.in_packet(store, &[span]),
            (Tab::Packet, Layer::Decrypted) => self.in_packet(store, &self.beneath(store, span)),
            (Tab::Packet, Layer::Message) => {
                let spans: Vec<_> = self
                    .in_stream(span)
                    .into_iter()
                    .flat_map(|span| self.beneath(store, span))
                    .collect();
                self.in_packet(store, &spans)
            }
            (Tab::Stream, Layer::Stream) | (Tab::Decrypted, Layer::Decrypted) => self.clip(span),
            (Tab::Stream, Layer::Decrypted) => self
                .beneath(store, span)
                .into_iter()
                .flat_map(|span| self.clip(span))
                .collect(),
            (Tab::Stream, Layer::Message) => self
                .in_stream(span)
                .into_iter()
                .flat_map(|span| self.beneath(store, span))
                .flat_map(|span| self.clip(span))
                .collect(),
            (Tab::Decrypted, Layer::Message) => self
                .in_stream(span)
                .into_iter()
                .flat_map(|span| self.clip(span))
                .collect(),
            (Tab::Message, Layer::Stream) if self.is_plain => self.in_message(span),
            (Tab::Message, Layer::Decrypted) => self.in_message(span),
            (Tab::Message, Layer::Message) | (Tab::Inflated, Layer::Inflated) => self.clip(span),
            _ => Vec::new(),
        }
    }

    /// The spans of the TCP stream that carried a span of the connection's stream.
    fn beneath(&self, store: &Store, span: Span) -> Vec<Span> {
        match self.of {
            Some((connection, side)) => store.beneath(connection, side, span),
            None => Vec::new(),
        }
    }

    fn clip(&self, span: Span) -> Vec<Range<usize>> {
        let shown = Span::at(self.base, self.bytes.len() as u64);
        let part = shown.intersection(span);
        if part.is_empty() {
            return Vec::new();
        }
        let clipped = (part.start - self.base) as usize..(part.end - self.base) as usize;
        Vec::from([clipped])
    }

    /// Spans of the TCP stream in the packet.
    fn in_packet(&self, store: &Store, spans: &[Span]) -> Vec<Range<usize>> {
        let Some((connection, side)) = self.of else {
            return Vec::new();
        };
        let mut ranges = Vec::new();
        for span in spans {
            let extents = store.tcp_provenance(connection, side, *span);
            ranges.extend(
                extents
                    .iter()
                    .filter(|extent| Some(extent.packet) == self.packet)
                    .filter_map(|extent| {
                        let part = extent.span().intersection(*span);
                        let offset = u64::from(extent.packet_offset?);
                        let start = part.start - extent.stream_offset + offset;
                        self.clip(Span::at(start, part.len())).pop()
                    }),
            );
        }
        ranges
    }

    /// A span of the message in the stream.
    fn in_stream(&self, span: Span) -> Vec<Span> {
        self.payloads
            .iter()
            .filter_map(|(stream, at)| {
                let part = Span::at(*at, stream.len()).intersection(span);
                (!part.is_empty()).then(|| Span::at(stream.start + part.start - at, part.len()))
            })
            .collect()
    }

    /// A span of the stream in the message.
    fn in_message(&self, span: Span) -> Vec<Range<usize>> {
        self.payloads
            .iter()
            .flat_map(|(stream, at)| {
                let part = stream.intersection(span);
                let start = at + part.start.saturating_sub(stream.start);
                if part.is_empty() {
                    Vec::new()
                } else {
                    self.clip(Span::at(start, part.len()))
                }
            })
            .collect()
    }
}

fn payloads(
    store: &Store,
    message: Option<&crate::store::MessageRecord>,
    frame: u32,
) -> Vec<(Span, u64)> {
    let frames: Vec<u32> = match message {
        Some(message) => store.frames_of(message).take(4096).collect(),
        None => vec![frame],
    };
    let mut at = 0;
    let mut out = Vec::new();
    for index in frames {
        let Some(record) = store.frame(index) else {
            continue;
        };
        let header = record.header(store.odd(index));
        let span = store.frame_span(index);
        let payload = Span::new(span.start + u64::from(header.header_length), span.end);
        out.push((payload, at));
        at += payload.len();
    }
    out
}

/// A frame's bytes as they were sent; made again from what is known where its packets do not have them.
fn stream_bytes(store: &Store, index: u32) -> Vec<u8> {
    let Some(record) = store.frame(index) else {
        return Vec::new();
    };
    let span = store.frame_span(index);
    let bytes = store.stream(record.connection, record.from(), span, MOST);
    if !bytes.is_empty() {
        return bytes;
    }
    let header = record.header(store.odd(index));
    let mut out = store.header_bytes(index);
    if out.is_empty() {
        // A draft's header cannot be made again.
        return out;
    }
    if let Some(mut payload) = store.payload(index, MOST) {
        if let Some(key) = header.masking_key {
            mask::unmask(&mut payload, key, 0);
        }
        out.append(&mut payload);
    }
    out
}
