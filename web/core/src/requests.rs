//! Requests by name, and their answers.

use serde_json::{Value, json};

use wireloupe::base::counted;
use wireloupe::export::report::{ReportFormat, ReportInput, report};
use wireloupe::export::{attempt_json, encrypted_text, statistics};
use wireloupe::insight::statistics::CallOrder;
use wireloupe::insight::verdicts::{self, Verdicts};
use wireloupe::overview::Session;
use wireloupe::view::ladder::Ladder;

use crate::page::Page;
use crate::request::{Request, range};
use crate::teach::{Lesson, explained, labs};
use crate::typed::check;
use crate::{detail, rows};

/// Rows that a filter is asked about at once.
const SCANNED: usize = 20_000;
/// Messages decoded at once.
const DECODED: u64 = 2_000;
/// Rungs of a ladder, and of one with everything between.
const RUNGS: usize = 200;
const ALL_RUNGS: usize = 2_000;

impl Page {
    /// Answers a request; the answer has `error` when that cannot be done. What is printed is given as it is, behind a byte
    /// that says whether more comes.
    pub(crate) fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        let request: Value = match serde_json::from_slice(request) {
            Ok(request) => request,
            Err(why) => return json!({"error": why.to_string()}).to_string().into_bytes(),
        };
        if request["do"] == "print" {
            return self.print();
        }
        let request = Request(&request);
        let answered = self.alone(&request);
        let answered = answered.unwrap_or_else(|| self.of_capture(&request));
        let answer = answered.unwrap_or_else(|why| json!({ "error": why }));
        answer.to_string().into_bytes()
    }

    /// What needs no capture.
    fn alone(&mut self, request: &Request<'_>) -> Option<Result<Value, String>> {
        let text = |name| request.text(name);
        Some(match text("do") {
            "open" => self.open(request),
            "open-lab" => self.open_lab(request),
            "check" => Ok(check(text("filter"), request.number("cursor"))),
            "explain" => {
                Ok(explained(text("text"), text("from"))
                    .unwrap_or_else(|why| json!({ "why": why })))
            }
            "labs" => Ok(labs()),
            "lab" => Lesson::begin(text("name"), text("seed")).map(|lesson| {
                let beginning = lesson.beginning();
                self.lesson = Some(lesson);
                beginning
            }),
            "lab-question" => self
                .lesson()
                .map(|lesson| lesson.question(request.number("at"))),
            "lab-answer" => self.lesson().map(|lesson| lesson.answer(text("text"))),
            "lab-hint" => self.lesson().map(|lesson| lesson.hint()),
            "lab-give-up" => self.lesson().map(|lesson| lesson.give_up()),
            "lab-results" => self.lesson().map(|lesson| lesson.results()),
            "lab-sheet" => self
                .lesson()
                .map(|lesson| lesson.sheet(request.is("answers"))),
            "lab-end" => {
                self.lesson = None;
                Ok(Value::Null)
            }
            _ => return None,
        })
    }

    fn lesson(&mut self) -> Result<&mut Lesson, String> {
        self.lesson.as_mut().ok_or("no lab was begun".to_owned())
    }

    /// What is asked of the open capture.
    fn of_capture(&mut self, request: &Request<'_>) -> Result<Value, String> {
        let (from, count) = (request.number("from"), request.number("count"));
        let text = |name| request.text(name);
        let covered = self.lesson.as_ref().map_or(&[][..], Lesson::covers);
        if !covered.is_empty() && TELLING.contains(&text("do")) {
            return Err("this would tell the answer: settle the question first".to_owned());
        }
        let session = self.session.as_mut().ok_or("nothing is open")?;
        Ok(match text("do") {
            "step" => {
                if !session.step() {
                    session.store().decode_on(DECODED);
                }
                progress(session)
            }
            "stop" => {
                session.stop();
                progress(session)
            }
            "list" => {
                let lists = &mut self.lists;
                lists.show(text("kind"), request.index("connection"), request.filter()?);
                lists.about(session.store())
            }
            "scan" => {
                self.lists.scan(session.store(), SCANNED);
                self.lists.about(session.store())
            }
            "rows" => {
                let is_covered = !covered.is_empty();
                self.lists.rows(session.store(), from, count, is_covered)
            }
            "place" => self.lists.place(session.store(), text("row")),
            "enter" => rows::enter(session.store(), text("row")),
            "detail" => {
                let (row, tab, packet) = (text("row"), text("tab"), request.number("packet"));
                detail::detail(session.store(), row, tab, packet, covered)
                    .ok_or("there is no such row")?
            }
            "chat" => {
                let connection = request.index("connection").ok_or("which connection?")?;
                rows::chat(session.store(), connection, from, count)
            }
            "ruler" => {
                let frame = rows::frame_of(session.store(), text("row"));
                detail::ruler(session.store(), frame.unwrap_or(0)).ok_or("there is no frame")?
            }
            "ladder" => {
                let connection = request.index("connection").ok_or("which connection?")?;
                let ladder = match request.is("full") {
                    true => Ladder::in_full(session.store(), connection, ALL_RUNGS),
                    false => Ladder::of_connection(session.store(), connection, RUNGS),
                };
                detail::ladder(&ladder.ok_or("there is no such connection")?)
            }
            "graph" => self.graph.answer(session.store(), request),
            "diagnosis" => {
                if request.is("fresh") {
                    self.verdicts = Verdicts::new(session.diagnosis());
                }
                attempts(&self.verdicts, session, from, count)
            }
            "statistics" => {
                let all = session.statistics();
                json!({ "text": statistics::text(&all, CallOrder::default()) })
            }
            "report" => json!({ "text": self.report(request)? }),
            "begin-print" => {
                self.begin_print(request)?;
                Value::Null
            }
            other => return Err(format!("{other}: no such request")),
        })
    }

    fn report(&mut self, request: &Request<'_>) -> Result<String, String> {
        let redact = request.is("redact");
        // What the diagnosis quotes is masked while it is gathered, so a masked report is another pass.
        let mut session = self.reopened(redact)?;
        while session.step() {}
        let names = self.names();
        let tally = *session.tally();
        let statistics = session.statistics();
        let format = match request.text("format") {
            "markdown" => ReportFormat::Markdown,
            _ => ReportFormat::Html,
        };
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
            format,
        ))
    }
}

/// What would tell what a question asks.
const TELLING: [&str; 8] = [
    "chat",
    "graph",
    "ruler",
    "ladder",
    "diagnosis",
    "statistics",
    "report",
    "begin-print",
];

fn progress(session: &Session) -> Value {
    let (store, summary, tls) = (session.store(), session.summary(), session.overview().tls());
    let mut notes = session.notes();
    let locked = tls.connections.saturating_sub(tls.decrypted);
    if locked > 0 {
        let locked = counted(locked, "TLS connection");
        notes.push(format!("not decrypted: {locked}; drop a key log"));
    }
    let counts = format!(
        "{}, {}, {}, {}, {}",
        counted(session.tally().packets, "packet"),
        counted(store.connections().len() as u64, "connection"),
        counted(store.frame_count() as u64, "frame"),
        counted(store.message_count() as u64, "message"),
        counted(store.findings().len() as u64, "finding"),
    );
    json!({
        "read": summary.read_bytes,
        "total": summary.total_bytes,
        "connections": store.connections().len(),
        "counts": counts,
        "notes": notes,
        "over": session.is_over(),
        "decoding": store.is_decoding(),
    })
}

/// Attempts, the worst first, and in words how many there are.
fn attempts(all: &Verdicts, session: &Session, from: Option<u64>, count: Option<u64>) -> Value {
    let title = match all.all {
        0 => "No attempt at a WebSocket so far".to_owned(),
        count => verdicts::outcome(count, all.failed, all.warned),
    };
    let mut more = Vec::new();
    for (count, what) in [
        (all.more, "that did not end well"),
        (all.more_healthy, "healthy"),
    ] {
        if count > 0 {
            more.push(format!("{count} more {what} are counted and not listed"));
        }
    }
    let written = encrypted_text(session.overview().casebook(), &mut |line: &str| {
        more.push(line.trim().to_owned());
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(()) = written;
    let list = all.list.get(range(from, count, all.list.len()));
    let attempts = list.unwrap_or_default().iter().map(|one| attempt_json(one));
    json!({
        "title": title,
        "len": all.list.len(),
        "more": more,
        "attempts": attempts.collect::<Vec<_>>(),
    })
}
