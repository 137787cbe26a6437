//! What is known of one WebSocket connection, or of one attempt at it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use crate::base::{ConnectionId, Head, Owners, PacketNumber, PerSide, Process, Side, Timestamp};
use crate::flow::End;
use crate::http2;
use crate::http3;
use crate::payload::Polled;
use crate::quic;
use crate::tunnel::proxy_protocol::Header as ProxyHeader;
use crate::websocket::Negotiated;

use super::seen_head::SeenHead;
use super::tunnel::Tunnel;

/// What carries the WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// Plain TCP.
    #[default]
    Tcp,
    /// TLS, decrypted.
    Tls,
    /// A stream of an HTTP/2 connection (RFC 8441).
    Http2,
    /// A stream of an HTTP/3 connection, over QUIC (RFC 9220).
    Http3,
}

impl Transport {
    /// `tcp`, `tls`, `http2` or `http3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Http2 => "http2",
            Transport::Http3 => "http3",
        }
    }

    /// Whether it is one stream among others, opened by an extended CONNECT and ended by itself.
    #[must_use]
    pub fn is_stream(self) -> bool {
        matches!(self, Transport::Http2 | Transport::Http3)
    }

    /// The name of an error code of RST_STREAM or RESET_STREAM, GOAWAY or CONNECTION_CLOSE.
    #[must_use]
    pub fn error_name(self, code: u32) -> Cow<'static, str> {
        match self {
            Transport::Http3 if code & Close::OF_QUIC != 0 => {
                quic::error_name(u64::from(code & !Close::OF_QUIC))
            }
            Transport::Http3 => http3::error_name(code.into()).into(),
            _ => http2::error_name(code).into(),
        }
    }
}

/// How the attempt to upgrade came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The server switched protocols.
    Accepted,
    /// The server answered with something else.
    Refused,
    /// No answer was seen (yet).
    #[default]
    Unanswered,
    /// Frames without a handshake in the capture.
    NotSeen,
}

impl Outcome {
    /// The name in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Accepted => "accepted",
            Outcome::Refused => "refused",
            Outcome::Unanswered => "unanswered",
            Outcome::NotSeen => "not-seen",
        }
    }
}

/// The opening handshake as far as it was seen.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Handshake {
    /// How it came out.
    pub outcome: Outcome,
    /// The client's request.
    pub request: Option<SeenHead>,
    /// The server's final response.
    pub response: Option<SeenHead>,
    /// What both agreed on; meaningful once accepted.
    pub negotiated: Negotiated,
    /// Whether Sec-WebSocket-Accept follows from the key; `None` when either was not seen.
    pub accept_valid: Option<bool>,
    /// The first bytes behind the head of a refusal, as far as they came with it.
    pub body: Box<[u8]>,
}

/// Bytes that every connection may keep of each of its heads.
const SOME_HEAD: usize = 2 << 10;
/// Bytes that are left of a head that was shortened to free memory.
const SHORT_HEAD: usize = 512;
/// Bytes an extension takes in memory, about.
const EXTENSION_MEMORY: usize = 128;

fn extra(head: &Head) -> usize {
    head.memory().saturating_sub(SOME_HEAD)
}

/// What the heads of an attempt and of the tunnel it runs in take beyond what every connection may keep.
pub(super) fn heads_memory(attempt: Option<&Connection>, tunnel: Option<&Tunnel>) -> usize {
    attempt.map_or(0, Connection::memory) + tunnel.map_or(0, |tunnel| tunnel.memory(extra))
}

/// What ended the TCP flow under a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndedBy {
    /// Both sides sent FIN.
    Fin,
    /// Either side sent RST.
    Rst,
    /// Nothing was seen for the idle limit.
    Timeout,
    /// The capture ended first.
    CaptureEnd,
}

impl EndedBy {
    /// The name in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EndedBy::Fin => "fin",
            EndedBy::Rst => "rst",
            EndedBy::Timeout => "timeout",
            EndedBy::CaptureEnd => "capture-end",
        }
    }
}

/// How a connection was closed, as far as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Close {
    /// Who sent the first close frame, or without one, who ended TCP first.
    pub by: Option<Side>,
    /// Status code of the first close frame.
    pub code: Option<u16>,
    /// Reason of the first close frame, unmasked, as sent.
    pub reason: Option<Box<[u8]>>,
    /// Whether that reason says that a keep-alive ping was not answered in time; known also where the reason is masked.
    pub blames_ping: bool,
    /// The side of each close frame seen.
    pub frames: PerSide<bool>,
    /// What ended the flow; `None` while it lives. A stream of HTTP/2 ends by itself: END_STREAM counts as FIN,
    /// RST_STREAM and a GOAWAY with an error as RST.
    pub ended_by: Option<EndedBy>,
    /// The error code of that RST_STREAM or GOAWAY (RFC 9113 section 7), or of a stream or connection of HTTP/3 (RFC 9114
    /// section 8.1); one of QUIC itself (RFC 9000 section 20.1) has [`Close::OF_QUIC`] set. [`Transport::error_name`] names it.
    pub error: Option<u32>,
}

impl Close {
    /// Set in an error code that is one of QUIC and not of HTTP/3.
    pub const OF_QUIC: u32 = 1 << 31;

    /// Whether the closing handshake was completed (RFC 6455 section 7.1.4).
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.frames.client && self.frames.server
    }
}

/// A WebSocket connection, an attempt to open one, or a tunnel that was refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connection {
    /// Its number within this engine, from 0 in the order of recognition.
    pub id: ConnectionId,
    /// Its TCP flow's number within this engine.
    pub flow: u64,
    /// Which end of the flow the client is.
    pub client_end: End,
    /// The client's end.
    pub client: SocketAddr,
    /// The server's end (of a tunnel: the proxy).
    pub server: SocketAddr,
    /// What carries it.
    pub transport: Transport,
    /// Its place among the connections of its flow, from 0.
    pub ordinal: u32,
    /// Whether TLS is around it, HTTP/2 or not.
    pub is_encrypted: bool,
    /// The server name that the TLS client asked for (RFC 6066 section 3).
    pub server_name: Option<Arc<str>>,
    /// The number of its TCP stream, from 0 and as in Wireshark; with one engine, and [`Needs::STREAMS`].
    ///
    /// [`Needs::STREAMS`]: crate::base::Needs::STREAMS
    pub tcp_stream: Option<u64>,
    /// The stream of the HTTP/2 or HTTP/3 connection that carries it.
    pub stream: Option<u32>,
    /// First packet of its TCP flow.
    pub first_packet: PacketNumber,
    /// Time of that packet.
    pub opened: Timestamp,
    /// When its flow ended; `None` while it lives.
    pub closed: Option<Timestamp>,
    /// Packets of its TCP flow so far.
    pub packets: u64,
    /// The opening handshake; `None` for a tunnel that was refused.
    pub handshake: Option<Box<Handshake>>,
    /// The innermost tunnel that it runs in.
    pub tunnel: Option<Box<Tunnel>>,
    /// What a hop said of its client in front of it.
    pub proxy_protocol: Option<Arc<ProxyHeader>>,
    /// Frames by sender.
    pub frames: PerSide<u64>,
    /// Messages by sender.
    pub messages: PerSide<u64>,
    /// Payload bytes on the wire by sender.
    pub bytes: PerSide<u64>,
    /// Findings reported of it.
    pub findings: u64,
    /// How it was closed.
    pub close: Close,
    /// What most of its messages carried, once it is closed ([`Needs::DECODED`]).
    ///
    /// [`Needs::DECODED`]: crate::base::Needs::DECODED
    pub protocol: Option<&'static str>,
    /// What its Engine.IO session said over HTTP before this WebSocket took over, from then on ([`Needs::DECODED`]).
    ///
    /// [`Needs::DECODED`]: crate::base::Needs::DECODED
    pub polled: Option<Arc<OnceLock<Polled>>>,
    /// The processes at its ends, as far as a file names them or they were found out while packets came.
    pub owners: Option<Arc<Owners>>,
}

impl Connection {
    /// Bytes its heads take beyond what every connection may keep of them.
    #[must_use]
    pub(super) fn memory(&self) -> usize {
        let agreed = self.handshake.as_ref().map_or(0, |handshake| {
            let negotiated = &handshake.negotiated;
            let subprotocol = negotiated.subprotocol.as_ref().map_or(0, |name| name.len());
            // Each extension comes of a head that is counted; its parts are strings of their own.
            let extensions = negotiated.other_extensions.len() * EXTENSION_MEMORY;
            subprotocol + extensions + handshake.body.len()
        });
        let heads = [self.request(), self.response()];
        let heads: usize = heads.into_iter().flatten().map(extra).sum();
        let tunnel = self.tunnel.as_ref();
        let tunnel = tunnel.map_or(0, |tunnel| tunnel.memory(extra));
        let polled = self.polled.as_ref().and_then(|polled| polled.get());
        let polled = polled.map_or(0, Polled::memory);
        heads + tunnel + polled + agreed.saturating_sub(SOME_HEAD)
    }

    /// Forgets the longest header lines, so that little is left of each head, if that is possible.
    pub(super) fn shorten_heads(&mut self) {
        let handshake = self.handshake.iter_mut().flat_map(|handshake| {
            handshake.negotiated.other_extensions = Vec::new();
            handshake.request.iter_mut().chain(&mut handshake.response)
        });
        for seen in handshake {
            seen.head.shorten(SHORT_HEAD);
        }
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.each_mut(|tunnel| {
                for seen in tunnel.heads_mut() {
                    seen.head.shorten(SHORT_HEAD);
                }
            });
        }
    }

    /// The outcome of its handshake; a refused tunnel counts as refused.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.handshake
            .as_ref()
            .map_or(Outcome::Refused, |handshake| handshake.outcome)
    }

    /// Whether frames can be expected.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        matches!(self.outcome(), Outcome::Accepted | Outcome::NotSeen)
    }

    /// The upgrade request's head.
    #[must_use]
    pub fn request(&self) -> Option<&Head> {
        Some(&self.handshake.as_ref()?.request.as_ref()?.head)
    }

    /// The final response's head.
    #[must_use]
    pub fn response(&self) -> Option<&Head> {
        Some(&self.handshake.as_ref()?.response.as_ref()?.head)
    }

    /// The response's status: of the upgrade, or of the tunnel when it went no further.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.handshake {
            Some(_) => self.response()?.status(),
            None => self.tunnel.as_ref()?.status(),
        }
    }

    /// The version of HTTP that one of its heads speaks.
    #[must_use]
    pub fn http_version(&self, head: &Head) -> &'static str {
        match (self.transport, head.minor_version) {
            (Transport::Http2, _) => "HTTP/2",
            (Transport::Http3, _) => "HTTP/3",
            (_, 0) => "HTTP/1.0",
            _ => "HTTP/1.1",
        }
    }

    /// The process at a side.
    #[must_use]
    pub fn process(&self, side: Side) -> Option<&Arc<Process>> {
        self.owners.as_ref()?.at(self.address(side))
    }

    /// The processes that are known, the client's first: `node (4711) → nginx (80)`.
    #[must_use]
    pub fn processes(&self) -> Option<String> {
        let [client, server] = Side::BOTH.map(|side| self.process(side));
        Process::of_both(client.map(|it| &**it), server.map(|it| &**it))
    }

    /// The address of a side.
    #[must_use]
    pub fn address(&self, side: Side) -> SocketAddr {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }
}
