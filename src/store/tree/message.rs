//! The tree of a message, and of what it carries.

use crate::base::{Field, Layer, Span, Value, escape};
use crate::engine::MessageEvent;
use crate::payload::{self, Decoded, json};
use crate::websocket::{Message, MessageKind};

use super::words::{PREVIEW, bytes};

/// Frames named.
const FRAMES: usize = 16;

/// The message, and the protocols inside it. Places count in its bytes.
pub(super) fn trees(event: &MessageEvent<'_>) -> Vec<Field> {
    let layer = match event.message.compressed {
        true => Layer::Inflated,
        false => Layer::Message,
    };
    let mut trees = Vec::from([message(event, layer)]);
    let carried = event.decoded.filter(|decoded| decoded.says_more());
    trees.extend(carried.map(|decoded| carried_tree(decoded, event.message, layer)));
    trees
}

fn message(event: &MessageEvent<'_>, layer: Layer) -> Field {
    let message = event.message;
    let kind = message.kind.name();
    let length = message.length.map_or("unknown length".into(), bytes);
    let mut field = Field::new(
        format!("Message {}", event.number),
        format!("{kind}, from the {}, {length}", event.from),
    )
    .named("message")
    .typed(Value::Unsigned(event.number));
    if message.compressed {
        let ratio = format!(
            "{} on the wire, {length} inflated",
            bytes(message.wire_length)
        );
        let compressed = Field::new("Compressed", ratio)
            .named("message.compressed")
            .typed(Value::Bool(true))
            .section("RFC 7692");
        field.children.push(compressed);
    }
    if !message.complete {
        let complete = Field::new("Complete", "no")
            .named("message.complete")
            .typed(Value::Bool(false));
        field.children.push(complete);
    }
    if let Some(time) = event.round_trip {
        let value = format!("{:.6} s after its ping", time as f64 / 1e9);
        let time = Field::new("Round trip", value)
            .named("rtt")
            .typed(Value::Duration(time));
        field.children.push(time);
    }
    content(message, layer, &mut field.children);
    field.children.push(frames(event));
    if let Some(digest) = &message.sha256 {
        let digest = Field::new("SHA-256", hex::encode(digest))
            .named("message.sha256")
            .typed(Value::Bytes(digest));
        field.children.push(digest);
    }
    field
}

fn frames(event: &MessageEvent<'_>) -> Field {
    let count = event.message.frame_count;
    let listed = event.frames.iter().take(FRAMES).map(ToString::to_string);
    let mut value = listed.collect::<Vec<_>>().join(", ");
    if count > FRAMES as u64 {
        value += &format!(" and {} more", count - FRAMES as u64);
    }
    let label = if count == 1 { "Frame" } else { "Frames" };
    Field::new(label, value)
        .named("message.fragments")
        .typed(Value::Unsigned(event.frames.len() as u64))
}

fn content(message: &Message<'_>, layer: Layer, fields: &mut Vec<Field>) {
    let all = message.data.unwrap_or(message.beginning);
    let whole = Span::new(0, all.len() as u64);
    if message.kind == MessageKind::Close
        && let Some((code, reason)) = &message.close
    {
        let words = code.map_or("none".into(), |code| format!("{} {}", code.0, code.name()));
        let split = whole.end.min(2);
        let mut field = Field::new("Close code", words)
            .at(layer, Span::new(0, split))
            .section("RFC 6455 7.4");
        if let Some(code) = code {
            field = field
                .named("close.code")
                .typed(Value::Unsigned(code.0.into()));
        }
        fields.push(field);
        let mut field =
            Field::new("Reason", escape::text(reason)).at(layer, Span::new(split, whole.end));
        if !reason.is_empty() {
            field = field.named("close.reason").typed(Value::Bytes(reason));
        }
        fields.push(field);
        return;
    }
    let (label, text) = match message.kind {
        MessageKind::Text => ("Text", std::str::from_utf8(all).ok()),
        _ => ("Data", None),
    };
    if message.data.is_none() && all.is_empty() && message.wire_length > 0 {
        fields.push(Field::new(label, "not kept"));
        return;
    }
    let mut field = Field::new(label, escape::preview(all, PREVIEW)).at(layer, whole);
    if message.data.is_some() {
        field = match text {
            Some(text) => field.named("message.text").typed(Value::Text(text)),
            None => field.named("message.data").typed(Value::Bytes(all)),
        };
    }
    fields.push(field);
    if text.is_some() && message.data.is_some() {
        fields.extend(json::field(all, layer, Some(0)));
    }
}

/// What a message carries: how it was recognised, whom it answers, and its units with their fields.
fn carried_tree(decoded: &Decoded<'_>, message: &Message<'_>, layer: Layer) -> Field {
    let whole = message.data.map_or(0, |data| data.len() as u64);
    let mut field = Field::new(decoded.stack_words(), decoded.summary.clone())
        .named("payload.protocol")
        .typed(Value::Text(decoded.protocol()))
        .at(layer, Span::new(0, whole));
    let confidence = decoded.confidence().name();
    let how = Field::new("Recognised", format!("{confidence}: {}", decoded.claim.why))
        .named("payload.confidence")
        .typed(Value::Text(confidence));
    field.children.push(how);
    if decoded.is_heartbeat() {
        let beat = Field::new("Heart-beat", "yes")
            .named("payload.heartbeat")
            .typed(Value::Bool(true));
        field.children.push(beat);
    }
    for call in &decoded.calls {
        let Some(request) = call.request else {
            continue;
        };
        let time = call.time.map_or(String::new(), |time| {
            format!(" after {:.3} ms", time as f64 / 1e6)
        });
        let method = escape::text(call.method.as_bytes());
        let error = if call.is_error { ", with an error" } else { "" };
        let answers = format!("{method} of message {request}{time}{error}");
        let answers = Field::new("Answers", answers)
            .named("call.request")
            .typed(Value::Unsigned(request));
        field.children.push(answers);
    }
    field.children.extend(payload::tree(decoded, layer));
    field
}
