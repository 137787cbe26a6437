//! TLS: does the handshake complete, and what was agreed on?

use crate::base::{Code, Side, Timestamp, escape};
use crate::engine::Seen;
use crate::insight::case::{Case, Found, the};
use crate::insight::facts::inside;
use crate::insight::fix::Situation;
use crate::insight::verdict::Verdict;
use crate::tls::{self, Summary};

/// Words in the names of authorities that proxies and virus scanners issue certificates with.
const INSPECTORS: &[&str] = &[
    "proxy",
    "avast",
    "avg ",
    "kaspersky",
    "bitdefender",
    "eset",
    "mcafee",
    "sophos",
    "zscaler",
    "fortinet",
    "fortigate",
    "blue coat",
    "bluecoat",
    "symantec web",
    "palo alto",
    "netskope",
    "umbrella",
    "check point",
    "barracuda",
    "mitmproxy",
    "charles proxy",
    "fiddler",
    "burp",
    "squid",
    "untangle",
    "watchguard",
    "forcepoint",
    "websense",
    "firewall",
    "web shield",
    "web/mail shield",
    "anti-virus",
    "antivirus",
];

/// Shortest wait for an answer that says something, in nanoseconds.
pub(super) const PATIENCE: i64 = 900_000_000;

/// a ClientHello answered by HTTP.
pub(super) fn plain_port(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let is_http = server.opening.starts_with(b"HTTP/1.");
    let banner = super::not_http::banner(&server.opening);
    if !tls::looks_like(&client.opening) || !(is_http || banner.is_some()) {
        return None;
    }
    let port = case.attempt.server.port();
    let (verdict, sentence) = match banner {
        Some(who) => (
            Verdict::NotHttp,
            format!("port {port} belongs to {who}, and the client speaks TLS (wss) to it"),
        ),
        None => (
            Verdict::TlsToPlainPort,
            format!("the client speaks TLS (wss) to port {port}, which speaks plain HTTP (ws)"),
        ),
    };
    let line = server
        .opening
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = escape::preview(line, 80);
    Some(
        Found::certain(verdict, sentence)
            .at(
                client.first_data,
                "the client's first bytes are a TLS ClientHello",
            )
            .at(server.first_data, format!("the server says {line:?}")),
    )
}

/// The handshake ended in an alert: one that can be read, or one that is encrypted and whose length shows it.
pub(super) fn alert(case: &Case<'_>) -> Option<Found> {
    let summary = case.attempt.tls.as_ref()?;
    // TLS 1.3 refuses the client's certificate when the client has long sent its request.
    if case.attempt.connection.is_some() && !case.is_unanswered() {
        return None;
    }
    let fatal = summary
        .alerts
        .iter()
        .find(|(_, _, description)| !matches!(description.0, 0 | 90));
    let (side, _, description) = fatal?;
    let name = description.to_string();
    let who = the(*side);
    let (verdict, sentence) = match description.0 {
        42..=46 | 48 if *side == Side::Client => (
            Verdict::TlsCertificateUntrusted,
            format!(
                "{who} does not accept the certificate (TLS alert {name}){}",
                about_certificate(case, summary)
            ),
        ),
        42..=46 | 48 if !is_without_certificate(summary) => (
            Verdict::TlsCertificateUntrusted,
            format!("{who} does not accept the client's certificate (TLS alert {name})"),
        ),
        70 | 71 | 86 => (
            Verdict::TlsVersionUnsupported,
            format!(
                "client and server have no TLS version or cipher in common that both allow (TLS alert {name} from {who}{})",
                offered(summary)
            ),
        ),
        120 => (
            Verdict::TlsAlpnUnsupported,
            format!(
                "client and server have no application protocol in common (TLS alert {name}); the client offers {}",
                summary.alpn_offered.join(", ")
            ),
        ),
        112 => (
            Verdict::TlsServerNameUnknown,
            format!(
                "{who} does not know the name that the client asked for (TLS alert {name}){}",
                summary.server_name.as_ref().map_or_else(
                    || ": the client sent none".to_owned(),
                    |asked| format!(": {:?}", escape::preview(asked.as_bytes(), 80))
                )
            ),
        ),
        80 if *side == Side::Server && is_answer_to_hello(summary) => {
            return Some(without_a_certificate(case, summary));
        }
        _ if *side == Side::Server && is_without_certificate(summary) => (
            Verdict::TlsClientCertificateRequired,
            format!("{who} wants a certificate of the client, and got none (TLS alert {name})"),
        ),
        116 => (
            Verdict::TlsClientCertificateRequired,
            format!("{who} wants a certificate of the client, and got none (TLS alert {name})"),
        ),
        _ => (
            Verdict::TlsAlert,
            format!("TLS failed: {who} sent the alert {name}"),
        ),
    };
    Some(with_names(
        Found::certain(verdict, sentence),
        case,
        summary,
        *side,
    ))
}

/// Whether the server came to no ServerHello.
fn is_answer_to_hello(summary: &Summary) -> bool {
    summary.version.is_none() && summary.certificate.is_none()
}

/// internal_error in answer to a ClientHello is what servers in Go say that have no certificate for the name.
fn without_a_certificate(case: &Case<'_>, summary: &Summary) -> Found {
    let asked = summary.server_name.as_ref().map_or_else(
        || "the client named none, as when it connects to an address".to_owned(),
        |name| {
            format!(
                "the client asked for {:?}",
                escape::preview(name.as_bytes(), 80)
            )
        },
    );
    let sentence = format!(
        "the server answered the ClientHello with the alert internal_error, as servers in Go (Caddy, Traefik) do when they have no certificate for the name: {asked}"
    );
    let found = Found::likely(Verdict::TlsServerNameUnknown, sentence);
    with_names(found, case, summary, Side::Server)
}

/// Whether the server asked for a certificate, and the client said that it has none.
fn is_without_certificate(summary: &Summary) -> bool {
    summary.certificate_requested && summary.client_certificate == Some(false)
}

/// What is wrong with the server's certificate, as far as it shows, else who issued it.
fn about_certificate(case: &Case<'_>, summary: &Summary) -> String {
    match fault(case, summary) {
        Some(fault) => format!(": {fault}"),
        None => issuer(summary),
    }
}

/// What every client would refuse the certificate for: its time, or its names.
fn fault(case: &Case<'_>, summary: &Summary) -> Option<String> {
    let certificate = summary.certificate.as_ref()?;
    let now = case.attempt.first.time;
    let day = |time: Timestamp| time.to_string().chars().take(10).collect::<String>();
    if let Some(until) = certificate.valid_until.filter(|until| *until < now) {
        return Some(format!("it expired on {}", day(until)));
    }
    if let Some(from) = certificate.valid_from.filter(|from| *from > now) {
        return Some(format!("it is not valid before {}", day(from)));
    }
    let address = case.attempt.server.ip().to_string();
    let asked = summary.server_name.as_deref().unwrap_or(&address);
    if certificate.hosts.is_empty() || certificate.is_for(asked) {
        return None;
    }
    let shown = certificate.hosts.iter().take(4);
    let mut hosts: Vec<_> = shown
        .map(|host| escape::preview(host.as_bytes(), 60))
        .collect();
    if certificate.hosts.len() > hosts.len() {
        hosts.push(format!("{} more", certificate.hosts.len() - hosts.len()));
    }
    let by_address = match summary.server_name.is_none() {
        true => " (the client names no host, as when it connects by the address)",
        false => "",
    };
    Some(format!(
        "it is for {} and not for {}{by_address}",
        hosts.join(", "),
        escape::preview(asked.as_bytes(), 80)
    ))
}

fn issuer(summary: &Summary) -> String {
    match &summary.certificate {
        Some(names) if inspects(&names.issuer) => {
            format!(
                ": it was issued by {:?}, which looks like a proxy or a virus scanner",
                names.issuer
            )
        }
        Some(names) if names.issuer == names.subject => ": it is self-signed".to_owned(),
        Some(names) => format!(": it was issued by {:?}", names.issuer),
        None => String::new(),
    }
}

fn offered(summary: &Summary) -> String {
    summary.version_offered.map_or_else(String::new, |version| {
        format!("; the client offers {version} at most")
    })
}

fn inspects(issuer: &str) -> bool {
    let issuer = issuer.to_ascii_lowercase();
    let begins = |at: usize| !issuer[..at].ends_with(|c: char| c.is_alphanumeric());
    INSPECTORS
        .iter()
        .any(|word| issuer.match_indices(word).any(|(at, _)| begins(at)))
}

/// Adds whom the handshake names, and where it ended.
pub(super) fn with_names(
    mut found: Found,
    case: &Case<'_>,
    summary: &Summary,
    side: Side,
) -> Found {
    let Some(flow) = &case.attempt.flow else {
        return found;
    };
    if let Some(name) = &summary.server_name {
        let name = escape::preview(name.as_bytes(), 80);
        found = found.at(
            flow.sides.client.first_data,
            format!("ClientHello for {name}"),
        );
    }
    if let Some(names) = &summary.certificate {
        let names = format!(
            "certificate of {}, issued by {}",
            names.subject, names.issuer
        );
        found = found.at(
            flow.sides.server.first_data,
            escape::preview(names.as_bytes(), 200),
        );
    }
    found.at(
        flow.sides[side].last_data,
        format!("last data of {}", the(side)),
    )
}

/// A ClientHello that nothing answers.
pub(super) fn unanswered(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let asked = flow.sides.client.first_data?;
    let is_hello = tls::looks_like(inside(flow).0);
    if attempt.connection.is_some() || !is_hello || answered(case).is_some() {
        return None;
    }
    let waited = match attempt.end() {
        Some((Side::Client, end)) => end.time.since(asked.time),
        Some((Side::Server, _)) => return None,
        None => (case.watched(asked.time) * 1e9) as i64,
    };
    if waited < PATIENCE {
        return None;
    }
    let sentence = format!(
        "the TLS ClientHello was not answered for {}: the port accepts connections and does not speak TLS, or something on the way holds the answer back",
        super::status::seconds(waited)
    );
    Some(
        Found::certain(Verdict::TlsUnanswered, sentence)
            .at(Some(asked), "ClientHello")
            .at(attempt.end().map(|(_, end)| end), "the client gives up"),
    )
}

/// The server's first data, unless the client had left by then: a stopped process answers when it goes on.
fn answered(case: &Case<'_>) -> Option<Seen> {
    let first = case.attempt.flow.as_ref()?.sides.server.first_data?;
    let is_late = case
        .attempt
        .end()
        .is_some_and(|(side, end)| side == Side::Client && end.packet < first.packet);
    (!is_late).then_some(first)
}

/// The client leaves a handshake whose certificate has an evident fault, before it sent anything: some look at the
/// certificate only when the handshake is complete (Node.js, nginx).
pub(super) fn certificate_refused(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let summary = attempt.tls.as_ref()?;
    let (side, end) = attempt.end()?;
    let certificate = summary.certificate.as_ref()?;
    if attempt.connection.is_some() || side != Side::Client || !summary.is_client_silent() {
        return None;
    }
    let why = match fault(case, summary) {
        Some(fault) => fault,
        None if certificate.is_self_signed() => "it is self-signed".to_owned(),
        None => return None,
    };
    if case.all.talked_inside_tls(attempt) {
        return None; // a browser that connects in advance
    }
    let sentence = format!("the client left when it had seen the server's certificate: {why}");
    let found =
        Found::likely(Verdict::TlsCertificateUntrusted, sentence).at(Some(end), "FIN or RST");
    Some(with_names(found, case, summary, side))
}

/// The longest that holds an alert alone, with some padding.
pub(super) const ALERT: u64 = 24;

/// The server answers what the client finishes the handshake with by an alert, where TLS 1.3 hides which.
pub(super) fn client_certificate(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let summary = attempt.tls.as_ref()?;
    let (side, end) = attempt.end()?;
    if attempt.connection.is_some() || side != Side::Server {
        return None;
    }
    let (client, server) = (&summary.encrypted.client, &summary.encrypted.server);
    let is_empty = summary.hides_empty_certificate();
    // The request may have crossed the alert.
    let is_alert_alone = summary.version == Some(tls::Version::TLS1_3)
        && server.turns == 2
        && server.turn_bytes <= ALERT
        && (client.turns == 1 || is_empty && client.turns == 2);
    // Before TLS 1.3 the server may take an empty list, and refuse the request.
    let is_refused = is_without_certificate(summary) && server.turns <= 1 && client.turns <= 1;
    let (how, what) = match (is_alert_alone, is_refused) {
        (true, _) if is_empty => (
            "asked for a certificate of the client, got none, and left with an alert (encrypted)",
            "the client's first encrypted record has the length of an empty list of certificates",
        ),
        (true, _) => (
            "answered the end of the client's handshake with an alert (encrypted) and left: mostly it wants a certificate of the client",
            "the record before it has the length of an alert",
        ),
        (_, true) => (
            "asked for a certificate of the client, got none, and left after one answer",
            "Certificate of the client: an empty list",
        ),
        _ => return None,
    };
    let found = Found::likely(
        Verdict::TlsClientCertificateRequired,
        format!("the server {how}"),
    );
    let found = found.at(Some(end), format!("FIN or RST; {what}"));
    Some(with_names(found, case, summary, side))
}

/// The client completes the handshake and leaves without a byte, where TLS 1.3 hides the certificate.
pub(super) fn left_after_handshake(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let summary = attempt.tls.as_ref()?;
    let (side, end) = attempt.end()?;
    let is_over = summary.encrypted.server.records > 0 && summary.encrypted.client.records > 0;
    let is_hidden = summary.version == Some(tls::Version::TLS1_3) && summary.certificate.is_none();
    if attempt.connection.is_some()
        || side != Side::Client
        || !(is_hidden && is_over && summary.is_client_silent())
        || summary.resumed
        || case.all.talked_inside_tls(attempt)
    {
        return None;
    }
    let sentence = "the client completed the TLS handshake and left without sending anything: clients that look at the certificate last do so when they do not trust it (Node.js, nginx); so do port checks";
    let found =
        Found::possible(Verdict::TlsClosedInHandshake, sentence).at(Some(end), "FIN or RST");
    Some(with_names(found, case, summary, side))
}

/// Bytes of a stream's beginning that are surely kept: nothing that is missing in fewer was sent.
const SURELY_KEPT: usize = 2000;

/// Before TLS 1.3: the server leaves when it has the client's last message of the handshake, without its own.
pub(super) fn client_certificate_refused(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let summary = attempt.tls.as_ref()?;
    let (side, end) = attempt.end()?;
    let flow = attempt.flow.as_ref()?;
    let opening = &flow.sides.server.opening;
    let is_before_its_own = summary.version.is_some_and(|v| v < tls::Version::TLS1_3)
        && summary.encrypted.server.records == 0
        && opening.len() < SURELY_KEPT
        && !has_change_cipher_spec(opening);
    if attempt.connection.is_some()
        || side != Side::Server
        || !is_before_its_own
        || summary.client_certificate != Some(true)
    {
        return None;
    }
    let sentence = "the server asked for a certificate of the client, got one, and left: it does not accept it (its authority, its time, or its purpose)";
    let found = Found::likely(Verdict::TlsClientCertificateRequired, sentence).at(
        Some(end),
        "FIN or RST, before the server's last message of the handshake",
    );
    Some(with_names(found, case, summary, Side::Client))
}

/// One side leaves before anything of the application went either way, as clients do that do not trust a certificate.
pub(super) fn closed_in_handshake(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let summary = attempt.tls.as_ref()?;
    let (side, end) = attempt.end()?;
    let flow = attempt.flow.as_ref()?;
    if attempt.connection.is_some() || !ended_in_handshake(summary, inside(flow).0) {
        return None;
    }
    if side == Side::Client && is_lone_alert(summary) {
        let sentence = format!(
            "the client answered the server's certificate with an (encrypted) alert and left: it does not trust it{}",
            issuer(summary)
        );
        let found =
            Found::likely(Verdict::TlsCertificateUntrusted, sentence).at(Some(end), "FIN or RST");
        return Some(with_names(found, case, summary, side));
    }
    if answered(case).is_none() {
        let why = match side {
            Side::Server => {
                ": a port that speaks plain HTTP (ws) does so, and one that takes neither the versions nor the name that were offered"
            }
            Side::Client => "",
        };
        let sentence = format!(
            "{} ended the connection in answer to the TLS ClientHello{why}",
            the(side)
        );
        let found = Found::certain(Verdict::TlsClosedInHandshake, sentence)
            .when(Situation::NoCertificateSent);
        return Some(
            found
                .at(flow.sides.client.first_data, "ClientHello")
                .at(Some(end), "FIN or RST"),
        );
    }
    // In TLS 1.3 the certificate is in the records behind the ServerHello.
    let is_hidden =
        summary.version == Some(tls::Version::TLS1_3) && summary.encrypted.server.records > 0;
    let after = match (side, summary.certificate.is_some(), is_hidden) {
        (Side::Client, true, _) => "after it saw the certificate",
        (Side::Client, _, true) => {
            "when it had the server's certificate (encrypted), as clients do that do not trust it"
        }
        _ => "inside the TLS handshake",
    };
    // What the server does not like is never its own certificate.
    let issuer = match side {
        Side::Client => issuer(summary),
        Side::Server => String::new(),
    };
    let sentence = format!(
        "{} ended the connection {after}, without an alert that can be read{issuer}",
        the(side),
    );
    let found = Found::likely(Verdict::TlsClosedInHandshake, sentence).at(Some(end), "FIN or RST");
    let found = match side {
        Side::Client => found,
        Side::Server => found.when(Situation::ServerLeftHandshake),
    };
    Some(with_names(found, case, summary, side))
}

/// Whether the client sent nothing under protection, or nothing but an alert (TLS 1.3: 2 bytes, a type and a tag).
fn ended_in_handshake(summary: &Summary, opening: &[u8]) -> bool {
    let client = &summary.encrypted.client;
    match summary.version == Some(tls::Version::TLS1_3) {
        true => client.records == 0 || is_lone_alert(summary),
        // Before TLS 1.3 what follows ChangeCipherSpec is the last message of a handshake that went well.
        false => client.records == 0 && !has_change_cipher_spec(opening),
    }
}

/// Whether the one protected record of a TLS 1.3 client has the length of an alert, where its Finished belongs.
fn is_lone_alert(summary: &Summary) -> bool {
    let client = &summary.encrypted.client;
    summary.version == Some(tls::Version::TLS1_3) && client.records == 1 && client.bytes <= 24
}

pub(super) fn has_change_cipher_spec(opening: &[u8]) -> bool {
    let mut rest = opening;
    while let Some((header, after)) = rest.split_first_chunk::<5>() {
        if header[0] == tls::ContentType::CHANGE_CIPHER_SPEC.0 {
            return true;
        }
        let len = usize::from(u16::from_be_bytes([header[3], header[4]]));
        rest = after.get(len..).unwrap_or_default();
    }
    false
}

/// ALPN chose h2, and an HTTP/1.1 upgrade follows.
pub(super) fn alpn_h2(case: &Case<'_>) -> Option<Found> {
    let summary = case.attempt.tls.as_ref()?;
    let is_http1 = case.attempt.connection.as_ref().is_some_and(|connection| {
        let names_upgrade = super::request::names_upgrade;
        !connection.transport.is_stream() && connection.request().is_some_and(names_upgrade)
    });
    let extended = case
        .attempt
        .noted(Code::ExtendedConnectNotEnabled)
        .is_some();
    if summary.alpn.as_deref() != Some("h2") || !is_http1 || extended {
        return None;
    }
    let sentence = "TLS agreed on HTTP/2 (ALPN h2), and the client then sent an HTTP/1.1 upgrade, which the server cannot read";
    let offer = summary.alpn_offered.join(", ");
    Some(
        Found::certain(Verdict::AlpnH2Http11Upgrade, sentence)
            .at(
                Some(case.attempt.first),
                format!("ALPN: the client offers {offer}, the server takes h2"),
            )
            .at(
                case.attempt.request_at(),
                "GET ... HTTP/1.1 with Upgrade: websocket",
            ),
    )
}
