//! Fixes that depend on more than the verdict and the software: on who failed towards whom, and how far it came.

use crate::insight::software::Software;
use crate::insight::verdict::Verdict;

use super::row::{Fix, Situation};

/// When, and what to do then.
pub(super) const FIXES: &[(Situation, Fix)] = &[
    (
        Situation::BehindProxy,
        (
            Verdict::PlainToTlsPort,
            None,
            "Have the proxy speak TLS to the server behind it (an https:// or wss:// address there), or name the server's plain port.",
            "",
        ),
    ),
    (
        Situation::BehindProxy,
        (
            Verdict::PlainToTlsPort,
            Some(Software::Nginx),
            "In the nginx location: `proxy_pass https://...` where `http://` stands now, with `proxy_ssl_server_name on;` if the server goes by names; or name the server's plain port.",
            "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
        ),
    ),
    (
        Situation::BehindProxy,
        (
            Verdict::PlainToTlsPort,
            Some(Software::Apache),
            "In Apache: `SSLProxyEngine On` and `ProxyPass \"/path\" \"wss://server/path\"` (or https:// with upgrade=websocket); or name the server's plain port.",
            "https://httpd.apache.org/docs/2.4/mod/mod_proxy_wstunnel.html",
        ),
    ),
    (
        Situation::BehindProxy,
        (
            Verdict::PlainToTlsPort,
            Some(Software::HaProxy),
            "In HAProxy add `ssl verify required ca-file FILE` to the line of the server, or name its plain port.",
            "https://docs.haproxy.org/2.6/configuration.html#5.2-ssl",
        ),
    ),
    (
        Situation::BehindProxy,
        (
            Verdict::PlainToTlsPort,
            Some(Software::Caddy),
            "In the Caddyfile: `reverse_proxy https://server:port`, or name the server's plain port.",
            "https://caddyserver.com/docs/caddyfile/directives/reverse_proxy#https",
        ),
    ),
    (
        Situation::ProxyToHere,
        (
            Verdict::PlainToTlsPort,
            None,
            "Have the proxy speak TLS to this server (nginx: `proxy_pass https://...`; HAProxy: `ssl` on the server line; Apache: `wss://` in ProxyPass with `SSLProxyEngine On`; Caddy: `reverse_proxy https://...`), or name the server's plain port there.",
            "",
        ),
    ),
    (
        Situation::TlsBehindProxy,
        (
            Verdict::BadGateway,
            None,
            "If the server behind speaks plain HTTP, have the proxy speak that to it (http:// or ws:// in its address there); otherwise let it trust the server's certificate, and have one for the name that it asks for.",
            "",
        ),
    ),
    (
        Situation::TlsBehindProxy,
        (
            Verdict::BadGateway,
            Some(Software::Apache),
            "If the server behind speaks plain HTTP: `ws://` (or `http://` with upgrade=websocket) in ProxyPass where `wss://` stands now; otherwise see SSLProxyCACertificateFile and SSLProxyCheckPeerName, and Apache's error log.",
            "https://httpd.apache.org/docs/2.4/mod/mod_ssl.html#sslproxyengine",
        ),
    ),
    (
        Situation::NoCertificateSent,
        (
            Verdict::TlsClosedInHandshake,
            None,
            "Certificates have no part in it, since none was sent: check whether the port speaks TLS at all (ws://, or http:// in the address that a proxy has of it, where it does not), then which TLS versions and names (SNI) the server takes.",
            "https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2",
        ),
    ),
    (
        Situation::HostChanged,
        (
            Verdict::Forbidden,
            None,
            "Have the proxy pass the client's Host on (nginx: `proxy_set_header Host $host;`, or `$http_host` with a port; Apache: `ProxyPreserveHost On`), or add the page's Origin to the list of those that the server takes.",
            "https://www.rfc-editor.org/rfc/rfc6455#section-10.2",
        ),
    ),
    (
        Situation::HostChanged,
        (
            Verdict::Forbidden,
            Some(Software::Nginx),
            "In the nginx location: `proxy_set_header Host $http_host;`, since nginx passes the name in proxy_pass on otherwise, and the server compares that with Origin; or add the page's Origin to the list of those that the server takes.",
            "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
        ),
    ),
    (
        Situation::HostChanged,
        (
            Verdict::Forbidden,
            Some(Software::Apache),
            "In Apache: `ProxyPreserveHost On`, since it passes the name in ProxyPass on otherwise, and the server compares that with Origin; or add the page's Origin to the list of those that the server takes.",
            "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html#proxypreservehost",
        ),
    ),
    (
        Situation::HostRefused,
        (
            Verdict::BadRequest,
            None,
            "Add this host to those that the server takes (Django: ALLOWED_HOSTS; Starlette: allowed_hosts; Vite: server.allowedHosts; Rails: config.hosts), or have the proxy pass the client's Host on (nginx: `proxy_set_header Host $http_host;`, Apache: `ProxyPreserveHost On`).",
            "https://www.rfc-editor.org/rfc/rfc9110#section-7.2",
        ),
    ),
    (
        Situation::HostRefused,
        (
            Verdict::Forbidden,
            None,
            "Add this host to those that the server takes (Django: ALLOWED_HOSTS; Starlette: allowed_hosts; Vite: server.allowedHosts; Rails: config.hosts), or have the proxy pass the client's Host on (nginx: `proxy_set_header Host $http_host;`, Apache: `ProxyPreserveHost On`).",
            "https://www.rfc-editor.org/rfc/rfc9110#section-7.2",
        ),
    ),
    (
        Situation::HostRefused,
        (
            Verdict::UpgradeRefused,
            None,
            "Add this host to those that the server takes (Django: ALLOWED_HOSTS; Starlette: allowed_hosts; Vite: server.allowedHosts; Rails: config.hosts), or have the proxy pass the client's Host on (nginx: `proxy_set_header Host $http_host;`, Apache: `ProxyPreserveHost On`).",
            "https://www.rfc-editor.org/rfc/rfc9110#section-7.2",
        ),
    ),
    (
        Situation::SocketIo,
        (
            Verdict::BadRequest,
            None,
            "Use a Socket.IO client of the server's version (a server from 3 on takes older ones with `allowEIO3: true`), with WebSocket among the transports on both sides; or serve plain WebSockets where plain clients are to connect.",
            "https://socket.io/docs/v4/client-installation/#version-compatibility",
        ),
    ),
    (
        Situation::NoWebSocketsInServer,
        (
            Verdict::UpgradeNotForwarded,
            None,
            "Run the application under a server that knows WebSockets: `pip install 'uvicorn[standard]'`; gunicorn with `-k uvicorn.workers.UvicornWorker` (ASGI) or `--threads` (flask-sock); Django with Channels under Daphne or uvicorn. Where a proxy stands before it, have that pass Upgrade and Connection on.",
            "https://www.uvicorn.org/installation/",
        ),
    ),
    (
        Situation::LeftOnSwitching,
        (
            Verdict::ClosedWithoutCloseFrame,
            None,
            "See the client's error message. It refuses a 101 whose key, subprotocol or extensions are not those of its own request, which a hop may have changed on the way: compare with a capture at the client.",
            "https://www.rfc-editor.org/rfc/rfc6455#section-4.1",
        ),
    ),
    (
        Situation::NothingBrokenHere,
        (
            Verdict::ProtocolErrorClose,
            None,
            "What was sent at this point is right, so look at the other side of the hop between (`wireloupe compare`): something on the way changes frames, or drops a header of the handshake, often Sec-WebSocket-Extensions, so that one side compresses and the other does not know.",
            "https://www.rfc-editor.org/rfc/rfc7692#section-5.1",
        ),
    ),
    (
        Situation::NoSuchSite,
        (
            Verdict::NotAWebsocketEndpoint,
            Some(Software::Caddy),
            "Add a site for this host to the Caddyfile (`chat.example { reverse_proxy ... }`), or connect by the name that it has; Caddy answers 200 without content for all others.",
            "https://caddyserver.com/docs/caddyfile/concepts#addresses",
        ),
    ),
    (
        Situation::NoSuchSite,
        (
            Verdict::NotAWebsocketEndpoint,
            None,
            "Check the host name of the URL and its path: something answers 200 without content, as for a name or path that it has nothing for.",
            "",
        ),
    ),
    (
        Situation::RejectedMeanwhile,
        (
            Verdict::SilentDrop,
            None,
            "Take the rule off that the firewall at the address in the ICMP message got meanwhile, or let established connections pass before it (iptables: `-m conntrack --ctstate ESTABLISHED -j ACCEPT`).",
            "https://www.rfc-editor.org/rfc/rfc1122#section-3.2.2",
        ),
    ),
    (
        Situation::DroppedWhileBusy,
        (
            Verdict::SilentDrop,
            None,
            "No silence came before, so no table of connections forgot this one: look for what drops packets by content, amount or rule (intrusion prevention, a quota, a firewall rule that was changed), and for a path that broke; wss hides the content.",
            "https://www.rfc-editor.org/rfc/rfc9293#section-3.8.3",
        ),
    ),
    (
        Situation::NotAcknowledged,
        (
            Verdict::NoAnswer,
            None,
            "TCP opened and the packet with the request never arrives: a filter on the way drops what asks for a WebSocket (try wss), or packets of its size (`ping -M do -s 1472`). A capture at the server shows it.",
            "https://www.rfc-editor.org/rfc/rfc9293#section-3.8.1",
        ),
    ),
    (
        Situation::HeaderRepeated,
        (
            Verdict::KeyInvalid,
            None,
            "Have the hop set the header instead of adding one (HAProxy: `set-header`, not `add-header`), or the client write it once.",
            "https://www.rfc-editor.org/rfc/rfc9110#section-5.3",
        ),
    ),
    (
        Situation::HeaderRepeated,
        (
            Verdict::BadRequest,
            None,
            "Have the hop set the header instead of adding one (HAProxy: `set-header`, not `add-header`), or the client write it once.",
            "https://www.rfc-editor.org/rfc/rfc9110#section-5.3",
        ),
    ),
    (
        Situation::ServerLeftHandshake,
        (
            Verdict::TlsClosedInHandshake,
            None,
            "See the server's log: it ended the handshake itself (a crash, a limit on time or connections, a client certificate that it does not accept).",
            "https://www.rfc-editor.org/rfc/rfc8446#section-6.2",
        ),
    ),
    (
        Situation::OddForm,
        (
            Verdict::UpgradeHeaderInvalid,
            None,
            "Have the server, or the hop that rewrites its answer, begin the 101 with `HTTP/1.1 101`, end each line of its head with CR LF and write no space before a colon; no other interim answer comes before it.",
            "https://www.rfc-editor.org/rfc/rfc9112#section-4",
        ),
    ),
    (
        Situation::LimitOfNginx,
        (
            Verdict::RateLimited,
            None,
            "Raise `limit_req` (its rate or burst) or `limit_conn` for this location: nginx's error log has `limiting requests` or `limiting connections`. `limit_req_status 429;` tells clients what it is; they reconnect with growing pauses.",
            "https://nginx.org/en/docs/http/ngx_http_limit_req_module.html",
        ),
    ),
    (
        Situation::BannedByServer,
        (
            Verdict::RateLimited,
            None,
            "See the server's log for what banned this client and for how long (mod_evasive: DOSPageCount and DOSBlockingPeriod; ModSecurity; fail2ban), raise that for upgrades or exempt the address, and let clients reconnect with growing pauses.",
            "https://www.rfc-editor.org/rfc/rfc6585#section-4",
        ),
    ),
    (
        Situation::OwnRule,
        (
            Verdict::Forbidden,
            None,
            "Look for the rule in the program that answers, for its log names it: nginx `deny`, `valid_referers`, `return 403`, ModSecurity; Apache `Require`, ModSecurity, mod_evasive; HAProxy `http-request deny`. Origin has a part in it only where the rule says so.",
            "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.4",
        ),
    ),
    (
        Situation::Application,
        (
            Verdict::Forbidden,
            None,
            "See the application: it has no WebSocket at this path (compare it with the routes, slashes too), or closes before it accepts (a login or token that is missing, a check of Origin of its own).",
            "https://asgi.readthedocs.io/en/latest/specs/www.html#websocket-connection-scope",
        ),
    ),
    (
        Situation::NoOrigin,
        (
            Verdict::Forbidden,
            None,
            "See the server's log for what it minds: credentials or their rights, the path, the client's address; or a server that wants an Origin, where this request names none.",
            "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.4",
        ),
    ),
    (
        Situation::NotImplemented,
        (
            Verdict::ServerError,
            None,
            "Check that the path is that of a WebSocket and that the request has what its server wants: XMPP, MQTT, STOMP and others take an upgrade only with their subprotocol (`xmpp`, `mqtt`, `v12.stomp`) in Sec-WebSocket-Protocol.",
            "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.2",
        ),
    ),
    (
        Situation::NoWebSocketsInServer,
        (
            Verdict::ServerError,
            None,
            "See the server's log. If it says that the socket cannot be had, run the application under a server that knows WebSockets: gunicorn with `--threads` for flask-sock or with a gevent worker for Flask-SocketIO, uvicorn or Daphne for ASGI; waitress and Django's WSGI server have none.",
            "https://flask-sock.readthedocs.io/en/latest/web_servers.html",
        ),
    ),
    (
        Situation::Acknowledged,
        (
            Verdict::NoAnswer,
            None,
            "The request arrived, so it is the program there that does not answer: look at what handles upgrades. In Node an `upgrade` listener that passes over a path leaves it so, and development servers and middleware pass upgrades on only when told to (`ws: true` in Vite, webpack-dev-server and http-proxy-middleware). Where a proxy is there, look behind it.",
            "https://nodejs.org/api/http.html#event-upgrade_1",
        ),
    ),
    (
        Situation::NotForEngineIo,
        (
            Verdict::ClosedWithoutAnswer,
            None,
            "Where a Socket.IO server is there, ask it at its own path with a Socket.IO client (`/socket.io/?EIO=4&transport=websocket`), or set `path` alike on both sides; with another WebSocket server on the same port, `destroyUpgrade: false`. Otherwise see the server's log: a limit of one second ends the connection.",
            "https://socket.io/docs/v4/server-options/#destroyupgradetimeout",
        ),
    ),
    (
        Situation::AfterWaiting,
        (
            Verdict::ResetOnUpgrade,
            None,
            "The server had the request and left it: see its log at this moment for a crash, a restart or a time-out of its own, and whether all workers or threads were taken, for each open WebSocket holds one in servers without an event loop (gunicorn's sync workers, WSGI, PHP). Where a balancer or proxy is there, its time-out for the server behind ends it so, too.",
            "",
        ),
    ),
    (
        Situation::AfterWaiting,
        (
            Verdict::ClosedWithoutAnswer,
            None,
            "The server had the request and left it: see its log at this moment for a crash, a restart or a time-out of its own, and whether all workers or threads were taken, for each open WebSocket holds one in servers without an event loop (gunicorn's sync workers, WSGI, PHP). Where a balancer or proxy is there, its time-out for the server behind ends it so, too.",
            "",
        ),
    ),
];
