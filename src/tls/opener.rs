//! One direction's record protection, opened: AEAD, CBC and stream ciphers with HMAC (RFC 8446 5.2, RFC 5246 6.2.3,
//! RFC 7366).
//!
//! Which key and which sequence number is the caller's affair. A record that does not authenticate leaves its bytes as
//! they were, so that another key or number can be tried on them.

mod cbc;
mod mac;
mod stream;

use std::ops::Range;

use aes_gcm::aead::consts::{U8, U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ccm::Ccm;
use chacha20poly1305::ChaCha20Poly1305;
use zeroize::Zeroizing;

use crate::base::Side;
use crate::tls::record::{HEADER_LEN, RecordHeader, Version};
use crate::tls::schedule::{expand_label, prf};
use crate::tls::suite::{Bulk, Parameters, Stream};

use self::cbc::Cbc;
use mac::{MacKey, additional_data12, restored};
use stream::KeyStream;

type Aes128Ccm = Ccm<aes::Aes128, U16, U12>;
type Aes256Ccm = Ccm<aes::Aes256, U16, U12>;
type Aes128Ccm8 = Ccm<aes::Aes128, U8, U12>;
type Aes256Ccm8 = Ccm<aes::Aes256, U8, U12>;

/// What opens the records of one direction and one key.
pub(crate) struct Opener {
    version: Version,
    cipher: Cipher,
    /// The record as it was, for the ciphers that spoil it before they know.
    scratch: Vec<u8>,
}

enum Cipher {
    Aead {
        aead: Aead,
        iv: Zeroizing<[u8; 12]>,
        nonce: NonceKind,
    },
    Cbc(Box<Cbc>),
    Stream(Box<KeyStream>),
}

/// How a record's nonce comes about.
#[derive(Clone, Copy)]
enum NonceKind {
    /// Four fixed bytes and eight at the start of the record (RFC 5288 3).
    Explicit,
    /// The IV and the sequence number, xored (RFC 8446 5.3, RFC 7905 2).
    Sequence,
}

/// An AEAD with its key.
pub(crate) enum Aead {
    Aes128Gcm(Box<Aes128Gcm>),
    Aes256Gcm(Box<Aes256Gcm>),
    Aes128Ccm(Box<Aes128Ccm>),
    Aes256Ccm(Box<Aes256Ccm>),
    Aes128Ccm8(Box<Aes128Ccm8>),
    Aes256Ccm8(Box<Aes256Ccm8>),
    ChaCha20Poly1305(Box<ChaCha20Poly1305>),
}

/// What TLS up to 1.2 derives its keys from.
pub(crate) struct KeyBlock<'a> {
    pub(crate) version: Version,
    pub(crate) parameters: Parameters,
    pub(crate) encrypt_then_mac: bool,
    pub(crate) client_random: &'a [u8; 32],
    pub(crate) server_random: &'a [u8; 32],
    pub(crate) master: &'a [u8],
}

impl Opener {
    /// The opener of one TLS 1.3 traffic secret (RFC 8446 7.3); `None` where secret and suite do not fit.
    pub(crate) fn tls13(parameters: Parameters, secret: &[u8]) -> Option<Self> {
        let (mut key, mut iv) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 12]));
        let key = key.get_mut(..key_len(parameters.bulk))?;
        expand_label(parameters.hash, secret, "key", key)?;
        expand_label(parameters.hash, secret, "iv", &mut iv[..])?;
        let cipher = Cipher::Aead {
            aead: Aead::new(parameters.bulk, key)?,
            iv,
            nonce: NonceKind::Sequence,
        };
        Some(Self::new(Version::TLS1_3, cipher))
    }

    /// The opener of what `sender` sends, from TLS 1.2's key block or its predecessors' (RFC 5246 6.3).
    pub(crate) fn tls12(from: &KeyBlock<'_>, sender: Side) -> Option<Self> {
        let bulk = from.parameters.bulk;
        let (mac_len, iv_len) = match bulk {
            Bulk::ChaCha20Poly1305 => (0, 12),
            Bulk::Cbc(block, mac) => (mac.len(), block.len()),
            Bulk::Stream(_, mac) => (mac.len(), 0),
            _ => (0, 4),
        };
        let mut block = Zeroizing::new(vec![0; 2 * (mac_len + key_len(bulk) + iv_len)]);
        let seeds = [&from.server_random[..], &from.client_random[..]];
        prf(
            from.version,
            from.parameters.hash,
            from.master,
            b"key expansion",
            seeds,
            &mut block,
        );
        let mut rest = &block[..];
        let mut next = |len: usize| {
            let (client, others) = rest.split_at_checked(len)?;
            let (server, others) = others.split_at_checked(len)?;
            rest = others;
            Some(if sender == Side::Client {
                client
            } else {
                server
            })
        };
        let (mac, key, iv) = (next(mac_len)?, next(key_len(bulk))?, next(iv_len)?);
        let cipher = match bulk {
            Bulk::Cbc(block, hash) => {
                let mac = MacKey::new(hash, mac)?;
                let cbc = Cbc::new(block, key, mac, from.encrypt_then_mac, iv)?;
                Cipher::Cbc(Box::new(cbc))
            }
            Bulk::Stream(stream, hash) => {
                let mac = MacKey::new(hash, mac)?;
                Cipher::Stream(Box::new(KeyStream::new(stream, key, mac)?))
            }
            _ if from.version < Version::TLS1_2 => return None, // AEAD came with TLS 1.2
            _ => Cipher::aead12(bulk, key, iv)?,
        };
        Some(Self::new(from.version, cipher))
    }

    fn new(version: Version, cipher: Cipher) -> Self {
        Self {
            version,
            cipher,
            scratch: Vec::new(),
        }
    }

    /// Decrypts a record's fragment in place and says where its plaintext lies; `None`, and nothing changed, where it
    /// does not authenticate with this sequence number.
    pub(crate) fn open(
        &mut self,
        sequence: u64,
        header: RecordHeader,
        body: &mut [u8],
    ) -> Option<Range<usize>> {
        match &mut self.cipher {
            Cipher::Aead { aead, iv, nonce } => {
                let mut full = **iv;
                let explicit = match nonce {
                    NonceKind::Explicit => {
                        full.get_mut(4..)?.copy_from_slice(body.get(..8)?);
                        8
                    }
                    NonceKind::Sequence => {
                        for (byte, number) in full[4..].iter_mut().zip(sequence.to_be_bytes()) {
                            *byte ^= number;
                        }
                        0
                    }
                };
                let content_len = body.len().checked_sub(explicit + aead.tag_len())?;
                let (aad, aad_len) = match self.version {
                    Version::TLS1_3 => additional_data13(header),
                    _ => additional_data12(sequence, header, content_len),
                };
                let sealed = body.get_mut(explicit..)?;
                aead.open(
                    &full,
                    aad.get(..aad_len)?,
                    sealed,
                    content_len,
                    &mut self.scratch,
                )?;
                Some(explicit..explicit + content_len)
            }
            Cipher::Cbc(cbc) => cbc.open(self.version, sequence, header, body, &mut self.scratch),
            Cipher::Stream(stream) => stream.open(sequence, header, body),
        }
    }

    /// Tells that a record went by unopened, its fragment as it was on the wire, or `None` where that is not known: TLS
    /// 1.0 takes the next record's IV from it, and RC4 goes on where it ended.
    pub(crate) fn passed(&mut self, body: Option<&[u8]>) {
        match &mut self.cipher {
            Cipher::Aead { .. } => {}
            Cipher::Cbc(cbc) => cbc.passed(body),
            Cipher::Stream(stream) => stream.passed(body.map(<[u8]>::len)),
        }
    }

    /// Whether a record cannot be opened without those before it.
    pub(crate) fn is_chained(&self) -> bool {
        match &self.cipher {
            Cipher::Aead { .. } => false,
            Cipher::Cbc(_) => self.version <= Version::TLS1_0,
            Cipher::Stream(stream) => stream.is_chained(),
        }
    }

    /// Whether the next record cannot be opened for want of those before it.
    pub(crate) fn lacks_state(&self) -> bool {
        match &self.cipher {
            Cipher::Aead { .. } => false,
            Cipher::Cbc(cbc) => self.is_chained() && cbc.lacks_iv(),
            Cipher::Stream(stream) => stream.is_lost(),
        }
    }
}

impl Cipher {
    fn aead12(bulk: Bulk, key: &[u8], iv: &[u8]) -> Option<Self> {
        let mut full = Zeroizing::new([0; 12]);
        full.get_mut(..iv.len())?.copy_from_slice(iv);
        Some(Cipher::Aead {
            aead: Aead::new(bulk, key)?,
            iv: full,
            nonce: match bulk {
                Bulk::ChaCha20Poly1305 => NonceKind::Sequence,
                _ => NonceKind::Explicit,
            },
        })
    }
}

/// The record header, which TLS 1.3 authenticates as it is (RFC 8446 5.2).
fn additional_data13(header: RecordHeader) -> ([u8; 13], usize) {
    let mut aad = [0; 13];
    aad[0] = header.content_type.0;
    aad[1..3].copy_from_slice(&header.version.0.to_be_bytes());
    aad[3..5].copy_from_slice(&header.len.to_be_bytes());
    (aad, HEADER_LEN)
}

/// Bytes of a cipher's key.
pub(crate) fn key_len(bulk: Bulk) -> usize {
    match bulk {
        Bulk::Aes128Gcm | Bulk::Aes128Ccm | Bulk::Aes128Ccm8 => 16,
        Bulk::Aes256Gcm | Bulk::Aes256Ccm | Bulk::Aes256Ccm8 | Bulk::ChaCha20Poly1305 => 32,
        Bulk::Cbc(block, _) => block.key_len(),
        Bulk::Stream(Stream::Null, _) => 0,
        Bulk::Stream(Stream::Rc4, _) => 16,
    }
}

impl Aead {
    /// The cipher with its key; `None` for what is no AEAD, or a key of another length.
    pub(crate) fn new(bulk: Bulk, key: &[u8]) -> Option<Self> {
        fn boxed<C: KeyInit>(key: &[u8]) -> Option<Box<C>> {
            C::new_from_slice(key).ok().map(Box::new)
        }
        Some(match bulk {
            Bulk::Aes128Gcm => Self::Aes128Gcm(boxed(key)?),
            Bulk::Aes256Gcm => Self::Aes256Gcm(boxed(key)?),
            Bulk::Aes128Ccm => Self::Aes128Ccm(boxed(key)?),
            Bulk::Aes256Ccm => Self::Aes256Ccm(boxed(key)?),
            Bulk::Aes128Ccm8 => Self::Aes128Ccm8(boxed(key)?),
            Bulk::Aes256Ccm8 => Self::Aes256Ccm8(boxed(key)?),
            Bulk::ChaCha20Poly1305 => Self::ChaCha20Poly1305(boxed(key)?),
            Bulk::Cbc(..) | Bulk::Stream(..) => return None,
        })
    }

    /// Bytes of its tag.
    pub(crate) fn tag_len(&self) -> usize {
        match self {
            Self::Aes128Ccm8(_) | Self::Aes256Ccm8(_) => 8,
            _ => 16,
        }
    }

    /// Decrypts the first `content_len` bytes of `sealed` in place, whose tag is behind them; `None`, and nothing changed,
    /// where they do not authenticate.
    pub(crate) fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        sealed: &mut [u8],
        content_len: usize,
        scratch: &mut Vec<u8>,
    ) -> Option<()> {
        let (content, tag) = sealed.split_at_mut_checked(content_len)?;
        match self {
            Self::Aes128Gcm(aead) => detached(&**aead, nonce, aad, content, tag),
            Self::Aes256Gcm(aead) => detached(&**aead, nonce, aad, content, tag),
            Self::ChaCha20Poly1305(aead) => detached(&**aead, nonce, aad, content, tag),
            Self::Aes128Ccm(aead) => restored(scratch, content, |it| {
                detached(&**aead, nonce, aad, it, tag)
            }),
            Self::Aes256Ccm(aead) => restored(scratch, content, |it| {
                detached(&**aead, nonce, aad, it, tag)
            }),
            Self::Aes128Ccm8(aead) => restored(scratch, content, |it| {
                detached(&**aead, nonce, aad, it, tag)
            }),
            Self::Aes256Ccm8(aead) => restored(scratch, content, |it| {
                detached(&**aead, nonce, aad, it, tag)
            }),
        }
    }
}

/// Opens `content` with its tag apart.
fn detached<A: AeadInOut>(
    aead: &A,
    nonce: &[u8; 12],
    aad: &[u8],
    content: &mut [u8],
    tag: &[u8],
) -> Option<()> {
    let nonce = Nonce::<A>::try_from(&nonce[..]).ok()?;
    let tag = tag.try_into().ok()?;
    aead.decrypt_inout_detached(&nonce, aad, content.into(), &tag)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::record::ContentType;
    use crate::tls::suite::{CipherSuite, Hash};

    fn unhex(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// RFC 8448 3: the application traffic of the simple 1-RTT handshake.
    #[test]
    fn records_of_rfc_8448_open() {
        let secret = unhex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        expand_label(Hash::Sha256, &secret, "key", &mut key).unwrap();
        expand_label(Hash::Sha256, &secret, "iv", &mut iv).unwrap();
        assert_eq!(key[..], unhex("17422dda596ed5d9acd890e3c63f5051"));
        assert_eq!(iv[..], unhex("5b78923dee08579033e523d9"));

        let mut opener = Opener::tls13(CipherSuite(0x1301).parameters().unwrap(), &secret).unwrap();
        let data = unhex(
            "a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2977014\
             bd1e3deae63aeebb21694915e4",
        );
        let alert = unhex("c9872760655666b74d7ff1153efd6db6d0b0e3");
        let mut expected: Vec<u8> = (0..50).collect();
        expected.push(23);
        for (sequence, record, expected) in [(0, data, expected), (1, alert, vec![1, 0, 21])] {
            let header = RecordHeader {
                content_type: ContentType::APPLICATION_DATA,
                version: Version::TLS1_2,
                len: record.len() as u16,
            };
            let mut body = record.clone();
            assert_eq!(opener.open(sequence + 1, header, &mut body), None);
            assert_eq!(
                body, record,
                "a record that does not open is left as it was"
            );
            let range = opener.open(sequence, header, &mut body).unwrap();
            assert_eq!(body[range], expected);
        }
    }
}
