//! Packets as pcapng: those of a flow, or those that the rows of the list came in.

use std::io;
use std::sync::{Arc, Mutex};

use hashbrown::HashMap;

use super::pieces::{Make, Pieces, STEP};
use crate::base::{LinkType, PacketNumber};
use crate::capture::{Interface, Origin, PacketToWrite, PcapngWriter};
use crate::cli::tui::load::{About, lock};
use crate::export::comment;
use crate::store::{PacketEntry, Store};
use crate::tui::{App, List, RowId};

/// The packets that the rows of the list came in, each once, in the order of the capture.
pub(super) struct RowPackets {
    list: List,
    at: usize,
    count: usize,
    /// Flow and number; gathered first, then written in order.
    numbers: Vec<(PacketNumber, u32)>,
    written: usize,
    packets: Packets,
}

impl RowPackets {
    pub(super) fn new(app: &App, about: &Arc<Mutex<About>>, out: Pieces) -> io::Result<Self> {
        Ok(Self {
            list: app.list.clone(),
            at: 0,
            count: app.list.len(&app.store),
            numbers: Vec::new(),
            written: 0,
            packets: Packets::new(app, u32::MAX, about, out)?,
        })
    }

    fn note(&mut self, store: &Store, row: RowId) {
        let mut frames = |connection: u32, frames: &[u32]| {
            let Some(flow) = store.flow_of(connection) else {
                return;
            };
            for frame in frames {
                let numbers = store.packets_of(*frame).into_iter();
                self.numbers.extend(numbers.map(|number| (number, flow)));
            }
        };
        match row {
            RowId::Frame(index) => {
                if let Some(frame) = store.frame(index) {
                    frames(frame.connection, &[index]);
                }
            }
            RowId::Message(index) => {
                if let Some(message) = store.message(index) {
                    let all: Vec<u32> = store.frames_of(&message).collect();
                    frames(message.connection, &all);
                }
            }
            RowId::Packet(flow, at) => {
                let entry = store.flow_packet(flow, at as usize);
                self.numbers
                    .extend(entry.map(|entry| (entry.number(), flow)));
            }
        }
    }
}

impl Make for RowPackets {
    fn make(&mut self, app: &App, _: &mut Pieces) -> io::Result<Option<String>> {
        let end = self.count.min(self.at + STEP);
        if self.at < end {
            while self.at < end {
                if let Some(row) = self.list.row(&app.store, self.at) {
                    self.note(&app.store, row);
                }
                self.at += 1;
            }
            if self.at == self.count {
                self.numbers.sort_unstable();
                self.numbers.dedup_by_key(|(number, _)| *number);
            }
            return Ok(None);
        }
        let rest = self.numbers.get(self.written..).unwrap_or_default();
        for (number, flow) in rest.iter().take(STEP) {
            let at = app.store.place_in_flow(*flow, *number);
            if let Some(entry) = app.store.flow_packet(*flow, at) {
                self.packets.packet(&app.store, &entry)?;
            }
            self.written += 1;
        }
        if self.written < self.numbers.len() {
            return Ok(None);
        }
        self.packets.writer.flush()?;
        Ok(Some(format!("{} packets", self.packets.written)))
    }

    fn part(&self) -> (usize, usize) {
        (self.at + self.written, self.count + self.numbers.len())
    }
}

/// The packets of a flow with the findings as comments.
pub(super) struct Packets {
    flow: u32,
    at: usize,
    count: usize,
    about: Arc<Mutex<About>>,
    writer: PcapngWriter<Pieces>,
    comments: HashMap<PacketNumber, Vec<String>>,
    interfaces: HashMap<(LinkType, u16), u32>,
    written: u64,
    gone: u64,
}

impl Packets {
    pub(super) fn new(
        app: &App,
        flow: u32,
        about: &Arc<Mutex<About>>,
        out: Pieces,
    ) -> io::Result<Self> {
        let origin = Origin {
            application: format!("wireloupe {}", env!("CARGO_PKG_VERSION")),
            ..Origin::default()
        };
        let mut writer = PcapngWriter::new(out, &origin)?;
        for secrets in &lock(about).secrets {
            writer.secrets(secrets.kind, &secrets.bytes)?;
        }
        let names: Vec<_> = app.names.of_capture().collect();
        if !names.is_empty() {
            writer.names(names)?;
        }
        Ok(Self {
            flow,
            at: 0,
            count: app.store.packets_of_flow(flow),
            about: Arc::clone(about),
            writer,
            comments: comments(app, flow),
            interfaces: HashMap::new(),
            written: 0,
            gone: 0,
        })
    }

    fn packet(&mut self, store: &Store, entry: &PacketEntry) -> io::Result<()> {
        let Some(packet) = store.read(entry) else {
            self.gone += 1;
            return Ok(());
        };
        let place = (packet.link, entry.position().file());
        let interface = match self.interfaces.get(&place) {
            Some(number) => *number,
            None => {
                let described = described(&lock(&self.about), packet.link, entry);
                let number = self.writer.interface(&described)?;
                self.interfaces.insert(place, number);
                number
            }
        };
        let comments = self.comments.get(&packet.number);
        self.written += 1;
        self.writer.packet(&PacketToWrite {
            interface,
            time: packet.time,
            original: packet.original,
            bytes: &packet.bytes,
            comments: comments.map_or(&[], Vec::as_slice),
            ..PacketToWrite::default()
        })
    }
}

impl Make for Packets {
    fn make(&mut self, app: &App, _: &mut Pieces) -> io::Result<Option<String>> {
        let end = self.count.min(self.at + STEP);
        while self.at < end {
            if let Some(entry) = app.store.flow_packet(self.flow, self.at) {
                self.packet(&app.store, &entry)?;
            }
            self.at += 1;
        }
        if self.at < self.count {
            return Ok(None);
        }
        self.writer.flush()?;
        Ok(Some(match self.gone {
            0 => format!("{} packets", self.written),
            gone => format!("{} packets ({gone} more are no longer kept)", self.written),
        }))
    }

    fn part(&self) -> (usize, usize) {
        (self.at, self.count)
    }
}

/// What is said of packets: remarks, and the findings of a flow's connections.
fn comments(app: &App, flow: u32) -> HashMap<PacketNumber, Vec<String>> {
    let mut comments: HashMap<PacketNumber, Vec<String>> =
        app.written_remarks().into_iter().collect();
    let store = &app.store;
    let indices = 0..store.connections().len() as u32;
    for entry in indices
        .filter(|index| store.flow_of(*index) == Some(flow))
        .filter_map(|index| store.connection(index))
    {
        let found = entry.findings.iter();
        for record in found.filter_map(|at| store.findings().get(*at as usize)) {
            let text = comment(&record.finding);
            comments.entry(record.packet).or_default().push(text);
        }
    }
    comments
}

/// The interface of a packet, as its file described it.
fn described(about: &About, link: LinkType, entry: &PacketEntry) -> Interface {
    let file = about.files.get(usize::from(entry.position().file()));
    let known = file.and_then(|file| {
        let mut interfaces = file.interfaces.iter();
        interfaces.find(|interface| interface.link == link).cloned()
    });
    known.unwrap_or_else(|| Interface {
        link,
        ..Interface::default()
    })
}
