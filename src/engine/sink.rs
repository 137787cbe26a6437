//! Where the engine's events go.

use crate::base::{Extent, Finding, Needs, PacketNumber, Side, Span, Timestamp};
use crate::flow::End;
use crate::payload::{Conversation, Decoded, Pending};
use crate::websocket;
use crate::wire::Segment;

use super::connection::Connection;
use super::exchange::Exchange;
use super::flow_summary::FlowSummary;
use super::moment::Moment;
use super::tls_flow::TlsFlow;

/// A frame, with its place in its connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct FrameEvent<'a> {
    /// The frame itself.
    pub frame: &'a websocket::Frame<'a>,
    /// Its number in the connection, from 1 over both sides.
    pub number: u64,
    /// Who sent it.
    pub from: Side,
    /// When it was complete.
    pub at: Moment,
    /// The packets its bytes came in, in stream order.
    pub packets: &'a [PacketNumber],
    /// The text of the message it completes, where somebody waited for that; the engine emits it with the message.
    pub text: Option<&'a str>,
    /// Whether a finding names it, where somebody waited for that; the engine emits findings behind it.
    pub has_finding: bool,
    /// The number of the message it completes; a fragment's message has no number before it is complete.
    pub message: Option<u64>,
}

/// A message, with its place in its connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct MessageEvent<'a> {
    /// The message itself.
    pub message: &'a websocket::Message<'a>,
    /// Its number in the connection, from 1 over both sides.
    pub number: u64,
    /// Who sent it.
    pub from: Side,
    /// When it was complete.
    pub at: Moment,
    /// The numbers of its frames.
    pub frames: &'a [u64],
    /// For a pong: nanoseconds since the ping it answers.
    pub round_trip: Option<i64>,
    /// What it carries, where that is recognised ([`Needs::DECODED`]).
    pub decoded: Option<&'a Decoded<'a>>,
    /// The state of the connection's decoders behind this message ([`Needs::DECODED`]).
    pub conversation: Option<&'a Conversation>,
    /// Whether a finding names it, where somebody waited for that; the engine emits findings about it behind it.
    pub has_finding: bool,
}

/// A finding, with its place.
#[derive(Debug)]
#[non_exhaustive]
pub struct FindingEvent<'a> {
    /// The finding itself.
    pub finding: &'a Finding,
    /// Whose bytes it is about; `None` when that is not known.
    pub from: Option<Side>,
    /// When it was found.
    pub at: Moment,
    /// The frame it is about, or the one that completes the message it is about.
    pub frame: Option<u64>,
    /// The message it is about, or the one that the frame it is about completes.
    pub message: Option<u64>,
}

/// The bytes that one TLS record carried.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Plaintext<'a> {
    /// How many layers of TLS were opened: 1, or more for TLS inside TLS.
    pub layer: u8,
    /// Position of the first byte in what this end sent inside the layer.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Where the record lies in the layer below, header included; below the first one that is the TCP stream.
    pub record: Span,
}

/// Where bytes of an HTTP/2 stream lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamData {
    /// The stream.
    pub stream: u32,
    /// Position of the first byte in what this end sent on the stream, which is what frames and messages count in.
    pub offset: u64,
    /// Its position in what this end sent on the connection: in the innermost plaintext, or in the TCP stream.
    pub at: u64,
    /// How many bytes.
    pub len: u64,
}

/// Receives events in packet order. Every method does nothing unless it is written.
pub trait Sink {
    /// What the receiver looks at; asked once, when the engine is made.
    fn needs(&self) -> Needs;

    /// A connection was recognised: an upgrade was asked for, a CONNECT refused, or frames seen without a handshake.
    fn opened(&mut self, _connection: &Connection) {}

    /// The outcome of its handshake is known.
    fn handshake(&mut self, _connection: &Connection, _at: Moment) {}

    /// A frame is complete, or as complete as the capture allows.
    fn frame(&mut self, _event: &FrameEvent<'_>, _connection: &Connection) {}

    /// A message is complete, or as complete as the capture allows.
    fn message(&mut self, _event: &MessageEvent<'_>, _connection: &Connection) {}

    /// Something is wrong or worth a note.
    fn finding(&mut self, _event: &FindingEvent<'_>, _connection: Option<&Connection>) {}

    /// All was emitted that belongs to the frame and to the message emitted last: the message that the frame completes, and the
    /// findings about both. Between them and this nothing else is emitted.
    #[inline]
    fn settled(&mut self, _connection: &Connection) {}

    /// A request inside its messages waited for an answer when it ended ([`Needs::DECODED`]).
    fn unanswered(&mut self, _call: &Pending, _connection: &Connection) {}

    /// The connection ended.
    fn closed(&mut self, _connection: &Connection, _at: Moment) {}

    /// A packet belongs to this flow, which may be or become a WebSocket ([`Needs::EXTENTS`]).
    fn packet(&mut self, _flow: u64, _packet: PacketNumber) {}

    /// A segment of this flow, which may be or become a WebSocket ([`Needs::SEGMENTS`]).
    fn segment(&mut self, _flow: u64, _from: End, _segment: &Segment) {}

    /// These bytes of an end's stream came in this packet ([`Needs::EXTENTS`]).
    fn extent(&mut self, _flow: u64, _end: End, _extent: Extent, _bytes: &[u8]) {}

    /// Bytes of an end's stream were decrypted ([`Needs::EXTENTS`]).
    fn plaintext(&mut self, _flow: u64, _end: End, _plaintext: Plaintext<'_>) {}

    /// Bytes of a WebSocket's stream came over HTTP/2 ([`Needs::EXTENTS`]).
    fn stream_data(&mut self, _flow: u64, _end: End, _data: StreamData) {}

    /// A flow that speaks TLS ended, decrypted or not. Told when keys were given, and otherwise only with
    /// [`Needs::TLS`] or [`Needs::FINDINGS`].
    fn tls(&mut self, _flow: &TlsFlow<'_>, _at: Moment) {}

    /// A request over HTTP/1 and its answer are complete, or as complete as the capture allows ([`Needs::EXCHANGES`]).
    fn exchanged(&mut self, _exchange: &Exchange, _at: Moment) {}

    /// No more of this flow ([`Needs::EXTENTS`] or [`Needs::SEGMENTS`]).
    fn flow_ended(&mut self, _flow: u64) {}

    /// All packets up to this time were analysed, at the end of a batch.
    fn advanced(&mut self, _now: Timestamp) {}

    /// A flow is over, whatever it carried; its connections were reported as closed before ([`Needs::FLOWS`]).
    fn flow_closed(&mut self, _flow: FlowSummary) {}
}
