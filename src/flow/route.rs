//! The two ends of a flow in an order that both directions share.

use crate::wire::FlowKey;

/// One end of a flow; which is which follows from the addresses, not from who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The source of the flow's canonical key.
    Low = 0,
    /// The other.
    High = 1,
}

impl End {
    /// The other end.
    #[must_use]
    pub fn peer(self) -> End {
        match self {
            End::Low => End::High,
            End::High => End::Low,
        }
    }
}

/// The key both directions of a packet's flow share, and the end that sent the packet.
#[inline]
#[must_use]
pub fn route(key: FlowKey) -> (FlowKey, End) {
    let (key, reversed) = key.canonical();
    (key, if reversed { End::High } else { End::Low })
}
