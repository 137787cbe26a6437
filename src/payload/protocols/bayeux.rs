//! Bayeux (docs.cometd.org), as CometD and Faye speak it: a JSON array of messages, each on a channel.
//!
//! A WebSocket of Bayeux may continue a session that began by HTTP, so that its first message already has a client id.

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, secrets, summary,
};

/// Messages decoded of one WebSocket message.
const UNITS: usize = 10_000;

fields! {
    CHANNEL = "bayeux.channel", "Channel", Text, "Channel of a Bayeux message.";
    ID = "bayeux.id", "Id", Text, "Id by which a Bayeux answer belongs to its message.";
    CLIENT_ID = "bayeux.client_id", "Client id", Text, "Id of the session a Bayeux message belongs to.", secret();
    SUBSCRIPTION = "bayeux.subscription", "Subscription", Text, "Channel or channels a Bayeux client subscribes to.";
    SUCCESSFUL = "bayeux.successful", "Successful", Flag, "Whether what a Bayeux message asked for was done.";
    ERROR = "bayeux.error", "Error", Text, "Why what a Bayeux message asked for was not done.";
    RECONNECT = "bayeux.advice.reconnect", "Reconnect advice", Text, "How a Bayeux server wants to be connected to again.",
        words(&["retry", "handshake", "none"]);
    DATA = "bayeux.data", "Data", Text, "What a Bayeux message carries, as JSON.", body();
}

rules! {
    INVALID = "bayeux-message-invalid", Error, "Bayeux, 3 Message field definitions",
        "A message has no channel, or is no Bayeux message.";
    HANDSHAKE_MISSING = "bayeux-handshake-missing", Error, "Bayeux, 4.1 Handshake",
        "A message belongs to no session: without a handshake, or after the server forgot it.";
    REFUSED = "bayeux-reconnect-none", Warning, "Bayeux, 3.4 advice",
        "The server advises the client to not connect again.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "bayeux",
    title: "Bayeux",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |_| Box::new(Bayeux::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if matches!(evidence.subprotocol(), "cometd" | "bayeux") {
        return Claim::certain("subprotocol");
    }
    let first = evidence.array()?.at(0)?;
    if first.kind() != JsonKind::Object {
        return None;
    }
    let [channel, data, successful, client] =
        first.pick(["channel", "data", "successful", "clientId"]);
    let channel = channel?.plain()?;
    let is_meta = [
        "handshake",
        "connect",
        "subscribe",
        "unsubscribe",
        "disconnect",
    ]
    .iter()
    .any(|name| channel.strip_prefix("/meta/") == Some(name));
    let is_published = is_channel(channel)
        && (successful.is_some_and(|it| it.bool().is_some())
            || (data.is_some() && client.is_some()));
    match (is_meta, is_published) {
        (true, _) => Claim::certain("a meta channel"),
        (false, true) => Claim::likely("messages on channels"),
        _ => None,
    }
}

/// Whether a name may be a channel's: parts behind slashes.
fn is_channel(name: &str) -> bool {
    name.len() > 1 && name.starts_with('/') && !name.contains(char::is_whitespace)
}

#[derive(Clone, Debug, Default)]
struct Bayeux {
    /// The client asked for a handshake, or sent a client id it had.
    has_session: bool,
    /// A message was lost, so a handshake may have been in it.
    is_uncertain: bool,
}

impl Decode for Bayeux {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.json();
        let Some(json) = json else {
            return invalid(message.bytes, out);
        };
        if json.kind() == JsonKind::Object {
            return self.unit(json, message.from, out);
        }
        let units = json.elements().take(UNITS);
        let fit = units.map(|unit| self.unit(unit, message.from, out)).max();
        fit.unwrap_or_else(|| {
            // Nothing to send is sent as an empty list.
            out.unit(DECODER.title).words("no messages");
            out.summary("no messages");
            Fit::Part
        })
    }

    fn lost(&mut self, _from: Side) {
        self.is_uncertain = true;
    }
}

fn invalid(bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title);
    out.summary("invalid message");
    let text = format!("{} is no Bayeux message", summary::part(bytes));
    out.finding(&INVALID, text);
    Fit::Broken
}

/// A message's parts.
#[derive(Clone, Copy, Debug)]
struct Unit<'a> {
    channel: Json<'a>,
    id: Option<Json<'a>>,
    client: Option<Json<'a>>,
    subscription: Option<Json<'a>>,
    successful: Option<bool>,
    error: Option<Json<'a>>,
    data: Option<Json<'a>>,
    reconnect: Option<Json<'a>>,
}

impl<'a> Unit<'a> {
    /// Writes the fields; whether the data holds a secret.
    fn write(
        &self,
        [successful, advice, ext]: [Option<Json<'a>>; 3],
        out: &mut Out<'_, 'a>,
    ) -> bool {
        out.unit(DECODER.title);
        out.json(&CHANNEL, self.channel);
        out.json_of(&ID, self.id);
        out.json_of(&CLIENT_ID, self.client);
        out.json_of(&SUBSCRIPTION, self.subscription);
        if self.successful.is_some() {
            out.json_of(&SUCCESSFUL, successful);
        }
        out.json_of(&ERROR, self.error);
        out.json_of(&RECONNECT, self.reconnect);
        for (label, value) in [("Advice", advice), ("Extension", ext)] {
            if let Some(value) = value {
                let span = out.span(value.bytes());
                let item = out.line(label, value.datum()).at(span);
                item.secret = label == "Extension" && secrets::stand_in(value);
            }
        }
        let is_secret = self.data.is_some_and(secrets::stand_in);
        if let Some(data) = self.data {
            out.json(&DATA, data).secret |= is_secret;
        }
        is_secret
    }
}

impl Bayeux {
    fn unit<'a>(&mut self, json: Json<'a>, from: Side, out: &mut Out<'_, 'a>) -> Fit {
        let [
            channel,
            id,
            client,
            subscription,
            successful,
            error,
            data,
            advice,
            ext,
        ] = json.pick([
            "channel",
            "id",
            "clientId",
            "subscription",
            "successful",
            "error",
            "data",
            "advice",
            "ext",
        ]);
        let name = channel
            .and_then(|it| it.text())
            .filter(|it| it.starts_with('/'));
        let (Some(channel), Some(name)) = (channel, name) else {
            return invalid(json.bytes(), out);
        };
        let unit = Unit {
            channel,
            id,
            client,
            subscription,
            successful: successful.and_then(|it| it.bool()),
            error,
            data,
            reconnect: advice.and_then(|advice| advice.get("reconnect")),
        };
        let is_secret = unit.write([successful, advice, ext], out);
        self.session(&unit, &name, from, out);
        call(&unit, &name, from, out);
        out.summary(line(&unit, &name, is_secret));
        Fit::Yes
    }

    /// Who has no session is told to begin one.
    fn session<'a>(&mut self, unit: &Unit<'a>, name: &str, from: Side, out: &mut Out<'_, 'a>) {
        if from == Side::Client {
            self.has_session |= name == "/meta/handshake" || unit.client.is_some();
            let is_known = self.has_session || self.is_uncertain || !out.opening().is_seen;
            if name.starts_with("/meta/") && !is_known {
                let text = format!("{} came before a handshake", summary::part(name));
                out.finding(&HANDSHAKE_MISSING, text);
            }
            return;
        }
        match unit.reconnect.and_then(|it| it.plain()) {
            Some("handshake") if name != "/meta/handshake" => {
                let said = unit.error.map(|error| summary::part(error.raw()));
                let text = match said {
                    Some(said) => format!("the server says {said}, and wants a new handshake"),
                    None => "the server wants a new handshake".to_owned(),
                };
                out.finding(&HANDSHAKE_MISSING, text);
            }
            Some("none") => out.finding(
                &REFUSED,
                format!("reconnect none, with {}", summary::part(name)),
            ),
            _ => {}
        }
    }
}

/// Links messages and their answers. A `/meta/connect` is answered when there is something to say, or after a long time on
/// purpose, and is a sign of life.
fn call(unit: &Unit<'_>, name: &str, from: Side, out: &mut Out<'_, '_>) {
    if name == "/meta/connect" {
        return out.heartbeat(match from {
            Side::Client => Heartbeat::Ping,
            Side::Server => Heartbeat::Pong,
        });
    }
    let Some(id) = unit.id else { return };
    match from {
        Side::Client if name.starts_with("/meta/") => {
            out.request(id.raw(), &method(unit, name));
        }
        // A server need not answer what is published.
        Side::Client => drop(out.request_freely(id.raw(), &format!("publish {name}"))),
        Side::Server => {
            if let Some(is_done) = unit.successful {
                out.answer(id.raw(), !is_done);
            }
        }
    }
}

fn method(unit: &Unit<'_>, name: &str) -> String {
    match unit.subscription.and_then(|it| it.text()) {
        Some(to) => format!("{name} {to}"),
        None => name.to_owned(),
    }
}

fn line(unit: &Unit<'_>, name: &str, is_secret: bool) -> String {
    let mut line = summary::part(&*method(unit, name));
    if let Some(is_done) = unit.successful {
        line += if is_done { " successful" } else { " failed" };
    }
    if let Some(error) = unit.error {
        line += &format!(" {}", summary::part(&*error.text().unwrap_or_default()));
    }
    if let Some(data) = unit.data.filter(|_| !is_secret) {
        line += &format!(" {}", summary::part(data.raw()));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        let mut talk = Talk::opened("/faye", "", "");
        talk.client(r#"[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["websocket"],"id":"1"}]"#);
        talk.server(r#"[{"channel":"/meta/handshake","id":"1","successful":true,"clientId":"c1","advice":{"reconnect":"retry"}}]"#);
        talk
    }

    #[test]
    fn messages_of_a_list_are_units_and_answers_find_them() {
        let mut talk = talk();
        let two = r#"[{"channel":"/meta/subscribe","subscription":"/news/*","id":"2","clientId":"c1"},{"channel":"/news/a","data":{"n":1},"id":"3","clientId":"c1"}]"#;
        let asked = talk.client(two).unwrap();
        assert_eq!(
            field(&asked, "bayeux.channel"),
            ["/meta/subscribe", "/news/a"]
        );
        assert_eq!(asked.summary, r#"/meta/subscribe /news/*; /news/a {"n":1}"#);
        let told = talk
            .server(r#"[{"id":"3","channel":"/news/a","data":{"n":1}}]"#)
            .unwrap();
        assert!(told.calls.is_empty());
        let done = talk.server(r#"[{"id":"2","channel":"/meta/subscribe","successful":true,"subscription":"/news/*"},{"id":"3","channel":"/news/a","successful":false,"error":"405::bad"}]"#).unwrap();
        assert_eq!(
            field(&done, "call.method"),
            ["/meta/subscribe /news/*", "publish /news/a"]
        );
        assert_eq!(field(&done, "call.error"), ["false", "true"]);
        assert_eq!(field(&done, "bayeux.successful"), ["true", "false"]);
    }

    #[test]
    fn a_held_connect_is_no_slow_answer() {
        let mut talk = talk();
        let beat = talk
            .client(r#"[{"channel":"/meta/connect","id":"2","clientId":"c1"}]"#)
            .unwrap();
        assert_eq!(
            (beat.heartbeat, beat.calls.len()),
            (Some(Heartbeat::Ping), 0)
        );
        let back = talk
            .server(r#"[{"channel":"/meta/connect","id":"2","successful":true}]"#)
            .unwrap();
        assert_eq!(
            (back.heartbeat, back.calls.len()),
            (Some(Heartbeat::Pong), 0)
        );
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut fresh = Talk::opened("/cometd", "", "");
        let early = fresh
            .client(r#"[{"channel":"/meta/subscribe","subscription":"/a","id":"1"}]"#)
            .unwrap();
        assert_eq!(findings(&early), ["bayeux-handshake-missing"]);
        // A session may have begun by HTTP.
        let mut fresh = Talk::opened("/cometd", "", "");
        let later = fresh
            .client(r#"[{"channel":"/meta/connect","clientId":"c1","id":"1"}]"#)
            .unwrap();
        assert_eq!(findings(&later), [""; 0]);
        let lost = fresh.server(r#"[{"channel":"/meta/connect","id":"1","successful":false,"error":"402::Unknown client","advice":{"reconnect":"handshake"}}]"#).unwrap();
        assert_eq!(findings(&lost), ["bayeux-handshake-missing"]);
        let mut talk = talk();
        let none = talk.server(r#"[{"channel":"/meta/connect","id":"9","successful":false,"advice":{"reconnect":"none"}}]"#).unwrap();
        assert_eq!(findings(&none), ["bayeux-reconnect-none"]);
        for broken in ["x", "[1]", r#"[{"data":1}]"#, r#"{"channel":"news"}"#] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["bayeux-message-invalid"],
                "{broken}"
            );
        }
        assert!(talk.client("[]").unwrap().findings.is_empty());
    }

    #[test]
    fn secrets_are_marked() {
        let mut talk = talk();
        let said = talk.client(r#"[{"channel":"/meta/subscribe","subscription":"/a","clientId":"c1","ext":{"token":"s3cret"}}]"#).unwrap();
        assert_eq!(said.items.iter().filter(|item| item.secret).count(), 2);
        assert!(!said.summary.contains("s3cret") && !said.summary.contains("c1"));
    }

    #[test]
    fn it_is_recognised_without_a_handshake_and_others_are_not() {
        let text = r#"[{"channel":"/news/a","data":1,"clientId":"x"}]"#;
        assert_eq!(Talk::unknown().client(text).unwrap().protocol(), "bayeux");
        for text in [
            r#"[{"channel":"news","data":1}]"#,
            r#"[{"channel":"/news","data":1}]"#,
            r#"[{"channel":"/a b","successful":true}]"#,
            r#"{"channel":"/meta/connect"}"#,
            r#"["/meta/connect"]"#,
        ] {
            assert_eq!(
                Talk::unknown().client(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
