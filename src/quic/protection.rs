//! Packet protection: keys from secrets, the mask over the header, the AEAD over the rest (RFC 9001 section 5, RFC 9369 3.3).

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::base::PerSide;
use crate::tls::{Aead, Bulk, Hash, Parameters, Secret, expand_label, key_len};

use super::connection_id::ConnectionId;
use super::version::Version;

/// Bytes of a sample that the mask is made of.
pub(super) const SAMPLE: usize = 16;

/// What Initial packets are protected with, whatever the two sides agree on later.
pub(super) const INITIAL: Parameters = Parameters {
    bulk: Bulk::Aes128Gcm,
    hash: Hash::Sha256,
};

/// The key of one direction and generation.
pub(super) struct PacketKey {
    aead: Aead,
    iv: Zeroizing<[u8; 12]>,
}

/// The key that header protection uses in one direction, as long as the level lasts.
pub(super) enum HeaderKey {
    Aes128(Box<aes::Aes128>),
    Aes256(Box<aes::Aes256>),
    ChaCha20(Zeroizing<[u8; 32]>),
}

fn label(version: Version, name: &'static str) -> &'static str {
    match (version, name) {
        (Version::V2, "key") => "quicv2 key",
        (Version::V2, "iv") => "quicv2 iv",
        (Version::V2, "hp") => "quicv2 hp",
        (Version::V2, "ku") => "quicv2 ku",
        (_, "key") => "quic key",
        (_, "iv") => "quic iv",
        (_, "hp") => "quic hp",
        _ => "quic ku",
    }
}

impl PacketKey {
    pub(super) fn new(version: Version, parameters: Parameters, secret: &[u8]) -> Option<Self> {
        let (mut key, mut iv) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 12]));
        let key = key.get_mut(..key_len(parameters.bulk))?;
        expand_label(parameters.hash, secret, label(version, "key"), key)?;
        expand_label(parameters.hash, secret, label(version, "iv"), &mut iv[..])?;
        let aead = Aead::new(parameters.bulk, key)?;
        Some(Self { aead, iv })
    }

    /// Opens a packet in place: `header` is authenticated, behind it stand ciphertext and tag. Gives the plaintext's length.
    pub(super) fn open(&self, number: u64, header: &[u8], sealed: &mut [u8]) -> Option<usize> {
        let mut nonce = *self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        let len = sealed.len().checked_sub(self.aead.tag_len())?;
        self.aead
            .open(&nonce, header, sealed, len, &mut Vec::new())?;
        Some(len)
    }
}

impl HeaderKey {
    pub(super) fn new(version: Version, parameters: Parameters, secret: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        let part = key.get_mut(..key_len(parameters.bulk))?;
        expand_label(parameters.hash, secret, label(version, "hp"), part)?;
        let aes128 = || aes::Aes128::new_from_slice(key.get(..16)?).ok();
        Some(match parameters.bulk {
            Bulk::Aes128Gcm | Bulk::Aes128Ccm => Self::Aes128(Box::new(aes128()?)),
            Bulk::Aes256Gcm => Self::Aes256(Box::new(aes::Aes256::new_from_slice(&key[..]).ok()?)),
            Bulk::ChaCha20Poly1305 => Self::ChaCha20(key),
            _ => return None,
        })
    }

    /// The mask (RFC 9001 5.4.3 and 5.4.4).
    pub(super) fn mask(&self, sample: &[u8; SAMPLE]) -> [u8; 5] {
        let mut block = (*sample).into();
        match self {
            Self::Aes128(aes) => aes.encrypt_block(&mut block),
            Self::Aes256(aes) => aes.encrypt_block(&mut block),
            Self::ChaCha20(key) => return chacha20_mask(key, sample),
        }
        let [a, b, c, d, e, ..] = block.0;
        [a, b, c, d, e]
    }
}

/// The first bytes of one ChaCha20 block (RFC 8439 2.3) whose counter and nonce are the sample. The AEAD's crate has the cipher
/// and does not let it out.
fn chacha20_mask(key: &[u8; 32], sample: &[u8; SAMPLE]) -> [u8; 5] {
    let mut state = [0u32; 16];
    state[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    let words = key
        .as_chunks::<4>()
        .0
        .iter()
        .chain(sample.as_chunks::<4>().0);
    for (word, bytes) in state[4..].iter_mut().zip(words) {
        *word = u32::from_le_bytes(*bytes);
    }
    let start = state;
    for _ in 0..10 {
        for [a, b, c, d] in [
            [0, 4, 8, 12],
            [1, 5, 9, 13],
            [2, 6, 10, 14],
            [3, 7, 11, 15],
            [0, 5, 10, 15],
            [1, 6, 11, 12],
            [2, 7, 8, 13],
            [3, 4, 9, 14],
        ] {
            for (x, y, z, turn) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
                state[x] = state[x].wrapping_add(state[y]);
                state[z] = (state[z] ^ state[x]).rotate_left(turn);
            }
        }
    }
    let [a, b, c, d] = state[0].wrapping_add(start[0]).to_le_bytes();
    [a, b, c, d, state[1].wrapping_add(start[1]) as u8]
}

/// The secrets of the Initial packets of both sides, which follow from the first id that the client sends to (RFC 9001 5.2).
pub(super) fn initial_secrets(version: Version, id: &ConnectionId) -> Option<PerSide<Secret>> {
    const V1: [u8; 20] = [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
        0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ];
    const V2: [u8; 20] = [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d,
        0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
    ];
    let salt = match version {
        Version::V1 => V1,
        Version::V2 => V2,
        _ => return None,
    };
    let (secret, _) = Hkdf::<Sha256>::extract(Some(&salt), id.bytes());
    let of = |label| {
        let mut out = Zeroizing::new([0; 32]);
        expand_label(Hash::Sha256, &secret, label, &mut out[..])?;
        Secret::new(&out[..])
    };
    Some(PerSide {
        client: of("client in")?,
        server: of("server in")?,
    })
}

/// The secret of the next generation (RFC 9001 6.1).
pub(super) fn next_secret(
    version: Version,
    parameters: Parameters,
    secret: &Secret,
) -> Option<Secret> {
    let mut next = secret.clone();
    let (hash, label) = (parameters.hash, label(version, "ku"));
    expand_label(hash, secret.bytes(), label, next.bytes_mut())?;
    Some(next)
}

/// Whether the server that the client sent to made this Retry packet (RFC 9001 5.8).
pub(super) fn is_genuine_retry(version: Version, original: &ConnectionId, packet: &[u8]) -> bool {
    const V1: ([u8; 16], [u8; 12]) = (
        [
            0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68,
            0xc8, 0x4e,
        ],
        [
            0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
        ],
    );
    const V2: ([u8; 16], [u8; 12]) = (
        [
            0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c,
            0xcc, 0x92,
        ],
        [
            0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a,
        ],
    );
    let (key, nonce) = match version {
        Version::V2 => V2,
        _ => V1,
    };
    let Some((content, tag)) = packet.split_last_chunk::<16>() else {
        return false;
    };
    let mut pseudo = vec![original.len() as u8];
    pseudo.extend_from_slice(original.bytes());
    pseudo.extend_from_slice(content);
    let mut tag = *tag;
    Aead::new(Bulk::Aes128Gcm, &key)
        .and_then(|aead| aead.open(&nonce, &pseudo, &mut tag, 0, &mut Vec::new()))
        .is_some()
}
