//! Secrets masked where they stand: lengths and structure stay, so that what is shown can be shared.
//!
//! Masked are cookies, authorisation and other headers that carry credentials, tokens in targets and in offered
//! subprotocols, and every payload: JSON keeps its keys, punctuation, `true`, `false` and `null`, and loses the characters
//! of its strings and the digits of its numbers; other text keeps its white space; other bytes keep nothing. A mask is as
//! long as what it hides. Digests are left out, since short secrets can be guessed from them.
//!
//! A filter is asked before anything is masked.

use std::sync::Arc;

use crate::base::{Code, Finding, Head, Owners, Process, Quotes};
use crate::engine::{Connection, Exchange, FindingEvent, FrameEvent, MessageEvent, SeenHead};
use crate::http::secrets::{in_header, in_target};
use crate::payload::{Decoded, Pending};
use crate::websocket::mask::unmask;
use crate::websocket::{Frame, Message, MessageKind, Opcode};

/// What hides a byte.
const MASK: u8 = b'*';
/// Makes masked copies of what an engine emits.
#[derive(Debug, Default)]
pub struct Redactor {
    payload: Vec<u8>,
    reason: Vec<u8>,
    /// What was masked in the heads of the latest connection.
    secrets: Vec<Vec<u8>>,
}

/// The same processes without their arguments, which may be passwords.
fn without_arguments(owners: &Owners) -> Owners {
    owners.map(|process| Process {
        command_line: String::new(),
        ..process.clone()
    })
}

impl Redactor {
    /// Hands a masked frame to `tell`.
    pub(super) fn frame(
        &mut self,
        event: &FrameEvent<'_>,
        connection: &Connection,
        tell: impl FnOnce(&FrameEvent<'_>, &Connection),
    ) {
        let connection = self.connection(connection);
        let frame = event.frame;
        let text = event.text.map(|text| {
            let mut masked = Vec::new();
            payload(text.as_bytes(), &mut masked);
            String::from_utf8_lossy(&masked).into_owned()
        });
        let raw = frame.raw.map(|raw| self.raw(frame, raw));
        let frame = Frame { raw, ..*frame };
        let event = FrameEvent {
            frame: &frame,
            text: text.as_deref(),
            packets: event.packets,
            ..*event
        };
        tell(&event, &connection);
    }

    /// Hands a masked message to `tell`.
    pub(super) fn message(
        &mut self,
        event: &MessageEvent<'_>,
        tell: impl FnOnce(&MessageEvent<'_>),
    ) {
        let message = event.message;
        self.payload.clear();
        let bytes = message.data.unwrap_or(message.beginning);
        match message.kind {
            MessageKind::Text => payload(bytes, &mut self.payload),
            MessageKind::Close => close_body(bytes, &mut self.payload),
            _ => self.payload.resize(bytes.len(), MASK),
        }
        self.reason.clear();
        let close = message.close.map(|(code, reason)| {
            self.reason.resize(reason.len(), MASK);
            (code, &self.reason[..])
        });
        let message = Message {
            data: message.data.map(|_| &self.payload[..]),
            beginning: &self.payload,
            sha256: None,
            close,
            ..*message
        };
        let decoded = event.decoded.map(Decoded::masked);
        let event = MessageEvent {
            message: &message,
            frames: event.frames,
            decoded: decoded.as_ref(),
            ..*event
        };
        tell(&event);
    }

    /// Hands a masked finding to `tell`.
    pub fn finding(
        &mut self,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
        tell: impl FnOnce(&FindingEvent<'_>, Option<&Connection>),
    ) {
        self.secrets.clear();
        let connection = connection.map(|connection| self.connection(connection));
        let text = self.text(event.finding.code, &event.finding.text);
        let finding = Finding {
            text,
            ..event.finding.clone()
        };
        let event = FindingEvent {
            finding: &finding,
            ..*event
        };
        tell(&event, connection.as_ref());
    }

    /// What is shown of a finding's text.
    fn text(&self, code: Code, text: &str) -> String {
        match code.quotes() {
            Quotes::Nothing => text.to_owned(),
            Quotes::Heads => self.without_secrets(text),
            Quotes::Payload => code.meaning().to_owned(),
        }
    }

    fn without_secrets(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if let Ok(secret) = std::str::from_utf8(secret) {
                text = text.replace(secret, &"*".repeat(secret.len()));
            }
        }
        text
    }

    /// The connection with masked heads and close reason.
    #[must_use]
    pub fn connection(&mut self, connection: &Connection) -> Connection {
        self.secrets.clear();
        let mut masked = connection.clone();
        if let Some(handshake) = masked.handshake.as_deref_mut() {
            self.heads([&mut handshake.request, &mut handshake.response]);
            // A server may say a token back.
            for seen in handshake.response.iter_mut() {
                sweep(&mut seen.head.raw, &self.secrets);
            }
            if let Some(protocol) = &mut handshake.negotiated.subprotocol
                && self.secrets.iter().any(|secret| **secret == **protocol)
            {
                protocol.fill(MASK);
            }
        }
        if let Some(tunnel) = masked.tunnel.as_deref_mut() {
            let secrets = &mut self.secrets;
            tunnel.each_mut(|tunnel| {
                for seen in tunnel.heads_mut() {
                    head(&mut seen.head, secrets);
                }
            });
        }
        if let Some(reason) = masked.close.reason.as_deref_mut() {
            reason.fill(MASK);
        }
        masked.owners = masked
            .owners
            .map(|owners| Arc::new(without_arguments(&owners)));
        masked
    }

    fn heads<const N: usize>(&mut self, heads: [&mut Option<SeenHead>; N]) {
        for seen in heads.into_iter().flatten() {
            head(&mut seen.head, &mut self.secrets);
        }
    }

    /// A frame's payload masked, and under its masking key again.
    fn raw(&mut self, frame: &Frame<'_>, raw: &[u8]) -> &[u8] {
        let key = frame.header.masking_key;
        let mut plain = raw.to_vec();
        if let Some(key) = key {
            unmask(&mut plain, key, 0);
        }
        self.payload.clear();
        let is_whole_text = frame.header.opcode() == Opcode::Text
            && frame.header.fin()
            && frame.is_whole()
            && !frame.compressed;
        match frame.header.opcode() {
            _ if is_whole_text => payload(&plain, &mut self.payload),
            Opcode::Close => close_body(&plain, &mut self.payload),
            _ => self.payload.resize(plain.len(), MASK),
        }
        if let Some(key) = key {
            unmask(&mut self.payload, key, 0);
        }
        &self.payload
    }
}

/// An exchange without the tokens in its path.
pub(super) fn masked_exchange(exchange: &Exchange) -> Exchange {
    let mut masked = exchange.clone();
    let mut spans = Vec::new();
    in_target(&exchange.resource, 0, &mut spans);
    for (start, end) in spans {
        if let Some(bytes) = masked.resource.get_mut(start..end) {
            bytes.fill(MASK);
        }
    }
    masked
}

/// A call without what it asks for, as it is masked in messages.
pub(super) fn masked_call(call: &Pending) -> Pending {
    Pending {
        method: "*".repeat(call.method.chars().count().min(64)).into(),
        ..call.clone()
    }
}

/// The code stays, the reason goes.
fn close_body(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&bytes[..bytes.len().min(2)]);
    out.resize(out.len() + bytes.len().saturating_sub(2), MASK);
}

/// Text, of JSON perhaps.
fn payload(bytes: &[u8], out: &mut Vec<u8>) {
    // Socket.IO and Engine.IO put digits before their JSON.
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count().min(3);
    let (prefix, rest) = bytes.split_at(digits);
    if is_json(rest) {
        out.extend_from_slice(prefix);
        json(rest, out);
    } else {
        out.extend(bytes.iter().map(|byte| match byte {
            b' ' | b'\t' | b'\r' | b'\n' => *byte,
            _ => MASK,
        }));
    }
}

fn is_json(bytes: &[u8]) -> bool {
    bytes
        .trim_ascii_start()
        .first()
        .is_some_and(|first| matches!(first, b'{' | b'[' | b'"'))
        && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// A valid JSON text, with the characters of its values masked.
fn json(bytes: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at);
                let string = bytes.get(at + 1..end).unwrap_or_default();
                let is_key = bytes
                    .get(end + 1..)
                    .is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b':'));
                out.push(b'"');
                if is_key {
                    out.extend_from_slice(string);
                } else {
                    out.resize(out.len() + string.len(), MASK);
                }
                out.push(b'"');
                at = end;
            }
            // A number cannot begin with 0 and go on, but with 1.
            b'0'..=b'9' => out.push(b'1'),
            _ => out.push(byte),
        }
        at += 1;
    }
}

/// Where the quote is that ends the string which begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'"' => break,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    end.min(bytes.len().saturating_sub(1))
}

/// Masks what is secret in a head; `secrets` gets what was there.
fn head(head: &mut Head, secrets: &mut Vec<Vec<u8>>) {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let at = |part: &[u8]| part.as_ptr() as usize - head.raw.as_ptr() as usize;
    let target = head.target();
    if !target.is_empty() {
        in_target(target, at(target), &mut spans);
    }
    for (name, value) in head.headers() {
        if !value.is_empty() {
            in_header(name, value, at(value), &mut spans);
        }
    }
    for (start, end) in spans {
        if let Some(bytes) = head.raw.get_mut(start..end) {
            // Shorter ones would be found everywhere.
            if bytes.len() >= 4 && bytes.iter().any(|byte| *byte != MASK) {
                secrets.push(bytes.to_vec());
            }
            bytes.fill(MASK);
        }
    }
}

/// Masks secrets wherever they stand.
fn sweep(bytes: &mut [u8], secrets: &[Vec<u8>]) {
    for secret in secrets {
        let mut from = 0;
        while let Some(at) = bytes
            .get(from..)
            .and_then(|rest| rest.windows(secret.len()).position(|part| part == secret))
        {
            let start = from + at;
            bytes[start..start + secret.len()].fill(MASK);
            from = start + secret.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;
    use crate::http::{HeadStatus, parse_head};

    fn masked(text: &str) -> String {
        let mut out = Vec::new();
        payload(text.as_bytes(), &mut out);
        assert_eq!(out.len(), text.len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_keeps_its_structure_and_stays_json() {
        let text = r#"{"user":"a\"né","n":[-120.5e3,0,true,null],"o":{"k":"v"}}"#;
        let shown = masked(text);
        assert_eq!(
            shown,
            r#"{"user":"******","n":[-111.1e1,1,true,null],"o":{"k":"*"}}"#
        );
        assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok());
        assert_eq!(masked(r#"42["join",{"t":"x"}]"#), r#"42["****",{"t":"*"}]"#);
    }

    #[test]
    fn other_text_keeps_white_space_only() {
        assert_eq!(masked("my pass: é\nx"), "** ***** **\n*");
        assert_eq!(masked("12345"), "*****");
        assert_eq!(masked("{\"cut\":\"sec"), "*".repeat(11));
    }

    #[test]
    fn heads_lose_their_secrets_and_keep_their_length() {
        let text = "GET /a/eyJhbGciOiJIUzI1NiJ9x/b?EIO=4&access_token=T0PSECRET1&x=1&sig=S1GN HTTP/1.1\r\n\
            Host: h\r\nCookie: a=C00KIE1; b=C00KIE2\r\nAuthorization: Basic QUxBRERJTg==\r\n\
            X-Api-Key: AP1KEY\r\nReferer: https://u:PAZZ@h/?token=REF1\r\nUser-Agent: me\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Protocol: chat, access_token, PR0T0C0L\r\n\r\n";
        let HeadStatus::Complete {
            head: mut parsed, ..
        } = parse_head(text.as_bytes(), &Limits::default())
        else {
            panic!("no head");
        };
        let mut secrets = Vec::new();
        head(&mut parsed, &mut secrets);
        let shown = String::from_utf8(parsed.raw.to_vec()).unwrap();
        assert_eq!(shown.len(), text.len());
        for secret in [
            "eyJhbGci",
            "T0PSECRET1",
            "S1GN",
            "C00KIE1",
            "C00KIE2",
            "QUxB",
            "AP1KEY",
            "PAZZ",
            "REF1",
            "PR0T0C0L",
        ] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        for kept in [
            "EIO=4",
            "x=1",
            "Basic ",
            "a=*",
            "User-Agent: me",
            "dGhlIHNhbXBsZSBub25jZQ==",
            "chat, access_token",
        ] {
            assert!(shown.contains(kept), "{kept} not in {shown}");
        }
        assert!(secrets.contains(&b"T0PSECRET1".to_vec()));
    }

    #[test]
    fn a_finding_is_masked_as_its_code_says() {
        let redactor = Redactor {
            secrets: vec![b"T0PSECRET1".to_vec()],
            ..Redactor::default()
        };
        let text = "the target holds T0PSECRET1";
        assert_eq!(
            redactor.text(Code::SecretInUrl, text),
            "the target holds **********"
        );
        assert_eq!(redactor.text(Code::TcpGap, text), text);
        let text = "the text is no UTF-8 from its byte 7 on: PASSW0RD\\xff";
        let shown = redactor.text(Code::InvalidUtf8, text);
        assert_eq!(shown, Code::InvalidUtf8.meaning());
    }
}
