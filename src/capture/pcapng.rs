//! The pcapng file format: blocks of a type, a length, a body, and the length again.
//!
//! Pure functions over bytes, after draft-ietf-opsawg-pcapng. [`Pcapng::index`] notes where the packets of a buffer lie
//! and copies nothing but metadata: interfaces, comments, decryption secrets, drop counts. Every section brings its own
//! byte order and its own interfaces. Unknown blocks and options are passed over; a block that contradicts itself ends
//! the file there, since nothing behind it can be found with certainty.
//!
//! A Simple Packet Block has no time: it gets the one of the packet before it.

mod clock;
mod names;
mod notes;
mod processes;

use super::Broken;
use super::batch::{Batch, FilePosition, PacketRecord};
use super::part;
use super::place::BufferPlace;
use super::summary::{Interface, Secrets};
use crate::base::{LinkType, Named, PacketNumber, Timestamp};

use clock::{Clock, Resolution};
pub(super) use notes::Notes;
use notes::{keys_in, text};
use processes::Processes;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Option `epb_packetid`.
const PACKET_ID: u16 = 5;
/// Option `isb_endtime`.
const END_TIME: u16 = 3;

/// Interfaces a section may have; one that declares more is broken or means harm.
const MOST_INTERFACES: usize = 65_536;

/// Whether `bytes` begin as a pcapng file does.
pub(super) fn is_pcapng(bytes: &[u8]) -> bool {
    bytes.starts_with(&SECTION_HEADER.to_le_bytes())
        && bytes.get(8..12).is_none_or(|order| {
            order == BYTE_ORDER.to_le_bytes() || order == BYTE_ORDER.to_be_bytes()
        })
}

/// The state of a file being read: the section's byte order and interfaces.
#[derive(Clone, Debug, Default)]
pub(super) struct Pcapng {
    big_endian: bool,
    in_section: bool,
    interfaces: Vec<Clock>,
    /// Where this section's interfaces begin in the file's summary.
    first_interface: usize,
    last_time: Timestamp,
    /// The capture that the file is a part of.
    capture: Option<u64>,
    /// Those that the section describes.
    processes: Processes,
    /// The number of the latest packet of a part.
    last_number: u64,
    /// Bytes of the file that were looked through in front: the secrets in them were taken.
    pub(super) looked_through: u64,
}

/// A block that was cut out of the buffer: its body and where that begins.
struct Block<'a> {
    kind: u32,
    body: &'a [u8],
    /// Offset of the body in the buffer.
    at: usize,
}

/// What the start of the buffer is.
enum Next<'a> {
    Block(Block<'a>, usize),
    More,
    Broken(String),
}

impl Pcapng {
    /// Notes every whole block in `batch.data[..filled]` and says how many bytes they take, or what is broken there.
    pub(super) fn index(
        &mut self,
        batch: &mut Batch,
        place: &mut BufferPlace,
        notes: &mut Notes<'_>,
    ) -> (usize, Option<Broken>) {
        let Batch {
            data,
            filled,
            packets,
            comments,
            named,
            ..
        } = batch;
        let data = &data[..*filled];
        let mut at = 0;
        loop {
            let (block, len) = match self.next(data, at, place.limit) {
                Next::Block(block, len) => (block, len),
                Next::More => return (at, None),
                Next::Broken(why) => return (at, Some(Broken { why })),
            };
            notes.takes_secrets = place.offset + at as u64 >= self.looked_through;
            let done = match block.kind {
                ENHANCED_PACKET | PACKET => self.packet(&block, place, packets).map(|options| {
                    if options.len() >= 4 {
                        let before = comments.len();
                        self.packet_comments(options, packets.len() - 1, comments, notes);
                        let comments = comments.get(before..).unwrap_or_default();
                        named.extend(self.named(options, packets.len() - 1, comments));
                    }
                    if self.capture.is_some() {
                        self.renumber(options, packets);
                    }
                }),
                SIMPLE_PACKET => self.simple_packet(&block, place, packets),
                _ => self.metadata(&block, notes),
            };
            if let Err(why) = done {
                let why = why.to_owned();
                return (at, Some(Broken { why }));
            }
            at += len;
        }
    }

    /// Cuts the block at `at`. A section header sets the byte order before its length is read.
    #[inline]
    fn next<'a>(&mut self, data: &'a [u8], at: usize, limit: usize) -> Next<'a> {
        let rest = &data[at..];
        let Some(head) = rest.first_chunk::<8>() else {
            return Next::More;
        };
        let [k0, k1, k2, k3, l0, l1, l2, l3] = *head;
        if [k0, k1, k2, k3] == SECTION_HEADER.to_le_bytes() {
            match rest
                .get(8..12)
                .map(|order| order == BYTE_ORDER.to_be_bytes())
            {
                None => return Next::More,
                Some(true) => self.big_endian = true,
                Some(false) if rest[8..12] == BYTE_ORDER.to_le_bytes() => self.big_endian = false,
                Some(false) => {
                    return Next::Broken("the section header there has no byte-order mark".into());
                }
            }
        } else if !self.in_section {
            return Next::Broken("there is no section header".into());
        }
        let len = self.u32([l0, l1, l2, l3]) as usize;
        if len < 12 || !len.is_multiple_of(4) {
            return Next::Broken(format!(
                "the block there declares a length of {len} bytes, which none can have"
            ));
        }
        if len > limit {
            return Next::Broken(format!(
                "the block there declares {len} bytes, more than any block has"
            ));
        }
        let Some(whole) = rest.get(..len) else {
            return Next::More;
        };
        let (body, trailer) = whole[8..].split_at(len - 12);
        if trailer != [l0, l1, l2, l3] {
            return Next::Broken("the block there has two lengths that differ".into());
        }
        let block = Block {
            kind: self.u32([k0, k1, k2, k3]),
            body,
            at: at + 8,
        };
        Next::Block(block, len)
    }

    /// Notes the packet of an Enhanced (or obsolete) Packet Block and gives its options.
    #[inline]
    fn packet<'a>(
        &mut self,
        block: &Block<'a>,
        place: &mut BufferPlace,
        packets: &mut Vec<PacketRecord>,
    ) -> Result<&'a [u8], &'static str> {
        let header = block
            .body
            .first_chunk::<20>()
            .ok_or("the packet block there is too short")?;
        let word =
            |at: usize| self.u32([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let interface = if block.kind == ENHANCED_PACKET {
            word(0) as usize
        } else {
            // Interface and drop count share the first word.
            usize::from(self.u16([header[0], header[1]]))
        };
        let clock = *self
            .interfaces
            .get(interface)
            .ok_or("the packet there names an interface that was not described")?;
        let (captured, original) = (word(12), word(16));
        let data_len = (captured as usize).next_multiple_of(4);
        let options = block
            .body
            .get(20 + data_len..)
            .ok_or("the packet there is longer than its block")?;
        self.last_time = clock.time(u64::from(word(4)) << 32 | u64::from(word(8)));
        packets.push(self.record(clock.link, block.at + 20, captured, original, place));
        Ok(options)
    }

    fn simple_packet(
        &mut self,
        block: &Block<'_>,
        place: &mut BufferPlace,
        packets: &mut Vec<PacketRecord>,
    ) -> Result<(), &'static str> {
        let clock = *self
            .interfaces
            .first()
            .ok_or("the packet there names an interface that was not described")?;
        let original = block
            .body
            .first_chunk::<4>()
            .ok_or("the packet block there is too short")?;
        let original = self.u32(*original);
        let snaplen = if clock.snaplen == 0 {
            u32::MAX
        } else {
            clock.snaplen
        };
        let captured = original.min(snaplen).min(block.body.len() as u32 - 4);
        packets.push(self.record(clock.link, block.at + 4, captured, original, place));
        Ok(())
    }

    fn record(
        &self,
        link: LinkType,
        start: usize,
        captured: u32,
        original: u32,
        place: &mut BufferPlace,
    ) -> PacketRecord {
        let number = PacketNumber(place.next_number);
        place.next_number += 1;
        PacketRecord {
            number,
            time: self.last_time,
            position: FilePosition::new(place.file, place.offset + start as u64),
            start: start as u32,
            captured,
            original: original.max(captured),
            link,
        }
    }

    fn packet_comments(
        &self,
        options: &[u8],
        index: usize,
        comments: &mut Vec<(u32, String)>,
        notes: &mut Notes<'_>,
    ) {
        for (code, value) in self.options(options) {
            if code == 1 && notes.charge(value.len()) {
                keys_in(value, notes);
                comments.push((index as u32, text(value)));
            }
        }
    }

    /// Whose the packet is, as far as the file says.
    fn named(&self, options: &[u8], index: usize, comments: &[(u32, String)]) -> Option<Named> {
        let word = |code| {
            let found = self.options(options).find(|(found, _)| *found == code);
            found.and_then(|(_, value)| Some(self.u32(*value.first_chunk()?)))
        };
        let (flags, process) = (word(processes::FLAGS), word(processes::OF_PROCESS));
        self.processes.named(index, comments, flags, process)
    }

    /// Takes a block that describes a process.
    fn process(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Result<(), &'static str> {
        let (pid, options) = body
            .split_first_chunk::<4>()
            .ok_or("the process block there is too short")?;
        let name = self
            .options(options)
            .find(|(code, _)| *code == processes::NAME);
        let pid = self.u32(*pid);
        self.processes.add(pid, name.map(|(_, name)| name), notes);
        Ok(())
    }

    /// Of which capture the file is a part, as far as it was read.
    pub(super) fn capture(&self) -> Option<u64> {
        self.capture
    }

    /// A part's packet has the number it had in the whole.
    fn renumber(&mut self, options: &[u8], packets: &mut [PacketRecord]) {
        let mut options = self.options(options);
        let claimed = options.find(|(code, _)| *code == PACKET_ID);
        let claimed = claimed.and_then(|(_, value)| Some(self.u64(*value.first_chunk()?)));
        if let Some(packet) = packets.last_mut() {
            packet.number = part::number(claimed, self.last_number);
            self.last_number = packet.number.0;
        }
    }

    fn metadata(&mut self, block: &Block<'_>, notes: &mut Notes<'_>) -> Result<(), &'static str> {
        match block.kind {
            SECTION_HEADER => self.section(block.body, notes),
            INTERFACE => self.interface(block.body, notes),
            STATISTICS => self.statistics(block.body, notes),
            SECRETS => self.secrets(block.body, notes),
            processes::BLOCK => self.process(block.body, notes),
            NAMES => {
                self.names(block.body, notes);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn section(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Result<(), &'static str> {
        let major = body
            .get(4..6)
            .ok_or("the section header there is too short")?;
        if self.u16([major[0], major[1]]) != 1 {
            return Err("the section there has a version that is unknown: 1.0 and 1.2 can be read");
        }
        self.in_section = true;
        self.interfaces.clear();
        self.processes.clear();
        self.first_interface = notes.file().map_or(0, |file| file.interfaces.len());
        let mut origin = Vec::new();
        for (code, value) in self.options(body.get(16..).unwrap_or_default()) {
            match code {
                1 => self.comment(value, notes),
                part::OF_CAPTURE => self.capture = self.capture.or(part::capture(value)),
                2..=4 if notes.charge(value.len()) => origin.push(text(value)),
                _ => {}
            }
        }
        if let Some(file) = notes.file().filter(|_| !origin.is_empty()) {
            file.origin.push(origin.join(", "));
        }
        Ok(())
    }

    fn comment(&self, value: &[u8], notes: &mut Notes<'_>) {
        if !notes.charge(value.len()) {
            return;
        }
        keys_in(value, notes);
        if let Some(file) = notes.file() {
            file.comments.push(text(value));
        }
    }

    fn interface(&mut self, body: &[u8], notes: &mut Notes<'_>) -> Result<(), &'static str> {
        let head = body
            .first_chunk::<8>()
            .ok_or("the interface description there is too short")?;
        if self.interfaces.len() >= MOST_INTERFACES {
            return Err("the section there describes more interfaces than any machine has");
        }
        let mut clock = Clock {
            link: LinkType(self.u16([head[0], head[1]])),
            snaplen: self.u32([head[4], head[5], head[6], head[7]]),
            ..Clock::default()
        };
        let mut shown = Interface {
            link: clock.link,
            snaplen: clock.snaplen,
            ..Interface::default()
        };
        for (code, value) in self.options(&body[8..]) {
            match (code, value) {
                (1, _) => self.comment(value, notes),
                (2, _) if notes.charge(value.len()) => shown.name = text(value),
                (3, _) if notes.charge(value.len()) => shown.description = text(value),
                (9, [resolution, ..]) => clock.resolution = Resolution::parse(*resolution),
                // The first byte says what language: 0 for libpcap's, 1 for compiled BPF.
                (11, [0, filter @ ..]) if notes.charge(filter.len()) => shown.filter = text(filter),
                (14, _) => {
                    clock.offset = value.first_chunk().map_or(0, |raw| self.u64(*raw) as i64)
                }
                _ => {}
            }
        }
        self.interfaces.push(clock);
        if notes.charge(0)
            && let Some(file) = notes.file()
        {
            file.interfaces.push(shown);
        }
        Ok(())
    }

    /// That the capture which the file is a part of went on to a certain packet.
    fn capture_end(&self, body: &[u8], interface: usize, notes: &mut Notes<'_>) {
        let of = |code| {
            let mut options = self.options(body.get(12..).unwrap_or_default());
            let found = options.find(|(found, _)| *found == code);
            found.and_then(|(_, value)| value.first_chunk::<8>().copied())
        };
        let (Some(number), Some(time)) = (of(part::END_NUMBER), of(END_TIME)) else {
            return;
        };
        let Some(clock) = self.interfaces.get(interface) else {
            return;
        };
        let [a, b, c, d, e, f, g, h] = time;
        let units = u64::from(self.u32([a, b, c, d])) << 32 | u64::from(self.u32([e, f, g, h]));
        let end = (part::number(Some(self.u64(number)), 0), clock.time(units));
        notes.summary.end = notes.summary.end.max(Some(end));
    }

    fn statistics(&self, body: &[u8], notes: &mut Notes<'_>) -> Result<(), &'static str> {
        let head = body
            .first_chunk::<12>()
            .ok_or("the statistics there are too short")?;
        let interface = self.u32([head[0], head[1], head[2], head[3]]) as usize;
        if self.capture.is_some() {
            self.capture_end(body, interface, notes);
        }
        let at = self.first_interface.saturating_add(interface);
        for (code, value) in self.options(&body[12..]) {
            let count = value.first_chunk().map(|raw| self.u64(*raw));
            let Some(shown) = notes.file().and_then(|file| file.interfaces.get_mut(at)) else {
                return Ok(());
            };
            match code {
                4 => shown.received = count,
                5 => shown.dropped = count,
                _ => {}
            }
        }
        Ok(())
    }

    fn secrets(&self, body: &[u8], notes: &mut Notes<'_>) -> Result<(), &'static str> {
        if !notes.takes_secrets {
            return Ok(());
        }
        let head = body
            .first_chunk::<8>()
            .ok_or("the secrets block there is too short")?;
        let kind = self.u32([head[0], head[1], head[2], head[3]]);
        let len = self.u32([head[4], head[5], head[6], head[7]]) as usize;
        let bytes = body[8..]
            .get(..len)
            .ok_or("the secrets there are longer than their block")?;
        if notes.charge(len) {
            let bytes = bytes.to_vec();
            notes.summary.secrets.push(Secrets { kind, bytes });
        }
        Ok(())
    }

    fn names(&self, body: &[u8], notes: &mut Notes<'_>) {
        for (address, name) in names::records(body, self.big_endian) {
            if notes.charge(name.len()) {
                notes.summary.names.push((address, name));
            }
        }
    }

    /// The options of a block, up to the end mark or to where they stop making sense.
    fn options<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let big_endian = self.big_endian;
        let mut rest = bytes;
        std::iter::from_fn(move || {
            let (head, after) = rest.split_first_chunk::<4>()?;
            let u16 = |raw| {
                if big_endian {
                    u16::from_be_bytes(raw)
                } else {
                    u16::from_le_bytes(raw)
                }
            };
            let (code, len) = (
                u16([head[0], head[1]]),
                usize::from(u16([head[2], head[3]])),
            );
            if code == 0 {
                return None;
            }
            let value = after.get(..len)?;
            rest = after.get(len.next_multiple_of(4)..).unwrap_or_default();
            Some((code, value))
        })
    }

    #[inline(always)]
    fn u16(&self, raw: [u8; 2]) -> u16 {
        if self.big_endian {
            u16::from_be_bytes(raw)
        } else {
            u16::from_le_bytes(raw)
        }
    }

    #[inline(always)]
    fn u32(&self, raw: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(raw)
        } else {
            u32::from_le_bytes(raw)
        }
    }

    fn u64(&self, raw: [u8; 8]) -> u64 {
        if self.big_endian {
            u64::from_be_bytes(raw)
        } else {
            u64::from_le_bytes(raw)
        }
    }
}
