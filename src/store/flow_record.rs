//! What is kept of one flow: its packets, its two streams, and the streams inside them.
//!
//! ```text
//!   WebSocket's stream ──(HTTP/2 DATA)──► plaintext ──(TLS records)──► TCP stream ──(extents)──► packets
//! ```
//!
//! Every step is optional; a position in one stream resolves to spans of the one below.

use std::collections::HashMap;

use crate::base::Span;
use crate::flow::End;

use super::packed::Packed;
use super::record::{ExtentEntry, Kept, PacketEntry, PlainEntry, StreamEntry};

/// Packets and streams of a flow.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) packets: Packed<PacketEntry>,
    pub(super) extents: [Packed<ExtentEntry>; 2],
    /// What was decrypted, or came over HTTP/2.
    pub(super) inside: Option<Box<Inside>>,
}

impl Flow {
    pub(super) fn inside(&mut self) -> &mut Inside {
        self.inside.get_or_insert_default()
    }

    /// No more comes of it.
    pub(super) fn shrink(&mut self) {
        self.packets.shrink();
        self.extents.iter_mut().for_each(Packed::shrink);
    }

    pub(super) fn memory(&self) -> usize {
        let extents: usize = self.extents.iter().map(Packed::memory).sum();
        self.packets.memory() + extents + self.inside.as_ref().map_or(0, |inside| inside.memory())
    }
}

/// Runs looked at for one request; what lies in more is shown in part.
const MOST_RUNS: usize = 1 << 16;

/// What is inside the TCP streams of a flow.
#[derive(Debug, Default)]
pub(super) struct Inside {
    /// By end, the outermost layer of TLS first.
    plain: [Vec<Packed<PlainEntry>>; 2],
    /// By end, bytes of the TCP stream that lie in no packet as they are: out of IP fragments.
    loose: [Packed<PlainEntry>; 2],
    streams: HashMap<(u8, u32), Packed<StreamEntry>>,
}

impl Inside {
    /// What an end sent in a layer of TLS, from 1; with 0, what it sent in no packet as it is.
    pub(super) fn plain(&mut self, end: End, layer: u8) -> &mut Packed<PlainEntry> {
        let layers = &mut self.plain[end as usize];
        let Some(at) = usize::from(layer).checked_sub(1) else {
            return &mut self.loose[end as usize];
        };
        if layers.len() <= at {
            layers.resize_with(at + 1, Packed::default);
        }
        &mut layers[at]
    }

    /// What an end sent on a stream of HTTP/2.
    pub(super) fn stream(&mut self, end: End, stream: u32) -> &mut Packed<StreamEntry> {
        self.streams.entry((end as u8, stream)).or_default()
    }

    pub(super) fn memory(&self) -> usize {
        let plain = self.plain.iter().flatten().chain(&self.loose);
        let plain = plain.map(Packed::memory);
        let streams = self.streams.values().map(Packed::memory);
        plain.sum::<usize>() + streams.sum::<usize>()
    }

    /// Where a span of a stream of HTTP/2 lies in what the end sent on the connection: positions in the stream, and spans.
    pub(super) fn in_http2(&self, end: End, stream: u32, span: Span) -> Vec<(u64, Span)> {
        let Some(data) = self.streams.get(&(end as u8, stream)) else {
            return Vec::new();
        };
        let first = data.partition_point(|run| run.offset.saturating_add(run.len) <= span.start);
        data.from(first)
            .take(MOST_RUNS)
            .take_while(|run| run.offset < span.end)
            .filter_map(|run| {
                let part = Span::at(run.offset, run.len).intersection(span);
                let at = run.at.saturating_add(part.start.saturating_sub(run.offset));
                (!part.is_empty()).then(|| (part.start, Span::at(at, part.len())))
            })
            .collect()
    }

    /// Whether anything that an end sent was decrypted.
    pub(super) fn is_decrypted(&self, end: End) -> bool {
        !self.plain[end as usize].is_empty()
    }

    /// The records that held a span of what an end sent in the innermost layer of TLS.
    pub(super) fn innermost_runs(
        &self,
        end: End,
        span: Span,
    ) -> impl Iterator<Item = PlainEntry> + use<'_> {
        self.runs(end, self.plain[end as usize].len().saturating_sub(1), span)
    }

    /// The records that held a span of what an end sent in a layer of TLS.
    fn runs(
        &self,
        end: End,
        layer: usize,
        span: Span,
    ) -> impl Iterator<Item = PlainEntry> + use<'_> {
        let plain = self.plain[end as usize].get(layer);
        let reaches = move |run: PlainEntry| run.offset.saturating_add(run.len.into()) > span.start;
        let first = plain.map_or(0, |plain| plain.partition_point(|run| !reaches(run)));
        plain
            .into_iter()
            .flat_map(move |plain| plain.from(first))
            .take(MOST_RUNS)
            .take_while(move |run| run.offset < span.end)
    }

    /// Where a byte of the TCP stream is kept that lies in no packet as it is, and how many from there on.
    pub(super) fn loose(&self, end: End, at: u64) -> Option<Kept> {
        let loose = &self.loose[end as usize];
        let reaches = |run: PlainEntry| run.offset.saturating_add(run.len.into()) > at;
        let run = loose.get(loose.partition_point(|run| !reaches(run)))?;
        let passed = at.checked_sub(run.offset)?;
        Some(Kept {
            at: run.at.saturating_add(passed),
            len: run.len.saturating_sub(passed as u32),
            truncated: false,
        })
    }

    /// The spans of the TCP stream that hold the records of a span of the innermost plaintext.
    pub(super) fn in_tcp(&self, end: End, span: Span) -> Vec<Span> {
        let mut spans = vec![span];
        for layer in (0..self.plain[end as usize].len()).rev() {
            let mut below = Vec::new();
            for span in spans {
                let runs = self.runs(end, layer, span);
                below.extend(runs.map(|run| Span::at(run.record, run.record_len.into())));
            }
            below.dedup();
            below.truncate(MOST_RUNS);
            spans = below;
        }
        spans
    }
}
