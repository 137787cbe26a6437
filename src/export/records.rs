//! Messages on their way to files of their own: each as a line that says what it is, and then its bytes.
//!
//! The lines go through a [`Page`] as all output does, so that they come in packet order and with the connection's number.

use crate::engine::{Connection, MessageEvent};
use crate::websocket::MessageKind;

use super::json::{boolean, hexadecimal, number, optional, string};
use super::page::Page;
use super::printer::Format;

/// Writes the lines and the bytes.
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
    fn wants_message_data(&self) -> bool {
        true
    }

    fn wants_digest(&self) -> bool {
        true
    }

    fn message(&mut self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        let message = event.message;
        let is_data = matches!(message.kind, MessageKind::Text | MessageKind::Binary);
        if !is_data && !self.control {
            return;
        }
        let data = message.data.unwrap_or(message.beginning);
        let out = page.bytes();
        out.extend_from_slice(
            format!(
                "{} {} {} {} {} {} ",
                data.len(),
                event.number,
                event.from,
                message.kind.name(),
                event.at.packet,
                event.at.time.0,
            )
            .as_bytes(),
        );
        page.connection(connection.id, 0);
        let out = page.bytes();
        out.extend_from_slice(b" ,\"length\":");
        optional(out, message.length, number);
        out.extend_from_slice(b",\"complete\":");
        boolean(out, message.complete && message.data.is_some());
        out.extend_from_slice(b",\"sha256\":");
        optional(out, message.sha256, |out, digest| hexadecimal(out, &digest));
        out.push(b'\n');
        out.extend_from_slice(data);
    }
}

/// One message, read back from what [`Records`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The connection's number.
    pub connection: u32,
    /// The message's number in it.
    pub message: u64,
    /// `client` or `server`.
    pub from: &'a str,
    /// `text`, `binary`, `close`, `ping` or `pong`.
    pub kind: &'a str,
    /// The packet that completed it.
    pub packet: u64,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Further members of its JSON object, each with a comma before.
    members: &'a str,
    /// Its bytes; of a message longer than the kept limit, the first.
    pub data: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record that `bytes` begin with, and what follows it.
    #[must_use]
    pub fn next(bytes: &'a [u8]) -> Option<(Record<'a>, &'a [u8])> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let mut words = std::str::from_utf8(&bytes[..end]).ok()?.splitn(8, ' ');
        let len: usize = words.next()?.parse().ok()?;
        let rest = bytes.get(end + 1..)?;
        let record = Record {
            data: rest.get(..len)?,
            message: words.next()?.parse().ok()?,
            from: words.next()?,
            kind: words.next()?,
            packet: words.next()?.parse().ok()?,
            time: words.next()?.parse().ok()?,
            connection: words.next()?.parse().ok()?,
            members: words.next()?,
        };
        Some((record, rest.get(len..)?))
    }

    /// The name of its file: connection, message, side and kind, with an extension by content.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!(
            "{:04}-{:06}-{}-{}.{}",
            self.connection,
            self.message,
            self.from,
            self.kind,
            extension(self.data)
        )
    }

    /// Its line in the index.
    pub fn write_index(&self, file: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"file\":");
        string(out, file);
        out.extend_from_slice(
            format!(
                ",\"connection\":{},\"message\":{},\"from\":\"{}\",\"kind\":\"{}\",\"packet\":{},\"time\":\"{}\"{}}}\n",
                self.connection,
                self.message,
                self.from,
                self.kind,
                self.packet,
                crate::base::Timestamp(self.time),
                self.members
            )
            .as_bytes(),
        );
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
    fn records_read_back_whatever_their_bytes() {
        let bytes =
            b"5 3 client text 12 1000 7 ,\"length\":5\na\nb c1 1 server binary 1 2 3 ,\"x\":1\n\n";
        let (first, rest) = Record::next(bytes).unwrap();
        assert_eq!(
            (first.connection, first.message, first.data),
            (7, 3, &b"a\nb c"[..])
        );
        assert_eq!(first.file_name(), "0007-000003-client-text.txt");
        let (second, rest) = Record::next(rest).unwrap();
        assert_eq!(
            (second.kind, second.data, rest),
            ("binary", &b"\n"[..], &b""[..])
        );
        assert_eq!(Record::next(rest), None);
        let mut index = Vec::new();
        first.write_index("x.txt", &mut index);
        let line: serde_json::Value = serde_json::from_slice(&index).unwrap();
        assert_eq!(line["connection"], 7);
        assert_eq!(line["length"], 5);
    }
}
