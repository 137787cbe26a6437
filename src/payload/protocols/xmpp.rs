//! XMPP over WebSocket (RFC 7395): each message is one whole element, `<open/>` and `<close/>` in place of the stream's tags.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::base::Side;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Objects, Out, Payload, summary,
};

/// What the namespaces of everything else begin with that XMPP says: framing, SASL (RFC 6120), acknowledgements (XEP-0198).
const OWN: &[&str] = &["urn:ietf:params:xml:ns:xmpp-", "urn:xmpp:"];
/// Namespaces of stanzas.
const STANZAS: &[&str] = &["jabber:client", "jabber:server", "jabber:component:accept"];
/// The method of XEP-0199.
const PING: &str = "get urn:xmpp:ping";
/// Tags and texts of one message that are read.
const EVENTS: usize = 100_000;
/// Bytes of an element's text that are kept.
const TEXT: usize = 4096;

fields! {
    STANZA = "xmpp.stanza", "Stanza", Text, "Local name of the element that an XMPP message is.";
    ID = "xmpp.id", "Id", Text, "Id of an XMPP stanza, by which a result belongs to its request.";
    TYPE = "xmpp.type", "Type", Text, "Type of an XMPP stanza.";
    FROM = "xmpp.from", "From", Text, "Who an XMPP stanza is from.";
    TO = "xmpp.to", "To", Text, "Who an XMPP stanza is to.";
    XMLNS = "xmpp.xmlns", "Namespace", Text, "Namespace of an XMPP element.";
    QUERY = "xmpp.query", "Query", Text, "Namespace of what an XMPP iq asks for or sets.";
    BODY = "xmpp.body", "Body", Text, "Text of an XMPP message.";
    CONDITION = "xmpp.error.condition", "Condition", Text, "Condition of an XMPP error or failure.";
    MECHANISM = "xmpp.mechanism", "Mechanism", Text, "SASL mechanism an XMPP client chose.";
    SASL = "xmpp.sasl", "SASL", Text, "What is said to authenticate, in base64.", secret();
}

rules! {
    INVALID = "xmpp-message-invalid", Error, "RFC 7395 3.3.3",
        "A message is not one whole XML element.";
    BINARY = "xmpp-message-binary", Error, "RFC 7395 3.2",
        "An XMPP message came as binary, which only text may be.";
    STREAM_TAG = "xmpp-stream-tag", Note, "RFC 7395 3.3",
        "A stream is opened with a tag that is not closed, as before RFC 7395.";
    STREAM_ERROR = "xmpp-stream-error", Error, "RFC 6120 4.9",
        "A peer ends the stream with an error.";
    AUTH_FAILED = "xmpp-auth-failed", Warning, "RFC 6120 6.5",
        "The server refuses what the client authenticates with.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "xmpp",
    title: "XMPP",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |_| Box::new(Xmpp),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.subprotocol() == "xmpp" {
        return Claim::certain("subprotocol");
    }
    let bytes = evidence.payload.bytes;
    if bytes.first() != Some(&b'<') {
        return None;
    }
    let element = Element::head(std::str::from_utf8(bytes).ok()?)?;
    let namespace = element.namespace.as_deref();
    let is_stanza = matches!(&*element.name, "message" | "presence" | "iq")
        && namespace.is_some_and(|namespace| STANZAS.contains(&namespace));
    // What is said beside stanzas: framing, SASL, acknowledgements.
    let is_own =
        namespace.is_some_and(|namespace| OWN.iter().any(|own| namespace.starts_with(own)));
    let is_stream = element.prefix.as_deref() == Some("stream")
        && matches!(&*element.name, "stream" | "features" | "error");
    match is_stanza || is_own || is_stream {
        true => Claim::certain("elements of XMPP"),
        false => None,
    }
}

#[derive(Clone, Debug)]
struct Xmpp;

impl Decode for Xmpp {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        out.unit(DECODER.title);
        let found = message.utf8().and_then(Element::read);
        let Some(element) = found else {
            out.summary("invalid message");
            let text = match message.bytes.trim_ascii().is_empty() {
                true => "white space alone".to_owned(),
                false => format!("{} is not one element", summary::part(message.bytes)),
            };
            out.finding(&INVALID, text);
            return Fit::Broken;
        };
        element.write(message.from, out);
        if message.kind == Kind::Binary {
            out.finding(&BINARY, "the message is binary");
        }
        out.body(message.bytes.into());
        Fit::Yes
    }
}

/// The element that a message is.
#[derive(Debug, Default)]
struct Element {
    name: String,
    prefix: Option<String>,
    namespace: Option<String>,
    id: Option<String>,
    kind: Option<String>,
    from: Option<String>,
    to: Option<String>,
    mechanism: Option<String>,
    /// Where a stream that is closed goes on.
    see_other: Option<String>,
    /// Name and namespace of the first element inside.
    child: Option<(String, Option<String>)>,
    body: Option<String>,
    /// The text directly inside.
    text: String,
    condition: Option<String>,
    is_closed: bool,
}

/// The element around what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Body,
    Error,
    Other,
}

impl Element {
    /// The tag that a text begins with.
    fn head(text: &str) -> Option<Element> {
        let mut reader = Reader::from_str(text);
        loop {
            match reader.read_event().ok()? {
                Event::Decl(_) => {}
                Event::Start(tag) | Event::Empty(tag) => return Element::of(&tag),
                _ => return None,
            }
        }
    }

    /// The element that a text is, alone.
    fn read(text: &str) -> Option<Element> {
        let mut reader = Reader::from_str(text.trim());
        let mut element: Option<Element> = None;
        let mut around: Vec<Inside> = Vec::new();
        for _ in 0..EVENTS {
            match reader.read_event().ok()? {
                Event::Start(tag) => match &mut element {
                    None => element = Some(Element::of(&tag)?),
                    Some(element) if !element.is_closed => {
                        let inside = element.enter(&tag, around.last().copied());
                        around.push(inside);
                    }
                    Some(_) => return None,
                },
                Event::Empty(tag) => match &mut element {
                    None => {
                        let mut alone = Element::of(&tag)?;
                        alone.is_closed = true;
                        element = Some(alone);
                    }
                    Some(element) if !element.is_closed => {
                        element.enter(&tag, around.last().copied());
                    }
                    Some(_) => return None,
                },
                Event::End(_) => {
                    let element = element.as_mut()?;
                    if around.pop().is_none() {
                        element.is_closed = true;
                    }
                }
                Event::Text(text) => {
                    element.as_mut()?.add(&text, &around)?;
                }
                Event::CData(text) => {
                    element.as_mut()?.add(&text, &around)?;
                }
                Event::GeneralRef(name) => {
                    let text = unescaped(&format!("&{};", &*name));
                    element.as_mut()?.add(&text, &around)?;
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let element = element?;
        // Before RFC 7395 a stream's tag stood open.
        let is_open_stream =
            element.name == "stream" && element.prefix.as_deref() == Some("stream");
        (element.is_closed || is_open_stream).then_some(element)
    }

    fn of(tag: &BytesStart<'_>) -> Option<Element> {
        let mut element = Element {
            name: local(tag),
            prefix: tag
                .name()
                .prefix()
                .map(|prefix| prefix.into_inner().to_owned()),
            ..Element::default()
        };
        let own = element
            .prefix
            .as_ref()
            .map(|prefix| format!("xmlns:{prefix}"));
        for attribute in tag.attributes().take(64).flatten() {
            let key = attribute.key.into_inner();
            let value = Some(unescaped(&attribute.value));
            match key {
                "id" => element.id = value,
                "type" => element.kind = value,
                "from" => element.from = value,
                "to" => element.to = value,
                "mechanism" => element.mechanism = value,
                "see-other-uri" => element.see_other = value,
                "xmlns" if own.is_none() => element.namespace = value,
                key if own.as_deref() == Some(key) => element.namespace = value,
                _ => {}
            }
        }
        (!element.name.is_empty()).then_some(element)
    }

    /// An element begins inside; what it is to those inside it.
    fn enter(&mut self, tag: &BytesStart<'_>, around: Option<Inside>) -> Inside {
        let name = local(tag);
        if around.is_none() && self.child.is_none() {
            let namespace = Element::of(tag).and_then(|inner| inner.namespace);
            self.child = Some((name.clone(), namespace));
        }
        let is_failure = around.is_none() && matches!(&*self.name, "failure" | "error");
        if (around == Some(Inside::Error) || is_failure)
            && self.condition.is_none()
            && name != "text"
        {
            self.condition = Some(name.clone());
        }
        match (&*name, around) {
            ("body", None) => Inside::Body,
            ("error", None) => Inside::Error,
            _ => Inside::Other,
        }
    }

    /// Text inside; `None` where it stands behind the element.
    fn add(&mut self, text: &str, around: &[Inside]) -> Option<()> {
        if self.is_closed {
            return text.trim().is_empty().then_some(());
        }
        let to = match around {
            [] => &mut self.text,
            [Inside::Body] => self.body.get_or_insert_default(),
            _ => return Some(()),
        };
        let room = TEXT.saturating_sub(to.len());
        to.extend(text.chars().take(room));
        Some(())
    }

    fn write(&self, from: Side, out: &mut Out<'_, '_>) {
        let query = self
            .child
            .as_ref()
            .and_then(|(_, namespace)| namespace.as_ref());
        let query = query.filter(|_| self.name == "iq");
        for (info, value) in [
            (&STANZA, Some(&self.name)),
            (&ID, self.id.as_ref()),
            (&TYPE, self.kind.as_ref()),
            (&FROM, self.from.as_ref()),
            (&TO, self.to.as_ref()),
            (&XMLNS, self.namespace.as_ref()),
            (&QUERY, query),
            (&BODY, self.body.as_ref()),
            (&CONDITION, self.condition.as_ref()),
            (&MECHANISM, self.mechanism.as_ref()),
        ] {
            if let Some(value) = value {
                out.field(info, value.clone());
            }
        }
        if matches!(&*self.name, "auth" | "response" | "challenge" | "success")
            && !self.text.is_empty()
        {
            out.field(&SASL, self.text.clone());
        }
        let method = match query {
            Some(query) => format!("{} {query}", self.kind.as_deref().unwrap_or_default()),
            None => self.kind.clone().unwrap_or_default(),
        };
        self.call(&method, from, out);
        self.find(out);
        out.summary(self.line(&method));
    }

    /// Requests of iq, of streams and of authentication are answered.
    fn call(&self, method: &str, from: Side, out: &mut Out<'_, '_>) {
        let id = format!("iq\0{}", self.id.as_deref().unwrap_or_default());
        match (&*self.name, self.kind.as_deref(), from) {
            ("iq", Some("get" | "set"), _) => {
                if method == PING {
                    out.heartbeat(Heartbeat::Ping);
                }
                out.request(id, method);
            }
            ("iq", Some("result"), _) => {
                let asked = out.answer(id, false);
                if asked.is_some_and(|asked| &*asked.method == PING) {
                    out.heartbeat(Heartbeat::Pong);
                }
            }
            // XEP-0198 asks what was received.
            ("r", ..) => out.heartbeat(Heartbeat::Ping),
            ("a", ..) => out.heartbeat(Heartbeat::Pong),
            ("iq", Some("error"), _) => drop(out.answer(id, true)),
            ("open", _, Side::Client) => drop(out.request("open", "open")),
            ("open", _, Side::Server) => drop(out.answer_if_asked("open", false)),
            ("auth", _, Side::Client) => {
                let mechanism = self.mechanism.as_deref().unwrap_or_default();
                out.request("auth", &format!("auth {mechanism}"));
            }
            ("challenge", ..) => drop(out.provisional_answer("auth")),
            ("success", ..) => drop(out.answer_if_asked("auth", false)),
            ("failure", ..) => drop(out.answer_if_asked("auth", true)),
            _ => {}
        }
    }

    fn find(&self, out: &mut Out<'_, '_>) {
        let condition = summary::part(self.condition.as_deref().unwrap_or_default());
        match &*self.name {
            "failure" => out.finding(&AUTH_FAILED, format!("the server says {condition}")),
            "error" if self.prefix.as_deref() == Some("stream") => {
                out.finding(&STREAM_ERROR, format!("the condition is {condition}"));
            }
            "stream" => out.finding(&STREAM_TAG, "the message is a stream's tag"),
            _ => {}
        }
    }

    fn line(&self, method: &str) -> String {
        let mut line = summary::part(&*self.name);
        let peer = match &self.to {
            Some(to) => format!("to {to}"),
            None => self
                .from
                .as_ref()
                .map(|from| format!("from {from}"))
                .unwrap_or_default(),
        };
        let body = self.body.as_deref().unwrap_or_default();
        let condition = self.condition.as_deref().unwrap_or_default();
        let see_other = self.see_other.as_deref().unwrap_or_default();
        for part in [method, &peer, condition, body, see_other] {
            if !part.is_empty() {
                line += &format!(" {}", summary::part(part));
            }
        }
        line
    }
}

fn local(tag: &BytesStart<'_>) -> String {
    tag.local_name().into_inner().to_owned()
}

/// A value without references.
fn unescaped(text: &str) -> String {
    match quick_xml::escape::unescape(text) {
        Ok(plain) => plain.into_owned(),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        Talk::opened("/xmpp-websocket", "", "xmpp")
    }

    #[test]
    fn streams_are_opened_and_stanzas_are_answered() {
        let mut talk = talk();
        talk.client(
            r#"<open version="1.0" xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="lab"/>"#,
        );
        let open = talk
            .server("<open id='09' xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='lab'/>")
            .unwrap();
        assert_eq!(
            (open.request(), field(&open, "xmpp.id")),
            (Some(1), vec!["09".to_owned()])
        );
        let features = talk.server("<stream:features xmlns:stream='http://etherx.jabber.org/streams'><ver xmlns='x'/></stream:features>").unwrap();
        assert_eq!(field(&features, "xmpp.stanza"), ["features"]);
        let ask = talk.client(r#"<iq type="get" id="r1" xmlns="jabber:client"><query xmlns="jabber:iq:roster"/></iq>"#).unwrap();
        assert_eq!(
            (ask.summary.as_str(), field(&ask, "xmpp.query")),
            (
                "iq get jabber:iq:roster",
                vec!["jabber:iq:roster".to_owned()]
            )
        );
        let error = talk.server("<iq id='r1' type='error'><error type='cancel'><service-unavailable xmlns='s'/></error></iq>").unwrap();
        assert_eq!(
            (field(&error, "xmpp.error.condition"), error.request()),
            (vec!["service-unavailable".to_owned()], Some(4))
        );
        talk.server("<iq type='get' id='p1'><ping xmlns='urn:xmpp:ping'/></iq>");
        let pong = talk.client("<iq type='result' id='p1'/>").unwrap();
        assert_eq!(pong.heartbeat, Some(crate::payload::Heartbeat::Pong));
        let said = talk.client(r#"<message to="lee@lab" type="chat" id="m1"><body>Grüße &lt;&amp;&gt; "x"</body><x>y</x></message>"#).unwrap();
        assert_eq!(field(&said, "xmpp.body"), ["Grüße <&> \"x\""]);
        assert_eq!(said.summary, "message chat to lee@lab Grüße <&> \"x\"");
    }

    #[test]
    fn authentication_is_a_secret_and_its_failure_is_found() {
        let mut talk = talk();
        let auth = talk.client(r#"<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">czNjcmV0</auth>"#).unwrap();
        assert!(auth.items.iter().any(|item| item.secret) && !auth.summary.contains("czN"));
        let failed = talk.server("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/><text>no</text></failure>").unwrap();
        assert_eq!(
            (findings(&failed), field(&failed, "call.method")),
            (vec!["xmpp-auth-failed"], vec!["auth PLAIN".to_owned()])
        );
        assert_eq!(failed.summary, "failure not-authorized");
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = talk();
        for broken in [
            "hello",
            " ",
            "<iq>",
            "<iq/><iq/>",
            "<iq/>x",
            "</iq>",
            "<iq><a></iq>",
            "",
        ] {
            let decoded = talk.client(broken).unwrap();
            assert_eq!(findings(&decoded), ["xmpp-message-invalid"], "{broken}");
        }
        assert_eq!(
            findings(&talk.client_bytes(b"<presence/>").unwrap()),
            ["xmpp-message-binary"]
        );
        let old = talk
            .client("<stream:stream xmlns='jabber:client' xmlns:stream='s' to='lab'>")
            .unwrap();
        assert_eq!(findings(&old), ["xmpp-stream-tag"]);
        let error = talk
            .server("<stream:error xmlns:stream='s'><policy-violation xmlns='p'/></stream:error>")
            .unwrap();
        assert_eq!(findings(&error), ["xmpp-stream-error"]);
        let deep = "<a>".repeat(50_000);
        assert!(talk.client(&deep).is_some());
        let wide = format!("<a>{}</a>", "<b/>".repeat(200_000));
        assert!(talk.client(&wide).is_some());
    }

    #[test]
    fn it_is_recognised_by_its_namespaces_and_other_xml_is_not() {
        for text in [
            "<message xmlns='jabber:client'><body>x</body></message>",
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='lab'/>",
            "<stream:features xmlns:stream='x'/>",
            "<r xmlns='urn:xmpp:sm:3'/>",
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "xmpp",
                "{text}"
            );
        }
        for text in [
            "<message>x</message>",
            "<open/>",
            "<iq xmlns='x'/>",
            "<features/>",
            "<p>x</p>",
            "<",
        ] {
            let decoded = Talk::unknown().server(text);
            assert_ne!(decoded.map(|it| it.protocol()), Some("xmpp"), "{text}");
        }
    }
}
