//! A value inside bytes, read where it is asked for.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::DEPTH;
use super::token::{Format, Token};

/// A value: the bytes it stands in, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    format: Format,
    bytes: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Packed<'a> {
    /// The value that bytes begin with, and what follows it; `None` where none does.
    pub(crate) fn first(format: Format, bytes: &'a [u8]) -> Option<(Packed<'a>, &'a [u8])> {
        let end = skip(format, bytes, 0)?;
        let value = Packed {
            format,
            bytes,
            start: 0,
            end,
        };
        Some((value, bytes.get(end..)?))
    }

    /// The value that bytes are.
    pub(crate) fn whole(format: Format, bytes: &'a [u8]) -> Option<Packed<'a>> {
        let (value, rest) = Packed::first(format, bytes)?;
        rest.is_empty().then_some(value)
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The value as it is written.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Its first item.
    pub(crate) fn token(&self) -> Token<'a> {
        self.item().map_or(Token::Undefined, |(token, _)| token)
    }

    fn item(&self) -> Option<(Token<'a>, usize)> {
        self.format.token(self.bytes, self.start)
    }

    /// The value without the tags around it.
    pub(crate) fn untagged(mut self) -> Packed<'a> {
        while let Some((Token::Tag(_), inside)) = self.item() {
            self.start = inside;
        }
        self
    }

    /// Whether it has values inside.
    pub(crate) fn is_container(&self) -> bool {
        matches!(self.token(), Token::Array(_) | Token::Map(_))
    }

    pub(crate) fn is_array(&self) -> bool {
        matches!(self.token(), Token::Array(_))
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.token(), Token::Map(_))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.token(), Token::Null | Token::Undefined)
    }

    /// Text; what is no UTF-8 in it is replaced.
    pub(crate) fn text(&self) -> Option<Cow<'a, str>> {
        match self.untagged().token() {
            Token::Text(text) => Some(String::from_utf8_lossy(text)),
            Token::Texts => {
                let pieces: Vec<u8> = self.pieces();
                Some(Cow::Owned(String::from_utf8_lossy(&pieces).into_owned()))
            }
            _ => None,
        }
    }

    /// Bytes.
    pub(crate) fn byte_string(&self) -> Option<Cow<'a, [u8]>> {
        match self.untagged().token() {
            Token::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
            Token::Pieces => Some(Cow::Owned(self.pieces())),
            _ => None,
        }
    }

    fn pieces(&self) -> Vec<u8> {
        let pieces = self.untagged().inside().map(|piece| match piece.token() {
            Token::Text(bytes) | Token::Bytes(bytes) => bytes,
            _ => &[],
        });
        pieces.flatten().copied().collect()
    }

    /// A number that is whole and not negative.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        match self.token() {
            Token::Unsigned(number) => Some(number),
            Token::Signed(number) => u64::try_from(number).ok(),
            // JavaScript's encoders write large whole numbers as floats.
            Token::Float(number) if (0.0..9e15).contains(&number) && number.fract() == 0.0 => {
                Some(number as u64)
            }
            _ => None,
        }
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        match self.token() {
            Token::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    /// The elements of an array; none of anything else.
    pub(crate) fn elements(&self) -> impl Iterator<Item = Packed<'a>> + use<'a> {
        let is_array = self.is_array();
        self.inside().take_while(move |_| is_array)
    }

    /// The element at this position, from 0.
    pub(crate) fn at(&self, index: usize) -> Option<Packed<'a>> {
        self.elements().nth(index)
    }

    /// The pairs of a map in their order; none of anything else.
    pub(crate) fn members(&self) -> impl Iterator<Item = (Packed<'a>, Packed<'a>)> + use<'a> {
        let mut inside = self.inside();
        let is_map = self.is_map();
        std::iter::from_fn(move || match is_map {
            true => Some((inside.next()?, inside.next()?)),
            false => None,
        })
    }

    /// The value of this key, where it is text; of several the last.
    pub(crate) fn get(&self, key: &str) -> Option<Packed<'a>> {
        self.members()
            .filter_map(|(name, value)| (name.text()? == key).then_some(value))
            .last()
    }

    /// What is inside, whatever it is, pairs one after the other.
    fn inside(&self) -> Inside<'a> {
        let (token, at) = self.item().unwrap_or((Token::Null, self.end));
        let left = match token {
            Token::Array(Some(count)) => count,
            Token::Map(Some(count)) => count.saturating_mul(2),
            Token::Array(None) | Token::Map(None) | Token::Texts | Token::Pieces => u64::MAX,
            Token::Tag(_) => 1,
            _ => 0,
        };
        Inside {
            format: self.format,
            bytes: self.bytes,
            at,
            left,
        }
    }

    /// The value inside a tag.
    pub(crate) fn tagged(&self) -> Option<Packed<'a>> {
        match self.token() {
            Token::Tag(_) => self.inside().next(),
            _ => None,
        }
    }
}

/// Goes from value to value.
#[derive(Clone, Debug)]
struct Inside<'a> {
    format: Format,
    bytes: &'a [u8],
    at: usize,
    left: u64,
}

impl<'a> Iterator for Inside<'a> {
    type Item = Packed<'a>;

    fn next(&mut self) -> Option<Packed<'a>> {
        self.left = self.left.checked_sub(1)?;
        let start = self.at;
        let end = skip(self.format, self.bytes, start)?;
        self.at = end;
        Some(Packed {
            format: self.format,
            bytes: self.bytes,
            start,
            end,
        })
    }
}

/// What is open while a value is walked.
#[derive(Clone, Copy, Debug)]
enum Open {
    /// So many values more.
    Count(u64),
    /// Values up to a break.
    Break { has_pairs: bool, is_odd: bool },
    /// Pieces of text or bytes up to a break.
    Pieces { are_text: bool },
}

/// Where the value ends that begins at `at`; `None` where it is cut, broken or too deep.
fn skip(format: Format, bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut open: SmallVec<[Open; 16]> = SmallVec::new();
    loop {
        let (token, next) = format.token(bytes, at)?;
        at = next;
        let left = (bytes.len() - at) as u64;
        let inside = match token {
            // A break ends what is open, and is a value of nothing.
            Token::Break => match open.pop()? {
                Open::Count(_) | Open::Break { is_odd: true, .. } => return None,
                Open::Break { .. } | Open::Pieces { .. } => None,
            },
            Token::Array(Some(count)) => (count > 0).then_some(Open::Count(count)),
            Token::Map(Some(count)) => (count > 0).then_some(Open::Count(count.saturating_mul(2))),
            Token::Array(None) | Token::Map(None) => Some(Open::Break {
                has_pairs: token == Token::Map(None),
                is_odd: false,
            }),
            Token::Texts | Token::Pieces => Some(Open::Pieces {
                are_text: token == Token::Texts,
            }),
            Token::Tag(_) => Some(Open::Count(1)),
            token => {
                let is_text = matches!(token, Token::Text(_));
                let is_piece = is_text || matches!(token, Token::Bytes(_));
                match open.last() {
                    Some(Open::Pieces { are_text }) if !is_piece || *are_text != is_text => {
                        return None;
                    }
                    _ => None,
                }
            }
        };
        if let Some(inside) = inside {
            let is_in_pieces = matches!(open.last(), Some(Open::Pieces { .. }));
            // Every value has a byte at least.
            let is_cut = matches!(inside, Open::Count(count) if count > left);
            if is_in_pieces || is_cut || open.len() >= DEPTH {
                return None;
            }
            open.push(inside);
            continue;
        }
        if close(&mut open) {
            return Some(at);
        }
    }
}

/// A value ended; whether it was the outermost.
fn close(open: &mut SmallVec<[Open; 16]>) -> bool {
    loop {
        match open.last_mut() {
            None => return true,
            Some(Open::Count(left)) => {
                *left -= 1;
                if *left > 0 {
                    return false;
                }
                open.pop();
            }
            Some(Open::Break { has_pairs, is_odd }) => {
                *is_odd = *has_pairs && !*is_odd;
                return false;
            }
            Some(Open::Pieces { .. }) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Format, hex: &str) -> String {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        Packed::whole(format, &bytes).map_or("none".to_owned(), |value| value.json())
    }

    #[test]
    fn message_pack_is_read() {
        for (hex, json) in [
            (
                "9420ce2a8c69f180b2636f6d2e6d796170702e6d79746f70696331",
                r#"[32,713845233,{},"com.myapp.mytopic1"]"#,
            ),
            ("82a161c3a162c0", r#"{"a":true,"b":null}"#),
            ("93ccffd1ff00e0", "[255,-256,-32]"),
            ("92ca3fc00000cb3ff8000000000000", "[1.5,1.5]"),
            ("92d90161da000162", r#"["a","b"]"#),
            ("91c4020102", r#"["h'0102'"]"#),
            ("91d6ff00000000", r#"["1970-01-01T00:00:00Z"]"#),
            ("91d40510", r#"[{"type":5,"data":"h'10'"}]"#),
            ("8101a178", r#"{"1":"x"}"#),
            ("91cfffffffffffffffff", "[18446744073709551615]"),
            ("91d38000000000000000", "[-9223372036854775808]"),
            ("91cb7ff0000000000000", r#"["Infinity"]"#),
            ("91a1ff", "[\"\u{fffd}\"]"),
        ] {
            assert_eq!(read(Format::MessagePack, hex), json, "{hex}");
        }
        for hex in [
            "",
            "c1",
            "91",
            "92c0",
            "81a161",
            "91c0c0",
            "dd7fffffff",
            "dfffffffff",
            "d9",
            "c4ff00",
        ] {
            assert_eq!(read(Format::MessagePack, hex), "none", "{hex}");
        }
    }

    #[test]
    fn examples_of_the_cbor_standard() {
        for (hex, json) in [
            (
                "8418201a2a8c69f1a072636f6d2e6d796170702e6d79746f70696331",
                r#"[32,713845233,{},"com.myapp.mytopic1"]"#,
            ),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("c249010000000000000000", "18446744073709551616"),
            ("c349010000000000000000", "-18446744073709551617"),
            ("f93c00", "1.0"),
            ("f97bff", "65504.0"),
            ("f90001", "5.960464477539063e-8"),
            ("f9fc00", "\"-Infinity\""),
            ("fa47c35000", "100000.0"),
            ("fb7e37e43c8800759c", "1e300"),
            ("f4", "false"),
            ("f7", "null"),
            ("f0", "\"simple(16)\""),
            (
                "c074323031332d30332d32315432303a30343a30305a",
                r#""2013-03-21T20:04:00Z""#,
            ),
            ("5f42010243030405ff", "\"h'0102030405'\""),
            ("7f657374726561646d696e67ff", r#""streaming""#),
            ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
            ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
            ("d9d9f7a1616101", r#"{"a":1}"#),
        ] {
            assert_eq!(read(Format::Cbor, hex), json, "{hex}");
        }
        for hex in [
            "",
            "18",
            "9f01",
            "bf6161ff",
            "ff",
            "5f01ff",
            "7f4101ff",
            "9bffffffffffffffff",
            "61ff",
            "a1",
            "1c",
            "c0",
            "f800",
        ] {
            assert_eq!(read(Format::Cbor, hex), "none", "{hex}");
        }
    }

    #[test]
    fn depth_and_breadth_are_bounded() {
        let deep = [vec![0x91; 100_000], vec![0xc0]].concat();
        assert!(Packed::whole(Format::MessagePack, &deep).is_none());
        let deep = [vec![0x81; 100_000], vec![0x01]].concat();
        assert!(Packed::whole(Format::Cbor, &deep).is_none());
        let fits = [vec![0x91; 128], vec![0xc0]].concat();
        assert!(Packed::whole(Format::MessagePack, &fits).is_some());
        let mut wide = vec![0xdd, 0, 0x10, 0, 0];
        wide.extend(vec![0x90; 1 << 20]);
        let value = Packed::whole(Format::MessagePack, &wide).unwrap();
        assert_eq!(value.elements().count(), 1 << 20);
        let json = value.json();
        assert!(json.len() <= 3 << 20 && serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn values_are_found_by_key_and_place() {
        let bytes = hex::decode("83a161930102a161a162cb4330000000000000a16105").unwrap();
        let value = Packed::whole(Format::MessagePack, &bytes).unwrap();
        assert_eq!(value.get("a").and_then(|value| value.unsigned()), Some(5));
        assert_eq!(
            value.get("b").and_then(|value| value.unsigned()),
            Some(1 << 52)
        );
        let first = value.members().next().unwrap().1;
        assert_eq!(first.at(2).unwrap().text().as_deref(), Some("a"));
        assert_eq!(first.raw(), [0x93, 1, 2, 0xa1, 0x61]);
        assert_eq!(first.at(3).map(|value| value.token()), None);
    }
}
