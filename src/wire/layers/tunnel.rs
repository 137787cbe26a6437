//! Headers that carry packets in packets.

use super::view::{View, WithValue as _};
use crate::base::Field;

impl View<'_> {
    pub(super) fn vxlan(self) -> Field {
        self.whole("VXLAN")
            .named("vxlan")
            .with(self.hex("vxlan.flags", "Flags", 0, 1))
            .with(self.decimal("vxlan.vni", "Network", 4, 3))
    }

    pub(super) fn geneve(self) -> Field {
        self.whole("Geneve")
            .named("geneve")
            .with(self.ethertype("geneve.proto_type", 2))
            .with(self.decimal("geneve.vni", "Network", 4, 3))
    }

    pub(super) fn gtp(self) -> Field {
        self.whole("GTP user plane")
            .named("gtp")
            .with(self.hex("gtp.message", "Message", 1, 1))
            .with(self.decimal("gtp.length", "Length", 2, 2))
            .with(self.hex("gtp.teid", "Tunnel", 4, 4))
    }

    pub(super) fn udp(self) -> Field {
        self.whole("UDP")
            .named("udp")
            .value(format!("{} > {}", self.number(0, 2), self.number(2, 2)))
            .with(self.decimal("udp.srcport", "Source port", 0, 2))
            .with(self.decimal("udp.dstport", "Destination port", 2, 2))
            .with(self.decimal("udp.length", "Length", 4, 2))
            .with(self.hex("udp.checksum", "Checksum", 6, 2))
    }

    pub(super) fn gre(self) -> Field {
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
}
