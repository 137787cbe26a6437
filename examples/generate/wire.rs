//! The capture that is written, and what the network does to packets on their way into it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use wireloupe::base::{LinkType, Timestamp};
use wireloupe::testkit::{PacketBuilder, PcapFormat, Random, Segment};

/// How large an input is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Bytes(u64),
    Count(u64),
}

impl Size {
    /// Reads `500MB`, `100k` or `1000`.
    pub(crate) fn parse(text: &str) -> Option<Size> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().ok()?;
        Some(match &text[digits.len()..] {
            "" => Size::Count(number),
            "k" => Size::Count(number * 1_000),
            "M" => Size::Count(number * 1_000_000),
            "B" => Size::Bytes(number),
            "kB" => Size::Bytes(number * 1_000),
            "MB" => Size::Bytes(number * 1_000_000),
            "GB" => Size::Bytes(number * 1_000_000_000),
            _ => return None,
        })
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {} packets", self.bytes, self.packets)
    }
}

/// A packet that waits until `due` packets were written.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Late {
    due: u64,
    packet: Vec<u8>,
}

/// Writes packets in their order of capture, 10 microseconds apart.
pub(crate) struct Wire {
    file: BufWriter<File>,
    size: Size,
    written: Summary,
    now: Timestamp,
    /// Nanoseconds between packets.
    pub(crate) step: i64,
    builder: PacketBuilder,
    record: Vec<u8>,
    /// Decides which data packets come late, in percent; 0 for a perfect network.
    pub(crate) reordered: u64,
    random: Random,
    late: BinaryHeap<Reverse<Late>>,
}

impl Wire {
    pub(crate) fn create(path: &str, size: Size) -> io::Result<Wire> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let header = PcapFormat::default().header(LinkType::ETHERNET);
        file.write_all(&header)?;
        Ok(Wire {
            file,
            size,
            written: Summary {
                bytes: header.len() as u64,
                packets: 0,
            },
            now: Timestamp(1_700_000_000_000_000_000),
            step: 10_000,
            builder: PacketBuilder::default(),
            record: Vec::new(),
            reordered: 0,
            random: Random::new(1),
            late: BinaryHeap::new(),
        })
    }

    /// Whether there is room for more; `made` counts what the input is made of.
    pub(crate) fn wants_more(&self, made: u64) -> bool {
        match self.size {
            Size::Bytes(bytes) => self.written.bytes < bytes,
            Size::Count(count) => made < count,
        }
    }

    /// The count asked for, or as many things of `each` bytes as fit.
    pub(crate) fn count(&self, each: u64) -> u64 {
        match self.size {
            Size::Bytes(bytes) => bytes / each,
            Size::Count(count) => count,
        }
    }

    pub(crate) fn packets(&self) -> u64 {
        self.written.packets
    }

    /// Sends a segment over the network.
    pub(crate) fn tcp(&mut self, segment: &Segment) -> io::Result<()> {
        let packet = self.builder.tcp(segment);
        if self.reordered > 0 && !segment.payload.is_empty() && self.random.percent(self.reordered)
        {
            self.delay(packet, 8);
            return Ok(());
        }
        self.packet(&packet)
    }

    /// Sends a segment that comes up to `most` packets late.
    pub(crate) fn tcp_late(&mut self, segment: &Segment, most: u64) {
        let packet = self.builder.tcp(segment);
        self.delay(packet, most);
    }

    pub(crate) fn builder(&self) -> &PacketBuilder {
        &self.builder
    }

    fn delay(&mut self, packet: Vec<u8>, most: u64) {
        let due = self.written.packets + 1 + self.random.below(most);
        self.late.push(Reverse(Late { due, packet }));
    }

    /// Writes a packet, and those that were due by then.
    pub(crate) fn packet(&mut self, packet: &[u8]) -> io::Result<()> {
        self.write(packet)?;
        while self
            .late
            .peek()
            .is_some_and(|Reverse(late)| late.due <= self.written.packets)
        {
            if let Some(Reverse(late)) = self.late.pop() {
                self.write(&late.packet)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, packet: &[u8]) -> io::Result<()> {
        self.record.clear();
        PcapFormat::default().record(self.now, packet, &mut self.record);
        self.now.0 += self.step;
        self.written.bytes += self.record.len() as u64;
        self.written.packets += 1;
        self.file.write_all(&self.record)
    }

    pub(crate) fn finish(mut self) -> io::Result<Summary> {
        while let Some(Reverse(late)) = self.late.pop() {
            self.write(&late.packet)?;
        }
        self.file.flush()?;
        Ok(self.written)
    }
}
