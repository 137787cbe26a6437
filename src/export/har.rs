//! HTTP Archive 1.2 with Chrome's `_webSocketMessages`: opens in browsers' developer tools.
//!
//! A connection's entry holds its messages, and is complete only when the connection ends. So rows are written as they
//! come, each labelled with its connection; an [`Archive`] keeps them in a spool and puts them together at the end.
//! Control frames have no place in the format; how the connection was closed is in the entry's `_close`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::base::{ConnectionId, Head, Rfc3339, Spool, Spools, Timestamp};
use crate::engine::{Connection, MessageEvent, Moment, SeenHead, Tunnel};
use crate::run::Stretch;
use crate::websocket::MessageKind;

use super::format::Format;
use super::json::{array, base64, lossy, number, optional, string};
use super::ndjson::close_members;
use super::page::{Drain, Labelled, Page, each_row};

/// Bytes gathered before they go to the spool.
const BATCH: usize = 64 << 10;

/// Appends the literal pieces of an object.
macro_rules! put {
    ($out:expr, $literal:literal) => {
        $out.extend_from_slice($literal.as_bytes())
    };
}

/// A piece of the document, by the connection it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct HarPiece {
    connection: ConnectionId,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Message,
    /// The entry, up to its messages.
    Entry {
        is_matched: bool,
    },
}

/// Writes the pieces that an [`Archive`] takes.
#[derive(Debug, Default)]
pub struct Har {
    clock: Rfc3339,
}

impl Har {
    fn entry(&mut self, page: &mut Page, connection: &Connection) {
        let out = page.bytes();
        put!(out, "{\"startedDateTime\":\"");
        let handshake = connection.handshake.as_deref();
        let tunnel = connection.tunnel.as_deref();
        let (request, response): (Option<&SeenHead>, Option<&SeenHead>) = match handshake {
            Some(handshake) => (handshake.request.as_ref(), handshake.response.as_ref()),
            None => {
                let heads = tunnel.and_then(Tunnel::heads);
                (
                    heads.map(|(request, _)| request),
                    heads.and_then(|(_, response)| response),
                )
            }
        };
        let started = request.map_or(connection.opened, |seen| seen.time);
        self.clock.write(started, out);
        put!(out, "\",\"time\":");
        milliseconds(out, connection.closed.map(|end| end.since(started)));
        self.request(out, connection, request.map(|seen| &seen.head));
        put!(out, ",\"response\":");
        response_object(out, connection, response.map(|seen| &seen.head));
        put!(out, ",\"cache\":{},\"timings\":{\"send\":0,\"wait\":");
        let waited = request
            .zip(response)
            .map(|(request, response)| response.time.since(request.time));
        milliseconds(out, waited);
        put!(out, ",\"receive\":0},\"serverIPAddress\":");
        string(out, &connection.server.ip().to_string());
        put!(out, ",\"connection\":");
        string(out, &connection.client.port().to_string());
        put!(out, ",\"_resourceType\":\"websocket\",\"_close\":");
        close(out, connection);
        put!(out, ",\"_webSocketMessages\":[");
    }

    fn request(&mut self, out: &mut Vec<u8>, connection: &Connection, head: Option<&Head>) {
        put!(out, ",\"request\":{\"method\":");
        lossy(out, head.map_or(b"GET", Head::method));
        put!(out, ",\"url\":");
        let url = url(connection, head);
        lossy(out, &url);
        put!(out, ",\"httpVersion\":");
        version(out, connection, head);
        put!(out, ",\"cookies\":");
        cookies(out, head, "cookie", b';');
        headers(out, head);
        put!(out, ",\"queryString\":");
        let query = url.iter().position(|byte| *byte == b'?');
        let query = query.and_then(|at| url.get(at + 1..)).unwrap_or_default();
        array(
            out,
            query.split(|byte| *byte == b'&').filter(|p| !p.is_empty()),
            pair_object,
        );
        sizes(out, head);
        put!(out, "}");
    }
}

impl Format for Har {
    type Out = Labelled<HarPiece>;

    fn wants_message_data(&self) -> bool {
        true
    }

    fn wants_decoded(&self) -> bool {
        true
    }

    fn message(&mut self, rows: &mut Self::Out, event: &MessageEvent<'_>, connection: &Connection) {
        let message = event.message;
        let opcode: u8 = match message.kind {
            MessageKind::Text => 1,
            MessageKind::Binary => 2,
            MessageKind::Close | MessageKind::Ping | MessageKind::Pong => return,
        };
        let out = rows.page().bytes();
        put!(out, "{\"type\":\"");
        out.extend_from_slice(match event.from {
            crate::base::Side::Client => b"send",
            crate::base::Side::Server => b"receive",
        });
        put!(out, "\",\"time\":");
        epoch(out, event.at.time);
        put!(out, ",\"opcode\":");
        number(out, opcode);
        put!(out, ",\"data\":");
        let data = message.data.unwrap_or(message.beginning);
        if opcode == 1 {
            lossy(out, data);
        } else {
            base64(out, data);
        }
        if message.data.is_none() || !message.complete {
            put!(out, ",\"_complete\":false,\"_length\":");
            optional(out, message.length, number);
        }
        if let Some(decoded) = event.decoded.filter(|decoded| decoded.says_more()) {
            put!(out, ",\"comment\":");
            string(out, &decoded.summary);
        }
        put!(out, "}");
        rows.end_row(HarPiece {
            connection: connection.id,
            what: What::Message,
        });
    }

    fn connection(&mut self, rows: &mut Self::Out, connection: &Connection, _at: Moment) {
        self.entry(rows.page(), connection);
        rows.end_row(HarPiece {
            connection: connection.id,
            what: What::Entry { is_matched: true },
        });
    }

    fn unmatched_connection(&mut self, rows: &mut Self::Out, connection: &Connection) {
        self.entry(rows.page(), connection);
        rows.end_row(HarPiece {
            connection: connection.id,
            what: What::Entry { is_matched: false },
        });
    }
}

/// Milliseconds; 0 for what is not known, since the format has no null here.
fn milliseconds(out: &mut Vec<u8>, nanoseconds: Option<i64>) {
    let value = nanoseconds.unwrap_or(0).max(0) as f64 / 1e6;
    out.extend_from_slice(format!("{value:.3}").as_bytes());
}

/// Seconds since 1970 with six digits, as Chrome writes them.
fn epoch(out: &mut Vec<u8>, time: Timestamp) {
    let microseconds = time.0.max(0) / 1000;
    let text = format!(
        "{}.{:06}",
        microseconds / 1_000_000,
        microseconds % 1_000_000
    );
    out.extend_from_slice(text.as_bytes());
}

/// The whole URL: scheme and authority are not in the request line.
fn url(connection: &Connection, head: Option<&Head>) -> Vec<u8> {
    let target = head.map_or(&b"/"[..], Head::target);
    if !target.starts_with(b"/") {
        return target.to_vec();
    }
    let mut url = if connection.is_encrypted {
        b"wss://"
    } else {
        &b"ws://"[..]
    }
    .to_vec();
    match head.and_then(|head| head.value("host").or_else(|| head.value(":authority"))) {
        Some(host) => url.extend_from_slice(host),
        None => url.extend_from_slice(connection.server.to_string().as_bytes()),
    }
    url.extend_from_slice(target);
    url
}

fn version(out: &mut Vec<u8>, connection: &Connection, head: Option<&Head>) {
    string(
        out,
        head.map_or("HTTP/1.1", |head| connection.http_version(head)),
    );
}

fn response_object(out: &mut Vec<u8>, connection: &Connection, head: Option<&Head>) {
    put!(out, "{\"status\":");
    number(out, head.and_then(Head::status).unwrap_or(0));
    put!(out, ",\"statusText\":");
    lossy(out, head.map_or(b"", Head::reason));
    put!(out, ",\"httpVersion\":");
    version(out, connection, head);
    put!(out, ",\"cookies\":");
    cookies(out, head, "set-cookie", b'\n');
    headers(out, head);
    put!(out, ",\"content\":{\"size\":0,\"mimeType\":");
    let kind = head.and_then(|head| head.value("content-type"));
    lossy(out, kind.unwrap_or(b"x-unknown"));
    put!(out, "},\"redirectURL\":");
    lossy(
        out,
        head.and_then(|head| head.value("location"))
            .unwrap_or_default(),
    );
    sizes(out, head);
    put!(out, "}");
}

fn headers(out: &mut Vec<u8>, head: Option<&Head>) {
    put!(out, ",\"headers\":");
    let lines = head.into_iter().flat_map(Head::headers);
    array(out, lines, |out, (name, value)| {
        put!(out, "{\"name\":");
        lossy(out, name);
        put!(out, ",\"value\":");
        lossy(out, value);
        put!(out, "}");
    });
}

/// Name and value of each cookie; of a Set-Cookie, its attributes are left to the header.
fn cookies(out: &mut Vec<u8>, head: Option<&Head>, name: &'static str, between: u8) {
    let lines = head.into_iter().flat_map(move |head| head.values(name));
    let pairs = lines.flat_map(move |line| line.split(move |byte| *byte == between));
    array(out, pairs, |out, pair| {
        let pair = pair.split(|byte| *byte == b';').next().unwrap_or_default();
        pair_object(out, pair.trim_ascii());
    });
}

fn pair_object(out: &mut Vec<u8>, pair: &[u8]) {
    let at = pair.iter().position(|byte| *byte == b'=');
    let (name, value) = match at {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &b""[..]),
    };
    put!(out, "{\"name\":");
    lossy(out, name);
    put!(out, ",\"value\":");
    lossy(out, value);
    put!(out, "}");
}

fn sizes(out: &mut Vec<u8>, head: Option<&Head>) {
    put!(out, ",\"headersSize\":");
    match head {
        Some(head) => number(out, head.raw.len()),
        None => put!(out, "-1"),
    }
    put!(out, ",\"bodySize\":-1");
}

fn close(out: &mut Vec<u8>, connection: &Connection) {
    close_members(out, &connection.close);
    put!(out, "}");
}

/// Puts the rows of [`Har`] together. Keeps 16 bytes a message in memory, and the rows in a spool.
pub struct Archive {
    spool: Box<dyn Spool>,
    pending: Vec<u8>,
    len: u64,
    entries: BTreeMap<u32, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    row: Option<(u64, u32)>,
    is_matched: bool,
    messages: Vec<(u64, u32)>,
}

impl Archive {
    /// An empty archive that keeps its rows in a spool of this kind.
    ///
    /// # Errors
    /// When the spool cannot be opened.
    pub fn new(spools: &Spools) -> io::Result<Self> {
        Ok(Self {
            spool: spools.open()?,
            pending: Vec::new(),
            len: 0,
            entries: BTreeMap::new(),
        })
    }

    fn piece(&mut self, connection: u32, what: What, text: &[u8]) -> io::Result<()> {
        let place = (self.len, text.len() as u32);
        let entry = self.entries.entry(connection).or_default();
        match what {
            What::Message => entry.messages.push(place),
            What::Entry { is_matched } => {
                (entry.row, entry.is_matched) = (Some(place), is_matched);
            }
        }
        self.len += text.len() as u64;
        self.pending.extend_from_slice(text);
        if self.pending.len() >= BATCH {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spool.append(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// When the spool cannot be read again or `out` fails.
    pub fn finish(mut self, out: &mut impl Write) -> io::Result<()> {
        self.flush()?;
        let version = env!("CARGO_PKG_VERSION");
        write!(
            out,
            "{{\"log\":{{\"version\":\"1.2\",\"creator\":{{\"name\":\"wireloupe\",\"version\":\"{version}\"}},\
             \"pages\":[],\"entries\":["
        )?;
        let mut before = "";
        for entry in self.entries.values() {
            let Some(row) = entry.row else { continue };
            if !entry.is_matched && entry.messages.is_empty() {
                continue;
            }
            writeln!(out, "{before}")?;
            self.spool.copy(row.0, row.1.into(), out)?;
            out.write_all(b"\n")?;
            for (at, message) in entry.messages.iter().enumerate() {
                out.write_all(if at > 0 { b",\n" } else { b"" })?;
                self.spool.copy(message.0, message.1.into(), out)?;
            }
            out.write_all(b"]}")?;
            before = ",";
        }
        out.write_all(b"\n]}}\n")
    }
}

impl Drain<Labelled<HarPiece>> for Archive {
    fn push(&mut self, stretch: Stretch<'_, Labelled<HarPiece>>) -> io::Result<()> {
        each_row(&stretch, |piece, text| {
            let connection = stretch.numbers.get(piece.connection).unwrap_or(0);
            self.piece(connection, piece.what, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_find_their_entry_and_unmatched_ones_without_any_go() {
        let mut archive = Archive::new(&Spools::default()).unwrap();
        let entry = |is_matched| What::Entry { is_matched };
        for (connection, what, text) in [
            (2, What::Message, "{\"m\":1}"),
            (1, entry(false), "{\"e\":1,\"x\":["),
            (2, What::Message, "{\"m\":2}"),
            (2, entry(false), "{\"e\":2,\"x\":["),
            (3, entry(true), "{\"e\":3,\"x\":["),
        ] {
            archive.piece(connection, what, text.as_bytes()).unwrap();
        }
        let mut out = Vec::new();
        archive.finish(&mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let entries = value["log"]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0]["e"], 2);
        assert_eq!(entries[0]["x"][1]["m"], 2);
        assert!(entries[1]["x"].as_array().unwrap().is_empty());
    }

    #[test]
    fn times_are_seconds_with_six_digits() {
        let mut out = Vec::new();
        epoch(&mut out, Timestamp(1_700_000_000_123_456_789));
        assert_eq!(out, b"1700000000.123456");
    }
}
