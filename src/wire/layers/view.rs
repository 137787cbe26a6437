//! One header in its packet, and the fields that are read from it.

use crate::base::{Field, Layer, Span, Value};

/// A setter that `Field::new` leaves out.
pub(super) trait WithValue {
    fn value(self, value: String) -> Self;
}

impl WithValue for Field {
    fn value(mut self, value: String) -> Self {
        self.value = value;
        self
    }
}

/// One header in its packet. Reads beyond its end give zeros, which only a cut header has.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) packet: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
}

impl View<'_> {
    /// The whole header.
    pub(super) fn whole(self, label: &str) -> Field {
        Field::new(label, "").at(Layer::Packet, Span::new(self.start as u64, self.end as u64))
    }

    /// A field of `len` bytes at `at` in the header.
    pub(super) fn field(
        self,
        name: &'static str,
        label: &str,
        value: String,
        at: usize,
        len: usize,
    ) -> Field {
        let end = self.packet.len();
        let (from, to) = ((self.start + at).min(end), (self.start + at + len).min(end));
        Field::new(label, value)
            .named(name)
            .at(Layer::Packet, Span::new(from as u64, to as u64))
    }

    pub(super) fn decimal(self, name: &'static str, label: &str, at: usize, len: usize) -> Field {
        let number = self.number(at, len);
        self.field(name, label, number.to_string(), at, len)
            .typed(Value::Unsigned(number))
    }

    pub(super) fn hex(self, name: &'static str, label: &str, at: usize, len: usize) -> Field {
        let value = format!("0x{:0width$x}", self.number(at, len), width = len * 2);
        self.field(name, label, value, at, len)
            .typed(Value::Unsigned(self.number(at, len)))
    }

    /// The bits of `mask` in a number of `len` bytes.
    pub(super) fn masked(
        self,
        name: &'static str,
        label: &str,
        at: usize,
        len: usize,
        mask: u64,
    ) -> Field {
        let number = self.number(at, len);
        let value = (number & mask) >> mask.trailing_zeros();
        self.field(name, label, value.to_string(), at, len)
            .bits(draw(number, len * 8, mask))
            .typed(Value::Unsigned(value))
    }

    pub(super) fn flag(
        self,
        name: &'static str,
        label: &str,
        at: usize,
        len: usize,
        mask: u64,
    ) -> Field {
        let field = self.masked(name, label, at, len, mask);
        let value = if self.number(at, len) & mask == 0 {
            "not set"
        } else {
            "set"
        };
        field.value(value.to_owned())
    }

    pub(super) fn ethertype(self, name: &'static str, at: usize) -> Field {
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
            .typed(Value::Unsigned(number))
    }

    pub(super) fn protocol(self, name: &'static str, at: usize) -> Field {
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
            .typed(Value::Unsigned(number))
    }

    pub(super) fn mac(self, at: usize) -> String {
        let bytes: Vec<String> = (0..6)
            .map(|index| format!("{:02x}", self.number(at + index, 1)))
            .collect();
        bytes.join(":")
    }

    /// The big-endian number of `len` bytes at `at`.
    pub(super) fn number(self, at: usize, len: usize) -> u64 {
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
