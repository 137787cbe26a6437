//! The walk through one packet after the other, IP fragments included, and the detail tree of each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Field, Limits, LinkType, PacketNumber, Timestamp};
use wireloupe::wire::{Walker, layers};

const LINKS: [LinkType; 23] = [
    LinkType::ETHERNET,
    LinkType::NULL,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::RAW,
    LinkType::C_HDLC,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::PPP_WITH_DIR,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::NFLOG,
    LinkType::LINUX_SLL2,
    LinkType::IEEE802_11,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::PPI,
    LinkType::PKTAP,
    LinkType::FRELAY,
    LinkType::SLIP,
    LinkType::SLIP_BSDOS,
    LinkType::IPNET,
    LinkType(9999),
];

/// Every field lies in the packet.
fn check(fields: &[Field], len: u64) {
    for field in fields {
        if let Some(span) = field.span {
            assert!(span.start <= span.end && span.end <= len, "{field:?}");
        }
        check(&field.children, len);
    }
}

// A byte for the link type, then packets: two bytes of length each.
fuzz_target!(|input: &[u8]| {
    let Some((&link, mut rest)) = input.split_first() else {
        return;
    };
    let link = LINKS[usize::from(link) % LINKS.len()];
    let mut walker = Walker::new(&Limits::default());
    let mut time = Timestamp(0);
    while let Some((len, after)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes(*len));
        let (packet, after) = after.split_at(len.min(after.len()));
        rest = after;
        time.0 += 1_000_000;
        // A packet may have been longer than what was captured of it.
        for original in [packet.len() as u32, packet.len() as u32 + 700] {
            if let Ok(walked) = walker.segment(link, time, packet, original) {
                let range = walked.segment().payload.clone();
                assert!(range.start <= range.end);
            }
            while let Some(more) = walker.more(time, packet) {
                if let Ok(walked) = more {
                    let range = walked.segment().payload.clone();
                    assert!(range.start <= range.end);
                }
            }
            let tree = layers(PacketNumber(1), time, link, packet, original);
            check(&tree, packet.len() as u64);
        }
    }
});
