//! What the two hellos agreed on: all that is needed, beside a secret, to open a connection's records.

use std::ops::Range;

use crate::tls::handshake::{ClientHello, ServerHello};
use crate::tls::record::{ContentType, Version};
use crate::tls::suite::CipherSuite;

/// The client's half.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    pub(crate) random: [u8; 32],
    pub(crate) session_id: Vec<u8>,
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) early_data: bool,
    /// Whether TLS 1.3 is among the versions.
    pub(crate) tls13: bool,
}

/// The server's half.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) random: [u8; 32],
    pub(crate) session_id: Vec<u8>,
    pub(crate) version: Version,
    pub(crate) suite: CipherSuite,
    pub(crate) compressed: bool,
    pub(crate) encrypt_then_mac: bool,
}

/// Both, as far as they were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) offer: Option<Offer>,
    pub(crate) choice: Option<Choice>,
    /// A HelloRetryRequest was seen, so it is TLS 1.3 before the ServerHello says so.
    pub(crate) retried: bool,
}

/// What became of a protected record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is open; the plaintext lies in this range of the fragment.
    Opened(ContentType, Range<usize>),
    /// The key log has no secret for it.
    NoSecret,
    /// A version or suite that is not decrypted here.
    Unsupported,
    /// There is a secret, yet nothing has authenticated with it so far.
    Unfit,
    /// TLS 1.0, and the record before, which has this one's IV, is missing.
    Unchained,
    /// Earlier records authenticated, this one does not.
    Invalid,
    /// The program was built without ciphers.
    #[cfg(not(feature = "tls"))]
    NotBuilt,
}

impl Agreed {
    /// The version in force, once the server has said it.
    pub(crate) fn version(&self) -> Option<Version> {
        match &self.choice {
            Some(choice) => Some(choice.version),
            None => self.retried.then_some(Version::TLS1_3),
        }
    }

    /// Whether it is, or may yet turn out to be, TLS 1.3.
    pub(crate) fn may_be_tls13(&self) -> bool {
        match self.version() {
            Some(version) => version == Version::TLS1_3,
            None => self.offer.as_ref().is_none_or(|offer| offer.tls13),
        }
    }
}

impl From<&ClientHello> for Offer {
    fn from(hello: &ClientHello) -> Self {
        Self {
            random: hello.random,
            session_id: hello.session_id.clone(),
            suites: hello.suites.iter().copied().map(CipherSuite).collect(),
            early_data: hello.early_data,
            tls13: hello.versions.contains(&Version::TLS1_3.0),
        }
    }
}

impl From<&ServerHello> for Choice {
    fn from(hello: &ServerHello) -> Self {
        Self {
            random: hello.random,
            session_id: hello.session_id.clone(),
            version: Version(hello.version),
            suite: CipherSuite(hello.suite),
            compressed: hello.compression != 0,
            encrypt_then_mac: hello.encrypt_then_mac,
        }
    }
}
