//! Each attempt that failed: what, where, why, and what to do; the packets that show it; and what the others came to.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::SocketAddr;

use crate::insight::{Diagnosis, Stage, Verdict};
use crate::view::ladder::Ladder;

use super::block::{Block, Part, Passed, section, text};
use super::connections::{anchor, heads, is_listed};
use super::input::ReportInput;
use super::packets;
use super::sheet::Sheet;

/// Attempts of one verdict at one server shown in full.
const ALIKE: usize = 5;
/// Kinds and servers listed in tables.
const LISTED: usize = 50;
/// Rungs of a ladder.
const RUNGS: usize = 40;
/// Packets whose bytes are shown.
const PACKETS: usize = 6;
/// How far failed attempts may fill the report, in percent.
const ROOM: usize = 50;

pub(super) fn write(sheet: &mut Sheet<'_>, input: &ReportInput<'_>) {
    let mut failed: Vec<&Diagnosis> = input
        .diagnosis
        .list
        .iter()
        .map(|one| &**one)
        .filter(|one| one.stage().is_some())
        .collect();
    failed.sort_by_key(|one| Reverse(one.verdict.severity()));
    let mut more: HashMap<(SocketAddr, Verdict), u64> = HashMap::new();
    let mut shown: HashMap<(SocketAddr, Verdict), usize> = HashMap::new();
    if !failed.is_empty() {
        sheet.push(&section("failed", "Failed attempts"));
    }
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut left_out = 0;
    for one in failed {
        let kind = (one.server, one.verdict);
        let count = shown.entry(kind).or_default();
        *count += 1;
        if *count > ALIKE {
            *more.entry(kind).or_default() += 1;
            continue;
        }
        let id = id(one, &mut numbers);
        left_out += usize::from(!sheet.fits(&attempt(input, one, id), ROOM));
    }
    sheet.left_out(left_out, "failed attempts");
    for kind in &input.diagnosis.more {
        if kind.verdict.stage().is_some() {
            *more.entry((kind.server, kind.verdict)).or_default() += kind.count;
        }
    }
    further(sheet, more);
    healthy(sheet, input);
}

/// The anchor of an attempt: the first packet of its flow, and a number where several share it.
fn id(one: &Diagnosis, numbers: &mut HashMap<String, usize>) -> String {
    let id = format!("attempt-{}", one.first_packet);
    let count = numbers.entry(id.clone()).or_default();
    *count += 1;
    match count {
        1 => id,
        count => format!("{id}-{count}"),
    }
}

fn attempt(input: &ReportInput<'_>, one: &Diagnosis, id: String) -> Vec<Block> {
    let severity = one.verdict.severity();
    let line = vec![
        Part::Badge(severity, severity.name().to_owned()),
        Part::Text(format!(
            " {} → {}: {}",
            one.client, one.server, one.sentence
        )),
    ];
    let mut blocks = vec![Block::Heading { level: 3, id, line }];
    let index = one.connection.and_then(|number| number.checked_sub(1));
    blocks.push(Block::Stages(stages(input, one, index)));
    blocks.push(facts(one));
    let evidence: Vec<_> = one
        .evidence
        .iter()
        .map(|seen| {
            let mut line = Vec::new();
            if let Some(packet) = seen.packet {
                line.push(Part::Text(format!("packet {packet}: ")));
            }
            line.push(Part::Code(seen.text.clone()));
            line
        })
        .collect();
    if !evidence.is_empty() {
        blocks.push(Block::Paragraph(text("Evidence")));
        blocks.push(Block::List(evidence));
    }
    blocks.extend(ladder(input, one, index));
    if let Some(index) = index {
        blocks.extend(heads(input, index));
    }
    for number in one.packets().into_iter().take(PACKETS) {
        blocks.extend(packets::bytes(input, index, number));
    }
    blocks
}

/// The stages in their order, without those that a connection like this has not.
fn stages(input: &ReportInput<'_>, one: &Diagnosis, index: Option<u32>) -> Vec<(Stage, Passed)> {
    let failed = one.stage();
    let known = index.and_then(|index| input.store.connection(index));
    let has = |stage: Stage| match (stage, known) {
        (Stage::Tls, Some(entry)) => entry.connection.is_encrypted,
        (Stage::Connect, Some(entry)) => entry.connection.tunnel.is_some(),
        // Of a flow that never became a connection only what failed is known.
        (Stage::Tls | Stage::Connect, None) => false,
        _ => true,
    };
    let of = |stage: Stage| match Some(stage).cmp(&failed) {
        std::cmp::Ordering::Less => Passed::Yes,
        std::cmp::Ordering::Equal => Passed::No,
        std::cmp::Ordering::Greater => Passed::NotReached,
    };
    Stage::ALL
        .into_iter()
        .filter(|stage| has(*stage) || Some(*stage) == failed)
        .map(|stage| (stage, of(stage)))
        .collect()
}

fn facts(one: &Diagnosis) -> Block {
    let (fix, source) = one.fix();
    let verdict = format!("{} ({})", one.verdict, one.confidence.name());
    let mut facts = vec![
        ("Verdict", vec![Part::Code(verdict)]),
        ("Means", text(one.verdict.meaning())),
        ("Fix", vec![Part::Strong(fix.to_owned())]),
    ];
    if let Some((software, header)) = &one.software {
        let line = vec![
            Part::Text(format!("{}, by ", software.name())),
            Part::Code(header.clone()),
        ];
        facts.push(("Software", line));
    }
    for (name, words) in [
        ("Rules out", one.rules_out()),
        ("Ending", &*one.ending),
        ("Settle by", one.verdict.settle()),
    ] {
        if !words.is_empty() {
            facts.push((name, text(words)));
        }
    }
    if !source.is_empty() {
        facts.push(("Source", vec![Part::Link(source.to_owned())]));
    }
    if let Some(number) = one.connection {
        let words = format!("connection {number}");
        let line = match is_listed(number - 1) {
            true => vec![Part::Anchor(anchor(number - 1), words)],
            false => text(words),
        };
        facts.push(("In the capture", line));
    }
    Block::Facts(facts)
}

fn ladder(input: &ReportInput<'_>, one: &Diagnosis, index: Option<u32>) -> Option<Block> {
    let store = input.store;
    let ladder = match index {
        Some(index) => Ladder::of_connection(store, index, RUNGS)?,
        None => {
            let (flow, _) = store.flow_with(one.first_packet)?;
            Ladder::of_flow(store, flow, one.client, one.server)
        }
    };
    let evidence = one.packets().iter().map(|packet| packet.0).collect();
    (!ladder.rungs.is_empty()).then_some(Block::Ladder {
        title: "What crossed, with the evidence drawn strong".to_owned(),
        ladder,
        evidence,
    })
}

/// Attempts that are counted and not shown.
fn further(sheet: &mut Sheet<'_>, more: HashMap<(SocketAddr, Verdict), u64>) {
    let mut kinds: Vec<_> = more.into_iter().collect();
    kinds.sort_by_key(|((server, verdict), count)| {
        (Reverse((verdict.severity(), *count)), *server, *verdict)
    });
    let all = kinds.len();
    kinds.truncate(LISTED);
    if kinds.is_empty() {
        return;
    }
    let rows = kinds.iter().map(|((server, verdict), count)| {
        vec![
            text(count.to_string()),
            vec![Part::Code(verdict.name().to_owned())],
            text(server.to_string()),
        ]
    });
    sheet.push(&Block::Table {
        caption: "More attempts of the same kinds",
        head: &["attempts", "verdict", "server"],
        rows: rows.collect(),
    });
    sheet.left_out(all - kinds.len(), "kinds");
}

fn healthy(sheet: &mut Sheet<'_>, input: &ReportInput<'_>) {
    let diagnosis = input.diagnosis;
    if diagnosis.healthy.is_empty() {
        return;
    }
    let rows = diagnosis.healthy.iter().take(LISTED);
    let rows = rows.map(|(server, count)| vec![text(count.to_string()), text(server.to_string())]);
    sheet.push(&Block::Table {
        caption: "Healthy attempts",
        head: &["attempts", "server"],
        rows: rows.collect(),
    });
    let rest = diagnosis.healthy.iter().skip(LISTED);
    let rest = rest.map(|(_, count)| count).sum::<u64>() + diagnosis.healthy_elsewhere;
    if rest > 0 {
        let line = format!("and {rest} more at further servers");
        sheet.push(&Block::Paragraph(text(line)));
    }
}
