//! Both directions of one QUIC connection.

use crate::base::{Code, Finding, Limits, PacketNumber, PerSide, Side, Timestamp};
use crate::tls::{self, Decryption, KeyLog};

use super::connection_id::{ConnectionId, Ids};
use super::frame::{Frame, Frames, acknowledged};
use super::handshake::Handshake;
use super::join::Attempts;
use super::joined::Joined;
use super::levels::{Known, Levels, Outcome};
use super::numbers::Numbers;
use super::packet::{Header, PacketType, may_be_padding, may_be_short, offered_versions};
use super::segments::Segments;
use super::sink::{EventSink, Piece};
use super::streams::Streams;
use super::summary::Summary;
use super::version::Version;

/// Tokens of stateless resets kept of one side, as many as ids.
const TOKENS: usize = 64;

/// Packets of a datagram that are looked at: a kernel puts at most 64 datagrams together, and few have more than one packet.
const COALESCED: usize = 128;

/// A datagram on its way to its connection.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Who sent it.
    pub from: Side,
    /// Its payload.
    pub bytes: &'a [u8],
    /// The captured packet.
    pub packet: PacketNumber,
    /// When that was.
    pub time: Timestamp,
}

/// A connection, from its first Initial packet on.
pub struct Connection {
    levels: Levels,
    handshake: Handshake,
    streams: Streams,
    /// What each side wants to be addressed by.
    ids: PerSide<Ids>,
    /// Ids since they were last asked for.
    new_ids: Vec<ConnectionId>,
    tokens: PerSide<Vec<[u8; 16]>>,
    /// What was opened of each side behind the handshake.
    numbers: PerSide<Numbers>,
    segments: PerSide<Segments>,
    /// Position behind the frames opened so far.
    position: PerSide<u64>,
    summary: Summary,
    is_closed: bool,
    scratch: Vec<u8>,
    frames_told: bool,
}

impl Connection {
    /// A connection of which nothing was seen yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            levels: Levels::default(),
            handshake: Handshake::new(limits),
            streams: Streams::new(limits),
            ids: PerSide::default(),
            new_ids: Vec::new(),
            tokens: PerSide::default(),
            numbers: PerSide::default(),
            segments: PerSide::default(),
            position: PerSide::default(),
            summary: Summary::default(),
            is_closed: false,
            scratch: Vec::new(),
            frames_told: false,
        }
    }

    /// A connection whose beginning was not seen.
    #[must_use]
    pub fn joined(limits: &Limits, joined: Joined) -> Self {
        let mut connection = Self::new(limits);
        connection.handshake.join(&joined);
        connection.streams.join();
        connection.summary.version = Some(joined.version);
        connection.meet(joined);
        connection
    }

    /// Finds out where a datagram fits that is the first heard of its side, where the packets that would have told the receiver's
    /// ids are not in the capture.
    pub fn find(&mut self, received: Received<'_>, keys: &KeyLog, attempts: &mut Attempts) {
        let Received { from, bytes, .. } = received;
        let is_known = !self.numbers[from].is_empty() || self.short_id(from, bytes).is_some();
        if is_known || !may_be_short(bytes) || self.ids[from.peer()].has(&ConnectionId::default()) {
            return;
        }
        let offer = self.handshake.agreed().offer.as_ref();
        if let Some(random) = offer.map(|offer| offer.random)
            && let Some(joined) = attempts.find_of(bytes, random, from, keys)
        {
            self.meet(joined);
        }
    }

    /// Notes what a side's first packet says of it and its peer.
    fn meet(&mut self, joined: Joined) {
        self.add_id(joined.from.peer(), joined.id);
        self.levels.joins(joined.from, joined.number);
    }

    /// What is known of QUIC.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The same, for who sees addresses.
    pub fn summary_mut(&mut self) -> &mut Summary {
        &mut self.summary
    }

    /// What is known of TLS inside.
    #[must_use]
    pub fn tls(&self) -> &tls::Summary {
        self.handshake.summary()
    }

    /// Bytes kept beyond the connection itself.
    #[must_use]
    pub fn memory(&self) -> usize {
        let ids = self.ids.client.all().len() + self.ids.server.all().len();
        let tokens = self.tokens.client.len() + self.tokens.server.len();
        self.streams.memory()
            + self.handshake.memory()
            + self.levels.memory()
            + ids * 2 * size_of::<ConnectionId>()
            + tokens * 16
            + self.numbers.client.memory()
            + self.numbers.server.memory()
            + self.scratch.capacity()
    }

    /// Whether this id is one of the receiver's, where `from` sends.
    #[must_use]
    pub fn is_addressed(&self, from: Side, id: &ConnectionId) -> bool {
        self.ids[from.peer()].has(id)
    }

    /// The id of the receiver that a datagram with a short header begins with, where `from` sends.
    #[must_use]
    pub fn short_id(&self, from: Side, datagram: &[u8]) -> Option<ConnectionId> {
        self.ids[from.peer()].of_short(datagram.get(1..)?)
    }

    /// The ids that became known since the last call.
    pub fn take_new_ids(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.new_ids)
    }

    /// All ids that are known.
    pub fn all_ids(&self) -> impl Iterator<Item = &ConnectionId> {
        let (client, server) = (&self.ids.client, &self.ids.server);
        client.all().iter().chain(server.all())
    }

    /// Takes a datagram. Secrets are looked up again whenever the key log has grown; packets that went by before are lost.
    pub fn push(&mut self, received: Received<'_>, keys: &KeyLog, out: &mut impl EventSink) {
        let Received { from, bytes, .. } = received;
        let mut at = 0;
        for _ in 0..COALESCED {
            let rest = bytes.get(at..).unwrap_or_default();
            let short = self.short_id(from, rest);
            if at > 0 && short.is_none() && may_be_padding(rest) {
                break;
            }
            let len = short.as_ref().map(ConnectionId::len);
            let len = len.or_else(|| self.ids[from.peer()].len());
            let Some(mut header) = Header::read(bytes, at, len) else {
                break;
            };
            if header.kind == PacketType::OneRtt {
                header.packet.end = self.segments[from].end(bytes, at, &header.destination);
            }
            at = header.packet.end;
            self.packet(&header, received, keys, out);
        }
        self.streams.advance(received.time, out);
    }

    /// Reads frames as if a 1-RTT packet had held them: protection hides them from whoever makes input up.
    #[cfg(any(test, feature = "testkit"))]
    pub fn push_frames(&mut self, received: Received<'_>, frames: &[u8], out: &mut impl EventSink) {
        let header = Header {
            kind: PacketType::OneRtt,
            version: Version(0),
            destination: ConnectionId::default(),
            source: ConnectionId::default(),
            token: 0..0,
            packet: 0..received.bytes.len(),
            number_at: 0,
        };
        self.frames(&header, received.packet.0, frames, received, out);
        self.streams.advance(received.time, out);
    }

    /// No more datagrams will come.
    pub fn finish(&mut self, out: &mut impl EventSink) {
        self.streams.finish(out);
    }

    fn packet(
        &mut self,
        header: &Header,
        received: Received<'_>,
        keys: &KeyLog,
        out: &mut impl EventSink,
    ) {
        let Received { from, bytes, .. } = received;
        match header.kind {
            PacketType::VersionNegotiation => return self.negotiation(header, bytes),
            PacketType::Retry => return self.retry(header, bytes),
            _ => {}
        }
        self.note_version(from, header);
        let first = self.levels.first().copied();
        let known = Known {
            agreed: self.handshake.agreed(),
            version: self.version(),
            keys,
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        let outcome = self.levels.open(from, header, bytes, &known, &mut scratch);
        match &outcome {
            Outcome::Opened(number, payload) => {
                self.summary.opened[from] += 1;
                if header.kind == PacketType::Initial && self.levels.first() != first.as_ref() {
                    self.began(header);
                }
                self.note_source(from, header);
                self.note_opened(header);
                if let Some(payload) = scratch.get(payload.clone()) {
                    self.frames(header, *number, payload, received, out);
                }
            }
            _ => self.unopened(from, header, &outcome, bytes, out),
        }
        self.scratch = scratch;
    }

    /// The client's first packet, or its first after Retry or Version Negotiation.
    fn began(&mut self, header: &Header) {
        self.handshake.restart();
        self.summary.original_id.get_or_insert(header.destination);
        self.add_id(Side::Server, header.destination);
    }

    fn version(&self) -> Version {
        let version = self.summary.version.or(self.summary.version_offered);
        version.unwrap_or(Version::V1)
    }

    fn note_version(&mut self, from: Side, header: &Header) {
        if !header.version.is_known() || header.kind == PacketType::ZeroRtt {
            return;
        }
        match from {
            Side::Client => {
                self.summary.version_offered.get_or_insert(header.version);
            }
            Side::Server => self.summary.version = Some(header.version),
        }
    }

    fn note_source(&mut self, from: Side, header: &Header) {
        if header.kind != PacketType::OneRtt {
            self.summary.ids[from].get_or_insert(header.source);
            self.add_id(from, header.source);
        }
    }

    fn add_id(&mut self, side: Side, id: ConnectionId) {
        if self.ids[side].add(id) && !id.is_empty() {
            self.new_ids.push(id);
        }
    }

    fn note_opened(&mut self, header: &Header) {
        if header.kind == PacketType::OneRtt {
            self.handshake.summary_mut().decryption = Decryption::Decrypted;
        }
    }

    /// RFC 9000 17.2.1.
    fn negotiation(&mut self, header: &Header, datagram: &[u8]) {
        let packet = datagram.get(header.packet.clone()).unwrap_or_default();
        if let Some(versions) = offered_versions(packet) {
            self.summary.negotiation = versions;
        }
    }

    /// RFC 9000 17.2.5.
    fn retry(&mut self, header: &Header, datagram: &[u8]) {
        let packet = datagram.get(header.packet.clone()).unwrap_or_default();
        if self.levels.is_genuine_retry(header.version, packet) {
            self.summary.is_retried = true;
            self.add_id(Side::Server, header.source);
        }
    }

    fn unopened(
        &mut self,
        from: Side,
        header: &Header,
        outcome: &Outcome,
        datagram: &[u8],
        out: &mut impl EventSink,
    ) {
        self.summary.unopened[from] += 1;
        if header.kind == PacketType::OneRtt && self.is_stateless_reset(from, datagram) {
            if self.summary.stateless_reset.is_none() {
                self.summary.stateless_reset = Some(from);
                out.forgotten(from);
            }
            return;
        }
        let has_hello = self.handshake.agreed().offer.is_some();
        let summary = self.handshake.summary_mut();
        if summary.decryption == Decryption::Decrypted || header.kind == PacketType::Initial {
            return;
        }
        summary.decryption = match outcome {
            _ if !has_hello && cfg!(feature = "tls") => Decryption::HelloMissing,
            Outcome::NoSecret => Decryption::NoSecret,
            Outcome::Invalid => Decryption::WrongSecret,
            #[cfg(not(feature = "tls"))]
            Outcome::NotBuilt => Decryption::NotBuilt,
            _ => summary.decryption,
        };
    }

    /// RFC 9000 10.3.
    fn is_stateless_reset(&self, from: Side, datagram: &[u8]) -> bool {
        let token = datagram.last_chunk::<16>();
        token.is_some_and(|token| self.tokens[from].contains(token))
    }

    fn frames(
        &mut self,
        header: &Header,
        number: u64,
        payload: &[u8],
        received: Received<'_>,
        out: &mut impl EventSink,
    ) {
        let Received { from, packet, .. } = received;
        if matches!(header.kind, PacketType::ZeroRtt | PacketType::OneRtt) {
            self.numbers[from].add(number);
        }
        let mut told = None;
        let mut frames = Frames::new(payload);
        for frame in frames.by_ref() {
            match frame {
                Frame::Other => {}
                Frame::Crypto { offset, data } => {
                    let bytes = payload.get(data).unwrap_or_default();
                    self.handshake.crypto(from, header.kind, offset, bytes);
                    self.take_parameters(from);
                }
                Frame::Stream {
                    stream,
                    offset,
                    data,
                    fin,
                } => {
                    let base = *told.get_or_insert_with(|| self.told(header, payload, from, out));
                    let at = base + data.start as u64;
                    let bytes = payload.get(data).unwrap_or_default();
                    let piece = Piece { packet, number, at };
                    let (place, run) = ((stream, from), (offset, bytes, piece));
                    self.streams.data(place, run, fin, received.time, out);
                }
                Frame::ResetStream { stream, code, .. } => {
                    self.streams.reset(stream, from, code, out);
                }
                Frame::Acknowledged(body) => {
                    if header.kind == PacketType::OneRtt && self.streams.waits() {
                        let ranges = acknowledged(payload.get(body).unwrap_or_default());
                        let sent = &self.numbers[from.peer()];
                        let is_lost = |after, before| sent.are_lost(after, before, &ranges);
                        self.streams.acknowledged(from.peer(), is_lost, out);
                    }
                }
                Frame::NewConnectionId { id, token } => {
                    self.add_id(from, id);
                    self.add_token(from, token);
                }
                Frame::Close(close) => {
                    if !std::mem::replace(&mut self.is_closed, true) {
                        self.streams.finish(out);
                        out.closed(from, &close);
                        self.summary.close = Some((from, close));
                    }
                }
            }
        }
        if let Some(kind) = frames.bad
            && !std::mem::replace(&mut self.frames_told, true)
        {
            let name = header.kind.name();
            let text = format!(
                "a frame of type 0x{kind:x} in a packet of type {name} breaks off, or is not known; what is behind it is not read"
            );
            out.finding(from, Finding::new(Code::QuicFrameInvalid, text));
        }
    }

    /// Tells of a packet with streams; the position of its frames.
    fn told(
        &mut self,
        header: &Header,
        payload: &[u8],
        from: Side,
        out: &mut impl EventSink,
    ) -> u64 {
        let base = self.position[from];
        self.position[from] += payload.len() as u64;
        out.opened(from, base, payload, header.packet.clone());
        base
    }

    fn add_token(&mut self, from: Side, token: [u8; 16]) {
        let tokens = &mut self.tokens[from];
        if !tokens.contains(&token) {
            if tokens.len() >= TOKENS {
                tokens.remove(0);
            }
            tokens.push(token);
        }
    }

    fn take_parameters(&mut self, from: Side) {
        let parameters = self.handshake.parameters(from);
        if let Some(token) = parameters.reset_token {
            self.add_token(from, token);
        }
        let both = [from, from.peer()].map(|side| self.handshake.parameters(side).idle_timeout);
        let said = both.into_iter().flatten().filter(|timeout| *timeout > 0);
        self.summary.idle_timeout = said.min();
    }
}

#[cfg(all(test, feature = "tls"))]
mod tests;
