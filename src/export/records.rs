//! Messages on their way to files of their own: the bytes of each, with what its file and its line in the index say.

use crate::base::{ConnectionId, PacketNumber, Side, Timestamp};
use crate::engine::{Connection, MessageEvent};
use crate::websocket::MessageKind;

use super::format::Format;
use super::json::{boolean, hexadecimal, number, optional, string};
use super::page::Labelled;

/// Writes the bytes of messages, each labelled with a [`Record`].
#[derive(Debug)]
pub struct Records {
    control: bool,
}

impl Records {
    /// With `control`, the bodies of close, ping and pong too.
    #[must_use]
    pub fn new(control: bool) -> Self {
        Self { control }
    }
}

impl Format for Records {
    type Out = Labelled<Record>;

    fn wants_message_data(&self) -> bool {
        true
    }

    fn wants_digest(&self) -> bool {
        true
    }

    fn message(&mut self, out: &mut Self::Out, event: &MessageEvent<'_>, connection: &Connection) {
        let message = event.message;
        let is_data = matches!(message.kind, MessageKind::Text | MessageKind::Binary);
        if !is_data && !self.control {
            return;
        }
        let data = message.data.unwrap_or(message.beginning);
        out.page().bytes().extend_from_slice(data);
        out.end_row(Record {
            connection: connection.id,
            message: event.number,
            from: event.from,
            kind: message.kind,
            packet: event.at.packet,
            time: event.at.time,
            length: message.length,
            complete: message.complete && message.data.is_some(),
            sha256: message.sha256,
        });
    }
}

/// What is said of one message beside its bytes; of a message longer than the kept limit these are the first.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The connection, by its engine's id.
    pub connection: ConnectionId,
    /// The message's number in it.
    pub message: u64,
    /// Who sent it.
    pub from: Side,
    /// What it is.
    pub kind: MessageKind,
    /// The packet that completed it.
    pub packet: PacketNumber,
    /// When that was.
    pub time: Timestamp,
    length: Option<u64>,
    complete: bool,
    sha256: Option<[u8; 32]>,
}

impl Record {
    /// The name of its file: connection, message, side and kind, with an extension by content.
    #[must_use]
    pub fn file_name(&self, connection: u32, data: &[u8]) -> String {
        format!(
            "{connection:04}-{:06}-{}-{}.{}",
            self.message,
            self.from,
            self.kind.name(),
            extension(data)
        )
    }

    /// Its line in the index.
    pub fn write_index(&self, connection: u32, file: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"file\":");
        string(out, file);
        out.extend_from_slice(
            format!(
                ",\"connection\":{connection},\"message\":{},\"from\":\"{}\",\"kind\":\"{}\",\"packet\":{},\"time\":\"{}\"",
                self.message,
                self.from,
                self.kind.name(),
                self.packet,
                self.time,
            )
            .as_bytes(),
        );
        out.extend_from_slice(b",\"length\":");
        optional(out, self.length, number);
        out.extend_from_slice(b",\"complete\":");
        boolean(out, self.complete);
        out.extend_from_slice(b",\"sha256\":");
        optional(out, self.sha256, |out, digest| hexadecimal(out, &digest));
        out.extend_from_slice(b"}\n");
    }
}

/// What bytes begin with, by format.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"%PDF-", "pdf"),
    (b"\x1f\x8b\x08", "gz"),
    (b"PK\x03\x04", "zip"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"\0asm", "wasm"),
    (b"\xd9\xd9\xf7", "cbor"),
    (b"BM", "bmp"),
];

/// The extension that suits the content, `bin` when nothing else does.
#[must_use]
pub fn extension(data: &[u8]) -> &'static str {
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| data.starts_with(magic)) {
        // Two letters prove little; a bitmap also says its own size.
        if *name != "bmp" || data.get(2..6) == Some(&(data.len() as u32).to_le_bytes()[..]) {
            return name;
        }
    }
    if data.starts_with(b"RIFF") {
        match data.get(8..12) {
            Some(b"WEBP") => return "webp",
            Some(b"WAVE") => return "wav",
            _ => {}
        }
    }
    match std::str::from_utf8(data) {
        Ok(text) if !text.chars().any(is_binary) => text_extension(text),
        _ => "bin",
    }
}

fn is_binary(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\x0c')
}

fn text_extension(text: &str) -> &'static str {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let begins = |word: &str| {
        start
            .get(..word.len())
            .is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
    };
    if start.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
    {
        return "json";
    }
    match () {
        () if begins("<svg") => "svg",
        () if begins("<!doctype html") || begins("<html") => "html",
        () if begins("<?xml") => "xml",
        () => "txt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_the_extension() {
        for (data, name) in [
            (&b"{\"a\":1}"[..], "json"),
            (b" [1,2]", "json"),
            (b"{not json", "txt"),
            (b"hello\nworld", "txt"),
            (b"", "txt"),
            (b"<?xml version='1.0'?><a/>", "xml"),
            (b"<!DOCTYPE HTML><p>", "html"),
            (b"<svg xmlns=''/>", "svg"),
            (b"\x89PNG\r\n\x1a\n1234", "png"),
            (b"\xff\xd8\xff\xe0", "jpg"),
            (b"GIF89a...", "gif"),
            (b"\xd9\xd9\xf7\x01", "cbor"),
            (b"BMX is no bitmap", "txt"),
            (b"\x00\x01", "bin"),
            (b"\xff\xfe", "bin"),
        ] {
            assert_eq!(extension(data), name, "{data:?}");
        }
    }

    #[test]
    fn the_index_says_what_a_file_holds() {
        let record = Record {
            connection: ConnectionId(0),
            message: 3,
            from: Side::Client,
            kind: MessageKind::Text,
            packet: PacketNumber(12),
            time: Timestamp(1000),
            length: Some(5),
            complete: true,
            sha256: None,
        };
        let file = record.file_name(7, b"a\nb c");
        assert_eq!(file, "0007-000003-client-text.txt");
        let mut index = Vec::new();
        record.write_index(7, &file, &mut index);
        let line: serde_json::Value = serde_json::from_slice(&index).unwrap();
        assert_eq!(
            (&line["connection"], &line["length"]),
            (&7.into(), &5.into())
        );
        assert_eq!(
            (&line["file"], &line["sha256"]),
            (&file.into(), &serde_json::Value::Null)
        );
    }
}
