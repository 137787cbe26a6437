//! The labs and captures inside the program. Captures are samples of real programs; the labs' texts say what they show.

macro_rules! labs {
    ($($name:literal,)+) => {
        /// Every lab, in the order in which they are taught.
        const LABS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../labs/", $name, ".toml"))),)+];
    };
}

macro_rules! captures {
    ($($name:literal,)+) => {
        /// Every capture that a lab names.
        const CAPTURES: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../../../samples/", $name))),)+];
    };
}

labs! {
    "first-frame",
    "masking",
    "lengths",
    "fragments",
    "closing",
    "handshake",
    "stream",
    "utf-8",
    "deflate",
    "broken",
    "upgrade-fails",
    "overhead",
    "origins",
    "drafts",
    "keys",
    "inside",
}

captures! {
    "drafts/hixie-76-refused.pcapng",
    "drafts/hixie-76.pcapng",
    "drafts/hybi-08.pcapng",
    "drafts/version-6-draft-frames.pcapng",
    "failures/accept-wrong.pcapng",
    "failures/status-426-version.pcapng",
    "programs/socketio-upgrade.pcapng",
    "programs/stomp.pcapng",
    "proxies/apache-connect-forbidden.pcapng",
    "proxies/haproxy-server-down.pcapng",
    "proxies/nginx-http10.client.pcapng",
    "proxies/nginx-server-down.pcapng",
    "proxies/squid-authentication.pcapng",
    "refusals/stripped-nginx-express.pcapng",
    "security/security-cross-origin-refused.pcapng",
    "security/security-cross-origin.pcapng",
    "tls/wss-tls13-aes128-gcm.keys",
    "tls/wss-tls13-aes128-gcm.pcapng",
}

/// The names of the labs.
pub fn names() -> impl Iterator<Item = &'static str> {
    LABS.iter().map(|(name, _)| *name)
}

/// The text of a lab.
#[must_use]
pub fn source(name: &str) -> Option<&'static str> {
    LABS.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The bytes of a capture or key log.
#[must_use]
pub fn capture(name: &str) -> Option<&'static [u8]> {
    CAPTURES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, bytes)| *bytes)
}
