//! What the fuzz targets share: streams of two sides written as bytes, and reading a capture to its end.

use std::io::Cursor;
use std::sync::Arc;

use wireloupe::base::{Limits, Needs, Side};
use wireloupe::capture::{Batch, Input, Source};
use wireloupe::engine::{Engine, Options, Sink};
use wireloupe::tls::KeyLog;
use wireloupe::wire::Walker;

/// What the streams of a connection bring next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes in order.
    Bytes(Side, &'a [u8]),
    /// Missing bytes.
    Gap(Side, u64),
}

/// Reads an input as pieces: a tag, a length of one byte or two, and as many bytes.
///
/// Any input is some pieces, and small changes to it are small changes to them.
#[derive(Clone, Copy, Debug)]
pub struct Pieces<'a>(pub &'a [u8]);

const SERVER: u8 = 1;
const GAP: u8 = 2;
const LONG: u8 = 4;

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let (&[tag, low], mut rest) = self.0.split_first_chunk()?;
        let mut len = usize::from(low);
        if tag & LONG != 0 {
            let (&high, after) = rest.split_first()?;
            len |= usize::from(high) << 8;
            rest = after;
        }
        let side = match tag & SERVER {
            0 => Side::Client,
            _ => Side::Server,
        };
        if tag & GAP != 0 {
            self.0 = rest;
            // Mostly small holes; now and then one as large as a sequence number allows.
            let shift = if tag >> 3 == 31 { 16 } else { 0 };
            return Some(Piece::Gap(side, (len as u64) << shift));
        }
        let (bytes, rest) = rest.split_at(len.min(rest.len()));
        self.0 = rest;
        Some(Piece::Bytes(side, bytes))
    }
}

/// Writes bytes of a side as pieces, for seeds.
pub fn write_pieces(side: Side, bytes: &[u8], out: &mut Vec<u8>) {
    for part in bytes.chunks(0xffff) {
        let tag = if side == Side::Server { SERVER } else { 0 };
        out.extend([tag | LONG, part.len() as u8, (part.len() >> 8) as u8]);
        out.extend_from_slice(part);
    }
}

/// Limits so low that small inputs reach them.
#[must_use]
pub fn low_limits() -> Limits {
    Limits {
        flows: 8,
        held_bytes: 2 << 10,
        held_bytes_total: 4 << 10,
        http_head: 512,
        hpack_table: 256,
        http2_streams: 3,
        early_bytes: 512,
        kept_payload: 64,
        inflated: 4 << 10,
        inflaters: 2,
        fragments: 4,
        resync_window: 128,
        tunnel_depth: 3,
        ip_datagrams: 4,
        tls_handshake: 256,
        packet_bytes: 4 << 10,
        metadata_bytes: 256,
        findings_per_code: 3,
        ..Limits::default()
    }
}

/// Wants everything, keeps nothing.
#[derive(Debug)]
pub struct Everything;

impl Sink for Everything {
    fn needs(&self) -> Needs {
        Needs::ALL
    }
}

/// Reads a capture file into a sink as the program does; the sink, if the file could be opened.
pub fn read<S: Sink>(file: &[u8], options: Options, sink: S) -> Option<S> {
    let limits = options.limits.clone();
    let input = Input::Reader(Box::new(Cursor::new(file.to_vec())), "input".to_owned());
    let mut source = Source::open(vec![input], &limits).ok()?;
    let mut walker = Walker::new(&limits);
    let mut engine = Engine::new(options, sink);
    let mut batch = Batch::new();
    while source.fill(&mut batch) {
        let mut keys = KeyLog::new();
        for secrets in &source.summary().secrets {
            keys.extend(&secrets.bytes);
        }
        engine.set_keys(Arc::new(keys));
        engine.batch(&batch, &mut walker);
    }
    engine.finish();
    Some(engine.into_sink())
}
