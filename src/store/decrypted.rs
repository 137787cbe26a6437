//! The bytes of streams inside streams, read again when somebody looks: what TLS records held, and HTTP/2 streams.

use crate::base::{Side, Span};
use crate::flow::End;

use super::bytes::Gone;
use super::flow_record::Inside;
use super::index::Store;
use super::record::Kept;

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
            .and_then(|(flow, end)| Some(flow.inside.as_ref()?.is_decrypted(end)))
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
        for run in inside.innermost_runs(end, span) {
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
