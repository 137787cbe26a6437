//! The flows that are still open when the capture ends.

use crate::base::PacketNumber;
use crate::flow::FlowId;

/// Flows that have not ended, latest first.
#[derive(Debug)]
pub struct Remaining(pub(super) Vec<Last>);

/// A flow that has not ended.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) first_packet: PacketNumber,
    pub(super) place: FlowId,
    /// Bytes it keeps.
    pub(super) held: u32,
}

impl Remaining {
    /// The first packet of each flow, and the bytes it buffers and may have to emit at its end.
    pub fn flows(&self) -> impl Iterator<Item = (PacketNumber, u32)> + '_ {
        self.0.iter().map(|flow| (flow.first_packet, flow.held))
    }
}
