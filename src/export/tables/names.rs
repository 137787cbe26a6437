//! What rows of one connection join on, here and elsewhere.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha1::{Digest as _, Sha1};

use crate::base::ConnectionId;
use crate::engine::Connection;

/// What a connection is called in every table.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Unique over all captures: of its addresses, the time of its flow's first packet, its place in the flow and its stream. The same
    /// in every run, whatever else is in the capture.
    pub(super) uid: String,
    /// Community ID, version 1, as Zeek, Suricata and Arkime write it.
    pub(super) community_id: String,
}

impl Names {
    pub(super) fn of(connection: &Connection) -> Self {
        let mut hash = Sha1::new();
        for end in [&connection.client, &connection.server] {
            hash.update(end.to_string());
            hash.update([0]);
        }
        hash.update(connection.opened.0.to_le_bytes());
        hash.update(connection.ordinal.to_le_bytes());
        // Streams that a capture begins in the middle of have no order of their own.
        hash.update(connection.stream.unwrap_or_default().to_le_bytes());
        let digest = hash.finalize();
        Self {
            // 96 bits: no two among more connections than anyone has.
            uid: format!("C{}", URL_SAFE_NO_PAD.encode(&digest[..12])),
            community_id: community_id(connection.client, connection.server),
        }
    }
}

/// Community ID, version 1, of a TCP flow (github.com/corelight/community-id-spec), with the usual seed 0.
pub(super) fn community_id(one: SocketAddr, other: SocketAddr) -> String {
    const TCP: u8 = 6;
    let (low, high) = match (one.ip(), one.port()) <= (other.ip(), other.port()) {
        true => (one, other),
        false => (other, one),
    };
    let mut hash = Sha1::new();
    hash.update(0u16.to_be_bytes());
    for end in [low, high] {
        match end.ip() {
            IpAddr::V4(address) => hash.update(address.octets()),
            IpAddr::V6(address) => hash.update(address.octets()),
        }
    }
    hash.update([TCP, 0]);
    hash.update(low.port().to_be_bytes());
    hash.update(high.port().to_be_bytes());
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

/// The names of the connections that rows were written of lately.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<Option<(ConnectionId, Names)>>);

/// Connections whose names are at hand: rows of one come in runs, and of many side by side.
const KNOWN: usize = 4096;

impl Known {
    pub(super) fn of(&mut self, connection: &Connection) -> &Names {
        if self.0.is_empty() {
            self.0.resize(KNOWN, None);
        }
        let slot = &mut self.0[connection.id.0 as usize % KNOWN];
        if slot.as_ref().is_none_or(|(id, _)| *id != connection.id) {
            *slot = Some((connection.id, Names::of(connection)));
        }
        let (_, names) = slot.get_or_insert_with(Default::default);
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the baseline of the specification's own tests (TCP, seed 0).
    #[test]
    fn community_ids_are_those_of_the_specification() {
        let id = |one: &str, other: &str| {
            let ends = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(community_id(ends.0, ends.1), community_id(ends.1, ends.0));
            community_id(ends.0, ends.1)
        };
        assert_eq!(
            id("128.232.110.120:34855", "66.35.250.204:80"),
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
        );
        assert_eq!(
            id(
                "[2607:f8b0:400c:c03::1a]:25",
                "[2001:470:e5bf:dead:4957:2174:e82c:4887]:63943"
            ),
            "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="
        );
    }
}
