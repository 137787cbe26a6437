//! The bytes of a packet, each with what it is.

use std::ops::Range;

use crate::base::{Limits, PacketNumber, Side, Span};
use crate::store::{Packet, Store};
use crate::wire::Walker;

use super::block::{Block, ByteKind, Part};
use super::input::ReportInput;

/// Bytes shown of one packet.
const MOST: usize = 768;

/// A packet, folded; nothing when its bytes are not kept.
pub(super) fn bytes(
    input: &ReportInput<'_>,
    connection: Option<u32>,
    number: PacketNumber,
) -> Option<Block> {
    let store = input.store;
    let packet = match connection {
        Some(index) => store.packet(index, number)?,
        None => {
            let (flow, at) = store.flow_with(number)?;
            store.read(&store.flow_packet(flow, at)?)?
        }
    };
    let mut kinds = kinds(&packet, input.redact);
    if let Some(index) = connection {
        for range in frame_headers(store, index, number) {
            if let Some(header) = kinds.get_mut(range) {
                header.fill(ByteKind::FrameHeader);
            }
        }
    }
    let all = packet.bytes.len();
    let shown = all.min(MOST);
    kinds.truncate(shown);
    let cut = match all > shown {
        true => format!(", the first {shown}"),
        false => String::new(),
    };
    let masked = match input.redact {
        true => "; payload is masked but for the headers of frames",
        false => "",
    };
    let line = format!("Bytes of packet {number}: {all} captured{cut}{masked}");
    Some(Block::Fold {
        id: None,
        line: vec![Part::Text(line)],
        blocks: vec![Block::Dump {
            bytes: packet.bytes[..shown].to_vec(),
            kinds,
        }],
    })
}

fn kinds(packet: &Packet, redact: bool) -> Vec<ByteKind> {
    let mut walker = Walker::new(&Limits::default());
    let walked = walker.segment(packet.link, packet.time, &packet.bytes, packet.original);
    let payload = match &walked {
        Ok(walked) => walked.segment().payload.start as usize,
        // What was not understood may hold anything.
        Err(_) if redact => 0,
        Err(_) => packet.bytes.len(),
    };
    let kind = match redact {
        true => ByteKind::Masked,
        false => ByteKind::Payload,
    };
    let mut kinds = vec![ByteKind::Lower; packet.bytes.len()];
    if let Some(rest) = kinds.get_mut(payload..) {
        rest.fill(kind);
    }
    kinds
}

/// Where the headers of the frames that a packet completed lie in it; nothing where TLS or HTTP/2 is around them.
fn frame_headers(store: &Store, connection: u32, number: PacketNumber) -> Vec<Range<usize>> {
    let Some(entry) = store.connection(connection) else {
        return Vec::new();
    };
    if entry.connection.is_encrypted || entry.connection.stream.is_some() {
        return Vec::new();
    }
    let mut ranges = Vec::new();
    for at in store.frames_in_packet(connection, number) {
        let Some((index, record)) = entry
            .frames
            .get(at)
            .and_then(|index| Some((index, store.frame(index)?)))
        else {
            continue;
        };
        let header = record.header(store.odd(index));
        let span = Span::at(record.stream_offset(), header.header_length.into());
        ranges.extend(in_packet(store, connection, record.from(), span, number));
    }
    ranges
}

fn in_packet(
    store: &Store,
    connection: u32,
    side: Side,
    span: Span,
    number: PacketNumber,
) -> Vec<Range<usize>> {
    let extents = store.tcp_provenance(connection, side, span);
    let own = extents.iter().filter(|extent| extent.packet == number);
    own.filter_map(|extent| {
        let part = extent.span().intersection(span);
        let start = part.start - extent.stream_offset + u64::from(extent.packet_offset?);
        let start = usize::try_from(start).ok()?;
        Some(start..start + part.len() as usize)
    })
    .collect()
}
