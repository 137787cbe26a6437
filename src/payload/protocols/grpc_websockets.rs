//! gRPC-Web over WebSockets (github.com/improbable-eng/grpc-web, websocket_wrapper.go): a connection for each call.
//!
//! A client's first message is its headers; then a zero stands in front of each frame, and a one says that it has finished. A
//! server's messages are a byte stream of frames: headers, messages, trailers.

use crate::base::{Cursor, Side};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Carry, Claim, Decode, Decoder, Evidence, Fit, Objects, Opening, Out, Payload, summary,
};

/// Header lines shown of a frame.
const HEADERS: usize = 64;
/// Flags of a frame.
const COMPRESSED: u8 = 1;
const TRAILERS: u8 = 0x80;

fields! {
    KIND = "grpc.kind", "Kind", Text, "What a gRPC frame is.", words(&["headers", "message", "finish", "trailers"]);
    METHOD = "grpc.method", "Method", Text, "Service and method that a gRPC call is of.";
    COMPRESSED_FLAG = "grpc.compressed_flag", "Compressed", Bool, "The gRPC message is compressed.";
    LENGTH = "grpc.message_length", "Length", Unsigned, "Bytes of a gRPC message.";
    DATA = "grpc.message_data", "Message", Bytes, "A gRPC message.", body();
    HEADER = "grpc.header", "Header", Text, "Each header or trailer line of a gRPC call.";
    STATUS = "grpc.status", "Status", Unsigned, "Status with which a gRPC call ends.", named(STATUSES);
    STATUS_MESSAGE = "grpc.status_message", "Status message", Text, "What a gRPC call that failed says.";
}

rules! {
    FAILED = "grpc-call-failed", Warning, "gRPC over HTTP2, Responses",
        "The gRPC call ended with a status other than OK.";
    FRAME_INVALID = "grpc-frame-invalid", Error, "gRPC over HTTP2, Length-Prefixed-Message",
        "A gRPC frame is not as long as it says, or has unknown flags.";
}

const STATUSES: &[(&str, u64)] = &[
    ("OK", 0),
    ("CANCELLED", 1),
    ("UNKNOWN", 2),
    ("INVALID_ARGUMENT", 3),
    ("DEADLINE_EXCEEDED", 4),
    ("NOT_FOUND", 5),
    ("ALREADY_EXISTS", 6),
    ("PERMISSION_DENIED", 7),
    ("RESOURCE_EXHAUSTED", 8),
    ("FAILED_PRECONDITION", 9),
    ("ABORTED", 10),
    ("OUT_OF_RANGE", 11),
    ("UNIMPLEMENTED", 12),
    ("INTERNAL", 13),
    ("UNAVAILABLE", 14),
    ("DATA_LOSS", 15),
    ("UNAUTHENTICATED", 16),
];

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "grpc-websockets",
    title: "gRPC-Web",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(GrpcWebsockets::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    if evidence.subprotocol() == "grpc-websockets" {
        return Claim::certain("subprotocol");
    }
    let bytes = evidence.payload.bytes;
    let is_first = evidence.payload.from == Side::Client && evidence.seen == 0;
    let is_grpc = is_first && bytes.ends_with(b"\r\n") && has_header(bytes, b"x-grpc-web");
    is_grpc.then(|| Claim::certain("a client's headers"))?
}

/// Whether header lines have one of this name.
fn has_header(bytes: &[u8], name: &[u8]) -> bool {
    lines(bytes).any(|line| {
        let found = line.split(|byte| *byte == b':').next().unwrap_or_default();
        found.trim_ascii().eq_ignore_ascii_case(name)
    })
}

/// The lines that are not empty.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
}

#[derive(Clone, Debug)]
struct GrpcWebsockets {
    method: Box<str>,
    has_asked: bool,
    /// The server's frames: headers, then messages, then trailers.
    has_answered: bool,
    server: Carry,
}

impl GrpcWebsockets {
    fn new(opening: &Opening) -> Self {
        Self {
            method: opening.path.trim_start_matches('/').into(),
            has_asked: false,
            has_answered: false,
            server: Carry::default(),
        }
    }
}

impl Decode for GrpcWebsockets {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if message.from == Side::Client {
            return self.client(message.bytes, out);
        }
        let Self {
            server,
            has_answered,
            ..
        } = self;
        if server.is_lost() {
            if !matches!(message.bytes, [0 | 1 | TRAILERS, _, _, _, _, ..]) {
                part(message, out);
                return Fit::Yes;
            }
            server.found();
        }
        let count = out.stream(server, message, |out, bytes, carry| {
            frames(out, bytes, carry, has_answered)
        });
        if count == 0 {
            part(message, out);
        }
        Fit::Yes
    }

    fn lost(&mut self, from: Side) {
        match from {
            Side::Client => self.has_asked = true,
            Side::Server => {
                self.server.lose();
                self.has_answered = true;
            }
        }
    }

    fn memory(&self) -> usize {
        self.server.memory()
    }
}

impl GrpcWebsockets {
    fn client<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Fit {
        match bytes {
            [1] => {
                begin("finish", out);
                out.summary("finish");
            }
            [0, frame @ ..] if self.has_asked || !looks_like_headers(bytes) => {
                let parsed = Frame::read(frame);
                let Some(frame) = parsed.filter(|parsed| parsed.total() == frame.len()) else {
                    begin("message", out);
                    out.summary("message of another length than it says");
                    out.finding(&FRAME_INVALID, format!("a frame of {} bytes", frame.len()));
                    return Fit::Yes;
                };
                frame.write("message", out);
            }
            _ => {
                begin("headers", out);
                if !self.method.is_empty() {
                    out.field(&METHOD, String::from(&*self.method));
                }
                headers(bytes, out);
                out.request("call", &self.method);
                out.summary(format!("headers {}", summary::part(&*self.method)).trim_end());
            }
        }
        self.has_asked = true;
        Fit::Yes
    }
}

fn looks_like_headers(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\r\n") && bytes.contains(&b':')
}

fn part<'a>(message: &Payload<'a>, out: &mut Out<'_, 'a>) {
    out.unit(DECODER.title).words("a part of a frame");
    out.summary(format!("part of a frame, {} bytes", message.bytes.len()));
}

/// The server's frames, one after the other; how many there were.
fn frames<'a>(
    out: &mut Out<'_, 'a>,
    mut bytes: &'a [u8],
    carry: &mut Carry,
    has_answered: &mut bool,
) -> usize {
    let mut count = 0;
    while !bytes.is_empty() {
        let Some(frame) = Frame::read(bytes) else {
            carry.keep(bytes, Frame::len(bytes));
            break;
        };
        if frame.flags & !(COMPRESSED | TRAILERS) != 0 {
            begin("message", out);
            out.summary("no frame");
            out.finding(
                &FRAME_INVALID,
                format!("a frame with the flags {:#04x}", frame.flags),
            );
            carry.lose();
            return count + 1;
        }
        let kind = match (frame.flags & TRAILERS != 0, *has_answered) {
            (false, _) => "message",
            // A call that fails at once has trailers alone.
            (true, false) if !has_header(frame.body, b"grpc-status") => "headers",
            (true, _) => "trailers",
        };
        *has_answered = true;
        frame.write(kind, out);
        bytes = bytes.get(frame.total()..).unwrap_or_default();
        count += 1;
    }
    count
}

/// The unit of a frame.
fn begin(kind: &'static str, out: &mut Out<'_, '_>) {
    out.unit(DECODER.title).words(kind);
    out.field(&KIND, kind);
}

/// A frame: flags, a length, and so many bytes.
#[derive(Clone, Copy, Debug)]
struct Frame<'a> {
    flags: u8,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    fn read(bytes: &'a [u8]) -> Option<Frame<'a>> {
        let mut cursor = Cursor::new(bytes);
        let flags = cursor.u8()?;
        let len = usize::try_from(cursor.u32()?).ok()?;
        Some(Frame {
            flags,
            body: cursor.take(len)?,
        })
    }

    /// The length of the frame that bytes begin with, where they say it.
    fn len(bytes: &[u8]) -> Option<u64> {
        let len = bytes.get(1..)?.first_chunk()?;
        Some(5 + u64::from(u32::from_be_bytes(*len)))
    }

    fn total(&self) -> usize {
        5 + self.body.len()
    }

    fn write(&self, kind: &'static str, out: &mut Out<'_, 'a>) {
        begin(kind, out);
        out.field(&LENGTH, self.body.len());
        if kind != "message" {
            let status = headers(self.body, out);
            return self.end(kind, status, out);
        }
        out.field(&COMPRESSED_FLAG, self.flags & COMPRESSED != 0);
        if !self.body.is_empty() {
            out.content(&DATA, self.body);
        }
        if out.is_from_server() {
            out.answer_of_several("call");
        }
        out.summary(format!("message, {} bytes", self.body.len()));
    }

    /// Trailers end the call.
    fn end(&self, kind: &'static str, status: Option<u64>, out: &mut Out<'_, '_>) {
        let Some(status) = status else {
            return out.summary(kind);
        };
        let known = STATUSES.iter().find(|(_, number)| *number == status);
        let name = known.map_or("unknown", |(name, _)| name);
        out.answer("call", status != 0);
        if status != 0 {
            out.finding(&FAILED, format!("the status is {status} ({name})"));
        }
        out.summary(format!("{kind} {name}"));
    }
}

/// Writes header lines; the status among them.
fn headers<'a>(bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Option<u64> {
    let mut status = None;
    for line in lines(bytes).take(HEADERS) {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let text = String::from_utf8_lossy(value);
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let item = out.field_at(&HEADER, String::from_utf8_lossy(line), line);
        item.secret |= crate::payload::secrets::is_name(&name);
        match &*name {
            "grpc-status" => {
                status = text.parse().ok();
                if let Some(status) = status {
                    out.field_at(&STATUS, status, value);
                }
            }
            "grpc-message" if !value.is_empty() => drop(out.field_at(&STATUS_MESSAGE, text, value)),
            _ => {}
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        let mut talk = Talk::opened("/lab.Prices/Hello", "", "grpc-websockets");
        let headers = talk
            .client_bytes(b"authorization: Bearer x\r\nx-grpc-web: 1\r\n")
            .unwrap();
        assert_eq!(
            (&*headers.summary, field(&headers, "grpc.kind")),
            ("headers lab.Prices/Hello", vec!["headers".to_owned()])
        );
        assert!(headers.items.iter().any(|item| item.secret));
        talk
    }

    #[test]
    fn a_call_from_its_headers_to_its_trailers() {
        let mut talk = talk();
        let message = talk.client_bytes(&[0, 0, 0, 0, 0, 2, 8, 1]).unwrap();
        assert_eq!(field(&message, "grpc.message_length"), ["2"]);
        assert_eq!(talk.client_bytes(&[1]).unwrap().summary, "finish");
        // The head of a frame comes in a message of its own.
        assert!(
            field(
                &talk.server_bytes(&[0x80, 0, 0, 0, 10]).unwrap(),
                "grpc.kind"
            )
            .is_empty()
        );
        assert_eq!(
            talk.server_bytes(b"lab: yes\r\n").unwrap().summary,
            "headers"
        );
        let answer = talk.server_bytes(&[0, 0, 0, 0, 2, 8, 1]).unwrap();
        assert_eq!(
            (answer.request(), &*answer.summary),
            (Some(1), "message, 2 bytes")
        );
        talk.server_bytes(&[0x80, 0, 0, 0, 16]);
        let end = talk.server_bytes(b"grpc-status: 0\r\n").unwrap();
        assert_eq!(
            (&*end.summary, field(&end, "grpc.status")),
            ("trailers OK", vec!["0".to_owned()])
        );
        assert_eq!((end.request(), talk.pending().len()), (Some(1), 0));
    }

    #[test]
    fn failures_and_broken_frames_are_found() {
        let mut talk = talk();
        let failed = talk
            .server_bytes(b"\x80\0\0\0\x24grpc-status: 5\r\ngrpc-message: none\r\n")
            .unwrap();
        assert_eq!(
            (findings(&failed), &*failed.summary),
            (vec!["grpc-call-failed"], "trailers NOT_FOUND")
        );
        assert!(failed.calls[0].is_error);
        assert_eq!(
            findings(&talk.server_bytes(&[0x7f, 0, 0, 0, 0]).unwrap()),
            ["grpc-frame-invalid"]
        );
        assert!(talk.server_bytes(b"junk").unwrap().findings.is_empty());
        assert_eq!(
            findings(&talk.client_bytes(&[0, 0, 0, 0, 0, 9, 1]).unwrap()),
            ["grpc-frame-invalid"]
        );
    }

    #[test]
    fn without_a_token_the_headers_tell() {
        assert!(
            Talk::unknown()
                .client_bytes(b"content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n")
                .is_some()
        );
        for bytes in [
            &b"content-type: text\r\n"[..],
            b"x-grpc-web",
            &[0, 0, 0, 0, 0, 2, 8, 1],
            &[1],
        ] {
            assert!(Talk::unknown().client_bytes(bytes).is_none());
        }
    }
}
