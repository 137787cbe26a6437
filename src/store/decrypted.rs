//! Streams inside streams: what TLS records held, and where the bytes of HTTP/2 streams lie.
//!
//! ```text
//!   WebSocket's stream ──(HTTP/2 DATA)──► plaintext ──(TLS records)──► TCP stream ──(extents)──► packets
//! ```
//!
//! Every step is optional; a position in one stream resolves to spans of the one below.

use std::collections::HashMap;

use crate::base::{Side, Span};
use crate::flow::End;

use super::bytes::Gone;
use super::index::Store;
use super::packed::Packed;
use super::record::{Kept, PlainEntry, StreamEntry};

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
    fn in_http2(&self, end: End, stream: u32, span: Span) -> Vec<(u64, Span)> {
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
    fn in_tcp(&self, end: End, span: Span) -> Vec<Span> {
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

impl Store {
    /// Where a span of a side's stream lies in the innermost plaintext, or in the TCP stream where nothing is encrypted.
    fn carried(&self, connection: u32, side: Side, span: Span) -> Vec<(u64, Span)> {
        let (Some(entry), Some((flow, end))) =
            (self.connection(connection), self.end_of(connection, side))
        else {
            return Vec::new();
        };
        match (entry.connection.stream, &flow.inside) {
            (Some(stream), Some(inside)) => inside.in_http2(end, stream, span),
            (Some(_), None) => Vec::new(),
            (None, _) => vec![(span.start, span)],
        }
    }

    /// The spans of a side's TCP stream that carried a span of its own stream: the same one, or TLS records, or what lies
    /// in frames of HTTP/2.
    #[must_use]
    pub fn beneath(&self, connection: u32, side: Side, span: Span) -> Vec<Span> {
        let carried = self.carried(connection, side, span);
        let carried: Vec<Span> = carried.into_iter().map(|(_, span)| span).collect();
        let Some((flow, end)) = self.end_of(connection, side) else {
            return carried;
        };
        let Some(inside) = &flow.inside else {
            return carried;
        };
        let mut spans: Vec<Span> = carried
            .into_iter()
            .flat_map(|span| inside.in_tcp(end, span))
            .collect();
        spans.dedup();
        spans
    }

    /// Whether a side's stream was decrypted.
    #[must_use]
    pub fn is_decrypted(&self, connection: u32, side: Side) -> bool {
        self.end_of(connection, side)
            .and_then(|(flow, end)| Some(!flow.inside.as_ref()?.plain[end as usize].is_empty()))
            .unwrap_or(false)
    }

    /// The first bytes of a span of a side's stream, inside TLS and HTTP/2, up to the first one missing and at most `max`.
    #[must_use]
    pub fn stream(&self, connection: u32, side: Side, span: Span, max: usize) -> Vec<u8> {
        self.bytes_of(connection, side, span, max)
            .unwrap_or_else(|Gone(bytes)| bytes)
    }

    /// The same; what was captured and cannot be had any more is told from what was not.
    pub(super) fn bytes_of(
        &self,
        connection: u32,
        side: Side,
        span: Span,
        max: usize,
    ) -> Result<Vec<u8>, Gone> {
        let wanted = span.len().min(max as u64);
        let span = Span::at(span.start, wanted);
        let mut out = Vec::new();
        for (at, piece) in self.carried(connection, side, span) {
            if at != span.start + out.len() as u64 {
                break;
            }
            let bytes = match self.end_of(connection, side) {
                Some((flow, end)) if self.is_decrypted(connection, side) => {
                    self.plaintext(flow.inside.as_deref(), end, piece)
                }
                _ => self.tcp_bytes(connection, side, piece, max),
            };
            match bytes {
                Ok(bytes) => out.extend(bytes),
                Err(Gone(bytes)) => {
                    out.extend(bytes);
                    return Err(Gone(out));
                }
            }
        }
        Ok(out)
    }

    /// Bytes of the innermost plaintext, up to the first one missing.
    fn plaintext(&self, inside: Option<&Inside>, end: End, span: Span) -> Result<Vec<u8>, Gone> {
        let mut out = Vec::new();
        let Some(inside) = inside else {
            return Ok(out);
        };
        let innermost = inside.plain[end as usize].len().saturating_sub(1);
        for run in inside.runs(end, innermost, span) {
            let reached = span.start + out.len() as u64;
            let held = Span::at(run.offset, run.len.into());
            let wanted = held.intersection(Span::new(reached, span.end));
            if wanted.start != reached || wanted.is_empty() {
                break;
            }
            let kept = Kept {
                at: run.at.saturating_add(reached - run.offset),
                len: wanted.len() as u32,
                truncated: false,
            };
            match self.read_kept(kept, usize::MAX) {
                Some(mut bytes) => out.append(&mut bytes),
                None => return Err(Gone(out)),
            }
        }
        Ok(out)
    }
}
