//! What a header or a frame says in its connection: its fields, what it answers, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::Frame;
use super::table::{self as t, Performative, TITLE};
use super::types::{Typed, Value};
use crate::base::{FieldInfo, PerSide, Side};
use crate::payload::{Datum, Heartbeat, Out, summary};

/// Links, sessions and open requests remembered of a side.
const REMEMBERED: usize = 1000;
/// Deliveries that one disposition settles.
const DELIVERIES: u64 = 1000;

/// What is known of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    has_begun: bool,
    is_old: bool,
    /// The header of each side that came last.
    headers: PerSide<Option<u8>>,
    /// Sessions by their channels on each side.
    sessions: PerSide<BTreeMap<u16, u32>>,
    next_session: u32,
    /// Addresses of links by session and handle.
    addresses: PerSide<BTreeMap<(u32, u64), Box<str>>>,
    /// What each side asked that the other answers with the same performative.
    asked: PerSide<BTreeSet<Vec<u8>>>,
}

impl Session {
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    pub(super) fn is_old(&self) -> bool {
        self.is_old
    }

    pub(super) fn memory(&self) -> usize {
        let side = |side: Side| -> usize {
            let addresses = self.addresses[side].values();
            let asked = self.asked[side].iter();
            addresses.map(|address| address.len() + 48).sum::<usize>()
                + asked.map(|key| key.len() + 48).sum::<usize>()
                + self.sessions[side].len() * 32
        };
        side(Side::Client) + side(Side::Server)
    }

    /// A protocol header.
    pub(super) fn header<'a>(&mut self, bytes: &'a [u8], from: Side, out: &mut Out<'_, 'a>) {
        let (name, rest) = bytes.split_at(4.min(bytes.len()));
        let at = |index: usize| rest.get(index..=index).unwrap_or_default();
        let number = |index: usize| rest.get(index).copied().unwrap_or_default();
        self.has_begun = true;
        self.is_old = rest == [0, 0, 9, 1];
        let span = out.span(bytes);
        out.unit(TITLE).words("protocol header").at(span);
        out.field_at(&t::PROTOCOL, String::from_utf8_lossy(name), name);
        if self.is_old {
            return out.summary("protocol header of AMQP 0-9-1");
        }
        let id = number(0);
        let words = match id {
            0 => "AMQP",
            2 => "TLS",
            3 => "SASL",
            _ => "",
        };
        out.field_at(&t::PROTOCOL_ID, id, at(0)).words(words);
        for (index, info) in [&t::VERSION_MAJOR, &t::VERSION_MINOR, &t::VERSION_REVISION]
            .into_iter()
            .enumerate()
        {
            out.field_at(info, number(index + 1), at(index + 1));
        }
        out.summary(format!(
            "protocol header {words} {}.{}.{}",
            number(1),
            number(2),
            number(3)
        ));
        self.headers[from] = Some(id);
        if from == Side::Server && self.headers.client.is_some_and(|client| client != id) {
            let text = format!("the server answers with the protocol id {id}");
            out.finding(&t::VERSION, text);
        }
    }

    /// A whole frame.
    pub(super) fn frame<'a>(
        &mut self,
        frame: &Frame<'a>,
        whole: &'a [u8],
        from: Side,
        out: &mut Out<'_, 'a>,
    ) {
        let span = out.span(whole);
        out.unit(TITLE).at(span);
        if frame.is_old {
            return old(frame, whole, out);
        }
        let bytes = |start: usize, end: usize| whole.get(start..end).unwrap_or_default();
        out.field_at(&t::LENGTH, frame.len, bytes(0, 4));
        out.field_at(&t::DOFF, frame.offset / 4, bytes(4, 5));
        let words = match frame.kind {
            0 => "AMQP",
            1 => "SASL",
            _ => "",
        };
        out.field_at(&t::TYPE, frame.kind, bytes(5, 6)).words(words);
        if frame.kind == 0 || frame.kind == 1 {
            out.field_at(&t::CHANNEL, frame.channel, bytes(6, 8));
        }
        if frame.body.is_empty() {
            out.heartbeat(Heartbeat::Ping);
            return out.summary("empty frame");
        }
        let Some((performative, typed, payload)) = frame.performative() else {
            out.summary("frame of an unknown kind");
            return out.finding(&t::MALFORMED, "a frame without a known performative");
        };
        let code = bytes(frame.offset, frame.offset + 3);
        out.field_at(&t::PERFORMATIVE, performative.name, code);
        let arguments = Arguments::read(performative, typed);
        arguments.write(out);
        let line = self.tell(&arguments, frame.channel, from, out);
        if performative.name == "transfer" && !payload.is_empty() {
            sections(payload, out);
        }
        out.summary(line);
    }

    /// What a performative asks or answers; its line.
    fn tell(
        &mut self,
        arguments: &Arguments<'_>,
        channel: u16,
        from: Side,
        out: &mut Out<'_, '_>,
    ) -> String {
        let name = arguments.performative.name;
        let session = self.sessions[from].get(&channel).copied();
        let handle = arguments.unsigned(&t::HANDLE);
        let link = session.zip(handle);
        let address = link.and_then(|link| self.addresses[from].get(&link).cloned());
        let mut line = name.to_owned();
        match name {
            "open" => {
                self.pair(b"open".to_vec(), name, from, out);
                line += &said(arguments.text(&t::CONTAINER_ID));
            }
            "begin" => self.begin(arguments, channel, from, out),
            "attach" => line += &self.attach(arguments, session, from, out),
            "flow" => line += &said(address.as_deref().map(str::to_owned)),
            "transfer" => line += &transfer(arguments, session, address.as_deref(), out),
            "disposition" => line += &disposition(arguments, session, out),
            "detach" => {
                line += &said(address.as_deref().map(str::to_owned));
                let key = format!(
                    "detach {session:?} {}",
                    address.as_deref().unwrap_or_default()
                );
                self.pair(key.into_bytes(), name, from, out);
                if let Some(link) = link {
                    self.addresses[from].remove(&link);
                }
            }
            "end" => {
                self.pair(format!("end {session:?}").into_bytes(), name, from, out);
                self.sessions[from].remove(&channel);
            }
            "close" => drop(self.pair(b"close".to_vec(), name, from, out)),
            _ => line += &sasl(arguments, out),
        }
        if let Some(error) = arguments.get(&t::ERROR).filter(|error| !error.is_null()) {
            let text = condition(&error);
            out.finding(&t::FAILED, format!("{name}: {}", summary::part(&text)));
            line += &format!(" {}", summary::part(&text));
        }
        line
    }

    /// Of two performatives of the same kind the first asks and the second answers; of the second, what was asked.
    fn pair(
        &mut self,
        key: Vec<u8>,
        method: &str,
        from: Side,
        out: &mut Out<'_, '_>,
    ) -> Option<Box<str>> {
        if self.asked[from.peer()].remove(&key) {
            return out.answer(key, false).map(|asked| asked.method);
        }
        out.request(&key, method);
        let asked = &mut self.asked[from];
        if asked.len() < REMEMBERED {
            asked.insert(key);
        }
        None
    }

    /// A session begins on a channel of each side, which the second names.
    fn begin(
        &mut self,
        arguments: &Arguments<'_>,
        channel: u16,
        from: Side,
        out: &mut Out<'_, '_>,
    ) {
        let remote = arguments.unsigned(&t::REMOTE_CHANNEL);
        let remote = remote.and_then(|remote| u16::try_from(remote).ok());
        let known = remote.and_then(|remote| self.sessions[from.peer()].get(&remote).copied());
        let session = known.unwrap_or(self.next_session);
        if known.is_none() {
            self.next_session = self.next_session.wrapping_add(1);
        }
        let sessions = &mut self.sessions[from];
        if sessions.len() < REMEMBERED {
            sessions.insert(channel, session);
        }
        self.pair(format!("begin {session}").into_bytes(), "begin", from, out);
    }

    /// A link is attached by both sides; its address is the one the sender's peer would look for.
    fn attach(
        &mut self,
        arguments: &Arguments<'_>,
        session: Option<u32>,
        from: Side,
        out: &mut Out<'_, '_>,
    ) -> String {
        let name = arguments.text(&t::NAME).unwrap_or_default();
        let is_receiver = arguments.get(&t::ROLE).and_then(|role| role.bool()) == Some(true);
        let (first, second) = match is_receiver {
            true => (&t::SOURCE, &t::TARGET),
            false => (&t::TARGET, &t::SOURCE),
        };
        let address_of = |info| arguments.get(info).and_then(|terminus| address(&terminus));
        let address = address_of(first).or_else(|| address_of(second));
        let method = format!("attach {}", address.as_deref().unwrap_or(&name));
        let key = format!("attach {session:?} {name}");
        let asked = self.pair(key.into_bytes(), &method, from, out);
        // Who answers may leave out what was asked for.
        let asked = asked
            .as_deref()
            .and_then(|method| method.strip_prefix("attach "));
        let address = address.or_else(|| asked.map(str::to_owned));
        let handle = arguments.unsigned(&t::HANDLE);
        if let (Some(session), Some(handle), Some(address)) = (session, handle, &address) {
            out.field(&t::ADDRESS, address.clone());
            let addresses = &mut self.addresses[from];
            if addresses.len() < REMEMBERED {
                addresses.insert((session, handle), address.as_str().into());
            }
        }
        let way = if is_receiver { " from" } else { " to" };
        format!("{way}{}", said(address.or(Some(name))))
    }
}

/// A transfer that is not settled waits for the disposition of its delivery.
fn transfer(
    arguments: &Arguments<'_>,
    session: Option<u32>,
    address: Option<&str>,
    out: &mut Out<'_, '_>,
) -> String {
    if let Some(address) = address {
        out.field(&t::ADDRESS, address.to_owned())
            .words("of its link");
    }
    let is_settled = arguments
        .get(&t::SETTLED)
        .and_then(|settled| settled.bool())
        == Some(true);
    let delivery = arguments.unsigned(&t::DELIVERY_ID);
    if let (Some(delivery), false) = (delivery, is_settled) {
        let method = format!("transfer {}", address.unwrap_or_default());
        out.request(delivery_key(session, delivery), method.trim_end());
    }
    let delivery = delivery.map(|delivery| format!("{delivery}"));
    format!("{}{}", said(address.map(str::to_owned)), said(delivery))
}

fn disposition(arguments: &Arguments<'_>, session: Option<u32>, out: &mut Out<'_, '_>) -> String {
    let first = arguments.unsigned(&t::FIRST).unwrap_or_default();
    let last = arguments.unsigned(&t::LAST).unwrap_or(first);
    let code = arguments.get(&t::STATE).and_then(|state| state.code());
    let state = t::state(code.unwrap_or_default());
    let is_receiver = arguments.get(&t::ROLE).and_then(|role| role.bool()) == Some(true);
    if is_receiver {
        for delivery in (first..=last).take(DELIVERIES as usize) {
            out.answer(delivery_key(session, delivery), state == "rejected");
        }
    }
    if state == "rejected" {
        let error = arguments
            .get(&t::STATE)
            .and_then(|state| state.elements().next());
        let text = error.map_or_else(String::new, |error| condition(&error));
        let text = format!("delivery {first}: {}", summary::part(&text));
        out.finding(&t::REJECTED, text);
    }
    let range = match first == last {
        true => format!("{first}"),
        false => format!("{first} to {last}"),
    };
    format!(" {state} {range}").replace("  ", " ")
}

fn delivery_key(session: Option<u32>, delivery: u64) -> Vec<u8> {
    format!("delivery {session:?} {delivery}").into_bytes()
}

/// SASL performatives: the mechanism asks, the outcome answers.
fn sasl(arguments: &Arguments<'_>, out: &mut Out<'_, '_>) -> String {
    match arguments.performative.name {
        "sasl-init" => {
            let mechanism = arguments.text(&t::MECHANISM);
            let method = format!("sasl {}", mechanism.as_deref().unwrap_or_default());
            out.request("sasl", &method);
            said(mechanism)
        }
        "sasl-challenge" => {
            out.provisional_answer("sasl");
            String::new()
        }
        "sasl-outcome" => {
            let code = arguments.unsigned(&t::SASL_CODE).unwrap_or_default();
            let named = t::SASL_CODES.iter().find(|(_, number)| *number == code);
            let name = named.map_or("unknown", |(name, _)| name);
            out.answer("sasl", code != 0);
            if code != 0 {
                out.finding(&t::SASL_FAILED, format!("the outcome is {code} ({name})"));
            }
            format!(" {name}")
        }
        _ => String::new(),
    }
}

/// A part of a line.
fn said(text: Option<String>) -> String {
    match text {
        Some(text) if !text.is_empty() => format!(" {}", summary::part(&text)),
        _ => String::new(),
    }
}

/// The address of a source or a target.
fn address(terminus: &Typed<'_>) -> Option<String> {
    terminus.elements().next()?.text()
}

/// Condition and description of an error.
fn condition(error: &Typed<'_>) -> String {
    let texts: Vec<String> = error
        .elements()
        .take(2)
        .filter_map(|part| part.text())
        .collect();
    texts.join(": ")
}

/// A performative with its arguments.
struct Arguments<'a> {
    performative: &'static Performative,
    values: Vec<Typed<'a>>,
}

impl<'a> Arguments<'a> {
    fn read(performative: &'static Performative, typed: Typed<'a>) -> Self {
        let values = typed
            .elements()
            .take(performative.arguments.len())
            .collect();
        Self {
            performative,
            values,
        }
    }

    fn get(&self, info: &'static FieldInfo) -> Option<Typed<'a>> {
        let mut arguments = self.performative.arguments.iter();
        let at = arguments.position(|known| std::ptr::eq(*known, info))?;
        self.values.get(at).copied()
    }

    fn unsigned(&self, info: &'static FieldInfo) -> Option<u64> {
        self.get(info)?.unsigned()
    }

    fn text(&self, info: &'static FieldInfo) -> Option<String> {
        self.get(info)?.text()
    }

    fn write(&self, out: &mut Out<'_, 'a>) {
        for (info, value) in self.performative.arguments.iter().zip(&self.values) {
            if value.is_null() {
                continue;
            }
            if std::ptr::eq(*info, &raw const t::STATE) {
                let state = t::state(value.code().unwrap_or_default());
                out.field_at(info, state, value.raw);
            } else {
                let datum = match value.value {
                    Value::List(_) | Value::Map(_) | Value::Array(_) | Value::Described(..) => {
                        Datum::Text(value.json().into())
                    }
                    _ => value.datum(),
                };
                out.field_at(info, datum, value.raw);
            }
        }
    }
}

/// The sections of a message, and what it carries.
fn sections<'a>(mut bytes: &'a [u8], out: &mut Out<'_, 'a>) {
    while !bytes.is_empty() {
        let Some(typed) = Typed::read(bytes) else {
            // A message over several transfers.
            return out.content(&t::PAYLOAD, bytes);
        };
        let Some(name) = typed.code().and_then(t::section) else {
            return out.content(&t::PAYLOAD, bytes);
        };
        let span = out.span(typed.raw);
        out.field(&t::SECTION, name).at(span);
        let inside = typed.described();
        match (name, inside.map(|inside| inside.value)) {
            ("data", Some(Value::Bytes(data))) => out.content(&t::PAYLOAD, data),
            (_, Some(Value::Text(text))) => out.content(&t::PAYLOAD, text),
            _ => drop(
                out.line("Values", Datum::Text(typed.json().into()))
                    .at(span),
            ),
        }
        bytes = bytes.get(typed.raw.len()..).unwrap_or_default();
        if out.is_full() {
            return;
        }
    }
}

/// A frame of AMQP 0-9-1.
fn old<'a>(frame: &Frame<'a>, whole: &'a [u8], out: &mut Out<'_, 'a>) {
    let words = match frame.kind {
        1 => "method",
        2 => "content header",
        3 => "content body",
        _ => "heartbeat",
    };
    let bytes = |start: usize, end: usize| whole.get(start..end).unwrap_or_default();
    out.field_at(&t::TYPE, frame.kind, bytes(0, 1)).words(words);
    out.field_at(&t::CHANNEL, frame.channel, bytes(1, 3));
    out.field_at(&t::LENGTH, frame.len, bytes(3, 7));
    if matches!(frame.kind, 4 | 8) {
        out.heartbeat(Heartbeat::Ping);
    }
    out.summary(format!("AMQP 0-9-1 {words}, {} bytes", frame.body.len()));
}
