use proptest::prelude::*;

use super::*;
use crate::testkit::{Conversation, PacketBuilder, Random, Wrap};

fn packet(wraps: &[Wrap]) -> Vec<u8> {
    let builder = PacketBuilder {
        wraps: wraps.to_vec(),
        ..PacketBuilder::default()
    };
    let conversation = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .packet(builder)
        .connect()
        .client("hello");
    conversation.packets().swap_remove(3).1
}

fn tree(packet: &[u8]) -> Vec<Field> {
    layers(
        PacketNumber(7),
        Timestamp(0),
        LinkType::ETHERNET,
        packet,
        packet.len() as u32,
    )
}

fn find<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find_map(|field| {
        if field.name == name {
            Some(field)
        } else {
            find(&field.children, name)
        }
    })
}

#[test]
fn a_plain_packet_shows_every_header_with_its_bytes() {
    let packet = packet(&[]);
    let tree = tree(&packet);
    let tops: Vec<&str> = tree.iter().map(|field| field.name).collect();
    assert_eq!(tops, ["frame", "eth", "ip", "tcp", "tcp.payload"]);
    for (name, value, span) in [
        ("frame.number", "7", None),
        ("eth.src", "02:00:00:00:00:01", Some((6, 12))),
        ("eth.type", "0x0800 (IPv4)", Some((12, 14))),
        ("ip.src", "10.0.0.1", Some((26, 30))),
        ("ip.ttl", "64", Some((22, 23))),
        ("ip.proto", "6 (TCP)", Some((23, 24))),
        ("tcp.dstport", "80", Some((36, 38))),
        ("tcp.seq_raw", "1001", Some((38, 42))),
        ("tcp.flags", "0x018 (PSH, ACK)", Some((46, 48))),
        ("tcp.flags.push", "set", Some((47, 48))),
        ("tcp.flags.syn", "not set", Some((47, 48))),
        ("tcp.payload", "5 bytes", Some((54, 59))),
    ] {
        let field = find(&tree, name).unwrap();
        assert_eq!(field.value, value, "{name}");
        assert_eq!(
            field.span.map(|span| (span.start, span.end)),
            span,
            "{name}"
        );
    }
    assert_eq!(find(&tree, "tcp.flags.push").unwrap().bits, ".... 1...");
    // The headers tile the packet.
    let mut at = 0;
    for field in &tree[1..] {
        let span = field.span.unwrap();
        assert_eq!(span.start, at);
        at = span.end;
    }
    assert_eq!(at, packet.len() as u64);
}

#[test]
fn tunnels_are_shown_in_their_order() {
    let packet = packet(&[Wrap::Vlan(5), Wrap::Vxlan(77), Wrap::Mpls(16)]);
    let names: Vec<&str> = tree(&packet).iter().map(|field| field.name).collect();
    assert_eq!(
        names,
        [
            "frame",
            "eth",
            "vlan",
            "ip",
            "udp",
            "vxlan",
            "eth",
            "mpls",
            "ip",
            "tcp",
            "tcp.payload"
        ]
    );
    let tree = tree(&packet);
    assert_eq!(find(&tree, "vlan.id").unwrap().value, "5");
    assert_eq!(find(&tree, "vxlan.vni").unwrap().value, "77");
    assert_eq!(find(&tree, "mpls.label").unwrap().value, "16");
    assert_eq!(find(&tree, "mpls.bottom").unwrap().value, "1");
}

#[test]
fn options_of_a_syn_are_named() {
    let conversation = Conversation::new("10.0.0.1:40000", "10.0.0.2:80").connect();
    let tree = tree(&conversation.packets()[0].1);
    assert_eq!(find(&tree, "tcp.options.mss_val").unwrap().value, "1460");
    assert_eq!(find(&tree, "tcp").unwrap().value, "40000 > 80 [SYN]");
}

#[test]
fn what_is_no_tcp_is_shown_as_far_as_it_is_known() {
    let mut packet = packet(&[]);
    packet[20] = 0x20;
    let fragment = tree(&packet);
    assert_eq!(fragment.last().unwrap().label, "Fragment of an IP datagram");
    assert!(find(&fragment, "ip.flags.mf").unwrap().value == "set");
    packet[12] = 0x12;
    assert_eq!(tree(&packet).last().unwrap().value, "45 bytes, not IP");
}

proptest! {
    #[test]
    fn no_packet_panics_and_spans_stay_inside(seed in any::<u64>(), flips in 0usize..10, wrap in 0usize..5) {
        let wraps = [Wrap::Vxlan(1), Wrap::Geneve(1), Wrap::Gre(Some(1)), Wrap::Vlan(1), Wrap::Mpls(1)];
        let mut random = Random::new(seed);
        let mut packet = packet(&[wraps[wrap]]);
        for _ in 0..flips {
            let at = random.below(packet.len() as u64) as usize;
            packet[at] = random.bits() as u8;
        }
        packet.truncate(random.below(packet.len() as u64 + 1) as usize);
        let mut fields = tree(&packet);
        while let Some(field) = fields.pop() {
            if let Some(span) = field.span {
                prop_assert!(span.start <= span.end && span.end <= packet.len() as u64);
            }
            fields.extend(field.children);
        }
    }
}
