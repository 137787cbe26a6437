//! What one side's stream yields, numbered within its connection and given to the sink.

use smallvec::SmallVec;

use crate::base::{Code, Finding, PacketNumber, Side, Span, Timestamp};
use crate::payload::{self, Conversation, Decoded};
use crate::websocket::{self, About, MessageKind, Part};

use super::connection::Connection;
use super::decoding;
use super::moment::Moment;
use super::polling::Awaited;
use super::provenance::Provenance;
use super::security;
use super::sink::{FindingEvent, FrameEvent, MessageEvent, Sink};

/// Pings of one side remembered until their pong comes.
const PINGS: usize = 16;
/// The longest payload a ping may have (RFC 6455 section 5.5); none is remembered of a longer one.
const PING_LEN: usize = 125;
/// Pings that no pong has answered, with what they say and when they came. Most connections have none.
pub(super) type Pings = Option<Box<SmallVec<[(Box<[u8]>, Timestamp); 1]>>>;

/// Messages of each side that are looked through for passwords and tokens: logins come first.
const SECRETS_WITHIN: u64 = 16;

/// In place as far as that takes no more room than a vector.
pub(super) type Fragments = SmallVec<[u64; 2]>;

/// Numbers what a stream yields and gives it to the sink.
pub(super) struct FrameEvents<'a, S> {
    pub(super) connection: &'a mut Connection,
    pub(super) sink: &'a mut S,
    pub(super) side: Side,
    pub(super) at: Moment,
    pub(super) provenance: &'a Provenance,
    pub(super) fragments: &'a mut Fragments,
    pub(super) pings: &'a mut Pings,
    pub(super) peer_pings: &'a mut Pings,
    pub(super) told: &'a mut Vec<(Code, u32)>,
    pub(super) most_told: u32,
    pub(super) most_fragments: usize,
    pub(super) packets: &'a mut Vec<PacketNumber>,
    /// The decoders of what messages carry, where somebody asks.
    pub(super) conversation: Option<&'a mut Conversation>,
    /// The Engine.IO session that polls until this WebSocket takes over.
    pub(super) awaited: &'a mut Option<Box<Awaited>>,
    /// Whether secrets in messages are looked for.
    pub(super) looks_for_secrets: bool,
    /// What the next findings may be about.
    pub(super) latest: Latest,
    /// The sender ended its stream: what is incomplete now was never complete.
    pub(super) is_cut: bool,
}

/// The frame and the message that may still have something to come: the message it completes, findings about either.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latest {
    frame: Option<u64>,
    message: Option<u64>,
}

impl<S: Sink> FrameEvents<'_, S> {
    /// Nothing more comes of the frame and of the message that came last.
    #[inline]
    pub(super) fn settle(&mut self) {
        let latest = std::mem::take(&mut self.latest);
        if latest.frame.is_some() || latest.message.is_some() {
            self.sink.settled(self.connection);
        }
    }

    fn round_trip(&mut self, message: &websocket::Message<'_>) -> Option<i64> {
        let data = message.data.unwrap_or_default();
        match message.kind {
            MessageKind::Ping if data.len() > PING_LEN => None,
            MessageKind::Ping => {
                let pings = self.pings.get_or_insert_default();
                if pings.len() == PINGS {
                    pings.remove(0);
                }
                pings.push((data.into(), self.at.time));
                None
            }
            MessageKind::Pong => {
                let pings = self.peer_pings.as_mut()?;
                let at = pings.iter().rposition(|(sent, _)| **sent == *data)?;
                // A pong may answer the latest of several pings (RFC 6455 section 5.5.3): earlier ones are done too.
                let (_, sent) = pings.drain(..=at).next_back()?;
                if pings.is_empty() {
                    *self.peer_pings = None;
                }
                Some(self.at.time.since(sent))
            }
            _ => None,
        }
    }

    fn note_close(&mut self, message: &websocket::Message<'_>) {
        let close = &mut self.connection.close;
        close.frames[self.side] = true;
        if !close.frames[self.side.peer()] && close.code.is_none() {
            close.by = Some(self.side);
            if let Some((code, reason)) = message.close {
                close.code = code.map(|code| code.0);
                close.blames_ping = websocket::close::blames_ping(reason);
                close.reason = (!reason.is_empty()).then(|| reason.into());
            }
        }
    }
}

impl<S: Sink> websocket::FrameSink for FrameEvents<'_, S> {
    #[inline]
    fn frame(&mut self, frame: &websocket::Frame<'_>) {
        self.settle();
        self.connection.frames[self.side] += 1;
        self.connection.bytes[self.side] += frame.captured_length;
        let number = self.connection.frames.client + self.connection.frames.server;
        let message = frame
            .completes_message()
            .then(|| self.connection.messages.client + self.connection.messages.server + 1);
        let span = Span::at(
            frame.stream_offset,
            u64::from(frame.header.header_length) + frame.captured_length,
        );
        self.provenance.packets(span, self.packets);
        self.latest = Latest {
            frame: Some(number),
            message,
        };
        let has_room = self.fragments.len() < self.most_fragments;
        if frame.part != Part::None && (has_room || frame.header.opcode().is_control()) {
            self.fragments.push(number);
        }
        let event = FrameEvent {
            frame,
            number,
            from: self.side,
            at: self.at,
            packets: self.packets,
            text: None,
            has_finding: false,
            message,
        };
        self.sink.frame(&event, self.connection);
    }

    #[inline]
    fn message(&mut self, message: &websocket::Message<'_>) {
        self.connection.messages[self.side] += 1;
        let number = self.connection.messages.client + self.connection.messages.server;
        if self.latest.message != Some(number) {
            // It ended without a frame that completes it.
            self.settle();
            self.latest.message = Some(number);
        }
        let control = !matches!(message.kind, MessageKind::Text | MessageKind::Binary);
        let round_trip = if control {
            self.round_trip(message)
        } else {
            None
        };
        if message.kind == MessageKind::Close && (message.complete || !self.is_cut) {
            self.note_close(message);
        }
        let own = if control {
            self.fragments.len().saturating_sub(1)
        } else {
            0
        };
        // As the decoder of Engine.IO knows it.
        let is_upgrade = message.kind == MessageKind::Text
            && self.side == Side::Client
            && message.data == Some(b"5");
        if self.awaited.is_some() && is_upgrade {
            self.take_over();
        }
        let decoded = self.conversation.as_deref_mut().and_then(|conversation| {
            decoding::decode(conversation, message, self.side, number, self.at.time)
        });
        let event = MessageEvent {
            message,
            number,
            from: self.side,
            at: self.at,
            frames: &self.fragments[own..],
            round_trip,
            decoded: decoded.as_ref(),
            conversation: self.conversation.as_deref(),
            has_finding: false,
        };
        self.sink.message(&event, self.connection);
        self.fragments.truncate(own);
        let has_secret = self.looks_for_secrets && self.has_secret(message, decoded.as_ref());
        for finding in decoded.map(|decoded| decoded.findings).unwrap_or_default() {
            self.of_message(finding);
        }
        if has_secret {
            self.found_secret(message);
        }
    }

    fn finding(&mut self, about: About, finding: Finding) {
        if about == About::Stream {
            self.settle();
        }
        let Latest { frame, message } = self.latest;
        self.found(finding, frame, message);
    }
}

impl<S: Sink> FrameEvents<'_, S> {
    /// The client goes over from polling to this WebSocket with the message at hand.
    #[cold]
    fn take_over(&mut self) {
        if let Some(awaited) = self.awaited.take() {
            awaited.take_over(self.at.packet);
        }
    }

    /// Whether one of the first messages carries a password or token.
    fn has_secret(&self, message: &websocket::Message<'_>, decoded: Option<&Decoded<'_>>) -> bool {
        let is_early = self.connection.messages[self.side] <= SECRETS_WITHIN;
        is_early && payload::holds_secret(decoded, message.data.unwrap_or_default())
    }

    /// Says once what becomes of the secrets in messages.
    #[cold]
    fn found_secret(&mut self, message: &websocket::Message<'_>) {
        let finding = security::of_message(self.connection, message, self.side);
        let finding =
            finding.filter(|finding| self.told.iter().all(|(code, _)| *code != finding.code));
        if let Some(finding) = finding {
            self.of_message(finding);
        }
    }

    /// A finding about what the message emitted last carries.
    fn of_message(&mut self, finding: Finding) {
        let message = self.latest.message;
        self.found(finding, None, message);
    }

    fn found(&mut self, finding: Finding, frame: Option<u64>, message: Option<u64>) {
        self.connection.findings += 1;
        let count = match self.told.iter_mut().find(|(code, _)| *code == finding.code) {
            Some((_, count)) => count,
            None => {
                self.told.push((finding.code, 0));
                let Some((_, count)) = self.told.last_mut() else {
                    return;
                };
                count
            }
        };
        *count = count.saturating_add(1);
        if *count > self.most_told {
            return;
        }
        let event = FindingEvent {
            finding: &finding,
            from: Some(self.side),
            at: self.at,
            frame,
            message,
        };
        self.sink.finding(&event, Some(self.connection));
    }
}
