//! NATS over WebSockets (docs.nats.io, Client Protocol): a byte stream of lines, some with a payload behind them, which messages
//! cut anywhere.

use crate::base::{FieldInfo, PerSide, Side};
use crate::payload::json::Json;
use crate::payload::table::{fields, rules};
use crate::payload::units::{Step, units};
use crate::payload::{
    Carry, Claim, Datum, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Objects, Out, Payload,
    summary,
};

/// Bytes of a line; servers take no longer ones but INFO's.
const LINE: usize = 1 << 16;
/// Header lines shown of a message.
const HEADERS: usize = 64;

fields! {
    OPERATION = "nats.op", "Operation", Text, "Operation of a NATS unit.", words(OPERATIONS);
    SUBJECT = "nats.subject", "Subject", Text, "Subject of a NATS message or subscription.";
    REPLY = "nats.reply", "Reply", Text, "Subject to which a NATS message wants its answer.";
    QUEUE = "nats.queue", "Queue group", Text, "Queue group of a NATS subscription.";
    SID = "nats.sid", "Subscription id", Text, "Id of a NATS subscription.";
    MAXIMUM = "nats.max_messages", "Maximum", Unsigned, "Messages after which a NATS subscription ends.";
    HEADER_SIZE = "nats.header_size", "Header size", Unsigned, "Bytes of a NATS message's headers.";
    SIZE = "nats.size", "Size", Unsigned, "Bytes of a NATS message, its headers included.";
    HEADER = "nats.header", "Header", Text, "Each header line of a NATS message.";
    STATUS = "nats.status", "Status", Unsigned, "Status of a NATS message that has one, such as 503 where nobody answers.";
    OPTIONS = "nats.options", "Options", Text, "Options of a NATS server or client as JSON.";
    ERROR = "nats.error", "Error", Text, "What a NATS server says went wrong.";
    PAYLOAD = "nats.payload", "Payload", Bytes, "What a NATS message carries.", body();
}

rules! {
    LINE_INVALID = "nats-line-invalid", Error, "NATS Client Protocol, Syntax",
        "Bytes stand where a NATS operation should begin, or an operation is not as it must be.";
    SERVER_ERROR = "nats-error", Warning, "NATS Client Protocol, +OK/ERR",
        "The NATS server reports an error; after most it closes the connection.";
    NOBODY = "nats-no-responders", Warning, "NATS Client Protocol, HMSG",
        "Nobody is there to answer a NATS request.";
}

const OPERATIONS: &[&str] = &[
    "INFO", "CONNECT", "PUB", "HPUB", "SUB", "UNSUB", "MSG", "HMSG", "PING", "PONG", "+OK", "-ERR",
];

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "nats",
    title: "NATS",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |_| Box::new(Nats::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let Payload {
        kind, bytes, from, ..
    } = *evidence.payload;
    if from == Side::Server && evidence.stream.starts_with(b"INFO {\"server_id\"") {
        return Claim::of_stream("the server's INFO");
    }
    if kind == Kind::Text {
        return None;
    }
    // In the middle of a conversation a message with its payload must be whole.
    let mut rest = bytes;
    let mut has_message = false;
    while !rest.is_empty() {
        let Parsed::Whole(unit, len) = Unit::parse(rest) else {
            return None;
        };
        has_message |= unit.payload.is_some() || matches!(unit.operation, "CONNECT" | "INFO");
        rest = rest.get(len..)?;
    }
    has_message.then(|| Claim::likely("NATS messages"))?
}

#[derive(Clone, Debug, Default)]
struct Nats {
    carry: PerSide<Carry>,
}

impl Decode for Nats {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let carry = &mut self.carry[message.from];
        if !carry.is_waiting() && !may_begin(message.bytes) {
            if !carry.is_lost() {
                return Fit::No;
            }
            out.part(DECODER.title, "of an operation");
            return Fit::Yes;
        }
        carry.found();
        let count = out.stream(carry, message, |out, bytes, carry| {
            units(out, bytes, carry, unit)
        });
        if count == 0 {
            out.part(DECODER.title, "of an operation");
        }
        Fit::Yes
    }

    fn earlier(&mut self, from: Side, bytes: &[u8]) {
        self.carry[from].keep(bytes, None);
    }

    fn lost(&mut self, from: Side) {
        self.carry[from].lose();
    }

    fn memory(&self) -> usize {
        self.carry.client.memory() + self.carry.server.memory()
    }
}

/// Decodes an operation.
fn unit<'a>(out: &mut Out<'_, 'a>, bytes: &'a [u8]) -> Step {
    match Unit::parse(bytes) {
        Parsed::Whole(unit, len) => {
            unit.write(out);
            Step::Took(len)
        }
        Parsed::Cut(len) => Step::Wait(len),
        Parsed::Broken => {
            // What they say may be a secret.
            let text = format!("no operation, {} bytes", bytes.len());
            out.unit(DECODER.title).words("no operation");
            out.summary(text.clone());
            out.finding(&LINE_INVALID, text);
            Step::Lost
        }
    }
}

/// The operation that bytes begin with; they are not case-sensitive.
fn operation(bytes: &[u8]) -> Option<&'static str> {
    let end = bytes
        .iter()
        .take(8)
        .position(|byte| matches!(byte, b' ' | b'\t' | b'\r'))?;
    let word = bytes.get(..end)?;
    let mut known = OPERATIONS.iter();
    known
        .find(|name| name.as_bytes().eq_ignore_ascii_case(word))
        .copied()
}

/// Whether an operation begins here, or its first letters do.
fn may_begin(bytes: &[u8]) -> bool {
    let is_cut = |name: &&str| {
        let first = name.as_bytes().get(..bytes.len());
        first.is_some_and(|first| first.eq_ignore_ascii_case(bytes))
    };
    operation(bytes).is_some() || OPERATIONS.iter().any(is_cut)
}

/// An operation with its words, and the payload behind it.
#[derive(Debug)]
struct Unit<'a> {
    operation: &'static str,
    line: &'a [u8],
    words: Vec<&'a [u8]>,
    headers: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
}

enum Parsed<'a> {
    /// The unit and its bytes.
    Whole(Unit<'a>, usize),
    /// It does not end here; its length, where that is known.
    Cut(Option<u64>),
    Broken,
}

impl<'a> Unit<'a> {
    fn parse(bytes: &'a [u8]) -> Parsed<'a> {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            return match may_begin(bytes) && bytes.len() < LINE {
                true => Parsed::Cut(None),
                false => Parsed::Broken,
            };
        };
        let line = bytes.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(operation) = operation(bytes) else {
            return Parsed::Broken;
        };
        let rest = line.get(operation.len()..).unwrap_or_default().trim_ascii();
        let words: Vec<&[u8]> = match operation {
            "INFO" | "CONNECT" | "-ERR" => vec![rest],
            _ => rest
                .split(|byte| matches!(byte, b' ' | b'\t'))
                .filter(|word| !word.is_empty())
                .take(6)
                .collect(),
        };
        let mut unit = Unit {
            operation,
            line,
            words,
            headers: None,
            payload: None,
        };
        if !unit.is_sound() {
            return Parsed::Broken;
        }
        let Some((header, total)) = unit.sizes() else {
            return Parsed::Whole(unit, end + 1);
        };
        let start = end + 1;
        let Some(whole) = start.checked_add(total).and_then(|end| end.checked_add(2)) else {
            return Parsed::Broken;
        };
        let Some(body) = bytes.get(start..whole) else {
            return Parsed::Cut(Some(whole as u64));
        };
        let Some(body) = body.strip_suffix(b"\r\n") else {
            return Parsed::Broken;
        };
        let (headers, payload) = body.split_at_checked(header).unwrap_or((&[], body));
        unit.headers = (header > 0).then_some(headers);
        unit.payload = Some(payload);
        Parsed::Whole(unit, whole)
    }

    /// Whether the operation has the words it needs.
    fn is_sound(&self) -> bool {
        let count = self.words.len();
        match self.operation {
            "PUB" => matches!(count, 2 | 3) && self.sizes().is_some(),
            "HPUB" => matches!(count, 3 | 4) && self.sizes().is_some(),
            "MSG" => matches!(count, 3 | 4) && self.sizes().is_some(),
            "HMSG" => matches!(count, 4 | 5) && self.sizes().is_some(),
            "SUB" => matches!(count, 2 | 3),
            "UNSUB" => matches!(count, 1 | 2),
            "INFO" | "CONNECT" => self
                .words
                .first()
                .is_some_and(|rest| rest.starts_with(b"{")),
            "-ERR" => true,
            _ => count == 0,
        }
    }

    /// Bytes of the headers, and of both headers and payload.
    fn sizes(&self) -> Option<(usize, usize)> {
        let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse::<usize>().ok();
        let total = self.words.last().and_then(|word| number(word));
        match self.operation {
            "PUB" | "MSG" => Some((0, total?)),
            "HPUB" | "HMSG" => {
                let header = number(self.words.get(self.words.len().checked_sub(2)?)?)?;
                let total = total?;
                (header <= total).then_some((header, total))
            }
            _ => None,
        }
    }

    /// The words by what they are.
    fn parts(&self) -> Vec<(&'static FieldInfo, &'a [u8])> {
        let names: &[&'static FieldInfo] = match (self.operation, self.words.len()) {
            ("PUB", 2) | ("HPUB", 3) => &[&SUBJECT],
            ("PUB", _) | ("HPUB", _) => &[&SUBJECT, &REPLY],
            ("MSG", 3) | ("HMSG", 4) => &[&SUBJECT, &SID],
            ("MSG", _) | ("HMSG", _) => &[&SUBJECT, &SID, &REPLY],
            ("SUB", 2) => &[&SUBJECT, &SID],
            ("SUB", _) => &[&SUBJECT, &QUEUE, &SID],
            ("UNSUB", _) => &[&SID],
            _ => &[],
        };
        names
            .iter()
            .copied()
            .zip(self.words.iter().copied())
            .collect()
    }

    fn write(&self, out: &mut Out<'_, 'a>) {
        out.unit(DECODER.title).words(self.operation);
        let word = self.line.get(..self.operation.len()).unwrap_or_default();
        out.field_at(&OPERATION, self.operation, word);
        let parts = self.parts();
        for (info, word) in &parts {
            out.field_at(info, String::from_utf8_lossy(word), word);
        }
        if let Some((header, total)) = self.sizes() {
            if header > 0 {
                out.field(&HEADER_SIZE, header);
            }
            out.field(&SIZE, total);
        }
        let maximum = self.words.get(1).filter(|_| self.operation == "UNSUB");
        if let Some(number) =
            maximum.and_then(|word| std::str::from_utf8(word).ok()?.parse::<u64>().ok())
        {
            out.field(&MAXIMUM, number);
        }
        self.write_rest(out);
        let part = |wanted: &'static FieldInfo| {
            parts.iter().find_map(|(info, word)| {
                std::ptr::eq(*info, wanted).then(|| String::from_utf8_lossy(word))
            })
        };
        let subject = part(&SUBJECT).unwrap_or_default();
        self.call(&subject, part(&REPLY).as_deref(), out);
        out.summary(self.line_of(&subject));
    }

    /// What stands behind the words: options, an error, headers, the payload.
    fn write_rest(&self, out: &mut Out<'_, 'a>) {
        let rest = self.words.first().copied().unwrap_or_default();
        match self.operation {
            "INFO" | "CONNECT" => {
                let text = String::from_utf8_lossy(rest);
                let datum = match Json::parse(&text) {
                    Some(_) => Datum::Json(text),
                    None => Datum::Text(text),
                };
                let item = out.field_at(&OPTIONS, datum, rest);
                item.secret |= self.operation == "CONNECT";
            }
            "-ERR" => {
                let said = String::from_utf8_lossy(rest.strip_prefix(b"'").unwrap_or(rest));
                let said = said.trim_end_matches('\'').to_owned();
                out.finding(
                    &SERVER_ERROR,
                    format!("the server says {}", summary::part(&said)),
                );
                out.field_at(&ERROR, said, rest);
            }
            "PING" => out.heartbeat(Heartbeat::Ping),
            "PONG" => out.heartbeat(Heartbeat::Pong),
            _ => {}
        }
        if let Some(headers) = self.headers {
            self.write_headers(headers, out);
        }
        if let Some(payload) = self.payload.filter(|payload| !payload.is_empty()) {
            out.content(&PAYLOAD, payload);
        }
    }

    fn write_headers(&self, headers: &'a [u8], out: &mut Out<'_, 'a>) {
        let mut lines = headers.split(|byte| *byte == b'\n');
        // `NATS/1.0`, and a status where there is one.
        let version = lines.next().unwrap_or_default();
        if let Some(status) = status(version) {
            out.field_at(&STATUS, status, version);
        }
        for line in lines
            .filter(|line| !line.trim_ascii().is_empty())
            .take(HEADERS)
        {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let item = out.field_at(&HEADER, String::from_utf8_lossy(line), line);
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            item.secret |= crate::payload::secrets::is_name(&String::from_utf8_lossy(name));
        }
    }

    /// A message that wants an answer asks; one to that subject answers. Many may answer, so the first counts.
    fn call(&self, subject: &str, reply: Option<&str>, out: &mut Out<'_, '_>) {
        if self.payload.is_none() {
            return;
        }
        if let Some(reply) = reply {
            out.request(reply, subject);
            return;
        }
        let status = self
            .headers
            .and_then(|headers| status(headers.split(|byte| *byte == b'\n').next()?));
        let is_error = status.is_some_and(|status| status >= 400);
        let asked = out.answer_if_asked(subject, is_error);
        if let (Some(asked), Some(503)) = (asked, status) {
            let text = format!("nobody answers {}", summary::part(&*asked.method));
            out.finding(&NOBODY, text);
        }
    }

    fn line_of(&self, subject: &str) -> String {
        let mut line = self.operation.to_owned();
        match self.operation {
            "-ERR" => {
                line += &format!(
                    " {}",
                    summary::part(self.words.first().copied().unwrap_or_default())
                )
            }
            "UNSUB" => {
                let words: Vec<String> =
                    self.words.iter().map(|word| summary::part(*word)).collect();
                line += &format!(" {}", words.join(" "));
            }
            _ if !subject.is_empty() => line += &format!(" {}", summary::part(subject)),
            _ => {}
        }
        if let Some(payload) = self.payload.filter(|payload| !payload.is_empty()) {
            line += &format!(" {}", summary::part(payload));
        }
        line
    }
}

/// The status behind `NATS/1.0`.
fn status(version: &[u8]) -> Option<u64> {
    let rest = version.strip_prefix(b"NATS/1.0")?.trim_ascii();
    let word = rest.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    const INFO: &[u8] = b"INFO {\"server_id\":\"N\",\"version\":\"2.9\"}\r\n";

    fn talk() -> Talk {
        let mut talk = Talk::opened("/", "", "");
        assert_eq!(talk.server_bytes(INFO).unwrap().summary, "INFO");
        let connect = b"CONNECT {\"user\":\"ada\",\"pass\":\"s3cret\"}\r\nPING\r\n";
        let decoded = talk.client_bytes(connect).unwrap();
        assert_eq!(field(&decoded, "nats.op"), ["CONNECT", "PING"]);
        assert!(
            decoded.items.iter().any(|item| item.secret) && !decoded.summary.contains("s3cret")
        );
        talk
    }

    #[test]
    fn operations_of_the_documentation() {
        let mut talk = talk();
        for (bytes, summary) in [
            (&b"SUB FOO 1\r\n"[..], "SUB FOO"),
            (b"SUB BAR G1 44\r\n", "SUB BAR"),
            (b"UNSUB 1 5\r\n", "UNSUB 1 5"),
            (b"PUB FOO 11\r\nHello NATS!\r\n", "PUB FOO Hello NATS!"),
            (b"pub NOTIFY 0\r\n\r\n", "PUB NOTIFY"),
            (
                b"HPUB FOO 22 33\r\nNATS/1.0\r\nBar: Baz\r\n\r\nHello NATS!\r\n",
                "HPUB FOO Hello NATS!",
            ),
        ] {
            assert_eq!(talk.client_bytes(bytes).unwrap().summary, summary);
        }
        let decoded = talk
            .server_bytes(b"HMSG FOO 9 BAR 12 23\r\nNATS/1.0\r\n\r\nHello World\r\n+OK\r\n")
            .unwrap();
        assert_eq!(field(&decoded, "nats.op"), ["HMSG", "+OK"]);
        assert_eq!(
            (field(&decoded, "nats.reply"), field(&decoded, "nats.sid")),
            (vec!["BAR".to_owned()], vec!["9".to_owned()])
        );
        let error = talk.server_bytes(b"-ERR 'Stale Connection'\r\n").unwrap();
        assert_eq!(
            (findings(&error), field(&error, "nats.error")),
            (vec!["nats-error"], vec!["Stale Connection".to_owned()])
        );
    }

    #[test]
    fn requests_are_answered_on_their_inbox() {
        let mut talk = talk();
        talk.client_bytes(b"PUB q _INBOX.1 1\r\nx\r\n");
        let answer = talk.server_bytes(b"MSG _INBOX.1 3 1\r\ny\r\n").unwrap();
        assert_eq!(
            (answer.request(), field(&answer, "call.method")),
            (Some(3), vec!["q".to_owned()])
        );
        talk.client_bytes(b"PUB q _INBOX.2 1\r\nx\r\n");
        let nobody = talk
            .server_bytes(b"HMSG _INBOX.2 3 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
            .unwrap();
        assert_eq!(findings(&nobody), ["nats-no-responders"]);
        assert!(
            talk.server_bytes(b"MSG other 3 1\r\ny\r\n")
                .unwrap()
                .calls
                .is_empty()
        );
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_units() {
        let bytes = b"PUB a 3\r\nx\r\n\r\nSUB b 1\r\nPING\r\n";
        for size in 1..bytes.len() {
            let mut talk = talk();
            let mut all = Vec::new();
            for piece in bytes.chunks(size) {
                let decoded = talk.client_bytes(piece).unwrap();
                assert!(decoded.findings.is_empty());
                all.extend(field(&decoded, "nats.op"));
            }
            assert_eq!(all, ["PUB", "SUB", "PING"], "{size}");
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        for bytes in [
            &b"PUB a 3\r\nxyzabc\r\n"[..],
            b"PUB a\r\n",
            b"SUB\r\n",
            b"PING\r\njunk junk junk\r\n",
            b"PUB a 99999999999999999999\r\n",
        ] {
            let decoded = talk().client_bytes(bytes).map(|decoded| findings(&decoded));
            assert_eq!(decoded, Some(vec!["nats-line-invalid"]), "{bytes:?}");
        }
        let mut talk = talk();
        talk.client_bytes(b"PUB a 18446744073709551613\r\n");
        talk.lose(Side::Client);
        assert!(field(&talk.client_bytes(b"abc").unwrap(), "nats.op").is_empty());
        assert_eq!(
            field(&talk.client_bytes(b"PING\r\n").unwrap(), "nats.op"),
            ["PING"]
        );
    }

    #[test]
    fn it_is_recognised_in_the_middle_and_prose_is_not() {
        assert!(
            Talk::unknown()
                .client_bytes(b"PUB a 1\r\nx\r\nPING\r\n")
                .is_some()
        );
        for text in [
            "PING\r\n",
            "+OK\r\n",
            "SUB a 1\r\n",
            "PUB a 1\r\nx\r\n",
            "INFO {}",
        ] {
            assert!(Talk::unknown().client(text).is_none(), "{text}");
        }
        for bytes in [
            &b"PING\r\n"[..],
            b"PUB crawl 7\r\n",
            b"MSG me\r\n",
            b"INFO desk\r\n",
        ] {
            assert!(Talk::unknown().client_bytes(bytes).is_none());
        }
    }
}
