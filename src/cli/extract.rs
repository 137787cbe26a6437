//! `wireloupe extract`: each message's payload to a file of its own.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::export::{Drain, Labelled, Record, Records, Selection, Show, each_row};
use crate::filter::Filter;
use crate::run::Stretch;

use super::args::ExtractArgs;
use super::output::Output;
use super::passes::{self, Files};
use super::printing::{Printed, print};
use super::tell::tell;

/// Payload bytes kept of a message, unless the user says otherwise.
const KEPT: usize = 256 << 20;
/// The file that lists the others.
const INDEX: &str = "index.ndjson";

/// Writes the files and their index.
///
/// # Errors
/// When nothing could be read, or a file cannot be written or exists.
pub(crate) fn run(args: &ExtractArgs) -> anyhow::Result<ExitCode> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let mut selection = Selection {
        show: Show::Messages,
        filter,
        redact: args.redact,
        ..Selection::default()
    };
    let mut analysis = args.analysis.clone();
    analysis.max_payload.get_or_insert(KEPT);
    let files = Files::open(&args.files)?;
    if selection
        .filter
        .as_ref()
        .is_some_and(passes::names_connection)
    {
        selection.numbers = Some(files.numbers(&analysis)?);
    }
    let source = files.reading(&analysis)?;
    let folder = &args.directory;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let extraction = Extraction {
        index: Output::open(Some(&folder.join(INDEX)), args.force)?,
        folder: folder.clone(),
        force: args.force,
        line: Vec::new(),
        failed: None,
        count: 0,
    };
    let threads = passes::threads(&analysis, selection.filter.as_ref());
    let make = |_| Records::new(args.control);
    let printed = print(&analysis, threads, source, &selection, extraction, make);
    let mut printed: Printed<Extraction> = printed?;
    let code = printed.report();
    let Some(extraction) = printed.drain.take() else {
        bail!("{}: could not be written", folder.display());
    };
    if let Some((path, error)) = extraction.failed {
        if error.kind() == io::ErrorKind::AlreadyExists {
            bail!(
                "{}: already exists: choose another folder, or overwrite with --force",
                path.display()
            );
        }
        return Err(error).with_context(|| path.display().to_string());
    }
    let count = extraction.count;
    extraction.index.finish()?;
    tell(format_args!("{count} messages in {}", folder.display()));
    Ok(code)
}

/// Writes what comes. Names are made here from numbers and words of ours, so nothing leaves the folder.
struct Extraction {
    folder: PathBuf,
    index: Output,
    force: bool,
    line: Vec<u8>,
    failed: Option<(PathBuf, io::Error)>,
    count: u64,
}

impl Drain<Labelled<Record>> for Extraction {
    fn push(&mut self, stretch: Stretch<'_, Labelled<Record>>) -> io::Result<()> {
        each_row(&stretch, |record, data| {
            let connection = stretch.numbers.get(record.connection).unwrap_or(0);
            self.write(connection, record, data)
        })
    }
}

impl Extraction {
    fn write(&mut self, connection: u32, record: &Record, data: &[u8]) -> io::Result<()> {
        if self.failed.is_some() {
            return Ok(());
        }
        let name = record.file_name(connection, data);
        let path = self.folder.join(&name);
        if let Err(error) = create(&path, data, self.force) {
            self.failed = Some((path, error));
            return Ok(());
        }
        self.count += 1;
        self.line.clear();
        record.write_index(connection, &name, &mut self.line);
        self.index.write(&self.line)
    }
}

/// A new file, so that no link someone left there is followed.
fn create(path: &PathBuf, data: &[u8], force: bool) -> io::Result<()> {
    let open = || OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = match open() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && force => {
            fs::remove_file(path)?;
            open()?
        }
        other => other?,
    };
    file.write_all(data)
}
