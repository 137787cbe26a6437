//! TCP flows: which segments belong together, and their bytes in order.
//!
//! Packets of one flow go in; each direction's bytes come out in order, with the holes named. Nothing here knows what
//! the bytes mean.

mod assembler;
mod delivery;
mod recent;
mod route;
mod sequence;
mod table;

pub use assembler::Assembler;
pub use delivery::{Delivery, Incoming};
pub use recent::{Recent, RecentMark};
pub use route::{End, route};
pub use table::{Ages, Expiry, FlowId, Table};
