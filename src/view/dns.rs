//! The question of a DNS message in a few words (RFC 1035 section 4.1).

use std::net::IpAddr;

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

/// The addresses that an answer gives for the name that was asked for, whatever names lead to them.
#[must_use]
pub(super) fn addresses(message: &[u8]) -> Vec<(IpAddr, String)> {
    read_addresses(message).unwrap_or_default()
}

/// Records of one answer that are read.
const RECORDS: u16 = 64;

fn read_addresses(message: &[u8]) -> Option<Vec<(IpAddr, String)>> {
    let mut cursor = Cursor::new(message);
    cursor.skip(2)?;
    let flags = cursor.u16()?;
    let (questions, answers) = (cursor.u16()?, cursor.u16()?);
    cursor.skip(4)?;
    // An answer without an error; multicast DNS answers without the question.
    if flags & 0x800f != 0x8000 || questions > 1 {
        return None;
    }
    let mut asked = None;
    if questions == 1 {
        asked = Some(raw_name(message, &mut cursor)?);
        cursor.skip(4)?;
    }
    let mut found = Vec::new();
    for _ in 0..answers.min(RECORDS) {
        let Some(owner) = raw_name(message, &mut cursor) else {
            break;
        };
        let (Some(kind), Some(_), Some(_)) = (cursor.u16(), cursor.u16(), cursor.skip(4)) else {
            break;
        };
        let Some(value) = cursor.u16().and_then(|len| cursor.take(len.into())) else {
            break;
        };
        let address = match (kind, value.len()) {
            (1, 4) => value.first_chunk::<4>().map(|raw| IpAddr::from(*raw)),
            (28, 16) => value.first_chunk::<16>().map(|raw| IpAddr::from(*raw)),
            _ => None,
        };
        let name = asked.as_ref().unwrap_or(&owner);
        if let (Some(address), false) = (address, name.is_empty()) {
            found.push((address, String::from_utf8_lossy(name).into_owned()));
        }
    }
    Some(found)
}

/// A name that may go on elsewhere in the message (RFC 1035 section 4.1.4).
fn raw_name<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Option<Vec<u8>> {
    /// Pointers followed in one name; they only go back, but that is not trusted.
    const JUMPS: usize = 32;
    let mut name = Vec::new();
    let mut elsewhere: Option<Cursor<'a>> = None;
    for _ in 0..JUMPS {
        let cursor = elsewhere.as_mut().unwrap_or(cursor);
        loop {
            let len = usize::from(cursor.u8()?);
            match len {
                0 => return Some(name),
                0xc0.. => {
                    let at = (len & 0x3f) << 8 | usize::from(cursor.u8()?);
                    elsewhere = Some(Cursor::new(message.get(at..)?));
                    break;
                }
                1..=63 if name.len() + len < NAME => {}
                _ => return None,
            }
            if !name.is_empty() {
                name.push(b'.');
            }
            name.extend_from_slice(cursor.take(len)?);
        }
    }
    None
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
    fn addresses_have_the_name_that_was_asked_for() {
        // chat.example is an alias of a.cdn, which has an address of each kind.
        let mut answer =
            b"\x12\x34\x81\x80\0\x01\0\x03\0\0\0\0\x04chat\x07example\0\0\x01\0\x01".to_vec();
        answer.extend(b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x07\x01a\x03cdn\0");
        answer.extend(b"\xc0\x2a\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x01");
        answer.extend(b"\xc0\x2a\0\x1c\0\x01\0\0\0\x3c\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
        let all: Vec<_> = addresses(&answer)
            .into_iter()
            .map(|(address, name)| format!("{address} {name}"))
            .collect();
        assert_eq!(all, ["10.0.0.1 chat.example", "::1 chat.example"]);
        for len in 0..answer.len() {
            assert!(addresses(&answer[..len]).len() < 2);
        }
        // An error, a question, and a name that points to itself have none.
        let mut other = answer.clone();
        other[3] = 0x83;
        assert_eq!(addresses(&other), []);
        other = answer.clone();
        other[2] = 0x01;
        assert_eq!(addresses(&other), []);
        other = answer;
        other[12] = 0xc0;
        other[13] = 0x0c;
        assert_eq!(addresses(&other), []);
    }

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
