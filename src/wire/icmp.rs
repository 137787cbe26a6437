//! ICMP messages that are about a TCP segment, whose first bytes they quote (RFC 792, RFC 4443 section 3): a router or a host
//! says why it could not deliver it. All other ICMP says nothing of TCP.

use super::notice::{Notice, Reason};
use super::segment::{Endpoint, FlowKey};
use super::skip::Skip;
use super::walk::{NextLayer, Walk};

const TCP: u8 = 6;
/// Bytes of an ICMP error in front of the packet that it quotes.
const HEADER_LEN: usize = 8;

impl Walk<'_> {
    /// Reads an ICMP message of an IP version: why there is no segment here, and what it says of one.
    pub(super) fn icmp(&mut self, is_v6: bool) -> Skip {
        let start = self.at;
        let notice = self.notice(is_v6);
        self.at = start;
        notice.map_or(Skip::NotTcp, Skip::Notice)
    }

    fn notice(&mut self, is_v6: bool) -> Option<Notice> {
        let from = Endpoint::from_octets(self.context.source, 0).address();
        let [kind, code, _, _, rest @ ..] = *self.take::<HEADER_LEN>().ok()?;
        let [_, _, high, low] = rest;
        let reason = match (is_v6, kind, code) {
            (false, 3, 4) => Reason::TooBig(u32::from(u16::from_be_bytes([high, low]))),
            (false, 3, code) => Reason::Unreachable(code),
            (false, 11, 0) => Reason::TimeExceeded,
            (true, 1, code) => Reason::Unreachable6(code),
            (true, 2, _) => Reason::TooBig(u32::from_be_bytes(rest)),
            (true, 3, 0) => Reason::TimeExceeded,
            _ => return None,
        };
        // What is quoted is as long as its own header says, and mostly cut.
        let layer = if is_v6 {
            NextLayer::Ipv6
        } else {
            NextLayer::Ipv4
        };
        let Ok((NextLayer::Protocol(TCP), _)) = self.ip(layer) else {
            return None;
        };
        let ports_and_seq = *self.take::<8>().ok()?;
        let [a, b, c, d, seq @ ..] = ports_and_seq;
        let context = &self.context;
        let endpoint = |address, port| Endpoint::from_octets(address, u16::from_be_bytes(port));
        Some(Notice {
            key: FlowKey {
                source: endpoint(context.source, [a, b]),
                destination: endpoint(context.destination, [c, d]),
                scope: context.scope,
            },
            from,
            seq: u32::from_be_bytes(seq),
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Limits, LinkType, Timestamp};
    use crate::testkit::Conversation;
    use crate::wire::Walker;

    /// The packet of an ICMP error about `segment`, in Ethernet.
    fn about(segment: &[u8], kind: u8, code: u8, rest: [u8; 4], quoted: usize) -> Vec<u8> {
        let is_v6 = segment[12] == 0x86;
        let quoted = &segment[14..(14 + quoted).min(segment.len())];
        let icmp = [&[kind, code, 0, 0][..], &rest, quoted].concat();
        let mut packet = segment[..14].to_vec();
        if is_v6 {
            packet.extend([0x60, 0, 0, 0, 0, icmp.len() as u8, 58, 64]);
            packet.extend([0xfd; 16]);
            packet.extend(&segment[22..38]);
        } else {
            packet.extend([0x45, 0, 0, 20 + icmp.len() as u8, 0, 0, 0, 0, 64, 1, 0, 0]);
            packet.extend([10, 9, 9, 9]);
            packet.extend(&segment[26..30]);
        }
        packet.extend(icmp);
        packet
    }

    fn syn(v6: bool) -> Vec<u8> {
        let (client, server) = match v6 {
            true => ("[2001:db8::1]:40000", "[2001:db8::2]:80"),
            false => ("10.0.0.1:40000", "10.0.0.2:80"),
        };
        Conversation::new(client, server)
            .connect()
            .packets()
            .remove(0)
            .1
    }

    fn skip(packet: &[u8]) -> Skip {
        let mut walker = Walker::new(&Limits::default());
        let len = packet.len() as u32;
        let walked = walker.segment(LinkType::ETHERNET, Timestamp(0), packet, len);
        walked.expect_err("no segment")
    }

    #[test]
    fn an_error_names_the_flow_it_is_about() {
        for (v6, kind, code, reason) in [
            (false, 3, 3, Reason::Unreachable(3)),
            (false, 3, 13, Reason::Unreachable(13)),
            (false, 3, 4, Reason::TooBig(1300)),
            (false, 11, 0, Reason::TimeExceeded),
            (true, 1, 1, Reason::Unreachable6(1)),
            (true, 2, 0, Reason::TooBig(1300)),
        ] {
            let ip_len = if v6 { 40 } else { 20 };
            for quoted in [ip_len + 8, ip_len + 20, 2000] {
                let packet = about(&syn(v6), kind, code, [0, 0, 5, 0x14], quoted);
                let Skip::Notice(notice) = skip(&packet) else {
                    panic!("no notice of {reason:?} with {quoted} bytes quoted");
                };
                assert_eq!((notice.reason, notice.seq), (reason, 1000));
                assert_eq!(
                    (notice.key.source.port(), notice.key.destination.port()),
                    (40000, 80)
                );
                assert_eq!(notice.from.is_ipv6(), v6);
            }
        }
    }

    #[test]
    fn what_quotes_no_segment_is_passed_over() {
        let syn = syn(false);
        // An echo, a quotation that is too short, one of UDP.
        assert_eq!(skip(&about(&syn, 8, 0, [0; 4], 40)), Skip::NotTcp);
        assert_eq!(skip(&about(&syn, 3, 3, [0; 4], 27)), Skip::NotTcp);
        let mut udp = syn;
        udp[23] = 17;
        assert_eq!(skip(&about(&udp, 3, 3, [0; 4], 40)), Skip::NotTcp);
    }
}
