//! What a security engineer looks for in handshakes that work: who may ask, what crosses the network in the clear, and
//! where secrets end up.
//!
//! One function a rule. Nothing found here breaks the protocol, and no text quotes a secret: names of headers, parameters
//! and cookies only.

use crate::base::{Code, Finding, Head, Side, Timestamp, escape};
use crate::http::secrets::{has_word, looks_random, subprotocols};
use crate::http::{host_and_port, is_same_origin};
use crate::tls::{Summary, Version};
use crate::websocket::Message;
use crate::websocket::handshake::Compression;

use super::connection::{Connection, Outcome};

/// Parts of the names of cookies that stand for a login.
const SESSION: &[&str] = &["sess", "sid", "token", "auth", "jwt", "login", "remember"];
/// Parts of the names of parameters that hold a secret.
const SECRET: &[&str] = &[
    "token",
    "secret",
    "passw",
    "pwd",
    "cred",
    "jwt",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
];
/// Names of such parameters that say nothing as a part.
const WHOLE: &[&str] = &["key", "auth", "authorization", "signature"];
/// Bytes of a value below which it is none.
const SHORTEST: usize = 4;

/// A handshake as the rules see it.
struct Seen<'a> {
    connection: &'a Connection,
    request: &'a Head,
    response: Option<&'a Head>,
    is_accepted: bool,
    tls: Option<&'a Summary>,
    now: Timestamp,
}

type Findings = Vec<(Side, Finding)>;

const RULES: &[fn(&Seen<'_>, &mut Findings)] = &[
    cross_origin,
    secret_in_url,
    credentials_in_clear,
    token_in_subprotocol,
    cookie_attributes,
    tls_version,
    tls_suite,
    certificate,
];

/// Holds the handshake of a connection against every rule; `tls` is what is known of TLS around it.
pub(super) fn check(
    connection: &Connection,
    tls: Option<&Summary>,
    now: Timestamp,
    out: &mut Findings,
) {
    let Some(request) = connection.request() else {
        return;
    };
    let seen = Seen {
        connection,
        request,
        response: connection.response(),
        is_accepted: connection.outcome() == Outcome::Accepted,
        tls,
        now,
    };
    for rule in RULES {
        rule(&seen, out);
    }
}

/// What a message gives away that carries a secret: whether it crosses in the clear, or compressed with what came before.
pub(super) fn of_message(
    connection: &Connection,
    message: &Message<'_>,
    side: Side,
) -> Option<Finding> {
    if !connection.is_encrypted {
        let text = "a message carries a password or token in the clear (ws): use wss";
        return Some(Finding::new(Code::CredentialsInClear, text));
    }
    let negotiated = &connection.handshake.as_ref()?.negotiated;
    let Compression::Message(parameters) = negotiated.compression else {
        return None;
    };
    let keeps_context = match side {
        Side::Client => !parameters.client_no_context_takeover,
        Side::Server => !parameters.server_no_context_takeover,
    };
    let text = format!(
        "the {side} compresses messages with a secret and others in one context: whoever chooses some of the text learns the secret from the \
         lengths (as CRIME did); send secrets uncompressed, or agree on {side}_no_context_takeover"
    );
    (message.compressed && keeps_context)
        .then(|| Finding::new(Code::CompressionBesideSecrets, text))
}

fn tell(out: &mut Findings, side: Side, code: Code, text: String) {
    out.push((side, Finding::new(code, text)));
}

/// The names of the cookies of a request that stand for a login.
fn session_cookies(request: &Head) -> impl Iterator<Item = &[u8]> {
    let pairs = request
        .values("Cookie")
        .flat_map(|value| value.split(|byte| *byte == b';'));
    let named = pairs.filter_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        Some((
            pair.get(..at)?.trim_ascii(),
            pair.get(at + 1..)?.trim_ascii(),
        ))
    });
    named
        .filter(|(name, value)| is_session(name, value))
        .map(|(name, _)| name)
}

fn is_session(name: &[u8], value: &[u8]) -> bool {
    value.len() >= SHORTEST && (has_word(name, SESSION) || looks_random(value))
}

/// The first word of an Authorization header.
fn scheme(request: &Head) -> Option<&[u8]> {
    let value = request.value("Authorization")?;
    value.split(u8::is_ascii_whitespace).next()
}

/// A page of another origin asked with the user's cookies, and got in (RFC 6455 section 10.2).
fn cross_origin(seen: &Seen<'_>, out: &mut Findings) {
    let request = seen.request;
    let Some(origin) = request.value("Origin") else {
        return;
    };
    if !seen.is_accepted || is_same_origin(origin, request) {
        return;
    }
    let with = match (session_cookies(request).next(), scheme(request)) {
        (Some(_), _) => "with the user's session cookie",
        (None, Some(_)) => "with Authorization",
        (None, None) => return,
    };
    let host = request.value("Host").or(request.value(":authority"));
    let text = format!(
        "an upgrade from the origin {} to {} {with} was accepted: a page of any site may then act in the user's name (cross-site WebSocket \
         hijacking); have the server compare Origin with a list of its own, and set SameSite on the cookie",
        quoted(origin),
        quoted(host.unwrap_or_default()),
    );
    tell(out, Side::Server, Code::CrossOriginAccepted, text);
}

fn quoted(value: &[u8]) -> String {
    // Credentials may stand before an @.
    let shown = memchr::memrchr(b'@', value).map_or(value, |at| &value[at + 1..]);
    format!("\"{}\"", escape::preview(shown, 80))
}

/// A secret in the target stays in logs, histories and Referer headers (RFC 9110 section 17.9).
fn secret_in_url(seen: &Seen<'_>, out: &mut Findings) {
    let target = seen.request.target();
    let query = memchr::memchr(b'?', target);
    let (path, query) = target.split_at(query.unwrap_or(target.len()));
    let place = secret_parameter(query)
        .map(|name| format!("the parameter {}", quoted(name)))
        .or_else(|| has_token(path).then(|| "the path".to_owned()));
    if let Some(place) = place {
        let text = format!(
            "{place} of the URL holds a secret, and URLs stay in the logs of servers and proxies: send it in the first message, in a cookie with \
             Secure and HttpOnly, or in a header"
        );
        tell(out, Side::Client, Code::SecretInUrl, text);
    }
}

fn secret_parameter(query: &[u8]) -> Option<&[u8]> {
    let pairs = query.split(|byte| matches!(byte, b'?' | b'&' | b';'));
    let named = pairs.filter_map(|pair| {
        let at = memchr::memchr(b'=', pair)?;
        Some((pair.get(..at)?, pair.get(at + 1..)?))
    });
    named
        .filter(|(name, value)| {
            let is_whole = || {
                WHOLE
                    .iter()
                    .any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
            };
            value.len() >= SHORTEST && (has_word(name, SECRET) || is_whole() || is_jwt(value))
        })
        .map(|(name, _)| name)
        .next()
}

/// Whether a path has a JSON Web Token in it, or something long behind a segment that announces a secret.
fn has_token(path: &[u8]) -> bool {
    let mut is_announced = false;
    path.split(|byte| *byte == b'/').any(|segment| {
        let is_secret = is_jwt(segment) || is_announced && looks_random(segment);
        is_announced = has_word(segment, SECRET);
        is_secret
    })
}

/// A JSON object in base64url, as tokens begin (RFC 7519 section 3.1).
fn is_jwt(value: &[u8]) -> bool {
    value.starts_with(b"eyJ") && value.len() >= 20
}

/// Without TLS everybody on the way reads what the user logs in with (RFC 6455 section 10.6).
fn credentials_in_clear(seen: &Seen<'_>, out: &mut Findings) {
    if seen.connection.is_encrypted {
        return;
    }
    if let Some(scheme) = scheme(seen.request) {
        let text = format!(
            "Authorization ({}) crosses the network in the clear (ws): use wss",
            escape::preview(scheme, 20)
        );
        tell(out, Side::Client, Code::CredentialsInClear, text);
    }
    if let Some(name) = session_cookies(seen.request).next() {
        let text = format!(
            "the session cookie {} crosses the network in the clear (ws): use wss, and set Secure on it",
            quoted(name)
        );
        tell(out, Side::Client, Code::CredentialsInClear, text);
    }
}

/// Browsers can set no other header, so tokens are offered as subprotocols, which proxies log and servers say back.
fn token_in_subprotocol(seen: &Seen<'_>, out: &mut Findings) {
    let Some(offered) = seen.request.value("Sec-WebSocket-Protocol") else {
        return;
    };
    let mut spans = Vec::new();
    subprotocols(offered, 0, &mut spans);
    let mut tokens = spans
        .iter()
        .filter_map(|(start, end)| offered.get(*start..*end));
    let Some(first) = tokens.next() else { return };
    let chosen = seen
        .response
        .and_then(|head| head.value("Sec-WebSocket-Protocol"));
    if chosen.is_some_and(|chosen| chosen == first || tokens.any(|token| token == chosen)) {
        let text = "the server says the token in Sec-WebSocket-Protocol back, so it stands in two logs: choose a subprotocol with a name, and take \
                    the token in the first message"
            .to_owned();
        return tell(out, Side::Server, Code::TokenEchoed, text);
    }
    let text = "a token is offered as a subprotocol, a header that proxies log: send it in the first message, or in a cookie with Secure and HttpOnly"
        .to_owned();
    tell(out, Side::Client, Code::TokenInSubprotocol, text);
}

/// A login's cookie is set so that other sites, scripts or eavesdroppers may use it (RFC 6265 section 4.1.2).
fn cookie_attributes(seen: &Seen<'_>, out: &mut Findings) {
    let cookies = seen
        .response
        .into_iter()
        .flat_map(|head| head.values("Set-Cookie"));
    for cookie in cookies {
        if let Some(text) = weak_cookie(cookie) {
            tell(out, Side::Server, Code::CookieAttributesMissing, text);
        }
    }
}

fn weak_cookie(cookie: &[u8]) -> Option<String> {
    let mut parts = cookie.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let pair = parts.next()?;
    let at = memchr::memchr(b'=', pair)?;
    let (name, value) = (pair.get(..at)?.trim_ascii(), pair.get(at + 1..)?);
    if !is_session(name, value) {
        return None;
    }
    let attributes: Vec<&[u8]> = parts.collect();
    let has = |name: &str| {
        attributes.iter().any(|part| {
            let word = part.split(|byte| *byte == b'=').next().unwrap_or_default();
            word.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
        })
    };
    let missing: Vec<&str> = ["Secure", "HttpOnly", "SameSite"]
        .into_iter()
        .filter(|name| !has(name))
        .collect();
    let is_for_all = attributes
        .iter()
        .any(|part| part.eq_ignore_ascii_case(b"SameSite=None"));
    let what = match (missing.is_empty(), is_for_all) {
        (false, _) => format!("without {}", missing.join(", ")),
        (true, true) => "for other sites' requests too (SameSite=None)".to_owned(),
        (true, false) => return None,
    };
    Some(format!(
        "the session cookie {} is set {what}: Secure keeps it inside TLS, HttpOnly from scripts, SameSite=Lax or Strict from other sites' upgrades",
        quoted(name)
    ))
}

fn tls_version(seen: &Seen<'_>, out: &mut Findings) {
    let version = seen.tls.and_then(|tls| tls.version);
    if let Some(version) = version.filter(|version| *version < Version::TLS1_2) {
        let text = format!("{version} is out of use: let the server take TLS 1.2 and 1.3 only");
        tell(out, Side::Server, Code::TlsVersionDeprecated, text);
    }
}

/// Suites by what is known of their parts (RFC 9325 section 4).
fn tls_suite(seen: &Seen<'_>, out: &mut Findings) {
    let Some(suite) = seen.tls.and_then(|tls| tls.suite) else {
        return;
    };
    let Some(name) = suite.name() else { return };
    let broken = [
        ("_anon_", "nobody is authenticated"),
        ("EXPORT", "its keys are short on purpose"),
        ("WITH_NULL", "nothing is encrypted"),
        ("RC4", "RC4 gives its plaintext away (RFC 7465)"),
        ("DES", "blocks of 64 bits repeat (Sweet32)"),
        ("MD5", "MD5 is broken"),
    ];
    if let Some((_, why)) = broken.iter().find(|(part, _)| name.contains(part)) {
        let text = format!(
            "the cipher suite {name} protects no more: {why}; take it out of the server's list"
        );
        return tell(out, Side::Server, Code::TlsSuiteBroken, text);
    }
    let mut weak = Vec::new();
    if name.starts_with("TLS_RSA_") || name.starts_with("TLS_PSK_") {
        weak.push("no forward secrecy: who gets the server's key reads what was recorded before");
    }
    if name.ends_with("CBC_SHA") {
        weak.push("CBC with SHA-1");
    }
    if !weak.is_empty() {
        let text = format!(
            "the cipher suite {name} is weak ({}): prefer ECDHE with GCM or ChaCha20",
            weak.join("; ")
        );
        tell(out, Side::Server, Code::TlsSuiteWeak, text);
    }
}

/// A certificate that should have been refused, and was not.
fn certificate(seen: &Seen<'_>, out: &mut Findings) {
    let Some(tls) = seen.tls else { return };
    let Some(certificate) = &tls.certificate else {
        return;
    };
    let day = |time: Timestamp| time.to_string().chars().take(10).collect::<String>();
    if let Some(until) = certificate.valid_until.filter(|until| *until < seen.now) {
        let text = format!(
            "the server's certificate expired on {}, and the client takes it all the same",
            day(until)
        );
        tell(out, Side::Server, Code::CertificateExpired, text);
    }
    let host = seen
        .request
        .value("Host")
        .or(seen.request.value(":authority"));
    let host = host.and_then(|host| std::str::from_utf8(host_and_port(host).0).ok());
    let asked = tls.server_name.as_deref().or(host);
    let is_other = |asked: &&str| {
        !certificate.hosts.is_empty() && !certificate.is_for(asked.trim_matches(['[', ']']))
    };
    if let Some(asked) = asked.filter(is_other) {
        let hosts = certificate.hosts.iter().take(4);
        let hosts: Vec<_> = hosts
            .map(|host| escape::preview(host.as_bytes(), 60))
            .collect();
        let text = format!(
            "the server's certificate is for {} and not for {}, and the client takes it all the same",
            hosts.join(", "),
            escape::preview(asked.as_bytes(), 80)
        );
        tell(out, Side::Server, Code::CertificateNameMismatch, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_urls_are_known_by_their_names_or_as_tokens() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl";
        let found = |target: &str| {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            secret_parameter(query.as_bytes()).is_some() || has_token(path.as_bytes())
        };
        for target in [
            "/?access_token=abcdef",
            "/x?a=1&api_key=k123",
            "/?password=hunter2",
            "/?key=abcd",
        ] {
            assert!(found(target), "{target}");
        }
        assert!(found(&format!("/?t={jwt}")) && found(&format!("/ws/{jwt}")));
        for target in [
            "/?EIO=4&transport=websocket&sid=lv_VI97HAXpY6yYWAAAC",
            "/?token=",
            "/rooms/6f1c2a34-5b6d-4e7f-8a90-123456789abc",
            "/?keyboard=qwerty",
            "/",
        ] {
            assert!(!found(target), "{target}");
        }
    }

    #[test]
    fn cookies_of_a_login_need_their_attributes() {
        let weak = |cookie: &str| weak_cookie(cookie.as_bytes());
        assert!(
            weak("sessionid=0123456789")
                .unwrap()
                .contains("without Secure, HttpOnly, SameSite")
        );
        assert!(
            weak("sessionid=0123456789; secure; HttpOnly")
                .unwrap()
                .contains("without SameSite")
        );
        assert!(
            weak("sid=0123456789; Secure; HttpOnly; SameSite=None")
                .unwrap()
                .contains("SameSite=None")
        );
        assert_eq!(
            weak("sid=0123456789; Path=/; Secure; HttpOnly; SameSite=Lax"),
            None
        );
        assert_eq!(weak("theme=dark"), None);
        assert_eq!(
            weak("sessionid=; Max-Age=0"),
            None,
            "one that is taken away"
        );
    }
}
