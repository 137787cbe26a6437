//! Discord's gateway (discord.com/developers/docs/events/gateway): objects with an opcode; the server's may be compressed, each
//! by itself, or all in one stream of zlib or zstd; they are JSON, or terms of Erlang.

use crate::base::{FieldInfo, Side};
use crate::payload::deflated::{Deflated, Inflated};
use crate::payload::external_term;
use crate::payload::flushed::Flushed;
use crate::payload::inflate::ZSTD;
use crate::payload::json::{Json, JsonKind};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Objects, Opening, Out, Payload, summary,
};

/// Bytes a hello has at most, compressed or not.
const HELLO: usize = 4096;
/// How a message ends that one stream goes on behind.
const FLUSHED: &[u8] = &[0, 0, 0xff, 0xff];

fields! {
    OP = "discord.op", "Opcode", Unsigned, "Opcode of a Discord message.",
        named(&[("Dispatch", 0), ("Heartbeat", 1), ("Identify", 2), ("Presence Update", 3), ("Voice State Update", 4),
            ("Resume", 6), ("Reconnect", 7), ("Request Guild Members", 8), ("Invalid Session", 9), ("Hello", 10),
            ("Heartbeat ACK", 11), ("Request Soundboard Sounds", 31), ("Request Channel Info", 43)]);
    SEQUENCE = "discord.s", "Sequence number", Unsigned, "Number of a Discord event.";
    EVENT = "discord.t", "Event", Text, "Name of a Discord event.";
    TOKEN = "discord.token", "Token", Text, "Token a Discord client authenticates with.", secret();
    DATA = "discord.d", "Data", Text, "Data of a Discord message as JSON.", body();
}

rules! {
    INVALID = "discord-message-invalid", Error, "Discord, Gateway Event Payload Structure",
        "A message is no object with an opcode.";
    INVALID_SESSION = "discord-invalid-session", Warning, "Discord, Invalid Session",
        "The session is not valid, so the client begins a new one, or resumes.";
    STREAM_LOST = "discord-stream-unreadable", Note, "Discord, Transport Compression",
        "A message was missing or broken, or the stream is longer than it is read, so what the server sends after it stays closed.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "discord",
    title: "Discord",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["op"]),
    start: |opening| Box::new(Discord::new(opening)),
    close_code,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let opening = evidence.opening;
    let is_versioned = opening
        .parameter("v")
        .is_some_and(|v| v.parse::<u8>().is_ok());
    if is_versioned && matches!(opening.parameter("encoding"), Some("json" | "etf")) {
        return Claim::certain("v and encoding in the query");
    }
    if evidence.payload.kind == Kind::Binary && evidence.payload.from == Side::Server {
        let bytes = evidence.payload.bytes;
        return claim_inflated(bytes).or_else(|| claim_term(bytes));
    }
    let op = evidence.member("op")?.unsigned()?;
    if !evidence.has_only(&["op", "d", "s", "t"]) {
        return None;
    }
    let data = evidence.member("d");
    match (op, evidence.payload.from) {
        (10, Side::Server) if data?.get("heartbeat_interval").is_some() => {
            Claim::certain("a hello with its heartbeat interval")
        }
        (2, Side::Client) if data?.get("token").is_some() && data?.get("properties").is_some() => {
            Claim::certain("it identifies itself")
        }
        (0, Side::Server) => {
            let name = evidence.text_of("t")?;
            let is_name = name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            let is_numbered = evidence.member("s")?.unsigned().is_some();
            (is_name && is_numbered).then(|| Claim::likely("its events"))?
        }
        _ => None,
    }
}

/// What a server compresses begins with a hello.
fn claim_inflated(bytes: &[u8]) -> Option<Claim> {
    if bytes.len() > HELLO {
        return None;
    }
    let inflated = match bytes.first()? {
        0x78 => alone(bytes, &mut HELLO.clone()),
        0x28 => Flushed::default().push(bytes, &mut HELLO.clone()),
        _ => return None,
    };
    let Inflated::Whole(text) = inflated else {
        return None;
    };
    let term = external_term::to_json(&text, HELLO);
    is_hello(term.as_deref().or(std::str::from_utf8(&text).ok())?)
        .then(|| Claim::certain("a hello with its heartbeat interval, compressed"))?
}

/// What a server says in terms of Erlang begins with one, too.
fn claim_term(bytes: &[u8]) -> Option<Claim> {
    let bytes = bytes.get(..bytes.len().min(HELLO + 1))?;
    is_hello(&external_term::to_json(bytes, HELLO)?)
        .then(|| Claim::certain("a hello with its heartbeat interval, as a term of Erlang"))?
}

fn is_hello(text: &str) -> bool {
    let Some(json) = Json::object(text) else {
        return false;
    };
    let [op, data] = json.pick(["op", "d"]);
    let interval = data.and_then(|data| data.get("heartbeat_interval"));
    op.and_then(|op| op.unsigned()) == Some(10) && interval.is_some()
}

fn close_code(code: u16) -> Option<&'static str> {
    Some(match code {
        4000 => "unknown error",
        4001 => "unknown opcode",
        4002 => "decode error",
        4003 => "not authenticated",
        4004 => "authentication failed",
        4005 => "already authenticated",
        4007 => "invalid sequence",
        4008 => "rate limited",
        4009 => "session timed out",
        4010 => "invalid shard",
        4011 => "sharding required",
        4012 => "invalid API version",
        4013 => "invalid intents",
        4014 => "disallowed intents",
        _ => return None,
    })
}

fn name(op: u64) -> &'static str {
    let crate::base::Known::Named(names) = OP.known else {
        return "";
    };
    let mut names = names.iter();
    names
        .find_map(|(name, number)| (*number == op).then_some(*name))
        .unwrap_or_default()
}

/// What a server compresses over all its messages.
#[derive(Clone, Debug)]
enum Stream {
    Zlib(Deflated),
    Zstd(Flushed),
}

impl Stream {
    fn of_parameter(compress: &str) -> Option<Stream> {
        match compress {
            "zlib-stream" => Some(Stream::Zlib(Deflated::default())),
            "zstd-stream" => Some(Stream::Zstd(Flushed::default())),
            _ => None,
        }
    }

    /// The stream that a message begins, as it looks.
    fn of_message(bytes: &[u8]) -> Option<Stream> {
        match bytes {
            _ if bytes.starts_with(ZSTD) => Some(Stream::Zstd(Flushed::default())),
            _ if bytes.ends_with(FLUSHED) => Some(Stream::Zlib(Deflated::default())),
            _ => None,
        }
    }

    fn push(&mut self, bytes: &[u8], room: &mut usize) -> Inflated {
        match self {
            Stream::Zlib(stream) => stream.push(bytes, room),
            Stream::Zstd(stream) => stream.push(bytes, room),
        }
    }

    fn lose(&mut self) {
        match self {
            Stream::Zlib(stream) => stream.lose(),
            Stream::Zstd(stream) => stream.lose(),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Stream::Zlib(stream) => stream.memory(),
            Stream::Zstd(stream) => stream.memory(),
        }
    }
}

#[derive(Clone, Debug)]
struct Discord {
    /// The server's stream, where all its messages are in one.
    stream: Option<Stream>,
    is_seen: bool,
}

impl Discord {
    fn new(opening: &Opening) -> Self {
        Self {
            stream: opening.parameter("compress").and_then(Stream::of_parameter),
            is_seen: opening.is_seen,
        }
    }
}

impl Decode for Discord {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if message.kind == Kind::Text {
            return unit(message.bytes, message.from, out);
        }
        if let Some(fit) = term(message.bytes, message.from, out) {
            return fit;
        }
        if !self.is_seen && message.from == Side::Server && self.stream.is_none() {
            // The handshake would have said it.
            self.stream = Stream::of_message(message.bytes);
        }
        let inflated = match &mut self.stream {
            Some(stream) if message.from == Side::Server => {
                stream.push(message.bytes, out.inflatable())
            }
            // One message by itself.
            _ if message.bytes.first() == Some(&0x78) => alone(message.bytes, out.inflatable()),
            _ => return opaque(message.bytes, "binary", out),
        };
        match inflated {
            Inflated::Whole(text) => match term(&text, message.from, out) {
                Some(fit) => fit,
                None => out.apart(&text, |out, text| unit(text, message.from, out)),
            },
            Inflated::Part => opaque(message.bytes, "a part of a message", out),
            Inflated::Lost => {
                opaque(message.bytes, "compressed", out);
                out.finding(&STREAM_LOST, "what it refers to is not known");
                Fit::Part
            }
        }
    }

    fn lost(&mut self, from: Side) {
        if let (Some(stream), Side::Server) = (&mut self.stream, from) {
            stream.lose();
        }
    }

    fn memory(&self) -> usize {
        self.stream.as_ref().map_or(0, Stream::memory)
    }
}

/// A message that is a term of Erlang; `None` where it is none.
fn term(bytes: &[u8], from: Side, out: &mut Out<'_, '_>) -> Option<Fit> {
    let text = external_term::to_json(bytes, *out.inflatable())?;
    *out.inflatable() -= text.len().min(*out.inflatable());
    Some(out.apart(text.as_bytes(), |out, text| unit(text, from, out)))
}

/// A message that is compressed by itself, whose stream may end or be flushed.
fn alone(bytes: &[u8], room: &mut usize) -> Inflated {
    let flushed = match bytes.ends_with(FLUSHED) {
        true => bytes.into(),
        false => [bytes, FLUSHED].concat(),
    };
    Deflated::default().push(&flushed, room)
}

/// What is not read.
fn opaque(bytes: &[u8], what: &'static str, out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title).words(what);
    out.summary(format!("{what}, {} bytes", bytes.len()));
    Fit::Part
}

fn unit<'a>(bytes: &'a [u8], from: Side, out: &mut Out<'_, 'a>) -> Fit {
    let json = std::str::from_utf8(bytes).ok().and_then(Json::object);
    let [op, data, sequence, event] =
        json.map_or([None; 4], |json| json.pick(["op", "d", "s", "t"]));
    out.unit(DECODER.title);
    let Some((op, number)) = op.and_then(|op| Some((op, op.unsigned()?))) else {
        out.summary("invalid message");
        let text = format!("{} is no object with an opcode", summary::part(bytes));
        out.finding(&INVALID, text);
        return Fit::Broken;
    };
    let word = name(number);
    out.json(&OP, op).words(word);
    out.json_of(&SEQUENCE, sequence);
    out.json_of(&EVENT, event);
    let token = data.and_then(|data| data.get("token"));
    let is_secret = token.is_some() && from == Side::Client;
    if is_secret {
        out.json_of(&TOKEN, token);
    }
    let event = event.and_then(|event| event.text()).unwrap_or_default();
    call(number, &event, data, out);
    let mut line = match (number, word) {
        (0, _) => summary::part(&*event),
        (number, "") => format!("opcode {number}"),
        (_, word) => word.to_owned(),
    };
    if let Some(data) = data.filter(|data| data.kind() != JsonKind::Null) {
        if !is_secret {
            line += &format!(" {}", summary::part(data.raw()));
        }
        let item = out.json(&DATA as &'static FieldInfo, data);
        item.secret |= is_secret;
    }
    out.summary(line);
    Fit::Yes
}

/// Heartbeats and sessions are answered.
fn call(op: u64, event: &str, data: Option<Json<'_>>, out: &mut Out<'_, '_>) {
    match (op, event) {
        (1, _) => {
            out.heartbeat(Heartbeat::Ping);
            out.request("heartbeat", "Heartbeat");
        }
        (11, _) => {
            out.heartbeat(Heartbeat::Pong);
            out.answer_if_asked("heartbeat", false);
        }
        (2, _) => drop(out.request("session", "Identify")),
        (6, _) => drop(out.request("session", "Resume")),
        (0, "READY" | "RESUMED") => drop(out.answer_if_asked("session", false)),
        (9, _) => {
            out.answer_if_asked("session", true);
            let may_resume = data.and_then(|data| data.bool()) == Some(true);
            let word = if may_resume {
                "it can be resumed"
            } else {
                "it cannot be resumed"
            };
            out.finding(&INVALID_SESSION, word);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    const HELLO: &str = r#"{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":41250}}"#;

    fn deflated(texts: &[&str]) -> Vec<Vec<u8>> {
        let mut deflater = Compress::new(Compression::default(), true);
        let piece = |text: &&str| {
            let mut out = Vec::with_capacity(text.len() + 100);
            deflater
                .compress_vec(text.as_bytes(), &mut out, FlushCompress::Sync)
                .unwrap();
            out
        };
        texts.iter().map(piece).collect()
    }

    #[test]
    fn opcodes_have_names_and_tokens_are_secrets() {
        let mut talk = Talk::opened("/", "v=10&encoding=json", "");
        assert_eq!(
            talk.server(HELLO).unwrap().summary,
            r#"Hello {"heartbeat_interval":41250}"#
        );
        let identify = talk
            .client(r#"{"op":2,"d":{"token":"s3cret","properties":{}}}"#)
            .unwrap();
        assert!(
            identify.summary == "Identify"
                && identify.items.iter().filter(|item| item.secret).count() == 2
        );
        let ready = talk
            .server(r#"{"op":0,"s":1,"t":"READY","d":{"v":10}}"#)
            .unwrap();
        assert_eq!(
            (ready.request(), field(&ready, "discord.t")),
            (Some(2), vec!["READY".to_owned()])
        );
        talk.client(r#"{"op":1,"d":1}"#);
        let ack = talk.server(r#"{"op":11,"s":null,"t":null}"#).unwrap();
        assert_eq!(
            (ack.heartbeat, ack.request(), ack.summary.as_str()),
            (Some(Heartbeat::Pong), Some(4), "Heartbeat ACK")
        );
        let gone = talk.server(r#"{"op":9,"d":false}"#).unwrap();
        assert_eq!(findings(&gone), ["discord-invalid-session"]);
        assert_eq!(
            talk.close(4004).unwrap().summary,
            "4004 authentication failed"
        );
        assert_eq!(
            findings(&talk.client("{}").unwrap()),
            ["discord-message-invalid"]
        );
    }

    #[test]
    fn one_stream_over_messages_is_read_until_one_is_lost() {
        let pieces = deflated(&[
            HELLO,
            r#"{"op":0,"s":1,"t":"READY","d":{}}"#,
            r#"{"op":11}"#,
        ]);
        let mut talk = Talk::opened("/", "v=10&encoding=json&compress=zlib-stream", "");
        assert_eq!(
            field(&talk.server_bytes(&pieces[0]).unwrap(), "discord.op"),
            ["10"]
        );
        let (first, last) = pieces[1].split_at(4);
        assert!(field(&talk.server_bytes(first).unwrap(), "discord.op").is_empty());
        assert_eq!(
            field(&talk.server_bytes(last).unwrap(), "discord.t"),
            ["READY"]
        );
        talk.lose(Side::Server);
        let lost = talk.server_bytes(&pieces[2]).unwrap();
        assert_eq!(findings(&lost), ["discord-stream-unreadable"]);
    }

    /// A hello and an acknowledgement as one zstd stream; none is written in Rust here.
    #[cfg(feature = "compressed")]
    const ZSTD_STREAM: [&str; 2] = [
        "28b52ffd0058e001007b226f70223a31302c2273223a6e756c6c2c2274223a6e756c6c2c2264223a7b226865617274626561745f696e74657276616c223a34313235307d7d",
        "54000010317d0200c0cbcf1410",
    ];

    #[test]
    #[cfg(feature = "compressed")]
    fn a_zstd_stream_is_read_with_and_without_its_handshake() {
        let [hello, ack] = ZSTD_STREAM.map(|piece| hex::decode(piece).unwrap());
        let opened = Talk::opened("/", "v=10&encoding=json&compress=zstd-stream", "");
        for mut talk in [opened, Talk::unknown()] {
            let said = talk.server_bytes(&hello).unwrap();
            assert_eq!(
                (said.protocol(), field(&said, "discord.op")),
                ("discord", vec!["10".to_owned()])
            );
            talk.client(r#"{"op":1,"d":1}"#);
            let said = talk.server_bytes(&ack).unwrap();
            assert_eq!(
                (said.heartbeat, said.request()),
                (Some(Heartbeat::Pong), Some(2))
            );
            talk.lose(Side::Server);
            let lost = talk.server_bytes(&ack).unwrap();
            assert_eq!(findings(&lost), ["discord-stream-unreadable"]);
        }
    }

    #[test]
    fn a_stream_is_recognised_without_its_handshake() {
        let pieces = deflated(&[HELLO, r#"{"op":0,"s":1,"t":"READY","d":{}}"#]);
        let mut talk = Talk::unknown();
        let hello = talk.server_bytes(&pieces[0]).unwrap();
        assert_eq!(
            (hello.protocol(), field(&hello, "discord.op")),
            ("discord", vec!["10".to_owned()])
        );
        assert_eq!(
            field(&talk.server_bytes(&pieces[1]).unwrap(), "discord.t"),
            ["READY"]
        );
        let other = deflated(&[r#"{"op":10,"d":{}}"#]);
        assert_ne!(
            Talk::unknown()
                .server_bytes(&other[0])
                .map(|it| it.protocol()),
            Some("discord")
        );
    }

    #[test]
    fn one_message_may_be_compressed_by_itself() {
        let mut deflater = Compress::new(Compression::default(), true);
        let mut bytes = Vec::with_capacity(1000);
        deflater
            .compress_vec(HELLO.as_bytes(), &mut bytes, FlushCompress::Finish)
            .unwrap();
        let mut talk = Talk::opened("/", "v=10&encoding=json", "");
        assert_eq!(
            field(&talk.server_bytes(&bytes).unwrap(), "discord.op"),
            ["10"]
        );
        assert!(talk.server_bytes(&[0x78, 0x9c, 1, 2, 3]).is_some());
    }

    #[test]
    fn terms_of_erlang_are_read_alone_and_in_the_stream() {
        let hello = hex::decode("8374000000046400016474000000016400126865617274626561745f696e74657276616c620000a1226400026f70610a640001736400036e696c640001746400036e696c").unwrap();
        let summary = r#"Hello {"heartbeat_interval":41250}"#;
        let mut talk = Talk::opened("/", "v=10&encoding=etf", "");
        assert_eq!(talk.server_bytes(&hello).unwrap().summary, summary);
        let beat = hex::decode("8374000000026400016461056400026f706101").unwrap();
        let beat = talk.client_bytes(&beat).unwrap();
        assert_eq!(beat.heartbeat, Some(Heartbeat::Ping));
        // Without its handshake.
        let hello = Talk::unknown().server_bytes(&hello).unwrap().to_owned();
        assert_eq!(
            (hello.protocol(), hello.summary.as_str()),
            ("discord", summary)
        );
        let other = hex::decode("8374000000016400026f70610a").unwrap();
        let other = Talk::unknown().server_bytes(&other).map(|it| it.protocol());
        assert_ne!(other, Some("discord"));
    }

    #[test]
    fn it_is_recognised_by_its_hello_and_others_are_not() {
        assert_eq!(Talk::unknown().server(HELLO).unwrap().protocol(), "discord");
        for text in [
            r#"{"op":10,"d":{}}"#,
            r#"{"op":0,"d":{"x":1}}"#,
            r#"{"op":0,"t":"ready","s":1,"d":{}}"#,
            r#"{"op":5,"d":{"eventType":"x"}}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
