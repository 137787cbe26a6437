//! The bytes of any record, read again when somebody looks.

use crate::base::{Extent, LinkType, PacketNumber, Side, Span, Timestamp};
use crate::websocket::{Frame, FrameHeader, mask};

use super::index::Store;
use super::record::{Kept, MessageRecord, PacketEntry};

/// Extents looked at for one request; a message in more packets than that is shown in part.
const MOST_EXTENTS: usize = 1 << 16;

/// A packet with its bytes.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Its number.
    pub number: PacketNumber,
    /// When it was captured.
    pub time: Timestamp,
    /// What its bytes begin with.
    pub link: LinkType,
    /// How many bytes it had.
    pub original: u32,
    /// Those captured.
    pub bytes: Vec<u8>,
}

impl Store {
    /// A packet of this connection's flow; `None` when it is no longer kept.
    #[must_use]
    pub fn packet(&self, connection: u32, number: PacketNumber) -> Option<Packet> {
        self.read(&self.packet_entry(connection, number)?)
    }

    /// The packet of an entry; `None` when it is no longer kept.
    #[must_use]
    pub fn read(&self, entry: &PacketEntry) -> Option<Packet> {
        let mut bytes = Vec::new();
        self.source
            .as_ref()?
            .read_at(entry.position(), entry.captured() as usize, &mut bytes)
            .ok()?;
        Some(Packet {
            number: entry.number(),
            time: entry.time(),
            link: self.link(entry),
            original: entry.original(),
            bytes,
        })
    }

    /// The runs of packets that carried these bytes of a side's stream, in stream order: themselves, or the TLS records
    /// that held them.
    #[must_use]
    pub fn provenance(&self, connection: u32, side: Side, span: Span) -> Vec<Extent> {
        let spans = self.beneath(connection, side, span);
        spans
            .into_iter()
            .flat_map(|span| self.tcp_provenance(connection, side, span))
            .collect()
    }

    /// The runs of packets that carried these bytes of a side's TCP stream, in stream order.
    #[must_use]
    pub fn tcp_provenance(&self, connection: u32, side: Side, span: Span) -> Vec<Extent> {
        let Some(extents) = self.extents(connection, side) else {
            return Vec::new();
        };
        let first = extents.partition_point(|entry| entry.span().end <= span.start);
        extents
            .from(first)
            .take(MOST_EXTENTS)
            .map(|entry| entry.extent())
            .take_while(|extent| extent.stream_offset < span.end)
            .filter(|extent| !extent.span().intersection(span).is_empty())
            .collect()
    }

    /// The first bytes of a span of a side's TCP stream, up to the first one missing and at most `max`.
    #[must_use]
    pub fn tcp_stream(&self, connection: u32, side: Side, span: Span, max: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let span = Span::new(
            span.start,
            span.end.min(span.start.saturating_add(max as u64)),
        );
        let mut bytes = Vec::new();
        for extent in self.tcp_provenance(connection, side, span) {
            let wanted = extent.span().intersection(span);
            let reached = span.start + out.len() as u64;
            if wanted.start > reached {
                break;
            }
            let wanted = Span::new(reached, wanted.end);
            let (Some(offset), false) = (extent.packet_offset, wanted.is_empty()) else {
                break;
            };
            let within = wanted.start - extent.stream_offset + u64::from(offset);
            if self
                .read_packet(connection, extent.packet, &mut bytes)
                .is_none()
            {
                break;
            }
            let within = within as usize..(within + wanted.len()) as usize;
            let Some(run) = bytes.get(within) else { break };
            out.extend_from_slice(run);
        }
        out
    }

    fn read_packet(&self, connection: u32, number: PacketNumber, out: &mut Vec<u8>) -> Option<()> {
        let entry = self.packet_entry(connection, number)?;
        self.source
            .as_ref()?
            .read_at(entry.position(), entry.captured() as usize, out)
            .ok()
    }

    /// Where a frame lies in its side's stream, header and seen payload.
    #[must_use]
    pub fn frame_span(&self, index: u32) -> Span {
        let Some(frame) = self.frame(index) else {
            return Span::default();
        };
        let odd = self.odd(index);
        let header = frame.header(odd);
        let captured = odd.map_or(header.payload_length, |odd| odd.captured);
        Span::at(
            frame.stream_offset(),
            u64::from(header.header_length).saturating_add(captured),
        )
    }

    /// The first `max` payload bytes of a frame, unmasked; `None` when they cannot be had.
    #[must_use]
    pub fn payload(&self, index: u32, max: usize) -> Option<Vec<u8>> {
        let frame = self.frame(index)?;
        let header = frame.header(self.odd(index));
        let span = self.frame_span(index);
        let payload = Span::new(span.start + u64::from(header.header_length), span.end);
        let mut bytes = self.stream(frame.connection, frame.from(), payload, max);
        if bytes.is_empty() && !payload.is_empty() {
            return None;
        }
        if let Some(key) = header.masking_key {
            mask::unmask(&mut bytes, key, 0);
        }
        Some(bytes)
    }

    /// The first bytes of a message as it crossed the wire, unmasked and put together.
    #[must_use]
    pub fn message_wire(&self, message: &MessageRecord, max: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for frame in self.frames_of(message) {
            let room = max.saturating_sub(out.len());
            if room == 0 {
                break;
            }
            out.append(&mut self.payload(frame, room)?);
        }
        Some(out)
    }

    /// The first bytes of a message, unmasked, put together and inflated.
    #[must_use]
    pub fn message_data(&self, message: &MessageRecord, max: usize) -> Option<Vec<u8>> {
        match message.kept {
            Some(kept) => self.read_kept(kept, max),
            None if message.compressed => None,
            None => self.message_wire(message, max),
        }
    }

    /// The indices of a message's frames.
    pub fn frames_of(&self, message: &MessageRecord) -> impl Iterator<Item = u32> + use<'_> {
        let (connection, from) = (message.connection, message.from);
        let is_control = message.first_frame == message.last_frame;
        (message.first_frame..=message.last_frame)
            .filter_map(move |number| self.frame_of(connection, number.into()))
            .filter(move |index| {
                self.frame(*index).is_some_and(|frame| {
                    frame.from() == from && (is_control || frame.opcode().is_data())
                })
            })
    }

    pub(super) fn read_kept(&self, kept: Kept, max: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; (kept.len as usize).min(max)];
        self.kept.read_at(kept.at, &mut out)?;
        Some(out)
    }

    /// A frame as the engine told it; `raw` is its payload, masked as it was.
    #[must_use]
    pub fn frame_view<'a>(&self, index: u32, raw: Option<&'a [u8]>) -> Option<Frame<'a>> {
        let frame = self.frame(index)?;
        let odd = self.odd(index);
        let header: FrameHeader = frame.header(odd);
        Some(Frame {
            header,
            index: u64::from(frame.number),
            stream_offset: frame.stream_offset(),
            captured_length: odd.map_or(header.payload_length, |odd| odd.captured),
            completes_message: frame.completes_message(),
            compressed: frame.is_compressed(),
            raw,
            draft_header: None,
        })
    }
}
