//! The key schedules: TLS 1.2's PRF and its predecessor, TLS 1.3's HKDF-Expand-Label.
//!
//! Everything starts from secrets of a key log, so there is no key exchange here. What is derived is wiped when dropped.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

use crate::tls::record::Version;
use crate::tls::suite::Hash;

/// HKDF-Expand-Label (RFC 8446 7.1) with an empty context, which is all that traffic keys need.
pub(crate) fn expand_label(hash: Hash, secret: &[u8], label: &str, out: &mut [u8]) -> Option<()> {
    let mut info = Vec::with_capacity(10 + label.len());
    info.extend_from_slice(&u16::try_from(out.len()).ok()?.to_be_bytes());
    info.push(u8::try_from(6 + label.len()).ok()?);
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    match hash {
        Hash::Sha256 => Hkdf::<Sha256>::from_prk(secret)
            .ok()?
            .expand(&info, out)
            .ok(),
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret)
            .ok()?
            .expand(&info, out)
            .ok(),
    }
}

/// The PRF of `version` (RFC 5246 5, RFC 2246 5): fills `out` from the secret, the label and two seeds.
pub(crate) fn prf(
    version: Version,
    hash: Hash,
    secret: &[u8],
    label: &[u8],
    seeds: [&[u8]; 2],
    out: &mut [u8],
) {
    let seed = [label, seeds[0], seeds[1]];
    if version >= Version::TLS1_2 {
        match hash {
            Hash::Sha256 => p_hash::<Hmac<Sha256>>(secret, &seed, out),
            Hash::Sha384 => p_hash::<Hmac<Sha384>>(secret, &seed, out),
        }
        return;
    }
    // The halves overlap by a byte where the length is odd.
    let half = secret.len().div_ceil(2);
    let (first, second) = (&secret[..half], &secret[secret.len() - half..]);
    let mut by_sha1 = Zeroizing::new(vec![0; out.len()]);
    p_hash::<Hmac<Md5>>(first, &seed, out);
    p_hash::<Hmac<Sha1>>(second, &seed, &mut by_sha1);
    for (byte, other) in out.iter_mut().zip(by_sha1.iter()) {
        *byte ^= other;
    }
}

/// P_hash (RFC 5246 5).
fn p_hash<M: KeyInit + hmac::Mac + Clone>(secret: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    let Ok(keyed) = <M as KeyInit>::new_from_slice(secret) else {
        return; // HMAC takes keys of any length
    };
    let digest = |parts: &[&[u8]]| {
        let mut mac = keyed.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()
    };
    let mut a = digest(seed);
    for chunk in out.chunks_mut(M::output_size()) {
        let block = digest(&[&[&a[..]], seed].concat());
        chunk.copy_from_slice(&block[..chunk.len()]);
        a = digest(&[&a]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8448 3: traffic keys of the handshake.
    #[test]
    fn expand_label_of_rfc_8448() {
        let secret =
            hex::decode("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
                .unwrap();
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        expand_label(Hash::Sha256, &secret, "key", &mut key).unwrap();
        expand_label(Hash::Sha256, &secret, "iv", &mut iv).unwrap();
        assert_eq!(hex::encode(key), "3fce516009c21727d0f2e4e86ee403bc");
        assert_eq!(hex::encode(iv), "5d313eb2671276ee13000b30");
    }

    /// The vectors of the TLS working group's list for the PRF of RFC 5246, by hash.
    #[test]
    fn prf_of_tls12() {
        for (hash, secret, seed, expected) in [
            (
                Hash::Sha256,
                "9bbe436ba940f017b17652849a71db35",
                "a0ba9f936cda311827a6f796ffd5198c",
                "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7\
                 077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
            ),
            (
                Hash::Sha384,
                "b80b733d6ceefcdc71566ea48e5567df",
                "cd665cf6a8447dd6ff8b27555edb7465",
                "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c9146a0e534cb40\
                 0fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d9184259b5bf8cd4d90fa0d\
                 31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a26854308d5eaa3be85e0990703d73e56f",
            ),
        ] {
            let [secret, seed] = [secret, seed].map(|text| hex::decode(text).unwrap());
            let mut out = vec![0; expected.len() / 2];
            prf(
                Version::TLS1_2,
                hash,
                &secret,
                b"test label",
                [&seed, &[]],
                &mut out,
            );
            assert_eq!(hex::encode(out), expected);
        }
    }
}
