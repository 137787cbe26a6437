//! Which packets belong to chosen connections, and what is wrong at them: what a packet file is made of.

use std::io::{self, Write};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::base::{Finding, LinkType, Needs, PacketNumber};
use crate::capture::{Batch, Interface, Origin, PacketToWrite, PcapngWriter, Secrets, Summary};
use crate::engine::{Connection, Engine, FindingEvent, Options, Sink};
use crate::tls::{KeyLog, KeyName};
use crate::wire::Walker;

/// A sink that notes the packets of flows.
///
/// A flow is named by its first packet, which is the first it emits; so a choice made in an earlier pass is known here
/// before anything has to be kept.
#[derive(Debug)]
pub struct PacketChoice {
    /// First packets of the flows chosen.
    flows: HashSet<PacketNumber>,
    /// Whether each flow emitted so far, and not yet over, is one of them.
    open: HashMap<u64, bool>,
    packets: HashSet<PacketNumber>,
    comments: HashMap<PacketNumber, Vec<String>>,
}

impl PacketChoice {
    /// Chooses the flows that begin with these packets.
    #[must_use]
    pub fn new(flows: HashSet<PacketNumber>) -> Self {
        Self {
            flows,
            open: HashMap::new(),
            packets: HashSet::new(),
            comments: HashMap::new(),
        }
    }

    /// Whether a packet emitted since the last [`PacketChoice::clear`] belongs to one of the flows.
    #[must_use]
    pub fn has(&self, packet: PacketNumber) -> bool {
        self.packets.contains(&packet)
    }

    /// The findings at a packet, as comments.
    #[must_use]
    pub fn comments(&self, packet: PacketNumber) -> &[String] {
        self.comments.get(&packet).map_or(&[], Vec::as_slice)
    }

    /// Forgets the packets emitted so far.
    pub fn clear(&mut self) {
        self.packets.clear();
        self.comments.clear();
    }
}

/// A finding as the comment of a packet.
#[must_use]
pub fn comment(finding: &Finding) -> String {
    let code = finding.code;
    let section = code.section().map(|section| format!(" ({section})"));
    format!(
        "wireloupe: {} {}: {}{}",
        code.severity(),
        code.name(),
        finding.text,
        section.unwrap_or_default()
    )
}

impl Sink for PacketChoice {
    fn needs(&self) -> Needs {
        Needs::EXTENTS | Needs::FINDINGS
    }

    fn packet(&mut self, flow: u64, packet: PacketNumber) {
        let flows = &self.flows;
        let chosen = self
            .open
            .entry(flow)
            .or_insert_with(|| flows.contains(&packet));
        if *chosen {
            self.packets.insert(packet);
        }
    }

    fn flow_ended(&mut self, flow: u64) {
        self.open.remove(&flow);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        if !connection.is_some_and(|connection| self.flows.contains(&connection.first_packet)) {
            return;
        }
        let text = comment(event.finding);
        self.comments.entry(event.at.packet).or_default().push(text);
    }
}

/// The packets of chosen flows as a pcapng file, with what was found at each as its comment: the second pass over a capture.
pub struct PacketsOf<W: Write> {
    writer: PcapngWriter<W>,
    /// A flow of TLS is only known to carry a WebSocket when it is decrypted.
    engine: Engine<PacketChoice>,
    walker: Walker,
    /// What the secrets of the sessions that are written are logged under: these are written, and no others.
    key_names: Vec<KeyName>,
    /// Blocks of secrets of the input that were looked at.
    blocks: usize,
    /// The interfaces described, by link type and file.
    interfaces: HashMap<(LinkType, u16), u32>,
    written: u64,
}

impl<W: Write> PacketsOf<W> {
    /// Begins a file of the flows that begin with these packets. Of a key log, `keys` are the lines that go with it.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn new(
        out: W,
        options: Options,
        flows: HashSet<PacketNumber>,
        key_names: Vec<KeyName>,
        keys: &[u8],
    ) -> io::Result<Self> {
        let origin = Origin {
            application: format!("wireloupe {}", env!("CARGO_PKG_VERSION")),
            ..Origin::default()
        };
        let mut writer = PcapngWriter::new(out, &origin)?;
        write_secrets(&mut writer, keys)?;
        Ok(Self {
            writer,
            walker: Walker::new(&options.limits),
            engine: Engine::new(options, PacketChoice::new(flows)),
            key_names,
            blocks: 0,
            interfaces: HashMap::new(),
            written: 0,
        })
    }

    /// Writes what is chosen of a batch; `summary` is that of its source, `keys` what is new to decrypt with.
    ///
    /// # Errors
    /// When the output fails.
    pub fn batch(
        &mut self,
        batch: &Batch,
        summary: &Summary,
        keys: Option<Arc<KeyLog>>,
    ) -> io::Result<()> {
        for block in summary.secrets.iter().skip(self.blocks) {
            self.blocks += 1;
            if block.kind == Secrets::TLS_KEY_LOG {
                let mut log = KeyLog::new();
                log.extend(&block.bytes);
                log.finish();
                write_secrets(&mut self.writer, &log.lines(&self.key_names))?;
            }
        }
        if let Some(keys) = keys {
            self.engine.set_keys(keys);
        }
        self.engine.batch(batch, &mut self.walker);
        for (record, bytes) in batch.packets() {
            if !self.engine.sink().has(record.number) {
                continue;
            }
            let place = (record.link, record.position.file());
            let interface = match self.interfaces.get(&place) {
                Some(number) => *number,
                None => {
                    let number = self.writer.interface(&described(summary, place))?;
                    self.interfaces.insert(place, number);
                    number
                }
            };
            let mut comments = summary
                .packet_comments
                .get(&record.number)
                .cloned()
                .unwrap_or_default();
            comments.extend_from_slice(self.engine.sink().comments(record.number));
            self.writer.packet(&PacketToWrite {
                interface,
                time: record.time,
                original: record.original,
                bytes,
                comments: &comments,
                ..PacketToWrite::default()
            })?;
            self.written += 1;
        }
        self.engine.sink().clear();
        Ok(())
    }

    /// Ends the file; how many packets are in it.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finish(mut self) -> io::Result<u64> {
        self.writer.flush()?;
        Ok(self.written)
    }
}

/// Secrets stand in front of the packets that need them, where Wireshark and others look for them.
fn write_secrets(writer: &mut PcapngWriter<impl Write>, lines: &[u8]) -> io::Result<()> {
    match lines.is_empty() {
        true => Ok(()),
        false => writer.secrets(Secrets::TLS_KEY_LOG, lines),
    }
}

/// The interface of this link type in this file, as the file described it.
fn described(summary: &Summary, (link, file): (LinkType, u16)) -> Interface {
    let known = summary.files.get(usize::from(file)).and_then(|file| {
        let mut interfaces = file.interfaces.iter();
        interfaces.find(|interface| interface.link == link).cloned()
    });
    known.unwrap_or_else(|| Interface {
        link,
        ..Interface::default()
    })
}
