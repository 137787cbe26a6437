//! Records as the events they came from, for whatever looks at rows: filters and exports.

use sha2::{Digest, Sha256};

use crate::base::{Needs, PacketNumber, Span};
use crate::engine::{FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::websocket::{Message, MessageKind, close, mask};

use super::index::Store;
use super::row::Row;

/// Payload bytes read of one row.
const MOST: usize = 4 << 20;

impl Store {
    /// Calls `each` with the row of a frame, with what `needs` asks for.
    pub fn with_frame<R>(
        &self,
        index: u32,
        needs: Needs,
        each: impl FnOnce(Row<'_>) -> R,
    ) -> Option<R> {
        let record = self.frame(index)?;
        let connection = &self.connection(record.connection)?.connection;
        let mut raw = None;
        if needs.any(Needs::PAYLOAD | Needs::MESSAGES | Needs::DIGEST) {
            raw = self.payload(index, MOST);
            let key = record.header(self.odd(index)).masking_key;
            if let (Some(bytes), Some(key)) = (&mut raw, key) {
                mask::unmask(bytes, key, 0);
            }
        }
        let frame = self.frame_view(index, raw.as_deref())?;
        let packets: Vec<PacketNumber> = if needs.has(Needs::EXTENTS) {
            self.packets_of(index)
        } else {
            vec![record.packet()]
        };
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
            message: (record.message > 0).then_some(record.message.into()),
        };
        Some(each(Row::Frame(&event, connection)))
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

    /// Calls `each` with the row of a message, with what `needs` asks for.
    pub fn with_message<R>(
        &self,
        index: u32,
        needs: Needs,
        each: impl FnOnce(Row<'_>) -> R,
    ) -> Option<R> {
        let record = self.message(index)?;
        let connection = &self.connection(record.connection)?.connection;
        let wanted = needs.any(Needs::PAYLOAD | Needs::MESSAGES | Needs::DIGEST);
        let data = wanted.then(|| self.message_data(&record, MOST)).flatten();
        let bytes = data.as_deref().unwrap_or_default();
        let is_whole = data.is_some() && record.length == Some(bytes.len() as u64);
        let frames: Vec<u32> = self.frames_of(&record).collect();
        let numbers: Vec<u64> = frames
            .iter()
            .filter_map(|index| self.frame(*index))
            .map(|frame| frame.number.into())
            .collect();
        let first = frames
            .first()
            .map_or(Span::default(), |at| self.frame_span(*at));
        let last = frames.last().map_or(first, |at| self.frame_span(*at));
        let message = Message {
            kind: record.kind,
            compressed: record.compressed,
            wire_length: record.wire_length,
            length: record.length,
            complete: record.complete,
            valid_utf8: record.valid_utf8,
            data: is_whole.then_some(bytes),
            beginning: bytes,
            truncated: data.is_some() && !is_whole && record.complete,
            sha256: (is_whole && needs.has(Needs::DIGEST)).then(|| Sha256::digest(bytes).into()),
            close: (record.kind == MessageKind::Close && data.is_some())
                .then(|| close::body(bytes)),
            span: Span::new(first.start, last.end),
            frame_count: record.frame_count.into(),
            fragments: &[],
        };
        let event = MessageEvent {
            message: &message,
            number: record.number.into(),
            from: record.from,
            at: Moment {
                packet: record.packet,
                time: record.time,
                turn: 0,
            },
            frames: &numbers,
            round_trip: record.round_trip,
            decoded: None,
            conversation: None,
        };
        Some(each(Row::Message(&event, connection)))
    }

    /// Calls `each` with the row of a finding.
    pub fn with_finding<R>(&self, index: u32, each: impl FnOnce(Row<'_>) -> R) -> Option<R> {
        let record = self.findings().get(index as usize)?;
        let connection = record
            .connection
            .and_then(|at| self.connection(at))
            .map(|entry| &*entry.connection);
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
        Some(each(Row::Finding(&event, connection)))
    }
}
