//! The ClientHello in QUIC's first packets (RFC 9000, RFC 9001, RFC 9369): their keys follow from what everybody sees.
//!
//! A hello may lie in several packets, in pieces of any order. Pieces are kept until it is whole or longer than [`MOST`].

#[cfg(feature = "tls")]
use super::names::HelloNames;

/// Bytes of a hello that are put together.
const MOST: usize = 16 << 10;
/// Packets looked at for one hello.
const PACKETS: u8 = 12;

/// Whether a datagram begins with a long header of a version of QUIC that is read.
#[must_use]
pub fn looks_like_quic(datagram: &[u8]) -> bool {
    let version = datagram.get(1..5);
    let is_known = matches!(version, Some([0, 0, 0, 1] | [0x6b, 0x33, 0x43, 0xcf]));
    is_known && datagram[0] & 0xc0 == 0xc0 && datagram.get(5).is_some_and(|len| *len <= 20)
}

/// What a client's first packets said so far.
#[derive(Clone, Debug, Default)]
pub struct QuicHello {
    /// Bytes of the CRYPTO stream by their offset.
    pieces: Vec<(usize, Vec<u8>)>,
    packets: u8,
    is_over: bool,
}

impl QuicHello {
    /// Whether nothing more is to be learnt.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The bytes from the beginning on, as far as they are whole.
    fn joined(&mut self) -> Vec<u8> {
        self.pieces.sort_by_key(|(at, _)| *at);
        let mut all: Vec<u8> = Vec::new();
        for (at, piece) in &self.pieces {
            let Some(known) = all.len().checked_sub(*at) else {
                break;
            };
            all.extend(piece.get(known..).unwrap_or_default());
        }
        all
    }
}

#[cfg(not(feature = "tls"))]
impl QuicHello {
    /// Without ciphers nothing is read.
    pub fn push(&mut self, _datagram: &[u8]) -> Option<super::HelloNames> {
        self.is_over = true;
        None
    }
}

#[cfg(feature = "tls")]
impl QuicHello {
    /// Takes a datagram of the client; the names, once the hello is whole.
    pub fn push(&mut self, datagram: &[u8]) -> Option<HelloNames> {
        if self.is_over {
            return None;
        }
        self.packets += 1;
        let kept: usize = self.pieces.iter().map(|(_, piece)| piece.len()).sum();
        self.is_over = self.packets >= PACKETS || kept > MOST;
        let frames = opened::initial(datagram)?;
        opened::crypto(&frames, &mut |at, bytes| {
            if at <= MOST && bytes.len() <= MOST {
                self.pieces.push((at, bytes.to_vec()));
            }
        });
        let joined = self.joined();
        let length = joined.get(1..4)?;
        let length = usize::from(length[0]) << 16 | usize::from(length[1]) << 8;
        let length = length | usize::from(*joined.get(3)?);
        if joined.len() < 4 + length {
            return None;
        }
        self.is_over = true;
        self.pieces = Vec::new();
        HelloNames::of_handshake(&joined)
    }
}

#[cfg(feature = "tls")]
mod opened {
    use aes_gcm::Aes128Gcm;
    use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
    use cbc::cipher::{Array, BlockCipherEncrypt};
    use hkdf::Hkdf;
    use sha2::Sha256;

    use crate::base::Cursor;
    use crate::tls::schedule::expand_label;
    use crate::tls::suite::Hash;

    /// RFC 9001 section 5.2.
    const SALT_1: [u8; 20] = [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
        0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ];
    /// RFC 9369 section 3.3.1.
    const SALT_2: [u8; 20] = [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d,
        0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
    ];
    const VERSION_2: u32 = 0x6b33_43cf;
    const TAG: usize = 16;

    /// What protects a client's first packets.
    #[derive(Debug)]
    pub(super) struct Keys {
        pub(super) key: [u8; 16],
        pub(super) iv: [u8; 12],
        pub(super) header: [u8; 16],
    }

    impl Keys {
        pub(super) fn new(is_second: bool, id: &[u8]) -> Option<Self> {
            let salt = if is_second { SALT_2 } else { SALT_1 };
            let (secret, _) = Hkdf::<Sha256>::extract(Some(&salt), id);
            let mut client = [0; 32];
            expand_label(Hash::Sha256, &secret, "client in", &mut client)?;
            let names = match is_second {
                false => ["quic key", "quic iv", "quic hp"],
                true => ["quicv2 key", "quicv2 iv", "quicv2 hp"],
            };
            let (mut key, mut iv, mut header) = ([0; 16], [0; 12], [0; 16]);
            expand_label(Hash::Sha256, &client, names[0], &mut key)?;
            expand_label(Hash::Sha256, &client, names[1], &mut iv)?;
            expand_label(Hash::Sha256, &client, names[2], &mut header)?;
            Some(Self { key, iv, header })
        }

        /// The mask of a header, from a sample of the packet (RFC 9001 section 5.4.3).
        pub(super) fn mask(&self, sample: &[u8; 16]) -> [u8; 16] {
            let mut block = Array::from(*sample);
            aes::Aes128::new(&Array::from(self.header)).encrypt_block(&mut block);
            block.into()
        }

        pub(super) fn nonce(&self, number: u32) -> [u8; 12] {
            let mut nonce = self.iv;
            for (byte, of) in nonce
                .iter_mut()
                .rev()
                .zip(number.to_be_bytes().iter().rev())
            {
                *byte ^= of;
            }
            nonce
        }
    }

    /// A number of QUIC's variable length (RFC 9000 section 16).
    pub(super) fn number(cursor: &mut Cursor<'_>) -> Option<u64> {
        let first = cursor.u8()?;
        let mut number = u64::from(first & 0x3f);
        for _ in 1..1 << (first >> 6) {
            number = number << 8 | u64::from(cursor.u8()?);
        }
        Some(number)
    }

    /// The frames of an Initial packet that a client sent (RFC 9000 section 17.2.2).
    pub(super) fn initial(datagram: &[u8]) -> Option<Vec<u8>> {
        let mut cursor = Cursor::new(datagram);
        let first = cursor.u8()?;
        let version = cursor.u32()?;
        let is_second = version == VERSION_2;
        let kind = first >> 4 & 3;
        if !super::looks_like_quic(datagram) || kind != u8::from(is_second) {
            return None;
        }
        let id_len = usize::from(cursor.u8()?);
        let id = cursor.take(id_len)?;
        let other_len = usize::from(cursor.u8()?);
        cursor.skip(other_len)?;
        let token = usize::try_from(number(&mut cursor)?).ok()?;
        cursor.skip(token)?;
        let length = usize::try_from(number(&mut cursor)?).ok()?;
        let at = cursor.at();
        let mut packet = datagram.get(..at.checked_add(length)?)?.to_vec();
        let keys = Keys::new(is_second, id)?;
        let mask = keys.mask(packet.get(at + 4..at + 20)?.first_chunk()?);
        packet[0] ^= mask[0] & 0x0f;
        let number_len = usize::from(packet[0] & 3) + 1;
        let mut value = 0u32;
        for (byte, mask) in packet
            .get_mut(at..at + number_len)?
            .iter_mut()
            .zip(&mask[1..])
        {
            *byte ^= mask;
            value = value << 8 | u32::from(*byte);
        }
        let (head, body) = packet.split_at_checked(at + number_len)?;
        let mut frames = body.get(..body.len().checked_sub(TAG)?)?.to_vec();
        let tag = body.last_chunk::<TAG>()?;
        let nonce = Nonce::<Aes128Gcm>::from(keys.nonce(value));
        let cipher = Aes128Gcm::new_from_slice(&keys.key).ok()?;
        cipher
            .decrypt_inout_detached(&nonce, head, (&mut frames[..]).into(), tag.into())
            .ok()?;
        Some(frames)
    }

    /// The pieces of the handshake in frames (RFC 9000 section 19).
    pub(super) fn crypto(frames: &[u8], each: &mut dyn FnMut(usize, &[u8])) -> Option<()> {
        let mut cursor = Cursor::new(frames);
        loop {
            match cursor.u8()? {
                0 | 1 => {}
                kind @ (2 | 3) => {
                    number(&mut cursor)?;
                    number(&mut cursor)?;
                    let ranges = number(&mut cursor)?;
                    let counts = 1 + 2 * ranges.min(1024) + if kind == 3 { 3 } else { 0 };
                    for _ in 0..counts {
                        number(&mut cursor)?;
                    }
                }
                6 => {
                    let at = usize::try_from(number(&mut cursor)?).ok()?;
                    let len = usize::try_from(number(&mut cursor)?).ok()?;
                    each(at, cursor.take(len)?);
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
#[cfg(feature = "tls")]
mod tests {
    use aes_gcm::Aes128Gcm;
    use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};

    use super::opened::Keys;
    use super::*;
    use crate::tls::names::tests::hello;

    /// RFC 9001 appendix A.1.
    const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    /// An Initial with these pieces of the handshake.
    fn initial(number: u8, pieces: &[(usize, &[u8])]) -> Vec<u8> {
        let mut frames = vec![0, 1];
        for (at, piece) in pieces {
            frames.push(6);
            frames.extend((0x4000 | *at as u16).to_be_bytes());
            frames.extend((0x4000 | piece.len() as u16).to_be_bytes());
            frames.extend(*piece);
        }
        frames.resize(frames.len().max(1100), 0);
        let mut packet = vec![0xc0, 0, 0, 0, 1, 8];
        packet.extend(ID);
        packet.extend([0, 0]);
        packet.extend((0x4000 | (frames.len() as u16 + 17)).to_be_bytes());
        let at = packet.len();
        packet.push(number);
        let keys = Keys::new(false, &ID).unwrap();
        let cipher = Aes128Gcm::new_from_slice(&keys.key).unwrap();
        let nonce = Nonce::<Aes128Gcm>::from(keys.nonce(number.into()));
        let tag = cipher
            .encrypt_inout_detached(&nonce, &packet, (&mut frames[..]).into())
            .unwrap();
        packet.extend(&frames);
        packet.extend(&tag[..]);
        let sample = *packet[at + 4..].first_chunk().unwrap();
        let mask = keys.mask(&sample);
        packet[0] ^= mask[0] & 0x0f;
        packet[at] ^= mask[1];
        packet
    }

    #[test]
    fn keys_are_those_of_the_standard() {
        let keys = Keys::new(false, &ID).unwrap();
        assert_eq!(hex::encode(keys.key), "1f369613dd76d5467730efcbe3b1a22d");
        assert_eq!(hex::encode(keys.iv), "fa044b2f42a3fd3b46fb255c");
        assert_eq!(hex::encode(keys.header), "9f50449e04a0e810283a1e9933adedd2");
        // The sample of appendix A.2.
        let sample = [
            0xd1, 0xb1, 0xc9, 0x8d, 0xd7, 0x68, 0x9f, 0xb8, 0xec, 0x11, 0xd2, 0x42, 0xb1, 0x23,
            0xdc, 0x9b,
        ];
        assert_eq!(hex::encode(&keys.mask(&sample)[..5]), "437b9aec36");
    }

    #[test]
    fn a_hello_in_pieces_is_put_together() {
        let message = hello("quic.example");
        let (one, two) = message.split_at(20);
        let mut hello = QuicHello::default();
        let first = initial(0, &[(20, &two[..9])]);
        assert!(looks_like_quic(&first));
        assert_eq!(hello.push(&first), None);
        assert_eq!(hello.push(b"\x40 something else"), None);
        let second = initial(1, &[(29, &two[9..]), (0, one)]);
        let names = hello.push(&second).unwrap();
        assert_eq!(names.server_name.as_deref(), Some("quic.example"));
        assert!(hello.is_over());
    }

    #[test]
    fn no_datagram_panics() {
        let packet = initial(3, &[(0, &hello("x.example"))]);
        for len in 0..packet.len() {
            assert_eq!(QuicHello::default().push(&packet[..len]), None);
        }
        for at in 0..40 {
            let mut broken = packet.clone();
            broken[at] ^= 0x55;
            QuicHello::default().push(&broken);
        }
    }
}
