//! Rows in formats that are made of a whole reading (JSON, HAR, Parquet, Arrow): the files are read once more on a thread of its own, with
//! what is listed as the filter, as `wireloupe read` does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use crossbeam_channel::{Receiver, TryRecvError, bounded};
use tempfile::TempDir;

use crate::cli::args::{FormatArg, ReadArgs, ShowArg};
use crate::cli::read;
use crate::tui::{App, Kind, Saved, Saving};

/// The format that the end of a file's name asks for, where it is one of these.
pub(in crate::cli::tui) fn format(path: &str) -> Option<FormatArg> {
    let end = Path::new(path).extension()?.to_str()?;
    Some(match end {
        "json" => FormatArg::Json,
        "har" => FormatArg::Har,
        "parquet" => FormatArg::Parquet,
        "arrow" => FormatArg::Arrow,
        _ => return None,
    })
}

/// What the file is called until it is whole.
const ROWS: &str = "rows";

/// A reading whose file is put in its place at the end. Dropping it leaves no file.
struct Reading {
    path: PathBuf,
    /// Where the file lies until then.
    folder: TempDir,
    done: Receiver<anyhow::Result<()>>,
}

/// Begins to write what is listed.
///
/// # Errors
/// When the rows are packets, or nothing can be written there.
pub(in crate::cli::tui) fn begin(
    args: &ReadArgs,
    app: &App,
    format: FormatArg,
    path: &str,
) -> anyhow::Result<Box<dyn Saving>> {
    let path = PathBuf::from(path);
    if path.exists() {
        anyhow::bail!("{} exists already", path.display());
    }
    let mut args = args_of(args, app, format)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = TempDir::with_prefix_in(".wireloupe-", folder.unwrap_or(Path::new(".")));
    let folder = folder.with_context(|| format!("{}: cannot be written", path.display()))?;
    args.to.output = Some(folder.path().join(ROWS));
    let (send, done) = bounded(1);
    std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || {
            let _ = send.send(read::run(&args).map(|_| ()));
        })?;
    Ok(Box::new(Reading { path, folder, done }))
}

/// The arguments of `read` for what is listed.
fn args_of(args: &ReadArgs, app: &App, format: FormatArg) -> anyhow::Result<ReadArgs> {
    let mut args = args.clone();
    args.show = Some(match app.list.kind {
        Kind::Frames => ShowArg::Frames,
        Kind::Messages => ShowArg::Messages,
        Kind::Packets => anyhow::bail!(
            "a list of packets is written as .txt; f instead of r writes the packets themselves"
        ),
    });
    args.format = format;
    args.columns.clear();
    args.filter = filter(app);
    Ok(args)
}

/// What is listed, as a filter.
fn filter(app: &App) -> Option<String> {
    let connection = (!app.list.all).then(|| format!("connection == {}", app.list.connection + 1));
    let filter = app.list.filter().map(|filter| filter.text().to_owned());
    match (filter, connection) {
        (Some(filter), Some(connection)) => Some(format!("({filter}) and {connection}")),
        (filter, connection) => filter.or(connection),
    }
}

impl Saving for Reading {
    fn advance(&mut self, _: &App, _: Duration) -> Saved {
        let failed = |error: &anyhow::Error| {
            Saved::Failed(format!("not saved: {}: {error:#}", self.path.display()))
        };
        match self.done.try_recv() {
            Err(TryRecvError::Empty) => Saved::Waiting,
            Err(TryRecvError::Disconnected) => failed(&anyhow::anyhow!("the writer stopped")),
            Ok(Err(error)) => failed(&error),
            Ok(Ok(())) => {
                let rows = self.folder.path().join(ROWS);
                // A link is made only where nothing is.
                let put = std::fs::hard_link(&rows, &self.path);
                match put.or_else(|_| place(&rows, &self.path)) {
                    Ok(()) => {
                        Saved::Ended(format!("saved the listed rows to {}", self.path.display()))
                    }
                    Err(error) => failed(&error.into()),
                }
            }
        }
    }

    fn percent(&self) -> usize {
        0
    }
}

/// The same where a file system has no links.
fn place(from: &Path, to: &Path) -> std::io::Result<()> {
    match to.exists() {
        true => Err(std::io::Error::other("it exists already")),
        false => std::fs::rename(from, to),
    }
}
