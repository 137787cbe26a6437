//! RSocket 1.0 (github.com/rsocket/rsocket, Protocol.md) over WebSockets: one frame a binary message, without a length in front.

use crate::base::{Cursor, FieldInfo, PerSide};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Objects, Out, Payload, summary,
};

/// Flags, which have other meanings in some types.
const METADATA: u16 = 0x100;
const FOLLOWS: u16 = 0x80;
const COMPLETE: u16 = 0x40;
const NEXT: u16 = 0x20;
/// The type of extensions.
const EXTENSION: u8 = 0x3f;

fields! {
    STREAM = "rsocket.stream_id", "Stream id", Unsigned, "Stream an RSocket frame belongs to; 0 for the connection.", max(0x7fff_ffff);
    TYPE = "rsocket.type", "Type", Text, "Type of an RSocket frame.", words(TYPES);
    FLAGS = "rsocket.flags", "Flags", Unsigned, "Flags of an RSocket frame.", max(0x3ff);
    REQUEST_N = "rsocket.request_n", "Request N", Unsigned, "How many payloads an RSocket requester can take.";
    VERSION = "rsocket.version", "Version", Text, "Version of RSocket.";
    KEEP_ALIVE = "rsocket.keepalive", "Keep-alive", Unsigned, "Milliseconds between an RSocket client's KEEPALIVE frames.";
    LIFETIME = "rsocket.max_lifetime", "Maximum lifetime", Unsigned, "Milliseconds without KEEPALIVE after which an RSocket peer is taken for gone.";
    TOKEN = "rsocket.resume_token", "Resume token", Bytes, "Token by which an RSocket session is resumed.", secret();
    METADATA_TYPE = "rsocket.metadata_mime_type", "Metadata type", Text, "MIME type of an RSocket connection's metadata.";
    DATA_TYPE = "rsocket.data_mime_type", "Data type", Text, "MIME type of an RSocket connection's data.";
    POSITION = "rsocket.position", "Position", Unsigned, "Last position an RSocket peer received.";
    TIME_TO_LIVE = "rsocket.ttl", "Time to live", Unsigned, "Milliseconds that an RSocket lease is for.";
    REQUESTS = "rsocket.requests", "Requests", Unsigned, "Requests that an RSocket lease is for.";
    ERROR_CODE = "rsocket.error.code", "Error code", Unsigned, "Code of an RSocket error.", named(ERRORS);
    ERROR_TEXT = "rsocket.error.message", "Error", Text, "What an RSocket error says.";
    METADATA_FIELD = "rsocket.metadata", "Metadata", Bytes, "Metadata of an RSocket frame.";
    DATA = "rsocket.data", "Data", Bytes, "Data of an RSocket frame.", body();
}

rules! {
    FRAME_INVALID = "rsocket-frame-invalid", Error, "RSocket Protocol, Framing Format",
        "An RSocket frame has an unknown type, or ends before all that its type has.";
    CONNECTION_ERROR = "rsocket-error", Warning, "RSocket Protocol, ERROR Frame",
        "An RSocket connection or request ends with an error.";
    STREAM_INVALID = "rsocket-stream-invalid", Error, "RSocket Protocol, Stream Identifiers",
        "A client's RSocket requests have odd stream ids and a server's even ones; setup and keep-alive have 0.";
    SETUP_MISSING = "rsocket-setup-missing", Error, "RSocket Protocol, Connection Establishment",
        "The first RSocket frame of a client is neither SETUP nor RESUME.";
}

const TYPES: &[&str] = &[
    "SETUP",
    "LEASE",
    "KEEPALIVE",
    "REQUEST_RESPONSE",
    "REQUEST_FNF",
    "REQUEST_STREAM",
    "REQUEST_CHANNEL",
    "REQUEST_N",
    "CANCEL",
    "PAYLOAD",
    "ERROR",
    "METADATA_PUSH",
    "RESUME",
    "RESUME_OK",
    "EXT",
];

const ERRORS: &[(&str, u64)] = &[
    ("INVALID_SETUP", 1),
    ("UNSUPPORTED_SETUP", 2),
    ("REJECTED_SETUP", 3),
    ("REJECTED_RESUME", 4),
    ("CONNECTION_ERROR", 0x101),
    ("CONNECTION_CLOSE", 0x102),
    ("APPLICATION_ERROR", 0x201),
    ("REJECTED", 0x202),
    ("CANCELED", 0x203),
    ("INVALID", 0x204),
];

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "rsocket",
    title: "RSocket",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |_| Box::new(RSocket::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() || evidence.payload.kind == Kind::Text {
        return None;
    }
    let frame = Frame::read(evidence.payload.bytes)?;
    let is_agreed = evidence.subprotocol() == "rsocket";
    match frame.kind {
        _ if is_agreed => Claim::certain("subprotocol"),
        // SETUP names two MIME types, which nothing else does there.
        "SETUP" | "RESUME" if frame.is_sound() => Claim::certain("it begins with SETUP"),
        "KEEPALIVE" if frame.is_sound() && frame.body.len() == 8 && evidence.seen > 0 => {
            Claim::likely("KEEPALIVE frames")
        }
        _ => None,
    }
}

#[derive(Clone, Debug, Default)]
struct RSocket {
    /// The client said a frame.
    has_begun: PerSide<bool>,
}

impl Decode for RSocket {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if message.kind == Kind::Text {
            return Fit::No;
        }
        let Some(frame) = Frame::read(message.bytes) else {
            out.unit(DECODER.title).words("no frame");
            out.summary("no frame");
            out.finding(
                &FRAME_INVALID,
                format!("{} bytes are no frame", message.bytes.len()),
            );
            return Fit::Broken;
        };
        let is_first = !std::mem::replace(&mut self.has_begun[message.from], true);
        frame.write(out);
        if is_first
            && out.is_whole()
            && !out.is_from_server()
            && !matches!(frame.kind, "SETUP" | "RESUME")
        {
            out.finding(
                &SETUP_MISSING,
                format!("the client begins with {}", frame.kind),
            );
        }
        frame.check(out);
        frame.call(out);
        out.summary(frame.line());
        Fit::Yes
    }
}

/// A frame's parts.
#[derive(Clone, Copy, Debug)]
struct Frame<'a> {
    bytes: &'a [u8],
    stream: u32,
    kind: &'static str,
    flags: u16,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    fn read(bytes: &'a [u8]) -> Option<Frame<'a>> {
        let mut cursor = Cursor::new(bytes);
        let stream = cursor.u32().filter(|stream| stream >> 31 == 0)?;
        let word = cursor.u16()?;
        let kind = match u8::try_from(word >> 10).ok()? {
            0 => return None,
            EXTENSION => "EXT",
            number @ 1..=14 => TYPES.get(usize::from(number) - 1)?,
            _ => return None,
        };
        Some(Frame {
            bytes,
            stream,
            kind,
            flags: word & 0x3ff,
            body: cursor.rest(),
        })
    }

    fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Whether it has all that its type needs.
    fn is_sound(&self) -> bool {
        let mut cursor = Cursor::new(self.body);
        self.head(&mut cursor, &mut |_, _| ()).is_some()
            && self.content(&cursor).is_some()
            && self.has_right_stream()
            && (self.kind != "SETUP" || self.flags & 0x220 == 0)
    }

    fn has_right_stream(&self) -> bool {
        let is_of_connection = matches!(
            self.kind,
            "SETUP" | "LEASE" | "KEEPALIVE" | "METADATA_PUSH" | "RESUME" | "RESUME_OK"
        );
        let may_be_either = matches!(self.kind, "ERROR" | "EXT");
        may_be_either || is_of_connection == (self.stream == 0)
    }

    /// Reads what stands in front of metadata and data, part after part.
    fn head(
        &self,
        cursor: &mut Cursor<'a>,
        each: &mut dyn FnMut(&'static FieldInfo, &'a [u8]),
    ) -> Option<()> {
        let mut take = |info, len| -> Option<&'a [u8]> {
            let bytes = cursor.take(len)?;
            each(info, bytes);
            Some(bytes)
        };
        match self.kind {
            "SETUP" => {
                take(&VERSION, 4)?;
                take(&KEEP_ALIVE, 4)?;
                take(&LIFETIME, 4)?;
                if self.has(FOLLOWS) {
                    let len = usize::from(cursor.u16()?);
                    each(&TOKEN, cursor.take(len)?);
                }
                for info in [&METADATA_TYPE, &DATA_TYPE] {
                    let len = usize::from(cursor.u8()?);
                    let name = cursor.take(len)?;
                    name.is_ascii().then(|| each(info, name))?;
                }
            }
            "LEASE" => {
                take(&TIME_TO_LIVE, 4)?;
                take(&REQUESTS, 4)?;
            }
            "KEEPALIVE" | "RESUME_OK" => drop(take(&POSITION, 8)?),
            "REQUEST_STREAM" | "REQUEST_CHANNEL" | "REQUEST_N" => drop(take(&REQUEST_N, 4)?),
            "ERROR" => drop(take(&ERROR_CODE, 4)?),
            "RESUME" => {
                take(&VERSION, 4)?;
                let len = usize::from(cursor.u16()?);
                each(&TOKEN, cursor.take(len)?);
                each(&POSITION, cursor.take(8)?);
                cursor.skip(8)?;
            }
            _ => {}
        }
        Some(())
    }

    /// Metadata and data behind the head.
    fn content(&self, cursor: &Cursor<'a>) -> Option<(Option<&'a [u8]>, &'a [u8])> {
        let mut cursor = *cursor;
        match self.kind {
            // All of it is one or the other.
            "METADATA_PUSH" | "LEASE" if self.has(METADATA) => Some((Some(cursor.rest()), &[])),
            "KEEPALIVE" | "ERROR" | "LEASE" | "METADATA_PUSH" | "EXT" => {
                Some((None, cursor.rest()))
            }
            _ if self.has(METADATA) => {
                let len = usize::try_from(cursor.u24()?).ok()?;
                let metadata = cursor.take(len)?;
                Some((Some(metadata), cursor.rest()))
            }
            _ => Some((None, cursor.rest())),
        }
    }

    fn write(&self, out: &mut Out<'_, 'a>) {
        let span = out.span(self.bytes);
        out.unit(DECODER.title).words(self.kind).at(span);
        let word = self.bytes.get(4..6).unwrap_or_default();
        out.field_at(
            &STREAM,
            self.stream,
            self.bytes.get(..4).unwrap_or_default(),
        );
        out.field_at(&TYPE, self.kind, word);
        out.field_at(&FLAGS, self.flags, word)
            .words(self.flag_names());
        let mut cursor = Cursor::new(self.body);
        let mut write = |info: &'static FieldInfo, bytes: &'a [u8]| part(info, bytes, out);
        let content = self
            .head(&mut cursor, &mut write)
            .and_then(|()| self.content(&cursor));
        let Some((metadata, data)) = content else {
            return out.finding(&FRAME_INVALID, format!("{} ends too early", self.kind));
        };
        if let Some(metadata) = metadata {
            out.content(&METADATA_FIELD, metadata);
        }
        match self.kind {
            _ if data.is_empty() => {}
            "ERROR" => drop(out.field_at(&ERROR_TEXT, String::from_utf8_lossy(data), data)),
            _ => out.content(&DATA, data),
        }
        if self.kind == "KEEPALIVE" {
            out.heartbeat(match self.has(FOLLOWS) {
                true => Heartbeat::Ping,
                false => Heartbeat::Pong,
            });
        }
    }

    fn flag_names(&self) -> String {
        let bit_7 = match self.kind {
            "KEEPALIVE" => "respond",
            "SETUP" => "resume",
            _ => "follows",
        };
        let bit_6 = if self.kind == "SETUP" {
            "lease"
        } else {
            "complete"
        };
        let all = [
            (0x200, "ignore"),
            (METADATA, "metadata"),
            (FOLLOWS, bit_7),
            (COMPLETE, bit_6),
            (NEXT, "next"),
        ];
        let names: Vec<&str> = all
            .iter()
            .filter_map(|(flag, name)| self.has(*flag).then_some(*name))
            .collect();
        names.join(", ")
    }

    fn check(&self, out: &mut Out<'_, '_>) {
        let is_request = self.kind.starts_with("REQUEST_") && self.kind != "REQUEST_N";
        let is_odd = self.stream % 2 == 1;
        let is_foreign = is_request && is_odd == out.is_from_server();
        if is_foreign || !self.has_right_stream() {
            out.finding(
                &STREAM_INVALID,
                format!("{} of the stream {}", self.kind, self.stream),
            );
        }
        if self.kind == "ERROR" {
            let code = self.error_code();
            let said = summary::part(self.body.get(4..).unwrap_or_default());
            out.finding(&CONNECTION_ERROR, format!("{}: {said}", error_name(code)));
        }
    }

    fn error_code(&self) -> u64 {
        Cursor::new(self.body).u32().unwrap_or_default().into()
    }

    /// Requests and what answers them, by their stream.
    fn call(&self, out: &mut Out<'_, '_>) {
        let key = self.stream.to_be_bytes();
        match self.kind {
            "REQUEST_RESPONSE" | "REQUEST_STREAM" | "REQUEST_CHANNEL" => {
                let method = match self.route() {
                    Some(route) => format!("{} {route}", self.kind),
                    None => self.kind.to_owned(),
                };
                out.request(key, &method);
            }
            // A channel's requester says payloads too.
            "PAYLOAD" if out.waiting(key).is_some() => match self.has(COMPLETE) {
                true => drop(out.answer(key, false)),
                false => drop(out.answer_of_several(key)),
            },
            "CANCEL" => drop(out.withdraw(key)),
            "ERROR" if self.stream > 0 => drop(out.answer_if_asked(key, true)),
            _ => {}
        }
    }

    /// What the metadata of a request says it is for, where that is text.
    fn route(&self) -> Option<String> {
        let mut cursor = Cursor::new(self.body);
        self.head(&mut cursor, &mut |_, _| ())?;
        let metadata = self.content(&cursor)?.0?;
        let text = std::str::from_utf8(metadata).ok()?;
        let is_plain = !text.is_empty() && text.len() <= 100 && !text.contains(char::is_control);
        is_plain.then(|| text.to_owned())
    }

    fn line(&self) -> String {
        let mut line = self.kind.to_owned();
        if self.stream > 0 {
            line += &format!(" {}", self.stream);
        }
        let mut cursor = Cursor::new(self.body);
        let content = self
            .head(&mut cursor, &mut |_, _| ())
            .and_then(|()| self.content(&cursor));
        match (self.kind, content) {
            ("ERROR", _) => line += &format!(" {}", error_name(self.error_code())),
            // What a client sets up with may be a secret.
            ("SETUP" | "RESUME" | "METADATA_PUSH" | "KEEPALIVE", _) => {}
            (_, Some((_, data))) if !data.is_empty() => {
                line += &format!(" {}", summary::part(data))
            }
            _ => {}
        }
        if self.has(COMPLETE) && self.kind == "PAYLOAD" {
            line += " (complete)";
        }
        line
    }
}

/// Writes a part in front of metadata and data.
fn part<'a>(info: &'static FieldInfo, bytes: &'a [u8], out: &mut Out<'_, 'a>) {
    let is = |other: &'static FieldInfo| std::ptr::eq(info, other);
    let number = bytes
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    if is(&VERSION) {
        out.field_at(info, format!("{}.{}", number >> 16, number & 0xffff), bytes);
    } else if is(&TOKEN) {
        out.field_at(info, bytes, bytes);
    } else if is(&METADATA_TYPE) || is(&DATA_TYPE) {
        out.field_at(info, String::from_utf8_lossy(bytes), bytes);
    } else if is(&ERROR_CODE) {
        out.field_at(info, number, bytes).words(error_name(number));
    } else {
        out.field_at(info, number, bytes);
    }
}

fn error_name(code: u64) -> String {
    let known = ERRORS.iter().find(|(_, number)| *number == code);
    known.map_or_else(
        || format!("error {code:#x}"),
        |(name, _)| (*name).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    const SETUP: &str = "00000000 0400 0001 0000 00004e20 00015f90 10 6170706c69636174696f6e2f6a736f6e 10 6170706c69636174696f6e2f6a736f6e";

    fn talk() -> Talk {
        let mut talk = Talk::opened("/rsocket", "", "");
        let setup = hex(SETUP);
        let decoded = talk.client_bytes(&setup).unwrap();
        assert_eq!(field(&decoded, "rsocket.keepalive"), ["20000"]);
        assert_eq!(field(&decoded, "rsocket.version"), ["1.0"]);
        assert_eq!(
            field(&decoded, "rsocket.data_mime_type"),
            ["application/json"]
        );
        talk
    }

    #[test]
    fn frames_of_the_specification() {
        let mut talk = talk();
        let bytes = hex("00000000 0c80 0000000000000000");
        let decoded = talk.client_bytes(&bytes).unwrap();
        assert_eq!(
            (decoded.heartbeat, field(&decoded, "rsocket.flags")),
            (Some(Heartbeat::Ping), vec!["128".to_owned()])
        );
        let bytes = hex("00000001 1100 000005 726f757465 6869");
        let decoded = talk.client_bytes(&bytes).unwrap();
        assert_eq!(field(&decoded, "call.method"), ["REQUEST_RESPONSE route"]);
        assert_eq!(field(&decoded, "rsocket.metadata"), ["route"]);
        let bytes = hex("00000001 2860 6869");
        let decoded = talk.server_bytes(&bytes).unwrap();
        assert_eq!(
            (decoded.request(), &*decoded.summary),
            (Some(3), "PAYLOAD 1 hi (complete)")
        );
        let bytes = hex("00000003 1800 00000002 33");
        assert_eq!(
            field(&talk.client_bytes(&bytes).unwrap(), "rsocket.request_n"),
            ["2"]
        );
        let bytes = hex("00000003 2820 6869");
        assert_eq!(talk.server_bytes(&bytes).unwrap().request(), Some(5));
        let bytes = hex("00000003 2c00 00000201 6e6f");
        let decoded = talk.server_bytes(&bytes).unwrap();
        assert_eq!(
            (findings(&decoded), decoded.calls[0].is_error),
            (vec!["rsocket-error"], true)
        );
        assert_eq!(decoded.summary, "ERROR 3 APPLICATION_ERROR");
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        for (text, finding) in [
            ("00000001 2960 0000ff", "rsocket-frame-invalid"),
            ("00000001 0000", "rsocket-frame-invalid"),
            ("80000001 2860", "rsocket-frame-invalid"),
            ("0000", "rsocket-frame-invalid"),
            ("00000002 1000 6869", "rsocket-stream-invalid"),
            ("00000000 1000 6869", "rsocket-stream-invalid"),
        ] {
            let bytes = hex(text);
            let decoded = talk()
                .client_bytes(&bytes)
                .map(|decoded| findings(&decoded));
            assert!(decoded.unwrap_or_default().contains(&finding), "{text}");
        }
        let mut talk = Talk::opened("/", "", "rsocket");
        let bytes = hex("00000001 1000 6869");
        assert_eq!(
            findings(&talk.client_bytes(&bytes).unwrap()),
            ["rsocket-setup-missing"]
        );
    }

    #[test]
    fn what_looks_alike_is_not_recognised() {
        for text in [
            "00000001 2860 6869",
            "00000000 0400 0001 0000",
            "0000000012345678",
            "000000000c80",
            "00000000 0400 0001 0000 00004e20 00015f90 10 6170",
        ] {
            let bytes = hex(text);
            assert!(
                Talk::unknown()
                    .client_bytes(&bytes)
                    .is_none_or(|decoded| decoded.protocol() != "rsocket"),
                "{text}"
            );
        }
    }
}
