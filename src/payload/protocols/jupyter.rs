//! Jupyter's kernel messages over WebSocket (jupyter-server, websocket protocols): by default JSON, with buffers behind a table of
//! offsets; with `v1.kernel.websocket.jupyter.org` all parts behind one. And its terminals' JSON arrays.

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::table::{fields, rules};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Out, Payload, summary};

const CHANNELS: &[&str] = &["shell", "iopub", "stdin", "control"];
/// Parts one message may have.
const PARTS: u64 = 10_000;

fields! {
    CHANNEL = "jupyter.channel", "Channel", Text, "Channel of a Jupyter message.",
        words(&["shell", "iopub", "stdin", "control", "terminal"]);
    MSG_TYPE = "jupyter.msg_type", "Message type", Text, "Type of a Jupyter message.";
    MSG_ID = "jupyter.msg_id", "Message id", Text, "Id of a Jupyter message.";
    PARENT_MSG_ID = "jupyter.parent_msg_id", "Parent message id", Text, "Id of the request that a Jupyter message belongs to.";
    EXECUTION_STATE = "jupyter.execution_state", "Execution state", Text, "What a Jupyter kernel is doing.";
    STATUS = "jupyter.status", "Status", Text, "How a Jupyter request ended.";
    BUFFERS = "jupyter.buffers", "Buffers", Unsigned, "How many buffers a Jupyter message has.";
    CONTENT = "jupyter.content", "Content", Text, "Content of a Jupyter message as JSON.", body();
}

rules! {
    INVALID = "jupyter-message-invalid", Error, "Jupyter Server, WebSocket kernel wire protocols",
        "A message is not in the form of Jupyter's protocol.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "jupyter",
    title: "Jupyter",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["header"]),
    start: |_| Box::new(Jupyter),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    if evidence.subprotocol() == "v1.kernel.websocket.jupyter.org" {
        return Claim::certain("subprotocol");
    }
    let path = &evidence.opening.path;
    let is_kernel = path.contains("/api/kernels/") && path.ends_with("/channels");
    if is_kernel || path.contains("/terminals/websocket/") {
        return Claim::certain("the path");
    }
    let json = match evidence.payload.kind {
        Kind::Binary => {
            return match Unit::in_bytes(evidence.payload.bytes).is_some_and(|unit| unit.is_sound())
            {
                true => Claim::certain("parts of a kernel's message"),
                false => None,
            };
        }
        Kind::Text if evidence.member("header").is_none() => return None,
        Kind::Text => evidence.json()?,
    };
    match Unit::in_json(json).is_some_and(|unit| unit.is_sound()) {
        true => Claim::certain("headers of a kernel's message"),
        false => None,
    }
}

/// A message's parts.
#[derive(Clone, Copy, Debug)]
struct Unit<'a> {
    channel: &'a str,
    /// An object, where it is there.
    header: Option<Json<'a>>,
    parent: Option<Json<'a>>,
    metadata: Option<Json<'a>>,
    content: Option<Json<'a>>,
    buffers: usize,
}

impl<'a> Unit<'a> {
    fn in_json(json: Json<'a>) -> Option<Unit<'a>> {
        let [channel, header, parent, metadata, content] =
            json.pick(["channel", "header", "parent_header", "metadata", "content"]);
        Some(Unit {
            channel: channel?.plain()?,
            header: header.filter(|header| header.kind() == JsonKind::Object),
            parent,
            metadata,
            content,
            buffers: 0,
        })
    }

    /// The parts behind a table of offsets: of version 1, whose numbers have eight bytes with the lowest first, or of the
    /// default, whose have four with the highest first.
    fn in_bytes(bytes: &'a [u8]) -> Option<Unit<'a>> {
        let first = bytes
            .first_chunk::<8>()
            .map(|first| u64::from_le_bytes(*first));
        if let Some(count) = first.filter(|count| (6..=PARTS).contains(count)) {
            let offsets = Offsets {
                bytes,
                count,
                size: 8,
            };
            // The last offset is where the last part ends.
            return Unit::of_parts(&offsets.parts()?);
        }
        let count = u64::from(u32::from_be_bytes(*bytes.first_chunk::<4>()?));
        if !(1..=PARTS).contains(&count) {
            return None;
        }
        let parts = Offsets {
            bytes,
            count,
            size: 4,
        }
        .parts()?;
        let unit = Unit::in_json(text(parts.first()?)?)?;
        Some(Unit {
            buffers: parts.len() - 1,
            ..unit
        })
    }

    fn of_parts(parts: &[&'a [u8]]) -> Option<Unit<'a>> {
        let [channel, header, parent, metadata, content, buffers @ ..] = parts else {
            return None;
        };
        Some(Unit {
            channel: std::str::from_utf8(channel).ok()?,
            header: text(header).filter(|header| header.kind() == JsonKind::Object),
            parent: text(parent),
            metadata: text(metadata),
            content: text(content),
            buffers: buffers.len(),
        })
    }

    /// Whether nothing else looks like it.
    fn is_sound(&self) -> bool {
        let has = |key| {
            self.header
                .is_some_and(|header| header.text_of(key).is_some())
        };
        has("msg_id")
            && has("msg_type")
            && CHANNELS.contains(&self.channel)
            && self.parent.is_some()
    }

    fn write(&self, from: Side, out: &mut Out<'_, 'a>) {
        out.field_at(&CHANNEL, self.channel, self.channel.as_bytes());
        let [kind, id] = self
            .header
            .map_or([None; 2], |header| header.pick(["msg_type", "msg_id"]));
        out.json_of(&MSG_TYPE, kind);
        out.json_of(&MSG_ID, id);
        let parent = self.parent.and_then(|parent| parent.get("msg_id"));
        out.json_of(&PARENT_MSG_ID, parent);
        let [state, status] = self.content.map_or([None; 2], |content| {
            content.pick(["execution_state", "status"])
        });
        out.json_of(&EXECUTION_STATE, state);
        out.json_of(&STATUS, status);
        if self.buffers > 0 {
            out.field(&BUFFERS, self.buffers);
        }
        let text = |json: Option<Json<'a>>| json.and_then(|json| json.text()).unwrap_or_default();
        let (kind, id, parent) = (text(kind), text(id), text(parent));
        if kind.ends_with("_request") && from == Side::Client {
            out.request(id.as_bytes(), &kind);
        } else if kind.ends_with("_reply") && from == Side::Server && !parent.is_empty() {
            out.answer(
                parent.as_bytes(),
                matches!(&*text(status), "error" | "aborted"),
            );
        }
        let said = self
            .content
            .map(|content| said(&kind, content))
            .unwrap_or_default();
        let channel = summary::part(self.channel);
        let line = format!("{channel} {} {said}", summary::part(&*kind));
        out.summary(line.trim_end());
        for (label, value) in [
            ("Metadata", self.metadata),
            ("Header", self.header),
            ("Parent header", self.parent),
        ] {
            if let Some(value) = value.filter(|value| value.raw() != "{}") {
                let span = out.span(value.bytes());
                out.line(label, value.datum()).at(span);
            }
        }
        out.json_of(&CONTENT, self.content);
    }
}

/// A table of offsets at the beginning of a message, itself behind their count.
struct Offsets<'a> {
    bytes: &'a [u8],
    count: u64,
    /// Bytes of a number.
    size: usize,
}

impl<'a> Offsets<'a> {
    fn at(&self, index: usize) -> Option<usize> {
        let start = self.size.checked_mul(index + 1)?;
        let number = self.bytes.get(start..start + self.size)?;
        let number = match self.size {
            8 => u64::from_le_bytes(*number.first_chunk()?),
            _ => u64::from(u32::from_be_bytes(*number.first_chunk()?)),
        };
        usize::try_from(number).ok()
    }

    /// The parts, where the table fits: the first begins behind it, none ends before it begins.
    fn parts(&self) -> Option<Vec<&'a [u8]>> {
        let count = usize::try_from(self.count).ok()?;
        let behind = self.size.checked_mul(count + 1)?;
        if self.at(0)? != behind || behind > self.bytes.len() {
            return None;
        }
        let mut parts = Vec::with_capacity(count);
        for index in 0..count {
            let start = self.at(index)?;
            let end = match index + 1 < count {
                true => self.at(index + 1)?,
                // Version 1 has an offset for the end too.
                false if self.size == 8 => break,
                false => self.bytes.len(),
            };
            parts.push(self.bytes.get(start..end)?);
        }
        let is_whole = self.size == 4 || self.at(count - 1)? == self.bytes.len();
        is_whole.then_some(parts)
    }
}

fn text<'a>(bytes: &&'a [u8]) -> Option<Json<'a>> {
    Json::parse(std::str::from_utf8(bytes).ok()?)
}

/// What a message's content says in short.
fn said(kind: &str, content: Json<'_>) -> String {
    let keys: &[&str] = match kind {
        "execute_request" | "execute_input" | "complete_request" | "inspect_request" => &["code"],
        "stream" => &["name", "text"],
        "error" => &["ename", "evalue"],
        "status" => &["execution_state"],
        "input_request" => &["prompt"],
        "comm_open" => &["target_name"],
        "execute_result" | "display_data" => {
            let plain = content
                .get("data")
                .and_then(|data| data.text_of("text/plain"));
            return summary::part(&*plain.unwrap_or_default());
        }
        _ => &["status"],
    };
    let values = keys.iter().filter_map(|key| content.text_of(key));
    let words: Vec<String> = values.map(|value| summary::part(&*value)).collect();
    words.join(" ")
}

#[derive(Clone, Debug)]
struct Jupyter;

impl Decode for Jupyter {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.text().and_then(Json::container);
        let unit = match (json, message.kind) {
            (Some(json), _) if json.kind() == JsonKind::Array => return terminal(json, out),
            (Some(json), _) => Unit::in_json(json),
            (None, Kind::Binary) => Unit::in_bytes(message.bytes),
            (None, Kind::Text) => None,
        };
        out.unit(DECODER.title);
        match unit {
            Some(unit) => {
                unit.write(message.from, out);
                if unit.header.is_none() {
                    out.finding(&INVALID, "a message has no header");
                    return Fit::Broken;
                }
                Fit::Yes
            }
            None => {
                out.summary("invalid message");
                let text = format!("{} is no message of Jupyter", summary::part(message.bytes));
                out.finding(&INVALID, text);
                Fit::Broken
            }
        }
    }
}

/// A terminal's message: `["stdin", "ls\r"]`, `["set_size", rows, columns, ...]`.
fn terminal<'a>(json: Json<'a>, out: &mut Out<'_, 'a>) -> Fit {
    let mut elements = json.elements();
    let Some((first, kind)) = elements
        .next()
        .and_then(|first| Some((first, first.plain()?)))
    else {
        return Fit::Broken;
    };
    out.unit("Jupyter terminal");
    out.field(&CHANNEL, "terminal");
    out.json(&MSG_TYPE, first);
    let rest: Vec<Json<'a>> = elements.take(8).collect();
    let shown: Vec<String> = rest
        .iter()
        .map(|value| summary::part(&*value.text().unwrap_or(value.raw().into())))
        .collect();
    out.summary(format!("{} {}", summary::part(kind), shown.join(" ")).trim_end());
    for value in rest {
        let span = out.span(value.bytes());
        let datum = value.datum();
        out.line("Value", datum).at(span);
    }
    Fit::Yes
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    fn header(kind: &str, id: &str) -> String {
        format!(
            r#"{{"msg_id":"{id}","msg_type":"{kind}","session":"s","username":"","version":"5.4"}}"#
        )
    }

    fn json(channel: &str, kind: &str, id: &str, parent: &str, content: &str) -> String {
        let parent = if parent.is_empty() {
            "{}".to_owned()
        } else {
            header("execute_request", parent)
        };
        format!(
            r#"{{"channel":"{channel}","header":{},"parent_header":{parent},"metadata":{{}},"content":{content},"buffers":[]}}"#,
            header(kind, id)
        )
    }

    /// The layout of version 1.
    fn v1(parts: &[&[u8]]) -> Vec<u8> {
        let count = parts.len() + 1;
        let mut bytes = (count as u64).to_le_bytes().to_vec();
        let mut at = 8 * (count + 1);
        for part in parts {
            bytes.extend((at as u64).to_le_bytes());
            at += part.len();
        }
        bytes.extend((at as u64).to_le_bytes());
        bytes.extend(parts.concat());
        bytes
    }

    #[test]
    fn a_reply_finds_its_request_in_either_form() {
        let mut talk = Talk::opened("/api/kernels/x/channels", "session_id=s", "");
        let asked = json("shell", "execute_request", "a", "", r#"{"code":"1/0"}"#);
        let ask = talk.client(&asked).unwrap();
        assert_eq!(ask.summary, "shell execute_request 1/0");
        let state = json("iopub", "status", "b", "a", r#"{"execution_state":"busy"}"#);
        let busy = talk.server(&state).unwrap();
        assert_eq!(
            (field(&busy, "jupyter.execution_state"), busy.calls.len()),
            (vec!["busy".to_owned()], 0)
        );
        let reply = json(
            "shell",
            "execute_reply",
            "c",
            "a",
            r#"{"status":"error","ename":"ZeroDivisionError"}"#,
        );
        let done = talk.server(&reply).unwrap();
        assert_eq!(
            (done.request(), field(&done, "call.error")),
            (Some(1), vec!["true".to_owned()])
        );
        assert_eq!(field(&done, "jupyter.parent_msg_id"), ["a"]);
    }

    #[test]
    fn parts_of_version_1_and_of_the_default() {
        let vector = v1(&[
            b"iopub",
            br#"{"a":1}"#,
            b"{}",
            b"{}",
            br#"{"x":2}"#,
            &[1, 2],
        ]);
        assert_eq!(vector.len(), 89);
        assert_eq!(vector[..8], 7u64.to_le_bytes());
        let mut talk = Talk::opened(
            "/api/kernels/x/channels",
            "",
            "v1.kernel.websocket.jupyter.org",
        );
        let told = talk.server_bytes(&vector).unwrap();
        assert_eq!(
            (
                field(&told, "jupyter.channel"),
                field(&told, "jupyter.buffers")
            ),
            (vec!["iopub".to_owned()], vec!["1".to_owned()])
        );
        assert_eq!(field(&told, "jupyter.content"), [r#"{"x":2}"#]);
        let text = json("shell", "comm_msg", "d", "", "{}");
        let mut bytes = [2u32.to_be_bytes(), 12u32.to_be_bytes()].concat();
        bytes.extend((12 + text.len() as u32).to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend([1, 2]);
        let told = Talk::unknown().client_bytes(&bytes).map(|it| {
            (
                it.confidence().name(),
                field(&it, "jupyter.msg_type"),
                field(&it, "jupyter.buffers"),
            )
        });
        assert_eq!(
            told,
            Some(("certain", vec!["comm_msg".to_owned()], vec!["1".to_owned()]))
        );
    }

    #[test]
    fn tables_that_do_not_fit_are_found() {
        let mut talk = Talk::opened(
            "/api/kernels/x/channels",
            "",
            "v1.kernel.websocket.jupyter.org",
        );
        let good = v1(&[b"iopub", b"{}", b"{}", b"{}", b"{}"]);
        assert_eq!(findings(&talk.server_bytes(&good).unwrap()), [""; 0]);
        for cut in 0..good.len() {
            let cut = talk.server_bytes(&good[..cut]).unwrap();
            assert_eq!(findings(&cut), ["jupyter-message-invalid"]);
        }
        let huge = [u64::MAX.to_le_bytes(), u64::MAX.to_le_bytes()].concat();
        assert_eq!(
            findings(&talk.server_bytes(&huge).unwrap()),
            ["jupyter-message-invalid"]
        );
        let mut backwards = good.clone();
        backwards[16..24].copy_from_slice(&3u64.to_le_bytes());
        assert_eq!(
            findings(&talk.server_bytes(&backwards).unwrap()),
            ["jupyter-message-invalid"]
        );
        assert_eq!(
            findings(&talk.server("{}").unwrap()),
            ["jupyter-message-invalid"]
        );
    }

    #[test]
    fn terminals_and_recognition() {
        let mut talk = Talk::opened("/terminals/websocket/1", "", "");
        let typed = talk.client(r#"["stdin","ls\r"]"#).unwrap();
        assert_eq!(
            (typed.summary.as_str(), field(&typed, "jupyter.msg_type")),
            ("stdin ls␍", vec!["stdin".to_owned()])
        );
        let text = json("iopub", "status", "b", "a", r#"{"execution_state":"idle"}"#);
        assert_eq!(
            Talk::unknown().server(&text).unwrap().confidence().name(),
            "certain"
        );
        for text in [
            r#"["stdin","ls\r"]"#,
            r#"{"channel":"shell","header":{},"parent_header":{},"content":{}}"#,
            r#"{"channel":"news","header":{"msg_id":"1","msg_type":"x"},"parent_header":{},"content":{}}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
