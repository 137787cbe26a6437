//! PeerJS (github.com/peers/peerjs-server): peers that offer each other WebRTC connections through a server.

use std::borrow::Cow;

use crate::base::Side;
use crate::payload::json::Json;
use crate::payload::summary::Line;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Opening, Out, Payload, summary,
};

const TYPES: &[&str] = &[
    "OPEN",
    "LEAVE",
    "CANDIDATE",
    "OFFER",
    "ANSWER",
    "EXPIRE",
    "HEARTBEAT",
    "ID-TAKEN",
    "INVALID-KEY",
    "ERROR",
];

fields! {
    TYPE = "peerjs.type", "Type", Text, "Type of a PeerJS message.", words(TYPES);
    SRC = "peerjs.src", "From", Text, "Peer that a PeerJS message comes from; of what a client sends, the id it connected with.";
    DST = "peerjs.dst", "To", Text, "Peer that a PeerJS message goes to.";
    CONNECTION_ID = "peerjs.connection_id", "Connection id", Text, "Connection between peers that a PeerJS message is about.";
    KIND = "peerjs.kind", "Kind", Text, "What the connection between peers carries.", words(&["data", "media"]);
    ERROR = "peerjs.error", "Error", Text, "What a PeerJS server says went wrong.";
}

rules! {
    INVALID = "peerjs-message-invalid", Error, "PeerJS, message types",
        "A message is none of PeerJS.";
    REFUSED = "peerjs-refused", Warning, "PeerJS, message types",
        "The server refuses the client: its id is in use, its key is wrong, or something else.";
    EXPIRED = "peerjs-expired", Warning, "PeerJS, message types",
        "A message could not be delivered, since its peer did not come.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "peerjs",
    title: "PeerJS",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["type"]),
    start: |opening| Box::new(PeerJs::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let opening = evidence.opening;
    let has = |name| opening.parameter(name).is_some();
    if evidence.parent.is_none() && opening.path.ends_with("/peerjs") && has("id") && has("key") {
        return Claim::certain("the path, and the query");
    }
    let kind = evidence.text_of("type")?;
    let payload = evidence.member("payload")?;
    let is_signal = matches!(kind, "OFFER" | "ANSWER" | "CANDIDATE")
        && evidence.has_only(&["type", "payload", "src", "dst"])
        && payload.text_of("connectionId").is_some();
    match is_signal {
        true => Claim::certain("offers of connections"),
        false => None,
    }
}

#[derive(Clone, Debug)]
struct PeerJs {
    /// The id the client connected with.
    own: Option<Box<str>>,
}

impl PeerJs {
    fn new(opening: &Opening) -> Self {
        let own = opening.parameter("id").filter(|id| id.len() <= 200);
        Self {
            own: own.map(Into::into),
        }
    }
}

impl Decode for PeerJs {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.object();
        let [kind, src, dst, payload] = json.map_or([None; 4], |json| {
            json.pick(["type", "src", "dst", "payload"])
        });
        let known = kind
            .and_then(|kind| Some((kind, *TYPES.iter().find(|name| kind.plain() == Some(name))?)));
        let Some((kind, word)) = known else {
            out.unit(DECODER.title);
            out.summary("invalid message");
            let text = format!("{} is no message of PeerJS", summary::part(message.bytes));
            out.finding(&INVALID, text);
            return Fit::Broken;
        };
        out.unit(DECODER.title);
        out.json(&TYPE, kind);
        match (src, &self.own, message.from) {
            (Some(src), ..) => drop(out.json(&SRC, src)),
            (None, Some(own), Side::Client) => drop(out.field(&SRC, own.to_string())),
            _ => {}
        }
        out.json_of(&DST, dst);
        let [connection, carried, said] = payload.map_or([None; 3], |payload| {
            payload.pick(["connectionId", "type", "msg"])
        });
        out.json_of(&CONNECTION_ID, connection);
        out.json_of(
            &KIND,
            carried.filter(|it| matches!(it.plain(), Some("data" | "media"))),
        );
        out.json_of(&ERROR, said);
        let unit = Unit {
            word,
            src,
            dst,
            connection: text_of(connection),
            kind: text_of(carried),
            said: summary::part(&*text_of(said)),
        };
        unit.write(out);
        if let Some(payload) = payload {
            let span = out.span(payload.bytes());
            out.line("Payload", payload.datum()).at(span);
        }
        Fit::Yes
    }

    fn memory(&self) -> usize {
        self.own.as_ref().map_or(0, |own| own.len())
    }
}

fn text_of(json: Option<Json<'_>>) -> Cow<'_, str> {
    json.and_then(|json| json.text()).unwrap_or_default()
}

/// What a message says.
struct Unit<'a> {
    word: &'static str,
    src: Option<Json<'a>>,
    dst: Option<Json<'a>>,
    connection: Cow<'a, str>,
    kind: Cow<'a, str>,
    said: String,
}

impl Unit<'_> {
    fn write(&self, out: &mut Out<'_, '_>) {
        let Unit { word, said, .. } = self;
        match *word {
            "HEARTBEAT" => out.heartbeat(Heartbeat::Ping),
            "OFFER" => {
                let method = format!("OFFER {}", self.kind);
                out.request(self.connection.as_bytes(), &method);
            }
            "ANSWER" => drop(out.answer_if_asked(self.connection.as_bytes(), false)),
            "ID-TAKEN" | "INVALID-KEY" | "ERROR" => {
                out.finding(&REFUSED, format!("{word} {said}"));
            }
            "EXPIRE" => {
                let peer = summary::part(&*text_of(self.src));
                out.finding(&EXPIRED, format!("the peer {peer} did not come"));
            }
            _ => {}
        }
        let mut line = Line::new(word);
        for (label, peer) in [(" from", self.src), (" to", self.dst)] {
            if let Some(peer) = peer.and_then(|peer| peer.text()) {
                line.own(label).part(&*peer);
            }
        }
        if !said.is_empty() {
            line.own(" ").own(said);
        }
        out.summary(line.finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        Talk::opened("/lab/peerjs", "key=peerjs&id=ada&token=t&version=1.5.5", "")
    }

    #[test]
    fn offers_are_answered_by_the_peer() {
        let mut talk = talk();
        assert_eq!(talk.server(r#"{"type":"OPEN"}"#).unwrap().summary, "OPEN");
        let offer = talk
            .client(
                r#"{"type":"OFFER","payload":{"type":"data","connectionId":"dc_1"},"dst":"lee"}"#,
            )
            .unwrap();
        assert_eq!(
            (offer.summary.as_str(), field(&offer, "peerjs.src")),
            ("OFFER to lee", vec!["ada".to_owned()])
        );
        let answer = talk
            .server(
                r#"{"type":"ANSWER","src":"lee","dst":"ada","payload":{"connectionId":"dc_1"}}"#,
            )
            .unwrap();
        assert_eq!(
            (answer.request(), answer.summary.as_str()),
            (Some(2), "ANSWER from lee to ada")
        );
        assert_eq!(
            talk.client(r#"{"type":"HEARTBEAT"}"#).unwrap().heartbeat,
            Some(Heartbeat::Ping)
        );
    }

    #[test]
    fn refusals_are_found() {
        let mut talk = talk();
        let taken = talk
            .server(r#"{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}"#)
            .unwrap();
        assert_eq!(
            (findings(&taken), taken.summary.as_str()),
            (vec!["peerjs-refused"], "ID-TAKEN ID is taken")
        );
        assert_eq!(
            findings(
                &talk
                    .server(r#"{"type":"EXPIRE","src":"nobody","dst":"ada"}"#)
                    .unwrap()
            ),
            ["peerjs-expired"]
        );
        for broken in ["x", "{}", r#"{"type":"DANCE"}"#] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["peerjs-message-invalid"],
                "{broken}"
            );
        }
    }

    #[test]
    fn it_is_recognised_by_its_offers_and_others_are_not() {
        let offer = r#"{"type":"OFFER","src":"a","dst":"b","payload":{"connectionId":"x"}}"#;
        assert_eq!(Talk::unknown().server(offer).unwrap().protocol(), "peerjs");
        for text in [
            r#"{"type":"HEARTBEAT"}"#,
            r#"{"type":"OFFER","payload":{"price":3}}"#,
            r#"{"type":"OPEN"}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
