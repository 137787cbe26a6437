//! Fixes for what goes wrong from the 101 on: its headers, the frames, the life and the end of the connection.

use crate::insight::software::Software;
use crate::insight::verdict::Verdict;

use super::row::Fix;

/// Verdict, software, what to do, where that is documented (the verdict's own source when empty).
pub(super) const FIXES: &[Fix] = &[
    (
        Verdict::ServerStopped,
        None,
        "Look at what happened to the server at this moment (crash, restart, deployment); have it close with 1001 or 1012 before it stops, and clients reconnect after a random pause.",
        "",
    ),
    (
        Verdict::ApplicationClose,
        None,
        "Do what the code means in this application; the reason beside it mostly says what is missing.",
        "",
    ),
    (
        Verdict::AcceptMissing,
        None,
        "Let the server compute Sec-WebSocket-Accept; check that no hop drops it.",
        "",
    ),
    (
        Verdict::AcceptMismatch,
        None,
        "Something answers with a stale or made-up 101: check caches on the way and the server's handshake.",
        "",
    ),
    (
        Verdict::UpgradeHeaderInvalid,
        None,
        "Have the server answer with Upgrade: websocket and Connection: Upgrade, and no hop remove them.",
        "",
    ),
    (
        Verdict::SubprotocolNotOffered,
        None,
        "Have the server choose one of the offered subprotocols or none, or the client offer this one.",
        "",
    ),
    (
        Verdict::SubprotocolMissing,
        None,
        "Have the server choose one of the subprotocols that the page offers, or the page offer none.",
        "",
    ),
    (
        Verdict::ExtensionNotOffered,
        None,
        "Have the server agree only to extensions of the request; check that no hop drops Sec-WebSocket-Extensions from it.",
        "",
    ),
    (
        Verdict::NotFrames,
        None,
        "After the 101 every message goes in a frame: have the program send through its WebSocket object and not through the socket below it; and check that the proxy passes to a WebSocket server and not to a plain TCP service.",
        "",
    ),
    (
        Verdict::HttpInsideFrames,
        None,
        "Let one handler own the upgrade: two servers or middlewares on one socket both answer it.",
        "",
    ),
    (
        Verdict::FramesParsedAsHttp,
        None,
        "Use wss: a proxy in between reads the frames as HTTP. Otherwise exempt the host from it.",
        "",
    ),
    (
        Verdict::ClosedAfterHandshake,
        None,
        "Check application firewalls (WAF) and the handler: it ends as soon as it is upgraded.",
        "",
    ),
    (
        Verdict::ReservedBitSet,
        None,
        "Turn compression off at the sender, or let both agree on permessage-deflate; check that no hop drops Sec-WebSocket-Extensions.",
        "",
    ),
    (
        Verdict::ServerFrameMasked,
        None,
        "Correct the server's library: a server must not mask.",
        "",
    ),
    (
        Verdict::ClientFrameUnmasked,
        None,
        "Correct the client's library: a client must mask every frame.",
        "",
    ),
    (
        Verdict::FrameInvalid,
        None,
        "Correct the sender, or what rewrites its frames on the way.",
        "",
    ),
    (
        Verdict::DeflateInvalid,
        None,
        "Turn permessage-deflate off to see whether a hop or a library breaks it.",
        "",
    ),
    (
        Verdict::ForeignReset,
        None,
        "Look for a firewall or filter between the two points; wss often passes.",
        "",
    ),
    (
        Verdict::SilentDrop,
        None,
        "Send pings more often than the shortest idle limit on the way (NAT, firewall, load balancer: often 4 minutes), or raise it.",
        "",
    ),
    (
        Verdict::MtuBlackHole,
        None,
        "Set the MTU of the link or tunnel (VPN, PPPoE, overlay network) at both ends to what passes, let ICMP \"packet too big\" through every firewall, or have the router clamp the MSS (iptables: `-j TCPMSS --clamp-mss-to-pmtu`).",
        "",
    ),
    (
        Verdict::PingUnanswered,
        None,
        "Find out why the other side stopped answering: blocked event loop, stopped process, or a dead path.",
        "",
    ),
    (
        Verdict::PingAtIdleLimit,
        None,
        "Send pings at half the idle limit, or raise the limit.",
        "",
    ),
    (
        Verdict::IdleTimeout,
        None,
        "Send pings more often than this, or raise the time-out of the hop that ends the connection.",
        "",
    ),
    (
        Verdict::IdleTimeout,
        Some(Software::Nginx),
        "Raise `proxy_read_timeout 1h;` in the nginx location (60 s by default), or have either side send pings more often; nginx's manual speaks of the server's silence, nginx 1.22 ends what is silent both ways.",
        "https://nginx.org/en/docs/http/websocket.html",
    ),
    (
        Verdict::IdleTimeout,
        Some(Software::HaProxy),
        "Raise `timeout tunnel`, which replaces the client and server time-outs after the upgrade, or send pings.",
        "https://docs.haproxy.org/2.6/configuration.html#4.2-timeout%20tunnel",
    ),
    (
        Verdict::IdleTimeout,
        Some(Software::Aws),
        "Raise the load balancer's idle timeout (60 s by default) or send pings.",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html",
    ),
    (
        Verdict::IdleTimeout,
        Some(Software::Cloudflare),
        "Send pings at least every 90 seconds: Cloudflare ends silent connections after 100.",
        "https://github.com/buildbot/buildbot/issues/4078",
    ),
    (
        Verdict::IdleTimeout,
        Some(Software::Apache),
        "Add `timeout=3600` at the end of the path's ProxyPass (the larger of it and Timeout counts, 60 s by default), or send pings.",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypass",
    ),
    (
        Verdict::IdleTimeout,
        Some(Software::Varnish),
        "Raise Varnish's parameter pipe_timeout (60 s by default): `varnishd -p pipe_timeout=3600`; or send pings.",
        "https://varnish-cache.org/docs/7.1/reference/varnishd.html",
    ),
    (
        Verdict::IdleTimeout,
        Some(Software::Squid),
        "Raise read_timeout in squid.conf (15 minutes by default), or send pings.",
        "https://www.squid-cache.org/Doc/config/read_timeout/",
    ),
    (
        Verdict::IdleTimeout,
        Some(Software::Envoy),
        "Raise stream_idle_timeout of the HTTP connection manager (5 minutes by default) or idle_timeout of the route, or send pings.",
        "https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts",
    ),
    (
        Verdict::LifetimeLimit,
        None,
        "Raise the limit on the connection's age at the hop that ends it, and let the client reconnect.",
        "",
    ),
    (
        Verdict::LifetimeLimit,
        Some(Software::Google),
        "Raise the backend service's timeout (30 s by default): for WebSockets it limits the connection's age.",
        "https://cloud.google.com/load-balancing/docs/backend-service#timeout-setting",
    ),
    (
        Verdict::InvalidUtf8,
        None,
        "Send text as UTF-8, and anything else as binary messages.",
        "",
    ),
    (
        Verdict::MessageTooBig,
        None,
        "Raise the receiver's message limit, or send smaller messages.",
        "",
    ),
    (
        Verdict::ProtocolErrorClose,
        None,
        "See the close reason and the findings: the other side broke a rule.",
        "",
    ),
    (
        Verdict::UnsupportedDataClose,
        None,
        "Send the kind of message (text or binary) that the other side takes.",
        "",
    ),
    (
        Verdict::PolicyClose,
        None,
        "See the close reason: often missing authentication or a rate limit.",
        "",
    ),
    (
        Verdict::ExtensionRequiredClose,
        None,
        "Enable the extension at the server, or do not require it.",
        "",
    ),
    (
        Verdict::InternalErrorClose,
        None,
        "See the closing side's log for the error.",
        "",
    ),
    (
        Verdict::ServiceClose,
        None,
        "Reconnect after a pause that grows; see the server's log.",
        "",
    ),
    (
        Verdict::ConnectionReset,
        None,
        "See the log of the side that reset: a crash, a kill, or unread data when it closed.",
        "",
    ),
    (
        Verdict::StreamReset,
        None,
        "See the log of the side that reset the stream.",
        "",
    ),
    (
        Verdict::ClosedWithoutCloseFrame,
        None,
        "See the log of the side that ended it: a crash, or a program that does not send a close frame.",
        "",
    ),
];
