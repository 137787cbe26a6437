//! The table of the fields that rows have of their own: every field once, with its names, type, cost, rows and meaning.
//!
//! What messages carry adds tables of its own, one a decoder ([`crate::payload`]).

use crate::base::{FieldInfo, Known, Needs, Rows, Type};

const FRAME: Rows = Rows::FRAMES;
const MESSAGE: Rows = Rows::MESSAGES;
const CONNECTION: Rows = Rows::CONNECTIONS;
const FINDING: Rows = Rows::FINDINGS;
/// What a frame and the message it belongs to both have.
const FRAME_MESSAGE: Rows = FRAME.with(MESSAGE);
/// What happens at a packet.
const MOMENT: Rows = FRAME.with(MESSAGE).with(FINDING);
/// What belongs to a connection, and has all its fields.
const ALL: Rows = MOMENT.with(CONNECTION);
/// What a finding can be about.
const FOUND: Rows = FRAME_MESSAGE.with(CONNECTION).with(FINDING);
const CLOSE: Rows = CONNECTION.with(MESSAGE);

/// The opcodes by name, ours first, then the words Wireshark shows (RFC 6455 section 5.2).
const OPCODES: &[(&str, u64)] = &[
    ("continuation", 0),
    ("text", 1),
    ("binary", 2),
    ("close", 8),
    ("ping", 9),
    ("pong", 10),
    ("continue", 0),
    ("connection close", 8),
];
const SEVERITIES: &[(&str, u64)] = &[("note", 1), ("warning", 2), ("error", 3)];
const SIDES: &[&str] = &["client", "server"];
const U16: u64 = u16::MAX as u64;

macro_rules! fields {
    ($($id:ident $name:literal [$($alias:literal)*] $kind:ident $needs:ident $on:ident $meaning:literal
        $({$($column:ident: $value:expr),+})?;)+) => {
        /// A field of a row's own; [`FieldId::info`] has what is known of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum FieldId { $(#[doc = concat!("`", $name, "`: ", $meaning)] $id,)+ }

        /// Every field of a row's own, in the order of the table.
        pub(super) const FIELDS: &[FieldInfo] = &[$(FieldInfo {
            aliases: &[$($alias),*],
            needs: Needs::$needs,
            on: $on,
            $($($column: $value,)+)?
            ..FieldInfo::new($name, "", Type::$kind, $meaning)
        },)+];

        impl FieldId {
            /// Every field of a row's own, in the order of the table.
            pub(super) const ALL: &[FieldId] = &[$(FieldId::$id),+];
        }
    };
}

fields! {
    // Packets.
    Frame "frame" [] Layer HEADERS MOMENT "What a packet completed; the unmasked payload in `contains`, `matches`, slices and `len`." {bytes: Some("websocket.payload")};
    FrameNumber "frame.number" ["packet"] Unsigned HEADERS MOMENT "The packet's number; the packet that completed the frame or message.";
    FrameTime "frame.time" ["time"] Time HEADERS MOMENT "When the packet was captured.";
    FrameTimeEpoch "frame.time_epoch" [] Time HEADERS MOMENT "The same in seconds since 1970.";
    FrameTimeRelative "frame.time_relative" [] Duration HEADERS MOMENT "Since the first packet of the capture.";
    // IP, TCP, TLS.
    Ip "ip" [] Layer HEADERS ALL "IPv4 carries it.";
    IpAddr "ip.addr" [] Ipv4 HEADERS ALL "Source or destination address.";
    IpSrc "ip.src" [] Ipv4 HEADERS ALL "Source address; the client's, for a connection.";
    IpDst "ip.dst" [] Ipv4 HEADERS ALL "Destination address; the server's, for a connection.";
    Ipv6 "ipv6" [] Layer HEADERS ALL "IPv6 carries it.";
    Ipv6Addr "ipv6.addr" [] Ipv6 HEADERS ALL "Source or destination address.";
    Ipv6Src "ipv6.src" [] Ipv6 HEADERS ALL "Source address; the client's, for a connection.";
    Ipv6Dst "ipv6.dst" [] Ipv6 HEADERS ALL "Destination address; the server's, for a connection.";
    Tcp "tcp" [] Layer HEADERS ALL "TCP carries it; the unmasked payload in `contains`, `matches`, slices and `len`." {bytes: Some("websocket.payload")};
    TcpPort "tcp.port" [] Unsigned HEADERS ALL "Source or destination port." {max: U16};
    TcpSrcPort "tcp.srcport" [] Unsigned HEADERS ALL "Source port; the client's, for a connection." {max: U16};
    TcpDstPort "tcp.dstport" [] Unsigned HEADERS ALL "Destination port; the server's, for a connection." {max: U16};
    TcpStream "tcp.stream" [] Unsigned STREAMS ALL "Number of the TCP connection, counted from 0 as in Wireshark.";
    Tls "tls" ["ssl"] Layer HEADERS ALL "TLS carries it.";
    Sni "tls.handshake.extensions_server_name" ["sni"] Text HEADERS ALL "The server name the TLS client asked for.";
    // The handshake in HTTP's words.
    Http "http" [] Layer HEADERS ALL "A handshake over HTTP was seen; its request's and response's heads in `contains`, `matches`, slices and `len`." {bytes: Some("http.head")};
    HttpHead "http.head" [] Bytes HEADERS ALL "The heads of the request and of the response.";
    HttpRequest "http.request" [] Flag HEADERS ALL "A request was seen.";
    HttpRequestMethod "http.request.method" [] Text HEADERS ALL "Method, `GET` for HTTP/1.1.";
    HttpRequestUri "http.request.uri" ["target"] Text HEADERS ALL "Request target as sent, query included.";
    HttpRequestUriPath "http.request.uri.path" ["path"] Text HEADERS ALL "Path of the request target, without the query.";
    HttpRequestUriQuery "http.request.uri.query" ["query"] Text HEADERS ALL "Query of the request target, without the `?`.";
    HttpRequestVersion "http.request.version" [] Text HEADERS ALL "Version in the request, such as `HTTP/1.1`.";
    HttpRequestLine "http.request.line" [] Text HEADERS ALL "Each header line of the request, `Name: value`.";
    HttpResponse "http.response" [] Flag HEADERS ALL "A response was seen.";
    HttpResponseCode "http.response.code" [] Unsigned HEADERS ALL "Status code." {max: U16};
    HttpResponsePhrase "http.response.phrase" [] Text HEADERS ALL "Reason phrase.";
    HttpResponseVersion "http.response.version" [] Text HEADERS ALL "Version in the response.";
    HttpResponseLine "http.response.line" [] Text HEADERS ALL "Each header line of the response, `Name: value`.";
    HttpHost "http.host" ["host"] Text HEADERS ALL "Host, or HTTP/2's `:authority`." {header: Some("Host")};
    HttpUserAgent "http.user_agent" ["user_agent"] Text HEADERS ALL "User-Agent." {header: Some("User-Agent")};
    HttpServer "http.server" [] Text HEADERS ALL "Server." {header: Some("Server")};
    HttpUpgrade "http.upgrade" [] Text HEADERS ALL "Upgrade, of request and response." {header: Some("Upgrade")};
    HttpConnection "http.connection" [] Text HEADERS ALL "Connection, of request and response." {header: Some("Connection")};
    HttpOrigin "http.origin" ["origin"] Text HEADERS ALL "Origin." {header: Some("Origin")};
    HttpReferer "http.referer" [] Text HEADERS ALL "Referer." {header: Some("Referer")};
    HttpCookie "http.cookie" [] Text HEADERS ALL "Cookie." {header: Some("Cookie"), secret: true};
    HttpSetCookie "http.set_cookie" [] Text HEADERS ALL "Set-Cookie." {header: Some("Set-Cookie"), secret: true};
    HttpAuthorization "http.authorization" [] Text HEADERS ALL "Authorization." {header: Some("Authorization"), secret: true};
    HttpProxyAuthorization "http.proxy_authorization" [] Text HEADERS ALL "Proxy-Authorization." {header: Some("Proxy-Authorization"), secret: true};
    HttpForwardedFor "http.x_forwarded_for" [] Text HEADERS ALL "X-Forwarded-For." {header: Some("X-Forwarded-For")};
    HttpVia "http.via" ["via"] Text HEADERS ALL "Via." {header: Some("Via")};
    HttpLocation "http.location" [] Text HEADERS ALL "Location." {header: Some("Location")};
    HttpDate "http.date" [] Text HEADERS ALL "Date." {header: Some("Date")};
    HttpContentType "http.content_type" [] Text HEADERS ALL "Content-Type." {header: Some("Content-Type")};
    HttpSecWebSocketKey "http.sec_websocket_key" [] Text HEADERS ALL "Sec-WebSocket-Key." {header: Some("Sec-WebSocket-Key")};
    HttpSecWebSocketAccept "http.sec_websocket_accept" [] Text HEADERS ALL "Sec-WebSocket-Accept." {header: Some("Sec-WebSocket-Accept")};
    HttpSecWebSocketVersion "http.sec_websocket_version" [] Text HEADERS ALL "Sec-WebSocket-Version." {header: Some("Sec-WebSocket-Version")};
    HttpSecWebSocketProtocol "http.sec_websocket_protocol" [] Text HEADERS ALL "Sec-WebSocket-Protocol, of request and response." {header: Some("Sec-WebSocket-Protocol")};
    HttpSecWebSocketExtensions "http.sec_websocket_extensions" [] Text HEADERS ALL "Sec-WebSocket-Extensions, of request and response." {header: Some("Sec-WebSocket-Extensions")};
    Http2 "http2" [] Layer HEADERS ALL "HTTP/2 carries it (RFC 8441).";
    Http2StreamId "http2.streamid" [] Unsigned HEADERS ALL "The HTTP/2 stream.";
    Http3 "http3" [] Layer HEADERS ALL "HTTP/3 carries it, over QUIC (RFC 9220).";
    Http3StreamId "http3.streamid" [] Unsigned HEADERS ALL "The HTTP/3 stream, which is a stream of QUIC.";
    // Frames.
    WebSocket "websocket" ["ws"] Layer HEADERS FRAME_MESSAGE "A WebSocket frame or message; its unmasked payload in `contains`, `matches`, slices and `len`." {bytes: Some("websocket.payload")};
    WebSocketNumber "websocket.number" [] Unsigned HEADERS FRAME "Number of the frame in its connection, from 1.";
    WebSocketFin "websocket.fin" [] Bool HEADERS FRAME "FIN: the last frame of its message.";
    WebSocketRsv "websocket.rsv" [] Unsigned HEADERS FRAME "The three reserved bits as a number: 4 is RSV1." {max: 7};
    WebSocketRsv1 "websocket.rsv1" ["websocket.pmc"] Bool HEADERS FRAME "RSV1: the message is compressed.";
    WebSocketRsv2 "websocket.rsv2" [] Bool HEADERS FRAME "RSV2.";
    WebSocketRsv3 "websocket.rsv3" [] Bool HEADERS FRAME "RSV3.";
    WebSocketOpcode "websocket.opcode" ["opcode"] Unsigned HEADERS FRAME_MESSAGE "Opcode, as a number or a name; a message's is its first frame's." {known: Known::Named(OPCODES), max: 15};
    WebSocketMask "websocket.mask" ["websocket.masked"] Bool HEADERS FRAME "The payload is masked.";
    WebSocketMaskingKey "websocket.masking_key" [] Bytes HEADERS FRAME "The four bytes of the masking key.";
    WebSocketPayloadLength "websocket.payload_length" ["websocket.length"] Unsigned HEADERS FRAME "The payload's length as declared, in whichever form.";
    WebSocketPayloadLength16 "websocket.payload_length_ext_16" [] Unsigned HEADERS FRAME "The length where it is written in 16 bits." {max: U16};
    WebSocketPayloadLength64 "websocket.payload_length_ext_64" [] Unsigned HEADERS FRAME "The length where it is written in 64 bits.";
    WebSocketHeaderLength "websocket.header_length" [] Unsigned HEADERS FRAME "Bytes of the header, 2 to 14." {max: 14};
    WebSocketCapturedLength "websocket.captured_length" [] Unsigned HEADERS FRAME "Payload bytes that were captured.";
    WebSocketPayload "websocket.payload" [] Bytes PAYLOAD FRAME_MESSAGE "The payload, unmasked, as it crossed the wire.";
    WebSocketPayloadText "websocket.payload.text" [] Text MESSAGES FRAME_MESSAGE "Text of the text message, on the frame that completes it and on the message.";
    WebSocketPayloadPing "websocket.payload.ping" [] Bytes PAYLOAD FRAME_MESSAGE "Body of a ping.";
    WebSocketPayloadPong "websocket.payload.pong" [] Bytes PAYLOAD FRAME_MESSAGE "Body of a pong.";
    WebSocketPayloadClose "websocket.payload.close" [] Layer PAYLOAD FRAME_MESSAGE "Body of a close frame.";
    WebSocketCloseCode "websocket.payload.close.status_code" [] Unsigned PAYLOAD FRAME_MESSAGE "Close code in a close frame." {max: U16};
    WebSocketCloseReason "websocket.payload.close.reason" [] Text PAYLOAD FRAME_MESSAGE "Reason in a close frame.";
    // Messages.
    Message "message" [] Unsigned HEADERS FRAME_MESSAGE "Number of the message in its connection, from 1." {bytes: Some("message.data")};
    MessageKind "message.kind" ["kind"] Text HEADERS MESSAGE "What it is." {known: Known::Words(&["text", "binary", "close", "ping", "pong"])};
    MessageText "message.text" ["text"] Text MESSAGES MESSAGE "Text of a text message, put together and inflated.";
    MessageData "message.data" ["data"] Bytes MESSAGES MESSAGE "Bytes of any message, put together and inflated.";
    MessageLength "message.length" [] Unsigned MESSAGES MESSAGE "Bytes after inflating.";
    MessageWireLength "message.wire_length" [] Unsigned HEADERS MESSAGE "Payload bytes on the wire.";
    MessageCompressed "message.compressed" ["compressed"] Flag HEADERS MESSAGE "It crossed the wire compressed.";
    MessageComplete "message.complete" ["complete"] Flag HEADERS MESSAGE "All of it was captured.";
    MessageFragments "message.fragments" [] Unsigned HEADERS MESSAGE "How many frames it is made of.";
    MessageSha256 "message.sha256" [] Bytes DIGEST MESSAGE "SHA-256 of its bytes.";
    Rtt "rtt" [] Duration PAYLOAD MESSAGE "From a ping to this pong that answers it.";
    Json "json" [] Json MESSAGES MESSAGE "The message is JSON; `json.a.b[0]` is the value at that path, `*` any one key or element, `**` any depth.";
    // Connections.
    Connection "connection" [] Unsigned HEADERS ALL "Number of the connection, from 1.";
    ConnectionState "connection.state" ["state"] Text HEADERS CONNECTION "How far it is." {known: Known::Words(&["opening", "open", "closed"])};
    ConnectionFrames "connection.frames" [] Unsigned HEADERS CONNECTION "Frames of both sides.";
    ConnectionMessages "connection.messages" [] Unsigned HEADERS CONNECTION "Messages of both sides.";
    ConnectionPackets "connection.packets" [] Unsigned HEADERS CONNECTION "Packets of its TCP connection.";
    ConnectionBytes "connection.bytes" [] Unsigned HEADERS CONNECTION "Payload bytes of both sides on the wire.";
    ConnectionDuration "connection.duration" ["duration"] Duration HEADERS CONNECTION "From its first packet to its last.";
    Transport "transport" ["connection.transport"] Text HEADERS ALL "What carries it." {known: Known::Words(&["tcp", "tls", "http2", "http3"])};
    From "from" [] Text HEADERS MOMENT "Who sent it." {known: Known::Words(SIDES)};
    Client "client" ["client.addr"] Ip HEADERS ALL "The client's address, IPv4 or IPv6.";
    ClientPort "client.port" [] Unsigned HEADERS ALL "The client's port." {max: U16};
    Server "server" ["server.addr"] Ip HEADERS ALL "The server's address, IPv4 or IPv6.";
    ServerPort "server.port" [] Unsigned HEADERS ALL "The server's port." {max: U16};
    HandshakeOutcome "handshake.outcome" ["handshake" "connection.outcome"] Text HEADERS ALL "What became of the upgrade." {known: Known::Words(&["accepted", "refused", "unanswered", "not-seen"])};
    HandshakeStatus "handshake.status" ["status"] Unsigned HEADERS ALL "Status code of the answer to the upgrade." {max: U16};
    HandshakeDuration "handshake.duration" [] Duration HEADERS ALL "From the request to its answer.";
    Subprotocol "subprotocol" [] Text HEADERS ALL "The subprotocol the server chose.";
    SubprotocolOffered "subprotocol.offered" [] Text HEADERS ALL "Each subprotocol the client offered.";
    Extensions "extensions" [] Text HEADERS ALL "The extensions in use, with their parameters.";
    ExtensionsOffered "extensions.offered" [] Text HEADERS ALL "The extensions the client offered.";
    Tunnel "tunnel" [] Layer HEADERS ALL "An HTTP CONNECT or SOCKS stands in front.";
    TunnelKind "tunnel.kind" [] Text HEADERS ALL "How the tunnel was asked for." {known: Known::Words(&["connect", "socks4", "socks4a", "socks5"])};
    TunnelTarget "tunnel.target" [] Text HEADERS ALL "Where the proxy was asked to go.";
    TunnelStatus "tunnel.status" [] Unsigned HEADERS ALL "Status code of the proxy's answer, or the reply code of SOCKS." {max: U16};
    ProxyProtocol "proxy" ["proxy_protocol"] Layer HEADERS ALL "A hop says in front who its client is (PROXY protocol).";
    ProxyVersion "proxy.version" [] Unsigned HEADERS ALL "Version of the PROXY protocol." {max: U16};
    ProxySource "proxy.source" [] Text HEADERS ALL "The client that the hop names: address and port.";
    ProxyDestination "proxy.destination" [] Text HEADERS ALL "Where that client connected to, as the hop says.";
    ProcessName "process.name" ["process"] Text HEADERS ALL "Name of the process at an end of the connection, live or where the file says; the sender's first.";
    ProcessPid "process.pid" ["pid"] Unsigned HEADERS ALL "Number of the process at an end of the connection.";
    ProcessUser "process.user" [] Text HEADERS ALL "User of the process at an end of the connection: name, or number.";
    ContainerId "container.id" ["container"] Text HEADERS ALL "Container of the process at an end of the connection.";
    CloseCode "close.code" [] Unsigned PAYLOAD CLOSE "Close code of the connection, or of a close message." {max: U16};
    CloseReason "close.reason" [] Text PAYLOAD CLOSE "Close reason of the connection, or of a close message.";
    CloseBy "close.by" [] Text HEADERS CONNECTION "Who sent the first close frame." {known: Known::Words(SIDES)};
    CloseClean "close.clean" ["clean"] Flag HEADERS CONNECTION "Both sides sent a close frame.";
    CloseEndedBy "close.ended_by" ["ended_by"] Text HEADERS CONNECTION "What ended the TCP connection." {known: Known::Words(&["fin", "rst", "timeout", "capture-end"])};
    // Findings.
    Finding "finding" [] Layer FINDINGS FOUND "Something was found in it.";
    FindingCode "finding.code" [] Text FINDINGS FOUND "Which finding." {known: Known::Findings};
    FindingSeverity "finding.severity" ["severity"] Unsigned FINDINGS FOUND "How bad it is; they are ordered." {known: Known::Named(SEVERITIES)};
    FindingText "finding.text" [] Text FINDINGS FOUND "What was expected and what was found.";
    FindingSection "finding.section" [] Text FINDINGS FOUND "The section of the standard, such as `RFC 6455 5.1`.";
}
