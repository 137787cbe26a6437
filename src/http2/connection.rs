//! Both directions of one HTTP/2 connection: requests, responses and the DATA of the streams that are asked for.
//!
//! Every header block is decoded, because the next one may refer to it; beyond that a stream costs nothing unless the
//! receiver follows it. Violations are findings, and what can be read behind them is read. Memory is bounded by the
//! limits on a head, on the tables and on followed streams.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::frame::settings;
use super::reader::FrameReader;
use super::session::{Session, lost_sync};
use super::sink::StreamSink;
use super::state::ConnectionState;
use crate::base::{Head, Limits, PerSide, Side};

/// Both directions of one connection.
#[derive(Debug)]
pub struct Connection {
    readers: PerSide<FrameReader>,
    state: ConnectionState,
}

impl Connection {
    /// A connection of which the next bytes of each side are the first: the client's preface, the server's settings.
    /// Where they turn out to be something else, the capture began in the middle.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            readers: PerSide::new(|side| FrameReader::new(side, limits)),
            state: ConnectionState::new(limits),
        }
    }

    /// A connection that an HTTP/1.1 request upgraded (`Upgrade: h2c`, RFC 7540 section 3.2): the request is stream 1,
    /// and its HTTP2-Settings are the client's first.
    #[must_use]
    pub fn after_upgrade(request: &Head, limits: &Limits) -> Self {
        let mut connection = Self::new(limits);
        connection.state.highest = 1;
        let encoded = request.value("http2-settings").unwrap_or_default();
        // A short header; what is none is ignored, as the settings come again behind the preface.
        let encoded = encoded.get(..encoded.len().min(1024)).unwrap_or_default();
        if let Ok(payload) = URL_SAFE_NO_PAD.decode(encoded.trim_ascii_end()) {
            settings(&payload)
                .for_each(|(id, value)| connection.state.apply(Side::Client, id, value));
        }
        connection
    }

    /// The same with this side's next byte at this stream position.
    #[must_use]
    pub fn at(mut self, side: Side, offset: u64) -> Self {
        self.start_at(side, offset);
        self
    }

    /// Says that this side's first byte is at this stream position.
    pub fn start_at(&mut self, side: Side, offset: u64) {
        self.readers[side].start_at(offset);
    }

    /// Stream position of this side's next byte.
    #[must_use]
    pub fn offset(&self, side: Side) -> u64 {
        self.readers[side].offset()
    }

    /// Bytes held beyond the connection itself, roughly.
    #[must_use]
    pub fn held(&self) -> usize {
        let side = |side: Side| {
            let block = self.state.blocks[side].as_ref();
            self.readers[side].held()
                + self.state.decoders[side].held()
                + block.map_or(0, |block| block.bytes.capacity())
        };
        side(Side::Client) + side(Side::Server) + self.state.streams.len() * 48
    }

    /// Takes the next bytes of one side.
    pub fn push(&mut self, from: Side, bytes: &[u8], out: &mut impl StreamSink) {
        let max_frame = self.state.settings[from.peer()].max_frame;
        let state = &mut self.state;
        self.readers[from].push(bytes, max_frame, &mut Session { state, from, out });
    }

    /// Passes over bytes of one side that are missing.
    pub fn gap(&mut self, from: Side, len: u64, out: &mut impl StreamSink) {
        let state = &mut self.state;
        self.readers[from].gap(len, &mut Session { state, from, out });
    }

    /// Both sides have ended; says what was still being searched.
    pub fn finish(&mut self, out: &mut impl StreamSink) {
        for from in Side::BOTH {
            if let Some(passed) = self.readers[from].searching() {
                out.finding(from, None, lost_sync(passed));
            }
        }
    }
}

#[cfg(test)]
mod tests;
