//! Records as the events they came from, through the door they came by: a [`Sink`] receives from the store what it would
//! have received from the engine, so that nobody can tell where a row comes from.
//!
//! It is no second analysis: of a message that lies in packets the bytes are read again, what was inflated or decrypted was
//! kept. Invariant: within the limits, and once the capture is read, a row that is replayed equals the row as it happened.

use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::base::{Needs, PacketNumber, Span};
use crate::engine::{Connection, FindingEvent, FrameEvent, Handshake, MessageEvent, Moment, Sink};
use crate::payload::{Conversation, Decoded};
use crate::websocket::{Message, MessageKind, close, mask};

use super::index::{Entry, Store};
use super::pending::{PendingRows, Waits};
use super::record::{FindingRecord, FrameRecord, MessageRecord};
use super::row::Row;

/// What a message's bytes are read for.
const BYTES: Needs = Needs::PAYLOAD
    .with(Needs::MESSAGES)
    .with(Needs::INFLATED)
    .with(Needs::DIGEST)
    .with(Needs::DECODED);
/// What frames wait for their messages for.
const BYTES_OF_MESSAGES: Needs = Needs::MESSAGES
    .with(Needs::INFLATED)
    .with(Needs::DIGEST)
    .with(Needs::DECODED);
/// Bytes digested at once.
const DIGESTED: usize = 1 << 20;

impl Store {
    /// Emits a frame, the message it completes, and the findings about both; the latter two and bytes as far as `needs`
    /// says. `None` when there is no such frame.
    pub fn replay_frame(&self, index: u32, needs: Needs, sink: &mut impl Sink) -> Option<()> {
        let record = self.frame(index)?;
        let connection = &*self.connection(record.connection)?.connection;
        self.emit_frame(index, &record, needs, connection, sink);
        let number = Some(record.number.into());
        if needs.any(BYTES_OF_MESSAGES)
            && record.message > 0
            && let Some(at) = self.message_of(record.connection, record.message.into())
            && let Some(message) = self.message(at)
        {
            self.emit_message(&message, needs, connection, sink);
        }
        if needs.has(Needs::FINDINGS) && record.has_finding() {
            let found = self.found(record.connection, record.packet());
            for finding in found.filter(|finding| finding.frame == number) {
                emit_finding(finding, Some(connection), sink);
            }
        }
        sink.settled(connection);
        Some(())
    }

    /// Emits a message and the findings about it.
    pub fn replay_message(&self, index: u32, needs: Needs, sink: &mut impl Sink) -> Option<()> {
        let record = self.message(index)?;
        let connection = &*self.connection(record.connection)?.connection;
        self.emit_message(&record, needs, connection, sink);
        if needs.has(Needs::FINDINGS) && record.has_finding {
            let number = Some(record.number.into());
            let found = self.found(record.connection, record.packet);
            for finding in found.filter(|finding| finding.message == number) {
                emit_finding(finding, Some(connection), sink);
            }
        }
        sink.settled(connection);
        Some(())
    }

    /// Emits a finding.
    pub fn replay_finding(&self, index: u32, sink: &mut impl Sink) -> Option<()> {
        let record = self.findings().get(index as usize)?;
        let entry = record.connection.and_then(|at| self.connection(at));
        let connection = entry.map(|entry| &*entry.connection);
        let then = connection.filter(|_| record.is_early).map(before_outcome);
        emit_finding(record, then.as_ref().or(connection), sink);
        Some(())
    }

    /// Emits the end of a connection, or how far it is.
    pub fn replay_connection(&self, index: u32, sink: &mut impl Sink) -> Option<()> {
        let entry = self.connection(index)?;
        sink.closed(&entry.connection, entry.moment());
        Some(())
    }

    /// Calls `each` with the row of a frame, with what `needs` asks for.
    pub fn with_frame<R>(
        &self,
        index: u32,
        needs: Needs,
        each: impl FnOnce(Row<'_>) -> R,
    ) -> Option<R> {
        let mut one = One::new(needs, each);
        one.is_frame = true;
        self.replay_frame(index, needs, &mut one)?;
        one.answer
    }

    /// Calls `each` with the row of a message, with what `needs` asks for.
    pub fn with_message<R>(
        &self,
        index: u32,
        needs: Needs,
        each: impl FnOnce(Row<'_>) -> R,
    ) -> Option<R> {
        let mut one = One::new(needs, each);
        self.replay_message(index, needs, &mut one)?;
        one.answer
    }

    fn emit_frame(
        &self,
        index: u32,
        record: &FrameRecord,
        needs: Needs,
        connection: &Connection,
        sink: &mut impl Sink,
    ) {
        let raw = needs
            .any(Needs::PAYLOAD | Needs::MESSAGES)
            .then(|| self.raw_payload(index, self.limits.kept_payload))
            .flatten();
        let Some(frame) = self.frame_view(index, raw.as_deref()) else {
            return;
        };
        let mut packets: SmallVec<[PacketNumber; 1]> = SmallVec::new();
        match needs.has(Needs::EXTENTS) {
            true => packets.extend(self.packets_of(index)),
            false => packets.push(record.packet()),
        }
        let event = FrameEvent {
            frame: &frame,
            number: record.number.into(),
            from: record.from(),
            at: Moment {
                packet: record.packet(),
                time: record.time(),
                turn: 0,
            },
            packets: &packets,
            text: None,
            has_finding: false,
            message: (record.message > 0).then_some(record.message.into()),
        };
        sink.frame(&event, connection);
    }

    /// The packets a frame came in, in stream order, each once; where that is not known, the one that completed it.
    #[must_use]
    pub fn packets_of(&self, index: u32) -> Vec<PacketNumber> {
        let Some(record) = self.frame(index) else {
            return Vec::new();
        };
        let span = self.frame_span(index);
        let mut packets: Vec<_> = self
            .provenance(record.connection, record.from(), span)
            .iter()
            .map(|extent| extent.packet)
            .collect();
        packets.dedup();
        if packets.is_empty() {
            packets.push(record.packet());
        }
        packets
    }

    fn emit_message(
        &self,
        record: &MessageRecord,
        needs: Needs,
        connection: &Connection,
        sink: &mut impl Sink,
    ) {
        let seen = match needs.any(BYTES) {
            true => self.seen(record),
            false => Seen::default(),
        };
        let message = self.message_seen(record, needs, &seen);
        if !needs.has(Needs::DECODED) {
            return self.emit_decoded(record, &message, (None, None), connection, sink);
        }
        self.with_decoded(record, &message, |decoded, state| {
            self.emit_decoded(record, &message, (decoded, state), connection, sink);
        });
    }

    /// Calls `each` with a message as the engine saw it.
    pub(super) fn with_seen(&self, record: &MessageRecord, each: impl FnOnce(&Message<'_>)) {
        let seen = self.seen(record);
        each(&self.message_seen(record, Needs::MESSAGES, &seen));
    }

    fn message_seen<'s>(
        &self,
        record: &MessageRecord,
        needs: Needs,
        seen: &'s Seen,
    ) -> Message<'s> {
        let beginning = &*seen.beginning;
        let closes = self.framing(record.connection).closes_with_code();
        Message {
            kind: record.kind,
            compressed: record.compressed,
            wire_length: record.wire_length,
            length: record.length,
            complete: record.complete,
            valid_utf8: record.valid_utf8,
            data: seen.is_data.then_some(beginning),
            beginning,
            truncated: seen.is_truncated,
            sha256: needs
                .has(Needs::DIGEST)
                .then(|| self.sha256(record, seen))
                .flatten(),
            close: (record.kind == MessageKind::Close && closes).then(|| close::body(beginning)),
            span: self.message_span(record, needs),
            frame_count: record.frame_count.into(),
            fragments: &[],
        }
    }

    fn emit_decoded(
        &self,
        record: &MessageRecord,
        message: &Message<'_>,
        (decoded, conversation): (Option<&Decoded<'_>>, Option<&Conversation>),
        connection: &Connection,
        sink: &mut impl Sink,
    ) {
        let event = MessageEvent {
            message,
            number: record.number.into(),
            from: record.from,
            at: Moment {
                packet: record.packet,
                time: record.time,
                turn: 0,
            },
            frames: &self.numbers_of(record),
            round_trip: record.round_trip,
            decoded,
            conversation,
            has_finding: false,
        };
        sink.message(&event, connection);
    }

    /// The numbers of a message's frames.
    fn numbers_of(&self, record: &MessageRecord) -> SmallVec<[u64; 1]> {
        if record.frame_count == 1 {
            return SmallVec::from_elem(record.first_frame.into(), 1);
        }
        self.frames_of(record)
            .filter_map(|index| self.frame(index))
            .map(|frame| frame.number.into())
            .collect()
    }

    fn message_span(&self, record: &MessageRecord, needs: Needs) -> Span {
        if !needs.has(Needs::EXTENTS) {
            return Span::default();
        }
        let mut spans = self.frames_of(record).map(|index| self.frame_span(index));
        let first = spans.next().unwrap_or_default();
        Span::new(first.start, spans.last().unwrap_or(first).end)
    }

    /// What the engine would have kept of a message.
    fn seen(&self, record: &MessageRecord) -> Seen {
        let most = self.limits.kept_payload;
        let Some(mut beginning) = self.message_data(record, most.saturating_add(1)) else {
            return Seen::default();
        };
        match record.kept {
            Some(kept) => Seen {
                beginning,
                is_data: record.has_data,
                is_truncated: kept.truncated,
            },
            None => {
                let is_truncated = beginning.len() > most;
                beginning.truncate(most);
                Seen {
                    beginning,
                    is_data: record.has_data && !is_truncated,
                    is_truncated,
                }
            }
        }
    }

    /// The digest of a message all of which was seen.
    fn sha256(&self, record: &MessageRecord, seen: &Seen) -> Option<[u8; 32]> {
        if !record.complete || record.length.is_none() {
            return None;
        }
        if seen.is_data {
            return Some(Sha256::digest(&seen.beginning).into());
        }
        if !seen.is_truncated {
            return None;
        }
        if record.keeps_digest() {
            return self.kept_digest(record.kept?);
        }
        let mut digest = Sha256::new();
        for index in self.parts_of(record) {
            let frame = self.frame(index)?;
            let header = frame.header(self.odd(index));
            let (mut at, span) = (0, self.frame_span(index));
            let payload = Span::new(span.start + u64::from(header.header_length), span.end);
            while at < payload.len() {
                let rest = Span::new(payload.start + at, payload.end);
                let mut bytes = self.stream(frame.connection, frame.from(), rest, DIGESTED);
                if bytes.is_empty() {
                    return None;
                }
                if let Some(key) = header.masking_key {
                    mask::unmask(&mut bytes, key, at);
                }
                digest.update(&bytes);
                at += bytes.len() as u64;
            }
        }
        Some(digest.finalize().into())
    }

    /// Findings of a connection made at a packet.
    fn found(
        &self,
        connection: u32,
        packet: PacketNumber,
    ) -> impl Iterator<Item = &FindingRecord> + use<'_> {
        let all = self.findings();
        let own = self
            .connection(connection)
            .map_or(&[][..], |entry| &entry.findings);
        let record = |at: &u32| all.get(*at as usize);
        let first = own.partition_point(|at| record(at).is_some_and(|of| of.packet < packet));
        own[first..]
            .iter()
            .filter_map(move |at| all.get(*at as usize))
            .take_while(move |record| record.packet == packet)
    }
}

impl Entry {
    /// When it ended, or when its last frame came.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.ended.unwrap_or(Moment {
            packet: self.connection.first_packet,
            time: self.last,
            turn: 0,
        })
    }
}

/// A connection as it was before the outcome of its handshake was known.
fn before_outcome(connection: &Connection) -> Connection {
    let mut then = connection.clone();
    if let Some(handshake) = &mut then.handshake {
        **handshake = Handshake {
            request: handshake.request.take(),
            ..Handshake::default()
        };
    }
    then
}

/// What was kept of a message.
#[derive(Default)]
struct Seen {
    beginning: Vec<u8>,
    /// Whether that is the message as far as it was seen.
    is_data: bool,
    is_truncated: bool,
}

fn emit_finding(record: &FindingRecord, connection: Option<&Connection>, sink: &mut impl Sink) {
    let event = FindingEvent {
        finding: &record.finding,
        from: record.from,
        at: Moment {
            packet: record.packet,
            time: record.time,
            turn: 0,
        },
        frame: record.frame,
        message: record.message,
    };
    sink.finding(&event, connection);
}

/// Asks something of one row.
struct One<F, R> {
    is_frame: bool,
    pending: PendingRows,
    each: Option<F>,
    answer: Option<R>,
}

impl<R, F: FnOnce(Row<'_>) -> R> One<F, R> {
    fn new(needs: Needs, each: F) -> Self {
        Self {
            is_frame: false,
            pending: PendingRows::new(Waits {
                text: needs.has(Needs::MESSAGES),
                findings: needs.has(Needs::FINDINGS),
            }),
            each: Some(each),
            answer: None,
        }
    }

    fn row(&mut self, row: Row<'_>) {
        let is_it = match row {
            Row::Frame(..) => self.is_frame,
            Row::Message(..) => !self.is_frame,
            Row::Finding(..) | Row::Connection(..) => false,
        };
        if is_it && let Some(each) = self.each.take() {
            self.answer = Some(each(row));
        }
    }
}

impl<R, F: FnOnce(Row<'_>) -> R> Sink for One<F, R> {
    fn needs(&self) -> Needs {
        Needs::HEADERS
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        if !self.pending.keeps_frame(event) {
            self.row(Row::Frame(event, connection));
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        if self.pending.keeps_message(event) {
            return;
        }
        if let Some(waiting) = self.pending.settle() {
            waiting.emit(Some(event), connection, &mut |row| self.row(row));
        }
        self.row(Row::Message(event, connection));
    }

    fn finding(&mut self, event: &FindingEvent<'_>, _: Option<&Connection>) {
        self.pending.keeps_finding(event);
    }

    fn settled(&mut self, connection: &Connection) {
        if let Some(waiting) = self.pending.settle() {
            waiting.emit(None, connection, &mut |row| self.row(row));
        }
    }
}
