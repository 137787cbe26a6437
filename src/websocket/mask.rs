//! Masking and unmasking (RFC 6455 section 5.3): payload byte i is XORed with key byte i modulo 4.

/// The key as it applies from payload position `phase` on.
#[inline]
fn rotated(key: [u8; 4], phase: u64) -> [u8; 4] {
    let shift = (phase & 3) as u32 * 8;
    u32::from_le_bytes(key).rotate_right(shift).to_le_bytes()
}

/// Unmasks `bytes`, the first of which is payload byte `phase`. Masking is the same.
#[inline]
pub fn unmask(bytes: &mut [u8], key: [u8; 4], phase: u64) {
    let [a, b, c, d] = rotated(key, phase);
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}

/// Appends `bytes` unmasked to `out`; the first is payload byte `phase`.
#[inline]
pub fn unmask_into(bytes: &[u8], key: [u8; 4], phase: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(bytes);
    unmask(&mut out[start..], key, phase);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(bytes: &[u8], key: [u8; 4], phase: u64) -> Vec<u8> {
        (phase..)
            .zip(bytes)
            .map(|(at, byte)| byte ^ key[(at % 4) as usize])
            .collect()
    }

    #[test]
    fn the_example_of_rfc_6455_5_7() {
        let mut bytes = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        unmask(&mut bytes, [0x37, 0xfa, 0x21, 0x3d], 0);
        assert_eq!(&bytes, b"Hello");
    }

    proptest! {
        #[test]
        fn equals_the_naive_one(
            bytes in prop::collection::vec(any::<u8>(), 0..100), key: [u8; 4], phase: u64, cut in 0usize..100,
        ) {
            let phase = phase >> 1;
            let mut out = vec![7];
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            unmask_into(head, key, phase, &mut out);
            unmask_into(tail, key, phase + head.len() as u64, &mut out);
            prop_assert_eq!(&out[1..], &naive(&bytes, key, phase)[..]);
        }
    }
}
