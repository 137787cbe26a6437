//! The wire format of protobuf (protobuf.dev/programming-guides/encoding): fields one after the other, each behind a tag.

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire<'a> {
    /// A number of one to ten bytes.
    Varint(u64),
    /// Bytes, which may be text, a message or packed numbers.
    Bytes(&'a [u8]),
    /// Four bytes.
    Fixed32(u32),
    /// Eight bytes.
    Fixed64(u64),
}

impl<'a> Wire<'a> {
    /// The number of the wire type.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Wire::Varint(_) => 0,
            Wire::Fixed64(_) => 1,
            Wire::Bytes(_) => 2,
            Wire::Fixed32(_) => 5,
        }
    }

    /// The number, where it is one.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Wire::Varint(number) => Some(*number),
            _ => None,
        }
    }

    /// The bytes, where it is bytes.
    pub(crate) fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Wire::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A field with its bytes, tag and all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u64,
    pub(crate) value: Wire<'a>,
    pub(crate) raw: &'a [u8],
}

/// The number at the beginning of bytes, and what is behind it. Seven bits a byte, the lowest first.
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if at == 9 && bits > 1 {
            return None;
        }
        number |= bits << (at * 7);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

/// The fields of a message: their numbers and values, up to what is no field, which `None` at the end says.
pub(crate) fn fields(bytes: &[u8]) -> impl Iterator<Item = Option<(u64, Wire<'_>)>> {
    whole_fields(bytes).map(|field| field.ok().map(|field| (field.number, field.value)))
}

/// The same with their bytes, up to what is no field, which stands at the end.
pub(crate) fn whole_fields(bytes: &[u8]) -> impl Iterator<Item = Result<Field<'_>, &[u8]>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let bytes = std::mem::take(&mut rest);
        if bytes.is_empty() {
            return None;
        }
        let Some((number, value, behind)) = field(bytes) else {
            return Some(Err(bytes));
        };
        rest = behind;
        let raw = bytes.get(..bytes.len() - behind.len()).unwrap_or_default();
        Some(Ok(Field { number, value, raw }))
    })
}

fn field(bytes: &[u8]) -> Option<(u64, Wire<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let number = tag >> 3;
    if number == 0 || number > 0x1fff_ffff {
        return None;
    }
    let (value, rest) = match tag & 7 {
        0 => {
            let (number, rest) = varint(rest)?;
            (Wire::Varint(number), rest)
        }
        1 => {
            let (value, rest) = rest.split_first_chunk::<8>()?;
            (Wire::Fixed64(u64::from_le_bytes(*value)), rest)
        }
        2 => {
            let (len, rest) = varint(rest)?;
            let (value, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
            (Wire::Bytes(value), rest)
        }
        5 => {
            let (value, rest) = rest.split_first_chunk::<4>()?;
            (Wire::Fixed32(u32::from_le_bytes(*value)), rest)
        }
        _ => return None,
    };
    Some((number, value, rest))
}

/// The value of a field of a message; of several the last.
pub(crate) fn get(bytes: &[u8], number: u64) -> Option<Wire<'_>> {
    fields(bytes)
        .flatten()
        .filter_map(|(at, value)| (at == number).then_some(value))
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_one_after_the_other() {
        let bytes = hex::decode("08961a1203616263").unwrap();
        let all: Vec<_> = fields(&bytes).collect();
        assert_eq!(
            all,
            [
                Some((1, Wire::Varint(3350))),
                Some((2, Wire::Bytes(b"abc")))
            ]
        );
        assert_eq!(get(&bytes, 2).unwrap().bytes(), Some(&b"abc"[..]));
        assert_eq!(get(&bytes, 3), None);
        assert_eq!(varint(&[0xff; 9]), None);
        assert_eq!(varint(&[0xff; 10]), None);
        let raw: Vec<_> = whole_fields(&bytes)
            .flatten()
            .map(|field| field.raw)
            .collect();
        assert_eq!(raw, [&bytes[..3], &bytes[3..]]);
        assert_eq!(
            varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Some((u64::MAX, &[][..]))
        );
    }

    #[test]
    fn what_is_no_message_ends() {
        for broken in [
            "00",
            "0a",
            "0aff",
            "0b",
            "0f01",
            "0d0000",
            "80808080808080808080",
        ] {
            let bytes = hex::decode(broken).unwrap();
            assert_eq!(fields(&bytes).last(), Some(None), "{broken}");
        }
        assert_eq!(fields(&[]).count(), 0);
    }
}
