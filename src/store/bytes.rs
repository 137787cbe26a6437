//! The bytes of any record, read again when somebody looks.

use crate::base::{Extent, LinkType, PacketNumber, Side, Span, Timestamp};
use crate::websocket::handshake::Framing;
use crate::websocket::{Frame, FrameHeader, MAX_HEADER_LEN, MessageKind, Opcode, Part, mask};

use super::index::Store;
use super::record::{Kept, MessageRecord, PacketEntry, small};

/// Extents looked at for one request; of a message in more packets only the first are named.
const MOST_EXTENTS: usize = 1 << 16;

/// What was captured and cannot be had any more; with the bytes before it.
pub(super) struct Gone(pub(super) Vec<u8>);

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
        self.tcp_bytes(connection, side, span, max)
            .unwrap_or_else(|Gone(bytes)| bytes)
    }

    /// The same; what was captured and cannot be had any more is told from what was not.
    pub(super) fn tcp_bytes(
        &self,
        connection: u32,
        side: Side,
        span: Span,
        max: usize,
    ) -> Result<Vec<u8>, Gone> {
        let mut out = Vec::new();
        let end = span.end.min(span.start.saturating_add(max as u64));
        let span = Span::new(span.start, end);
        let Some(extents) = self.extents(connection, side) else {
            return Ok(out);
        };
        let first = extents.partition_point(|entry| entry.span().end <= span.start);
        let mut bytes = Vec::new();
        for entry in extents.from(first) {
            let extent = entry.extent();
            let reached = span.start + out.len() as u64;
            let wanted = extent.span().intersection(Span::new(reached, span.end));
            if wanted.start != reached || wanted.is_empty() {
                break;
            }
            let run = match extent.packet_offset {
                Some(offset) => {
                    let within = wanted.start - extent.stream_offset + u64::from(offset);
                    self.read_packet(connection, extent.packet, &mut bytes)
                        .and_then(|()| bytes.get(within as usize..(within + wanted.len()) as usize))
                }
                None => self
                    .read_loose(connection, side, wanted, &mut bytes)
                    .map(|()| &bytes[..]),
            };
            match run {
                Some(run) => out.extend_from_slice(run),
                None => return Err(Gone(out)),
            }
        }
        Ok(out)
    }

    /// Bytes that lie in no packet as they are.
    fn read_loose(&self, connection: u32, side: Side, span: Span, out: &mut Vec<u8>) -> Option<()> {
        let (flow, end) = self.end_of(connection, side)?;
        let kept = flow.inside.as_ref()?.loose(end, span.start)?;
        *out = self.read_kept(kept, span.len() as usize)?;
        (out.len() as u64 == span.len()).then_some(())
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

    /// The first `max` payload bytes of a frame up to the first one missing, as they were sent; `None` when they were
    /// captured and cannot be had any more.
    pub(super) fn raw_payload(&self, index: u32, max: usize) -> Option<Vec<u8>> {
        let frame = self.frame(index)?;
        let header = frame.header(self.odd(index));
        let span = self.frame_span(index);
        let payload = Span::new(span.start + u64::from(header.header_length), span.end);
        match self.bytes_of(frame.connection, frame.from(), payload, max) {
            Ok(bytes) => Some(bytes),
            Err(Gone(bytes)) => (!bytes.is_empty()).then_some(bytes),
        }
    }

    /// The same, unmasked.
    #[must_use]
    pub fn payload(&self, index: u32, max: usize) -> Option<Vec<u8>> {
        let mut bytes = self.raw_payload(index, max)?;
        let key = self.frame(index)?.header(self.odd(index)).masking_key;
        if let Some(key) = key {
            mask::unmask(&mut bytes, key, 0);
        }
        Some(bytes)
    }

    /// The header's bytes as they were sent; of a draft's frame they are read again, for only what they mean is kept.
    #[must_use]
    pub fn header_bytes(&self, index: u32) -> Vec<u8> {
        let Some(record) = self.frame(index) else {
            return Vec::new();
        };
        let header = record.header(self.odd(index));
        if self.framing(record.connection) == Framing::Rfc6455 {
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            return bytes;
        }
        let len = usize::from(header.header_length);
        let span = Span::at(record.stream_offset(), header.header_length.into());
        self.stream(record.connection, record.from(), span, len)
    }

    /// How the frames of a connection lie in the bytes.
    #[must_use]
    pub fn framing(&self, connection: u32) -> Framing {
        let entry = self.connection(connection);
        let shake = entry.and_then(|entry| entry.connection.handshake.as_ref());
        shake.map_or(Framing::Rfc6455, |shake| shake.negotiated.framing)
    }

    /// The first bytes of a message as it crossed the wire, unmasked and put together, up to the first one missing.
    #[must_use]
    pub fn message_wire(&self, message: &MessageRecord, max: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for frame in self.parts_of(message) {
            let room = max.saturating_sub(out.len());
            if room == 0 {
                break;
            }
            let declared = self.payload_len(frame);
            let mut payload = self.payload(frame, room)?;
            let is_short = (payload.len() as u64) < declared.min(room as u64);
            out.append(&mut payload);
            if is_short {
                break;
            }
        }
        Some(out)
    }

    /// The first bytes of a message, unmasked, put together and inflated, up to the first one missing.
    #[must_use]
    pub fn message_data(&self, message: &MessageRecord, max: usize) -> Option<Vec<u8>> {
        match message.kept {
            Some(kept) => self.read_kept(kept, max),
            None if message.compressed => None,
            None => self.message_wire(message, max),
        }
    }

    /// The declared length of a frame's payload.
    pub(super) fn payload_len(&self, index: u32) -> u64 {
        let frame = self.frame(index);
        frame.map_or(0, |frame| frame.header(self.odd(index)).payload_length)
    }

    /// The indices of a message's frames, of those that it lists.
    pub fn frames_of(&self, message: &MessageRecord) -> impl Iterator<Item = u32> + use<'_> {
        let last = message.last_frame;
        self.parts_of(message)
            .take_while(move |index| self.frame(*index).is_some_and(|frame| frame.number <= last))
    }

    /// The indices of all frames of a message: more than the limit are counted, not listed.
    pub(super) fn parts_of(&self, message: &MessageRecord) -> impl Iterator<Item = u32> + use<'_> {
        let (connection, from, first) = (message.connection, message.from, message.first_frame);
        let is_control = !matches!(message.kind, MessageKind::Text | MessageKind::Binary);
        let entry = self.connection(connection);
        let last = entry.map_or(0, |entry| small(entry.frames.len() as u64));
        let mut is_over = false;
        (first..=last)
            .filter_map(move |number| self.frame_of(connection, number.into()))
            .filter_map(move |index| Some((index, self.frame(index)?)))
            .filter(move |(_, frame)| {
                frame.from() == from
                    && frame.part() != Part::None
                    && frame.opcode().is_control() == is_control
            })
            .take_while(move |(_, frame)| {
                let continues = frame.number == first || frame.opcode() == Opcode::Continuation;
                let was_over = is_over;
                is_over = frame.part() == Part::Last;
                continues && !was_over
            })
            .map(|(index, _)| index)
            .take(message.frame_count as usize)
    }

    /// The digest behind what is kept of a message.
    pub(super) fn kept_digest(&self, kept: Kept) -> Option<[u8; 32]> {
        let mut digest = [0; 32];
        let at = kept.at + u64::from(kept.len);
        self.kept.read_at(at, &mut digest)?;
        Some(digest)
    }

    pub(super) fn read_kept(&self, kept: Kept, max: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; (kept.len as usize).min(max)];
        self.kept.read_at(kept.at, &mut out)?;
        Some(out)
    }

    /// A frame as the engine emitted it; `raw` is its payload, masked as it was.
    #[must_use]
    pub(super) fn frame_view<'a>(&self, index: u32, raw: Option<&'a [u8]>) -> Option<Frame<'a>> {
        let frame = self.frame(index)?;
        let odd = self.odd(index);
        let header: FrameHeader = frame.header(odd);
        Some(Frame {
            header,
            // Its number in the connection; that in its side's stream is not kept.
            index: u64::from(frame.number),
            stream_offset: frame.stream_offset(),
            captured_length: odd.map_or(header.payload_length, |odd| odd.captured),
            part: frame.part(),
            compressed: frame.is_compressed(),
            raw,
            draft_header: self.draft_header(index, frame.connection),
        })
    }

    fn draft_header(&self, index: u32, connection: u32) -> Option<[u8; MAX_HEADER_LEN]> {
        if self.framing(connection) == Framing::Rfc6455 {
            return None;
        }
        let mut header = [0; MAX_HEADER_LEN];
        for (to, byte) in header.iter_mut().zip(self.header_bytes(index)) {
            *to = byte;
        }
        Some(header)
    }
}
