//! The WebSocket protocol (RFC 6455) and permessage-deflate (RFC 7692), from one side's bytes to frames and messages.
//!
//! What it is not: it knows no TCP, no packets and no clock; whoever feeds it says which side sent the bytes and where
//! in that side's stream they lie. Invariant: whatever the bytes, decoding goes on, and costs linear time and memory
//! bounded by [`Limits`](crate::base::Limits).
//!
//! ```text
//! handshake heads ──► handshake: Negotiated, findings
//! bytes of one side ─► stream ─► Frame ─► Message        mask, utf8, deflate, close: the parts
//!                        │  ▲
//!                        ▼  │ lost sync
//!                       rules  resync                    layout: the header, field by field
//! ```

pub mod close;
pub mod deflate;
pub mod detect;
pub mod draft_layout;
pub mod frame;
pub mod handshake;
pub mod layout;
mod legacy;
pub mod mask;
mod message;
mod plausible;
mod resync;
mod rules;
mod scratch;
mod sink;
pub mod stream;
pub mod utf8;

pub use frame::{Frame, FrameHeader, LengthForm, MAX_HEADER_LEN, Opcode, Part};
pub use handshake::Negotiated;
pub use legacy::fits as legacy_fits;
pub use message::{Message, MessageKind};
pub use scratch::Scratch;
pub use sink::{About, FrameSink};
pub use stream::Stream;
