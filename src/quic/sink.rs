//! What a connection tells, and to whom.

use std::ops::Range;

use crate::base::{Finding, PacketNumber, Side};

use super::close::Close;

/// Where bytes of a stream came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The captured packet.
    pub packet: PacketNumber,
    /// The number that its sender gave the packet of QUIC.
    pub number: u64,
    /// Position of the first byte in the frames of all packets of this side that were opened, one behind the other.
    pub at: u64,
}

/// What takes the events of a connection. Of a stream the bytes of each side come in order.
pub trait EventSink {
    /// A packet that carries streams was opened. `bytes` are its frames, which `offset` is the position of among all that
    /// this side's packets held; `packet` is where it lies in its datagram.
    fn opened(&mut self, from: Side, offset: u64, bytes: &[u8], packet: Range<usize>);
    /// The next bytes of a stream. Says whether more of the stream is wanted.
    fn data(&mut self, stream: u64, from: Side, bytes: &[u8], piece: Piece) -> bool;
    /// Bytes of the stream that are missing. Says whether more is wanted.
    fn gap(&mut self, stream: u64, from: Side, len: u64) -> bool;
    /// This side sends no more on the stream.
    fn end(&mut self, stream: u64, from: Side);
    /// This side ended the stream at once.
    fn reset(&mut self, stream: u64, from: Side, code: u64);
    /// The stream is followed no longer: there are more than [`Limits::http2_streams`](crate::base::Limits::http2_streams).
    fn dropped(&mut self, stream: u64);
    /// This side closes the connection. Told once.
    fn closed(&mut self, from: Side, close: &Close);
    /// This side has forgotten the connection, and says so by a stateless reset.
    fn forgotten(&mut self, from: Side);
    /// Something is wrong or worth a note.
    fn finding(&mut self, from: Side, finding: Finding);
}
