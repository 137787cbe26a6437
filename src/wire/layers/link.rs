//! Headers of link layers and their tags.

use super::view::{View, WithValue as _};
use crate::base::Field;

impl View<'_> {
    pub(super) fn llc(self) -> Field {
        self.whole("Logical link control, SNAP")
            .named("llc")
            .with(self.ethertype("llc.type", 6))
    }

    pub(super) fn null(self) -> Field {
        self.whole("BSD loopback")
            .named("null")
            .with(self.hex("null.family", "Family", 0, 4))
    }

    pub(super) fn cisco_hdlc(self) -> Field {
        self.whole("Cisco HDLC")
            .named("chdlc")
            .with(self.ethertype("chdlc.protocol", 2))
    }

    pub(super) fn backbone_tag(self) -> Field {
        self.whole("802.1ah backbone tag")
            .named("ieee8021ah")
            .with(self.decimal("ieee8021ah.isid", "Service", 1, 3))
    }

    pub(super) fn e_tag(self) -> Field {
        self.whole("802.1BR E-tag")
            .named("etag")
            .with(self.ethertype("etag.etype", 6))
    }

    pub(super) fn vn_tag(self) -> Field {
        self.whole("VN-tag")
            .named("vntag")
            .with(self.ethertype("vntag.etype", 4))
    }

    pub(super) fn pppoe(self) -> Field {
        self.whole("PPP over Ethernet")
            .named("pppoe")
            .with(self.hex("pppoe.session_id", "Session", 2, 2))
            .with(self.decimal("pppoe.payload_length", "Payload length", 4, 2))
    }

    pub(super) fn ethernet(self) -> Field {
        self.whole("Ethernet")
            .named("eth")
            .value(format!("{} > {}", self.mac(6), self.mac(0)))
            .with(self.field("eth.dst", "Destination", self.mac(0), 0, 6))
            .with(self.field("eth.src", "Source", self.mac(6), 6, 6))
            .with(self.ethertype("eth.type", 12))
    }

    pub(super) fn sll(self) -> Field {
        let direction = self.direction(self.number(0, 2));
        self.whole("Linux cooked capture")
            .named("sll")
            .with(self.field("sll.pkttype", "Packet type", direction, 0, 2))
            .with(self.decimal("sll.hatype", "Address type", 2, 2))
            .with(self.decimal("sll.halen", "Address length", 4, 2))
            .with(self.field("sll.src.eth", "Source", self.mac(6), 6, 6))
            .with(self.ethertype("sll.etype", 14))
    }

    pub(super) fn sll2(self) -> Field {
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

    pub(super) fn vlan(self) -> Field {
        self.whole("802.1Q tag")
            .named("vlan")
            .value(format!("VLAN {}", self.number(0, 2) & 0xfff))
            .with(self.masked("vlan.priority", "Priority", 0, 2, 0xe000))
            .with(self.masked("vlan.dei", "Drop eligible", 0, 2, 0x1000))
            .with(self.masked("vlan.id", "Id", 0, 2, 0x0fff))
            .with(self.ethertype("vlan.etype", 2))
    }

    pub(super) fn mpls(self) -> Field {
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
}
