//! Application protocols: one file each.

pub(super) mod engine_io;
pub(super) mod mqtt;
pub(super) mod socket_io;
pub(super) mod stomp;
