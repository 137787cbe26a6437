//! A TLS 1.3 connection as it crosses the wire, from secrets made up by a seed: hellos, encrypted handshake, sealed records
//! (RFC 8446 sections 4, 5 and 7.3), and the lines of the key log that open it.
//!
//! Nothing is secret about it, and nobody is authenticated: there is no key exchange behind the key shares and no certificate.
//! Its use is a capture that a key log decrypts. The labels are expanded here and not by the decoder's code, so that each
//! checks the other.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::base::{PerSide, Side};
use crate::craft::Random;

const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;
const APPLICATION_DATA: u8 = 23;
/// TLS_AES_128_GCM_SHA256.
const SUITE: [u8; 2] = [0x13, 0x01];
/// The most bytes of one record (RFC 8446 section 5.1).
const RECORD: usize = 1 << 14;

/// A connection under way.
pub(super) struct Tls {
    randoms: PerSide<[u8; 32]>,
    key_shares: PerSide<Vec<u8>>,
    session: Vec<u8>,
    secrets: [PerSide<Vec<u8>>; 2],
    sealers: PerSide<Sealer>,
}

/// One direction's protection.
struct Sealer {
    aead: Aes128Gcm,
    iv: [u8; 12],
    sequence: u64,
}

impl Tls {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut thirty_two = |_: Side| random.bytes(32);
        let randoms = PerSide::new(&mut thirty_two);
        let secrets = [PerSide::new(&mut thirty_two), PerSide::new(&mut thirty_two)];
        let key_shares = PerSide::new(&mut thirty_two);
        let session = thirty_two(Side::Client);
        let fixed = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).unwrap_or_default();
        Self {
            randoms: PerSide::new(|side| fixed(&randoms[side])),
            key_shares,
            session,
            sealers: PerSide::new(|side| Sealer::new(&secrets[0][side])),
            secrets,
        }
    }

    /// The lines of a key log that decrypt it.
    pub(super) fn key_log(&self) -> String {
        let random = hex::encode(self.randoms.client);
        let labels = ["HANDSHAKE_TRAFFIC_SECRET", "TRAFFIC_SECRET_0"];
        let mut text = String::new();
        for (secrets, label) in self.secrets.iter().zip(labels) {
            for (side, name) in [(Side::Client, "CLIENT"), (Side::Server, "SERVER")] {
                text.push_str(&format!(
                    "{name}_{label} {random} {}\n",
                    hex::encode(&secrets[side])
                ));
            }
        }
        text
    }

    /// The handshake's flights, each with its sender.
    pub(super) fn handshake(&mut self) -> Result<Vec<(Side, Vec<u8>)>, String> {
        let client_hello = message(1, &self.client_hello());
        let server_hello = message(2, &self.server_hello());
        let change = record(CHANGE_CIPHER_SPEC, &[1]);
        let alpn = [&[0, 16, 0, 11, 0, 9, 8][..], b"http/1.1"].concat();
        let encrypted_extensions = message(8, &with_len(&alpn));
        let finished = |tls: &Tls, side| message(20, &tls.randoms[side]);
        let from_server = [encrypted_extensions, finished(self, Side::Server)].concat();
        let from_client = finished(self, Side::Client);
        let mut server = record(HANDSHAKE, &server_hello);
        server.extend_from_slice(&change);
        server.extend(self.sealers.server.seal(HANDSHAKE, &from_server)?);
        let mut client = change;
        client.extend(self.sealers.client.seal(HANDSHAKE, &from_client)?);
        let secrets = &self.secrets[1];
        self.sealers = PerSide::new(|side| Sealer::new(&secrets[side]));
        Ok(vec![
            (Side::Client, record(HANDSHAKE, &client_hello)),
            (Side::Server, server),
            (Side::Client, client),
        ])
    }

    /// `bytes` in records of application data.
    pub(super) fn seal(&mut self, side: Side, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut sealed = Vec::with_capacity(bytes.len() + 32);
        for chunk in bytes.chunks(RECORD) {
            sealed.extend(self.sealers[side].seal(APPLICATION_DATA, chunk)?);
        }
        Ok(sealed)
    }

    fn client_hello(&self) -> Vec<u8> {
        let name = b"example.com";
        let server_name = [&[0, 14, 0, 0, 11][..], name].concat();
        let share = [&[0, 36, 0, 0x1d, 0, 32][..], &self.key_shares.client].concat();
        let extensions = [
            extension(0, &server_name),
            extension(10, &[0, 2, 0, 0x1d]),
            extension(13, &[0, 4, 4, 3, 8, 4]),
            extension(16, &[&[0, 9, 8][..], b"http/1.1"].concat()),
            extension(43, &[2, 3, 4]),
            extension(51, &share),
        ]
        .concat();
        let mut body = vec![3, 3];
        body.extend_from_slice(&self.randoms.client);
        body.push(32);
        body.extend_from_slice(&self.session);
        body.extend_from_slice(&[0, 2]);
        body.extend_from_slice(&SUITE);
        body.extend_from_slice(&[1, 0]);
        body.extend(with_len(&extensions));
        body
    }

    fn server_hello(&self) -> Vec<u8> {
        let share = [&[0, 0x1d, 0, 32][..], &self.key_shares.server].concat();
        let extensions = [extension(43, &[3, 4]), extension(51, &share)].concat();
        let mut body = vec![3, 3];
        body.extend_from_slice(&self.randoms.server);
        body.push(32);
        body.extend_from_slice(&self.session);
        body.extend_from_slice(&SUITE);
        body.push(0);
        body.extend(with_len(&extensions));
        body
    }
}

impl Sealer {
    fn new(secret: &[u8]) -> Self {
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        expand(secret, b"key", &mut key);
        expand(secret, b"iv", &mut iv);
        Self {
            aead: Aes128Gcm::new(&key.into()),
            iv,
            sequence: 0,
        }
    }

    fn seal(&mut self, content_type: u8, content: &[u8]) -> Result<Vec<u8>, String> {
        let mut inner = content.to_vec();
        inner.push(content_type);
        let len = u16::try_from(inner.len() + 16).map_err(|_| "a record is too long".to_owned())?;
        let [high, low] = len.to_be_bytes();
        let header = [APPLICATION_DATA, 3, 3, high, low];
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= number;
        }
        self.sequence += 1;
        let nonce: Nonce<Aes128Gcm> = nonce.into();
        let tag = self
            .aead
            .encrypt_inout_detached(&nonce, &header, inner.as_mut_slice().into())
            .map_err(|_| "a record cannot be sealed".to_owned())?;
        Ok([&header[..], &inner, &tag].concat())
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
fn expand(secret: &[u8], label: &[u8], out: &mut [u8]) {
    let mut info = vec![0, out.len() as u8, 6 + label.len() as u8];
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label);
    info.push(0);
    let hkdf = Hkdf::<Sha256>::from_prk(secret);
    // Secrets are 32 bytes, and 28 are asked for: neither can be refused.
    let _ = hkdf.map(|hkdf| hkdf.expand(&info, out));
}

fn with_len(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_len(body)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = body.len() as u16;
    [&[kind, 0][..], &len.to_be_bytes(), body].concat()
}

fn record(content_type: u8, body: &[u8]) -> Vec<u8> {
    [&[content_type, 3, 3][..], &with_len(body)].concat()
}
