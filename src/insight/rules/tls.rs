//! TLS: does the handshake complete, and what was agreed on?

use crate::base::{Code, Side};
use crate::insight::case::{Case, Found, the};
use crate::insight::facts::inside;
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
const PATIENCE: i64 = 900_000_000;

/// a ClientHello answered by HTTP.
pub(super) fn plain_port(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let is_http = server.opening.starts_with(b"HTTP/1.");
    if !tls::looks_like(&client.opening) || !is_http {
        return None;
    }
    let sentence = format!(
        "the client speaks TLS (wss) to port {}, which speaks plain HTTP (ws)",
        case.attempt.server.port()
    );
    let line = server
        .opening
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = crate::base::escape::preview(line, 80);
    Some(
        Found::certain(Verdict::TlsToPlainPort, sentence)
            .at(
                client.first_data,
                "the client's first bytes are a TLS ClientHello",
            )
            .at(server.first_data, format!("the server answers {line:?}")),
    )
}

/// The handshake ended in an alert: one that can be read, or one that is encrypted and whose length shows it.
pub(super) fn alert(case: &Case<'_>) -> Option<Found> {
    let summary = case.attempt.tls.as_ref()?;
    if case.attempt.connection.is_some() {
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
        42..=46 | 48 => (
            Verdict::TlsCertificateUntrusted,
            format!(
                "{who} does not accept the certificate (TLS alert {name}){}",
                issuer(summary)
            ),
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
                    |asked| format!(": {:?}", crate::base::escape::preview(asked.as_bytes(), 80))
                )
            ),
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
fn with_names(mut found: Found, case: &Case<'_>, summary: &Summary, side: Side) -> Found {
    let Some(flow) = &case.attempt.flow else {
        return found;
    };
    if let Some(name) = &summary.server_name {
        let name = crate::base::escape::preview(name.as_bytes(), 80);
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
            crate::base::escape::preview(names.as_bytes(), 200),
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
    if attempt.connection.is_some() || !is_hello || flow.sides.server.first_data.is_some() {
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
    if flow.sides.server.first_data.is_none() {
        let sentence = format!(
            "{} ended the connection in answer to the TLS ClientHello",
            the(side)
        );
        let found = Found::certain(Verdict::TlsClosedInHandshake, sentence);
        return Some(
            found
                .at(flow.sides.client.first_data, "ClientHello")
                .at(Some(end), "FIN or RST"),
        );
    }
    let after = if summary.certificate.is_some() {
        "after it saw the certificate"
    } else {
        "inside the TLS handshake"
    };
    let sentence = format!(
        "{} ended the connection {after}, without an alert that can be read{}",
        the(side),
        issuer(summary)
    );
    let found = Found::likely(Verdict::TlsClosedInHandshake, sentence).at(Some(end), "FIN or RST");
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

fn has_change_cipher_spec(opening: &[u8]) -> bool {
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
        connection.transport != crate::engine::Transport::Http2
            && connection.request().is_some_and(names_upgrade)
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
