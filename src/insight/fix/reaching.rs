//! Fixes for attempts that did not reach a server that reads the upgrade: TCP, TLS, proxies asked for a tunnel.

use crate::insight::software::Software;
use crate::insight::verdict::Verdict;

use super::row::Fix;

/// Verdict, software, what to do, where that is documented (the verdict's own source when empty).
pub(super) const FIXES: &[Fix] = &[
    (
        Verdict::TlsServerNameUnknown,
        None,
        "Connect by a name that the server has a certificate for, not by another alias or address; or add the name to the server.",
        "",
    ),
    (
        Verdict::TlsClientCertificateRequired,
        None,
        "Give the client a certificate that the server takes (client.crt and its key), or have the server not ask for one on this path.",
        "",
    ),
    (
        Verdict::TlsUnanswered,
        None,
        "Check that the port speaks TLS (wss) and not plain HTTP (ws), and that a firewall on the way lets the ClientHello pass.",
        "",
    ),
    (
        Verdict::SocksRefused,
        None,
        "Have the SOCKS server allow this client, user and destination; check the user name and password.",
        "",
    ),
    (
        Verdict::SocksUnreachable,
        None,
        "Check the destination that the SOCKS server was asked for, and that it can be reached from there; let it resolve the name (socks5h) where the client cannot.",
        "",
    ),
    (
        Verdict::ProxyProtocolUnexpected,
        None,
        "Both ends must agree: either take `send-proxy` (HAProxy), `proxy_protocol on` (nginx) or the balancer's option off, or have the server expect it (nginx: `listen ... proxy_protocol`, Apache: `RemoteIPProxyProtocol On`), and let no client go past the hop.",
        "",
    ),
    (
        Verdict::ConnectionUnanswered,
        None,
        "Check that the host is up and that firewalls on the way let the port pass (security groups, iptables DROP rules).",
        "",
    ),
    (
        Verdict::ClientLeft,
        None,
        "If this was the WebSocket, see the client's log: it gave the connection up before it sent its request.",
        "",
    ),
    (
        Verdict::ConnectionRefused,
        None,
        "Start the server, or correct the host or port of the URL; a server that listens on 127.0.0.1 only cannot be reached from elsewhere.",
        "",
    ),
    (
        Verdict::ConnectionRejected,
        None,
        "Let the port pass in the rules of the firewall that sent the ICMP message (iptables, firewalld, security groups); where it says unreachable, check the address, the route to it and that the host is up.",
        "",
    ),
    (
        Verdict::TlsToPlainPort,
        None,
        "Use ws:// for this port, or the port that has TLS (mostly 443) for wss://; or let a reverse proxy terminate TLS here. Where the client is a proxy, have that speak plain HTTP to the server (`proxy_pass http://` in nginx, no `ssl` on the server line in HAProxy, `ws://` in Apache).",
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
        "In squid.conf add the port to the list of those that may be tunnelled (`acl SSL_ports port N`, before the line `http_access deny CONNECT !SSL_ports` that checks it); or serve wss on 443.",
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
        "Use wss:// for this port; where the client is a proxy, have that speak TLS to it (https:// in the address that it has of the server).",
        "",
    ),
    (
        Verdict::UpgradeWithoutConnect,
        None,
        "Let the URL name the server, and tell the client of the proxy in its proxy setting (HTTPS_PROXY, or an option of the library): then it sends CONNECT host:port first, and the upgrade inside the tunnel.",
        "",
    ),
];
