//! The headers of one packet as a detail tree, each field with its bytes and Wireshark's name for it.
//!
//! The tree follows the walk that finds the segment, so it shows what the program believed. Made for the packet that
//! someone looks at; nothing here is fast or kept.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::segment::Skip;
use super::walk::{HeaderKind, NextLayer as Next, Stop, Walk};
use crate::base::{Field, Layer, LinkType, PacketNumber, Span, Timestamp};

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
    let walked = walk.run(Next::Link(link), &mut |kind, start, end| {
        let view = View {
            packet,
            start,
            end: end.min(packet.len()),
        };
        tree.push(view.describe(kind));
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
        Err(Stop::Skip(skip)) => tree.push(unread(packet, at, skip)),
    }
    tree
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

/// A setter that `Field::new` leaves out.
trait Value {
    fn value(self, value: String) -> Self;
}

impl Value for Field {
    fn value(mut self, value: String) -> Self {
        self.value = value;
        self
    }
}

/// One header in its packet. Reads beyond its end give zeros, which only a cut header has.
#[derive(Clone, Copy)]
struct View<'a> {
    packet: &'a [u8],
    start: usize,
    end: usize,
}

impl View<'_> {
    fn describe(self, kind: HeaderKind) -> Field {
        match kind {
            HeaderKind::Ethernet => self.ethernet(),
            HeaderKind::Llc => self
                .whole("Logical link control, SNAP")
                .named("llc")
                .with(self.ethertype("llc.type", 6)),
            HeaderKind::Sll => self.sll(),
            HeaderKind::Sll2 => self.sll2(),
            HeaderKind::Null => self.whole("BSD loopback").named("null").with(self.hex(
                "null.family",
                "Family",
                0,
                4,
            )),
            HeaderKind::CiscoHdlc => self
                .whole("Cisco HDLC")
                .named("chdlc")
                .with(self.ethertype("chdlc.protocol", 2)),
            HeaderKind::Nflog => self.whole("Linux netfilter log").named("nflog"),
            HeaderKind::Vlan => self.vlan(),
            HeaderKind::BackboneTag => {
                let service = self.field(
                    "ieee8021ah.isid",
                    "Service",
                    self.number(1, 3).to_string(),
                    1,
                    3,
                );
                self.whole("802.1ah backbone tag")
                    .named("ieee8021ah")
                    .with(service)
            }
            HeaderKind::ETag => self
                .whole("802.1BR E-tag")
                .named("etag")
                .with(self.ethertype("etag.etype", 6)),
            HeaderKind::VnTag => self
                .whole("VN-tag")
                .named("vntag")
                .with(self.ethertype("vntag.etype", 4)),
            HeaderKind::Ppp => self.whole("Point-to-point protocol").named("ppp"),
            HeaderKind::Pppoe => self
                .whole("PPP over Ethernet")
                .named("pppoe")
                .with(self.hex("pppoe.session_id", "Session", 2, 2))
                .with(self.decimal("pppoe.payload_length", "Payload length", 4, 2)),
            HeaderKind::Mpls => self.mpls(),
            HeaderKind::Ipv4 => self.ipv4(),
            HeaderKind::Ipv6 => self.ipv6(),
            HeaderKind::Extension(number) => self.extension(number),
            HeaderKind::Udp => self.udp(),
            HeaderKind::Gre => self.gre(),
            HeaderKind::EtherIp => self.whole("Ethernet in IP").named("etherip"),
            HeaderKind::Vxlan => self
                .whole("VXLAN")
                .named("vxlan")
                .with(self.hex("vxlan.flags", "Flags", 0, 1))
                .with(self.decimal("vxlan.vni", "Network", 4, 3)),
            HeaderKind::Geneve => self
                .whole("Geneve")
                .named("geneve")
                .with(self.ethertype("geneve.proto_type", 2))
                .with(self.decimal("geneve.vni", "Network", 4, 3)),
            HeaderKind::Gtp => self
                .whole("GTP user plane")
                .named("gtp")
                .with(self.hex("gtp.message", "Message", 1, 1))
                .with(self.decimal("gtp.length", "Length", 2, 2))
                .with(self.hex("gtp.teid", "Encapsulation", 4, 4)),
            HeaderKind::Teredo => self.whole("Teredo").named("teredo"),
            HeaderKind::Tzsp => self.whole("TaZmen Sniffer Protocol").named("tzsp"),
            HeaderKind::Tcp => self.tcp(),
        }
    }

    fn ethernet(self) -> Field {
        self.whole("Ethernet")
            .named("eth")
            .value(format!("{} > {}", self.mac(6), self.mac(0)))
            .with(self.field("eth.dst", "Destination", self.mac(0), 0, 6))
            .with(self.field("eth.src", "Source", self.mac(6), 6, 6))
            .with(self.ethertype("eth.type", 12))
    }

    fn sll(self) -> Field {
        let direction = self.direction(self.number(0, 2));
        self.whole("Linux cooked capture")
            .named("sll")
            .with(self.field("sll.pkttype", "Packet type", direction, 0, 2))
            .with(self.decimal("sll.hatype", "Address type", 2, 2))
            .with(self.decimal("sll.halen", "Address length", 4, 2))
            .with(self.field("sll.src.eth", "Source", self.mac(6), 6, 6))
            .with(self.ethertype("sll.etype", 14))
    }

    fn sll2(self) -> Field {
        let direction = self.direction(self.number(10, 1));
        self.whole("Linux cooked capture, version 2")
            .named("sll")
            .with(self.ethertype("sll.etype", 0))
            .with(self.decimal("sll.ifindex", "Interface", 4, 4))
            .with(self.decimal("sll.hatype", "Address type", 8, 2))
            .with(self.field("sll.pkttype", "Packet type", direction, 10, 1))
            .with(self.field("sll.src.eth", "Source", self.mac(12), 12, 6))
    }

    fn direction(self, number: u64) -> String {
        let name = match number {
            0 => "to us",
            1 => "broadcast",
            2 => "multicast",
            3 => "to somebody else",
            4 => "from us",
            _ => "unknown",
        };
        format!("{number} ({name})")
    }

    fn vlan(self) -> Field {
        self.whole("802.1Q tag")
            .named("vlan")
            .value(format!("VLAN {}", self.number(0, 2) & 0xfff))
            .with(self.masked("vlan.priority", "Priority", 0, 2, 0xe000))
            .with(self.masked("vlan.dei", "Drop eligible", 0, 2, 0x1000))
            .with(self.masked("vlan.id", "Id", 0, 2, 0x0fff))
            .with(self.ethertype("vlan.etype", 2))
    }

    fn mpls(self) -> Field {
        let mut stack = self.whole("MPLS label stack").named("mpls");
        for at in (0..self.end - self.start).step_by(4) {
            // A control word behind the stack ends it.
            let bottom = at > 0 && self.number(at - 4, 4) & 0x100 != 0;
            if bottom {
                break;
            }
            let label = self
                .field(
                    "mpls",
                    "Label",
                    (self.number(at, 4) >> 12).to_string(),
                    at,
                    4,
                )
                .with(self.masked("mpls.label", "Label", at, 4, 0xffff_f000))
                .with(self.masked("mpls.exp", "Traffic class", at, 4, 0xe00))
                .with(self.masked("mpls.bottom", "Bottom of stack", at, 4, 0x100))
                .with(self.masked("mpls.ttl", "Time to live", at, 4, 0xff));
            stack = stack.with(label);
        }
        stack
    }

    fn ipv4(self) -> Field {
        let address = |at| Ipv4Addr::from(self.number(at, 4) as u32).to_string();
        let header_len = (self.number(0, 1) & 0xf) * 4;
        let flags = self
            .field(
                "ip.flags",
                "Flags",
                format!("{:#x}", self.number(6, 1) >> 5),
                6,
                1,
            )
            .with(self.flag("ip.flags.rb", "Reserved", 6, 1, 0x80))
            .with(self.flag("ip.flags.df", "Don't fragment", 6, 1, 0x40))
            .with(self.flag("ip.flags.mf", "More fragments", 6, 1, 0x20));
        let offset = (self.number(6, 2) & 0x1fff) * 8;
        let mut field = self
            .whole("IPv4")
            .named("ip")
            .value(format!("{} > {}", address(12), address(16)))
            .section("RFC 791 3.1")
            .with(self.masked("ip.version", "Version", 0, 1, 0xf0))
            .with(self.field(
                "ip.hdr_len",
                "Header length",
                format!("{header_len} bytes"),
                0,
                1,
            ))
            .with(self.hex("ip.dsfield", "Differentiated services", 1, 1))
            .with(self.decimal("ip.len", "Total length", 2, 2))
            .with(self.hex("ip.id", "Identification", 4, 2))
            .with(flags)
            .with(self.field(
                "ip.frag_offset",
                "Fragment offset",
                offset.to_string(),
                6,
                2,
            ))
            .with(self.decimal("ip.ttl", "Time to live", 8, 1))
            .with(self.protocol("ip.proto", 9))
            .with(self.hex("ip.checksum", "Header checksum", 10, 2))
            .with(self.field("ip.src", "Source", address(12), 12, 4))
            .with(self.field("ip.dst", "Destination", address(16), 16, 4));
        if header_len > 20 {
            let len = header_len as usize - 20;
            field =
                field.with(self.field("ip.options", "Options", format!("{len} bytes"), 20, len));
        }
        field
    }

    fn ipv6(self) -> Field {
        let address = |at: usize| {
            let (high, low) = (self.number(at, 8), self.number(at + 8, 8));
            Ipv6Addr::from(u128::from(high) << 64 | u128::from(low)).to_string()
        };
        self.whole("IPv6")
            .named("ipv6")
            .value(format!("{} > {}", address(8), address(24)))
            .section("RFC 8200 3")
            .with(self.masked("ipv6.version", "Version", 0, 4, 0xf000_0000))
            .with(self.masked("ipv6.tclass", "Traffic class", 0, 4, 0x0ff0_0000))
            .with(self.masked("ipv6.flow", "Flow label", 0, 4, 0x000f_ffff))
            .with(self.decimal("ipv6.plen", "Payload length", 4, 2))
            .with(self.protocol("ipv6.nxt", 6))
            .with(self.decimal("ipv6.hlim", "Hop limit", 7, 1))
            .with(self.field("ipv6.src", "Source", address(8), 8, 16))
            .with(self.field("ipv6.dst", "Destination", address(24), 24, 16))
    }

    fn extension(self, number: u8) -> Field {
        let (name, label) = match number {
            0 => ("ipv6.hopopts", "Hop-by-hop options"),
            43 => ("ipv6.routing", "Routing header"),
            44 => ("ipv6.fraghdr", "Fragment header"),
            51 => ("ah", "Authentication header"),
            60 => ("ipv6.dstopts", "Destination options"),
            135 => ("mipv6", "Mobility header"),
            _ => ("", "Extension header"),
        };
        let field = self
            .whole(label)
            .named(name)
            .with(self.protocol("ipv6.nxt", 0));
        if number != 44 {
            return field;
        }
        let offset = self.number(2, 2) & 0xfff8;
        field
            .with(self.field("ipv6.fraghdr.offset", "Offset", offset.to_string(), 2, 2))
            .with(self.flag("ipv6.fraghdr.more", "More fragments", 2, 2, 1))
            .with(self.hex("ipv6.fraghdr.ident", "Identification", 4, 4))
    }

    fn udp(self) -> Field {
        self.whole("UDP")
            .named("udp")
            .value(format!("{} > {}", self.number(0, 2), self.number(2, 2)))
            .with(self.decimal("udp.srcport", "Source port", 0, 2))
            .with(self.decimal("udp.dstport", "Destination port", 2, 2))
            .with(self.decimal("udp.length", "Length", 4, 2))
            .with(self.hex("udp.checksum", "Checksum", 6, 2))
    }

    fn gre(self) -> Field {
        let field = self
            .whole("Generic routing encapsulation")
            .named("gre")
            .with(self.hex("gre.flags_and_version", "Flags and version", 0, 2))
            .with(self.ethertype("gre.proto", 2));
        let flags = self.number(0, 1);
        let key_at = if flags & 0x80 != 0 { 8 } else { 4 };
        if flags & 0x20 == 0 {
            return field;
        }
        field.with(self.hex("gre.key", "Key", key_at, 4))
    }

    fn tcp(self) -> Field {
        let header_len = ((self.number(12, 1) >> 4) * 4) as usize;
        let field = self
            .whole("TCP")
            .named("tcp")
            .value(format!(
                "{} > {} [{}]",
                self.number(0, 2),
                self.number(2, 2),
                self.flag_names()
            ))
            .section("RFC 9293 3.1")
            .with(self.decimal("tcp.srcport", "Source port", 0, 2))
            .with(self.decimal("tcp.dstport", "Destination port", 2, 2))
            .with(self.decimal("tcp.seq_raw", "Sequence number", 4, 4))
            .with(self.decimal("tcp.ack_raw", "Acknowledgment number", 8, 4))
            .with(self.field(
                "tcp.hdr_len",
                "Header length",
                format!("{header_len} bytes"),
                12,
                1,
            ))
            .with(self.tcp_flags())
            .with(self.decimal("tcp.window_size_value", "Window", 14, 2))
            .with(self.hex("tcp.checksum", "Checksum", 16, 2))
            .with(self.decimal("tcp.urgent_pointer", "Urgent pointer", 18, 2));
        if header_len <= 20 {
            return field;
        }
        field.with(self.tcp_options(header_len.min(self.end - self.start)))
    }

    fn tcp_flags(self) -> Field {
        const FLAGS: [(&str, &str, u64); 8] = [
            ("tcp.flags.cwr", "Congestion window reduced", 0x80),
            ("tcp.flags.ece", "ECN echo", 0x40),
            ("tcp.flags.urg", "Urgent", 0x20),
            ("tcp.flags.ack", "Acknowledgment", 0x10),
            ("tcp.flags.push", "Push", 0x08),
            ("tcp.flags.reset", "Reset", 0x04),
            ("tcp.flags.syn", "Synchronize", 0x02),
            ("tcp.flags.fin", "Finish", 0x01),
        ];
        let value = format!(
            "{:#05x} ({})",
            self.number(12, 2) & 0xfff,
            self.flag_names()
        );
        FLAGS.iter().fold(
            self.field("tcp.flags", "Flags", value, 12, 2),
            |field, (name, label, mask)| field.with(self.flag(name, label, 13, 1, *mask)),
        )
    }

    fn flag_names(self) -> String {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let flags = self.number(13, 1);
        let set = NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| flags & (1 << bit) != 0);
        let set: Vec<&str> = set.map(|(_, name)| *name).collect();
        if set.is_empty() {
            "none".to_owned()
        } else {
            set.join(", ")
        }
    }

    /// RFC 9293 3.2: a kind, a length unless it is a single byte, a value.
    fn tcp_options(self, end: usize) -> Field {
        let value = format!("{} bytes", end.saturating_sub(20));
        let mut field = self.field("tcp.options", "Options", value, 20, end.saturating_sub(20));
        let mut at = 20;
        while at < end {
            let kind = self.number(at, 1);
            let len = if kind < 2 {
                1
            } else {
                self.number(at + 1, 1) as usize
            };
            if len == 0 || at + len > end {
                return field.with(self.field("", "Malformed option", String::new(), at, end - at));
            }
            field = field.with(self.tcp_option(kind, at, len));
            if kind == 0 {
                break;
            }
            at += len;
        }
        field
    }

    fn tcp_option(self, kind: u64, at: usize, len: usize) -> Field {
        let number = |from: usize, bytes: usize| self.number(at + from, bytes);
        let (name, label, value) = match (kind, len) {
            (0, _) => ("tcp.options.eol", "End of options", String::new()),
            (1, _) => ("tcp.options.nop", "No operation", String::new()),
            (2, 4) => (
                "tcp.options.mss_val",
                "Maximum segment size",
                number(2, 2).to_string(),
            ),
            (3, 3) => (
                "tcp.options.wscale.shift",
                "Window scale",
                number(2, 1).to_string(),
            ),
            (4, 2) => (
                "tcp.options.sack_perm",
                "Selective acknowledgment permitted",
                String::new(),
            ),
            (5, _) => (
                "tcp.options.sack",
                "Selective acknowledgment",
                self.sack_blocks(at, len),
            ),
            (8, 10) => {
                let value = format!("{}, echo {}", number(2, 4), number(6, 4));
                ("tcp.options.timestamp", "Timestamp", value)
            }
            _ => ("tcp.option_kind", "Option", kind.to_string()),
        };
        self.field(name, label, value, at, len)
    }

    fn sack_blocks(self, at: usize, len: usize) -> String {
        let blocks = (2..len.saturating_sub(7)).step_by(8);
        let blocks = blocks.map(|from| {
            format!(
                "{}-{}",
                self.number(at + from, 4),
                self.number(at + from + 4, 4)
            )
        });
        blocks.collect::<Vec<_>>().join(", ")
    }

    /// The whole header.
    fn whole(self, label: &str) -> Field {
        Field::new(label, "").at(Layer::Packet, Span::new(self.start as u64, self.end as u64))
    }

    /// A field of `len` bytes at `at` in the header.
    fn field(self, name: &'static str, label: &str, value: String, at: usize, len: usize) -> Field {
        let end = self.packet.len();
        let (from, to) = ((self.start + at).min(end), (self.start + at + len).min(end));
        Field::new(label, value)
            .named(name)
            .at(Layer::Packet, Span::new(from as u64, to as u64))
    }

    fn decimal(self, name: &'static str, label: &str, at: usize, len: usize) -> Field {
        self.field(name, label, self.number(at, len).to_string(), at, len)
    }

    fn hex(self, name: &'static str, label: &str, at: usize, len: usize) -> Field {
        let value = format!("0x{:0width$x}", self.number(at, len), width = len * 2);
        self.field(name, label, value, at, len)
    }

    /// The bits of `mask` in a number of `len` bytes.
    fn masked(self, name: &'static str, label: &str, at: usize, len: usize, mask: u64) -> Field {
        let number = self.number(at, len);
        let value = (number & mask) >> mask.trailing_zeros();
        self.field(name, label, value.to_string(), at, len)
            .bits(draw(number, len * 8, mask))
    }

    fn flag(self, name: &'static str, label: &str, at: usize, len: usize, mask: u64) -> Field {
        let field = self.masked(name, label, at, len, mask);
        let value = if self.number(at, len) & mask == 0 {
            "not set"
        } else {
            "set"
        };
        field.value(value.to_owned())
    }

    fn ethertype(self, name: &'static str, at: usize) -> Field {
        let number = self.number(at, 2);
        let meaning = match number {
            0..0x600 => "length",
            0x0800 => "IPv4",
            0x0806 => "ARP",
            0x6558 => "Ethernet",
            0x8100 => "802.1Q",
            0x86dd => "IPv6",
            0x8847 | 0x8848 => "MPLS",
            0x8864 => "PPPoE",
            0x88a8 => "802.1ad",
            0x88be | 0x22eb => "ERSPAN",
            0x88cc => "LLDP",
            0x88e7 => "802.1ah",
            _ => "other",
        };
        self.field(name, "Type", format!("0x{number:04x} ({meaning})"), at, 2)
    }

    fn protocol(self, name: &'static str, at: usize) -> Field {
        let number = self.number(at, 1);
        let meaning = match number {
            0 => "hop-by-hop options",
            1 => "ICMP",
            4 => "IPv4",
            6 => "TCP",
            17 => "UDP",
            41 => "IPv6",
            43 => "routing header",
            44 => "fragment header",
            47 => "GRE",
            50 => "ESP",
            51 => "authentication header",
            58 => "ICMPv6",
            60 => "destination options",
            132 => "SCTP",
            _ => "other",
        };
        self.field(name, "Protocol", format!("{number} ({meaning})"), at, 1)
    }

    fn mac(self, at: usize) -> String {
        let bytes: Vec<String> = (0..6)
            .map(|index| format!("{:02x}", self.number(at + index, 1)))
            .collect();
        bytes.join(":")
    }

    /// The big-endian number of `len` bytes at `at`.
    fn number(self, at: usize, len: usize) -> u64 {
        let bytes = self
            .packet
            .get(..self.end)
            .and_then(|header| header.get(self.start + at..self.start + at + len));
        bytes
            .unwrap_or_default()
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// The bits of `mask` as digits, the others as dots: `.... 0001`.
fn draw(number: u64, width: usize, mask: u64) -> String {
    let mut drawn = String::new();
    for bit in (0..width).rev() {
        drawn.push(match (mask >> bit & 1, number >> bit & 1) {
            (0, _) => '.',
            (_, 0) => '0',
            _ => '1',
        });
        if bit % 4 == 0 && bit > 0 {
            drawn.push(' ');
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
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
}
