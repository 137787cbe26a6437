//! What can be said of a TLS connection, with keys or without.

use std::time::Duration;

use crate::base::{PerSide, Side};
use crate::tls::alert::{AlertDescription, AlertLevel};
use crate::tls::certificate::CertificateNames;
use crate::tls::record::Version;
use crate::tls::suite::CipherSuite;

/// Alerts kept in a summary.
pub(crate) const KEPT_ALERTS: usize = 16;

/// A TLS connection in a few lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The host name the client asked for (SNI), as it was sent.
    pub server_name: Option<String>,
    /// The protocols the client offered (ALPN).
    pub alpn_offered: Vec<String>,
    /// The protocol the server chose; in TLS 1.3 it is encrypted and known only with keys.
    pub alpn: Option<String>,
    /// The highest version the client offered.
    pub version_offered: Option<Version>,
    /// The version in force.
    pub version: Option<Version>,
    /// The cipher suite in force.
    pub suite: Option<CipherSuite>,
    /// The client random, which names the connection in a key log.
    pub client_random: Option<[u8; 32]>,
    /// What its secrets can be logged under, for each handshake; up to 8.
    pub key_names: Vec<KeyName>,
    /// A session of before was resumed, so no certificate was sent.
    pub resumed: bool,
    /// The server asked for another ClientHello (TLS 1.3).
    pub retried: bool,
    /// A second handshake took place inside the connection (TLS up to 1.2).
    pub renegotiated: bool,
    /// The ClientHello is the outer one of Encrypted Client Hello.
    pub encrypted_client_hello: bool,
    /// What became of 0-RTT data.
    pub early_data: EarlyData,
    /// Whom the server's certificate names, where it could be read.
    pub certificate: Option<CertificateNames>,
    /// The server asked for a certificate of the client, where that could be read.
    pub certificate_requested: bool,
    /// What the client answered, where that could be read: whether it sent one.
    pub client_certificate: Option<bool>,
    /// Alerts that could be read, up to 16.
    pub alerts: Vec<(Side, AlertLevel, AlertDescription)>,
    /// Alerts that are encrypted and were not read (TLS up to 1.2; the last one is mostly `close_notify`).
    pub encrypted_alerts: u32,
    /// Whether the content can be read, and why not.
    pub decryption: Decryption,
    /// The ClientHello came from the side that was taken for the server.
    pub sides_swapped: bool,
    /// What each side sent under protection, decrypted or not.
    pub encrypted: PerSide<Volume>,
}

/// What a key log names the secrets of one handshake by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyName {
    /// The client random.
    pub client_random: [u8; 32],
    /// The session ids that the client and the server said, as far as there were any (TLS up to 1.2).
    pub sessions: Vec<Vec<u8>>,
}

impl KeyName {
    /// Handshakes of one connection whose names are kept.
    pub(crate) const KEPT: usize = 8;

    pub(crate) fn session(&mut self, id: &[u8]) {
        if !id.is_empty() && self.sessions.len() < 2 {
            self.sessions.push(id.to_vec());
        }
    }
}

/// What became of TLS 1.3's early data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EarlyData {
    /// The client did not offer any.
    #[default]
    None,
    /// Offered; the answer was not seen.
    Offered,
    /// The server took it.
    Accepted,
    /// The server passed it over; what the client sent early does not count.
    Rejected,
}

/// Whether the content can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decryption {
    /// Nothing encrypted was seen yet.
    #[default]
    NothingYet,
    /// Records were decrypted.
    Decrypted,
    /// The key log has no secret for this connection.
    NoSecret,
    /// The key log has a secret for it that does not open its records.
    WrongSecret,
    /// The version, the suite or the compression is not decrypted here.
    Unsupported,
    /// The capture lacks the hello that is needed to know the keys.
    HelloMissing,
    /// This build has no decryption.
    NotBuilt,
}

impl Decryption {
    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NothingYet => "nothing encrypted yet",
            Self::Decrypted => "decrypted",
            Self::NoSecret => "no secret in the key log",
            Self::WrongSecret => "the secret in the key log does not fit",
            Self::Unsupported => "version or cipher suite not supported",
            Self::HelloMissing => "the capture begins after the hellos",
            Self::NotBuilt => "built without decryption",
        }
    }
}

/// Protected records of one side, by number and length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Records of application data as they look from outside (TLS 1.3 hides its handshake among them).
    pub records: u64,
    /// Their fragments' bytes, protection included.
    pub bytes: u64,
    /// Those of the first.
    pub first: u64,
    /// Records of at most 256 bytes.
    pub small: u64,
    /// Records of at least 4 KiB.
    pub large: u64,
    /// How often this side spoke after the other had.
    pub turns: u64,
    /// Bytes of the records since it spoke last after the other had.
    pub turn_bytes: u64,
}

/// How much a connection that cannot be read looks like a WebSocket. A judgement, never a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Likeness {
    /// It looks like something else.
    Unlikely,
    /// Nothing speaks for it or against it.
    Unclear,
    /// Long, and small records go both ways.
    Likely,
}

impl Likeness {
    /// `unlikely`, `unclear` or `likely`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unlikely => "unlikely",
            Self::Unclear => "unclear",
            Self::Likely => "likely",
        }
    }
}

impl Summary {
    /// Why no key log can open it, if none can: what is not decrypted here.
    #[must_use]
    pub fn unsupported(&self) -> Option<String> {
        let version = self.version?;
        if version < Version::TLS1_0 {
            return Some(format!("{version} is not decrypted here"));
        }
        // Drafts of TLS 1.3 have numbers of their own (RFC 8446 4.2.1), and other keys than the standard.
        if version > Version::TLS1_3 {
            return Some(format!(
                "{version}, a draft or no TLS that is known, is not decrypted here"
            ));
        }
        let suite = self.suite?;
        suite
            .parameters()
            .is_none()
            .then(|| format!("the cipher suite {suite} is not decrypted here"))
    }

    /// Whether the client sent nothing but what belongs to the handshake, and an alert perhaps, as far as lengths tell.
    #[must_use]
    pub fn is_client_silent(&self) -> bool {
        /// The longest record of TLS 1.3 with a Finished alone (its header, a SHA-384, type and tag), and one with an alert.
        const FINISHED_AND_ALERT: u64 = 4 + 48 + 1 + 16 + 24;
        let client = &self.encrypted.client;
        match self.version == Some(Version::TLS1_3) {
            true => client.records <= 2 && client.bytes <= FINISHED_AND_ALERT,
            false => client.records == 0,
        }
    }

    /// Whether the client's handshake begins with a record as long as an empty list of certificates, where TLS 1.3 hides
    /// it: the server asked for a certificate and got none (RFC 8446 section 4.4.2).
    #[must_use]
    pub fn hides_empty_certificate(&self) -> bool {
        /// A handshake header, an empty context and an empty list.
        const EMPTY: u64 = 4 + 1 + 3;
        /// The type inside, and the tag.
        const WRAPPED: u64 = 1 + 16;
        let first = self.encrypted.client.first;
        let finished = [4 + 32, 4 + 48];
        self.version == Some(Version::TLS1_3)
            && self.early_data == EarlyData::None
            && (first == EMPTY + WRAPPED
                || finished.iter().any(|len| first == EMPTY + len + WRAPPED))
    }

    /// Judges from the outside whether this is a long-lived WebSocket: a connection of some duration on which both
    /// sides keep sending small records, neither of them in long runs. `lifetime` is from the first packet to the last.
    #[must_use]
    pub fn websocket_likeness(&self, lifetime: Duration) -> Likeness {
        let (client, server) = (&self.encrypted.client, &self.encrypted.server);
        let records = client.records + server.records;
        let turns = client.turns.min(server.turns);
        let is_other = self.alpn.as_deref().is_some_and(|alpn| alpn != "http/1.1");
        let is_bulk = (client.large + server.large) * 4 > records;
        if is_other || is_bulk || client.records == 0 || server.records == 0 {
            return Likeness::Unlikely;
        }
        let is_chatty = client.small * 2 > client.records && server.small * 2 > server.records;
        let is_long = lifetime >= Duration::from_secs(60);
        match (is_long && is_chatty, turns) {
            (true, 6..) => Likeness::Likely,
            (false, ..3) => Likeness::Unlikely,
            _ => Likeness::Unclear,
        }
    }
}

impl Volume {
    pub(crate) fn add(&mut self, len: u64) {
        if self.records == 0 {
            self.first = len;
        }
        self.records += 1;
        self.bytes += len;
        self.small += u64::from(len <= 256);
        self.large += u64::from(len >= 4096);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_of_certificates_shows_by_its_length() {
        let with = |version, first| {
            let mut summary = Summary {
                version: Some(version),
                ..Summary::default()
            };
            summary.encrypted.client.first = first;
            summary
        };
        for (first, hides) in [(25, true), (61, true), (77, true), (53, false), (69, false)] {
            let summary = with(Version::TLS1_3, first);
            assert_eq!(summary.hides_empty_certificate(), hides, "{first}");
        }
        assert!(!with(Version::TLS1_2, 25).hides_empty_certificate());
        let mut early = with(Version::TLS1_3, 25);
        early.early_data = EarlyData::Accepted;
        assert!(
            !early.hides_empty_certificate(),
            "those records are the request"
        );
    }

    #[test]
    fn small_records_in_turns_over_minutes_look_like_a_websocket() {
        let side = Volume {
            records: 40,
            bytes: 4000,
            first: 100,
            small: 40,
            large: 0,
            turns: 20,
            turn_bytes: 100,
        };
        let mut summary = Summary {
            encrypted: PerSide::new(|_| side),
            ..Summary::default()
        };
        let of =
            |summary: &Summary, seconds| summary.websocket_likeness(Duration::from_secs(seconds));
        assert_eq!(of(&summary, 120), Likeness::Likely);
        assert_eq!(of(&summary, 5), Likeness::Unclear);
        summary.alpn = Some("h2".to_owned());
        assert_eq!(of(&summary, 120), Likeness::Unlikely);
        summary.alpn = Some("http/1.1".to_owned());
        summary.encrypted.server.large = 40;
        assert_eq!(of(&summary, 120), Likeness::Unlikely);
    }
}
