//! What stands in for `levels.rs` in a build without ciphers: no packet is opened.

use std::ops::Range;

use crate::base::Side;
use crate::tls::{Agreed, KeyLog};

use super::connection_id::ConnectionId;
use super::packet::Header;
use super::version::Version;

/// What became of a packet.
#[derive(Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "only the ciphers make all of it")]
pub(super) enum Outcome {
    Opened(u64, Range<usize>),
    NoSecret,
    Invalid,
    Malformed,
    NotBuilt,
}

/// No keys.
#[derive(Default)]
pub(super) struct Levels;

/// What a packet would be opened with.
#[expect(dead_code, reason = "only the ciphers read it")]
pub(super) struct Known<'a> {
    pub(super) agreed: &'a Agreed,
    pub(super) version: Version,
    pub(super) keys: &'a KeyLog,
}

impl Levels {
    pub(super) fn memory(&self) -> usize {
        0
    }

    pub(super) fn first(&self) -> Option<&ConnectionId> {
        None
    }

    pub(super) fn open(
        &mut self,
        _from: Side,
        _header: &Header,
        _datagram: &[u8],
        _known: &Known<'_>,
        _scratch: &mut Vec<u8>,
    ) -> Outcome {
        Outcome::NotBuilt
    }

    pub(super) fn joins(&mut self, _from: Side, _number: u64) {}

    pub(super) fn is_genuine_retry(&self, _version: Version, _packet: &[u8]) -> bool {
        true
    }
}

/// Without ciphers a header is all there is.
#[must_use]
pub fn opens(_datagram: &[u8]) -> bool {
    true
}
