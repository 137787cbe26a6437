//! What a comparison needs of each connection, gathered from engine events. Nothing here compares.

use hashbrown::HashMap;

use crate::base::{ConnectionId, Needs, PacketNumber, PerSide, Side, Timestamp};
use crate::engine::{Connection, FlowSummary, FrameEvent, MessageEvent, Moment, Seen, Sink};
use crate::run::{Numbering, Opened};
use crate::websocket::MessageKind;

/// Messages kept of one side of a connection; later ones are not compared.
const KEPT: usize = 100_000;
/// Messages kept over all connections of an engine, about 80 bytes each.
const KEPT_IN_ALL: usize = 2_000_000;
/// Connections kept; of more only the number is known.
const CONNECTIONS: usize = 200_000;

/// One message.
#[derive(Clone, Debug)]
pub(super) struct RecordedMessage {
    pub(super) kind: MessageKind,
    pub(super) time: Timestamp,
    pub(super) packet: PacketNumber,
    /// The first half of its SHA-256, which is enough to tell messages apart.
    digest: Option<[u8; 16]>,
    /// Bytes after inflating.
    pub(super) length: Option<u64>,
    /// Payload bytes on the wire.
    pub(super) wire: u64,
    pub(super) frames: u64,
    pub(super) compressed: bool,
    /// The masking key of its last frame.
    pub(super) mask: Option<[u8; 4]>,
}

/// What the same message is known by on both sides of a hop.
pub(super) type Identity = (MessageKind, Option<[u8; 16]>, Option<u64>);

impl RecordedMessage {
    pub(super) fn identity(&self) -> Identity {
        (self.kind, self.digest, self.length)
    }

    /// Whether all of it was seen.
    pub(super) fn is_known(&self) -> bool {
        self.digest.is_some()
    }

    /// Whether it is the application's.
    pub(super) fn is_data(&self) -> bool {
        matches!(self.kind, MessageKind::Text | MessageKind::Binary)
    }
}

/// One connection as recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its number in its capture, as in every other output.
    pub number: u32,
    /// Heads, addresses and close.
    pub connection: Box<Connection>,
    /// What of it is shown, when that is not all: the same with secrets masked.
    pub shown: Option<Box<Connection>>,
    /// Its messages in the order of their ends.
    pub(super) messages: PerSide<Vec<RecordedMessage>>,
    /// Who ended TCP first, and when.
    pub(super) ended: Option<(Side, Timestamp)>,
}

impl Recorded {
    fn of(connection: &Connection, mut messages: PerSide<Vec<RecordedMessage>>) -> Self {
        for side in Side::BOTH {
            // There may be hundreds of thousands, and each waits for the other capture.
            messages[side].shrink_to_fit();
        }
        Self {
            number: 0,
            connection: Box::new(connection.clone()),
            shown: None,
            messages,
            ended: None,
        }
    }

    /// The connection as it is shown.
    #[must_use]
    pub fn shown(&self) -> &Connection {
        self.shown.as_ref().unwrap_or(&self.connection)
    }

    /// Takes from the summary of its flow who ended it. A stream of HTTP/2 ends before its flow does.
    fn end(&mut self, flow: &FlowSummary) {
        if self.connection.transport.is_stream() {
            return;
        }
        let first = |side: Side| {
            let end = &flow.sides[side];
            let seen = [end.fin, end.reset.map(|reset| reset.at)];
            let seen = seen.into_iter().flatten();
            seen.min_by_key(|seen: &Seen| (seen.time, seen.packet))
                .map(|seen| (side, seen))
        };
        let ends = Side::BOTH.into_iter().filter_map(first);
        let first = ends.min_by_key(|(_, seen)| (seen.time, seen.packet));
        self.ended = first.map(|(side, seen)| (side, seen.time));
    }
}

/// What is recorded of a connection that lives.
#[derive(Debug, Default)]
struct Open {
    messages: PerSide<Vec<RecordedMessage>>,
    last_mask: PerSide<Option<[u8; 4]>>,
}

/// What one engine recorded since it was last asked.
#[derive(Debug, Default)]
pub struct Recording {
    opened: Vec<Opened>,
    ended: Vec<(ConnectionId, Recorded)>,
}

/// An engine's sink that records connections.
#[derive(Debug, Default)]
pub struct Recorder {
    open: HashMap<ConnectionId, Open>,
    /// Those that ended while their flow goes on, by flow.
    waiting: HashMap<u64, Vec<(ConnectionId, Recorded)>>,
    kept: usize,
    part: Recording,
}

impl Recorder {
    /// Exchanges what was recorded for an empty part.
    pub fn exchange(&mut self, part: &mut Recording) {
        part.opened.clear();
        part.ended.clear();
        std::mem::swap(part, &mut self.part);
    }
}

impl Sink for Recorder {
    fn needs(&self) -> Needs {
        Needs::MESSAGES | Needs::DIGEST | Needs::FLOWS
    }

    fn opened(&mut self, connection: &Connection) {
        self.part.opened.push(Opened::of(connection));
        self.open.insert(connection.id, Open::default());
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        if let Some(open) = self.open.get_mut(&connection.id) {
            open.last_mask[event.from] = event.frame.header.masking_key;
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let Some(open) = self.open.get_mut(&connection.id) else {
            return;
        };
        let mask = open.last_mask[event.from];
        let messages = &mut open.messages[event.from];
        if messages.len() >= KEPT || self.kept >= KEPT_IN_ALL {
            return;
        }
        self.kept += 1;
        let message = event.message;
        let half = |digest: [u8; 32]| digest.first_chunk().copied();
        messages.push(RecordedMessage {
            kind: message.kind,
            time: event.at.time,
            packet: event.at.packet,
            digest: message.sha256.and_then(half),
            length: message.length,
            wire: message.wire_length,
            frames: message.frame_count,
            compressed: message.compressed,
            mask,
        });
    }

    fn closed(&mut self, connection: &Connection, _at: Moment) {
        if let Some(open) = self.open.remove(&connection.id) {
            let recorded = Recorded::of(connection, open.messages);
            let waiting = self.waiting.entry(connection.flow).or_default();
            waiting.push((connection.id, recorded));
        }
    }

    fn flow_closed(&mut self, flow: FlowSummary) {
        for (id, mut recorded) in self.waiting.remove(&flow.serial).unwrap_or_default() {
            recorded.end(&flow);
            self.part.ended.push((id, recorded));
        }
    }
}

/// All connections of a capture, numbered.
#[derive(Debug, Default)]
pub struct Records {
    numbers: Numbering,
    /// The connections, once [`Records::finish`] was called in the order of their numbers.
    pub connections: Vec<Recorded>,
    /// Connections beyond those kept.
    pub left_out: u64,
}

impl Records {
    /// Takes the parts of one batch, one an engine.
    pub fn take<'a>(&mut self, parts: impl IntoIterator<Item = &'a mut Recording>) {
        let parts: Vec<_> = parts.into_iter().collect();
        let opened = parts.iter().map(|part| &part.opened[..]);
        self.numbers.number(opened);
        let mut ended = Vec::new();
        for (engine, part) in parts.into_iter().enumerate() {
            for (id, mut recorded) in part.ended.drain(..) {
                recorded.number = self.numbers.end(engine, id).unwrap_or_default();
                ended.push(recorded);
            }
        }
        // Which ones are left out does not depend on how many engines there are.
        ended.sort_by_key(|recorded| recorded.number);
        let room = CONNECTIONS - self.connections.len();
        self.left_out += ended.len().saturating_sub(room) as u64;
        self.connections.extend(ended.into_iter().take(room));
    }

    /// Sorts the connections by their numbers.
    pub fn finish(&mut self) {
        self.connections.sort_by_key(|recorded| recorded.number);
    }
}
