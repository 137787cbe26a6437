//! The terminal interface over files and interfaces: threads that read, the interface on this one, and what it asks
//! for: saving, counting, decrypting.

mod begin;
mod colours;
#[cfg(all(feature = "live", unix))]
mod live;
mod load;
#[cfg(all(feature = "live", unix))]
mod pipe;
mod save;
pub(super) mod start;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crossbeam_channel::{Receiver, bounded};

use crate::filter::Filter;
use crate::teach::lab::{Lab, Results};
use crate::tui::{self, App, Feed, Host, Reopened, Save, Saving};
use crate::view::sought::Sought;

use super::args::{AnalysisArgs, CompareArgs, ReadArgs, ReportArg};
use super::compare;
use super::config::{self, ConfigChoice};
use super::recent;
use super::tell::{Screen, tell};
use begin::new_app;
use load::{Read, Reader, Started};

/// Whether the interface can open: someone sits at both ends.
#[must_use]
pub(super) fn can_open(args: &ReadArgs) -> bool {
    let sits_there = match reads_pipe(args) {
        // The keys come from the terminal that the program was started on.
        true => {
            cfg!(all(feature = "live", unix))
                && (io::stdin().is_terminal() || std::fs::File::open("/dev/tty").is_ok())
        }
        false => io::stdin().is_terminal() && !args.files.iter().any(|file| is_stdin(file)),
    };
    let prints = args.to.output.is_some()
        || args.packets_path().is_some()
        || args.show.is_some()
        || args.has_format
        || args.hex;
    io::stdout().is_terminal() && sits_there && !prints
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// Whether packets come through a pipe: standard input alone, or a command's output.
fn reads_pipe(args: &ReadArgs) -> bool {
    args.command().is_some() || matches!(&args.files[..], [file] if is_stdin(file))
}

/// Does a lab on the terminal.
///
/// # Errors
/// When the terminal cannot be used.
pub(super) fn quiz(lab: Lab) -> anyhow::Result<Results> {
    let config = config::load(&ConfigChoice::of_environment())?;
    let asked = config.settings.theme.as_ref().map(|given| given.value);
    let settings = config.interface(colours::theme(asked).into(), colours::depth());
    Ok(tui::do_lab(lab, &settings)?)
}

/// Opens files or an interface in the interface.
///
/// # Errors
/// When nothing can be read, or the terminal cannot be used.
pub(super) fn run(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let reader = Reader {
        limits: args.analysis.limits(),
        args: args.clone(),
    };
    #[cfg(all(feature = "live", unix))]
    if args.is_live() {
        return live::run(&reader, filter);
    }
    #[cfg(all(feature = "live", unix))]
    if reads_pipe(args) {
        return pipe::run(&reader, filter);
    }
    open_files(args, filter, None)
}

/// Opens files in the interface, under their own names or another.
fn open_files(
    args: &ReadArgs,
    filter: Option<Filter>,
    name: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let reader = Reader {
        limits: args.analysis.limits(),
        args: args.clone(),
    };
    let keylog = args.analysis.keylog.clone();
    let started = reader.start(keylog.as_deref())?;
    let names: Vec<_> = args
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    if name.is_none() {
        recent::note(&args.config, &args.files);
    }
    let name = name.map_or_else(|| names.join(", "), str::to_owned);
    let mut app = new_app(args, started.store, name, filter);
    app.loading.total = started.total;
    let mut host = FileHost {
        reader,
        keylog,
        read: started.read,
    };
    let screen = Screen::take();
    tui::run(&mut app, started.feed, &mut host)?;
    drop(screen);
    if let Some(saved) = app.farewell() {
        tell(saved);
    }
    Ok(ExitCode::SUCCESS)
}

/// Begins to compare a capture with another file, or one of its connections with another.
fn compared(
    files: &[PathBuf],
    analysis: AnalysisArgs,
    with: &str,
    connection: u32,
) -> Result<Receiver<Feed>, String> {
    let [file] = files else {
        return Err("several files are open: one file is compared with another".to_owned());
    };
    let mut args = CompareArgs {
        files: vec![file.clone()],
        attempts: Vec::new(),
        format: ReportArg::Text,
        all: false,
        redact: false,
        analysis,
    };
    match with.parse() {
        Ok(other) => args.attempts = vec![connection + 1, other],
        Err(_) => args.files.push(PathBuf::from(with)),
    }
    let (send, feed) = bounded(1);
    let thread = std::thread::Builder::new().name("comparer".into());
    let spawned = thread.spawn(move || {
        let text = compare::text(&args).map(|(text, _)| text);
        let text = text.unwrap_or_else(|error| format!("{error:#}"));
        let _ = send.send(Feed::Compared(text));
    });
    spawned.map_err(|error| error.to_string())?;
    Ok(feed)
}

/// What the interface asks for when it shows files.
struct FileHost {
    reader: Reader,
    keylog: Option<PathBuf>,
    read: Read,
}

impl Host for FileHost {
    fn save(&mut self, app: &App, what: Save, path: &str) -> Result<Box<dyn Saving>, String> {
        let mut args = self.reader.args.clone();
        args.analysis.keylog.clone_from(&self.keylog);
        let args = self.reader.can_read_again().map(|()| &args);
        save::save_of_files(app, what, path, (&self.read.about, args))
    }

    fn compare(&mut self, with: &str, connection: u32) -> Result<Receiver<Feed>, String> {
        self.reader.can_read_again()?;
        let mut analysis = self.reader.args.analysis.clone();
        analysis.keylog.clone_from(&self.keylog);
        compared(&self.reader.args.files, analysis, with, connection)
    }

    fn count(&mut self) -> Result<Option<Receiver<Feed>>, String> {
        self.reader.can_read_again()?;
        let counted = self.reader.count(self.keylog.as_deref());
        counted.map(Some).map_err(|error| format!("{error:#}"))
    }

    fn find(&mut self, sought: &Sought) -> Option<Receiver<Feed>> {
        self.reader.can_read_again().ok()?;
        self.reader.find(self.keylog.as_deref(), sought).ok()
    }

    fn decrypt(&mut self, path: &str) -> Result<Option<Reopened>, String> {
        self.reader.can_read_again()?;
        let started = self.reader.start(Some(Path::new(path)));
        let started = started.map_err(|error| format!("{error:#}"))?;
        self.keylog = Some(PathBuf::from(path));
        let Started {
            store,
            total,
            feed,
            read,
        } = started;
        self.read = read;
        Ok(Some(Reopened { store, total, feed }))
    }
}
