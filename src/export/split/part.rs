//! One part of a capture: a pcapng file that says where each of its packets comes from.

use std::io::{self, Write};

use hashbrown::HashMap;

use crate::base::{LinkType, PacketNumber, Timestamp};
use crate::capture::{
    Interface, Origin, PacketOrigin, PacketRecord, PacketToWrite, PcapngWriter, Summary,
};

/// Which part of which capture.
#[derive(Clone, Copy, Debug)]
pub struct PartOrigin {
    /// Its place among the parts, from 0.
    pub index: usize,
    /// How many there are.
    pub count: usize,
    /// What tells this capture from others: its parts are put together again by that.
    pub capture: u64,
}

/// A part that is being written.
pub struct Part<W: Write> {
    writer: PcapngWriter<W>,
    /// The interfaces described, by file and link type.
    interfaces: HashMap<(u16, LinkType), u32>,
    /// The latest of them: packets come in runs.
    latest: Option<((u16, LinkType), u32)>,
    packets: u64,
    bytes: u64,
}

impl<W: Write> Part<W> {
    /// Begins a part.
    ///
    /// # Errors
    /// When the output fails.
    pub fn new(out: W, origin: &PartOrigin) -> io::Result<Self> {
        let origin = Origin {
            application: format!("wireloupe {}", env!("CARGO_PKG_VERSION")),
            comment: format!(
                "part {} of {}, dealt out by flow",
                origin.index + 1,
                origin.count
            ),
            capture: Some(origin.capture),
            ..Origin::default()
        };
        Ok(Self {
            writer: PcapngWriter::new(out, &origin)?,
            interfaces: HashMap::new(),
            latest: None,
            packets: 0,
            bytes: 0,
        })
    }

    /// Packets written.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Captured bytes of them.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it was written to.
    pub fn into_inner(self) -> W {
        self.writer.into_inner()
    }

    /// Says how far the whole capture went on, and passes everything on to the output.
    pub(super) fn end(&mut self, last: Option<(PacketNumber, Timestamp)>) -> io::Result<()> {
        if let Some((number, time)) = last {
            self.writer.capture_end(number, time)?;
        }
        self.writer.flush()
    }

    pub(super) fn packet(
        &mut self,
        record: &PacketRecord,
        bytes: &[u8],
        origin: PacketOrigin,
        summary: &Summary,
    ) -> io::Result<()> {
        let place = (record.position.file(), record.link);
        let interface = match self.latest {
            Some((latest, number)) if latest == place => number,
            _ => self.interface(place, summary)?,
        };
        self.latest = Some((place, interface));
        let comments = summary.packet_comments.get(&record.number);
        self.packets += 1;
        self.bytes += bytes.len() as u64;
        self.writer.packet(&PacketToWrite {
            interface,
            time: record.time,
            original: record.original,
            bytes,
            comments: comments.map_or(&[], Vec::as_slice),
            origin: Some(origin),
        })
    }

    /// The interface of packets of this file and link type, with the file's name as its comment.
    fn interface(&mut self, place: (u16, LinkType), summary: &Summary) -> io::Result<u32> {
        if let Some(number) = self.interfaces.get(&place) {
            return Ok(*number);
        }
        let (file, link) = place;
        let file = summary.files.get(usize::from(file));
        let known = file.and_then(|file| {
            let mut interfaces = file.interfaces.iter();
            interfaces.find(|interface| interface.link == link).cloned()
        });
        let interface = known.unwrap_or_else(|| Interface {
            link,
            ..Interface::default()
        });
        let name = file.map_or("", |file| &file.name);
        let number = self.writer.interface_with(&interface, name)?;
        self.interfaces.insert(place, number);
        Ok(number)
    }
}
