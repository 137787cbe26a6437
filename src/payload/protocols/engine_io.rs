//! Engine.IO 3 and 4 (github.com/socketio/engine.io-protocol): one packet a message, its type a digit in front.
//!
//! In version 3 the client pings, and a binary message has its type as a first byte; in version 4 the server pings, and
//! binary messages are data as they are.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::base::{FieldInfo, Rule, Severity, Side, Timestamp, Type};
use crate::payload::json::Json;
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Objects, Opening, Out, Payload, summary,
};

const TYPES: &[&str] = &[
    "open", "close", "ping", "pong", "message", "upgrade", "noop",
];

static TYPE: FieldInfo = FieldInfo::new(
    "engineio.type",
    "Type",
    Type::Text,
    "Type of an Engine.IO packet.",
)
.words(TYPES);
static VERSION: FieldInfo = FieldInfo::new(
    "engineio.version",
    "Version",
    Type::Unsigned,
    "Version of the Engine.IO protocol, where the handshake says it.",
);
static SID: FieldInfo = FieldInfo::new(
    "engineio.sid",
    "Session id",
    Type::Text,
    "Session id an Engine.IO server gave.",
)
.secret();
static PING_INTERVAL: FieldInfo = FieldInfo::new(
    "engineio.ping_interval",
    "Ping interval",
    Type::Unsigned,
    "Milliseconds between an Engine.IO server's pings.",
);
static PING_TIMEOUT: FieldInfo = FieldInfo::new(
    "engineio.ping_timeout",
    "Ping timeout",
    Type::Unsigned,
    "Milliseconds an Engine.IO endpoint waits for a pong.",
);
static PROBE: FieldInfo = FieldInfo::new(
    "engineio.probe",
    "Probe",
    Type::Flag,
    "The ping or pong tests a WebSocket before polling is given up for it.",
);

static POLLED: FieldInfo = FieldInfo::new(
    "engineio.polled",
    "Packets by polling",
    Type::Unsigned,
    "How many Engine.IO packets the session sent over HTTP before its WebSocket took over.",
);

static PONG_LATE: Rule = Rule {
    name: "engineio-pong-late",
    severity: Severity::Warning,
    section: Some("Engine.IO protocol, Heartbeat"),
    meaning: "No pong came within the agreed pingTimeout, so the peer ends the connection.",
};
static PING_LATE: Rule = Rule {
    name: "engineio-ping-late",
    severity: Severity::Warning,
    section: Some("Engine.IO protocol, Heartbeat"),
    meaning: "No ping came within pingInterval and pingTimeout together, so the peer ends the connection.",
};
static BINARY_TYPE_INVALID: Rule = Rule {
    name: "engineio-packet-invalid",
    severity: Severity::Error,
    section: Some("Engine.IO protocol, Packet encoding"),
    meaning: "An Engine.IO packet has no known type.",
};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "engine.io",
    title: "Engine.IO",
    fields: &[
        &TYPE,
        &VERSION,
        &SID,
        &PING_INTERVAL,
        &PING_TIMEOUT,
        &PROBE,
        &POLLED,
    ],
    rules: &[&PONG_LATE, &PING_LATE, &BINARY_TYPE_INVALID],
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(EngineIo::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    if version(evidence.opening).is_some() {
        return Claim::certain("EIO in the query");
    }
    let text = evidence.payload.text()?;
    let (kind, rest) = text.split_at_checked(1)?;
    match kind {
        "0" if opens(rest) => Claim::certain("a session begins"),
        "2" | "3" if rest == "probe" => Claim::certain("a probe"),
        // A capture that begins later has packets like `42["event",...]`.
        "4" if super::socket_io::is_event(rest) => Claim::likely("Socket.IO events"),
        _ => None,
    }
}

/// Whether the packet's data is what a server opens a session with.
fn opens(data: &str) -> bool {
    Json::object(data).is_some_and(|json| {
        json.text_of("sid").is_some() && json.unsigned_of("pingInterval").is_some()
    })
}

fn version(opening: &Opening) -> Option<u64> {
    let version = opening.parameter("EIO")?.parse().ok()?;
    (1..=9).contains(&version).then_some(version)
}

#[derive(Clone, Debug)]
struct EngineIo {
    /// Known from the query, or from who pings.
    version: Option<u64>,
    ping_interval: Option<u64>,
    ping_timeout: Option<u64>,
    /// A ping that waits for its pong.
    ping: Option<(Side, Timestamp)>,
    /// The last ping, or the opening before the first.
    heard: Option<Timestamp>,
}

impl EngineIo {
    fn new(opening: &Opening) -> Self {
        Self {
            version: version(opening),
            ping_interval: None,
            ping_timeout: None,
            ping: None,
            heard: None,
        }
    }
}

impl Decode for EngineIo {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        match message.kind {
            Kind::Text => match message.text() {
                Some(text) => self.text(text, message, out),
                None => Fit::No,
            },
            Kind::Binary => self.binary(message, out),
        }
    }

    fn lost(&mut self, _from: Side) {
        self.ping = None;
        self.heard = None;
    }
}

impl EngineIo {
    fn text<'a>(&mut self, text: &'a str, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if let Some(base64) = text.strip_prefix("b4") {
            return in_base64(base64, out);
        }
        let digit = text.as_bytes().first().copied().unwrap_or_default();
        let kind = TYPES.get(usize::from(digit.wrapping_sub(b'0'))).copied();
        let (Some(kind), Some(data)) = (kind, text.get(1..)) else {
            return Fit::No;
        };
        begin(kind, message.bytes.get(..1).unwrap_or_default(), out);
        match kind {
            "open" => {
                self.heard = Some(message.time);
                self.open(data, out);
            }
            "ping" | "pong" => self.heartbeat(kind, data, message, out),
            "message" => {
                let summary = || format!("message {}", summary::part(data));
                if !out.carry_or(data.as_bytes().into(), Kind::Text, summary) {
                    out.line("Data", data);
                }
            }
            "upgrade" => self.upgrade(out),
            _ => out.summary(kind),
        }
        Fit::Yes
    }

    /// The WebSocket takes over: what the session agreed on and said by polling is told here.
    fn upgrade(&self, out: &mut Out<'_, '_>) {
        let Some(polled) = out.take_polled() else {
            return out.summary("upgrade");
        };
        out.field(&POLLED, polled.len() as u64);
        for (info, value) in [
            (&PING_INTERVAL, self.ping_interval),
            (&PING_TIMEOUT, self.ping_timeout),
        ] {
            if let Some(value) = value {
                out.field(info, value);
            }
        }
        out.group("By polling", |out| {
            for (from, line) in &polled {
                out.line(from.name(), line.clone());
            }
        });
        out.summary(format!("upgrade, {} packets by polling", polled.len()));
    }

    fn open<'a>(&mut self, data: &'a str, out: &mut Out<'_, 'a>) {
        out.summary("open");
        if let Some(version) = self.version {
            out.field(&VERSION, version);
        }
        let Some(json) = Json::object(data) else {
            return out.finding(
                &BINARY_TYPE_INVALID,
                "an open packet without its JSON object",
            );
        };
        for (info, key) in [
            (&SID, "sid"),
            (&PING_INTERVAL, "pingInterval"),
            (&PING_TIMEOUT, "pingTimeout"),
        ] {
            if let Some(value) = json.get(key) {
                out.json(info, value);
            }
        }
        self.ping_interval = json.unsigned_of("pingInterval");
        self.ping_timeout = json.unsigned_of("pingTimeout");
        for key in ["upgrades", "maxPayload"] {
            if let Some(value) = json.get(key) {
                let span = out.span(value.bytes());
                out.line(key, value.datum()).at(span);
            }
        }
    }

    fn heartbeat<'a>(
        &mut self,
        kind: &'static str,
        data: &'a str,
        message: &Payload<'a>,
        out: &mut Out<'_, 'a>,
    ) {
        if data == "probe" {
            out.field(&PROBE, true);
            return out.summary(format!("{kind} probe"));
        }
        if !data.is_empty() {
            out.line("Data", data);
        }
        out.summary(kind);
        if kind == "ping" {
            self.version = self.version.or(Some(match message.from {
                Side::Client => 3,
                Side::Server => 4,
            }));
            self.ping = Some((message.from, message.time));
            self.find_late_ping(message.time, out);
            return out.heartbeat(Heartbeat::Ping);
        }
        out.heartbeat(Heartbeat::Pong);
        let asked = self.ping.take_if(|(side, _)| *side != message.from);
        let (Some((_, asked)), Some(timeout)) = (asked, self.ping_timeout) else {
            return;
        };
        let waited = message.time.since(asked) / 1_000_000;
        if u64::try_from(waited).is_ok_and(|waited| waited > timeout) {
            let text =
                format!("the pong came {waited} ms after its ping; pingTimeout is {timeout} ms");
            out.finding(&PONG_LATE, text);
        }
    }

    fn find_late_ping(&mut self, now: Timestamp, out: &mut Out<'_, '_>) {
        let before = self.heard.replace(now);
        let agreed = self.ping_interval.zip(self.ping_timeout);
        let (Some(before), Some((interval, timeout))) = (before, agreed) else {
            return;
        };
        let waited = now.since(before) / 1_000_000;
        if u64::try_from(waited).is_ok_and(|waited| waited > interval.saturating_add(timeout)) {
            let text = format!(
                "the ping came {waited} ms after the one before, or the opening; pingInterval and pingTimeout are {interval} and {timeout} ms"
            );
            out.finding(&PING_LATE, text);
        }
    }

    fn binary<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let bytes = message.bytes;
        // Where nothing said the version yet, a first byte that is the type says it well enough.
        let version = self.version.or((bytes.first() == Some(&4)).then_some(3));
        let data = match version {
            Some(..=3) => {
                let Some((kind, data)) = bytes.split_first() else {
                    return Fit::No;
                };
                let Some(kind) = TYPES.get(usize::from(*kind)) else {
                    out.unit(DECODER.title);
                    out.summary("binary");
                    let text = format!("a binary packet of type {kind}");
                    out.finding(&BINARY_TYPE_INVALID, text);
                    return Fit::Yes;
                };
                begin(kind, &bytes[..1], out);
                data
            }
            _ => {
                out.unit(DECODER.title);
                out.field(&TYPE, "message");
                bytes
            }
        };
        carried(Cow::Borrowed(data), out);
        Fit::Yes
    }
}

/// Version 3 where binary is not possible: the type, then base64.
fn in_base64<'a>(base64: &'a str, out: &mut Out<'_, 'a>) -> Fit {
    let Ok(bytes) = BASE64_STANDARD.decode(base64) else {
        return Fit::No;
    };
    out.unit(DECODER.title).words("in base64");
    out.field(&TYPE, "message");
    carried(Cow::Owned(bytes), out);
    Fit::Yes
}

fn carried<'a>(data: Cow<'a, [u8]>, out: &mut Out<'_, 'a>) {
    out.summary(format!("binary message, {} bytes", data.len()));
    if !out.carry(data.clone(), Kind::Binary) {
        out.line("Data", data);
    }
}

fn begin<'a>(kind: &'static str, digit: &[u8], out: &mut Out<'_, 'a>) {
    out.unit(DECODER.title);
    out.field_at(&TYPE, kind, digit);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    const OPEN: &str =
        r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200}"#;

    fn upgraded(bodies: &[(Side, &str)]) -> Talk {
        let mut talk = Talk::polled("EIO=4&transport=websocket&sid=abc", 4, bodies);
        assert_eq!(talk.client("2probe").unwrap().summary, "ping probe");
        assert_eq!(talk.server("3probe").unwrap().summary, "pong probe");
        talk
    }

    #[test]
    fn the_upgrade_knows_what_was_polled() {
        let mut talk = upgraded(&[
            (Side::Server, OPEN),
            (Side::Client, "40/admin,{\"token\":\"sesame\"}"),
            (
                Side::Server,
                "40/admin,{\"sid\":\"x\"}\x1e42/admin,[\"hello\",1]",
            ),
        ]);
        let upgrade = talk.client("5").unwrap();
        assert_eq!(upgrade.summary, "upgrade, 4 packets by polling");
        assert_eq!(upgrade.stack[..], ["engine.io"]);
        assert_eq!(field(&upgrade, "engineio.type"), ["upgrade"]);
        assert_eq!(field(&upgrade, "engineio.polled"), ["4"]);
        assert_eq!(field(&upgrade, "engineio.ping_timeout"), ["200"]);
        let all = format!("{upgrade:?}");
        assert!(all.contains("connect /admin") && all.contains("event /admin hello"));
        assert!(!all.contains("sesame"), "{all}");
        assert!(!format!("{:?}", upgrade.masked()).contains("admin"));
        // What is said twice is said once of the polling.
        assert_eq!(talk.client("5").unwrap().summary, "upgrade");
    }

    #[test]
    fn a_pong_is_late_by_what_was_agreed_on_while_polling() {
        let mut talk = upgraded(&[(Side::Server, OPEN)]);
        talk.client("5");
        talk.server("2");
        talk.pass(198_000_000);
        assert!(findings(&talk.client("3").unwrap()).is_empty());
        talk.server("2");
        talk.pass(200_000_000);
        assert_eq!(findings(&talk.client("3").unwrap()), ["engineio-pong-late"]);
    }

    #[test]
    fn an_event_that_was_polled_is_answered_by_the_websocket() {
        let mut talk = upgraded(&[
            (Side::Server, OPEN),
            (Side::Client, "40\x1e427[\"load\"]\x1e428[\"save\"]"),
            (Side::Server, "40{\"sid\":\"x\"}"),
        ]);
        talk.client("5");
        let answer = talk.server("437[1]").unwrap();
        assert_eq!(answer.request(), None);
        assert_eq!(field(&answer, "call.method"), ["load"]);
        assert!(answer.time().is_some());
        // Number 0: it has no message.
        assert_eq!(talk.pending(), [(0, "save")]);
    }

    #[test]
    fn version_3_and_a_capture_that_has_no_polling() {
        let bodies = [
            (
                Side::Server,
                "80:0{\"sid\":\"abc\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":60000}2:40",
            ),
            (Side::Client, "11:42[\"a\",\"\u{20ac}\"]1:2"),
        ];
        let mut talk = Talk::polled("EIO=3&transport=websocket&sid=abc", 3, &bodies);
        talk.client("2probe");
        assert_eq!(
            talk.client("5").unwrap().summary,
            "upgrade, 4 packets by polling"
        );
        let mut talk = Talk::opened("/socket.io/", "EIO=4&transport=websocket&sid=a", "");
        talk.client("2probe");
        let upgrade = talk.client("5").unwrap();
        assert_eq!(upgrade.summary, "upgrade");
        assert!(field(&upgrade, "engineio.polled").is_empty());
    }
}
