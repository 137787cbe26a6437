//! What a packet says in its connection: its fields, what it answers, and what is wrong with it.

use std::collections::BTreeMap;

use super::packet::{self, Body, Connect, Header, Properties, Value};
use super::table::{self as t, name};
use crate::base::{FieldInfo, PerSide, Side, Timestamp};
use crate::payload::{Heartbeat, Out, Payload, summary};

/// Bytes of topics remembered for the aliases of one direction.
const ALIASES: usize = 1 << 18;

/// What is known of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// The level of the protocol, where CONNECT said it or only one fits what was seen.
    pub(super) version: Option<u8>,
    has_connected: bool,
    /// Every packet since the handshake was seen.
    is_whole: bool,
    keep_alive: u32,
    /// When the client's last packet came.
    heard: Option<Timestamp>,
    aliases: PerSide<Aliases>,
}

/// Topics by their aliases in one direction.
#[derive(Clone, Debug, Default)]
struct Aliases {
    topics: BTreeMap<u32, Box<[u8]>>,
    len: usize,
    /// Some were forgotten or never seen.
    is_partial: bool,
}

impl Aliases {
    fn learn(&mut self, alias: u32, topic: &[u8]) {
        let old = self.topics.remove(&alias).map_or(0, |topic| topic.len());
        self.len -= old;
        if self.len + topic.len() > ALIASES {
            self.is_partial = true;
            return;
        }
        self.len += topic.len();
        self.topics.insert(alias, topic.into());
    }
}

/// Whether a packet is as its type must be, in the given version or in any.
pub(super) fn is_sound(header: Header, bytes: &[u8], version: Option<u8>) -> bool {
    let fits =
        |version| packet::body(header, bytes, version).is_ok_and(|body| has_sound_topics(&body));
    let fits_version = match version {
        Some(version) => fits(version),
        None => fits(5) || fits(4),
    };
    header.has_right_flags(version) && fits_version
}

fn has_sound_topics(body: &Body<'_>) -> bool {
    let is_text = |bytes: &[u8]| !bytes.iter().any(u8::is_ascii_control);
    match body {
        Body::Publish {
            topic, properties, ..
        } => {
            let has_alias = topic.is_empty() && properties.number(35).is_some();
            has_alias || packet::is_topic(topic) && is_text(topic)
        }
        Body::Filters { filters, .. } => filters
            .iter()
            .all(|(filter, _)| packet::is_filter(filter) && is_text(filter)),
        Body::Connect(connect) => matches!(connect.name, b"MQTT" | b"MQIsdp"),
        _ => true,
    }
}

impl Session {
    pub(super) fn new(is_whole: bool) -> Self {
        Self {
            is_whole,
            ..Self::default()
        }
    }

    pub(super) fn has_connected(&self) -> bool {
        self.has_connected
    }

    /// A message is missing.
    pub(super) fn lost(&mut self) {
        self.is_whole = false;
        self.heard = None;
        for side in Side::BOTH {
            self.aliases[side].is_partial = true;
        }
    }

    pub(super) fn memory(&self) -> usize {
        let side = |side: Side| self.aliases[side].len + self.aliases[side].topics.len() * 48;
        side(Side::Client) + side(Side::Server)
    }

    /// Decodes a packet, its fixed header included.
    pub(super) fn packet<'a>(
        &mut self,
        header: Header,
        bytes: &'a [u8],
        message: &Payload<'_>,
        out: &mut Out<'_, 'a>,
    ) {
        let span = out.span(bytes);
        out.unit(t::TITLE).words(header.name()).at(span);
        let (fixed, rest) = bytes.split_at(header.len);
        fixed_header(header, fixed, out);
        let body = self.body(header, rest);
        if !header.has_right_flags(self.version) {
            let text = format!("{} with the flags {:04b}", header.name(), header.byte & 15);
            out.finding(&t::FLAGS_INVALID, text);
        }
        if message.from == Side::Client {
            self.client_spoke(header, message.time, out);
        }
        match body {
            Ok((body, is_sure)) => {
                if !is_sure {
                    out.line("Version", "3.1.1 or 5.0")
                        .words("CONNECT was not seen");
                }
                self.write(header, &body, message.from, out);
            }
            Err(wrong) => {
                out.summary(format!("{} {wrong}", header.name()));
                out.finding(&t::MALFORMED, format!("{}: {wrong}", header.name()));
            }
        }
    }

    /// Takes the packet's body apart; with it, whether the version is sure or plays no part.
    fn body<'a>(
        &mut self,
        header: Header,
        bytes: &'a [u8],
    ) -> Result<(Body<'a>, bool), &'static str> {
        if let Some(version) = self.version {
            return Ok((packet::body(header, bytes, version)?, true));
        }
        let is_sound = |body: &Result<Body<'_>, _>| body.as_ref().is_ok_and(has_sound_topics);
        let five = packet::body(header, bytes, 5);
        let four = packet::body(header, bytes, 4);
        match (is_sound(&five), is_sound(&four)) {
            (true, false) if header.kind() != 1 => {
                self.version = Some(5);
                Ok((five?, true))
            }
            (false, true) => {
                self.version = Some(4);
                Ok((four?, true))
            }
            // Both fit, or neither: what has no properties is the same in both.
            (true, true) => Ok((five?, !matches!(header.kind(), 3 | 9))),
            _ => Ok((five?, true)),
        }
    }

    /// The first packet must be CONNECT, and none may come long after the one before.
    fn client_spoke(&mut self, header: Header, now: Timestamp, out: &mut Out<'_, '_>) {
        match (header.kind(), self.heard) {
            (1, Some(_)) if self.has_connected => {
                out.finding(&t::CONNECT_REPEATED, "CONNECT on a connection that has one");
            }
            (1, _) => {}
            (_, None) if self.is_whole => {
                let text = format!("the client begins with {}", header.name());
                out.finding(&t::CONNECT_MISSING, text);
            }
            (_, Some(heard)) if self.keep_alive > 0 => {
                let silent = now.since(heard);
                let most = i64::from(self.keep_alive) * 1_500_000_000;
                if silent > most {
                    let text = format!(
                        "the client was silent for {:.1} s; its keep alive is {} s",
                        silent as f64 / 1e9,
                        self.keep_alive
                    );
                    out.finding(&t::KEEP_ALIVE_EXCEEDED, text);
                }
            }
            _ => {}
        }
        self.heard = Some(now);
    }

    fn write<'a>(&mut self, header: Header, body: &Body<'a>, from: Side, out: &mut Out<'_, 'a>) {
        let kind = header.name();
        match body {
            Body::Connect(connect) => self.connect(connect, out),
            Body::Connack {
                session_present,
                code,
                properties,
            } => self.connack(*session_present, code, *properties, out),
            Body::Publish {
                topic,
                id,
                properties,
                payload,
            } => {
                let topic = self.topic(topic, *properties, from, out);
                if let Some(id) = id {
                    identifier(id, out);
                }
                write_properties(*properties, "Properties", out);
                publish(header, &topic, *id, payload, out);
            }
            Body::Acknowledgement {
                id,
                reason,
                properties,
            } => acknowledgement(header, id, *reason, *properties, out),
            Body::Filters {
                id,
                properties,
                filters,
            } => write_filters(kind, id, *properties, filters, out),
            Body::Codes {
                id,
                properties,
                codes,
            } => self.codes(kind, id, *properties, codes, out),
            Body::Reason { reason, properties } => disconnect(header, *reason, *properties, out),
            Body::Ping => {
                out.heartbeat(match kind {
                    "PINGREQ" => Heartbeat::Ping,
                    _ => Heartbeat::Pong,
                });
                out.summary(kind);
            }
        }
    }

    fn connect<'a>(&mut self, connect: &Connect<'a>, out: &mut Out<'_, 'a>) {
        // A bridge sets the highest bit.
        let version = connect.version.first().copied().unwrap_or_default() & 0x7f;
        let is_whole = self.is_whole;
        *self = Session {
            version: Some(version),
            has_connected: true,
            is_whole,
            keep_alive: number(connect.keep_alive),
            heard: self.heard,
            aliases: PerSide::default(),
        };
        text(&t::PROTOCOL_NAME, connect.name, out);
        out.field_at(&t::VERSION, version, connect.version)
            .words(version_name(version));
        out.field(&t::CLEAN, connect.flags & 2 != 0);
        out.field(&t::WILL, connect.will.is_some());
        if connect.will.is_some() {
            out.field(&t::WILL_QOS, connect.flags >> 3 & 3);
            out.field(&t::WILL_RETAIN, connect.flags & 0x20 != 0);
        }
        out.field_at(
            &t::KEEP_ALIVE,
            number(connect.keep_alive),
            connect.keep_alive,
        );
        write_properties(connect.properties, "Properties", out);
        text(&t::CLIENT_ID, connect.client_id, out);
        if let Some((topic, message)) = connect.will {
            write_properties(connect.will_properties, "Will properties", out);
            text(&t::WILL_TOPIC, topic, out);
            out.content(&t::WILL_MESSAGE, message);
        }
        if let Some(username) = connect.username {
            text(&t::USERNAME, username, out);
        }
        if let Some(password) = connect.password {
            out.field_at(&t::PASSWORD, shown(password), password);
        }
        if connect.flags & 1 != 0 || connect.flags >> 3 & 3 == 3 {
            out.finding(
                &t::MALFORMED,
                format!("connect flags {:08b}", connect.flags),
            );
        }
        out.request("c", "CONNECT");
        out.summary(format!(
            "CONNECT {} (MQTT {})",
            summary::part(connect.client_id),
            version_name(version)
        ));
    }

    fn connack<'a>(
        &mut self,
        session_present: bool,
        code: &'a [u8],
        properties: Properties<'a>,
        out: &mut Out<'_, 'a>,
    ) {
        out.field(&t::SESSION_PRESENT, session_present);
        let value = code.first().copied().unwrap_or_default();
        // MQTT 3 has codes up to 5, MQTT 5 from 128 on.
        let is_5 = self.version.unwrap_or(5) >= 5 && !(1..128).contains(&value);
        let (info, names) = match is_5 {
            true => (&t::CONNACK_REASON, t::REASONS),
            false => (&t::RETURN_CODE, t::RETURN_CODES),
        };
        let words = name(names, value);
        out.field_at(info, value, code).words(words);
        write_properties(properties, "Properties", out);
        if let Some(seconds) = properties.number(19) {
            self.keep_alive = seconds;
        }
        out.answer("c", value != 0);
        if value != 0 {
            out.finding(&t::REFUSED, format!("{value} {words}").trim_end());
        }
        out.summary(format!("CONNACK {words}").trim_end());
    }

    /// Writes the topic of a publication: its own, or the one its alias stands for.
    fn topic<'a>(
        &mut self,
        topic: &'a [u8],
        properties: Properties<'a>,
        from: Side,
        out: &mut Out<'_, 'a>,
    ) -> String {
        let aliases = &mut self.aliases[from];
        let alias = properties.number(35);
        if topic.is_empty()
            && let Some(alias) = alias
        {
            let Some(known) = aliases.topics.get(&alias) else {
                if !aliases.is_partial && self.is_whole {
                    out.finding(&t::ALIAS_UNKNOWN, format!("topic alias {alias}"));
                }
                return format!("alias {alias}");
            };
            let known = String::from_utf8_lossy(known).into_owned();
            out.field(&t::TOPIC, known.clone()).words("by its alias");
            return known;
        }
        if let Some(alias) = alias {
            aliases.learn(alias, topic);
        }
        text(&t::TOPIC, topic, out);
        if !packet::is_topic(topic) {
            let text = format!("PUBLISH to {:?}", summary::part(topic));
            out.finding(&t::TOPIC_INVALID, text);
        }
        String::from_utf8_lossy(topic).into_owned()
    }

    /// SUBACK and UNSUBACK.
    fn codes<'a>(
        &self,
        kind: &'static str,
        id: &'a [u8],
        properties: Properties<'a>,
        codes: &'a [u8],
        out: &mut Out<'_, 'a>,
    ) {
        identifier(id, out);
        write_properties(properties, "Properties", out);
        let is_5 = self.version.unwrap_or(5) >= 5;
        for code in codes.chunks(1) {
            let value = code.first().copied().unwrap_or_default();
            let words = code_name(value);
            if kind == "SUBACK" {
                out.field_at(&t::GRANTED_QOS, value, code).words(words);
            }
            if is_5 {
                let info = match kind {
                    "SUBACK" => &t::SUBACK_REASON,
                    _ => &t::UNSUBACK_REASON,
                };
                out.field_at(info, value, code).words(words);
            }
            if value >= 128 {
                out.finding(&t::FAILED, format!("{kind}: {value} {words}"));
            }
            if out.is_full() {
                break;
            }
        }
        let is_error = !codes.is_empty() && codes.iter().all(|code| *code >= 128);
        let letter = if kind == "SUBACK" { b's' } else { b'u' };
        out.answer(key(letter, id), is_error);
        let words: Vec<&str> = codes.iter().take(8).map(|code| code_name(*code)).collect();
        out.summary(format!("{kind} {} {}", number(id), words.join(", ")).trim_end());
    }
}

fn fixed_header<'a>(header: Header, fixed: &'a [u8], out: &mut Out<'_, 'a>) {
    let first = fixed.get(..1).unwrap_or_default();
    out.field_at(&t::TYPE, header.kind(), first)
        .words(header.name());
    out.field_at(&t::FLAGS, header.byte, first);
    if header.kind() == 3 {
        out.field_at(&t::DUP, header.byte & 8 != 0, first);
        out.field_at(&t::QOS, header.qos(), first);
        out.field_at(&t::RETAIN, header.byte & 1 != 0, first);
    }
    out.field_at(
        &t::LENGTH,
        header.remaining,
        fixed.get(1..).unwrap_or_default(),
    );
}

fn publish<'a>(
    header: Header,
    topic: &str,
    id: Option<&'a [u8]>,
    payload: &'a [u8],
    out: &mut Out<'_, 'a>,
) {
    if !payload.is_empty() {
        out.content(&t::MESSAGE, payload);
    }
    let line = format!("PUBLISH {}", summary::part(topic));
    let mut said = line.clone();
    if let Some(id) = id {
        said += &format!(" (QoS {}, id {})", header.qos(), number(id));
        let is_repeated = out.request(key(b'p', id), &format!("PUBLISH {topic}"));
        if is_repeated && header.byte & 8 == 0 {
            let text = format!("{line} with the identifier {}", number(id));
            out.finding(&t::ID_IN_USE, text);
        }
    }
    if !payload.is_empty() {
        said += &format!(" {}", summary::part(payload));
    }
    out.summary(said);
}

/// PUBACK and PUBCOMP end a publication; PUBREC is the first of two answers, unless it refuses.
fn acknowledgement<'a>(
    header: Header,
    id: &'a [u8],
    reason: Option<&'a [u8]>,
    properties: Properties<'a>,
    out: &mut Out<'_, 'a>,
) {
    identifier(id, out);
    let info = match header.kind() {
        4 => &t::PUBACK_REASON,
        5 => &t::PUBREC_REASON,
        6 => &t::PUBREL_REASON,
        _ => &t::PUBCOMP_REASON,
    };
    let value = write_reason(info, reason, header, out);
    write_properties(properties, "Properties", out);
    let is_error = value >= 128;
    match header.kind() {
        5 if !is_error => drop(out.provisional_answer(key(b'p', id))),
        6 => {}
        _ => drop(out.answer(key(b'p', id), is_error)),
    }
    let words = if value == 0 {
        ""
    } else {
        name(t::REASONS, value)
    };
    out.summary(format!("{} {} {words}", header.name(), number(id)).trim_end());
}

/// DISCONNECT and AUTH.
fn disconnect<'a>(
    header: Header,
    reason: Option<&'a [u8]>,
    properties: Properties<'a>,
    out: &mut Out<'_, 'a>,
) {
    let info = match header.kind() {
        14 => &t::DISCONNECT_REASON,
        _ => &t::AUTH_REASON,
    };
    let value = write_reason(info, reason, header, out);
    write_properties(properties, "Properties", out);
    let words = if value == 0 {
        ""
    } else {
        name(t::REASONS, value)
    };
    out.summary(format!("{} {words}", header.name()).trim_end());
}

/// A reason code, which stands for success where it is left out.
fn write_reason<'a>(
    info: &'static FieldInfo,
    reason: Option<&'a [u8]>,
    header: Header,
    out: &mut Out<'_, 'a>,
) -> u8 {
    let Some(reason) = reason else {
        return 0;
    };
    let value = reason.first().copied().unwrap_or_default();
    let words = name(t::REASONS, value);
    out.field_at(info, value, reason).words(words);
    if value >= 128 {
        out.finding(&t::FAILED, format!("{}: {value} {words}", header.name()));
    }
    value
}

/// SUBSCRIBE and UNSUBSCRIBE.
fn write_filters<'a>(
    kind: &'static str,
    id: &'a [u8],
    properties: Properties<'a>,
    filters: &[(&'a [u8], Option<u8>)],
    out: &mut Out<'_, 'a>,
) {
    identifier(id, out);
    write_properties(properties, "Properties", out);
    for (filter, options) in filters {
        text(&t::TOPIC, filter, out);
        if let Some(options) = options {
            out.field(&t::REQUESTED_QOS, options & 3);
            if options & !3 != 0 {
                out.field(&t::NO_LOCAL, options & 4 != 0);
                out.field(&t::AS_PUBLISHED, options & 8 != 0);
                out.field(&t::RETAIN_HANDLING, options >> 4 & 3);
            }
        }
        if !packet::is_filter(filter) {
            let text = format!("{kind} of {:?}", summary::part(filter));
            out.finding(&t::TOPIC_INVALID, text);
        }
    }
    let topics: Vec<String> = filters
        .iter()
        .take(8)
        .map(|(filter, _)| summary::part(filter))
        .collect();
    let line = format!("{kind} {}", topics.join(", "));
    let letter = if kind == "SUBSCRIBE" { b's' } else { b'u' };
    if out.request(key(letter, id), &line) {
        let text = format!("{line} with the identifier {}", number(id));
        out.finding(&t::ID_IN_USE, text);
    }
    out.summary(line);
}

fn write_properties<'a>(properties: Properties<'a>, label: &'static str, out: &mut Out<'_, 'a>) {
    if properties.is_empty() {
        return;
    }
    out.group(label, |out| {
        for (id, value) in properties.each() {
            let number = id.first().copied().unwrap_or_default();
            out.field_at(&t::PROPERTY_ID, number, id)
                .words(name(t::PROPERTIES, number));
            property(number, value, out);
            if out.is_full() {
                break;
            }
        }
    });
}

fn property<'a>(id: u8, value: Value<'a>, out: &mut Out<'_, 'a>) {
    match value {
        Value::Number(number, bytes) => {
            let info = match id {
                35 => &t::TOPIC_ALIAS,
                _ => &t::PROPERTY_NUMBER,
            };
            out.field_at(info, number, bytes);
        }
        Value::Text(bytes) if id == 3 => text(&t::CONTENT_TYPE, bytes, out),
        Value::Text(bytes) => text(&t::PROPERTY_TEXT, bytes, out),
        Value::Bytes(bytes) => {
            let item = out.field_at(&t::PROPERTY_TEXT, shown(bytes), bytes);
            // Authentication data.
            item.secret |= id == 22;
        }
        Value::Pair(key, value) => {
            text(&t::PROPERTY_KEY, key, out);
            text(&t::PROPERTY_VALUE, value, out);
        }
    }
}

fn identifier<'a>(id: &'a [u8], out: &mut Out<'_, 'a>) {
    out.field_at(&t::ID, number(id), id);
}

fn text<'a>(info: &'static FieldInfo, bytes: &'a [u8], out: &mut Out<'_, 'a>) {
    out.field_at(info, String::from_utf8_lossy(bytes), bytes);
}

/// Bytes as text where they are.
fn shown(bytes: &[u8]) -> crate::payload::Datum<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.into(),
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// The key of a call: what is asked, and the packet's identifier.
fn key(letter: u8, id: &[u8]) -> Vec<u8> {
    [&[letter], id].concat()
}

fn version_name(version: u8) -> &'static str {
    match version {
        3 => "3.1",
        4 => "3.1.1",
        5 => "5.0",
        _ => "of an unknown version",
    }
}

fn code_name(code: u8) -> &'static str {
    match code {
        0 => "QoS 0",
        1 => "QoS 1",
        2 => "QoS 2",
        128 => "failure",
        code => name(t::REASONS, code),
    }
}
