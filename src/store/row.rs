//! A row and its values by field: what a filter asks, and what a column shows.

use std::net::{IpAddr, SocketAddr};

use crate::base::{Head, Side, Timestamp};
use crate::engine::{
    Connection, FindingEvent, FrameEvent, Handshake, MessageEvent, Moment, Outcome, SeenHead,
    Transport, Tunnel,
};
use crate::filter::{FieldId, FieldRef, PathStep, Value, Values, visit_json};
use crate::websocket::{MessageKind, Opcode, close};

use super::text;

/// One row, borrowed from the event that made it.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// A frame.
    Frame(&'a FrameEvent<'a>, &'a Connection),
    /// A message.
    Message(&'a MessageEvent<'a>, &'a Connection),
    /// A finding.
    Finding(&'a FindingEvent<'a>, Option<&'a Connection>),
    /// A connection that ended.
    Connection(&'a Connection, Moment),
}

/// A row with what its values need to know of the capture.
#[derive(Clone, Copy, Debug)]
pub struct RowValues<'a> {
    /// The row.
    pub row: Row<'a>,
    /// Time of the capture's first packet.
    pub start: Timestamp,
    /// The connection's number in the output, where it is known already.
    pub connection_number: Option<u32>,
}

/// Takes values until it says that it has seen enough.
type Each<'e> = &'e mut dyn FnMut(Value<'_>) -> bool;

impl<'a> Row<'a> {
    /// The row with its capture's start.
    #[must_use]
    pub fn in_capture(self, start: Timestamp) -> RowValues<'a> {
        RowValues {
            row: self,
            start,
            connection_number: None,
        }
    }

    /// The connection it belongs to.
    #[must_use]
    pub fn connection(&self) -> Option<&'a Connection> {
        match self {
            Row::Frame(_, connection)
            | Row::Message(_, connection)
            | Row::Connection(connection, _) => Some(connection),
            Row::Finding(_, connection) => *connection,
        }
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Moment {
        match self {
            Row::Frame(event, _) => event.at,
            Row::Message(event, _) => event.at,
            Row::Finding(event, _) => event.at,
            Row::Connection(_, at) => *at,
        }
    }

    /// Who sent it.
    #[must_use]
    pub fn from(&self) -> Option<Side> {
        match self {
            Row::Frame(event, _) => Some(event.from),
            Row::Message(event, _) => Some(event.from),
            Row::Finding(event, _) => event.from,
            Row::Connection(..) => None,
        }
    }

    fn text(&self) -> Option<&'a str> {
        match self {
            Row::Message(event, _) => text::text(event.message),
            _ => None,
        }
    }
}

impl Values for RowValues<'_> {
    #[inline]
    fn visit(&self, field: FieldRef, each: Each<'_>) {
        let field = match field {
            FieldRef::Row(field) => field,
            FieldRef::Payload(field) => {
                if let Row::Message(
                    MessageEvent {
                        decoded: Some(decoded),
                        ..
                    },
                    _,
                ) = &self.row
                {
                    decoded.visit(field, each);
                }
                return;
            }
        };
        // Every frame of a capture is asked for these, and they are no frame's own.
        if matches!(field, FieldId::TcpPort | FieldId::IpAddr)
            && let Some(connection) = self.row.connection()
        {
            return either(connection, self.row.from(), field, each);
        }
        let done = match &self.row {
            Row::Frame(event, _) => frame(event, field, each),
            Row::Message(event, _) => message(event, field, each),
            Row::Finding(event, _) => finding(event, field, each),
            Row::Connection(connection, _) => whole_connection(connection, field, each),
        };
        if !done {
            self.common(field, each);
        }
    }

    fn json(&self, path: &[PathStep], each: Each<'_>) {
        if let Some(text) = self.row.text() {
            visit_json(text, path, each);
        }
    }
}

impl RowValues<'_> {
    /// What every row has from its moment and its connection.
    fn common(&self, field: FieldId, each: Each<'_>) {
        let at = self.row.at();
        match field {
            FieldId::Frame => one(each, Value::Present),
            FieldId::FrameNumber => one(each, Value::Unsigned(at.packet.0)),
            FieldId::FrameTime | FieldId::FrameTimeEpoch => one(each, Value::Time(at.time)),
            FieldId::FrameTimeRelative => one(each, Value::Duration(at.time.since(self.start))),
            FieldId::From => maybe(each, self.row.from().map(|side| Value::Text(side.name()))),
            FieldId::Connection => maybe(
                each,
                self.connection_number
                    .map(|number| Value::Unsigned(number.into())),
            ),
            _ => {
                if let Some(connection) = self.row.connection() {
                    processes(connection, self.row.from(), field, each);
                    addresses(connection, self.row.from(), field, each);
                    of_connection(connection, field, each);
                }
            }
        }
    }
}

fn one(each: Each<'_>, value: Value<'_>) {
    each(value);
}

fn maybe(each: Each<'_>, value: Option<Value<'_>>) {
    if let Some(value) = value {
        each(value);
    }
}

/// Fields of a frame; whether the field was one.
#[inline]
fn frame(event: &FrameEvent<'_>, field: FieldId, each: Each<'_>) -> bool {
    let frame = event.frame;
    let header = &frame.header;
    match field {
        FieldId::WebSocketOpcode => one(each, Value::Unsigned(header.opcode().number().into())),
        FieldId::WebSocketPayloadLength => one(each, Value::Unsigned(header.payload_length)),
        FieldId::WebSocketFin => one(each, Value::Bool(header.fin())),
        FieldId::WebSocketMask => one(each, Value::Bool(header.masked())),
        FieldId::WebSocketNumber => one(each, Value::Unsigned(event.number)),
        FieldId::WebSocket => one(each, Value::Present),
        FieldId::WebSocketRsv => {
            let rsv = u64::from(header.rsv1()) << 2
                | u64::from(header.rsv2()) << 1
                | u64::from(header.rsv3());
            one(each, Value::Unsigned(rsv));
        }
        FieldId::WebSocketRsv1 => one(each, Value::Bool(header.rsv1())),
        FieldId::WebSocketRsv2 => one(each, Value::Bool(header.rsv2())),
        FieldId::WebSocketRsv3 => one(each, Value::Bool(header.rsv3())),
        FieldId::WebSocketMaskingKey => maybe(
            each,
            header.masking_key.as_ref().map(|key| Value::Bytes(key)),
        ),
        FieldId::WebSocketPayloadLength16 => {
            maybe(
                each,
                (header.length_form().bits() == 16)
                    .then_some(Value::Unsigned(header.payload_length)),
            );
        }
        FieldId::WebSocketPayloadLength64 => {
            maybe(
                each,
                (header.length_form().bits() == 64)
                    .then_some(Value::Unsigned(header.payload_length)),
            );
        }
        FieldId::WebSocketHeaderLength => one(each, Value::Unsigned(header.header_length.into())),
        FieldId::WebSocketCapturedLength => one(each, Value::Unsigned(frame.captured_length)),
        FieldId::Message => maybe(each, event.message.map(Value::Unsigned)),
        FieldId::Finding => maybe(each, event.has_finding.then_some(Value::Present)),
        _ => return frame_payload(event, field, each),
    }
    true
}

fn frame_payload(event: &FrameEvent<'_>, field: FieldId, each: Each<'_>) -> bool {
    let opcode = event.frame.header.opcode();
    let wanted = match field {
        FieldId::WebSocketPayload => true,
        FieldId::WebSocketPayloadText => {
            if let Some(text) = event.text {
                maybe(each, (!text.is_empty()).then_some(Value::Text(text)));
                return true;
            }
            opcode == Opcode::Text && text::is_its_text(event.frame)
        }
        FieldId::WebSocketPayloadPing => opcode == Opcode::Ping,
        FieldId::WebSocketPayloadPong => opcode == Opcode::Pong,
        FieldId::WebSocketPayloadClose
        | FieldId::WebSocketCloseCode
        | FieldId::WebSocketCloseReason => opcode == Opcode::Close,
        _ => return false,
    };
    if !wanted {
        return true;
    }
    let mut buffer = Vec::new();
    let Some(payload) = event.frame.payload(&mut buffer) else {
        return true;
    };
    match field {
        // Wireshark adds no field where there is nothing to show.
        _ if payload.is_empty() && field != FieldId::WebSocketPayload => {}
        FieldId::WebSocketPayloadText => {
            maybe(each, std::str::from_utf8(payload).ok().map(Value::Text))
        }
        FieldId::WebSocketPayloadClose => one(each, Value::Present),
        FieldId::WebSocketCloseCode => maybe(
            each,
            close::body(payload)
                .0
                .map(|code| Value::Unsigned(code.0.into())),
        ),
        FieldId::WebSocketCloseReason => {
            let reason = close::body(payload).1;
            maybe(each, (!reason.is_empty()).then_some(Value::Bytes(reason)));
        }
        _ => one(each, Value::Bytes(payload)),
    }
    true
}

/// Fields of a message; whether the field was one.
fn message(event: &MessageEvent<'_>, field: FieldId, each: Each<'_>) -> bool {
    let message = event.message;
    let data = |kind| message.data.filter(|_| message.kind == kind);
    let close_part = message
        .close
        .as_ref()
        .filter(|_| message.kind == MessageKind::Close);
    match field {
        FieldId::WebSocket => one(each, Value::Present),
        FieldId::WebSocketOpcode => one(each, Value::Unsigned(opcode_of(message.kind))),
        FieldId::Message => one(each, Value::Unsigned(event.number)),
        FieldId::MessageKind => one(each, Value::Text(message.kind.name())),
        FieldId::MessageText | FieldId::WebSocketPayloadText => {
            maybe(each, text::text(message).map(Value::Text))
        }
        FieldId::MessageData | FieldId::WebSocketPayload => {
            maybe(each, message.data.map(Value::Bytes))
        }
        FieldId::MessageLength => maybe(each, message.length.map(Value::Unsigned)),
        FieldId::MessageWireLength => one(each, Value::Unsigned(message.wire_length)),
        FieldId::MessageCompressed => one(each, Value::Bool(message.compressed)),
        FieldId::MessageComplete => one(each, Value::Bool(message.complete)),
        FieldId::MessageFragments => one(each, Value::Unsigned(event.frames.len() as u64)),
        FieldId::MessageSha256 => maybe(
            each,
            message.sha256.as_ref().map(|digest| Value::Bytes(digest)),
        ),
        FieldId::Rtt => maybe(each, event.round_trip.map(Value::Duration)),
        FieldId::Finding => maybe(each, event.has_finding.then_some(Value::Present)),
        FieldId::WebSocketPayloadPing => maybe(each, data(MessageKind::Ping).map(Value::Bytes)),
        FieldId::WebSocketPayloadPong => maybe(each, data(MessageKind::Pong).map(Value::Bytes)),
        FieldId::WebSocketPayloadClose => maybe(each, close_part.map(|_| Value::Present)),
        FieldId::WebSocketCloseCode | FieldId::CloseCode => {
            maybe(
                each,
                close_part
                    .and_then(|(code, _)| *code)
                    .map(|code| Value::Unsigned(code.0.into())),
            );
        }
        FieldId::WebSocketCloseReason | FieldId::CloseReason => {
            maybe(each, close_part.map(|(_, reason)| Value::Bytes(reason)));
        }
        _ => return false,
    }
    true
}

fn opcode_of(kind: MessageKind) -> u64 {
    match kind {
        MessageKind::Text => 1,
        MessageKind::Binary => 2,
        MessageKind::Close => 8,
        MessageKind::Ping => 9,
        MessageKind::Pong => 10,
    }
}

/// Fields of a finding; whether the field was one.
fn finding(event: &FindingEvent<'_>, field: FieldId, each: Each<'_>) -> bool {
    let code = event.finding.code;
    match field {
        FieldId::Finding => one(each, Value::Present),
        FieldId::FindingCode => one(each, Value::Text(code.name())),
        FieldId::FindingSeverity => one(each, Value::Unsigned(code.severity() as u64 + 1)),
        FieldId::FindingText => one(each, Value::Text(&event.finding.text)),
        FieldId::FindingSection => maybe(each, code.section().map(Value::Text)),
        _ => return false,
    }
    true
}

/// Addresses and ports in the direction of the row; a connection's go from the client to the server.
fn addresses(connection: &Connection, from: Option<Side>, field: FieldId, each: Each<'_>) {
    let source = connection.address(from.unwrap_or(Side::Client));
    let destination = connection.address(from.unwrap_or(Side::Client).peer());
    let ip = |address: SocketAddr, v6: bool| {
        (address.is_ipv6() == v6).then_some(Value::Ip(address.ip()))
    };
    match field {
        FieldId::Ipv6Addr => {
            let _ = [source, destination]
                .iter()
                .filter_map(|end| ip(*end, true))
                .any(each);
        }
        FieldId::IpSrc => maybe(each, ip(source, false)),
        FieldId::IpDst => maybe(each, ip(destination, false)),
        FieldId::Ipv6Src => maybe(each, ip(source, true)),
        FieldId::Ipv6Dst => maybe(each, ip(destination, true)),
        FieldId::Ip => maybe(each, source.is_ipv4().then_some(Value::Present)),
        FieldId::Ipv6 => maybe(each, source.is_ipv6().then_some(Value::Present)),
        FieldId::Tcp => one(each, Value::Present),
        FieldId::TcpSrcPort => one(each, Value::Unsigned(source.port().into())),
        FieldId::TcpDstPort => one(each, Value::Unsigned(destination.port().into())),
        FieldId::Client => one(each, Value::Ip(connection.client.ip())),
        FieldId::ClientPort => one(each, Value::Unsigned(connection.client.port().into())),
        FieldId::Server => one(each, Value::Ip(connection.server.ip())),
        FieldId::ServerPort => one(each, Value::Unsigned(connection.server.port().into())),
        _ => {}
    }
}

/// The processes at the sender's end, and then at the receiver's.
fn processes(connection: &Connection, from: Option<Side>, field: FieldId, each: Each<'_>) {
    let is_asked = matches!(
        field,
        FieldId::ProcessName | FieldId::ProcessPid | FieldId::ProcessUser | FieldId::ContainerId
    );
    if !is_asked || connection.owners.is_none() {
        return;
    }
    let from = from.unwrap_or(Side::Client);
    let text = |text: &str| !text.is_empty();
    for process in [from, from.peer()]
        .iter()
        .filter_map(|side| connection.process(*side))
    {
        let is_enough = match field {
            FieldId::ProcessName if text(&process.name) => each(Value::Text(&process.name)),
            FieldId::ContainerId if text(&process.container) => {
                each(Value::Text(&process.container))
            }
            FieldId::ProcessPid => process
                .pid
                .is_some_and(|pid| each(Value::Unsigned(pid.into()))),
            FieldId::ProcessUser => process
                .user_name()
                .is_some_and(|user| each(Value::Text(&user))),
            _ => false,
        };
        if is_enough {
            return;
        }
    }
}

/// The port or IPv4 address of the sender, and then of the receiver.
fn either(connection: &Connection, from: Option<Side>, field: FieldId, each: Each<'_>) {
    let from = from.unwrap_or(Side::Client);
    for side in [from, from.peer()] {
        let is_enough = match connection.address(side) {
            address if field == FieldId::TcpPort => each(Value::Unsigned(address.port().into())),
            SocketAddr::V4(address) => each(Value::Ip(IpAddr::V4(*address.ip()))),
            SocketAddr::V6(_) => false,
        };
        if is_enough {
            return;
        }
    }
}

/// Fields that only a connection has, since they are not known before its end; whether the field was one.
fn whole_connection(connection: &Connection, field: FieldId, each: Each<'_>) -> bool {
    let sum = |counts: &crate::base::PerSide<u64>| Value::Unsigned(counts.client + counts.server);
    let close = &connection.close;
    match field {
        FieldId::ConnectionFrames => one(each, sum(&connection.frames)),
        FieldId::ConnectionMessages => one(each, sum(&connection.messages)),
        FieldId::ConnectionPackets => one(each, Value::Unsigned(connection.packets)),
        FieldId::ConnectionBytes => one(each, sum(&connection.bytes)),
        FieldId::ConnectionState => one(each, Value::Text(state(connection))),
        FieldId::ConnectionDuration => {
            maybe(
                each,
                connection
                    .closed
                    .map(|closed| Value::Duration(closed.since(connection.opened))),
            );
        }
        FieldId::CloseCode => maybe(each, close.code.map(|code| Value::Unsigned(code.into()))),
        FieldId::CloseReason => maybe(each, close.reason.as_deref().map(Value::Bytes)),
        FieldId::CloseBy => maybe(each, close.by.map(|side| Value::Text(side.name()))),
        FieldId::CloseClean => one(each, Value::Bool(close.is_clean())),
        FieldId::CloseEndedBy => maybe(each, close.ended_by.map(|by| Value::Text(by.name()))),
        FieldId::Finding => maybe(each, (connection.findings > 0).then_some(Value::Present)),
        _ => return false,
    }
    true
}

/// The tunnels that a connection runs in, from the inside out.
fn tunnels(connection: &Connection) -> impl Iterator<Item = &Tunnel> {
    connection.tunnel.iter().flat_map(|tunnel| tunnel.all())
}

/// A value of the stream that carries a connection, where it is one of this kind.
fn stream_of<'a>(
    connection: &Connection,
    transport: Transport,
    value: impl FnOnce(u32) -> Value<'a>,
) -> Option<Value<'a>> {
    let stream = connection
        .stream
        .filter(|_| connection.transport == transport);
    stream.map(value)
}

fn of_connection(connection: &Connection, field: FieldId, each: Each<'_>) {
    match field {
        FieldId::TcpStream => maybe(each, connection.tcp_stream.map(Value::Unsigned)),
        FieldId::Tls => maybe(each, connection.is_encrypted.then_some(Value::Present)),
        FieldId::Sni => maybe(each, connection.server_name.as_deref().map(Value::Text)),
        FieldId::Http2 => maybe(
            each,
            stream_of(connection, Transport::Http2, |_| Value::Present),
        ),
        FieldId::Http3 => maybe(
            each,
            stream_of(connection, Transport::Http3, |_| Value::Present),
        ),
        FieldId::Http2StreamId => {
            let number = |stream: u32| Value::Unsigned(stream.into());
            maybe(each, stream_of(connection, Transport::Http2, number));
        }
        FieldId::Http3StreamId => {
            let number = |stream: u32| Value::Unsigned(stream.into());
            maybe(each, stream_of(connection, Transport::Http3, number));
        }
        FieldId::Transport => one(each, Value::Text(connection.transport.name())),
        FieldId::Tunnel => maybe(each, connection.tunnel.as_ref().map(|_| Value::Present)),
        FieldId::TunnelTarget => {
            tunnels(connection).any(|tunnel| each(Value::Bytes(tunnel.target())));
        }
        FieldId::TunnelKind => {
            tunnels(connection).any(|tunnel| each(Value::Text(tunnel.kind())));
        }
        FieldId::TunnelStatus => {
            let mut status = tunnels(connection).filter_map(|tunnel| tunnel.status());
            status.any(|status| each(Value::Unsigned(status.into())));
        }
        FieldId::ProxyProtocol => {
            let header = connection.proxy_protocol.as_ref();
            maybe(each, header.map(|_| Value::Present));
        }
        FieldId::ProxyVersion => {
            let header = connection.proxy_protocol.as_ref();
            let version = header.map(|header| Value::Unsigned(header.version.into()));
            maybe(each, version);
        }
        FieldId::ProxySource | FieldId::ProxyDestination => {
            let header = connection.proxy_protocol.as_ref();
            let address = header.and_then(|header| match field {
                FieldId::ProxySource => header.source.as_ref(),
                _ => header.destination.as_ref(),
            });
            let address = address.map(ToString::to_string);
            maybe(each, address.as_deref().map(Value::Text));
        }
        _ => {
            if let Some(handshake) = &connection.handshake {
                of_handshake(connection, handshake, field, each);
            }
        }
    }
}

fn state(connection: &Connection) -> &'static str {
    match (connection.close.ended_by, connection.outcome()) {
        (Some(_), _) => "closed",
        (None, Outcome::Unanswered) => "opening",
        (None, _) => "open",
    }
}

fn of_handshake(connection: &Connection, handshake: &Handshake, field: FieldId, each: Each<'_>) {
    let (request, response) = (connection.request(), connection.response());
    match field {
        FieldId::HandshakeOutcome => one(each, Value::Text(handshake.outcome.name())),
        FieldId::HandshakeStatus | FieldId::HttpResponseCode => {
            maybe(
                each,
                connection
                    .status()
                    .map(|status| Value::Unsigned(status.into())),
            );
        }
        FieldId::HandshakeDuration => maybe(each, handshake_time(handshake).map(Value::Duration)),
        FieldId::Http => maybe(each, request.or(response).map(|_| Value::Present)),
        FieldId::HttpRequest => maybe(each, request.map(|_| Value::Present)),
        FieldId::HttpResponse => maybe(each, response.map(|_| Value::Present)),
        FieldId::HttpHead => {
            let _ = request
                .into_iter()
                .chain(response)
                .map(|head| Value::Bytes(&head.raw))
                .any(each);
        }
        FieldId::HttpRequestMethod => maybe(each, request.map(|head| Value::Bytes(head.method()))),
        FieldId::HttpRequestUri => maybe(each, request.map(|head| Value::Bytes(head.target()))),
        FieldId::HttpRequestUriPath => maybe(
            each,
            request.map(|head| Value::Bytes(path_and_query(head).0)),
        ),
        FieldId::HttpRequestUriQuery => maybe(
            each,
            request
                .and_then(|head| path_and_query(head).1)
                .map(Value::Bytes),
        ),
        FieldId::HttpRequestVersion => maybe(
            each,
            request.map(|head| Value::Text(connection.http_version(head))),
        ),
        FieldId::HttpResponseVersion => maybe(
            each,
            response.map(|head| Value::Text(connection.http_version(head))),
        ),
        FieldId::HttpRequestLine => lines(request, each),
        FieldId::HttpResponseLine => lines(response, each),
        FieldId::HttpResponsePhrase => {
            maybe(each, response.map(|head| Value::Bytes(head.reason())))
        }
        FieldId::Subprotocol => maybe(
            each,
            handshake
                .negotiated
                .subprotocol
                .as_deref()
                .map(Value::Bytes),
        ),
        FieldId::SubprotocolOffered => {
            let _ = request
                .into_iter()
                .flat_map(|head| head.list("sec-websocket-protocol"))
                .map(Value::Bytes)
                .any(each);
        }
        FieldId::Extensions => headers(response, "sec-websocket-extensions", each),
        FieldId::ExtensionsOffered => headers(request, "sec-websocket-extensions", each),
        _ => {
            if let Some(name) = field.info().header {
                let heads = request.into_iter().chain(response);
                // HTTP/2 says the host in a field of its own (RFC 9113 section 8.3.1).
                let authority = request.filter(|_| field == FieldId::HttpHost);
                let _ = heads
                    .flat_map(|head| head.values(name))
                    .chain(
                        authority
                            .into_iter()
                            .flat_map(|head| head.values(":authority")),
                    )
                    .map(Value::Bytes)
                    .any(each);
            }
        }
    }
}

fn handshake_time(handshake: &Handshake) -> Option<i64> {
    let (request, response): (&SeenHead, &SeenHead) =
        (handshake.request.as_ref()?, handshake.response.as_ref()?);
    Some(response.time.since(request.time))
}

/// The target's path, and its query after the `?`.
fn path_and_query(head: &Head) -> (&[u8], Option<&[u8]>) {
    let target = head.target();
    match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (&target[..at], target.get(at + 1..)),
        None => (target, None),
    }
}

fn lines(head: Option<&Head>, each: Each<'_>) {
    let Some(head) = head else { return };
    for (name, value) in head.headers() {
        let line = [name, b": ", value].concat();
        if each(Value::Bytes(&line)) {
            return;
        }
    }
}

fn headers(head: Option<&Head>, name: &str, each: Each<'_>) {
    if let Some(head) = head {
        let _ = head.values(name).map(Value::Bytes).any(each);
    }
}
