//! HTTP/1 as a WebSocket needs it: heads, bodies passed over, upgrades and CONNECT.
//!
//! It knows no TCP: bytes come in as they were sent, in any cut. It is lenient where servers are (bare LF, any letter
//! case, folded lines, unknown methods) and keeps a head's bytes as they were. Traffic is never an error here: what is
//! no HTTP is an [`Event`].

mod body;
mod connect;
mod count;
mod describe;
mod head;
mod origin;
mod reader;
pub(crate) mod secrets;
mod sniff;

pub use body::{Body, request_body, response_body, without_chunks};
pub use connect::{ConnectTarget, connect_accepted, connect_target, is_connect};
pub use count::BodyCount;
pub use describe::{authority, fields, host};
pub use head::{HeadStatus, parse_head};
pub use origin::{host_and_port, is_same_origin};
pub use reader::{Event, Gap, HeadReader};
pub use sniff::{Role, looks_like};
