//! What is known of a connection that the capture does not have from its beginning.

use crate::base::Side;
use crate::tls::CipherSuite;

use super::connection_id::ConnectionId;
use super::version::Version;

/// Where a packet with a short header fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Who sent it.
    pub from: Side,
    /// The client random that its secret was logged for.
    pub(super) random: [u8; 32],
    pub(super) suite: CipherSuite,
    pub(super) version: Version,
    /// The id it is addressed to.
    pub(super) id: ConnectionId,
    /// Its number.
    pub(super) number: u64,
}
