//! The open capture, and what is at hand of it.

use std::sync::Arc;

use hashbrown::HashSet;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use wireloupe::capture::{Input, ReadAt};
use wireloupe::export::{Selection, Show};
use wireloupe::insight::verdicts::Verdicts;
use wireloupe::overview::{InMemory, Session};
use wireloupe::run::{ConnectionKey, Numbers};

use crate::comparison::Comparison;
use crate::graph::Graphed;
use crate::host::HostFile;
use crate::lists::Lists;
use crate::request::Request;
use crate::taking::{Archiving, Inputs, Job, Packets, Printing};
use crate::teach::Lesson;

/// Bytes of an input that its name in links is made of.
const NAMED_BY: usize = 64 << 10;

/// An input that can be opened more than once.
#[derive(Clone)]
struct File {
    bytes: Arc<dyn ReadAt>,
    name: String,
}

/// All that the page asks about.
#[derive(Default)]
pub(crate) struct Page {
    files: Vec<File>,
    keys: Option<Vec<u8>>,
    pub(crate) session: Option<Session>,
    pub(crate) lists: Lists,
    pub(crate) verdicts: Verdicts,
    pub(crate) lesson: Option<Lesson>,
    pub(crate) graph: Graphed,
    job: Option<Box<dyn Job>>,
}

impl Page {
    /// Opens bytes that are at hand, or says why they are no capture.
    fn open_bytes(&mut self, files: Vec<File>, keys: Option<Vec<u8>>) -> Result<(), String> {
        self.files = files;
        self.keys = keys;
        (self.lists, self.verdicts, self.graph, self.job) = Default::default();
        // The one before goes first: both would not fit where memory is scarce.
        self.session = None;
        self.session = Some(self.reopened(false)?);
        Ok(())
    }

    pub(crate) fn open(&mut self, request: &Request<'_>) -> Result<Value, String> {
        let files = request.0["files"].as_array();
        let files = files
            .into_iter()
            .flatten()
            .zip(0..)
            .map(host_file)
            .collect();
        let keys = request.0["keys"].as_str();
        if let Some(lesson) = &mut self.lesson {
            lesson.open = None;
        }
        self.open_bytes(files, keys.map(|keys| keys.as_bytes().to_vec()))?;
        Ok(json!({"name": self.name()}))
    }

    /// Opens a capture of the lab that somebody is at.
    pub(crate) fn open_lab(&mut self, request: &Request<'_>) -> Result<Value, String> {
        let lesson = self.lesson.as_mut().ok_or("no lab was begun")?;
        let at = request.number("capture").unwrap_or(0) as usize;
        let opened = lesson
            .lab
            .captures
            .get(at)
            .ok_or("the lab has no such capture")?;
        let bytes: Arc<dyn ReadAt> = Arc::new(InMemory(opened.file.clone()));
        let name = lesson
            .lab
            .capture_names
            .get(at)
            .cloned()
            .unwrap_or_default();
        let keys = lesson.lab.key_log.as_ref().map(|(_, keys)| keys.clone());
        lesson.open = Some(at);
        let file = File {
            bytes,
            name: name.clone(),
        };
        self.open_bytes(vec![file], keys)?;
        Ok(json!({"name": self.name(), "file": name}))
    }

    pub(crate) fn reopened(&self, masks: bool) -> Result<Session, String> {
        let inputs = inputs(&self.files);
        Session::open(inputs, self.keys.as_deref(), masks).map_err(|error| error.to_string())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.clone()).collect()
    }

    /// What links call the capture: a digest of how each file begins, and of how long it is.
    fn name(&self) -> String {
        let mut digest = Sha256::new();
        for file in &self.files {
            let mut beginning = vec![0; NAMED_BY];
            let len = file.bytes.read_at(0, &mut beginning).unwrap_or(0);
            digest.update(file.bytes.len().to_le_bytes());
            digest.update(&beginning[..len]);
        }
        let digest = digest.finalize();
        let bytes = digest.iter().take(6);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// Begins to write what was asked for; `print` gives it piece by piece.
    pub(crate) fn begin_print(&mut self, request: &Request<'_>) -> Result<(), String> {
        let inputs = read_again(self.files.clone(), self.keys.clone());
        if request.text("format") == "compare" {
            self.job = Some(Box::new(self.comparison(&inputs, request)?));
            return Ok(());
        }
        let selection = self.selection(request)?;
        self.job = Some(match request.text("format") {
            "har" => Box::new(Archiving::begin(&inputs, selection)?),
            "pcapng" => Box::new(Packets::begin(inputs, selection)?),
            format => Box::new(Printing::begin(&inputs, selection, format == "csv")?),
        });
        Ok(())
    }

    /// The open capture against another at the other side of a hop, or two of its own attempts.
    fn comparison(&self, open: &Inputs, request: &Request<'_>) -> Result<Comparison, String> {
        let masks = request.is("redact");
        if let (Some(one), Some(other)) = (request.index("one"), request.index("other")) {
            return Comparison::of_attempts(open, [one, other], masks);
        }
        // The page counts on behind the files that are open.
        let others = request.0["others"].as_array().into_iter().flatten();
        let others = others.zip(self.files.len() as u32..).map(host_file);
        let keys = request.0["keys"]
            .as_str()
            .map(|keys| keys.as_bytes().to_vec());
        let other = read_again(others.collect(), keys.or_else(|| self.keys.clone()));
        match request.text("open_is") {
            "server" => Comparison::of_hop(&other, open, masks),
            _ => Comparison::of_hop(open, &other, masks),
        }
    }

    /// Which rows: what the filter keeps, of the connection that is looked at.
    fn selection(&self, request: &Request<'_>) -> Result<Selection, String> {
        let filter = request.filter()?;
        let show = match request.text("show") {
            "messages" => Show::Messages,
            "findings" => Show::Findings,
            "connections" => Show::Connections,
            "all" => Show::All,
            _ => Show::Frames,
        };
        let store = self.session.as_ref().map(Session::store);
        let all = store.map_or(&[][..], |store| store.connections()).iter();
        let key = |entry: &wireloupe::store::Entry| ConnectionKey::of(&entry.connection);
        let numbers: Numbers = all.clone().map(key).zip(1..).collect();
        let only = request.index("connection").map(|index| {
            let chosen = all.clone().nth(index as usize).map(key);
            Arc::new(chosen.into_iter().collect::<HashSet<_>>())
        });
        Ok(Selection {
            show,
            filter: Some(filter).filter(|filter| !filter.is_empty()),
            numbers: Some(Arc::new(numbers)),
            only,
            redact: request.is("redact"),
            ..Selection::default()
        })
    }

    /// A piece of what is written, behind a byte: whether more comes, or that what follows is an error's text.
    pub(crate) fn print(&mut self) -> Vec<u8> {
        let mut out = vec![0];
        if let Some(job) = &mut self.job {
            match job.more(&mut out) {
                Ok(true) => out[0] = 1,
                Ok(false) => self.job = None,
                Err(why) => {
                    out = vec![2];
                    out.extend_from_slice(why.as_bytes());
                    self.job = None;
                }
            }
        }
        out
    }
}

/// A file of the page's, by what it says of it and its number there.
fn host_file((of, number): (&Value, u32)) -> File {
    let len = of["size"].as_u64().unwrap_or(0);
    File {
        bytes: Arc::new(HostFile { number, len }),
        name: of["name"].as_str().unwrap_or("capture").to_owned(),
    }
}

fn read_again(files: Vec<File>, keys: Option<Vec<u8>>) -> Inputs {
    Inputs {
        open: Box::new(move || inputs(&files)),
        keys,
    }
}

fn inputs(files: &[File]) -> Vec<Input> {
    let files = files.iter();
    files
        .map(|file| Input::At(Arc::clone(&file.bytes), file.name.clone()))
        .collect()
}
