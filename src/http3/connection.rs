//! Both directions of one HTTP/3 connection: requests, responses and the DATA of the streams that are asked for.
//!
//! A stream costs nothing unless the receiver follows it. What a server sends waits until the request is known, and what stands
//! behind a header block that is blocked waits for the encoder's instructions; both are bounded. Violations are findings, and
//! what can be read behind them is read.

use std::collections::BTreeMap;

use crate::base::{Code, Finding, Limits, PerSide, Side, Span};
use crate::http2::{DataPlace, GoAway, Message, asks_for_websocket};

use super::frame::{GOAWAY, HEADERS, Part, SETTINGS, setting, settings, varint};
use super::qpack::{Decoder, Read};
use super::request::{Item, Request};
use super::sink::{Origin, OriginSink};
use super::unidirectional::Unidirectional;

/// What one side said and sent.
#[derive(Debug)]
struct Speaker {
    /// Decodes what this side sends.
    decoder: Decoder,
    streams: BTreeMap<u64, Unidirectional>,
    has_settings: bool,
    enables_connect: bool,
    /// Something of its control stream is missing, so that its settings may be.
    is_lossy: bool,
}

/// Both directions of one connection.
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    speakers: PerSide<Speaker>,
    requests: BTreeMap<u64, Request>,
    /// A request by :protocol before the server's settings.
    early_connect: Option<(u32, Span)>,
}

impl Connection {
    /// A connection of which nothing was seen yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            speakers: PerSide::new(|_| Speaker {
                decoder: Decoder::new(limits),
                streams: BTreeMap::new(),
                has_settings: false,
                enables_connect: false,
                is_lossy: false,
            }),
            requests: BTreeMap::new(),
            early_connect: None,
        }
    }

    /// Bytes held beyond the connection itself, roughly.
    #[must_use]
    pub fn held(&self) -> usize {
        let speaker = |speaker: &Speaker| {
            let streams = speaker.streams.values();
            speaker.decoder.held() + streams.map(Unidirectional::held).sum::<usize>()
        };
        let requests = self.requests.values().map(|request| {
            let halves = &request.halves;
            halves.client.held() + halves.server.held() + size_of::<Request>()
        });
        let speakers = speaker(&self.speakers.client) + speaker(&self.speakers.server);
        speakers + requests.sum::<usize>()
    }

    /// Takes the next bytes of one direction of a stream; whether more of it is wanted.
    pub fn push(
        &mut self,
        stream: u64,
        from: Side,
        bytes: &[u8],
        origin: Origin,
        out: &mut impl OriginSink,
    ) -> bool {
        match kind(stream) {
            Kind::Unidirectional => self.unidirectional(stream, from, bytes, origin, out),
            Kind::Request if self.is_next(stream, from) => {
                self.bytes(stream, from, bytes, origin, out);
                if from == Side::Client {
                    self.read(stream, out);
                }
                self.requests.contains_key(&stream)
            }
            Kind::Request => self.item(stream, from, Item::Bytes(bytes.to_vec(), origin), out),
            Kind::Other => false,
        }
    }

    /// Passes over bytes that are missing; whether more of the stream is wanted.
    pub fn gap(&mut self, stream: u64, from: Side, len: u64, out: &mut impl OriginSink) -> bool {
        match kind(stream) {
            Kind::Request => self.item(stream, from, Item::Gap(len), out),
            Kind::Other => false,
            Kind::Unidirectional => {
                let speaker = &mut self.speakers[from];
                match speaker.streams.remove(&stream) {
                    Some(Unidirectional::Control(_)) => speaker.is_lossy = true,
                    Some(Unidirectional::Encoder) => speaker.decoder.lose(),
                    // It may have been either.
                    Some(Unidirectional::Unknown(_)) | None => {
                        speaker.is_lossy = true;
                        speaker.decoder.lose();
                    }
                }
                self.unblock(from, out);
                false
            }
        }
    }

    /// This side sends no more on the stream.
    pub fn end(&mut self, stream: u64, from: Side, out: &mut impl OriginSink) {
        if kind(stream) == Kind::Request && self.requests.contains_key(&stream) {
            self.item(stream, from, Item::End, out);
        }
    }

    /// This side ended the stream at once.
    pub fn reset(&mut self, stream: u64, from: Side, code: u64, out: &mut impl OriginSink) {
        let Some(request) = self.requests.remove(&stream) else {
            return;
        };
        if let Some(id) = narrow(stream).filter(|_| request.is_followed) {
            out.reset(id, from, code_of(code), Span::default());
        }
    }

    /// The stream is followed no longer.
    pub fn drop_stream(&mut self, stream: u64, out: &mut impl OriginSink) {
        let request = self.requests.remove(&stream);
        if let Some(id) = narrow(stream)
            && request.is_some_and(|request| request.is_followed)
        {
            out.dropped(id);
        }
    }

    /// Whether the next bytes of a direction can be read as they come.
    fn is_next(&self, stream: u64, from: Side) -> bool {
        self.requests.get(&stream).is_some_and(|request| {
            let half = &request.halves[from];
            let is_open = request.is_followed || from == Side::Client;
            is_open && half.blocked.is_none() && half.waiting.is_empty()
        })
    }

    fn unidirectional(
        &mut self,
        stream: u64,
        from: Side,
        bytes: &[u8],
        origin: Origin,
        out: &mut impl OriginSink,
    ) -> bool {
        let mut rest = bytes;
        let speaker = &mut self.speakers[from];
        let entry = speaker.streams.entry(stream).or_default();
        if !entry.begin(&mut rest, &self.limits) {
            speaker.streams.remove(&stream);
            return false;
        }
        out.origin(origin.packet);
        match entry {
            Unidirectional::Unknown(_) => {}
            Unidirectional::Encoder => {
                if let Some(fault) = speaker.decoder.instructions(rest) {
                    let text = format!("QPACK encoder stream: {fault}");
                    invalid(from, None, text, out);
                }
                self.unblock(from, out);
            }
            Unidirectional::Control(reader) => {
                let mut frames = Vec::new();
                while let Some(part) = reader.next(&mut rest) {
                    if let Part::Frame(kind, payload) = part {
                        frames.push((kind, payload));
                    }
                }
                for (kind, payload) in frames {
                    match kind {
                        SETTINGS => self.settings(from, &payload, out),
                        GOAWAY => self.go_away(from, &payload, out),
                        _ => {}
                    }
                }
            }
        }
        true
    }

    fn settings(&mut self, from: Side, payload: &[u8], out: &mut impl OriginSink) {
        self.speakers[from].has_settings = true;
        // Without a word of the receiver there is no dynamic table (RFC 9204 section 5).
        self.speakers[from.peer()].decoder.allow(0);
        for (id, value) in settings(payload) {
            match id {
                setting::QPACK_MAX_TABLE_CAPACITY => {
                    self.speakers[from.peer()].decoder.allow(value);
                }
                setting::ENABLE_CONNECT_PROTOCOL => {
                    self.speakers[from].enables_connect = value == 1;
                    out.connect_protocol(from, value == 1, Span::default());
                    if value > 1 {
                        let text = format!(
                            "SETTINGS_ENABLE_CONNECT_PROTOCOL is {value}, out of its range (RFC 9220 3)"
                        );
                        invalid(from, None, text, out);
                    }
                }
                2..=5 => {
                    let text = format!("setting {id} is one of HTTP/2 (RFC 9114 7.2.4.1)");
                    invalid(from, None, text, out);
                }
                _ => {}
            }
        }
        if from == Side::Server
            && let Some((stream, at)) = self.early_connect.take()
            && !self.speakers.server.enables_connect
        {
            not_enabled(stream, at, out);
        }
        self.unblock(from.peer(), out);
    }

    /// RFC 9114 section 5.2: of a server the first stream that it does not take up.
    fn go_away(&mut self, from: Side, payload: &[u8], out: &mut impl OriginSink) {
        let Some(id) = varint(&mut crate::base::Cursor::new(payload)) else {
            return;
        };
        let last = id
            .checked_sub(1)
            .map_or(0, |last| u32::try_from(last).unwrap_or(u32::MAX));
        let go_away = GoAway {
            last_stream: last,
            code: 0,
            debug: &[],
        };
        out.go_away(from, go_away, Span::default());
    }

    /// Takes what comes of one direction of a request stream; whether more is wanted.
    fn item(&mut self, stream: u64, from: Side, item: Item, out: &mut impl OriginSink) -> bool {
        let limits = &self.limits;
        let request = self
            .requests
            .entry(stream)
            .or_insert_with(|| Request::new(limits));
        let half = &mut request.halves[from];
        half.wait(item);
        if half.cost > self.limits.early_bytes {
            self.drop_stream(stream, out);
            return false;
        }
        self.read(stream, out);
        self.requests.contains_key(&stream)
    }

    /// Reads what waits of a stream as far as it need not wait.
    fn read(&mut self, stream: u64, out: &mut impl OriginSink) {
        for from in [Side::Client, Side::Server] {
            while let Some(request) = self.requests.get_mut(&stream) {
                let is_open = request.is_followed || from == Side::Client;
                let half = &mut request.halves[from];
                if !is_open || half.blocked.is_some() {
                    break;
                }
                let Some(item) = half.take() else {
                    break;
                };
                match item {
                    Item::Bytes(bytes, origin) => self.bytes(stream, from, &bytes, origin, out),
                    Item::Gap(len) => self.missing(stream, from, len, out),
                    Item::End => self.ended(stream, from, out),
                }
            }
        }
    }

    fn bytes(
        &mut self,
        stream: u64,
        from: Side,
        bytes: &[u8],
        origin: Origin,
        out: &mut impl OriginSink,
    ) {
        out.origin(origin.packet);
        let mut rest = bytes;
        while let Some(request) = self.requests.get_mut(&stream) {
            let is_followed = request.is_followed;
            let half = &mut request.halves[from];
            let Some(part) = half.reader.next(&mut rest) else {
                break;
            };
            let here = origin.after(bytes.len() - rest.len());
            match part {
                Part::Data(data) => {
                    let offset = half.sent;
                    half.sent += data.len() as u64;
                    if let Some(id) = narrow(stream).filter(|_| is_followed) {
                        let at = here.at.saturating_sub(data.len() as u64);
                        out.data(id, from, data, DataPlace { offset, at });
                    }
                }
                Part::Frame(HEADERS, block) => {
                    if !self.headers(stream, from, block, here, out) {
                        self.keep_rest(stream, from, rest, here);
                        return;
                    }
                }
                Part::Frame(..) => {}
                Part::TooLong(_) => {
                    let most = self.limits.http_head;
                    let text = format!("header block of stream {stream} is over {most} bytes");
                    out.finding(from, narrow(stream), Finding::new(Code::HeadTooLong, text));
                    self.headless(stream, from, out);
                }
            }
        }
    }

    /// What stands behind a block that has to wait.
    fn keep_rest(&mut self, stream: u64, from: Side, rest: &[u8], origin: Origin) {
        if let Some(request) = self.requests.get_mut(&stream)
            && !rest.is_empty()
        {
            request.halves[from].put_back(Item::Bytes(rest.to_vec(), origin));
        }
    }

    /// A header block; false where it has to wait.
    fn headers(
        &mut self,
        stream: u64,
        from: Side,
        block: Vec<u8>,
        origin: Origin,
        out: &mut impl OriginSink,
    ) -> bool {
        let Some(request) = self.requests.get_mut(&stream) else {
            return true;
        };
        // Trailers change nothing in the table and say nothing here.
        if request.halves[from].has_head {
            return true;
        }
        let mut message = Message::of_http3();
        let read = self.speakers[from]
            .decoder
            .decode(&block, |field| message.push(field));
        let (outcome, fault) = match read {
            Read::Done(outcome, fault) => (outcome, fault),
            Read::Blocked => {
                request.halves[from].blocked = Some((block, origin));
                return false;
            }
        };
        let start = origin.at.saturating_sub(block.len() as u64);
        let at = Span::new(start, origin.at);
        match from {
            Side::Client => self.request(stream, message, &outcome, at, out),
            Side::Server => self.response(stream, message, &outcome, at, out),
        }
        let id = narrow(stream);
        if let Some(fault) = fault {
            invalid(
                from,
                id,
                format!("header block of stream {stream}: {fault}"),
                out,
            );
        }
        if outcome.omitted > 0 {
            let text = format!(
                "{} fields of stream {stream} are left out, the list is over its limit",
                outcome.omitted
            );
            out.finding(from, id, Finding::new(Code::HeadTooLong, text));
        }
        true
    }

    fn request(
        &mut self,
        stream: u64,
        message: Message,
        outcome: &crate::http2::Outcome,
        at: Span,
        out: &mut impl OriginSink,
    ) {
        let (head, faults) = message.into_request(outcome);
        let is_extended = head.value(":protocol").is_some() || asks_for_websocket(&head);
        let Some(id) = narrow(stream).filter(|id| out.request(*id, head, at)) else {
            self.requests.remove(&stream);
            return;
        };
        if let Some(request) = self.requests.get_mut(&stream) {
            request.is_followed = true;
            request.halves.client.has_head = true;
        }
        for fault in faults {
            invalid(
                Side::Client,
                Some(id),
                format!("request on stream {id}: {fault}"),
                out,
            );
        }
        let server = &self.speakers.server;
        if is_extended && !server.enables_connect && !server.is_lossy {
            match server.has_settings {
                true => not_enabled(id, at, out),
                // The two directions may have been captured out of order; the settings will tell.
                false => {
                    self.early_connect.get_or_insert((id, at));
                }
            }
        }
    }

    fn response(
        &mut self,
        stream: u64,
        message: Message,
        outcome: &crate::http2::Outcome,
        at: Span,
        out: &mut impl OriginSink,
    ) {
        let Some(id) = narrow(stream) else {
            return;
        };
        let (head, faults) = message.into_response(outcome);
        for fault in faults {
            invalid(
                Side::Server,
                Some(id),
                format!("response on stream {id}: {fault}"),
                out,
            );
        }
        let status = head.status();
        let is_interim = status.is_some_and(|status| (100..200).contains(&status));
        if let Some(request) = self.requests.get_mut(&stream) {
            request.halves.server.has_head = !is_interim;
        }
        out.response(id, head, at);
    }

    fn missing(&mut self, stream: u64, from: Side, len: u64, out: &mut impl OriginSink) {
        let Some(request) = self.requests.get_mut(&stream) else {
            return;
        };
        let half = &mut request.halves[from];
        let (inside, is_lost) = half.reader.gap(len);
        half.sent = half.sent.saturating_add(inside);
        let (has_head, is_followed) = (half.has_head, request.is_followed);
        if !has_head {
            self.headless(stream, from, out);
            return;
        }
        if let Some(id) = narrow(stream).filter(|_| is_followed) {
            if inside > 0 {
                out.data_gap(id, from, inside);
            }
            if is_lost {
                out.data_lost(id, from);
            }
        }
    }

    /// The head of this side will never be known.
    fn headless(&mut self, stream: u64, from: Side, out: &mut impl OriginSink) {
        let Some(request) = self.requests.get_mut(&stream) else {
            return;
        };
        request.halves[from].has_head = true;
        if request.is_followed {
            if let Some(id) = narrow(stream) {
                out.data_lost(id, from);
            }
            return;
        }
        request.is_followed = narrow(stream).is_some_and(|id| out.adopt(id, from));
        if !request.is_followed {
            self.requests.remove(&stream);
        }
    }

    fn ended(&mut self, stream: u64, from: Side, out: &mut impl OriginSink) {
        let Some(request) = self.requests.get(&stream) else {
            return;
        };
        match narrow(stream).filter(|_| request.is_followed) {
            Some(id) => out.end_stream(id, from, request.halves[from].sent),
            None => {
                self.requests.remove(&stream);
            }
        }
    }

    /// Tries the blocks again that wait for instructions of this side.
    fn unblock(&mut self, from: Side, out: &mut impl OriginSink) {
        let blocked: Vec<u64> = self
            .requests
            .iter()
            .filter(|(_, request)| request.halves[from].blocked.is_some())
            .map(|(stream, _)| *stream)
            .collect();
        for stream in blocked {
            let request = self.requests.get_mut(&stream);
            let block = request.and_then(|request| request.halves[from].blocked.take());
            if let Some((block, origin)) = block {
                out.origin(origin.packet);
                if self.headers(stream, from, block, origin, out) {
                    self.read(stream, out);
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Unidirectional,
    /// Opened by a server, which HTTP/3 has no use for.
    Other,
}

fn kind(stream: u64) -> Kind {
    match stream & 3 {
        0 => Kind::Request,
        1 => Kind::Other,
        _ => Kind::Unidirectional,
    }
}

/// The number of a stream as HTTP/2 has them; beyond it there would have been a thousand million requests.
fn narrow(stream: u64) -> Option<u32> {
    u32::try_from(stream).ok()
}

fn code_of(code: u64) -> u32 {
    u32::try_from(code).unwrap_or(u32::MAX)
}

fn invalid(from: Side, stream: Option<u32>, text: String, out: &mut impl OriginSink) {
    out.finding(from, stream, Finding::new(Code::Http3Invalid, text));
}

/// RFC 9220 section 3: the server's word must have come before.
fn not_enabled(stream: u32, at: Span, out: &mut impl OriginSink) {
    let text = format!(
        "stream {stream} asks by :protocol, and the server has not sent SETTINGS_ENABLE_CONNECT_PROTOCOL = 1"
    );
    let finding = Finding::new(Code::ExtendedConnectNotEnabled, text).at(at);
    out.finding(Side::Client, Some(stream), finding);
}

#[cfg(test)]
mod tests;
