//! `wireloupe read -w`: the packets of matching connections, handshake and TCP included, as a pcapng file.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use hashbrown::HashSet;
use zeroize::Zeroizing;

use crate::base::{PacketNumber, counted};
use crate::capture::{Batch, Source};
use crate::engine;
use crate::export::PacketsOf;
use crate::filter::Filter;
use crate::tls::KeyName;

use super::args::{AnalysisArgs, ReadArgs};
use super::keys::Keys;
use super::output::Output;
use super::passes::Files;
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
    let mut chosen = Chosen::find(&Files::open(&args.files)?, &args.analysis, filter)?;
    let mut packets = 0;
    printing::whole(output, |out| {
        packets = chosen.write(out)?;
        Ok(())
    })?;
    tell(format_args!(
        "{packets} packets of {} in {}",
        counted(chosen.connections, "connection"),
        path.display()
    ));
    let ending = reading::of_files(&chosen.source);
    for note in &ending.notes {
        tell(note);
    }
    Ok(ExitCode::from(u8::from(ending.truncated.is_some())))
}

/// Connections whose packets are to be written.
pub(crate) struct Chosen {
    /// How many.
    connections: u64,
    flows: HashSet<PacketNumber>,
    source: Source,
    keys: Keys,
    key_names: Vec<KeyName>,
    /// Secrets of the key log that go with them.
    lines: Zeroizing<Vec<u8>>,
    options: engine::Options,
}

impl Chosen {
    /// The first pass: finds the connections with a row that matches.
    ///
    /// # Errors
    /// When nothing can be read, or no connection matches.
    pub(crate) fn find(
        files: &Files,
        analysis: &AnalysisArgs,
        filter: Option<&Filter>,
    ) -> anyhow::Result<Self> {
        let chosen = files.choose(analysis, filter)?;
        if chosen.connections.is_empty() {
            bail!("nothing to write: no connection matches");
        }
        let keys = Keys::open(analysis.keylog.as_deref(), false)?;
        let flows = chosen.connections.iter().map(|key| key.first_packet);
        Ok(Self {
            connections: chosen.connections.len() as u64,
            flows: flows.collect(),
            source: files.source(analysis)?,
            // An ambient one stays where it is.
            lines: match analysis.keylog {
                Some(_) => keys.lines(&chosen.key_names),
                None => Zeroizing::default(),
            },
            keys,
            key_names: chosen.key_names,
            options: analysis.engine_options(),
        })
    }

    /// The second: writes their packets; how many there are.
    ///
    /// # Errors
    /// When `out` fails.
    pub(crate) fn write(&mut self, out: &mut dyn io::Write) -> io::Result<u64> {
        let (flows, names) = (self.flows.clone(), self.key_names.clone());
        let mut packets = PacketsOf::new(out, self.options.clone(), flows, names, &self.lines)?;
        let mut batch = Batch::new();
        while self.source.fill(&mut batch) {
            self.keys.take_of(self.source.summary());
            packets.batch(&batch, self.source.summary(), self.keys.changed())?;
        }
        packets.finish()
    }
}
