//! Scripted traffic for tests, benches and fuzz targets: packets, TCP conversations, WebSocket bytes, capture files.
//!
//! Not part of the program (feature `testkit`). Packets and WebSocket bytes are those of `craft`, which the program builds
//! captures of, too; here are capture files in memory, the samples, and what a test needs that is not there.
//!
//! ```
//! use wireloupe::testkit::{Conversation, Frame, pcap, upgrade_request, upgrade_response};
//! use wireloupe::base::LinkType;
//!
//! let packets = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
//!     .connect()
//!     .client(upgrade_request("/chat", &[]))
//!     .server(upgrade_response(&[]))
//!     .client(Frame::text("Hello").mask([1, 2, 3, 4]).bytes())
//!     .fin()
//!     .packets();
//! let file = pcap(LinkType::ETHERNET, &packets);
//! assert_eq!(file[..4], 0xa1b2_c3d4_u32.to_le_bytes());
//! ```

mod file;
mod samples;
mod skip;

pub use crate::craft::{
    ACK, Conversation, Deflater, FIN, Frame, KEY, LengthForm, PSH, PacketBuilder, RST, Random, SYN,
    Segment, URG, Wrap, accept_key, upgrade_request, upgrade_response,
};
pub use file::{PcapFormat, pcap, pcapng};
pub use samples::Sample;
pub use skip::{is_installed, skip};
