//! One item of a MessagePack or CBOR text: a scalar, or the head of something that has items inside.

use minicbor::Decoder;
use minicbor::data::Type;
use rmp::Marker;

use crate::base::Cursor;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    MessagePack,
    Cbor,
}

/// An item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Null,
    Undefined,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    /// -1 minus the number, which is less than any `i64`.
    Negative(u64),
    Float(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// An array of so many elements, or up to the break.
    Array(Option<u64>),
    /// A map of so many pairs, or up to the break.
    Map(Option<u64>),
    /// Pieces of text up to the break.
    Texts,
    /// Pieces of bytes up to the break.
    Pieces,
    /// A tag on the value behind it.
    Tag(u64),
    /// A simple value without a meaning here.
    Simple(u8),
    /// A MessagePack extension of this type.
    Extension(i8, &'a [u8]),
    Break,
}

impl Format {
    /// The item at a position, and where the next one is.
    pub(crate) fn token(self, bytes: &[u8], at: usize) -> Option<(Token<'_>, usize)> {
        let rest = bytes.get(at..)?;
        let (token, len) = match self {
            Format::MessagePack => message_pack(rest)?,
            Format::Cbor => cbor(rest)?,
        };
        Some((token, at + len))
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Format::MessagePack => "MessagePack",
            Format::Cbor => "CBOR",
        }
    }
}

fn message_pack(bytes: &[u8]) -> Option<(Token<'_>, usize)> {
    let mut cursor = Cursor::new(bytes);
    let c = &mut cursor;
    let token = match Marker::from_u8(c.u8()?) {
        Marker::FixPos(value) => Token::Unsigned(value.into()),
        Marker::FixNeg(value) => Token::Signed(value.into()),
        Marker::Null => Token::Null,
        Marker::True => Token::Bool(true),
        Marker::False => Token::Bool(false),
        Marker::U8 => Token::Unsigned(c.u8()?.into()),
        Marker::U16 => Token::Unsigned(c.u16()?.into()),
        Marker::U32 => Token::Unsigned(c.u32()?.into()),
        Marker::U64 => Token::Unsigned(c.u64()?),
        Marker::I8 => Token::Signed(i8::from_be_bytes(c.array()?).into()),
        Marker::I16 => Token::Signed(i16::from_be_bytes(c.array()?).into()),
        Marker::I32 => Token::Signed(i32::from_be_bytes(c.array()?).into()),
        Marker::I64 => Token::Signed(i64::from_be_bytes(c.array()?)),
        Marker::F32 => Token::Float(f32::from_be_bytes(c.array()?).into()),
        Marker::F64 => Token::Float(f64::from_be_bytes(c.array()?)),
        Marker::FixStr(len) => Token::Text(c.take(len.into())?),
        Marker::Str8 => Token::Text(sized(c, 1)?),
        Marker::Str16 => Token::Text(sized(c, 2)?),
        Marker::Str32 => Token::Text(sized(c, 4)?),
        Marker::Bin8 => Token::Bytes(sized(c, 1)?),
        Marker::Bin16 => Token::Bytes(sized(c, 2)?),
        Marker::Bin32 => Token::Bytes(sized(c, 4)?),
        Marker::FixArray(len) => Token::Array(Some(len.into())),
        Marker::Array16 => Token::Array(Some(c.u16()?.into())),
        Marker::Array32 => Token::Array(Some(c.u32()?.into())),
        Marker::FixMap(len) => Token::Map(Some(len.into())),
        Marker::Map16 => Token::Map(Some(c.u16()?.into())),
        Marker::Map32 => Token::Map(Some(c.u32()?.into())),
        Marker::FixExt1 => extension(c, 1)?,
        Marker::FixExt2 => extension(c, 2)?,
        Marker::FixExt4 => extension(c, 4)?,
        Marker::FixExt8 => extension(c, 8)?,
        Marker::FixExt16 => extension(c, 16)?,
        Marker::Ext8 => {
            let len = c.u8()?.into();
            extension(c, len)?
        }
        Marker::Ext16 => {
            let len = c.u16()?.into();
            extension(c, len)?
        }
        Marker::Ext32 => {
            let len = usize::try_from(c.u32()?).ok()?;
            extension(c, len)?
        }
        Marker::Reserved => return None,
    };
    Some((token, cursor.at()))
}

/// Bytes with a length of so many bytes in front.
fn sized<'a>(cursor: &mut Cursor<'a>, width: usize) -> Option<&'a [u8]> {
    let len = cursor.take(width)?;
    let len = len
        .iter()
        .fold(0_u64, |len, byte| len << 8 | u64::from(*byte));
    cursor.take(usize::try_from(len).ok()?)
}

fn extension<'a>(cursor: &mut Cursor<'a>, len: usize) -> Option<Token<'a>> {
    let kind = i8::from_be_bytes(cursor.array()?);
    Some(Token::Extension(kind, cursor.take(len)?))
}

fn cbor(bytes: &[u8]) -> Option<(Token<'_>, usize)> {
    let mut decoder = Decoder::new(bytes);
    let d = &mut decoder;
    let token = match d.datatype().ok()? {
        Type::Null => d.null().ok().map(|()| Token::Null)?,
        Type::Undefined => d.undefined().ok().map(|()| Token::Undefined)?,
        Type::Bool => Token::Bool(d.bool().ok()?),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => Token::Unsigned(d.u64().ok()?),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => Token::Signed(d.i64().ok()?),
        Type::Int => negative(d.int().ok()?.into()),
        Type::F16 => {
            let half = bytes.get(1..3)?.try_into().ok()?;
            d.set_position(3);
            Token::Float(half_float(u16::from_be_bytes(half)))
        }
        Type::F32 => Token::Float(d.f32().ok()?.into()),
        Type::F64 => Token::Float(d.f64().ok()?),
        // What has a byte of its own is not written in two (RFC 8949, 3.3).
        Type::Simple if matches!(bytes, [0xf8, ..32, ..]) => return None,
        Type::Simple => Token::Simple(d.simple().ok()?),
        Type::Bytes => Token::Bytes(d.bytes().ok()?),
        Type::String => Token::Text(d.str().ok()?.as_bytes()),
        Type::Array => Token::Array(Some(d.array().ok()??)),
        Type::Map => Token::Map(Some(d.map().ok()??)),
        Type::Tag => Token::Tag(d.tag().ok()?.as_u64()),
        Type::BytesIndef => one(d, Token::Pieces),
        Type::StringIndef => one(d, Token::Texts),
        Type::ArrayIndef => one(d, Token::Array(None)),
        Type::MapIndef => one(d, Token::Map(None)),
        Type::Break => one(d, Token::Break),
        Type::Unknown(_) => return None,
    };
    Some((token, decoder.position()))
}

/// An item that is one byte.
fn one<'a>(decoder: &mut Decoder<'_>, token: Token<'a>) -> Token<'a> {
    decoder.set_position(1);
    token
}

/// A number beyond the range of `i64`.
fn negative(value: i128) -> Token<'static> {
    match i64::try_from(value) {
        Ok(value) => Token::Signed(value),
        Err(_) => Token::Negative(u64::try_from(-1 - value).unwrap_or(u64::MAX)),
    }
}

/// Half a float (RFC 8949, appendix D).
fn half_float(bits: u16) -> f64 {
    let exponent = i32::from(bits >> 10 & 0x1f);
    let mantissa = f64::from(bits & 0x3ff);
    let value = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}
