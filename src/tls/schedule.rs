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
