//! The headers of one packet as a detail tree, each field with its bytes and Wireshark's name for it.
//!
//! The tree follows the walk that finds the segment, so it shows what the program believed. Made for the packet that
//! someone looks at; nothing here is fast or kept.

mod ip;
mod link;
mod tcp;
mod tunnel;
mod view;

use super::notice::Notice;
use super::skip::Skip;
use super::walk::{HeaderKind, NextLayer as Next, Stop, Walk};
use crate::base::{Field, Layer, LinkType, PacketNumber, Span, Timestamp};

use view::{View, WithValue as _};

/// Encapsulations shown of one packet.
const DEPTH: usize = 64;

/// The detail tree of a packet: one entry for the frame, one for each header, one for the bytes behind them.
#[must_use]
pub fn layers(
    number: PacketNumber,
    time: Timestamp,
    link: LinkType,
    packet: &[u8],
    original: u32,
) -> Vec<Field> {
    let mut tree = vec![frame(number, time, link, packet, original)];
    let mut walk = Walk::new(packet, original, DEPTH);
    walk_into(&mut tree, &mut walk, Next::Link(link));
    // A frame that holds several packets: as many as have room for their headers.
    while let Some(rest) = walk.rest.take() {
        walk = Walk::behind(packet, rest);
        walk_into(&mut tree, &mut walk, Next::Amsdu);
    }
    tree
}

/// Adds the headers from `layer` on, and what is behind them.
fn walk_into(tree: &mut Vec<Field>, walk: &mut Walk<'_>, layer: Next) {
    let packet = walk.bytes;
    let walked = walk.run(layer, &mut |kind, start, end| {
        let view = View {
            packet,
            start,
            end: end.min(packet.len()),
        };
        tree.push(describe(view, kind));
    });
    let (at, end) = (walk.at.min(packet.len()), walk.end.min(packet.len()));
    match walked {
        Ok(segment) => {
            let payload = View {
                packet,
                start: segment.payload.start as usize,
                end: segment.payload.end as usize,
            };
            if payload.start < payload.end || segment.missing > 0 {
                let cut = match segment.missing {
                    0 => String::new(),
                    missing => format!(", {missing} more were not captured"),
                };
                let value = format!("{} bytes{cut}", payload.end - payload.start);
                tree.push(
                    payload
                        .whole("TCP payload")
                        .value(value)
                        .named("tcp.payload"),
                );
            }
        }
        Err(Stop::Fragment(fragment, _)) => {
            let value = format!(
                "{} bytes from byte {} on",
                fragment.payload.len(),
                fragment.offset
            );
            let view = View {
                packet,
                start: at,
                end,
            };
            tree.push(view.whole("Fragment of an IP datagram").value(value));
        }
        Err(Stop::Skip(Skip::Notice(notice))) => tree.push(icmp(packet, at, &notice)),
        Err(Stop::Skip(Skip::Datagram(datagram))) => {
            let view = |start: u32, end: u32| View {
                packet,
                start: start as usize,
                end: end as usize,
            };
            tree.push(view(datagram.start.saturating_sub(8), datagram.start).udp());
            let value = format!("{} bytes", datagram.end - datagram.start);
            let payload = view(datagram.start, datagram.end);
            tree.push(
                payload
                    .whole("UDP payload")
                    .value(value)
                    .named("udp.payload"),
            );
        }
        Err(Stop::Skip(skip)) => tree.push(unread(packet, at, skip)),
    }
}

fn frame(
    number: PacketNumber,
    time: Timestamp,
    link: LinkType,
    packet: &[u8],
    original: u32,
) -> Field {
    let captured = packet.len();
    let original = captured.max(original as usize);
    let value = format!("{original} bytes on the wire, {captured} captured");
    Field::new(format!("Frame {number}"), value)
        .named("frame")
        .at(Layer::Packet, Span::new(0, captured as u64))
        .with(Field::new("Number", number.to_string()).named("frame.number"))
        .with(Field::new("Time", time.to_string()).named("frame.time"))
        .with(Field::new("Length on the wire", original.to_string()).named("frame.len"))
        .with(Field::new("Captured length", captured.to_string()).named("frame.cap_len"))
        .with(Field::new("Link type", link.to_string()))
}

fn unread(packet: &[u8], at: usize, skip: Skip) -> Field {
    let view = View {
        packet,
        start: at,
        end: packet.len(),
    };
    let value = format!("{} bytes, {}", packet.len() - at, skip.name());
    view.whole("Data").value(value).named("data")
}

/// An ICMP message about a segment.
fn icmp(packet: &[u8], at: usize, notice: &Notice) -> Field {
    let view = View {
        packet,
        start: at,
        end: packet.len(),
    };
    let key = notice.key;
    let about = format!("{} > {}", key.source, key.destination);
    view.whole("ICMP")
        .named("icmp")
        .value(notice.reason.to_string())
        .with(view.decimal("icmp.type", "Type", 0, 1))
        .with(view.decimal("icmp.code", "Code", 1, 1))
        .with(view.field("", "About the segment", about, 8, packet.len() - at))
}

/// The fields of a header.
fn describe(view: View<'_>, kind: HeaderKind) -> Field {
    match kind {
        HeaderKind::Ethernet => view.ethernet(),
        HeaderKind::Llc => view.llc(),
        HeaderKind::Sll => view.sll(),
        HeaderKind::Sll2 => view.sll2(),
        HeaderKind::Null => view.null(),
        HeaderKind::CiscoHdlc => view.cisco_hdlc(),
        HeaderKind::Nflog => view.whole("Linux netfilter log").named("nflog"),
        HeaderKind::Ieee80211 => view.whole("IEEE 802.11 data").named("wlan"),
        HeaderKind::Amsdu => view
            .whole("A-MSDU subframe")
            .named("wlan_aggregate.a_mdsu.subframe"),
        HeaderKind::Radiotap => view.whole("Radiotap").named("radiotap"),
        HeaderKind::Ppi => view.whole("Per-packet information").named("ppi"),
        HeaderKind::Pktap => view.whole("PKTAP").named("pktap"),
        HeaderKind::Fddi => view.whole("FDDI").named("fddi"),
        HeaderKind::Slip => view.whole("SLIP").named("slip"),
        HeaderKind::Ipnet => view.whole("Solaris ipnet").named("ipnet"),
        HeaderKind::FrameRelay => view.whole("Frame Relay").named("fr"),
        HeaderKind::Vlan => view.vlan(),
        HeaderKind::BackboneTag => view.backbone_tag(),
        HeaderKind::ETag => view.e_tag(),
        HeaderKind::VnTag => view.vn_tag(),
        HeaderKind::Ppp => view.whole("Point-to-point protocol").named("ppp"),
        HeaderKind::Pppoe => view.pppoe(),
        HeaderKind::Mpls => view.mpls(),
        HeaderKind::Ipv4 => view.ipv4(),
        HeaderKind::Ipv6 => view.ipv6(),
        HeaderKind::Extension(number) => view.extension(number),
        HeaderKind::Udp => view.udp(),
        HeaderKind::Gre => view.gre(),
        HeaderKind::EtherIp => view.whole("Ethernet in IP").named("etherip"),
        HeaderKind::Vxlan => view.vxlan(),
        HeaderKind::Geneve => view.geneve(),
        HeaderKind::Gtp => view.gtp(),
        HeaderKind::Teredo => view.whole("Teredo").named("teredo"),
        HeaderKind::Tzsp => view.whole("TaZmen Sniffer Protocol").named("tzsp"),
        HeaderKind::Tcp => view.tcp(),
    }
}

#[cfg(test)]
mod tests;
