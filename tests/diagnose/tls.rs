//! TLS handshakes that fail, built record by record.

use wireloupe::base::Side;
use wireloupe::insight::{Confidence, Diagnosis, Verdict};
use wireloupe::testkit::Conversation;

use crate::script::{only, open};

const HANDSHAKE: u8 = 0x16;
const ALERT: u8 = 0x15;

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 3, 3];
    out.extend((body.len() as u16).to_be_bytes());
    out.extend(body);
    out
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    record(HANDSHAKE, &[&[kind], &length24(body)[..], body].concat())
}

fn length24(body: &[u8]) -> [u8; 3] {
    let [_, a, b, c] = (body.len() as u32).to_be_bytes();
    [a, b, c]
}

fn length16(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u16).to_be_bytes()[..], body].concat()
}

/// A ClientHello of TLS 1.2 that offers these protocols.
fn client_hello(protocols: &[&str]) -> Vec<u8> {
    let names: Vec<u8> = protocols
        .iter()
        .flat_map(|name| [&[name.len() as u8], name.as_bytes()].concat())
        .collect();
    let alpn = [&[0, 16], &length16(&length16(&names))[..]].concat();
    let extensions = length16(&alpn);
    let fixed = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0xc0, 0x2f], &[1, 0]].concat();
    handshake(1, &[fixed, extensions].concat())
}

fn server_hello() -> Vec<u8> {
    let fixed = [&[3, 3][..], &[9; 32], &[0], &[0xc0, 0x2f], &[0], &[0, 0]].concat();
    handshake(2, &fixed)
}

/// A DER element of at most 65,535 bytes.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        len @ ..0x80 => out.push(len as u8),
        len => out.extend([&[0x82], &(len as u16).to_be_bytes()[..]].concat()),
    }
    out.extend(content);
    out
}

fn name(common: &str) -> Vec<u8> {
    let attribute = [der(6, &[0x55, 4, 3]), der(12, common.as_bytes())].concat();
    der(0x30, &der(0x31, &der(0x30, &attribute)))
}

/// The Certificate message for `example.org`; nothing in it is signed.
fn certificate(issuer: &str) -> Vec<u8> {
    let fields = [
        der(0xa0, &der(2, &[2])),
        der(2, &[1]),
        der(0x30, &[]),
        name(issuer),
        der(0x30, &[]),
        name("example.org"),
    ];
    let certificate = der(0x30, &der(0x30, &fields.concat()));
    let entry = [&length24(&certificate)[..], &certificate].concat();
    handshake(11, &[&length24(&entry)[..], &entry].concat())
}

fn alert(description: u8) -> Vec<u8> {
    record(ALERT, &[2, description])
}

fn hello(protocols: &[&str]) -> Conversation {
    open().client(client_hello(protocols))
}

/// The client answers the certificate of this issuer with an alert.
fn untrusted(issuer: &str, description: u8) -> Diagnosis {
    let shown = hello(&["http/1.1"])
        .server(server_hello())
        .server(certificate(issuer));
    only(shown.client(alert(description)).fin())
}

#[test]
fn no_protocol_in_common() {
    let found = only(hello(&["h2"]).server(alert(120)).close(Side::Server));
    assert_eq!(found.verdict, Verdict::TlsAlpnUnsupported);
    assert!(
        found.sentence.contains("the client offers h2"),
        "{}",
        found.sentence
    );
    assert_eq!(found.confidence, Confidence::Certain);
}

#[test]
fn alerts_have_their_verdicts() {
    let answered = |description| {
        let talk = hello(&["http/1.1"]).server(alert(description));
        only(talk.close(Side::Server))
    };
    let failure = answered(40);
    assert_eq!(failure.verdict, Verdict::TlsAlert);
    assert!(
        failure
            .sentence
            .contains("the server sent the alert handshake_failure"),
        "{}",
        failure.sentence
    );
    assert_eq!(
        answered(112).verdict,
        Verdict::TlsServerNameUnknown,
        "unrecognized_name"
    );
    assert_eq!(
        answered(116).verdict,
        Verdict::TlsClientCertificateRequired,
        "certificate_required"
    );
    assert_eq!(
        answered(70).verdict,
        Verdict::TlsVersionUnsupported,
        "protocol_version"
    );
    assert_eq!(
        answered(71).verdict,
        Verdict::TlsVersionUnsupported,
        "insufficient_security"
    );
    for description in [42, 45, 46, 48] {
        let found = untrusted("Example CA", description);
        assert_eq!(
            found.verdict,
            Verdict::TlsCertificateUntrusted,
            "{description}"
        );
    }
}

#[test]
fn an_issuer_that_inspects_is_named() {
    let inspectors = [
        "Avast Web/Mail Shield Root",
        "AVG Web/Mail Shield Root",
        "Kaspersky Anti-Virus Personal Root Certificate",
        "Bitdefender Personal CA.Net-Defender",
        "ESET SSL Filter CA",
        "Zscaler Root CA",
        "FortiGate CA",
        "mitmproxy",
        "Charles Proxy CA (1 Jan 2026, laptop)",
        "Corporate Web Proxy CA",
    ];
    for issuer in inspectors {
        let found = untrusted(issuer, 48);
        let says = found
            .sentence
            .contains("looks like a proxy or a virus scanner");
        assert!(
            says && found.sentence.contains(issuer),
            "F28: {}",
            found.sentence
        );
    }
    for issuer in [
        "R3",
        "DigiCert TLS RSA SHA256 2020 CA1",
        "Reset Trust Services",
    ] {
        let found = untrusted(issuer, 48);
        assert!(!found.sentence.contains("virus"), "{}", found.sentence);
        assert!(found.sentence.contains(issuer), "{}", found.sentence);
    }
    let own = untrusted("example.org", 48);
    assert!(own.sentence.contains("self-signed"), "{}", own.sentence);
}

#[test]
fn a_client_that_leaves_without_a_word_has_seen_the_certificate() {
    let shown = hello(&["http/1.1"])
        .server(server_hello())
        .server(certificate("Avast Web/Mail Shield Root"));
    let found = only(shown.close(Side::Client).close(Side::Server));
    assert_eq!(found.verdict, Verdict::TlsClosedInHandshake);
    assert!(
        found.sentence.contains("after it saw the certificate"),
        "{}",
        found.sentence
    );
    assert!(
        found.sentence.contains("virus scanner"),
        "F28: {}",
        found.sentence
    );
    let at_once = only(hello(&["http/1.1"]).reset(Side::Server));
    assert_eq!(at_once.verdict, Verdict::TlsClosedInHandshake);
    assert!(
        at_once
            .sentence
            .contains("in answer to the TLS ClientHello")
    );
}
