//! IPv4, IPv6 and its extension headers.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::view::{View, WithValue as _};
use crate::base::Field;

impl View<'_> {
    pub(super) fn ipv4(self) -> Field {
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

    pub(super) fn ipv6(self) -> Field {
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

    pub(super) fn extension(self, number: u8) -> Field {
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
}
