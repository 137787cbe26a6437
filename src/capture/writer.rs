//! Writing pcapng: packets with their interfaces, comments, secrets and drop counts.
//!
//! After draft-ietf-opsawg-pcapng, little-endian, times in nanoseconds. Every block goes out in one write and the output
//! holds whole blocks only, so that others can read the file while it grows. Interfaces are described when the first
//! packet of theirs is written.

use std::io::{self, Write};
use std::net::IpAddr;

use zeroize::Zeroizing;

use super::part;
use super::summary::Interface;
use crate::base::{PacketNumber, Timestamp};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;
const END: u16 = 0;
const COMMENT: u16 = 1;
const PACKET_ID: u16 = 5;
const END_TIME: u16 = 3;

/// What wrote the file and where; empty fields are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The machine.
    pub hardware: String,
    /// The operating system.
    pub os: String,
    /// The program.
    pub application: String,
    /// A comment on the whole file.
    pub comment: String,
    /// Of which capture the file is a part, where its packets have the numbers they had there (`part`).
    pub capture: Option<u64>,
}

/// A packet to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacketToWrite<'a> {
    /// The interface, as [`PcapngWriter::interface`] numbered it.
    pub interface: u32,
    /// When it was captured.
    pub time: Timestamp,
    /// How many bytes it had on the wire.
    pub original: u32,
    /// Its captured bytes.
    pub bytes: &'a [u8],
    /// Comments on it.
    pub comments: &'a [String],
    /// Its place in the capture that the file is a part of.
    pub origin: Option<PacketOrigin>,
}

/// Where a packet of a part was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketOrigin {
    /// Its number in the whole capture.
    pub number: PacketNumber,
    /// Its number in the file it was read from, from 1. Which file that is, the comment of its interface says.
    pub in_file: u64,
}

/// A Decryption Secrets Block for a little-endian section; wiped when dropped.
///
/// # Errors
/// When the secrets are larger than a block can be.
pub fn secrets_block(kind: u32, bytes: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
    let padded = bytes.len().next_multiple_of(4);
    let number = |value: usize| u32::try_from(value).map_err(io::Error::other);
    let (len, all) = (number(bytes.len())?, number(padded + 20)?);
    let mut block = Zeroizing::new(Vec::with_capacity(padded + 20));
    for value in [SECRETS, all, kind, len] {
        block.extend(value.to_le_bytes());
    }
    block.extend_from_slice(bytes);
    block.resize(padded + 16, 0);
    block.extend(all.to_le_bytes());
    Ok(block)
}

/// Writes a pcapng file of one section.
#[derive(Debug)]
pub struct PcapngWriter<W: Write> {
    out: W,
    block: Vec<u8>,
    interfaces: u32,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header.
    ///
    /// # Errors
    /// When the output fails.
    pub fn new(out: W, origin: &Origin) -> io::Result<Self> {
        let mut writer = Self {
            out,
            block: Vec::new(),
            interfaces: 0,
        };
        writer.start(SECTION_HEADER);
        writer.u32(0x1a2b_3c4d);
        // Version 1.0; the length of the section is not known.
        writer.block.extend([1, 0, 0, 0]);
        writer.block.extend(u64::MAX.to_le_bytes());
        writer.text(COMMENT, &origin.comment);
        writer.text(2, &origin.hardware);
        writer.text(3, &origin.os);
        writer.text(4, &origin.application);
        if let Some(capture) = origin.capture {
            writer.option(part::OF_CAPTURE, &part::mark(capture));
        }
        writer.option(END, &[]);
        writer.finish_block()?;
        Ok(writer)
    }

    /// Describes an interface and gives its number.
    ///
    /// # Errors
    /// When the output fails.
    pub fn interface(&mut self, interface: &Interface) -> io::Result<u32> {
        self.interface_with(interface, "")
    }

    /// The same with a comment on it.
    ///
    /// # Errors
    /// When the output fails.
    pub fn interface_with(&mut self, interface: &Interface, comment: &str) -> io::Result<u32> {
        const NANOSECONDS: u8 = 9;
        self.start(INTERFACE);
        self.block.extend(interface.link.0.to_le_bytes());
        self.block.extend([0, 0]);
        self.u32(interface.snaplen);
        self.text(COMMENT, comment);
        self.text(2, &interface.name);
        self.text(3, &interface.description);
        self.option(9, &[NANOSECONDS]);
        if !interface.filter.is_empty() {
            // A zero says that the filter is in libpcap's language.
            let filter = [&[0], interface.filter.as_bytes()].concat();
            self.option(11, &filter);
        }
        self.option(END, &[]);
        self.finish_block()?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// Writes a packet.
    ///
    /// # Errors
    /// When the output fails, or the packet is larger than a block can be or of an interface that was not described.
    pub fn packet(&mut self, packet: &PacketToWrite<'_>) -> io::Result<()> {
        if packet.interface >= self.interfaces {
            let message = "the packet's interface was not described";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let captured = u32::try_from(packet.bytes.len()).map_err(io::Error::other)?;
        self.start(ENHANCED_PACKET);
        self.u32(packet.interface);
        self.time(packet.time);
        self.u32(captured);
        self.u32(packet.original.max(captured));
        self.block.extend_from_slice(packet.bytes);
        self.pad();
        for comment in packet.comments {
            self.text(COMMENT, comment);
        }
        if let Some(origin) = packet.origin {
            self.option(PACKET_ID, &origin.number.0.to_le_bytes());
            self.option(part::IN_FILE, &origin.in_file.to_le_bytes());
        }
        if !packet.comments.is_empty() || packet.origin.is_some() {
            self.option(END, &[]);
        }
        self.finish_block()
    }

    /// Writes decryption secrets, which packets after them may need; see [`super::Secrets`] for the kinds.
    ///
    /// # Errors
    /// When the output fails or the secrets are larger than a block can be.
    pub fn secrets(&mut self, kind: u32, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(&secrets_block(kind, bytes)?)
    }

    /// Writes names of addresses, which others show instead of them.
    ///
    /// # Errors
    /// When the output fails.
    pub fn names<'a>(
        &mut self,
        names: impl IntoIterator<Item = (IpAddr, &'a str)>,
    ) -> io::Result<()> {
        const IPV4: u16 = 1;
        const IPV6: u16 = 2;
        self.start(NAMES);
        for (address, name) in names {
            let address = match address {
                IpAddr::V4(address) => (IPV4, address.octets().to_vec()),
                IpAddr::V6(address) => (IPV6, address.octets().to_vec()),
            };
            // A record is made like an option: what it is, how long, and the value filled up to 32 bits.
            let value = [&address.1[..], name.as_bytes(), &[0]].concat();
            self.option(address.0, &value);
        }
        self.option(END, &[]);
        self.finish_block()
    }

    /// Writes how many packets an interface received and dropped, as known at `time`.
    ///
    /// # Errors
    /// When the output fails.
    pub fn statistics(
        &mut self,
        interface: u32,
        time: Timestamp,
        received: u64,
        dropped: u64,
    ) -> io::Result<()> {
        self.start(STATISTICS);
        self.u32(interface);
        self.time(time);
        self.option(4, &received.to_le_bytes());
        self.option(5, &dropped.to_le_bytes());
        self.option(END, &[]);
        self.finish_block()
    }

    /// Writes that the capture which this file is a part of went on to packet `number` at `time`.
    ///
    /// # Errors
    /// When the output fails.
    pub fn capture_end(&mut self, number: PacketNumber, time: Timestamp) -> io::Result<()> {
        if self.interfaces == 0 {
            return Ok(()); // A block of statistics is of an interface, and no packets need no end.
        }
        self.start(STATISTICS);
        self.u32(0);
        self.time(time);
        let units = u64::try_from(time.0).unwrap_or(0);
        let high_and_low = [
            ((units >> 32) as u32).to_le_bytes(),
            (units as u32).to_le_bytes(),
        ];
        self.option(END_TIME, high_and_low.as_flattened());
        self.option(part::END_NUMBER, &number.0.to_le_bytes());
        self.option(END, &[]);
        self.finish_block()
    }

    /// Passes everything written on to where it is kept.
    ///
    /// # Errors
    /// When the output fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The output, to which everything was written that was.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// Ends writing and gives the output back.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn start(&mut self, kind: u32) {
        self.block.clear();
        self.u32(kind);
        self.u32(0);
    }

    /// Puts the length before and behind the block and writes it.
    fn finish_block(&mut self) -> io::Result<()> {
        let len = u32::try_from(self.block.len() + 4)
            .map_err(io::Error::other)?
            .to_le_bytes();
        self.block[4..8].copy_from_slice(&len);
        self.block.extend(len);
        self.out.write_all(&self.block)
    }

    fn u32(&mut self, value: u32) {
        self.block.extend(value.to_le_bytes());
    }

    /// The format's times are unsigned: what lies before 1970 becomes 1970.
    fn time(&mut self, time: Timestamp) {
        let units = u64::try_from(time.0).unwrap_or(0);
        self.u32((units >> 32) as u32);
        self.u32(units as u32);
    }

    fn text(&mut self, code: u16, text: &str) {
        if !text.is_empty() {
            self.option(code, text.as_bytes());
        }
    }

    /// An option; a value too long for its length field is cut, at a character where it is text.
    fn option(&mut self, code: u16, value: &[u8]) {
        let mut len = value.len().min(usize::from(u16::MAX));
        while len < value.len() && value[len] & 0xc0 == 0x80 {
            len -= 1;
        }
        self.block.extend(code.to_le_bytes());
        self.block.extend((len as u16).to_le_bytes());
        self.block.extend_from_slice(&value[..len]);
        self.pad();
    }

    fn pad(&mut self) {
        let len = self.block.len().next_multiple_of(4);
        self.block.resize(len, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::base::{Limits, LinkType};
    use crate::capture::{Batch, Input, Secrets, Source};

    fn written() -> Vec<u8> {
        let origin = Origin {
            os: "an OS".to_owned(),
            application: "a program".to_owned(),
            comment: "über alles".to_owned(),
            ..Origin::default()
        };
        let mut writer = PcapngWriter::new(Vec::new(), &origin).unwrap();
        writer
            .secrets(Secrets::TLS_KEY_LOG, b"CLIENT_RANDOM 1 2\n")
            .unwrap();
        for (index, link) in [LinkType::ETHERNET, LinkType::RAW].into_iter().enumerate() {
            let interface = Interface {
                name: format!("if{index}"),
                filter: "tcp port 80".to_owned(),
                link,
                snaplen: 100,
                ..Interface::default()
            };
            assert_eq!(writer.interface(&interface).unwrap() as usize, index);
        }
        for index in 0..10u32 {
            let comments = vec!["one".to_owned(), "x".repeat(70_000)];
            let packet = PacketToWrite {
                interface: index % 2,
                time: Timestamp(1_700_000_000_000_000_001 + i64::from(index)),
                original: 1000,
                bytes: &[7; 50][..40 + index as usize],
                comments: if index == 3 { &comments } else { &[] },
                origin: None,
            };
            writer.packet(&packet).unwrap();
        }
        writer.statistics(1, Timestamp(5), 12, 2).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let input = Input::Reader(Box::new(Cursor::new(written())), "test".to_owned());
        let mut source = Source::open(vec![input], &Limits::default()).unwrap();
        let mut batch = Batch::new();
        assert!(source.fill(&mut batch));
        for (index, (record, bytes)) in batch.packets().enumerate() {
            assert_eq!(record.time.0, 1_700_000_000_000_000_001 + index as i64);
            assert_eq!((record.original, bytes.len()), (1000, 40 + index));
            assert_eq!(record.link, [LinkType::ETHERNET, LinkType::RAW][index % 2]);
        }
        assert_eq!(batch.len(), 10);
        assert!(!source.fill(&mut batch));
        let summary = source.summary();
        assert_eq!(summary.truncated, []);
        let comments = &summary.packet_comments[&PacketNumber(4)];
        assert_eq!((comments[0].as_str(), comments[1].len()), ("one", 65_535));
        assert_eq!(summary.secrets[0].bytes, b"CLIENT_RANDOM 1 2\n");
        let file = &summary.files[0];
        assert_eq!(file.comments, ["über alles"]);
        assert_eq!(file.origin, ["an OS, a program"]);
        let interface = &file.interfaces[1];
        assert_eq!(
            (interface.name.as_str(), interface.filter.as_str()),
            ("if1", "tcp port 80")
        );
        assert_eq!((interface.received, interface.dropped), (Some(12), Some(2)));
    }

    #[test]
    fn another_reader_agrees() {
        use pcap_parser::traits::PcapReaderIterator as _;
        let file = written();
        let mut reader = pcap_parser::PcapNGReader::new(1 << 20, &file[..]).unwrap();
        let (mut packets, mut interfaces, mut others) = (0, 0, 0);
        while let Ok((len, block)) = reader.next() {
            use pcap_parser::{Block, PcapBlockOwned};
            match block {
                PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                    assert_eq!(packet.caplen as usize, 40 + packets);
                    packets += 1;
                }
                PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                    assert_eq!(interface.snaplen, 100);
                    interfaces += 1;
                }
                _ => others += 1,
            }
            reader.consume(len);
        }
        assert_eq!((packets, interfaces, others), (10, 2, 3));
    }

    #[test]
    fn a_packet_needs_its_interface() {
        let mut writer = PcapngWriter::new(Vec::new(), &Origin::default()).unwrap();
        assert!(writer.packet(&PacketToWrite::default()).is_err());
    }
}
