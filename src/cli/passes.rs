//! Commands that read their input more than once: a first pass numbers the connections or finds those that a filter
//! means, a second does the work.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hashbrown::HashSet;
use tempfile::NamedTempFile;

use crate::base::Timestamp;
use crate::capture::{Input, Options, Source};
use crate::export::{Chooser, Selection};
use crate::filter::{FieldId, Filter};
use crate::run::{self, Batches, Collected, ConnectionKey, Merger, Numbers, Tally};
use crate::tls::KeyName;

use super::args::AnalysisArgs;
use super::reading::Reading;

/// What a first pass found.
pub(crate) struct Chosen {
    /// The numbers of all connections.
    pub(crate) numbers: Arc<Numbers>,
    /// The connections with a row that matches.
    pub(crate) connections: HashSet<ConnectionKey>,
    /// What the secrets of their TLS sessions are logged under.
    pub(crate) key_names: Vec<KeyName>,
}

/// Files that can be read as often as needed: what can be read only once was copied.
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    /// Copies; they go away with this.
    _copies: Vec<NamedTempFile>,
}

impl Files {
    /// Standard input, pipes and the like are copied to temporary files.
    ///
    /// # Errors
    /// When an input cannot be read or there is no room for its copy.
    pub(crate) fn open(paths: &[PathBuf]) -> anyhow::Result<Self> {
        if paths.is_empty() {
            anyhow::bail!("no capture file named; - is standard input");
        }
        let mut files = Self {
            paths: Vec::with_capacity(paths.len()),
            _copies: Vec::new(),
        };
        for path in paths {
            files.add(path)?;
        }
        Ok(files)
    }

    fn add(&mut self, path: &Path) -> anyhow::Result<()> {
        let is_stdin = path == Path::new("-");
        let metadata = std::fs::metadata(path);
        if !is_stdin && !metadata.is_ok_and(|is| !is.is_file() && !is.is_dir()) {
            // What does not exist is told by whoever opens it.
            self.paths.push(path.to_owned());
            return Ok(());
        }
        let mut copy = NamedTempFile::new().context("no room for a copy of the input")?;
        let name = path.display();
        if is_stdin {
            io::copy(&mut io::stdin().lock(), &mut copy).context("standard input")?;
        } else {
            let mut file = File::open(path).with_context(|| name.to_string())?;
            io::copy(&mut file, &mut copy).with_context(|| name.to_string())?;
        }
        self.paths.push(copy.path().to_owned());
        self._copies.push(copy);
        Ok(())
    }

    /// Opens them once more.
    ///
    /// # Errors
    /// When one cannot be read or is no capture.
    pub(crate) fn source(&self, analysis: &AnalysisArgs) -> anyhow::Result<Source> {
        self.source_with(analysis, Options::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Files::source`].
    pub(crate) fn source_with(
        &self,
        analysis: &AnalysisArgs,
        options: Options,
    ) -> anyhow::Result<Source> {
        let inputs = self.paths.iter().map(Input::from_argument).collect();
        Ok(Source::open_with(inputs, &analysis.limits(), options)?)
    }

    /// The same as a command's input.
    ///
    /// # Errors
    /// As [`Files::source`].
    pub(crate) fn reading(&self, analysis: &AnalysisArgs) -> anyhow::Result<Reading> {
        Reading::of(self.source(analysis)?, analysis)
    }

    /// The numbers of all connections.
    ///
    /// # Errors
    /// As [`Files::source`].
    pub(crate) fn numbers(&self, analysis: &AnalysisArgs) -> anyhow::Result<Arc<Numbers>> {
        Ok(self.look(analysis, &Selection::default())?.numbers)
    }

    /// The connections that have a row which matches the filter, all without one.
    ///
    /// # Errors
    /// As [`Files::source`].
    pub(crate) fn choose(
        &self,
        analysis: &AnalysisArgs,
        filter: Option<&Filter>,
    ) -> anyhow::Result<Chosen> {
        let mut selection = Selection {
            filter: filter.cloned(),
            ..Selection::default()
        };
        if filter.is_some_and(names_connection) {
            selection.numbers = Some(self.numbers(analysis)?);
        }
        self.look(analysis, &selection)
    }

    fn look(&self, analysis: &AnalysisArgs, selection: &Selection) -> anyhow::Result<Chosen> {
        let mut reading = self.reading(analysis)?;
        let mut merger = Merger::recording();
        let threads = threads(analysis, selection.filter.as_ref());
        let make = |start| Chooser::new(selection.clone(), start);
        let (_, choosers) = run(&mut reading, analysis, threads, make, &mut |pages| {
            merger.merge(pages, |_| {});
            true
        });
        let mut chosen = Chosen {
            numbers: Arc::new(merger.into_numbers()),
            connections: HashSet::new(),
            key_names: Vec::new(),
        };
        for chooser in choosers {
            let (connections, names) = chooser.into_chosen();
            chosen.connections.extend(connections);
            chosen.key_names.extend(names);
        }
        Ok(chosen)
    }
}

/// The numbers of all connections of files that will be read once more.
///
/// # Errors
/// When they cannot be read, or not twice.
pub(crate) fn numbers(
    paths: &[PathBuf],
    is_live: bool,
    analysis: &AnalysisArgs,
) -> anyhow::Result<Arc<Numbers>> {
    let is_file = |path: &&PathBuf| std::fs::metadata(path).is_ok_and(|is| is.is_file());
    let once = paths
        .iter()
        .find(|path| !is_file(path) && path.exists() || **path == Path::new("-"));
    if is_live || once.is_some() {
        bail!(
            "the number of a connection is known when all was read: name its path, or save the packets first"
        );
    }
    Files::open(paths)?.numbers(analysis)
}

/// Whether a filter asks for numbers that only a whole pass gives.
pub(crate) fn names_connection(filter: &Filter) -> bool {
    filter.asks(FieldId::Connection)
}

/// The threads to use. TCP streams are counted by one engine, so whoever asks for `tcp.stream` gets one.
pub(crate) fn threads(analysis: &AnalysisArgs, filter: Option<&Filter>) -> usize {
    if filter.is_some_and(|filter| filter.asks(FieldId::TcpStream)) {
        return 1;
    }
    analysis.thread_count()
}

/// Runs an input through engines.
pub(crate) fn run<S: Collected + Send>(
    batches: &mut impl Batches,
    analysis: &AnalysisArgs,
    threads: usize,
    make: impl Fn(Timestamp) -> S,
    collect: &mut (dyn FnMut(&mut [S::Part]) -> bool + Send),
) -> (Tally, Vec<S>) {
    run::analyse(batches, &analysis.engine_options(), threads, make, collect)
}
