//! Lists as the page shows them: a few rows at a time.

use serde_json::{Value, json};

use wireloupe::base::{Timestamp, escape};
use wireloupe::store::Store;
use wireloupe::view::rows::{List, RowId};
use wireloupe::websocket::close::{self, CloseCode};
use wireloupe::websocket::{MessageKind, Opcode};

/// Bytes of a payload shown in a row, and in a conversation.
const PREVIEW: usize = 160;
const CHAT: usize = 8192;
/// Rows given at once.
const MOST: u64 = 500;

/// `f12` or `m3` for a row, and back.
pub(crate) fn id(row: RowId) -> String {
    match row {
        RowId::Frame(index) => format!("f{index}"),
        RowId::Message(index) => format!("m{index}"),
        RowId::Packet(flow, at) => format!("p{flow}.{at}"),
    }
}

pub(crate) fn row_of(id: &str) -> Option<RowId> {
    let (kind, number) = id.split_at_checked(1)?;
    match kind {
        "f" => number.parse().ok().map(RowId::Frame),
        "m" => number.parse().ok().map(RowId::Message),
        _ => {
            let (flow, at) = number.split_once('.')?;
            Some(RowId::Packet(flow.parse().ok()?, at.parse().ok()?))
        }
    }
}

pub(crate) fn about(list: &List, store: &Store) -> Value {
    json!({
        "len": list.len(store),
        "unfiltered": list.unfiltered(store),
        "scanned": list.scanned,
        "scanning": list.is_scanning(store),
        "kind": format!("{:?}", list.kind).to_lowercase(),
    })
}

pub(crate) fn place(list: &List, store: &Store, id: &str) -> Value {
    match row_of(id) {
        Some(row) => {
            let (at, is_there) = list.place(store, row);
            json!({"at": at, "is_there": is_there})
        }
        None => json!({"at": 0, "is_there": false}),
    }
}

fn range(from: Option<u64>, count: Option<u64>, len: usize) -> std::ops::Range<usize> {
    let from = (from.unwrap_or(0) as usize).min(len);
    let count = count.unwrap_or(MOST).min(MOST) as usize;
    from..(from + count).min(len)
}

pub(crate) fn rows(list: &List, store: &Store, from: Option<u64>, count: Option<u64>) -> Value {
    range(from, count, list.len(store))
        .filter_map(|at| row(store, list.row(store, at)?))
        .collect()
}

fn seconds(store: &Store, time: Timestamp) -> f64 {
    time.seconds_since(store.start())
}

fn row(store: &Store, row: RowId) -> Option<Value> {
    match row {
        RowId::Frame(index) => {
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
            Some(json!({
                "id": id(row),
                "number": frame.number,
                "packet": frame.packet().0,
                "time": seconds(store, frame.time()),
                "connection": frame.connection,
                "from": frame.from().name(),
                "kind": frame.opcode().name(),
                "flags": flags.map(|(_, name)| *name).collect::<Vec<_>>().join(" "),
                "length": header.payload_length,
                "text": preview(bytes, frame.opcode() == Opcode::Close, PREVIEW),
                "finding": frame.has_finding(),
            }))
        }
        RowId::Message(index) => {
            let message = store.message(index)?;
            let is_close = message.kind == MessageKind::Close;
            let flags = [
                (message.frame_count > 1).then(|| format!("{} frames", message.frame_count)),
                message
                    .compressed
                    .then(|| format!("{} compressed", message.wire_length)),
                (!message.complete).then(|| "not complete".to_owned()),
            ];
            Some(json!({
                "id": id(row),
                "number": message.number,
                "packet": message.packet.0,
                "time": seconds(store, message.time),
                "connection": message.connection,
                "from": message.from.name(),
                "kind": message.kind.name(),
                "flags": flags.into_iter().flatten().collect::<Vec<_>>().join(", "),
                "length": message.length,
                "text": preview(store.message_data(&message, PREVIEW + 1), is_close, PREVIEW),
                "finding": message.has_finding,
            }))
        }
        RowId::Packet(..) => None,
    }
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

pub(crate) fn connections(store: &Store, from: Option<u64>, count: Option<u64>) -> Value {
    let all = store.connections();
    let row = |index: usize| {
        let known = &all.get(index)?.connection;
        let target = known
            .request()
            .map(|head| escape::preview(head.target(), PREVIEW));
        Some(json!({
            "index": index,
            "client": known.client.to_string(),
            "server": known.server.to_string(),
            "outcome": known.outcome().name(),
            "transport": known.transport.name(),
            "target": target,
            "frames": known.frames.client + known.frames.server,
            "messages": known.messages.client + known.messages.server,
            "findings": known.findings,
            "close": known.close.code.map(|code| format!("{code} {}", CloseCode(code).name())),
            "packet": known.first_packet.0,
        }))
    };
    range(from, count, all.len()).filter_map(row).collect()
}

pub(crate) fn findings(store: &Store, from: Option<u64>, count: Option<u64>) -> Value {
    let all = store.findings();
    let row = |index: usize| {
        let record = all.get(index)?;
        let code = record.finding.code;
        let frame = record.connection.zip(record.frame);
        Some(json!({
            "code": code.name(),
            "severity": code.severity().name(),
            "text": record.finding.text,
            "meaning": code.meaning(),
            "section": code.section(),
            "packet": record.packet.0,
            "connection": record.connection,
            "row": frame.and_then(|(connection, number)| store.frame_of(connection, number)).map(|index| id(RowId::Frame(index))),
        }))
    };
    range(from, count, all.len()).filter_map(row).collect()
}

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
                let lines: Vec<_> = shown
                    .split(|byte| *byte == b'\n')
                    .map(escape::text)
                    .collect();
                lines.join("\n") + if bytes.len() > CHAT { "…" } else { "" }
            }
            (kind, _) => preview(data, kind == MessageKind::Close, PREVIEW * 4),
        };
        Some(json!({
            "id": id(RowId::Message(index)),
            "number": message.number,
            "from": message.from.name(),
            "kind": message.kind.name(),
            "length": message.length,
            "time": seconds(store, message.time),
            "text": text,
        }))
    };
    let said: Vec<_> = range(from, count, len).filter_map(said).collect();
    json!({"len": len, "said": said})
}
