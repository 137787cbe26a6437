//! The fields of a message, one after the other (protobuf.dev, Encoding).

/// What a field has on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    /// Text, bytes, a message, or numbers packed together.
    Delimited(&'a [u8]),
    Fixed32([u8; 4]),
}

impl Wire<'_> {
    /// The number of the wire type.
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Wire::Varint(_) => 0,
            Wire::Fixed64(_) => 1,
            Wire::Delimited(_) => 2,
            Wire::Fixed32(_) => 5,
        }
    }
}

/// A field: its number, its value, and its bytes, tag and all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WireField<'a> {
    pub(crate) number: u32,
    pub(crate) value: Wire<'a>,
    pub(crate) raw: &'a [u8],
}

/// Goes from field to field; `Err` once, with what is left, where none begins. Groups, long deprecated, are no fields here.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether bytes are fields from first to last.
    pub(crate) fn are_whole(bytes: &'a [u8]) -> bool {
        Fields::new(bytes).all(|field| field.is_ok())
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<WireField<'a>, &'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.rest);
        let Some((number, value, len)) = field(bytes) else {
            return Some(Err(bytes));
        };
        let (raw, rest) = bytes.split_at(len);
        self.rest = rest;
        Some(Ok(WireField { number, value, raw }))
    }
}

fn field(bytes: &[u8]) -> Option<(u32, Wire<'_>, usize)> {
    let (tag, mut at) = varint(bytes)?;
    let number = u32::try_from(tag >> 3).ok()?;
    // The greatest number is 2^29 - 1.
    if number == 0 || number >= 1 << 29 {
        return None;
    }
    let rest = bytes.get(at..)?;
    let value = match tag & 7 {
        0 => {
            let (value, len) = varint(rest)?;
            at += len;
            Wire::Varint(value)
        }
        1 => {
            at += 8;
            Wire::Fixed64(*rest.first_chunk()?)
        }
        2 => {
            let (len, width) = varint(rest)?;
            let end = width.checked_add(usize::try_from(len).ok()?)?;
            let inside = rest.get(width..end)?;
            at += end;
            Wire::Delimited(inside)
        }
        5 => {
            at += 4;
            Wire::Fixed32(*rest.first_chunk()?)
        }
        _ => return None,
    };
    Some((number, value, at))
}

/// A number of 7 bits a byte, low bits first, and how many bytes it has.
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hex: &str) -> Option<Vec<(u32, u8)>> {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        let fields = Fields::new(&bytes)
            .map(|field| field.ok().map(|field| (field.number, field.value.kind())));
        fields.collect()
    }

    #[test]
    fn fields_of_every_wire_type() {
        assert_eq!(read("089601"), Some(vec![(1, 0)]));
        assert_eq!(
            read("1207 74657374696e67 1d 01000000 21 0100000000000000"),
            Some(vec![(2, 2), (3, 5), (4, 1)])
        );
        assert_eq!(read("08ffffffffffffffffff01"), Some(vec![(1, 0)]));
        assert_eq!(read(""), Some(vec![]));
        for hex in [
            "00",
            "08",
            "0880",
            "1205",
            "0b",
            "0c",
            "0f",
            "08ffffffffffffffffff02",
            "12ffffffffffffffffff01",
            "8080808010",
        ] {
            assert_eq!(read(hex), None, "{hex}");
        }
    }

    #[test]
    fn what_is_behind_the_last_field_is_said_once() {
        let mut fields = Fields::new(&[8, 1, 0xff]);
        assert!(fields.next().unwrap().is_ok());
        assert_eq!(fields.next(), Some(Err(&[0xff][..])));
        assert_eq!(fields.next(), None);
    }
}
