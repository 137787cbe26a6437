//! Requests by name, and their answers.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use wireloupe::capture::{Input, ReadAt};
use wireloupe::export::report::{ReportFormat, ReportInput, report};
use wireloupe::export::{diagnosis_json, statistics};
use wireloupe::filter::{Filter, complete};
use wireloupe::view::ladder::Ladder;
use wireloupe::insight::statistics::CallOrder;
use wireloupe::overview::Session;
use wireloupe::view::rows::{Kind, List};

use crate::host::HostFile;
use crate::printed::Printed;
use crate::{detail, rows};

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
pub struct Page {
    files: Vec<File>,
    keys: Option<Vec<u8>>,
    session: Option<Session>,
    list: List,
    printed: Option<Printed>,
}

impl Page {
    /// Answers a request; the answer has `error` when that cannot be done. What is printed is given as it is, behind a byte
    /// that says whether more comes.
    pub fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        let request: Value = match serde_json::from_slice(request) {
            Ok(request) => request,
            Err(why) => return json!({"error": why.to_string()}).to_string().into_bytes(),
        };
        if request["do"] == "print" {
            return self.print();
        }
        let answered = self.request(&request);
        let answer = answered.unwrap_or_else(|why| json!({ "error": why }));
        answer.to_string().into_bytes()
    }

    /// Opens bytes that are at hand, as the tests do.
    ///
    /// # Errors
    /// When they are no capture; says why.
    pub fn open_bytes(
        &mut self,
        files: Vec<(Arc<dyn ReadAt>, String)>,
        keys: Option<Vec<u8>>,
    ) -> Result<(), String> {
        self.files = files
            .into_iter()
            .map(|(bytes, name)| File { bytes, name })
            .collect();
        self.keys = keys;
        self.reopen(false)
            .map(|session| self.session = Some(session))
    }

    fn reopen(&self, masks: bool) -> Result<Session, String> {
        Session::open(self.inputs(), self.keys.as_deref(), masks).map_err(|error| error.to_string())
    }

    fn inputs(&self) -> Vec<Input> {
        self.files
            .iter()
            .map(|file| Input::At(Arc::clone(&file.bytes), file.name.clone()))
            .collect()
    }

    fn request(&mut self, request: &Value) -> Result<Value, String> {
        let number = |name: &str| request[name].as_u64();
        let index = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        match text("do") {
            "open" => return self.open(request),
            "check" => return Ok(check(text("filter"), number("cursor"))),
            _ => {}
        }
        let session = self.session.as_mut().ok_or("nothing is open")?;
        Ok(match text("do") {
            "step" => {
                session.step();
                progress(session)
            }
            "stop" => {
                session.stop();
                progress(session)
            }
            "diagnosis" => {
                let (diagnosis, mut out) = (session.diagnosis(), String::new());
                let written = diagnosis_json(&diagnosis, session.overview().casebook(), |piece| {
                    out.push_str(piece);
                    Ok::<_, std::convert::Infallible>(())
                });
                let Ok(()) = written;
                serde_json::from_str(&out).map_err(|error| error.to_string())?
            }
            "statistics" => {
                let all = session.statistics();
                json!({"text": statistics::text(&all, CallOrder::default()), "json": statistics::json(&all, CallOrder::default())})
            }
            "list" => {
                let kind = match text("kind") {
                    "messages" => Kind::Messages,
                    _ => Kind::Frames,
                };
                let filter = Filter::parse(text("filter")).map_err(|error| error.to_string())?;
                self.list = List::default();
                self.list.kind = kind;
                self.list.all = request["connection"].is_null();
                self.list.connection = index("connection").unwrap_or(0);
                self.list.set_filter(Some(filter));
                rows::about(&self.list, session.store())
            }
            "size" => rows::about(&self.list, session.store()),
            "scan" => {
                self.list.scan(session.store(), 20_000);
                rows::about(&self.list, session.store())
            }
            "rows" => rows::rows(&self.list, session.store(), number("from"), number("count")),
            "place" => rows::place(&self.list, session.store(), text("row")),
            "connections" => rows::connections(session.store(), number("from"), number("count")),
            "findings" => rows::findings(session.store(), number("from"), number("count")),
            "chat" => {
                let connection = index("connection").ok_or("which connection?")?;
                rows::chat(session.store(), connection, number("from"), number("count"))
            }
            "detail" => detail::detail(session.store(), text("row"), text("tab"), number("packet"))
                .ok_or("there is no such row")?,
            "ruler" => detail::ruler(session.store(), index("frame").unwrap_or(u32::MAX))
                .ok_or("there is no such frame")?,
            "ladder" => {
                let connection = index("connection").ok_or("which connection?")?;
                let ladder = Ladder::of_connection(session.store(), connection, 200)
                    .ok_or("there is no such connection")?;
                detail::ladder(&ladder)
            }
            "report" => json!({"text": self.report(request["redact"] != Value::Bool(false))?}),
            "begin-print" => {
                let filter = Filter::parse(text("filter")).map_err(|error| error.to_string())?;
                let keys = self.keys.as_deref();
                self.printed = Some(Printed::begin(self.inputs(), keys, request, filter)?);
                json!({})
            }
            other => return Err(format!("{other}: no such request")),
        })
    }

    fn open(&mut self, request: &Value) -> Result<Value, String> {
        let files = request["files"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let file = |(number, of): (usize, &Value)| {
            let len = of["size"].as_u64().unwrap_or(0);
            let number = number as u32;
            let bytes: Arc<dyn ReadAt> = Arc::new(HostFile { number, len });
            (bytes, of["name"].as_str().unwrap_or("capture").to_owned())
        };
        let files: Vec<_> = files.iter().enumerate().map(file).collect();
        let keys = request["keys"]
            .as_str()
            .map(|keys| keys.as_bytes().to_vec());
        self.list = List::default();
        self.printed = None;
        self.open_bytes(files, keys)?;
        Ok(json!({"name": self.name()}))
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
        digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn report(&mut self, redact: bool) -> Result<String, String> {
        // What the diagnosis quotes is masked while it is gathered, so a masked report is another pass.
        let mut session = self.reopen(redact)?;
        while session.step() {}
        let names: Vec<_> = self.files.iter().map(|file| file.name.clone()).collect();
        let tally = *session.tally();
        let statistics = session.statistics();
        Ok(report(
            &ReportInput {
                files: &names,
                packets: tally.packets,
                bytes: tally.bytes,
                notes: &session.notes(),
                store: session.store(),
                diagnosis: &session.diagnosis(),
                statistics: &statistics,
                tls: session.overview().tls(),
                conversations: &[],
                redact,
            },
            ReportFormat::Html,
        ))
    }

    fn print(&mut self) -> Vec<u8> {
        let mut out = vec![0];
        if let Some(printed) = &mut self.printed {
            out[0] = u8::from(printed.more(&mut out));
        }
        out
    }
}

fn progress(session: &Session) -> Value {
    let (store, summary, tls) = (session.store(), session.summary(), session.overview().tls());
    json!({
        "read": summary.read_bytes,
        "total": summary.total_bytes,
        "packets": session.tally().packets,
        "connections": store.connections().len(),
        "frames": store.frame_count(),
        "messages": store.message_count(),
        "findings": store.findings().len(),
        "tls": {"connections": tls.connections, "decrypted": tls.decrypted},
        "notes": session.notes(),
        "over": session.is_over(),
    })
}

/// What is wrong with a filter and where, in UTF-16 as the page counts; and what can be typed next.
fn check(text: &str, cursor: Option<u64>) -> Value {
    let units = |at: usize| text.get(..at).map_or(0, |head| head.encode_utf16().count());
    let mut byte = text.len();
    if let Some(cursor) = cursor {
        let mut left = cursor as usize;
        byte = text
            .char_indices()
            .find_map(|(at, c)| {
                let is_here = left == 0;
                left = left.saturating_sub(c.len_utf16());
                is_here.then_some(at)
            })
            .unwrap_or(text.len());
    }
    let completions: Vec<Value> = complete(text, byte)
        .into_iter()
        .take(12)
        .map(|one| json!({"from": units(one.span.start), "to": units(one.span.end), "text": one.text, "note": one.note}))
        .collect();
    let error = Filter::parse(text).err().map(|error| {
        json!({
            "message": error.summary(),
            "from": units(error.span.start),
            "to": units(error.span.end),
        })
    });
    json!({"error": error, "completions": completions})
}
