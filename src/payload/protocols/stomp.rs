//! STOMP 1.0 to 1.2 (stomp.github.io): a command, header lines, an empty line, a body, and NUL.
//!
//! A frame is usually a message; several may share one, and one may be cut over several. A line end alone is a heart-beat.

use memchr::memchr;

use crate::base::{FieldInfo, PerSide, Rule, Severity, Side, Type};
use crate::payload::{
    Carry, Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, summary,
};

const COMMANDS: &[&str] = &[
    "CONNECT",
    "STOMP",
    "SEND",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "ACK",
    "NACK",
    "BEGIN",
    "COMMIT",
    "ABORT",
    "DISCONNECT",
    "CONNECTED",
    "MESSAGE",
    "RECEIPT",
    "ERROR",
];
/// The longest command.
const COMMAND: usize = 11;
/// Header lines shown of a frame.
const HEADERS: usize = 64;

static COMMAND_FIELD: FieldInfo = FieldInfo::new(
    "stomp.command",
    "Command",
    Type::Text,
    "Command of a STOMP frame; `HEARTBEAT` for a line end alone.",
);
static DESTINATION: FieldInfo = FieldInfo::new(
    "stomp.destination",
    "Destination",
    Type::Text,
    "Where a STOMP frame goes, or comes from.",
);
static ID: FieldInfo = FieldInfo::new(
    "stomp.id",
    "Id",
    Type::Text,
    "The id of a STOMP frame; of a MESSAGE the id by which it is acknowledged, where it has one.",
);
static SUBSCRIPTION: FieldInfo = FieldInfo::new(
    "stomp.subscription",
    "Subscription",
    Type::Text,
    "The subscription a STOMP frame belongs to.",
);
static MESSAGE_ID: FieldInfo = FieldInfo::new(
    "stomp.message_id",
    "Message id",
    Type::Text,
    "The id of a STOMP message.",
);
static RECEIPT: FieldInfo = FieldInfo::new(
    "stomp.receipt",
    "Receipt",
    Type::Text,
    "The receipt a STOMP frame asks for, or is.",
);
static TRANSACTION: FieldInfo = FieldInfo::new(
    "stomp.transaction",
    "Transaction",
    Type::Text,
    "The transaction a STOMP frame belongs to.",
);
static CONTENT_LENGTH: FieldInfo = FieldInfo::new(
    "stomp.content_length",
    "Content length",
    Type::Unsigned,
    "Bytes of a STOMP body, as the frame says.",
);
static HEADER: FieldInfo = FieldInfo::new(
    "stomp.header",
    "Header",
    Type::Text,
    "Each header line of a STOMP frame, `name:value`.",
)
.body();
static PASSCODE: FieldInfo = FieldInfo::new(
    "stomp.passcode",
    "Passcode",
    Type::Text,
    "The passcode a STOMP client connects with.",
)
.secret();
static MESSAGE: FieldInfo = FieldInfo::new(
    "stomp.message",
    "Message",
    Type::Text,
    "What a STOMP ERROR says went wrong, in short.",
);
static BODY: FieldInfo =
    FieldInfo::new("stomp.body", "Body", Type::Bytes, "Body of a STOMP frame.").body();
static VERSION: FieldInfo = FieldInfo::new(
    "stomp.version",
    "Version",
    Type::Text,
    "The version a STOMP server chose, or those a client or an error offers.",
);
static HEARTBEAT: FieldInfo = FieldInfo::new(
    "stomp.heartbeat",
    "Heart-beat",
    Type::Text,
    "What heart-beats a STOMP peer can send and wants, in milliseconds.",
);

static UNTERMINATED: Rule = Rule {
    name: "stomp-frame-unterminated",
    severity: Severity::Error,
    section: Some("STOMP 1.2, STOMP Frames"),
    meaning: "A STOMP frame did not end with NUL before another began.",
};
static ESCAPE_UNKNOWN: Rule = Rule {
    name: "stomp-escape-unknown",
    severity: Severity::Error,
    section: Some("STOMP 1.2, Value Encoding"),
    meaning: "A header has a backslash before a character that has no escape, which receivers must refuse.",
};
static COMMAND_UNKNOWN: Rule = Rule {
    name: "stomp-frame-invalid",
    severity: Severity::Error,
    section: Some("STOMP 1.2, Augmented BNF"),
    meaning: "Bytes stand where a STOMP frame should begin.",
};
static SERVER_ERROR: Rule = Rule {
    name: "stomp-error",
    severity: Severity::Warning,
    section: Some("STOMP 1.2, ERROR"),
    meaning: "The server reports an error and closes the connection.",
};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "stomp",
    title: "STOMP",
    fields: &[
        &COMMAND_FIELD,
        &DESTINATION,
        &ID,
        &SUBSCRIPTION,
        &MESSAGE_ID,
        &RECEIPT,
        &TRANSACTION,
        &CONTENT_LENGTH,
        &HEADER,
        &PASSCODE,
        &MESSAGE,
        &BODY,
        &VERSION,
        &HEARTBEAT,
    ],
    rules: &[
        &UNTERMINATED,
        &ESCAPE_UNKNOWN,
        &COMMAND_UNKNOWN,
        &SERVER_ERROR,
    ],
    claim,
    objects: Objects::Never,
    start: |_| Box::new(Stomp::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if matches!(
        evidence.subprotocol(),
        "v10.stomp" | "v11.stomp" | "v12.stomp"
    ) {
        return Claim::certain("subprotocol");
    }
    match command(evidence.payload.bytes) {
        Some("CONNECT" | "STOMP" | "CONNECTED") if evidence.seen <= 2 => {
            Claim::certain("it begins with a STOMP frame")
        }
        // In the middle of a conversation a frame must be whole.
        Some(_) if evidence.payload.bytes.contains(&0) => Claim::likely("STOMP frames"),
        _ => None,
    }
}

/// Whether text is a frame, or several.
pub(super) fn is_frame(text: &str) -> bool {
    command(text.as_bytes()).is_some() && text.contains('\0')
}

/// The command that bytes begin with, its line end behind it.
fn command(bytes: &[u8]) -> Option<&'static str> {
    let end = memchr(b'\n', bytes.get(..bytes.len().min(COMMAND + 2))?)?;
    let line = bytes.get(..end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    COMMANDS
        .iter()
        .find(|name| name.as_bytes() == line)
        .copied()
}

#[derive(Clone, Debug, Default)]
struct Stomp {
    carry: PerSide<Carry>,
}

impl Decode for Stomp {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let carry = &mut self.carry[message.from];
        let is_cut = carry.is_waiting() && command(message.bytes).is_some();
        if is_cut || carry.is_lost() {
            carry.lose();
            carry.found();
        }
        if !carry.is_waiting() && !may_begin(message.bytes) {
            return Fit::No;
        }
        let count = out.stream(carry, message, frames);
        if count == 0 {
            out.unit(DECODER.title).words("a part of a frame");
            out.summary(format!("part of a frame, {} bytes", message.bytes.len()));
        }
        if is_cut {
            out.finding(&UNTERMINATED, "the frame before did not end with NUL");
        }
        Fit::Yes
    }

    fn lost(&mut self, from: Side) {
        self.carry[from].lose();
    }

    fn memory(&self) -> usize {
        self.carry.client.memory() + self.carry.server.memory()
    }
}

/// Whether a frame, or a heart-beat, begins here.
fn may_begin(bytes: &[u8]) -> bool {
    let rest = bytes.trim_ascii_start();
    rest.is_empty() || command(rest).is_some()
}

/// Decodes frame after frame; how many there were, heart-beats counted. What is left waits in the carry.
fn frames<'a>(out: &mut Out<'_, 'a>, bytes: &'a [u8], carry: &mut Carry) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let ends = rest
            .iter()
            .take_while(|byte| matches!(byte, b'\n' | b'\r'))
            .count();
        if ends > 0 {
            // Behind a frame line ends mean nothing.
            if count == 0 {
                heartbeat(out);
                count += 1;
            }
            at += ends;
            continue;
        }
        match Frame::parse(rest) {
            Parsed::Whole(frame, len) => {
                frame.write(out);
                count += 1;
                at += len;
            }
            Parsed::Cut(len) => {
                carry.keep(rest, len);
                break;
            }
            Parsed::Broken => {
                out.unit(DECODER.title).words("no frame");
                // What they say may be a secret.
                let text = format!("no frame, {} bytes", rest.len());
                out.summary(text.clone());
                out.finding(&COMMAND_UNKNOWN, text);
                count += 1;
                break;
            }
        }
    }
    count
}

fn heartbeat(out: &mut Out<'_, '_>) {
    out.unit(DECODER.title);
    out.field(&COMMAND_FIELD, "HEARTBEAT");
    out.summary("HEARTBEAT");
    out.heartbeat(Heartbeat::Ping);
}

/// A frame's parts.
#[derive(Debug)]
struct Frame<'a> {
    command: &'static str,
    headers: Vec<(&'a [u8], &'a [u8])>,
    body: &'a [u8],
}

enum Parsed<'a> {
    /// The frame and its bytes, NUL included.
    Whole(Frame<'a>, usize),
    /// It does not end here; its length, where that is known.
    Cut(Option<u64>),
    Broken,
}

impl<'a> Frame<'a> {
    fn parse(bytes: &'a [u8]) -> Parsed<'a> {
        let Some(command) = command(bytes) else {
            let is_cut = bytes.len() <= COMMAND
                && COMMANDS
                    .iter()
                    .any(|name| name.as_bytes().starts_with(bytes.trim_ascii_end()));
            return if is_cut {
                Parsed::Cut(None)
            } else {
                Parsed::Broken
            };
        };
        let mut at = memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
        let mut headers = Vec::new();
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(end) = memchr(b'\n', rest) else {
                return Parsed::Cut(None);
            };
            let line = rest.get(..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            at += end + 1;
            if line.is_empty() {
                break;
            }
            let colon = memchr(b':', line).unwrap_or(line.len());
            headers.push((&line[..colon], line.get(colon + 1..).unwrap_or_default()));
        }
        let mut frame = Frame {
            command,
            headers,
            body: &[],
        };
        let rest = bytes.get(at..).unwrap_or_default();
        let declared = frame.header("content-length").and_then(number);
        let end = match declared {
            // The length wins over a NUL in the body, where a NUL follows it.
            Some(len) if rest.get(len) == Some(&0) => Some(len),
            Some(len) if len >= rest.len() => {
                return Parsed::Cut(Some(
                    (at as u64).saturating_add(len as u64).saturating_add(1),
                ));
            }
            _ => memchr(0, rest),
        };
        let Some(end) = end else {
            return Parsed::Cut(None);
        };
        frame.body = &rest[..end];
        Parsed::Whole(frame, at + end + 1)
    }

    /// The value of a header: of several the first counts.
    fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut headers = self.headers.iter();
        headers.find_map(|(key, value)| (*key == name.as_bytes()).then_some(*value))
    }

    fn has_escapes(&self) -> bool {
        !matches!(self.command, "CONNECT" | "CONNECTED" | "STOMP")
    }

    fn write(&self, out: &mut Out<'_, 'a>) {
        out.unit(DECODER.title);
        out.field(&COMMAND_FIELD, self.command);
        let id = match self.command {
            "MESSAGE" if self.header("ack").is_some() => "ack",
            _ => "id",
        };
        let known = [
            ("destination", &DESTINATION),
            (id, &ID),
            ("subscription", &SUBSCRIPTION),
            ("message-id", &MESSAGE_ID),
            ("receipt", &RECEIPT),
            ("receipt-id", &RECEIPT),
            ("transaction", &TRANSACTION),
            ("passcode", &PASSCODE),
            ("message", &MESSAGE),
            ("version", &VERSION),
            ("accept-version", &VERSION),
            ("heart-beat", &HEARTBEAT),
        ];
        for (name, info) in known {
            if let Some(value) = self.header(name) {
                let span = out.span(value);
                let text = self.unescaped(value, out);
                out.field(info, text).at(span);
            }
        }
        if let Some(length) = self.header("content-length").and_then(number) {
            out.field(&CONTENT_LENGTH, length);
        }
        out.group("Headers", |out| {
            for (name, value) in self.headers.iter().take(HEADERS) {
                let line = [*name, b":", *value].concat();
                let is_secret = *name == b"passcode";
                let span = out.span(name).zip(out.span(value));
                let item = out.field(&HEADER, String::from_utf8_lossy(&line).into_owned());
                item.span = span.map(|(name, value)| crate::base::Span::new(name.start, value.end));
                item.secret = is_secret;
            }
        });
        if !self.body.is_empty() {
            out.content(&BODY, self.body);
        }
        self.call(out);
        out.summary(self.line());
    }

    /// Header values without their escapes (STOMP 1.2, Value Encoding).
    fn unescaped(&self, value: &[u8], out: &mut Out<'_, '_>) -> String {
        let text = String::from_utf8_lossy(value);
        if !self.has_escapes() || !text.contains('\\') {
            return text.into_owned();
        }
        let mut plain = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                plain.push(c);
                continue;
            }
            match chars.next() {
                Some('r') => plain.push('\r'),
                Some('n') => plain.push('\n'),
                Some('c') => plain.push(':'),
                Some('\\') => plain.push('\\'),
                other => {
                    plain.push('\\');
                    plain.extend(other);
                    let text = format!("{} in a header of {}", summary::part(value), self.command);
                    out.finding(&ESCAPE_UNKNOWN, text);
                }
            }
        }
        plain
    }

    /// A frame that asks for a receipt is answered by it, or by an error; CONNECT by CONNECTED.
    fn call(&self, out: &mut Out<'_, '_>) {
        match self.command {
            "CONNECT" | "STOMP" => drop(out.request("connect", self.command)),
            "CONNECTED" => drop(out.answer("connect", false)),
            "RECEIPT" => drop(
                self.header("receipt-id")
                    .and_then(|id| out.answer(id, false)),
            ),
            "ERROR" => {
                let said = self.header("message").unwrap_or(self.body);
                out.finding(
                    &SERVER_ERROR,
                    format!("the server says {}", summary::part(said)),
                );
                let asked = self.header("receipt-id");
                out.answer(asked.unwrap_or(b"connect"), true);
            }
            _ => {
                // Only clients may ask for one; brokers copy the header of a SEND into the MESSAGEs made of it.
                let asked = self.header("receipt").filter(|_| !out.is_from_server());
                if let Some(receipt) = asked {
                    let to = self.header("destination").unwrap_or_default();
                    let method = format!("{} {}", self.command, String::from_utf8_lossy(to));
                    out.request(receipt, method.trim_end());
                }
            }
        }
    }

    fn line(&self) -> String {
        let mut line = self.command.to_owned();
        for name in ["destination", "message", "receipt-id", "id"] {
            if let Some(value) = self.header(name) {
                line += &format!(" {}", summary::part(value));
                break;
            }
        }
        if !self.body.is_empty() {
            line += &format!(" {}", summary::part(self.body));
        }
        line
    }
}

fn number(value: &[u8]) -> Option<usize> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    #[test]
    fn frames_and_heart_beats_of_a_message_are_units() {
        let mut talk = Talk::opened("/ws", "", "v12.stomp");
        let connect = "CONNECT\naccept-version:1.2\nhost:x\nlogin:me\npasscode:s3cret\nheart-beat:10000,10000\n\n\0";
        let decoded = talk.client(connect).unwrap();
        assert_eq!(field(&decoded, "stomp.command"), ["CONNECT"]);
        assert_eq!(field(&decoded, "stomp.passcode"), ["s3cret"]);
        let item = decoded.items.iter().find(|item| item.secret).unwrap();
        let span = item.span.unwrap();
        assert_eq!(&connect[span.start as usize..span.end as usize], "s3cret");
        assert_eq!(
            talk.server("CONNECTED\nversion:1.2\n\n\0\n")
                .unwrap()
                .request(),
            Some(1)
        );
        let beat = talk.client("\n").unwrap();
        assert_eq!(field(&beat, "stomp.command"), ["HEARTBEAT"]);
        assert_eq!(beat.heartbeat, Some(Heartbeat::Ping));
        let two = talk
            .client("SEND\ndestination:/a\nreceipt:r1\n\nhi\0\nSEND\ndestination:/b\n\n\0")
            .unwrap();
        assert_eq!(field(&two, "stomp.destination"), ["/a", "/b"]);
        assert_eq!(two.summary, "SEND /a hi; SEND /b");
        let receipt = talk.server("RECEIPT\nreceipt-id:r1\n\n\0").unwrap();
        assert_eq!(
            (receipt.request(), field(&receipt, "call.method")),
            (Some(4), vec!["SEND /a".to_owned()])
        );
        // RabbitMQ copies the header into what it delivers.
        talk.server("MESSAGE\ndestination:/a\nreceipt:r1\nsubscription:1\nmessage-id:1\n\nhi\0");
        assert_eq!(
            talk.client("RECEIPT\nreceipt-id:r1\n\n\0")
                .unwrap()
                .request(),
            None
        );
        assert!(talk.pending().is_empty());
    }

    #[test]
    fn a_frame_over_several_messages_is_told_with_the_last() {
        let mut talk = Talk::opened("/ws", "", "v12.stomp");
        let first = talk.client("SEND\ndestination:/a\ncontent-le").unwrap();
        assert_eq!(field(&first, "stomp.command").len(), 0);
        talk.client("ngth:5\n\na\0").unwrap();
        let last = talk.client("bcd\0").unwrap();
        assert_eq!(field(&last, "stomp.body"), [hex::encode("a\0bcd")]);
        assert_eq!(last.findings.len(), 0);
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = Talk::opened("/ws", "", "v12.stomp");
        talk.client("SEND\ndestination:/a\n\nno end").unwrap();
        let next = talk.client("SEND\ndestination:/a\\tb\n\n\0").unwrap();
        assert_eq!(
            findings(&next),
            ["stomp-escape-unknown", "stomp-frame-unterminated"]
        );
        let junk = talk.client("SEND\n\n\0junk").unwrap();
        assert_eq!(findings(&junk), ["stomp-frame-invalid"]);
        let error = talk.server("ERROR\nmessage:no access\n\n\0").unwrap();
        assert_eq!(error.summary, "ERROR no access");
    }

    #[test]
    fn it_is_recognised_without_a_handshake_and_prose_is_not() {
        assert!(
            Talk::unknown()
                .server("MESSAGE\ndestination:/a\n\nhi\0")
                .is_some()
        );
        for text in [
            "SEND\nhelp",
            "MESSAGE for you\n\n\0",
            "CONNECT",
            "\n",
            "ERROR: no\n\0",
        ] {
            assert!(Talk::unknown().client(text).is_none(), "{text}");
        }
    }
}
