//! Where a command's packets come from: capture files, standard input, or an interface.

use std::sync::Arc;

use crate::base::{Attribution, Limits, LinkType};
use crate::capture::{Batch, Input, Options, Source, Summary, Truncation};
use crate::export::TlsCounts;
use crate::run::Batches;
use crate::tls::KeyLog;

use super::args::{AnalysisArgs, ReadArgs};
use super::keys::Keys;
#[cfg(all(feature = "live", unix))]
use super::live::{self, LiveBatches};
use super::progress::Progress;
use super::remote::Remote;

/// An open input, and the TLS secrets for it.
pub(crate) struct Reading {
    input: Opened,
    keys: Keys,
    /// The command whose output is read.
    remote: Option<Remote>,
}

enum Opened {
    /// Files or standard input.
    Files(Box<Source>, Progress),
    /// An interface.
    #[cfg(all(feature = "live", unix))]
    Live(Box<LiveBatches>),
}

/// What is known of an input once all was read.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// The inputs by name.
    pub(crate) files: Vec<String>,
    /// Link types seen, by name.
    pub(crate) link_types: Vec<String>,
    /// Where and why the input was cut.
    pub(crate) truncated: Option<String>,
    /// What to tell the user on stderr.
    pub(crate) notes: Vec<String>,
    /// Packets a live capture lost.
    pub(crate) dropped: Option<u64>,
}

impl Reading {
    /// Opens what the arguments name.
    ///
    /// # Errors
    /// When nothing can be read; the message names what and says what to do.
    pub(crate) fn open(args: &ReadArgs, limits: &Limits) -> anyhow::Result<Self> {
        let keys = Keys::open(args.analysis.keylog.as_deref(), args.is_live())?;
        #[cfg(all(feature = "live", unix))]
        if args.is_live() {
            let input = Opened::Live(Box::new(LiveBatches::open(args)?));
            return Ok(Reading {
                input,
                keys,
                remote: None,
            });
        }
        if let Some(command) = args.command() {
            return Self::of_command(command, keys, limits);
        }
        if args.files.is_empty() {
            anyhow::bail!("no capture file named: wireloupe read FILE..., or - for standard input");
        }
        let inputs = args.files.iter().map(Input::from_argument).collect();
        let source = Box::new(Source::open(inputs, limits)?);
        let input = Opened::Files(source, Progress::new());
        Ok(Reading {
            input,
            keys,
            remote: None,
        })
    }

    fn of_command(command: &str, keys: Keys, limits: &Limits) -> anyhow::Result<Self> {
        let (input, remote) = Remote::start(command)?;
        let options = Options {
            prompt: true,
            ..Options::default()
        };
        let source = Source::open_with(vec![input], limits, options);
        let source = source.map_err(|error| remote.failed(error))?;
        Ok(Reading {
            input: Opened::Files(Box::new(source), Progress::new()),
            keys,
            remote: Some(remote),
        })
    }

    /// The same for files that are open.
    ///
    /// # Errors
    /// When the key log cannot be read.
    pub(crate) fn of(source: Source, analysis: &AnalysisArgs) -> anyhow::Result<Self> {
        Ok(Reading {
            input: Opened::Files(Box::new(source), Progress::new()),
            keys: Keys::open(analysis.keylog.as_deref(), false)?,
            remote: None,
        })
    }

    /// What to say of TLS connections that were not decrypted.
    #[must_use]
    pub(crate) fn key_note(&self, counts: TlsCounts) -> Option<String> {
        self.keys.note(counts)
    }

    /// Whether packets come as they happen, so that output should not wait.
    #[must_use]
    pub(crate) fn is_live(&self) -> bool {
        self.remote.is_some() || !matches!(self.input, Opened::Files(..))
    }

    /// Closes the input.
    #[must_use]
    pub(crate) fn finish(self) -> Ending {
        match self.input {
            Opened::Files(source, _) => {
                let mut ending = of_files(&source);
                let said = self.remote.as_ref().map(Remote::said);
                ending.notes.extend(said.map(|said| said.ending()));
                ending
            }
            #[cfg(all(feature = "live", unix))]
            Opened::Live(batches) => {
                let (why, drops, is_clean, more) = batches.finish();
                let mut notes = vec![live::summary(&drops)];
                if !is_clean {
                    notes.insert(0, why.clone());
                }
                notes.extend(more);
                Ending {
                    truncated: (!is_clean).then_some(why),
                    notes,
                    dropped: Some(drops.by_kernel + drops.by_interface + drops.by_us),
                    ..Ending::default()
                }
            }
        }
    }
}

impl Batches for Reading {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        match &mut self.input {
            Opened::Files(source, progress) => {
                let more = source.fill(batch);
                progress.tick(source.summary());
                self.keys.take_of(source.summary());
                more
            }
            #[cfg(all(feature = "live", unix))]
            Opened::Live(batches) => {
                let more = batches.fill(batch);
                // A key log that can be read no longer brings no more secrets, and that is all.
                let _ = self.keys.poll();
                more
            }
        }
    }

    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        self.keys.changed()
    }

    fn attribution(&self) -> Option<Arc<dyn Attribution>> {
        match &self.input {
            Opened::Files(..) => None,
            #[cfg(all(feature = "live", unix))]
            Opened::Live(batches) => batches.attribution(),
        }
    }
}

/// What is known of files once all was read.
pub(crate) fn of_files(source: &Source) -> Ending {
    let summary = source.summary();
    let cuts: Vec<_> = summary.truncated.iter().map(line).collect();
    Ending {
        files: summary.files.iter().map(|file| file.name.clone()).collect(),
        link_types: summary
            .link_types()
            .iter()
            .map(ToString::to_string)
            .collect(),
        truncated: (!cuts.is_empty()).then(|| cuts.join("; ")),
        notes: cuts.into_iter().chain(unread(summary)).collect(),
        dropped: None,
    }
}

/// That there are link types nothing here reads.
pub(crate) fn unread(summary: &Summary) -> Option<String> {
    let types = summary.link_types();
    let unknown = types.iter().filter(|link| link.name().is_none());
    let unknown: Vec<_> = unknown.map(ToString::to_string).collect();
    (!unknown.is_empty()).then(|| {
        let read = (0..=u16::MAX).filter_map(|number| LinkType(number).name());
        format!(
            "packets of {} are passed over, only those of {} are read: capture on another interface, or Wi-Fi outside monitor mode",
            unknown.join(", "),
            read.collect::<Vec<_>>().join(", ")
        )
    })
}

fn line(cut: &Truncation) -> String {
    let Truncation {
        file,
        offset,
        packets_before,
        why,
    } = cut;
    format!(
        "{file}: cut at byte {offset}: {why}; the {packets_before} packets before are all shown"
    )
}
