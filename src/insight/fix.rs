//! What to do: the fix for each verdict, in general and for the software at hand.

use super::software::Software;
use super::verdict::Verdict;

type Row = (Verdict, Option<Software>, &'static str, &'static str);

/// Verdict, software, what to do, where that is documented (the verdict's own source when empty).
const FIXES: &[Row] = &[
    (
        Verdict::ConnectionUnanswered,
        None,
        "Check that the host is up and that firewalls on the way let the port pass (security groups, iptables DROP rules).",
        "",
    ),
    (
        Verdict::ConnectionRefused,
        None,
        "Start the server, or correct the host or port of the URL; a server that listens on 127.0.0.1 only cannot be reached from elsewhere.",
        "",
    ),
    (
        Verdict::TlsToPlainPort,
        None,
        "Use ws:// for this port, or the port that has TLS (mostly 443) for wss://; or let a reverse proxy terminate TLS here.",
        "",
    ),
    (
        Verdict::TlsCertificateUntrusted,
        None,
        "Install a certificate that the client trusts, complete with its intermediates; if a proxy or virus scanner issues its own, install its authority at the client or exempt the host from inspection.",
        "",
    ),
    (
        Verdict::TlsVersionUnsupported,
        None,
        "Update the older side: TLS 1.2 at least has to be enabled on both.",
        "",
    ),
    (
        Verdict::TlsAlpnUnsupported,
        None,
        "Offer http/1.1 in ALPN for WebSocket connections.",
        "",
    ),
    (
        Verdict::TlsAlert,
        None,
        "See what the alert names; the log of the side that received it says more.",
        "",
    ),
    (
        Verdict::TlsClosedInHandshake,
        None,
        "See the client's error message: mostly it does not trust the certificate. Install the issuing authority at the client, or exempt the host from TLS inspection.",
        "",
    ),
    (
        Verdict::AlpnH2Http11Upgrade,
        None,
        "Let the client offer only http/1.1 in ALPN for WebSocket connections (or speak RFC 8441).",
        "",
    ),
    (
        Verdict::ConnectUnanswered,
        None,
        "Check the proxy's log and whether the proxy can reach the server.",
        "",
    ),
    (
        Verdict::ProxyAuthenticationRequired,
        None,
        "Give the client the proxy's user name and password; they belong as Proxy-Authorization on the CONNECT, not on the upgrade inside.",
        "",
    ),
    (
        Verdict::ProxyAuthenticationRequired,
        Some(Software::Squid),
        "Give the client a user name and password for Squid (Proxy-Authorization on the CONNECT), or allow it before the proxy_auth rule of http_access.",
        "https://www.squid-cache.org/Doc/config/auth_param/",
    ),
    (
        Verdict::ConnectPortForbidden,
        None,
        "Let the server listen on port 443 (wss), or have the proxy allow CONNECT to this port.",
        "",
    ),
    (
        Verdict::ConnectPortForbidden,
        Some(Software::Squid),
        "In squid.conf add the port to SSL_ports (acl SSL_ports port N), which `http_access deny CONNECT !SSL_ports` checks; or serve wss on 443.",
        "https://wiki.squid-cache.org/Features/HTTPS",
    ),
    (
        Verdict::ConnectPortForbidden,
        Some(Software::Apache),
        "In Apache add the port to AllowCONNECT (default 443 and 563): `AllowCONNECT 443 N`; or serve wss on 443.",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy_connect.html#allowconnect",
    ),
    (
        Verdict::ConnectForbidden,
        None,
        "Have the proxy's administrator allow this host.",
        "",
    ),
    (
        Verdict::ConnectForbidden,
        Some(Software::Squid),
        "Allow the host in squid.conf (http_access allow) before the rule that denies it.",
        "https://www.squid-cache.org/Doc/config/http_access/",
    ),
    (
        Verdict::ConnectWithoutHost,
        None,
        "Use a client that sends CONNECT in HTTP/1.1 with a Host header.",
        "",
    ),
    (
        Verdict::ConnectUnsupported,
        None,
        "Check the client's proxy setting: this address is an ordinary web server or a proxy without CONNECT.",
        "",
    ),
    (
        Verdict::ConnectUnsupported,
        Some(Software::Apache),
        "Load mod_proxy_connect and set `ProxyRequests On` with AllowCONNECT, or correct the client's proxy setting.",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy_connect.html",
    ),
    (
        Verdict::ConnectUnsupported,
        Some(Software::Nginx),
        "nginx is no forward proxy: correct the client's proxy setting.",
        "",
    ),
    (
        Verdict::ConnectUnreachable,
        None,
        "Check the host name and port, and whether the proxy may reach the server.",
        "",
    ),
    (
        Verdict::ConnectRefused,
        None,
        "See the proxy's log for why it refused.",
        "",
    ),
    (
        Verdict::PlainToTlsPort,
        None,
        "Use wss:// for this port.",
        "",
    ),
    (
        Verdict::UpgradeWithoutConnect,
        None,
        "Tell the client that this is a proxy: it has to send CONNECT host:port first, then the upgrade inside the tunnel.",
        "",
    ),
    (
        Verdict::UpgradeNotForwarded,
        None,
        "Have the proxy pass Upgrade and Connection on; or use wss, which proxies in between cannot read.",
        "",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Nginx),
        "In the nginx location: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";`",
        "https://nginx.org/en/docs/http/websocket.html",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Apache),
        "Apache 2.4.47 or later: `ProxyPass \"/path\" \"http://server/path\" upgrade=websocket`; earlier: mod_proxy_wstunnel with a ws:// address.",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy_wstunnel.html",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Squid),
        "Squid drops Upgrade on plain HTTP. Use wss, or CONNECT; or in Squid 5 and later `http_upgrade_request_protocols websocket allow all`.",
        "https://www.squid-cache.org/Doc/config/http_upgrade_request_protocols/",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Varnish),
        "In vcl_recv: `if (req.http.Upgrade ~ \"(?i)websocket\") { return (pipe); }`, and in vcl_pipe copy Upgrade and Connection to bereq.",
        "https://varnish-cache.org/docs/trunk/users-guide/vcl-example-websockets.html",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Envoy),
        "Add `upgrade_configs: [{upgrade_type: websocket}]` to the HTTP connection manager or the route.",
        "https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Aws),
        "A classic ELB's HTTP listener never upgrades: use a TCP or SSL listener, or an application load balancer.",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::HaProxy),
        "HAProxy passes upgrades in `mode http` by itself: look for http-request del-header rules on Upgrade or Connection, and at the next hop.",
        "https://www.haproxy.com/documentation/haproxy-configuration-tutorials/protocol-support/websocket/",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Cloudflare),
        "Turn WebSockets on for the zone (Network settings).",
        "https://developers.cloudflare.com/network/websockets/",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Iis),
        "Install the WebSocket Protocol feature of IIS; ARR passes upgrades only with it.",
        "https://learn.microsoft.com/iis/get-started/whats-new-in-iis-8/iis-80-websocket-protocol-support",
    ),
    (
        Verdict::HttpVersionTooOld,
        None,
        "Have the proxy speak HTTP/1.1 to the server.",
        "",
    ),
    (
        Verdict::HttpVersionTooOld,
        Some(Software::Nginx),
        "In the nginx location: `proxy_http_version 1.1;` (before 1.29.7 the default is 1.0), with the Upgrade and Connection lines.",
        "https://nginx.org/en/docs/http/websocket.html",
    ),
    (
        Verdict::UpgradeDisabled,
        None,
        "Enable upgrades in the proxy.",
        "",
    ),
    (
        Verdict::UpgradeDisabled,
        Some(Software::Envoy),
        "Add `upgrade_configs: [{upgrade_type: websocket}]` to the HTTP connection manager or the route.",
        "",
    ),
    (
        Verdict::ConnectionHeaderRejected,
        None,
        "Have the server or proxy look for the token `Upgrade` in Connection instead of comparing the whole value (Firefox sends `keep-alive, Upgrade`).",
        "",
    ),
    (
        Verdict::DraftVersion,
        None,
        "Update the client to RFC 6455 (version 13).",
        "",
    ),
    (
        Verdict::DraftAccepted,
        None,
        "Update the client to RFC 6455 (version 13); the drafts do not pass HTTP proxies.",
        "",
    ),
    (
        Verdict::DraftKeyBytesMissing,
        None,
        "Update the client to RFC 6455 (version 13): this draft's key bytes cannot pass an HTTP proxy. Until then, avoid the proxy or use wss.",
        "",
    ),
    (
        Verdict::VersionUnsupported,
        None,
        "Use a client that speaks version 13 (RFC 6455).",
        "",
    ),
    (
        Verdict::VersionMissing,
        None,
        "Have the client send Sec-WebSocket-Version: 13, and no hop remove it.",
        "",
    ),
    (
        Verdict::KeyInvalid,
        None,
        "Have the client send 16 random bytes in base64 as Sec-WebSocket-Key; let a library do it.",
        "",
    ),
    (
        Verdict::NotAWebsocketEndpoint,
        None,
        "Correct the URL's path, or route this path to the program that serves WebSockets.",
        "",
    ),
    (
        Verdict::NotAWebsocketEndpoint,
        Some(Software::Nginx),
        "Add a location for this path that passes to the WebSocket server, with the Upgrade and Connection lines; now a page answers (try_files or a fallback).",
        "https://nginx.org/en/docs/http/websocket.html",
    ),
    (
        Verdict::Redirected,
        None,
        "Connect to the address in Location directly; WebSocket clients do not follow redirects.",
        "",
    ),
    (
        Verdict::BadRequest,
        None,
        "See the server's log for what it did not like of the request.",
        "",
    ),
    (
        Verdict::AuthenticationRequired,
        None,
        "Send credentials with the upgrade: a cookie, Authorization, or a token in the URL; browsers let scripts set no headers here.",
        "",
    ),
    (
        Verdict::Forbidden,
        None,
        "Allow the page's Origin (and host) in the server's settings; check the credentials' rights.",
        "",
    ),
    (
        Verdict::NotFound,
        None,
        "Correct the path of the URL, or the proxy's path mapping.",
        "",
    ),
    (
        Verdict::ServerError,
        None,
        "See the server's log: it failed while handling the upgrade.",
        "",
    ),
    (
        Verdict::BadGateway,
        None,
        "Start the server behind the proxy, or correct its address there.",
        "",
    ),
    (
        Verdict::BadGateway,
        Some(Software::Nginx),
        "See nginx's error log: `connect() failed` means that the address in proxy_pass does not answer.",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    ),
    (
        Verdict::ServerUnavailable,
        None,
        "Bring a server up behind the proxy, or correct its health checks.",
        "",
    ),
    (
        Verdict::ServerUnavailable,
        Some(Software::HaProxy),
        "Every server of the HAProxy backend is down: see its health checks (option httpchk) and stats.",
        "https://www.haproxy.com/documentation/haproxy-configuration-tutorials/reliability/health-checks/",
    ),
    (
        Verdict::GatewayTimeout,
        None,
        "Find out why the server behind the proxy does not answer the upgrade.",
        "",
    ),
    (
        Verdict::UpgradeRefused,
        None,
        "See the server's log for why it refused.",
        "",
    ),
    (
        Verdict::ResetOnUpgrade,
        None,
        "A filter on the way may reset what it knows as WebSocket: use wss. Otherwise see the server's log.",
        "",
    ),
    (
        Verdict::ClosedWithoutAnswer,
        None,
        "See the server's log: it dropped the connection on the upgrade request.",
        "",
    ),
    (
        Verdict::NoAnswer,
        None,
        "Check that the request reaches the server and that its handler answers; behind a proxy, look at both sides.",
        "",
    ),
    (
        Verdict::H2ConnectProtocolMissing,
        None,
        "Use HTTP/1.1 for this WebSocket, or a server that announces SETTINGS_ENABLE_CONNECT_PROTOCOL.",
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
        "Raise proxy_read_timeout (and proxy_send_timeout), default 60s, or have the server send pings: nginx counts what the server sends.",
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
        "Raise ProxyTimeout (or ProxyWebsocketIdleTimeout for mod_proxy_wstunnel), or send pings.",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy_wstunnel.html",
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

/// What to do, for this software where there is something special, and where that is documented.
#[must_use]
pub fn fix(verdict: Verdict, software: Option<Software>) -> (&'static str, &'static str) {
    let of = |wanted: Option<Software>| {
        FIXES
            .iter()
            .find(|(of, software, ..)| *of == verdict && *software == wanted)
    };
    let special = software.and_then(|software| of(Some(software)));
    match special.or_else(|| of(None)) {
        Some((_, _, text, "")) => (text, verdict.source()),
        Some((_, _, text, source)) => (text, source),
        None => ("", verdict.source()),
    }
}

/// Every fix for a verdict, by software.
#[must_use]
pub fn all(verdict: Verdict) -> Vec<String> {
    let rows = FIXES.iter().filter(|(of, ..)| *of == verdict);
    rows.map(|(_, software, text, _)| match software {
        Some(software) => format!("**{}**: {}", software.name(), text.replace('|', "\\|")),
        None => text.replace('|', "\\|"),
    })
    .collect()
}
