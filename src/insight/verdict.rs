//! The table of verdicts: every way an attempt can end that diagnosis tells apart. Names are stable.

use std::fmt;

use crate::base::Severity;

/// How far an attempt came: the stage that failed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Opening the TCP connection.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// HTTP CONNECT to a proxy.
    Connect,
    /// The status of the answer to the upgrade.
    HttpStatus,
    /// The headers of the 101.
    Handshake,
    /// The first frames.
    FirstFrames,
    /// The life of the open connection.
    Life,
    /// Its end.
    Close,
}

impl Stage {
    /// Every stage, in the order in which they are passed.
    pub const ALL: [Stage; 8] = [
        Stage::Tcp,
        Stage::Tls,
        Stage::Connect,
        Stage::HttpStatus,
        Stage::Handshake,
        Stage::FirstFrames,
        Stage::Life,
        Stage::Close,
    ];

    /// The name in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stage::Tcp => "tcp",
            Stage::Tls => "tls",
            Stage::Connect => "connect",
            Stage::HttpStatus => "http-status",
            Stage::Handshake => "handshake",
            Stage::FirstFrames => "first-frames",
            Stage::Life => "life",
            Stage::Close => "close",
        }
    }

    /// What has worked when this stage fails.
    #[must_use]
    pub fn passed(self) -> &'static str {
        match self {
            Stage::Tcp => {
                "nothing was reached yet, so neither TLS, HTTP nor WebSocket has a part in it"
            }
            Stage::Tls => "TCP connects, so the host is up and the port is open",
            Stage::Connect => "the proxy is up and answers; the WebSocket server was never reached",
            Stage::HttpStatus => {
                "TCP connects, so the host is up and the port open; no frame was ever sent"
            }
            Stage::Handshake => {
                "the server speaks WebSocket and answered 101; network and firewall let it through"
            }
            Stage::FirstFrames => "the opening handshake is complete; DNS, TCP and HTTP work",
            Stage::Life => {
                "the handshake and the frames are in order; the connection was ended from outside"
            }
            Stage::Close => "the handshake and the way to the server are in order",
        }
    }
}

macro_rules! verdicts {
    ($($(#[doc = $doc:literal])+ $variant:ident = ($name:literal, $stage:expr, $severity:ident, $settle:literal, $source:literal),)+) => {
        /// What diagnosis says of an attempt.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Verdict { $($(#[doc = $doc])+ $variant,)+ }

        impl Verdict {
            /// Every verdict, in the order of the table.
            pub const ALL: &[Verdict] = &[$(Verdict::$variant,)+];

            /// The stable kebab-case name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Verdict::$variant => $name,)+ }
            }

            /// The stage it belongs to; `None` when nothing failed.
            #[must_use]
            pub fn stage(self) -> Option<Stage> {
                match self { $(Verdict::$variant => $stage,)+ }
            }

            /// How bad it is: errors kept the WebSocket from working, warnings ended it or may.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Verdict::$variant => Severity::$severity,)+ }
            }

            /// What it means, for people who meet it the first time.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Verdict::$variant => concat!($($doc),+).trim_ascii_start(),)+ }
            }

            /// What would settle it when it is not certain; may be empty.
            #[must_use]
            pub fn settle(self) -> &'static str {
                match self { $(Verdict::$variant => $settle,)+ }
            }

            /// Where it is documented; may be empty.
            #[must_use]
            pub fn source(self) -> &'static str {
                match self { $(Verdict::$variant => $source,)+ }
            }
        }
    };
}

use Stage::*;

verdicts! {
    /// Nothing failed.
    Healthy = ("healthy", None, Note, "", ""),
    /// The capture ends before the outcome is known.
    Unfinished = ("unfinished", None, Note, "capture until the attempt ends", ""),

    /// The SYN was never answered: the host is down, or a firewall drops the packets.
    ConnectionUnanswered = ("connection-unanswered", Some(Tcp), Error, "a capture on the server: does the SYN arrive there?", "https://www.rfc-editor.org/rfc/rfc9293#section-3.5"),
    /// The SYN was answered by RST: nothing listens on the port, or a firewall rejects it.
    ConnectionRefused = ("connection-refused", Some(Tcp), Error, "on the server: does a program listen on this port (ss -ltn)?", "https://www.rfc-editor.org/rfc/rfc9293#section-3.5.1"),
    /// ICMP answered the SYN: a firewall rejects it, or a router cannot deliver it.
    ConnectionRejected = ("connection-rejected", Some(Tcp), Error, "the rules of the host or router that sent the ICMP message", "https://www.rfc-editor.org/rfc/rfc1122#section-3.2.2"),

    /// The connection opened, and the client ended it before it sent anything.
    ClientLeft = ("client-left", Some(Tcp), Note, "the client's log: what did it wait for?", "https://www.rfc-editor.org/rfc/rfc9293#section-3.6"),
    /// The client speaks TLS (wss) to a port that speaks plain HTTP (ws).
    TlsToPlainPort = ("tls-to-plain-port", Some(Tls), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-3"),
    /// One side does not trust the other's certificate, or finds it expired or for another name.
    TlsCertificateUntrusted = ("tls-certificate-untrusted", Some(Tls), Error, "who issued the certificate: the site's authority, or a proxy or virus scanner in between?", "https://github.com/socketio/socket.io/issues/1184"),
    /// Client and server have no TLS version in common.
    TlsVersionUnsupported = ("tls-version-unsupported", Some(Tls), Error, "", "https://www.rfc-editor.org/rfc/rfc8446#section-6.2"),
    /// Client and server have no application protocol in common; ALPN is how TLS chooses between HTTP/1.1 and
    /// HTTP/2.
    TlsAlpnUnsupported = ("tls-alpn-unsupported", Some(Tls), Error, "", "https://www.rfc-editor.org/rfc/rfc7301#section-3.2"),
    /// TLS failed, and one side said so in an alert.
    TlsAlert = ("tls-alert", Some(Tls), Error, "the log of the side that got the alert, and a key log", "https://www.rfc-editor.org/rfc/rfc8446#section-6.2"),
    /// The ClientHello, with which TLS begins, was never answered.
    TlsUnanswered = ("tls-unanswered", Some(Tls), Error, "does the port speak TLS? A capture on the server shows whether the ClientHello arrives", "https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2"),
    /// The server wants a certificate of the client (mutual TLS) and got none that it takes.
    TlsClientCertificateRequired = ("tls-client-certificate-required", Some(Tls), Error, "the server's log says which certificates it takes", "https://www.rfc-editor.org/rfc/rfc8446#section-4.3.2"),
    /// The server has nothing under the name that the client asked for.
    TlsServerNameUnknown = ("tls-server-name-unknown", Some(Tls), Error, "the names that the server has certificates for", "https://www.rfc-editor.org/rfc/rfc6066#section-3"),
    /// One side ended the connection inside the TLS handshake.
    TlsClosedInHandshake = ("tls-closed-in-handshake", Some(Tls), Error, "the client's own error message; a key log shows encrypted alerts", "https://github.com/socketio/socket.io/issues/1184"),
    /// TLS agreed on HTTP/2 (ALPN h2), where an upgrade is asked for otherwise, and the client then sent the
    /// HTTP/1.1 one.
    AlpnH2Http11Upgrade = ("alpn-h2-http11-upgrade", Some(Tls), Error, "", "https://github.com/denoland/deno/issues/36704"),

    /// The proxy was asked for a tunnel to the server (CONNECT) and never answered.
    ConnectUnanswered = ("connect-unanswered", Some(Connect), Error, "the proxy's log; a capture behind the proxy", "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6"),
    /// The proxy wants a user name and password before it opens a tunnel (407).
    ProxyAuthenticationRequired = ("proxy-authentication-required", Some(Connect), Error, "", "https://github.com/TooTallNate/Java-WebSocket/issues/1179"),
    /// A client asks a forward proxy for a tunnel with CONNECT; this one does not open tunnels to this port (403;
    /// many allow 443 only).
    ConnectPortForbidden = ("connect-port-forbidden", Some(Connect), Error, "the same through port 443", "https://github.com/gorilla/websocket/issues/508"),
    /// A client asks a forward proxy for a tunnel with CONNECT; this one does not open one to this host (403).
    ConnectForbidden = ("connect-forbidden", Some(Connect), Error, "the proxy's access log", "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6"),
    /// A CONNECT without Host, or in HTTP/1.0, was refused.
    ConnectWithoutHost = ("connect-without-host", Some(Connect), Error, "the same CONNECT with a Host header", "https://github.com/websocket-client/websocket-client/issues/677"),
    /// What was asked for a tunnel is no proxy, or does not take CONNECT.
    ConnectUnsupported = ("connect-unsupported", Some(Connect), Error, "", "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6"),
    /// The proxy could not reach the server.
    ConnectUnreachable = ("connect-unreachable", Some(Connect), Error, "from the proxy: does the server answer?", "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6"),
    /// The proxy refused the tunnel for another reason.
    ConnectRefused = ("connect-refused", Some(Connect), Error, "the proxy's log", "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6"),

    /// A SOCKS server refused the tunnel: its rules, the way to log in, or the kind of request.
    SocksRefused = ("socks-refused", Some(Connect), Error, "the SOCKS server's log and rules", "https://www.rfc-editor.org/rfc/rfc1928#section-6"),
    /// A SOCKS server could not reach the destination.
    SocksUnreachable = ("socks-unreachable", Some(Connect), Error, "from the SOCKS server: does the destination answer?", "https://www.rfc-editor.org/rfc/rfc1928#section-6"),
    /// A hop tells the server who the client is with a line in front of everything (the PROXY protocol), and the server does
    /// not expect it; or it expects one that does not come.
    ProxyProtocolUnexpected = ("proxy-protocol-unexpected", Some(HttpStatus), Error, "", "https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt"),

    /// The client speaks plain HTTP (ws) to a port that wants TLS (wss).
    PlainToTlsPort = ("plain-to-tls-port", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-3"),
    /// The client talked to a forward proxy as if it were the server: the upgrade was sent without a CONNECT
    /// before it, which asks the proxy for a tunnel.
    UpgradeWithoutConnect = ("upgrade-without-connect", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// A WebSocket begins as an HTTP request with the headers Upgrade: websocket and Connection: Upgrade. A hop
    /// between client and server dropped them, so the server saw an ordinary request.
    UpgradeNotForwarded = ("upgrade-not-forwarded", Some(HttpStatus), Error, "a capture on the other side of the proxy: does Upgrade: websocket arrive? (wireloupe compare)", "https://nginx.org/en/docs/http/websocket.html"),
    /// The request reached the server in HTTP/1.0, where no upgrade is possible: a proxy in front speaks the old
    /// version.
    HttpVersionTooOld = ("http-version-too-old", Some(HttpStatus), Error, "", "https://nginx.org/en/docs/http/websocket.html"),
    /// A proxy refuses upgrades to WebSocket itself, without asking the server.
    UpgradeDisabled = ("upgrade-disabled", Some(HttpStatus), Error, "a capture behind the proxy: does any request arrive?", "https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades"),
    /// The server rejects a Connection header that lists more than Upgrade.
    ConnectionHeaderRejected = ("connection-header-rejected", Some(HttpStatus), Error, "the same request with Connection: Upgrade alone", "https://github.com/virtualmin/virtualmin-gpl/issues/972"),
    /// The client speaks a draft from before RFC 6455, of 2009 to 2011, that the server does not.
    DraftVersion = ("draft-version", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.4"),
    /// A hixie-76 request without its eight key bytes: they follow the header, and HTTP proxies hold them back.
    DraftKeyBytesMissing = ("draft-key-bytes-missing", Some(HttpStatus), Error, "a capture on the other side of the proxy: do eight bytes follow the header?", "https://www.ietf.org/archive/id/draft-ietf-hybi-thewebsocketprotocol-00.txt"),
    /// The version of the protocol that the request speaks (Sec-WebSocket-Version) is not one the server does.
    VersionUnsupported = ("version-unsupported", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.4"),
    /// The request does not say which version of the protocol it speaks (Sec-WebSocket-Version).
    VersionMissing = ("version-missing", Some(HttpStatus), Error, "", "https://github.com/haproxy/haproxy/issues/2244"),
    /// Sec-WebSocket-Key is missing or not 16 bytes in base64.
    KeyInvalid = ("key-invalid", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// The address belongs to an ordinary web page or application: it answered 200.
    NotAWebsocketEndpoint = ("not-a-websocket-endpoint", Some(HttpStatus), Error, "is the path right, and does the request reach the program that serves WebSockets?", "https://github.com/TakahikoKawasaki/nv-websocket-client/issues/98"),
    /// The server sends the client elsewhere; WebSocket clients mostly do not follow.
    Redirected = ("redirected", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// The server refuses the request as malformed (400).
    BadRequest = ("bad-request", Some(HttpStatus), Error, "the server's log says what it did not like", "https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1"),
    /// The server asks for credentials (401).
    AuthenticationRequired = ("authentication-required", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// The server forbids it (403): often the Origin.
    Forbidden = ("forbidden", Some(HttpStatus), Error, "the same request with another Origin, or without", "https://www.rfc-editor.org/rfc/rfc6455#section-10.2"),
    /// There is nothing at this path (404).
    NotFound = ("not-found", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.5"),
    /// The server had an error inside (500, 501).
    ServerError = ("server-error", Some(HttpStatus), Error, "the server's log", "https://www.rfc-editor.org/rfc/rfc9110#section-15.6"),
    /// The proxy could not reach the server behind it, or did not understand its answer (502).
    BadGateway = ("bad-gateway", Some(HttpStatus), Error, "from the proxy: does the server answer?", "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.3"),
    /// No server is available (503).
    ServerUnavailable = ("server-unavailable", Some(HttpStatus), Error, "the proxy's health checks", "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4"),
    /// The server behind the proxy did not answer in time (504).
    GatewayTimeout = ("gateway-timeout", Some(HttpStatus), Error, "a capture behind the proxy", "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.5"),
    /// A Socket.IO or Engine.IO server does not know the session that the upgrade belongs to.
    SessionUnknown = ("session-unknown", Some(HttpStatus), Error, "do all requests of a session reach the same node?", "https://socket.io/docs/v4/using-multiple-nodes/"),
    /// The network wants a login first, and a page to do that answers in the server's place.
    CaptivePortal = ("captive-portal", Some(HttpStatus), Error, "the same over wss, and from another network", "https://www.rfc-editor.org/rfc/rfc6585#section-6"),
    /// The client has asked too often (429).
    RateLimited = ("rate-limited", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc6585#section-4"),
    /// The port speaks HTTP/2 only, and the upgrade was asked for in HTTP/1.1.
    Http2OnlyPort = ("http2-only-port", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc8441"),
    /// What answers is no HTTP server.
    NotHttp = ("not-http", Some(HttpStatus), Error, "which program listens on this port?", "https://www.rfc-editor.org/rfc/rfc9112#section-4"),
    /// The answer stops in the middle of its head.
    ResponseCutOff = ("response-cut-off", Some(HttpStatus), Error, "a capture on the server: does it send the rest?", "https://www.rfc-editor.org/rfc/rfc9112#section-8"),
    /// The request stops in the middle of its head, and the server gave up waiting for the rest.
    RequestTimeout = ("request-timeout", Some(HttpStatus), Error, "a capture at the client: does it send the rest?", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9"),
    /// The server answered with another status than 101.
    UpgradeRefused = ("upgrade-refused", Some(HttpStatus), Error, "the server's log", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// The connection was reset as soon as the upgrade request was sent.
    ResetOnUpgrade = ("reset-on-upgrade", Some(HttpStatus), Error, "the same over wss: what cannot be read is not filtered", "https://github.com/websockets/wscat/issues/42"),
    /// The server closed the connection without answering the upgrade.
    ClosedWithoutAnswer = ("closed-without-answer", Some(HttpStatus), Error, "the server's log", "https://www.rfc-editor.org/rfc/rfc9112#section-9.5"),
    /// The upgrade request was never answered.
    NoAnswer = ("no-answer", Some(HttpStatus), Error, "a capture on the server: does the request arrive?", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// HTTP/2 without SETTINGS_ENABLE_CONNECT_PROTOCOL: the server takes no WebSockets there.
    H2ConnectProtocolMissing = ("h2-connect-protocol-missing", Some(HttpStatus), Error, "", "https://www.rfc-editor.org/rfc/rfc8441#section-3"),

    /// The answer 101 opens a WebSocket only with Sec-WebSocket-Accept, which proves that the server read this
    /// request; it is not there.
    AcceptMissing = ("accept-missing", Some(Handshake), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// Sec-WebSocket-Accept is computed from the key of the request and proves that the server read it; this one
    /// does not belong to the key.
    AcceptMismatch = ("accept-mismatch", Some(Handshake), Error, "a capture on the server: is its answer the same there?", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// The answer 101 opens a WebSocket only with Upgrade: websocket and Connection: Upgrade; one of them is
    /// missing or wrong.
    UpgradeHeaderInvalid = ("upgrade-header-invalid", Some(Handshake), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// The server chose a subprotocol that the client did not offer.
    SubprotocolNotOffered = ("subprotocol-not-offered", Some(Handshake), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-4.1"),
    /// The client asked for a subprotocol, which names what the messages mean, and the server chose none;
    /// browsers then fail the connection.
    SubprotocolMissing = ("subprotocol-missing", Some(Handshake), Error, "the browser's console", "https://websockets.spec.whatwg.org/"),
    /// The server chose an extension, or a parameter of one, that the client did not offer.
    ExtensionNotOffered = ("extension-not-offered", Some(Handshake), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-9.1"),
    /// A draft from before RFC 6455, of 2009 to 2011, was accepted; few programs still speak it, and HTTP proxies
    /// break it.
    DraftAccepted = ("draft-version-accepted", Some(Handshake), Warning, "", "https://www.ietf.org/archive/id/draft-ietf-hybi-thewebsocketprotocol-00.txt"),

    /// HTTP text stands where frames should be: two handlers share one socket of the server.
    HttpInsideFrames = ("http-inside-frames", Some(FirstFrames), Error, "does it come from the server itself? A capture there shows", "https://github.com/websockets/ws/issues/1315"),
    /// The 101 is followed by text as it is, lines, JSON or XML, and not by frames.
    NotFrames = ("not-frames", Some(FirstFrames), Error, "a capture at the sender: does it write so itself?", "https://www.rfc-editor.org/rfc/rfc6455#section-5.2"),
    /// A hop goes on reading HTTP after the upgrade, when WebSocket frames follow: it answers the first one with
    /// an HTTP error, or a reset.
    FramesParsedAsHttp = ("frames-parsed-as-http", Some(FirstFrames), Error, "the same over wss", "https://www.infoq.com/articles/Web-Sockets-Proxy-Servers/"),
    /// The server ended the connection right after its 101, the answer that opens a WebSocket, before any frame
    /// of its own.
    ClosedAfterHandshake = ("closed-after-handshake", Some(FirstFrames), Error, "the same with the application firewall off; the server's log", "https://github.com/corazawaf/coraza-nginx/issues/53"),
    /// Frames carry reserved bits that no agreed extension gives a meaning: mostly compression that was not
    /// agreed on.
    ReservedBitSet = ("reserved-bit-set", Some(FirstFrames), Error, "a capture at the sender: does it set the bit, or did a hop drop the extension header?", "https://github.com/websockets/ws/issues/1140"),
    /// The server masks its frames; only a client may.
    ServerFrameMasked = ("server-frame-masked", Some(FirstFrames), Error, "a capture at the server: masked there too?", "https://www.rfc-editor.org/rfc/rfc6455#section-5.1"),
    /// The client does not mask its frames, which the protocol asks of every client.
    ClientFrameUnmasked = ("client-frame-unmasked", Some(FirstFrames), Error, "a capture at the client: masked there?", "https://www.rfc-editor.org/rfc/rfc6455#section-5.1"),
    /// A frame breaks the protocol in another way.
    FrameInvalid = ("frame-invalid", Some(FirstFrames), Error, "a capture at the sender", "https://www.rfc-editor.org/rfc/rfc6455#section-5.2"),
    /// A compressed message does not inflate.
    DeflateInvalid = ("deflate-invalid", Some(FirstFrames), Error, "the same without permessage-deflate", "https://www.rfc-editor.org/rfc/rfc7692#section-7.2.2"),

    /// A RST, which ends a TCP connection at once, came in the name of a side that did not send it: something in
    /// between forged it.
    ForeignReset = ("foreign-reset", Some(Life), Error, "a capture on the other side: was the RST sent there?", ""),
    /// From some moment on nothing arrives any more: packets are sent again and again, without any answer. A
    /// firewall, NAT or load balancer forgot the connection.
    SilentDrop = ("silent-drop", Some(Life), Error, "a capture on the other side: do the packets arrive?", "https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-reset"),
    /// Large packets are lost again and again while small ones pass: a hop on the way takes smaller ones only (its MTU), and
    /// nobody says so.
    MtuBlackHole = ("mtu-black-hole", Some(Life), Error, "`ping -M do -s 1472` to the other side, and smaller; a capture on the other side", "https://www.rfc-editor.org/rfc/rfc2923#section-2.1"),
    /// A ping asks whether the other side is still there. One was not answered in time, so the side that sent it
    /// gave the connection up.
    PingUnanswered = ("ping-unanswered", Some(Life), Error, "did the ping arrive? A capture on the other side shows", "https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2"),
    /// The connection ends exactly when a ping is due: the ping period equals somebody's idle limit.
    PingAtIdleLimit = ("ping-at-idle-limit", Some(Life), Warning, "the same with pings twice as often", "https://github.com/mattermost/docs/pull/8929"),
    /// The server ended many connections in one moment: it stopped or was restarted.
    ServerStopped = ("server-stopped", Some(Life), Error, "the server's log at this moment", "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"),
    /// Connections end after the same time of silence: something on the way, or the server, ends those that carry
    /// nothing for so long.
    IdleTimeout = ("idle-timeout", Some(Life), Error, "a capture on the other side of the proxy: which side ends first?", "https://nginx.org/en/docs/http/websocket.html"),
    /// Connections end at the same age, however busy they are.
    LifetimeLimit = ("lifetime-limit", Some(Life), Error, "a capture on the other side of the proxy: which side ends first?", "https://cloud.google.com/load-balancing/docs/backend-service#timeout-setting"),

    /// A text message, or a close reason, is not valid UTF-8.
    InvalidUtf8 = ("invalid-utf8", Some(Close), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-8.1"),
    /// A message is larger than the receiver takes (close code 1009).
    MessageTooBig = ("message-too-big", Some(Close), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"),
    /// One side closed because of a protocol error (close code 1002).
    ProtocolErrorClose = ("protocol-error-close", Some(Close), Error, "the reason in the close frame; the closing side's log", "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"),
    /// One side does not take this kind of data (close code 1003).
    UnsupportedDataClose = ("unsupported-data-close", Some(Close), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"),
    /// One side's policy forbids it (close code 1008).
    PolicyClose = ("policy-violation-close", Some(Close), Error, "the closing side's log", "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"),
    /// The client wanted an extension that the server did not agree to (close code 1010).
    ExtensionRequiredClose = ("extension-required-close", Some(Close), Error, "", "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"),
    /// One side had an error inside (close code 1011).
    InternalErrorClose = ("internal-error-close", Some(Close), Error, "the closing side's log", "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"),
    /// The server restarts, is overloaded, or its own gateway failed (close codes 1012, 1013, 1014).
    ServiceClose = ("service-close", Some(Close), Warning, "the server's log", "https://www.iana.org/assignments/websocket/websocket.xhtml"),
    /// The application closed with a code of its own (4000 to 4999, or 3000, 3003, 3008 of the registry), and says why in
    /// its own words.
    ApplicationClose = ("application-close", Some(Close), Warning, "the application's documentation of its close codes", "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2"),
    /// The TCP connection was reset without a close frame, which ends a WebSocket in order.
    ConnectionReset = ("connection-reset", Some(Close), Warning, "the log of the side that sent the RST", "https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1"),
    /// The stream of HTTP/2 or HTTP/3 was reset without a close frame.
    StreamReset = ("stream-reset", Some(Close), Warning, "the log of the side that reset the stream", "https://www.rfc-editor.org/rfc/rfc8441#section-5"),
    /// The TCP connection was closed without a close frame, which ends a WebSocket in order.
    ClosedWithoutCloseFrame = ("closed-without-close-frame", Some(Close), Warning, "the log of the side that ended it", "https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5"),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It fits, and so may something else.
    Possible,
    /// Little else looks like it.
    Likely,
    /// The packets say so.
    Certain,
}

impl Confidence {
    /// The name in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_unique_and_stages_in_order() {
        let mut names: Vec<_> = Verdict::ALL.iter().map(|verdict| verdict.name()).collect();
        let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!(names.iter().all(|name| name.bytes().all(kebab)));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Verdict::ALL.len());
        let stages: Vec<_> = Verdict::ALL
            .iter()
            .filter_map(|verdict| verdict.stage())
            .collect();
        assert!(stages.is_sorted());
    }
}
