//! Connections that the capture does not have from their beginning: which secret of the key log opens a packet with a short header.
//!
//! Such a packet says neither whose it is nor how long its connection id is, and of its number only the lowest bytes. All of
//! that is right exactly when the packet authenticates, so the secrets are tried one after the other, likely lengths and small
//! numbers first. Keys are those before the first key update: what joins later than that stays closed.

use crate::base::Side;
use crate::tls::{CipherSuite, KeyLog, Label, Secret};

use super::connection_id::ConnectionId;
use super::joined::Joined;
use super::levels::Unmasked;
use super::protection::{HeaderKey, PacketKey, SAMPLE};
use super::version::Version;

/// Lengths of connection ids by how common they are.
const LENGTHS: [usize; 21] = [
    8, 0, 20, 4, 16, 5, 18, 12, 10, 9, 6, 7, 11, 13, 14, 15, 17, 19, 1, 2, 3,
];

/// The suites of TLS 1.3 that QUIC uses, by the length of their secrets.
const SUITES: [(usize, CipherSuite); 3] = [
    (32, CipherSuite(0x1301)),
    (32, CipherSuite(0x1303)),
    (48, CipherSuite(0x1302)),
];

/// Connections of the key log that are tried.
const RANDOMS: usize = 64;

/// What the upper bytes of a packet number may be, in rounds: first that there are none.
const ROUNDS: [std::ops::Range<u64>; 4] = [0..1, 1..16, 16..256, 256..4096];

/// What making keys costs, in bytes tried.
const WAY: u64 = 1 << 10;

/// Tries secrets, as long as that is affordable.
#[derive(Clone, Debug)]
pub struct Attempts {
    /// Bytes that may still be tried.
    left: u64,
    scratch: Vec<u8>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            // Some hundredths of a second.
            left: 32 << 20,
            scratch: Vec::new(),
        }
    }
}

/// One way to open a packet.
struct Way {
    from: Side,
    random: [u8; 32],
    suite: CipherSuite,
    version: Version,
    header: HeaderKey,
    packet: PacketKey,
}

impl Attempts {
    /// Whether there is anything left to try.
    #[must_use]
    pub fn are_left(&self) -> bool {
        self.left > 0
    }

    /// Where a datagram of an unknown connection fits.
    pub fn find(&mut self, datagram: &[u8], keys: &KeyLog) -> Option<Joined> {
        // To look through the log costs something, too, whatever is in it.
        self.left = self.left.saturating_sub(WAY + 32 * keys.len() as u64);
        let mut ways = Vec::new();
        for random in keys.randoms(RANDOMS) {
            for (from, label) in [
                (Side::Client, Label::ClientTraffic),
                (Side::Server, Label::ServerTraffic),
            ] {
                let secret = keys.secrets(&random).and_then(|secrets| secrets.get(label));
                if let Some(secret) = secret {
                    add_ways(from, random, secret, &mut ways);
                }
            }
        }
        self.open(datagram, &ways)
    }

    /// Where a datagram of this side fits, of the connection with this client random.
    pub(super) fn find_of(
        &mut self,
        datagram: &[u8],
        random: [u8; 32],
        from: Side,
        keys: &KeyLog,
    ) -> Option<Joined> {
        let label = match from {
            Side::Client => Label::ClientTraffic,
            Side::Server => Label::ServerTraffic,
        };
        let secret = keys.secrets(&random)?.get(label)?;
        let mut ways = Vec::new();
        add_ways(from, random, secret, &mut ways);
        self.open(datagram, &ways)
    }

    fn open(&mut self, datagram: &[u8], ways: &[Way]) -> Option<Joined> {
        self.left = self.left.saturating_sub(ways.len() as u64 * WAY);
        for round in ROUNDS {
            for way in ways {
                for len in LENGTHS {
                    if self.left == 0 {
                        return None;
                    }
                    if let Some(number) = self.opens(datagram, way, len, round.clone()) {
                        return Some(Joined {
                            from: way.from,
                            random: way.random,
                            suite: way.suite,
                            version: way.version,
                            id: ConnectionId::new(datagram.get(1..=len)?)?,
                            number,
                        });
                    }
                }
            }
        }
        None
    }

    /// The number of the packet, if it opens this way with an id of this length and its upper bytes in this range.
    fn opens(
        &mut self,
        datagram: &[u8],
        way: &Way,
        id_len: usize,
        upper: std::ops::Range<u64>,
    ) -> Option<u64> {
        /// Bits of the first byte that are zero under the mask.
        const RESERVED: u8 = 0x18;
        let number_at = 1 + id_len;
        // Enough for the first byte and the number; most tries end there.
        let begin = datagram.get(..number_at + 4 + SAMPLE)?;
        self.left = self.left.saturating_sub(begin.len() as u64);
        let unmasked = self.unmask(begin, way, number_at)?;
        if unmasked.first() & RESERVED != 0 {
            return None;
        }
        let (number, len) = (unmasked.number, unmasked.number_len());
        for upper in upper {
            // Longer numbers are cut less often.
            if upper >> (8 * (4 - len)).min(24) != 0 || self.left == 0 {
                return None;
            }
            self.left = self.left.saturating_sub(datagram.len() as u64);
            let number = upper << (8 * len) | number;
            let mut unmasked = self.unmask(datagram, way, number_at)?;
            unmasked.number = number;
            if unmasked.open(&way.packet).is_some() {
                return Some(number);
            }
        }
        None
    }

    fn unmask(&mut self, datagram: &[u8], way: &Way, number_at: usize) -> Option<Unmasked<'_>> {
        self.scratch.clear();
        self.scratch.extend_from_slice(datagram);
        Unmasked::new(&mut self.scratch, number_at, &way.header, None)
    }
}

fn add_ways(from: Side, random: [u8; 32], secret: &Secret, ways: &mut Vec<Way>) {
    let bytes = secret.bytes();
    for (len, suite) in SUITES {
        for version in [Version::V1, Version::V2] {
            let parameters = suite.parameters().filter(|_| bytes.len() == len);
            let Some(parameters) = parameters else {
                continue;
            };
            let header = HeaderKey::new(version, parameters, bytes);
            let packet = PacketKey::new(version, parameters, bytes);
            if let (Some(header), Some(packet)) = (header, packet) {
                ways.push(Way {
                    from,
                    random,
                    suite,
                    version,
                    header,
                    packet,
                });
            }
        }
    }
}
