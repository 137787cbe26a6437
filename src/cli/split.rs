//! `wireloupe split`: one capture dealt out to several by flow.

use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tempfile::NamedTempFile;

use crate::base::Limits;
use crate::capture::{Batch, Input, Secrets, Source};
use crate::engine;
use crate::export::{KeyNames, Part, PartOrigin, Splitter, front};
use crate::tls::KeyLog;

use super::args::SplitArgs;
use super::keys::Keys;
use super::output::new_file;
use super::progress::Progress;
use super::reading;
use super::tell::tell;

/// Bytes buffered for all parts together.
const BUFFERS: usize = 64 << 20;

/// A part on its way to its file.
type Written = Part<BufWriter<NamedTempFile>>;

/// Deals out.
///
/// # Errors
/// When nothing could be read or written.
pub(crate) fn run(args: &SplitArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.directory;
    let paths = paths(args)?;
    let limits = Limits::default();
    let inputs = args.files.iter().map(Input::from_argument).collect();
    let mut source = Source::open(inputs, &limits)?;
    let mut batch = Batch::new();
    let mut more = source.fill(&mut batch);
    // Only now, so that a mistyped file makes no folder.
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let parts = begin(folder, paths.len(), capture_id(&source, &batch))?;
    let mut splitter = Splitter::new(parts, &limits);
    if args.only_possible {
        splitter = splitter.only_possible(options(args));
    }
    let mut progress = Progress::new();
    let why = || format!("{}: a part cannot be written", folder.display());
    while more {
        let pushed = splitter.push(&mut batch, source.summary());
        pushed.with_context(why)?;
        more = source.fill(&mut batch);
        progress.tick(source.summary());
    }
    let (parts, dropped) = splitter.finish(source.summary()).with_context(why)?;
    drop(progress);
    let sizes: Vec<u64> = parts.iter().map(Part::bytes).collect();
    let keys = Keys::named(args.keylog.as_deref(), &source.summary().secrets)?;
    keep(parts, &paths, args, keys, &source.summary().secrets).with_context(why)?;
    report(args, &source, &sizes, dropped);
    let ending = reading::of_files(&source);
    for note in &ending.notes {
        tell(note);
    }
    Ok(ExitCode::from(u8::from(ending.truncated.is_some())))
}

/// The files that the parts become.
fn paths(args: &SplitArgs) -> anyhow::Result<Vec<PathBuf>> {
    let count = usize::from(args.by_flow);
    let width = count.to_string().len();
    let name = |index: usize| format!("part-{index:0width$}-of-{count}.pcapng");
    let paths: Vec<_> = (1..=count)
        .map(|index| args.directory.join(name(index)))
        .collect();
    match paths.iter().find(|path| path.exists()) {
        Some(path) if !args.force => bail!(
            "{}: already exists: choose another folder, or overwrite it with --force",
            path.display()
        ),
        _ => Ok(paths),
    }
}

fn options(args: &SplitArgs) -> engine::Options {
    engine::Options {
        decode_as: args.decode_as.clone(),
        ..engine::Options::default()
    }
}

/// What tells this capture from others.
fn capture_id(source: &Source, first: &Batch) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    let summary = source.summary();
    for file in &summary.files {
        file.name.hash(&mut hasher);
    }
    summary.total_bytes.hash(&mut hasher);
    for (record, bytes) in first.packets().take(16) {
        (record.time.0, record.number.0, bytes).hash(&mut hasher);
    }
    hasher.finish()
}

fn begin(folder: &Path, count: usize, capture: u64) -> anyhow::Result<Vec<Written>> {
    let room = (BUFFERS / count).clamp(8 << 10, 1 << 20);
    let part = |index| {
        let file = BufWriter::with_capacity(room, new_file(folder)?);
        let origin = PartOrigin {
            index,
            count,
            capture,
        };
        Part::new(file, &origin)
    };
    let parts: io::Result<Vec<_>> = (0..count).map(part).collect();
    parts.with_context(|| format!("{}: {count} files cannot be written", folder.display()))
}

/// Puts the secrets in front of the parts that need them, and makes all appear under their names.
fn keep(
    parts: Vec<Written>,
    paths: &[PathBuf],
    args: &SplitArgs,
    keys: Option<Arc<KeyLog>>,
    secrets: &[Secrets],
) -> anyhow::Result<()> {
    let is_other = |block: &&Secrets| block.kind != Secrets::TLS_KEY_LOG;
    let others: Vec<_> = secrets.iter().filter(is_other).collect();
    let mut whole = Vec::with_capacity(parts.len());
    for part in parts {
        let (file, _) = part.into_inner().into_parts();
        whole.push(match &keys {
            None if others.is_empty() => file,
            _ => with_secrets(&file, args, keys.clone().unwrap_or_default(), &others)?,
        });
    }
    for (file, path) in whole.into_iter().zip(paths) {
        file.persist(path)?;
    }
    Ok(())
}

fn with_secrets(
    part: &NamedTempFile,
    args: &SplitArgs,
    keys: Arc<KeyLog>,
    others: &[&Secrets],
) -> anyhow::Result<NamedTempFile> {
    let input = Input::Path(part.path().to_owned());
    let source = Source::open(vec![input], &Limits::default())?;
    let names = KeyNames::of(source, options(args), Arc::clone(&keys));
    let lines = keys.lines(&names);
    let mut out = BufWriter::with_capacity(1 << 20, new_file(&args.directory)?);
    front(
        BufReader::new(File::open(part.path())?),
        &lines,
        others,
        &mut out,
    )?;
    Ok(out.into_inner().map_err(io::IntoInnerError::into_error)?)
}

/// Says what was done, and where one part is so much larger that a single flow must be the reason.
fn report(args: &SplitArgs, source: &Source, sizes: &[u64], dropped: u64) {
    let packets = source.summary().packets;
    let left_out = match dropped {
        0 => String::new(),
        dropped => format!(", {dropped} left out"),
    };
    tell(format_args!(
        "{packets} packets in {} parts in {}{left_out}",
        sizes.len(),
        args.directory.display()
    ));
    let total: u64 = sizes.iter().sum();
    let largest = sizes.iter().enumerate().max_by_key(|(_, size)| **size);
    if let Some((index, size)) = largest
        && *size > 2 * total / sizes.len() as u64
        && *size > 64 << 20
    {
        let percent = 100 * size / total;
        tell(format_args!(
            "part {} has {percent} % of the bytes: flows are not split, and some are large",
            index + 1
        ));
    }
}
