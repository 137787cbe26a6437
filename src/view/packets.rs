//! One packet of the whole capture as a line: who sent it to whom, which protocol it is, and what it is in a few words.
//!
//! Told from the packet's own bytes when somebody looks at it; nothing of it is kept. Text is escaped.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::base::{PacketNumber, Side, Timestamp, escape};
use crate::http;
use crate::quic;
use crate::store::{Packet, Store};
use crate::tls::{self, HelloNames};
use crate::wire::{Carried, Envelope, Segment, TcpFlags};

use super::belongs::Belongs;
use super::dns;

/// Bytes of a first line that are shown.
const LINE: usize = 300;
/// Records of TLS named in one packet.
const RECORDS: usize = 6;
/// Frames named in one packet.
const FRAMES: usize = 4;

/// A packet in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketLine {
    /// Its number.
    pub number: PacketNumber,
    /// When it was captured.
    pub time: Timestamp,
    /// Who sent it.
    pub source: String,
    /// Who gets it.
    pub destination: String,
    /// The innermost protocol that is told.
    pub protocol: &'static str,
    /// Bytes on the wire.
    pub length: u32,
    /// What it is.
    pub info: String,
    /// The WebSocket connection it belongs to, and who sent it.
    pub of: Option<(u32, Side)>,
}

impl PacketLine {
    /// Of a packet with its bytes.
    #[must_use]
    pub fn new(store: &Store, belongs: &Belongs, packet: &Packet) -> Self {
        let envelope = Envelope::of(packet.link, &packet.bytes, packet.original);
        let ends = envelope.ends();
        let of = ends.and_then(|(from, to)| belongs.connection(store, from, to, packet.number));
        let (protocol, info) = match &envelope.carried {
            Carried::Tcp(segment) => tcp(store, packet, segment, of),
            Carried::Udp {
                source,
                destination,
                payload,
            } => {
                let bytes = packet.bytes.get(payload.clone()).unwrap_or_default();
                udp(*source, *destination, bytes)
            }
            other => elsewhere(other),
        };
        let (source, destination) = match ends {
            Some((from, to)) => (from.to_string(), to.to_string()),
            None => {
                let text = |ip: Option<std::net::IpAddr>| ip.map(|ip| ip.to_string());
                (
                    text(envelope.source).unwrap_or_default(),
                    text(envelope.destination).unwrap_or_default(),
                )
            }
        };
        Self {
            number: packet.number,
            time: packet.time,
            source,
            destination,
            protocol,
            length: packet.original.max(packet.bytes.len() as u32),
            info,
            of,
        }
    }
}

/// Both ends of a packet, where it has ports.
#[must_use]
pub fn ends(packet: &Packet) -> Option<(SocketAddr, SocketAddr)> {
    Envelope::of(packet.link, &packet.bytes, packet.original).ends()
}

fn tcp(
    store: &Store,
    packet: &Packet,
    segment: &Segment,
    of: Option<(u32, Side)>,
) -> (&'static str, String) {
    let payload = segment.payload(&packet.bytes);
    if let Some(frames) = of.and_then(|(index, _)| frames(store, index, packet.number)) {
        return ("WebSocket", frames);
    }
    if let Some(line) = http_line(payload) {
        return ("HTTP", line);
    }
    if let Some(records) = tls_records(payload) {
        return ("TLS", records);
    }
    let flags = flags(segment.flags);
    let mut info = format!("[{flags}]");
    if !payload.is_empty() {
        let text = escape::preview(payload, 60);
        let _ = write!(info, " {} bytes: {text}", payload.len());
    }
    let _ = write!(info, " seq {}", segment.seq);
    if segment.flags.has(TcpFlags::ACK) {
        let _ = write!(info, " ack {}", segment.ack);
    }
    let _ = write!(info, " window {}", segment.window);
    match of {
        Some((index, _)) if !payload.is_empty() => {
            ("WebSocket", format!("connection {}: {info}", index + 1))
        }
        _ => ("TCP", info),
    }
}

/// The frames that a packet completed.
fn frames(store: &Store, index: u32, number: PacketNumber) -> Option<String> {
    let places = store.frames_in_packet(index, number);
    let entry = store.connection(index)?;
    let mut info = String::new();
    for at in places.clone().take(FRAMES) {
        let frame = entry.frames.get(at)?;
        let record = store.frame(frame)?;
        let header = record.header(store.odd(frame));
        let text = store.payload(frame, 41).unwrap_or_default();
        let text = match record.is_compressed() {
            true => "compressed".to_owned(),
            false => escape::preview(&text, 40),
        };
        let _ = write!(
            info,
            "{}f{} {}, {} bytes {text}",
            if info.is_empty() { "" } else { "; " },
            record.number,
            record.opcode().name(),
            header.payload_length,
        );
    }
    if places.len() > FRAMES {
        let _ = write!(info, "; {} frames more", places.len() - FRAMES);
    }
    (!info.is_empty()).then(|| format!("connection {}: {info}", index + 1))
}

/// The first line of a head that a payload begins with.
fn http_line(payload: &[u8]) -> Option<String> {
    let role = http::looks_like(payload).filter(|_| payload.len() >= 4)?;
    if role == http::Role::Undecided {
        return None;
    }
    let line = payload.split(|byte| *byte == b'\n').next()?;
    Some(escape::preview(line.trim_ascii_end(), LINE))
}

/// The records of TLS that a payload consists of.
fn tls_records(payload: &[u8]) -> Option<String> {
    if !tls::looks_like(payload) && (payload.len() < 5 || !tls::looks_like_middle(payload)) {
        return None;
    }
    let names = HelloNames::of_stream(payload);
    let mut info = Vec::new();
    let mut rest = payload;
    while let (Some([kind, _, _, high, low]), true) =
        (rest.first_chunk::<5>(), info.len() < RECORDS)
    {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        if !(20..=24).contains(kind) {
            break;
        }
        let message = rest.get(5).copied().unwrap_or_default();
        info.push(match (kind, message) {
            (20, _) => "change cipher spec".to_owned(),
            (21, _) if len == 2 => "alert".to_owned(),
            (21, _) => "encrypted alert".to_owned(),
            (22, 1) => "ClientHello".to_owned(),
            (22, 2) => "ServerHello".to_owned(),
            (22, 11) => "Certificate".to_owned(),
            (22, _) => "handshake".to_owned(),
            _ => format!("application data, {len} bytes"),
        });
        rest = rest.get(5 + len..).unwrap_or_default();
    }
    if let Some(names) = names {
        info.push(hello(&names));
    }
    (!info.is_empty()).then(|| info.join(", "))
}

/// `for example.org, offers h2 and http/1.1`.
#[must_use]
pub fn hello(names: &HelloNames) -> String {
    let mut text = match &names.server_name {
        Some(name) => format!("for {}", escape::text(name.as_bytes())),
        None => "names no server".to_owned(),
    };
    if !names.alpn.is_empty() {
        let offered = names.alpn.join(", ");
        let _ = write!(text, ", offers {}", escape::text(offered.as_bytes()));
    }
    text
}

fn flags(flags: TcpFlags) -> String {
    let all = [
        (TcpFlags::SYN, "SYN"),
        (TcpFlags::FIN, "FIN"),
        (TcpFlags::RST, "RST"),
        (TcpFlags::PSH, "PSH"),
        (TcpFlags::ACK, "ACK"),
        (TcpFlags::URG, "URG"),
        (TcpFlags::ECE, "ECE"),
        (TcpFlags::CWR, "CWR"),
    ];
    let set: Vec<_> = all
        .into_iter()
        .filter(|(flag, _)| flags.has(*flag))
        .map(|(_, name)| name)
        .collect();
    set.join(", ")
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> (&'static str, String) {
    let len = payload.len();
    if let Some(kind) = quic::long_type(payload) {
        let names = quic::Hello::default().push(payload);
        let info = match names {
            Some(names) => format!("ClientHello {}", hello(&names)),
            None => format!("{}, {len} bytes", kind.name()),
        };
        return ("QUIC", info);
    }
    let is = |port: u16| source == port || destination == port;
    let named = match () {
        () if is(53) || is(5353) || is(5355) => dns::line(payload).map(|line| {
            let name = if is(53) { "DNS" } else { "mDNS" };
            (name, line)
        }),
        () if is(67) || is(68) => Some(("DHCP", format!("{len} bytes"))),
        () if is(123) => Some(("NTP", format!("{len} bytes"))),
        () if is(1900) => http_line(payload).map(|line| ("SSDP", line)),
        () => None,
    };
    named.unwrap_or_else(|| {
        let text = escape::preview(payload, 60);
        ("UDP", format!("{len} bytes: {text}"))
    })
}

/// What is neither TCP nor UDP.
fn elsewhere(carried: &Carried) -> (&'static str, String) {
    match carried {
        Carried::Ip(1) => ("ICMP", "ICMP message".to_owned()),
        Carried::Ip(58) => ("ICMPv6", "ICMPv6 message".to_owned()),
        Carried::Ip(2) => ("IGMP", "group membership".to_owned()),
        Carried::Ip(47) => ("GRE", "tunnel".to_owned()),
        Carried::Ip(50) => ("ESP", "encrypted by IPsec".to_owned()),
        Carried::Ip(132) => ("SCTP", "SCTP packet".to_owned()),
        Carried::Ip(number) => ("IP", format!("protocol {number}")),
        Carried::Fragment => ("IP", "fragment of a datagram".to_owned()),
        Carried::Link(Some(0x0806)) => ("ARP", "address resolution".to_owned()),
        Carried::Link(Some(0x88cc)) => ("LLDP", "link layer discovery".to_owned()),
        Carried::Link(Some(number)) => ("link", format!("EtherType 0x{number:04x}")),
        Carried::Link(None) => ("link", "not IP".to_owned()),
        Carried::Unread(why) => ("unread", (*why).to_owned()),
        Carried::Tcp(_) | Carried::Udp { .. } => ("IP", String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_named() {
        assert_eq!(
            http_line(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap(),
            "GET /socket.io/?EIO=4&transport=polling HTTP/1.1"
        );
        assert_eq!(
            http_line(b"HTTP/1.1 200 OK\r\n\r\n").unwrap(),
            "HTTP/1.1 200 OK"
        );
        assert_eq!(http_line(b"\x81\x05hello"), None);
        assert_eq!(
            tls_records(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x02ab").unwrap(),
            "change cipher spec, application data, 2 bytes"
        );
        assert_eq!(tls_records(b"plain text"), None);
        let (name, info) = udp(40000, 9, b"ab\x1b[31m");
        assert_eq!(name, "UDP");
        assert!(info.starts_with("7 bytes: ab") && !info.contains('\u{1b}'));
    }
}
