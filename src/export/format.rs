//! What a format is: it gets rows as they are completed and writes them into what it is given.

use crate::base::{Needs, Timestamp};
use crate::engine::{Connection, Exchange, FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::payload::Pending;
use crate::run::Content;
use crate::store::Waits;

/// What the whole capture amounted to.
#[derive(Clone, Copy, Debug)]
pub struct Totals<'a> {
    /// The inputs by name.
    pub files: &'a [String],
    /// Packets read.
    pub packets: u64,
    /// Their captured bytes.
    pub bytes: u64,
    /// Time of the first packet.
    pub first: Option<Timestamp>,
    /// Time of the last packet.
    pub last: Option<Timestamp>,
    /// Link types seen, by name.
    pub link_types: &'a [String],
    /// Connections emitted.
    pub connections: u64,
    /// Frames emitted.
    pub frames: u64,
    /// Messages emitted.
    pub messages: u64,
    /// Findings emitted.
    pub findings: u64,
    /// Packets that held no TCP segment we could read.
    pub packets_skipped: u64,
    /// Where and why the input was cut.
    pub truncated: Option<&'a str>,
    /// Packets a live capture lost.
    pub dropped: Option<u64>,
}

/// Writes rows. A format that does not show a kind of row leaves its method as it is.
pub trait Format {
    /// What it writes into: a page of text, rows with labels, columns.
    type Out: Content + Send;

    /// What it writes beyond what the methods below say.
    fn needs(&self) -> Needs {
        Needs::HEADERS
    }

    /// Whether it writes the payload of frames.
    fn wants_payload(&self) -> bool {
        false
    }

    /// Whether it writes the text or data of messages.
    fn wants_message_data(&self) -> bool {
        false
    }

    /// Whether it writes what messages carry.
    fn wants_decoded(&self) -> bool {
        false
    }

    /// Whether it writes what most messages of a connection carried, for which all of them are decoded.
    fn wants_protocol(&self) -> bool {
        false
    }

    /// Whether it writes calls inside messages.
    fn wants_calls(&self) -> bool {
        false
    }

    /// What rows wait for before it writes them.
    fn waits(&self) -> Waits {
        Waits::default()
    }

    /// Whether it writes the digest of messages.
    fn wants_digest(&self) -> bool {
        false
    }

    /// The message that the frame written last completes, for formats that show its text with the frame.
    fn completed(&mut self, _out: &mut Self::Out, _event: &MessageEvent<'_>) {}
    /// A frame.
    fn frame(&mut self, _out: &mut Self::Out, _event: &FrameEvent<'_>, _connection: &Connection) {}
    /// A message.
    fn message(
        &mut self,
        _out: &mut Self::Out,
        _event: &MessageEvent<'_>,
        _connection: &Connection,
    ) {
    }
    /// The calls inside a message.
    fn calls(&mut self, _out: &mut Self::Out, _event: &MessageEvent<'_>, _connection: &Connection) {
    }
    /// A request inside messages that had no answer when its connection ended.
    fn unanswered(&mut self, _out: &mut Self::Out, _call: &Pending, _connection: &Connection) {}
    /// A request over HTTP/1 and its answer.
    fn exchange(&mut self, _out: &mut Self::Out, _exchange: &Exchange) {}
    /// A finding.
    fn finding(
        &mut self,
        _out: &mut Self::Out,
        _event: &FindingEvent<'_>,
        _connection: Option<&Connection>,
    ) {
    }
    /// A connection that ended.
    fn connection(&mut self, _out: &mut Self::Out, _connection: &Connection, _at: Moment) {}
    /// A connection that ended and did not match the filter, though rows of it may have.
    fn unmatched_connection(&mut self, _out: &mut Self::Out, _connection: &Connection) {}
    /// The end of the capture.
    fn capture(&mut self, _out: &mut Self::Out, _totals: &Totals<'_>) {}
}
