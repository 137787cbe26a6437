//! HTTP: refusals whose page says more than their status: a session that another node opened, a login page of the
//! network, too many requests, and the pages of applications that saw no upgrade.

use crate::base::{Head, escape};
use crate::insight::case::{Case, Found};
use crate::insight::fix::Situation;
use crate::insight::software::{Software, contains};
use crate::insight::verdict::Verdict;

use super::answer::{MESSAGE, first_line, refusal, says};
use super::request::names_upgrade;

/// An Engine.IO server that does not know the session of the request (error code 1).
pub(super) fn session_unknown(case: &Case<'_>) -> Option<Found> {
    if !case.is_refused() || !says(case, "Session ID unknown") {
        return None;
    }
    let sentence = "the server does not know the session that the upgrade belongs to: another node opened it, or the server was restarted since";
    let found = Found::certain(Verdict::SessionUnknown, sentence).at(
        case.attempt.request_at(),
        "the upgrade request names its session (sid)",
    );
    Some(first_line(case, refusal(case, found)))
}

/// An Engine.IO server (Socket.IO) that is asked by something else, or in another version.
pub(super) fn engine_io(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    let status = case.response()?.status()?;
    if !case.is_refused() || status != 400 {
        return None;
    }
    let names_transport = contains(request.target(), b"transport=websocket");
    let sentence = if says(case, "Transport unknown") && !names_transport {
        "a Socket.IO server is asked by what is no Socket.IO client (400): the URL lacks EIO=4&transport=websocket, and the messages would not be understood either"
    } else if says(case, "Transport unknown") {
        "the Socket.IO server does not offer WebSocket as a transport (400): its `transports` leave it out"
    } else if says(case, "Unsupported protocol version") {
        "the client speaks another version of Socket.IO than the server (400), as EIO in the URL says"
    } else {
        return None;
    };
    let target = escape::preview(request.target(), 80);
    let found = Found::certain(Verdict::BadRequest, sentence)
        .when(Situation::SocketIo)
        .at(
            case.attempt.request_at(),
            format!("the upgrade request, for {target}"),
        );
    Some(first_line(case, refusal(case, found)))
}

/// What servers say that do not take the host they are asked for.
const HOSTS: &[(&str, &str)] = &[
    ("Invalid host header", "Starlette or webpack"),
    ("Invalid HTTP_HOST header", "Django"),
    ("DisallowedHost", "Django"),
    ("Invalid Host/Origin header", "webpack"),
    ("Blocked request. This host", "Vite"),
    ("Blocked host", "Rails"),
    ("Invalid Hostname", "IIS"),
];

/// The server does not take the host name that it is asked for.
pub(super) fn host_refused(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    let status = response.status()?;
    let page = HOSTS.iter().find(|(text, _)| says(case, text));
    if !case.is_refused() || !(400..500).contains(&status) || status != 421 && page.is_none() {
        return None;
    }
    let verdict = match status {
        400 => Verdict::BadRequest,
        403 => Verdict::Forbidden,
        _ => Verdict::UpgradeRefused,
    };
    let who = page.map_or("the server", |(_, who)| who);
    let host = request.value("Host").or(request.value(":authority"));
    let host = escape::preview(host.unwrap_or_default(), 60);
    let behind = hop_of(case, response).map_or_else(String::new, |(software, _)| {
        format!(" (or the one that {} puts in its place)", software.name())
    });
    let sentence = format!(
        "{who} does not take the host name that it is asked for ({status}): {host}{behind} is not in its list"
    );
    let asked = case.attempt.request_at();
    let found = Found::certain(verdict, sentence)
        .when(Situation::HostRefused)
        .header(Some(request), "Host", asked);
    Some(first_line(case, refusal(case, found)))
}

/// A page to log in to the network stands in for the server (RFC 6585 section 6, or a page with status 200).
pub(super) fn captive_portal(case: &Case<'_>) -> Option<Found> {
    if !case.is_refused() {
        return None;
    }
    let status = case.response()?.status()?;
    let says_so = [
        "captive",
        "hotspot",
        "network access",
        "network login",
        "wi-fi login",
        "wlan login",
    ]
    .iter()
    .any(|text| says(case, text));
    let asks_for_login = says(case, "<form")
        && (says(case, "password") || says(case, "log in") || says(case, "login"));
    let found = match status {
        511 => Found::certain(
            Verdict::CaptivePortal,
            "the network wants a login first: a captive portal answers in the server's place (511)",
        ),
        200 if says_so => Found::likely(
            Verdict::CaptivePortal,
            "a page to log in to the network answers in the server's place (200): a captive portal",
        ),
        200 if asks_for_login => Found::possible(
            Verdict::CaptivePortal,
            "a login page answers in the server's place (200): a captive portal of the network, or the application's own login",
        ),
        _ => return None,
    };
    let found = found.at(case.attempt.request_at(), "the upgrade request");
    Some(first_line(case, refusal(case, found)))
}

/// The server speaks TLS and wants a certificate of the client, which it says in an HTTP answer, as nginx does.
pub(super) fn client_certificate(case: &Case<'_>) -> Option<Found> {
    let texts = [
        "No required SSL certificate was sent",
        "The SSL certificate error",
        "client certificate required",
    ];
    if !case.is_refused() || !texts.iter().any(|text| says(case, text)) {
        return None;
    }
    let sentence = "the server wants a TLS certificate of the client, and got none that it takes";
    let found = Found::certain(Verdict::TlsClientCertificateRequired, sentence)
        .at(case.attempt.request_at(), "the upgrade request");
    Some(first_line(case, refusal(case, found)))
}

/// Too many requests (RFC 6585 section 4).
pub(super) fn rate_limited(case: &Case<'_>) -> Option<Found> {
    let response = case.response()?;
    if !case.is_refused() || response.status() != Some(429) {
        return None;
    }
    let sentence = "the server, or a hop before it, has had too many requests of this client (429)";
    let found = Found::certain(Verdict::RateLimited, sentence)
        .at(case.attempt.request_at(), "the upgrade request");
    let found =
        refusal(case, found).header(Some(response), "Retry-After", case.attempt.response_at());
    Some(first_line(case, found))
}

/// What applications answer to an ordinary request for the path of a WebSocket.
const PAGES: &[(&str, &str)] = &[
    ("Cannot GET /", "Express"),
    ("{\"detail\":\"Not Found\"}", "FastAPI"),
    ("\"code\":3,\"message\":\"Bad request\"", "Socket.IO"),
    ("\"code\":0,\"message\":\"Transport unknown\"", "Socket.IO"),
    (
        "websocket: the client is not using the websocket protocol",
        "gorilla/websocket",
    ),
    ("not using the websocket protocol", "gorilla/websocket"),
    (
        "The browser (or proxy) sent a request that this server could not understand",
        "Flask",
    ),
    (
        "The requested URL was not found on the server. If you entered the URL manually",
        "Flask",
    ),
    (
        "<h1>Not Found</h1><p>The requested resource was not found on this server.</p>",
        "Django",
    ),
    ("Can \"Upgrade\" only to \"WebSocket\"", "Tornado"),
    ("Whitelabel Error Page", "Spring"),
    ("\"status\":404,\"error\":\"Not Found\"", "Spring"),
    ("No route matches", "Rails"),
    (
        "Failed to open a WebSocket connection: missing Connection header",
        "websockets",
    ),
    (
        "Failed to open a WebSocket connection: missing Upgrade header",
        "websockets",
    ),
    ("Welcome to SockJS", "SockJS"),
];

/// The client asked rightly, and what answers is a hop, or an application that saw an ordinary request. A wrong path looks
/// the same.
pub(super) fn stripped_on_the_way(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    let status = response.status()?;
    let is_whole = names_upgrade(request)
        && request.has_token("Connection", "upgrade")
        && request.value("Sec-WebSocket-Version") == Some(b"13")
        && case.attempt.noted(crate::base::Code::KeyInvalid).is_none();
    if !case.is_refused() || !is_whole || !matches!(status, 200 | 400 | 404 | 405 | 410 | 501) {
        return None;
    }
    if names_another_cause(case) {
        return None;
    }
    let hop = hop_of(case, response);
    let application = application_server(response).filter(|_| hop.is_none());
    let page = PAGES.iter().find(|(text, _)| says(case, text));
    let asked = case.attempt.request_at();
    let target = escape::preview(request.target(), 60);
    let what = match status {
        200 => "a page (200)".to_owned(),
        status => status.to_string(),
    };
    // A WebSocket server names the version that it was asked for, and yet refuses.
    let mut versions = response.list("Sec-WebSocket-Version");
    let names_version = status == 400 && versions.any(|version| version == b"13");
    let (who, found): (_, fn(Verdict, String) -> Found) = match (&hop, page) {
        (None, None) if names_version => (
            "a hop did not pass Upgrade and Connection on, so that the WebSocket server saw an ordinary request"
                .to_owned(),
            Found::likely,
        ),
        (None, None) if application.is_none() || status != 404 => return None,
        (None, _) if application.is_some() => (
            format!(
                "{}, or a hop did not pass Upgrade and Connection on: the application saw an ordinary request",
                application.unwrap_or_default()
            ),
            Found::likely,
        ),
        (None, None) => return None,
        (Some((software, line)), _) => (
            format!(
                "{} ({line}) did not pass Upgrade and Connection on",
                software.name()
            ),
            Found::likely,
        ),
        (None, Some((_, framework))) => (
            format!(
                "a hop did not pass Upgrade and Connection on, so that {framework} saw an ordinary request"
            ),
            Found::likely,
        ),
    };
    // uvicorn that takes the upgrade answers a wrong path with 403.
    let or_path = match application {
        Some(what) if what.starts_with("uvicorn") => String::new(),
        _ => format!(
            "; a wrong path ({target}) looks the same: `curl` with the same headers straight to the server behind, or a capture there, tells them apart"
        ),
    };
    let sentence = format!(
        "probably {who}, and the server answered {what} as to an ordinary request{or_path}"
    );
    let found = found(Verdict::UpgradeNotForwarded, sentence).at(
        asked,
        "the client's request has Upgrade: websocket, Connection: Upgrade and version 13",
    );
    let found = match application {
        Some(_) => found.when(Situation::NoWebSocketsInServer),
        None => found,
    };
    let found = match hop {
        // A refusal cites the headers Server and Via itself.
        Some((_, line)) if !line.starts_with("Server:") && !line.starts_with("Via:") => {
            found.at(case.attempt.response_at(), line)
        }
        _ => found,
    };
    Some(first_line(case, refusal(case, found)))
}

/// Programs that run applications and know no WebSockets by themselves, by their `Server` header, and what is the matter then.
const APPLICATION_SERVERS: &[(&str, &str)] = &[
    (
        "uvicorn",
        "uvicorn runs without a WebSocket library (websockets or wsproto)",
    ),
    (
        "gunicorn",
        "this worker of gunicorn knows no WebSockets (WSGI), or the route is none",
    ),
    ("waitress", "waitress knows no WebSockets (WSGI)"),
    (
        "Werkzeug",
        "the route is no WebSocket for Flask's development server",
    ),
    (
        "WSGIServer",
        "Python's WSGI server, as Django's runserver uses it without Channels, knows no WebSockets",
    ),
];

/// The server of Python applications that answers, and what is the matter, where it has no WebSockets to give.
pub(super) fn without_websockets(response: &Head) -> Option<&'static str> {
    let what = application_server(response)?;
    what.contains("(WSGI)").then_some(what)
}

fn application_server(response: &Head) -> Option<&'static str> {
    let server = response.value("Server")?;
    let mut servers = APPLICATION_SERVERS.iter();
    let (_, what) = servers.find(|(name, _)| contains(server, name.as_bytes()))?;
    Some(what)
}

/// Words in a refusal that speak of something else than an ordinary request.
const OTHER_CAUSES: &[&str] = &[
    "origin",
    "host header",
    "token",
    "unauthori",
    "forbidden",
    "csrf",
    "api key",
    "apikey",
    "api-key",
    "credential",
    "cookie",
    "too large",
    "too many",
    "subprotocol",
    "tenant",
];
/// Whether a short refusal says that it is about something else.
fn names_another_cause(case: &Case<'_>) -> bool {
    let body = case.answer_body();
    let is_refusal = case
        .response()
        .and_then(Head::status)
        .is_some_and(|status| status >= 400);
    is_refusal
        && body.len() <= MESSAGE
        && OTHER_CAUSES
            .iter()
            .any(|word| contains(body, word.as_bytes()))
}

/// The hop that the answer's head names. A `Server` of a program that also serves files itself is a hop only where the page
/// is not its own.
pub(super) fn hop_of(case: &Case<'_>, response: &Head) -> Option<(Software, String)> {
    let body = case.answer_body();
    let (software, line) = Software::named_by(response, body)?;
    let by_server = line.starts_with("Server:");
    // Caddy passes upgrades on by itself.
    let is_hop = software != Software::Caddy && !(by_server && is_own_page(software, body));
    is_hop.then_some((software, line))
}

/// What stands in the pages that web servers and proxies have for their own refusals.
const OWN_PAGES: &[&str] = &[
    "<center>nginx",
    "<address>Apache",
    "was not found on this server",
    "Welcome to nginx",
    "<h1>It works!</h1>",
    "have permission to access this resource",
    "Your browser sent a request that this server could not understand",
    "squid-internal",
    "<footer>nghttpx",
];

/// Whether a page is that of the program itself that the head names. What others write as well counts only with that name.
pub(super) fn is_own_page(software: Software, body: &[u8]) -> bool {
    match software {
        Software::H2o => body == b"not found",
        // Nothing but the form is its own.
        Software::Lighttpd => contains(body, b" </head>\n <body>\n  <h1>"),
        _ => OWN_PAGES.iter().any(|text| contains(body, text.as_bytes())),
    }
}
