//! What was found, by kind, and where.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::base::{Code, Needs};
use crate::engine::{Connection, FindingEvent, Sink};
use crate::export::redact::Redactor;
use crate::store::FindingRecord;

use super::block::{Block, Line, Part, cut, section, text};
use super::connections::{anchor, is_listed};
use super::input::ReportInput;
use super::sheet::Sheet;

/// Places listed of one kind.
const PLACES: usize = 20;
/// Characters shown of one.
const TEXT: usize = 600;
/// How far findings may fill the report, in percent.
const ROOM: usize = 80;

pub(super) fn write(sheet: &mut Sheet<'_>, input: &ReportInput<'_>) {
    let all = input.store.findings();
    if all.is_empty() {
        return;
    }
    sheet.push(&section("findings", "Findings"));
    let mut kinds: BTreeMap<Code, Vec<usize>> = BTreeMap::new();
    for (at, record) in all.iter().enumerate() {
        kinds.entry(record.finding.code).or_default().push(at);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(code, places)| (Reverse((code.severity(), places.len())), *code));
    let mut left_out = 0;
    let mut redactor = input.redact.then(Redactor::default);
    for (code, places) in kinds {
        let blocks = kind(input, &mut redactor, code, &places);
        left_out += usize::from(!sheet.fits(&blocks, ROOM));
    }
    sheet.left_out(left_out, "kinds of findings");
}

fn kind(
    input: &ReportInput<'_>,
    redactor: &mut Option<Redactor>,
    code: Code,
    places: &[usize],
) -> Vec<Block> {
    let severity = code.severity();
    let mut line = vec![
        Part::Badge(severity, severity.name().to_owned()),
        Part::Text(format!(" {} ", code.name())),
        Part::Text(format!("({})", places.len())),
    ];
    line.extend(
        code.section()
            .map(|section| Part::Text(format!(", {section}"))),
    );
    let mut blocks = vec![
        Block::Heading {
            level: 3,
            id: format!("finding-{}", code.name()),
            line,
        },
        Block::Paragraph(text(code.meaning())),
    ];
    let records = places
        .iter()
        .take(PLACES)
        .filter_map(|at| input.store.findings().get(*at).map(|record| (*at, record)));
    let lines: Vec<Line> = records
        .map(|(at, record)| place(input, redactor, at, record))
        .collect();
    blocks.push(Block::List(lines));
    if places.len() > PLACES {
        let more = places.len() - PLACES;
        blocks.push(Block::Paragraph(text(format!("and {more} more of them"))));
    }
    blocks
}

fn place(
    input: &ReportInput<'_>,
    redactor: &mut Option<Redactor>,
    at: usize,
    record: &FindingRecord,
) -> Line {
    let mut line = vec![Part::Text(format!("packet {}", record.packet))];
    if let Some(connection) = record.connection {
        line.push(Part::Text(", ".to_owned()));
        let words = format!("connection {}", connection + 1);
        line.push(match is_listed(connection) {
            true => Part::Anchor(anchor(connection), words),
            false => Part::Text(words),
        });
    }
    line.extend(
        record
            .frame
            .map(|frame| Part::Text(format!(", frame {frame}"))),
    );
    line.push(Part::Text(format!(
        ": {}",
        cut(&said(input, redactor, at, record), TEXT)
    )));
    line
}

/// What it says, masked where that is asked for.
fn said(
    input: &ReportInput<'_>,
    redactor: &mut Option<Redactor>,
    at: usize,
    record: &FindingRecord,
) -> String {
    let Some(redactor) = redactor else {
        return record.finding.text.clone();
    };
    let mut masked = Masked {
        redactor,
        text: String::new(),
    };
    input.store.replay_finding(at as u32, &mut masked);
    masked.text
}

/// Takes one finding, masked.
struct Masked<'r> {
    redactor: &'r mut Redactor,
    text: String,
}

impl Sink for Masked<'_> {
    fn needs(&self) -> Needs {
        Needs::FINDINGS
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        let text = &mut self.text;
        self.redactor.finding(event, connection, |event, _| {
            text.clone_from(&event.finding.text);
        });
    }
}
