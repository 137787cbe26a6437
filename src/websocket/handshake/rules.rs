//! What can be wrong with an opening handshake, one function a rule.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Extension, accept_key, is_accepted, is_http2};
use crate::base::{Code, Finding, Head, Side, escape};
use crate::websocket::deflate::{ParameterPlace, Parameters};

/// The heads of a handshake as far as they were seen.
struct Heads<'a> {
    request: Option<&'a Head>,
    response: Option<&'a Head>,
}

type Findings = Vec<(Side, Finding)>;

type Rule = fn(&Heads<'_>, &mut Findings);

/// Rules on what RFC 8441 section 5 leaves out of a handshake over HTTP/2: the key, its answer, and the upgrade itself.
const HTTP1_RULES: &[Rule] = &[
    accept_mismatch,
    accept_missing,
    key_invalid,
    request_upgrade_invalid,
    response_upgrade_invalid,
];

const RULES: &[Rule] = &[
    header_duplicate,
    version_asked,
    version_refused,
    subprotocol_not_offered,
    extension_not_offered,
    offer_parameters,
    agreed_parameters,
];

/// Holds a handshake against every rule; each finding comes with the side it is about. The request is one that asks for
/// a WebSocket, the response the one to it.
pub fn check(request: Option<&Head>, response: Option<&Head>, out: &mut Vec<(Side, Finding)>) {
    let heads = Heads { request, response };
    let http1_rules = match request.or(response).is_some_and(is_http2) {
        true => &[],
        false => HTTP1_RULES,
    };
    for rule in http1_rules.iter().chain(RULES) {
        rule(&heads, out);
    }
}

impl<'a> Heads<'a> {
    /// The response, when it opens the WebSocket.
    fn accepted(&self) -> Option<&'a Head> {
        self.response.filter(|response| is_accepted(response))
    }

    /// Whether the client follows a draft that had Sec-WebSocket-Key1 and -Key2 instead of one key.
    fn is_hixie(&self) -> bool {
        self.request
            .is_some_and(|request| request.value("Sec-WebSocket-Key1").is_some())
    }
}

fn tell(out: &mut Findings, side: Side, code: Code, text: impl Into<String>) {
    out.push((side, Finding::new(code, text)));
}

fn shown(value: &[u8]) -> String {
    format!("\"{}\"", escape::preview(value, 80))
}

fn accept_mismatch(heads: &Heads<'_>, out: &mut Findings) {
    let key = heads
        .request
        .and_then(|head| head.value("Sec-WebSocket-Key"));
    let accept = heads
        .accepted()
        .and_then(|head| head.value("Sec-WebSocket-Accept"));
    let (Some(key), Some(accept)) = (key, accept) else {
        return;
    };
    let expected = accept_key(key);
    if accept != expected.as_bytes() {
        let text = format!(
            "{} expected for the client's key, found {}",
            shown(expected.as_bytes()),
            shown(accept)
        );
        tell(out, Side::Server, Code::AcceptMismatch, text);
    }
}

fn accept_missing(heads: &Heads<'_>, out: &mut Findings) {
    let Some(response) = heads.accepted() else {
        return;
    };
    if response.value("Sec-WebSocket-Accept").is_none() && !heads.is_hixie() {
        let text = "the 101 response has no Sec-WebSocket-Accept";
        tell(out, Side::Server, Code::AcceptMissing, text);
    }
}

fn key_invalid(heads: &Heads<'_>, out: &mut Findings) {
    let Some(request) = heads.request.filter(|_| !heads.is_hixie()) else {
        return;
    };
    let Some(key) = request.value("Sec-WebSocket-Key") else {
        return tell(
            out,
            Side::Client,
            Code::KeyInvalid,
            "the request has no Sec-WebSocket-Key",
        );
    };
    match STANDARD.decode(key) {
        Ok(nonce) if nonce.len() == 16 => {}
        Ok(nonce) => {
            let text = format!(
                "the key must be 16 bytes in base64; {} are {} bytes",
                shown(key),
                nonce.len()
            );
            tell(out, Side::Client, Code::KeyInvalid, text);
        }
        Err(_) => {
            let text = format!(
                "the key must be 16 bytes in base64; {} is no base64",
                shown(key)
            );
            tell(out, Side::Client, Code::KeyInvalid, text);
        }
    }
}

/// RFC 6455 sections 11.3.1 to 11.3.5.
fn header_duplicate(heads: &Heads<'_>, out: &mut Findings) {
    const REQUEST: &[&str] = &["Sec-WebSocket-Key", "Sec-WebSocket-Version"];
    const RESPONSE: &[&str] = &["Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"];
    for (side, head, names) in [
        (Side::Client, heads.request, REQUEST),
        (Side::Server, heads.accepted(), RESPONSE),
    ] {
        for name in names {
            let count = head.map_or(0, |head| head.values(name).count());
            if count > 1 {
                tell(
                    out,
                    side,
                    Code::HeaderDuplicate,
                    format!("{name} stands {count} times"),
                );
            }
        }
    }
}

/// RFC 6455 section 4.2.1, items 1 to 4.
fn request_upgrade_invalid(heads: &Heads<'_>, out: &mut Findings) {
    let Some(request) = heads.request else {
        return;
    };
    let mut wrong = upgrade_headers(request);
    if request.method() != b"GET" {
        wrong.push(format!(
            "the method must be GET, found {}",
            shown(request.method())
        ));
    }
    if request.minor_version == 0 {
        wrong.push("HTTP/1.1 or later is needed, found HTTP/1.0".to_owned());
    }
    for text in wrong {
        tell(out, Side::Client, Code::UpgradeHeaderInvalid, text);
    }
}

/// RFC 6455 section 4.1, what a client checks of the response.
fn response_upgrade_invalid(heads: &Heads<'_>, out: &mut Findings) {
    let Some(response) = heads.accepted() else {
        return;
    };
    for text in upgrade_headers(response) {
        tell(out, Side::Server, Code::UpgradeHeaderInvalid, text);
    }
}

fn upgrade_headers(head: &Head) -> Vec<String> {
    [("Upgrade", "websocket"), ("Connection", "Upgrade")]
        .into_iter()
        .filter(|(name, token)| !head.has_token(name, token))
        .map(|(name, token)| match head.value(name) {
            Some(value) => format!("{name} must name {token:?}, found {}", shown(value)),
            None => format!("{name}: {token} is missing"),
        })
        .collect()
}

fn version_asked(heads: &Heads<'_>, out: &mut Findings) {
    let Some(request) = heads.request else {
        return;
    };
    let text = match request.value("Sec-WebSocket-Version") {
        Some(b"13") => return,
        // Drafts 07 to 12, whose frames are those of the RFC, are no problem where the server speaks them.
        Some(b"7" | b"8") if heads.accepted().is_some() => return,
        Some(version) => format!(
            "version 13 is the standard; the client asks for {}",
            shown(version)
        ),
        None if heads.is_hixie() => {
            "Sec-WebSocket-Key1: the client follows draft hixie-76, not version 13".to_owned()
        }
        None => "the request has no Sec-WebSocket-Version; 13 is the standard".to_owned(),
    };
    tell(out, Side::Client, Code::VersionUnsupported, text);
}

/// RFC 6455 section 4.2.2: a server that refuses a version names those it speaks.
fn version_refused(heads: &Heads<'_>, out: &mut Findings) {
    let Some(response) = heads.response.filter(|response| !is_accepted(response)) else {
        return;
    };
    let spoken: Vec<_> = response
        .list("Sec-WebSocket-Version")
        .map(escape::text)
        .collect();
    let asked = heads
        .request
        .and_then(|head| head.value("Sec-WebSocket-Version"));
    let speaks = |asked: &[u8]| spoken.iter().any(|version| version.as_bytes() == asked);
    if spoken.is_empty() || asked.is_some_and(speaks) {
        return;
    }
    let text = format!(
        "the server refuses version {} and speaks {}",
        asked.map_or_else(|| "none".to_owned(), escape::text),
        spoken.join(", ")
    );
    tell(out, Side::Server, Code::VersionUnsupported, text);
}

fn subprotocol_not_offered(heads: &Heads<'_>, out: &mut Findings) {
    let (Some(request), Some(response)) = (heads.request, heads.accepted()) else {
        return;
    };
    let Some(chosen) = response.value("Sec-WebSocket-Protocol") else {
        return;
    };
    if request
        .list("Sec-WebSocket-Protocol")
        .any(|offered| offered == chosen)
    {
        return;
    }
    let offered: Vec<_> = request.list("Sec-WebSocket-Protocol").map(shown).collect();
    let text = match offered.is_empty() {
        true => format!(
            "the server chose {}; the client offered none",
            shown(chosen)
        ),
        false => format!(
            "the server chose {}; the client offered {}",
            shown(chosen),
            offered.join(", ")
        ),
    };
    tell(out, Side::Server, Code::SubprotocolNotOffered, text);
}

fn extension_not_offered(heads: &Heads<'_>, out: &mut Findings) {
    let (Some(request), Some(response)) = (heads.request, heads.accepted()) else {
        return;
    };
    // Looked up and not searched: heads may name thousands.
    let offered: HashSet<String> = Extension::all(request).map(|offer| offer.name).collect();
    for chosen in Extension::all(response) {
        if offered.contains(&chosen.name) {
            continue;
        }
        let text = format!(
            "the server chose {:?}, which the client did not offer",
            chosen.name
        );
        tell(out, Side::Server, Code::ExtensionNotOffered, text);
    }
}

const DEFLATE: &str = "permessage-deflate";

fn offer_parameters(heads: &Heads<'_>, out: &mut Findings) {
    let offers = heads.request.into_iter().flat_map(Extension::all);
    for offer in offers.filter(|offer| offer.name == DEFLATE) {
        check_parameters(&offer, ParameterPlace::Offer, out);
    }
}

/// RFC 7692 section 7.1: what may be agreed on depends on what was offered.
fn agreed_parameters(heads: &Heads<'_>, out: &mut Findings) {
    let Some(response) = heads.accepted() else {
        return;
    };
    let agreements: Vec<_> = Extension::all(response)
        .filter(|chosen| chosen.name == DEFLATE)
        .collect();
    if agreements.len() > 1 {
        let text = format!("permessage-deflate is agreed on {} times", agreements.len());
        tell(out, Side::Server, Code::ExtensionParameterInvalid, text);
    }
    let Some(agreement) = agreements.first() else {
        return;
    };
    check_parameters(agreement, ParameterPlace::Agreement, out);
    let offers: Vec<_> = heads
        .request
        .into_iter()
        .flat_map(Extension::all)
        .filter(|offer| offer.name == DEFLATE)
        .collect();
    // Nothing of it was offered, or not seen to be: another rule's business.
    if offers.is_empty() || offers.iter().any(|offer| answers(offer, agreement).is_ok()) {
        return;
    }
    let reason = answers(&offers[0], agreement).err().unwrap_or_default();
    tell(out, Side::Server, Code::ExtensionParameterInvalid, reason);
}

fn check_parameters(extension: &Extension, place: ParameterPlace, out: &mut Findings) {
    let side = match place {
        ParameterPlace::Offer => Side::Client,
        ParameterPlace::Agreement => Side::Server,
    };
    let mut parameters = Parameters::default();
    for (at, (name, value)) in extension.parameters.iter().enumerate() {
        if let Err(text) = parameters.set(name, value.as_deref(), place) {
            tell(out, side, Code::ExtensionParameterInvalid, text);
        }
        if extension.parameters[..at]
            .iter()
            .any(|(earlier, _)| earlier == name)
        {
            tell(
                out,
                side,
                Code::ExtensionParameterInvalid,
                format!("{name} is given twice"),
            );
        }
    }
}

/// Whether an agreement is one that this offer allows; why not, otherwise.
fn answers(offer: &Extension, agreement: &Extension) -> Result<(), String> {
    let value = |extension: &Extension, name: &str| -> Option<u8> {
        let (_, value) = extension
            .parameters
            .iter()
            .find(|(found, _)| found == name)?;
        value.as_ref()?.parse().ok()
    };
    let has = |extension: &Extension, name: &str| {
        extension.parameters.iter().any(|(found, _)| found == name)
    };
    if has(agreement, "client_max_window_bits") && !has(offer, "client_max_window_bits") {
        return Err(
            "client_max_window_bits is agreed on, though the client did not offer it".to_owned(),
        );
    }
    if has(offer, "server_no_context_takeover") && !has(agreement, "server_no_context_takeover") {
        return Err(
            "the client asked for server_no_context_takeover; the agreement lacks it".to_owned(),
        );
    }
    if let Some(asked) = value(offer, "server_max_window_bits") {
        let agreed = value(agreement, "server_max_window_bits").unwrap_or(15);
        if agreed > asked {
            return Err(format!(
                "the client asked for server_max_window_bits={asked}; {agreed} is agreed on"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::handshake::tests::{request, response};

    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const ASKS: &str =
        "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    const AGREES: &str = "Upgrade: WebSocket\r\nConnection: upgrade\r\n";
    const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    fn codes(asked: &[&str], answered: &[&str]) -> Vec<(Side, Code)> {
        let request = request("GET / HTTP/1.1", &asked.concat());
        let response = response("HTTP/1.1 101 Switching Protocols", &answered.concat());
        let mut out = Vec::new();
        check(Some(&request), Some(&response), &mut out);
        out.into_iter()
            .map(|(side, finding)| (side, finding.code))
            .collect()
    }

    #[test]
    fn a_right_handshake_breaks_no_rule() {
        let offers = "Sec-WebSocket-Protocol: mqtt, soap\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10, permessage-deflate; client_max_window_bits\r\n";
        let chosen = "Sec-WebSocket-Protocol: soap\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=\"12\"\r\n";
        assert_eq!(codes(&[ASKS, KEY, offers], &[AGREES, ACCEPT, chosen]), []);
    }

    #[test]
    fn each_rule_is_told() {
        let server = |code| vec![(Side::Server, code)];
        let client = |code| vec![(Side::Client, code)];
        let pmd = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        let right = [AGREES, ACCEPT].concat();
        type Case<'a> = (Vec<&'a str>, Vec<&'a str>, Vec<(Side, Code)>);
        let cases: Vec<Case<'_>> = vec![
            (
                vec![ASKS, KEY],
                vec![AGREES, "Sec-WebSocket-Accept: x\r\n"],
                server(Code::AcceptMismatch),
            ),
            (vec![ASKS, KEY], vec![AGREES], server(Code::AcceptMissing)),
            (vec![ASKS], vec![&right], client(Code::KeyInvalid)),
            (
                vec![ASKS, "Sec-WebSocket-Key: AAAA\r\n"],
                vec![
                    AGREES,
                    "Sec-WebSocket-Accept: C8vlJGq9UUVe3nkVNsrN3mqTpqQ=\r\n",
                ],
                vec![
                    (Side::Server, Code::AcceptMismatch),
                    (Side::Client, Code::KeyInvalid),
                ],
            ),
            (
                vec![ASKS, KEY, KEY],
                vec![&right],
                client(Code::HeaderDuplicate),
            ),
            (
                vec![ASKS, KEY],
                vec![&right, ACCEPT],
                server(Code::HeaderDuplicate),
            ),
            (
                vec!["Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", KEY],
                vec![&right],
                client(Code::UpgradeHeaderInvalid),
            ),
            (
                vec![ASKS, KEY],
                vec![ACCEPT, "Connection: Upgrade\r\nUpgrade: h2c\r\n"],
                server(Code::UpgradeHeaderInvalid),
            ),
            (
                vec![
                    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 9\r\n",
                    KEY,
                ],
                vec![&right],
                client(Code::VersionUnsupported),
            ),
            (
                vec![ASKS, KEY, "Sec-WebSocket-Protocol: a, b\r\n"],
                vec![&right, "Sec-WebSocket-Protocol: B\r\n"],
                server(Code::SubprotocolNotOffered),
            ),
            (
                vec![ASKS, KEY],
                vec![&right, pmd],
                server(Code::ExtensionNotOffered),
            ),
            (
                vec![ASKS, KEY, pmd],
                vec![
                    &right,
                    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16\r\n",
                ],
                server(Code::ExtensionParameterInvalid),
            ),
            (
                vec![ASKS, KEY, pmd],
                vec![
                    &right,
                    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10; server_max_window_bits=10\r\n",
                ],
                server(Code::ExtensionParameterInvalid),
            ),
            (
                vec![ASKS, KEY, pmd],
                vec![
                    &right,
                    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n",
                ],
                server(Code::ExtensionParameterInvalid),
            ),
            (
                vec![
                    ASKS,
                    KEY,
                    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits\r\n",
                ],
                vec![&right],
                client(Code::ExtensionParameterInvalid),
            ),
            (
                vec![
                    ASKS,
                    KEY,
                    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n",
                ],
                vec![&right, pmd],
                server(Code::ExtensionParameterInvalid),
            ),
        ];
        for (asked, answered, expected) in cases {
            assert_eq!(codes(&asked, &answered), expected, "{asked:?} {answered:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_versions_spoken() {
        let request = request("GET / HTTP/1.1", &[ASKS, KEY].concat().replace("13", "25"));
        let response = response(
            "HTTP/1.1 426 Upgrade Required",
            "Sec-WebSocket-Version: 13, 8\r\n",
        );
        let mut out = Vec::new();
        check(Some(&request), Some(&response), &mut out);
        let texts: Vec<_> = out
            .iter()
            .map(|(_, finding)| finding.text.as_str())
            .collect();
        assert_eq!(
            texts,
            [
                "version 13 is the standard; the client asks for \"25\"",
                "the server refuses version 25 and speaks 13, 8"
            ]
        );
    }
}
