//! What a decoder writes to: units, fields, calls, findings, and what it carries for another decoder.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::calls::{Answer, Call, CallRole, Calls, Pending, method};
use super::carry::Carry;
use super::claim::{Claim, Opening};
use super::datum::Datum;
use super::decoded::{Heartbeat, Item};
use super::element::Element;
use super::json::{Json, JsonKind, Outline};
use super::message::{Kind, Payload};
use super::packed::Packed;
use super::protobuf::Schema;
use crate::base::{Code, FieldInfo, Finding, PerSide, Rule, Side, Span};

/// Lines made of one message; what a message has beyond is not shown.
const ITEMS: usize = 10_000;
/// Findings made of one message.
const FINDINGS: usize = 16;
/// Calls told of one message.
const CALLS: usize = 1000;
/// Summaries of units told of one message.
const SUMMARIES: usize = 8;
/// Protocols inside one another.
const LEVELS: u8 = 8;
/// Bytes that everything inflated of one message may come to.
const INFLATED: usize = 4 << 20;

/// What is gathered over all layers; the requests and the opening last as long as the connection, the rest one message.
#[derive(Clone, Debug)]
pub(super) struct Gathered {
    pub(super) opening: Arc<Opening>,
    pub(super) requests: Calls,
    /// Sides of which a message was missing: decoders that begin later begin as after a loss.
    pub(super) lost: PerSide<bool>,
    pub(super) stack: SmallVec<[&'static str; 3]>,
    pub(super) summaries: Vec<String>,
    pub(super) calls: SmallVec<[Call; 1]>,
    pub(super) beats: Beats,
    pub(super) findings: Vec<Finding>,
    /// Bytes that may still be inflated of this message.
    pub(super) inflatable: usize,
    /// What binary messages of no protocol are to be read as.
    pub(super) schema: Option<Arc<Schema>>,
    /// Only the first messages choose a protocol, and what is of none is not decoded.
    pub(super) is_brief: bool,
    /// What was said over HTTP before the message at hand, the upgrade to the WebSocket: a summary a packet.
    pub(super) polled: Option<Vec<(Side, String)>>,
}

/// Which of a message's units are an application's own pings and pongs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Beats {
    latest: Option<Heartbeat>,
    count: u32,
    /// Units with a line of their own.
    units: u32,
}

impl Beats {
    /// Whether the message is one: it has nothing else.
    pub(super) fn heartbeat(self) -> Option<Heartbeat> {
        self.latest.filter(|_| self.count >= self.units)
    }
}

impl Gathered {
    pub(super) fn new(opening: Arc<Opening>) -> Self {
        Self {
            opening,
            requests: Calls::default(),
            lost: PerSide::default(),
            stack: SmallVec::new(),
            summaries: Vec::new(),
            calls: SmallVec::new(),
            beats: Beats::default(),
            findings: Vec::new(),
            inflatable: INFLATED,
            schema: None,
            is_brief: false,
            polled: None,
        }
    }

    /// Begins with another message.
    pub(super) fn clear(&mut self) {
        self.stack.clear();
        self.summaries.clear();
        self.calls.clear();
        self.beats = Beats::default();
        self.findings.clear();
        self.inflatable = INFLATED;
    }
}

/// Where a layer's lines go, and where its bytes lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Depth of its units among the lines.
    pub(super) depth: u8,
    /// How many protocols are around it.
    pub(super) level: u8,
    /// Position in the message of the payload's first byte, where the message has the bytes as they are.
    pub(super) at: Option<u64>,
    /// The payload's first bytes that came in earlier messages; the position is that of the byte behind them.
    pub(super) earlier: usize,
    /// What is around it.
    pub(super) parent: Option<&'static str>,
    /// Whether a protocol is around it, in which an encoding is nothing of its own.
    pub(super) in_protocol: bool,
}

/// What decodes what a protocol carries: the layer inside, of which no more is known here.
pub(super) trait InnerLayer: fmt::Debug {
    /// Decodes a message of whatever protocol it is.
    fn message<'b>(
        &mut self,
        payload: &Payload<'b>,
        place: Place,
        items: &mut Vec<Item<'b>>,
        gathered: &mut Gathered,
    ) -> Option<Claim>;

    /// Decodes what may be in an encoding and is no protocol of its own.
    fn encoding<'b>(
        &mut self,
        payload: &Payload<'b>,
        place: Place,
        items: &mut Vec<Item<'b>>,
        gathered: &mut Gathered,
    ) -> Option<Claim>;
}

/// Where a decoder writes.
#[derive(Debug)]
pub struct Out<'o, 'a> {
    pub(super) items: &'o mut Vec<Item<'a>>,
    pub(super) gathered: &'o mut Gathered,
    /// What the decoder's protocol carries is decoded there.
    pub(super) inner: &'o mut dyn InnerLayer,
    pub(super) payload: Payload<'a>,
    /// The payload's outline, where someone has looked whether it is JSON and it is.
    pub(super) outline: Option<&'o Outline>,
    pub(super) place: Place,
    /// The protocol's id, which the decoder may make more exact.
    pub(super) name: &'static str,
    /// The decoder's own id, by which its calls are matched.
    pub(super) family: &'static str,
    pub(super) is_encoding: bool,
    pub(super) depth: u8,
}

impl<'a> Out<'_, 'a> {
    /// What the handshake said.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.gathered.opening
    }

    /// What was said over HTTP before this message, where it is the upgrade to the WebSocket.
    pub(super) fn take_polled(&mut self) -> Option<Vec<(Side, String)>> {
        self.gathered.polled.take()
    }

    /// Whether the server sent the message.
    #[must_use]
    pub fn is_from_server(&self) -> bool {
        self.payload.from == Side::Server
    }

    /// The protocol is not the decoder's own but this one of its family.
    pub fn protocol(&mut self, name: &'static str) {
        self.name = name;
        if let Some(own) = self.gathered.stack.get_mut(usize::from(self.place.level)) {
            *own = name;
        }
    }

    /// Begins a unit: what follows are its fields.
    pub fn unit(&mut self, label: impl Into<Cow<'static, str>>) -> &mut Item<'a> {
        self.depth = self.place.depth.saturating_add(1);
        let item = self.push(None, label.into(), Datum::None);
        item.depth -= 1;
        item
    }

    /// A field that filters know.
    pub fn field(
        &mut self,
        info: &'static FieldInfo,
        datum: impl Into<Datum<'a>>,
    ) -> &mut Item<'a> {
        let item = self.push(Some(info), Cow::Borrowed(info.label), datum.into());
        item.secret = info.secret;
        item
    }

    /// The same, of bytes that stand in the payload as they are.
    pub fn field_at(
        &mut self,
        info: &'static FieldInfo,
        datum: impl Into<Datum<'a>>,
        bytes: &[u8],
    ) -> &mut Item<'a> {
        let span = self.span(bytes);
        self.field(info, datum).at(span)
    }

    /// A JSON value as a field.
    pub fn json(&mut self, info: &'static FieldInfo, json: Json<'a>) -> &mut Item<'a> {
        self.field_at(info, json.datum(), json.bytes())
    }

    /// The same of a value that may be missing, or null.
    pub fn json_of(&mut self, info: &'static FieldInfo, json: Option<Json<'a>>) {
        if let Some(json) = json.filter(|json| json.kind() != JsonKind::Null) {
            self.json(info, json);
        }
    }

    /// A MessagePack or CBOR value as a field: what has values inside as JSON, which opens into the values and their bytes.
    pub(crate) fn packed(&mut self, info: &'static FieldInfo, value: Packed<'a>) -> &mut Item<'a> {
        let item = self.field_at(info, value.datum(), value.raw());
        if value.is_container() {
            item.packed = Some((value.format(), value.raw().into()));
        }
        item
    }

    /// A value of JSON, MessagePack or CBOR as a field.
    pub(crate) fn element(
        &mut self,
        info: &'static FieldInfo,
        value: Element<'a>,
    ) -> &mut Item<'a> {
        match value {
            Element::Json(json) => self.json(info, json),
            Element::Packed(packed) => self.packed(info, packed),
        }
    }

    /// What a unit has as its body, as a field: JSON that opens, text, or bytes and below them what they decode to.
    pub fn content(&mut self, info: &'static FieldInfo, bytes: &'a [u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) if Json::container(text).is_some() => {
                self.field_at(info, Datum::Json(text.into()), bytes);
            }
            Ok(text) if !is_binary(text) => {
                self.field_at(info, text, bytes);
            }
            _ => {
                self.field_at(info, bytes, bytes);
                self.depth = self.depth.saturating_add(1);
                self.body(bytes.into());
                self.depth = self.depth.saturating_sub(1);
            }
        }
    }

    /// A line that is no field.
    pub fn line(
        &mut self,
        label: impl Into<Cow<'static, str>>,
        datum: impl Into<Datum<'a>>,
    ) -> &mut Item<'a> {
        self.push(None, label.into(), datum.into())
    }

    /// A line with lines inside.
    pub fn group(&mut self, label: impl Into<Cow<'static, str>>, inside: impl FnOnce(&mut Self)) {
        self.push(None, label.into(), Datum::None);
        self.depth = self.depth.saturating_add(1);
        inside(self);
        self.depth = self.depth.saturating_sub(1);
    }

    fn push(
        &mut self,
        info: Option<&'static FieldInfo>,
        label: Cow<'static, str>,
        datum: Datum<'a>,
    ) -> &mut Item<'a> {
        if self.items.len() >= ITEMS {
            // The last line says that there is more; what comes now takes its turn behind it, and goes with the next.
            self.items.truncate(ITEMS - 1);
            let more = Datum::from("more than can be shown here");
            self.items
                .push(Item::new(0, None, Cow::Borrowed("…"), more));
        }
        self.items.push(Item::new(self.depth, info, label, datum));
        let last = self.items.len() - 1;
        &mut self.items[last]
    }

    /// Whether no more lines are kept: a decoder may stop writing fields, and goes on with its state.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.items.len() >= ITEMS
    }

    /// The place in the message of bytes of the payload at hand, where they stand there as they are; of bytes that began in an
    /// earlier message, of those that this one has.
    #[must_use]
    pub fn span(&self, bytes: &[u8]) -> Option<Span> {
        let start = (bytes.as_ptr() as usize).checked_sub(self.payload.bytes.as_ptr() as usize)?;
        let is_inside = start + bytes.len() <= self.payload.bytes.len();
        is_inside.then(|| self.range(start, start + bytes.len()))?
    }

    /// The place in the message of a range of the payload's bytes.
    #[must_use]
    pub fn range(&self, start: usize, end: usize) -> Option<Span> {
        let Place { at, earlier, .. } = self.place;
        if end <= earlier && earlier > 0 {
            return None;
        }
        let position = |index: usize| Some(at? + index.saturating_sub(earlier) as u64);
        Some(Span::new(position(start)?, position(end)?))
    }

    /// The unit's line for lists. Bytes from the wire in it must be escaped; `super::summary` does it.
    pub fn summary(&mut self, text: impl Into<String>) {
        self.gathered.beats.units += 1;
        if self.gathered.summaries.len() < SUMMARIES {
            self.gathered.summaries.push(text.into());
        }
    }

    /// The message has no end of a unit, but a part of one, or of what is not known.
    pub(super) fn part(&mut self, title: &'static str, of: &str) {
        let len = self.payload.bytes.len();
        self.unit(title).words(format!("a part {of}"));
        self.summary(format!("part {of}, {len} bytes"));
    }

    /// Something is wrong with the message.
    pub fn finding(&mut self, rule: &'static Rule, text: impl Into<String>) {
        if self.gathered.findings.len() < FINDINGS {
            self.gathered
                .findings
                .push(Finding::new(Code::Protocol(rule), text));
        }
    }

    /// The unit is an application's own ping or pong.
    pub fn heartbeat(&mut self, heartbeat: Heartbeat) {
        let beats = &mut self.gathered.beats;
        beats.latest = Some(heartbeat);
        beats.count += 1;
    }

    /// A request: its answer will have the same key. Says whether a request with that key was waiting already.
    pub fn request(&mut self, key: impl AsRef<[u8]>, name: &str) -> bool {
        self.asked(key.as_ref(), name, false)
    }

    /// The same of a request that the peer may leave without an answer.
    pub fn request_freely(&mut self, key: impl AsRef<[u8]>, name: &str) -> bool {
        self.asked(key.as_ref(), name, true)
    }

    fn asked(&mut self, key: &[u8], name: &str, is_free: bool) -> bool {
        let asked = Pending {
            protocol: self.name,
            from: self.payload.from,
            method: method(name),
            number: self.payload.number,
            time: self.payload.time,
            is_answered: is_free,
            is_timed: false,
            has_failed: false,
        };
        self.call(Call {
            protocol: self.name,
            role: CallRole::Request,
            method: asked.method.clone(),
            request: None,
            time: None,
            is_error: false,
            is_timed: false,
            is_failure: false,
        });
        self.gathered.requests.ask(self.family, key, asked)
    }

    /// The sender takes its request with this key back, and expects no answer: the request, where it waited.
    pub fn withdraw(&mut self, key: impl AsRef<[u8]>) -> Option<Pending> {
        let from = self.payload.from;
        let requests = &mut self.gathered.requests;
        requests.withdraw(self.family, from, key.as_ref())
    }

    /// The last answer to the peer's request with this key: the request, where it was seen.
    pub fn answer(&mut self, key: impl AsRef<[u8]>, is_error: bool) -> Option<Pending> {
        self.answered(key.as_ref(), Answer::Last { is_error })
    }

    /// The peer's request with this key, where it waits for an answer.
    #[must_use]
    pub fn waiting(&self, key: impl AsRef<[u8]>) -> Option<&Pending> {
        let from = self.payload.from;
        let requests = &self.gathered.requests;
        requests.waiting(self.family, from, key.as_ref())
    }

    /// The last answer, of what may as well be said to nobody.
    pub fn answer_if_asked(&mut self, key: impl AsRef<[u8]>, is_error: bool) -> Option<Pending> {
        self.waiting(key.as_ref())?;
        self.answer(key, is_error)
    }

    /// An answer to the peer's request with this key, which may get more.
    pub fn answer_of_several(&mut self, key: impl AsRef<[u8]>) -> Option<Pending> {
        self.answered(key.as_ref(), Answer::Part { is_error: false })
    }

    /// An answer that says no more than that another will come, or what that takes: how long the request took is not told
    /// by this one.
    pub fn provisional_answer(&mut self, key: impl AsRef<[u8]>) -> Option<Pending> {
        self.answered(key.as_ref(), Answer::Provisional)
    }

    /// The same, of an answer that says that it failed.
    pub fn error_of_several(&mut self, key: impl AsRef<[u8]>) -> Option<Pending> {
        self.answered(key.as_ref(), Answer::Part { is_error: true })
    }

    fn answered(&mut self, key: &[u8], answer: Answer) -> Option<Pending> {
        let Payload { from, time, .. } = self.payload;
        let requests = &mut self.gathered.requests;
        let asked = requests.answer(self.family, from, key, answer);
        let is_error = answer.is_error();
        let times = |asked: &Pending| answer != Answer::Provisional && !asked.is_timed;
        if asked.is_none() && self.is_whole() {
            // It answers what its peer took back, or nothing.
            return None;
        }
        self.call(Call {
            protocol: self.name,
            role: CallRole::Answer,
            method: asked
                .as_ref()
                .map(|asked| asked.method.clone())
                .unwrap_or_default(),
            request: asked.as_ref().and_then(Pending::message),
            time: asked.as_ref().map(|asked| time.since(asked.time)),
            is_error,
            is_timed: asked.as_ref().is_some_and(times),
            is_failure: is_error && asked.as_ref().is_none_or(|asked| !asked.has_failed),
        });
        asked
    }

    fn call(&mut self, call: Call) {
        if self.gathered.calls.len() < CALLS {
            self.gathered.calls.push(call);
        }
    }

    /// What binary messages of no protocol are to be read as.
    #[must_use]
    pub fn schema(&self) -> Option<Arc<Schema>> {
        self.gathered.schema.clone()
    }

    /// Bytes that may still be inflated of this message; a decoder that inflates takes them off.
    #[must_use]
    pub fn inflatable(&mut self) -> &mut usize {
        &mut self.gathered.inflatable
    }

    /// Decodes a message of a byte stream together with what waits of the stream: `inside` is given the bytes, and says which
    /// of them wait on. What it says of bytes of earlier messages has no place in this one.
    pub fn stream<R>(
        &mut self,
        carry: &mut Carry,
        message: &Payload<'a>,
        inside: impl for<'i, 'b> FnOnce(&mut Out<'i, 'b>, &'b [u8], &mut Carry) -> R,
    ) -> R {
        let (bytes, earlier) = carry.join(message.bytes);
        match bytes {
            Cow::Borrowed(bytes) => inside(self, bytes, carry),
            Cow::Owned(bytes) => {
                let place = Place {
                    earlier,
                    ..self.place
                };
                self.other(&bytes, place, |out, bytes| inside(out, bytes, carry))
            }
        }
    }

    /// The same of bytes that the message has in another form, and which have no place in it.
    pub fn stream_of<R>(
        &mut self,
        carry: &mut Carry,
        bytes: &[u8],
        inside: impl for<'i, 'b> FnOnce(&mut Out<'i, 'b>, &'b [u8], &mut Carry) -> R,
    ) -> R {
        let bytes = carry.join(bytes).0.into_owned();
        self.apart(&bytes, |out, bytes| inside(out, bytes, carry))
    }

    /// Writes what is made of bytes that the message does not have as they are, such as inflated ones.
    pub fn apart<R>(
        &mut self,
        bytes: &[u8],
        inside: impl for<'i, 'b> FnOnce(&mut Out<'i, 'b>, &'b [u8]) -> R,
    ) -> R {
        let place = Place {
            at: None,
            ..self.place
        };
        self.other(bytes, place, inside)
    }

    /// Writes what is made of other bytes than the payload's.
    fn other<R>(
        &mut self,
        bytes: &[u8],
        place: Place,
        inside: impl for<'i, 'b> FnOnce(&mut Out<'i, 'b>, &'b [u8]) -> R,
    ) -> R {
        let mut items = Vec::new();
        let mut out = Out {
            items: &mut items,
            gathered: &mut *self.gathered,
            inner: &mut *self.inner,
            payload: self.payload.with(self.payload.kind, bytes),
            outline: None,
            place,
            name: self.name,
            family: self.family,
            is_encoding: self.is_encoding,
            depth: self.depth,
        };
        let result = inside(&mut out, bytes);
        (self.name, self.depth) = (out.name, out.depth);
        self.adopt(items);
        result
    }

    /// Whether every message of the connection so far was seen and every request is remembered, so that an answer without one
    /// answers nothing.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let Gathered {
            opening,
            lost,
            requests,
            ..
        } = &*self.gathered;
        opening.is_seen && !lost.client && !lost.server && requests.is_whole()
    }

    /// Decodes what the unit carries, inside it. The unit's summary gives way to that of what is recognised inside. Says
    /// whether something was.
    pub fn carry(&mut self, bytes: Cow<'a, [u8]>, kind: Kind) -> bool {
        let before = self.gathered.summaries.len();
        let units = self.gathered.beats.units;
        let claim = self.inside(bytes, kind, |inner, payload, place, items, gathered| {
            inner.message(payload, place, items, gathered)
        });
        if self.gathered.beats.units > units && units > 0 {
            self.gathered.beats.units -= 1;
        }
        if self.gathered.summaries.len() > before && before > 0 {
            self.gathered.summaries.remove(before - 1);
        }
        claim.is_some()
    }

    /// The same, of a unit whose summary is only made where what it carries has none.
    pub fn carry_or(
        &mut self,
        bytes: Cow<'a, [u8]>,
        kind: Kind,
        summary: impl FnOnce() -> String,
    ) -> bool {
        let at = self.gathered.summaries.len();
        self.summary(String::new());
        let is_carried = self.carry(bytes, kind);
        if let Some(empty) = self.gathered.summaries.get_mut(at)
            && empty.is_empty()
        {
            *empty = summary();
        }
        is_carried
    }

    /// Decodes what the unit has as its body, which may be in an encoding and is no protocol of its own. The unit's summary
    /// stays. Says whether an encoding was recognised.
    pub fn body(&mut self, bytes: Cow<'a, [u8]>) -> bool {
        let before = self.gathered.summaries.len();
        let beats = self.gathered.beats;
        let kind = match std::str::from_utf8(&bytes) {
            Ok(_) => Kind::Text,
            Err(_) => Kind::Binary,
        };
        let claim = self.inside(bytes, kind, |inner, payload, place, items, gathered| {
            inner.encoding(payload, place, items, gathered)
        });
        self.gathered.summaries.truncate(before);
        self.gathered.beats = beats;
        claim.is_some()
    }

    /// Gives bytes to the layer inside.
    fn inside(
        &mut self,
        bytes: Cow<'a, [u8]>,
        kind: Kind,
        decode: impl for<'b> FnOnce(
            &mut dyn InnerLayer,
            &Payload<'b>,
            Place,
            &mut Vec<Item<'b>>,
            &mut Gathered,
        ) -> Option<Claim>,
    ) -> Option<Claim> {
        if self.place.level + 1 >= LEVELS || bytes.is_empty() {
            return None;
        }
        let place = Place {
            depth: self.depth,
            level: self.place.level + 1,
            at: match &bytes {
                Cow::Borrowed(bytes) => self.whole_span(bytes).map(|span| span.start),
                Cow::Owned(_) => None,
            },
            earlier: 0,
            // What a message is compressed or written in carries it as if it were not.
            parent: match self.is_encoding {
                true => self.place.parent,
                false => Some(self.name),
            },
            in_protocol: self.place.in_protocol || !self.is_encoding,
        };
        let payload = self.payload;
        match bytes {
            Cow::Borrowed(bytes) => {
                let payload = Payload {
                    kind,
                    bytes,
                    ..payload
                };
                decode(self.inner, &payload, place, self.items, self.gathered)
            }
            Cow::Owned(bytes) => {
                let payload = payload.with(kind, &bytes);
                let mut items = Vec::new();
                let claim = decode(self.inner, &payload, place, &mut items, self.gathered);
                self.adopt(items);
                claim
            }
        }
    }

    /// The place of bytes that this message has all of.
    fn whole_span(&self, bytes: &[u8]) -> Option<Span> {
        self.span(bytes)
            .filter(|span| span.len() == bytes.len() as u64)
    }

    /// Appends lines whose bytes are not the message's.
    fn adopt(&mut self, items: Vec<Item<'_>>) {
        let room = ITEMS.saturating_sub(self.items.len());
        for item in items.into_iter().take(room) {
            self.items.push(item.into_owned());
        }
    }
}

/// Whether bytes that are UTF-8 by chance have characters that text does not.
fn is_binary(text: &str) -> bool {
    text.bytes()
        .any(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b))
}
