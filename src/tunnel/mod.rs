//! What stands in front of a protocol's own bytes: SOCKS, which asks for a tunnel, and the PROXY protocol, by which a hop
//! tells the server who its client is.
//!
//! It knows no TCP: the first bytes of both directions go in, in any cut, and what they amount to comes out. Reading is
//! strict, since a few bytes have to tell these from everything else: what does not fit is not theirs. A password is never
//! kept.

pub mod proxy_protocol;
pub mod socks;
