//! TLS connections that stayed closed: what shows of them from outside. Nothing of it is ever taken for decoded.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::PacketNumber;
use crate::tls::{CertificateNames, Decryption, Likeness, Summary};

use super::facts::Casebook;

/// A TLS connection whose content could not be read.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted<'a> {
    /// The client's address.
    pub client: SocketAddr,
    /// The server's address (of a tunnel: the proxy's).
    pub server: SocketAddr,
    /// The first packet of its flow.
    pub packet: PacketNumber,
    /// From its first packet to its last.
    pub lifetime: Duration,
    /// What the handshake and the records say.
    pub tls: &'a Summary,
    /// How much it looks like a long-lived WebSocket.
    pub likeness: Likeness,
}

/// Every such connection, those that look most like a WebSocket and lived longest first.
#[must_use]
pub fn encrypted(casebook: &Casebook) -> Vec<Encrypted<'_>> {
    let mut all: Vec<_> = casebook
        .attempts
        .iter()
        .filter(|attempt| attempt.connection.is_none())
        .filter_map(|attempt| {
            let (tls, flow) = (attempt.tls.as_deref()?, attempt.flow.as_deref()?);
            if matches!(tls.decryption, Decryption::Decrypted) {
                return None;
            }
            let lived = u64::try_from(flow.last.since(flow.first.time)).unwrap_or(0);
            let lifetime = Duration::from_nanos(lived);
            Some(Encrypted {
                client: attempt.client,
                server: attempt.server,
                packet: attempt.first.packet,
                lifetime,
                tls,
                likeness: tls.websocket_likeness(lifetime),
            })
        })
        .collect();
    all.sort_by_key(|one| (std::cmp::Reverse((one.likeness, one.lifetime)), one.packet));
    all
}

/// One of them for people, in a line. What came from the wire is quoted and escaped.
#[must_use]
pub fn line(one: &Encrypted<'_>) -> String {
    let tls = one.tls;
    let mut out = format!(
        "   -  {} -> {}  from packet {}, {:.1} s",
        one.client,
        one.server,
        one.packet.0,
        one.lifetime.as_secs_f64()
    );
    // Writing to a string cannot fail.
    let mut say = |text: std::fmt::Arguments<'_>| {
        let _ = write!(out, "; {text}");
    };
    match (tls.version, tls.version_offered) {
        (Some(version), _) => say(format_args!("{version}")),
        (None, Some(offered)) => say(format_args!("{offered} offered")),
        (None, None) => say(format_args!("TLS")),
    }
    if let Some(suite) = tls.suite {
        say(format_args!("{suite}"));
    }
    if let Some(name) = &tls.server_name {
        say(format_args!("server name {name:?}"));
    }
    match &tls.alpn {
        Some(chosen) => say(format_args!("ALPN {chosen:?}")),
        None if tls.alpn_offered.is_empty() => {}
        None => say(format_args!("ALPN offered {:?}", tls.alpn_offered)),
    }
    if let Some(CertificateNames { subject, issuer }) = &tls.certificate {
        say(format_args!("certificate of {subject:?} by {issuer:?}"));
    }
    for (side, _, alert) in &tls.alerts {
        say(format_args!("alert {alert} from the {}", side.name()));
    }
    say(format_args!(
        "a WebSocket inside is {}",
        one.likeness.name()
    ));
    out.push('\n');
    out
}

/// One of them for programs.
#[must_use]
pub fn value(one: &Encrypted<'_>) -> Value {
    let tls = one.tls;
    let alerts: Vec<Value> = tls
        .alerts
        .iter()
        .map(|(side, level, alert)| {
            json!({"from": side.name(), "level": level.to_string(), "alert": alert.to_string()})
        })
        .collect();
    json!({
        "client": one.client.to_string(),
        "server": one.server.to_string(),
        "packet": one.packet.0,
        "seconds": one.lifetime.as_secs_f64(),
        "version": tls.version.map(|version| version.to_string()),
        "version_offered": tls.version_offered.map(|version| version.to_string()),
        "suite": tls.suite.map(|suite| suite.to_string()),
        "server_name": tls.server_name,
        "alpn": tls.alpn,
        "alpn_offered": tls.alpn_offered,
        "certificate": tls.certificate.as_ref().map(|names| json!({"subject": names.subject, "issuer": names.issuer})),
        "alerts": alerts,
        "decryption": tls.decryption.text(),
        "websocket": one.likeness.name(),
    })
}
