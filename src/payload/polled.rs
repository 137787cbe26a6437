//! What an Engine.IO session said over HTTP before its WebSocket took over (engine.io-protocol, "HTTP long-polling").
//!
//! A body holds several packets: version 4 puts `1e` between them and writes binary ones as `b` and base64; version 3
//! writes each one's length in UTF-16 units in front of it, or, where binary is sent as it is, a byte for its kind, the digits
//! of its length as bytes, and `ff`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::json::Json;
use super::message::Kind;
use crate::base::{Side, Timestamp};

/// Packets kept of a session.
const PACKETS: usize = 256;
/// Their bytes.
const BYTES: usize = 64 << 10;
/// Between the packets of a body, in version 4.
const SEPARATOR: u8 = 0x1e;
/// Ends the length of a packet, in version 3 with binary packets.
const LENGTH_END: u8 = 0xff;

/// The packets of a session in the order of their bodies, the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    packets: Vec<PolledPacket>,
    bytes: usize,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledPacket {
    /// Who sent it.
    pub from: Side,
    /// When its body was complete.
    pub time: Timestamp,
    /// Whether it came as text.
    pub kind: Kind,
    /// The packet.
    pub bytes: Box<[u8]>,
}

impl Polled {
    /// Takes the packets of a body in this version of the protocol.
    pub fn push(&mut self, from: Side, time: Timestamp, version: u8, body: &[u8]) {
        for (kind, bytes) in packets(version, body) {
            if self.packets.len() >= PACKETS || self.bytes + bytes.len() > BYTES {
                return;
            }
            self.bytes += bytes.len();
            self.packets.push(PolledPacket {
                from,
                time,
                kind,
                bytes: bytes.into(),
            });
        }
    }

    /// The packets.
    #[must_use]
    pub fn packets(&self) -> &[PolledPacket] {
        &self.packets
    }

    /// Bytes it keeps beyond itself.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.packets.capacity() * size_of::<PolledPacket>() + self.bytes
    }
}

/// The id of the session that a body opens: its first packet is `0` and an object with `sid`.
#[must_use]
pub fn opened_session(version: u8, body: &[u8]) -> Option<Box<str>> {
    let (_, packet) = packets(version, body).next()?;
    let data = std::str::from_utf8(&packet).ok()?.strip_prefix('0')?;
    Some(Json::object(data)?.text_of("sid")?.into())
}

type Packet = (Kind, Vec<u8>);

/// The packets of a body, up to the first that is none.
fn packets(version: u8, body: &[u8]) -> Box<dyn Iterator<Item = Packet> + '_> {
    let mut rest = body;
    match (version, body.first()) {
        (4.., Some(_)) => Box::new(body.split(|byte| *byte == SEPARATOR).map_while(separated)),
        (_, Some(0 | 1)) => Box::new(std::iter::from_fn(move || binary_framed(&mut rest))),
        (_, Some(_)) => Box::new(std::iter::from_fn(move || text_framed(&mut rest))),
        (_, None) => Box::new(std::iter::empty()),
    }
}

fn separated(packet: &[u8]) -> Option<Packet> {
    match packet.strip_prefix(b"b") {
        Some(base64) => Some((Kind::Binary, BASE64_STANDARD.decode(base64).ok()?)),
        None => std::str::from_utf8(packet)
            .ok()
            .map(|text| (Kind::Text, text.into())),
    }
}

/// `<length>:<packet>`.
fn text_framed(rest: &mut &[u8]) -> Option<Packet> {
    let text = std::str::from_utf8(rest).ok()?;
    let (len, text) = text.split_once(':')?;
    let end = after_units(text, len.parse().ok()?)?;
    let (packet, after) = text.split_at_checked(end)?;
    *rest = after.as_bytes();
    Some((Kind::Text, packet.into()))
}

/// The position behind this many UTF-16 units.
fn after_units(text: &str, units: usize) -> Option<usize> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(character.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}

/// `00` or `01`, the digits of the length as bytes, `ff`, and the packet.
fn binary_framed(rest: &mut &[u8]) -> Option<Packet> {
    let (kind, after) = rest.split_first()?;
    let digits = after.iter().take_while(|byte| **byte != LENGTH_END).count();
    let len = after.get(..digits)?.iter().try_fold(0usize, |len, digit| {
        let is_digit = *digit < 10;
        is_digit.then(|| len.checked_mul(10)?.checked_add(usize::from(*digit)))?
    })?;
    let packet = after.get(digits + 1..)?;
    let (packet, after) = packet.split_at_checked(len)?;
    *rest = after;
    let kind = match kind {
        0 => Kind::Text,
        _ => Kind::Binary,
    };
    Some((kind, packet.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(version: u8, body: &[u8]) -> Vec<String> {
        packets(version, body)
            .map(|(kind, bytes)| format!("{kind:?} {}", bytes.escape_ascii()))
            .collect()
    }

    #[test]
    fn version_4_has_separators_and_base64() {
        // The vector of the protocol's page, `4hello<1e>2<1e>4world`, and a binary packet.
        let body = b"4hello\x1e2\x1e4world\x1ebAQIDBA==";
        let expected = [
            "Text 4hello",
            "Text 2",
            "Text 4world",
            r"Binary \x01\x02\x03\x04",
        ];
        assert_eq!(split(4, body), expected);
        assert_eq!(split(4, b""), [""; 0]);
        assert_eq!(split(4, b"4a\x1eb***\x1e4b"), ["Text 4a"]);
        assert_eq!(split(4, b"\xff\xfe"), [""; 0]);
    }

    #[test]
    fn version_3_counts_utf_16_units() {
        // The vectors of engine.io-protocol 3: a character outside of the basic plane is two units.
        assert_eq!(split(3, b"6:4hello2:4\xe2\x82\xac").len(), 2);
        assert_eq!(split(3, "3:4\u{1f600}1:2".as_bytes()).len(), 2);
        assert_eq!(
            split(3, b"6:4hello10:b4AQIDBA=="),
            ["Text 4hello", "Text b4AQIDBA=="]
        );
        for cut in [
            &b"9:4hello"[..],
            b"4hello",
            b"99999999999999999999999:4",
            b":4",
            b"-1:4",
        ] {
            assert_eq!(split(3, cut), [""; 0], "{}", cut.escape_ascii());
        }
    }

    #[test]
    fn version_3_with_binary_has_its_length_in_bytes_that_are_digits() {
        let body = b"\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04";
        let expected = ["Text 4hello", r"Binary \x04\x01\x02\x03\x04"];
        assert_eq!(split(3, body), expected);
        assert_eq!(split(3, b"\x00\x01\x02\xff4hello"), [""; 0]);
        assert_eq!(split(3, b"\x00\x0a\xff4"), [""; 0]);
        assert_eq!(split(3, &[&[0][..], &[9; 100], b"\xff4"].concat()), [""; 0]);
    }

    #[test]
    fn a_session_is_opened_by_its_first_packet() {
        let open =
            br#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200}"#;
        assert_eq!(opened_session(4, open).as_deref(), Some("abc"));
        let framed = [format!("{}:", open.len()).as_bytes(), open].concat();
        assert_eq!(opened_session(3, &framed).as_deref(), Some("abc"));
        assert_eq!(opened_session(4, br#"4{"sid":"abc"}"#), None);
        assert_eq!(opened_session(4, b"ok"), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut polled = Polled::default();
        for _ in 0..100 {
            polled.push(Side::Client, Timestamp(0), 4, &[b'4'; 2000]);
            polled.push(Side::Client, Timestamp(0), 4, &b"2\x1e".repeat(100));
        }
        assert!(polled.packets().len() <= PACKETS);
        assert!(polled.memory() <= 2 * BYTES, "{}", polled.memory());
    }
}
