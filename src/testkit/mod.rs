//! Scripted traffic for tests, benches and fuzz targets: packets, TCP conversations, WebSocket bytes, capture files.
//!
//! Not part of the program (feature `testkit`). What it builds is well-formed with right checksums unless a test asks
//! otherwise, and depends on its arguments only.
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

mod conversation;
mod file;
mod packet;
mod random;
mod samples;
mod skip;
mod websocket;

pub use conversation::Conversation;
pub use file::{PcapFormat, pcap, pcapng};
pub use packet::{ACK, FIN, PSH, PacketBuilder, RST, SYN, Segment, URG, Wrap};
pub use random::Random;
pub use samples::Sample;
pub use skip::{is_installed, skip};
pub use websocket::{
    Deflater, Frame, KEY, LengthForm, accept_key, upgrade_request, upgrade_response,
};
