//! The connections with their heads and ladders, and the conversations that were asked for.

use crate::base::{Needs, Side, Timestamp, escape};
use crate::engine::{Connection, MessageEvent, SeenHead, Sink, Tunnel};
use crate::export::redact::Redactor;
use crate::store::Entry;
use crate::view::ladder::Ladder;
use crate::websocket::MessageKind;
use crate::websocket::close::CloseCode;

use super::block::{Block, Part, Said, section, text};
use super::input::ReportInput;
use super::sheet::Sheet;

/// Connections listed.
const LISTED: u32 = 40;
/// Rungs of the ladder of one.
const RUNGS: usize = 24;
/// Bytes shown of a head, and of a line of it.
const HEAD: usize = 2048;
/// Bytes shown of a message.
const TEXT: usize = 4096;
/// Messages added at once.
const MESSAGES: usize = 32;
/// How far all but the conversations may fill the report, and everything, in percent.
const ROOM: usize = 90;
const ALL: usize = 99;

/// The anchor of a connection.
pub(super) fn anchor(index: u32) -> String {
    format!("connection-{}", index + 1)
}

/// Whether a connection is listed, so that there is something to lead to.
pub(super) fn is_listed(index: u32) -> bool {
    index < LISTED
}

pub(super) fn write(sheet: &mut Sheet<'_>, input: &ReportInput<'_>) {
    let all = input.store.connections();
    if !all.is_empty() {
        sheet.push(&section("connections", "Connections"));
    }
    let mut left_out = all.len().saturating_sub(LISTED as usize);
    for (index, entry) in (0..LISTED).zip(all) {
        left_out += usize::from(!sheet.fits(&[connection(input, index, entry)], ROOM));
    }
    if left_out > 0 {
        let line =
            format!("{left_out} more connections are left out: the first {LISTED} are listed.");
        sheet.push(&Block::Paragraph(text(line)));
    }
    if !input.conversations.is_empty() {
        sheet.push(&section("conversations", "Conversations"));
    }
    for index in input.conversations {
        conversation(sheet, input, *index);
    }
}

/// The connection, with its secrets masked where that is asked for.
fn shown(input: &ReportInput<'_>, connection: &Connection) -> Connection {
    match input.redact {
        true => Redactor::default().connection(connection),
        false => connection.clone(),
    }
}

fn connection(input: &ReportInput<'_>, index: u32, entry: &Entry) -> Block {
    let known = shown(input, &entry.connection);
    let line = format!(
        "{}: {} → {}, {}, {} frames",
        index + 1,
        known.client,
        known.server,
        known.outcome().name(),
        known.frames.client + known.frames.server
    );
    let mut blocks = vec![facts(&known)];
    blocks.extend(heads(input, index));
    if let Some(ladder) = Ladder::of_connection(input.store, index, RUNGS) {
        blocks.push(Block::Ladder {
            title: format!("Connection {}", index + 1),
            ladder,
            evidence: Vec::new(),
        });
    }
    Block::Fold {
        id: Some(anchor(index)),
        line: vec![Part::Text("Connection ".to_owned()), Part::Text(line)],
        blocks,
    }
}

fn facts(known: &Connection) -> Block {
    let code = known.close.code.map_or("no close code".to_owned(), |code| {
        format!("{code} {}", CloseCode(code).name())
    });
    let by = known.close.by.map_or("nobody", |side| match side {
        Side::Client => "the client",
        Side::Server => "the server",
    });
    let ended = known.close.ended_by.map_or("still open", |by| by.name());
    let counts = |counts: &crate::base::PerSide<u64>| {
        format!(
            "{} from the client, {} from the server",
            counts.client, counts.server
        )
    };
    let mut facts = vec![
        ("Transport", text(known.transport.name())),
        ("Frames", text(counts(&known.frames))),
        ("Messages", text(counts(&known.messages))),
        ("Payload bytes", text(counts(&known.bytes))),
        ("Closed", text(format!("by {by}, {code}, {ended}"))),
    ];
    if let Some(name) = &known.server_name {
        let name = escape::preview(name.as_bytes(), 253);
        facts.push(("Server name", vec![Part::Code(name)]));
    }
    Block::Facts(facts)
}

/// The heads of a connection, folded.
pub(super) fn heads(input: &ReportInput<'_>, index: u32) -> Vec<Block> {
    let Some(entry) = input.store.connection(index) else {
        return Vec::new();
    };
    let known = shown(input, &entry.connection);
    let tunnel = known.tunnel.as_deref().and_then(Tunnel::heads);
    let shake = known.handshake.as_deref();
    let all = [
        ("CONNECT", tunnel.map(|(request, _)| request)),
        (
            "Answer to the CONNECT",
            tunnel.and_then(|(_, response)| response),
        ),
        ("Request", shake.and_then(|shake| shake.request.as_ref())),
        ("Answer", shake.and_then(|shake| shake.response.as_ref())),
    ];
    all.into_iter()
        .filter_map(|(name, seen)| Some(head(name, seen?)))
        .collect()
}

fn head(name: &str, seen: &SeenHead) -> Block {
    let raw = &seen.head.raw;
    let (shown, rest) = raw.split_at(raw.len().min(HEAD));
    let mut lines: Vec<_> = shown
        .split(|byte| *byte == b'\n')
        .map(|line| escape::text(line.strip_suffix(b"\r").unwrap_or(line)))
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    if !rest.is_empty() {
        lines.push(format!("… {} bytes more", rest.len()));
    }
    Block::Fold {
        id: None,
        line: text(format!("{name}, packet {}", seen.packet)),
        blocks: vec![Block::Lines(lines)],
    }
}

fn conversation(sheet: &mut Sheet<'_>, input: &ReportInput<'_>, index: u32) {
    let Some(entry) = input.store.connection(index) else {
        return;
    };
    sheet.push(&Block::Heading {
        level: 3,
        id: format!("conversation-{}", index + 1),
        line: text(format!("Conversation of connection {}", index + 1)),
    });
    let mut speaker = Speaker {
        connection: index,
        opened: entry.connection.opened,
        redactor: input.redact.then(Redactor::default),
        said: Vec::new(),
    };
    let (mut shown, count) = (0, entry.messages.len());
    // A few at a time: a message that does not fit must not push out those before it.
    while shown < count {
        let end = count.min(shown + MESSAGES);
        for message in (shown..end).filter_map(|at| entry.messages.get(at)) {
            let store = input.store;
            store.replay_message(message, Needs::MESSAGES, &mut speaker);
        }
        let said = std::mem::take(&mut speaker.said);
        if !sheet.fits(&[Block::Chat(said)], ALL) {
            break;
        }
        shown = end;
    }
    sheet.left_out(count - shown, "messages");
}

/// Takes messages, masked where that is asked for.
struct Speaker {
    connection: u32,
    opened: Timestamp,
    redactor: Option<Redactor>,
    said: Vec<Said>,
}

impl Sink for Speaker {
    fn needs(&self) -> Needs {
        Needs::MESSAGES
    }

    fn message(&mut self, event: &MessageEvent<'_>, _connection: &Connection) {
        let said = match &mut self.redactor {
            Some(redactor) => {
                let mut said = None;
                redactor.message(event, |event| {
                    said = Some(message(event, self.connection, self.opened));
                });
                said
            }
            None => Some(message(event, self.connection, self.opened)),
        };
        self.said.extend(said);
    }
}

fn message(event: &MessageEvent<'_>, connection: u32, opened: Timestamp) -> Said {
    let message = event.message;
    let length = message
        .length
        .map_or("length unknown".to_owned(), |length| {
            format!("{length} bytes")
        });
    let about = format!(
        "{} {}: {}, {length}{}, packet {}, {:.6} s",
        event.from,
        event.number,
        message.kind.name(),
        if message.compressed { " inflated" } else { "" },
        event.at.packet,
        event.at.time.seconds_since(opened)
    );
    let bytes = message.data.unwrap_or(message.beginning);
    let text = match (message.kind, &message.close) {
        (MessageKind::Close, Some((code, reason))) => {
            let code = code.map_or("no code".to_owned(), |code| {
                format!("{} {}", code.0, code.name())
            });
            format!("{code} {}", escape::preview(reason, TEXT))
        }
        (MessageKind::Text, _) => lines(bytes),
        _ => bytes
            .iter()
            .take(TEXT / 4)
            .map(|byte| format!("{byte:02x} "))
            .collect(),
    };
    Said {
        id: format!("connection-{}-message-{}", connection + 1, event.number),
        is_client: event.from == Side::Client,
        about,
        text,
    }
}

/// Text with its lines; of a long one the beginning.
fn lines(bytes: &[u8]) -> String {
    let shown = bytes.get(..TEXT).unwrap_or(bytes);
    let lines: Vec<_> = shown
        .split(|byte| *byte == b'\n')
        .map(escape::text)
        .collect();
    let mut text = lines.join("\n");
    if bytes.len() > TEXT {
        text.push_str(&format!("\n… {} bytes more", bytes.len() - TEXT));
    }
    text
}
