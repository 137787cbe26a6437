//! Yjs (github.com/yjs/y-protocols, PROTOCOL.md) as y-websocket and Hocuspocus carry it: documents that are edited together.
//!
//! Numbers are of 7 bits a byte, bytes have their length in front. Hocuspocus puts the document's name in front, and behind a NUL
//! the session where several share one; its client says its version behind its token, and it has a ping of its own. What an update
//! changes is not taken apart.

use crate::payload::json::Json;
use crate::payload::protobuf::wire::varint;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Datum, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Objects, Out, Payload, summary,
};

/// Clients of an awareness message that are shown.
const CLIENTS: usize = 200;
/// Bytes of a document's name.
const NAME: usize = 200;

fields! {
    DOCUMENT = "yjs.document", "Document", Text, "Document a Hocuspocus message belongs to.";
    TYPE = "yjs.type", "Type", Text, "What a Yjs message is.", words(TYPES);
    STEP = "yjs.step", "Step", Text, "Step of a Yjs synchronisation.", words(STEPS);
    SESSION = "yjs.session", "Session", Text, "Session a Hocuspocus message belongs to, where several edit one document on a connection.";
    CLIENT = "yjs.client", "Client", Unsigned, "Each client that a Yjs state vector or awareness message is of.";
    CLOCK = "yjs.clock", "Clock", Unsigned, "Clock of each client.";
    STATE = "yjs.state", "State", Text, "What each client shows of itself, as JSON.";
    UPDATE = "yjs.update", "Update", Bytes, "Changes of a Yjs document.", body();
    TOKEN = "yjs.token", "Token", Text, "Token a Hocuspocus client authenticates with.", secret();
    VERSION = "yjs.version", "Version", Text, "Version of a Hocuspocus client.";
    REASON = "yjs.reason", "Reason", Text, "Why a Yjs server refuses a client, or how far it lets it.";
    PAYLOAD = "yjs.payload", "Payload", Text, "What a stateless Hocuspocus message carries.", body();
}

rules! {
    MESSAGE_INVALID = "yjs-message-invalid", Error, "y-protocols, PROTOCOL.md",
        "A Yjs message has an unknown type, or does not end where it says.";
    DENIED = "yjs-permission-denied", Warning, "y-protocols, auth.js",
        "The Yjs server refuses the client.";
}

const TYPES: &[&str] = &[
    "sync",
    "awareness",
    "auth",
    "queryAwareness",
    "syncReply",
    "stateless",
    "broadcastStateless",
    "close",
    "syncStatus",
    "ping",
    "pong",
];
/// The pings of Hocuspocus, which have nothing else.
const PING: &[u8] = &[9];
const PONG: &[u8] = &[10];
const STEPS: &[&str] = &["step1", "step2", "update"];

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "yjs",
    title: "Yjs",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |_| Box::new(Yjs::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    if evidence.parent.is_some() || kind == Kind::Text {
        return None;
    }
    // An empty state vector is four bytes that much else begins with; only a conversation begins with it.
    let is_first = evidence.seen < 2 && evidence.opening.is_seen;
    let message = Message::read(bytes, false).or_else(|| Message::read(bytes, true))?;
    let is_one = match message.body {
        Body::Awareness(update) => awareness(update).is_some_and(|clients| !clients.is_empty()),
        Body::Sync(0, vector) => state_vector(vector)
            .is_some_and(|clients| is_first || !clients.is_empty() || message.document.is_some()),
        Body::Auth(..) | Body::Token(..) | Body::TokenWanted => message.document.is_some(),
        _ => false,
    };
    is_one.then(|| Claim::likely("synchronisation and awareness"))?
}

/// A message's parts.
#[derive(Clone, Copy, Debug)]
struct Message<'a> {
    document: Option<&'a str>,
    session: Option<&'a str>,
    kind: usize,
    body: Body<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Body<'a> {
    Sync(usize, &'a [u8]),
    Awareness(&'a [u8]),
    /// A client's token, and its version where it says that.
    Token(&'a str, Option<&'a str>),
    /// A server asks for the token.
    TokenWanted,
    /// What a server says to a client, by number, and text.
    Auth(u64, &'a str),
    Text(&'a str),
    Number(u64),
    Nothing,
}

/// Reads what stands one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = varint(self.0)?;
        self.0 = rest;
        Some(number)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

impl<'a> Message<'a> {
    /// What a request is matched by: one connection carries many documents.
    fn key(&self, what: &str) -> String {
        let [document, session] = [self.document, self.session].map(Option::unwrap_or_default);
        format!("{what}\0{document}\0{session}")
    }

    /// The message that bytes are from first to last.
    fn read(bytes: &'a [u8], has_document: bool) -> Option<Message<'a>> {
        if has_document && bytes == PING || bytes == PONG {
            // These are of the connection, and have no document in front.
            return Some(Message {
                document: None,
                session: None,
                kind: usize::from(*bytes.first()?),
                body: Body::Nothing,
            });
        }
        let mut reader = Reader(bytes);
        let (document, session) = match has_document {
            true => {
                let name = reader.text()?;
                let (document, session) = match name.split_once('\0') {
                    Some((document, session)) => (document, Some(session)),
                    None => (name, None),
                };
                let is_name = !document.is_empty() && name.len() <= NAME;
                let has_controls = |name: &str| name.contains(char::is_control);
                if !is_name || has_controls(document) || session.is_some_and(has_controls) {
                    return None;
                }
                (Some(document), session)
            }
            false => (None, None),
        };
        let kind = usize::try_from(reader.number()?).ok()?;
        let body = Body::read(TYPES.get(kind)?, &mut reader, has_document)?;
        reader.0.is_empty().then_some(Message {
            document,
            session,
            kind,
            body,
        })
    }
}

impl<'a> Body<'a> {
    fn read(kind: &str, reader: &mut Reader<'a>, has_document: bool) -> Option<Body<'a>> {
        Some(match kind {
            "sync" | "syncReply" => {
                let step = usize::try_from(reader.number()?).ok()?;
                STEPS.get(step)?;
                Body::Sync(step, reader.bytes()?)
            }
            "awareness" => Body::Awareness(reader.bytes()?),
            "auth" => match (reader.number()?, has_document) {
                (0, true) if reader.0.is_empty() => Body::TokenWanted,
                (0, true) => {
                    let token = reader.text()?;
                    let version = match reader.0.is_empty() {
                        true => None,
                        false => Some(reader.text().filter(|text| is_version(text))?),
                    };
                    Body::Token(token, version)
                }
                (number, _) => Body::Auth(number, reader.text()?),
            },
            // A client says no reason.
            "close" if has_document && reader.0.is_empty() => Body::Nothing,
            "stateless" | "broadcastStateless" | "close" if has_document => {
                Body::Text(reader.text()?)
            }
            "syncStatus" if has_document => Body::Number(reader.number()?),
            "queryAwareness" => Body::Nothing,
            _ => return None,
        })
    }
}

/// Whether text is a version, such as `4.8.0` or `4.0.0-rc.1`.
fn is_version(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    text.len() <= 32 && text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

/// Clients and their clocks (a state vector), where bytes are that.
fn state_vector(bytes: &[u8]) -> Option<Vec<(u64, u64)>> {
    let mut reader = Reader(bytes);
    let count = reader.number()?;
    let mut clients = Vec::new();
    for _ in 0..count {
        let client = (reader.number()?, reader.number()?);
        if clients.len() < CLIENTS {
            clients.push(client);
        }
    }
    reader.0.is_empty().then_some(clients)
}

/// Clients, their clocks and their states, where bytes are that.
fn awareness(bytes: &[u8]) -> Option<Vec<(u64, u64, &str)>> {
    let mut reader = Reader(bytes);
    let count = reader.number()?;
    let mut clients = Vec::new();
    for _ in 0..count {
        let client = (reader.number()?, reader.number()?, reader.text()?);
        Json::parse(client.2)?;
        if clients.len() < CLIENTS {
            clients.push(client);
        }
    }
    reader.0.is_empty().then_some(clients)
}

#[derive(Clone, Debug, Default)]
struct Yjs {
    /// Whether messages have the name of their document in front, where that is known.
    has_documents: Option<bool>,
}

impl Decode for Yjs {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if message.kind == Kind::Text {
            return Fit::No;
        }
        let read = match self.has_documents {
            Some(has_document) => Message::read(message.bytes, has_document),
            None => {
                Message::read(message.bytes, false).or_else(|| Message::read(message.bytes, true))
            }
        };
        let Some(read) = read else {
            out.unit(DECODER.title).words("no message");
            out.summary(format!("no message, {} bytes", message.bytes.len()));
            out.finding(
                &MESSAGE_INVALID,
                format!("{} bytes are no message", message.bytes.len()),
            );
            return Fit::Broken;
        };
        if !matches!(message.bytes, PING | PONG) {
            self.has_documents = Some(read.document.is_some());
        }
        write(&read, out);
        Fit::Yes
    }
}

fn write<'a>(message: &Message<'a>, out: &mut Out<'_, 'a>) {
    let kind = TYPES.get(message.kind).copied().unwrap_or_default();
    out.unit(DECODER.title).words(kind);
    if let Some(document) = message.document {
        out.field_at(&DOCUMENT, document, document.as_bytes());
    }
    if let Some(session) = message.session {
        out.field_at(&SESSION, session, session.as_bytes());
    }
    out.field(&TYPE, kind);
    match kind {
        "ping" => out.heartbeat(Heartbeat::Ping),
        "pong" => out.heartbeat(Heartbeat::Pong),
        _ => {}
    }
    let line = match message.body {
        Body::Sync(step, bytes) => sync(step, bytes, message, out),
        Body::Awareness(bytes) => aware(bytes, out),
        Body::Token(text, version) => token(text, version, message, out),
        Body::TokenWanted => "token wanted".to_owned(),
        Body::Auth(number, text) => auth(number, text, message, out),
        Body::Text(text) => {
            out.field_at(&PAYLOAD, text, text.as_bytes());
            summary::part(text)
        }
        Body::Number(number) => number.to_string(),
        Body::Nothing => String::new(),
    };
    let document = message.document.map_or_else(String::new, summary::part);
    let words = [kind, &document, &line];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    out.summary(words.join(" "));
}

/// Step 1 says what a side has, step 2 what the other lacks.
fn sync<'a>(step: usize, bytes: &'a [u8], of: &Message<'_>, out: &mut Out<'_, 'a>) -> String {
    let name = STEPS.get(step).copied().unwrap_or_default();
    out.field(&STEP, name);
    match name {
        "step1" => {
            out.request(of.key("sync"), "sync");
            for (client, clock) in state_vector(bytes).unwrap_or_default() {
                out.field(&CLIENT, client);
                out.field(&CLOCK, clock);
            }
        }
        _ => {
            if name == "step2" {
                out.answer_if_asked(of.key("sync"), false);
            }
            out.field_at(&UPDATE, bytes, bytes);
        }
    }
    format!("{name}, {} bytes", bytes.len())
}

fn aware<'a>(bytes: &'a [u8], out: &mut Out<'_, 'a>) -> String {
    let Some(clients) = awareness(bytes) else {
        out.finding(
            &MESSAGE_INVALID,
            "awareness that does not end where it says",
        );
        return String::new();
    };
    for (client, clock, state) in &clients {
        out.field(&CLIENT, *client);
        out.field(&CLOCK, *clock);
        out.field_at(&STATE, Datum::Json((*state).into()), state.as_bytes());
    }
    match &clients[..] {
        [(_, _, state)] => summary::part(*state),
        clients => format!("of {} clients", clients.len()),
    }
}

/// What a Hocuspocus client authenticates with.
fn token<'a>(
    text: &'a str,
    version: Option<&'a str>,
    of: &Message<'_>,
    out: &mut Out<'_, 'a>,
) -> String {
    out.field_at(&TOKEN, text, text.as_bytes());
    if let Some(version) = version {
        out.field_at(&VERSION, version, version.as_bytes());
    }
    out.request(of.key("auth"), "auth");
    "token".to_owned()
}

/// A server's refusal or its leave.
fn auth<'a>(number: u64, text: &'a str, of: &Message<'_>, out: &mut Out<'_, 'a>) -> String {
    match number {
        1 => {
            out.answer_if_asked(of.key("auth"), true);
            denied(text, out)
        }
        // y-protocols counts from 0, Hocuspocus says its leave with 2.
        0 => denied(text, out),
        _ => {
            out.answer_if_asked(of.key("auth"), false);
            out.field_at(&REASON, text, text.as_bytes());
            summary::part(text)
        }
    }
}

fn denied<'a>(text: &'a str, out: &mut Out<'_, 'a>) -> String {
    out.field_at(&REASON, text, text.as_bytes());
    out.finding(
        &DENIED,
        format!("permission denied: {}", summary::part(text)),
    );
    format!("permission denied {}", summary::part(text))
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    const AWARENESS: &str =
        "01 1f 01 ef98bfcf05 01 17 7b2275736572223a7b226e616d65223a22416461227d7d";

    #[test]
    fn synchronisation_and_awareness() {
        let mut talk = Talk::opened("/lab-room", "", "");
        let step1 = hex("00000100");
        let decoded = talk.client_bytes(&step1).unwrap();
        assert_eq!(
            (field(&decoded, "yjs.type"), field(&decoded, "yjs.step")),
            (vec!["sync".to_owned()], vec!["step1".to_owned()])
        );
        let step2 = hex("0001020000");
        assert_eq!(talk.server_bytes(&step2).unwrap().request(), Some(1));
        let bytes = hex(AWARENESS);
        let decoded = talk.client_bytes(&bytes).unwrap();
        assert_eq!(decoded.summary, r#"awareness {"user":{"name":"Ada"}}"#);
        assert_eq!(field(&decoded, "yjs.client"), ["1508887663"]);
        let update = hex("00 02 1d 0101ef98bfcf0500040101740f4772c3bcc39f652c20e4b896e7958c00");
        assert_eq!(
            talk.client_bytes(&update).unwrap().summary,
            "sync update, 29 bytes"
        );
        let query = hex("03");
        assert_eq!(talk.client_bytes(&query).unwrap().summary, "queryAwareness");
        let denied = hex("02 00 02 6e6f");
        assert_eq!(
            findings(&talk.server_bytes(&denied).unwrap()),
            ["yjs-permission-denied"]
        );
        let broken = hex("00 02 ff01");
        assert!(talk.client_bytes(&broken).is_none());
    }

    #[test]
    fn hocuspocus_puts_a_name_in_front() {
        let mut talk = Talk::unknown();
        let token = hex("04 6e6f7465 02 00 06 733363726574");
        let decoded = talk.client_bytes(&token).unwrap();
        assert_eq!(
            (field(&decoded, "yjs.document"), &*decoded.summary),
            (vec!["note".to_owned()], "auth note token")
        );
        assert!(decoded.items.iter().any(|item| item.secret));
        let leave = hex("04 6e6f7465 02 02 0a 726561642d7772697465");
        assert_eq!(talk.server_bytes(&leave).unwrap().request(), Some(1));
        let step1 = hex("04 6e6f7465 00 00 01 00");
        assert_eq!(
            talk.client_bytes(&step1).unwrap().summary,
            "sync note step1, 1 bytes"
        );
    }

    #[test]
    fn hocuspocus_4_says_its_version_and_shares_documents_among_sessions() {
        let mut talk = Talk::unknown();
        let token = hex("06 726f6f6d2d31 02 00 09 68702d736563726574 05 342e382e30");
        let decoded = talk.client_bytes(&token).unwrap();
        assert_eq!(field(&decoded, "yjs.token"), ["hp-secret"]);
        assert_eq!(field(&decoded, "yjs.version"), ["4.8.0"]);
        let other = hex("05 6e6f746500 02 00 03 616263");
        assert!(Talk::unknown().client_bytes(&other).is_some());
        let of_session = hex("08 6e6f746500 616263 00 00 01 00");
        let decoded = talk.client_bytes(&of_session).unwrap();
        assert_eq!(field(&decoded, "yjs.document"), ["note"]);
        assert_eq!(field(&decoded, "yjs.session"), ["abc"]);
        let ping = hex("09");
        let decoded = talk.server_bytes(&ping).unwrap();
        assert_eq!(decoded.summary, "ping");
        assert!(decoded.heartbeat.is_some());
        // Each document is synchronised by itself.
        let step2 = hex("06 726f6f6d2d31 00 01 02 0000");
        assert_eq!(talk.server_bytes(&step2).unwrap().request(), None);
        let step2 = hex("08 6e6f746500 616263 00 01 02 0000");
        assert_eq!(talk.server_bytes(&step2).unwrap().request(), Some(2));
        let text = hex("06 726f6f6d2d31 02 00 01 78 01 79");
        assert!(Talk::unknown().client_bytes(&text).is_none());
    }

    #[test]
    fn what_looks_alike_is_not_recognised() {
        for text in [
            "00000100",
            "0001020000",
            "00",
            "0300",
            "01 02 01 00",
            "01 05 01 01 01 01 78",
            "0000020100",
            "00 02 03 010203",
        ] {
            let bytes = hex(text);
            assert!(Talk::unknown().client_bytes(&bytes).is_none(), "{text}");
        }
        let vector = hex("00 00 07 01 ef98bfcf05 09");
        assert!(Talk::unknown().client_bytes(&vector).is_some());
        let bytes = hex(AWARENESS);
        assert!(Talk::unknown().client_bytes(&bytes).is_some());
    }
}
