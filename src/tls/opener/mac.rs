//! Authentication of records up to TLS 1.2: the HMAC of a suite, and what it is taken of.

use hmac::{Hmac, KeyInit};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};

use crate::tls::record::RecordHeader;
use crate::tls::suite::Mac;

/// The key of a suite's HMAC.
pub(super) enum MacKey {
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
}

impl MacKey {
    pub(super) fn new(mac: Mac, key: &[u8]) -> Option<Self> {
        match mac {
            Mac::Md5 => Hmac::new_from_slice(key).ok().map(Self::Md5),
            Mac::Sha1 => Hmac::new_from_slice(key).ok().map(Self::Sha1),
            Mac::Sha256 => Hmac::new_from_slice(key).ok().map(Self::Sha256),
            Mac::Sha384 => Hmac::new_from_slice(key).ok().map(Self::Sha384),
        }
    }

    pub(super) fn len(&self) -> usize {
        let mac = match self {
            Self::Md5(_) => Mac::Md5,
            Self::Sha1(_) => Mac::Sha1,
            Self::Sha256(_) => Mac::Sha256,
            Self::Sha384(_) => Mac::Sha384,
        };
        mac.len()
    }

    pub(super) fn verify(&self, parts: [&[u8]; 2], tag: &[u8]) -> Option<()> {
        fn check<M: hmac::Mac + Clone>(key: &M, parts: [&[u8]; 2], tag: &[u8]) -> Option<()> {
            let mut mac = key.clone();
            parts.iter().for_each(|part| mac.update(part));
            mac.verify_slice(tag).ok()
        }
        match self {
            Self::Md5(key) => check(key, parts, tag),
            Self::Sha1(key) => check(key, parts, tag),
            Self::Sha256(key) => check(key, parts, tag),
            Self::Sha384(key) => check(key, parts, tag),
        }
    }
}

/// Sequence number, type, version and the content's length (RFC 5246 6.2.3.3).
pub(super) fn additional_data12(
    sequence: u64,
    header: RecordHeader,
    content_len: usize,
) -> ([u8; 13], usize) {
    let mut aad = [0; 13];
    aad[..8].copy_from_slice(&sequence.to_be_bytes());
    aad[8] = header.content_type.0;
    aad[9..11].copy_from_slice(&header.version.0.to_be_bytes());
    aad[11..].copy_from_slice(&(content_len as u16).to_be_bytes());
    (aad, aad.len())
}

/// Runs `open` and, where it fails, puts the bytes back: CCM and MAC-then-encrypt decrypt before they verify.
pub(super) fn restored<T>(
    scratch: &mut Vec<u8>,
    content: &mut [u8],
    open: impl FnOnce(&mut [u8]) -> Option<T>,
) -> Option<T> {
    scratch.clear();
    scratch.extend_from_slice(content);
    let opened = open(content);
    if opened.is_none() {
        content.copy_from_slice(scratch);
    }
    opened
}
