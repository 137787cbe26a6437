//! One packet: link layer, tunnels, IP and TCP, as views into its bytes.
//!
//! [`Walker`] gives the innermost TCP segment of a packet, or why there is none; of ICMP, what it says of a segment, and UDP datagrams. It keeps nothing but IP fragments: flows
//! and streams are not known here. No packet makes it panic or costs more than its length.

mod datagram;
mod envelope;
mod fast;
mod fragment;
mod icmp;
mod ip;
mod layers;
mod link;
mod notice;
mod segment;
mod skip;
mod sorter;
mod tunnel;
mod walk;
mod walker;

pub use datagram::UdpDatagram;
pub use envelope::{Carried, Envelope};
pub use layers::layers;
pub use notice::{Notice, Reason};
pub use segment::{Endpoint, FlowKey, LayerBytes, Segment, TcpFlags};
pub use skip::Skip;
pub use sorter::{Datagram, Sorted, Sorter, To};
pub use walker::{Walked, Walker};
