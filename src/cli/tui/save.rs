//! Saving from the interface: a payload, the rows of the list, the packets of a connection.

#[cfg(all(feature = "live", unix))]
mod everything;
mod packets;
mod pieces;
mod rows;
mod whole_pass;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded, unbounded};

use crate::cli::args::ReadArgs;
use crate::cli::output::Output;
use crate::cli::printing;
use crate::store::WHOLE;
use crate::tui::{self, App, Save, Saved, Saving};

use super::load::About;
#[cfg(all(feature = "live", unix))]
use everything::All;
#[cfg(all(feature = "live", unix))]
pub(super) use everything::{Copy, Everything};
use packets::{Packets, RowPackets};
use pieces::{Make, Piece, Pieces};
use rows::rows_as;

/// Bytes of a payload saved.
const SAVED: usize = 1 << 30;
/// Pieces that may wait for the disk; more rows are made when there are fewer.
const WAITING: usize = 16;

/// A file being saved: its contents are made in slices, and a thread writes them.
struct Job {
    path: String,
    make: Box<dyn Make>,
    out: Pieces,
    written: Receiver<anyhow::Result<()>>,
    writer: Option<JoinHandle<()>>,
    told: Option<String>,
}

impl Drop for Job {
    /// Waits for the writer: a file that is not whole is taken away by nobody else.
    fn drop(&mut self) {
        self.make = Box::new(Whole(Vec::new()));
        self.out.send = unbounded().0;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Begins to save what the user asked for.
///
/// # Errors
/// When there is nothing to save, or no file can be made; says why.
pub(super) fn save(
    app: &App,
    what: Save,
    path: &str,
    about: &Arc<Mutex<About>>,
) -> Result<Box<dyn Saving>, String> {
    begin(app, what, path, about).map_err(|error| format!("not saved: {error:#}"))
}

fn begin(
    app: &App,
    what: Save,
    path: &str,
    about: &Arc<Mutex<About>>,
) -> anyhow::Result<Box<dyn Saving>> {
    let missing = || anyhow::anyhow!("the bytes are not kept");
    if Path::new(path).exists() {
        anyhow::bail!("{path} exists already");
    }
    let (send, pieces) = unbounded();
    let out = Pieces {
        send,
        piece: Vec::new(),
    };
    let make: Box<dyn Make> = match what {
        Save::Payload => {
            let row = app.list.selected(&app.store).ok_or_else(missing)?;
            let bytes = tui::data(&app.store, row, SAVED).ok_or_else(missing)?;
            Box::new(Whole(bytes))
        }
        Save::Text => rows::text(app),
        Save::Ndjson => rows::ndjson(app)?,
        Save::Copied => {
            let text = app.copied().ok_or_else(missing)?;
            Box::new(Whole(text.into_bytes()))
        }
        Save::Rows => rows_as(app, path)?,
        Save::RowPackets => {
            let pieces = Pieces {
                send: out.send.clone(),
                piece: Vec::new(),
            };
            Box::new(RowPackets::new(app, about, pieces)?)
        }
        Save::Ladder => {
            let as_text = Path::new(path).extension().is_some_and(|end| end == "txt");
            let drawn = app.drawn_ladder(as_text);
            let drawn = drawn.ok_or_else(|| anyhow::anyhow!("no ladder is open"))?;
            Box::new(Whole(drawn.into_bytes()))
        }
        Save::Whole | Save::WholeAndLeave => {
            let pieces = Pieces {
                send: out.send.clone(),
                piece: Vec::new(),
            };
            Box::new(Packets::new(app, WHOLE, about, pieces)?)
        }
        Save::Capture | Save::CaptureAndLeave => anyhow::bail!("the capture is a file already"),
        Save::Packets => {
            let flow = app.list.flow(&app.store).ok_or_else(missing)?;
            let pieces = Pieces {
                send: out.send.clone(),
                piece: Vec::new(),
            };
            Box::new(Packets::new(app, flow, about, pieces)?)
        }
    };
    Ok(Box::new(job(path, make, out, pieces)?))
}

/// Begins to save what was asked for of files, which can be read once more.
///
/// # Errors
/// When there is nothing to save, or no file can be made; says why.
pub(super) fn save_of_files(
    app: &App,
    what: Save,
    path: &str,
    (about, args): (&Arc<Mutex<About>>, Result<&ReadArgs, String>),
) -> Result<Box<dyn Saving>, String> {
    match (what, whole_pass::format(path)) {
        (Save::Rows, Some(format)) => {
            let begun = whole_pass::begin(args?, app, format, path);
            begun.map_err(|error| format!("not saved: {error:#}"))
        }
        _ => save(app, what, path, about),
    }
}

/// Begins to save everything that a live capture kept.
///
/// # Errors
/// When no file can be made; says why.
#[cfg(all(feature = "live", unix))]
pub(super) fn save_all(
    kept: impl Everything + 'static,
    path: &str,
) -> Result<Box<dyn Saving>, String> {
    let begin = || {
        if Path::new(path).exists() {
            anyhow::bail!("{path} exists already");
        }
        let (send, pieces) = unbounded();
        let piece = Vec::new();
        let make = Box::new(All { kept, at: 0 });
        job(path, make, Pieces { send, piece }, pieces)
    };
    match begin() {
        Ok(job) => Ok(Box::new(job)),
        Err(error) => Err(format!("not saved: {error:#}")),
    }
}

/// Starts the thread that writes.
fn job(
    path: &str,
    make: Box<dyn Make>,
    out: Pieces,
    pieces: Receiver<Piece>,
) -> anyhow::Result<Job> {
    let output = Output::open(Some(Path::new(path)), false)?;
    let (tell, written) = bounded(1);
    let writer = std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || {
            let _ = tell.send(write(output, &pieces));
        })?;
    Ok(Job {
        path: path.to_owned(),
        make,
        out,
        written,
        writer: Some(writer),
        told: None,
    })
}

/// Writes pieces until their end.
fn write(output: Output, pieces: &Receiver<Piece>) -> anyhow::Result<()> {
    printing::whole(output, |out| {
        loop {
            match pieces.recv() {
                Ok(Piece::Bytes(bytes)) => out.write_all(&bytes)?,
                Ok(Piece::End) => return Ok(()),
                Err(_) => return Err(io::Error::other("stopped")),
            }
        }
    })
}

impl Saving for Job {
    fn advance(&mut self, app: &App, budget: Duration) -> Saved {
        let start = Instant::now();
        match self.written.try_recv() {
            Ok(Ok(())) => {
                let told = self.told.as_deref().unwrap_or_default();
                return Saved::Ended(format!("saved {told} to {}", self.path));
            }
            Ok(Err(error)) => return self.failed(&error),
            Err(TryRecvError::Disconnected) => {
                return self.failed(&anyhow::anyhow!("the writer stopped"));
            }
            Err(TryRecvError::Empty) => {}
        }
        while self.told.is_none() && self.out.send.len() < WAITING {
            match self.make.make(app, &mut self.out) {
                Ok(None) => {}
                Ok(told) => {
                    self.told = told;
                    self.out.pass_on();
                    let _ = self.out.send.send(Piece::End);
                }
                Err(error) => return self.failed(&error.into()),
            }
            if start.elapsed() >= budget {
                return Saved::Going;
            }
        }
        Saved::Waiting
    }

    fn percent(&self) -> usize {
        let (made, all) = self.make.part();
        made * 100 / all.max(1)
    }
}

impl Job {
    fn failed(&self, error: &anyhow::Error) -> Saved {
        Saved::Failed(format!("not saved: {}: {error:#}", self.path))
    }
}

/// Bytes that are there already.
struct Whole(Vec<u8>);

impl Make for Whole {
    fn make(&mut self, _: &App, out: &mut Pieces) -> io::Result<Option<String>> {
        let told = format!("{} bytes", self.0.len());
        out.pass_on();
        out.piece = std::mem::take(&mut self.0);
        Ok(Some(told))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::base::Limits;
    use crate::capture::Source;
    use crate::store::Store;
    use crate::tui::Theme;

    fn app() -> App {
        let source = Source::open(Vec::new(), &Limits::default()).unwrap();
        App::new(
            Store::new(
                Box::new(source.packet_file()),
                &crate::engine::Options::default(),
            ),
            "nothing",
            Theme::Plain,
        )
    }

    fn begun(path: &Path, make: Box<dyn Make>) -> anyhow::Result<Job> {
        let (send, pieces) = unbounded();
        let out = Pieces {
            send,
            piece: Vec::new(),
        };
        job(path.to_str().unwrap(), make, out, pieces)
    }

    struct Endless;

    impl Make for Endless {
        fn make(&mut self, _: &App, out: &mut Pieces) -> io::Result<Option<String>> {
            out.write_all(&[7; 1000])?;
            Ok(None)
        }
    }

    #[test]
    fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole");
        let mut job = begun(&path, Box::new(Whole(vec![3; 1 << 20]))).unwrap();
        let told = loop {
            if let Saved::Ended(told) = job.advance(&app(), Duration::ZERO) {
                break told;
            }
            std::thread::yield_now();
        };
        assert_eq!(told, format!("saved 1048576 bytes to {}", path.display()));
        assert_eq!(std::fs::read(&path).unwrap(), vec![3; 1 << 20]);
    }

    #[test]
    fn columns_stand_under_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for (name, first) in [
            ("rows.csv", "frame.number,"),
            ("rows.tsv", "frame.number\t"),
        ] {
            let path = folder.path().join(name);
            let about = Arc::default();
            let mut saving = save(&app(), Save::Rows, path.to_str().unwrap(), &about).unwrap();
            while !matches!(saving.advance(&app(), Duration::ZERO), Saved::Ended(_)) {
                std::thread::yield_now();
            }
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                text.starts_with(first) && text.lines().count() == 1,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_stopped_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut job = begun(&folder.path().join("never"), Box::new(Endless)).unwrap();
        for _ in 0..2000 {
            assert!(!matches!(
                job.advance(&app(), Duration::ZERO),
                Saved::Ended(_)
            ));
            // The disk is not outrun.
            assert!(job.out.send.len() <= WAITING);
        }
        drop(job);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_fails_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no such folder").join("file");
        let error = begun(&path, Box::new(Endless)).err().unwrap();
        assert!(format!("{error:#}").contains(path.to_str().unwrap()));
        let about = Arc::default();
        let path = folder.path().to_str().unwrap();
        let error = save(&app(), Save::Text, path, &about).err().unwrap();
        assert_eq!(error, format!("not saved: {path} exists already"));
    }
}
