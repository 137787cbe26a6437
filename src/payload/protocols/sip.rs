//! SIP over WebSocket (RFC 7118, RFC 3261): one request or response a message, and line ends that keep a connection alive.

use std::borrow::Cow;

use crate::base::Side;
use crate::payload::head::{Head, first_line};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, summary,
};

/// Headers with a short form (RFC 3261 7.3.3 and later ones).
const COMPACT: &[(&str, &str)] = &[
    ("i", "Call-ID"),
    ("m", "Contact"),
    ("e", "Content-Encoding"),
    ("l", "Content-Length"),
    ("c", "Content-Type"),
    ("f", "From"),
    ("s", "Subject"),
    ("k", "Supported"),
    ("t", "To"),
    ("v", "Via"),
    ("o", "Event"),
    ("r", "Refer-To"),
    ("u", "Allow-Events"),
];

fields! {
    METHOD = "sip.Method", "Method", Text, "Method of a SIP request.";
    STATUS_CODE = "sip.Status-Code", "Status code", Unsigned, "Status code of a SIP response.";
    REASON = "sip.Reason-Phrase", "Reason phrase", Text, "Reason phrase of a SIP response.";
    URI = "sip.r-uri", "Request URI", Text, "URI of a SIP request.";
    CALL_ID = "sip.Call-ID", "Call-ID", Text, "Call-ID of a SIP message.";
    CSEQ = "sip.CSeq", "CSeq", Text, "Sequence number and method of a SIP transaction.";
    CSEQ_NUMBER = "sip.CSeq.seq", "Sequence number", Unsigned, "Sequence number of a SIP transaction.";
    CSEQ_METHOD = "sip.CSeq.method", "Transaction method", Text, "Method of a SIP transaction.";
    FROM = "sip.From", "From", Text, "Who a SIP message is from.";
    TO = "sip.To", "To", Text, "Who a SIP message is to.";
    VIA = "sip.Via", "Via", Text, "Each hop of a SIP message.";
    CONTACT = "sip.Contact", "Contact", Text, "Where a SIP endpoint can be reached.";
    USER_AGENT = "sip.User-Agent", "User agent", Text, "Program that sent a SIP message.";
    CONTENT_TYPE = "sip.Content-Type", "Content type", Text, "Type of a SIP message's body.";
    CONTENT_LENGTH = "sip.Content-Length", "Content length", Unsigned, "Bytes of a SIP message's body, as it says.";
    AUTHORIZATION = "sip.auth", "Authorization", Text, "What a SIP client authenticates with.", secret();
    KEEP_ALIVE = "sip.keepalive", "Keep-alive", Flag, "The message only keeps the connection alive.";
    BODY = "sip.msg_body", "Body", Bytes, "Body of a SIP message.", body();
}

rules! {
    INVALID = "sip-message-invalid", Error, "RFC 3261 7",
        "A message is no whole SIP request or response, or lacks a header that all have.";
    LENGTH = "sip-content-length-wrong", Error, "RFC 3261 20.14",
        "The Content-Length is not the length of the body.";
    TRANSPORT = "sip-via-transport-wrong", Warning, "RFC 7118 5.2",
        "The first Via of a client's request over WebSocket does not say WS or WSS.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "sip",
    title: "SIP",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |_| Box::new(Sip),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.subprotocol() == "sip" {
        return Claim::certain("subprotocol");
    }
    match Start::parse(first_line(evidence.payload.bytes)) {
        Some(_) => Claim::certain("a SIP start line"),
        None => None,
    }
}

/// The first line.
#[derive(Clone, Copy, Debug)]
enum Start<'a> {
    Request { method: &'a str, uri: &'a str },
    Response { code: &'a str, reason: &'a str },
}

impl<'a> Start<'a> {
    fn parse(line: &'a [u8]) -> Option<Start<'a>> {
        let line = std::str::from_utf8(line).ok()?;
        if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
            let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
            return is_code.then_some(Start::Response { code, reason });
        }
        let (method, rest) = line.split_once(' ')?;
        let uri = rest.strip_suffix(" SIP/2.0")?;
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        (is_method && uri.contains(':') && !uri.contains(' '))
            .then_some(Start::Request { method, uri })
    }
}

#[derive(Clone, Debug)]
struct Sip;

impl Decode for Sip {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if matches!(message.bytes, b"\r\n\r\n" | b"\r\n" | b"") {
            return keep_alive(message, out);
        }
        out.unit(DECODER.title);
        let Some(start) = Start::parse(first_line(message.bytes)) else {
            out.summary("invalid message");
            let text = format!(
                "{} is no SIP start line",
                summary::part(first_line(message.bytes))
            );
            out.finding(&INVALID, text);
            return Fit::Broken;
        };
        let head = Head::of(message.bytes);
        Text { start, head }.write(message.from, out);
        Fit::Yes
    }
}

/// Two line ends ask, one answers (RFC 5626 3.5.1).
fn keep_alive(message: &Payload<'_>, out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title);
    let (name, heartbeat) = match message.bytes.len() {
        4 => ("keep-alive ping", Heartbeat::Ping),
        2 => ("keep-alive pong", Heartbeat::Pong),
        _ => ("nothing", Heartbeat::Ping),
    };
    if !message.bytes.is_empty() {
        out.heartbeat(heartbeat);
    }
    out.field(&KEEP_ALIVE, true);
    out.summary(name);
    Fit::Yes
}

/// A request or response.
struct Text<'a> {
    start: Start<'a>,
    head: Head<'a>,
}

impl<'a> Text<'a> {
    fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut short = COMPACT.iter().filter(|(_, full)| *full == name);
        let value = self.head.header(name);
        value.or_else(|| self.head.header(short.next()?.0))
    }

    fn text(&self, name: &str) -> Cow<'a, str> {
        String::from_utf8_lossy(self.header(name).unwrap_or_default())
    }

    fn write(&self, from: Side, out: &mut Out<'_, 'a>) {
        match self.start {
            Start::Request { method, uri } => {
                out.field_at(&METHOD, method, method.as_bytes());
                out.field_at(&URI, uri, uri.as_bytes());
            }
            Start::Response { code, reason } => {
                let number: u64 = code.parse().unwrap_or_default();
                out.field_at(&STATUS_CODE, number, code.as_bytes());
                out.field_at(&REASON, reason, reason.as_bytes());
            }
        }
        let (number, method) = self.sequence(out);
        self.fields(out);
        self.call(number, &method, out);
        out.summary(self.line(&method));
        self.check(from, out);
        let body = self.head.body.filter(|body| !body.is_empty());
        if let Some(body) = body {
            out.content(&BODY, body);
        }
    }

    /// Writes the sequence number and method of the transaction.
    fn sequence(&self, out: &mut Out<'_, 'a>) -> (u64, String) {
        let value = self.text("CSeq").into_owned();
        let (number, method) = value
            .split_once(char::is_whitespace)
            .unwrap_or((&value, ""));
        let number = number.parse().unwrap_or_default();
        if let Some(bytes) = self.header("CSeq") {
            out.field_at(&CSEQ, value.clone(), bytes);
            out.field(&CSEQ_NUMBER, number);
            out.field(&CSEQ_METHOD, method.trim().to_owned());
        }
        (number, method.trim().to_owned())
    }

    fn fields(&self, out: &mut Out<'_, 'a>) {
        for (name, value) in self.head.headers() {
            let name = full(name);
            let known = match &*name.to_ascii_lowercase() {
                "call-id" => &CALL_ID,
                "from" => &FROM,
                "to" => &TO,
                "via" => &VIA,
                "contact" => &CONTACT,
                "user-agent" => &USER_AGENT,
                "content-type" => &CONTENT_TYPE,
                "authorization" | "proxy-authorization" => &AUTHORIZATION,
                "cseq" => continue,
                "content-length" => {
                    if let Ok(length) = String::from_utf8_lossy(value).parse::<u64>() {
                        out.field_at(&CONTENT_LENGTH, length, value);
                    }
                    continue;
                }
                _ => {
                    let span = out.span(value);
                    let text = String::from_utf8_lossy(value).into_owned();
                    out.line(name.to_owned(), text).at(span);
                    continue;
                }
            };
            out.field_at(known, String::from_utf8_lossy(value).into_owned(), value);
        }
    }

    /// A transaction is a Call-ID with a CSeq; provisional responses come before the last. Nobody answers an ACK.
    fn call(&self, number: u64, method: &str, out: &mut Out<'_, 'a>) {
        let key = format!("{}\0{number} {method}", self.text("Call-ID"));
        match self.start {
            Start::Request { method: "ACK", .. } => {}
            Start::Request { method, .. } => {
                out.request(key, method);
            }
            Start::Response { code, .. } if code.starts_with('1') => {
                out.provisional_answer(key);
            }
            // A challenge to authenticate is no failure of what was asked.
            Start::Response { code, .. } => {
                let is_error = code >= "400" && !matches!(code, "401" | "407");
                out.answer(key, is_error);
            }
        }
    }

    fn check(&self, from: Side, out: &mut Out<'_, 'a>) {
        let missing = ["Call-ID", "CSeq", "From", "To", "Via"]
            .into_iter()
            .find(|name| self.header(name).is_none());
        match (missing, self.head.body) {
            (Some(name), _) => out.finding(&INVALID, format!("there is no {name}")),
            (None, None) => out.finding(&INVALID, "no empty line ends the headers"),
            _ => {}
        }
        let length = self.header("Content-Length").map(String::from_utf8_lossy);
        if let (Some(length), Some(body)) = (length, self.head.body) {
            let is_right = length.trim().parse() == Ok(body.len());
            if !is_right {
                let text = format!(
                    "Content-Length is {}, and the body has {} bytes",
                    summary::part(&*length),
                    body.len()
                );
                out.finding(&LENGTH, text);
            }
        }
        let via = self.text("Via").to_ascii_uppercase();
        let is_right = via.starts_with("SIP/2.0/WS ") || via.starts_with("SIP/2.0/WSS ");
        if let (Start::Request { .. }, Side::Client, false, false) =
            (self.start, from, via.is_empty(), is_right)
        {
            out.finding(
                &TRANSPORT,
                format!("the first Via is {}", summary::part(via)),
            );
        }
    }

    fn line(&self, method: &str) -> String {
        match self.start {
            Start::Request { method, uri } => format!("{method} {}", summary::part(uri)),
            Start::Response { code, reason } => {
                format!(
                    "{code} {} ({})",
                    summary::part(reason),
                    summary::part(method)
                )
            }
        }
    }
}

/// A header's name in full.
fn full(name: &str) -> &str {
    let known = COMPACT.iter();
    let mut known = known.filter(|(short, _)| name.eq_ignore_ascii_case(short));
    known.next().map_or(name, |(_, full)| full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn text(start: &str, cseq: &str, more: &str) -> String {
        format!(
            "{start}\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks\r\nFrom: sip:alice@example.com;tag=asdyka899\r\nTo: sip:bob@example.com\r\nCall-ID: asidkj3ss\r\nCSeq: {cseq}\r\n{more}\r\n"
        )
    }

    #[test]
    fn a_transaction_is_answered_once_and_again() {
        let mut talk = Talk::opened("/", "", "sip");
        let invite = text(
            "INVITE sip:bob@example.com SIP/2.0",
            "1 INVITE",
            "Content-Type: application/sdp\r\nl: 5\r\n",
        ) + "v=0\r\n";
        let asked = talk.client(&invite).unwrap();
        assert_eq!(
            (asked.summary.as_str(), field(&asked, "sip.Method")),
            ("INVITE sip:bob@example.com", vec!["INVITE".to_owned()])
        );
        assert_eq!(field(&asked, "sip.Call-ID"), ["asidkj3ss"]);
        assert_eq!(findings(&asked), [""; 0]);
        let ringing = text("SIP/2.0 180 Ringing", "1 INVITE", "");
        let ringing = talk.server(&ringing).unwrap();
        let busy = text("SIP/2.0 486 Busy Here", "1 INVITE", "Content-Length: 0\r\n");
        let busy = talk.server(&busy).unwrap();
        assert_eq!((ringing.request(), busy.request()), (Some(1), Some(1)));
        assert_eq!(
            (field(&busy, "sip.Status-Code"), field(&busy, "call.error")),
            (vec!["486".to_owned()], vec!["true".to_owned()])
        );
        assert_eq!(busy.summary, "486 Busy Here (INVITE)");
        let ack = text("ACK sip:bob@example.com SIP/2.0", "1 ACK", "");
        assert!(talk.client(&ack).unwrap().calls.is_empty());
    }

    #[test]
    fn keep_alives_and_secrets() {
        let mut talk = Talk::opened("/", "", "sip");
        assert_eq!(
            talk.client("\r\n\r\n").unwrap().heartbeat,
            Some(Heartbeat::Ping)
        );
        assert_eq!(
            talk.server("\r\n").unwrap().heartbeat,
            Some(Heartbeat::Pong)
        );
        let register = text(
            "REGISTER sip:example.com SIP/2.0",
            "2 REGISTER",
            "Authorization: Digest username=\"alice\", response=\"s3cret\"\r\n",
        );
        let asked = talk.client(&register).unwrap();
        assert!(asked.items.iter().any(|item| item.secret) && !asked.summary.contains("s3cret"));
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = Talk::opened("/", "", "sip");
        let long = text(
            "OPTIONS sip:a@b SIP/2.0",
            "1 OPTIONS",
            "Content-Length: 99\r\n",
        );
        assert_eq!(
            findings(&talk.client(&long).unwrap()),
            ["sip-content-length-wrong"]
        );
        let udp =
            text("OPTIONS sip:a@b SIP/2.0", "1 OPTIONS", "").replace("SIP/2.0/WS", "SIP/2.0/UDP");
        assert_eq!(
            findings(&talk.client(&udp).unwrap()),
            ["sip-via-transport-wrong"]
        );
        for broken in [
            "hello",
            "OPTIONS sip:a@b SIP/2.0\r\n\r\n",
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/WS x\r\n",
        ] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["sip-message-invalid"],
                "{broken}"
            );
        }
        let whole = text("OPTIONS sip:a@b SIP/2.0", "1 OPTIONS", "");
        for cut in 0..whole.len() {
            assert!(talk.client_bytes(&whole.as_bytes()[..cut]).is_some());
        }
    }

    #[test]
    fn it_is_recognised_by_its_first_line() {
        let options = text("OPTIONS sip:a@b SIP/2.0", "1 OPTIONS", "");
        assert_eq!(
            Talk::unknown()
                .client(&options)
                .unwrap()
                .confidence()
                .name(),
            "certain"
        );
        assert!(
            Talk::unknown()
                .client("GET http://a HTTP/1.1\r\n\r\n")
                .is_none()
        );
        assert!(Talk::unknown().client("\r\n").is_none());
    }
}
