//! One packet in text, and what any packet says to a reader.

use super::table::{DATA, EVENT, ID, NAMESPACE, PACKET_INVALID, TYPES};
use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::summary::{self, Line};
use crate::payload::{Datum, Out};

/// Attachments one packet may announce; more is no Socket.IO.
const ATTACHMENTS: u64 = 1000;
/// Arguments told in a summary.
const ARGUMENTS: usize = 4;

/// A packet's parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) kind: &'static str,
    pub(super) attachments: Option<u64>,
    pub(super) namespace: Option<&'a str>,
    pub(super) id: Option<(u64, &'a str)>,
    pub(super) data: &'a str,
}

impl<'a> Packet<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Packet<'a>> {
        let digit = text.as_bytes().first()?;
        let kind = TYPES.get(usize::from(digit.wrapping_sub(b'0')))?;
        let mut rest = text.get(1..)?;
        let mut attachments = None;
        if kind.starts_with("binary_") {
            let (count, behind) = rest.split_once('-')?;
            attachments = Some(count.parse().ok().filter(|count| *count <= ATTACHMENTS)?);
            rest = behind;
        }
        let mut namespace = None;
        if rest.starts_with('/') {
            let (name, behind) = rest.split_once(',').unwrap_or((rest, ""));
            namespace = Some(name);
            rest = behind;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, data) = rest.split_at(digits);
        Some(Packet {
            kind,
            attachments,
            namespace,
            id: digits.parse().ok().map(|id| (id, digits)),
            data,
        })
    }

    /// The namespace, which is `/` where none is sent. Up to version 4 a client may connect with a query behind it.
    fn namespace(&self) -> &'a str {
        let sent = self.namespace.unwrap_or("/");
        sent.split_once('?')
            .map_or(sent, |(namespace, _)| namespace)
    }

    /// Whether the data is what the type needs.
    pub(super) fn is_sound(&self) -> bool {
        self.needs(Json::parse(self.data))
    }

    /// The same, where the data was parsed.
    fn needs(&self, json: Option<Json<'_>>) -> bool {
        let is = |kind| json.is_some_and(|json| json.kind() == kind);
        match self.kind {
            "event" | "binary_event" => json.and_then(event_name).is_some(),
            "ack" | "binary_ack" => is(JsonKind::Array) && self.id.is_some(),
            "connect" => self.data.is_empty() || is(JsonKind::Object),
            // Version 4 of the protocol sends a string, version 5 an object.
            "connect_error" => is(JsonKind::Object) || is(JsonKind::String),
            _ => self.data.is_empty(),
        }
    }
}

/// The name of an event: the first element, a number in rare programs.
pub(super) fn event_name(json: Json<'_>) -> Option<Json<'_>> {
    let first = json.at(0)?;
    matches!(first.kind(), JsonKind::String | JsonKind::Number).then_some(first)
}

pub(super) fn fields<'a>(packet: &Packet<'a>, from: Side, out: &mut Out<'_, 'a>) {
    match packet.namespace {
        Some(namespace) => {
            let item = out.field_at(&NAMESPACE, namespace, namespace.as_bytes());
            // What a client authenticates with may stand in the query.
            item.secret = namespace.contains('?');
        }
        None => drop(out.field(&NAMESPACE, "/")),
    }
    if let Some((id, digits)) = packet.id {
        out.field_at(&ID, id, digits.as_bytes());
    }
    let json = Json::parse(packet.data);
    let name = json
        .filter(|_| packet.kind.ends_with("event"))
        .and_then(event_name);
    if let Some(name) = name {
        let text = name.text().unwrap_or(name.raw().into());
        out.field_at(&EVENT, text, name.bytes());
    }
    if !packet.data.is_empty() {
        let datum = json.map_or(Datum::from(packet.data), |_| {
            Datum::Json(packet.data.into())
        });
        let item = out.field_at(&DATA, datum, packet.data.as_bytes());
        if packet.kind == "connect" && from == Side::Client {
            // What a client authenticates with.
            item.secret();
        }
    }
    if !packet.needs(json) {
        let text = format!(
            "{} with the data {}",
            packet.kind,
            summary::part(packet.data)
        );
        out.finding(&PACKET_INVALID, text);
    }
    call(packet, from, name, out);
    out.summary(line(packet, json, name));
}

/// Who asks and who answers: an event with an id its acknowledgement, a client's CONNECT the server's.
pub(super) fn call(packet: &Packet<'_>, from: Side, name: Option<Json<'_>>, out: &mut Out<'_, '_>) {
    let key = |id: Option<u64>| format!("{}\0{id:?}", packet.namespace());
    let id = packet.id.map(|(id, _)| id);
    match (packet.kind, id, from) {
        ("event" | "binary_event", Some(_), _) => {
            let name = name.and_then(|name| name.text()).unwrap_or_default();
            out.request(key(id), &name);
        }
        ("ack" | "binary_ack", Some(_), _) => drop(out.answer(key(id), false)),
        ("connect", _, Side::Client) => drop(out.request(key(id), "connect")),
        ("connect", _, Side::Server) => drop(out.answer(key(id), false)),
        ("connect_error", ..) => drop(out.answer(key(id), true)),
        _ => {}
    }
}

/// `event chat {"text":"hi"} (ack 3)`.
pub(super) fn line(packet: &Packet<'_>, json: Option<Json<'_>>, name: Option<Json<'_>>) -> String {
    let mut line = Line::new(packet.kind);
    if packet.namespace() != "/" {
        line.part(packet.namespace());
    }
    if let Some(name) = name {
        line.part(name.text().unwrap_or(name.raw().into()).as_bytes());
    }
    match json {
        Some(json) if json.kind() == JsonKind::Array => {
            let arguments = json.elements().skip(usize::from(name.is_some()));
            for (at, argument) in arguments.take(ARGUMENTS).enumerate() {
                line.own(if at == 0 { " " } else { ", " })
                    .add(argument.raw());
            }
        }
        // What a client authenticates with does not stand in a list.
        Some(json) if packet.kind == "connect_error" => drop(line.part(json.raw())),
        _ => {}
    }
    if let Some((id, _)) = packet.id {
        let word = match packet.kind.ends_with("ack") {
            true => " (of ",
            false => " (ack ",
        };
        line.own(word).own(&id.to_string()).own(")");
    }
    line.finish()
}
