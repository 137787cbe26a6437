//! How many bytes the data of a rectangle has: enough of each encoding to find its end, and no more.

use crate::base::Cursor;

/// How pixels are written, as far as lengths depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixels {
    /// Bytes of a pixel.
    pub(super) width: u64,
    /// Bytes of a pixel in the Tight encoding.
    pub(super) tight: u64,
}

impl Default for Pixels {
    /// What nearly every client asks for.
    fn default() -> Self {
        Self { width: 4, tight: 3 }
    }
}

impl Pixels {
    /// Reads the sixteen bytes of a pixel format (RFC 6143 7.4).
    pub(super) fn read(format: &[u8]) -> Option<Pixels> {
        let mut cursor = Cursor::new(format);
        let (bits, depth) = (cursor.u8()?, cursor.u8()?);
        cursor.skip(2)?;
        let maxima = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
        let width = match bits {
            8 => 1,
            16 => 2,
            32 => 4,
            _ => return None,
        };
        let is_packed = width == 4 && depth == 24 && maxima == [255; 3];
        Some(Pixels {
            width,
            tight: if is_packed { 3 } else { width },
        })
    }
}

/// How long the data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Len(u64),
    /// What says it is not all there.
    More,
    /// Nobody knows.
    Unknown,
}

/// The length of the data that bytes begin with.
pub(super) fn data(encoding: i32, (w, h): (u16, u16), bytes: &[u8], pixels: Pixels) -> Data {
    let area = u64::from(w) * u64::from(h);
    let mask = u64::from(w).div_ceil(8) * u64::from(h);
    let Pixels { width, .. } = pixels;
    let len = match encoding {
        0 => Some(area * width),
        1 => Some(4),
        2 => count(bytes).map(|count| 4 + width + count * (width + 8)),
        4 => count(bytes).map(|count| 4 + width + count * (width + 4)),
        5 => hextile(w, h, bytes, width),
        6 | 16 | -307 => count(bytes).map(|len| 4 + len),
        7 | -260 => return tight(u64::from(w), u64::from(h), bytes, pixels),
        50 => count(bytes).map(|len| 8 + len),
        -239 => Some(area * width + mask),
        -240 => Some(if area == 0 { 0 } else { 6 + 2 * mask }),
        -261 => Some(1),
        -308 => bytes.first().map(|count| 4 + 16 * u64::from(*count)),
        -314 => return alpha((w, h), bytes),
        0x574d_5664 => bytes.first().map(|kind| match kind {
            0 => 2 + area * width * 2,
            _ => 2 + area * 4,
        }),
        // What has no data.
        -223 | -224 | -232 | -259..=-257 | -316 => Some(0),
        _ => return Data::Unknown,
    };
    len.map_or(Data::More, Data::Len)
}

/// A length or a count of four bytes.
fn count(bytes: &[u8]) -> Option<u64> {
    Cursor::new(bytes).u32().map(u64::from)
}

/// A cursor with alpha: another encoding, whose pixels have four bytes.
fn alpha(size: (u16, u16), bytes: &[u8]) -> Data {
    let Some((encoding, rest)) = bytes.split_first_chunk::<4>() else {
        return Data::More;
    };
    let encoding = i32::from_be_bytes(*encoding);
    if encoding == -314 {
        return Data::Unknown;
    }
    match data(encoding, size, rest, Pixels { width: 4, tight: 4 }) {
        Data::Len(len) => Data::Len(4 + len),
        other => other,
    }
}

/// Tiles of 16 by 16 pixels, each as long as its first byte says (RFC 6143 7.7.4).
fn hextile(w: u16, h: u16, bytes: &[u8], width: u64) -> Option<u64> {
    let mut at = 0_u64;
    for top in (0..h).step_by(16) {
        for left in (0..w).step_by(16) {
            let tile = u64::from((w - left).min(16)) * u64::from((h - top).min(16));
            let byte = |at: u64| bytes.get(usize::try_from(at).ok()?).copied();
            let kind = byte(at)?;
            at += 1;
            if kind & 1 != 0 {
                at += tile * width;
                continue;
            }
            at += if kind & 2 != 0 { width } else { 0 };
            at += if kind & 4 != 0 { width } else { 0 };
            if kind & 8 != 0 {
                let count = u64::from(byte(at)?);
                let colour = if kind & 16 != 0 { width } else { 0 };
                at += 1 + count * (2 + colour);
            }
        }
    }
    Some(at)
}

/// A control byte, then a colour, a compressed image, or a filter and compressed pixels (rfbproto, Tight Encoding).
fn tight(w: u64, h: u64, bytes: &[u8], pixels: Pixels) -> Data {
    let mut cursor = Cursor::new(bytes);
    match tight_len(w, h, &mut cursor, pixels.tight) {
        Some(Some(len)) => Data::Len(len),
        Some(None) => Data::Unknown,
        None => Data::More,
    }
}

/// `None` where more is needed, `Some(None)` where nobody knows.
fn tight_len(w: u64, h: u64, cursor: &mut Cursor<'_>, pixel: u64) -> Option<Option<u64>> {
    let control = cursor.u8()?;
    match control >> 4 {
        8 => return Some(Some(1 + pixel)),
        9 | 10 => {
            let (len, width) = compact(cursor)?;
            return Some(Some(1 + width + len));
        }
        11.. => return Some(None),
        _ => {}
    }
    let filter = match control & 0x40 {
        0 => 0,
        _ => cursor.u8()?,
    };
    let len = match filter {
        0 | 2 => w * h * pixel,
        1 => {
            let colours = u64::from(cursor.u8()?) + 1;
            cursor.skip(usize::try_from(colours * pixel).ok()?)?;
            match colours {
                2 => w.div_ceil(8) * h,
                _ => w * h,
            }
        }
        _ => return Some(None),
    };
    let before = cursor.at() as u64;
    if len < 12 {
        return Some(Some(before + len));
    }
    let (len, width) = compact(cursor)?;
    Some(Some(before + width + len))
}

/// A length of one to three bytes, and how many it has.
fn compact(cursor: &mut Cursor<'_>) -> Option<(u64, u64)> {
    let first = cursor.u8()?;
    let mut len = u64::from(first & 0x7f);
    if first & 0x80 == 0 {
        return Some((len, 1));
    }
    let second = cursor.u8()?;
    len |= u64::from(second & 0x7f) << 7;
    if second & 0x80 == 0 {
        return Some((len, 2));
    }
    len |= u64::from(cursor.u8()?) << 14;
    Some((len, 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn len(encoding: i32, size: (u16, u16), hex: &str) -> Data {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        data(encoding, size, &bytes, Pixels::default())
    }

    #[test]
    fn every_encoding_says_its_length() {
        for (encoding, size, hex, expected) in [
            (0, (2, 3), "", Data::Len(24)),
            (1, (2, 3), "", Data::Len(4)),
            (2, (2, 3), "00000002", Data::Len(4 + 4 + 24)),
            (2, (2, 3), "0000", Data::More),
            (5, (17, 1), "01 0000", Data::More),
            (5, (16, 16), "06", Data::Len(9)),
            (5, (16, 16), "18 02", Data::Len(14)),
            (5, (16, 16), "08 02", Data::Len(6)),
            (7, (64, 48), "80 000000", Data::Len(4)),
            (7, (64, 48), "90 8180 01", Data::Len(4 + 16_385)),
            (7, (64, 48), "00 05", Data::Len(7)),
            (7, (1, 1), "00", Data::Len(4)),
            (7, (9, 3), "40 01 01 000000 ffffff", Data::Len(3 + 6 + 6)),
            (7, (9, 3), "40 01 01 0000", Data::More),
            (7, (9, 3), "40 07", Data::Unknown),
            (7, (9, 3), "f0", Data::Unknown),
            (16, (9, 3), "000000ff", Data::Len(259)),
            (-239, (9, 3), "", Data::Len(9 * 3 * 4 + 6)),
            (-308, (9, 3), "01", Data::Len(20)),
            (-224, (0, 0), "", Data::Len(0)),
            (-314, (1, 1), "00000000", Data::Len(8)),
            (0x574d_5664, (1, 1), "01", Data::Len(6)),
            (99, (1, 1), "", Data::Unknown),
        ] {
            assert_eq!(len(encoding, size, hex), expected, "{encoding} {hex}");
        }
    }
}
