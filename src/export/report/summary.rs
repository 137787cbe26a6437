//! What was captured, and what came of it in a sentence.

use crate::base::counted;
use crate::insight::Verdict;

use super::block::{Bar, Block, Line, Part, section, text};
use super::input::ReportInput;
use super::sheet::Sheet;

pub(super) fn write(sheet: &mut Sheet<'_>, input: &ReportInput<'_>) {
    let masked = match input.redact {
        true => {
            "Redacted: cookies, credentials, tokens and payload values are masked; lengths and structure are as captured."
        }
        false => "Not redacted: this report shows payloads and credentials as they were captured.",
    };
    sheet.push(&Block::Paragraph(vec![Part::Strong(masked.to_owned())]));
    sheet.push(&Block::Paragraph(vec![Part::Strong(sentence(input))]));
    sheet.push(&section("capture", "What was captured"));
    let store = input.store;
    let mut facts: Vec<(&'static str, Line)> = vec![
        (
            "Files",
            input
                .files
                .iter()
                .flat_map(|name| [Part::Code(name.clone()), Part::Text(" ".to_owned())])
                .collect(),
        ),
        (
            "Packets",
            text(format!("{}, {} bytes", input.packets, input.bytes)),
        ),
        (
            "WebSockets",
            text(
                [
                    counted(store.connections().len() as u64, "connection"),
                    counted(store.frame_count() as u64, "frame"),
                    counted(store.message_count() as u64, "message"),
                    counted(store.findings().len() as u64, "finding"),
                ]
                .join(", "),
            ),
        ),
    ];
    if !store.connections().is_empty() {
        let times = format!("{} to {}", store.start(), store.last());
        facts.insert(1, ("Time", text(times)));
    }
    if input.tls.connections > 0 {
        let count = input.tls;
        facts.push((
            "TLS",
            text(format!(
                "{}, {} decrypted",
                counted(count.connections, "connection"),
                count.decrypted
            )),
        ));
    }
    facts.push((
        "Made by",
        text(concat!("wireloupe ", env!("CARGO_PKG_VERSION"))),
    ));
    sheet.push(&Block::Facts(facts));
    if !input.notes.is_empty() {
        let notes = input.notes.iter().map(|note| text(note.clone()));
        sheet.push(&Block::List(notes.collect()));
    }
    let diagnosis = input.diagnosis;
    if diagnosis.count() > 0 {
        sheet.push(&Block::Bars {
            caption: "Attempts by verdict".to_owned(),
            bars: verdicts(input),
        });
    }
}

fn sentence(input: &ReportInput<'_>) -> String {
    let diagnosis = input.diagnosis;
    let warned = match (diagnosis.count(), diagnosis.warned()) {
        (_, 0) => "",
        (1, _) => " It has a warning.",
        (_, 1) => " One has a warning.",
        (_, warned) => &format!(" {warned} have warnings."),
    };
    let failed = match (diagnosis.count(), diagnosis.failed()) {
        (0, _) => "No attempt at a WebSocket was seen in this capture.".to_owned(),
        (1, 0) => "One attempt at a WebSocket, and it did not fail.".to_owned(),
        (count, 0) => format!("{count} attempts at a WebSocket, and none failed."),
        (1, _) => "The one attempt at a WebSocket failed.".to_owned(),
        (count, failed) => format!("{failed} of {count} attempts at a WebSocket failed."),
    };
    failed + warned
}

/// Verdicts by how bad they are, then by count.
fn verdicts(input: &ReportInput<'_>) -> Vec<Bar> {
    let mut all: Vec<(Verdict, u64)> = input
        .diagnosis
        .verdicts
        .iter()
        .map(|(verdict, count)| (*verdict, *count))
        .collect();
    all.sort_by_key(|(verdict, count)| (std::cmp::Reverse((verdict.severity(), *count)), *verdict));
    all.into_iter()
        .map(|(verdict, count)| Bar {
            label: verdict.name().to_owned(),
            count,
            value: None,
        })
        .collect()
}
