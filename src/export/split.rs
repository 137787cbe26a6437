//! Dealing a capture out to parts: every flow whole in one of them, packets in their order and with the numbers they had.
//!
//! Which part a packet goes to depends on its flow's addresses and ports alone, so the same flow has the same part in every
//! capture that is dealt out to as many. Packets wait only where an IP fragment's datagram is not complete, since
//! then nobody knows yet where it goes and what comes behind it in the same part must wait too.

mod part;
mod secrets;

use std::collections::VecDeque;
use std::io::{self, Write};

use hashbrown::{HashMap, HashSet};

use crate::base::{Limits, Needs, PacketNumber, Timestamp};
use crate::capture::{Batch, PacketOrigin, Summary};
use crate::engine::{self, Engine, Sink};
use crate::wire::{Datagram, Sorter, To, Walker};

pub use part::{Part, PartOrigin};
pub use secrets::{KeyNames, front};

/// Bytes of packets that wait for IP fragments. Beyond it a fragment goes where its addresses say.
const WAITING: usize = 16 << 20;

/// Servers of QUIC remembered; of those beyond, only what is certain is kept.
const SERVERS: usize = 1 << 16;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Part(u32),
    /// Where its datagram goes, or here if that is never complete.
    Waits(u32),
    /// It is left out.
    Nowhere,
}

/// Deals out batches of packets.
pub struct Splitter<W: Write> {
    sorter: Sorter,
    watch: Option<Watch>,
    /// Servers that speak QUIC, by the hash of their end.
    servers: HashSet<u64>,
    parts: Vec<Part<W>>,
    held: VecDeque<Held>,
    held_bytes: usize,
    /// How many batches were written before the first of `held`.
    written: u64,
    /// The packets of each incomplete datagram.
    waiting: HashMap<Datagram, Vec<Slot>>,
    /// Packets written of each input.
    in_files: Vec<u64>,
    dropped: u64,
    /// Number and time of the capture's latest packet.
    last: Option<(PacketNumber, Timestamp)>,
}

/// A batch with packets that wait.
struct Held {
    batch: Batch,
    places: Vec<Place>,
}

/// A packet that waits: its batch, counted from the first ever, and its place in that.
#[derive(Clone, Copy, Debug)]
struct Slot {
    batch: u64,
    index: usize,
}

impl<W: Write> Splitter<W> {
    /// Deals out to these parts.
    pub fn new(parts: Vec<Part<W>>, limits: &Limits) -> Self {
        Self {
            sorter: Sorter::new(limits),
            watch: None,
            servers: HashSet::new(),
            parts,
            held: VecDeque::new(),
            held_bytes: 0,
            written: 0,
            waiting: HashMap::new(),
            in_files: Vec::new(),
            dropped: 0,
            last: None,
        }
    }

    /// Leaves out what cannot be a WebSocket: packets without TCP, and what a flow sends once its first bytes have shown
    /// that it speaks neither HTTP nor TLS nor frames. With TLS that nobody decrypts, nobody knows.
    #[must_use]
    pub fn only_possible(mut self, options: engine::Options) -> Self {
        self.watch = Some(Watch::new(options));
        self
    }

    /// Deals out the packets of a batch, which may be taken; `summary` is that of their source.
    ///
    /// # Errors
    /// When a part cannot be written.
    pub fn push(&mut self, batch: &mut Batch, summary: &Summary) -> io::Result<()> {
        self.last = batch.last().or(self.last);
        let places = self.sort(batch);
        if self.held.is_empty() && !places.iter().any(|place| matches!(place, Place::Waits(_))) {
            return self.write(batch, &places, summary);
        }
        self.held_bytes += batch.byte_len();
        self.held.push_back(Held {
            batch: std::mem::take(batch),
            places,
        });
        self.settle(WAITING, summary)
    }

    /// Writes what still waits, and gives the parts back and how many packets were left out.
    ///
    /// # Errors
    /// When a part cannot be written.
    pub fn finish(mut self, summary: &Summary) -> io::Result<(Vec<Part<W>>, u64)> {
        self.settle(0, summary)?;
        for part in &mut self.parts {
            part.end(self.last)?;
        }
        Ok((self.parts, self.dropped))
    }

    fn sort(&mut self, batch: &Batch) -> Vec<Place> {
        let mut watch = self.watch.take();
        let kept = watch.as_mut().map(|watch| watch.look(batch));
        let is_watched = kept.is_some();
        let mut kept = kept.map(|kept| kept.iter().copied().peekable());
        let mut places = Vec::with_capacity(batch.len());
        let serial = self.written + self.held.len() as u64;
        for (index, (record, bytes)) in batch.packets().enumerate() {
            let is_kept = match &mut kept {
                Some(kept) => kept.next_if_eq(&record.number).is_some(),
                None => true,
            };
            let sorted = self
                .sorter
                .sort(record.link, record.time, bytes, record.original);
            let slot = Slot {
                batch: serial,
                index,
            };
            let is_kept = match sorted.to {
                To::Datagram(hash) if is_watched => self.speaks_quic(hash, is_kept),
                _ => is_kept,
            };
            let (place, datagram) = match sorted.to {
                To::Flow(_) | To::Datagram(_) | To::Nothing if !is_kept => (Place::Nowhere, None),
                To::Flow(hash) | To::Datagram(hash) => (Place::Part(self.part(hash)), None),
                To::Nothing => (Place::Part(0), None),
                To::Fragment(datagram, hash) => (Place::Waits(self.part(hash)), Some(datagram)),
            };
            places.push(place);
            let mut slots = Vec::new();
            for whole in sorted.completes {
                slots.extend(self.waiting.remove(&whole).unwrap_or_default());
            }
            match datagram {
                Some(datagram) => {
                    let waiting = self.waiting.entry(datagram).or_default();
                    waiting.extend(slots);
                    waiting.push(slot);
                }
                None => self.decide(&slots, place, serial, &mut places),
            }
        }
        self.watch = watch;
        places
    }

    /// Whether the server of a datagram speaks QUIC; `is_certain` says that this datagram is. Only keys would tell what a
    /// client sends from the address that it moved to.
    fn speaks_quic(&mut self, server: u64, is_certain: bool) -> bool {
        if is_certain && self.servers.len() < SERVERS {
            self.servers.insert(server);
        }
        is_certain || self.servers.contains(&server)
    }

    fn part(&self, hash: u64) -> u32 {
        ((u128::from(hash) * self.parts.len() as u128) >> 64) as u32
    }

    /// Sends packets that waited to their place; `places` are those of the batch at hand.
    fn decide(&mut self, slots: &[Slot], place: Place, serial: u64, places: &mut [Place]) {
        for slot in slots {
            let places = match slot.batch == serial {
                true => &mut *places,
                false => {
                    let held = slot.batch.checked_sub(self.written);
                    match held.and_then(|at| self.held.get_mut(at as usize)) {
                        Some(held) => &mut held.places,
                        None => continue, // It could not wait so long.
                    }
                }
            };
            if let Some(waits) = places.get_mut(slot.index) {
                *waits = place;
            }
        }
    }

    /// Writes the held batches in front of the first that waits, and further ones until no more than `most` bytes are held.
    fn settle(&mut self, most: usize, summary: &Summary) -> io::Result<()> {
        while let Some(first) = self.held.front() {
            let waits = |place: &Place| matches!(place, Place::Waits(_));
            if self.held_bytes <= most && first.places.iter().any(waits) {
                break;
            }
            let gives_up = first.places.iter().any(waits);
            let Some(held) = self.held.pop_front() else {
                break;
            };
            self.held_bytes -= held.batch.byte_len();
            self.write(&held.batch, &held.places, summary)?;
            if gives_up {
                let written = self.written;
                self.waiting
                    .retain(|_, slots| slots.last().is_some_and(|slot| slot.batch >= written));
            }
        }
        if self.held.is_empty() {
            self.waiting.clear();
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch, places: &[Place], summary: &Summary) -> io::Result<()> {
        self.written += 1;
        if self.in_files.len() < summary.files.len() {
            self.in_files.resize(summary.files.len(), 0);
        }
        for ((record, bytes), place) in batch.packets().zip(places) {
            let file = record.position.file();
            let mut in_file = 0;
            if let Some(count) = self.in_files.get_mut(usize::from(file)) {
                *count += 1;
                in_file = *count;
            }
            let part = match *place {
                Place::Part(part) => part,
                // Nobody can read a fragment whose datagram is not complete.
                Place::Waits(part) if self.watch.is_none() => part,
                Place::Waits(_) | Place::Nowhere => {
                    self.dropped += 1;
                    continue;
                }
            };
            let origin = PacketOrigin {
                number: record.number,
                in_file,
            };
            if let Some(part) = self.parts.get_mut(part as usize) {
                part.packet(record, bytes, origin, summary)?;
            }
        }
        Ok(())
    }
}

/// Tells which packets may matter to a WebSocket.
struct Watch {
    engine: Engine<Told>,
    walker: Walker,
}

/// The packets of flows that are or may become ours, in order.
#[derive(Default)]
struct Told(Vec<PacketNumber>);

impl Sink for Told {
    fn needs(&self) -> Needs {
        Needs::EXTENTS
    }

    fn packet(&mut self, _flow: u64, packet: PacketNumber) {
        self.0.push(packet);
    }
}

impl Watch {
    fn new(options: engine::Options) -> Self {
        let walker = Walker::new(&options.limits);
        let mut engine = Engine::new(options, Told::default());
        // With a key log, even an empty one, flows of TLS are not passed over.
        engine.set_keys(Default::default());
        Self { engine, walker }
    }

    fn look(&mut self, batch: &Batch) -> &[PacketNumber] {
        self.engine.sink().0.clear();
        self.engine.batch(batch, &mut self.walker);
        &self.engine.sink().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LinkType;
    use crate::capture::{Input, Source};
    use crate::testkit::{Conversation, pcap};

    /// The parts' bytes, and how many packets were left out.
    fn split(file: Vec<u8>, count: usize, only_possible: bool) -> (Vec<Vec<u8>>, u64) {
        let limits = Limits::default();
        let input = Input::Reader(Box::new(io::Cursor::new(file)), "a.pcap".to_owned());
        let mut source = Source::open(vec![input], &limits).unwrap();
        let parts = (0..count).map(|index| {
            let origin = PartOrigin {
                index,
                count,
                capture: 7,
            };
            Part::new(Vec::new(), &origin).unwrap()
        });
        let mut splitter = Splitter::new(parts.collect(), &limits);
        if only_possible {
            splitter = splitter.only_possible(engine::Options::default());
        }
        let mut batch = Batch::new();
        while source.fill(&mut batch) {
            splitter.push(&mut batch, source.summary()).unwrap();
        }
        let (parts, dropped) = splitter.finish(source.summary()).unwrap();
        let bytes = parts.into_iter().map(|part| part.into_inner());
        (bytes.collect(), dropped)
    }

    /// Numbers and bytes of the packets of a capture.
    fn packets(files: Vec<Vec<u8>>) -> Vec<(u64, Vec<u8>)> {
        let input = |file| Input::Reader(Box::new(io::Cursor::new(file)), "part".to_owned());
        let inputs = files.into_iter().map(input).collect();
        let mut source = Source::open(inputs, &Limits::default()).unwrap();
        let (mut batch, mut packets) = (Batch::new(), Vec::new());
        while source.fill(&mut batch) {
            let these = batch.packets();
            packets.extend(these.map(|(record, bytes)| (record.number.0, bytes.to_vec())));
        }
        packets
    }

    fn flows(count: u16) -> Vec<u8> {
        let mut all = Vec::new();
        for flow in 0..count {
            let client = format!("10.0.0.1:{}", 40_000 + flow);
            let conversation = Conversation::new(&client, "10.0.0.2:80").connect();
            let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
            all.extend(conversation.client(request).server("x").fin().packets());
        }
        // All flows side by side, many packets at one time.
        all.sort_by_key(|(time, _)| *time);
        pcap(LinkType::ETHERNET, &all)
    }

    #[test]
    fn parts_together_are_the_whole() {
        let whole = flows(50);
        let expected = packets(vec![whole.clone()]);
        for count in [1, 2, 7] {
            let (parts, dropped) = split(whole.clone(), count, false);
            assert_eq!((parts.len(), dropped), (count, 0));
            assert_eq!(packets(parts.clone()), expected);
            // And alone they keep their numbers.
            for part in parts {
                let alone = packets(vec![part]);
                assert!(alone.iter().all(|packet| expected.contains(packet)));
                assert!(alone.len() > 50 / count, "{count}");
            }
        }
    }

    #[test]
    fn flows_of_something_else_are_cut_short() {
        let mail = Conversation::new("10.0.0.1:40000", "10.0.0.2:25").connect();
        let mut mail = mail.server("220 mail.example\r\n").client("EHLO a\r\n");
        for _ in 0..100 {
            mail = mail.client("x".repeat(1000));
        }
        let (parts, dropped) = split(pcap(LinkType::ETHERNET, &mail.packets()), 1, true);
        assert!(dropped > 90, "{dropped}");
        assert!(packets(parts).len() < 20);
        let (parts, dropped) = split(flows(3), 1, true);
        assert_eq!(dropped, 0);
        assert_eq!(packets(parts), packets(vec![flows(3)]));
    }

    /// Packets of one flow between fragments of another, cut into IPv4 fragments that come last first.
    #[test]
    fn what_stands_behind_a_fragment_waits_for_it() {
        let mut numbered = Vec::new();
        for (flow, port) in [(0u8, 40_000), (1, 40_001)] {
            let client = format!("10.0.0.1:{port}");
            let conversation = Conversation::new(&client, "10.0.0.2:80").connect();
            let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
            let packets = conversation.client(request).fin().packets();
            numbered.extend(packets.into_iter().map(|packet| (flow, packet)));
        }
        numbered.sort_by_key(|(flow, (time, _))| (*time, *flow));
        let mut all = Vec::new();
        for (flow, (time, packet)) in numbered {
            match flow {
                0 if packet.len() > 80 => {
                    let parts = fragments(&packet);
                    all.push((time, parts[1].clone()));
                    all.push((time, parts[0].clone()));
                }
                _ => all.push((time, packet)),
            }
        }
        let whole = pcap(LinkType::ETHERNET, &all);
        let expected = packets(vec![whole.clone()]);
        for count in [1, 5] {
            let (parts, _) = split(whole.clone(), count, false);
            assert_eq!(packets(parts.clone()), expected);
            let has = |part: &Vec<u8>| packets(vec![part.clone()]).len();
            let flows: Vec<usize> = parts.iter().map(has).filter(|len| *len > 0).collect();
            // Each flow is in one part, the fragments with the rest of theirs.
            assert!(flows.len() <= 2, "{flows:?}");
            assert_eq!(flows.iter().sum::<usize>(), expected.len());
        }
    }

    fn fragments(packet: &[u8]) -> [Vec<u8>; 2] {
        let (head, payload) = packet.split_at(34);
        let part = |field: u16, payload: &[u8]| {
            let mut part = head.to_vec();
            part[16..18].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
            part[20..22].copy_from_slice(&field.to_be_bytes());
            part.extend_from_slice(payload);
            part
        };
        [part(0x2000, &payload[..24]), part(3, &payload[24..])]
    }

    #[test]
    fn fragments_that_never_become_whole_are_not_waited_for_for_ever() {
        let packets_of = Conversation::new("10.0.0.1:40000", "10.0.0.2:80").connect();
        let packets_of = packets_of.client("x".repeat(1000)).packets();
        let (time, long) = packets_of.last().unwrap();
        let lonely = fragments(long)[1].clone();
        let mut all = vec![(*time, lonely)];
        all.extend(std::iter::repeat_n((*time, long.clone()), 20_000));
        let whole = pcap(LinkType::ETHERNET, &all);
        let (parts, dropped) = split(whole, 3, false);
        assert_eq!((packets(parts).len(), dropped), (20_001, 0));
    }
}
