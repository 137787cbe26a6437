//! Capture files in memory.

use crate::base::{LinkType, Timestamp};

/// Which of the four common shapes of a pcap file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PcapFormat {
    /// Big-endian headers.
    pub big_endian: bool,
    /// Times in nanoseconds instead of microseconds.
    pub nanoseconds: bool,
    /// Packet bytes beyond this many are cut off; 0 for no cut.
    pub snaplen: u32,
}

impl PcapFormat {
    /// A pcap file of `packets`.
    #[must_use]
    pub fn file(self, link: LinkType, packets: &[(Timestamp, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = self.header(link);
        for (time, packet) in packets {
            self.record(*time, packet, &mut bytes);
        }
        bytes
    }

    /// What the file begins with.
    #[must_use]
    pub fn header(self, link: LinkType) -> Vec<u8> {
        let magic: u32 = if self.nanoseconds {
            0xa1b2_3c4d
        } else {
            0xa1b2_c3d4
        };
        let mut bytes = Vec::new();
        bytes.extend(self.u32(magic));
        bytes.extend(if self.big_endian {
            [0, 2, 0, 4]
        } else {
            [2, 0, 4, 0]
        });
        for value in [0, 0, self.cut(), u32::from(link.0)] {
            bytes.extend(self.u32(value));
        }
        bytes
    }

    /// Appends one packet.
    pub fn record(self, time: Timestamp, packet: &[u8], bytes: &mut Vec<u8>) {
        let captured = packet.len().min(self.cut() as usize);
        let fraction = time.0.rem_euclid(1_000_000_000) as u32;
        let fraction = if self.nanoseconds {
            fraction
        } else {
            fraction / 1000
        };
        let seconds = time.0.div_euclid(1_000_000_000) as u32;
        for value in [seconds, fraction, captured as u32, packet.len() as u32] {
            bytes.extend(self.u32(value));
        }
        bytes.extend_from_slice(&packet[..captured]);
    }

    fn cut(self) -> u32 {
        if self.snaplen == 0 {
            262_144
        } else {
            self.snaplen
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        if self.big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    }
}

/// A little-endian pcap file in microseconds, as tcpdump writes it.
#[must_use]
pub fn pcap(link: LinkType, packets: &[(Timestamp, Vec<u8>)]) -> Vec<u8> {
    PcapFormat::default().file(link, packets)
}

/// A little-endian pcapng file: one section, one interface, nanoseconds, one enhanced packet block a packet.
#[must_use]
pub fn pcapng(link: LinkType, packets: &[(Timestamp, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = block(
        0x0a0d_0d0a,
        &[
            0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
        ],
    );
    let [low, high] = link.0.to_le_bytes();
    bytes.extend(block(
        1,
        &[
            low, high, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0,
        ],
    ));
    for (time, packet) in packets {
        let mut body = vec![0; 4];
        body.extend(((time.0 as u64 >> 32) as u32).to_le_bytes());
        body.extend((time.0 as u32).to_le_bytes());
        body.extend((packet.len() as u32).to_le_bytes());
        body.extend((packet.len() as u32).to_le_bytes());
        body.extend_from_slice(packet);
        bytes.extend(block(6, &body));
    }
    bytes
}

/// A pcapng block of `kind` around `body`, little-endian.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let total = ((padded + 12) as u32).to_le_bytes();
    let mut bytes = [&kind.to_le_bytes()[..], &total, body].concat();
    bytes.resize(8 + padded, 0);
    bytes.extend(total);
    bytes
}
