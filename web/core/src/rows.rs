//! Rows in the words of their columns, by the names that links have for them.

use serde_json::{Value, json};

use wireloupe::base::{Timestamp, escape};
use wireloupe::store::{Store, Summary};
use wireloupe::view::rows::RowId;
use wireloupe::websocket::close::{self, CloseCode};
use wireloupe::websocket::{MessageKind, Opcode};

use crate::request::range;

/// Bytes of a payload shown in a row, and in a conversation.
const PREVIEW: usize = 160;
const CHAT: usize = 8192;

pub(crate) const OF_CONNECTIONS: &[&str] = &[
    "#", "client", "server", "request", "outcome", "frames", "messages", "findings", "close",
];
pub(crate) const OF_FRAMES: &[&str] = &[
    "packet", "time", "conn", "from", "frame", "flags", "length", "payload",
];
pub(crate) const OF_MESSAGES: &[&str] = &[
    "packet", "time", "conn", "from", "message", "flags", "length", "payload",
];
pub(crate) const OF_FINDINGS: &[&str] = &["severity", "packet", "conn", "code", "what was found"];

/// What stands for what would tell an answer.
pub(crate) const COVER: &str = "▒▒▒▒";

/// What a row is called: `f12` a frame, `m3` a message, `p2.7` a packet, `c0` a connection, `x5` a finding, by their indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowName {
    Row(RowId),
    Connection(u32),
    Finding(u32),
}

impl RowName {
    pub(crate) fn of(id: &str) -> Option<Self> {
        let (kind, number) = id.split_at_checked(1)?;
        if kind == "p" {
            let (flow, at) = number.split_once('.')?;
            let packet = RowId::Packet(flow.parse().ok()?, at.parse().ok()?);
            return Some(RowName::Row(packet));
        }
        let index = number.parse().ok()?;
        Some(match kind {
            "f" => RowName::Row(RowId::Frame(index)),
            "m" => RowName::Row(RowId::Message(index)),
            "c" => RowName::Connection(index),
            "x" => RowName::Finding(index),
            _ => return None,
        })
    }

    pub(crate) fn id(self) -> String {
        match self {
            RowName::Row(RowId::Frame(index)) => format!("f{index}"),
            RowName::Row(RowId::Message(index)) => format!("m{index}"),
            RowName::Row(RowId::Packet(flow, at)) => format!("p{flow}.{at}"),
            RowName::Connection(index) => format!("c{index}"),
            RowName::Finding(index) => format!("x{index}"),
        }
    }

    /// What is looked at when this row is chosen: of a finding, the frame or the connection that it is about.
    pub(crate) fn place(self, store: &Store) -> Option<Self> {
        let RowName::Finding(index) = self else {
            return Some(self);
        };
        let record = store.findings().get(index as usize)?;
        let connection = record.connection?;
        let frame = record
            .frame
            .and_then(|number| store.frame_of(connection, number));
        Some(match frame {
            Some(frame) => RowName::Row(RowId::Frame(frame)),
            None => RowName::Connection(connection),
        })
    }

    /// The packet of a finding.
    pub(crate) fn packet(self, store: &Store) -> Option<u64> {
        let RowName::Finding(index) = self else {
            return None;
        };
        Some(store.findings().get(index as usize)?.packet.0)
    }

    /// The connection it belongs to.
    pub(crate) fn connection(self, store: &Store) -> Option<u32> {
        match self {
            RowName::Connection(index) => Some(index),
            RowName::Finding(index) => store.findings().get(index as usize)?.connection,
            RowName::Row(RowId::Frame(index)) => Some(store.frame(index)?.connection),
            RowName::Row(RowId::Message(index)) => Some(store.message(index)?.connection),
            RowName::Row(RowId::Packet(..)) => None,
        }
    }
}

/// The frame of a row: of a message its first, of a connection likewise.
pub(crate) fn frame_of(store: &Store, id: &str) -> Option<u32> {
    match RowName::of(id)?.place(store)? {
        RowName::Row(RowId::Frame(index)) => Some(index),
        RowName::Row(RowId::Message(index)) => store.frames_of(&store.message(index)?).next(),
        RowName::Connection(index) => store.connection(index)?.frames.get(0),
        _ => None,
    }
}

/// Where Enter leads from a row.
pub(crate) fn enter(store: &Store, id: &str) -> Value {
    let to = match RowName::of(id) {
        Some(RowName::Connection(index)) => json!({ "connection": index }),
        Some(finding @ RowName::Finding(_)) => match finding.place(store) {
            Some(RowName::Connection(index)) => json!({ "connection": index }),
            Some(row) => json!({ "row": row.id() }),
            None => Value::Null,
        },
        _ => Value::Null,
    };
    json!({ "to": to })
}

pub(crate) fn row(store: &Store, name: RowName, is_covered: bool) -> Option<Value> {
    let (class, mut cells) = match name {
        RowName::Connection(index) => connection(store, index)?,
        RowName::Finding(index) => finding(store, index)?,
        RowName::Row(RowId::Frame(index)) => frame(store, index)?,
        RowName::Row(RowId::Message(index)) => message(store, index)?,
        RowName::Row(RowId::Packet(..)) => return None,
    };
    if is_covered {
        // Where it stands may be known, what it is not.
        let covered = cells.iter_mut().skip(4);
        covered.for_each(|cell| *cell = COVER.to_owned());
    }
    Some(json!({"id": name.id(), "class": class, "cells": cells}))
}

/// How a row is painted, and what stands in its columns.
type Cells = (&'static str, Vec<String>);

fn since_start(store: &Store, time: Timestamp) -> String {
    format!("{:.6}", time.seconds_since(store.start()))
}

/// A number and a word, with a sign where something was found.
fn kind(number: u32, name: &str, has_finding: bool) -> String {
    format!("{number} {name}{}", if has_finding { " ⚠" } else { "" })
}

fn frame(store: &Store, index: u32) -> Option<Cells> {
    let frame = store.frame(index)?;
    let header = frame.header(store.odd(index));
    let message = (frame.message > 0)
        .then(|| store.message_of(frame.connection, frame.message.into()))
        .flatten()
        .and_then(|index| store.message(index));
    let inflated = message
        .filter(|_| frame.is_compressed())
        .and_then(|message| store.message_data(&message, PREVIEW + 1));
    let bytes = inflated.or_else(|| store.payload(index, PREVIEW + 1));
    let flags = [
        (header.fin(), "FIN"),
        (header.rsv1(), "RSV1"),
        (header.rsv2(), "RSV2"),
        (header.rsv3(), "RSV3"),
        (header.masked(), "MASK"),
        (frame.is_cut(), "cut"),
    ];
    let flags = flags.iter().filter(|(is_set, _)| *is_set);
    let cells = vec![
        frame.packet().0.to_string(),
        since_start(store, frame.time()),
        (frame.connection + 1).to_string(),
        frame.from().name().to_owned(),
        kind(frame.number, &frame.opcode().name(), frame.has_finding()),
        flags.map(|(_, name)| *name).collect::<Vec<_>>().join(" "),
        header.payload_length.to_string(),
        preview(bytes, frame.opcode() == Opcode::Close, PREVIEW),
    ];
    Some((frame.from().name(), cells))
}

fn message(store: &Store, index: u32) -> Option<Cells> {
    let message = store.message(index)?;
    let is_close = message.kind == MessageKind::Close;
    let flags = [
        (message.frame_count > 1).then(|| format!("{} frames", message.frame_count)),
        message
            .compressed
            .then(|| format!("{} compressed", message.wire_length)),
        (!message.complete).then(|| "not complete".to_owned()),
    ];
    let carried = store.summary(index).and_then(|summary| carried(&summary));
    let text = || preview(store.message_data(&message, PREVIEW + 1), is_close, PREVIEW);
    let cells = vec![
        message.packet.0.to_string(),
        since_start(store, message.time),
        (message.connection + 1).to_string(),
        message.from.name().to_owned(),
        kind(message.number, message.kind.name(), message.has_finding),
        flags.into_iter().flatten().collect::<Vec<_>>().join(", "),
        message
            .length
            .map_or("?".to_owned(), |length| length.to_string()),
        carried.unwrap_or_else(text),
    ];
    Some((message.from.name(), cells))
}

/// The protocols inside and what they say, where that is more than the text.
fn carried(summary: &Summary) -> Option<String> {
    let to = summary
        .request
        .map_or(String::new(), |request| format!("  (to m{request})"));
    summary
        .says_more
        .then(|| format!("[{}] {}{to}", summary.stack, summary.summary))
}

fn preview(bytes: Option<Vec<u8>>, is_close: bool, most: usize) -> String {
    let Some(bytes) = bytes else {
        return "(bytes not kept)".to_owned();
    };
    if !is_close {
        return escape::preview(&bytes, most);
    }
    let (code, reason) = close::body(&bytes);
    let code = code.map_or("no code".to_owned(), |code| {
        format!("{} {}", code.0, code.name())
    });
    format!("{code} {}", escape::preview(reason, most))
}

fn connection(store: &Store, index: u32) -> Option<Cells> {
    let known = &store.connection(index)?.connection;
    let target = known
        .request()
        .map(|head| escape::preview(head.target(), PREVIEW));
    let close = known.close.code;
    let cells = vec![
        (index + 1).to_string(),
        known.client.to_string(),
        known.server.to_string(),
        target.unwrap_or_default(),
        known.outcome().name().to_owned(),
        (known.frames.client + known.frames.server).to_string(),
        (known.messages.client + known.messages.server).to_string(),
        known.findings.to_string(),
        close.map_or(String::new(), |code| {
            format!("{code} {}", CloseCode(code).name())
        }),
    ];
    Some(("", cells))
}

fn finding(store: &Store, index: u32) -> Option<Cells> {
    let record = store.findings().get(index as usize)?;
    let code = record.finding.code;
    let section = code
        .section()
        .map_or(String::new(), |section| format!(" ({section})"));
    let cells = vec![
        code.severity().name().to_owned(),
        record.packet.0.to_string(),
        record
            .connection
            .map_or(String::new(), |index| (index + 1).to_string()),
        code.name().to_owned(),
        format!(
            "{}: {}{section}",
            escape::words(&record.finding.text),
            code.meaning()
        ),
    ];
    Some((code.severity().name(), cells))
}

/// Messages of a connection, with more of their text than a row has.
pub(crate) fn chat(store: &Store, connection: u32, from: Option<u64>, count: Option<u64>) -> Value {
    let Some(entry) = store.connection(connection) else {
        return json!({"len": 0, "said": []});
    };
    let len = entry.messages.len();
    let said = |at: usize| {
        let index = entry.messages.get(at)?;
        let message = store.message(index)?;
        let data = store.message_data(&message, CHAT + 1);
        let text = match (message.kind, &data) {
            (MessageKind::Text, Some(bytes)) => {
                let shown = bytes.get(..CHAT).unwrap_or(bytes);
                let lines = shown.split(|byte| *byte == b'\n').map(escape::text);
                let lines: Vec<_> = lines.collect();
                lines.join("\n") + if bytes.len() > CHAT { "…" } else { "" }
            }
            (kind, _) => preview(data, kind == MessageKind::Close, PREVIEW * 4),
        };
        let length = message
            .length
            .map_or("?".to_owned(), |length| length.to_string());
        let (from, kind) = (message.from.name(), message.kind.name());
        let time = since_start(store, message.time);
        Some(json!({
            "id": RowName::Row(RowId::Message(index)).id(),
            "from": from,
            "title": format!("{from} {}: {kind}, {length} bytes, {time} s", message.number),
            "summary": store.summary(index).and_then(|summary| carried(&summary)),
            "text": text,
        }))
    };
    let said: Vec<_> = range(from, count, len).filter_map(said).collect();
    json!({"len": len, "said": said})
}
