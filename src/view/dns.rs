//! The question of a DNS message in a few words (RFC 1035 section 4.1).

use crate::base::{Cursor, escape};

/// Bytes of a name that are read.
const NAME: usize = 255;

/// `query A example.org`, or `answer A example.org, 2 records`; `None` where it is no such message.
#[must_use]
pub(super) fn line(message: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(message);
    cursor.skip(2)?;
    let flags = cursor.u16()?;
    let questions = cursor.u16()?;
    let answers = cursor.u16()?;
    cursor.skip(4)?;
    let is_answer = flags & 0x8000 != 0;
    if questions == 0 {
        return is_answer.then(|| format!("answer, {answers} records"));
    }
    let name = name(&mut cursor)?;
    let kind = kind(cursor.u16()?);
    Some(match (is_answer, flags & 15) {
        (false, _) => format!("query {kind} {name}"),
        (true, 0) => format!("answer {kind} {name}, {answers} records"),
        (true, 3) => format!("answer {kind} {name}: no such name"),
        (true, code) => format!("answer {kind} {name}: error {code}"),
    })
}

/// A name without pointers, as questions have it.
fn name(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut name = Vec::new();
    loop {
        let len = usize::from(cursor.u8()?);
        if len == 0 {
            break;
        }
        if len > 63 || name.len() + len > NAME {
            return None;
        }
        if !name.is_empty() {
            name.push(b'.');
        }
        name.extend_from_slice(cursor.take(len)?);
    }
    Some(escape::text(&name))
}

fn kind(number: u16) -> String {
    match number {
        1 => "A".to_owned(),
        5 => "CNAME".to_owned(),
        12 => "PTR".to_owned(),
        15 => "MX".to_owned(),
        16 => "TXT".to_owned(),
        28 => "AAAA".to_owned(),
        33 => "SRV".to_owned(),
        65 => "HTTPS".to_owned(),
        255 => "any".to_owned(),
        number => format!("type {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told() {
        let mut query =
            b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x1c\0\x01".to_vec();
        assert_eq!(line(&query).unwrap(), "query AAAA example.org");
        query[2] = 0x81;
        query[3] = 3;
        assert_eq!(
            line(&query).unwrap(),
            "answer AAAA example.org: no such name"
        );
        for len in 0..query.len() - 2 {
            assert_eq!(line(&query[..len]), None);
        }
    }
}
