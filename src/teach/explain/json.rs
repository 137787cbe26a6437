//! Explanations as JSON.

use serde_json::{Value, json};

use super::frames::ExplainedFrame;
use super::head::{ExplainedHandshake, accept_command};
use super::names::Name;
use super::recognise::Explanation;
use crate::base::{Code, Field, Finding, Side};
use crate::insight::{Stage, Verdict, fix};
use crate::teach::sentences;
use crate::websocket::close::CloseCode;
use crate::websocket::deflate::{ParameterPlace, Parameters};
use crate::websocket::handshake::{Extension, HandshakeHeader, Presence, accept_steps};
use crate::websocket::{Opcode, mask};

/// All there is to say, as one value: `{"explained": [...]}`, each with its `type`.
#[must_use]
pub fn json(explanation: &Explanation) -> Value {
    let explained: Vec<_> = match explanation {
        Explanation::Frames(frames) => frames.iter().map(frame).collect(),
        Explanation::Handshake(handshake) => heads(handshake),
        Explanation::Key(text) => vec![key(text)],
        Explanation::CloseCode(code) => vec![close_code(*code)],
        Explanation::Opcode(code) => vec![opcode(*code)],
        Explanation::Extensions(extensions, from) => {
            extensions.iter().map(|one| extension(one, *from)).collect()
        }
        Explanation::Names(names) => names.iter().map(|one| name(*one)).collect(),
    };
    json!({ "explained": explained })
}

fn frame(frame: &ExplainedFrame) -> Value {
    let header_len = frame.header_len();
    let sent = frame.bytes.get(header_len..).unwrap_or_default();
    let key = frame.header.and_then(|header| header.masking_key);
    let masking = key.filter(|_| frame.framing.draft().is_none()).map(|key| {
        let mut plain = Vec::new();
        mask::unmask_into(sent, key, 0, &mut plain);
        let rows = sent.iter().zip(plain).enumerate();
        rows.map(|(at, (sent, plain))| json!({ "i": at, "sent": sent, "key": key[at % 4], "plain": plain }))
            .collect::<Vec<_>>()
    });
    json!({
        "type": "frame",
        "from": frame.from.name(),
        "draft": frame.framing.draft(),
        "position": frame.at,
        "bytes": hex::encode(&frame.bytes),
        "header_length": header_len,
        "header_complete": frame.header.is_some(),
        "fields": frame.fields().iter().map(field).collect::<Vec<_>>(),
        "opcode": frame.header.map(|header| header.opcode().name()),
        "payload_length": frame.header.map(|header| header.payload_length),
        "missing": frame.missing,
        "payload": hex::encode(&frame.payload),
        "compressed": frame.compressed,
        "masking": masking,
        "message": message(frame),
        "findings": frame.findings.iter().map(|found| finding(found, None)).collect::<Vec<_>>(),
    })
}

fn message(frame: &ExplainedFrame) -> Value {
    let Some(message) = &frame.message else {
        return Value::Null;
    };
    let text = std::str::from_utf8(&message.data).ok();
    let text = text.filter(|_| message.kind == crate::websocket::MessageKind::Text);
    let close = message.close.as_ref();
    let code = close.and_then(|(code, _)| *code);
    json!({
        "kind": message.kind.name(),
        "frames": message.frames,
        "compressed": message.compressed,
        "complete": message.complete,
        "text": text,
        "data": hex::encode(&message.data),
        "code": code.map(|code| code.0),
        "code_name": code.map(CloseCode::name),
        "reason": close.map(|(_, reason)| String::from_utf8_lossy(reason)),
    })
}

fn field(field: &Field) -> Value {
    let name = match field.name {
        "" => field.label.as_str(),
        name => name,
    };
    json!({
        "name": field.name,
        "label": field.label,
        "bits": field.bits,
        "value": field.value,
        "start": field.span.map(|span| span.start),
        "end": field.span.map(|span| span.end),
        "section": field.section,
        "sentence": sentences::sentence(name),
    })
}

fn finding(found: &Finding, side: Option<Side>) -> Value {
    json!({
        "code": found.code.name(),
        "severity": found.code.severity().name(),
        "section": found.code.section(),
        "from": side.map(Side::name),
        "text": found.text,
        "meaning": found.code.meaning(),
        "start": found.span.map(|span| span.start),
        "end": found.span.map(|span| span.end),
    })
}

fn heads(handshake: &ExplainedHandshake) -> Vec<Value> {
    let mut values = Vec::new();
    for side in [Side::Client, Side::Server] {
        let Some(head) = handshake.head(side) else {
            continue;
        };
        let lines: Vec<_> = handshake
            .lines(side)
            .into_iter()
            .map(|line| {
                json!({
                    "name": line.name,
                    "value": line.value,
                    "known": line.known.map(header),
                    "steps": line.children.iter().map(tree).collect::<Vec<_>>(),
                })
            })
            .collect();
        let findings = handshake.findings.iter().filter(|(of, _)| *of == side);
        values.push(json!({
            "type": if side == Side::Client { "request" } else { "response" },
            "status": head.status(),
            "method": head.status().is_none().then(|| String::from_utf8_lossy(head.method())),
            "target": head.status().is_none().then(|| String::from_utf8_lossy(head.target())),
            "lines": lines,
            "missing": handshake.missing(side).map(|header| header.name).collect::<Vec<_>>(),
            "findings": findings.map(|(of, found)| finding(found, Some(*of))).collect::<Vec<_>>(),
        }));
    }
    if let Some(found) = handshake.key() {
        values.push(key(found));
    }
    values
}

fn tree(field: &Field) -> Value {
    json!({
        "label": field.label,
        "value": field.value,
        "children": field.children.iter().map(tree).collect::<Vec<_>>(),
    })
}

fn header(header: &HandshakeHeader) -> Value {
    json!({
        "type": "header",
        "name": header.name,
        "from": header.side.name(),
        "required": header.presence == Presence::Required,
        "filter": header.filter,
        "section": header.section,
        "meaning": header.meaning,
    })
}

fn key(key: &str) -> Value {
    let steps = accept_steps(key.as_bytes());
    json!({
        "type": "key",
        "key": key,
        "joined": steps.joined,
        "sha1": hex::encode(steps.sha1),
        "accept": steps.accept,
        "command": accept_command(key),
    })
}

fn close_code(code: CloseCode) -> Value {
    let (meaning, section) = sentences::close_code(code.0);
    json!({
        "type": "close-code",
        "code": code.0,
        "name": code.name(),
        "may_be_sent": code.may_be_sent(),
        "meaning": meaning,
        "section": section,
    })
}

fn opcode(code: Opcode) -> Value {
    let (meaning, section) = sentences::opcode(code.number());
    json!({
        "type": "opcode",
        "opcode": code.number(),
        "name": code.name(),
        "control": code.is_control(),
        "meaning": meaning,
        "section": section,
    })
}

fn extension(extension: &Extension, from: Option<Side>) -> Value {
    let place = match from {
        Some(Side::Server) => ParameterPlace::Agreement,
        _ => ParameterPlace::Offer,
    };
    let known = sentences::extension(&extension.name);
    let parameters: Vec<_> = extension
        .parameters
        .iter()
        .map(|(name, value)| {
            let is_deflate = extension.name == "permessage-deflate";
            let set = is_deflate.then(|| Parameters::default().set(name, value.as_deref(), place));
            json!({
                "name": name,
                "value": value,
                "meaning": sentences::deflate_parameter(name).filter(|_| is_deflate),
                "wrong": set.and_then(Result::err),
            })
        })
        .collect();
    json!({
        "type": "extension",
        "name": extension.name,
        "meaning": known.map(|(meaning, _)| meaning),
        "section": known.map(|(_, section)| section),
        "parameters": parameters,
    })
}

fn name(name: Name) -> Value {
    match name {
        Name::Finding(code) => of_code(code),
        Name::Verdict(verdict) => of_verdict(verdict),
        Name::Opcode(code) => opcode(code),
        Name::Header(found) => header(found),
        Name::Field(field) => json!({
            "type": "field",
            "name": field,
            "section": "RFC 6455 5.2",
            "meaning": sentences::sentence(field),
        }),
        Name::Extension(text) | Name::Parameter(text) => {
            let (meaning, section) = name.extension().unwrap_or_default();
            json!({ "type": "extension", "name": text, "meaning": meaning, "section": section })
        }
    }
}

fn of_code(code: Code) -> Value {
    json!({
        "type": "finding",
        "name": code.name(),
        "severity": code.severity().name(),
        "section": code.section(),
        "meaning": code.meaning(),
    })
}

fn of_verdict(verdict: Verdict) -> Value {
    json!({
        "type": "verdict",
        "name": verdict.name(),
        "stage": verdict.stage().map(Stage::name),
        "severity": verdict.severity().name(),
        "meaning": verdict.meaning(),
        "fix": fix::all(verdict).iter().map(|text| text.replace("**", "").replace("\\|", "|")).collect::<Vec<_>>(),
        "settle": verdict.settle(),
        "source": verdict.source(),
    })
}
