//! Fixes for upgrades that were not answered with 101.

use crate::insight::software::Software;
use crate::insight::verdict::Verdict;

use super::row::Fix;

/// Verdict, software, what to do, where that is documented (the verdict's own source when empty).
pub(super) const FIXES: &[Fix] = &[
    (
        Verdict::UpgradeNotForwarded,
        None,
        "Have the proxy (or firewall, or load balancer) pass the headers Upgrade and Connection on. Who cannot change it uses wss:// on port 443: what is encrypted is not read on the way.",
        "",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Nginx),
        "In the nginx location: `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";`, then reload nginx.",
        "https://nginx.org/en/docs/http/websocket.html",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Apache),
        "Apache 2.4.47 or later: `ProxyPass \"/path\" \"http://server/path\" upgrade=websocket`; earlier: load mod_proxy_wstunnel and `ProxyPass \"/path\" \"ws://server/path\"`.",
        "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#protoupgrade",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Squid),
        "Squid drops Upgrade on plain HTTP. Use wss, or CONNECT; or in squid.conf of Squid 5 and later `http_upgrade_request_protocols websocket allow all` (the name is case-sensitive; clients send it in small letters).",
        "https://www.squid-cache.org/Doc/config/http_upgrade_request_protocols/",
    ),
    (
        Verdict::UpgradeNotForwarded,
        Some(Software::Varnish),
        "In vcl_recv: `if (req.http.Upgrade ~ \"(?i)websocket\") { return (pipe); }`, and in vcl_pipe: `if (req.http.Upgrade) { set bereq.http.Upgrade = req.http.Upgrade; set bereq.http.Connection = req.http.Connection; }`",
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
        "A filter on the way may reset what it knows as WebSocket: use wss. Otherwise see the server's log, and behind a TCP load balancer whether a server is up.",
        "",
    ),
    (
        Verdict::ClosedWithoutAnswer,
        None,
        "See the server's log: it dropped the connection on the upgrade request. Behind a TCP load balancer, see whether a server is up: the balancer accepts connections before it knows.",
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
];
