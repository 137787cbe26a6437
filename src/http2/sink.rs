//! What a connection emits, and who receives it.

use crate::base::{Finding, Head, Side, Span};

/// Where bytes of a stream's DATA lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataPlace {
    /// Position of the first byte in what this side sent on the stream.
    pub offset: u64,
    /// Its position in this side's whole connection.
    pub at: u64,
}

/// What GOAWAY says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// The last stream that its sender has taken up.
    pub last_stream: u32,
    /// The reason ([`error_name`](super::error_name)).
    pub code: u32,
    /// What its sender adds in words, cut after 256 bytes.
    pub debug: &'a [u8],
}

/// What takes the events of a connection. Spans and positions count in the side's stream.
pub trait StreamSink {
    /// A request on a new stream, as a head whose lines are the decoded fields: `:method` is the method, `:path` the
    /// target, `:protocol` a line. `at` covers its frames. Says whether the stream is to be followed: only then its
    /// response, data and end are emitted. [`asks_for_websocket`](super::asks_for_websocket) is a good answer.
    fn request(&mut self, stream: u32, head: Head, at: Span) -> bool;
    /// A response on a followed stream; 1xx ones come before the final one. Status 0 is one that is not known.
    fn response(&mut self, stream: u32, head: Head, at: Span);
    /// DATA without its padding.
    fn data(&mut self, stream: u32, from: Side, bytes: &[u8], place: DataPlace);
    /// DATA that is missing.
    fn data_gap(&mut self, stream: u32, from: Side, len: u64);
    /// Some DATA may be missing here; what comes next begins with a frame of HTTP and with anything of what that carries.
    fn data_lost(&mut self, _stream: u32, _from: Side) {}
    /// This side sends no more on the stream.
    fn end_stream(&mut self, stream: u32, from: Side, at: u64);
    /// The stream was ended at once ([`error_name`](super::error_name)); it is followed no longer.
    fn reset(&mut self, stream: u32, from: Side, code: u32, at: Span);
    /// The stream is followed no longer: there are more than [`Limits::http2_streams`](crate::base::Limits::http2_streams).
    fn dropped(&mut self, stream: u32);
    /// This side ends the connection.
    fn go_away(&mut self, from: Side, go_away: GoAway<'_>, at: Span);
    /// This side said whether it takes extended CONNECT (RFC 8441 section 3).
    fn connect_protocol(&mut self, from: Side, enabled: bool, at: Span);
    /// Frames of any stream may be missing from this side.
    fn lost(&mut self, from: Side);
    /// DATA on a stream whose request was before the capture, or lost in it. Says whether to follow it.
    fn adopt(&mut self, _stream: u32, _from: Side) -> bool {
        false
    }
    /// Something is wrong; on this stream, if on one.
    fn finding(&mut self, from: Side, stream: Option<u32>, finding: Finding);
}
