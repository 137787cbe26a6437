//! The Chrome DevTools Protocol (chromedevtools.github.io/devtools-protocol): commands with an id, their results, and events.
//!
//! With flat sessions a command goes to the session it names, and its id counts there.

use smallvec::SmallVec;

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::summary::Line;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Datum, Decode, Decoder, Evidence, Fit, Objects, Out, Payload, summary,
};

/// Domains of the browser's protocol and of JavaScript's, in which a command or an event is named.
const DOMAINS: &[&str] = &[
    "Accessibility",
    "Animation",
    "Audits",
    "Autofill",
    "BackgroundService",
    "BluetoothEmulation",
    "Browser",
    "CSS",
    "CacheStorage",
    "Cast",
    "Console",
    "DOM",
    "DOMDebugger",
    "DOMSnapshot",
    "DOMStorage",
    "Database",
    "Debugger",
    "DeviceAccess",
    "DeviceOrientation",
    "Emulation",
    "EventBreakpoints",
    "Extensions",
    "FedCm",
    "Fetch",
    "FileSystem",
    "HeadlessExperimental",
    "HeapProfiler",
    "IO",
    "IndexedDB",
    "Input",
    "Inspector",
    "LayerTree",
    "Log",
    "Media",
    "Memory",
    "Network",
    "NodeRuntime",
    "NodeTracing",
    "NodeWorker",
    "Overlay",
    "PWA",
    "Page",
    "Performance",
    "PerformanceTimeline",
    "Preload",
    "Profiler",
    "Runtime",
    "Schema",
    "Security",
    "ServiceWorker",
    "Storage",
    "SystemInfo",
    "Target",
    "Tethering",
    "Tracing",
    "WebAudio",
    "WebAuthn",
];
/// Commands remembered whose error may come without their session.
const RECENT: usize = 16;

fields! {
    TYPE = "cdp.type", "Type", Text, "What a DevTools message is.", words(&["command", "result", "error", "event"]);
    METHOD = "cdp.method", "Method", Text, "Method of a DevTools command or event; of a result, its command's.";
    ID = "cdp.id", "Id", Unsigned, "Id of a DevTools command, which its result repeats.";
    SESSION = "cdp.session", "Session", Text, "Session a DevTools message belongs to.";
    ERROR_CODE = "cdp.error.code", "Error code", Signed, "Code of a DevTools error.";
    ERROR_MESSAGE = "cdp.error.message", "Error message", Text, "What a DevTools error says.";
    PARAMS = "cdp.params", "Parameters", Text, "Parameters of a DevTools command or event as JSON.", body();
    RESULT = "cdp.result", "Result", Text, "Result of a DevTools command as JSON.", body();
}

rules! {
    ID_UNKNOWN = "cdp-id-unknown", Warning, "Chrome DevTools Protocol, Protocol Fundamentals",
        "A DevTools result has an id that no command waits with.";
    INVALID = "cdp-message-invalid", Error, "Chrome DevTools Protocol, Protocol Fundamentals",
        "A message is no DevTools command, result or event.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "cdp",
    title: "DevTools",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["method"]),
    start: |_| Box::new(DevTools::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let path = evidence.opening.path.strip_prefix("/devtools/");
    let kind = path.and_then(|path| path.split_once('/'));
    let is_endpoint = kind.is_some_and(|(kind, id)| {
        !id.is_empty()
            && kind
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    if is_endpoint {
        return Claim::certain("the path");
    }
    let (domain, name) = evidence.text_of("method")?.split_once('.')?;
    let is_named = DOMAINS.binary_search(&domain).is_ok()
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    let is_shaped = evidence.has_only(&["id", "method", "params", "sessionId"])
        && evidence
            .member("id")
            .is_none_or(|id| id.unsigned().is_some())
        && evidence
            .member("params")
            .is_none_or(|params| params.kind() == JsonKind::Object);
    match is_named && is_shaped {
        true => Claim::likely("methods of DevTools domains"),
        false => None,
    }
}

#[derive(Clone, Debug, Default)]
struct DevTools {
    /// The last commands that named a session: id and session.
    recent: SmallVec<[(u64, Box<str>); 2]>,
}

impl Decode for DevTools {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(json) = message.object() else {
            return invalid(message.bytes, out);
        };
        let [id, method, params, session, result, error] =
            json.pick(["id", "method", "params", "sessionId", "result", "error"]);
        let session_text = session
            .and_then(|session| session.text())
            .unwrap_or_default();
        let number = id.and_then(|id| id.unsigned());
        let name = method.and_then(|method| method.text());
        match (&name, number) {
            (Some(name), _) => {
                out.unit(DECODER.title);
                out.field(&TYPE, if number.is_some() { "command" } else { "event" });
                out.json_of(&METHOD, method);
                out.json_of(&ID, id);
                out.json_of(&SESSION, session);
                out.json_of(&PARAMS, params);
                let mut line = Line::of(&**name);
                line.part(
                    params
                        .map(|params| params.raw())
                        .filter(|raw| *raw != "{}")
                        .unwrap_or_default(),
                );
                out.summary(line.finish());
                if let Some(id) = number {
                    out.request(key(id, &session_text), name);
                    self.remember(id, &session_text);
                }
            }
            (None, Some(id)) if result.is_some() || error.is_some() => {
                self.result(id, &session_text, error, out);
                out.json_of(&ID, json.get("id"));
                out.json_of(&SESSION, session);
                out.json_of(&RESULT, result);
            }
            // What could not be read is answered by an error without an id.
            (None, None) if error.is_some() => {
                out.unit(DECODER.title);
                out.field(&TYPE, "error");
                let said = error.map(|error| failure(error, out)).unwrap_or_default();
                out.summary(format!("error {said}"));
            }
            _ => return invalid(message.bytes, out),
        }
        Fit::Yes
    }

    fn memory(&self) -> usize {
        self.recent
            .iter()
            .map(|(_, session)| session.len() + 24)
            .sum()
    }

    fn lost(&mut self, _from: Side) {}
}

impl DevTools {
    fn remember(&mut self, id: u64, session: &str) {
        if session.is_empty() || session.len() > 200 {
            return;
        }
        if self.recent.len() >= RECENT {
            self.recent.remove(0);
        }
        self.recent.push((id, session.into()));
    }

    fn result<'a>(&self, id: u64, session: &str, error: Option<Json<'a>>, out: &mut Out<'_, 'a>) {
        out.unit(DECODER.title);
        let is_error = error.is_some();
        out.field(&TYPE, if is_error { "error" } else { "result" });
        // A session that does not exist is not named in the error that says so.
        let unnamed = self.recent.iter().rev();
        let mut unnamed =
            unnamed.filter(|(recent, _)| is_error && session.is_empty() && *recent == id);
        let session = unnamed.next().map_or(session, |(_, session)| session);
        let asked = out.answer(key(id, session), is_error);
        let said = error.map(|error| failure(error, out));
        let word = said.map_or("result".to_owned(), |said| format!("error {said}"));
        match asked {
            Some(asked) => {
                out.summary(format!("{} {word}", summary::part(&*asked.method)));
                out.field(&METHOD, asked.method.into_string());
            }
            None => {
                out.summary(word);
                if out.is_whole() {
                    out.finding(&ID_UNKNOWN, format!("no command with the id {id} waits"));
                }
            }
        }
    }
}

fn key(id: u64, session: &str) -> String {
    format!("{id}\0{session}")
}

fn failure<'a>(error: Json<'a>, out: &mut Out<'_, 'a>) -> String {
    let [code, message] = error.pick(["code", "message"]);
    let number = code.and_then(|code| code.raw().parse().ok());
    if let (Some(code), Some(number)) = (code, number) {
        out.field_at(&ERROR_CODE, Datum::Signed(number), code.bytes());
    }
    out.json_of(&ERROR_MESSAGE, message);
    let message = message
        .and_then(|message| message.text())
        .unwrap_or_default();
    format!(
        "{} {}",
        number.unwrap_or_default(),
        summary::part(&*message)
    )
}

fn invalid(bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title);
    out.summary("invalid message");
    out.finding(
        &INVALID,
        format!("{} is no command, result or event", summary::part(bytes)),
    );
    Fit::Broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn page() -> Talk {
        Talk::opened("/devtools/page/FDB6022E65F08F10BD27C0F34C65F533", "", "")
    }

    #[test]
    fn the_domains_are_in_order() {
        assert!(DOMAINS.is_sorted());
    }

    #[test]
    fn a_result_has_its_commands_method() {
        let mut talk = page();
        let ask = talk
            .client(r#"{"id":1,"method":"Page.enable","sessionId":"A","params":{}}"#)
            .unwrap();
        assert_eq!(
            (ask.summary.as_str(), ask.confidence().name()),
            ("Page.enable", "certain")
        );
        talk.client(r#"{"id":1,"method":"DOM.enable","sessionId":"B"}"#);
        let result = talk
            .server(r#"{"id":1,"result":{},"sessionId":"A"}"#)
            .unwrap();
        assert_eq!(field(&result, "cdp.method"), ["Page.enable"]);
        assert_eq!(
            (result.request(), result.summary.as_str()),
            (Some(1), "Page.enable result")
        );
        let event = talk
            .server(r#"{"method":"Page.loadEventFired","params":{"timestamp":1},"sessionId":"A"}"#)
            .unwrap();
        assert_eq!(event.summary, r#"Page.loadEventFired {"timestamp":1}"#);
        assert!(event.calls.is_empty());
    }

    #[test]
    fn errors_find_their_commands() {
        let mut talk = page();
        talk.client(r#"{"id":13,"method":"Page.enable","sessionId":"NOSUCH"}"#);
        let error = talk
            .server(
                r#"{"id":13,"error":{"code":-32001,"message":"Session with given id not found."}}"#,
            )
            .unwrap();
        assert_eq!(field(&error, "cdp.error.code"), ["-32001"]);
        assert_eq!(
            error.summary,
            "Page.enable error -32001 Session with given id not found."
        );
        let stray = talk.server(r#"{"id":14,"result":{}}"#).unwrap();
        assert_eq!(findings(&stray), ["cdp-id-unknown"]);
        let broken = talk.client("{\"id\":").unwrap();
        assert_eq!(findings(&broken), ["cdp-message-invalid"]);
    }

    #[test]
    fn it_is_recognised_by_its_domains_and_nothing_else() {
        let mut talk = Talk::unknown();
        assert_eq!(
            talk.server(r#"{"id":7,"result":{}}"#).unwrap().protocol(),
            "json"
        );
        let event = talk
            .server(r#"{"method":"Network.dataReceived","params":{}}"#)
            .unwrap();
        assert_eq!(
            (event.protocol(), event.confidence().name()),
            ("cdp", "likely")
        );
        assert_eq!(
            talk.server(r#"{"id":8,"result":{}}"#).unwrap().protocol(),
            "cdp"
        );
        for text in [
            r#"{"id":1,"method":"Player.getItem","params":{}}"#,
            r#"{"id":"x","method":"Page.enable","params":{}}"#,
            r#"{"id":1,"method":"Page.enable","params":[]}"#,
            r#"{"id":1,"method":"Page.enable","token":"t"}"#,
            r#"{"id":1,"method":"session.new","params":{}}"#,
        ] {
            assert_eq!(
                Talk::unknown().client(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut talk = page();
        for id in 0..2000 {
            let text = format!(
                r#"{{"id":{id},"method":"Page.x","sessionId":"{}"}}"#,
                "s".repeat(500)
            );
            assert!(talk.client(&text).is_some());
        }
    }
}
