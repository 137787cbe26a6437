//! Vite's hot module replacement (vite.dev, HotPayload): what the development server tells a page, and events of plugins.

use crate::payload::json::Json;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, summary,
};

const TYPES: &[&str] = &[
    "connected",
    "ping",
    "update",
    "full-reload",
    "custom",
    "error",
    "prune",
];
/// Updates of one message that are told.
const UPDATES: usize = 1000;

fields! {
    TYPE = "vite.type", "Type", Text, "Type of a Vite message.", words(TYPES);
    EVENT = "vite.event", "Event", Text, "Event of a Vite plugin or of Vite.";
    PATH = "vite.path", "Path", Text, "Each file that a Vite message says has changed.";
    ERROR = "vite.error", "Error", Text, "What a Vite error says.";
}

rules! {
    INVALID = "vite-message-invalid", Error, "Vite, HotPayload", "A message is none of Vite.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "vite-hmr",
    title: "Vite",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["type"]),
    start: |_| Box::new(Vite),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if matches!(evidence.subprotocol(), "vite-hmr" | "vite-ping") {
        return Claim::certain("subprotocol");
    }
    if evidence.text_of("type") != Some("update") {
        return None;
    }
    let first = evidence.member("updates")?.at(0)?;
    let kind = first.text_of("type");
    let is_update = matches!(kind.as_deref(), Some("js-update" | "css-update"));
    match is_update && first.text_of("acceptedPath").is_some() {
        true => Claim::certain("updates of modules"),
        false => None,
    }
}

#[derive(Clone, Debug)]
struct Vite;

impl Decode for Vite {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.object();
        let [kind, event, data, path, error] = json.map_or([None; 5], |json| {
            json.pick(["type", "event", "data", "path", "err"])
        });
        let known =
            kind.and_then(|kind| Some((kind, kind.plain().filter(|word| TYPES.contains(word))?)));
        let Some((kind, word)) = known else {
            out.unit(DECODER.title);
            out.summary("invalid message");
            let text = format!("{} is no message of Vite", summary::part(message.bytes));
            out.finding(&INVALID, text);
            return Fit::Broken;
        };
        out.unit(DECODER.title);
        out.json(&TYPE, kind);
        out.json_of(&EVENT, event);
        out.json_of(&PATH, path);
        let mut shown: Vec<Json<'a>> = [event, path].into_iter().flatten().collect();
        let list =
            json.and_then(|json| json.get(if word == "prune" { "paths" } else { "updates" }));
        for update in list.iter().flat_map(|list| list.elements()).take(UPDATES) {
            let path = update.get("path").unwrap_or(update);
            out.json(&PATH, path);
            shown.push(path);
        }
        if let Some(said) = error.map(|error| error.get("message").unwrap_or(error)) {
            out.json(&ERROR, said);
            shown.push(said);
        }
        let mut line = word.to_owned();
        for value in shown.iter().take(4) {
            let text = value.text().unwrap_or(value.raw().into());
            line += &format!(" {}", summary::part(&*text));
        }
        out.summary(line);
        if word == "ping" {
            out.heartbeat(Heartbeat::Ping);
        }
        for (label, value) in [("Data", data), ("Updates", list), ("Error", error)] {
            if let Some(value) = value {
                let span = out.span(value.bytes());
                out.line(label, value.datum()).at(span);
            }
        }
        Fit::Yes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    const UPDATE: &str = r#"{"type":"update","updates":[{"type":"js-update","timestamp":1,"path":"/main.js","acceptedPath":"/tea.js"}]}"#;

    #[test]
    fn what_a_development_server_says() {
        let mut talk = Talk::opened("/", "token=x", "vite-hmr");
        assert_eq!(
            talk.server(r#"{"type":"connected"}"#).unwrap().summary,
            "connected"
        );
        let update = talk.server(UPDATE).unwrap();
        assert_eq!(
            (update.summary.as_str(), field(&update, "vite.path")),
            ("update /main.js", vec!["/main.js".to_owned()])
        );
        let custom = talk
            .client(r#"{"type":"custom","event":"lab:question","data":{"name":"ada"}}"#)
            .unwrap();
        assert_eq!(field(&custom, "vite.event"), ["lab:question"]);
        let error = talk
            .server(r#"{"type":"error","err":{"message":"Transform failed"}}"#)
            .unwrap();
        assert_eq!(error.summary, "error Transform failed");
        let prune = talk
            .server(r#"{"type":"prune","paths":["/a.css"]}"#)
            .unwrap();
        assert_eq!(prune.summary, "prune /a.css");
        assert_eq!(
            talk.client(r#"{"type":"ping"}"#).unwrap().heartbeat,
            Some(Heartbeat::Ping)
        );
        for broken in ["x", r#"{"type":"dance"}"#, "[]"] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["vite-message-invalid"],
                "{broken}"
            );
        }
    }

    #[test]
    fn it_is_recognised_by_its_updates_alone() {
        assert_eq!(
            Talk::unknown().server(UPDATE).unwrap().protocol(),
            "vite-hmr"
        );
        for text in [
            r#"{"type":"connected"}"#,
            r#"{"type":"update","updates":[{"path":"/x"}]}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
