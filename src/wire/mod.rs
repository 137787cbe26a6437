//! One packet: link layer, tunnels, IP and TCP, as views into its bytes.
//!
//! [`Walker`] gives the innermost TCP segment of a packet, and why there is none. It keeps nothing but IP fragments: flows
//! and streams are not known here. No packet makes it panic or costs more than its length.

mod fast;
mod fragment;
mod ip;
mod layers;
mod link;
mod segment;
mod tunnel;
mod walk;
mod walker;

pub use layers::layers;
pub use segment::{Endpoint, FlowKey, LayerBytes, Segment, Skip, TcpFlags};
pub use walker::{Walked, Walker};
