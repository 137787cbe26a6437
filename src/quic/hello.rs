//! Whom a client asks for in its first packets, for lists of flows that nobody analyses.

use crate::base::{Finding, Limits, PacketNumber, Side, Timestamp};
use crate::tls::{HelloNames, KeyLog};

use super::close::Close;
use super::connection::{Connection, Received};
use super::sink::{EventSink, Piece};

/// Datagrams looked at for one hello.
const DATAGRAMS: u8 = 12;

/// A client's first datagrams, until they have said whom they ask for.
pub struct Hello {
    connection: Connection,
    datagrams: u8,
}

impl Default for Hello {
    fn default() -> Self {
        Self {
            connection: Connection::new(&Limits::default()),
            datagrams: 0,
        }
    }
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("datagrams", &self.datagrams)
            .finish_non_exhaustive()
    }
}

impl Hello {
    /// Takes a datagram of the client; the names, once the hello is whole.
    pub fn push(&mut self, datagram: &[u8]) -> Option<HelloNames> {
        self.datagrams = self.datagrams.saturating_add(1);
        let received = Received {
            from: Side::Client,
            bytes: datagram,
            packet: PacketNumber(0),
            time: Timestamp(0),
        };
        self.connection.push(received, &KeyLog::new(), &mut Nobody);
        let told = self.connection.tls();
        // The version stands in every hello.
        told.version_offered?;
        Some(HelloNames {
            server_name: told.server_name.clone(),
            alpn: told.alpn_offered.clone(),
        })
    }

    /// Whether more datagrams would be looked at in vain.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.datagrams >= DATAGRAMS
    }
}

/// Wants no events.
struct Nobody;

impl EventSink for Nobody {
    fn opened(&mut self, _: Side, _: u64, _: &[u8], _: std::ops::Range<usize>) {}
    fn data(&mut self, _: u64, _: Side, _: &[u8], _: Piece) -> bool {
        false
    }
    fn gap(&mut self, _: u64, _: Side, _: u64) -> bool {
        false
    }
    fn end(&mut self, _: u64, _: Side) {}
    fn reset(&mut self, _: u64, _: Side, _: u64) {}
    fn dropped(&mut self, _: u64) {}
    fn closed(&mut self, _: Side, _: &Close) {}
    fn forgotten(&mut self, _: Side) {}
    fn finding(&mut self, _: Side, _: Finding) {}
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;
    use crate::quic::levels::tests::{V1, V2};

    #[test]
    fn the_hello_of_the_standards_is_read_and_cuts_of_it_are_not() {
        for vectors in [V1, V2] {
            let packet = hex::decode(vectors.client).expect("hex");
            let names = Hello::default().push(&packet).expect("a hello");
            assert_eq!(names.server_name.as_deref(), Some("example.com"));
            assert_eq!(names.alpn, ["alpn"]);
            for len in (0..packet.len()).step_by(7) {
                assert_eq!(Hello::default().push(&packet[..len]), None);
            }
        }
    }

    #[test]
    fn looking_ends() {
        let mut hello = Hello::default();
        while !hello.is_over() {
            assert_eq!(hello.push(b"\x40 something else"), None);
        }
        assert_eq!(hello.datagrams, DATAGRAMS);
    }
}
