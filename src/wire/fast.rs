//! What nearly every packet is, read in one go: Ethernet, IPv4 without options or fragments, TCP.

use super::datagram::UdpDatagram;
use super::segment::{Endpoint, FlowKey, LayerBytes, Segment, TcpFlags, mapped};
use super::skip::Skip;
use super::tunnel;

/// Reads `packet` if it is of the common shape; `None` leaves it to the general walk.
///
/// Gives exactly what the general walk would (a test holds that).
#[inline]
pub(super) fn segment(packet: &[u8]) -> Option<Result<Segment, Skip>> {
    let head = packet.first_chunk::<54>()?;
    let fragment = u16::from_be_bytes([head[20], head[21]]) & 0x3fff;
    if [head[12], head[13], head[14]] != [0x08, 0x00, 0x45] || fragment != 0 {
        return None;
    }
    match head[23] {
        6 => {}
        17 => return no_tunnel(head, packet.len()),
        _ => return None,
    }
    let total_len = usize::from(u16::from_be_bytes([head[16], head[17]]));
    let header_len = usize::from(head[46] >> 4) * 4;
    let end = 14 + total_len;
    let start = 34 + header_len;
    let captured_end = end.min(packet.len());
    if header_len < 20 || start > captured_end {
        return None;
    }
    let address = |at: usize| mapped([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    Some(Ok(Segment {
        key: FlowKey {
            source: Endpoint::from_octets(address(26), u16::from_be_bytes([head[34], head[35]])),
            destination: Endpoint::from_octets(
                address(30),
                u16::from_be_bytes([head[36], head[37]]),
            ),
            scope: 0,
        },
        seq: u32::from_be_bytes([head[38], head[39], head[40], head[41]]),
        ack: u32::from_be_bytes([head[42], head[43], head[44], head[45]]),
        flags: TcpFlags(head[47]),
        window: u16::from_be_bytes([head[48], head[49]]),
        payload: start as u32..captured_end as u32,
        missing: (end - captured_end) as u32,
        ttl: head[22],
        ip_id: u16::from_be_bytes([head[18], head[19]]),
        header_bytes: LayerBytes {
            link: 14,
            ip: 20,
            tcp: header_len as u16,
        },
    }))
}

/// UDP that is no tunnel is done with.
#[inline]
fn no_tunnel(head: &[u8; 54], captured: usize) -> Option<Result<Segment, Skip>> {
    let source = u16::from_be_bytes([head[34], head[35]]);
    let destination = u16::from_be_bytes([head[36], head[37]]);
    let total_len = u16::from_be_bytes([head[16], head[17]]);
    if tunnel::over_udp(source, destination).is_some() || total_len < 28 {
        return None;
    }
    if total_len == 28 || captured <= 42 {
        return Some(Err(Skip::NotTcp));
    }
    let end = match usize::from(u16::from_be_bytes([head[38], head[39]])) {
        len @ 8.. => (34 + len).min(14 + usize::from(total_len)),
        _ => 14 + usize::from(total_len),
    };
    if end <= 42 {
        return Some(Err(Skip::NotTcp));
    }
    let address = |at: usize| mapped([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    Some(Err(Skip::Datagram(UdpDatagram {
        key: FlowKey {
            source: Endpoint::from_octets(address(26), source),
            destination: Endpoint::from_octets(address(30), destination),
            scope: 0,
        },
        start: 42,
        end: end.min(captured) as u32,
        missing: end.saturating_sub(captured) as u32,
    })))
}
