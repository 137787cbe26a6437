//! The Huffman code of HPACK strings (RFC 7541 section 5.2 and Appendix B).
//!
//! The code is canonical: shorter codes come first, equal lengths in the order of their symbols. So the lengths are
//! the whole table, and everything else is computed from them when the program is compiled.

/// The end of a string; only its first bits may be seen, as padding.
const EOS: u16 = 256;

const SYMBOLS: usize = 257;

/// The length of every symbol's code in bits.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28,
    28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6,
    12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5,
    6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22,
    22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21,
    20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22,
    23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
    28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27,
    28, 27, 27, 27, 27, 27, 26, 30,
];

const LONGEST: usize = 30;

/// What is computed from the lengths.
struct Tables {
    /// The symbols in the order of their codes.
    symbols: [u16; SYMBOLS],
    /// For each length: the first code, the place of its symbol in `symbols`, and how many codes there are.
    lengths: [(u32, u16, u16); LONGEST + 1],
    /// For each first byte: the symbol whose code begins it, and the code's length; 0 when the code is longer.
    short: [(u16, u8); 256],
}

const TABLES: Tables = tables();
static STATIC_TABLES: Tables = TABLES;

const fn tables() -> Tables {
    let mut tables = Tables {
        symbols: [0; SYMBOLS],
        lengths: [(0, 0, 0); LONGEST + 1],
        short: [(0, 0); 256],
    };
    let (mut code, mut at, mut len) = (0u32, 0u16, 1usize);
    while len <= LONGEST {
        code <<= 1;
        let first = (code, at);
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == len {
                tables.symbols[at as usize] = symbol as u16;
                fill_short(&mut tables.short, code, symbol as u16, len);
                code += 1;
                at += 1;
            }
            symbol += 1;
        }
        tables.lengths[len] = (first.0, first.1, at - first.1);
        len += 1;
    }
    tables
}

const fn fill_short(short: &mut [(u16, u8); 256], code: u32, symbol: u16, len: usize) {
    if len > 8 {
        return;
    }
    let first = (code as usize) << (8 - len);
    let mut at = 0;
    while at < 1 << (8 - len) {
        short[first + at] = (symbol, len as u8);
        at += 1;
    }
}

/// Appends the text of an encoded string. False when the string is not whole: the text up to there is appended.
pub(crate) fn decode(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let mut bytes = bytes.iter();
    // The next bits, left-aligned; ones behind the last, as the padding has.
    let (mut window, mut left) = (u64::MAX, 0u32);
    loop {
        while left <= 56
            && let Some(byte) = bytes.next()
        {
            let shift = 56 - left;
            window = window & !(0xff << shift) | u64::from(*byte) << shift;
            left += 8;
        }
        let Some((symbol, len)) = symbol(window).filter(|(_, len)| *len <= left) else {
            // Padding: under eight bits, all of them ones (RFC 7541 section 5.2).
            return left < 8 && window == u64::MAX;
        };
        let Ok(byte) = u8::try_from(symbol) else {
            return false;
        };
        out.push(byte);
        window = window << len | ((1 << len) - 1);
        left -= len;
    }
}

/// The symbol whose code a window begins with, and the code's length.
fn symbol(window: u64) -> Option<(u16, u32)> {
    let (symbol, len) = STATIC_TABLES.short[(window >> 56) as usize];
    if len != 0 {
        return Some((symbol, u32::from(len)));
    }
    let long = STATIC_TABLES.lengths.iter().enumerate().skip(9);
    long.map(|(len, entry)| (len as u32, entry))
        .find_map(|(len, &(first, at, count))| {
            let code = (window >> (64 - len)) as u32;
            let nth = code
                .checked_sub(first)
                .filter(|nth| *nth < u32::from(count))?;
            let symbol = STATIC_TABLES.symbols.get(usize::from(at) + nth as usize);
            symbol.map(|symbol| (*symbol, len))
        })
}

// Everything above relies on the lengths filling the code exactly (Kraft's equality); EOS is its last word.
const _: () = assert!(TABLES.symbols[SYMBOLS - 1] == EOS);
const _: () = assert!(TABLES.lengths[LONGEST].0 + TABLES.lengths[LONGEST].2 as u32 == 1 << LONGEST);

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Encodes by the same table, bit by bit.
    pub(crate) fn encode(text: &[u8]) -> Vec<u8> {
        let mut bits = Vec::new();
        for symbol in text {
            let len = LENGTHS[usize::from(*symbol)] as usize;
            let (first, at, _) = TABLES.lengths[len];
            let nth = TABLES.symbols[usize::from(at)..]
                .iter()
                .position(|found| *found == u16::from(*symbol))
                .unwrap();
            let code = first + nth as u32;
            bits.extend((0..len).rev().map(|bit| code >> bit & 1 == 1));
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        bits.chunks(8)
            .map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit)))
            .collect()
    }

    fn decoded(bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let whole = decode(bytes, &mut out);
        (out, whole)
    }

    #[test]
    fn codes_of_the_appendix() {
        // RFC 7541 C.4.1 and Appendix B: '0' is 00000, 'X' 11111100, 0x0a 30 bits.
        let bytes = [
            0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
        ];
        assert_eq!(decoded(&bytes), (b"www.example.com".to_vec(), true));
        assert_eq!(encode(b"0"), [0b0000_0111]);
        assert_eq!(encode(b"X"), [0xfc]);
        assert_eq!(encode(b"\n"), [0xff, 0xff, 0xff, 0xf3]);
    }

    #[test]
    fn padding_is_short_and_ones() {
        assert_eq!(decoded(&[]), (vec![], true));
        assert_eq!(decoded(&[0b0000_0111]), (b"0".to_vec(), true));
        assert!(!decoded(&[0b0000_0110]).1);
        assert!(!decoded(&[0xff]).1, "eight bits of padding");
        assert!(!decoded(&[0xff; 4]).1, "EOS");
    }

    proptest! {
        #[test]
        fn decodes_what_it_encodes(text in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(decoded(&encode(&text)), (text, true));
        }
    }
}
