//! `wireloupe read -w`: the packets of matching connections, handshake and TCP included, as a pcapng file.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use hashbrown::{HashMap, HashSet};

use crate::base::{LinkType, PacketNumber};
use crate::capture::{Batch, Interface, Origin, PacketToWrite, PcapngWriter, Secrets, Source};
use crate::engine::Engine;
use crate::export::PacketChoice;
use crate::filter::Filter;
use crate::tls::{KeyLog, KeyName};
use crate::wire::Walker;

use super::args::ReadArgs;
use super::keys::Keys;
use super::output::Output;
use super::passes::{self, Files};
use super::printing;
use super::reading;
use super::tell::tell;

/// Reads twice: to find the connections, and to write their packets.
///
/// # Errors
/// When nothing could be read or written.
pub(crate) fn run(
    args: &ReadArgs,
    filter: Option<&Filter>,
    path: &Path,
) -> anyhow::Result<ExitCode> {
    if args.to.output.is_some() || !args.columns.is_empty() {
        bail!("-w writes packets; to print rows as well, read the file it wrote");
    }
    if args.redact {
        bail!("-w writes packets as they were captured; --redact is for every other format");
    }
    let output = Output::open(Some(path), args.to.force)?;
    let files = Files::open(&args.files)?;
    let passes::Chosen {
        connections: chosen,
        key_names,
        ..
    } = files.choose(&args.analysis, filter)?;
    if chosen.is_empty() {
        bail!("nothing to write: no connection matches");
    }
    let flows: HashSet<PacketNumber> = chosen.iter().map(|key| key.first_packet).collect();
    let mut packets = Packets {
        source: files.source(&args.analysis)?,
        keys: Keys::open(args.analysis.keylog.as_deref(), false)?,
        key_names,
        is_named: args.analysis.keylog.is_some(),
        engine: Engine::new(
            passes::engine_options(&args.analysis),
            PacketChoice::new(flows),
        ),
        walker: Walker::new(&args.analysis.limits()),
        interfaces: HashMap::new(),
        written: 0,
    };
    printing::whole(output, |out| packets.write(out))?;
    tell(format_args!(
        "{} packets of {} {} in {}",
        packets.written,
        chosen.len(),
        if chosen.len() == 1 {
            "connection"
        } else {
            "connections"
        },
        path.display()
    ));
    let ending = reading::of_files(&packets.source);
    for note in &ending.notes {
        tell(note);
    }
    Ok(ExitCode::from(u8::from(ending.truncated.is_some())))
}

/// Secrets stand in front of the packets that need them, where Wireshark and others look for them.
fn write_secrets(writer: &mut PcapngWriter<&mut dyn io::Write>, lines: &[u8]) -> io::Result<()> {
    match lines.is_empty() {
        true => Ok(()),
        false => writer.secrets(Secrets::TLS_KEY_LOG, lines),
    }
}

/// The second pass.
struct Packets {
    source: Source,
    /// A flow of TLS is only known to carry a WebSocket when it is decrypted.
    keys: Keys,
    /// What the secrets of the sessions that are written are logged under: these are written, and no others.
    key_names: Vec<KeyName>,
    /// Whether the user named the key log. One that the environment names stays where it is.
    is_named: bool,
    engine: Engine<PacketChoice>,
    walker: Walker,
    /// The interfaces described, by link type and file.
    interfaces: HashMap<(LinkType, u16), u32>,
    written: u64,
}

impl Packets {
    fn write(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        let origin = Origin {
            application: format!("wireloupe {}", env!("CARGO_PKG_VERSION")),
            ..Origin::default()
        };
        let mut writer = PcapngWriter::new(out, &origin)?;
        let mut batch = Batch::new();
        if self.is_named {
            let lines = self.keys.lines(&self.key_names);
            write_secrets(&mut writer, &lines)?;
        }
        let mut blocks = 0;
        while self.source.fill(&mut batch) {
            for block in self.source.summary().secrets.iter().skip(blocks) {
                blocks += 1;
                if block.kind == Secrets::TLS_KEY_LOG {
                    let mut log = KeyLog::new();
                    log.extend(&block.bytes);
                    log.finish();
                    write_secrets(&mut writer, &log.lines(&self.key_names))?;
                }
            }
            self.keys.take_of(self.source.summary());
            if let Some(keys) = self.keys.changed() {
                self.engine.set_keys(keys);
            }
            self.engine.batch(&batch, &mut self.walker);
            self.batch(&batch, &mut writer)?;
            self.engine.sink().clear();
        }
        writer.flush()
    }

    fn batch(
        &mut self,
        batch: &Batch,
        writer: &mut PcapngWriter<&mut dyn io::Write>,
    ) -> io::Result<()> {
        for (record, bytes) in batch.packets() {
            if !self.engine.sink().has(record.number) {
                continue;
            }
            let place = (record.link, record.position.file());
            let interface = match self.interfaces.get(&place) {
                Some(number) => *number,
                None => {
                    let number = writer.interface(&self.described(place))?;
                    self.interfaces.insert(place, number);
                    number
                }
            };
            let summary = self.source.summary();
            let mut comments = summary
                .packet_comments
                .get(&record.number)
                .cloned()
                .unwrap_or_default();
            comments.extend_from_slice(self.engine.sink().comments(record.number));
            writer.packet(&PacketToWrite {
                interface,
                time: record.time,
                original: record.original,
                bytes,
                comments: &comments,
                ..PacketToWrite::default()
            })?;
            self.written += 1;
        }
        Ok(())
    }

    /// The interface of this link type in this file, as the file described it.
    fn described(&self, (link, file): (LinkType, u16)) -> Interface {
        let files = &self.source.summary().files;
        let known = files.get(usize::from(file)).and_then(|file| {
            let mut interfaces = file.interfaces.iter();
            interfaces.find(|interface| interface.link == link).cloned()
        });
        known.unwrap_or_else(|| Interface {
            link,
            ..Interface::default()
        })
    }
}
