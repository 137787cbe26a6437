//! The terminal interface over files and interfaces: threads that read, the interface on this one, and what it asks
//! for: saving, counting, decrypting.

mod colours;
#[cfg(all(feature = "live", unix))]
mod live;
mod load;
#[cfg(all(feature = "live", unix))]
mod pipe;
mod save;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crossbeam_channel::Receiver;

use crate::filter::Filter;
use crate::teach::lab::{Lab, Results};
use crate::tui::{self, App, Feed, Host, Reopened, Save, Saving};

use super::args::ReadArgs;
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
    Ok(tui::do_lab(lab, colours::theme(None))?)
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
    let keylog = args.analysis.keylog.clone();
    let started = reader.start(keylog.as_deref())?;
    let names: Vec<_> = args
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let mut app = App::new(started.store, names.join(", "), colours::theme(args.theme));
    app.depth = colours::depth();
    app.loading.total = started.total;
    app.filter(filter);
    let mut host = FileHost {
        reader,
        keylog,
        read: started.read,
    };
    tui::run(&mut app, started.feed, &mut host)?;
    Ok(ExitCode::SUCCESS)
}

/// What the interface asks for when it shows files.
struct FileHost {
    reader: Reader,
    keylog: Option<PathBuf>,
    read: Read,
}

impl Host for FileHost {
    fn save(&mut self, app: &App, what: Save, path: &str) -> Result<Box<dyn Saving>, String> {
        save::save(app, what, path, &self.read.about)
    }

    fn count(&mut self) -> Result<Option<Receiver<Feed>>, String> {
        self.reader.can_read_again()?;
        let counted = self.reader.count(self.keylog.as_deref());
        counted.map(Some).map_err(|error| format!("{error:#}"))
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
