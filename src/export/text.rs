//! One line a row, for people and for `grep`.

use crate::base::{Needs, Severity, Side, Timestamp, escape};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Outcome};
use crate::payload::Decoded;
use crate::websocket::close::{self, CloseCode};
use crate::websocket::{MessageKind, Opcode};

use super::format::Format;
use super::hexdump;
use super::json::number;
use super::page::Page;

/// Bytes of a payload shown on its line.
const PREVIEW: usize = 72;

/// What the columns are, for the top of a screen.
pub const HEADING: &str =
    "  packet        time  conn  dir  what          frame     length  payload\n";

/// Colours by role; empty strings where there are none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Palette {
    /// What the client sent.
    pub client: &'static str,
    /// What the server sent.
    pub server: &'static str,
    /// Findings by severity.
    pub error: &'static str,
    /// A warning.
    pub warning: &'static str,
    /// A note, and what matters less.
    pub faint: &'static str,
    /// What is as it should be.
    pub healthy: &'static str,
    /// What the lines below are about.
    pub title: &'static str,
    /// Back to normal.
    pub reset: &'static str,
}

impl Palette {
    /// Sixteen-colour codes, which every terminal maps to its own theme.
    pub const ANSI: Palette = Palette {
        client: "\x1b[36m",
        server: "\x1b[33m",
        error: "\x1b[1;31m",
        warning: "\x1b[35m",
        faint: "\x1b[2m",
        healthy: "\x1b[32m",
        title: "\x1b[1m",
        reset: "\x1b[0m",
    };

    pub(super) fn side(&self, side: Side) -> &'static str {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// The colour of a verdict: a note is what is well.
    pub(super) fn verdict(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Note => self.healthy,
            other => self.severity(other),
        }
    }

    fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Error => self.error,
            Severity::Warning => self.warning,
            Severity::Note => self.faint,
        }
    }
}

/// Writes the lines.
#[derive(Debug, Default)]
pub struct Text {
    start: Timestamp,
    hex: bool,
    palette: Palette,
    buffer: Vec<u8>,
    /// The line of a compressed frame stops before its text, which comes with the message.
    open: bool,
}

impl Text {
    /// Times relative to `start`; with `hex`, the bytes of each frame under its line.
    #[must_use]
    pub fn new(start: Timestamp, hex: bool, palette: Palette) -> Self {
        Self {
            start,
            hex,
            palette,
            buffer: Vec::new(),
            open: false,
        }
    }

    /// `      12    0.003412     1  C→S  `.
    fn begin(
        &mut self,
        page: &mut Page,
        at: Moment,
        connection: Option<&Connection>,
        from: Option<Side>,
    ) {
        self.close_line(page);
        let out = page.bytes();
        padded(out, at.packet.0, 8);
        relative(out, at.time.since(self.start));
        match connection {
            Some(connection) => page.connection(connection.id, 6),
            None => page.bytes().extend_from_slice(b"     -"),
        }
        let out = page.bytes();
        out.extend_from_slice(
            match from {
                Some(Side::Client) => "  C→S  ",
                Some(Side::Server) => "  S→C  ",
                None => "   -   ",
            }
            .as_bytes(),
        );
        if let Some(from) = from {
            out.extend_from_slice(self.palette.side(from).as_bytes());
        }
    }

    /// Ends the line of a compressed frame whose message did not follow.
    fn close_line(&mut self, page: &mut Page) {
        if std::mem::take(&mut self.open) {
            page.bytes().extend_from_slice(b"[compressed]");
            self.end(page);
        }
    }

    fn end(&self, page: &mut Page) {
        page.bytes()
            .extend_from_slice(self.palette.reset.as_bytes());
        page.bytes().push(b'\n');
    }
}

impl Format for Text {
    type Out = Page;

    fn needs(&self) -> Needs {
        Needs::INFLATED
    }

    fn wants_payload(&self) -> bool {
        true
    }

    fn wants_message_data(&self) -> bool {
        true
    }

    fn wants_decoded(&self) -> bool {
        true
    }

    fn frame(&mut self, page: &mut Page, event: &FrameEvent<'_>, connection: &Connection) {
        self.begin(page, event.at, Some(connection), Some(event.from));
        let out = page.bytes();
        let header = &event.frame.header;
        column(out, header.opcode().name(), 13);
        out.extend_from_slice(if header.fin() { b" FIN" } else { b" ..." });
        out.extend_from_slice(match (header.rsv1(), header.rsv2() || header.rsv3()) {
            (false, false) => b" ...",
            (true, false) => b" R..",
            (false, true) => b" .RR",
            (true, true) => b" RRR",
        });
        padded(out, header.payload_length, 9);
        out.extend_from_slice(if header.masked() {
            b"  masked    "
        } else {
            b"  unmasked  "
        });
        if !event.frame.is_whole() {
            out.extend_from_slice(b"[");
            number(out, event.frame.captured_length);
            out.extend_from_slice(b" captured] ");
        }
        if event.frame.compressed && event.message.is_some() && !self.hex {
            self.open = true;
            return;
        } else if event.frame.compressed {
            out.extend_from_slice(b"[compressed]");
        } else if header.opcode() == Opcode::Close {
            let payload = event
                .frame
                .preview(PREVIEW, &mut self.buffer)
                .unwrap_or_default();
            let (code, reason) = close::body(payload);
            close_words(out, code, reason);
        } else {
            let payload = event
                .frame
                .preview(PREVIEW + 4, &mut self.buffer)
                .unwrap_or_default();
            escape::write_preview(payload, PREVIEW, out);
        }
        self.end(page);
        if self.hex {
            hexdump::frame(page.bytes(), event.frame, &mut self.buffer);
        }
    }

    fn completed(&mut self, page: &mut Page, event: &MessageEvent<'_>) {
        if !self.open {
            return;
        }
        let message = event.message;
        match message.length {
            None => self.close_line(page),
            Some(length) => {
                self.open = false;
                let out = page.bytes();
                out.extend_from_slice(b"[inflated ");
                number(out, length);
                out.extend_from_slice(b"] ");
                escape::write_preview(message.beginning, PREVIEW, out);
                self.end(page);
            }
        }
    }

    fn message(&mut self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        self.begin(page, event.at, Some(connection), Some(event.from));
        let out = page.bytes();
        let message = event.message;
        column(out, message.kind.name(), 7);
        padded(out, event.frames.len() as u64, 5);
        out.extend_from_slice(if event.frames.len() == 1 {
            b" frame "
        } else {
            b" frames"
        });
        match message.length {
            Some(length) => padded(out, length, 10),
            None => out.extend_from_slice(b"         ?"),
        }
        out.extend_from_slice(b"  ");
        if message.compressed {
            out.extend_from_slice(b"[");
            number(out, message.wire_length);
            out.extend_from_slice(b" on the wire] ");
        }
        if !message.complete {
            out.extend_from_slice(b"[incomplete] ");
        }
        match message
            .close
            .as_ref()
            .filter(|_| message.kind == MessageKind::Close)
        {
            Some((code, reason)) => close_words(out, *code, reason),
            None => match event.decoded.filter(|decoded| decoded.says_more()) {
                Some(decoded) => carried(out, decoded),
                None => escape::write_preview(message.beginning, PREVIEW, out),
            },
        }
        if let Some(nanoseconds) = event.round_trip {
            out.extend_from_slice(
                format!("  ({:.3} ms after its ping)", nanoseconds as f64 / 1e6).as_bytes(),
            );
        }
        self.end(page);
    }

    fn finding(
        &mut self,
        page: &mut Page,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        self.begin(page, event.at, connection, event.from);
        let out = page.bytes();
        let code = event.finding.code;
        out.extend_from_slice(self.palette.reset.as_bytes());
        out.extend_from_slice(self.palette.severity(code.severity()).as_bytes());
        column(out, code.severity().name(), 7);
        out.extend_from_slice(b"  ");
        out.extend_from_slice(code.name().as_bytes());
        out.extend_from_slice(self.palette.reset.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(escape::words(&event.finding.text).as_bytes());
        if let Some(section) = code.section() {
            out.extend_from_slice(b" (");
            out.extend_from_slice(section.as_bytes());
            out.push(b')');
        }
        self.end(page);
    }

    fn connection(&mut self, page: &mut Page, connection: &Connection, at: Moment) {
        self.begin(page, at, Some(connection), None);
        let mut line = format!(
            "{} → {}  {}",
            connection.client,
            connection.server,
            connection.outcome().name()
        );
        if let Some(status) = connection.status() {
            line.push_str(&format!(" {status}"));
        }
        if let Some(tunnel) = &connection.tunnel {
            line.push_str(&format!(
                "  {} {}",
                tunnel.title(),
                escape::text(tunnel.target())
            ));
        }
        if let Some(header) = &connection.proxy_protocol {
            line.push_str(&format!("  {header}"));
        }
        if let Some(request) = connection.request() {
            line.push_str(&format!("  {}", escape::preview(request.target(), PREVIEW)));
        }
        if let Some(processes) = connection.processes() {
            let processes = escape::text(processes.as_bytes());
            line.push_str(&format!("  [{processes}]"));
        }
        if connection.is_websocket() {
            line.push_str(&format!(
                "  {} + {} frames, {} + {} messages, {} + {} bytes",
                connection.frames.client,
                connection.frames.server,
                connection.messages.client,
                connection.messages.server,
                connection.bytes.client,
                connection.bytes.server,
            ));
        }
        page.bytes().extend_from_slice(line.as_bytes());
        how_closed(page.bytes(), connection);
        self.end(page);
    }
}

/// `  closed by client: 1000 Normal Closure "bye" (fin)`.
fn how_closed(out: &mut Vec<u8>, connection: &Connection) {
    let close = &connection.close;
    if connection.outcome() == Outcome::Refused {
        return;
    }
    out.extend_from_slice(b"  closed");
    if let Some(by) = close.by {
        out.extend_from_slice(b" by ");
        out.extend_from_slice(by.name().as_bytes());
    }
    if close.frames.client || close.frames.server {
        out.extend_from_slice(b": ");
        close_words(
            out,
            close.code.map(CloseCode),
            close.reason.as_deref().unwrap_or_default(),
        );
    }
    if let Some(ended_by) = close.ended_by {
        out.extend_from_slice(b" (");
        out.extend_from_slice(ended_by.name().as_bytes());
        out.push(b')');
    }
}

/// What the message carries: its protocols, and in a few words what they say.
fn carried(out: &mut Vec<u8>, decoded: &Decoded<'_>) {
    out.push(b'[');
    out.extend_from_slice(decoded.stack_words().as_bytes());
    out.extend_from_slice(b"] ");
    let summary = &decoded.summary;
    if summary.contains(escape::is_hidden) {
        return escape::write_preview(summary.as_bytes(), PREVIEW, out);
    }
    // It is escaped already.
    let end = summary.char_indices().nth(PREVIEW).map(|(end, _)| end);
    out.extend_from_slice(&summary.as_bytes()[..end.unwrap_or(summary.len())]);
    if end.is_some() {
        out.extend_from_slice("…".as_bytes());
    }
}

/// `1000 Normal Closure "bye"`.
fn close_words(out: &mut Vec<u8>, code: Option<CloseCode>, reason: &[u8]) {
    match code {
        None => out.extend_from_slice(b"no code"),
        Some(code) => {
            number(out, code.0);
            out.push(b' ');
            out.extend_from_slice(code.name().as_bytes());
        }
    }
    if !reason.is_empty() {
        out.extend_from_slice(b" \"");
        escape::write_preview(reason, PREVIEW, out);
        out.push(b'"');
    }
}

/// A number right-aligned to `width`.
pub(super) fn padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    out.resize(out.len() + width.saturating_sub(digits.len()), b' ');
    out.extend_from_slice(digits);
}

/// A word left-aligned to `width`.
fn column(out: &mut Vec<u8>, word: &str, width: usize) {
    out.extend_from_slice(word.as_bytes());
    out.resize(out.len() + width.saturating_sub(word.len()), b' ');
}

/// `   12.003412`: seconds with six digits, right-aligned to twelve.
fn relative(out: &mut Vec<u8>, nanoseconds: i64) {
    let microseconds = nanoseconds.unsigned_abs() / 1000;
    let mut buffer = itoa::Buffer::new();
    let seconds = buffer.format(microseconds / 1_000_000).as_bytes();
    let sign = usize::from(nanoseconds < 0);
    out.resize(
        out.len() + 5usize.saturating_sub(seconds.len() + sign),
        b' ',
    );
    if sign == 1 {
        out.push(b'-');
    }
    out.extend_from_slice(seconds);
    let mut digits = *b".000000";
    let mut rest = microseconds % 1_000_000;
    for digit in digits[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_line_up() {
        for (nanoseconds, text) in [
            (3_412_000, "    0.003412"),
            (-1_500_000_000, "   -1.500000"),
            (123_456_000_001_000, "123456.000001"),
        ] {
            let mut out = Vec::new();
            relative(&mut out, nanoseconds);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
